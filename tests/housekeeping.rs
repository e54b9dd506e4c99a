//! What the timer does, called by hand: turns, channel checks, checkpoints.

use holdline::app::audit::{self, AuditFilter};
use holdline::app::{channels, nodes};
use holdline::domain::checkpoint::TrustedKey;
use serde_json::json;

use crate::on_both;
use crate::support::Bench;

/// How many entries of the log have this verb.
async fn entries(bench: &Bench, verb: &str) -> usize {
    let filter = AuditFilter { verb: Some(verb.into()), limit: 500, ..AuditFilter::default() };
    audit::list(&bench.app, &bench.administrator, &filter).await.unwrap().len()
}

on_both! {
    async fn of_many_nodes_one_takes_a_turn(bench) {
        let tries: Vec<_> = (0..8).map(|_| {
            let app = bench.app.clone();
            tokio::spawn(async move { nodes::take_turn(&app, "sweeping", 50_000).await.unwrap() })
        }).collect();
        let mut taken = 0;
        for one in tries {
            taken += usize::from(one.await.unwrap());
        }
        assert_eq!(taken, 1);
        bench.app.clock().advance(51_000);
        assert!(nodes::take_turn(&bench.app, "sweeping", 50_000).await.unwrap());
        assert!(nodes::take_turn(&bench.app, "dusting", 50_000).await.unwrap(), "another job has its own turn");
    }

    async fn channels_are_checked_when_their_time_has_come(bench) {
        let mut bench = bench;
        bench.connect("gone", "sandbox", json!({ "url": "http://127.0.0.1:9/" })).await;
        let worker = bench.start().await;
        channels::check_due(&bench.app).await.unwrap();
        let seen = channels::list(&bench.app, &bench.operator).await.unwrap();
        for c in &seen {
            assert_eq!(c.health.as_ref().unwrap().ready, c.name != "gone", "{c:?}");
        }
        assert_eq!((entries(&bench, "channel.ready").await, entries(&bench, "channel.not_ready").await), (4, 1));
        // A minute later only the one that is not ready is asked again; nothing changed, so no entry.
        bench.app.clock().advance(61_000);
        let before = channels::list(&bench.app, &bench.operator).await.unwrap();
        channels::check_due(&bench.app).await.unwrap();
        let after = channels::list(&bench.app, &bench.operator).await.unwrap();
        for (old, new) in before.iter().zip(&after) {
            assert_eq!(old.checked_at != new.checked_at, new.name == "gone", "{new:?}");
        }
        assert_eq!(entries(&bench, "channel.not_ready").await, 1);
        worker.stop().await.unwrap();
    }

    async fn the_log_is_signed_when_it_has_grown(bench) {
        let first = audit::checkpoint_if_grown(&bench.app).await.unwrap().expect("a first one");
        assert!(audit::checkpoint_if_grown(&bench.app).await.unwrap().is_none(), "nothing new, nothing signed");
        bench.approved(json!({ "kind": "routine", "source": { "text": "more" } })).await;
        let grown = audit::checkpoint_if_grown(&bench.app).await.unwrap().expect("it has grown");
        assert!(grown.size > first.size);
        let key = TrustedKey::parse(&grown.key).unwrap();
        assert_eq!(key.verify(&grown.note).unwrap().size, u64::try_from(grown.size).unwrap());
    }
}
