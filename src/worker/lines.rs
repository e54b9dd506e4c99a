//! Opened channels, each with its own line, so that one never delays another.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use channels::Pass;
use channels::http::Http;
use tokio::sync::Notify;

use super::Shared;
use super::lanes::Lanes;
use super::send::storable;
use crate::app::access::other_account;
use crate::app::hub::Topic;
use crate::app::permits::{Claimed, Permit, Rooms};
use crate::app::sending::Outcome;
use crate::app::{App, Result};
use crate::clock::Millis;
use crate::domain::budget::Reserve;
use crate::domain::post::Lane;

#[path = "lines_budgets.rs"]
mod budgets;
#[path = "lines_open.rs"]
mod open;

pub(crate) use budgets::ToldOfPost;
use budgets::{Budgets, Owners, Shares};
pub(crate) use open::Open;

/// All lines of this node.
pub(crate) struct Lines {
    app: App,
    http: Arc<Http>,
    state: Mutex<BTreeMap<String, Line>>,
    /// Wakes the dispatcher: a line may have room again.
    pub room: Notify,
    /// What networks still take. Locked after `state`.
    budgets: Mutex<Budgets>,
    /// Held while the channels are read.
    reading: tokio::sync::Mutex<()>,
    /// How many claims are being made.
    holding: AtomicUsize,
}

/// What is claimed for one channel, what is permitted, and how much of it is under way.
struct Line {
    open: std::result::Result<Open, String>,
    version: (i64, bool),
    claimed: Lanes<String>,
    /// Permitted, and waiting for a send of this channel to end.
    ready: Lanes<Work>,
    /// Sends under way.
    sending: usize,
    /// Permitted and not settled.
    busy: usize,
    paused_until: Millis,
    disabled: bool,
    /// Whose limits count for it.
    owners: Owners,
    /// What the last check said, when it said no.
    not_ready: Option<String>,
    /// That it leads to another account than its own, in words.
    other_account: Option<String>,
    /// Until when routine posts were given back because of a budget, by this process or by an earlier one.
    kept_until: Millis,
}

/// A claim that goes back to the queue: until when, and why.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Back {
    pub until: Millis,
    pub why: String,
}

/// A durable permit and its pass through the gate.
pub(crate) type Work = (Permit, Pass);

/// Most claims that wait in one line; more routine posts go back to the queue, so that the backlog of a
/// channel that hangs is out of the way of the others.
const LONGEST: usize = 200;

/// How long what a full line gives back waits.
const FULL_WAIT: Millis = 10_000;

/// How long a routine post waits before it looks again at a channel that is not ready.
const NOT_READY_WAIT: Millis = 30_000;

/// Most permits that wait behind the sends of one channel, so that a rush shares its commits. Few:
/// when the machine itself goes down each of them is in doubt, although it never began.
const AHEAD: usize = 128;

impl Lines {
    pub fn new(app: App, http: Arc<Http>, reserve: Reserve) -> Self {
        Self {
            app,
            http,
            state: Mutex::default(),
            budgets: Mutex::new(Budgets::new(reserve)),
            room: Notify::new(),
            reading: tokio::sync::Mutex::default(),
            holding: AtomicUsize::new(0),
        }
    }

    /// Reads the channels again; those that changed are opened anew.
    pub async fn reload(&self) -> Result<()> {
        // One after the other: what is read later is newer.
        let _reading = self.reading.lock().await;
        let rows = crate::app::channels::rows(&self.app).await?;
        for row in rows {
            let version = (row.version, row.disabled_at.is_some());
            // One that could not be opened is tried again: its key may be known by now.
            let same = |l: &Line| l.version == version && l.open.is_ok();
            let known = self.lock().get(&row.id).is_some_and(same);
            let opened = (!known).then(|| self.open(&row));
            let not_ready = crate::app::channels::health(&row).filter(|h| !h.ready).map(|h| h.detail);
            let mut state = self.lock();
            let line = state.entry(row.id.clone()).or_insert_with(|| Line {
                open: Err("not opened yet".into()),
                version,
                claimed: Lanes::new(),
                ready: Lanes::new(),
                sending: 0,
                busy: 0,
                paused_until: 0,
                disabled: false,
                owners: Owners::default(),
                not_ready: None,
                other_account: None,
                kept_until: Millis::MAX,
            });
            line.look(&row, &mut self.budgets());
            // A pause only grows, and one that a send has just noted may not be written yet.
            line.paused_until = line.paused_until.max(row.paused_until);
            line.not_ready = not_ready;
            line.other_account = other_account::words_of(&row);
            line.disabled = row.disabled_at.is_some();
            line.version = version;
            if let Some(opened) = opened {
                line.open = opened;
            }
        }
        Ok(())
    }

