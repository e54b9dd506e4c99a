//! Bluesky, WordPress and SMTP on real servers, which `tests/run` starts from `tests/peers`.

use std::sync::atomic::{AtomicU32, Ordering};

use channels::Retraction;
use channels::http::{Answer, Request};
use holdline::app::channels as app_channels;
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::held::{self, Settle, Settlement};
use holdline::app::posts::{self, DeliveryView, PostView};
use holdline::app::{incidents, media};
use holdline::domain::freeze::Scope;
use serde_json::{Value, json};

use crate::on_both;
use crate::support::drawn;
use crate::support::relay::Relay;
use crate::support::{Bench, http};

/// What a server of `tests/peers` says of itself.
pub fn peer(name: &str) -> Value {
    let variable = format!("HOLDLINE_{}", name.to_uppercase());
    let file = std::env::var(&variable).unwrap_or_else(|_| {
        panic!(
            "{variable} is not set: run the tests with tests/run, or start the server with \
             `bash tests/peers/{name}/run.sh start` and set {variable} to its peer.json"
        )
    });
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

pub fn word<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// Words that no other post holds.
pub fn unique(text: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{text} [{}-{}]", std::process::id(), NEXT.fetch_add(1, Ordering::SeqCst))
}

pub async fn get(url: &str) -> Answer {
    http().call(Request::get(url)).await.unwrap()
}

/// A small picture, uploaded.
pub async fn picture(bench: &Bench) -> Value {
    const PNG: &str = "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c\
        63f8cfc0000003010100c9fe92ef0000000049454e44ae426082";
    let bytes = hex::decode(PNG).unwrap();
    let kept = media::upload(&bench.app, &bench.operator, bytes).await.unwrap();
    json!({ "sha256": kept.sha256, "mime": kept.mime, "alt": "A map of the branches" })
}

pub fn only(post: &PostView) -> &DeliveryView {
    let [delivery] = post.deliveries.as_slice() else { panic!("one delivery: {post:?}") };
    delivery
}

/// Publishes on the channel of that name and waits for the acceptance.
pub async fn publish(bench: &Bench, channel: &str, source: Value) -> DeliveryView {
    let post = bench.approved(json!({ "kind": "routine", "channels": [channel], "source": source })).await;
    only(&bench.until(&post.id, &["accepted"]).await).clone()
}

/// Publishes while the answer to the request with this text is lost, and waits until reading back
/// has settled the doubt.
pub async fn publish_with_lost_answer(
    bench: &Bench,
    relay: &Relay,
    request: &str,
    channel: &str,
    source: Value,
) -> DeliveryView {
    relay.lose_answer_to(request);
    let post = bench.approved(json!({ "kind": "routine", "channels": [channel], "source": source })).await;
    let doubt = bench.until(&post.id, &["in_doubt"]).await;
    assert!(relay.lost(), "{doubt:?}");
    bench.app.clock().advance(6_000);
    let settled = only(&bench.until(&post.id, &["accepted"]).await).clone();
    assert_eq!(settled.attempts, 1, "nothing is sent again: {settled:?}");
    settled
}

pub async fn retract(bench: &Bench, delivery: &str) -> Retraction {
    held::retract(&bench.app, &bench.approver, delivery, "a mistake").await.unwrap()
}

pub async fn ready(bench: &Bench, channel: usize) -> (bool, String) {
    let seen = app_channels::test(&bench.app, &bench.administrator, &bench.channels[channel]).await.unwrap();
    (seen.health.ready, seen.health.detail)
}

/// A freeze that holds what is due on the channel: nothing reaches the server.
pub async fn held_by_a_freeze(bench: &Bench, channel: &str, source: Value) {
    let id = bench.channels.last().unwrap().clone();
    let new = NewFreeze { scope: Scope { channels: vec![id], ..Scope::default() }, ..NewFreeze::default() };
    let freeze = freezes::create(&bench.app, &bench.operator, &new).await.unwrap();
    assert!(freeze.sealed_at.is_some(), "{freeze:?}");
    let post = bench.approved(json!({ "kind": "routine", "channels": [channel], "source": source })).await;
    assert_eq!(only(&bench.until(&post.id, &["held"]).await).attempts, 0);
}

/// The records of the account whose text is exactly this.
async fn on_bluesky(server: &Value, text: &str) -> Vec<Value> {
    let (url, did) = (word(server, "url"), word(server, "did"));
    let list =
        format!("{url}/xrpc/com.atproto.repo.listRecords?repo={did}&collection=app.bsky.feed.post&limit=100");
    let all: Value = get(&list).await.json().unwrap();
    let all = all["records"].as_array().unwrap().iter();
    all.filter(|r| r["value"]["text"] == text).cloned().collect()
}

pub async fn bluesky(bench: &mut Bench, server: &Value, url: &str, password: &str) {
    let settings = json!({ "server": url, "account": server["account"] });
    bench.connect_with("sky", "bluesky", settings, Some(password)).await;
}

/// The posts of the site that hold this text, as a visitor sees them.
async fn on_wordpress(server: &Value, text: &str) -> Vec<Value> {
    let url = format!("{}/wp-json/wp/v2/posts?per_page=100", word(server, "url"));
    let all: Vec<Value> = get(&url).await.json().unwrap();
    all.into_iter().filter(|p| p["content"]["rendered"].as_str().unwrap().contains(text)).collect()
}

pub async fn wordpress(bench: &mut Bench, url: &str, account: &str, password: &str) {
    bench.connect_with("blog", "wordpress", json!({ "url": url, "account": account }), Some(password)).await;
}

/// The messages that the mail server kept and whose text holds this.
pub async fn in_the_mail(server: &Value, text: &str) -> Vec<Value> {
    let all: Vec<Value> = get(word(server, "kept")).await.json().unwrap();
    all.into_iter().filter(|m| m["text"].as_str().unwrap().contains(text)).collect()
}

async fn email(bench: &mut Bench, server: &Value, to: &str, password: &str) {
    let settings = json!({
        "host": server["host"], "port": server["port"].to_string(), "security": "none",
        "user": server["user"], "from": "Bank <press@bank.example>", "to": to,
    });
    bench.connect_with("list", "email", settings, Some(password)).await;
}

on_both! {
    async fn bluesky_shows_a_post_once_with_its_link_and_its_picture_or_card(bench) {
        let (mut bench, server) = (bench, peer("bluesky"));
        bluesky(&mut bench, &server, word(&server, "url"), word(&server, "app_password")).await;
        let worker = bench.start().await;
        assert_eq!(ready(&bench, 4).await, (true, format!("logged in as @{}", word(&server, "account"))));
        let text = unique("Payments are slow. See https://bank.example/status for more");
        let source = json!({ "text": text, "title": "Not shown there", "media": [picture(&bench).await] });
        let delivery = publish(&bench, "sky", source).await;
        let found = on_bluesky(&server, &text).await;
        assert_eq!(found.len(), 1);
        let record = &found[0]["value"];
        assert_eq!(record["facets"][0]["features"][0]["uri"], "https://bank.example/status");
        assert_eq!(record["embed"]["images"][0]["alt"], "A map of the branches");
        let key = word(&found[0], "uri").rsplit('/').next().unwrap();
        assert_eq!(delivery.url.unwrap(), format!("https://bsky.app/profile/{}/post/{key}", word(&server, "did")));
        assert_eq!(retract(&bench, &delivery.id).await, Retraction::Gone);
        assert!(on_bluesky(&server, &text).await.is_empty());
        let account = word(&server, "account");
        let text = unique(&format!("Ask @{account} about #Cards, or see https://bank.example/status"));
        publish(&bench, "sky", json!({ "text": text, "title": "Cards fail" })).await;
        let record = &on_bluesky(&server, &text).await[0]["value"];
        let card = json!({ "uri": "https://bank.example/status", "title": "Cards fail", "description": "" });
        assert_eq!(record["embed"]["external"], card);
        let marks: Vec<_> = record["facets"].as_array().unwrap().iter().map(|f| &f["features"][0]).collect();
        assert_eq!((&marks[0]["did"], &marks[1]["tag"], marks.len()), (&server["did"], &json!("Cards"), 3));
        let frozen = unique("Buy more");
        held_by_a_freeze(&bench, "sky", json!({ "text": frozen })).await;
        assert!(on_bluesky(&server, &frozen).await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_lost_answer_of_bluesky_is_read_back(bench) {
        let (mut bench, server) = (bench, peer("bluesky"));
        let relay = Relay::start(word(&server, "url")).await;
        bluesky(&mut bench, &server, &relay.url, word(&server, "app_password")).await;
        let worker = bench.start().await;
        let text = unique("Once only");
        let delivery = publish_with_lost_answer(&bench, &relay, "putRecord", "sky", json!({ "text": text })).await;
        assert_eq!(on_bluesky(&server, &text).await.len(), 1);
        assert!(delivery.url.is_some());
        worker.stop().await.unwrap();
    }

    async fn a_refused_app_password_is_told_before_the_crisis(bench) {
        let (mut bench, server) = (bench, peer("bluesky"));
        bluesky(&mut bench, &server, word(&server, "url"), "wrong-wrong-wrong").await;
        let worker = bench.start().await;
        let (ready, detail) = ready(&bench, 4).await;
        assert!(!ready && detail.contains("app password is refused"), "{detail}");
        let new = serde_json::from_value(json!({ "title": "Down", "severity": "major", "freeze": false })).unwrap();
        let opened = incidents::open(&bench.app, &bench.operator, &new).await.unwrap();
        let post = json!({ "kind": "update", "channels": ["sky"], "incident": opened.incident.id,
            "source": { "text": "never" } });
        let post = bench.approved(post).await;
        let failed = bench.until(&post.id, &["failed"]).await;
        assert!(only(&failed).reason.as_ref().unwrap().contains("connect the channel again"), "{failed:?}");
        worker.stop().await.unwrap();
    }

    async fn a_picture_that_is_too_large_for_a_channel_is_refused_at_once(bench) {
        let (mut bench, server) = (bench, peer("bluesky"));
        bluesky(&mut bench, &server, word(&server, "url"), word(&server, "app_password")).await;
        // Of 2.005 MB.
        let kept = media::upload(&bench.app, &bench.operator, drawn::png(4_000, 4_001)).await.unwrap();
        let source = json!({ "text": "a map", "media": [{ "sha256": kept.sha256, "mime": kept.mime, "alt": "A map" }] });
        let new = serde_json::from_value(json!({ "kind": "routine", "source": source })).unwrap();
        let refused = posts::create(&bench.app, &bench.operator, &new).await.unwrap_err();
        let refused = format!("{refused:?}");
        assert!(refused.contains("sky takes at most 2000000") && !refused.contains("alpha"), "{refused}");
    }

    async fn settings_that_cannot_work_are_refused_at_once(bench) {
        let worker = bench.start().await;
        for (adapter, settings, credential, remedy) in [
            ("bluesky", json!({ "server": "ftp://x", "account": "a" }), Some("p"), "must begin with https://"),
            ("bluesky", json!({ "server": "https://bsky.social", "account": "a" }), None, "credential is missing"),
            ("email", json!({ "host": "127.0.0.1", "from": "bank", "to": "a@example.test" }), None, "from"),
            ("wordpress", json!({ "url": "https://10.0.0.1", "account": "a" }), Some("p"), "private"),
        ] {
            let new = json!({ "name": "new", "adapter": adapter, "settings": settings, "credential": credential });
            let new = serde_json::from_value(new).unwrap();
            let refused = app_channels::create(&bench.app, &bench.administrator, new).await.unwrap_err();
            assert!(format!("{refused:?}").contains(remedy), "{adapter}: {refused:?}");
        }
        worker.stop().await.unwrap();
    }

    async fn wordpress_shows_a_post_once_and_takes_it_down(bench) {
        let (mut bench, server) = (bench, peer("wordpress"));
        let url = word(&server, "url");
        wordpress(&mut bench, url, word(&server, "account"), word(&server, "app_password")).await;
        let worker = bench.start().await;
        assert_eq!(ready(&bench, 4).await, (true, format!("logged in as {}", word(&server, "account"))));
        let words = format!("Slow payments {}", std::process::id());
        let text = format!("{words}\n\nWhat <you> can do: https://bank.example/help");
        let source = json!({ "text": text, "title": "Payments & cards", "media": [picture(&bench).await] });
        let delivery = publish(&bench, "blog", source).await;
        let found = on_wordpress(&server, &words).await;
        let found = found.iter().find(|p| word(p, "link") == delivery.url.as_deref().unwrap()).expect("the post");
        assert_eq!(found["title"]["rendered"], "Payments &amp; cards");
        let html = found["content"]["rendered"].as_str().unwrap();
        assert!(html.contains("What &lt;you&gt; can do: <a href=\"https://bank.example/help\""), "{html}");
        assert!(html.contains("alt=\"A map of the branches\""), "{html}");
        let page = get(delivery.url.as_deref().unwrap()).await;
        assert!(page.is_success() && String::from_utf8_lossy(&page.body).contains(&words));
        assert_eq!(retract(&bench, &delivery.id).await, Retraction::Gone);
        assert_eq!(get(delivery.url.as_deref().unwrap()).await.status, 404);
        let frozen = unique("Buy more");
        held_by_a_freeze(&bench, "blog", json!({ "text": frozen, "title": "Sale" })).await;
        assert!(on_wordpress(&server, &frozen).await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_lost_answer_of_wordpress_is_read_back(bench) {
        let (mut bench, server) = (bench, peer("wordpress"));
        let relay = Relay::start(word(&server, "url")).await;
        wordpress(&mut bench, &relay.url, word(&server, "account"), word(&server, "app_password")).await;
        let worker = bench.start().await;
        let words = format!("Once only {}", unique("").replace(['[', ']'], ""));
        let source = json!({ "text": words, "title": "Once" });
        publish_with_lost_answer(&bench, &relay, "\"status\":\"publish\"", "blog", source).await;
        assert_eq!(on_wordpress(&server, &words).await.len(), 1);
        // A lost draft is nobody's: the next attempt finds it and publishes it.
        relay.lose_answer_to("\"status\":\"draft\"");
        let words = format!("Twice tried {}", unique("").replace(['[', ']'], ""));
        let post = json!({ "kind": "routine", "channels": ["blog"], "source": { "text": words, "title": "Twice" } });
        let post = bench.approved(post).await;
        let shown = only(&bench.until(&post.id, &["accepted"]).await).clone();
        assert_eq!((shown.attempts, relay.lost()), (2, true));
        assert_eq!(on_wordpress(&server, &words).await.len(), 1);
        worker.stop().await.unwrap();
    }

    async fn wordpress_says_who_may_not_publish(bench) {
        let (mut bench, server) = (bench, peer("wordpress"));
        let (url, reader) = (word(&server, "url"), word(&server, "reader"));
        wordpress(&mut bench, url, reader, word(&server, "reader_password")).await;
        let worker = bench.start().await;
        let (ready, detail) = ready(&bench, 4).await;
        assert!(!ready && detail.contains("may not publish"), "{detail}");
        worker.stop().await.unwrap();
    }

    async fn a_mail_reaches_everybody_who_can_be_reached(bench) {
        let (mut bench, server) = (bench, peer("smtp"));
        let to = "ok@example.test, ok+two@example.test, permfail@example.test";
        email(&mut bench, &server, to, word(&server, "password")).await;
        let worker = bench.start().await;
        assert!(ready(&bench, 4).await.0);
        let text = unique("Your cards work again.");
        let delivery = publish(&bench, "list", json!({ "text": text, "title": "Cards – été" })).await;
        let kept = in_the_mail(&server, &text).await;
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0]["to"], json!(["ok@example.test", "ok+two@example.test"]));
        assert_eq!(kept[0]["headers"]["subject"], "Cards – été");
        assert!(kept[0]["html"].as_str().unwrap().contains(&format!("<p>{}</p>", text.replace('[', "&#91;").replace(']', "&#93;"))));
        assert_eq!(kept[0]["authenticated"], true);
        assert!(delivery.reason.unwrap_or_default().contains("pe…@example.test"), "who was refused is told");
        assert!(matches!(retract(&bench, &delivery.id).await, Retraction::StillLive(_)));
        let frozen = unique("Buy more");
        held_by_a_freeze(&bench, "list", json!({ "text": frozen, "title": "Sale" })).await;
        assert!(in_the_mail(&server, &frozen).await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_mail_shows_its_pictures_and_the_text_alone_has_their_words(bench) {
        let (mut bench, server) = (bench, peer("smtp"));
        email(&mut bench, &server, "ok@example.test", word(&server, "password")).await;
        let (worker, map) = (bench.start().await, picture(&bench).await);
        let text = unique("Two branches are open.");
        publish(&bench, "list", json!({ "text": text, "title": "Branches", "media": [map, map] })).await;
        let kept = in_the_mail(&server, &text).await;
        assert_eq!(kept.len(), 1);
        let plain = kept[0]["text"].as_str().unwrap().replace("\r\n", "\n");
        let words = "[Picture: A map of the branches]";
        assert_eq!(plain.trim_end(), format!("{text}\n\n{words}\n\n{words}"));
        let page = kept[0]["html"].as_str().unwrap();
        let pictures = kept[0]["pictures"].as_array().unwrap();
        assert_eq!(pictures.len(), 2);
        for shown in pictures {
            let id = shown["id"].as_str().unwrap().trim_matches(['<', '>']);
            assert!(page.contains(&format!("<img src=\"cid:{id}\" alt=\"A map of the branches\"")), "{page}");
            assert_eq!((&shown["type"], &shown["inside"]), (&json!("image/png"), &json!("inline")));
            let bytes = hex::decode(shown["bytes"].as_str().unwrap()).unwrap();
            assert_eq!(channels::hash(&bytes), map["sha256"].as_str().unwrap());
        }
        worker.stop().await.unwrap();
    }

    async fn a_mail_whose_answer_is_lost_waits_for_a_person(bench) {
        let (mut bench, server) = (bench, peer("smtp"));
        email(&mut bench, &server, "drop@example.test", word(&server, "password")).await;
        let worker = bench.start().await;
        let text = unique("Once only.");
        let source = json!({ "text": text, "title": "Once" });
        let post = bench.approved(json!({ "kind": "routine", "channels": ["list"], "source": source })).await;
        let doubt = only(&bench.until(&post.id, &["in_doubt"]).await).clone();
        bench.app.clock().advance(700_000);
        tokio::time::sleep(std::time::Duration::from_millis(700)).await;
        bench.until(&post.id, &["in_doubt"]).await;
        assert_eq!(in_the_mail(&server, &text).await.len(), 1, "it was sent once, and not again");
        let seen = Settle { settlement: Settlement::Published, note: "in the server's log".into(), url: None };
        held::settle(&bench.app, &bench.approver, &doubt.id, &seen).await.unwrap();
        bench.until(&post.id, &["accepted"]).await;
        worker.stop().await.unwrap();
    }

    async fn a_mail_server_that_refuses_is_understood(bench) {
        let (mut bench, server) = (bench, peer("smtp"));
        email(&mut bench, &server, "full@example.test", word(&server, "password")).await;
        let worker = bench.start().await;
        let source = json!({ "text": "full", "title": "Full" });
        let post = bench.approved(json!({ "kind": "routine", "channels": ["list"], "source": source })).await;
        let failed = bench.until(&post.id, &["failed"]).await;
        assert!(only(&failed).reason.as_ref().unwrap().contains("Mailbox full"), "{failed:?}");
        worker.stop().await.unwrap();
    }

    async fn a_wrong_mail_password_is_told(bench) {
        let (mut bench, server) = (bench, peer("smtp"));
        email(&mut bench, &server, "ok@example.test", "hunter2").await;
        let worker = bench.start().await;
        let (ready, detail) = ready(&bench, 4).await;
        assert!(!ready && detail.contains("refuses the log-in") && !detail.contains("hunter2"), "{detail}");
        worker.stop().await.unwrap();
    }
}
