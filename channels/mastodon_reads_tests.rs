//! What the Mastodon adapter finds on a strict server, takes down there, and says of it.

use chrono::TimeDelta;

use super::answers::Software;
use super::kinds::Kind;
use super::server::{Api, TOKEN, now};
use super::tests::{PLEROMA, connect_to, open};
use super::*;
use crate::strict::{self, attempt};
use crate::suite::{self, Fake, answer};

fn to(url: &str) -> Box<dyn Channel> {
    connect_to(url, &json!({}))
}

#[tokio::test]
async fn however_a_removal_breaks_nothing_is_said_to_be_gone_that_is_there() {
    strict::removals(Api::from(Kind::default()), to, |api| api.posts.len()).await;
}

#[tokio::test]
async fn however_reading_back_breaks_nothing_is_said_to_be_absent_that_is_there() {
    // Which account it is, its posts, and the words of the one that can be it.
    strict::reads(Api::from(Kind::default()), to, 3).await;
}

#[tokio::test]
async fn the_same_words_of_before_or_twice_are_not_taken_for_this_post() {
    for ahead in [0, 7_200, -7_200] {
        let kind = Kind { ahead: TimeDelta::seconds(ahead), ..Kind::default() };
        let (server, channel) = open(kind, &[]).await;
        let (text, clock) = (suite::job().rendition.text, now() + TimeDelta::seconds(ahead));
        // The attempt was permitted 50 s ago.
        for n in 0..7 {
            server.add("7", &text, clock - TimeDelta::seconds(111 + n));
        }
        assert_eq!(channel.read_back(&suite::job()).await, Sighting::Absent, "{ahead}");
        server.add("7", "Something else", clock - TimeDelta::seconds(3));
        let id = server.add("7", &text, clock - TimeDelta::seconds(40));
        for n in 0..4 {
            server.add("7", "More", clock - TimeDelta::seconds(n));
        }
        let Sighting::Found(receipt) = channel.read_back(&suite::job()).await else { panic!("{ahead}") };
        assert_eq!(receipt.remote_id, id);
        server.add("7", &text, clock);
        assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Unknown(_)), "{ahead}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_not_absent() {
    let (server, channel) = open(Kind { has_source: false, ..Kind::default() }, &[]).await;
    assert_eq!(channel.read_back(&suite::job()).await, Sighting::Absent, "no post at all");
    attempt(&*channel).await.unwrap();
    assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Unknown(_)));
    for _ in 0..30 {
        server.add("7", "Payments by card", now());
    }
    let Sighting::Unknown(why) = channel.read_back(&suite::job()).await else { panic!() };
    assert!(why.contains("too much"), "{why}");
    let fake = Fake::start(vec![answer(502, "", "")]).await;
    let channel = connect_to(&fake.url, &json!({}));
    assert!(matches!(channel.read_back(&suite::job()).await, Sighting::Unknown(_)));
}

#[tokio::test]
async fn only_what_can_be_the_post_is_asked_for_and_once() {
    let (server, channel) = open(Kind::default(), &[]).await;
    attempt(&*channel).await.unwrap();
    let text = suite::job().rendition.text;
    for _ in 0..8 {
        server.add("7", "Marketing", now());
    }
    for other in [
        json!({ "status": text, "visibility": "unlisted" }),
        json!({ "status": text, "visibility": "public", "media_ids": ["50"] }),
        json!({ "status": text, "visibility": "public", "spoiler_text": "Cards" }),
    ] {
        let id = server.add("7", "", now());
        server.state().network.posts.iter_mut().find(|p| p.id == id).unwrap().sent = other;
    }
    for _ in 0..2 {
        let Sighting::Found(receipt) = channel.read_back(&suite::job()).await else { panic!() };
        assert_eq!(receipt.remote_id, "101");
    }
    let sources: Vec<_> = server.state().requests.iter().filter(|r| r.ends_with("source")).cloned().collect();
    assert_eq!(sources, ["GET /api/v1/statuses/101/source"]);
}

