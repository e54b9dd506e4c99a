//! Repeated requests: imports, pictures, and requests whose caller went away.

use std::time::{Duration, Instant};

use channels::http::{Answer, Request};
use holdline::app::repeats::{self, Known};
use holdline::app::secrets::Keys;
use holdline::app::{App, freezes};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::on_both;
use crate::support::caller::Caller;
use crate::support::drawn::png;

fn rows(count: usize) -> String {
    let row = |n| {
        let post = json!({"kind": "routine", "labels": ["import"], "source": {"text": format!("row {n}")},
            "channels": ["alpha"], "due": "2099-01-01T00:00:00Z"});
        format!("{post}\n")
    };
    (0..count).map(row).collect()
}

fn import(caller: &Caller, key: &str, atomic: bool, body: &str) -> Request {
    let url = caller.url(&format!("/posts/import?atomic={atomic}"));
    let request = Request::post(&url).header("idempotency-key", key);
    request.body("application/x-ndjson", body.as_bytes().to_vec())
}

async fn count(caller: &Caller) -> usize {
    let page = caller.call(Request::get(&caller.url("/posts?label=import&limit=500"))).await;
    page.json::<Value>().unwrap().as_array().unwrap().len()
}

fn again(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

/// Sends the first half of the request and goes away.
async fn break_off(caller: &Caller, key: &str, atomic: bool, body: &str) {
    let address = caller.base.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/v1/posts/import?atomic={atomic} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\
         idempotency-key: {key}\r\ncontent-length: {}\r\n\r\n",
        caller.operator.expose_secret(),
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&body.as_bytes()[..body.len() * 2 / 3]).await.unwrap();
    stream.flush().await.unwrap();
    tokio::time::sleep(Duration::from_millis(400)).await;
    drop(stream);
    tokio::time::sleep(Duration::from_millis(600)).await;
}

