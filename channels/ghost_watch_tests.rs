//! What the watch sees of a strict Ghost.

use chrono::{TimeDelta, TimeZone};

use super::site::{KEY, Site};
use super::tests::{job, open, to};
use super::*;
use crate::strict::Fate;
use crate::suite::{self, Fake, answer};
use crate::watch::{Account, Told, part_said};

fn day() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 1, 1, 0, 0, 0).unwrap()
}

fn at(minutes: i64) -> String {
    (day() + TimeDelta::minutes(minutes)).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

async fn look(channel: &dyn Channel, since: i64) -> Account {
    channel.watch(day() + TimeDelta::minutes(since)).await.unwrap().unwrap()
}

fn ids(list: &watch::List) -> Vec<&str> {
    list.posts.iter().map(|p| p.id.as_str()).collect()
}

#[tokio::test]
async fn all_that_is_out_is_seen_and_what_we_published_bears_the_id_of_its_receipt() {
    let (server, channel) = open(Site::default(), &[]).await;
    let ours = channel.publish(&job(), &Pass::open_for_tests()).await.unwrap();
    let theirs = server.state().network.publish("Win a <b>prize</b>", &at(-600));
    let seen = look(&*channel, 0).await;
    assert_eq!(
        (seen.id.as_str(), seen.shown.as_str()),
        ("ghost https://bank.example", "Bank (bank.example)")
    );
    let [made, dated] = &seen.lists[..] else { panic!("{seen:?}") };
    assert_eq!((made.told, dated.told), (Told::ByOrder { whole: true }, Told::ByTime));
    // It was made last, whatever date it bears.
    assert_eq!(ids(made), [&theirs, &ours.remote_id]);
    assert_eq!(ids(dated), [&ours.remote_id, &theirs]);
    assert_eq!(made.posts[0].words, "Win a <b>prize</b> Send coins");
    assert_eq!(made.posts[0].at, Some(day() - TimeDelta::minutes(600)));
    assert_eq!(made.posts[0].url.as_deref(), Some("https://bank.example/theirs/"));
    assert_eq!(part_said(&made.posts[1].words, &job().rendition), Some(0), "{:?}", made.posts[1]);
    // What is not out is no post, what went out by e-mail is one, and members' words stay there.
    for (status, visibility) in [("draft", "public"), ("scheduled", "public"), ("sent", "members")] {
        let id = server.state().network.publish("More", &at(5));
        let mut state = server.state();
        let post = state.network.posts.iter_mut().find(|p| p["id"] == id).unwrap();
        (post["status"], post["visibility"]) = (status.into(), visibility.into());
    }
    let seen = look(&*channel, 0).await;
    let all: Vec<&str> = seen.posts().iter().map(|p| p.words.as_str()).collect();
    assert_eq!((all.len(), all[0]), (3, "More (for members only)"), "{all:?}");
    channel.retract(&job(), Some(&ours.remote_id)).await;
    assert_eq!(look(&*channel, 0).await.posts().len(), 2);
}

#[tokio::test]
async fn pages_are_turned_until_the_last_look_and_no_further() {
    let (server, channel) = open(Site::default(), &[]).await;
    for n in 0..8 {
        server.state().network.publish("Spam", &at(n));
    }
    for (since, pages, more) in [(8, 1, false), (5, 2, false), (3, 2, false), (2, 3, false), (-9, 3, false)] {
        server.state().requests.clear();
        let seen = look(&*channel, since).await;
        assert_eq!((server.state().requests.len(), seen.more), (2 + pages, more), "since {since}");
        assert_eq!(seen.lists[0].told, Told::ByOrder { whole: false });
        assert_eq!(seen.lists[1].posts.len(), 8.min(3 * pages));
    }
    server.state().network.publish("Spam", &at(8));
    server.state().network.publish("Spam", &at(9));
    assert!(look(&*channel, -9).await.more, "there is more than can be looked through");
    assert!(!look(&*channel, 2).await.more);
}

#[tokio::test]
async fn words_that_end_inside_of_a_character_are_read() {
    let id = "6489b1a3c0c4d2a1b3e50001";
    let page = |excerpt: &str| {
        format!(
            r#"{{"posts":[{{"id":"{id}","title":"T","excerpt":{excerpt},"published_at":"2026-01-01T00:00:00.000Z",
            "url":"https://a.example/{KEY}\n","visibility":"public"}}],"meta":{{"pagination":{{"next":null}}}}}}"#
        )
    };
    let site = r#"{"site":{"title":"Bank","url":"https://bank.example/sub/?x#y"}}"#;
    // An emoji has two units of UTF-16; the answer holds the first one.
    let cut = format!(r#""{}\ud83d""#, "a".repeat(499));
    for (excerpt, expected) in [
        (cut.as_str(), format!("T {}…", "a".repeat(497))),
        (r#""Send coins""#, "T Send coins".to_owned()),
        ("null", "T".to_owned()),
    ] {
        let steps = [site.to_owned(), page(excerpt), page(excerpt)].map(|body| answer(200, "", &body));
        let fake = Fake::start(steps.to_vec()).await;
        let seen = look(&*to(&fake.url), 0).await;
        assert_eq!((&seen.posts()[0].words, &seen.posts()[0].url), (&expected, &None));
        assert_eq!(seen.id, "ghost https://bank.example/sub");
    }
}

#[tokio::test]
async fn a_look_that_fails_says_why_and_shows_no_key() {
    let told =
        |kind: &str| json!({ "errors": [{ "type": kind, "message": format!("no, {KEY}") }] }).to_string();
    for (status, body, words) in [
        (401, told("UnauthorizedError"), "the admin key is refused"),
        (403, told("NoPermissionError"), "the admin key may not do this; use that of an integration"),
        (404, told(""), "no Ghost is at this address"),
        (429, told("TooManyRequestsError"), "Ghost asks us to wait"),
        (500, told("InternalServerError"), "500"),
        (200, format!("{{\"posts\":\"{KEY}\"}}"), "the answer"),
        (200, r#"{"posts":[]}"#.to_owned(), "the answer"),
        (
            200,
            json!({ "posts": [{ "id": KEY, "published_at": at(0), "excerpt": null }],
            "meta": { "pagination": { "next": null } } })
            .to_string(),
            "the answer names no post",
        ),
    ] {
        for good in [0, 1, 2] {
            let (server, channel) = open(Site::default(), &[]).await;
            server.state().network.publish("Spam", &at(0));
            server.state().others.extend(std::iter::repeat_n(Fate::Done, good));
            server.state().others.push_back(Fate::refused(status, "", body.as_str()));
            let why = channel.watch(day()).await.unwrap_err();
            let of_site = good == 0 && status == 200;
            assert!(of_site || why.contains(words), "{status} after {good}: {why}");
            assert!(!why.contains("0b0b0b") && !why.contains(KEY), "{why}");
        }
    }
    let fake = Fake::start(vec![answer(200, "", r#"{"site":{"title":"Bank","url":"mailto:x"}}"#)]).await;
    let why = to(&fake.url).watch(day()).await.unwrap_err();
    assert_eq!(why, "the site does not say its address");
    let fake = Fake::start(vec![suite::Step::Cut(suite::Cut::MidBody)]).await;
    assert!(to(&fake.url).watch(day()).await.is_err());
}
