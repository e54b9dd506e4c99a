//! The schedule of a Mixpost against a strict one.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::mixpost_server::{Desk, WORKSPACE, at, instant, uuid};
use crate::planner_trials::{self as trials, SECRET, first, kept, mark};
use crate::schedule_trials::Trial;
use crate::scheduler::{Back, Discarded, Standing, Stop};
use crate::strict::{Fate, Strict};
use crate::suite::{self, Cut};
use crate::{Channel, Pass, mixpost};

fn settings(url: &str) -> Value {
    json!({ "server": url, "workspace": WORKSPACE })
}

async fn open(desk: Desk, fates: &[Fate]) -> (Strict<Desk>, Box<dyn Channel>) {
    trials::start(desk, fates, &mixpost::ADAPTER, settings).await
}

fn waiting(desk: &Desk) -> usize {
    desk.posts.iter().filter(|post| post["status"] == "scheduled").count()
}

/// Status and date of the first post.
fn stands(server: &Strict<Desk>) -> (Value, Value) {
    let state = server.state();
    (state.network.posts[0]["status"].clone(), state.network.posts[0]["scheduled_at"].clone())
}

#[tokio::test]
async fn nothing_is_published_through_mixpost() {
    let server = Strict::start(Desk::default(), &[]).await;
    trials::publishes_nothing(&server, &mixpost::ADAPTER, settings(&server.url)).await;
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_hold_or_a_restore_nothing_is_lost_or_doubled() {
    let trial = Trial {
        network: Desk::with(&[60]),
        connect: |url| trials::open(&mixpost::ADAPTER, settings(url)),
        on: waiting,
        at: at(90),
        secret: SECRET,
        rests: true,
    };
    trial.run().await;
}

#[tokio::test]
async fn what_is_scheduled_becomes_a_draft_and_goes_back_whole() {
    let (server, channel) =
        open(Desk { bare: true, ..Desk::with(&[60, 70, 80, 90, 60 * 24 * 400]) }, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let before = server.state().network.posts[0].clone();
    let all = schedule.list().await.unwrap();
    let ids: Vec<_> = all.items.iter().map(|item| item.remote_id.clone()).collect();
    assert_eq!((ids, all.unseen), ((0..5).map(uuid).collect(), None), "of all pages");
    let post = &all.items[0];
    assert_eq!((post.words.as_str(), post.due), ("Sale 0", at(60)));
    assert_eq!(post.snapshot["versions"], before["versions"], "with options and media");
    assert_eq!(post.snapshot["accounts"][1]["id"], 4);
    let mark = mark(schedule.hold(post).await);
    assert_eq!(stands(&server), (json!("draft"), Value::Null));
    let caution = schedule.caution(&post.snapshot, &mark).unwrap();
    assert!(caution.starts_with("if one of its accounts") && !caution.contains("made again"), "{caution}");
    let kept = kept(post, &mark);
    assert_eq!(schedule.restored(&kept, at(120)).await, Ok(None));
    let closed = Gate::closed(Duration::from_secs(60)).unlisted("routine");
    assert!(matches!(schedule.restore(&kept, at(120), &closed).await, Back::Left(_)));
    assert_eq!(stands(&server).0, "draft");
    // Dates have minutes: it is not published before its time.
    let later = at(120) + TimeDelta::seconds(1);
    let back = Back::Scheduled(uuid(0));
    assert_eq!(schedule.restore(&kept, later, &Pass::open_for_tests()).await, back);
    assert_eq!(schedule.restored(&kept, later).await, Ok(Some(back)));
    assert_eq!(stands(&server), (json!("scheduled"), json!(instant(at(121)))));
    for name in ["accounts", "versions", "tags"] {
        assert_eq!(server.state().network.posts[0][name], before[name], "{name}");
    }
    let again = schedule.restore(&kept, later, &Pass::open_for_tests()).await;
    assert!(matches!(again, Back::Changed(_)), "{again:?}");
    assert_eq!(schedule.discard(&kept).await, Discarded::Scheduled);
    assert_eq!(server.state().network.out, 0);
}

#[tokio::test]
async fn nothing_goes_back_into_the_past_or_for_another_time_than_it_is_shown() {
    let (server, channel) = open(Desk::with(&[60]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let kept = kept(&post, &mark(schedule.hold(&post).await));
    for minutes in [-60, 0, 4] {
        let back = schedule.restore(&kept, at(minutes), &Pass::open_for_tests()).await;
        assert!(matches!(&back, Back::Left(why) if why.contains("too near")), "{back:?}");
    }
    assert_eq!(stands(&server), (json!("draft"), Value::Null));
    server.state().network.zone = 2;
    let back = schedule.restore(&kept, at(90), &Pass::open_for_tests()).await;
    assert!(matches!(&back, Back::Left(why) if why.contains("another time")), "{back:?}");
    assert_eq!(stands(&server).0, "draft");
    // The date that it was given then is not in the way.
    server.state().network.zone = 0;
    let back = schedule.restore(&kept, at(100), &Pass::open_for_tests()).await;
    assert_eq!(back, Back::Scheduled(uuid(0)));
    assert_eq!(schedule.discard(&kept).await, Discarded::Scheduled);
}

#[tokio::test]
async fn what_is_not_ours_is_left_and_a_hold_is_read_back() {
    let (server, channel) = open(Desk::with(&[60]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    server.state().network.deaf = true;
    assert!(matches!(schedule.hold(&post).await, Stop::Doubt(_)), "it shows it scheduled");
    server.state().network.deaf = false;
    let ends = [
        ("draft", "left"),
        ("needs_approval", "left"),
        ("published", "out"),
        ("failed", "gone"),
        ("PUBLISHING", "later"),
        ("odd", "later"),
    ];
    for (status, expected) in ends {
        server.state().network.posts[0]["status"] = status.into();
        let stop = schedule.hold(&post).await;
        assert_eq!(
            (trials::end(&stop), stands(&server).0),
            (expected, json!(status)),
            "it is not touched: {stop:?}"
        );
    }
    server.state().network.posts[0]["status"] = "scheduled".into();
    for (field, other) in [("scheduled_at", json!(instant(at(61)))), ("accounts", json!([{ "id": 9 }]))] {
        let old = std::mem::replace(&mut server.state().network.posts[0][field], other);
        assert!(matches!(schedule.hold(&post).await, Stop::Left(_)), "{field} is another one");
        server.state().network.posts[0][field] = old;
    }
    let kept = kept(&post, &mark(schedule.hold(&post).await));
    server.state().network.posts[0]["versions"][0]["options"]["mastodon"]["sensitive"] = true.into();
    let back = schedule.restore(&kept, at(90), &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Changed(_)), "{back:?}");
    server.state().network.posts[0]["trashed"] = true.into();
    assert!(matches!(schedule.read(&post).await, Standing::Gone(_)));
    assert_eq!(schedule.discard(&kept).await, Discarded::Done);
    server.state().network.posts[0]["trashed"] = false.into();
    server.state().network.posts[0]["status"] = "published".into();
    let back = schedule.restore(&kept, at(90), &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Out(_)), "{back:?}");
}

#[tokio::test]
async fn what_goes_out_while_it_is_held_is_out() {
    let (server, channel) = open(Desk { sends: true, ..Desk::with(&[0]) }, &[]).await;
    let post = first(&*channel).await;
    let stop = channel.scheduler().unwrap().hold(&post).await;
    assert!(matches!(stop, Stop::Out(_)), "{stop:?}");
    assert_eq!(stands(&server).0, "published");
}

#[tokio::test]
async fn what_is_not_found_is_gone_only_where_its_workspace_is() {
    let (server, channel) = open(Desk::with(&[60]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    server.state().network.elsewhere = true;
    assert!(matches!(schedule.read(&post).await, Standing::Unknown(_)));
    assert!(matches!(schedule.hold(&post).await, Stop::Later(_)));
    assert!(schedule.list().await.is_err_and(|why| why.contains("Workspace not found")), "not an empty one");
    assert!(!channel.check().await.ready);
    server.state().network.elsewhere = false;
    server.state().network.posts.clear();
    assert!(matches!(schedule.read(&post).await, Standing::Gone(_)));
    assert!(matches!(schedule.hold(&post).await, Stop::Gone(_)));
    assert_eq!(schedule.list().await.unwrap().items, Vec::new());
}

#[tokio::test]
async fn what_a_list_does_not_show_is_told_and_the_rest_is_read() {
    let listed = async |desk: Desk| {
        let (_server, channel) = open(desk, &[]).await;
        let seen = channel.scheduler().unwrap().list().await.unwrap();
        (seen.items.len(), seen.unseen.unwrap_or_default())
    };
    let many: Vec<i64> = (0..99).map(|n| 60 + n).collect();
    assert_eq!(listed(Desk { each: 0, ..Desk::with(&many) }).await, (99, String::new()));
    // The Lite's pages show a time of nobody knows which zone.
    let mut zoneless = Desk::with(&[60]).posts.remove(0);
    zoneless["scheduled_at"] = json!({ "date": "2023-11-15", "time": "10:00" });
    for odd in [
        json!(7),
        json!({ "status": "scheduled" }),
        json!({ "uuid": "../x", "status": "scheduled" }),
        zoneless,
    ] {
        let (count, why) = listed(Desk { odd: vec![odd.clone()], ..Desk::with(&[60, 70]) }).await;
        assert!(count == 2 && why.contains("cannot be read as a post"), "{odd}: {count} {why}");
    }
    let mut desk = Desk::with(&[60, 70]);
    desk.posts[0]["status"] = "PUBLISHING".into();
    let (count, why) = listed(desk).await;
    assert!(count == 1 && why.contains("publishing something"), "{count} {why}");
    let (count, why) = listed(Desk { moves: true, ..Desk::with(&[60, 70, 80, 90]) }).await;
    assert!(count == 3 && why.contains("changed while it was read"), "{count} {why}");
    let (server, channel) = open(Desk::with(&[60]), &[]).await;
    let health = channel.check().await;
    assert!(health.ready && health.detail.contains("2 accounts"), "{health:?}");
    let wrong = suite::connect(&mixpost::ADAPTER, settings(&server.url), Some("hunter3")).unwrap();
    let health = wrong.check().await;
    assert!(!health.ready && !health.detail.contains("hunter3"), "{health:?}");
    assert!(wrong.scheduler().unwrap().list().await.is_err(), "not an empty schedule");
}

#[tokio::test]
async fn a_lost_answer_schedules_nothing_twice() {
    let lost = |done| Fate::Broken { done, at: Cut::BeforeStatus };
    let (put, post) = (vec![Fate::Done], vec![Fate::Done, Fate::Done]);
    let cases = [
        (put.clone(), lost(true), "draft"),
        (put.clone(), lost(false), "draft"),
        (put, Fate::Refused(500, "", "{}"), "draft"),
        (post.clone(), lost(true), "scheduled"),
        (post.clone(), lost(false), "draft"),
        (post, Fate::Late, "draft"),
    ];
    for (mut fates, fate, status) in cases {
        fates.push(fate.clone());
        let (server, channel) = open(Desk::with(&[60]), &fates).await;
        let schedule = channel.scheduler().unwrap();
        let post = first(&*channel).await;
        let kept = kept(&post, &mark(schedule.hold(&post).await));
        let back = schedule.restore(&kept, at(90), &Pass::open_for_tests()).await;
        assert!(matches!(back, Back::Doubt(_)), "{fate:?}: {back:?}");
        assert_eq!(stands(&server).0, status, "{fate:?}");
        let seen = (status == "scheduled").then(|| Back::Scheduled(uuid(0)));
        assert_eq!(schedule.restored(&kept, at(90)).await, Ok(seen), "{fate:?}");
        server.land();
        let again = schedule.restore(&kept, at(95), &Pass::open_for_tests()).await;
        let landed = status == "scheduled" || fate == Fate::Late;
        assert_eq!(matches!(again, Back::Changed(_)), landed, "{fate:?}: {again:?}");
        assert_eq!(matches!(again, Back::Scheduled(_)), !landed, "{fate:?}: {again:?}");
        assert_eq!(stands(&server).0, "scheduled", "{fate:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_sent_back_whole_is_not_touched_or_told() {
    let mut desk = Desk::with(&[60, 70]);
    desk.posts[1]["versions"][0]["content"][0]["media"] = json!([{ "uuid": "9f1e" }]);
    desk.posts[0]["accounts"].as_array_mut().unwrap().truncate(1);
    desk.posts[0]["versions"][0]["content"][0]["first_comment"] = "Ask us".into();
    desk.posts[0]["versions"][0]["is_original"] = json!(1);
    let (server, channel) = open(desk, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap().items;
    let stop = schedule.hold(&all[1]).await;
    assert!(matches!(&stop, Stop::Left(why) if why.contains("sent back whole")), "{stop:?}");
    let mark = mark(schedule.hold(&all[0]).await);
    let caution = schedule.caution(&all[0].snapshot, &mark).unwrap();
    assert_eq!(caution, "not all of it can be made again: first_comment");
    assert_eq!(all[0].snapshot["besides"]["first_comment"], "Ask us", "it is kept for people");
    assert_eq!(waiting(&server.state().network), 1);
}

#[test]
fn where_its_api_is_comes_from_the_settings() {
    let of = |more: Value| {
        let mut settings = settings("https://mixpost.bank.example");
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        (mixpost::ADAPTER.connect)(&suite::connection(settings, Some(SECRET))).map(drop)
    };
    assert_eq!(of(json!({})), Ok(()));
    assert_eq!(of(json!({ "path": "social/desk" })), Ok(()));
    assert!(of(json!({ "server": "ftp://mixpost.bank.example" })).is_err());
    assert!(of(json!({ "workspace": "../posts" })).is_err_and(|why| why.contains("workspace")));
}

#[tokio::test]
async fn a_core_path_of_ones_own_is_asked() {
    for (path, asked) in
        [("social/desk", "GET /social/desk/api/"), ("/", "GET /api/"), (" ", "GET /mixpost/api/")]
    {
        let server = Strict::start(Desk::default(), &[]).await;
        let mut settings = settings(&server.url);
        settings["path"] = path.into();
        let ready = trials::open(&mixpost::ADAPTER, settings).check().await.ready;
        assert_eq!(ready, path == " ", "the server has another one");
        assert_eq!(server.state().requests[0], format!("{asked}{WORKSPACE}/accounts"));
    }
}
