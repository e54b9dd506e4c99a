//! New words for posts of an account, and which of them are pinned, against the strict server.

use serde_json::json;

use super::kinds::Kind;
use super::server::{Api, Kept, now};
use super::tests::connect_to;
use crate::strict::{Changes, changes, foreign, pins};
use crate::{Channel, Failure, Pinned, Retry};

fn to(url: &str) -> Box<dyn Channel> {
    connect_to(url, &json!({}))
}

fn posts() -> Changes<Api> {
    let says = |api: &Api| api.posts.iter().map(|p| p.sent["status"].as_str().unwrap().to_owned()).collect();
    Changes { network: Kind::default().into(), connect: to, says, before: 2, readable: true, pictures: None }
}

fn theirs(api: &mut Api, words: &str) -> String {
    let sent = json!({ "status": words, "visibility": "public" });
    api.posts.push(Kept { id: "900".to_owned(), account: "8", sent, at: now(), pinned: false });
    "900".to_owned()
}

#[tokio::test]
async fn however_a_change_breaks_what_is_known_of_it_is_true() {
    changes(posts()).await;
}

#[tokio::test]
async fn new_words_leave_pictures_where_they_are() {
    changes(Changes {
        pictures: Some(|api: &Api| {
            api.posts.iter().map(|p| p.sent["media_ids"].as_array().map_or(0, Vec::len)).sum()
        }),
        ..posts()
    })
    .await;
}

#[tokio::test]
async fn however_a_pin_breaks_it_is_not_said_to_be_done_before_it_is() {
    pins(Kind::default().into(), to, |api: &Api| api.posts.iter().filter(|p| p.pinned).count()).await;
}

#[tokio::test]
async fn a_post_of_another_account_keeps_its_words_and_is_not_pinned() {
    let (said, pinned) = foreign(&posts(), theirs).await;
    assert!(matches!(&said, Failure::Rejected { .. }), "{said:?}");
    assert!(matches!(&pinned, Pinned::Failed(why) if why.contains("status 422")), "{pinned:?}");
    // Also where its source is shown to everybody: then the account is what tells.
    let open = Changes { network: Kind { shows_all_sources: true, ..Kind::default() }.into(), ..posts() };
    let (said, _) = foreign(&open, theirs).await;
    let reason = "another account posted it; connect that one".to_owned();
    assert_eq!(said, Failure::Rejected { reason, retry: Retry::Reconnect });
}

#[tokio::test]
async fn a_sixth_post_is_not_pinned() {
    let mut api = Api::from(Kind::default());
    for n in 0..5 {
        let (id, sent) = (format!("80{n}"), json!({ "status": "x", "visibility": "public" }));
        api.posts.push(Kept { id, account: "7", sent, at: now(), pinned: true });
    }
    let sent = json!({ "status": "y", "visibility": "public" });
    api.posts.push(Kept { id: "900".to_owned(), account: "7", sent, at: now(), pinned: false });
    let server = super::server::Server::start(api, &[]).await;
    let channel = to(&server.url);
    let said = channel.pin("900", true).await;
    assert!(matches!(&said, Pinned::Failed(why) if why.contains("status 422")), "{said:?}");
    assert_eq!(channel.pin("800", false).await, Pinned::Done);
    assert_eq!(channel.pin("900", true).await, Pinned::Done);
}
