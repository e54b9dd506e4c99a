//! What the public page shows.

use sqlx::FromRow;

use super::{Result, Store, Tx, on, read};
use crate::clock::Millis;

/// A row of `site_entries`.
#[derive(Debug, Clone, FromRow)]
pub struct SiteEntry {
    pub delivery_id: String,
    pub incident_id: String,
    pub kind: String,
    pub title: Option<String>,
    pub text: String,
    pub language: String,
    pub published_at: Millis,
    pub promise_at: Option<Millis>,
    pub corrects: Option<String>,
    pub retracted_at: Option<Millis>,
    /// When it got other words, and by which delivery.
    pub corrected_at: Option<Millis>,
    pub revised_by: Option<String>,
    /// The pictures, as JSON.
    pub pictures: Option<String>,
}

impl Store {
    pub async fn site_entries(&self, incident: &str) -> Result<Vec<SiteEntry>> {
        const SQL: &str = "select * from site_entries where incident_id = $1 and retracted_at is null
            order by published_at desc, delivery_id desc limit 500";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(incident).fetch_all(c).await?))
    }

    /// What the newest text on the page promises: the newest by its due time, so that a late one
    /// takes nothing back.
    pub async fn site_promise(&self, incident: &str) -> Result<Option<Millis>> {
        const SQL: &str = "select e.promise_at from site_entries e join deliveries d on d.id = e.delivery_id
              join posts p on p.id = d.post_id
            where e.incident_id = $1 and e.retracted_at is null and e.promise_at is not null
            order by p.due_at desc, p.id desc limit 1";
        Ok(read!(self, |c| sqlx::query_scalar(SQL).bind(incident).fetch_optional(c).await?))
    }

    pub async fn site_entry(&self, delivery: &str) -> Result<Option<SiteEntry>> {
        const SQL: &str = "select * from site_entries where delivery_id = $1";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(delivery).fetch_optional(c).await?))
    }
}

impl Tx {
    /// Publishes on the page. A second time with the same delivery changes nothing.
    pub async fn insert_site_entry(&mut self, e: &SiteEntry) -> Result<bool> {
        const SQL: &str = "insert into site_entries (delivery_id, incident_id, kind, title, text, language,
              published_at, promise_at, corrects, pictures)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (delivery_id) do nothing";
        let rows = on!(self, |c| sqlx::query(SQL)
            .bind(&e.delivery_id)
            .bind(&e.incident_id)
            .bind(&e.kind)
            .bind(&e.title)
            .bind(&e.text)
            .bind(&e.language)
            .bind(e.published_at)
            .bind(e.promise_at)
            .bind(&e.corrects)
            .bind(&e.pictures)
            .execute(c)
            .await?
            .rows_affected());
        Ok(rows == 1)
    }

    /// Gives an entry that is there other words. A second time with the same delivery changes nothing.
    pub async fn revise_site_entry(&mut self, e: &SiteEntry) -> Result<bool> {
        const SQL: &str = "update site_entries set title = $2, text = $3, language = $4, corrected_at = $5,
              revised_by = $6, pictures = $7
            where delivery_id = $1 and retracted_at is null and (revised_by is null or revised_by <> $6)";
        let rows = on!(self, |c| sqlx::query(SQL)
            .bind(&e.delivery_id)
            .bind(&e.title)
            .bind(&e.text)
            .bind(&e.language)
            .bind(e.corrected_at)
            .bind(&e.revised_by)
            .bind(&e.pictures)
            .execute(c)
            .await?
            .rows_affected());
        Ok(rows == 1)
    }

    pub async fn retract_site_entry(&mut self, delivery: &str, at: Millis) -> Result<bool> {
        const SQL: &str = "update site_entries set retracted_at = $2
            where delivery_id = $1 and retracted_at is null";
        Ok(on!(self, |c| sqlx::query(SQL).bind(delivery).bind(at).execute(c).await?.rows_affected()) == 1)
    }
}
