//! What the watch sees of a strict Slack.

use super::server::{Api, TOKEN};
use super::tests::{open, to};
use super::*;
use crate::strict::Fate;
use crate::suite::{self, Fake, answer};
use crate::watch::{Account, Told, part_said};

/// A message that was written so many seconds after the time of the strict server's first one.
fn message(seconds: i64, bot: &str, text: &str) -> Value {
    let ts = format!("{}.000200", 1_700_000_101 + seconds);
    json!({ "type": "message", "ts": ts, "bot_id": bot, "text": text })
}

fn since(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_101 + seconds, 0).unwrap()
}

async fn look(channel: &dyn Channel, seconds: i64) -> Account {
    channel.watch(since(seconds)).await.unwrap().unwrap()
}

fn words(seen: &Account) -> Vec<&str> {
    seen.lists[0].posts.iter().map(|p| p.words.as_str()).collect()
}

#[tokio::test]
async fn messages_of_the_bot_are_seen_and_those_of_others_are_not() {
    let (server, channel) = open(Api::new(), &[]).await;
    let mut job = suite::job();
    job.rendition.text =
        "*Cards* <b> & more: https://bank.example/?a=1&b=2 (https://bank.example)".to_owned();
    let ours = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
    {
        let mut state = server.state();
        let all = &mut state.network.messages;
        all.push(message(1, "B2", "Another bot"));
        all.push(json!({ "type": "message", "ts": "1700000103.000200", "user": "U2", "text": "A person" }));
        // The same key, copied.
        let mut theirs = message(3, "B1", "Send coins to <https://evil.example|our bank> &amp; hurry");
        theirs["metadata"] = all[0]["metadata"].clone();
        all.push(theirs);
        for (n, kind) in ["channel_join", "pinned_item", "channel_topic", "tombstone"].into_iter().enumerate()
        {
            let mut note = message(4, "B1", kind);
            note["ts"] = format!("170000010{}.000300", 4 + n).into();
            note["subtype"] = kind.into();
            all.push(note);
        }
        for (n, kind) in ["bot_message", "me_message"].into_iter().enumerate() {
            let mut other = message(9, "B1", kind);
            other["ts"] = format!("170000011{n}.000300").into();
            (other["subtype"], other["username"]) = (kind.into(), "The Bank".into());
            all.push(other);
        }
    }
    let seen = look(&*channel, 0).await;
    assert_eq!(seen.id, format!("slack {} C024BE91L B1", server.url), "the bot in this channel");
    assert_eq!((seen.shown.as_str(), seen.more), ("holdline (Bank, C024BE91L)", false));
    let text = "*Cards* <b> & more: https://bank.example/?a=1&b=2 (https://bank.example)";
    assert_eq!(words(&seen), ["me_message", "bot_message", "Send coins to our bank & hurry", text]);
    let posts = &seen.lists[0].posts;
    assert_eq!((&posts[3].id, &posts[3].url), (&ours.remote_id, &ours.url));
    assert_eq!(part_said(&posts[3].words, &job.rendition), Some(0));
    assert_eq!(posts[2].at.unwrap().timestamp_micros(), 1_700_000_104_000_200);
    assert_eq!(seen.lists[0].told, Told::ByTime);
    // What is taken down is not there; new words make no post.
    let changed = suite::changed(&ours.remote_id);
    channel.retract(&changed, Some(&ours.remote_id)).await;
    assert_eq!(look(&*channel, 0).await.posts().len(), 3);
}

