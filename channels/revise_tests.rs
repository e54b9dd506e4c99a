//! What each network is asked when a post gets other words, and what its answers mean. WordPress and Matrix are
//! tried on real servers in `tests/revisions.rs` too.

use std::time::Duration;

use serde_json::{Value, json};

use crate::revise::{GONE, HIDDEN, NO_CHANGES, Shows};
use crate::suite::{self, Expected, Fake, Kit, Step, answer};
use crate::{ALL, Adapter, Channel, Failure, Pass, Receipt, Retry, Sighting, matrix, slack, wordpress};

const TS: &str = "C024BE91L:1700000100.000100";
const KEY: &str = "01936d3c-1c5e-7a3b-8000-3f2f5a8c9d10";
const FIRST: &str = "01936d3c-1c5e-7a3b-8000-3f2f5a8c9d00";
const PUBLIC: &str = r#"{"id":7,"status":"publish","link":"https://bank.example/s","slug":"s","title":{"raw":""},"content":{"raw":"<div><p>Cards are slow.</p></div>"}}"#;
const EVENT: &str = "!room:bank.example $e1";
const PUBLISHED: &str = r#"{"posts":[{"id":"6489b1a3c0c4d2a1b3e50001","status":"published","slug":"s","updated_at":"2026-01-01T00:00:02.000Z","url":"https://bank.example/s/","title":"","html":"<p>Cards are slow.</p>"}]}"#;
const GHOST_KEY: &str =
    "6489b1a3c0c4d2a1b3e50001:0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
const ME: &str = r#"{"user_id":"@bank:bank.example"}"#;
const THERE: &str =
    r#"{"event_id":"$e1","sender":"@bank:bank.example","content":{"body":"Cards are slow."}}"#;

pub fn ok(body: &str) -> Step {
    answer(200, "", body)
}

/// What statuses mean wherever a network has no table of its own.
fn table(more: &[(u16, Expected)]) -> Vec<(u16, Expected)> {
    let mut all = vec![
        (200, Expected::Accepted),
        (401, Expected::Rejected(Retry::Reconnect)),
        (403, Expected::Rejected(Retry::Reconnect)),
        (408, Expected::InDoubt),
        (429, Expected::Rejected(Retry::After(Duration::from_secs(7)))),
        (500, Expected::InDoubt),
        (503, Expected::InDoubt),
    ];
    all.extend_from_slice(more);
    all
}

