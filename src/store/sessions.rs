//! Sessions of the console, and what people prefer there.

use sqlx::FromRow;

use super::{Result, Store, Tx, on, read};
use crate::clock::Millis;

/// A row of `sessions`. The cookie itself is not kept.
#[derive(Debug, Clone, FromRow)]
pub struct Session {
    pub id: String,
    pub person_id: String,
    pub hash: String,
    pub created_at: Millis,
    pub seen_at: Millis,
    pub expires_at: Millis,
    pub proved_at: Millis,
    pub ended_at: Option<Millis>,
    pub origin: String,
    pub agent: String,
}

/// A row of `preferences`.
#[derive(Debug, Clone, FromRow)]
pub struct Preferences {
    pub person_id: String,
    pub language: String,
    pub theme: String,
    pub zone: String,
}

impl Store {
    pub async fn session_by_hash(&self, hash: &str) -> Result<Option<Session>> {
        const SQL: &str = "select * from sessions where hash = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(hash).fetch_optional(c).await?))
    }

    pub async fn session(&self, id: &str) -> Result<Option<Session>> {
        const SQL: &str = "select * from sessions where id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(id).fetch_optional(c).await?))
    }

    /// The sessions of a person that have not ended, newest first.
    pub async fn sessions(&self, person: &str, now: Millis) -> Result<Vec<Session>> {
        const SQL: &str =
            "select * from sessions where person_id = $1 and ended_at is null and expires_at > $2
            order by created_at desc, id limit 200";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(person).bind(now).fetch_all(c).await?))
    }

    pub async fn preferences(&self, person: &str) -> Result<Option<Preferences>> {
        const SQL: &str = "select * from preferences where person_id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(person).fetch_optional(c).await?))
    }
}

impl Tx {
    pub async fn insert_session(&mut self, s: &Session) -> Result<()> {
        const SQL: &str = "insert into sessions
              (id, person_id, hash, created_at, seen_at, expires_at, proved_at, origin, agent)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        on!(self, |c| sqlx::query(SQL)
            .bind(&s.id)
            .bind(&s.person_id)
            .bind(&s.hash)
            .bind(s.created_at)
            .bind(s.seen_at)
            .bind(s.expires_at)
            .bind(s.proved_at)
            .bind(&s.origin)
            .bind(&s.agent)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    pub async fn touch_session(&mut self, id: &str, at: Millis) -> Result<()> {
        const SQL: &str = "update sessions set seen_at = $2 where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).bind(at).execute(c).await.map(drop)?);
        Ok(())
    }

    /// The second factor was shown again.
    pub async fn prove_session(&mut self, id: &str, at: Millis) -> Result<()> {
        const SQL: &str = "update sessions set proved_at = $2 where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).bind(at).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Ends a session of the person. Whether it was there and had not ended.
    pub async fn end_session(&mut self, person: &str, id: &str, at: Millis) -> Result<bool> {
        const SQL: &str =
            "update sessions set ended_at = $3 where person_id = $1 and id = $2 and ended_at is null";
        Ok(on!(self, |c| sqlx::query(SQL).bind(person).bind(id).bind(at).execute(c).await?.rows_affected())
            == 1)
    }

    /// Ends every session of the person; how many they were.
    pub async fn end_sessions(&mut self, person: &str, at: Millis) -> Result<u64> {
        const SQL: &str = "update sessions set ended_at = $2 where person_id = $1 and ended_at is null";
        Ok(on!(self, |c| sqlx::query(SQL).bind(person).bind(at).execute(c).await?.rows_affected()))
    }

    pub async fn put_preferences(&mut self, p: &Preferences) -> Result<()> {
        const SQL: &str = "insert into preferences (person_id, language, theme, zone) values ($1, $2, $3, $4)
            on conflict (person_id) do update set language = excluded.language, theme = excluded.theme,
              zone = excluded.zone";
        on!(self, |c| sqlx::query(SQL)
            .bind(&p.person_id)
            .bind(&p.language)
            .bind(&p.theme)
            .bind(&p.zone)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }
}
