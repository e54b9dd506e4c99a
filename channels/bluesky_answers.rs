//! What a server of Bluesky answers, and what it means.

use std::time::Duration;

use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Bluesky;
use crate::http::{Answer, Trouble};
use crate::message::LONGEST_WAIT;
use crate::{Failure, Retry};

/// What an XRPC error answer says.
#[derive(Default, Deserialize)]
struct Wrong {
    #[serde(default)]
    error: String,
}

impl Bluesky {
    /// What an answer that does not accept means. A session that the server refuses is forgotten.
    pub(super) async fn failure(&self, answer: &Answer) -> Failure {
        let wrong = error_name(answer);
        let rejected = |what: &str, retry| Failure::Rejected { reason: format!("{what} ({wrong})"), retry };
        match (answer.status, wrong.as_str()) {
            // An app password's session that has ended answers 400, not 401.
            (400 | 401, "ExpiredToken") => {
                *self.session.lock().await = None;
                rejected("the session has ended", Retry::Backoff)
            }
            (400 | 401, "InvalidToken" | "AuthMissing" | "AuthenticationRequired") => {
                *self.session.lock().await = None;
                rejected("the session is refused", Retry::Backoff)
            }
            (_, "AccountTakedown" | "AccountDeactivated" | "AccountSuspended") => {
                rejected("the account may not post; look at it on Bluesky", Retry::Reconnect)
            }
            (400, _) => rejected("the server refuses the post", Retry::Never),
            (429, _) => rejected("the server asks us to wait", self.wait(answer)),
            _ => answer.failure(),
        }
    }

    /// How long a refusal for being too fast asks us to wait. The network's own server tells only when its window
    /// ends, in Unix seconds (`packages/xrpc-server/src/rate-limiter.ts` of <https://github.com/bluesky-social/atproto>);
    /// what stands before it may send `Retry-After`.
    pub(super) fn wait(&self, answer: &Answer) -> Retry {
        let until = || answer.header("ratelimit-reset")?.trim().parse::<i64>().ok();
        let theirs = answer.header("date").and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        let now = theirs.map_or_else(|| (self.clock)().timestamp(), |date| date.timestamp());
        let left = || {
            until().map(|until| {
                Duration::from_secs(u64::try_from(until.saturating_sub(now)).unwrap_or(0).max(1))
            })
        };
        let wait = answer.retry_after().or_else(left);
        wait.map_or(Retry::Backoff, |wait| Retry::After(wait.min(LONGEST_WAIT)))
    }
}

/// Whether a removal was made, and not by a page in between that says yes to anything. Older servers say nothing more
/// (lexicon com.atproto.repo.deleteRecord).
pub(super) fn is_done(answer: &Answer) -> bool {
    answer.is_success() && (answer.body.is_empty() || answer.json::<Map<String, Value>>().is_ok())
}

/// The name of an XRPC error; a server's free words are left out.
pub(super) fn error_name(answer: &Answer) -> String {
    let name = answer.json::<Wrong>().unwrap_or_default().error;
    let plain = !name.is_empty() && name.len() <= 60 && name.chars().all(|c| c.is_ascii_alphanumeric());
    if plain { name } else { format!("status {}", answer.status) }
}

pub(super) fn no_effect(trouble: Trouble) -> Failure {
    trouble.failure(false).without_effect()
}
