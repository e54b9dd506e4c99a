//! What the watch sees of an account on a strict Mastodon.

use chrono::TimeDelta;

use super::kinds::Kind;
use super::server::{TOKEN, now};
use super::tests::{connect_to, open};
use super::*;
use crate::suite::{Fake, answer};

#[tokio::test]
async fn everything_that_the_account_shows_is_seen_page_by_page() {
    let (server, channel) = open(Kind::default(), &[]).await;
    server.state().network.watches = true;
    let ids: Vec<String> = (0..7)
        .map(|n| server.add("7", &format!("Post {n} <b>bold</b>"), now() - TimeDelta::seconds(n * 10)))
        .collect();
    server.add("8", "Another account's", now());
    {
        let posts = &mut server.state().network.posts;
        posts[1].sent["reblog"] = json!({ "id": "9", "content": "<p>Send coins</p>", "url": "javascript:x" });
    }
    let seen = channel.watch(now() - TimeDelta::seconds(45)).await.unwrap().unwrap();
    assert_eq!(seen.id, format!("mastodon {} 7", server.url), "the server belongs to the account");
    assert_eq!((seen.shown.as_str(), seen.more), ("@bank", false));
    let posts = &seen.lists[0].posts;
    // Two pages of three: the second ends before the time that was asked for.
    assert_eq!(posts.iter().map(|p| p.id.clone()).collect::<Vec<_>>(), ids[..6]);
    assert_eq!(posts[0].words, "Post 0 bold");
    assert_eq!((posts[1].words.as_str(), &posts[1].url), ("shows again: Send coins", &None));
    assert_eq!(posts[2].url.as_deref(), Some(format!("https://social.example/@bank/{}", ids[2]).as_str()));
    let far = channel.watch(now() - TimeDelta::days(400)).await.unwrap().unwrap();
    assert_eq!((far.posts().len(), far.more), (7, false), "to the end");
}

#[tokio::test]
async fn a_rush_of_posts_is_seen_as_far_as_it_can_be_read() {
    let (server, channel) = open(Kind::default(), &[]).await;
    server.state().network.watches = true;
    for n in 0..20 {
        server.add("7", "Spam", now() - TimeDelta::seconds(n));
    }
    let seen = channel.watch(now() - TimeDelta::days(1)).await.unwrap().unwrap();
    // Five pages of three.
    assert_eq!((seen.posts().len(), seen.more), (15, true));
}

#[tokio::test]
async fn messages_to_some_people_are_theirs_and_followers_words_stay_there() {
    let (server, channel) = open(Kind::default(), &[]).await;
    server.state().network.watches = true;
    for _ in 0..3 {
        server.add("7", "Dear customer", now());
    }
    for (n, visibility) in ["direct", "private", "unlisted"].into_iter().enumerate() {
        server.state().network.posts[n].sent["visibility"] = visibility.into();
    }
    let words = |seen: watch::Account| seen.posts().into_iter().map(|p| p.words.clone()).collect::<Vec<_>>();
    let seen = channel.watch(now()).await.unwrap().unwrap();
    assert_eq!(words(seen), ["(for followers only)", "Dear customer"]);
    let private = connect_to(&server.url, &json!({ "visibility": "private" }));
    let seen = private.watch(now()).await.unwrap().unwrap();
    assert_eq!(words(seen), ["Dear customer", "Dear customer"]);
}

#[tokio::test]
async fn a_look_that_is_refused_shows_no_token() {
    for body in ["", "[]", "{}", &json!({ "error": format!("no {TOKEN}") }).to_string()] {
        let fake = Fake::start(vec![answer(401, "", body)]).await;
        let why = connect_to(&fake.url, &json!({})).watch(now()).await.unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
    }
}
