//! What each network is asked when a post is pinned, and what its answers mean. Bluesky, Ghost, Matrix and
//! WordPress are tried on real servers in `tests/pins.rs`.

use serde_json::{Value, json};

use crate::suite::{self, Fake, Step, answer};
use crate::{ALL, Adapter, NO_PINS, Pinned, Pins, discord_bot, mastodon, slack, telegram};

struct Case {
    adapter: Adapter,
    settings: Value,
    credential: &'static str,
    remote_id: &'static str,
    up: bool,
    answers: Vec<Step>,
    /// The first line of each request, and its content where there is one.
    asks: Vec<(&'static str, Value)>,
    /// Words of the reason; nothing: it is done.
    fails: Option<&'static str>,
}

async fn run(case: Case) {
    let fake = Fake::start(case.answers).await;
    let mut settings = case.settings;
    settings["server"] = fake.url.clone().into();
    let channel = suite::connect(&case.adapter, settings, Some(case.credential)).unwrap();
    let pinned = channel.pin(case.remote_id, case.up).await;
    match (&pinned, case.fails) {
        (Pinned::Done, None) => {}
        (Pinned::Failed(why), Some(words)) => {
            assert!(why.contains(words) && !why.contains("hunter2"), "{}: {why}", case.adapter.name);
        }
        _ => panic!("{}: {pinned:?}, and not {:?}", case.adapter.name, case.fails),
    }
    let requests = fake.requests();
    assert_eq!(requests.len(), case.asks.len(), "{}: {requests:?}", case.adapter.name);
    for (n, (line, content)) in case.asks.into_iter().enumerate() {
        assert!(requests[n].starts_with(line), "{}", requests[n]);
        if content != Value::Null {
            assert_eq!(serde_json::from_str::<Value>(&fake.content(n)).unwrap(), content);
        }
    }
}

fn case(adapter: Adapter, remote_id: &'static str, up: bool, answers: Vec<Step>) -> Case {
    let (settings, credential) = match adapter.name {
        "mastodon" => (json!({}), "hunter2-token"),
        "telegram" => (json!({ "chat": "@bank" }), "123456:hunter2-hunter2_hunter2"),
        "discord_bot" => (json!({ "channel": "6" }), "MTIz.hunter2.abc"),
        _ => (json!({ "channel": "C024BE91L" }), "xoxb-hunter2-hunter2"),
    };
    Case { adapter, settings, credential, remote_id, up, answers, asks: Vec::new(), fails: None }
}

fn ok(body: &str) -> Step {
    answer(200, "", body)
}

#[tokio::test]
async fn mastodon_pins_and_what_is_pinned_already_is_done() {
    let pin = ("POST /api/v1/statuses/9/pin ", Value::Null);
    let look = ("GET /api/v1/statuses/9 ", Value::Null);
    let new = |answers| case(mastodon::ADAPTER, "9", true, answers);
    run(Case { asks: vec![pin.clone()], ..new(vec![ok(r#"{"id":"9","pinned":true}"#)]) }).await;
    let refused = || answer(422, "", r#"{"error":"You have already pinned the maximum number of posts"}"#);
    let asks = || vec![pin.clone(), look.clone()];
    run(Case { asks: asks(), ..new(vec![refused(), ok(r#"{"id":"9","pinned":true}"#)]) }).await;
    let fails = Some("the maximum number");
    run(Case { asks: asks(), fails, ..new(vec![refused(), ok(r#"{"id":"9","pinned":false}"#)]) }).await;
    run(Case { fails: Some("holds no post"), ..case(mastodon::ADAPTER, "9/../1", true, Vec::new()) }).await;
    let unpin = ("POST /api/v1/statuses/9/unpin ", Value::Null);
    let down = case(mastodon::ADAPTER, "9", false, vec![ok(r#"{"id":"9","pinned":false}"#)]);
    run(Case { asks: vec![unpin.clone()], ..down }).await;
    // Another account's post says nothing of pins.
    for told in [r#"{"id":"9"}"#, r#"{"id":"8","pinned":false}"#, "{}"] {
        let down = case(mastodon::ADAPTER, "9", false, vec![ok(told), ok(told)]);
        run(Case { asks: vec![unpin.clone(), look.clone()], fails: Some(""), ..down }).await;
    }
}

#[tokio::test]
async fn telegram_pins_without_a_notice() {
    let new = |id, up, answers| case(telegram::ADAPTER, id, up, answers);
    let content = json!({ "chat_id": -1001, "message_id": 7, "disable_notification": true });
    let asks = vec![("POST /bot123456:hunter2-hunter2_hunter2/pinChatMessage ", content)];
    let done = || vec![ok(r#"{"ok":true,"result":true}"#)];
    run(Case { asks, ..new("123456:-1001:7", true, done()) }).await;
    let content = json!({ "chat_id": -1001, "message_id": 7 });
    let asks = vec![("POST /bot123456:hunter2-hunter2_hunter2/unpinChatMessage ", content)];
    run(Case { asks, ..new("123456:-1001:7", false, done()) }).await;
    let refused = r#"{"ok":false,"description":"Bad Request: not enough rights to manage pinned messages in the chat"}"#;
    let asks = vec![("POST ", Value::Null)];
    let fails = Some("may not pin posts there");
    run(Case { asks, fails, ..new("123456:-1001:7", true, vec![answer(400, "", refused)]) }).await;
    run(Case { fails: Some("another bot"), ..new("9:-1001:7", true, Vec::new()) }).await;
}

#[tokio::test]
async fn discord_pins_in_the_channel_of_the_post() {
    let new = |up, answers| case(discord_bot::ADAPTER, "6:101", up, answers);
    let asks = vec![("PUT /api/v10/channels/6/messages/pins/101 ", Value::Null)];
    run(Case { asks, ..new(true, vec![answer(204, "", "")]) }).await;
    let asks = vec![("DELETE /api/v10/channels/6/messages/pins/101 ", Value::Null)];
    run(Case { asks, ..new(false, vec![answer(204, "", "")]) }).await;
    let asks = || vec![("PUT ", Value::Null)];
    let refused = r#"{"code":50013,"message":"Missing Permissions"}"#;
    let fails = Some("Pin Messages");
    run(Case { asks: asks(), fails, ..new(true, vec![answer(403, "", refused)]) }).await;
    let full = r#"{"code":30003,"message":"Maximum number of pins reached"}"#;
    run(Case { asks: asks(), fails: Some("Maximum number"), ..new(true, vec![answer(400, "", full)]) }).await;
}

#[tokio::test]
async fn slack_says_what_is_pinned_already() {
    const ID: &str = "C024BE91L:1700000100.000200";
    let new = |up, answers| case(slack::ADAPTER, ID, up, answers);
    let content = || json!({ "channel": "C024BE91L", "timestamp": "1700000100.000200" });
    for body in [r#"{"ok":true}"#, r#"{"ok":false,"error":"already_pinned"}"#] {
        let asks = vec![("POST /api/pins.add ", content())];
        run(Case { asks, ..new(true, vec![ok(body)]) }).await;
    }
    for body in [r#"{"ok":true}"#, r#"{"ok":false,"error":"no_pin"}"#] {
        let asks = vec![("POST /api/pins.remove ", content())];
        run(Case { asks, ..new(false, vec![ok(body)]) }).await;
    }
    let asks = vec![("POST /api/pins.add ", content())];
    let refused = vec![ok(r#"{"ok":false,"error":"missing_scope","needed":"pins:write"}"#)];
    run(Case { asks, fails: Some("missing_scope"), ..new(true, refused) }).await;
}

#[tokio::test]
async fn who_says_to_pin_does_and_nobody_else() {
    let can: Vec<&str> = ALL.iter().filter(|a| a.capabilities.pins != Pins::None).map(|a| a.name).collect();
    assert_eq!(
        can,
        ["bluesky", "discord_bot", "ghost", "mastodon", "matrix", "slack", "telegram", "wordpress"]
    );
    let channel =
        suite::connect(&crate::sandbox::ADAPTER, json!({ "url": "http://127.0.0.1:1/demo/" }), None);
    assert_eq!(channel.unwrap().pin("9", true).await, Pinned::Failed(NO_PINS.to_owned()));
}
