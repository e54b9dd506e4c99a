//! The Telegram adapter against a scripted server and a strict one.

use std::time::Duration;

use serde_json::json;

use super::server::{Api, TOKEN};
use super::*;
use crate::Retry;
use crate::message::LONGEST_WAIT;
use crate::strict::{self, Fate, Strict};
use crate::suite::{self, Expected, Kit};

pub(super) fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| json!({ "server": url, "chat": "@bank" }),
        credential: Some(TOKEN),
        secrets: &["hunter2"],
        before: Vec::new(),
        quiet: 0,
        accepted: r#"{"ok":true,"result":{"message_id":41,"chat":{"id":-1001,"type":"channel"}}}"#,
        table: vec![
            (200, Expected::Accepted),
            (302, Expected::InDoubt),
            (307, Expected::Rejected(Retry::Reconnect)),
            (400, Expected::Rejected(Retry::Never)),
            (401, Expected::Rejected(Retry::Reconnect)),
            (403, Expected::Rejected(Retry::Reconnect)),
            (404, Expected::Rejected(Retry::Reconnect)),
            (408, Expected::InDoubt),
            (409, Expected::InDoubt),
            (413, Expected::Rejected(Retry::Never)),
            (429, Expected::Rejected(Retry::After(Duration::from_secs(7)))),
            (500, Expected::InDoubt),
            (502, Expected::InDoubt),
            (503, Expected::InDoubt),
            (504, Expected::InDoubt),
        ],
    }
}

pub(super) fn to(url: &str) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, (kit().settings)(url), Some(TOKEN)).unwrap()
}

