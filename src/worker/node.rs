//! This node's gate: it starts closed, opens when the primary's epoch and timeline are not behind
//! what the node remembers on its own disk, and takes every new epoch at once.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use channels::gate::Judge;
use channels::planted::{Planted, planted};
use tokio::sync::{Mutex, watch};

use super::memory::{Memory, memory_file};
use super::{Shared, faults, marks};
use crate::app::freezes::{self, InForce, Taken};
use crate::app::hub::Topic;
use crate::app::nodes::{self, Heard, Node};
use crate::app::sending::Begun;
use crate::app::witness::Seen;
use crate::app::{App, AppError, Result, key_watch};
use crate::domain::freeze::{Order, Subject, covering};

/// How often the node says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// Keeps the gate.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    memory: Memory,
    acked: i64,
    /// What was under way when the gate closed for an epoch that is not acknowledged yet.
    begun: BTreeSet<String>,
    /// The database may have lost outcomes since the last acknowledgement.
    has_lost: bool,
    /// Why the database is in doubt, and its timeline: only a person's confirmation, which gives it
    /// another one, ends that.
    doubt: Option<(String, String)>,
    /// Another process runs as this node: the gate of this one stays closed.
    displaced: bool,
    /// What has begun, where the next process finds it.
    marks: Arc<marks::Marks>,
    changes: watch::Receiver<u64>,
}

impl Keeper {
    /// Registers the node, looks whether this is the database that it knew, settles what was in hand
    /// before a crash as far as that is known, and takes the epoch for the first time.
    pub async fn start(shared: Arc<Shared>) -> Result<Self> {
        let file = memory_file(&shared.options.data);
        let node = shared.app.node().to_owned();
        let mut memory = Memory::read(&file, || node).map_err(AppError::Internal)?;
        let changes = shared.app.hub().listen(Topic::Gate);
        if !memory.timeline.is_empty() {
            shared.app.witness().accept(&Seen::default(), memory.seen());
        }
        let (app, data) = (shared.app.clone(), shared.options.data.clone());
        let listed = nodes::register(&app, &row(&shared, 0, 0, Some("starting".into()))).await?;
        // The instance key may have been exchanged before this node was on the list.
        key_watch::settle(&app).await?;
        // What the process before left in the file is in hand before this one's takes its place.
        let before = marks::before(&data);
        memory.note_ended(before.as_ref().filter(|b| b.ended).map(|b| b.incarnation.clone()));
        memory.write(&file).map_err(AppError::Internal)?;
        let begun = listed.zip(before).filter(|(old, b)| old.incarnation == b.incarnation);
        let begun = begun.and_then(|(old, b)| {
            let attempts = b.begun(old.begun)?;
            Some(Begun { incarnation: old.incarnation, attempts })
        });
        let disk = |e: std::io::Error| AppError::Internal(format!("{}: {e}", marks::file(&data).display()));
        let marks = Arc::new(marks::Marks::create(&data, app.incarnation()).map_err(disk)?);
        shared.gate.keep_marks(marks.clone());
        *shared.ended.lock().unwrap_or_else(PoisonError::into_inner) = memory.ended.iter().cloned().collect();
        let mut keeper = Self {
            shared,
            memory,
            acked: 0,
            begun: BTreeSet::new(),
            has_lost: false,
            doubt: None,
            displaced: false,
            marks,
            changes,
        };
        // Before the node writes a word: a database in doubt stays so, whatever is added to it.
        let primary = freezes::in_force(&app).await?;
        let sure = keeper.doubts(&primary)?.is_none() && keeper.memory.timeline == primary.gate.timeline;
        recover(&app, begun.filter(|_| sure).as_ref()).await?;
        keeper.take().await?;
        if keeper.doubt.is_none() {
            keeper.marks.own().map_err(disk)?;
        }
        Ok(keeper)
    }

