//! The old words of a post that gets others do not go out afterwards, wherever it is still on its way.

use std::time::Duration;

use holdline::app::held::{self, Choice, Review};
use holdline::app::permits::{self, Rooms};
use holdline::app::posts::{self, NewPost, PostView};
use holdline::app::unbegun::abandon;
use holdline::domain::delivery::State;
use holdline::sandbox::Fault;
use holdline::store::audit::AuditFilter;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::Bench;

pub fn post(text: &str, channels: &[&str]) -> Value {
    json!({ "kind": "routine", "channels": channels, "source": { "text": text } })
}

pub fn change(post: &str, text: &str) -> Value {
    json!({ "kind": "routine", "revises": post, "source": { "text": text } })
}

pub fn on(bench: &Bench, timeline: &str) -> Vec<String> {
    bench.sandbox.timeline(timeline).into_iter().map(|p| p.text).collect()
}

/// Waits until the delivery on that channel is in that state; why, and its id.
pub async fn until(bench: &Bench, post: &str, channel: &str, state: State) -> (String, String) {
    let mut last = String::new();
    for _ in 0..1_200 {
        let view = posts::get(&bench.app, &bench.operator, post).await.unwrap();
        let d = view.deliveries.into_iter().find(|d| d.channel_name == channel).unwrap();
        if d.state == state {
            return (d.reason.unwrap_or_default(), d.id);
        }
        last = format!("{:?}: {:?}", d.state, d.reason);
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("on {channel} it stays {last}");
}

pub fn kept(view: &PostView, channel: &str) -> String {
    view.unrevised.iter().find(|u| u.channel_name == channel).map(|u| u.reason.clone()).unwrap_or_default()
}

pub async fn decide(bench: &Bench, choice: Choice, deliveries: &[&str]) -> Vec<String> {
    let deliveries = deliveries.iter().map(|d| (*d).to_owned()).collect();
    let review = Review {
        choice,
        deliveries,
        label: None,
        hash: None,
        expected: None,
        at: None,
        zone: None,
        spread_minutes: 0,
    };
    held::review(&bench.app, &bench.operator, &review)
        .await
        .unwrap()
        .left
        .into_iter()
        .map(|(_, why)| why)
        .collect()
}

pub const WAITS: &str = "the post waits there with its old words; once other words are approved it is held there, and a person decides";

on_both! {
    async fn old_words_that_wait_for_another_try_are_held_while_other_words_stand(bench) {
        let worker = bench.start().await;
        bench.sandbox.fault("beta", Fault::TooMany { seconds: 60 }, 1);
        let first = bench.approved(post("one", &["alpha", "beta"])).await;
        until(&bench, &first.id, "alpha", State::Accepted).await;
        until(&bench, &first.id, "beta", State::Scheduled).await;
        // Due later, so that it is approved, and out nowhere.
        let mut later = change(&first.id, "two");
        later["due"] = json!(holdline::clock::rfc3339(bench.app.clock().now() + 3_600_000));
        let draft = bench.submit(later).await;
        assert_eq!(kept(&draft, "beta"), WAITS);
        let mut named = change(&first.id, "two");
        named["channels"] = json!(["beta"]);
        let named: NewPost = serde_json::from_value(named).unwrap();
        let why = posts::create(&bench.app, &bench.operator, &named).await.unwrap_err().in_full();
        assert!(why.contains(&format!("beta: {WAITS}")), "{why}");
        bench.approve(&draft.id).await;
        bench.app.clock().advance(70_000);
        let (why, held) = until(&bench, &first.id, "beta", State::Held).await;
        assert!(why.starts_with(&format!("post {} gives it other words", draft.id)), "{why}");
        let of = AuditFilter { verb: Some("delivery.held".into()), subject: Some(format!("delivery:{held}")), limit: 9,
            ..AuditFilter::default() };
        let told = bench.look().await.audit(&of).await.unwrap();
        assert!(told.len() == 1 && String::from_utf8_lossy(&told[0].entry).contains(&draft.id));
        let view = posts::get(&bench.app, &bench.operator, &draft.id).await.unwrap();
        assert_eq!(kept(&view, "beta"), "the post is held there with its old words: cancel it there, and write a new post");
        assert_eq!(decide(&bench, Choice::Release, &[&held]).await, std::slice::from_ref(&why));
        // A change that is cancelled before it is out holds nothing; what was held, a person lets go on.
        posts::cancel(&bench.app, &bench.operator, &draft.id).await.unwrap();
        assert!(decide(&bench, Choice::Release, &[&held]).await.is_empty());
        until(&bench, &first.id, "beta", State::Accepted).await;
        assert_eq!((on(&bench, "alpha"), on(&bench, "beta")), (vec!["one".to_owned()], vec!["one".to_owned()]));
        worker.stop().await.unwrap();
    }

    async fn old_words_in_doubt_are_held_when_they_turn_out_not_to_be_there(bench) {
        let worker = bench.start().await;
        bench.sandbox.fault("beta", Fault::CutBeforeRead, 1);
        let first = bench.approved(post("one", &["alpha", "beta"])).await;
        until(&bench, &first.id, "alpha", State::Accepted).await;
        until(&bench, &first.id, "beta", State::InDoubt).await;
        let two = bench.approved(change(&first.id, "two")).await;
        assert_eq!(kept(&two, "beta"), "nobody knows whether the post is there; settle that first");
        until(&bench, &two.id, "alpha", State::Accepted).await;
        for _ in 0..4 {
            bench.app.clock().advance(40_000);
            tokio::task::yield_now().await;
        }
        let (why, held) = loop {
            let view = posts::get(&bench.app, &bench.operator, &first.id).await.unwrap();
            let d = view.deliveries.into_iter().find(|d| d.channel_name == "beta").unwrap();
            match d.state {
                State::Held => break (d.reason.unwrap(), d.id),
                State::Accepted | State::Failed => panic!("{d:?}"),
                _ => bench.app.clock().advance(10_000),
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        };
        assert!(why.contains(&two.id), "{why}");
        // What waited for the doubt has nothing to change.
        let rest = || async { posts::get(&bench.app, &bench.operator, &two.id).await.unwrap() };
        while rest().await.deliveries.iter().any(|d| d.channel_name == "beta" && d.state != State::Cancelled) {
            bench.app.clock().advance(10_000);
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        // The change is out, and its rest is cancelled: the old words stay where they are.
        assert!(posts::cancel(&bench.app, &bench.operator, &two.id).await.is_err());
        assert_eq!(decide(&bench, Choice::Release, &[&held]).await, [why]);
        assert!(decide(&bench, Choice::Cancel, &[&held]).await.is_empty());
        assert_eq!((on(&bench, "alpha"), on(&bench, "beta")), (vec!["two".to_owned()], vec![]));
        worker.stop().await.unwrap();
    }

    async fn a_permit_for_old_words_that_has_not_begun_is_taken_back(bench) {
        // Its line is full, so the permit waits.
        bench.sandbox.fault("beta", Fault::Late { ms: 4_000 }, 16);
        let worker = bench.start().await;
        for n in 0..16 {
            bench.approved(post(&n.to_string(), &["beta"])).await;
        }
        while bench.sandbox.arrived() < 16 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let first = bench.approved(post("one", &["alpha", "beta"])).await;
        until(&bench, &first.id, "alpha", State::Accepted).await;
        until(&bench, &first.id, "beta", State::Sending).await;
        let two = bench.approved(change(&first.id, "two")).await;
        let (why, _) = until(&bench, &first.id, "beta", State::Held).await;
        assert!(why.contains(&two.id), "{why}");
        until(&bench, &two.id, "alpha", State::Accepted).await;
        worker.stop().await.unwrap();
        assert!(!on(&bench, "beta").contains(&"one".to_owned()) && on(&bench, "alpha") == ["two"]);
    }

    async fn of_two_changes_that_are_chosen_together_one_goes(bench) {
        let worker = bench.start().await;
        let first = bench.approved(post("one", &["alpha"])).await;
        until(&bench, &first.id, "alpha", State::Accepted).await;
        let mut failed = Vec::new();
        for text in ["two", "three"] {
            let mut new = change(&first.id, text);
            new["due"] = json!(holdline::clock::rfc3339(bench.app.clock().now() + 3_600_000));
            let id = bench.approved(new).await.id;
            bench.sql(&format!("update deliveries set state = 'failed' where post_id = '{id}'")).await;
            failed.push(until(&bench, &id, "alpha", State::Failed).await.1);
        }
        let left = decide(&bench, Choice::Release, &[&failed[0], &failed[1]]).await;
        assert!(left.len() == 1 && left[0].starts_with("another change of its words"), "{left:?}");
        worker.stop().await.unwrap();
    }

    async fn old_words_are_held_after_a_sender_died_with_their_permit(bench) {
        let first = bench.approved(post("one", &["alpha", "beta"])).await;
        let beta = until(&bench, &first.id, "beta", State::Scheduled).await.1;
        let mut rooms = Rooms::default();
        for channel in &bench.channels[..2] {
            rooms.set(channel, 1);
        }
        let permits = permits::claim(&bench.app, 10, 10, &mut rooms).await.unwrap().permits;
        assert_eq!(permits.len(), 2);
        // What the network answered about the one on alpha was lost with the process; a person has seen it.
        bench.sql(&format!("update deliveries set state = 'accepted', remote_id = '1' where post_id = '{}' and id <> '{beta}'", first.id)).await;
        let two = bench.approved(change(&first.id, "two")).await;
        abandon(&bench.app, std::slice::from_ref(&beta)).await.unwrap();
        bench.app.clock().advance(5_000);
        let again = permits::claim(&bench.app, 10, 10, &mut rooms).await.unwrap();
        assert!(again.permits.iter().all(|p| p.delivery != beta), "{again:?}");
        let (why, _) = until(&bench, &first.id, "beta", State::Held).await;
        assert!(why.contains(&two.id), "{why}");
    }
}
