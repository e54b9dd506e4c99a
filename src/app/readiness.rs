//! Whether channels would accept a post now, and what their accounts take.

use ::channels::Limits;
use serde::{Deserialize, Serialize};

use super::channels::{Channel, HealthView};
use super::hub::Topic;
use super::{Actor, App, AppError, Result};
use crate::clock::Millis;
use crate::domain::audit::Entry;
use crate::store::Unaudited;

/// The part of what a check saw that stays when the next one sees less.
#[derive(Serialize, Deserialize)]
struct Learned {
    limits: Option<Limits>,
}

/// How often a ready channel is checked.
const CHECK_READY: Millis = 10 * 60_000;
/// How often a channel is checked that was not ready, or was never checked.
const CHECK_UNREADY: Millis = 60_000;

/// Checks every channel whose last check is too old. Called by the timer.
///
/// # Errors
/// The database's own.
pub async fn check_due(app: &App) -> Result<()> {
    let (now, networks) = (app.now(), app.networks()?);
    for c in app.store().channels().await?.into_iter().filter(|c| c.disabled_at.is_none()) {
        let ready = health(&c).is_some_and(|h| h.ready);
        let every = if ready { CHECK_READY } else { CHECK_UNREADY };
        if c.checked_at.is_none_or(|at| at + every <= now) {
            networks.check(&c.id).await?;
        }
    }
    Ok(())
}

/// What the last check saw, if there was one.
pub(crate) fn health(c: &Channel) -> Option<HealthView> {
    c.health.as_deref().and_then(|h| serde_json::from_str(h).ok())
}

/// The limits that the account told at its last good check.
pub(super) fn learned_limits(c: &Channel) -> Option<Limits> {
    c.health.as_deref().and_then(|h| serde_json::from_str::<Learned>(h).ok()).and_then(|l| l.limits)
}

/// The limits of a channel: those that its account told, or those of its network.
pub(crate) fn limits(c: &Channel) -> Option<Limits> {
    let limits = learned_limits(c).or_else(|| ::channels::adapter(&c.adapter).map(|a| a.limits))?;
    if c.adapter != "mastodon" {
        return Some(limits);
    }
    let settings = serde_json::from_str(&c.settings).unwrap_or_default();
    Some(::channels::mastodon::limits_by(&settings, limits))
}

/// The row's health that holds nothing but limits.
pub(super) fn remembering(limits: Limits) -> Option<String> {
    serde_json::to_string(&Learned { limits: Some(limits) }).ok()
}

/// Keeps what a check saw, unless the channel was changed since it was opened for the check. The log has an
/// entry when the readiness changed.
pub(crate) async fn keep_health(app: &App, id: &str, version: Option<i64>, seen: &HealthView) -> Result<()> {
    let mut tx = app.store().begin().await?;
    let row = tx.channel_for_update(id).await?;
    if version.is_some() && row.as_ref().map(|c| c.version) != version {
        tx.commit_unaudited(Unaudited::Look).await?;
        return Ok(());
    }
    let before = row.as_ref().and_then(health).map(|h| h.ready);
    let limits = seen.limits.or_else(|| row.as_ref().and_then(learned_limits));
    let json = serde_json::to_string(&HealthView { limits, ..seen.clone() })
        .map_err(|e| AppError::Internal(e.to_string()))?;
    tx.set_health(id, &json, app.now()).await?;
    if before == Some(seen.ready) {
        tx.commit_unaudited(Unaudited::Look).await?;
        return Ok(());
    }
    let verb = if seen.ready { "channel.ready" } else { "channel.not_ready" };
    let entry = Entry::new(verb, &format!("channel:{id}")).note(&seen.detail);
    app.commit(tx, &Actor::service(app.node()), &[entry], &[Topic::Channels]).await
}
