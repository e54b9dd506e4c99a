//! `holdline ready`: the readiness board.

use serde_json::{Value, json};

use super::api::{Api, encode};
use super::call::Show;
use super::{End, table};

const READY: &[&str] = &[
    "name",
    "standing",
    "checked_at",
    "account",
    "expires_at",
    "posts_left",
    "calls_left",
    "posted_at",
    "clock_ahead",
];

/// Shows how ready every channel is. Partly done: one is not, or nobody knows.
pub(super) async fn run(api: &Api, show: Show<'_>, as_json: bool) -> anyhow::Result<End> {
    let board = api.get("/readiness").await?;
    show(&board, READY);
    let rows = board.as_array().map(Vec::as_slice).unwrap_or_default();
    for row in rows.iter().filter(|_| !as_json) {
        remarks(&format!("{}: ", word(row, "name")), row);
    }
    Ok(End::all(rows.iter().all(is_ready)))
}

/// Asks the network, and shows whether a post would be accepted now.
pub(super) async fn tested(api: &Api, show: Show<'_>, as_json: bool, id: &str) -> anyhow::Result<End> {
    let health = api.post(&format!("/channels/{}/test", encode(id)), &json!({})).await?;
    show(&health, &["standing", "detail"]);
    if !as_json {
        remarks("", &health);
    }
    Ok(End::all(is_ready(&health)))
}

/// Whether a post would go, as far as it is known.
pub(super) fn is_ready(channel: &Value) -> bool {
    matches!(word(channel, "standing"), "ready" | "attention")
}

/// What is to know of a channel, one line each.
pub(super) fn remarks(before: &str, channel: &Value) {
    for remark in channel["remarks"].as_array().into_iter().flatten() {
        table::line(&format!("{before}{}", word(remark, "words")));
    }
}

/// Before a decision: one line for each channel, with the worst that is known of it.
pub(super) fn lines(readiness: &Value) {
    for channel in readiness.as_array().into_iter().flatten() {
        let worst = &channel["remarks"][0];
        let why = if worst.is_null() { String::new() } else { format!(": {}", word(worst, "words")) };
        let standing = word(channel, "standing").replace('_', " ");
        table::line(&format!("--- {}: {standing}{why}", word(channel, "name")));
    }
}

fn word<'a>(of: &'a Value, field: &str) -> &'a str {
    of[field].as_str().unwrap_or_default()
}
