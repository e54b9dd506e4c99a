//! A network that puts fixed words around those of a post: people see, approve and get the whole message. The
//! network is a small fake of Meta's.

use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use holdline::app::audit::{self, AuditFilter};
use holdline::app::posts::{self, NewPost};
use holdline::app::{AppError, approvals, channels};
use holdline::domain::approval::Decision;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::approvals::{bundle, decide};
use crate::console::sign_in;
use crate::on_both;
use crate::support::Bench;
use crate::support::caller::Caller;
use crate::support::visitor::{self, read, send};

const BODY: &str = "Bank AG informs:\n{{1}}\nMore: bank.example";
const TOKEN: &str = "EAAhunter2";

/// What people got, and the words of the template at Meta.
#[derive(Clone)]
pub struct Meta {
    url: String,
    messages: Arc<Mutex<Vec<String>>>,
    /// To whom each went, and what we call it.
    names: Arc<Mutex<Vec<(String, String)>>>,
    body: Arc<Mutex<String>>,
    /// The answer for this number is lost.
    pub loses: Arc<Mutex<Option<&'static str>>>,
    /// A message that was made is answered for when there is a permit.
    pub answers: Arc<Semaphore>,
}

async fn listed(State(meta): State<Meta>) -> Json<Value> {
    let components = json!([{ "type": "BODY", "text": *meta.body.lock().unwrap() }]);
    Json(
        json!({ "data": [{ "name": "crisis", "language": "en_US", "status": "APPROVED", "components": components }] }),
    )
}

async fn deliver(State(meta): State<Meta>, Json(message): Json<Value>) -> Response {
    let words = message["template"]["components"][0]["parameters"][0]["text"].as_str().unwrap();
    let text = |name: &str| message[name].as_str().unwrap().to_owned();
    let number = {
        let mut messages = meta.messages.lock().unwrap();
        messages.push(meta.body.lock().unwrap().replace("{{1}}", words));
        meta.names.lock().unwrap().push((text("to"), text("biz_opaque_callback_data")));
        messages.len()
    };
    if meta.loses.lock().unwrap().is_some_and(|lost| lost == text("to")) {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    let _permit = meta.answers.acquire().await.unwrap();
    Json(json!({ "messages": [{ "id": format!("wamid.{number}") }] })).into_response()
}

impl Meta {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (messages, names, loses) = (Arc::default(), Arc::default(), Arc::default());
        let (body, answers) = (Arc::new(Mutex::new(BODY.to_owned())), Arc::new(Semaphore::new(1_000)));
        let meta = Self { url, messages, names, body, loses, answers };
        let named = json!({ "id": "1001", "verified_name": "Bank AG" });
        let routes = Router::new()
            .route("/v26.0/1001", get(|| async { Json(named) }))
            .route("/v26.0/1001/messages", post(deliver))
            .route("/v26.0/2002/message_templates", get(listed))
            .with_state(meta.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        meta
    }

    pub fn settings(&self) -> Value {
        json!({ "server": self.url, "number": "1001", "account": "2002", "to": "+41790000001, +41790000002",
            "templates": format!("crisis en_US\n{BODY}") })
    }

    pub fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap().clone()
    }

    /// What we call the newest message to that number.
    pub fn name(&self, number: &str) -> Option<String> {
        let names = self.names.lock().unwrap();
        names.iter().rev().find(|(to, _)| to == number).map(|(_, name)| name.clone())
    }
}

pub fn new(text: &str, language: &str) -> Value {
    json!({ "kind": "routine", "channels": ["wa"], "source": { "text": text, "language": language } })
}

