//! The Slack adapter against a scripted server and a strict one.

use std::time::Duration;

use super::server::{Api, SCOPES, TOKEN};
use super::*;
use crate::Retry;
use crate::strict::{self, Fate, Strict};
use crate::suite::{self, Expected, Kit};

fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| json!({ "server": url, "channel": "C024BE91L" }),
        credential: Some(TOKEN),
        secrets: &["hunter2"],
        before: Vec::new(),
        quiet: 0,
        accepted: r#"{"ok":true,"channel":"C024BE91L","ts":"1700000100.000100"}"#,
        table: vec![
            (200, Expected::Accepted),
            (302, Expected::InDoubt),
            (307, Expected::Rejected(Retry::Reconnect)),
            (400, Expected::Rejected(Retry::Never)),
            (401, Expected::Rejected(Retry::Reconnect)),
            (403, Expected::Rejected(Retry::Reconnect)),
            (404, Expected::Rejected(Retry::Never)),
            (408, Expected::InDoubt),
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

pub(super) async fn open(api: Api, fates: &[Fate]) -> (Strict<Api>, Box<dyn Channel>) {
    let server = Strict::start(api, fates).await;
    let channel = to(&server.url);
    (server, channel)
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::all(&kit()).await;
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most_and_it_is_found() {
    strict::outcomes(Api::new(), to, |api| api.messages.len(), true).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_gone() {
    strict::removals(Api::new(), to, |api| api.messages.len()).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_absent() {
    strict::reads(Api::new(), to, 2).await;
}

#[tokio::test]
async fn what_is_posted_is_what_was_approved_and_can_be_taken_down() {
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = suite::job();
    job.rendition.text = "*Cards* :bank: <!channel> & https://bank.example/?a=1&b=2".to_owned();
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(receipt.remote_id, "C024BE91L:1700000101.000100");
    assert_eq!(receipt.url.as_deref(), Some("https://bank.slack.com/archives/C024BE91L/p1700000101000100"));
    let text = "*Cards* :bank: &lt;!channel&gt; &amp; <https://bank.example/?a=1&amp;b=2>";
    let sent = server.state().network.messages[0].clone();
    assert_eq!(sent["text"], text);
    let elements = json!([
        { "type": "text", "text": "*Cards* :bank: <!channel> & " },
        { "type": "link", "url": "https://bank.example/?a=1&b=2" },
    ]);
    assert_eq!(sent["blocks"][0]["elements"][0]["elements"], elements);
    assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt.clone()));
    for _ in 0..2 {
        assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
        assert!(server.state().network.messages.is_empty());
    }
    assert_eq!(channel.read_back(&job).await, Sighting::Absent);
    assert_eq!(channel.retract(&job, None).await, Retraction::StillLive(NOT_OURS.to_owned()));
    for odd in ["C024BE91L", "../x:1.2", "C024BE91L:1"] {
        assert_eq!(channel.retract(&job, Some(odd)).await, Retraction::StillLive(NOT_OURS.to_owned()));
    }
}

#[tokio::test]
async fn a_post_is_found_among_others_and_those_of_others_are_not_taken_for_it() {
    let (server, channel) = open(Api::new(), &[]).await;
    let job = suite::job();
    let key = |delivery: &str| json!({ "event_type": EVENT, "event_payload": { "delivery": delivery } });
    let message = |ts: &str, bot: &str, metadata: Value| json!({ "ts": ts, "bot_id": bot, "text": "x", "metadata": metadata });
    let own = job.delivery.to_string();
    {
        let mut state = server.state();
        let messages = &mut state.network.messages;
        // Before the first attempt; copied by another bot; of another delivery; of another app; of a person.
        messages.push(message("1699990000.000100", "B1", key(&own)));
        messages.push(message("1700000090.000100", "B2", key(&own)));
        messages.push(json!({ "ts": "1700000090.000200", "text": "x", "metadata": key(&own) }));
        messages.push(message("1700000091.000100", "B1", key("01936d3c-1c5e-7a3b-8000-000000000000")));
        messages.push(message(
            "1700000092.000100",
            "B1",
            json!({ "event_type": "other", "event_payload": { "delivery": own } }),
        ));
        messages.push(json!({ "ts": "1700000093.000100", "user": "U1", "text": job.rendition.text }));
    }
    assert_eq!(channel.read_back(&job).await, Sighting::Absent);
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    let later = |n: usize| json!({ "ts": format!("17000002{n:02}.000100"), "user": "U1", "text": "y" });
    server.state().network.messages.extend((0..10).map(later));
    assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt));
    // A person saw it: it is found by its key and taken down, and nothing else is.
    let before = server.state().network.messages.len();
    assert_eq!(channel.retract(&job, None).await, Retraction::Gone);
    assert_eq!(server.state().network.messages.len(), before - 1);
    server.state().network.messages.extend((10..60).map(later));
    let lost = channel.read_back(&job).await;
    assert!(matches!(lost, Sighting::Unknown(_)), "more than ten pages: {lost:?}");
}

