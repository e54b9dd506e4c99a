//! The X adapter against a scripted server and a strict one.

use std::time::Duration;

use serde_json::json;

use super::server::{Api, Kept, NOW, TOKEN, problem};
use super::*;
use crate::strict::{self, Fate, Strict};
use crate::suite::{self, Expected, Kit};
use crate::{MediaRef, Retry, hash};

pub(super) fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| json!({ "server": url }),
        credential: Some(TOKEN),
        secrets: &["hunter2"],
        before: Vec::new(),
        quiet: 0,
        accepted: r#"{"data":{"id":"1800000000000000001","text":"x"}}"#,
        table: vec![
            (200, Expected::Accepted),
            (201, Expected::Accepted),
            (302, Expected::InDoubt),
            (307, Expected::Rejected(Retry::Reconnect)),
            (400, Expected::Rejected(Retry::Never)),
            (401, Expected::Rejected(Retry::Reconnect)),
            (402, Expected::Rejected(Retry::Reconnect)),
            (403, Expected::Rejected(Retry::Never)),
            (404, Expected::Rejected(Retry::Never)),
            (408, Expected::InDoubt),
            (422, Expected::Rejected(Retry::Never)),
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

pub(super) fn kept(id: &str, text: &str) -> Kept {
    Kept { id: id.to_owned(), text: text.to_owned(), media: Vec::new(), at: NOW, reply: None }
}

fn with_picture(size: usize) -> Job {
    let bytes = vec![7; size];
    let mut job = suite::job();
    let (sha256, mime) = (hash(&bytes), "image/png".to_owned());
    job.rendition.media.push(MediaRef { sha256, mime, alt: "a map".to_owned() });
    job.media.push(bytes);
    job
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::all(&kit()).await;
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most_and_it_is_found() {
    strict::outcomes(Api::default(), to, |api| api.posts.len(), true).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_gone() {
    strict::removals(Api::default(), to, |api| api.posts.len()).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_absent() {
    strict::reads(Api::default(), to, 2).await;
}

#[tokio::test]
async fn what_is_posted_is_what_was_approved_and_can_be_taken_down() {
    let (server, channel) = open(Api::default(), &[]).await;
    let mut job = suite::job();
    job.rendition.text =
        "Cards & more: https://bank.example.com/?a=1&b=2 bank.ch/x <e\u{301}>\r\nhttps://bank.example.com/\n"
            .to_owned();
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(receipt.remote_id, "1724551529886646273");
    assert_eq!(receipt.url.as_deref(), Some("https://x.com/bank/status/1724551529886646273"));
    assert_eq!(server.state().network.posts[0].text, job.rendition.text);
    assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt.clone()));
    assert_eq!(channel.retract(&job, None).await, Retraction::StillLive(NOT_OURS.to_owned()));
    for _ in 0..2 {
        assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
        assert!(server.state().network.posts.is_empty());
    }
    assert_eq!(channel.read_back(&job).await, Sighting::Absent);
    for odd in ["", "x", "../7", "18000000000000000019"] {
        assert_eq!(channel.retract(&job, Some(odd)).await, Retraction::StillLive(NOT_OURS.to_owned()));
    }
    // X says that it is not there to be deleted, and shows it: it is another account's.
    server.state().network.posts.push(kept("5", "x"));
    server.state().others.push_back(Fate::Refused(404, "", "{}"));
    let other = channel.retract(&job, Some("5")).await;
    assert_eq!(other, Retraction::StillLive("another account posted it; connect that one".to_owned()));
}

#[tokio::test]
async fn pictures_come_first_with_their_words() {
    let (server, channel) = open(Api::default(), &[]).await;
    let job = with_picture((2 << 20) + 5);
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    {
        let state = server.state();
        let size = (2 << 20) + 5;
        assert_eq!(state.network.pictures["700"], (size, size, true, "a map".to_owned()));
        assert_eq!(state.network.posts[0].media, ["700"]);
        assert_eq!(state.requests.len(), 1 + 3 + 1 + 1 + 1 + 1);
    }
    assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt));
    assert_eq!(
        channel.read_back(&suite::job()).await,
        Sighting::Absent,
        "without a picture it is another one"
    );
    // Whatever happens to a picture, nothing is out, and the post is tried again.
    for nth in 0..4 {
        for fate in [
            Fate::DoneBut(500),
            Fate::Refused(429, "Retry-After: 9\r\n", "{}"),
            Fate::Slow(Duration::from_millis(2_500)),
        ] {
            let (server, channel) = open(Api::default(), &[]).await;
            server.state().others = std::iter::repeat_n(Fate::Done, nth).chain([fate.clone()]).collect();
            let failure = channel.publish(&with_picture(10), &Pass::open_for_tests()).await.unwrap_err();
            let expected = if matches!(fate, Fate::Refused(..)) {
                Retry::Later(Duration::from_secs(9))
            } else {
                Retry::Backoff
            };
            assert!(
                matches!(&failure, Failure::Rejected { retry, .. } if *retry == expected),
                "{nth} {fate:?}: {failure:?}"
            );
            assert!(server.state().network.posts.is_empty());
        }
    }
    for (state, expected) in [("failed", Retry::Never), ("in_progress", Retry::Backoff)] {
        let (server, channel) = open(Api::default(), &[]).await;
        let told: &'static str =
            json!({ "data": { "processing_info": { "state": state } } }).to_string().leak();
        server.state().others = [Fate::Done, Fate::Done, Fate::Refused(200, "", told)].into();
        let failure = channel.publish(&with_picture(10), &Pass::open_for_tests()).await.unwrap_err();
        assert!(
            matches!(&failure, Failure::Rejected { retry, .. } if *retry == expected),
            "{state}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn only_an_equal_post_of_its_own_is_found_and_several_are_left_to_people() {
    let (server, channel) = open(Api { page: 2, ..Api::default() }, &[]).await;
    let job = suite::job();
    let text = job.rendition.text.as_str();
    server.state().network.posts = vec![
        Kept { at: NOW - 1_000, ..kept("1", text) },
        Kept { reply: Some("1".to_owned()), ..kept("2", text) },
        Kept { media: vec!["3_9".to_owned()], ..kept("3", text) },
        kept("4", "Payments are slow."),
        kept("5", &format!("{text} Really.")),
    ];
    assert_eq!(channel.read_back(&job).await, Sighting::Absent);
    server.state().network.posts.insert(0, kept("6", text));
    assert!(matches!(channel.read_back(&job).await, Sighting::Found(r) if r.remote_id == "6"));
    server.state().network.posts.push(kept("7", text));
    let several = "the account has several posts with these words".to_owned();
    assert_eq!(channel.read_back(&job).await, Sighting::Unknown(several));
    server.state().network.posts = (0..11).map(|n| kept(&(20 + n).to_string(), "x")).collect();
    assert!(matches!(channel.read_back(&job).await, Sighting::Unknown(_)), "more than five pages");
    // What is not shown yet proves nothing.
    let (server, channel) = open(Api { lags: true, ..Api::default() }, &[Fate::DoneBut(503)]).await;
    assert_eq!(strict::deliver(&*channel).await, None);
    server.state().network.lags = false;
    assert!(matches!(channel.read_back(&job).await, Sighting::Found(_)));
}

#[tokio::test]
async fn the_same_words_twice_are_told_as_such() {
    let (server, channel) = open(Api::default(), &[]).await;
    strict::attempt(&*channel).await.unwrap();
    let failure = strict::attempt(&*channel).await.unwrap_err();
    let Failure::Rejected { reason, retry } = &failure else { panic!("{failure:?}") };
    assert_eq!(*retry, Retry::Duplicate);
    assert!(
        reason.starts_with("X says that the account has posted these words already (status 403): You are"),
        "{reason}"
    );
    assert_eq!(server.state().network.posts.len(), 1);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let told = |kind: &str| -> &'static str { problem(403, kind, "why").2.to_string().leak() };
    let capped = r#"{"title":"UsageCapExceeded","detail":"Usage cap exceeded: Monthly product cap"}"#;
    let later = "Date: Tue, 14 Nov 2023 22:15:00 GMT\r\nx-rate-limit-reset: 1700000400\r\nx-rate-limit-remaining: 3\r\n";
    let day = "x-rate-limit-reset: 1700000110\r\nx-app-limit-24hour-remaining: 0\r\nx-app-limit-24hour-reset: 1700004100\r\nx-user-limit-24hour-remaining: 5\r\nx-user-limit-24hour-reset: 1700009999\r\n";
    for (status, headers, body, expected, words) in [
        (401, "", told("x"), Retry::Reconnect, "the access token is refused (status 401): why"),
        (402, "", told("credits"), Retry::Reconnect, "buy credits there or raise the spending limit"),
        (403, "", told("client-forbidden"), Retry::Reconnect, "give it write access and connect again"),
        (403, "", told("usage-capped"), Retry::Reconnect, "used up"),
        (429, "", capped, Retry::Reconnect, "used up"),
        (403, "", told("not-authorized-for-resource"), Retry::Never, "X refuses the post (status 403): why"),
        (400, "", told("invalid-request"), Retry::Never, "X refuses the post"),
        (429, later, "{}", Retry::After(Duration::from_secs(300)), "X asks us to wait"),
        (429, day, "{}", Retry::After(Duration::from_secs(4_000)), "X asks us to wait"),
        (429, "x-rate-limit-reset: 1\r\n", "", Retry::After(Duration::from_secs(1)), "wait"),
        (429, "", "{}", Retry::Backoff, "wait"),
    ] {
        let (server, channel) = open(Api::default(), &[Fate::Refused(status, headers, body)]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        let Failure::Rejected { reason, retry } = &failure else { panic!("{status}: {failure:?}") };
        assert!(*retry == expected && reason.contains(words), "{status}: {failure:?}");
        assert!(server.state().network.posts.is_empty());
    }
    for body in ["", "[]", "{}", r#"{"data":{}}"#, r#"{"data":{"id":"../x"}}"#, r#"{"data":{"id":7}}"#] {
        let (_server, channel) = open(Api::default(), &[Fate::Refused(201, "", body)]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        assert!(matches!(failure, Failure::InDoubt { .. }), "{body}: {failure:?}");
    }
}

#[tokio::test]
async fn the_check_says_who_it_is() {
    let checked = async |api, fate: Option<Fate>| {
        let (server, channel) = open(api, &[]).await;
        server.state().others.extend(fate);
        let health = channel.check().await;
        assert!(server.state().network.posts.is_empty() && !health.detail.contains("hunter2"));
        (health.ready, health.detail)
    };
    let unseen = "logged in as @bank; whether the token may post (tweet.write), only a post shows";
    assert_eq!(checked(Api::default(), None).await, (true, unseen.to_owned()));
    let (ready, detail) = checked(Api { protected: true, ..Api::default() }, None).await;
    assert!(ready && detail.contains("only its followers see them"), "{detail}");
    let (ready, detail) = checked(Api::default(), Some(Fate::Refused(401, "", "{}"))).await;
    assert!(!ready && detail.contains("the access token is refused"), "{detail}");
    let (ready, detail) =
        checked(Api::default(), Some(Fate::Refused(200, "", r#"{"data":{"id":"x","username":"b"}}"#))).await;
    assert!(!ready && detail.contains("does not name the account"), "{detail}");
}

#[tokio::test]
async fn the_longest_post_is_taken() {
    let (server, channel) = open(Api::default(), &[]).await;
    let mut job = suite::job();
    let link = format!("https://bank.example.com/{}", "x".repeat(400));
    job.rendition.text = format!("{link} {} 日本👩‍👩‍👧‍👦", "a".repeat(280 - 23 - 2 - 4 - 2));
    assert_eq!(text::count(&job.rendition.text, Unit::X), 280);
    assert!(text::check(&job.rendition, &ADAPTER.limits).is_empty());
    channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(server.state().network.posts.len(), 1);
    job.rendition.text.push('b');
    assert_eq!(text::check(&job.rendition, &ADAPTER.limits)[0].message, "is 1 too long; the limit is 280");
    job.rendition.text = "a\u{feff}b".to_owned();
    let refused = &text::check(&job.rendition, &ADAPTER.limits)[0].message;
    assert_eq!(refused, "holds the character \\u{feff}, which X does not take");
}

#[test]
fn faulty_settings_are_described_and_not_repeated() {
    let tried = |settings: Value, token: Option<&str>| suite::connect(&ADAPTER, settings, token).err();
    assert_eq!(tried(json!({}), Some(TOKEN)), None);
    assert!(tried(json!({}), None).unwrap().contains("credential is missing"));
    assert!(
        tried(json!({ "server": "ftp://hunter2" }), Some(TOKEN)).unwrap().starts_with("the setting server")
    );
}

#[tokio::test]
async fn an_older_post_with_the_same_words_is_another_one() {
    let (server, channel) = open(Api { careless: true, ..Api::default() }, &[]).await;
    strict::attempt(&*channel).await.unwrap();
    assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Found(_)));
    server.state().network.posts[0].at -= 40 * 86_400;
    assert_eq!(channel.read_back(&suite::job()).await, Sighting::Absent);
}

#[tokio::test]
async fn a_repetition_is_one_under_any_status() {
    let words = r#"{"detail":"You are not allowed to create a Tweet with duplicate content."}"#;
    for (status, told) in [(400, words), (403, words), (422, r#"{"errors":[{"code":187}]}"#)] {
        let (_, channel) = open(Api::default(), &[Fate::Refused(status, "", told)]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        assert!(
            matches!(failure, Failure::Rejected { retry: Retry::Duplicate, .. }),
            "{status}: {failure:?}"
        );
    }
}

#[tokio::test]
async fn a_gif_is_not_sent() {
    let (server, channel) = open(Api::default(), &[]).await;
    let mut job = with_picture(10);
    job.rendition.media[0].mime = "image/gif".to_owned();
    let failure = channel.publish(&job, &Pass::open_for_tests()).await.unwrap_err();
    assert!(matches!(failure, Failure::Rejected { retry: Retry::Never, .. }), "{failure:?}");
    assert!(server.state().requests.is_empty());
}
