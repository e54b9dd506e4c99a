//! Pictures of the public page. Anybody may see one, as long as the page shows it.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::Web;
use super::errors::{self, Answer};
use crate::app::AppError;
use crate::app::site_pictures;

/// A browser keeps it for a day, and asks then: what is taken down is gone from there after that. A cache between asks
/// again after a while, as for the page.
const KEPT: &str = "public, max-age=86400, s-maxage=15, must-revalidate";

/// The bytes of one picture. What the page does not show any more is answered as any address where nothing is.
pub async fn picture(
    State(web): State<Web>,
    Path((delivery, sha256)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer<Response> {
    let shown = match site_pictures::picture(&web.app, &delivery, &sha256).await {
        Err(AppError::NotFound { .. }) => return Ok(errors::nothing_here().await),
        found => found?,
    };
    let mark = format!("\"{sha256}\"");
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut response = if known.flat_map(|list| list.split(',')).any(|one| names(one.trim(), &mark)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let picture = shown.read(&web.app).await?;
        ([(header::CONTENT_TYPE, picture.mime)], picture.bytes).into_response()
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(KEPT));
    // A caller typed the hash, and the page has it: it is hexadecimal.
    if let Ok(mark) = HeaderValue::from_str(&mark) {
        headers.insert(header::ETAG, mark);
    }
    if shown.drill {
        headers.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    }
    Ok(response)
}

/// Whether one mark of `If-None-Match` is this one (RFC 9110, 13.1.2: compared weakly).
fn names(one: &str, mark: &str) -> bool {
    one == "*" || one.strip_prefix("W/").unwrap_or(one) == mark
}