#[tokio::test]
async fn what_is_not_shown_yet_is_absent_and_not_sent_again_here() {
    let (server, channel) = open(Api { lags: true, ..Api::new() }, &[Fate::DoneBut(500)]).await;
    assert_eq!(strict::deliver(&*channel).await, None);
    server.state().network.lags = false;
    assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Found(_)));
    assert_eq!(server.state().network.messages.len(), 1);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let told = |error: &str| json!({ "ok": false, "error": error, "needed": "chat:write" }).to_string();
    for (error, expected, words) in [
        ("invalid_auth", Retry::Reconnect, "the token is refused (status 200): invalid_auth"),
        ("missing_scope", Retry::Reconnect, "lacks the permission chat:write"),
        ("not_in_channel", Retry::Reconnect, "the app is not in the channel; add it"),
        ("is_archived", Retry::Reconnect, "restore it"),
        ("restricted_action_read_only_channel", Retry::Reconnect, "does not let the app post"),
        ("msg_too_long", Retry::Never, "Slack refuses the post (status 200): msg_too_long"),
        ("ratelimited", Retry::After(Duration::from_secs(30)), "wait"),
    ] {
        let (server, channel) =
            open(Api::new(), &[Fate::refused(200, "Retry-After: 30\r\n", told(error))]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        let Failure::Rejected { reason, retry } = &failure else { panic!("{error}: {failure:?}") };
        assert!(*retry == expected && reason.contains(words), "{error}: {failure:?}");
        assert!(server.state().network.messages.is_empty());
    }
    let unclear =
        ["fatal_error", "internal_error", "service_unavailable", "never_heard_of", "", TOKEN, "a\u{1b}[2K"];
    let odd = ["[]", "{}", r#"{"ok":true}"#, r#"{"ok":true,"ts":"x"}"#].map(str::to_owned);
    for body in unclear.map(told).into_iter().chain(odd) {
        let (_server, channel) = open(Api::new(), &[Fate::refused(200, "", body.as_str())]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        assert!(matches!(failure, Failure::InDoubt { .. }), "{body}: {failure:?}");
        assert!(!failure.to_string().contains('\u{1b}'), "{failure:?}");
    }
}

#[tokio::test]
async fn the_check_says_what_is_missing() {
    let checked = async |scopes| {
        let server = Strict::start(Api { scopes, ..Api::new() }, &[]).await;
        let health = to(&server.url).check().await;
        assert!(server.state().network.messages.is_empty());
        (health.ready, health.detail)
    };
    let good = "Posts as holdline in the workspace Bank. Whether the channel is archived will be seen with the first post.";
    assert_eq!(checked(SCOPES).await, (true, good.to_owned()));
    for (scopes, lacking) in [
        ("channels:history,metadata.message:read", "chat:write"),
        ("chat:write,channels:history", "metadata.message:read"),
        ("chat:write,metadata.message:read", "channels:history"),
    ] {
        let (ready, detail) = checked(scopes).await;
        assert!(!ready && detail.contains(&format!("lacks the permission {lacking}")), "{detail}");
    }
    let server = Strict::start(Api::new(), &[]).await;
    let away = json!({ "server": server.url, "channel": "C0000AWAY" });
    let away = suite::connect(&ADAPTER, away, Some(TOKEN)).unwrap().check().await;
    assert!(!away.ready && away.detail.contains("not in the channel; add it"), "{away:?}");
    let other =
        suite::connect(&ADAPTER, (kit().settings)(&server.url), Some("xoxb-hunter2")).unwrap().check().await;
    assert!(
        !other.ready && other.detail.contains("token is refused") && !other.detail.contains("hunter2"),
        "{other:?}"
    );
}

#[tokio::test]
async fn the_longest_post_is_taken() {
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = suite::job();
    job.rendition.text = format!("{}a", "&".repeat(799) + "bcd");
    job.rendition.text.push('e');
    assert_eq!(text::count(&job.rendition.text, Unit::Slack), 4_000);
    assert!(text::check(&job.rendition, &ADAPTER.limits).is_empty());
    channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(server.state().network.messages.len(), 1);
    job.rendition.text.push('f');
    assert_eq!(text::check(&job.rendition, &ADAPTER.limits)[0].message, "is 1 too long; the limit is 4000");
}

#[tokio::test]
async fn faulty_settings_are_described_and_not_repeated() {
    let tried = |channel: &str, token: Option<&str>| {
        suite::connect(&ADAPTER, json!({ "channel": channel }), token).err()
    };
    assert_eq!(tried("C024BE91L", Some(TOKEN)), None);
    for channel in ["#general", "general", "C024/../x", "C"] {
        assert!(tried(channel, Some(TOKEN)).unwrap().contains("setting channel"), "{channel}");
    }
    assert!(tried("", Some(TOKEN)).unwrap().contains("channel is missing"));
    for token in ["hunter2", "xoxp-hunter2", "xoxe.xoxb-hunter2", "xoxe-hunter2"] {
        let error = tried("C024BE91L", Some(token)).unwrap();
        assert!(error.contains("xoxb-") && !error.contains("hunter2"), "{error}");
    }
}

#[path = "slack_changes_tests.rs"]
mod changes_tests;
