//! Attempts: one try at a delivery, written before the first byte leaves.

use sqlx::{AssertSqlSafe, FromRow};

use super::deliveries::{self, Change};
use super::rows::{Rows, Value};
use super::{Result, Store, Tx, dialect, listed, on, read};
use crate::clock::Millis;

/// How many deliveries are named in one question.
const TOGETHER: usize = 500;
const ALL_OF: &str = "select * from attempts where delivery_id = $1 order by number";

/// A row of `attempts`.
#[derive(Debug, Clone, FromRow)]
pub struct Attempt {
    pub id: String,
    pub delivery_id: String,
    pub number: i64,
    pub idempotency_key: String,
    pub content_hash: String,
    /// The frozen bytes.
    pub body: String,
    pub node_id: String,
    /// Which process of the node made it.
    pub incarnation: String,
    pub epoch: i64,
    pub permitted_at: Millis,
    /// `accepted`, `rejected`, `in_doubt`, or nothing yet.
    pub outcome: Option<String>,
    pub detail: Option<String>,
    pub remote_id: Option<String>,
    pub settled_at: Option<Millis>,
    pub reads: i64,
    /// How many of the last reads in a row answered "not there".
    pub absent: i64,
    pub next_read_at: Option<Millis>,
    /// What the network calls the post before anybody can see it.
    pub handle: Option<String>,
}

/// An attempt whose read is due.
#[derive(Debug, Clone, FromRow)]
pub struct Read {
    #[sqlx(flatten)]
    pub attempt: Attempt,
    pub channel_id: String,
}

/// An attempt without an outcome.
#[derive(Debug, Clone, FromRow)]
pub struct Unsettled {
    pub id: String,
    pub delivery_id: String,
    pub incarnation: String,
    pub permitted_at: Millis,
    pub adapter: String,
    /// The post whose words it was to change.
    pub revises: Option<String>,
}

/// An outcome, written in batches.
#[derive(Debug, Clone)]
pub struct Settled {
    pub id: String,
    pub outcome: &'static str,
    pub detail: Option<String>,
    pub remote_id: Option<String>,
    pub at: Millis,
    pub next_read_at: Option<Millis>,
}

pub(super) const SETTLE: &str = "with v (id, outcome, detail, remote_id, at, next_read_at) as ({rows})
    update attempts set outcome = v.outcome, detail = v.detail, remote_id = v.remote_id,
      settled_at = v.at, next_read_at = v.next_read_at
    from v where attempts.id = v.id and (attempts.outcome is null or attempts.outcome = 'in_doubt')
    returning attempts.id";

/// The attempts without an outcome.
const OPEN: &str =
    "select a.id, a.delivery_id, a.incarnation, a.permitted_at, c.adapter, p.revises from attempts a
      join deliveries d on d.id = a.delivery_id join channels c on c.id = d.channel_id
      join posts p on p.id = d.post_id
    where a.outcome is null";

/// No process has the attempt in hand: it is of another process of this node, or of a node off the list.
const LOST: &str = "a.permitted_at < $3
    and ((a.node_id = $1 and a.incarnation <> $2) or a.node_id not in (select id from nodes))";

impl Store {
    /// Whether there is an attempt that [`Tx::lost`] would give.
    pub async fn has_lost(&self, node: &str, incarnation: &str, before: Millis) -> Result<bool> {
        const SQL: &str = "select exists (select 1 from attempts a where a.outcome is null and {lost})";
        let sql = SQL.replace("{lost}", LOST);
        Ok(read!(self, |c| sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(node)
            .bind(incarnation)
            .bind(before)
            .fetch_one(c)
            .await?))
    }

    /// The attempts of a process without an outcome, from before that time.
    pub async fn open_of(&self, node: &str, incarnation: &str, before: Millis) -> Result<Vec<String>> {
        const SQL: &str = "select id from attempts
            where outcome is null and node_id = $1 and incarnation = $2 and permitted_at < $3";
        Ok(read!(self, |c| sqlx::query_scalar(SQL)
            .bind(node)
            .bind(incarnation)
            .bind(before)
            .fetch_all(c)
            .await?))
    }

