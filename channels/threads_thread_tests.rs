//! Threads of several parts on a strict Threads.

use std::sync::Arc;

use super::server::{Api, USER};
use super::tests::open;
use super::*;
use crate::gate::{self, Gate};
use crate::strict::{self, Fate, Memory, Strict};
use crate::suite::{self, Cut};
use crate::{Closed, Keeper, NOT_OURS, Retry};

pub(super) fn thread(memory: &Memory) -> Job {
    let mut job = memory.job();
    job.rendition.more =
        vec!["It began at nine: https://bank.example".to_owned(), "The next word comes at ten.".to_owned()];
    job
}

pub(super) async fn attempt(channel: &dyn Channel, memory: &Memory) -> Result<Receipt, Failure> {
    let pass = Pass::open_for_tests().kept_by(Arc::new(memory.clone()));
    let result = channel.publish(&thread(memory), &pass).await;
    assert!(!format!("{result:?}").contains("hunter2"), "{result:?}");
    result
}

/// The texts that are there, the oldest first, and whether each answers the one before.
pub(super) fn shown(server: &Strict<Api>) -> (Vec<String>, bool) {
    let mut posts = server.state().network.posts.clone();
    posts.reverse();
    let first = posts.first().is_none_or(|p| p["replied_to"].is_null());
    let chained = posts.windows(2).all(|two| two[1]["replied_to"]["id"] == two[0]["id"]);
    (posts.iter().map(|p| p["text"].as_str().unwrap().to_owned()).collect(), first && chained)
}

pub(super) fn all() -> Vec<String> {
    thread(&Memory::default()).rendition.texts().map(str::to_owned).collect()
}

/// The numbers of what is there, the oldest first, with the account whose they are.
fn numbers(server: &Strict<Api>) -> Vec<String> {
    let posts = server.state().network.posts.clone();
    posts.iter().rev().map(|p| format!("{USER}:{}", p["id"].as_str().unwrap())).collect()
}

pub(super) fn is_partly(failure: &Failure, out: usize) -> bool {
    let said = format!("parts out: {out} of 3; ");
    matches!(failure, Failure::InDoubt { reason } if reason.starts_with(&said))
}

#[tokio::test]
async fn each_part_answers_the_one_before_and_all_are_taken_down() {
    let (server, channel) = open(Api::new(), &[]).await;
    let memory = Memory::default();
    let receipt = attempt(&*channel, &memory).await.unwrap();
    assert_eq!(shown(&server), (all(), true));
    assert_eq!(memory.handle(), Some(numbers(&server).join(" ")));
    assert_eq!(receipt.remote_id, numbers(&server)[0]);
    assert_eq!(receipt.url.as_deref(), Some("https://www.threads.com/@bank/post/D1"));
    assert_eq!(channel.read_back(&thread(&memory)).await, Sighting::Found(receipt.clone()));
    assert_eq!(attempt(&*channel, &memory).await, Ok(receipt.clone()), "nothing is left to send");
    assert_eq!(server.state().network.published, 3);
    let removed = channel.retract(&thread(&memory), Some(&receipt.remote_id)).await;
    assert_eq!((removed, shown(&server).0.len()), (Retraction::Gone, 0));
    let requests = server.state().requests.clone();
    let removed: Vec<&String> = requests.iter().filter(|r| r.starts_with("DELETE")).collect();
    let ids = memory.handle().unwrap();
    let ids: Vec<&str> = ids.split(' ').rev().map(|named| named.split_once(':').unwrap().1).collect();
    assert!(
        removed.iter().zip(&ids).all(|(asked, id)| asked.ends_with(id)),
        "{removed:?}: the last one first"
    );
    // Somebody else took them down.
    assert_eq!(channel.retract(&thread(&memory), None).await, Retraction::Gone);
    let none = channel.retract(&thread(&Memory::default()), None).await;
    assert_eq!(none, Retraction::StillLive(NOT_OURS.to_owned()));
}

