//! What a ledger says to people, and what became of an attempt by it. Pure.

use std::time::Duration;

use super::{Ledger, Mark, Recipient};
use crate::{Closed, Failure, Receipt, Retry, Sighting};

/// What follows is about single recipients, up to the end of the sentence.
const NAMELY: &str = "; namely: ";
/// What another try does.
const GOES_ON: &str = "another try goes on with them and doubles nothing";
const ONCE_MORE: &str = "another try sends it once more to those of whom nobody knows";
/// Why nothing more is sent.
pub const WITHDRAWN: &str = "a person wanted it taken down, so nothing more of it is sent";
pub(super) const NOBODY_KNOWS: &str = "nobody knows";
/// How long the rest waits when no wait was named: as long for each attempt so far, of which ten count at most.
const AGAIN: Duration = Duration::from_secs(60);
/// How long it waits for this node's own gate.
const GATE: Duration = Duration::from_secs(10);

/// As much of a sentence as the audit log may hold, from which nothing is deleted: nothing of single recipients.
pub fn public(words: &str) -> &str {
    words.split(NAMELY).next().unwrap_or(words)
}

/// Nothing is sent of a post that a person wanted taken down.
pub(super) fn stays() -> Failure {
    Failure::never(WITHDRAWN)
}

/// How long the rest waits after a stop that passes by itself, by the number of the attempt.
fn wait(retry: Retry, attempt: i64) -> Option<Duration> {
    let again = AGAIN * u32::try_from(attempt.clamp(1, 10)).unwrap_or(1);
    match retry {
        Retry::Backoff => Some(again),
        // However short the network wants it, each attempt waits longer.
        Retry::After(wait) => Some(wait.max(again)),
        Retry::Later(wait) => Some(wait),
        Retry::Reconnect | Retry::Never | Retry::Duplicate => None,
    }
}

impl Ledger {
    /// What became of the attempt of that number. `stop`: what ended it before everybody had their turn. `kept`:
    /// the ledger as it is now was written down.
    ///
    /// As long as everything is known of everybody who had their turn, a stop that passes by itself leaves those whose
    /// turn has not come to the next attempt.
    pub(crate) fn outcome(
        &self,
        all: &[Recipient],
        stop: Option<Failure>,
        kept: bool,
        attempt: i64,
    ) -> Result<Receipt, Failure> {
        if let Some(receipt) = self.receipt(all) {
            return receipt;
        }
        let is_out = self.is_out();
        let goes_on = kept && self.unknown().is_empty() && !self.untried(all).is_empty();
        let with = |reason: &str| format!("{reason}; {}", self.so_far(all, None));
        Err(match stop {
            Some(Failure::Closed { why, .. }) if !is_out => Failure::Closed { why, partly: false },
            Some(other) if !is_out => other,
            Some(Failure::Closed { why, .. }) if goes_on && !matches!(why, Closed::Frozen(_)) => {
                Failure::Rejected { reason: with(&why.to_string()), retry: Retry::Later(GATE) }
            }
            Some(Failure::Closed { why, .. }) => Failure::Closed { why, partly: true },
            Some(Failure::Rejected { reason, retry }) => match wait(retry, attempt).filter(|_| goes_on) {
                Some(wait) => Failure::Rejected { reason: with(&reason), retry: Retry::Later(wait) },
                None => Failure::InDoubt { reason: with(&reason) },
            },
            Some(Failure::InDoubt { reason }) => Failure::InDoubt { reason: with(&reason) },
            None => Failure::InDoubt { reason: self.so_far(all, None) },
        })
    }

    /// What the ledger tells of a post that is in doubt. `trouble`: why the network could not be asked for all.
    pub(crate) fn sighting(&self, all: &[Recipient], trouble: Option<String>) -> Sighting {
        if self.ledger.is_empty() {
            return Sighting::Absent;
        }
        if self.is_withdrawn() {
            return Sighting::Unknown(WITHDRAWN.to_owned());
        }
        match self.receipt(all) {
            Some(Ok(receipt)) => Sighting::Found(receipt),
            Some(Err(failure)) => Sighting::Unknown(failure.to_string()),
            None => {
                let is_over = self.untried(all).is_empty() && !self.open(all).is_empty();
                let what = if is_over { ONCE_MORE } else { GOES_ON };
                let so_far = self.so_far(all, Some(what));
                Sighting::Unknown(trouble.map_or_else(|| so_far.clone(), |why| format!("{why}; {so_far}")))
            }
        }
    }