    pub async fn attempts(&self, delivery: &str) -> Result<Vec<Attempt>> {
        Ok(read!(self, |c| sqlx::query_as(ALL_OF).bind(delivery).fetch_all(c).await?))
    }

    /// The attempts at each of these deliveries, the first ones first.
    pub async fn attempts_of_each(&self, deliveries: &[String]) -> Result<Vec<Attempt>> {
        let mut all = Vec::new();
        for some in deliveries.chunks(TOGETHER) {
            let list = dialect::list(1, dialect::padded(some.len()));
            let sql =
                format!("select * from attempts where delivery_id in ({list}) order by delivery_id, number");
            let read: Vec<Attempt> = read!(self, |c| {
                let asked = sqlx::query_as(AssertSqlSafe(sql.clone()));
                listed!(asked, some).fetch_all(c).await?
            });
            all.extend(read);
        }
        Ok(all)
    }

    /// Attempts in doubt whose next read is due, as far as this node reads them: its own, and those
    /// of nodes that are gone or were last heard of before `alive_since`. Of each channel the first
    /// `limit`, so that the doubts of one never crowd out those of another.
    pub async fn to_read(
        &self,
        node: &str,
        alive_since: Millis,
        now: Millis,
        limit: i64,
    ) -> Result<Vec<Read>> {
        const SQL: &str = "select * from (select a.*, d.channel_id, row_number() over
                (partition by d.channel_id order by a.next_read_at, a.id) as place
              from attempts a join deliveries d on d.id = a.delivery_id
              where a.next_read_at <= $3 and (a.node_id = $1 or not exists
                (select 1 from nodes n where n.id = a.node_id and n.last_seen_at >= $2))) as due
            where place <= $4 order by next_read_at, id";
        Ok(read!(self, |c| sqlx::query_as(SQL)
            .bind(node)
            .bind(alive_since)
            .bind(now)
            .bind(limit)
            .fetch_all(c)
            .await?))
    }

    /// When the next read of those is due.
    pub async fn next_read(&self, node: &str, alive_since: Millis) -> Result<Option<Millis>> {
        const SQL: &str = "select min(next_read_at) from attempts where next_read_at is not null
              and (node_id = $1 or not exists
              (select 1 from nodes n where n.id = attempts.node_id and n.last_seen_at >= $2))";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).bind(node).bind(alive_since).fetch_one(c).await?))
    }
}

impl Tx {
    /// All attempts of a delivery, not locked.
    pub async fn attempts(&mut self, delivery: &str) -> Result<Vec<Attempt>> {
        Ok(on!(self, |c| sqlx::query_as(ALL_OF).bind(delivery).fetch_all(c).await?))
    }

