//! A strict homeserver in miniature, for tests.

use std::collections::HashMap;

use serde_json::{Value, json};

use crate::strict::{Asked, Network, Said, good};

pub const TOKEN: &str = "syt_hunter2_a";
pub const ROOM: &str = "!room:bank.example";
pub const ME: &str = "@bank:bank.example";

/// A homeserver as far as it is used: one account with two devices, one room.
#[derive(Clone)]
pub struct Api {
    /// The oldest first.
    pub events: Vec<Value>,
    pub transactions: HashMap<(String, String), String>,
    pub state: HashMap<&'static str, Value>,
    /// Whether an event is not among the messages yet.
    pub lags: bool,
    /// Whether redactions are taken without effect.
    pub stubborn: bool,
    /// Whether nothing is told of what replaced an event that was taken down.
    pub forgets: bool,
    pub uploads: usize,
    /// Most bytes of an upload; an old server tells them at another address.
    pub most: Option<u64>,
    pub old: bool,
}

impl Api {
    pub fn new() -> Self {
        let create = json!({ "sender": "@maker:bank.example", "content": { "room_version": "11" } });
        let member = json!({ "membership": "join" });
        let state = HashMap::from([("m.room.create", create), ("m.room.member", member)]);
        Self {
            events: Vec::new(),
            transactions: HashMap::new(),
            state,
            lags: false,
            stubborn: false,
            forgets: false,
            uploads: 0,
            most: Some(1_000_000),
            old: false,
        }
    }

