//! Posts that somebody scheduled inside a network, and the looks at each channel's schedule.

use sqlx::FromRow;

use super::{Result, Store, Tx, on, read};
use crate::clock::Millis;

/// A row of `sweeps`: the last look at a channel's schedule.
#[derive(Debug, Clone, FromRow)]
pub struct Sweep {
    pub channel_id: String,
    pub epoch: i64,
    pub node_id: String,
    pub begun_at: Millis,
    pub ended_at: Option<Millis>,
    pub listed: Option<i64>,
    pub error: Option<String>,
    pub unseen: Option<String>,
    pub seen_at: Option<Millis>,
    pub seen_epoch: Option<i64>,
    /// When the schedule is read again; nothing: at the next look.
    pub again_at: Option<Millis>,
}

/// A row of `swept`.
#[derive(Debug, Clone, FromRow)]
pub struct Swept {
    pub id: String,
    pub channel_id: String,
    pub freeze_id: String,
    pub place: String,
    pub remote_id: String,
    pub due_at: Millis,
    pub words: String,
    /// JSON.
    pub snapshot: String,
    pub mark: String,
    pub kept_mark: Option<String>,
    pub state: String,
    pub reason: Option<String>,
    pub in_hand_until: Millis,
    pub tries: i64,
    pub asked_at: Option<Millis>,
    pub restore_at: Option<Millis>,
    pub new_id: Option<String>,
    pub found_at: Millis,
    pub changed_at: Millis,
}

impl Store {
    pub async fn sweeps(&self) -> Result<Vec<Sweep>> {
        const SQL: &str = "select * from sweeps";
        Ok(read!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }

    /// Everything that can still change, in the order of its time.
    pub async fn swept_live(&self) -> Result<Vec<Swept>> {
        const SQL: &str = "select * from swept
            where state in ('found', 'holding', 'held', 'could_not', 'restoring', 'dropping')
            order by due_at, id";
        Ok(read!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }

    /// What was found between two times, or under that freeze, or was held when it came; those behind a time
    /// and an id, and at most so many.
    pub async fn swept_under(
        &self,
        freeze: &str,
        (from, to): (Millis, Millis),
        (due, id): (Millis, &str),
        most: i64,
    ) -> Result<Vec<Swept>> {
        const SQL: &str = "select * from swept
            where (freeze_id = $1 or (found_at >= $2 and found_at <= $3)
                or (state in ('held', 'restoring', 'dropping') and found_at <= $3))
              and (due_at > $4 or (due_at = $4 and id > $5))
            order by due_at, id limit $6";
        Ok(read!(self, |c| sqlx::query_as(SQL)
            .bind(freeze)
            .bind(from)
            .bind(to)
            .bind(due)
            .bind(id)
            .bind(most)
            .fetch_all(c)
            .await?))
    }

    /// The ids under which others of the same place were put back.
    pub async fn put_back_as(&self, row: &Swept) -> Result<Vec<String>> {
        const SQL: &str = "select new_id from swept where place = $1 and id <> $2 and new_id is not null";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).bind(&row.place).bind(&row.id).fetch_all(c).await?))
    }

    pub async fn swept(&self, id: &str) -> Result<Option<Swept>> {
        const SQL: &str = "select * from swept where id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }
}

impl Tx {
    /// Begins a look at the channel's schedule, unless another node's for this epoch is under way: begun after
    /// `stale`, and not ended. It is also left when the last one was for this epoch and ended after `since`.
    /// Whether it begins.
    pub async fn begin_sweep(&mut self, sweep: &Sweep, stale: Millis, since: Millis) -> Result<bool> {
        const SQL: &str = "insert into sweeps (channel_id, epoch, node_id, begun_at) values ($1, $2, $3, $4)
            on conflict (channel_id) do update set epoch = excluded.epoch, node_id = excluded.node_id,
              begun_at = excluded.begun_at, ended_at = null
            where sweeps.epoch < $2 or sweeps.ended_at <= $6
              or (sweeps.ended_at is null and (sweeps.begun_at <= $5 or sweeps.node_id = $3))";
        let rows = on!(self, |c| sqlx::query(SQL)
            .bind(&sweep.channel_id)
            .bind(sweep.epoch)
            .bind(&sweep.node_id)
            .bind(sweep.begun_at)
            .bind(stale)
            .bind(since)
            .execute(c)
            .await?
            .rows_affected());
        Ok(rows == 1)
    }

