//! The watch over accounts (I13): a post that no delivery made raises an alarm, which is a signal with the
//! plan for a taken account.
//!
//! Whose a post is, [`foreign`] judges. An account that was looked at and cannot be any more raises an alarm,
//! too: whoever takes an account can shut us out. Nothing is looked at by a node whose gate is closed: what is
//! in a database that nobody has confirmed judges no post.

use std::collections::HashMap;

use ::channels::watch::{self, Account, Told};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde::{Deserialize, Serialize};

use super::confirming::CONFIRMED_AT;
use super::foreign::{self, Times};
use super::watch_turns::{MORE, fails_since, is_blind, is_due};
use super::{Actor, App, Result, alarms, owners};
use crate::clock::{Millis, rfc3339};
use crate::domain::audit::Entry;
use crate::domain::role::Right;
use crate::store::channels::Channel;
use crate::store::watches::{SeenPost, Watch};
use crate::store::{Tx, Unaudited};

/// How far back a look reads before the last one: clocks differ, and networks list late.
const BEFORE: Millis = 10 * 60_000;
/// Most posts that one look may bring: who sends more than was asked for is not believed.
const MOST: usize = 500;
/// Most posts that the list shows, and the page of a channel.
const LISTED: i64 = 200;
const ON_A_PAGE: i64 = 20;

/// What is watched, and what was seen.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WatchList {
    pub accounts: Vec<WatchView>,
    /// The newest posts that nobody here sent, or of which that is not known.
    pub posts: Vec<SeenView>,
}

/// The watch over the account of a channel.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WatchView {
    pub channel: String,
    pub channel_name: String,
    /// What people call the account; nothing: no look has succeeded.
    pub account: Option<String>,
    /// Posts of before are not judged.
    pub since: String,
    /// When a look succeeded last.
    pub looked_at: Option<String>,
    /// Why looks fail, or do not see all.
    pub trouble: Option<String>,
    /// Since when they do.
    pub troubled_at: Option<String>,
}

/// A post that was seen.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SeenView {
    pub channel: String,
    /// As the network names it.
    pub id: String,
    /// `foreign`: nobody here sent it, and a signal was raised. `open`: it may be a delivery that has no id yet.
    /// `unsure`: it is older than the watch, came before the database was confirmed, or while the channel
    /// was disabled.
    pub state: String,
    pub words: String,
    pub url: Option<String>,
    pub seen_at: String,
    /// By the network, or by whoever posted it.
    pub posted_at: Option<String>,
    /// The id of the signal that was raised.
    pub signal: Option<String>,
}

/// What is watched, and what was seen that is not ours.
///
/// # Errors
/// The database's own.
pub async fn list(app: &App, by: &Actor) -> Result<WatchList> {
    by.need(Right::Read)?;
    let channels: HashMap<String, Channel> =
        app.store().channels().await?.into_iter().map(|c| (c.id.clone(), c)).collect();
    let watches = app.store().watches().await?.into_iter();
    let accounts = watches.filter_map(|w| {
        let channel = channels.get(&w.channel_id).filter(|c| is_watched(c))?;
        Some(view(w, &channel.name))
    });
    let posts = app.store().foreign_posts(LISTED).await?.into_iter().map(seen_view);
    Ok(WatchList { accounts: accounts.collect(), posts: posts.collect() })
}

/// The watch over one channel's account, if there is one, and the newest posts there that are not ours.
///
/// # Errors
/// The database's own.
pub async fn of_channel(app: &App, by: &Actor, channel: &str) -> Result<Option<(WatchView, Vec<SeenView>)>> {
    by.need(Right::Read)?;
    let Some(channel) = app.store().channel(channel).await?.filter(is_watched) else { return Ok(None) };
    let Some(watch) = app.store().watch(&channel.id).await? else { return Ok(None) };
    let posts = app.store().foreign_posts_of(&watch.account, ON_A_PAGE).await?;
    Ok(Some((view(watch, &channel.name), posts.into_iter().map(seen_view).collect())))
}