#[tokio::test]
async fn a_part_is_prepared_and_written_down_before_it_is_published() {
    /// Writes down so often, and then no more.
    struct Few(Memory, std::sync::atomic::AtomicUsize);
    #[async_trait]
    impl Keeper for Few {
        async fn keep(&self, handle: &str) -> Result<(), String> {
            if self.1.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) == 0 {
                return Err("the database is down".to_owned());
            }
            self.0.keep(handle).await
        }
    }
    // What is written down: a container, a number, a container, and so on.
    for often in 0..6 {
        let (server, channel) = open(Api::new(), &[]).await;
        let memory = Memory::default();
        let pass = Pass::open_for_tests().kept_by(Arc::new(Few(memory.clone(), often.into())));
        let failure = channel.publish(&thread(&memory), &pass).await.unwrap_err();
        let out = often.div_ceil(2);
        assert_eq!(shown(&server), (all()[..out].to_vec(), true), "{often}");
        match out {
            0 => assert_eq!(failure, not_told("the database is down".to_owned())),
            _ => assert!(is_partly(&failure, out), "{often}: {failure:?}"),
        }
        let handle = memory.handle().unwrap_or_default();
        assert_eq!(crate::parts::out(&handle).count(), often / 2, "{handle}");
        assert_eq!(handle.contains('~'), often % 2 == 1, "{handle}");
        if often == 1 {
            // Its number was not written down, and nothing but its words tells it.
            let seen = channel.read_back(&thread(&memory)).await;
            assert!(
                matches!(&seen, Sighting::Unknown(why) if why.starts_with("parts out: 1 of 3; ")),
                "{seen:?}"
            );
            continue;
        }
        attempt(&*channel, &memory).await.unwrap();
        assert_eq!(shown(&server), (all(), true), "{often}");
    }
}

/// What the core and a person do: what had no effect, or is not there, is tried again, and so is what is partly out.
pub(super) async fn deliver(channel: &dyn Channel, memory: &Memory) -> Option<Receipt> {
    for _ in 0..6 {
        match attempt(channel, memory).await {
            Ok(receipt) => return Some(receipt),
            Err(Failure::Rejected { retry: Retry::Backoff | Retry::After(_), .. }) => {}
            Err(Failure::InDoubt { .. }) => match channel.read_back(&thread(memory)).await {
                Sighting::Found(receipt) => return Some(receipt),
                Sighting::Absent | Sighting::Unknown(_) => {}
                other @ Sighting::Gone(_) => panic!("{other:?}"),
            },
            Err(_) => return None,
        }
    }
    None
}

#[tokio::test]
async fn wherever_a_publication_breaks_each_part_is_there_once_at_most() {
    let refused = [Fate::Refused(400, "", "{}"), Fate::Refused(429, "Retry-After: 7\r\n", "{}")];
    for nth in 0..3 {
        for fate in strict::misfortunes().into_iter().chain(refused.clone()) {
            let fates: Vec<Fate> = std::iter::repeat_n(Fate::Done, nth).chain([fate.clone()]).collect();
            let (server, channel) = open(Api::new(), &fates).await;
            let memory = Memory::default();
            let settled = deliver(&*channel, &memory).await;
            let is_lost = matches!(&fate, Fate::Slow(_) | Fate::DoneBut(_) | Fate::Broken { done: true, .. });
            // Nobody tells the number of the first part when its answer is lost: nothing is sent after it.
            let is_refused = fate == refused[0];
            let whole = match nth {
                0 if is_lost => 1,
                0 if is_refused => 0,
                _ => 3,
            };
            assert_eq!(shown(&server), (all()[..whole].to_vec(), true), "{fate:?} at {nth}");
            assert_eq!(settled.is_some(), whole == 3, "{fate:?} at {nth}: {settled:?}");
            if whole == 1 {
                let seen = channel.read_back(&thread(&memory)).await;
                let Sighting::Unknown(why) = &seen else { panic!("{seen:?}") };
                assert!(why.starts_with("parts out: 1 of 3; Threads does not tell what it calls"), "{why}");
            }
        }
    }
}

#[tokio::test]
async fn wherever_a_preparation_breaks_each_part_is_there_once() {
    // The quota, then three times a container, its state, the publication; and the link.
    for nth in 0..7 {
        for fate in strict::misfortunes() {
            let (server, channel) = open(Api::new(), &[]).await;
            server.state().others = std::iter::repeat_n(Fate::Done, nth).chain([fate.clone()]).collect();
            let memory = Memory::default();
            assert!(deliver(&*channel, &memory).await.is_some(), "{fate:?} at {nth}");
            assert_eq!(shown(&server), (all(), true), "{fate:?} at {nth}");
        }
    }
}

