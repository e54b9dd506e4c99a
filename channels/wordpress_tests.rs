//! The WordPress adapter against a scripted server. The real one is in `tests/real_channels.rs`.

use std::time::Duration;

use super::site::{LOST, PASSWORD, Site, up_to_drafts};
use super::*;
use crate::strict::{self, Fate, Strict};
use crate::suite::{self, Expected, Fake, Kit, Step, answer};

const DRAFT: &str = r#"{"id":7,"status":"draft","link":"https://bank.example/?p=7","slug":"s"}"#;
const PUBLISHED: &str = r#"{"id":7,"status":"publish","link":"https://bank.example/s","slug":"s"}"#;

fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| json!({ "url": url, "account": "press" }),
        credential: Some(PASSWORD),
        secrets: &["hunter2"],
        before: vec![answer(200, "", "[]"), answer(201, "", DRAFT), answer(200, "", &format!("[{DRAFT}]"))],
        quiet: 1,
        accepted: PUBLISHED,
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

async fn publish(steps: Vec<Step>) -> (Fake, Result<Receipt, Failure>) {
    let fake = Fake::start(steps).await;
    let channel = suite::connect(&ADAPTER, (kit().settings)(&fake.url), Some(PASSWORD)).unwrap();
    let result = channel.publish(&suite::job(), &Pass::open_for_tests()).await;
    (fake, result)
}

/// The answers before the public step, and the one to it.
fn up_to_the_public_step(last: &str) -> Vec<Step> {
    let mut steps = kit().before;
    steps.push(answer(200, "", last));
    steps
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
async fn whatever_breaks_while_a_draft_is_made_the_next_try_makes_the_one_copy() {
    for fate in strict::misfortunes() {
        let (site, channel) = site(std::slice::from_ref(&fate), &[]).await;
        assert!(strict::deliver(&*channel).await.is_some(), "{fate:?}");
        assert_eq!(site.ids("publish").len(), 1, "{fate:?}");
    }
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_gone() {
    strict::removals(Site::default(), to, Site::public).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_absent() {
    strict::reads(Site::default(), to, 1).await;
}

#[tokio::test]
async fn a_draft_comes_first_and_the_public_step_carries_the_approved_words_again() {
    let (fake, result) = publish(up_to_the_public_step(PUBLISHED)).await;
    let receipt = result.unwrap();
    assert_eq!((receipt.remote_id.as_str(), receipt.url.as_deref()), ("7", Some("https://bank.example/s")));
    let draft: Value = serde_json::from_str(&fake.content(1)).unwrap();
    assert_eq!(draft["status"], "draft");
    assert_eq!(draft["slug"], "holdline-01936d3c1c5e7a3b80003f2f5a8c9d10");
    assert!(fake.requests()[3].starts_with("POST /wp-json/wp/v2/posts/7 "));
    let public: Value = serde_json::from_str(&fake.content(3)).unwrap();
    assert_eq!((&public["status"], &public["content"]), (&json!("publish"), &draft["content"]));
}

#[tokio::test]
async fn a_draft_of_an_earlier_attempt_is_used_again() {
    let found = format!("[{DRAFT}]");
    let (fake, result) = publish(vec![answer(200, "", &found), answer(200, "", PUBLISHED)]).await;
    result.unwrap();
    assert_eq!(fake.requests().len(), 2, "no second draft");
}

#[tokio::test]
async fn a_post_that_is_public_already_is_taken_as_ours() {
    let found = format!("[{DRAFT},{PUBLISHED}]");
    let (fake, result) = publish(vec![answer(200, "", &found)]).await;
    assert_eq!(result.unwrap().remote_id, "7");
    assert_eq!(fake.requests().len(), 1, "nothing is sent again");
}

#[tokio::test]
async fn a_lost_draft_has_no_effect() {
    let (_, result) = publish(vec![answer(200, "", "[]"), Step::Cut(suite::Cut::BeforeStatus)]).await;
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Backoff, .. })), "{result:?}");
}

#[tokio::test]
async fn a_post_that_waits_for_an_editor_is_no_success() {
    let pending = PUBLISHED.replace("publish", "pending");
    let (_, result) = publish(up_to_the_public_step(&pending)).await;
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Reconnect, .. })), "{result:?}");
}

#[tokio::test]
async fn a_post_that_the_site_will_publish_later_is_in_doubt() {
    let later = PUBLISHED.replace("publish", "future");
    let (_, result) = publish(up_to_the_public_step(&later)).await;
    assert!(matches!(result, Err(Failure::InDoubt { .. })), "{result:?}");
}

