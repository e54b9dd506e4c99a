//! Posts that give another one other words, in its place.

use sqlx::{AssertSqlSafe, FromRow};

use super::deliveries::Delivery;
use super::{Result, Store, Tx, dialect, listed, on, read};
use crate::clock::Millis;

/// What a post has on a channel, and what changes of its words have there.
const COPIES: &str =
    "select d.* from deliveries d where d.post_id = $1 and d.channel_id = $2 and d.replaced = 0
    union all select d.* from posts p join deliveries d on d.post_id = p.id
    where p.revises = $1 and d.channel_id = $2 and d.replaced = 0 order by post_id";

/// Whether the change `r` counts: it was approved, or was out with its words. An edit after its approval lets nobody forget
/// that the old words are wrong. Not one that waits for its first approval, or was cancelled before anything of it left.
macro_rules! counts {
    () => {
        "exists (select 1 from deliveries o where o.post_id = r.id and o.replaced = 0
        and (o.state in ('sending', 'in_doubt', 'accepted', 'retracted')
          or (r.approved_at is not null and r.state <> 'cancelled' and o.state <> 'cancelled')))"
    };
}

/// The newest post that gives the post `p` other words, and counts.
pub(super) const CHANGED_BY: &str =
    concat!("(select max(r.id) from posts r where r.revises = p.id and ", counts!(), ")");

/// The change approved last of a post of the recurrence `$1` up to its post `$2` that was approved since a person approved that one,
/// or since it was made with the approval of the one before.
const SERIES_CHANGED: &str = concat!(
    "select r.id from posts p
      join posts e on (e.id = $1 or e.series_id = $1) and e.id <= p.id
      join posts r on r.revises = e.id
    where p.id = $2
      and coalesce((select max(a.decided_at) from approvals a where a.post_id = r.id and a.decision <> 'reject'), 0)
        >= coalesce((select max(a.decided_at) from approvals a
          where a.post_id = p.id and a.decision <> 'reject' and a.voided_at is null), p.created_at)
      and ",
    counts!(),
    " order by coalesce((select max(a.decided_at) from approvals a
        where a.post_id = r.id and a.decision <> 'reject'), r.approved_at, 0) desc, r.id desc limit 1"
);

/// How the copy stands whose words the delivery `d` changes. One that has only started is as much in doubt as others.
pub(super) const BEFORE: &str =
    "(select case when o.started <> 0 then 'in_doubt' else o.state end from deliveries o
      where o.post_id = p.revises and o.channel_id = d.channel_id and o.replaced = 0)";

/// The posts of a recurrence after the one of that series and id of which something may still go, or may just have gone.
/// The newest, if there are ever so many: whoever approves a change does not wait for thousands.
const LATER: &str = "select id from posts p where series_id = $1 and id > $2
      and exists (select 1 from deliveries d where d.post_id = p.id and d.replaced = 0
        and (d.state in ('draft', 'scheduled', 'claimed', 'sending', 'held', 'in_doubt') or d.started <> 0))
    order by id desc limit 500";

/// What is out of the posts of a recurrence after that one, and was not before `$3`; the newest first.
const LATER_OUT: &str = "select d.* from posts p join deliveries d on d.post_id = p.id
    where p.series_id = $1 and p.id > $2 and d.replaced = 0 and d.started = 0
      and d.state = 'accepted' and d.settled_at > $3 order by d.id desc limit 100";

/// The newest post that gives other words to the post whose words `p` changes, after `p`.
pub(super) const NEWER: &str = "(select max(r.id) from posts r where r.revises = p.revises and r.id > p.id
      and r.approved_at is not null and r.state <> 'cancelled' and exists
      (select 1 from deliveries o where o.post_id = r.id and o.replaced = 0 and o.state <> 'cancelled'))";

/// Whether the words of the delivery `d` of the post `p` do not go any more, because there are others.
pub(super) fn other_words() -> String {
    format!("({CHANGED_BY} is not null or {NEWER} is not null or d.stopped_by is not null)")
}

/// A delivery whose words are old ones.
#[derive(Debug, FromRow)]
pub struct Outdated {
    pub delivery: String,
    pub channel: String,
    /// The post that made the copy: its own, or the one whose words it changed.
    pub first: String,
    /// The newest post that gives that one other words.
    pub change: Option<String>,
    /// The change of an earlier post of its recurrence that was approved while it was under way.
    pub stopped_by: Option<String>,
}

impl Store {
    /// The deliveries of changes of a post's words that were approved, and of what was out of others, the oldest post
    /// first.
    pub async fn revisions(&self, post: &str) -> Result<Vec<Delivery>> {
        const SQL: &str = "select d.* from posts p join deliveries d on d.post_id = p.id
            where p.revises = $1 and d.replaced = 0
              and ((p.approved_at is not null and p.state <> 'cancelled') or d.state in ('sending', 'in_doubt', 'accepted', 'retracted'))
            order by d.post_id, d.id";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(post).fetch_all(c).await?))
    }

