//! A message of our bot that no delivery made raises an alarm (I13), in a channel of Slack and one of Discord in
//! which others chat. The servers are small fakes.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::{Json, Router};
use holdline::domain::incident::Severity;
use serde_json::{Value, json};

use crate::on_both;
use crate::real_channels::{publish, unique};
use crate::slack::{self, Mode};
use crate::support::Bench;
use crate::watches::{alarms, entries, look, seen, states};

/// A message of Slack that somebody writes now.
fn on_slack(bench: &Bench, bot: &str, text: &str) -> Value {
    let now = bench.app.clock().now();
    json!({ "ts": format!("{}.{:03}000", now / 1_000, now % 1_000), "bot_id": bot, "text": text })
}

/// The messages of a channel of Discord, the oldest first.
type Discord = Arc<Mutex<Vec<Value>>>;

/// Somebody writes there now.
fn on_discord(fake: &Discord, author: &str, text: &str) -> Value {
    let mut all = fake.lock().unwrap();
    let millis = u64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let id = ((millis - 1_420_070_400_000) << 22) + all.len() as u64;
    let message = json!({ "id": id.to_string(), "channel_id": "6", "type": 0, "content": text,
        "author": { "id": author }, "attachments": [], "embeds": [] });
    all.push(message.clone());
    message
}

async fn answer(
    State(fake): State<Discord>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    if headers.get("authorization").is_none_or(|token| token != "Bot hunter2") {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "code": 0, "message": "401: Unauthorized" })));
    }
    let good = |told: Value| (StatusCode::OK, Json(told));
    match (method.as_str(), uri.path().trim_start_matches("/api/v10/")) {
        ("GET", "users/@me") => good(json!({ "id": "77", "username": "Bank" })),
        ("GET", "channels/6") => good(json!({ "id": "6", "type": 0, "guild_id": "5", "name": "status" })),
        ("GET", "guilds/5/roles") => good(json!([{ "id": "5", "permissions": "8" }])),
        ("GET", "guilds/5/members/77") => good(json!({ "roles": [] })),
        ("GET", "channels/6/messages") if uri.query() == Some("limit=100") => {
            good(fake.lock().unwrap().iter().rev().take(100).cloned().collect())
        }
        ("GET", "channels/6/messages") => good(json!([])),
        ("POST", "channels/6/messages") => {
            let sent: Value = serde_json::from_slice(&body).unwrap();
            good(on_discord(&fake, "77", sent["content"].as_str().unwrap()))
        }
        _ => (StatusCode::NOT_FOUND, Json(json!({ "code": 10_003, "message": "Unknown Channel" }))),
    }
}

