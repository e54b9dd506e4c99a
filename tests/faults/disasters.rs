//! What a database and a disk can do to running nodes: a crash, a replica that lacks the last commits, no room.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use holdline::app::freezes;
use holdline::app::held::{self, Choice};
use holdline::app::nodes;
use holdline::domain::delivery::State;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;

use super::fleet::Fleet;
use super::{Fault, Tally, came_once, come_to_rest, judge, until_arrived};
use crate::support::evidence;

/// A PostgreSQL server of this test alone, so that it can be ended.
struct Server {
    data: TempDir,
    url: String,
}

impl Server {
    async fn start() -> Self {
        let data = TempDir::new().unwrap();
        run(&data, "start").await;
        let peer = std::fs::read_to_string(data.path().join("peer.json")).unwrap();
        let peer: Value = serde_json::from_str(&peer).unwrap();
        Self { url: peer["url"].as_str().unwrap().to_owned(), data }
    }

    async fn stop(self) {
        run(&self.data, "stop").await;
    }
}

async fn run(data: &TempDir, verb: &str) {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/peers/postgres/run.sh");
    let mut command = Command::new("bash");
    command.arg(script).arg(verb).env("PEER_DATA", data.path()).env_remove("PORT");
    let log = data.path().join(format!("{verb}.log"));
    // A server keeps what it has inherited: a pipe would never end.
    command.stdout(std::fs::File::create(&log).unwrap()).stderr(std::fs::File::create(&log).unwrap());
    let status = command.status().await.unwrap();
    assert!(status.success(), "{verb}: {}", std::fs::read_to_string(log).unwrap());
}

/// Leaves for `tests/EVIDENCE.md` how often that was played: rounds, deliveries, freezes.
fn note(file: &str, what: &str, checks: [&str; 2], (rounds, deliveries, freezes): (usize, usize, usize)) {
    let figures = json!({"checks": checks, "what": what, "rounds": rounds, "deliveries": deliveries,
        "freezes": freezes});
    evidence::write(&format!("disasters-{file}"), &figures);
}

const SEALED: &str = "I1 nothing arrives after SEALED that is not on the list";
const ONCE: &str = "I2 each delivery arrives once";

