//! What the core does on a network with two steps: the number of what is prepared is written down before
//! the public one, and settles a doubt. The server is a small fake.

use std::time::Duration;

use channels::Retraction;
use holdline::app::audit::{self, AuditFilter};
use holdline::app::held::{Settle, Settlement};
use holdline::app::{doubts, held, nodes};

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

/// Three parts that together are too long for Threads.
fn parts() -> [String; 3] {
    ["It began at nine.", "Cards work again.", "More at ten."]
        .map(|words| format!("{words} {}", "Money is safe. ".repeat(14)).trim().to_owned())
}

/// A thread for the account; its id and that of its delivery.
async fn send_parts(bench: &Bench) -> (String, String) {
    let text = parts().join("\n---\n");
    let new = json!({ "kind": "routine", "channels": ["talk"], "source": { "text": text } });
    let mut sent = bench.approved(new).await;
    assert_eq!(sent.deliveries[0].rendition["more"], json!(parts()[1..]), "the parts are approved");
    (sent.id, sent.deliveries.remove(0).id)
}

/// What the newest attempt at a delivery says.
async fn told(bench: &Bench, delivery: &str) -> String {
    let doubt = doubts::get(&bench.app, &bench.approver, delivery).await.unwrap();
    doubt.attempt.and_then(|a| a.detail).unwrap_or_default()
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
        until(async || bench.look().await.attempts(&delivery).await.unwrap()[0].reads > 1).await;
        assert_eq!(bench.until(&post, &["in_doubt"]).await.deliveries[0].attempts, 1, "not in five minutes");
        clock.advance(270_000);
        bench.until(&post, &["accepted"]).await;
        let handle = Some(format!("{USER}:{}", fake.containers()[0]));
        assert_eq!(handles(&bench, &delivery).await, [handle.clone(), handle]);
        assert_eq!((fake.containers().len(), fake.posts().len()), (1, 1));
        worker.stop().await.unwrap();
    }

    async fn a_container_that_was_lost_with_a_database_is_for_a_person(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench).await;
        let worker = bench.start().await;
        fake.set(Mode::Lost);
        let (post, delivery) = send(&bench).await;
        bench.until(&post, &["in_doubt"]).await;
        // The database is one from before the container was written down; a person confirms it.
        bench.sql("update attempts set handle = null").await;
        nodes::confirm(&bench.app, &bench.administrator, "the backup of this night").await.unwrap();
        fake.set(Mode::Good);
        let clock = bench.app.clock();
        for wait in [5_000, 30_000, 120_000, 600_000] {
            let before = bench.look().await.attempts(&delivery).await.unwrap()[0].reads;
            clock.advance(wait);
            until(async || bench.look().await.attempts(&delivery).await.unwrap()[0].reads > before).await;
        }
        until(async || bench.look().await.attempts(&delivery).await.unwrap()[0].next_read_at.is_none()).await;
        assert_eq!(bench.until(&post, &["in_doubt"]).await.deliveries[0].attempts, 1);
        assert_eq!((fake.containers().len(), fake.posts().len()), (1, 1), "it is out, once");
        worker.stop().await.unwrap();
    }

    async fn what_waits_for_another_try_is_held_by_a_confirmation(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench).await;
        let worker = bench.start().await;
        fake.set(Mode::Busy);
        let (post, _) = send(&bench).await;
        until(async || {
            let post = holdline::app::posts::get(&bench.app, &bench.operator, &post).await.unwrap();
            post.deliveries[0].attempts > 0 && serde_json::to_value(post.deliveries[0].state).unwrap() == "scheduled"
        })
        .await;
        let held = nodes::confirm(&bench.app, &bench.administrator, "the backup of this night").await.unwrap();
        assert_eq!(held.held, 1, "its next try may have been made elsewhere");
        bench.until(&post, &["held"]).await;
        worker.stop().await.unwrap();
    }

    async fn the_post_of_another_delivery_with_the_same_words_is_not_taken_down(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench).await;
        let worker = bench.start().await;
        let (first, of_first) = send(&bench).await;
        bench.until(&first, &["accepted"]).await;
        // The number of the second one stays unknown.
        fake.set(Mode::Lost);
        let (second, of_second) = send(&bench).await;
        bench.until(&second, &["in_doubt"]).await;
        doubts::read_back(&bench.app, &bench.approver, &of_second).await.unwrap();
        bench.until(&second, &["accepted"]).await;
        fake.set(Mode::Good);
        let retract = async |delivery: &str| {
            held::retract(&bench.app, &bench.approver, delivery, "a mistake").await.unwrap()
        };
        let why = |said: Retraction| match said {
            Retraction::StillLive(why) => why,
            Retraction::Gone => panic!("it is not"),
        };
        assert!(why(retract(&of_second).await).contains("not exactly one post has its words"));
        fake.lose_newest();
        assert!(why(retract(&of_second).await).contains("belongs to another delivery"));
        assert_eq!(fake.posts().len(), 1, "that of the first one");
        assert_eq!(retract(&of_first).await, Retraction::Gone);
        assert!(fake.posts().is_empty());
        // Alone with its words, it is found by them.
        fake.set(Mode::Lost);
        let (third, of_third) = send(&bench).await;
        bench.until(&third, &["in_doubt"]).await;
        doubts::read_back(&bench.app, &bench.approver, &of_third).await.unwrap();
        bench.until(&third, &["accepted"]).await;
        // The second one could have made it, as far as anybody knows.
        assert!(why(retract(&of_third).await).contains("may have made"));
        worker.stop().await.unwrap();
    }

    async fn a_thread_whose_second_answer_was_lost_is_finished_once(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench).await;
        let worker = bench.start().await;
        fake.lose_answer(1);
        let (post, delivery) = send_parts(&bench).await;
        bench.until(&post, &["in_doubt"]).await;
        assert!(told(&bench, &delivery).await.starts_with("parts out: 1 of 3; "));
        doubts::read_back(&bench.app, &bench.approver, &delivery).await.unwrap();
        let seen = told(&bench, &delivery).await;
        assert_eq!(seen, "read back: parts out: 2 of 3; another try finishes the thread and doubles nothing");
        let word = Settle { settlement: Settlement::TryAgain, note: "two parts of three".into(), url: None };
        held::settle(&bench.app, &bench.approver, &delivery, &word).await.unwrap();
        bench.until(&post, &["accepted"]).await;
        let (shown, numbers) = (fake.shown(), fake.numbers());
        let words: Vec<&String> = shown.iter().map(|(words, _)| words).collect();
        assert_eq!(words, parts().each_ref(), "each part once");
        let answers: Vec<Option<&str>> = shown.iter().map(|(_, to)| to.as_deref()).collect();
        assert_eq!(answers, [None, Some(numbers[0].as_str()), Some(numbers[1].as_str())]);
        let all = numbers.iter().map(|id| format!("{USER}:{id}")).collect::<Vec<_>>().join(" ");
        assert_eq!(handles(&bench, &delivery).await[1], Some(all), "all parts are written down");
        let gone = held::retract(&bench.app, &bench.approver, &delivery, "a mistake").await.unwrap();
        assert_eq!((gone, fake.posts().len()), (Retraction::Gone, 0));
        worker.stop().await.unwrap();
    }

    async fn a_thread_of_which_only_a_container_is_there_has_no_part_out(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench).await;
        let worker = bench.start().await;
        fake.set(Mode::Deaf);
        let (post, delivery) = send_parts(&bench).await;
        bench.until(&post, &["in_doubt"]).await;
        let container = fake.containers()[0].clone();
        assert_eq!(handles(&bench, &delivery).await, [Some(format!("~{USER}:{container}"))]);
        let refused = held::retract(&bench.app, &bench.approver, &delivery, "a mistake").await;
        assert!(refused.is_err(), "nothing is known to be out: {refused:?}");
        fake.set(Mode::Good);
        doubts::read_back(&bench.app, &bench.approver, &delivery).await.unwrap();
        assert_eq!(told(&bench, &delivery).await, "read back: not there");
        let word = Settle { settlement: Settlement::TryAgain, note: "not there".into(), url: None };
        held::settle(&bench.app, &bench.approver, &delivery, &word).await.unwrap();
        bench.until(&post, &["accepted"]).await;
        assert_eq!((fake.posts().len(), fake.containers().len()), (3, 3), "the container was not made anew");
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
