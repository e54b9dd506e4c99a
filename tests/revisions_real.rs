//! A post that is out gets other words in its place, on a real WordPress, a real Ghost and a real homeserver.

use channels::http::Request;
use holdline::app::pins::{self, Pin};
use holdline::app::{take_downs, watches};
use serde_json::{Value, json};

use crate::real_channels::{get, peer, picture, unique, word, wordpress};
use crate::real_ghost::on_ghost;
use crate::support::relay::Relay;
use crate::support::{Bench, Database, http};
use crate::watches_real::intrude_on_ghost;

/// What another person in the room sees of the events that hold this.
async fn in_the_room(server: &Value, text: &str) -> Vec<Value> {
    let (url, room) = (word(server, "url"), word(server, "room"));
    let url = format!("{url}/_matrix/client/v3/rooms/{room}/messages?dir=b&limit=1000");
    let request = Request::get(&url).bearer(&word(server, "visitor").into());
    let all: Value = http().call(request).await.unwrap().json().unwrap();
    let all = all["chunk"].as_array().unwrap().iter();
    all.filter(|e| e["content"].to_string().contains(text)).cloned().collect()
}

async fn on_the_site(server: &Value, mark: &str) -> Vec<Value> {
    let url = format!("{}/wp-json/wp/v2/posts?per_page=100", word(server, "url"));
    let all: Vec<Value> = get(&url).await.json().unwrap();
    all.into_iter().filter(|p| p["content"]["rendered"].as_str().unwrap().contains(mark)).collect()
}

/// On one database only: what the servers do is the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_change_on_a_site_and_in_a_room() {
    let mut bench = Bench::new(Database::Sqlite).await;
    let (blog, matrix) = (peer("wordpress"), peer("synapse"));
    let relays = (Relay::start(word(&blog, "url")).await, Relay::start(word(&matrix, "url")).await);
    wordpress(&mut bench, &relays.0.url, word(&blog, "account"), word(&blog, "app_password")).await;
    let room = json!({ "server": relays.1.url, "room": matrix["room"] });
    bench.connect_with("room", "matrix", room, Some(word(&matrix, "token"))).await;
    watches::look_all(&bench.app).await.ok();
    let worker = bench.start().await;
    watches::look_all(&bench.app).await.unwrap();
    let mark = unique("mark").replace(['[', ']', ' '], "");
    let words = |text: &str| json!({ "title": "Cards", "text": format!("{text} {mark}\n\nSee https://bank.example/") });
    let post =
        json!({ "kind": "routine", "channels": ["blog", "room"], "source": words("Cards & more fail") });
    let post = bench.approved(post).await;
    bench.until(&post.id, &["accepted"; 2]).await;
    let before = on_the_site(&blog, &mark).await;
    let mut new = json!({ "kind": "routine", "revises": post.id, "source": words("It's the \"cards\"") });
    new["source"]["media"] = json!([picture(&bench).await]);
    relays.0.lose_answer_to(&format!("POST /wp-json/wp/v2/posts/{}", before[0]["id"]));
    relays.1.lose_answer_to("/send/m.room.message/");
    let changed = bench.approved(new).await;
    bench.until(&changed.id, &["in_doubt"; 2]).await;
    bench.app.clock().advance(6_000);
    let out = bench.until(&changed.id, &["accepted"; 2]).await;
    assert!(out.deliveries.iter().all(|d| d.attempts == 1), "{out:?}");
    let after = on_the_site(&blog, &mark).await;
    assert_eq!((after.len(), &after[0]["id"], &after[0]["link"]), (1, &before[0]["id"], &before[0]["link"]));
    let shown = after[0]["content"]["rendered"].as_str().unwrap();
    assert!(
        shown.contains("It&#8217;s the") && !shown.contains("more fail") && shown.contains("<img"),
        "{shown}"
    );
    let events = in_the_room(&matrix, &mark).await;
    let edit = events.iter().find(|e| !e["content"]["m.new_content"].is_null()).expect("the edit");
    let first = events.iter().find(|e| e["content"]["m.new_content"].is_null()).expect("the post");
    assert_eq!((events.len(), &edit["content"]["m.relates_to"]["event_id"]), (2, &first["event_id"]));
    assert_eq!(
        first["unsigned"]["m.relations"]["m.replace"]["event_id"], edit["event_id"],
        "the server takes it"
    );
    // The watch knows it as ours, and a pin of either post is that of both.
    watches::look_all(&bench.app).await.unwrap();
    let seen = watches::list(&bench.app, &bench.operator).await.unwrap();
    assert!(seen.accounts.iter().all(|a| a.trouble.is_none()), "{seen:?}");
    // Others post there, too, with the same account.
    assert!(seen.posts.iter().all(|p| !p.words.contains(&mark)), "{seen:?}");
    let pinned = pins::set(&bench.app, &bench.approver, &changed.id, Pin { pinned: true }).await.unwrap();
    assert!(pinned.iter().all(|copy| copy.reason.is_none()), "{pinned:?}");
    let told = pins::list(&bench.app, &bench.approver, &post.id).await.unwrap();
    assert!(told.len() == 2 && told.iter().all(|copy| copy.pinned_at.is_some()), "{told:?}");
    let gone = take_downs::all(&bench.app, &bench.approver, &changed.id, "wrong").await.unwrap();
    assert!(gone.iter().all(|copy| copy.gone), "{gone:?}");
    assert!(on_the_site(&blog, &mark).await.is_empty() && in_the_room(&matrix, &mark).await.is_empty());
    bench.until(&post.id, &["retracted"; 2]).await;
    worker.stop().await.unwrap();
}