fn view(w: Watch, name: &str) -> WatchView {
    WatchView {
        channel: w.channel_id,
        channel_name: name.to_owned(),
        account: Some(w.shown).filter(|_| w.looked_at.is_some()),
        since: rfc3339(w.since),
        looked_at: w.looked_at.map(rfc3339),
        trouble: w.trouble,
        troubled_at: w.troubled_at.map(rfc3339),
    }
}

fn seen_view(p: SeenPost) -> SeenView {
    SeenView {
        channel: p.channel_id,
        id: p.remote_id,
        state: p.state,
        words: p.words,
        url: p.url,
        seen_at: rfc3339(p.seen_at),
        posted_at: p.posted_at.map(rfc3339),
        signal: p.signal_id,
    }
}

/// How many minutes lie between two looks at the account of a channel; nothing: nobody looks at it.
fn every(c: &Channel) -> Option<i64> {
    let adapter = ::channels::adapter(&c.adapter).filter(|a| a.capabilities.watches)?;
    watch::every(adapter, &serde_json::from_str(&c.settings).unwrap_or_default())
}

/// A drill's channels are nobody's accounts.
fn is_watched(c: &Channel) -> bool {
    every(c).is_some() && c.disabled_at.is_none() && !c.drill
}

/// Looks at the account of every channel, side by side. What each saw is written down one after the other: two
/// channels can lead to one account.
///
/// # Errors
/// The database's own.
pub async fn look_all(app: &App) -> Result<()> {
    if !app.networks()?.may_judge() {
        return Ok(());
    }
    let channels = app.store().channels().await?;
    let watches: HashMap<String, Watch> =
        app.store().watches().await?.into_iter().map(|w| (w.channel_id.clone(), w)).collect();
    let watched = channels.iter().filter(|c| is_watched(c));
    let mut looks: FuturesUnordered<_> = watched
        .map(|c| {
            let watch = watches.get(&c.id);
            async move { (c, look(app, c, watch).await) }
        })
        .collect();
    let mut done = Ok(());
    while let Some((channel, look)) = looks.next().await {
        let noted = match look {
            Some(look) => note_look(app, channel, watches.get(&channel.id), look).await,
            None => Ok(()),
        };
        // An error of one keeps no other.
        done = done.and(noted);
    }
    done
}

/// From when on posts of an account are judged whose watch began then. A new credential begins it anew, and what was
/// posted with the old one since the last look is not left out.
fn from(channel: &Channel, began: Millis) -> Millis {
    began - BEFORE - every(channel).unwrap_or_default() * 60_000
}

/// What one look brought.
struct Look {
    began: Millis,
    /// Nothing: the network cannot be asked.
    seen: std::result::Result<Option<Account>, String>,
}

/// Looks at the account of one channel, if it is its turn.
async fn look(app: &App, channel: &Channel, watch: Option<&Watch>) -> Option<Look> {
    let began = app.now();
    if !is_due(watch, every(channel)?, began) {
        return None;
    }
    let since = watch.and_then(|w| w.looked_at).map_or_else(|| from(channel, began), |at| at - BEFORE);
    let networks = app.networks().ok()?;
    Some(Look { began, seen: networks.watch(&channel.id, channel.version, since).await? })
}

async fn note_look(app: &App, channel: &Channel, watch: Option<&Watch>, look: Look) -> Result<()> {
    if !app.networks()?.may_judge() {
        return Ok(());
    }
    match look.seen {
        Ok(Some(seen)) if seen.lists.iter().map(|list| list.posts.len()).sum::<usize>() > MOST => {
            note_trouble(app, channel, "the server lists more than it was asked for", look.began).await
        }
        Ok(Some(seen)) => match note(app, channel, seen, look.began).await {
            Ok(()) => Ok(()),
            Err(e) => {
                let why = "what was seen could not be written down; the service's log says why";
                note_trouble(app, channel, why, look.began).await?;
                Err(e)
            }
        },
        Err(why) => note_trouble(app, channel, &why, look.began).await,
        Ok(None) if watch.is_some() => {
            let Some(mut tx) = begin(app, channel).await? else { return Ok(()) };
            let mut entries = Vec::new();
            forget(app, &mut tx, &channel.id, &mut entries).await?;
            app.commit(tx, &Actor::service(app.node()), &entries, &[]).await
        }
        Ok(None) => Ok(()),
    }
}

