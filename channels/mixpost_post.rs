//! A post of Mixpost: what is shown of it, where it stands, and how it is sent back whole. Pure.

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound, NaiveDateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::html_words::words;
use crate::planner::{ODD, Seen};
use crate::remade::{is_nothing, not_made_again};
use crate::scheduler::{Scheduled, Standing, excerpt, mark};

const OUT: &str = "Mixpost has published it";
const SENDS: &str = "Mixpost is publishing it";
const SENDING: &str = "Mixpost is publishing something just now, which cannot be held any more";
const FAILED: &str = "Mixpost tried to publish it, and says that it failed: look at its accounts";
const TRASHED: &str = "somebody has moved it to the trash of Mixpost";
const NO_STATE: &str = "Mixpost does not say where the post stands";
const OWN_TIMES: &str =
    "if one of its accounts had a time of its own, look at that in Mixpost when it is put back";

/// What is read, or means nothing for a post that is sent back: of a post, of its versions, of their content.
const POST: &[&str] = &[
    "id",
    "uuid",
    "status",
    "accounts",
    "versions",
    "tags",
    "user",
    "scheduled_at",
    "published_at",
    "created_at",
    "updated_at",
    "trashed",
];
const VERSION: &[&str] = &["id", "post_id", "account_id", "is_original", "content", "options"];
const CONTENT: &[&str] = &["body", "url", "media", "video_thumbs", "excerpt"];

/// A post, as far as it is read.
#[derive(Debug, Deserialize)]
struct Known {
    uuid: String,
    status: String,
    #[serde(default)]
    scheduled_at: Option<Value>,
    #[serde(default)]
    trashed: Option<bool>,
    #[serde(default)]
    accounts: Option<Vec<Value>>,
    #[serde(default)]
    tags: Option<Vec<Value>>,
    #[serde(default)]
    versions: Option<Vec<Value>>,
}

#[derive(Debug)]
pub(super) struct Post {
    known: Known,
    whole: Value,
}

pub(super) fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// The first whole minute that is not before that time.
pub(super) fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    let minute = TimeDelta::minutes(1);
    at.duration_trunc(minute).map_or(at, |whole| if whole < at { whole + minute } else { whole })
}

/// The same post with a date.
pub(super) fn dated(mut whole: Value, at: DateTime<Utc>) -> Value {
    whole["date"] = at.format("%Y-%m-%d").to_string().into();
    whole["time"] = at.format("%H:%M").to_string().into();
    whole["timezone"] = "UTC".into();
    whole
}

/// The number of an account, a tag or a file, which is shown by it or with it.
fn number(of: &Value) -> Option<u64> {
    of.as_u64().or_else(|| of["id"].as_u64())
}

fn numbers(of: &[Value]) -> Option<Vec<u64>> {
    of.iter().map(number).collect()
}

