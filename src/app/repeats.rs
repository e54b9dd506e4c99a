//! Repeated requests with the same `Idempotency-Key`.

use super::{App, AppError, Result};
use crate::store::Unaudited;
use crate::store::idempotency::Kept;

/// How long an answer is kept: 24 hours.
pub const KEPT_FOR: crate::clock::Millis = 24 * 3_600_000;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nobody used it: go on, then keep or release.
    New,
    /// The same request was answered before; by its hash, when it was not given.
    Answered { status: u16, body: String, request_hash: String },
}

/// Stands for the hash of a request while its body is still coming in.
const PENDING: &str = "pending";

/// Takes the key for a request. A body that is still coming in has no hash yet; then the caller
/// compares it with that of the answer.
///
/// # Errors
/// When the key belongs to another request, or the first one is still being worked on or was broken off.
pub async fn take(app: &App, person: &str, key: &str, request_hash: Option<&str>) -> Result<Known> {
    if key.is_empty() || key.len() > 200 {
        return Err(wrong_key());
    }
    let now = app.now();
    let mut tx = app.store().begin().await?;
    let (hash, process) = (request_hash.unwrap_or(PENDING), (app.node(), app.incarnation()));
    let kept = tx.take_key(person, key, hash, process, now, now + KEPT_FOR).await?;
    tx.commit_unaudited(Unaudited::Replay).await?;
    let Some(k) = kept else { return Ok(Known::New) };
    let gone = k.status.is_none() && is_gone(app, &k).await?;
    let answer = k.status.and_then(|s| u16::try_from(s).ok()).zip(k.body);
    let unknown = answer.is_none() && k.request_hash == PENDING;
    if !unknown && request_hash.is_some_and(|h| h != k.request_hash) {
        return Err(other_request());
    }
    match answer {
        Some((status, body)) => Ok(Known::Answered { status, body, request_hash: k.request_hash }),
        // Not given free: the work may be done, and only its answer is missing.
        None if gone => Err(AppError::Conflict(
            "the first request with this key was broken off by a crash or a stop of its node: check what it did, and \
             send what is missing with a new key"
                .into(),
        )),
        None => Err(AppError::Conflict("the first request with this key is still being worked on".into())),
    }
}

/// Whether the process that took the key is no more: started again since, off the list, or silent.
async fn is_gone(app: &App, kept: &Kept) -> Result<bool> {
    if kept.node_id == app.node() {
        return Ok(kept.incarnation != app.incarnation());
    }
    let node = app.store().nodes().await?.into_iter().find(|n| n.id == kept.node_id);
    Ok(node.is_none_or(|n| {
        n.incarnation != kept.incarnation || app.now() - n.last_seen_at >= super::nodes::GONE
    }))
}

/// What a key looks like.
pub fn wrong_key() -> AppError {
    AppError::field("Idempotency-Key", "use 1 to 200 visible ASCII characters, new for each request")
}

/// The key was used for something else.
pub fn other_request() -> AppError {
    AppError::field("Idempotency-Key", "was used for another request; use a new one")
}

/// Keeps the answer, with the hash of the request when it is known only now; or gives the key back
/// after an error of ours.
///
/// # Errors
/// The database's own.
pub async fn finish(
    app: &App,
    person: &str,
    key: &str,
    request_hash: Option<&str>,
    status: u16,
    body: &str,
) -> Result<()> {
    let mut tx = app.store().begin().await?;
    if status >= 500 {
        tx.release_key(person, key).await?;
    } else {
        tx.keep_answer(person, key, request_hash, i64::from(status), body).await?;
    }
    tx.commit_unaudited(Unaudited::Replay).await?;
    Ok(())
}
