//! Messages with pictures over Twilio, against a strict server that fetches them.

use serde_json::json;

use super::server::{ACCOUNT, SENDER, Twilio};
use super::tests::{CREDENTIAL, NUMBERS};
use super::*;
use crate::Retry;
use crate::graph::fetched::illustrated::{Illustrated, pictures, with};
use crate::strict::{self, Fate, Strict};
use crate::suite;

const HERE: [&str; 2] = ["+12125550101", "+14165550102"];

fn settings(url: &str) -> Value {
    json!({ "server": url, "account": ACCOUNT, "from": SENDER, "to": HERE.join(", "), "pictures": "on" })
}

fn to(url: &str) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, settings(url), Some(CREDENTIAL)).unwrap()
}

fn one(url: &str) -> Box<dyn Channel> {
    let mut settings = settings(url);
    settings["to"] = HERE[0].into();
    Illustrated::of(2, suite::connect(&ADAPTER, settings, Some(CREDENTIAL)).unwrap())
}

fn refusal(result: Result<Receipt, Failure>) -> (String, Retry) {
    match result {
        Err(Failure::Rejected { reason, retry }) => (reason, retry),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn each_gets_the_pictures_in_their_order() {
    let server = Strict::start(Twilio::new(), &[]).await;
    let job = with(&strict::Memory::default().job(), 3);
    assert!(
        text::check(&job.rendition, &pictures::limits_by(&settings(&server.url), ADAPTER.limits)).is_empty()
    );
    let receipt = to(&server.url).publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert!(receipt.remote_id.starts_with("MM"), "{receipt:?}");
    let all: Vec<Vec<u8>> = (1..=3).map(|n| format!("/media/{n}/hunter2-{n}").into_bytes()).collect();
    assert_eq!(server.state().network.pictures, [all.clone(), all]);
    assert!(server.state().network.messages.iter().all(|m| m["body"] == job.rendition.text));
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most_with_its_pictures() {
    strict::outcomes(Twilio::new(), one, |twilio| twilio.messages.len(), true).await;
}

#[tokio::test]
async fn pictures_are_off_unless_an_administrator_says_so() {
    let server = Strict::start(Twilio::new(), &[]).await;
    let with_setting = |name: &str, value: Value| {
        let mut settings = settings(&server.url);
        settings[name] = value;
        suite::connect(&ADAPTER, settings, Some(CREDENTIAL))
    };
    for off in [Value::Null, "".into()] {
        assert_eq!(pictures::limits_by(&json!({ "pictures": off }), ADAPTER.limits).media, 0);
        let channel = with_setting("pictures", off).unwrap();
        let (reason, retry) =
            refusal(channel.publish(&with(&suite::job(), 1), &Pass::open_for_tests()).await);
        assert!(reason.starts_with("the channel sends no pictures") && retry == Retry::Never, "{reason}");
        assert!(channel.publish(&suite::job(), &Pass::open_for_tests()).await.is_ok());
    }
    assert_eq!(pictures::limits_by(&json!({ "pictures": "on" }), ADAPTER.limits).media, 10);
    for (name, value, said) in [
        ("pictures", json!("yes"), "write on, or leave it empty"),
        ("pictures", json!(true), "write on, or leave it empty"),
        ("to", json!(format!("{}, {}", HERE[0], NUMBERS[0])), "entry 2 of the setting to"),
        ("from", json!("+41790000009"), "only from a number of the United States or Canada"),
        ("from", json!("Bank AG"), "only from a number of the United States or Canada"),
    ] {
        let error = with_setting(name, value).err().unwrap_or_default();
        assert!(error.starts_with("the setting pictures") && error.contains(said), "{name}: {error}");
        assert!(!error.contains("790000"), "{error}");
    }
    assert!(with_setting("from", "12345".into()).is_ok(), "a short code");
}

#[tokio::test]
async fn a_picture_that_twilio_does_not_get_is_refused_and_its_address_is_in_no_words() {
    let server = Strict::start(Twilio::new(), &[]).await;
    let mut job = with(&suite::job(), 2);
    job.media_urls[1] = format!("{}/media/gone/hunter2-secret", pictures());
    let (reason, retry) = refusal(to(&server.url).publish(&job, &Pass::open_for_tests()).await);
    assert!(reason.contains("code 21620") && !reason.contains("hunter2"), "{reason}");
    assert_eq!((retry, server.state().network.messages.len()), (Retry::Never, 0));
    job.media_urls.pop();
    let (_, retry) = refusal(to(&server.url).publish(&job, &Pass::open_for_tests()).await);
    assert_eq!(retry, Retry::Backoff);
    let told = format!(r#"{{"code":21620,"message":"not at {}/x/hunter2-1"}}"#, pictures());
    let server = Strict::start(Twilio::new(), &[Fate::refused(400, "", told)]).await;
    let (reason, _) =
        refusal(to(&server.url).publish(&with(&suite::job(), 1), &Pass::open_for_tests()).await);
    assert!(!reason.contains("hunter2"), "{reason}");
}

#[tokio::test]
async fn without_a_public_address_the_board_says_so_and_no_picture_is_promised() {
    let mut settings = settings("https://api.twilio.com");
    settings.as_object_mut().unwrap().remove("server");
    assert!(crate::is_unreached("sms", &settings, "http://127.0.0.1:8740"));
    assert!(!crate::is_unreached("sms", &settings, "https://status.bank.example"));
    let server = Strict::start(Twilio::new(), &[]).await;
    let mut connection = suite::connection(self::settings(&server.url), Some(CREDENTIAL));
    connection.public_url = None;
    let channel = (ADAPTER.connect)(&connection).unwrap();
    let health = channel.check().await;
    assert!(
        health.ready
            && health.detail.contains("list of 2, texts alone: pictures are fetched from public_url"),
        "{health:?}"
    );
    let (reason, retry) = refusal(channel.publish(&with(&suite::job(), 1), &Pass::open_for_tests()).await);
    assert!(reason.contains("public_url") && retry == Retry::Never, "{reason}");
    assert!(!to(&server.url).check().await.detail.contains("public_url"));
}
