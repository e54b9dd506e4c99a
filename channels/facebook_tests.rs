//! The Facebook adapter against a scripted server and a strict one.

use std::time::Duration;

use super::server::{Api, NEW, PAGE, TOKEN};
use super::*;
use crate::strict::{self, Fate, Strict};
use crate::suite::{self, Cut, Expected, Kit};

pub(super) fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| json!({ "server": url, "page": PAGE }),
        credential: Some(TOKEN),
        secrets: &["hunter2"],
        before: Vec::new(),
        quiet: 0,
        accepted: r#"{"id":"100200300400500_900000001","permalink_url":"https://www.facebook.com/x"}"#,
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
    strict::outcomes(Api::new(), to, |api| api.posts.len(), true).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_gone() {
    strict::removals(Api::new(), to, |api| api.posts.len()).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_absent() {
    strict::reads(Api::new(), to, 1).await;
}

#[tokio::test]
async fn what_is_posted_is_what_was_approved_and_can_be_taken_down() {
    for tells_link in [true, false] {
        let (server, channel) = open(Api { tells_link, ..Api::new() }, &[]).await;
        let mut job = suite::job();
        job.rendition.text = "Cards & payments: 50% + more\n⚠️ https://bank.example/?a=1&b=2".to_owned();
        let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
        assert_eq!(receipt.remote_id, format!("{PAGE}_900000001"));
        assert_eq!(receipt.url, Some(format!("https://www.facebook.com/{PAGE}_900000001")));
        assert_eq!(server.state().network.posts[0]["message"], job.rendition.text);
        assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt.clone()));
        for odd in [None, Some(""), Some("1_2"), Some("100200300400500_../x"), Some("100200300400500")] {
            assert_eq!(
                channel.retract(&job, odd).await,
                Retraction::StillLive(NOT_OURS.to_owned()),
                "{odd:?}"
            );
        }
        for _ in 0..2 {
            assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
            assert!(server.state().network.posts.is_empty());
        }
        assert_eq!(channel.read_back(&job).await, Sighting::Absent);
    }
}

pub(super) fn with_pictures() -> Job {
    let mut job = suite::job();
    for (alt, bytes) in [("A map of the branches", b"first".as_slice()), ("Un plan", b"second")] {
        let (mime, alt) = ("image/png".to_owned(), alt.to_owned());
        job.rendition.media.push(MediaRef { sha256: crate::hash(bytes), mime, alt });
        job.media.push(bytes.to_vec());
    }
    job
}

#[tokio::test]
async fn pictures_go_with_their_words_and_are_seen_with_the_post_alone() {
    let (server, channel) = open(Api::new(), &[]).await;
    channel.publish(&with_pictures(), &Pass::open_for_tests()).await.unwrap();
    {
        let state = server.state();
        let photos = &state.network.photos;
        assert_eq!(photos["70000001"], ("A map of the branches".to_owned(), b"first".to_vec()));
        assert_eq!(photos["70000002"], ("Un plan".to_owned(), b"second".to_vec()));
        assert_eq!(state.network.posts[0]["pictures"], 2);
    }
    // However an upload goes wrong, nothing is public.
    for nth in 0..2 {
        for fate in
            [Fate::DoneBut(500), Fate::Broken { done: true, at: Cut::MidBody }, Fate::Refused(200, "", "{}")]
        {
            let (server, channel) = open(Api::new(), &[]).await;
            server.state().others = std::iter::repeat_n(Fate::Done, nth).chain([fate.clone()]).collect();
            let failure = channel.publish(&with_pictures(), &Pass::open_for_tests()).await.unwrap_err();
            let backoff = matches!(failure, Failure::Rejected { retry: Retry::Backoff, .. });
            assert!(backoff, "{nth} {fate:?}: {failure:?}");
            assert!(server.state().network.posts.is_empty());
        }
    }
    let (server, channel) = open(Api::new(), &[]).await;
    let closed = channel.publish(&with_pictures(), &suite::closed_pass()).await;
    assert!(matches!(closed, Err(Failure::Closed { partly: false, .. })), "{closed:?}");
    assert!(server.state().network.photos.is_empty());
}

