//! What the watch sees of a strict homeserver.

use serde_json::{Value, json};

use super::server::{Api, ME, ROOM, TOKEN, event};
use super::tests::{open, to};
use super::*;
use crate::strict::Fate;
use crate::suite::{self, Fake, answer};
use crate::watch::{Account, Told, part_said};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_060 + seconds, 0).unwrap()
}

fn say(n: usize, sender: &str, text: &str) -> Value {
    let mut event = event(n, sender, json!({ "msgtype": "m.text", "body": text }));
    event["origin_server_ts"] = at(i64::try_from(n).unwrap()).timestamp_millis().into();
    event
}

async fn look(channel: &dyn Channel, seconds: i64) -> Account {
    channel.watch(at(seconds)).await.unwrap().unwrap()
}

fn words(seen: &Account) -> Vec<&str> {
    seen.lists[0].posts.iter().map(|p| p.words.as_str()).collect()
}

#[tokio::test]
async fn messages_of_the_account_are_seen_and_those_of_others_are_not() {
    let (server, channel) = open(Api::new(), &[]).await;
    let job = suite::job();
    let ours = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    {
        let mut state = server.state();
        let all = &mut state.network.events;
        all.push(say(2, "@visitor:bank.example", "A person"));
        // The key of our delivery, copied.
        let mut theirs = say(3, ME, "Send\ncoins");
        theirs["content"]["holdline.delivery"] = job.delivery.to_string().into();
        all.push(theirs);
        let mut edit = say(4, ME, "* new words");
        edit["content"]["m.relates_to"] = json!({ "rel_type": "m.replace", "event_id": "$e1" });
        all.push(edit);
        // This replaces nothing, so apps show it.
        let mut odd = say(5, ME, "An odd edit");
        odd["content"]["m.relates_to"] = json!({ "rel_type": "m.replace" });
        all.push(odd);
        for (n, kind) in
            ["m.sticker", "m.room.encrypted", "m.reaction", "m.room.topic"].into_iter().enumerate()
        {
            let mut other = say(6 + n, ME, kind);
            other["type"] = kind.into();
            all.push(other);
        }
        let mut poll = event(10, ME, json!({ "org.matrix.msc1767.text": "Coins?" }));
        poll["type"] = "org.matrix.msc3381.poll.start".into();
        all.push(poll);
        all.push(say(11, ME, "Taken down"));
        // So do some servers show what was taken down.
        all.push(event(12, ME, json!({})));
        state.network.redact("$e11", "@visitor:bank.example", &json!({}));
    }
    let seen = look(&*channel, -600).await;
    assert_eq!(
        seen.id,
        format!("matrix {ME} {ROOM}"),
        "the account in this room, whatever the server's address"
    );
    assert_eq!((seen.shown.as_str(), seen.more), ("@bank:bank.example (!room:bank.example)", false));
    let text = job.rendition.text.as_str();
    assert_eq!(words(&seen), ["Coins?", "(encrypted)", "m.sticker", "An odd edit", "Send coins", text]);
    let posts = &seen.lists[0].posts;
    assert_eq!((&posts[5].id, &posts[5].url), (&ours.remote_id, &ours.url));
    assert_eq!(part_said(&posts[5].words, &job.rendition), Some(0));
    assert_eq!(posts[4].at, Some(at(3)));
    assert_eq!(seen.lists[0].told, Told::ByOrder { whole: true });
    // What is taken down is none.
    channel.retract(&job, Some(&ours.remote_id)).await;
    assert_eq!(look(&*channel, -600).await.posts().len(), 5);
}

#[tokio::test]
async fn pages_are_turned_until_the_last_look_and_no_further() {
    let (server, channel) = open(Api::new(), &[]).await;
    for n in 1..=20 {
        let said = say(n, if n % 2 == 0 { ME } else { "@visitor:bank.example" }, &format!("Post {n}"));
        server.state().network.events.push(said);
    }
    look(&*channel, 99).await;
    // Pages of three of the account's own.
    for (from, pages, posts, whole) in
        [(99, 1, 3, false), (16, 2, 6, false), (3, 4, 10, true), (-9, 4, 10, true)]
    {
        server.state().requests.clear();
        let seen = look(&*channel, from).await;
        assert_eq!((server.state().requests.len(), seen.posts().len()), (pages, posts), "since {from}");
        assert_eq!((seen.lists[0].told, seen.more), (Told::ByOrder { whole }, false));
    }
    for n in 21..=100 {
        server.state().network.events.push(say(n, ME, "Spam"));
    }
    let seen = look(&*channel, -9).await;
    assert!(seen.more && seen.posts().len() == 60, "twenty pages of three");
    assert_eq!(seen.lists[0].told, Told::ByOrder { whole: false });
}

#[tokio::test]
async fn a_server_that_shows_empty_pages_is_asked_on_and_one_without_sense_of_the_filter_is_not_believed() {
    let page =
        |chunk: Value, end: Option<&str>| answer(200, "", &json!({ "chunk": chunk, "end": end }).to_string());
    let who = answer(200, "", &json!({ "user_id": ME }).to_string());
    let others = json!([say(1, "@visitor:bank.example", "A person")]);
    let steps = vec![
        who,
        page(json!([]), Some("a")),
        page(others, Some("b")),
        page(json!([say(2, ME, "Ours")]), None),
    ];
    let fake = Fake::start(steps).await;
    let seen = look(&*to(&fake.url), 0).await;
    assert_eq!((words(&seen), seen.more), (vec!["Ours"], false));
    let last = fake.requests().pop().unwrap();
    assert!(last.contains("from=b"), "{last}");
}

#[tokio::test]
async fn a_look_that_fails_says_what_to_do_and_shows_no_token() {
    let told = |code: &str| json!({ "errcode": code, "error": format!("no, {TOKEN}") }).to_string();
    for (status, body, expected) in [
        (401, told("M_UNKNOWN_TOKEN"), "the token is refused; log in again and give the new one"),
        (403, told("M_FORBIDDEN"), "the account is not in the room; invite it and let it join"),
        (429, told("M_LIMIT_EXCEEDED"), "the server asks us to wait"),
        (500, TOKEN.to_owned(), "500"),
        (200, told(""), "the answer"),
        (
            200,
            json!({ "chunk": [{ "sender": ME, "content": { "body": "x" }, "event_id": TOKEN }] }).to_string(),
            "the answer names no post",
        ),
    ] {
        let (server, channel) = open(Api::new(), &[]).await;
        server.state().others.extend([Fate::Done, Fate::refused(status, "", body.as_str())]);
        let why = channel.watch(at(0)).await.unwrap_err();
        assert!(why.contains(expected), "{status} {body}: {why}");
        assert!(!why.contains("hunter2"), "{why}");
        assert!(channel.watch(at(0)).await.is_ok(), "the next look is not worse for it");
    }
}
