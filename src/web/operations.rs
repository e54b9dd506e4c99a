//! What operations need: alive, ready, measured. Anybody on the network may ask.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::Web;
use crate::app::nodes;

/// The process runs.
pub async fn livez() -> &'static str {
    "alive\n"
}

/// The database answers and the gate of this node is open.
pub async fn readyz(State(web): State<Web>) -> Response {
    match nodes::ready(&web.app).await {
        Ok(Ok(words)) => format!("{words}\n").into_response(),
        Ok(Err(why)) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
        Err(e) => {
            tracing::error!(error = %e, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response()
        }
    }
}

/// Measurements in the Prometheus text format.
pub async fn metrics(State(web): State<Web>) -> Response {
    web.metrics.run_upkeep();
    ([("content-type", "text/plain; version=0.0.4")], web.metrics.render()).into_response()
}
