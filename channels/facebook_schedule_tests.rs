//! The schedule of a page against a strict server.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::json;

use super::super::ADAPTER;
use super::super::server::{PAGE, TOKEN};
use super::server::{Page, now};
use super::*;
use crate::Channel;
use crate::dated::held_until;
use crate::dated::is_moved_on;
use crate::gate::Gate;
use crate::schedule_trials::Trial;
use crate::strict::{Fate, Strict};
use crate::suite::{self, CUTS};

#[path = "facebook_prolonged_tests.rs"]
mod prolonged;

const DAY: i64 = 24 * 60;

/// The page, its channel, and how many minutes have passed since.
async fn open(page: Page, fates: &[Fate]) -> (Strict<Page>, Box<dyn Channel>, Arc<AtomicI64>) {
    let server = Strict::start(page, fates).await;
    let passed = Arc::new(AtomicI64::new(0));
    let clock = Arc::clone(&passed);
    let mut connection = suite::connection(json!({ "server": server.url, "page": PAGE }), Some(TOKEN));
    connection.clock = Arc::new(move || now() + TimeDelta::minutes(clock.load(Ordering::SeqCst)));
    let channel = (ADAPTER.connect)(&connection).unwrap();
    (server, channel, passed)
}

/// So many minutes later.
fn later(server: &Strict<Page>, passed: &AtomicI64, minutes: i64) {
    passed.fetch_add(minutes, Ordering::SeqCst);
    server.state().network.now += TimeDelta::minutes(minutes);
}

async fn listed(channel: &dyn Channel) -> Vec<Scheduled> {
    channel.scheduler().unwrap().list().await.unwrap().items
}

async fn hold(channel: &dyn Channel, post: &Scheduled) -> Stop {
    let stop = channel.scheduler().unwrap().hold(post).await;
    assert!(!format!("{stop:?}").contains("hunter2"), "{stop:?}");
    stop
}

fn mark(stop: Stop) -> String {
    let Stop::Held { mark } = stop else { panic!("{stop:?}") };
    mark
}