/// What is wrong with a post, as the composer and the API say it.
async fn said(bench: &Bench, text: &str, language: &str) -> Vec<String> {
    let new: NewPost = serde_json::from_value(new(text, language)).unwrap();
    let preview = posts::preview(&bench.app, &bench.operator, &new).await.unwrap();
    let seen: Vec<String> = preview.channels[0].problems.iter().map(|p| p.message.clone()).collect();
    let told: Vec<String> = match posts::create(&bench.app, &bench.operator, &new).await {
        Ok(_) => Vec::new(),
        Err(AppError::Invalid(problems)) => problems.into_iter().map(|p| p.message).collect(),
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(told, seen.iter().map(|m| format!("wa: {m}")).collect::<Vec<_>>());
    seen
}

on_both! {
    async fn people_approve_and_get_the_whole_message_of_a_template(bench) {
        let mut bench = bench;
        let meta = Meta::start().await;
        bench.connect_with("wa", "whatsapp", meta.settings(), Some(TOKEN)).await;
        let worker = bench.start().await;
        let whole = BODY.replace("{{1}}", "Cards fail.");
        let typed: NewPost = serde_json::from_value(new("Cards fail.", "en")).unwrap();
        let preview = posts::preview(&bench.app, &bench.operator, &typed).await.unwrap();
        let shown = &preview.channels[0];
        assert_eq!((shown.rendition.text.as_str(), shown.text.count), (whole.as_str(), whole.len()));
        assert!(said(&bench, "Cards fail.\nPay in cash.", "en").await[0].starts_with("holds a line break"));
        assert!(said(&bench, "Les cartes.", "fr").await[0].ends_with("or write in one of: en_US"));
        let long = said(&bench, &"a".repeat(1_024), "en").await;
        assert_eq!(long, [format!("is {} too long; the limit is 1024", BODY.len() - 5)]);
        let sent = bench.approved(new("Cards fail.", "en")).await;
        assert_eq!(sent.deliveries[0].rendition["text"], whole, "what is approved");
        let out = bench.until(&sent.id, &["accepted"]).await;
        assert_eq!(meta.messages(), [whole.clone(), whole], "is what people get");
        assert_eq!(out.deliveries[0].reason.as_deref(), Some("it went to all 2 recipients"));
        // Somebody changes the template at Meta: nothing more of it leaves.
        *meta.body.lock().unwrap() = "Win a car! {{1}}".to_owned();
        let stopped = bench.approved(new("Cards work again.", "en")).await;
        let why = bench.until(&stopped.id, &["failed"]).await.deliveries.remove(0).reason.unwrap();
        assert!(why.contains("other words at Meta") && meta.messages().len() == 2, "{why}");
        let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
        let log = audit::list(&bench.app, &bench.administrator, &filter).await.unwrap();
        let log = serde_json::to_string(&log).unwrap();
        for hidden in ["4179000000", "hunter2", "…00"] {
            assert!(!log.contains(hidden), "{hidden}: {log}");
        }
        worker.stop().await.unwrap();
    }

    async fn other_fixed_words_are_not_approved_with_the_old_ones(bench) {
        let mut bench = bench;
        let meta = Meta::start().await;
        bench.connect_with("wa", "whatsapp", meta.settings(), Some(TOKEN)).await;
        let worker = bench.start().await;
        let id = bench.channels.last().unwrap().clone();
        let (app, by) = (&bench.app, &bench.approver);
        let waits = bench.submit(new("Cards fail.", "en")).await.id;
        let read_before = bundle(&bench, &waits).await;
        // In the console, where the templates are a field of several lines.
        let caller = Caller::new(&bench).await;
        let cookie = sign_in(&bench, &bench.administrator).await.cookie;
        let page = format!("/console/settings/channels/{id}");
        let html = read(&caller, &cookie, &page).await;
        let field = html.split("name=\"settings.templates\"").nth(1).unwrap();
        assert!(field.split("</textarea>").next().unwrap().ends_with(">\ncrisis en_US\nBank AG informs:\n{{1}}\nMore: bank.example"), "{html}");
        let form = |templates: &str| {
            form_urlencoded::Serializer::new(String::new())
                .extend_pairs([("name", "wa"), ("brand", "main"), ("credential", TOKEN), ("settings.server", &meta.url),
                    ("settings.number", "1001"), ("settings.account", "2002"), ("settings.templates", templates),
                    ("settings.to", "+41790000001, +41790000002")])
                .finish()
        };
        let edit = format!("{page}/edit");
        let odd = send(&caller, &cookie, &page, &edit, &form("no template")).await;
        assert!(odd.status == 422 && visitor::text(&odd).contains("the setting templates: template 1"), "{}", visitor::text(&odd));
        let done = send(&caller, &cookie, &page, &edit, &form("crisis en_US\r\nBank AG:\r\n{{1}}")).await;
        assert_eq!(done.status, 303, "{}", visitor::text(&done));
        let kept = channels::get(app, &bench.administrator, &id).await.unwrap();
        assert_eq!(kept.settings["templates"], "crisis en_US\nBank AG:\n{{1}}");
        // The words that stand around the post are not those of the channel any more.
        let misfits = approvals::sheet(app, by, &waits).await.unwrap().misfits;
        assert!(misfits[0].message.starts_with("wa: has other words around it"), "{misfits:?}");
        let refused = decide(&bench, by, &waits, Decision::Approve, &read_before).await;
        assert!(matches!(refused, Err(AppError::Invalid(_))), "{refused:?}");
        let again: NewPost = serde_json::from_value(new("Cards fail.", "en")).unwrap();
        let saved = posts::edit(app, &bench.operator, &waits, None, &again).await.unwrap();
        assert_eq!(saved.deliveries[0].rendition["text"], "Bank AG:\nCards fail.");
        worker.stop().await.unwrap();
    }
}
