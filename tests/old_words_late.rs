//! A post comes out with its old words beside a change of them: the new ones follow, or people are told.

use std::time::Duration;

use holdline::app::held::{self, Choice};
use holdline::app::posts::{self, NewPost};
use holdline::app::{settle, signals};
use holdline::domain::delivery::State;
use holdline::domain::post::PostState;
use holdline::domain::signal::SignalState;
use holdline::sandbox::Fault;
use holdline::store::audit::AuditFilter;
use serde_json::{Value, json};

use crate::console::sign_in;
use crate::old_words::{WAITS, change, decide, kept, on, post, until};
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::twilio::{NUMBERS, connect};
use crate::support::visitor::read;

/// A change that its author sends to one channel only.
fn on_alpha_only(post: &str, text: &str) -> Value {
    let mut new = change(post, text);
    new["channels"] = json!(["alpha"]);
    new
}

/// A change that is due in an hour.
fn in_an_hour(bench: &Bench, post: &str, text: &str) -> Value {
    let mut new = change(post, text);
    new["due"] = json!(holdline::clock::rfc3339(bench.app.clock().now() + 3_600_000));
    new
}

/// What waits on the desk: title, further words, where it leads.
async fn told(bench: &Bench) -> Vec<(String, String, String)> {
    let (waiting, _) = signals::waiting(&bench.app, &bench.operator, 25).await.unwrap();
    let of = |s: signals::SignalView| (s.title, s.detail.unwrap_or_default(), s.url.unwrap_or_default());
    waiting.into_iter().filter(|s| s.state == SignalState::Waiting).map(of).collect()
}

/// How often the log has that verb about what was told.
async fn logged(bench: &Bench, verb: &str) -> usize {
    let of = AuditFilter { verb: Some(verb.into()), limit: 99, ..AuditFilter::default() };
    bench.look().await.audit(&of).await.unwrap().len()
}

/// The post waits for another try on beta, for a minute.
async fn waits_on_beta(bench: &Bench) -> String {
    bench.sandbox.fault("beta", Fault::TooMany { seconds: 60 }, 1);
    let first = bench.approved(post("one", &["alpha", "beta"])).await;
    until(bench, &first.id, "alpha", State::Accepted).await;
    until(bench, &first.id, "beta", State::Scheduled).await;
    first.id
}

/// The post is in doubt on beta, where it is, and no look settles that.
async fn in_doubt_on_beta(bench: &Bench) -> (String, String) {
    bench.sandbox.fault("beta", Fault::CutAfterAccept, 1);
    let first = bench.approved(post("one", &["alpha", "beta"])).await;
    until(bench, &first.id, "alpha", State::Accepted).await;
    let (_, doubt) = until(bench, &first.id, "beta", State::InDoubt).await;
    bench.sql(&format!("update attempts set next_read_at = null where delivery_id = '{doubt}'")).await;
    (first.id, doubt)
}

/// A look finds that the post is there; what waits for that is looked at again.
async fn ends_as_there(bench: &Bench, post: &str, doubt: &str) {
    bench.app.clock().advance(16_000);
    bench.sql(&format!("update attempts set next_read_at = 1 where delivery_id = '{doubt}'")).await;
    bench.app.clock().advance(60_000);
    until(bench, post, "beta", State::Accepted).await;
    bench.app.clock().advance(16_000);
}

/// The first signal that waits.
async fn waiting(bench: &Bench) -> String {
    signals::waiting(&bench.app, &bench.operator, 25).await.unwrap().0[0].id.clone()
}

async fn seen(bench: &Bench, delivery: &str) {
    let seen = serde_json::from_value(json!({ "settlement": "published", "note": "I see it" })).unwrap();
    settle::settle(&bench.app, &bench.approver, delivery, &seen).await.unwrap();
}

const LATER: &str = "it came out there after these words were written; change them there by another post";

