//! Two nodes on one PostgreSQL: a freeze under load seals on both, and a silent node is named.
//!
//! `HOLDLINE_FREEZE_ROUNDS` says how many freezes; 20 without it, 200 with `tests/run --long`.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use holdline::app::freezes::{self, FreezeView, NewFreeze};
use holdline::app::hub::Topic;
use holdline::app::import::Importer;
use holdline::app::nodes;
use holdline::domain::delivery::State;
use holdline::sandbox::Fault;
use serde_json::json;

use crate::support::{Bench, Database, rounds};

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
    assert_eq!(bench.approve_all(&label).await, count);
}

/// How many permits the log has after the freeze was committed. Its order is that of the commits; the
/// epoch in an attempt is only what its permit believed.
async fn permits_after(bench: &Bench, freeze: &str) -> i64 {
    const SQL: &str = "select count(*) from audit where verb = 'attempt.permitted' and seq >
        (select seq from audit where verb = 'freeze.committed' and subject = $1)";
    let db = sqlx::PgPool::connect(bench.url().unwrap()).await.unwrap();
    let subject = format!("freeze:{freeze}");
    let count = sqlx::query_scalar(SQL).bind(subject).fetch_one(&db).await.unwrap();
    db.close().await;
    count
}

/// The first moment at which a freeze was seen to be committed.
async fn committed(bench: &Bench) -> Instant {
    let mut changes = bench.app.hub().listen(Topic::Gate);
    loop {
        changes.changed().await.unwrap();
        if !freezes::list(&bench.app, &bench.operator, true).await.unwrap().is_empty() {
            return Instant::now();
        }
    }
}

/// What arrived of one freeze.
#[derive(Default)]
struct Tally {
    listed: usize,
    /// Between COMMITTED and SEALED.
    between: usize,
    /// After SEALED.
    late: usize,
}

/// Compares the in-flight list with what arrived after COMMITTED. The marks: how many had arrived before
/// this round, COMMITTED and SEALED.
async fn judge(bench: &Bench, round: usize, frozen: &FreezeView, marks: (usize, Instant, Instant)) -> Tally {
    let (before, committed, sealed) = marks;
    let mut tally = Tally::default();
    // The list that the freeze's answer gave, as it has settled by now.
    let flights = freezes::get(&bench.app, &frozen.id).await.unwrap().in_flight;
    let listed: HashSet<_> = flights.iter().map(|f| f.delivery.as_str()).collect();
    assert_eq!(listed, frozen.in_flight.iter().map(|f| f.delivery.as_str()).collect(), "the list is final");
    let arrivals = bench.sandbox.arrivals_after(before);
    for late in arrivals.iter().filter(|a| a.first_byte > committed) {
        assert!(listed.contains(late.posted.delivery.as_str()), "round {round}: {late:?} was not in flight");
        if late.first_byte > sealed { tally.late += 1 } else { tally.between += 1 }
    }
    let arrived: HashSet<_> = arrivals.iter().map(|a| a.posted.delivery.as_str()).collect();
    for flight in &flights {
        assert!(arrived.contains(flight.delivery.as_str()), "round {round}: {flight:?} never arrived");
        assert_eq!(flight.state, State::Accepted, "{flight:?}");
        assert!(flight.retract.is_some() && flight.url.is_some(), "{flight:?}");
    }
    tally.listed = flights.len();
    tally
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_content_leaves_either_node_after_the_seal() {
    let rounds = rounds("HOLDLINE_FREEZE_ROUNDS", 20);
    let bench = Bench::new(Database::Postgres).await;
    let first = bench.start().await;
    let second = bench.another_node("b").await;
    let look = bench.look().await;
    let (mut times, mut all, mut stopped) = (Vec::new(), Tally::default(), 0);
    for round in 0..rounds {
        // Longer than it takes to seal here, as seen so far.
        let slow = 150 + times.iter().max().map_or(0, |t: &Duration| u64::try_from(t.as_millis()).unwrap());
        let before = bench.sandbox.arrived();
        let (feed, freeze) = (load(&bench, round, 200), async {
            // Freeze while posts are going out, some of which the network reads late.
            while bench.sandbox.arrived() < before + 6 + round * 41 % 400 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            bench.sandbox.fault("alpha", Fault::SlowRead { ms: slow }, 2);
            tokio::time::sleep(Duration::from_millis((round % 5) as u64)).await;
            let begun = Instant::now();
            let new = NewFreeze::default();
            let call = async {
                let frozen = freezes::create(&bench.app, &bench.operator, &new).await.unwrap();
                (begun.elapsed(), Instant::now(), frozen)
            };
            tokio::join!(committed(&bench), call)
        });
        let ((), (committed, (took, sealed, frozen))) = tokio::join!(feed, freeze);
        assert!(frozen.sealed_at.is_some(), "round {round}: {:?}", frozen.missing);
        times.push(took);
        tokio::time::sleep(Duration::from_millis(slow + 200)).await;
        let tally = judge(&bench, round, &frozen, (before, committed, sealed)).await;
        all.listed += tally.listed;
        all.between += tally.between;
        all.late += tally.late;
        // All posts here are covered.
        assert_eq!(permits_after(&bench, &frozen.id).await, 0, "round {round}: permits after COMMITTED");
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
        "{rounds} freezes on two nodes: call to SEALED p50 {:?}, max {:?}; {stopped} deliveries held; \
         {} on the in-flight lists, all arrived; {} arrived between COMMITTED and SEALED and {} after, all of \
         them listed; {counts:?}",
        times[times.len() / 2],
        times[times.len() - 1],
        all.listed,
        all.between,
        all.late
    );
    assert!(stopped > 0, "no freeze met a queue: the load was too small");
    assert!(all.late > 0, "nothing arrived after a seal: the lists were never tried");
    second.worker.stop().await.unwrap();
    first.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_node_is_named_and_can_be_forgotten() {
    let bench = Bench::new(Database::Postgres).await;
    let first = bench.start().await;
    let second = bench.another_node("silent").await;
    // The second node goes without a word, as after a power cut, with one send under way.
    bench.sandbox.fault("alpha", Fault::SlowRead { ms: 60_000 }, 2);
    first.stop().await.unwrap();
    let post = json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "under way"}});
    let post = bench.approved(post).await;
    bench.until(&post.id, &["sending"]).await;
    let first = bench.start().await;
    let id = second.app.node().to_owned();
    second.worker.vanish();
    let frozen = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap();
    assert_eq!(frozen.sealed_at, None);
    let listed: Vec<_> = frozen.in_flight.iter().map(|f| (f.post.as_str(), f.state)).collect();
    assert_eq!(listed, [(post.id.as_str(), State::Sending)], "it may be under way on the silent node");
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
