//! What X answers, and what it means. Pure.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::http::Answer;
use crate::message::{Doing, LONGEST_WAIT};
use crate::revise::NO_CHANGES;
use crate::{Failure, NO_PINS, Retry};

/// Whether it has the form of an id. It goes into addresses and into the log.
pub(super) fn is_id(text: &str) -> bool {
    (1..=19).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit())
}

/// The post's address.
pub(super) fn link(username: &str, id: &str) -> Option<String> {
    let of = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = (1..=50).contains(&username.len()) && username.chars().all(of);
    is_name.then(|| format!("https://x.com/{username}/status/{id}"))
}

/// Whether an answer says that there is no such thing, in its errors or as a whole.
pub(super) fn says_not_found(told: &Value) -> bool {
    let is_it =
        |problem: &Value| problem["type"].as_str().is_some_and(|kind| kind.ends_with("/resource-not-found"));
    let among = told["errors"].as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_it));
    told["data"].is_null() && (is_it(told) || among)
}

/// Whether the answer says that these words are out already.
fn is_duplicate(told: &Value) -> bool {
    let says =
        |text: &Value| text.as_str().is_some_and(|t| t.to_ascii_lowercase().contains("duplicate content"));
    let errors = told["errors"].as_array().into_iter().flatten();
    says(&told["detail"]) || errors.into_iter().any(|e| e["code"] == 187 || says(&e["message"]))
}

/// What an answer that does not accept means.
pub(super) fn failure(answer: &Answer, now: DateTime<Utc>, secret: &str, doing: Doing) -> Failure {
    let told: Value = answer.json().unwrap_or_default();
    let text = |field: &str| told[field].as_str().unwrap_or_default().to_ascii_lowercase();
    let (kind, title) = (text("type"), text("title"));
    let words = answer.words("detail", &[secret]);
    let rejected =
        |what: &str, retry| Failure::Rejected { reason: answer.refused(what, words.as_deref()), retry };
    let is_kind = |word: &str| kind.ends_with(word);
    let spent = answer.status == 402
        || matches!(answer.status, 403 | 429)
            && (is_kind("/usage-capped") || is_kind("/credits") || title == "usagecapexceeded");
    if spent {
        let what = "what the app may use at X is used up; buy credits there or raise the spending limit";
        return rejected(what, Retry::Reconnect);
    }
    let refuses = match doing {
        Doing::Post => "X refuses the post",
        Doing::Ask => "X does not answer",
        Doing::TakeDown => "X does not take the post down",
        Doing::Pin => NO_PINS,
        Doing::Revise => NO_CHANGES,
    };
    match answer.status {
        401 => rejected("the access token is refused", Retry::Reconnect),
        // Clients have met it with 403.
        400..=428 | 430..=499 if doing == Doing::Post && is_duplicate(&told) => {
            rejected("X says that the account has posted these words already", Retry::Duplicate)
        }
        403 if doing == Doing::Ask
            && (is_kind("/client-forbidden") || is_kind("/unsupported-authentication")) =>
        {
            rejected(
                "the app or its token may not read; grant it tweet.read and users.read, and connect again",
                Retry::Reconnect,
            )
        }
        403 if is_kind("/client-forbidden") || is_kind("/unsupported-authentication") => rejected(
            "the app or its token may not do this; give it write access and connect again",
            Retry::Reconnect,
        ),
        429 => rejected("X asks us to wait", wait(answer, now).map_or(Retry::Backoff, Retry::After)),
        400 | 402..=407 | 409..=428 | 430..=499 => rejected(refuses, Retry::Never),
        _ => answer.failure(),
    }
}

/// The wait until a limit is set back, by those that nothing is left of; the server's own clock counts
/// where it tells it.
pub(super) fn wait(answer: &Answer, now: DateTime<Utc>) -> Option<Duration> {
    let now = date(answer).unwrap_or(now);
    let number = |name: String| answer.header(&name).and_then(|text| text.trim().parse::<i64>().ok());
    let reset = |limit: &str| {
        // The usual limit is the one that was met, whatever its headers say is left.
        let met = limit == "x-rate-limit" || number(format!("{limit}-remaining")) == Some(0);
        let until = DateTime::from_timestamp(number(format!("{limit}-reset")).filter(|_| met)?, 0)?;
        Some((until - now).to_std().unwrap_or_default())
    };
    let limits = ["x-rate-limit", "x-user-limit-24hour", "x-app-limit-24hour"];
    let longest = limits.into_iter().filter_map(reset).chain(answer.retry_after()).max()?;
    Some(longest.clamp(Duration::from_secs(1), LONGEST_WAIT))
}

/// The server's clock.
pub(super) fn date(answer: &Answer) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(answer.header("date")?).ok().map(|d| d.with_timezone(&Utc))
}
