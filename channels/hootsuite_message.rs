//! A message of Hootsuite: what is kept of it, and how it is made again. Pure.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::planner::NO_POST;
use crate::remade::{is_nothing, not_made_again};
use crate::scheduler::{Back, Scheduled, Standing, excerpt, mark};

const OUT: &str = "Hootsuite has published it";
const FAILED: &str = "Hootsuite tried to publish it, and says that it failed: look at the account";
const TAKEN: &str = "it waits for an approval in Hootsuite, or was refused one";
const SENDS: &str = "Hootsuite is publishing it";
const NO_STATE: &str = "Hootsuite does not say where the post stands";

/// What a message is made of, besides its text, profile and time, that can be made again.
const FIELDS: [&str; 6] = ["webhookUrls", "tags", "targeting", "privacy", "location", "emailNotification"];
/// What it may set by itself.
const BY_DEFAULT: [&str; 2] = ["privacy", "emailNotification"];
/// Of these there are new uploads only.
const MEDIA: [&str; 2] = ["media", "mediaUrls"];
/// What Hootsuite notes besides, and nobody misses.
const NOTES: [&str; 10] = [
    "id",
    "state",
    "text",
    "scheduledSendTime",
    "socialProfile",
    "createdByMember",
    "lastUpdatedByMember",
    "postUrl",
    "postId",
    "sequenceNumber",
];

/// A message, as far as it is read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Known {
    #[serde(deserialize_with = "crate::planner::number_or_text")]
    id: String,
    state: String,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    scheduled_send_time: Option<DateTime<Utc>>,
}

#[derive(Debug)]
pub(super) struct Message {
    known: Known,
    whole: Value,
}

pub(super) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

impl Message {
    /// # Errors
    /// When it is none.
    pub fn read(whole: Value) -> Result<Self, String> {
        let known: Known = serde_json::from_value(whole.clone()).map_err(|_| NO_POST.to_owned())?;
        if is_id(&known.id) { Ok(Self { known, whole }) } else { Err(NO_POST.to_owned()) }
    }

    /// Whether somebody has to approve it there.
    pub fn waits(&self) -> bool {
        self.known.state == "PENDING_APPROVAL"
    }

    pub fn is(&self, id: &str) -> bool {
        self.known.id == id
    }

    pub fn id(&self) -> &str {
        &self.known.id
    }

    /// When it is to go out, or went out.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        self.known.scheduled_send_time
    }

    pub fn snapshot(&self) -> Value {
        let (mut post, mut besides) = (Map::new(), Map::new());
        post.insert("text".to_owned(), json!(self.known.text));
        post.insert("profile".to_owned(), as_text(&self.whole["socialProfile"]["id"]));
        for (name, value) in self.whole.as_object().into_iter().flatten().filter(|(_, v)| !is_nothing(v)) {
            if FIELDS.contains(&name.as_str()) || MEDIA.contains(&name.as_str()) {
                post.insert(name.clone(), value.clone());
            } else if !NOTES.contains(&name.as_str()) {
                besides.insert(name.clone(), value.clone());
            }
        }
        json!({ "post": post, "besides": besides })
    }
}

/// Whether what cannot be read as a message can be the one of that id.
pub(super) fn can_be(odd: &Value, id: &str) -> bool {
    let shown = as_text(&odd["id"]);
    shown.as_str().is_none_or(|shown| shown == id)
}

/// Whether what cannot be read as a message can be the one of the snapshot, made again: neither its text nor its profile
/// is seen to be another one.
pub(super) fn can_be_like(odd: &Value, kept: &Value) -> bool {
    let profile = as_text(&odd["socialProfile"]["id"]);
    let is_other = |shown: &Value, kept: &Value| shown.is_string() && shown != kept;
    !is_other(&odd["text"], &kept["post"]["text"]) && !is_other(&profile, &kept["post"]["profile"])
}

