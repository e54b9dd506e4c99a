//! Pages that show many things ask the database no oftener than for one. Counted on PostgreSQL only: SQLite runs the
//! statements, which are the same texts, on a thread of its own, where this test does not hear them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use holdline::app::permits::{self, Rooms};
use holdline::app::{doubts, incidents, nodes, posts, room, signals};
use serde_json::json;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::signals::{new, open, say};
use crate::support::{Bench, Database};

/// Counts the statements that this thread sends.
#[derive(Clone, Default)]
struct Statements(Arc<AtomicUsize>);

impl Subscriber for Statements {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        if event.metadata().target() == "sqlx::query" {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// How many statements the work sends.
async fn statements<T>(work: impl Future<Output = T>) -> (T, usize) {
    let count = Statements::default();
    let guard = tracing::subscriber::set_default(count.clone());
    let done = work.await;
    drop(guard);
    (done, count.0.load(Ordering::SeqCst))
}

/// So many updates of the incident, each decided about and permitted.
async fn updates(bench: &Bench, incident: &str, n: usize) {
    for _ in 0..n {
        bench
            .approved(json!({"kind": "update", "incident": incident, "channels": ["alpha"],
            "source": {"title": "Cards fail", "text": "Cards fail."}}))
            .await;
    }
    let mut rooms = Rooms::default();
    rooms.set(&bench.channels[0], n);
    assert_eq!(permits::claim(&bench.app, 20, 20, &mut rooms).await.unwrap().permits.len(), n);
    nodes::recover(&bench.app, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_are_read_with_the_statements_of_one() {
    let bench = Bench::new(Database::Postgres).await;
    let (app, by) = (&bench.app, &bench.operator);
    let incident = json!({"title": "Down", "severity": "major", "freeze": false});
    let incident =
        incidents::open(app, by, &serde_json::from_value(incident).unwrap()).await.unwrap().incident.id;
    let cards = async || {
        let (cards, _) = signals::waiting(app, by, 25).await.unwrap();
        signals::joinable(app, by).await.unwrap();
        signals::over(app, by).await.unwrap();
        cards.len()
    };
    // What nobody counted before is heard only from the second time on.
    while statements(room::read(app, by, &incident)).await.1 == 0 {}
    let mut seen = Vec::new();
    for n in [1, 8] {
        updates(&bench, &incident, n).await;
        for key in 0..n {
            let known = say(&bench, &new(&format!("{n}-{key}"))).await;
            open(&bench, &known.id).await.unwrap();
            say(&bench, &new(&format!("other-{n}-{key}"))).await;
        }
        let (room, of_room) = statements(room::read(app, by, &incident)).await;
        let (doubts, of_doubts) = statements(doubts::list(app, by, "", 25)).await;
        let (cards, of_cards) = statements(cards()).await;
        seen.push((of_room, of_doubts, of_cards));
        let (room, doubts) = (room.unwrap(), doubts.unwrap());
        let all = if n == 1 { 1 } else { 9 };
        assert_eq!((room.posts.len(), doubts.len(), cards), (all, all, all));
        for p in &room.posts {
            let alone = posts::get(app, by, &p.id).await.unwrap();
            assert_eq!(serde_json::to_value(p).unwrap(), serde_json::to_value(alone).unwrap());
        }
        for d in &doubts {
            assert_eq!(
                serde_json::to_value(d).unwrap(),
                serde_json::to_value(doubts::get(app, by, &d.delivery).await.unwrap()).unwrap()
            );
            assert!(d.attempt.is_some() && d.text == "Cards fail", "{d:?}");
        }
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].0 > 3 && seen[0].1 > 2 && seen[0].2 > 2, "they are counted: {seen:?}");
}
