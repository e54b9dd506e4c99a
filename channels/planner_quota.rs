//! What the answers of planners say of how much they still take. Pure.
//!
//! Facts: <https://developers.buffer.com/guides/api-limits>, in both of its versions: `RateLimit` once for each window
//! (`"100-in-15min";r=98;t=897`, requests left and seconds to its end), before that `RateLimit-Remaining` and
//! `RateLimit-Reset` (a time). A refusal tells its wait in seconds in `errors[0].extensions.retryAfter`, and no
//! `Retry-After` is described. X Ads tells in Unix seconds when a window ends, in `x-account-rate-limit-reset`, which
//! counts where it is there, or `x-rate-limit-reset` (X's `x-ads-api/fundamentals/rate-limiting`). Each of its calls has
//! windows of its own, so what is left in them says nothing of other calls, and is not kept.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::http::Answer;
use crate::message::LONGEST_WAIT;

/// The wait where a server names none.
const WAIT: Duration = Duration::from_secs(60);
/// The longest window that is believed.
const LONGEST: i64 = 31 * 24 * 3_600;

/// How many requests are left, and until when that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Left {
    pub requests: u64,
    pub until: DateTime<Utc>,
}

/// Each window that an answer tells of.
pub(crate) fn left(answer: &Answer, now: DateTime<Utc>) -> Vec<Left> {
    let lines = answer.headers.get_all("ratelimit").iter().filter_map(|line| line.to_str().ok());
    let windows = lines.flat_map(|line| line.split(',')).filter_map(|window| of_window(window, now));
    windows.chain(of_one(answer)).collect()
}

/// How long to wait between two times that so many requests are made, the first of them then, so that those of each
/// window that is not over last to its end beyond what is kept of them.
pub(crate) fn pace(
    windows: &[Left],
    kept: u64,
    requests: u64,
    (since, now): (DateTime<Utc>, DateTime<Utc>),
) -> TimeDelta {
    let waits = windows.iter().filter(|left| left.until > now).map(|left| {
        let times = left.requests.saturating_sub(kept) / requests.max(1);
        // Where none is left beyond those, the end of the window is waited for.
        (left.until - since) / i32::try_from(times.max(1)).unwrap_or(i32::MAX)
    });
    waits.max().unwrap_or_default()
}

fn of_window(window: &str, now: DateTime<Utc>) -> Option<Left> {
    let of = |name: &str| {
        let mut parts = window.split(';').skip(1).map(str::trim);
        parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('=')?.parse::<u64>().ok())
    };
    let ends = i64::try_from(of("t")?).ok().filter(|ends| *ends <= LONGEST)?;
    Some(Left { requests: of("r")?, until: now + TimeDelta::seconds(ends) })
}

fn of_one(answer: &Answer) -> Option<Left> {
    let requests = answer.header("ratelimit-remaining")?.trim().parse().ok()?;
    let until = DateTime::parse_from_rfc3339(answer.header("ratelimit-reset")?.trim()).ok()?;
    Some(Left { requests, until: until.with_timezone(&Utc) })
}

/// When a window ends that an answer of X Ads tells of: that of the account, or else that of the user.
fn reset(answer: &Answer) -> Option<DateTime<Utc>> {
    let told = |name: &str| answer.header(name)?.trim().parse().ok();
    let seconds = told("x-account-rate-limit-reset").or_else(|| told("x-rate-limit-reset"))?;
    DateTime::from_timestamp(seconds, 0)
}

