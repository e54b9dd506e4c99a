//! What a homeserver answers, and what it means. Pure.

use std::time::Duration;

use serde_json::Value;

use crate::http::Answer;
use crate::message::{Doing, LONGEST_WAIT};
use crate::{Failure, Retry};

pub(super) const NOT_IN: &str = "the account is not in the room; invite it and let it join";

/// The code of an error, if it has one.
pub(super) fn code(answer: &Answer) -> String {
    let told: Value = answer.json().unwrap_or_default();
    told["errcode"].as_str().unwrap_or_default().to_owned()
}

/// The wait that the server asks for, in the form of today or in the older one.
fn wait(answer: &Answer) -> Option<Duration> {
    let told: Value = answer.json().unwrap_or_default();
    let older = || told["retry_after_ms"].as_u64().map(|ms| LONGEST_WAIT.min(Duration::from_millis(ms)));
    answer.retry_after().or_else(older)
}

/// What an answer that does not accept means.
pub(super) fn failure(answer: &Answer, token: &str, doing: Doing) -> Failure {
    let words = answer.words("error", &[token]);
    let rejected =
        |what: &str, retry| Failure::Rejected { reason: answer.refused(what, words.as_deref()), retry };
    let connect_again = |what| rejected(what, Retry::Reconnect);
    let told: Value = answer.json().unwrap_or_default();
    match (answer.status, code(answer).as_str()) {
        (429, _) => rejected("the server asks us to wait", wait(answer).map_or(Retry::Backoff, Retry::After)),
        (401, "M_UNKNOWN_TOKEN") if told["soft_logout"] == true => {
            connect_again("the token has ended; log in again as the same device and give the new one")
        }
        (401, "M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN") => {
            connect_again("the token is refused; log in again and give the new one")
        }
        (401 | 403, "M_USER_LOCKED" | "M_USER_SUSPENDED" | "M_USER_DEACTIVATED") => {
            connect_again("the account is locked; ask who runs the server")
        }
        (403, "M_CONSENT_NOT_GIVEN") => {
            connect_again("the server wants its terms accepted; log in there with the account")
        }
        (403, "M_RESOURCE_LIMIT_EXCEEDED") => connect_again("the server is over its limits; ask who runs it"),
        (403, "M_FORBIDDEN") => match doing {
            Doing::Post => connect_again("the account may not post in the room; check the channel"),
            Doing::Ask => connect_again(NOT_IN),
            Doing::TakeDown => connect_again("the account may not take the post down"),
            Doing::Revise => connect_again("the account may not change the post"),
            Doing::Pin => connect_again("the account may not pin posts in the room; give it the power"),
        },
        (404, "M_NOT_FOUND") => connect_again("the server does not know the room or the post"),
        (404 | 405, _) => connect_again("no Matrix API is at this address; give the homeserver's"),
        (400 | 413, "M_TOO_LARGE") | (413, _) => {
            rejected("the server refuses the post as too large", Retry::Never)
        }
        _ => answer.failure(),
    }
}

/// What the account may do in the room.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Power {
    pub post: bool,
    /// Its own messages.
    pub take_down: bool,
}

/// By the room's power levels, and the event that made the room.
pub(super) fn power(levels: &Value, create: &Value, account: &str) -> Power {
    let content = create.get("content").unwrap_or(create);
    let version = content["room_version"].as_str().and_then(|v| v.parse::<u32>().ok()).unwrap_or(1);
    // Since version 12 the makers of a room are above all levels.
    let more = content["additional_creators"].as_array().is_some_and(|all| all.iter().any(|a| a == account));
    if version >= 12 && (create["sender"] == account || more) {
        return Power { post: true, take_down: true };
    }
    let usual = || number(&levels["users_default"]).unwrap_or(0);
    let own = number(&levels["users"][account]).unwrap_or_else(usual);
    let needed = |kind: &str| {
        let usual = || number(&levels["events_default"]).unwrap_or(0);
        number(&levels["events"][kind]).unwrap_or_else(usual)
    };
    Power { post: own >= needed("m.room.message"), take_down: own >= needed("m.room.redaction") }
}

/// A level; old rooms have some that are written as text.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.trim().parse().ok())
}
