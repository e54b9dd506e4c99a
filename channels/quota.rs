//! What networks say in headers of how much they still take: one table. Pure.
//!
//! Facts: X `fundamentals/rate-limits` (a reset is in Unix seconds; the limits of 24 hours are of a user and
//! of an app), Mastodon `api/rate-limits` (the answer to a post tells the limit of posts, every other answer
//! that of requests; a reset is an ISO time), Bluesky `docs/advanced-guides/rate-limits` (points; making a
//! record costs three). Meta tells shares of calls (`shares.rs`); the posts of Threads and Instagram are asked for
//! by their checks. A window that ends within a minute is how fast posts may follow each
//! other: its refusals say how long to wait, so nothing is kept of it. Discord tells only such ones
//! (`topics/rate-limits`).
//!
//! These tell nothing before they refuse:
//!
//! - LinkedIn has limits of a day for each app and each member, which end at midnight UTC. It publishes none of them; the
//!   page "Analytics" of the app shows them
//!   (<https://learn.microsoft.com/linkedin/shared/api-guide/concepts/rate-limits>). Whoever writes one into the setting
//!   `posts_a_day` has the posts counted here ([`Counted::Here`]).
//! - Slack (a message a second in a channel), Telegram (a second in a chat, 20 a minute in a group) and Discord's webhooks have
//!   a pace only: what is too fast is refused with the wait, and a reserve of it would be free again before anybody needs it.
//! - Twilio takes what comes and sends it at the pace of the sender; what ends there is money (`money.rs`).
//! - WhatsApp counts people and not messages: so many different ones within 24 hours, 250 at least
//!   (<https://developers.facebook.com/documentation/business-messaging/whatsapp/messaging-limits>). A list here has at most
//!   100, and writing to them again costs nothing of it. How many others the business writes to beside Holdline, nobody here
//!   knows; so nothing is counted.

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

/// Who counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    #[default]
    Network,
    /// Nobody tells it: our own posts, against a limit that an administrator wrote down. What others post with the same
    /// app is not in it.
    Here,
}

impl Counted {
    fn is_default(&self) -> bool {
        *self == Self::Network
    }
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
    #[serde(default, skip_serializing_if = "Counted::is_default")]
    pub counted: Counted,
}

impl Quota {
    /// What is left of a limit of a day, which ends at midnight UTC, after so many posts of ours.
    pub fn counted_here(limit: u64, posts: u64, now: DateTime<Utc>) -> Self {
        let midnight = now.date_naive().succ_opt().and_then(|day| day.and_hms_opt(0, 0, 0));
        Self {
            of: Of::App,
            limit: Some(limit),
            left: limit.saturating_sub(posts),
            resets_at: midnight.map(|at| at.and_utc()),
            heard_at: Some(now),
            counted: Counted::Here,
        }
    }
}

/// The setting for a limit of a day that the network tells nobody.
pub(crate) const A_DAY: crate::Setting = crate::Setting {
    name: "posts_a_day",
    help: "How many posts a day the network takes from the app, where that is known: then they are counted here, and \
           some are kept for crisis posts",
    required: false,
    private: false,
};

/// What that setting says.
///
/// # Errors
/// A sentence that names the setting.
pub(crate) fn a_day(connection: &crate::Connection) -> Result<Option<u64>, String> {
    let Ok(text) = connection.setting(A_DAY.name) else { return Ok(None) };
    match text.parse() {
        Ok(limit @ 1..=1_000_000) => Ok(Some(limit)),
        _ => Err("the setting posts_a_day: write a number, like 100".to_owned()),
    }
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
                counted: Counted::Network,
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
