//! Incidents.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;

use super::Web;
use super::approvals::Comment;
use super::auth::Who;
use super::errors::{Answer, Body};
use super::freezes::OpenOnly;
use super::posts::{if_match, with_etag};
use crate::app::incidents::{self, IncidentView, NewIncident, Opened, Resolved};
use crate::domain::playbook::{self, Playbook};
use crate::domain::role::Right;

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
/// administrators, integrators; `crisis_too` is not for integrators.
#[utoipa::path(post, path = "/incidents", tag = "incidents", request_body = NewIncident, responses((status = 201, body = Opened)))]
pub async fn open(State(web): State<Web>, Who(by): Who, Body(new): Body<NewIncident>) -> Answer<Response> {
    let opened = incidents::open(&web.app, &by, &new).await?;
    Ok(with_etag(StatusCode::CREATED, opened.incident.version, &opened))
}

/// One incident.
#[utoipa::path(get, path = "/incidents/{id}", tag = "incidents", responses((status = 200, body = IncidentView)))]
pub async fn get(State(web): State<Web>, Who(by): Who, Path(id): Path<String>) -> Answer<Response> {
    let view = incidents::get(&web.app, &by, &id).await?;
    Ok(with_etag(StatusCode::OK, view.version, &view))
}

/// The prepared plans, for `playbook` of a new incident.
#[utoipa::path(get, path = "/playbooks", tag = "incidents", responses((status = 200, body = [Playbook])))]
pub async fn playbooks(Who(by): Who) -> Answer<Json<&'static [Playbook]>> {
    by.need(Right::Read)?;
    Ok(Json(playbook::all()))
}

/// A time.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Promise {
    pub at: String,
}

/// Sets the time of the next promised update. Operators. `If-Match` guards against changes meanwhile.
#[utoipa::path(post, path = "/incidents/{id}/promise", tag = "incidents", request_body = Promise, responses((status = 200, body = IncidentView)))]
pub async fn promise(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(new): Body<Promise>,
) -> Answer<Response> {
    let view = incidents::promise(&web.app, &by, &id, if_match(&headers)?, &new.at).await?;
    Ok(with_etag(StatusCode::OK, view.version, &view))
}

/// Resolves an incident; its freeze stays. Its updates and tips that are not out yet do not go out by
/// themselves any more: approved ones are held, the others are drafts again. Operators and approvers.
/// `If-Match` guards against changes meanwhile.
#[utoipa::path(post, path = "/incidents/{id}/resolve", tag = "incidents", request_body = Comment, responses((status = 200, body = Resolved)))]
pub async fn resolve(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(c): Body<Comment>,
) -> Answer<Response> {
    let done = incidents::resolve(&web.app, &by, &id, if_match(&headers)?, &c.comment).await?;
    Ok(with_etag(StatusCode::OK, done.incident.version, &done))
}