#[tokio::test]
async fn pages_are_turned_until_the_last_look_and_no_further() {
    let (server, channel) = open(Api::new(), &[]).await;
    // Two of three are chat.
    for n in 0..15 {
        let bot = if n % 3 == 0 { "B1" } else { "B2" };
        server.state().network.messages.push(message(n, bot, &format!("Post {n}")));
    }
    look(&*channel, 0).await;
    for (from, pages, posts) in [(99, 1, 1), (12, 2, 2), (7, 3, 3), (0, 5, 5)] {
        server.state().requests.clear();
        let seen = look(&*channel, from).await;
        assert_eq!((server.state().requests.len(), seen.posts().len()), (pages, posts), "since {from}");
        assert!(!seen.more);
    }
    server.state().network.messages.push(message(15, "B2", "More chat"));
    let seen = look(&*channel, 0).await;
    assert!(seen.more && seen.posts().len() == 4, "five pages of three: {seen:?}");
    assert!(!look(&*channel, 9).await.more);
}

#[tokio::test]
async fn replies_of_the_bot_are_seen_where_somebody_may_look_for_them() {
    let mut api = Api { user: "U9", ..Api::new() };
    let mut first = message(-900, "B1", "Cards fail");
    first["thread_ts"] = first["ts"].clone();
    (first["reply_users"], first["reply_users_count"]) = (json!(["U2"]), 1.into());
    first["latest_reply"] = "1700000105.000200".into();
    let thread = first["ts"].clone();
    api.messages.push(first);
    for (n, bot) in [(-600, "B1"), (3, "B2"), (4, "B1")] {
        let mut reply = message(n, bot, "Send coins");
        reply["thread_ts"] = thread.clone();
        api.replies.push(reply);
    }
    let (server, channel) = open(api, &[]).await;
    let ids = |seen: &Account| seen.lists[0].posts.iter().map(|p| p.id.clone()).collect::<Vec<_>>();
    let [reply, post] = ["C024BE91L:1700000105.000200", "C024BE91L:1699999201.000200"];
    assert_eq!(ids(&look(&*channel, 0).await), [post], "only another one has replied");
    for (users, count, replied) in
        [(json!(["U2", "U9"]), 2, "1700000105.000200"), (json!(["U2"]), 6, "1700000105.000200")]
    {
        {
            let mut state = server.state();
            let first = &mut state.network.messages[0];
            (first["reply_users"], first["reply_users_count"]) = (users, count.into());
            first["latest_reply"] = replied.into();
        }
        assert_eq!(ids(&look(&*channel, 0).await), [reply, post]);
        assert_eq!(ids(&look(&*channel, 5).await), [post], "nothing since");
    }
    // More threads than one look reads: they are read in turn.
    server.state().network.page = 100;
    let more = |from: u32, to: u32| {
        let mut state = server.state();
        for n in from..=to {
            let mut another = state.network.messages[0].clone();
            another["ts"] = format!("1700000{}.000400", 101 + n).into();
            another["thread_ts"] = another["ts"].clone();
            state.network.messages.push(another);
        }
    };
    for (to, looks) in [(5, 2), (24, 5)] {
        more(if to == 5 { 1 } else { 6 }, to);
        let mut read = 0;
        for minute in 0..looks {
            let seen = look(&*channel, -60 * minute).await;
            assert!(!seen.more, "{seen:?}");
            read += usize::from(ids(&seen).contains(&reply.to_owned()));
        }
        assert!(read >= 1, "{to}");
    }
    more(25, 25);
    assert!(look(&*channel, 0).await.more, "more than are read before what was said is too old");
}

#[tokio::test]
async fn what_readers_see_is_quoted_whatever_the_text_for_notifications_says() {
    let mut api = Api::new();
    let mut blocks = message(1, "B1", "Cards work");
    blocks["blocks"] = json!([
        { "type": "header", "text": { "type": "plain_text", "text": "Free <coins>" } },
        { "type": "section", "text": { "type": "mrkdwn", "text": "see <https://evil.example|here>" },
          "fields": [{ "type": "mrkdwn", "text": "a &lt; b" }] },
        { "type": "rich_text", "elements": [{ "type": "rich_text_section", "elements": [
            { "type": "text", "text": "and " }, { "type": "link", "url": "https://evil.example/b" }] }] },
        { "type": "image", "alt_text": "A map", "image_url": "x" },
    ]);
    let mut attached = message(2, "B1", "");
    attached["attachments"] = json!([{ "title": "A prize", "text": "for <https://evil.example>" }]);
    let mut file = message(3, "B1", "");
    (file["subtype"], file["files"]) = ("file_share".into(), json!([{ "title": "form.pdf" }]));
    api.messages.extend([blocks, attached, file, message(4, "B1", "broken <https://evil.example")]);
    let (_server, channel) = open(api, &[]).await;
    assert_eq!(
        words(&look(&*channel, -600).await),
        [
            "broken https://evil.example",
            "form.pdf",
            "A prize for https://evil.example",
            "Free <coins> see here a < b and https://evil.example/b A map",
        ]
    );
}

