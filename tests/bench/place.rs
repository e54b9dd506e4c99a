//! One installation under measurement: a database, a data folder, a key, an actor.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use clap::ValueEnum;
use holdline::app::channels::{self, NewChannel};
use holdline::app::incidents::{self, NewIncident};
use holdline::app::secrets::Keys;
use holdline::app::{Actor, App, nodes};
use holdline::clock::Clock;
use holdline::config::Config;
use holdline::domain::role::Role;
use holdline::service::Service;
use holdline::store::Store;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};
use tempfile::TempDir;

use crate::fill;

/// Which database is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    /// As the table names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// The server to measure on.
pub fn postgres() -> Option<String> {
    std::env::var("HOLDLINE_TEST_POSTGRES").ok().filter(|url| !url.is_empty())
}

/// How many channels an installation has.
pub const CHANNELS: usize = 10;

/// One installation.
pub struct Place {
    pub database: Database,
    pub by: Actor,
    pub channels: Vec<String>,
    pub incident: String,
    pub url: Option<String>,
    folder: TempDir,
    keys: Keys,
}

impl Place {
    /// A fresh one whose webhook channels all post to the address.
    pub async fn new(database: Database, sink: &str) -> Self {
        let url = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(fresh_postgres().await),
        };
        let by = Actor {
            id: "bench".into(),
            name: "the benchmark".into(),
            roles: vec![Role::Operator, Role::Approver, Role::Administrator],
            origin: "bench".into(),
        };
        let folder = TempDir::new().unwrap();
        let keys = Keys::create(&folder.path().join("instance.key")).unwrap();
        let mut place =
            Self { database, by, channels: Vec::new(), incident: String::new(), url, folder, keys };
        let app = place.open(Clock::real()).await;
        nodes::gate_row(&app).await.unwrap();
        for n in 0..CHANNELS {
            let new = NewChannel {
                name: format!("channel {n}"),
                adapter: "webhook".into(),
                brand: "main".into(),
                settings: json!({"url": format!("{sink}/{n}")}),
                credential: Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into()),
                drill: false,
            };
            place.channels.push(channels::create(&app, &place.by, new).await.unwrap().id);
        }
        let new = json!({"title": "Card payments fail", "severity": "major", "freeze": false});
        let new: NewIncident = serde_json::from_value(new).unwrap();
        place.incident = incidents::open(&app, &place.by, &new).await.unwrap().incident.id;
        app.close().await;
        place
    }

    /// A connection of its own to the database.
    pub async fn store(&self) -> Store {
        match &self.url {
            None => Store::sqlite(&self.folder.path().join("holdline.db")).await.unwrap(),
            Some(url) => Store::postgres(url).await.unwrap(),
        }
    }

    /// The verbs, without a sender.
    pub async fn open(&self, clock: Clock) -> App {
        App::new(self.store().await, clock, self.keys.clone(), "bench", "http://localhost")
    }

    /// A whole node inside this process.
    pub async fn serve(&self) -> Service {
        let config = Config {
            listen: "127.0.0.1:0".into(),
            data: self.folder.path().to_owned(),
            database_url: self.url.clone().map(Into::into),
            allow_private: vec!["127.0.0.0/8".parse().unwrap()],
            ..Config::default()
        };
        Service::start_quietly(&config, Clock::real()).await.unwrap()
    }

    /// The data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Takes the database away.
    pub async fn close(self) {
        if let Some(url) = &self.url {
            drop_postgres(url).await;
        }
    }
}

/// The installations that several figures share, made when the first figure needs them.
pub struct Grounds {
    pub database: Database,
    pub posts: usize,
    empty: Option<Place>,
    short: Option<Place>,
    long: Option<Place>,
}

/// How many posts wait in the short queue.
pub const SHORT: usize = 1_000;

impl Grounds {
    /// Nothing yet.
    pub fn new(database: Database, posts: usize) -> Self {
        Self { database, posts, empty: None, short: None, long: None }
    }

    /// With an empty queue, and with the long one.
    pub async fn empty_and_long(&mut self) -> (&Place, &Place) {
        if self.empty.is_none() {
            self.empty = Some(queue(self.database, 0).await);
        }
        if self.long.is_none() {
            self.long = Some(queue(self.database, self.posts).await);
        }
        (self.empty.as_ref().unwrap(), self.long.as_ref().unwrap())
    }

    /// With a thousand posts in the queue, and with the long one.
    pub async fn short_and_long(&mut self) -> (&Place, &Place) {
        if self.short.is_none() {
            self.short = Some(queue(self.database, SHORT).await);
        }
        if self.long.is_none() {
            self.long = Some(queue(self.database, self.posts).await);
        }
        (self.short.as_ref().unwrap(), self.long.as_ref().unwrap())
    }

    /// Takes the databases away.
    pub async fn close(self) {
        for place in [self.empty, self.short, self.long].into_iter().flatten() {
            place.close().await;
        }
    }
}

/// An installation with so many routine posts ahead, all within the month after next.
async fn queue(database: Database, posts: usize) -> Place {
    // Nothing is sent to it: the posts are not due.
    let place = Place::new(database, "http://127.0.0.1:9").await;
    let app = place.open(Clock::real()).await;
    let first = app.clock().now() + 30 * 86_400_000;
    let step = 30 * 86_400_000 / i64::try_from(posts.max(1)).unwrap();
    fill::routine(&place, &app, posts, |n| first + step * n).await;
    app.close().await;
    place
}

/// A fresh database on the server.
pub async fn fresh_postgres() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let url = postgres().unwrap();
    let name = format!("b{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
    run(&url, format!("create database {name}")).await;
    let (base, query) = url.split_once('?').map_or((url.as_str(), None), |(b, q)| (b, Some(q)));
    let base = base.rsplit_once('/').unwrap().0;
    query.map_or(format!("{base}/{name}"), |q| format!("{base}/{name}?{q}"))
}

/// Takes a database away.
pub async fn drop_postgres(url: &str) {
    let name = url.split('?').next().unwrap().rsplit('/').next().unwrap();
    run(&postgres().unwrap(), format!("drop database {name} with (force)")).await;
}

/// Runs one statement outside the code under measurement.
pub async fn run(url: &str, sql: String) {
    let pool = sqlx::PgPool::connect(url).await.unwrap();
    pool.execute(AssertSqlSafe(sql)).await.unwrap();
    pool.close().await;
}
