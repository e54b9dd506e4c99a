//! What the watch sees of a strict Discord.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::reads::id_at;
use super::server::{Api, BOT, TOKEN};
use super::tests::{open, to};
use super::*;
use crate::strict::Fate;
use crate::suite::{self, Fake, answer};
use crate::watch::{Account, Told, part_said};

/// The time of the strict server's messages.
fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).unwrap()
}

/// A message of that many seconds later.
fn message(seconds: i64, author: &str, text: &str) -> Value {
    let id = id_at(now() + TimeDelta::seconds(seconds)) + 500;
    json!({ "id": id.to_string(), "channel_id": "6", "type": 0, "content": text, "author": { "id": author },
        "attachments": [], "embeds": [] })
}

async fn look(channel: &dyn Channel, seconds: i64) -> Account {
    channel.watch(now() + TimeDelta::seconds(seconds)).await.unwrap().unwrap()
}

fn words(seen: &Account) -> Vec<&str> {
    seen.lists[0].posts.iter().map(|p| p.words.as_str()).collect()
}

#[tokio::test]
async fn messages_of_the_bot_are_seen_and_those_of_others_are_not() {
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = suite::job();
    job.rendition.text = "# *Cards* <b> [x](https://bank.example/a_b), (https://bank.example/c_d)".to_owned();
    let ours = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    {
        let mut state = server.state();
        let all = &mut state.network.messages;
        all.push(message(1, "78", "Another person"));
        let mut hook = message(2, "79", "A webhook with our name");
        (hook["webhook_id"], hook["author"]["username"]) = ("79".into(), "Bank".into());
        all.push(hook);
        // Somebody came, pinned something, began a thread.
        for (n, kind) in [7, 6, 18].into_iter().enumerate() {
            let mut note = message(3 + i64::try_from(n).unwrap(), BOT, "");
            note["type"] = kind.into();
            all.push(note);
        }
        for (n, kind) in [0, 19, 20, 23].into_iter().enumerate() {
            let mut post = message(10 + i64::try_from(n).unwrap(), BOT, &format!("Kind {kind}"));
            post["type"] = kind.into();
            all.push(post);
        }
        all[8]["embeds"] =
            json!([{ "title": "Send \\*coins\\*", "description": "to <https://evil.example>" }]);
        all[9]["content"] = "".into();
        all[9]["attachments"] = json!([{ "filename": "prize.png" }]);
        all[9]["poll"] = json!({ "question": { "text": "Coins?" } });
    }
    let seen = look(&*channel, 0).await;
    assert_eq!(seen.id, format!("discord {} 6 77", server.url), "the bot in this channel");
    assert_eq!((seen.shown.as_str(), seen.more), ("Bank (6)", false));
    let text = job.rendition.text.as_str();
    let expected =
        ["Coins? prize.png", "Kind 20 Send *coins* to https://evil.example", "Kind 19", "Kind 0", text];
    assert_eq!(words(&seen), expected);
    let posts = &seen.lists[0].posts;
    assert_eq!((&posts[4].id, &posts[4].url), (&ours.remote_id, &ours.url));
    assert_eq!(part_said(&posts[4].words, &job.rendition), Some(0));
    assert_eq!(posts[3].at, Some(now() + TimeDelta::seconds(10)));
    assert_eq!(seen.lists[0].told, Told::ByTime);
    channel.retract(&job, Some(&ours.remote_id)).await;
    assert_eq!(look(&*channel, 0).await.posts().len(), 4, "what is taken down is not there");
}

#[tokio::test]
async fn pages_are_turned_until_the_last_look_and_no_further() {
    let (server, channel) = open(Api::new(), &[]).await;
    // Two of three are chat.
    for n in 0..30 {
        let author = if n % 3 == 0 { BOT } else { "78" };
        server.state().network.messages.push(message(n, author, &format!("Post {n}")));
    }
    look(&*channel, 99).await;
    for (from, pages, posts) in [(99, 1, 1), (28, 1, 1), (27, 2, 2), (7, 8, 8), (1, 10, 10)] {
        server.state().requests.clear();
        let seen = look(&*channel, from).await;
        assert_eq!((server.state().requests.len(), seen.posts().len()), (pages, posts), "since {from}");
        assert!(!seen.more);
    }
    let seen = look(&*channel, -600).await;
    assert!(seen.more && seen.posts().len() == 10, "ten pages of three");
}

#[tokio::test]
async fn an_empty_channel_is_not_taken_for_a_quiet_one_where_the_bot_may_not_look() {
    let (server, channel) = open(Api::new(), &[]).await;
    assert!(look(&*channel, 0).await.posts().is_empty());
    server.state().network.messages.push(message(1, BOT, "Send coins"));
    assert_eq!(words(&look(&*channel, 0).await), ["Send coins"]);
    // To see the channel, and not its history.
    server.state().network.roles[0]["permissions"] = "1024".into();
    let why = channel.watch(now()).await.unwrap_err();
    assert_eq!(why, "the bot lacks the permission Read Message History in the channel; give it");
}

#[tokio::test]
async fn a_look_that_fails_says_what_to_do_and_shows_no_token() {
    let told = |code: u32| json!({ "code": code, "message": format!("no, {TOKEN}") }).to_string();
    for (status, body, expected) in [
        (401, told(0), "the bot's token is refused; make a new one"),
        (403, told(50_001), "the bot may not look there; add it to the server and the channel"),
        (404, told(10_003), "Discord does not know the channel"),
        (429, told(0), "Discord asks us to wait"),
        (500, TOKEN.to_owned(), "500"),
        (200, told(0), "the answer"),
        (
            200,
            json!([{ "id": TOKEN, "type": 0, "author": { "id": BOT } }]).to_string(),
            "the answer names no post",
        ),
    ] {
        let (server, channel) = open(Api::new(), &[]).await;
        server.state().network.messages.push(message(1, BOT, "Ours"));
        server
            .state()
            .others
            .extend([Fate::Done, Fate::refused(status, "Retry-After: 3\r\n", body.as_str())]);
        let why = channel.watch(now()).await.unwrap_err();
        assert!(why.contains(expected), "{status} {body}: {why}");
        assert!(!why.contains("hunter2"), "{why}");
        assert!(channel.watch(now()).await.is_ok(), "the next look is not worse for it");
    }
    let fake = Fake::start(vec![answer(200, "", r#"{"id":"../x","username":"Bank"}"#)]).await;
    assert_eq!(to(&fake.url).watch(now()).await.unwrap_err(), "Discord does not name the bot");
    // Others' messages of an odd form say nothing.
    let odd = json!([7, {}, { "id": "x" }, { "id": "5", "author": 7 }]).to_string();
    let (server, channel) = open(Api::new(), &[]).await;
    server.state().others.extend([Fate::Done, Fate::refused(200, "", odd)]);
    assert!(look(&*channel, 0).await.posts().is_empty());
    // A page is waited for when its turn is soon, and not when it is late.
    let (server, channel) = open(Api::new(), &[]).await;
    for n in 0..5 {
        server.state().network.messages.push(message(n, BOT, "Ours"));
    }
    server.state().network.rest = Some("0.05");
    assert_eq!(look(&*channel, 0).await.posts().len(), 5);
    server.state().network.rest = Some("60");
    assert_eq!(channel.watch(now()).await.unwrap_err(), "Discord asks us to wait");
}
