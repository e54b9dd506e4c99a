//! How many deliveries there are, by state, by label, and by what a freeze judges by.

use sqlx::{AssertSqlSafe, FromRow};

use super::{Result, Store, read};
use crate::clock::Millis;

/// How many deliveries a freeze would hold, and when they fall due.
#[derive(Debug, Clone, FromRow)]
pub struct QueueRow {
    pub brand: String,
    pub channel_id: String,
    pub channel_brand: String,
    pub labels: String,
    pub lane: i64,
    pub total: i64,
    pub next_day: i64,
}

impl Store {
    /// How many wait in that state, with that label or all.
    pub async fn count_in(&self, state: &'static str, label: Option<&str>) -> Result<i64> {
        const SQL: &str = "select count(*) from deliveries d where d.state = '{state}'
            and (cast($1 as text) is null or exists
              (select 1 from post_labels l where l.label = $1 and l.post_id = d.post_id))";
        let sql = SQL.replace("{state}", state);
        Ok(read!(self, |c| sqlx::query_scalar(AssertSqlSafe(sql)).bind(label).fetch_one(c).await?))
    }

    /// The labels of what waits in that state, the most frequent first, with their numbers.
    pub async fn labels_in(&self, state: &'static str, limit: i64) -> Result<Vec<(String, i64)>> {
        const SQL: &str = "select l.label, count(*) as n from deliveries d
              join post_labels l on l.post_id = d.post_id
            where d.state = '{state}' group by l.label order by n desc, l.label limit $1";
        let sql = SQL.replace("{state}", state);
        Ok(read!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(limit).fetch_all(c).await?))
    }

    /// How many deliveries wait for a person, by state.
    pub async fn count_waiting(&self) -> Result<Vec<(String, i64)>> {
        // Each state by itself, so that the index of what waits serves.
        const SQL: &str = "select 'held', count(*) from deliveries where state = 'held'
            union all select 'in_doubt', count(*) from deliveries where state = 'in_doubt'
            union all select 'failed', count(*) from deliveries where state = 'failed'";
        Ok(read!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }

    /// How many deliveries with pictures wait for a channel.
    pub async fn count_with_pictures(&self, channel: &str) -> Result<i64> {
        // Quotes inside words are escaped, so nothing but a list of pictures is written like this.
        const SQL: &str = r#"select count(*) from deliveries where channel_id = $1
            and state in ('scheduled', 'claimed', 'held') and rendition like '%"media":[{%'"#;
        Ok(read!(self, |c| sqlx::query_scalar(SQL).bind(channel).fetch_one(c).await?))
    }

    /// How many deliveries are in each state.
    pub async fn count_by_state(&self) -> Result<Vec<(String, i64)>> {
        const SQL: &str = "select state, count(*) from deliveries group by state order by state";
        Ok(read!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }

    /// The queue by what a freeze judges by, for the preview.
    pub async fn queue(&self, day_end: Millis) -> Result<Vec<QueueRow>> {
        const SQL: &str = "select p.brand, d.channel_id, c.brand as channel_brand, p.labels, d.lane,
              count(*) as total, sum(case when d.ready_at < $1 then 1 else 0 end) as next_day
            from deliveries d join posts p on p.id = d.post_id join channels c on c.id = d.channel_id
            where d.state = 'scheduled'
            group by p.brand, d.channel_id, c.brand, p.labels, d.lane";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(day_end).fetch_all(c).await?))
    }
}
