//! `kill -9` of a real `serve` process after what it prepared on the network was written down and before the
//! public step, on both databases: nothing is published twice, nothing is lost, nothing is prepared anew.

use std::time::Duration;

use holdline::app::channels::NewChannel;
use serde_json::json;

use crate::kill::{Victim, kill_once};
use crate::support::Database;
use crate::support::threads::{TOKEN, Threads};

async fn killed(database: Database) {
    let fake = Threads::start().await;
    let channel = NewChannel {
        name: "talk".into(),
        adapter: "threads".into(),
        brand: "main".into(),
        settings: json!(fake.settings()),
        credential: Some(TOKEN.into()),
        drill: false,
    };
    let victim = Victim::with(database, vec![channel]).await;
    let mut deliveries = 0;
    for round in 0..2 {
        deliveries += victim.queue().await;
        let before = fake.posts().len();
        kill_once(&victim, "kept", round).await;
        assert!(fake.containers().len() > fake.posts().len() && fake.posts().len() >= before, "{database:?}");
    }
    let mut child = victim.serve(None);
    // What became of a container is believed after five minutes, which pass faster here.
    let time = async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            victim.age_doubts().await;
        }
    };
    tokio::select! { _ = victim.settled(deliveries) => {}, () = time => {} }
    child.kill().await.unwrap();
    assert_eq!(victim.unsettled().await, 0);
    let (mut containers, mut posts) = (fake.containers(), fake.posts());
    containers.sort_unstable();
    posts.sort_unstable();
    assert_eq!((posts.len(), containers), (deliveries, posts), "each container is published once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_killed_before_the_public_step_publishes_what_it_had_prepared_on_sqlite() {
    killed(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_killed_before_the_public_step_publishes_what_it_had_prepared_on_postgres() {
    killed(Database::Postgres).await;
}
