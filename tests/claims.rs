//! What a claim takes out of the queue, on both databases. No sender runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use holdline::app::freezes::{self, NewFreeze};
use holdline::app::permits::{self, Batch, Rooms};
use holdline::app::sending::Outcome;
use holdline::app::{App, incidents, nodes, sending};
use serde_json::json;

use crate::on_both;
use crate::support::Bench;

async fn claim(bench: &Bench, rooms: &mut Rooms) -> Batch {
    permits::claim(&bench.app, 100, 100, rooms).await.unwrap()
}

async fn count(app: &App, state: &str) -> i64 {
    let counts = sending::counts(app).await.unwrap();
    counts.iter().find(|(s, _)| s == state).map_or(0, |(_, n)| *n)
}

/// Claims one delivery after the other, with a permit for each, until it is told to stop.
async fn claim_all(app: App, channels: Vec<String>, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::SeqCst) {
        let mut rooms = Rooms::default();
        channels.iter().for_each(|channel| rooms.set(channel, 1));
        permits::claim(&app, 1, 1, &mut rooms).await.unwrap();
    }
}

/// How many permits stand in the log outside freezes, and how many between a freeze and its thaw.
async fn permits_by_place(bench: &Bench) -> (usize, usize) {
    let (mut free, mut frozen, mut is_frozen) = (0, 0, false);
    for entry in bench.look().await.leaves(0, i64::MAX).await.unwrap() {
        let entry: serde_json::Value = serde_json::from_slice(&entry).unwrap();
        match entry["verb"].as_str().unwrap() {
            "freeze.committed" => is_frozen = true,
            "freeze.thawed" => is_frozen = false,
            "attempt.permitted" if is_frozen => frozen += 1,
            "attempt.permitted" => free += 1,
            _ => {}
        }
    }
    (free, frozen)
}

async fn routine(bench: &Bench, posts: usize) {
    for n in 0..posts {
        let text = format!("post {n}");
        bench.approved(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": text}})).await;
    }
}

on_both! {
    async fn no_permit_stands_in_the_log_between_a_freeze_and_its_thaw(bench) {
        let stop = Arc::<AtomicBool>::default();
        let mut claimers = Vec::new();
        for app in [bench.app.clone(), bench.again().await, bench.again().await] {
            claimers.push(tokio::spawn(claim_all(app, bench.channels.clone(), Arc::clone(&stop))));
        }
        for _ in 0..10 {
            for _ in 0..6 {
                bench.approved(json!({"kind": "routine", "source": {"text": "one more"}})).await;
            }
            // Nobody seals it: the call ends with the thaw.
            let (app, by) = (bench.app.clone(), bench.operator.clone());
            let freeze = tokio::spawn(async move { freezes::create(&app, &by, &NewFreeze::default()).await });
            let id = loop {
                let open = freezes::list(&bench.app, &bench.operator, true).await.unwrap();
                if let Some(freeze) = open.first() {
                    break freeze.id.clone();
                }
            };
            // One falls due while it is frozen, whatever the others do meanwhile.
            let caught = bench.approved(json!({"kind": "routine", "source": {"text": "caught"}})).await;
            bench.until(&caught.id, &["held"]).await;
            freezes::thaw(&bench.app, &bench.operator, &id, "over").await.unwrap();
            freeze.await.unwrap().unwrap();
        }
        stop.store(true, Ordering::SeqCst);
        for claimer in claimers {
            claimer.await.unwrap();
        }
        let (free, frozen) = permits_by_place(&bench).await;
        assert!(free > 0, "nothing was permitted");
        assert_eq!(frozen, 0, "permits after COMMITTED, beside {free} before");
        assert!(count(&bench.app, "held").await > 0, "no freeze met a queue");
    }

    async fn a_claim_permits_what_its_channel_has_room_for_and_leases_the_rest(bench) {
        routine(&bench, 3).await;
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 2);
        let batch = claim(&bench, &mut rooms).await;
        assert_eq!((batch.permits.len(), batch.claimed.len()), (2, 1));
        assert_eq!((count(&bench.app, "sending").await, count(&bench.app, "claimed").await), (2, 1));
        let later = permits::permit(&bench.app, &[batch.claimed[0].delivery.clone()]).await.unwrap();
        assert_eq!(later.len(), 1);
        assert_eq!(count(&bench.app, "sending").await, 3);
    }

    async fn a_crisis_post_is_permitted_where_there_is_no_room_and_before_what_is_routine(bench) {
        routine(&bench, 2).await;
        let new = json!({"title": "Payments are down", "severity": "minor", "freeze": false});
        let new = serde_json::from_value(new).unwrap();
        let incident = incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident;
        bench.approved(json!({"kind": "update", "incident": incident.id, "channels": ["alpha"],
            "source": {"text": "We are working on it."}})).await;
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 0);
        let batch = claim(&bench, &mut rooms).await;
        assert_eq!((batch.permits.len(), batch.claimed.len(), batch.more), (1, 0, true));
        assert_eq!(batch.permits[0].kind, "update");
        assert_eq!(count(&bench.app, "scheduled").await, 2, "what is routine has its turn later");
    }

    async fn after_a_crash_leases_go_back_and_permits_are_in_doubt(bench) {
        routine(&bench, 3).await;
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 1);
        claim(&bench, &mut rooms).await;
        let doubts = nodes::recover(&bench.app, None).await.unwrap();
        assert_eq!(doubts, 1);
        assert_eq!((count(&bench.app, "scheduled").await, count(&bench.app, "in_doubt").await), (2, 1));
    }

    async fn a_claim_that_failed_gives_back_what_it_may_have_taken(bench) {
        routine(&bench, 3).await;
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 1);
        let batch = claim(&bench, &mut rooms).await;
        // The commit arrived, and its answer did not.
        let mut ids: Vec<_> = batch.claimed.into_iter().map(|c| c.delivery).collect();
        ids.extend(batch.permits.into_iter().map(|p| p.delivery));
        permits::abandon(&bench.app, &ids).await.unwrap();
        assert_eq!(count(&bench.app, "scheduled").await, 3);
        let again = nodes::recover(&bench.app, None).await.unwrap();
        assert_eq!(again, 0, "no attempt is left without an outcome");
    }

    async fn what_fell_due_after_a_thaw_is_not_held_by_a_node_that_has_not_heard_of_it(bench) {
        let permit = || async {
            let mut rooms = Rooms::default();
            bench.channels.iter().for_each(|channel| rooms.set(channel, 1));
            claim(&bench, &mut rooms).await.permits.remove(0)
        };
        routine(&bench, 1).await;
        let before = permit().await;
        bench.app.clock().advance(10);
        let freeze = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap().id;
        freezes::thaw(&bench.app, &bench.approver, &freeze, "over").await.unwrap();
        bench.app.clock().advance(10);
        routine(&bench, 1).await;
        let after = permit().await;
        let stopped = Outcome::Stopped { reason: "stopped".into(), freeze: Some(freeze) };
        sending::settle(&bench.app, &[(before, stopped.clone()), (after, stopped)], |_| false).await.unwrap();
        assert_eq!((count(&bench.app, "held").await, count(&bench.app, "scheduled").await), (1, 1));
        bench.app.clock().advance(1_000);
        assert_eq!(permit().await.tries, 1, "what never began does not count as a try");
    }
}