#[tokio::test]
async fn a_part_whose_number_is_lost_is_found_among_the_answers() {
    let lost = Fate::Broken { done: true, at: Cut::BeforeStatus };
    let (server, channel) = open(Api { lags: true, ..Api::new() }, &[Fate::Done, lost.clone()]).await;
    let memory = Memory::default();
    assert!(is_partly(&attempt(&*channel, &memory).await.unwrap_err(), 1));
    // Not shown yet: nothing is sent after it, or in its place.
    let failure = attempt(&*channel, &memory).await.unwrap_err();
    assert!(is_partly(&failure, 2), "{failure:?}");
    let seen = channel.read_back(&thread(&memory)).await;
    assert!(matches!(&seen, Sighting::Unknown(why) if why.starts_with("parts out: 2 of 3; ")), "{seen:?}");
    server.state().network.lags = false;
    // Somebody else's answer with these words is not it, nor is another one of the account's.
    let first = server.state().network.posts[1]["id"].clone();
    for (words, own) in [(all()[1].as_str(), false), ("Dear customer", true)] {
        let api = &mut server.state().network;
        api.post(words);
        api.posts[0]["replied_to"] = serde_json::json!({ "id": first });
        api.posts[0]["is_reply_owned_by_me"] = own.into();
        let foreign = api.posts.remove(0);
        api.posts.push(foreign);
    }
    let partly = Sighting::partly(2, 3);
    assert_eq!(channel.read_back(&thread(&memory)).await, partly);
    // Nobody may read answers: the same.
    let scopes = server.state().network.scopes.clone();
    server.state().network.scopes.retain(|scope| *scope != "threads_read_replies");
    assert!(is_partly(&attempt(&*channel, &memory).await.unwrap_err(), 2));
    server.state().network.scopes = scopes;
    attempt(&*channel, &memory).await.unwrap();
    server.state().network.posts.truncate(3);
    assert_eq!(shown(&server), (all(), true));
    // It is written down first that a person wants them taken down.
    memory.keep(&crate::parts::withdrawn(&memory.handle().unwrap())).await.unwrap();
    assert_eq!(channel.retract(&thread(&memory), None).await, Retraction::Gone);
}

#[tokio::test]
async fn a_last_part_whose_number_is_lost_is_taken_down_too() {
    let lost = Fate::Broken { done: true, at: Cut::BeforeStatus };
    let (server, channel) = open(Api::new(), &[Fate::Done, Fate::Done, lost]).await;
    let memory = Memory::default();
    let receipt = deliver(&*channel, &memory).await.unwrap();
    assert_eq!(shown(&server), (all(), true));
    assert_eq!(receipt.remote_id, numbers(&server)[0]);
    server.state().network.lags = true;
    let said = channel.retract(&thread(&memory), Some(&receipt.remote_id)).await;
    assert_eq!(
        said,
        Retraction::StillLive("parts taken down: 2 of 3; look whether another one is there".to_owned())
    );
    assert_eq!(shown(&server).0, all()[2..], "what is known is gone");
}

#[tokio::test]
async fn a_first_part_without_its_number_is_taken_down_by_its_words() {
    let lost = Fate::Broken { done: true, at: Cut::BeforeStatus };
    let (server, channel) = open(Api::new(), &[lost]).await;
    let memory = Memory::default();
    assert!(matches!(attempt(&*channel, &memory).await, Err(Failure::InDoubt { .. })));
    let found = channel.by_words(&thread(&memory), None).await;
    let Some(Sighting::Found(found)) = found else { panic!("{found:?}") };
    assert_eq!(channel.retract(&thread(&memory), None).await, Retraction::StillLive(NOT_OURS.to_owned()));
    assert_eq!(channel.retract(&thread(&memory), Some(&found.remote_id)).await, Retraction::Gone);
    assert!(server.state().network.posts.is_empty());
    // Of a thread of which parts are written down nothing is looked for by words.
    let (_server, channel) = open(Api::new(), &[Fate::Done, Fate::Refused(400, "", "{}")]).await;
    let memory = Memory::default();
    assert!(is_partly(&attempt(&*channel, &memory).await.unwrap_err(), 1));
    assert_eq!(channel.by_words(&thread(&memory), None).await, None);
    // The container of the next one can still be published by a request that is late.
    let said = channel.retract(&thread(&memory), None).await;
    assert_eq!(
        said,
        Retraction::StillLive("parts taken down: 1 of 3; look whether another one is there".to_owned())
    );
}

