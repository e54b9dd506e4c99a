//! A text that its author has parted becomes a thread where it does not fit in one piece. Bluesky's server is
//! a real one.

use channels::Retraction;
use holdline::app::held::{self, Settle, Settlement};
use holdline::app::posts::{self, DeliveryView};
use holdline::app::{doubts, renditions};
use serde_json::{Value, json};

use crate::on_both;
use crate::real_channels::{bluesky, get, only, peer, retract, unique, word};
use crate::support::Bench;
use crate::support::relay::Relay;

/// Three parts that together are too long for Bluesky.
fn parts() -> [String; 3] {
    ["It began at nine.", "Cards work again.", "More at ten."]
        .map(|words| unique(&format!("{words} {}", "Money is safe. ".repeat(9))))
}

/// The records of the account that hold one of these texts, in their order.
async fn thread(server: &Value, parts: &[String]) -> Vec<Value> {
    let (url, did) = (word(server, "url"), word(server, "did"));
    let list =
        format!("{url}/xrpc/com.atproto.repo.listRecords?repo={did}&collection=app.bsky.feed.post&limit=100");
    let all: Value = get(&list).await.json().unwrap();
    let of = |text: &String| {
        let records = all["records"].as_array().unwrap().iter();
        records.filter(|r| r["value"]["text"] == text.as_str()).cloned().collect::<Vec<_>>()
    };
    parts.iter().flat_map(of).collect()
}

/// Waits until the delivery says this of itself.
async fn until_it_says(bench: &Bench, delivery: &str, state: &str, beginning: &str) {
    for _ in 0..400 {
        let doubt = doubts::get(&bench.app, &bench.approver, delivery).await.unwrap();
        let is = serde_json::to_value(doubt.state).unwrap();
        let told = doubt.attempt.and_then(|a| a.detail).unwrap_or_default();
        if is == state && told.starts_with(beginning) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("{:?}", doubts::get(&bench.app, &bench.approver, delivery).await);
}

async fn send(bench: &Bench, text: &str) -> (String, DeliveryView) {
    let new = json!({ "kind": "routine", "channels": ["sky"], "source": { "text": text } });
    let mut post = bench.approved(new).await;
    (post.id, post.deliveries.remove(0))
}

on_both! {
    async fn a_thread_whose_answer_was_lost_is_finished_once(bench) {
        let (mut bench, server) = (bench, peer("bluesky"));
        let relay = Relay::start(word(&server, "url")).await;
        bluesky(&mut bench, &server, &relay.url, word(&server, "app_password")).await;
        let worker = bench.start().await;
        let parts = parts();
        relay.lose_answer_to(&parts[1]);
        let (post, delivery) = send(&bench, &parts.join("\n---\n")).await;
        assert_eq!(delivery.rendition["text"], parts[0].trim(), "what is approved is what is sent");
        assert_eq!(delivery.rendition["more"], json!([parts[1].trim(), parts[2].trim()]));
        until_it_says(&bench, &delivery.id, "in_doubt", "parts out: 1 of 3; ").await;
        doubts::read_back(&bench.app, &bench.approver, &delivery.id).await.unwrap();
        until_it_says(&bench, &delivery.id, "in_doubt", "read back: parts out: 2 of 3; another try").await;
        let word = Settle { settlement: Settlement::TryAgain, note: "two parts of three".into(), url: None };
        held::settle(&bench.app, &bench.approver, &delivery.id, &word).await.unwrap();
        let url = only(&bench.until(&post, &["accepted"]).await).url.clone().unwrap();
        let found = thread(&server, &parts).await;
        assert_eq!(found.len(), 3, "each part once: {found:?}");
        assert!(found[0]["uri"].as_str().unwrap().ends_with(url.rsplit('/').next().unwrap()), "{url}");
        assert!(found[0]["value"]["reply"].is_null());
        for n in [1, 2] {
            assert_eq!(found[n]["value"]["reply"]["root"]["uri"], found[0]["uri"]);
            assert_eq!(found[n]["value"]["reply"]["parent"]["cid"], found[n - 1]["cid"]);
        }
        let attempts = bench.look().await.attempts(&delivery.id).await.unwrap();
        let uris: Vec<&str> = found.iter().map(|r| r["uri"].as_str().unwrap()).collect();
        assert_eq!(attempts[1].handle.as_deref(), Some(uris.join(" ").as_str()), "all parts are written down");
        assert_eq!(retract(&bench, &delivery.id).await, Retraction::Gone);
        assert!(thread(&server, &parts).await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_parted_text_is_one_piece_where_it_fits(bench) {
        let bench = bench;
        let new = json!({ "kind": "routine", "channels": ["alpha"], "source": { "text": "One.\n---\nTwo." } });
        let new = serde_json::from_value(new).unwrap();
        let seen = posts::preview(&bench.app, &bench.operator, &new).await.unwrap();
        assert_eq!(seen.channels[0].rendition.text, "One.\n\nTwo.");
        assert!(seen.channels[0].rendition.more.is_empty());
        let drill = renditions::render(&new.source, "sky", Some(&channels::bluesky::ADAPTER.limits), true);
        assert!(drill.more.is_empty() && drill.text.ends_with("One.\n\nTwo."));
        let long = format!("{}\n---\n{}", "a ".repeat(120), "b ".repeat(120));
        let source = holdline::domain::post::Source { text: long, ..new.source };
        let drill = renditions::render(&source, "sky", Some(&channels::bluesky::ADAPTER.limits), true);
        assert!(drill.texts().count() == 2 && drill.texts().all(|t| t.starts_with(renditions::EXERCISE)));
    }
}
