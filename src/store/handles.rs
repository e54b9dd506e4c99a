//! Handles of attempts: what the network calls a post before anybody can see it, or who has it.

use sqlx::{AssertSqlSafe, FromRow};

use super::attempts::Attempt;
use super::revisions::other_words;
use super::{Result, Store, Tx, dialect, on, read};
use crate::clock::Millis;

/// A handle, and the attempt that wrote it down.
#[derive(Debug, Clone, FromRow)]
pub struct Kept {
    pub attempt: String,
    pub handle: String,
}

/// A handle of another delivery.
#[derive(Debug, Clone, FromRow)]
pub struct OtherHandle {
    pub delivery_id: String,
    pub channel_id: String,
    /// The frozen bytes of its attempt.
    pub body: String,
    pub content_hash: String,
    pub number: i64,
    pub outcome: Option<String>,
    pub handle: String,
}

/// The newest handle of an attempt at the same delivery with the same words.
const NEWEST: &str = "select b.id as attempt, b.handle as handle from attempts a join attempts b
      on b.delivery_id = a.delivery_id and b.content_hash = a.content_hash
    where a.id = $1 and b.handle is not null order by b.number desc limit 1";

/// The numbers of the attempts at the same delivery that are settled as without effect.
const REJECTED: &str = "select b.number from attempts a join attempts b on b.delivery_id = a.delivery_id
    where a.id = $1 and b.outcome = 'rejected'";

impl Store {
    /// The newest handle of an attempt at the same delivery with the same words.
    pub async fn handle(&self, attempt: &str) -> Result<Option<Kept>> {
        Ok(read!(self, |c| sqlx::query_as(NEWEST).bind(attempt).fetch_optional(c).await?))
    }

    /// The numbers of the attempts at the same delivery that are settled as without effect, also by a person.
    pub async fn rejected(&self, attempt: &str) -> Result<Vec<i64>> {
        Ok(read!(self, |c| sqlx::query_scalar(REJECTED).bind(attempt).fetch_all(c).await?))
    }

    /// The handles of other deliveries of an adapter whose attempts were permitted since then; those of one delivery
    /// with the same words follow each other, in the order of their numbers.
    pub async fn other_handles(
        &self,
        adapter: &str,
        delivery: &str,
        since: Millis,
    ) -> Result<Vec<OtherHandle>> {
        const SQL: &str =
            "select a.delivery_id, d.channel_id, a.body, a.content_hash, a.number, a.outcome, a.handle
            from attempts a
              join deliveries d on d.id = a.delivery_id join channels c on c.id = d.channel_id
            where a.handle is not null and a.permitted_at >= $3 and c.adapter = $1 and a.delivery_id <> $2
            order by a.delivery_id, a.content_hash, a.number";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(adapter).bind(delivery).bind(since).fetch_all(c).await?))
    }
}

impl Tx {
    /// As [`Store::handle`].
    pub async fn handle(&mut self, attempt: &str) -> Result<Option<Kept>> {
        Ok(on!(self, |c| sqlx::query_as(NEWEST).bind(attempt).fetch_optional(c).await?))
    }

    /// As [`Store::rejected`].
    pub async fn rejected(&mut self, attempt: &str) -> Result<Vec<i64>> {
        Ok(on!(self, |c| sqlx::query_scalar(REJECTED).bind(attempt).fetch_all(c).await?))
    }

    /// The newest attempt at a delivery, locked. The delivery is locked afterwards.
    pub async fn last_attempt(&mut self, delivery: &str) -> Result<Option<Attempt>> {
        const SQL: &str = "select * from attempts where delivery_id = $1 order by number desc limit 1";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(delivery).fetch_optional(c).await?))
    }

    /// Whether the post of a delivery was cancelled, gets other words, or its time is over by then.
    pub async fn is_over(&mut self, delivery: &str, at: Millis) -> Result<bool> {
        let sql = format!(
            "select count(*) from deliveries d join posts p on p.id = d.post_id
            where d.id = $1 and (p.state = 'cancelled' or d.valid_until <= $2 or {})",
            other_words()
        );
        let found: i64 = on!(self, |c| sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(delivery)
            .bind(at)
            .fetch_one(c)
            .await?);
        Ok(found > 0)
    }

    /// Writes the handle of an attempt that has no outcome yet; whether it has none.
    pub async fn keep_handle(&mut self, id: &str, handle: &str) -> Result<bool> {
        const SQL: &str = "update attempts set handle = $2 where id = $1 and outcome is null";
        Ok(on!(self, |c| sqlx::query(SQL).bind(id).bind(handle).execute(c).await?.rows_affected() == 1))
    }

    /// Writes what a person decided into the handle of an attempt, whatever became of that.
    pub async fn rewrite_handle(&mut self, id: &str, handle: &str) -> Result<()> {
        const SQL: &str = "update attempts set handle = $2 where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).bind(handle).execute(c).await.map(drop)?);
        Ok(())
    }
}
