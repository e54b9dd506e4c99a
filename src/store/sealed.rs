//! What is sealed under an instance key, wherever it stands.

use sqlx::FromRow;

use super::{Result, Tx, on};

/// Where sealed values stand, besides the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shelf {
    /// Credentials of channels, by the channel's id.
    Channels,
    /// Second factors, by the person's id.
    Logins,
    /// Tokens that were granted to channels, by the channel's id.
    Grants,
    /// Secrets of apps at networks, by the app's id.
    Apps,
    /// Tokens that are to end, by the id of their end.
    Ends,
}

impl Shelf {
    pub const ALL: [Self; 5] = [Self::Channels, Self::Logins, Self::Grants, Self::Apps, Self::Ends];
}

/// One sealed value.
#[derive(Debug, Clone, FromRow)]
pub struct Record {
    pub id: String,
    pub sealed: String,
}

impl Tx {
    /// At most `limit` records after an id, by id, that are sealed under another key than the one of that id.
    pub async fn sealed_elsewhere(
        &mut self,
        on: Shelf,
        key: &str,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Record>> {
        const CHANNELS: &str = "select id, credential as sealed from channels
            where credential is not null and credential not like $1 and id > $2 order by id limit $3";
        const LOGINS: &str = "select person_id as id, totp as sealed from logins
            where totp not like $1 and person_id > $2 order by person_id limit $3";
        const GRANTS: &str = "select channel_id as id, tokens as sealed from grants
            where tokens is not null and tokens not like $1 and channel_id > $2 order by channel_id limit $3";
        const APPS: &str = "select id, secret as sealed from oauth_apps
            where secret not like $1 and id > $2 order by id limit $3";
        const ENDS: &str = "select id, tokens as sealed from access_ends
            where tokens is not null and tokens not like $1 and id > $2 order by id limit $3";
        let sql = match on {
            Shelf::Channels => CHANNELS,
            Shelf::Logins => LOGINS,
            Shelf::Grants => GRANTS,
            Shelf::Apps => APPS,
            Shelf::Ends => ENDS,
        };
        let named = format!("{{\"key\":\"{key}\"%");
        Ok(on!(self, |c| sqlx::query_as(sql).bind(&named).bind(after).bind(limit).fetch_all(c).await?))
    }

    /// Puts the value in the place of the one that was read; whether that was still there.
    pub async fn reseal(&mut self, on: Shelf, read: &Record, sealed: &str) -> Result<bool> {
        const CHANNELS: &str = "update channels set credential = $3 where id = $1 and credential = $2";
        const LOGINS: &str = "update logins set totp = $3 where person_id = $1 and totp = $2";
        const GRANTS: &str = "update grants set tokens = $3 where channel_id = $1 and tokens = $2";
        const APPS: &str = "update oauth_apps set secret = $3 where id = $1 and secret = $2";
        const ENDS: &str = "update access_ends set tokens = $3 where id = $1 and tokens = $2";
        let sql = match on {
            Shelf::Channels => CHANNELS,
            Shelf::Logins => LOGINS,
            Shelf::Grants => GRANTS,
            Shelf::Apps => APPS,
            Shelf::Ends => ENDS,
        };
        let rows = on!(self, |c| sqlx::query(sql)
            .bind(&read.id)
            .bind(&read.sealed)
            .bind(sealed)
            .execute(c)
            .await?
            .rows_affected());
        Ok(rows == 1)
    }
}
