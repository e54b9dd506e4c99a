//! Whose a post can be that a network knows by its words alone.

use sqlx::AssertSqlSafe;

use super::channels::Channel;
use super::{Result, Tx, dialect, on};
use crate::clock::Millis;

/// `cross join`, so that SQLite begins with the few channels and looks the post up on each.
const WITH_REMOTE: &str = "select d.channel_id from channels c cross join deliveries d
    where c.adapter = $1 and d.channel_id = c.id and d.remote_id is not null and d.remote_id = $2 and d.id <> $3";

impl Tx {
    /// The channels of an adapter, locked in the order of their ids. Whoever locks more locks these first.
    pub async fn channels_of(&mut self, adapter: &str) -> Result<Vec<Channel>> {
        const SQL: &str = "select * from channels where adapter = $1 order by id";
        let sql = format!("{SQL}{}", dialect::FOR_CHANGE[self.dialect()]);
        Ok(on!(self, |c| sqlx::query_as(AssertSqlSafe(sql)).bind(adapter).fetch_all(c).await?))
    }

    /// The channels of an adapter on which another delivery has this remote id.
    pub async fn with_remote(&mut self, adapter: &str, remote: &str, delivery: &str) -> Result<Vec<String>> {
        Ok(on!(self, |c| sqlx::query_scalar(WITH_REMOTE)
            .bind(adapter)
            .bind(remote)
            .bind(delivery)
            .fetch_all(c)
            .await?))
    }

    /// What else of an adapter may have a post whose id nobody knows: the channel and the frozen bytes
    /// of each attempt at another delivery that is open or in doubt, or was permitted since then and is
    /// called accepted without an id. What changes the words of a post makes none.
    pub async fn without_remote(
        &mut self,
        adapter: &str,
        delivery: &str,
        since: Millis,
    ) -> Result<Vec<(String, String)>> {
        // Apart, so that each looks into the index of its own state.
        const SQL: &str = "select d.channel_id, a.body from attempts a
              join deliveries d on d.id = a.delivery_id join channels c on c.id = d.channel_id
              join posts p on p.id = d.post_id and p.revises is null
            where a.outcome is null and c.adapter = $1 and d.id <> $2
            union all select d.channel_id, a.body from deliveries d
              join attempts a on a.delivery_id = d.id join channels c on c.id = d.channel_id
              join posts p on p.id = d.post_id and p.revises is null
            where d.state = 'in_doubt' and a.outcome = 'in_doubt' and c.adapter = $1 and d.id <> $2
            union all select d.channel_id, a.body from attempts a
              join deliveries d on d.id = a.delivery_id join channels c on c.id = d.channel_id
              join posts p on p.id = d.post_id and p.revises is null
            where a.outcome = 'accepted' and a.remote_id is null and a.permitted_at >= $3
              and c.adapter = $1 and d.id <> $2";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(adapter).bind(delivery).bind(since).fetch_all(c).await?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::rows::tests::walked;

    #[tokio::test]
    async fn whose_a_post_is_is_looked_up() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::sqlite(&folder.path().join("plan.db")).await.unwrap();
        assert_eq!(walked(&store, WITH_REMOTE).await, ["c"], "channels are few");
    }
}
