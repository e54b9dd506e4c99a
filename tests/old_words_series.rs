//! The later posts of a recurrence do not go by themselves with old words.

use holdline::app::held::Choice;
use holdline::app::posts::{self, NewPost, PostView};
use holdline::app::{series, signals};
use holdline::clock::rfc3339;
use holdline::domain::delivery::State;
use holdline::domain::post::PostState;
use holdline::sandbox::Fault;
use holdline::store::posts::PostFilter;
use serde_json::json;

use crate::console::sign_in;
use crate::old_words::{change, decide, on, until};
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::visitor::read;

const HOUR: i64 = 3_600_000;

/// The first post of an hourly recurrence, which is out on alpha.
async fn first(bench: &Bench) -> PostView {
    let due = bench.app.clock().now() + 1_000;
    let new = json!({"kind": "routine", "channels": ["alpha"], "labels": ["hourly"], "source": {"text": "one"},
        "due": rfc3339(due), "recurrence": "0 * * * *"});
    let first = bench.approved(new).await;
    bench.app.clock().advance(2_000);
    bench.until(&first.id, &["accepted"]).await;
    first
}

/// The newest of the recurrence.
async fn newest(bench: &Bench) -> PostView {
    let filter = PostFilter { label: Some("hourly".into()), limit: 99, ..PostFilter::default() };
    let mut all = posts::list(&bench.app, &bench.operator, &filter).await.unwrap();
    all.retain(|p| p.revises.is_none());
    posts::get(&bench.app, &bench.operator, &all.pop().unwrap().id).await.unwrap()
}

fn because_of(change: &str) -> String {
    format!(
        "post {change} gives an earlier one of this series other words: edit this one, or have it approved as it is"
    )
}

/// Whether it waits for its approval because of that change.
fn waits(next: &PostView, change: &str) -> bool {
    let d = &next.deliveries[0];
    (next.state, d.state, d.approved) == (PostState::Submitted, State::Draft, false)
        && d.reason == Some(because_of(change))
        && next.words.as_ref().is_some_and(|w| w.text == "two")
}

/// The doubt about it ends as absent; why it is held then, and its id.
async fn held_when_absent(bench: &Bench, post: &str) -> (String, String) {
    for _ in 0..40 {
        bench.app.clock().advance(40_000);
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let view = posts::get(&bench.app, &bench.operator, post).await.unwrap();
        if view.deliveries[0].state != State::InDoubt {
            break;
        }
    }
    until(bench, post, "alpha", State::Held).await
}

