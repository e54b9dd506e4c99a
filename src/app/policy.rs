//! The approval policy.

use super::error::Problems;
use super::hub::Topic;
use super::{Actor, App, AppError, Result};
use crate::domain::approval::Policy;
use crate::domain::audit::Entry;
use crate::domain::role::Right;

const NAME: &str = "approval_policy";
const VERSION: &str = "approval_policy_version";

/// The policy in force.
///
/// # Errors
/// The database's own.
pub async fn get(app: &App) -> Result<Policy> {
    read(app.store().setting(NAME).await?)
}

fn read(stored: Option<String>) -> Result<Policy> {
    match stored {
        None => Ok(Policy::default()),
        Some(json) => serde_json::from_str(&json).map_err(|e| AppError::Internal(format!("{NAME}: {e}"))),
    }
}

fn read_version(stored: Option<String>) -> i64 {
    stored.and_then(|v| v.parse().ok()).unwrap_or(1)
}

/// How often the policy was changed, and one.
///
/// # Errors
/// The database's own.
pub async fn version(app: &App) -> Result<i64> {
    Ok(read_version(app.store().setting(VERSION).await?))
}

/// Changes the policy; its new version. With `seen`, only when that is the version in force.
///
/// # Errors
/// When a number is not sensible, somebody was faster, or the actor is no administrator.
pub async fn set(app: &App, by: &Actor, seen: Option<i64>, policy: &Policy) -> Result<i64> {
    by.need(Right::Administer)?;
    let mut problems = Problems::default();
    for sentence in policy.problems() {
        let field = sentence.split(':').next().unwrap_or("policy").to_owned();
        problems.add(&field, sentence);
    }
    problems.check()?;
    // One change after the other, so that what is compared is what is replaced.
    let mut tx = app.store().begin_exclusive().await?;
    let (before, version) = (read(tx.setting(NAME).await?)?, read_version(tx.setting(VERSION).await?));
    if seen.is_some_and(|v| v != version) {
        return Err(AppError::Stale { now: version });
    }
    let json = serde_json::to_string(policy).map_err(|e| AppError::Internal(e.to_string()))?;
    tx.set_setting(NAME, &json).await?;
    tx.set_setting(VERSION, &(version + 1).to_string()).await?;
    let entry = Entry::new("policy.changed", "policy:approval").before(&before).after(policy);
    app.commit(tx, by, &[entry], &[Topic::Channels]).await?;
    Ok(version + 1)
}
