//! What a network still takes: routine posts leave a reserve, and crisis posts never wait for it.

use std::time::Duration;

use holdline::app::hub::Topic;
use holdline::app::posts::PostView;
use holdline::app::{channels, incidents, posts};
use holdline::clock::rfc3339;
use holdline::domain::delivery::State;
use holdline::sandbox::{Fault, Limit};
use serde_json::json;

use crate::on_both;
use crate::support::Bench;

const MINUTE: i64 = 60_000;

pub async fn routine(bench: &Bench, channel: &str, text: &str) -> PostView {
    bench.approved(json!({"kind": "routine", "channels": [channel], "source": {"text": text}})).await
}

pub async fn crisis(bench: &Bench, channel: &str) -> PostView {
    let new = json!({"title": format!("Down on {channel}"), "severity": "major", "freeze": false});
    let new = serde_json::from_value(new).unwrap();
    let incident = incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident;
    bench
        .approved(json!({"kind": "update", "channels": [channel], "incident": incident.id,
            "source": {"text": "We know."}, "promise": "2199-01-01T00:00:00Z"}))
        .await
}

/// Routine posts that all fall due at once.
async fn rush(bench: &Bench, channel: &str, many: usize) -> Vec<PostView> {
    let due = rfc3339(bench.app.clock().now() + 5 * MINUTE);
    let mut all = Vec::with_capacity(many);
    for n in 0..many {
        let post = json!({"kind": "routine", "channels": [channel], "due": due, "labels": ["rush"],
            "source": {"text": format!("number {n}")}});
        all.push(bench.submit(post).await);
    }
    assert_eq!(bench.approve_all("rush").await, many);
    bench.app.clock().advance(5 * MINUTE);
    bench.app.hub().poke(Topic::Queue);
    all
}

