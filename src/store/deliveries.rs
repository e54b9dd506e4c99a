//! Deliveries: the queue. The claims' SQL is measured in `tests/bench`.

use serde::{Deserialize, Serialize};
use sqlx::{AssertSqlSafe, FromRow};

use super::revisions::{BEFORE, CHANGED_BY, NEWER, other_words};
use super::rows::Value;
use super::{Result, Store, Tx, dialect, dialect::LIMIT_3, listed, on, read};
use crate::clock::Millis;

/// A row of `deliveries`.
#[derive(Debug, Clone, FromRow, Serialize, Deserialize)]
pub struct Delivery {
    pub id: String,
    pub post_id: String,
    pub channel_id: String,
    pub lane: i64,
    pub state: String,
    pub ready_at: Millis,
    pub due_at: Millis,
    pub valid_until: Option<Millis>,
    pub rendition: String,
    pub content_hash: String,
    pub approved_hash: Option<String>,
    pub approved_until: Option<Millis>,
    /// Tries that count towards the limit.
    pub attempts: i64,
    /// The number of the newest attempt; 0 when there was none.
    pub permits: i64,
    /// 0; or the version of the post whose edit put another one in the place of this one.
    pub replaced: i64,
    pub claimed_by: Option<String>,
    pub freeze_id: Option<String>,
    pub reason: Option<String>,
    pub remote_id: Option<String>,
    pub remote_url: Option<String>,
    pub settled_at: Option<Millis>,
    pub created_at: Millis,
    /// 1: it is accepted, and the network only said that something has started; nobody has seen the post.
    #[serde(default)]
    pub started: i64,
}

/// What a due or claimed delivery is judged by, and what its permit needs.
#[derive(Debug, Clone, FromRow)]
pub struct InHand {
    pub id: String,
    pub post_id: String,
    pub channel_id: String,
    pub lane: i64,
    pub due_at: Millis,
    pub valid_until: Option<Millis>,
    pub rendition: String,
    pub approved_hash: Option<String>,
    pub approved_until: Option<Millis>,
    pub attempts: i64,
    pub permits: i64,
    pub created_at: Millis,
    pub brand: String,
    pub channel_brand: String,
    /// How often the channel was changed: an older connection leads elsewhere.
    pub channel_version: i64,
    /// The account that the channel leads to in the place of its own.
    pub other_account: Option<String>,
    pub other_is_former: bool,
    pub adapter: String,
    /// What the channel keeps of earlier checks, while there was none since it was changed.
    pub unchecked: Option<String>,
    pub labels: String,
    pub kind: String,
    pub incident_id: Option<String>,
    /// The post that gets these words in its place.
    pub revises: Option<String>,
    /// The newest post that gives its post other words: the old ones do not go out any more.
    pub changed_by: Option<String>,
    /// The change of an earlier post of its recurrence that was approved while this was under way.
    pub stopped_by: Option<String>,
    /// A newer change of the words that it changes.
    pub newer: Option<String>,
    /// How the copy stands whose words it changes: only what is out gets others.
    pub before: Option<String>,
    /// The post's own state: only what is approved goes anywhere.
    pub post_state: String,
}

/// A delivery in the thaw review or on the in-doubt desk.
#[derive(Debug, Clone, FromRow)]
pub struct Waiting {
    pub id: String,
    pub post_id: String,
    pub channel_id: String,
    pub state: String,
    pub due_at: Millis,
    pub content_hash: String,
    pub freeze_id: Option<String>,
    pub reason: Option<String>,
    pub brand: String,
    pub labels: String,
    pub kind: String,
    /// JSON of what was typed.
    pub source: String,
}

/// A new state of one delivery, written in batches.
#[derive(Debug, Clone)]
pub struct Change {
    pub id: String,
    pub state: &'static str,
    pub ready_at: Option<Millis>,
    /// A person gave it a new time.
    pub due_at: Option<Millis>,
    pub freeze_id: Option<String>,
    pub reason: Option<String>,
    pub remote_id: Option<String>,
    pub remote_url: Option<String>,
    pub settled_at: Option<Millis>,
    /// Added to the tries that count; a try that is added is a permit, too.
    pub attempts: i64,
    /// The node that has it in hand from now on.
    pub claimed_by: Option<String>,
    /// It is accepted, and no more than a start is known.
    pub started: bool,
}

