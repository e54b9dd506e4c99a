//! Freezes and the gate row.

use sqlx::{AssertSqlSafe, FromRow};

use super::rows::Value;
use super::{Result, Store, StoreError, Tx, dialect, listed, on, read};
use crate::clock::Millis;
use crate::domain::freeze::{Order, Scope};

/// The one row of `gate`.
#[derive(Debug, Clone, FromRow)]
pub struct GateRow {
    pub epoch: i64,
    /// Changes only when a person confirms a restored or copied database.
    pub timeline: String,
    /// The id of this installation.
    pub instance: String,
    /// Which database this was when it was made or confirmed; see [`Store::identity`].
    pub database: String,
    /// The size of the audit log.
    pub log_size: i64,
    /// The hash of its last leaf.
    pub leaf: Option<Vec<u8>>,
    /// The hash of the last leaf of a log of the size that was asked for.
    pub leaf_asked: Option<Vec<u8>>,
    /// The same of the other size that was asked for.
    pub own_asked: Option<Vec<u8>>,
}

const GATE: &str = "select epoch, timeline, instance, database, log_size,
      (select leaf_hash from audit where seq = log_size - 1) as leaf,
      (select leaf_hash from audit where seq = $1 - 1) as leaf_asked,
      (select leaf_hash from audit where seq = $2 - 1) as own_asked
    from gate cross join (select size as log_size from audit_head where id = 1) as log where id = 1";

/// A row of `freezes`.
#[derive(Debug, Clone, FromRow)]
pub struct Freeze {
    pub id: String,
    pub epoch: i64,
    /// JSON of [`Scope`].
    pub scope: String,
    pub reason: String,
    pub incident_id: Option<String>,
    pub committed_at: Millis,
    pub sealed_at: Option<Millis>,
    pub thawed_at: Option<Millis>,
    pub frozen_by: String,
    pub thawed_by: Option<String>,
}

impl Freeze {
    /// The freeze as it is judged by.
    ///
    /// # Errors
    /// When the stored scope cannot be read.
    pub fn order(&self) -> Result<Order> {
        let scope: Scope = serde_json::from_str(&self.scope)
            .map_err(|e| StoreError::inconsistent("freezes", &self.id, e))?;
        Ok(Order { id: self.id.clone(), scope, thawed_at: self.thawed_at })
    }
}

/// A send that was under way when a node closed its gate for a freeze, as it is now.
#[derive(Debug, Clone, FromRow)]
pub struct Flight {
    pub attempt_id: String,
    pub delivery_id: String,
    pub post_id: String,
    pub channel_id: String,
    pub adapter: String,
    pub channel_name: String,
    pub channel_brand: String,
    pub lane: i64,
    pub due_at: Millis,
    pub state: String,
    /// As in `Delivery`.
    pub started: i64,
    pub reason: Option<String>,
    pub remote_url: Option<String>,
    pub brand: String,
    /// JSON list.
    pub labels: String,
    /// JSON of what was typed.
    pub source: String,
}

/// How far back a lifted freeze still covers what fell due before it was lifted. Claims run within
/// milliseconds; a node that was down for longer finds its posts by hand in the review.
const LIFTED: &str = "select * from freezes where thawed_at is null or thawed_at > $1 order by epoch";

impl Store {
    pub async fn gate(&self) -> Result<Option<GateRow>> {
        Ok(read!(self, |c| sqlx::query_as(GATE).bind(0_i64).bind(0_i64).fetch_optional(c).await?))
    }

    pub async fn freezes(&self, open_only: bool) -> Result<Vec<Freeze>> {
        const SQL: &str = "select * from freezes where thawed_at is null or $1 = false
            order by epoch desc limit 500";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(open_only).fetch_all(c).await?))
    }

