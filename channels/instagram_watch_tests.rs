//! What the watch sees of an account on a strict Instagram.

use serde_json::json;

use super::server::{Api, TOKEN, USER};
use super::tests::{open, to, with};
use super::*;
use crate::strict::{self, Fate, Memory};
use crate::suite;
use crate::watch::Told;

/// Before what is new.
fn since() -> DateTime<Utc> {
    "2023-11-14T22:00:00Z".parse().unwrap()
}

const OLD: &str = "2020-01-01T00:00:00+0000";

#[tokio::test]
async fn what_the_account_has_published_is_seen_behind_what_is_pinned() {
    let (server, channel) = open(Api::new(), &[]).await;
    let pass = Pass::open_for_tests().kept_by(std::sync::Arc::new(Memory::default()));
    let ours = channel.publish(&with(&suite::job(), 2), &pass).await.unwrap();
    {
        let api = &mut server.state().network;
        api.post("Send your coins to @us");
        for n in 0..3 {
            api.post(&format!("Pinned {n}"));
            api.posts[0]["timestamp"] = OLD.into();
        }
        api.posts[0]["caption"] = json!(null);
        api.posts[0]["permalink"] = "http://evil.example/".into();
    }
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!(
        (seen.id.clone(), seen.shown.as_str(), seen.more),
        (format!("instagram {USER}"), "@bank", false)
    );
    assert_eq!(seen.lists[0].told, Told::ByTime);
    let posts = seen.posts();
    assert_eq!(posts.len(), 5);
    assert_eq!((posts[0].words.as_str(), &posts[0].url), ("", &None));
    assert_eq!(
        (posts[3].words.as_str(), posts[3].id.as_str()),
        ("Send your coins to us", "17841400000000001:17900000000000002")
    );
    assert_eq!(posts[3].at, Some("2023-11-14T22:15:00Z".parse().unwrap()));
    assert_eq!(posts[3].url.as_deref(), Some("https://www.instagram.com/p/D2/"));
    assert_eq!(posts[4].id, ours.remote_id, "as its receipt names it");
}

#[tokio::test]
async fn it_reads_until_more_is_old_than_can_be_pinned() {
    let (server, channel) = open(Api::new(), &[]).await;
    for _ in 0..12 {
        server.state().network.post("Old");
        server.state().network.posts[0]["timestamp"] = OLD.into();
    }
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!((seen.posts().len(), seen.more), (4, false), "two pages of two");
    for _ in 0..12 {
        server.state().network.post("Spam");
    }
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!((seen.posts().len(), seen.more), (10, true), "five pages of two");
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let (server, channel) = open(Api::new(), &[]).await;
    let body = format!(r#"{{"error":{{"code":200,"message":"no {TOKEN}"}}}}"#);
    server.state().others.push_back(Fate::refused(400, "", body));
    let why = channel.watch(since()).await.unwrap_err();
    assert!(why.contains("grant it instagram_basic") && !why.contains("hunter2"), "{why}");
    server.state().network.post("Odd");
    server.state().network.posts[0]["id"] = "1:2".into();
    assert!(channel.watch(since()).await.unwrap_err().contains("without a number"));
}

#[tokio::test]
async fn whatever_breaks_a_look_says_why_and_shows_no_token() {
    strict::looks(Api::new(), to, TOKEN, 0).await;
}
