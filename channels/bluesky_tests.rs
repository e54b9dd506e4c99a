//! The Bluesky adapter against a scripted server. The real one is in `tests/real_channels.rs`.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;
use crate::suite::{self, Expected, Fake, Kit, Step, answer};

const PASSWORD: &str = "hunter2-app-pass";

/// A token whose end is at this Unix time.
fn token(ends: i64, word: &str) -> String {
    let claims = URL_SAFE_NO_PAD.encode(json!({ "exp": ends }).to_string());
    format!("e30.{claims}.{word}")
}

fn login(access_ends: i64) -> Step {
    let session = json!({
        "did": "did:plc:bank",
        "accessJwt": token(access_ends, "hunter2access"),
        "refreshJwt": token(1_800_000_000, "hunter2refresh"),
    });
    answer(200, "", &session.to_string())
}

/// After the clock of the suite.
const LATER: i64 = 1_700_010_000;

fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| json!({ "server": url, "account": "bank.test" }),
        credential: Some(PASSWORD),
        secrets: &["hunter2"],
        before: vec![login(LATER)],
        quiet: 1,
        accepted: r#"{"uri":"at://did:plc:bank/app.bsky.feed.post/3k","cid":"b"}"#,
        table: vec![
            (200, Expected::Accepted),
            (302, Expected::InDoubt),
            (307, Expected::Rejected(Retry::Reconnect)),
            (400, Expected::Rejected(Retry::Never)),
            (401, Expected::Rejected(Retry::Reconnect)),
            (403, Expected::Rejected(Retry::Reconnect)),
            (404, Expected::Rejected(Retry::Never)),
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

async fn open(steps: Vec<Step>) -> (Fake, Box<dyn Channel>) {
    let fake = Fake::start(steps).await;
    let channel = suite::connect(&ADAPTER, (kit().settings)(&fake.url), Some(PASSWORD)).unwrap();
    (fake, channel)
}

fn wrong(error: &str) -> Step {
    answer(400, "", &json!({ "error": error, "message": "hunter2 is wrong" }).to_string())
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::all(&kit()).await;
}

#[test]
fn a_key_is_stable_and_well_formed() {
    let job = suite::job();
    let key = record_key(&job, 0);
    assert_eq!(key, record_key(&job, 0));
    // The form of the specification: 13 digits, the first with its top bit clear.
    assert_eq!(key.len(), 13);
    assert!(key.starts_with(|c: char| "234567abcdefghij".contains(c)), "{key}");
    assert!(key.chars().all(|c| "234567abcdefghijklmnopqrstuvwxyz".contains(c)), "{key}");
}

#[test]
fn keys_of_one_millisecond_differ() {
    let keys: std::collections::HashSet<_> = (0..20_000_u128)
        .map(|n| record_key(&Job { delivery: uuid::Uuid::from_u128(n), ..suite::job() }, 0))
        .collect();
    assert_eq!(keys.len(), 20_000);
}

#[tokio::test]
async fn a_link_with_a_title_is_a_card_and_known_names_are_marked() {
    let post = |text: &str, title: Option<&str>| {
        let mut job = suite::job();
        (job.rendition.text, job.rendition.title) = (text.into(), title.map(str::to_owned));
        job
    };
    let job =
        post("See https://bank.example/a and ask @help.bank.example or @gone.example", Some("Cards fail"));
    let did = answer(200, "", r#"{"did":"did:plc:help"}"#);
    let (fake, channel) =
        open(vec![login(LATER), did, wrong("InvalidRequest"), answer(200, "", kit().accepted)]).await;
    channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert!(fake.requests()[1].contains("resolveHandle?handle=help.bank.example"), "{}", fake.requests()[1]);
    let sent: Value = serde_json::from_str(&fake.content(3)).unwrap();
    let card = json!({ "uri": "https://bank.example/a", "title": "Cards fail", "description": "" });
    assert_eq!(sent["record"]["embed"], json!({ "$type": "app.bsky.embed.external", "external": card }));
    let features: Vec<_> =
        sent["record"]["facets"].as_array().unwrap().iter().map(|f| f["features"][0].clone()).collect();
    assert_eq!(features[0]["uri"], "https://bank.example/a");
    assert_eq!((features[1]["did"].as_str(), features.len()), (Some("did:plc:help"), 2));
    // Without a title there is no card.
    let (fake, channel) = open(vec![login(LATER), answer(200, "", kit().accepted)]).await;
    channel.publish(&post("See https://bank.example/a", None), &Pass::open_for_tests()).await.unwrap();
    assert!(!fake.content(1).contains("embed"));
}

#[tokio::test]
async fn the_record_is_only_ever_created() {
    let (fake, channel) = open(vec![login(LATER), answer(200, "", kit().accepted)]).await;
    let receipt = channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap();
    assert_eq!(receipt.remote_id, "at://did:plc:bank/app.bsky.feed.post/3k");
    assert_eq!(receipt.url.unwrap(), "https://bsky.app/profile/did:plc:bank/post/3k");
    let sent: Value = serde_json::from_str(&fake.content(1)).unwrap();
    assert!(sent.as_object().unwrap().contains_key("swapRecord") && sent["swapRecord"].is_null());
    assert_eq!(sent["rkey"], record_key(&suite::job(), 0).as_str());
    assert_eq!(sent["record"]["createdAt"], "2023-11-14T22:15:00.000Z", "the time of the attempt");
    assert_eq!(sent["record"]["langs"], json!(["en"]));
}

#[tokio::test]
async fn a_record_that_is_there_is_read_and_taken_as_ours() {
    let there = json!({ "uri": "at://did:plc:bank/app.bsky.feed.post/3k",
        "value": { "text": suite::job().rendition.text } });
    let (_, channel) =
        open(vec![login(LATER), wrong("InvalidSwap"), answer(200, "", &there.to_string())]).await;
    let receipt = channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap();
    assert_eq!(receipt.remote_id, "at://did:plc:bank/app.bsky.feed.post/3k");
}

#[tokio::test]
async fn a_record_of_other_words_is_not_taken_as_ours() {
    let there = json!({ "uri": "at://x/y/z", "value": { "text": "something else" } });
    let (_, channel) =
        open(vec![login(LATER), wrong("InvalidSwap"), answer(200, "", &there.to_string())]).await;
    let failure = channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap_err();
    assert!(matches!(failure, Failure::InDoubt { .. }), "{failure:?}");
}

#[tokio::test]
async fn an_ended_session_is_forgotten_and_the_next_attempt_logs_in() {
    let (fake, channel) =
        open(vec![login(LATER), wrong("ExpiredToken"), login(LATER), answer(200, "", kit().accepted)]).await;
    let failure = channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Rejected { retry: Retry::Backoff, reason } if !reason.contains("hunter2"))
    );
    channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap();
    assert!(fake.requests()[2].contains("createSession"));
}

