//! What the watch sees of an account on a strict X.

use serde_json::json;

use super::server::{Api, Kept, NOW, TOKEN};
use super::tests::{kept, kit, open, to};
use super::*;
use crate::strict::{self, Fate};
use crate::suite;
use crate::watch::Told;

fn since() -> DateTime<Utc> {
    DateTime::from_timestamp(NOW - 600, 0).unwrap()
}

#[tokio::test]
async fn what_the_account_has_published_is_seen_without_its_replies() {
    let (server, channel) = open(Api::default(), &[]).await;
    let ours = channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap();
    {
        let posts = &mut server.state().network.posts;
        posts.push(kept("5", "Send coins & more to https://evil.example/a?b=1"));
        posts.push(kept("6", "RT @evil: faster"));
        posts.push(Kept { reply: Some("1".to_owned()), ..kept("7", "Dear customer") });
        posts.push(Kept { at: NOW - 601, ..kept("8", "Before") });
        posts.push(Kept { at: NOW - 600, ..kept("9", "Then") });
    }
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!((seen.id.as_str(), seen.shown.as_str(), seen.more), ("x 7", "@bank", false));
    assert_eq!(seen.lists[0].told, Told::ByTime);
    let posts = seen.posts();
    let ids: Vec<&str> = posts.iter().map(|post| post.id.as_str()).collect();
    assert_eq!(ids, ["9", "6", "5", ours.remote_id.as_str()]);
    assert_eq!(
        posts[2].words, "Send coins & more to https://evil.example/a?b=1",
        "X's short links are put back"
    );
    assert_eq!(posts[2].url.as_deref(), Some("https://x.com/bank/status/5"));
    assert_eq!(posts[0].at, Some(since()));
}

#[tokio::test]
async fn whose_the_token_is_is_asked_for_once() {
    let (server, channel) = open(Api::default(), &[]).await;
    for _ in 0..3 {
        assert!(channel.watch(since()).await.unwrap().unwrap().posts().is_empty());
    }
    let asked = server.state().requests.iter().filter(|r| r.contains("/users/me")).count();
    assert_eq!(asked, 1, "each answer about a user costs money");
}

#[tokio::test]
async fn a_rush_of_posts_costs_no_more_than_one_page_of_each_look() {
    let (server, channel) = open(Api::default(), &[]).await;
    for n in 0..150 {
        server.state().network.posts.push(kept(&n.to_string(), "Spam"));
    }
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!((seen.posts().len(), seen.more), (20, true), "the newest");
    assert_eq!(seen.posts()[0].id, "149");
    let seldom = channel.watch(since() - chrono::TimeDelta::hours(1)).await.unwrap().unwrap();
    assert_eq!((seldom.posts().len(), seldom.more), (100, true), "once an hour it may cost more");
    let lists = server.state().requests.iter().filter(|r| r.contains("/tweets")).count();
    assert_eq!(lists, 2);
}

#[tokio::test]
async fn a_missing_permission_and_credits_that_are_used_up_are_named_and_posts_go_out() {
    let (server, channel) = open(Api::default(), &[]).await;
    let wrong = |status: u16, kind: &str| {
        let body = json!({ "type": format!("https://api.x.com/2/problems/{kind}"), "title": "No",
            "detail": format!("no {TOKEN}") });
        Fate::refused(status, "", body.to_string())
    };
    for (fate, words) in [
        (wrong(403, "client-forbidden"), "grant it tweet.read and users.read"),
        (wrong(429, "usage-capped"), "buy credits there"),
    ] {
        server.state().others = [Fate::Done, fate].into();
        let why = to(&server.url).watch(since()).await.unwrap_err();
        assert!(why.contains(words) && !why.contains("hunter2"), "{why}");
    }
    channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap();
}

#[tokio::test]
async fn how_often_is_asked_for_in_minutes() {
    let with = |watch: Value| {
        let settings = json!({ "server": "http://127.0.0.1:1", "watch": watch });
        suite::connect(&kit().adapter, settings, Some(TOKEN)).map(drop)
    };
    assert_eq!((with(json!("")), with(json!("5")), with(json!(60))), (Ok(()), Ok(()), Ok(())));
    for odd in [json!("4"), json!("often"), json!(-1)] {
        assert!(with(odd).unwrap_err().starts_with("the setting watch: write"));
    }
}

#[tokio::test]
async fn whatever_breaks_a_look_says_why_and_shows_no_token() {
    for before in [0, 1] {
        strict::looks(Api::default(), to, TOKEN, before).await;
    }
}
