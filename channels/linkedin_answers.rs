//! What LinkedIn answers, and what it means. Pure.

use std::time::Duration;

use chrono::{DateTime, Days, Utc};
use serde_json::Value;

use crate::http::Answer;
use crate::message::Doing;
use crate::{Failure, NO_PINS, Retry};

/// Whether it is the full name of such a thing. It goes into addresses and into the log.
fn is_name(text: &str, kinds: &[&str]) -> bool {
    let id =
        kinds.iter().find_map(|kind| text.strip_prefix("urn:li:")?.strip_prefix(kind)?.strip_prefix(':'));
    id.is_some_and(|id| {
        (1..=80).contains(&id.len())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    })
}

/// Whether it is a post's full name.
pub(super) fn is_post(text: &str) -> bool {
    is_name(text, &["share", "ugcPost"])
}

/// Whether it is the full name of anything.
pub(super) fn is_named(text: &str) -> bool {
    let of = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':');
    text.starts_with("urn:li:") && text.len() <= 120 && text.chars().all(of)
}

/// Whether it is a picture's full name.
pub(super) fn is_image(text: &str) -> bool {
    is_name(text, &["image"])
}

/// The post's address.
pub(super) fn link(id: &str) -> String {
    format!("https://www.linkedin.com/feed/update/{id}")
}

/// A 404 that names a missing entity. Another one says only that no such address is there for the app. The
/// code is the one that clients have met; no document lists it.
pub(super) fn says_not_found(answer: &Answer) -> bool {
    answer.status == 404 && answer.json::<Value>().is_ok_and(|told| told["code"] == "NOT_FOUND")
}

/// Whether the answer says that these words are out already.
fn is_duplicate(told: &Value) -> bool {
    let message = told["message"].as_str().unwrap_or_default();
    let errors = told["errorDetails"]["inputErrors"].as_array();
    message.contains("duplicate of urn:li:")
        || errors.is_some_and(|all| all.iter().any(|e| e["code"] == "DUPLICATE_POST"))
}

/// What an answer that does not accept means.
pub(super) fn failure(answer: &Answer, now: DateTime<Utc>, secret: &str, doing: Doing) -> Failure {
    let told: Value = answer.json().unwrap_or_default();
    let words = answer.words("message", &[secret]);
    let rejected =
        |what: &str, retry| Failure::Rejected { reason: answer.refused(what, words.as_deref()), retry };
    let refuses = match doing {
        Doing::Post => "LinkedIn refuses the post",
        Doing::Ask => "LinkedIn does not answer",
        Doing::TakeDown => "LinkedIn does not take the post down",
        Doing::Pin => NO_PINS,
        Doing::Revise => "LinkedIn does not change the post",
    };
    let old = told["code"] == "NONEXISTENT_VERSION";
    match answer.status {
        401 => rejected("the access token is refused", Retry::Reconnect),
        // Clients have met it with 422.
        400..=428 | 430..=499 if doing == Doing::Post && is_duplicate(&told) => {
            rejected("LinkedIn says that the page has posted these words already", Retry::Duplicate)
        }
        403 => rejected(
            "the token may not do this for the page; its member must be an administrator or a content \
             administrator there, and its app needs w_organization_social and r_organization_social",
            Retry::Reconnect,
        ),
        426 => rejected(END, Retry::Reconnect),
        400..=499 if old => rejected(END, Retry::Reconnect),
        // Another request for the same may be under way.
        409 => Failure::InDoubt { reason: answer.refused("LinkedIn has another request in hand", None) },
        429 => {
            let wait = answer.retry_after().or_else(|| day(&told, now));
            rejected("LinkedIn asks us to wait", wait.map_or(Retry::Backoff, Retry::After))
        }
        400..=407 | 410..=499 => rejected(refuses, Retry::Never),
        _ => answer.failure(),
    }
}

const END: &str = "LinkedIn has ended this version of its API; write a newer one into the setting version";

/// The rest of the day, when it was the day's quota. Those are set back at midnight UTC.
fn day(told: &Value, now: DateTime<Utc>) -> Option<Duration> {
    told["message"].as_str().filter(|words| words.contains("DAY limit"))?;
    let midnight = now.date_naive().checked_add_days(Days::new(1))?.and_hms_opt(0, 0, 0)?.and_utc();
    (midnight - now).to_std().ok()
}
