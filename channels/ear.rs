//! What the answers of one channel's server say besides: its clock, and what it still takes and answers.

use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use crate::Clock;
use crate::http::header::HeaderMap;
use crate::quota::{Form, Quota, form};
use crate::shares::{self, Share};

/// What was heard.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    /// How far the server's clock is ahead of ours, by its last answer, in milliseconds.
    pub skew_ms: Option<i64>,
    /// When that was heard.
    pub skew_at: Option<DateTime<Utc>>,
    /// What the last answer to a post told of posts.
    pub posts: Vec<Quota>,
    /// What the last other answer told of requests: the limit of which the least is left.
    pub calls: Option<Quota>,
    /// The shares of calls that are left by the last answers that told them.
    pub shares: Vec<Share>,
    news: bool,
}

/// Listens to the answers of one channel's server.
pub struct Ear {
    form: Option<&'static Form>,
    tells_shares: bool,
    clock: Clock,
    heard: Mutex<Heard>,
}

impl Ear {
    /// One for a channel of that adapter.
    pub fn new(adapter: &str, clock: Clock) -> Self {
        Self { form: form(adapter), tells_shares: shares::tells(adapter), clock, heard: Mutex::default() }
    }

    /// What was heard last.
    pub fn heard(&self) -> Heard {
        self.lock().clone()
    }

    /// What the answer to a post told of posts, if one has come since the last call.
    pub fn news(&self) -> Option<Vec<Quota>> {
        let mut heard = self.lock();
        std::mem::take(&mut heard.news).then(|| heard.posts.clone())
    }

    /// Hears an answer. `subject` is the method and the host of the request.
    pub(crate) fn note(&self, subject: &str, path: &str, headers: &HeaderMap) {
        let now = (self.clock)();
        let header = |name: &str| headers.get(name)?.to_str().ok();
        // A cache answers with the time at which it asked.
        let date = header("date").filter(|_| header("age").is_none());
        let theirs = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
        let theirs = theirs.map(|date| date.with_timezone(&Utc));
        let mut heard = self.lock();
        heard.skew_ms = theirs.map(|date| date.signed_duration_since(now).num_milliseconds());
        heard.skew_at = theirs.map(|_| now);
        if self.tells_shares {
            for share in shares::read(header, now) {
                heard.shares.retain(|known| known.of != share.of);
                heard.shares.push(share);
            }
        }
        let Some(form) = self.form else { return };
        let told = form.read(header, theirs.unwrap_or(now), now);
        let method = subject.split(' ').next().unwrap_or_default();
        if form.is_post(method, path) {
            heard.posts = told;
            heard.news = true;
        } else {
            heard.calls = told.into_iter().min_by_key(|quota| quota.left);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Ear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ear").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "ear_tests.rs"]
mod tests;
