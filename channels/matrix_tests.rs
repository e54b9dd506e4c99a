//! The Matrix adapter against a scripted server and a strict one. The real one is in `tests/real_matrix.rs`.

use std::time::Duration;

use serde_json::json;

use super::server::{Api, ME, ROOM, TOKEN};
use super::*;
use crate::MediaRef;
use crate::strict::{self, Fate, Strict};
use crate::suite::{self, Expected, Kit, answer};
use crate::text;

const NO_MESSAGES: &str = r#"{"chunk":[],"start":"t1"}"#;

fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| json!({ "server": url, "room": ROOM }),
        credential: Some(TOKEN),
        secrets: &["hunter2"],
        before: vec![answer(200, "", &format!("{{\"user_id\":\"{ME}\"}}")), answer(200, "", NO_MESSAGES)],
        quiet: 2,
        accepted: r#"{"event_id":"$e1"}"#,
        table: vec![
            (200, Expected::Accepted),
            (302, Expected::InDoubt),
            (307, Expected::Rejected(Retry::Reconnect)),
            (400, Expected::Rejected(Retry::Never)),
            (401, Expected::Rejected(Retry::Reconnect)),
            (403, Expected::Rejected(Retry::Reconnect)),
            (404, Expected::Rejected(Retry::Reconnect)),
            (408, Expected::InDoubt),
            (413, Expected::Rejected(Retry::Never)),
            (429, Expected::Rejected(Retry::After(Duration::from_secs(7)))),
            (500, Expected::InDoubt),
            (502, Expected::InDoubt),
            (503, Expected::InDoubt),
            (504, Expected::InDoubt),
        ],
    }
}

fn with(url: &str, token: &str) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, (kit().settings)(url), Some(token)).unwrap()
}

pub(super) fn to(url: &str) -> Box<dyn Channel> {
    with(url, TOKEN)
}

pub async fn open(api: Api, fates: &[Fate]) -> (Strict<Api>, Box<dyn Channel>) {
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
    strict::outcomes(Api::new(), to, Api::shown, true).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_gone() {
    for questions in 0..=1 {
        strict::removals_after(questions, Api::new(), to, Api::shown).await;
    }
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_absent() {
    strict::reads(Api::new(), to, 1).await;
}

#[tokio::test]
async fn what_is_posted_is_what_was_approved_and_can_be_taken_down() {
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = suite::job();
    job.rendition.text = "*Cards* @room & <b> https://bank.example/".to_owned();
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(receipt.remote_id, format!("{ROOM} $e1"));
    assert_eq!(
        receipt.url.as_deref(),
        Some("https://matrix.to/#/%21room%3Abank.example/%24e1?via=bank.example")
    );
    assert_eq!(server.state().network.events[0]["content"]["body"], job.rendition.text.as_str());
    assert!(
        server.state().requests.iter().any(|r| r.ends_with("/holdline-01936d3c1c5e7a3b80003f2f5a8c9d10"))
    );
    assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt.clone()));
    for odd in ["$e1", "room $e1", &format!("{ROOM} e1"), &format!("{ROOM}  $e1")] {
        assert_eq!(channel.retract(&job, Some(odd)).await, Retraction::StillLive(NOT_OURS.to_owned()));
    }
    assert_eq!(server.state().network.shown(), 1);
    for _ in 0..2 {
        assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
        assert_eq!(server.state().network.shown(), 0);
    }
    // Whoever looks for it now learns that it was there: nothing is sent again.
    assert_eq!(channel.read_back(&job).await, Sighting::Unknown(TAKEN_DOWN.to_owned()));
    assert_eq!(channel.retract(&job, None).await, Retraction::StillLive(TAKEN_DOWN.to_owned()));
    let again = channel.publish(&job, &Pass::open_for_tests()).await;
    assert!(matches!(again, Err(Failure::InDoubt { .. })), "{again:?}");
    assert_eq!(server.state().network.events.len(), 1);
}

