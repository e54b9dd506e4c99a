//! A post on the schedule of a Mastodon account: what is kept of it, and how it is made again. Pure.
//!
//! Facts: Mastodon's `app/serializers/rest/scheduled_status_serializer.rb` and `app/services/post_status_service.rb`
//! (a version of 4.5 shows who may quote as a number, others as a word); GoToSocial's `ScheduledStatusParams`.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::answers::is_id;
use crate::remade::{is_nothing, not_made_again};
use crate::scheduler::{Scheduled, excerpt, mark};

/// What a post is made of that can be made again.
const FIELDS: [&str; 12] = [
    "text",
    "media_ids",
    "in_reply_to_id",
    "sensitive",
    "spoiler_text",
    "visibility",
    "language",
    "poll",
    "quoted_status_id",
    // Of GoToSocial.
    "content_type",
    "interaction_policy",
    "local_only",
];
/// Who may quote it.
const QUOTES: &str = "quote_approval_policy";
/// What a server sets by itself where nothing was asked for.
const BY_DEFAULT: [&str; 7] =
    ["sensitive", "visibility", "language", QUOTES, "content_type", "interaction_policy", "local_only"];
/// What the server notes besides, and nobody misses.
const NOTES: [&str; 4] = ["application_id", "idempotency", "scheduled_at", "with_rate_limit"];

#[derive(Debug, Deserialize)]
pub(super) struct Item {
    pub id: String,
    scheduled_at: DateTime<Utc>,
    #[serde(default)]
    params: Value,
    #[serde(default)]
    media_attachments: Vec<Value>,
}

impl Item {
    /// The whole post: what can be made again, and besides it what cannot.
    fn snapshot(&self) -> Value {
        let (mut post, mut besides) = (Map::new(), Map::new());
        for (name, value) in self.params.as_object().into_iter().flatten() {
            if let Some(word) = Some(value).filter(|_| name == QUOTES).and_then(quotes) {
                post.insert(name.clone(), word.into());
            } else if FIELDS.contains(&name.as_str()) {
                post.insert(name.clone(), value.clone());
            } else if !NOTES.contains(&name.as_str()) && !is_nothing(value) {
                besides.insert(name.clone(), value.clone());
            }
        }
        let ids: Vec<&str> = self.media_attachments.iter().filter_map(|m| m["id"].as_str()).collect();
        if !ids.is_empty() {
            post.insert("media_ids".to_owned(), json!(ids));
        }
        let picture = |m: &Value| json!({ "id": m["id"], "type": m["type"], "url": m["url"], "description": m["description"] });
        let pictures: Vec<Value> = self.media_attachments.iter().map(picture).collect();
        json!({ "post": post, "besides": besides, "pictures": pictures })
    }

    pub fn read(self) -> Option<Scheduled> {
        if !is_id(&self.id) {
            return None;
        }
        let snapshot = self.snapshot();
        let words = excerpt(snapshot["post"]["text"].as_str().unwrap_or_default());
        // The addresses of pictures are others each time on some servers.
        let mark = mark(&json!([snapshot["post"], self.scheduled_at.timestamp()]));
        Some(Scheduled { remote_id: self.id, due: self.scheduled_at, words, snapshot, mark })
    }
}

/// Who may quote it, by the words that a server takes; nothing: it shows something else.
fn quotes(told: &Value) -> Option<&'static str> {
    if let Some(word) = told.as_str() {
        return ["public", "followers", "nobody"].into_iter().find(|known| *known == word);
    }
    match told.as_u64()? >> 16 {
        0 => Some("nobody"),
        flags if flags & 2 != 0 => Some("public"),
        flags if flags & 4 != 0 => Some("followers"),
        _ => None,
    }
}

/// What is lost of it when it is cancelled and made again, each as a sentence.
pub(super) fn loses(snapshot: &Value) -> Vec<String> {
    let mut loses = Vec::new();
    if !is_nothing(&snapshot["post"]["media_ids"]) {
        loses.push("its pictures are on the server for about a day only".to_owned());
    }
    loses.extend(not_made_again(&snapshot["besides"]));
    loses
}

/// The request that makes a cancelled post again.
pub(super) fn anew(snapshot: &Value, at: DateTime<Utc>) -> Value {
    let mut post = snapshot["post"].as_object().cloned().unwrap_or_default();
    let text = post.remove("text").unwrap_or_default();
    post.retain(|_, value| !is_nothing(value));
    post.insert("status".to_owned(), if text.is_string() { text } else { "".into() });
    post.insert("scheduled_at".to_owned(), instant(at).into());
    Value::Object(post)
}

pub(super) fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Whether a post on the schedule is the one of the snapshot, made again. Servers write numbers as text, and
/// add what is empty and what they set by themselves.
pub(super) fn same(shown: &Value, kept: &Value) -> bool {
    let plain = |snapshot: &Value| -> Map<String, Value> {
        let post = snapshot["post"].as_object().cloned().unwrap_or_default();
        post.into_iter().filter(|(_, v)| !is_nothing(v)).map(|(n, v)| (n, as_text(v))).collect()
    };
    let (mut shown, kept) = (plain(shown), plain(kept));
    shown.retain(|name, _| kept.contains_key(name) || !BY_DEFAULT.contains(&name.as_str()));
    shown == kept
}

fn as_text(value: Value) -> Value {
    match value {
        Value::Number(number) => number.to_string().into(),
        Value::Array(list) => list.into_iter().map(as_text).collect(),
        Value::Object(fields) => fields.into_iter().map(|(n, v)| (n, as_text(v))).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(params: &Value, pictures: &Value) -> Scheduled {
        let item = json!({ "id": "9", "scheduled_at": "2026-12-01T09:00:00Z", "params": params,
            "media_attachments": pictures });
        serde_json::from_value::<Item>(item).unwrap().read().unwrap()
    }

    #[test]
    fn who_may_quote_is_kept_as_a_server_takes_it() {
        for (told, word) in [
            (json!(2 << 16), "public"),
            (json!(4 << 16), "followers"),
            (json!(0), "nobody"),
            (json!("followers"), "followers"),
        ] {
            let post = read(&json!({ "text": "Sale", QUOTES: told }), &json!([]));
            assert_eq!(post.snapshot["post"][QUOTES], word);
            assert!(loses(&post.snapshot).is_empty());
        }
        let other = read(&json!({ "text": "Sale", QUOTES: 1 << 16 }), &json!([]));
        assert_eq!(loses(&other.snapshot), ["not all of it can be made again: quote_approval_policy"]);
    }

    #[test]
    fn what_a_cancellation_loses_is_told_and_the_rest_is_known_again() {
        let picture = |url: &str| json!([{ "id": "5", "url": url, "description": "A cat" }]);
        let params = json!({ "text": "Sale", "language": null, "in_reply_to_id": 12 });
        let (one, other) = (read(&params, &picture("https://a.example/1")), read(&params, &picture("")));
        assert_eq!(loses(&one.snapshot), ["its pictures are on the server for about a day only"]);
        assert_eq!(one.snapshot["pictures"][0]["description"], "A cat");
        assert_eq!(one.mark, other.mark, "an address that is another one each time changes nothing");
        let shown = json!({ "text": "Sale", "language": "en", "in_reply_to_id": "12", QUOTES: "nobody" });
        assert!(same(&read(&shown, &picture("")).snapshot, &one.snapshot), "with what the server adds");
        assert!(!same(&read(&shown, &json!([])).snapshot, &one.snapshot), "without its pictures");
        assert!(!same(&one.snapshot, &read(&shown, &picture("")).snapshot), "it asked for a language");
    }
}
