//! What the core does with an account on X, which takes the same words only once. The server is a small
//! fake.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use holdline::app::doubts;
use holdline::app::held::{self, Settle, Settlement};
use holdline::clock::{Clock, rfc3339};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::Bench;

struct Account {
    /// Stamps the posts.
    clock: Clock,
    posts: Vec<(String, String)>,
    /// The next post is made, and the answer says otherwise.
    loses: bool,
    /// The list does not show the posts yet.
    lags: bool,
}

type Fake = Arc<Mutex<Account>>;

async fn make(State(fake): State<Fake>, Json(sent): Json<Value>) -> (StatusCode, Json<Value>) {
    let mut fake = fake.lock().unwrap();
    let text = sent["text"].as_str().unwrap().to_owned();
    if fake.posts.iter().any(|(_, known)| *known == text) {
        let detail = "You are not allowed to create a Tweet with duplicate content.";
        return (StatusCode::FORBIDDEN, Json(json!({ "detail": detail, "status": 403 })));
    }
    let id = (1_000 + fake.posts.len()).to_string();
    fake.posts.push((id.clone(), text));
    if std::mem::take(&mut fake.loses) {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({})));
    }
    (StatusCode::CREATED, Json(json!({ "data": { "id": id } })))
}

async fn list(State(fake): State<Fake>) -> Json<Value> {
    let fake = fake.lock().unwrap();
    let (posts, now) = (fake.posts.iter().filter(|_| !fake.lags), rfc3339(fake.clock.now()));
    let data: Vec<Value> =
        posts.map(|(id, text)| json!({ "id": id, "text": text, "created_at": now })).collect();
    Json(json!({ "meta": { "result_count": data.len() }, "data": data }))
}

async fn remove(State(fake): State<Fake>, Path(id): Path<String>) -> Json<Value> {
    fake.lock().unwrap().posts.retain(|(known, _)| *known != id);
    Json(json!({ "data": { "deleted": true } }))
}

async fn connect(bench: &mut Bench) -> Fake {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let clock = bench.app.clock().clone();
    let fake = Arc::new(Mutex::new(Account { clock, posts: Vec::new(), loses: false, lags: false }));
    let routes = Router::new()
        .route("/2/users/me", get(|| async { Json(json!({ "data": { "id": "7", "username": "bank" } })) }))
        .route("/2/tweets", post(make))
        .route("/2/tweets/{id}", delete(remove))
        .route("/2/users/7/tweets", get(list))
        .with_state(fake.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    bench.connect_with("x", "x", json!({ "server": url }), Some("hunter2")).await;
    fake
}

async fn deliver(bench: &Bench, text: &str, state: &str) -> String {
    let new = json!({ "kind": "routine", "channels": ["x"], "source": { "text": text } });
    let sent = bench.approved(new).await;
    bench.until(&sent.id, &[state]).await.deliveries.remove(0).id
}

/// The state of a delivery, and why it is so.
async fn told(bench: &Bench, delivery: &str) -> (String, String) {
    let doubt = doubts::get(&bench.app, &bench.approver, delivery).await.unwrap();
    let state = serde_json::to_value(doubt.state).unwrap().as_str().unwrap().to_owned();
    (state, doubt.reason.unwrap_or_default())
}

async fn read_back(bench: &Bench, delivery: &str) -> String {
    doubts::read_back(&bench.app, &bench.approver, delivery).await.unwrap();
    told(bench, delivery).await.0
}

on_both! {
    async fn the_same_words_twice_are_refused_at_first_and_a_doubt_after_a_doubt(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench).await;
        let worker = bench.start().await;
        let already = "X says that the account has posted these words already (status 403): You are not allowed";
        let first = deliver(&bench, "Cards fail.", "accepted").await;
        // Nobody tried this one before: what is there is another's.
        let second = deliver(&bench, "Cards fail.", "failed").await;
        assert!(told(&bench, &second).await.1.starts_with(already));
        // It is out, and the network says neither that nor shows it; a person is mistaken, and it is tried again.
        { let mut fake = fake.lock().unwrap(); fake.loses = true; fake.lags = true; }
        let lost = deliver(&bench, "Cards work again.", "in_doubt").await;
        assert_eq!(read_back(&bench, &lost).await, "in_doubt");
        let word = Settle { settlement: Settlement::TryAgain, note: "not there".into(), url: None };
        held::settle(&bench.app, &bench.approver, &lost, &word).await.unwrap();
        for _ in 0..200 {
            if told(&bench, &lost).await.1.starts_with(already) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let (state, why) = told(&bench, &lost).await;
        assert!(state == "in_doubt" && why.starts_with(already), "{state}: {why}");
        assert_eq!(read_back(&bench, &lost).await, "in_doubt", "not to be seen yet, which proves nothing");
        fake.lock().unwrap().lags = false;
        assert_eq!(read_back(&bench, &lost).await, "accepted");
        assert_eq!(fake.lock().unwrap().posts.len(), 2, "one copy of each");
        // Each takes down its own.
        for delivery in [&lost, &first] {
            let gone = held::retract(&bench.app, &bench.approver, delivery, "wrong").await.unwrap();
            assert_eq!(gone, ::channels::Retraction::Gone);
        }
        assert!(fake.lock().unwrap().posts.is_empty());
        worker.stop().await.unwrap();
    }
}