/// On one database only, as above.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_change_on_ghost_and_those_of_an_editor_stay() {
    let mut bench = Bench::new(Database::Sqlite).await;
    let site = peer("ghost");
    let relay = Relay::start(word(&site, "url")).await;
    bench.connect_with("news", "ghost", json!({ "url": relay.url }), Some(word(&site, "key"))).await;
    let worker = bench.start().await;
    let mark = unique("mark").replace(['[', ']', ' '], "");
    let words = |text: &str| json!({ "title": "Cards", "text": format!("{text} {mark}") });
    let post = json!({ "kind": "routine", "channels": ["news"], "source": words("Cards & more fail") });
    let post = bench.approved(post).await;
    bench.until(&post.id, &["accepted"]).await;
    let before = on_ghost(&site, &mark).await;
    let id = word(&before[0], "id");

    // It was done, and the answer is lost: the words that stand there tell it.
    let mut new = json!({ "kind": "routine", "revises": post.id, "source": words("It's the \"cards\"") });
    new["source"]["media"] = json!([picture(&bench).await]);
    relay.lose_answer_to(&format!("PUT /ghost/api/admin/posts/{id}"));
    let changed = bench.approved(new).await;
    bench.until(&changed.id, &["in_doubt"]).await;
    assert!(relay.lost());
    bench.app.clock().advance(6_000);
    let out = bench.until(&changed.id, &["accepted"]).await;
    assert!(out.deliveries.iter().all(|d| d.attempts == 1), "{out:?}");
    let after = on_ghost(&site, &mark).await;
    assert_eq!((after.len(), &after[0]["id"], &after[0]["url"]), (1, &before[0]["id"], &before[0]["url"]));
    let shown = word(&after[0], "html");
    assert!(shown.contains("It’s the") || shown.contains("It's the"), "{shown}");
    assert!(!shown.contains("more fail") && shown.contains("<img"), "{shown}");

    // An editor writes between the look and the change. Ghost counts seconds.
    relay.hold(&format!("PUT /ghost/api/admin/posts/{id}"));
    let late =
        bench.approved(json!({ "kind": "routine", "revises": post.id, "source": words("Ours again") })).await;
    relay.held().await;
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let theirs = json!({ "html": format!("<p>What an editor wrote {mark}</p>"), "updated_at": after[0]["updated_at"] });
    intrude_on_ghost(&site, Some(id), &theirs).await;
    relay.go_on();
    let out = bench.until(&late.id, &["failed"]).await;
    let why = out.deliveries[0].reason.as_deref().unwrap_or_default();
    assert!(why.contains("changed"), "{why}");
    let kept = on_ghost(&site, &mark).await;
    assert!(word(&kept[0], "html").contains("What an editor wrote"), "{kept:?}");
    worker.stop().await.unwrap();
}
