//! The Threads adapter against a scripted server and a strict one.

use std::sync::Arc;

use chrono::DateTime;
use serde_json::json;

use super::found::{HIDDEN, NOT_ONE};
use super::server::{Api, Container, TOKEN, USER};
use super::*;
use crate::Retry;
use crate::strict::{self, Fate, Memory, Strict};
use crate::suite::{self, Cut, Expected, Kit, Step};
use crate::{Keeper, NOT_OURS};

pub(super) fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| json!({ "server": url, "user": USER }),
        credential: Some(TOKEN),
        secrets: &["hunter2"],
        before: vec![
            suite::answer(200, "", r#"{"id":"18000000000000001"}"#),
            suite::answer(200, "", r#"{"id":"18000000000000001","status":"FINISHED"}"#),
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
    suite::connect(&ADAPTER, (kit().settings)(url), Some(TOKEN)).unwrap()
}

pub(super) async fn open(api: Api, fates: &[Fate]) -> (Strict<Api>, Box<dyn Channel>) {
    let server = Strict::start(api, fates).await;
    let channel = to(&server.url);
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
    let mut job = suite::job();
    job.rendition.text = "Cards & payments: 50% + more\n⚠️ https://bank.example/?a=1&b=2".to_owned();
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(receipt.remote_id, format!("{USER}:17900000000000001"));
    assert_eq!(receipt.url.as_deref(), Some("https://www.threads.com/@bank/post/D1"));
    assert_eq!(server.state().network.posts[0]["text"], job.rendition.text);
    for odd in ["", "17900000000000001", "1:17900000000000001", "../x", &format!("{USER}:../x")] {
        let said = channel.retract(&job, Some(odd)).await;
        assert_eq!(said, Retraction::StillLive(NOT_OURS.to_owned()), "{odd}");
    }
    for _ in 0..2 {
        assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
        assert!(server.state().network.posts.is_empty());
    }
}

#[tokio::test]
async fn the_container_is_written_down_before_the_public_step() {
    /// A database that does not answer.
    struct Down;
    #[async_trait]
    impl Keeper for Down {
        async fn keep(&self, _: &str) -> Result<(), String> {
            Err("the database is down".to_owned())
        }
    }
    let (server, channel) = open(Api::new(), &[]).await;
    let pass = Pass::open_for_tests().kept_by(Arc::new(Down));
    let result = channel.publish(&suite::job(), &pass).await;
    assert_eq!(result, Err(not_told("the database is down".to_owned())));
    assert!(server.state().requests.iter().all(|asked| !asked.ends_with("threads_publish")));
    // Also that of an earlier attempt.
    let memory = Memory::default();
    memory.keep(&format!("{USER}:18000000000000001")).await.unwrap();
    assert!(channel.publish(&memory.job(), &pass).await.is_err());
    assert!(server.state().requests.iter().all(|asked| !asked.ends_with("threads_publish")));
    assert_eq!(server.state().network.made, 1);
}

#[tokio::test]
async fn every_attempt_publishes_the_same_container() {
    // Nothing arrived; then the answer of a publication is lost; then a person wants another try.
    let lost = Fate::Broken { done: false, at: Cut::BeforeStatus };
    let out = Fate::Broken { done: true, at: Cut::BeforeStatus };
    let (server, channel) = open(Api::new(), &[lost, out]).await;
    let memory = Memory::default();
    let doubt = strict::attempt_of(&*channel, &memory).await;
    assert!(matches!(doubt, Err(Failure::InDoubt { .. })), "{doubt:?}");
    assert_eq!(memory.handle(), Some(format!("{USER}:18000000000000001")));
    assert_eq!(channel.read_back(&memory.job()).await, Sighting::Absent);
    let doubt = strict::attempt_of(&*channel, &memory).await;
    assert!(matches!(doubt, Err(Failure::InDoubt { .. })), "{doubt:?}");
    let receipt = Receipt { remote_id: String::new(), url: None, note: None };
    assert_eq!(channel.read_back(&memory.job()).await, Sighting::Found(receipt.clone()));
    assert_eq!(strict::attempt_of(&*channel, &memory).await, Ok(receipt.clone()), "it is out already");
    assert_eq!(counts(&server), (1, 1));
    // Its number is not known: it is found by its words, and only when one post has them.
    server.state().network.post("Another one.");
    server.state().network.post("A third one.");
    server.state().network.post(&suite::job().rendition.text);
    let by_words = async || channel.by_words(&memory.job(), None).await.unwrap();
    assert_eq!(by_words().await, Sighting::Unknown(NOT_ONE.to_owned()));
    server.state().network.posts.remove(0);
    // The adapter takes nothing down by its words: who knows all deliveries looks in between.
    let not_ours = Retraction::StillLive(NOT_OURS.to_owned());
    assert_eq!(channel.retract(&memory.job(), None).await, not_ours);
    let Sighting::Found(found) = by_words().await else { panic!("one post has the words") };
    assert_eq!(channel.by_words(&memory.job(), Some(&found.remote_id)).await, None, "it is known");
    assert_eq!(channel.by_words(&suite::job(), None).await, Some(Sighting::Absent), "nothing was prepared");
    assert_eq!(channel.retract(&memory.job(), Some(&found.remote_id)).await, Retraction::Gone);
    let texts: Vec<_> = server.state().network.posts.iter().map(|post| post["text"].clone()).collect();
    assert_eq!(texts, ["A third one.", "Another one."]);
}

#[tokio::test]
async fn a_container_that_is_refused_because_it_is_out_is_no_refusal() {
    let (server, channel) = open(Api { refuses_twice: true, ..Api::new() }, &[]).await;
    let memory = Memory::default();
    strict::attempt_of(&*channel, &memory).await.unwrap();
    // Ready at the look and out before the second step.
    let ready = suite::answer(200, "", r#"{"status":"FINISHED"}"#);
    let out = suite::answer(200, "", r#"{"status":"PUBLISHED"}"#);
    let refused = suite::answer(400, "", r#"{"error":{"code":100,"message":"Invalid parameter"}}"#);
    let fake = suite::Fake::start(vec![ready.clone(), ready.clone(), refused.clone(), out]).await;
    let result = to(&fake.url).publish(&memory.job(), &Pass::open_for_tests()).await;
    assert_eq!(result.unwrap().remote_id, "");
    // An earlier attempt may have published it, and the state may be late.
    let fake = suite::Fake::start(vec![ready.clone(), ready.clone(), refused.clone(), ready.clone()]).await;
    let result = to(&fake.url).publish(&memory.job(), &Pass::open_for_tests()).await;
    assert!(matches!(result, Err(Failure::InDoubt { .. })), "{result:?}");
    // Or nobody says.
    let silent = suite::answer(500, "", "");
    let lapsed = suite::answer(400, "", r#"{"error":{"code":190,"error_subcode":463,"message":"expired"}}"#);
    let busy = suite::answer(400, "", r#"{"error":{"code":4,"message":"slow"}}"#);
    for refusal in [&refused, &lapsed, &busy] {
        let steps = vec![ready.clone(), ready.clone(), refusal.clone(), silent.clone()];
        let fake = suite::Fake::start(steps).await;
        let result = to(&fake.url).publish(&memory.job(), &Pass::open_for_tests()).await;
        assert!(matches!(result, Err(Failure::InDoubt { .. })), "{refusal:?}: {result:?}");
        // A first attempt has published nothing before, and its refusal is believed when the state says so too.
        let made = suite::answer(200, "", r#"{"id":"18000000000000001"}"#);
        for (state, is_believed) in [(ready.clone(), true), (silent.clone(), std::ptr::eq(refusal, &lapsed))]
        {
            let fake = suite::Fake::start(vec![made.clone(), ready.clone(), refusal.clone(), state]).await;
            let result = to(&fake.url).publish(&suite::job(), &Pass::open_for_tests()).await;
            let was_believed = matches!(result, Err(Failure::Rejected { .. }));
            assert_eq!(was_believed, is_believed, "{refusal:?}: {result:?}");
        }
    }
    assert_eq!(server.state().network.published, 1);
}

#[tokio::test]
async fn what_became_of_a_container_decides() {
    let seen = async |status: &str| {
        let step: Step = suite::answer(200, "", &json!({ "status": status }).to_string());
        let fake = suite::Fake::start(vec![step]).await;
        let handle = Some(format!("{USER}:18000000000000001"));
        to(&fake.url).read_back(&Job { handle, ..suite::job() }).await
    };
    assert!(matches!(seen("PUBLISHED").await, Sighting::Found(_)));
    for absent in ["FINISHED", "EXPIRED", "ERROR"] {
        assert_eq!(seen(absent).await, Sighting::Absent, "{absent}");
    }
    for unknown in ["IN_PROGRESS", "", "published"] {
        assert!(matches!(seen(unknown).await, Sighting::Unknown(_)), "{unknown}");
    }
    // One that is forgotten may have been out: people decide, and then another one is made.
    let (server, channel) = open(Api::new(), &[]).await;
    let memory = Memory::default();
    memory.keep(&format!("{USER}:18000000000000007")).await.unwrap();
    assert!(matches!(channel.read_back(&memory.job()).await, Sighting::Unknown(_)));
    strict::attempt_of(&*channel, &memory).await.unwrap();
    assert_eq!(counts(&server), (1, 1));
    let (server, channel) = open(Api::new(), &[]).await;
    // An attempt without a container never came to the second step, and nothing needs to be asked.
    assert_eq!(channel.read_back(&suite::job()).await, Sighting::Absent);
    let other = Job { handle: Some("1:18000000000000001".to_owned()), ..suite::job() };
    assert!(matches!(channel.read_back(&other).await, Sighting::Unknown(_)));
    assert!(server.state().requests.is_empty());
    // A dead one is made anew, and so is one of another account.
    for (handle, state) in [("18000000000000009", "EXPIRED"), ("18000000000000008", "ERROR")] {
        server
            .state()
            .network
            .containers
            .insert(handle.to_owned(), Container { state, ..Container::default() });
        let memory = Memory::default();
        memory.keep(&format!("{USER}:{handle}")).await.unwrap();
        strict::attempt_of(&*channel, &memory).await.unwrap();
        assert_ne!(memory.handle(), Some(format!("{USER}:{handle}")));
    }
    let pass = Pass::open_for_tests();
    assert!(channel.publish(&other, &pass).await.is_ok());
    let state = server.state();
    assert!(state.network.posts.iter().all(|post| post["text"] == suite::job().rendition.text));
    assert_eq!((state.network.made, state.network.published), (3, 3));
}

#[tokio::test]
async fn a_container_is_waited_for_and_not_for_ever() {
    let slow = vec!["IN_PROGRESS", "IN_PROGRESS", "FINISHED"];
    let (server, channel) = open(Api { states: slow, ..Api::new() }, &[]).await;
    assert!(strict::attempt(&*channel).await.is_ok());
    assert_eq!(server.state().network.published, 1);
    for (state, words) in [("IN_PROGRESS", "still preparing"), ("ERROR", "could not prepare")] {
        let (server, channel) = open(Api { states: vec![state], ..Api::new() }, &[]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        let Failure::Rejected { reason, retry: Retry::Backoff } = &failure else { panic!("{failure:?}") };
        assert!(reason.contains(words), "{reason}");
        assert_eq!(server.state().network.published, 0);
    }
    // Said to be ready, and not there yet.
    let not_yet =
        r#"{"error":{"code":24,"error_subcode":4279009,"message":"The requested resource does not exist"}}"#;
    let (server, channel) = open(Api::new(), &[Fate::Refused(400, "", not_yet)]).await;
    assert!(strict::deliver(&*channel).await.is_some());
    assert_eq!(counts(&server), (1, 1));
}

#[tokio::test]
async fn steps_before_the_public_one_have_no_effect() {
    for nth in 0..2 {
        for fate in
            [Fate::DoneBut(500), Fate::Refused(400, "", "{}"), Fate::Broken { done: true, at: Cut::MidBody }]
        {
            let (server, channel) = open(Api::new(), &[]).await;
            server.state().others = std::iter::repeat_n(Fate::Done, nth).chain([fate.clone()]).collect();
            let failure = strict::attempt(&*channel).await.unwrap_err();
            assert!(matches!(failure, Failure::Rejected { .. }), "{nth} {fate:?}: {failure:?}");
            assert_eq!(server.state().network.published, 0);
        }
    }
}

#[tokio::test]
async fn a_post_that_somebody_else_took_down_is_gone_and_one_that_is_listed_is_not() {
    let (server, channel) = open(Api::new(), &[]).await;
    let job = suite::job();
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    for _ in 0..4 {
        server.state().network.post("Another one.");
    }
    let hidden = r#"{"error":{"code":100,"error_subcode":33,"message":"no"}}"#;
    server.state().others.push_back(Fate::Refused(400, "", hidden));
    let said = channel.retract(&job, Some(&receipt.remote_id)).await;
    assert_eq!(said, Retraction::StillLive(HIDDEN.to_owned()));
    server.state().network.posts.retain(|post| post["text"] == "Another one.");
    assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
    for _ in 0..40 {
        server.state().network.post("Another one.");
    }
    let said = channel.retract(&job, Some(&receipt.remote_id)).await;
    assert!(matches!(said, Retraction::StillLive(_)), "too many to look through: {said:?}");
    // Nothing was prepared, so what a person saw is not ours.
    assert_eq!(channel.retract(&job, None).await, Retraction::StillLive(NOT_OURS.to_owned()));
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
        let server = Strict::start(api, &[]).await;
        let settings = json!({ "server": server.url, "user": USER });
        suite::connect(&ADAPTER, settings, Some(TOKEN)).unwrap().check().await
    };
    let health = seen(Api::new()).await;
    assert_eq!((health.ready, &*health.detail), (true, "posts as @bank on Threads"));
    assert_eq!(health.facts.expires_at, DateTime::from_timestamp(1_705_000_000, 0));
    assert_eq!((health.facts.missing, health.facts.account.as_deref()), (Some(vec![]), Some("@bank")));
    let used = seen(Api { used: 250, ..Api::new() }).await;
    let posts = used.facts.posts.unwrap();
    assert_eq!((posts.limit, posts.left, posts.resets_at), (Some(250), 0, None));
    assert_eq!((used.ready, &*used.detail), (false, crate::health::USED_UP));
    let bare = seen(Api { scopes: vec!["threads_basic"], ..Api::new() }).await;
    assert_eq!((bare.ready, bare.detail), (false, crate::health::lacking("threads_content_publish")));
    assert_eq!(bare.facts.missing, Some(vec!["threads_content_publish".to_owned()]));
    let (ready, detail) = checked(Api::new(), "1", TOKEN).await;
    assert!(
        !ready && detail.contains(&format!("of @bank; its number for the setting user is {USER}")),
        "{detail}"
    );
    let (ready, detail) = checked(Api::new(), USER, "THAAhunter3").await;
    assert!(!ready && detail.contains("access token is refused") && !detail.contains("hunter3"), "{detail}");
}

#[tokio::test]
async fn the_longest_post_is_taken_and_a_longer_one_is_refused_before() {
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = suite::job();
    job.rendition.text = "é".repeat(500);
    assert!(text::check(&job.rendition, &ADAPTER.limits).is_empty());
    assert!(channel.publish(&job, &Pass::open_for_tests()).await.is_ok());
    let links = |n| (0..n).map(|n| format!("https://bank.example/{n} ")).collect::<String>();
    job.rendition.text = links(5) + &links(5);
    assert!(channel.publish(&job, &Pass::open_for_tests()).await.is_ok());
    job.rendition.text = links(6);
    let refused = channel.publish(&job, &Pass::open_for_tests()).await;
    assert!(
        matches!(&refused, Err(Failure::Rejected { retry: Retry::Never, reason }) if reason.contains("at most 5 links"))
    );
    for text in ["é".repeat(501), "🚨".repeat(126)] {
        job.rendition.text = text;
        let problems = text::check(&job.rendition, &ADAPTER.limits);
        assert!(problems[0].message.contains("too long; the limit is 500"), "{problems:?}");
    }
    assert_eq!(counts(&server), (2, 2));
}

#[test]
fn a_faulty_setting_is_named() {
    let tried = |settings: Value, token: Option<&str>| suite::connect(&ADAPTER, settings, token).err();
    let at = |user: &str, version: &str| json!({ "server": "http://127.0.0.1:1", "user": user, "version": version });
    assert_eq!(tried(at(USER, "v1.0"), Some(TOKEN)), None);
    assert!(tried(json!({ "user": USER }), Some(TOKEN)).is_none(), "the rest has defaults");
    for (settings, words) in [
        (at("", "v1.0"), "user is missing"),
        (at("@bank", "v1.0"), "setting user"),
        (at("1/../2", "v1.0"), "setting user"),
        (at(USER, "1.0"), "setting version"),
        (at(USER, "v1.0/x"), "setting version"),
        (json!({ "user": USER, "server": "ftp://x" }), "setting server"),
    ] {
        let error = tried(settings, Some(TOKEN)).unwrap();
        assert!(error.contains(words), "{error}");
    }
    assert!(tried(at(USER, "v1.0"), None).unwrap().contains("credential is missing"));
    for token in ["", "hunter2 hunter2", "hunter2\n\u{e9}"] {
        let error = tried(at(USER, "v1.0"), Some(token)).unwrap();
        assert!(error.contains("access token") && !error.contains("hunter2"), "{error}");
    }
}
