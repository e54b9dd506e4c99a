//! Whether channels would accept a post now, and what their accounts take.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ::channels::health::Account;
use ::channels::{Facts, Limits, place};
use futures::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::access::{grants, other_account};
use super::channels::{self, Channel, ChannelView, HealthView};
use super::hub::Topic;
use super::standing::{self, Remark, Standing};
use super::{Actor, App, AppError, Result, counted};
use crate::clock::{Millis, date_time};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::red::{self, Red};
use crate::domain::role::Right;
use crate::store::Unaudited;

/// The part of what a check saw that stays when the next one sees less.
#[derive(Serialize, Deserialize)]
struct Learned {
    limits: Option<Limits>,
    #[serde(default)]
    facts: LearnedFacts,
    /// Another credential was given since, and nobody knows yet whose it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unseen: bool,
}

/// The same of its facts.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct LearnedFacts {
    account: Option<String>,
    account_id: Option<String>,
}

/// What a test saw, and how ready the channel is by all that is known.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tested {
    #[serde(flatten)]
    pub health: HealthView,
    pub standing: Standing,
    pub remarks: Vec<Remark>,
}

/// How often a ready channel is checked.
const CHECK_READY: Millis = 10 * 60_000;
/// How often a channel is checked that was not ready, has just turned, or was never checked.
const CHECK_UNREADY: Millis = 60_000;
/// A check ends a moment after its minute began, and is due again in the next one all the same.
const SLACK: Millis = 10_000;

/// How many channels are asked at once.
const AT_ONCE: usize = 8;
/// How exactly the time of the last post is kept.
const POSTED: Millis = 60_000;

/// What this process is doing about channels, and has just written of them.
#[derive(Default)]
pub(super) struct Notes {
    /// Channels that are being checked: what closes when that ends.
    checking: Mutex<HashMap<String, watch::Receiver<()>>>,
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

/// Asks the network whether a post would be accepted now.
///
/// # Errors
/// When there is no such channel, or the actor may not test.
pub async fn test(app: &App, by: &Actor, id: &str) -> Result<Tested> {
    by.need(Right::Test)?;
    channels::get(app, by, id).await?;
    let health = app.networks()?.check(id).await?;
    let ChannelView { standing, remarks, .. } = channels::get(app, by, id).await?;
    Ok(Tested { health, standing, remarks })
}

/// Checks every channel whose last check is too old, several at once, so that one that does not answer
/// delays no other. One that has just turned is looked at often, until it is known that it lasts; where its network takes few
/// requests, once more. Called by the timer.
///
/// # Errors
/// The database's own.
pub async fn check_due(app: &App) -> Result<()> {
    let now = app.now();
    app.networks()?;
    let known = app.store().red_channels().await?;
    let turned = |c: &Channel| {
        let row = known.iter().find(|r| r.channel_id == c.id && r.state != Red::Told.word());
        row.map(|r| r.since)
    };
    let due = |c: &Channel| {
        let Some(at) = c.checked_at else { return true };
        let Some(seen) = health(c) else { return at + CHECK_UNREADY <= now + SLACK };
        let every = checked_every(&seen);
        match (seen.facts.checked_every, turned(c)) {
            (None, Some(_)) => at + CHECK_UNREADY <= now + SLACK,
            (Some(_), Some(since)) if red::is_asked_again(since, at, now + SLACK) => true,
            _ => at + every <= now + SLACK,
        }
    };
    let due = |c: &Channel| c.disabled_at.is_none() && due(c);
    let due = app.store().channels().await?.into_iter().filter(due).map(|c| c.id).collect();
    check_all(app.clone(), due).await;
    Ok(())
}

/// How often a channel is checked that was last seen like this. Some networks take few requests.
pub(super) fn checked_every(seen: &HealthView) -> Millis {
    let usual = if seen.ready { CHECK_READY } else { CHECK_UNREADY };
    seen.facts.checked_every.map_or(usual, |minutes| Millis::from(minutes) * 60_000)
}

/// Checks these channels, several at once.
pub(super) async fn check_all(app: App, channels: Vec<String>) {
    let checks = futures::stream::iter(channels).map(|channel| check_once(app.clone(), channel));
    checks.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
}

/// Checks a channel. When this process is at it already, it waits for that.
async fn check_once(app: App, channel: String) {
    let _checking = match Checking::begin(&app, &channel) {
        Ok(checking) => checking,
        // It says nothing; it closes.
        Err(mut other) => return other.changed().await.unwrap_or_default(),
    };
    let Ok(networks) = app.networks() else { return };
    if let Err(e) = networks.check(&channel).await {
        tracing::error!(error = %e, cause = ?e, channel, "a channel cannot be checked; it is tried again");
    }
}

/// Checks a channel now, when posts wait for that. A check that was under way is of the channel as it was before.
pub(super) fn check_soon(app: &App, channel: &str, wait: bool) {
    const TIMES: usize = 3;
    if !wait {
        return;
    }
    let (app, id) = (app.clone(), channel.to_owned());
    tokio::spawn(async move {
        for _ in 0..TIMES {
            check_once(app.clone(), id.clone()).await;
            let row = app.store().channel(&id).await.ok().flatten();
            if !row.is_some_and(|row| is_unseen(row.health.as_deref())) {
                break;
            }
        }
    });
}

/// The channel is being checked until this is dropped.
struct Checking<'a> {
    app: &'a App,
    channel: &'a str,
    /// Closes for those who wait.
    _done: watch::Sender<()>,
}

