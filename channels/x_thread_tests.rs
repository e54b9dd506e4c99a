//! Threads on a strict X.

use serde_json::json;

use super::server::{Api, Kept, NOW, TOKEN};
use super::tests::kept;
use super::*;
use crate::strict::{self, Fate, Memory, Strict, Threads};
use crate::suite::{self, Cut};
use crate::{MediaRef, Rendition, Retry, fit, hash};

fn with(url: &str, threads: &Value) -> Result<Box<dyn Channel>, String> {
    suite::connect(&ADAPTER, json!({ "server": url, "threads": threads }), Some(TOKEN))
}

async fn open(api: Api, fates: &[Fate]) -> (Strict<Api>, Box<dyn Channel>) {
    let server = Strict::start(api, fates).await;
    let channel = with(&server.url, &json!("on")).unwrap();
    (server, channel)
}

fn thread(memory: &Memory) -> Job {
    let mut job = memory.job();
    job.rendition.more = vec![
        "It began at nine: https://bank.example.com/a".to_owned(),
        "The next word comes at ten.".to_owned(),
    ];
    job
}

async fn attempt(channel: &dyn Channel, memory: &Memory) -> Result<Receipt, Failure> {
    let pass = Pass::open_for_tests().kept_by(Arc::new(memory.clone()));
    channel.publish(&thread(memory), &pass).await
}