#[tokio::test]
async fn only_a_new_post_of_the_page_with_the_same_words_is_taken_for_ours() {
    let (server, channel) = open(Api::new(), &[]).await;
    let job = suite::job();
    let words = job.rendition.text.clone();
    {
        let network = &mut server.state().network;
        network.add(&words, "2023-11-14T22:12:49+0000");
        network.add(&words, "yesterday");
        network.add("Other words.", NEW);
        network.posts.insert(0, json!({ "id": "1_2", "message": words, "created_time": NEW }));
        network.posts.insert(0, json!({ "id": format!("{PAGE}_8"), "created_time": NEW }));
    }
    // A message that is not there is null in the fake, and missing in the real one.
    server.state().network.posts[0]["message"] = "".into();
    server.state().network.posts.iter_mut().for_each(|p| {
        if p["permalink_url"].is_null() {
            p["permalink_url"] = "javascript:alert(1)".into();
        }
    });
    assert_eq!(channel.read_back(&job).await, Sighting::Absent);
    let id = server.state().network.add(&format!("{words}\r\n"), "2023-11-14T22:13:11+0000");
    let Sighting::Found(found) = channel.read_back(&job).await else { panic!("it is there") };
    assert_eq!(found.remote_id, id);
    server.state().network.add(&words, NEW);
    let two = channel.read_back(&job).await;
    assert_eq!(two, Sighting::Unknown("several posts with these words are there".to_owned()));
    for _ in 0..30 {
        server.state().network.add("Other words.", NEW);
    }
    assert!(matches!(channel.read_back(&job).await, Sighting::Unknown(_)), "too many to look through");
}

#[tokio::test]
async fn what_is_not_listed_yet_is_absent_and_not_sent_again_here() {
    let (server, channel) = open(Api { lags: true, ..Api::new() }, &[Fate::DoneBut(500)]).await;
    assert_eq!(strict::deliver(&*channel).await, None);
    server.state().network.lags = false;
    assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Found(_)));
    assert_eq!(server.state().network.posts.len(), 1);
}

