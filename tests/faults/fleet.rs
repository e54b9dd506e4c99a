//! Real `serve` processes on one database, each with a link of its own to it, and channels behind a link.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use holdline::app::App;
use holdline::app::board::unready;
use holdline::app::bulk::{self, BulkApproval};
use holdline::app::channels::NewChannel;
use holdline::app::freezes::{self, FreezeView};
use holdline::app::held::{self, Choice, Review};
use holdline::app::import::Importer;
use holdline::app::{nodes, sending};
use holdline::clock::{Clock, Millis, rfc3339};
use holdline::domain::delivery::State;
use holdline::sandbox::Sandbox;
use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::link::Link;
use crate::kill::Victim;

/// The label of every post here.
const LABEL: &str = "marketing";
/// Where Debian has the library that lies about the time.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

/// One node.
pub struct Process {
    pub name: &'static str,
    folder: PathBuf,
    _own: Option<TempDir>,
    port: u16,
    /// Its way to PostgreSQL.
    pub database: Option<Link>,
    url: Option<String>,
    /// What its clock is off by, as libfaketime reads it.
    clock: PathBuf,
    child: Child,
}

/// A free port. Somebody else may take it before it is used; then the node does not start, in words.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Process {
    async fn new(victim: &Victim, name: &'static str) -> Self {
        let (folder, own) = match &victim.url {
            None => (victim.folder.path().to_owned(), None),
            Some(_) => {
                let own = TempDir::new().unwrap();
                std::fs::copy(victim.folder.path().join("instance.key"), own.path().join("instance.key"))
                    .unwrap();
                (own.path().to_owned(), Some(own))
            }
        };
        let (mut database, mut url) = (None, None);
        if let Some(whole) = &victim.url {
            let mut through = url::Url::parse(whole).unwrap();
            let server = format!("{}:{}", through.host_str().unwrap(), through.port().unwrap());
            let link = Link::start(server.parse().unwrap()).await;
            through.set_port(Some(link.address.port())).unwrap();
            url = Some(through.to_string());
            database = Some(link);
        }
        let clock = folder.join("clock");
        std::fs::write(&clock, "+0").unwrap();
        let port = free_port();
        let child = spawn(&folder, name, port, url.as_deref(), &clock);
        Self { name, folder, _own: own, port, database, url, clock, child }
    }

    /// Sends it a signal, by the name that `kill` knows.
    pub async fn signal(&self, signal: &str) {
        let id = self.child.id().expect("the node runs").to_string();
        assert!(Command::new("kill").args(["-s", signal, &id]).status().await.unwrap().success());
    }

    /// Ends it as a power cut does.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Starts it again when it has ended.
    pub fn restart_if_ended(&mut self) -> bool {
        let has_ended = self.child.try_wait().unwrap().is_some();
        if has_ended {
            self.child = spawn(&self.folder, self.name, self.port, self.url.as_deref(), &self.clock);
        }
        has_ended
    }

    /// Sets its clock off by so many seconds.
    pub fn step_clock(&self, seconds: i64) {
        std::fs::write(&self.clock, format!("{seconds:+}")).unwrap();
    }

    /// Waits until it answers.
    pub async fn until_up(&mut self) {
        let until = Instant::now() + Duration::from_secs(60);
        while tokio::net::TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
            self.restart_if_ended();
            assert!(Instant::now() < until, "{} does not start:\n{}", self.name, self.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The end of what it logged.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.join("serve.log")).unwrap_or_default();
        log.lines().rev().take(30).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

fn spawn(
    folder: &std::path::Path,
    name: &str,
    port: u16,
    url: Option<&str>,
    clock: &std::path::Path,
) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdline"));
    command.args(["serve", "--allow-private", "127.0.0.0/8", "--node-name", name, "--data"]).arg(folder);
    command.args(["--listen", &format!("127.0.0.1:{port}")]).env("HOLDLINE_LOG", "warn");
    command.env_remove("HOLDLINE_KILL_AT").env_remove("HOLDLINE_PANIC_AT");
    assert!(std::path::Path::new(FAKETIME).exists(), "{FAKETIME} is missing: apt-get install faketime");
    command.env("LD_PRELOAD", FAKETIME).env("FAKETIME_TIMESTAMP_FILE", clock);
    // The steps of a clock are those of the day's time; what runs monotonically goes on.
    command.env("FAKETIME_NO_CACHE", "1").env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    if let Some(url) = url {
        command.args(["--database-url", url]);
    }
    let log = std::fs::File::options().create(true).append(true).open(folder.join("serve.log")).unwrap();
    command.stdout(Stdio::null()).stderr(log).kill_on_drop(true).spawn().unwrap()
}

/// An installation of real processes.
pub struct Fleet {
    pub victim: Victim,
    pub sandbox: Sandbox,
    /// The way of every node to the channels.
    pub channel: Link,
    pub nodes: Vec<Process>,
    /// The application on the same database, without a sender and behind no link.
    pub app: App,
    pub deliveries: usize,
}