#[tokio::test]
async fn a_refused_look_up_says_what_to_do() {
    let wait = Retry::After(Duration::from_secs(7));
    for (status, headers, expected) in [
        (401, "", Retry::Reconnect),
        (403, "", Retry::Reconnect),
        (404, "", Retry::Backoff),
        (429, "Retry-After: 7\r\n", wait),
        (500, "", Retry::Backoff),
    ] {
        let (fake, result) = publish(vec![answer(status, headers, "{}")]).await;
        let seen = matches!(&result, Err(Failure::Rejected { retry, .. }) if *retry == expected);
        assert!(seen, "{status}: {result:?}");
        assert_eq!(fake.requests().len(), 1, "nothing follows");
    }
}

#[tokio::test]
async fn only_the_post_s_own_absence_is_taken_for_gone() {
    for (status, code, gone) in [
        (200, "\",\"id\":7,\"status\":\"trash", true),
        (200, "\",\"id\":8,\"status\":\"trash", false),
        (200, "\",\"id\":7,\"status\":\"publish", false),
        (200, "", false),
        (410, "rest_already_trashed", true),
        (404, "rest_post_invalid_id", true),
        (404, "rest_no_route", false),
        (404, "", false),
        (403, "rest_cannot_delete", false),
        (500, "", false),
    ] {
        let fake = Fake::start(vec![answer(status, "", &format!("{{\"code\":\"{code}\"}}"))]).await;
        let channel = suite::connect(&ADAPTER, (kit().settings)(&fake.url), Some(PASSWORD)).unwrap();
        let seen = channel.retract(&suite::job(), Some("7")).await;
        assert_eq!(seen == Retraction::Gone, gone, "{status} {code}: {seen:?}");
    }
}

#[tokio::test]
async fn a_link_of_the_site_leads_to_the_web_or_nowhere() {
    let odd = PUBLISHED.replace("https://bank.example/s", "javascript://bank.example/%0aalert(1)");
    let (_, result) = publish(vec![answer(200, "", &format!("[{odd}]"))]).await;
    assert_eq!(result.unwrap().url, None);
}

#[tokio::test]
async fn a_draft_is_absent_for_the_public() {
    let fake = Fake::start(vec![answer(200, "", &format!("[{DRAFT}]")), answer(401, "", "{}")]).await;
    let channel = suite::connect(&ADAPTER, (kit().settings)(&fake.url), Some(PASSWORD)).unwrap();
    assert_eq!(channel.read_back(&suite::job()).await, Sighting::Absent);
    assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Unknown(_)));
}

#[tokio::test]
async fn a_post_that_only_a_person_saw_is_looked_up_before_it_is_taken_down() {
    let (site, channel) = site(&[], &[]).await;
    assert!(matches!(channel.retract(&suite::job(), None).await, Retraction::StillLive(_)));
    attempt(&*channel).await.unwrap();
    assert_eq!(channel.retract(&suite::job(), None).await, Retraction::Gone);
    assert_eq!((site.ids("publish").len(), site.ids("trash")), (0, vec![7]));
}

#[tokio::test]
async fn what_the_site_will_publish_by_itself_or_hides_is_not_absent() {
    for status in ["future", "private"] {
        let (site, channel) = site(&[], &[Fate::Late]).await;
        assert!(matches!(attempt(&*channel).await, Err(Failure::InDoubt { .. })));
        assert_eq!(channel.read_back(&suite::job()).await, Sighting::Absent, "a draft is");
        site.edit(|post| post.status = status.to_owned());
        assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Unknown(_)), "{status}");
    }
}

#[tokio::test]
async fn a_date_that_somebody_gave_the_draft_delays_nothing() {
    let (site, channel) = site(&[], &[Fate::Late]).await;
    assert!(matches!(attempt(&*channel).await, Err(Failure::InDoubt { .. })));
    site.edit(|post| post.dated = true);
    attempt(&*channel).await.unwrap();
    assert_eq!(site.ids("publish"), [7]);
}

#[test]
fn the_text_becomes_safe_html() {
    let html = page("One <b>\n\nSee https://bank.example/?a=1&b=2 [gallery]", "en", &[], &[]);
    assert_eq!(
        html,
        "<div lang=\"en\"><p>One &lt;b&gt;</p>\n<p>See <a href=\"https://bank.example/?a=1&amp;b=2\">\
         https://bank.example/?a=1&amp;b=2</a> &#91;gallery&#93;</p>\n</div>"
    );
}

fn to(url: &str) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, (kit().settings)(url), Some(PASSWORD)).unwrap()
}

