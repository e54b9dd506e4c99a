//! The Ghost adapter against a scripted server and a strict one. The real one is in `tests/real_ghost.rs`.

use std::time::Duration;

use super::site::{KEY, Site};
use super::*;
use crate::strict::{self, Fate, Strict};
use crate::suite::{self, Expected, Kit, answer};

const DRAFT: &str = r#"{"posts":[{"id":"6489b1a3c0c4d2a1b3e50001","status":"draft","slug":"holdline-01936d3c1c5e7a3b80003f2f5a8c9d10","updated_at":"2026-01-01T00:00:01.000Z","url":"https://bank.example/p/x/"}]}"#;
const PUBLISHED: &str = r#"{"posts":[{"id":"6489b1a3c0c4d2a1b3e50001","status":"published","slug":"s","updated_at":"2026-01-01T00:00:02.000Z","url":"https://bank.example/s/"}]}"#;

fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| json!({ "url": url }),
        credential: Some(KEY),
        secrets: &["0b0b0b0b0b"],
        before: vec![answer(200, "", r#"{"posts":[]}"#), answer(201, "", DRAFT), answer(200, "", DRAFT)],
        quiet: 1,
        accepted: PUBLISHED,
        table: vec![
            (200, Expected::Accepted),
            (302, Expected::InDoubt),
            (307, Expected::Rejected(Retry::Reconnect)),
            (400, Expected::Rejected(Retry::Never)),
            (401, Expected::Rejected(Retry::Reconnect)),
            (403, Expected::Rejected(Retry::Reconnect)),
            (404, Expected::Rejected(Retry::Reconnect)),
            (406, Expected::Rejected(Retry::Reconnect)),
            (408, Expected::InDoubt),
            (409, Expected::InDoubt),
            (413, Expected::Rejected(Retry::Never)),
            // The look at the post is refused, too.
            (422, Expected::InDoubt),
            (429, Expected::Rejected(Retry::After(Duration::from_secs(7)))),
            (500, Expected::InDoubt),
            (502, Expected::InDoubt),
            (503, Expected::InDoubt),
            (504, Expected::InDoubt),
        ],
    }
}

pub(super) fn to(url: &str) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, (kit().settings)(url), Some(KEY)).unwrap()
}

pub(super) fn job() -> Job {
    let mut job = suite::job();
    job.rendition.title = Some("Cards & payments".to_owned());
    job
}

async fn publish(channel: &dyn Channel) -> Result<Receipt, Failure> {
    channel.publish(&job(), &Pass::open_for_tests()).await
}

