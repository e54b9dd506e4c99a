//! `kill -9` while a freeze is under way: at the steps of a node that takes it, and at those of a send.

use std::time::Duration;

use holdline::app::freezes;
use serde_json::json;

use super::fleet::Fleet;
use super::{Fault, Tally, come_to_rest, judge};
use crate::support::{evidence, fresh_postgres};

/// Where a node dies that takes a freeze: it has written the epoch down and not said so; it has said so.
const TAKING: [&str; 2] = ["remembered", "acknowledged"];
/// Where it dies that sends.
const SENDING: [&str; 6] = ["claimed", "permitted", "begun", "answered", "settling", "settled"];

/// Waits until something of this round has arrived, or the node is gone.
async fn until_sending(fleet: &mut Fleet, count: usize) {
    while fleet.sandbox.arrived() < count && !fleet.nodes[0].has_ended() {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn die(fleet: &mut Fleet, number: usize, point: &str, tally: &mut Tally) {
    // A node that starts takes the epoch once; one that sends has done so a few times by the freeze.
    let (taking, alone) = (TAKING.contains(&point), fleet.nodes.len() == 1);
    let before = fleet.sandbox.arrived();
    fleet.sandbox.clear_faults();
    for channel in ["alpha", "beta"] {
        fleet.sandbox.fault(channel, holdline::sandbox::Fault::SlowRead { ms: 40 }, 60);
    }
    fleet.nodes[0].restart_to_die(point, if taking { 2 } else { 4 + number % 5 }).await;
    fleet.until_served(0).await;
    fleet.load(60, 1_500).await;
    until_sending(fleet, before + 3).await;
    let last = fleet.nodes.len() - 1;
    if alone && !taking {
        // It may be gone before anybody can ask it.
        fleet.nodes[0].restart_if_ended();
        fleet.nodes[0].until_up().await;
    }
    let (mut answer, _) = fleet.freeze(last).await;
    if taking {
        fleet.nodes[0].until_killed().await;
        // Whoever had no answer finds the freeze in force.
        assert!(fleet.in_force().await == 1, "{point}: {answer:?}\n{}", fleet.story().await);
        assert!(!alone || point != "remembered" || answer.is_none(), "{point}: sealed before it was said");
    }
    let alive = freezes::list(&fleet.app, fleet.victim.approver(), true).await.unwrap();
    if answer.is_none() {
        answer = alive.into_iter().next();
    }
    fleet.nodes[0].restart_if_ended();
    fleet.nodes[0].until_up().await;
    if answer.is_none() {
        answer = fleet.freeze(last).await.0;
    }
    let Some(answer) = answer else { panic!("{point}: no answer\n{}", fleet.story().await) };
    judge(fleet, &answer.id, (number, Fault::Killed, before), tally).await;
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
