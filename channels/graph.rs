//! What Meta's Graph APIs share: errors, waits, ids, pages. Pure.
//!
//! Facts: <https://developers.facebook.com/docs/graph-api/guides/error-handling> for the codes 1, 2, 3, 4, 10,
//! 17, 102, 190, 200 to 299, 341, 368 and 506,
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes> for those above 130000, and
//! <https://developers.facebook.com/docs/graph-api/overview/rate-limiting> for the headers. The codes 24, 100,
//! 803 and the subcodes are told by no document that lists them all: they are as other programs met them. A
//! code that is not known decides nothing.

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::http::Answer;
use crate::message::{Doing, LONGEST_WAIT};
use crate::revise::NO_CHANGES;
use crate::{Failure, NO_PINS, Retry, shares};

#[path = "graph_children.rs"]
pub(crate) mod children;
#[path = "graph_fetched.rs"]
pub(crate) mod fetched;

/// The wait when the network names none.
const SOME_TIME: Duration = Duration::from_secs(60);
/// What is used is counted over an hour, so some of it is free again after a while.
const FULL: Duration = Duration::from_mins(5);
/// A quota of a day: some of it is free again after a while.
const NEXT_POSTS: Duration = Duration::from_hours(1);

/// What an error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The token is no more, or not ours.
    Token,
    /// The person behind the token must log in first.
    LogIn,
    Permission,
    /// The account is restricted.
    Restricted,
    TooFast,
    Throttled,
    /// The posts of a day are used up.
    UsedUp,
    /// The same words were posted before.
    Duplicate,
    Content,
    /// A picture could not be fetched from us.
    NotFetched,
    /// It does not exist, or not for this token.
    NotThere,
    /// It says nothing of what was done.
    Unclear,
}

/// What a code and its subcode mean.
pub(crate) fn meaning(code: i64, subcode: i64) -> Meaning {
    match (code, subcode) {
        // Instagram's own troubles (`instagram-platform/instagram-graph-api/reference/error-codes` there).
        (-2 | -1, _) => Meaning::Unclear,
        (_, 1_390_008) => Meaning::TooFast,
        (_, 1_346_003 | 1_404_102 | 2_207_004 | 2_207_005 | 2_207_009 | 2_207_010) => Meaning::Content,
        (_, 2_207_003 | 2_207_052) => Meaning::NotFetched,
        (_, 1_404_078 | 1_404_112 | 4_854_002 | 2_207_001 | 2_207_050 | 2_207_051 | 4_279_013)
        | (368 | 131_031, _) => Meaning::Restricted,
        (_, 2_207_042) => Meaning::UsedUp,
        (102 | 190, 459 | 464) => Meaning::LogIn,
        (102 | 190 | 2_500, _) => Meaning::Token,
        (3 | 10 | 200..=299 | 131_005, _) => Meaning::Permission,
        (4 | 17 | 32 | 341 | 613 | 80_000..=80_014 | 130_429, _) => Meaning::Throttled,
        (506, _) => Meaning::Duplicate,
        (24 | 803, _) | (100, 33) => Meaning::NotThere,
        (100, _) => Meaning::Content,
        _ => Meaning::Unclear,
    }
}

#[derive(Debug, Default, Deserialize)]
struct Body {
    #[serde(default)]
    error: Wrong,
}

#[derive(Debug, Default, Deserialize)]
struct Wrong {
    #[serde(default)]
    code: i64,
    #[serde(default)]
    error_subcode: i64,
    #[serde(default)]
    is_transient: bool,
}

/// The error of an answer, if it is one of the API's own.
fn wrong(answer: &Answer) -> Option<Wrong> {
    answer.json::<Body>().ok().map(|body| body.error).filter(|wrong| wrong.code != 0)
}

/// The code of the API's own, whatever the status; 0: there is none.
pub(crate) fn code(answer: &Answer) -> i64 {
    wrong(answer).map_or(0, |wrong| wrong.code)
}

/// What a refusal means, where a code of the API's own says it.
pub(crate) fn said(answer: &Answer) -> Option<Meaning> {
    let wrong = wrong(answer).filter(|_| (400..500).contains(&answer.status));
    wrong.map(|wrong| meaning(wrong.code, wrong.error_subcode))
}

/// Whether the answer says that what was asked for does not exist, at least not for this token.
pub(crate) fn is_not_there(answer: &Answer) -> bool {
    said(answer) == Some(Meaning::NotThere)
}

