//! Posts that give another one other words, in its place.

use sqlx::AssertSqlSafe;

use super::deliveries::Delivery;
use super::{Result, Store, Tx, dialect, listed, on, read};

/// What a post has on a channel, and what changes of its words have there.
const COPIES: &str =
    "select d.* from deliveries d where d.post_id = $1 and d.channel_id = $2 and d.replaced = 0
    union all select d.* from posts p join deliveries d on d.post_id = p.id
    where p.revises = $1 and d.channel_id = $2 and d.replaced = 0 order by post_id";

/// The newest post that gives the post `p` other words and is approved, or was out with them. Not one that waits for its
/// approval, or was cancelled before anything of it left.
pub(super) const CHANGED_BY: &str = "(select max(r.id) from posts r where r.revises = p.id and exists
      (select 1 from deliveries o where o.post_id = r.id and o.replaced = 0
        and (o.state in ('sending', 'in_doubt', 'accepted', 'retracted')
          or (r.state = 'approved' and o.state <> 'cancelled'))))";

impl Store {
    /// The deliveries of approved changes of a post's words, and of what was out of others, the oldest post first.
    pub async fn revisions(&self, post: &str) -> Result<Vec<Delivery>> {
        const SQL: &str = "select d.* from posts p join deliveries d on d.post_id = p.id
            where p.revises = $1 and d.replaced = 0
              and (p.state = 'approved' or d.state in ('sending', 'in_doubt', 'accepted', 'retracted'))
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

    /// Another change of that post's words than `but` that is not settled yet.
    pub async fn open_revision(&mut self, post: &str, but: &str) -> Result<Option<String>> {
        const SQL: &str = "select p.id from posts p where p.revises = $1 and p.id <> $2
              and (p.state = 'draft' or p.state = 'submitted' or exists (select 1 from deliveries d
                where d.post_id = p.id and d.replaced = 0
                  and d.state in ('scheduled', 'claimed', 'sending', 'held', 'in_doubt')))
            order by p.id limit 1";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(post).bind(but).fetch_optional(c).await?))
    }
}
