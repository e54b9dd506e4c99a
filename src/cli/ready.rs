//! `holdline ready`: the readiness board.

use serde_json::Value;

use super::api::Api;
use super::call::Show;
use super::{End, table};

const READY: &[&str] =
    &["name", "standing", "checked_at", "account", "expires_at", "posts_left", "posted_at", "clock_ahead"];

/// Shows how ready every channel is. Partly done: one is not, or nobody knows.
pub(super) async fn run(api: &Api, show: Show<'_>, as_json: bool) -> anyhow::Result<End> {
    let board = api.get("/readiness").await?;
    show(&board, READY);
    let rows = board.as_array().map(Vec::as_slice).unwrap_or_default();
    for row in rows.iter().filter(|_| !as_json) {
        for remark in row["remarks"].as_array().into_iter().flatten() {
            let words = |of: &Value, field: &str| of[field].as_str().unwrap_or_default().to_owned();
            table::line(&format!("{}: {}", words(row, "name"), words(remark, "words")));
        }
    }
    let good = |row: &Value| matches!(row["standing"].as_str(), Some("ready" | "attention"));
    Ok(End::all(rows.iter().all(good)))
}