fn kept(post: &Scheduled, mark: &str) -> Kept {
    let (remote_id, mark) = (post.remote_id.clone(), mark.to_owned());
    Kept { remote_id, due: post.due, snapshot: post.snapshot.clone(), mark, taken: Vec::new() }
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_hold_or_a_restore_nothing_is_lost_or_doubled() {
    // What is due soon is deleted and made again; what is due later is moved and moved back.
    for minutes in [9, 60] {
        let trial = Trial {
            network: Page::with(&[minutes]),
            connect: |url| {
                suite::connect(&ADAPTER, json!({ "server": url, "page": PAGE }), Some(TOKEN)).unwrap()
            },
            on: |page| page.due().into_iter().filter(|due| *due < 28 * DAY).count(),
            at: now() + TimeDelta::hours(2),
            secret: TOKEN,
            rests: true,
        };
        trial.run().await;
    }
}

#[tokio::test]
async fn what_is_planned_is_listed_over_all_pages_and_what_is_not_shown_is_told() {
    let (server, channel, _) = open(Page::with(&[60, 90, 3 * DAY, 4 * DAY, 5 * DAY]), &[]).await;
    server.state().network.posts[1]["scheduled_publish_time"] = "soon".into();
    server.state().network.posts.push(json!({ "id": "1_2", "is_published": false }));
    let listing = channel.scheduler().unwrap().list().await.unwrap();
    let due: Vec<_> = listing.items.iter().map(|p| (p.due - now()).num_minutes()).collect();
    assert_eq!(due, [60, 3 * DAY, 4 * DAY, 5 * DAY], "what is odd hides nothing else");
    assert!(listing.unseen.is_some_and(|why| why.contains("id of no post")));
    assert_eq!(listing.items[0].words, "Sale 0");
    server.state().network.posts.clear();
    let listing = channel.scheduler().unwrap().list().await.unwrap();
    assert!(
        listing.items.is_empty()
            && listing.unseen.is_some_and(|why| why.contains("a reel, a video or a story"))
    );
}

#[tokio::test]
async fn a_hold_moves_a_post_until_a_date_and_deletes_only_what_is_due_at_once() {
    let (server, channel, _) = open(Page::with(&[9, 12, 3 * DAY, 60 * DAY]), &[]).await;
    let posts = listed(&*channel).await;
    let mut marks = Vec::new();
    for post in &posts {
        marks.push(mark(hold(&*channel, post).await));
    }
    assert_eq!(server.state().network.due(), [29 * DAY, 29 * DAY, 60 * DAY], "the first one is deleted");
    assert_eq!(marks[0], CANCELLED);
    let ahead = |mark: &str| held_until(mark).map(|until| (until - now()).num_minutes());
    let until: Vec<_> = marks.iter().map(|mark| ahead(mark)).collect();
    assert_eq!(until, [None, Some(29 * DAY), Some(29 * DAY), Some(60 * DAY)]);
    // As the list shows it afterwards.
    let shown: Vec<_> = listed(&*channel).await.into_iter().map(|p| p.mark).collect();
    assert_eq!(shown, marks[1..]);
    let requests = server.state().requests.clone();
    let writes = requests.iter().filter(|r| !r.starts_with("GET")).count();
    assert_eq!(writes, 3, "what is far away stays where it is");
    let stands = channel.scheduler().unwrap().read(&posts[1]).await;
    assert_eq!(stands, Standing::Held { mark: marks[1].clone() });
}

#[tokio::test]
async fn whatever_breaks_a_post_is_not_said_to_be_held_that_goes_out() {
    let throttled = [4, 17, 32, 613].map(|code| {
        let body = format!(r#"{{"error":{{"code":{code},"message":"{TOKEN}"}}}}"#);
        (Fate::refused(400, "", body), "later")
    });
    let broken =
        |from: usize, done| CUTS[from..].iter().map(move |at| (Fate::Broken { done, at: *at }, "doubt"));
    let fates = throttled.into_iter().chain(broken(3, true)).chain(broken(1, false)).chain([
        (Fate::Refused(429, "Retry-After: 7\r\n", "{}"), "later"),
        (Fate::Refused(400, "", r#"{"error":{"code":200,"message":"no"}}"#), "left"),
        (Fate::Refused(400, "", r#"{"error":{"code":1,"message":"no"}}"#), "doubt"),
        (Fate::Refused(200, "", "{}"), "doubt"),
        (Fate::Refused(503, "", ""), "doubt"),
        (Fate::DoneBut(500), "doubt"),
        (Fate::Late, "doubt"),
    ]);
    for (fate, expected) in fates {
        for minutes in [9, 3 * DAY] {
            let (server, channel, _) = open(Page::with(&[minutes]), std::slice::from_ref(&fate)).await;
            let post = listed(&*channel).await.remove(0);
            let stop = hold(&*channel, &post).await;
            let seen = format!("{fate:?} {minutes}: {stop:?}");
            let end = match &stop {
                Stop::Left(_) => "left",
                Stop::Later(_) => "later",
                Stop::Doubt(_) => "doubt",
                _ => "other",
            };
            assert_eq!(end, expected, "{seen}");
            let schedule = channel.scheduler().unwrap();
            if expected == "later" {
                assert!(schedule.spare().is_err(), "{seen}: no request leaves before the wait is over");
                let asked = server.state().requests.len();
                assert!(
                    matches!(schedule.hold(&post).await, Stop::Later(_)) && schedule.list().await.is_err()
                );
                assert_eq!(server.state().requests.len(), asked);
                continue;
            }
            // A lost answer is settled by reading.
            let done = matches!(fate, Fate::DoneBut(_) | Fate::Broken { done: true, .. });
            let stands = schedule.read(&post).await;
            let as_it_is = match (&stands, done, minutes) {
                (Standing::Scheduled(now), false, _) => now.mark == post.mark,
                (Standing::Gone(_), true, 9) => true,
                (Standing::Held { mark }, true, _) => held_until(mark).is_some(),
                _ => false,
            };
            assert!(as_it_is, "{seen}: {stands:?}");
            server.land();
        }
    }
}

#[tokio::test]
async fn what_somebody_else_changed_or_facebook_shows_otherwise_is_not_held() {
    let (server, channel, _) = open(Page::with(&[60, 90, 120]), &[]).await;
    let posts = listed(&*channel).await;
    server.state().network.posts[0]["message"] = "Sale!".into();
    server.state().network.posts[1]["is_published"] = true.into();
    assert_eq!(hold(&*channel, &posts[0]).await, Stop::Left(CHANGED.to_owned()));
    assert!(matches!(hold(&*channel, &posts[1]).await, Stop::Out(_)));
    let own = server.state().network.posts.remove(2);
    assert!(matches!(hold(&*channel, &posts[2]).await, Stop::Gone(_)));
    // What another page's token does not see is not gone.
    server.state().network.is_other = true;
    assert!(matches!(hold(&*channel, &posts[2]).await, Stop::Later(_)));
    server.state().network.is_other = false;
    server.state().network.posts.push(own);
    // An acceptance that changes nothing is none.
    let accepted = Fate::Refused(200, "", r#"{"success":true}"#);
    server.state().fates.push_back(accepted);
    assert_eq!(hold(&*channel, &posts[2]).await, Stop::Doubt(UNSHOWN.to_owned()));
}

#[tokio::test]
async fn what_an_app_may_not_move_is_told_and_deleted_when_it_is_due() {
    let (server, channel, passed) = open(Page { is_strict: true, ..Page::with(&[60]) }, &[]).await;
    let post = listed(&*channel).await.remove(0);
    let Stop::Left(why) = hold(&*channel, &post).await else { panic!("it is not held") };
    assert!(why.ends_with(MADE_ELSEWHERE), "{why}");
    later(&server, &passed, 50);
    assert_eq!(mark(hold(&*channel, &post).await), CANCELLED);
    assert!(server.state().network.posts.is_empty());
}

#[tokio::test]
async fn a_hold_is_moved_on_as_often_as_it_takes_and_only_while_nobody_changed_it() {
    let (server, channel, passed) = open(Page::with(&[3 * DAY]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = listed(&*channel).await.remove(0);
    let mut held = mark(hold(&*channel, &post).await);
    for _ in 0..3 {
        later(&server, &passed, 25 * DAY);
        let Prolonged::Held { mark } = schedule.prolong(&kept(&post, &held)).await else {
            panic!("it is moved on")
        };
        assert_eq!(server.state().network.due(), [29 * DAY]);
        assert!(is_moved_on(&held, &mark));
        held = mark;
    }
    // A lost answer is settled by the next one, which asks for nothing.
    later(&server, &passed, 25 * DAY);
    server.state().fates.push_back(Fate::DoneBut(500));
    assert!(matches!(schedule.prolong(&kept(&post, &held)).await, Prolonged::Doubt(_)));
    let asked = server.state().requests.iter().filter(|r| r.starts_with("POST")).count();
    let Prolonged::Held { mark } = schedule.prolong(&kept(&post, &held)).await else {
        panic!("it was moved on")
    };
    assert_eq!(server.state().requests.iter().filter(|r| r.starts_with("POST")).count(), asked);
    // A refusal leaves it as it is.
    server.state().fates.push_back(Fate::Refused(400, "", r#"{"error":{"code":200,"message":"no"}}"#));
    later(&server, &passed, 25 * DAY);
    assert!(matches!(schedule.prolong(&kept(&post, &mark)).await, Prolonged::Left(_)));
    // Too near for another time, it is deleted.
    later(&server, &passed, 4 * DAY - 10);
    let near = schedule.prolong(&kept(&post, &mark)).await;
    assert_eq!(near, Prolonged::Held { mark: CANCELLED.to_owned() });
    assert!(server.state().network.posts.is_empty());
    assert!(matches!(schedule.prolong(&kept(&post, &mark)).await, Prolonged::Gone(_)));
}

#[tokio::test]
async fn what_a_request_nobody_saw_has_moved_is_known_again_and_moved_on() {
    let (server, channel, passed) = open(Page::with(&[3 * DAY]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = listed(&*channel).await.remove(0);
    let unknown = kept(&post, GONE);
    // It had no effect yet, and has one now.
    let Prolonged::Held { mark: moved } = schedule.prolong(&unknown).await else { panic!("it is moved") };
    assert_eq!(server.state().network.due(), [29 * DAY]);
    // It had one: until when it holds is known from now on, and nothing is asked for.
    let asked = server.state().requests.iter().filter(|r| r.starts_with("POST")).count();
    assert_eq!(schedule.prolong(&unknown).await, Prolonged::Held { mark: moved.clone() });
    assert_eq!(server.state().requests.iter().filter(|r| r.starts_with("POST")).count(), asked);
    assert!(held_until(&moved).is_some());
    later(&server, &passed, 25 * DAY);
    assert!(matches!(schedule.prolong(&kept(&post, &moved)).await, Prolonged::Held { .. }));
    assert_eq!(server.state().network.due(), [29 * DAY]);
    // Other words, or an earlier date, are somebody else's.
    server.state().network.posts[0]["message"] = "Sale!".into();
    assert_eq!(schedule.prolong(&unknown).await, Prolonged::Changed);
    server.state().network.posts.clear();
    assert!(matches!(schedule.prolong(&unknown).await, Prolonged::Gone(_)));
}

#[tokio::test]
async fn what_somebody_changed_since_it_was_held_is_not_moved_on_or_put_back() {
    for (name, value) in [
        ("message", json!("Sale!")),
        ("scheduled_publish_time", json!(now().timestamp() + DAY * 60)),
        ("is_published", json!(true)),
    ] {
        let (server, channel, _) = open(Page::with(&[3 * DAY]), &[]).await;
        let schedule = channel.scheduler().unwrap();
        let post = listed(&*channel).await.remove(0);
        let held = kept(&post, &mark(hold(&*channel, &post).await));
        server.state().network.posts[0][name] = value;
        let writes = server.state().requests.iter().filter(|r| !r.starts_with("GET")).count();
        let back = schedule.restore(&held, now() + TimeDelta::days(1), &Pass::open_for_tests()).await;
        let gone = schedule.discard(&held).await;
        let is_out = name == "is_published";
        assert_eq!(matches!(back, Back::Out(_)), is_out, "{back:?}");
        assert_eq!(back == Back::Changed(CHANGED.to_owned()), !is_out, "{back:?}");
        assert_eq!(gone == Discarded::Scheduled, !is_out, "{gone:?}");
        assert_eq!(server.state().requests.iter().filter(|r| !r.starts_with("GET")).count(), writes);
        let did = schedule.prolong(&held).await;
        assert_eq!(matches!(did, Prolonged::Out(_)), is_out, "{did:?}");
        // Other words are held on, or they would go out at a date that only Holdline chose.
        assert_eq!(matches!(did, Prolonged::Held { .. }), name == "message", "{did:?}");
        assert_eq!(did == Prolonged::Changed, name == "scheduled_publish_time", "{did:?}");
    }
}

#[tokio::test]
async fn a_post_goes_back_for_a_time_that_facebook_takes_through_the_gate() {
    let (server, channel, _) = open(Page::with(&[3 * DAY]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = listed(&*channel).await.remove(0);
    let held = kept(&post, &mark(hold(&*channel, &post).await));
    let pass = Pass::open_for_tests();
    let at = |minutes| now() + TimeDelta::minutes(minutes);
    assert_eq!(schedule.restore(&held, at(9), &pass).await, Back::Left(TOO_NEAR.to_owned()));
    assert_eq!(schedule.restore(&held, at(30 * DAY), &pass).await, Back::Left(TOO_LATE.to_owned()));
    let closed = schedule
        .restore(&held, at(DAY), &Gate::closed(std::time::Duration::from_secs(60)).unlisted("routine"))
        .await;
    assert!(matches!(closed, Back::Left(_)), "{closed:?}");
    assert_eq!(server.state().network.due(), [29 * DAY]);
    assert_eq!(schedule.restored(&held, at(DAY)).await, Ok(None));
    let back = schedule.restore(&held, at(DAY), &pass).await;
    assert_eq!(back, Back::Scheduled(post.remote_id.clone()));
    assert_eq!(server.state().network.due(), [DAY]);
    // A lost answer is settled by a look.
    for (fate, done) in [(Fate::DoneBut(500), true), (Fate::Refused(500, "", ""), false)] {
        let (server, channel, _) = open(Page::with(&[3 * DAY]), &[Fate::Done, fate]).await;
        let schedule = channel.scheduler().unwrap();
        let held = kept(&post, &mark(hold(&*channel, &listed(&*channel).await[0]).await));
        assert!(matches!(schedule.restore(&held, at(DAY), &pass).await, Back::Doubt(_)));
        let seen = schedule.restored(&held, at(DAY)).await.unwrap();
        assert_eq!(seen, done.then(|| Back::Scheduled(post.remote_id.clone())));
        assert_eq!(server.state().network.due(), [if done { DAY } else { 29 * DAY }]);
    }
}

#[tokio::test]
async fn what_was_deleted_is_made_again_once_and_only_when_all_of_it_is_known() {
    let (server, channel, _) = open(Page::with(&[9, 9]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    server.state().network.posts[1]["attachments"] = json!({ "data": [{ "media_type": "photo" }] });
    let posts = listed(&*channel).await;
    for post in &posts {
        assert_eq!(mark(hold(&*channel, post).await), CANCELLED);
    }
    let (at, pass) = (now() + TimeDelta::days(1), Pass::open_for_tests());
    let told = schedule.caution(&posts[1].snapshot, CANCELLED).unwrap();
    assert!(told.contains("attachments") && told.contains("by hand"), "{told}");
    assert_eq!(schedule.caution(&posts[0].snapshot, CANCELLED), Some(ANEW.to_owned()));
    let left = schedule.restore(&kept(&posts[1], CANCELLED), at, &pass).await;
    assert!(matches!(&left, Back::Left(why) if why.contains("by hand")), "{left:?}");
    // The answer is lost: the look finds it, and a second request is not made.
    server.state().fates.push_back(Fate::DoneBut(500));
    let cancelled = kept(&posts[0], CANCELLED);
    assert!(matches!(schedule.restore(&cancelled, at, &pass).await, Back::Doubt(_)));
    let Ok(Some(Back::Scheduled(id))) = schedule.restored(&cancelled, at).await else {
        panic!("it is there")
    };
    assert_eq!(schedule.restore(&cancelled, at, &pass).await, Back::Scheduled(id.clone()));
    let other = now() + TimeDelta::days(2);
    assert_eq!(schedule.restore(&cancelled, other, &pass).await, Back::Changed(LIKE_IT.to_owned()));
    assert_eq!(server.state().network.posts.len(), 1);
    // One under which another was put back is never taken for it.
    let taken = Kept { taken: vec![id], ..cancelled };
    assert!(matches!(schedule.restore(&taken, at, &pass).await, Back::Scheduled(_)));
    assert_eq!(server.state().network.due(), [DAY, DAY]);
}

#[tokio::test]
async fn what_is_dropped_is_deleted_and_said_to_be_when_it_is_seen() {
    for (fate, done) in [
        (Fate::Done, true),
        (Fate::DoneBut(500), false),
        (Fate::Refused(400, "", r#"{"error":{"code":200,"message":"no"}}"#), false),
    ] {
        let (server, channel, _) = open(Page::with(&[3 * DAY]), &[Fate::Done, fate.clone()]).await;
        let schedule = channel.scheduler().unwrap();
        let post = listed(&*channel).await.remove(0);
        let held = kept(&post, &mark(hold(&*channel, &post).await));
        let did = schedule.discard(&held).await;
        assert_eq!(did == Discarded::Done, done, "{fate:?}: {did:?}");
        if server.state().network.posts.is_empty() {
            assert_eq!(schedule.discard(&held).await, Discarded::Done);
        }
    }
    let (_server, channel, _) = open(Page::with(&[]), &[]).await;
    let odd = Kept {
        remote_id: format!("{PAGE}_../me"),
        due: now(),
        snapshot: Value::Null,
        mark: "x".into(),
        taken: Vec::new(),
    };
    assert!(matches!(channel.scheduler().unwrap().discard(&odd).await, Discarded::Left(_)));
}