    /// Reads the epoch and the freezes from the primary, puts them into force, and says so.
    async fn take(&mut self) -> Result<()> {
        if self.displaced {
            return Ok(());
        }
        // The lease counts from the question: the answer may have been true only then.
        let asked = self.shared.gate.now();
        let settled = self.marks.settled();
        let primary = freezes::in_force(&self.shared.app).await?;
        if let Some(why) = self.doubts(&primary)? {
            return self.take_closed(primary.gate.epoch, why).await;
        }
        if let Some(why) = key_watch::unknown(&self.shared.app).await? {
            return self.take_closed(primary.gate.epoch, why).await;
        }
        let epoch = primary.gate.epoch;
        if planted(Planted::NodeNeverAnswers) && epoch != self.acked && self.acked > 0 {
            return Ok(());
        }
        let new_timeline = self.memory.timeline != primary.gate.timeline;
        if new_timeline && !self.memory.timeline.is_empty() {
            self.disown_marks()?;
        }
        let in_flight = match planted(Planted::NodeSaysItFirst) {
            true => self.shared.gate.in_flight(),
            false => self.shared.gate.close_for(epoch, judge(primary.orders.clone())),
        };
        if epoch == self.acked && !new_timeline {
            if self.go_on(&primary, asked, settled).await? {
                return Ok(());
            }
            // Whatever was told before is told once more.
            self.has_lost = true;
        }
        self.has_lost |= new_timeline;
        self.begun.extend(in_flight.into_iter().map(|f| f.attempt));
        // The epoch is remembered before it is acknowledged: a node that forgot could open too early.
        self.shared.app.witness().accept(&primary.seen, Seen::from(&primary.gate));
        self.memory.set_seen(&self.shared.app.witness().seen());
        self.memory.epoch = epoch;
        self.memory.instance = primary.gate.instance;
        self.remember()?;
        self.release_marks(settled)?;
        faults::point("remembered");
        let (app, row) = (&self.shared.app, self.row(epoch, self.shared.app.broken()));
        let ours = freezes::acknowledge(app, &row, self.taken()).await?;
        if self.give_way_unless(ours) {
            return Ok(());
        }
        faults::point("acknowledged");
        if planted(Planted::NodeSaysItFirst) {
            tokio::time::sleep(HEARTBEAT).await;
        }
        self.shared.gate.open(epoch, judge(primary.orders), asked);
        self.acked = epoch;
        tracing::info!(epoch, in_flight = self.begun.len(), "gate has taken the epoch");
        self.begun.clear();
        self.has_lost = false;
        self.shared.app.hub().poke(Topic::Queue);
        Ok(())
    }

    /// The epoch that is taken already is still the one in force: the node says that it is alive, and its lease
    /// begins anew. Not so when the database does not know that it has taken it.
    async fn go_on(&mut self, primary: &InForce, asked: Duration, settled: usize) -> Result<bool> {
        let epoch = primary.gate.epoch;
        self.shared.app.witness().accept(&primary.seen, Seen::from(&primary.gate));
        self.learn(&self.shared.app.witness().seen())?;
        self.release_marks(settled)?;
        // It opens only for the node on the list, whose silence others count by its last word there.
        match nodes::heartbeat(&self.shared.app, &self.row(epoch, self.shared.app.broken())).await? {
            Heard::Forgotten => return Ok(false),
            Heard::Displaced => {
                self.give_way_unless(false);
            }
            Heard::Listed => {
                self.shared.gate.open(epoch, judge(primary.orders.clone()), asked);
                // A node that kept a freeze from being sealed may have left the list.
                freezes::seal_if_all(&self.shared.app).await?;
            }
        }
        Ok(true)
    }

    /// Closes the gate for everything, and says so. No freeze waits for this node then; and whoever
    /// confirms the database learns the epoch that it must go beyond. What this process has taken
    /// stays as it is: the epoch is taken anew after the confirmation.
    async fn take_closed(&mut self, epoch: i64, why: String) -> Result<()> {
        self.begun.extend(self.shared.gate.close(&why).into_iter().map(|f| f.attempt));
        let row = self.row(self.memory.epoch.max(epoch), Some(why));
        let ours = freezes::acknowledge(&self.shared.app, &row, self.taken()).await?;
        if !self.give_way_unless(ours) {
            // What is under way still is found again; what has ended is on no later freeze's list.
            self.begun.clear();
        }
        Ok(())
    }

