//! A scheduler that takes few requests, and where what is put back waits for an approval. The Buffer is a stand-in; how it
//! can misbehave is tried with its adapter.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::{Json, Router};
use holdline::app::freezes;
use holdline::app::sweeps::{self, Choice};
use holdline::clock::rfc3339;
use holdline::domain::freeze::Scope;
use holdline::domain::sweep::Stand;
use serde_json::{Value, json};

use crate::console::sign_in;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::visitor::read;
use crate::sweeps::{MINUTE, all, decide_on, freeze_on, until};

/// Its only post, and how often it was asked for the list.
type Desk = Arc<Mutex<(Value, usize)>>;

async fn answer(State(desk): State<Desk>, Json(asked): Json<Value>) -> Json<Value> {
    let (post, lists) = &mut *desk.lock().unwrap();
    let input = &asked["variables"]["input"];
    let told = match asked["query"].as_str().unwrap().split('(').next().unwrap() {
        "query Check" => json!({ "channels": [{ "id": "c1" }], "posts": { "edges": [] } }),
        "query Post" => json!({ "post": post }),
        "query Posts" if post["status"] == "broken" => json!({}),
        "query Posts" => {
            *lists += 1;
            let edges: Vec<_> =
                (post["status"] == "scheduled").then(|| json!({ "node": post })).into_iter().collect();
            json!({ "posts": { "edges": edges, "pageInfo": { "hasNextPage": false, "endCursor": null } } })
        }
        _ if input["saveToDraft"] == true => {
            post["status"] = "draft".into();
            json!({ "editPost": { "__typename": "PostActionSuccess" } })
        }
        _ => {
            // The owner of the key may not schedule.
            post["status"] = "needs_approval".into();
            post["dueAt"] = input["dueAt"].clone();
            json!({ "editPost": { "__typename": "PostActionSuccess" } })
        }
    };
    Json(json!({ "data": told }))
}

/// A Buffer with a post a day ahead, connected as `queue`.
async fn connect(bench: &mut Bench) -> Desk {
    let due = rfc3339(bench.app.clock().now() + 24 * 60 * MINUTE);
    let post = json!({ "id": "6a0", "status": "scheduled", "text": "Sale", "dueAt": due, "channelId": "c1",
        "shareMode": "customScheduled", "updatedAt": "1" });
    let desk = Desk::new(Mutex::new((post, 0)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = Router::new().fallback(answer).with_state(Arc::clone(&desk));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    bench.connect_with("queue", "buffer", json!({ "org": "o1", "server": url }), Some("hunter2-key")).await;
    desk
}

on_both! {
    async fn a_list_that_fails_says_when_it_is_tried_again(bench) {
        let mut bench = bench;
        let desk = connect(&mut bench).await;
        desk.lock().unwrap().0["status"] = "broken".into();
        let worker = bench.start().await;
        let app = bench.app.clone();
        let begun = app.clock().now();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        let look = |s: &sweeps::SweepView| s.channels.iter().find(|c| c.channel_name == "queue").cloned();
        let seen = until(&app, &frozen.id, |s| look(s).is_some_and(|l| l.problem.is_some())).await;
        let again = look(&seen).unwrap().again_at.expect("when it is read again");
        let at = chrono::DateTime::parse_from_rfc3339(&again).unwrap().timestamp_millis();
        assert!((begun + MINUTE..begun + 2 * MINUTE).contains(&at), "a minute: {seen:?}");
        worker.stop().await.unwrap();
    }

    async fn a_freeze_says_when_a_list_is_read_again_and_what_waits_for_an_approval(bench) {
        let mut bench = bench;
        let desk = connect(&mut bench).await;
        let worker = bench.start().await;
        let app = bench.app.clone();
        let begun = app.clock().now();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        let again = |s: &sweeps::SweepView| s.channels.iter().find(|c| c.channel_name == "queue")?.again_at.clone();
        let seen = until(&app, &frozen.id, |s| all(Stand::Held, 1)(s) && again(s).is_some()).await;
        let at = chrono::DateTime::parse_from_rfc3339(&again(&seen).unwrap()).unwrap().timestamp_millis();
        assert!((begun + 10 * MINUTE..begun + 11 * MINUTE).contains(&at), "ten minutes: {seen:?}");
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let page = format!("/console/freezes/{}", frozen.id);
        assert!(read(&caller, &cookie, &page).await.contains("next read"));
        assert_eq!(desk.lock().unwrap().1, 1, "and not at each look");
        freezes::thaw(&app, &bench.approver, &frozen.id, "over").await.unwrap();
        assert!(!read(&caller, &cookie, &page).await.contains("next read"), "the freeze is over");
        assert_eq!(decide_on(&app, &bench, Choice::Restore, &[&seen.posts[0]], 60).await, Vec::new());
        let back = until(&app, &frozen.id, all(Stand::Restored, 1)).await;
        let why = back.posts[0].reason.clone().unwrap_or_default();
        assert!(why.contains("waits for an approval"), "{back:?}");
        assert_eq!(desk.lock().unwrap().0["status"], "needs_approval");
        worker.stop().await.unwrap();
    }
}
