//! The public page and the banner. Anybody may read them.

use askama::Template;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;

use super::Web;
use super::errors::Answer;
use crate::app::AppError;
use crate::app::site::{self, Page};

#[derive(Template)]
#[template(path = "incident.html", config = "src/web/askama.toml")]
struct IncidentPage<'a> {
    page: &'a Page,
}

#[derive(Template)]
#[template(path = "index.html", config = "src/web/askama.toml")]
struct IndexPage<'a> {
    pages: &'a [Page],
}

/// What a website embeds.
#[derive(Debug, Serialize)]
struct Banner {
    active: bool,
    incidents: Vec<BannerLine>,
}

#[derive(Debug, Serialize)]
struct BannerLine {
    title: String,
    text: String,
    url: String,
    updated_at: String,
    next_update: Option<String>,
    overdue: bool,
}

fn html(text: Result<String, askama::Error>) -> Answer<Response> {
    Ok(Html(text.map_err(|e| AppError::Internal(e.to_string()))?).into_response())
}

/// The open incidents.
pub async fn index(State(web): State<Web>) -> Answer<Response> {
    let pages = site::open_pages(&web.app).await?;
    html(IndexPage { pages: &pages }.render())
}

/// One incident, as a page, or as JSON when its name ends so.
pub async fn page(State(web): State<Web>, Path(slug): Path<String>) -> Answer<Response> {
    if let Some(slug) = slug.strip_suffix(".json") {
        let mut response = Json(site::page(&web.app, slug).await?).into_response();
        open_to_all(&mut response);
        return Ok(response);
    }
    let page = site::page(&web.app, &slug).await?;
    html(IncidentPage { page: &page }.render())
}

/// The banner: what is open, and its last words.
pub async fn banner(State(web): State<Web>) -> Answer<Response> {
    let line = |p: Page| {
        let last = p.entries.first()?;
        Some(BannerLine {
            url: format!("{}/incidents/{}", web.app.public_url(), p.slug),
            text: last.text.clone(),
            updated_at: last.published_at.clone(),
            title: p.title.clone(),
            next_update: p.next_update.clone(),
            overdue: p.overdue,
        })
    };
    let incidents: Vec<_> = site::open_pages(&web.app).await?.into_iter().filter_map(line).collect();
    let mut response = Json(Banner { active: !incidents.is_empty(), incidents }).into_response();
    open_to_all(&mut response);
    Ok(response)
}

/// Any website may read it with a script.
fn open_to_all(response: &mut Response) {
    response.headers_mut().insert("access-control-allow-origin", HeaderValue::from_static("*"));
    response.headers_mut().insert("cache-control", HeaderValue::from_static("public, max-age=15"));
}
