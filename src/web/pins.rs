//! Posts at the top of their accounts.

use axum::Json;
use axum::extract::{Path, State};

use super::Web;
use super::auth::Who;
use super::errors::{Answer, Body};
use crate::app::pins::{self, Pin, PinView};

/// The copies of a post that are out, and which of them are pinned. Everybody.
#[utoipa::path(get, path = "/posts/{id}/pins", tag = "pins", responses((status = 200, body = [PinView])))]
pub async fn list(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
) -> Answer<Json<Vec<PinView>>> {
    Ok(Json(pins::list(&web.app, &by, &id).await?))
}

/// Pins every copy of a post that is out to the top of its account, page or room, or lets all go, with
/// the reason for each that is not so. Operators and approvers.
#[utoipa::path(post, path = "/posts/{id}/pins", tag = "pins", request_body = Pin, responses((status = 200, body = [PinView])))]
pub async fn set(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(new): Body<Pin>,
) -> Answer<Json<Vec<PinView>>> {
    Ok(Json(pins::set(&web.app, &by, &id, new).await?))
}
