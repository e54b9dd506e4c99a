//! A post on the schedule of a page: what is kept of it, and how it is made again. Pure.
//!
//! Facts: the fields of `PagePost` and of `StoryAttachment` in Meta's own description of its API
//! (<https://github.com/facebook/facebook-business-sdk-codegen>, `api_specs/specs`). There the time is a number; some
//! programs met it as a text, so both are read.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::dated::{dated, held_until};
use crate::remade::{is_nothing, not_made_again};
use crate::scheduler::{Scheduled, Standing, excerpt};

/// What is asked for of each post.
pub(super) const FIELDS: &str = "id,message,is_published,scheduled_publish_time,place,targeting,feed_targeting,\
                                 call_to_action,attachments{media_type,title,unshimmed_url}";
/// Besides words and link, and not made again: who sees it, where it is, what its button does.
const BESIDES: [&str; 4] = ["place", "targeting", "feed_targeting", "call_to_action"];

const OUT: &str = "Facebook has published it";
const NO_STATE: &str = "Facebook does not say whether the post is public, and when it will be";
const BY_HAND: &str = "schedule it on Facebook by hand";
const EMPTY: &str = "nothing of it is known that could be made again";

/// A post, as far as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    pub id: String,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    is_published: Option<bool>,
    #[serde(default)]
    scheduled_publish_time: Value,
    #[serde(default)]
    attachments: Value,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Item {
    fn due(&self) -> Option<DateTime<Utc>> {
        let time = &self.scheduled_publish_time;
        let seconds = match time {
            // A number with a fraction is none that was asked for.
            Value::Number(number) => {
                number.as_i64().or_else(|| number.to_string().strip_suffix(".0")?.parse().ok())
            }
            Value::String(text) => text.parse().ok(),
            _ => None,
        };
        let written = || DateTime::parse_from_str(time.as_str()?, super::TIME).ok();
        seconds.and_then(|s| DateTime::from_timestamp(s, 0)).or_else(|| written().map(|at| at.to_utc()))
    }

    fn snapshot(&self) -> Value {
        let mut post = Map::new();
        let text = self.message.clone().unwrap_or_default();
        post.insert("text".to_owned(), text.into());
        let others =
            self.others.iter().filter(|(name, v)| BESIDES.contains(&name.as_str()) && !is_nothing(v));
        let mut besides: Map<_, _> = others.map(|(name, value)| (name.clone(), value.clone())).collect();
        let attached = self.attachments["data"].as_array().cloned().unwrap_or_default();
        match attached.as_slice() {
            [] => {}
            [one] if link(one).is_some() => {
                post.insert("link".to_owned(), link(one).into());
            }
            all => {
                besides.insert("attachments".to_owned(), json!(all));
            }
        }
        json!({ "post": post, "besides": besides })
    }
}

/// What a mark is made of: another one with everything that people change, and whoever sees it. Titles and addresses of
/// what is attached can be others each time, and so can what is told of a place but its id.
pub(super) fn core(snapshot: &Value) -> Value {
    let besides = &snapshot["besides"];
    let place = if besides["place"]["id"].is_null() { &besides["place"] } else { &besides["place"]["id"] };
    let seen_by = [place, &besides["targeting"], &besides["feed_targeting"]];
    if seen_by.iter().all(|of| of.is_null()) {
        return said(snapshot);
    }
    json!([snapshot["post"], kinds(snapshot), seen_by])
}

/// What people read of it.
fn said(snapshot: &Value) -> Value {
    json!([snapshot["post"], kinds(snapshot)])
}

fn kinds(snapshot: &Value) -> Vec<Value> {
    let attached = snapshot["besides"]["attachments"].as_array();
    attached.into_iter().flatten().map(|attached| attached["media_type"].clone()).collect()
}

/// The mark that a hold has by now: until lately none told who sees a post, although what was kept of it did.
pub fn renewed(mark: &str, snapshot: &Value) -> Option<String> {
    let until = held_until(mark)?;
    (mark == dated(until, &said(snapshot))).then(|| dated(until, &core(snapshot)))
}

/// The address of a link, if nothing else is attached with it.
fn link(attached: &Value) -> Option<String> {
    let address = attached["unshimmed_url"].as_str().filter(|_| attached["media_type"] == "link")?;
    Url::parse(address)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https"))
        .map(|_| address.to_owned())
}

/// Where a post stands, whatever was done with it.
pub(super) fn standing(item: &Item) -> Standing {
    let snapshot = item.snapshot();
    match (item.is_published, item.due()) {
        (Some(true), _) => Standing::Out(OUT.to_owned()),
        (Some(false), Some(due)) => {
            let mark = dated(due, &core(&snapshot));
            let words = ["text", "link"].map(|name| snapshot["post"][name].as_str().unwrap_or_default());
            let words = words.into_iter().find(|words| !words.trim().is_empty()).unwrap_or_default();
            let words = excerpt(words);
            Standing::Scheduled(Box::new(Scheduled {
                remote_id: item.id.clone(),
                due,
                words,
                snapshot,
                mark,
            }))
        }
        // Also without a time: what is left out of an answer is not known.
        _ => Standing::Unknown(NO_STATE.to_owned()),
    }
}

/// Why a deleted post is not made again, as a sentence, if it is not: all of it must be known.
pub(super) fn obstacle(snapshot: &Value) -> Option<String> {
    let empty = ["text", "link"].iter().all(|name| is_nothing(&snapshot["post"][name]));
    let lacks = not_made_again(&snapshot["besides"]).or_else(|| empty.then(|| EMPTY.to_owned()))?;
    Some(format!("{lacks}; {BY_HAND}"))
}

