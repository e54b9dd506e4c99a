//! The readiness board: what would fail is seen before the day, and what nobody knows is never ready.

use std::time::{Duration, Instant};

use channels::http::Request;
use holdline::app::board::{self, ReadinessView};
use holdline::app::channels::ChannelEdit;
use holdline::app::hub::Topic;
use holdline::app::standing::Standing;
use holdline::app::{channels as verbs, posts};
use holdline::clock::rfc3339;
use serde_json::{Value, json};

use crate::commands::run;
use crate::console::sign_in;
use crate::housekeeping::entries;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::visitor::read;

pub const MINUTE: i64 = 60_000;
const DAY: i64 = 1_440 * MINUTE;

pub async fn of(bench: &Bench, name: &str) -> ReadinessView {
    let board = board::board(&bench.app, &bench.operator).await.unwrap();
    board.into_iter().find(|c| c.name == name).unwrap()
}

pub fn routine(channels: &[&str]) -> Value {
    json!({"kind": "routine", "channels": channels, "source": {"text": "Open on Sunday"},
        "due": "2199-01-01T00:00:00Z"})
}

/// A server that takes connections and says nothing.
pub async fn silent() -> (tokio::net::TcpListener, Value) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    (listener, json!({ "url": url }))
}

/// Why the post waits, once that is said.
async fn reason(bench: &Bench, post: &str) -> String {
    for _ in 0..400 {
        let view = posts::get(&bench.app, &bench.operator, post).await.unwrap();
        if let Some(reason) = view.deliveries[0].reason.clone() {
            return reason;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("nobody says why it waits");
}

on_both! {
    async fn what_would_fail_is_seen_before_the_day(bench) {
        let now = bench.app.clock().now();
        bench.sandbox.set_facts("alpha", json!({"account": "@bank", "expires_at": rfc3339(now + 10 * DAY + MINUTE),
            "missing": [], "calls": {"of": "app", "left": 42, "resets_at": rfc3339(now + DAY)}}));
        bench.sandbox.set_facts("beta", json!({"missing": ["write:statuses"],
            "posts": {"of": "account", "limit": 250, "left": 0}}));
        let worker = bench.start().await;
        assert_eq!(of(&bench, "alpha").await.standing, Standing::Unknown, "it was not checked yet");
        verbs::check_due(&bench.app).await.unwrap();
        let alpha = of(&bench, "alpha").await;
        assert_eq!((alpha.standing, alpha.account.as_deref()), (Standing::Attention, Some("@bank")), "{alpha:?}");
        assert!(alpha.remarks[0].words.contains("expires in 10 days"), "{alpha:?}");
        assert_eq!((alpha.calls_left, alpha.calls_reset_at.is_some()), (Some(42), true), "{alpha:?}");
        assert_eq!(alpha.calls_at, alpha.checked_at);
        let beta = of(&bench, "beta").await;
        assert_eq!(beta.calls_left, None, "what is not told is not known");
        assert_eq!((beta.standing, beta.posts_left, beta.remarks.len()), (Standing::NotReady, Some(0), 2), "{beta:?}");
        let gamma = of(&bench, "gamma").await;
        assert_eq!((gamma.standing, gamma.account, gamma.missing), (Standing::Ready, None, None));
        let caller = Caller::new(&bench).await;
        let told: Vec<Value> = caller.call(Request::get(&caller.url("/readiness"))).await.json().unwrap();
        let names: Vec<_> = told.iter().map(|c| (c["name"].as_str().unwrap(), c["standing"].as_str().unwrap())).collect();
        assert_eq!(names, [("beta", "not_ready"), ("alpha", "attention"), ("gamma", "ready"), ("site", "ready")]);
        let (code, out, errors) = run(&caller, &caller.operator, &["ready"]).await;
        assert_eq!(code, Some(6), "{errors}");
        assert!(out.contains("beta: the credential lacks the permission write:statuses"), "{out}");
        bench.sandbox.set_facts("beta", json!({"missing": []}));
        verbs::test(&bench.app, &bench.operator, &bench.channels[1]).await.unwrap();
        assert_eq!(run(&caller, &caller.operator, &["ready"]).await.0, Some(0), "attention is no failure");
        // Nobody asks any more: a check of twenty minutes ago says nothing of now.
        bench.app.clock().advance(20 * MINUTE + 1_000);
        for c in board::board(&bench.app, &bench.operator).await.unwrap() {
            assert!(c.standing >= Standing::Unknown && c.checked_at.is_some(), "{c:?}");
        }
        assert_eq!(run(&caller, &caller.operator, &["ready"]).await.0, Some(6), "what nobody knows is not ready");
        worker.stop().await.unwrap();
    }

    async fn the_last_post_is_the_proof(bench) {
        let worker = bench.start().await;
        assert_eq!(of(&bench, "alpha").await.posted_at, None);
        let post = json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "Open on Sunday"}});
        let post = bench.approved(post).await;
        bench.until(&post.id, &["accepted"]).await;
        let first = of(&bench, "alpha").await.posted_at.expect("a post went out");
        assert_eq!(of(&bench, "beta").await.posted_at, None);
        bench.app.clock().advance(2 * MINUTE);
        let post = json!({"kind": "routine", "channels": ["alpha", "beta"], "source": {"text": "And on Monday"}});
        let post = bench.approved(post).await;
        bench.until(&post.id, &["accepted"]).await;
        for name in ["alpha", "beta"] {
            assert!(of(&bench, name).await.posted_at.unwrap() > first);
        }
        worker.stop().await.unwrap();
    }

    async fn a_channel_that_hangs_delays_no_check_of_another(bench) {
        let mut bench = bench;
        let mut listeners = Vec::new();
        for n in 0..6 {
            let (listener, url) = silent().await;
            bench.connect(&format!("a{n}"), "sandbox", url).await;
            listeners.push(listener);
        }
        let worker = bench.start().await;
        let asked = Instant::now();
        verbs::check_due(&bench.app).await.unwrap();
        // Each gives up after five seconds; one after the other they would take thirty.
        assert!(asked.elapsed() < Duration::from_secs(15), "{:?}", asked.elapsed());
        assert_eq!(of(&bench, "a0").await.standing, Standing::NotReady);
        assert_eq!(of(&bench, "gamma").await.standing, Standing::Ready);
        worker.stop().await.unwrap();
    }

    async fn the_board_is_a_screen_in_both_languages(bench) {
        let end = rfc3339(bench.app.clock().now() + 2 * DAY);
        bench.sandbox.set_facts("beta", json!({"account": "<b>@bank</b>", "expires_at": end}));
        let worker = bench.start().await;
        verbs::check_due(&bench.app).await.unwrap();
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let page = read(&caller, &cookie, "/console/settings/readiness?lang=en").await;
        assert!(page.contains("expires within 3 days"), "{page}");
        assert!(page.contains("&#60;b&#62;@bank") && !page.contains("<b>@bank"), "{page}");
        let page = read(&caller, &cookie, "/console/settings/readiness?lang=fr").await;
        assert!(page.contains("expire dans moins de 3 jours") && page.contains("Pas prêt"), "{page}");
        let post = bench.submit(routine(&["beta"])).await;
        let cookie = sign_in(&bench, &bench.approver).await.cookie;
        let page = read(&caller, &cookie, &format!("/console/approvals/{}?lang=fr", post.id)).await;
        assert!(page.contains("expire dans moins de 3 jours"), "{page}");
        worker.stop().await.unwrap();
    }

    async fn what_the_board_calls_red_is_red_everywhere(bench) {
        let end = |days: i64| rfc3339(bench.app.clock().now() + days * DAY);
        bench.sandbox.set_facts("alpha", json!({"missing": ["write"]}));
        bench.sandbox.set_facts("beta", json!({"expires_at": end(2)}));
        bench.sandbox.set_facts("gamma", json!({"expires_at": end(20)}));
        let worker = bench.start().await;
        verbs::check_due(&bench.app).await.unwrap();
        let post = bench.approved(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "x"}})).await;
        assert!(reason(&bench, &post.id).await.contains("lacks the permission write"), "not tried, to fail for good");
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let now = read(&caller, &cookie, "/console?lang=en").await;
        assert!(now.contains("alpha is not ready") && now.contains("beta is not ready"), "{now}");
        assert!(!now.contains("gamma is not ready"), "{now}");
        for path in ["/console/settings/channels".to_owned(), format!("/console/settings/channels/{}", bench.channels[1])] {
            let page = read(&caller, &cookie, &format!("{path}?lang=en")).await;
            assert!(page.contains("dot bad") && page.contains("expires within 3 days"), "{page}");
        }
        let (code, out, _) = run(&caller, &caller.operator, &["channels", "test", &bench.channels[1]]).await;
        assert!(code == Some(6) && out.contains("not_ready") && out.contains("expires within 3 days"), "{code:?} {out}");
        assert_eq!(run(&caller, &caller.operator, &["channels", "test", &bench.channels[2]]).await.0, Some(0));
        // The log hears of each change, also of one that leaves it ready.
        assert_eq!(entries(&bench, "channel.not_ready").await, 2);
        bench.sandbox.set_facts("gamma", json!({"expires_at": end(10)}));
        bench.sandbox.set_facts("alpha", json!({"missing": []}));
        for channel in [&bench.channels[0], &bench.channels[2]] {
            verbs::test(&bench.app, &bench.operator, channel).await.unwrap();
        }
        assert_eq!((entries(&bench, "channel.attention").await, entries(&bench, "channel.not_ready").await), (1, 2));
        bench.app.clock().advance(31_000);
        bench.app.hub().poke(Topic::Queue);
        bench.until(&post.id, &["accepted"]).await;
        worker.stop().await.unwrap();
    }

    async fn a_check_that_cannot_look_forgets_nothing(bench) {
        let end = rfc3339(bench.app.clock().now() + 2 * DAY);
        let alpha = &bench.channels[0];
        bench.sandbox.set_facts("alpha", json!({"account": "@bank", "expires_at": end, "missing": ["write"]}));
        let worker = bench.start().await;
        verbs::test(&bench.app, &bench.operator, alpha).await.unwrap();
        for told in [json!({}), json!({"account": "@bank"})] {
            bench.sandbox.set_facts("alpha", told);
            let seen = verbs::test(&bench.app, &bench.operator, alpha).await.unwrap();
            assert!(!seen.health.ready && seen.health.detail.contains("permission write"), "{seen:?}");
            let alpha = of(&bench, "alpha").await;
            assert_eq!((alpha.standing, alpha.expires_at.as_ref()), (Standing::NotReady, Some(&end)), "{alpha:?}");
            assert_eq!(alpha.account.as_deref(), Some("@bank"));
        }
        bench.sandbox.set_facts("alpha", json!({"missing": []}));
        assert!(verbs::test(&bench.app, &bench.operator, alpha).await.unwrap().health.ready);
        // Another credential is another matter.
        let edit = ChannelEdit { credential: Some("another".into()), ..ChannelEdit::default() };
        verbs::edit(&bench.app, &bench.administrator, alpha, None, edit).await.unwrap();
        assert_eq!(of(&bench, "alpha").await.expires_at, None);
        worker.stop().await.unwrap();
    }
}
