//! What panics ends its own part, its process or nothing else: what it had in hand is not sent twice, and not lost.

use std::time::Duration;

use crate::kill::{Victim, nothing_twice_or_lost};
use crate::support::Database;

/// A part of the sender panics: the process ends with an error, and the next one sends on; nothing is lost.
async fn a_part_panics(database: Database, step: &str, part: &str) {
    let victim = Victim::new(database).await;
    let deliveries = victim.queue().await;
    let mut child = victim.serve(Some(("HOLDLINE_PANIC_AT", &format!("{step}:1"))));
    let status = tokio::time::timeout(Duration::from_secs(60), child.wait()).await;
    let status = status.unwrap_or_else(|_| panic!("{step}: the process goes on")).unwrap();
    let log = std::fs::read_to_string(victim.log()).unwrap();
    let words = format!("a part of the sender has panicked: {part}");
    assert!(status.code().is_some_and(|code| code != 0) && log.contains(&words), "{status:?}\n{log}");
    let mut child = victim.serve(None);
    victim.settled(deliveries).await;
    child.kill().await.unwrap();
    nothing_twice_or_lost(&victim, step, deliveries).await;
}

async fn parts_panic(database: Database) {
    futures::join!(
        a_part_panics(database, "claimed", "dispatcher"),
        a_part_panics(database, "settling", "settler"),
        a_part_panics(database, "answered", "send"),
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_panics_ends_its_process_and_the_next_one_sends_on_on_sqlite() {
    parts_panic(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_that_panics_ends_its_process_and_the_next_one_sends_on_on_postgres() {
    parts_panic(Database::Postgres).await;
}

/// An adapter panics, before or after its first byte: that attempt is tried again or read back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adapter_that_panics_stops_nothing_and_sends_nothing_twice() {
    for step in ["begun", "published"] {
        let victim = Victim::new(Database::Sqlite).await;
        let deliveries = victim.queue().await;
        let mut child = victim.serve(Some(("HOLDLINE_PANIC_AT", &format!("{step}:1"))));
        victim.settled(deliveries).await;
        assert_eq!(child.try_wait().unwrap(), None, "{step}: the process goes on");
        child.kill().await.unwrap();
        let log = std::fs::read_to_string(victim.log()).unwrap();
        assert!(log.contains("an adapter has panicked"), "{log}");
        nothing_twice_or_lost(&victim, step, deliveries).await;
    }
}