#[tokio::test]
async fn the_wait_is_that_of_the_server_s_own_header() {
    let limited = |headers: &str| answer(429, headers, r#"{"error":"RateLimitExceeded"}"#);
    for (headers, expected) in [
        ("ratelimit-reset: 1700000400\r\n", Retry::After(Duration::from_secs(300))),
        (
            "Date: Tue, 14 Nov 2023 22:16:00 GMT\r\nratelimit-reset: 1700000400\r\n",
            Retry::After(Duration::from_secs(240)),
        ),
        ("Retry-After: 7\r\nratelimit-reset: 1700000400\r\n", Retry::After(Duration::from_secs(7))),
        ("ratelimit-reset: 9223372036854775807\r\n", Retry::After(crate::message::LONGEST_WAIT)),
        ("ratelimit-reset: 5\r\n", Retry::After(Duration::from_secs(1))),
        ("ratelimit-reset: soon\r\n", Retry::Backoff),
        ("", Retry::Backoff),
    ] {
        for steps in [vec![login(LATER), limited(headers)], vec![limited(headers)]] {
            let (_, channel) = open(steps).await;
            let failure = channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap_err();
            let seen = matches!(&failure, Failure::Rejected { retry, .. } if *retry == expected);
            assert!(seen, "{headers}: {failure:?}");
        }
    }
}

#[tokio::test]
async fn a_refused_log_in_is_tried_again_by_posts_only() {
    let refused = || answer(401, "", r#"{"error":"AuthenticationRequired"}"#);
    let (fake, channel) = open(vec![refused(), login(LATER), answer(200, "", kit().accepted)]).await;
    for _ in 0..3 {
        let health = channel.check().await;
        assert!(!health.ready && health.detail.contains("refused"), "{health:?}");
    }
    assert_eq!(fake.requests().len(), 1, "log-ins are counted there");
    channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap();
    assert_eq!(fake.requests().len(), 3);
}

#[tokio::test]
async fn a_look_at_the_account_needs_no_log_in() {
    let record =
        |key: &str| json!({ "uri": format!("at://did:plc:bank/{POSTS}/{key}"), "value": { "text": "a" } });
    let list = |records: &[Value]| answer(200, "", &json!({ "records": records }).to_string());
    let repo = answer(200, "", r#"{"did":"did:plc:bank"}"#);
    let (fake, channel) = open(vec![repo.clone(), list(&[record("3k2a")]), list(&[])]).await;
    let seen = channel.watch(fake_now()).await.unwrap().unwrap();
    assert_eq!((seen.id.as_str(), seen.posts().len()), ("bluesky did:plc:bank", 1));
    assert!(fake.requests().iter().all(|r| !r.contains("createSession") && !r.contains("hunter2")));
    for odd in ["", "a/b", "a b", "a\u{0}b", &"k".repeat(513)] {
        let (_, channel) = open(vec![repo.clone(), list(&[record(odd)]), list(&[record(odd)])]).await;
        let why = channel.watch(fake_now()).await.unwrap_err();
        assert!(why.contains("not the account's"), "{why}");
    }
}

fn fake_now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 0).unwrap()
}

#[tokio::test]
async fn a_session_near_its_end_is_renewed_before_the_post() {
    let (fake, channel) =
        open(vec![login(1_700_000_200), login(LATER), answer(200, "", kit().accepted)]).await;
    assert!(!channel.check().await.ready, "the scripted answer is no account");
    let _ = channel.publish(&suite::job(), &Pass::open_for_tests()).await;
    let requests = fake.requests();
    assert!(requests[0].contains("createSession") && requests[1].contains("getSession"));
    assert!(
        requests[2].contains("refreshSession") && requests[2].contains("hunter2refresh"),
        "{}",
        requests[2]
    );
}

#[tokio::test]
async fn reading_back_tells_absent_from_unknown() {
    let (_, channel) =
        open(vec![wrong("RecordNotFound"), wrong("InvalidRequest"), answer(502, "", "")]).await;
    assert_eq!(channel.read_back(&suite::job()).await, Sighting::Absent);
    assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Unknown(_)));
    assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Unknown(_)));
}

