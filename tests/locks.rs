//! Locks of PostgreSQL: in which order rows are locked, and who waits with a connection in hand.

use std::time::Duration;

use holdline::app::channels::{self, ChannelEdit};
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::nodes;
use holdline::store::{Store, Tx, Unaudited};
use serde_json::json;
use sqlx::{AssertSqlSafe, PgPool};
use tokio::time::timeout;

use crate::support::{Bench, Database, fresh_postgres, patient};

/// Permits, other changes, and freezes.
const WAYS: [&str; 3] = ["permit", "change", "freeze"];

async fn begin(store: &Store, way: &str) -> holdline::store::Result<Tx> {
    match way {
        "permit" => store.begin_guarded().await,
        "change" => store.begin_exclusive().await,
        _ => store.begin_freeze().await,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_the_guard_leaves_connections_to_others() {
    let url = fresh_postgres().await;
    for holder in ["change", "freeze"] {
        let pool = patient(4);
        let store = Store::postgres_with(&url, pool).await.unwrap();
        let gate = begin(&store, holder).await.unwrap();
        let waits = |way: &'static str| {
            let store = store.clone();
            tokio::spawn(async move {
                let tx = begin(&store, way).await.unwrap();
                tx.commit_unaudited(Unaudited::Look).await.unwrap();
            })
        };
        let waiting: Vec<_> = WAYS.into_iter().cycle().take(24).map(waits).collect();
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(waiting.iter().all(|one| !one.is_finished()), "the gate is being changed");
        let look = timeout(Duration::from_secs(3), store.channels()).await;
        assert!(look.is_ok(), "whoever makes a {holder} finds another connection");
        gate.commit_unaudited(Unaudited::Look).await.unwrap();
        for one in waiting {
            timeout(Duration::from_secs(10), one).await.expect("its turn comes").unwrap();
        }
        store.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_and_a_connection_are_waited_for_together_no_longer_than_a_connection() {
    let pool = patient(3).acquire_timeout(Duration::from_secs(3));
    let store = Store::postgres_with(&fresh_postgres().await, pool).await.unwrap();
    for way in WAYS {
        // One has the turn, and others the rest of the connections.
        let (turn, one, other) =
            (begin(&store, way).await.unwrap(), store.begin().await.unwrap(), store.begin().await.unwrap());
        let began = std::time::Instant::now();
        let late = begin(&store, way);
        tokio::pin!(late);
        assert!(timeout(Duration::from_secs(2), &mut late).await.is_err());
        // The turn comes, and its connection goes to who waited for that before.
        let next = store.begin();
        tokio::pin!(next);
        assert!(timeout(Duration::from_millis(100), &mut next).await.is_err());
        turn.commit_unaudited(Unaudited::Look).await.unwrap();
        let (next, late) = tokio::join!(next, late);
        assert!(late.is_err() && began.elapsed() < Duration::from_millis(4_500), "{:?}", began.elapsed());
        for tx in [one, other, next.unwrap()] {
            tx.commit_unaudited(Unaudited::Look).await.unwrap();
        }
    }
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_waits_for_a_permit_that_is_half_way() {
    let bench = Bench::new(Database::Postgres).await;
    let another_node = bench.look().await;
    // It has found no freeze in force, and its permit is not written down yet.
    let mut half = another_node.begin_guarded().await.unwrap();
    let (app, by) = (bench.app.clone(), bench.operator.clone());
    let freeze = tokio::spawn(async move { freezes::create(&app, &by, &NewFreeze::default()).await });
    let until = std::time::Instant::now() + Duration::from_secs(4);
    while std::time::Instant::now() < until {
        // The server takes back a change that stands still.
        half.unsealed().await.unwrap();
        let in_force = freezes::list(&bench.app, &bench.operator, true).await.unwrap();
        assert!(in_force.is_empty(), "committed while a permit is half-way: {in_force:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    half.commit_unaudited(Unaudited::Look).await.expect("the change was not taken back");
    timeout(Duration::from_secs(20), freeze).await.expect("the freeze follows").unwrap().unwrap();
    assert_eq!(freezes::list(&bench.app, &bench.operator, true).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_does_not_wait_for_a_node_that_stands_still_within_a_change() {
    let bench = Bench::new(Database::Postgres).await;
    let (cut_off, new) = (bench.look().await, NewFreeze::default());
    let half = cut_off.begin_guarded().await.unwrap();
    let freeze = timeout(Duration::from_secs(20), freezes::create(&bench.app, &bench.operator, &new)).await;
    assert!(freeze.expect("the freeze waits").unwrap().thawed_at.is_none());
    let late = half.commit_unaudited(Unaudited::Look).await;
    assert!(late.is_err(), "what it had not ended was taken back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmation_locks_deliveries_in_the_order_of_their_ids() {
    let bench = Bench::new(Database::Postgres).await;
    let new = json!({ "kind": "routine", "channels": ["alpha"], "source": { "text": "due" } });
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(bench.approved(new.clone()).await.deliveries.remove(0).id);
    }
    // The first one stands behind the second in the table and in the index of what is due.
    let later = "update deliveries set ready_at = ready_at + 1, valid_until = 4102444800000 where id";
    bench.sql(&format!("{later} = '{}'", ids[0])).await;
    let db = PgPool::connect(bench.url().unwrap()).await.unwrap();
    let mut other = db.begin().await.unwrap();
    let row = |id: &str| {
        AssertSqlSafe(format!("select id from deliveries where id = '{id}' for update skip locked"))
    };
    sqlx::query(row(&ids[0])).fetch_one(&mut *other).await.unwrap();
    let (app, by) = (bench.app.clone(), bench.administrator.clone());
    app.clock().advance(1_000);
    let confirmed = tokio::spawn(async move { nodes::confirm(&app, &by, "restored").await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!confirmed.is_finished(), "it waits for the first");
    let free = sqlx::query(row(&ids[1])).fetch_optional(&mut *other).await.unwrap();
    assert!(free.is_some(), "and has not locked the second");
    other.rollback().await.unwrap();
    assert_eq!(confirmed.await.unwrap().unwrap().held, 2);
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_locks_its_channel_before_what_waits_there() {
    let bench = Bench::new(Database::Postgres).await;
    let worker = bench.start().await;
    let (app, by, id) = (&bench.app, &bench.administrator, bench.channels[0].clone());
    let told = async |facts: serde_json::Value| {
        bench.sandbox.set_facts("alpha", facts);
        channels::test(app, by, &id).await.unwrap();
    };
    told(json!({ "account": "@bank" })).await;
    let new = json!({ "kind": "routine", "channels": ["alpha"], "source": { "text": "Of the bank" },
        "due": holdline::clock::rfc3339(app.clock().now() + 3_600_000) });
    let post = bench.approved(new).await.id;
    told(json!({ "account": "@alice" })).await;
    // It was due, and waits for that.
    let later = app.clock().now() + 3_600_000;
    bench.sql(&format!("update deliveries set due_at = 1, ready_at = {later}, reason =
        'the channel''s credential is of another account, @alice: connect the right one again' where post_id = '{post}'")).await;
    bench.sandbox.set_facts("alpha", json!({ "account": "@bank" }));

    let db = PgPool::connect(bench.url().unwrap()).await.unwrap();
    let mut other = db.begin().await.unwrap();
    let held = format!("select id from channels where id = '{id}' for update");
    sqlx::query(AssertSqlSafe(held)).fetch_one(&mut *other).await.unwrap();
    let edit = ChannelEdit { credential: Some("the bank's".to_owned().into()), ..ChannelEdit::default() };
    let (app, by, channel) = (app.clone(), by.clone(), id.clone());
    let edited = tokio::spawn(async move { channels::edit(&app, &by, &channel, None, edit).await });
    // Checks wait with another statement.
    const WAITS: &str = "select count(*) from pg_stat_activity where datname = current_database()
        and wait_event_type = 'Lock' and query like '%channels%' and query not like 'update channels set version = version%'";
    let mut waits = 0;
    for _ in 0..200 {
        waits = sqlx::query_scalar::<_, i64>(WAITS).fetch_one(&db).await.unwrap();
        if waits > 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(waits > 0 && !edited.is_finished(), "it waits for the channel");
    let free = format!("select id from deliveries where post_id = '{post}' for update skip locked");
    let free = sqlx::query(AssertSqlSafe(free)).fetch_optional(&db).await.unwrap();
    assert!(free.is_some(), "it holds no delivery that whoever has the channel may need");
    other.rollback().await.unwrap();
    assert_eq!(edited.await.unwrap().unwrap().other_account, None);
    bench.until(&post, &["accepted"]).await;
    db.close().await;
    worker.stop().await.unwrap();
}
