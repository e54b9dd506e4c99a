//! A post that no delivery made raises an alarm (I13), on a real Ghost and a real homeserver.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use channels::http::Request;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::on_both;
use crate::real_channels::{peer, publish, retract, unique, word};
use crate::support::relay::Relay;
use crate::support::{Bench, http};
use crate::watches::{alarms, look, seen, states};

/// A token that somebody else makes with the admin key.
fn token(server: &Value) -> SecretString {
    let (id, secret) = word(server, "key").split_once(':').unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let part = |part: Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let head = part(json!({ "alg": "HS256", "kid": id, "typ": "JWT" }));
    let signed = format!("{head}.{}", part(json!({ "aud": "/admin/", "exp": now + 60, "iat": now })));
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&hex::decode(secret).unwrap()).unwrap();
    mac.update(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())).into()
}

/// Somebody else writes with the admin key; the id of the post.
pub async fn intrude_on_ghost(server: &Value, id: Option<&str>, content: &Value) -> Value {
    let url = format!(
        "{}/ghost/api/admin/posts/{}?source=html",
        word(server, "url"),
        id.map_or(String::new(), |id| format!("{id}/"))
    );
    let request = if id.is_some() { Request::put(&url) } else { Request::post(&url) };
    let request = request.authorised("Ghost", &token(server)).header("accept-version", "v5.0");
    let made = http().call(request.json(&json!({ "posts": [content] }))).await.unwrap();
    assert!(made.is_success(), "{}", String::from_utf8_lossy(&made.body));
    made.json::<Value>().unwrap()["posts"][0].clone()
}

/// The words that others on the same server do not say.
fn words(text: &str) -> String {
    format!("{text} {}", unique("").replace(['[', ']'], "").trim())
}

/// Asks the homeserver with one of its tokens.
async fn call(server: &Value, token: &str, method: &str, path: &str, content: &Value) -> Value {
    let url = format!("{}/_matrix/client/v3/{}", word(server, "url"), path.replace([' ', '[', ']'], "-"));
    let request = if method == "PUT" { Request::put(&url) } else { Request::post(&url) };
    let answer = http().call(request.bearer(&word(server, token).into()).json(content)).await.unwrap();
    assert!(answer.is_success(), "{path}: {}", String::from_utf8_lossy(&answer.body));
    answer.json().unwrap()
}

/// A room in which no other test posts, with the visitor.
async fn own_room(server: &Value) -> String {
    let new = json!({ "preset": "public_chat", "room_version": "11" });
    let room = word(&call(server, "token", "POST", "createRoom", &new).await, "room_id").to_owned();
    call(server, "visitor", "POST", &format!("rooms/{room}/join"), &json!({})).await;
    room
}

/// Somebody writes in a room; the event's id.
async fn say(server: &Value, token: &str, room: &str, content: Value) -> String {
    let path = format!("rooms/{room}/send/m.room.message/{}", unique("t"));
    word(&call(server, token, "PUT", &path, &content).await, "event_id").to_owned()
}

async fn ghost(bench: &mut Bench, server: &Value) {
    let (url, key) = (word(server, "url"), word(server, "key"));
    bench.connect_with("news", "ghost", json!({ "url": url }), Some(key)).await;
}

