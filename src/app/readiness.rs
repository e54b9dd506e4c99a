//! Whether channels would accept a post now, and what their accounts take.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::channels::Limits;
use futures::StreamExt;
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

/// How many channels are asked at once.
const AT_ONCE: usize = 8;
/// How exactly the time of the last post is kept.
const POSTED: Millis = 60_000;

/// What this process is doing about channels, and has just written of them.
#[derive(Default)]
pub(super) struct Notes {
    checking: Mutex<HashSet<String>>,
    posted: Mutex<HashMap<String, Millis>>,
}

fn lock<T>(notes: &Mutex<T>) -> MutexGuard<'_, T> {
    notes.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Notes {
    /// Those of which no post was noted within the last minute, in the order of their ids.
    pub fn unnoted<'a>(&self, channels: impl Iterator<Item = &'a str>, now: Millis) -> Vec<String> {
        let posted = lock(&self.posted);
        let old = |c: &&str| posted.get(*c).is_none_or(|at| at + POSTED <= now);
        let mut out: Vec<String> = channels.filter(old).map(str::to_owned).collect();
        out.sort_unstable();
        out.dedup();
        out
    }

    /// That they have posted is written.
    pub fn noted(&self, channels: Vec<String>, now: Millis) {
        lock(&self.posted).extend(channels.into_iter().map(|c| (c, now)));
    }
}

/// Checks every channel whose last check is too old, several at once, so that one that does not answer
/// delays no other. Called by the timer.
///
/// # Errors
/// The database's own.
pub async fn check_due(app: &App) -> Result<()> {
    let now = app.now();
    app.networks()?;
    let due = |c: &Channel| {
        let ready = health(c).is_some_and(|h| h.ready);
        let every = if ready { CHECK_READY } else { CHECK_UNREADY };
        c.disabled_at.is_none() && c.checked_at.is_none_or(|at| at + every <= now)
    };
    let due: Vec<_> = app.store().channels().await?.into_iter().filter(due).collect();
    let checks = futures::stream::iter(due).map(|c| check_once(app.clone(), c.id));
    checks.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    Ok(())
}

/// Checks a channel, unless this process is at it already.
pub(super) async fn check_once(app: App, channel: String) {
    let Some(_checking) = Checking::begin(&app, &channel) else { return };
    let Ok(networks) = app.networks() else { return };
    if let Err(e) = networks.check(&channel).await {
        tracing::error!(error = %e, cause = ?e, channel, "a channel cannot be checked; it is tried again");
    }
}

/// The channel is being checked until this is dropped.
struct Checking<'a>(&'a App, &'a str);

impl<'a> Checking<'a> {
    fn begin(app: &'a App, channel: &'a str) -> Option<Self> {
        lock(&app.notes().checking).insert(channel.to_owned()).then_some(Self(app, channel))
    }
}

impl Drop for Checking<'_> {
    fn drop(&mut self) {
        lock(&self.0.notes().checking).remove(self.1);
    }
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
    // A check that could not look this time forgets neither the account nor the end of its credential.
    let old = row.as_ref().and_then(health).map(|h| h.facts).unwrap_or_default();
    let mut facts = seen.facts.clone();
    if !seen.ready {
        facts.account = facts.account.or(old.account);
        facts.expires_at = facts.expires_at.or(old.expires_at);
    }
    let json = serde_json::to_string(&HealthView { limits, facts, ..seen.clone() })
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
