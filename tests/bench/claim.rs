//! A claim of ten crisis posts: behind nothing, behind posts that are not due yet, and behind as
//! many that have just fallen due under a freeze.

use std::time::Instant;

use holdline::app::App;
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::permits::{self, Rooms};
use holdline::clock::Clock;
use holdline::domain::post::Lane;

use crate::fill;
use crate::place::{Grounds, Place};
use crate::table::{Row, Table, Target, median, ms, ratio, show_ms};

/// How many crisis posts are claimed at once.
const CRISIS: usize = 10;
/// As the sender asks.
const LIMIT: usize = 200;
/// The long queue is due after this.
const YEAR: i64 = 365 * 86_400_000;

/// No sender runs: the verb alone is measured, on a clock that can be moved.
pub async fn measure(grounds: &mut Grounds, rounds: usize, table: &mut Table) {
    let (database, posts) = (grounds.database, grounds.posts);
    let (empty, long) = grounds.empty_and_long().await;
    let clock = Clock::movable();
    let apps = [empty.open(clock.clone()).await, long.open(clock.clone()).await];
    let states = [
        format!("claim of {CRISIS} crisis posts: empty queue -> {posts} not due"),
        format!("claim of {CRISIS} crisis posts: empty queue -> {posts} due and frozen"),
    ];
    for (n, figure) in states.into_iter().enumerate() {
        if n == 1 {
            clock.advance(YEAR);
            for (app, by) in apps.iter().zip([&empty.by, &long.by]) {
                freezes::create(app, by, &NewFreeze::default()).await.unwrap();
            }
        }
        let (mut alone, mut behind) = (Vec::new(), Vec::new());
        for round in 0..=rounds {
            let (a, b) = (once(empty, &apps[0]).await, once(long, &apps[1]).await);
            if round > 0 {
                alone.push(a);
                behind.push(b);
            }
        }
        table.add(Row {
            figure,
            database: database.name(),
            baseline: show_ms(median(&alone)),
            measured: show_ms(median(&behind)),
            ratio: Some(ratio(&behind, &alone)),
            target: Target::RatioAtMost(2.0),
        });
    }
    for app in apps {
        app.close().await;
    }
}

async fn once(place: &Place, app: &App) -> f64 {
    fill::crisis(place, app, CRISIS).await;
    let mut rooms = Rooms::default();
    place.channels.iter().for_each(|channel| rooms.set(channel, 4));
    let began = Instant::now();
    let batch = permits::claim(app, LIMIT, LIMIT, &mut rooms).await.unwrap();
    let took = ms(began.elapsed());
    let crisis = batch.permits.iter().filter(|p| p.subject.lane == Lane::Crisis).count();
    assert_eq!((crisis, batch.permits.len()), (CRISIS, CRISIS), "crisis posts and nothing else");
    assert!(batch.claimed.is_empty());
    took
}
