//! What LinkedIn says, and what it proves.

use serde_json::{Value, json};

use super::server::{Api, NOW};
use super::tests::{kept, open, to};
use crate::strict::{self, Fate};
use crate::{Failure, Retraction, Retry, Sighting, suite};

#[tokio::test]
async fn an_address_that_is_not_there_is_no_post_that_is_gone() {
    let (server, channel) = open(Api::default(), &[]).await;
    server.state().network.posts.push(kept(5, "x"));
    for told in [r#"{"code":"RESOURCE_NOT_FOUND","message":"no"}"#, r#"{"message":"no"}"#, "<html>"] {
        server.state().others = [Fate::Refused(404, "", told), Fate::Refused(404, "", told)].into();
        let done = channel.retract(&suite::job(), Some("urn:li:share:5")).await;
        assert!(matches!(done, Retraction::StillLive(_)), "{told}: {done:?}");
    }
}

#[tokio::test]
async fn only_what_the_page_shows_is_found() {
    let post = |more: Value| {
        let mut post = json!({ "id": "urn:li:share:5", "author": "urn:li:organization:4711",
            "commentary": suite::job().rendition.text, "createdAt": NOW, "lastModifiedAt": NOW });
        post.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        post
    };
    let shown = json!({ "lifecycleState": "PUBLISHED", "distribution": { "feedDistribution": "MAIN_FEED" } });
    for (more, found) in [
        (shown, true),
        (json!({}), true),
        (json!({ "lifecycleState": "DRAFT" }), false),
        (json!({ "lifecycleState": "PUBLISH_FAILED" }), false),
        (json!({ "distribution": { "feedDistribution": "NONE" } }), false),
    ] {
        let list = json!({ "elements": [post(more.clone())], "paging": {} }).to_string();
        let fake = suite::Fake::start(vec![suite::answer(200, "", &list)]).await;
        let seen = to(&fake.url).read_back(&suite::job()).await;
        assert_eq!(matches!(seen, Sighting::Found(_)), found, "{more}: {seen:?}");
    }
}

#[tokio::test]
async fn a_repetition_is_one_under_any_status() {
    let told = r#"{"message":"Content is a duplicate of urn:li:share:7"}"#;
    for status in [400, 403, 409, 422] {
        let (_, channel) = open(Api::default(), &[Fate::Refused(status, "", told)]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        assert!(
            matches!(failure, Failure::Rejected { retry: Retry::Duplicate, .. }),
            "{status}: {failure:?}"
        );
    }
}
