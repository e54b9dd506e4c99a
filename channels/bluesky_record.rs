//! The record of a post, and what names it. Pure.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, SecondsFormat, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Digest;

use super::POSTS;
use super::facets::facets;
use crate::{Job, Receipt, watch};

/// A record as the server names it: its address and the hash of its content.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Record {
    pub uri: String,
    #[serde(default)]
    pub cid: String,
    #[serde(default)]
    pub value: Value,
}

/// What a post refers to, learned from the server before it is made.
#[derive(Default)]
pub(super) struct Around {
    /// The pictures that were sent up.
    pub images: Vec<Value>,
    /// The ids of the accounts that the text names.
    pub accounts: HashMap<String, String>,
}

/// A list of records.
#[derive(Deserialize)]
pub(super) struct List {
    pub records: Vec<Record>,
}

/// A post that is there, as everybody sees it. Its time is the word of whoever made it.
pub(super) fn seen(found: Record) -> watch::Seen {
    let text = match (&found.value["text"], &found.value["subject"]["uri"]) {
        (Value::String(text), _) => text.clone(),
        (_, Value::String(uri)) => format!("shows again: {uri}"),
        _ => String::new(),
    };
    let at = found.value["createdAt"].as_str().and_then(|at| DateTime::parse_from_rfc3339(at).ok());
    let Receipt { remote_id: id, url, .. } = receipt(found.uri);
    watch::Seen { id, at: at.map(|at| at.with_timezone(&Utc)), url, words: watch::words(&text) }
}

/// When a token ends, in Unix seconds: its own word (RFC 7519, section 4.1.4), which only decides
/// whether it is renewed. A token that cannot be read has ended.
pub(super) fn ends(token: &SecretString) -> i64 {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let claims = token.expose_secret().split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    claims.and_then(|bytes| serde_json::from_slice::<Claims>(&bytes).ok()).map_or(0, |c| c.exp)
}

/// The record key of a part, 0 for the first: a timestamp identifier (<https://atproto.com/specs/tid>) that
/// every attempt at one delivery shares. The lower bits are spread over an hour by a hash, because many posts can be
/// made in one millisecond; the hour lies in the past, because servers may refuse a later one.
pub(super) fn record_key(job: &Job, part: usize) -> String {
    const HOUR: u64 = 3_600_000_000;
    const DIGITS: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";
    let mut name = job.delivery.as_bytes().to_vec();
    if part > 0 {
        name.extend((part as u64).to_be_bytes());
    }
    let hash = sha2::Sha256::digest(name);
    let spread = u64::from_be_bytes(hash[..8].try_into().unwrap_or_default());
    let clock_id = u64::from(u16::from_be_bytes([hash[8], hash[9]]) & 0x3ff);
    let made = u64::try_from(job.created_at.timestamp_micros()).unwrap_or(0);
    let micros = (made / HOUR).saturating_sub(1) * HOUR + spread % HOUR;
    let number = (micros << 10 | clock_id) & (u64::MAX >> 1);
    (0..13).rev().map(|place| char::from(DIGITS[(number >> (5 * place) & 31) as usize])).collect()
}

/// The part that comes after those of `thread`, as an answer to the last of them. Pictures, or the card of
/// a link, go with the first; no record has both.
///
/// Source: <https://docs.bsky.app/docs/advanced-guides/posts#replies>, lexicon app.bsky.embed.external.
pub(super) fn record(job: &Job, around: &Around, thread: &[Record], now: DateTime<Utc>) -> Value {
    let post = &job.rendition;
    let text = post.texts().nth(thread.len()).unwrap_or_default();
    let mut record = json!({
        "$type": POSTS,
        "text": text,
        "langs": [post.language],
        "createdAt": now.to_rfc3339_opts(SecondsFormat::Millis, true),
    });
    let facets = facets(text, &around.accounts);
    if !facets.is_empty() {
        record["facets"] = facets.into();
    }
    if let (Some(root), Some(parent)) = (thread.first(), thread.last()) {
        let name = |part: &Record| json!({ "uri": part.uri, "cid": part.cid });
        record["reply"] = json!({ "root": name(root), "parent": name(parent) });
    } else if !around.images.is_empty() {
        record["embed"] = json!({ "$type": "app.bsky.embed.images", "images": around.images });
    } else if let Some((title, link)) = post.card() {
        // The words of the card are those that were approved: the page that it leads to is not read.
        let card = json!({ "uri": link.url, "title": title, "description": "" });
        record["embed"] = json!({ "$type": "app.bsky.embed.external", "external": card });
    }
    record
}

/// `at://did/collection/key`, and the page of it.
pub(super) fn receipt(uri: String) -> Receipt {
    let mut parts = uri.trim_start_matches("at://").split('/');
    let (did, key) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    let url = Some(format!("https://bsky.app/profile/{did}/post/{key}"));
    Receipt { remote_id: uri, url, note: None }
}

/// Whether the address is that of a record in the account's collection. A record key has these characters, at
/// most 512 of them (<https://atproto.com/specs/record-key>).
pub(super) fn is_of(uri: &str, did: &str, collection: &str) -> bool {
    let key = uri.strip_prefix(&format!("at://{did}/{collection}/"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:~-".contains(c);
    key.is_some_and(|key| (1..=512).contains(&key.len()) && key.chars().all(plain))
}

/// Whose record it is, where the address says so by the account's id.
pub(super) fn owner(uri: &str) -> Option<&str> {
    uri.strip_prefix("at://")?.split('/').next().filter(|did| did.starts_with("did:"))
}
