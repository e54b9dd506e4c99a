//! What is held with a label, one short row each: no words of a post are read.

use sqlx::FromRow;

use super::{Result, Store, read};
use crate::clock::Millis;

/// What tells a held delivery from another one, and from itself after a decision. An edit of its post
/// makes another delivery.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Mark {
    pub id: String,
    pub due_at: Millis,
    pub content_hash: String,
}

impl Store {
    /// What is held with that label after the delivery `after`, in the order of their ids.
    pub async fn held_marks(&self, label: &str, after: &str, limit: i64) -> Result<Vec<Mark>> {
        // The state is a word of the text: the index of what waits serves its own states only.
        const SQL: &str = "select d.id, d.due_at, d.content_hash from deliveries d
            where d.state = 'held' and d.id > $1 and exists
              (select 1 from post_labels l where l.label = $2 and l.post_id = d.post_id)
            order by d.id limit $3";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(after).bind(label).bind(limit).fetch_all(c).await?))
    }
}
