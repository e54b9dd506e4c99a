//! Threads on a strict Mastodon.

use super::kinds::Kind;
use super::server::{Api, Server as Site};
use super::tests::{connect_to, open};
use super::*;
use crate::strict::{self, Fate, Memory, Threads};
use crate::suite::{self, Cut};

fn thread(memory: &Memory) -> Job {
    let mut job = memory.job();
    job.rendition.more = vec!["It began at nine.".to_owned(), "The next word comes at ten.".to_owned()];
    job
}

async fn attempt(channel: &dyn Channel, memory: &Memory) -> Result<Receipt, Failure> {
    let pass = Pass::open_for_tests().kept_by(Arc::new(memory.clone()));
    channel.publish(&thread(memory), &pass).await
}

/// The texts that are there, each of which answers what it has to.
fn chained(api: &Api) -> Vec<String> {
    let answers = api.posts.iter().map(|p| p.sent["in_reply_to_id"].as_str());
    let before = std::iter::once(None).chain(api.posts.iter().map(|p| Some(p.id.as_str())));
    assert!(answers.zip(before).all(|(to, before)| to == before), "{:?}", api.posts);
    api.posts.iter().map(|p| p.sent["status"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_part_the_thread_goes_on_and_no_part_is_there_twice() {
    for keeps_keys in [true, false] {
        strict::threads(Threads {
            network: Api::from(Kind { keeps_keys, ..Kind::default() }),
            connect: |url| connect_to(url, &json!({})),
            shows: chained,
            readable: true,
        })
        .await;
    }
}

/// The texts that are there, and whether each answers the one before.
fn shown(server: &Site) -> (Vec<String>, bool) {
    let posts = server.state().network.posts.clone();
    let texts = posts.iter().map(|p| p.sent["status"].as_str().unwrap().to_owned()).collect();
    let first = posts.first().is_none_or(|p| p.sent["in_reply_to_id"].is_null());
    let chained = posts.windows(2).all(|two| two[1].sent["in_reply_to_id"] == two[0].id.as_str());
    (texts, first && chained)
}

fn all() -> Vec<String> {
    thread(&Memory::default()).rendition.texts().map(str::to_owned).collect()
}

#[tokio::test]
async fn each_part_answers_the_one_before_and_all_are_taken_down() {
    let (server, channel) = open(Kind::default(), &[]).await;
    let memory = Memory::default();
    let receipt = attempt(&*channel, &memory).await.unwrap();
    assert_eq!(shown(&server), (all(), true));
    let ids: Vec<String> = server.state().network.posts.iter().map(|p| p.id.clone()).collect();
    assert_eq!(memory.handle(), Some(ids.join(" ")));
    assert_eq!(receipt.remote_id, ids[0]);
    let seen = channel.read_back(&thread(&memory)).await;
    assert_eq!(seen, Sighting::Found(receipt.clone()), "what is written down is the whole");
    // The last part was not written down: it is looked for.
    let lost = Job { handle: Some(ids[..2].join(" ")), ..thread(&memory) };
    // It is written down first that a person wants them taken down.
    let wanted = Job { handle: lost.handle.as_deref().map(crate::parts::withdrawn), ..lost };
    assert_eq!(channel.retract(&wanted, Some(&receipt.remote_id)).await, Retraction::Gone);
    assert_eq!(server.copies(), 0);
    assert_eq!(
        channel.retract(&thread(&Memory::default()), None).await,
        Retraction::StillLive(NOT_OURS.into())
    );
}

/// Whatever becomes of one request, another try after a look doubles nothing, and finishes the thread once
/// its first part is known.
#[tokio::test]
async fn a_thread_that_stopped_goes_on_where_it_stopped() {
    let broken = |done, at| Fate::Broken { done, at };
    let fates = [
        Fate::DoneBut(500),
        Fate::DoneBut(503),
        broken(true, Cut::BeforeStatus),
        broken(true, Cut::MidBody),
        broken(false, Cut::BeforeStatus),
        broken(false, Cut::MidRequest),
        Fate::Refused(422, "", r#"{"error":"no"}"#),
        Fate::Refused(429, "Retry-After: 7\r\n", r#"{"error":"slow"}"#),
    ];
    // Also where the server keeps no keys, so that a second request makes a second post.
    for (n, keeps_keys) in [(1, true), (2, true), (1, false), (2, false)] {
        for fate in &fates {
            let before = std::iter::repeat_n(Fate::Done, n).chain([fate.clone()]);
            let kind = Kind { keeps_keys, ..Kind::default() };
            let (server, channel) = open(kind, &before.collect::<Vec<_>>()).await;
            let memory = Memory::default();
            let failure = attempt(&*channel, &memory).await.unwrap_err();
            let said = format!("parts out: {n} of 3; ");
            assert!(
                matches!(&failure, Failure::InDoubt { reason } if reason.starts_with(&said)),
                "{fate:?}: {failure:?}"
            );
            let seen = channel.read_back(&thread(&memory)).await;
            let done = server.copies();
            match seen {
                Sighting::Found(_) => assert_eq!(done, 3, "{fate:?}"),
                Sighting::Unknown(why) => {
                    assert!(why.starts_with(&format!("parts out: {done} of 3")), "{why}")
                }
                Sighting::Absent | Sighting::Gone(_) => panic!("{fate:?}: {n} parts are out"),
            }
            let receipt = attempt(&*channel, &memory).await.unwrap();
            assert_eq!(shown(&server), (all(), true), "{fate:?} at {n}");
            assert_eq!(receipt.remote_id, server.state().network.posts[0].id);
        }
    }
}

#[tokio::test]
async fn a_first_part_without_its_answer_is_for_a_person() {
    let (server, channel) = open(Kind::default(), &[Fate::DoneBut(500)]).await;
    let memory = Memory::default();
    assert!(matches!(attempt(&*channel, &memory).await, Err(Failure::InDoubt { .. })));
    let seen = channel.read_back(&thread(&memory)).await;
    let why = "parts out: 1 of 3; another try would post that one again";
    assert_eq!(seen, Sighting::Unknown(why.to_owned()));
    assert_eq!(server.copies(), 1);
}

#[tokio::test]
async fn an_answer_of_somebody_else_with_these_words_is_not_a_part() {
    let (server, channel) = open(Kind::default(), &[Fate::Done, Fate::Refused(422, "", "{}")]).await;
    let memory = Memory::default();
    assert!(attempt(&*channel, &memory).await.is_err());
    let first = server.state().network.posts[0].id.clone();
    let id = server.add("8", "It began at nine.", suite::job().permitted_at);
    for post in server.state().network.posts.iter_mut().filter(|p| p.id == id) {
        post.sent["in_reply_to_id"] = first.clone().into();
    }
    assert!(
        matches!(channel.read_back(&thread(&memory)).await, Sighting::Unknown(w) if w.starts_with("parts out: 1 of 3"))
    );
    attempt(&*channel, &memory).await.unwrap();
    assert_eq!(server.copies(), 4);
}
