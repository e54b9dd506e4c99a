//! The audit log.

use axum::Json;
use axum::body::Body as RawBody;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Web;
use super::auth::Who;
use super::errors::Answer;
use crate::app::audit::{self, CheckpointView, EntryView};

/// Which entries to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    pub actor: Option<String>,
    /// A verb or its beginning, such as `freeze.`.
    pub verb: Option<String>,
    /// Such as `post:ID`.
    pub subject: Option<String>,
    /// Only entries before this number: the list runs backwards.
    pub before: Option<i64>,
    pub limit: Option<i64>,
}

/// Lists entries, newest first. Auditors, approvers, administrators.
#[utoipa::path(get, path = "/audit", tag = "audit", params(Filter), responses((status = 200, body = [EntryView])))]
pub async fn list(
    State(web): State<Web>,
    Who(by): Who,
    Query(f): Query<Filter>,
) -> Answer<Json<Vec<EntryView>>> {
    let filter = audit::AuditFilter {
        actor: f.actor,
        verb: f.verb,
        subject: f.subject,
        before: f.before,
        limit: f.limit.unwrap_or(100),
        ..audit::AuditFilter::default()
    };
    Ok(Json(audit::list(&web.app, &by, &filter).await?))
}

/// The signed checkpoint of the log as it is now. Auditors, approvers, administrators.
#[utoipa::path(get, path = "/audit/checkpoint", tag = "audit", responses((status = 200, body = CheckpointView)))]
pub async fn checkpoint(State(web): State<Web>, Who(by): Who) -> Answer<Json<CheckpointView>> {
    Ok(Json(audit::checkpoint(&web.app, &by).await?))
}

/// How much to export.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// The size of the checkpoint that goes with the export.
    pub size: i64,
}

/// The leaves of the log as C2SP entry bundles, one after the other, up to a checkpoint's size.
/// Auditors, approvers, administrators.
#[utoipa::path(get, path = "/audit/entries", tag = "audit", params(Size), responses((status = 200, content_type = "application/octet-stream")))]
pub async fn export(State(web): State<Web>, Who(by): Who, Query(q): Query<Size>) -> Answer<Response> {
    let stream = audit::bundles(web.app, &by, q.size).await?;
    Ok(([("content-type", "application/octet-stream")], RawBody::from_stream(stream)).into_response())
}
