//! The Mastodon adapter against a scripted server and a strict one.

use super::kinds::Kind;
use super::server::{Server as Site, TOKEN};
use super::*;
use crate::strict::{Fate, attempt, deliver};
use crate::suite::{self, CUTS, Cut, Expected, Fake, Kit, answer};
use crate::{MediaRef, Retry};

const INSTANCE: &str = r#"{"version":"4.3.2","configuration":{"statuses":{"max_characters":500}}}"#;
pub(super) const PLEROMA: &str = "2.7.2 (compatible; Pleroma 2.6.0)";

fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| json!({ "server": url }),
        credential: Some(TOKEN),
        secrets: &["hunter2"],
        before: vec![answer(200, "", INSTANCE)],
        quiet: 1,
        accepted: r#"{"id":"101","url":"https://social.example/@bank/101","visibility":"public"}"#,
        table: vec![
            (200, Expected::Accepted),
            (302, Expected::InDoubt),
            (307, Expected::Rejected(Retry::Reconnect)),
            (400, Expected::Rejected(Retry::Never)),
            (401, Expected::Rejected(Retry::Reconnect)),
            (403, Expected::Rejected(Retry::Reconnect)),
            (404, Expected::Rejected(Retry::Never)),
            (408, Expected::InDoubt),
            (409, Expected::InDoubt),
            (410, Expected::Rejected(Retry::Never)),
            (413, Expected::Rejected(Retry::Never)),
            (422, Expected::Rejected(Retry::Never)),
            (429, Expected::Rejected(Retry::After(Duration::from_secs(7)))),
            (500, Expected::InDoubt),
            (502, Expected::InDoubt),
            (503, Expected::InDoubt),
            (504, Expected::InDoubt),
        ],
    }
}

pub(super) fn connect_to(url: &str, settings: &Value) -> Box<dyn Channel> {
    let mut all = (kit().settings)(url);
    all.as_object_mut().unwrap().extend(settings.as_object().unwrap().clone());
    suite::connect(&ADAPTER, all, Some(TOKEN)).unwrap()
}

pub(super) async fn open(kind: Kind, fates: &[Fate]) -> (Site, Box<dyn Channel>) {
    let server = Site::start(kind.into(), fates).await;
    let channel = connect_to(&server.url, &json!({}));
    (server, channel)
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::all(&kit()).await;
}

#[tokio::test]
async fn the_post_is_what_was_approved() {
    let server = Site::start(Kind::default().into(), &[]).await;
    let channel = connect_to(&server.url, &json!({ "visibility": "unlisted", "warning": "title" }));
    let mut job = suite::job();
    job.rendition.title = Some("Payments".to_owned());
    job.rendition.language = "fr-CH".to_owned();
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!((receipt.remote_id.as_str(), receipt.note), ("101", None));
    assert_eq!(receipt.url.as_deref(), Some("https://social.example/@bank/101"));
    let expected = json!({ "status": job.rendition.text, "visibility": "unlisted", "language": "fr-CH",
        "sensitive": true, "spoiler_text": "Payments" });
    assert_eq!(server.state().network.posts[0].sent, expected);
    assert!(matches!(channel.read_back(&job).await, Sighting::Found(_)));
    job.rendition.title = None;
    assert_eq!(channel.read_back(&job).await, Sighting::Absent, "another warning is another post");
}

#[tokio::test]
async fn however_a_connection_breaks_there_is_one_copy_at_most() {
    for keeps_keys in [true, false] {
        for at in CUTS.into_iter().filter(|c| *c != Cut::BeforeConnect) {
            for done in [true, false] {
                let done = done && !matches!(at, Cut::BeforeRead | Cut::MidRequest);
                let kind = Kind { keeps_keys, ..Kind::default() };
                let (server, channel) = open(kind, &[Fate::Broken { done, at }]).await;
                let settled = deliver(&*channel).await;
                assert_eq!(server.copies(), usize::from(settled.is_some()), "{at:?} {done}");
                if done {
                    assert!(settled.is_some(), "{at:?}: what is there is found");
                }
            }
        }
    }
}

#[tokio::test]
async fn no_connection_is_no_effect() {
    let server = Fake::start(vec![suite::Step::Cut(Cut::BeforeConnect)]).await;
    let channel = connect_to(&server.url, &json!({}));
    let result = attempt(&*channel).await;
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Backoff, .. })), "{result:?}");
    let address = server.url.trim_start_matches("http://").to_owned();
    let server = Site::start_at(&address, Kind::default().into(), &[]).await;
    deliver(&*channel).await.unwrap();
    assert_eq!(server.copies(), 1);
}

#[tokio::test]
async fn what_was_done_without_a_good_answer_is_found() {
    let slow = Fate::Slow(Duration::from_millis(2_500));
    for fate in [Fate::DoneBut(500), Fate::DoneBut(503), Fate::DoneBut(504), slow] {
        let (server, channel) = open(Kind::default(), std::slice::from_ref(&fate)).await;
        let receipt = deliver(&*channel).await.unwrap_or_else(|| panic!("{fate:?}"));
        assert_eq!((receipt.remote_id.as_str(), server.copies()), ("101", 1), "{fate:?}");
    }
}

