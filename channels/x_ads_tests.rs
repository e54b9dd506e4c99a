//! The schedule of an account of X Ads against a strict one.

use std::time::Duration;

use serde_json::{Value, json};

use super::server::{ACCOUNT, Ads, KEYS, at};
use super::*;
use crate::gate::Gate;
use crate::planner_trials::{SECRET, first, kept, mark};
use crate::schedule_trials::Trial;
use crate::strict::{Fate, Strict};
use crate::suite::{self, Cut};
use crate::{Retraction, Retry, Sighting};

const YEAR: i64 = 365 * 24 * 60;

fn connect_to(url: &str) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, json!({ "account": ACCOUNT, "server": url }), Some(&KEYS.join(" "))).unwrap()
}

async fn open(ads: Ads, fates: &[Fate]) -> (Strict<Ads>, Box<dyn Channel>) {
    let server = Strict::start(ads, fates).await;
    let channel = connect_to(&server.url);
    (server, channel)
}

fn hides(words: &str) {
    assert!(!words.contains("hunter2"), "{words}");
}

#[tokio::test]
async fn nothing_is_published_through_x_ads() {
    let (server, channel) = open(Ads::with(&[]), &[]).await;
    let can = ADAPTER.capabilities;
    assert!(can.sweeps && !can.publishes && !can.retract && !can.watches && !can.media);
    let refused = channel.publish(&suite::job(), &Pass::open_for_tests()).await;
    assert!(matches!(refused, Err(crate::Failure::Rejected { retry: Retry::Never, .. })), "{refused:?}");
    assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Unknown(_)));
    assert!(matches!(channel.retract(&suite::job(), Some("1")).await, Retraction::StillLive(_)));
    assert_eq!(server.state().requests, Vec::<String>::new());
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_hold_or_a_restore_nothing_is_lost_or_doubled() {
    // What is due soon is deleted and made again; what is due later is moved and moved back.
    for minutes in [9, 60] {
        let trial = Trial {
            network: Ads::with(&[minutes]),
            connect: connect_to,
            on: |ads| ads.waiting().into_iter().filter(|due| *due < YEAR - 20 * 24 * 60).count(),
            at: at(120),
            secret: SECRET,
            // Only for the kind of call that it asked to wait with (`x_ads_held_tests.rs`).
            rests: false,
        };
        trial.run().await;
    }
}

#[tokio::test]
async fn what_is_to_come_is_listed_over_all_pages_and_what_is_not_shown_is_told() {
    let mut ads = Ads::with(&[60, 90, 120, 150, 180]);
    (ads.posts[1]["scheduled_status"], ads.posts[1]["tweet_id"]) = ("SUCCESS".into(), "900".into());
    ads.posts[2]["scheduled_status"] = "FAILED".into();
    ads.posts[4]["user_id"] = "76".into();
    let (server, channel) = open(ads, &[]).await;
    let listing = channel.scheduler().unwrap().list().await.unwrap();
    let ids: Vec<_> = listing.items.iter().map(|post| post.remote_id.as_str()).collect();
    assert_eq!(ids, ["100", "103"]);
    let first = &listing.items[0];
    assert_eq!((first.words.as_str(), first.due), ("Sale & more 0", at(60)));
    assert_eq!(first.snapshot["post"]["media_keys"], json!(["3_917438348871983104"]));
    assert!(listing.unseen.is_some_and(|why| why.contains("in X itself")));
    assert_eq!(server.state().requests.len(), 2, "of two posts each");
    let settings = json!({ "account": ACCOUNT, "server": server.url, "user": "76" });
    let other = suite::connect(&ADAPTER, settings, Some(&KEYS.join(" "))).unwrap();
    assert_eq!(other.scheduler().unwrap().list().await.unwrap().items[0].remote_id, "104");
    let whose = [&channel, &other].map(|channel| channel.scheduler().unwrap().whose());
    let [one, other] = whose;
    assert_eq!(
        (one.await.unwrap(), other.await.unwrap()),
        (format!("x_ads {ACCOUNT}"), format!("x_ads {ACCOUNT} 76"))
    );
    for odd in [json!(7), json!({ "id": "9" }), json!({ "id": "9", "scheduled_status": "ON_ITS_WAY" })] {
        server.state().network.odd = vec![odd.clone()];
        let listing = channel.scheduler().unwrap().list().await.unwrap();
        assert_eq!(listing.items.len(), 2, "{odd} hides nothing else");
        assert!(listing.unseen.is_some_and(|why| why.contains("cannot be read as a post")), "{odd}");
    }
}

