//! What was scheduled inside networks and is held: what the command line takes, and how it runs.

use clap::Subcommand;
use serde_json::{Value, json};

use super::api::{Api, encode, query};
use super::call::{Show, nothing_left};
use super::{End, table};

const SWEPT: &[&str] = &["id", "channel_name", "state", "due", "words", "restore_at", "held_until", "reason"];

#[derive(Debug, Subcommand)]
pub enum Swept {
    /// What can still change, the most urgent first.
    List {
        /// held, found, holding, could_not, restoring or dropping.
        #[arg(long)]
        state: Option<String>,
    },
    /// One post with everything that was kept of it, as JSON.
    Show { id: String },
    /// Decide about held posts by id. Carried out afterwards; see the list.
    Review {
        /// restore or drop.
        choice: String,
        #[arg(required = true)]
        posts: Vec<String>,
        /// The new time, for restore; at least ten minutes ahead.
        #[arg(long)]
        at: Option<String>,
        #[arg(long)]
        zone: Option<String>,
        #[arg(long, default_value_t = 0)]
        spread_minutes: u32,
    },
}

/// Runs one of them.
pub async fn run(api: &Api, show: Show<'_>, command: Swept) -> anyhow::Result<End> {
    match command {
        Swept::List { state } => {
            show(&api.get(&query("/swept?".to_owned(), [("state", state)])).await?, SWEPT);
            Ok(End::Done)
        }
        Swept::Show { id } => {
            let whole = api.get(&format!("/swept/{}", encode(&id))).await?;
            table::line(&serde_json::to_string_pretty(&whole)?);
            Ok(End::Done)
        }
        Swept::Review { choice, posts, at, zone, spread_minutes } => {
            let body = json!({"choice": choice, "posts": posts, "at": at, "zone": zone,
                "spread_minutes": spread_minutes});
            let value = api.post("/swept/review", &body).await?;
            show(&value, &["changed", "left"]);
            Ok(End::all(nothing_left(&value)))
        }
    }
}

/// Shows what a freeze holds inside networks.
pub fn under(freeze: &Value, as_json: bool) {
    if as_json {
        return;
    }
    let sweep = &freeze["sweep"];
    for name in ["note", "left_out"] {
        if let Some(words) = sweep[name].as_str() {
            table::line(words);
        }
    }
    let some = |name: &str| sweep[name].as_array().is_some_and(|list| !list.is_empty());
    if some("channels") {
        let columns = &["channel_name", "looked_at", "listed", "problem", "unseen", "again_at"];
        table::value(&sweep["channels"], false, columns);
    }
    if some("posts") {
        table::value(&sweep["posts"], false, SWEPT);
    }
}
