//! Bluesky against a strict server that keeps records: however anything breaks, each part is there once. The core
//! sends again what one look did not find ([`Replay::ClientId`]), so this is tried, too.

use super::server::Pds;
use super::*;
use crate::strict::{self, Fate, Memory, Strict};
use crate::suite::Cut;

fn to(url: &str) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, (kit().settings)(url), Some(PASSWORD)).unwrap()
}

fn thread() -> Job {
    let mut job = suite::job();
    job.rendition.more = vec![
        "It began at nine: https://bank.example".to_owned(),
        "#Bank The next word comes at ten.".to_owned(),
    ];
    job
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most_and_it_is_found() {
    strict::outcomes(Pds::default(), to, Pds::copies, true).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_gone() {
    strict::removals(Pds::default(), to, Pds::copies).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_absent() {
    strict::reads(Pds::default(), to, 1).await;
}

async fn attempt(channel: &dyn Channel, job: &Job, memory: &Memory) -> Result<Receipt, Failure> {
    let job = Job { handle: memory.handle(), ..job.clone() };
    channel.publish(&job, &Pass::open_for_tests().kept_by(Arc::new(memory.clone()))).await
}

/// What the core does on its own: again after what had no effect and after what was looked for and not found. What
/// is partly out waits for a person, who asks for the rest.
async fn deliver(channel: &dyn Channel, job: &Job) -> Option<Receipt> {
    let memory = Memory::default();
    for _ in 0..8 {
        match attempt(channel, job, &memory).await {
            Ok(receipt) => return Some(receipt),
            Err(Failure::Rejected { retry: Retry::Backoff | Retry::After(_), .. }) => {}
            Err(Failure::InDoubt { .. }) => match channel.read_back(job).await {
                Sighting::Found(receipt) => return Some(receipt),
                Sighting::Absent => {}
                Sighting::Unknown(why) if why.starts_with("parts out: ") => {}
                other => panic!("{other:?}"),
            },
            Err(other) => panic!("{other:?}"),
        }
    }
    None
}

fn each_once(job: &Job, there: &Pds) {
    let mut expected: Vec<&str> = job.rendition.texts().collect();
    let mut texts = there.texts();
    expected.sort_unstable();
    texts.sort_unstable();
    assert_eq!(texts, expected);
}

#[tokio::test]
async fn what_is_sent_again_makes_no_second_copy_wherever_the_first_attempt_broke() {
    let late = [Fate::Late, Fate::Broken { done: true, at: Cut::BeforeStatus }];
    for job in [suite::job(), thread()] {
        for fate in strict::misfortunes().into_iter().chain(late.clone()) {
            for nth in 0..job.rendition.texts().count() {
                let fates: Vec<Fate> = std::iter::repeat_n(Fate::Done, nth).chain([fate.clone()]).collect();
                let server = Strict::start(Pds::default(), &fates).await;
                assert!(deliver(&*to(&server.url), &job).await.is_some(), "{fate:?} at {nth}");
                each_once(&job, &server.state().network);
                // What was on its way comes now, and finds its place taken.
                server.land();
                each_once(&job, &server.state().network);
            }
        }
    }
}

#[tokio::test]
async fn attempts_that_all_come_late_make_one_copy() {
    let server = Strict::start(Pds::default(), &[Fate::Late, Fate::Late, Fate::AfterLate]).await;
    assert!(deliver(&*to(&server.url), &suite::job()).await.is_some());
    each_once(&suite::job(), &server.state().network);
    let receipt = deliver(&*to(&server.url), &suite::job()).await.unwrap();
    assert_eq!(to(&server.url).retract(&suite::job(), Some(&receipt.remote_id)).await, Retraction::Gone);
    assert_eq!(server.state().network.copies(), 0);
}
