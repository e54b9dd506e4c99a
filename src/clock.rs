//! Time and ids. Nothing else in Holdline reads a clock or makes an id.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, TimeZone, Utc};

/// Unix milliseconds in UTC: how time is stored and compared everywhere.
pub type Millis = i64;

/// The source of time and ids: the real one, or one that a test moves.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    offset: Option<Arc<AtomicI64>>,
}

impl Clock {
    /// The system's clock.
    pub fn real() -> Self {
        Self::default()
    }

    /// The system's clock with an offset that [`Clock::advance`] moves.
    pub fn movable() -> Self {
        Self { offset: Some(Arc::new(AtomicI64::new(0))) }
    }

    /// Now, in unix milliseconds.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn now(&self) -> Millis {
        let offset = self.offset.as_ref().map_or(0, |o| o.load(Ordering::SeqCst));
        Utc::now().timestamp_millis() + offset
    }

    /// Moves a movable clock forward. A real clock does not move.
    pub fn advance(&self, by: Millis) {
        if let Some(offset) = &self.offset {
            offset.fetch_add(by, Ordering::SeqCst);
        }
    }

    /// A new id: a UUIDv7, so that ids sort by time.
    #[expect(clippy::disallowed_methods, reason = "the one place that makes ids")]
    pub fn id(&self) -> String {
        uuid::Uuid::now_v7().to_string()
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
