//! What migrations make of rows that are there.

use holdline::store::Store;
use sqlx::migrate::Migrator;
use sqlx::{AssertSqlSafe, Executor, PgPool, SqlitePool};
use tempfile::TempDir;

use crate::support::fresh_postgres;

/// The migrations up to a number.
fn up_to(last: i64, all: &Migrator) -> Migrator {
    Migrator::with_migrations(all.iter().filter(|m| m.version <= last).cloned().collect())
}

/// Source and key of a signal, and the thing that it is about.
const KEYS: [(&str, &str, &str); 7] = [
    ("alertmanager", "0123456789abcdef 1764248520000", "0123456789abcdef"),
    ("grafana", "fedcba9876543210 1764248520000", "fedcba9876543210"),
    (
        "alertmanager",
        "{}/{team=\"a b\"}:{alertname=\"x\", z=\"y\"}",
        "{}/{team=\"a b\"}:{alertname=\"x\", z=\"y\"}",
    ),
    ("grafana", "{} 1764248520000", "{} 1764248520000"),
    ("alertmanager", "disk full 12", "disk full 12"),
    ("alertmanager", "sha256:00", "sha256:00"),
    ("nagios", "0123456789abcdef 1764248520000", "0123456789abcdef 1764248520000"),
];

/// Statements that write these signals.
fn rows() -> Vec<String> {
    let row = |(n, (source, key, _)): (usize, &(&str, &str, &str))| {
        format!(
            "insert into signals (id, said_by, source, key, title, state, first_seen_at, last_seen_at, times,
               worded, logged_at) values ('{n}', 'p', '{source}', '{key}', 't', 'waiting', 1, 1, 1, 1, 1)"
        )
    };
    KEYS.iter().enumerate().map(row).collect()
}

async fn check(store: &Store) {
    let signals = store.signals(true, 99).await.unwrap();
    assert_eq!(signals.len(), KEYS.len());
    for (n, (.., thing)) in KEYS.iter().enumerate() {
        let signal = signals.iter().find(|s| s.id == n.to_string()).unwrap();
        assert_eq!(signal.thing, *thing, "{}", signal.key);
    }
    store.close().await;
}

#[tokio::test]
async fn signals_from_before_know_their_things_sqlite() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("old.db");
    let old = SqlitePool::connect(&format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    up_to(6, &sqlx::migrate!("migrations/sqlite")).run(&old).await.unwrap();
    for row in rows() {
        old.execute(AssertSqlSafe(row)).await.unwrap();
    }
    old.close().await;
    check(&Store::sqlite(&file).await.unwrap()).await;
}

#[tokio::test]
async fn signals_from_before_know_their_things_postgres() {
    let url = fresh_postgres().await;
    let old = PgPool::connect(&url).await.unwrap();
    up_to(6, &sqlx::migrate!("migrations/postgres")).run(&old).await.unwrap();
    for row in rows() {
        old.execute(AssertSqlSafe(row)).await.unwrap();
    }
    old.close().await;
    check(&Store::postgres(&url).await.unwrap()).await;
}

/// What was sent before, on two channels; a third one has sent nothing, and a start is no proof.
const SENT: &str = "
    insert into posts (id, kind, brand, labels, source, words, zone, author_id, authors, state, due_at, created_at,
      updated_at, version) values ('1', 'routine', 'main', '[]', '{}', '', 'UTC', 'a', '[]', 'approved', 1, 1, 1, 1),
      ('2', 'routine', 'main', '[]', '{}', '', 'UTC', 'a', '[]', 'approved', 1, 1, 1, 1);
    insert into channels (id, name, adapter, brand, settings, drill, paused_until, created_at, version) values
      ('a', 'a', 'sandbox', 'main', '{}', false, 0, 1, 1), ('b', 'b', 'sandbox', 'main', '{}', false, 0, 1, 1),
      ('c', 'c', 'sandbox', 'main', '{}', false, 0, 1, 1);
    insert into deliveries (id, post_id, channel_id, lane, state, ready_at, due_at, rendition, content_hash, attempts,
      permits, replaced, started, created_at, settled_at) values
      ('1', '1', 'a', 0, 'accepted', 1, 1, '{}', 'x', 1, 1, 0, 0, 1, 11),
      ('2', '2', 'a', 0, 'accepted', 1, 1, '{}', 'x', 1, 1, 0, 0, 1, 22),
      ('3', '1', 'b', 0, 'accepted', 1, 1, '{}', 'x', 1, 1, 0, 0, 1, 33),
      ('4', '1', 'c', 0, 'failed', 1, 1, '{}', 'x', 1, 1, 0, 0, 1, 44),
      ('5', '2', 'c', 0, 'accepted', 1, 1, '{}', 'x', 1, 1, 0, 1, 1, 55)";

async fn check_posted(store: &Store) {
    let posted: Vec<_> = store.channels().await.unwrap().into_iter().map(|c| c.posted_at).collect();
    assert_eq!(posted, [Some(22), Some(33), None]);
    store.close().await;
}

