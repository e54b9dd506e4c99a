//! Freezes, the gate and the nodes.

use axum::Json;
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::Web;
use super::approvals::Comment;
use super::auth::Who;
use super::errors::{self, Answer, Body, Failed};
use crate::app::freezes::{self, FreezeView, NewFreeze, Preview};
use crate::app::nodes::{self, GateView};
use crate::domain::freeze::Scope;
use crate::domain::nul;
use crate::domain::role::Right;

/// Which ones to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct OpenOnly {
    /// Only those in force.
    #[serde(default)]
    pub open: bool,
}

/// Lists freezes, newest first. `in_flight` is empty here: ask for one freeze by its id.
#[utoipa::path(get, path = "/freezes", tag = "freezes", params(OpenOnly), responses((status = 200, body = [FreezeView])))]
pub async fn list(
    State(web): State<Web>,
    Who(by): Who,
    Query(q): Query<OpenOnly>,
) -> Answer<Json<Vec<FreezeView>>> {
    Ok(Json(freezes::list(&web.app, &by, q.open).await?))
}

/// An order to freeze. It is not refused because its reason holds the character that no database keeps.
pub struct Order(NewFreeze);

impl<S: Send + Sync> FromRequest<S> for Order {
    type Rejection = Failed;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failed> {
        let bytes = errors::arrived(request, state).await?;
        if nul::in_json(&bytes)
            && let Ok(mut order) = serde_json::from_slice::<Value>(&bytes)
            && let Some(Value::String(reason)) = order.get_mut("reason")
        {
            *reason = nul::replaced(reason);
            return errors::read(order.to_string().as_bytes()).map(Self);
        }
        errors::read(&bytes).map(Self)
    }
}

/// Freezes: the answer says committed and sealed with their times, or names the nodes that are
/// missing. A reason that is too long is cut, not refused.
/// Operators, approvers, administrators, integrators; `crisis_too` is not for integrators.
#[utoipa::path(post, path = "/freezes", tag = "freezes", request_body = NewFreeze, responses((status = 201, body = FreezeView)))]
pub async fn create(
    State(web): State<Web>,
    Who(by): Who,
    Order(new): Order,
) -> Answer<(StatusCode, Json<FreezeView>)> {
    Ok((StatusCode::CREATED, Json(freezes::create(&web.app, &by, &new).await?)))
}

/// One freeze.
#[utoipa::path(get, path = "/freezes/{id}", tag = "freezes", responses((status = 200, body = FreezeView)))]
pub async fn get(State(web): State<Web>, Who(by): Who, Path(id): Path<String>) -> Answer<Json<FreezeView>> {
    by.need(Right::Read)?;
    Ok(Json(freezes::get(&web.app, &id).await?))
}

/// Counts what a scope would hold.
#[utoipa::path(post, path = "/freezes/preview", tag = "freezes", request_body = Scope, responses((status = 200, body = Preview)))]
pub async fn preview(
    State(web): State<Web>,
    Who(by): Who,
    Body(scope): Body<Scope>,
) -> Answer<Json<Preview>> {
    Ok(Json(freezes::preview(&web.app, &by, &scope).await?))
}

/// Lifts a freeze; nothing is sent by it. Operators and approvers.
#[utoipa::path(post, path = "/freezes/{id}/thaw", tag = "freezes", request_body = Comment, responses((status = 200, body = FreezeView)))]
pub async fn thaw(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    Body(c): Body<Comment>,
) -> Answer<Json<FreezeView>> {
    Ok(Json(freezes::thaw(&web.app, &by, &id, &c.comment).await?))
}

/// The epoch in force and the nodes.
#[utoipa::path(get, path = "/gate", tag = "gate", responses((status = 200, body = GateView)))]
pub async fn gate(State(web): State<Web>, Who(by): Who) -> Answer<Json<GateView>> {
    Ok(Json(nodes::status(&web.app, &by).await?))
}

/// Confirms, after a restore or a failover, that this database is the one to go on with. What is due
/// is held for a person: it may have gone out already.
/// Administrators.
#[utoipa::path(post, path = "/gate/confirm", tag = "gate", request_body = Comment, responses((status = 200, body = nodes::Confirmed)))]
pub async fn confirm(
    State(web): State<Web>,
    Who(by): Who,
    Body(c): Body<Comment>,
) -> Answer<Json<nodes::Confirmed>> {
    Ok(Json(nodes::confirm(&web.app, &by, &c.comment).await?))
}

/// Takes a node that is stopped for good off the list. Administrators. What it may have under way is in
/// doubt three minutes after its last word.
#[utoipa::path(delete, path = "/nodes/{id}", tag = "gate", responses((status = 204)))]
pub async fn forget(State(web): State<Web>, Who(by): Who, Path(id): Path<String>) -> Answer<StatusCode> {
    nodes::forget(&web.app, &by, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
