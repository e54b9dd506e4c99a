//! The time of the next promised update (I6): taken from the newest words that are out.

use super::{AppError, Result};
use crate::clock::{Millis, rfc3339};
use crate::domain::audit::Entry;
use crate::store::Tx;
use crate::store::posts::Post;

/// Locks the incidents whose promise these deliveries may change. Called before deliveries and
/// attempts are touched: whoever locks an incident locks it first.
pub(super) async fn lock(tx: &mut Tx, deliveries: &[&str]) -> Result<()> {
    for (incident, _, _) in tx.promised_by(deliveries).await? {
        tx.incident(&incident).await?;
    }
    Ok(())
}

/// Takes over what posts promise, of which these deliveries are out in this change: they are accepted, and
/// more than a start is known. Only the first such delivery of a post counts, and only of the newest post: a
/// late one promises nothing any more. Called after [`lock`], and before the deliveries are changed.
pub(super) async fn keep(tx: &mut Tx, out: &[&str]) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (incident, post, at) in tx.promised_by(out).await? {
        let Some(row) = tx.incident(&incident).await? else { continue };
        if row.resolved_at.is_some() || row.next_promise_at == Some(at) {
            continue;
        }
        tx.promise(&incident, Some(at)).await?;
        entries.push(
            Entry::new("incident.promised", &format!("incident:{incident}"))
                .before(&serde_json::json!({"next_promise": row.next_promise_at.map(rfc3339),
                    "overdue_since": row.overdue_since.map(rfc3339)}))
                .after(&serde_json::json!({"next_promise": rfc3339(at), "post": post})),
        );
    }
    Ok(entries)
}

/// An update that promises what should be out by now is edited before it goes (I6).
///
/// # Errors
/// When the time that it promises has passed.
pub(super) fn check_ahead(post: &Post, now: Millis) -> Result<()> {
    match post.promise_at {
        Some(at) if at <= now => Err(AppError::Conflict(format!(
            "it promises the next update at {}, which has passed: edit it and promise a later time",
            rfc3339(at)
        ))),
        _ => Ok(()),
    }
}
