//! A strict Mastodon in miniature, for tests: whatever the real API would not take is noted as a
//! fault, and it can be told to misbehave.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use url::Url;
use uuid::Uuid;

use super::kinds::Kind;
use crate::suite::{self, Cut};
use crate::text::{Unit, count};

pub const TOKEN: &str = "hunter2-token";

/// What becomes of a request that makes a post.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Done,
    /// It is done, or not, and the connection breaks there.
    Broken {
        done: bool,
        at: Cut,
    },
    /// It waits in the server's queue until [`Server::land`], and its answer is lost.
    Late,
    /// It is done, and the answer says otherwise.
    DoneBut(u16),
    /// It is done, and the answer comes after this long.
    Slow(Duration),
    /// It is refused: status, headers, body.
    Refused(u16, &'static str, &'static str),
}

/// A post as the server keeps it.
#[derive(Debug, Clone)]
pub struct Kept {
    pub id: String,
    pub account: &'static str,
    pub sent: Value,
    pub at: DateTime<Utc>,
}

impl Kept {
    fn shown(&self) -> Value {
        json!({
            "id": self.id, "created_at": self.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "url": format!("https://social.example/@bank/{}", self.id),
            "visibility": self.sent["visibility"], "in_reply_to_id": null,
            "content": format!("<p>{}</p>", self.sent["status"].as_str().unwrap()),
            "spoiler_text": self.sent["spoiler_text"].as_str().unwrap_or_default(),
            "media_attachments": self.sent["media_ids"].as_array().cloned().unwrap_or_default(),
        })
    }
}

#[derive(Default)]
pub struct State {
    pub posts: Vec<Kept>,
    pub fates: VecDeque<Fate>,
    pub faults: Vec<String>,
    pub requests: Vec<String>,
    pub pictures: HashMap<String, usize>,
    pub uploads: Vec<String>,
    keys: HashMap<String, String>,
    late: Vec<(Option<String>, Value)>,
    made: usize,
}

/// The server.
pub struct Server {
    pub url: String,
    kind: Arc<Kind>,
    state: Arc<Mutex<State>>,
}

type Said = (u16, String, Value);

impl Server {
    /// Starts it. The fates are those of the requests that make a post, in their order; then all are done.
    pub async fn start(kind: Kind, fates: &[Fate]) -> Self {
        Self::start_at("127.0.0.1:0", kind, fates).await
    }

    pub async fn start_at(address: &str, kind: Kind, fates: &[Fate]) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let state = State { fates: fates.iter().cloned().collect(), ..State::default() };
        let server = Self { url, kind: Arc::new(kind), state: Arc::new(Mutex::new(state)) };
        let (kind, state) = (Arc::clone(&server.kind), Arc::clone(&server.state));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(converse(socket, Arc::clone(&kind), Arc::clone(&state)));
            }
        });
        server
    }

    /// What it keeps. What it was sent must have been without fault.
    pub fn state(&self) -> MutexGuard<'_, State> {
        let state = self.state.lock().unwrap();
        assert_eq!(state.faults, Vec::<String>::new());
        state
    }

    pub fn copies(&self) -> usize {
        self.state().posts.len()
    }

    /// What waited in the queue is done now.
    pub fn land(&self) {
        let mut state = self.state.lock().unwrap();
        for (key, sent) in std::mem::take(&mut state.late) {
            state.make(&self.kind, key, sent);
        }
    }

    /// A post that came another way.
    pub fn add(&self, account: &'static str, text: &str, at: DateTime<Utc>) -> String {
        let mut state = self.state.lock().unwrap();
        state.made += 1;
        let id = format!("90{}", state.made);
        let sent = json!({ "status": text, "visibility": "public" });
        state.posts.push(Kept { id: id.clone(), account, sent, at });
        id
    }
}

impl Drop for Server {
    /// Also where no test looks at what it keeps.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.state.lock().unwrap().faults, Vec::<String>::new());
        }
    }
}

/// The suite's clock.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).unwrap()
}

async fn converse(mut socket: TcpStream, kind: Arc<Kind>, state: Arc<Mutex<State>>) {
    if socket.peek(&mut [0]).await.unwrap_or(0) == 0 {
        return;
    }
    let mut head = [0; 20];
    let seen = socket.peek(&mut head).await.unwrap_or(0);
    let makes = head[..seen].starts_with(b"POST /api/v1/statuse");
    let fate = if makes { state.lock().unwrap().fates.pop_front().unwrap_or(Fate::Done) } else { Fate::Done };
    let early = |at| matches!(fate, Fate::Broken { at: broken, .. } if broken == at);
    if early(Cut::BeforeRead) {
        return;
    }
    let mut request = Vec::new();
    suite::read_request(&mut socket, !early(Cut::MidRequest), |b| request.extend_from_slice(b)).await;
    if early(Cut::MidRequest) {
        return;
    }
    let (status, headers, body) = {
        let mut state = state.lock().unwrap();
        state.answer(&kind, &request, &fate)
    };
    let date = (now() + kind.ahead).format("%a, %d %b %Y %H:%M:%S GMT");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let whole = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nDate: {date}\r\nConnection: close\r\n\
         Content-Length: {}\r\n{headers}\r\n{body}",
        body.len()
    );
    let part = match fate {
        Fate::Late | Fate::Broken { at: Cut::BeforeStatus, .. } => "",
        Fate::Broken { at: Cut::MidHeaders, .. } => &whole[..40],
        Fate::Broken { .. } => &whole[..whole.len() - 5],
        Fate::Slow(time) => {
            tokio::time::sleep(time).await;
            &whole
        }
        _ => &whole,
    };
    let _ = socket.write_all(part.as_bytes()).await;
}