    /// All deliveries that have to do with the copy of a post on a channel: its own, and those of changes of its
    /// words, the oldest post first.
    pub async fn copies(&self, post: &str, channel: &str) -> Result<Vec<Delivery>> {
        Ok(read!(self, |c| sqlx::query_as(COPIES).bind(post).bind(channel).fetch_all(c).await?))
    }

    /// The deliveries of changes of a post's words that are out, the oldest post first.
    pub async fn revised(&self, post: &str) -> Result<Vec<Delivery>> {
        const SQL: &str = "select d.* from posts p join deliveries d on d.post_id = p.id
            where p.revises = $1 and d.state = 'accepted' and d.replaced = 0 order by d.post_id, d.id";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(post).fetch_all(c).await?))
    }

    /// The change that gave an earlier post of the same recurrence other words, and counts, for a post that waits for its
    /// approval: the one that was approved last, whichever was written first.
    pub async fn changed_earlier(&self, post: &str) -> Result<Option<String>> {
        const SQL: &str = concat!(
            "select r.id from posts p
              join posts e on (e.id = p.series_id or e.series_id = p.series_id) and e.id < p.id
              join posts r on r.revises = e.id
            where p.id = $1 and p.state in ('draft', 'submitted') and ",
            counts!(),
            " order by coalesce((select max(a.decided_at) from approvals a
                where a.post_id = r.id and a.decision <> 'reject'), r.approved_at, 0) desc, r.id desc limit 1"
        );
        Ok(read!(self, |c| sqlx::query_scalar(SQL).bind(post).fetch_optional(c).await?))
    }

    /// For deliveries of changes of words: each with the delivery that made the post.
    pub async fn makers(&self, deliveries: &[&str]) -> Result<Vec<(String, String)>> {
        const SQL: &str = "select d.id, o.id from deliveries d join posts p on p.id = d.post_id
              join deliveries o on o.post_id = p.revises and o.channel_id = d.channel_id and o.replaced = 0
            where d.id in ({ids})";
        let sql = SQL.replace("{ids}", &dialect::list(1, dialect::padded(deliveries.len())));
        Ok(read!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), deliveries).fetch_all(c).await?))
    }
}

impl Tx {
    /// As [`Store::copies`], by what this change sees.
    pub async fn copies(&mut self, post: &str, channel: &str) -> Result<Vec<Delivery>> {
        Ok(on!(self, |c| sqlx::query_as(COPIES).bind(post).bind(channel).fetch_all(c).await?))
    }

