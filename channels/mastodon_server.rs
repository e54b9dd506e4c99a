//! A strict Mastodon in miniature, for tests.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::kinds::Kind;
use crate::strict::{Asked, Network, Said, Strict};
use crate::text::{Unit, count};

pub const TOKEN: &str = "hunter2-token";

/// A post as the server keeps it.
#[derive(Debug, Clone)]
pub struct Kept {
    pub id: String,
    pub account: &'static str,
    pub sent: Value,
    pub at: DateTime<Utc>,
    pub pinned: bool,
}

impl Kept {
    fn shown(&self) -> Value {
        let ids = self.sent["media_ids"].as_array().into_iter().flatten();
        let pictures: Vec<Value> = ids.map(|id| json!({ "id": id, "type": "image" })).collect();
        let mut shown = json!({
            "id": self.id, "created_at": self.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "url": format!("https://social.example/@bank/{}", self.id),
            "visibility": self.sent["visibility"], "in_reply_to_id": self.sent["in_reply_to_id"],
            "account": { "id": self.account }, "reblog": self.sent["reblog"],
            "content": format!("<p>{}</p>", self.sent["status"].as_str().unwrap()),
            "spoiler_text": self.sent["spoiler_text"].as_str().unwrap_or_default(),
            "media_attachments": pictures,
        });
        if self.account == "7" {
            shown["pinned"] = self.pinned.into();
        }
        shown
    }
}

/// One account on one server.
#[derive(Clone, Default)]
pub struct Api {
    pub posts: Vec<Kept>,
    pub pictures: HashMap<String, usize>,
    pub uploads: Vec<String>,
    kind: Kind,
    keys: HashMap<String, String>,
    made: usize,
    /// The account is watched: what it shows again of others is asked for, too.
    pub watches: bool,
}

impl From<Kind> for Api {
    fn from(kind: Kind) -> Self {
        Self { kind, ..Self::default() }
    }
}

/// The server.
pub type Server = Strict<Api>;

impl Strict<Api> {
    pub fn copies(&self) -> usize {
        self.state().network.posts.len()
    }

    /// A post that came another way.
    pub fn add(&self, account: &'static str, text: &str, at: DateTime<Utc>) -> String {
        let mut state = self.state();
        let network = &mut state.network;
        network.made += 1;
        let id = format!("90{}", network.made);
        let sent = json!({ "status": text, "visibility": "public" });
        network.posts.push(Kept { id: id.clone(), account, sent, at, pinned: false });
        id
    }
}

/// The suite's clock.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_100, 0).unwrap()
}

fn wrong(status: u16, words: &str) -> Said {
    // Hostile: it repeats the token.
    (status, String::new(), json!({ "error": format!("{words}: {TOKEN}") }))
}

fn good(body: Value) -> Said {
    (200, "X-RateLimit-Limit: 300\r\nX-RateLimit-Remaining: 299\r\n".to_owned(), body)
}

impl Network for Api {
    fn makes(method: &str, path: &str) -> bool {
        method == "POST" && path == "/api/v1/statuses"
    }

    fn headers(&self) -> String {
        format!("Date: {}\r\n", (now() + self.kind.ahead).format("%a, %d %b %Y %H:%M:%S GMT"))
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return wrong(401, "The access token is invalid");
        }
        if asked.headers.contains_key("idempotency-key") && !Self::makes(&asked.method, &asked.path) {
            faults.push("a key where none belongs".to_owned());
        }
        let path: Vec<&str> = asked.path.split('/').skip(2).collect();
        match (asked.method.as_str(), path.as_slice()) {
            ("GET", ["v2", "instance"]) if self.kind.has_v2 => good(self.kind.instance()),
            ("GET", ["v1", "instance"]) => good(self.kind.instance()),
            ("GET", ["v1", "accounts", "verify_credentials"]) => good(json!({ "id": "7", "acct": "bank" })),
            ("GET", ["v1", "apps", "verify_credentials"]) => good(json!({ "scopes": self.kind.scopes })),
            ("POST", ["v2", "media"]) => self.upload(asked, faults),
            ("GET", ["v1", "media", id]) => self.picture(id),
            ("POST", ["v1", "statuses"]) => self.post(asked, faults),
            ("GET", ["v1", "accounts", "7", "statuses"]) => self.list(&asked.query, faults),
            ("GET", ["v1", "statuses", id, "source"]) if self.kind.has_source => self.source(id),
            ("GET", ["v1", "statuses", id, "context"]) => self.context(id),
            ("GET", ["v1", "statuses", id]) => self.show(id),
            ("DELETE", ["v1", "statuses", id]) => self.delete(id),
            ("PUT", ["v1", "statuses", id]) => self.change(id, asked, faults),
            ("POST", ["v1", "statuses", id, "pin"]) => self.pin(id, true, asked, faults),
            ("POST", ["v1", "statuses", id, "unpin"]) => self.pin(id, false, asked, faults),
            _ => (404, String::new(), json!({ "error": "Record not found" })),
        }
    }
}

