//! Sweeps on a real WordPress and a real Ghost, which `tests/run` starts from `tests/peers`. Each on one
//! database only: two at once would hold each other's posts.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use channels::http::Request;
use chrono::{DateTime, TimeDelta, Utc};
use holdline::app::freezes::{self, NewFreeze};
use holdline::app::sweeps::{self, Choice, Decision, SweptView};
use holdline::clock::rfc3339;
use holdline::domain::freeze::Scope;
use holdline::domain::sweep::Stand;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::real_channels::{peer, unique, word, wordpress};
use crate::support::{Bench, Database, http};
use crate::sweeps::until;

/// What an editor does on a site.
trait Editor {
    /// Schedules a post for that time; its id.
    async fn schedule(&self, title: &str, at: DateTime<Utc>) -> String;
    /// Its status and its date.
    async fn look(&self, id: &str) -> (String, DateTime<Utc>);
    /// Changes its title.
    async fn edit(&self, id: &str, title: &str);
    /// The status of what the network will publish by itself.
    fn scheduled(&self) -> &'static str;
}

struct OnWordPress(Value);

impl OnWordPress {
    async fn ask(&self, request: Request) -> Value {
        let password: SecretString = word(&self.0, "app_password").into();
        let answer = http().call(request.basic(word(&self.0, "account"), &password)).await.unwrap();
        assert!(answer.is_success(), "{} {:?}", answer.status, answer.body);
        answer.json().unwrap()
    }

    fn at(&self, id: &str) -> String {
        format!("{}/wp-json/wp/v2/posts/{id}?context=edit", word(&self.0, "url"))
    }
}

impl Editor for OnWordPress {
    async fn schedule(&self, title: &str, at: DateTime<Utc>) -> String {
        let date = at.format("%Y-%m-%dT%H:%M:%S").to_string();
        let post = json!({ "title": title, "content": "Buy", "status": "future", "date_gmt": date });
        let url = format!("{}/wp-json/wp/v2/posts", word(&self.0, "url"));
        let made = self.ask(Request::post(&url).json(&post)).await;
        assert_eq!(made["status"], "future");
        made["id"].to_string()
    }

    async fn look(&self, id: &str) -> (String, DateTime<Utc>) {
        let post = self.ask(Request::get(&self.at(id))).await;
        let date = format!("{}Z", word(&post, "date_gmt")).parse().unwrap();
        (word(&post, "status").to_owned(), date)
    }

    async fn edit(&self, id: &str, title: &str) {
        self.ask(Request::post(&self.at(id)).json(&json!({ "title": title }))).await;
    }

    fn scheduled(&self) -> &'static str {
        "future"
    }
}

struct OnGhost(Value);

/// HMAC with SHA-256 (RFC 2104) of a key that is no longer than a block.
fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let pad = |with: u8| -> Vec<u8> { (0..64).map(|n| key.get(n).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha256::digest([pad(0x36).as_slice(), text.as_bytes()].concat());
    Sha256::digest([pad(0x5c).as_slice(), inner.as_slice()].concat()).to_vec()
}

impl OnGhost {
    async fn ask(&self, request: Request) -> Value {
        let (id, secret) = word(&self.0, "key").split_once(':').unwrap();
        let now = holdline::clock::Clock::real().now() / 1_000;
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(json!({ "alg": "HS256", "kid": id, "typ": "JWT" }));
        let signed = format!("{head}.{}", part(json!({ "aud": "/admin/", "exp": now + 200, "iat": now })));
        let signature = URL_SAFE_NO_PAD.encode(hmac(&hex::decode(secret).unwrap(), &signed));
        let token: SecretString = format!("{signed}.{signature}").into();
        let request = request.authorised("Ghost", &token).header("accept-version", "v5.0");
        let answer = http().call(request).await.unwrap();
        assert!(answer.is_success(), "{} {:?}", answer.status, answer.body);
        answer.json::<Value>().unwrap()["posts"][0].clone()
    }

    fn at(&self, id: &str) -> String {
        format!("{}/ghost/api/admin/posts/{id}", word(&self.0, "url"))
    }
}

impl Editor for OnGhost {
    async fn schedule(&self, title: &str, at: DateTime<Utc>) -> String {
        let post = json!({ "posts": [{ "title": title, "status": "scheduled", "published_at": at }] });
        let made = self.ask(Request::post(&self.at("")).json(&post)).await;
        assert_eq!(made["status"], "scheduled");
        word(&made, "id").to_owned()
    }

    async fn look(&self, id: &str) -> (String, DateTime<Utc>) {
        let post = self.ask(Request::get(&self.at(&format!("{id}/")))).await;
        (word(&post, "status").to_owned(), word(&post, "published_at").parse().unwrap())
    }

    async fn edit(&self, id: &str, title: &str) {
        let place = self.at(&format!("{id}/"));
        let post = self.ask(Request::get(&place)).await;
        let edit = json!({ "posts": [{ "title": title, "updated_at": post["updated_at"] }] });
        self.ask(Request::put(&place).json(&edit)).await;
    }

    fn scheduled(&self) -> &'static str {
        "scheduled"
    }
}

