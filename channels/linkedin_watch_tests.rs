//! What the watch sees of a page on a strict LinkedIn.

use serde_json::json;

use super::server::{Api, Kept, NOW, TOKEN};
use super::tests::{kept, open, to};
use super::*;
use crate::strict::{self, Fate};
use crate::suite;
use crate::watch::Told;

fn since() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(NOW - 600_000).unwrap()
}

#[tokio::test]
async fn what_the_page_has_published_is_seen_and_nothing_that_is_not_out() {
    let (server, channel) = open(Api::default(), &[]).await;
    let ours = channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap();
    let (planned, draft, advert, theirs) =
        (kept(2, "Planned"), kept(3, "x"), kept(4, "x"), kept(5, "Coins \\(all\\)"));
    {
        let api = &mut server.state().network;
        api.besides.insert(planned.id.clone(), json!({ "publishedAt": NOW, "lifecycleState": "PUBLISHED" }));
        api.besides.insert(draft.id.clone(), json!({ "lifecycleState": "DRAFT" }));
        api.besides.insert(advert.id.clone(), json!({ "distribution": { "feedDistribution": "NONE" } }));
        let long_ago = Kept { at: NOW - 900_000_000, ..planned.clone() };
        let again = Kept { reshare: true, changed: NOW + 2, ..kept(6, "Look") };
        let person = Kept { author: "urn:li:person:1", ..kept(7, "Mine") };
        let theirs = Kept { changed: NOW + 1, ..theirs.clone() };
        api.posts.extend([long_ago, draft, advert, theirs, again, person]);
    }
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!((seen.id.as_str(), seen.shown.as_str(), seen.more), ("linkedin 4711", "the page 4711", false));
    assert_eq!(seen.lists[0].told, Told::ByTime);
    let posts = seen.posts();
    let ids: Vec<&str> = posts.iter().map(|post| post.id.as_str()).collect();
    assert_eq!(ids, [kept(6, "").id.as_str(), &theirs.id, &ours.remote_id, &planned.id]);
    assert_eq!((posts[0].words.as_str(), posts[1].words.as_str()), ("shows again: Look", "Coins (all)"));
    assert_eq!(posts[1].url, Some(format!("https://www.linkedin.com/feed/update/{}", theirs.id)));
    let now = DateTime::from_timestamp_millis(NOW);
    assert_eq!((posts[3].words.as_str(), posts[3].at), ("Planned", now), "not when it was planned");
}

#[tokio::test]
async fn it_turns_pages_until_nothing_was_changed_since() {
    let (server, channel) = open(Api::default(), &[]).await;
    let at = |n: usize, at: i64| Kept { at, changed: at, ..kept(n, "x") };
    server.state().network.posts.extend((0..30).map(|n| at(n, NOW - 700_000)));
    server.state().network.posts.extend((30..45).map(|n| at(n, NOW)));
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!((seen.posts().len(), seen.more), (20, false), "two pages of ten");
    server.state().network.posts.extend((45..99).map(|n| at(n, NOW)));
    let seen = channel.watch(since()).await.unwrap().unwrap();
    assert_eq!((seen.posts().len(), seen.more), (50, true), "five pages of ten");
}

#[tokio::test]
async fn a_missing_permission_is_named_and_posts_go_out() {
    let (server, channel) = open(Api::default(), &[]).await;
    let body = r#"{"status":403,"code":"ACCESS_DENIED","message":"no hunter2-token"}"#;
    server.state().others.push_back(Fate::Refused(403, "", body));
    let why = channel.watch(since()).await.unwrap_err();
    assert!(why.contains("r_organization_social") && !why.contains("hunter2"), "{why}");
    channel.publish(&suite::job(), &Pass::open_for_tests()).await.unwrap();
    let odd = Kept { id: "urn:li:share:../1".to_owned(), ..kept(1, "x") };
    server.state().network.posts.push(odd);
    assert!(channel.watch(since()).await.unwrap_err().contains("without a name"));
}

#[tokio::test]
async fn whatever_breaks_a_look_says_why_and_shows_no_token() {
    strict::looks(Api::default(), to, TOKEN, 0).await;
}
