//! Signals of monitoring systems, as cards on the first screen: dismiss one.

use std::collections::HashMap;

use axum::extract::{Path, State};

use super::now;
use super::page::{Answer, go, show_again};
use super::ui::Trouble;
use super::visit::Posted;
use crate::app::signals::{self, SignalView};
use crate::app::{Actor, App, people};
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
    // What was read is always said: a form without it fits nothing.
    let read = Some(fields.get("times").parse().unwrap_or_default());
    match signals::dismiss(&web.app, visit.by()?, &id, &note, read).await {
        Ok(_) => go("/console"),
        Err(e) => {
            let refused = Refused { trouble: Trouble::mendable(e)?, id, note };
            show_again(&now::page(&web, &visit, refused).await?)
        }
    }
}

/// The names of those who said signals.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, String>);

impl Names {
    /// Of those who said these.
    ///
    /// # Errors
    /// The database's own.
    pub async fn of(app: &App, by: &Actor, said: &[SignalView]) -> crate::app::Result<Self> {
        if said.is_empty() {
            return Ok(Self::default());
        }
        let people = people::list(app, by).await?.into_iter();
        let spoke = people.filter(|p| said.iter().any(|s| s.said_by == p.id));
        Ok(Self(spoke.map(|p| (p.id, p.name)).collect()))
    }

    /// Who said it; their id when they have no name.
    pub fn who<'a>(&'a self, s: &'a SignalView) -> &'a str {
        self.0.get(&s.said_by).unwrap_or(&s.said_by)
    }
}
