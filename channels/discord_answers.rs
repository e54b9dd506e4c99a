//! What Discord answers, and what it means. Pure.

use std::time::Duration;

use serde_json::Value;

use crate::http::Answer;
use crate::message::{Doing, LONGEST_WAIT};
use crate::{Failure, Retry};

/// Whether it has the form of an id. It goes into addresses and into the log.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=25).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit())
}

/// Discord's own number of what went wrong.
fn code(answer: &Answer) -> i64 {
    let told: Value = answer.json().unwrap_or_default();
    told["code"].as_i64().unwrap_or_default()
}

/// The webhook answers, and finds no message of that id where it looks.
pub(crate) fn is_no_more(answer: &Answer) -> bool {
    const UNKNOWN_MESSAGE: i64 = 10_008;
    answer.status == 404 && code(answer) == UNKNOWN_MESSAGE
}

/// Too much at once, for Discord as a whole or for this channel.
const TRANSIENT: &[i64] = &[130_000, 20_016, 20_028];
/// The token is not the webhook's, or no bot's.
const CONNECT_AGAIN: &[i64] = &[40_001, 50_027];

/// Discord knows no such server, member or user.
const NOT_ON_SERVER: &[i64] = &[10_004, 10_007, 10_013];

/// Who speaks with Discord, for the words of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    Webhook,
    Bot,
}

impl Who {
    fn refused(self) -> &'static str {
        match self {
            Self::Webhook => "the webhook's address is refused; make a new one",
            Self::Bot => "the bot's token is refused; make a new one",
        }
    }

    fn may_not(self, doing: Doing) -> &'static str {
        match (self, doing) {
            (Self::Webhook, Doing::Revise) => "the webhook may not change it",
            (Self::Bot, Doing::Revise) => "the bot may not change it",
            (Self::Webhook, Doing::TakeDown) => "the webhook may not take it down",
            (Self::Bot, Doing::Pin) => "the bot may not pin there; give it the permission Pin Messages",
            (Self::Webhook, _) => "the webhook may not post there; make a new one",
            (Self::Bot, Doing::TakeDown) => "the bot may not take it down",
            (Self::Bot, Doing::Post) => "the bot may not post there; give it the permission",
            (Self::Bot, Doing::Ask) => "the bot may not look there; add it to the server and the channel",
        }
    }

    fn gone(self, code: i64) -> &'static str {
        match self {
            Self::Webhook => "the webhook or its thread is gone; make a new one",
            Self::Bot if NOT_ON_SERVER.contains(&code) => "the bot is not on the server; add it there",
            Self::Bot => "Discord does not know the channel; look at the settings",
        }
    }

    /// What an answer that does not accept means. Discord's own number says more than the status; but it says
    /// nothing of a fault of the server, which may have come after the post.
    pub(crate) fn failure(self, answer: &Answer, token: &str, doing: Doing) -> Failure {
        let words = answer.words("message", &[token]);
        let rejected = |what: &str, retry| answer.rejected(what, words.as_deref(), retry);
        let later = || rejected("Discord asks us to wait", wait(answer).map_or(Retry::Backoff, Retry::After));
        let code = code(answer);
        match answer.status {
            408 => answer.failure(),
            400..=499 if TRANSIENT.contains(&code) => later(),
            400..=499 if answer.status == 401 || CONNECT_AGAIN.contains(&code) => {
                rejected(self.refused(), Retry::Reconnect)
            }
            // Each refusal of Discord's own has a number.
            403 if code == 0 => rejected(
                "something before Discord refuses this machine; ask who runs the network that it calls from",
                Retry::Reconnect,
            ),
            403 => rejected(self.may_not(doing), Retry::Reconnect),
            404 => rejected(self.gone(code), Retry::Reconnect),
            429 => later(),
            400 | 405..=407 | 410..=499 => rejected(&doing.refusal("Discord"), Retry::Never),
            _ => answer.failure(),
        }
    }
}

/// The wait that Discord names: in the body with parts of a second, in headers, or in both.
fn wait(answer: &Answer) -> Option<Duration> {
    let told: Value = answer.json().unwrap_or_default();
    let seconds = |text: &str| text.trim().parse::<f64>().ok();
    let header = |name: &str| answer.header(name).and_then(seconds);
    let all = [told["retry_after"].as_f64(), header("retry-after"), header("x-ratelimit-reset-after")];
    let whole =
        |seconds: f64| Duration::try_from_secs_f64(seconds.ceil()).ok().map(|wait| wait.min(LONGEST_WAIT));
    all.into_iter().flatten().filter_map(whole).max().or_else(|| answer.retry_after())
}