#[tokio::test]
async fn what_lands_late_is_left_to_people_until_it_is_seen() {
    let (server, channel) = open(Kind::default(), &[Fate::Late]).await;
    assert_eq!(deliver(&*channel).await, None, "not there yet, which proves nothing");
    server.land();
    assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Found(_)));
    assert_eq!(server.copies(), 1);
}

#[tokio::test]
async fn a_key_is_the_same_at_each_attempt_and_gives_the_first_post() {
    let (server, channel) = open(Kind::default(), &[]).await;
    let first = attempt(&*channel).await.unwrap();
    assert_eq!(attempt(&*channel).await.unwrap(), first);
    assert_eq!(server.copies(), 1);
    // After a deletion the key leads nowhere, and the post is not made again.
    assert_eq!(channel.retract(&suite::job(), Some(&first.remote_id)).await, Retraction::Gone);
    let again = attempt(&*channel).await;
    assert!(matches!(again, Err(Failure::Rejected { retry: Retry::Never, .. })), "{again:?}");
    assert_eq!(server.copies(), 0);
}

#[tokio::test]
async fn pleroma_gets_no_key_and_no_unknown_server() {
    let (server, channel) = open(Kind { version: PLEROMA, keeps_keys: false, ..Kind::default() }, &[]).await;
    attempt(&*channel).await.unwrap();
    assert_eq!(server.copies(), 1);
    for (instance, has_key) in [(answer(503, "", "{}"), false), (answer(200, "", INSTANCE), true)] {
        let fake = Fake::start(vec![instance, answer(200, "", kit().accepted)]).await;
        attempt(&*connect_to(&fake.url, &json!({}))).await.unwrap();
        assert_eq!(fake.requests()[1].contains("idempotency-key: key-1"), has_key);
    }
}

