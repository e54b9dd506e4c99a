//! What Twilio's refusals mean (<https://www.twilio.com/docs/api/errors>). Pure.

use serde_json::Value;

use crate::each::Told;
use crate::http::Answer;
use crate::ledger::Mark;
use crate::message::Doing;
use crate::{Failure, Retry};

/// Of the sender or the account: the same for every recipient, and a person must change something.
const OURS: [i64; 13] =
    [10_001, 20_003, 20_005, 20_404, 21_212, 21_603, 21_660, 21_661, 21_701, 21_702, 21_703, 21_704, 30_002];
/// Of the words or the pictures: the same for every recipient, for good.
const WORDS: [i64; 5] = [21_602, 21_617, 21_619, 21_620, 21_623];
/// Too much at once: another try is worth it.
const BUSY: [i64; 4] = [14_107, 20_429, 21_611, 30_001];
/// Why a message never arrives that was scheduled.
pub(super) const CANCELLED: &str = "somebody cancelled it before it left";
/// So many digits in a row may be a number.
const NUMBER: usize = 7;

fn code(answer: &Answer) -> i64 {
    answer.json::<Value>().ok().and_then(|told| told["code"].as_i64()).unwrap_or_default()
}

/// Why one recipient does not get it, by a code that is about recipients.
fn known(code: i64) -> Option<&'static str> {
    Some(match code {
        21_211 | 21_214 | 21_217 | 21_265 | 30_005 => "no number that can be reached",
        21_610 => "the recipient has opted out",
        21_612 => "cannot be reached from this sender",
        21_614 | 21_635 | 30_006 => "takes no text messages",
        30_003 => "the phone is off or out of reach",
        30_004 => "the recipient blocks messages",
        30_011 => "takes no pictures",
        30_007 => "held back as spam by the recipient's network",
        _ => return None,
    })
}

/// What the account may not do for one recipient, until a person changes that at Twilio.
fn forbidden(code: i64) -> Option<&'static str> {
    Some(match code {
        21_408 => "the account may not send to that country; allow it in Twilio's console",
        // Of the sender or of that destination: the code is the same.
        21_606 | 21_659 => {
            "the sender cannot reach that country, or is not the account's; change it at Twilio"
        }
        21_608 => "an account on trial sends only to numbers that were verified; verify them at Twilio",
        _ => return None,
    })
}

/// Why a message that Twilio took never arrives. Twilio's own words would repeat the number.
pub(super) fn why(code: i64) -> String {
    match known(code) {
        Some(why) => why.to_owned(),
        None if code == 0 => "Twilio did not send it".to_owned(),
        None => format!("Twilio did not send it, code {code}"),
    }
}

/// The same with the code, as Twilio tells it later.
pub(super) fn why_coded(code: i64) -> String {
    match known(code) {
        Some(why) => format!("{why}, code {code}"),
        None => why(code),
    }
}

/// Whether Twilio refuses a message for the address alone at which it is to report: it made none.
pub(super) fn takes_no_report(answer: &Answer) -> bool {
    answer.status == 400 && code(answer) == 21_609
}

/// Whether words may hold a telephone number, however it is written.
pub(crate) fn holds_number(words: &str) -> bool {
    let mut digits = 0;
    words.chars().any(|c| {
        digits = match c {
            _ if c.is_ascii_digit() => digits + 1,
            ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}' | '\u{202f}' => digits,
            _ => 0,
        };
        digits >= NUMBER
    })
}

/// A refusal in our words, and in Twilio's unless they could hold one of these or a number.
pub(super) fn refusal(answer: &Answer, hidden: &[&str], doing: Doing) -> String {
    let what = match (answer.status, code(answer)) {
        (401 | 403, _) | (_, 20_003) => "Twilio refuses the credential".to_owned(),
        (404, _) => "Twilio does not know the account or the message".to_owned(),
        (429, _) => "Twilio asks us to wait".to_owned(),
        (_, 0) => doing.refusal("Twilio"),
        (_, code) => format!("{}, code {code}", doing.refusal("Twilio")),
    };
    let words = answer.words("message", hidden).filter(|words| !holds_number(words));
    answer.refused(&what, words.as_deref())
}

/// What an answer to one message means that does not take it. A code that is not known may be about the recipient
/// or about all: nothing is written down of them, and the others are tried.
pub(super) fn refused(answer: &Answer, hidden: &[&str]) -> Told {
    let (status, code) = (answer.status, code(answer));
    let failure = |retry| Failure::Rejected { reason: refusal(answer, hidden, Doing::Post), retry };
    let wait = || Told::Wait(answer.retry_after(), refusal(answer, hidden, Doing::Post));
    match status {
        301 | 307 | 308 => return Told::Stop(failure(Retry::Reconnect)),
        408 | 500.. | 0..=399 => return Told::Lost(format!("Twilio answered {status}")),
        429 => return wait(),
        _ if BUSY.contains(&code) => return wait(),
        _ => {}
    }
    if let Some(why) = known(code) {
        return Told::Known(Mark::Refused(why.to_owned()));
    }
    if let Some(why) = forbidden(code) {
        let reason = answer.refused(why, None);
        return Told::Skipped(Failure::Rejected { reason, retry: Retry::Reconnect });
    }
    match status {
        401 | 403 | 404 => Told::Stop(failure(Retry::Reconnect)),
        _ if OURS.contains(&code) => Told::Stop(failure(Retry::Reconnect)),
        _ if WORDS.contains(&code) => Told::Stop(failure(Retry::Never)),
        _ => Told::Skipped(failure(Retry::Never)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_seen_however_it_is_written() {
        for words in
            ["to +41790000001", "'+41 79 000 00 01'", "(079) 000-0001", "%2B41790000001", "79.000.0001"]
        {
            assert!(holds_number(words), "{words}");
        }
        for words in ["status 400, code 21606", "1600 characters, 10 segments", ""] {
            assert!(!holds_number(words), "{words}");
        }
    }
}
