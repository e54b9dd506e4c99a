//! What the core does with a Slack channel, whose posts carry their delivery's own id. The server is a
//! small fake.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use axum::{Json, Router};
use channels::Retraction;
use holdline::app::audit::{self, AuditFilter};
use holdline::app::held::{Settle, Settlement};
use holdline::app::{doubts, held, media};
use serde_json::{Value, json};

use crate::on_both;
use crate::support::Bench;
use crate::support::drawn::png;

/// What becomes of a new post.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Good,
    /// It is not made, and the answer says nothing.
    Deaf,
    /// It is made, and the answer says nothing.
    Lost,
    /// The history may not be read.
    Blind,
    /// The history has no end.
    Endless,
}

/// The messages, what becomes of the next one, and the pictures: the bytes, as far as they are there.
pub type Fake = Arc<Mutex<(Vec<Value>, Mode, Vec<Vec<u8>>)>>;

fn wrong(error: &str) -> Json<Value> {
    Json(json!({ "ok": false, "error": error }))
}

fn is_ours(headers: &HeaderMap) -> bool {
    headers.get("authorization").is_some_and(|value| value == "Bearer xoxb-hunter2")
}

async fn make(State(fake): State<Fake>, headers: HeaderMap, Json(sent): Json<Value>) -> Json<Value> {
    if !is_ours(&headers) {
        return wrong("invalid_auth");
    }
    if sent["channel"] != "C1" {
        return wrong("channel_not_found");
    }
    let mut fake = fake.lock().unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap();
    let ts = format!("{}.{:06}", now.as_secs(), now.subsec_micros());
    if fake.1 != Mode::Deaf {
        let mut made = sent.clone();
        (made["ts"], made["bot_id"]) = (ts.clone().into(), "B1".into());
        fake.0.push(made);
    }
    match fake.1 {
        Mode::Good | Mode::Blind | Mode::Endless => Json(json!({ "ok": true, "channel": "C1", "ts": ts })),
        Mode::Deaf | Mode::Lost => wrong("fatal_error"),
    }
}

async fn history(
    State(fake): State<Fake>,
    headers: HeaderMap,
    Query(asked): Query<HashMap<String, String>>,
) -> Json<Value> {
    if !is_ours(&headers) {
        return wrong("invalid_auth");
    }
    if asked.get("channel").map(String::as_str) != Some("C1") {
        return wrong("channel_not_found");
    }
    let mode = fake.lock().unwrap().1;
    if mode == Mode::Blind {
        return Json(json!({ "ok": false, "error": "missing_scope", "needed": "groups:history" }));
    }
    let oldest: f64 = asked.get("oldest").and_then(|o| o.parse().ok()).unwrap_or_default();
    let with_metadata = asked.get("include_all_metadata").map(String::as_str) == Some("true");
    let mut messages = fake.lock().unwrap().0.clone();
    messages.retain(|m| m["ts"].as_str().unwrap().parse::<f64>().unwrap() > oldest);
    if !with_metadata {
        messages.iter_mut().for_each(|m| m["metadata"] = Value::Null);
    }
    let next = if mode == Mode::Endless { "more" } else { "" };
    Json(json!({ "ok": true, "messages": messages, "response_metadata": { "next_cursor": next } }))
}

/// Deletes no picture: another app sent them.
async fn delete_file() -> Json<Value> {
    wrong("cant_delete_file")
}

async fn delete(State(fake): State<Fake>, headers: HeaderMap, Json(sent): Json<Value>) -> Json<Value> {
    if !is_ours(&headers) || sent["channel"] != "C1" {
        return wrong("invalid_auth");
    }
    let mut fake = fake.lock().unwrap();
    let before = fake.0.len();
    fake.0.retain(|m| m["ts"] != sent["ts"]);
    if fake.0.len() == before { wrong("message_not_found") } else { Json(json!({ "ok": true })) }
}

/// Says where the bytes of a picture go.
async fn announce(State(fake): State<Fake>, headers: HeaderMap) -> Json<Value> {
    if !is_ours(&headers) {
        return wrong("invalid_auth");
    }
    let mut fake = fake.lock().unwrap();
    fake.2.push(Vec::new());
    let (host, number) = (headers["host"].to_str().unwrap(), fake.2.len());
    let url = format!("http://{host}/upload/{number}");
    Json(json!({ "ok": true, "upload_url": url, "file_id": format!("F{number}") }))
}

async fn take(State(fake): State<Fake>, Path(number): Path<usize>, bytes: Bytes) {
    fake.lock().unwrap().2[number - 1] = bytes.to_vec();
}

