//! The queue by hour and by day, for people to look at.

use super::{Actor, App, Result};
use crate::clock::Millis;
use crate::domain::role::Right;

const HOUR: Millis = 3_600_000;

/// What falls due in a stretch of time, in deliveries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Approved, and going out at its time.
    pub scheduled: i64,
    /// Waits for a person's decision.
    pub held: i64,
    /// Out.
    pub accepted: i64,
    /// Everything else: drafts, doubts, failures, expired.
    pub other: i64,
}

/// The next hours.
///
/// # Errors
/// The database's own.
pub async fn hours(app: &App, by: &Actor, from: Millis, hours: usize) -> Result<Vec<Stretch>> {
    stretches(app, by, from, HOUR, hours).await
}

async fn stretches(app: &App, by: &Actor, from: Millis, width: Millis, count: usize) -> Result<Vec<Stretch>> {
    by.need(Right::Read)?;
    let to = from + width * Millis::try_from(count).unwrap_or(0);
    let mut out = vec![Stretch::default(); count];
    for slot in app.store().slots(from, to, width).await? {
        let Some(stretch) = usize::try_from(slot.slot).ok().and_then(|n| out.get_mut(n)) else { continue };
        match slot.state.as_str() {
            "scheduled" | "claimed" | "sending" => stretch.scheduled += slot.total,
            "held" => stretch.held += slot.total,
            "accepted" => stretch.accepted += slot.total,
            "cancelled" => {}
            _ => stretch.other += slot.total,
        }
    }
    Ok(out)
}
