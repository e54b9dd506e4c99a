//! Approvals.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::Web;
use super::auth::Who;
use super::errors::{Answer, Body};
use crate::app::approvals::{self, ApprovalView, NewDecision, ReviewSheet};
use crate::app::bulk::{self, BulkApproval, BulkPreview, BulkResult};

/// What an approver reads: the exact renditions, and the bundle hash that a decision is bound to.
#[utoipa::path(get, path = "/posts/{id}/approval", tag = "approvals", responses((status = 200, body = ReviewSheet)))]
pub async fn sheet(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
) -> Answer<Json<ReviewSheet>> {
    Ok(Json(approvals::sheet(&web.app, &by, &id).await?))
}

/// Approves, rejects, or breaks the glass. A post whose approval has lapsed before all of it was out is
/// approved again in the same way; what is held is released after that. Approvers; breaking the glass also
/// operators.
#[utoipa::path(post, path = "/posts/{id}/approval", tag = "approvals", request_body = NewDecision, responses((status = 200, body = ReviewSheet)))]
pub async fn decide(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(new): Body<NewDecision>,
) -> Answer<Json<ReviewSheet>> {
    Ok(Json(approvals::decide(&web.app, &by, &id, &new).await?))
}

/// Which posts a bulk approval means.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Label {
    pub label: String,
}

/// What a bulk approval would approve: how many, the first of them with their texts, and a hash over all.
#[utoipa::path(get, path = "/approvals/bulk", tag = "approvals", params(Label), responses((status = 200, body = BulkPreview)))]
pub async fn preview(
    State(web): State<Web>,
    Who(by): Who,
    Query(q): Query<Label>,
) -> Answer<Json<BulkPreview>> {
    Ok(Json(bulk::preview(&web.app, &by, &q.label).await?))
}

/// Approves all submitted routine posts with a label, when they are still those of the preview whose
/// hash is given; otherwise none of them. Approvers.
#[utoipa::path(post, path = "/approvals/bulk", tag = "approvals", request_body = BulkApproval, responses((status = 200, body = BulkResult)))]
pub async fn approve_all(
    State(web): State<Web>,
    Who(by): Who,
    Body(new): Body<BulkApproval>,
) -> Answer<Json<BulkResult>> {
    Ok(Json(bulk::approve(&web.app, &by, &new).await?))
}

/// Broken glass that nobody has reviewed.
#[utoipa::path(get, path = "/approvals/owed", tag = "approvals", responses((status = 200, body = [ApprovalView])))]
pub async fn owed(State(web): State<Web>, Who(by): Who) -> Answer<Json<Vec<ApprovalView>>> {
    Ok(Json(approvals::reviews_owed(&web.app, &by).await?))
}

/// A comment.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Comment {
    #[serde(default)]
    pub comment: String,
}

/// Reviews a broken glass. Approvers other than the one who broke it.
#[utoipa::path(post, path = "/approvals/{id}/review", tag = "approvals", request_body = Comment, responses((status = 204)))]
pub async fn review(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(c): Body<Comment>,
) -> Answer<StatusCode> {
    approvals::review(&web.app, &by, &id, &c.comment).await?;
    Ok(StatusCode::NO_CONTENT)
}
