//! Real processes under real faults: three nodes on PostgreSQL, one on SQLite, in rounds. In each round something
//! goes wrong while posts go out, and somebody freezes. Nothing that is not on the freeze's list arrives after
//! SEALED; in the end each delivery is out once.
//!
//! `HOLDLINE_FAULT_ROUNDS` says how many rounds; without it each in the list comes once. 1,000 with `tests/run --soak`.

mod disasters;
mod fleet;
mod link;
mod sealing;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use fleet::Fleet;
use holdline::app::freezes::{self, FreezeView};
use holdline::app::sending;
use holdline::sandbox;
use link::Cut;
use sealing::{in_ms, spread};
use serde_json::json;

use crate::support::{evidence, fresh_postgres, rounds};

/// What goes wrong in a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// Nothing: what the others are compared with.
    None,
    Channel(Cut),
    /// A node stands still, and goes on after so many seconds.
    Stands(u64),
    /// A node is killed, and started again.
    Killed,
    /// A node's clock is off by so many seconds.
    Clock(i64),
    /// A node's way to the database stands still, for so many seconds.
    Partition(u64),
    /// The connections of every node to the database are cut.
    Cut,
}

const FAULTS: [Fault; 15] = [
    Fault::None,
    Fault::Channel(Cut::BeforeConnect),
    Fault::Channel(Cut::MidRequest),
    Fault::Channel(Cut::BeforeStatus),
    Fault::Channel(Cut::MidHeaders),
    Fault::Channel(Cut::MidBody),
    Fault::Stands(1),
    Fault::Killed,
    Fault::Clock(120),
    Fault::Clock(-120),
    Fault::Partition(3),
    Fault::Cut,
    Fault::Stands(9),
    Fault::Partition(12),
    Fault::Killed,
];

impl Fault {
    /// Whether it keeps a node from closing its gate by a freeze.
    fn keeps_from_sealing(self) -> bool {
        matches!(self, Self::Stands(_) | Self::Killed | Self::Partition(_))
    }

    /// Whether it is about the way to PostgreSQL.
    fn needs_postgres(self) -> bool {
        matches!(self, Self::Partition(_) | Self::Cut)
    }
}

/// What the rounds came to.
#[derive(Default)]
struct Tally {
    rounds: BTreeMap<Fault, usize>,
    /// From the call to the answer, by whether it was sealed.
    sealed: Vec<Duration>,
    not_sealed: Vec<Duration>,
    /// From COMMITTED to SEALED, as the nodes noted it, where no fault kept a node.
    marks: Vec<i64>,
    listed: usize,
    held: i64,
    /// What arrived after SEALED, and was on the list.
    late: usize,
    /// What arrived after it, and was on no list.
    unlisted: usize,
    cuts: usize,
    restarts: usize,
}

/// The moment that a freeze tells.
fn millis(text: &str) -> i64 {
    chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis()
}

