//! The queue by hour and by day: what people look at, counted by the database.

use sqlx::{AssertSqlSafe, FromRow};

use super::{Result, Store, read};
use crate::clock::Millis;

/// Deliveries in a stretch of time, by state.
#[derive(Debug, Clone, FromRow)]
pub struct Slot {
    /// Which stretch, counted from the first.
    pub slot: i64,
    pub state: String,
    pub total: i64,
}

/// Posts of one stretch of time that look alike.
#[derive(Debug, Clone, FromRow)]
pub struct Count {
    /// Which stretch.
    pub slot: i64,
    pub look: String,
    pub total: i64,
}

/// A post in its place, with how its deliveries stand.
#[derive(Debug, Clone, FromRow)]
pub struct Placed {
    /// Which stretch.
    pub slot: i64,
    pub id: String,
    pub kind: String,
    pub source: String,
    pub due_at: Millis,
    pub look: String,
    /// When its next delivery goes, where people gave it another time than the post's.
    pub goes_at: Option<Millis>,
    pub freeze_id: Option<String>,
    pub reason: Option<String>,
}

/// Which posts a calendar shows. Empty fields do not narrow.
#[derive(Debug, Clone, Default)]
pub struct Narrow {
    pub channel: Option<String>,
    pub label: Option<String>,
}

/// What a post looks like: the worst of its deliveries, of those on channel $1 if it is named.
const LOOK: &str = "case when p.state = 'draft' or p.state = 'submitted' then p.state
      when count(case when v.state = 'held' then 1 end) > 0 then 'held'
      when count(case when v.state = 'failed' or v.state = 'in_doubt' or v.state = 'expired' then 1 end) > 0
        then 'trouble'
      when count(case when v.state = 'accepted' or v.state = 'retracted' or v.state = 'cancelled'
        then null else 1 end) > 0 then 'planned'
      else 'out' end";
/// $1 is a channel, $2 a label.
const KEPT: &str = "p.state <> 'cancelled'
      and (cast($1 as text) is null or exists
           (select 1 from deliveries w where w.post_id = p.id and w.channel_id = $1))
      and (cast($2 as text) is null or exists
           (select 1 from post_labels l where l.label = $2 and l.post_id = p.id))";
const DELIVERIES: &str = "left join deliveries v on v.post_id = p.id
      and (cast($1 as text) is null or v.channel_id = $1)";

/// Stretches as rows: number, beginning, end. They are our own numbers, so they may stand in the text.
fn stretches(bounds: &[Millis]) -> String {
    let rows = bounds.windows(2).enumerate();
    let rows: Vec<_> = rows.map(|(n, b)| format!("({n}, {}, {})", b[0], b[1])).collect();
    format!("with days (n, lo, hi) as (values {})", rows.join(", "))
}

impl Store {
    /// How many posts look how, in each stretch between two bounds.
    pub async fn count_posts(&self, bounds: &[Millis], narrow: &Narrow) -> Result<Vec<Count>> {
        let sql = format!(
            "{} select cast(n as bigint) as slot, look, count(*) as total from (
               select d.n as n, p.id as id, {LOOK} as look
               from days d join posts p on p.due_at >= d.lo and p.due_at < d.hi {DELIVERIES}
               where {KEPT} group by d.n, p.id, p.state) as x
             group by n, look",
            stretches(bounds)
        );
        Ok(read!(self, |c| sqlx::query_as(AssertSqlSafe(sql))
            .bind(&narrow.channel)
            .bind(&narrow.label)
            .fetch_all(c)
            .await?))
    }

    /// The first posts of each stretch between two bounds, by due time, after that place.
    pub async fn placed_posts(
        &self,
        bounds: &[Millis],
        narrow: &Narrow,
        after: &(Millis, String),
        most: i64,
    ) -> Result<Vec<Placed>> {
        let sql = format!(
            "{}, picked as (select n, id from (
               select d.n as n, p.id as id, row_number() over (partition by d.n order by p.due_at, p.id) as place
               from days d join posts p on p.due_at >= d.lo and p.due_at < d.hi
               where {KEPT} and (p.due_at > $3 or (p.due_at = $3 and p.id > $4))) as x
             where place <= $5)
             select cast(k.n as bigint) as slot, p.id, p.kind, p.source, p.due_at, {LOOK} as look,
               min(case when v.state = 'scheduled' and v.due_at <> p.due_at then v.due_at end) as goes_at,
               max(case when v.state = 'held' then v.freeze_id end) as freeze_id,
               max(case when v.state = 'held' then v.reason end) as reason
             from picked k join posts p on p.id = k.id {DELIVERIES}
             group by k.n, p.id, p.kind, p.source, p.due_at, p.state
             order by p.due_at, p.id",
            stretches(bounds)
        );
        Ok(read!(self, |c| sqlx::query_as(AssertSqlSafe(sql))
            .bind(&narrow.channel)
            .bind(&narrow.label)
            .bind(after.0)
            .bind(&after.1)
            .bind(most)
            .fetch_all(c)
            .await?))
    }

    /// Deliveries by due time, in stretches of `width` from `from` until `to`.
    pub async fn slots(&self, from: Millis, to: Millis, width: Millis) -> Result<Vec<Slot>> {
        const SQL: &str = "select (p.due_at - $1) / $3 as slot, d.state, count(*) as total
            from posts p join deliveries d on d.post_id = p.id
            where p.due_at >= $1 and p.due_at < $2
            group by (p.due_at - $1) / $3, d.state";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(from).bind(to).bind(width).fetch_all(c).await?))
    }

    /// The queue by lane: how many wait, and how many of them until `day_end`.
    pub async fn queue_by_lane(&self, day_end: Millis) -> Result<Vec<(i64, i64, i64)>> {
        const SQL: &str = "select lane, count(*), count(case when ready_at < $1 then 1 end)
            from deliveries where state = 'scheduled' group by lane";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(day_end).fetch_all(c).await?))
    }

    /// How many sends are under way.
    pub async fn count_sending(&self) -> Result<i64> {
        const SQL: &str = "select count(*) from deliveries
            where (state = 'claimed' or state = 'sending') and state = 'sending'";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).fetch_one(c).await?))
    }
}