#[tokio::test]
async fn looks_leave_to_posts_what_the_server_still_takes() {
    let account = answer(200, "", r#"{"id":"7","acct":"bank"}"#);
    let post = r#"[{"id":"101","created_at":"2023-11-14T22:14:20.000Z"}]"#;
    for last in [
        answer(200, "X-RateLimit-Limit: 300\r\nX-RateLimit-Remaining: 59\r\n", post),
        answer(200, "X-RateLimit-Remaining: 29\r\n", post),
        answer(429, "Retry-After: 7\r\n", "{}"),
    ] {
        let fake = Fake::start(vec![account.clone(), last]).await;
        let channel = connect_to(&fake.url, &json!({}));
        for _ in 0..2 {
            let seen = channel.read_back(&suite::job()).await;
            assert!(matches!(seen, Sighting::Unknown(_)), "{seen:?}");
            assert_eq!(fake.requests().len(), 2);
        }
    }
}

#[tokio::test]
async fn only_the_post_of_the_delivery_is_taken_down() {
    let (server, channel) = open(Kind::default(), &[]).await;
    attempt(&*channel).await.unwrap();
    assert!(
        matches!(channel.retract(&suite::job(), None).await, Retraction::StillLive(_)),
        "words prove nothing"
    );
    let other = server.add("8", "Of another account", now());
    assert!(matches!(channel.retract(&suite::job(), Some(&other)).await, Retraction::StillLive(_)));
    assert_eq!(channel.retract(&suite::job(), Some("101")).await, Retraction::Gone);
    assert_eq!(server.copies(), 1, "the other account's");
    assert_eq!(channel.retract(&suite::job(), Some("101")).await, Retraction::Gone, "it is gone already");
    for odd in ["", "1/../2", "https://x.example"] {
        assert!(matches!(channel.retract(&suite::job(), Some(odd)).await, Retraction::StillLive(_)), "{odd}");
    }
    // To followers only: that it is not shown may have another reason.
    let hidden = connect_to(&server.url, &json!({ "visibility": "private" }));
    assert!(matches!(hidden.retract(&suite::job(), Some("101")).await, Retraction::StillLive(_)));
    // A 404 without words says that no API is there.
    let fake = Fake::start(vec![answer(404, "", "<html>")]).await;
    let channel = connect_to(&fake.url, &json!({}));
    assert!(matches!(channel.retract(&suite::job(), Some("101")).await, Retraction::StillLive(_)));
}

#[tokio::test]
async fn a_check_tells_what_the_server_is_and_takes() {
    let logged = "logged in as @bank; Mastodon 4.3.2, 500 characters";
    let none = "logged in as @bank; Pleroma 2.6.0, 500 characters; a repeated post may appear twice";
    for (kind, detail, unit) in [
        (Kind::default(), logged, Unit::Mastodon),
        (Kind { has_v2: false, scopes: Value::Null, ..Kind::default() }, logged, Unit::Mastodon),
        (Kind { version: PLEROMA, ..Kind::default() }, none, Unit::CharactersAndTitle),
    ] {
        let told = !kind.scopes.is_null();
        let (_server, channel) = open(kind, &[]).await;
        assert_eq!(channel.limits(), None);
        let seen = Health::ready(detail.to_owned()).of("@bank@127.0.0.1");
        // Permissions that a server does not tell are not known.
        assert_eq!(channel.check().await, if told { seen.lacks(&[]) } else { seen });
        let limits = channel.limits().unwrap();
        assert_eq!((limits.text, limits.unit, limits.title), (Some(500), unit, None));
        assert_eq!((limits.media, limits.media_bytes), (4, 16_777_216));
    }
    let (_server, channel) =
        open(Kind { scopes: json!(["read", "write:media"]), ..Kind::default() }, &[]).await;
    let seen = channel.check().await;
    assert!(!seen.ready && seen.detail.contains("write:statuses"), "{seen:?}");
    assert_eq!(seen.facts.missing, Some(vec!["write:statuses".to_owned()]));
}

#[tokio::test]
async fn a_check_names_what_is_wrong() {
    let account = |more: &str| answer(200, "", &format!(r#"{{"id":"7","acct":"bank"{more}}}"#));
    let hostile = r#"{"error":"not with hunter2-token","version":""}"#;
    for (steps, word) in [
        (vec![answer(401, "", hostile)], "refused"),
        (vec![answer(403, "", hostile)], "token"),
        (vec![account(r#","suspended":true"#)], "suspended"),
        (vec![account(r#","moved":{"id":"8"}"#)], "moved"),
        (
            vec![answer(200, "X-RateLimit-Remaining: 0\r\n", r#"{"id":"7","acct":"bank"}"#)],
            "no more requests",
        ),
        (vec![answer(503, "", hostile)], "503"),
        (vec![account(""), answer(404, "", ""), answer(200, "", hostile)], "does not say what it is"),
    ] {
        let fake = Fake::start(steps).await;
        let seen = connect_to(&fake.url, &json!({})).check().await;
        assert!(!seen.ready && seen.detail.contains(word) && !seen.detail.contains("hunter2"), "{seen:?}");
    }
}

#[test]
fn the_software_of_a_server_is_told_apart() {
    for (told, name, software) in [
        (json!({ "version": "4.3.2+glitch" }), "Mastodon 4.3.2+glitch", Software::Mastodon),
        (json!({ "version": PLEROMA }), "Pleroma 2.6.0", Software::Pleroma),
        (json!({ "version": "2.7.2 (compatible; Akkoma 3.13)" }), "Akkoma 3.13", Software::Pleroma),
        (json!({ "version": "3.5.3 (compatible; Pixelfed 0.12)" }), "Pixelfed 0.12", Software::Other),
        (
            json!({ "version": "0.19.0", "source_url": "https://codeberg.org/superseriousbusiness/gotosocial" }),
            "GoToSocial 0.19.0",
            Software::Other,
        ),
        (json!({ "version": "0.15.0" }), "server 0.15.0", Software::Other),
        (
            json!({ "version": "4.0.0 (not true; really snac/2.60)" }),
            "server 4.0.0 not true really snac2.60",
            Software::Other,
        ),
    ] {
        let server = Server::read(&told).unwrap();
        assert_eq!((server.name.as_str(), server.software), (name, software));
    }
    let pleroma = Server::read(&json!({ "version": PLEROMA, "max_toot_chars": 5_000 })).unwrap();
    assert_eq!(limits_by(&json!({ "warning": "title" }), pleroma.limits()).title, Some(5_000));
    assert_eq!((Server::read(&json!({})), Server::read(&json!({ "version": " " }))), (None, None));
}

#[tokio::test]
async fn a_name_is_shown_without_what_cannot_be_kept() {
    let acct = format!("ba\\u0000nk\\u202e{}", "a".repeat(500));
    let account = answer(200, "", &format!(r#"{{"id":"7","acct":"{acct}"}}"#));
    let instance = answer(200, "", r#"{"version":"4.3.2"}"#);
    let fake = Fake::start(vec![account, answer(404, "", ""), instance]).await;
    let seen = connect_to(&fake.url, &json!({})).check().await;
    let detail = format!("logged in as @bank{}; Mastodon 4.3.2, 500 characters", "a".repeat(96));
    assert_eq!((seen.ready, seen.detail), (true, detail));
    let account = seen.facts.account.unwrap();
    assert!(account.ends_with("a@127.0.0.1") && !account.contains(['\0', '\u{202e}']), "{account:?}");
}

#[test]
fn settings_that_cannot_work_are_refused() {
    for settings in [
        json!({}),
        json!({ "server": "ftp://social.example" }),
        json!({ "server": "https://social.example", "visibility": "direct" }),
        json!({ "server": "https://social.example", "warning": "always" }),
    ] {
        assert!(suite::connect(&ADAPTER, settings.clone(), Some(TOKEN)).is_err(), "{settings}");
    }
    assert!(suite::connect(&ADAPTER, json!({ "server": "https://social.example" }), None).is_err());
}

#[test]
fn title_and_text_share_the_limit() {
    let limits = limits_by(&json!({ "warning": "title" }), ADAPTER.limits);
    assert_eq!(limits_by(&json!({}), limits).title, None);
    let mut post = suite::job().rendition;
    post.text = format!("{} https://bank.example.org/a/long/path/to/a/page", "a".repeat(470));
    post.title = Some("Cards".to_owned());
    assert!(crate::text::check(&post, &limits).is_empty(), "470 + 1 + 23 + 5 = 499");
    post.title = Some("Cards!!".to_owned());
    let said = crate::text::check(&post, &limits);
    assert_eq!(
        said.iter().map(|p| p.message.as_str()).collect::<Vec<_>>(),
        ["is 1 too long; the limit is 500"]
    );
}
