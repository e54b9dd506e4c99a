//! How many deliveries there are, by state and by label.

use sqlx::AssertSqlSafe;

use super::{Result, Store, read};

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

    /// How many deliveries are in each state.
    pub async fn count_by_state(&self) -> Result<Vec<(String, i64)>> {
        const SQL: &str = "select state, count(*) from deliveries group by state order by state";
        Ok(read!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }
}
