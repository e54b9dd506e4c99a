//! Pictures that a network fetches. Whoever has such an address may; nobody can guess one, and nothing lists
//! them.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};

use super::Web;
use super::errors::{self, Answer};
use crate::app::AppError;
use crate::app::fetching::{self, Address};
use crate::clock::Millis;

/// The bytes of one picture, as long as its delivery is under way. It is kept by no cache and named by no
/// search engine.
pub async fn picture(
    State(web): State<Web>,
    Path((delivery, sha256, until, mac)): Path<(String, String, String, String)>,
) -> Answer<Response> {
    // What is no number has no valid mac either.
    let until: Millis = until.parse().unwrap_or_default();
    let address = Address { delivery: &delivery, sha256: &sha256, until };
    let picture = match fetching::picture(&web.app, address, &mac).await {
        // As at any other address: it tells nothing of what is here.
        Err(AppError::NotFound { .. }) => return Ok(errors::nothing_here().await),
        found => found?,
    };
    let headers = [("content-type", picture.mime.as_str()), ("x-robots-tag", "noindex")];
    Ok((headers, picture.bytes).into_response())
}
