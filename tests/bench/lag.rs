//! From the due time to the first byte of content at the receiver: single posts at random instants.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use holdline::clock::{Clock, Millis};

use crate::fill;
use crate::place::{Database, Place};
use crate::sink::Sink;
use crate::table::{Row, Table, Target, ms, quantile, show_ms};

/// One post in each slot of this length.
const SLOT: Millis = 300;

/// So many posts, one after the other, through a node that sleeps in between.
pub async fn measure(database: Database, posts: usize, table: &mut Table) {
    let sink = Sink::start().await;
    let place = Place::new(database, &sink.url).await;
    let app = place.open(Clock::real()).await;
    let first = app.clock().now() + 4_000;
    let mut random = 88_172_645_463_325_252_u64;
    let dues: Vec<Millis> = (0..i64::try_from(posts).unwrap())
        .map(|n| {
            // Xorshift: the same instants in every run.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            first + n * SLOT + i64::try_from(random % SLOT.unsigned_abs()).unwrap()
        })
        .collect();
    fill::routine(&place, &app, posts, |n| dues[usize::try_from(n).unwrap()]).await;
    let due_of: HashMap<String, Millis> = fill::due_times(&place).await;
    assert_eq!(due_of.len(), posts);
    let node = place.serve().await;
    let (second, at) = tick(app.clock());
    assert!(second < first, "the queue was not ready in time");
    let wait = dues[posts - 1] - second + 2_000;
    tokio::time::sleep(Duration::from_millis(u64::try_from(wait).unwrap())).await;
    let lags: Vec<f64> = sink
        .take()
        .iter()
        .map(|(id, seen)| {
            let since = Duration::from_millis(u64::try_from(due_of[id] - second).unwrap());
            ms(seen.duration_since(at)) - ms(since)
        })
        .collect();
    assert_eq!(lags.len(), posts, "each came once");
    node.stop().await.unwrap();
    app.close().await;
    place.close().await;
    let (p50, p99) = (quantile(&lags, 0.5), quantile(&lags, 0.99));
    table.add(Row {
        figure: format!("due to first byte, {posts} single posts, p50 (p99)"),
        database: database.name(),
        baseline: "-".into(),
        measured: format!("{} ({})", show_ms(p50), show_ms(p99)),
        ratio: None,
        target: Target::Below(p50, 20.0, "ms"),
    });
}

/// The beginning of a millisecond on the clock, as an instant.
fn tick(clock: &Clock) -> (Millis, Instant) {
    let before = clock.now();
    loop {
        let (now, at) = (clock.now(), Instant::now());
        if now != before {
            return (now, at);
        }
    }
}
