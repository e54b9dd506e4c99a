//! What a freeze would hold.

use serde::{Deserialize, Serialize};

use super::{Actor, App, Result};
use crate::domain::freeze::{Scope, Subject};
use crate::domain::post::Lane;
use crate::domain::role::Right;

/// What a freeze would hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Preview {
    /// Deliveries in the queue that it covers.
    pub covered: i64,
    /// Of these, due within 24 hours.
    pub covered_next_day: i64,
    /// Deliveries that go on.
    pub goes_on: i64,
}

/// Counts what a scope would hold.
///
/// # Errors
/// The database's own.
pub async fn preview(app: &App, by: &Actor, scope: &Scope) -> Result<Preview> {
    by.need(Right::Read)?;
    let now = app.now();
    let mut out = Preview::default();
    if scope.is_everything() {
        // One look into the index of the queue, however long it is.
        for (lane, total, next_day) in app.store().queue_by_lane(now + 86_400_000).await? {
            if scope.crisis_too || Lane::from_number(lane) == Lane::Routine {
                out.covered += total;
                out.covered_next_day += next_day;
            } else {
                out.goes_on += total;
            }
        }
        return Ok(out);
    }
    for row in app.store().queue(now + 86_400_000).await? {
        let subject = Subject {
            lane: Lane::from_number(row.lane),
            brand: row.brand,
            channel: row.channel_id,
            channel_brand: row.channel_brand,
            labels: serde_json::from_str(&row.labels).unwrap_or_default(),
            due_at: now,
        };
        if scope.covers(&subject) {
            out.covered += row.total;
            out.covered_next_day += row.next_day;
        } else {
            out.goes_on += row.total;
        }
    }
    Ok(out)
}
