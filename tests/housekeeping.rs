//! What the timer does, called by hand: turns, channel checks, checkpoints; and channels that wait.

use std::time::Duration;

use holdline::app::audit::{self, AuditFilter};
use holdline::app::hub::Topic;
use holdline::app::{channels, incidents, nodes, posts};
use holdline::domain::checkpoint::TrustedKey;
use holdline::domain::delivery::State;
use holdline::sandbox::Fault;
use serde_json::json;

use crate::on_both;
use crate::support::Bench;

fn routine(channel: &str, text: &str) -> serde_json::Value {
    json!({"kind": "routine", "channels": [channel], "source": {"text": text}})
}

/// How many entries of the log have this verb.
pub async fn entries(bench: &Bench, verb: &str) -> usize {
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

    async fn routine_posts_wait_for_a_channel_that_is_not_ready_and_crisis_posts_are_tried(bench) {
        bench.sandbox.set_health("beta", false);
        let worker = bench.start().await;
        channels::check_due(&bench.app).await.unwrap();
        // The lines hear of it.
        tokio::time::sleep(Duration::from_millis(300)).await;
        let post = bench.approved(routine("beta", "patient")).await;
        let mut view = posts::get(&bench.app, &bench.operator, &post.id).await.unwrap();
        for _ in 0..200 {
            if view.deliveries[0].reason.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
            view = posts::get(&bench.app, &bench.operator, &post.id).await.unwrap();
        }
        let waiting = &view.deliveries[0];
        assert_eq!((waiting.state, waiting.attempts), (State::Scheduled, 0), "{waiting:?}");
        assert!(waiting.reason.as_ref().is_some_and(|r| r.contains("not ready")), "{waiting:?}");
        let new = serde_json::from_value(json!({"title": "Down", "severity": "major", "freeze": false})).unwrap();
        let opened = incidents::open(&bench.app, &bench.operator, &new).await.unwrap();
        let update = json!({"kind": "update", "channels": ["beta"], "incident": opened.incident.id,
            "source": {"text": "We know."}});
        let update = bench.approved(update).await;
        bench.until(&update.id, &["accepted"]).await;
        bench.sandbox.set_health("beta", true);
        bench.app.clock().advance(61_000);
        channels::check_due(&bench.app).await.unwrap();
        bench.until(&post.id, &["accepted"]).await;
        assert_eq!(bench.sandbox.timeline("beta").len(), 2);
        worker.stop().await.unwrap();
    }

    async fn a_channel_that_was_told_to_wait_sends_nothing_until_then(bench) {
        // Sixteen go at once on a sandbox channel; the others wait in its line.
        bench.sandbox.fault("alpha", Fault::TooMany { seconds: 600 }, 16);
        let mut posts = Vec::new();
        for n in 0..40 {
            posts.push(bench.approved(routine("alpha", &format!("number {n}"))).await.id);
        }
        let worker = bench.start().await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        let asked = bench.sandbox.arrived();
        assert!((1..=16).contains(&asked), "{asked} arrived although the network said wait");
        let mut attempts = 0;
        for id in &posts {
            attempts += bench.until(id, &["scheduled"]).await.deliveries[0].attempts;
        }
        assert_eq!(attempts, i64::try_from(asked).unwrap(), "what never began counts as no try");
        // What of the sixteen was not met yet is met now, each time with another wait.
        for _ in 0..17 {
            bench.app.clock().advance(601_000);
            bench.app.hub().poke(Topic::Queue);
            tokio::time::sleep(Duration::from_millis(250)).await;
            if bench.sandbox.timeline("alpha").len() == 40 {
                break;
            }
        }
        for id in &posts {
            bench.until(id, &["accepted"]).await;
        }
        assert_eq!(bench.sandbox.timeline("alpha").len(), 40);
        worker.stop().await.unwrap();
    }

    async fn an_edit_forgets_what_the_last_check_saw(bench) {
        let worker = bench.start().await;
        channels::check_due(&bench.app).await.unwrap();
        let id = &bench.channels[0];
        let edit = serde_json::from_value(json!({"name": "alpha again"})).unwrap();
        let renamed = channels::edit(&bench.app, &bench.administrator, id, None, edit).await.unwrap();
        assert!(renamed.health.is_some(), "a name is no connection");
        let edit = serde_json::from_value(json!({"settings": {"url": "http://127.0.0.1:9/x"}})).unwrap();
        let moved = channels::edit(&bench.app, &bench.administrator, id, None, edit).await.unwrap();
        assert!(moved.health.is_none() && moved.checked_at.is_none(), "{moved:?}");
        worker.stop().await.unwrap();
    }
}
