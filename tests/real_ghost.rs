//! Ghost on a real site, which `tests/run` starts from `tests/peers`.

use std::sync::Arc;

use channels::{Connection, Failure, Job, Pass, Rendition, Retraction, Sighting};
use serde_json::{Value, json};

use crate::on_both;
use crate::real_channels::{
    get, held_by_a_freeze, only, peer, picture, publish, publish_with_lost_answer, ready, retract, unique,
    word,
};
use crate::support::relay::Relay;
use crate::support::{Bench, http};

/// The posts of the site whose page holds this text, as its visitors get them.
pub async fn on_ghost(server: &Value, text: &str) -> Vec<Value> {
    let (url, key) = (word(server, "url"), word(server, "content_key"));
    let all: Value =
        get(&format!("{url}/ghost/api/content/posts/?key={key}&limit=100")).await.json().unwrap();
    let all = all["posts"].as_array().unwrap().iter();
    all.filter(|p| p["html"].as_str().unwrap().contains(text)).cloned().collect()
}

async fn ghost(bench: &mut Bench, url: &str, key: &str) {
    bench.connect_with("news", "ghost", json!({ "url": url }), Some(key)).await;
}

/// A delivery whose words Ghost writes anew.
fn job(bench: &Bench) -> Job {
    let now = holdline::clock::date_time(bench.app.clock().now());
    Job {
        delivery: bench.app.clock().id().parse().unwrap(),
        created_at: now,
        permitted_at: now,
        idempotency_key: "key-1".to_owned(),
        kind: "update".to_owned(),
        incident: None,
        rendition: Rendition {
            title: Some("Cards \"&\" <payments>".to_owned()),
            text: "One <b> [gallery] \"quoted\" l\u{2019}eau\u{a0}: caf\u{e9} & 'x'\ntwo\n\nhttps://bank.example/?a=1&b=2".to_owned(),
            more: Vec::new(),
            language: "fr".to_owned(),
            media: Vec::new(),
        },
        valid_until: None,
        number: 1,
        revises: None,
        handle: None,
        others: Vec::new(),
        media: Vec::new(),
        media_urls: Vec::new(),
    }
}

/// Words that stand in a page as they are.
fn words(text: &str) -> String {
    format!("{text} {}", unique("").replace(['[', ']'], ""))
}

on_both! {
    async fn ghost_shows_a_post_once_and_takes_it_down(bench) {
        let (mut bench, server) = (bench, peer("ghost"));
        ghost(&mut bench, word(&server, "url"), word(&server, "key")).await;
        let worker = bench.start().await;
        assert_eq!(ready(&bench, 4).await, (true, "publishes on Bank".to_owned()));
        let words = words("Slow payments");
        let text = format!("{words}\nfor now\n\nWhat <you> can do: https://bank.example/help [gallery]");
        let source = json!({ "text": text, "title": "Payments & cards", "media": [picture(&bench).await] });
        let delivery = publish(&bench, "news", source).await;
        let found = on_ghost(&server, &words).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((&found[0]["title"], &found[0]["visibility"]), (&json!("Payments & cards"), &json!("public")));
        let html = found[0]["html"].as_str().unwrap();
        assert!(html.contains("<br>for now</p>") && html.contains("What &lt;you&gt; can do: <a href=\"https://bank.example/help"), "{html}");
        assert!(html.contains("lang=\"en\"") && html.contains("alt=\"A map of the branches\""), "{html}");
        let image = html.split("<img src=\"").nth(1).unwrap().split('"').next().unwrap();
        assert!(get(image).await.body.starts_with(b"\x89PNG"));
        let address = delivery.url.unwrap();
        let page = get(&address).await;
        assert!(page.is_success() && String::from_utf8_lossy(&page.body).contains(&words));
        assert_eq!(retract(&bench, &delivery.id).await, Retraction::Gone);
        assert_eq!(get(&address).await.status, 404);
        let frozen = unique("Buy more");
        held_by_a_freeze(&bench, "news", json!({ "text": frozen, "title": "Sale" })).await;
        assert!(on_ghost(&server, "Buy more").await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_lost_answer_of_ghost_is_read_back(bench) {
        let (mut bench, server) = (bench, peer("ghost"));
        let relay = Relay::start(word(&server, "url")).await;
        ghost(&mut bench, &relay.url, word(&server, "key")).await;
        let worker = bench.start().await;
        let once = words("Once only");
        let source = json!({ "text": once, "title": "Once" });
        publish_with_lost_answer(&bench, &relay, "\"status\":\"published\"", "news", source).await;
        assert_eq!(on_ghost(&server, &once).await.len(), 1);
        // A lost draft is nobody's: the next attempt finds it and publishes it.
        relay.lose_answer_to("\"status\":\"draft\"");
        let twice = words("Twice tried");
        let post = json!({ "kind": "routine", "channels": ["news"], "source": { "text": twice, "title": "Twice" } });
        let post = bench.approved(post).await;
        let shown = only(&bench.until(&post.id, &["accepted"]).await).clone();
        assert_eq!((shown.attempts, relay.lost()), (2, true));
        let found = on_ghost(&server, &twice).await;
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(!found[0]["slug"].as_str().unwrap().ends_with("-2"), "no second draft: {found:?}");
        worker.stop().await.unwrap();
    }

    async fn a_refused_ghost_key_is_told_before_the_crisis(bench) {
        let (mut bench, server) = (bench, peer("ghost"));
        let (url, key) = (word(&server, "url"), word(&server, "key"));
        let (id, secret) = key.split_once(':').unwrap();
        let worker = bench.start().await;
        for wrong in [format!("{id}:{}", "0b".repeat(32)), format!("6489b1a3c0c4d2a1b3e5f701:{secret}")] {
            bench.connect_with(&unique("news"), "ghost", json!({ "url": url }), Some(&wrong)).await;
            let (ready, detail) = ready(&bench, bench.channels.len() - 1).await;
            assert!(!ready && detail.contains("the admin key is refused") && !detail.contains(&secret[..16]), "{detail}");
        }
        worker.stop().await.unwrap();
    }

    async fn a_post_that_was_taken_down_on_ghost_is_not_published_again(bench) {
        let (server, job) = (peer("ghost"), job(&bench));
        let now = job.created_at;
        let connection = Connection {
            settings: json!({ "url": server["url"] }),
            credential: Some(word(&server, "key").into()),
            http: Arc::new(http()),
            clock: Arc::new(move || now),
            public_url: None,
        };
        let channel = (channels::adapter("ghost").unwrap().connect)(&connection).unwrap();
        assert_eq!(channel.read_back(&job).await, Sighting::Absent);
        let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
        // Ghost has written the words anew, and they are the same.
        assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt.clone()));
        assert_eq!(channel.publish(&job, &Pass::open_for_tests()).await, Ok(receipt.clone()));
        let mut other = job.clone();
        other.rendition.text = "Other words".to_owned();
        assert!(matches!(channel.read_back(&other).await, Sighting::Unknown(_)));
        // A draft again, as an editor makes it one: it keeps its date.
        assert_eq!(channel.retract(&job, Some(&receipt.remote_id)).await, Retraction::Gone);
        let seen = channel.read_back(&job).await;
        assert!(matches!(&seen, Sighting::Unknown(why) if why.contains("took the post down")), "{seen:?}");
        let again = channel.publish(&job, &Pass::open_for_tests()).await;
        assert!(matches!(again, Err(Failure::InDoubt { .. })), "{again:?}");
        assert_eq!(get(&receipt.url.unwrap()).await.status, 404);
    }
}
