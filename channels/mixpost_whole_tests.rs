//! What a hold of Mixpost sends back, and what may be lost by it.

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::mixpost_server::{Desk, WORKSPACE, at, instant, now, uuid};
use crate::planner_trials::{self as trials, first, kept, mark};
use crate::scheduler::{Back, Discarded, Standing, Stop};
use crate::strict::{Fate, Strict};
use crate::{Channel, Pass, mixpost};

fn settings(url: &str) -> Value {
    json!({ "server": url, "workspace": WORKSPACE })
}

async fn open(desk: Desk) -> (Strict<Desk>, Box<dyn Channel>) {
    trials::start(desk, &[], &mixpost::ADAPTER, settings).await
}

/// A post an hour ahead, changed so.
fn desk(change: impl Fn(&mut Value)) -> Desk {
    let mut desk = Desk::with(&[60]);
    change(&mut desk.posts[0]);
    desk
}

/// Words for one account.
fn words_for(account: u64) -> Value {
    let content = json!([{ "body": "Sale for you", "media": [], "url": "" }]);
    json!({ "account_id": account, "is_original": false, "options": null, "content": content })
}

fn status(server: &Strict<Desk>) -> Value {
    server.state().network.posts[0]["status"].clone()
}

#[tokio::test]
async fn words_for_an_account_that_is_gone_are_left_out_and_told() {
    // The account 9 is gone; 5 is there, and somebody has taken it off the post.
    let changed = desk(|post| {
        post["versions"].as_array_mut().unwrap().extend([words_for(9), words_for(5)]);
    });
    let (server, channel) = open(Desk { accounts: vec![1, 4, 5], ..changed }).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    assert_eq!(server.state().network.posts[0]["versions"][2]["account_id"], 9);
    let mark = mark(schedule.hold(&post).await);
    let versions = server.state().network.posts[0]["versions"].clone();
    let ids: Vec<_> = versions.as_array().unwrap().iter().map(|v| v["account_id"].clone()).collect();
    assert_eq!((status(&server), ids), (json!("draft"), vec![json!(0), json!(4), json!(5)]));
    let caution = schedule.caution(&post.snapshot, &mark).unwrap();
    assert!(caution.contains("an account that Mixpost has no more"), "{caution}");
    assert_eq!(post.snapshot["versions"][2]["content"][0]["body"], "Sale for you", "it is kept for people");
    let back = schedule.restore(&kept(&post, &mark), at(90), &Pass::open_for_tests()).await;
    assert_eq!(back, Back::Scheduled(uuid(0)));
    // The original stays, whatever account it names.
    let (server, channel) = open(desk(|post| post["versions"][0]["account_id"] = 9.into())).await;
    trials::mark(channel.scheduler().unwrap().hold(&first(&*channel).await).await);
    let original = server.state().network.posts[0]["versions"][0].clone();
    assert_eq!((&original["account_id"], &original["is_original"]), (&json!(0), &json!(true)));
    assert!(original["content"][0]["body"].as_str().unwrap().contains("Sale"));
}

#[tokio::test]
async fn where_its_accounts_cannot_be_asked_for_nothing_is_left_out() {
    let changed = desk(|post| post["versions"].as_array_mut().unwrap().push(words_for(9)));
    let (server, channel) = open(Desk { accounts: vec![1, 4], ..changed }).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    server.state().others.extend([Fate::Done, Fate::Refused(500, "", "{}")]);
    let stop = schedule.hold(&post).await;
    assert!(matches!(stop, Stop::Later(_)), "{stop:?}");
    assert_eq!(status(&server), "scheduled");
    mark(schedule.hold(&post).await);
    // A list shows the others, and this one too.
    let mut desk = Desk::with(&[60, 70, 80]);
    desk.posts[2]["versions"].as_array_mut().unwrap().push(words_for(9));
    let (server, channel) = open(desk).await;
    server.state().others.extend([Fate::Done, Fate::Refused(403, "", "{}")]);
    let list = channel.scheduler().unwrap().list().await.unwrap();
    assert_eq!((list.items.len(), list.unseen), (3, None));
}

