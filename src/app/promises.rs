//! The time of the next promised update (I6): taken from the newest words that are out.

use super::{AppError, Result};
use crate::clock::{Millis, rfc3339};
use crate::domain::audit::Entry;
use crate::store::Tx;
use crate::store::posts::Post;

/// Who says that a post is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Network,
    /// Somebody saw it there.
    Person,
}

/// The adapters whose networks only say that something has started: by their word no post is out.
fn starting() -> Vec<&'static str> {
    ::channels::ALL.iter().filter(|a| a.capabilities.starts_only).map(|a| a.name).collect()
}

/// What these deliveries promise: incident, post, time.
async fn promised(tx: &mut Tx, deliveries: &[&str], by: By) -> Result<Vec<(String, String, Millis)>> {
    Ok(tx.promised_by(deliveries, &starting(), by == By::Person).await?)
}

/// Locks the incidents whose promise these deliveries may change. Called before deliveries and
/// attempts are touched: whoever locks an incident locks it first.
pub(super) async fn lock(tx: &mut Tx, deliveries: &[&str], by: By) -> Result<()> {
    for (incident, _, _) in promised(tx, deliveries, by).await? {
        tx.incident(&incident).await?;
    }
    Ok(())
}

/// Takes over what posts promise, of which these deliveries are accepted in this change. Only the
/// first accepted delivery of a post counts, and only of the newest post: a late one promises nothing
/// any more. A network that only says that something has started accepts nothing here. Called after [`lock`], and before the deliveries are marked accepted.
pub(super) async fn keep(tx: &mut Tx, accepted: &[&str], by: By) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (incident, post, at) in promised(tx, accepted, by).await? {
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
