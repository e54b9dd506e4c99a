//! What the watch sees of a page on a strict Facebook.

use serde_json::json;

use super::server::{Api, NEW, PAGE, TOKEN};
use super::tests::{open, to, with_pictures};
use super::*;
use crate::strict::{self, Fate};
use crate::suite;
use crate::watch::Told;

/// Before what is new.
fn since() -> DateTime<Utc> {
    "2023-11-14T22:00:00Z".parse().unwrap()
}

const OLD: &str = "2020-01-01T00:00:00+0000";

#[tokio::test]
async fn what_the_page_has_published_is_seen_page_by_page_under_one_id() {
    let (server, channel) = open(Api::new(), &[]).await;
    let theirs = {
        let api = &mut server.state().network;
        let theirs = api.add("Send your coins to us", NEW);
        api.add("A sale, tomorrow", NEW);
        api.posts[0]["is_published"] = false.into();
        api.add("", NEW);
        api.posts[0]["message"] = json!(null);
        api.posts[0]["story"] = "The Bank updated their cover photo.".into();
        api.posts[0]["permalink_url"] = "javascript:alert(1)".into();
        theirs
    };
    let ours = channel.publish(&with_pictures(), &Pass::open_for_tests()).await.unwrap();
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!((seen.id, seen.shown.as_str()), (format!("facebook {PAGE}"), "The Bank"));
    let [list] = &seen.lists[..] else { panic!("{:?}", seen.lists) };
    assert_eq!(list.told, Told::Loosely, "the list is a ranked selection");
    let ids: Vec<&str> = list.posts.iter().map(|post| post.id.as_str()).collect();
    assert_eq!(
        (ids[0], ids[2], ids.len()),
        (ours.remote_id.as_str(), theirs.as_str(), 3),
        "two pages of two"
    );
    assert_eq!(list.posts[1].words, "The Bank updated their cover photo.");
    assert_eq!((&list.posts[1].url, list.posts[2].words.as_str()), (&None, "Send your coins to us"));
    assert_eq!(list.posts[2].at, Some("2023-11-14T22:14:40Z".parse().unwrap()));
}

#[tokio::test]
async fn a_date_that_was_given_hides_no_post() {
    let (server, channel) = open(Api::new(), &[]).await;
    {
        let api = &mut server.state().network;
        api.add("Known", OLD);
        api.add("Backdated", OLD);
        api.posts[0]["created_time"] = "2019-01-01T00:00:00+0000".into();
    }
    let seen = channel.watch(since()).await.unwrap().unwrap();
    let words: Vec<&str> = seen.posts().iter().map(|post| post.words.as_str()).collect();
    assert_eq!(words, ["Backdated", "Known"], "the order is the list's, and nothing is left out");
    // The newest page is read whatever the dates are, and no more once they are old.
    for n in 0..5 {
        server.state().network.add(&format!("Old {n}"), OLD);
    }
    let before = server.state().requests.len();
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!((seen.posts().len(), server.state().requests.len() - before), (2, 1));
    assert_eq!((seen.lists[0].told, seen.more), (Told::Loosely, false));
}

#[tokio::test]
async fn a_rush_of_posts_is_seen_as_far_as_it_can_be_read() {
    let (server, channel) = open(Api::new(), &[]).await;
    for n in 0..12 {
        server.state().network.add(&format!("Spam {n}"), NEW);
    }
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!((seen.posts().len(), seen.more), (10, true), "five pages of two");
    assert_eq!(seen.lists[0].told, Told::Loosely);
}

#[tokio::test]
async fn an_empty_page_has_a_name_all_the_same() {
    let (_server, channel) = open(Api::new(), &[]).await;
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!((seen.shown, seen.more), (format!("the page {PAGE}"), false));
}

#[tokio::test]
async fn a_missing_permission_is_named_and_posts_go_out() {
    let (server, channel) = open(Api::new(), &[]).await;
    let body = format!(r#"{{"error":{{"code":10,"message":"(#10) needs it {TOKEN}"}}}}"#);
    server.state().others.push_back(Fate::refused(403, "", body));
    let why = channel.watch(since()).await.unwrap_err();
    assert!(why.contains("grant it pages_read_engagement") && !why.contains("hunter2"), "{why}");
    channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap();
}

#[tokio::test]
async fn a_post_without_an_id_is_not_believed() {
    let (server, channel) = open(Api::new(), &[]).await;
    server.state().network.add("Odd", NEW);
    for id in ["", "x", "1_x", "1_2_3", "../1"] {
        server.state().network.posts[0]["id"] = id.into();
        assert!(channel.watch(since()).await.unwrap_err().contains("without an id"), "{id}");
    }
}

#[tokio::test]
async fn whatever_breaks_a_look_says_why_and_shows_no_token() {
    strict::looks(Api::new(), to, TOKEN, 0).await;
}
