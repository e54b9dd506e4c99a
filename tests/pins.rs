//! A post is kept at the top, on real servers that `tests/run` starts.

use channels::http::Request;
use holdline::app::audit::{self, AuditFilter};
use holdline::app::pins::{self, Pin, PinView};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::on_both;
use crate::real_channels::{bluesky, get, peer, unique, word, wordpress};
use crate::support::{Bench, Database, http};
use crate::watches::own_account;

async fn set(bench: &Bench, post: &str, pinned: bool) -> Vec<PinView> {
    pins::set(&bench.app, &bench.approver, post, Pin { pinned }).await.unwrap()
}

fn of<'a>(all: &'a [PinView], name: &str) -> &'a PinView {
    all.iter().find(|copy| copy.channel_name == name).unwrap()
}

/// The account's profile.
async fn profile(server: &Value) -> Value {
    let (url, did) = (word(server, "url"), word(server, "did"));
    let profile = format!(
        "{url}/xrpc/com.atproto.repo.getRecord?repo={did}&collection=app.bsky.actor.profile&rkey=self"
    );
    let told: Value = get(&profile).await.json().unwrap();
    told["value"].clone()
}

/// The account describes itself, as its owner would.
async fn describe(server: &Value, record: &Value) {
    let url = word(server, "url");
    let login = json!({ "identifier": server["account"], "password": server["app_password"] });
    let session = Request::post(&format!("{url}/xrpc/com.atproto.server.createSession")).json(&login);
    let session: Value = http().call(session).await.unwrap().json().unwrap();
    let token = SecretString::from(word(&session, "accessJwt").to_owned());
    let content = json!({ "repo": session["did"], "collection": "app.bsky.actor.profile", "rkey": "self",
        "record": record });
    let request = Request::post(&format!("{url}/xrpc/com.atproto.repo.putRecord")).bearer(&token);
    assert_eq!(http().call(request.json(&content)).await.unwrap().status, 200);
}

async fn on_wordpress(server: &Value, mark: &str) -> Vec<bool> {
    let url = format!("{}/wp-json/wp/v2/posts?per_page=100", word(server, "url"));
    let all: Vec<Value> = get(&url).await.json().unwrap();
    let ours = all.iter().filter(|p| p["content"]["rendered"].as_str().unwrap().contains(mark));
    ours.map(|p| p["sticky"] == true).collect()
}

async fn on_ghost(server: &Value, mark: &str) -> Vec<bool> {
    let (url, key) = (word(server, "url"), word(server, "content_key"));
    let all: Value =
        get(&format!("{url}/ghost/api/content/posts/?key={key}&limit=100")).await.json().unwrap();
    let ours = all["posts"].as_array().unwrap().iter().filter(|p| p["html"].as_str().unwrap().contains(mark));
    ours.map(|p| p["featured"] == true).collect()
}

async fn in_the_room(server: &Value) -> Vec<Value> {
    let (url, room) = (word(server, "url"), word(server, "room"));
    let url = format!("{url}/_matrix/client/v3/rooms/{room}/state/m.room.pinned_events/");
    let request = Request::get(&url).bearer(&word(server, "token").into());
    let told: Value = http().call(request).await.unwrap().json().unwrap();
    told["pinned"].as_array().cloned().unwrap_or_default()
}

