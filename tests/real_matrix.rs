//! Matrix on a real Synapse, which `tests/run` starts from `tests/peers`.

use channels::Retraction;
use serde_json::{Value, json};

use crate::on_both;
use crate::real_channels::{
    held_by_a_freeze, only, peer, picture, publish, publish_with_lost_answer, ready, retract, unique, word,
};
use crate::support::relay::Relay;
use crate::support::{Bench, http};

/// What another person in the room sees of the messages with this text.
async fn in_the_room(server: &Value, text: &str) -> Vec<Value> {
    let (url, room) = (word(server, "url"), word(server, "room"));
    let url = format!("{url}/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=1000");
    let token = word(server, "visitor").into();
    let request = channels::http::Request::get(&url).bearer(&token);
    let all: Value = http().call(request).await.unwrap().json().unwrap();
    let all = all["chunk"].as_array().unwrap().iter();
    all.filter(|e| e["content"]["body"] == text).cloned().collect()
}

async fn matrix(bench: &mut Bench, url: &str, room: &str, token: &str) {
    bench.connect_with("room", "matrix", json!({ "server": url, "room": room }), Some(token)).await;
}

/// What a check of a channel into this room says.
async fn checked(bench: &mut Bench, server: &Value, room: &str, token: &str) -> (bool, String) {
    let settings = json!({ "server": server["url"], "room": server[room] });
    bench.connect_with(&format!("{room} {}", unique("")), "matrix", settings, Some(token)).await;
    ready(bench, bench.channels.len() - 1).await
}

on_both! {
    async fn a_matrix_room_shows_a_post_once_and_it_is_taken_down(bench) {
        let (mut bench, server) = (bench, peer("synapse"));
        let room = word(&server, "room");
        matrix(&mut bench, word(&server, "url"), room, word(&server, "token")).await;
        let worker = bench.start().await;
        let well = format!("posts as {} in the room {room}", word(&server, "user"));
        assert_eq!(ready(&bench, 4).await, (true, well));
        let text = unique("Slow <payments> for @room.\n\nSee https://bank.example/status for more");
        let source = json!({ "text": text, "media": [picture(&bench).await] });
        let delivery = publish(&bench, "room", source).await;
        let found = in_the_room(&server, &text).await;
        assert_eq!(found.len(), 1);
        let content = &found[0]["content"];
        assert_eq!(content["m.mentions"], json!({}));
        let html = content["formatted_body"].as_str().unwrap();
        assert!(html.contains("Slow &lt;payments&gt; for @room") && html.contains("alt=\"A map of the branches\""), "{html}");
        let uri = html.split("src=\"mxc://").nth(1).unwrap().split('"').next().unwrap();
        let download = format!("{}/_matrix/client/v1/media/download/{uri}", word(&server, "url"));
        let request = channels::http::Request::get(&download).bearer(&word(&server, "visitor").into());
        assert!(http().call(request).await.unwrap().body.starts_with(b"\x89PNG"));
        assert!(delivery.url.unwrap().starts_with("https://matrix.to/#/%21"));
        assert_eq!(retract(&bench, &delivery.id).await, Retraction::Gone);
        assert!(in_the_room(&server, &text).await.is_empty());
        let frozen = unique("Buy more");
        held_by_a_freeze(&bench, "room", json!({ "text": frozen })).await;
        assert!(in_the_room(&server, &frozen).await.is_empty());
        worker.stop().await.unwrap();
    }

    async fn a_lost_answer_of_a_matrix_server_is_read_back(bench) {
        let (mut bench, server) = (bench, peer("synapse"));
        let relay = Relay::start(word(&server, "url")).await;
        matrix(&mut bench, &relay.url, word(&server, "room"), word(&server, "token")).await;
        let worker = bench.start().await;
        let text = unique("Once only");
        let delivery = publish_with_lost_answer(&bench, &relay, "/send/m.room.message/", "room", json!({ "text": text })).await;
        assert_eq!(in_the_room(&server, &text).await.len(), 1);
        assert!(delivery.url.is_some());
        worker.stop().await.unwrap();
    }

    async fn a_matrix_token_of_another_device_sends_nothing_again(bench) {
        let (mut bench, server) = (bench, peer("synapse"));
        let relay = Relay::start(word(&server, "url")).await;
        matrix(&mut bench, &relay.url, word(&server, "room"), word(&server, "token")).await;
        let worker = bench.start().await;
        let text = unique("Whatever the device");
        relay.lose_answer_to("/send/m.room.message/");
        let post = bench.approved(json!({ "kind": "routine", "channels": ["room"], "source": { "text": text } })).await;
        bench.until(&post.id, &["in_doubt"]).await;
        let credential = serde_json::from_value(json!({ "credential": server["other_device"] })).unwrap();
        let channel = bench.channels[4].clone();
        holdline::app::channels::edit(&bench.app, &bench.administrator, &channel, None, credential).await.unwrap();
        bench.app.clock().advance(6_000);
        assert_eq!(only(&bench.until(&post.id, &["accepted"]).await).attempts, 1);
        assert_eq!(in_the_room(&server, &text).await.len(), 1);
        worker.stop().await.unwrap();
    }

    async fn a_matrix_room_that_cannot_be_posted_to_is_told_before_the_crisis(bench) {
        let (mut bench, server) = (bench, peer("synapse"));
        let worker = bench.start().await;
        let token = word(&server, "token").to_owned();
        for (room, works, words) in [
            ("new_room", true, "posts as @bank:bank.test"),
            ("encrypted", false, "the room is encrypted"),
            ("quiet", false, "give it the power to send messages"),
            ("away", false, "the account is not in the room; invite it and let it join (status 403)"),
        ] {
            let (ready, detail) = checked(&mut bench, &server, room, &token).await;
            assert!(ready == works && detail.contains(words), "{room}: {ready} {detail}");
        }
        let (ready, detail) = checked(&mut bench, &server, "room", "syt_hunter2").await;
        assert!(!ready && detail.contains("the token is refused") && !detail.contains("hunter2"), "{detail}");
        // Whoever decides about a post makes the check, so it waits with the reason.
        matrix(&mut bench, word(&server, "url"), word(&server, "quiet"), &token).await;
        let post = bench.approved(json!({ "kind": "routine", "channels": ["room"], "source": { "text": "never" } })).await;
        let mut reason = None;
        for _ in 0..200 {
            let now = bench.until(&post.id, &["scheduled"]).await;
            reason.clone_from(&only(&now).reason);
            if reason.is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(reason.as_ref().is_some_and(|why| why.contains("give it the power to send messages")), "{reason:?}");
        worker.stop().await.unwrap();
    }
}