    /// An attempt, locked. Whoever locks its delivery too does so afterwards.
    pub async fn attempt(&mut self, id: &str) -> Result<Option<Attempt>> {
        const SQL: &str = "select * from attempts where id = $1";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(c).await?))
    }

    /// The attempts of a node that have no outcome, locked, with the adapter of their channel.
    pub async fn unsettled(&mut self, node: &str) -> Result<Vec<Unsettled>> {
        let sql = format!("{OPEN} and a.node_id = $1 {}", self.open_order());
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(node).fetch_all(c).await?))
    }

    /// The attempts without an outcome from before that time which no process has in hand: of another
    /// process of this node, or of a node that is off the list. Locked.
    pub async fn lost(&mut self, node: &str, incarnation: &str, before: Millis) -> Result<Vec<Unsettled>> {
        let sql = format!("{OPEN} and {LOST} {}", self.open_order());
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql))
            .bind(node)
            .bind(incarnation)
            .bind(before)
            .fetch_all(c)
            .await?))
    }

    /// Whoever locks several attempts does so in this order.
    fn open_order(&self) -> String {
        let lock = if self.dialect() == 1 { " for update of a" } else { "" };
        format!("order by a.delivery_id, a.id{lock}")
    }

    /// The attempt at a delivery that is open or in doubt, locked. The delivery is locked afterwards.
    pub async fn open_attempt(&mut self, delivery: &str) -> Result<Option<Attempt>> {
        const SQL: &str = "select * from attempts where delivery_id = $1
              and (outcome is null or outcome = 'in_doubt') order by number desc limit 1";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(delivery).fetch_optional(c).await?))
    }

    /// The attempt at a delivery that a person can settle, locked: open, in doubt, or accepted by a network
    /// that only said that something has started. The delivery is locked afterwards.
    pub async fn attempt_to_settle(&mut self, delivery: &str) -> Result<Option<Attempt>> {
        const SQL: &str = "select * from attempts where delivery_id = $1
              and (outcome is null or outcome = 'in_doubt' or (outcome = 'accepted'
                and exists (select 1 from deliveries d where d.id = $1 and d.started = 1)))
            order by number desc limit 1";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(delivery).fetch_optional(c).await?))
    }

    /// A person's word about an attempt that was accepted when something had only started. The network's id
    /// stays.
    pub async fn settle_started(&mut self, a: &Settled) -> Result<()> {
        const SQL: &str = "update attempts set outcome = $2, detail = $3, settled_at = $4
            where id = $1 and outcome = 'accepted'";
        on!(self, |c| sqlx::query(SQL)
            .bind(&a.id)
            .bind(a.outcome)
            .bind(&a.detail)
            .bind(a.at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Writes new attempts, and moves their deliveries, and others, to new states.
    pub async fn insert_attempts(&mut self, attempts: &[Attempt], changes: &[Change]) -> Result<()> {
        const SQL: &str =
            "insert into attempts (id, delivery_id, number, idempotency_key, content_hash, body,
              node_id, incarnation, epoch, permitted_at, reads, absent)
            select v.*, 0, 0 from ({rows}) as v";
        let attempts: Vec<[Value<'_>; 10]> = attempts
            .iter()
            .map(|a| {
                [
                    (&a.id).into(),
                    (&a.delivery_id).into(),
                    a.number.into(),
                    (&a.idempotency_key).into(),
                    (&a.content_hash).into(),
                    (&a.body).into(),
                    (&a.node_id).into(),
                    (&a.incarnation).into(),
                    a.epoch.into(),
                    a.permitted_at.into(),
                ]
            })
            .collect();
        let changes = deliveries::changed(changes);
        self.run_together(&[Rows::new(SQL, &attempts), Rows::new(deliveries::CHANGE, &changes)]).await
    }

    /// Writes outcomes, many at a time, and returns the ids of the attempts that took theirs. One
    /// that is settled already takes no other: only what is open or in doubt can be settled.
    pub async fn settle_attempts(&mut self, rows: &[Settled]) -> Result<Vec<String>> {
        let rows: Vec<[Value<'_>; 6]> = rows
            .iter()
            .map(|a| {
                [
                    (&a.id).into(),
                    a.outcome.into(),
                    (&a.detail).into(),
                    (&a.remote_id).into(),
                    a.at.into(),
                    a.next_read_at.into(),
                ]
            })
            .collect();
        self.run_rows_returning(SETTLE, &rows).await
    }

    /// Notes that content of these attempts has left, whatever came of it. Of what is accepted it goes without saying.
    pub async fn note_left(&mut self, attempts: &[String]) -> Result<()> {
        if attempts.is_empty() {
            return Ok(());
        }
        let list = dialect::list(1, dialect::padded(attempts.len()));
        let sql = format!("update attempts set has_left = 1 where id in ({list})");
        on!(self, |c| listed!(sqlx::query(AssertSqlSafe(sql)), attempts).execute(c).await.map(drop)?);
        Ok(())
    }

    /// There is nothing to read any more.
    pub async fn end_reads(&mut self, id: &str) -> Result<()> {
        const SQL: &str = "update attempts set next_read_at = null where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Notes what a read saw, and when to read next.
    pub async fn note_read(
        &mut self,
        id: &str,
        absent: i64,
        next: Option<Millis>,
        detail: &str,
    ) -> Result<()> {
        const SQL: &str = "update attempts set reads = reads + 1, absent = $2, next_read_at = $3, detail = $4
            where id = $1";
        on!(self, |c| sqlx::query(SQL)
            .bind(id)
            .bind(absent)
            .bind(next)
            .bind(detail)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }
}