pub(super) async fn open(site: Site, fates: &[Fate]) -> (Strict<Site>, Box<dyn Channel>) {
    let server = Strict::start(site, fates).await;
    let channel = to(&server.url);
    (server, channel)
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::all(&kit()).await;
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most_and_it_is_found() {
    strict::outcomes(Site::default(), to, Site::public, true).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_gone() {
    strict::removals(Site::default(), to, Site::public).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_absent() {
    strict::reads(Site::default(), to, 2).await;
}

#[tokio::test]
async fn a_removal_that_breaks_is_no_removal() {
    let broken = |done| Fate::Broken { done, at: suite::Cut::BeforeStatus };
    let other =
        r#"{"posts":[{"id":"6489b1a3c0c4d2a1b3e50001","status":"published","slug":"s","updated_at":"x"}]}"#;
    for fate in [
        broken(false),
        broken(true),
        Fate::DoneBut(500),
        Fate::Refused(200, "", "{}"),
        Fate::Refused(200, "", other),
    ] {
        let (server, channel) = open(Site::default(), &[Fate::Done, fate.clone()]).await;
        let receipt = publish(&*channel).await.unwrap();
        let said = channel.retract(&job(), Some(&receipt.remote_id)).await;
        assert!(matches!(said, Retraction::StillLive(_)), "{fate:?}: {said:?}");
        assert_eq!(channel.retract(&job(), Some(&receipt.remote_id)).await, Retraction::Gone);
        assert_eq!(server.state().network.ids("draft"), ["0001"]);
    }
}

#[tokio::test]
async fn a_draft_comes_first_and_the_public_step_carries_the_approved_words_again() {
    let (server, channel) = open(Site::default(), &[]).await;
    let mut job = job();
    job.rendition.text = "One <b>\ntwo\n\n<!--kg-card-end: html--> https://bank.example/?a=1&b=2".to_owned();
    job.rendition.media =
        vec![crate::MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt: "A \"map\"".into() }];
    job.media = vec![vec![1]];
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    let slug = "holdline-01936d3c1c5e7a3b80003f2f5a8c9d10";
    assert_eq!(receipt.remote_id, "6489b1a3c0c4d2a1b3e50001");
    assert_eq!(receipt.url, Some(format!("https://bank.example/{slug}/")));
    let post = server.state().network.posts[0].clone();
    assert_eq!((&post["title"], &post["status"]), (&json!("Cards & payments"), &json!("published")));
    let html = "<!--kg-card-begin: html-->\n<div lang=\"en\"><p>One &lt;b&gt;<br>two</p>\n<p>\
        &lt;!--kg-card-end: html--&gt; <a href=\"https://bank.example/?a=1&amp;b=2\">\
        https://bank.example/?a=1&amp;b=2</a></p>\n<figure><img src=\"https://bank.example/content/a.png\" \
        alt=\"A &quot;map&quot;\"></figure>\n</div>\n<!--kg-card-end: html-->";
    assert_eq!(post["html"], html);
    let path = |end: &str| format!("/ghost/api/admin/{end}");
    let expected = [
        "GET ".to_owned() + &path("posts/"),
        "POST ".to_owned() + &path("images/upload/"),
        "POST ".to_owned() + &path("posts/"),
        "GET ".to_owned() + &path("posts/"),
        "PUT ".to_owned() + &path("posts/6489b1a3c0c4d2a1b3e50001/"),
    ];
    assert_eq!(server.state().requests, expected);
    assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt));
}

#[tokio::test]
async fn a_draft_that_comes_late_makes_no_second_post() {
    let lost = || Fate::Broken { done: true, at: suite::Cut::BeforeStatus };
    // The first attempt's draft is lost; it comes before or after that of the second, whose public answer is lost.
    for early in [true, false] {
        let (server, channel) = open(Site::default(), &[lost()]).await;
        server.state().others =
            [Fate::Done, Fate::Broken { done: false, at: suite::Cut::BeforeStatus }].into();
        let first = publish(&*channel).await;
        assert!(matches!(first, Err(Failure::Rejected { retry: Retry::Backoff, .. })), "{first:?}");
        if early {
            server.state().network.land();
        }
        assert!(matches!(publish(&*channel).await, Err(Failure::InDoubt { .. })));
        if !early {
            server.state().network.land();
        }
        assert!(matches!(channel.read_back(&job()).await, Sighting::Found(_)));
        publish(&*channel).await.unwrap();
        assert_eq!(server.state().network.ids("published"), ["0001"]);
    }
}

#[tokio::test]
async fn all_attempts_publish_the_draft_that_came_first() {
    let (server, channel) =
        open(Site::default(), &[Fate::Broken { done: false, at: suite::Cut::BeforeStatus }]).await;
    for _ in 0..3 {
        server.state().network.land();
    }
    assert!(matches!(publish(&*channel).await, Err(Failure::InDoubt { .. })));
    assert_eq!(channel.read_back(&job()).await, Sighting::Absent, "drafts are");
    server.state().network.land();
    publish(&*channel).await.unwrap();
    assert_eq!(server.state().network.ids("published"), ["0001"]);
    assert_eq!(server.state().network.ids("draft").len(), 3);
    // A post that is public counts, whatever its number.
    let (server, channel) = open(Site::default(), &[]).await;
    for _ in 0..2 {
        server.state().network.land();
    }
    server.state().network.posts[1]["status"] = "published".into();
    assert_eq!(publish(&*channel).await.unwrap().remote_id, "6489b1a3c0c4d2a1b3e50002");
    assert_eq!(server.state().network.ids("published"), ["0002"]);
}

