//! From the start of the process until it is ready, and the memory that it then holds.

use std::time::Duration;

use crate::place::{Grounds, Place};
use crate::process::Process;
use crate::table::{Row, Table, Target, median, ratio, show_ms};

/// How long a node idles before its memory is read.
const IDLE: Duration = Duration::from_secs(3);

/// On an empty database and on the long queue, in turns; each start follows a stop.
pub async fn measure(grounds: &mut Grounds, rounds: usize, table: &mut Table) {
    let (database, posts) = (grounds.database, grounds.posts);
    let (empty, long) = grounds.empty_and_long().await;
    let (mut alone, mut behind) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        alone.push(once(empty).await);
        behind.push(once(long).await);
    }
    let column = |samples: &[(f64, f64)], memory: bool| -> Vec<f64> {
        samples.iter().map(|(start, rss)| if memory { *rss } else { *start }).collect()
    };
    let (start, start_behind) = (column(&alone, false), column(&behind, false));
    table.add(Row {
        figure: format!("start to ready: empty database -> {posts} posts"),
        database: database.name(),
        baseline: show_ms(median(&start)),
        measured: show_ms(median(&start_behind)),
        ratio: Some(ratio(&start_behind, &start)),
        target: Target::Shown,
    });
    let (rss, rss_behind) = (column(&alone, true), column(&behind, true));
    table.add(Row {
        figure: format!("memory of an idle node: empty queue -> {posts} queued"),
        database: database.name(),
        baseline: format!("{:.1} MiB", median(&rss)),
        measured: format!("{:.1} MiB", median(&rss_behind)),
        ratio: Some(ratio(&rss_behind, &rss)),
        target: Target::Shown,
    });
}

/// Milliseconds to ready, and MiB when idle.
async fn once(place: &Place) -> (f64, f64) {
    let process = Process::start(place);
    tokio::time::sleep(IDLE).await;
    (process.ready_after, process.memory())
}
