//! `kill -9` of a real `serve` process at every step between claim and settle, on both databases,
//! against a sandbox that notes every arrival: nothing twice, nothing lost, every attempt settled.
//! A round in which the process was not killed is a failure of the test.
//!
//! `HOLDLINE_KILL_ROUNDS` says how often each step is killed; 3 without it, 20 with `tests/run --long`.

use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use holdline::app::approvals::{self, NewDecision};
use holdline::app::channels::{self as app_channels, NewChannel};
use holdline::app::invitations;
use holdline::app::people::{self, NewPerson};
use holdline::app::secrets::Keys;
use holdline::app::{Actor, App, nodes, posts, sending};
use holdline::clock::{Clock, Millis, rfc3339};
use holdline::domain::approval::Decision;
use holdline::domain::role::Role;
use holdline::sandbox::{Arrival, Fault, Sandbox};
use holdline::store::Store;
use secrecy::ExposeSecret;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::support::{Database, evidence, fresh_postgres, rounds};

/// Where the process kills itself; and [`UNDER_WAY`], where it is killed from outside.
pub const STEPS: [&str; 8] =
    ["claimed", "permitted", "begun", UNDER_WAY, "published", "answered", "settling", "settled"];

/// The other points of the code where a process can kill itself: `kill_handles` and `faults::killed` try them.
pub const ELSEWHERE: [&str; 3] = ["kept", "remembered", "acknowledged"];

/// The network has the whole post, and its answer has not come.
pub const UNDER_WAY: &str = "under way";

/// One installation that is killed again and again.
pub struct Victim {
    pub folder: TempDir,
    pub url: Option<String>,
    keys: Keys,
    pub administrator: Actor,
    pub operator: Actor,
    approver: Actor,
    /// The operator's token.
    pub token: String,
    /// The approver's, and the administrator's.
    pub approving: String,
    pub governing: String,
    sandbox: Sandbox,
    /// How many channels a post goes to.
    channels: usize,
}

impl Victim {
    /// One with two sandbox channels.
    pub async fn new(database: Database) -> Self {
        Self::with(database, Vec::new()).await
    }

