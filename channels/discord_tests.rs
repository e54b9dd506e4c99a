//! The Discord adapter against a scripted server and a strict one.

use serde_json::{Value, json};

use super::*;
use crate::discord_server::{look, posted, wrong};
use crate::discord_text::tests::shown;
use crate::strict::{self, Asked, Fate, Network, Said, Strict, good};
use crate::suite::{self, Expected, Kit};
use crate::{MediaRef, Retry};
use std::time::Duration;

/// Discord's API as far as it is used: one webhook.
#[derive(Clone, Default)]
struct Api {
    /// Their ids, what was sent, and the channel or thread that they are in.
    posts: Vec<(String, Value, &'static str)>,
    files: Vec<Vec<u8>>,
    thread: Option<&'static str>,
    /// The channel that the webhook was moved to.
    moved: Option<&'static str>,
    made: usize,
}

impl Network for Api {
    fn makes(method: &str, path: &str) -> bool {
        method == "POST" && path.contains("/webhooks/")
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        look(asked, faults);
        let rest = asked.path.strip_prefix("/api/v10/webhooks/77/hunter2");
        let Some(rest) = rest.filter(|r| r.is_empty() || r.starts_with('/')) else {
            return wrong(404, 10_015, "Unknown Webhook");
        };
        if asked.headers.contains_key("authorization") {
            faults.push("the address is the secret".to_owned());
        }
        let thread = asked.query.get("thread_id").map(String::as_str);
        match (asked.method.as_str(), rest) {
            ("GET", "") => good(json!({
                "name": "Bank", "guild_id": "5", "channel_id": self.moved.unwrap_or("6"), "token": "hunter2"
            })),
            _ if thread != self.thread => wrong(404, 10_003, "Unknown Channel"),
            ("POST", "") => self.post(asked, faults),
            ("DELETE", _) => self.delete(rest.trim_start_matches("/messages/")),
            ("GET", _) => self.show(rest.trim_start_matches("/messages/")),
            ("PATCH", _) => self.change(rest.trim_start_matches("/messages/"), asked, faults),
            _ => wrong(405, 0, "405: Method Not Allowed"),
        }
    }
}

impl Api {
    /// Where the webhook posts now.
    fn place(&self) -> &'static str {
        self.thread.or(self.moved).unwrap_or("6")
    }

    fn post(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.query.get("wait").map(String::as_str) != Some("true") {
            faults.push("without wait=true no id comes back".to_owned());
        }
        let (sent, files) = match posted(asked, &["allowed_mentions", "content", "flags"], faults) {
            Ok(posted) => posted,
            Err(refusal) => return refusal,
        };
        self.files.extend(files);
        self.made += 1;
        let id = format!("10{}", self.made);
        let place = self.place();
        self.posts.push((id.clone(), sent, place));
        good(json!({ "id": id, "channel_id": place, "webhook_id": "77", "type": 0 }))
    }

    fn delete(&mut self, id: &str) -> Said {
        let (before, place) = (self.posts.len(), self.place());
        self.posts.retain(|(kept, _, of)| kept != id || *of != place);
        if before == self.posts.len() {
            return wrong(404, 10_008, "Unknown Message");
        }
        (204, String::new(), Value::Null)
    }
}

fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |_| json!({}),
        credential: Some("{url}/api/webhooks/77/hunter2"),
        secrets: &["hunter2"],
        before: Vec::new(),
        quiet: 0,
        accepted: r#"{"id":"101","channel_id":"6"}"#,
        table: vec![
            (200, Expected::Accepted),
            (302, Expected::InDoubt),
            (307, Expected::Rejected(Retry::Reconnect)),
            (400, Expected::Rejected(Retry::Never)),
            (401, Expected::Rejected(Retry::Reconnect)),
            (403, Expected::Rejected(Retry::Reconnect)),
            (404, Expected::Rejected(Retry::Reconnect)),
            (408, Expected::InDoubt),
            (413, Expected::Rejected(Retry::Never)),
            (429, Expected::Rejected(Retry::After(Duration::from_secs(7)))),
            (500, Expected::InDoubt),
            (502, Expected::InDoubt),
            (503, Expected::InDoubt),
            (504, Expected::InDoubt),
        ],
    }
}