#[tokio::test]
async fn what_is_not_shown_is_not_taken_for_nothing() {
    let cases: [fn(&mut Value); 8] = [
        |post| drop(post.as_object_mut().unwrap().remove("tags")),
        |post| drop(post.as_object_mut().unwrap().remove("accounts")),
        |post| post["tags"] = Value::Null,
        |post| drop(post["versions"][0]["content"][0].as_object_mut().unwrap().remove("media")),
        |post| drop(post["versions"][0]["content"][0].as_object_mut().unwrap().remove("body")),
        |post| post["versions"][1]["content"] = Value::Null,
        |post| post["versions"][1]["is_original"] = true.into(),
        |post| post["versions"][0]["is_original"] = false.into(),
    ];
    for (n, change) in cases.into_iter().enumerate() {
        let (server, channel) = open(desk(change)).await;
        let before = server.state().network.posts[0].clone();
        let post = first(&*channel).await;
        let stop = channel.scheduler().unwrap().hold(&post).await;
        assert!(matches!(&stop, Stop::Left(why) if why.contains("sent back whole")), "{n}: {stop:?}");
        assert_eq!(server.state().network.posts[0], before, "{n}");
    }
}

#[tokio::test]
async fn the_original_goes_first_whatever_order_is_shown() {
    let (server, channel) = open(desk(|post| post["versions"].as_array_mut().unwrap().reverse())).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    server.state().network.posts[0]["versions"].as_array_mut().unwrap().reverse();
    mark(schedule.hold(&post).await);
    assert_eq!(status(&server), "draft", "another order is no change");
    let (server, channel) = open(desk(|post| post["versions"].as_array_mut().unwrap().reverse())).await;
    mark(channel.scheduler().unwrap().hold(&first(&*channel).await).await);
    assert_eq!(server.state().network.posts[0]["versions"][0]["is_original"], true);
}

#[tokio::test]
async fn what_would_be_lost_is_known_before_and_held_when_it_would_go_out() {
    let mut desk = Desk::with(&[61, 60, 90]);
    for n in [0, 1] {
        desk.posts[n]["versions"][0]["content"][0]["first_comment"] = "Ask us".into();
    }
    desk.posts[2]["campaign"] = json!({ "id": 3 });
    let (server, channel) = open(desk).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap().items;
    let stop = schedule.hold(&all[0]).await;
    assert!(matches!(&stop, Stop::Left(why) if why.contains("due within an hour")), "{stop:?}");
    let lost = mark(schedule.hold(&all[1]).await);
    let caution = schedule.caution(&all[1].snapshot, &lost).unwrap();
    assert!(caution.ends_with("not all of it can be made again: first_comment"), "{caution}");
    assert_eq!(all[1].snapshot["besides"]["first_comment"], "Ask us", "it is kept for people");
    let whole = mark(schedule.hold(&all[2]).await);
    let caution = schedule.caution(&all[2].snapshot, &whole).unwrap_or_default();
    assert!(!caution.contains("made again"), "all of it comes back: {caution}");
    let state = server.state();
    assert_eq!(
        (&state.network.posts[2]["campaign"]["id"], &state.network.posts[2]["opened"]),
        (&json!(3), &json!(true))
    );
}

#[tokio::test]
async fn the_earliest_time_of_an_account_counts() {
    let shown: [fn(&mut Value); 3] = [
        |post| post["accounts"][1]["scheduled_at"] = instant(at(20)).into(),
        |post| post["accounts"][1]["pivot"] = json!({ "scheduled_at": instant(at(20)) }),
        |post| post["accounts_schedule"] = json!([{ "account_id": 4, "scheduled_at": instant(at(20)) }]),
    ];
    for change in shown {
        let (_server, channel) = open(desk(change)).await;
        assert_eq!(first(&*channel).await.due, at(20));
    }
    let (_server, channel) =
        open(desk(|post| post["accounts"][1]["scheduled_at"] = instant(at(80)).into())).await;
    assert_eq!(first(&*channel).await.due, at(60));
    // What would go out on one account before its new time is not scheduled.
    let (server, channel) =
        open(desk(|post| post["accounts_schedule"] = json!([{ "scheduled_at": instant(at(20)) }]))).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let kept = kept(&post, &mark(schedule.hold(&post).await));
    let back = schedule.restore(&kept, at(90), &Pass::open_for_tests()).await;
    assert!(matches!(&back, Back::Left(why) if why.contains("another time")), "{back:?}");
    assert_eq!(status(&server), "draft");
}

