//! What the Instagram adapter makes of containers, refusals and lost answers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::server::{Api, USER};
use super::tests::{NOT_THERE, counts, open, to, with};
use super::*;
use crate::graph::not_told;
use crate::strict::{self, Fate, Memory, Strict};
use crate::suite::{self, Cut, Step};
use crate::{Keeper, Retry};

#[tokio::test]
async fn every_attempt_publishes_the_same_container() {
    // Nothing arrived; then the answer of a publication is lost; then a person wants another try.
    let lost = Fate::Broken { done: false, at: Cut::BeforeStatus };
    let out = Fate::Broken { done: true, at: Cut::BeforeStatus };
    let server = Strict::start(Api::new(), &[lost, out]).await;
    let channel = to(&server.url);
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
    assert_eq!(server.state().network.posts.len(), 1);
}

#[tokio::test]
async fn a_refusal_is_believed_only_where_nothing_can_be_out() {
    let refused = |code: i64, subcode: i64| {
        let error = json!({ "error": { "code": code, "error_subcode": subcode, "message": "no" } });
        suite::answer(400, "", &error.to_string())
    };
    let state = |state: &str| suite::answer(200, "", &json!({ "status_code": state }).to_string());
    let made = suite::answer(200, "", r#"{"id":"18000000000000001"}"#);
    let memory = Memory::default();
    memory.keep(&format!("{USER}:18000000000000001")).await.unwrap();
    let publish = async |before: &Step, refusal: Step, after: Step, job: &Job| {
        let fake = suite::Fake::start(vec![before.clone(), state("FINISHED"), refusal, after]).await;
        to(&fake.url).publish(job, &Pass::open_for_tests()).await
    };
    for (code, subcode, says_so, without_state) in [
        (100, 0, true, false),
        (190, 463, true, true),
        (9, 2_207_042, true, false),
        (4, 0, false, false),
        (80_002, 0, false, false),
        (4, 2_207_051, false, false),
        (1, 1_390_008, false, false),
    ] {
        for (after, is_sure) in [(state("FINISHED"), says_so), (suite::answer(500, "", ""), without_state)] {
            // Nobody published the new container before.
            let first = publish(&made, refused(code, subcode), after.clone(), &suite::job()).await;
            assert_eq!(matches!(first, Err(Failure::Rejected { .. })), is_sure, "{code}: {first:?}");
            assert_eq!(matches!(first, Err(Failure::InDoubt { .. })), !is_sure, "{code}: {first:?}");
            // An earlier attempt may have published this one, and its state may be late.
            let later = publish(&state("FINISHED"), refused(code, subcode), after, &memory.job()).await;
            assert!(matches!(later, Err(Failure::InDoubt { .. })), "{code}: {later:?}");
        }
        let out = publish(&made, refused(code, subcode), state("PUBLISHED"), &suite::job()).await;
        assert_eq!(out.unwrap().remote_id, "", "{code}");
    }
}

#[tokio::test]
async fn a_container_that_is_not_shown_proves_nothing() {
    let (server, channel) = open(Api::new(), &[]).await;
    let memory = Memory::default();
    memory.keep(&format!("{USER}:18000000000000007")).await.unwrap();
    assert_eq!(channel.read_back(&memory.job()).await, Sighting::Unknown(NOT_SHOWN.to_owned()));
    // A new one that is hidden at first is waited for, and is not published unseen.
    let job = with(&suite::job(), 1);
    let hidden = Fate::Refused(400, "", NOT_THERE);
    let hide = |times| std::iter::once(Fate::Done).chain(std::iter::repeat_n(hidden.clone(), times));
    server.state().others.extend(hide(2));
    assert!(channel.publish(&job, &Pass::open_for_tests()).await.is_ok());
    server.state().others.extend(hide(6));
    let failure = channel.publish(&job, &Pass::open_for_tests()).await;
    assert_eq!(failure, Err(not_told(NOT_SHOWN.to_owned())));
    assert_eq!(counts(&server), (2, 1));
}

/// Meta's answer of that code.
fn error(code: i64, subcode: i64) -> String {
    json!({ "error": { "code": code, "error_subcode": subcode, "message": "no" } }).to_string()
}

#[tokio::test]
async fn a_post_that_is_out_although_it_was_refused_is_not_published_again() {
    for (code, subcode) in [(4, 0), (80_002, 0), (4, 2_207_051), (100, 33)] {
        for told in [Some("PUBLISHED"), None] {
            let api = Api { told_of_out: told, ..Api::new() };
            let server = Strict::start(api, &[Fate::DoneButTold(400, error(code, subcode))]).await;
            let (channel, memory) = (to(&server.url), Memory::default());
            let first = strict::attempt_of(&*channel, &memory).await;
            // People may want another try.
            let second = strict::attempt_of(&*channel, &memory).await;
            let is_known = |result| matches!(result, Ok(_) | Err(Failure::InDoubt { .. }));
            assert!(is_known(first) && is_known(second), "{code}/{subcode} {told:?}");
            assert_eq!(server.state().network.published, 1, "{code}/{subcode} {told:?}");
        }
    }
}

#[tokio::test]
async fn a_blocked_account_is_left_to_people_once_and_then_tried_again() {
    let server = Strict::start(Api::new(), &[Fate::refused(400, "", error(4, 2_207_051))]).await;
    let (channel, memory) = (to(&server.url), Memory::default());
    let doubt = strict::attempt_of(&*channel, &memory).await;
    assert!(matches!(doubt, Err(Failure::InDoubt { .. })), "{doubt:?}");
    assert_eq!(channel.read_back(&memory.job()).await, Sighting::Absent);
    let left = strict::attempt_of(&*channel, &memory).await.unwrap_err();
    let Failure::Rejected { reason, retry: Retry::Reconnect } = &left else { panic!("{left:?}") };
    assert!(reason.contains("blocked the account"), "{reason}");
    assert!(strict::attempt_of(&*channel, &memory).await.is_ok());
    assert_eq!(counts(&server), (1, 1));
}

#[tokio::test]
async fn what_became_of_a_container_decides() {
    let seen = async |state: &str| {
        let step = suite::answer(200, "", &json!({ "status_code": state }).to_string());
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
    let other = Job { handle: Some("1:18000000000000001".to_owned()), ..suite::job() };
    assert!(matches!(to("http://127.0.0.1:1").read_back(&other).await, Sighting::Unknown(_)));
    for (state, words) in
        [("IN_PROGRESS", "still preparing"), ("ERROR", "could not prepare the post: Error:")]
    {
        let (server, channel) = open(Api { states: vec![state], ..Api::new() }, &[]).await;
        let failure = channel.publish(&with(&suite::job(), 1), &Pass::open_for_tests()).await.unwrap_err();
        let Failure::Rejected { reason, retry: Retry::Backoff } = &failure else { panic!("{failure:?}") };
        assert!(reason.contains(words), "{reason}");
        assert_eq!(server.state().network.published, 0);
    }
    // Said to be ready, and not there yet.
    let not_yet = r#"{"error":{"code":9007,"error_subcode":2207027,"message":"Media ID is not available"}}"#;
    let server = Strict::start(Api::new(), &[Fate::Refused(400, "", not_yet)]).await;
    assert!(strict::deliver(&*to(&server.url)).await.is_some());
    assert_eq!(counts(&server), (1, 1));
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
    let result = channel.publish(&with(&suite::job(), 1), &pass).await;
    assert_eq!(result, Err(not_told("the database is down".to_owned())));
    // Also that of an earlier attempt.
    let memory = Memory::default();
    memory.keep(&format!("{USER}:18000000000000001")).await.unwrap();
    assert!(channel.publish(&memory.job(), &pass).await.is_err());
    assert!(server.state().requests.iter().all(|asked| !asked.ends_with("media_publish")));
    assert_eq!(server.state().network.made, 1);
}

#[tokio::test]
async fn pictures_that_are_slow_to_be_made_end_the_attempt_without_effect_and_are_gone_on_with() {
    let (server, channel) = open(Api::new(), &[]).await;
    server.state().others = vec![Fate::Slow(Duration::from_millis(500)); 9].into();
    let memory = Memory::default();
    let send = async || {
        let pass = Pass::open_for_tests().kept_by(Arc::new(memory.clone()));
        channel.publish(&with(&memory.job(), 9), &pass).await
    };
    let sent = send().await;
    assert_eq!(sent, Err(not_told("Instagram is still preparing the post".to_owned())));
    assert!(memory.handle().unwrap().starts_with(&format!("+{USER}:18000000000000001")));
    assert_eq!(channel.read_back(&with(&memory.job(), 9)).await, Sighting::Absent);
    let (made, kept) = (counts(&server).0, memory.handle().unwrap().split(',').count());
    assert!(kept < 9 && made <= kept + 1, "{kept} of {made}");
    server.state().others.clear();
    send().await.unwrap();
    assert_eq!(counts(&server), (made + 9 - kept + 1, 1), "what is written down is not made again");
    assert_eq!(server.state().network.pictures[0].len(), 9);
}
