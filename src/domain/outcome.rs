//! What to do after an attempt: try again, read back, or ask a person. Pure.

use crate::clock::Millis;

/// Attempts at one delivery before it fails, when each was provably without effect.
pub const MAX_ATTEMPTS: i64 = 8;

/// When to read back an attempt in doubt, after it became so (`channels.md` section 1.2).
pub const READS: [Millis; 4] = [5_000, 30_000, 120_000, 600_000];

/// The wait after so many failures in a row: `first`, doubled each time, at most `longest`.
pub fn doubled(first: Millis, failures: i64, longest: Millis) -> Millis {
    first.saturating_mul(1 << failures.clamp(1, 12).saturating_sub(1)).min(longest)
}

/// The wait before attempt number `attempts + 1`: 2 s doubled each time, at most 10 minutes, with
/// a jitter of a quarter taken from `seed`.
pub fn backoff(attempts: i64, seed: u64) -> Millis {
    let base = doubled(2_000, attempts, 600_000);
    let quarter = base / 4;
    base - quarter / 2 + Millis::try_from(seed % u64::try_from(quarter.max(1)).unwrap_or(1)).unwrap_or(0)
}

/// How far a network's read can be believed, and what a replay does there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trust {
    /// A replay cannot make a second post.
    pub replay_is_safe: bool,
    /// Absent means absent, once nothing is under way.
    pub absent_is_proof: bool,
    /// The network can be read at all.
    pub readable: bool,
    /// How long a late request could still land.
    pub late: Millis,
}

/// How long a late request could still land, on most networks.
pub const LATE: Millis = 30_000;

/// What to do with an attempt in doubt after the `reads`-th read, of which the last `absent`
/// answered "not there".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doubt {
    /// Provably no effect: the delivery may be tried again.
    NoEffect,
    /// Read again this long after it became in doubt.
    ReadAfter(Millis),
    /// Only a person can settle it.
    AskPerson,
}

/// The next step. A single "not there" is never enough where a late request could still land:
/// two in a row are needed, the second at least `late` after the doubt began, which is `since`
/// milliseconds ago.
pub fn next_step(trust: Trust, reads: i64, absent: i64, since: Millis) -> Doubt {
    if trust.replay_is_safe && absent >= 1 {
        return Doubt::NoEffect;
    }
    if trust.absent_is_proof && absent >= 2 && reads >= 2 {
        return if since >= trust.late { Doubt::NoEffect } else { Doubt::ReadAfter(trust.late) };
    }
    match READS.get(usize::try_from(reads).unwrap_or(usize::MAX)) {
        Some(after) if trust.readable => Doubt::ReadAfter(*after),
        _ => Doubt::AskPerson,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Trust =
        Trust { replay_is_safe: false, absent_is_proof: false, readable: false, late: LATE };

    #[test]
    fn backoff_grows_and_stays_bounded() {
        for n in 1..40 {
            let wait = backoff(n, u64::try_from(n).unwrap() * 7919);
            assert!((1_500..=700_000).contains(&wait), "{n}: {wait}");
        }
        assert!(backoff(6, 0) > backoff(2, 0));
    }

    #[test]
    fn a_channel_that_cannot_be_read_goes_to_a_person() {
        assert_eq!(next_step(NOTHING, 0, 0, 0), Doubt::AskPerson);
    }

    #[test]
    fn a_lagging_read_never_proves_absence() {
        let lagging = Trust { readable: true, ..NOTHING };
        for reads in 0..10 {
            assert_ne!(next_step(lagging, reads, reads, LATE), Doubt::NoEffect);
        }
    }

    #[test]
    fn one_absent_read_is_not_enough_without_an_own_id() {
        let consistent = Trust { readable: true, absent_is_proof: true, ..NOTHING };
        assert_eq!(next_step(consistent, 1, 1, LATE), Doubt::ReadAfter(30_000));
        assert_eq!(next_step(consistent, 2, 2, LATE), Doubt::NoEffect);
        assert_eq!(
            next_step(consistent, 2, 2, LATE - 1),
            Doubt::ReadAfter(LATE),
            "two quick looks prove nothing"
        );
        let slow = Trust { late: 300_000, ..consistent };
        assert_eq!(next_step(slow, 3, 3, 299_999), Doubt::ReadAfter(300_000));
        assert_eq!(next_step(slow, 3, 3, 300_000), Doubt::NoEffect);
    }
}
