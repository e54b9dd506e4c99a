//! Entries of the audit log, and the exact bytes that the tree holds.

use chrono::{SecondsFormat, TimeZone, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::clock::Millis;

/// Most bytes of one entry: an entry bundle gives its length in 16 bits
/// (C2SP tlog-tiles, "Log Entries").
pub const MAX_ENTRY: usize = 65_535;

/// One fact of the log: what changed, before and after.
#[derive(Debug, Clone)]
pub struct Entry {
    verb: String,
    subject: String,
    before: Option<Value>,
    after: Option<Value>,
    note: Option<String>,
}

/// Who changed it, when, and from where: the same for all entries of one change.
#[derive(Debug, Clone)]
pub struct Stamp {
    pub at: Millis,
    pub actor: String,
    pub origin: String,
}

impl Entry {
    /// A fact such as `freeze.committed` about a subject such as `freeze:ID`.
    pub fn new(verb: &str, subject: &str) -> Self {
        Self { verb: verb.into(), subject: subject.into(), before: None, after: None, note: None }
    }

    /// How it was before the change.
    #[must_use]
    pub fn before(mut self, value: &impl Serialize) -> Self {
        self.before = serde_json::to_value(value).ok();
        self
    }

    /// How it is after the change.
    #[must_use]
    pub fn after(mut self, value: &impl Serialize) -> Self {
        self.after = serde_json::to_value(value).ok();
        self
    }

    /// A reason or comment in words.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.note = Some(text.into());
        self
    }

    /// What happened.
    pub fn verb(&self) -> &str {
        &self.verb
    }

    /// To what it happened.
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The leaf's bytes: JSON with sorted keys. What would make it too long for an entry bundle is
    /// replaced by its hash and length.
    pub fn encode(&self, seq: u64, stamp: &Stamp) -> Vec<u8> {
        let full = self.json(seq, stamp, |v| v.clone());
        if full.len() <= MAX_ENTRY {
            return full;
        }
        self.json(seq, stamp, digest)
    }

    fn json(&self, seq: u64, stamp: &Stamp, keep: impl Fn(&Value) -> Value) -> Vec<u8> {
        let at = Utc.timestamp_millis_opt(stamp.at).single().unwrap_or_default();
        let mut map = Map::new();
        map.insert("seq".into(), json!(seq));
        map.insert("at".into(), json!(at.to_rfc3339_opts(SecondsFormat::Millis, true)));
        map.insert("actor".into(), json!(stamp.actor));
        map.insert("origin".into(), json!(stamp.origin));
        map.insert("verb".into(), json!(self.verb));
        map.insert("subject".into(), json!(self.subject));
        for (name, value) in [("before", &self.before), ("after", &self.after)] {
            if let Some(value) = value {
                map.insert(name.into(), keep(value));
            }
        }
        if let Some(note) = &self.note {
            map.insert("note".into(), keep(&json!(note)));
        }
        serde_json::to_vec(&Value::Object(map)).expect("a JSON value always serialises")
    }
}

/// Stands for a value that is too long to be in the log itself. Short values stay.
fn digest(value: &Value) -> Value {
    let bytes = serde_json::to_vec(value).expect("a JSON value always serialises");
    if bytes.len() <= 4_096 {
        return value.clone();
    }
    json!({ "sha256": hex::encode(Sha256::digest(&bytes)), "bytes": bytes.len() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> Stamp {
        Stamp { at: 1_700_000_000_123, actor: "p1".into(), origin: "127.0.0.1".into() }
    }

    #[test]
    fn an_entry_is_json_with_sorted_keys() {
        let bytes = Entry::new("post.created", "post:1").after(&json!({"b": 1, "a": 2})).encode(7, &stamp());
        assert_eq!(
            String::from_utf8(bytes).unwrap(),
            r#"{"actor":"p1","after":{"a":2,"b":1},"at":"2023-11-14T22:13:20.123Z","origin":"127.0.0.1","seq":7,"subject":"post:1","verb":"post.created"}"#
        );
    }

    #[test]
    fn a_long_value_is_replaced_by_its_hash() {
        let bytes = Entry::new("post.created", "post:1").after(&"x".repeat(70_000)).encode(0, &stamp());
        assert!(bytes.len() < MAX_ENTRY);
        assert!(String::from_utf8(bytes).unwrap().contains("\"sha256\""));
    }
}
