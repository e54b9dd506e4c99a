//! Posts with a picture on WhatsApp, against a strict server that keeps what is uploaded.

use super::server::{ACCOUNT, Cloud, NUMBER, TOKEN};
use super::tests::{NUMBERS, doubt, refusal};
use super::*;
use crate::graph::fetched::illustrated::{Illustrated, with};
use crate::strict::{self, Fate, Memory, Strict};
use crate::suite;

const BODY: &str = "Payments are {{1}} We are working on it.";
const NAME: &str = "crisis_picture";

fn settings(url: &str) -> Value {
    json!({ "server": url, "number": NUMBER, "account": ACCOUNT, "to": NUMBERS.join(", "),
        "templates": format!("crisis_update en\n{BODY}\n---\n{NAME} en picture\n{BODY}") })
}

fn cloud() -> Cloud {
    Cloud::new("crisis_update", "en", BODY).with_picture(NAME, "en", BODY)
}

fn to(url: &str) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, settings(url), Some(TOKEN)).unwrap()
}

fn one(url: &str) -> Box<dyn Channel> {
    let mut settings = settings(url);
    settings["to"] = NUMBERS[0].into();
    Illustrated::of(1, suite::connect(&ADAPTER, settings, Some(TOKEN)).unwrap())
}

#[tokio::test]
async fn a_picture_is_uploaded_once_and_stands_above_the_text_of_each() {
    let server = Strict::start(cloud(), &[]).await;
    let memory = Memory::default();
    let job = with(&memory.job(), 1);
    let limits = limits_by(&settings(&server.url), ADAPTER.limits);
    assert!(text::check(&job.rendition, &limits).is_empty());
    to(&server.url).publish(&job, &Pass::open_for_tests()).await.unwrap();
    // Posts without one have the other template.
    to(&server.url).publish(&memory.job(), &Pass::open_for_tests()).await.unwrap();
    let state = server.state();
    let seen: Vec<_> = state.network.messages.iter().map(|m| m["picture"].as_str()).collect();
    assert_eq!(seen, [[Some("\u{1}"); 4], [None; 4]].concat());
    assert!(state.network.messages.iter().all(|m| m["text"] == job.rendition.text));
    let uploads = state.requests.iter().filter(|asked| asked.ends_with("/media")).count();
    assert_eq!((uploads, state.network.uploads.len()), (1, 1));
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most_with_its_picture() {
    strict::outcomes(cloud(), one, |cloud| cloud.messages.len(), false).await;
}

#[tokio::test]
async fn what_is_refused_of_a_picture_sends_nobody_anything() {
    let refused = Fate::refused(400, "", r#"{"error":{"code":100,"message":"no"}}"#);
    for (fate, retry) in [
        (refused, Retry::Never),
        (Fate::Refused(500, "", ""), Retry::Backoff),
        (Fate::Refused(200, "", r#"{"id":"../1"}"#), Retry::Backoff),
    ] {
        let server = Strict::start(cloud(), &[]).await;
        let memory = Memory::default();
        let job = with(&memory.job(), 1);
        // The template is read before.
        server.state().others.extend([Fate::Done, fate.clone()]);
        let (reason, told) = refusal(to(&server.url).publish(&job, &Pass::open_for_tests()).await);
        assert_eq!((told, server.state().network.messages.len()), (retry, 0), "{fate:?}: {reason}");
    }
    // A closed gate lets no picture out either.
    let server = Strict::start(cloud(), &[]).await;
    let job = with(&suite::job(), 1);
    let closed = to(&server.url).publish(&job, &suite::closed_pass()).await;
    assert!(matches!(closed, Err(Failure::Closed { .. })), "{closed:?}");
    assert!(server.state().network.uploads.is_empty());
}

#[tokio::test]
async fn a_template_that_has_another_header_at_meta_is_not_sent() {
    let body = json!({ "type": "BODY", "text": BODY });
    let header = |format: &str| json!({ "type": "HEADER", "format": format, "text": "Win a car!" });
    for components in [
        json!([body]),
        json!([header("TEXT"), body]),
        json!([header("VIDEO"), body]),
        json!([header("IMAGE"), body, { "type": "FOOTER", "text": "Win!" }]),
    ] {
        let server = Strict::start(cloud(), &[]).await;
        server.state().network.templates[3]["components"] = components.clone();
        let job = with(&suite::job(), 1);
        let (reason, retry) = refusal(to(&server.url).publish(&job, &Pass::open_for_tests()).await);
        assert!(reason.contains("has not just a picture and a body"), "{components}: {reason}");
        assert_eq!((retry, server.state().network.uploads.len()), (Retry::Reconnect, 0));
        // The board says it before.
        let health = to(&server.url).check().await;
        assert!(!health.ready && health.detail.contains("has not just a picture"), "{health:?}");
    }
    let server = Strict::start(cloud(), &[]).await;
    assert!(to(&server.url).check().await.ready);
}

#[tokio::test]
async fn an_attempt_that_goes_on_uploads_its_picture_again_and_doubles_nobody() {
    let fates = [Fate::Done, Fate::DoneBut(500)];
    let server = Strict::start(cloud(), &fates).await;
    let (memory, channel) = (Memory::default(), Illustrated::of(1, to(&server.url)));
    doubt(strict::attempt_of(&*channel, &memory).await);
    doubt(strict::attempt_of(&*channel, &memory).await);
    let state = server.state();
    assert_eq!(NUMBERS.map(|n| state.network.copies(n)), [1; 4]);
    assert!(state.network.messages.iter().all(|m| m["picture"] == "\u{1}"));
}

#[test]
fn pictures_go_only_where_a_template_has_one() {
    let most = |templates: &str| limits_by(&json!({ "templates": templates }), ADAPTER.limits).media;
    assert_eq!((most("a en\n{{1}}"), most("a en\n{{1}}\n---\nb en picture\n{{1}}"), most("")), (0, 1, 0));
}