    /// Notes what the look saw, unless another one has begun since.
    pub async fn end_sweep(&mut self, sweep: &Sweep) -> Result<()> {
        const SQL: &str = "update sweeps set ended_at = $3, listed = $4, error = $5, unseen = $6,
              seen_at = $8, seen_epoch = epoch, again_at = $9
            where channel_id = $1 and begun_at = $2 and node_id = $7";
        on!(self, |c| sqlx::query(SQL)
            .bind(&sweep.channel_id)
            .bind(sweep.begun_at)
            .bind(sweep.ended_at)
            .bind(sweep.listed)
            .bind(&sweep.error)
            .bind(&sweep.unseen)
            .bind(&sweep.node_id)
            .bind(sweep.seen_at)
            .bind(sweep.again_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Writes down a post that was found, unless it is there already; whether it was new.
    pub async fn insert_swept(&mut self, s: &Swept) -> Result<bool> {
        const SQL: &str = "insert into swept (id, channel_id, freeze_id, place, remote_id, due_at, words,
              snapshot, mark, state, in_hand_until, tries, found_at, changed_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, $11, $11)
            on conflict (place, remote_id)
              where state in ('found', 'holding', 'held', 'could_not', 'restoring', 'dropping') do nothing";
        let rows = on!(self, |c| sqlx::query(SQL)
            .bind(&s.id)
            .bind(&s.channel_id)
            .bind(&s.freeze_id)
            .bind(&s.place)
            .bind(&s.remote_id)
            .bind(s.due_at)
            .bind(&s.words)
            .bind(&s.snapshot)
            .bind(&s.mark)
            .bind(&s.state)
            .bind(s.found_at)
            .execute(c)
            .await?
            .rows_affected());
        Ok(rows == 1)
    }

    /// Writes what has changed of it, when it is still in that state and nobody has taken it in hand since
    /// it was read; whether it was.
    pub async fn update_swept(&mut self, from: &Swept, to: &Swept) -> Result<bool> {
        const SQL: &str = "update swept set state = $4, due_at = $5, words = $6, snapshot = $7, mark = $8,
              kept_mark = $9, reason = $10, in_hand_until = $11, tries = $12, restore_at = $13, new_id = $14,
              changed_at = $15, freeze_id = $16, channel_id = $17, asked_at = $18
            where id = $1 and state = $2 and in_hand_until = $3";
        let rows = on!(self, |c| sqlx::query(SQL)
            .bind(&from.id)
            .bind(&from.state)
            .bind(from.in_hand_until)
            .bind(&to.state)
            .bind(to.due_at)
            .bind(&to.words)
            .bind(&to.snapshot)
            .bind(&to.mark)
            .bind(&to.kept_mark)
            .bind(&to.reason)
            .bind(to.in_hand_until)
            .bind(to.tries)
            .bind(to.restore_at)
            .bind(&to.new_id)
            .bind(to.changed_at)
            .bind(&to.freeze_id)
            .bind(&to.channel_id)
            .bind(to.asked_at)
            .execute(c)
            .await?
            .rows_affected());
        Ok(rows == 1)
    }

    /// Decisions that were not carried out wait for a person again, for this reason; what is held gets it as one
    /// more reason to look. Their ids.
    pub async fn undecide_swept(&mut self, reason: &str, now: Millis) -> Result<Vec<String>> {
        const SQL: &str = "update swept set state = 'held', restore_at = null, changed_at = $2,
              reason = case when reason is null or reason = $1 or state <> 'held' then $1
                when reason like '%; ' || $1 then reason else reason || '; ' || $1 end
            where state in ('held', 'restoring', 'dropping') returning id";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(reason).bind(now).fetch_all(c).await?))
    }
}
