//! The bot's adapter against a scripted server and a strict one.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::server::{Api, BOT, TOKEN};
use super::*;
use crate::strict::{self, Fate, Strict};
use crate::suite::{self, Expected, Kit};
use crate::{MediaRef, Retry};

fn kit() -> Kit {
    Kit {
        adapter: ADAPTER,
        settings: |url| json!({ "server": url, "channel": "6" }),
        credential: Some(TOKEN),
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

pub(super) fn to(url: &str) -> Box<dyn Channel> {
    suite::connect(&ADAPTER, (kit().settings)(url), Some(TOKEN)).unwrap()
}

pub(super) async fn open(api: Api, fates: &[Fate]) -> (Strict<Api>, Box<dyn Channel>) {
    let server = Strict::start(api, fates).await;
    let channel = to(&server.url);
    (server, channel)
}

#[tokio::test]
async fn it_passes_the_suite() {
    suite::all(&kit()).await;
}

#[tokio::test]
async fn whatever_breaks_there_is_one_copy_at_most() {
    // Also where the few minutes of a nonce are over: nothing is left to it.
    for remembers in [true, false] {
        strict::outcomes(Api { remembers, ..Api::new() }, to, Api::copies, true).await;
    }
}

#[tokio::test]
async fn however_reading_breaks_a_post_that_is_there_is_not_said_to_be_absent() {
    strict::reads(Api::new(), to, 3).await;
}

#[tokio::test]
async fn whatever_breaks_a_post_that_is_there_is_not_said_to_be_gone() {
    strict::removals(Api::new(), to, Api::copies).await;
}

#[tokio::test]
async fn what_is_posted_is_what_was_approved_and_can_be_taken_down() {
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = suite::job();
    job.rendition.text = "@everyone *Cards* fail, see https://bank.example/a_b_c".to_owned();
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    let id = server.state().network.messages[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(receipt.remote_id, format!("6:{id}"));
    assert_eq!(receipt.url, Some(format!("https://discord.com/channels/5/6/{id}")));
    let sent = server.state().network.messages[0]["content"].clone();
    assert_eq!(sent, "@everyone \\*Cards\\* fail, see <https://bank.example/a_b_c>");
    // What is read back names the same post.
    assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt.clone()));
    for unknown in [None, Some("../x"), Some(""), Some("101"), Some("6:.."), Some("x:101")] {
        let kept = channel.retract(&job, unknown).await;
        assert_eq!(kept, Retraction::StillLive(NOT_OURS.to_owned()));
    }
    // Another channel is not known, which says nothing of its messages.
    let kept = channel.retract(&job, Some("9:101")).await;
    assert!(matches!(kept, Retraction::StillLive(_)), "{kept:?}");
    assert_eq!(server.state().network.copies(), 1);
    for _ in 0..2 {
        assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
        assert_eq!(server.state().network.copies(), 0);
    }
    assert_eq!(channel.read_back(&job).await, Sighting::Absent);
}

#[tokio::test]
async fn each_attempt_at_a_delivery_has_the_same_nonce() {
    let (server, channel) = open(Api::new(), &[]).await;
    let first = strict::attempt(&*channel).await.unwrap();
    assert_eq!(strict::attempt(&*channel).await.unwrap(), first);
    assert_eq!(server.state().network.copies(), 1);
    // Another delivery with the same words is another post.
    let other = Job { delivery: "01936d3c-1c5e-7a3b-8000-3f2f5a8c9d11".parse().unwrap(), ..suite::job() };
    let second = channel.publish(&other, &Pass::open_for_tests()).await.unwrap();
    assert!(second != first && server.state().network.copies() == 2);
    // Which of the two is whose, the words do not tell.
    let seen = channel.read_back(&other).await;
    assert!(matches!(&seen, Sighting::Unknown(why) if why.contains("several posts")), "{seen:?}");
}

#[tokio::test]
async fn only_the_bots_own_words_since_the_first_attempt_are_found() {
    let mut api = Api::new();
    let text = suite::job().rendition.text;
    for n in 0..7 {
        api.say("12", &format!("{text}{n}"), 0);
    }
    api.say("12", &text, 0);
    api.say(BOT, &format!("{text}!"), 0);
    api.say(BOT, &text, 1);
    api.say(BOT, &text, 0);
    api.messages.last_mut().unwrap()["type"] = 19.into();
    api.say(BOT, &text, 0);
    api.messages.last_mut().unwrap()["webhook_id"] = "7".into();
    let mut old = api.say(BOT, &text, 0);
    old["id"] = id_before().into();
    *api.messages.last_mut().unwrap() = old;
    let (server, channel) = open(api, &[]).await;
    assert_eq!(channel.read_back(&suite::job()).await, Sighting::Absent);
    let own = server.state().network.say(BOT, &text, 0);
    let seen = channel.read_back(&suite::job()).await;
    let id = format!("6:{}", own["id"].as_str().unwrap());
    assert!(matches!(&seen, Sighting::Found(receipt) if receipt.remote_id == id), "{seen:?}");
    server.state().network.lags = true;
    assert_eq!(channel.read_back(&suite::job()).await, Sighting::Absent);
}

/// The id of a message of an hour before the first attempt.
fn id_before() -> String {
    reads::id_at(suite::job().permitted_at - TimeDelta::hours(1)).to_string()
}

#[tokio::test]
async fn a_channel_with_too_many_messages_is_not_looked_through() {
    let mut api = Api::new();
    for n in 0..100 {
        api.say("12", &n.to_string(), 0);
    }
    let (_server, channel) = open(api, &[]).await;
    let seen = channel.read_back(&suite::job()).await;
    assert!(matches!(&seen, Sighting::Unknown(why) if why.contains("too many messages")), "{seen:?}");
}

#[tokio::test]
async fn a_look_waits_for_its_turn_or_leaves_it_to_the_next_one() {
    let looks = async |rest| {
        let mut api = Api { rest: Some(rest), ..Api::new() };
        for n in 0..4 {
            api.say("12", &n.to_string(), 0);
        }
        let (server, channel) = open(api, &[]).await;
        let seen = channel.read_back(&suite::job()).await;
        let asked = server.state().requests.iter().filter(|r| r.contains("/messages")).count();
        (seen, asked)
    };
    assert_eq!(looks("0.001").await, (Sighting::Absent, 3));
    assert_eq!(looks("60.0").await, (Sighting::Unknown("Discord asks us to wait".to_owned()), 1));
}

#[tokio::test]
async fn pictures_go_with_their_words() {
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = suite::job();
    job.rendition.media =
        vec![MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt: "A map".into() }];
    job.media = vec![vec![0x89, b'P', 0, 13, 10, 255]];
    let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    assert_eq!(server.state().network.files, job.media);
    assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt));
}