impl<'a> Checking<'a> {
    /// Nobody else is at it, or what closes when they end.
    fn begin(app: &'a App, channel: &'a str) -> std::result::Result<Self, watch::Receiver<()>> {
        let mut checking = lock(&app.notes().checking);
        if let Some(other) = checking.get(channel) {
            return Err(other.clone());
        }
        let (_done, wait) = watch::channel(());
        checking.insert(channel.to_owned(), wait);
        Ok(Self { app, channel, _done })
    }
}

impl Drop for Checking<'_> {
    fn drop(&mut self) {
        lock(&self.app.notes().checking).remove(self.channel);
    }
}

/// What the last check saw, if there was one.
pub(crate) fn health(c: &Channel) -> Option<HealthView> {
    c.health.as_deref().and_then(|h| serde_json::from_str(h).ok())
}

/// Whether the channel has had no check since it was given a credential of which nobody knows that it is of the channel's
/// account. `unchecked` is what it keeps of checks, where none was made since it was changed.
pub(super) fn is_unseen(unchecked: Option<&str>) -> bool {
    unchecked.and_then(|h| serde_json::from_str(h).ok()).is_some_and(|learned: Learned| learned.unseen)
}

fn learned(c: &Channel) -> Option<Learned> {
    c.health.as_deref().and_then(|h| serde_json::from_str(h).ok())
}

/// The limits that the account told at its last good check.
pub(super) fn learned_limits(c: &Channel) -> Option<Limits> {
    learned(c).and_then(|l| l.limits)
}

/// The account that checks have seen.
pub(super) fn learned_account(c: &Channel) -> Option<Account> {
    let facts = learned(c)?.facts;
    Some(Account { name: facts.account?, id: facts.account_id })
}

/// The number of the account that the channel's settings name, where that decides.
pub(super) fn number_in_settings(c: &Channel) -> Option<String> {
    place::number(&c.adapter, &serde_json::from_str(&c.settings).unwrap_or_default())
}

/// The account that the channel is known by: that of its settings, where they decide, or else that which was seen.
pub(super) fn known_account(c: &Channel) -> Option<Account> {
    let learned = learned_account(c);
    let Some(number) = number_in_settings(c) else { return learned };
    let id = Some(number.clone());
    let name = learned.filter(|learned| learned.id == id).map_or(number, |learned| learned.name);
    Some(Account { name, id })
}

/// The limits of a channel: those that its account told, or those of its network.
pub(crate) fn limits(c: &Channel) -> Option<Limits> {
    let adapter = ::channels::adapter(&c.adapter);
    let usual = adapter.map(|a| a.limits);
    let pictures = usual.map(|l| l.pictures).unwrap_or_default();
    let limits = learned_limits(c).map(|told| Limits { pictures, ..told }).or(usual)?;
    let settings = serde_json::from_str(&c.settings).unwrap_or_default();
    Some(adapter.map_or(limits, |adapter| ::channels::fit::limits_by(adapter, &settings, limits)))
}

/// The row's health without what another connection of the same account may do otherwise: its limits and the
/// account stay.
pub(super) fn remembered(c: &Channel) -> Option<String> {
    let kept = learned(c).filter(|l| l.limits.is_some() || l.facts.account.is_some())?;
    serde_json::to_string(&kept).ok()
}

/// The channel is connected otherwise: what its last check saw was another connection. What the account takes is not
/// forgotten until the next one, nor which one it is, unless the channel leads to another account on purpose.
pub(super) fn forget_check(c: &mut Channel, elsewhere: bool) {
    (c.health, c.checked_at) = (remembered(c).filter(|_| !elsewhere), None);
    if elsewhere {
        (c.other_account, c.other_account_id, c.other_is_former) = (None, None, false);
    }
}

/// The same with another credential, and the account that was just seen with it. When none was seen, posts wait until a
/// check has looked for it.
pub(super) fn remembering(c: &Channel, account: Option<Account>) -> Option<String> {
    let unseen = account.is_none();
    remembering_as(c, account, unseen)
}

/// The same where a person said whose account it is: whose the credential is may still be to be looked at.
pub(super) fn remembering_as(c: &Channel, account: Option<Account>, unseen: bool) -> Option<String> {
    let (account, account_id) = match account.or_else(|| learned_account(c)) {
        Some(Account { name, id }) => (Some(name), id),
        None => (None, None),
    };
    let facts = LearnedFacts { account, account_id };
    let unseen = unseen && facts.account.is_some();
    let health = serde_json::to_string(&Learned { limits: learned_limits(c), facts, unseen });
    remembered(&Channel { health: health.ok(), ..c.clone() })
}

