//! What the core does on a network with two steps: the number of what is prepared is written down before
//! the public one, and settles a doubt. The server is a small fake.

use std::time::Duration;

use holdline::app::audit::{self, AuditFilter};
use holdline::app::{doubts, nodes};

use crate::on_both;
use crate::support::Bench;
use crate::support::threads::{Mode, TOKEN, Threads, USER};
use serde_json::json;

async fn connect(bench: &mut Bench) -> Threads {
    let fake = Threads::start().await;
    bench.connect_with("talk", "threads", fake.settings(), Some(TOKEN)).await;
    fake
}

/// A post for the account; its id and that of its delivery.
async fn send(bench: &Bench) -> (String, String) {
    let new = json!({ "kind": "routine", "channels": ["talk"], "source": { "text": "Cards work again." } });
    let mut sent = bench.approved(new).await;
    (sent.id, sent.deliveries.remove(0).id)
}

/// The handles of the attempts at a delivery.
async fn handles(bench: &Bench, delivery: &str) -> Vec<Option<String>> {
    let attempts = bench.look().await.attempts(delivery).await.unwrap();
    attempts.into_iter().map(|a| a.handle).collect()
}

async fn entries(bench: &Bench, verb: &str) -> usize {
    let filter = AuditFilter { verb: Some(verb.into()), limit: 500, ..AuditFilter::default() };
    audit::list(&bench.app, &bench.administrator, &filter).await.unwrap().len()
}

/// Waits until something is so.
async fn until(what: impl AsyncFn() -> bool) {
    for _ in 0..600 {
        if what().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come to that");
}

on_both! {
    async fn a_container_that_is_out_settles_the_doubt_about_its_post(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench).await;
        let worker = bench.start().await;
        fake.set(Mode::Lost);
        let (post, delivery) = send(&bench).await;
        bench.until(&post, &["in_doubt"]).await;
        let handle = format!("{USER}:{}", fake.containers()[0]);
        assert_eq!(handles(&bench, &delivery).await, [Some(handle)]);
        assert_eq!(entries(&bench, "attempt.prepared").await, 1);
        doubts::read_back(&bench.app, &bench.approver, &delivery).await.unwrap();
        bench.until(&post, &["accepted"]).await;
        assert_eq!((fake.containers().len(), fake.posts().len()), (1, 1));
        worker.stop().await.unwrap();
    }

    async fn a_container_that_is_not_out_is_published_by_the_next_attempt(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench).await;
        let worker = bench.start().await;
        fake.set(Mode::Deaf);
        let (post, delivery) = send(&bench).await;
        bench.until(&post, &["in_doubt"]).await;
        fake.set(Mode::Good);
        let clock = bench.app.clock();
        clock.advance(5_000);
        let looked = async || bench.look().await.attempts(&delivery).await.unwrap()[0].reads > 0;
        until(looked).await;
        // One look proves nothing: a late request may still land.
        assert_eq!(bench.until(&post, &["in_doubt"]).await.deliveries[0].attempts, 1);
        assert!(fake.posts().is_empty());
        clock.advance(30_000);
        bench.until(&post, &["accepted"]).await;
        let handle = Some(format!("{USER}:{}", fake.containers()[0]));
        assert_eq!(handles(&bench, &delivery).await, [handle.clone(), handle]);
        assert_eq!((fake.containers().len(), fake.posts().len()), (1, 1));
        worker.stop().await.unwrap();
    }

    async fn an_attempt_that_was_taken_over_does_not_make_its_public_step(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench).await;
        let worker = bench.start().await;
        fake.hold();
        let (post, delivery) = send(&bench).await;
        until(async || !fake.containers().is_empty()).await;
        // Others call it a doubt while it waits for its container.
        nodes::recover(&bench.app, None).await.unwrap();
        fake.go_on();
        bench.until(&post, &["accepted"]).await;
        let attempts = bench.look().await.attempts(&delivery).await.unwrap();
        assert!(attempts[0].detail.as_ref().unwrap().contains("the attempt was settled meanwhile"));
        let second = fake.containers()[1].clone();
        assert_eq!(handles(&bench, &delivery).await, [None, Some(format!("{USER}:{second}"))]);
        assert_eq!(fake.posts(), [second]);
        worker.stop().await.unwrap();
    }

    async fn what_was_prepared_with_other_words_is_not_published(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench).await;
        fake.hold();
        let worker = bench.start().await;
        let (post, delivery) = send(&bench).await;
        until(async || !fake.containers().is_empty()).await;
        // As if the attempt had been made with other words, which had no effect.
        bench.sql(&format!("update attempts set handle = '{USER}:{}', content_hash = 'other'", fake.containers()[0])).await;
        nodes::recover(&bench.app, None).await.unwrap();
        fake.go_on();
        bench.until(&post, &["accepted"]).await;
        let second = fake.containers()[1].clone();
        assert_eq!(handles(&bench, &delivery).await[1], Some(format!("{USER}:{second}")));
        assert_eq!(fake.posts(), [second]);
        worker.stop().await.unwrap();
    }
}
