//! What X Ads says when it refuses. Pure.
//!
//! Facts: X's `x-ads-api/fundamentals/error-codes-and-responses` (the codes, and that a refusal can be without any),
//! `x-ads-api/getting-started/step-by-step-guide` (who gives an app access, and that a token has to be made anew after
//! that). That an older token gets `INSUFFICIENT_USER_AUTHORIZED_PERMISSION` is told by people who met it.

use std::time::Duration;

use serde_json::Value;

use crate::http::Answer;
use crate::{Failure, Retry};

const REFUSES: &str = "X Ads refuses the request";
const KEYS: &str = "X does not take the keys: write all four as its developer console shows them, and see that the clock of this machine is right";
const NO_ACCESS: &str = "the app has no access to the X Ads API: ask X for it with its form for Ads API access, and make a new access token once it is given";
const OLD_TOKEN: &str = "the access token may not use the X Ads API: make a new one in X's developer console, where the app has access by now";
const READS_ONLY: &str =
    "the app may only read: give it read and write in X's developer console, and make a new access token";
const NO_ACCOUNT: &str = "the access token's user has no access to this ads account: correct the setting account, or have the user added at ads.x.com";
const LOCKED: &str = "X has locked the account: look at it there";
const BUSY: &str = "X Ads is busy with the account";
/// How long an account is let alone that is busy.
const SHORT: Duration = Duration::from_secs(10);

/// The code of a refusal. It is a word in capitals, or none.
pub(super) fn code(answer: &Answer) -> Option<String> {
    let told: Value = answer.json().ok()?;
    let code = told.pointer("/errors/0/code")?.as_str()?;
    let is_plain =
        (1..=80).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    is_plain.then(|| code.to_owned())
}

/// Whether X takes no more posts around that time: 30 within 15 minutes. No document tells the status.
pub(super) fn is_full(answer: &Answer) -> bool {
    let is_refused = (400..500).contains(&answer.status);
    is_refused && code(answer).is_some_and(|code| code == "SCHEDULED_TWEET_LIMIT_EXCEEDED")
}

/// What a refusal means that says more than its status; nothing: its status says it. What is hidden is in no word of it.
pub(super) fn refusal(answer: &Answer, hidden: &[&str]) -> Option<Failure> {
    let code = code(answer);
    let about_access = match (answer.status, code.as_deref()) {
        (401, _) => Some(KEYS),
        (403, Some("UNAUTHORIZED_CLIENT_APPLICATION")) => Some(NO_ACCESS),
        (403, Some("INSUFFICIENT_USER_AUTHORIZED_PERMISSION")) => Some(OLD_TOKEN),
        (403, Some("READONLY_CLIENT_APPLICATION")) => Some(READS_ONLY),
        (403, Some("ACCOUNT_NOT_FOUND" | "USER_NOT_FOUND")) => Some(NO_ACCOUNT),
        (403, Some("ACCOUNT_LOCKED_OUT" | "CURRENT_USER_SUSPENDED")) => Some(LOCKED),
        _ => None,
    };
    if let Some(why) = about_access {
        return Some(answer.rejected(why, code.as_deref(), Retry::Reconnect));
    }
    match answer.status {
        423 => Some(answer.rejected(BUSY, code.as_deref(), Retry::Later(SHORT))),
        400 | 402..=407 | 409..=422 | 424..=428 | 430..=499 => {
            let words = answer.words("/errors/0/message", hidden).or(code);
            Some(answer.rejected(REFUSES, words.as_deref(), Retry::Never))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::header::HeaderMap;

    fn answer(status: u16, body: &'static str) -> Answer {
        Answer { status, body: body.into(), headers: HeaderMap::new() }
    }

    fn said(status: u16, body: &'static str) -> String {
        refusal(&answer(status, body), &["hunter2"]).map_or_else(String::new, |failure| failure.to_string())
    }

    #[test]
    fn who_has_no_access_reads_what_to_do() {
        for (status, body, word) in [
            (401, r#"{"errors":[{"code":"UNAUTHORIZED_ACCESS"}]}"#, "write all four"),
            (401, "<html>", "clock of this machine"),
            (403, r#"{"errors":[{"code":"UNAUTHORIZED_CLIENT_APPLICATION"}]}"#, "form for Ads API access"),
            (403, r#"{"errors":[{"code":"INSUFFICIENT_USER_AUTHORIZED_PERMISSION"}]}"#, "make a new one"),
            (403, r#"{"errors":[{"code":"READONLY_CLIENT_APPLICATION"}]}"#, "read and write"),
            (403, r#"{"errors":[{"code":"ACCOUNT_NOT_FOUND"}]}"#, "the setting account"),
            (403, r#"{"errors":[{"code":"ACTION_NOT_ALLOWED"}]}"#, "(status 403): ACTION_NOT_ALLOWED"),
            (
                400,
                r#"{"errors":[{"code":"INVALID_PARAMETER","message":"Expected time"}]}"#,
                ": Expected time",
            ),
            (400, r#"{"errors":[{"code":"INVALID_PARAMETER","message":"hunter2"}]}"#, ": INVALID_PARAMETER"),
            (423, r#"{"errors":[{"code":"LOCK_ACQUISITION_TIMEOUT"}]}"#, "is busy"),
        ] {
            let why = said(status, body);
            assert!(why.contains(word) && !why.contains("hunter2"), "{body}: {why}");
        }
        for status in [408, 429, 500, 503] {
            assert_eq!(said(status, "{}"), "", "{status}: its status says it");
        }
    }

    #[test]
    fn a_window_that_is_full_is_known_by_its_code() {
        for status in [400, 403] {
            assert!(is_full(&answer(status, r#"{"errors":[{"code":"SCHEDULED_TWEET_LIMIT_EXCEEDED"}]}"#)));
        }
        assert!(!is_full(&answer(400, r#"{"errors":[{"code":"INVALID_PARAMETER"}]}"#)));
    }
}
