//! The schedule of a Mastodon account against a strict server.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::server::{Account, TOKEN, now};
use crate::gate::Gate;
use crate::schedule_trials::Trial;
use crate::scheduler::{Back, Discarded, Kept, Scheduled, Standing, Stop};
use crate::strict::{Fate, Strict};
use crate::suite::{self, Cut};
use crate::{Channel, Pass, mastodon};

async fn open(account: Account, fates: &[Fate]) -> (Strict<Account>, Box<dyn Channel>) {
    let server = Strict::start(account, fates).await;
    let channel = suite::connect(&mastodon::ADAPTER, json!({ "server": server.url }), Some(TOKEN)).unwrap();
    (server, channel)
}

#[tokio::test]
async fn whatever_goes_wrong_with_a_hold_or_a_restore_nothing_is_lost_or_doubled() {
    // What is due soon is cancelled and made again; what is due later is moved and moved back.
    for minutes in [10, 60] {
        let trial = Trial {
            network: Account::with(&[minutes]),
            connect: |url| suite::connect(&mastodon::ADAPTER, json!({ "server": url }), Some(TOKEN)).unwrap(),
            on: |account| account.near(),
            at: now() + TimeDelta::hours(2),
            secret: TOKEN,
            rests: false,
        };
        trial.run().await;
    }
}

fn kept(post: &Scheduled, mark: &str) -> Kept {
    Kept {
        remote_id: post.remote_id.clone(),
        due: post.due,
        snapshot: post.snapshot.clone(),
        mark: mark.to_owned(),
        taken: Vec::new(),
    }
}

