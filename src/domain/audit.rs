//! Entries of the audit log, and the exact bytes that the tree holds.

use chrono::{DateTime, SecondsFormat, TimeZone, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::clock::Millis;

/// Most bytes of one entry: an entry bundle gives its length in 16 bits
/// (C2SP tlog-tiles, "Log Entries").
pub const MAX_ENTRY: usize = 65_535;

/// Most bytes of a value that stays in an entry that is too long: with seven such values it fits.
const LONGEST_KEPT: u64 = 4_096;

/// One fact of the log: what changed, before and after.
#[derive(Debug, Clone)]
pub struct Entry {
    verb: String,
    subject: String,
    before: Option<Box<RawValue>>,
    after: Option<Box<RawValue>>,
    note: Option<String>,
}

/// What a reader of the log learns from a leaf whose form is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    pub at: String,
    /// Empty when the verb was too long for the log.
    pub verb: String,
}

/// A leaf that is short enough, with its fields in the order of their names.
#[derive(Serialize)]
struct Whole<'a> {
    actor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<&'a RawValue>,
    at: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    origin: &'a str,
    seq: u64,
    subject: &'a str,
    verb: &'a str,
}

/// The form of a leaf: these fields, each once, and no other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Leaf {
    seq: u64,
    at: String,
    actor: Text,
    origin: Text,
    verb: Text,
    subject: Text,
    #[serde(default)]
    #[expect(dead_code, reason = "any value may stand here")]
    before: IgnoredAny,
    #[serde(default)]
    #[expect(dead_code, reason = "any value may stand here")]
    after: IgnoredAny,
    note: Option<Text>,
}

/// Words, or what stands for them when they were too long.
#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Whole(String),
    Digest(Digested),
}

/// See [`digest`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Digested {
    sha256: String,
    bytes: u64,
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
        self.before = sorted(value);
        self
    }

    /// How it is after the change.
    #[must_use]
    pub fn after(mut self, value: &impl Serialize) -> Self {
        self.after = sorted(value);
        self
    }

    /// The same, for the entries of which there are thousands a second: the fields of `value` are
    /// declared in the order of their names, so that nothing has to be sorted.
    #[must_use]
    pub fn after_in_order(mut self, value: &impl Serialize) -> Self {
        self.after = to_raw_value(value).ok();
        debug_assert_eq!(
            self.after.as_ref().map(|v| v.get()),
            sorted(value).as_ref().map(|v| v.get()),
            "the fields are not in the order of their names"
        );
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
        let at = written(Utc.timestamp_millis_opt(stamp.at).single().unwrap_or_default());
        let whole = Whole {
            actor: &stamp.actor,
            after: self.after.as_deref(),
            at: &at,
            before: self.before.as_deref(),
            note: self.note.as_deref(),
            origin: &stamp.origin,
            seq,
            subject: &self.subject,
            verb: &self.verb,
        };
        let whole = serde_json::to_vec(&whole).expect("a JSON value always serialises");
        if whole.len() <= MAX_ENTRY { whole } else { self.shortened(seq, stamp, &at) }
    }

    fn shortened(&self, seq: u64, stamp: &Stamp, at: &str) -> Vec<u8> {
        let mut map = Map::new();
        map.insert("seq".into(), json!(seq));
        map.insert("at".into(), json!(at));
        for (name, text) in [
            ("actor", &stamp.actor),
            ("origin", &stamp.origin),
            ("verb", &self.verb),
            ("subject", &self.subject),
        ] {
            map.insert(name.into(), digest(&json!(text)));
        }
        for (name, value) in [("before", &self.before), ("after", &self.after)] {
            if let Some(value) = value {
                map.insert(name.into(), digest(&json!(value)));
            }
        }
        if let Some(note) = &self.note {
            map.insert("note".into(), digest(&json!(note)));
        }
        serde_json::to_vec(&Value::Object(map)).expect("a JSON value always serialises")
    }
}

/// The value as JSON whose keys are sorted.
fn sorted(value: &impl Serialize) -> Option<Box<RawValue>> {
    serde_json::to_value(value).and_then(|v| to_raw_value(&v)).ok()
}

/// Reads the leaf at a place of the log.
///
/// # Errors
/// A sentence: the leaf has not the form of [`Entry::encode`], or says that it is elsewhere.
pub fn read_leaf(bytes: &[u8], seq: u64) -> Result<Facts, String> {
    let text = std::str::from_utf8(bytes).map_err(|e| format!("entry {seq} is not UTF-8: {e}"))?;
    let leaf: Leaf = serde_json::from_str(text).map_err(|e| format!("entry {seq} cannot be read: {e}"))?;
    if leaf.seq != seq {
        return Err(format!("entry {seq} says that it is number {}", leaf.seq));
    }
    let at = DateTime::parse_from_rfc3339(&leaf.at).map(|at| written(at.to_utc()));
    if at.as_ref() != Ok(&leaf.at) {
        return Err(format!("entry {seq} has no time in UTC with milliseconds: {}", leaf.at));
    }
    let texts = [&leaf.actor, &leaf.origin, &leaf.verb, &leaf.subject].into_iter().chain(&leaf.note);
    if !texts.into_iter().all(Text::is_sound) {
        return Err(format!("entry {seq} has a text whose hash is none"));
    }
    let verb = if let Text::Whole(verb) = leaf.verb { verb } else { String::new() };
    Ok(Facts { at: leaf.at, verb })
}

