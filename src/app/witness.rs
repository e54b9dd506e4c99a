//! What this process has seen of the database: it must never go back.
//!
//! A replica that is promoted without the last commits, or a backup that is put in place, knows less
//! than what was sent from here. No permit is given on such a database (I7). Its log may have grown
//! again since, so its length alone proves nothing: the entry at the place that was seen must be the
//! same one.

use std::sync::{Mutex, PoisonError};

use super::{AppError, Result};
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
}

impl Seen {
    /// What of it the database does not have, in words. The gate row was asked for with this
    /// [`Seen::log_size`], after this was taken from the witness: entries are only ever added, so
    /// that whatever was committed meanwhile changes nothing.
    pub fn lost(&self, gate: &GateRow) -> Option<String> {
        if gate.log_size < self.log_size {
            return Some(format!("its log has {} entries, and had {}", gate.log_size, self.log_size));
        }
        (self.leaf.is_some() && self.leaf != gate.leaf_asked)
            .then(|| format!("entry {} of its log is not the one that was seen", self.log_size - 1))
    }
}

impl From<&GateRow> for Seen {
    fn from(gate: &GateRow) -> Self {
        Self { timeline: gate.timeline.clone(), log_size: gate.log_size, leaf: gate.leaf.clone() }
    }
}

impl Witness {
    /// The newest that was seen: to be taken before the database is asked.
    pub fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// The node has taken this database: one that has less is behind from now on.
    pub fn accept(&self, seen: Seen) {
        let mut newest = self.lock();
        if newest.timeline != seen.timeline || newest.log_size < seen.log_size {
            *newest = seen;
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
        let same = newest.timeline.is_empty() || newest.timeline == gate.timeline;
        if same && newest.log_size <= gate.log_size {
            *newest = Seen::from(gate);
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
        }
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
        witness.accept(Seen::from(&gate("t", 100, 1, None)));
        // Two ask; the log grows in between, and the one with the longer log is heard first.
        let (first, second) = (witness.seen(), witness.seen());
        witness.check(&second, &gate("t", 110, 3, Some(1))).unwrap();
        assert_eq!(first.lost(&gate("t", 105, 2, Some(1))), None);
        witness.check(&first, &gate("t", 105, 2, Some(1))).unwrap();
        witness.accept(Seen::from(&gate("t", 105, 2, None)));
        assert_eq!(witness.seen().log_size, 110);
        // Another timeline was confirmed: what was asked before does not bring the old one back.
        witness.accept(Seen::from(&gate("u", 90, 4, None)));
        witness.check(&second, &gate("t", 111, 5, Some(1))).unwrap();
        assert_eq!((witness.seen().timeline.as_str(), witness.seen().log_size), ("u", 90));
        assert!(witness.check(&witness.seen(), &gate("t", 120, 6, Some(1))).is_err());
    }
}