/// Ids are numbers in some answers and texts in others.
fn as_text(id: &Value) -> Value {
    if id.is_number() { id.to_string().into() } else { id.clone() }
}

/// That it is back, when Hootsuite will publish it, at once or after somebody has approved it there: it is made, and is
/// not made once more.
pub(super) fn planned(message: &Message) -> Option<Back> {
    let id = message.known.id.clone();
    match message.known.state.as_str() {
        "SCHEDULED" => Some(Back::Scheduled(id)),
        "PENDING_APPROVAL" => Some(Back::Waits(id)),
        _ => None,
    }
}

/// Where a message stands.
pub(super) fn standing(message: &Message) -> Standing {
    let known = &message.known;
    match (known.state.as_str(), known.scheduled_send_time) {
        ("SCHEDULED", Some(due)) => {
            let snapshot = message.snapshot();
            let words = excerpt(known.text.as_deref().unwrap_or_default());
            // The addresses of pictures can be others each time, and their number not.
            let mut post = snapshot["post"].clone();
            if let Some(urls) = post.get_mut("mediaUrls") {
                *urls = urls.as_array().map_or(0, Vec::len).into();
            }
            let mark = mark(&json!([post, due.timestamp()]));
            Standing::Scheduled(Box::new(Scheduled {
                remote_id: known.id.clone(),
                due,
                words,
                snapshot,
                mark,
            }))
        }
        ("SENT", _) => Standing::Out(OUT.to_owned()),
        ("SEND_FAILED_PERMANENTLY", _) => Standing::Gone(FAILED.to_owned()),
        ("PENDING_APPROVAL" | "REJECTED", _) => Standing::Held { mark: TAKEN.to_owned() },
        ("SUBMITTED", _) => Standing::Unknown(SENDS.to_owned()),
        _ => Standing::Unknown(NO_STATE.to_owned()),
    }
}

pub(super) fn has_media(snapshot: &Value) -> bool {
    MEDIA.iter().any(|name| !is_nothing(&snapshot["post"][name]))
}

/// What is lost of it when it is made again, as a sentence.
pub(super) fn loses(snapshot: &Value) -> Option<String> {
    not_made_again(&snapshot["besides"])
}

/// The request that makes a deleted message again.
pub(super) fn anew(snapshot: &Value, at: &str) -> Value {
    let post = &snapshot["post"];
    let mut made = Map::new();
    made.insert("text".to_owned(), post["text"].clone());
    made.insert("socialProfileIds".to_owned(), json!([post["profile"]]));
    made.insert("scheduledSendTime".to_owned(), at.into());
    for name in FIELDS {
        if !is_nothing(&post[name]) {
            made.insert(name.to_owned(), post[name].clone());
        }
    }
    Value::Object(made)
}

/// Whether a message is the one of the snapshot, made again: text, profile and every field that can be made again.
/// What Hootsuite sets by itself where nothing was asked for does not count.
pub(super) fn same(shown: &Value, kept: &Value) -> bool {
    let (shown, kept) = (&shown["post"], &kept["post"]);
    let is_same = |name: &str| {
        let (shown, kept) = (&shown[name], &kept[name]);
        let by_default = BY_DEFAULT.contains(&name) && is_nothing(kept);
        by_default || (is_nothing(shown) && is_nothing(kept)) || plain(shown) == plain(kept)
    };
    ["text", "profile"].into_iter().chain(FIELDS).all(is_same)
}

/// A value in one form: numbers are texts in some answers, and lists have no order.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.to_string().into(),
        Value::Array(list) => {
            let mut list: Vec<_> = list.iter().map(plain).collect();
            list.sort_by_key(Value::to_string);
            list.into()
        }
        Value::Object(fields) => {
            let known = fields.iter().filter(|(_, value)| !is_nothing(value));
            known.map(|(name, value)| (name.clone(), plain(value))).collect::<Map<_, _>>().into()
        }
        other => other.clone(),
    }
}
