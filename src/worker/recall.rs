//! Permits that only wait are taken back when people cancel their post or its incident ends: before the
//! first byte, wherever that byte would leave from. What has begun settles and is shown.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use channels::planted::{Planted, planted};

use super::{Shared, dispatch};
use crate::app::hub::Topic;
use crate::app::sending::Outcome;
use crate::app::unbegun;

/// Deliveries that may not begin any more, until their attempt is settled.
#[derive(Debug, Default)]
pub(crate) struct Recalled(Mutex<HashSet<String>>);

impl Recalled {
    /// Whether the delivery may not begin.
    pub fn contains(&self, delivery: &str) -> bool {
        self.lock().contains(delivery) && !planted(Planted::RecallIsForgotten)
    }

    /// Its attempt is settled.
    pub fn forget(&self, delivery: &str) {
        self.lock().remove(delivery);
    }

    fn add(&self, deliveries: Vec<String>) {
        self.lock().extend(deliveries);
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// What becomes of an attempt that was taken back. The next claim sees what people did with it.
pub(crate) fn outcome() -> Outcome {
    Outcome::NotBegun { reason: "it was taken back before it could begin".into(), not_before: None }
}

/// Takes back what waits, whenever people say so on any node. Runs until the node stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut changes = shared.app.hub().listen(Topic::Recalls);
    while shared.heard(&mut changes).await.is_some() {
        match unbegun::recalled(&shared.app).await {
            Ok(deliveries) if deliveries.is_empty() => {}
            Ok(deliveries) => {
                shared.recalled.add(deliveries);
                dispatch::withdraw(&shared, |p| shared.recalled.contains(&p.delivery).then(outcome)).await;
            }
            Err(e) => {
                tracing::error!(error = %e, cause = ?e, "cannot see what was taken back; trying again");
                tokio::time::sleep(Duration::from_millis(500)).await;
                shared.app.hub().poke(Topic::Recalls);
            }
        }
    }
}
