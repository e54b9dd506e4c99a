//! Bodies that are too large are refused by their announced length, and read for a while: whoever is
//! still sending when a connection closes sees it break and never hears why.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::StreamExt;

use super::JSON_LIMIT;
use super::errors::{Failed, TOO_LARGE};
use super::reports;
use crate::app::AppError;
use crate::app::media::MAX_BYTES;

/// How much of a refused body is read, and for how long.
const READ: usize = 16 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

/// Most bytes of a body, by the path; nothing: it is read as a stream, without a limit.
pub fn limit(path: &str) -> Option<usize> {
    if path.ends_with("/posts/import") {
        return None;
    }
    Some(match path {
        _ if path.ends_with("/media") => MAX_BYTES + 1,
        _ if path.starts_with("/api/v1/reports/") => reports::MOST_BYTES,
        _ => JSON_LIMIT,
    })
}

/// Refuses what announces more than its route takes.
pub async fn refuse_large(request: Request, next: Next) -> Response {
    let announced =
        request.headers().get("content-length").and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    let too_large = limit(request.uri().path()).zip(announced).is_some_and(|(most, length)| length > most);
    if !too_large {
        return next.run(request).await;
    }
    // Who waits to be asked for the body has sent nothing yet.
    if !request.headers().contains_key("expect") {
        let mut body = request.into_body().into_data_stream();
        let reading = async {
            let mut left = READ;
            while let Some(Ok(chunk)) = body.next().await {
                left = left.saturating_sub(chunk.len());
                if left == 0 {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(PATIENCE, reading).await;
    }
    Failed(AppError::TooLarge(TOO_LARGE.into())).into_response()
}
