//! What becomes of other words for a post that is taken down meanwhile.

use channels::Retraction;
use holdline::app::reads::{self, Seen};
use holdline::app::{held, settle, signals};
use holdline::domain::outcome::Trust;
use holdline::sandbox::Fault;
use serde_json::json;

use crate::console::sign_in;
use crate::on_both;
use crate::real_channels::only;
use crate::revisions::{change, on_alpha, routine, states, view};
use crate::support::caller::Caller;
use crate::support::visitor::read;

on_both! {
    async fn a_post_that_is_taken_down_gets_no_more_words_and_both_say_so(bench) {
        let worker = bench.start().await;
        let post = bench.approved(routine("one")).await;
        bench.until(&post.id, &["accepted"]).await;
        // It is taken down while the answer is on its way.
        bench.sandbox.fault("alpha", Fault::Late { ms: 1_500 }, 1);
        let two = bench.approved(change(&post.id, "two")).await;
        while bench.sandbox.arrived() < 2 {
            tokio::task::yield_now().await;
        }
        let first = only(&view(&bench, &post.id).await).id.clone();
        let gone = held::retract(&bench.app, &bench.approver, &first, "wrong").await.unwrap();
        assert_eq!(gone, Retraction::Gone);
        bench.until(&two.id, &["retracted"]).await;
        bench.until(&post.id, &["retracted"]).await;
        // What was approved before and comes due after that fails with the reason.
        let post = bench.approved(routine("three")).await;
        bench.until(&post.id, &["accepted"]).await;
        let mut later = change(&post.id, "four");
        later["due"] = json!(holdline::clock::rfc3339(bench.app.clock().now() + 3_600_000));
        let later = bench.approved(later).await;
        let first = only(&view(&bench, &post.id).await).id.clone();
        held::retract(&bench.app, &bench.approver, &first, "wrong").await.unwrap();
        bench.app.clock().advance(3_700_000);
        let failed = bench.until(&later.id, &["failed"]).await;
        assert!(only(&failed).reason.as_deref().unwrap().contains("taken down meanwhile"), "{failed:?}");
        assert!(on_alpha(&bench).is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_change_that_a_look_ends_is_told_as_one_that_ended_at_once(bench) {
        let worker = bench.start().await;
        let post = bench.approved(routine("one")).await;
        bench.until(&post.id, &["accepted"]).await;
        bench.sandbox.fault("alpha", Fault::CutBeforeRead, 1);
        let mut two = change(&post.id, "two");
        two["valid_until"] = json!(holdline::clock::rfc3339(bench.app.clock().now() + 60_000));
        let two = bench.approved(two).await;
        let doubt = only(&bench.until(&two.id, &["in_doubt"]).await).id.clone();
        let told = async || signals::waiting(&bench.app, &bench.operator, 25).await.unwrap().0;
        assert!(told().await.is_empty(), "nobody knows yet");
        bench.app.clock().advance(6_000);
        let store = bench.look().await;
        while store.attempts(&doubt).await.unwrap()[0].reads == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        // The second look says that it is not there, too late for another try.
        bench.app.clock().advance(52_000);
        let over = bench.until(&two.id, &["expired"]).await;
        assert_eq!(only(&over).reason.as_deref(), Some("read back: not there"));
        let told = told().await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].title, "still live with the old words on alpha");
        let detail = told[0].detail.clone().unwrap_or_default();
        assert_eq!(detail, format!("Post {} gives it other words, which do not go there: read back: not there", two.id));
        worker.stop().await.unwrap();
    }

    async fn a_doubt_about_words_ends_with_the_post_that_was_taken_down(bench) {
        let (worker, caller) = (bench.start().await, Caller::new(&bench).await);
        let cookie = sign_in(&bench, &bench.approver).await.cookie;
        for by_a_person in [true, false] {
            let post = bench.approved(routine("one")).await;
            let first = only(&bench.until(&post.id, &["accepted"]).await).id.clone();
            bench.sandbox.fault("alpha", Fault::CutAfterAccept, 1);
            let two = bench.approved(change(&post.id, "two")).await;
            let doubt = only(&bench.until(&two.id, &["in_doubt"]).await).id.clone();
            let page = read(&caller, &cookie, &format!("/console/doubts/{doubt}")).await;
            assert!(page.contains("It has the new words") && !page.contains("It is there"), "{page}");
            let look = bench.look().await;
            let attempt = look.attempts(&doubt).await.unwrap().pop().unwrap().id;
            let gone = held::retract(&bench.app, &bench.approver, &first, "wrong").await.unwrap();
            assert_eq!(gone, Retraction::Gone);
            if by_a_person {
                let seen = json!({ "settlement": "published", "note": "I have seen them" });
                let seen = serde_json::from_value(seen).unwrap();
                settle::settle(&bench.app, &bench.approver, &doubt, &seen).await.unwrap();
            } else {
                // Seen before it was taken down, and written down after that.
                let seen = Seen::Found { remote_id: "9".into(), url: None, by_words: false, note: None };
                let trust = Trust { replay_is_safe: false, absent_is_proof: true, readable: true, late: 30_000 };
                reads::note_read(&bench.app, &attempt, &doubt, &seen, trust).await.unwrap();
            }
            assert_eq!(states(&bench, &two.id).await, [("alpha".to_owned(), "retracted".to_owned())]);
        }
        worker.stop().await.unwrap();
    }
}
