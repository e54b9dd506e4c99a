//! A scheduler in which people plan posts for networks: a freeze holds what is planned in it, and no post is ever
//! sent through it. The Postiz is a stand-in; how it can misbehave is tried with its adapter.

use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use holdline::app::audit::{self, AuditFilter};
use holdline::app::board;
use holdline::app::channels as rows;
use holdline::app::posts::{self, NewPost};
use holdline::app::sweeps::{self, Choice};
use holdline::clock::rfc3339;
use holdline::domain::freeze::Scope;
use holdline::domain::sweep::Stand;
use serde_json::{Value, json};

use crate::console::sign_in;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::schedule::Schedule;
use crate::support::visitor::read;
use crate::sweeps::{MINUTE, all, decide_on, freeze_on, looked, until};

/// What is planned there.
type Planned = Arc<Mutex<Vec<Value>>>;

async fn answer(State(planned): State<Planned>, asked: Request) -> Response {
    if asked.headers().get("authorization").is_none_or(|key| key != "hunter2-key") {
        return axum::http::StatusCode::UNAUTHORIZED.into_response();
    }
    let path: Vec<String> = asked.uri().path().split('/').skip(4).map(str::to_owned).collect();
    if path == ["integrations"] {
        return Json(json!([{ "id": "acc1" }])).into_response();
    }
    if path == ["posts"] && asked.method() == "GET" {
        let mut posts = planned.lock().unwrap();
        return Json(json!({ "posts": posts.iter_mut().map(shown).collect::<Vec<_>>() })).into_response();
    }
    assert_eq!((asked.method().as_str(), path.len()), ("PUT", 3), "{path:?}");
    let body = axum::body::to_bytes(asked.into_body(), 1_000).await.unwrap();
    let sent: Value = serde_json::from_slice(&body).unwrap();
    let mut posts = planned.lock().unwrap();
    let post = posts.iter_mut().find(|post| post["id"] == path[1].as_str()).unwrap();
    post["state"] = if sent["status"] == "draft" { "DRAFT" } else { "QUEUE" }.into();
    Json(post.clone()).into_response()
}

/// A post as a look shows it: one that is `stale` shows a hold only after so many looks.
fn shown(post: &mut Value) -> Value {
    let mut shown = post.clone();
    if let Some(left) = post["stale"].as_i64().filter(|left| *left > 0 && shown["state"] == "DRAFT") {
        post["stale"] = json!(left - 1);
        shown["state"] = "QUEUE".into();
    }
    shown
}