/// How the channel stood when it was checked, whatever became of it since.
fn stood(c: &Channel) -> Option<(Standing, Vec<Remark>)> {
    let checked = Channel { disabled_at: None, paused_until: 0, ..c.clone() };
    c.checked_at.filter(|_| health(c).is_some()).map(|at| standing::of(&checked, at))
}

/// Whether a post would fail by the last check; nothing: nobody knows.
pub(super) fn is_red(c: &Channel) -> Option<bool> {
    match stood(c)?.0 {
        Standing::NotReady => Some(true),
        Standing::Ready | Standing::Attention => Some(false),
        Standing::Unknown => None,
    }
}

/// The worst that the last check saw, in words.
pub(super) fn why(c: &Channel) -> Option<String> {
    stood(c)?.1.into_iter().next().map(|remark| remark.words)
}

/// Checks those again that were ready, several at once, unless that was a moment ago or their network takes few requests.
pub(super) async fn check_again(app: &App) -> Result<()> {
    let now = app.now();
    let is_old = |c: &Channel| c.checked_at.is_some_and(|at| at + CHECK_UNREADY <= now);
    let is_often = |c: &Channel| health(c).is_some_and(|seen| seen.facts.checked_every.is_none());
    let rows = app.store().channels().await?.into_iter();
    let ready = rows.filter(|c| c.disabled_at.is_none() && is_red(c) == Some(false));
    check_all(app.clone(), ready.filter(|c| is_old(c) && is_often(c)).map(|c| c.id).collect()).await;
    Ok(())
}

/// Keeps what a check saw, unless the channel was changed since it was opened for the check; what is known after
/// it. What this check could not see stays as an earlier one saw it. The log has an entry when the channel
/// stands otherwise than before.
pub(crate) async fn keep_health(
    app: &App,
    id: &str,
    version: Option<i64>,
    mut seen: HealthView,
) -> Result<HealthView> {
    counted::fill(app, id, &mut seen.facts).await?;
    let mut tx = app.store().begin().await?;
    let row = tx.channel_for_update(id).await?.filter(|c| version.is_none_or(|v| v == c.version));
    // Where nothing was asked, nobody has seen whose a credential is.
    let row = row.filter(|c| version.is_some() || !is_unseen(c.health.as_deref()));
    let Some(mut row) = row else {
        tx.commit_unaudited(Unaudited::Look).await?;
        return Ok(seen);
    };
    let before = stood(&row).map(|(standing, _)| standing);
    let old = health(&row).map(|h| h.facts).unwrap_or_default();
    let mut kept = HealthView { limits: seen.limits.or_else(|| learned_limits(&row)), ..seen };
    let whose = other_account::seen(&row, &mut kept.facts);
    let marked = other_account::mark(app, &mut tx, &mut row, &whose).await?;
    let wrong = other_account::words_of(&row);
    if wrong.is_some() {
        // What the other one takes and may do is not the channel's.
        let Facts { account, account_id, checked_every, .. } = kept.facts;
        kept.facts = Facts { account, account_id, checked_every, ..Facts::default() };
        kept.limits = learned_limits(&row);
    }
    kept.facts.expires_at = kept.facts.expires_at.or(old.expires_at);
    kept.facts.missing = kept.facts.missing.or(old.missing);
    if let Some(grant) = tx.grant(id).await? {
        grants::judge(&mut kept, &row.adapter, &grant, app.now());
    }
    if let Some(why) = kept.facts.refusal(date_time(app.now())).filter(|_| kept.ready) {
        (kept.ready, kept.detail) = (false, why);
    }
    if let Some(wrong) = wrong {
        (kept.ready, kept.detail) = (false, wrong);
    }
    let json = serde_json::to_string(&kept).map_err(|e| AppError::Internal(e.to_string()))?;
    tx.set_health(id, &json, app.now()).await?;
    let Some((standing, remarks)) =
        stood(&Channel { health: Some(json), checked_at: Some(app.now()), ..row })
            .filter(|(standing, _)| Some(*standing) != before)
    else {
        // What is left counts for posts at once, on every node.
        let has_news = (old.posts, &old.shares) != (kept.facts.posts, &kept.facts.shares);
        if let Some(marked) = marked {
            app.commit(tx, &Actor::service(app.node()), &[marked], &[Topic::Channels, Topic::Queue]).await?;
            return Ok(kept);
        }
        if has_news {
            tx.notify(Topic::Channels.name());
        }
        tx.commit_unaudited(Unaudited::Look).await?;
        if has_news {
            app.hub().poke(Topic::Channels);
        }
        return Ok(kept);
    };
    let verb = match standing {
        Standing::NotReady => "channel.not_ready",
        Standing::Attention => "channel.attention",
        Standing::Ready | Standing::Unknown => "channel.ready",
    };
    let words = remarks.first().map_or(&kept.detail, |remark| &remark.words);
    let entry = Entry::new(verb, &format!("channel:{id}")).note(words);
    let entries: Vec<Entry> = marked.into_iter().chain([entry]).collect();
    app.commit(tx, &Actor::service(app.node()), &entries, &[Topic::Channels, Topic::Queue]).await?;
    Ok(kept)
}
