//! A network that grants access and takes posts, in the way of X. Each renewal gives another refresh token,
//! and only the newest one counts.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdline::app::access::connecting::{self, Back, NewStart};
use holdline::app::access::oauth_apps::{self, NewOauthApp};
use holdline::app::channels::ChannelView;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;

use super::Bench;

/// What the network does with a call about tokens, instead of its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The work is done, and the answer is this status.
    DoneBut(u16),
    /// Nothing is done.
    Refused(u16),
}

/// What the network knows.
#[derive(Default)]
pub struct Known {
    /// Access tokens that count.
    pub access: Vec<String>,
    /// The refresh token that counts.
    pub refresh: Option<String>,
    /// Codes and refresh tokens that came, in order.
    pub asked: Vec<String>,
    /// Who the app said that it is.
    pub apps: Vec<String>,
    /// Verifiers of PKCE that came.
    pub verifiers: Vec<String>,
    /// Challenges of those who came by here and whose code did not: it counts only with the verifier of one.
    challenges: Vec<String>,
    /// Tokens that it was told to end.
    pub ended: Vec<String>,
    /// How many apps registered themselves.
    pub registered: usize,
    /// The odd id that an app gets which registers itself.
    pub odd_id: Option<String>,
    /// What its answers with tokens hold besides, or in the place of what they hold.
    pub more: Vec<(&'static str, Value)>,
    pub fates: VecDeque<Fate>,
    /// Texts that are out.
    pub posts: Vec<String>,
    /// A person grants less than was asked for.
    pub cut_down: bool,
    /// Whose account all tokens are; none: it does not say.
    pub account: Option<String>,
    /// How often it does not say so first.
    pub unsaid: usize,
    /// How many tokens were given.
    given: usize,
}

impl Known {
    /// Whether the verifier is that of a challenge (RFC 7636, 4.6), which is used up by it. Of a person who did not come by
    /// here nothing is known.
    fn is_proved(&mut self, verifier: Option<&str>) -> bool {
        let challenge = verifier.map(|v| URL_SAFE_NO_PAD.encode(Sha256::digest(v.as_bytes())));
        let found = self.challenges.iter().position(|known| Some(known) == challenge.as_ref());
        self.challenges.is_empty() || found.map(|n| self.challenges.remove(n)).is_some()
    }
}

/// The running network.
#[derive(Clone)]
pub struct Network {
    pub url: String,
    known: Arc<Mutex<Known>>,
    /// Answers about tokens wait for these.
    pub tokens: Arc<Semaphore>,
    /// Answers about posts wait for these.
    pub posts: Arc<Semaphore>,
    /// Answers about ends wait for these.
    pub ends: Arc<Semaphore>,
    /// Answers about whose a token is wait for these.
    pub accounts: Arc<Semaphore>,
}

/// The fields of a form.
struct Asked(HashMap<String, String>);

impl Asked {
    fn read(form: &str) -> Self {
        Self(url::form_urlencoded::parse(form.as_bytes()).into_owned().collect())
    }

    fn get(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

fn app_of(headers: &HeaderMap) -> String {
    headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
}

async fn token(State(net): State<Network>, headers: HeaderMap, form: String) -> (StatusCode, Json<Value>) {
    let (status, answer) = net.decide(&headers, &Asked::read(&form));
    net.tokens.acquire().await.unwrap().forget();
    net.tokens.add_permits(1);
    (StatusCode::from_u16(status).unwrap(), Json(answer))
}

/// As Meta makes a token of a day one of weeks: by a read whose address holds the secrets.
async fn exchange(net: State<Network>, RawQuery(query): RawQuery) -> (StatusCode, Json<Value>) {
    token(net, HeaderMap::new(), query.unwrap_or_default()).await
}

async fn register(State(net): State<Network>) -> Json<Value> {
    let mut known = net.known();
    known.registered += usize::from(known.odd_id.is_none());
    let id = known.odd_id.clone().unwrap_or_else(|| "our-app".into());
    Json(json!({ "client_id": id, "client_secret": "planted-secret-here" }))
}

async fn revoke(State(net): State<Network>, form: String) -> StatusCode {
    net.ends.acquire().await.unwrap().forget();
    net.ends.add_permits(1);
    let mut known = net.known();
    match known.fates.pop_front() {
        Some(Fate::Refused(status) | Fate::DoneBut(status)) => StatusCode::from_u16(status).unwrap(),
        None => {
            let token = Asked::read(&form).get("token").unwrap_or_default();
            known.access.retain(|t| *t != token);
            if known.refresh.as_ref() == Some(&token) {
                known.refresh = None;
                known.access.clear();
            }
            known.ended.push(token);
            StatusCode::OK
        }
    }
}

async fn me(State(net): State<Network>, headers: HeaderMap) -> (StatusCode, Json<Value>) {
    if net.is_silent() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({})));
    }
    net.accounts.acquire().await.unwrap().forget();
    net.accounts.add_permits(1);
    let account = net.known().account.clone();
    match account {
        None => (StatusCode::SERVICE_UNAVAILABLE, Json(json!({}))),
        Some(account) if net.knows(&headers) => {
            // Alice is somebody else; every other name is one that the bank has given itself.
            let id = if account == "alice" { "8" } else { "7" };
            (StatusCode::OK, Json(json!({ "data": { "id": id, "username": account } })))
        }
        Some(_) => unauthorized(&headers),
    }
}