/// Waits until the freeze is sealed; what it lists then.
async fn until_sealed(fleet: &mut Fleet, id: &str, tally: &mut Tally) -> (FreezeView, Instant) {
    let until = Instant::now() + Duration::from_secs(90);
    loop {
        let freeze = freezes::get(&fleet.app, id).await.unwrap();
        if freeze.sealed_at.is_some() {
            return (freeze, Instant::now());
        }
        for node in &mut fleet.nodes {
            tally.restarts += usize::from(node.restart_if_ended());
        }
        assert!(Instant::now() < until, "never sealed: {:?}\n{}", freeze.missing, fleet.story().await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until something of this round has arrived.
async fn until_arrived(fleet: &Fleet, count: usize) {
    let until = Instant::now() + Duration::from_secs(90);
    while fleet.sandbox.arrived() < count {
        assert!(Instant::now() < until, "nothing goes out\n{}", fleet.story().await);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn strike(fleet: &mut Fleet, fault: Fault, node: usize) {
    match fault {
        Fault::None => {}
        Fault::Channel(at) => fleet.channel.cut(at, 3),
        Fault::Stands(_) => fleet.nodes[node].signal("STOP").await,
        Fault::Killed => fleet.nodes[node].kill().await,
        Fault::Clock(seconds) => fleet.nodes[node].step_clock(seconds),
        Fault::Partition(_) => fleet.nodes[node].database.as_ref().unwrap().stand_still(true),
        Fault::Cut => fleet.nodes.iter().filter_map(|n| n.database.as_ref()).for_each(link::Link::cut_all),
    }
}

/// Lets it last, and takes it away.
async fn heal(fleet: &mut Fleet, fault: Fault, node: usize, tally: &mut Tally) {
    match fault {
        Fault::None | Fault::Cut => {}
        Fault::Channel(_) => tally.cuts += fleet.channel.heal().len(),
        Fault::Stands(seconds) => {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            fleet.nodes[node].signal("CONT").await;
        }
        Fault::Killed => {
            fleet.nodes[node].restart_if_ended();
            fleet.nodes[node].until_up().await;
        }
        Fault::Clock(_) => fleet.nodes[node].step_clock(0),
        Fault::Partition(seconds) => {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            fleet.nodes[node].database.as_ref().unwrap().stand_still(false);
        }
    }
}

/// Waits for the seal, and compares what arrived after it with the list; `before` had arrived before the round.
async fn judge(
    fleet: &mut Fleet,
    id: &str,
    (number, fault, before): (usize, Fault, usize),
    tally: &mut Tally,
) {
    let (freeze, sealed) = until_sealed(fleet, id, tally).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let FreezeView { in_flight: flights, held, .. } = freezes::get(&fleet.app, id).await.unwrap();
    let listed: HashSet<_> = flights.iter().map(|f| f.delivery.as_str()).collect();
    let mark = millis(freeze.sealed_at.as_ref().unwrap());
    // A mark of a wrong clock says nothing: then the moment counts at which it was seen.
    let is_late = |a: &&sandbox::Arrival| match fault {
        Fault::Clock(_) => a.first_byte > sealed,
        _ => a.at > mark,
    };
    for late in fleet.sandbox.arrivals_after(before).iter().filter(is_late) {
        if listed.contains(late.posted.delivery.as_str()) {
            tally.late += 1;
            continue;
        }
        tally.unlisted += 1;
        let story = fleet.story().await;
        eprintln!("round {number}, {fault:?}: {late:?} came after SEALED and is on no list\n{story}");
    }
    if fault == Fault::None {
        tally.marks.push(mark - millis(&freeze.committed_at));
    }
    tally.listed += flights.len();
    tally.held += held;
}

async fn round(fleet: &mut Fleet, number: usize, fault: Fault, tally: &mut Tally) {
    let before = fleet.sandbox.arrived();
    // Slow enough that a freeze meets a queue.
    for channel in ["alpha", "beta"] {
        fleet.sandbox.fault(channel, sandbox::Fault::Late { ms: 60 }, 60);
    }
    fleet.load(60, 0).await;
    until_arrived(fleet, before + 3 + number * 7 % 20).await;
    // Another node each time; the freeze is asked of the one after it, if there is one.
    let count = fleet.nodes.len();
    let (struck, asked) = (number % count, (number + 1) % count);
    let alone = count == 1 && fault.keeps_from_sealing();
    if !alone {
        strike(fleet, fault, struck).await;
    }
    tokio::time::sleep(Duration::from_millis((number * 37 % 200) as u64)).await;
    if alone {
        // Nobody could be asked: the node is struck as the freeze comes.
        let call = tokio::spawn(fleet.freeze(asked));
        tokio::time::sleep(Duration::from_millis((number * 13 % 60) as u64)).await;
        strike(fleet, fault, struck).await;
        heal(fleet, fault, struck, tally).await;
        // It may have its answer, or have lost it; somebody who does not know asks again.
        call.await.unwrap();
    }
    let (mut answer, mut took) = fleet.freeze(asked).await;
    if answer.is_none() && fault == Fault::Cut {
        // Its own change was cut: nothing is frozen, the person is told so, and asks again.
        (answer, took) = fleet.freeze(asked).await;
    }
    let Some(answer) = answer else {
        panic!("round {number}, {fault:?}: no answer\n{}", fleet.story().await)
    };
    if fault.keeps_from_sealing() && !alone {
        let name = fleet.nodes[struck].name;
        assert_eq!(answer.sealed_at, None, "round {number}, {fault:?}: sealed without {name}");
        let names_it = answer.missing.iter().any(|m| m.starts_with(&format!("node {name} (")));
        assert!(names_it, "round {number}, {fault:?}: {:?}", answer.missing);
        tally.not_sealed.push(took);
    } else if answer.sealed_at.is_some() {
        tally.sealed.push(took);
    }
    if !alone {
        heal(fleet, fault, struck, tally).await;
    }
    judge(fleet, &answer.id, (number, fault, before), tally).await;
    *tally.rounds.entry(fault).or_default() += 1;
    fleet.thaw().await;
}

/// How many deliveries came; none came twice.
fn came_once(fleet: &Fleet) -> usize {
    let mut seen = HashMap::<String, usize>::new();
    for arrival in fleet.sandbox.arrivals().into_iter().filter(|a| a.kept) {
        *seen.entry(arrival.posted.delivery).or_default() += 1;
    }
    let twice: Vec<_> = seen.iter().filter(|(_, n)| **n > 1).collect();
    assert!(twice.is_empty(), "came twice: {twice:?}");
    seen.len()
}

/// Every delivery is accepted, and each came once.
async fn come_to_rest(fleet: &mut Fleet) {
    let until = Instant::now() + Duration::from_secs(300);
    loop {
        for node in &mut fleet.nodes {
            node.restart_if_ended();
        }
        fleet.thaw().await;
        let counts = sending::counts(&fleet.app).await.unwrap();
        let accepted = counts.iter().find(|(s, _)| s == "accepted").map_or(0, |(_, n)| *n);
        if usize::try_from(accepted).unwrap() == fleet.deliveries {
            break;
        }
        assert!(
            Instant::now() < until,
            "still open: {counts:?} of {}\n{}",
            fleet.deliveries,
            fleet.story().await
        );
        tokio::time::sleep(Duration::from_millis(500)).await;
        fleet.victim.age_doubts().await;
    }
    assert_eq!(came_once(fleet), fleet.deliveries, "lost");
    assert_eq!(fleet.victim.unsettled().await, 0, "attempts without an outcome");
}

/// What the rounds show, as `tests/EVIDENCE.md` says it.
const CHECKS: [&str; 3] = [
    "I1 nothing arrives after SEALED that is not on the list",
    "I1 a freeze that a node cannot take is not sealed, and names the node",
    "I2 each delivery arrives once",
];

async fn play(mut fleet: Fleet, of: &str) {
    let file = format!("faults-{of}");
    evidence::forget(&file);
    let faults: Vec<_> =
        FAULTS.into_iter().filter(|f| fleet.nodes[0].database.is_some() || !f.needs_postgres()).collect();
    let count = rounds("HOLDLINE_FAULT_ROUNDS", faults.len());
    let mut tally = Tally::default();
    for number in 0..count {
        let fault = faults[number % faults.len()];
        let begun = Instant::now();
        round(&mut fleet, number, fault, &mut tally).await;
        eprintln!("{of}: round {number}, {fault:?}: {:?}", begun.elapsed());
    }
    come_to_rest(&mut fleet).await;
    let well = sealing::well(&mut fleet).await;
    let several = fleet.nodes.len() > 1;
    let one_stands_still = if several { sealing::one_stands_still(&mut fleet).await } else { json!(null) };
    let arrived = came_once(&fleet);
    let named: BTreeMap<_, _> = tally.rounds.iter().map(|(fault, n)| (format!("{fault:?}"), n)).collect();
    let figures = json!({
        "checks": CHECKS, "nodes": fleet.nodes.len(), "rounds": count, "by_fault": named,
        "deliveries": fleet.deliveries, "arrived_once": arrived, "well": well, "one_stands_still": one_stands_still,
        "sealed_answers_ms": spread(&in_ms(&tally.sealed)), "not_sealed_answers_ms": spread(&in_ms(&tally.not_sealed)),
        "committed_to_sealed_ms": spread(&tally.marks), "listed": tally.listed, "held": tally.held,
        "after_sealed_and_listed": tally.late, "after_sealed_and_not_listed": tally.unlisted, "cuts": tally.cuts,
        "restarts": tally.restarts,
    });
    eprintln!("{of}: {figures:#}");
    evidence::write(&file, &figures);
    assert_eq!(tally.unlisted, 0, "came after SEALED and on no list");
    assert_eq!(figures["well"]["committed_to_sealed_ms"]["count"], sealing::WELL);
    if several {
        let still = &figures["one_stands_still"];
        assert!(still["sealed"] == 0 && still["named"] == sealing::STANDING, "{still}");
    }
    assert!(tally.held > 0, "no freeze met a queue: the load was too small");
    assert!(tally.cuts > 0, "no connection was cut");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_on_postgres_keep_their_promises_under_faults() {
    play(Fleet::new(Some(fresh_postgres().await), &["a", "b", "c"]).await, "postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_on_sqlite_keeps_its_promises_under_faults() {
    play(Fleet::new(None, &["a"]).await, "sqlite").await;
}