    fn taken(&self) -> Taken<'_> {
        Taken { before: self.acked, in_flight: &self.begun, has_lost: self.has_lost }
    }

    /// Closes the gate for good when the node's place on the list is another process's; whether it is.
    fn give_way_unless(&mut self, ours: bool) -> bool {
        if !ours {
            let why = "another process has taken over as this node: the data folder was copied, this one was silent \
                       for too long, or the database was put back to before it started. Stop the other one, and start \
                       this one again";
            tracing::error!(node = self.shared.app.node(), "{why}");
            self.shared.gate.shut(why);
            self.displaced = true;
        }
        !ours
    }

    /// Why the database is in doubt. Once it is, it stays so until a person confirms it.
    fn doubts(&mut self, primary: &InForce) -> Result<Option<String>> {
        if let Some((timeline, why)) = &self.doubt
            && *timeline == primary.gate.timeline
        {
            return Ok(Some(why.clone()));
        }
        let why = self.behind(primary);
        if let Some(why) = &why {
            tracing::error!("{why}");
            self.begun.extend(self.shared.gate.close(why).into_iter().map(|f| f.attempt));
            self.has_lost = true;
            self.disown_marks()?;
            // What the process saw must outlive it, or the next one would know less: what is missing first of all.
            match primary.seen.missing(&primary.gate) {
                Some(missing) if primary.seen.timeline == self.memory.timeline => {
                    self.memory.set_log(missing);
                    self.remember()?;
                }
                _ => self.learn(&primary.seen)?,
            }
        }
        self.doubt = why.clone().map(|why| (primary.gate.timeline.clone(), why));
        Ok(why)
    }

    /// Remembers what the log of this timeline got since the last look.
    fn learn(&mut self, seen: &Seen) -> Result<()> {
        if seen.timeline == self.memory.timeline && seen.newest().0 > self.memory.log_size {
            self.memory.set_seen(seen);
            self.remember()?;
        }
        Ok(())
    }

    /// Remembers what the log got until now: called when nothing of this process writes any more, so that
    /// a backup from before the last second of work is seen to be one. A database in doubt, and a place
    /// that another process has taken, teach nothing.
    pub async fn catch_up(&mut self) -> Result<()> {
        if self.displaced || self.doubt.is_some() {
            return Ok(());
        }
        let primary = freezes::in_force(&self.shared.app).await?;
        if self.behind(&primary).is_none() { self.learn(&Seen::from(&primary.gate)) } else { Ok(()) }
    }

    fn remember(&self) -> Result<()> {
        self.memory.write(&memory_file(&self.shared.options.data)).map_err(AppError::Internal)
    }

    /// Why the database cannot be the one that this node knew: restored, copied or failed over.
    fn behind(&self, primary: &InForce) -> Option<String> {
        const REMEDY: &str = "Check it, then run `holdline gate confirm`";
        let (known, gate) = (&self.memory, &primary.gate);
        if gate.database != primary.database && !planted(Planted::CopyIsNotTold) {
            return Some(format!(
                "this database is a copy, or was moved, restored or failed over: it was {}, and is {}. {REMEDY}",
                gate.database, primary.database
            ));
        }
        if known.timeline.is_empty() || planted(Planted::OpensOnAnyEpoch) {
            return None;
        }
        if !known.instance.is_empty() && known.instance != gate.instance {
            let file = memory_file(&self.shared.options.data);
            return Some(format!(
                "this database belongs to another installation than the one this node knew. If that is meant, \
                 stop the node, remove {} and start it again",
                file.display()
            ));
        }
        if known.left.contains(&gate.timeline) {
            return Some(format!("this database is older than one that was confirmed since. {REMEDY}"));
        }
        if known.timeline != gate.timeline {
            // A person confirmed a database: its epoch goes beyond all that any node remembers.
            return (gate.epoch <= known.epoch)
                .then(|| format!("the database has another timeline and an old epoch. {REMEDY}"));
        }
        let older = || format!("it is at epoch {}, and was at {}", gate.epoch, known.epoch);
        let lost = (gate.epoch < known.epoch).then(older).or_else(|| primary.seen.lost(gate))?;
        Some(format!(
            "the database is behind what this node knew: {lost}. It may be restored or failed over. {REMEDY}"
        ))
    }

    /// What is settled in the log that is remembered by now needs its marks no more.
    fn release_marks(&self, settled: usize) -> Result<()> {
        if let Err(e) = self.marks.sync() {
            self.disown_marks()?;
            return Err(AppError::Internal(format!("the marks of what has begun: {e}")));
        }
        self.marks.release(settled);
        Ok(())
    }

    /// The database may have lost outcomes, whose marks are gone.
    fn disown_marks(&self) -> Result<()> {
        self.marks.disown().map_err(|e| AppError::Internal(format!("the marks of what has begun: {e}")))
    }

    fn row(&self, acked: i64, closed: Option<String>) -> Node {
        row(&self.shared, self.marks.count(), acked, closed)
    }
}

/// Follows the gate for as long as the node runs.
pub(crate) async fn run(shared: Arc<Shared>, keeper: Arc<Mutex<Keeper>>) {
    let mut changes = keeper.lock().await.changes.clone();
    let mut beat = tokio::time::interval(HEARTBEAT);
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = beat.tick() => {}
            changed = changes.changed() => if changed.is_err() { return },
        }
        if *shared.stopping.borrow() {
            return;
        }
        if let Err(e) = keeper.lock().await.take().await {
            tracing::error!(error = %e, cause = ?e, "cannot read the gate; it closes by itself");
        }
    }
}

/// Settles what was in hand before a crash. What another node changes at the same moment is no reason
/// not to start: what has begun is known in this process alone.
async fn recover(app: &App, begun: Option<&Begun>) -> Result<usize> {
    const TRIES: usize = 4;
    for _ in 1..TRIES {
        match nodes::recover(app, begun).await {
            Err(e) => tracing::warn!(error = %e, cause = ?e, "cannot settle what was in hand; trying again"),
            done => return done,
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    nodes::recover(app, begun).await
}

fn row(shared: &Shared, begun: i64, acked: i64, closed: Option<String>) -> Node {
    Node {
        id: shared.app.node().to_owned(),
        name: shared.options.node_name.clone(),
        started_at: shared.app.started_at(),
        last_seen_at: shared.app.clock().now(),
        acked_epoch: acked,
        closed_reason: closed,
        incarnation: shared.app.incarnation().to_owned(),
        begun,
        forgotten_at: None,
        keys: key_watch::known(&shared.app),
    }
}

fn judge(orders: Vec<Order>) -> Judge<Subject> {
    Arc::new(move |subject| covering(&orders, subject).map(|o| o.id.clone()))
}

/// Hears what other nodes change.
pub(crate) async fn listen(shared: Arc<Shared>) {
    loop {
        if let Err(e) = shared.app.hear_others().await {
            tracing::warn!(error = %e, cause = ?e, "lost the notifications of other nodes; connecting again");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        shared.app.hub().poke_all();
    }
}
