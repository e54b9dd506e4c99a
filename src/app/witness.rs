//! What this process has seen of the database: it must never go back.
//!
//! A replica that is promoted without the last commits, or a backup that is put in place, knows less
//! than what was sent from here. No permit is given on such a database (I7).

use std::sync::{Mutex, PoisonError};

use super::{AppError, Result};
use crate::store::freezes::GateRow;

/// The newest that was seen.
#[derive(Debug, Default)]
pub(crate) struct Witness(Mutex<Option<Seen>>);

#[derive(Debug)]
struct Seen {
    timeline: String,
    log_size: i64,
}

impl Witness {
    /// The node has taken this database: a log shorter than `log_size` is behind from now on.
    pub fn accept(&self, timeline: &str, log_size: i64) {
        *self.seen() = Some(Seen { timeline: timeline.to_owned(), log_size });
    }

    /// Whether the database still knows all that was seen of it.
    ///
    /// # Errors
    /// When its log is shorter than it was, or its timeline is one that the node has not taken.
    pub fn check(&self, gate: &GateRow) -> Result<()> {
        let mut seen = self.seen();
        let known = seen.get_or_insert_with(|| Seen { timeline: gate.timeline.clone(), log_size: 0 });
        if known.timeline != gate.timeline {
            return Err(AppError::Conflict(
                "the database has a new timeline, which the gate takes first".into(),
            ));
        }
        if gate.log_size < known.log_size {
            return Err(AppError::Conflict(format!(
                "the database is behind: its log has {} entries, and had {}",
                gate.log_size, known.log_size
            )));
        }
        known.log_size = gate.log_size;
        Ok(())
    }

    /// The longest log that was seen.
    pub fn log_size(&self) -> i64 {
        self.seen().as_ref().map_or(0, |s| s.log_size)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Option<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
