//! A Mastodon whose account has a schedule, as far as a sweep sees it. It counts what is written, and can
//! hang at a request.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::{Json, Router};
use channels::hash;
use chrono::{DateTime, TimeDelta, Utc};
use holdline::clock::Clock;
use serde_json::{Value, json};

use super::Bench;

/// Where the server hangs for ever: the n-th request from now on, before or after it is done.
#[derive(Clone, Copy)]
pub struct Hang {
    pub at: usize,
    pub done: bool,
}

#[derive(Default)]
struct Kept {
    items: Vec<Value>,
    /// Method and path of what was written.
    writes: Vec<String>,
    hang: Option<Hang>,
    asked: usize,
    broken: bool,
    /// It answers no list.
    blind: bool,
    /// How long a list takes, by the clock.
    slow: i64,
    /// A token that it takes no more.
    revoked: Option<String>,
    read_only: bool,
    /// The account that the token is of.
    account: String,
}

/// The token of a channel, unless another is given.
pub const TOKEN: &str = "hunter2-token";

/// The server.
#[derive(Clone)]
pub struct Schedule {
    kept: Arc<Mutex<Kept>>,
    clock: Clock,
    url: String,
    released: tokio::sync::watch::Sender<bool>,
}

impl Schedule {
    /// Starts it, and connects it as the channel `toots`.
    pub async fn connect(bench: &mut Bench) -> Self {
        Self::connect_as(bench, "toots").await
    }

    /// Starts it, and connects it as the channel of that name.
    pub async fn connect_as(bench: &mut Bench, name: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let kept = Kept { account: "1".into(), ..Kept::default() };
        let (clock, (released, _)) = (bench.app.clock().clone(), tokio::sync::watch::channel(false));
        let schedule = Self { kept: Arc::new(Mutex::new(kept)), clock, url, released };
        let routes = Router::new().fallback(answer).with_state(schedule.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        schedule.connect_again(bench, name).await;
        schedule
    }

    /// Connects the same account once more.
    pub async fn connect_again(&self, bench: &mut Bench, name: &str) {
        self.connect_by(bench, name, TOKEN).await;
    }

    /// Connects the same account with another token.
    pub async fn connect_by(&self, bench: &mut Bench, name: &str, token: &str) {
        let settings = json!({ "server": self.url });
        bench.connect_with(name, "mastodon", settings, Some(token)).await;
    }

    /// What hangs is answered.
    pub fn release(&self) {
        self.released.send_replace(true);
    }

    /// The token is of that account from now on.
    pub fn is_of(&self, account: &str) {
        let mut kept = self.kept.lock().unwrap();
        kept.account = account.to_owned();
        kept.items.clear();
    }

    fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(self.clock.now()).unwrap()
    }

    /// Somebody schedules a post there, in so many minutes; its id.
    pub fn add(&self, text: &str, minutes: i64) -> String {
        let at = self.now() + TimeDelta::minutes(minutes);
        let id = hash(format!("{text} {at}").as_bytes())[..12].to_owned();
        self.kept.lock().unwrap().items.push(json!({
            "id": id, "scheduled_at": at, "media_attachments": [],
            "params": { "text": text, "visibility": "public" },
        }));
        id
    }

    /// Somebody changes the time of a post there.
    pub fn shift(&self, id: &str, minutes: i64) {
        let at = self.now() + TimeDelta::minutes(minutes);
        let mut kept = self.kept.lock().unwrap();
        kept.items.iter_mut().filter(|i| i["id"] == id).for_each(|i| i["scheduled_at"] = json!(at));
    }

    /// The network publishes a post, or somebody cancels it.
    pub fn remove(&self, id: &str) {
        self.kept.lock().unwrap().items.retain(|i| i["id"] != id);
    }

    pub fn hang(&self, hang: Option<Hang>) {
        let mut kept = self.kept.lock().unwrap();
        (kept.hang, kept.asked) = (hang, 0);
    }

    fn hangs(&self) -> bool {
        let kept = self.kept.lock().unwrap();
        kept.hang.is_some_and(|hang| kept.asked >= hang.at)
    }

