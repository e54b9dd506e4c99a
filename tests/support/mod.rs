//! A Holdline of its own for each test: a fresh database, a sandbox, people, channels.

pub mod caller;
mod counted;
pub mod dice;
pub mod drawn;
#[path = "../simulation/check/figures.rs"]
pub mod evidence;
pub mod instagram;
pub mod meta;
pub mod network;
pub mod page;
pub mod programs;
pub mod relay;
pub mod scene;
pub mod schedule;
pub mod second_verifier;
pub mod storm;
pub mod threads;
pub mod traces;
pub mod twilio;
pub mod visitor;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use channels::http::{Http, Policy};
use holdline::app::approvals::{self, NewDecision};
use holdline::app::board::unready;
use holdline::app::bulk::{self, BulkApproval};
use holdline::app::channels::{self as app_channels, NewChannel};
use holdline::app::invitations;
use holdline::app::nodes;
use holdline::app::people::{self, NewPerson};
use holdline::app::posts::{self, NewPost, PostView};
use holdline::app::secrets::Keys;
use holdline::app::{Actor, App, AppError};
use holdline::clock::Clock;
use holdline::domain::approval::Decision;
use holdline::domain::budget::Reserve;
use holdline::domain::role::Role;
use holdline::domain::times;
use holdline::sandbox::Sandbox;
use holdline::store::Store;
use holdline::worker::{Options, Worker};
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::Executor;
use tempfile::TempDir;

pub use counted::rounds;

/// Which database a test runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

/// A Holdline under test.
pub struct Bench {
    pub app: App,
    pub sandbox: Sandbox,
    pub operator: Actor,
    pub approver: Actor,
    pub administrator: Actor,
    pub channels: Vec<String>,
    folder: TempDir,
    url: Option<String>,
    keys: Keys,
}

/// Another node on the database of a bench.
pub struct Node {
    pub app: App,
    pub worker: Worker,
    _folder: TempDir,
}

impl Bench {
    pub fn database(&self) -> Database {
        if self.url.is_some() { Database::Postgres } else { Database::Sqlite }
    }