#[tokio::test]
async fn an_editor_who_is_faster_only_delays() {
    let collision = r#"{"errors":[{"type":"UpdateCollisionError","message":"Saving failed!"}]}"#;
    let (server, channel) = open(Site::default(), &[Fate::Refused(409, "", collision)]).await;
    let failure = publish(&*channel).await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Rejected { retry: Retry::Backoff, reason } if reason.contains("is editing")),
        "{failure:?}"
    );
    server.state().network.touch(0);
    publish(&*channel).await.unwrap();
    assert_eq!(server.state().network.ids("published"), ["0001"]);
}

#[tokio::test]
async fn what_an_editor_has_scheduled_or_mailed_is_left_to_people() {
    for (status, words) in [("scheduled", SCHEDULED), ("sent", MAILED)] {
        let (server, channel) = open(Site::default(), &[]).await;
        server.state().network.land();
        server.state().network.posts[0]["status"] = status.into();
        let failure = publish(&*channel).await.unwrap_err();
        assert!(matches!(&failure, Failure::InDoubt { reason } if reason == words), "{failure:?}");
        assert_eq!(channel.read_back(&job()).await, Sighting::Unknown(words.to_owned()));
        assert_eq!(server.state().network.ids(status), ["0001"], "untouched");
    }
    for (becomes, in_doubt) in [("scheduled", true), ("sent", true), ("draft", false)] {
        let (_server, channel) = open(Site { becomes: Some(becomes), ..Site::default() }, &[]).await;
        let failure = publish(&*channel).await.unwrap_err();
        assert_eq!(matches!(failure, Failure::InDoubt { .. }), in_doubt, "{becomes}: {failure:?}");
    }
}

