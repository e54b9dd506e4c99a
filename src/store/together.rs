//! Rows of several posts or deliveries in one statement: for pages that show many of them.

use sqlx::AssertSqlSafe;

use super::approvals::Approval;
use super::attempts::Attempt;
use super::deliveries::Delivery;
use super::posts::Post;
use super::{Result, Store, dialect, listed, read};

/// The statement for that list of ids; nothing: there are none to ask for.
fn of(sql: &str, ids: &[&str]) -> Option<String> {
    (!ids.is_empty()).then(|| sql.replace("{ids}", &dialect::list(1, dialect::padded(ids.len()))))
}

impl Store {
    /// Those posts, in no order.
    pub async fn posts_by_ids(&self, ids: &[&str]) -> Result<Vec<Post>> {
        let Some(sql) = of("select * from posts where id in ({ids})", ids) else { return Ok(Vec::new()) };
        Ok(read!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), ids).fetch_all(c).await?))
    }

    /// Those deliveries, in no order.
    pub async fn deliveries_by_ids(&self, ids: &[&str]) -> Result<Vec<Delivery>> {
        let Some(sql) = of("select * from deliveries where id in ({ids})", ids) else {
            return Ok(Vec::new());
        };
        Ok(read!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), ids).fetch_all(c).await?))
    }

    /// The deliveries of these posts, without those that an edit has replaced, by channel.
    pub async fn deliveries_of_posts(&self, posts: &[&str]) -> Result<Vec<Delivery>> {
        const SQL: &str =
            "select * from deliveries where post_id in ({ids}) and replaced = 0 order by channel_id";
        let Some(sql) = of(SQL, posts) else { return Ok(Vec::new()) };
        Ok(read!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), posts).fetch_all(c).await?))
    }

    /// The decisions about these posts, the oldest first.
    pub async fn approvals_of(&self, posts: &[&str]) -> Result<Vec<Approval>> {
        const SQL: &str = "select * from approvals where post_id in ({ids}) order by decided_at, id";
        let Some(sql) = of(SQL, posts) else { return Ok(Vec::new()) };
        Ok(read!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), posts).fetch_all(c).await?))
    }

    /// The last attempt at each of these deliveries.
    pub async fn last_attempts(&self, deliveries: &[&str]) -> Result<Vec<Attempt>> {
        const SQL: &str = "select * from attempts a where a.delivery_id in ({ids})
            and a.number = (select max(b.number) from attempts b where b.delivery_id = a.delivery_id)";
        let Some(sql) = of(SQL, deliveries) else { return Ok(Vec::new()) };
        Ok(read!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), deliveries).fetch_all(c).await?))
    }
}
