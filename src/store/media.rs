//! Uploaded pictures, by the hash of their bytes.

use sqlx::FromRow;

use super::{Result, Store, Tx, on, read};
use crate::clock::Millis;

/// A row of `media`.
#[derive(Debug, Clone, FromRow)]
pub struct Media {
    pub sha256: String,
    pub mime: String,
    pub bytes: Vec<u8>,
    pub created_at: Millis,
}

impl Store {
    pub async fn media(&self, sha256: &str) -> Result<Option<Media>> {
        const SQL: &str = "select * from media where sha256 = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(sha256).fetch_optional(c).await?))
    }
}

impl Tx {
    /// Keeps the picture; whether it is new.
    pub async fn insert_media(&mut self, m: &Media) -> Result<bool> {
        const SQL: &str = "insert into media (sha256, mime, bytes, created_at) values ($1, $2, $3, $4)
            on conflict (sha256) do nothing";
        let rows = on!(self, |c| sqlx::query(SQL)
            .bind(&m.sha256)
            .bind(&m.mime)
            .bind(&m.bytes)
            .bind(m.created_at)
            .execute(c)
            .await?
            .rows_affected());
        Ok(rows == 1)
    }
}
