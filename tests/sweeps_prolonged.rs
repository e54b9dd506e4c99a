//! What Facebook keeps held only until a date is moved on in time, under the freeze and after it, until a person has
//! decided.

use holdline::app::audit::{self, AuditFilter};
use holdline::app::channels::{self, ChannelEdit};
use holdline::app::freezes;
use holdline::app::sweeps::{self, Choice, SweepView, SweptView};
use holdline::domain::freeze::Scope;
use holdline::domain::sweep::Stand;

use crate::console::sign_in;
use crate::on_both;
use crate::support::caller::Caller;
use crate::support::page::Page;
use crate::support::visitor::read;
use crate::support::{Bench, start};
use crate::sweeps::{MINUTE, all, decide_on, freeze_on, looked, until};

const DAY: i64 = 24 * 60;
/// How far ahead what is held is moved.
const FAR: i64 = 29 * DAY;

/// How many minutes are left of the only hold, as it is shown.
fn left(bench: &Bench, sweep: &SweepView) -> Option<i64> {
    let until = sweep.posts[0].held_until.as_ref()?;
    let until = chrono::DateTime::parse_from_rfc3339(until).unwrap().timestamp_millis();
    Some((until - bench.app.clock().now() + MINUTE / 2) / MINUTE)
}

/// Held until about then.
fn held_for(bench: &Bench, minutes: i64) -> impl Fn(&SweepView) -> bool {
    move |sweep| {
        all(Stand::Held, 1)(sweep) && left(bench, sweep).is_some_and(|left| (left - minutes).abs() <= 1)
    }
}

fn fails(sweep: &SweepView) -> bool {
    sweep.posts[0].reason.as_deref().is_some_and(|why| why.contains("could not be moved on"))
}

/// The verbs of the log about a post.
async fn verbs(bench: &Bench, post: &SweptView) -> Vec<String> {
    let subject = Some(format!("swept:{}", post.id));
    let filter = AuditFilter { subject, limit: 100, ..AuditFilter::default() };
    let log = audit::list(&bench.app, &bench.administrator, &filter).await.unwrap();
    let mut verbs: Vec<_> = log.iter().map(|e| e.entry["verb"].as_str().unwrap().to_owned()).collect();
    verbs.sort();
    verbs
}

async fn thaw(bench: &Bench, freeze: &str) {
    freezes::thaw(&bench.app, &bench.approver, freeze, "over").await.unwrap();
}