fn wrong(status: u16, words: &str) -> Said {
    // Hostile: it repeats the token.
    (status, String::new(), json!({ "error": format!("{words}: {TOKEN}") }))
}

fn good(body: Value) -> Said {
    (200, "X-RateLimit-Limit: 300\r\nX-RateLimit-Remaining: 299\r\n".to_owned(), body)
}

impl State {
    fn fault(&mut self, what: impl Into<String>) {
        self.faults.push(what.into());
    }

    fn answer(&mut self, kind: &Kind, request: &[u8], fate: &Fate) -> Said {
        let at = request.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let (head, content) = (String::from_utf8(request[..at].to_vec()).unwrap(), &request[at + 4..]);
        let mut lines = head.lines();
        let first = lines.next().unwrap().to_owned();
        let headers: HashMap<String, String> = lines
            .map(|l| l.split_once(": ").unwrap())
            .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
            .collect();
        let mut words = first.split(' ');
        let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap());
        let url = Url::parse("http://server").unwrap().join(target).unwrap();
        self.requests.push(format!("{method} {}", url.path()));
        if headers.get("authorization").map(String::as_str) != Some(&format!("Bearer {TOKEN}")) {
            return wrong(401, "The access token is invalid");
        }
        let path: Vec<&str> = url.path().split('/').skip(2).collect();
        let makes = method == "POST" && path == ["v1", "statuses"];
        if headers.contains_key("idempotency-key") && !makes {
            self.fault("a key where none belongs");
        }
        if method != "POST" && !content.is_empty() {
            self.fault("content where none belongs");
        }
        match (method.as_str(), path.as_slice()) {
            ("GET", ["v2", "instance"]) if kind.has_v2 => good(kind.instance()),
            ("GET", ["v1", "instance"]) => good(kind.instance()),
            ("GET", ["v1", "accounts", "verify_credentials"]) => good(json!({ "id": "7", "acct": "bank" })),
            ("GET", ["v1", "apps", "verify_credentials"]) => good(json!({ "scopes": kind.scopes })),
            ("POST", ["v2", "media"]) => self.upload(kind, &headers, content),
            ("GET", ["v1", "media", id]) => self.picture(id),
            ("POST", ["v1", "statuses"]) => self.post(kind, &headers, content, fate),
            ("GET", ["v1", "accounts", "7", "statuses"]) => self.list(&url),
            ("GET", ["v1", "statuses", id, "source"]) if kind.has_source => self.source(id),
            ("GET", ["v1", "statuses", id]) => self.show(id),
            ("DELETE", ["v1", "statuses", id]) => self.delete(id),
            _ => (404, String::new(), json!({ "error": "Record not found" })),
        }
    }

    fn upload(&mut self, kind: &Kind, headers: &HashMap<String, String>, content: &[u8]) -> Said {
        let text = String::from_utf8_lossy(content).into_owned();
        let boundary = headers["content-type"].strip_prefix("multipart/form-data; boundary=").unwrap();
        let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
        let [_, words, file, end] = parts.as_slice() else {
            self.fault(format!("{} parts", parts.len()));
            return wrong(422, "no parts");
        };
        let right = words.contains("name=\"description\"")
            && file.contains("name=\"file\"; filename=\"")
            && file.contains("Content-Type: image/")
            && *end == "--\r\n";
        if !right {
            self.fault("the parts of a picture");
        }
        self.uploads.push(words.split("\r\n\r\n").nth(1).unwrap().trim_end().to_owned());
        let id = format!("5{}", self.pictures.len());
        self.pictures.insert(id.clone(), kind.slow_pictures);
        let status = if kind.slow_pictures > 0 { 202 } else { 200 };
        (status, String::new(), json!({ "id": id, "url": null }))
    }

    fn picture(&mut self, id: &str) -> Said {
        match self.pictures.get_mut(id) {
            None => wrong(404, "Record not found"),
            Some(0) => good(json!({ "id": id, "url": "https://files.example/1.png" })),
            Some(left) => {
                *left -= 1;
                (206, String::new(), Value::Null)
            }
        }
    }

    fn post(&mut self, kind: &Kind, headers: &HashMap<String, String>, content: &[u8], fate: &Fate) -> Said {
        if headers["content-type"] != "application/json" {
            self.fault("a form: some servers publish an empty post from one");
        }
        let key = headers.get("idempotency-key").cloned();
        if key.is_some() == kind.version.contains("Pleroma") {
            self.fault("a key for Pleroma, or none for another");
        }
        let sent: Value = serde_json::from_slice(content).unwrap();
        if let Err(fault) = self.check(&sent) {
            self.fault(fault);
        }
        if length(&sent) > 500 {
            return wrong(422, "Validation failed: Text character limit of 500 exceeded");
        }
        match fate {
            Fate::Refused(status, headers, body) => {
                return (*status, (*headers).to_owned(), serde_json::from_str(body).unwrap_or_default());
            }
            Fate::Late => {
                self.late.push((key, sent));
                return good(Value::Null);
            }
            Fate::Broken { done: false, .. } => return good(json!({ "id": "0" })),
            _ => {}
        }
        let shown = self.make(kind, key, sent);
        match (fate, shown) {
            (Fate::DoneBut(status), _) => wrong(*status, "something went wrong"),
            (_, Some(shown)) => good(shown),
            // The key's post was deleted.
            (_, None) => wrong(404, "Record not found"),
        }
    }

    fn check(&self, sent: &Value) -> Result<(), String> {
        let fields = sent.as_object().ok_or("no object")?;
        for (name, value) in fields {
            let right = match name.as_str() {
                "status" => value.as_str().is_some_and(|s| !s.trim().is_empty()),
                "spoiler_text" | "language" => value.as_str().is_some_and(|s| !s.is_empty()),
                "visibility" => matches!(value.as_str(), Some("public" | "unlisted" | "private")),
                "sensitive" => value.is_boolean(),
                "media_ids" => value.as_array().is_some_and(|ids| {
                    ids.len() <= 4 && ids.iter().all(|id| self.pictures.get(id.as_str().unwrap()) == Some(&0))
                }),
                _ => false,
            };
            if !right {
                return Err(format!("{name}: {value}"));
            }
        }
        let all = ["status", "visibility", "language", "sensitive"].iter().all(|f| fields.contains_key(*f));
        if all { Ok(()) } else { Err("a field is missing".to_owned()) }
    }

    /// Makes a post, or finds that of the key.
    fn make(&mut self, kind: &Kind, key: Option<String>, sent: Value) -> Option<Value> {
        if let Some(known) = key.as_ref().filter(|_| kind.keeps_keys).and_then(|k| self.keys.get(k)) {
            return self.posts.iter().find(|p| p.id == *known).map(Kept::shown);
        }
        self.made += 1;
        let id = format!("10{}", self.made);
        if let Some(key) = key {
            assert!(key == "key-1" || Uuid::parse_str(&key).is_ok());
            self.keys.insert(key, id.clone());
        }
        let kept = Kept { id, account: "7", sent, at: now() + kind.ahead };
        let shown = kept.shown();
        self.posts.push(kept);
        Some(shown)
    }

    fn list(&mut self, url: &Url) -> Said {
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        if asked.get("exclude_reblogs").map(String::as_str) != Some("true") {
            self.fault("the posts of others are asked for");
        }
        let limit: usize = asked["limit"].parse().unwrap();
        let mut own: Vec<&Kept> = self.posts.iter().filter(|p| p.account == "7").collect();
        own.sort_by_key(|p| std::cmp::Reverse(p.at));
        let from = asked.get("max_id").map_or(0, |id| own.iter().position(|p| p.id == *id).unwrap() + 1);
        // Short pages, so that turning them is tested.
        good(own[from..].iter().take(limit.min(3)).map(|p| p.shown()).collect())
    }

    fn source(&self, id: &str) -> Said {
        self.posts.iter().find(|p| p.id == id && p.account == "7").map_or_else(
            || wrong(404, "Record not found"),
            |p| {
                let spoiler = p.sent["spoiler_text"].as_str().unwrap_or_default();
                let text = p.sent["status"].as_str().unwrap().trim();
                good(json!({ "id": id, "text": text, "spoiler_text": spoiler }))
            },
        )
    }

    fn show(&self, id: &str) -> Said {
        let found = self.posts.iter().find(|p| p.id == id);
        found.map_or_else(|| wrong(404, "Record not found"), |p| good(p.shown()))
    }

    fn delete(&mut self, id: &str) -> Said {
        let Some(at) = self.posts.iter().position(|p| p.id == id && p.account == "7") else {
            return wrong(404, "Record not found");
        };
        good(self.posts.remove(at).shown())
    }
}

/// Counted apart from the code under test: a word that begins like a link is 23.
fn length(sent: &Value) -> usize {
    let word = |word: &str| if word.starts_with("https://") { 23 } else { count(word, Unit::Graphemes) };
    let text = sent["status"].as_str().unwrap_or_default();
    let warning = sent["spoiler_text"].as_str().unwrap_or_default();
    text.split(' ').map(|w| word(w) + 1).sum::<usize>() - 1 + count(warning, Unit::Graphemes)
}