fn minutes(from: DateTime<Utc>, to: DateTime<Utc>) -> i64 {
    (to - from).num_seconds().div_euclid(60)
}

/// An editor's three posts are held; one is put back, one dropped, and one was changed meanwhile.
async fn swept(bench: &Bench, editor: &impl Editor) {
    let worker = bench.start().await;
    let app = &bench.app;
    let now = DateTime::from_timestamp(app.clock().now() / 1_000, 0).unwrap();
    let titles = ["Back", "Never", "Changed"].map(unique);
    let mut ids = Vec::new();
    for title in &titles {
        ids.push(editor.schedule(title, now + TimeDelta::days(2)).await);
    }
    let scope = Scope { channels: vec![bench.channels.last().unwrap().clone()], ..Scope::default() };
    let new = NewFreeze { scope, ..NewFreeze::default() };
    let frozen = freezes::create(app, &bench.operator, &new).await.unwrap();
    let of = |posts: &[SweptView], title: &str| posts.iter().find(|p| p.words == *title).cloned();
    let held =
        |posts: &[SweptView]| titles.iter().all(|t| of(posts, t).is_some_and(|p| p.state == Stand::Held));
    let seen = until(app, &frozen.id, |s| held(&s.posts)).await.posts;
    for id in &ids {
        assert_eq!(editor.look(id).await.0, "draft");
    }
    editor.edit(&ids[2], "Sold out").await;
    freezes::thaw(app, &bench.approver, &frozen.id, "over").await.unwrap();
    let decide = async |choice, title: &str, at: Option<String>| {
        let posts = vec![of(&seen, title).unwrap().id];
        let decision = Decision { choice, posts, at, zone: None, spread_minutes: 0 };
        assert_eq!(sweeps::review(app, &bench.approver, &decision).await.unwrap().left, Vec::new());
    };
    let at = Some(rfc3339((now + TimeDelta::minutes(90)).timestamp_millis()));
    decide(Choice::Restore, &titles[0], at.clone()).await;
    decide(Choice::Drop, &titles[1], None).await;
    decide(Choice::Restore, &titles[2], at).await;
    let is = |posts: &[SweptView], title: &str, state| of(posts, title).is_some_and(|p| p.state == state);
    let done = |posts: &[SweptView]| {
        is(posts, &titles[0], Stand::Restored)
            && is(posts, &titles[1], Stand::Dropped)
            && of(posts, &titles[2]).is_some_and(|p| p.state == Stand::Held && p.reason.is_some())
    };
    until(app, &frozen.id, |s| done(&s.posts)).await;
    let (status, date) = editor.look(&ids[0]).await;
    assert_eq!((status.as_str(), minutes(now, date)), (editor.scheduled(), 90));
    for id in &ids[1..] {
        assert_eq!(editor.look(id).await.0, "draft");
    }
    worker.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_editors_schedule_on_wordpress_is_held() {
    let (mut bench, server) = (Bench::new(Database::Sqlite).await, peer("wordpress"));
    let (url, account, password) =
        (word(&server, "url"), word(&server, "account"), word(&server, "app_password"));
    wordpress(&mut bench, url, account, password).await;
    swept(&bench, &OnWordPress(server.clone())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_editors_schedule_on_ghost_is_held() {
    let (mut bench, server) = (Bench::new(Database::Sqlite).await, peer("ghost"));
    let settings = json!({ "url": word(&server, "url") });
    bench.connect_with("news", "ghost", settings, Some(word(&server, "key"))).await;
    swept(&bench, &OnGhost(server.clone())).await;
}
