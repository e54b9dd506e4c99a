//! What people planned in X Ads is held under a freeze, and put back by a decision. The X Ads is a stand-in; how it can
//! misbehave is tried with its adapter.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::{Json, Router};
use holdline::app::sweeps::Choice;
use holdline::app::{freezes, sweeps};
use holdline::clock::{Clock, rfc3339};
use holdline::domain::freeze::Scope;
use holdline::domain::sweep::Stand;
use serde_json::{Value, json};

use crate::console::sign_in;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::visitor::read;
use crate::sweeps::{MINUTE, all, decide_on, freeze_on, looked, until};

const DAY: i64 = 24 * 60;

#[derive(Default)]
struct Kept {
    posts: Vec<Value>,
    /// Method and id of what was written.
    writes: Vec<String>,
    nonces: HashSet<String>,
}

#[derive(Clone)]
struct Ads {
    kept: Arc<Mutex<Kept>>,
    clock: Clock,
}

impl Ads {
    /// Starts it, and connects it as the channel `ads`.
    async fn connect(bench: &mut Bench) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let ads = Self { kept: Arc::default(), clock: bench.app.clock().clone() };
        let routes = Router::new().fallback(answer).with_state(ads.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let settings = json!({ "server": server, "account": "18ce54d4x5t" });
        bench.connect_with("ads", "x_ads", settings, Some("app-key hunter2 75-token hunter2")).await;
        ads
    }

    /// Somebody plans a post there, in so many minutes.
    fn add(&self, text: &str, minutes: i64) {
        let at = (self.clock.now() + minutes * MINUTE) / MINUTE * MINUTE;
        self.put(text, &rfc3339(at), "75", "false");
    }

    fn put(&self, text: &str, at: &str, user: &str, nullcast: &str) -> Value {
        let mut kept = self.kept.lock().unwrap();
        let id = format!("9{}", kept.posts.len() + kept.writes.len());
        let post = json!({ "id": id, "text": text, "user_id": user, "name": null, "card_uri": null,
            "media_keys": [], "nullcast": nullcast == "true", "scheduled_status": "SCHEDULED",
            "scheduled_at": at, "completed_at": null, "tweet_id": null });
        kept.posts.push(post.clone());
        post
    }

    /// Its posts, and in how many hours each goes out.
    fn shown(&self) -> Vec<(String, i64)> {
        let due = |post: &Value| {
            let at = chrono::DateTime::parse_from_rfc3339(post["scheduled_at"].as_str().unwrap()).unwrap();
            (at.timestamp_millis() - self.clock.now() + 2 * MINUTE) / (60 * MINUTE)
        };
        let posts = self.kept.lock().unwrap().posts.clone();
        posts.iter().map(|post| (post["text"].as_str().unwrap().to_owned(), due(post))).collect()
    }

    fn writes(&self) -> Vec<String> {
        self.kept.lock().unwrap().writes.clone()
    }

    /// Each request is signed, and none is a second time.
    fn is_signed(&self, auth: &str) -> bool {
        let nonce = auth.split("oauth_nonce=\"").nth(1).and_then(|rest| rest.split('"').next());
        let is_new = nonce.is_some_and(|nonce| self.kept.lock().unwrap().nonces.insert(nonce.to_owned()));
        is_new
            && auth.starts_with("OAuth oauth_consumer_key=\"app-key\"")
            && auth.contains("oauth_signature=\"")
    }
}

