//! The queue by hour and by day: what people look at, counted by the database.

use sqlx::FromRow;

use super::{Result, Store, read};
use crate::clock::Millis;

/// Deliveries in a stretch of time, by state.
#[derive(Debug, Clone, FromRow)]
pub struct Slot {
    /// Which stretch, counted from the first.
    pub slot: i64,
    pub state: String,
    pub total: i64,
}

impl Store {
    /// Deliveries by due time, in stretches of `width` from `from` until `to`.
    pub async fn slots(&self, from: Millis, to: Millis, width: Millis) -> Result<Vec<Slot>> {
        const SQL: &str = "select (p.due_at - $1) / $3 as slot, d.state, count(*) as total
            from posts p join deliveries d on d.post_id = p.id
            where p.due_at >= $1 and p.due_at < $2
            group by (p.due_at - $1) / $3, d.state";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(from).bind(to).bind(width).fetch_all(c).await?))
    }

    /// The queue by lane: how many wait, and how many of them until `day_end`.
    pub async fn queue_by_lane(&self, day_end: Millis) -> Result<Vec<(i64, i64, i64)>> {
        const SQL: &str = "select lane, count(*), count(case when ready_at < $1 then 1 end)
            from deliveries where state = 'scheduled' group by lane";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(day_end).fetch_all(c).await?))
    }

    /// How many sends are under way.
    pub async fn count_sending(&self) -> Result<i64> {
        const SQL: &str = "select count(*) from deliveries
            where (state = 'claimed' or state = 'sending') and state = 'sending'";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).fetch_one(c).await?))
    }
}