#[tokio::test]
async fn what_mixpost_would_lose_by_a_restore_is_kept_and_told_or_it_is_not_put_back() {
    let (server, channel) = open(Desk::with(&[60, 70])).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap().items;
    let mut held = Vec::new();
    for post in &all {
        held.push(kept(post, &mark(schedule.hold(post).await)));
    }
    // Somebody has given the draft what an update does not take back.
    server.state().network.posts[0]["versions"][0]["content"][0]["first_comment"] = "Read the terms".into();
    let back = schedule.restore(&held[0], at(90), &Pass::open_for_tests()).await;
    assert!(matches!(&back, Back::Left(why) if why.contains("by hand")), "{back:?}");
    assert_eq!(status(&server), "draft");
    let shown = &server.state().network.posts[0]["versions"][0]["content"][0]["first_comment"].clone();
    assert_eq!(shown, "Read the terms", "nothing was sent");
    // What was there before is in the snapshot, is told, and goes back.
    let was: Value = json!({ "first_comment": "Read the terms" });
    let mut told = held[0].clone();
    told.snapshot["besides"] = was;
    let caution = schedule.caution(&told.snapshot, &told.mark).unwrap();
    assert!(caution.contains("first_comment"), "{caution}");
    assert_eq!(schedule.restore(&told, at(90), &Pass::open_for_tests()).await, Back::Scheduled(uuid(0)));
}

#[tokio::test]
async fn what_was_due_when_it_was_held_is_not_held_before_mixpost_is_through() {
    for (out, expected) in [(true, "out"), (false, "held")] {
        let (server, channel, time) =
            trials::start_at(Desk::with(&[1]), now(), &mixpost::ADAPTER, settings).await;
        let schedule = channel.scheduler().unwrap();
        let post = first(&*channel).await;
        *time.lock().unwrap() = at(1);
        let stop = schedule.hold(&post).await;
        assert!(matches!(&stop, Stop::Doubt(why) if why.contains("due when it was held")), "{stop:?}");
        assert_eq!(status(&server), "draft");
        *time.lock().unwrap() += TimeDelta::minutes(1);
        assert!(matches!(schedule.read(&post).await, Standing::Unknown(_)));
        if out {
            server.state().network.posts[0]["status"] = "published".into();
        }
        *time.lock().unwrap() += TimeDelta::minutes(2);
        let stands = schedule.read(&post).await;
        let is = if matches!(stands, Standing::Held { .. }) { "held" } else { "out" };
        assert_eq!(is, expected, "{stands:?}");
        let caution = schedule.caution(&post.snapshot, "m").unwrap();
        assert!(caution.starts_with("it was due when it was held"), "{caution}");
    }
    // Before its time it is held, however near that is: others may be due at the same minute.
    let (server, channel, time) =
        trials::start_at(Desk::with(&[1]), now(), &mixpost::ADAPTER, settings).await;
    let post = first(&*channel).await;
    *time.lock().unwrap() = at(1) - TimeDelta::seconds(5);
    let stop = channel.scheduler().unwrap().hold(&post).await;
    assert!(matches!(stop, Stop::Held { .. }) && status(&server) == "draft", "{stop:?}");
    // While it is published, an update is refused.
    let (server, channel) = open(Desk::with(&[60])).await;
    let post = first(&*channel).await;
    server.state().network.publishing = true;
    let stop = channel.scheduler().unwrap().hold(&post).await;
    assert!(matches!(&stop, Stop::Later(why) if why.contains("is publishing it")), "{stop:?}");
}

#[tokio::test]
async fn what_waits_for_an_approval_there_is_told_as_that() {
    let (server, channel) = open(Desk { approves: true, ..Desk::with(&[60, 70]) }).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap().items;
    let pass = Pass::open_for_tests();
    let kept: Vec<_> = {
        let mut held = Vec::new();
        for post in &all {
            held.push(kept(post, &mark(schedule.hold(post).await)));
        }
        held
    };
    let waits = Back::Waits(uuid(0));
    assert_eq!(schedule.restore(&kept[0], at(90), &pass).await, waits);
    assert_eq!(schedule.restored(&kept[0], at(90)).await, Ok(Some(waits.clone())));
    assert_eq!(schedule.restore(&kept[0], at(90), &pass).await, waits, "it is there already");
    let back = schedule.restore(&kept[0], at(120), &pass).await;
    assert!(matches!(&back, Back::Left(why) if why.contains("waits for an approval")), "{back:?}");
    assert_eq!(status(&server), "needs_approval");
    // Whoever approves it there lets it go out: it is not said to be dropped.
    let did = schedule.discard(&kept[0]).await;
    assert!(matches!(&did, Discarded::Left(why) if why.contains("reject it there")), "{did:?}");
    assert_eq!(schedule.discard(&kept[1]).await, Discarded::Done, "a draft stays one");
    // What somebody has changed is still told as that.
    server.state().network.posts[1]["versions"][0]["content"][0]["body"] = "Other".into();
    let back = schedule.restore(&kept[1], at(90), &pass).await;
    assert!(matches!(back, Back::Changed(_)), "{back:?}");
}
