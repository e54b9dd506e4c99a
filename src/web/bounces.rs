//! Mails that came back.

use axum::Json;
use axum::extract::{Path, State};

use super::Web;
use super::auth::Who;
use super::errors::Answer;
use crate::app::bounces::{self, BounceView};

/// Takes a mail that came back to the sender of an e-mail channel, as it is, of at most 1 MiB: what it says of recipients is
/// written down. A mail that is no report, or about nothing of ours, is answered in words and changes nothing. While the mail is being
/// sent the answer is 503: hand it in again later. Operators, administrators, postmasters.
#[utoipa::path(post, path = "/channels/{id}/bounces", tag = "channels", operation_id = "bounce",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = BounceView)))]
pub async fn receive(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    body: axum::body::Bytes,
) -> Answer<Json<BounceView>> {
    Ok(Json(bounces::receive(&web.app, &by, &id, &body).await?))
}