on_both! {
    async fn what_is_held_until_a_date_is_moved_on_until_a_person_has_decided(bench) {
        let mut bench = bench;
        let page = Page::connect(&mut bench).await;
        page.add("Sale", DAY);
        let worker = bench.start().await;
        let frozen = freeze_on(&bench.app, &bench, Scope::default()).await;
        let seen = until(&bench.app, &frozen.id, |s| held_for(&bench, FAR)(s) && looked(s)).await;
        assert_eq!((page.ahead(), page.writes().len()), (vec![FAR], 1));
        let due = seen.posts[0].due.clone();
        assert!(seen.channels[0].unseen.as_deref().is_some_and(|why| why.contains("a reel")), "{seen:?}");
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        for path in [
            format!("/console/freezes/{}", frozen.id),
            "/console/swept".to_owned(),
            format!("/console/swept/{}", seen.posts[0].id),
        ] {
            assert!(read(&caller, &cookie, &path).await.contains("Held there until"), "{path}");
        }
        // Under the freeze; a look at the schedule meanwhile takes it for no other post.
        bench.app.clock().advance(23 * DAY * MINUTE);
        until(&bench.app, &frozen.id, held_for(&bench, FAR)).await;
        // After the thaw, by a node that was away.
        thaw(&bench, &frozen.id).await;
        worker.stop().await.unwrap();
        bench.app.clock().advance(28 * DAY * MINUTE);
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        until(&app, &frozen.id, held_for(&bench, FAR)).await;
        assert_eq!((page.ahead(), page.writes().len()), (vec![FAR], 3));
        // When Facebook refuses it, people are told, and it is tried again.
        page.refuses(true);
        bench.app.clock().advance(23 * DAY * MINUTE);
        let seen = until(&app, &frozen.id, fails).await;
        assert!(held_for(&bench, 6 * DAY)(&seen), "{seen:?}");
        for _ in 0..3 {
            let tried = page.writes().len();
            bench.app.clock().advance(31 * MINUTE);
            until(&app, &frozen.id, |_| page.writes().len() > tried).await;
        }
        page.refuses(false);
        bench.app.clock().advance(31 * MINUTE);
        let seen = until(&app, &frozen.id, held_for(&bench, FAR)).await;
        assert_eq!(seen.posts[0].reason, None);
        let told = verbs(&bench, &seen.posts[0]).await;
        let count = |verb: &str| told.iter().filter(|told| *told == verb).count();
        assert_eq!(["sweep.prolonged", "sweep.prolonging", "sweep.not_prolonged"].map(count), [3, 3, 1], "{told:?}");
        assert_eq!(seen.posts[0].due, due, "its own time stays");
        assert_eq!(decide_on(&app, &bench, Choice::Restore, &[&seen.posts[0]], 60).await, Vec::new());
        let seen = until(&app, &frozen.id, all(Stand::Restored, 1)).await;
        assert_eq!((page.ahead(), seen.posts[0].held_until.clone()), (vec![60], None));
        worker.stop().await.unwrap();
    }

    async fn what_could_not_be_moved_on_is_deleted_at_the_end_and_made_again_by_a_decision(bench) {
        let mut bench = bench;
        let page = Page::connect(&mut bench).await;
        page.add("Sale", DAY);
        let worker = bench.start().await;
        let app = bench.app.clone();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        until(&app, &frozen.id, |s| held_for(&bench, FAR)(s) && looked(s)).await;
        thaw(&bench, &frozen.id).await;
        page.refuses(true);
        bench.app.clock().advance((FAR - 10) * MINUTE);
        let seen = until(&app, &frozen.id, |s| s.posts[0].held_until.is_none()).await;
        assert!(all(Stand::Held, 1)(&seen), "{seen:?}");
        assert!(seen.posts[0].reason.as_deref().is_some_and(|why| why.contains("it was cancelled in the network")));
        assert!(page.ahead().is_empty());
        assert_eq!(decide_on(&app, &bench, Choice::Restore, &[&seen.posts[0]], 60).await, Vec::new());
        until(&app, &frozen.id, all(Stand::Restored, 1)).await;
        assert_eq!(page.ahead(), [60]);
        worker.stop().await.unwrap();
    }

    async fn what_nobody_knows_about_is_looked_at_after_the_thaw_and_moved_on_when_a_request_had_moved_it(bench) {
        let mut bench = bench;
        let page = Page::connect(&mut bench).await;
        page.add("Sale", DAY);
        let worker = bench.start().await;
        let app = bench.app.clone();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        let seen = until(&app, &frozen.id, |s| held_for(&bench, FAR)(s) && looked(s)).await;
        thaw(&bench, &frozen.id).await;
        // As if its answer had been lost, and Facebook could not be asked for hours.
        bench.sql("update swept set kept_mark = 'gone', reason = 'nobody knows'").await;
        let before = verbs(&bench, &seen.posts[0]).await.len();
        bench.app.clock().advance(2 * DAY * MINUTE);
        let seen = until(&app, &frozen.id, |s| s.posts[0].held_until.is_some()).await;
        assert_eq!((left(&bench, &seen), seen.posts[0].reason.as_deref()), (Some(FAR - 2 * DAY), None));
        assert_eq!(verbs(&bench, &seen.posts[0]).await.len(), before + 1);
        bench.app.clock().advance(21 * DAY * MINUTE);
        until(&app, &frozen.id, held_for(&bench, FAR)).await;
        assert_eq!((page.ahead(), page.writes().len()), (vec![FAR], 2));
        worker.stop().await.unwrap();
    }

    async fn what_nobody_knows_about_is_looked_at_well_before_its_own_time(bench) {
        let mut bench = bench;
        let page = Page::connect(&mut bench).await;
        page.add("Sale", 180);
        let worker = bench.start().await;
        let app = bench.app.clone();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        until(&app, &frozen.id, |s| held_for(&bench, FAR)(s) && looked(s)).await;
        thaw(&bench, &frozen.id).await;
        // As if the request had had no effect, and Facebook could not be asked.
        page.redate(180);
        bench.sql("update swept set kept_mark = 'gone', reason = 'nobody knows'").await;
        bench.app.clock().advance(60 * MINUTE);
        tokio::time::sleep(std::time::Duration::from_millis(400)).await;
        assert_eq!((page.ahead(), page.writes().len()), (vec![120], 1), "not at once");
        bench.app.clock().advance(45 * MINUTE);
        let seen = until(&app, &frozen.id, held_for(&bench, FAR)).await;
        assert_eq!((page.ahead(), seen.posts[0].reason.as_deref()), (vec![FAR], None));
        worker.stop().await.unwrap();
    }

    async fn what_nobody_knows_about_and_whose_time_is_over_is_told_so_and_then_that_it_went_out(bench) {
        let mut bench = bench;
        let page = Page::connect(&mut bench).await;
        page.add("Sale", 180);
        let worker = bench.start().await;
        let app = bench.app.clone();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        until(&app, &frozen.id, |s| held_for(&bench, FAR)(s) && looked(s)).await;
        thaw(&bench, &frozen.id).await;
        worker.stop().await.unwrap();
        page.redate(180);
        bench.sql("update swept set kept_mark = 'gone', reason = 'nobody knows'").await;
        bench.app.clock().advance(200 * MINUTE);
        let app = bench.again().await;
        let worker = start(&app, "a", bench.folder()).await;
        let over = |s: &SweepView| s.posts[0].reason.as_deref().is_some_and(|why| why.contains("may be public"));
        let seen = until(&app, &frozen.id, over).await;
        assert_eq!((seen.posts[0].held_until.clone(), page.writes().len()), (None, 1), "nothing is done with it");
        let told = verbs(&bench, &seen.posts[0]).await.len();
        page.publish();
        bench.app.clock().advance(60 * MINUTE);
        let seen = until(&app, &frozen.id, all(Stand::GoneOut, 1)).await;
        assert_eq!(verbs(&bench, &seen.posts[0]).await.len(), told + 1);
        worker.stop().await.unwrap();
    }

    async fn new_posts_are_held_before_others_are_moved_on_and_a_hold_that_is_over_is_told(bench) {
        let mut bench = bench;
        let page = Page::connect(&mut bench).await;
        page.add("Sale", DAY);
        let worker = bench.start().await;
        let app = bench.app.clone();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        until(&app, &frozen.id, |s| held_for(&bench, FAR)(s) && looked(s)).await;
        worker.stop().await.unwrap();
        bench.app.clock().advance(23 * DAY * MINUTE);
        let new = page.add("New", 60);
        let worker = bench.start().await;
        until(&app, &frozen.id, |_| page.writes().len() == 3).await;
        assert_eq!(page.writes()[1], format!("POST {new}"), "{:?}", page.writes());
        thaw(&bench, &frozen.id).await;
        let channel = bench.channels.last().unwrap().clone();
        let edit = ChannelEdit { disabled: Some(true), ..ChannelEdit::default() };
        channels::edit(&app, &bench.administrator, &channel, None, edit).await.unwrap();
        bench.app.clock().advance((FAR + 1) * MINUTE);
        let over = |s: &SweepView| s.posts.iter().all(|p| p.reason.as_deref().is_some_and(|why| why.contains("may be public")));
        let seen = until(&app, &frozen.id, over).await;
        assert_eq!(seen.posts.len(), 2, "{seen:?}");
        worker.stop().await.unwrap();
    }

    async fn a_node_that_vanishes_while_it_moves_a_post_on_is_gone_on_with(bench) {
        let mut bench = bench;
        let page = Page::connect(&mut bench).await;
        page.add("Sale", DAY);
        let app = bench.again().await;
        let mut worker = start(&app, "a", bench.folder()).await;
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        until(&app, &frozen.id, |s| held_for(&bench, FAR)(s) && looked(s)).await;
        thaw(&bench, &frozen.id).await;
        for done in [false, true] {
            page.hang(done);
            let moves = page.writes().len();
            bench.app.clock().advance(23 * DAY * MINUTE);
            page.hung().await;
            worker.vanish();
            // Nobody knows yet where it is, so nothing else is done with it.
            let seen = freezes::get(&bench.app, &frozen.id).await.unwrap().sweep.unwrap();
            let refused = decide_on(&bench.app, &bench, Choice::Restore, &[&seen.posts[0]], 60).await;
            assert!(refused[0].1.contains("is being moved on"), "{refused:?}");
            bench.app.clock().advance(6 * MINUTE);
            let app = bench.again().await;
            worker = start(&app, "a", bench.folder()).await;
            until(&app, &frozen.id, held_for(&bench, if done { FAR - 6 } else { FAR })).await;
            assert_eq!(page.writes().len(), moves + 1, "once");
        }
        worker.stop().await.unwrap();
    }

    async fn what_somebody_changed_there_is_left_and_a_channel_that_cannot_move_it_says_so(bench) {
        let mut bench = bench;
        let page = Page::connect(&mut bench).await;
        page.add("Sale", DAY);
        let worker = bench.start().await;
        let app = bench.app.clone();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        until(&app, &frozen.id, |s| held_for(&bench, FAR)(s) && looked(s)).await;
        thaw(&bench, &frozen.id).await;
        let channel = bench.channels.last().unwrap().clone();
        let disabled = async |is: bool| {
            let edit = ChannelEdit { disabled: Some(is), ..ChannelEdit::default() };
            channels::edit(&app, &bench.administrator, &channel, None, edit).await.unwrap();
        };
        disabled(true).await;
        bench.app.clock().advance(23 * DAY * MINUTE);
        let seen = until(&app, &frozen.id, fails).await;
        assert!(seen.posts[0].reason.as_deref().is_some_and(|why| why.contains("disabled")), "{seen:?}");
        page.reword("Sale!");
        page.redate(10 * DAY);
        disabled(false).await;
        bench.app.clock().advance(31 * MINUTE);
        let seen = until(&app, &frozen.id, all(Stand::Left, 1)).await;
        assert!(seen.posts[0].reason.as_deref().is_some_and(|why| why.contains("goes out at its date there")));
        assert_eq!(page.writes().len(), 1, "it is somebody else's now");
        // A freeze that covers it holds it as it is by then.
        let again = freeze_on(&app, &bench, Scope::default()).await;
        let seen = until(&app, &again.id, |s| s.posts.iter().any(|p| p.state == Stand::Held)).await;
        let held = seen.posts.iter().find(|p| p.state == Stand::Held).unwrap();
        let whole = sweeps::get(&app, &bench.operator, &held.id).await.unwrap();
        assert_eq!(whole.text().as_deref(), Some("Sale!"));
        assert_eq!(page.ahead(), [FAR]);
        worker.stop().await.unwrap();
    }
}
