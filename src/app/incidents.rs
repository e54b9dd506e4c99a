//! Incidents: open (which freezes), promise, resolve.

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::error::Problems;
use super::freezes::{self, FreezeView};
use super::hub::Topic;
use super::{Actor, App, AppError, Result, reasons, signals, stopping};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::freeze::Scope;
use crate::domain::incident::{IncidentState, Severity, slug};
use crate::domain::playbook;
use crate::domain::post::PostState;
use crate::domain::role::Right;
use crate::domain::times;
use crate::store::Tx;
use crate::store::deliveries::Change;
use crate::store::incidents::Incident;

/// A new incident.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewIncident {
    /// What your team calls it, in at most 200 characters. The public does not see it.
    pub title: String,
    pub severity: Severity,
    /// An exercise: reaches and freezes drill channels only, and every text says so. An installation
    /// whose channels are all for drills is frozen as a whole.
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
    /// The key of a prepared plan; see `GET /playbooks`.
    #[serde(default)]
    pub playbook: Option<String>,
    /// A freeze in force that belongs to this incident from now on; then none is made, unless
    /// `freeze_too` says so.
    #[serde(default)]
    pub adopt: Option<String>,
    /// With `adopt`: freezes `scope` too. When that is everything, but for labels that it allows, no other
    /// freeze is made where this one holds all of it already, or another one does that has no incident: that
    /// one is taken along.
    #[serde(default)]
    pub freeze_too: bool,
    /// The signal that it is opened from; nobody is asked about it any more.
    #[serde(default)]
    pub signal: Option<String>,
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
    /// The key of its prepared plan.
    #[serde(default)]
    pub playbook: Option<String>,
}

/// An opened incident, and its freeze; of two the one that was made with it, or covers all.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Opened {
    pub incident: IncidentView,
    pub freeze: Option<FreezeView>,
}

/// A resolved incident, and what of it was stopped.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Resolved {
    pub incident: IncidentView,
    /// Approved updates and tips that were not out on every channel: held, for a person to decide.
    pub held: usize,
    /// Updates and tips that waited for approval: drafts again.
    pub drafts: usize,
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
        playbook: i.playbook,
    })
}

