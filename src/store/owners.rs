//! Whose a post can be that a network knows by its words alone.

use sqlx::AssertSqlSafe;

use super::channels::Channel;
use super::{Result, Tx, dialect, on};
use crate::clock::Millis;

impl Tx {
    /// The channels of an adapter, locked in the order of their ids. Whoever locks more locks these first.
    pub async fn channels_of(&mut self, adapter: &str) -> Result<Vec<Channel>> {
        const SQL: &str = "select * from channels where adapter = $1 order by id";
        let sql = format!("{SQL}{}", dialect::FOR_CHANGE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(adapter).fetch_all(c).await?))
    }

    /// The channels on which another delivery has this remote id.
    pub async fn with_remote(&mut self, remote: &str, delivery: &str) -> Result<Vec<String>> {
        const SQL: &str = "select channel_id from deliveries
            where remote_id is not null and remote_id = $1 and id <> $2";
        Ok(on!(self, |c| sqlx::query_scalar(SQL).bind(remote).bind(delivery).fetch_all(c).await?))
    }

    /// What else of an adapter may have a post whose id nobody knows: the channel and the frozen bytes
    /// of each attempt at another delivery that is open or in doubt, or was permitted since then and is
    /// called accepted without an id.
    pub async fn without_remote(
        &mut self,
        adapter: &str,
        delivery: &str,
        since: Millis,
    ) -> Result<Vec<(String, String)>> {
        // Apart, so that each looks into the index of its own state.
        const SQL: &str = "select d.channel_id, a.body from attempts a
              join deliveries d on d.id = a.delivery_id join channels c on c.id = d.channel_id
            where a.outcome is null and c.adapter = $1 and d.id <> $2
            union all select d.channel_id, a.body from deliveries d
              join attempts a on a.delivery_id = d.id join channels c on c.id = d.channel_id
            where d.state = 'in_doubt' and a.outcome = 'in_doubt' and c.adapter = $1 and d.id <> $2
            union all select d.channel_id, a.body from attempts a
              join deliveries d on d.id = a.delivery_id join channels c on c.id = d.channel_id
            where a.outcome = 'accepted' and a.remote_id is null and a.permitted_at >= $3
              and c.adapter = $1 and d.id <> $2";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(adapter).bind(delivery).bind(since).fetch_all(c).await?))
    }
}