impl Change {
    /// With the reason that people read.
    #[must_use]
    pub fn because(self, why: &str) -> Self {
        Self { reason: Some(why.to_owned()), ..self }
    }

    /// Nothing but the state.
    pub fn to(id: &str, state: &'static str) -> Self {
        Self {
            id: id.to_owned(),
            state,
            ready_at: None,
            due_at: None,
            freeze_id: None,
            reason: None,
            remote_id: None,
            remote_url: None,
            settled_at: None,
            attempts: 0,
            claimed_by: None,
            started: false,
        }
    }
}

pub(super) const CHANGE: &str =
    "with v (id, state, ready_at, freeze_id, reason, remote_id, remote_url, settled_at,
      more, node, due_at, started) as ({rows})
    update deliveries set state = v.state, ready_at = coalesce(v.ready_at, deliveries.ready_at),
      due_at = coalesce(v.due_at, deliveries.due_at), freeze_id = v.freeze_id,
      reason = case when v.state in ('cancelled', 'expired') then coalesce(v.reason, deliveries.reason) else v.reason end,
      remote_id = coalesce(v.remote_id, deliveries.remote_id), remote_url = coalesce(v.remote_url, deliveries.remote_url),
      settled_at = v.settled_at, attempts = deliveries.attempts + v.more,
      permits = deliveries.permits + case when v.more > 0 then v.more else 0 end, claimed_by = v.node, started = v.started
    from v where deliveries.id = v.id";

/// The rows of [`CHANGE`], in the order in which deliveries are locked.
pub(super) fn changed(changes: &[Change]) -> Vec<[Value<'_>; 12]> {
    let mut changes: Vec<&Change> = changes.iter().collect();
    changes.sort_unstable_by_key(|c| &c.id);
    changes
        .into_iter()
        .map(|d| {
            [
                (&d.id).into(),
                d.state.into(),
                d.ready_at.into(),
                (&d.freeze_id).into(),
                (&d.reason).into(),
                (&d.remote_id).into(),
                (&d.remote_url).into(),
                d.settled_at.into(),
                d.attempts.into(),
                (&d.claimed_by).into(),
                d.due_at.into(),
                i64::from(d.started).into(),
            ]
        })
        .collect()
}

const IN_HAND: &str = "select {CHANGED_BY} as changed_by, {BEFORE} as before, {NEWER} as newer, d.stopped_by, d.id, d.post_id, d.channel_id, d.lane, d.due_at, d.valid_until, d.rendition,
      d.approved_hash, d.approved_until, d.attempts, d.permits, d.created_at, p.brand, p.labels, p.kind,
      p.incident_id, p.revises, p.state as post_state, c.brand as channel_brand, c.version as channel_version, c.other_account, c.other_is_former, c.adapter, case when c.checked_at is null then c.health end as unchecked from deliveries d join posts p on p.id = d.post_id join channels c on c.id = d.channel_id";

fn in_hand() -> String {
    IN_HAND.replace("{CHANGED_BY}", CHANGED_BY).replace("{BEFORE}", BEFORE).replace("{NEWER}", NEWER)
}

impl Store {
    /// The posts of deliveries, and those whose words they change, each once, in the order of their ids.
    pub async fn posts_of(&self, deliveries: &[String]) -> Result<Vec<String>> {
        const SQL: &str = "select d.post_id from deliveries d where d.id in ({list})
            union select p.revises from deliveries d join posts p on p.id = d.post_id where d.id in ({list}) and p.revises is not null order by 1";
        let sql = SQL.replace("{list}", &dialect::list(1, dialect::padded(deliveries.len())));
        Ok(read!(self, |c| {
            listed!(sqlx::query_scalar(AssertSqlSafe(sql)), deliveries).fetch_all(c).await?
        }))
    }