    /// How many deliveries wait because of the freeze.
    pub async fn held_by(&self, freeze: &str) -> Result<i64> {
        const SQL: &str = "select count(*) from deliveries where freeze_id = $1 and state = 'held'";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).bind(freeze).fetch_one(c).await?))
    }

    /// How many deliveries wait because of each of the freezes that [`Store::freezes`] lists.
    pub async fn held_by_each(&self, open_only: bool) -> Result<Vec<(String, i64)>> {
        const SQL: &str = "select freeze_id, count(*) from deliveries
            where state = 'held' and freeze_id in (select id from freezes
              where thawed_at is null or $1 = false order by epoch desc limit 500)
            group by freeze_id";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(open_only).fetch_all(c).await?))
    }

    /// What was under way when the nodes closed their gates for the freeze; and, as long as it is not
    /// sealed, what may be under way on the nodes that have not taken it.
    pub async fn flights(&self, freeze: &str) -> Result<Vec<Flight>> {
        const SQL: &str =
            "select a.id as attempt_id, d.id as delivery_id, d.post_id, d.channel_id, c.adapter,
              c.name as channel_name, c.brand as channel_brand, d.lane, d.due_at, d.state, d.started, d.reason,
              d.remote_url, p.brand, p.labels, p.source
            from (select attempt_id from flights where freeze_id = $1
                union select u.id from attempts u
                  join nodes n on n.id = u.node_id
                  join freezes z on z.id = $1
                where u.outcome is null and u.epoch < z.epoch
                  and (n.acked_epoch < z.epoch or n.closed_reason is not null)) f
              join attempts a on a.id = f.attempt_id
              join deliveries d on d.id = a.delivery_id
              join posts p on p.id = d.post_id
              join channels c on c.id = d.channel_id
            order by a.id";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(freeze).fetch_all(c).await?))
    }

    pub async fn freeze(&self, id: &str) -> Result<Option<Freeze>> {
        const SQL: &str = "select * from freezes where id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }
}

