//! This node's gate: it starts closed, opens when the primary's epoch and timeline are not behind
//! what the node remembers on its own disk, and takes every new epoch at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use channels::gate::Judge;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::Shared;
use crate::app::hub::Topic;
use crate::app::nodes::{self, Node};
use crate::app::{AppError, Result, freezes};
use crate::clock::Millis;
use crate::domain::freeze::{Order, Subject, covering};

/// How long the gate stays open without a word from the primary.
pub const LEASE: Duration = Duration::from_secs(5);

/// How often the node says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// What a node remembers on its own disk, outside the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    pub node: String,
    pub epoch: i64,
    pub timeline: String,
}

impl Memory {
    /// Reads the memory, or begins one with a new id.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn read(file: &Path, new_id: impl FnOnce() -> String) -> std::result::Result<Self, String> {
        match std::fs::read_to_string(file) {
            Ok(text) => serde_json::from_str(&text).map_err(|e| format!("{}: {e}", file.display())),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self { node: new_id(), ..Self::default() })
            }
            Err(e) => Err(format!("{}: {e}", file.display())),
        }
    }

    /// Writes the memory so that a crash leaves the old or the new one.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn write(&self, file: &Path) -> std::result::Result<(), String> {
        let words = |e: std::io::Error| format!("{}: {e}", file.display());
        let next = file.with_extension("next");
        std::fs::write(&next, serde_json::to_vec(self).unwrap_or_default()).map_err(words)?;
        std::fs::File::open(&next).and_then(|f| f.sync_all()).map_err(words)?;
        std::fs::rename(&next, file).map_err(words)
    }
}

/// The file of the memory inside the data folder.
pub fn memory_file(data: &Path) -> PathBuf {
    data.join("node.json")
}

/// Keeps the gate.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    memory: Memory,
    started_at: Millis,
    acked: i64,
    /// What was under way when the gate closed for an epoch that is not acknowledged yet.
    begun: BTreeSet<String>,
    changes: watch::Receiver<u64>,
}

impl Keeper {
    /// Registers the node and takes the epoch for the first time.
    pub async fn start(shared: Arc<Shared>) -> Result<Self> {
        let file = memory_file(&shared.options.data);
        let node = shared.app.node().to_owned();
        let memory = Memory::read(&file, || node).map_err(AppError::Internal)?;
        let changes = shared.app.hub().listen(Topic::Gate);
        let started_at = shared.app.clock().now();
        let mut keeper = Self { shared, memory, started_at, acked: 0, begun: BTreeSet::new(), changes };
        keeper.take().await?;
        Ok(keeper)
    }

    /// Follows the gate for as long as the node runs.
    pub async fn run(mut self) {
        let mut beat = tokio::time::interval(HEARTBEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = beat.tick() => {}
                changed = self.changes.changed() => if changed.is_err() { return },
            }
            if *self.shared.stopping.borrow() {
                return;
            }
            if let Err(e) = self.take().await {
                tracing::error!(error = %e, "cannot read the gate; it closes by itself");
            }
        }
    }

    /// Reads the epoch and the freezes from the primary, puts them into force, and says so.
    async fn take(&mut self) -> Result<()> {
        let (epoch, timeline, orders) = freezes::in_force(&self.shared.app).await?;
        let gate = &self.shared.gate;
        if let Some(why) = self.behind(epoch, &timeline) {
            gate.close(&why);
            // The gate is closed for everything, so no freeze waits for this node; and whoever
            // confirms the database learns the epoch that it must go beyond.
            return nodes::heartbeat(&self.shared.app, &self.row(self.memory.epoch, Some(why))).await;
        }
        let in_flight = gate.close_for(epoch, judge(orders.clone()));
        gate.open(epoch, judge(orders));
        if epoch == self.acked {
            nodes::heartbeat(&self.shared.app, &self.row(epoch, None)).await?;
            // A node that kept a freeze from being sealed may have left the list.
            return freezes::seal_if_all(&self.shared.app).await;
        }
        self.begun.extend(in_flight.into_iter().map(|f| f.attempt));
        // The epoch is remembered before it is acknowledged: a node that forgot could open too early.
        self.memory.epoch = epoch;
        self.memory.timeline = timeline;
        self.memory.write(&memory_file(&self.shared.options.data)).map_err(AppError::Internal)?;
        freezes::acknowledge(&self.shared.app, &self.row(epoch, None), self.acked, &self.begun).await?;
        self.acked = epoch;
        tracing::info!(epoch, in_flight = self.begun.len(), "gate has taken the epoch");
        self.begun.clear();
        self.shared.app.hub().poke(Topic::Queue);
        Ok(())
    }

    /// Why the database cannot be the one that this node knew: restored, copied or failed over.
    fn behind(&self, epoch: i64, timeline: &str) -> Option<String> {
        let known = &self.memory;
        if known.timeline.is_empty() || known.timeline == timeline && epoch >= known.epoch {
            return None;
        }
        if known.timeline != timeline && epoch > known.epoch {
            // A person confirmed a new timeline with a newer epoch.
            return None;
        }
        Some(format!(
            "the database is behind what this node knew (epoch {epoch} < {}): it may be restored or copied. \
             Check it, then run `holdline gate confirm`",
            known.epoch
        ))
    }

    fn row(&self, acked: i64, closed: Option<String>) -> Node {
        Node {
            id: self.shared.app.node().to_owned(),
            name: self.shared.options.node_name.clone(),
            started_at: self.started_at,
            last_seen_at: self.shared.app.clock().now(),
            acked_epoch: acked,
            closed_reason: closed,
        }
    }
}

fn judge(orders: Vec<Order>) -> Judge<Subject> {
    Arc::new(move |subject| covering(&orders, subject).map(|o| o.id.clone()))
}

/// Hears what other nodes change.
pub(crate) async fn listen(shared: Arc<Shared>) {
    loop {
        if let Err(e) = shared.app.hear_others().await {
            tracing::warn!(error = %e, "lost the notifications of other nodes; connecting again");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
        shared.app.hub().poke_all();
    }
}
