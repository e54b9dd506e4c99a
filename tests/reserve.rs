//! What a network still takes: routine posts leave a reserve, and crisis posts never wait for it.

use std::time::Duration;

use holdline::app::hub::Topic;
use holdline::app::posts::PostView;
use holdline::app::{channels, incidents, posts};
use holdline::clock::rfc3339;
use holdline::domain::delivery::State;
use holdline::sandbox::Limit;
use serde_json::json;

use crate::on_both;
use crate::support::Bench;

const MINUTE: i64 = 60_000;

async fn routine(bench: &Bench, channel: &str, text: &str) -> PostView {
    bench.approved(json!({"kind": "routine", "channels": [channel], "source": {"text": text}})).await
}

async fn crisis(bench: &Bench, channel: &str) -> PostView {
    let new = json!({"title": format!("Down on {channel}"), "severity": "major", "freeze": false});
    let new = serde_json::from_value(new).unwrap();
    let incident = incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident;
    bench
        .approved(json!({"kind": "update", "channels": [channel], "incident": incident.id,
            "source": {"text": "We know."}, "promise": "2199-01-01T00:00:00Z"}))
        .await
}

/// Waits until as many of the posts are out, and the others have a reason to wait.
async fn settled(bench: &Bench, all: &[PostView], out: usize) -> Vec<String> {
    for _ in 0..400 {
        let (mut accepted, mut reasons) = (0, Vec::new());
        for post in all {
            let view = posts::get(&bench.app, &bench.operator, &post.id).await.unwrap();
            match view.deliveries[0].state {
                State::Accepted => accepted += 1,
                State::Scheduled => reasons.extend(view.deliveries[0].reason.clone()),
                _ => {}
            }
        }
        if accepted == out && accepted + reasons.len() == all.len() {
            return reasons;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("not {out} of {} went out: {:?}", all.len(), bench.sandbox.timeline("alpha").len());
}

on_both! {
    async fn routine_posts_leave_a_reserve_that_crisis_posts_take(bench) {
        bench.sandbox.limit(&["alpha"], Limit { most: 20, left: 10, resets_after: 3_600 });
        let worker = bench.start().await;
        // The first answer tells what is left: nine. Four of twenty are kept.
        let first = routine(&bench, "alpha", "first").await;
        bench.until(&first.id, &["accepted"]).await;
        let mut rush = Vec::new();
        // All fall due at once, so that one batch could take them.
        let due = rfc3339(bench.app.clock().now() + 5 * MINUTE);
        for n in 0..30 {
            let post = json!({"kind": "routine", "channels": ["alpha"], "due": due,
                "source": {"text": format!("number {n}")}});
            rush.push(bench.approved(post).await);
        }
        bench.app.clock().advance(5 * MINUTE);
        bench.app.hub().poke(Topic::Queue);
        let reasons = settled(&bench, &rush, 5).await;
        assert!(reasons.iter().all(|r| r.contains("is kept for crisis posts")), "{reasons:?}");
        let update = crisis(&bench, "alpha").await;
        bench.until(&update.id, &["accepted"]).await;
        let beside = routine(&bench, "beta", "beside").await;
        bench.until(&beside.id, &["accepted"]).await;
        assert_eq!(bench.sandbox.timeline("alpha").len(), 7, "one, five, and the update");
        // The window ends, and the next one has room for all.
        bench.sandbox.limit(&["alpha"], Limit { most: 300, left: 300, resets_after: 3_600 });
        bench.app.clock().advance(61 * MINUTE);
        bench.app.hub().poke(Topic::Queue);
        assert!(settled(&bench, &rush, 30).await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn channels_of_one_account_share_what_is_left(bench) {
        for timeline in ["alpha", "beta"] {
            bench.sandbox.set_facts(timeline, json!({"account": "@bank"}));
        }
        bench.sandbox.limit(&["alpha", "beta"], Limit { most: 20, left: 8, resets_after: 3_600 });
        let worker = bench.start().await;
        channels::check_due(&bench.app).await.unwrap();
        let first = routine(&bench, "alpha", "first").await;
        bench.until(&first.id, &["accepted"]).await;
        let mut rush = Vec::new();
        for n in 0..12 {
            rush.push(routine(&bench, if n % 2 == 0 { "alpha" } else { "beta" }, &format!("number {n}")).await);
        }
        settled(&bench, &rush, 3).await;
        let other = routine(&bench, "gamma", "another account").await;
        bench.until(&other.id, &["accepted"]).await;
        worker.stop().await.unwrap();
    }

    async fn what_a_check_says_holds_routine_posts_once_and_crisis_posts_never(bench) {
        let left = |left: u64| json!({"account": format!("@{left}"), "posts": {"of": "account", "limit": 250, "left": left}});
        bench.sandbox.set_facts("alpha", left(0));
        bench.sandbox.set_facts("beta", left(9));
        let worker = bench.start().await;
        channels::check_due(&bench.app).await.unwrap();
        let post = routine(&bench, "alpha", "patient").await;
        let kept = routine(&bench, "beta", "kept").await;
        settled(&bench, std::slice::from_ref(&post), 0).await;
        let update = crisis(&bench, "beta").await;
        bench.until(&update.id, &["accepted"]).await;
        let reasons = settled(&bench, std::slice::from_ref(&kept), 0).await;
        assert!(reasons[0].contains("is kept for crisis posts"), "{reasons:?}");
        // The check says so again, and the wait grows no longer by it.
        bench.app.clock().advance(14 * MINUTE);
        channels::test(&bench.app, &bench.operator, &bench.channels[0]).await.unwrap();
        settled(&bench, std::slice::from_ref(&post), 0).await;
        bench.app.clock().advance(MINUTE + 1_000);
        bench.app.hub().poke(Topic::Queue);
        bench.until(&post.id, &["accepted"]).await;
        worker.stop().await.unwrap();
    }
}
