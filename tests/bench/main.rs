//! The figures of Holdline, on both databases, as ratios taken in one run.
//!
//!     cargo bench --bench holdline [-- freeze claim deliver lag start calendar] [--posts N] [--rounds N]
//!
//! PostgreSQL is found through `HOLDLINE_TEST_POSTGRES`; `tests/bench/run` starts one that keeps the
//! default durability. What is compared is measured in turns, round by round: disks and shared
//! processors vary by the minute, so no figure stands on its own.

/// The plain loop that deliveries are compared with.
mod bare;
/// Pages of the calendar: month, week and list.
mod calendar;
/// A claim of crisis posts behind a queue.
mod claim;
/// Deliveries a second.
mod deliver;
/// Queues of any size.
mod fill;
/// Commit and seal of a freeze.
mod freeze;
/// From due to the first byte.
mod lag;
/// One installation under measurement.
mod place;
/// `holdline serve` as a process of its own.
mod process;
/// What receives the deliveries.
mod sink;
/// Start and memory.
mod start;
/// Medians, and the table that is printed.
mod table;

use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use place::{Database, Grounds};
use table::Table;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Figure {
    Freeze,
    Claim,
    Deliver,
    Lag,
    /// Start and memory.
    Start,
    Calendar,
}

/// Measures Holdline.
#[derive(Debug, Parser)]
struct Options {
    /// Which figures; all without it.
    figures: Vec<Figure>,
    /// How long the long queue is.
    #[arg(long, default_value_t = 1_000_000)]
    posts: usize,
    /// How many deliveries in one round of `deliver`.
    #[arg(long, default_value_t = 20_000)]
    deliveries: usize,
    /// How many interleaved rounds; each figure has its own number without it.
    #[arg(long)]
    rounds: Option<usize>,
    /// Which database; both without it.
    #[arg(long)]
    database: Option<Database>,
    /// Passed by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    fn wants(&self, figure: Figure) -> bool {
        self.figures.is_empty() || self.figures.contains(&figure)
    }

    fn rounds(&self, usual: usize) -> usize {
        self.rounds.unwrap_or(usual).max(1)
    }

    fn databases(&self) -> Vec<Database> {
        self.database.map_or_else(|| vec![Database::Sqlite, Database::Postgres], |d| vec![d])
    }
}

fn main() -> ExitCode {
    let options = Options::parse();
    if options.databases().contains(&Database::Postgres) && place::postgres().is_none() {
        eprintln!(
            "HOLDLINE_TEST_POSTGRES is not set. Run tests/bench/run, which starts a PostgreSQL server; or start \
             one with tests/peers/postgres/run.sh start and set it to the URL in its peer.json; or measure \
             SQLite alone with --database sqlite"
        );
        return ExitCode::FAILURE;
    }
    tracing_subscriber::fmt().with_env_filter("warn").with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let table = runtime.block_on(measure(&options));
    table.print();
    if table.all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn measure(options: &Options) -> Table {
    let mut table = Table::default();
    for database in options.databases() {
        let mut grounds = Grounds::new(database, options.posts);
        if options.wants(Figure::Freeze) {
            freeze::measure(&mut grounds, options.rounds(21), &mut table).await;
        }
        if options.wants(Figure::Start) {
            start::measure(&mut grounds, options.rounds(7), &mut table).await;
        }
        if options.wants(Figure::Claim) {
            claim::measure(&mut grounds, options.rounds(21), &mut table).await;
        }
        grounds.close().await;
        if options.wants(Figure::Deliver) {
            deliver::measure(database, options.rounds(5), options.deliveries, &mut table).await;
        }
        if options.wants(Figure::Calendar) {
            calendar::measure(database, options.rounds(41), &mut table).await;
        }
        if options.wants(Figure::Lag) {
            lag::measure(database, options.rounds(100), &mut table).await;
        }
    }
    table
}