impl Api {
    fn upload(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let text = String::from_utf8_lossy(&asked.content).into_owned();
        let boundary = asked.header("content-type").strip_prefix("multipart/form-data; boundary=").unwrap();
        let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
        let [_, words, file, end] = parts.as_slice() else {
            faults.push(format!("{} parts", parts.len()));
            return wrong(422, "no parts");
        };
        let right = words.contains("name=\"description\"")
            && file.contains("name=\"file\"; filename=\"")
            && file.contains("Content-Type: image/")
            && *end == "--\r\n";
        if !right {
            faults.push("the parts of a picture".to_owned());
        }
        self.uploads.push(words.split("\r\n\r\n").nth(1).unwrap().trim_end().to_owned());
        let id = format!("5{}", self.pictures.len());
        self.pictures.insert(id.clone(), self.kind.slow_pictures);
        let status = if self.kind.slow_pictures > 0 { 202 } else { 200 };
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

    fn post(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.header("content-type") != "application/json" {
            faults.push("a form: some servers publish an empty post from one".to_owned());
        }
        let key = asked.headers.get("idempotency-key").cloned();
        if key.is_some() == self.kind.version.contains("Pleroma") {
            faults.push("a key for Pleroma, or none for another".to_owned());
        }
        let sent = asked.json();
        faults.extend(self.check(&sent).err());
        if length(&sent) > 500 {
            return wrong(422, "Validation failed: Text character limit of 500 exceeded");
        }
        // The key's post was deleted, or it is shown.
        self.make(key, sent).map_or_else(|| wrong(404, "Record not found"), good)
    }

    fn check(&self, sent: &Value) -> Result<(), String> {
        let fields = sent.as_object().ok_or("no object")?;
        for (name, value) in fields {
            let right = match name.as_str() {
                "status" => value.as_str().is_some_and(|s| !s.trim().is_empty()),
                "spoiler_text" | "language" => value.as_str().is_some_and(|s| !s.is_empty()),
                "visibility" => matches!(value.as_str(), Some("public" | "unlisted" | "private")),
                "sensitive" => value.is_boolean(),
                "in_reply_to_id" => self.posts.iter().any(|p| value == p.id.as_str()),
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
    fn make(&mut self, key: Option<String>, sent: Value) -> Option<Value> {
        if let Some(known) = key.as_ref().filter(|_| self.kind.keeps_keys).and_then(|k| self.keys.get(k)) {
            return self.posts.iter().find(|p| p.id == *known).map(Kept::shown);
        }
        self.made += 1;
        let id = format!("10{}", self.made);
        if let Some(key) = key {
            let first = key.rsplit_once('-').map_or(key.as_str(), |(first, _)| first);
            assert!([key.as_str(), first].iter().any(|k| *k == "key-1" || Uuid::parse_str(k).is_ok()));
            self.keys.insert(key, id.clone());
        }
        let kept = Kept { id, account: "7", sent, at: now() + self.kind.ahead, pinned: false };
        let shown = kept.shown();
        self.posts.push(kept);
        Some(shown)
    }

    fn list(&self, asked: &HashMap<String, String>, faults: &mut Vec<String>) -> Said {
        if asked.get("exclude_reblogs").map(String::as_str) != Some("true") && !self.watches {
            faults.push("the posts of others are asked for".to_owned());
        }
        let limit: usize = asked["limit"].parse().unwrap();
        let mut own: Vec<&Kept> = self.posts.iter().filter(|p| p.account == "7").collect();
        own.sort_by_key(|p| std::cmp::Reverse(p.at));
        let from = asked.get("max_id").map_or(0, |id| own.iter().position(|p| p.id == *id).unwrap() + 1);
        // Short pages, so that turning them is tested.
        good(own[from..].iter().take(limit.min(3)).map(|p| p.shown()).collect())
    }

    fn source(&self, id: &str) -> Said {
        let all = self.kind.shows_all_sources;
        self.posts.iter().find(|p| p.id == id && (all || p.account == "7")).map_or_else(
            || wrong(404, "Record not found"),
            |p| {
                let spoiler = p.sent["spoiler_text"].as_str().unwrap_or_default();
                let text = p.sent["status"].as_str().unwrap().trim();
                good(json!({ "id": id, "text": text, "spoiler_text": spoiler }))
            },
        )
    }

    /// All that answers a post, and what answers that.
    fn context(&self, id: &str) -> Said {
        let mut found: Vec<&Kept> = Vec::new();
        for post in &self.posts {
            let after = &post.sent["in_reply_to_id"];
            if *after == id || found.iter().any(|p| *after == p.id.as_str()) {
                found.push(post);
            }
        }
        let descendants: Value = found.into_iter().map(Kept::shown).collect();
        if !self.posts.iter().any(|p| p.id == id) {
            return wrong(404, "Record not found");
        }
        good(json!({ "ancestors": [], "descendants": descendants }))
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

    /// An own post gets other words. Pictures that are not named are taken from it.
    fn change(&mut self, id: &str, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let sent = asked.json();
        let text = |name: &str| sent[name].as_str().unwrap_or_default();
        let mut fields: Vec<&str> = sent.as_object().unwrap().keys().map(String::as_str).collect();
        fields.retain(|name| *name != "media_ids");
        let right = fields == ["language", "sensitive", "spoiler_text", "status"]
            && asked.header("content-type") == "application/json"
            && !text("status").trim().is_empty()
            && !text("language").is_empty()
            && sent["sensitive"] == !text("spoiler_text").is_empty();
        if !right {
            faults.push(format!("a change: {sent}"));
        }
        if length(&sent) > 500 {
            return wrong(422, "Validation failed: Text character limit of 500 exceeded");
        }
        let Some(post) = self.posts.iter_mut().find(|p| p.id == id && p.account == "7") else {
            return wrong(404, "Record not found");
        };
        let there = post.sent["media_ids"].as_array().cloned().unwrap_or_default();
        let named = sent["media_ids"].as_array().cloned().unwrap_or_default();
        if named.iter().any(|id| !there.contains(id)) {
            faults.push(format!("pictures of other posts: {sent}"));
        }
        post.sent["media_ids"] = named.into();
        for name in ["language", "sensitive", "spoiler_text", "status"] {
            post.sent[name] = sent[name].clone();
        }
        good(post.shown())
    }

    /// What is pinned already is refused, as are a sixth post and one of somebody else.
    fn pin(&mut self, id: &str, up: bool, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if !asked.content.is_empty() {
            faults.push("a pin has no content".to_owned());
        }
        let full = self.posts.iter().filter(|p| p.pinned).count() == 5;
        let Some(post) = self.posts.iter_mut().find(|p| p.id == id) else {
            return wrong(404, "Record not found");
        };
        match post.account {
            "7" if up && post.pinned => wrong(422, "Validation failed: Status has already been taken"),
            "7" if up && full => wrong(422, "You have already pinned the maximum number of posts"),
            "7" => {
                post.pinned = up;
                good(post.shown())
            }
            _ if up => wrong(422, "Validation failed: Someone else's post cannot be pinned"),
            _ => good(post.shown()),
        }
    }
}

/// Counted apart from the code under test: a word that begins like a link is 23.
fn length(sent: &Value) -> usize {
    let word = |word: &str| if word.starts_with("https://") { 23 } else { count(word, Unit::Graphemes) };
    let text = sent["status"].as_str().unwrap_or_default();
    let warning = sent["spoiler_text"].as_str().unwrap_or_default();
    text.split(' ').map(|w| word(w) + 1).sum::<usize>() - 1 + count(warning, Unit::Graphemes)
}
