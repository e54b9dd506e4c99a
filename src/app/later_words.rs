//! The later posts of a recurrence whose earlier one got other words: they do not go by themselves with the old ones.

use super::posts::PostView;
use super::{App, AppError, Result, notices};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::post::{PostState, Source};
use crate::store::Tx;
use crate::store::deliveries::{Change, Delivery};
use crate::store::posts::Post;

/// Why the next post of a recurrence waits for its approval although the one before had it.
pub(super) fn because_of(change: &str) -> String {
    format!(
        "post {change} gives an earlier one of this series other words: edit this one, or have it approved as it is"
    )
}

/// Why a delivery of a later post that has begun is held.
pub(super) fn held_by(change: &str) -> String {
    format!(
        "post {change} gives an earlier one of this series other words: release this as it is, or cancel it"
    )
}

/// Said of such a post when the change was cancelled.
const FREE_AGAIN: &str =
    "the change of an earlier one of this series was cancelled: have this one approved as it is, or edit it";
/// The same of a delivery that was held.
const RELEASED: &str =
    "the change of an earlier one of this series was cancelled: release this as it is, or cancel it";

/// Said of one that came out with the old words.
pub(super) fn too_late(change: &str) -> String {
    format!(
        "Post {change} gives an earlier one of this series other words: change this one by a post of its own, or take \
         it down"
    )
}

/// The series that it begins, or belongs to.
pub(super) fn series(first: &Post) -> &str {
    first.series_id.as_deref().unwrap_or(&first.id)
}

/// Whether a later post has the very words of a change already: then nothing of it is old.
pub(super) fn are_same(later: &Post, change: &Post) -> bool {
    let words = |post: &Post| serde_json::from_str::<Source>(&post.source).ok();
    words(later).is_some_and(|has| words(change) == Some(has))
}

/// A change of the words of `first` is approved: the later posts of its recurrence wait for another approval, but for
/// those that have these words. Of one that has begun, what has not is held, and what is under way or in doubt before it is
/// tried again.
pub(super) async fn stop(app: &App, tx: &mut Tx, first: &Post, by: &Post) -> Result<Vec<Entry>> {
    let change = by.id.as_str();
    let (mut entries, why) = (Vec::new(), because_of(change));
    for id in tx.later(series(first), &first.id).await? {
        let Some(post) = tx.post(&id).await?.filter(|later| !are_same(later, by)) else { continue };
        let rows = tx.deliveries(&id).await?;
        let subject = format!("post:{id}");
        match PostState::parse(&post.state).map_err(AppError::Internal)? {
            PostState::Approved => {}
            PostState::Cancelled => {
                tx.stop_before_permit(&id, change).await?;
                continue;
            }
            PostState::Draft | PostState::Submitted => {
                // Whoever has approved it, and others have to, had not read that.
                let voided = tx.void_approvals(&id, app.now()).await?;
                for d in rows.iter().filter(|d| d.state == State::Draft.word()) {
                    tx.set_reason(&d.id, &why).await?;
                }
                if voided > 0 {
                    entries.push(Entry::new("post.submitted", &subject).note(&why));
                }
                continue;
            }
        }
        if rows.iter().all(|d| d.permits == 0 && !is_out(d)) {
            tx.unapprove(&id, &why).await?;
            tx.void_approvals(&id, app.now()).await?;
            tx.set_post_state(&id, PostState::Submitted.word(), app.now()).await?;
            notices::ask(app, tx, &post).await?;
            let entry =
                Entry::new("post.submitted", &subject).before(&serde_json::json!({"state": post.state}));
            entries.push(entry.after(&serde_json::json!({"state": PostState::Submitted})).note(&why));
            continue;
        }
        tx.stop_before_permit(&id, change).await?;
        let why = held_by(change);
        let waits = |d: &&Delivery| [State::Scheduled, State::Claimed].iter().any(|s| s.word() == d.state);
        let held: Vec<Change> =
            rows.iter().filter(waits).map(|d| Change::to(&d.id, State::Held.word()).because(&why)).collect();
        let name = |c: &Change| Entry::new("delivery.held", &format!("delivery:{}", c.id)).note(&why);
        entries.extend(held.iter().map(name));
        tx.change_deliveries(&held).await?;
    }
    Ok(entries)
}

fn is_out(d: &Delivery) -> bool {
    [State::Accepted, State::Retracted].iter().any(|s| s.word() == d.state)
}

/// That change was cancelled: what it had stopped says so, or that `by` stops it, another change of that post.
pub(super) async fn reword(tx: &mut Tx, first: &Post, change: &str, by: Option<&str>) -> Result<()> {
    let series = series(first);
    tx.stopped_otherwise(series, change, by).await?;
    for (old, new) in [
        (because_of(change), by.map_or_else(|| FREE_AGAIN.to_owned(), because_of)),
        (held_by(change), by.map_or_else(|| RELEASED.to_owned(), held_by)),
    ] {
        for id in tx.stopped(series, &old).await? {
            tx.set_reason(&id, &new).await?;
        }
    }
    Ok(())
}

/// Offers the author of the next post of a recurrence the words that an earlier one got.
pub(super) async fn offer(app: &App, view: &mut PostView) -> Result<()> {
    if !matches!(view.state, PostState::Draft | PostState::Submitted) {
        return Ok(());
    }
    let Some(change) = app.store().changed_earlier(&view.id).await? else { return Ok(()) };
    let source = app.store().post(&change).await?.and_then(|p| serde_json::from_str(&p.source).ok());
    view.words = source.filter(|words| *words != view.source);
    Ok(())
}
