//! What all seeds of one thread share: a database with people and channels that each seed finds as it was.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use channels::http::{Http, Policy};
use holdline::app::channels::{self as rows, NewChannel};
use holdline::app::people::{self, NewPerson};
use holdline::app::secrets::Keys;
use holdline::app::{Actor, App, invitations, nodes};
use holdline::clock::{Clock, Elapsed, Millis};
use holdline::domain::role::Role;
use holdline::store::Store;
use secrecy::ExposeSecret;
use serde_json::json;
use sqlx::{AssertSqlSafe, SqlitePool};
use tempfile::TempDir;
use tokio::time::Instant;

/// When every seed begins: 2026-03-02T08:00:00Z.
pub const BEGAN: Millis = 1_772_438_400_000;
/// Where the simulated network is.
pub const URL: &str = "http://localhost:8740";

/// The channels of every seed.
pub const CHANNELS: [&str; 2] = ["alpha", "beta"];

pub struct Stage {
    pub store: Store,
    pub keys: Keys,
    pub http: Http,
    pub operator: Actor,
    pub approver: Actor,
    pub administrator: Actor,
    pub channels: Vec<String>,
    folder: TempDir,
    reset: String,
}

/// The time since `began`, by the runtime's paused clock.
pub fn elapsed_since(began: Instant) -> Elapsed {
    Arc::new(move || Instant::now().saturating_duration_since(began))
}

/// In memory where the machine has such a folder: nothing here outlives a power cut.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    let here = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    here.or_else(|_| TempDir::new()).expect("a folder for the database")
}

impl Stage {
    /// Makes the database, in a runtime with paused time.
    pub async fn new() -> Self {
        let folder = folder();
        let store = Store::sqlite(&folder.path().join("holdline.db")).await.expect("a database");
        let keys = Keys::random();
        let clock = Clock::simulated(BEGAN - 86_400_000, 0, elapsed_since(Instant::now()));
        let app = App::new(store.clone(), clock, keys.clone(), "stage", URL);
        nodes::gate_row(&app).await.expect("a gate");
        let administrator = first(&app).await;
        let operator = person(&app, &administrator, "operator", Role::Operator).await;
        let approver = person(&app, &administrator, "approver", Role::Approver).await;
        let policy =
            Policy { allow_private: vec!["127.0.0.0/8".parse().expect("a network")], ..Policy::default() };
        let http = Http::new(policy).expect("a client");
        let mut channels = Vec::new();
        for name in CHANNELS {
            let settings = json!({ "url": format!("http://127.0.0.1:9/{name}") });
            let new = NewChannel {
                name: name.into(),
                adapter: "sandbox".into(),
                brand: "main".into(),
                settings,
                credential: None,
                drill: false,
            };
            channels.push(rows::create(&app, &administrator, new).await.expect("a channel").id);
        }
        // Checks of channels are no part of it: these were made, and stay new.
        run(&store, format!("update channels set checked_at = {}", BEGAN + 86_400_000)).await;
        let reset = remember(&store).await;
        Self { store, keys, http, operator, approver, administrator, channels, folder, reset }
    }

    /// Gives the database back what it had, and takes away the folders of the nodes.
    pub async fn reset(&self) {
        run(&self.store, self.reset.clone()).await;
        for node in 0..8 {
            drop(std::fs::remove_dir_all(self.node_folder(node)));
        }
    }

    pub fn node_folder(&self, node: usize) -> PathBuf {
        self.folder.path().join(format!("node-{node}"))
    }

    /// Looks at the database beside the nodes, while none of them uses it.
    pub fn pool(&self) -> &SqlitePool {
        let Store::Sqlite { write, .. } = &self.store else { unreachable!("it is SQLite") };
        write
    }
}

async fn run(store: &Store, sql: String) {
    let Store::Sqlite { write, .. } = store else { unreachable!("it is SQLite") };
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(write).await.expect("a statement of the stage");
}

/// Keeps what every table has; the statements that bring it back.
async fn remember(store: &Store) -> String {
    let Store::Sqlite { write, .. } = store else { unreachable!("it is SQLite") };
    const TABLES: &str = "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'
        and name not like '_sqlx%' order by name";
    let tables: Vec<String> = sqlx::query_scalar(TABLES).fetch_all(write).await.expect("tables");
    let mut keep = "attach ':memory:' as kept;".to_owned();
    let mut back = "begin immediate; pragma defer_foreign_keys = on;".to_owned();
    for table in tables {
        keep += &format!("create table kept.{table} as select * from main.{table};");
        back += &format!("delete from main.{table}; insert into main.{table} select * from kept.{table};");
    }
    run(store, keep).await;
    back + "commit;"
}

async fn first(app: &App) -> Actor {
    let token = people::first_start(app).await.expect("a first start").expect("a token");
    let boss = NewPerson {
        name: "Administrator".into(),
        email: "admin@example.org".into(),
        roles: vec![Role::Administrator],
    };
    let (_, secret) =
        people::set_up(app, token.expose_secret(), &boss, "test").await.expect("a first person");
    people::authenticate(app, secret.expose_secret(), "test").await.expect("its token")
}

async fn person(app: &App, by: &Actor, name: &str, role: Role) -> Actor {
    let new = NewPerson { name: name.into(), email: format!("{name}@example.org"), roles: vec![role] };
    let invited = people::create(app, by, &new).await.expect("a person");
    let accepted = invitations::accept(app, invited.secret.expose_secret(), "test").await;
    let (_, secret) = accepted.expect("a token");
    people::authenticate(app, secret.expose_secret(), "test").await.expect("its token")
}

/// Runs one simulation after the other in this thread: `work` gets the stage.
///
/// # Panics
/// When the machine gives no runtime.
pub fn on_stage<T>(work: impl AsyncFnOnce(&Stage) -> T) -> T {
    crate::processor::keep_to_one();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime");
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let done = runtime.block_on(async {
        // While such a task runs the runtime does not move its clock by itself: the database answers from
        // a thread, and time would run on meanwhile.
        tokio::task::spawn_blocking(move || held.recv().is_ok());
        let stage = Stage::new().await;
        work(&stage).await
    });
    drop(hold);
    runtime.shutdown_timeout(Duration::from_secs(5));
    done
}