#[tokio::test]
async fn channels_from_before_know_their_last_post_sqlite() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("old.db");
    let old = SqlitePool::connect(&format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    up_to(10, &sqlx::migrate!("migrations/sqlite")).run(&old).await.unwrap();
    old.execute(SENT).await.unwrap();
    old.close().await;
    check_posted(&Store::sqlite(&file).await.unwrap()).await;
}

#[tokio::test]
async fn channels_from_before_know_their_last_post_postgres() {
    let url = fresh_postgres().await;
    let old = PgPool::connect(&url).await.unwrap();
    up_to(10, &sqlx::migrate!("migrations/postgres")).run(&old).await.unwrap();
    old.execute(SENT).await.unwrap();
    old.close().await;
    check_posted(&Store::postgres(&url).await.unwrap()).await;
}

/// A change of words that was approved before, and one that only waited.
const CHANGES: &str = "
    insert into posts (id, kind, brand, labels, source, words, zone, author_id, authors, state, due_at, created_at,
      updated_at, version, revises) values
      ('1', 'routine', 'main', '[]', '{}', '', 'UTC', 'a', '[]', 'approved', 1, 1, 1, 1, null),
      ('2', 'routine', 'main', '[]', '{}', '', 'UTC', 'a', '[]', 'approved', 1, 1, 1, 1, null),
      ('3', 'routine', 'main', '[]', '{}', '', 'UTC', 'a', '[]', 'approved', 1, 1, 1, 1, '1'),
      ('4', 'routine', 'main', '[]', '{}', '', 'UTC', 'a', '[]', 'submitted', 1, 1, 1, 1, '2');
    insert into channels (id, name, adapter, brand, settings, drill, paused_until, created_at, version) values
      ('a', 'a', 'sandbox', 'main', '{}', false, 0, 1, 1);
    insert into deliveries (id, post_id, channel_id, lane, state, ready_at, due_at, rendition, content_hash, attempts,
      permits, replaced, started, created_at) values
      ('3', '3', 'a', 0, 'scheduled', 1, 1, '{}', 'x', 0, 0, 0, 0, 1),
      ('4', '4', 'a', 0, 'draft', 1, 1, '{}', 'x', 0, 0, 0, 0, 1)";

async fn check_changed(store: &Store) {
    let mut tx = store.begin().await.unwrap();
    assert_eq!(tx.changed(&["1".into(), "2".into()]).await.unwrap(), [("1".into(), "3".into())]);
    drop(tx);
    store.close().await;
}

#[tokio::test]
async fn changes_of_words_from_before_still_hold_the_old_ones_sqlite() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("old.db");
    let old = SqlitePool::connect(&format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    up_to(19, &sqlx::migrate!("migrations/sqlite")).run(&old).await.unwrap();
    old.execute(CHANGES).await.unwrap();
    old.close().await;
    check_changed(&Store::sqlite(&file).await.unwrap()).await;
}

#[tokio::test]
async fn changes_of_words_from_before_still_hold_the_old_ones_postgres() {
    let url = fresh_postgres().await;
    let old = PgPool::connect(&url).await.unwrap();
    up_to(19, &sqlx::migrate!("migrations/postgres")).run(&old).await.unwrap();
    old.execute(CHANGES).await.unwrap();
    old.close().await;
    check_changed(&Store::postgres(&url).await.unwrap()).await;
}

/// A report that waits, of the third attempt.
const REPORT: &str = r#"insert into waiting_reports (delivery_id, who, fate, word, at) values ('3', 'w', 'taken',
    '{"of":{"delivery":"d","attempt":3,"who":"w"},"message":"m","fate":"taken"}', 1)"#;

async fn check_reports(store: &Store) {
    let mut tx = store.begin().await.unwrap();
    for attempt in [3, 4] {
        tx.put_report_aside("3", (attempt, "w", "taken"), "later", 2).await.unwrap();
    }
    let mut waiting = tx.take_reports("3").await.unwrap();
    waiting.sort();
    assert!(
        waiting.len() == 2 && waiting[0] == "later" && waiting[1].contains("attempt"),
        "it is of the third attempt: {waiting:?}"
    );
    drop(tx);
    store.close().await;
}

#[tokio::test]
async fn reports_from_before_wait_for_the_attempt_that_they_name_sqlite() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("old.db");
    let old = SqlitePool::connect(&format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    up_to(30, &sqlx::migrate!("migrations/sqlite")).run(&old).await.unwrap();
    for sql in [CHANGES, REPORT] {
        old.execute(sql).await.unwrap();
    }
    old.close().await;
    check_reports(&Store::sqlite(&file).await.unwrap()).await;
}

#[tokio::test]
async fn reports_from_before_wait_for_the_attempt_that_they_name_postgres() {
    let url = fresh_postgres().await;
    let old = PgPool::connect(&url).await.unwrap();
    up_to(30, &sqlx::migrate!("migrations/postgres")).run(&old).await.unwrap();
    for sql in [CHANGES, REPORT] {
        old.execute(sql).await.unwrap();
    }
    old.close().await;
    check_reports(&Store::postgres(&url).await.unwrap()).await;
}
