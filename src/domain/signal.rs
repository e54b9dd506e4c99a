//! Signals: what monitoring systems say, for a person to decide about.

use serde::{Deserialize, Serialize};

use super::Word;
use super::incident::Severity;
use crate::clock::Millis;

/// How a signal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignalState {
    /// A person decides.
    Waiting,
    /// The monitoring system said that it is over before anybody decided.
    Ended,
    /// A person said that nothing has to be done.
    Dismissed,
    /// A person opened an incident from it.
    Opened,
}

impl Word for SignalState {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("waiting", Self::Waiting),
        ("ended", Self::Ended),
        ("dismissed", Self::Dismissed),
        ("opened", Self::Opened),
    ];
}

/// What a monitoring system says about one thing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Heard {
    /// Which system says it.
    pub source: String,
    /// What it calls the thing: the same key again is the same thing.
    pub key: String,
    /// What the key is about, whichever occurrence of it: what goes on about this thing may join its incident.
    pub thing: String,
    pub title: String,
    pub detail: Option<String>,
    /// Where the monitoring system shows it.
    pub url: Option<String>,
    pub severity: Option<Severity>,
    /// The key of a prepared plan.
    pub playbook: Option<String>,
    /// It is over.
    pub resolved: bool,
    /// The key names this one occurrence: it never comes back as a new one once it was decided.
    pub once: bool,
}

/// The newest signal of the same source and key from the same actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    pub state: SignalState,
    /// Once it was decided: what it was then.
    pub severity: Option<Severity>,
    /// The monitoring system said that it is over.
    pub ended: bool,
    /// The incident that was opened from it is resolved.
    pub resolved: bool,
    pub last_seen_at: Millis,
}

/// What becomes of something that was heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is new.
    Add,
    /// It is known: it was said once more.
    Count,
    /// It is known, and over.
    End,
    /// It is over, and nobody knew of it.
    Nothing,
}

/// How long after its last word a decided thing of the same key is still the same thing. Systems that
/// say everything again do so more often; those that reuse a name after that mean something new.
pub const SAME: Millis = 24 * 3_600_000;

/// What becomes of it. What a person decided does not wait again while it goes on, unless it is worse
/// than what they decided about, or their incident is resolved and it still comes.
pub fn step(known: Option<Known>, heard: &Heard, now: Millis) -> Step {
    match known {
        Some(k) if k.ended || k.state == SignalState::Ended => {
            if heard.resolved {
                Step::Nothing
            } else {
                Step::Add
            }
        }
        Some(_) if heard.resolved => Step::End,
        Some(k) if k.state == SignalState::Waiting => Step::Count,
        Some(k) if k.resolved || heard.severity > k.severity => Step::Add,
        Some(k) if heard.once || now - k.last_seen_at < SAME => Step::Count,
        None if heard.resolved => Step::Nothing,
        _ => Step::Add,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(state: SignalState, ended: bool, ago: Millis, heard: &Heard) -> Step {
        let known = Known { state, severity: None, ended, resolved: false, last_seen_at: 1_000 };
        step(Some(known), heard, 1_000 + ago)
    }

    #[test]
    fn what_goes_on_is_counted_and_what_is_new_is_added() {
        let fires = Heard::default();
        let over = Heard { resolved: true, ..Heard::default() };
        assert_eq!((step(None, &fires, 0), step(None, &over, 0)), (Step::Add, Step::Nothing));
        assert_eq!(after(SignalState::Waiting, false, 9 * SAME, &fires), Step::Count);
        assert_eq!(after(SignalState::Waiting, false, 0, &over), Step::End);
        assert_eq!(after(SignalState::Ended, true, 0, &fires), Step::Add);
        assert_eq!(after(SignalState::Ended, true, 0, &over), Step::Nothing);
    }

    #[test]
    fn what_was_decided_waits_again_only_as_something_new() {
        let fires = Heard::default();
        let once = Heard { once: true, ..Heard::default() };
        for state in [SignalState::Dismissed, SignalState::Opened] {
            assert_eq!(after(state, false, SAME - 1, &fires), Step::Count);
            assert_eq!(after(state, false, SAME, &fires), Step::Add);
            assert_eq!(after(state, false, 9 * SAME, &once), Step::Count);
            assert_eq!(after(state, true, 0, &fires), Step::Add);
            assert_eq!(after(state, false, 0, &Heard { resolved: true, ..Heard::default() }), Step::End);
        }
    }

    #[test]
    fn what_is_worse_than_was_decided_waits_again() {
        use Severity::{Critical, Major, Minor};
        let at = |severity, state| Known { state, severity, ended: false, resolved: false, last_seen_at: 0 };
        for once in [false, true] {
            let heard = |severity| Heard { severity, once, ..Heard::default() };
            for state in [SignalState::Dismissed, SignalState::Opened] {
                let known = |severity| Some(at(severity, state));
                assert_eq!(step(known(Some(Minor)), &heard(Some(Critical)), 0), Step::Add);
                assert_eq!(step(known(None), &heard(Some(Minor)), 0), Step::Add);
                for (was, is) in
                    [(Some(Major), Some(Major)), (Some(Critical), Some(Minor)), (Some(Minor), None)]
                {
                    assert_eq!(step(known(was), &heard(is), 0), Step::Count);
                }
                let over = Heard { resolved: true, ..heard(Some(Critical)) };
                assert_eq!(step(known(Some(Minor)), &over, 0), Step::End);
            }
            let waits = Some(at(Some(Minor), SignalState::Waiting));
            assert_eq!(step(waits, &heard(Some(Critical)), 0), Step::Count, "it waits already");
            let over = Known { resolved: true, ..at(Some(Major), SignalState::Opened) };
            assert_eq!(step(Some(over), &heard(Some(Major)), 0), Step::Add, "it comes after its incident");
        }
    }
}
