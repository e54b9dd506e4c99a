//! What a Ghost site answers, and what it means. Pure.

use serde_json::Value;

use crate::http::Answer;
use crate::message::Doing;
use crate::{Failure, Retry};

/// Ghost's name for the error.
pub(super) fn kind(answer: &Answer) -> String {
    let told: Value = answer.json().unwrap_or_default();
    told["errors"][0]["type"].as_str().unwrap_or_default().to_owned()
}

/// How each token begins: `{"` in base64.
pub(super) const TOKEN: &str = "eyJ";

/// Whether words hold neither a token, nor a part of one that would give it away: each has 43 characters
/// of signature, and the rest can be guessed.
pub(super) fn is_clean(words: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    !words.contains(TOKEN) && words.split(|c| !plain(c)).all(|run| run.len() < 40)
}

/// Whether Ghost itself says that there is no such thing. Another 404 says only that no Ghost is there.
pub(super) fn is_missing(answer: &Answer) -> bool {
    answer.status == 404 && kind(answer) == "NotFoundError"
}

/// What an answer that does not accept means.
pub(super) fn failure(answer: &Answer, secrets: &[&str], doing: Doing) -> Failure {
    let words = answer.words("/errors/0/message", secrets).filter(|words| is_clean(words));
    let rejected =
        |what: &str, retry| Failure::Rejected { reason: answer.refused(what, words.as_deref()), retry };
    match (answer.status, kind(answer).as_str()) {
        (401, _) => rejected(
            "the admin key is refused; copy it anew, and see that this machine's clock is right",
            Retry::Reconnect,
        ),
        (403, "HostLimitError") => rejected("the site's plan does not allow it", Retry::Reconnect),
        (403, _) => rejected("the admin key may not do this; use that of an integration", Retry::Reconnect),
        (404, "NotFoundError") if doing == Doing::Post => {
            rejected("the draft is gone; it is made again", Retry::Backoff)
        }
        (404, _) => rejected("no Ghost is at this address; give the address of the site", Retry::Reconnect),
        (406, _) => {
            rejected("this version of Ghost does not understand us; it must be 5 or newer", Retry::Reconnect)
        }
        // Somebody else has changed the post since it was read: this edit was not made.
        (409, "UpdateCollisionError") => rejected("somebody is editing the post on Ghost", Retry::Backoff),
        (409, _) => {
            Failure::InDoubt { reason: answer.refused("Ghost does not say what it did", words.as_deref()) }
        }
        (429, _) => {
            let wait = answer.retry_after().map_or(Retry::Backoff, Retry::After);
            rejected("Ghost asks us to wait", wait)
        }
        (400 | 413 | 415 | 422, _) => rejected("Ghost refuses the post", Retry::Never),
        _ => answer.failure(),
    }
}
