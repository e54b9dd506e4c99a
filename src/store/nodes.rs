//! The nodes that share the work, and the epoch each has taken.

use sqlx::{AssertSqlSafe, FromRow};

use super::{Result, Store, Tx, dialect, on, read};
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
    /// Which process it is: a new one with every start.
    pub incarnation: String,
    /// How many attempts it has marked as begun; see `worker/marks.rs`.
    pub begun: i64,
    /// When a person took it off the list. The row stays until nothing of it can be under way.
    pub forgotten_at: Option<Millis>,
    /// Ids of the instance keys in its key file, with commas between them; see `app/key_watch.rs`.
    pub keys: String,
}

const NODES: &str = "select * from nodes order by name, id";

impl Store {
    pub async fn nodes(&self) -> Result<Vec<Node>> {
        Ok(read!(self, |c| sqlx::query_as(NODES).fetch_all(c).await?))
    }

    pub async fn node(&self, id: &str) -> Result<Option<Node>> {
        const SQL: &str = "select * from nodes where id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }
}

impl Tx {
    pub async fn nodes(&mut self) -> Result<Vec<Node>> {
        Ok(on!(self, |c| sqlx::query_as(NODES).fetch_all(c).await?))
    }

    /// The row of a node, locked.
    pub async fn node(&mut self, id: &str) -> Result<Option<Node>> {
        const SQL: &str = "select * from nodes where id = $1";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(c).await?))
    }

    /// Registers the node, or says that it is alive and which epoch it has taken. Not so when the row
    /// is that of another incarnation; whether it was done.
    pub async fn upsert_node(&mut self, n: &Node) -> Result<bool> {
        const SQL: &str = "insert into nodes
              (id, name, started_at, last_seen_at, acked_epoch, closed_reason, incarnation, begun, keys)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
            on conflict (id) do update set name = excluded.name, started_at = excluded.started_at,
              last_seen_at = excluded.last_seen_at, acked_epoch = excluded.acked_epoch,
              closed_reason = excluded.closed_reason, begun = excluded.begun, keys = excluded.keys,
              forgotten_at = null
            where nodes.incarnation = excluded.incarnation";
        let rows = on!(self, |c| sqlx::query(SQL)
            .bind(&n.id)
            .bind(&n.name)
            .bind(n.started_at)
            .bind(n.last_seen_at)
            .bind(n.acked_epoch)
            .bind(&n.closed_reason)
            .bind(&n.incarnation)
            .bind(n.begun)
            .bind(&n.keys)
            .execute(c)
            .await?
            .rows_affected());
        Ok(rows == 1)
    }

    /// Puts the node into the place of an incarnation that has said nothing since `old` was read;
    /// whether it has not. The epoch stays: the new one has taken none yet.
    pub async fn replace_node(&mut self, old: &Node, n: &Node) -> Result<bool> {
        const SQL: &str = "update nodes set name = $2, started_at = $3, last_seen_at = $4,
              closed_reason = $5, incarnation = $6, begun = 0, keys = $9, forgotten_at = null
            where id = $1 and incarnation = $7 and last_seen_at = $8";
        let rows = on!(self, |c| sqlx::query(SQL)
            .bind(&n.id)
            .bind(&n.name)
            .bind(n.started_at)
            .bind(n.last_seen_at)
            .bind(&n.closed_reason)
            .bind(&n.incarnation)
            .bind(&old.incarnation)
            .bind(old.last_seen_at)
            .bind(&n.keys)
            .execute(c)
            .await?
            .rows_affected());
        Ok(rows == 1)
    }

    /// Takes the node off the list, and keeps its row for what it may have under way.
    pub async fn forget_node(&mut self, id: &str, at: Millis) -> Result<()> {
        const SQL: &str = "update nodes set forgotten_at = $2 where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).bind(at).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Takes the node off the list.
    pub async fn delete_node(&mut self, id: &str) -> Result<()> {
        const SQL: &str = "delete from nodes where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Takes a housekeeping job for this node, unless one took it after `since`; whether it did.
    pub async fn take_turn(&mut self, job: &str, at: Millis, since: Millis) -> Result<bool> {
        const SQL: &str = "insert into turns (job, taken_at) values ($1, $2)
            on conflict (job) do update set taken_at = excluded.taken_at where turns.taken_at <= $3";
        let rows =
            on!(self, |c| sqlx::query(SQL).bind(job).bind(at).bind(since).execute(c).await?.rows_affected());
        Ok(rows == 1)
    }

    /// When a node took that job last.
    pub async fn turn_taken(&mut self, job: &str) -> Result<Option<Millis>> {
        const SQL: &str = "select taken_at from turns where job = $1";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(job).fetch_optional(c).await?))
    }

    /// The lowest epoch that every registered node has taken; `None` without any node.
    pub async fn lowest_acked_epoch(&mut self) -> Result<Option<i64>> {
        const SQL: &str = "select min(acked_epoch) from nodes where forgotten_at is null";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).fetch_one(c).await?))
    }
}