    /// A fresh one with three sandbox channels and the website.
    pub async fn new(database: Database) -> Self {
        let folder = TempDir::new().unwrap();
        let url = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(fresh_postgres().await),
        };
        let store = match &url {
            None => Store::sqlite(&folder.path().join("holdline.db")).await.unwrap(),
            Some(url) => Store::postgres(url).await.unwrap(),
        };
        let clock = Clock::movable();
        let keys = Keys::create(&folder.path().join("instance.key")).unwrap();
        let app = App::new(store, clock.clone(), keys.clone(), "node-a", "http://localhost:8740");
        nodes::gate_row(&app).await.unwrap();
        let sandbox = Sandbox::start(SocketAddr::from(([127, 0, 0, 1], 0)), clock).await.unwrap();
        let token = people::first_start(&app).await.unwrap().unwrap();
        let boss = NewPerson {
            name: "Administrator".into(),
            email: "admin@example.org".into(),
            roles: vec![Role::Administrator],
        };
        let (_, secret) = people::set_up(&app, token.expose_secret(), &boss, "test").await.unwrap();
        let administrator = people::authenticate(&app, secret.expose_secret(), "test").await.unwrap();
        let mut bench = Self {
            operator: person(&app, &administrator, "operator", Role::Operator).await,
            approver: person(&app, &administrator, "approver", Role::Approver).await,
            administrator,
            app,
            sandbox,
            channels: Vec::new(),
            folder,
            url,
            keys,
        };
        for name in ["alpha", "beta", "gamma"] {
            let url = bench.sandbox.url(name);
            bench.connect(name, "sandbox", json!({ "url": url })).await;
        }
        bench.connect("site", "website", json!({})).await;
        bench
    }

    /// Connects a channel that needs no credential.
    pub async fn connect(&mut self, name: &str, adapter: &str, settings: serde_json::Value) {
        self.connect_with(name, adapter, settings, None).await;
    }

    /// Connects a channel with its credential.
    pub async fn connect_with(
        &mut self,
        name: &str,
        adapter: &str,
        settings: serde_json::Value,
        credential: Option<&str>,
    ) {
        let new = NewChannel {
            name: name.into(),
            adapter: adapter.into(),
            brand: "main".into(),
            settings,
            credential: credential.map(Into::into),
            drill: false,
        };
        let view = app_channels::create(&self.app, &self.administrator, new).await.unwrap();
        self.channels.push(view.id);
    }

    /// Starts the sender of this node.
    pub async fn start(&self) -> Worker {
        start(&self.app, "a", self.folder.path()).await
    }

    /// Where this node keeps its memory, and SQLite its file.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The address of the database on PostgreSQL.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// A connection of its own to the database, to look at what was written.
    pub async fn look(&self) -> Store {
        match &self.url {
            Some(url) => Store::postgres(url).await.unwrap(),
            None => Store::sqlite(&self.folder.path().join("holdline.db")).await.unwrap(),
        }
    }

    /// Changes the database behind the back of the service.
    pub async fn meddle(&self, sql: &[&str]) {
        let sql = sql.iter().map(|s| sqlx::AssertSqlSafe((*s).to_owned()));
        match &self.url {
            Some(url) => {
                let db = sqlx::PgPool::connect(url).await.unwrap();
                for one in sql {
                    db.execute(one).await.unwrap();
                }
                db.close().await;
            }
            None => {
                let file = format!("sqlite://{}", self.folder.path().join("holdline.db").display());
                let db = sqlx::SqlitePool::connect(&file).await.unwrap();
                for one in sql {
                    db.execute(one).await.unwrap();
                }
                db.close().await;
            }
        }
    }

    /// One statement of that kind.
    pub async fn sql(&self, sql: &str) {
        self.meddle(&[sql]).await;
    }

    /// The same node as a process of its own, as a restart or a copied folder makes one.
    pub async fn again(&self) -> App {
        self.again_at("http://localhost:8740").await
    }

    /// The same with another public address.
    pub async fn again_at(&self, public: &str) -> App {
        let clock = self.app.clock().clone();
        App::new(self.look().await, clock, self.keys.clone(), self.app.node(), public)
    }

    /// Another installation of the same kind, with nobody in it.
    pub async fn empty(&self) -> App {
        let store = match &self.url {
            Some(_) => Store::postgres(&fresh_postgres().await).await.unwrap(),
            None => Store::sqlite(&self.folder.path().join("empty.db")).await.unwrap(),
        };
        App::new(store, self.app.clock().clone(), Keys::random(), "node-empty", "http://localhost:8740")
    }

    /// Starts another node on the same database.
    pub async fn another_node(&self, name: &str) -> Node {
        assert!(self.url.is_some(), "nodes share PostgreSQL only");
        let folder = TempDir::new().unwrap();
        let clock = self.app.clock().clone();
        let app = App::new(
            self.look().await,
            clock,
            self.keys.clone(),
            &format!("node-{name}"),
            "http://localhost:8740",
        );
        let worker = start(&app, name, folder.path()).await;
        Node { app, worker, _folder: folder }
    }

    /// Writes and submits a post.
    pub async fn submit(&self, post: serde_json::Value) -> PostView {
        let mut post = post;
        post["submit"] = json!(true);
        if post["kind"] == "update" && post["promise"].is_null() && post["revises"].is_null() {
            // Every update promises the next one; most tests are about something else.
            let due = post["due"].as_str().and_then(|t| times::parse(t, "UTC").ok());
            let after = due.unwrap_or(self.app.clock().now()) + 3_600_000;
            post["promise"] = json!(holdline::clock::rfc3339(after));
        }
        let new: NewPost = serde_json::from_value(post).unwrap();
        posts::create(&self.app, &self.operator, &new).await.unwrap()
    }

    /// Writes a post and has it approved by the second person.
    pub async fn approved(&self, post: serde_json::Value) -> PostView {
        let view = self.submit(post).await;
        self.approve(&view.id).await;
        view
    }

    /// Approves exactly what the sheet shows.
    pub async fn approve(&self, post: &str) {
        loop {
            let sheet = approvals::sheet(&self.app, &self.approver, post).await.unwrap();
            let unready = unready::among(&sheet.readiness);
            let new =
                NewDecision { decision: Decision::Approve, bundle: sheet.bundle, comment: None, unready };
            match approvals::decide(&self.app, &self.approver, post, &new).await {
                Err(e) if is_unready(&e) => {}
                decided => return drop(decided.unwrap()),
            }
        }
    }

    /// Approves all that waits with a label, as the preview shows it; how many that were.
    pub async fn approve_all(&self, label: &str) -> usize {
        loop {
            let seen = bulk::preview(&self.app, &self.approver, label).await.unwrap();
            let unready = unready::among(&seen.readiness);
            let all = BulkApproval { label: label.into(), hash: seen.hash, unready };
            match bulk::approve(&self.app, &self.approver, &all).await {
                Err(e) if is_unready(&e) => {}
                done => return done.unwrap().approved,
            }
        }
    }

    /// Waits until the post's deliveries are all in one of the states.
    pub async fn until(&self, post: &str, states: &[&str]) -> PostView {
        let mut last = String::new();
        for _ in 0..1_200 {
            let view = posts::get(&self.app, &self.operator, post).await.unwrap();
            let now: Vec<String> = view
                .deliveries
                .iter()
                .map(|d| serde_json::to_value(d.state).unwrap().as_str().unwrap().into())
                .collect();
            if now.iter().all(|s| states.contains(&s.as_str())) {
                return view;
            }
            last = format!("{now:?} {:?}", view.deliveries.iter().map(|d| &d.reason).collect::<Vec<_>>());
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("the deliveries stay {last}, not {states:?}");
    }
}

