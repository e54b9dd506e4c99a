//! Real `serve` processes on one database, each with a link of its own to it, and channels behind a link.

use std::collections::{BTreeSet, HashSet};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use holdline::app::board::unready;
use holdline::app::bulk::{self, BulkApproval};
use holdline::app::channels::NewChannel;
use holdline::app::freezes::{self, FreezeView};
use holdline::app::held::{self, Choice, Review};
use holdline::app::import::Importer;
use holdline::app::settle::{Settle, Settlement};
use holdline::app::{App, AppError, doubts, nodes, sending};
use holdline::clock::{Clock, Millis, rfc3339};
use holdline::domain::delivery::State;
use holdline::sandbox::Sandbox;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;

use super::link::Link;
use super::process::{LOOPBACK, Process, dial, holdline};
use crate::kill::Victim;
use crate::support::is_unready;

/// The label of every post here.
const LABEL: &str = "marketing";

/// How long after a thaw is watched that nothing of what was held comes out by itself.
const STAYS: Duration = Duration::from_millis(400);

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
    /// The words of every post that was approved.
    pub approved: HashSet<String>,
    /// A person's way to the first node.
    pub desk: Link,
}

impl Fleet {
    /// Nodes of these names on a database of PostgreSQL, or one on SQLite.
    pub async fn new(url: Option<String>, names: &[&'static str]) -> Self {
        Self::at(TempDir::new().unwrap(), url, names).await
    }

    /// Nodes on a database of PostgreSQL, each in a network of its own.
    pub async fn apart(url: String, names: &[&'static str]) -> Self {
        Self::with(TempDir::new().unwrap(), Some(url), names, true).await
    }

    /// The same, with the files of the first node in this folder.
    pub async fn at(folder: TempDir, url: Option<String>, names: &[&'static str]) -> Self {
        Self::with(folder, url, names, false).await
    }

    async fn with(folder: TempDir, url: Option<String>, names: &[&'static str], apart: bool) -> Self {
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
            nodes.push(Process::new(&victim, name, apart.then_some(channel.address)).await);
        }
        for node in &mut nodes {
            node.until_up().await;
        }
        let (network, port) = (nodes[0].network.clone(), nodes[0].port);
        let listener = TcpListener::bind(LOOPBACK).await.unwrap();
        let desk = Link::on(listener, move || dial(network.as_deref(), port));
        Self { victim, sandbox, channel, nodes, app, deliveries: 0, approved: HashSet::new(), desk }
    }

    /// Queues and approves so many posts that are due in so many milliseconds, each on both channels.
    pub async fn load(&mut self, count: usize, wait: Millis) {
        let due = rfc3339(self.app.clock().now() + wait);
        let mut importer = Importer::new(&self.app, &self.victim.operator, true).await.unwrap();
        for n in self.approved.len()..self.approved.len() + count {
            let text = format!("post {n}");
            let row = json!({"kind": "routine", "labels": [LABEL], "submit": true, "due": due, "source": {"text": text}});
            self.approved.insert(text);
            importer.feed(format!("{row}\n").as_bytes()).await.unwrap();
        }
        importer.finish().await.unwrap();
        while !self.approve(count).await {}
        self.deliveries += 2 * count;
    }

    /// Approves all that waits; not so, when a channel turns out not to be ready meanwhile.
    async fn approve(&self, count: usize) -> bool {
        let approver = self.victim.approver();
        let seen = bulk::preview(&self.app, approver, LABEL).await.unwrap();
        let unready = unready::among(&seen.readiness);
        if self.victim.url.is_some() {
            let all = BulkApproval { label: LABEL.into(), hash: seen.hash, unready };
            return match bulk::approve(&self.app, approver, &all).await {
                Err(e) if is_unready(&e) => false,
                done => done.unwrap().approved == count,
            };
        }
        // Nobody tells a node what other processes write into its file, so it approves by itself.
        let mut command = self.command(0, &["approvals", "bulk", "--label", LABEL, "--hash", &seen.hash]);
        command.args(unready.iter().flat_map(|name| ["--unready", name]));
        let done = command.env("HOLDLINE_TOKEN", &self.victim.approving).output().await.unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(done.status.success() || said.contains("unready"), "{said}");
        done.status.success()
    }

    /// A command line that asks this node.
    fn command(&self, node: usize, words: &[&str]) -> Command {
        let node = &self.nodes[node];
        let mut command = holdline(node.network.as_deref());
        command.args(words).args(["--server", &format!("http://127.0.0.1:{}", node.port)]);
        command
    }

    /// By how many seconds this node's clock is off, by what it tells the others.
    pub async fn clock_is_off(&self, node: usize) -> i64 {
        let status = nodes::status(&self.app, &self.victim.operator).await.unwrap();
        let seen = status.nodes.iter().find(|n| n.name == self.nodes[node].name).unwrap();
        (super::millis(&seen.last_seen_at) - self.app.clock().now()) / 1_000
    }

    /// Waits until this node has started: it listens before it has waited for the process before it.
    pub async fn until_served(&self, node: usize) {
        let asks =
            self.command(node, &["freezes", "list"]).env("HOLDLINE_TOKEN", &self.victim.token).output();
        let done = tokio::time::timeout(Duration::from_secs(60), asks).await.unwrap().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// How many freezes are in force.
    pub async fn in_force(&self) -> usize {
        freezes::list(&self.app, self.victim.approver(), true).await.unwrap().len()
    }

    /// Exports the log through the first node, and verifies it.
    pub async fn log_verifies(&self) {
        let folder = TempDir::new().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let (log, key) = (at("log"), at("key"));
        for words in [
            &["audit", "key"][..],
            &["audit", "export", "--out", &log],
            &["audit", "verify", &log, "--key", &key],
        ] {
            let mut command = self.command(0, words);
            let done = command.env("HOLDLINE_TOKEN", &self.victim.governing).output().await.unwrap();
            let said = [&done.stdout[..], &done.stderr[..]].map(String::from_utf8_lossy).concat();
            assert!(done.status.success(), "{words:?}: {said}");
            if words[1] == "key" {
                std::fs::write(&key, done.stdout).unwrap();
            }
        }
    }

    /// Freezes everything by the command line, through this node.
    pub fn freeze(&self, node: usize) -> impl Future<Output = (Option<FreezeView>, Duration)> + use<> {
        self.ask(self.command(node, &["freeze", "--json"]))
    }

    /// The same, on the way that can lose the answer.
    pub fn freeze_by_desk(&self) -> impl Future<Output = (Option<FreezeView>, Duration)> + use<> {
        let mut command = holdline(None);
        command.args(["freeze", "--json", "--server", &format!("http://{}", self.desk.address)]);
        self.ask(command)
    }

    fn ask(&self, mut command: Command) -> impl Future<Output = (Option<FreezeView>, Duration)> + use<> {
        command.env("HOLDLINE_TOKEN", &self.victim.token);
        async move {
            let begun = Instant::now();
            let answer =
                tokio::time::timeout(Duration::from_secs(90), command.output()).await.unwrap().unwrap();
            let frozen = serde_json::from_slice(&answer.stdout).ok();
            assert!(frozen.is_some() || !answer.stderr.is_empty(), "neither frozen nor told why");
            (frozen, begun.elapsed())
        }
    }

    /// Lifts every freeze, and gives what is held a time in a second. How much was held, of which nothing came out by
    /// itself.
    pub async fn thaw(&self) -> usize {
        let by = self.victim.approver();
        let freezes = freezes::list(&self.app, by, true).await.unwrap();
        let held = held::list(&self.app, by, State::Held, Some(LABEL), "", 500).await.unwrap();
        let before = self.sandbox.arrived();
        for freeze in &freezes {
            freezes::thaw(&self.app, by, &freeze.id, "the next round").await.unwrap();
        }
        if !freezes.is_empty() && !held.is_empty() {
            tokio::time::sleep(STAYS).await;
            let came = self.sandbox.arrivals_after(before);
            let out: Vec<_> =
                held.iter().filter(|h| came.iter().any(|a| a.posted.delivery == h.delivery)).collect();
            assert!(out.is_empty(), "a thaw let out what it held: {out:?}\n{}", self.story().await);
        }
        self.decide(Choice::Reschedule).await;
        if freezes.is_empty() { 0 } else { held.len() }
    }

    /// Decides about all that is held; the new time is in a second.
    pub async fn decide(&self, choice: Choice) {
        let by = self.victim.approver();
        if held::tally(&self.app, by, State::Held, Some(LABEL)).await.unwrap().matching == 0 {
            return;
        }
        loop {
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
            match held::review(&self.app, by, &review).await {
                // On a busy machine the second is over before it is looked at.
                Err(AppError::Invalid(problems)) if problems.iter().all(|p| p.field == "at") => {}
                done => return drop(done.unwrap()),
            }
        }
    }

    /// What is left to people is decided by somebody who looks at the channel. How many doubts that were.
    pub async fn look_there(&self) -> usize {
        let by = self.victim.approver();
        let left = doubts::list(&self.app, by, "", 500).await.unwrap();
        let left: Vec<_> =
            left.into_iter().filter(|d| d.attempt.as_ref().is_some_and(|a| a.next_read.is_none())).collect();
        let arrivals = self.sandbox.arrivals();
        for doubt in &left {
            let is_there = arrivals.iter().any(|a| a.kept && a.posted.delivery == doubt.delivery);
            let settlement = if is_there { Settlement::Published } else { Settlement::TryAgain };
            let word = Settle { settlement, note: format!("seen on the timeline: {is_there}"), url: None };
            eprintln!("left to people, who see {settlement:?}: {:?}", doubt.attempt);
            // It may be settled otherwise in this moment.
            let _ = held::settle(&self.app, by, &doubt.delivery, &word).await;
        }
        left.len()
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
        let doubts = held::list(&self.app, &self.victim.operator, State::InDoubt, None, "", 500).await;
        let doubts: Vec<_> = doubts.into_iter().flatten().collect();
        let held = held::list(&self.app, &self.victim.operator, State::Held, None, "", 500).await;
        let held: BTreeSet<_> = held.into_iter().flatten().map(|h| (h.due, h.freeze, h.reason)).collect();
        format!("{counts:?}\n{nodes:?}\n{freezes:?}\n{held:?}\n{doubts:?}\n{logs}")
    }
}