#[tokio::test]
async fn a_token_of_another_device_makes_no_second_post() {
    for lost in [Fate::DoneBut(500), Fate::Broken { done: true, at: suite::Cut::BeforeStatus }] {
        let (server, channel) = open(Api::new(), &[lost]).await;
        assert!(matches!(strict::attempt(&*channel).await, Err(Failure::InDoubt { .. })));
        let other = with(&server.url, "syt_hunter2_b");
        assert!(matches!(other.read_back(&suite::job()).await, Sighting::Found(_)));
        assert_eq!(strict::attempt(&*other).await.unwrap().remote_id, format!("{ROOM} $e1"));
        assert_eq!(server.state().network.events.len(), 1);
    }
}

#[tokio::test]
async fn the_same_device_makes_no_second_post_even_when_nothing_is_seen() {
    let (server, channel) = open(Api { lags: true, ..Api::new() }, &[Fate::DoneBut(500)]).await;
    assert!(matches!(strict::attempt(&*channel).await, Err(Failure::InDoubt { .. })));
    assert_eq!(channel.read_back(&suite::job()).await, Sighting::Absent);
    assert_eq!(strict::attempt(&*channel).await.unwrap().remote_id, format!("{ROOM} $e1"));
    assert_eq!(server.state().network.events.len(), 1);
}

