//! Outcomes in batches: whatever has come in is written in one change.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{Shared, faults, send};
use crate::app::permits::Permit;
use crate::app::sending::{self, Outcome};

/// Most outcomes in one change.
const BATCH: usize = 500;

/// Runs until the sender ends. An outcome that cannot be written is tried again for as long as it
/// takes: it is the only proof of what was sent.
pub(crate) async fn run(shared: Arc<Shared>, mut inbox: mpsc::Receiver<(Permit, Outcome)>) {
    let mut batch = Vec::with_capacity(BATCH);
    while inbox.recv_many(&mut batch, BATCH).await > 0 {
        faults::point("settling");
        while let Err(e) = sending::settle(&shared.app, &batch).await {
            tracing::error!(error = %e, outcomes = batch.len(), "cannot write outcomes; trying again");
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        faults::point("settled");
        for (permit, outcome) in batch.drain(..) {
            count(&outcome);
            shared.gate.settle(&permit.attempt);
            send::pause_if_asked(&shared, &permit, &outcome).await;
            shared.lines.release(&permit.channel, 1);
        }
        shared.lines.room.notify_one();
    }
}

fn count(outcome: &Outcome) {
    let word = match outcome {
        Outcome::Accepted { .. } => "accepted",
        Outcome::Retry { .. } | Outcome::Failed { .. } => "rejected",
        Outcome::Stopped { .. } | Outcome::NotBegun { .. } => "stopped",
        Outcome::InDoubt { .. } => "in_doubt",
    };
    metrics::counter!("holdline_attempts_total", "outcome" => word).increment(1);
}
