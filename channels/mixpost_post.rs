//! A post of Mixpost: what is shown of it, where it stands, and how it is sent back whole. Pure.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, DurationRound, NaiveDateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::html_words::words;
use crate::planner::{ODD, Seen};
use crate::remade::{is_nothing, not_made_again};
use crate::scheduler::{Scheduled, Standing, excerpt, is_then, mark};

const OUT: &str = "Mixpost has published it";
/// Said of a post that is on its way.
pub(super) const SENDS: &str = "Mixpost is publishing it";
const SENDING: &str = "Mixpost is publishing something just now, which cannot be held any more";
const FAILED: &str = "Mixpost tried to publish it, and says that it failed: look at its accounts";
const TRASHED: &str = "somebody has moved it to the trash of Mixpost";
const NO_STATE: &str = "Mixpost does not say where the post stands";
const OWN_TIMES: &str =
    "if one of its accounts had a time of its own, look at that in Mixpost when it is put back";
const LEFT_OUT: &str =
    "it had words for an account that Mixpost has no more: they are kept here, and were left out there";

/// What is sent back of a version and of its content, or means nothing. An update makes the versions anew, so the
/// rest of them is lost. The fields of the post itself stay, but for accounts, tags and date.
const VERSION: &[&str] = &["id", "post_id", "account_id", "is_original", "content", "options", "opened"];
const CONTENT: &[&str] = &["body", "url", "media", "video_thumbs", "excerpt", "opened"];

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
    /// Accounts that it has words for, and that Mixpost has no more.
    gone: BTreeSet<u64>,
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

/// A time. Without a zone it is UTC; in the form of the Lite's pages it would be of an unknown one.
fn instant(shown: &Value) -> Option<DateTime<Utc>> {
    let text = shown.as_str()?;
    let plain = |form| NaiveDateTime::parse_from_str(text, form).ok().map(|at| at.and_utc());
    let zoned = DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    zoned.or_else(|| plain("%Y-%m-%d %H:%M:%S")).or_else(|| plain("%Y-%m-%d %H:%M"))
}

/// The number of an account, a tag or a file, which is shown by it or with it.
fn number(of: &Value) -> Option<u64> {
    of.as_u64().or_else(|| of["id"].as_u64())
}

/// The numbers of a list. Nothing: one of it has none.
pub(super) fn numbers(of: &[Value]) -> Option<Vec<u64>> {
    of.iter().map(number).collect()
}

fn list(of: &Value) -> &[Value] {
    of.as_array().map(Vec::as_slice).unwrap_or_default()
}

/// A part of a version, as it is sent back. Nothing: its words or files are not shown, or a file has no number.
fn part(shown: &Value) -> Option<Value> {
    let body = shown.get("body").filter(|body| body.is_string() || body.is_null())?;
    let mut part = json!({ "body": body, "media": numbers(shown["media"].as_array()?)? });
    for name in ["url", "video_thumbs"] {
        if !shown[name].is_null() {
            part[name] = shown[name].clone();
        }
    }
    Some(part)
}

/// Whether a version is for all accounts that have none of their own. Some databases keep that as a number.
fn is_original(version: &Value) -> Option<bool> {
    let original = &version["is_original"];
    original.as_bool().or_else(|| original.as_u64().map(|n| n == 1))
}