/// Where each network is, by what it is asked, what it answers, and what it calls the post.
type Facts = (fn(&str) -> Value, &'static str, &'static str, &'static str);

fn facts(adapter: &str) -> Facts {
    match adapter {
        "discord" => {
            (|_| json!({}), "{url}/api/webhooks/77/hunter2", r#"{"id":"101","channel_id":"6"}"#, "77:6:101")
        }
        "discord_bot" => {
            let settings = |url: &str| json!({ "server": url, "channel": "6" });
            (settings, "MTIz.hunter2.abc", r#"{"id":"101","channel_id":"6"}"#, "6:101")
        }
        "facebook" => {
            let settings = |url: &str| json!({ "server": url, "page": "100200300400500" });
            let accepted = r#"{"success":true,"permalink_url":"https://www.facebook.com/x"}"#;
            (settings, "EAAhunter2", accepted, "100200300400500_900000001")
        }
        "ghost" => (|url| json!({ "url": url }), GHOST_KEY, PUBLISHED, "6489b1a3c0c4d2a1b3e50001"),
        "linkedin" => {
            (|url| json!({ "server": url, "organization": "4711" }), "hunter2-token", "", "urn:li:share:7")
        }
        "mastodon" => {
            let accepted = r#"{"id":"101","url":"https://social.example/@bank/101","visibility":"public"}"#;
            (|url| json!({ "server": url }), "hunter2-token", accepted, "101")
        }
        "matrix" => {
            let settings = |url: &str| json!({ "server": url, "room": "!room:bank.example" });
            (settings, "syt_hunter2_a", r#"{"event_id":"$e2"}"#, EVENT)
        }
        "sandbox" => {
            let accepted = r#"{"id":"9","key":"k","delivery":"d","kind":"update","title":null,"text":"t","language":"en"}"#;
            (|url| json!({ "url": format!("{url}/demo") }), "none-of-it", accepted, "9")
        }
        "slack" => {
            let settings = |url: &str| json!({ "server": url, "channel": "C024BE91L" });
            let accepted = r#"{"ok":true,"channel":"C024BE91L","ts":"1700000100.000100"}"#;
            (settings, "xoxb-hunter2-hunter2", accepted, TS)
        }
        "telegram" => {
            let settings = |url: &str| json!({ "server": url, "chat": "@bank" });
            let accepted = r#"{"ok":true,"result":{"message_id":41,"chat":{"id":-1001,"type":"channel"}}}"#;
            (settings, "123456:hunter2-hunter2_hunter2", accepted, "123456:-1001:41")
        }
        "wordpress" => (|url| json!({ "url": url, "account": "press" }), "hunter2 abcd efgh", PUBLIC, "7"),
        other => panic!("{other}"),
    }
}

fn kit(adapter: Adapter) -> (Kit, &'static str) {
    let (settings, credential, accepted, id) = facts(adapter.name);
    // What is looked at before the request that carries the words.
    let before = match adapter.name {
        "matrix" => vec![ok(ME), ok(THERE), ok(r#"{"chunk":[],"start":"0"}"#)],
        "ghost" => vec![ok(PUBLISHED)],
        "wordpress" => vec![ok(PUBLIC)],
        "mastodon" => vec![ok(accepted), ok(r#"{"id":"101","text":"Cards are slow."}"#)],
        "linkedin" => vec![ok(r#"{"id":"urn:li:share:7","commentary":"Cards are slow."}"#)],
        "facebook" => vec![ok(r#"{"id":"100200300400500_900000001","message":"Cards are slow."}"#)],
        _ => Vec::new(),
    };
    let quiet = before.len();
    let credential = Some(credential);
    let secrets: &[&str] = if adapter.name == "ghost" { &["0b0b0b0b0b"] } else { &["hunter2"] };
    let table = table(&[(400, Expected::Rejected(Retry::Never))]);
    (Kit { adapter, settings, credential, secrets, before, quiet, accepted, table }, id)
}

#[tokio::test]
async fn new_words_pass_the_suite() {
    for adapter in ALL.iter().filter(|a| a.capabilities.revises.is_some() && a.name != "website") {
        let (kit, id) = kit(Adapter { ..*adapter });
        suite::all_of_a_change(&kit, id).await;
    }
}

async fn fake(adapter: Adapter, steps: Vec<Step>) -> (Fake, Box<dyn Channel>, &'static str) {
    let (kit, id) = kit(adapter);
    let fake = Fake::start(steps).await;
    let credential = kit.credential.map(|c| c.replace("{url}", &fake.url));
    let channel = suite::connect(&kit.adapter, (kit.settings)(&fake.url), credential.as_deref()).unwrap();
    (fake, channel, id)
}

/// Changes the post once.
pub async fn change(adapter: Adapter, steps: Vec<Step>) -> (Fake, Result<Receipt, Failure>) {
    let (fake, channel, id) = fake(adapter, steps).await;
    let pass = Pass::open_for_tests();
    let result = channel.revise(&suite::changed(id), &suite::revised(id), &pass).await;
    assert!(!format!("{result:?}").contains("hunter2"), "{result:?}");
    (fake, result)
}

pub async fn seen(adapter: Adapter, steps: Vec<Step>) -> Sighting {
    let (_fake, channel, id) = fake(adapter, steps).await;
    let seen = channel.read_revised(&suite::changed(id), &suite::revised(id)).await;
    assert!(!format!("{seen:?}").contains("hunter2"), "{seen:?}");
    seen
}

pub fn never(why: &str) -> Result<Receipt, Failure> {
    Err(Failure::Rejected { reason: why.to_owned(), retry: Retry::Never })
}

pub fn sent(fake: &Fake, n: usize) -> Value {
    serde_json::from_str(&fake.content(n)).unwrap()
}

#[tokio::test]
async fn a_long_edit_of_slack_shows_all_its_words_and_has_no_more_text_than_it_takes() {
    let done = ok(r#"{"ok":true,"channel":"C024BE91L","ts":"1700000100.000100"}"#);
    let (fake, channel, id) = fake(slack::ADAPTER, vec![done]).await;
    let mut job = suite::changed(id);
    job.rendition.text = "é".repeat(4_000);
    channel.revise(&job, &suite::revised(id), &Pass::open_for_tests()).await.unwrap();
    let sent = sent(&fake, 0);
    assert!(sent["text"].as_str().unwrap().len() <= 4_000);
    assert_eq!(sent["blocks"], crate::slack_text::blocks(&job.rendition.text));
}

#[tokio::test]
async fn slack_changes_its_own_message() {
    let done = ok(r#"{"ok":true,"channel":"C024BE91L","ts":"1700000100.000100"}"#);
    let (fake, result) = change(slack::ADAPTER, vec![done]).await;
    assert_eq!(result.unwrap().remote_id, TS);
    assert!(fake.requests()[0].starts_with("POST /api/chat.update "));
    let text = &suite::job().rendition.text;
    assert_eq!(
        sent(&fake, 0),
        json!({ "channel": "C024BE91L", "ts": "1700000100.000100", "text": text, "parse": "none",
            "link_names": false, "blocks": crate::slack_text::blocks(text),
            "metadata": { "event_type": "holdline_post",
                "event_payload": { "delivery": FIRST, "revision": KEY } } })
    );
    let refused = |word: &str| vec![ok(&format!(r#"{{"ok":false,"error":"{word}"}}"#))];
    assert_eq!(change(slack::ADAPTER, refused("message_not_found")).await.1, never(GONE));
    for word in ["edit_window_closed", "cant_update_message"] {
        let said = change(slack::ADAPTER, refused(word)).await.1;
        assert_eq!(said, never(&format!("Slack does not change the post (status 200): {word}")));
    }
    let other = ok(r#"{"ok":true,"channel":"C024BE91L","ts":"1700000100.000200"}"#);
    let said = change(slack::ADAPTER, vec![other]).await.1;
    assert!(matches!(said, Err(Failure::InDoubt { .. })), "{said:?}");
}

#[tokio::test]
async fn a_message_of_slack_is_read_by_its_time() {
    let message = |payload: &str| {
        let metadata = format!(r#"{{"event_type":"holdline_post","event_payload":{payload}}}"#);
        ok(&format!(
            r#"{{"ok":true,"messages":[{{"ts":"1700000100.000100","bot_id":"B1","metadata":{metadata}}}]}}"#
        ))
    };
    let new = seen(slack::ADAPTER, vec![message(&format!(r#"{{"revision":"{KEY}"}}"#))]).await;
    assert!(matches!(new, Sighting::Found(receipt) if receipt.remote_id == TS));
    let old = seen(slack::ADAPTER, vec![message(&format!(r#"{{"delivery":"{KEY}"}}"#))]).await;
    assert_eq!(old, Sighting::Absent);
    let bare = ok(r#"{"ok":true,"messages":[{"ts":"1700000100.000100","bot_id":"B1"}]}"#);
    let unknown = seen(slack::ADAPTER, vec![bare]).await;
    assert!(matches!(unknown, Sighting::Unknown(_)), "a key that is not shown proves nothing: {unknown:?}");
    let gone = seen(slack::ADAPTER, vec![ok(r#"{"ok":true,"messages":[]}"#)]).await;
    assert_eq!(gone, Sighting::Gone(GONE.to_owned()));
    let nothing = seen(slack::ADAPTER, vec![ok(r#"{"ok":false,"error":"not_in_channel"}"#)]).await;
    assert!(matches!(nothing, Sighting::Unknown(_)));
}

#[tokio::test]
async fn wordpress_writes_words_and_never_a_status() {
    let (fake, result) = change(wordpress::ADAPTER, vec![ok(PUBLIC)]).await;
    assert_eq!(result.unwrap().remote_id, "7");
    assert!(fake.requests()[1].starts_with("POST /wp-json/wp/v2/posts/7 "));
    let content = sent(&fake, 1);
    let names: Vec<&String> = content.as_object().unwrap().keys().collect();
    assert_eq!(names, ["content", "title"]);
    let page = content["content"].as_str().unwrap();
    let mark = KEY.replace('-', "");
    assert!(
        page.starts_with(&format!("<div id=\"holdline-{mark}\" lang=\"en\"><p>Payments are slow.")),
        "{page}"
    );
    let missing = answer(404, "", r#"{"code":"rest_post_invalid_id"}"#);
    let (fake, gone) = change(wordpress::ADAPTER, vec![missing.clone()]).await;
    assert_eq!((gone, fake.requests().len()), (never(GONE), 1));
    let (_, gone) = change(wordpress::ADAPTER, vec![ok(PUBLIC), missing.clone()]).await;
    assert_eq!(gone, never(GONE));
    // Nothing is published again that an editor took down, also in the last moment.
    for status in ["draft", "trash", "private", "future"] {
        let down = PUBLIC.replace("publish", status);
        let (fake, said) = change(wordpress::ADAPTER, vec![ok(&down)]).await;
        assert!(
            matches!(&said, Err(Failure::Rejected { reason, retry: Retry::Never }) if reason.contains("not public")),
            "{said:?}"
        );
        assert_eq!(fake.requests().len(), 1);
        let (_, said) = change(wordpress::ADAPTER, vec![ok(PUBLIC), ok(&down)]).await;
        assert!(
            matches!(&said, Err(Failure::Rejected { reason, retry: Retry::Never }) if reason.contains("has the new words")),
            "{said:?}"
        );
        // It may be public again, with whichever words.
        assert_eq!(seen(wordpress::ADAPTER, vec![ok(&down)]).await, Sighting::Unknown(HIDDEN.to_owned()));
    }
    assert_eq!(seen(wordpress::ADAPTER, vec![missing]).await, Sighting::Gone(GONE.to_owned()));
    assert_eq!(seen(wordpress::ADAPTER, vec![ok(PUBLIC)]).await, Sighting::Absent);
    let new = PUBLIC.replace("Cards are slow.", &format!("<b id='holdline-{mark}'>"));
    assert!(matches!(seen(wordpress::ADAPTER, vec![ok(&new)]).await, Sighting::Found(_)));
    let unmarked = PUBLIC.replace("Cards are slow.", &suite::job().rendition.text);
    assert!(matches!(seen(wordpress::ADAPTER, vec![ok(&unmarked)]).await, Sighting::Found(_)));
    // Words that an editor gave it stay, and say nothing of ours.
    let pictured = PUBLIC.replace("slow.", "slow.<img alt=''>");
    for theirs in
        [PUBLIC.replace("Cards are slow.", "All is well."), PUBLIC.replace("raw", "rendered"), pictured]
    {
        let unknown = seen(wordpress::ADAPTER, vec![ok(&theirs)]).await;
        assert!(matches!(unknown, Sighting::Unknown(_)), "{unknown:?}");
        let (fake, said) = change(wordpress::ADAPTER, vec![ok(&theirs)]).await;
        assert!(matches!(said, Err(Failure::Rejected { .. })) && fake.requests().len() == 1, "{said:?}");
    }
    assert!(matches!(seen(wordpress::ADAPTER, vec![answer(500, "", "")]).await, Sighting::Unknown(_)));
}

#[tokio::test]
async fn matrix_sends_an_event_that_replaces_the_first_one() {
    let (fake, result) = change(
        matrix::ADAPTER,
        vec![ok(ME), ok(THERE), ok(r#"{"chunk":[],"start":"0"}"#), ok(r#"{"event_id":"$e2"}"#)],
    )
    .await;
    assert_eq!(result.unwrap().remote_id, EVENT, "the post is the first event");
    let text = &suite::job().rendition.text;
    assert_eq!(
        sent(&fake, 3),
        json!({ "msgtype": "m.text", "body": format!("* {text}"), "m.mentions": {}, "holdline.delivery": KEY,
            "m.relates_to": { "rel_type": "m.replace", "event_id": "$e1" },
            "m.new_content": { "msgtype": "m.text", "body": text, "m.mentions": {}, "holdline.delivery": FIRST } })
    );
    // Words that somebody else gave it with the account stay, where the server tells them.
    let replaced =
        r#""unsigned":{"m.relations":{"m.replace":{"content":{"m.new_content":{"body":"x"}}}}},"sender""#;
    for theirs in [THERE.replace("Cards are slow.", "x"), THERE.replace("\"sender\"", replaced)] {
        let (fake, said) = change(matrix::ADAPTER, vec![ok(ME), ok(&theirs)]).await;
        assert_eq!((said, fake.requests().len()), (never(matrix::OTHER_WORDS), 2));
    }
    let missing = answer(404, "", r#"{"errcode":"M_NOT_FOUND"}"#);
    let (fake, gone) = change(matrix::ADAPTER, vec![ok(ME), missing]).await;
    assert_eq!((gone, fake.requests().len()), (never(GONE), 2));
    let redacted = r#"{"event_id":"$e1","sender":"@bank:bank.example","content":{},"unsigned":{"redacted_because":{"sender":"x"}}}"#;
    assert_eq!(change(matrix::ADAPTER, vec![ok(ME), ok(redacted)]).await.1, never(GONE));
    assert_eq!(seen(matrix::ADAPTER, vec![ok(ME), ok(redacted)]).await, Sighting::Gone(GONE.to_owned()));
    let theirs = THERE.replace("@bank:", "@other:");
    let said = change(matrix::ADAPTER, vec![ok(ME), ok(&theirs)]).await.1;
    assert!(matches!(said, Err(Failure::Rejected { retry: Retry::Reconnect, .. })), "{said:?}");
    let change_of = |key: &str| {
        format!(
            r#"{{"chunk":[{{"event_id":"$e2","sender":"@bank:bank.example","content":{{"body":"* b","holdline.delivery":"{key}"}}}}]}}"#
        )
    };
    let new = seen(matrix::ADAPTER, vec![ok(ME), ok(THERE), ok(&change_of(KEY))]).await;
    assert!(matches!(&new, Sighting::Found(receipt) if receipt.remote_id == EVENT), "{new:?}");
    let old = seen(matrix::ADAPTER, vec![ok(ME), ok(THERE), ok(&change_of("another"))]).await;
    assert_eq!(old, Sighting::Absent);
}

#[test]
fn what_has_the_same_words_tells_nothing() {
    let of = suite::revised("9");
    let says = |words: &'static str| move |post: &crate::Rendition| post.text == words;
    let new = suite::job().rendition;
    let same = crate::Rendition { language: "fr".into(), ..of.before.clone() };
    assert_eq!(of.shows(&same, says("Cards are slow.")), Shows::Either);
    assert_eq!(of.shows(&of.before, says("Cards are slow.")), Shows::New);
    assert_eq!(of.shows(&new, says("Cards are slow.")), Shows::Old);
    assert_eq!(of.shows(&new, says("Cards are down.")), Shows::Other);
    // A change of which somebody said that it is not there.
    let down = crate::Rendition { text: "Cards are down.".into(), ..new.clone() };
    let of = crate::Revised { others: vec![down], ..of };
    assert_eq!(of.shows(&new, says("Cards are down.")), Shows::Old);
}

#[tokio::test]
async fn a_post_of_another_webhook_is_not_called_gone() {
    let (fake, channel, _) = fake(crate::discord::ADAPTER, Vec::new()).await;
    let (job, of) = (suite::changed("76:6:101"), suite::revised("76:6:101"));
    let said = channel.revise(&job, &of, &Pass::open_for_tests()).await;
    assert_eq!(said, never("another webhook made the post; change it by hand"));
    assert!(matches!(channel.read_revised(&job, &of).await, Sighting::Unknown(_)));
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn who_says_to_change_posts_does_and_nobody_else() {
    let can: Vec<&str> = ALL.iter().filter(|a| a.capabilities.revises.is_some()).map(|a| a.name).collect();
    assert_eq!(
        can,
        [
            "discord",
            "discord_bot",
            "ghost",
            "linkedin",
            "facebook",
            "mastodon",
            "matrix",
            "sandbox",
            "slack",
            "telegram",
            "website",
            "wordpress"
        ]
    );
    let settings = json!({ "url": "http://127.0.0.1:1/hook" });
    let channel = suite::connect(
        &crate::webhook::ADAPTER,
        settings,
        Some("whsec_aHVudGVyMmh1bnRlcjJodW50ZXIyaHVudGVyMmh1bnRlcjI="),
    );
    let (job, of) = (suite::changed("9"), suite::revised("9"));
    assert_eq!(channel.unwrap().revise(&job, &of, &Pass::open_for_tests()).await, never(NO_CHANGES));
}