    pub async fn delivery(&self, id: &str) -> Result<Option<Delivery>> {
        const SQL: &str = "select * from deliveries where id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }

    /// The deliveries of a post, without those that an edit has replaced.
    pub async fn deliveries(&self, post: &str) -> Result<Vec<Delivery>> {
        const SQL: &str = "select * from deliveries where post_id = $1 and replaced = 0 order by channel_id";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(post).fetch_all(c).await?))
    }

    /// When the sender must look next: the earliest time of what is scheduled.
    pub async fn next_ready(&self) -> Result<Option<Millis>> {
        // One look into the index per lane: a minimum over both would walk it.
        const SQL: &str = "select min(ready_at) from (
              select * from (select ready_at from deliveries where state = 'scheduled' and lane = 1
                order by ready_at, id limit 1) as crisis
              union all
              select * from (select ready_at from deliveries where state = 'scheduled' and lane = 0
                order by ready_at, id limit 1) as routine) as next";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).fetch_one(c).await?))
    }

    /// Whether anything of the lane is due.
    pub async fn is_due(&self, lane: i64, now: Millis) -> Result<bool> {
        // In the order of the index: PostgreSQL answered `exists` by walking the whole queue.
        const SQL: &str = "select ready_at from deliveries
            where state = 'scheduled' and lane = $1 and ready_at <= $2 order by ready_at, id limit 1";
        let first: Option<Millis> =
            read!(self, |c| sqlx::query_scalar(SQL).bind(lane).bind(now).fetch_optional(c).await?);
        Ok(first.is_some())
    }

    /// Held, in doubt, failed or expired deliveries, oldest first. The state is a word of the text,
    /// not a parameter: the index of what waits serves its own states only.
    pub async fn waiting(
        &self,
        state: &'static str,
        label: Option<&str>,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Waiting>> {
        const SQL: &str =
            "select d.id, d.post_id, d.channel_id, d.state, d.due_at, d.content_hash, d.freeze_id,
              d.reason, p.brand, p.labels, p.kind, p.source
            from deliveries d join posts p on p.id = d.post_id
            where d.state = '{state}' and d.id > $1 and (cast($2 as text) is null or exists
              (select 1 from post_labels l where l.label = $2 and l.post_id = p.id))
            order by d.id limit $3";
        let sql = SQL.replace("{state}", state);
        Ok(read!(self, |c| sqlx::query_as(AssertSqlSafe(sql))
            .bind(after)
            .bind(label)
            .bind(limit)
            .fetch_all(c)
            .await?))
    }

    /// What the node may have permitted to begin, and may not begin any more: its post was cancelled or gets other
    /// words, or its time has ended.
    pub async fn recalled(&self, node: &str, now: Millis) -> Result<Vec<String>> {
        let sql = format!(
            "select d.id from deliveries d join posts p on p.id = d.post_id
             where d.claimed_by = $1 and d.state = 'sending'
               and (p.state = 'cancelled' or d.valid_until <= $2 or {})",
            other_words()
        );
        Ok(read!(self, |c| sqlx::query_scalar(AssertSqlSafe(sql)).bind(node).bind(now).fetch_all(c).await?))
    }
}