fn mark(stop: Stop) -> String {
    match stop {
        Stop::Held { mark } => mark,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_far_is_moved_and_put_back() {
    let (server, channel) = open(Account::with(&[30, 60, 90]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap().items;
    assert_eq!(all.iter().map(|i| i.words.as_str()).collect::<Vec<_>>(), ["Sale 0", "Sale 1", "Sale 2"]);
    let post = &all[1];
    let mark = mark(schedule.hold(post).await);
    let moved = schedule.list().await.unwrap().items.swap_remove(1);
    assert!(moved.due > post.due + TimeDelta::days(399), "{}", moved.due);
    assert_eq!((&moved.mark, moved.remote_id.as_str()), (&mark, "899"), "the list knows it again");
    assert_eq!(schedule.read(post).await, Standing::Held { mark: mark.clone() });
    let at = now() + TimeDelta::minutes(45);
    assert_eq!(schedule.restored(&kept(post, &mark), at).await, Ok(None));
    assert_eq!(
        schedule.restore(&kept(post, &mark), at, &Pass::open_for_tests()).await,
        Back::Scheduled("899".to_owned())
    );
    let seen = Back::Scheduled("899".to_owned());
    assert_eq!(schedule.restored(&kept(post, &mark), at).await, Ok(Some(seen)));
    assert!(
        matches!(schedule.restore(&kept(post, &mark), at, &Pass::open_for_tests()).await, Back::Changed(_)),
        "it is not as we left it"
    );
    assert_eq!(server.state().network.made, 0);
}

#[tokio::test]
async fn a_full_day_leads_to_the_next_and_a_full_schedule_is_told() {
    let mut account = Account::with(&[600]);
    let (server, channel) = open(account.clone(), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = schedule.list().await.unwrap().items.swap_remove(0);
    mark(schedule.hold(&post).await);
    let day = server.state().network.items[0]["scheduled_at"].as_str().unwrap()[..10].to_owned();
    account.full = vec![day.clone()];
    let (server, channel) = open(account.clone(), &[]).await;
    mark(channel.scheduler().unwrap().hold(&post).await);
    assert_ne!(server.state().network.items[0]["scheduled_at"].as_str().unwrap()[..10], day);
    let first: DateTime<Utc> = format!("{day}T00:00:00Z").parse().unwrap();
    account.full = (0..9).map(|n| (first + TimeDelta::days(n)).format("%F").to_string()).collect();
    let (server, channel) = open(account, &[]).await;
    let Stop::Left(why) = channel.scheduler().unwrap().hold(&post).await else { panic!() };
    assert!(why.contains("takes no more"), "{why}");
    assert_eq!(server.state().network.items.len(), 1, "nothing is cancelled that is due in hours");
}

#[tokio::test]
async fn what_is_due_soon_is_cancelled_and_made_again_once() {
    let mut account = Account::with(&[10]);
    // GoToSocial's, too.
    account.items[0]["params"]["content_type"] = "text/markdown".into();
    account.items[0]["params"]["interaction_policy"] = json!({ "can_reply": { "always": ["followers"] } });
    let (server, channel) = open(account, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = schedule.list().await.unwrap().items.swap_remove(0);
    let mark = mark(schedule.hold(&post).await);
    assert_eq!(mark, "cancelled");
    assert_eq!(post.snapshot["post"]["quote_approval_policy"], "public");
    assert_eq!((&post.snapshot["besides"], &post.snapshot["account"]), (&json!({}), &json!("1")));
    assert!(server.state().requests.iter().all(|r| !r.starts_with("PUT")), "it is not moved");
    let at = now() + TimeDelta::minutes(45);
    let kept = kept(&post, &mark);
    let Back::Scheduled(id) = schedule.restore(&kept, at, &Pass::open_for_tests()).await else { panic!() };
    let made = server.state().network.items[0]["params"].clone();
    assert_eq!(
        (&made["text"], &made["in_reply_to_id"], &made["language"]),
        (&json!("Sale 0"), &json!(12), &json!("en"))
    );
    assert_eq!(made.get("application_id"), None);
    assert_eq!(
        (&made["quote_approval_policy"], &made["content_type"]),
        (&json!(2 << 16), &json!("text/markdown"))
    );
    assert_eq!(made["interaction_policy"]["can_reply"]["always"][0], "followers");
    assert_eq!(schedule.restored(&kept, at).await, Ok(Some(Back::Scheduled(id.clone()))));
    assert_eq!(
        schedule.restore(&kept, at, &Pass::open_for_tests()).await,
        Back::Scheduled(id),
        "no second one"
    );
    // Decided about again, because nobody had seen it: it is not made once more for another time.
    let later = schedule.restore(&kept, at + TimeDelta::hours(3), &Pass::open_for_tests()).await;
    assert!(matches!(later, Back::Changed(_)), "{later:?}");
    assert_eq!(server.state().network.made, 1);
}

#[tokio::test]
async fn what_nobody_knows_how_to_make_again_lets_no_post_out() {
    let mut account = Account::with(&[10]);
    account.items[0]["params"]["effects"] = json!("confetti");
    account.items[0]["params"]["quote_approval_policy"] = json!("unsupported_policy");
    let (server, channel) = open(account, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let mut post = schedule.list().await.unwrap().items.swap_remove(0);
    let besides = json!({ "effects": "confetti", "quote_approval_policy": "unsupported_policy" });
    assert_eq!(post.snapshot["besides"], besides, "it is kept for people");
    assert_eq!(mark(schedule.hold(&post).await), "cancelled");
    let caution = schedule.caution(&post.snapshot, "cancelled").unwrap();
    assert!(
        caution.ends_with("not all of it can be made again: effects, quote_approval_policy"),
        "{caution}"
    );
    let at = now() + TimeDelta::minutes(45);
    let back = schedule.restore(&kept(&post, "cancelled"), at, &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Scheduled(_)), "{back:?}");
    post.snapshot["account"] = Value::Null;
    let before = server.state().requests.len();
    assert!(matches!(schedule.hold(&post).await, Stop::Left(_)), "it could not be made again on its account");
    assert_eq!(server.state().requests.len(), before);
}

#[tokio::test]
async fn a_server_that_takes_no_more_ends_the_pass() {
    for minutes in [10, 60] {
        let refused = Fate::Refused(429, "Retry-After: 7\r\n", r#"{"error":"slow"}"#);
        let (server, channel) = open(Account::with(&[minutes, minutes]), &[refused]).await;
        let schedule = channel.scheduler().unwrap();
        let all = schedule.list().await.unwrap().items;
        assert!(matches!(schedule.hold(&all[0]).await, Stop::Later(_)));
        let before = server.state().requests.len();
        let Stop::Later(why) = schedule.hold(&all[1]).await else { panic!() };
        assert!(why.contains("kept for posts"), "{why}");
        assert!(schedule.list().await.is_err());
        let state = server.state();
        assert_eq!((state.requests.len(), state.network.items.len()), (before, 2));
    }
}

#[tokio::test]
async fn what_is_gone_and_nobody_knows_how_is_made_again_only_when_it_is_not_there() {
    let (server, channel) = open(Account::with(&[60]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = schedule.list().await.unwrap().items.swap_remove(0);
    let mark = schedule.gone().unwrap();
    let at = now() + TimeDelta::minutes(45);
    let back = schedule.restore(&kept(&post, mark), at, &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Changed(_)), "{back:?}");
    server.state().network.items.clear();
    // By our clock nobody knows who took it.
    assert!(matches!(schedule.read(&post).await, Standing::Gone(_)));
    assert!(schedule.caution(&post.snapshot, mark).is_some_and(|why| why.contains("or it is published")));
    let back = schedule.restore(&kept(&post, mark), at, &Pass::open_for_tests()).await;
    assert!(matches!(back, Back::Scheduled(_)), "{back:?}");
}

#[tokio::test]
async fn a_lost_answer_is_settled_by_reading() {
    let lost = Fate::Broken { done: true, at: Cut::BeforeStatus };
    for (minutes, known) in [(60, true), (2, false)] {
        let (_server, channel) = open(Account::with(&[minutes]), std::slice::from_ref(&lost)).await;
        let schedule = channel.scheduler().unwrap();
        let post = schedule.list().await.unwrap().items.swap_remove(0);
        assert!(matches!(schedule.hold(&post).await, Stop::Doubt(_)));
        let stands = schedule.read(&post).await;
        // What was due within minutes can have been published as well.
        assert_eq!(matches!(stands, Standing::Held { .. }), known, "{stands:?}");
        assert_eq!(matches!(stands, Standing::Gone(_)), !known, "{stands:?}");
    }
    let undone = Fate::Broken { done: false, at: Cut::BeforeStatus };
    let (_server, channel) = open(Account::with(&[60]), &[undone]).await;
    let schedule = channel.scheduler().unwrap();
    let post = schedule.list().await.unwrap().items.swap_remove(0);
    assert!(matches!(schedule.hold(&post).await, Stop::Doubt(_)));
    assert!(matches!(schedule.read(&post).await, Standing::Scheduled(_)));
}

#[tokio::test]
async fn what_is_gone_was_not_held_and_refusals_hold_no_token() {
    let (server, channel) = open(Account::with(&[5, 60]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let all = schedule.list().await.unwrap().items;
    server.state().network.items.clear();
    for post in &all {
        assert!(matches!(schedule.hold(post).await, Stop::Gone(_)));
    }
    let wrong = suite::connect(&mastodon::ADAPTER, json!({ "server": server.url }), Some("hunter3")).unwrap();
    let Stop::Left(why) = wrong.scheduler().unwrap().hold(&all[0]).await else { panic!() };
    assert!(!why.contains("hunter3"), "{why}");
    assert!(wrong.scheduler().unwrap().list().await.is_err(), "not an empty schedule");
}

#[tokio::test]
async fn a_post_that_went_out_at_once_is_told() {
    let (server, channel) = open(Account::with(&[10]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = schedule.list().await.unwrap().items.swap_remove(0);
    mark(schedule.hold(&post).await);
    server.state().network.hasty = true;
    let back = schedule
        .restore(&kept(&post, "cancelled"), now() + TimeDelta::minutes(45), &Pass::open_for_tests())
        .await;
    assert!(matches!(back, Back::Out(_)), "{back:?}");
}

#[tokio::test]
async fn what_was_moved_is_deleted_when_it_will_never_go() {
    let (server, channel) = open(Account::with(&[60]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let post = schedule.list().await.unwrap().items.swap_remove(0);
    let mark = mark(schedule.hold(&post).await);
    let changed = schedule.discard(&kept(&post, "another")).await;
    assert_eq!(changed, Discarded::Scheduled, "somebody has changed it");
    assert_eq!(schedule.discard(&kept(&post, &mark)).await, Discarded::Done);
    assert!(server.state().network.items.is_empty());
    assert_eq!(schedule.discard(&kept(&post, &mark)).await, Discarded::Done);
}

#[tokio::test]
async fn what_was_cancelled_on_one_account_is_not_made_on_another() {
    let (server, channel) = open(Account::with(&[10]), &[]).await;
    let post = channel.scheduler().unwrap().list().await.unwrap().items.swap_remove(0);
    mark(channel.scheduler().unwrap().hold(&post).await);
    server.state().network.other = true;
    let channel = suite::connect(&mastodon::ADAPTER, json!({ "server": server.url }), Some(TOKEN)).unwrap();
    let at = now() + TimeDelta::minutes(45);
    let back =
        channel.scheduler().unwrap().restore(&kept(&post, "cancelled"), at, &Pass::open_for_tests()).await;
    let Back::Left(why) = back else { panic!("{back:?}") };
    assert!(why.contains("the account that it was held on"), "{why}");
    assert_eq!(server.state().network.made, 0);
}

#[tokio::test]
async fn what_could_be_read_of_a_schedule_is_held_and_proves_no_absence() {
    let account = Account { lists: Some(1), ..Account::with(&[30, 60, 90]) };
    let (server, channel) = open(account, &[]).await;
    let schedule = channel.scheduler().unwrap();
    let seen = schedule.list().await.unwrap();
    assert_eq!((seen.items.len(), seen.unseen.is_some()), (2, true), "{seen:?}");
    server.state().network.lists = Some(1);
    let cancelled = kept(&seen.items[0], "cancelled");
    assert!(schedule.restored(&cancelled, now() + TimeDelta::minutes(45)).await.is_err());
    server.state().network.lists = Some(0);
    assert!(schedule.list().await.is_err(), "nothing was read");
}

#[tokio::test]
async fn a_closed_gate_puts_nothing_back() {
    let (server, channel) = open(Account::with(&[10, 60]), &[]).await;
    let schedule = channel.scheduler().unwrap();
    let closed = Gate::closed(Duration::from_secs(60)).unlisted("routine");
    for post in schedule.list().await.unwrap().items {
        let mark = mark(schedule.hold(&post).await);
        let back = schedule.restore(&kept(&post, &mark), now() + TimeDelta::minutes(45), &closed).await;
        assert!(matches!(back, Back::Left(_)), "{back:?}");
    }
    let state = server.state();
    assert_eq!((state.network.made, state.network.items.len()), (0, 1), "what was moved stays far away");
    assert!(state.network.items[0]["scheduled_at"].as_str().unwrap() > "2024-12");
}
