//! The Teams adapter against a scripted server and a strict one.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::strict::{self, Asked, Fate, Network, Said, Strict};
use crate::suite::{self, Cut, Expected, Fake, Kit, Step};

/// The most that a call may hold.
const MOST: usize = 28 * 1_024;
const PATH: &str = "/workflows/ab12/triggers/manual/paths/invoke";

/// A flow that posts what it is called with.
#[derive(Clone, Default)]
struct Flow {
    cards: Vec<Value>,
}

impl Network for Flow {
    fn makes(method: &str, path: &str) -> bool {
        method == "POST" && path == PATH
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let right = asked.query.get("sig").map(String::as_str) == Some("hunter2");
        if asked.path != PATH || !right || asked.query.get("api-version").map(String::as_str) != Some("1") {
            return (401, String::new(), json!({ "error": { "code": "DirectApiAuthorizationRequired" } }));
        }
        if asked.method != "POST" || asked.header("content-type") != "application/json" {
            faults.push(format!("{} of {}", asked.method, asked.header("content-type")));
        }
        if asked.content.len() > MOST {
            return (413, String::new(), Value::Null);
        }
        match card(&asked.json()) {
            Ok(card) => self.cards.push(card),
            Err(fault) => faults.push(fault),
        }
        (202, String::new(), Value::Null)
    }
}

/// The card of a call, when all of it is as the flow and the schema of cards want it.
fn card(sent: &Value) -> Result<Value, String> {
    let [one] = sent["attachments"].as_array().unwrap().as_slice() else { return Err("not one card".into()) };
    let card = &one["content"];
    let body = card["body"].as_array().ok_or("no body")?;
    let text = |b: &Value| {
        b["type"] == "TextBlock" && b["wrap"] == true && b["text"].as_str().is_some_and(|t| !t.is_empty())
    };
    let right = sent["type"] == "message"
        && one["contentType"] == "application/vnd.microsoft.card.adaptive"
        && card["type"] == "AdaptiveCard"
        && card["version"].is_string()
        && card["fallbackText"].is_string()
        && !body.is_empty()
        && body.iter().all(text);
    if right { Ok(card.clone()) } else { Err(format!("the card: {sent}")) }
}

fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| json!({ "url": format!("{url}{PATH}?api-version=1&sig=hunter2") }),
        credential: None,
        secrets: &["hunter2"],
        before: Vec::new(),
        quiet: 0,
        accepted: "",
        table: vec![
            (200, Expected::Accepted),
            (202, Expected::Accepted),
            (302, Expected::InDoubt),
            (307, Expected::Rejected(Retry::Reconnect)),
            (400, Expected::Rejected(Retry::Never)),
            (401, Expected::Rejected(Retry::Reconnect)),
            (403, Expected::Rejected(Retry::Reconnect)),
            (404, Expected::Rejected(Retry::Reconnect)),
            (408, Expected::InDoubt),
            (410, Expected::Rejected(Retry::Reconnect)),
            (413, Expected::Rejected(Retry::Never)),
            (429, Expected::Rejected(Retry::After(Duration::from_secs(7)))),
            (500, Expected::InDoubt),
            (502, Expected::InDoubt),
            (503, Expected::InDoubt),
            (504, Expected::InDoubt),
        ],
    }
}

fn to(url: &str) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, (kit().settings)(url), None).unwrap()
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::all(&kit()).await;
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most() {
    strict::outcomes(Flow::default(), to, |flow| flow.cards.len(), false).await;
}

#[tokio::test]
async fn the_card_holds_what_was_approved() {
    let server = Strict::start(Flow::default(), &[]).await;
    let channel = to(&server.url);
    let mut job = suite::job();
    job.rendition.title = Some("Payments".to_owned());
    job.rendition.text = "Cards fail.\r\nSee https://bank.example/?a=1&b=2.\n\n\nNext: 10:20".to_owned();
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!((receipt.remote_id.as_str(), receipt.url), ("key-1", None));
    assert!(receipt.note.unwrap().contains("does not say whether"));
    let card = server.state().network.cards.remove(0);
    let texts: Vec<&str> =
        card["body"].as_array().unwrap().iter().map(|b| b["text"].as_str().unwrap()).collect();
    let link = "https://bank.example/?a=1&b=2";
    assert_eq!(texts, ["Payments", &format!("Cards fail.\n\nSee [{link}]({link}).\n\nNext: 10:20")]);
    assert_eq!(card["fallbackText"], format!("Payments\n{}", job.rendition.text));
    assert!(matches!(channel.read_back(&job).await, Sighting::Unknown(_)));
    assert!(matches!(channel.retract(&job, Some("key-1")).await, Retraction::StillLive(_)));
}

proptest! {
    #[test]
    fn what_the_limits_allow_fits_into_a_call(
        part in "([\"\\\\\n]|a\n|http://a\u{a0}b\n|https://a.b/c |http://a.b\n|é|\u{1f468}|\\PC){1,40}",
        title in "[\"\\\\\u{1f468}]{0,200}",
    ) {
        let mut text = part.repeat(5_000 / part.len());
        text.push('x');
        text.truncate(text.floor_char_boundary(5_000));
        let title = Some(title).filter(|t| !t.is_empty());
        let post = Rendition { title, text, language: "en".into(), media: Vec::new() };
        prop_assume!(text::check(&post, &ADAPTER.limits).is_empty());
        let sent = content(&post);
        prop_assert!(sent.to_string().len() <= MOST, "{} bytes", sent.to_string().len());
        prop_assert!(card(&sent).is_ok());
        // Only breaks and the marks of links are new in it.
        let plain = |t: &str| t.replace(char::is_whitespace, "");
        let shown = card(&sent).unwrap()["body"].as_array().unwrap().last().unwrap()["text"].clone();
        let mut left = plain(shown.as_str().unwrap());
        for link in text::links(&post.text) {
            left = left.replacen(&format!("[{0}]({0})", link.url), &link.url, 1);
        }
        prop_assert_eq!(left, plain(&post.text));
    }
}

#[tokio::test]
async fn a_good_answer_that_speaks_of_an_error_is_a_doubt() {
    let body = "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429";
    let said = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let fake = Fake::start(vec![Step::Answer(said)]).await;
    let result = strict::attempt(&*to(&fake.url)).await;
    assert!(matches!(result, Err(Failure::InDoubt { .. })), "{result:?}");
    let fates = [Fate::Refused(200, "", "1")];
    let server = Strict::start(Flow::default(), &fates).await;
    strict::attempt(&*to(&server.url)).await.unwrap();
}

#[tokio::test]
async fn the_check_does_not_post() {
    let server = Strict::start(Flow::default(), &[]).await;
    let health = to(&server.url).check().await;
    assert!(health.ready && server.state().requests.is_empty(), "{health:?}");
    let gone = Fake::start(vec![Step::Cut(Cut::BeforeConnect)]).await;
    let health = to(&gone.url).check().await;
    assert!(!health.ready && !health.detail.contains("hunter2"), "{health:?}");
}

#[tokio::test]
async fn an_address_that_was_cut_off_is_described_and_not_repeated() {
    for url in [
        "https://x.logic.azure.com/workflows/hunter2",
        "https://x.example/hunter2?sig=a",
        "https://x.logic.azure.com/workflows/a?sig=",
        "hunter2",
    ] {
        let error = suite::connect(&ADAPTER, json!({ "url": url }), None).err().unwrap();
        assert!(error.contains("setting url") && !error.contains("hunter2"), "{error}");
    }
}
