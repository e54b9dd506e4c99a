//! The schedule of a Buffer against a strict one.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::buffer_server::{Queue, at, now};
use crate::gate::Gate;
use crate::planner_trials::{self as trials, Hands, SECRET, first, kept, mark};
use crate::schedule_trials::Trial;
use crate::scheduler::{Back, Discarded, Listing, Standing, Stop};
use crate::strict::{Fate, Strict};
use crate::suite;
use crate::{Channel, Pass, buffer};

fn settings(url: &str) -> Value {
    json!({ "org": "org1", "server": url })
}

async fn open(queue: Queue, fates: &[Fate]) -> (Strict<Queue>, Box<dyn Channel>) {
    trials::start(queue, fates, &buffer::ADAPTER, settings).await
}

fn waiting(queue: &Queue) -> usize {
    queue.posts.iter().filter(|p| p["status"] == "scheduled").count()
}

#[tokio::test]
async fn nothing_is_published_through_buffer() {
    let server = Strict::start(Queue::default(), &[]).await;
    trials::publishes_nothing(&server, &buffer::ADAPTER, settings(&server.url)).await;
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_hold_or_a_restore_nothing_is_lost_or_doubled() {
    let trial = Trial {
        network: Queue::with(&[60]),
        connect: |url| trials::open(&buffer::ADAPTER, settings(url)),
        on: waiting,
        at: at(90),
        secret: SECRET,
        rests: true,
    };
    trial.run().await;
}

#[tokio::test]
async fn what_is_scheduled_becomes_a_draft_and_goes_back_once() {
    let (server, channel) = open(Queue::with(&[60, 70, 80]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap();
    assert_eq!((all.items.len(), all.unseen), (3, None), "of all pages");
    let post = &all.items[0];
    assert_eq!(
        (post.words.as_str(), post.due, post.snapshot["assets"][0]["type"].as_str()),
        ("Sale 0", at(60), Some("image"))
    );
    let mark = mark(schedule.hold(post).await);
    assert_eq!(waiting(&server.state().network), 2);
    assert!(schedule.caution(&post.snapshot, &mark).is_some_and(|why| why.contains("queue")));
    let kept = kept(post, &mark);
    assert_eq!(schedule.restored(&kept, at(90)).await, Ok(None));
    let closed = Gate::closed(Duration::from_secs(60)).unlisted("routine");
    assert!(matches!(schedule.restore(&kept, at(90), &closed).await, Back::Left(_)));
    for past in [at(-60), at(0), at(4)] {
        assert!(
            matches!(schedule.restore(&kept, past, &Pass::open_for_tests()).await, Back::Left(_)),
            "{past}"
        );
    }
    assert_eq!(waiting(&server.state().network), 2);
    let seen = Back::Scheduled("6a0".to_owned());
    assert_eq!(schedule.restore(&kept, at(90), &Pass::open_for_tests()).await, seen);
    assert_eq!(schedule.restored(&kept, at(90)).await, Ok(Some(seen)));
    let again = schedule.restore(&kept, at(90), &Pass::open_for_tests()).await;
    assert!(matches!(again, Back::Changed(_)), "{again:?}");
    assert_eq!(schedule.discard(&kept).await, Discarded::Scheduled);
    assert_eq!(server.state().network.edits, 2);
}

/// The same with a clock that can be moved.
async fn open_at(queue: Queue) -> (Strict<Queue>, Box<dyn Channel>, Hands) {
    trials::start_at(queue, now(), &buffer::ADAPTER, settings).await
}

fn ids(listing: &Listing) -> Vec<&str> {
    let mut ids: Vec<_> = listing.items.iter().map(|item| item.remote_id.as_str()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_list_counts_for_ten_minutes_and_for_one_freeze() {
    let (server, channel, time) = open_at(Queue::with(&[60, 70])).await;
    let schedule = channel.scheduler().unwrap();
    let begun = schedule.list_under(1).await.unwrap();
    assert_eq!((ids(&begun), begun.read_at), (vec!["6a0", "6a1"], None));
    mark(schedule.hold(&begun.items[0]).await);
    let asked = server.state().requests.len();
    assert_eq!(asked, 3, "what was listed just now needs no look before it is held");
    let kept = schedule.list_under(1).await.unwrap();
    assert_eq!((ids(&kept), kept.read_at), (vec!["6a1"], Some(now())), "without what is held");
    assert_eq!(server.state().requests.len(), asked);
    // Somebody schedules it again, and another freeze begins.
    server.state().network.posts[0]["status"] = "scheduled".into();
    assert_eq!(ids(&schedule.list_under(1).await.unwrap()), ["6a1"]);
    *time.lock().unwrap() += TimeDelta::minutes(1);
    let next = schedule.list_under(2).await.unwrap();
    assert_eq!((ids(&next), next.read_at), (vec!["6a0", "6a1"], None));
    *time.lock().unwrap() += TimeDelta::minutes(10);
    assert_eq!(schedule.list_under(2).await.unwrap().read_at, None, "read again");
}

#[tokio::test]
async fn a_list_is_read_as_seldom_as_the_key_asks_for_and_never_from_what_is_kept_for_holds() {
    let (server, channel, time) = open_at(Queue { left: Some(401), ..Queue::with(&[60, 70]) }).await;
    let schedule = channel.scheduler().unwrap();
    let again = async |epoch: i64| {
        let list = schedule.list_under(epoch).await.unwrap();
        ((list.again_at.unwrap() - *time.lock().unwrap()).num_minutes(), list.unseen.unwrap_or_default())
    };
    assert_eq!(again(1).await, (10, String::new()), "many are left");
    // Of a day of which 80,000 seconds are left.
    server.state().network.left = Some(71);
    assert_eq!(again(2).await, (80_000 / 40 / 60, String::new()), "forty lists more");
    *time.lock().unwrap() += TimeDelta::minutes(32);
    assert!(schedule.list_under(2).await.unwrap().read_at.is_some());
    *time.lock().unwrap() += TimeDelta::minutes(2);
    assert_eq!(schedule.list_under(2).await.unwrap().read_at, None, "read again");
    // None that can wait: the page says so, and the reserve stays.
    server.state().network.left = Some(31);
    *time.lock().unwrap() += TimeDelta::hours(1);
    let (minutes, why) = again(2).await;
    assert!(minutes > 60 * 20 && why.contains("kept to hold what was found"), "{minutes} {why}");
    let asked = server.state().requests.len();
    *time.lock().unwrap() += TimeDelta::hours(12);
    let (_, why) = again(2).await;
    assert!(why.contains("kept to hold what was found"), "{why}");
    assert_eq!(server.state().requests.len(), asked, "a list takes none of them");
    // Another freeze reads the nearest ones, without which nothing can be held.
    let near = schedule.list_under(3).await.unwrap();
    assert_eq!((near.items.len(), server.state().requests.len()), (2, asked + 1));
    mark(schedule.hold(&near.items[0]).await);
    *time.lock().unwrap() += TimeDelta::hours(23);
    assert_eq!(schedule.list_under(3).await.unwrap().read_at, None, "the day is over");
}

#[tokio::test]
async fn a_list_that_would_eat_what_is_kept_for_holds_ends_and_what_was_read_is_held() {
    let (server, channel, time) =
        open_at(Queue { left: Some(32), ..Queue::with(&[60, 70, 80, 90, 99]) }).await;
    let schedule = channel.scheduler().unwrap();
    let list = schedule.list_under(1).await.unwrap();
    let why = list.unseen.clone().unwrap();
    assert!(list.items.len() == 4 && why.contains("kept to hold"), "{} {why}", list.items.len());
    assert_eq!(why.matches("kept to hold").count(), 1, "it is said once");
    *time.lock().unwrap() += TimeDelta::minutes(5);
    let kept = schedule.list_under(1).await.unwrap();
    assert_eq!((kept.items.len(), kept.read_at, server.state().requests.len()), (4, Some(now()), 2));
    mark(schedule.hold(&kept.items[0]).await);
}

#[tokio::test]
async fn what_was_read_of_a_list_that_ends_early_is_kept_and_not_read_each_minute() {
    let (server, channel, time) = open_at(Queue { breaks_at: Some(1), ..Queue::with(&[60, 70, 80]) }).await;
    let schedule = channel.scheduler().unwrap();
    let list = schedule.list_under(1).await.unwrap();
    assert!(list.items.len() == 2 && list.unseen.is_some(), "{list:?}");
    for _ in 0..9 {
        *time.lock().unwrap() += TimeDelta::minutes(1);
        let kept = schedule.list_under(1).await.unwrap();
        assert_eq!((kept.items.len(), kept.unseen.is_some(), kept.read_at), (2, true, Some(now())));
    }
    assert_eq!(server.state().requests.len(), 2);
    *time.lock().unwrap() += TimeDelta::minutes(1);
    server.state().network.breaks_at = None;
    assert_eq!(schedule.list_under(1).await.unwrap().items.len(), 3);
    // When nothing of a newer one can be read, the older one counts on.
    *time.lock().unwrap() += TimeDelta::minutes(10);
    server.state().network.breaks_at = Some(0);
    let kept = schedule.list_under(1).await.unwrap();
    assert!(kept.items.len() == 3 && kept.unseen.is_some() && kept.read_at.is_some(), "{kept:?}");
    let asked = server.state().requests.len();
    assert!(schedule.list_under(1).await.is_ok());
    assert_eq!(server.state().requests.len(), asked);
    // Under another freeze nothing is known: it is tried again, ever more seldom.
    let mut tried = 0;
    for _ in 0..16 {
        assert!(schedule.list_under(2).await.is_err());
        *time.lock().unwrap() += TimeDelta::minutes(1);
        tried = server.state().requests.len() - asked;
    }
    assert_eq!(tried, 5, "after one, two, four and eight minutes");
}

#[tokio::test]
async fn what_waits_for_an_approval_there_is_told_as_that() {
    let (server, channel) = open(Queue { approves: true, ..Queue::with(&[60]) }, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let kept = kept(&post, &mark(schedule.hold(&post).await));
    let (waits, pass) = (Back::Waits("6a0".to_owned()), Pass::open_for_tests());
    assert_eq!(schedule.restore(&kept, at(90), &pass).await, waits);
    assert_eq!(schedule.restored(&kept, at(90)).await, Ok(Some(waits.clone())));
    assert_eq!(schedule.restore(&kept, at(90), &pass).await, waits, "it is there already");
    let back = schedule.restore(&kept, at(120), &pass).await;
    assert!(matches!(&back, Back::Left(why) if why.contains("waits for an approval")), "{back:?}");
    assert_eq!(server.state().network.edits, 2);
    // Whoever approves it there lets it go out: it is not said to be dropped.
    let did = schedule.discard(&kept).await;
    assert!(matches!(&did, Discarded::Left(why) if why.contains("reject it there")), "{did:?}");
    server.state().network.posts[0]["status"] = "draft".into();
    assert_eq!(schedule.discard(&kept).await, Discarded::Done);
}

#[tokio::test]
async fn what_was_put_back_or_changed_is_listed_as_it_is() {
    let (server, channel, time) = open_at(Queue::with(&[60, 70])).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list_under(1).await.unwrap().items;
    let kept = kept(&all[0], &mark(schedule.hold(&all[0]).await));
    *time.lock().unwrap() += TimeDelta::minutes(1);
    server.state().network.posts[1]["text"] = "Other".into();
    assert!(matches!(schedule.hold(&all[1]).await, Stop::Left(_)));
    let again = schedule.list_under(1).await.unwrap();
    assert_eq!((ids(&again), again.items[0].words.as_str()), (vec!["6a1"], "Other"), "with its new mark");
    let back = schedule.restore(&kept, at(90), &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Scheduled(_)), "{back:?}");
    assert_eq!(ids(&schedule.list_under(1).await.unwrap()), ["6a0", "6a1"]);
    mark(schedule.hold(&again.items[0]).await);
}

#[tokio::test]
async fn what_is_odd_is_told_and_an_accepted_hold_that_is_not_shown_yet_is_a_doubt() {
    let odd = vec![json!({ "id": "6b1", "status": "scheduled", "dueAt": null }), json!({ "id": "?" })];
    let (_server, channel) = open(Queue { odd, stale: 1, ..Queue::with(&[60, 70]) }, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap();
    assert_eq!((ids(&all), all.unseen.is_some()), (vec!["6a0", "6a1"], true));
    assert!(matches!(schedule.hold(&all.items[0]).await, Stop::Doubt(_)));
    assert!(matches!(schedule.read(&all.items[0]).await, Standing::Held { .. }));
}

#[tokio::test]
async fn a_wait_that_is_told_in_the_body_is_kept() {
    let told = r#"{"errors":[{"message":"Too many requests from this client. Please try again later.","extensions":{"code":"RATE_LIMIT_EXCEEDED","limitType":"CLIENT_ACCOUNT","retryAfter":900}}]}"#;
    let (server, channel, time) = open_at(Queue::with(&[60])).await;
    let (schedule, post) = (channel.scheduler().unwrap(), first(&*channel).await);
    server.state().fates.push_back(Fate::Refused(429, "", told));
    assert!(matches!(schedule.hold(&post).await, Stop::Later(_)));
    let asked = server.state().requests.len();
    *time.lock().unwrap() += TimeDelta::seconds(899);
    assert!(matches!(schedule.hold(&post).await, Stop::Later(_)));
    assert!(!channel.check().await.ready && schedule.spare().is_err());
    assert_eq!(server.state().requests.len(), asked, "no request leaves before it is over");
    *time.lock().unwrap() += TimeDelta::seconds(1);
    mark(schedule.hold(&post).await);
}

#[tokio::test]
async fn what_is_not_ours_is_left() {
    let (server, channel, time) = open_at(Queue::with(&[60])).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    *time.lock().unwrap() += TimeDelta::minutes(1);
    let cases = [
        ("draft", "left"),
        ("needs_approval", "left"),
        ("sent", "out"),
        ("error", "gone"),
        ("sending", "later"),
    ];
    for (status, expected) in cases {
        server.state().network.posts[0]["status"] = status.into();
        let stop = schedule.hold(&post).await;
        assert_eq!(trials::end(&stop), expected, "{status}: {stop:?}");
    }
    server.state().network.posts.clear();
    assert!(matches!(schedule.read(&post).await, Standing::Gone(_)));
    assert_eq!(server.state().network.edits, 0);
}

#[tokio::test]
async fn refusals_with_a_good_status_are_told_apart() {
    let typed = |name: &str| json!({ "data": { "editPost": { "__typename": name, "message": SECRET } } });
    let coded = |code: &str| json!({ "data": null, "errors": [{ "message": SECRET, "extensions": { "code": code } }] });
    let cases = [
        (typed("InvalidInputError"), "left"),
        (typed("LimitReachedError"), "left"),
        (typed("UnexpectedError"), "doubt"),
        (coded("BAD_USER_INPUT"), "left"),
        (coded("FORBIDDEN"), "left"),
        (coded("INTERNAL_SERVER_ERROR"), "doubt"),
    ];
    for (refusal, expected) in cases {
        let queue = Queue { refuses: Some(refusal.clone()), ..Queue::with(&[60]) };
        let (_server, channel) = open(queue, &[]).await;
        let stop = channel.scheduler().unwrap().hold(&first(&*channel).await).await;
        assert!(!format!("{stop:?}").contains(SECRET), "{stop:?}");
        assert_eq!(matches!(stop, Stop::Left(_)), expected == "left", "{refusal}: {stop:?}");
        assert_eq!(matches!(stop, Stop::Doubt(_)), expected == "doubt", "{refusal}: {stop:?}");
    }
}

#[tokio::test]
async fn a_check_tells_how_many_requests_the_key_has_left() {
    let (server, channel) = open(Queue { left: Some(40), ..Queue::default() }, &[]).await;
    let calls = channel.check().await.facts.calls.unwrap();
    let left = server.state().network.left.unwrap();
    assert_eq!((calls.left, calls.resets_at.is_some_and(|at| at > now())), (left.into(), true), "{calls:?}");
    let (_server, channel) = open(Queue::default(), &[]).await;
    assert_eq!(channel.check().await.facts.calls, None, "what is not told is not known");
}

#[tokio::test]
async fn a_check_sees_the_channels_and_tells_no_key() {
    let (server, channel) = open(Queue::default(), &[]).await;
    let health = channel.check().await;
    assert!(health.ready && health.detail.contains("one account"), "{health:?}");
    assert_eq!((server.state().requests.len(), health.facts.checked_every), (1, Some(240)));
    server.state().network.no_posts = true;
    let health = channel.check().await;
    assert!(!health.ready, "its schedule cannot be read: {health:?}");
    let wrong = suite::connect(&buffer::ADAPTER, settings(&server.url), Some("hunter3")).unwrap();
    let health = wrong.check().await;
    assert!(!health.ready && !health.detail.contains("hunter3"), "{health:?}");
    assert!(wrong.scheduler().unwrap().list().await.is_err(), "not an empty schedule");
}
