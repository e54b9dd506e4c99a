//! What the watch sees of an account on a strict Threads.

use serde_json::json;

use super::server::{Api, TOKEN, USER, WATCHED};
use super::tests::{open, to};
use super::*;
use crate::strict::{self, Fate, Memory};
use crate::suite;
use crate::watch::Told;

fn since() -> DateTime<Utc> {
    DateTime::from_timestamp(WATCHED.parse().unwrap(), 0).unwrap()
}

#[tokio::test]
async fn what_the_account_has_published_is_seen_and_what_it_shows_again() {
    let (server, channel) = open(Api::new(), &[]).await;
    let pass = Pass::open_for_tests().kept_by(std::sync::Arc::new(Memory::default()));
    let ours = channel.publish(&suite::job(), &pass).await.unwrap();
    {
        let api = &mut server.state().network;
        api.post("Send your coins to us");
        api.post("Somebody else's");
        api.posts[0]["media_type"] = "REPOST_FACADE".into();
        api.posts[0]["permalink"] = "javascript:x".into();
        api.posts[0]["timestamp"] = json!(null);
    }
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!(
        (seen.id.clone(), seen.shown.as_str(), seen.more),
        (format!("threads {USER}"), "@bank", false)
    );
    assert_eq!(seen.lists[0].told, Told::ByTime);
    let posts = seen.posts();
    assert_eq!(
        (posts[0].words.as_str(), &posts[0].url, posts[0].at),
        ("shows again: Somebody else's", &None, None)
    );
    assert_eq!(
        (posts[1].id.as_str(), posts[1].words.as_str()),
        ("17841400000000001:17900000000000002", "Send your coins to us")
    );
    assert_eq!(posts[1].at, Some("2023-11-14T22:15:00Z".parse().unwrap()));
    assert_eq!(posts[1].url.as_deref(), Some("https://www.threads.com/@bank/post/D2"));
    assert_eq!((posts.len(), &posts[2].id), (3, &ours.remote_id), "as its receipt names it");
}

#[tokio::test]
async fn a_rush_of_posts_is_seen_as_far_as_it_can_be_read() {
    let (server, channel) = open(Api::new(), &[]).await;
    for _ in 0..12 {
        server.state().network.post("Spam");
    }
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!((seen.posts().len(), seen.more), (10, true), "five pages of two");
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let (server, channel) = open(Api::new(), &[]).await;
    let body = format!(r#"{{"error":{{"code":10,"message":"no {TOKEN}"}}}}"#);
    server.state().others.push_back(Fate::refused(400, "", body));
    let why = channel.watch(since()).await.unwrap_err();
    assert!(why.contains("grant it threads_basic") && !why.contains("hunter2"), "{why}");
    server.state().network.post("Odd");
    server.state().network.posts[0]["id"] = "1:2".into();
    assert!(channel.watch(since()).await.unwrap_err().contains("without a number"));
}

#[tokio::test]
async fn whatever_breaks_a_look_says_why_and_shows_no_token() {
    strict::looks(Api::new(), to, TOKEN, 0).await;
}
