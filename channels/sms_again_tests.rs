//! Whom another attempt sends a text message: nobody twice, unless a person decides so, and everybody in the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Notify;

use super::tests::{NUMBERS, after, copies, doubt, four, open};
use super::*;
use crate::strict::{self, Fate, Memory};
use crate::suite::{self, CUTS, Cut};
use crate::{Keeper, Retry, ledger};

/// A person lets it be tried again.
async fn try_again(memory: &Memory) {
    let judged = ledger::judged(&memory.handle().unwrap(), true).unwrap();
    memory.keep(&judged).await.unwrap();
}

fn lost() -> Fate {
    Fate::Broken { done: false, at: Cut::BeforeStatus }
}

#[tokio::test]
async fn wherever_an_answer_is_lost_nobody_gets_it_twice_and_all_get_it() {
    for n in 0..4 {
        let mut fates = vec![Fate::DoneBut(500)];
        for at in CUTS.into_iter().filter(|c| *c != Cut::BeforeConnect) {
            fates.push(Fate::Broken { done: false, at });
            if !matches!(at, Cut::BeforeRead | Cut::MidRequest) {
                fates.push(Fate::Broken { done: true, at });
            }
        }
        for fate in fates {
            let done = !matches!(fate, Fate::Broken { done: false, .. });
            for lags in [false, true] {
                let server = open(&after(n, fate.clone())).await;
                server.state().network.lags = lags;
                let memory = Memory::default();
                let attempt = async || strict::attempt_of(&*four(&server.url), &memory).await;
                let first = attempt().await;
                let before_a_byte = fate == Fate::Broken { done: false, at: Cut::BeforeRead };
                if first.is_ok() {
                    assert!(before_a_byte, "{n} {fate:?}");
                    assert_eq!(copies(&server), [1; 4], "{n} {fate:?}");
                    continue;
                }
                if !before_a_byte {
                    // The others have it by now.
                    let expected: Vec<usize> = (0..4).map(|k| usize::from(k != n || done)).collect();
                    assert_eq!(copies(&server).to_vec(), expected, "{n} {fate:?} {lags}: {first:?}");
                    let told = format!("nobody knows of 1; namely: …00{}", n + 1);
                    assert!(doubt(first).contains(&told));
                    if lags || !done {
                        doubt(attempt().await);
                        assert_eq!(copies(&server).to_vec(), expected, "no attempt decides that by itself");
                    }
                }
                // It shows by and by; what never arrived, a person lets another try send.
                server.state().network.lags = false;
                try_again(&memory).await;
                let again = attempt().await;
                assert!(again.is_ok(), "{n} {fate:?} {lags}: {again:?}");
                assert_eq!(copies(&server), [1; 4], "{n} {fate:?} {lags}");
            }
        }
    }
}

