//! A wait that a network asked for, which all that ask it for something keep to.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// A wait that a network asked for: nothing is asked before it is over.
#[derive(Debug, Default)]
pub(crate) struct Rests(Mutex<Option<DateTime<Utc>>>);

impl Rests {
    /// It asked for that now.
    pub fn begin(&self, now: DateTime<Utc>, wait: Duration) {
        let until = now + TimeDelta::from_std(wait).unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    /// Until when the last wait lasts, or lasted.
    pub fn until(&self) -> Option<DateTime<Utc>> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much of it is left.
    pub fn left(&self, now: DateTime<Utc>) -> Option<Duration> {
        (self.until()? - now).to_std().ok().filter(|left| !left.is_zero())
    }
}
