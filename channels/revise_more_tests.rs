//! The same for the networks that are tried on stand-ins alone, and Ghost.

use serde_json::{Value, json};

use crate::revise::GONE;
use crate::revise_tests::{change, never, ok, seen, sent};
use crate::suite::{self, answer};
use crate::{Adapter, Failure, Retry, Sighting, discord, discord_bot, facebook, ghost, mastodon, telegram};

fn old() -> String {
    suite::revised("9").before.text
}

fn new() -> String {
    suite::job().rendition.text
}

#[tokio::test]
async fn telegram_takes_the_same_words_twice() {
    let (fake, result) = change(
        telegram::ADAPTER,
        vec![ok(r#"{"ok":true,"result":{"message_id":41,"chat":{"id":-1001,"type":"channel","username":"bank"}}}"#)],
    )
    .await;
    let receipt = result.unwrap();
    assert_eq!(
        (receipt.remote_id.as_str(), receipt.url.as_deref()),
        ("123456:-1001:41", Some("https://t.me/bank/41"))
    );
    assert!(fake.requests()[0].starts_with("POST /bot123456:hunter2-hunter2_hunter2/editMessageText "));
    assert_eq!(
        sent(&fake, 0),
        json!({ "chat_id": -1001, "message_id": 41, "text": new(), "link_preview_options": { "is_disabled": true } })
    );
    let refused =
        |words: &str| vec![answer(400, "", &json!({ "ok": false, "description": words }).to_string())];
    let same = "Bad Request: message is not modified: specified new message content and reply markup are exactly the same";
    assert_eq!(change(telegram::ADAPTER, refused(same)).await.1.unwrap().remote_id, "123456:-1001:41");
    let gone = "Bad Request: message to edit not found";
    assert_eq!(change(telegram::ADAPTER, refused(gone)).await.1, never(GONE));
    let late = change(telegram::ADAPTER, refused("Bad Request: message can't be edited")).await.1;
    assert!(
        matches!(&late, Err(Failure::Rejected { reason, retry: Retry::Never }) if reason.contains("does not change")),
        "{late:?}"
    );
    assert!(
        matches!(seen(telegram::ADAPTER, vec![ok("{}")]).await, Sighting::Unknown(_)),
        "a bot cannot read"
    );
}

#[tokio::test]
async fn a_webhook_and_a_bot_of_discord_change_their_own() {
    let done = r#"{"id":"101","channel_id":"6"}"#;
    let gone = || answer(404, "", r#"{"code":10008,"message":"Unknown Message"}"#);
    for (adapter, path, agent) in [
        (discord::ADAPTER, "PATCH /api/v10/webhooks/77/hunter2/messages/101 ", "webhook"),
        (discord_bot::ADAPTER, "PATCH /api/v10/channels/6/messages/101 ", "bot"),
    ] {
        let with = |answers| change(Adapter { ..adapter }, answers);
        let (fake, result) = with(vec![ok(done)]).await;
        assert!(result.is_ok(), "{agent}: {result:?}");
        assert!(fake.requests()[0].starts_with(path), "{}", fake.requests()[0]);
        assert_eq!(
            sent(&fake, 0),
            json!({ "content": new(), "allowed_mentions": { "parse": [] }, "flags": 4 })
        );
        // The webhook is asked whether it is still in that channel.
        let there = ok(r#"{"channel_id":"6","guild_id":"5"}"#);
        assert_eq!(with(vec![gone(), there.clone()]).await.1, never(GONE), "{agent}");
        let told =
            |words: &str| vec![ok(&json!({ "id": "101", "channel_id": "6", "content": words }).to_string())];
        let read = |answers| seen(Adapter { ..adapter }, answers);
        assert!(matches!(read(told(&new())).await, Sighting::Found(_)), "{agent}");
        assert_eq!(read(told(&old())).await, Sighting::Absent, "{agent}");
        assert_eq!(read(vec![gone(), there]).await, Sighting::Gone(GONE.to_owned()), "{agent}");
    }
    // Whoever else has the webhook or the token can change it.
    for adapter in [discord::ADAPTER, discord_bot::ADAPTER] {
        let others = ok(r#"{"id":"101","channel_id":"6","content":"others"}"#);
        assert!(matches!(seen(adapter, vec![others]).await, Sighting::Unknown(_)));
    }
    let moved = vec![gone(), ok(r#"{"channel_id":"7"}"#)];
    let said = change(discord::ADAPTER, moved.clone()).await.1;
    assert!(
        matches!(&said, Err(Failure::Rejected { reason, retry: Retry::Never }) if reason.contains("was moved")),
        "{said:?}"
    );
    assert!(matches!(seen(discord::ADAPTER, moved).await, Sighting::Unknown(_)));
}

#[tokio::test]
async fn mastodon_changes_a_post_and_compares_its_source() {
    let status = r#"{"id":"101","url":"https://social.example/@bank/101","visibility":"public"}"#;
    let source = |text: &str| ok(&json!({ "id": "101", "text": text, "spoiler_text": "" }).to_string());
    let with =
        |more: Vec<suite::Step>| change(mastodon::ADAPTER, [vec![ok(status), source(&old())], more].concat());
    let (fake, result) = with(vec![ok(status)]).await;
    assert_eq!(result.unwrap().remote_id, "101");
    assert!(fake.requests()[2].starts_with("PUT /api/v1/statuses/101 "));
    assert_eq!(
        sent(&fake, 2),
        json!({ "status": new(), "language": "en", "sensitive": false, "spoiler_text": "" })
    );
    let missing = || answer(404, "", r#"{"error":"Record not found"}"#);
    assert_eq!(change(mastodon::ADAPTER, vec![missing()]).await.1, never(GONE));
    assert_eq!(with(vec![missing(), missing()]).await.1, never(GONE));
    // Words and pictures that somebody gave it on the server stay.
    let pictured = ok(&status.replace("\"id\"", r#""media_attachments":[{}],"id""#));
    let theirs = ok(&status.replace("\"id\"", r#""account":{"id":"8"},"id""#));
    let me = ok(r#"{"id":"9","acct":"bank"}"#);
    for (answers, asked, words) in [
        (vec![pictured], 1, "other pictures"),
        (vec![ok(status), source("others")], 2, "other words"),
        (vec![ok(status), source(&old()), missing(), ok(status), me.clone()], 5, "cannot change posts"),
        (vec![ok(status), source(&old()), missing(), theirs, me], 5, "another account posted it"),
    ] {
        let (fake, said) = change(mastodon::ADAPTER, answers).await;
        assert!(matches!(&said, Err(Failure::Rejected { reason, .. }) if reason.contains(words)), "{said:?}");
        assert_eq!(fake.requests().len(), asked, "{words}");
    }
    assert!(matches!(seen(mastodon::ADAPTER, vec![ok(status), source(&new())]).await, Sighting::Found(_)));
    assert_eq!(seen(mastodon::ADAPTER, vec![ok(status), source(&old())]).await, Sighting::Absent);
    assert!(matches!(
        seen(mastodon::ADAPTER, vec![ok(status), source("others")]).await,
        Sighting::Unknown(_)
    ));
    assert_eq!(seen(mastodon::ADAPTER, vec![missing()]).await, Sighting::Gone(GONE.to_owned()));
}

#[tokio::test]
async fn facebook_changes_the_words_of_a_post_of_its_page() {
    let told =
        |words: &str| vec![ok(&json!({ "id": "100200300400500_900000001", "message": words }).to_string())];
    let link = ok(r#"{"permalink_url":"https://www.facebook.com/x","id":"100200300400500_900000001"}"#);
    let (fake, result) =
        change(facebook::ADAPTER, [told(&old()), vec![ok(r#"{"success":true}"#), link]].concat()).await;
    assert_eq!(result.unwrap().remote_id, "100200300400500_900000001");
    assert!(fake.requests()[1].starts_with("POST /v26.0/100200300400500_900000001 "));
    assert!(fake.content(1).starts_with("message=Payments+are+slow."), "{}", fake.content(1));
    let (fake, said) = change(facebook::ADAPTER, told("others")).await;
    assert!(matches!(said, Err(Failure::Rejected { retry: Retry::Never, .. })), "{said:?}");
    assert_eq!(fake.requests().len(), 1);
    assert!(matches!(seen(facebook::ADAPTER, told(&new())).await, Sighting::Found(_)));
    assert_eq!(seen(facebook::ADAPTER, told(&old())).await, Sighting::Absent);
    assert!(matches!(seen(facebook::ADAPTER, told("others")).await, Sighting::Unknown(_)));
    // Gone is believed of the page's own token.
    let missing = || {
        answer(400, "", r#"{"error":{"code":100,"error_subcode":33,"message":"Unsupported get request"}}"#)
    };
    let me = |id: &str| ok(&json!({ "id": id }).to_string());
    assert_eq!(
        change(facebook::ADAPTER, vec![missing(), missing(), me("100200300400500")]).await.1,
        never(GONE)
    );
    let other = change(facebook::ADAPTER, vec![missing(), missing(), me("7")]).await.1;
    assert!(matches!(other, Err(Failure::Rejected { retry: Retry::Reconnect, .. })), "{other:?}");
    assert_eq!(
        seen(facebook::ADAPTER, vec![missing(), me("100200300400500")]).await,
        Sighting::Gone(GONE.to_owned())
    );
    assert!(matches!(seen(facebook::ADAPTER, vec![missing(), me("7")]).await, Sighting::Unknown(_)));
}

#[tokio::test]
async fn ghost_writes_words_and_never_a_status() {
    let post = |status: &str, html: &str| {
        let post = json!({ "id": "6489b1a3c0c4d2a1b3e50001", "status": status, "slug": "s", "title": "",
            "updated_at": "2026-01-01T00:00:02.000Z", "url": "https://bank.example/s/", "html": html });
        ok(&json!({ "posts": [post] }).to_string())
    };
    let with = |words: &str| vec![post("published", &format!("<div lang=\"en\"><p>{words}</p></div>"))];
    let (fake, result) = change(ghost::ADAPTER, with(&old())).await;
    assert_eq!(result.unwrap().remote_id, "6489b1a3c0c4d2a1b3e50001");
    assert!(
        fake.requests()[1].starts_with("PUT /ghost/api/admin/posts/6489b1a3c0c4d2a1b3e50001/?source=html ")
    );
    let content: Value = sent(&fake, 1)["posts"][0].clone();
    assert_eq!(
        (&content["status"], &content["updated_at"]),
        (&Value::Null, &json!("2026-01-01T00:00:02.000Z"))
    );
    // Hidden for a moment, it may be public again with whichever words.
    let hidden = seen(ghost::ADAPTER, vec![post("draft", "")]).await;
    assert!(
        matches!(&hidden, Sighting::Unknown(why) if why.contains("not public at the moment")),
        "{hidden:?}"
    );
    let (fake, said) = change(ghost::ADAPTER, vec![post("draft", "")]).await;
    assert!(
        matches!(&said, Err(Failure::Rejected { reason, retry: Retry::Never }) if reason.contains("not public")),
        "{said:?}"
    );
    assert_eq!(fake.requests().len(), 1);
    let missing = || answer(404, "", r#"{"errors":[{"type":"NotFoundError","message":"Post not found."}]}"#);
    assert_eq!(change(ghost::ADAPTER, vec![missing()]).await.1, never(GONE));
    assert_eq!(seen(ghost::ADAPTER, vec![missing()]).await, Sighting::Gone(GONE.to_owned()));
    // Words that an editor gave it stay; what was taken down in the same moment has the new ones.
    let (fake, said) = change(ghost::ADAPTER, with("others")).await;
    assert!(matches!(said, Err(Failure::Rejected { retry: Retry::Never, .. })), "{said:?}");
    assert_eq!(fake.requests().len(), 1);
    let (_, said) = change(ghost::ADAPTER, [with(&old()), vec![post("draft", "")]].concat()).await;
    assert!(
        matches!(&said, Err(Failure::Rejected { reason, retry: Retry::Never }) if reason.contains("has the new words")),
        "{said:?}"
    );
    assert!(matches!(seen(ghost::ADAPTER, with(&new())).await, Sighting::Found(_)));
    assert_eq!(seen(ghost::ADAPTER, with(&old())).await, Sighting::Absent);
    assert!(matches!(seen(ghost::ADAPTER, with("others")).await, Sighting::Unknown(_)));
}
