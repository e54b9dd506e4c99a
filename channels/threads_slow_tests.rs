//! A slow Threads: an attempt ends in time, and without effect where nothing of it was published.

use std::sync::Arc;
use std::time::Duration;

use super::server::{Api, USER};
use super::tests::{counts, open};
use super::thread_tests::{all, attempt, is_partly, shown, thread};
use super::*;
use crate::Retry;
use crate::graph::fetched::illustrated::with;
use crate::strict::{Fate, Memory};
use crate::suite;

const PREPARING: &str = "Threads is still preparing the post";

async fn send(channel: &dyn Channel, memory: &Memory, count: usize) -> Result<Receipt, Failure> {
    let pass = Pass::open_for_tests().kept_by(Arc::new(memory.clone()));
    channel.publish(&with(&Job { handle: memory.handle(), ..suite::job() }, count), &pass).await
}

fn is_late(sent: &Result<Receipt, Failure>) -> bool {
    matches!(sent, Err(Failure::Rejected { reason, retry: Retry::Backoff }) if reason == PREPARING)
}

#[tokio::test]
async fn twenty_slow_pictures_end_the_attempt_without_effect_and_another_one_goes_on() {
    // Each is ready at the last look that it would get alone.
    let one = ["IN_PROGRESS"; 5].into_iter().chain(["FINISHED"]);
    let states = std::iter::repeat_n(one, 40).flatten().collect();
    let (server, channel) = open(Api { states, ..Api::new() }, &[]).await;
    let memory = Memory::default();
    let sent = send(&*channel, &memory, 20).await;
    assert!(is_late(&sent), "{sent:?}");
    assert_eq!(counts(&server), (20, 0));
    let handle = memory.handle().unwrap();
    assert!(handle.starts_with(&format!("+{USER}:")) && handle.split(',').count() == 20, "{handle}");
    let job = Job { handle: Some(handle), ..suite::job() };
    assert_eq!(channel.read_back(&job).await, Sighting::Absent, "nothing was published");
    assert_eq!(channel.by_words(&job, None).await, Some(Sighting::Absent));
    send(&*channel, &memory, 20).await.unwrap();
    assert_eq!(counts(&server), (21, 1), "no picture is made twice");
    let picture = |n: usize| format!("/media/{n}/hunter2-{n}").into_bytes();
    let shown: Vec<_> = server.state().network.pictures[0].iter().map(|(bytes, _)| bytes.clone()).collect();
    assert_eq!(shown, (1..=20).map(picture).collect::<Vec<_>>());
}

#[tokio::test]
async fn pictures_that_are_slow_to_be_made_are_gone_on_with_and_dead_ones_made_again() {
    let (server, channel) = open(Api::new(), &[]).await;
    server.state().others = vec![Fate::Slow(Duration::from_millis(400)); 20].into();
    let memory = Memory::default();
    let sent = send(&*channel, &memory, 20).await;
    assert!(is_late(&sent), "{sent:?}");
    let kept = memory.handle().unwrap().split(',').count();
    assert!((1..20).contains(&kept), "{kept}");
    server.state().others.clear();
    server.state().network.containers.get_mut("18000000000000001").unwrap().state = "ERROR";
    send(&*channel, &memory, 20).await.unwrap();
    let (made, published) = counts(&server);
    // The answer of one was not waited for.
    assert!((22..=23).contains(&made) && published == 1, "{made} for {kept}");
    assert_eq!(server.state().network.pictures[0].len(), 20);
}

#[tokio::test]
async fn a_later_part_that_is_not_ready_stops_the_thread_and_a_person_decides() {
    let states = vec!["FINISHED", "IN_PROGRESS"];
    let (server, channel) = open(Api { states, ..Api::new() }, &[]).await;
    let memory = Memory::default();
    let failure = attempt(&*channel, &memory).await.unwrap_err();
    assert!(is_partly(&failure, 1) && failure.to_string().ends_with(PREPARING), "{failure:?}");
    let said = format!("parts out: 1 of 3; {PREPARING}");
    assert_eq!(channel.read_back(&thread(&memory)).await, Sighting::Unknown(said));
    server.state().network.states = vec!["FINISHED"];
    attempt(&*channel, &memory).await.unwrap();
    assert_eq!(shown(&server), (all(), true));
    assert_eq!(counts(&server).0, 3, "its container is the one that was prepared");
}

#[tokio::test]
async fn a_long_thread_on_a_slow_network_stops_in_time_and_is_gone_on_with() {
    let (server, channel) = open(Api::new(), &[]).await;
    server.state().others = vec![Fate::Slow(Duration::from_millis(400)); 60].into();
    let mut job = suite::job();
    job.rendition.more = (2..=10).map(|n| format!("Part {n}.")).collect();
    let memory = Memory::default();
    let pass = Pass::open_for_tests().kept_by(Arc::new(memory.clone()));
    let failure = channel.publish(&job, &pass).await.unwrap_err();
    let Failure::InDoubt { reason } = &failure else { panic!("{failure:?}") };
    let there = shown(&server).0.len();
    assert!((1..10).contains(&there), "{there}");
    assert_eq!(*reason, format!("parts out: {there} of 10; {PREPARING}"));
    server.state().others.clear();
    job.handle = memory.handle();
    channel.publish(&job, &pass).await.unwrap();
    assert_eq!(shown(&server), (job.rendition.texts().map(str::to_owned).collect(), true));
}