#[tokio::test]
async fn a_crash_at_any_recipient_doubles_nothing() {
    for n in 0..4 {
        for lags in [false, true] {
            let server = open(&after(n, Fate::Slow(Duration::from_secs(60)))).await;
            server.state().network.lags = lags;
            let memory = Memory::default();
            let channel = four(&server.url);
            let crash = async {
                while server.state().network.messages.len() <= n {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::select! {
                ended = strict::attempt_of(&*channel, &memory) => panic!("{ended:?}"),
                () = crash => {}
            }
            drop(channel);
            // Those whose turn had not come get it, and of whom nobody knows are left alone.
            let again = strict::attempt_of(&*four(&server.url), &memory).await;
            assert_eq!(again.is_ok(), !lags, "{n}: {again:?}");
            assert_eq!(copies(&server), [1; 4], "{n}, {lags}");
        }
    }
}

/// Writes down, and nothing goes on after that.
struct Dying(Memory, Notify);

#[async_trait]
impl Keeper for Dying {
    async fn keep(&self, handle: &str) -> Result<(), String> {
        self.0.keep(handle).await?;
        self.1.notify_one();
        std::future::pending().await
    }
}

#[tokio::test]
async fn an_attempt_that_never_began_decides_nothing_and_leaves_no_doubt() {
    let server = open(&[lost(), lost(), lost()]).await;
    let memory = Memory::default();
    let why = doubt(strict::attempt_of(&*four(&server.url), &memory).await);
    assert!(why.contains("it went to 0 of 4, 1 still wait, and nobody knows of 3"), "{why}");
    // The person is told that another try is that one's alone.
    let seen = four(&server.url).read_back(&memory.job()).await;
    assert!(matches!(&seen, Sighting::Unknown(why) if why.contains("doubles nothing")), "{seen:?}");
    try_again(&memory).await;
    let dying = Arc::new(Dying(memory.clone(), Notify::new()));
    let (job, pass) = (Job { number: 2, ..memory.job() }, Pass::open_for_tests().kept_by(dying.clone()));
    let channel = four(&server.url);
    tokio::select! {
        ended = channel.publish(&job, &pass) => panic!("{ended:?}"),
        () = dying.1.notified() => {}
    }
    // The core tries again by itself. By now both attempts are settled as without effect.
    memory.keep(&ledger::without(memory.handle().unwrap(), &[1, 2])).await.unwrap();
    let why = doubt(strict::attempt_of(&*four(&server.url), &memory).await);
    assert_eq!(copies(&server), [0, 0, 0, 1], "{why}");
    try_again(&memory).await;
    assert!(strict::attempt_of(&*four(&server.url), &memory).await.is_ok());
    assert_eq!(copies(&server), [1; 4], "now it was about those of whom nobody knew");
}

#[tokio::test]
async fn only_whom_the_network_has_answered_for_are_sent_it_once_more() {
    let server = open(&[Fate::Done, lost(), lost(), Fate::Done]).await;
    let memory = Memory::default();
    doubt(strict::attempt_of(&*four(&server.url), &memory).await);
    assert_eq!(copies(&server), [1, 0, 0, 1]);
    try_again(&memory).await;
    // The look for the first of the two fails, and goes on.
    server.state().others.push_back(Fate::Refused(503, "", ""));
    let why = doubt(strict::attempt_of(&*four(&server.url), &memory).await);
    assert_eq!(copies(&server), [1, 0, 1, 1], "{why}");
    assert!(why.contains("status 503") && why.contains("nobody knows of 1"), "{why}");
    assert!(strict::attempt_of(&*four(&server.url), &memory).await.is_ok());
    assert_eq!(copies(&server), [1; 4], "what a person decided about the other one stands");
}

#[tokio::test]
async fn a_refusal_of_a_second_request_says_nothing_of_the_first() {
    let server = open(&after(3, lost())).await;
    let memory = Memory::default();
    doubt(strict::attempt_of(&*four(&server.url), &memory).await);
    try_again(&memory).await;
    server.state().network.refuses.insert(NUMBERS[3].to_owned(), 21_610);
    let why = doubt(strict::attempt_of(&*four(&server.url), &memory).await);
    assert!(why.contains("it went to 3 of 4, 0 still wait, and nobody knows of 1"), "{why}");
}

#[tokio::test]
async fn nothing_is_sent_that_cannot_be_written_down() {
    /// A database that fails after so many times.
    struct Failing(AtomicUsize, Memory);
    #[async_trait]
    impl Keeper for Failing {
        async fn keep(&self, handle: &str) -> Result<(), String> {
            if self.0.fetch_add(1, Ordering::SeqCst) >= 2 {
                return Err("the database is down".to_owned());
            }
            self.1.keep(handle).await
        }
    }
    let server = open(&[]).await;
    let memory = Memory::default();
    let pass = |n| Pass::open_for_tests().kept_by(Arc::new(Failing(AtomicUsize::new(n), memory.clone())));
    let refused = four(&server.url).publish(&memory.job(), &pass(2)).await;
    assert!(matches!(refused, Err(Failure::Rejected { retry: Retry::Backoff, .. })), "{refused:?}");
    assert_eq!(copies(&server), [0; 4]);
    let why = doubt(four(&server.url).publish(&memory.job(), &pass(0)).await);
    assert_eq!(why, "the database is down; it went to 2 of 4, and 2 still wait");
    // The second answer was not written down, and the message is found.
    assert!(strict::attempt_of(&*four(&server.url), &memory).await.is_ok());
    assert_eq!(copies(&server), [1; 4]);
    let odd = Job { handle: Some("18000".to_owned()), ..suite::job() };
    doubt(four(&server.url).publish(&odd, &Pass::open_for_tests()).await);
    assert_eq!(copies(&server), [1; 4], "a ledger that cannot be read sends nothing");
    assert!(NUMBERS.iter().all(|number| !memory.handle().unwrap().contains(&number[1..])));
}
