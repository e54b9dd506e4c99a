//! What an account of X Ads keeps held: until when, and what somebody else does there meanwhile.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::changes::{SHOWN, UNSHOWN};
use super::server::{ACCOUNT, Ads, KEYS, at};
use super::*;
use crate::dated::{held_until, is_moved_on};
use crate::gate::Gate;
use crate::planner_trials::{first, kept, mark, start_with};
use crate::strict::{Fate, Strict};

const DAY: i64 = 24 * 60;

type Hands = Arc<Mutex<DateTime<Utc>>>;

async fn open(ads: Ads) -> (Strict<Ads>, Box<dyn Channel>, Hands) {
    let settings = |url: &str| json!({ "account": ACCOUNT, "server": url });
    start_with(ads, at(0), &KEYS.join(" "), &ADAPTER, settings).await
}

/// So many minutes later.
fn later(server: &Strict<Ads>, hands: &Hands, minutes: i64) {
    *hands.lock().unwrap() += TimeDelta::minutes(minutes);
    server.state().network.now += TimeDelta::minutes(minutes);
}

fn writes(server: &Strict<Ads>) -> usize {
    server.state().requests.iter().filter(|asked| !asked.starts_with("GET")).count()
}

#[tokio::test]
async fn a_hold_moves_a_post_within_the_year_that_x_takes_and_deletes_only_what_is_due_at_once() {
    let (server, channel, _) = open(Ads::with(&[-2, 0, 9, 10, 3 * DAY, 355 * DAY])).await;
    let schedule = channel.scheduler().unwrap();
    let posts = schedule.list().await.unwrap().items;
    let mut marks = Vec::new();
    for post in &posts {
        marks.push(mark(schedule.hold(post).await));
    }
    assert_eq!(marks[..3], [GONE, GONE, CANCELLED], "what was deleted at its time can be out");
    let due = server.state().network.waiting();
    assert!(due[..2].iter().all(|due| (350 * DAY..365 * DAY).contains(due)), "{due:?}");
    assert_eq!((due[2], writes(&server)), (355 * DAY, 5), "what is far away stays where it is");
    let ahead = |mark: &String| held_until(mark).map(|until| (until - at(0)).num_minutes());
    assert_eq!(
        marks[3..].iter().map(ahead).collect::<Vec<_>>(),
        due.iter().copied().map(Some).collect::<Vec<_>>()
    );
    // As the list shows it afterwards.
    let shown: Vec<_> = schedule.list().await.unwrap().items.into_iter().map(|post| post.mark).collect();
    assert_eq!(shown, marks[3..]);
    assert_eq!(schedule.read(&posts[4]).await, Standing::Held { mark: marks[4].clone() });
    let caution = |n: usize| schedule.caution(&posts[n].snapshot, &marks[n]);
    assert!(caution(0).is_some_and(|why| why.contains("or it is published")) && caution(3).is_none());
}

#[tokio::test]
async fn a_post_goes_back_under_its_id_for_a_time_that_x_takes() {
    let (server, channel, _) = open(Ads::with(&[60, 355 * DAY])).await;
    let schedule = channel.scheduler().unwrap();
    let posts = schedule.list().await.unwrap().items;
    let held = kept(&posts[0], &mark(schedule.hold(&posts[0]).await));
    let pass = Pass::open_for_tests();
    let before = writes(&server);
    for (minutes, why) in [(-60, TOO_NEAR), (4, TOO_NEAR), (366 * DAY, TOO_LATE)] {
        assert_eq!(schedule.restore(&held, at(minutes), &pass).await, Back::Left(why.to_owned()));
        let gone = kept(&posts[0], CANCELLED);
        assert_eq!(schedule.restore(&gone, at(minutes), &pass).await, Back::Left(why.to_owned()));
    }
    assert_eq!((writes(&server), schedule.restored(&held, at(90)).await), (before, Ok(None)));
    let closed = Gate::closed(std::time::Duration::from_secs(60)).unlisted("routine");
    assert!(matches!(schedule.restore(&held, at(90), &closed).await, Back::Left(_)));
    assert!(server.state().network.waiting()[0] >= 350 * DAY, "through the gate");
    let time = at(90) + TimeDelta::seconds(40);
    assert_eq!(schedule.restore(&held, time, &pass).await, Back::Scheduled("100".to_owned()));
    let network = server.state().network.clone();
    assert_eq!((network.waiting()[0], network.made), (90, 0), "by its minute");
    // What lay too far ahead was held where it is, and is put back there without a request.
    let far = kept(&posts[1], &mark(schedule.hold(&posts[1]).await));
    let before = writes(&server);
    assert_eq!(schedule.restore(&far, at(355 * DAY), &pass).await, Back::Scheduled("101".to_owned()));
    assert_eq!(writes(&server), before);
}

