//! Opening an incident: from a signal, a freeze, a prepared plan, or in one's own words.

use askama::Template;
use axum::extract::{RawQuery, State};

use super::fields::{self, Fields};
use super::page::{Answer, go, show, show_again};
use super::signals::Names;
use super::stops::Stops;
use super::ui::{Trouble, Ui};
use super::visit::{Posted, Visit};
use crate::app::incidents::{self, IncidentView, NewIncident};
use crate::app::signals::{self, SignalView};
use crate::app::{Actor, App, AppError, channels};
use crate::domain::Word;
use crate::domain::incident::Severity;
use crate::domain::playbook::{self, Playbook};
use crate::domain::role::Right;
use crate::domain::signal::SignalState;
use crate::web::Web;

/// How bad an incident is that has no plan, when nobody said so.
const UNLESS_SAID: Severity = Severity::Major;

#[derive(Template)]
#[template(path = "incident_open.html", config = "src/web/console/askama.toml")]
struct OpenPage {
    ui: Ui,
    stops: Stops,
    /// What it is opened from.
    signal: Option<SignalView>,
    names: Names,
    /// Somebody decided about that signal before.
    decided: bool,
    /// What was opened from it then.
    others: Option<String>,
    title: String,
    severity: String,
    /// How bad the signal was when its form was first shown, if that is more than now.
    shown: Option<Severity>,
    playbooks: &'static [Playbook],
    trouble: Trouble,
}

/// The signal of that id; nothing: there is none.
async fn find(app: &App, by: &Actor, id: Option<String>) -> crate::app::Result<Option<SignalView>> {
    let Some(id) = id else { return Ok(None) };
    match signals::get(app, by, &id).await {
        Err(AppError::NotFound { .. }) => Ok(None),
        found => found.map(Some),
    }
}

/// What its form showed.
fn shown(f: &Fields) -> Option<Severity> {
    Severity::parse(f.get("shown")).ok()
}

async fn page(web: &Web, visit: &Visit, f: &Fields, trouble: Trouble) -> crate::app::Result<OpenPage> {
    let (app, by) = (&web.app, visit.by()?);
    let asked = find(app, by, f.some("signal")).await?;
    let is_open = |s: &SignalView| matches!(s.state, SignalState::Waiting | SignalState::Ended);
    let decided = asked.as_ref().is_some_and(|s| !is_open(s));
    let others = asked.as_ref().and_then(|s| s.incident.clone());
    let signal = asked.filter(is_open);
    // What was typed counts more than what the signal says.
    let of_signal = |typed: &str, said: Option<&str>| {
        let said = said.filter(|_| !f.has(typed)).map(str::to_owned);
        said.unwrap_or_else(|| f.get(typed).to_owned())
    };
    let ui = visit.ui(web).await?;
    let stops = Stops::of(&ui, &channels::list(app, by).await?, f.get("adopt"), f);
    Ok(OpenPage {
        ui,
        stops,
        title: of_signal("title", signal.as_ref().map(|s| s.title.as_str())),
        severity: f.get("severity").to_owned(),
        names: Names::of(app, by, signal.as_slice()).await?,
        shown: shown(f),
        signal,
        decided,
        others,
        playbooks: playbook::all(),
        trouble,
    })
}

/// `GET /console/incidents/open?adopt=FREEZE&signal=SIGNAL`: what happened?
pub async fn form(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let asked = fields::of_query(query.as_deref());
    show(&page(&web, &visit, &asked, Trouble::default()).await?)
}

/// The form of a signal again, when what was asked of it was refused, with what was typed.
pub(super) async fn again(web: &Web, visit: &Visit, signal: &str, typed: Fields, trouble: Trouble) -> Answer {
    let typed = typed.0.into_iter().filter(|(name, _)| name != "signal");
    let asked = Fields(typed.chain([("signal".into(), signal.to_owned())]).collect());
    show_again(&page(web, visit, &asked, trouble).await?)
}

/// How bad it is when nobody chose: what the plan says, or the signal if that is worse.
fn worse(plan: Option<&Playbook>, said: Option<Severity>) -> Option<Severity> {
    said.max(plan.map(|p| p.severity))
}

/// Opens an incident. One click on a playbook: its title, its severity, and straight to its first words.
pub async fn open(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let plan = playbook::find(fields.get("playbook"));
    let title = match (fields.get("title"), plan) {
        ("", Some(plan)) => plan.title(visit.lang.tag()).to_owned(),
        (typed, _) => typed.to_owned(),
    };
    let by = visit.by()?;
    // The signal may say something else since it was read: the worse of the two counts.
    let now = find(&web.app, by, fields.some("signal")).await?;
    let said = shown(&fields).max(now.and_then(|s| s.severity));
    let chosen = Severity::parse(fields.get("severity")).ok();
    let adopt = fields.some("adopt").filter(|_| !fields.has("leave"));
    let no_freeze = fields.has("no_freeze") || fields.has("leave");
    let new = NewIncident {
        title,
        severity: chosen.or(worse(plan, said)).unwrap_or(UNLESS_SAID),
        drill: false,
        freeze: adopt.is_none() && !no_freeze,
        scope: Stops::scope(&fields),
        promise: None,
        playbook: plan.map(|p| p.key.clone()),
        freeze_too: !no_freeze,
        adopt,
        signal: fields.some("signal"),
    };
    match incidents::open(&web.app, by, &new).await {
        Ok(opened) => {
            let id = opened.incident.id;
            if by.may(Right::Write) {
                go(&format!("/console/compose?kind=update&incident={id}"))
            } else {
                go(&format!("/console/incidents/{id}"))
            }
        }
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            show_again(&page(&web, &visit, &fields, trouble).await?)
        }
    }
}

impl OpenPage {
    /// The incidents that the signal may join, if the reader may decide so.
    fn joined_by(&self) -> Vec<&IncidentView> {
        let open = self.ui.overview.as_ref().map_or(&[][..], |o| &o.incidents);
        open.iter().filter(|i| !i.drill && self.ui.may("decide")).collect()
    }

    /// What the signal said when it was read, or says now: the worse of the two.
    fn said(&self) -> Option<Severity> {
        self.shown.max(self.signal.as_ref().and_then(|s| s.severity)).filter(|_| self.signal.is_some())
    }

    /// How bad an incident is that is opened with the plan.
    fn severity_words(&self, plan: &Playbook) -> String {
        self.ui.word("severity", &worse(Some(plan), self.said()).unwrap_or(plan.severity))
    }

    /// How bad it is when nobody chooses.
    fn severity_unless_chosen(&self) -> String {
        let (key, severity) = match self.said() {
            Some(said) => ("severity-of-signal", said),
            None => ("severity-of-plan", UNLESS_SAID),
        };
        self.ui.with(key, "severity", self.ui.word("severity", &severity))
    }

    /// The plan that the signal names.
    fn plan(&self) -> Option<&'static Playbook> {
        self.signal.as_ref().and_then(|s| s.playbook.as_deref()).and_then(playbook::find)
    }
}
