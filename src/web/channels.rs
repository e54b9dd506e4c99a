//! Channels.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::Web;
use super::auth::Who;
use super::errors::{Answer, Body};
use super::posts::{if_match, with_etag};
use crate::app::board::{self, ReadinessView};
use crate::app::channels::{self, ChannelEdit, ChannelView, NewChannel, Tested};
use crate::domain::role::Right;

/// What an adapter needs and can do.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct AdapterView {
    pub name: &'static str,
    pub title: &'static str,
    #[schema(value_type = Vec<Object>)]
    pub settings: &'static [::channels::Setting],
    #[schema(value_type = Object)]
    pub capabilities: ::channels::Capabilities,
    #[schema(value_type = Object)]
    pub limits: ::channels::Limits,
}

/// Lists the adapters.
#[utoipa::path(get, path = "/adapters", tag = "channels", responses((status = 200, body = [AdapterView])))]
pub async fn adapters(Who(by): Who) -> Answer<Json<Vec<AdapterView>>> {
    by.need(Right::Read)?;
    let view = |a: &::channels::Adapter| AdapterView {
        name: a.name,
        title: a.title,
        settings: a.settings,
        capabilities: a.capabilities,
        limits: a.limits,
    };
    Ok(Json(::channels::ALL.iter().map(view).collect()))
}

/// Lists channels.
#[utoipa::path(get, path = "/channels", tag = "channels", responses((status = 200, body = [ChannelView])))]
pub async fn list(State(web): State<Web>, Who(by): Who) -> Answer<Json<Vec<ChannelView>>> {
    Ok(Json(channels::list(&web.app, &by).await?))
}

/// Connects a channel. Administrators.
#[utoipa::path(post, path = "/channels", tag = "channels", request_body = NewChannel, responses((status = 201, body = ChannelView)))]
pub async fn create(State(web): State<Web>, Who(by): Who, Body(new): Body<NewChannel>) -> Answer<Response> {
    Ok(shown(StatusCode::CREATED, &channels::create(&web.app, &by, new).await?))
}

fn shown(status: StatusCode, view: &ChannelView) -> Response {
    with_etag(status, view.version, view)
}

/// One channel.
#[utoipa::path(get, path = "/channels/{id}", tag = "channels", responses((status = 200, body = ChannelView)))]
pub async fn get(State(web): State<Web>, Who(by): Who, Path(id): Path<String>) -> Answer<Response> {
    Ok(shown(StatusCode::OK, &channels::get(&web.app, &by, &id).await?))
}

/// Changes a channel. Other settings need the credential again, and do not change under a send that is
/// under way or in doubt. Administrators. `If-Match` guards against changes meanwhile.
#[utoipa::path(patch, path = "/channels/{id}", tag = "channels", request_body = ChannelEdit, responses((status = 200, body = ChannelView)))]
pub async fn edit(
    State(web): State<Web>,
    Who(by): Who,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(edit): Body<ChannelEdit>,
) -> Answer<Response> {
    let view = channels::edit(&web.app, &by, &id, if_match(&headers)?, edit).await?;
    Ok(shown(StatusCode::OK, &view))
}

/// Asks the network whether a post would be accepted now, and says how ready the channel is by all that is known.
/// Operators, approvers, administrators.
#[utoipa::path(post, path = "/channels/{id}/test", tag = "channels", responses((status = 200, body = Tested)))]
pub async fn test(State(web): State<Web>, Who(by): Who, Path(id): Path<String>) -> Answer<Json<Tested>> {
    Ok(Json(channels::test(&web.app, &by, &id).await?))
}

/// How ready every channel is that is not disabled, as far as it is known now, the worst first. What nobody
/// knows is `unknown`, and never `ready`.
#[utoipa::path(get, path = "/readiness", tag = "channels", responses((status = 200, body = [ReadinessView])))]
pub async fn readiness(State(web): State<Web>, Who(by): Who) -> Answer<Json<Vec<ReadinessView>>> {
    Ok(Json(board::board(&web.app, &by).await?))
}
