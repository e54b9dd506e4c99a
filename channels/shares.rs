//! What Meta says in headers of the calls that it still answers: shares in percent, not counts. Pure.
//!
//! Facts: <https://developers.facebook.com/docs/graph-api/overview/rate-limiting/>. `X-App-Usage` is of the app over a
//! rolling hour; `X-Page-Usage` (a rolling day, <https://developers.facebook.com/blog/post/2016/06/16/page-level-rate-limits/>) and
//! `X-Business-Use-Case-Usage` are of the account. Each is JSON with what is used, in percent, of calls and of two kinds
//! of computing time; whichever is used up first refuses. Most answers carry them once enough calls were made, so an
//! answer without them tells nothing. How many calls one percent is, and what a post costs, nobody tells.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::quota::Of;

/// The share of its calls that a network still answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    pub of: Of,
    /// In percent of all that it answers in a window.
    pub left: u8,
    /// When some of it is free again, where it is used up and that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub back_at: Option<DateTime<Utc>>,
    /// When an answer told it.
    pub heard_at: DateTime<Utc>,
}

impl Share {
    /// Whether it is told for so short a time that it still says something: the window of an app is an hour.
    pub fn counts_at(&self, now: DateTime<Utc>) -> bool {
        now.signed_duration_since(self.heard_at) <= TimeDelta::hours(1)
    }
}

/// The longest wait that is believed.
const LONGEST: TimeDelta = TimeDelta::hours(24);

/// The networks that tell shares.
const TELL: [&str; 4] = ["facebook", "instagram", "threads", "whatsapp"];

/// Whether the adapter's network tells shares.
pub(crate) fn tells(adapter: &str) -> bool {
    TELL.contains(&adapter)
}

/// What is used of a budget, in whole percent, by the worst of its shares.
pub(crate) fn used(budget: &Value) -> Option<u8> {
    let share = |name: &&str| budget[*name].as_f64().filter(|percent| percent.is_finite());
    let worst =
        ["call_count", "total_time", "total_cputime"].iter().filter_map(share).max_by(f64::total_cmp)?;
    // In the range of a byte by the clamp.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0 and 100")]
    Some(worst.ceil().clamp(0.0, 100.0) as u8)
}

/// A header that is JSON.
pub(crate) fn json<'a>(header: impl Fn(&str) -> Option<&'a str>, name: &str) -> Option<Value> {
    header(name).and_then(|text| serde_json::from_str(text).ok())
}

/// The budgets of the business use cases. They are listed by the number of whose they are; an answer tells those of
/// its own call.
pub(crate) fn cases(header: Option<Value>) -> Vec<Value> {
    let all = header.unwrap_or_default();
    let all = all.as_object().into_iter().flat_map(|all| all.values());
    all.filter_map(Value::as_array).flatten().cloned().collect()
}

/// In how many minutes the last of the use cases that are used up answers again.
pub(crate) fn minutes(cases: &[Value]) -> Option<u64> {
    let told = cases.iter().filter_map(|case| case["estimated_time_to_regain_access"].as_u64()).max();
    told.filter(|minutes| *minutes > 0)
}

/// What the headers of one answer tell, at most one share of each.
pub(crate) fn read<'a>(header: impl Fn(&str) -> Option<&'a str>, now: DateTime<Utc>) -> Vec<Share> {
    let cases = cases(json(&header, "x-business-use-case-usage"));
    let wait = minutes(&cases).and_then(|m| TimeDelta::try_minutes(i64::try_from(m).ok()?));
    let back_at = wait.and_then(|wait| now.checked_add_signed(wait.min(LONGEST)));
    let app = json(&header, "x-app-usage").as_ref().and_then(used);
    let page = json(&header, "x-page-usage").as_ref().and_then(used);
    let account = cases.iter().filter_map(used).chain(page).max();
    let share = |of, used: Option<u8>, back_at| {
        used.map(|used| Share { of, left: 100 - used, back_at, heard_at: now })
    };
    [share(Of::Account, account, back_at), share(Of::App, app, None)].into_iter().flatten().collect()
}

#[cfg(test)]
#[path = "shares_tests.rs"]
mod tests;
