//! The housekeeping of a node that has to do with sending.

use std::time::Duration;

use holdline::app::{App, nodes};

/// Runs for as long as the process does.
pub async fn ticks(app: App) {
    loop {
        tokio::time::sleep(Duration::from_secs(15)).await;
        if let Ok(true) = nodes::take_turn(&app, "what silent nodes had in hand", 10_000).await {
            drop(nodes::take_over_silent(&app).await);
        }
    }
}