#[tokio::test]
async fn what_is_due_at_once_is_deleted_and_made_again_once() {
    let mut ads = Ads::with(&[9, 9]);
    ads.posts[0]["card_uri"] = "card://1".into();
    let (server, channel) = open(ads, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let mark = mark(schedule.hold(&post).await);
    assert_eq!((mark.as_str(), server.state().network.waiting()), ("cancelled", vec![9]));
    let caution = schedule.caution(&post.snapshot, &mark).unwrap();
    assert!(caution.contains("made again") && caution.contains("to be promoted"), "{caution}");
    let kept = kept(&post, &mark);
    assert_eq!(schedule.restored(&kept, at(90)).await, Ok(None));
    let closed = Gate::closed(Duration::from_secs(60)).unlisted("routine");
    assert!(matches!(schedule.restore(&kept, at(90), &closed).await, Back::Left(_)));
    assert_eq!(server.state().network.made, 0);
    let (pass, back) = (Pass::open_for_tests(), Back::Scheduled("201".to_owned()));
    assert_eq!(schedule.restore(&kept, at(90), &pass).await, back);
    assert_eq!(schedule.restored(&kept, at(90)).await, Ok(Some(back.clone())));
    assert_eq!(schedule.restore(&kept, at(90), &pass).await, back, "no second one");
    let later = schedule.restore(&kept, at(300), &pass).await;
    assert!(matches!(later, Back::Changed(_)), "{later:?}");
    {
        let network = &mut server.state().network;
        let made = network.posts.last_mut().unwrap();
        let same = ["text", "media_keys", "card_uri", "nullcast", "name", "user_id"];
        assert!(same.iter().all(|name| made[name] == post.snapshot["post"][name]), "{made}");
        assert_eq!(network.made, 1);
        made["scheduled_status"] = "SUCCESS".into();
    }
    assert!(matches!(schedule.restored(&kept, at(90)).await, Ok(Some(Back::Out(_)))));
    assert_eq!(schedule.discard(&kept).await, Discarded::Done);
}

#[tokio::test]
async fn an_answer_that_names_no_post_is_settled_by_the_list() {
    let (server, channel) = open(Ads { mute: true, ..Ads::with(&[9]) }, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let kept = kept(&post, &mark(schedule.hold(&post).await));
    let back = schedule.restore(&kept, at(90), &Pass::open_for_tests()).await;
    assert_eq!((back, server.state().network.made), (Back::Scheduled("201".to_owned()), 1));
}

#[tokio::test]
async fn a_full_window_is_not_the_end_of_a_hold_and_is_told_of_a_restore() {
    let (server, channel) = open(Ads::with(&[60]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    let full = || Fate::refused(400, "", r#"{"errors":[{"code":"SCHEDULED_TWEET_LIMIT_EXCEEDED"}]}"#);
    server.state().fates.extend([full(), full()]);
    let held = mark(schedule.hold(&post).await);
    assert_eq!(server.state().requests.iter().filter(|asked| asked.starts_with("PUT")).count(), 3);
    server.state().fates.push_back(full());
    let back = schedule.restore(&kept(&post, &held), at(90), &Pass::open_for_tests()).await;
    assert!(matches!(&back, Back::Left(why) if why.contains("30 posts")), "{back:?}");
    // More than X takes within 15 minutes are held, each.
    let many: Vec<i64> = (0..64).map(|n| 60 + n * 20).collect();
    let (server, channel) = open(Ads { each: 40, ..Ads::with(&many) }, &[]).await;
    let schedule = channel.scheduler().unwrap();
    for post in schedule.list().await.unwrap().items {
        mark(schedule.hold(&post).await);
    }
    let far = 350 * 24 * 60;
    assert!(server.state().network.waiting().iter().all(|due| (far..YEAR).contains(due)));
}

#[tokio::test]
async fn a_wait_is_read_in_the_headers_of_the_account_or_of_the_user() {
    for (headers, seconds) in [
        ("x-account-rate-limit-reset: 1700000400\r\nx-rate-limit-reset: 1700000900\r\n", 300),
        ("x-rate-limit-reset: 1700000900\r\n", 800),
        ("Retry-After: 7\r\nx-rate-limit-reset: 1700000900\r\n", 7),
        ("", 60),
    ] {
        let (server, channel, hands) = crate::planner_trials::start_with(
            Ads::with(&[60]),
            at(0),
            &KEYS.join(" "),
            &ADAPTER,
            |url| json!({ "account": ACCOUNT, "server": url }),
        )
        .await;
        let schedule = channel.scheduler().unwrap();
        let told = Fate::refused(429, headers, r#"{"errors":[{"code":"TOO_MANY_REQUESTS"}]}"#);
        server.state().others.push_back(told);
        assert!(schedule.list().await.is_err_and(|why| why.contains("asks us to wait")), "{headers}");
        for (later, spare) in [(seconds - 1, false), (seconds, true)] {
            let time = at(0) + TimeDelta::seconds(later);
            (*hands.lock().unwrap(), server.state().network.now) = (time, time);
            assert_eq!(schedule.spare().is_ok(), spare, "{headers} {later}");
        }
        assert_eq!(schedule.list().await.unwrap().items.len(), 1);
    }
}

#[tokio::test]
async fn a_check_says_whose_account_it_is_and_what_is_missing() {
    let (server, channel) = open(Ads::with(&[60]), &[]).await;
    let health = channel.check().await;
    assert!(
        health.ready && health.detail.contains("that of Bank") && health.detail.contains("Europe/Zurich")
    );
    server.state().network.account["approval_status"] = "UNDER_REVIEW".into();
    let health = channel.check().await;
    assert!(health.ready && health.detail.contains("not accepted (UNDER_REVIEW)"), "{health:?}");
    server.state().network.permissions = json!(["CAMPAIGN_ANALYST"]);
    let health = channel.check().await;
    assert!(!health.ready && health.detail.contains("ad manager"), "{health:?}");
    server.state().network.account["deleted"] = true.into();
    assert!(channel.check().await.detail.contains("is deleted"));
    for (closed, word) in [
        ((403, "UNAUTHORIZED_CLIENT_APPLICATION"), "form for Ads API access"),
        ((403, "READONLY_CLIENT_APPLICATION"), "read and write"),
        ((401, "UNAUTHORIZED_ACCESS"), "write all four"),
        ((404, "ROUTE_NOT_FOUND"), "ROUTE_NOT_FOUND"),
    ] {
        server.state().network.closed = Some(closed);
        let health = channel.check().await;
        assert!(!health.ready && health.detail.contains(word), "{health:?}");
        let post = crate::scheduler::Scheduled {
            remote_id: "100".into(),
            due: at(60),
            words: String::new(),
            snapshot: Value::Null,
            mark: String::new(),
        };
        // What is refused is not gone.
        let stands = channel.scheduler().unwrap().read(&post).await;
        assert!(matches!(stands, Standing::Unknown(_)), "{closed:?}: {stands:?}");
    }
    server.state().network.closed = None;
    for (settings, keys, word) in [
        (json!({ "account": "other", "server": server.url }), KEYS.join(" "), "the setting account"),
        (
            json!({ "account": ACCOUNT, "server": server.url }),
            KEYS.join(" ").replace("75", "76"),
            "write all four",
        ),
        (
            json!({ "account": ACCOUNT, "server": server.url }),
            KEYS.join(" ").replace("-key", "-other"),
            "write all four",
        ),
    ] {
        let channel = suite::connect(&ADAPTER, settings, Some(&keys)).unwrap();
        let health = channel.check().await;
        assert!(!health.ready && health.detail.contains(word), "{health:?}");
        hides(&health.detail);
    }
}

#[tokio::test]
async fn settings_and_keys_that_cannot_be_are_refused_in_words() {
    let four = KEYS.join(" ");
    for (settings, keys, word) in [
        (json!({}), Some(four.as_str()), "account is missing"),
        (json!({ "account": "18ce/../x" }), Some(four.as_str()), "like 18ce54d4x5t"),
        (json!({ "account": ACCOUNT, "user": "@bank" }), Some(four.as_str()), "not the name"),
        (json!({ "account": ACCOUNT }), None, "credential is missing"),
        (json!({ "account": ACCOUNT }), Some("hunter2"), "the API key, its secret"),
    ] {
        let why = suite::connect(&ADAPTER, settings, keys).err().unwrap();
        assert!(why.contains(word), "{why}");
        hides(&why);
    }
}

#[tokio::test]
async fn a_lost_answer_to_a_change_is_a_doubt_and_what_is_read_tells() {
    let lost = Fate::Broken { done: true, at: Cut::BeforeStatus };
    let (_server, channel) = open(Ads::with(&[60]), &[lost]).await;
    let schedule = channel.scheduler().unwrap();
    let post = first(&*channel).await;
    assert!(matches!(schedule.hold(&post).await, Stop::Doubt(_)));
    assert!(matches!(schedule.read(&post).await, Standing::Held { .. }));
}
