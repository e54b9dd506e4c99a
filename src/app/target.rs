//! What an attempt to change words is about, as the sender sees it just before its request.

use ::channels::Revised;

use super::revisions::words;
use super::{App, AppError, Result};
use crate::domain::Word;
use crate::domain::delivery::State;
use crate::store::deliveries::Delivery;

/// What an attempt to change words is about.
pub(crate) struct Target {
    pub revised: Revised,
    /// Why it must not be tried now, or any more.
    pub stop: Option<Stop>,
}

/// Why words are not changed.
pub(crate) enum Stop {
    /// It is of no use any more.
    Never(&'static str),
    /// Later.
    Wait(&'static str),
}

/// What the delivery of `post` on `channel` is about, which changes the words of `first`. Nothing: nobody knows
/// what the network calls that.
///
/// # Errors
/// The database's own.
pub(crate) async fn target(app: &App, first: &str, post: &str, channel: &str) -> Result<Option<Target>> {
    let all = app.store().copies(first, channel).await?;
    let Some(made) = all.iter().find(|d| d.post_id == first) else { return Ok(None) };
    let Some(remote_id) = made.remote_id.clone() else { return Ok(None) };
    let others = || all.iter().filter(|d| d.post_id != post);
    let is = |d: &Delivery, states: &[State]| states.iter().any(|s| d.state == s.word());
    let under_way = || others().filter(|d| is(d, &[State::Sending, State::InDoubt]));
    let out = others().rfind(|d| is(d, &[State::Accepted])).unwrap_or(made);
    let stop = if !is(made, &[State::Accepted]) {
        Some(Stop::Never("the post was taken down meanwhile, so its words are not changed"))
    } else if out.post_id.as_str() > post {
        Some(Stop::Never("newer words than these are out"))
    } else if under_way().any(|d| d.post_id.as_str() > post) {
        Some(Stop::Never("newer words than these are on their way"))
    } else if under_way().next().is_some() {
        Some(Stop::Wait("another change of the same post is not settled yet"))
    } else {
        None
    };
    let read = |d: &Delivery| words(d).map_err(AppError::Internal);
    // A person may have been wrong about one that had begun.
    let begun = |d: &&Delivery| d.permits > 0 && d.post_id != first && !is(d, &[State::Accepted]);
    let (before, earlier) = (read(out)?, others().filter(begun).map(read).collect::<Result<_>>()?);
    let delivery = made.id.parse().map_err(|e| AppError::Internal(format!("the delivery's id: {e}")))?;
    Ok(Some(Target { revised: Revised { delivery, remote_id, before, others: earlier }, stop }))
}