async fn tweet(
    State(net): State<Network>,
    headers: HeaderMap,
    Json(sent): Json<Value>,
) -> (StatusCode, Json<Value>) {
    if !net.knows(&headers) {
        return unauthorized(&headers);
    }
    let id = {
        let mut known = net.known();
        known.posts.push(sent["text"].as_str().unwrap_or_default().to_owned());
        (1_000 + known.posts.len()).to_string()
    };
    net.posts.acquire().await.unwrap().forget();
    net.posts.add_permits(1);
    (StatusCode::CREATED, Json(json!({ "data": { "id": id } })))
}

/// It echoes what it was given.
fn unauthorized(headers: &HeaderMap) -> (StatusCode, Json<Value>) {
    let said = json!({ "title": "Unauthorized", "detail": app_of(headers), "status": 401 });
    (StatusCode::UNAUTHORIZED, Json(said))
}

impl Network {
    /// Whether this time it does not say whose a token is.
    fn is_silent(&self) -> bool {
        let mut known = self.known();
        let silent = known.unsaid > 0;
        known.unsaid = known.unsaid.saturating_sub(1);
        silent
    }

    /// Starts it; its app is entered at the bench.
    pub async fn start(bench: &Bench) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let net = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            known: Arc::default(),
            tokens: Arc::new(Semaphore::new(1)),
            posts: Arc::new(Semaphore::new(1)),
            ends: Arc::new(Semaphore::new(1)),
            accounts: Arc::new(Semaphore::new(1)),
        };
        let routes = Router::new()
            .route("/token", post(token))
            .route("/access_token", get(exchange))
            .route("/refresh_access_token", get(exchange))
            .route("/revoke", post(revoke))
            .route("/api/v1/apps", post(register))
            .route("/oauth/token", post(token))
            .route("/oauth/revoke", post(revoke))
            .route("/2/users/me", get(me))
            .route("/2/tweets", post(tweet))
            .with_state(net.clone());
        net.known().account = Some("bank".into());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        net.enter_app(bench, "planted-secret-one").await;
        net
    }

    /// Enters an app of this network.
    pub async fn enter_app(&self, bench: &Bench, secret: &str) {
        self.enter_app_of(bench, "x", secret).await;
    }

    /// The same, where this network plays that of another adapter.
    pub async fn enter_app_of(&self, bench: &Bench, adapter: &str, secret: &str) {
        let at = |path: &str| Some(format!("{}/{path}", self.url));
        let new = NewOauthApp {
            adapter: adapter.into(),
            client_id: "the-app".into(),
            secret: secret.into(),
            authorize: at("authorize"),
            token: at("token"),
            revoke: at("revoke"),
        };
        oauth_apps::add(&bench.app, &bench.administrator, new).await.unwrap();
    }

    /// What it knows.
    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap()
    }

    /// Whether the bearer's token counts.
    fn knows(&self, headers: &HeaderMap) -> bool {
        let said = app_of(headers);
        self.known().access.iter().any(|t| said == format!("Bearer {t}"))
    }

    fn decide(&self, headers: &HeaderMap, asked: &Asked) -> (u16, Value) {
        let mut known = self.known();
        let brought = asked.get("code").or(asked.get("refresh_token")).unwrap_or_default();
        known.asked.push(brought.clone());
        let verifier = asked.get("code_verifier");
        let is_proved = known.is_proved(verifier.as_deref());
        known.verifiers.extend(verifier);
        known.apps.push(app_of(headers));
        let fate = known.fates.pop_front();
        if let Some(Fate::Refused(status)) = fate {
            return (status, json!({ "error": "invalid_client", "echo": brought }));
        }
        if asked.get("grant_type").as_deref() == Some("authorization_code") && !is_proved {
            return (400, json!({ "error": "invalid_grant", "error_description": "code_verifier" }));
        }
        if asked.get("grant_type").as_deref() == Some("refresh_token")
            && known.refresh.as_ref() != Some(&brought)
        {
            // As X says it.
            let why = format!("Value passed for the token was invalid. {brought}");
            return (400, json!({ "error": "invalid_request", "error_description": why }));
        }
        if known.apps.last().is_some_and(String::is_empty) {
            // As Mastodon answers, to an app that says in the form who it is: one account has one token.
            known.access = vec!["planted-access-of-all".into()];
            if let Some(Fate::DoneBut(status)) = fate {
                return (status, json!({ "error": known.access[0], "error_description": brought }));
            }
            return (200, json!({ "access_token": known.access[0], "token_type": "Bearer" }));
        }
        known.given += 1;
        let (access, refresh) =
            (format!("planted-access-{}", known.given), format!("planted-refresh-{}", known.given));
        known.access = vec![access.clone()];
        known.refresh = Some(refresh.clone());
        if let Some(Fate::DoneBut(status)) = fate {
            return (status, json!({ "error": access, "error_description": refresh }));
        }
        let scope = if known.cut_down { "" } else { "tweet.write media.write " };
        let mut answer = json!({ "access_token": access, "refresh_token": refresh, "token_type": "bearer",
            "expires_in": 7_200, "scope": format!("{scope}tweet.read users.read offline.access") });
        for (name, value) in &known.more {
            answer[*name] = value.clone();
        }
        (200, answer)
    }

    /// What somebody asks for who wants a new channel here.
    pub fn wanted(&self, name: &str) -> NewStart {
        let new =
            json!({ "name": name, "adapter": "x", "brand": "main", "settings": { "server": self.url } });
        NewStart { channel: None, new: Some(serde_json::from_value(new).unwrap()), register: false }
    }

    /// The same of a Mastodon server.
    pub fn on_mastodon(&self, name: &str) -> NewStart {
        let settings = json!({ "server": format!("{}/", self.url) });
        let new = json!({ "name": name, "adapter": "mastodon", "brand": "main", "settings": settings });
        NewStart { channel: None, new: Some(serde_json::from_value(new).unwrap()), register: false }
    }

    /// Connects a channel, as an administrator does in the session `here`.
    pub async fn connect(&self, bench: &Bench, wanted: NewStart) -> ChannelView {
        let back = self.begin(bench, "here", wanted).await;
        connecting::finish(&bench.app, &bench.administrator, "here", back).await.unwrap()
    }

    /// Begins in a session: what the administrator comes back with.
    pub async fn begin(&self, bench: &Bench, session: &str, wanted: NewStart) -> Back {
        let start = connecting::start(&bench.app, &bench.administrator, session, wanted).await.unwrap();
        let url = url::Url::parse(&start.url).unwrap();
        assert!(start.url.starts_with(&self.url) && start.url.contains("/authorize?"), "{}", start.url);
        let of = |name: &str| url.query_pairs().find(|(n, _)| n == name).map(|(_, v)| v.into_owned());
        assert_eq!(of("code_challenge_method").as_deref(), Some("S256"));
        self.known().challenges.extend(of("code_challenge"));
        let way = of("redirect_uri").unwrap();
        let app = way.split_once("/connected/").map(|(_, app)| app.to_owned());
        Back {
            state: of("state").unwrap().into(),
            app,
            code: Some("planted-code".to_owned().into()),
            error: None,
        }
    }
}
