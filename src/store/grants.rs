//! Access that people granted: apps at networks, people on their way, grants of channels.

use sqlx::FromRow;

use super::{Result, Store, Tx, on, read};
use crate::clock::Millis;

/// A row of `oauth_apps`.
#[derive(Debug, Clone, FromRow)]
pub struct OauthApp {
    pub id: String,
    pub adapter: String,
    /// The server, on a network of many; otherwise empty.
    pub server: String,
    pub client_id: String,
    /// Sealed.
    pub secret: String,
    pub authorize_url: String,
    pub token_url: String,
    pub revoke_url: Option<String>,
    /// Where the network sends people back to, as it was registered.
    pub redirect: String,
    pub created_at: Millis,
}

/// A row of `oauth_starts`.
#[derive(Debug, Clone, FromRow)]
pub struct Start {
    pub id: String,
    /// Hash of what comes back with the person.
    pub state: String,
    /// The session that started it; empty: over the API.
    pub session: String,
    pub person_id: String,
    pub app_id: String,
    pub channel_id: Option<String>,
    /// JSON of the channel that is to be made.
    pub new_channel: Option<String>,
    /// Sealed.
    pub verifier: String,
    /// Digest of the adapter and the settings.
    pub place: String,
    pub expires_at: Millis,
}

/// A row of `grants`.
#[derive(Debug, Clone, FromRow)]
pub struct Grant {
    pub channel_id: String,
    pub app_id: String,
    /// Sealed; none: it was ended here.
    pub tokens: Option<String>,
    /// Counts the tokens of this row.
    pub generation: i64,
    pub granted_by: String,
    pub granted_at: Millis,
    pub renewed_at: Millis,
    pub expires_at: Option<Millis>,
    pub renew_at: Option<Millis>,
    pub failures: i64,
    pub trouble: Option<String>,
    pub lease: Option<String>,
    pub lease_until: Millis,
    /// There may be tokens that never arrived.
    pub lost: bool,
    /// Digest of what ends together at the network.
    pub shared: String,
    pub ended_at: Option<Millis>,
}

/// What lives of a grant.
#[derive(Debug, Clone, FromRow)]
pub struct Living {
    pub channel_id: String,
    pub name: String,
    /// Sealed.
    pub tokens: String,
}

impl Store {
    pub async fn oauth_app(&self, id: &str) -> Result<Option<OauthApp>> {
        const SQL: &str = "select * from oauth_apps where id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }

    /// The app that new grants are made with.
    pub async fn newest_oauth_app(&self, adapter: &str, server: &str) -> Result<Option<OauthApp>> {
        const SQL: &str = "select * from oauth_apps where adapter = $1 and server = $2
            order by created_at desc, id desc limit 1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(adapter).bind(server).fetch_optional(c).await?))
    }

    pub async fn oauth_apps(&self) -> Result<Vec<OauthApp>> {
        const SQL: &str = "select * from oauth_apps order by created_at desc, id desc limit 500";
        Ok(read!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }

    pub async fn grant(&self, channel: &str) -> Result<Option<Grant>> {
        const SQL: &str = "select * from grants where channel_id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(channel).fetch_optional(c).await?))
    }

    /// Channels whose access is to be renewed now, and that nobody renews.
    pub async fn grants_due(&self, now: Millis, limit: i64) -> Result<Vec<String>> {
        const SQL: &str = "select channel_id from grants where renew_at <= $1 and lease_until <= $1
            and tokens is not null order by renew_at limit $2";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).bind(now).bind(limit).fetch_all(c).await?))
    }
}