on_both! {
    async fn an_import_is_done_once_for_its_key(bench) {
        let caller = Caller::new(&bench).await;
        let first = caller.call(import(&caller, "k", false, &rows(3))).await;
        let second = caller.call(import(&caller, "k", false, &rows(3))).await;
        assert_eq!((first.status, second.status), (200, 200));
        assert_eq!((again(&first), again(&second)), (false, true));
        assert_eq!(first.body, second.body);
        assert_eq!(count(&caller).await, 3);
        for other in [import(&caller, "k", false, &rows(4)), import(&caller, "k", true, &rows(3)),
            Request::post(&caller.url("/posts")).header("idempotency-key", "k").json(&json!({}))] {
            let refused = caller.call(other).await;
            assert_eq!(refused.status, 422, "{}", String::from_utf8_lossy(&refused.body));
            assert!(String::from_utf8_lossy(&refused.body).contains("another request"));
        }
        assert_eq!(count(&caller).await, 3);
        // Rows that were refused are an answer too.
        let bad = caller.call(import(&caller, "bad", true, "not json\n")).await;
        let same = caller.call(import(&caller, "bad", true, "not json\n")).await;
        assert_eq!((bad.status, same.status, again(&same)), (422, 422, true));
        assert_eq!(same.header("content-type"), Some("application/problem+json"));
    }

    async fn whoever_may_not_import_leaves_the_key_free(bench) {
        let caller = Caller::new(&bench).await;
        for _ in 0..2 {
            let request = import(&caller, "k", false, &rows(1)).bearer(&caller.approver);
            let refused = caller.http.call(request).await.unwrap();
            assert_eq!((refused.status, again(&refused)), (403, false));
        }
    }

    async fn an_import_of_all_or_nothing_that_broke_off_is_sent_again_with_its_key(bench) {
        let caller = Caller::new(&bench).await;
        let body = rows(600);
        break_off(&caller, "k", true, &body).await;
        assert_eq!(count(&caller).await, 0);
        let answer = caller.call(import(&caller, "k", true, &body)).await;
        let result: Value = answer.json().unwrap();
        assert_eq!((answer.status, again(&answer), &result["created"]), (200, false, &json!(600)));
        let repeated = caller.call(import(&caller, "k", true, &body)).await;
        assert!(again(&repeated), "{}", String::from_utf8_lossy(&repeated.body));
    }

    async fn an_import_row_by_row_that_broke_off_is_not_done_again(bench) {
        let caller = Caller::new(&bench).await;
        let body = rows(400);
        break_off(&caller, "k", false, &body).await;
        let written = count(&caller).await;
        assert!((200..400).contains(&written), "{written}");
        let refused = caller.call(import(&caller, "k", false, &body)).await;
        assert_eq!(refused.status, 422);
        assert_eq!(count(&caller).await, written);
    }

    async fn a_picture_is_uploaded_once_for_its_key(bench) {
        let caller = Caller::new(&bench).await;
        let upload = |key: &str, side: u32| {
            let bytes = png(side, side);
            let request = Request::post(&caller.url("/media")).header("idempotency-key", key);
            request.body("application/octet-stream", bytes)
        };
        // 3 MB: larger than what JSON may be.
        let first = caller.call(upload("k", 5_000)).await;
        let second = caller.call(upload("k", 5_000)).await;
        assert_eq!((first.status, second.status, again(&second)), (201, 201, true));
        assert_eq!(first.body, second.body);
        assert_eq!(caller.call(upload("k", 4_000)).await.status, 422);
        assert_eq!(caller.call(upload("big", 7_000)).await.status, 413);
    }

    async fn a_key_that_cannot_be_kept_is_refused(bench) {
        let caller = Caller::new(&bench).await;
        let mut stream = tokio::net::TcpStream::connect(caller.base.trim_start_matches("http://")).await.unwrap();
        let body = json!({"kind": "routine", "source": {"text": "x"}}).to_string();
        let head = format!(
            "POST /api/v1/posts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nidempotency-key: clé\r\n\
             content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            caller.operator.expose_secret(),
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 422") && answer.contains("visible ASCII"), "{answer}");
    }

    async fn a_request_that_a_crash_broke_off_is_told_from_one_that_is_worked_on(bench) {
        let process = async |node: &str| {
            let clock = bench.app.clock().clone();
            App::new(bench.look().await, clock, Keys::random(), node, "http://localhost")
        };
        let take = async |app: &App| repeats::take(app, &bench.operator.id, "k", Some("hash")).await;
        let said = async |app: &App| take(app).await.unwrap_err().to_string();
        assert_eq!(take(&bench.app).await.unwrap(), Known::New);
        assert!(said(&bench.app).await.contains("still being worked on"));
        bench.app.clock().advance(1);
        let (again, other) = (process("node-a").await, process("node-b").await);
        let words = said(&again).await;
        assert!(words.contains("broken off") && words.contains("new key"), "{words}");
        assert!(said(&other).await.contains("broken off"), "its node is not on the list");
        let node = bench.start().await;
        assert!(said(&other).await.contains("still being worked on"));
        node.vanish();
        bench.app.clock().advance(181_000);
        assert!(said(&other).await.contains("broken off"), "its node is silent");
        repeats::finish(&bench.app, &bench.operator.id, "k", None, 201, "{}").await.unwrap();
        assert!(matches!(take(&again).await, Ok(Known::Answered { status: 201, .. })), "an answer stays one");
    }

    async fn the_work_goes_on_when_the_caller_is_gone(bench) {
        let caller = Caller::new(&bench).await;
        let freeze = || Request::post(&caller.url("/freezes")).header("idempotency-key", "k")
            .json(&json!({"reason": "the caller's network fails"}));
        // No node runs, so the call waits for the seal; the caller does not.
        let gone = tokio::time::timeout(Duration::from_secs(1), caller.call(freeze())).await;
        assert!(gone.is_err(), "the call was to wait for longer");
        assert_eq!(caller.call(freeze()).await.status, 409, "it is still being worked on");
        let (begun, mut answer) = (Instant::now(), caller.call(freeze()).await);
        while answer.status == 409 {
            assert!(begun.elapsed() < Duration::from_secs(30), "it never ends");
            tokio::time::sleep(Duration::from_millis(200)).await;
            answer = caller.call(freeze()).await;
        }
        assert_eq!((answer.status, again(&answer)), (201, true));
        let all = freezes::list(&bench.app, &bench.operator, true).await.unwrap();
        assert_eq!(all.len(), 1);
    }
}