on_both! {
    async fn words_go_where_the_post_comes_out_between_their_writing_and_their_approval(bench) {
        let worker = bench.start().await;
        let first = waits_on_beta(&bench).await;
        let two = bench.submit(change(&first, "two")).await;
        // The approver reads the words for beta too, and that the post is not out there.
        assert!(two.deliveries.iter().any(|d| d.channel_name == "beta" && d.rendition["text"] == "two"), "{two:?}");
        assert_eq!(kept(&two, "beta"), WAITS);
        bench.app.clock().advance(70_000);
        until(&bench, &first, "beta", State::Accepted).await;
        assert_eq!(on(&bench, "beta"), ["one"]);
        bench.approve(&two.id).await;
        let done = bench.until(&two.id, &["accepted"]).await;
        assert_eq!((on(&bench, "alpha"), on(&bench, "beta")), (vec!["two".to_owned()], vec!["two".to_owned()]));
        assert!(done.unrevised.is_empty() && told(&bench).await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn words_wait_for_a_doubt_and_go_when_it_is_settled(bench) {
        let worker = bench.start().await;
        let (first, doubt) = in_doubt_on_beta(&bench).await;
        let two = bench.approved(change(&first, "two")).await;
        until(&bench, &two.id, "alpha", State::Accepted).await;
        let mut why = String::new();
        while why.is_empty() {
            tokio::time::sleep(Duration::from_millis(25)).await;
            why = until(&bench, &two.id, "beta", State::Scheduled).await.0;
        }
        assert_eq!(why, "it is not known yet whether the old words are out there; the new ones wait for that");
        // Nobody has to wait with the next change for that.
        let three = bench.submit(change(&first, "three")).await;
        posts::cancel(&bench.app, &bench.operator, &three.id).await.unwrap();
        bench.app.clock().advance(16_000);
        bench.sql(&format!("update attempts set next_read_at = 1 where delivery_id = '{doubt}'")).await;
        // Any look wakes the reader.
        bench.app.clock().advance(60_000);
        until(&bench, &first, "beta", State::Accepted).await;
        bench.app.clock().advance(16_000);
        until(&bench, &two.id, "beta", State::Accepted).await;
        assert_eq!((on(&bench, "beta"), told(&bench).await.len()), (vec!["two".to_owned()], 0));
        worker.stop().await.unwrap();
    }

    async fn words_that_wait_do_not_go_once_newer_ones_are_approved(bench) {
        let worker = bench.start().await;
        // The newer ones are the old ones again: they go there, too, because others were about to.
        let (first, doubt) = in_doubt_on_beta(&bench).await;
        let two = bench.approved(change(&first, "two")).await;
        until(&bench, &two.id, "alpha", State::Accepted).await;
        let back = bench.approved(change(&first, "one")).await;
        until(&bench, &back.id, "alpha", State::Accepted).await;
        ends_as_there(&bench, &first, &doubt).await;
        assert_eq!(until(&bench, &two.id, "beta", State::Cancelled).await.0, "newer words for the post are approved");
        until(&bench, &back.id, "beta", State::Accepted).await;
        assert_eq!((on(&bench, "beta"), told(&bench).await.len()), (vec!["one".to_owned()], 0));
        // They are not for that channel.
        let (first, doubt) = in_doubt_on_beta(&bench).await;
        let two = bench.approved(change(&first, "two")).await;
        until(&bench, &two.id, "alpha", State::Accepted).await;
        let three = bench.approved(on_alpha_only(&first, "three")).await;
        until(&bench, &three.id, "alpha", State::Accepted).await;
        ends_as_there(&bench, &first, &doubt).await;
        until(&bench, &two.id, "beta", State::Cancelled).await;
        assert_eq!(on(&bench, "beta"), ["one", "one"]);
        let said = told(&bench).await;
        assert!(said.len() == 1 && said[0].1.contains(&three.id), "{said:?}");
        worker.stop().await.unwrap();
    }

    async fn words_that_come_out_beside_newer_ones_are_told(bench) {
        let worker = bench.start().await;
        let (first, doubt) = in_doubt_on_beta(&bench).await;
        let two = bench.approved(change(&first, "two")).await;
        until(&bench, &two.id, "alpha", State::Accepted).await;
        let three = bench.submit(on_alpha_only(&first, "three")).await;
        // What waited is being sent, and in doubt, when the newer ones are approved.
        bench.sandbox.fault("beta", Fault::CutAfterAccept, 1);
        ends_as_there(&bench, &first, &doubt).await;
        let (_, doubt) = until(&bench, &two.id, "beta", State::InDoubt).await;
        bench.approve(&three.id).await;
        let said = told(&bench).await;
        assert!(said.len() == 1 && said[0].1.contains(&three.id), "the old ones came out: {said:?}");
        signals::dismiss(&bench.app, &bench.operator, &waiting(&bench).await, "seen", None).await.unwrap();
        bench.sql(&format!("update attempts set next_read_at = 1 where delivery_id = '{doubt}'")).await;
        bench.app.clock().advance(60_000);
        until(&bench, &two.id, "beta", State::Accepted).await;
        assert_eq!(on(&bench, "beta"), ["two"]);
        let said = told(&bench).await;
        assert!(said.len() == 1 && said[0].1.contains(&three.id) && said[0].2.ends_with(&first), "{said:?}");
        // The newest words end that.
        let four = bench.approved(change(&first, "four")).await;
        until(&bench, &four.id, "beta", State::Accepted).await;
        assert_eq!((on(&bench, "beta"), told(&bench).await.len()), (vec!["four".to_owned()], 0));
        worker.stop().await.unwrap();
    }

    async fn old_words_that_come_out_where_no_change_goes_are_told_until_they_are_gone(bench) {
        let (worker, caller) = (bench.start().await, Caller::new(&bench).await);
        let first = waits_on_beta(&bench).await;
        let two = bench.submit(on_alpha_only(&first, "two")).await;
        bench.app.clock().advance(70_000);
        until(&bench, &first, "beta", State::Accepted).await;
        assert!(told(&bench).await.is_empty(), "nothing is approved yet");
        bench.approve(&two.id).await;
        let said = told(&bench).await;
        let page = format!("/console/posts/{first}");
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].0, "still live with the old words on beta");
        assert_eq!(said[0].1, format!("Post {} gives it other words, which do not go there: {LATER}", two.id));
        assert!(said[0].2.ends_with(&page), "{said:?}");
        let cookie = sign_in(&bench, &bench.approver).await.cookie;
        assert!(read(&caller, &cookie, "/console").await.contains("still live with the old words on beta"));
        let (_, beta) = until(&bench, &first, "beta", State::Accepted).await;
        let shown = read(&caller, &cookie, &page).await;
        assert!(shown.contains(LATER) && shown.contains(&format!("id=\"retract-{beta}\"")), "{shown}");
        held::retract(&bench.app, &bench.approver, &beta, "old words").await.unwrap();
        assert!(told(&bench).await.is_empty() && on(&bench, "beta").is_empty());
        assert_eq!((logged(&bench, "signal.received").await, logged(&bench, "signal.ended").await), (1, 1));
        worker.stop().await.unwrap();
    }

    async fn a_doubt_that_ends_with_the_old_words_beside_a_change_is_told(bench) {
        let worker = bench.start().await;
        let (first, doubt) = in_doubt_on_beta(&bench).await;
        let two = bench.approved(on_alpha_only(&first, "two")).await;
        until(&bench, &two.id, "alpha", State::Accepted).await;
        assert!(told(&bench).await.is_empty());
        bench.sql(&format!("update attempts set next_read_at = 1 where delivery_id = '{doubt}'")).await;
        bench.app.clock().advance(60_000);
        until(&bench, &first, "beta", State::Accepted).await;
        let said = told(&bench).await;
        assert!(said.len() == 1 && said[0].1.ends_with(LATER), "{said:?}");
        let view = posts::get(&bench.app, &bench.operator, &first).await.unwrap();
        let beta = view.deliveries.iter().find(|d| d.channel_name == "beta").unwrap();
        assert_eq!(beta.words_kept.as_deref(), Some(LATER));
        // The next change reaches it, and nobody has to look any more.
        let three = bench.approved(change(&first, "three")).await;
        bench.until(&three.id, &["accepted"]).await;
        assert_eq!((on(&bench, "beta"), told(&bench).await.len()), (vec!["three".to_owned()], 0));
        // A person's word that it is there tells no id to change it by.
        let (first, doubt) = in_doubt_on_beta(&bench).await;
        let two = bench.approved(on_alpha_only(&first, "two")).await;
        until(&bench, &two.id, "alpha", State::Accepted).await;
        seen(&bench, &doubt).await;
        let said = told(&bench).await;
        let unknown = "nobody knows what the network calls the post; change it by hand";
        assert!(said.len() == 1 && said[0].1.ends_with(unknown), "{said:?}");
        // The same of a change that waits there, approved before that word or after it.
        for before in [true, false] {
            let (first, doubt) = in_doubt_on_beta(&bench).await;
            let two = bench.submit(change(&first, "two")).await;
            if before {
                bench.approve(&two.id).await;
                until(&bench, &two.id, "alpha", State::Accepted).await;
            }
            seen(&bench, &doubt).await;
            if !before {
                bench.approve(&two.id).await;
            }
            let mut said = told(&bench).await;
            said.retain(|(_, why, _)| why.contains(&two.id) && why.ends_with(unknown));
            assert_eq!(said.len(), 1, "{before}");
        }
        worker.stop().await.unwrap();
    }

    async fn a_change_that_fails_beside_old_words_that_are_out_is_told_until_one_goes(bench) {
        let worker = bench.start().await;
        let first = bench.approved(post("one", &["alpha", "beta"])).await;
        bench.until(&first.id, &["accepted"]).await;
        bench.sandbox.fault("beta", Fault::ServerError { accepted: false }, 99);
        let two = bench.approved(change(&first.id, "two")).await;
        until(&bench, &two.id, "alpha", State::Accepted).await;
        for _ in 0..40 {
            let view = posts::get(&bench.app, &bench.operator, &two.id).await.unwrap();
            if view.deliveries.iter().any(|d| d.channel_name == "beta" && d.state == State::Failed) {
                break;
            }
            bench.app.clock().advance(600_000);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let (why, _) = until(&bench, &two.id, "beta", State::Failed).await;
        let said = told(&bench).await;
        assert_eq!(said.len(), 1, "{said:?}");
        assert_eq!(said[0].0, "still live with the old words on beta");
        assert_eq!(said[0].1, format!("Post {} gives it other words, which do not go there: {why}", two.id));
        assert!(said[0].2.ends_with(&format!("/console/posts/{}", first.id)), "{said:?}");
        // Newer words that go there end it.
        bench.sandbox.clear_faults();
        let three = bench.approved(change(&first.id, "three")).await;
        bench.until(&three.id, &["accepted"]).await;
        assert_eq!((on(&bench, "beta"), told(&bench).await.len()), (vec!["three".to_owned()], 0));
        // The same of a change that expires.
        let mut four = change(&first.id, "four");
        four["valid_until"] = json!(holdline::clock::rfc3339(bench.app.clock().now() + 60_000));
        bench.sandbox.fault("beta", Fault::TooMany { seconds: 3_600 }, 1);
        let four = bench.approved(four).await;
        until(&bench, &four.id, "beta", State::Expired).await;
        let said = told(&bench).await;
        assert!(said.len() == 1 && said[0].1.starts_with(&format!("Post {} gives", four.id)), "{said:?}");
        worker.stop().await.unwrap();
    }

    async fn words_of_which_a_part_is_out_are_not_said_to_be_nowhere(bench) {
        let worker = bench.start().await;
        let first = waits_on_beta(&bench).await;
        let (_, beta) = until(&bench, &first, "beta", State::Scheduled).await;
        let body = r#"{"title":null,"text":"one","more":["and on"],"language":"en","media":[]}"#;
        bench.sql(&format!("update attempts set handle = '1', body = '{body}' where delivery_id = '{beta}'")).await;
        let two = bench.approved(in_an_hour(&bench, &first, "two")).await;
        bench.app.clock().advance(70_000);
        until(&bench, &first, "beta", State::Held).await;
        assert!(decide(&bench, Choice::Cancel, &[&beta]).await.is_empty());
        bench.app.clock().advance(3_600_000);
        let (why, _) = until(&bench, &two.id, "beta", State::Cancelled).await;
        let part = "only a part of the old words is out there, which is not changed: take it down; 1 of 2 parts are out";
        assert_eq!(why, part);
        until(&bench, &two.id, "alpha", State::Accepted).await;
        let three = bench.submit(on_alpha_only(&first, "three")).await;
        assert_eq!(kept(&three, "beta"), part);
        worker.stop().await.unwrap();
    }

    async fn an_edit_of_an_approved_change_goes_on_holding_the_old_words(bench) {
        let worker = bench.start().await;
        let first = waits_on_beta(&bench).await;
        let two = bench.approved(in_an_hour(&bench, &first, "two")).await;
        let other: NewPost = serde_json::from_value(in_an_hour(&bench, &first, "two, better")).unwrap();
        let edited = posts::edit(&bench.app, &bench.operator, &two.id, None, &other).await.unwrap();
        assert_eq!(edited.state, PostState::Draft);
        bench.app.clock().advance(70_000);
        let (why, beta) = until(&bench, &first, "beta", State::Held).await;
        assert!(why.starts_with(&format!("post {} gives it other words", two.id)), "{why}");
        assert_eq!(decide(&bench, Choice::Release, &[&beta]).await, [why]);
        let view = posts::get(&bench.app, &bench.operator, &first).await.unwrap();
        let alpha = view.deliveries.iter().find(|d| d.channel_name == "alpha").unwrap();
        assert_eq!(alpha.words_kept.as_deref(), Some("the change of its words is not out there yet"));
        // Cancelled, it holds nothing more, and what it held says so.
        posts::cancel(&bench.app, &bench.operator, &two.id).await.unwrap();
        let (why, _) = until(&bench, &first, "beta", State::Held).await;
        assert_eq!(why, "the change of its words was cancelled: release it as it is, or cancel it");
        assert!(decide(&bench, Choice::Release, &[&beta]).await.is_empty());
        until(&bench, &first, "beta", State::Accepted).await;
        worker.stop().await.unwrap();
    }

    async fn old_words_stop_in_the_middle_of_a_list(bench) {
        let mut bench = bench;
        let fake = connect(&mut bench, &NUMBERS).await;
        let worker = bench.start().await;
        fake.answers.forget_permits(1_000);
        let first = bench.approved(post("one", &["alpha", "phones"])).await;
        until(&bench, &first.id, "alpha", State::Accepted).await;
        while fake.copies()[0] == 0 {
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let two = bench.approved(change(&first.id, "two")).await;
        fake.answers.add_permits(1_000);
        until(&bench, &first.id, "phones", State::Scheduled).await;
        bench.app.clock().advance(700_000);
        let (why, _) = until(&bench, &first.id, "phones", State::Held).await;
        assert!(why.starts_with(&format!("post {} gives", two.id)) && why.ends_with("; it went to 1 of 4"), "{why}");
        assert_eq!(fake.copies(), [1, 0, 0, 0]);
        worker.stop().await.unwrap();
    }

    async fn a_held_rest_says_how_far_the_old_words_have_come(bench) {
        let worker = bench.start().await;
        for (handle, so_far) in [
            ("1", "1 of 2 parts are out"),
            (r#"{"ledger":[{"who":"a","shown":"1","is":{"has":"9"}},{"who":"b","shown":"2","is":"waits"}]}"#, "it went to 1 of 2"),
        ] {
            let first = waits_on_beta(&bench).await;
            let (_, beta) = until(&bench, &first, "beta", State::Scheduled).await;
            let body = r#"{"title":null,"text":"one","more":["and on"],"language":"en","media":[]}"#;
            bench.sql(&format!("update attempts set handle = '{handle}', body = '{body}' where delivery_id = '{beta}'")).await;
            let two = bench.approved(in_an_hour(&bench, &first, "two")).await;
            bench.app.clock().advance(70_000);
            let (why, _) = until(&bench, &first, "beta", State::Held).await;
            let said = "gives it other words, so the old ones go no further: cancel the rest, or take down what is out";
            assert_eq!(why, format!("post {} {said}; {so_far}", two.id));
            let view = posts::get(&bench.app, &bench.operator, &first).await.unwrap();
            assert!(view.deliveries.iter().all(|d| d.so_far.is_none()), "it is said once: {view:?}");
            posts::cancel(&bench.app, &bench.operator, &two.id).await.unwrap();
            let (why, _) = until(&bench, &first, "beta", State::Held).await;
            assert_eq!(why, "the change of its words was cancelled: release it as it is, or cancel it");
        }
        worker.stop().await.unwrap();
    }
}
