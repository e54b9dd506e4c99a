//! A strict Slack in miniature, for tests.

use serde_json::{Value, json};

use super::answers::is_ts;
use crate::slack_text::tests::seen;
use crate::slack_text::written;
use crate::strict::{Asked, Network, Said, good};

pub const TOKEN: &str = "xoxb-hunter2-hunter2";
pub const WHO: &str =
    r#"{"ok":true,"url":"https://bank.slack.com/","team":"Bank","user":"holdline","bot_id":"B1"}"#;
pub const SCOPES: &str = "chat:write,channels:history,metadata.message:read,files:write";

/// A file that was sent, or is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub id: String,
    pub words: String,
    pub length: usize,
    pub bytes: Option<Vec<u8>>,
    pub complete: bool,
}

/// Slack's API as far as it is used: one bot, one channel.
#[derive(Clone)]
pub struct Api {
    /// The oldest first.
    pub messages: Vec<Value>,
    pub scopes: &'static str,
    /// Whether a message is not in the history yet.
    pub lags: bool,
    pub made: usize,
    /// Messages of a page.
    pub page: usize,
    /// What was said in threads.
    pub replies: Vec<Value>,
    /// The files with their words and bytes, and whether they are complete.
    pub files: Vec<File>,
    /// The ids of files that were deleted.
    pub deleted: Vec<String>,
    /// So many messages with pictures come too soon.
    pub works: usize,
    /// The bot's user, where Slack tells it.
    pub user: &'static str,
}

impl Api {
    pub fn new() -> Self {
        // Short pages, so that turning them is tested.
        let (messages, replies, page) = (Vec::new(), Vec::new(), 3);
        let (files, works) = (Vec::new(), 0);
        let (scopes, deleted) = (SCOPES, Vec::new());
        Self { messages, scopes, lags: false, made: 0, page, replies, files, deleted, works, user: "" }
    }

    fn may(&self, scope: &str) -> bool {
        self.scopes.split(',').any(|s| s == scope)
    }
}

fn wrong(error: &str) -> Said {
    good(json!({ "ok": false, "error": error, "needed": "channels:history", "hostile": TOKEN }))
}

impl Network for Api {
    fn makes(method: &str, path: &str) -> bool {
        method == "POST" && path == "/api/chat.postMessage"
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if let Some(id) = asked.path.strip_prefix("/upload/v1/") {
            return self.take(id, asked, faults);
        }
        if asked.header("authorization") != format!("Bearer {TOKEN}") {
            return wrong("invalid_auth");
        }
        let is_form = asked.path.ends_with("External");
        if asked.method == "POST"
            && !is_form
            && asked.header("content-type") != "application/json; charset=utf-8"
        {
            faults.push("Slack warns of a body without its charset".to_owned());
        }
        let method = asked.path.strip_prefix("/api/").unwrap_or_default();
        match (asked.method.as_str(), method) {
            ("POST", "auth.test") => {
                let headers = format!("X-OAuth-Scopes: {}\r\n", self.scopes);
                let mut who: Value = serde_json::from_str(WHO).unwrap();
                who["user_id"] = self.user.into();
                (200, headers, who)
            }
            ("POST", "chat.postMessage") => self.post(&asked.json(), faults),
            ("GET", "conversations.history") => self.history(asked, faults),
            ("GET", "conversations.replies") => self.thread(asked, faults),
            ("POST", "chat.delete") => self.delete(&asked.json()),
            ("POST", "files.getUploadURLExternal") => self.announce(asked, faults),
            ("POST", "files.completeUploadExternal") => self.complete(asked, faults),
            ("POST", "files.delete") => self.forget(&asked.json()),
            _ => (404, String::new(), json!({})),
        }
    }
}

