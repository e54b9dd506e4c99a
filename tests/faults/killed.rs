//! `kill -9` while a freeze is under way: at the steps of a node that takes it, and at those of a send.

use std::time::Duration;

use holdline::app::freezes::{self, FreezeView};
use serde_json::json;

use super::fleet::Fleet;
use super::{Fault, Tally, come_to_rest, judge, until_arrived};
use crate::support::{evidence, fresh_postgres};

/// Where a node dies that takes a freeze: it has written the epoch down and not said so; it has said so.
const TAKING: [&str; 2] = ["remembered", "acknowledged"];
/// Where it dies that sends.
const SENDING: [&str; 5] = ["permitted", "begun", "answered", "settling", "settled"];

/// The node dies as it takes the freeze. Whoever asked may have no answer, and finds it in force.
async fn die_taking(fleet: &mut Fleet, point: &str, before: usize) -> FreezeView {
    // A node that starts takes the epoch once.
    fleet.nodes[0].restart_to_die(point, 2).await;
    fleet.nodes[0].until_answers().await;
    fleet.until_served(0).await;
    fleet.load(60, 1_500).await;
    until_arrived(fleet, before + 3).await;
    let last = fleet.nodes.len() - 1;
    let (answer, _) = fleet.freeze(last).await;
    fleet.nodes[0].until_killed().await;
    assert!(fleet.in_force().await == 1, "{point}: {answer:?}\n{}", fleet.story().await);
    if point == "remembered" {
        let told = answer.as_ref().is_none_or(|freeze| freeze.sealed_at.is_none());
        assert!(told, "{point}: sealed before the node has said it");
    }
    answer.unwrap_or(freezes::list(&fleet.app, fleet.victim.approver(), true).await.unwrap().remove(0))
}

/// The node dies as it sends, and somebody freezes what it has left behind.
async fn die_sending(fleet: &mut Fleet, point: &str) -> FreezeView {
    fleet.load(60, if fleet.nodes.len() == 1 { 3_000 } else { 11_000 }).await;
    fleet.nodes[0].restart_to_die(point, 1).await;
    let last = fleet.nodes.len() - 1;
    if last > 0 {
        // The other one leaves it to this one to send.
        tokio::time::sleep(Duration::from_secs(9)).await;
        fleet.nodes[last].signal("STOP").await;
    }
    fleet.nodes[0].until_killed().await;
    if last > 0 {
        fleet.nodes[last].signal("CONT").await;
    } else {
        fleet.nodes[0].restart_if_ended();
        fleet.nodes[0].until_up().await;
    }
    let (answer, _) = fleet.freeze(last).await;
    let Some(answer) = answer else { panic!("{point}: no answer\n{}", fleet.story().await) };
    answer
}

async fn die(fleet: &mut Fleet, number: usize, point: &str, tally: &mut Tally) {
    let before = fleet.sandbox.arrived();
    fleet.sandbox.clear_faults();
    for channel in ["alpha", "beta"] {
        fleet.sandbox.fault(channel, holdline::sandbox::Fault::SlowRead { ms: 40 }, 60);
    }
    let freeze = match TAKING.contains(&point) {
        true => die_taking(fleet, point, before).await,
        false => die_sending(fleet, point).await,
    };
    fleet.nodes[0].restart_if_ended();
    fleet.nodes[0].until_up().await;
    judge(fleet, &freeze.id, (number, Fault::Killed, before), tally).await;
    fleet.thaw().await;
}

async fn each_point(mut fleet: Fleet, of: &str) {
    let file = format!("disasters-killed-{of}");
    evidence::forget(&file);
    let mut tally = Tally::default();
    // A node that starts takes an epoch only if there is one.
    fleet.freeze(0).await.0.unwrap();
    fleet.thaw().await;
    for (number, point) in TAKING.into_iter().chain(SENDING).enumerate() {
        die(&mut fleet, number, point, &mut tally).await;
    }
    come_to_rest(&mut fleet).await;
    assert_eq!(tally.unlisted, 0, "came after SEALED and on no list");
    let rounds = TAKING.len() + SENDING.len();
    let checks = ["I1 nothing arrives after SEALED that is not on the list", "I2 each delivery arrives once"];
    let what = format!(
        "`kill -9` in a freeze: {}",
        TAKING.into_iter().chain(SENDING).collect::<Vec<_>>().join(", ")
    );
    let figures = json!({"checks": checks, "what": what, "rounds": rounds, "freezes": rounds,
        "deliveries": fleet.deliveries, "after_sealed_and_not_listed": tally.unlisted});
    eprintln!("{of}: {figures:#}");
    evidence::write(&file, &figures);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_on_postgres_that_die_at_each_step_of_a_freeze_keep_their_promises() {
    each_point(Fleet::new(Some(fresh_postgres().await), &["a", "b"]).await, "postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_on_sqlite_that_dies_at_each_step_of_a_freeze_keeps_its_promises() {
    each_point(Fleet::new(None, &["a"]).await, "sqlite").await;
}
