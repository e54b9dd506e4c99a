//! Threads of Bluesky against a scripted server. The real one is in `tests/threads_of_parts.rs`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::gate::{self, Gate};
use crate::suite::{Cut, Step, answer};
use crate::{Closed, suite};

fn thread() -> Job {
    let mut job = suite::job();
    job.rendition.more = vec!["It began at nine.".to_owned(), "The next word comes at ten.".to_owned()];
    job
}

/// The answer to a part that was put.
fn made(n: usize) -> Step {
    answer(200, "", &json!({ "uri": uri(n), "cid": format!("c{n}") }).to_string())
}

fn uri(n: usize) -> String {
    format!("at://did:plc:bank/{POSTS}/{}", record_key(&thread(), n))
}

/// The answer to a look for a part.
fn there(n: usize) -> Step {
    let text = thread().rendition.texts().nth(n).unwrap().to_owned();
    answer(200, "", &json!({ "uri": uri(n), "cid": format!("c{n}"), "value": { "text": text } }).to_string())
}

fn sent(fake: &Fake, request: usize) -> Value {
    serde_json::from_str(&fake.content(request)).unwrap()
}

#[tokio::test]
async fn each_part_answers_the_one_before() {
    let (fake, channel) = open(vec![login(LATER), made(0), made(1), made(2)]).await;
    let receipt = channel.publish(&thread(), &Pass::open_for_tests()).await.unwrap();
    assert_eq!(receipt.remote_id, uri(0), "the first part stands for the thread");
    let records: Vec<Value> = (1..4).map(|n| sent(&fake, n)["record"].clone()).collect();
    let texts: Vec<&str> = records.iter().map(|r| r["text"].as_str().unwrap()).collect();
    assert_eq!(texts, thread().rendition.texts().collect::<Vec<_>>());
    assert!(records[0]["reply"].is_null());
    let name = |n: usize| json!({ "uri": uri(n), "cid": format!("c{n}") });
    assert_eq!(records[1]["reply"], json!({ "root": name(0), "parent": name(0) }));
    assert_eq!(records[2]["reply"], json!({ "root": name(0), "parent": name(1) }));
    let keys: std::collections::HashSet<String> =
        (1..4).map(|n| sent(&fake, n)["rkey"].to_string()).collect();
    assert_eq!(keys.len(), 3);
}

#[tokio::test]
async fn a_second_try_finishes_the_thread_and_doubles_nothing() {
    let lost = vec![login(LATER), made(0), Step::Cut(Cut::BeforeStatus)];
    let (_, channel) = open(lost).await;
    let failure = channel.publish(&thread(), &Pass::open_for_tests()).await.unwrap_err();
    assert!(
        matches!(&failure, Failure::InDoubt { reason } if reason.starts_with("parts out: 1 of 3; ")),
        "{failure:?}"
    );
    let swapped = || wrong("InvalidSwap");
    let (fake, channel) = open(vec![login(LATER), swapped(), there(0), swapped(), there(1), made(2)]).await;
    assert_eq!(channel.publish(&thread(), &Pass::open_for_tests()).await.unwrap().remote_id, uri(0));
    assert_eq!(sent(&fake, 5)["record"]["reply"]["parent"]["uri"], uri(1));
}

#[tokio::test]
async fn parts_that_are_out_are_never_forgotten_by_a_later_try() {
    let out = Job { handle: Some([uri(0), uri(1)].join(" ")), ..thread() };
    for steps in [
        vec![answer(401, "", "{}")],
        vec![login(LATER), answer(429, "Retry-After: 7\r\n", "{}")],
        vec![login(LATER), answer(400, "", "{}")],
    ] {
        let (_, channel) = open(steps.clone()).await;
        let failure = channel.publish(&out, &Pass::open_for_tests()).await.unwrap_err();
        let said =
            matches!(&failure, Failure::InDoubt { reason } if reason.starts_with("parts out: 2 of 3; "));
        assert!(said, "{steps:?}: {failure:?}");
    }
}

#[tokio::test]
async fn no_refusal_after_the_first_part_is_one_without_effect() {
    for (status, headers) in [(400, ""), (413, ""), (429, "Retry-After: 7\r\n"), (500, "")] {
        let (_, channel) = open(vec![login(LATER), made(0), answer(status, headers, "{}")]).await;
        let failure = channel.publish(&thread(), &Pass::open_for_tests()).await.unwrap_err();
        assert!(matches!(failure, Failure::InDoubt { .. }), "{status}: {failure:?}");
    }
}

#[tokio::test]
async fn a_freeze_stops_a_thread_between_its_parts() {
    let (fake, channel) = open(vec![login(LATER), made(0), made(1)]).await;
    let gate = Gate::closed(std::time::Duration::from_secs(60));
    let looks = AtomicUsize::new(0);
    let judge = move |_: &&str| (looks.fetch_add(1, Ordering::SeqCst) > 0).then(|| "freeze-1".to_owned());
    gate.open(1, Arc::new(judge), gate::now());
    let pass = gate.admit("attempt-1", "routine", Box::new(|| true), gate::now());
    let pass = pass.kept_by(Arc::new(crate::keeper::Nowhere));
    let failure = channel.publish(&thread(), &pass).await.unwrap_err();
    assert_eq!(failure, Failure::Closed { why: Closed::Frozen("freeze-1".to_owned()), partly: true });
    assert_eq!(sent(&fake, 1)["rkey"], record_key(&thread(), 0).as_str(), "the first part left whole");
    assert_eq!(fake.content(2), "", "no byte of the second part left");
}

#[tokio::test]
async fn reading_back_tells_a_part_from_the_whole() {
    let gone = || wrong("RecordNotFound");
    let (_, channel) = open(vec![there(0), there(1), there(2)]).await;
    assert!(matches!(channel.read_back(&thread()).await, Sighting::Found(r) if r.remote_id == uri(0)));
    let (_, channel) = open(vec![gone(), gone(), gone()]).await;
    assert_eq!(channel.read_back(&thread()).await, Sighting::Absent);
    for some in [vec![there(0), gone(), gone()], vec![gone(), there(1), there(2)]] {
        let (_, channel) = open(some).await;
        let seen = channel.read_back(&thread()).await;
        assert!(matches!(&seen, Sighting::Unknown(why) if why.starts_with("parts out: ")), "{seen:?}");
    }
}

#[tokio::test]
async fn all_parts_are_taken_down_the_last_one_first() {
    let done = || answer(200, "", "{}");
    let (fake, channel) = open(vec![login(LATER), done(), done(), done()]).await;
    // It is written down first that a person wants that.
    let all = [uri(0), uri(1), uri(2)].join(" ");
    let wanted = Job { handle: Some(crate::parts::withdrawn(&all)), ..thread() };
    assert_eq!(channel.retract(&wanted, Some(&uri(0))).await, Retraction::Gone);
    let keys: Vec<Value> = (1..4).map(|n| sent(&fake, n)["rkey"].clone()).collect();
    assert_eq!(keys, [2, 1, 0].map(|n| Value::from(record_key(&thread(), n))));
    let (_, channel) = open(vec![login(LATER), done(), answer(502, "", "")]).await;
    assert!(matches!(channel.retract(&thread(), Some(&uri(0))).await, Retraction::StillLive(_)));
}
