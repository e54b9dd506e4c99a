//! Old words that came out beside a change of them, and that it does not reach: people are told, as of all that they must
//! look at, by a signal that waits on the desk until a person has decided, or the words are gone.

use super::alarms::{self, WATCH};
use super::old_words::{Stand, stand};
use super::{App, Result, heard, later_words, revisions};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::incident::Severity;
use crate::domain::signal::Heard;
use crate::store::Tx;
use crate::store::deliveries::Delivery;
use crate::store::posts::Post;

fn key(delivery: &str) -> String {
    heard::key(&["words:", delivery].concat())
}

/// These deliveries have just been written down as out: tells of those whose words are old ones by now. Called after they were
/// written down, so that an approval at the same moment sees them or is seen.
///
/// # Errors
/// The database's own.
pub(super) async fn note(app: &App, tx: &mut Tx, out: &[&str]) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for old in tx.outdated(out).await? {
        let all = tx.copies(&old.first, &old.channel).await?;
        let of = |post: &str| all.iter().find(|copy| copy.post_id == post);
        let (Some(made), Some(shown)) = (of(&old.first), all.iter().find(|copy| copy.id == old.delivery))
        else {
            continue;
        };
        if made.state != State::Accepted.word() {
            continue;
        }
        let change = match &old.change {
            Some(change) => app.store().post(change).await?,
            None => None,
        };
        if let Some(change) = change {
            if let Some(why) = revisions::why_left(app, &change, (made, shown), of(&change.id)).await? {
                raise(app, tx, made, &left(&change.id, &why), &mut entries).await?;
            }
        } else if let Some(change) = &old.stopped_by {
            raise(app, tx, made, &later_words::too_late(change), &mut entries).await?;
        }
    }
    Ok(entries)
}

/// A change of words was approved: tells of what came out after they had been written, on channels that do not get
/// them, or as a later post of a recurrence. Its author knew of the others.
///
/// # Errors
/// The database's own.
pub(super) async fn note_approved(
    app: &App,
    tx: &mut Tx,
    change: &Post,
    rows: &[Delivery],
) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let Some(first) = &change.revises else { return Ok(entries) };
    let written = rows.iter().map(|d| d.created_at).max().unwrap_or(change.created_at);
    for d in tx.deliveries(first).await? {
        let all = tx.copies(first, &d.channel_id).await?;
        let is_out = |copy: &&Delivery| copy.state == State::Accepted.word() && copy.post_id < change.id;
        let Some(shown) = all.iter().rfind(is_out).filter(|_| d.state == State::Accepted.word()) else {
            continue;
        };
        let came_after = shown.settled_at.is_some_and(|at| at > written);
        let goes = rows.iter().any(|row| row.channel_id == d.channel_id) && matches!(stand(&d), Stand::Out);
        if !came_after || goes {
            continue;
        }
        if let Some(why) = revisions::why_left(app, change, (&d, shown), None).await? {
            raise(app, tx, &d, &left(&change.id, &why), &mut entries).await?;
        }
    }
    let Some(first) = tx.post(first).await? else { return Ok(entries) };
    for d in tx.later_out(later_words::series(&first), &first.id, written).await? {
        if tx.post(&d.post_id).await?.is_some_and(|later| later_words::are_same(&later, change)) {
            continue;
        }
        raise(app, tx, &d, &later_words::too_late(&change.id), &mut entries).await?;
    }
    Ok(entries)
}

/// These deliveries have just been written down as failed or expired: where one would have changed words that are out, and
/// none newer do, those stay. Called after they were written down.
///
/// # Errors
/// The database's own.
pub(super) async fn note_over(app: &App, tx: &mut Tx, over: &[&str]) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for id in over {
        let Some(d) = tx.delivery(id).await? else { continue };
        let Some(change) = app.store().post(&d.post_id).await? else { continue };
        let Some(first) = &change.revises else { continue };
        let newest = tx.changed(std::slice::from_ref(first)).await?.pop().map(|(_, by)| by);
        let all = tx.copies(first, &d.channel_id).await?;
        let Some(made) = all.iter().find(|c| c.post_id == *first).filter(|d| matches!(stand(d), Stand::Out))
        else {
            continue;
        };
        if newest.as_ref() == Some(&change.id) {
            let why = d.reason.as_deref().unwrap_or("nobody changed them in time");
            raise(app, tx, made, &left(&change.id, why), &mut entries).await?;
        }
    }
    Ok(entries)
}

fn left(change: &str, why: &str) -> String {
    format!("Post {change} gives it other words, which do not go there: {why}")
}

async fn raise(app: &App, tx: &mut Tx, d: &Delivery, detail: &str, entries: &mut Vec<Entry>) -> Result<()> {
    let channel = app.store().channel(&d.channel_id).await?.map(|c| c.name).unwrap_or_default();
    let key = key(&d.id);
    let heard = Heard {
        source: WATCH.to_owned(),
        thing: key.clone(),
        key,
        title: heard::short(&format!("still live with the old words on {channel}")),
        detail: Some(heard::short_detail(detail)),
        url: Some(format!("{}/console/posts/{}", app.public_url(), d.post_id)),
        severity: Some(Severity::Major),
        ..Heard::default()
    };
    alarms::receive(app, tx, &heard, entries).await
}

/// The old words of that delivery are gone, or taken down: whoever was told has no more to do.
///
/// # Errors
/// The database's own.
pub(super) async fn end(app: &App, tx: &mut Tx, delivery: &str, entries: &mut Vec<Entry>) -> Result<()> {
    alarms::end(app, tx, &key(delivery), entries).await
}
