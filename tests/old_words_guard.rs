//! Several nodes on one PostgreSQL: an approval of other words and the permits for the old ones.

use std::time::Duration;

use holdline::app::bulk::{self, BulkApproval};
use holdline::app::permits::{self, Rooms};
use holdline::app::posts;
use holdline::domain::delivery::State;
use holdline::domain::post::PostState;
use holdline::sandbox::Fault;
use holdline::store::{Store, Unaudited};
use serde_json::json;

use crate::old_words::{change, on, post, until};
use crate::support::{Bench, Database, patient};

/// Long enough that what does not wait would be over.
const WHILE: Duration = Duration::from_millis(700);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_node_takes_back_the_permit_for_old_words_that_has_not_begun() {
    let bench = Bench::new(Database::Postgres).await;
    let node = bench.another_node("b").await;
    bench.sandbox.fault("beta", Fault::Late { ms: 8_000 }, 16);
    for n in 0..16 {
        bench.approved(post(&n.to_string(), &["beta"])).await;
    }
    while bench.sandbox.arrived() < 16 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let first = bench.approved(post("one", &["alpha", "beta"])).await;
    until(&bench, &first.id, "alpha", State::Accepted).await;
    until(&bench, &first.id, "beta", State::Sending).await;
    // It is approved on a node that sends nothing itself.
    let two = bench.approved(change(&first.id, "two")).await;
    let (why, _) = until(&bench, &first.id, "beta", State::Held).await;
    assert!(why.contains(&two.id), "{why}");
    until(&bench, &two.id, "alpha", State::Accepted).await;
    until(&bench, &two.id, "beta", State::Cancelled).await;
    assert!(!on(&bench, "beta").contains(&"one".to_owned()));
    node.worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approval_of_other_words_and_a_permit_never_overlap() {
    let bench = Bench::new(Database::Postgres).await;
    let first = bench.approved(post("one", &["alpha", "beta"])).await;
    let (_, alpha) = until(&bench, &first.id, "alpha", State::Scheduled).await;
    bench
        .sql(&format!("update deliveries set state = 'accepted', remote_id = '1' where id = '{alpha}'"))
        .await;
    let two = bench.submit(change(&first.id, "two")).await;
    let store = Store::postgres_with(bench.url().unwrap(), patient(4)).await.unwrap();
    // A permit is half-way on another node: the approval waits for it.
    let permit = store.begin_guarded().await.unwrap();
    let approval = bench.approve(&two.id);
    tokio::pin!(approval);
    assert!(tokio::time::timeout(WHILE, &mut approval).await.is_err(), "it did not wait");
    let meanwhile = posts::get(&bench.app, &bench.operator, &two.id).await.unwrap();
    assert_eq!(meanwhile.state, PostState::Submitted);
    permit.commit_unaudited(Unaudited::Lease).await.unwrap();
    approval.await;
    // And the other way round; who comes after it sees that the old words are changed.
    let change = store.begin_exclusive().await.unwrap();
    let mut rooms = Rooms::default();
    bench.channels.iter().for_each(|c| rooms.set(c, 1));
    let claim = permits::claim(&bench.app, 10, 10, &mut rooms);
    tokio::pin!(claim);
    assert!(tokio::time::timeout(WHILE, &mut claim).await.is_err(), "it did not wait");
    change.commit_unaudited(Unaudited::Lease).await.unwrap();
    let batch = claim.await.unwrap();
    assert_eq!(
        batch.permits.iter().map(|p| p.post.as_str()).collect::<Vec<_>>(),
        [two.id.as_str()],
        "{batch:?}"
    );
    let (why, _) = until(&bench, &first.id, "beta", State::Held).await;
    assert!(why.contains(&two.id), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bulk_approval_keeps_permits_out_only_while_it_writes_a_change_of_words() {
    let bench = Bench::new(Database::Postgres).await;
    let first = bench.approved(post("one", &["alpha"])).await;
    bench
        .sql(&format!(
            "update deliveries set state = 'accepted', remote_id = '1' where post_id = '{}'",
            first.id
        ))
        .await;
    bench.sql(&format!("update posts set labels = '[\"many\"]' where id = '{}'", first.id)).await;
    let at = |minutes: i64| json!(holdline::clock::rfc3339(bench.app.clock().now() + minutes * 60_000));
    let mut others = Vec::new();
    for n in 0..100 {
        let mut new = post(&n.to_string(), &["alpha"]);
        (new["labels"], new["due"]) = (json!(["many"]), at(60));
        others.push(bench.submit(new).await.id);
    }
    // The last by its time, so that it is in a step of its own.
    let mut new = change(&first.id, "two");
    new["due"] = at(120);
    let two = bench.submit(new).await;
    let hash = bulk::preview(&bench.app, &bench.approver, "many").await.unwrap().hash;
    let all = BulkApproval { label: "many".into(), hash, unready: Vec::new() };
    let store = Store::postgres_with(bench.url().unwrap(), patient(4)).await.unwrap();
    let permit = store.begin_guarded().await.unwrap();
    let approval = bulk::approve(&bench.app, &bench.approver, &all);
    tokio::pin!(approval);
    assert!(
        tokio::time::timeout(Duration::from_secs(5), &mut approval).await.is_err(),
        "the change did not wait"
    );
    let state = async |id: &str| posts::get(&bench.app, &bench.operator, id).await.unwrap().state;
    assert_eq!(state(&others[0]).await, PostState::Approved);
    assert_eq!(state(&two.id).await, PostState::Submitted);
    permit.commit_unaudited(Unaudited::Lease).await.unwrap();
    assert_eq!(approval.await.unwrap().approved, 101);
    assert_eq!(state(&two.id).await, PostState::Approved);
}