/// Why each node keeps its gate closed.
async fn closed(fleet: &Fleet) -> Vec<Option<String>> {
    let status = nodes::status(&fleet.app, &fleet.victim.operator).await.unwrap();
    status.nodes.into_iter().map(|n| n.closed).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_crashes_again_and_again_loses_and_doubles_nothing() {
    let server = Server::start().await;
    let mut fleet = Fleet::new(Some(server.url.clone()), &["a", "b"]).await;
    let mut tally = Tally::default();
    for round in 0..4 {
        let before = fleet.sandbox.arrived();
        for channel in ["alpha", "beta"] {
            fleet.sandbox.fault(channel, holdline::sandbox::Fault::SlowRead { ms: 120 }, 60);
        }
        fleet.load(60, 0).await;
        until_arrived(&fleet, before + 5 + 17 * round).await;
        // Somebody freezes as it crashes: it is in force, or they are told that it is not, and ask again.
        let asks = fleet.freeze(round % 2);
        let (_, (mut answer, _)) = tokio::join!(run(&server.data, "crash"), asks);
        fleet.reopen().await;
        let until = Instant::now() + Duration::from_secs(60);
        while answer.is_none() {
            assert!(Instant::now() < until, "no freeze after the crash\n{}", fleet.story().await);
            answer = fleet.freeze(round % 2).await.0;
        }
        judge(&mut fleet, &answer.unwrap().id, (round, Fault::Cut, before), &mut tally).await;
        fleet.thaw().await;
    }
    come_to_rest(&mut fleet).await;
    assert_eq!(tally.unlisted, 0, "came after SEALED and on no list");
    let what = "the database's server crashes, and somebody freezes meanwhile";
    note("crash", what, [SEALED, ONCE], (4, fleet.deliveries, 4));
    fleet.app.close().await;
    drop(fleet);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_promoted_replica_that_lacks_the_last_commits_opens_no_gate_and_sends_nothing_again() {
    let server = Server::start().await;
    let mut fleet = Fleet::new(Some(server.url.clone()), &["a", "b"]).await;
    fleet.load(20, 0).await;
    until_arrived(&fleet, 40).await;
    // They are approved in the copy, and go out when it is made.
    fleet.load(40, 45_000).await;
    run(&server.data, "copy").await;
    until_arrived(&fleet, 120).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    // This freeze was told, and is lost.
    let (frozen, _) = fleet.freeze(0).await;
    assert!(frozen.is_some_and(|f| f.sealed_at.is_some()), "{}", fleet.story().await);
    run(&server.data, "promote").await;
    fleet.reopen().await;
    assert_eq!(fleet.in_force().await, 0, "the replica has the freeze");
    let until = Instant::now() + Duration::from_secs(60);
    while closed(&fleet).await.iter().any(Option::is_none) {
        assert!(Instant::now() < until, "a gate is open\n{}", fleet.story().await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(fleet.sandbox.arrived(), 120, "something went out\n{}", fleet.story().await);
    let why = closed(&fleet).await;
    assert!(why.iter().flatten().all(|w| w.contains("confirm")), "{why:?}");
    nodes::confirm(&fleet.app, &fleet.victim.administrator, "the replica took over").await.unwrap();
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(came_once(&fleet), 120, "what may be out goes out again\n{}", fleet.story().await);
    // A person looks there, and sees that they are out.
    let held = held::list(&fleet.app, &fleet.victim.operator, State::Held, None, "", 500).await.unwrap();
    assert!(held.len() == 80 && held.iter().all(|h| h.reason.is_some()), "{held:?}");
    fleet.decide(Choice::Cancel).await;
    fleet.load(5, 0).await;
    until_arrived(&fleet, 130).await;
    assert_eq!(came_once(&fleet), 130);
    let what = "a replica takes over that lacks the last commits, a freeze among them";
    let checks = ["I7 no gate opens by itself, and nothing that may be out goes out again", ONCE];
    note("replica", what, checks, (1, fleet.deliveries, 1));
    fleet.app.close().await;
    drop(fleet);
    server.stop().await;
}

/// A folder on a disk of its own, which is small.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(folder.path());
        assert!(
            command.status().await.unwrap().success(),
            "a small disk cannot be mounted: run this as root, in a container with SYS_ADMIN"
        );
        Self { folder }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(self.folder.path()).status();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_without_room_loses_and_doubles_nothing() {
    let disk = SmallDisk::new().await;
    let inside = TempDir::new_in(disk.folder.path()).unwrap();
    let ballast = disk.folder.path().join("ballast");
    let mut fleet = Fleet::at(inside, None, &["a"]).await;
    for channel in ["alpha", "beta"] {
        fleet.sandbox.fault(channel, holdline::sandbox::Fault::Late { ms: 60 }, 90);
    }
    fleet.load(90, 0).await;
    until_arrived(&fleet, 12).await;
    let filled = tokio::fs::write(&ballast, vec![0_u8; 24 << 20]).await;
    assert!(filled.is_err(), "there was room");
    tokio::time::sleep(Duration::from_secs(4)).await;
    let stood = fleet.sandbox.arrived();
    // Somebody freezes all the same. It is in force, or they are told that it is not.
    let (frozen, _) = fleet.freeze(0).await;
    eprintln!("without room: {stood} of 180 had arrived; the freeze: {frozen:?}");
    if let Some(frozen) = &frozen {
        freezes::get(&fleet.app, &frozen.id).await.expect("somebody was told that it is in force");
    }
    std::fs::remove_file(&ballast).unwrap();
    fleet.nodes[0].until_up().await;
    let until = Instant::now() + Duration::from_secs(30);
    let frozen = loop {
        if let (Some(frozen), _) = fleet.freeze(0).await {
            break frozen;
        }
        assert!(Instant::now() < until, "no freeze with room again\n{}", fleet.story().await);
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    let mut tally = Tally::default();
    judge(&mut fleet, &frozen.id, (0, Fault::Killed, stood), &mut tally).await;
    come_to_rest(&mut fleet).await;
    assert_eq!(tally.unlisted, 0, "came after SEALED and on no list");
    note("disk", "the disk is full, and somebody freezes", [SEALED, ONCE], (1, fleet.deliveries, 1));
    fleet.app.close().await;
}