impl Tx {
    /// Locks and returns what is due in the lane, earliest first.
    pub async fn due(&mut self, lane: i64, now: Millis, limit: i64) -> Result<Vec<InHand>> {
        let sql = format!(
            "{} where d.state = 'scheduled' and d.lane = $1 and d.ready_at <= $2
             order by d.ready_at, d.id {LIMIT_3}{}",
            in_hand(),
            dialect::SKIP_LOCKED[self.dialect()]
        );
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql))
            .bind(lane)
            .bind(now)
            .bind(limit)
            .fetch_all(c)
            .await?))
    }

    /// Locks and returns what this node has claimed, among `ids`.
    pub async fn in_hand(&mut self, node: &str, ids: &[String]) -> Result<Vec<InHand>> {
        let sql = format!(
            "{} where d.state = 'claimed' and d.claimed_by = $1 and d.id in ({}) order by d.id{}",
            in_hand(),
            dialect::list(2, dialect::padded(ids.len())),
            if self.dialect() == 1 { " for update of d" } else { "" },
        );
        Ok(on!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)).bind(node), ids).fetch_all(c).await?))
    }

    pub async fn delivery(&mut self, id: &str) -> Result<Option<Delivery>> {
        const SQL: &str = "select * from deliveries where id = $1";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(id).fetch_optional(c).await?))
    }

    /// Locks and returns deliveries by their ids, in the order of these. Their posts are locked before.
    pub async fn deliveries_named(&mut self, ids: &[String]) -> Result<Vec<Delivery>> {
        let list = dialect::list(1, dialect::padded(ids.len()));
        let lock = dialect::FOR_UPDATE[self.dialect()];
        let sql = format!("select * from deliveries where id in ({list}) order by id{lock}");
        Ok(on!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), ids).fetch_all(c).await?))
    }

    /// Locks and returns the deliveries of a post, without those that an edit has replaced. Whoever
    /// locks several deliveries locks them in the order of their ids.
    pub async fn deliveries(&mut self, post: &str) -> Result<Vec<Delivery>> {
        const SQL: &str = "select * from deliveries where post_id = $1 and replaced = 0 order by id";
        let sql = format!("{SQL}{}", dialect::FOR_UPDATE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(post).fetch_all(c).await?))
    }

    /// Writes new deliveries, many at a time.
    pub async fn insert_deliveries(&mut self, rows: &[Delivery]) -> Result<()> {
        const SQL: &str = "insert into deliveries (id, post_id, channel_id, lane, state, ready_at, due_at,
              valid_until, rendition, content_hash, approved_hash, approved_until, created_at, attempts,
              permits, replaced)
            select v.*, 0, 0, 0 from ({rows}) as v";
        let rows: Vec<[Value<'_>; 13]> = rows
            .iter()
            .map(|d| {
                [
                    (&d.id).into(),
                    (&d.post_id).into(),
                    (&d.channel_id).into(),
                    d.lane.into(),
                    (&d.state).into(),
                    d.ready_at.into(),
                    d.due_at.into(),
                    d.valid_until.into(),
                    (&d.rendition).into(),
                    (&d.content_hash).into(),
                    (&d.approved_hash).into(),
                    d.approved_until.into(),
                    d.created_at.into(),
                ]
            })
            .collect();
        self.run_rows(SQL, &rows).await
    }

    /// Moves deliveries to new states, many at a time. What was settled is taken over as given;
    /// `ready_at` and the remote's words stay when the change has none.
    pub async fn change_deliveries(&mut self, changes: &[Change]) -> Result<()> {
        self.run_rows(CHANGE, &changed(changes)).await
    }

    /// Gives claims of the node back to the queue, to be looked at again at `ready_at`; people read
    /// why. What is no claim of this node any more stays as it is.
    pub async fn give_back(&mut self, node: &str, ids: &[String], ready_at: Millis, why: &str) -> Result<()> {
        const SQL: &str = "with v (id, ready_at, reason, node) as ({rows})
            update deliveries set state = 'scheduled', claimed_by = null, ready_at = v.ready_at, reason = v.reason
            from v where deliveries.id = v.id and deliveries.state = 'claimed' and deliveries.claimed_by = v.node";
        let rows: Vec<[Value<'_>; 4]> =
            ids.iter().map(|id| [id.into(), ready_at.into(), why.into(), node.into()]).collect();
        self.run_rows(SQL, &rows).await
    }

    /// Holds everything that is due or claimed, or waits for another try, locked in the order of the ids; these.
    pub async fn hold_due(&mut self, now: Millis, why: &str) -> Result<Vec<String>> {
        const SQL: &str = "update deliveries set state = 'held', claimed_by = null, freeze_id = null,
            reason = $2 where id in (select id from deliveries where state = 'claimed'
              or state = 'scheduled' and (ready_at <= $1 or permits > 0) order by id{lock}) returning id";
        let sql = SQL.replace("{lock}", dialect::FOR_CHANGE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_scalar(AssertSqlSafe(sql)).bind(now).bind(why).fetch_all(c).await?))
    }

    /// Takes away the deliveries of a post that is edited at this version. Those that had a permit,
    /// without effect, stay for the log: cancelled, without approval, in nobody's way.
    pub async fn replace_deliveries(&mut self, post: &str, version: i64, at: Millis) -> Result<()> {
        const CLEAR: &str = "delete from deliveries where post_id = $1 and replaced = 0 and permits = 0";
        const KEEP: &str = "update deliveries set state = 'cancelled', replaced = $2, approved_hash = null,
              approved_until = null, claimed_by = null, freeze_id = null, settled_at = $3,
              reason = 'its post was edited; another delivery is in its place' where post_id = $1 and replaced = 0";
        on!(self, |c| sqlx::query(CLEAR).bind(post).execute(c).await.map(drop)?);
        on!(self, |c| sqlx::query(KEEP).bind(post).bind(version).bind(at).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Gives the claims of a node back to the queue; how many they were.
    pub async fn return_claims(&mut self, node: &str) -> Result<u64> {
        const SQL: &str = "update deliveries set state = 'scheduled', claimed_by = null
            where state = 'claimed' and claimed_by = $1";
        Ok(on!(self, |c| sqlx::query(SQL).bind(node).execute(c).await?.rows_affected()))
    }
}
