//! What is edited, cancelled or recalled after a permit was given: the old words never go.

use std::time::Duration;

use holdline::app::freezes::{self, NewFreeze};
use holdline::app::held::{self, Choice, Review};
use holdline::app::incidents;
use holdline::app::permits::{self, Permit, Rooms};
use holdline::app::posts::{self, NewPost};
use holdline::app::sending::{self, Outcome};
use holdline::app::{AppError, series};
use holdline::domain::delivery::State;
use holdline::domain::post::PostState;
use holdline::sandbox::Fault;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::{Bench, Database};

fn words(text: &str) -> Value {
    json!({"kind": "routine", "channels": ["alpha"], "labels": ["words"], "submit": true, "source": {"text": text}})
}

async fn permit(bench: &Bench) -> Permit {
    let mut rooms = Rooms::default();
    rooms.set(&bench.channels[0], 1);
    permits::claim(&bench.app, 10, 10, &mut rooms).await.unwrap().permits.remove(0)
}

async fn edit(bench: &Bench, post: &str, new: &Value) -> Result<posts::PostView, AppError> {
    let new: NewPost = serde_json::from_value(new.clone()).unwrap();
    posts::edit(&bench.app, &bench.operator, post, None, &new).await
}

fn release(delivery: &str) -> Review {
    Review {
        choice: Choice::Release,
        deliveries: vec![delivery.into()],
        label: None,
        hash: None,
        expected: None,
        at: None,
        zone: None,
        spread_minutes: 0,
    }
}

/// Waits until so many posts have arrived.
async fn arrived(bench: &Bench, count: usize) {
    for _ in 0..400 {
        if bench.sandbox.arrived() >= count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} of {count} arrived", bench.sandbox.arrived());
}