async fn discord(bench: &mut Bench) -> Discord {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let fake = Discord::default();
    let routes = Router::new().fallback(answer).with_state(fake.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    for name in ["guild", "again"] {
        let settings = json!({ "server": url, "channel": "6" });
        bench.connect_with(name, "discord_bot", settings, Some("hunter2")).await;
    }
    fake
}

on_both! {
    async fn a_message_of_the_bot_on_slack_that_no_delivery_made_raises_an_alarm(bench) {
        let mut bench = bench;
        let (fake, settings) = slack::connect(&mut bench).await;
        // Two channels of ours in one of Slack's.
        bench.connect_with("again", "slack", settings, Some("xoxb-hunter2")).await;
        let worker = bench.start().await;
        fake.lock().unwrap().0.push(on_slack(&bench, "B1", "It was there before"));
        assert!(look(&bench).await.posts.is_empty());
        let post = json!({ "kind": "routine", "channels": ["team", "again"], "source": { "text": "Cards work" } });
        let post = bench.approved(post).await;
        bench.until(&post.id, &["accepted"; 2]).await;
        fake.lock().unwrap().0.push(on_slack(&bench, "B2", "Send coins, says another"));
        assert!(look(&bench).await.posts.is_empty());
        let theirs = unique("Send coins");
        fake.lock().unwrap().0.push(on_slack(&bench, "B1", &theirs));
        let list = look(&bench).await;
        assert_eq!(states(&list, ""), ["foreign"], "{list:?}");
        let [alarm] = &alarms(&bench, &theirs).await[..] else { panic!("one alarm") };
        assert_eq!(alarm.title, "a post on h (Bank, C1) that Holdline did not send");
        assert_eq!(alarm.playbook.as_deref(), Some("account_taken"));
        // What may be ours is no alarm, and then it is ours.
        fake.lock().unwrap().1 = Mode::Lost;
        let text = unique("Once only");
        let lost = json!({ "kind": "routine", "channels": ["team"], "source": { "text": text } });
        let lost = bench.approved(lost).await;
        bench.until(&lost.id, &["in_doubt"]).await;
        assert_eq!(states(&look(&bench).await, &text), ["open"]);
        bench.app.clock().advance(6_000);
        bench.until(&lost.id, &["accepted"]).await;
        assert!(states(&look(&bench).await, &text).is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_permission_that_is_missing_on_slack_is_told_once_and_keeps_no_post(bench) {
        let mut bench = bench;
        let (fake, _) = slack::connect(&mut bench).await;
        let worker = bench.start().await;
        fake.lock().unwrap().1 = Mode::Blind;
        for minutes in [0, 1, 9, 10] {
            bench.app.clock().advance(minutes * 60_000);
            let list = look(&bench).await;
            let trouble = list.accounts[0].trouble.as_deref().unwrap();
            assert!(trouble.contains("the app lacks the permission groups:history; make a token with it"), "{trouble}");
        }
        assert_eq!((entries(&bench, "watch.fails").await, entries(&bench, "signal.received").await), (1, 0));
        // It is granted, and the watch begins.
        fake.lock().unwrap().1 = Mode::Good;
        bench.app.clock().advance(10 * 60_000);
        let list = look(&bench).await;
        assert!(list.accounts[0].trouble.is_none() && list.accounts[0].looked_at.is_some(), "{list:?}");
        worker.stop().await.unwrap();
    }

    async fn where_more_is_written_than_can_be_read_that_is_said_and_what_was_seen_counts(bench) {
        let mut bench = bench;
        let (fake, _) = slack::connect(&mut bench).await;
        let worker = bench.start().await;
        look(&bench).await;
        fake.lock().unwrap().1 = Mode::Endless;
        let theirs = unique("Send coins");
        fake.lock().unwrap().0.push(on_slack(&bench, "B1", &theirs));
        look(&bench).await;
        // No failed look: it goes on each minute, and nobody is told that the account is lost.
        for _ in 0..13 {
            fake.lock().unwrap().0 = vec![on_slack(&bench, "B2", "Chat")];
            let list = look(&bench).await;
            assert!(list.accounts[0].trouble.as_deref().unwrap().starts_with("more was written there"), "{list:?}");
            assert_eq!(states(&list, ""), ["foreign"], "{list:?}");
            bench.app.clock().advance(60_000);
        }
        let again = unique("Send more");
        fake.lock().unwrap().0.push(on_slack(&bench, "B1", &again));
        assert_eq!(seen(&look(&bench).await, &again).len(), 1, "looked at in this minute");
        assert!(alarms(&bench, "log in there").await.is_empty() && alarms(&bench, "could be looked through").await.len() == 1);
        fake.lock().unwrap().1 = Mode::Blind;
        look(&bench).await;
        assert!(alarms(&bench, "log in there").await.is_empty(), "it fails since now");
        fake.lock().unwrap().1 = Mode::Good;
        assert!(look(&bench).await.accounts[0].trouble.is_none());
        // What was missed waits for a person, once an hour, whatever comes and goes.
        let missed = alarms(&bench, "than one can read").await;
        assert_eq!((missed.len(), missed[0].times, missed[0].severity), (1, 1, Some(Severity::Minor)), "{missed:?}");
        assert_eq!(missed[0].title, "not all that was written on team could be looked through");
        for minutes in [1, 60, 1] {
            bench.app.clock().advance(minutes * 60_000);
            fake.lock().unwrap().1 = Mode::Endless;
            look(&bench).await;
            fake.lock().unwrap().1 = Mode::Good;
            look(&bench).await;
        }
        let [missed] = &alarms(&bench, "than one can read").await[..] else { panic!("one") };
        assert_eq!(missed.times, 2);
        let counts = (entries(&bench, "watch.misses").await, entries(&bench, "watch.fails").await);
        assert_eq!((counts, entries(&bench, "watch.goes_on").await), ((2, 1), 1));
        worker.stop().await.unwrap();
    }

    async fn a_message_of_the_bot_on_discord_that_no_delivery_made_raises_an_alarm(bench) {
        let mut bench = bench;
        let fake = discord(&mut bench).await;
        let worker = bench.start().await;
        on_discord(&fake, "77", "It was there before");
        assert!(look(&bench).await.posts.is_empty());
        publish(&bench, "guild", json!({ "text": "*Cards* work" })).await;
        publish(&bench, "again", json!({ "text": "*Cards* work" })).await;
        on_discord(&fake, "78", "Send coins, says another");
        let list = look(&bench).await;
        assert!(list.posts.is_empty() && list.accounts.iter().all(|a| a.trouble.is_none()), "{list:?}");
        let theirs = unique("Send coins");
        on_discord(&fake, "77", &theirs);
        let list = look(&bench).await;
        assert_eq!(states(&list, ""), ["foreign"], "{list:?}");
        let [alarm] = &alarms(&bench, &theirs).await[..] else { panic!("one alarm") };
        assert_eq!(alarm.title, "a post on Bank (6) that Holdline did not send");
        worker.stop().await.unwrap();
    }
}