#[tokio::test]
async fn a_look_that_fails_says_what_to_do_and_shows_no_token() {
    let told = |error: &str| {
        json!({ "ok": false, "error": error, "needed": "groups:history", "x": TOKEN }).to_string()
    };
    for (status, body, expected) in [
        (200, told("missing_scope"), "the app lacks the permission groups:history; make a token with it"),
        (200, told("not_in_channel"), "the app is not in the channel; add it"),
        (200, told("token_revoked"), "the token is refused"),
        (200, told("ratelimited"), "Slack asks us to wait"),
        (429, told("ratelimited"), "the server asks us to wait"),
        (401, told(TOKEN), "the credential is refused"),
        (500, TOKEN.to_owned(), "500"),
        (200, format!("[\"{TOKEN}\"]"), "Slack does not say what it did"),
        (200, json!({ "ok": true, "messages": TOKEN }).to_string(), "the answer holds no messages"),
        (
            200,
            json!({ "ok": true, "messages": [{ "bot_id": "B1", "ts": TOKEN }] }).to_string(),
            "the answer names no post",
        ),
    ] {
        let (server, channel) = open(Api::new(), &[]).await;
        server
            .state()
            .others
            .extend([Fate::Done, Fate::refused(status, "Retry-After: 60\r\n", body.as_str())]);
        let why = channel.watch(since(0)).await.unwrap_err();
        assert!(why.contains(expected), "{status} {body}: {why}");
        assert!(!why.contains("hunter2"), "{why}");
        // The next look is not worse for it.
        assert!(channel.watch(since(0)).await.is_ok());
    }
    let nobody = r#"{"ok":true,"url":"u","team":"T","user":"u","bot_id":"../x"}"#;
    let fake = Fake::start(vec![answer(200, "", nobody)]).await;
    assert_eq!(to(&fake.url).watch(since(0)).await.unwrap_err(), NO_WORKSPACE);
    // Others' messages of an odd form say nothing.
    let odd =
        json!({ "ok": true, "messages": [7, {}, { "ts": 5 }, { "ts": "x", "user": "U1" }] }).to_string();
    let (server, channel) = open(Api::new(), &[]).await;
    server.state().others.extend([Fate::Done, Fate::refused(200, "", odd)]);
    assert!(look(&*channel, 0).await.posts().is_empty());
}

#[tokio::test]
async fn a_file_that_names_the_bot_as_its_user_is_seen_and_so_is_nothing_where_no_user_is_known() {
    let who = |user: &str| json!({ "ok": true, "url": "u", "team": "T", "user": "h", "bot_id": "B1", "user_id": user });
    let history = json!({ "ok": true, "messages": [
        { "ts": "1700000103.000200", "user": "U9", "subtype": "file_share", "files": [{ "title": "form.pdf" }] },
        { "ts": "1700000102.000200", "user": "", "text": "odd" },
        { "ts": "1700000101.000200", "text": "nobody's" },
    ] });
    for (user, expected) in [("U9", vec!["form.pdf"]), ("", vec![])] {
        let steps = [who(user), history.clone()].map(|body| answer(200, "", &body.to_string()));
        let fake = Fake::start(steps.to_vec()).await;
        assert_eq!(words(&look(&*to(&fake.url), 0).await), expected);
    }
}