async fn answer(
    State(ads): State<Ads>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let auth = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let said = |status: u16, body: Value| (StatusCode::from_u16(status).unwrap(), Json(body));
    if !ads.is_signed(auth) {
        return said(401, json!({ "errors": [{ "code": "UNAUTHORIZED_ACCESS" }] }));
    }
    let form: HashMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let id = uri.path().rsplit('/').next().unwrap_or_default();
    let place = ads.kept.lock().unwrap().posts.iter().position(|post| post["id"] == id);
    if method != Method::GET {
        ads.kept.lock().unwrap().writes.push(format!("{method} {id}"));
    }
    match (method.as_str(), id, place) {
        ("GET", "18ce54d4x5t", _) => {
            said(200, json!({ "data": { "name": "Bank", "approval_status": "ACCEPTED" } }))
        }
        ("GET", "authenticated_user_access", _) => {
            said(200, json!({ "data": { "permissions": ["AD_MANAGER"] } }))
        }
        ("GET", "scheduled_tweets", _) => {
            said(200, json!({ "data": ads.kept.lock().unwrap().posts, "next_cursor": null }))
        }
        ("GET", _, Some(n)) => said(200, json!({ "data": ads.kept.lock().unwrap().posts[n] })),
        ("PUT", _, Some(n)) => {
            let post = &mut ads.kept.lock().unwrap().posts[n];
            post["scheduled_at"] = form["scheduled_at"].as_str().into();
            said(200, json!({ "data": post }))
        }
        ("DELETE", _, Some(n)) => said(200, json!({ "data": ads.kept.lock().unwrap().posts.remove(n) })),
        ("POST", "scheduled_tweets", _) => {
            let post = ads.put(&form["text"], &form["scheduled_at"], &form["as_user_id"], &form["nullcast"]);
            said(200, json!({ "data": post }))
        }
        _ => said(404, json!({ "errors": [{ "code": "NOT_FOUND" }] })),
    }
}

on_both! {
    async fn what_is_planned_in_x_ads_is_held_and_put_back_by_a_decision(bench) {
        let mut bench = bench;
        let ads = Ads::connect(&mut bench).await;
        ads.add("Sale tomorrow", DAY);
        ads.add("Sale now", 8);
        ads.add("Sale never", 2 * DAY);
        let worker = bench.start().await;
        let app = bench.app.clone();
        let frozen = freeze_on(&app, &bench, Scope::default()).await;
        let seen = until(&app, &frozen.id, |s| all(Stand::Held, 3)(s) && looked(s)).await;
        let [now, tomorrow, never] = seen.posts.as_slice() else { panic!("{seen:?}") };
        assert_eq!((now.words.as_str(), tomorrow.words.as_str()), ("Sale now", "Sale tomorrow"), "the most urgent first");
        assert!(ads.writes()[0].starts_with("DELETE"), "what is due at once is deleted: {:?}", ads.writes());
        assert!(ads.shown().iter().all(|(text, hours)| text != "Sale now" && *hours >= 350 * 24), "{:?}", ads.shown());
        assert!(now.reason.as_deref().is_some_and(|why| why.contains("made again")), "{now:?}");
        assert!(now.held_until.is_none() && tomorrow.held_until.is_some());
        let look = seen.channels.iter().find(|look| look.channel_name == "ads").unwrap();
        assert!(look.unseen.as_deref().is_some_and(|why| why.contains("in X itself")), "{look:?}");
        // A look at the schedule meanwhile takes what was moved for no other post.
        bench.app.clock().advance(2 * MINUTE);
        until(&app, &frozen.id, |s| all(Stand::Held, 3)(s) && looked(s)).await;
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.operator).await.cookie;
        let page = read(&caller, &cookie, &format!("/console/freezes/{}", frozen.id)).await;
        assert!(page.contains("Sale tomorrow") && page.contains("Held there until"), "{page}");
        assert_eq!(decide_on(&app, &bench, Choice::Restore, &[now], 60).await.len(), 1, "the freeze is in force");
        freezes::thaw(&app, &bench.approver, &frozen.id, "over").await.unwrap();
        assert_eq!(sweeps::list(&app, &bench.operator, Some(Stand::Held)).await.unwrap().len(), 3, "in the review");
        let before = ads.writes().len();
        assert_eq!(ads.shown().len(), 2, "a thaw puts nothing back by itself");
        assert_eq!(decide_on(&app, &bench, Choice::Restore, &[now, tomorrow], 185).await, Vec::new());
        assert_eq!(decide_on(&app, &bench, Choice::Drop, &[never], 60).await, Vec::new());
        let done = |s: &sweeps::SweepView| {
            s.posts.iter().all(|post| matches!(post.state, Stand::Restored | Stand::Dropped))
        };
        until(&app, &frozen.id, done).await;
        let mut shown = ads.shown();
        shown.sort();
        assert_eq!(shown, [("Sale now".to_owned(), 3), ("Sale tomorrow".to_owned(), 3)]);
        assert_eq!(ads.writes().len() - before, 3, "each once: {:?}", ads.writes());
        assert_eq!(decide_on(&app, &bench, Choice::Restore, &[now], 60).await[0].1, "it is restored, not held");
        worker.stop().await.unwrap();
    }
}
