//! Access that is to end at its network, or was replaced.

use sqlx::FromRow;

use super::{Result, Store, Tx, on, read};
use crate::clock::Millis;

/// A row of `access_ends`.
#[derive(Debug, Clone, FromRow)]
pub struct End {
    /// The channel, a point, and a number.
    pub id: String,
    pub channel_id: String,
    pub name: String,
    pub adapter: String,
    /// None: the credential was typed in.
    pub app_id: Option<String>,
    /// Sealed; none: nothing is left of it here.
    pub tokens: Option<String>,
    pub shared: String,
    /// It is to end.
    pub wanted: bool,
    /// There may be tokens that never arrived.
    pub lost: bool,
    /// The renewal or the connection that was under way.
    pub lease: Option<String>,
    pub lease_until: Millis,
    pub ask_at: Option<Millis>,
    pub failures: i64,
    /// The network said that these tokens are good no more.
    pub told: bool,
    pub said: Option<String>,
    pub made_at: Millis,
    pub gone_at: Option<Millis>,
}

/// A channel whose access lives.
#[derive(Debug, Clone, FromRow)]
pub struct Sharing {
    pub id: String,
    pub name: String,
    pub granted_at: Millis,
}

impl Store {
    /// All access that is to end and is not known to have ended, the oldest first.
    pub async fn open_ends(&self) -> Result<Vec<End>> {
        const SQL: &str =
            "select * from access_ends where wanted = $1 and gone_at is null order by made_at, id";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(true).fetch_all(c).await?))
    }

    /// Those whose network is to be asked now.
    pub async fn ends_due(&self, now: Millis, limit: i64) -> Result<Vec<String>> {
        const SQL: &str =
            "select id from access_ends where ask_at <= $1 and wanted = $3 and tokens is not null
            and gone_at is null order by ask_at limit $2";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).bind(now).bind(limit).bind(true).fetch_all(c).await?))
    }

    /// Other channels whose living access ends together with what has that digest.
    pub async fn sharing(&self, shared: &str, but: &str) -> Result<Vec<Sharing>> {
        const SQL: &str = "select c.id, c.name, g.granted_at from grants g
            join channels c on c.id = g.channel_id
            where g.shared = $1 and g.tokens is not null and g.channel_id <> $2 order by c.name";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(shared).bind(but).fetch_all(c).await?))
    }
}

impl Tx {
    /// The row, kept from others until this change ends.
    pub async fn end_for_update(&mut self, id: &str) -> Result<Option<End>> {
        const SQL: &str = "update access_ends set failures = failures where id = $1 returning *";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }

    /// What was of a renewal that was under way.
    pub async fn end_of_renewal(&mut self, lease: &str) -> Result<Option<End>> {
        const SQL: &str = "update access_ends set failures = failures where lease = $1 returning *";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(lease).fetch_optional(c).await?))
    }

    /// What is not known to have ended of a channel, kept from others until this change ends.
    pub async fn open_ends_of(&mut self, channel: &str) -> Result<Vec<End>> {
        const SQL: &str = "update access_ends set failures = failures
            where channel_id = $1 and gone_at is null returning *";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(channel).fetch_all(c).await?))
    }

    /// From now on all that was replaced is to end, too; without a channel: everywhere. How many.
    pub async fn want_ends(&mut self, channel: Option<&str>, now: Millis) -> Result<u64> {
        const SQL: &str = "update access_ends set wanted = $1, ask_at = $2
            where wanted <> $1 and gone_at is null and ($3 = '' or channel_id = $3)";
        let channel = channel.unwrap_or_default();
        let rows = on!(self, |c| sqlx::query(SQL)
            .bind(true)
            .bind(now)
            .bind(channel)
            .execute(c)
            .await?
            .rows_affected());
        Ok(rows)
    }

    /// Forgets what a connection may have left: it is known by now.
    pub async fn forget_end(&mut self, lease: &str) -> Result<()> {
        const SQL: &str = "delete from access_ends where lease = $1";
        on!(self, |c| sqlx::query(SQL).bind(lease).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Whether the living grant of another channel ends together with what has that digest.
    pub async fn is_shared(&mut self, shared: &str, but: &str) -> Result<bool> {
        const SQL: &str = "select count(*) from grants
            where shared = $1 and tokens is not null and channel_id <> $2";
        let living: i64 = on!(self, |c| sqlx::query_scalar(SQL).bind(shared).bind(but).fetch_one(c).await?);
        Ok(living > 0)
    }

    /// Writes the whole row.
    pub async fn put_end(&mut self, e: &End) -> Result<()> {
        const SQL: &str =
            "insert into access_ends (id, channel_id, name, adapter, app_id, tokens, shared, wanted,
              lost, lease, lease_until, ask_at, failures, told, said, made_at, gone_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
            on conflict (id) do update set tokens = excluded.tokens, wanted = excluded.wanted,
              lost = excluded.lost, lease = excluded.lease, lease_until = excluded.lease_until,
              ask_at = excluded.ask_at, failures = excluded.failures, told = excluded.told,
              said = excluded.said, gone_at = excluded.gone_at";
        on!(self, |c| sqlx::query(SQL)
            .bind(&e.id)
            .bind(&e.channel_id)
            .bind(&e.name)
            .bind(&e.adapter)
            .bind(&e.app_id)
            .bind(&e.tokens)
            .bind(&e.shared)
            .bind(e.wanted)
            .bind(e.lost)
            .bind(&e.lease)
            .bind(e.lease_until)
            .bind(e.ask_at)
            .bind(e.failures)
            .bind(e.told)
            .bind(&e.said)
            .bind(e.made_at)
            .bind(e.gone_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }
}
