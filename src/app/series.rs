//! Recurrences: each next post is made when the newest one has come due.

use super::hub::Topic;
use super::{Actor, App, AppError, Result, later_words, notices, posts};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::post::PostState;
use crate::domain::times;
use crate::store::Tx;
use crate::store::deliveries::Delivery;
use crate::store::posts::Post;

/// Makes the next post of every recurrence whose newest one has come due. Only what was approved goes
/// on: the new post carries the same words and keeps the approval that they were given, which covers
/// the times that the recurrence gives, for as long as it holds, and no other words were approved for the old one, or since
/// for one before it.
///
/// # Errors
/// The database's own.
pub async fn continue_series(app: &App) -> Result<()> {
    for seen in app.store().recurring(app.now(), 200).await? {
        let mut tx = app.store().begin().await?;
        // As everywhere: first the incident, then the post, then its deliveries.
        let resolved = match &seen.incident_id {
            Some(id) => tx.incident(id).await?.is_none_or(|i| i.resolved_at.is_some()),
            None => false,
        };
        // Changes of words that are approved meanwhile lock it, too: they see the next post, or are seen.
        if let Some(series) = &seen.series_id {
            tx.post(series).await?;
        }
        // What was seen may be cancelled, rejected, edited or continued by now.
        let Some(old) = tx.post(&seen.id).await? else { continue };
        if old.state != PostState::Approved.word() || old.version != seen.version {
            continue;
        }
        let Some(cron) = old.recurrence.clone() else { continue };
        let next = times::next_after(&cron, &old.zone, app.now()).map_err(AppError::Internal)?;
        tx.end_recurrence(&old.id).await?;
        let by = Actor::service(app.node());
        match next.filter(|_| !resolved) {
            Some(due) => {
                let entry = continued(app, &mut tx, &old, &cron, due).await?;
                app.commit(tx, &by, &[entry], &[Topic::Queue, Topic::Notices]).await?;
            }
            None => {
                let why = if resolved { "its incident is resolved" } else { "it has no next time" };
                let entry = Entry::new("series.ended", &format!("post:{}", old.id)).note(why);
                app.commit(tx, &by, &[entry], &[]).await?;
            }
        }
    }
    Ok(())
}

/// Writes the next post of a series, with expiry and promise moved along with its due time.
async fn continued(app: &App, tx: &mut Tx, old: &Post, cron: &str, due: Millis) -> Result<Entry> {
    let (id, now) = (app.id(), app.now());
    let shift = due - old.due_at;
    let before = tx.deliveries(&old.id).await?;
    // The one that was approved last, of whichever post: its words are those that are offered.
    let changed = match changed_before(app, tx, old).await? {
        Some(change) => Some(change),
        None => tx.changed(std::slice::from_ref(&old.id)).await?.pop().map(|(_, change)| change),
    };
    let approved = changed.is_none()
        && before.iter().all(|d| {
            d.approved_hash.as_deref() == Some(d.content_hash.as_str())
                && d.approved_until.is_some_and(|u| u > due)
        });
    let state = if approved { PostState::Approved } else { PostState::Submitted };
    let post = Post {
        id: id.clone(),
        recurrence: Some(cron.to_owned()),
        series_id: Some(old.series_id.clone().unwrap_or_else(|| old.id.clone())),
        state: state.word().into(),
        due_at: due,
        valid_until: old.valid_until.map(|v| v + shift),
        promise_at: old.promise_at.map(|p| p + shift),
        created_at: now,
        updated_at: now,
        version: 1,
        ..old.clone()
    };
    let rows: Vec<Delivery> = before
        .into_iter()
        .map(|d| Delivery {
            id: app.id(),
            post_id: id.clone(),
            state: if approved { State::Scheduled } else { State::Draft }.word().into(),
            ready_at: due,
            due_at: due,
            valid_until: post.valid_until,
            approved_hash: d.approved_hash.filter(|_| approved),
            approved_until: d.approved_until.filter(|_| approved),
            created_at: now,
            ..d
        })
        .collect();
    let labels: Vec<String> = serde_json::from_str(&post.labels).unwrap_or_default();
    let mut entry = Entry::new("series.continued", &format!("post:{id}"))
        .before(&serde_json::json!({"post": old.id}))
        .after(&posts::facts(&post, &rows));
    if !approved {
        notices::ask(app, tx, &post).await?;
    }
    tx.insert_posts(&[(post, labels)]).await?;
    tx.insert_deliveries(&rows).await?;
    if let Some(change) = changed {
        let why = later_words::because_of(&change);
        for d in &rows {
            tx.set_reason(&d.id, &why).await?;
        }
        entry = entry.note(why);
    }
    Ok(entry)
}

/// The change of an earlier post of a recurrence that the next one waits for, since nobody has approved it with these words.
async fn changed_before(app: &App, tx: &mut Tx, old: &Post) -> Result<Option<String>> {
    let Some(change) = tx.series_changed(later_words::series(old), &old.id).await? else { return Ok(None) };
    let by = app.store().post(&change).await?;
    Ok(Some(change).filter(|_| !by.is_some_and(|by| later_words::are_same(old, &by))))
}