/// How long a refusal asks us to wait.
pub(crate) fn wait(answer: &Answer, now: DateTime<Utc>) -> Duration {
    let told = || {
        let told: Value = answer.json().ok()?;
        let seconds = told.pointer("/errors/0/extensions/retryAfter")?;
        let seconds = seconds.as_f64().and_then(|seconds| Duration::try_from_secs_f64(seconds.ceil()).ok());
        seconds.map(|wait| wait.min(LONGEST_WAIT))
    };
    // What is over says nothing of the next one.
    let until = || (reset(answer)? - now).to_std().ok().filter(|left| !left.is_zero());
    let until = || until().map(|left| left.min(LONGEST_WAIT));
    answer.retry_after().or_else(told).or_else(until).unwrap_or(WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::header::{HeaderMap, HeaderName, HeaderValue};

    fn answer(headers: &[(&'static str, &'static str)], body: &'static str) -> Answer {
        let pairs = headers.iter();
        let headers: HeaderMap =
            pairs.map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
        Answer { status: 429, body: body.into(), headers }
    }

    #[test]
    fn each_window_is_read_and_the_one_counts_that_asks_for_the_longest_wait() {
        let now = DateTime::from_timestamp(1_700_000_100, 0).unwrap();
        let told = |headers: &[(&'static str, &'static str)]| {
            let windows = left(&answer(headers, ""), now);
            windows.iter().map(|left| (left.requests, (left.until - now).num_seconds())).collect::<Vec<_>>()
        };
        let three = [
            ("ratelimit", "\"100-in-15min\";r=98;t=897"),
            ("ratelimit", "\"100-in-1day\"; r=12; t=80000"),
            ("ratelimit", "\"3000-in-30days\";r=2000;t=696980"),
        ];
        assert_eq!(told(&three), [(98, 897), (12, 80_000), (2_000, 696_980)]);
        assert_eq!(
            told(&[("ratelimit", "\"a\";r=9;t=10, \"b\";r=8;t=20")]),
            [(9, 10), (8, 20)],
            "on one line"
        );
        let older = [("ratelimit-remaining", "850"), ("ratelimit-reset", "2023-11-14T22:30:00.000Z")];
        assert_eq!(told(&older), [(850, 900)]);
        for odd in ["", "\"a\"", "\"a\";r=9", "\"a\";r=-1;t=5", "\"a\";r=1;t=99999999999999999999"] {
            assert_eq!(told(&[("ratelimit", odd)]), [], "{odd}");
        }
        let windows = left(&answer(&three, ""), now);
        let wait = |requests, at| pace(&windows, 10, requests, (now, at)).num_seconds();
        assert_eq!(
            (wait(1, now), wait(2, now), wait(3, now)),
            (40_000, 80_000, 80_000),
            "of the day, to its end"
        );
        assert_eq!(wait(1, now + TimeDelta::seconds(79_999)), 40_000, "since then");
        assert_eq!(
            (wait(1, now + TimeDelta::days(2)), wait(1, now + TimeDelta::days(9))),
            (350, 0),
            "it is over"
        );
    }

    #[test]
    fn a_wait_is_read_in_the_header_or_in_the_body() {
        let told =
            r#"{"errors":[{"message":"wait","extensions":{"code":"RATE_LIMIT_EXCEEDED","retryAfter":900}}]}"#;
        let now = DateTime::from_timestamp(1_700_000_100, 0).unwrap();
        let wait = |answer: &Answer| wait(answer, now);
        assert_eq!(wait(&answer(&[], told)).as_secs(), 900);
        assert_eq!(wait(&answer(&[("retry-after", "7")], told)).as_secs(), 7);
        assert_eq!(wait(&answer(&[], r#"{"errors":[{"extensions":{"retryAfter":1e30}}]}"#)), WAIT);
        assert_eq!(wait(&answer(&[], r#"{"errors":[{"extensions":{"retryAfter":1e7}}]}"#)), LONGEST_WAIT);
        assert_eq!(wait(&answer(&[], "none")), WAIT);
        let user = ("x-rate-limit-reset", "1700000900");
        assert_eq!(wait(&answer(&[("x-account-rate-limit-reset", "1700000400"), user], "")).as_secs(), 300);
        assert_eq!(wait(&answer(&[user], "")).as_secs(), 800);
        for (odd, expected) in [("soon", WAIT), ("1", WAIT), ("9999999999", LONGEST_WAIT)] {
            assert_eq!(wait(&answer(&[("x-rate-limit-reset", odd)], "")), expected, "{odd}");
        }
    }
}
