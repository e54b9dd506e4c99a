//! What a claim takes out of the queue, on both databases. No sender runs.

use holdline::app::permits::{self, Batch, Rooms};
use holdline::app::{App, incidents, sending};
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

async fn routine(bench: &Bench, posts: usize) {
    for n in 0..posts {
        let text = format!("post {n}");
        bench.approved(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": text}})).await;
    }
}

on_both! {
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
        let doubts = sending::recover(&bench.app, bench.app.node()).await.unwrap();
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
        let again = sending::recover(&bench.app, bench.app.node()).await.unwrap();
        assert_eq!(again, 0, "no attempt is left without an outcome");
    }
}
