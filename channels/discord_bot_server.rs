//! Discord's API for tests, as far as a bot uses it: one bot, one channel on one server.

use serde_json::{Value, json};

use super::reads::id_at;
use crate::discord_server::{look, posted, wrong};
use crate::strict::{Asked, Network, Said, good};

pub(super) const TOKEN: &str = "MTIz.hunter2.abc";
pub(super) const BOT: &str = "77";

#[derive(Clone)]
pub(super) struct Api {
    /// Newest last.
    pub(super) messages: Vec<Value>,
    pub(super) files: Vec<Vec<u8>>,
    /// What is said of the channel, and of the one that a thread is in.
    pub(super) channel: Value,
    pub(super) parent: Value,
    pub(super) roles: Value,
    pub(super) member: Value,
    /// Whether a nonce is remembered: some minutes are over otherwise.
    pub(super) remembers: bool,
    /// Whether a message is not in the list yet.
    pub(super) lags: bool,
    /// Seconds until the list can be asked again, which each of its answers tells.
    pub(super) rest: Option<&'static str>,
    pub(super) nonces: Vec<(String, Value)>,
    pub(super) made: u64,
    /// The ids of pinned messages.
    pub(super) pins: Vec<String>,
    pub(super) may_pin: bool,
}

impl Api {
    pub(super) fn new() -> Self {
        Self {
            messages: Vec::new(),
            files: Vec::new(),
            channel: json!({
                "id": "6", "type": 0, "guild_id": "5", "name": "status", "parent_id": "3",
                "permission_overwrites": [{ "id": "5", "type": 0, "allow": "0", "deny": "2048" }, { "id": "8", "type": 0, "allow": "2048", "deny": "0" }],
            }),
            parent: Value::Null,
            // Seeing and reading for everybody, files for the bot's role.
            roles: json!([{ "id": "5", "permissions": "66560" }, { "id": "8", "permissions": "32768" }]),
            member: json!({ "roles": ["8"], "user": { "id": BOT }, "communication_disabled_until": null }),
            remembers: true,
            lags: false,
            rest: None,
            nonces: Vec::new(),
            made: 0,
            pins: Vec::new(),
            may_pin: true,
        }
    }

    /// The own messages in the channel.
    pub(super) fn copies(&self) -> usize {
        self.messages.iter().filter(|m| m["author"]["id"] == BOT).count()
    }

    fn post(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let mut fields = vec!["allowed_mentions", "content", "enforce_nonce", "flags", "nonce"];
        let answers = String::from_utf8_lossy(&asked.content).contains("message_reference");
        if answers {
            fields.insert(4, "message_reference");
        }
        let (sent, files) = match posted(asked, &fields, faults) {
            Ok(posted) => posted,
            Err(refusal) => return refusal,
        };
        let nonce = sent["nonce"].as_str().unwrap_or_default().to_owned();
        if nonce.is_empty() || nonce.len() > 25 || sent["enforce_nonce"] != true {
            faults.push(format!("nonce: {sent}"));
        }
        if let Some((_, first)) = self.nonces.iter().find(|(n, _)| *n == nonce && self.remembers) {
            return good(first.clone());
        }
        let reference = &sent["message_reference"];
        let is_there = |id: &Value| self.messages.iter().any(|m| m["id"] == *id);
        if answers && !is_there(&reference["message_id"]) {
            return wrong(400, 50_035, "Unknown message");
        }
        if answers && (reference["fail_if_not_exists"] != true || reference.as_object().unwrap().len() != 2) {
            faults.push(format!("a reply: {sent}"));
        }
        self.files.extend(files);
        let attachments = sent["attachments"].as_array().map_or(0, Vec::len);
        let mut message = self.say(BOT, sent["content"].as_str().unwrap(), attachments);
        if let Some(last) = self.messages.last_mut().filter(|_| answers) {
            last["type"] = 19.into();
            last["message_reference"] = json!({ "type": 0, "channel_id": "6", "message_id": sent["message_reference"]["message_id"] });
            message = last.clone();
        }
        // Only the answer to the post tells it.
        message["nonce"] = nonce.clone().into();
        self.nonces.push((nonce, message.clone()));
        good(message)
    }

    /// Somebody writes in the channel.
    pub(super) fn say(&mut self, author: &str, text: &str, attachments: usize) -> Value {
        self.made += 1;
        let time = chrono::DateTime::from_timestamp(1_700_000_100, 0).unwrap();
        let files: Vec<Value> = (0..attachments).map(|n| json!({ "id": n.to_string() })).collect();
        let message = json!({
            "id": (id_at(time) + self.made).to_string(), "channel_id": "6", "type": 0, "content": text.trim(),
            "author": { "id": author, "bot": author == BOT }, "attachments": files, "embeds": [],
        });
        self.messages.push(message.clone());
        message
    }

