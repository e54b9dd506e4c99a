//! What networks say of messages whose attempt is under way.

use super::{Result, Store, Tx, on, read};
use crate::clock::Millis;

impl Store {
    /// At most so many deliveries of which something waits, and whose attempt is under way no more.
    pub async fn reported(&self, limit: i64) -> Result<Vec<String>> {
        const SQL: &str = "select distinct w.delivery_id from waiting_reports w
              join deliveries d on d.id = w.delivery_id
            where d.state <> 'sending' order by w.delivery_id limit $1";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).bind(limit).fetch_all(c).await?))
    }
}

impl Tx {
    /// Puts a word about one recipient aside; the same once more is known.
    pub async fn put_report_aside(
        &mut self,
        delivery: &str,
        (attempt, who, fate): (i64, &str, &str),
        word: &str,
        at: Millis,
    ) -> Result<()> {
        const SQL: &str = "insert into waiting_reports (delivery_id, attempt, who, fate, word, at)
            values ($1, $2, $3, $4, $5, $6) on conflict (delivery_id, attempt, who, fate) do nothing";
        on!(self, |c| sqlx::query(SQL)
            .bind(delivery)
            .bind(attempt)
            .bind(who)
            .bind(fate)
            .bind(word)
            .bind(at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// What waits of a delivery, which waits no more.
    pub async fn take_reports(&mut self, delivery: &str) -> Result<Vec<String>> {
        const SQL: &str = "delete from waiting_reports where delivery_id = $1 returning word";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(delivery).fetch_all(c).await?))
    }

    /// An attempt in doubt is read back at once.
    pub async fn read_now(&mut self, attempt: &str, now: Millis) -> Result<()> {
        const SQL: &str = "update attempts set next_read_at = $2 where id = $1 and outcome = 'in_doubt'";
        on!(self, |c| sqlx::query(SQL).bind(attempt).bind(now).execute(c).await.map(drop)?);
        Ok(())
    }
}
