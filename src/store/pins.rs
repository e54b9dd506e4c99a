//! Posts that are kept at the top of their account, page or room.

use sqlx::AssertSqlSafe;

use super::{Result, Store, Tx, dialect, listed, on, read};
use crate::clock::Millis;

impl Store {
    /// Those of these deliveries that are pinned, and since when.
    pub async fn pins(&self, deliveries: &[&str]) -> Result<Vec<(String, Millis)>> {
        let list = dialect::list(1, dialect::padded(deliveries.len()));
        let sql = format!("select delivery_id, pinned_at from pins where delivery_id in ({list})");
        Ok(read!(self, |c| listed!(sqlx::query_as(AssertSqlSafe(sql)), deliveries).fetch_all(c).await?))
    }
}

impl Tx {
    /// Nothing is pinned on the channel any more.
    pub async fn clear_pins(&mut self, channel: &str) -> Result<()> {
        const SQL: &str = "delete from pins
            where delivery_id in (select id from deliveries where channel_id = $1)";
        on!(self, |c| sqlx::query(SQL).bind(channel).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Writes down that it is pinned; with nothing, that it is not.
    pub async fn set_pin(&mut self, delivery: &str, at: Option<Millis>) -> Result<()> {
        const UP: &str = "insert into pins (delivery_id, pinned_at) values ($1, $2)
            on conflict (delivery_id) do nothing";
        const DOWN: &str = "delete from pins where delivery_id = $1";
        match at {
            Some(at) => on!(self, |c| sqlx::query(UP).bind(delivery).bind(at).execute(c).await.map(drop)?),
            None => on!(self, |c| sqlx::query(DOWN).bind(delivery).execute(c).await.map(drop)?),
        }
        Ok(())
    }
}
