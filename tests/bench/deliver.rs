//! Deliveries a second, end to end to a local receiver, beside a bare loop that only claims and posts.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use holdline::app::sending;
use holdline::clock::Clock;

use crate::bare;
use crate::fill;
use crate::place::{Database, Place};
use crate::sink::Sink;
use crate::table::{Row, Table, Target, median, ratio};

/// Both post the same texts to the same receiver through the same HTTP client, in turns.
pub async fn measure(database: Database, rounds: usize, deliveries: usize, table: &mut Table) {
    let sink = Sink::start().await;
    let (mut plain, mut whole) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let a = bare::round(database, &sink, deliveries).await;
        let b = holdline(database, &sink, deliveries).await;
        eprintln!("{} round {round}: bare {a:.0}/s, holdline {b:.0}/s", database.name());
        plain.push(a);
        whole.push(b);
    }
    table.add(Row {
        figure: format!("{deliveries} deliveries: bare loop -> with permit, approval, audit, outcome"),
        database: database.name(),
        baseline: format!("{:.0}/s", median(&plain)),
        measured: format!("{:.0}/s", median(&whole)),
        ratio: Some(ratio(&whole, &plain)),
        target: Target::RatioAtLeast(0.4),
    });
}

/// A node of a fresh installation: from the moment when everything falls due until the last outcome
/// is written.
async fn holdline(database: Database, sink: &Sink, deliveries: usize) -> f64 {
    let place = Place::new(database, &sink.url).await;
    let app = place.open(Clock::real()).await;
    // Far enough for the rows to be written and the node to be up.
    let wait = 3_000 + i64::try_from(deliveries / 5).unwrap();
    let due = app.clock().now() + wait;
    fill::routine(&place, &app, deliveries, |_| due).await;
    let node = place.serve().await;
    let left = due - app.clock().now();
    assert!(left > 200, "the queue was not ready in time");
    tokio::time::sleep(Duration::from_millis(u64::try_from(left).unwrap())).await;
    let began = Instant::now();
    while sink.count() < deliveries {
        assert!(began.elapsed() < Duration::from_secs(300), "{} of {deliveries} came", sink.count());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    loop {
        let counts = sending::counts(&app).await.unwrap();
        if counts.iter().any(|(s, n)| s == "accepted" && usize::try_from(*n).unwrap() == deliveries) {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(300), "not all accepted: {counts:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = began.elapsed();
    let came = sink.take();
    let once: HashSet<_> = came.iter().map(|(id, _)| id).collect();
    assert_eq!((once.len(), came.len()), (deliveries, deliveries), "each came once");
    node.stop().await.unwrap();
    app.close().await;
    place.close().await;
    deliveries as f64 / took.as_secs_f64()
}