/// The watch of a channel begins anew.
async fn forget(app: &App, tx: &mut Tx, channel: &str, entries: &mut Vec<Entry>) -> Result<()> {
    tx.delete_watch(channel).await?;
    alarms::end_blind(app, tx, channel, entries).await
}

/// The watch after a change of its channel: when that leads elsewhere now, it begins anew; while the channel is
/// disabled, or nobody is asked to look, what comes is nobody's alarm.
///
/// # Errors
/// The database's own.
pub(super) async fn after_edit(app: &App, tx: &mut Tx, channel: &Channel, moved: bool) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    if moved {
        forget(app, tx, &channel.id, &mut entries).await?;
    } else if channel.disabled_at.is_some() || every(channel).is_none() {
        tx.forget_look(&channel.id).await?;
        alarms::end_blind(app, tx, &channel.id, &mut entries).await?;
    }
    Ok(entries)
}

/// Begins to write down what a look at the channel saw; nothing: the channel was changed meanwhile, so it was a look at what
/// it was.
async fn begin(app: &App, channel: &Channel) -> Result<Option<Tx>> {
    let mut tx = app.store().begin().await?;
    Ok(tx.is_at(&channel.id, channel.version).await?.then_some(tx))
}

async fn note_trouble(app: &App, channel: &Channel, why: &str, at: Millis) -> Result<()> {
    let Some(mut tx) = begin(app, channel).await? else { return Ok(()) };
    let before = tx.watch_for_update(&channel.id).await?;
    let known = before.as_ref().is_some_and(|w| fails_since(w).is_some());
    let new = Watch {
        channel_id: channel.id.clone(),
        account: String::new(),
        shown: String::new(),
        since: at,
        looked_at: None,
        tried_at: None,
        trouble: None,
        troubled_at: None,
        whole: false,
    };
    let w = before.unwrap_or(new);
    let troubled_at = fails_since(&w).unwrap_or(at);
    let w = Watch {
        trouble: Some(why.replace('\0', "")),
        troubled_at: Some(troubled_at),
        tried_at: Some(at),
        ..w
    };
    tx.put_watch(&w).await?;
    let mut entries = Vec::new();
    if !known {
        entries.push(Entry::new("watch.fails", &format!("channel:{}", channel.id)).note(why));
    }
    // What was never looked at is not lost.
    if !w.account.is_empty() && is_blind(troubled_at, at) {
        alarms::raise_blind(app, &mut tx, &w, &channel.name, &mut entries).await?;
    }
    if entries.is_empty() {
        tx.commit_unaudited(Unaudited::Look).await?;
        return Ok(());
    }
    app.commit(tx, &Actor::service(app.node()), &entries, &[]).await
}

