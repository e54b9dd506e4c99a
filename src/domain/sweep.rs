//! Posts that somebody scheduled inside a network: what becomes of them under a freeze.

use serde::{Deserialize, Serialize};

use super::Word;
use super::freeze::{Order, Scope, Subject};
use super::post::Lane;
use crate::clock::Millis;

/// How far ahead a post is put back at least: networks publish at once what is nearer, or refuse it.
pub const AHEAD: Millis = 10 * 60_000;

/// How far ahead it still lies when the request leaves. Some networks publish at once what is nearer than
/// five minutes; the request takes time, and clocks differ.
pub const NEAREST: Millis = 8 * 60_000;

/// Where such a post stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stand {
    /// Seen on the schedule, and written down; not touched.
    Found,
    /// The request that takes it off the schedule may have left.
    Holding,
    /// Off the schedule; a person decides.
    Held,
    /// It went out before it could be held.
    GoneOut,
    /// Still on the schedule, or nobody knows; it is tried again while the freeze is in force.
    CouldNot,
    /// Not held: the freeze was lifted before, somebody else drew it back or scheduled it again, or the channel
    /// leads elsewhere.
    Left,
    /// A person wants it back on the schedule.
    Restoring,
    Restored,
    /// A person wants it never to go out.
    Dropping,
    Dropped,
}

impl Word for Stand {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("found", Self::Found),
        ("holding", Self::Holding),
        ("held", Self::Held),
        ("gone_out", Self::GoneOut),
        ("could_not", Self::CouldNot),
        ("left", Self::Left),
        ("restoring", Self::Restoring),
        ("restored", Self::Restored),
        ("dropping", Self::Dropping),
        ("dropped", Self::Dropped),
    ];
}

/// Whether a freeze covers what a network publishes by itself on the channel. Such posts are routine and
/// have no labels: a freeze by label covers none of them, and a label that is allowed spares none.
pub fn covers(scope: &Scope, channel: &str, brand: &str) -> bool {
    scope.covers(&subject(channel, brand))
}

/// How long before its time a post is tried at each look.
const URGENT: Millis = 20 * 60_000;
/// The longest rest between two tries.
const LONGEST_REST: Millis = 30 * 60_000;

/// Until when a post rests that could not be held so many times; until now, when its time is near.
pub fn rest(now: Millis, due: Millis, tries: i64) -> Millis {
    let doublings = u32::try_from(tries.clamp(1, 7) - 1).unwrap_or(0);
    // The first is the time between two looks; a little less, because looks are not exact.
    let longest = (50_000 << doublings).min(LONGEST_REST);
    (now + longest).min(due - URGENT).max(now)
}

/// How long it is asked again about a request whose end nobody knows. A person looks then.
pub const ASKED_FOR: Millis = 6 * 3_600_000;
/// The shortest and the longest time between two of these questions, and the longest one once its time is over.
const SHORTEST_WAIT: Millis = 15_000;
const LONGEST_WAIT: Millis = 10 * 60_000;
const OVERDUE_WAIT: Millis = 60_000;

/// Until when to wait before it is asked again what a request did that nobody knows the end of since then: the
/// longer the longer that is, and not when the time of the post is near.
pub fn wait(now: Millis, since: Millis, due: Millis) -> Millis {
    let begins = due - URGENT;
    let longest = match now {
        _ if now < begins => LONGEST_WAIT.min(begins - now).max(SHORTEST_WAIT),
        _ if now <= due.saturating_add(URGENT) => SHORTEST_WAIT,
        _ => OVERDUE_WAIT,
    };
    now + ((now - since) / 4).clamp(SHORTEST_WAIT, longest)
}

/// How long before a hold ends that a network keeps only until a date it is moved on: people need time when that
/// fails.
const AHEAD_OF_END: Millis = 7 * 24 * 3_600_000;

/// When a hold is moved on that ends at that time: in time, and after it has failed so many times, the last one
/// then, ever later, but not when the end is near.
pub fn prolong_at(until: Millis, failed: Option<(Millis, i64)>) -> Millis {
    let again = |(asked, tries)| rest(asked, until, tries).max(asked + SHORTEST_WAIT);
    failed.map_or(until - AHEAD_OF_END, again)
}

/// The shortest and the longest rest between two looks at what nobody knows where it stands.
const SHORTEST_REST: Millis = 5 * 60_000;
const LONGEST_LOOK: Millis = 24 * 3_600_000;

/// When what nobody knows where it stands is looked at again: the sooner the nearer its time is, before that and after
/// it.
pub fn look_at(looked: Millis, due: Millis) -> Millis {
    looked.saturating_add(((due - looked).abs() / 2).clamp(SHORTEST_REST, LONGEST_LOOK))
}

/// After so many tries a post whose time is over gives way to all others.
const STUBBORN: i64 = 3;

/// When it is the turn of a post among others, the smallest first: those whose time is near, the least tried
/// first; then all others by their times; then what is overdue and failed often, because it will fail again.
pub fn turn(now: Millis, due: Millis, tries: i64) -> (u8, i64, Millis) {
    match due - now {
        left if left <= 0 && tries >= STUBBORN => (2, tries, due),
        left if left <= URGENT => (0, tries, due),
        _ => (1, 0, due),
    }
}

/// How far ahead a post is put back at most: five years.
pub const FARTHEST: Millis = 5 * 365 * 24 * 3_600_000;

/// What such a post is judged by.
pub fn subject(channel: &str, brand: &str) -> Subject {
    Subject {
        lane: Lane::Routine,
        brand: brand.to_owned(),
        channel: channel.to_owned(),
        channel_brand: brand.to_owned(),
        labels: Vec::new(),
        due_at: Millis::MAX,
    }
}

