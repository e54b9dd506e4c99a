//! The gate and the nodes; what a person confirms after a restore.

use askama::Template;
use axum::extract::{RawQuery, State};

use crate::app::nodes::{self, GateView, NodeView};
use crate::web::Web;
use crate::web::console::fields::{self, Fields};
use crate::web::console::page::{Answer, go, show, show_again};
use crate::web::console::pictures;
use crate::web::console::times;
use crate::web::console::ui::{Trouble, Ui};
use crate::web::console::visit::{Posted, Visit};

/// A node that is silent for so long can be taken off the list.
const SILENT: i64 = 10_000;

#[derive(Template)]
#[template(path = "nodes.html", config = "src/web/console/askama.toml")]
struct NodesPage {
    ui: Ui,
    gate: GateView,
    /// How many posts the confirmation held.
    held: Option<i64>,
    note: String,
    trouble: Trouble,
}

/// `GET /console/settings/nodes`.
pub async fn screen(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    show(&page(&web, &visit, &fields::of_query(query.as_deref()), Trouble::default()).await?)
}

async fn page(web: &Web, visit: &Visit, f: &Fields, trouble: Trouble) -> crate::app::Result<NodesPage> {
    Ok(NodesPage {
        gate: nodes::status(&web.app, visit.by()?).await?,
        ui: visit.ui(web).await?,
        held: f.get("held").parse().ok(),
        note: f.text("note"),
        trouble,
    })
}

impl NodesPage {
    fn is_closed(&self) -> bool {
        self.gate.nodes.iter().any(|n| n.closed.is_some())
    }

    fn is_silent(&self, n: &NodeView) -> bool {
        self.ui.now - times::millis(&n.last_seen_at) > SILENT
    }

    /// The nodes that can be taken off the list.
    fn silent(&self) -> Vec<&NodeView> {
        self.gate.nodes.iter().filter(|n| self.is_silent(n)).collect()
    }

    /// Its state as a picture and a word.
    fn state(&self, n: &NodeView) -> (String, String) {
        let (kind, key) = match (&n.closed, self.is_silent(n)) {
            (Some(_), _) => ("bad", "node-closed"),
            (None, true) => ("wait", "node-silent"),
            (None, false) => ("good", "node-open"),
        };
        (pictures::dot(kind, &self.ui.t(key)), self.ui.t(key))
    }
}

/// Confirms the database after a restore.
pub async fn confirm(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let done = match visit.typed(&fields, "node-confirm-word") {
        Ok(()) => {
            nodes::confirm(&web.app, visit.by()?, &fields.text("note")).await.map_err(Trouble::mendable)
        }
        Err(trouble) => Err(Ok(trouble)),
    };
    match done {
        Ok(done) => go(&format!("/console/settings/nodes?held={}", done.held)),
        Err(trouble) => show_again(&page(&web, &visit, &fields, trouble?).await?),
    }
}

/// Takes a node that is stopped for good off the list; its name is typed.
pub async fn forget(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let by = visit.by()?;
    let id = fields.get("node");
    let gate = nodes::status(&web.app, by).await?;
    let name = gate.nodes.iter().find(|n| n.id == id).map_or("", |n| n.name.as_str());
    let trouble = if fields.get("name") == name || name.is_empty() {
        match nodes::forget(&web.app, by, id).await {
            Ok(()) => return go("/console/settings/nodes"),
            Err(e) => Trouble::mendable(e)?,
        }
    } else {
        Trouble::field("name", visit.lang.with("desk-type-wrong", &[("word", name.into())]))
    };
    show_again(&page(&web, &visit, &fields, trouble).await?)
}
