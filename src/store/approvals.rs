//! What people decided about the exact renditions of a post.

use sqlx::{AssertSqlSafe, FromRow};

use super::{Result, Store, Tx, dialect, listed, on, read};
use crate::clock::Millis;

/// A row of `approvals`.
#[derive(Debug, Clone, FromRow)]
pub struct Approval {
    pub id: String,
    pub post_id: String,
    pub person_id: String,
    pub decision: String,
    pub bundle: String,
    pub comment: Option<String>,
    pub decided_at: Millis,
    pub expires_at: Option<Millis>,
    pub voided_at: Option<Millis>,
    pub review_owed: bool,
    pub reviewed_by: Option<String>,
}

impl Store {
    pub async fn approvals(&self, post: &str) -> Result<Vec<Approval>> {
        const SQL: &str = "select * from approvals where post_id = $1 order by decided_at, id";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(post).fetch_all(c).await?))
    }

    pub async fn approval(&self, id: &str) -> Result<Option<Approval>> {
        const SQL: &str = "select * from approvals where id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }

    /// Break-glass approvals that nobody has reviewed.
    pub async fn reviews_owed(&self) -> Result<Vec<Approval>> {
        const SQL: &str = "select * from approvals where review_owed = $1 and reviewed_by is null
            order by decided_at, id limit 500";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(true).fetch_all(c).await?))
    }
}

impl Store {
    /// What each channel would receive of these posts: post, channel and content hash.
    pub async fn renditions(&self, posts: &[&str]) -> Result<Vec<(String, String, String)>> {
        let list = dialect::list(1, dialect::padded(posts.len()));
        let sql = format!(
            "select post_id, channel_id, content_hash from deliveries where post_id in ({list}) and replaced = 0"
        );
        Ok(read!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), posts).fetch_all(c).await?))
    }
}

impl Tx {
    pub async fn approvals(&mut self, post: &str) -> Result<Vec<Approval>> {
        const SQL: &str =
            "select * from approvals where post_id = $1 and voided_at is null order by decided_at";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(post).fetch_all(c).await?))
    }

    pub async fn insert_approval(&mut self, a: &Approval) -> Result<()> {
        const SQL: &str = "insert into approvals
              (id, post_id, person_id, decision, bundle, comment, decided_at, expires_at, review_owed)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        on!(self, |c| sqlx::query(SQL)
            .bind(&a.id)
            .bind(&a.post_id)
            .bind(&a.person_id)
            .bind(&a.decision)
            .bind(&a.bundle)
            .bind(&a.comment)
            .bind(a.decided_at)
            .bind(a.expires_at)
            .bind(a.review_owed)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Sets the approved hash of every delivery of a post to what it holds now.
    pub async fn approve_deliveries(&mut self, post: &str, until: Millis) -> Result<()> {
        const SQL: &str = "update deliveries set approved_hash = content_hash, approved_until = $2
            where post_id = $1 and replaced = 0";
        on!(self, |c| sqlx::query(SQL).bind(post).bind(until).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Sets the end of the approval of what may still go out, and whose approval has lapsed.
    pub async fn renew_approval(&mut self, post: &str, until: Millis, now: Millis) -> Result<Vec<String>> {
        const SQL: &str = "update deliveries set approved_until = $2, reason = case
                when state = 'held' and freeze_id is null and reason like 'its approval lapsed%'
                then 'approved again; decide when it goes' else reason end
            where post_id = $1 and replaced = 0 and approved_hash = content_hash and approved_until <= $3
              and not (state = 'accepted' or state = 'retracted' or state = 'cancelled') returning id";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(post).bind(until).bind(now).fetch_all(c).await?))
    }

    /// An edit voids every decision about the post.
    pub async fn void_approvals(&mut self, post: &str, at: Millis) -> Result<u64> {
        const SQL: &str = "update approvals set voided_at = $2 where post_id = $1 and voided_at is null";
        Ok(on!(self, |c| sqlx::query(SQL).bind(post).bind(at).execute(c).await?.rows_affected()))
    }

    /// Whether the approval still owed a review.
    pub async fn review(&mut self, id: &str, by: &str) -> Result<bool> {
        const SQL: &str = "update approvals set reviewed_by = $2
            where id = $1 and review_owed = $3 and reviewed_by is null";
        let rows =
            on!(self, |c| sqlx::query(SQL).bind(id).bind(by).bind(true).execute(c).await?.rows_affected());
        Ok(rows == 1)
    }
}
