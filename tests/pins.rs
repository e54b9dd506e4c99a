//! A post is kept at the top, on real servers that `tests/run` starts.

use channels::http::Request;
use holdline::app::audit::{self, AuditFilter};
use holdline::app::pins::{self, Pin, PinView};
use serde_json::{Value, json};

use crate::on_both;
use crate::real_channels::{bluesky, get, peer, unique, word, wordpress};
use crate::support::{Bench, http};

async fn set(bench: &Bench, post: &str, pinned: bool) -> Vec<PinView> {
    pins::set(&bench.app, &bench.approver, post, Pin { pinned }).await.unwrap()
}

fn of<'a>(all: &'a [PinView], name: &str) -> &'a PinView {
    all.iter().find(|copy| copy.channel_name == name).unwrap()
}

/// The post that the profile names.
async fn on_top(server: &Value) -> Value {
    let (url, did) = (word(server, "url"), word(server, "did"));
    let profile = format!(
        "{url}/xrpc/com.atproto.repo.getRecord?repo={did}&collection=app.bsky.actor.profile&rkey=self"
    );
    let told: Value = get(&profile).await.json().unwrap();
    told["value"]["pinnedPost"]["uri"].clone()
}

async fn sticky(server: &Value, text: &str) -> Vec<bool> {
    let url = format!("{}/wp-json/wp/v2/posts?per_page=100", word(server, "url"));
    let all: Vec<Value> = get(&url).await.json().unwrap();
    let ours = all.iter().filter(|p| p["content"]["rendered"].as_str().unwrap().contains(text));
    ours.map(|p| p["sticky"] == true).collect()
}

async fn pinned_in_the_room(server: &Value, token: &str) -> Vec<Value> {
    let (url, room) = (word(server, "url"), word(server, "room"));
    let url = format!("{url}/_matrix/client/v3/rooms/{room}/state/m.room.pinned_events/");
    let told: Value = http().call(Request::get(&url).bearer(&token.into())).await.unwrap().json().unwrap();
    told["pinned"].as_array().cloned().unwrap_or_default()
}

on_both! {
    async fn a_post_is_kept_at_the_top_wherever_that_can_be(bench) {
        let (mut bench, sky, blog) = (bench, peer("bluesky"), peer("wordpress"));
        let (matrix, ghost) = (peer("synapse"), peer("ghost"));
        bluesky(&mut bench, &sky, word(&sky, "url"), word(&sky, "app_password")).await;
        wordpress(&mut bench, word(&blog, "url"), word(&blog, "account"), word(&blog, "app_password")).await;
        let room = json!({ "server": matrix["url"], "room": matrix["room"] });
        bench.connect_with("room", "matrix", room, Some(word(&matrix, "token"))).await;
        bench.connect_with("news", "ghost", json!({ "url": ghost["url"] }), Some(word(&ghost, "key"))).await;
        let worker = bench.start().await;
        let text = unique("Cards fail; what to do");
        // WordPress gets the brackets in another form.
        let mark = text.split(['[', ']']).nth(1).unwrap().to_owned();
        let channels = ["sky", "blog", "room", "news", "alpha"];
        let post = json!({ "kind": "routine", "channels": channels, "source": { "title": "Cards", "text": text } });
        let post = bench.approved(post).await;
        bench.until(&post.id, &["accepted"; 5]).await;
        for _ in 0..2 {
            let all = set(&bench, &post.id, true).await;
            for name in ["sky", "blog", "room", "news"] {
                let copy = of(&all, name);
                assert!(copy.pinned_at.is_some() && copy.reason.is_none(), "{copy:?}");
            }
            assert_eq!(of(&all, "alpha").reason.as_deref(), Some("posts cannot be pinned there"));
        }
        let uri = on_top(&sky).await;
        assert!(uri.as_str().unwrap().contains("/app.bsky.feed.post/"));
        assert_eq!(sticky(&blog, &mark).await, [true]);
        let token = word(&matrix, "token");
        assert!(!pinned_in_the_room(&matrix, token).await.is_empty());
        let known = pins::list(&bench.app, &bench.approver, &post.id).await.unwrap();
        assert!(of(&known, "sky").pinned_at.is_some() && of(&known, "alpha").pinned_at.is_none());
        let all = set(&bench, &post.id, false).await;
        assert!(all.iter().all(|copy| copy.pinned_at.is_none()), "{all:?}");
        assert_eq!((on_top(&sky).await, sticky(&blog, &mark).await), (Value::Null, vec![false]));
        let filter = AuditFilter { verb: Some("delivery.pinned".into()), limit: 100, ..AuditFilter::default() };
        assert_eq!(audit::list(&bench.app, &bench.administrator, &filter).await.unwrap().len(), 8);
        // What is not out cannot be pinned.
        let later = json!({ "kind": "routine", "channels": ["alpha"], "source": { "text": "later" },
            "due": "2199-01-01T00:00:00Z" });
        let later = bench.approved(later).await;
        let why = pins::set(&bench.app, &bench.approver, &later.id, Pin { pinned: true }).await.unwrap_err();
        assert!(why.to_string().contains("nothing of this post is out"), "{why}");
        worker.stop().await.unwrap();
    }
}
