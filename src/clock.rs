//! Time and ids. Nothing else in Holdline reads a clock or makes an id.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeZone, Utc};

/// Unix milliseconds in UTC: how time is stored and compared everywhere.
pub type Millis = i64;

/// How long a simulation has run, by its own time.
pub type Elapsed = Arc<dyn Fn() -> Duration + Send + Sync>;

/// The source of time and ids: the real one, one that a test moves, or that of a simulation.
#[derive(Clone, Default)]
pub struct Clock {
    offset: Option<Arc<AtomicI64>>,
    simulated: Option<Simulated>,
}

#[derive(Clone)]
struct Simulated {
    began: Millis,
    elapsed: Elapsed,
    /// How many ids were made, over all clocks of one simulation.
    made: Arc<AtomicU32>,
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Clock {
    /// The system's clock.
    pub fn real() -> Self {
        Self::default()
    }

    /// The system's clock with an offset that [`Clock::advance`] moves.
    pub fn movable() -> Self {
        Self { offset: Some(Arc::new(AtomicI64::new(0))), simulated: None }
    }

    /// The clock of a simulation that began then: nothing of the machine's time or chance is in its times and ids.
    /// `made` is how many ids were made before.
    pub fn simulated(began: Millis, made: u32, elapsed: Elapsed) -> Self {
        let made = Arc::new(AtomicU32::new(made));
        Self { offset: None, simulated: Some(Simulated { began, elapsed, made }) }
    }

    /// Now, in unix milliseconds.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn now(&self) -> Millis {
        if let Some(s) = &self.simulated {
            return s.began + Millis::try_from((s.elapsed)().as_millis()).unwrap_or(Millis::MAX / 2);
        }
        let offset = self.offset.as_ref().map_or(0, |o| o.load(Ordering::SeqCst));
        Utc::now().timestamp_millis() + offset
    }

    /// Moves a movable clock forward. Another one does not move.
    pub fn advance(&self, by: Millis) {
        if let Some(offset) = &self.offset {
            offset.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// The time of the simulation, where it is one: what the lease of its gates counts by.
    pub fn elapsed(&self) -> Option<Elapsed> {
        self.simulated.as_ref().map(|s| Arc::clone(&s.elapsed))
    }

    /// A new id: a UUIDv7, so that ids sort by time.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    pub fn id(&self) -> String {
        let Some(s) = &self.simulated else { return uuid::Uuid::now_v7().to_string() };
        let mut rest = [0; 10];
        rest[6..].copy_from_slice(&s.made.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        let now = u64::try_from(self.now()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(now, &rest).into_uuid().to_string()
    }
}

/// An instant as RFC 3339 in UTC with milliseconds: how people and the API read it.
pub fn rfc3339(at: Millis) -> String {
    date_time(at).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// An instant as a date and time in UTC. Values out of range become the epoch.
pub fn date_time(at: Millis) -> DateTime<Utc> {
    Utc.timestamp_millis_opt(at).single().unwrap_or_default()
}