/// A Postiz with two posts, a day and two days ahead, connected as `plans`.
async fn connect(bench: &mut Bench) -> Planned {
    let now = bench.app.clock().now();
    let post = |n: i64| {
        json!({ "id": format!("cm{n}"), "content": format!("<p>Sale {n}</p>"), "state": "QUEUE",
            "publishDate": rfc3339(now + n * 24 * 60 * MINUTE), "intervalInDays": null,
            "integration": { "id": "acc1", "providerIdentifier": "x" } })
    };
    let planned = Planned::new(Mutex::new([1, 2].map(post).to_vec()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().fallback(answer).with_state(Arc::clone(&planned));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    bench.connect_with("plans", "postiz", json!({ "url": url }), Some("hunter2-key")).await;
    planned
}

fn states(planned: &Planned) -> Vec<String> {
    planned.lock().unwrap().iter().map(|p| p["state"].as_str().unwrap().to_owned()).collect()
}

on_both! {
    async fn no_post_is_sent_through_a_scheduler(bench) {
        let mut bench = bench;
        let planned = connect(&mut bench).await;
        let (app, by) = (&bench.app, &bench.operator);
        let new = |channels: &[&str]| -> NewPost {
            serde_json::from_value(json!({ "kind": "routine", "source": { "text": "Open today" },
                "channels": channels })).unwrap()
        };
        for channels in [&["plans"][..], &["alpha", "plans"]] {
            let why = posts::create(app, by, &new(channels)).await.unwrap_err().in_full();
            assert!(why.contains("plans is a scheduler: posts cannot be sent through it"), "{why}");
        }
        let everywhere = posts::create(app, by, &new(&[])).await.unwrap();
        let names: Vec<_> = everywhere.deliveries.iter().map(|d| d.channel_name.as_str()).collect();
        assert!(!names.is_empty() && !names.contains(&"plans"), "{names:?}");
        let offered = rows::outlets(app, by).await.unwrap();
        assert!(!offered.is_empty() && offered.iter().all(|c| c.name != "plans"));
        let board = board::board(app, by).await.unwrap();
        let plans = board.iter().find(|c| c.name == "plans").unwrap();
        assert!(!plans.publishes && board.iter().any(|c| c.publishes));
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, by).await.cookie;
        let composer = read(&caller, &cookie, "/console/compose").await;
        assert!(composer.contains("alpha") && !composer.contains("plans"), "{composer}");
        let shown = read(&caller, &cookie, "/console/settings/readiness").await;
        assert!(shown.contains("plans") && shown.contains("no post is sent through it"), "{shown}");
        assert_eq!(states(&planned), ["QUEUE", "QUEUE"]);
    }

    async fn what_is_planned_in_a_scheduler_is_held_and_put_back_for_its_own_time(bench) {
        let mut bench = bench;
        let planned = connect(&mut bench).await;
        let worker = bench.start().await;
        let app = bench.app.clone();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        let seen = until(&app, &frozen.id, all(Stand::Held, 2)).await;
        assert_eq!(states(&planned), ["DRAFT", "DRAFT"]);
        assert!(seen.channels.iter().any(|c| c.channel_name == "plans"), "a part of the freeze's answer: {seen:?}");
        let first = &seen.posts[0];
        assert_eq!(first.words, "Sale 1");
        assert!(first.reason.as_deref().is_some_and(|why| why.contains("exactly its own time")), "{first:?}");
        assert_eq!(sweeps::list(&app, &bench.operator, Some(Stand::Held)).await.unwrap().len(), 2, "in the review");
        holdline::app::freezes::thaw(&app, &bench.approver, &frozen.id, "over").await.unwrap();
        assert_eq!(states(&planned), ["DRAFT", "DRAFT"], "a thaw puts nothing back by itself");
        let passed = (app.clock().now() - due_at(first)) / MINUTE;
        assert_eq!(decide_on(&app, &bench, Choice::Restore, &[first], -passed).await, Vec::new());
        assert_eq!(decide_on(&app, &bench, Choice::Drop, &[&seen.posts[1]], 60).await, Vec::new());
        until(&app, &frozen.id, |s| {
            s.posts.iter().all(|p| matches!(p.state, Stand::Restored | Stand::Dropped))
        }).await;
        assert_eq!(states(&planned), ["QUEUE", "DRAFT"]);
        worker.stop().await.unwrap();
    }

    async fn a_hold_that_is_not_shown_at_once_stays_in_the_review(bench) {
        let mut bench = bench;
        let planned = connect(&mut bench).await;
        // The look of the hold, and the one that settles its doubt.
        planned.lock().unwrap()[0]["stale"] = json!(2);
        let worker = bench.start().await;
        let app = bench.app.clone();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        let seen = until(&app, &frozen.id, |s| s.posts.len() == 2 && looked(s)).await;
        assert_eq!(states(&planned), ["DRAFT", "DRAFT"]);
        let stands: Vec<_> = seen.posts.iter().map(|post| post.state).collect();
        assert_eq!(stands, [Stand::CouldNot, Stand::Held], "as far as it is shown");
        app.clock().advance(MINUTE + 1);
        until(&app, &frozen.id, all(Stand::Held, 2)).await;
        worker.stop().await.unwrap();
    }

    async fn a_freeze_that_leaves_a_scheduler_out_says_so(bench) {
        let mut bench = bench;
        let planned = connect(&mut bench).await;
        let worker = bench.start().await;
        let app = bench.app.clone();
        let [alpha, .., plans] = bench.channels.as_slice() else { panic!() };
        let of = |channels: &[&String]| Scope {
            channels: channels.iter().map(|c| (*c).clone()).collect(), ..Scope::default()
        };
        let narrow = freeze_on(&app, &bench, of(&[alpha])).await;
        let said = narrow.sweep.as_ref().and_then(|sweep| sweep.left_out.clone()).unwrap();
        assert!(said.contains("does not reach plans:"), "{said}");
        let filter = AuditFilter { subject: Some(format!("freeze:{}", narrow.id)), limit: 10, ..AuditFilter::default() };
        let log = audit::list(&app, &bench.administrator, &filter).await.unwrap();
        let entry = &log.iter().find(|e| e.entry["verb"] == "freeze.committed").unwrap().entry;
        assert_eq!(entry["note"], said.as_str());
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let page = read(&caller, &cookie, &format!("/console/freezes/{}", narrow.id)).await;
        assert!(page.contains("does not reach plans:"), "{page}");
        let by_label = Scope { labels: vec!["promo".into()], ..Scope::default() };
        assert!(freeze_on(&app, &bench, by_label).await.sweep.unwrap().left_out.is_some());
        assert_eq!(states(&planned), ["QUEUE", "QUEUE"]);
        for scope in [of(&[alpha, plans]), Scope::default()] {
            let wide = freeze_on(&app, &bench, scope).await;
            assert_eq!(wide.sweep.unwrap().left_out, None);
        }
        // X shows nobody what people planned there.
        bench.sql("update channels set adapter = 'x' where name = 'beta'").await;
        let wide = freeze_on(&app, &bench, Scope::default()).await;
        let said = wide.sweep.unwrap().left_out.unwrap();
        assert!(said.contains("the networks of beta themselves") && !said.contains("does not reach"), "{said}");
        let page = read(&caller, &cookie, &format!("/console/freezes/{}", wide.id)).await;
        assert!(page.contains("the networks of beta themselves cannot be seen from here"), "{page}");
        let beta = freeze_on(&app, &bench, of(&[&bench.channels[1]])).await.sweep.unwrap().left_out.unwrap();
        assert!(beta.contains("networks of beta") && beta.contains(". Besides, this freeze does not reach plans:"), "{beta}");
        let alpha = freeze_on(&app, &bench, of(&[alpha])).await.sweep.unwrap().left_out.unwrap();
        assert!(!alpha.contains("beta"), "{alpha}");
        worker.stop().await.unwrap();
    }

    async fn of_two_posts_that_say_the_same_each_is_made_again(bench) {
        let mut bench = bench;
        let network = Schedule::connect(&mut bench).await;
        network.add("Sale", 7);
        network.add("Sale", 8);
        let worker = bench.start().await;
        let app = bench.app.clone();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        let seen = until(&app, &frozen.id, all(Stand::Held, 2)).await;
        assert!(network.shown().is_empty(), "both are cancelled");
        holdline::app::freezes::thaw(&app, &bench.approver, &frozen.id, "over").await.unwrap();
        let both: Vec<_> = seen.posts.iter().collect();
        assert_eq!(decide_on(&app, &bench, Choice::Restore, &both, 200).await, Vec::new());
        until(&app, &frozen.id, all(Stand::Restored, 2)).await;
        assert_eq!(network.shown(), [("Sale".to_owned(), 3), ("Sale".to_owned(), 3)]);
        worker.stop().await.unwrap();
    }
}

/// When the post would have gone out.
fn due_at(post: &sweeps::SweptView) -> i64 {
    chrono::DateTime::parse_from_rfc3339(&post.due).unwrap().timestamp_millis()
}