impl Fleet {
    /// Nodes of these names on a database of PostgreSQL, or one on SQLite.
    pub async fn new(url: Option<String>, names: &[&'static str]) -> Self {
        Self::at(TempDir::new().unwrap(), url, names).await
    }

    /// The same, with the files of the first node in this folder.
    pub async fn at(folder: TempDir, url: Option<String>, names: &[&'static str]) -> Self {
        let sandbox = Sandbox::start(SocketAddr::from(([127, 0, 0, 1], 0)), Clock::real()).await.unwrap();
        let real: url::Url = sandbox.url("x").parse().unwrap();
        let channel = Link::start(SocketAddr::from(([127, 0, 0, 1], real.port().unwrap()))).await;
        let new = |name: &str| NewChannel {
            name: name.into(),
            adapter: "sandbox".into(),
            brand: "main".into(),
            settings: json!({"url": format!("http://{}/{name}", channel.address)}),
            credential: None,
            drill: false,
        };
        let victim = Victim::at(folder, url, vec![new("alpha"), new("beta")]).await;
        let app = victim.open().await;
        let mut nodes = Vec::new();
        for name in names {
            nodes.push(Process::new(&victim, name).await);
        }
        for node in &mut nodes {
            node.until_up().await;
        }
        Self { victim, sandbox, channel, nodes, app, deliveries: 0 }
    }

    /// Queues and approves so many posts that are due in so many milliseconds, each on both channels.
    pub async fn load(&mut self, count: usize, wait: Millis) {
        let due = rfc3339(self.app.clock().now() + wait);
        let mut importer = Importer::new(&self.app, &self.victim.operator, true).await.unwrap();
        for n in 0..count {
            let row = json!({"kind": "routine", "labels": [LABEL], "submit": true, "due": due, "source": {"text": format!("{n}")}});
            importer.feed(format!("{row}\n").as_bytes()).await.unwrap();
        }
        importer.finish().await.unwrap();
        let approver = self.victim.approver();
        let seen = bulk::preview(&self.app, approver, LABEL).await.unwrap();
        let all =
            BulkApproval { label: LABEL.into(), hash: seen.hash, unready: unready::among(&seen.readiness) };
        assert_eq!(bulk::approve(&self.app, approver, &all).await.unwrap().approved, count);
        self.deliveries += 2 * count;
    }

    /// Freezes everything by the command line, through this node.
    pub fn freeze(&self, node: usize) -> impl Future<Output = (Option<FreezeView>, Duration)> + use<> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdline"));
        command.args([
            "freeze",
            "--json",
            "--server",
            &format!("http://127.0.0.1:{}", self.nodes[node].port),
        ]);
        command.env("HOLDLINE_TOKEN", &self.victim.token);
        async move {
            let begun = Instant::now();
            let answer =
                tokio::time::timeout(Duration::from_secs(60), command.output()).await.unwrap().unwrap();
            (serde_json::from_slice(&answer.stdout).ok(), begun.elapsed())
        }
    }

    /// Lifts every freeze, and gives what is held a time in a second.
    pub async fn thaw(&self) {
        let by = self.victim.approver();
        for freeze in freezes::list(&self.app, by, true).await.unwrap() {
            freezes::thaw(&self.app, by, &freeze.id, "the next round").await.unwrap();
        }
        self.decide(Choice::Reschedule).await;
    }

    /// Decides about all that is held; the new time is in a second.
    pub async fn decide(&self, choice: Choice) {
        let by = self.victim.approver();
        let at = (choice == Choice::Reschedule).then(|| rfc3339(self.app.clock().now() + 1_000));
        let review = Review {
            choice,
            deliveries: Vec::new(),
            label: Some(LABEL.into()),
            hash: None,
            expected: None,
            at,
            zone: None,
            spread_minutes: 0,
        };
        let held = held::tally(&self.app, by, State::Held, Some(LABEL)).await.unwrap().matching;
        if held > 0 {
            held::review(&self.app, by, &review).await.unwrap();
        }
    }

    /// Opens the database anew, after it was away.
    pub async fn reopen(&mut self) {
        self.app.close().await;
        self.app = self.victim.open().await;
    }

    /// How it stands, and what every node logged last.
    pub async fn story(&self) -> String {
        let counts = sending::counts(&self.app).await;
        let nodes = nodes::status(&self.app, &self.victim.operator).await;
        let logs: String = self.nodes.iter().map(|n| format!("== {}\n{}\n", n.name, n.log())).collect();
        let freezes = freezes::list(&self.app, &self.victim.operator, false).await;
        let freezes: Vec<_> = freezes
            .into_iter()
            .flatten()
            .take(4)
            .map(|f| (f.committed_at, f.sealed_at, f.thawed_at))
            .collect();
        let held = held::list(&self.app, &self.victim.operator, State::Held, None, "", 500).await;
        let held: BTreeSet<_> = held.into_iter().flatten().map(|h| (h.due, h.freeze, h.reason)).collect();
        format!("{counts:?}\n{nodes:?}\n{freezes:?}\n{held:?}\n{logs}")
    }
}
