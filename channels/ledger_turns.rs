//! Whose turn it is in the next request. Pure.

use super::{Ledger, Line, Mark, Open, Recipient};

/// So long nobody has asked for them when it was not their wait that took so long, in seconds: a freeze, or a network that was
/// away. Waits take half an hour at most.
const PAUSE: i64 = 3_600;

impl Ledger {
    /// The network asks to come back later for them, at that time (Unix seconds): for how many seconds it has done so, without
    /// the pauses in which nobody asked.
    pub(crate) fn put_off(&mut self, who: &Recipient, now: i64) -> i64 {
        let Some(line) = self.ledger.iter_mut().find(|l| l.who == who.tag) else { return 0 };
        let paused = line.put_off_last.map_or(0, |last| now - last);
        let since = line.put_off.unwrap_or(now) + if paused > PAUSE { paused } else { 0 };
        (line.put_off, line.put_off_last) = (Some(since), Some(now));
        now - since
    }

    /// The network does not ask to come back for them any more.
    pub(crate) fn forget_put_off(&mut self, who: &Recipient) {
        for line in self.ledger.iter_mut().filter(|l| l.who == who.tag) {
            (line.put_off, line.put_off_last) = (None, None);
        }
    }

    /// Those who wait because the network asks to come back later for them.
    pub(super) fn later(&self) -> impl Iterator<Item = &Line> {
        self.ledger.iter().filter(|line| line.put_off.is_some() && line.is == Mark::Waits)
    }

    /// Whose turn it is: those who wait, then those of whom nobody knows, as far as a person has decided that and the
    /// network has answered just now that it shows nothing (`absent`).
    pub(crate) fn next(&self, all: &[Recipient], absent: &[usize]) -> Vec<usize> {
        let again = |n: &usize| matches!(self.mark(&all[*n]), Some(Mark::Open(open)) if open.is_allowed());
        self.waiting(all).into_iter().chain(absent.iter().copied().filter(again)).collect()
    }

    /// Those on the list who wait: first whose turn has not come, then whom the network asked to come back later for, then those
    /// who were skipped.
    pub(super) fn waiting(&self, all: &[Recipient]) -> Vec<usize> {
        let skipped = (0..all.len()).filter(|n| self.mark(&all[*n]) == Some(&Mark::Skipped));
        let is_new = |n: &usize| !self.later().any(|line| line.who == all[*n].tag);
        let (new, later): (Vec<_>, Vec<_>) = self.untried(all).into_iter().partition(is_new);
        new.into_iter().chain(later).chain(skipped).collect()
    }

    /// Those on the list whose turn has not come.
    pub(crate) fn untried(&self, all: &[Recipient]) -> Vec<usize> {
        (0..all.len()).filter(|n| matches!(self.mark(&all[*n]), None | Some(Mark::Waits))).collect()
    }

    /// Those on the list of whom nobody knows.
    pub(crate) fn open(&self, all: &[Recipient]) -> Vec<(usize, Open)> {
        let open = |n| match self.mark(&all[n]) {
            Some(Mark::Open(open)) => Some((n, open.clone())),
            _ => None,
        };
        (0..all.len()).filter_map(open).collect()
    }
}