#[test]
fn a_replay_is_not_called_safe() {
    // A token can be replaced by one of another device, for which the transaction id proves nothing.
    assert_ne!(ADAPTER.capabilities.replay, Replay::ClientId);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let wait = |s| Retry::After(Duration::from_secs(s));
    for (status, headers, body, expected, words) in [
        (
            401,
            "",
            r#"{"errcode":"M_UNKNOWN_TOKEN","error":"Invalid","soft_logout":false}"#,
            Retry::Reconnect,
            "the token is refused; log in again and give the new one (status 401): Invalid",
        ),
        (
            401,
            "",
            r#"{"errcode":"M_UNKNOWN_TOKEN","soft_logout":true}"#,
            Retry::Reconnect,
            "as the same device",
        ),
        (401, "", r#"{"errcode":"M_USER_LOCKED","soft_logout":true}"#, Retry::Reconnect, "is locked"),
        (403, "", r#"{"errcode":"M_USER_SUSPENDED"}"#, Retry::Reconnect, "is locked"),
        (
            403,
            "",
            r#"{"errcode":"M_FORBIDDEN","error":"user_level (0) < send_level (50)"}"#,
            Retry::Reconnect,
            "may not post in the room; check the channel (status 403): user_level",
        ),
        (403, "", r#"{"errcode":"M_CONSENT_NOT_GIVEN"}"#, Retry::Reconnect, "terms"),
        (403, "", r#"{"errcode":"M_RESOURCE_LIMIT_EXCEEDED"}"#, Retry::Reconnect, "limits"),
        (404, "", r#"{"errcode":"M_NOT_FOUND"}"#, Retry::Reconnect, "does not know the room"),
        (404, "", "<html>", Retry::Reconnect, "no Matrix API"),
        (413, "", r#"{"errcode":"M_TOO_LARGE"}"#, Retry::Never, "too large"),
        (400, "", r#"{"errcode":"M_BAD_JSON"}"#, Retry::Never, "refuses the content"),
        (
            429,
            "Retry-After: 30\r\n",
            r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":1}"#,
            wait(30),
            "wait",
        ),
        (429, "", r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":4000}"#, wait(4), "wait"),
        (429, "", r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":99999999999}"#, wait(86_400), "wait"),
        (429, "", "", Retry::Backoff, "wait"),
    ] {
        let (server, channel) = open(Api::new(), &[Fate::Refused(status, headers, body)]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        let Failure::Rejected { reason, retry } = &failure else { panic!("{body}: {failure:?}") };
        assert!(*retry == expected && reason.contains(words), "{body}: {failure:?}");
        assert!(server.state().network.events.is_empty());
    }
    for body in ["", "{}", "[]", r#"{"event_id":7}"#, r#"{"event_id":"e1"}"#, r#"{"event_id":"$e\u001b[2K"}"#]
    {
        let (_server, channel) = open(Api::new(), &[Fate::Refused(200, "", body)]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        assert!(matches!(failure, Failure::InDoubt { .. }), "{body}: {failure:?}");
    }
    // A refused look says nothing about the content.
    for (status, expected) in [(400, Retry::Backoff), (403, Retry::Reconnect), (500, Retry::Backoff)] {
        let (server, channel) = open(Api::new(), &[]).await;
        server.state().others =
            [Fate::Done, Fate::Refused(status, "", r#"{"errcode":"M_FORBIDDEN"}"#)].into();
        let failure = strict::attempt(&*channel).await.unwrap_err();
        assert!(
            matches!(&failure, Failure::Rejected { retry, .. } if *retry == expected),
            "{status}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn the_check_says_what_is_missing() {
    let checked = async |api: Api| {
        let server = Strict::start(api, &[]).await;
        let health = to(&server.url).check().await;
        assert!(server.state().network.events.is_empty());
        (health.ready, health.detail)
    };
    let well = format!("posts as {ME} in the room {ROOM}");
    assert_eq!(checked(Api::new()).await, (true, well.clone()));
    let levels = |levels: Value| ("m.room.power_levels", levels);
    let maker =
        |version: &str| ("m.room.create", json!({ "sender": ME, "content": { "room_version": version } }));
    let also = json!({ "sender": "@x:y", "content": { "room_version": "12", "additional_creators": [ME] } });
    for (state, ready, words) in [
        (vec![("m.room.member", json!({ "membership": "invite" }))], false, "invite it and let it join"),
        (vec![("m.room.tombstone", json!({}))], false, "replaced by another one"),
        (vec![("m.room.encryption", json!({ "algorithm": "m.megolm.v1.aes-sha2" }))], false, "is encrypted"),
        (vec![levels(json!({ "events_default": 50 }))], false, "give it the power"),
        (vec![levels(json!({ "events": { "m.room.message": "50" } }))], false, "give it the power"),
        (vec![levels(json!({ "events_default": 50, "users_default": 50 }))], true, well.as_str()),
        (vec![levels(json!({ "events_default": 50, "users": { ME: "50" } }))], true, well.as_str()),
        (vec![levels(json!({ "events": { "m.room.redaction": 50 } }))], true, "may take nothing down there"),
        (vec![levels(json!({ "events_default": 50 })), maker("12")], true, well.as_str()),
        (vec![levels(json!({ "events_default": 50 })), ("m.room.create", also)], true, well.as_str()),
        (vec![levels(json!({ "events_default": 50 })), maker("11")], false, "give it the power"),
    ] {
        let (seen, detail) = checked(Api::with(&state)).await;
        assert!(seen == ready && detail.contains(words), "{state:?}: {seen} {detail}");
    }
    let server = Strict::start(Api::new(), &[]).await;
    let away = json!({ "server": server.url, "room": "!away:bank.example" });
    let away = suite::connect(&ADAPTER, away, Some(TOKEN)).unwrap().check().await;
    assert!(!away.ready && away.detail.contains("is not in the room"), "{away:?}");
    let other = with(&server.url, "hunter2").check().await;
    assert!(!other.ready && other.detail.contains("token is refused") && !other.detail.contains("hunter2"));
}

#[tokio::test]
async fn the_longest_post_is_taken() {
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = suite::job();
    // Each of these is two bytes in the event.
    job.rendition.text = "\"\n".repeat(9_999) + "ab";
    assert!(text::check(&job.rendition, &ADAPTER.limits).is_empty());
    channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(server.state().network.events[0]["content"]["body"], job.rendition.text.as_str());
    job.rendition.text.push('c');
    let too_long = "is 1 bytes too long; the limit is 20000 bytes";
    assert_eq!(text::check(&job.rendition, &ADAPTER.limits)[0].message, too_long);
}

#[tokio::test]
async fn pictures_come_with_their_words() {
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = with_pictures("One <b>\n\nTwo", &["A \"map\"", "A chart"]);
    channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    let html = "<p>One &lt;b&gt;</p>\n<p>Two</p>\n\
        <p><img src=\"mxc://bank.example/m1\" alt=\"A &quot;map&quot;\" title=\"A &quot;map&quot;\"></p>\
        <p><img src=\"mxc://bank.example/m2\" alt=\"A chart\" title=\"A chart\"></p>";
    let sent = server.state().network.events[0]["content"].clone();
    assert_eq!((&sent["body"], &sent["formatted_body"]), (&json!(job.rendition.text), &json!(html)));
    let known = text::size(&job.rendition, Unit::Matrix);
    assert!((sent.to_string().len()..=MOST_BYTES).contains(&known), "{known} is told beforehand");
    // An address that could be something else is none.
    for odd in
        ["https://bank.example/m1", "mxc://bank.example/\"onload=", &format!("mxc://{}", "m".repeat(300))]
    {
        let (server, channel) = open(Api::new(), &[]).await;
        let told = Fate::refused(200, "", json!({ "content_uri": odd }).to_string());
        server.state().others = [Fate::Done, Fate::Done, told].into();
        job.rendition.media.truncate(1);
        let failure = channel.publish(&job, &Pass::open_for_tests()).await.unwrap_err();
        assert!(matches!(failure, Failure::Rejected { retry: Retry::Backoff, .. }), "{odd}: {failure:?}");
        assert!(server.state().network.events.is_empty());
    }
}

/// A post with pictures of one byte each, with these words.
fn with_pictures(text: &str, alts: &[&str]) -> Job {
    let mut job = suite::job();
    let picture = |alt: &&str| MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt: (*alt).into() };
    job.rendition.text = text.to_owned();
    job.rendition.media = alts.iter().map(picture).collect();
    job.media = vec![vec![1]; alts.len()];
    job
}

#[tokio::test]
async fn what_is_too_long_beside_pictures_is_told_before_anybody_approves_it() {
    // Beside pictures the text stands there twice, and its marks are written out.
    let (server, channel) = open(Api::new(), &[]).await;
    let job = with_pictures(&"\"\n".repeat(10_000), &["A map"]);
    let problems = text::check(&job.rendition, &ADAPTER.limits);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].message.ends_with("too long; the limit is 60000"), "{problems:?}");
    let failure = channel.publish(&job, &Pass::open_for_tests()).await.unwrap_err();
    let seen = matches!(&failure, Failure::Rejected { retry: Retry::Never, reason } if reason.contains("shorten it"));
    assert!(seen, "{failure:?}");
    assert!(server.state().network.events.is_empty());
    // What may just be approved is taken.
    let plain = with_pictures(&"a ".repeat(10_000), &["A map"]);
    assert!(text::check(&plain.rendition, &ADAPTER.limits).is_empty());
    channel.publish(&plain, &Pass::open_for_tests()).await.unwrap();
}

#[tokio::test]
async fn the_check_learns_how_large_a_picture_may_be() {
    for (old, most, expected) in [
        (false, Some(1_000_000), Some(1_000_000)),
        (true, Some(5_000), Some(5_000)),
        (false, Some(100 << 20), Some(8 << 20)),
        (false, None, Some(8 << 20)),
    ] {
        let (_server, channel) = open(Api { old, most, ..Api::new() }, &[]).await;
        assert_eq!(channel.limits(), None);
        assert!(channel.check().await.ready);
        assert_eq!(channel.limits().map(|l| l.media_bytes), expected);
    }
}

#[tokio::test]
async fn faulty_settings_are_described_and_not_repeated() {
    let tried = |room: &str, token: Option<&str>| {
        suite::connect(&ADAPTER, json!({ "server": "https://m.example", "room": room }), token).err()
    };
    assert_eq!(tried(ROOM, Some(TOKEN)), None);
    assert_eq!(tried("!opaque", Some(TOKEN)), None);
    for room in ["#bank:bank.example", "room", "!", "!a b:c", "!é:c", &format!("!{}", "a".repeat(255))] {
        assert!(tried(room, Some(TOKEN)).unwrap().contains("the setting room"), "{room}");
    }
    assert!(tried("", Some(TOKEN)).unwrap().contains("room is missing"));
    assert!(tried(ROOM, None).unwrap().contains("credential is missing"));
}
