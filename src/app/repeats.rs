//! Repeated requests with the same `Idempotency-Key`.

use super::{App, AppError, Result};
use crate::store::Unaudited;

/// How long an answer is kept: 24 hours.
pub const KEPT_FOR: crate::clock::Millis = 24 * 3_600_000;

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nobody used it: go on, then keep or release.
    New,
    /// The same request was answered before.
    Answered { status: u16, body: String },
}

/// Takes the key for a request.
///
/// # Errors
/// When the key belongs to another request, or the first one is still being worked on.
pub async fn take(app: &App, person: &str, key: &str, request_hash: &str) -> Result<Known> {
    if key.is_empty() || key.len() > 200 {
        return Err(AppError::field("Idempotency-Key", "use 1 to 200 characters, new for each request"));
    }
    let now = app.now();
    let mut tx = app.store().begin().await?;
    let kept = tx.take_key(person, key, request_hash, now, now + KEPT_FOR).await?;
    tx.commit_unaudited(Unaudited::Replay).await?;
    match kept {
        None => Ok(Known::New),
        Some(k) if k.request_hash != request_hash => {
            Err(AppError::field("Idempotency-Key", "was used for another request; use a new one"))
        }
        Some(k) => match (k.status.and_then(|s| u16::try_from(s).ok()), k.body) {
            (Some(status), Some(body)) => Ok(Known::Answered { status, body }),
            _ => Err(AppError::Conflict("the first request with this key is still being worked on".into())),
        },
    }
}

/// Keeps the answer, or gives the key back after an error of ours.
///
/// # Errors
/// The database's own.
pub async fn finish(app: &App, person: &str, key: &str, status: u16, body: &str) -> Result<()> {
    let mut tx = app.store().begin().await?;
    if status >= 500 {
        tx.release_key(person, key).await?;
    } else {
        tx.keep_answer(person, key, i64::from(status), body).await?;
    }
    tx.commit_unaudited(Unaudited::Replay).await?;
    Ok(())
}
