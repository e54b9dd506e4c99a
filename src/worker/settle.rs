//! Outcomes in batches: whatever has come in is written in one change.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{Shared, faults, send};
use crate::app::permits::Permit;
use crate::app::sending::{self, Outcome};

/// Most outcomes in one change.
const BATCH: usize = 500;
/// How often a batch is tried as a whole.
const TOGETHER: usize = 3;
const AGAIN: Duration = Duration::from_millis(300);

/// Runs until the sender ends. An outcome that cannot be written is tried again for as long as it
/// takes: it is the only proof of what was sent.
pub(crate) async fn run(shared: Arc<Shared>, mut inbox: mpsc::Receiver<(Permit, Outcome)>) {
    let mut batch = Vec::with_capacity(BATCH);
    while inbox.recv_many(&mut batch, BATCH).await > 0 {
        faults::point("settling");
        write(&shared, &batch).await;
        faults::point("settled");
        for (permit, outcome) in batch.drain(..) {
            count(&outcome);
            shared.gate.settle(&permit.attempt);
            shared.recalled.forget(&permit.delivery);
            send::pause_if_asked(&shared, &permit, &outcome).await;
            shared.lines.release(&permit.channel, 1);
        }
        shared.lines.room.notify_one();
    }
}

/// Writes the outcomes, together if it can be: when that fails again and again, each by itself, so
/// that one which the database refuses does not keep the others.
async fn write(shared: &Shared, batch: &[(Permit, Outcome)]) {
    let has_left = |attempt: &str| shared.gate.has_begun(attempt);
    for _ in 0..TOGETHER {
        match sending::settle(&shared.app, batch, has_left).await {
            Ok(()) => return,
            Err(e) => {
                tracing::error!(error = %e, cause = ?e, outcomes = batch.len(), "cannot write outcomes; trying again")
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
    let mut left: Vec<_> = batch.iter().collect();
    while !left.is_empty() {
        let mut refused = Vec::new();
        for one in left {
            if let Err(e) = sending::settle(&shared.app, std::slice::from_ref(one), has_left).await {
                tracing::error!(error = %e, cause = ?e, attempt = one.0.attempt, "cannot write an outcome; trying again");
                refused.push(one);
            }
        }
        left = refused;
        if !left.is_empty() {
            tokio::time::sleep(AGAIN).await;
        }
    }
}

fn count(outcome: &Outcome) {
    let word = match outcome {
        Outcome::Accepted { .. } => "accepted",
        Outcome::Retry { .. } | Outcome::Later { .. } | Outcome::Failed { .. } => "rejected",
        Outcome::Stopped { .. } | Outcome::NotBegun { .. } => "stopped",
        Outcome::InDoubt { .. } => "in_doubt",
    };
    metrics::counter!("holdline_attempts_total", "outcome" => word).increment(1);
}
