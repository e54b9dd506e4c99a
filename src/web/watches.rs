//! The watch over accounts.

use axum::Json;
use axum::extract::State;

use super::Web;
use super::auth::Who;
use super::errors::Answer;
use crate::app::watches::{self, WatchList};

/// Which accounts are watched for posts that nobody here sent, and the newest 200 of those. Each of them has
/// raised a signal with the plan for a taken account. Everybody.
#[utoipa::path(get, path = "/watch", tag = "watch", responses((status = 200, body = WatchList)))]
pub async fn list(State(web): State<Web>, Who(by): Who) -> Answer<Json<WatchList>> {
    Ok(Json(watches::list(&web.app, &by).await?))
}
