//! Incidents.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::Web;
use super::approvals::Comment;
use super::auth::Who;
use super::errors::{Answer, Body};
use super::freezes::OpenOnly;
use crate::app::incidents::{self, IncidentView, NewIncident, Opened};

/// Lists incidents, newest first.
#[utoipa::path(get, path = "/incidents", tag = "incidents", params(OpenOnly), responses((status = 200, body = [IncidentView])))]
pub async fn list(
    State(web): State<Web>,
    Who(by): Who,
    Query(q): Query<OpenOnly>,
) -> Answer<Json<Vec<IncidentView>>> {
    Ok(Json(incidents::list(&web.app, &by, q.open).await?))
}

/// Opens an incident, and freezes in the same call unless told not to. Operators, approvers,
/// administrators, integrators.
#[utoipa::path(post, path = "/incidents", tag = "incidents", request_body = NewIncident, responses((status = 201, body = Opened)))]
pub async fn open(
    State(web): State<Web>,
    Who(by): Who,
    Body(new): Body<NewIncident>,
) -> Answer<(StatusCode, Json<Opened>)> {
    Ok((StatusCode::CREATED, Json(incidents::open(&web.app, &by, &new).await?)))
}

/// One incident.
#[utoipa::path(get, path = "/incidents/{id}", tag = "incidents", responses((status = 200, body = IncidentView)))]
pub async fn get(State(web): State<Web>, Who(by): Who, Path(id): Path<String>) -> Answer<Json<IncidentView>> {
    Ok(Json(incidents::get(&web.app, &by, &id).await?))
}

/// A time.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    pub at: String,
}

/// Sets the time of the next promised update. Operators.
#[utoipa::path(post, path = "/incidents/{id}/promise", tag = "incidents", request_body = Promise, responses((status = 200, body = IncidentView)))]
pub async fn promise(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(new): Body<Promise>,
) -> Answer<Json<IncidentView>> {
    Ok(Json(incidents::promise(&web.app, &by, &id, &new.at).await?))
}

/// Resolves an incident; its freeze stays. Operators and approvers.
#[utoipa::path(post, path = "/incidents/{id}/resolve", tag = "incidents", request_body = Comment, responses((status = 200, body = IncidentView)))]
pub async fn resolve(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(c): Body<Comment>,
) -> Answer<Json<IncidentView>> {
    Ok(Json(incidents::resolve(&web.app, &by, &id, &c.comment).await?))
}