/// The texts that are there, each of which answers what it has to.
fn chained(api: &Api) -> Vec<String> {
    let answers = api.posts.iter().map(|p| p.reply.as_deref());
    let before = std::iter::once(None).chain(api.posts.iter().map(|p| Some(p.id.as_str())));
    assert!(answers.zip(before).all(|(to, before)| to == before), "a part answers another one");
    api.posts.iter().map(|p| p.text.clone()).collect()
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_part_the_thread_goes_on_and_no_part_is_there_twice() {
    strict::threads(Threads {
        network: Api::default(),
        connect: |url| with(url, &json!("on")).unwrap(),
        shows: chained,
        readable: true,
    })
    .await;
}

/// The texts that are there, and whether each answers the one before.
fn shown(server: &Strict<Api>) -> (Vec<String>, bool) {
    let posts = server.state().network.posts.clone();
    let first = posts.first().is_none_or(|p| p.reply.is_none());
    let chained = posts.windows(2).all(|two| two[1].reply.as_ref() == Some(&two[0].id));
    (posts.into_iter().map(|p| p.text).collect(), first && chained)
}

fn all() -> Vec<String> {
    thread(&Memory::default()).rendition.texts().map(str::to_owned).collect()
}

fn is_partly(failure: &Failure, out: usize) -> bool {
    let said = format!("parts out: {out} of 3; ");
    matches!(failure, Failure::InDoubt { reason } if reason.starts_with(&said))
}

#[tokio::test]
async fn a_thread_does_not_begin_once_its_setting_is_off() {
    let server = Strict::start(Api::default(), &[]).await;
    let channel = with(&server.url, &json!("")).unwrap();
    let refused = attempt(&*channel, &Memory::default()).await.unwrap_err();
    assert_eq!(refused, Failure::never(thread::NO_THREADS));
    assert_eq!(shown(&server).0.len(), 0);
}

#[test]
fn a_text_is_parted_only_where_the_settings_ask_for_it() {
    let text = format!("{}\n---\n{}", "a ".repeat(100), "b ".repeat(100));
    let post = Rendition { text, ..suite::job().rendition };
    let fitted = |settings: Value| {
        let limits = fit::limits_by(&ADAPTER, &settings, ADAPTER.limits);
        let fitted = fit::fitted(post.clone(), Some(&limits), str::to_owned);
        (fitted.texts().count(), fit::check(&fitted, &limits).len())
    };
    for off in [json!({}), json!({ "threads": "" }), json!({ "threads": null }), json!({ "threads": true })] {
        assert_eq!(fitted(off), (1, 1), "one post, which is too long");
    }
    assert_eq!(fitted(json!({ "threads": "on" })), (2, 0));
    for (odd, is_taken) in [
        (json!("on "), true),
        (json!(""), true),
        (json!("yes"), false),
        (json!(true), false),
        (json!(1), false),
    ] {
        assert_eq!(with("http://127.0.0.1:1", &odd).is_ok(), is_taken, "{odd}");
    }
}

#[tokio::test]
async fn each_part_answers_the_one_before_and_all_are_taken_down() {
    let (server, channel) = open(Api::default(), &[]).await;
    let memory = Memory::default();
    let receipt = attempt(&*channel, &memory).await.unwrap();
    assert_eq!(shown(&server), (all(), true));
    let ids: Vec<String> = server.state().network.posts.iter().map(|p| p.id.clone()).collect();
    assert_eq!(memory.handle(), Some(ids.join(" ")));
    assert_eq!(receipt.remote_id, ids[0]);
    assert_eq!(channel.read_back(&thread(&memory)).await, Sighting::Found(receipt.clone()));
    // The last part was not written down: it is looked for.
    let lost = Job { handle: Some(ids[..2].join(" ")), ..thread(&memory) };
    assert_eq!(channel.read_back(&lost).await, Sighting::Found(receipt.clone()));
    // It is written down first that a person wants them taken down.
    let wanted = Job { handle: lost.handle.as_deref().map(crate::parts::withdrawn), ..lost };
    assert_eq!(channel.retract(&wanted, Some(&receipt.remote_id)).await, Retraction::Gone);
    assert!(server.state().network.posts.is_empty());
    let removed: Vec<String> =
        server.state().requests.iter().filter(|r| r.starts_with("DELETE")).cloned().collect();
    assert!(removed[0].ends_with(&ids[2]) && removed[2].ends_with(&ids[0]), "{removed:?}");
    let none = channel.retract(&thread(&Memory::default()), None).await;
    assert_eq!(none, Retraction::StillLive(NOT_OURS.to_owned()));
}

#[tokio::test]
async fn pictures_go_with_the_first_part() {
    let (server, channel) = open(Api::default(), &[]).await;
    let memory = Memory::default();
    let mut job = thread(&memory);
    let (sha256, mime) = (hash(b"map"), "image/png".to_owned());
    job.rendition.media.push(MediaRef { sha256, mime, alt: "a map".to_owned() });
    job.media.push(b"map".to_vec());
    let pass = Pass::open_for_tests().kept_by(Arc::new(memory.clone()));
    let receipt = channel.publish(&job, &pass).await.unwrap();
    let media: Vec<usize> = server.state().network.posts.iter().map(|p| p.media.len()).collect();
    assert_eq!(media, [1, 0, 0]);
    let first = memory.handle().unwrap().split(' ').next().map(str::to_owned);
    let seen = channel.read_back(&Job { handle: first, ..job }).await;
    assert_eq!(seen, Sighting::Found(receipt));
}

/// Whatever becomes of one request, another try after a look doubles nothing, and finishes the thread once
/// its first part is known.
#[tokio::test]
async fn a_thread_that_stopped_goes_on_where_it_stopped() {
    let refused = [
        Fate::Refused(400, "", "{}"),
        Fate::Refused(403, "", "{}"),
        Fate::Refused(429, "Retry-After: 7\r\n", "{}"),
    ];
    for n in [1, 2] {
        for fate in strict::misfortunes().into_iter().chain(refused.clone()) {
            let before = std::iter::repeat_n(Fate::Done, n).chain([fate.clone()]);
            let (server, channel) = open(Api::default(), &before.collect::<Vec<_>>()).await;
            let memory = Memory::default();
            let failure = attempt(&*channel, &memory).await.unwrap_err();
            assert!(is_partly(&failure, n), "{fate:?}: {failure:?}");
            let done = server.state().network.posts.len();
            match channel.read_back(&thread(&memory)).await {
                Sighting::Found(_) => assert_eq!(done, 3, "{fate:?}"),
                Sighting::Unknown(why) => {
                    assert!(why.starts_with(&format!("parts out: {done} of 3")), "{fate:?}: {why}")
                }
                seen => panic!("{fate:?}: {n} parts are out: {seen:?}"),
            }
            let receipt = attempt(&*channel, &memory).await.unwrap();
            assert_eq!(shown(&server), (all(), true), "{fate:?} at {n}");
            assert_eq!(receipt.remote_id, server.state().network.posts[0].id);
        }
    }
}

#[tokio::test]
async fn a_first_part_without_its_answer_is_for_a_person() {
    for fate in strict::misfortunes() {
        let (server, channel) = open(Api::default(), std::slice::from_ref(&fate)).await;
        let memory = Memory::default();
        let Err(failure) = attempt(&*channel, &memory).await else { continue };
        let done = server.state().network.posts.len();
        let seen = channel.read_back(&thread(&memory)).await;
        match done {
            0 => assert_eq!(seen, Sighting::Absent, "{fate:?}: {failure:?}"),
            _ => {
                assert_eq!(seen, Sighting::unnamed(3), "{fate:?}");
                let again = attempt(&*channel, &memory).await.unwrap_err();
                assert!(matches!(again, Failure::Rejected { retry: Retry::Duplicate, .. }), "{again:?}");
                assert_eq!(server.state().network.posts.len(), 1, "{fate:?}");
            }
        }
    }
}

#[tokio::test]
async fn where_x_takes_no_answers_the_first_part_stands_alone_and_is_said_to() {
    let (server, channel) = open(Api { takes_no_answers: true, ..Api::default() }, &[]).await;
    let memory = Memory::default();
    let health = channel.check().await;
    assert!(health.ready && health.detail.ends_with("only a thread shows"), "{health:?}");
    for _ in 0..3 {
        let failure = attempt(&*channel, &memory).await.unwrap_err();
        let Failure::InDoubt { reason } = &failure else { panic!("{failure:?}") };
        let said = "parts out: 1 of 3; X may take no answer to the account's own post: X refuses the post";
        assert!(reason.starts_with(said), "{reason}");
        assert_eq!(channel.read_back(&thread(&memory)).await, Sighting::stopped(1, 3));
        assert_eq!(shown(&server), (all()[..1].to_vec(), true));
    }
    let first = memory.handle();
    let said = channel.retract(&thread(&memory), first.as_deref()).await;
    assert_eq!(
        said,
        Retraction::StillLive("parts taken down: 1 of 3; look whether another one is there".to_owned()),
        "nobody saw another one"
    );
    assert!(server.state().network.posts.is_empty());
}

#[tokio::test]
async fn what_is_known_of_a_stopped_thread_goes_and_what_is_not_is_said() {
    let (server, channel) = open(Api::default(), &[Fate::Done, Fate::Refused(400, "", "{}")]).await;
    let memory = Memory::default();
    assert!(attempt(&*channel, &memory).await.is_err());
    // Whether another part is out cannot be looked up.
    server.state().others = vec![Fate::Refused(403, "", "{}")].into();
    let said = channel.retract(&thread(&memory), None).await;
    let Retraction::StillLive(why) = &said else { panic!("{said:?}") };
    assert!(why.starts_with("parts taken down: 1 of 3; "), "{why}");
    assert!(server.state().network.posts.is_empty(), "what is public and wrong does not wait for that");
}

#[tokio::test]
async fn only_an_own_answer_to_the_part_before_is_the_next_one() {
    let (server, channel) = open(Api::default(), &[Fate::Done, Fate::Refused(400, "", "{}")]).await;
    let memory = Memory::default();
    assert!(attempt(&*channel, &memory).await.is_err());
    let (first, second) = (memory.handle().unwrap(), &all()[1]);
    let answer =
        |id: &str, to: Option<&str>, at: i64| Kept { reply: to.map(str::to_owned), at, ..kept(id, second) };
    // One of its own, an answer to another post, and one from before.
    server.state().network.posts.extend([
        answer("5", None, NOW),
        answer("6", Some("77"), NOW),
        answer("8", Some(&first), NOW - 1_000),
    ]);
    assert_eq!(channel.read_back(&thread(&memory)).await, Sighting::stopped(1, 3));
    // An answer with other words may be the part, changed since: nothing is sent after it.
    let other = Kept { reply: Some(first.clone()), ..kept("9", "Dear customer") };
    server.state().network.posts.push(other);
    let failure = attempt(&*channel, &memory).await.unwrap_err();
    assert!(is_partly(&failure, 1), "{failure:?}");
    server.state().network.posts.push(answer("10", Some(&first), NOW));
    server.state().network.posts.push(Kept { reply: Some("10".to_owned()), ..kept("11", &all()[2]) });
    assert!(matches!(channel.read_back(&thread(&memory)).await, Sighting::Found(r) if r.remote_id == first));
    server.state().network.posts.push(answer("12", Some(&first), NOW));
    assert!(matches!(channel.read_back(&thread(&memory)).await, Sighting::Unknown(_)), "two say it");
}

#[tokio::test]
async fn a_part_is_never_sent_while_what_is_out_cannot_be_read() {
    let (server, channel) =
        open(Api::default(), &[Fate::Done, Fate::Broken { done: true, at: Cut::BeforeStatus }]).await;
    let memory = Memory::default();
    assert!(attempt(&*channel, &memory).await.is_err());
    for fate in strict::misfortunes() {
        if matches!(fate, Fate::Slow(_)) {
            continue;
        }
        server.state().others = [fate.clone()].into();
        let failure = attempt(&*channel, &memory).await.unwrap_err();
        assert!(is_partly(&failure, 1), "{fate:?}: {failure:?}");
        assert_eq!(server.state().network.posts.len(), 2, "{fate:?}");
    }
    attempt(&*channel, &memory).await.unwrap();
    assert_eq!(shown(&server), (all(), true));
}
