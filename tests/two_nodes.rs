//! Two nodes on one PostgreSQL: a freeze under load seals on both, and a silent node is named.
//!
//! `HOLDLINE_FREEZE_ROUNDS` says how many freezes; 20 without it.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use holdline::app::approvals::{self, BulkApproval};
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::import::Importer;
use holdline::app::nodes;
use serde_json::json;

use crate::support::{Bench, Database};

/// Queues posts that are due at once, on every channel, under load.
async fn load(bench: &Bench, round: usize, count: usize) {
    let label = format!("round-{round}");
    let mut importer = Importer::new(&bench.app, &bench.operator, true).await.unwrap();
    for n in 0..count {
        let row =
            json!({"kind": "routine", "labels": [label], "submit": true, "source": {"text": format!("{n}")}});
        importer.feed(format!("{row}\n").as_bytes()).await.unwrap();
    }
    assert_eq!(importer.finish().await.unwrap().created, count);
    let bulk = BulkApproval { label, count };
    assert_eq!(approvals::bulk(&bench.app, &bench.approver, &bulk).await.unwrap().approved, count);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_content_leaves_either_node_after_the_seal() {
    let rounds = std::env::var("HOLDLINE_FREEZE_ROUNDS").ok().and_then(|r| r.parse().ok()).unwrap_or(20);
    let bench = Bench::new(Database::Postgres).await;
    let first = bench.start().await;
    let second = bench.another_node("b").await;
    let look = bench.look().await;
    let (mut times, mut in_flight_seen, mut stopped) = (Vec::new(), 0, 0);
    for round in 0..rounds {
        let before = bench.sandbox.arrivals().len();
        let (feed, freeze) = (load(&bench, round, 40), async {
            // Freeze while posts are going out.
            while bench.sandbox.arrivals().len() < before + 6 + round % 17 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let begun = Instant::now();
            let frozen = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
            (begun.elapsed(), Instant::now(), frozen)
        });
        let ((), (took, sealed, frozen)) = tokio::join!(feed, freeze);
        let flights: Vec<_> =
            [first.gate(), second.worker.gate()].into_iter().flat_map(|g| g.in_flight()).collect();
        assert!(frozen.sealed_at.is_some(), "round {round}: {:?}", frozen.missing);
        times.push(took);
        tokio::time::sleep(Duration::from_millis(250)).await;
        let in_flight: HashSet<String> = flights.into_iter().map(|f| f.attempt).collect();
        for late in bench.sandbox.arrivals().iter().filter(|a| a.first_byte > sealed) {
            let attempts = look.attempts(&late.posted.delivery).await.unwrap();
            assert!(
                attempts.iter().any(|a| in_flight.contains(&a.id)),
                "round {round}: {late:?} was not in flight"
            );
            in_flight_seen += 1;
        }
        freezes::thaw(&bench.app, &bench.operator, &frozen.id, "next round").await.unwrap();
        stopped += look.waiting("held", Some(&format!("round-{round}")), "", 500).await.unwrap().len();
    }
    let counts = look.count_by_state().await.unwrap();
    let mut seen = HashSet::new();
    assert!(
        bench.sandbox.arrivals().iter().all(|a| seen.insert(a.posted.delivery.clone())),
        "something came twice"
    );
    times.sort();
    eprintln!(
        "{rounds} freezes on two nodes: call to SEALED p50 {:?}, max {:?}; {stopped} deliveries held, \
         {in_flight_seen} arrived late and were on the in-flight list, 0 others; {counts:?}",
        times[times.len() / 2],
        times[times.len() - 1]
    );
    assert!(stopped > 0, "no freeze met a queue: the load was too small");
    second.worker.stop().await.unwrap();
    first.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_node_is_named_and_can_be_forgotten() {
    let bench = Bench::new(Database::Postgres).await;
    let first = bench.start().await;
    let second = bench.another_node("silent").await;
    // The second node goes without a word, as after a power cut.
    let id = second.app.node().to_owned();
    second.worker.vanish();
    let frozen = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
    assert_eq!(frozen.sealed_at, None);
    assert!(
        frozen.missing.iter().any(|m| m.contains("silent") && m.contains("gate forget")),
        "{:?}",
        frozen.missing
    );
    assert!(nodes::forget(&bench.app, &bench.administrator, &id).await.is_err(), "it was seen a moment ago");
    bench.app.clock().advance(11_000);
    nodes::forget(&bench.app, &bench.administrator, &id).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let frozen = freezes::get(&bench.app, &frozen.id).await.unwrap();
    assert!(frozen.sealed_at.is_some(), "{frozen:?}");
    first.stop().await.unwrap();
}