/// Waits until so many posts have arrived at the sandbox.
async fn arrived(bench: &Bench, many: usize) {
    for _ in 0..400 {
        if bench.sandbox.arrived() >= many {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{} have arrived, not {many}", bench.sandbox.arrived());
}

/// Waits until as many of the posts are out, and the others have a reason to wait.
pub async fn settled(bench: &Bench, all: &[PostView], out: usize) -> Vec<String> {
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

/// Those whose delivery is in that state.
async fn posts_in(bench: &Bench, all: &[PostView], state: State) -> Vec<String> {
    let mut out = Vec::new();
    for post in all {
        let view = posts::get(&bench.app, &bench.operator, &post.id).await.unwrap();
        out.extend((view.deliveries[0].state == state).then_some(view.id));
    }
    out
}

on_both! {
    async fn routine_posts_leave_a_reserve_that_crisis_posts_take(bench) {
        bench.sandbox.limit(&["alpha"], Limit { most: 20, left: 10, resets_after: 3_600 });
        let worker = bench.start().await;
        // The first answer tells what is left: nine. Four of twenty are kept.
        let first = routine(&bench, "alpha", "first").await;
        bench.until(&first.id, &["accepted"]).await;
        let rush = rush(&bench, "alpha", 30).await;
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
        bench.sandbox.set_facts("alpha", left(1));
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

    async fn a_crisis_post_passes_a_line_full_of_routine_posts(bench) {
        bench.sandbox.limit(&["alpha"], Limit { most: 300, left: 66, resets_after: 3_600 });
        let worker = bench.start().await;
        let first = routine(&bench, "alpha", "first").await;
        bench.until(&first.id, &["accepted"]).await;
        // Five may go, and hang; the others fill the line behind them.
        bench.sandbox.fault("alpha", Fault::Late { ms: 15_000 }, 5);
        let all = rush(&bench, "alpha", 260).await;
        arrived(&bench, 6).await;
        let mut claimed = Vec::new();
        for _ in 0..400 {
            claimed = posts_in(&bench, &all, State::Claimed).await;
            if claimed.len() >= 200 {
                break;
            }
        }
        assert!(claimed.len() >= 200, "{}", claimed.len());
        let update = crisis(&bench, "alpha").await;
        bench.until(&update.id, &["accepted"]).await;
        let under_way = posts_in(&bench, &all, State::Sending).await;
        assert_eq!((under_way.len(), bench.sandbox.arrived()), (5, 7), "it went while the five hang");
        worker.vanish();
    }

    async fn what_a_budget_keeps_is_given_back_once_and_goes_when_there_is_room(bench) {
        bench.sandbox.limit(&["alpha"], Limit { most: 20, left: 5, resets_after: 7_200 });
        let worker = bench.start().await;
        let first = routine(&bench, "alpha", "first").await;
        bench.until(&first.id, &["accepted"]).await;
        let all = rush(&bench, "alpha", 30).await;
        settled(&bench, &all, 0).await;
        let soon = rfc3339(bench.app.clock().now() + 90 * MINUTE);
        for post in &all {
            let view = posts::get(&bench.app, &bench.operator, &post.id).await.unwrap();
            assert!(view.deliveries[0].ready > soon, "not again and again: {:?}", view.deliveries[0].ready);
        }
        // The answer to another post tells that there is room.
        bench.sandbox.limit(&["alpha"], Limit { most: 300, left: 300, resets_after: 7_200 });
        let update = crisis(&bench, "alpha").await;
        bench.until(&update.id, &["accepted"]).await;
        assert!(settled(&bench, &all, 30).await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn what_an_earlier_process_gave_back_is_looked_at_anew(bench) {
        bench.sandbox.limit(&["alpha"], Limit { most: 20, left: 5, resets_after: 7_200 });
        let worker = bench.start().await;
        let first = routine(&bench, "alpha", "first").await;
        bench.until(&first.id, &["accepted"]).await;
        let kept = routine(&bench, "alpha", "kept").await;
        settled(&bench, std::slice::from_ref(&kept), 0).await;
        worker.stop().await.unwrap();
        let worker = bench.start().await;
        bench.until(&kept.id, &["accepted"]).await;
        worker.stop().await.unwrap();
    }

    async fn the_next_window_is_not_met_by_the_whole_backlog(bench) {
        bench.sandbox.limit(&["alpha"], Limit { most: 10, left: 3, resets_after: 3_600 });
        let worker = bench.start().await;
        let first = routine(&bench, "alpha", "first").await;
        bench.until(&first.id, &["accepted"]).await;
        let all = rush(&bench, "alpha", 40).await;
        settled(&bench, &all, 0).await;
        for window in 1..=2 {
            bench.sandbox.limit(&["alpha"], Limit { most: 10, left: 10, resets_after: 3_600 });
            bench.app.clock().advance(62 * MINUTE);
            bench.app.hub().poke(Topic::Queue);
            settled(&bench, &all, 8 * window).await;
            assert_eq!(bench.sandbox.arrived(), 1 + 8 * window, "ten, less the two that are kept");
        }
        worker.stop().await.unwrap();
    }

    async fn a_network_that_always_says_that_none_is_left_holds_once(bench) {
        bench.sandbox.limit(&["alpha"], Limit { most: 20, left: 0, resets_after: 80_000 });
        let worker = bench.start().await;
        let first = routine(&bench, "alpha", "first").await;
        bench.until(&first.id, &["accepted"]).await;
        let all = rush(&bench, "alpha", 6).await;
        let reasons = settled(&bench, &all, 0).await;
        assert!(reasons[0].contains("is kept for crisis posts"), "{reasons:?}");
        let update = crisis(&bench, "alpha").await;
        bench.until(&update.id, &["accepted"]).await;
        bench.app.clock().advance(16 * MINUTE);
        bench.app.hub().poke(Topic::Queue);
        assert!(settled(&bench, &all, 6).await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn what_a_check_says_counts_at_once_on_a_channel_that_stays_ready(bench) {
        let left = |left: u64| json!({"posts": {"of": "account", "limit": 250, "left": left}});
        bench.sandbox.set_facts("alpha", left(250));
        let worker = bench.start().await;
        channels::check_due(&bench.app).await.unwrap();
        let post = routine(&bench, "alpha", "there is room").await;
        bench.until(&post.id, &["accepted"]).await;
        bench.sandbox.set_facts("alpha", left(45));
        let seen = channels::test(&bench.app, &bench.operator, &bench.channels[0]).await.unwrap();
        assert!(seen.health.ready, "{seen:?}");
        let kept = routine(&bench, "alpha", "there is none").await;
        let reasons = settled(&bench, std::slice::from_ref(&kept), 0).await;
        assert!(reasons[0].contains("is kept for crisis posts"), "{reasons:?}");
        worker.stop().await.unwrap();
    }
}
