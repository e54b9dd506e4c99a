//! Two processes that take themselves for the same node, and nodes that go without a word: what they
//! have under way is nobody else's before it is over.

use std::time::{Duration, Instant};

use holdline::app::freezes::{self, NewFreeze};
use holdline::app::permits::{self, Rooms};
use holdline::app::secrets::Keys;
use holdline::app::{App, nodes, posts};
use holdline::domain::delivery::State;
use serde_json::json;
use tempfile::TempDir;

use crate::on_both;
use crate::support::{Bench, Database, start, try_start};

/// One post with a permit, before any sender runs.
async fn permitted(bench: &Bench) -> String {
    let elsewhere = App::new(
        bench.look().await,
        bench.app.clock().clone(),
        Keys::random(),
        "elsewhere",
        "http://localhost:8740",
    );
    let post = json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "under way"}});
    let post = bench.approved(post).await.id;
    let mut rooms = Rooms::default();
    rooms.set(&bench.channels[0], 1);
    assert_eq!(permits::claim(&elsewhere, 10, 10, &mut rooms).await.unwrap().permits.len(), 1);
    post
}

/// The permit is this node's from now on.
async fn hand_to(bench: &Bench, node: &str) {
    let process = format!("(select incarnation from nodes where id = '{node}')");
    let attempts = format!("update attempts set node_id = '{node}', incarnation = {process}");
    let deliveries = format!("update deliveries set claimed_by = '{node}' where state = 'sending'");
    bench.meddle(&[&attempts, &deliveries]).await;
}

async fn state(bench: &Bench, post: &str) -> State {
    posts::get(&bench.app, &bench.operator, post).await.unwrap().deliveries[0].state
}

/// A copy of the node's data folder.
fn cloned(bench: &Bench) -> TempDir {
    let copy = TempDir::new().unwrap();
    std::fs::copy(bench.folder().join("node.json"), copy.path().join("node.json")).unwrap();
    copy
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clone_of_a_running_node_is_refused_and_takes_nothing_over() {
    let bench = Bench::new(Database::Postgres).await;
    let post = permitted(&bench).await;
    let worker = bench.start().await;
    let folder = cloned(&bench);
    hand_to(&bench, bench.app.node()).await;
    let clone = bench.again().await;
    let Err(refused) = try_start(&clone, "b", folder.path()).await else { panic!("two of the same node") };
    let why = refused.to_string();
    assert!(why.contains("another process runs as this node") && why.contains("node.json"), "{why}");
    assert_eq!(state(&bench, &post).await, State::Sending, "what the other one has under way stays its own");
    assert!(nodes::ready(&clone).await.unwrap().unwrap_err().contains("another process"));
    assert!(nodes::ready(&bench.app).await.unwrap().is_ok());
    let frozen = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
    assert!(frozen.sealed_at.is_some());
    worker.stop().await.unwrap();
}

on_both! {
    async fn a_node_that_was_killed_starts_again_when_its_gate_must_have_closed(bench) {
        let post = permitted(&bench).await;
        let worker = bench.start().await;
        worker.vanish();
        hand_to(&bench, bench.app.node()).await;
        let app = bench.again().await;
        let began = Instant::now();
        let worker = start(&app, "a", bench.folder()).await;
        let waited = began.elapsed() >= nodes::LEASE;
        assert_eq!(waited, bench.url().is_some(), "only where another process can be");
        assert!(nodes::ready(&app).await.unwrap().is_ok());
        // The permit never began: it goes out, once.
        bench.until(&post, &["accepted"]).await;
        assert_eq!(bench.sandbox.arrived(), 1);
        worker.stop().await.unwrap();
    }

    async fn a_node_whose_place_was_taken_closes_its_gate_and_leaves_the_other_alone(bench) {
        let post = permitted(&bench).await;
        let worker = bench.start().await;
        hand_to(&bench, bench.app.node()).await;
        bench.meddle(&["update nodes set incarnation = 'another'"]).await;
        let frozen = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
        assert_eq!(frozen.sealed_at, None, "it cannot acknowledge for the other one");
        let why = worker.gate().status().1.unwrap();
        assert!(why.contains("another process has taken over"), "{why}");
        assert!(nodes::ready(&bench.app).await.unwrap().is_err());
        worker.stop().await.unwrap();
        let delivery = posts::get(&bench.app, &bench.operator, &post).await.unwrap().deliveries[0].id.clone();
        permits::abandon(&bench.app, &[delivery]).await.unwrap();
        assert_eq!(state(&bench, &post).await, State::Sending, "it is the other one's, and may be under way");
        assert_eq!(bench.look().await.nodes().await.unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_forgotten_node_has_under_way_is_in_doubt_only_when_that_is_over() {
    let bench = Bench::new(Database::Postgres).await;
    let post = permitted(&bench).await;
    let worker = bench.start().await;
    let gone = bench.another_node("gone").await;
    let id = gone.app.node().to_owned();
    hand_to(&bench, &id).await;
    gone.worker.vanish();
    let frozen = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
    assert_eq!(frozen.sealed_at, None);
    bench.app.clock().advance(11_000);
    nodes::forget(&bench.app, &bench.administrator, &id).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let frozen = freezes::get(&bench.app, &frozen.id).await.unwrap();
    assert!(frozen.sealed_at.is_some() && frozen.missing.is_empty(), "{frozen:?}");
    let listed: Vec<_> = frozen.in_flight.iter().map(|f| (f.post.as_str(), f.state)).collect();
    assert_eq!(listed, [(post.as_str(), State::Sending)], "it may be under way still");
    let status = nodes::status(&bench.app, &bench.operator).await.unwrap();
    assert!(status.nodes.iter().all(|n| n.id != id));
    assert!(nodes::forget(&bench.app, &bench.administrator, &id).await.is_err(), "it is off the list");
    let later = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
    assert!(later.sealed_at.is_some() && later.in_flight.len() == 1, "{later:?}");
    nodes::take_over_silent(&bench.app).await.unwrap();
    assert_eq!(state(&bench, &post).await, State::Sending);
    bench.app.clock().advance(170_000);
    nodes::take_over_silent(&bench.app).await.unwrap();
    assert_eq!(state(&bench, &post).await, State::InDoubt);
    for id in [&frozen.id, &later.id] {
        let frozen = freezes::get(&bench.app, id).await.unwrap();
        assert_eq!(frozen.in_flight.len(), 1, "the list is final");
    }
    assert_eq!(bench.look().await.nodes().await.unwrap().len(), 1, "and its row is gone");
    worker.stop().await.unwrap();
}
