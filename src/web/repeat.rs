//! Repeated POSTs with the same `Idempotency-Key` get the first answer again.

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::errors::Failed;
use super::{JSON_LIMIT, Web, auth};
use crate::app::repeats::{self, Known};
use crate::app::{AppError, people};

/// Answers that hold a new token are never kept.
fn holds_a_token(path: &str) -> bool {
    path.ends_with("/people") || path.ends_with("/tokens") || path.ends_with("/setup")
}

/// Bodies that are too long to be kept are not compared: for these the key alone says that it is the
/// same request.
fn is_long(path: &str) -> bool {
    path.ends_with("/posts/import") || path.ends_with("/media")
}

/// Wraps every route of the API.
pub async fn middleware(State(web): State<Web>, request: Request, next: Next) -> Response {
    let key = request.headers().get("idempotency-key").and_then(|k| k.to_str().ok()).map(str::to_owned);
    match key {
        Some(key) if request.method() == Method::POST && !holds_a_token(request.uri().path()) => {
            once(&web, &key, request, next).await.unwrap_or_else(IntoResponse::into_response)
        }
        _ => next.run(request).await,
    }
}

async fn once(web: &Web, key: &str, request: Request, next: Next) -> Result<Response, Failed> {
    let (parts, body) = request.into_parts();
    let token = auth::bearer(&parts.headers).unwrap_or_default();
    let who = people::authenticate(&web.app, token, &auth::origin(&parts)).await?;
    let mut hashed = parts.uri.to_string().into_bytes();
    let body = if is_long(parts.uri.path()) {
        body
    } else {
        let too_long = |_| AppError::field("body", format!("is longer than {JSON_LIMIT} bytes"));
        let bytes = to_bytes(body, JSON_LIMIT).await.map_err(too_long)?;
        hashed.push(0);
        hashed.extend_from_slice(&bytes);
        Body::from(bytes)
    };
    match repeats::take(&web.app, &who.id, key, &::channels::hash(&hashed)).await? {
        Known::Answered { status, body } => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            let mut response = (status, body).into_response();
            let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
            response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
            response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
            Ok(response)
        }
        Known::New => {
            let response = next.run(Request::from_parts(parts, body)).await;
            let (parts, body) = response.into_parts();
            let cut = |e: axum::Error| AppError::Internal(e.to_string());
            let bytes = to_bytes(body, 16 << 20).await.map_err(cut)?;
            let text = String::from_utf8_lossy(&bytes);
            repeats::finish(&web.app, &who.id, key, parts.status.as_u16(), &text).await?;
            Ok(Response::from_parts(parts, Body::from(bytes)))
        }
    }
}
