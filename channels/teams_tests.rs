//! The Teams adapter against a scripted server and a strict one.

use std::time::Duration;

use serde_json::{Value, json};

use super::card::MOST;
use super::card::tests::shown;
use super::*;
use crate::graph::fetched::illustrated::{Illustrated, fetch, pictures, with};
use crate::strict::{self, Asked, Fate, Network, Said, Strict};
use crate::suite::{self, Cut, Expected, Fake, Kit, Step};
use crate::text;

const PATH: &str = "/powerautomate/automations/direct/workflows/ab12/triggers/manual/paths/invoke";
const QUERY: &str = "?api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=hunter2%2Bx";

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
        let right = asked.query.get("sig").map(String::as_str) == Some("hunter2+x");
        if asked.path != PATH || !right || asked.query.get("api-version").map(String::as_str) != Some("1") {
            return (401, String::new(), json!({ "error": { "code": "DirectApiAuthorizationRequired" } }));
        }
        if asked.method != "POST" || asked.header("content-type") != "application/json" {
            faults.push(format!("{} of {}", asked.method, asked.header("content-type")));
        }
        if asked.content.len() > MOST {
            return (413, String::new(), Value::Null);
        }
        let sent = asked.json();
        // Its pictures are looked at by whoever sees the card.
        for url in addresses(&sent) {
            if fetch(&url).is_none_or(|(mime, _)| !mime.starts_with("image/")) {
                faults.push(format!("nothing to see at {url}"));
            }
        }
        match shown(&sent) {
            Ok(_) => self.cards.push(sent),
            Err(fault) => faults.push(fault),
        }
        (202, String::new(), Value::Null)
    }
}

/// Where the pictures of a card are.
fn addresses(sent: &Value) -> Vec<String> {
    let body = sent["attachments"][0]["content"]["body"].as_array().cloned().unwrap_or_default();
    let of = |block: &Value| block["url"].as_str().map(str::to_owned);
    body.iter().filter(|block| block["type"] == "Image").filter_map(of).collect()
}

fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |_| json!({}),
        credential: Some(
            "{url}/powerautomate/automations/direct/workflows/ab12/triggers/manual/paths/invoke?api-version=1&sig=hunter2%2Bx",
        ),
        secrets: &["hunter2"],
        before: Vec::new(),
        quiet: 0,
        accepted: "",
        table: vec![
            (200, Expected::Accepted),
            (201, Expected::InDoubt),
            (202, Expected::Accepted),
            (204, Expected::InDoubt),
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
    suite::connect(&ADAPTER, json!({}), Some(&format!("{url}{PATH}{QUERY}"))).unwrap()
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
    let lines = ["Payments", "Cards fail.", "See https://bank.example/?a=1&b=2.", "Next: 10:20"];
    assert_eq!(shown(&card).unwrap(), lines);
    assert!(
        card.to_string()
            .contains(r#""selectAction":{"type":"Action.OpenUrl","url":"https://bank.example/?a=1&b=2"}"#)
    );
    assert!(matches!(channel.read_back(&job).await, Sighting::Unknown(_)));
    assert!(matches!(channel.retract(&job, Some("key-1")).await, Retraction::StillLive(_)));
}

fn two(url: &str) -> Box<dyn Channel> {
    Illustrated::of(2, to(url))
}

#[tokio::test]
async fn a_card_with_pictures_passes_the_suite() {
    let connect: fn(&Connection) -> Result<Box<dyn Channel>, String> =
        |connection| Ok(Illustrated::of(2, connect(connection)?));
    suite::all(&Kit { adapter: Adapter { connect, ..ADAPTER }, ..kit() }).await;
    strict::outcomes(Flow::default(), two, |flow| flow.cards.len(), false).await;
}

#[tokio::test]
async fn pictures_go_with_their_words_below_the_text() {
    let server = Strict::start(Flow::default(), &[]).await;
    let job = with(&suite::job(), 4);
    assert!(text::check(&job.rendition, &ADAPTER.limits).is_empty());
    to(&server.url).publish(&job, &Pass::open_for_tests()).await.unwrap();
    let card = server.state().network.cards.remove(0);
    let picture = |n: usize| format!("Picture {n} & its words <{}/media/{n}/hunter2-{n}>", pictures());
    let lines: Vec<String> =
        std::iter::once(job.rendition.text.clone()).chain((1..=4).map(picture)).collect();
    assert_eq!(shown(&card).unwrap(), lines);
    // Nobody reads the address in an answer that repeats it.
    let told = json!({ "error": { "message": format!("no picture at {}", job.media_urls[0]) } }).to_string();
    let server = Strict::start(Flow::default(), &[Fate::refused(400, "", told)]).await;
    let failure = to(&server.url).publish(&job, &Pass::open_for_tests()).await.unwrap_err();
    let said = format!("{failure:?}");
    assert!(said.contains("no picture at") && !said.contains("hunter2"), "{said}");
}

#[tokio::test]
async fn without_a_public_address_no_picture_is_promised() {
    let server = Strict::start(Flow::default(), &[]).await;
    let teams = |is_fetched| {
        let url = Url::parse(&format!("{}{PATH}{QUERY}", server.url)).unwrap();
        Teams { secrets: secrets(&url), url, shown: "there".to_owned(), is_fetched, http: suite::http() }
    };
    let pass = Pass::open_for_tests();
    let refused = teams(false).publish(&with(&suite::job(), 1), &pass).await;
    assert_eq!(refused.unwrap_err(), Failure::never(UNREACHED));
    let mut job = with(&suite::job(), 2);
    job.media_urls.pop();
    let refused = teams(true).publish(&job, &pass).await;
    assert!(matches!(refused, Err(Failure::Rejected { retry: Retry::Backoff, .. })), "{refused:?}");
    let mut large = with(&suite::job(), 4);
    large.media_urls.iter_mut().for_each(|url| url.push_str(&"x".repeat(MOST / 4)));
    assert_eq!(teams(true).publish(&large, &pass).await.unwrap_err(), Failure::never(TOO_LARGE));
    assert!(server.state().network.cards.is_empty());
    assert!(teams(false).publish(&suite::job(), &pass).await.is_ok(), "the text goes");
    let told = async |is_fetched| teams(is_fetched).check().await.detail;
    assert!(told(false).await.ends_with("Posts with pictures do not go there: they are fetched from public_url, which is not reached from the internet."));
    assert!(!told(true).await.contains("public_url"));
}

#[tokio::test]
async fn only_what_says_that_the_flow_has_started_is_taken_for_it() {
    let failed =
        "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429";
    for (status, body, started) in [
        (200, "", true),
        (200, "1", true),
        (202, "", true),
        (202, "{}", true),
        (200, failed, false),
        (202, failed, false),
        (200, "<html>Please log in</html>", false),
        (200, "{}", false),
        (206, "", false),
    ] {
        let said = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let fake = Fake::start(vec![Step::Answer(said)]).await;
        let result = strict::attempt(&*to(&fake.url)).await;
        let right = if started { result.is_ok() } else { matches!(result, Err(Failure::InDoubt { .. })) };
        assert!(right, "{status} {body}: {result:?}");
    }
}

#[tokio::test]
async fn a_refusal_gives_its_reason() {
    let told =
        |words: &str| json!({ "error": { "code": "InvalidRequestContent", "message": words } }).to_string();
    for (words, reason) in [
        ("The card is not valid.", "Teams refuses the post (status 400): The card is not valid."),
        ("The address …sig=hunter2%2Bx is wrong", "Teams refuses the post (status 400)"),
        ("The signature hunter2+x is wrong", "Teams refuses the post (status 400)"),
    ] {
        let server = Strict::start(Flow::default(), &[Fate::refused(400, "", told(words))]).await;
        let failure = strict::attempt(&*to(&server.url)).await.unwrap_err();
        assert_eq!(failure, Failure::Rejected { reason: reason.to_owned(), retry: Retry::Never });
    }
}

#[tokio::test]
async fn the_check_does_not_post() {
    let server = Strict::start(Flow::default(), &[]).await;
    let health = to(&server.url).check().await;
    assert!(health.ready && server.state().requests.is_empty(), "{health:?}");
    assert!(health.detail.contains(&format!("{}/… (sha256 ", server.url)), "{health:?}");
    assert!(!health.detail.contains("hunter2") && !health.detail.contains("2025"), "{health:?}");
    let gone = Fake::start(vec![Step::Cut(Cut::BeforeConnect)]).await;
    let health = to(&gone.url).check().await;
    assert!(!health.ready && !health.detail.contains("hunter2"), "{health:?}");
}

#[test]
fn an_old_address_is_told_apart_and_may_be_a_good_one() {
    let detail = |host: &str| {
        let url = Url::parse(&format!("https://{host}{PATH}{QUERY}")).unwrap();
        Teams { url, secrets: Vec::new(), shown: "there".to_owned(), is_fetched: true, http: suite::http() }
            .told()
    };
    assert_eq!(
        detail("prod-12.westeurope.logic.azure.com:443"),
        "The flow's host answers, there. But flows of Power Automate left logic.azure.com on 30 November 2025: \
         unless this is a Logic App of your own, copy the flow's address anew."
    );
    assert_eq!(
        detail("0a.4a.environment.api.powerplatform.com:443"),
        "The flow's host answers, there. The flow itself will be tried with the first post."
    );
}

#[tokio::test]
async fn an_address_that_was_cut_off_is_described_and_not_repeated() {
    let host = "https://0a.4a.environment.api.powerplatform.com";
    let tried = |address: &str| suite::connect(&ADAPTER, json!({}), Some(address)).err();
    assert_eq!(tried(&format!("{host}:443{PATH}{QUERY}\n")), None);
    for address in [
        format!("{host}/powerautomate/automations/direct/workflows/hunter2"),
        "https://x.example/hunter2?sig=a".to_owned(),
        format!("{host}/workflows/a?sig="),
        "hunter2".to_owned(),
    ] {
        let error = tried(&address).unwrap();
        assert!(error.contains("the credential") && !error.contains("hunter2"), "{error}");
    }
    assert!(suite::connect(&ADAPTER, json!({}), None).err().unwrap().starts_with("the credential: copy"));
    // Nothing that is a secret is a setting, so nothing of it is kept in the open.
    assert!(ADAPTER.settings.is_empty());
}
