//! The LinkedIn adapter against a scripted server and a strict one.

use std::time::Duration;

use super::server::{Api, Kept, NOW, PAGE, TOKEN, wrong};
use super::*;
use crate::strict::{self, Fate, Strict};
use crate::suite::{self, Expected, Kit};
use crate::{MediaRef, Retry, hash, text};

const ACCEPTED: &str = "x-restli-id: urn:li:share:1\r\n";

pub(super) fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| json!({ "server": url, "organization": "4711" }),
        credential: Some(TOKEN),
        secrets: &["hunter2"],
        before: Vec::new(),
        quiet: 0,
        accepted: "",
        table: vec![
            // An acceptance that names no post.
            (201, Expected::InDoubt),
            (302, Expected::InDoubt),
            (307, Expected::Rejected(Retry::Reconnect)),
            (400, Expected::Rejected(Retry::Never)),
            (401, Expected::Rejected(Retry::Reconnect)),
            (403, Expected::Rejected(Retry::Reconnect)),
            (404, Expected::Rejected(Retry::Never)),
            (408, Expected::InDoubt),
            (409, Expected::InDoubt),
            (422, Expected::Rejected(Retry::Never)),
            (426, Expected::Rejected(Retry::Reconnect)),
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

pub(super) fn kept(id: usize, text: &str) -> Kept {
    let content = Value::Null;
    Kept {
        id: format!("urn:li:share:{id}"),
        text: text.to_owned(),
        author: PAGE,
        at: NOW,
        changed: NOW,
        content,
        reshare: false,
    }
}

pub(super) fn with_pictures(count: u8) -> Job {
    let mut job = suite::job();
    for n in 0..count {
        let bytes = vec![n; 10 + usize::from(n)];
        let (sha256, mime) = (hash(&bytes), "image/png".to_owned());
        job.rendition.media.push(MediaRef { sha256, mime, alt: format!("map {n}") });
        job.media.push(bytes);
    }
    job
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::all(&kit()).await;
    let fake = suite::Fake::start(vec![suite::answer(201, ACCEPTED, "")]).await;
    let receipt = strict::attempt(&*to(&fake.url)).await.unwrap();
    assert_eq!(receipt.remote_id, "urn:li:share:1");
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
    strict::reads(Api::default(), to, 1).await;
}

#[tokio::test]
async fn what_is_posted_is_what_was_approved_and_can_be_taken_down() {
    let (server, channel) = open(Api::default(), &[]).await;
    let mut job = suite::job();
    job.rendition.text = "@bank #now: *cards* (see\r\nhttps://bank.example/a_b) \\ {x} ".to_owned();
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(receipt.remote_id, "urn:li:share:7001");
    assert_eq!(receipt.url.as_deref(), Some("https://www.linkedin.com/feed/update/urn:li:share:7001"));
    let sent = "\\@bank \\#now: \\*cards\\* \\(see\r\nhttps://bank.example/a\\_b\\) \\\\ \\{x\\} ";
    assert_eq!(server.state().network.posts[0].text, sent);
    assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt.clone()));
    assert_eq!(channel.retract(&job, None).await, Retraction::StillLive(NOT_OURS.to_owned()));
    for _ in 0..2 {
        assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
        assert!(server.state().network.posts.is_empty());
    }
    assert_eq!(channel.read_back(&job).await, Sighting::Absent);
    for odd in ["", "urn:li:share:", "urn:li:share:../1", "urn:li:person:1", "7001"] {
        assert_eq!(channel.retract(&job, Some(odd)).await, Retraction::StillLive(NOT_OURS.to_owned()));
    }
    // Not there to be deleted, and shown all the same.
    server.state().network.posts.push(kept(5, "x"));
    server.state().others.push_back(Fate::Refused(404, "", r#"{"code":"NOT_FOUND","message":"no"}"#));
    assert!(matches!(channel.retract(&job, Some("urn:li:share:5")).await, Retraction::StillLive(_)));
}

#[tokio::test]
async fn pictures_come_first_with_their_words() {
    for count in [1, 3] {
        let (server, channel) = open(Api { slow: 1, ..Api::default() }, &[]).await;
        let job = with_pictures(count);
        let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
        let content = server.state().network.posts[0].content.clone();
        if count == 1 {
            assert_eq!(content, json!({ "media": { "id": "urn:li:image:C0", "altText": "map 0" } }));
        } else {
            assert_eq!(
                content["multiImage"]["images"][2],
                json!({ "id": "urn:li:image:C2", "altText": "map 2" })
            );
        }
        let sizes: Vec<_> = server.state().network.pictures.values().map(|p| p.1.unwrap()).collect();
        assert_eq!(sizes, (0..usize::from(count)).map(|n| 10 + n).collect::<Vec<_>>());
        assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt));
        assert_eq!(
            channel.read_back(&suite::job()).await,
            Sighting::Absent,
            "without pictures it is another one"
        );
    }
    let mut webp = with_pictures(1);
    webp.rendition.media[0].mime = "image/webp".to_owned();
    let (server, channel) = open(Api::default(), &[]).await;
    let failure = channel.publish(&webp, &Pass::open_for_tests()).await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Rejected { retry: Retry::Never, .. })
            && server.state().requests.is_empty()
    );
}