on_both! {
    async fn what_a_recurrence_has_given_waits_for_its_approval_once_an_earlier_one_gets_other_words(bench) {
        let (worker, caller) = (bench.start().await, Caller::new(&bench).await);
        let first = first(&bench).await;
        series::continue_series(&bench.app).await.unwrap();
        let next = newest(&bench).await;
        assert_eq!((next.state, next.deliveries[0].state), (PostState::Approved, State::Scheduled));
        let two = bench.submit(change(&first.id, "two")).await;
        assert_eq!(newest(&bench).await.state, PostState::Approved, "what only waits for its approval stops nothing");
        bench.approve(&two.id).await;
        let stopped = newest(&bench).await;
        assert!(stopped.id == next.id && waits(&stopped, &two.id), "{stopped:?}");
        bench.until(&two.id, &["accepted"]).await;
        bench.app.clock().advance(2 * HOUR);
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        assert_eq!(on(&bench, "alpha"), ["two"], "the old words do not go");
        // Who approves it reads why; who wrote it is offered the new words.
        let approver = sign_in(&bench, &bench.approver).await.cookie;
        let why = because_of(&two.id);
        assert!(read(&caller, &approver, &format!("/console/approvals/{}", next.id)).await.contains(&why));
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let to = format!("/console/posts/{}/edit?words=new", next.id);
        assert!(read(&caller, &cookie, &format!("/console/posts/{}", next.id)).await.contains(&to));
        assert!(read(&caller, &cookie, &to).await.contains("two</textarea>"));
        let plain = format!("/console/posts/{}/edit", next.id);
        assert!(read(&caller, &cookie, &plain).await.contains("one</textarea>"));
        let new: NewPost = serde_json::from_value(json!({"kind": "routine", "channels": ["alpha"], "labels": ["hourly"],
            "source": {"text": "two"}, "recurrence": "0 * * * *", "submit": true})).unwrap();
        let edited = posts::edit(&bench.app, &bench.operator, &next.id, None, &new).await.unwrap();
        assert!(edited.words.is_none() && edited.deliveries[0].reason.is_none(), "{edited:?}");
        bench.approve(&next.id).await;
        bench.app.clock().advance(HOUR);
        bench.until(&next.id, &["accepted"]).await;
        series::continue_series(&bench.app).await.unwrap();
        let third = newest(&bench).await;
        assert!(third.id != next.id && third.state == PostState::Approved, "it goes on as before: {third:?}");
        worker.stop().await.unwrap();
    }

    async fn a_later_one_that_has_the_new_words_already_keeps_its_approval(bench) {
        let worker = bench.start().await;
        let first = first(&bench).await;
        series::continue_series(&bench.app).await.unwrap();
        let next = newest(&bench).await;
        let with = |text: &str| -> NewPost {
            serde_json::from_value(json!({"kind": "routine", "channels": ["alpha"], "labels": ["hourly"],
                "source": {"text": text}, "recurrence": "0 * * * *", "submit": true})).unwrap()
        };
        posts::edit(&bench.app, &bench.operator, &next.id, None, &with("two")).await.unwrap();
        bench.approve(&next.id).await;
        let two = bench.approved(change(&first.id, "two")).await;
        bench.until(&two.id, &["accepted"]).await;
        let kept = newest(&bench).await;
        assert_eq!((kept.id.as_str(), kept.state, kept.deliveries[0].state), (next.id.as_str(), PostState::Approved,
            State::Scheduled), "{kept:?}");
        bench.app.clock().advance(HOUR);
        bench.until(&next.id, &["accepted"]).await;
        series::continue_series(&bench.app).await.unwrap();
        let third = newest(&bench).await;
        assert!(third.id != next.id && third.state == PostState::Approved, "{third:?}");
        assert!(signals::waiting(&bench.app, &bench.operator, 25).await.unwrap().0.is_empty());
        worker.stop().await.unwrap();
    }

    async fn its_author_is_offered_the_words_that_were_approved_last(bench) {
        let worker = bench.start().await;
        let first = first(&bench).await;
        series::continue_series(&bench.app).await.unwrap();
        let next = newest(&bench).await;
        bench.app.clock().advance(HOUR);
        bench.until(&next.id, &["accepted"]).await;
        series::continue_series(&bench.app).await.unwrap();
        let two = bench.submit(change(&first.id, "two")).await;
        let three = bench.approved(change(&next.id, "three")).await;
        let third = newest(&bench).await;
        assert_eq!(third.words.as_ref().map(|w| w.text.as_str()), Some("three"));
        assert_eq!(third.deliveries[0].reason, Some(because_of(&three.id)));
        bench.app.clock().advance(1_000);
        bench.approve(&two.id).await;
        let third = newest(&bench).await;
        assert!(waits(&third, &two.id), "{third:?}");
        worker.stop().await.unwrap();
    }

    async fn the_next_one_waits_because_of_the_change_that_was_approved_last(bench) {
        let worker = bench.start().await;
        let first = first(&bench).await;
        series::continue_series(&bench.app).await.unwrap();
        let next = newest(&bench).await;
        bench.app.clock().advance(HOUR);
        bench.until(&next.id, &["accepted"]).await;
        // Written first, of the first one, and approved after the other.
        let two = bench.submit(change(&first.id, "two")).await;
        let three = bench.approved(change(&next.id, "three")).await;
        assert!(two.id < three.id);
        bench.app.clock().advance(1_000);
        bench.approve(&two.id).await;
        series::continue_series(&bench.app).await.unwrap();
        let third = newest(&bench).await;
        assert!(third.id != next.id && waits(&third, &two.id), "{third:?}");
        worker.stop().await.unwrap();
    }

    async fn a_later_one_that_came_out_meanwhile_is_told(bench) {
        let worker = bench.start().await;
        let first = first(&bench).await;
        series::continue_series(&bench.app).await.unwrap();
        let next = newest(&bench).await;
        let two = bench.submit(change(&first.id, "two")).await;
        bench.app.clock().advance(HOUR);
        bench.until(&next.id, &["accepted"]).await;
        bench.approve(&two.id).await;
        let (told, _) = signals::waiting(&bench.app, &bench.operator, 25).await.unwrap();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].title, "still live with the old words on alpha");
        let detail = format!("Post {} gives an earlier one of this series other words: change this one by a post of its \
            own, or take it down", two.id);
        assert_eq!(told[0].detail.as_ref(), Some(&detail));
        assert!(told[0].url.as_ref().unwrap().ends_with(&next.id));
        // The next one has nobody's approval with these words, although that of the one before holds.
        series::continue_series(&bench.app).await.unwrap();
        let third = newest(&bench).await;
        assert!(third.id != next.id && waits(&third, &two.id), "{third:?}");
        // Another change of the first one, which was written after that, says no more of it.
        bench.until(&two.id, &["accepted"]).await;
        signals::dismiss(&bench.app, &bench.operator, &told[0].id, "seen", None).await.unwrap();
        bench.approved(change(&first.id, "three")).await;
        assert!(signals::waiting(&bench.app, &bench.operator, 25).await.unwrap().0.is_empty());
        worker.stop().await.unwrap();
    }

    async fn one_that_waits_for_its_approval_says_so_too(bench) {
        let worker = bench.start().await;
        let first = first(&bench).await;
        bench.sql("update deliveries set approved_until = 1").await;
        series::continue_series(&bench.app).await.unwrap();
        let next = newest(&bench).await;
        assert_eq!((next.state, &next.deliveries[0].reason), (PostState::Submitted, &None));
        let two = bench.approved(change(&first.id, "two")).await;
        let next = newest(&bench).await;
        assert!(waits(&next, &two.id), "{next:?}");
        worker.stop().await.unwrap();
    }

    async fn a_later_one_in_doubt_is_held_before_it_is_tried_again(bench) {
        let worker = bench.start().await;
        let first = first(&bench).await;
        series::continue_series(&bench.app).await.unwrap();
        let next = newest(&bench).await;
        bench.sandbox.fault("alpha", Fault::CutBeforeRead, 1);
        bench.app.clock().advance(HOUR);
        until(&bench, &next.id, "alpha", State::InDoubt).await;
        let two = bench.approved(change(&first.id, "two")).await;
        bench.until(&two.id, &["accepted"]).await;
        let held = held_when_absent(&bench, &next.id).await;
        let why = format!("post {} gives an earlier one of this series other words: release this as it is, or cancel it", two.id);
        assert_eq!((held.0, on(&bench, "alpha")), (why, vec!["two".to_owned()]));
        // Whoever releases it has read that.
        assert!(decide(&bench, Choice::Release, &[&held.1]).await.is_empty());
        until(&bench, &next.id, "alpha", State::Accepted).await;
        assert_eq!(on(&bench, "alpha"), ["two", "one"]);
        worker.stop().await.unwrap();
    }

    async fn a_later_one_in_doubt_goes_on_when_the_change_is_cancelled(bench) {
        let worker = bench.start().await;
        let first = first(&bench).await;
        series::continue_series(&bench.app).await.unwrap();
        let next = newest(&bench).await;
        bench.sandbox.fault("alpha", Fault::CutBeforeRead, 1);
        bench.app.clock().advance(HOUR);
        until(&bench, &next.id, "alpha", State::InDoubt).await;
        let mut later = change(&first.id, "two");
        later["due"] = json!(rfc3339(bench.app.clock().now() + 20 * HOUR));
        let two = bench.approved(later).await;
        posts::cancel(&bench.app, &bench.operator, &two.id).await.unwrap();
        for _ in 0..4 {
            bench.app.clock().advance(40_000);
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        until(&bench, &next.id, "alpha", State::Accepted).await;
        worker.stop().await.unwrap();
    }

    async fn a_later_one_in_doubt_is_told_when_it_turns_out_to_be_there(bench) {
        let worker = bench.start().await;
        let first = first(&bench).await;
        series::continue_series(&bench.app).await.unwrap();
        let next = newest(&bench).await;
        bench.sandbox.fault("alpha", Fault::CutAfterAccept, 1);
        bench.app.clock().advance(HOUR);
        let (_, doubt) = until(&bench, &next.id, "alpha", State::InDoubt).await;
        bench.sql(&format!("update attempts set next_read_at = null where delivery_id = '{doubt}'")).await;
        let two = bench.approved(change(&first.id, "two")).await;
        bench.until(&two.id, &["accepted"]).await;
        let told = signals::waiting(&bench.app, &bench.operator, 25).await.unwrap().0;
        assert!(told.is_empty(), "nobody knows that yet: {told:?}");
        bench.sql(&format!("update attempts set next_read_at = 1 where delivery_id = '{doubt}'")).await;
        bench.app.clock().advance(60_000);
        until(&bench, &next.id, "alpha", State::Accepted).await;
        let told = signals::waiting(&bench.app, &bench.operator, 25).await.unwrap().0;
        assert_eq!((told.len(), told[0].title.as_str()), (1, "still live with the old words on alpha"));
        assert!(told[0].detail.as_ref().unwrap().contains(&two.id) && told[0].url.as_ref().unwrap().ends_with(&next.id));
        worker.stop().await.unwrap();
    }

    async fn what_a_recurrence_gives_after_that_waits_too_until_a_person_approves_it(bench) {
        let worker = bench.start().await;
        let first = first(&bench).await;
        let mut later = change(&first.id, "two");
        later["due"] = json!(rfc3339(bench.app.clock().now() + 20 * HOUR));
        let two = bench.approved(later).await;
        series::continue_series(&bench.app).await.unwrap();
        let next = newest(&bench).await;
        assert!(next.id != first.id && waits(&next, &two.id), "{next:?}");
        // The change is taken back.
        posts::cancel(&bench.app, &bench.operator, &two.id).await.unwrap();
        let next = newest(&bench).await;
        let said = "the change of an earlier one of this series was cancelled: have this one approved as it is, or edit it";
        assert_eq!((next.deliveries[0].reason.as_deref(), next.state), (Some(said), PostState::Submitted));
        assert!(next.words.is_none());
        bench.approve(&next.id).await;
        let again = newest(&bench).await;
        assert!(again.deliveries[0].reason.is_none() && again.deliveries[0].approved, "{again:?}");
        bench.app.clock().advance(HOUR);
        until(&bench, &next.id, "alpha", State::Accepted).await;
        worker.stop().await.unwrap();
    }
}