fn list(of: &Value) -> &[Value] {
    of.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A part of a version, as it is sent back. Nothing: a file has no number.
fn part(shown: &Value) -> Option<Value> {
    let mut part = json!({ "body": shown["body"], "media": numbers(list(&shown["media"]))? });
    for name in ["url", "video_thumbs"] {
        if !shown[name].is_null() {
            part[name] = shown[name].clone();
        }
    }
    Some(part)
}

fn version(shown: &Value) -> Option<Value> {
    let content = list(&shown["content"]).iter().map(part).collect::<Option<Vec<_>>>()?;
    // Some databases keep it as a number.
    let original = &shown["is_original"];
    let original = original.as_bool().or_else(|| original.as_u64().map(|n| n == 1))?;
    let account = shown["account_id"].as_u64()?;
    let mut version = json!({ "account_id": account, "is_original": original, "content": content });
    if !shown["options"].is_null() {
        version["options"] = shown["options"].clone();
    }
    Some(version)
}

/// What readers would get, for a mark that holds in a list and alone.
fn core(version: &Value) -> Value {
    let parts = list(&version["content"]).iter();
    let parts =
        parts.map(|part| json!([part["body"].as_str().unwrap_or_default(), numbers(list(&part["media"]))]));
    json!([version["account_id"], parts.collect::<Vec<_>>()])
}

impl Post {
    /// Nothing, when it is none.
    pub fn read(whole: Value) -> Option<Self> {
        let known: Known = serde_json::from_value(whole.clone()).ok()?;
        is_uuid(&known.uuid).then_some(Self { known, whole })
    }

    pub fn is(&self, id: &str) -> bool {
        self.known.uuid == id
    }

    fn accounts(&self) -> &[Value] {
        self.known.accounts.as_deref().unwrap_or_default()
    }

    fn versions(&self) -> &[Value] {
        self.known.versions.as_deref().unwrap_or_default()
    }

    /// Its date. Without a zone it is UTC; in the form of the Lite's pages it would be of an unknown one.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        let text = self.known.scheduled_at.as_ref()?.as_str()?;
        let plain = |form| NaiveDateTime::parse_from_str(text, form).ok().map(|at| at.and_utc());
        let zoned = DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
        zoned.or_else(|| plain("%Y-%m-%d %H:%M:%S")).or_else(|| plain("%Y-%m-%d %H:%M"))
    }

    /// All of it that an update takes, without a date. Nothing: a part of it could not be sent back.
    pub fn whole(&self) -> Option<Value> {
        let versions = self.versions().iter().map(version).collect::<Option<Vec<_>>>()?;
        let tags = numbers(self.known.tags.as_deref().unwrap_or_default())?;
        let whole = json!({ "accounts": numbers(self.accounts())?, "tags": tags, "versions": versions });
        (!versions.is_empty()).then_some(whole)
    }

    fn status(&self) -> String {
        self.known.status.to_ascii_lowercase()
    }

    fn is_being_sent(&self) -> bool {
        self.status() == "publishing"
    }

    fn scheduled(&self, due: DateTime<Utc>) -> Scheduled {
        let bodies = self.versions().iter().flat_map(|version| list(&version["content"]));
        let text = bodies.filter_map(|part| part["body"].as_str()).map(|body| words(body).join(" "));
        let text = text.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n");
        let accounts = self.accounts().iter().map(|account| {
            let field = |name: &str| account[name].clone();
            json!({ "id": number(account), "uuid": field("uuid"), "name": field("name"),
                "username": field("username"), "provider": field("provider") })
        });
        let cores: Vec<_> = self.versions().iter().map(core).collect();
        Scheduled {
            remote_id: self.known.uuid.clone(),
            due,
            words: excerpt(&text),
            snapshot: json!({
                "post": { "text": text }, "accounts": accounts.collect::<Vec<_>>(), "versions": self.versions(),
                "tags": self.known.tags, "scheduledAt": due, "besides": self.besides(),
            }),
            mark: mark(&json!([due, numbers(self.accounts()), cores])),
        }
    }

    /// What an update does not take.
    fn besides(&self) -> Map<String, Value> {
        let contents = self.versions().iter().flat_map(|version| list(&version["content"]));
        let shown = std::iter::once((&self.whole, POST))
            .chain(self.versions().iter().map(|version| (version, VERSION)))
            .chain(contents.map(|part| (part, CONTENT)));
        let mut besides = Map::new();
        for (of, known) in shown {
            for (name, value) in of.as_object().into_iter().flatten() {
                if !known.contains(&name.as_str()) && !is_nothing(value) {
                    besides.insert(name.clone(), value.clone());
                }
            }
        }
        besides
    }

    /// Where it stands.
    pub fn standing(&self) -> Standing {
        let status = self.status();
        if self.known.trashed == Some(true) {
            return Standing::Gone(TRASHED.to_owned());
        }
        match (status.as_str(), self.due()) {
            ("scheduled", Some(due)) => Standing::Scheduled(Box::new(self.scheduled(due))),
            // What waits for an approval is published by nobody but its approver.
            ("draft" | "needs_approval", _) => Standing::Held { mark: mark(&json!([status, self.whole()])) },
            ("published", _) => Standing::Out(OUT.to_owned()),
            ("failed", _) => Standing::Gone(FAILED.to_owned()),
            _ if self.is_being_sent() => Standing::Unknown(SENDS.to_owned()),
            _ => Standing::Unknown(NO_STATE.to_owned()),
        }
    }
}

/// Adds a line of the list, when it is a post on the schedule. What cannot be read is odd.
pub(super) fn add(row: Value, seen: &mut Seen<BTreeMap<String, Scheduled>>) {
    let post = Post::read(row);
    match post.as_ref().map(Post::standing) {
        Some(Standing::Scheduled(item)) => {
            seen.all.insert(item.remote_id.clone(), *item);
        }
        Some(Standing::Held { .. } | Standing::Out(_) | Standing::Gone(_)) => {}
        Some(Standing::Unknown(_)) if post.as_ref().is_some_and(Post::is_being_sent) => {
            seen.unseen = seen.unseen.or(Some(SENDING));
        }
        Some(Standing::Unknown(_)) | None => seen.unseen = Some(ODD),
    }
}

/// What people should know before it is put back.
pub(super) fn cautions(snapshot: &Value) -> Option<String> {
    let several = list(&snapshot["accounts"]).len() > 1;
    let all = several.then(|| OWN_TIMES.to_owned()).into_iter().chain(not_made_again(&snapshot["besides"]));
    let all = all.collect::<Vec<_>>().join("; ");
    (!all.is_empty()).then_some(all)
}
