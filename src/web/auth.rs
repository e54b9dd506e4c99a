//! Who calls: the bearer token of the request.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::request::Parts;

use super::Web;
use super::errors::Failed;
use crate::app::{Actor, AppError, people};

/// The person behind the request.
pub struct Who(pub Actor);

impl FromRequestParts<Web> for Who {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, web: &Web) -> Result<Self, Failed> {
        let token = bearer(&parts.headers)
            .ok_or_else(|| AppError::Unauthorized("send the header Authorization: Bearer TOKEN".into()))?;
        Ok(Self(people::authenticate(&web.app, token, &origin(parts)).await?))
    }
}

/// The token of the request, if there is one.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ").map(str::trim)
}

/// From where the request came.
pub fn origin(parts: &Parts) -> String {
    let info = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    info.map_or_else(|| "unknown".to_owned(), |ConnectInfo(a)| a.ip().to_string())
}
