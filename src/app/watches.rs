//! The watch over accounts (I13): a post that no delivery made raises an alarm, which is a signal with the
//! plan for a taken account.
//!
//! Posts are told apart by their ids; those that were there at the first look are known. What stands before a
//! known one is new; of others the network's clock tells whether they are older than the watch. A post whose words
//! may be those of a delivery that is under way, in doubt, or published without an id stays open, and is
//! judged again at each look.

use std::collections::{HashMap, HashSet};

use ::channels::Rendition;
use ::channels::watch::{Account, Seen, may_say};
use futures::future::join_all;
use serde::{Deserialize, Serialize};

use super::nodes::CONFIRMED_AT;
use super::{Actor, App, Result, alarms};
use crate::clock::{Millis, rfc3339};
use crate::domain::audit::Entry;
use crate::domain::role::Right;
use crate::store::channels::Channel;
use crate::store::watches::{Candidate, SeenPost, Watch};
use crate::store::{Tx, Unaudited};

/// How far back a look reads before the last one: clocks differ, and networks list late.
const BEFORE: Millis = 10 * 60_000;
/// How long whatever is under way keeps a new post open, whatever that says. An attempt ends sooner.
const UNDER_WAY: Millis = 3 * 60_000;
/// Most posts that the list shows.
const LISTED: i64 = 200;

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
    /// Why looks fail.
    pub trouble: Option<String>,
    /// Since when they fail.
    pub troubled_at: Option<String>,
}

/// A post that was seen.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SeenView {
    pub channel: String,
    /// As the network names it.
    pub id: String,
    /// `foreign`: nobody here sent it. `open`: it may be a delivery that has no id yet. `unsure`: it is
    /// older than the watch, or came before the database was confirmed.
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

