//! Settings: channels, people, tokens, the approval policy, nodes.

/// Access that is granted at the networks.
pub mod access;
/// Connected channels, and connecting them.
pub mod channels;
/// The gate, and the nodes.
pub mod nodes;
/// People and their invitations.
pub mod people;
/// The approval policy.
pub mod policy;
/// How ready each channel is.
pub mod readiness;
/// One's own tokens.
pub mod tokens;
/// Posts that nobody here sent.
pub mod watch;

use askama::Template;
use axum::extract::State;

use super::page::{Answer, show};
use super::ui::Ui;
use super::visit::Visit;
use crate::web::Web;

#[derive(Template)]
#[template(path = "settings.html", config = "src/web/console/askama.toml")]
struct SettingsPage {
    ui: Ui,
    /// Whether this node tells approvers by mail.
    mails: bool,
    public_url: String,
    database: &'static str,
}

/// `GET /console/settings`.
pub async fn screen(State(web): State<Web>, visit: Visit) -> Answer {
    let app = &web.app;
    show(&SettingsPage {
        ui: visit.ui(&web).await?,
        mails: app.has_mails(),
        public_url: app.public_url().to_owned(),
        database: app.database(),
    })
}