/// Connects it as the channel `team`; with its settings.
pub async fn connect(bench: &mut Bench) -> (Fake, Value) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let fake = Fake::default();
    let who =
        json!({ "ok": true, "url": "https://bank.slack.com/", "team": "Bank", "user": "h", "bot_id": "B1" });
    let routes = Router::new()
        .route("/api/auth.test", post(move || async move { Json(who) }))
        .route("/api/chat.postMessage", post(make))
        .route("/api/chat.delete", post(delete))
        .route("/api/conversations.history", get(history))
        .route("/api/files.getUploadURLExternal", post(announce))
        .route("/upload/{number}", post(take))
        .route("/api/files.completeUploadExternal", post(|| async { Json(json!({ "ok": true })) }))
        .route("/api/files.delete", post(delete_file))
        .with_state(fake.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let settings = json!({ "server": url, "channel": "C1" });
    bench.connect_with("team", "slack", settings.clone(), Some("xoxb-hunter2")).await;
    (fake, settings)
}

/// Sends the same words, which end in a state; their delivery.
async fn deliver(bench: &Bench, state: &str) -> String {
    let new = json!({ "kind": "routine", "channels": ["team"], "source": { "text": "Cards work again." } });
    let sent = bench.approved(new).await;
    bench.until(&sent.id, &[state]).await.deliveries.remove(0).id
}

/// Reads a doubt back by hand; what was seen.
async fn seen(bench: &Bench, delivery: &str) -> (String, String) {
    doubts::read_back(&bench.app, &bench.approver, delivery).await.unwrap();
    let doubt = doubts::get(&bench.app, &bench.approver, delivery).await.unwrap();
    let state = serde_json::to_value(doubt.state).unwrap().as_str().unwrap().to_owned();
    (state, doubt.attempt.and_then(|a| a.detail).unwrap_or_default())
}

on_both! {
    async fn a_slack_post_is_known_by_its_own_key(bench) {
        let mut bench = bench;
        let (fake, _) = connect(&mut bench).await;
        let worker = bench.start().await;
        fake.lock().unwrap().1 = Mode::Deaf;
        let deaf = deliver(&bench, "in_doubt").await;
        fake.lock().unwrap().1 = Mode::Lost;
        let lost = deliver(&bench, "in_doubt").await;
        // The same words of another delivery are no proof, and none is none.
        let nothing = "read back: no post of this delivery is there yet, which proves nothing here";
        assert_eq!(seen(&bench, &deaf).await, ("in_doubt".into(), nothing.into()));
        assert_eq!(seen(&bench, &lost).await.0, "accepted");
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(fake.lock().unwrap().0.len(), 1, "nothing is sent again");
        let gone = held::retract(&bench.app, &bench.approver, &lost, "wrong").await.unwrap();
        assert_eq!((gone, fake.lock().unwrap().0.len()), (::channels::Retraction::Gone, 0));
        worker.stop().await.unwrap();
    }
    async fn a_picture_goes_to_slack_whole_and_stands_in_the_message_with_its_words(bench) {
        let mut bench = bench;
        let (fake, _) = connect(&mut bench).await;
        let worker = bench.start().await;
        let kept = media::upload(&bench.app, &bench.operator, png(20, 10)).await.unwrap();
        let picture = json!({ "sha256": kept.sha256, "mime": kept.mime, "alt": "Open branches" });
        let source = json!({ "text": "Cards work again.", "media": [picture] });
        let new = json!({ "kind": "routine", "channels": ["team"], "source": source });
        let sent = bench.approved(new).await;
        bench.until(&sent.id, &["accepted"]).await;
        let (messages, _, files) = fake.lock().unwrap().clone();
        assert_eq!(files, [png(20, 10)]);
        let image = json!({ "type": "image", "slack_file": { "id": "F1" }, "alt_text": "Open branches" });
        assert_eq!(messages[0]["blocks"].as_array().unwrap().last(), Some(&image));
        let delivery = bench.until(&sent.id, &["accepted"]).await.deliveries.remove(0).id;
        let word = |settlement| Settle { settlement, note: "I deleted the pictures in Slack".into(), url: None };
        let settle = async || held::settle(&bench.app, &bench.approver, &delivery, &word(Settlement::TakenDown)).await;
        let early = settle().await.unwrap_err().to_string();
        assert!(early.contains("ask for it to be taken down first"), "{early}");
        for _ in 0..2 {
            let live = held::retract(&bench.app, &bench.approver, &delivery, "wrong").await.unwrap();
            let Retraction::StillLive(why) = live else { panic!("Slack keeps the pictures") };
            assert!(why.starts_with("the message is gone, and Slack keeps its pictures: "), "{why}");
        }
        // However often it is asked, Slack keeps them; a person deletes them there.
        assert!(held::settle(&bench.app, &bench.operator, &delivery, &Settle { note: " ".into(), ..word(Settlement::TakenDown) }).await.is_err());
        settle().await.unwrap();
        assert_eq!(bench.until(&sent.id, &["retracted"]).await.deliveries[0].reason, None);
        let filter = AuditFilter { verb: Some("retraction.settled".into()), limit: 9, ..AuditFilter::default() };
        let log = audit::list(&bench.app, &bench.administrator, &filter).await.unwrap();
        assert!(log.len() == 1 && log[0].entry.to_string().contains("I deleted the pictures in Slack"), "{log:?}");
        settle().await.unwrap();
        worker.stop().await.unwrap();
    }
}
