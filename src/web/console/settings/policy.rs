//! How many must approve what, and how long an approval holds.

use askama::Template;
use axum::extract::State;

use crate::app::policy;
use crate::domain::approval::Policy;
use crate::web::Web;
use crate::web::console::fields::Fields;
use crate::web::console::page::{Answer, go, show, show_again};
use crate::web::console::ui::{Trouble, Ui};
use crate::web::console::visit::{Posted, Visit};

/// The numbers of the policy.
const NAMES: [&str; 6] = ["routine", "minor", "major", "critical", "crisis_hours", "routine_days"];

#[derive(Template)]
#[template(path = "policy.html", config = "src/web/console/askama.toml")]
struct PolicyPage {
    ui: Ui,
    /// Name, key of its words, and what stands in its field.
    numbers: Vec<(&'static str, String, String)>,
    version: i64,
    trouble: Trouble,
}

/// `GET /console/settings/policy`.
pub async fn screen(State(web): State<Web>, visit: Visit) -> Answer {
    show(&page(&web, &visit, None, Trouble::default()).await?)
}

async fn page(
    web: &Web,
    visit: &Visit,
    typed: Option<&Fields>,
    trouble: Trouble,
) -> crate::app::Result<PolicyPage> {
    // The version first: a change in between makes it too old, never too new.
    let version = policy::version(&web.app).await?;
    let now = serde_json::to_value(policy::get(&web.app).await?).unwrap_or_default();
    let value = |name: &str| match typed {
        Some(f) => f.get(name).to_owned(),
        None => now[name].to_string(),
    };
    let numbers = NAMES.iter().map(|n| (*n, format!("policy-{}", n.replace('_', "-")), value(n))).collect();
    let version = typed.and_then(|f| f.get("version").parse().ok()).unwrap_or(version);
    Ok(PolicyPage { ui: visit.ui(web).await?, numbers, version, trouble })
}

/// Changes the policy.
pub async fn change(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let number = |name: &str| fields.get(name).parse::<u32>().unwrap_or(0);
    let wanted = Policy {
        routine: number("routine"),
        minor: number("minor"),
        major: number("major"),
        critical: number("critical"),
        crisis_hours: number("crisis_hours"),
        routine_days: number("routine_days"),
    };
    match policy::set(&web.app, visit.by()?, fields.get("version").parse().ok(), &wanted).await {
        Ok(_) => go("/console/settings/policy"),
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            show_again(&page(&web, &visit, Some(&fields), trouble).await?)
        }
    }
}

impl PolicyPage {
    fn elsewhere(&self) -> Vec<String> {
        self.trouble.elsewhere(&NAMES)
    }
}