on_both! {
    async fn a_post_on_ghost_that_nobody_here_sent_raises_an_alarm_whatever_date_it_bears(bench) {
        let (mut bench, server) = (bench, peer("ghost"));
        ghost(&mut bench, &server).await;
        // A second channel of the same site knows the posts of the first.
        bench.connect_with("again", "ghost", json!({ "url": server["url"] }), Some(word(&server, "key"))).await;
        let worker = bench.start().await;
        let before = words("It was there before");
        let draft = words("A draft of before");
        let post = |title: &str, status: &str| json!({ "title": title, "html": "<p>x</p>", "status": status });
        intrude_on_ghost(&server, None, &post(&before, "published")).await;
        let old = intrude_on_ghost(&server, None, &post(&draft, "draft")).await;
        let list = look(&bench).await;
        assert!(list.accounts.len() == 2 && list.accounts.iter().all(|a| a.trouble.is_none()), "{list:?}");
        assert_eq!(list.accounts[0].account, Some("Bank (127.0.0.1)".to_owned()));
        // What we publish is ours. Of one of the two Ghost cuts the words inside of a character.
        let ours = words("Cards work again");
        let text = format!("x{}", "\u{1f468}".repeat(600));
        publish(&bench, "again", json!({ "title": ours, "text": format!("x{text}") })).await;
        let delivery = publish(&bench, "news", json!({ "title": ours, "text": text })).await;
        let theirs = words("Win a prize");
        let mut new = post(&theirs, "published");
        (new["published_at"], new["created_at"]) = ("2020-01-01T00:00:00.000Z".into(), "2020-01-01T00:00:00.000Z".into());
        let made = intrude_on_ghost(&server, None, &new).await;
        let public = json!({ "status": "published", "updated_at": old["updated_at"] });
        intrude_on_ghost(&server, Some(word(&old, "id")), &public).await;
        let secret = words("For our members");
        let hidden = json!({ "title": secret, "html": "<p>our secret</p>", "status": "published", "visibility": "members" });
        intrude_on_ghost(&server, None, &hidden).await;
        let waits = words("A draft");
        intrude_on_ghost(&server, None, &post(&waits, "draft")).await;
        let list = look(&bench).await;
        assert!(list.accounts.iter().all(|a| a.trouble.is_none()), "{list:?}");
        for words in [&before, &ours, &waits] {
            assert_eq!(states(&list, words), Vec::<&str>::new(), "{words}: {list:?}");
        }
        for words in [&theirs, &draft, &secret] {
            assert_eq!(states(&list, words), ["foreign"], "{words}: {list:?}");
            assert_eq!(alarms(&bench, words).await.len(), 1);
        }
        assert_eq!(seen(&list, &theirs)[0].id, word(&made, "id"));
        assert!(seen(&list, "our secret").is_empty() && seen(&list, &secret)[0].words.ends_with("(for members only)"));
        // New words and taking down make no post.
        let corrected = words("Corrected");
        let changed = json!({ "title": corrected, "updated_at": made["updated_at"] });
        intrude_on_ghost(&server, Some(word(&made, "id")), &changed).await;
        retract(&bench, &delivery.id).await;
        let list = look(&bench).await;
        assert!(seen(&list, &corrected).is_empty() && seen(&list, &ours).is_empty(), "{list:?}");
        worker.stop().await.unwrap();
    }

    async fn a_message_in_a_matrix_room_that_nobody_here_sent_raises_an_alarm(bench) {
        let (mut bench, server) = (bench, peer("synapse"));
        let room = own_room(&server).await;
        let relay = Relay::start(word(&server, "url")).await;
        let settings = |url: &str| json!({ "server": url, "room": room });
        bench.connect_with("room", "matrix", settings(&relay.url), Some(word(&server, "token"))).await;
        // A second channel of the same room, by another address and another device.
        let other = settings(word(&server, "url"));
        bench.connect_with("again", "matrix", other, Some(word(&server, "other_device"))).await;
        let worker = bench.start().await;
        let before = say(&server, "token", &room, json!({ "msgtype": "m.text", "body": "It was there before" })).await;
        assert!(look(&bench).await.posts.is_empty());
        let theirs = unique("Send your coins to us");
        let event = say(&server, "token", &room, json!({ "msgtype": "m.text", "body": theirs })).await;
        // Theirs is the message that our attempt writes down as the last one before it.
        let ours = unique("Cards work again");
        let post = bench.approved(json!({ "kind": "routine", "channels": ["room", "again"], "source": { "text": ours } })).await;
        bench.until(&post.id, &["accepted"; 2]).await;
        say(&server, "visitor", &room, json!({ "msgtype": "m.text", "body": "A person asks" })).await;
        let list = look(&bench).await;
        assert!(list.accounts.len() == 2 && list.accounts.iter().all(|a| a.trouble.is_none()), "{list:?}");
        assert_eq!(states(&list, ""), ["foreign"], "{list:?}");
        assert_eq!(seen(&list, &theirs)[0].id, format!("{room} {event}"));
        assert_eq!(alarms(&bench, &theirs).await.len(), 1);
        // New words and what is taken down are no post, whoever did it.
        let new = json!({ "kind": "routine", "revises": post.id, "source": { "text": unique("Cards work, all of them") } });
        let new = bench.approved(new).await;
        bench.until(&new.id, &["accepted"; 2]).await;
        let words = json!({ "msgtype": "m.text", "body": "x" });
        let edit = json!({ "msgtype": "m.text", "body": "* x", "m.new_content": words,
            "m.relates_to": { "rel_type": "m.replace", "event_id": before } });
        say(&server, "token", &room, edit).await;
        let gone = say(&server, "token", &room, json!({ "msgtype": "m.text", "body": "Gone" })).await;
        call(&server, "token", "PUT", &format!("rooms/{room}/redact/{gone}/{}", unique("r")), &json!({})).await;
        assert_eq!(states(&look(&bench).await, ""), ["foreign"]);
        // A lost answer is open, and then ours.
        relay.lose_answer_to("/send/m.room.message/");
        let lost = unique("Once only");
        let post = bench.approved(json!({ "kind": "routine", "channels": ["room"], "source": { "text": lost } })).await;
        bench.until(&post.id, &["in_doubt"]).await;
        assert_eq!(states(&look(&bench).await, &lost), ["open"]);
        bench.app.clock().advance(6_000);
        bench.until(&post.id, &["accepted"]).await;
        assert!(states(&look(&bench).await, &lost).is_empty());
        // Encrypted, nobody here can have sent it.
        let sealed = json!({ "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "session_id": "x", "sender_key": "x" });
        call(&server, "token", "PUT", &format!("rooms/{room}/send/m.room.encrypted/{}", unique("e")), &sealed).await;
        assert_eq!(states(&look(&bench).await, "(encrypted)"), ["foreign"]);
        assert_eq!(alarms(&bench, "(encrypted)").await.len(), 1);
        worker.stop().await.unwrap();
    }
}
