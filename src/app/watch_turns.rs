//! Whose turn it is to be looked at.

use crate::clock::Millis;
use crate::store::watches::Watch;

/// Ticks are not exact.
const JITTER: Millis = 30_000;
/// Said where others write much: what nobody looked through may hold a post of the account.
pub(super) const MORE: &str =
    "more was written there since the last look than can be looked through; look there yourself";
/// How many minutes looks fail before that is an alarm, and lie between two tries from then on.
const SELDOM: i64 = 10;

/// The minutes that lie between two times, as a tick counts them.
fn minutes(from: Millis, to: Millis) -> i64 {
    (to - from + JITTER).div_euclid(60_000)
}

/// Whether it is the account's turn: so many minutes after the last look. What fails is tried again as often, but not
/// more seldom than every ten minutes, and once it has failed for that long, then only.
pub(super) fn is_due(watch: Option<&Watch>, every: i64, now: Millis) -> bool {
    let Some(watch) = watch else { return true };
    let Some(tried) = watch.tried_at.or(watch.looked_at) else { return true };
    let wait = match fails_since(watch) {
        Some(since) if minutes(since, now) > SELDOM => SELDOM,
        Some(_) => every.min(SELDOM),
        None => every,
    };
    // Each turn of the clock is one of every minute; and a clock can be set back.
    wait <= 1 || minutes(tried, now) >= wait || tried > now
}

/// Since when looks fail. One that succeeded and did not see all has trouble, too.
pub(super) fn fails_since(w: &Watch) -> Option<Millis> {
    w.troubled_at.filter(|_| w.trouble.as_deref() != Some(MORE))
}

/// Whether looks have failed for so long that this is an alarm.
pub(super) fn is_blind(since: Millis, now: Millis) -> bool {
    minutes(since, now) >= SELDOM
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(looked_at: Option<Millis>, trouble: Option<&str>) -> Watch {
        Watch {
            channel_id: String::new(),
            account: String::new(),
            shown: String::new(),
            since: 0,
            looked_at,
            tried_at: None,
            trouble: trouble.map(str::to_owned),
            troubled_at: trouble.map(|_| 0),
            whole: false,
        }
    }

    /// At which minutes it is looked at, when the ticks of some are lost.
    fn turns(w: &Watch, every: i64, lost: &[i64]) -> Vec<i64> {
        let mut w = w.clone();
        let ticks = (1..=61).filter(|m| !lost.contains(m));
        let is_turn = |m: &i64| {
            let now = m * 60_000 + 9;
            let is_due = is_due(Some(&w), every, now);
            if is_due {
                w.tried_at = Some(now);
                w.looked_at = if w.trouble.is_some() { w.looked_at } else { Some(now) };
            }
            is_due
        };
        ticks.filter(is_turn).collect()
    }

    #[test]
    fn each_account_is_looked_at_as_often_as_its_network_bears() {
        let well = watch(Some(0), None);
        assert!(is_due(None, 5, 0) && is_due(Some(&watch(None, None)), 30, 9) && is_due(Some(&well), 1, 0));
        assert_eq!((turns(&well, 30, &[]), turns(&well, 29, &[29])), (vec![30, 60], vec![30, 59]));
        // The tick came half a minute early.
        assert!(is_due(Some(&well), 5, 5 * 60_000 - JITTER) && !is_due(Some(&well), 5, 4 * 60_000));
        // The clock was set back.
        assert!(is_due(Some(&watch(Some(60_000), None)), 30, 0));
    }

    #[test]
    fn what_fails_is_tried_again_in_ten_minutes_at_the_latest_whichever_ticks_are_lost() {
        let fails = Watch { tried_at: Some(0), ..watch(Some(-60_000), Some("no answer")) };
        let then = [20, 30, 40, 50, 60];
        assert_eq!(turns(&fails, 1, &[]), [&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], &then[..]].concat());
        assert_eq!(turns(&fails, 5, &[]), [&[5, 10], &then[..]].concat());
        for every in [30, 1_440] {
            assert_eq!(turns(&fails, every, &[]), [&[10], &then[..]].concat());
            assert_eq!(turns(&fails, every, &[10, 21]), [11, 22, 32, 42, 52]);
        }
    }

    #[test]
    fn where_more_is_written_than_can_be_read_nobody_looks_more_seldom() {
        let busy = Watch { tried_at: Some(0), ..watch(Some(0), Some(MORE)) };
        assert_eq!(turns(&busy, 1, &[]), (1..=61).collect::<Vec<_>>());
        assert_eq!(turns(&busy, 5, &[]), (1..=12).map(|n| n * 5).collect::<Vec<_>>());
    }

    #[test]
    fn ten_minutes_are_no_hiccup() {
        assert!(!is_blind(0, 9 * 60_000) && is_blind(0, 10 * 60_000 - JITTER));
    }
}
