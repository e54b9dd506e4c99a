//! The schedule of a Hootsuite against a strict one.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::gate::Gate;
use crate::hootsuite_server::{Desk, at};
use crate::http::{Http, Policy};
use crate::planner_trials::{self as trials, SECRET, first, kept, mark};
use crate::schedule_trials::Trial;
use crate::scheduler::{Back, Discarded, Kept, Standing, Stop};
use crate::strict::{Fate, Strict};
use crate::suite::{self, Cut};
use crate::{Channel, Connection, Pass, hootsuite};

fn settings(url: &str) -> Value {
    json!({ "client": "app", "member": "42", "server": url })
}

async fn open(desk: Desk, fates: &[Fate]) -> (Strict<Desk>, Box<dyn Channel>) {
    trials::start(desk, fates, &hootsuite::ADAPTER, settings).await
}

fn waiting(desk: &Desk) -> usize {
    desk.messages.iter().filter(|m| m["state"] == "SCHEDULED").count()
}

#[tokio::test]
async fn nothing_is_published_through_hootsuite() {
    let server = Strict::start(Desk::default(), &[]).await;
    trials::publishes_nothing(&server, &hootsuite::ADAPTER, settings(&server.url)).await;
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_hold_or_a_restore_nothing_is_lost_or_doubled() {
    let trial = Trial {
        network: Desk::with(&[60]),
        connect: |url| trials::open(&hootsuite::ADAPTER, settings(url)),
        on: waiting,
        at: at(90),
        secret: SECRET,
        rests: true,
    };
    trial.run().await;
}

#[tokio::test]
async fn what_is_scheduled_is_deleted_and_made_again_once() {
    let (server, channel) = open(Desk::with(&[60, 70, 80, 60 * 24 * 60]), &[]).await;
    server.state().network.messages[2]["state"] = "PENDING_APPROVAL".into();
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap();
    let ids: Vec<_> = all.items.iter().map(|i| i.remote_id.as_str()).collect();
    assert_eq!((ids, all.unseen), (vec!["100", "101", "103"], None), "of all windows and pages");
    let post = &all.items[0];
    assert_eq!((post.words.as_str(), post.due, server.state().network.tokens), ("Sale 0", at(60), 1));
    let mark = mark(schedule.hold(post).await);
    assert_eq!((mark.as_str(), waiting(&server.state().network)), ("cancelled", 2));
    assert!(schedule.caution(&post.snapshot, &mark).is_some_and(|why| why.contains("made again")));
    let kept = kept(post, &mark);
    assert_eq!(schedule.restored(&kept, at(90)).await, Ok(None));
    let closed = Gate::closed(Duration::from_secs(60)).unlisted("routine");
    assert!(matches!(schedule.restore(&kept, at(90), &closed).await, Back::Left(_)));
    assert_eq!(server.state().network.made, 0);
    let made = Back::Scheduled("201".to_owned());
    assert_eq!(schedule.restore(&kept, at(90), &Pass::open_for_tests()).await, made);
    assert_eq!(schedule.restored(&kept, at(90)).await, Ok(Some(made.clone())));
    assert_eq!(schedule.restore(&kept, at(90), &Pass::open_for_tests()).await, made, "no second one");
    let later = schedule.restore(&kept, at(300), &Pass::open_for_tests()).await;
    assert!(matches!(later, Back::Changed(_)), "{later:?}");
    let state = server.state();
    let last = state.network.messages.last().unwrap();
    assert_eq!(
        (state.network.made, &last["tags"], &last["socialProfile"]["id"]),
        (1, &json!(["spring"]), &json!("77"))
    );
}

#[tokio::test]
async fn what_has_media_is_held_and_not_made_again_without_them() {
    let mut desk = Desk::with(&[60]);
    desk.messages[0]["media"] = json!([{ "id": "m1" }]);
    desk.messages[0]["extendedInfo"] = json!([{ "socialProfileType": "PINTEREST" }]);
    let (server, channel) = open(desk, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let mark = mark(schedule.hold(&post).await);
    let caution = schedule.caution(&post.snapshot, &mark).unwrap();
    assert!(caution.contains("new upload") && caution.ends_with("made again: extendedInfo"), "{caution}");
    assert_eq!(post.snapshot["post"]["media"][0]["id"], "m1", "it is kept for people");
    let back = schedule.restore(&kept(&post, &mark), at(90), &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Left(_)), "{back:?}");
    assert_eq!(schedule.discard(&kept(&post, &mark)).await, Discarded::Done);
    assert_eq!(server.state().network.made, 0);
}

#[tokio::test]
async fn what_is_gone_and_nobody_knows_how_is_made_again_only_when_it_is_not_there() {
    for plain in [false, true] {
        let (server, channel) = open(Desk { plain, ..Desk::with(&[60]) }, &[]).await;
        let schedule = channel.scheduler().unwrap();
        let post = first(&*channel).await;
        let gone = kept(&post, schedule.gone().unwrap());
        let back = schedule.restore(&gone, at(90), &Pass::open_for_tests()).await;
        assert!(matches!(back, Back::Changed(_)), "{back:?}");
        assert_eq!(schedule.discard(&gone).await, Discarded::Scheduled);
        server.state().network.messages.clear();
        assert!(matches!(schedule.read(&post).await, Standing::Gone(_)));
        assert!(matches!(schedule.hold(&post).await, Stop::Gone(_)));
        assert!(
            schedule
                .caution(&post.snapshot, &gone.mark)
                .is_some_and(|why| why.contains("or it is published"))
        );
        let back = schedule.restore(&gone, at(90), &Pass::open_for_tests()).await;
        assert!(matches!(back, Back::Scheduled(_)), "{back:?}");
    }
}

#[tokio::test]
async fn a_refusal_to_show_a_message_is_not_taken_for_its_absence() {
    let (server, channel) = open(Desk { closed: true, ..Desk::with(&[60]) }, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    assert!(matches!(schedule.read(&post).await, Standing::Scheduled(_)));
    // Nor is it absent while it is being published.
    server.state().network.messages[0]["state"] = "SUBMITTED".into();
    assert!(matches!(schedule.read(&post).await, Standing::Unknown(_)));
    assert!(matches!(schedule.hold(&post).await, Stop::Later(_)));
    server.state().network.messages[0]["state"] = "SENT".into();
    assert!(matches!(schedule.hold(&post).await, Stop::Out(_)));
    server.state().network.messages[0]["state"] = "SCHEDULED".into();
    mark(schedule.hold(&post).await);
    assert_eq!(waiting(&server.state().network), 0);
}

#[tokio::test]
async fn what_a_list_does_not_show_is_told_and_the_rest_is_read() {
    let many: Vec<i64> = (0..101).map(|n| 60 + n).collect();
    let listed = async |desk: Desk| {
        let server = Strict::start(desk, &[]).await;
        // Pages of a hundred are longer than what other tests take.
        let policy = Policy { allow_private: vec!["127.0.0.0/8".parse().unwrap()], ..Policy::default() };
        let http = Arc::new(Http::new(policy).unwrap());
        let connection = suite::connection(settings(&server.url), Some(SECRET));
        let channel = (hootsuite::ADAPTER.connect)(&Connection { http, ..connection }).unwrap();
        let listing = channel.scheduler().unwrap().list().await.unwrap();
        (listing.items.len(), listing.unseen.unwrap_or_default())
    };
    assert_eq!(listed(Desk::with(&many[..90])).await, (90, String::new()));
    // A full page that names no next one can be the last one: the halves of its window are read.
    assert_eq!(listed(Desk { blind: true, ..Desk::with(&many[..100]) }).await, (100, String::new()));
    assert_eq!(listed(Desk { blind: true, ..Desk::with(&many) }).await, (101, String::new()));
    let (count, why) = listed(Desk { blind: true, ..Desk::with(&[60; 101]) }).await;
    assert!(count == 100 && why.contains("names no next one"), "{count} {why}");
    let (count, why) = listed(Desk { in_part: true, ..Desk::with(&[60, 70]) }).await;
    assert!(count == 2 && why.contains("a part of the schedule"), "{count} {why}");
    for odd in [json!({ "state": "SCHEDULED" }), json!({ "id": "9", "state": "SCHEDULED" }), json!(7)] {
        let desk = Desk { odd: vec![odd.clone()], ..Desk::with(&[60, 60 * 24 * 60]) };
        let (count, why) = listed(desk).await;
        assert!(count == 2 && why.contains("cannot be read as a post"), "{odd}: {count} {why}");
    }
    // What is not shown whole proves no absence.
    let (server, channel) = open(Desk { in_part: true, ..Desk::with(&[60]) }, &[]).await;
    let (schedule, post) = (channel.scheduler().unwrap(), first(&*channel).await);
    server.state().network.messages.clear();
    assert!(matches!(schedule.read(&post).await, Standing::Unknown(_)));
}

#[tokio::test]
async fn what_cannot_be_made_again_is_deleted_only_when_it_would_go_out() {
    let mut desk = Desk::with(&[61, 60, 59]);
    desk.messages[0]["mediaUrls"] = json!([{ "url": "https://bank.example/1.png" }]);
    desk.messages[1]["socialProfile"] = Value::Null;
    desk.messages[2]["media"] = json!([{ "id": "m1" }]);
    let (server, channel) = open(desk, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap().items;
    for (post, why) in all.iter().zip(["due within an hour", "on which profile"]) {
        let stop = schedule.hold(post).await;
        assert!(matches!(&stop, Stop::Left(told) if told.contains(why)), "{stop:?}");
    }
    assert_eq!(waiting(&server.state().network), 3);
    mark(schedule.hold(&all[2]).await);
    assert_eq!(waiting(&server.state().network), 2);
}

#[tokio::test]
async fn what_was_deleted_within_minutes_of_its_time_may_be_out() {
    let (_server, channel) = open(Desk::with(&[9]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let mark = mark(schedule.hold(&post).await);
    assert_eq!(Some(mark.as_str()), schedule.gone());
    let caution = schedule.caution(&post.snapshot, &mark).unwrap();
    assert!(caution.contains("or it is published"), "{caution}");
}

#[tokio::test]
async fn of_two_that_differ_in_their_readers_each_is_made_again() {
    let mut desk = Desk::with(&[60, 60]);
    for (n, country) in [(0, "FR"), (1, "BE")] {
        desk.messages[n]["text"] = "Sale".into();
        desk.messages[n]["targeting"] = json!({ "facebookPage": { "country": [{ "k": country, "v": 1 }] } });
    }
    // And a pair of which each is like the other.
    let mut same = desk.messages.clone();
    same[0]["id"] = "300".into();
    desk.messages.push(same[0].clone());
    let (server, channel) = open(desk, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap().items;
    let mut ids = Vec::<String>::new();
    let mut held = Vec::new();
    for post in &all {
        held.push(kept(post, &mark(schedule.hold(post).await)));
    }
    for post in held {
        let post = Kept { taken: ids.clone(), ..post };
        assert_eq!(schedule.restored(&post, at(90)).await, Ok(None));
        let back = schedule.restore(&post, at(90), &Pass::open_for_tests()).await;
        let Back::Scheduled(id) = back else { panic!("{back:?}") };
        assert_eq!(schedule.restored(&post, at(90)).await, Ok(Some(Back::Scheduled(id.clone()))));
        ids.push(id);
    }
    assert_eq!((ids.len(), server.state().network.made), (3, 3));
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
}

#[tokio::test]
async fn what_waits_for_an_approval_there_is_not_made_twice() {
    for lost in [false, true] {
        let fate = if lost { Fate::Broken { done: true, at: Cut::BeforeStatus } } else { Fate::Done };
        let (server, channel) = open(Desk { approves: true, ..Desk::with(&[60]) }, &[Fate::Done, fate]).await;
        let schedule = channel.scheduler().unwrap();
        let post = first(&*channel).await;
        let kept = kept(&post, &mark(schedule.hold(&post).await));
        let made = Back::Waits("201".to_owned());
        let pass = Pass::open_for_tests();
        let back = schedule.restore(&kept, at(90), &pass).await;
        assert!(if lost { matches!(back, Back::Doubt(_)) } else { back == made }, "{back:?}");
        assert_eq!(schedule.restored(&kept, at(90)).await, Ok(Some(made.clone())));
        assert_eq!(schedule.restore(&kept, at(90), &pass).await, made, "it is there already");
        assert!(matches!(schedule.restore(&kept, at(120), &pass).await, Back::Changed(_)), "at another time");
        assert_eq!(server.state().network.made, 1);
    }
}

#[tokio::test]
async fn what_waits_for_an_approval_there_is_not_said_to_be_dropped() {
    let (server, channel) = open(Desk::with(&[60]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    server.state().network.messages[0]["state"] = "PENDING_APPROVAL".into();
    let Standing::Held { mark } = schedule.read(&post).await else { panic!("it waits for a person there") };
    let kept = kept(&post, &mark);
    let did = schedule.discard(&kept).await;
    assert!(matches!(&did, Discarded::Left(why) if why.contains("reject it there")), "{did:?}");
    server.state().network.messages[0]["state"] = "REJECTED".into();
    assert_eq!(schedule.discard(&kept).await, Discarded::Done);
    // Somebody has approved it, and it is on its way; or the state is one that nobody knows.
    for odd in ["SUBMITTED", "NEW"] {
        server.state().network.messages[0]["state"] = odd.into();
        let did = schedule.discard(&kept).await;
        assert!(matches!(did, Discarded::Unknown(_)), "{odd}: {did:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_not_taken_for_what_is_not_there() {
    let like = |change: fn(&mut Value)| {
        let mut message = Desk::with(&[90]).messages.remove(0);
        message["id"] = "300".into();
        change(&mut message);
        message
    };
    let unknown = like(|m| m["state"] = "ON_ITS_WAY".into());
    let cases = [
        (unknown.clone(), false, true),
        (like(|m| m["state"] = "SUBMITTED".into()), false, true),
        (like(|m| m["state"] = Value::Null), true, true),
        (like(|m| m["text"] = 7.into()), true, true),
        (like(|m| (m["state"], m["text"]) = (Value::Null, "Other".into())), true, false),
        (like(|m| (m["state"], m["socialProfile"]["id"]) = (7.into(), "78".into())), true, false),
        (like(|m| m["state"] = "REJECTED".into()), false, false),
    ];
    for (message, is_odd, can_be_it) in cases {
        let (server, channel) = open(Desk::with(&[60]), &[]).await;
        let schedule = channel.scheduler().unwrap();
        let post = first(&*channel).await;
        let kept = kept(&post, &mark(schedule.hold(&post).await));
        {
            let desk = &mut server.state().network;
            if is_odd { desk.odd.push(message.clone()) } else { desk.messages.push(message.clone()) }
        }
        let known = schedule.restored(&kept, at(90)).await;
        assert_eq!(known.is_err(), can_be_it, "{message}: {known:?}");
        let back = schedule.restore(&kept, at(90), &Pass::open_for_tests()).await;
        let made = server.state().network.made;
        assert_eq!(
            (matches!(back, Back::Left(_)), made),
            (can_be_it, usize::from(!can_be_it)),
            "{message}: {back:?}"
        );
    }
    // The message itself, in a form that cannot be read.
    let (server, channel) = open(Desk { closed: true, ..Desk::with(&[60]) }, &[]).await;
    let (schedule, post) = (channel.scheduler().unwrap(), first(&*channel).await);
    for (id, is_it) in [(json!("100"), true), (json!(100), true), (Value::Null, true), (json!("300"), false)]
    {
        {
            let desk = &mut server.state().network;
            desk.messages.clear();
            desk.odd = vec![json!({ "id": id, "state": 7 })];
        }
        let stands = schedule.read(&post).await;
        assert_eq!(matches!(stands, Standing::Unknown(_)), is_it, "{id}: {stands:?}");
        assert_eq!(matches!(stands, Standing::Gone(_)), !is_it, "{id}: {stands:?}");
    }
}

#[tokio::test]
async fn what_went_out_or_changed_is_not_deleted() {
    let (server, channel) = open(Desk::with(&[60]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    for (state, text, out) in
        [("SENT", "Sale 0", true), ("SCHEDULED", "Other", false), ("REJECTED", "Sale 0", false)]
    {
        server.state().network.messages[0]["state"] = state.into();
        server.state().network.messages[0]["text"] = text.into();
        let stop = schedule.hold(&post).await;
        assert_eq!(matches!(stop, Stop::Out(_)), out, "{state}: {stop:?}");
        assert_eq!(matches!(stop, Stop::Left(_)), !out, "{state}: {stop:?}");
    }
    assert_eq!(server.state().network.messages.len(), 1);
}

#[tokio::test]
async fn a_token_is_asked_for_anew_and_never_told() {
    let (server, channel) = open(Desk::with(&[60]), &[]).await;
    let health = channel.check().await;
    assert!(health.ready && health.detail.contains("2 accounts"), "{health:?}");
    server.state().network.revoked = true;
    let schedule = channel.scheduler().unwrap();
    let why = schedule.list().await.unwrap_err();
    assert!(!why.contains("tok1"), "{why}");
    assert_eq!(schedule.list().await.unwrap().items.len(), 1, "with another one");
    assert_eq!(server.state().network.tokens, 2);
    let post = first(&*channel).await;
    server.state().network.echoes = true;
    let stop = schedule.hold(&post).await;
    assert!(
        matches!(&stop, Stop::Left(why) if why.contains("(status 400)") && !why.contains("tok2")),
        "{stop:?}"
    );
    let wrong = suite::connect(&hootsuite::ADAPTER, settings(&server.url), Some("hunter3")).unwrap();
    let health = wrong.check().await;
    assert!(!health.ready && !health.detail.contains("hunter3"), "{health:?}");
}
