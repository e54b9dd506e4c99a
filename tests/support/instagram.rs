//! A small Instagram: one account. It fetches each picture from the address that it is given, as Meta does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{get, post};
use channels::http::Request;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::http;
use super::meta::{Answer, form, good, limit, me, refused};

/// What the account is called by its number.
pub const USER: &str = "17841400000000002";
/// Its access token.
pub const TOKEN: &str = "EAAhunter2";

/// A picture as it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    pub address: String,
    pub status: u16,
    pub mime: String,
    pub bytes: Vec<u8>,
}

#[derive(Default)]
struct Account {
    containers: HashMap<String, &'static str>,
    fetched: Vec<Fetched>,
    posts: usize,
}

/// The running fake.
#[derive(Clone)]
pub struct Instagram {
    account: Arc<Mutex<Account>>,
    /// A new container is answered for when there is a permit.
    answers: Arc<Semaphore>,
    url: String,
    /// The public address of the service, and where it is here, as its name would lead there.
    names: (String, String),
}

impl Instagram {
    /// Starts it. The service calls itself `public`, and answers at `here`.
    pub async fn start(public: &str, here: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let names = (public.to_owned(), here.to_owned());
        let fake = Self { account: Arc::default(), answers: Arc::new(Semaphore::new(1_000)), url, names };
        let routes = Router::new()
            .route(&format!("/v26.0/{USER}"), get(async || me(USER)))
            .route(&format!("/v26.0/{USER}/content_publishing_limit"), get(async || limit(100)))
            .route(&format!("/v26.0/{USER}/media"), post(make))
            .route(&format!("/v26.0/{USER}/media_publish"), post(publish))
            .route("/v26.0/{id}", get(node))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        fake
    }

    /// The settings of its channel.
    pub fn settings(&self) -> Value {
        json!({ "server": self.url, "user": USER })
    }

    /// Pictures are fetched, and the answers about their containers wait.
    pub fn hold(&self) {
        self.answers.forget_permits(1_000);
    }

    /// The answers come.
    pub fn go_on(&self) {
        self.answers.add_permits(1_000);
    }

    /// The pictures that were fetched, in their order.
    pub fn fetched(&self) -> Vec<Fetched> {
        self.account.lock().unwrap().fetched.clone()
    }

    /// How many posts were published.
    pub fn posts(&self) -> usize {
        self.account.lock().unwrap().posts
    }
}

async fn make(State(fake): State<Instagram>, headers: HeaderMap, body: String) -> Answer {
    let Some(form) = form(&headers, &body, TOKEN) else { return refused(190, "no") };
    let address = form["image_url"].replacen(&fake.names.0, &fake.names.1, 1);
    let answer = http().call(Request::get(&address)).await.unwrap();
    let mime = answer.header("content-type").unwrap_or_default().to_owned();
    let status = answer.status;
    let id = {
        let mut account = fake.account.lock().unwrap();
        account.fetched.push(Fetched { address, status, mime, bytes: answer.body.to_vec() });
        let id = format!("1800000000{:04}", account.containers.len());
        account.containers.insert(id.clone(), "FINISHED");
        id
    };
    let _permit = fake.answers.acquire().await.unwrap();
    if status == 200 { good(json!({ "id": id })) } else { refused(9_004, "it could not be fetched") }
}

async fn publish(State(fake): State<Instagram>, headers: HeaderMap, body: String) -> Answer {
    let Some(form) = form(&headers, &body, TOKEN) else { return refused(190, "no") };
    let mut account = fake.account.lock().unwrap();
    account.posts += 1;
    account.containers.insert(form["creation_id"].clone(), "PUBLISHED");
    good(json!({ "id": format!("1790000000{:04}", account.posts) }))
}

async fn node(State(fake): State<Instagram>, Path(id): Path<String>) -> Answer {
    let account = fake.account.lock().unwrap();
    match account.containers.get(&id) {
        Some(state) => good(json!({ "id": id, "status_code": state })),
        None => good(json!({ "id": id, "permalink": format!("https://www.instagram.com/p/{id}/") })),
    }
}