/// The watch over one channel's account, if there is one.
///
/// # Errors
/// The database's own.
pub async fn of_channel(app: &App, by: &Actor, channel: &str) -> Result<Option<WatchView>> {
    Ok(list(app, by).await?.accounts.into_iter().find(|w| w.channel == channel))
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

/// A drill's channels are nobody's accounts.
fn is_watched(c: &Channel) -> bool {
    c.disabled_at.is_none() && !c.drill
}

/// Looks at the account of every channel, side by side.
///
/// # Errors
/// The database's own.
pub async fn look_all(app: &App) -> Result<()> {
    let channels = app.store().channels().await?;
    let looks = channels.iter().filter(|c| is_watched(c)).map(|c| look(app, c));
    // An error of one keeps no other.
    join_all(looks).await.into_iter().collect()
}

/// Looks at the account of one channel.
async fn look(app: &App, channel: &Channel) -> Result<()> {
    let began = app.now();
    let watches = app.store().watches().await?;
    let last = watches.into_iter().find(|w| w.channel_id == channel.id).and_then(|w| w.looked_at);
    match app.networks()?.watch(&channel.id, last.unwrap_or(began) - BEFORE).await {
        Ok(None) => Ok(()),
        Ok(Some(seen)) => note(app, channel, seen, began).await,
        Err(why) => note_trouble(app, channel, &why, began).await,
    }
}

async fn note_trouble(app: &App, channel: &Channel, why: &str, at: Millis) -> Result<()> {
    let mut tx = app.store().begin().await?;
    let before = tx.watch_for_update(&channel.id).await?;
    let known = before.as_ref().is_some_and(|w| w.trouble.is_some());
    let new = Watch {
        channel_id: channel.id.clone(),
        account: String::new(),
        shown: String::new(),
        since: at,
        looked_at: None,
        trouble: None,
        troubled_at: None,
    };
    let w = before.unwrap_or(new);
    let troubled_at = w.troubled_at.or(Some(at));
    tx.put_watch(&Watch { trouble: Some(why.replace('\0', "")), troubled_at, ..w }).await?;
    if known {
        tx.commit_unaudited(Unaudited::Look).await?;
        return Ok(());
    }
    let entry = Entry::new("watch.fails", &format!("channel:{}", channel.id)).note(why);
    app.commit(tx, &Actor::service(app.node()), &[entry], &[]).await
}

/// Writes down what a look saw, and raises the alarm about what nobody here sent.
async fn note(app: &App, channel: &Channel, seen: Account, at: Millis) -> Result<()> {
    let mut tx = app.store().begin().await?;
    let before = tx.watch_for_update(&channel.id).await?;
    let same = before.as_ref().filter(|w| w.account == seen.id);
    let since = same.map_or(at, |w| w.since);
    let subject = format!("channel:{}", channel.id);
    let mut entries = Vec::new();
    if same.is_none_or(|w| w.looked_at.is_none()) {
        let what = serde_json::json!({"account": seen.id, "posts": seen.posts.len()});
        entries.push(Entry::new("watch.began", &subject).after(&what));
    } else if same.is_some_and(|w| w.trouble.is_some()) {
        entries.push(Entry::new("watch.goes_on", &subject));
    }
    let times = Times {
        first: !tx.is_watched(&seen.id).await?,
        returned: is_first_after_return(&mut tx, same).await?,
        since,
        at,
    };
    let posts = judge(&mut tx, channel, &seen, &times).await?;
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
    let (account, shown, channel_id) = (seen.id, seen.shown, channel.id.clone());
    let looked_at = Some(at);
    tx.put_watch(&Watch { channel_id, account, shown, since, looked_at, trouble: None, troubled_at: None })
        .await?;
    if entries.is_empty() {
        tx.commit_unaudited(Unaudited::Look).await?;
        return Ok(());
    }
    app.commit(tx, &Actor::service(app.node()), &entries, &[]).await
}

/// Whether this is the first look since the database was confirmed: then what is new may have been sent by
/// what is lost.
async fn is_first_after_return(tx: &mut Tx, before: Option<&Watch>) -> Result<bool> {
    let confirmed = tx.setting(CONFIRMED_AT).await?.and_then(|at| at.parse::<Millis>().ok());
    Ok(confirmed.is_some_and(|at| before.and_then(|w| w.looked_at).is_some_and(|looked| looked < at)))
}

/// What a post is judged by besides its words.
struct Times {
    /// Nobody has looked at the account before.
    first: bool,
    /// The database was confirmed since the last look.
    returned: bool,
    since: Millis,
    at: Millis,
}

/// The posts that are new, and those that were open, as they are now.
async fn judge(tx: &mut Tx, channel: &Channel, seen: &Account, times: &Times) -> Result<Vec<SeenPost>> {
    let ids: Vec<&str> = seen.posts.iter().map(|p| p.id.as_str()).collect();
    let known = tx.seen_posts(&seen.id, &ids).await?;
    let settled: HashSet<&str> =
        known.iter().filter(|p| p.state != "open").map(|p| p.remote_id.as_str()).collect();
    let open: HashSet<&str> =
        known.iter().filter(|p| p.state == "open").map(|p| p.remote_id.as_str()).collect();
    let new = seen.posts.iter().filter(|p| !settled.contains(p.id.as_str()) && !open.contains(p.id.as_str()));
    let new = new.map(|p| row(channel, seen, p, times.at));
    let judged: Vec<SeenPost> = known.iter().filter(|p| p.state == "open").cloned().chain(new).collect();
    if judged.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<&str> = judged.iter().map(|p| p.remote_id.as_str()).collect();
    let ours = Ours {
        account: &seen.id,
        at: times.at,
        receipts: tx.receipts(&channel.adapter, &ids).await?,
        parts: tx.thread_parts(&channel.adapter, times.since - BEFORE).await?,
        candidates: tx.candidates(&channel.adapter, times.since - BEFORE).await?,
    };
    // What stands before a known one is new, whatever time it bears.
    let order = &seen.posts[..seen.ordered.min(seen.posts.len())];
    let is_known = |p: &Seen| settled.contains(p.id.as_str()) || open.contains(p.id.as_str());
    let last_known = order.iter().rposition(is_known).unwrap_or(0);
    let is_new = |p: &SeenPost| order[..last_known].iter().any(|s| s.id == p.remote_id);
    let state = |p: &SeenPost| match ours.has(p) {
        Some(state) => state,
        None if times.first => "known",
        None if times.returned => "unsure",
        None if is_new(p) => "foreign",
        None if p.posted_at.is_some_and(|at| at < times.since - BEFORE) => "unsure",
        None => "foreign",
    };
    Ok(judged.iter().map(|p| SeenPost { state: state(p).to_owned(), ..p.clone() }).collect())
}

fn row(channel: &Channel, seen: &Account, p: &Seen, at: Millis) -> SeenPost {
    SeenPost {
        account: seen.id.clone(),
        remote_id: p.id.clone(),
        channel_id: channel.id.clone(),
        state: "open".to_owned(),
        seen_at: at,
        posted_at: p.at.map(|at| at.timestamp_millis()),
        url: p.url.clone(),
        words: p.words.clone(),
        signal_id: None,
    }
}

/// What our deliveries say of posts.
struct Ours<'a> {
    account: &'a str,
    at: Millis,
    receipts: Vec<(String, Option<String>)>,
    parts: Vec<String>,
    candidates: Vec<Candidate>,
}

impl Ours<'_> {
    /// `ours` when a delivery made it, `open` when one may have, nothing when none did.
    fn has(&self, p: &SeenPost) -> Option<&'static str> {
        let receipts = || self.receipts.iter().filter(|(id, _)| *id == p.remote_id);
        if receipts().any(|(_, account)| account.as_deref() == Some(self.account)) {
            return Some("ours");
        }
        if self.parts.iter().any(|parts| parts.split(' ').any(|id| id == p.remote_id)) {
            return Some("ours");
        }
        let is_fresh = self.at - p.seen_at < UNDER_WAY;
        // A channel that nobody has looked at yet may be the same account.
        let nobody_knows = |account: &Option<String>| account.as_deref().is_none_or(str::is_empty);
        let may_be = |c: &&Candidate| nobody_knows(&c.account) || c.account.as_deref() == Some(self.account);
        let candidate = self
            .candidates
            .iter()
            .filter(may_be)
            .any(|c| (c.under_way && is_fresh) || says(&c.body, &p.words));
        (candidate || receipts().any(|(_, account)| nobody_knows(account))).then_some("open")
    }
}

/// Whether the post may say what was sent.
fn says(body: &str, words: &str) -> bool {
    let Ok(sent) = serde_json::from_str::<Rendition>(body) else { return false };
    sent.texts().any(|text| may_say(words, text))
}