fn address(url: &str) -> String {
    format!("{url}/api/webhooks/77/hunter2")
}

fn to(url: &str) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, json!({}), Some(&address(url))).unwrap()
}

async fn open(fates: &[Fate]) -> (Strict<Api>, Box<dyn Channel>) {
    let server = Strict::start(Api::default(), fates).await;
    let channel = to(&server.url);
    (server, channel)
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::all(&kit()).await;
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most() {
    strict::outcomes(Api::default(), to, |api| api.posts.len(), false).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_gone() {
    strict::removals(Api::default(), to, |api| api.posts.len()).await;
}

#[tokio::test]
async fn what_is_posted_is_what_was_approved_and_can_be_taken_down() {
    let (server, channel) = open(&[]).await;
    let mut job = suite::job();
    job.rendition.text = "@everyone *Cards* fail, see https://bank.example/a_b_c".to_owned();
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(receipt.remote_id, "77:6:101");
    assert_eq!(receipt.url.as_deref(), Some("https://discord.com/channels/5/6/101"));
    let sent = server.state().network.posts[0].1["content"].clone();
    assert_eq!(sent, "@everyone \\*Cards\\* fail, see <https://bank.example/a_b_c>");
    assert_eq!(shown(sent.as_str().unwrap()), Ok(job.rendition.text.clone()));
    assert!(matches!(channel.read_back(&job).await, Sighting::Unknown(_)));
    for unknown in
        [None, Some("../x"), Some(""), Some("101"), Some("78:6:101"), Some("77:x:101"), Some("77:6:..")]
    {
        let kept = channel.retract(&job, unknown).await;
        assert!(matches!(kept, Retraction::StillLive(_)), "{kept:?}");
    }
    assert_eq!(server.state().network.posts.len(), 1);
    for _ in 0..2 {
        assert_eq!(channel.retract(&job, Some("77:6:101")).await, Retraction::Gone);
        assert!(server.state().network.posts.is_empty());
    }
    // A webhook that is gone says nothing of its messages.
    let other = format!("{}/api/webhooks/78/hunter2", server.url);
    let other = suite::connect(&ADAPTER, json!({}), Some(&other)).unwrap();
    let kept = other.retract(&job, Some("78:6:101")).await;
    let gone = "the webhook or its thread is gone; make a new one (status 404): Unknown Webhook";
    assert_eq!(kept, Retraction::StillLive(gone.to_owned()));
}

#[tokio::test]
async fn a_post_that_a_moved_webhook_does_not_find_is_not_said_to_be_gone() {
    let (server, channel) = open(&[]).await;
    let receipt = strict::attempt(&*channel).await.unwrap();
    server.state().network.moved = Some("8");
    let moved =
        "the webhook was moved to another channel, and finds no post of the one before; take it down by hand";
    let kept = channel.retract(&suite::job(), Some(&receipt.remote_id)).await;
    assert_eq!(kept, Retraction::StillLive(moved.to_owned()));
    // Where the webhook is cannot be asked: nothing is known.
    server.state().others = [Fate::Done, Fate::Refused(502, "", "")].into();
    let kept = channel.retract(&suite::job(), Some(&receipt.remote_id)).await;
    assert!(matches!(kept, Retraction::StillLive(_)), "{kept:?}");
    assert_eq!(server.state().network.posts.len(), 1);
    assert_eq!(strict::attempt(&*channel).await.unwrap().remote_id, "77:8:102");
    server.state().network.moved = None;
    assert_eq!(channel.retract(&suite::job(), Some(&receipt.remote_id)).await, Retraction::Gone);
    assert_eq!(server.state().network.posts.len(), 1);
}

#[tokio::test]
async fn pictures_go_with_their_words() {
    let (server, channel) = open(&[]).await;
    let mut job = suite::job();
    let media = |mime: &str, alt: &str| MediaRef { sha256: "ab".into(), mime: mime.into(), alt: alt.into() };
    job.rendition.media =
        vec![media("image/png", "A map: \"Zürich\"\r\n--holdline"), media("image/jpeg", "A queue")];
    job.media = vec![vec![0x89, b'P', 0, 13, 10, 255], vec![0xff, 0xd8]];
    channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    let state = server.state();
    let sent = &state.network.posts[0].1;
    assert_eq!(sent["content"], job.rendition.text);
    let alts: Vec<&Value> =
        sent["attachments"].as_array().unwrap().iter().map(|a| &a["description"]).collect();
    assert_eq!(alts, [&json!(job.rendition.media[0].alt), &json!("A queue")]);
    assert_eq!(state.network.files, job.media);
}

#[tokio::test]
async fn a_thread_is_named_in_each_call() {
    let server = Strict::start(Api { thread: Some("9"), ..Api::default() }, &[]).await;
    let mut last = String::new();
    // As a setting, as Discord shows it in the address, and as both.
    let thread = || json!({ "thread": "9" });
    for (pasted, settings) in [("", thread()), ("?thread_id=9#x", json!({})), ("?thread_id=9", thread())] {
        let url = format!("{}{pasted}", address(&server.url));
        let channel = suite::connect(&ADAPTER, settings, Some(&url)).unwrap();
        last = strict::attempt(&*channel).await.unwrap().remote_id;
    }
    assert_eq!(last, "77:thread:9:103");
    // The thread of the post counts, whatever the setting is by now.
    let channel = to(&server.url);
    assert_eq!(channel.retract(&suite::job(), Some(&last)).await, Retraction::Gone);
    let failure = strict::attempt(&*channel).await;
    assert!(matches!(failure, Err(Failure::Rejected { retry: Retry::Reconnect, .. })), "{failure:?}");
}

#[tokio::test]
async fn the_wait_is_read_in_each_form() {
    for (headers, body, seconds) in [
        ("", r#"{"message":"You are being rate limited.","retry_after":0.65,"global":false}"#, Some(1)),
        ("Retry-After: 3\r\n", r#"{"retry_after":1.5}"#, Some(3)),
        ("X-RateLimit-Reset-After: 2.2\r\n", "{}", Some(3)),
        ("Retry-After: 99999999\r\n", "{}", Some(86_400)),
        ("Retry-After: soon\r\n", r#"{"retry_after":-1}"#, None),
        ("", "<html>", None),
    ] {
        let (server, channel) = open(&[Fate::Refused(429, headers, body)]).await;
        let result = strict::attempt(&*channel).await;
        let expected = seconds.map_or(Retry::Backoff, |s| Retry::After(Duration::from_secs(s)));
        let seen = matches!(&result, Err(Failure::Rejected { retry, .. }) if *retry == expected);
        assert!(seen, "{headers}{body}: {result:?}");
        strict::deliver(&*channel).await.unwrap();
        assert_eq!(server.state().network.posts.len(), 1);
    }
}

#[tokio::test]
async fn what_names_no_post_is_in_doubt() {
    let ids = [("a/b", "6"), ("", "6"), ("101", "a/b"), ("101", "")];
    let named = ids.map(|(id, channel)| json!({ "id": id, "channel_id": channel }).to_string());
    let bodies = ["", "[]"].map(str::to_owned).into_iter().chain(named);
    for (status, body) in bodies.map(|b| (200, b)).chain([(204, String::new())]) {
        let (_server, channel) = open(&[Fate::refused(status, "", body.as_str())]).await;
        let result = strict::attempt(&*channel).await;
        assert!(matches!(result, Err(Failure::InDoubt { .. })), "{status} {body}: {result:?}");
    }
}

#[tokio::test]
async fn the_check_asks_for_the_webhook_and_posts_nothing() {
    let (server, channel) = open(&[]).await;
    let shown = format!("{}/… (sha256 {})", server.url, &crate::hash(address(&server.url).as_bytes())[..12]);
    let seen = format!("Posts as the webhook Bank in the channel 6, at {shown}.");
    assert_eq!(channel.check().await, Health::ready(seen.clone()).of("5/6"));
    // A thread cannot be asked for.
    let thread = suite::connect(&ADAPTER, json!({ "thread": "9" }), Some(&address(&server.url))).unwrap();
    let tried = format!("{seen} The thread 9 will be tried with the first post.");
    assert_eq!(thread.check().await, Health::ready(tried).of("5/6"));
    assert_eq!(server.state().requests, ["GET /api/v10/webhooks/77/hunter2"; 2]);
    let gone = format!("{}-other", address(&server.url));
    let health = suite::connect(&ADAPTER, json!({}), Some(&gone)).unwrap().check().await;
    assert!(!health.ready && health.detail.contains("make a new one"), "{health:?}");
    assert!(!health.detail.contains("hunter2"), "{health:?}");
}

#[tokio::test]
async fn faulty_settings_are_described_and_not_repeated() {
    let tried = |url: &str, settings: Value| suite::connect(&ADAPTER, settings, Some(url)).err();
    let good = "https://discord.com/api/webhooks/77/hunter2";
    assert_eq!(tried(good, json!({})), None);
    assert_eq!(tried("https://discord.com/api/v9/webhooks/77/hunter2\n", json!({})), None);
    assert_eq!(tried(&format!("{good}?wait=false"), json!({ "thread": "9" })), None);
    for url in [
        "hunter2",
        "https://discord.com/hunter2",
        "https://discord.com/api/webhooks/hunter2",
        "https://discord.com/api/webhooks/77/hunter2/github",
    ] {
        let error = tried(url, json!({})).unwrap();
        assert!(error.contains("the credential") && !error.contains("hunter2"), "{url}: {error}");
    }
    for (pasted, thread) in [("", "x"), ("?thread_id=x", ""), ("?thread_id=8", "9")] {
        let error = tried(&format!("{good}{pasted}"), json!({ "thread": thread })).unwrap();
        assert!(error.contains("setting thread"), "{pasted} {thread}: {error}");
    }
    assert!(suite::connect(&ADAPTER, json!({}), None).err().unwrap().starts_with("the credential: copy"));
    // Nothing that is a secret is a setting, so nothing of it is kept in the open.
    assert!(ADAPTER.settings.iter().all(|s| s.name == "thread"));
}

#[tokio::test]
async fn the_number_of_a_refusal_says_more_than_its_status() {
    let told = |code: i64| json!({ "code": code, "message": "No" }).to_string();
    for (status, body, expected, words) in [
        (400, told(130_000), Retry::Backoff, "asks us to wait"),
        (403, told(20_016), Retry::Backoff, "asks us to wait"),
        (429, told(20_028), Retry::Backoff, "asks us to wait"),
        (400, told(50_027), Retry::Reconnect, "address is refused"),
        (403, told(40_001), Retry::Reconnect, "address is refused"),
        (403, told(50_013), Retry::Reconnect, "may not post there"),
        (403, "error code: 1010".to_owned(), Retry::Reconnect, "something before Discord"),
        (400, told(50_035), Retry::Never, "Discord refuses the post (status 400): No"),
    ] {
        let (_server, channel) = open(&[Fate::refused(status, "", body.as_str())]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        let Failure::Rejected { reason, retry } = &failure else { panic!("{body}: {failure:?}") };
        assert!(*retry == expected && reason.contains(words), "{body}: {failure:?}");
    }
    // A server's own fault may have come after the post.
    let (_server, channel) = open(&[Fate::refused(503, "", told(130_000))]).await;
    let failure = strict::attempt(&*channel).await.unwrap_err();
    assert!(matches!(failure, Failure::InDoubt { .. }), "{failure:?}");
}

#[tokio::test]
async fn the_longest_post_is_taken_and_one_more_is_not() {
    let (server, channel) = open(&[]).await;
    let mut job = suite::job();
    // Each star is two, and each head is two.
    job.rendition.text = format!("{}{}", "*".repeat(500), "\u{1f468}".repeat(500));
    assert!(text::check(&job.rendition, &ADAPTER.limits).is_empty());
    channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    job.rendition.text.push('c');
    assert_eq!(text::check(&job.rendition, &ADAPTER.limits)[0].message, "is 1 too long; the limit is 2000");
    let result = channel.publish(&job, &Pass::open_for_tests()).await;
    assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Never, .. })), "{result:?}");
    assert_eq!(server.state().network.posts.len(), 1);
}

#[path = "discord_changes_tests.rs"]
mod changes_tests;
