//! Pages of Facebook, whose access a person grants: each page posts with a token of its own, and ends with the others
//! of that person. The Facebook is a small stand-in; how its answers can fail is tried with the client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use holdline::app::access::connecting::{self, Back, NewStart};
use holdline::app::access::oauth_apps::{self, NewOauthApp};
use holdline::app::access::{grants, revoking};
use holdline::app::audit::{self, AuditFilter};
use holdline::app::channels::{self, ChannelView};
use holdline::app::{AppError, Result};
use serde_json::{Value, json};

use crate::grants::deliver;
use crate::on_both;
use crate::support::Bench;
use crate::support::meta::{good, refused};

/// The pages of the person.
pub const PAGES: [&str; 2] = ["100200300400500", "100200300400501"];

#[derive(Default)]
struct Known {
    /// What the person declines.
    declined: Vec<&'static str>,
    /// Pages that the person did not choose.
    hidden: Vec<&'static str>,
    /// The person's token is good no more: it was ended, or is too old.
    dead: bool,
    /// Tokens that took all back.
    ended: Vec<String>,
    posts: Vec<(String, String)>,
    /// Tokens that came.
    seen: Vec<String>,
}

/// The network.
#[derive(Clone)]
pub struct Facebook {
    url: String,
    known: Arc<Mutex<Known>>,
}

async fn answer(State(net): State<Facebook>, asked: Request) -> Response {
    let (head, body) = asked.into_parts();
    let pairs = |text: &[u8]| form_urlencoded::parse(text).into_owned().collect::<HashMap<_, _>>();
    let query = pairs(head.uri.query().unwrap_or_default().as_bytes());
    let form = pairs(&to_bytes(body, 10_000).await.unwrap());
    let token = head.headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let token = token.strip_prefix("Bearer ").unwrap_or_default();
    let path: Vec<&str> = head.uri.path().split('/').skip(2).collect();
    let mut known = net.known.lock().unwrap();
    known.seen.push(token.to_owned());
    let page = PAGES.iter().find(|page| token == format!("planted-page-{page}"));
    if token == "planted-long" && known.dead {
        return refused(190, "planted-long").into_response();
    }
    let said = match (head.method.as_str(), path.as_slice(), page) {
        ("POST", ["oauth", "access_token"], _) if form["code"] == "planted-code" => {
            good(json!({ "access_token": "planted-short", "token_type": "bearer", "expires_in": 5_000 }))
        }
        ("GET", ["oauth", "access_token"], _) if query["fb_exchange_token"] == "planted-short" => {
            assert_eq!(query["client_secret"], "planted-secret");
            good(json!({ "access_token": "planted-long", "token_type": "bearer", "expires_in": 5_000_000 }))
        }
        ("GET", ["me"], None) if token == "planted-long" => {
            let status = |scope: &str| if known.declined.contains(&scope) { "declined" } else { "granted" };
            let all = [
                "pages_show_list",
                "pages_manage_posts",
                "pages_read_engagement",
                "instagram_basic",
                "instagram_content_publish",
                "instagram_manage_contents",
            ];
            let all: Vec<Value> =
                all.iter().map(|one| json!({ "permission": one, "status": status(one) })).collect();
            good(json!({ "id": "17", "permissions": { "data": all } }))
        }
        ("GET", [page], _) if token == "planted-long" => match known.hidden.contains(page) {
            true => refused(100, "Unsupported get request. planted-long"),
            false => good(json!({ "id": page, "access_token": format!("planted-page-{page}") })),
        },
        ("GET", ["me"], Some(page)) => good(json!({ "id": page, "name": "The bank" })),
        ("GET", [_, "published_posts"], Some(_)) => good(json!({ "data": [] })),
        ("GET", [_], Some(page)) => good(json!({ "id": page, "is_published": true })),
        ("POST", [on, "feed"], Some(page)) if on == page => {
            known.posts.push(((*page).to_owned(), form["message"].clone()));
            good(json!({ "id": format!("{page}_9") }))
        }
        ("GET", ["me", "accounts"], None) if token == "planted-long" => {
            let named = |page: &&str| {
                json!({ "id": page, "name": "The bank",
                    "instagram_business_account": { "id": format!("1784{page}"), "username": "bank" } })
            };
            let pages = PAGES.iter().filter(|page| !known.hidden.contains(page)).map(named);
            good(json!({ "data": pages.collect::<Vec<_>>() }))
        }
        ("DELETE", ["me" | "17", "permissions"], _) => {
            known.ended.push(token.to_owned());
            known.dead = true;
            good(json!({ "success": true }))
        }
        _ => refused(190, token),
    };
    said.into_response()
}

