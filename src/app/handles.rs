//! The handle of an attempt: what a network with two steps calls the post before anybody can see it.
//!
//! It is written down before the public step, and only while the attempt has no outcome. So an attempt that
//! is in doubt and has no handle never made that step, and never will.

use super::{Actor, App, AppError, Result};
use crate::domain::audit::Entry;

/// Writes down the handle of an attempt that is under way.
///
/// # Errors
/// When the attempt has an outcome already: others took it over, and its public step must not be made. Or the
/// database's own; then the handle may be written or not.
pub(crate) async fn keep(app: &App, attempt: &str, delivery: &str, handle: &str) -> Result<()> {
    let mut tx = app.store().begin().await?;
    if !tx.keep_handle(attempt, handle).await? {
        return Err(AppError::Conflict("the attempt was settled meanwhile; nothing was published".into()));
    }
    let entry = Entry::new("attempt.prepared", &format!("delivery:{delivery}"))
        .after(&serde_json::json!({"attempt": attempt, "handle": handle}));
    app.commit(tx, &Actor::service(app.node()), &[entry], &[]).await
}

/// The newest handle of an attempt at the same delivery with the same words.
///
/// # Errors
/// The database's own.
pub(crate) async fn known(app: &App, attempt: &str) -> Result<Option<String>> {
    Ok(app.store().handle(attempt).await?)
}