on_both! {
    async fn an_edit_after_a_permit_was_withdrawn_leaves_nothing_of_the_old_words(bench) {
        let id = bench.approved(words("old words")).await.id;
        let old = permit(&bench).await;
        let freeze = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap().id;
        let stopped = Outcome::Stopped { reason: "the freeze came first".into(), freeze: Some(freeze.clone()) };
        sending::settle(&bench.app, &[(old.clone(), stopped)], |_| false).await.unwrap();
        freezes::thaw(&bench.app, &bench.operator, &freeze, "over").await.unwrap();
        for n in 1..=2 {
            let view = edit(&bench, &id, &words(&format!("new words {n}"))).await.unwrap();
            assert_eq!(view.deliveries.len(), 1, "{view:?}");
            assert_ne!(view.deliveries[0].id, old.delivery);
        }
        let result = held::review(&bench.app, &bench.operator, &release(&old.delivery)).await.unwrap();
        assert_eq!((result.changed, result.left.len()), (0, 1), "the old words cannot be released");
        bench.approve(&id).await;
        let worker = bench.start().await;
        bench.until(&id, &["accepted"]).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        let texts: Vec<_> = bench.sandbox.arrivals().into_iter().map(|a| a.posted.text).collect();
        assert_eq!(texts, ["new words 2"]);
        let kept = bench.look().await.delivery(&old.delivery).await.unwrap().unwrap();
        assert_eq!((kept.state.as_str(), kept.approved_hash), ("cancelled", None));
        worker.stop().await.unwrap();
    }

    async fn a_recurrence_does_not_bring_edited_words_back(bench) {
        let again = |text: &str| { let mut p = words(text); p["recurrence"] = json!("* * * * *"); p };
        let due = holdline::clock::rfc3339(bench.app.clock().now());
        let mut first = again("old words");
        first["due"] = json!(due);
        let id = bench.approved(first).await.id;
        let old = permit(&bench).await;
        let stopped = Outcome::Stopped { reason: "the freeze came first".into(), freeze: None };
        sending::settle(&bench.app, &[(old, stopped)], |_| false).await.unwrap();
        let mut second = again("new words");
        second["due"] = json!(due);
        edit(&bench, &id, &second).await.unwrap();
        bench.approve(&id).await;
        bench.app.clock().advance(61_000);
        series::continue_series(&bench.app).await.unwrap();
        let filter = posts::PostFilter { label: Some("words".into()), limit: 9, ..Default::default() };
        let all = posts::list(&bench.app, &bench.operator, &filter).await.unwrap();
        assert_eq!(all.len(), 2);
        let next = posts::get(&bench.app, &bench.operator, &all[1].id).await.unwrap();
        assert_eq!((next.state, next.deliveries.len()), (PostState::Approved, 1));
        assert_eq!(next.deliveries[0].rendition["text"], "new words");
    }

    async fn nothing_goes_whose_post_is_not_approved(bench) {
        let id = bench.approved(words("x")).await.id;
        bench.sql("update posts set state = 'submitted'").await;
        let batch = permits::claim(&bench.app, 10, 10, &mut Rooms::default()).await.unwrap();
        assert_eq!((batch.permits.len(), batch.claimed.len()), (0, 0));
        let view = posts::get(&bench.app, &bench.operator, &id).await.unwrap();
        assert_eq!(view.deliveries[0].state, State::Held, "{view:?}");
        let result = held::review(&bench.app, &bench.operator, &release(&view.deliveries[0].id)).await.unwrap();
        assert!(result.left[0].1.contains("only what is approved"), "{result:?}");
    }

    async fn a_cancelled_post_that_waits_behind_others_does_not_begin(bench) {
        bench.sandbox.fault("alpha", Fault::Late { ms: 3_000 }, 16);
        let mut ids = Vec::new();
        for n in 0..20 {
            ids.push(bench.approved(words(&format!("{n}"))).await.id);
        }
        let worker = bench.start().await;
        arrived(&bench, 16).await;
        let out: Vec<_> = bench.sandbox.arrivals().into_iter().map(|a| a.posted.text).collect();
        let waits = (0..20).find(|n| !out.contains(&n.to_string())).unwrap();
        bench.until(&ids[waits], &["sending"]).await;
        posts::cancel(&bench.app, &bench.operator, &ids[waits]).await.unwrap();
        bench.until(&ids[waits], &["cancelled"]).await;
        for (n, id) in ids.iter().enumerate().filter(|(n, _)| *n != waits) {
            let view = bench.until(id, &["accepted"]).await;
            assert_eq!(view.state, PostState::Approved, "{n}");
        }
        let texts: Vec<_> = bench.sandbox.arrivals().into_iter().map(|a| a.posted.text).collect();
        assert_eq!((texts.len(), texts.contains(&waits.to_string())), (19, false));
        worker.stop().await.unwrap();
    }

    async fn what_waits_behind_others_does_not_begin_when_its_incident_ends(bench) {
        let new = json!({"title": "Payments are down", "severity": "minor", "freeze": false});
        let new = serde_json::from_value(new).unwrap();
        let incident = incidents::open(&bench.app, &bench.operator, &new).await.unwrap().incident;
        bench.sandbox.fault("alpha", Fault::Late { ms: 3_000 }, 16);
        let mut ids = Vec::new();
        for n in 0..20 {
            let update = json!({"kind": "update", "incident": incident.id, "channels": ["alpha"],
                "source": {"text": format!("{n}")}});
            ids.push(bench.approved(update).await.id);
        }
        let worker = bench.start().await;
        arrived(&bench, 16).await;
        incidents::resolve(&bench.app, &bench.operator, &incident.id, None, "over").await.unwrap();
        let mut gone = 0;
        for id in &ids {
            let view = bench.until(id, &["accepted", "expired", "held"]).await;
            gone += usize::from(view.deliveries[0].state == State::Accepted);
        }
        assert_eq!((gone, bench.sandbox.arrived()), (16, 16));
        worker.stop().await.unwrap();
    }

    async fn what_is_claimed_is_cancelled_at_once(bench) {
        let id = bench.approved(words("x")).await.id;
        let batch = permits::claim(&bench.app, 10, 10, &mut Rooms::default()).await.unwrap();
        posts::cancel(&bench.app, &bench.operator, &id).await.unwrap();
        assert_eq!(permits::permit(&bench.app, &[batch.claimed[0].delivery.clone()]).await.unwrap().len(), 0);
        let view = posts::get(&bench.app, &bench.operator, &id).await.unwrap();
        assert_eq!(view.deliveries[0].state, State::Cancelled);
        assert!(matches!(edit(&bench, &id, &words("y")).await, Err(AppError::Conflict(_))));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_that_nobody_says_is_seen_all_the_same() {
    let bench = Bench::new(Database::Postgres).await;
    bench.sandbox.fault("alpha", Fault::Late { ms: 8_000 }, 16);
    let mut ids = Vec::new();
    for n in 0..17 {
        ids.push(bench.approved(words(&format!("{n}"))).await.id);
    }
    let worker = bench.start().await;
    arrived(&bench, 16).await;
    let out: Vec<_> = bench.sandbox.arrivals().into_iter().map(|a| a.posted.text).collect();
    let waits = (0..17).find(|n| !out.contains(&n.to_string())).unwrap();
    bench.until(&ids[waits], &["sending"]).await;
    // As from another node, on a network where the connection that hears it is dead.
    bench.sql(&format!("update posts set state = 'cancelled' where id = '{}'", ids[waits])).await;
    bench.until(&ids[waits], &["cancelled"]).await;
    assert_eq!(bench.sandbox.arrived(), 16, "it was taken back before the others were answered");
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancellation_is_heard_by_the_node_where_the_permit_waits() {
    let bench = Bench::new(Database::Postgres).await;
    let other = bench.another_node("b").await;
    bench.sandbox.fault("alpha", Fault::Late { ms: 4_000 }, 16);
    let mut ids = Vec::new();
    for n in 0..17 {
        ids.push(bench.approved(words(&format!("{n}"))).await.id);
    }
    arrived(&bench, 16).await;
    let out: Vec<_> = bench.sandbox.arrivals().into_iter().map(|a| a.posted.text).collect();
    let waits = (0..17).find(|n| !out.contains(&n.to_string())).unwrap();
    bench.until(&ids[waits], &["sending"]).await;
    // This node does not send; the other one hears of it.
    posts::cancel(&bench.app, &bench.operator, &ids[waits]).await.unwrap();
    bench.until(&ids[waits], &["cancelled"]).await;
    assert_eq!(bench.sandbox.arrived(), 16);
    other.worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_and_cancellations_at_the_same_moment_do_not_lock_each_other_out() {
    let bench = Bench::new(Database::Postgres).await;
    for round in 0..10 {
        let mut ids = Vec::new();
        for n in 0..6 {
            let text = format!("{round}.{n}");
            let post = json!({"kind": "routine", "due": "2099-01-01T00:00:00Z", "source": {"text": text}});
            ids.push(bench.approved(post).await.id);
        }
        bench.sql("update deliveries set state = 'held' where state = 'scheduled'").await;
        let mut deliveries = Vec::new();
        for id in ids.iter().rev() {
            let view = posts::get(&bench.app, &bench.operator, id).await.unwrap();
            deliveries.extend(view.deliveries.into_iter().rev().map(|d| d.id));
        }
        let review = Review { deliveries, ..release("") };
        let cancels = ids.iter().map(|id| posts::cancel(&bench.app, &bench.operator, id));
        let (reviewed, cancelled) = tokio::join!(
            held::review(&bench.app, &bench.operator, &review),
            futures::future::join_all(cancels)
        );
        reviewed.unwrap();
        for one in cancelled {
            one.unwrap();
        }
    }
}