impl Facebook {
    /// Starts it; its app is entered at the bench.
    pub async fn start(bench: &Bench) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let net = Self { url: format!("http://{}", listener.local_addr().unwrap()), known: Arc::default() };
        let routes = Router::new().fallback(answer).with_state(net.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        net.enter(bench, "facebook").await;
        net
    }

    /// Its app is entered for these channels.
    async fn enter(&self, bench: &Bench, adapter: &str) {
        let at = |path: &str| Some(format!("{}/v26.0/{path}", self.url));
        let new = NewOauthApp {
            adapter: adapter.into(),
            client_id: "the-app".into(),
            secret: "planted-secret".to_owned().into(),
            authorize: at("dialog/oauth"),
            token: at("oauth/access_token"),
            revoke: at("me/permissions"),
        };
        oauth_apps::add(&bench.app, &bench.administrator, new).await.unwrap();
    }

    /// Connects a channel for an account of Instagram, as the person grants it.
    async fn connect_account(&self, bench: &Bench, name: &str, user: &str) -> Result<ChannelView> {
        let settings = json!({ "server": self.url, "login": "facebook", "user": user });
        let new = json!({ "name": name, "adapter": "instagram", "brand": "main", "settings": settings });
        let new = Some(serde_json::from_value(new).unwrap());
        self.finish(bench, NewStart { new, ..NewStart::default() }).await
    }

    /// The person does not choose that page.
    pub fn hide(&self, page: &'static str) {
        self.known.lock().unwrap().hidden.push(page);
    }

    /// Connects a channel, as the person grants it.
    pub async fn connect(&self, bench: &Bench, name: &str, page: &str) -> Result<ChannelView> {
        let settings = json!({ "server": self.url, "page": page });
        let new = json!({ "name": name, "adapter": "facebook", "brand": "main", "settings": settings });
        self.finish(
            bench,
            NewStart { new: Some(serde_json::from_value(new).unwrap()), ..NewStart::default() },
        )
        .await
    }

    async fn finish(&self, bench: &Bench, wanted: NewStart) -> Result<ChannelView> {
        let start = connecting::start(&bench.app, &bench.administrator, "here", wanted).await?;
        let url = url::Url::parse(&start.url).unwrap();
        let state = url.query_pairs().find(|(n, _)| n == "state").unwrap().1.into_owned();
        let code = Some("planted-code".to_owned().into());
        let back = Back { state: state.into(), code, app: None, error: None };
        connecting::finish(&bench.app, &bench.administrator, "here", back).await
    }

    fn ended(&self) -> usize {
        self.known.lock().unwrap().ended.len()
    }
}

async fn log(bench: &Bench) -> String {
    let filter = AuditFilter { limit: 500, ..AuditFilter::default() };
    format!("{:?}", audit::list(&bench.app, &bench.administrator, &filter).await.unwrap())
}

