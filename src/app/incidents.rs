//! Incidents: open (which freezes), promise, resolve.

use serde::{Deserialize, Serialize};

use super::error::Problems;
use super::freezes::{self, FreezeView, NewFreeze};
use super::hub::Topic;
use super::{Actor, App, AppError, Result};
use crate::clock::rfc3339;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::freeze::Scope;
use crate::domain::incident::{IncidentState, Severity, slug};
use crate::domain::role::Right;
use crate::domain::times;
use crate::store::incidents::Incident;

/// A new incident.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewIncident {
    /// What the public page is headed with.
    pub title: String,
    pub severity: Severity,
    /// An exercise: reaches drill channels only, and every text says so.
    #[serde(default)]
    pub drill: bool,
    /// Freezes in the same call, unless this is false.
    #[serde(default = "yes")]
    pub freeze: bool,
    #[serde(default)]
    pub scope: Scope,
    /// When the first update is promised.
    #[serde(default)]
    pub promise: Option<String>,
}

fn yes() -> bool {
    true
}

/// An incident as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct IncidentView {
    pub id: String,
    pub slug: String,
    pub title: String,
    pub severity: Severity,
    pub drill: bool,
    pub state: IncidentState,
    pub opened_at: String,
    pub resolved_at: Option<String>,
    pub next_promise: Option<String>,
    /// Since when the promised update is overdue.
    pub overdue_since: Option<String>,
    pub url: String,
    pub version: i64,
}

/// An opened incident, and its freeze.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Opened {
    pub incident: IncidentView,
    pub freeze: Option<FreezeView>,
}

pub(super) fn view(app: &App, i: Incident) -> Result<IncidentView> {
    Ok(IncidentView {
        severity: Severity::parse(&i.severity).map_err(AppError::Internal)?,
        state: IncidentState::parse(&i.state).map_err(AppError::Internal)?,
        opened_at: rfc3339(i.opened_at),
        resolved_at: i.resolved_at.map(rfc3339),
        next_promise: i.next_promise_at.map(rfc3339),
        overdue_since: i.overdue_since.map(rfc3339),
        url: format!("{}/incidents/{}", app.public_url(), i.slug),
        id: i.id,
        slug: i.slug,
        title: i.title,
        drill: i.drill,
        version: i.version,
    })
}

/// Opens an incident, and freezes in the same change.
///
/// # Errors
/// When a field is wrong, or the actor may not freeze.
pub async fn open(app: &App, by: &Actor, new: &NewIncident) -> Result<Opened> {
    by.need(Right::Freeze)?;
    let mut problems = Problems::default();
    let title = new.title.trim();
    if title.is_empty() || title.chars().count() > 200 {
        problems
            .add("title", "give a title of at most 200 characters; your team reads it, the public does not");
    }
    let promise = new.promise.as_deref().map(|p| times::parse(p, "UTC")).transpose();
    let promise = problems.take("promise", promise).flatten();
    problems.check()?;
    if new.freeze {
        let order = NewFreeze { scope: new.scope.clone(), ..NewFreeze::default() };
        freezes::check(app, &order).await?;
    }
    let (id, now) = (app.id(), app.now());
    let row = Incident {
        slug: slug(&id, now),
        id,
        title: if new.drill { format!("EXERCISE: {title}") } else { title.to_owned() },
        severity: new.severity.word().into(),
        drill: new.drill,
        state: IncidentState::Open.word().into(),
        opened_at: now,
        resolved_at: None,
        next_promise_at: promise,
        overdue_since: None,
        opened_by: by.id.clone(),
        version: 1,
    };
    let mut tx = app.store().begin_exclusive().await?;
    tx.insert_incident(&row).await?;
    let view = view(app, row)?;
    let mut entries = vec![Entry::new("incident.opened", &format!("incident:{}", view.id)).after(&view)];
    let mut frozen = None;
    if new.freeze {
        let order = NewFreeze { scope: new.scope.clone(), reason: view.title.clone(), incident: None };
        let (freeze, entry) = freezes::commit(app, &mut tx, by, &order, Some(&view.id)).await?;
        entries.push(entry);
        frozen = Some(freeze.id);
    }
    app.commit(tx, by, &entries, &[Topic::Gate]).await?;
    let freeze = match frozen {
        Some(id) => Some(freezes::await_seal(app, &id).await?),
        None => None,
    };
    Ok(Opened { incident: view, freeze })
}

/// Lists incidents, newest first.
///
/// # Errors
/// The database's own.
pub async fn list(app: &App, by: &Actor, open_only: bool) -> Result<Vec<IncidentView>> {
    by.need(Right::Read)?;
    app.store().incidents(open_only).await?.into_iter().map(|i| view(app, i)).collect()
}

/// One incident.
///
/// # Errors
/// When there is none of that id.
pub async fn get(app: &App, by: &Actor, id: &str) -> Result<IncidentView> {
    by.need(Right::Read)?;
    let row = app.store().incident(id).await?.ok_or_else(|| AppError::not_found("incident", id))?;
    view(app, row)
}

/// Sets the time of the next promised update.
///
/// # Errors
/// When the time cannot be read or the incident is not open.
pub async fn promise(app: &App, by: &Actor, id: &str, at: &str) -> Result<IncidentView> {
    by.need(Right::Write)?;
    let at = times::parse(at, "UTC").map_err(|e| AppError::field("at", e))?;
    let before = get(app, by, id).await?;
    if before.state != IncidentState::Open {
        return Err(AppError::Conflict("this incident is resolved".into()));
    }
    let mut tx = app.store().begin().await?;
    tx.promise(id, Some(at)).await?;
    let entry = Entry::new("incident.promised", &format!("incident:{id}"))
        .before(&before.next_promise)
        .after(&rfc3339(at));
    app.commit(tx, by, &[entry], &[]).await?;
    get(app, by, id).await
}

/// Resolves an incident. Its freeze stays until somebody thaws it.
///
/// # Errors
/// When it is resolved already.
pub async fn resolve(app: &App, by: &Actor, id: &str, note: &str) -> Result<IncidentView> {
    by.need(Right::Decide)?;
    get(app, by, id).await?;
    let mut tx = app.store().begin().await?;
    if !tx.resolve_incident(id, app.now()).await? {
        return Err(AppError::Conflict("this incident is resolved already".into()));
    }
    let entry = Entry::new("incident.resolved", &format!("incident:{id}")).note(note);
    app.commit(tx, by, &[entry], &[]).await?;
    get(app, by, id).await
}

/// Marks the incidents whose promised update is overdue. Called by the timer.
pub(crate) async fn mark_overdue(app: &App) -> Result<()> {
    let mut tx = app.store().begin().await?;
    let ids = tx.mark_overdue(app.now()).await?;
    if ids.is_empty() {
        return Ok(());
    }
    let entries: Vec<_> =
        ids.iter().map(|id| Entry::new("incident.overdue", &format!("incident:{id}"))).collect();
    app.commit(tx, &Actor::service(app.node()), &entries, &[]).await
}
