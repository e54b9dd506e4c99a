//! A scheduler that publishes while a person decides. The Hootsuite is a stand-in; how it can misbehave is tried with its
//! adapter.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{Method, Uri};
use axum::{Json, Router};
use holdline::app::sweeps::{Choice, SweepView};
use holdline::clock::rfc3339;
use holdline::domain::freeze::Scope;
use holdline::domain::sweep::Stand;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::Bench;
use crate::sweeps::{MINUTE, all, decide_on, freeze_on, until};

/// Its only message.
type Desk = Arc<Mutex<Value>>;

async fn answer(State(desk): State<Desk>, method: Method, uri: Uri) -> Json<Value> {
    let mut message = desk.lock().unwrap();
    let query = uri.query().unwrap_or_default();
    let asked = query.split('&').find_map(|pair| pair.strip_prefix("state="));
    let is_asked = asked.is_none_or(|state| message["state"] == state);
    Json(match (method, uri.path()) {
        (_, "/oauth2/token") => json!({ "access_token": "hunter2-token", "expires_in": 3_600 }),
        (Method::GET, "/v1/messages") if is_asked => json!({ "data": [message.clone()] }),
        (Method::GET, "/v1/socialProfiles" | "/v1/messages") => json!({ "data": [] }),
        (Method::DELETE, _) => {
            // Somebody is asked first.
            message["state"] = "PENDING_APPROVAL".into();
            json!({ "data": [] })
        }
        _ => json!({ "data": message.clone() }),
    })
}

/// A Hootsuite with a message a day ahead, connected as `desk`.
async fn connect(bench: &mut Bench) -> Desk {
    let due = rfc3339(bench.app.clock().now() + 24 * 60 * MINUTE);
    let desk = Desk::new(Mutex::new(json!({ "id": "300", "state": "SCHEDULED", "text": "Sale",
        "scheduledSendTime": due, "socialProfile": { "id": "77" } })));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let settings = json!({ "client": "app", "member": "42",
        "server": format!("http://{}", listener.local_addr().unwrap()) });
    let routes = Router::new().fallback(answer).with_state(Arc::clone(&desk));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    bench.connect_with("desk", "hootsuite", settings, Some("hunter2-key")).await;
    desk
}

/// Its message is held by a freeze, and waits for an approval there; the id of the freeze.
async fn held(bench: &Bench, desk: &Desk) -> String {
    let frozen = freeze_on(&bench.app, bench, Scope::default()).await;
    for _ in 0..200 {
        if desk.lock().unwrap()["state"] == "PENDING_APPROVAL" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    bench.app.clock().advance(10 * MINUTE);
    until(&bench.app, &frozen.id, all(Stand::Held, 1)).await;
    frozen.id
}

/// Somebody approves it there, and a person drops it.
async fn dropped_while_it_is_sent(bench: &Bench, desk: &Desk, frozen: &str) -> SweepView {
    desk.lock().unwrap()["state"] = "SUBMITTED".into();
    let seen = until(&bench.app, frozen, all(Stand::Held, 1)).await;
    assert_eq!(decide_on(&bench.app, bench, Choice::Drop, &[&seen.posts[0]], 60).await, Vec::new());
    until(&bench.app, frozen, sends).await
}

fn sends(seen: &SweepView) -> bool {
    seen.posts[0].reason.as_deref() == Some("Hootsuite is publishing it")
}

on_both! {
    async fn what_is_being_published_while_it_is_dropped_is_looked_at_until_that_is_known(bench) {
        let mut bench = bench;
        let desk = connect(&mut bench).await;
        let worker = bench.start().await;
        let frozen = held(&bench, &desk).await;
        let seen = dropped_while_it_is_sent(&bench, &desk, &frozen).await;
        assert_eq!(seen.posts[0].state, Stand::Dropping, "nobody knows yet: {seen:?}");
        desk.lock().unwrap()["state"] = "SENT".into();
        bench.app.clock().advance(10 * MINUTE);
        until(&bench.app, &frozen, all(Stand::GoneOut, 1)).await;
        worker.stop().await.unwrap();
    }

    async fn what_stays_unknown_for_hours_while_it_is_dropped_is_for_a_person(bench) {
        let mut bench = bench;
        let desk = connect(&mut bench).await;
        let worker = bench.start().await;
        let frozen = held(&bench, &desk).await;
        dropped_while_it_is_sent(&bench, &desk, &frozen).await;
        bench.app.clock().advance(7 * 60 * MINUTE);
        until(&bench.app, &frozen, |s| all(Stand::Held, 1)(s) && sends(s)).await;
        worker.stop().await.unwrap();
    }
}
