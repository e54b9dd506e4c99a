//! Signals of monitoring systems: what the command line takes, and how it runs.

use clap::Subcommand;
use serde_json::json;

use super::End;
use super::api::{Api, encode};
use super::call::Show;

const SIGNAL: &[&str] = &["id", "source", "title", "severity", "state", "first_seen_at", "times", "note"];

#[derive(Debug, Subcommand)]
pub enum Signals {
    /// The newest first.
    List {
        /// Only those that wait for a decision.
        #[arg(long)]
        waiting: bool,
    },
    /// Say that something is wrong, or over. It waits for a person and freezes nothing.
    Send {
        /// Which system says it.
        #[arg(long)]
        source: String,
        /// What it calls the thing; the same again with your token is counted.
        #[arg(long)]
        key: String,
        #[arg(long, required_unless_present = "resolved", default_value = "")]
        title: String,
        #[arg(long)]
        detail: Option<String>,
        /// Where the monitoring system shows it.
        #[arg(long)]
        url: Option<String>,
        /// minor, major or critical.
        #[arg(long)]
        severity: Option<String>,
        /// The key of a prepared plan; see `playbooks`.
        #[arg(long)]
        playbook: Option<String>,
        /// It is over.
        #[arg(long)]
        resolved: bool,
    },
    /// It belongs to an open incident, which becomes as bad as the signal says if that is worse.
    Join {
        id: String,
        /// The incident's id; see `incidents list --open`.
        #[arg(long)]
        incident: String,
        /// How often it had been said when you read it: refused when it says something else since.
        #[arg(long)]
        times: Option<i64>,
    },
    /// Nothing has to be done about it.
    Dismiss {
        id: String,
        #[arg(long)]
        note: String,
        /// How often it had been said when you read it: refused when it says something else since.
        #[arg(long)]
        times: Option<i64>,
    },
}

/// Runs one of them.
pub async fn run(api: &Api, show: Show<'_>, as_json: bool, command: Signals) -> anyhow::Result<End> {
    match command {
        Signals::List { waiting } => show(&api.get(&format!("/signals?waiting={waiting}")).await?, SIGNAL),
        Signals::Send { source, key, title, detail, url, severity, playbook, resolved } => {
            let body = json!({"source": source, "key": key, "title": title, "detail": detail, "url": url,
                "severity": severity, "playbook": playbook, "resolved": resolved});
            let done = api.post("/signals", &body).await?;
            if as_json || done["signals"].as_array().is_none_or(Vec::is_empty) {
                show(&done, &["added", "counted", "ended", "unknown", "left"]);
            } else {
                show(&done["signals"], SIGNAL);
            }
        }
        Signals::Join { id, incident, times } => {
            let path = format!("/signals/{}/join", encode(&id));
            show(&api.post(&path, &json!({"incident": incident, "times": times})).await?, SIGNAL);
        }
        Signals::Dismiss { id, note, times } => {
            let path = format!("/signals/{}/dismiss", encode(&id));
            show(&api.post(&path, &json!({"note": note, "times": times})).await?, SIGNAL);
        }
    }
    Ok(End::Done)
}
