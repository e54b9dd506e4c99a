//! Real processes under real faults: three nodes on PostgreSQL, one on SQLite, in rounds. In each round something
//! goes wrong while posts go out, and somebody freezes. Nothing that is not on the freeze's list arrives after
//! SEALED; in the end each delivery is out once.
//!
//! `HOLDLINE_FAULT_ROUNDS` says how many rounds, 1,000 with `tests/run --soak`; without it each fault of the list comes
//! once, and more follow until five minutes are over. The moments come from `HOLDLINE_FAULT_SEED`, or from a seed that
//! is another each time; `HOLDLINE_FAULT_ONLY` keeps those faults whose name begins so. Each round says how it is
//! played again.

mod disasters;
mod fault;
mod fleet;
mod killed;
mod link;
mod network;
mod process;
mod sealing;
mod share;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use fault::{Fault, heal, strike};
use fleet::Fleet;
use holdline::app::freezes::{self, FreezeView};
use holdline::app::sending;
use holdline::sandbox;
use sealing::{in_ms, spread};
use serde_json::json;
use share::{Share, Turn};

use crate::support::{evidence, fresh_postgres};

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
    /// What was held when the freeze was lifted, and did not come out by that.
    stayed: usize,
    /// Rounds in which the freeze met a queue.
    met: usize,
    /// What is on a list and never arrived, although nothing was lost in that round.
    never_came: usize,
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
    // What is on the list may take its time on a busy machine.
    let until = Instant::now() + Duration::from_secs(10);
    let is_there = |fleet: &Fleet| {
        let came = fleet.sandbox.arrivals_after(before);
        let came: HashSet<_> = came.iter().map(|a| a.posted.delivery.as_str()).collect();
        listed.is_subset(&came)
    };
    while fault.loses_nothing() && !is_there(fleet) && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let arrivals = fleet.sandbox.arrivals_after(before);
    let came: HashSet<_> = arrivals.iter().map(|a| a.posted.delivery.as_str()).collect();
    if fault.loses_nothing() {
        for flight in flights.iter().filter(|f| !came.contains(f.delivery.as_str())) {
            tally.never_came += 1;
            eprintln!("round {number}, {fault:?}: {flight:?} is on the list and never arrived");
        }
    }
    let mark = millis(freeze.sealed_at.as_ref().unwrap());
    // A mark of a wrong clock says nothing: then the moment counts at which it was seen.
    let is_late = |a: &&sandbox::Arrival| match fault {
        Fault::Clock(_) => a.first_byte > sealed,
        _ => a.at > mark,
    };
    for late in arrivals.iter().filter(is_late) {
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
    tally.met += usize::from(held > 0);
}

async fn round(fleet: &mut Fleet, turn: &Turn, tally: &mut Tally) {
    let (number, fault) = (turn.number, turn.fault);
    let before = fleet.sandbox.arrived();
    // Slow enough that a freeze meets a queue; what is read late arrives after SEALED.
    let slow = sandbox::Fault::SlowRead { ms: u64::try_from(turn.slow.as_millis()).unwrap() };
    fleet.sandbox.clear_faults();
    fleet.sandbox.fault("alpha", slow, 60);
    fleet.sandbox.fault("beta", sandbox::Fault::Late { ms: 60 }, 60);
    fleet.load(60, 700).await;
    until_arrived(fleet, before + turn.arrived).await;
    // The freeze is asked of the node after the one that is struck, if there is one.
    let count = fleet.nodes.len();
    let (struck, asked) = (turn.struck % count, (turn.struck + 1) % count);
    let alone = count == 1 && fault.keeps_from_sealing();
    if !alone {
        strike(fleet, fault, struck).await;
    }
    tokio::time::sleep(turn.wait).await;
    if alone {
        // Nobody could be asked: the node is struck as the freeze comes.
        let call = tokio::spawn(fleet.freeze(asked));
        tokio::time::sleep(turn.late).await;
        strike(fleet, fault, struck).await;
        heal(fleet, fault, struck, &mut tally.cuts).await;
        // It may have its answer, or have lost it; somebody who does not know asks again.
        call.await.unwrap();
    }
    let (mut answer, mut took) = match fault {
        Fault::LostAnswer => fleet.freeze_by_desk().await,
        _ => fleet.freeze(asked).await,
    };
    if fault == Fault::LostAnswer {
        assert!(answer.is_none(), "the answer arrived");
        assert!(fleet.in_force().await > 0, "the answer was lost, and so is the freeze");
    }
    if answer.is_none() && matches!(fault, Fault::Cut | Fault::LostAnswer) {
        // Either their change was cut, and nothing is frozen, or it is; whoever does not know asks again.
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
        heal(fleet, fault, struck, &mut tally.cuts).await;
    }
    judge(fleet, &answer.id, (number, fault, before), tally).await;
    *tally.rounds.entry(fault).or_default() += 1;
    tally.stayed += fleet.thaw().await;
}