/// Opens an incident, and freezes in the same change.
///
/// # Errors
/// When a field is wrong, the signal was decided about before, or the actor may not freeze.
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
    if let Some(key) = new.playbook.as_deref().filter(|k| playbook::find(k).is_none()) {
        let known: Vec<_> = playbook::all().iter().map(|p| p.key.as_str()).collect();
        problems.add("playbook", format!("there is no playbook \"{key}\"; use one of: {}", known.join(", ")));
    }
    problems.check()?;
    let order = stopping::order(app, by, new).await?;
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
        playbook: new.playbook.clone(),
    };
    let called = Instant::now();
    let mut tx = app.store().begin_freeze().await?;
    tx.insert_incident(&row).await?;
    let view = view(app, row)?;
    let mut entries = vec![Entry::new("incident.opened", &format!("incident:{}", view.id)).after(&view)];
    if let Some(signal) = &new.signal {
        entries.push(signals::open(app, &mut tx, by, signal, &view.id).await?);
    }
    let (more, frozen) = stopping::freeze(app, &mut tx, by, new, order, &view).await?;
    entries.extend(more);
    app.commit(tx, by, &entries, &[Topic::Gate]).await?;
    let freeze = match frozen {
        Some(id) => Some(freezes::await_seal(app, &id, called).await?),
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
/// When the time cannot be read, it was changed meanwhile, or the incident is not open.
pub async fn promise(
    app: &App,
    by: &Actor,
    id: &str,
    version: Option<i64>,
    at: &str,
) -> Result<IncidentView> {
    by.need(Right::Write)?;
    let at = times::parse(at, "UTC").map_err(|e| AppError::field("at", e))?;
    let mut tx = app.store().begin().await?;
    let before = locked(app, &mut tx, id, version).await?;
    if before.state != IncidentState::Open {
        return Err(AppError::Conflict("this incident is resolved".into()));
    }
    tx.promise(id, Some(at)).await?;
    let entry = Entry::new("incident.promised", &format!("incident:{id}"))
        .before(
            &serde_json::json!({"next_promise": before.next_promise, "overdue_since": before.overdue_since}),
        )
        .after(&serde_json::json!({"next_promise": rfc3339(at)}));
    app.commit(tx, by, &[entry], &[]).await?;
    get(app, by, id).await
}

/// Resolves an incident. Its freeze stays until somebody thaws it. Its updates and tips that are not
/// out yet do not go out by themselves any more: approved ones are held, the others are drafts again.
///
/// # Errors
/// When it is resolved already, or was changed meanwhile.
pub async fn resolve(app: &App, by: &Actor, id: &str, version: Option<i64>, note: &str) -> Result<Resolved> {
    by.need(Right::Decide)?;
    reasons::check("comment", note)?;
    let now = app.now();
    let mut tx = app.store().begin().await?;
    let before = locked(app, &mut tx, id, version).await?;
    if !tx.resolve_incident(id, now).await? {
        return Err(AppError::Conflict("this incident is resolved already".into()));
    }
    let (mut held, mut drafts, mut entries) = (0, 0, Vec::new());
    let unsent = tx.unsent_of(id).await?;
    tx.lock_unsent_of(id).await?;
    for post in unsent {
        let subject = format!("post:{}", post.id);
        tx.end_recurrence(&post.id).await?;
        if post.state == PostState::Submitted.word() {
            let voided = tx.void_approvals(&post.id, now).await?;
            tx.set_post_state(&post.id, PostState::Draft.word(), now).await?;
            let entry = Entry::new("post.returned", &subject)
                .before(&serde_json::json!({"state": post.state, "recurrence": post.recurrence}))
                .after(&serde_json::json!({"state": PostState::Draft, "recurrence": null}));
            entries.push(entry.note(format!("its incident is resolved; {voided} approvals void")));
            drafts += 1;
            continue;
        }
        let (stopped, last) = hold(&mut tx, &post.id, now).await?;
        if !stopped.is_empty() || last > 0 || post.recurrence.is_some() {
            entries.push(
                Entry::new("post.held", &subject)
                    .before(&serde_json::json!({"recurrence": post.recurrence}))
                    .after(&serde_json::json!({"held": stopped, "tried_no_more": last, "recurrence": null}))
                    .note(RESOLVED),
            );
        }
        held += usize::from(!stopped.is_empty());
    }
    let after = tx.incident(id).await?.ok_or_else(|| AppError::not_found("incident", id))?;
    let incident = view(app, after)?;
    entries.push(
        Entry::new("incident.resolved", &format!("incident:{id}"))
            .before(&before)
            .after(&incident)
            .note(note),
    );
    app.commit(tx, by, &entries, &[Topic::Queue, Topic::Recalls]).await?;
    Ok(Resolved { incident, held, drafts })
}

/// What people read at a post that its incident's end has stopped.
const RESOLVED: &str = "its incident was resolved before it went out";

/// Holds what of a post waits for its time, and ends the tries of what is under way; which deliveries
/// are held, and how many are under way.
async fn hold(tx: &mut Tx, post: &str, now: Millis) -> Result<(Vec<String>, u64)> {
    let mut changes = Vec::new();
    for d in tx.deliveries(post).await? {
        if d.state == State::Scheduled.word() || d.state == State::Claimed.word() {
            changes.push(Change::to(&d.id, State::Held.word()).because(RESOLVED));
        }
    }
    tx.change_deliveries(&changes).await?;
    let last = tx.end_tries(post, now).await?;
    Ok((changes.into_iter().map(|c| c.id).collect(), last))
}

/// The incident, kept from others, when it is still at the version that was read.
async fn locked(app: &App, tx: &mut Tx, id: &str, version: Option<i64>) -> Result<IncidentView> {
    let row = tx.incident(id).await?.ok_or_else(|| AppError::not_found("incident", id))?;
    if version.is_some_and(|v| v != row.version) {
        return Err(AppError::Stale { now: row.version });
    }
    view(app, row)
}

/// Marks the incidents whose promised update is overdue. Called by the timer.
///
/// # Errors
/// The database's own.
pub async fn mark_overdue(app: &App) -> Result<()> {
    let now = app.now();
    let mut tx = app.store().begin().await?;
    let ids = tx.mark_overdue(now).await?;
    if ids.is_empty() {
        return Ok(());
    }
    let after = serde_json::json!({"overdue_since": rfc3339(now)});
    let entry = |id: &String| Entry::new("incident.overdue", &format!("incident:{id}")).after(&after);
    let entries: Vec<_> = ids.iter().map(entry).collect();
    app.commit(tx, &Actor::service(app.node()), &entries, &[]).await
}
