//! A scheduled post of X Ads: what is kept of it, and how it is made again. Pure.

use chrono::{DateTime, DurationRound, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::dated::dated;
use crate::planner::NO_POST;
use crate::remade::{NOT_THERE, is_nothing, not_made_again};
use crate::scheduler::{Scheduled, Standing, excerpt};
use crate::text::plain;

/// What a post is made of that can be made again, and whose it is.
const FIELDS: [&str; 6] = ["text", "media_keys", "card_uri", "nullcast", "name", "user_id"];
/// What X notes besides, and nobody misses.
const NOTES: [&str; 9] = [
    "id",
    "id_str",
    "created_at",
    "updated_at",
    "scheduled_at",
    "scheduled_status",
    "completed_at",
    "tweet_id",
    "deleted",
];

const OUT: &str = "X has published it";
const FAILED: &str = "X tried to publish it, and says that it failed: look at the account";
const NO_STATE: &str = "X Ads does not say where the post stands";
const BY_HAND: &str = "nobody knows whose post it was, or whether it was for everybody or for ads only, so it is not made again: schedule it there by hand";
const NOT_OURS: &str = "X takes a post for everybody from a token of its own user only, and this one is another user's: schedule it there by hand";
const NO_MEDIA: &str = "its media cannot be read, so it is not made again: schedule it there by hand";
const EMPTY: &str = "nothing of it is known that could be made again: schedule it there by hand";
const PROMOTED: &str = "where it was to be promoted, tie the new post to its campaign by hand";
const MARKUP: &str = "X may have shown &, < and > in other letters: look at its words";

#[derive(Debug, Deserialize)]
struct Known {
    id: Value,
    #[serde(default)]
    id_str: Option<String>,
    scheduled_status: String,
    #[serde(default)]
    scheduled_at: Option<DateTime<Utc>>,
    #[serde(default)]
    completed_at: Value,
    #[serde(default)]
    tweet_id: Value,
    #[serde(default)]
    text: Option<String>,
}

/// A post, as far as it is read.
#[derive(Debug)]
pub(super) struct Post {
    id: String,
    known: Known,
    whole: Value,
}

/// Whether a text can be an id of X: a number.
pub(super) fn is_id(text: &str) -> bool {
    (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// Ids are numbers in some answers and texts in others.
fn as_text(id: &Value) -> Option<String> {
    match id {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

impl Post {
    /// # Errors
    /// When it is none.
    pub fn read(whole: Value) -> Result<Self, String> {
        let known: Known = serde_json::from_value(whole.clone()).map_err(|_| NO_POST.to_owned())?;
        // Of a number, programs between can have lost the end.
        let id = known.id_str.clone().or_else(|| as_text(&known.id)).filter(|id| is_id(id));
        Ok(Self { id: id.ok_or(NO_POST)?, known, whole })
    }

    pub fn id(&self) -> &str {
        &self.id
    }

    /// When it is to go out, or went out.
    pub fn due(&self) -> Option<DateTime<Utc>> {
        self.known.scheduled_at
    }

    pub fn snapshot(&self) -> Value {
        let (mut post, mut besides) = (Map::new(), Map::new());
        for (name, value) in self.whole.as_object().into_iter().flatten() {
            if name == "user_id" {
                post.insert(name.clone(), json!(as_text(value)));
            } else if FIELDS.contains(&name.as_str()) {
                post.insert(name.clone(), value.clone());
            } else if !NOTES.contains(&name.as_str()) && !is_nothing(value) {
                besides.insert(name.clone(), value.clone());
            }
        }
        json!({ "post": post, "besides": besides })
    }

    /// Where it stands, whatever was done with it.
    pub fn standing(&self) -> Standing {
        let is_out = !is_nothing(&self.known.tweet_id);
        match (self.known.scheduled_status.as_str(), self.due()) {
            ("SUCCESS", _) => Standing::Out(OUT.to_owned()),
            _ if is_out => Standing::Out(OUT.to_owned()),
            ("SCHEDULED", Some(due)) if is_nothing(&self.known.completed_at) => {
                let snapshot = self.snapshot();
                let words = excerpt(self.known.text.as_deref().unwrap_or_default());
                let mark = dated(due, &core(&snapshot));
                let remote_id = self.id.clone();
                Standing::Scheduled(Box::new(Scheduled { remote_id, due, words, snapshot, mark }))
            }
            ("FAILED", _) => Standing::Gone(FAILED.to_owned()),
            ("DELETED", _) => Standing::Gone(NOT_THERE.to_owned()),
            _ => Standing::Unknown(NO_STATE.to_owned()),
        }
    }
}

/// What a mark is made of: another one with everything that its readers see, and with its account, however it is written. A
/// name is for those who plan it.
pub(super) fn core(snapshot: &Value) -> Value {
    let post = &snapshot["post"];
    let text = |name: &str| unmarked(post[name].as_str().unwrap_or_default());
    let mut keys: Vec<_> = keys(post).collect();
    keys.sort();
    json!([text("text"), keys, text("card_uri"), post["nullcast"], post["user_id"]])
}

/// The keys of its media; one that is no key is nothing.
fn keys(post: &Value) -> impl Iterator<Item = Option<String>> {
    post["media_keys"].as_array().into_iter().flatten().map(as_text)
}

/// Why a deleted post is not made again, as a sentence, if it is not. A post is for ads only where nothing else is asked
/// for, so that must be known. `token_of`: the user whose token it is, where that is known.
pub(super) fn obstacle(snapshot: &Value, token_of: Option<&str>) -> Option<&'static str> {
    let post = &snapshot["post"];
    let (Some(user), Some(is_for_ads)) = (post["user_id"].as_str(), post["nullcast"].as_bool()) else {
        return Some(BY_HAND);
    };
    if !is_for_ads && token_of.is_some_and(|of| of != user) {
        return Some(NOT_OURS);
    }
    if keys(post).any(|key| key.is_none()) {
        return Some(NO_MEDIA);
    }
    ["text", "media_keys"].iter().all(|name| is_nothing(&post[name])).then_some(EMPTY)
}

/// What people should know of it before it is made again, each as a sentence.
pub(super) fn loses(snapshot: &Value, token_of: Option<&str>) -> Vec<String> {
    let text = snapshot["post"]["text"].as_str().unwrap_or_default();
    let markup = ["&amp;", "&lt;", "&gt;"].iter().any(|word| text.contains(word));
    let told = [Some(PROMOTED), markup.then_some(MARKUP), obstacle(snapshot, token_of)];
    told.into_iter().flatten().map(str::to_owned).chain(not_made_again(&snapshot["besides"])).collect()
}

/// The fields of the request that makes a deleted post again.
pub(super) fn anew(snapshot: &Value, at: DateTime<Utc>) -> Vec<(&'static str, String)> {
    let post = &snapshot["post"];
    let of = |name: &str| match &post[name] {
        Value::String(text) => Some(text.clone()),
        Value::Bool(is) => Some(is.to_string()),
        Value::Array(_) => Some(keys(post).flatten().collect::<Vec<_>>().join(",")),
        _ => None,
    };
    let content = FIELDS.into_iter().filter(|name| *name != "user_id").map(|name| (name, of(name)));
    let all = content.chain([("as_user_id", of("user_id")), ("scheduled_at", Some(instant(at)))]);
    all.filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?))).collect()
}

/// Whether a post is the one of the snapshot, made again.
pub(super) fn same(shown: &Value, kept: &Value) -> bool {
    core(shown) == core(kept)
}

/// Whether what cannot be read as a post can be the one of that id: it has no other one.
pub(super) fn can_be_of(odd: &Value, id: &str) -> bool {
    let shown = odd["id_str"].as_str().map(str::to_owned).or_else(|| as_text(&odd["id"]));
    shown.filter(|shown| is_id(shown)).is_none_or(|shown| shown == id)
}

/// Whether what cannot be read as a post can be the one of the snapshot, made again: its words are not seen to be others.
pub(super) fn can_be_like(odd: &Value, kept: &Value) -> bool {
    let kept = kept["post"]["text"].as_str().unwrap_or_default();
    odd["text"].as_str().is_none_or(|shown| unmarked(shown) == unmarked(kept))
}

/// A text in one form: X writes some letters otherwise in some answers.
fn unmarked(text: &str) -> String {
    plain(&text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))
}

