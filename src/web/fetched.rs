//! Pictures that a network fetches. Whoever has such an address may; nobody can guess one, and nothing lists
//! them.

use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

use super::Web;
use super::errors::{self, Answer};
use crate::app::AppError;
use crate::app::fetching::{self, Address};
use crate::clock::Millis;

/// How long a browser, and what is between, may keep what is looked at with its post: so that a message that a whole company
/// reads is not a request for each of them.
const KEPT: &str = "public, max-age=86400";

/// The bytes of one picture, as long as its delivery is under way, or its post shows it. The one is kept by no cache, and
/// neither is named by a search engine.
pub async fn picture(
    State(web): State<Web>,
    Path((delivery, sha256, until, mac)): Path<(String, String, String, String)>,
) -> Answer<Response> {
    // What is no number has no valid mac either.
    let until: Millis = until.parse().unwrap_or(-1);
    let address = Address { delivery: &delivery, sha256: &sha256, until };
    let seen = match fetching::picture(&web.app, address, &mac).await {
        // As at any other address: it tells nothing of what is here.
        Err(AppError::NotFound { .. }) => return Ok(errors::nothing_here().await),
        found => found?,
    };
    let headers = [("content-type", seen.picture.mime.as_str()), ("x-robots-tag", "noindex")];
    let mut response = (headers, seen.picture.bytes).into_response();
    if seen.is_shown {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(KEPT));
    }
    Ok(response)
}