    /// Once everything is known of everybody on the list: the receipt, or that all are refused. Whoever left the
    /// list can be asked for no more.
    pub(crate) fn receipt(&self, all: &[Recipient]) -> Option<Result<Receipt, Failure>> {
        if !self.waiting(all).is_empty() || !self.open(all).is_empty() {
            return None;
        }
        let (has, left) = (self.messages().count(), self.unknown().len());
        let not = self.count(|m| matches!(m, Mark::Refused(_) | Mark::Failed(_)));
        let of = has + left + not;
        let who = self.singly();
        let Some((first, _)) = self.messages().next() else {
            // Whoever left the list may have it.
            let reason = format!("it went to nobody; namely: {who}");
            return (left == 0).then_some(Err(Failure::never(reason)));
        };
        let note = match (not, left) {
            (0, 0) => format!("it went to all {of} recipients"),
            (_, 0) => format!("it went to {has} of {of}, NOT to {not}; namely: {who}"),
            _ => format!(
                "it went to {has} of {of}, NOT to {not}, left the list in doubt: {left}; namely: {who}"
            ),
        };
        let note = match self.arrived() {
            0 => note,
            arrived => format!("it arrived for {arrived} so far, as the network says; {note}"),
        };
        Some(Ok(Receipt { remote_id: first.to_owned(), url: None, note: Some(note) }))
    }

    /// How far it has come, and what that means for another try.
    fn so_far(&self, all: &[Recipient], what: Option<&str>) -> String {
        let (has, rest, unknown) = (self.messages().count(), self.waiting(all).len(), self.unknown());
        let of = self.count(|m| !matches!(m, Mark::Waits | Mark::Skipped)) + rest;
        let later: Vec<&str> = self.later().map(|line| line.shown.as_str()).collect();
        match (unknown.len(), what) {
            (0, None) if later.is_empty() => format!("it went to {has} of {of}, and {rest} still wait"),
            (0, None) => {
                let (n, who) = (later.len(), later.join(", "));
                format!("it went to {has} of {of}, and {rest} still wait, {n} of them put off; namely: {who}")
            }
            (0, Some(what)) => format!("it went to {has} of {of}, and {rest} still wait; {what}"),
            (n, None) => {
                let who = unknown.join(", ");
                format!("it went to {has} of {of}, {rest} still wait, and nobody knows of {n}; namely: {who}")
            }
            (n, Some(what)) => {
                let who = unknown.join(", ");
                format!(
                    "it went to {has} of {of}, {rest} still wait, and nobody knows of {n}; {what}; namely: {who}"
                )
            }
        }
    }

    /// What is known of each while some wait, or nobody knows of them.
    pub(crate) fn one_by_one(&self) -> String {
        let (has, of, unknown) = (self.messages().count(), self.ledger.len(), self.unknown().len());
        let not = self.count(|m| matches!(m, Mark::Refused(_) | Mark::Failed(_)));
        let (rest, who) = (of - has - not - unknown, self.singly());
        format!(
            "it went to {has} of {of}, NOT to {not}, {rest} still wait, and nobody knows of {unknown}; namely: {who}"
        )
    }

    /// Who does not have it, or may not have it, and why; the reason once where it is the same for all.
    fn singly(&self) -> String {
        let why = |mark: &Mark| match mark {
            Mark::Refused(why) | Mark::Failed(why) => Some(why.clone()),
            Mark::Open(_) => Some(NOBODY_KNOWS.to_owned()),
            Mark::Waits | Mark::Skipped | Mark::Has(_) => None,
        };
        let all: Vec<(&str, String)> =
            self.ledger.iter().filter_map(|l| Some((l.shown.as_str(), why(&l.is)?))).collect();
        match all.first() {
            Some((_, why)) if all.iter().all(|(_, other)| other == why) => {
                let shown: Vec<&str> = all.iter().map(|(shown, _)| *shown).collect();
                format!("{}: {why}", shown.join(", "))
            }
            _ => all.iter().map(|(shown, why)| format!("{shown} ({why})")).collect::<Vec<_>>().join(", "),
        }
    }
}
