//! Channels on which a post would fail, as far as people are to be told.

use sqlx::FromRow;

use super::{Result, Store, Tx, on, read};
use crate::clock::Millis;

/// A row of `red_channels`.
#[derive(Debug, Clone, FromRow)]
pub struct RedChannel {
    pub channel_id: String,
    pub state: String,
    /// When that state began.
    pub since: Millis,
}

const ALL: &str = "select * from red_channels order by channel_id";

impl Store {
    pub async fn red_channels(&self) -> Result<Vec<RedChannel>> {
        Ok(read!(self, |c| sqlx::query_as(ALL).fetch_all(c).await?))
    }
}

impl Tx {
    pub async fn red_channel(&mut self, channel: &str) -> Result<Option<RedChannel>> {
        const SQL: &str = "select * from red_channels where channel_id = $1";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(channel).fetch_optional(c).await?))
    }

    /// The channel is in that state from then on.
    pub async fn put_red_channel(&mut self, channel: &str, state: &str, since: Millis) -> Result<()> {
        const SQL: &str = "insert into red_channels (channel_id, state, since) values ($1, $2, $3)
            on conflict (channel_id) do update set state = excluded.state, since = excluded.since";
        on!(self, |c| sqlx::query(SQL).bind(channel).bind(state).bind(since).execute(c).await.map(drop)?);
        Ok(())
    }

    pub async fn forget_red_channel(&mut self, channel: &str) -> Result<()> {
        const SQL: &str = "delete from red_channels where channel_id = $1";
        on!(self, |c| sqlx::query(SQL).bind(channel).execute(c).await.map(drop)?);
        Ok(())
    }
}