    /// The opened channel, or why it cannot be opened.
    pub fn get(&self, id: &str) -> std::result::Result<Open, String> {
        let state = self.lock();
        let line = state.get(id).ok_or("the channel is not known to this node")?;
        if line.disabled {
            return Err("the channel is disabled".into());
        }
        line.open.clone()
    }

    /// What the channel is at that version; nothing: this node knows none, or has read another one.
    pub fn at(&self, id: &str, version: i64) -> Option<std::result::Result<Open, String>> {
        let state = self.lock();
        let line = state.get(id).filter(|line| line.version == (version, false))?;
        Some(line.open.clone())
    }

    /// Puts claims into their lines. Returns what has no room or must wait, by time and reason.
    pub fn put(&self, claims: Vec<Claimed>, now: Millis) -> BTreeMap<Back, Vec<String>> {
        let mut back = BTreeMap::<_, Vec<_>>::new();
        let mut state = self.lock();
        let budgets = self.budgets();
        // What came before a budget was known goes back first: it is in nobody's way.
        for line in state.values_mut() {
            let Some(kept) = line.kept(&budgets, now) else { continue };
            let routine = line.claimed.take_routine();
            if !routine.is_empty() {
                line.kept_until = line.kept_until.max(kept.until);
                back.entry(kept).or_default().extend(routine);
            }
        }
        for c in claims {
            match state.get_mut(&c.channel) {
                None => {
                    let why = "the channel is not known to this node yet".to_owned();
                    back.entry(Back { until: now + 1_000, why }).or_default().push(c.delivery);
                }
                Some(line) => {
                    let kept = line.kept(&budgets, now).filter(|_| c.lane == Lane::Routine);
                    line.kept_until = line.kept_until.max(kept.as_ref().map_or(0, |kept| kept.until));
                    match kept.or_else(|| line.wait(c.lane, now)) {
                        Some(wait) => back.entry(wait).or_default().push(c.delivery),
                        None => line.claimed.push(c.lane, c.delivery),
                    }
                }
            }
        }
        back
    }

    /// Whether anything is permitted and not settled.
    pub fn busy(&self) -> bool {
        self.lock().values().any(|line| line.busy > 0)
    }

    /// What may be claimed and permitted in one go. Lines that are closed or paused take nothing; one that
    /// is not ready, or has claims waiting, takes crisis posts.
    pub fn rooms(&self, now: Millis) -> Rooms {
        let mut rooms = Rooms::default();
        let state = self.lock();
        let takes = |line: &Line| line.wait(Lane::Crisis, now).is_none() && line.claimed.crisis() == 0;
        let routine = |line: &Line| line.wait(Lane::Routine, now).is_none() && line.claimed.len() == 0;
        // Once one line wants more, the others take what they can in the same change.
        let wanted = state.values().any(|line| takes(line) && routine(line) && line.room() > 0);
        let budgets = self.budgets();
        let mut shares = Shares::new(&state, &budgets, now);
        for (channel, line) in state.iter().filter(|(_, line)| takes(line)) {
            let free = if wanted && routine(line) { shares.give(line, line.free()) } else { 0 };
            rooms.set(channel, free);
        }
        rooms
    }

    /// The permits are under way from now on.
    pub fn reserve(&self, permits: &[Permit]) {
        let mut state = self.lock();
        for permit in permits {
            if let Some(line) = state.get_mut(&permit.channel) {
                line.busy += 1;
            }
        }
    }

