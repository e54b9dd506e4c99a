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

/// What a check of a post needs to know of a picture.
#[derive(Debug, Clone, FromRow)]
pub struct Picture {
    pub sha256: String,
    pub mime: String,
    /// Bytes of the file.
    pub size: i64,
}

impl Store {
    /// Every picture, without its bytes.
    pub async fn pictures(&self) -> Result<Vec<Picture>> {
        const SQL: &str = "select sha256, mime, cast(length(bytes) as bigint) as size from media";
        Ok(read!(self, |c| sqlx::query_as(SQL).fetch_all(c).await?))
    }

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
