//! Signals of monitoring systems.

use sqlx::{AssertSqlSafe, FromRow};

use super::{Result, Store, Tx, dialect, on, read};
use crate::clock::Millis;

/// A row of `signals`.
#[derive(Debug, Clone, FromRow)]
pub struct Signal {
    pub id: String,
    pub source: String,
    pub key: String,
    pub title: String,
    pub detail: Option<String>,
    pub url: Option<String>,
    pub severity: Option<String>,
    /// The key of a prepared plan.
    pub playbook: Option<String>,
    pub state: String,
    pub first_seen_at: Millis,
    pub last_seen_at: Millis,
    /// How often it was said.
    pub times: i64,
    /// When the monitoring system said that it is over.
    pub ended_at: Option<Millis>,
    pub decided_at: Option<Millis>,
    pub decided_by: Option<String>,
    pub note: Option<String>,
    pub incident_id: Option<String>,
}

/// What a person decided.
#[derive(Debug, Clone, Copy)]
pub struct Decided<'a> {
    pub state: &'a str,
    pub at: Millis,
    pub by: &'a str,
    pub note: Option<&'a str>,
    pub incident: Option<&'a str>,
}

impl Store {
    /// Newest first.
    pub async fn signals(&self, waiting_only: bool, limit: i64) -> Result<Vec<Signal>> {
        const SQL: &str = "select * from signals where state = 'waiting' or $1 = false
            order by first_seen_at desc, id desc limit $2";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(waiting_only).bind(limit).fetch_all(c).await?))
    }

    pub async fn signal(&self, id: &str) -> Result<Option<Signal>> {
        const SQL: &str = "select * from signals where id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }

    pub async fn count_waiting_signals(&self) -> Result<i64> {
        const SQL: &str = "select count(*) from signals where state = 'waiting'";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).fetch_one(c).await?))
    }
}

impl Tx {
    /// The row, kept from others until this change ends.
    pub async fn signal(&mut self, id: &str) -> Result<Option<Signal>> {
        const SQL: &str = "select * from signals where id = $1";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(c).await?))
    }

    /// The newest one of that source and key, kept from others until this change ends.
    pub async fn newest_signal(&mut self, source: &str, key: &str) -> Result<Option<Signal>> {
        const SQL: &str = "select * from signals where source = $1 and key = $2
            order by first_seen_at desc, id desc limit 1";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(source).bind(key).fetch_optional(c).await?))
    }

    pub async fn count_waiting_signals(&mut self) -> Result<i64> {
        const SQL: &str = "select count(*) from signals where state = 'waiting'";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).fetch_one(c).await?))
    }

    /// Adds a waiting one. When another change added the same at this moment, that one is counted.
    pub async fn insert_signal(&mut self, s: &Signal) -> Result<Signal> {
        const SQL: &str =
            "insert into signals (id, source, key, title, detail, url, severity, playbook, state,
              first_seen_at, last_seen_at, times)
            values ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9, $9, 1)
            on conflict (source, key) where state = 'waiting'
              do update set times = signals.times + 1, last_seen_at = excluded.last_seen_at
            returning *";
        Ok(on!(self, |c| sqlx::query_as(SQL)
            .bind(&s.id)
            .bind(&s.source)
            .bind(&s.key)
            .bind(&s.title)
            .bind(&s.detail)
            .bind(&s.url)
            .bind(&s.severity)
            .bind(&s.playbook)
            .bind(s.first_seen_at)
            .fetch_one(c)
            .await?))
    }

    /// It was said once more: the newest words count.
    pub async fn count_signal(&mut self, s: &Signal) -> Result<()> {
        const SQL: &str =
            "update signals set title = $2, detail = $3, url = $4, severity = $5, playbook = $6,
              last_seen_at = $7, times = times + 1 where id = $1";
        on!(self, |c| sqlx::query(SQL)
            .bind(&s.id)
            .bind(&s.title)
            .bind(&s.detail)
            .bind(&s.url)
            .bind(&s.severity)
            .bind(&s.playbook)
            .bind(s.last_seen_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// The monitoring system says that it is over. What was decided stays so.
    pub async fn end_signal(&mut self, id: &str, at: Millis) -> Result<()> {
        const SQL: &str = "update signals set ended_at = $2, last_seen_at = $2,
              state = case when state = 'waiting' then 'ended' else state end where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).bind(at).execute(c).await.map(drop)?);
        Ok(())
    }

    pub async fn decide_signal(&mut self, id: &str, d: &Decided<'_>) -> Result<()> {
        const SQL: &str = "update signals set state = $2, decided_at = $3, decided_by = $4, note = $5,
              incident_id = $6 where id = $1";
        on!(self, |c| sqlx::query(SQL)
            .bind(id)
            .bind(d.state)
            .bind(d.at)
            .bind(d.by)
            .bind(d.note)
            .bind(d.incident)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }
}
