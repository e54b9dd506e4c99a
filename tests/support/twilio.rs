//! A small fake of Twilio: it keeps its messages, and fails as a test asks.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use chrono::DateTime;
use holdline::clock::Clock;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::support::Bench;

pub const ACCOUNT: &str = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
pub const NUMBERS: [&str; 4] = ["+41790000001", "+41790000002", "+41790000003", "+41790000004"];
/// Who has opted out.
pub const GONE: &str = "+41790000009";

pub struct Account {
    clock: Clock,
    messages: Vec<Value>,
    /// For each of these one message to that number is made, and its answer says nothing.
    loses: Vec<&'static str>,
    /// The list does not show the messages yet.
    pub lags: bool,
    /// Requests for this number are to wait for ten minutes.
    pub busy: Option<&'static str>,
    /// The same of all cancellations.
    slow: bool,
}

/// A small fake of Twilio.
#[derive(Clone)]
pub struct Fake {
    url: String,
    account: Arc<Mutex<Account>>,
    /// A message that was made is answered for when there is a permit.
    pub answers: Arc<Semaphore>,
}

async fn send(State(fake): State<Fake>, body: String) -> Response {
    let form: HashMap<String, String> = form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    if form["To"] == GONE {
        let refused = json!({ "code": 21_610, "message": format!("{GONE} has opted out"), "status": 400 });
        return (StatusCode::BAD_REQUEST, Json(refused)).into_response();
    }
    if fake.account.lock().unwrap().busy.is_some_and(|number| form["To"] == number) {
        let wait = [("retry-after", "600")];
        return (StatusCode::TOO_MANY_REQUESTS, wait, Json(json!({ "code": 20_429 }))).into_response();
    }
    let (message, is_lost) = {
        let mut account = fake.account.lock().unwrap();
        let made = DateTime::from_timestamp_millis(account.clock.now()).unwrap().to_rfc2822();
        let message = json!({ "sid": format!("SM{:032x}", account.messages.len()), "to": form["To"],
            "from": form.get("From"), "messaging_service_sid": form.get("MessagingServiceSid"), "body": form["Body"],
            "status": if form.contains_key("SendAt") { "scheduled" } else { "queued" }, "error_code": null,
            "num_media": "0", "media": form.get("MediaUrl"), "status_callback": form.get("StatusCallback"),
            "direction": "outbound-api", "date_created": made });
        account.messages.push(message.clone());
        let lost = account.loses.iter().position(|number| form["To"] == *number);
        (message, lost.map(|n| account.loses.remove(n)).is_some())
    };
    let _permit = fake.answers.acquire().await.unwrap();
    let (status, said) =
        if is_lost { (StatusCode::BAD_GATEWAY, json!({})) } else { (StatusCode::CREATED, message) };
    (status, Json(said)).into_response()
}

async fn list(State(fake): State<Fake>, Query(query): Query<HashMap<String, String>>) -> Json<Value> {
    let account = fake.account.lock().unwrap();
    let is_shown = |m: &&Value| !account.lags && query.get("To").is_none_or(|to| m["to"] == to.as_str());
    let shown: Vec<&Value> = account.messages.iter().rev().filter(is_shown).collect();
    Json(json!({ "messages": shown }))
}

async fn show(State(fake): State<Fake>, Path(sid): Path<String>) -> Json<Value> {
    let account = fake.account.lock().unwrap();
    let sid = sid.trim_end_matches(".json");
    Json(account.messages.iter().find(|m| m["sid"] == sid).unwrap().clone())
}

async fn cancel(State(fake): State<Fake>, Path(sid): Path<String>) -> Response {
    let _permit = fake.answers.acquire().await.map(|permit| permit.forget());
    let mut all = fake.account.lock().unwrap();
    if all.slow {
        let wait = [("retry-after", "600")];
        return (StatusCode::TOO_MANY_REQUESTS, wait, Json(json!({ "code": 20_429 }))).into_response();
    }
    let message = all.messages.iter_mut().find(|m| sid.starts_with(m["sid"].as_str().unwrap())).unwrap();
    assert_eq!(message["status"], "scheduled");
    message["status"] = "canceled".into();
    Json(message.clone()).into_response()
}

impl Fake {
    /// Starts it.
    pub async fn start(clock: Clock) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (messages, loses) = (Vec::new(), Vec::new());
        let account = Account { clock, messages, loses, lags: false, busy: None, slow: false };
        let answers = Arc::new(Semaphore::new(1_000));
        let fake = Self { url, account: Arc::new(Mutex::new(account)), answers };
        let active = json!({ "sid": ACCOUNT, "status": "active", "type": "Full" });
        let balance = json!({ "account_sid": ACCOUNT, "balance": "57.20", "currency": "USD" });
        let routes = Router::new()
            .route(&format!("/2010-04-01/Accounts/{ACCOUNT}.json"), get(|| async { Json(active) }))
            .route(&format!("/2010-04-01/Accounts/{ACCOUNT}/Balance.json"), get(|| async { Json(balance) }))
            .route(&format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json"), post(send).get(list))
            .route(&format!("/2010-04-01/Accounts/{ACCOUNT}/Messages/{{sid}}"), get(show).post(cancel))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        fake
    }

    /// The settings of a channel to these numbers.
    pub fn settings(&self, to: &[&str]) -> Value {
        json!({ "server": self.url, "account": ACCOUNT, "from": "+15005550006", "to": to.join(",") })
    }

    /// From now on a cancellation is to wait.
    pub fn slows_down(&self) {
        self.set(|account| account.slow = true);
    }

    /// What it has, changed.
    pub fn messages<T>(&self, change: impl FnOnce(&mut Vec<Value>) -> T) -> T {
        change(&mut self.account.lock().unwrap().messages)
    }

    /// How many messages the number was sent.
    pub fn sent_to(&self, number: &str) -> usize {
        self.account.lock().unwrap().messages.iter().filter(|m| m["to"] == number).count()
    }

    /// From now on the answers to these are lost, and no message is shown.
    pub fn loses(&self, numbers: &[&'static str]) {
        self.set(|account| (account.loses, account.lags) = (numbers.to_vec(), true));
    }

    /// How many messages each of the four was sent.
    pub fn copies(&self) -> [usize; 4] {
        NUMBERS.map(|number| self.sent_to(number))
    }

    /// All messages but those to these numbers never arrive.
    pub fn fail_but(&self, numbers: &[&str]) {
        for message in &mut self.account.lock().unwrap().messages {
            let is_out = numbers.iter().any(|number| message["to"] == *number);
            message["status"] = if is_out { "delivered" } else { "undelivered" }.into();
        }
    }

    pub fn set(&self, change: impl FnOnce(&mut Account)) {
        change(&mut self.account.lock().unwrap());
    }
}

pub async fn connect(bench: &mut Bench, to: &[&str]) -> Fake {
    let fake = Fake::start(bench.app.clock().clone()).await;
    bench.connect_with("phones", "sms", fake.settings(to), Some("hunter2")).await;
    fake
}
