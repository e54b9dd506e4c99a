//! What the core does with a Mastodon account: its limits, its content warning, and posts that are
//! known by their words alone. The server is a small fake.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use holdline::app::channels::{self, ChannelEdit};
use holdline::app::posts;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::Bench;

/// The posts, and whether the next ones are answered with 500 and not made.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<(Vec<Value>, bool)>>);

impl Fake {
    fn deaf(&self, deaf: bool) {
        self.0.lock().unwrap().1 = deaf;
    }

    fn posts(&self) -> Vec<Value> {
        self.0.lock().unwrap().0.clone()
    }
}

async fn make(State(fake): State<Fake>, Json(mut sent): Json<Value>) -> (StatusCode, Json<Value>) {
    let mut state = fake.0.lock().unwrap();
    if state.1 {
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": "x" })));
    }
    sent["id"] = (state.0.len() + 1).to_string().into();
    state.0.push(sent.clone());
    (StatusCode::OK, Json(sent))
}

async fn source(State(fake): State<Fake>, Path(id): Path<String>) -> Json<Value> {
    let post = fake.posts().into_iter().find(|p| p["id"] == id.as_str()).unwrap();
    Json(json!({ "text": post["status"], "spoiler_text": post["spoiler_text"].as_str().unwrap_or_default() }))
}

/// Starts the fake and connects the channel `toots`.
async fn connect(bench: &mut Bench, warning: &str) -> Fake {
    let fake = Fake::default();
    let instance = json!({ "version": "4.3.2", "configuration": { "statuses": { "max_characters": 700 } } });
    let told = |value: Value| get(move || async move { Json(value) });
    let routes = Router::new()
        .route("/api/v2/instance", told(instance))
        .route("/api/v1/accounts/verify_credentials", told(json!({ "id": "7", "acct": "bank" })))
        .route("/api/v1/statuses", axum::routing::post(make))
        .route("/api/v1/statuses/{id}/source", get(source))
        .route(
            "/api/v1/accounts/7/statuses",
            get(|State(fake): State<Fake>| async move { Json(fake.posts()) }),
        )
        .with_state(fake.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let settings = json!({ "server": server, "warning": warning });
    bench.connect_with("toots", "mastodon", settings, Some("hunter2-token")).await;
    fake
}

fn post(text: &str, title: Option<&str>) -> Value {
    let source = json!({ "text": text, "title": title });
    json!({ "kind": "routine", "channels": ["toots"], "source": source })
}

on_both! {
    async fn an_account_of_mastodon_tells_its_own_limits(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, "title").await;
        let worker = bench.start().await;
        let id = bench.channels.last().unwrap().clone();
        let (app, by) = (&bench.app, &bench.administrator);
        let seen = channels::test(app, by, &id).await.unwrap();
        assert_eq!(seen.detail, "logged in as @bank; Mastodon 4.3.2, 700 characters");
        // Another token is another check, and the same account: its limits stay.
        let edit = ChannelEdit { credential: Some("hunter2-other".into()), ..ChannelEdit::default() };
        let changed = channels::edit(app, by, &id, None, edit).await.unwrap();
        assert!(changed.health.is_none());
        let text = format!("{} https://bank.example/a/long/way/to/the/page/with/the/news", "a".repeat(660));
        let preview = |title: Option<&'static str>| {
            let new = serde_json::from_value(post(&text, title)).unwrap();
            let bench = &bench;
            async move { posts::preview(&bench.app, &bench.operator, &new).await.unwrap().channels.remove(0) }
        };
        let fits = preview(None).await;
        assert_eq!((fits.text.count, fits.text.limit, fits.problems.len()), (684, Some(700), 0));
        let warned = preview(Some("Cards do not work abroad")).await;
        assert_eq!(warned.rendition.title.as_deref(), Some("Cards do not work abroad"));
        assert_eq!((warned.text.count, warned.problems.len()), (708, 1));
        let sent = bench.approved(post("Cards work again.", Some("Cards"))).await;
        bench.until(&sent.id, &["accepted"]).await;
        let kept = fake.posts().remove(0);
        assert_eq!((&kept["spoiler_text"], &kept["status"]), (&json!("Cards"), &json!("Cards work again.")));
        worker.stop().await.unwrap();
    }

    async fn the_same_words_of_another_delivery_are_not_taken_for_this_one(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, "").await;
        let worker = bench.start().await;
        fake.deaf(true);
        let lost = bench.approved(post("Cards work again.", None)).await;
        bench.until(&lost.id, &["in_doubt"]).await;
        fake.deaf(false);
        let sent = bench.approved(post("Cards work again.", None)).await;
        bench.until(&sent.id, &["accepted"]).await;
        bench.app.clock().advance(6_000);
        let detail = "read back: the post that is there belongs to another delivery";
        let mut seen = String::new();
        for _ in 0..100 {
            let doubt = holdline::app::doubts::list(&bench.app, &bench.approver, "", 9).await.unwrap();
            seen = format!("{doubt:?}");
            if seen.contains(detail) {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        assert!(seen.contains(detail), "{seen}");
        assert_eq!(fake.posts().len(), 1, "nothing is sent again");
        worker.stop().await.unwrap();
    }
}
