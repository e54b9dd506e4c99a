//! Held posts, doubts, retractions.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use serde::Deserialize;

use super::Web;
use super::approvals::Comment;
use super::auth::Who;
use super::errors::{Answer, Body};
use crate::app::AppError;
use crate::app::held::{self, Review, Reviewed, Settle, WaitingView};
use crate::app::held_set::{self, HeldPreview};
use crate::app::take_downs::{self, TakenDown};
use crate::domain::Word;
use crate::domain::delivery::State as Delivered;

/// Which ones to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// `held` (default), `in_doubt`, `failed` or `expired`.
    pub state: Option<String>,
    pub label: Option<String>,
    /// The last delivery of the page before.
    pub after: Option<String>,
    pub limit: Option<i64>,
}

/// Lists what waits for a person.
#[utoipa::path(get, path = "/held", tag = "held", params(Filter), responses((status = 200, body = [WaitingView])))]
pub async fn list(
    State(web): State<Web>,
    Who(by): Who,
    Query(f): Query<Filter>,
) -> Answer<Json<Vec<WaitingView>>> {
    let state = f.state.as_deref().unwrap_or("held");
    let state = Delivered::parse(state).map_err(|e| AppError::field("state", e))?;
    let after = f.after.unwrap_or_default();
    Ok(Json(held::list(&web.app, &by, state, f.label.as_deref(), &after, f.limit.unwrap_or(100)).await?))
}

/// What a decision about a label is about.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Labelled {
    pub label: String,
}

/// Shows what is held with a label, and the hash to decide about exactly that with.
#[utoipa::path(get, path = "/held/review", tag = "held", params(Labelled), responses((status = 200, body = HeldPreview)))]
pub async fn preview(
    State(web): State<Web>,
    Who(by): Who,
    Query(asked): Query<Labelled>,
) -> Answer<Json<HeldPreview>> {
    Ok(Json(held_set::preview(&web.app, &by, &asked.label).await?))
}

/// Decides about held, failed or expired deliveries: by their ids, or by a label. With the `hash` that
/// was read with the label, nothing is decided when others are held by now (409). One whose approval has lapsed is left, until an
/// approver has approved its post again. Operators and approvers.
#[utoipa::path(post, path = "/held/review", tag = "held", request_body = Review, responses((status = 200, body = Reviewed)))]
pub async fn review(State(web): State<Web>, Who(by): Who, Body(new): Body<Review>) -> Answer<Json<Reviewed>> {
    Ok(Json(held::review(&web.app, &by, &new).await?))
}

/// Settles a delivery in doubt, or one that has only started (`started_only`), by a person's word; or one that was asked to be
/// taken down, is still live, and was taken down by hand (`taken_down`). Operators and approvers.
#[utoipa::path(post, path = "/deliveries/{id}/settle", tag = "held", request_body = Settle, responses((status = 204)))]
pub async fn settle(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(new): Body<Settle>,
) -> Answer<StatusCode> {
    held::settle(&web.app, &by, &id, &new).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes an accepted post down, where the network can; otherwise says why it is still live.
/// Operators and approvers.
#[utoipa::path(post, path = "/deliveries/{id}/retract", tag = "held", request_body = Comment, responses((status = 200, body = Object)))]
pub async fn retract(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(c): Body<Comment>,
) -> Answer<Json<::channels::Retraction>> {
    Ok(Json(held::retract(&web.app, &by, &id, &c.comment).await?))
}

/// Takes every copy of a post down that is out, where its network can, with the reason for each that is still
/// live. Operators and approvers.
#[utoipa::path(post, path = "/posts/{id}/retract", tag = "held", request_body = Comment, responses((status = 200, body = [TakenDown])))]
pub async fn retract_post(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(c): Body<Comment>,
) -> Answer<Json<Vec<TakenDown>>> {
    Ok(Json(take_downs::all(&web.app, &by, &id, &c.comment).await?))
}