/// The fields of the request that makes a deleted post again.
pub(super) fn anew(snapshot: &Value, at: DateTime<Utc>) -> Vec<(&'static str, String)> {
    let of = |name: &str| snapshot["post"][name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let content = [("message", of("text")), ("link", of("link"))];
    let content = content.into_iter().filter_map(|(name, value)| value.map(|value| (name, value)));
    let when = [("published", "false".to_owned()), ("scheduled_publish_time", at.timestamp().to_string())];
    content.chain(when).collect()
}

/// Whether a post is the one of the snapshot, made again. Facebook may show the address in its words as a link.
pub(super) fn same(shown: &Value, kept: &Value) -> bool {
    let links = |of: &Value| of["post"]["link"].as_str().map(str::to_owned);
    let text = |of: &Value| crate::text::plain(of["post"]["text"].as_str().unwrap_or_default());
    let whole = is_nothing(&shown["besides"]);
    whole && text(shown) == text(kept) && (links(kept).is_none() || links(shown) == links(kept))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(other: Value) -> Standing {
        let mut post = json!({ "id": "1_9", "message": "Sale", "is_published": false,
            "scheduled_publish_time": 1_700_090_000 });
        for (name, value) in other.as_object().unwrap() {
            post[name] = value.clone();
        }
        standing(&serde_json::from_value(post).unwrap())
    }

    fn scheduled(other: Value) -> Scheduled {
        match read(other) {
            Standing::Scheduled(post) => *post,
            stands => panic!("{stands:?}"),
        }
    }

    #[test]
    fn a_time_is_read_in_each_form_and_nothing_is_guessed() {
        for time in [
            json!(1_700_090_000),
            json!(1_700_090_000.0),
            json!("1700090000"),
            json!("2023-11-15T23:13:20+0000"),
        ] {
            assert_eq!(scheduled(json!({ "scheduled_publish_time": time })).due.timestamp(), 1_700_090_000);
        }
        for odd in [json!("soon"), json!(1.5), json!({}), json!(true)] {
            let stands = read(json!({ "scheduled_publish_time": odd }));
            assert!(matches!(stands, Standing::Unknown(_)), "{stands:?}");
        }
        assert!(matches!(read(json!({ "is_published": true })), Standing::Out(_)));
        assert!(matches!(read(json!({ "is_published": null })), Standing::Unknown(_)));
        assert!(matches!(read(json!({ "scheduled_publish_time": null })), Standing::Unknown(_)), "not told");
    }

    #[test]
    fn a_post_is_made_again_only_when_all_of_it_is_known() {
        let link = |url: &str, title: &str| json!({ "attachments": { "data": [{ "media_type": "link", "unshimmed_url": url, "title": title }] } });
        let bank = link("https://bank.example/a?b=1&c=2", "Bank");
        let post = scheduled(bank.clone());
        assert_eq!(obstacle(&post.snapshot), None);
        let at = DateTime::from_timestamp(1_700_200_000, 0).unwrap();
        assert_eq!(
            anew(&post.snapshot, at),
            [
                ("message", "Sale".to_owned()),
                ("link", "https://bank.example/a?b=1&c=2".to_owned()),
                ("published", "false".to_owned()),
                ("scheduled_publish_time", "1700200000".to_owned()),
            ]
        );
        for (other, name) in [
            (json!({ "attachments": { "data": [{ "media_type": "photo" }] } }), "attachments"),
            (link("javascript:alert(1)", ""), "attachments"),
            (json!({ "targeting": { "countries": ["CH"] } }), "targeting"),
        ] {
            let why = obstacle(&scheduled(other).snapshot).unwrap();
            assert!(why.contains(name) && why.contains("by hand"), "{why}");
        }
        assert!(obstacle(&scheduled(json!({ "message": "" })).snapshot).is_some(), "nothing is known of it");
        // A title that Facebook reads anew changes nothing, other words and another link do.
        assert_eq!(post.mark, scheduled(link("https://bank.example/a?b=1&c=2", "The Bank")).mark);
        assert_ne!(post.mark, scheduled(link("https://bank.example/b", "Bank")).mark);
        let swiss = json!({ "targeting": { "geo_locations": { "countries": ["CH"] } } });
        let german = json!({ "targeting": { "geo_locations": { "countries": ["DE"] } } });
        assert_ne!(scheduled(swiss.clone()).mark, scheduled(german).mark, "others would see it");
        assert_ne!(scheduled(swiss).mark, post.mark);
        let at = |id: &str, name: &str| scheduled(json!({ "place": { "id": id, "name": name } })).mark;
        assert!(at("1", "Bern") == at("1", "Berne") && at("1", "Bern") != at("2", "Bern"));
        let other = scheduled(json!({ "message": "Sale!" }));
        assert_ne!(post.mark, other.mark);
        // A hold from before the marks told who sees it.
        let targeted =
            json!({ "targeting": { "geo_locations": { "countries": ["CH"] } }, "place": { "id": "1" } });
        let held = scheduled(targeted);
        let before = dated(held.due, &said(&held.snapshot));
        assert_ne!(before, held.mark);
        assert_eq!(renewed(&before, &held.snapshot), Some(held.mark.clone()));
        let plain = scheduled(json!({}));
        assert_eq!(renewed(&before, &plain.snapshot), Some(plain.mark), "nobody in particular saw it");
        for none in [&held.mark, &other.mark, "gone", "cancelled", ""] {
            assert_eq!(renewed(none, &held.snapshot), None, "{none}");
        }
        assert!(same(&post.snapshot, &scheduled(json!({})).snapshot), "its own card of the address");
        assert!(
            !same(&scheduled(json!({})).snapshot, &post.snapshot) && !same(&other.snapshot, &post.snapshot)
        );
    }
}