#[tokio::test]
async fn refusals_say_what_to_do_and_a_duplicate_is_no_success() {
    for (body, retry, words) in [
        (
            r#"{"error":{"code":190,"error_subcode":463,"message":"expired"}}"#,
            Some(Retry::Reconnect),
            "connect the account again",
        ),
        (r#"{"error":{"code":200,"message":"no"}}"#, Some(Retry::Reconnect), "lacks a permission"),
        (
            r#"{"error":{"code":32,"message":"no"}}"#,
            Some(Retry::After(Duration::from_mins(5))),
            "asks us to wait",
        ),
        (r#"{"error":{"code":368,"message":"no"}}"#, Some(Retry::Reconnect), "restricted the account"),
        (r#"{"error":{"code":506,"message":"no"}}"#, Some(Retry::Duplicate), "same words were posted before"),
        (r#"{"error":{"code":1,"message":"no"}}"#, None, "does not say what it did"),
    ] {
        let usage = "X-Page-Usage: {\"call_count\":100}\r\n";
        let (server, channel) = open(Api::new(), &[Fate::Refused(400, usage, body)]).await;
        let (seen, reason) = match strict::attempt(&*channel).await.unwrap_err() {
            Failure::Rejected { reason, retry } => (Some(retry), reason),
            Failure::InDoubt { reason } => (None, reason),
            other => panic!("{other:?}"),
        };
        assert!(seen == retry && reason.contains(words), "{body}: {seen:?} {reason}");
        assert!(server.state().network.posts.is_empty());
    }
    // An acceptance that names no post of this page is none.
    for body in ["{}", "[]", "", r#"{"id":"900"}"#, r#"{"id":"1_900"}"#, r#"{"id":900}"#] {
        let (_server, channel) = open(Api::new(), &[Fate::Refused(200, "", body)]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        assert!(matches!(failure, Failure::InDoubt { .. }), "{body}: {failure:?}");
    }
}

#[tokio::test]
async fn a_post_that_is_listed_is_not_gone() {
    let (server, channel) = open(Api::new(), &[]).await;
    let job = suite::job();
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    let hidden = r#"{"error":{"code":100,"error_subcode":33,"message":"no"}}"#;
    server.state().others.push_back(Fate::Refused(400, "", hidden));
    let said = channel.retract(&job, Some(&receipt.remote_id)).await;
    assert_eq!(said, Retraction::StillLive(HIDDEN.to_owned()));
    // Who may not read the page or its posts does not know, nor does the token of another page.
    server.state().network.posts.clear();
    let other = Fate::Refused(200, "", r#"{"id":"1"}"#);
    let refused = || Fate::Refused(400, "", hidden);
    for fates in [
        vec![Fate::Done, other],
        vec![Fate::Done, refused()],
        vec![Fate::Done, Fate::Done, Fate::Done, refused()],
    ] {
        server.state().others.extend(fates.clone());
        let said = channel.retract(&job, Some(&receipt.remote_id)).await;
        assert!(matches!(said, Retraction::StillLive(_)), "{fates:?}: {said:?}");
        assert!(server.state().others.is_empty());
    }
    assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
}

#[tokio::test]
async fn the_check_says_what_is_missing() {
    let checked = async |api: Api, page: &str, token: &str| {
        let server = Strict::start(api, &[]).await;
        let settings = json!({ "server": server.url, "page": page });
        let health = suite::connect(&ADAPTER, settings, Some(token)).unwrap().check().await;
        assert!(server.state().network.posts.is_empty());
        (health.ready, health.detail)
    };
    assert_eq!(checked(Api::new(), PAGE, TOKEN).await, (true, "posts on the page The Bank".to_owned()));
    let (ready, detail) = checked(Api::new(), "1", TOKEN).await;
    assert!(!ready && detail.contains(&format!("of The Bank, number {PAGE};")), "{detail}");
    let bare = Api { scopes: vec!["pages_read_engagement"], ..Api::new() };
    assert_eq!(checked(bare, PAGE, TOKEN).await, (false, crate::health::lacking("pages_manage_posts")));
    let (ready, detail) = checked(Api { is_published: false, ..Api::new() }, PAGE, TOKEN).await;
    assert!(!ready && detail.contains("is not published"), "{detail}");
    let (ready, detail) = checked(Api::new(), PAGE, "EAAhunter3").await;
    assert!(!ready && detail.contains("access token is refused") && !detail.contains("hunter3"), "{detail}");
}

#[tokio::test]
async fn the_longest_post_is_taken_and_a_longer_one_is_refused_before() {
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = suite::job();
    job.rendition.text = "🚨".repeat(31_603);
    assert!(text::check(&job.rendition, &ADAPTER.limits).is_empty());
    assert!(channel.publish(&job, &Pass::open_for_tests()).await.is_ok());
    assert_eq!(server.state().network.posts.len(), 1);
    job.rendition.text.push('a');
    let problems = text::check(&job.rendition, &ADAPTER.limits);
    assert_eq!(problems[0].message, "is 1 too long; the limit is 63206");
}

#[test]
fn a_faulty_setting_is_named() {
    let tried = |settings: Value, token: Option<&str>| suite::connect(&ADAPTER, settings, token).err();
    assert_eq!(tried(json!({ "page": PAGE }), Some(TOKEN)), None, "the rest has defaults");
    for (settings, words) in [
        (json!({}), "page is missing"),
        (json!({ "page": "thebank" }), "setting page"),
        (json!({ "page": PAGE, "version": "26" }), "setting version"),
        (json!({ "page": PAGE, "server": "https://hunter2@x" }), "setting server"),
    ] {
        let error = tried(settings, Some(TOKEN)).unwrap();
        assert!(error.contains(words) && !error.contains("hunter2"), "{error}");
    }
    assert!(tried(json!({ "page": PAGE }), None).unwrap().contains("credential is missing"));
}