on_both! {
    async fn a_page_posts_with_its_own_token_and_ends_with_all_of_that_person(bench) {
        let worker = bench.start().await;
        let net = Facebook::start(&bench).await;
        let first = net.connect(&bench, "first", PAGES[0]).await.unwrap();
        let second = net.connect(&bench, "second", PAGES[1]).await.unwrap();
        for (channel, name) in [(&first, "first"), (&second, "second")] {
            let seen = channels::test(&bench.app, &bench.administrator, &channel.id).await.unwrap();
            assert!(seen.health.ready, "{seen:?}");
            deliver(&bench, name, "Open today", "accepted").await;
        }
        let posts = net.known.lock().unwrap().posts.clone();
        assert_eq!(posts, PAGES.map(|page| (page.to_owned(), "Open today".to_owned())));
        let grant = grants::of_channel(&bench.app, &bench.operator, &first.id).await.unwrap().unwrap();
        assert_eq!((grant.expires_at, grant.renew_at), (None, None), "a page's token has no end");
        // A person takes all back at once: whose access that was, too, is told.
        let one = revoking::revoke(&bench.app, &bench.administrator, &first.id).await.unwrap();
        assert!(one.gone && one.also == ["second"], "{one:?}");
        assert_eq!(net.known.lock().unwrap().ended, ["planted-long"]);
        // Their token ended with the first; the app ends what is left, and it is known.
        let two = revoking::revoke(&bench.app, &bench.administrator, &second.id).await.unwrap();
        assert!(two.gone && two.detail.is_none(), "{two:?}");
        assert_eq!(net.known.lock().unwrap().ended, ["planted-long", "the-app|planted-secret"]);
        assert!(revoking::list(&bench.app, &bench.administrator).await.unwrap().is_empty());
        net.known.lock().unwrap().dead = false;
        net.connect(&bench, "third", PAGES[0]).await.unwrap();
        assert_eq!(net.ended(), 2, "what is granted anew is not ended with the old");
        assert!(!log(&bench).await.contains("planted"));
        worker.stop().await.unwrap();
    }

    async fn what_the_person_did_not_grant_is_said_and_what_was_granted_lives_on(bench) {
        let worker = bench.start().await;
        let net = Facebook::start(&bench).await;
        let refused = async |lacks: &str| {
            let why = net.connect(&bench, "page", PAGES[0]).await.unwrap_err().in_full();
            assert!(why.contains(&format!("Facebook did not grant {lacks}: connect again")), "{why}");
            assert!(!why.contains(&format!("{} (", PAGES[0])), "{why}");
            assert!(!why.contains("planted"), "{why}");
        };
        net.known.lock().unwrap().declined = vec!["pages_manage_posts"];
        refused("pages_manage_posts").await;
        net.known.lock().unwrap().declined.clear();
        net.known.lock().unwrap().hidden = vec![PAGES[0]];
        refused("the page 100200300400500, but 100200300400501 (The bank)").await;
        // To give it back would end all that this person ever granted the app.
        assert_eq!(net.ended(), 0);
        let left = revoking::list(&bench.app, &bench.administrator).await.unwrap();
        assert!(left.len() == 2 && left.iter().all(|end| format!("{end:?}").contains("lives on")), "{left:?}");
        worker.stop().await.unwrap();
    }

    async fn what_a_login_at_instagram_grants_is_asked_for_only_where_it_is_taken(bench) {
        let _worker = bench.start().await;
        let register = async |adapter: &str| {
            let new = NewOauthApp {
                adapter: adapter.into(),
                client_id: "the-app".into(),
                secret: "planted-secret".to_owned().into(),
                authorize: None,
                token: None,
                revoke: None,
            };
            oauth_apps::add(&bench.app, &bench.administrator, new).await.unwrap();
        };
        register("instagram").await;
        let start = async |settings: Value| {
            let new = json!({ "name": "ig", "adapter": "instagram", "brand": "main", "settings": settings });
            let new = Some(serde_json::from_value(new).unwrap());
            connecting::start(&bench.app, &bench.administrator, "here", NewStart { new, ..NewStart::default() }).await
        };
        let page = start(json!({ "user": "17841400000000001" })).await.unwrap().url;
        assert!(page.starts_with("https://www.instagram.com/oauth/authorize?"), "{page}");
        let at_facebook = json!({ "user": "17841400000000001", "server": "https://graph.facebook.com" });
        let why = start(at_facebook.clone()).await.unwrap_err();
        assert!(why.in_full().contains("first register an app at Instagram (Facebook Login)"), "{why:?}");
        register("instagram_facebook").await;
        for settings in [at_facebook, json!({ "user": "17841400000000001", "login": "facebook" })] {
            let page = start(settings).await.unwrap().url;
            assert!(page.starts_with("https://www.facebook.com/v26.0/dialog/oauth?"), "{page}");
            assert!(page.contains("instagram_content_publish"), "{page}");
        }
        let wrong = json!({ "user": "17841400000000001", "login": "facebook", "server": "https://graph.instagram.com" });
        let why = start(wrong).await.unwrap_err();
        assert!(matches!(why, AppError::Invalid(_)) && why.in_full().contains("https://graph.facebook.com"), "{why:?}");
    }

    async fn an_account_of_instagram_is_reached_by_the_token_of_its_page(bench) {
        let worker = bench.start().await;
        let net = Facebook::start(&bench).await;
        net.enter(&bench, "instagram_facebook").await;
        let account = format!("1784{}", PAGES[1]);
        net.connect(&bench, "page", PAGES[0]).await.unwrap();
        let why = net.connect_account(&bench, "other", "17849").await.unwrap_err().in_full();
        let said = format!("did not grant the account 17849, but 1784{} (bank), {account} (bank)", PAGES[0]);
        assert!(why.contains(&said) && !why.contains("planted"), "{why}");
        let gram = net.connect_account(&bench, "gram", &account).await.unwrap();
        assert!(gram.has_credential, "{gram:?}");
        let grant = grants::of_channel(&bench.app, &bench.operator, &gram.id).await.unwrap().unwrap();
        assert_eq!((grant.expires_at, grant.renew_at), (None, None), "a page's token has no end");
        // What it asks for now, it asks for with the page's token.
        let detail = channels::test(&bench.app, &bench.administrator, &gram.id).await.unwrap().health.detail;
        assert!(net.known.lock().unwrap().seen.iter().any(|token| *token == format!("planted-page-{}", PAGES[1])), "{detail}");
        // What the person granted ends at once, whatever it was for.
        let ended = revoking::revoke(&bench.app, &bench.administrator, &gram.id).await.unwrap();
        assert!(ended.gone && ended.also == ["page"], "{ended:?}");
        assert!(!log(&bench).await.contains("planted"));
        worker.stop().await.unwrap();
    }
}
