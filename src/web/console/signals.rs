//! Signals of monitoring systems, as cards on the first screen: dismiss one, or join it to an incident;
//! and the list of all of them.

use std::collections::HashMap;

use askama::Template;
use axum::extract::{Path, RawQuery, State};

use super::fields;
use super::page::{Answer, go, show, show_again};
use super::ui::{Trouble, Ui};
use super::visit::{Posted, Visit};
use super::{now, opening};
use crate::app::signal_pages::{self, SignalPage};
use crate::app::signals::{self, SignalView};
use crate::app::{Actor, App, people};
use crate::domain::signal::SignalState;
use crate::web::Web;

/// Most characters and lines of a note that a list shows as a whole.
const NOTE: usize = 200;
const NOTE_LINES: usize = 4;

#[derive(Template)]
#[template(path = "signal_list.html", config = "src/web/console/askama.toml")]
struct ListPage {
    ui: Ui,
    page: SignalPage,
    names: Names,
}

impl ListPage {
    /// Whether an incident can be opened from it.
    fn is_open(s: &SignalView) -> bool {
        matches!(s.state, SignalState::Waiting | SignalState::Ended)
    }

    /// The colour of its state.
    fn state_class(s: &SignalView) -> &'static str {
        match s.state {
            SignalState::Waiting => "hold",
            SignalState::Opened => "wait",
            SignalState::Ended | SignalState::Dismissed => "none",
        }
    }

    /// Whether a note is so long that only its beginning is shown at first.
    fn is_long(note: &str) -> bool {
        note.chars().count() > NOTE || note.lines().count() > NOTE_LINES
    }
}

/// `GET /console/signals?after=` or `?before=`: all of them, whatever became of them.
pub async fn list(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let (app, by, asked) = (&web.app, visit.by()?, fields::of_query(query.as_deref()));
    let page = signal_pages::page(app, by, asked.get("after"), asked.get("before")).await?;
    show(&ListPage { names: Names::of(app, by, &page.rows).await?, ui: visit.ui(&web).await?, page })
}

/// Joins a signal to an open incident.
pub async fn join(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let incident = fields.get("incident");
    // What was read is always said: a form without it fits nothing.
    let read = Some(fields.get("times").parse().unwrap_or_default());
    match signals::join(&web.app, visit.by()?, &id, incident, read).await {
        Ok(_) => go(&format!("/console/incidents/{incident}")),
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            opening::again(&web, &visit, &id, fields, trouble).await
        }
    }
}

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
            show_again(&now::page(&web, &visit, refused, Vec::new()).await?)
        }
    }
}

/// The names of those who said signals, and whether they are disabled.
#[derive(Debug, Default)]
pub struct Names(HashMap<String, (String, bool)>);

impl Names {
    /// Of everybody, when there is somebody to name: who fills a share may have said none of these.
    ///
    /// # Errors
    /// The database's own.
    pub async fn of(app: &App, by: &Actor, said: &[SignalView]) -> crate::app::Result<Self> {
        if said.is_empty() {
            return Ok(Self::default());
        }
        let people = people::list(app, by).await?.into_iter();
        Ok(Self(people.map(|p| (p.id, (p.name, p.disabled_at.is_some()))).collect()))
    }

    /// Who said it; their id when they have no name.
    pub fn who<'a>(&'a self, s: &'a SignalView) -> &'a str {
        self.0.get(&s.said_by).map_or(&s.said_by, |(name, _)| name)
    }

    /// Who has that id, and whether they say nothing any more.
    pub fn sender(&self, ui: &Ui, id: &str) -> String {
        match self.0.get(id) {
            Some((name, false)) => name.clone(),
            Some((name, true)) => ui.with("signal-sender-disabled", "name", name),
            None => ui.t("signal-sender-gone"),
        }
    }
}
