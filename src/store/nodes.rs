//! The nodes that share the work, and the epoch each has taken.

use sqlx::FromRow;

use super::{Result, Store, Tx, on, read};
use crate::clock::Millis;

/// A row of `nodes`.
#[derive(Debug, Clone, FromRow)]
pub struct Node {
    pub id: String,
    pub name: String,
    pub started_at: Millis,
    pub last_seen_at: Millis,
    /// The newest epoch that its gate has taken.
    pub acked_epoch: i64,
    /// Why its gate is closed, if it is.
    pub closed_reason: Option<String>,
}

impl Store {
    pub async fn nodes(&self) -> Result<Vec<Node>> {
        const SQL: &str = "select * from nodes order by name, id";
        Ok(read!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }
}

impl Tx {
    /// Registers the node, or says that it is alive and which epoch it has taken.
    pub async fn upsert_node(&mut self, n: &Node) -> Result<()> {
        const SQL: &str = "insert into nodes (id, name, started_at, last_seen_at, acked_epoch, closed_reason)
            values ($1, $2, $3, $4, $5, $6)
            on conflict (id) do update set name = excluded.name, started_at = excluded.started_at,
              last_seen_at = excluded.last_seen_at, acked_epoch = excluded.acked_epoch,
              closed_reason = excluded.closed_reason";
        on!(self, |c| sqlx::query(SQL)
            .bind(&n.id)
            .bind(&n.name)
            .bind(n.started_at)
            .bind(n.last_seen_at)
            .bind(n.acked_epoch)
            .bind(&n.closed_reason)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Takes the node off the list; whether it was on it.
    pub async fn delete_node(&mut self, id: &str) -> Result<bool> {
        const SQL: &str = "delete from nodes where id = $1";
        Ok(on!(self, |c| sqlx::query(SQL).bind(id).execute(c).await?.rows_affected()) == 1)
    }

    /// Takes a housekeeping job for this node, unless one took it after `since`; whether it did.
    pub async fn take_turn(&mut self, job: &str, at: Millis, since: Millis) -> Result<bool> {
        const SQL: &str = "insert into turns (job, taken_at) values ($1, $2)
            on conflict (job) do update set taken_at = excluded.taken_at where turns.taken_at <= $3";
        let rows =
            on!(self, |c| sqlx::query(SQL).bind(job).bind(at).bind(since).execute(c).await?.rows_affected());
        Ok(rows == 1)
    }

    /// The lowest epoch that every registered node has taken; `None` without any node.
    pub async fn lowest_acked_epoch(&mut self) -> Result<Option<i64>> {
        const SQL: &str = "select min(acked_epoch) from nodes";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).fetch_one(c).await?))
    }
}