/// The minute in which a time is: X looks at no seconds.
pub(super) fn minute(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::minutes(1)).unwrap_or(at)
}

/// A time as X Ads takes it.
pub(super) fn instant(at: DateTime<Utc>) -> String {
    minute(at).to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: Value) -> Post {
        let mut post = json!({ "id": "917", "text": "Sale", "user_id": "75", "scheduled_status": "SCHEDULED",
            "scheduled_at": "2026-12-01T09:00:00Z", "nullcast": false, "name": null, "card_uri": null,
            "media_keys": [], "tweet_id": null, "completed_at": null, "created_at": "2026-11-01T00:00:00Z" });
        post.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        Post::read(post).unwrap()
    }

    #[test]
    fn a_post_is_made_again_as_it_was_and_known_again() {
        let keys = json!({ "media_keys": ["3_1", "3_2"], "card_uri": "card://1", "name": "Spring" });
        let post = read(keys);
        let at = "2026-12-02T10:00:59Z".parse().unwrap();
        let expected = [
            ("text", "Sale"),
            ("media_keys", "3_1,3_2"),
            ("card_uri", "card://1"),
            ("nullcast", "false"),
            ("name", "Spring"),
            ("as_user_id", "75"),
            ("scheduled_at", "2026-12-02T10:00:00Z"),
        ];
        let made = anew(&post.snapshot(), at);
        assert_eq!(made.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>(), expected);
        let again = |more: Value| read(more).snapshot();
        let shown = again(json!({ "media_keys": ["3_2", "3_1"], "card_uri": "card://1", "user_id": 75 }));
        assert!(same(&shown, &post.snapshot()), "with numbers, in another order, and by another name");
        let plain = read(json!({ "text": "A & B" })).snapshot();
        assert!(same(&again(json!({ "text": "A &amp; B\n" })), &plain));
        for more in [json!({ "media_keys": null }), json!({ "card_uri": "" }), json!({ "id": 917 })] {
            assert_eq!(core(&again(more.clone())), core(&again(json!({}))), "{more}");
        }
        for (name, value) in [
            ("text", json!("Other")),
            ("nullcast", json!(true)),
            ("user_id", json!("76")),
            ("card_uri", json!("card://2")),
            ("media_keys", json!(["3_9"])),
        ] {
            let (one, other) = (again(json!({})), again(json!({ name: value })));
            assert!(!same(&other, &one) && core(&other) != core(&one), "{name}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_made_again_and_what_is_lost_is_told() {
        let snapshot = |more: Value| read(more).snapshot();
        let obstacle = |of: &Value| obstacle(of, Some("75"));
        assert_eq!(obstacle(&snapshot(json!({}))), None);
        for (name, value) in [("user_id", Value::Null), ("nullcast", Value::Null), ("text", json!(""))] {
            assert!(obstacle(&snapshot(json!({ name: value }))).is_some(), "{name}");
        }
        assert_eq!(obstacle(&snapshot(json!({ "media_keys": [{}] }))), Some(NO_MEDIA));
        assert_eq!(obstacle(&snapshot(json!({ "user_id": "76" }))), Some(NOT_OURS));
        assert_eq!(obstacle(&snapshot(json!({ "user_id": "76", "nullcast": true }))), None, "for ads only");
        let told =
            loses(&snapshot(json!({ "text": "A &amp; B", "conversation_settings": "FOLLOWING" })), None);
        assert_eq!(told, [PROMOTED, MARKUP, "not all of it can be made again: conversation_settings"]);
    }

    #[test]
    fn where_a_post_stands_is_told_by_its_status_and_nothing_is_guessed() {
        let kind = |more: Value| match read(more).standing() {
            Standing::Scheduled(_) => "scheduled",
            Standing::Held { .. } => "held",
            Standing::Out(_) => "out",
            Standing::Gone(_) => "gone",
            Standing::Unknown(_) => "unknown",
        };
        for (more, expected) in [
            (json!({}), "scheduled"),
            (json!({ "scheduled_status": "SUCCESS", "tweet_id": "9" }), "out"),
            (json!({ "tweet_id": 9 }), "out"),
            (json!({ "scheduled_status": "FAILED" }), "gone"),
            (json!({ "scheduled_status": "DELETED" }), "gone"),
            (json!({ "scheduled_status": "IN_PROGRESS" }), "unknown"),
            (json!({ "completed_at": "2026-12-01T09:00:01Z" }), "unknown"),
            (json!({ "scheduled_at": null }), "unknown"),
        ] {
            assert_eq!(kind(more.clone()), expected, "{more}");
        }
        assert_eq!(read(json!({ "id": 918.0, "id_str": "918" })).id(), "918");
        assert_eq!(read(json!({ "id": 917_507_899_668_099_072_u64 })).id(), "917507899668099072");
        for odd in [
            json!({}),
            json!({ "id": "a/b", "scheduled_status": "SCHEDULED" }),
            json!({ "id": 1.5, "scheduled_status": "X" }),
        ] {
            assert!(Post::read(odd.clone()).is_err(), "{odd}");
        }
    }
}
