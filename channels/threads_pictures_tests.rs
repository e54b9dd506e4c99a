//! Posts of Threads with pictures, against a strict server that fetches them.

use std::sync::Arc;

use super::container::UNREACHED;
use super::server::{Api, TOKEN, USER};
use super::tests::{counts, kit, open};
use super::*;
use crate::Retry;
use crate::graph::fetched::illustrated::{Illustrated, pictures, with};
use crate::strict::{self, Memory, Strict};
use crate::suite::{self, Kit};

fn of(count: usize) -> Kit {
    let connect: fn(&Connection) -> Result<Box<dyn Channel>, String> = match count {
        1 => |connection| Ok(Illustrated::of(1, connect(connection)?)),
        _ => |connection| Ok(Illustrated::of(2, connect(connection)?)),
    };
    Kit { adapter: Adapter { connect, ..ADAPTER }, ..kit() }
}

fn one(url: &str) -> Box<dyn Channel> {
    suite::connect(&of(1).adapter, (kit().settings)(url), Some(TOKEN)).unwrap()
}

fn two(url: &str) -> Box<dyn Channel> {
    suite::connect(&of(2).adapter, (kit().settings)(url), Some(TOKEN)).unwrap()
}

#[tokio::test]
async fn a_post_with_a_picture_passes_the_suite() {
    suite::all(&of(1)).await;
}

#[tokio::test]
async fn a_post_with_two_pictures_passes_the_suite() {
    let made = |id: &str| suite::answer(200, "", &format!(r#"{{"id":"{id}"}}"#));
    let ready = |id: &str| suite::answer(200, "", &format!(r#"{{"id":"{id}","status":"FINISHED"}}"#));
    let (first, second, all) = ("18000000000000001", "18000000000000002", "18000000000000003");
    let before = vec![made(first), made(second), ready(first), ready(second), made(all), ready(all)];
    suite::all(&Kit { before, ..of(2) }).await;
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most_with_its_pictures() {
    for to in [one, two] {
        strict::outcomes(Api::new(), to, |api| api.posts.len(), true).await;
        strict::reads(Api::new(), to, 1).await;
    }
    strict::removals(Api::new(), two, |api| api.posts.len()).await;
}

#[tokio::test]
async fn pictures_go_with_their_words_in_their_order_and_the_container_of_all_is_written_down() {
    for (count, made) in [(1, 1), (2, 3), (20, 21)] {
        let (server, channel) =
            open(Api { states: vec!["IN_PROGRESS", "FINISHED"], ..Api::new() }, &[]).await;
        let job = with(&suite::job(), count);
        assert!(text::check(&job.rendition, &ADAPTER.limits).is_empty());
        let memory = Memory::default();
        let pass = Pass::open_for_tests().kept_by(Arc::new(memory.clone()));
        channel.publish(&job, &pass).await.unwrap();
        assert_eq!(memory.handle(), Some(format!("{USER}:180000000000000{made:02}")));
        assert_eq!(counts(&server), (made, 1));
        let picture =
            |n: usize| (format!("/media/{n}/hunter2-{n}").into_bytes(), format!("Picture {n} & its words"));
        assert_eq!(server.state().network.pictures, [(1..=count).map(picture).collect::<Vec<_>>()]);
        assert_eq!(server.state().network.posts[0]["text"], job.rendition.text);
    }
}

#[tokio::test]
async fn a_picture_that_cannot_be_fetched_ends_the_attempt_without_effect_and_shows_no_address() {
    let (server, channel) = open(Api::new(), &[]).await;
    for count in [1, 2] {
        let mut job = with(&suite::job(), count);
        job.media_urls[count - 1] = format!("{}/media/gone/hunter2", pictures());
        let failure = channel.publish(&job, &Pass::open_for_tests()).await.unwrap_err();
        let Failure::Rejected { reason, retry: Retry::Backoff } = &failure else { panic!("{failure:?}") };
        assert!(reason.contains("could not fetch a picture") && !reason.contains("hunter2"), "{reason}");
    }
    // Nothing goes out without a picture that was approved.
    let job = Job { media_urls: Vec::new(), ..with(&suite::job(), 1) };
    let failure = channel.publish(&job, &Pass::open_for_tests()).await;
    assert!(matches!(failure, Err(Failure::Rejected { .. })), "{failure:?}");
    assert_eq!(counts(&server).1, 0);
}

#[tokio::test]
async fn without_an_address_that_is_reached_texts_go_out_and_pictures_do_not() {
    let server = Strict::start(Api::new(), &[]).await;
    let mut connection = suite::connection((kit().settings)(&server.url), Some(TOKEN));
    connection.public_url = None;
    let channel = connect(&connection).unwrap();
    let health = channel.check().await;
    assert!(health.ready && health.detail.contains("texts alone"), "{}", health.detail);
    let failure = channel.publish(&with(&suite::job(), 1), &Pass::open_for_tests()).await;
    assert_eq!(failure, Err(Failure::never(UNREACHED)));
    assert_eq!(counts(&server), (0, 0));
    channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap();
    assert_eq!(counts(&server), (1, 1));
}

#[test]
fn what_threads_does_not_take_of_pictures_is_seen_before() {
    let said = |job: Job| -> Vec<String> {
        text::check(&job.rendition, &ADAPTER.limits).into_iter().map(|p| p.message).collect()
    };
    assert_eq!(said(with(&suite::job(), 21)), ["has 21 pictures; at most 20 are possible"]);
    let mut job = with(&suite::job(), 2);
    for (mime, problems) in [("image/png", 0), ("image/gif", 1), ("image/webp", 1)] {
        job.rendition.media[1].mime = mime.to_owned();
        assert_eq!(said(job.clone()).len(), problems, "{mime}");
    }
}