    fn list(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        if !asked.query.contains_key("after") {
            return self.newest(asked, faults);
        }
        let query = |name: &str| asked.query.get(name).map_or("", String::as_str);
        let (after, limit) = (query("after").parse::<u64>(), query("limit").parse::<usize>());
        let (Ok(after), Ok(limit @ 1..=100), 2) = (after, limit, asked.query.len()) else {
            faults.push(format!("query: {:?}", asked.query));
            return wrong(400, 50_035, "Invalid Form Body");
        };
        let id = |m: &Value| m["id"].as_str().unwrap().parse::<u64>().unwrap();
        let new = self.messages.iter().filter(|m| !self.lags && id(m) > after);
        // Short pages, so that turning them is tested; each has the newest first.
        let mut page: Vec<Value> = new.take(limit.min(3)).cloned().collect();
        page.reverse();
        let rest = |seconds| format!("X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset-After: {seconds}\r\n");
        (200, self.rest.map_or(String::new(), rest), page.into())
    }

    /// A page of the newest, or of what is before one. Who may not read the history gets nothing.
    fn newest(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let before = asked.query.get("before").map_or(Ok(u64::MAX), |before| before.parse::<u64>());
        let known = 1 + usize::from(asked.query.contains_key("before"));
        let (Ok(before), Some("100"), true) =
            (before, asked.query.get("limit").map(String::as_str), asked.query.len() == known)
        else {
            faults.push(format!("query: {:?}", asked.query));
            return wrong(400, 50_035, "Invalid Form Body");
        };
        let may = self.roles[0]["permissions"].as_str().unwrap().parse::<u64>().unwrap() & 65_536 != 0;
        let id = |m: &Value| m["id"].as_str().unwrap().parse::<u64>().unwrap();
        let all = self.messages.iter().rev().filter(|m| may && id(m) < before);
        let page: Vec<Value> = all.take(3).cloned().collect();
        let rest = |seconds| format!("X-RateLimit-Remaining: 0\r\nX-RateLimit-Reset-After: {seconds}\r\n");
        (200, self.rest.map_or(String::new(), rest), page.into())
    }

    fn delete(&mut self, id: &str) -> Said {
        match self.messages.iter().position(|m| m["id"] == id) {
            None => wrong(404, 10_008, "Unknown Message"),
            Some(at) if self.messages[at]["author"]["id"] != BOT => wrong(403, 50_013, "Missing Permissions"),
            Some(at) => {
                self.messages.remove(at);
                self.pins.retain(|pinned| pinned != id);
                (204, String::new(), Value::Null)
            }
        }
    }

    fn show(&self, id: &str) -> Said {
        let found = self.messages.iter().find(|m| m["id"] == id);
        found.map_or_else(|| wrong(404, 10_008, "Unknown Message"), |message| good(message.clone()))
    }

    fn change(&mut self, id: &str, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let (sent, _) = match posted(asked, &["allowed_mentions", "content", "flags"], faults) {
            Ok(posted) => posted,
            Err(refusal) => return refusal,
        };
        if sent.get("attachments").is_some() {
            faults.push("what a change names takes the place of the pictures".to_owned());
        }
        match self.messages.iter_mut().find(|m| m["id"] == id) {
            None => wrong(404, 10_008, "Unknown Message"),
            Some(message) if message["author"]["id"] != BOT => {
                wrong(403, 50_005, "Cannot edit a message authored by another user")
            }
            Some(message) => {
                message["content"] = sent["content"].as_str().unwrap().trim().into();
                message["edited_timestamp"] = "2023-11-14T22:15:00+00:00".into();
                good(message.clone())
            }
        }
    }

    fn pin(&mut self, id: &str, up: bool) -> Said {
        match self.messages.iter().any(|m| m["id"] == id) {
            false => wrong(404, 10_008, "Unknown Message"),
            true if !self.may_pin => wrong(403, 50_013, "Missing Permissions"),
            true => {
                self.pins.retain(|pinned| pinned != id);
                self.pins.extend(up.then(|| id.to_owned()));
                (204, String::new(), Value::Null)
            }
        }
    }
}

impl Network for Api {
    fn makes(method: &str, _: &str) -> bool {
        method == "POST"
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        look(asked, faults);
        if asked.header("authorization") != format!("Bot {TOKEN}") {
            return wrong(401, 0, "401: Unauthorized");
        }
        let path: Vec<&str> = asked.path.split('/').skip(3).collect();
        match (asked.method.as_str(), path.as_slice()) {
            ("GET", ["users", "@me"]) => good(json!({ "id": BOT, "username": "Bank\u{7}", "bot": true })),
            ("GET", ["channels", "6"]) => good(self.channel.clone()),
            ("GET", ["channels", "4"]) if !self.parent.is_null() => good(self.parent.clone()),
            ("GET", ["guilds", "5", "roles"]) => good(self.roles.clone()),
            ("GET", ["guilds", "5", "members", BOT]) => good(self.member.clone()),
            ("POST", ["channels", "6", "messages"]) => self.post(asked, faults),
            ("GET", ["channels", "6", "messages"]) => self.list(asked, faults),
            ("DELETE", ["channels", "6", "messages", id]) => self.delete(id),
            ("GET", ["channels", "6", "messages", id]) => self.show(id),
            ("PATCH", ["channels", "6", "messages", id]) => self.change(id, asked, faults),
            ("PUT", ["channels", "6", "messages", "pins", id]) => self.pin(id, true),
            ("DELETE", ["channels", "6", "messages", "pins", id]) => self.pin(id, false),
            (_, ["channels", ..]) => wrong(404, 10_003, "Unknown Channel"),
            _ => wrong(405, 0, "405: Method Not Allowed"),
        }
    }
}
