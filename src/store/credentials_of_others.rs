//! Credentials of channels that a check saw to be another account's.

use sqlx::FromRow;

use super::{Result, Tx, on};
use crate::clock::Millis;

/// A row of `credentials_of_others`.
#[derive(Debug, Clone, FromRow)]
pub struct CredentialOfOther {
    pub channel_id: String,
    /// A keyed digest of it: only who has the key can compare.
    pub mac: String,
    /// Whose it is, for people.
    pub account: String,
    pub account_id: Option<String>,
    pub seen_at: Millis,
}

impl Tx {
    /// Those of a channel, the newest first.
    pub async fn credentials_of_others(&mut self, channel: &str) -> Result<Vec<CredentialOfOther>> {
        const SQL: &str =
            "select * from credentials_of_others where channel_id = $1 order by seen_at desc, mac limit 100";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(channel).fetch_all(c).await?))
    }

    /// Keeps one, or whose it was seen to be now.
    pub async fn keep_credential_of_other(&mut self, one: &CredentialOfOther) -> Result<()> {
        const SQL: &str = "insert into credentials_of_others (channel_id, mac, account, account_id, seen_at)
            values ($1, $2, $3, $4, $5) on conflict (channel_id, mac) do update
            set account = excluded.account, account_id = excluded.account_id, seen_at = excluded.seen_at";
        on!(self, |c| sqlx::query(SQL)
            .bind(&one.channel_id)
            .bind(&one.mac)
            .bind(&one.account)
            .bind(&one.account_id)
            .bind(one.seen_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Those of a channel are another's no more.
    pub async fn forget_credentials_of_others(&mut self, channel: &str) -> Result<()> {
        const SQL: &str = "delete from credentials_of_others where channel_id = $1";
        on!(self, |c| sqlx::query(SQL).bind(channel).execute(c).await.map(drop)?);
        Ok(())
    }

    /// One is another's no more.
    pub async fn forget_credential_of_other(&mut self, channel: &str, mac: &str) -> Result<()> {
        const SQL: &str = "delete from credentials_of_others where channel_id = $1 and mac = $2";
        on!(self, |c| sqlx::query(SQL).bind(channel).bind(mac).execute(c).await.map(drop)?);
        Ok(())
    }
}