/// How many deliveries came; none came twice, and each has the words that were approved.
fn came_once(fleet: &Fleet) -> usize {
    let mut seen = HashMap::<String, usize>::new();
    let mut words = HashSet::new();
    for arrival in fleet.sandbox.arrivals().into_iter().filter(|a| a.kept) {
        let (timeline, text) = (arrival.timeline, arrival.posted.text);
        assert!(fleet.approved.contains(&text), "{text} was never approved");
        assert!(words.insert((timeline, text)), "the words of one post came as another's");
        *seen.entry(arrival.posted.delivery).or_default() += 1;
    }
    let twice: Vec<_> = seen.iter().filter(|(_, n)| **n > 1).collect();
    assert!(twice.is_empty(), "came twice: {twice:?}");
    seen.len()
}

/// Every delivery is accepted, and each came once. How many doubts people had to decide for that.
async fn come_to_rest(fleet: &mut Fleet) -> usize {
    let mut left = 0;
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
        left += fleet.look_there().await;
    }
    assert_eq!(came_once(fleet), fleet.deliveries, "lost");
    assert_eq!(fleet.victim.unsettled().await, 0, "attempts without an outcome");
    fleet.log_verifies().await;
    left
}

/// What the rounds show, as `tests/EVIDENCE.md` says it.
const CHECKS: [&str; 7] = [
    "I1 nothing arrives after SEALED that is not on the list",
    "I1 what is on the list arrives, where no fault loses it",
    "I1 a freeze that a node cannot take is not sealed, and names the node",
    "I2 each delivery arrives once",
    "I3 what arrives are the words that were approved, each once on each channel",
    "I4 the exported log is verified against its signed checkpoints",
    "I9 what is held when a freeze is lifted does not come out by that",
];

async fn play(mut fleet: Fleet, of: &str) {
    let file = format!("faults-{of}");
    evidence::forget(&file);
    let share = Share::of_variables(fleet.nodes[0].database.is_some());
    eprintln!("{of}: the moments are those of HOLDLINE_FAULT_SEED={}", share.seed);
    let (mut tally, mut count) = (Tally::default(), 0);
    while let Some(turn) = share.turn(count) {
        let begun = Instant::now();
        eprintln!("{of}: round {count}, {:?}; again: {}", turn.fault, turn.again());
        round(&mut fleet, &turn, &mut tally).await;
        eprintln!("{of}: round {count}, {:?}: {:?}", turn.fault, begun.elapsed());
        count += 1;
    }
    let seconds = share.seconds();
    let left_to_people = come_to_rest(&mut fleet).await;
    let well = sealing::well(&mut fleet).await;
    let several = fleet.nodes.len() > 1;
    let one_stands_still = if several { sealing::one_stands_still(&mut fleet).await } else { json!(null) };
    let arrived = came_once(&fleet);
    let named: BTreeMap<_, _> = tally.rounds.iter().map(|(fault, n)| (format!("{fault:?}"), n)).collect();
    let figures = json!({
        "checks": CHECKS, "nodes": fleet.nodes.len(), "rounds": count, "by_fault": named,
        "seconds": seconds, "seed": share.seed,
        "deliveries": fleet.deliveries, "arrived_once": arrived, "well": well, "one_stands_still": one_stands_still,
        "sealed_answers_ms": spread(&in_ms(&tally.sealed)), "not_sealed_answers_ms": spread(&in_ms(&tally.not_sealed)),
        "committed_to_sealed_ms": spread(&tally.marks), "listed": tally.listed, "held": tally.held,
        "stayed_held": tally.stayed, "met_a_queue": tally.met, "listed_and_never_came": tally.never_came,
        "after_sealed_and_listed": tally.late, "after_sealed_and_not_listed": tally.unlisted, "cuts": tally.cuts,
        "left_to_people": left_to_people,
        "restarts": tally.restarts,
    });
    eprintln!("{of}: {figures:#}");
    if !share.is_picked {
        evidence::write(&file, &figures);
    }
    assert_eq!(tally.unlisted, 0, "came after SEALED and on no list");
    assert_eq!(figures["well"]["committed_to_sealed_ms"]["count"], sealing::of_well());
    if several {
        let still = &figures["one_stands_still"];
        assert!(still["sealed"] == 0 && still["named"] == sealing::of_standing(), "{still}");
    }
    assert_eq!(tally.never_came, 0, "is on a list and never came");
    if share.is_picked {
        return;
    }
    assert!(tally.late > 0, "nothing arrived after a seal: the lists were never tried");
    assert!(6 * tally.met > count, "{} of {count} freezes met a queue: the load was too small", tally.met);
    assert!(tally.cuts > 0, "no connection was cut");
    assert!(tally.stayed > 0, "nothing was held when a freeze was lifted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_on_postgres_keep_their_promises_under_faults() {
    play(Fleet::apart(fresh_postgres().await, &["a", "b", "c"]).await, "postgres").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_on_sqlite_keeps_its_promises_under_faults() {
    play(Fleet::new(None, &["a"]).await, "sqlite").await;
}