#[tokio::test]
async fn only_a_refusal_is_one_when_it_is_repeated() {
    const REPEATED: &str = "Idempotent-Replayed: true\r\n";
    for status in [400, 403, 422, 429] {
        let refused = Fate::Refused(status, REPEATED, r#"{"error":"Throttled"}"#);
        let (_server, channel) = open(Kind::default(), &[refused]).await;
        let failure = attempt(&*channel).await.unwrap_err();
        assert!(matches!(failure, Failure::Rejected { retry: Retry::Never, .. }), "{status}: {failure:?}");
        assert!(failure.to_string().contains("repeats its first refusal"), "{failure}");
    }
    for status in [408, 409, 500, 502, 503] {
        let refused = Fate::Refused(status, REPEATED, "{}");
        let (_server, channel) = open(Kind::default(), &[refused]).await;
        let failure = attempt(&*channel).await.unwrap_err();
        assert!(matches!(failure, Failure::InDoubt { .. }), "{status}: {failure:?}");
    }
}

#[tokio::test]
async fn what_names_no_post_is_in_doubt() {
    let accepted = |id: &str, more: &str| answer(200, "", &format!(r#"{{"id":"{id}"{more}}}"#));
    let of = async |step| {
        let fake = Fake::start(vec![answer(200, "", INSTANCE), step]).await;
        attempt(&*connect_to(&fake.url, &json!({}))).await
    };
    for id in ["", "a/b", "1\\u00002", &"1".repeat(101)] {
        let result = of(accepted(id, "")).await;
        assert!(matches!(result, Err(Failure::InDoubt { .. })), "{id}: {result:?}");
    }
    let (url, word) = ("a".repeat(2_000), "a".repeat(21));
    let long = format!(r#","url":"https://b.example.org/{url}","visibility":"{word}""#);
    let receipt = of(accepted("1", &long)).await.unwrap();
    assert_eq!((receipt.url, receipt.note), (None, None));
}

#[tokio::test]
async fn a_refusal_comes_with_the_server_s_words_but_no_secret() {
    let said = |body| Fate::Refused(422, "", body);
    let (_server, channel) = open(
        Kind::default(),
        &[
            said(r#"{"error":"Validation failed: Text is bad"}"#),
            said(r#"{"error":"no hunter2-token"}"#),
            said("{\"error\":\"a\\u001b[2K\"}"),
        ],
    )
    .await;
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(attempt(&*channel).await.unwrap_err().to_string());
    }
    let plain = "the server refuses the post (status 422)";
    assert_eq!(seen, [format!("{plain}: Validation failed: Text is bad").as_str(), plain, plain]);
}

#[tokio::test]
async fn the_wait_is_read_in_each_form() {
    for (headers, seconds) in [
        ("X-RateLimit-Reset: 2023-11-14T22:20:00.000Z\r\n", Some(300)),
        ("X-RateLimit-Reset: 1700000160\r\n", Some(60)),
        ("X-RateLimit-Reset: 12\r\n", Some(12)),
        ("X-RateLimit-Reset: 2020-01-01T00:00:00Z\r\n", Some(1)),
        ("X-RateLimit-Reset: 2043-11-14T22:20:00Z\r\n", Some(86_400)),
        ("Retry-After: 9\r\n", Some(9)),
        ("Retry-After: 9\r\nX-RateLimit-Reset: 2023-11-14T22:15:05Z\r\n", Some(9)),
        ("X-RateLimit-Reset: soon\r\n", None),
        ("", None),
    ] {
        let refused = Fate::Refused(429, headers, r#"{"error":"Too many requests"}"#);
        let (server, channel) = open(Kind::default(), &[refused]).await;
        let result = attempt(&*channel).await;
        let expected = seconds.map_or(Retry::Backoff, |s| Retry::After(Duration::from_secs(s)));
        assert!(
            matches!(&result, Err(Failure::Rejected { retry, .. }) if *retry == expected),
            "{headers}: {result:?}"
        );
        deliver(&*channel).await.unwrap();
        assert_eq!(server.copies(), 1);
    }
}

#[tokio::test]
async fn a_token_that_is_refused_once_asks_for_a_new_connection() {
    let refused = Fate::Refused(401, "", r#"{"error":"The access token was revoked"}"#);
    let (server, channel) = open(Kind::default(), &[refused]).await;
    let result = attempt(&*channel).await;
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Reconnect, .. })), "{result:?}");
    assert_eq!(server.copies(), 0);
}

fn with_picture() -> Job {
    let mut job = suite::job();
    let alt = "A map: \"Zürich\"\r\n--holdline".to_owned();
    job.rendition.media.push(MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt });
    job.media.push(vec![0x89, b'P', 0, 1, 2, 3]);
    job
}

#[tokio::test]
async fn a_picture_is_waited_for() {
    let (server, channel) = open(Kind { slow_pictures: 1, ..Kind::default() }, &[]).await;
    channel.publish(&with_picture(), &Pass::open_for_tests()).await.unwrap();
    let state = server.state();
    assert_eq!(state.network.posts[0].sent["media_ids"], json!(["50"]));
    assert_eq!(state.network.uploads, [with_picture().rendition.media[0].alt.as_str()]);
    assert_eq!(state.requests.iter().filter(|r| *r == "GET /api/v1/media/50").count(), 2);
}

#[tokio::test]
async fn all_pictures_are_sent_before_one_is_waited_for_and_not_for_ever() {
    let mut job = with_picture();
    job.rendition.media.push(job.rendition.media[0].clone());
    job.media.push(vec![1]);
    let (server, channel) = open(Kind { slow_pictures: 1, ..Kind::default() }, &[]).await;
    channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    let asked = |server: &Site| -> Vec<String> {
        server.state().requests.iter().filter(|r| r.contains("media")).cloned().collect()
    };
    let (sent, look) = ("POST /api/v2/media", ["GET /api/v1/media/50", "GET /api/v1/media/51"]);
    assert_eq!(asked(&server), [sent, sent, look[0], look[1], look[0], look[1]]);
    let (server, channel) = open(Kind { slow_pictures: 1_000, ..Kind::default() }, &[]).await;
    let result = channel.publish(&job, &Pass::open_for_tests()).await;
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Backoff, .. })), "{result:?}");
    assert_eq!(server.copies(), 0);
}

#[tokio::test]
async fn a_picture_that_goes_wrong_has_no_effect() {
    let media = answer(202, "", r#"{"id":"50","url":null}"#);
    let lost = suite::Step::Cut(Cut::BeforeStatus);
    for (steps, expected) in [
        (vec![lost], Retry::Backoff),
        (vec![answer(500, "", "{}")], Retry::Backoff),
        (vec![answer(422, "", r#"{"error":"File is invalid"}"#)], Retry::Never),
        // Pictures have a limit of their own: other posts need not wait.
        (vec![answer(429, "Retry-After: 7\r\n", "{}")], Retry::Later(Duration::from_secs(7))),
        (vec![media, answer(422, "", "{}")], Retry::Never),
    ] {
        let mut all = kit().before;
        all.extend(steps);
        let fake = Fake::start(all).await;
        let channel = connect_to(&fake.url, &json!({}));
        let result = channel.publish(&with_picture(), &Pass::open_for_tests()).await;
        let seen = matches!(&result, Err(Failure::Rejected { retry, .. }) if *retry == expected);
        assert!(seen, "{expected:?}: {result:?}");
    }
    let (server, channel) = open(Kind::default(), &[]).await;
    let mut job = with_picture();
    job.rendition.media[0].alt = "a".repeat(1_501);
    let result = channel.publish(&job, &Pass::open_for_tests()).await;
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Never, .. })), "{result:?}");
    assert!(server.state().network.uploads.is_empty(), "the server would cut the words");
}
