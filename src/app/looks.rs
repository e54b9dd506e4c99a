//! Looks at what networks would publish by themselves: when one is due on a channel, and what it saw.

use std::collections::{BTreeMap, HashMap};

use ::channels::scheduler::Listing;
use serde_json::json;

use super::channels::Channel;
use super::prolonging;
use super::sweeping::finish;
use super::{App, AppError, Result};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::sweep::{Stand, covering};
use crate::store::Unaudited;
use crate::store::freezes::Freeze;
use crate::store::sweeps::Sweep;

/// How often the schedule is looked at while a freeze is in force.
const EVERY: Millis = 60_000;
/// After this long a look of another node that has not ended counts as stopped. Two at once do no harm: each
/// post is in one hand.
pub(super) const STALE: Millis = 3 * 60_000;

/// From so many posts on it is told what a look saw before it is over.
const MANY: usize = 20;

/// What is to be done on one channel.
#[derive(Debug, Clone, Default)]
pub(crate) struct Work {
    /// Its schedule is to be looked at, for the freeze of that epoch.
    pub look: Option<i64>,
    /// Something was found there that no freeze covers any more.
    pub leave: bool,
}

/// What is to be done, by channel.
///
/// # Errors
/// The database's own.
pub(crate) async fn work(app: &App) -> Result<BTreeMap<String, Work>> {
    let now = app.now();
    let freezes = app.store().freezes(true).await?;
    let live = app.store().swept_live().await?;
    let mut work = BTreeMap::<String, Work>::new();
    if freezes.is_empty() && live.is_empty() {
        return Ok(work);
    }
    let known: HashMap<_, _> =
        app.store().sweeps().await?.into_iter().map(|s| (s.channel_id.clone(), s)).collect();
    let mut frozen = HashMap::new();
    for c in app.store().channels().await? {
        let epoch = epoch(&freezes, &c)?;
        frozen.insert(c.id.clone(), epoch.is_some());
        if let Some(epoch) = epoch.filter(|_| sweepable(&c))
            && known.get(&c.id).is_none_or(|s| is_due(app, s, epoch))
        {
            work.entry(c.id).or_default().look = Some(epoch);
        }
    }
    for row in live {
        let waits = match Stand::parse(&row.state).map_err(AppError::Internal)? {
            Stand::Holding | Stand::Restoring | Stand::Dropping => row.in_hand_until <= now,
            // Under a freeze or not, until a person has decided.
            Stand::Held => prolonging::is_due(&row, now),
            Stand::Found | Stand::CouldNot => !frozen.get(&row.channel_id).copied().unwrap_or_default(),
            _ => false,
        };
        if waits {
            let leave = matches!(row.state.as_str(), "found" | "could_not");
            work.entry(row.channel_id).or_default().leave |= leave;
        }
    }
    Ok(work)
}

/// Whether a freeze sweeps the channel's network, as far as the channel goes.
pub(super) fn sweepable(c: &Channel) -> bool {
    c.disabled_at.is_none() && ::channels::adapter(&c.adapter).is_some_and(|a| a.capabilities.sweeps)
}

/// The newest of the freezes that cover the channel's schedule.
fn epoch(freezes: &[Freeze], c: &Channel) -> Result<Option<i64>> {
    let mut newest = None;
    for freeze in freezes {
        if covering(&[freeze.order()?], &c.id, &c.brand).is_some() {
            newest = newest.max(Some(freeze.epoch));
        }
    }
    Ok(newest)
}

/// Whether a look is due. One of this node that has not ended was stopped with it: a node makes one at a time.
fn is_due(app: &App, s: &Sweep, epoch: i64) -> bool {
    let stopped = s.begun_at <= app.now() - STALE || s.node_id == app.node();
    s.epoch < epoch || s.ended_at.map_or(stopped, |ended| ended <= app.now() - EVERY)
}

/// Begins a look at the channel's schedule; nothing when another node does it.
///
/// # Errors
/// The database's own.
pub(crate) async fn begin(app: &App, channel: &str, epoch: i64) -> Result<Option<Sweep>> {
    let now = app.now();
    let sweep = Sweep {
        channel_id: channel.to_owned(),
        epoch,
        node_id: app.node().to_owned(),
        begun_at: now,
        ended_at: None,
        listed: None,
        error: None,
        unseen: None,
        seen_at: None,
        seen_epoch: None,
        again_at: None,
    };
    let mut tx = app.store().begin().await?;
    let ours = tx.begin_sweep(&sweep, now - STALE, now - EVERY).await?;
    tx.commit_unaudited(Unaudited::Look).await?;
    Ok(ours.then_some(sweep))
}

/// Notes what a look saw, before the first of it is held: that can take long, and people see how far it is.
///
/// # Errors
/// The database's own.
pub(crate) async fn saw(app: &App, sweep: &Sweep, listing: &Listing) -> Result<()> {
    // A few are held at once.
    if listing.items.len() < MANY {
        return Ok(());
    }
    note(app, sweep.clone(), None, Ok(listing), None).await
}

/// Notes what a look saw, and that it is over. `again_at`: when a list is tried again that could not be read.
///
/// # Errors
/// The database's own.
pub(crate) async fn end(
    app: &App,
    sweep: Sweep,
    seen: &std::result::Result<Listing, String>,
    again_at: Option<Millis>,
) -> Result<()> {
    note(app, sweep, Some(app.now()), seen.as_ref(), again_at).await
}

/// The log has an entry when it is the first one for its freeze, or saw something else.
async fn note(
    app: &App,
    sweep: Sweep,
    ended_at: Option<Millis>,
    seen: std::result::Result<&Listing, &String>,
    again_at: Option<Millis>,
) -> Result<()> {
    let before = app.store().sweeps().await?.into_iter().find(|s| s.channel_id == sweep.channel_id);
    let listed = seen.ok().and_then(|l| i64::try_from(l.items.len()).ok());
    // A list can be older than the look.
    let read_at = seen.ok().and_then(|l| l.read_at).map(|at| at.timestamp_millis());
    let again_at = match seen {
        Ok(listing) => listing.again_at.map(|at| at.timestamp_millis()),
        Err(_) => again_at,
    };
    let after = Sweep {
        ended_at,
        seen_at: read_at.or(Some(app.now())),
        listed,
        error: seen.err().cloned(),
        unseen: seen.ok().and_then(|l| l.unseen.clone()),
        again_at,
        ..sweep
    };
    let told = |s: &Sweep, epoch| (epoch, s.listed, s.error.clone(), s.unseen.clone());
    let same = before.is_some_and(|b| told(&b, b.seen_epoch) == told(&after, Some(after.epoch)));
    let mut tx = app.store().begin().await?;
    tx.end_sweep(&after).await?;
    if same {
        return Ok(tx.commit_unaudited(Unaudited::Look).await?);
    }
    let entry = Entry::new("sweep.looked", &format!("channel:{}", after.channel_id)).after(&json!({
        "epoch": after.epoch, "listed": after.listed, "error": after.error, "unseen": after.unseen,
    }));
    finish(app, tx, vec![entry]).await
}