#[tokio::test]
async fn the_wait_is_read_in_each_form() {
    for (headers, body, seconds) in [
        ("X-RateLimit-Scope: shared\r\n", r#"{"retry_after":0.65,"global":false}"#, Some(1)),
        ("X-RateLimit-Global: true\r\nRetry-After: 3\r\n", r#"{"retry_after":2.1,"global":true}"#, Some(3)),
        ("Retry-After: 1200\r\n", "error code: 1015", Some(1_200)),
        ("", "<html>", None),
    ] {
        let (server, channel) = open(Api::new(), &[Fate::Refused(429, headers, body)]).await;
        let result = strict::attempt(&*channel).await;
        let expected = seconds.map_or(Retry::Backoff, |s| Retry::After(Duration::from_secs(s)));
        let seen = matches!(&result, Err(Failure::Rejected { retry, .. }) if *retry == expected);
        assert!(seen, "{headers}{body}: {result:?}");
        strict::deliver(&*channel).await.unwrap();
        assert_eq!(server.state().network.copies(), 1);
    }
}

#[tokio::test]
async fn the_check_says_what_is_missing_and_posts_nothing() {
    let (server, channel) = open(Api::new(), &[]).await;
    let good = Health::ready("Posts as the bot Bank in the channel status.").lacks(&[]);
    assert_eq!(channel.check().await, good);
    assert!(server.state().requests.iter().all(|asked| asked.starts_with("GET ")));
    let mut said = Vec::new();
    let changes: [fn(&mut Api); 6] = [
        |api| api.roles[0]["permissions"] = "65536".into(),
        |api| api.roles[0]["permissions"] = "1024".into(),
        |api| api.channel["permission_overwrites"][1]["allow"] = "0".into(),
        |api| api.member["communication_disabled_until"] = "2023-11-14T22:15:01.000000+00:00".into(),
        |api| api.channel["type"] = 4.into(),
        |api| api.channel["guild_id"] = json!(null),
    ];
    for change in changes {
        let mut api = Api::new();
        change(&mut api);
        let (_server, channel) = open(api, &[]).await;
        let health = channel.check().await;
        assert!(!health.ready, "{health:?}");
        let missing = health.facts.missing.into_iter().flatten().next();
        assert!(missing.is_none_or(|missing| health.detail.contains(&missing)));
        said.push(health.detail);
    }
    let lacks = |name: &str| format!("the bot lacks the permission {name} in the channel; give it");
    let other = "the channel is no text or announcement channel of a server; give another one";
    assert_eq!(
        said,
        [
            &lacks("View Channel"),
            &lacks("Read Message History"),
            &lacks("Send Messages"),
            "the server has the bot in a timeout; end it there",
            other,
            other,
        ]
    );
    server.state().network.channel["type"] = 5.into();
    let health = channel.check().await;
    assert!(health.ready && health.detail.ends_with("only once somebody publishes it there."), "{health:?}");
    server.state().network.channel["type"] = 0.into();
    // Without pictures a post is taken, so the channel is ready.
    server.state().network.roles[1]["permissions"] = "0".into();
    let health = channel.check().await;
    assert!(health.ready && health.detail.ends_with("lacks the permission Attach Files."), "{health:?}");
}

#[tokio::test]
async fn the_permissions_in_a_thread_are_those_of_its_channel() {
    let mut api = Api::new();
    api.parent = api.channel.clone();
    api.channel = json!({
        "id": "6", "type": 11, "guild_id": "5", "name": "outage", "parent_id": "4",
        "thread_metadata": { "archived": true, "locked": false },
    });
    let (server, channel) = open(api, &[]).await;
    let health = channel.check().await;
    assert!(!health.ready && health.detail.contains("Send Messages in Threads"), "{health:?}");
    let threads = (1_u64 << 38).to_string();
    server.state().network.parent["permission_overwrites"][1]["allow"] = threads.into();
    assert!(channel.check().await.ready);
    server.state().network.channel["thread_metadata"]["locked"] = true.into();
    let health = channel.check().await;
    assert!(!health.ready && health.detail.contains("the thread is locked"), "{health:?}");
}

#[tokio::test]
async fn a_token_that_is_refused_is_asked_for_once() {
    let server = Strict::start(Api::new(), &[]).await;
    let other = suite::connect(&ADAPTER, (kit().settings)(&server.url), Some("hunter2-old")).unwrap();
    let health = other.check().await;
    let refused = "the bot's token is refused; make a new one (status 401): 401: Unauthorized";
    assert_eq!(health, Health::unready(refused));
    assert_eq!(server.state().requests.len(), 1);
    assert!(matches!(other.read_back(&suite::job()).await, Sighting::Unknown(_)));
    assert_eq!(server.state().requests.len(), 2);
}

#[tokio::test]
async fn faulty_settings_are_described_and_not_repeated() {
    let tried = |channel: &str, token: Option<&str>| {
        suite::connect(&ADAPTER, json!({ "channel": channel }), token).err()
    };
    assert_eq!(tried("6", Some("MTIz.a.b\n")), None);
    assert!(tried("", Some(TOKEN)).unwrap().contains("setting channel"));
    assert!(tried("#status", Some(TOKEN)).unwrap().contains("the channel's number"));
    for token in [Some("Bot hunter2"), Some(" "), None] {
        let error = tried("6", token).unwrap();
        assert!(error.starts_with("the credential") && !error.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn a_refusal_says_what_the_bot_lacks() {
    let told = |code: i64| json!({ "code": code, "message": "No" }).to_string();
    for (status, body, expected, words) in [
        (403, told(50_001), Retry::Reconnect, "the bot may not post there"),
        (403, told(50_013), Retry::Reconnect, "the bot may not post there"),
        (404, told(10_003), Retry::Reconnect, "does not know the channel"),
        (404, told(10_007), Retry::Reconnect, "is not on the server"),
        (400, told(200_000), Retry::Never, "Discord refuses the post (status 400): No"),
        (403, "error code: 1010".to_owned(), Retry::Reconnect, "something before Discord"),
        (429, told(20_028), Retry::Backoff, "asks us to wait"),
    ] {
        let (_server, channel) = open(Api::new(), &[Fate::refused(status, "", body.as_str())]).await;
        let failure = strict::attempt(&*channel).await.unwrap_err();
        let Failure::Rejected { reason, retry } = &failure else { panic!("{body}: {failure:?}") };
        assert!(*retry == expected && reason.contains(words), "{body}: {failure:?}");
    }
}
