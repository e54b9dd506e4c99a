//! What networks say in headers of how much they still take: one table. Pure.
//!
//! Facts: X `fundamentals/rate-limits` (a reset is in Unix seconds; the limits of 24 hours are of a user and
//! of an app), Mastodon `api/rate-limits` (the answer to a post tells the limit of posts, every other answer
//! that of requests; a reset is an ISO time), Bluesky `docs/advanced-guides/rate-limits` (points; making a
//! record costs three). Meta tells shares of calls (`shares.rs`), LinkedIn, Slack and Twilio nothing before they refuse; the posts of
//! Threads are asked for by its check. A window that ends within a minute is how fast posts may follow each
//! other: its refusals say how long to wait, so nothing is kept of it. Discord tells only such ones
//! (`topics/rate-limits`).

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// Whose limit it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    Account,
    /// All accounts that post by the same app.
    App,
}

/// How much is still taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    pub of: Of,
    /// Most within a window, if that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    pub left: u64,
    /// When the window ends, by our clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resets_at: Option<DateTime<Utc>>,
    /// When an answer told it; nothing: the check asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_at: Option<DateTime<Utc>>,
}

/// The longest window that is believed.
const LONGEST: TimeDelta = TimeDelta::hours(24);
/// What ends within this is no budget.
const PACE: TimeDelta = TimeDelta::minutes(1);

/// How a reset is written.
#[derive(Debug, Clone, Copy)]
enum Reset {
    Unix,
    /// An ISO time; servers that speak the same API write seconds, or Unix seconds.
    Iso,
}

/// The headers of one network.
#[derive(Debug)]
pub(crate) struct Form {
    adapter: &'static str,
    /// A POST to a path with this end takes from the posts; everything else from the requests.
    posts: &'static str,
    /// What each limit's headers begin with: `-limit`, `-remaining` and `-reset` follow.
    limits: &'static [(&'static str, Of)],
    reset: Reset,
    /// What one post costs.
    cost: u64,
}

static FORMS: [Form; 4] = [
    Form {
        adapter: "bluesky",
        posts: "/com.atproto.repo.putRecord",
        limits: &[("ratelimit", Of::Account)],
        reset: Reset::Unix,
        cost: 3,
    },
    Form {
        adapter: "mastodon",
        posts: "/api/v1/statuses",
        limits: &[("x-ratelimit", Of::Account)],
        reset: Reset::Iso,
        cost: 1,
    },
    Form {
        adapter: "sandbox",
        posts: "/posts",
        limits: &[("x-ratelimit", Of::Account)],
        reset: Reset::Iso,
        cost: 1,
    },
    Form {
        adapter: "x",
        posts: "/2/tweets",
        limits: &[
            ("x-rate-limit", Of::Account),
            ("x-user-limit-24hour", Of::Account),
            ("x-app-limit-24hour", Of::App),
        ],
        reset: Reset::Unix,
        cost: 1,
    },
];

/// The headers of that adapter's network, if it tells any before it refuses.
pub(crate) fn form(adapter: &str) -> Option<&'static Form> {
    FORMS.iter().find(|form| form.adapter == adapter)
}

impl Form {
    /// Whether an answer to this request tells of posts.
    pub(crate) fn is_post(&self, method: &str, path: &str) -> bool {
        method == "POST" && path.ends_with(self.posts)
    }

    /// What the headers tell. `theirs` is the server's clock, by which it writes its times, and `now` ours.
    /// What cannot be read, ends within a minute, or lies further ahead than a day is not told.
    pub(crate) fn read<'a>(
        &self,
        header: impl Fn(&str) -> Option<&'a str>,
        theirs: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Vec<Quota> {
        let number = |name: String| header(&name).and_then(|text| text.trim().parse::<u64>().ok());
        let read = |&(name, of): &(&str, Of)| {
            let left = number(format!("{name}-remaining"))?;
            let limit = number(format!("{name}-limit")).filter(|limit| *limit > 0);
            let wait = wait(header(&format!("{name}-reset"))?, self.reset, theirs)?;
            if wait <= PACE || wait > LONGEST {
                return None;
            }
            Some(Quota {
                of,
                limit: limit.map(|limit| limit / self.cost),
                left: limit.map_or(left, |limit| left.min(limit)) / self.cost,
                resets_at: Some(now.checked_add_signed(wait)?),
                heard_at: Some(now),
            })
        };
        self.limits.iter().filter_map(read).collect()
    }
}

/// How long after `theirs` a reset is.
fn wait(text: &str, form: Reset, theirs: DateTime<Utc>) -> Option<TimeDelta> {
    let text = text.trim();
    let until = match (text.parse::<i64>(), form) {
        (Ok(seconds), Reset::Iso) if seconds < 1_000_000_000 => return TimeDelta::try_seconds(seconds),
        (Ok(seconds), _) => DateTime::from_timestamp(seconds, 0)?,
        (Err(_), Reset::Iso) => DateTime::parse_from_rfc3339(text).ok()?.with_timezone(&Utc),
        (Err(_), _) => return None,
    };
    Some(until.signed_duration_since(theirs))
}

#[cfg(test)]
#[path = "quota_tests.rs"]
mod tests;
