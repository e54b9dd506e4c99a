//! Repeated POSTs with the same `Idempotency-Key` get the first answer again.
//!
//! The work of a change goes on when the caller is gone: who lost the connection asks again with
//! the same key and reads what was answered.

use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;
use sha2::{Digest, Sha256};

use super::errors::{Failed, TOO_LARGE};
use super::{Web, auth, sizes};
use crate::app::repeats::{self, Known};
use crate::app::{AppError, people};

/// Most bytes of an answer that is kept.
const ANSWER_LIMIT: usize = 16 << 20;

/// Answers that hold a new token are never kept.
fn holds_a_token(path: &str) -> bool {
    ["/me/console", "/people", "/invitation", "/v1/join", "/tokens", "/setup", "/oauth/starts"]
        .iter()
        .any(|end| path.ends_with(end))
}

/// Wraps every route of the API.
pub async fn middleware(State(web): State<Web>, request: Request, next: Next) -> Response {
    let kept = request.method() == Method::POST && !holds_a_token(request.uri().path());
    match request.headers().get("idempotency-key").filter(|_| kept).map(|k| k.to_str().map(str::to_owned)) {
        Some(Ok(key)) => once(web, key, request, next).await.unwrap_or_else(IntoResponse::into_response),
        Some(Err(_)) => Failed(repeats::wrong_key()).into_response(),
        _ if request.method().is_safe() => next.run(request).await,
        _ => match tokio::spawn(next.run(request)).await {
            Ok(response) => response,
            Err(e) => Failed(AppError::Internal(e.to_string())).into_response(),
        },
    }
}

async fn once(web: Web, key: String, request: Request, next: Next) -> Result<Response, Failed> {
    let (parts, body) = request.into_parts();
    let token = auth::bearer(&parts.headers).unwrap_or_default();
    let who = people::authenticate(&web.app, token, &auth::origin(&parts)).await?;
    let job = Job { web, key, person: who.id };
    // Bodies of any length are hashed as they pass; the others are read first.
    let Some(limit) = sizes::limit(parts.uri.path()) else {
        return job.streamed(parts, body, next).await;
    };
    let too_long = |_| AppError::TooLarge(TOO_LARGE.into());
    let bytes = to_bytes(body, limit).await.map_err(too_long)?;
    let mut hash = beginning(&parts);
    hash.update(&bytes);
    let hash = hex::encode(hash.finalize());
    match repeats::take(&job.web.app, &job.person, &job.key, Some(&hash)).await? {
        Known::Answered { status, body, .. } => Ok(replayed(status, body)),
        Known::New => job.run(Request::from_parts(parts, Body::from(bytes)), next, move || Some(hash)).await,
    }
}

/// One request with a key.
struct Job {
    web: Web,
    key: String,
    person: String,
}

/// The hash of a body as it passes, and whether it passed to its end.
type Passing = Arc<Mutex<(Sha256, bool)>>;

impl Job {
    /// A body of any length: what it was is known only after the work.
    async fn streamed(self, parts: Parts, body: Body, next: Next) -> Result<Response, Failed> {
        let passing: Passing = Arc::new(Mutex::new((beginning(&parts), false)));
        match repeats::take(&self.web.app, &self.person, &self.key, None).await? {
            Known::New => {
                let body = watched(body, Arc::clone(&passing));
                let hash = move || end(&passing);
                self.run(Request::from_parts(parts, body), next, hash).await
            }
            Known::Answered { status, body: kept, request_hash } => {
                let mut rest = watched(body, Arc::clone(&passing)).into_data_stream();
                while let Some(Ok(_)) = rest.next().await {}
                if end(&passing) == Some(request_hash) {
                    return Ok(replayed(status, kept));
                }
                Err(repeats::other_request().into())
            }
        }
    }

    /// Does the work in a task of its own and keeps the answer, or gives the key back.
    async fn run(
        self,
        request: Request,
        next: Next,
        hash: impl FnOnce() -> Option<String> + Send + 'static,
    ) -> Result<Response, Failed> {
        let Self { web, key, person } = self;
        let work = tokio::spawn(async move {
            let answered = tokio::spawn(next.run(request)).await;
            let Ok(response) = answered else {
                // The work panicked: nobody knows what it did, but the key must not be stuck.
                repeats::finish(&web.app, &person, &key, None, 500, "").await?;
                return Err(AppError::Internal("the request's work ended early".into()).into());
            };
            let (parts, body) = response.into_parts();
            let cut = |e: axum::Error| AppError::Internal(e.to_string());
            let bytes = to_bytes(body, ANSWER_LIMIT).await.map_err(cut)?;
            let text = String::from_utf8_lossy(&bytes);
            let hash = hash();
            // Refused, and the body did not pass to its end: nothing of it was used.
            let nothing = hash.is_none() && parts.status.is_client_error();
            let status = if nothing { 500 } else { parts.status.as_u16() };
            repeats::finish(&web.app, &person, &key, hash.as_deref(), status, &text).await?;
            Ok(Response::from_parts(parts, Body::from(bytes)))
        });
        work.await.map_err(|e| AppError::Internal(e.to_string()))?
    }
}

/// The hash of a request begins with its address.
fn beginning(parts: &Parts) -> Sha256 {
    let mut hash = Sha256::new();
    hash.update(parts.uri.to_string().as_bytes());
    hash.update([0]);
    hash
}

/// The body, hashed as it passes.
fn watched(body: Body, passing: Passing) -> Body {
    let seen = Arc::clone(&passing);
    let stream = body.into_data_stream().inspect(move |chunk| {
        if let Ok(bytes) = chunk {
            lock(&seen).0.update(bytes);
        }
    });
    let end = futures::stream::poll_fn(move |_| {
        lock(&passing).1 = true;
        std::task::Poll::Ready(None::<Result<Bytes, axum::Error>>)
    });
    Body::from_stream(stream.chain(end))
}

/// The hash, when the body passed to its end.
fn end(passing: &Passing) -> Option<String> {
    let passing = lock(passing);
    passing.1.then(|| hex::encode(passing.0.clone().finalize()))
}

fn lock(passing: &Passing) -> std::sync::MutexGuard<'_, (Sha256, bool)> {
    passing.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What has a version has it in its body too.
#[derive(serde::Deserialize)]
struct Versioned {
    version: i64,
}

fn replayed(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let problem = !status.is_success() && body.starts_with("{\"title\":");
    let kind = if problem { "application/problem+json" } else { "application/json" };
    let version = serde_json::from_str::<Versioned>(&body).ok().map(|v| format!("\"{}\"", v.version));
    let mut response = (status, body).into_response();
    if let Some(etag) = version.and_then(|v| v.parse().ok()) {
        response.headers_mut().insert("etag", etag);
    }
    response.headers_mut().insert("content-type", HeaderValue::from_static(kind));
    response.headers_mut().insert("idempotency-replayed", HeaderValue::from_static("true"));
    response
}
