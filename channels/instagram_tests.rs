//! The Instagram adapter against a scripted server and a strict one that fetches the pictures.

use std::sync::Arc;

use serde_json::json;

use super::server::{Api, TOKEN, USER};
use super::*;
use crate::Retry;
pub(super) use crate::graph::fetched::illustrated::with;
use crate::graph::fetched::illustrated::{Illustrated, pictures};
use crate::strict::{self, Fate, Memory, Strict};
use crate::suite::{self, Expected, Kit};

/// What Meta answers for what is not there, or is hidden from the access token.
pub(super) const NOT_THERE: &str = r#"{"error":{"code":100,"error_subcode":33,"message":"no"}}"#;

pub(super) fn kit() -> Kit {
    Kit {
        adapter: Adapter { connect: |connection| Ok(Illustrated::of(1, connect(connection)?)), ..ADAPTER },
        settings: |url| json!({ "server": url, "user": USER }),
        credential: Some(TOKEN),
        secrets: &["hunter2"],
        before: vec![
            suite::answer(200, "", r#"{"id":"18000000000000001"}"#),
            suite::answer(200, "", r#"{"id":"18000000000000001","status_code":"FINISHED"}"#),
        ],
        quiet: 0,
        accepted: r#"{"id":"17900000000000001"}"#,
        table: vec![
            (200, Expected::Accepted),
            (302, Expected::InDoubt),
            // A refusal is believed together with the container's state, which nobody tells here.
            (307, Expected::Rejected(Retry::Reconnect)),
            (400, Expected::InDoubt),
            (401, Expected::Rejected(Retry::Reconnect)),
            (403, Expected::Rejected(Retry::Reconnect)),
            (404, Expected::InDoubt),
            (408, Expected::InDoubt),
            (429, Expected::InDoubt),
            (500, Expected::InDoubt),
            (502, Expected::InDoubt),
            (503, Expected::InDoubt),
            (504, Expected::InDoubt),
        ],
    }
}

pub(super) fn to(url: &str) -> Box<dyn Channel> {
    suite::connect(&kit().adapter, (kit().settings)(url), Some(TOKEN)).unwrap()
}

/// The bare channel, whose jobs say their pictures.
pub(super) async fn open(api: Api, fates: &[Fate]) -> (Strict<Api>, Box<dyn Channel>) {
    let server = Strict::start(api, fates).await;
    let channel = suite::connect(&ADAPTER, (kit().settings)(&server.url), Some(TOKEN)).unwrap();
    (server, channel)
}

/// How many containers were made, and how many posts.
pub(super) fn counts(server: &Strict<Api>) -> (usize, usize) {
    let state = server.state();
    (state.network.made, state.network.published)
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
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = with(&suite::job(), 1);
    job.rendition.text = "Cards & payments: 50% + more\n⚠️ https://bank.example/?a=1&b=2".to_owned();
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(receipt.remote_id, format!("{USER}:17900000000000001"));
    assert_eq!(receipt.url.as_deref(), Some("https://www.instagram.com/p/D1/"));
    assert_eq!(server.state().network.posts[0]["caption"], job.rendition.text);
    // Meta has fetched the picture from its address.
    let picture = (b"/media/1/hunter2-1".to_vec(), job.rendition.media[0].alt.clone());
    assert_eq!(server.state().network.pictures, [[picture]]);
    for odd in ["", "17900000000000001", "1:17900000000000001", "../x", &format!("{USER}:../x")] {
        let said = channel.retract(&job, Some(odd)).await;
        assert_eq!(said, Retraction::StillLive(NOT_OURS.to_owned()), "{odd}");
    }
    // Not every token may.
    server.state().network.deletes = false;
    let said = channel.retract(&job, Some(&receipt.remote_id)).await;
    assert!(matches!(&said, Retraction::StillLive(why) if why.contains("lacks a permission")), "{said:?}");
    server.state().network.deletes = true;
    // Or it is told that the post is not there, at the removal and at the look, and the list still has it.
    for _ in 0..4 {
        server.state().network.post("Another one.");
    }
    for hidden in 1..=2 {
        server.state().others.extend(std::iter::repeat_n(Fate::Refused(400, "", NOT_THERE), hidden));
        let said = channel.retract(&job, Some(&receipt.remote_id)).await;
        assert_eq!(said, Retraction::StillLive(HIDDEN.to_owned()), "{hidden}");
    }
    server.state().network.posts.retain(|post| post["caption"] != "Another one.");
    for _ in 0..2 {
        assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
        assert!(server.state().network.posts.is_empty());
    }
}

#[tokio::test]
async fn several_pictures_are_one_post_in_their_order() {
    let (server, channel) = open(Api { states: vec!["IN_PROGRESS", "FINISHED"], ..Api::new() }, &[]).await;
    let job = with(&suite::job(), 3);
    let memory = Memory::default();
    let pass = Pass::open_for_tests().kept_by(Arc::new(memory.clone()));
    channel.publish(&job, &pass).await.unwrap();
    // The container of all is written down.
    assert_eq!(memory.handle(), Some(format!("{USER}:18000000000000004")));
    assert_eq!(counts(&server), (4, 1));
    let seen: Vec<_> = server.state().network.pictures[0].iter().map(|(bytes, _)| bytes.clone()).collect();
    assert_eq!(seen, [1, 2, 3].map(|n| format!("/media/{n}/hunter2-{n}").into_bytes()));
    assert_eq!(server.state().network.posts[0]["caption"], job.rendition.text);
}

#[tokio::test]
async fn a_picture_that_cannot_be_fetched_ends_the_attempt_without_effect_and_shows_no_address() {
    let (server, channel) = open(Api::new(), &[]).await;
    for (ending, words, again) in
        [("gone", "could not fetch a picture", Retry::Backoff), ("png", "not supported", Retry::Never)]
    {
        for count in [1, 2] {
            let mut job = with(&suite::job(), count);
            job.media_urls[count - 1] = format!("{}/media/{ending}/hunter2", pictures());
            let failure = channel.publish(&job, &Pass::open_for_tests()).await.unwrap_err();
            let Failure::Rejected { reason, retry } = &failure else { panic!("{failure:?}") };
            assert_eq!(*retry, again, "{reason}");
            assert!(reason.contains(words) && !reason.contains("hunter2"), "{reason}");
        }
    }
    // Also when only a part of it is left of long words.
    let mut job = with(&suite::job(), 1);
    job.media_urls[0] = format!("{}/media/{}gone/hunter2{}", pictures(), "0".repeat(60), "0".repeat(64));
    let failure = channel.publish(&job, &Pass::open_for_tests()).await.unwrap_err();
    let said = failure.to_string();
    assert!(said.contains("0gone/…") && !said.contains("hunter2"), "{said}");
    let none = channel.publish(&suite::job(), &Pass::open_for_tests()).await;
    assert!(matches!(none, Err(Failure::Rejected { retry: Retry::Never, .. })), "{none:?}");
    assert_eq!(counts(&server).1, 0);
}

#[tokio::test]
async fn posts_are_looked_through_until_they_are_too_old() {
    let (server, channel) = open(Api::new(), &[]).await;
    let receipt = channel.publish(&with(&suite::job(), 1), &Pass::open_for_tests()).await.unwrap();
    {
        let posts = &mut server.state().network.posts;
        let old = |n: usize| json!({ "id": format!("{n}"), "caption": "", "timestamp": "2023-11-01T10:00:00+0000" });
        // Three are pinned before it, and there are more than can be looked through.
        posts.splice(0..0, (1..=3).map(old));
        posts.extend((4..=60).map(old));
    }
    server.state().others.extend(std::iter::repeat_n(Fate::Refused(400, "", NOT_THERE), 2));
    let said = channel.retract(&suite::job(), Some(&receipt.remote_id)).await;
    assert_eq!(said, Retraction::StillLive(HIDDEN.to_owned()));
    server.state().network.posts.remove(3);
    assert_eq!(channel.retract(&suite::job(), Some(&receipt.remote_id)).await, Retraction::Gone);
    assert_eq!(server.state().network.posts.len(), 60);
}

#[tokio::test]
async fn the_check_says_what_is_missing() {
    let checked = async |api: Api, user: &str, token: &str| {
        let server = Strict::start(api, &[]).await;
        let settings = json!({ "server": server.url, "user": user });
        let health = suite::connect(&ADAPTER, settings, Some(token)).unwrap().check().await;
        assert_eq!(counts(&server), (0, 0));
        (health.ready, health.detail)
    };
    let seen = async |api: Api| {
        let (_server, channel) = open(api, &[]).await;
        channel.check().await
    };
    let health = seen(Api::new()).await;
    assert_eq!((health.ready, &*health.detail), (true, "posts as @bank on Instagram"));
    assert_eq!(health.facts.expires_at, DateTime::from_timestamp(1_705_000_000, 0));
    assert_eq!((health.facts.missing, health.facts.account.as_deref()), (Some(vec![]), Some("@bank")));
    let used = seen(Api { used: 100, ..Api::new() }).await;
    let posts = used.facts.posts.unwrap();
    assert_eq!((posts.limit, posts.left, posts.resets_at), (Some(100), 0, None));
    assert_eq!((used.ready, &*used.detail), (false, crate::health::USED_UP));
    let bare = seen(Api { scopes: vec!["instagram_basic"], ..Api::new() }).await;
    assert_eq!((bare.ready, bare.detail), (false, crate::health::lacking("instagram_content_publish")));
    let (ready, detail) = checked(Api::new(), "1", TOKEN).await;
    assert!(!ready && detail.contains("Meta does not know it"), "{detail}");
    let (ready, detail) = checked(Api::new(), USER, "EAAhunter3").await;
    assert!(!ready && detail.contains("access token is refused") && !detail.contains("hunter3"), "{detail}");
}

#[tokio::test]
async fn without_an_address_that_is_reached_nothing_is_made() {
    let server = Strict::start(Api::new(), &[]).await;
    let mut connection = suite::connection((kit().settings)(&server.url), Some(TOKEN));
    connection.public_url = None;
    let channel = connect(&connection).unwrap();
    let health = channel.check().await;
    assert_eq!(health, Health::unready(UNREACHED).of("@bank").by_id(USER));
    let failure = channel.publish(&with(&suite::job(), 1), &Pass::open_for_tests()).await;
    assert!(matches!(failure, Err(Failure::Rejected { retry: Retry::Reconnect, .. })), "{failure:?}");
    assert_eq!(counts(&server), (0, 0));
}

#[test]
fn the_longest_post_is_taken_and_what_instagram_refuses_is_seen_before() {
    let mut post = with(&suite::job(), 10).rendition;
    post.text = "é".repeat(2_200);
    assert!(text::check(&post, &ADAPTER.limits).is_empty());
    post.text.push('é');
    assert_eq!(text::check(&post, &ADAPTER.limits)[0].message, "is 1 too long; the limit is 2200");
    post = with(&suite::job(), 11).rendition;
    assert_eq!(text::check(&post, &ADAPTER.limits)[0].field, "media");
    post.media.clear();
    assert!(text::check(&post, &ADAPTER.limits)[0].message.contains("without a picture"));
}

#[test]
fn a_faulty_setting_is_named() {
    let tried = |settings: Value, token: Option<&str>| suite::connect(&ADAPTER, settings, token).err();
    assert_eq!(tried(json!({ "user": USER }), Some(TOKEN)), None, "the rest has defaults");
    for (settings, words) in [
        (json!({ "user": "" }), "user is missing"),
        (json!({ "user": "@bank" }), "setting user"),
        (json!({ "user": USER, "version": "26" }), "setting version"),
        (json!({ "user": USER, "server": "ftp://x" }), "setting server"),
    ] {
        let error = tried(settings, Some(TOKEN)).unwrap();
        assert!(error.contains(words), "{error}");
    }
    assert!(tried(json!({ "user": USER }), None).unwrap().contains("credential is missing"));
}
