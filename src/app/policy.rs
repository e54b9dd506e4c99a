//! The approval policy.

use super::error::Problems;
use super::hub::Topic;
use super::{Actor, App, AppError, Result};
use crate::domain::approval::Policy;
use crate::domain::audit::Entry;
use crate::domain::role::Right;

const NAME: &str = "approval_policy";

/// The policy in force.
///
/// # Errors
/// The database's own.
pub async fn get(app: &App) -> Result<Policy> {
    let stored = app.store().setting(NAME).await?;
    match stored {
        None => Ok(Policy::default()),
        Some(json) => serde_json::from_str(&json).map_err(|e| AppError::Internal(format!("{NAME}: {e}"))),
    }
}

/// Changes the policy.
///
/// # Errors
/// When a number is not sensible, or the actor is no administrator.
pub async fn set(app: &App, by: &Actor, policy: &Policy) -> Result<()> {
    by.need(Right::Administer)?;
    let mut problems = Problems::default();
    for sentence in policy.problems() {
        let field = sentence.split(':').next().unwrap_or("policy").to_owned();
        problems.add(&field, sentence);
    }
    problems.check()?;
    let before = get(app).await?;
    let mut tx = app.store().begin().await?;
    let json = serde_json::to_string(policy).map_err(|e| AppError::Internal(e.to_string()))?;
    tx.set_setting(NAME, &json).await?;
    let entry = Entry::new("policy.changed", "policy:approval").before(&before).after(policy);
    app.commit(tx, by, &[entry], &[Topic::Channels]).await
}
