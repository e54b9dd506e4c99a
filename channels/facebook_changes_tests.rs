//! New words for posts of a page, against the strict server.

use serde_json::json;

use super::server::{Api, NEW};
use super::tests::to;
use crate::strict::{Changes, changes, foreign};
use crate::{Failure, Retry};

fn posts() -> Changes<Api> {
    let says = |api: &Api| api.posts.iter().map(|p| p["message"].as_str().unwrap().to_owned()).collect();
    Changes { network: Api::new(), connect: to, says, before: 1, readable: true, pictures: None }
}

#[tokio::test]
async fn however_a_change_breaks_what_is_known_of_it_is_true() {
    changes(posts()).await;
}

#[tokio::test]
async fn new_words_leave_pictures_where_they_are() {
    changes(Changes {
        pictures: Some(|api: &Api| {
            api.posts.iter().map(|p| usize::try_from(p["pictures"].as_u64().unwrap()).unwrap()).sum()
        }),
        ..posts()
    })
    .await;
}

#[tokio::test]
async fn a_post_of_a_visitor_keeps_its_words() {
    let add = |api: &mut Api, words: &str| {
        let id = api.add(words, NEW);
        api.posts[0]["from"] = json!({ "id": "7", "name": "A visitor" });
        id
    };
    let (said, _) = foreign(&posts(), add).await;
    assert!(matches!(&said, Failure::Rejected { retry: Retry::Reconnect, .. }), "{said:?}");
    let reads = Api { scopes: vec!["pages_read_engagement"], ..Api::new() };
    let (said, _) = foreign(&Changes { network: reads, ..posts() }, |api, words| api.add(words, NEW)).await;
    assert!(matches!(&said, Failure::Rejected { retry: Retry::Reconnect, .. }), "{said:?}");
}
