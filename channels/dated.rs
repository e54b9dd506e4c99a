//! Holds that last until a date: a network that cannot take a post off its schedule moves it to a later one, and
//! publishes it then. The mark of such a hold says until when it lasts. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::scheduler::mark;

/// How such a mark begins.
const UNTIL: &str = "until ";
/// How much later a post is at least that was moved on.
const LATER: TimeDelta = TimeDelta::seconds(60);

/// What moving a held post on did, where a network keeps a hold only until a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prolonged {
    /// Read back: it is held, as the mark says.
    Held { mark: String },
    /// It is public.
    Out(String),
    /// It is not there any more, and a request of ours can have done that or not.
    Gone(String),
    /// Nothing was done: somebody has changed it there.
    Changed,
    /// Nothing was done, and why.
    Left(String),
    /// Nobody knows; another one tells.
    Doubt(String),
}

/// The mark of a post that its network publishes at that time, and that is held by moving it: until then.
pub(crate) fn dated(due: DateTime<Utc>, of: &Value) -> String {
    format!("{UNTIL}{} {}", due.timestamp(), mark(of))
}

/// Until when a post is held that a hold left with this mark; nothing: for good. The network publishes it then.
pub fn held_until(mark: &str) -> Option<DateTime<Utc>> {
    parted(mark).map(|(until, _)| until)
}

/// The time of such a mark, and what is the same as long as nobody changes the post.
fn parted(mark: &str) -> Option<(DateTime<Utc>, &str)> {
    let (until, of) = mark.strip_prefix(UNTIL)?.split_once(' ')?;
    Some((DateTime::from_timestamp(until.parse().ok()?, 0)?, of))
}

/// Whether a post that was held is the same, for a later date: as a request of ours to hold it for longer leaves it.
pub fn is_moved_on(kept: &str, now: &str) -> bool {
    let later = |(before, of): (DateTime<Utc>, _), (after, now)| of == now && after - before >= LATER;
    parted(kept).zip(parted(now)).is_some_and(|(kept, now)| later(kept, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::GONE;

    #[test]
    fn a_mark_tells_until_when_it_holds_and_what_was_only_moved_on() {
        let at = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        let of = |seconds, words: &str| dated(at(seconds), &words.into());
        assert_eq!(held_until(&of(9_000, "Sale")), Some(at(9_000)));
        for other in ["", GONE, "cancelled", "until", "until x y", "until 9000"] {
            assert_eq!(held_until(other), None, "{other}");
        }
        assert!(is_moved_on(&of(9_000, "Sale"), &of(9_060, "Sale")));
        for now in [of(9_000, "Sale"), of(8_000, "Sale"), of(9_060, "Sale!"), GONE.to_owned()] {
            assert!(!is_moved_on(&of(9_000, "Sale"), &now), "{now}");
        }
    }
}