/// Writes down what a look saw, and raises the alarm about what nobody here sent.
async fn note(app: &App, channel: &Channel, mut seen: Account, at: Millis) -> Result<()> {
    let beside = owners::numbers_beside(channel, &app.store().channels().await?);
    let told = seen.also.clone();
    seen.also_by(&beside);
    let Some(mut tx) = begin(app, channel).await? else { return Ok(()) };
    // What was seen by its other number is this account's, too.
    for other in &told {
        tx.move_seen_posts(other, &seen.id).await?;
    }
    let before = tx.watch_for_update(&channel.id).await?;
    let same = before.as_ref().filter(|w| seen.is(&w.account));
    let since = same.map_or(at, |w| w.since);
    let subject = format!("channel:{}", channel.id);
    let mut entries = Vec::new();
    if same.is_none_or(|w| w.looked_at.is_none()) {
        let what = serde_json::json!({"account": seen.id, "posts": seen.posts().len()});
        entries.push(Entry::new("watch.began", &subject).after(&what));
    } else if same.is_some_and(|w| fails_since(w).is_some()) {
        entries.push(Entry::new("watch.goes_on", &subject));
    }
    // Its settings and its credential are as they were: an edit forgets the watch.
    let other = before.as_ref().filter(|w| !w.account.is_empty() && !seen.is(&w.account));
    if let Some(before) = other {
        alarms::raise_other(app, &mut tx, before, &seen, &channel.name, &mut entries).await?;
    } else if before.as_ref().is_some_and(|w| w.trouble.is_some()) {
        alarms::end_blind(app, &mut tx, &channel.id, &mut entries).await?;
    }
    let was_away = other.is_some() || same.is_some_and(|w| w.looked_at.is_none());
    let first = !was_away && !is_watched_already(&mut tx, &seen).await?;
    if seen.more && !first && !was_away {
        alarms::raise_missed(app, &mut tx, channel, &seen, &mut entries).await?;
    }
    let unwatched = was_away || is_first_after_return(&mut tx, same).await?;
    let was_whole = same.is_some_and(|w| w.whole);
    let times = Times { first, unwatched, was_whole, from: from(channel, since), at };
    let posts = foreign::judge(&mut tx, channel, &seen, &times).await?;
    let foreign: Vec<&SeenPost> = posts.iter().filter(|p| p.state == "foreign").collect();
    let signal = match foreign.is_empty() {
        true => None,
        false => Some(alarms::raise(app, &mut tx, &seen, &foreign, &mut entries).await?),
    };
    for p in &posts {
        let signal_id = signal.clone().filter(|_| p.state == "foreign");
        tx.put_seen_post(&SeenPost { signal_id, ..p.clone() }).await?;
    }
    let ids = |state: &str| posts.iter().filter(|p| p.state == state).map(|p| p.remote_id.clone()).collect();
    let (foreign, unsure): (Vec<String>, Vec<String>) = (ids("foreign"), ids("unsure"));
    if !foreign.is_empty() || !unsure.is_empty() {
        let what = serde_json::json!({"account": seen.id, "foreign": foreign, "unsure": unsure});
        entries.push(Entry::new("watch.found", &subject).after(&what));
    }
    let whole = seen
        .lists
        .iter()
        .all(|list| matches!(list.told, Told::ByOrder { whole: true } | Told::Loosely | Told::ByTime));
    let (account, shown, channel_id) = (seen.id, seen.shown, channel.id.clone());
    let trouble = seen.more.then(|| MORE.to_owned());
    let before = same.filter(|w| w.trouble == trouble).and_then(|w| w.troubled_at);
    let (looked_at, tried_at) = (Some(at), Some(at));
    let troubled_at = seen.more.then(|| before.unwrap_or(at));
    let watch = Watch { channel_id, account, shown, since, looked_at, tried_at, trouble, troubled_at, whole };
    tx.put_watch(&watch).await?;
    if entries.is_empty() {
        tx.commit_unaudited(Unaudited::Look).await?;
        return Ok(());
    }
    app.commit(tx, &Actor::service(app.node()), &entries, &[]).await
}

/// Whether the account was looked at, by any channel and by any of its numbers.
async fn is_watched_already(tx: &mut Tx, seen: &Account) -> Result<bool> {
    for id in std::iter::once(&seen.id).chain(&seen.also) {
        if tx.is_watched(id).await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether this is the first look since the database was confirmed: then what is new may have been sent by
/// what is lost.
async fn is_first_after_return(tx: &mut Tx, before: Option<&Watch>) -> Result<bool> {
    let confirmed = tx.setting(CONFIRMED_AT).await?.and_then(|at| at.parse::<Millis>().ok());
    Ok(confirmed.is_some_and(|at| before.and_then(|w| w.looked_at).is_some_and(|looked| looked < at)))
}

#[cfg(test)]
#[path = "watches_tests.rs"]
mod tests;