pub(super) async fn open(fates: &[Fate]) -> (Strict<Api>, Box<dyn Channel>) {
    let server = Strict::start(Api::new(), fates).await;
    let channel = to(&server.url);
    (server, channel)
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::all(&kit()).await;
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most() {
    strict::outcomes(Api::new(), to, |api| api.posts.len(), false).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_gone() {
    strict::removals(Api::new(), to, |api| api.posts.len()).await;
}

#[tokio::test]
async fn what_is_posted_is_what_was_approved_and_can_be_taken_down() {
    let (server, channel) = open(&[]).await;
    let mut job = suite::job();
    job.rendition.text = "*Cards* <b>fail</b> & https://bank.example/a_b_c".to_owned();
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(receipt.remote_id, "123456:-1001234567890:41");
    assert_eq!(receipt.url.as_deref(), Some("https://t.me/bank/41"));
    assert_eq!(server.state().network.posts, [(41, job.rendition.text.clone())]);
    let Sighting::Unknown(_) = channel.read_back(&job).await else { panic!("a bot cannot read") };
    let unknown = channel.retract(&job, None).await;
    assert!(matches!(unknown, Retraction::StillLive(_)), "{unknown:?}");
    assert_eq!(
        channel.retract(&job, Some("123456:-1005:41")).await,
        not("the bot may not take posts down there (status 400): Bad Request: chat not found")
    );
    // Another bot's numbers are not ours, and neither are those of a receipt that names no bot.
    let other = channel.retract(&job, Some("99:-1001234567890:41")).await;
    assert_eq!(other, not("another bot made the post; take it down by hand"));
    for odd in ["-1001234567890:41", "123456:-1001234567890:0", "123456:-1001234567890:x"] {
        let kept = channel.retract(&job, Some(odd)).await;
        assert!(matches!(kept, Retraction::StillLive(_)), "{odd}: {kept:?}");
    }
    assert_eq!(server.state().network.posts.len(), 1);
    for _ in 0..2 {
        assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
        assert!(server.state().network.posts.is_empty());
    }
}

fn not(why: &str) -> Retraction {
    Retraction::StillLive(why.to_owned())
}

#[tokio::test]
async fn a_private_channel_has_links_for_its_members() {
    let chat = |id, username: Option<&str>| Chat {
        id,
        kind: "channel".to_owned(),
        title: None,
        username: username.map(str::to_owned),
        permissions: None,
    };
    let url = |id, username| link(&Message { message_id: 5, chat: chat(id, username) });
    assert_eq!(url(-1_001_234, Some("bank")).as_deref(), Some("https://t.me/bank/5"));
    assert_eq!(url(-1_001_234, None).as_deref(), Some("https://t.me/c/1234/5"));
    assert_eq!(url(-1_001_234, Some("a/b")).as_deref(), Some("https://t.me/c/1234/5"));
    assert_eq!(url(-777, None), None, "a small group has none");
}

#[tokio::test]
async fn the_check_says_whether_the_bot_may_post() {
    let checked_in = async |kind, member: Value, permissions: Value| {
        let server = Strict::start(Api { kind, member, permissions, ..Api::new() }, &[]).await;
        let health = to(&server.url).check().await;
        assert!(server.state().network.posts.is_empty());
        (health.ready, health.detail)
    };
    let checked =
        async |kind, member: Value| checked_in(kind, member, json!({ "can_send_messages": true })).await;
    let member = |status: &str, post: bool| json!({ "status": status, "can_post_messages": post });
    let good = "posts as @bank_bot to Bank";
    assert_eq!(checked("channel", Api::new().member).await, (true, good.to_owned()));
    assert_eq!(checked("supergroup", json!({ "status": "creator" })).await, (true, good.to_owned()));
    for (kind, member) in
        [("channel", member("administrator", true)), ("supergroup", member("member", false))]
    {
        let (ready, detail) = checked(kind, member).await;
        assert!(ready && detail.starts_with(good) && detail.contains("right to delete"), "{kind}: {detail}");
    }
    // A group in which only administrators write.
    let silent = json!({ "can_send_messages": false });
    let (ready, detail) = checked_in("supergroup", member("member", false), silent.clone()).await;
    assert!(!ready && detail.contains("make it an administrator"), "{detail}");
    assert!(checked_in("supergroup", member("administrator", false), silent).await.0);
    let muted = json!({ "status": "restricted", "can_send_messages": false });
    for (kind, member, why) in [
        ("channel", member("administrator", false), "administrator of the channel"),
        ("channel", member("left", false), "administrator of the channel"),
        ("supergroup", member("kicked", false), "not in the group; add it"),
        ("group", muted, "make it an administrator"),
        ("private", member("member", false), "leads to a person"),
    ] {
        let (ready, detail) = checked(kind, member).await;
        assert!(!ready && detail.contains(why), "{kind}: {detail}");
    }
    let settings = json!({ "chat": "@bank", "server": Strict::start(Api::new(), &[]).await.url });
    let other = suite::connect(&ADAPTER, settings, Some("123456:hunter2-other")).unwrap().check().await;
    assert!(!other.ready && !other.detail.contains("hunter2"), "{other:?}");
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let told = |code: u16, words: &str, more: Value| {
        json!({ "ok": false, "error_code": code, "description": words, "parameters": more }).to_string()
    };
    for (status, body, expected, words) in [
        (400, told(400, "Bad Request: chat not found", json!({})), Retry::Reconnect, "chat not found"),
        (
            400,
            told(400, "Bad Request: need administrator rights in the channel chat", json!({})),
            Retry::Reconnect,
            "may not post",
        ),
        (
            400,
            told(400, "Bad Request: group chat was upgraded", json!({ "migrate_to_chat_id": -1_005_i64 })),
            Retry::Reconnect,
            "-1005",
        ),
        (
            400,
            told(400, "Bad Request: have no rights to send a message", json!({})),
            Retry::Reconnect,
            "may not post",
        ),
        (400, told(400, "Bad Request: CHAT_RESTRICTED", json!({})), Retry::Reconnect, "may not post"),
        (400, told(400, "Bad Request: message is too long", json!({})), Retry::Never, "message is too long"),
        (
            401,
            told(401, "Unauthorized: hunter2-hunter2_hunter2", json!({})),
            Retry::Reconnect,
            "token is refused (status 401)",
        ),
        (
            429,
            told(429, "Too Many Requests", json!({ "retry_after": 35 })),
            Retry::After(Duration::from_secs(35)),
            "wait",
        ),
        (429, told(429, "Too Many Requests", json!({})), Retry::Backoff, "wait"),
        (
            429,
            told(429, "Too Many Requests", json!({ "retry_after": 9_999_999 })),
            Retry::After(LONGEST_WAIT),
            "wait",
        ),
    ] {
        let (server, channel) = open(&[Fate::refused(status, "", body.as_str())]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        let Failure::Rejected { reason, retry } = &failure else { panic!("{failure:?}") };
        assert!(*retry == expected && reason.contains(words), "{body}: {failure:?}");
        assert!(server.state().network.posts.is_empty());
    }
}

#[tokio::test]
async fn an_acceptance_without_a_number_is_in_doubt() {
    for body in [
        r#"{"ok":true}"#,
        r#"{"ok":true,"result":true}"#,
        "[]",
        r#"{"ok":false,"result":{"message_id":1,"chat":{"id":1,"type":"channel"}}}"#,
    ] {
        let (_server, channel) = open(&[Fate::Refused(200, "", body)]).await;
        let result = strict::attempt(&*channel).await;
        assert!(matches!(result, Err(Failure::InDoubt { .. })), "{body}: {result:?}");
    }
    let told = |number: i64| {
        let chat = json!({ "id": -5, "type": "group" });
        json!({ "ok": true, "result": { "message_id": number, "chat": chat } }).to_string()
    };
    for (chat, number, named) in [(-5, 1, true), (-5, 0, false), (-5, -3, false), (-6, 1, false)] {
        let server = Strict::start(Api::new(), &[Fate::refused(200, "", told(number))]).await;
        let settings = json!({ "server": server.url, "chat": chat });
        let result = strict::attempt(&*suite::connect(&ADAPTER, settings, Some(TOKEN)).unwrap()).await;
        let right = if named { result.is_ok() } else { matches!(result, Err(Failure::InDoubt { .. })) };
        assert!(right, "{chat} {number}: {result:?}");
    }
}

#[tokio::test]
async fn an_old_post_is_said_to_be_there_still() {
    let member = json!({ "status": "administrator", "can_post_messages": true });
    let server = Strict::start(Api { member, ..Api::new() }, &[]).await;
    let channel = to(&server.url);
    let receipt = strict::attempt(&*channel).await.unwrap();
    server.state().network.old = true;
    let kept = channel.retract(&suite::job(), Some(&receipt.remote_id)).await;
    let words = "Telegram does not take the post down (status 400): Bad Request: message can't be deleted for everyone";
    assert_eq!(kept, not(words));
    server.state().network.member["can_delete_messages"] = true.into();
    assert_eq!(channel.retract(&suite::job(), Some(&receipt.remote_id)).await, Retraction::Gone);
}

#[tokio::test]
async fn the_longest_post_is_taken_and_one_more_is_not() {
    let (server, channel) = open(&[]).await;
    let mut job = suite::job();
    job.rendition.text = format!("{}a", "\u{1f468}".repeat(2_047));
    job.rendition.text.push('b');
    assert!(text::check(&job.rendition, &ADAPTER.limits).is_empty());
    channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    job.rendition.text.push('c');
    assert_eq!(text::check(&job.rendition, &ADAPTER.limits)[0].message, "is 1 too long; the limit is 4096");
    let result = channel.publish(&job, &Pass::open_for_tests()).await;
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Never, .. })), "{result:?}");
    assert_eq!(server.state().network.posts.len(), 1);
}

#[tokio::test]
async fn faulty_settings_are_described_and_not_repeated() {
    let tried =
        |chat: Value, token: Option<&str>| suite::connect(&ADAPTER, json!({ "chat": chat }), token).err();
    assert_eq!(tried(json!("@bank"), Some(TOKEN)), None);
    assert_eq!(tried(json!(-1_001_234_567_890_i64), Some(TOKEN)), None);
    for chat in ["bank", "@", "@a b", "https://t.me/bank", "@a/../b"] {
        assert!(tried(json!(chat), Some(TOKEN)).unwrap().contains("setting chat"), "{chat}");
    }
    assert!(tried(json!(null), Some(TOKEN)).unwrap().contains("chat is missing"));
    assert!(tried(json!("@bank"), None).unwrap().contains("credential is missing"));
    for token in ["hunter2", "123:", ":hunter2", "123:hunter2/../x", "a:hunter2", "123:hunter2?x"] {
        let error = tried(json!("@bank"), Some(token)).unwrap();
        assert!(error.contains("@BotFather") && !error.contains("hunter2"), "{error}");
    }
}

#[path = "telegram_changes_tests.rs"]
mod changes_tests;
