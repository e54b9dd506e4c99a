//! What was scheduled inside a network and is held by a freeze.

use axum::Json;
use axum::extract::{Path, Query, State};
use serde::Deserialize;

use super::Web;
use super::auth::Who;
use super::errors::{Answer, Body};
use crate::app::AppError;
use crate::app::held::Reviewed;
use crate::app::sweeps::{self, Decision, SweptView, SweptWhole};
use crate::domain::Word;
use crate::domain::sweep::Stand;

/// Which ones to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct InState {
    /// `held`, `found`, `holding`, `could_not`, `restoring` or `dropping`; all of these unless given.
    pub state: Option<String>,
}

/// Lists posts that were scheduled inside networks and can still change: what is held there waits for a
/// decision.
#[utoipa::path(get, path = "/swept", tag = "swept", params(InState), responses((status = 200, body = [SweptView])))]
pub async fn list(
    State(web): State<Web>,
    Who(by): Who,
    Query(asked): Query<InState>,
) -> Answer<Json<Vec<SweptView>>> {
    let state =
        asked.state.as_deref().map(Stand::parse).transpose().map_err(|e| AppError::field("state", e))?;
    Ok(Json(sweeps::list(&web.app, &by, state).await?))
}

/// One post that was scheduled inside a network, whatever became of it, with everything that was kept of it
/// before it was touched.
#[utoipa::path(get, path = "/swept/{id}", tag = "swept", params(("id" = String, Path)), responses((status = 200, body = SweptWhole)))]
pub async fn get(State(web): State<Web>, Who(by): Who, Path(id): Path<String>) -> Answer<Json<SweptWhole>> {
    Ok(Json(sweeps::get(&web.app, &by, &id).await?))
}

/// Decides about posts that are held inside networks: back on the schedule for a new time, or never. It is
/// carried out afterwards, and seen in the list. What somebody has changed there since is left, with the
/// reason. Operators and approvers.
#[utoipa::path(post, path = "/swept/review", tag = "swept", request_body = Decision, responses((status = 200, body = Reviewed)))]
pub async fn review(
    State(web): State<Web>,
    Who(by): Who,
    Body(new): Body<Decision>,
) -> Answer<Json<Reviewed>> {
    Ok(Json(sweeps::review(&web.app, &by, &new).await?))
}