    /// Of these posts, those that are given other words, each with the newest post that gives them (as
    /// [`CHANGED_BY`]).
    pub async fn changed(&mut self, posts: &[String]) -> Result<Vec<(String, String)>> {
        let list = dialect::list(1, dialect::padded(posts.len()));
        let sql = format!(
            "select id, change_id from (select p.id, {CHANGED_BY} as change_id from posts p where p.id in ({list})) as c
             where change_id is not null"
        );
        Ok(on!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), posts).fetch_all(c).await?))
    }

    /// Those of these deliveries whose posts get other words, or changed words that get newer ones, or that a change of an
    /// earlier post of their recurrence has stopped. Not what has only started: nobody knows whether that is there.
    pub async fn outdated(&mut self, deliveries: &[&str]) -> Result<Vec<Outdated>> {
        if deliveries.is_empty() {
            return Ok(Vec::new());
        }
        let list = dialect::list(1, dialect::padded(deliveries.len()));
        let sql = format!(
            "select delivery, channel, first, stopped_by, case when change <> post then change end as change
             from (select d.id as delivery, d.channel_id as channel, d.post_id as post, p.id as first, d.stopped_by,
                {CHANGED_BY} as change
              from deliveries d join posts q on q.id = d.post_id join posts p on p.id = coalesce(q.revises, q.id)
              where d.id in ({list}) and d.started = 0) as c
             where change <> post or stopped_by is not null order by delivery"
        );
        Ok(on!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), deliveries).fetch_all(c).await?))
    }

    /// The newest change of a post of a recurrence up to that one which was approved after that one was; `series` is the
    /// series' id.
    pub async fn series_changed(&mut self, series: &str, post: &str) -> Result<Option<String>> {
        Ok(on!(self, |c| sqlx::query_scalar(SERIES_CHANGED)
            .bind(series)
            .bind(post)
            .fetch_optional(c)
            .await?))
    }

    /// Another change of that post's words than `but` that is not settled yet.
    pub async fn open_revision(&mut self, post: &str, but: &str) -> Result<Option<String>> {
        const SQL: &str = "select p.id from posts p where p.revises = $1 and p.id <> $2
              and (p.state = 'draft' or p.state = 'submitted' or exists (select 1 from deliveries d
                where d.post_id = p.id and d.replaced = 0
                  and (d.state in ('claimed', 'sending', 'held', 'in_doubt')
                    or (d.state = 'scheduled' and coalesce({BEFORE}, '') not in ('sending', 'in_doubt')))))
            order by p.id limit 1";
        let sql = SQL.replace("{BEFORE}", BEFORE);
        Ok(on!(self, |c| sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(post)
            .bind(but)
            .fetch_optional(c)
            .await?))
    }

    /// Of these posts, each with the series that it begins or belongs to. None is locked.
    pub async fn series_of(&mut self, posts: &[String]) -> Result<Vec<(String, String)>> {
        let list = dialect::list(1, dialect::padded(posts.len()));
        let sql = format!("select id, coalesce(series_id, id) from posts where id in ({list}) order by id");
        Ok(on!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), posts).fetch_all(c).await?))
    }

    /// The posts of a recurrence after one of them of which something may still go; `series` is the series' id.
    pub async fn later(&mut self, series: &str, post: &str) -> Result<Vec<String>> {
        let mut ids: Vec<String> =
            on!(self, |c| sqlx::query_scalar(LATER).bind(series).bind(post).fetch_all(c).await?);
        ids.reverse();
        Ok(ids)
    }

    /// What is out of the posts of a recurrence after one of them, and was not at that time.
    pub async fn later_out(&mut self, series: &str, post: &str, since: Millis) -> Result<Vec<Delivery>> {
        Ok(on!(self, |c| {
            sqlx::query_as(LATER_OUT).bind(series).bind(post).bind(since).fetch_all(c).await?
        }))
    }

    /// Locks the deliveries of posts, as everywhere in the order of their ids. SQLite has one writer.
    pub async fn lock_deliveries(&mut self, posts: &[String]) -> Result<()> {
        if let Self::Postgres(tx) = self {
            let list = dialect::list(1, dialect::padded(posts.len()));
            let sql = format!(
                "select id from deliveries where post_id in ({list}) and replaced = 0 order by id for update"
            );
            listed!(sqlx::query(AssertSqlSafe(sql)), posts).execute(&mut *tx.inner).await?;
        }
        Ok(())
    }

    /// Takes the approval of a post's deliveries away; people read why.
    pub async fn unapprove(&mut self, post: &str, why: &str) -> Result<()> {
        const SQL: &str =
            "update deliveries set state = 'draft', approved_hash = null, approved_until = null,
              claimed_by = null, freeze_id = null, settled_at = null, stopped_by = null, reason = $2
            where post_id = $1 and replaced = 0
              and state in ('draft', 'scheduled', 'claimed', 'held')";
        on!(self, |c| sqlx::query(SQL).bind(post).bind(why).execute(c).await.map(drop)?);
        Ok(())
    }

    /// The deliveries of a recurrence's later posts that have not gone for that reason.
    pub async fn stopped(&mut self, series: &str, why: &str) -> Result<Vec<String>> {
        const SQL: &str = "select d.id from posts p join deliveries d on d.post_id = p.id
            where p.series_id = $1 and d.replaced = 0 and d.state in ('draft', 'held') and d.reason = $2 order by d.id";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(series).bind(why).fetch_all(c).await?))
    }

    /// Writes down that what a post has on its way is stopped by a change of an earlier one of its recurrence: it is held
    /// before its next permit, wherever it stands now.
    pub async fn stop_before_permit(&mut self, post: &str, change: &str) -> Result<()> {
        const SQL: &str = "update deliveries set stopped_by = $2 where post_id = $1 and replaced = 0
              and (state in ('sending', 'held', 'in_doubt') or started <> 0)";
        on!(self, |c| sqlx::query(SQL).bind(post).bind(change).execute(c).await.map(drop)?);
        Ok(())
    }

    /// What that change has stopped in a recurrence is stopped by the other one now, or by none.
    pub async fn stopped_otherwise(&mut self, series: &str, change: &str, by: Option<&str>) -> Result<()> {
        const SQL: &str = "update deliveries set stopped_by = $3 where stopped_by = $2
              and post_id in (select id from posts where series_id = $1)";
        on!(self, |c| sqlx::query(SQL).bind(series).bind(change).bind(by).execute(c).await.map(drop)?);
        Ok(())
    }

    /// These deliveries are held with that reason: whoever releases one of them has read it.
    pub async fn stop_is_told(&mut self, deliveries: &[String]) -> Result<()> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let list = dialect::list(1, dialect::padded(deliveries.len()));
        let sql = format!("update deliveries set stopped_by = null where id in ({list})");
        on!(self, |c| listed!(sqlx::query(AssertSqlSafe(sql)), deliveries).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Gives a delivery another reason.
    pub async fn set_reason(&mut self, delivery: &str, why: &str) -> Result<()> {
        const SQL: &str = "update deliveries set reason = $2 where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(delivery).bind(why).execute(c).await.map(drop)?);
        Ok(())
    }
}
