//! The public page: what it shows, and publishing on it.

use serde::Serialize;

use super::site_pictures::{self, PagePicture};
use super::{Actor, App, AppError, Result};
use crate::clock::rfc3339;
use crate::domain::audit::Entry;
use crate::store::incidents::Incident;
pub(crate) use crate::store::site::SiteEntry;

/// The public page of one incident. Every word on it was approved: the incident's own title, which
/// one person typed, is not.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct Page {
    pub slug: String,
    /// The newest headline that was published; empty until there is one.
    pub title: String,
    /// The language of the headline, as a BCP 47 tag.
    pub language: String,
    pub drill: bool,
    pub state: String,
    pub opened_at: String,
    pub resolved_at: Option<String>,
    pub next_update: Option<String>,
    /// The promised update is overdue.
    pub overdue: bool,
    /// Newest first.
    pub entries: Vec<PageEntry>,
}

/// One text on the page.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PageEntry {
    pub id: String,
    pub kind: String,
    pub title: Option<String>,
    pub text: String,
    pub language: String,
    pub published_at: String,
    /// When its words were changed last, in their place.
    pub corrected_at: Option<String>,
    pub next_update: Option<String>,
    pub corrects: Option<String>,
    pub pictures: Vec<PagePicture>,
}

/// Publishes on the page. The same delivery twice is one entry.
pub(crate) async fn publish(app: &App, entry: &SiteEntry) -> Result<()> {
    let mut tx = app.store().begin().await?;
    if !tx.insert_site_entry(entry).await? {
        return Ok(());
    }
    let published = Entry::new("site.published", &format!("delivery:{}", entry.delivery_id))
        .after(&serde_json::json!({"incident": entry.incident_id, "kind": entry.kind,
            "pictures": site_pictures::hashes(entry)}));
    app.commit(tx, &Actor::service(app.node()), &[published], &[]).await
}

/// Gives an entry that is on the page other words; whether it has them now. The same delivery twice is one change.
pub(crate) async fn revise(app: &App, entry: &SiteEntry) -> Result<bool> {
    let mut tx = app.store().begin().await?;
    if tx.revise_site_entry(entry).await? {
        let revised = Entry::new("site.revised", &format!("delivery:{}", entry.delivery_id))
            .after(&serde_json::json!({"by": entry.revised_by, "pictures": site_pictures::hashes(entry)}));
        app.commit(tx, &Actor::service(app.node()), &[revised], &[]).await?;
        return Ok(true);
    }
    drop(tx);
    Ok(find(app, &entry.delivery_id).await?.is_some_and(|there| there.revised_by == entry.revised_by))
}

/// Whether the delivery is on the page.
pub(crate) async fn find(app: &App, delivery: &str) -> Result<Option<SiteEntry>> {
    Ok(app.store().site_entry(delivery).await?.filter(|e| e.retracted_at.is_none()))
}

/// Where the public reads the entry.
pub(crate) async fn url(app: &App, entry: &SiteEntry) -> Option<String> {
    let incident = app.store().incident(&entry.incident_id).await.ok()??;
    Some(format!("{}/incidents/{}#{}", app.public_url(), incident.slug, entry.delivery_id))
}

/// Takes an entry off the page; whether it is gone. It is not when the page never had it.
pub(crate) async fn retract(app: &App, delivery: &str) -> Result<bool> {
    let mut tx = app.store().begin().await?;
    if tx.retract_site_entry(delivery, app.now()).await? {
        let entry = Entry::new("site.retracted", &format!("delivery:{delivery}"));
        app.commit(tx, &Actor::service(app.node()), &[entry], &[]).await?;
        return Ok(true);
    }
    drop(tx);
    Ok(app.store().site_entry(delivery).await?.is_some_and(|e| e.retracted_at.is_some()))
}

/// The page of an incident, for anybody.
///
/// # Errors
/// When there is none of that name.
pub async fn page(app: &App, slug: &str) -> Result<Page> {
    let i = app.store().incident_by_slug(slug).await?.ok_or_else(|| AppError::not_found("incident", slug))?;
    read(app, i).await
}

/// The pages of the open incidents, newest first, for anybody. Drills are not among them.
///
/// # Errors
/// The database's own.
pub async fn open_pages(app: &App) -> Result<Vec<Page>> {
    let mut out = Vec::new();
    for i in app.store().incidents(true).await?.into_iter().filter(|i| !i.drill) {
        let page = read(app, i).await?;
        // Nothing is public before the first approved word.
        if !page.entries.is_empty() {
            out.push(page);
        }
    }
    Ok(out)
}

async fn read(app: &App, i: Incident) -> Result<Page> {
    let entries = app.store().site_entries(&i.id).await?;
    let headline = entries.iter().filter(|e| e.kind != "tip").chain(&entries).find(|e| e.title.is_some());
    // What was promised with approved words, as long as it is open.
    let open = i.resolved_at.is_none();
    let promise = app.store().site_promise(&i.id).await?.filter(|_| open);
    Ok(Page {
        slug: i.slug,
        title: headline.and_then(|e| e.title.clone()).unwrap_or_default(),
        language: headline.or(entries.first()).map(|e| e.language.clone()).unwrap_or_default(),
        drill: i.drill,
        state: i.state,
        opened_at: rfc3339(i.opened_at),
        resolved_at: i.resolved_at.map(rfc3339),
        next_update: promise.map(rfc3339),
        overdue: promise.is_some_and(|at| at <= app.now()),
        entries: entries.into_iter().map(|e| entry(app, e)).collect(),
    })
}

fn entry(app: &App, e: SiteEntry) -> PageEntry {
    PageEntry {
        pictures: site_pictures::of(app, &e),
        id: e.delivery_id,
        kind: e.kind,
        title: e.title,
        text: e.text,
        language: e.language,
        published_at: rfc3339(e.published_at),
        corrected_at: e.corrected_at.map(rfc3339),
        next_update: e.promise_at.map(rfc3339),
        corrects: e.corrects,
    }
}