fn version(shown: &Value) -> Option<Value> {
    let content = shown["content"].as_array().filter(|parts| !parts.is_empty())?;
    let content = content.iter().map(part).collect::<Option<Vec<_>>>()?;
    let original = is_original(shown)?;
    // The original one is of no account.
    let account = if original { 0 } else { shown["account_id"].as_u64()? };
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
        is_uuid(&known.uuid).then_some(Self { known, whole, gone: BTreeSet::new() })
    }

    /// The accounts that it has words for and does not go to: somebody has taken them off the post, or out of Mixpost.
    pub fn strangers(&self) -> BTreeSet<u64> {
        let of = |version: &Value| version["account_id"].as_u64().filter(|id| *id > 0);
        let words = self.versions().iter().filter(|version| is_original(version) == Some(false));
        let own: BTreeSet<_> = self.accounts().iter().filter_map(number).collect();
        words.filter_map(of).filter(|id| !own.contains(id)).collect()
    }

    /// The same, as it is where Mixpost has these accounts: an update with words for another one is refused.
    pub fn among(self, accounts: &BTreeSet<u64>) -> Self {
        let gone = self.strangers().difference(accounts).copied().collect();
        Self { gone, ..self }
    }

    /// The versions that an update takes.
    fn taken(&self) -> impl Iterator<Item = &Value> {
        let is_gone =
            |version: &Value| version["account_id"].as_u64().is_some_and(|id| self.gone.contains(&id));
        self.versions().iter().filter(move |version| is_original(version) == Some(true) || !is_gone(version))
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

    /// When it goes out first: at its date, or at the time that an account has for itself, where one is shown.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        let date = instant(self.known.scheduled_at.as_ref()?)?;
        Some(self.own_times().into_iter().fold(date, DateTime::min))
    }

    /// The times that accounts have for themselves, as far as they are shown.
    fn own_times(&self) -> Vec<DateTime<Utc>> {
        let accounts = self.accounts().iter().flat_map(|account| [account, &account["pivot"]]);
        let shown = accounts.chain(list(&self.whole["accounts_schedule"]));
        shown.filter_map(|of| instant(&of["scheduled_at"])).collect()
    }

    /// All of it that an update takes, without a date: the one original first, whatever order is shown. Nothing: a part
    /// of it is not shown, and what is left out is removed, or could not be sent back.
    pub fn whole(&self) -> Option<Value> {
        let versions = self.taken().map(version).collect::<Option<Vec<_>>>()?;
        let accounts = numbers(self.known.accounts.as_deref()?)?;
        let tags = numbers(self.known.tags.as_deref()?)?;
        let (mut all, others): (Vec<_>, Vec<_>) =
            versions.into_iter().partition(|v| v["is_original"] == true);
        let has_one = all.len() == 1;
        all.extend(others);
        has_one.then(|| json!({ "accounts": accounts, "tags": tags, "versions": all }))
    }

    /// Whether an update loses a part of it for good.
    pub fn loses(&self) -> bool {
        !self.besides().is_empty()
    }

    /// Whether an update loses a part of it for good that is not among what was kept of it, and that people were told.
    pub fn loses_more_than(&self, snapshot: &Value) -> bool {
        self.besides().iter().any(|(name, value)| snapshot["besides"][name] != *value)
    }

    /// Whether somebody has to approve it there.
    pub fn waits(&self) -> bool {
        self.status() == "needs_approval"
    }

    /// The same, and it goes out at that time then.
    pub fn waits_for(&self, at: DateTime<Utc>) -> bool {
        self.waits() && self.due().is_some_and(|due| is_then(due, at))
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
        let mut cores: Vec<_> = self.versions().iter().map(core).collect();
        // Their order says nothing.
        cores.sort_by_key(Value::to_string);
        Scheduled {
            remote_id: self.known.uuid.clone(),
            due,
            words: excerpt(&text),
            snapshot: json!({
                "post": { "text": text }, "accounts": accounts.collect::<Vec<_>>(), "versions": self.versions(),
                "tags": self.known.tags, "scheduledAt": due, "besides": self.besides(), "gone": self.gone,
                "ownTimes": self.own_times(),
            }),
            mark: mark(&json!([due, numbers(self.accounts()), cores, self.gone])),
        }
    }

    /// What an update does not take, and loses.
    fn besides(&self) -> Map<String, Value> {
        let contents = self.taken().flat_map(|version| list(&version["content"]));
        let shown = self.taken().map(|version| (version, VERSION));
        let shown = shown.chain(contents.map(|part| (part, CONTENT)));
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
pub(super) fn add(post: Option<&Post>, seen: &mut Seen<BTreeMap<String, Scheduled>>) {
    match post.map(Post::standing) {
        Some(Standing::Scheduled(item)) => {
            seen.all.insert(item.remote_id.clone(), *item);
        }
        Some(Standing::Held { .. } | Standing::Out(_) | Standing::Gone(_)) => {}
        Some(Standing::Unknown(_)) if post.is_some_and(Post::is_being_sent) => {
            seen.unseen = seen.unseen.or(Some(SENDING));
        }
        Some(Standing::Unknown(_)) | None => seen.unseen = Some(ODD),
    }
}

/// What people should know before it is put back.
pub(super) fn cautions(snapshot: &Value) -> Vec<String> {
    let several = list(&snapshot["accounts"]).len() > 1 || !list(&snapshot["ownTimes"]).is_empty();
    let gone = !list(&snapshot["gone"]).is_empty();
    let said = [(several, OWN_TIMES), (gone, LEFT_OUT)].into_iter().filter(|(is, _)| *is);
    said.map(|(_, why)| why.to_owned()).chain(not_made_again(&snapshot["besides"])).collect()
}
