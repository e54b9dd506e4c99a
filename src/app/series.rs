//! Recurrences: each next post is made when the newest one has come due.

use super::hub::Topic;
use super::{Actor, App, AppError, Result};
use crate::clock::rfc3339;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::post::PostState;
use crate::domain::times;
use crate::store::deliveries::Delivery;
use crate::store::posts::Post;

/// Makes the next post of every recurrence whose newest one has come due. The new post carries the
/// same words and keeps the approval that they were given, for as long as it holds.
///
/// # Errors
/// The database's own.
pub(crate) async fn continue_series(app: &App) -> Result<()> {
    let now = app.now();
    for old in app.store().recurring(now, 200).await? {
        let cron = old.recurrence.clone().unwrap_or_default();
        let next = times::next_after(&cron, &old.zone, now).map_err(AppError::Internal)?;
        let mut tx = app.store().begin().await?;
        if !tx.end_recurrence(&old.id).await? {
            continue;
        }
        let Some(due) = next else {
            let entry = Entry::new("series.ended", &format!("post:{}", old.id));
            app.commit(tx, &Actor::service(app.node()), &[entry], &[]).await?;
            continue;
        };
        let id = app.id();
        let shift = due - old.due_at;
        let post = Post {
            id: id.clone(),
            recurrence: Some(cron),
            series_id: Some(old.series_id.clone().unwrap_or_else(|| old.id.clone())),
            due_at: due,
            valid_until: old.valid_until.map(|v| v + shift),
            created_at: now,
            updated_at: now,
            version: 1,
            ..old.clone()
        };
        let mut rows = Vec::new();
        for d in tx.deliveries(&old.id).await? {
            let approved = d.approved_hash.as_deref() == Some(d.content_hash.as_str())
                && old.state == PostState::Approved.word()
                && d.approved_until.is_some_and(|u| u > due);
            let state = if approved { State::Scheduled } else { State::Draft };
            rows.push(Delivery {
                id: app.id(),
                post_id: id.clone(),
                state: state.word().into(),
                ready_at: due,
                due_at: due,
                valid_until: post.valid_until,
                approved_hash: d.approved_hash.filter(|_| approved),
                approved_until: d.approved_until.filter(|_| approved),
                created_at: now,
                ..d
            });
        }
        let all_approved = rows.iter().all(|d| d.state == State::Scheduled.word());
        let state = match PostState::parse(&old.state).map_err(AppError::Internal)? {
            PostState::Approved if !all_approved => PostState::Submitted,
            same => same,
        };
        let labels: Vec<String> = serde_json::from_str(&post.labels).unwrap_or_default();
        let entry = Entry::new("series.continued", &format!("post:{id}")).after(&serde_json::json!({
            "from": old.id, "due": rfc3339(due), "state": state
        }));
        tx.insert_posts(&[(Post { state: state.word().into(), ..post }, labels)]).await?;
        tx.insert_deliveries(&rows).await?;
        app.commit(tx, &Actor::service(app.node()), &[entry], &[Topic::Queue]).await?;
    }
    Ok(())
}