/// What an answer that does not accept means. Neither the token nor words around it are shown.
pub(crate) fn failure(answer: &Answer, token: &str, doing: Doing) -> Failure {
    let wait = wait(answer);
    let Some(wrong) = wrong(answer).filter(|_| (400..500).contains(&answer.status)) else {
        return match answer.failure() {
            Failure::Rejected { reason, retry: Retry::Backoff } if answer.status == 429 => {
                Failure::Rejected { reason, retry: Retry::After(wait.unwrap_or(SOME_TIME)) }
            }
            other => other,
        };
    };
    let said = answer.words("/error/error_user_msg", &[token]);
    let said = said.or_else(|| answer.words("/error/message", &[token]));
    let code = match wrong.error_subcode {
        0 => wrong.code.to_string(),
        subcode => format!("{}/{subcode}", wrong.code),
    };
    let words = said.map_or_else(|| code.clone(), |said| format!("{code}: {said}"));
    let rejected =
        |what: &str, retry| Failure::Rejected { reason: answer.refused(what, Some(&words)), retry };
    match meaning(wrong.code, wrong.error_subcode) {
        Meaning::Throttled => rejected("Meta asks us to wait", Retry::After(wait.unwrap_or(SOME_TIME))),
        _ if answer.status == 429 => {
            rejected("Meta asks us to wait", Retry::After(wait.unwrap_or(SOME_TIME)))
        }
        Meaning::UsedUp => {
            rejected("the account has used up its posts of a day", Retry::After(wait.unwrap_or(NEXT_POSTS)))
        }
        Meaning::Token => {
            rejected("the access token is refused; connect the account again", Retry::Reconnect)
        }
        Meaning::LogIn => rejected(
            "the person behind the access token must log in at Meta; then connect the account again",
            Retry::Reconnect,
        ),
        Meaning::Permission => rejected(
            "the app or the person behind the access token lacks a permission; grant it, then connect the account again",
            Retry::Reconnect,
        ),
        Meaning::Restricted => rejected(
            "Meta has restricted the account; see there what it asks for, then release the post again",
            Retry::Reconnect,
        ),
        Meaning::TooFast => rejected(
            "Meta finds that the account posts too fast; wait, then release the post again",
            Retry::Reconnect,
        ),
        Meaning::NotThere => rejected(
            "Meta does not know it, or not for this access token; look at the settings of the channel",
            Retry::Reconnect,
        ),
        Meaning::NotFetched => rejected(
            "Meta could not fetch a picture from public_url; let facebookexternalhit reach /media/ there (proxy, robots.txt)",
            Retry::Backoff,
        ),
        _ if wrong.is_transient => Failure::InDoubt { reason: answer.refused(UNCLEAR, Some(&words)) },
        Meaning::Content => rejected(
            match doing {
                Doing::Post => "Meta refuses the post",
                Doing::Ask => "Meta does not answer",
                Doing::TakeDown => "Meta does not take the post down",
                Doing::Pin => NO_PINS,
                Doing::Revise => NO_CHANGES,
            },
            Retry::Never,
        ),
        // It proves that these words are there, and not who posted them.
        Meaning::Duplicate => rejected("Meta says that the same words were posted before", Retry::Duplicate),
        Meaning::Unclear => Failure::InDoubt { reason: answer.refused(UNCLEAR, Some(&words)) },
    }
}

const UNCLEAR: &str = "Meta does not say what it did";

/// The wait that an answer asks for: in seconds, in minutes of the business use case, or because all of a
/// budget is used.
pub(crate) fn wait(answer: &Answer) -> Option<Duration> {
    let header = |name: &str| shares::json(|name| answer.header(name), name);
    let cases = shares::cases(header("x-business-use-case-usage"));
    let minutes = shares::minutes(&cases).map(|m| Duration::from_secs(m.saturating_mul(60)));
    let budgets = ["x-app-usage", "x-page-usage"].into_iter().filter_map(header).chain(cases);
    let full = budgets.into_iter().any(|budget| shares::used(&budget) == Some(100)).then_some(FULL);
    answer.retry_after().or(minutes).or(full).map(|wait| wait.min(LONGEST_WAIT))
}

/// The waits before each look at a container that is being prepared, in [`SECOND`]s.
pub(crate) const LOOKS: [u32; 6] = [0, 1, 2, 4, 8, 15];
pub(crate) const SECOND: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 1_000 });

/// Whether the public step was refused because of the access token, or of its rights: it has done nothing, and what
/// became of the post cannot be asked either.
pub(crate) fn is_certain(said: Option<Meaning>, retry: Retry) -> bool {
    matches!(said, Some(Meaning::Token | Meaning::LogIn | Meaning::Permission))
        || retry == Retry::Reconnect && said.is_none()
}

/// A step before the public one that came to nothing.
pub(crate) fn not_told(reason: String) -> Failure {
    Failure::Rejected { reason, retry: Retry::Backoff }
}

/// A node with the account whose it is: no other one has it, or may publish it.
pub(crate) fn of(account: &str, id: &str) -> String {
    format!("{account}:{id}")
}

/// The id of such a node, if it is that account's.
pub(crate) fn id_of<'a>(account: &str, named: &'a str) -> Option<&'a str> {
    let (whose, id) = named.split_once(':')?;
    (whose == account && is_id(id)).then_some(id)
}

/// Whether it has the form of an id of a node. It goes into paths.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit())
}

/// Whether it has the form of a version, such as v26.0. It goes into paths.
pub(crate) fn is_version(text: &str) -> bool {
    let digits = |part: &str| (1..=3).contains(&part.len()) && part.chars().all(|c| c.is_ascii_digit());
    let parts = text.strip_prefix('v').and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(major, minor)| digits(major) && digits(minor))
}

/// One page of a list, and the cursor of the next one. The address of the next page is not used: it holds the
/// access token, and could lead elsewhere.
///
/// # Errors
/// A sentence, when the answer holds no list.
pub(crate) fn page<T: DeserializeOwned>(answer: &Answer) -> Result<(Vec<T>, Option<String>), String> {
    let told: Value = answer.json()?;
    let items = serde_json::from_value(told["data"].clone());
    let items = items.map_err(|_| "the answer holds no list".to_owned())?;
    let paging = &told["paging"];
    let after = paging["cursors"]["after"].as_str().filter(|after| !after.is_empty());
    let more = paging["next"].is_string();
    match after {
        Some(after) if more => Ok((items, Some(after.to_owned()))),
        None if more => Err("the answer names no next page".to_owned()),
        _ => Ok((items, None)),
    }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
