//! Freeze: one click opens the scope with its counts, the next one does it; then the answer, live.

use askama::Template;
use axum::extract::{Path, RawQuery, State};

use super::fields::{self, Fields};
use super::page::{Answer, go, show, show_again};
use super::retract::{self, Refused};
use super::scopes;
use super::signals::Names;
use super::stops::Stops;
use super::ui::{Number, Trouble, Ui};
use super::visit::{Posted, Visit};
use crate::app::channels::{self, ChannelView};
use crate::app::freezes::{self, FreezeView, NewFreeze, Preview};
use crate::app::people;
use crate::app::signals::{self, SignalView};
use crate::domain::freeze::Scope;
use crate::domain::playbook::{self, Playbook};
use crate::domain::role::Right;
use crate::web::Web;

/// Most signals that it may have been.
const SIGNALS: i64 = 25;

#[derive(Template)]
#[template(path = "freeze.html", config = "src/web/console/askama.toml")]
struct FreezePage {
    ui: Ui,
    scope: Scope,
    preview: Preview,
    under_way: i64,
    channels: Vec<ChannelView>,
    brands: Vec<String>,
    reason: String,
    trouble: Trouble,
}

#[derive(Template)]
#[template(path = "frozen.html", config = "src/web/console/askama.toml")]
struct FrozenPage {
    ui: Ui,
    freeze: FreezeView,
    by: String,
    /// What waits from monitoring and may be why, and how many more wait.
    heard: Vec<SignalView>,
    more: i64,
    names: Names,
    channels: Vec<ChannelView>,
    playbooks: &'static [Playbook],
    stops: Stops,
    /// The reason was cut or cleaned.
    mended: bool,
    /// Why it may be lifted, as it was typed.
    note: String,
    refused: Refused,
    trouble: Trouble,
}

/// The scope that a form or an address names.
fn scope(f: &Fields) -> Scope {
    Scope {
        brands: f.all("brand"),
        channels: f.all("channel"),
        labels: f.list("labels"),
        allow: f.list("allow"),
        crisis_too: f.has("crisis_too"),
    }
}

async fn page(web: &Web, visit: &Visit, f: &Fields, trouble: Trouble) -> crate::app::Result<FreezePage> {
    let (app, by, scope) = (&web.app, visit.by()?, scope(f));
    let channels = channels::list(app, by).await?;
    let mut brands: Vec<String> = channels.iter().map(|c| c.brand.clone()).collect();
    brands.sort();
    brands.dedup();
    Ok(FreezePage {
        ui: visit.ui(web).await?,
        preview: freezes::preview(app, by, &scope).await?,
        under_way: freezes::under_way(app, by).await?,
        channels: channels.into_iter().filter(|c| c.disabled_at.is_none()).collect(),
        brands,
        reason: f.get("reason").to_owned(),
        scope,
        trouble,
    })
}

/// `GET /console/freeze`: what would be held.
pub async fn form(State(web): State<Web>, visit: Visit, RawQuery(query): RawQuery) -> Answer {
    let asked = fields::of_query(query.as_deref());
    show(&page(&web, &visit, &asked, Trouble::default()).await?)
}

/// Freezes.
pub async fn commit(State(web): State<Web>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let new = NewFreeze { scope: scope(&fields), reason: fields.text("reason"), incident: None };
    match freezes::create(&web.app, visit.by()?, &new).await {
        Ok(freeze) => go(&format!(
            "/console/freezes/{}{}",
            freeze.id,
            if freeze.reason_mended { "?mended=1" } else { "" }
        )),
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            show_again(&page(&web, &visit, &fields, trouble).await?)
        }
    }
}

async fn frozen(web: &Web, visit: &Visit, id: &str, trouble: Trouble) -> crate::app::Result<FrozenPage> {
    let (app, by) = (&web.app, visit.by()?);
    let freeze = freezes::get(app, id).await?;
    let people = people::list(app, by).await?;
    let name = people.into_iter().find(|p| p.id == freeze.frozen_by).map(|p| p.name);
    let is_asked = freeze.incident.is_none() && freeze.thawed_at.is_none() && by.may(Right::Freeze);
    let (heard, all) = match is_asked {
        true => signals::waiting(app, by, SIGNALS).await.map(|(heard, shares)| (heard, shares.all()))?,
        false => (Vec::new(), 0),
    };
    let ui = visit.ui(web).await?;
    let channels = channels::list(app, by).await?;
    Ok(FrozenPage {
        names: Names::of(app, by, &heard).await?,
        more: all - heard.len().whole(),
        heard,
        stops: Stops::of(&ui, &channels, &freeze.id, &Fields::default()),
        ui,
        by: name.unwrap_or_else(|| freeze.frozen_by.clone()),
        channels,
        playbooks: playbook::all(),
        mended: false,
        note: String::new(),
        refused: Refused::default(),
        freeze,
        trouble,
    })
}

/// `GET /console/freezes/{id}`: the two marks, who is missing, and what was under way.
pub async fn screen(
    State(web): State<Web>,
    visit: Visit,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let mended = fields::of_query(query.as_deref()).has("mended");
    show(&FrozenPage { mended, ..frozen(&web, &visit, &id, Trouble::default()).await? })
}

/// Lifts a freeze; sends nothing.
pub async fn thaw(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    match freezes::thaw(&web.app, visit.by()?, &id, fields.get("note")).await {
        Ok(_) => go("/console/held"),
        Err(e) => {
            let trouble = Trouble::mendable(e)?;
            let shown = frozen(&web, &visit, &id, trouble).await?;
            show_again(&FrozenPage { note: fields.text("note"), ..shown })
        }
    }
}

/// Takes down what was under way and went out.
pub async fn retract(State(web): State<Web>, Path(id): Path<String>, posted: Posted) -> Answer {
    let Posted { visit, fields } = posted;
    let freeze = freezes::get(&web.app, &id).await?;
    let mine: Vec<&str> = freeze.in_flight.iter().map(|f| f.delivery.as_str()).collect();
    let Some(refused) = retract::take_down(&web, &visit, &fields, &mine, None).await? else {
        return go(&format!("/console/freezes/{id}#in-flight"));
    };
    let shown = frozen(&web, &visit, &id, Trouble::default()).await?;
    show_again(&FrozenPage { refused, ..shown })
}

impl FrozenPage {
    /// Which fields have a place on this page for what is wrong with them.
    fn fields(&self) -> &'static [&'static str] {
        let lifts = self.freeze.thawed_at.is_none() && self.ui.may("decide");
        if lifts { &["comment"] } else { &[] }
    }

    /// How bad an incident is that is opened with the plan.
    fn severity_words(&self, plan: &Playbook) -> String {
        self.ui.word("severity", &plan.severity)
    }

    /// What it covers, in words.
    fn scope_words(&self) -> String {
        scopes::words(&self.ui, &self.freeze.scope, &self.channels)
    }
}
