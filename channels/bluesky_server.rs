//! A strict server of Bluesky in miniature, for tests: the records of one account.
//!
//! Sources: the lexicons `com.atproto.repo.*`, `com.atproto.server.*` and `app.bsky.feed.post`,
//! <https://atproto.com/specs/tid>.

use std::collections::BTreeMap;

use chrono::DateTime;
use serde_json::{Value, json};

use super::{LATER, PASSWORD, token};
use crate::bluesky::POSTS;
use crate::strict::{Asked, Network, Said, good};
use crate::text::{Unit, count};

pub const DID: &str = "did:plc:bank";

/// What the server keeps of the account.
#[derive(Clone, Default)]
pub struct Pds {
    /// By collection and key.
    records: BTreeMap<(String, String), Value>,
    blobs: usize,
}

fn wrong(status: u16, error: &str) -> Said {
    (status, String::new(), json!({ "error": error, "message": format!("not so, {PASSWORD}") }))
}

/// The name of what a record holds.
fn cid(value: &Value) -> String {
    format!("bafy{}", &crate::hash(value.to_string().as_bytes())[..20])
}

impl Pds {
    /// The words of the posts that are there.
    pub fn texts(&self) -> Vec<String> {
        let posts = self.records.iter().filter(|((collection, _), _)| collection == POSTS);
        posts.map(|(_, value)| value["text"].as_str().unwrap().to_owned()).collect()
    }

    pub fn copies(&self) -> usize {
        self.texts().len()
    }

    fn shown(&self, collection: &str, key: &str) -> Option<Value> {
        let value = self.records.get(&(collection.to_owned(), key.to_owned()))?;
        let uri = format!("at://{DID}/{collection}/{key}");
        Some(json!({ "uri": uri, "cid": cid(value), "value": value }))
    }

    /// Whether that is a post which is there, as it is.
    fn is_there(&self, named: &Value) -> bool {
        let path = named["uri"].as_str().and_then(|uri| uri.strip_prefix(&format!("at://{DID}/")));
        let found = path.and_then(|path| path.split_once('/')).and_then(|(c, key)| self.shown(c, key));
        found.is_some_and(|found| found["cid"] == named["cid"])
    }

    /// What the lexicon of a post asks for.
    fn faults_of(&self, post: &Value) -> Vec<&'static str> {
        let text = post["text"].as_str().unwrap_or_default();
        let at = post["createdAt"].as_str().map(DateTime::parse_from_rfc3339);
        let facets = post["facets"].as_array().cloned().unwrap_or_default();
        let is_within = |facet: &Value| {
            let place = |name: &str| facet["index"][name].as_u64().map(|n| usize::try_from(n).unwrap());
            place("byteStart").zip(place("byteEnd")).is_some_and(|(a, b)| text.get(a..b).is_some())
        };
        let reply = &post["reply"];
        [
            ("its kind", post["$type"] == POSTS),
            ("its words", !text.is_empty()),
            ("its length", count(text, Unit::Graphemes) <= 300 && text.len() <= 3_000),
            ("its time", at.is_some_and(|at| at.is_ok())),
            ("its languages", post["langs"].as_array().is_some_and(|all| all.len() <= 3)),
            ("its marks", facets.iter().all(is_within)),
            ("what it answers", reply.is_null() || self.answers(reply)),
        ]
        .into_iter()
        .filter_map(|(what, is_right)| (!is_right).then_some(what))
        .collect()
    }

    fn answers(&self, reply: &Value) -> bool {
        self.is_there(&reply["root"]) && self.is_there(&reply["parent"])
    }

    fn put(&mut self, sent: &Value, faults: &mut Vec<String>) -> Said {
        let (collection, key) = (sent["collection"].as_str().unwrap(), sent["rkey"].as_str().unwrap());
        let letter = |c: char| matches!(c, '2'..='7' | 'a'..='z');
        let is_timed = key.len() == 13 && key.chars().all(letter) && key.starts_with(|c| c <= 'j');
        if sent["repo"] != DID || (collection == POSTS && !is_timed) {
            faults.push(format!("a record of nobody: {sent}"));
        }
        let there = self.shown(collection, key).map_or(Value::Null, |found| found["cid"].clone());
        match sent.get("swapRecord") {
            // Without it what is there is written over.
            None => faults.push("a record that replaces another".to_owned()),
            Some(swap) if *swap != there => return wrong(400, "InvalidSwap"),
            Some(_) => {}
        }
        let record = &sent["record"];
        if collection == POSTS {
            faults.extend(self.faults_of(record).into_iter().map(|what| format!("{what}: {record}")));
        }
        self.records.insert((collection.to_owned(), key.to_owned()), record.clone());
        let shown = self.shown(collection, key).unwrap();
        good(json!({ "uri": shown["uri"], "cid": shown["cid"], "validationStatus": "valid" }))
    }

    fn get(&self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let named = |name: &str| asked.query.get(name).map_or("", String::as_str);
        if ![DID, "bank.test"].contains(&named("repo")) {
            faults.push(format!("a record of {}", named("repo")));
        }
        self.shown(named("collection"), named("rkey")).map_or_else(|| wrong(400, "RecordNotFound"), good)
    }
}

fn session() -> Value {
    json!({ "did": DID, "handle": "bank.test", "active": true, "accessJwt": token(LATER, "hunter2access"),
        "refreshJwt": token(1_800_000_000, "hunter2refresh") })
}

impl Network for Pds {
    fn makes(_: &str, path: &str) -> bool {
        path.ends_with("/com.atproto.repo.putRecord")
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        let method = asked.path.strip_prefix("/xrpc/").unwrap_or_default();
        // Everybody may read; to write, or to ask for the session, one is logged in.
        let is_open =
            matches!(method, "com.atproto.server.createSession" | "com.atproto.identity.resolveHandle")
                || method.ends_with("Record") && asked.method == "GET";
        let bearer = format!("Bearer {}", token(LATER, "hunter2access"));
        if asked.header("authorization") != if is_open { "" } else { &bearer } {
            faults.push(format!("who asks for {method}?"));
        }
        let is_json = asked.header("content-type") == "application/json";
        if asked.method == "POST" && !is_json && !method.ends_with("uploadBlob") {
            faults.push(format!("{method} takes JSON"));
        }
        let sent = asked.json();
        match (asked.method.as_str(), method) {
            ("POST", "com.atproto.server.createSession") => {
                match sent == json!({ "identifier": "bank.test", "password": PASSWORD }) {
                    true => good(session()),
                    false => wrong(401, "AuthenticationRequired"),
                }
            }
            ("GET", "com.atproto.server.getSession") => good(session()),
            ("GET", "com.atproto.identity.resolveHandle") => wrong(400, "InvalidRequest"),
            ("POST", "com.atproto.repo.putRecord") => self.put(&sent, faults),
            ("GET", "com.atproto.repo.getRecord") => self.get(asked, faults),
            ("POST", "com.atproto.repo.deleteRecord") => {
                let named = |name: &str| sent[name].as_str().unwrap().to_owned();
                self.records.remove(&(named("collection"), named("rkey")));
                good(json!({ "commit": { "cid": "bafyc", "rev": "3k2a" } }))
            }
            ("POST", "com.atproto.repo.uploadBlob") => {
                self.blobs += 1;
                let kind = asked.header("content-type");
                good(json!({ "blob": { "$type": "blob", "ref": { "$link": format!("bafyb{}", self.blobs) },
                    "mimeType": kind, "size": asked.content.len() } }))
            }
            _ => wrong(501, "MethodNotImplemented"),
        }
    }
}
