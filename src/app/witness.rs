//! What this process has seen of the database: it must never go back.
//!
//! A replica that is promoted without the last commits, or a backup that is put in place, knows less
//! than what was sent from here. No permit is given on such a database (I7). Its log may have grown
//! again since, so its length alone proves nothing: the entry at the place that was seen must be the
//! same one. The same is asked of the last entry that this process has added itself: nobody may have read the log
//! since.

use std::sync::{Mutex, PoisonError};

use super::{AppError, Result};
use crate::store::audit::Head;
use crate::store::freezes::GateRow;

/// The newest that was seen.
#[derive(Debug, Default)]
pub(crate) struct Witness(Mutex<Seen>);

/// How long the log was, and the hash of its last leaf. Nothing yet: an empty timeline.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    pub timeline: String,
    pub log_size: i64,
    pub leaf: Option<Vec<u8>>,
    /// Where the last change of this process left the log, as far as it has made any.
    pub own: Own,
}

/// The size of the log, and the hash of its last leaf, after a change of this process.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Own {
    pub log_size: i64,
    pub leaf: Option<Vec<u8>>,
}

impl Seen {
    /// What of it the database does not have, in words. The gate row was asked for with these two sizes, after
    /// this was taken from the witness: entries are only ever added, so that whatever was committed meanwhile
    /// changes nothing.
    pub fn lost(&self, gate: &GateRow) -> Option<String> {
        let (size, _) = self.missing(gate)?;
        Some(if gate.log_size < size {
            format!("its log has {} entries, and had {size}", gate.log_size)
        } else {
            format!("entry {} of its log is not the one that was seen", size - 1)
        })
    }

    /// The size, and the last leaf, of the log that the database does not have.
    pub fn missing(&self, gate: &GateRow) -> Option<(i64, Option<&[u8]>)> {
        let read = (self.log_size, self.leaf.as_deref(), gate.leaf_asked.as_deref());
        let own = (self.own.log_size, self.own.leaf.as_deref(), gate.own_asked.as_deref());
        let is_missing = |&(size, leaf, asked): &(i64, Option<&[u8]>, Option<&[u8]>)| {
            gate.log_size < size || leaf.is_some() && leaf != asked
        };
        [read, own].into_iter().find(is_missing).map(|(size, leaf, _)| (size, leaf))
    }

    /// The later one of what was read and what this process has added, to be remembered.
    pub fn newest(&self) -> (i64, Option<&[u8]>) {
        let own = self.own.log_size > self.log_size;
        let (size, leaf) =
            if own { (self.own.log_size, &self.own.leaf) } else { (self.log_size, &self.leaf) };
        (size, leaf.as_deref())
    }

    fn is_read_like(&self, other: &Self) -> bool {
        (&self.timeline, self.log_size, &self.leaf) == (&other.timeline, other.log_size, &other.leaf)
    }

    /// Goes on to what was read, unless something else was read since `asked`: that was never asked of it.
    fn go_on(&mut self, asked: &Self, read: Self) {
        if self.is_read_like(asked) && self.log_size <= read.log_size {
            *self = Self { own: std::mem::take(&mut self.own), ..read };
        }
    }
}

impl From<&GateRow> for Seen {
    fn from(gate: &GateRow) -> Self {
        let leaf = gate.leaf.clone();
        Self { timeline: gate.timeline.clone(), log_size: gate.log_size, leaf, own: Own::default() }
    }
}

impl Witness {
    /// The newest that was seen: to be taken before the database is asked.
    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// The node has taken this database, which had all of `asked`: one that has less is behind from now on.
    pub fn accept(&self, asked: &Seen, seen: Seen) {
        let mut newest = self.lock();
        if newest.timeline != seen.timeline {
            *newest = seen;
        } else {
            newest.go_on(asked, seen);
        }
    }

    /// A change of this process left the log so. A database that did not have what the process had added before
    /// is another one: what was there stays, and is missed. Whoever commits does so alone, from the asking on.
    pub fn committed(&self, asked: &Seen, head: Head) {
        let mut newest = self.lock();
        let had_all = asked.own.leaf.is_none() || asked.own.leaf == head.leaf_asked;
        if had_all && !newest.timeline.is_empty() && newest.timeline == asked.timeline {
            newest.own = Own { log_size: head.size, leaf: Some(head.leaf) };
        }
    }