on_both! {
    async fn a_post_is_kept_at_the_top_and_the_profile_stays_as_it_is(bench) {
        let (mut bench, server) = (bench, own_account(&peer("bluesky")).await);
        let words = json!({ "$type": "app.bsky.actor.profile", "displayName": "The Bank",
            "description": "All about money", "somethingNew": { "kept": true } });
        describe(&server, &words).await;
        bluesky(&mut bench, &server, word(&server, "url"), word(&server, "app_password")).await;
        let worker = bench.start().await;
        let mut posts = Vec::new();
        for n in 1..=2 {
            let text = unique(&format!("Cards fail, part {n}"));
            let post = json!({ "kind": "routine", "channels": ["sky", "alpha"], "source": { "text": text } });
            let post = bench.approved(post).await;
            bench.until(&post.id, &["accepted", "accepted"]).await;
            for _ in 0..2 {
                let all = set(&bench, &post.id, true).await;
                assert!(of(&all, "sky").pinned_at.is_some() && of(&all, "sky").reason.is_none(), "{all:?}");
                assert_eq!(of(&all, "alpha").reason.as_deref(), Some("posts cannot be pinned there"));
            }
            posts.push(post.id);
        }
        let mut now = profile(&server).await;
        let pinned = now.as_object_mut().unwrap().remove("pinnedPost").unwrap();
        assert!(pinned["uri"].as_str().unwrap().contains("/app.bsky.feed.post/"));
        assert_eq!(now, words, "nothing else has changed");
        // The second took the place of the first.
        for (post, is) in posts.iter().zip([false, true]) {
            let known = pins::list(&bench.app, &bench.approver, post).await.unwrap();
            assert_eq!((of(&known, "sky").pinned_at.is_some(), of(&known, "alpha").pinned_at.is_some()), (is, false));
        }
        assert!(set(&bench, &posts[0], false).await.iter().all(|copy| copy.pinned_at.is_none()));
        assert!(profile(&server).await["pinnedPost"].is_object(), "that one is another");
        assert!(set(&bench, &posts[1], false).await.iter().all(|copy| copy.pinned_at.is_none()));
        assert_eq!(profile(&server).await, words);
        for (verb, times) in [("delivery.pin_asked", 4), ("delivery.pinned", 4), ("delivery.unpinned", 2)] {
            let filter = AuditFilter { verb: Some(verb.into()), limit: 100, ..AuditFilter::default() };
            let entries = audit::list(&bench.app, &bench.administrator, &filter).await.unwrap();
            assert_eq!(entries.len(), times, "{verb}");
        }
        // What is not out cannot be pinned.
        let later = json!({ "kind": "routine", "channels": ["alpha"], "source": { "text": "later" },
            "due": "2199-01-01T00:00:00Z" });
        let later = bench.approved(later).await;
        let why = pins::set(&bench.app, &bench.approver, &later.id, Pin { pinned: true }).await.unwrap_err();
        assert!(why.to_string().contains("nothing of this post is out"), "{why}");
        worker.stop().await.unwrap();
    }
}

/// On one database only: the room has one list for all who use it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_post_is_kept_at_the_top_of_a_room_and_of_two_sites() {
    let mut bench = Bench::new(Database::Sqlite).await;
    let (blog, matrix, ghost) = (peer("wordpress"), peer("synapse"), peer("ghost"));
    wordpress(&mut bench, word(&blog, "url"), word(&blog, "account"), word(&blog, "app_password")).await;
    let room = json!({ "server": matrix["url"], "room": matrix["room"] });
    bench.connect_with("room", "matrix", room, Some(word(&matrix, "token"))).await;
    bench.connect_with("news", "ghost", json!({ "url": ghost["url"] }), Some(word(&ghost, "key"))).await;
    let worker = bench.start().await;
    let text = unique("Cards fail");
    // The sites write the brackets in another form.
    let mark = text.split(['[', ']']).nth(1).unwrap().to_owned();
    let post = json!({ "kind": "routine", "channels": ["blog", "room", "news"],
        "source": { "title": "Cards", "text": text } });
    let post = bench.approved(post).await;
    let out = bench.until(&post.id, &["accepted"; 3]).await;
    let of_room = out.deliveries.iter().find(|d| d.channel_name == "room").unwrap();
    let event =
        of_room.url.as_ref().unwrap().split("%24").nth(1).unwrap().split('?').next().unwrap().to_owned();
    let is_pinned = async || in_the_room(&matrix).await.iter().any(|e| e.as_str().unwrap()[1..] == event);
    for up in [true, false] {
        assert_eq!(is_pinned().await, !up);
        let all = set(&bench, &post.id, up).await;
        assert!(all.iter().all(|copy| copy.reason.is_none() && copy.pinned_at.is_some() == up), "{all:?}");
        assert_eq!((on_wordpress(&blog, &mark).await, on_ghost(&ghost, &mark).await), (vec![up], vec![up]));
        assert_eq!(is_pinned().await, up);
    }
    worker.stop().await.unwrap();
}
