//! When people are told that a post would fail on a channel: once, when it has lasted. Pure.

use super::Word;
use crate::clock::Millis;

/// What lasts for less is told to nobody: networks have short troubles. These are three minutes: the checks of three
/// minutes do not come to the second.
pub const STEADY: Millis = 3 * 60_000 - 10_000;

/// What is known of a channel whose check says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Red {
    /// It was seen; nobody was told yet.
    Seen,
    /// People were told.
    Told,
    /// People were told, and its checks are well again.
    Mending,
}

impl Word for Red {
    const WORDS: &'static [(&'static str, Self)] =
        &[("seen", Self::Seen), ("told", Self::Told), ("mending", Self::Mending)];
}

/// What becomes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Nothing,
    /// It is in this state from now on.
    Become(Red),
    /// It was short, and nobody was told.
    Forget,
    /// It is well again for long enough: those who were told are told that.
    WellAgain,
}

/// What a look at a channel changes. `known` is the state and when it began; `seen`: whether the last check says no, and
/// when it was made, nothing where nobody knows. What no later check has seen has not lasted.
pub fn step(known: Option<(Red, Millis)>, seen: Option<(bool, Millis)>) -> Step {
    let Some((is_red, checked)) = seen else { return Step::Nothing };
    let has_lasted = |since: Millis| checked.saturating_sub(since) >= STEADY;
    match (known, is_red) {
        (None, true) => Step::Become(Red::Seen),
        (Some((Red::Seen, since)), true) if has_lasted(since) => Step::Become(Red::Told),
        (Some((Red::Seen, _)), false) => Step::Forget,
        (Some((Red::Told, _)), false) => Step::Become(Red::Mending),
        (Some((Red::Mending, _)), true) => Step::Become(Red::Told),
        (Some((Red::Mending, since)), false) if has_lasted(since) => Step::WellAgain,
        _ => Step::Nothing,
    }
}

/// Whether a channel whose network is asked seldom is asked once more, because the check of then turned it: people hear of it as
/// soon as of others.
pub fn is_asked_again(since: Millis, checked: Millis, now: Millis) -> bool {
    let lasted = since.saturating_add(STEADY);
    checked < lasted && lasted <= now
}

/// Whether one that was seen to be red, last by a check of then, is told with another one whose time has come: what fails
/// with it is one trouble.
pub fn goes_along(since: Millis, checked: Millis) -> bool {
    checked.saturating_sub(since) >= STEADY / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens when checks say this, a minute apart.
    fn steps(checks: &[bool]) -> Vec<(usize, Step)> {
        let (mut known, mut out) = (None, Vec::new());
        for (minute, is_red) in checks.iter().enumerate() {
            let now = i64::try_from(minute).unwrap() * 60_000;
            let step = step(known, Some((*is_red, now)));
            match step {
                Step::Become(red) => known = Some((red, now)),
                Step::Forget | Step::WellAgain => known = None,
                Step::Nothing => continue,
            }
            out.push((minute, step));
        }
        out
    }

    #[test]
    fn it_is_told_once_when_it_has_lasted_and_once_when_it_is_over() {
        let (red, well) = (true, false);
        let told = steps(&[well, red, red, red, red, red, red, well, well, well, well, well]);
        let (seen, said) = (Step::Become(Red::Seen), Step::Become(Red::Told));
        assert_eq!(told, [(1, seen), (4, said), (7, Step::Become(Red::Mending)), (10, Step::WellAgain)]);
    }

    #[test]
    fn what_flaps_is_told_to_nobody() {
        let flaps = steps(&[true, true, false, true, true, true, false, false, true]);
        assert!(!flaps.iter().any(|(_, step)| matches!(step, Step::Become(Red::Told) | Step::WellAgain)));
        // Once it was told, a short well tells nothing either.
        let back = steps(&[true, true, true, true, false, false, true, true]);
        assert_eq!(back.iter().filter(|(_, step)| *step == Step::WellAgain).count(), 0);
    }

    #[test]
    fn what_nobody_knows_changes_nothing() {
        for known in [None, Some((Red::Seen, 0)), Some((Red::Told, 0)), Some((Red::Mending, 0))] {
            assert_eq!(step(known, None), Step::Nothing);
        }
    }

    #[test]
    fn one_that_is_asked_seldom_is_asked_once_more_when_it_may_have_lasted() {
        let asks = |minute: i64, checked: i64| is_asked_again(60_000, checked * 60_000, minute * 60_000);
        assert!(!asks(1, 1) && !asks(3, 1), "not at once");
        assert!(asks(4, 1) && asks(5, 1), "three minutes later");
        assert!(!asks(5, 4) && !asks(90, 4), "and not again");
    }

    #[test]
    fn one_check_has_not_lasted_however_old_it_is() {
        for (red, is_red) in [(Red::Seen, true), (Red::Mending, false)] {
            assert_eq!(step(Some((red, 100)), Some((is_red, 100))), Step::Nothing);
            assert_eq!(step(Some((red, 100)), Some((is_red, 99 + STEADY))), Step::Nothing);
            assert_ne!(step(Some((red, 100)), Some((is_red, 100 + STEADY))), Step::Nothing);
        }
    }
}