    /// Whether the database still has all that was seen of it.
    ///
    /// # Errors
    /// When it has not, or its timeline is one that the node has not taken.
    pub fn check(&self, seen: &Seen, gate: &GateRow) -> Result<()> {
        if !seen.timeline.is_empty() && seen.timeline != gate.timeline {
            return Err(AppError::Conflict(
                "the database has a new timeline, which the gate takes first".into(),
            ));
        }
        if let Some(lost) = seen.lost(gate) {
            return Err(AppError::Conflict(format!("the database is behind: {lost}")));
        }
        let mut newest = self.lock();
        // The gate may have taken another timeline meanwhile; that one stays.
        if newest.timeline.is_empty() || newest.timeline == gate.timeline {
            newest.go_on(seen, Seen::from(gate));
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(timeline: &str, log_size: i64, leaf: u8, leaf_asked: Option<u8>) -> GateRow {
        GateRow {
            epoch: 1,
            timeline: timeline.into(),
            instance: "i".into(),
            database: "d".into(),
            log_size,
            leaf: Some(vec![leaf]),
            leaf_asked: leaf_asked.map(|leaf| vec![leaf]),
            own_asked: None,
        }
    }

    fn head(size: i64, leaf: u8, leaf_asked: Option<u8>) -> Head {
        Head { size, leaf: vec![leaf], leaf_asked: leaf_asked.map(|leaf| vec![leaf]) }
    }

    fn of_own(gate: GateRow, leaf: u8) -> GateRow {
        GateRow { own_asked: Some(vec![leaf]), ..gate }
    }

    #[test]
    fn growth_does_not_hide_what_was_lost() {
        let witness = Witness::default();
        witness.check(&witness.seen(), &gate("t", 10, 1, None)).unwrap();
        let seen = witness.seen();
        witness.check(&seen, &gate("t", 12, 2, Some(1))).unwrap();
        assert!(seen.lost(&gate("t", 9, 1, None)).unwrap().contains("9 entries"));
        assert!(seen.lost(&gate("t", 12, 2, Some(7))).unwrap().contains("entry 9"));
        assert!(witness.check(&seen, &gate("t", 12, 2, Some(7))).is_err());
    }

    #[test]
    fn an_answer_that_comes_after_newer_ones_is_no_alarm_and_takes_nothing_back() {
        let witness = Witness::default();
        witness.accept(&Seen::default(), Seen::from(&gate("t", 100, 1, None)));
        // Two ask; the log grows in between, and the one with the longer log is heard first.
        let (first, second) = (witness.seen(), witness.seen());
        witness.check(&second, &gate("t", 110, 3, Some(1))).unwrap();
        assert_eq!(first.lost(&gate("t", 105, 2, Some(1))), None);
        witness.check(&first, &gate("t", 105, 2, Some(1))).unwrap();
        witness.accept(&first, Seen::from(&gate("t", 105, 2, None)));
        assert_eq!(witness.seen().log_size, 110);
        // Another timeline was confirmed: what was asked before does not bring the old one back.
        witness.accept(&second, Seen::from(&gate("u", 90, 4, None)));
        witness.check(&second, &gate("t", 111, 5, Some(1))).unwrap();
        assert_eq!((witness.seen().timeline.as_str(), witness.seen().log_size), ("u", 90));
        assert!(witness.check(&witness.seen(), &gate("t", 120, 6, Some(1))).is_err());
    }

    #[test]
    fn an_answer_that_was_never_asked_for_what_is_known_by_now_proves_nothing() {
        let witness = Witness::default();
        witness.accept(&Seen::default(), Seen::from(&gate("t", 100, 1, None)));
        let (first, second) = (witness.seen(), witness.seen());
        witness.check(&first, &gate("t", 105, 2, Some(1))).unwrap();
        // Longer, of a database that has what the first knew, and may not have what the other answer told.
        witness.check(&second, &gate("t", 110, 9, Some(1))).unwrap();
        assert_eq!(witness.seen().log_size, 105);
    }

    #[test]
    fn what_this_process_has_added_is_missed_though_nobody_has_read_it() {
        let witness = Witness::default();
        // Before a database is taken there is nothing to miss.
        witness.committed(&witness.seen(), head(5, 5, None));
        assert_eq!(witness.seen().own, Own::default());
        witness.accept(&Seen::default(), Seen::from(&gate("t", 100, 1, None)));
        let before = witness.seen();
        witness.committed(&before, head(103, 3, None));
        let seen = witness.seen();
        assert_eq!(seen.lost(&of_own(gate("t", 103, 3, Some(1)), 3)), None);
        assert!(seen.lost(&gate("t", 100, 1, Some(1))).unwrap().contains("100 entries, and had 103"));
        assert!(seen.lost(&of_own(gate("t", 104, 8, Some(1)), 7)).unwrap().contains("entry 102"));
        // What is missing is told, not what is longer.
        let other = of_own(gate("t", 110, 9, Some(7)), 3);
        assert_eq!(seen.missing(&other), Some((100, Some(&[1][..]))));
        assert_eq!(seen.missing(&of_own(gate("t", 110, 9, Some(1)), 8)), Some((103, Some(&[3][..]))));
        // A look that began before does not make it forgotten, nor does a change on a database without it.
        witness.check(&before, &gate("t", 110, 9, Some(1))).unwrap();
        witness.committed(&seen, head(111, 9, Some(7)));
        assert_eq!(witness.seen().own.log_size, 103);
        // One on a database with it goes on from there.
        witness.committed(&witness.seen(), head(112, 6, Some(3)));
        assert_eq!(witness.seen().own.log_size, 112);
        // A database that a person has confirmed begins anew.
        witness.accept(&seen, Seen::from(&gate("u", 90, 4, None)));
        assert_eq!(witness.seen().own, Own::default());
    }
}
