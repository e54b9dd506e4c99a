//! The public page and the banner. Anybody may read them.

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::Web;
use super::errors::Answer;
use super::words::Words;
use crate::app::AppError;
use crate::app::audit;
use crate::app::site::{self, Page};

#[derive(Template)]
#[template(path = "incident.html", config = "src/web/askama.toml")]
struct IncidentPage<'a> {
    words: &'static Words,
    page: &'a Page,
}

#[derive(Template)]
#[template(path = "index.html", config = "src/web/askama.toml")]
struct IndexPage<'a> {
    words: &'static Words,
    pages: &'a [Page],
}

#[derive(Template)]
#[template(path = "missing.html", config = "src/web/askama.toml")]
struct MissingPage {
    words: &'static Words,
}

/// The reader's choice of language.
#[derive(Debug, Deserialize)]
pub struct Choice {
    lang: Option<String>,
}

/// A piece of an approved text.
#[derive(Debug, PartialEq, Eq)]
enum Piece<'a> {
    Text(&'a str),
    Link(String),
}

/// The text, cut at its links.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let (mut out, mut at) = (Vec::new(), 0);
    for link in ::channels::text::links(text) {
        out.push(Piece::Text(&text[at..link.start]));
        at = link.end;
        out.push(Piece::Link(link.url));
    }
    out.push(Piece::Text(&text[at..]));
    out
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
    /// Of the text, as a BCP 47 tag.
    language: String,
    url: String,
    updated_at: String,
    next_update: Option<String>,
    overdue: bool,
}

/// A cache in front takes the rush, and what is new is seen in time.
const FOR_A_WHILE: &str = "public, max-age=15";

fn html(words: &Words, text: Result<String, askama::Error>) -> Answer<Response> {
    let mut response = Html(text.map_err(|e| AppError::Internal(e.to_string()))?).into_response();
    response.headers_mut().insert("vary", HeaderValue::from_static("accept-language"));
    response.headers_mut().insert("content-language", HeaderValue::from_static(words.tag));
    response.headers_mut().insert("cache-control", HeaderValue::from_static(FOR_A_WHILE));
    Ok(response)
}

/// The open incidents.
pub async fn index(
    State(web): State<Web>,
    Query(choice): Query<Choice>,
    headers: HeaderMap,
) -> Answer<Response> {
    let words = Words::choose(choice.lang.as_deref(), &headers);
    let pages = site::open_pages(&web.app).await?;
    html(words, IndexPage { words, pages: &pages }.render())
}

/// One incident, as a page, or as JSON when its name ends so.
pub async fn page(
    State(web): State<Web>,
    Path(slug): Path<String>,
    Query(choice): Query<Choice>,
    headers: HeaderMap,
) -> Answer<Response> {
    if let Some(slug) = slug.strip_suffix(".json") {
        let mut response = Json(site::page(&web.app, slug).await?).into_response();
        open_to_all(&mut response);
        return Ok(response);
    }
    let words = Words::choose(choice.lang.as_deref(), &headers);
    let page = match site::page(&web.app, &slug).await {
        Err(AppError::NotFound { .. }) => {
            let page = html(words, MissingPage { words }.render())?;
            return Ok((StatusCode::NOT_FOUND, page).into_response());
        }
        page => page?,
    };
    html(words, IncidentPage { words, page: &page }.render())
}

/// The banner: what is open, and its last words.
pub async fn banner(State(web): State<Web>) -> Answer<Response> {
    let line = |p: Page| {
        let last = p.entries.first()?;
        Some(BannerLine {
            url: format!("{}/incidents/{}", web.app.public_url(), p.slug),
            text: last.text.clone(),
            language: last.language.clone(),
            updated_at: last.corrected_at.clone().unwrap_or_else(|| last.published_at.clone()),
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

/// The newest signed checkpoint of the log (C2SP tlog-tiles, "checkpoint"): whoever keeps it finds a
/// log that is cut or rewritten later. It tells how long the log is and nothing of what is in it.
pub async fn checkpoint(State(web): State<Web>) -> Answer<Response> {
    let note = audit::newest_checkpoint(&web.app).await?;
    let note =
        note.ok_or_else(|| AppError::not_found("checkpoint", "yet; one is signed every five minutes"))?;
    let mut response = ([("content-type", "text/plain; charset=utf-8")], note).into_response();
    open_to_all(&mut response);
    Ok(response)
}

/// Any website may read it with a script.
fn open_to_all(response: &mut Response) {
    response.headers_mut().insert("access-control-allow-origin", HeaderValue::from_static("*"));
    response.headers_mut().insert("cache-control", HeaderValue::from_static(FOR_A_WHILE));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_the_web_are_links_and_nothing_else_is() {
        let cut = pieces("See https://bank.example/a, or javascript://x and ftp://y");
        let link = Piece::Link("https://bank.example/a".to_owned());
        assert_eq!(cut, [Piece::Text("See "), link, Piece::Text(", or javascript://x and ftp://y")]);
    }
}
