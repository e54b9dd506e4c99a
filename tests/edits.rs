//! What is edited after a permit was given: the old words never go.

use std::time::Duration;

use holdline::app::freezes::{self, NewFreeze};
use holdline::app::held::{self, Choice, Review};
use holdline::app::permits::{self, Permit, Rooms};
use holdline::app::posts::{self, NewPost};
use holdline::app::sending::{self, Outcome};
use holdline::app::{AppError, series};
use holdline::domain::delivery::State;
use holdline::domain::post::PostState;
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
        at: None,
        zone: None,
        spread_minutes: 0,
    }
}

on_both! {
    async fn an_edit_after_a_permit_was_withdrawn_leaves_nothing_of_the_old_words(bench) {
        let id = bench.approved(words("old words")).await.id;
        let old = permit(&bench).await;
        let freeze = freezes::create(&bench.app, &bench.operator, &NewFreeze::default()).await.unwrap().id;
        let stopped = Outcome::Stopped { reason: "the freeze came first".into(), freeze: Some(freeze.clone()) };
        sending::settle(&bench.app, &[(old.clone(), stopped)]).await.unwrap();
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
        sending::settle(&bench.app, &[(old, stopped)]).await.unwrap();
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
