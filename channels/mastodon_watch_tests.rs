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
    assert_eq!((seen.shown.as_str(), seen.ordered), ("@bank", seen.posts.len()));
    // Two pages of three: the second ends before the time that was asked for.
    assert_eq!(seen.posts.iter().map(|p| p.id.clone()).collect::<Vec<_>>(), ids[..6]);
    assert_eq!(seen.posts[0].words, "Post 0 bold");
    assert_eq!((seen.posts[1].words.as_str(), &seen.posts[1].url), ("shows again: Send coins", &None));
    assert_eq!(
        seen.posts[2].url.as_deref(),
        Some(format!("https://social.example/@bank/{}", ids[2]).as_str())
    );
    let far = channel.watch(now() - TimeDelta::days(400)).await.unwrap().unwrap();
    assert_eq!(far.posts.len(), 7, "to the end");
}

#[tokio::test]
async fn what_cannot_be_looked_through_is_said() {
    let (server, channel) = open(Kind::default(), &[]).await;
    server.state().network.watches = true;
    for n in 0..20 {
        server.add("7", "Spam", now() - TimeDelta::seconds(n));
    }
    let why = channel.watch(now() - TimeDelta::days(1)).await.unwrap_err();
    assert!(why.contains("too much since to look through"), "{why}");
    for body in ["", "[]", "{}", &json!({ "error": format!("no {TOKEN}") }).to_string()] {
        let fake = Fake::start(vec![answer(401, "", body)]).await;
        let why = connect_to(&fake.url, &json!({})).watch(now()).await.unwrap_err();
        assert!(!why.contains("hunter2"), "{why}");
    }
}