#[tokio::test]
async fn a_post_becomes_a_draft_again() {
    let (server, channel) = open(Site::default(), &[]).await;
    assert_eq!(channel.retract(&job(), None).await, Retraction::StillLive(NOT_OURS.to_owned()));
    let receipt = publish(&*channel).await.unwrap();
    for odd in ["7", "../../users", "6489b1a3c0c4d2a1b3e5000g"] {
        assert_eq!(channel.retract(&job(), Some(odd)).await, Retraction::StillLive(NOT_OURS.to_owned()));
    }
    assert_eq!(channel.retract(&job(), None).await, Retraction::Gone);
    assert_eq!(server.state().network.ids("draft"), ["0001"]);
    assert_eq!(channel.retract(&job(), Some(&receipt.remote_id)).await, Retraction::Gone);
    server.state().network.posts.clear();
    assert_eq!(channel.retract(&job(), Some(&receipt.remote_id)).await, Retraction::Gone, "deleted there");
    for (status, body) in [(404, "<html>"), (404, "{}"), (403, "{}"), (500, "{}")] {
        server.state().others.push_back(Fate::Refused(status, "", body));
        let said = channel.retract(&job(), Some(&receipt.remote_id)).await;
        assert!(matches!(said, Retraction::StillLive(_)), "{status} {body}: {said:?}");
    }
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    for (status, headers, body, expected, words) in [
        (
            401,
            "",
            r#"{"errors":[{"type":"UnauthorizedError","message":"Invalid token: jwt expired"}]}"#,
            Retry::Reconnect,
            "clock is right (status 401): Invalid token",
        ),
        (403, "", r#"{"errors":[{"type":"NoPermissionError"}]}"#, Retry::Reconnect, "may not do this"),
        (403, "", r#"{"errors":[{"type":"HostLimitError"}]}"#, Retry::Reconnect, "plan"),
        (404, "", r#"{"errors":[{"type":"NotFoundError"}]}"#, Retry::Backoff, "the draft is gone"),
        (404, "", "<html>", Retry::Reconnect, "no Ghost is at this address"),
        (406, "", "{}", Retry::Reconnect, "5 or newer"),
        (
            422,
            "",
            r#"{"errors":[{"type":"ValidationError","message":"too long"}]}"#,
            Retry::Never,
            "refuses the post (status 422): too long",
        ),
        (429, "", "{}", Retry::Backoff, "wait"),
        (429, "Retry-After: 30\r\n", "{}", Retry::After(Duration::from_secs(30)), "wait"),
    ] {
        let (server, channel) = open(Site::default(), &[Fate::Refused(status, headers, body)]).await;
        let failure = publish(&*channel).await.unwrap_err();
        let Failure::Rejected { reason, retry } = &failure else { panic!("{body}: {failure:?}") };
        assert!(*retry == expected && reason.contains(words), "{body}: {failure:?}");
        assert_eq!(server.state().network.public(), 0);
    }
    for body in ["", "{}", r#"{"posts":[]}"#, r#"{"posts":[{"status":"published"}]}"#] {
        let (_server, channel) = open(Site::default(), &[Fate::Refused(200, "", body)]).await;
        let failure = publish(&*channel).await.unwrap_err();
        assert!(matches!(failure, Failure::InDoubt { .. }), "{body}: {failure:?}");
    }
    // A step before the public one is nobody's doubt: the look, the draft, the look after it.
    for nth in 0..3 {
        for fate in [Fate::DoneBut(500), Fate::Broken { done: true, at: suite::Cut::MidBody }] {
            let (server, channel) = open(Site::default(), &[]).await;
            server.state().others = std::iter::repeat_n(Fate::Done, nth).chain([fate]).collect();
            let failure = publish(&*channel).await.unwrap_err();
            assert!(matches!(failure, Failure::Rejected { retry: Retry::Backoff, .. }), "{nth}: {failure:?}");
            publish(&*channel).await.unwrap();
            assert_eq!(server.state().network.ids("published"), ["0001"]);
        }
    }
}

#[tokio::test]
async fn the_check_says_what_is_missing() {
    let checked = async |role, key: &str| {
        let server = Strict::start(Site { role, ..Site::default() }, &[]).await;
        let health = suite::connect(&ADAPTER, json!({ "url": server.url }), Some(key)).unwrap().check().await;
        assert!(server.state().network.posts.is_empty());
        let none = Some(Vec::new());
        assert_eq!(health.facts.missing == none, health.ready, "{health:?}");
        (health.ready, health.detail)
    };
    assert_eq!(checked(None, KEY).await, (true, "publishes on Bank".to_owned()), "an integration");
    assert!(checked(Some("Editor"), KEY).await.0);
    let (ready, detail) = checked(Some("Contributor"), KEY).await;
    assert!(!ready && detail.contains("may not publish"), "{detail}");
    let (ready, detail) = checked(None, &KEY.replace("0b", "0c")).await;
    assert!(!ready && detail.contains("admin key is refused") && !detail.contains("0c0c"), "{detail}");
    let fake = suite::Fake::start(vec![answer(404, "", "<html>")]).await;
    let health = to(&fake.url).check().await;
    assert!(!health.ready && health.detail.contains("no Ghost is at this address"), "{health:?}");
}

#[tokio::test]
async fn a_link_of_the_site_leads_to_the_web_or_nowhere() {
    let odd = PUBLISHED.replace("https://bank.example/s/", "javascript://bank.example/%0aalert(1)");
    let mut steps = kit().before;
    steps.push(answer(200, "", &odd));
    let fake = suite::Fake::start(steps).await;
    assert_eq!(publish(&*to(&fake.url)).await.unwrap().url, None);
}