#[tokio::test]
async fn whatever_happens_to_a_picture_nothing_is_out() {
    for nth in 0..3 {
        for fate in [
            Fate::DoneBut(500),
            Fate::Refused(429, "Retry-After: 9\r\n", "{}"),
            Fate::Slow(Duration::from_millis(2_500)),
        ] {
            let (server, channel) = open(Api::default(), &[]).await;
            server.state().others = std::iter::repeat_n(Fate::Done, nth).chain([fate.clone()]).collect();
            let failure = channel.publish(&with_pictures(1), &Pass::open_for_tests()).await.unwrap_err();
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
    // It is never ready, or cannot be read.
    let (server, channel) = open(Api { slow: 1_000, ..Api::default() }, &[]).await;
    let failure = channel.publish(&with_pictures(1), &Pass::open_for_tests()).await.unwrap_err();
    assert!(matches!(&failure, Failure::Rejected { retry: Retry::Backoff, .. }), "{failure:?}");
    server.state().others =
        [Fate::Done, Fate::Done, Fate::Refused(200, "", r#"{"status":"PROCESSING_FAILED"}"#)].into();
    let failure = channel.publish(&with_pictures(1), &Pass::open_for_tests()).await.unwrap_err();
    assert!(matches!(&failure, Failure::Rejected { retry: Retry::Never, .. }), "{failure:?}");
    assert!(server.state().network.posts.is_empty());
}

#[tokio::test]
async fn a_picture_and_the_token_go_to_linkedin_alone() {
    // The client itself may reach all of these.
    let elsewhere = suite::Fake::start(vec![suite::answer(201, "", "")]).await;
    let other: &'static str = elsewhere.url.clone().leak();
    for place in [
        other,
        "https://linkedin.com.evil.example",
        "https://evillinkedin.com",
        "http://www.linkedin.com",
        "ftp://x",
    ] {
        let (server, channel) = open(Api { place: Some(place), ..Api::default() }, &[]).await;
        let failure = channel.publish(&with_pictures(1), &Pass::open_for_tests()).await.unwrap_err();
        assert!(matches!(&failure, Failure::Rejected { retry: Retry::Backoff, .. }), "{place}: {failure:?}");
        assert_eq!(server.state().requests, ["POST /rest/images"], "{place}");
    }
    assert!(elsewhere.requests().is_empty());
}

#[tokio::test]
async fn only_an_equal_post_of_its_own_is_found_and_several_are_left_to_people() {
    let (server, channel) = open(Api::default(), &[]).await;
    let job = suite::job();
    let text = job.rendition.text.as_str();
    server.state().network.posts = vec![
        Kept { at: NOW - 1_000_000, ..kept(1, text) },
        Kept { reshare: true, ..kept(2, text) },
        Kept { content: json!({ "media": { "id": "urn:li:image:C9" } }), ..kept(3, text) },
        Kept { author: "urn:li:person:1", ..kept(4, text) },
        kept(5, "Payments are slow."),
        Kept { content: json!({ "article": { "source": "https://bank.example" } }), ..kept(6, text) },
    ];
    assert!(
        matches!(channel.read_back(&job).await, Sighting::Found(r) if r.remote_id.ends_with(":6")),
        "a preview is no picture"
    );
    server.state().network.posts.push(kept(7, text));
    let several = "the account has several posts with these words".to_owned();
    assert_eq!(channel.read_back(&job).await, Sighting::Unknown(several));
    // An old post that was changed since is passed over, and the look goes on behind it.
    let mut many: Vec<Kept> = (100..115).map(|n| Kept { at: NOW - 1_000_000, ..kept(n, "x") }).collect();
    many.push(Kept { changed: NOW - 1, ..kept(8, text) });
    server.state().network.posts = many;
    assert!(matches!(channel.read_back(&job).await, Sighting::Found(r) if r.remote_id.ends_with(":8")));
    server.state().network.posts = (0..51).map(|n| kept(n, "x")).collect();
    assert!(matches!(channel.read_back(&job).await, Sighting::Unknown(_)), "more than five pages");
}

#[tokio::test]
async fn the_same_words_twice_are_told_as_such() {
    let (server, channel) = open(Api::default(), &[]).await;
    strict::attempt(&*channel).await.unwrap();
    let failure = strict::attempt(&*channel).await.unwrap_err();
    let Failure::Rejected { reason, retry } = &failure else { panic!("{failure:?}") };
    assert_eq!(*retry, Retry::Duplicate);
    let told =
        "LinkedIn says that the page has posted these words already (status 422): Content is a duplicate";
    assert!(reason.starts_with(told), "{reason}");
    assert_eq!(server.state().network.posts.len(), 1);
    let code: &'static str = r#"{"message":"no","errorDetails":{"inputErrors":[{"code":"DUPLICATE_POST"}]}}"#;
    let (_server, channel) = open(Api::default(), &[Fate::Refused(422, "", code)]).await;
    let failure = strict::attempt(&*channel).await.unwrap_err();
    assert!(matches!(failure, Failure::Rejected { retry: Retry::Duplicate, .. }), "{failure:?}");
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    let told = |status, code: &str, message: &str| -> &'static str {
        wrong(status, code, message).2.to_string().leak()
    };
    // The tests' clock stands at 22:15 UTC.
    let midnight = Retry::After(Duration::from_secs(105 * 60));
    for (status, body, expected, words) in [
        (
            401,
            told(401, "EXPIRED_ACCESS_TOKEN", "expired"),
            Retry::Reconnect,
            "the access token is refused (status 401): expired",
        ),
        (403, told(403, "ACCESS_DENIED", "no"), Retry::Reconnect, "a content administrator there"),
        (
            426,
            told(426, "NONEXISTENT_VERSION", "old"),
            Retry::Reconnect,
            "write a newer one into the setting version",
        ),
        (
            400,
            told(400, "NONEXISTENT_VERSION", "old"),
            Retry::Reconnect,
            "write a newer one into the setting version",
        ),
        (
            400,
            told(400, "ILLEGAL_ARGUMENT", "why"),
            Retry::Never,
            "LinkedIn refuses the post (status 400): why",
        ),
        (
            422,
            told(422, "UNPROCESSABLE_ENTITY", "too long"),
            Retry::Never,
            "LinkedIn refuses the post (status 422): too long",
        ),
        (
            429,
            told(429, "TOO_MANY_REQUESTS", "throttle APPLICATION DAY limit is reached"),
            midnight,
            "LinkedIn asks us to wait",
        ),
        (429, "{}", Retry::Backoff, "LinkedIn asks us to wait"),
    ] {
        let (server, channel) = open(Api::default(), &[Fate::Refused(status, "", body)]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        let Failure::Rejected { reason, retry } = &failure else { panic!("{status}: {failure:?}") };
        assert!(*retry == expected && reason.contains(words), "{status}: {failure:?}");
        assert!(server.state().network.posts.is_empty());
    }
    for headers in
        ["", "x-restli-id: 7\r\n", "x-restli-id: urn:li:share:../x\r\n", "x-restli-id: urn:li:image:C1\r\n"]
    {
        let (_server, channel) = open(Api::default(), &[Fate::Refused(201, headers, "")]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        assert!(matches!(failure, Failure::InDoubt { .. }), "{headers}: {failure:?}");
    }
}

#[tokio::test]
async fn the_check_says_what_is_missing() {
    let checked = async |api: Api, version: &str, fates: Vec<Fate>| {
        let (server, _) = open(api, &[]).await;
        server.state().others = fates.into();
        let settings = json!({ "server": server.url, "organization": "4711", "version": version });
        let health = suite::connect(&ADAPTER, settings, Some(TOKEN)).unwrap().check().await;
        assert!(server.state().network.posts.is_empty() && !health.detail.contains("hunter2"));
        (health.ready, health.detail)
    };
    // The tests' clock stands in November 2023.
    assert_eq!(checked(Api::default(), "202607", vec![]).await, (true, "posts for the page 4711".to_owned()));
    let old = Api { version: "202212", ..Api::default() };
    let (ready, detail) = checked(old, "202212", vec![]).await;
    assert!(ready && detail.contains("version 202212 of the API may end from 2023-12-01 on"), "{detail}");
    let (ready, detail) = checked(Api::default(), "202506", vec![]).await;
    assert!(!ready && detail.contains("LinkedIn has ended this version"), "{detail}");
    let (ready, detail) = checked(Api { role: "ANALYST", ..Api::default() }, "202607", vec![]).await;
    assert!(!ready && detail.contains("make it a content administrator"), "{detail}");
    let untold = vec![Fate::Done, Fate::Refused(403, "", "{}")];
    let (ready, detail) = checked(Api::default(), "202607", untold).await;
    assert!(ready && detail.contains("whether it may post there is not told"), "{detail}");
    let (ready, detail) = checked(Api::default(), "202607", vec![Fate::Refused(403, "", "{}")]).await;
    assert!(!ready && detail.contains("r_organization_social"), "{detail}");
}

#[tokio::test]
async fn what_somebody_wrote_down_is_told_by_the_check() {
    let (server, _) = open(Api::default(), &[]).await;
    let mut settings = json!({ "server": server.url, "organization": "4711" });
    let checked = async |settings: &Value| {
        suite::connect(&ADAPTER, settings.clone(), Some(TOKEN)).unwrap().check().await.facts
    };
    let none = checked(&settings).await;
    assert_eq!((none.posts_a_day, none.posts, none.expires_at), (None, None, None));
    (settings["posts_a_day"], settings["token_ends"]) = (150.into(), "2024-01-12".into());
    let told = checked(&settings).await;
    assert_eq!((told.posts_a_day, told.posts), (Some(150), None), "nobody has counted yet");
    assert_eq!(told.expires_at.unwrap().to_rfc3339(), "2024-01-12T00:00:00+00:00");
    for odd in [json!(0), json!("many"), json!("-1"), json!("1000001")] {
        settings["posts_a_day"] = odd;
        let error = suite::connect(&ADAPTER, settings.clone(), Some(TOKEN)).err().unwrap();
        assert!(error.contains("setting posts_a_day"), "{error}");
    }
}

#[tokio::test]
async fn the_longest_post_is_taken() {
    let (server, channel) = open(Api::default(), &[]).await;
    let mut job = suite::job();
    job.rendition.text = format!("{}😀{}", "(".repeat(1_000), "a".repeat(998));
    assert!(text::check(&job.rendition, &ADAPTER.limits).is_empty());
    channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(server.state().network.posts.len(), 1);
    job.rendition.text.push('b');
    assert_eq!(text::check(&job.rendition, &ADAPTER.limits)[0].message, "is 1 too long; the limit is 3000");
}

#[test]
fn faulty_settings_are_described_and_not_repeated() {
    let tried = |settings: Value| suite::connect(&ADAPTER, settings, Some(TOKEN)).err();
    assert_eq!(tried(json!({ "organization": "4711" })), None);
    assert_eq!(tried(json!({ "organization": 4711, "version": "202601" })), None);
    for bad in ["bank", "urn:li:organization:1", "47/../11"] {
        assert!(tried(json!({ "organization": bad })).unwrap().contains("write the page's number"), "{bad}");
    }
    assert!(tried(json!({ "organization": "1", "version": "7" })).unwrap().contains("like 202607"));
    assert!(
        suite::connect(&ADAPTER, json!({ "organization": "1" }), None).err().unwrap().contains("credential")
    );
}