    pub fn with(state: &[(&'static str, Value)]) -> Self {
        let mut api = Self::new();
        api.state.extend(state.iter().cloned());
        api
    }

    pub fn shown(&self) -> usize {
        self.events.iter().filter(|e| e["unsigned"]["redacted_because"].is_null()).count()
    }

    pub fn redact(&mut self, id: &str, by: &str, content: &Value) {
        for event in self.events.iter_mut().filter(|e| e["event_id"] == id) {
            event["content"] = json!({});
            let because = json!({ "type": "m.room.redaction", "sender": by, "content": content });
            event["unsigned"]["redacted_because"] = because;
        }
    }
}

fn wrong(status: u16, code: &str) -> Said {
    (status, String::new(), json!({ "errcode": code, "error": format!("no, {TOKEN}") }))
}

/// A message.
pub fn event(n: usize, sender: &str, content: Value) -> Value {
    json!({ "type": "m.room.message", "event_id": format!("$e{n}"), "sender": sender,
        "origin_server_ts": 1_700_000_060_000_i64 + i64::try_from(n).unwrap(), "content": content, "unsigned": {} })
}

impl Network for Api {
    fn makes(method: &str, path: &str) -> bool {
        method == "PUT" && path.contains("/send/")
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let Some(device) = asked.header("authorization").strip_prefix("Bearer syt_hunter2_") else {
            return wrong(401, "M_UNKNOWN_TOKEN");
        };
        if asked.method == "PUT" && asked.header("content-type") != "application/json" {
            faults.push("a body of another type".to_owned());
        }
        let parts: Vec<&str> = asked.path.trim_start_matches("/_matrix/").split('/').collect();
        match (asked.method.as_str(), parts.as_slice()) {
            ("GET", ["client", "v3", "account", "whoami"]) => {
                good(json!({ "user_id": ME, "device_id": device }))
            }
            ("GET", ["client", "v1", "media", "config"]) if !self.old => {
                good(json!({ "m.upload.size": self.most }))
            }
            ("GET", ["media", "v3", "config"]) if self.old => good(json!({ "m.upload.size": self.most })),
            ("POST", ["media", "v3", "upload"]) => {
                self.uploads += 1;
                if asked.header("content-type") != "image/png" || asked.query["filename"] != "picture.png" {
                    faults.push("an upload without its type and name".to_owned());
                }
                good(json!({ "content_uri": format!("mxc://bank.example/m{}", self.uploads) }))
            }
            ("GET", ["client", "v1", "rooms", ROOM, "relations", id, "m.replace"]) => {
                // One at a time, so that who asks has to go on.
                let from: usize = asked.query.get("from").map_or(0, |from| from.parse().unwrap());
                let is_down =
                    |e: &&Value| e["event_id"] == **id && !e["unsigned"]["redacted_because"].is_null();
                let forgotten = self.forgets && self.events.iter().any(|e| is_down(&e));
                let relates = |e: &&Value| e["content"]["m.relates_to"]["event_id"] == **id && !forgotten;
                let all: Vec<_> = self.events.iter().filter(relates).skip(from).collect();
                let mut told = json!({ "chunk": all.iter().take(1).collect::<Vec<_>>() });
                if all.len() > 1 {
                    told["next_batch"] = (from + 1).to_string().into();
                }
                good(told)
            }
            (method, ["client", "v3", "rooms", ROOM, rest @ ..]) => match (method, rest) {
                ("PUT", ["send", "m.room.message", id]) => self.send(device, id, &asked.json(), faults),
                ("PUT", ["redact", id, _]) => {
                    if !self.stubborn {
                        self.redact(id, ME, &asked.json());
                    }
                    good(json!({ "event_id": "$redaction" }))
                }
                ("GET", ["event", id]) => {
                    let found = self.events.iter().find(|e| e["event_id"] == **id);
                    found.map_or_else(|| wrong(404, "M_NOT_FOUND"), |e| good(e.clone()))
                }
                ("GET", ["messages"]) => self.messages(asked, device, faults),
                ("GET", ["state", kind, key]) => {
                    if *key != if *kind == "m.room.member" { ME } else { "" } {
                        faults.push(format!("state {kind} of {key}"));
                    }
                    self.state.get(kind).map_or_else(|| wrong(404, "M_NOT_FOUND"), |s| good(s.clone()))
                }
                _ => wrong(404, "M_UNRECOGNIZED"),
            },
            ("PUT" | "GET", ["client", "v3", "rooms", ..]) => wrong(403, "M_FORBIDDEN"),
            _ => wrong(404, "M_UNRECOGNIZED"),
        }
    }
}

impl Api {
    fn send(&mut self, device: &str, id: &str, sent: &Value, faults: &mut Vec<String>) -> Said {
        let names: Vec<&String> = sent.as_object().unwrap().keys().collect();
        let plain = ["body", "holdline.delivery", "m.mentions", "msgtype"];
        let with_pictures =
            ["body", "format", "formatted_body", "holdline.delivery", "m.mentions", "msgtype"];
        let of_a_change =
            ["body", "holdline.delivery", "m.mentions", "m.new_content", "m.relates_to", "msgtype"];
        let known = names == plain || names == with_pictures || names == of_a_change;
        if !known || sent["m.mentions"] != json!({}) {
            faults.push(format!("fields: {sent}"));
        }
        if sent.to_string().len() > 65_536 - 3_000 {
            return wrong(413, "M_TOO_LARGE");
        }
        let key = (device.to_owned(), id.to_owned());
        if let Some(first) = self.transactions.get(&key) {
            return good(json!({ "event_id": first }));
        }
        let mut event = event(self.events.len() + 1, ME, sent.clone());
        event["unsigned"] = json!({ "transaction_id": id, "device": device });
        let made = event["event_id"].as_str().unwrap().to_owned();
        self.transactions.insert(key, made.clone());
        self.events.push(event);
        good(json!({ "event_id": made }))
    }

    fn messages(&self, asked: &Asked, device: &str, faults: &mut Vec<String>) -> Said {
        let query = |name: &str| asked.query.get(name).map_or("", String::as_str);
        let filter: Value = serde_json::from_str(query("filter")).unwrap();
        let types = filter["types"].as_array().cloned().unwrap_or_default();
        if query("dir") != "b" || query("limit") != "50" || !types.contains(&json!("m.room.message")) {
            faults.push("an odd look".to_owned());
        }
        let by = |e: &Value| filter["senders"].as_array().is_none_or(|all| all.contains(&e["sender"]));
        let wanted = |e: &&Value| types.contains(&e["type"]) && by(e);
        let all: Vec<&Value> = self.events.iter().rev().filter(|_| !self.lags).filter(wanted).collect();
        let from: usize = query("from").parse().unwrap_or(0);
        // Short pages, so that turning them is tested.
        let page = all.iter().skip(from).take(3).map(|e| {
            let mut e = (*e).clone();
            if e["unsigned"]["device"] != device {
                e["unsigned"].as_object_mut().unwrap().remove("transaction_id");
            }
            e
        });
        let mut told = json!({ "chunk": page.collect::<Vec<_>>(), "start": "0" });
        if from + 3 < all.len() {
            told["end"] = (from + 3).to_string().into();
        }
        good(told)
    }
}
