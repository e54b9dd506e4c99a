//! A small Threads: one account, whose containers are published. It makes a post of each publication, also
//! of the second one of a container, so that it would be seen.

use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::meta::{Answer, form, good, limit, me, refused};

/// What the account is called by its number.
pub const USER: &str = "17841400000000001";
/// Its access token.
pub const TOKEN: &str = "THAAhunter2";

/// What becomes of a publication.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    #[default]
    Good,
    /// Nothing is published, and the answer says nothing.
    Deaf,
    /// It is published, and the answer says nothing.
    Lost,
    /// Nothing is prepared: the account has asked too much.
    Busy,
}

#[derive(Default)]
struct Account {
    mode: Mode,
    /// The answer to that publication says nothing.
    loses: Option<usize>,
    /// The containers in their order, with their words.
    containers: Vec<(String, String)>,
    /// What containers answer.
    answers: Vec<(String, String)>,
    /// The number and the container of each post that is there.
    posts: Vec<(String, String)>,
    /// The containers that were published, also of posts that are gone.
    published: Vec<String>,
}

impl Account {
    fn text(&self, container: &str) -> &str {
        let found = self.containers.iter().find(|(id, _)| id == container);
        found.map_or("", |(_, text)| text)
    }

    /// What the post of that container answers.
    fn answered(&self, container: &str) -> Option<&str> {
        let found = self.answers.iter().find(|(id, _)| id == container);
        found.map(|(_, to)| to.as_str())
    }
}

/// The running fake.
#[derive(Clone)]
pub struct Threads {
    account: Arc<Mutex<Account>>,
    /// A new container is answered for when there is a permit.
    answers: Arc<Semaphore>,
    url: String,
}

impl Threads {
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers = Arc::new(Semaphore::new(1_000));
        let fake = Self { account: Arc::default(), answers, url };
        let routes = Router::new()
            .route("/v1.0/me", get(async || me(USER)))
            .route(&format!("/v1.0/{USER}/threads_publishing_limit"), get(async || limit(250)))
            .route(&format!("/v1.0/{USER}/threads"), post(make).get(list))
            .route(&format!("/v1.0/{USER}/threads_publish"), post(publish))
            .route("/v1.0/{id}/replies", get(replies))
            .route("/v1.0/{id}", get(node).delete(remove))
            .with_state(fake.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        fake
    }

    /// The settings of its channel.
    pub fn settings(&self) -> Value {
        json!({ "server": self.url, "user": USER })
    }

    pub fn set(&self, mode: Mode) {
        self.account.lock().unwrap().mode = mode;
    }

    /// The answer to that publication says nothing, 0 for the first.
    pub fn lose_answer(&self, to: usize) {
        self.account.lock().unwrap().loses = Some(to);
    }

    /// New containers are made, and their answers wait.
    pub fn hold(&self) {
        self.answers.forget_permits(1_000);
    }

    /// The answers come.
    pub fn go_on(&self) {
        self.answers.add_permits(1_000);
    }

    /// The containers in their order.
    pub fn containers(&self) -> Vec<String> {
        self.account.lock().unwrap().containers.iter().map(|(id, _)| id.clone()).collect()
    }

    /// The container of each post, in their order.
    pub fn posts(&self) -> Vec<String> {
        self.account.lock().unwrap().posts.iter().map(|(_, container)| container.clone()).collect()
    }

    /// The words of each post in their order, and the number of what it answers.
    pub fn shown(&self) -> Vec<(String, Option<String>)> {
        let account = self.account.lock().unwrap();
        let of = |c: &String| (account.text(c).to_owned(), account.answered(c).map(str::to_owned));
        account.posts.iter().map(|(_, container)| of(container)).collect()
    }

    /// The numbers of the posts in their order.
    pub fn numbers(&self) -> Vec<String> {
        self.account.lock().unwrap().posts.iter().map(|(id, _)| id.clone()).collect()
    }

    /// Somebody takes down the newest post by hand.
    pub fn lose_newest(&self) {
        self.account.lock().unwrap().posts.pop();
    }
}

async fn make(State(fake): State<Threads>, headers: HeaderMap, body: String) -> Answer {
    let Some(form) = form(&headers, &body, TOKEN) else { return refused(190, "no") };
    if fake.account.lock().unwrap().mode == Mode::Busy {
        return refused(4, "no");
    }
    let id = {
        let mut account = fake.account.lock().unwrap();
        let id = format!("1800000000{:04}", account.containers.len());
        account.containers.push((id.clone(), form["text"].clone()));
        account.answers.extend(form.get("reply_to_id").map(|to| (id.clone(), to.clone())));
        id
    };
    let _permit = fake.answers.acquire().await.unwrap();
    good(json!({ "id": id }))
}

async fn publish(State(fake): State<Threads>, headers: HeaderMap, body: String) -> Answer {
    let Some(form) = form(&headers, &body, TOKEN) else { return refused(190, "no") };
    let mut account = fake.account.lock().unwrap();
    let creation = form["creation_id"].clone();
    let nth = account.published.len();
    let id = format!("1790000000{nth:04}");
    if account.mode != Mode::Deaf {
        account.published.push(creation.clone());
        account.posts.push((id.clone(), creation));
    }
    match account.mode {
        _ if account.loses == Some(nth) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({}))),
        Mode::Good | Mode::Busy => good(json!({ "id": id })),
        Mode::Deaf | Mode::Lost => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({}))),
    }
}

async fn list(State(fake): State<Threads>) -> Answer {
    let account = fake.account.lock().unwrap();
    let newest = account.posts.iter().rev().filter(|(_, container)| account.answered(container).is_none());
    let data: Vec<Value> =
        newest.map(|(id, container)| json!({ "id": id, "text": account.text(container) })).collect();
    good(json!({ "data": data }))
}

async fn replies(State(fake): State<Threads>, Path(to): Path<String>) -> Answer {
    let account = fake.account.lock().unwrap();
    let own = account.posts.iter().filter(|(_, c)| account.answered(c) == Some(to.as_str()));
    let shown = own.map(|(id, c)| json!({ "id": id, "text": account.text(c), "is_reply_owned_by_me": true }));
    good(json!({ "data": shown.collect::<Vec<_>>() }))
}

async fn remove(State(fake): State<Threads>, Path(id): Path<String>) -> Answer {
    fake.account.lock().unwrap().posts.retain(|(known, _)| *known != id);
    good(json!({ "success": true }))
}

async fn node(State(fake): State<Threads>, Path(id): Path<String>) -> Answer {
    let account = fake.account.lock().unwrap();
    if !account.containers.iter().any(|(container, _)| *container == id) {
        return good(json!({ "id": id, "permalink": format!("https://www.threads.com/@bank/post/{id}") }));
    }
    let status = if account.published.contains(&id) { "PUBLISHED" } else { "FINISHED" };
    good(json!({ "id": id, "status": status }))
}