#[tokio::test]
async fn whether_the_account_may_answer_is_asked_before_the_first_part() {
    let mut job = thread(&Memory::default());
    let sent = async |api: Api, job: &Job| {
        let (server, channel) = open(api, &[]).await;
        let pass = Pass::open_for_tests().kept_by(Arc::new(Memory::default()));
        let result = channel.publish(job, &pass).await;
        (result, shown(&server).0.len())
    };
    let full = Api { used_answers: 999, ..Api::new() };
    job.kind = "routine".to_owned();
    let (result, there) = sent(full.clone(), &job).await;
    let Err(Failure::Rejected { reason, retry: Retry::Later(_) }) = &result else { panic!("{result:?}") };
    assert_eq!(
        (reason.as_str(), there),
        ("the account may still answer 1 times today, and the thread needs 2", 0)
    );
    let (result, there) = sent(Api { used_answers: 998, ..Api::new() }, &job).await;
    assert!(result.is_ok() && there == 3, "{result:?}");
    job.kind = "update".to_owned();
    assert_eq!(sent(full, &job).await.1, 3, "what Threads says of a crisis post's quota decides");
    let bare = Api { scopes: vec!["threads_basic", "threads_content_publish"], ..Api::new() };
    let (result, there) = sent(bare, &job).await;
    let Err(Failure::Rejected { reason, retry: Retry::Reconnect }) = &result else { panic!("{result:?}") };
    assert!(reason.contains("threads_manage_replies; ") && there == 0, "{reason}");
}

#[tokio::test]
async fn a_freeze_stops_a_thread_between_its_parts() {
    let (server, channel) = open(Api::new(), &[]).await;
    let gate = Gate::closed(std::time::Duration::from_secs(60));
    let looks = std::sync::atomic::AtomicUsize::new(0);
    // The first part passes with two requests.
    let judge = move |_: &&str| {
        let seen = looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        (seen > 1).then(|| "freeze-1".to_owned())
    };
    gate.open(1, Arc::new(judge), gate::now());
    let memory = Memory::default();
    let pass = gate.admit("attempt-1", "routine", Box::new(|| true), gate::now());
    let failure =
        channel.publish(&thread(&memory), &pass.kept_by(Arc::new(memory.clone()))).await.unwrap_err();
    assert_eq!(failure, Failure::Closed { why: Closed::Frozen("freeze-1".to_owned()), partly: true });
    assert_eq!(shown(&server).0.len(), 1);
    assert_eq!(channel.read_back(&thread(&memory)).await, Sighting::partly(1, 3));
}

#[tokio::test]
async fn parts_of_another_account_are_never_gone_on_with() {
    let (server, channel) = open(Api::new(), &[]).await;
    let memory = Memory::default();
    memory.keep("1:17900000000000001 ~1:18000000000000001").await.unwrap();
    let failure = attempt(&*channel, &memory).await.unwrap_err();
    assert!(
        matches!(&failure, Failure::InDoubt { reason } if reason.contains("on another account")),
        "{failure:?}"
    );
    assert!(matches!(channel.read_back(&thread(&memory)).await, Sighting::Unknown(_)));
    assert!(matches!(channel.retract(&thread(&memory), None).await, Retraction::StillLive(_)));
    assert!(server.state().requests.is_empty());
    memory.keep("~1:18000000000000001").await.unwrap();
    assert!(matches!(channel.read_back(&thread(&memory)).await, Sighting::Unknown(_)));
    attempt(&*channel, &memory).await.unwrap();
    assert_eq!(shown(&server), (all(), true));
}

#[tokio::test]
async fn no_part_has_more_links_than_threads_takes() {
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = suite::job();
    let links: String = (0..6).map(|n| format!("https://bank.example/{n} ")).collect();
    job.rendition.more = vec![links];
    let failure = channel.publish(&job, &Pass::open_for_tests()).await.unwrap_err();
    assert!(matches!(failure, Failure::Rejected { retry: Retry::Never, .. }), "{failure:?}");
    assert!(server.state().requests.is_empty(), "nothing of it is out");
}