#[tokio::test]
async fn only_the_record_of_the_delivery_is_deleted() {
    let ours = json!({ "uri": "at://did:plc:bank/app.bsky.feed.post/3k",
        "value": { "text": suite::job().rendition.text } })
    .to_string();
    let key = record_key(&suite::job(), 0);
    // With a receipt at once; where a person saw it, after a look.
    let (fake, channel) = open(vec![login(LATER), answer(200, "", "{}")]).await;
    let receipt = format!("at://did:plc:bank/{POSTS}/{key}");
    assert_eq!(channel.retract(&suite::job(), Some(&receipt)).await, Retraction::Gone);
    assert!(fake.content(1).contains(&key));
    let (fake, channel) = open(vec![login(LATER), answer(200, "", &ours), answer(200, "", "{}")]).await;
    assert_eq!(channel.retract(&suite::job(), None).await, Retraction::Gone);
    assert!(fake.content(2).contains(&key));
    // Nothing is called gone that was never ours.
    let (fake, channel) = open(vec![login(LATER), wrong("RecordNotFound"), answer(200, "", "{}")]).await;
    assert!(matches!(channel.retract(&suite::job(), None).await, Retraction::StillLive(_)));
    assert_eq!(fake.requests().len(), 2);
    let (fake, channel) = open(vec![login(LATER), answer(200, "", "{}")]).await;
    let other = format!("at://did:plc:other/{POSTS}/{key}");
    assert!(matches!(channel.retract(&suite::job(), Some(&other)).await, Retraction::StillLive(_)));
    assert_eq!(fake.requests().len(), 1);
}

#[tokio::test]
async fn a_lost_upload_has_no_effect() {
    let (_, channel) = open(vec![login(LATER), Step::Cut(suite::Cut::BeforeStatus)]).await;
    let mut job = suite::job();
    job.rendition.media.push(crate::MediaRef {
        sha256: "ab".into(),
        mime: "image/png".into(),
        alt: "A".into(),
    });
    job.media.push(vec![1, 2, 3]);
    let failure = channel.publish(&job, &Pass::open_for_tests()).await.unwrap_err();
    assert!(matches!(failure, Failure::Rejected { retry: Retry::Backoff, .. }), "{failure:?}");
}

#[path = "bluesky_server.rs"]
mod server;
#[path = "bluesky_strict_tests.rs"]
mod strict_tests;
#[path = "bluesky_thread_tests.rs"]
mod thread_tests;