/// A site with the fates of what makes a draft, and of what the public sees.
async fn site(drafts: &[Fate], public: &[Fate]) -> (Strict<Site>, Box<dyn Channel>) {
    let site = Strict::start(Site::default(), public).await;
    site.state().others = up_to_drafts(drafts).into();
    let channel = to(&site.url);
    (site, channel)
}

async fn attempt(channel: &dyn Channel) -> Result<Receipt, Failure> {
    channel.publish(&suite::job(), &Pass::open_for_tests()).await
}

fn has_no_effect(result: &Result<Receipt, Failure>) -> bool {
    matches!(result, Err(Failure::Rejected { retry: Retry::Backoff, .. }))
}

#[tokio::test]
async fn a_draft_that_comes_late_makes_no_second_post() {
    // Late between the look and the draft of the second attempt; then the public answer is lost.
    let (site, channel) = site(&[Fate::Late, Fate::AfterLate], &[LOST]).await;
    assert!(has_no_effect(&attempt(&*channel).await));
    assert!(matches!(attempt(&*channel).await, Err(Failure::InDoubt { .. })));
    assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Found(_)));
    attempt(&*channel).await.unwrap();
    assert_eq!(site.ids("publish").len(), 1);
}

#[tokio::test]
async fn all_attempts_publish_the_same_draft_however_late_anything_comes() {
    // The public step waits in the queue too: the next attempt cannot see it, and must repeat it.
    for second in [Fate::AfterLate, Fate::Done] {
        let (site, channel) = site(&[Fate::Late, second.clone()], &[Fate::Late]).await;
        assert!(has_no_effect(&attempt(&*channel).await));
        assert!(matches!(attempt(&*channel).await, Err(Failure::InDoubt { .. })));
        assert_eq!(channel.read_back(&suite::job()).await, Sighting::Absent);
        if second == Fate::Done {
            site.land_drafts();
        }
        attempt(&*channel).await.unwrap();
        site.land();
        assert_eq!((site.ids("publish"), site.ids("draft").len()), (vec![7], 1));
    }
}

#[tokio::test]
async fn a_public_post_counts_whatever_slug_the_site_gave_it() {
    let (site, channel) = site(&[], &[]).await;
    attempt(&*channel).await.unwrap();
    site.edit(|post| post.slug.push_str("-3"));
    assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Found(_)));
    attempt(&*channel).await.unwrap();
    assert_eq!(site.ids("publish"), [7]);
}

#[tokio::test]
async fn a_site_that_repeats_the_password_shows_it_to_nobody() {
    for said in
        ["hunter2 abcd efgh", "hunter2abcdefgh", "rest_hunter2abcdefgh", "cHJlc3M6aHVudGVyMiBhYmNkIGVmZ2g"]
    {
        let refused = format!("{{\"code\":\"{said}\"}}");
        for (status, body) in [(403, refused), (200, PUBLISHED.replace("publish", said))] {
            let mut steps = kit().before;
            steps.push(answer(status, "", &body));
            let (_, result) = publish(steps).await;
            let printed = format!("{result:?}");
            assert!(result.is_err() && !printed.contains(said), "{printed}");
        }
    }
    let (_, result) = publish(vec![answer(403, "", "{\"code\":\"rest_cannot_create\"}")]).await;
    assert!(format!("{result:?}").contains(": rest_cannot_create"), "{result:?}");
}

#[tokio::test]
async fn long_words_of_a_picture_stand_on_the_page_and_not_in_an_address() {
    let long = "\u{1f469}".repeat(1_000);
    for (alt, inside) in [("A map", true), (long.as_str(), false)] {
        let mut job = suite::job();
        job.rendition.title = Some("Cards".to_owned());
        job.rendition.media =
            vec![crate::MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt: alt.to_owned() }];
        job.media = vec![vec![1]];
        assert!(crate::text::check(&job.rendition, &ADAPTER.limits).is_empty());
        let media = r#"{"id":3,"source_url":"https://bank.example/a.png"}"#;
        let mut steps = vec![answer(200, "", "[]"), answer(200, "", "[]"), answer(201, "", media)];
        steps.extend([answer(201, "", DRAFT), answer(200, "", "[]"), answer(200, "", PUBLISHED)]);
        let fake = Fake::start(steps).await;
        let channel = suite::connect(&ADAPTER, (kit().settings)(&fake.url), Some(PASSWORD)).unwrap();
        channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
        let upload = &fake.requests()[2];
        assert_eq!(upload.contains("alt_text="), inside);
        assert!(upload.lines().next().unwrap().len() < 2_500 && fake.content(5).contains(alt));
    }
}