impl Text {
    fn is_sound(&self) -> bool {
        let Self::Digest(Digested { sha256, bytes }) = self else { return true };
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        *bytes > LONGEST_KEPT && sha256.len() == 64 && sha256.bytes().all(hex)
    }
}

/// A time as leaves write it.
fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Stands for a value that is too long to be in the log itself. Short values stay.
fn digest(value: &Value) -> Value {
    let bytes = serde_json::to_vec(value).expect("a JSON value always serialises");
    if bytes.len() as u64 <= LONGEST_KEPT {
        return value.clone();
    }
    json!({ "sha256": hex::encode(Sha256::digest(&bytes)), "bytes": bytes.len() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
    fn every_field_stands_in_the_order_of_the_names() {
        let entry =
            Entry::new("post.edited", "post:1").before(&1).after(&json!({"z": 1, "a": 2})).note("why");
        let bytes = entry.encode(7, &stamp());
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value.as_object().unwrap().len(), 9);
        assert_eq!(serde_json::to_vec(&value).unwrap(), bytes, "a map of values is sorted");
    }

    #[test]
    fn a_long_value_is_replaced_by_its_hash() {
        let bytes = Entry::new("post.created", "post:1").after(&"x".repeat(70_000)).encode(0, &stamp());
        assert!(bytes.len() < MAX_ENTRY);
        assert!(String::from_utf8(bytes).unwrap().contains("\"sha256\""));
    }

    #[test]
    fn the_worst_texts_still_fit() {
        let bad = "\u{1}".repeat(100_000);
        let stamp = Stamp { at: i64::MAX, actor: bad.clone(), origin: bad.clone() };
        let entry = Entry::new(&bad, &bad).before(&bad).after(&bad).note(&bad);
        assert!(entry.encode(u64::MAX, &stamp).len() <= MAX_ENTRY);
        // Just short enough to be kept, seven times over.
        let full = "x".repeat(4_094);
        let stamp = Stamp { at: 0, actor: full.clone(), origin: full.clone() };
        let entry = Entry::new(&full, &full).before(&bad).after(&full).note(&full);
        assert!(entry.encode(0, &stamp).len() <= MAX_ENTRY);
    }

    #[test]
    fn a_leaf_is_read_back_at_its_own_place_only() {
        let long = "x".repeat(70_000);
        for entry in
            [Entry::new("post.created", "post:1").note("why"), Entry::new("a.b", &long).before(&long)]
        {
            let bytes = entry.encode(7, &stamp());
            assert_eq!(read_leaf(&bytes, 7).unwrap().verb, entry.verb());
            assert!(read_leaf(&bytes, 8).unwrap_err().contains("number 7"));
        }
    }

    #[test]
    fn other_forms_are_no_leaves() {
        let good = String::from_utf8(Entry::new("a.b", "c:d").encode(7, &stamp()).clone()).unwrap();
        for (from, to) in [
            ("\"verb\":\"a.b\"", "\"verb\":\"a.b\",\"verb\":\"a.b\""),
            ("\"verb\":\"a.b\"", "\"verb\":\"a.b\",\"more\":1"),
            (",\"verb\":\"a.b\"", ""),
            ("\"a.b\"", "7"),
            ("\"a.b\"", "{\"bytes\":5000,\"sha256\":\"00\"}"),
            (".123Z", "Z"),
            ("T22:", "T25:"),
            ("\"seq\":7", "\"seq\":\"7\""),
            ("}", "}}"),
        ] {
            assert!(read_leaf(good.replace(from, to).as_bytes(), 7).is_err(), "{to}");
        }
    }

    proptest! {
        #[test]
        fn a_leaf_that_was_changed_is_read_or_refused_in_words(
            at in any::<prop::sample::Index>(), with in any::<u8>(), cut in proptest::option::of(any::<prop::sample::Index>()),
        ) {
            let mut leaf = Entry::new("post.created", "post:1").after(&json!({"b": 1})).note("why").encode(7, &stamp());
            let at = at.index(leaf.len());
            leaf[at] = with;
            if let Some(cut) = cut {
                leaf.truncate(cut.index(leaf.len()));
            }
            match read_leaf(&leaf, 7) {
                Ok(facts) => prop_assert_eq!(facts.at.len(), "2023-11-14T22:13:20.123Z".len()),
                Err(why) => prop_assert!(why.starts_with("entry 7 "), "{}", why),
            }
        }
    }
}