    /// Until the guard is dropped the lines are not idle.
    pub fn hold(&self) -> Holding<'_> {
        self.holding.fetch_add(1, Ordering::SeqCst);
        Holding(self)
    }

    /// Takes what may be permitted now, as far as each line has room; crisis first. Pairs of
    /// delivery and channel.
    pub fn take(&self, now: Millis) -> Vec<(String, String)> {
        let (mut out, mut state) = (Vec::new(), self.lock());
        let budgets = self.budgets();
        let mut shares = Shares::new(&state, &budgets, now);
        for (channel, line) in state.iter_mut().filter(|(_, line)| line.claimed.len() > 0) {
            // A crisis post is permitted at once: it goes ahead of the permits that wait.
            let wanted = line.room().min(line.claimed.len());
            for _ in 0..shares.give(line, wanted).max(line.claimed.crisis()) {
                let Some(id) = line.claimed.pop() else { break };
                line.busy += 1;
                out.push((id, channel.clone()));
            }
        }
        out
    }

    /// Puts permitted work into its line, or returns it when the channel has room for one more
    /// send: the caller begins it, and then asks [`Lines::next`].
    pub fn begin_or_wait(&self, work: Work) -> Option<Work> {
        let mut state = self.lock();
        let Some(line) = state.get_mut(&work.0.channel) else { return Some(work) };
        if line.sending < line.concurrency() {
            line.sending += 1;
            return Some(work);
        }
        line.ready.push(work.0.subject.lane, work);
        None
    }

    /// A send of the channel has ended: what it begins next, or nothing, and the send is over.
    pub fn next(&self, channel: &str) -> Option<Work> {
        let mut state = self.lock();
        let line = state.get_mut(channel)?;
        let work = line.ready.pop();
        if work.is_none() {
            line.sending = line.sending.saturating_sub(1);
        }
        work
    }

    /// Takes out the work that has not begun and that `outcome` ends.
    pub fn withdraw(&self, outcome: impl Fn(&Permit) -> Option<Outcome>) -> Vec<(Permit, Outcome)> {
        let mut out = Vec::new();
        for line in self.lock().values_mut() {
            line.ready.retain(|(permit, pass)| match outcome(&permit) {
                Some(outcome) => {
                    out.push((permit, outcome));
                    None
                }
                None => Some((permit, pass)),
            });
        }
        out
    }

    /// The network asked the whole channel to wait; the database hears of it with the outcome.
    pub fn pause(&self, channel: &str, until: Millis) {
        if let Some(line) = self.lock().get_mut(channel) {
            line.paused_until = line.paused_until.max(until);
        }
    }

    /// Until when the channel waits.
    pub fn paused_until(&self, channel: &str) -> Millis {
        self.lock().get(channel).map_or(0, |l| l.paused_until)
    }

    /// So many permits of the channel are settled, or were not given.
    pub fn release(&self, channel: &str, count: usize) {
        if let Some(line) = self.lock().get_mut(channel) {
            line.busy = line.busy.saturating_sub(count);
        }
    }

    /// Nothing is under way.
    pub fn idle(&self) -> bool {
        self.holding.load(Ordering::SeqCst) == 0 && self.lock().values().all(|l| l.busy == 0)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Line>> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Keeps the lines from being called idle.
pub(crate) struct Holding<'a>(&'a Lines);

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.0.holding.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Line {
    /// Until when a claim waits, and why. A crisis post is tried on a channel whose last check said
    /// no: a check can be wrong, and its own outcome is seen by people. On another account nothing is tried.
    fn wait(&self, lane: Lane, now: Millis) -> Option<Back> {
        let back = |until, why: &str| Some(Back { until, why: storable(why.to_owned()) });
        if self.disabled {
            return back(now + 60_000, "the channel is disabled");
        }
        if let Some(why) = &self.other_account {
            return back(now + NOT_READY_WAIT, why);
        }
        if self.paused_until > now {
            return back(self.paused_until, "the network asked this channel to wait");
        }
        if let Some(why) = self.not_ready.as_ref().filter(|_| lane == Lane::Routine) {
            return back(now + NOT_READY_WAIT, &format!("the channel is not ready: {why}"));
        }
        if lane == Lane::Routine && self.claimed.len() >= LONGEST {
            return back(now + FULL_WAIT, "many posts wait for this channel");
        }
        None
    }

    /// How many permits it can take.
    fn free(&self) -> usize {
        (self.concurrency() + AHEAD).saturating_sub(self.busy)
    }

    /// How many permits it wants now. A line in a rush takes many at once, or waits until it can.
    fn room(&self) -> usize {
        let room = self.free();
        if self.ready.len() > 0 && room < AHEAD / 2 { 0 } else { room }
    }

    fn concurrency(&self) -> usize {
        self.open.as_ref().map_or(1, |o| o.capabilities.concurrency)
    }
}

/// Reads the channels again whenever they change.
pub(crate) async fn follow(shared: Arc<Shared>) {
    let mut changes = shared.app.hub().listen(Topic::Channels);
    while let Some(said) = shared.heard(&mut changes).await {
        if let Err(e) = shared.lines.reload().await {
            tracing::error!(error = %e, cause = ?e, "cannot read the channels again");
        }
        if said {
            shared.app.hub().poke(Topic::Queue);
        }
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