impl Tx {
    pub async fn insert_oauth_app(&mut self, a: &OauthApp) -> Result<()> {
        const SQL: &str = "insert into oauth_apps (id, adapter, server, client_id, secret, authorize_url,
              token_url, revoke_url, redirect, created_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        on!(self, |c| sqlx::query(SQL)
            .bind(&a.id)
            .bind(&a.adapter)
            .bind(&a.server)
            .bind(&a.client_id)
            .bind(&a.secret)
            .bind(&a.authorize_url)
            .bind(&a.token_url)
            .bind(&a.revoke_url)
            .bind(&a.redirect)
            .bind(a.created_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    pub async fn insert_start(&mut self, s: &Start) -> Result<()> {
        const SQL: &str = "insert into oauth_starts (id, state, session, person_id, app_id, channel_id,
              new_channel, verifier, place, taken, expires_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
        on!(self, |c| sqlx::query(SQL)
            .bind(&s.id)
            .bind(&s.state)
            .bind(&s.session)
            .bind(&s.person_id)
            .bind(&s.app_id)
            .bind(&s.channel_id)
            .bind(&s.new_channel)
            .bind(&s.verifier)
            .bind(&s.place)
            .bind(false)
            .bind(s.expires_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Takes the start with that state: nobody else finds it any more, and it stays until it is ended.
    pub async fn take_start(&mut self, state: &str) -> Result<Option<Start>> {
        const SQL: &str = "update oauth_starts set taken = $2 where state = $1 and taken <> $2 returning *";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(state).bind(true).fetch_optional(c).await?))
    }

    /// Ends a start; whether it was still there: whoever ends the access of a channel ends it, too.
    pub async fn end_start(&mut self, id: &str) -> Result<bool> {
        const SQL: &str = "delete from oauth_starts where id = $1";
        Ok(on!(self, |c| sqlx::query(SQL).bind(id).execute(c).await?.rows_affected()) == 1)
    }

    /// Ends the starts for a channel; how many.
    pub async fn end_starts_of(&mut self, channel: &str) -> Result<u64> {
        const SQL: &str = "delete from oauth_starts where channel_id = $1";
        Ok(on!(self, |c| sqlx::query(SQL).bind(channel).execute(c).await?.rows_affected()))
    }

    /// Forgets people who were sent to a network before that time and did not come back.
    pub async fn forget_starts(&mut self, expired: Millis) -> Result<()> {
        const SQL: &str = "delete from oauth_starts where expires_at <= $1";
        on!(self, |c| sqlx::query(SQL).bind(expired).execute(c).await.map(drop)?);
        Ok(())
    }

    /// The row, kept from others until this change ends.
    pub async fn grant_for_update(&mut self, channel: &str) -> Result<Option<Grant>> {
        const SQL: &str = "update grants set failures = failures where channel_id = $1 returning *";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(channel).fetch_optional(c).await?))
    }

    /// The row.
    pub async fn grant(&mut self, channel: &str) -> Result<Option<Grant>> {
        const SQL: &str = "select * from grants where channel_id = $1";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(channel).fetch_optional(c).await?))
    }

    /// What other channels live by that the same app got. Nobody else looks until this change ends.
    pub async fn living_of(&mut self, client: &str, token_url: &str, but: &str) -> Result<Vec<Living>> {
        const ALONE: &str =
            "update oauth_apps set created_at = created_at where client_id = $1 and token_url = $2";
        const SQL: &str = "select g.channel_id, c.name, g.tokens from grants g
            join channels c on c.id = g.channel_id join oauth_apps a on a.id = g.app_id
            where a.client_id = $1 and a.token_url = $2 and g.channel_id <> $3 and g.tokens is not null
            order by c.name";
        on!(self, |c| sqlx::query(ALONE).bind(client).bind(token_url).execute(c).await.map(drop)?);
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(client).bind(token_url).bind(but).fetch_all(c).await?))
    }

    /// Writes the whole row.
    pub async fn put_grant(&mut self, g: &Grant) -> Result<()> {
        const SQL: &str =
            "insert into grants (channel_id, app_id, tokens, generation, granted_by, granted_at,
              renewed_at, expires_at, renew_at, failures, trouble, lease, lease_until, lost, shared,
              ended_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
            on conflict (channel_id) do update set app_id = excluded.app_id, tokens = excluded.tokens,
              generation = excluded.generation, granted_by = excluded.granted_by,
              granted_at = excluded.granted_at, renewed_at = excluded.renewed_at,
              expires_at = excluded.expires_at, renew_at = excluded.renew_at, failures = excluded.failures,
              trouble = excluded.trouble, lease = excluded.lease, lease_until = excluded.lease_until,
              lost = excluded.lost, shared = excluded.shared, ended_at = excluded.ended_at";
        on!(self, |c| sqlx::query(SQL)
            .bind(&g.channel_id)
            .bind(&g.app_id)
            .bind(&g.tokens)
            .bind(g.generation)
            .bind(&g.granted_by)
            .bind(g.granted_at)
            .bind(g.renewed_at)
            .bind(g.expires_at)
            .bind(g.renew_at)
            .bind(g.failures)
            .bind(&g.trouble)
            .bind(&g.lease)
            .bind(g.lease_until)
            .bind(g.lost)
            .bind(&g.shared)
            .bind(g.ended_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Forgets the grant of a channel: another credential was typed in.
    pub async fn forget_grant(&mut self, channel: &str) -> Result<()> {
        const SQL: &str = "delete from grants where channel_id = $1";
        on!(self, |c| sqlx::query(SQL).bind(channel).execute(c).await.map(drop)?);
        Ok(())
    }

    /// A credential of another token, for the same account. Whatever holds the channel open opens it anew.
    pub async fn replace_credential(&mut self, channel: &str, sealed: &str) -> Result<()> {
        const SQL: &str = "update channels set credential = $2, version = version + 1 where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(channel).bind(sealed).execute(c).await.map(drop)?);
        Ok(())
    }
}
