//! The return from a restore, a copy, a failover (I7): the gate stays closed until a person confirms,
//! and what was due then waits for a decision.

use std::path::Path;
use std::time::Duration;

use holdline::app::freezes::{self, NewFreeze};
use holdline::app::permits::{self, Rooms};
use holdline::app::secrets::Keys;
use holdline::app::{App, keys, nodes, posts};
use holdline::domain::delivery::State;
use holdline::store::Store;
use holdline::store::audit::AuditFilter;
use holdline::worker::Worker;
use serde_json::json;
use sqlx::{AssertSqlSafe, Executor};

use crate::on_both;
use crate::support::{Bench, Database, start};

/// The application of node-a on another database.
fn app_on(bench: &Bench, store: Store) -> App {
    App::new(store, bench.app.clock().clone(), Keys::random(), "node-a", "http://localhost:8740")
}

pub async fn closed(worker: &Worker) -> String {
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    worker.gate().status().1.unwrap_or_default()
}

pub async fn opens(worker: &Worker) {
    for _ in 0..200 {
        if worker.gate().status().1.is_none() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the gate stays closed: {:?}", worker.gate().status());
}

/// Confirms, and looks that nothing that was due goes out by itself.
async fn confirm_and_look(bench: &Bench, app: &App, worker: &Worker, post: &str) {
    let before = bench.sandbox.arrived();
    let confirmed = nodes::confirm(app, &bench.administrator, "the backup of this night").await.unwrap();
    assert_eq!(confirmed.held, 1);
    opens(worker).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    let view = posts::get(app, &bench.operator, post).await.unwrap();
    assert_eq!(view.deliveries[0].state, State::Held);
    assert!(view.deliveries[0].reason.as_deref().unwrap().contains("may have gone out already"));
    assert_eq!(bench.sandbox.arrived(), before, "what may have gone out goes by a decision only");
    // What is new goes on.
    let new = serde_json::from_value(json!({"kind": "routine", "channels": ["alpha"], "submit": true,
        "source": {"text": "after the return"}}))
    .unwrap();
    let new = posts::create(app, &bench.operator, &new).await.unwrap();
    let sheet = holdline::app::approvals::sheet(app, &bench.approver, &new.id).await.unwrap();
    let yes = serde_json::from_value(json!({"decision": "approve", "bundle": sheet.bundle})).unwrap();
    holdline::app::approvals::decide(app, &bench.approver, &new.id, &yes).await.unwrap();
    for _ in 0..200 {
        if bench.sandbox.arrived() > before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the gate is open, and nothing goes");
}

async fn one_post(bench: &Bench) -> String {
    let post = json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "once"}});
    bench.approved(post).await.id
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_backup_in_the_same_file_is_seen_by_its_shorter_log() {
    let bench = Bench::new(Database::Sqlite).await;
    let file = bench.folder().join("holdline.db");
    let backup = bench.folder().join("backup.db");
    let post = one_post(&bench).await;
    vacuum(&file, &backup).await;
    let worker = bench.start().await;
    bench.until(&post, &["accepted"]).await;
    worker.stop().await.unwrap().remember().await;
    bench.app.close().await;
    restore(&bench, &backup);
    let app = app_on(&bench, Store::sqlite(&file).await.unwrap());
    let worker = start(&app, "a", bench.folder()).await;
    let why = closed(&worker).await;
    assert!(why.contains("behind") && why.contains("holdline gate confirm"), "{why}");
    assert_eq!(bench.sandbox.arrived(), 1, "it was sent before the restore, and is not sent again");
    assert!(nodes::ready(&app).await.unwrap().unwrap_err().contains("behind"));
    confirm_and_look(&bench, &app, &worker, &post).await;
    worker.stop().await.unwrap();
    // Confirmed once, it opens by itself from now on.
    let worker = start(&app, "a", bench.folder()).await;
    opens(&worker).await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_from_before_the_last_entry_of_a_stop_is_seen() {
    let bench = Bench::new(Database::Sqlite).await;
    let file = bench.folder().join("holdline.db");
    let backup = bench.folder().join("backup.db");
    let stopped = bench.start().await.stop().await.unwrap();
    vacuum(&file, &backup).await;
    // A request that was under way when the sender had ended already.
    one_post(&bench).await;
    stopped.remember().await;
    bench.app.close().await;
    restore(&bench, &backup);
    let app = app_on(&bench, Store::sqlite(&file).await.unwrap());
    let worker = start(&app, "a", bench.folder()).await;
    let why = closed(&worker).await;
    assert!(why.contains("behind"), "{why}");
    worker.stop().await.unwrap();
}

/// Puts a backup over the database's file, whose inode and birth stay.
fn restore(bench: &Bench, backup: &Path) {
    std::fs::copy(backup, bench.folder().join("holdline.db")).unwrap();
    for side in ["holdline.db-wal", "holdline.db-shm"] {
        let _ = std::fs::remove_file(bench.folder().join(side));
    }
}

async fn vacuum(file: &Path, into: &Path) {
    let db = sqlx::SqlitePool::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("vacuum into '{}'", into.display()))).execute(&db).await.unwrap();
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_folder_stays_closed_and_the_original_goes_on() {
    let bench = Bench::new(Database::Sqlite).await;
    let worker = bench.start().await;
    worker.stop().await.unwrap();
    let post = one_post(&bench).await;
    let copy = tempfile::TempDir::new().unwrap();
    vacuum(&bench.folder().join("holdline.db"), &copy.path().join("holdline.db")).await;
    // With its memory and without: a copy is seen by the file itself.
    std::fs::copy(bench.folder().join("node.json"), copy.path().join("node.json")).unwrap();
    let app = app_on(&bench, Store::sqlite(&copy.path().join("holdline.db")).await.unwrap());
    let empty = tempfile::TempDir::new().unwrap();
    for memory in [copy.path(), empty.path()] {
        let worker = start(&app, "a", memory).await;
        let why = closed(&worker).await;
        assert!(why.contains("is a copy"), "{why}");
        assert_eq!(bench.sandbox.arrived(), 0);
        worker.stop().await.unwrap();
    }
    let worker = bench.start().await;
    bench.until(&post, &["accepted"]).await;
    worker.stop().await.unwrap();
    let worker = start(&app, "a", copy.path()).await;
    confirm_and_look(&bench, &app, &worker, &post).await;
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_read_in_from_another_stays_closed_on_postgres() {
    let bench = Bench::new(Database::Postgres).await;
    let worker = bench.start().await;
    worker.stop().await.unwrap();
    let post = one_post(&bench).await;
    bench.app.close().await;
    let url = bench.url().unwrap();
    let name = url.rsplit('/').next().unwrap();
    let server = sqlx::PgPool::connect(&std::env::var("HOLDLINE_TEST_POSTGRES").unwrap()).await.unwrap();
    server.execute(AssertSqlSafe(format!("create database {name}_copy template {name}"))).await.unwrap();
    server.close().await;
    let app = app_on(&bench, Store::postgres(&format!("{url}_copy")).await.unwrap());
    let empty = tempfile::TempDir::new().unwrap();
    for memory in [bench.folder(), empty.path()] {
        let worker = start(&app, "a", memory).await;
        let why = closed(&worker).await;
        assert!(why.contains("is a copy"), "{why}");
        worker.stop().await.unwrap();
    }
    assert_eq!(bench.sandbox.arrived(), 0);
    let worker = start(&app, "a", bench.folder()).await;
    confirm_and_look(&bench, &app, &worker, &post).await;
    worker.stop().await.unwrap();
}

/// Takes the last entries of the log away, as a replica that is promoted without the last commits.
async fn lose_the_last_commits(bench: &Bench) {
    bench
        .meddle(&[
            "update audit_head set size = size - 3",
            "delete from audit where seq >= (select size from audit_head)",
        ])
        .await;
}

/// Keeps what a backup of now would hold, in tables beside.
pub async fn keep_a_backup(bench: &Bench) {
    let tables = KEPT.map(|t| format!("create table kept_{t} as select * from {t}"));
    bench.meddle(&tables.each_ref().map(String::as_str)).await;
}

/// Puts that backup in place, in the same database.
pub async fn put_the_backup_back(bench: &Bench) {
    let mut sql: Vec<_> = KEPT.iter().rev().map(|t| format!("delete from {t}")).collect();
    sql.extend(KEPT.map(|t| format!("insert into {t} select * from kept_{t}")));
    bench.meddle(&sql.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

const KEPT: [&str; 7] = ["gate", "nodes", "freezes", "deliveries", "attempts", "audit", "audit_head"];

/// People go on writing until the log is longer than `size`.
pub async fn grow_beyond(bench: &Bench, size: usize) {
    while log_size(bench).await <= size {
        bench
            .submit(json!({"kind": "routine", "channels": ["alpha"], "source": {"text": "later"},
            "due": "2099-01-01T00:00:00Z"}))
            .await;
    }
}

pub async fn log_size(bench: &Bench) -> usize {
    let last = AuditFilter { limit: 1, ..AuditFilter::default() };
    usize::try_from(bench.look().await.audit(&last).await.unwrap()[0].seq).unwrap() + 1
}

on_both! {
    async fn an_older_backup_stays_closed_however_long_its_log_grows(bench) {
        let post = one_post(&bench).await;
        keep_a_backup(&bench).await;
        let worker = bench.start().await;
        bench.until(&post, &["accepted"]).await;
        tokio::time::sleep(Duration::from_millis(1_300)).await;
        worker.stop().await.unwrap();
        let remembered = log_size(&bench).await;
        put_the_backup_back(&bench).await;
        // It has grown beyond what the node remembers before the node looks for the first time.
        grow_beyond(&bench, remembered).await;
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        let why = closed(&worker).await;
        assert!(why.contains("is not the one that was seen") && why.contains("holdline gate confirm"), "{why}");
        // Nor do new epochs open it, nor another start.
        for _ in 0..3 {
            let frozen = freezes::create(&app, &bench.operator, &NewFreeze::default()).await.unwrap();
            assert!(frozen.sealed_at.is_some(), "a closed gate keeps no freeze waiting: {frozen:?}");
            freezes::thaw(&app, &bench.operator, &frozen.id, "over").await.unwrap();
        }
        assert!(closed(&worker).await.contains("behind"));
        worker.stop().await.unwrap();
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        assert!(closed(&worker).await.contains("behind"));
        assert_eq!(bench.sandbox.arrived(), 1, "it was sent before the restore, and is not sent again");
        confirm_and_look(&bench, &app, &worker, &post).await;
        worker.stop().await.unwrap();
    }

    async fn what_a_start_writes_itself_does_not_hide_that_the_database_is_behind(bench) {
        // A backup of a rush: permits without an outcome, each of which a start puts in doubt.
        for _ in 0..6 {
            one_post(&bench).await;
        }
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 6);
        permits::claim(&bench.app, 10, 10, &mut rooms).await.unwrap();
        keep_a_backup(&bench).await;
        let worker = bench.start().await;
        worker.stop().await.unwrap();
        put_the_backup_back(&bench).await;
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        assert!(closed(&worker).await.contains("behind"));
        worker.stop().await.unwrap();
    }

    async fn a_backup_from_before_a_confirmation_stays_closed_whatever_its_epoch(bench) {
        let worker = bench.start().await;
        opens(&worker).await;
        keep_a_backup(&bench).await;
        nodes::confirm(&bench.app, &bench.administrator, "it is this one").await.unwrap();
        closed(&worker).await;
        opens(&worker).await;
        worker.stop().await.unwrap();
        let remembered = log_size(&bench).await;
        put_the_backup_back(&bench).await;
        let app = bench.again().await;
        for _ in 0..3 {
            let frozen = freezes::create(&app, &bench.operator, &NewFreeze::default()).await.unwrap();
            freezes::thaw(&app, &bench.operator, &frozen.id, "over").await.unwrap();
        }
        grow_beyond(&bench, remembered).await;
        let worker = start(&app, "a", bench.folder()).await;
        let why = closed(&worker).await;
        assert!(why.contains("older than one that was confirmed since"), "{why}");
        worker.stop().await.unwrap();
    }

    async fn a_running_node_sees_that_the_log_went_back(bench) {
        let worker = bench.start().await;
        opens(&worker).await;
        lose_the_last_commits(&bench).await;
        let why = closed(&worker).await;
        assert!(why.contains("behind"), "{why}");
        worker.stop().await.unwrap();
    }

    async fn no_permit_is_given_on_a_database_that_went_back(bench) {
        one_post(&bench).await;
        let mut rooms = Rooms::default();
        rooms.set(&bench.channels[0], 1);
        // The node has seen the database, as every claim does.
        let batch = permits::claim(&bench.app, 10, 10, &mut Rooms::default()).await.unwrap();
        permits::abandon(&bench.app, &[batch.claimed[0].delivery.clone()]).await.unwrap();
        bench.app.clock().advance(5_000);
        lose_the_last_commits(&bench).await;
        let refused = permits::claim(&bench.app, 10, 10, &mut rooms).await.unwrap_err();
        assert!(refused.to_string().contains("behind"), "{refused}");
    }

    async fn a_node_of_another_installation_key_is_refused(bench) {
        keys::check(&bench.app).await.unwrap();
        keys::check(&bench.app).await.unwrap();
        let stranger = app_on(&bench, bench.look().await);
        let why = keys::check(&stranger).await.unwrap_err().to_string();
        assert!(why.contains("instance.key"), "{why}");
    }
}