#[tokio::test]
async fn a_hold_is_moved_on_as_often_as_it_takes_and_only_while_nobody_changed_it() {
    let (server, channel, hands) = open(Ads::with(&[3 * DAY])).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let mut held = mark(schedule.hold(&post).await);
    for _ in 0..3 {
        later(&server, &hands, 343 * DAY);
        let Prolonged::Held { mark } = schedule.prolong(&kept(&post, &held)).await else {
            panic!("it is moved on")
        };
        assert!(server.state().network.waiting()[0] >= 350 * DAY && is_moved_on(&held, &mark));
        held = mark;
    }
    // A lost answer is settled by the next one, which asks for nothing.
    later(&server, &hands, 343 * DAY);
    server.state().fates.push_back(Fate::DoneBut(500));
    assert!(matches!(schedule.prolong(&kept(&post, &held)).await, Prolonged::Doubt(_)));
    let before = writes(&server);
    let Prolonged::Held { mark } = schedule.prolong(&kept(&post, &held)).await else {
        panic!("it was moved on")
    };
    assert_eq!(writes(&server), before);
    // A refusal leaves it as it is, and too near for another time it is deleted.
    later(&server, &hands, 343 * DAY);
    server.state().fates.push_back(Fate::refused(403, "", r#"{"errors":[{"code":"ACTION_NOT_ALLOWED"}]}"#));
    assert!(matches!(schedule.prolong(&kept(&post, &mark)).await, Prolonged::Left(_)));
    let left = server.state().network.waiting()[0];
    later(&server, &hands, left - 9);
    assert_eq!(schedule.prolong(&kept(&post, &mark)).await, Prolonged::Held { mark: CANCELLED.to_owned() });
    assert!(matches!(schedule.prolong(&kept(&post, &mark)).await, Prolonged::Gone(_)));
}

#[tokio::test]
async fn what_a_request_nobody_saw_has_moved_is_known_again_and_what_is_overdue_is_told() {
    let (server, channel, hands) = open(Ads::with(&[3 * DAY])).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let unknown = kept(&post, GONE);
    // It had no effect yet, and has one now.
    let Prolonged::Held { mark: moved } = schedule.prolong(&unknown).await else { panic!("it is moved") };
    let before = writes(&server);
    assert_eq!(schedule.prolong(&unknown).await, Prolonged::Held { mark: moved });
    assert_eq!(writes(&server), before);
    later(&server, &hands, 365 * DAY);
    assert_eq!(schedule.prolong(&unknown).await, Prolonged::Left(OVERDUE.to_owned()));
    assert_eq!(writes(&server), before, "what may be public is not touched");
    server.state().network.posts[0]["text"] = "Other".into();
    assert_eq!(schedule.prolong(&unknown).await, Prolonged::Changed);
}

#[tokio::test]
async fn what_somebody_else_changed_or_x_published_is_not_ours() {
    for (name, value) in [
        ("text", json!("Sale!")),
        ("nullcast", json!(true)),
        ("media_keys", json!([])),
        ("scheduled_at", json!("2023-12-24T00:00:00Z")),
        ("scheduled_status", json!("SUCCESS")),
    ] {
        let is_out = name == "scheduled_status";
        let (server, channel, _) = open(Ads::with(&[3 * DAY, 4 * DAY])).await;
        let schedule = channel.scheduler().unwrap();
        let posts = schedule.list().await.unwrap().items;
        let held = kept(&posts[0], &mark(schedule.hold(&posts[0]).await));
        server.state().network.posts.iter_mut().for_each(|post| post[name] = value.clone());
        let before = writes(&server);
        // Before a hold, and after one.
        let stop = schedule.hold(&posts[1]).await;
        assert_eq!(stop == Stop::Left(CHANGED.to_owned()), !is_out, "{name}: {stop:?}");
        let back = schedule.restore(&held, at(DAY), &Pass::open_for_tests()).await;
        assert_eq!(back == Back::Changed(CHANGED.to_owned()), !is_out, "{name}: {back:?}");
        let gone = schedule.discard(&held).await;
        assert_eq!(gone == Discarded::Scheduled, !is_out, "{name}: {gone:?}");
        assert!(!is_out || matches!((stop, back, gone), (Stop::Out(_), Back::Out(_), Discarded::Out(_))));
        assert_eq!(writes(&server), before, "{name}");
        let did = schedule.prolong(&held).await;
        assert_eq!(matches!(did, Prolonged::Out(_)), is_out, "{name}: {did:?}");
        assert_eq!(did == Prolonged::Changed, name == "scheduled_at", "{name}: {did:?}");
    }
    // A name is for those who plan.
    let (server, channel, _) = open(Ads::with(&[3 * DAY])).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let held = kept(&post, &mark(schedule.hold(&post).await));
    server.state().network.posts[0]["name"] = "Summer".into();
    assert_eq!(schedule.discard(&held).await, Discarded::Done);
    assert!(server.state().network.waiting().is_empty());
}

#[tokio::test]
async fn only_what_is_not_found_and_not_in_the_whole_list_is_gone() {
    for missing in ["NOT_FOUND", "PROMOTED_TWEET_NOT_FOUND", "SOMETHING_ELSE"] {
        let (server, channel, _) = open(Ads { missing, ..Ads::with(&[60, 9]) }).await;
        let schedule = channel.scheduler().unwrap();
        let posts = schedule.list().await.unwrap().items;
        assert_eq!(mark(schedule.hold(&posts[1]).await), CANCELLED, "{missing}");
        server.state().network.posts.clear();
        assert!(matches!(schedule.hold(&posts[0]).await, Stop::Gone(_)), "{missing}");
        assert!(server.state().requests.last().unwrap().ends_with("/scheduled_tweets"), "{missing}");
        server.state().network.odd = vec![json!({ "id": 7.5 })];
        let stands = schedule.read(&posts[0]).await;
        assert!(matches!(stands, Standing::Unknown(_)), "it can be that one: {stands:?}");
    }
    // It is there, whatever that refusal means.
    let not_found = || Fate::refused(404, "", r#"{"errors":[{"code":"NOT_FOUND"}]}"#);
    for minutes in [9, 60] {
        let (server, channel, _) = open(Ads::with(&[minutes])).await;
        let (schedule, post) = (channel.scheduler().unwrap(), first(&*channel).await);
        server.state().fates.push_back(not_found());
        assert_eq!(schedule.hold(&post).await, Stop::Left(SHOWN.to_owned()));
        let held = kept(&post, &mark(schedule.hold(&post).await));
        server.state().fates.push_back(not_found());
        let back = schedule.restore(&held, at(DAY), &Pass::open_for_tests()).await;
        assert!(matches!(back, Back::Left(_)), "{back:?}");
        server.state().others.push_back(not_found());
        let discarded = schedule.discard(&held).await;
        assert_eq!((discarded, server.state().network.waiting().len()), (Discarded::Done, 0), "{minutes}");
    }
}

#[tokio::test]
async fn a_wait_for_one_kind_of_call_stops_no_other_and_a_list_may_write_a_post_otherwise() {
    let (server, channel, _) = open(Ads::with(&[60, 9])).await;
    let schedule = channel.scheduler().unwrap();
    let posts = schedule.list().await.unwrap().items;
    let held = kept(&posts[0], &mark(schedule.hold(&posts[0]).await));
    server.state().fates.push_back(Fate::refused(429, "x-rate-limit-reset: 1700000900\r\n", "{}"));
    let pass = Pass::open_for_tests();
    assert!(matches!(schedule.restore(&held, at(DAY), &pass).await, Back::Left(_)), "X asks for a wait");
    let before = writes(&server);
    assert!(matches!(schedule.restore(&held, at(DAY), &pass).await, Back::Left(_)), "and gets it");
    assert_eq!(writes(&server), before);
    {
        let post = &mut server.state().network.posts[1];
        (post["text"], post["card_uri"]) = ("Sale &amp; more 1".into(), "".into());
    }
    assert_eq!(mark(schedule.hold(&posts[1]).await), CANCELLED, "a hold does not wait for restores");
    let (server, channel, _) = open(Ads::with(&[9])).await;
    let (schedule, urgent) = (channel.scheduler().unwrap(), first(&*channel).await);
    server.state().fates.push_back(Fate::refused(429, "x-rate-limit-reset: 1700000900\r\n", "{}"));
    for _ in 0..2 {
        assert!(matches!(schedule.hold(&urgent).await, Stop::Left(_) | Stop::Later(_)));
    }
    assert_eq!(writes(&server), 1, "a hold waits for holds");
}

#[tokio::test]
async fn an_acceptance_that_changes_nothing_is_no_hold() {
    let (server, channel, _) = open(Ads::with(&[60])).await;
    let post = first(&*channel).await;
    server.state().fates.push_back(Fate::refused(200, "", "{}"));
    assert_eq!(channel.scheduler().unwrap().hold(&post).await, Stop::Doubt(UNSHOWN.to_owned()));
}

#[tokio::test]
async fn what_cannot_be_read_or_is_not_known_is_not_made_again() {
    let like = |change: fn(&mut Value)| {
        let mut post = Ads::with(&[9]).posts.remove(0);
        post["id"] = "300".into();
        post["scheduled_at"] = "2023-11-15T00:00:00Z".into();
        change(&mut post);
        post
    };
    for (post, can_be_it) in [
        (like(|post| post["scheduled_status"] = "ON_ITS_WAY".into()), true),
        (like(|post| post["scheduled_status"] = Value::Null), true),
        (like(|post| (post["scheduled_status"], post["text"]) = (Value::Null, "Other".into())), false),
        (like(|post| post["scheduled_status"] = "FAILED".into()), false),
        (json!("what"), true),
    ] {
        let (server, channel, _) = open(Ads::with(&[9])).await;
        let schedule = channel.scheduler().unwrap();
        let first = first(&*channel).await;
        let gone = kept(&first, &mark(schedule.hold(&first).await));
        server.state().network.odd.push(post.clone());
        let back = schedule.restore(&gone, at(DAY), &Pass::open_for_tests()).await;
        let made = server.state().network.made;
        assert_eq!(
            (matches!(back, Back::Left(_)), made),
            (can_be_it, usize::from(!can_be_it)),
            "{post}: {back:?}"
        );
        assert_eq!(schedule.restored(&gone, at(105)).await.is_err(), can_be_it, "{post}");
    }
    for name in ["user_id", "nullcast"] {
        let (server, channel, _) = open(Ads::with(&[9])).await;
        let schedule = channel.scheduler().unwrap();
        let mut post = first(&*channel).await;
        let mark = mark(schedule.hold(&post).await);
        post.snapshot["post"][name] = Value::Null;
        let back = schedule.restore(&kept(&post, &mark), at(DAY), &Pass::open_for_tests()).await;
        assert!(matches!(&back, Back::Left(why) if why.contains("by hand")), "{name}: {back:?}");
        assert!(schedule.caution(&post.snapshot, &mark).is_some_and(|why| why.contains("by hand")));
        assert_eq!(server.state().network.made, 0);
    }
}