/// The first freeze in force that covers it.
pub fn covering<'a>(orders: &'a [Order], channel: &str, brand: &str) -> Option<&'a Order> {
    orders.iter().find(|o| o.thawed_at.is_none() && covers(&o.scope, channel, brand))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_knows_is_looked_at_the_sooner_the_nearer_its_time_is() {
        const HOUR: Millis = 3_600_000;
        let rests = |left: Millis| look_at(1_000 * HOUR, 1_000 * HOUR + left) - 1_000 * HOUR;
        for (left, rest) in [(500, 24), (48, 24), (24, 12), (3, 1), (-3, 1), (-500, 24)] {
            assert!((rests(left * HOUR) - rest * HOUR).abs() <= HOUR / 2, "{left}: {}", rests(left * HOUR));
        }
        for near in [0, 1, 9 * 60_000, -60_000] {
            assert_eq!(rests(near), 5 * 60_000, "{near}");
        }
        // From any moment on it is looked at twice before the last quarter of an hour.
        let (due, mut looked) = (1_000 * HOUR, 0);
        let mut looks = Vec::new();
        while looked < due {
            looked = look_at(looked, due);
            looks.push(due - looked);
        }
        assert!(looks.iter().filter(|left| (900_000..24 * HOUR).contains(*left)).count() >= 2, "{looks:?}");
    }

    #[test]
    fn what_could_not_be_held_rests_longer_each_time_and_never_into_its_time() {
        let (now, far) = (1_000_000, Millis::MAX / 2);
        let rests: Vec<_> = [0, 1, 2, 3, 50].map(|tries| rest(now, far, tries) - now).to_vec();
        assert_eq!(rests, [50_000, 50_000, 100_000, 200_000, LONGEST_REST]);
        assert_eq!(rest(now, now + URGENT + 7, 4), now + 7);
        assert_eq!(rest(now, now + 60_000, 4), now, "at each look");
        assert_eq!(rest(now, now - 60_000, 4), now, "overdue");
    }

    #[test]
    fn a_hold_is_moved_on_a_week_before_its_end_and_tried_again_ever_more_often_at_the_end() {
        let (until, day) = (1_000 * 24 * 3_600_000, 24 * 3_600_000);
        assert_eq!(prolong_at(until, None), until - 7 * day);
        let next = |left: Millis, tries| prolong_at(until, Some((until - left, tries))) - (until - left);
        assert_eq!([1, 2, 9].map(|tries| next(6 * day, tries)), [50_000, 100_000, LONGEST_REST]);
        assert_eq!(next(URGENT + 40_000, 9), 40_000, "never into its end");
        assert_eq!([URGENT, 60_000, 0, -day].map(|left| next(left, 9)), [SHORTEST_WAIT; 4]);
    }

    #[test]
    fn what_is_not_known_is_asked_ever_more_seldom_but_often_when_its_time_is_near() {
        let (now, far) = (100_000_000, Millis::MAX);
        let ages = [0, 60_000, 120_000, ASKED_FOR];
        let waits = |due| ages.map(|age| wait(now, now - age, due) - now);
        assert_eq!(waits(far), [15_000, 15_000, 30_000, LONGEST_WAIT]);
        assert_eq!(waits(now + URGENT + 40_000), [15_000, 15_000, 30_000, 40_000], "never into its time");
        for near in [now + URGENT, now + 60_000, now, now - URGENT] {
            assert_eq!(waits(near), [15_000; 4], "{near}");
        }
        assert_eq!(waits(now - URGENT - 1), [15_000, 15_000, 30_000, OVERDUE_WAIT]);
    }

    #[test]
    fn what_cannot_be_asked_about_keeps_no_other_post_waiting() {
        let now = 100_000_000;
        let mut posts = [
            ("overdue, failed often", now - 60_000, 3),
            ("far", now + 2 * URGENT, 9),
            ("near, failed", now + 1_000, 1),
            ("farther", now + 3 * URGENT, 0),
            ("overdue, failed", now - 60_000, 1),
            ("near", now + URGENT, 0),
        ];
        posts.sort_by_key(|(_, due, tries)| turn(now, *due, *tries));
        let names = posts.map(|(name, ..)| name);
        let first = ["near", "overdue, failed", "near, failed", "far", "farther", "overdue, failed often"];
        assert_eq!(names, first);
    }

    #[test]
    fn a_freeze_by_label_covers_nothing_and_an_allowed_label_spares_nothing() {
        let list = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
        assert!(covers(&Scope::default(), "c", "bank"));
        assert!(covers(&Scope { allow: list(&["legal"]), ..Scope::default() }, "c", "bank"));
        assert!(covers(&Scope { brands: list(&["bank"]), ..Scope::default() }, "c", "bank"));
        assert!(covers(&Scope { channels: list(&["c"]), ..Scope::default() }, "c", "bank"));
        assert!(!covers(&Scope { labels: list(&["promo"]), ..Scope::default() }, "c", "bank"));
        assert!(!covers(&Scope { brands: list(&["shop"]), ..Scope::default() }, "c", "bank"));
        assert!(!covers(&Scope { channels: list(&["d"]), ..Scope::default() }, "c", "bank"));
        let lifted = Order { id: "f".into(), scope: Scope::default(), thawed_at: Some(9) };
        assert_eq!(covering(&[lifted], "c", "bank"), None, "a lifted one covers nothing that is to come");
    }
}