/// Whether a channel has turned out not to be ready since the sheet was read: then people read it once more.
pub fn is_unready(e: &AppError) -> bool {
    format!("{e:?}").contains("name it in unready")
}

/// A client that reaches this machine.
pub fn http() -> Http {
    let allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    Http::new(Policy { allow_private, timeout: Duration::from_secs(5), ..Policy::default() }).unwrap()
}

/// Starts the sender of a node that keeps its memory in `data`.
pub async fn start(app: &App, name: &str, data: &std::path::Path) -> Worker {
    if let Ok(worker) = try_start(app, name, data).await {
        return worker;
    }
    // A node that vanished within this process can have handed its last heartbeat to the database's thread.
    tokio::time::sleep(Duration::from_millis(200)).await;
    try_start(app, name, data).await.unwrap()
}

/// As [`start`], which may be refused.
pub async fn try_start(app: &App, name: &str, data: &std::path::Path) -> holdline::app::Result<Worker> {
    let options = Options {
        node_name: name.into(),
        data: data.to_owned(),
        longest_sleep: Duration::from_millis(500),
        drain: Duration::from_secs(3),
        reserve: Reserve(20),
        ticks: false,
    };
    Worker::start(app.clone(), Arc::new(http()), options).await
}

/// Adds a person and lets them join.
pub async fn person(app: &App, by: &Actor, name: &str, role: Role) -> Actor {
    let new = NewPerson { name: name.into(), email: format!("{name}@example.org"), roles: vec![role] };
    let invited = people::create(app, by, &new).await.unwrap();
    let (_, secret) = invitations::accept(app, invited.secret.expose_secret(), "test").await.unwrap();
    people::authenticate(app, secret.expose_secret(), "test").await.unwrap()
}

/// Connections whose changes may stand still for as long as a test needs.
pub fn patient(connections: u32) -> sqlx::postgres::PgPoolOptions {
    sqlx::postgres::PgPoolOptions::new().max_connections(connections).after_connect(|connection, _| {
        Box::pin(
            async move { connection.execute("set idle_in_transaction_session_timeout = 0").await.map(drop) },
        )
    })
}

/// A fresh database on the PostgreSQL that `tests/run` started.
pub async fn fresh_postgres() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let url = std::env::var("HOLDLINE_TEST_POSTGRES").expect(
        "HOLDLINE_TEST_POSTGRES is not set: run the tests with tests/run, which starts a PostgreSQL server, \
         or start one with tests/peers/postgres/run.sh",
    );
    let name = format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst));
    let pool = sqlx::PgPool::connect(&url).await.expect(
        "no PostgreSQL answers at HOLDLINE_TEST_POSTGRES: start one with tests/peers/postgres/run.sh",
    );
    pool.execute(sqlx::AssertSqlSafe(format!("create database {name}"))).await.unwrap();
    pool.close().await;
    let (base, query) = url.split_once('?').map_or((url.as_str(), None), |(b, q)| (b, Some(q)));
    let base = base.rsplit_once('/').unwrap().0;
    query.map_or(format!("{base}/{name}"), |q| format!("{base}/{name}?{q}"))
}

/// Makes one test for each database out of one body.
#[macro_export]
macro_rules! on_both {
    ($($(#[$doc:meta])* async fn $name:ident($bench:ident) $body:block)*) => {
        $(mod $name {
            use super::*;

            async fn body($bench: $crate::support::Bench) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                body($crate::support::Bench::new($crate::support::Database::Sqlite).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                body($crate::support::Bench::new($crate::support::Database::Postgres).await).await;
            }
        })*
    };
}