impl Api {
    fn post(&mut self, sent: &Value, faults: &mut Vec<String>) -> Said {
        let mut fixed = sent.clone();
        let open = ["blocks", "channel", "metadata", "text"];
        let thread = fixed.as_object_mut().and_then(|o| o.remove("thread_ts"));
        let given = fixed.as_object_mut().map(|o| open.map(|name| o.remove(name).is_some()));
        let plain = json!({
            "link_names": false, "mrkdwn": false, "parse": "none", "unfurl_links": false, "unfurl_media": false,
        });
        if given != Some([true; 4]) || fixed != plain {
            faults.push(format!("fields: {sent}"));
        }
        let payload = &sent["metadata"]["event_payload"];
        let key = payload["delivery"].as_str().is_some_and(|id| id.parse::<uuid::Uuid>().is_ok());
        if !sent["metadata"]["event_type"].is_string() || !key {
            faults.push("metadata has a type and the delivery's id".to_owned());
        }
        let text = sent["text"].as_str().unwrap();
        // Between brackets is a link, a call or a name.
        for part in text.split('<').skip(1) {
            let inside = part.split_once('>').map_or("", |(inside, _)| inside);
            if !(inside.starts_with("http://") || inside.starts_with("https://")) || inside.contains('|') {
                faults.push(format!("<{inside}> is at work"));
            }
        }
        let mut blocks = sent["blocks"].as_array().cloned().unwrap_or_default();
        let images = blocks.split_off(blocks.len().min(1));
        if let Some(said) = self.refuse_images(&images, faults) {
            return said;
        }
        match seen(&Value::Array(blocks)) {
            Ok(shown) if written(&shown) == text => {}
            Ok(shown) => faults.push(format!("readers see {shown}, and notifications {text}")),
            Err(fault) => faults.push(fault),
        }
        if sent["blocks"].to_string().chars().count() > 12_000 {
            return wrong("msg_blocks_too_long");
        }
        if sent["channel"] != "C024BE91L" {
            return wrong("channel_not_found");
        }
        if text.trim().is_empty() {
            return wrong("no_text");
        }
        if text.encode_utf16().count() > 4_000 {
            faults.push("it would be cut into two".to_owned());
        }
        if let Some(first) = &thread
            && !self.messages.iter().any(|m| m["ts"] == *first)
        {
            // Also the time of a message that is in a thread itself.
            return wrong("thread_not_found");
        }
        self.made += 1;
        let ts = format!("17000001{:02}.000100", self.made);
        let mut message = json!({
            "type": "message", "ts": ts, "bot_id": "B1", "text": text, "blocks": sent["blocks"],
            "metadata": sent["metadata"],
        });
        match thread {
            Some(first) => {
                message["thread_ts"] = first;
                self.replies.push(message);
            }
            None => self.messages.push(message),
        }
        good(json!({ "ok": true, "channel": "C024BE91L", "ts": ts }))
    }

    fn history(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if !self.may("channels:history") {
            return wrong("missing_scope");
        }
        let query = |name: &str| asked.query.get(name).map_or("", String::as_str);
        if query("channel") != "C024BE91L" {
            return wrong("channel_not_found");
        }
        let limit: usize = query("limit").parse().unwrap();
        if limit > 999 || !(query("oldest").is_empty() || is_ts(query("oldest"))) {
            faults.push("limit or oldest".to_owned());
        }
        let new = |m: &&Value| match query("inclusive") {
            "true" => m["ts"] == query("oldest") && query("latest") == query("oldest"),
            _ => m["ts"].as_str().unwrap() > query("oldest"),
        };
        let all: Vec<Value> =
            self.messages.iter().rev().filter(|_| !self.lags).filter(new).cloned().collect();
        let from: usize = query("cursor").parse().unwrap_or(0);
        let page: Vec<Value> = all
            .iter()
            .skip(from)
            .take(limit.min(self.page))
            .cloned()
            .map(|mut m| {
                if query("include_all_metadata") != "true" || !self.may("metadata.message:read") {
                    m["metadata"] = Value::Null;
                }
                m
            })
            .collect();
        let next = from + page.len();
        let next = if next < all.len() { next.to_string() } else { String::new() };
        good(json!({ "ok": true, "messages": page, "response_metadata": { "next_cursor": next } }))
    }

    /// The first message of a thread, whatever its age, and what was said there since.
    fn thread(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if !self.may("channels:history") {
            return wrong("missing_scope");
        }
        let query = |name: &str| asked.query.get(name).map_or("", String::as_str);
        // A look of the watch has no use for keys.
        let told = query("include_all_metadata") == "true";
        let limit = if told { "200" } else { "100" };
        if query("channel") != "C024BE91L" || !is_ts(query("oldest")) || query("limit") != limit {
            faults.push(format!("a look into a thread: {:?}", asked.query));
        }
        let Some(first) = self.messages.iter().find(|m| m["ts"] == query("ts")) else {
            return wrong("thread_not_found");
        };
        let is_of = |m: &&Value| m["thread_ts"] == query("ts") && m["ts"].as_str().unwrap() > query("oldest");
        let all = std::iter::once(first).chain(self.replies.iter().filter(is_of)).cloned();
        let shown = all.map(|mut m| {
            if !told || !self.may("metadata.message:read") {
                m["metadata"] = Value::Null;
            }
            m
        });
        good(json!({ "ok": true, "messages": shown.collect::<Vec<_>>(), "has_more": false }))
    }

