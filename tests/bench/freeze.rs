//! Commit and seal of a freeze: with a thousand posts in the queue, and with very many.

use std::time::Instant;

use holdline::app::Actor;
use holdline::app::freezes::{self, NewFreeze};
use holdline::service::Service;

use crate::place::{Grounds, SHORT};
use crate::table::{Row, Table, Target, median, ms, ratio, show_ms};

/// Two nodes run side by side and are frozen in turns.
pub async fn measure(grounds: &mut Grounds, rounds: usize, table: &mut Table) {
    let (database, posts) = (grounds.database, grounds.posts);
    let (short, long) = grounds.short_and_long().await;
    let nodes = [(short.serve().await, &short.by), (long.serve().await, &long.by)];
    let (mut few, mut many) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let (a, b) = (once(&nodes[0].0, nodes[0].1).await, once(&nodes[1].0, nodes[1].1).await);
        // The first round opens connections and files.
        if round > 0 {
            few.push(a);
            many.push(b);
        }
    }
    for (node, _) in nodes {
        node.stop().await.unwrap();
    }
    table.add(Row {
        figure: format!("freeze, commit and seal: {SHORT} posts -> {posts}"),
        database: database.name(),
        baseline: show_ms(median(&few)),
        measured: show_ms(median(&many)),
        ratio: Some(ratio(&many, &few)),
        target: Target::RatioAtMost(2.0),
    });
}

/// From the call to the sealed answer.
async fn once(node: &Service, by: &Actor) -> f64 {
    let new = NewFreeze { reason: "measured".into(), ..NewFreeze::default() };
    let began = Instant::now();
    let freeze = freezes::create(&node.app, by, &new).await.unwrap();
    let took = ms(began.elapsed());
    assert!(freeze.sealed_at.is_some(), "not sealed: {:?}", freeze.missing);
    freezes::thaw(&node.app, by, &freeze.id, "").await.unwrap();
    took
}
