//! Answers kept for a repeated POST with the same `Idempotency-Key`.

use sqlx::FromRow;

use super::{Result, Tx, on};
use crate::clock::Millis;

/// A row of `idempotency`.
#[derive(Debug, Clone, FromRow)]
pub struct Kept {
    pub request_hash: String,
    /// The node that took the key, and which process that was.
    pub node_id: String,
    pub incarnation: String,
    pub status: Option<i64>,
    pub body: Option<String>,
}

impl Tx {
    /// Takes the key for a request, or returns what is kept for it.
    pub async fn take_key(
        &mut self,
        person: &str,
        key: &str,
        request_hash: &str,
        (node, incarnation): (&str, &str),
        now: Millis,
        until: Millis,
    ) -> Result<Option<Kept>> {
        const CLEAN: &str = "delete from idempotency where expires_at < $1";
        const TAKE: &str =
            "insert into idempotency (person_id, key, request_hash, node_id, incarnation, expires_at)
            values ($1, $2, $3, $4, $5, $6) on conflict (person_id, key) do nothing";
        const LOOK: &str = "select request_hash, node_id, incarnation, status, body from idempotency
            where person_id = $1 and key = $2";
        on!(self, |c| sqlx::query(CLEAN).bind(now).execute(c).await.map(drop)?);
        let taken = on!(self, |c| sqlx::query(TAKE)
            .bind(person)
            .bind(key)
            .bind(request_hash)
            .bind(node)
            .bind(incarnation)
            .bind(until)
            .execute(c)
            .await?
            .rows_affected());
        if taken == 1 {
            return Ok(None);
        }
        Ok(on!(self, |c| sqlx::query_as(LOOK).bind(person).bind(key).fetch_optional(c).await?))
    }

    /// Keeps the answer, and the hash of the request if it is known only now.
    pub async fn keep_answer(
        &mut self,
        person: &str,
        key: &str,
        request_hash: Option<&str>,
        status: i64,
        body: &str,
    ) -> Result<()> {
        const SQL: &str = "update idempotency set status = $3, body = $4,
              request_hash = coalesce($5, request_hash)
            where person_id = $1 and key = $2";
        on!(self, |c| sqlx::query(SQL)
            .bind(person)
            .bind(key)
            .bind(status)
            .bind(body)
            .bind(request_hash)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Gives the key back: the request failed and may be repeated.
    pub async fn release_key(&mut self, person: &str, key: &str) -> Result<()> {
        const SQL: &str = "delete from idempotency where person_id = $1 and key = $2 and status is null";
        on!(self, |c| sqlx::query(SQL).bind(person).bind(key).execute(c).await.map(drop)?);
        Ok(())
    }
}
