//! What Telegram answers, and what it means. Pure.

use std::time::Duration;

use serde_json::Value;

use crate::http::Answer;
use crate::message::{Doing, LONGEST_WAIT};
use crate::{Failure, Retry};

/// Words of a refusal that say that the bot lacks a right.
const NO_RIGHT: &[&str] = &[
    "chat not found",
    "not enough rights",
    "need administrator rights",
    "have no rights to send a message",
    "chat_write_forbidden",
    "chat_restricted",
];

/// Words of a refusal of an album, of whose pictures some may be there. No document tells (tdlib/telegram-bot-api says them).
const ALBUM: &[&str] = &["group send failed", "failed to send message #"];

/// What an answer that does not accept means.
pub(super) fn failure(answer: &Answer, token: &str, doing: Doing) -> Failure {
    let word = token.split_once(':').map_or(token, |(_, word)| word);
    let said = answer.words("description", &[token, word]);
    let told: Value = answer.json().unwrap_or_default();
    let status = answer.status;
    let rejected = |what: &str, retry| answer.rejected(what, said.as_deref(), retry);
    let describes =
        |words: &str| told["description"].as_str().is_some_and(|d| d.to_ascii_lowercase().contains(words));
    let no_right = match doing {
        Doing::Post => "the bot may not post there",
        Doing::Ask => "the bot does not find the chat",
        Doing::TakeDown => "the bot may not take posts down there",
        Doing::Revise => "the bot may not change posts there",
        Doing::Pin => "the bot may not pin posts there; give it the right",
    };
    match status {
        // An unknown token is an unknown address.
        401 | 404 => rejected("the bot's token is refused", Retry::Reconnect),
        403 => rejected(no_right, Retry::Reconnect),
        400 if told["parameters"]["migrate_to_chat_id"].is_i64() => {
            let number = &told["parameters"]["migrate_to_chat_id"];
            rejected(
                &format!(
                    "the group has become another chat, {number}; write that number into the setting chat"
                ),
                Retry::Reconnect,
            )
        }
        400 if NO_RIGHT.iter().any(|words| describes(words)) => rejected(no_right, Retry::Reconnect),
        // Said of an album: nothing tells whether some of its messages are there.
        400 if ALBUM.iter().any(|words| describes(words)) => in_doubt(status),
        // Only for who asks for updates, so what it means here is not known.
        409 => in_doubt(status),
        429 => {
            let named = told["parameters"]["retry_after"].as_u64().map(Duration::from_secs);
            let wait = named.into_iter().chain(answer.retry_after()).max();
            let retry = wait.map_or(Retry::Backoff, |w| Retry::After(w.min(LONGEST_WAIT)));
            rejected("Telegram asks us to wait", retry)
        }
        400..=407 | 410..=499 => rejected(&doing.refusal("Telegram"), Retry::Never),
        _ => answer.failure(),
    }
}

/// A doubt about what that status means.
pub(super) fn in_doubt(status: u16) -> Failure {
    Failure::InDoubt { reason: format!("the server answered {status}") }
}

/// The reason of a refusal of what was asked, in small letters.
fn said(answer: &Answer) -> String {
    let told: Value = answer.json().unwrap_or_default();
    let said = told["description"].as_str().filter(|_| answer.status == 400);
    said.unwrap_or_default().to_ascii_lowercase()
}

/// Whether the chat holds no message of that number. Said in these words only of a chat that the bot is in.
pub(super) fn is_no_more(answer: &Answer) -> bool {
    said(answer) == "bad request: message to delete not found"
}

/// The same of a message that was to get other words.
pub(super) fn is_unknown(answer: &Answer) -> bool {
    said(answer) == "bad request: message to edit not found"
}

/// Whether the message has the new words already.
pub(super) fn is_unmodified(answer: &Answer) -> bool {
    said(answer).starts_with("bad request: message is not modified")
}
