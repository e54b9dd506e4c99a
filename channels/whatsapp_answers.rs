//! What the refusals of WhatsApp's Cloud API mean
//! (<https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes>). Pure.
//!
//! What is not here is as on Meta's other networks ([`crate::graph`]). Many of these come by webhook only ([`super::reports`]).

use crate::each::Told;
use crate::graph_api::Api;
use crate::http::Answer;
use crate::ledger::Mark;
use crate::message::Doing;
use crate::{Failure, Retry, graph, sms};

/// Why one recipient does not get it.
fn known(code: i64) -> Option<&'static str> {
    Some(match code {
        131_021 => "this is the number that sends",
        131_026 => "not on WhatsApp, or cannot get it there",
        130_472 => "left out by an experiment of Meta",
        131_049 => "held back by Meta, which limits how much people are sent",
        131_050 => "the recipient has opted out",
        _ => return None,
    })
}

/// Why a message that Meta took does not arrive, by the code that its webhook gives. Meta's own words could hold the number.
pub(super) fn why(code: i64) -> String {
    match known(code) {
        Some(why) => format!("{why}, code {code}"),
        None => format!("WhatsApp did not deliver it, code {code}"),
    }
}

/// What stands in the way of one recipient until somebody mends it, or for some time.
fn forbidden(code: i64) -> Option<(&'static str, Retry)> {
    Some(match code {
        130_497 => ("the account may not send to that country", Retry::Reconnect),
        131_030 => {
            ("a number for tests sends only to numbers that were added to its list at Meta", Retry::Reconnect)
        }
        131_056 => ("Meta finds that this number was sent too much in a short time", Retry::Backoff),
        _ => return None,
    })
}

/// What is the same for every recipient: nothing was sent.
fn ours(code: i64) -> Option<(&'static str, Retry)> {
    Some(match code {
        131_037 => ("Meta has not approved the name of the number; see WhatsApp Manager", Retry::Reconnect),
        131_042 => ("Meta has no valid payment for the account; see WhatsApp Manager", Retry::Reconnect),
        131_045 | 133_010 => {
            ("the number is not registered at Meta; register it in WhatsApp Manager", Retry::Reconnect)
        }
        131_048 => (
            "Meta limits the number, because people blocked it or called it spam; see WhatsApp Manager",
            Retry::Reconnect,
        ),
        132_001 => ("Meta has no such approved template in this language", Retry::Reconnect),
        132_015 | 132_016 => {
            ("Meta has paused or disabled the template; see WhatsApp Manager", Retry::Reconnect)
        }
        132_000 | 132_005 | 132_007 | 132_012 | 132_018 => {
            ("Meta does not take these words in the template", Retry::Never)
        }
        _ => return None,
    })
}

/// What an answer means that does not take a message. A status of 5xx is a doubt, but for codes that say that the
/// account as a whole sends nothing.
pub(super) fn refused(api: &Api, answer: &Answer) -> Told {
    let code = graph::code(answer);
    let rejected = |what: &str, retry| Failure::Rejected { reason: refusal(api, answer, what), retry };
    match code {
        131_045 => {}
        131_057 => return Told::Wait(None, refusal(api, answer, "the account is in maintenance at Meta")),
        _ if !(400..500).contains(&answer.status) => return other(api, answer),
        _ => {}
    }
    if let Some(why) = known(code) {
        return Told::Known(Mark::Refused(why.to_owned()));
    }
    if let Some((why, retry)) = forbidden(code) {
        // Meta's own words are about one recipient.
        return Told::Skipped(Failure::Rejected { reason: answer.refused(why, None), retry });
    }
    match ours(code) {
        Some((what, retry)) => Told::Stop(rejected(what, retry)),
        // It may be about the recipient or about all.
        None if is_refusal(code) => Told::Skipped(rejected("Meta refuses the post", Retry::Never)),
        None => other(api, answer),
    }
}

/// Whether it is one of WhatsApp's own codes, but for those that say nothing of what was done and those that Meta's
/// other networks have, too.
fn is_refusal(code: i64) -> bool {
    matches!(code, 130_000..=139_999)
        && !matches!(code, 130_429 | 131_000 | 131_005 | 131_016 | 131_031 | 133_004)
}

/// As on Meta's other networks. What is refused for good may be about the recipient or about all: nothing is written
/// down of them, and the others are tried.
fn other(api: &Api, answer: &Answer) -> Told {
    let failure = api.failure(answer, Doing::Post).reworded(|words| match sms::holds_number(&words) {
        true => answer.refused("Meta refuses the post", None),
        false => words,
    });
    match failure {
        Failure::Rejected { reason, retry: Retry::After(wait) } => Told::Wait(Some(wait), reason),
        Failure::Rejected { reason, retry: Retry::Backoff } => Told::Wait(None, reason),
        Failure::Rejected { retry: Retry::Never | Retry::Duplicate, .. } => Told::Skipped(failure),
        Failure::InDoubt { reason } => Told::Lost(reason),
        stop => Told::Stop(stop),
    }
}

/// A refusal in our words, and in Meta's unless they could hold the access token or a number.
fn refusal(api: &Api, answer: &Answer, what: &str) -> String {
    let words =
        api.words(answer, "/error/error_data/details").or_else(|| api.words(answer, "/error/message"));
    answer.refused(what, words.filter(|words| !sms::holds_number(words)).as_deref())
}
