//! A page on Facebook with posts that somebody has planned, as far as a sweep sees it. It counts what is written, and
//! can refuse or hang.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{Method, StatusCode, Uri};
use axum::{Json, Router};
use holdline::clock::Clock;
use serde_json::{Value, json};

use super::Bench;

const PAGE: &str = "100200300400500";
const MINUTE: i64 = 60_000;

#[derive(Default)]
struct Kept {
    posts: Vec<Value>,
    /// Method and path of what was written.
    writes: Vec<String>,
    /// It moves nothing.
    refuses: bool,
    /// It hangs at the next move, before or after it is done.
    hangs: Option<bool>,
    hung: bool,
}

/// The page.
#[derive(Clone)]
pub struct Page {
    kept: Arc<Mutex<Kept>>,
    clock: Clock,
}

impl Page {
    /// Starts it, and connects it as the channel `page`.
    pub async fn connect(bench: &mut Bench) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let page = Self { kept: Arc::default(), clock: bench.app.clock().clone() };
        let routes = Router::new().fallback(answer).with_state(page.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        let settings = json!({ "server": url, "page": PAGE });
        bench.connect_with("page", "facebook", settings, Some("hunter2-token")).await;
        page
    }

    /// Somebody plans a post there, in so many minutes; its id.
    pub fn add(&self, text: &str, minutes: i64) -> String {
        let mut kept = self.kept.lock().unwrap();
        let id = format!("{PAGE}_9{}", kept.posts.len() + kept.writes.len());
        let at = (self.clock.now() + minutes * MINUTE) / 1_000;
        kept.posts
            .push(json!({ "id": id, "message": text, "is_published": false, "scheduled_publish_time": at }));
        id
    }

    /// In how many minutes each goes out.
    pub fn ahead(&self) -> Vec<i64> {
        let due = |post: &Value| post["scheduled_publish_time"].as_i64().unwrap() * 1_000;
        let posts = self.kept.lock().unwrap().posts.clone();
        // Rounded: it takes whole seconds.
        posts.iter().map(|post| (due(post) - self.clock.now() + MINUTE / 2) / MINUTE).collect()
    }

    /// Somebody writes other words there.
    pub fn reword(&self, text: &str) {
        self.kept.lock().unwrap().posts[0]["message"] = text.into();
    }

    /// Somebody gives it another date there, in so many minutes.
    pub fn redate(&self, minutes: i64) {
        let at = (self.clock.now() + minutes * MINUTE) / 1_000;
        self.kept.lock().unwrap().posts[0]["scheduled_publish_time"] = at.into();
    }

    /// It publishes the first post.
    pub fn publish(&self) {
        self.kept.lock().unwrap().posts[0]["is_published"] = true.into();
    }

    /// From now on it moves nothing, or everything.
    pub fn refuses(&self, refuses: bool) {
        self.kept.lock().unwrap().refuses = refuses;
    }

    /// It hangs at the next move, when it is done or not.
    pub fn hang(&self, done: bool) {
        self.kept.lock().unwrap().hangs = Some(done);
    }

    /// Waits until it hangs.
    pub async fn hung(&self) {
        for _ in 0..2_400 {
            if self.kept.lock().unwrap().hung {
                self.kept.lock().unwrap().hung = false;
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        }
        panic!("no request hangs: {:?}", self.writes());
    }

    pub fn writes(&self) -> Vec<String> {
        self.kept.lock().unwrap().writes.clone()
    }

    fn act(&self, method: &Method, path: &str, form: &str) -> (u16, Value) {
        let mut kept = self.kept.lock().unwrap();
        let wrong = |code: i64, subcode: i64, message: &str| {
            (400, json!({ "error": { "code": code, "error_subcode": subcode, "message": message } }))
        };
        let fields: std::collections::HashMap<_, _> =
            url::form_urlencoded::parse(form.as_bytes()).into_owned().collect();
        let id = path.rsplit('/').next().unwrap_or_default();
        let place = kept.posts.iter().position(|post| post["id"] == id);
        let at = || {
            let at = fields.get("scheduled_publish_time")?.parse::<i64>().ok()?;
            let ahead = at - self.clock.now() / 1_000;
            (10 * 60..=30 * 24 * 3_600).contains(&ahead).then_some(at)
        };
        if *method != Method::GET {
            kept.writes.push(format!("{method} {id}"));
        }
        match (method.as_str(), id, place) {
            ("GET", "me", _) => (200, json!({ "id": PAGE })),
            ("GET", "scheduled_posts", _) => (200, json!({ "data": kept.posts })),
            ("GET", _, Some(n)) => (200, kept.posts[n].clone()),
            ("POST", _, Some(_)) if kept.refuses => wrong(200, 0, "not made with this app"),
            ("POST", "feed", _) | ("POST", _, Some(_)) => {
                let Some(at) = at() else { return wrong(100, 0, "the time is invalid") };
                if let Some(n) = place {
                    kept.posts[n]["scheduled_publish_time"] = at.into();
                    return (200, json!({ "success": true }));
                }
                assert_eq!(fields["published"], "false");
                let id = format!("{PAGE}_7{}", kept.writes.len());
                kept.posts.push(json!({ "id": id, "message": fields["message"], "is_published": false,
                    "scheduled_publish_time": at }));
                (200, json!({ "id": id }))
            }
            ("DELETE", _, Some(n)) => {
                kept.posts.remove(n);
                (200, json!({ "success": true }))
            }
            _ => wrong(100, 33, "no"),
        }
    }
}

async fn answer(
    State(page): State<Page>,
    method: Method,
    uri: Uri,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let form = String::from_utf8_lossy(&body).into_owned();
    let hangs = if method == Method::POST { page.kept.lock().unwrap().hangs.take() } else { None };
    if hangs != Some(false) {
        let (status, said) = page.act(&method, uri.path(), &form);
        if hangs.is_none() {
            return (StatusCode::from_u16(status).unwrap(), Json(said));
        }
    }
    page.kept.lock().unwrap().hung = true;
    std::future::pending().await
}
