//! Signals of monitoring systems, as cards on the first screen: dismiss one.

use axum::extract::{Path, State};

use super::now;
use super::page::{Answer, go, show_again};
use super::ui::Trouble;
use super::visit::Posted;
use crate::app::signals;
use crate::web::Web;

/// A dismissal that was refused.
#[derive(Debug, Clone, Default)]
pub struct Refused {
    /// The signal.
    pub id: String,
    /// What was typed.
    pub note: String,
    pub trouble: Trouble,
}

/// Says that nothing has to be done about a signal.
pub async fn dismiss(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let note = fields.text("note");
    match signals::dismiss(&web.app, visit.by()?, &id, &note).await {
        Ok(_) => go("/console"),
        Err(e) => {
            let refused = Refused { trouble: Trouble::mendable(e)?, id, note };
            show_again(&now::page(&web, &visit, refused).await?)
        }
    }
}
