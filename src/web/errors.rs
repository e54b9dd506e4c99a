//! Errors as `application/problem+json` (RFC 9457), in one table.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::{AppError, Problem};
use crate::domain::nul;

/// What handlers return.
pub type Answer<T> = Result<T, Failed>;

/// An error on its way out.
#[derive(Debug)]
pub struct Failed(pub AppError);

impl<E: Into<AppError>> From<E> for Failed {
    fn from(e: E) -> Self {
        Self(e.into())
    }
}

/// The body of an error (RFC 9457).
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct ProblemBody {
    pub title: &'static str,
    pub status: u16,
    pub detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Problem>,
}

/// The status of an error: the one table.
pub fn status(error: &AppError) -> StatusCode {
    match error {
        AppError::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        AppError::NotFound { .. } => StatusCode::NOT_FOUND,
        AppError::Unauthorized(_) => StatusCode::UNAUTHORIZED,
        AppError::Forbidden(_) => StatusCode::FORBIDDEN,
        AppError::Conflict(_) | AppError::Replaced => StatusCode::CONFLICT,
        AppError::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        AppError::Full(_) => StatusCode::SERVICE_UNAVAILABLE,
        AppError::Stale { .. } => StatusCode::PRECONDITION_FAILED,
        AppError::Internal(_) | AppError::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The cause of what is our fault goes to the log, never to the caller.
pub fn log(error: &AppError) {
    match error {
        AppError::Internal(cause) => tracing::error!(cause, "internal error"),
        AppError::Store(cause) => tracing::error!(%cause, "the database refused"),
        _ => {}
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let status = status(&self.0);
        log(&self.0);
        let again = matches!(self.0, AppError::Full(_));
        let title = match &self.0 {
            AppError::Invalid(_) => "Invalid input",
            AppError::NotFound { .. } => "Not found",
            AppError::Unauthorized(_) => "Not signed in",
            AppError::Forbidden(_) => "Not allowed",
            AppError::Conflict(_) | AppError::Replaced => "Not possible now",
            AppError::TooLarge(_) => "Too large",
            AppError::Full(_) => "No room now",
            AppError::Stale { .. } => "Changed meanwhile",
            AppError::Internal(_) | AppError::Store(_) => "Internal error",
        };
        let detail = self.0.to_string();
        let errors = if let AppError::Invalid(errors) = self.0 { errors } else { Vec::new() };
        let mut response = problem(status, &ProblemBody { title, status: status.as_u16(), detail, errors });
        if again {
            response.headers_mut().insert("retry-after", axum::http::HeaderValue::from_static(AGAIN));
        }
        response
    }
}

/// After so many seconds there may be room again.
const AGAIN: &str = "60";

/// An answer of that media type.
pub fn problem(status: StatusCode, body: &ProblemBody) -> Response {
    let mut response = (status, Json(body)).into_response();
    response
        .headers_mut()
        .insert("content-type", axum::http::HeaderValue::from_static("application/problem+json"));
    response
}

/// Errors that no handler wrote: a query that cannot be read, a method that is not there, a body that
/// is too large.
pub async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let ours = kind.starts_with("application/") || !(status.is_client_error() || status.is_server_error());
    if ours {
        return response;
    }
    let bytes = axum::body::to_bytes(response.into_body(), 4_096).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&bytes).trim().to_owned();
    let detail = match status {
        StatusCode::METHOD_NOT_ALLOWED => "use one of the methods that the header Allow names".into(),
        StatusCode::PAYLOAD_TOO_LARGE => TOO_LARGE.to_owned(),
        _ if said.is_empty() => status.canonical_reason().unwrap_or("refused").to_lowercase(),
        _ => said,
    };
    let title = status.canonical_reason().unwrap_or("Refused");
    let body = ProblemBody { title, status: status.as_u16(), detail, errors: Vec::new() };
    problem(status, &body)
}

/// The limits of bodies, in words.
pub const TOO_LARGE: &str = "the body is too large: JSON has at most 1 MiB, a network's report at most 3 MiB, a picture at most 5 MiB; posts/import has no limit";

/// No such route.
pub async fn nothing_here() -> Response {
    Failed(AppError::not_found("page or route", "at this address")).into_response()
}

/// The longest time for a body to arrive.
const ARRIVES: Duration = Duration::from_secs(30);

/// A JSON body. What cannot be read is a 422 that names the place.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failed;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failed> {
        read(&arrived(request, state).await?).map(Self)
    }
}

fn refused(why: String) -> Failed {
    Failed(AppError::field("body", why))
}

/// The bytes of a JSON body.
pub(super) async fn arrived<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Failed> {
    let kind = request.headers().get("content-type").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if kind != "application/json" && !(kind.starts_with("application/") && kind.ends_with("+json")) {
        return Err(refused("send JSON with the header content-type: application/json".into()));
    }
    body_within(ARRIVES, request, state).await
}

/// The bytes of a body that arrives within that time.
pub(super) async fn body_within<S: Send + Sync>(
    longest: Duration,
    request: Request,
    state: &S,
) -> Result<Bytes, Failed> {
    match tokio::time::timeout(longest, Bytes::from_request(request, state)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(e)) if e.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(Failed(AppError::TooLarge(TOO_LARGE.into())))
        }
        Ok(Err(e)) => Err(refused(e.body_text())),
        Err(_) => Err(refused("did not arrive in time; send it again".into())),
    }
}

/// Reads a JSON body.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failed> {
    if nul::in_json(bytes) {
        return Err(refused(nul::WORDS.into()));
    }
    let Json(value) = Json::<T>::from_bytes(bytes).map_err(|e| refused(e.body_text()))?;
    Ok(value)
}

/// An address with a character that no database keeps is told so before anything is looked up.
pub async fn no_nul(request: Request, next: Next) -> Response {
    if nul::in_address(&request.uri().to_string()) {
        return Failed(AppError::field("address", nul::WORDS)).into_response();
    }
    next.run(request).await
}