    /// One with these channels, or with two of the sandbox.
    pub async fn with(database: Database, channels: Vec<NewChannel>) -> Self {
        let url = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(fresh_postgres().await),
        };
        Self::at(TempDir::new().unwrap(), url, channels).await
    }

    /// One in this folder, on a database of PostgreSQL or on SQLite.
    pub async fn at(folder: TempDir, url: Option<String>, mut channels: Vec<NewChannel>) -> Self {
        let keys = Keys::create(&folder.path().join("instance.key")).unwrap();
        let sandbox = Sandbox::start(SocketAddr::from(([127, 0, 0, 1], 0)), Clock::real()).await.unwrap();
        let nobody =
            Actor { id: String::new(), name: String::new(), roles: Vec::new(), origin: "test".into() };
        if channels.is_empty() {
            channels = ["alpha", "beta"].map(|name| sandboxed(&sandbox, name)).into();
        }
        let operator = nobody.clone();
        let count = channels.len();
        let (administrator, approver) = (nobody.clone(), nobody);
        let [token, approving, governing] = [const { String::new() }; 3];
        let mut victim = Self {
            folder,
            url,
            keys,
            administrator,
            operator,
            approver,
            token,
            approving,
            governing,
            sandbox,
            channels: count,
        };
        let app = victim.open().await;
        nodes::gate_row(&app).await.unwrap();
        let token = people::first_start(&app).await.unwrap().unwrap();
        let person = |name: &str, role| NewPerson {
            name: name.into(),
            email: format!("{name}@example.org"),
            roles: vec![role],
        };
        let boss = person("boss", Role::Administrator);
        let (_, secret) = people::set_up(&app, token.expose_secret(), &boss, "test").await.unwrap();
        let boss = people::authenticate(&app, secret.expose_secret(), "test").await.unwrap();
        let governing = secret.expose_secret().to_owned();
        for (name, role) in [("operator", Role::Operator), ("approver", Role::Approver)] {
            let invited = people::create(&app, &boss, &person(name, role)).await.unwrap();
            let secret = invitations::accept(&app, invited.secret.expose_secret(), "test").await.unwrap().1;
            let actor = people::authenticate(&app, secret.expose_secret(), "test").await.unwrap();
            if role == Role::Operator {
                victim.token = secret.expose_secret().to_owned();
                victim.operator = actor;
            } else {
                victim.approving = secret.expose_secret().to_owned();
                victim.approver = actor;
            }
        }
        for new in channels {
            app_channels::create(&app, &boss, new).await.unwrap();
        }
        (victim.administrator, victim.governing) = (boss, governing);
        app.close().await;
        victim
    }

    /// The application on the victim's database, without a sender.
    pub async fn open(&self) -> App {
        let store = match &self.url {
            None => Store::sqlite(&self.folder.path().join("holdline.db")).await.unwrap(),
            Some(url) => Store::postgres(url).await.unwrap(),
        };
        App::new(store, Clock::real(), self.keys.clone(), "test", "http://localhost")
    }

    /// Queues a post that is due at once, and one that is due when the service runs: each step is
    /// passed at least twice. How many deliveries they are.
    pub async fn queue(&self) -> usize {
        // A start takes its time on a busy machine; on PostgreSQL it waits 6 s for the process that was killed.
        let waits = [0, if self.url.is_some() { 12_000 } else { 5_000 }];
        let app = self.open().await;
        for wait in waits {
            self.post(&app, wait).await;
        }
        app.close().await;
        waits.len() * self.channels
    }

    /// Queues a post that is due after so many milliseconds.
    pub async fn post(&self, app: &App, wait: Millis) {
        let due = rfc3339(app.clock().now() + wait);
        let new = json!({"kind": "routine", "submit": true, "due": due, "source": {"text": "post"}});
        let new = serde_json::from_value(new).unwrap();
        let post = posts::create(app, &self.operator, &new).await.unwrap();
        let sheet = approvals::sheet(app, &self.approver, &post.id).await.unwrap();
        let yes = NewDecision {
            decision: Decision::Approve,
            bundle: sheet.bundle,
            comment: None,
            unready: Vec::new(),
        };
        approvals::decide(app, &self.approver, &post.id, &yes).await.unwrap();
    }

    /// Who decides about what is in doubt.
    pub fn approver(&self) -> &Actor {
        &self.approver
    }

    /// Lets a minute pass for everything that is in doubt.
    pub async fn age_doubts(&self) {
        const SQL: &str = "update attempts set settled_at = settled_at - 60000, next_read_at = 0
            where outcome = 'in_doubt' and next_read_at is not null returning number";
        self.number(SQL).await;
    }

    /// Attempts that nobody settled.
    pub async fn unsettled(&self) -> i64 {
        const SQL: &str = "select count(*) from attempts where outcome is null or outcome = 'in_doubt'";
        self.number(SQL).await.unwrap()
    }

    async fn number(&self, sql: &'static str) -> Option<i64> {
        match &self.url {
            None => {
                let file = self.folder.path().join("holdline.db");
                let db = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
                sqlx::query_scalar(sql).fetch_optional(&db).await.unwrap()
            }
            Some(url) => {
                let db = sqlx::PgPool::connect(url).await.unwrap();
                sqlx::query_scalar(sql).fetch_optional(&db).await.unwrap()
            }
        }
    }

    /// A service; with a fault that the environment arms.
    pub fn serve(&self, fault: Option<(&str, &str)>) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdline"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--allow-private", "127.0.0.0/8", "--data"]);
        command.arg(self.folder.path()).env("HOLDLINE_LOG", "warn");
        command.env_remove("HOLDLINE_KILL_AT").env_remove("HOLDLINE_PANIC_AT").envs(fault);
        if let Some(url) = &self.url {
            command.args(["--database-url", url]);
        }
        let log = std::fs::File::options().create(true).append(true).open(self.log()).unwrap();
        command.stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn().unwrap()
    }

    /// What the service logs.
    pub fn log(&self) -> std::path::PathBuf {
        Path::new(self.folder.path()).join("serve.log")
    }

    /// Waits until nothing is open any more; the number of accepted deliveries.
    pub async fn settled(&self, total: usize) -> usize {
        let app = self.open().await;
        let until = Instant::now() + Duration::from_secs(150);
        loop {
            let counts = sending::counts(&app).await.unwrap();
            let accepted = counts.iter().find(|(s, _)| s == "accepted").map_or(0, |(_, n)| *n);
            if usize::try_from(accepted).unwrap() == total {
                app.close().await;
                return total;
            }
            let log = || std::fs::read_to_string(self.log()).unwrap_or_default();
            assert!(Instant::now() < until, "still open: {counts:?} of {total}\n{}", log());
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
}

/// A channel to a timeline of the sandbox.
fn sandboxed(sandbox: &Sandbox, name: &str) -> NewChannel {
    NewChannel {
        name: name.into(),
        adapter: "sandbox".into(),
        brand: "main".into(),
        settings: json!({"url": sandbox.url(name)}),
        credential: None,
        drill: false,
    }
}

/// What the rounds of one step came to.
#[derive(Default)]
struct Tally {
    deliveries: usize,
    arrived: usize,
    kills: usize,
}

/// Runs the service until it is killed: it kills itself at the step's first or second pass, or is
/// killed from outside while the network has a post and has not answered.
pub async fn kill_once(victim: &Victim, step: &str, round: usize) {
    let pass = 1 + round % 2;
    let before = victim.sandbox.arrived();
    let mut child = if step == UNDER_WAY {
        victim.sandbox.fault("alpha", Fault::Late { ms: 60_000 }, pass);
        victim.serve(None)
    } else {
        victim.serve(Some(("HOLDLINE_KILL_AT", &format!("{step}:{pass}"))))
    };
    let patience = Duration::from_secs(90);
    if step == UNDER_WAY {
        let alpha = |a: &&Arrival| a.timeline == "alpha";
        let until = Instant::now() + patience;
        while victim.sandbox.arrivals().iter().skip(before).filter(alpha).count() < pass {
            assert!(Instant::now() < until, "{step}: nothing arrived");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        child.start_kill().unwrap();
    }
    let status = tokio::time::timeout(patience, child.wait()).await;
    let status = status.unwrap_or_else(|_| panic!("{step}: the step was not passed {pass} times")).unwrap();
    assert_eq!(status.signal(), Some(9), "{step}: {status:?}");
    if step == UNDER_WAY {
        victim.sandbox.clear_faults();
    }
}

async fn kill_at(database: Database, step: &str, rounds: usize) -> Tally {
    let victim = Victim::new(database).await;
    let mut tally = Tally::default();
    for round in 0..rounds {
        tally.deliveries += victim.queue().await;
        kill_once(&victim, step, round).await;
        tally.kills += 1;
    }
    let mut child = victim.serve(None);
    victim.settled(tally.deliveries).await;
    child.kill().await.unwrap();
    tally.arrived = nothing_twice_or_lost(&victim, step, tally.deliveries).await;
    tally
}

/// Each of so many deliveries came once, and no attempt is without an outcome. How many came.
pub async fn nothing_twice_or_lost(victim: &Victim, step: &str, deliveries: usize) -> usize {
    assert_eq!(victim.unsettled().await, 0, "{step}: attempts without an outcome");
    let mut seen = std::collections::HashMap::<String, usize>::new();
    for arrival in victim.sandbox.arrivals() {
        *seen.entry(arrival.posted.delivery).or_default() += 1;
    }
    let twice: Vec<_> = seen.iter().filter(|(_, n)| **n > 1).collect();
    assert!(twice.is_empty(), "{step}: arrived twice: {twice:?}");
    assert_eq!(seen.len(), deliveries, "{step}: lost");
    seen.len()
}

async fn every_step(database: Database) {
    let file = format!("kill-{database:?}").to_lowercase();
    evidence::forget(&file);
    let rounds = rounds("HOLDLINE_KILL_ROUNDS", 3);
    let steps = futures::future::join_all(STEPS.map(|step| kill_at(database, step, rounds))).await;
    let kills: usize = steps.iter().map(|t| t.kills).sum();
    let deliveries: usize = steps.iter().map(|t| t.deliveries).sum();
    let arrived: usize = steps.iter().map(|t| t.arrived).sum();
    let figures = json!({"checks": ["I2 nothing arrives twice, none is lost, each attempt is settled"],
        "steps": STEPS, "kills": kills, "deliveries": deliveries, "arrived_once": arrived});
    eprintln!("{database:?}: {figures}");
    evidence::write(&file, &figures);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_service_sends_nothing_twice_and_loses_nothing_on_sqlite() {
    every_step(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_service_sends_nothing_twice_and_loses_nothing_on_postgres() {
    every_step(Database::Postgres).await;
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_is_refused_in_words() {
    let victim = Victim::new(Database::Sqlite).await;
    let mut first = victim.serve(None);
    for _ in 0..100 {
        if victim.folder.path().join("node.json").exists() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let second = Command::new(env!("CARGO_BIN_EXE_holdline"))
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(victim.folder.path())
        .output()
        .await
        .unwrap();
    first.kill().await.unwrap();
    let words = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && words.contains("another holdline uses the data folder"), "{words}");
}
