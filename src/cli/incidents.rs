//! Incidents: what the command line takes, and how it runs.

use clap::Subcommand;
use serde_json::json;

use super::api::Api;
use super::call::{Show, frozen, is_sealed};
use super::verbs::ScopeArgs;
use super::{End, table};

const INCIDENT: &[&str] = &["id", "title", "severity", "state", "next_promise", "overdue_since", "url"];

#[derive(Debug, Subcommand)]
pub enum Incidents {
    List {
        #[arg(long)]
        open: bool,
    },
    Show {
        id: String,
    },
    /// Open an incident; it freezes in the same call.
    Open {
        #[arg(long)]
        title: String,
        #[arg(long, default_value = "major")]
        severity: String,
        /// An exercise: it reaches and freezes drill channels only.
        #[arg(long)]
        drill: bool,
        #[arg(long)]
        no_freeze: bool,
        /// A freeze in force that becomes this incident's; see `freezes list --open`. None is made then.
        #[arg(long, conflicts_with = "no_freeze")]
        adopt: Option<String>,
        /// With `--adopt`: freezes everything else too, or what the scope says.
        #[arg(long, requires = "adopt")]
        freeze_too: bool,
        #[arg(long)]
        promise: Option<String>,
        /// The key of a prepared plan; see `playbooks`.
        #[arg(long)]
        playbook: Option<String>,
        /// The signal that it is opened from; see `signals list`.
        #[arg(long)]
        signal: Option<String>,
        #[command(flatten)]
        scope: Box<ScopeArgs>,
    },
    /// Promise the next update.
    Promise {
        id: String,
        at: String,
    },
    Resolve {
        id: String,
        #[arg(long, default_value = "")]
        comment: String,
    },
}

/// Runs one of them.
pub async fn run(api: &Api, show: Show<'_>, as_json: bool, command: Incidents) -> anyhow::Result<End> {
    match command {
        Incidents::List { open } => show(&api.get(&format!("/incidents?open={open}")).await?, INCIDENT),
        Incidents::Show { id } => show(&api.get(&format!("/incidents/{id}")).await?, INCIDENT),
        Incidents::Open {
            title,
            severity,
            drill,
            no_freeze,
            adopt,
            freeze_too,
            promise,
            playbook,
            signal,
            scope,
        } => {
            let body = json!({"title": title, "severity": severity, "drill": drill, "freeze": !no_freeze,
                "adopt": adopt, "freeze_too": freeze_too, "promise": promise, "playbook": playbook, "signal": signal, "scope": scope.json()});
            let opened = api.post("/incidents", &body).await?;
            let freeze = &opened["freeze"];
            let sealed = freeze.is_null() || is_sealed(freeze);
            if as_json {
                show(&opened, &[]);
                return Ok(End::all(sealed));
            }
            show(&opened["incident"], &["id", "title", "severity", "url"]);
            if !freeze.is_null() {
                frozen(freeze, as_json);
            }
            return Ok(End::all(sealed));
        }
        Incidents::Promise { id, at } => {
            show(&api.post(&format!("/incidents/{id}/promise"), &json!({"at": at})).await?, INCIDENT);
        }
        Incidents::Resolve { id, comment } => {
            let done = api.post(&format!("/incidents/{id}/resolve"), &json!({"comment": comment})).await?;
            if as_json {
                show(&done, &[]);
                return Ok(End::Done);
            }
            show(&done["incident"], INCIDENT);
            table::line(&format!(
                "Its updates and tips that were not out: {} held, {} drafts again.",
                done["held"], done["drafts"]
            ));
        }
    }
    Ok(End::Done)
}