    /// A picture that is not there, not complete, or worked on.
    pub(super) fn refuse_images(&mut self, images: &[Value], faults: &mut Vec<String>) -> Option<Said> {
        for image in images {
            let file = self.files.iter().find(|f| f.complete && image["slack_file"]["id"] == *f.id);
            let block =
                |f: &File| json!({ "type": "image", "slack_file": { "id": f.id }, "alt_text": f.words });
            let is_there = file.is_some_and(|f| f.bytes.is_some());
            if file.is_none_or(|f| block(f) != *image) {
                faults.push(format!("a picture without its file or words: {image}"));
            }
            if !is_there || self.works > 0 {
                self.works = self.works.saturating_sub(1);
                let why = "invalid slack file [json-pointer:/blocks/1/slack_file]";
                return Some(good(json!({ "ok": false, "error": "invalid_blocks", "errors": [why] })));
            }
        }
        None
    }

    fn announce(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if !self.may("files:write") {
            return good(json!({ "ok": false, "error": "missing_scope", "needed": "files:write" }));
        }
        let form = asked.form(faults);
        let length = form.get("length").and_then(|l| l.parse().ok()).unwrap_or(0);
        if form.len() != 3 || length == 0 || !form.contains_key("filename") {
            faults.push(format!("fields: {form:?}"));
        }
        let id = format!("F00000000{}", self.files.len() + self.deleted.len() + 1);
        let words = form.get("alt_txt").cloned().unwrap_or_default();
        self.files.push(File { id: id.clone(), words, length, bytes: None, complete: false });
        let url = format!("http://{}/upload/v1/{id}-hunter2", asked.header("host"));
        good(json!({ "ok": true, "upload_url": url, "file_id": id }))
    }

    fn take(&mut self, id: &str, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if asked.headers.contains_key("authorization") {
            faults.push("the token goes where files are sent".to_owned());
        }
        let file = self.files.iter_mut().find(|f| id == format!("{}-hunter2", f.id));
        let Some(file) = file.filter(|f| f.length == asked.content.len()) else {
            return (400, String::new(), json!({}));
        };
        file.bytes = Some(asked.content.clone());
        good(json!({}))
    }

    fn complete(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let form = asked.form(faults);
        let named: Vec<Value> =
            form.get("files").and_then(|f| serde_json::from_str(f).ok()).unwrap_or_default();
        if form.len() != 1 || named.is_empty() {
            faults.push(format!("a channel would show the files by themselves: {form:?}"));
        }
        for name in &named {
            match self.files.iter_mut().find(|f| name["id"] == *f.id && f.bytes.is_some()) {
                Some(file) => file.complete = true,
                None => return good(json!({ "ok": false, "error": "file_not_found" })),
            }
        }
        good(json!({ "ok": true, "files": named }))
    }

    /// A file stays when its message goes, and is deleted by itself. What is not complete is none yet.
    fn forget(&mut self, sent: &Value) -> Said {
        let (gone, left) =
            std::mem::take(&mut self.files).into_iter().partition(|f| f.complete && sent["file"] == *f.id);
        self.files = left;
        let gone: Vec<File> = gone;
        if self.deleted.iter().any(|id| sent["file"] == **id) {
            return wrong("file_deleted");
        }
        self.deleted.extend(gone.iter().map(|f| f.id.clone()));
        if gone.is_empty() { wrong("file_not_found") } else { good(json!({ "ok": true })) }
    }

    /// The pictures that people in Slack can see, or the app.
    pub fn pictures(&self) -> usize {
        self.files.iter().filter(|f| f.complete).count()
    }

    fn delete(&mut self, sent: &Value) -> Said {
        let count = |api: &Self| api.messages.len() + api.replies.len();
        let before = count(self);
        let stays = |m: &Value| m["ts"] != sent["ts"] || sent["channel"] != "C024BE91L";
        self.messages.retain(stays);
        self.replies.retain(stays);
        if before == count(self) { wrong("message_not_found") } else { good(json!({ "ok": true })) }
    }
}