impl Tx {
    /// Freezes in force, the newest first.
    pub async fn freezes_in_force(&mut self) -> Result<Vec<Freeze>> {
        const SQL: &str = "select * from freezes where thawed_at is null order by epoch desc limit 500";
        Ok(on!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }

    /// A freeze in force without an incident becomes that of this one. Whether it did.
    pub async fn adopt_freeze(&mut self, id: &str, incident: &str) -> Result<bool> {
        const SQL: &str = "update freezes set incident_id = $2
            where id = $1 and incident_id is null and thawed_at is null";
        Ok(on!(self, |c| sqlx::query(SQL).bind(id).bind(incident).execute(c).await?.rows_affected()) == 1)
    }

    /// The gate row as this change sees it, with the hashes of the last leaves of logs of two sizes.
    pub async fn gate(&mut self, size: i64, own: i64) -> Result<Option<GateRow>> {
        Ok(on!(self, |c| sqlx::query_as(GATE).bind(size).bind(own).fetch_optional(c).await?))
    }

    /// Waits for every other change of the gate, and keeps it for this one.
    pub async fn lock_gate(&mut self) -> Result<()> {
        const SQL: &str = "update gate set epoch = epoch where id = 1";
        on!(self, |c| sqlx::query(SQL).execute(c).await.map(drop)?);
        Ok(())
    }

    pub async fn insert_gate(&mut self, timeline: &str, instance: &str, database: &str) -> Result<bool> {
        const SQL: &str =
            "insert into gate (id, epoch, timeline, instance, database) values (1, 1, $1, $2, $3)
            on conflict (id) do nothing";
        let rows = on!(self, |c| sqlx::query(SQL)
            .bind(timeline)
            .bind(instance)
            .bind(database)
            .execute(c)
            .await?
            .rows_affected());
        Ok(rows == 1)
    }

    /// Starts a new epoch: every permit after this was judged by the new state of the freezes.
    pub async fn next_epoch(&mut self) -> Result<i64> {
        const SQL: &str = "update gate set epoch = epoch + 1 where id = 1 returning epoch";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).fetch_one(c).await?))
    }

    /// A person confirmed that this database is the one to go on with.
    pub async fn set_timeline(&mut self, timeline: &str, database: &str, at_least: i64) -> Result<i64> {
        const SQL: &str = "update gate set timeline = $1, database = $2,
              epoch = case when epoch < $3 then $3 else epoch end + 1
            where id = 1 returning epoch";
        Ok(on!(self, |c| sqlx::query_scalar(SQL)
            .bind(timeline)
            .bind(database)
            .bind(at_least)
            .fetch_one(c)
            .await?))
    }

    /// What sends are judged by: freezes in force, and those lifted after `lifted_since`.
    pub async fn orders(&mut self, lifted_since: Millis) -> Result<Vec<Order>> {
        let rows: Vec<Freeze> = on!(self, |c| sqlx::query_as(LIFTED).bind(lifted_since).fetch_all(c).await?);
        rows.iter().map(Freeze::order).collect()
    }

    pub async fn insert_freeze(&mut self, f: &Freeze) -> Result<()> {
        const SQL: &str = "insert into freezes
              (id, epoch, scope, reason, incident_id, committed_at, frozen_by)
            values ($1, $2, $3, $4, $5, $6, $7)";
        on!(self, |c| sqlx::query(SQL)
            .bind(&f.id)
            .bind(f.epoch)
            .bind(&f.scope)
            .bind(&f.reason)
            .bind(&f.incident_id)
            .bind(f.committed_at)
            .bind(&f.frozen_by)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Notes a send that was under way when a node took the epochs up to `to`, for every freeze
    /// among those after `from`. One that a restored database has lost can be on none of its lists.
    pub async fn insert_flight(&mut self, attempt: &str, from: i64, to: i64) -> Result<()> {
        const SQL: &str = "insert into flights (freeze_id, attempt_id)
            select f.id, a.id from freezes f join attempts a on a.id = $1
            where f.epoch > $2 and f.epoch <= $3
            on conflict (freeze_id, attempt_id) do nothing";
        on!(self, |c| sqlx::query(SQL).bind(attempt).bind(from).bind(to).execute(c).await.map(drop)?);
        Ok(())
    }

    /// The freezes in force that some node has not taken yet: id and epoch.
    pub async fn unsealed(&mut self) -> Result<Vec<(String, i64)>> {
        const SQL: &str = "select id, epoch from freezes where thawed_at is null and sealed_at is null";
        Ok(on!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }

    /// Notes what the node had permitted before the freeze and that was accepted, came in doubt, or had left and was
    /// refused, after it was committed; a try before that one had ended. Before and after are the order of the log, which no clock can mistake.
    pub async fn insert_landed(&mut self, freeze: &str, epoch: i64, node: &str) -> Result<()> {
        const COMMITTED: &str = "select min(seq) from audit where subject = $1";
        const LANDED: &str = "select distinct substr(subject, 10) from audit
            where seq > $1 and verb in ('attempt.accepted', 'attempt.in_doubt', 'attempt.rejected')";
        const SQL: &str = "with v (delivery, stop, epoch, node) as ({rows})
            insert into flights (freeze_id, attempt_id)
            select v.stop, a.id from v join attempts a on a.delivery_id = v.delivery
            where a.node_id = v.node and a.epoch < v.epoch and (a.outcome <> 'rejected' or a.has_left = 1)
              and not exists (select 1 from attempts b where b.delivery_id = a.delivery_id
                and b.number > a.number and b.epoch < v.epoch)
            on conflict (freeze_id, attempt_id) do nothing";
        let subject = format!("freeze:{freeze}");
        // Read by itself: the planner then knows how little of the log comes after it.
        let committed: Option<i64> =
            on!(self, |c| sqlx::query_scalar(COMMITTED).bind(subject).fetch_one(c).await?);
        let Some(committed) = committed else { return Ok(()) };
        let landed: Vec<String> =
            on!(self, |c| sqlx::query_scalar(LANDED).bind(committed).fetch_all(c).await?);
        let rows: Vec<[Value<'_>; 4]> =
            landed.iter().map(|d| [d.into(), freeze.into(), epoch.into(), node.into()]).collect();
        self.run_rows(SQL, &rows).await
    }

    /// Notes what the node had permitted before the freeze and that has no outcome.
    pub async fn insert_unsettled(&mut self, freeze: &str, epoch: i64, node: &str) -> Result<()> {
        const SQL: &str = "insert into flights (freeze_id, attempt_id)
            select $1, id from attempts where node_id = $2 and outcome is null and epoch < $3
            on conflict (freeze_id, attempt_id) do nothing";
        on!(self, |c| sqlx::query(SQL).bind(freeze).bind(node).bind(epoch).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Takes off the lists what turned out never to have begun.
    pub async fn delete_flights(&mut self, attempts: &[String]) -> Result<()> {
        let list = dialect::list(1, dialect::padded(attempts.len()));
        let sql = format!("delete from flights where attempt_id in ({list})");
        on!(self, |c| listed!(sqlx::query(AssertSqlSafe(sql)), attempts).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Notes what nodes that were taken off the list may have under way: they acknowledge nothing.
    pub async fn insert_forgotten(&mut self, freeze: &str) -> Result<()> {
        const SQL: &str = "insert into flights (freeze_id, attempt_id)
            select $1, a.id from nodes n join attempts a on a.node_id = n.id
            where n.forgotten_at is not null and a.outcome is null";
        on!(self, |c| sqlx::query(SQL).bind(freeze).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Marks the freezes that every node has taken as sealed; returns their ids.
    pub async fn seal_up_to(&mut self, epoch: i64, at: Millis) -> Result<Vec<String>> {
        const SQL: &str = "update freezes set sealed_at = $2
            where sealed_at is null and thawed_at is null and epoch <= $1 returning id";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(epoch).bind(at).fetch_all(c).await?))
    }

    /// Lifts a freeze that is in force; whether it was.
    pub async fn thaw(&mut self, id: &str, at: Millis, by: &str) -> Result<bool> {
        const SQL: &str = "update freezes set thawed_at = $2, thawed_by = $3
            where id = $1 and thawed_at is null";
        let rows =
            on!(self, |c| sqlx::query(SQL).bind(id).bind(at).bind(by).execute(c).await?.rows_affected());
        Ok(rows == 1)
    }
}
