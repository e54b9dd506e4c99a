//! A wait that a network asked for, which all that ask it for something keep to.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// A wait that a network asked for: nothing is asked before it is over.
#[derive(Debug, Default)]
pub(crate) struct Rests(Mutex<Option<DateTime<Utc>>>);

impl Rests {
    /// It asked for that now. Of several answers the longest wait counts.
    pub fn begin(&self, now: DateTime<Utc>, wait: Duration) {
        let until = now + TimeDelta::from_std(wait).unwrap_or_default();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = Some(kept.map_or(until, |kept| kept.max(until)));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_answers_the_longest_wait_counts() {
        let (rests, now) = (Rests::default(), DateTime::UNIX_EPOCH);
        for seconds in [60, 1] {
            rests.begin(now, Duration::from_secs(seconds));
        }
        assert_eq!(rests.left(now), Some(Duration::from_secs(60)));
    }
}