    /// Waits until a request hangs.
    pub async fn hung(&self) {
        for _ in 0..2_400 {
            if self.hangs() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        let asked = self.asked();
        panic!("no request hangs; asked {asked}, written {:?}", self.writes());
    }

    /// From now on it answers 500 and does nothing.
    pub fn is_broken(&self, broken: bool) {
        self.kept.lock().unwrap().broken = broken;
    }

    /// From now on its list answers 500.
    pub fn is_blind(&self, blind: bool) {
        self.kept.lock().unwrap().blind = blind;
    }

    /// From now on its list takes so many milliseconds, by the clock.
    pub fn is_slow(&self, takes: i64) {
        self.kept.lock().unwrap().slow = takes;
    }

    /// From now on it refuses that token.
    pub fn revoke(&self, token: &str) {
        self.kept.lock().unwrap().revoked = Some(format!("Bearer {token}"));
    }

    /// From now on it refuses what would change something.
    pub fn is_read_only(&self, refuses: bool) {
        self.kept.lock().unwrap().read_only = refuses;
    }

    pub fn writes(&self) -> Vec<String> {
        self.kept.lock().unwrap().writes.clone()
    }

    /// The texts that are on the schedule, each with the whole hours until then.
    pub fn shown(&self) -> Vec<(String, i64)> {
        let items = self.kept.lock().unwrap().items.clone();
        let hours = |at: &Value| {
            (at.as_str().unwrap().parse::<DateTime<Utc>>().unwrap() - self.now()).num_minutes() / 60
        };
        items
            .iter()
            .map(|i| (i["params"]["text"].as_str().unwrap().to_owned(), hours(&i["scheduled_at"])))
            .collect()
    }

    fn act(&self, method: &Method, path: &str, sent: &Value) -> (StatusCode, Value) {
        let mut kept = self.kept.lock().unwrap();
        if kept.broken || (kept.blind && *method == Method::GET && path.ends_with("/scheduled_statuses")) {
            return (StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": "x" }));
        }
        if *method != Method::GET {
            kept.writes.push(format!("{method} {path}"));
        }
        if kept.read_only && *method != Method::GET {
            return (StatusCode::FORBIDDEN, json!({ "error": "x" }));
        }
        let id = path.rsplit('/').next().unwrap_or_default();
        let place = kept.items.iter().position(|i| i["id"] == id);
        let missing = (StatusCode::NOT_FOUND, json!({ "error": "Record not found" }));
        match (method.as_str(), path) {
            ("GET", "/api/v1/accounts/verify_credentials") => {
                (StatusCode::OK, json!({ "id": kept.account, "acct": "bank" }))
            }
            ("GET", "/api/v1/scheduled_statuses") => {
                self.clock.advance(kept.slow);
                (StatusCode::OK, json!(kept.items))
            }
            ("POST", "/api/v1/statuses") => {
                let id = format!("made{}", kept.writes.len());
                kept.items.push(json!({
                    "id": id, "scheduled_at": sent["scheduled_at"], "media_attachments": [],
                    "params": { "text": sent["status"], "visibility": sent["visibility"] },
                }));
                (StatusCode::OK, kept.items.last().unwrap().clone())
            }
            ("GET", _) => place.map_or(missing, |n| (StatusCode::OK, kept.items[n].clone())),
            ("PUT", _) => place.map_or(missing, |n| {
                kept.items[n]["scheduled_at"] = sent["scheduled_at"].clone();
                (StatusCode::OK, kept.items[n].clone())
            }),
            ("DELETE", _) => place.map_or(missing, |n| (StatusCode::OK, kept.items.remove(n))),
            _ => missing,
        }
    }
}

async fn answer(
    State(server): State<Schedule>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let sent = serde_json::from_slice(&body).unwrap_or_default();
    let token = headers.get("authorization").and_then(|t| t.to_str().ok()).map(str::to_owned);
    if token.is_some() && token == server.kept.lock().unwrap().revoked {
        return (StatusCode::UNAUTHORIZED, Json(json!({ "error": "The access token was revoked" })));
    }
    let hang = {
        let mut kept = server.kept.lock().unwrap();
        if uri.path().contains("scheduled") || method == Method::POST {
            kept.asked += 1;
        }
        kept.hang.filter(|hang| hang.at <= kept.asked)
    };
    let said = hang.is_none_or(|hang| hang.done && server.asked() == hang.at);
    let said = said.then(|| server.act(&method, uri.path(), &sent));
    if hang.is_some() {
        let _ = server.released.subscribe().wait_for(|released| *released).await;
    }
    let (status, body) = said.unwrap_or((StatusCode::SERVICE_UNAVAILABLE, Value::Null));
    (status, Json(body))
}

impl Schedule {
    fn asked(&self) -> usize {
        self.kept.lock().unwrap().asked
    }
}
