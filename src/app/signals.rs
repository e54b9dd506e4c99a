//! Signals of monitoring systems: list, dismiss, open an incident from one or join it to one. A signal changes nothing by
//! itself: a person decides. How they come in is in `heard.rs`.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::alarms::WATCH;
use super::shares::Shares;
use super::{Actor, App, AppError, Result, reasons};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::incident::{IncidentState, Severity};
use crate::domain::role::Right;
use crate::domain::signal::SignalState;
use crate::store::Tx;
use crate::store::signals::{Decided, Signal};

/// Most signals of a list.
const LISTED: i64 = 500;
/// How long what ended by itself is shown, so that somebody learns of it.
const OVER: Millis = 24 * 3_600_000;

/// A signal as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SignalView {
    pub id: String,
    /// The id of the person whose token said it. Only they count it or end it.
    pub said_by: String,
    pub source: String,
    pub key: String,
    pub title: String,
    pub detail: Option<String>,
    pub url: Option<String>,
    pub severity: Option<Severity>,
    pub playbook: Option<String>,
    pub state: SignalState,
    pub first_seen_at: String,
    pub last_seen_at: String,
    /// How often it was said.
    pub times: i64,
    /// When the monitoring system said that it is over.
    pub ended_at: Option<String>,
    pub decided_at: Option<String>,
    /// The id of the person.
    pub decided_by: Option<String>,
    /// Why it was dismissed.
    pub note: Option<String>,
    /// The incident that it belongs to.
    pub incident: Option<String>,
    /// That incident was open already: it was not opened from this signal.
    #[serde(default)]
    pub joined: bool,
}

impl SignalView {
    /// Whether this service said it itself.
    pub fn is_own(&self) -> bool {
        self.said_by == WATCH
    }
}

/// A severity as it is kept.
pub(super) fn severity(kept: Option<&str>) -> Result<Option<Severity>> {
    kept.map(Severity::parse).transpose().map_err(AppError::Internal)
}

pub(super) fn view(s: Signal) -> Result<SignalView> {
    Ok(SignalView {
        severity: severity(s.severity.as_deref())?,
        state: SignalState::parse(&s.state).map_err(AppError::Internal)?,
        first_seen_at: rfc3339(s.first_seen_at),
        last_seen_at: rfc3339(s.last_seen_at),
        ended_at: s.ended_at.map(rfc3339),
        decided_at: s.decided_at.map(rfc3339),
        id: s.id,
        said_by: s.said_by,
        source: s.source,
        key: s.key,
        title: s.title,
        detail: s.detail,
        url: s.url,
        playbook: s.playbook,
        times: s.times,
        decided_by: s.decided_by,
        note: s.note,
        joined: s.incident_was.is_some(),
        incident: s.incident_id,
    })
}

/// Lists signals, newest first.
///
/// # Errors
/// The database's own.
pub async fn list(app: &App, by: &Actor, waiting_only: bool) -> Result<Vec<SignalView>> {
    by.need(Right::Read)?;
    app.store().signals(waiting_only, LISTED).await?.into_iter().map(view).collect()
}

/// Those that wait for a decision, the worst first, then the newest; and how many wait of whom.
///
/// # Errors
/// The database's own.
pub async fn waiting(app: &App, by: &Actor, most: i64) -> Result<(Vec<SignalView>, Shares)> {
    by.need(Right::Read)?;
    let shown = app.store().waiting_signals(most).await?.into_iter().map(view);
    let shares = Shares::of(app.store().waiting_signals_by_source().await?);
    Ok((shown.collect::<Result<_>>()?, shares))
}

/// Those of these ids, whatever became of them; what is unknown is left out.
///
/// # Errors
/// The database's own.
pub async fn some(app: &App, by: &Actor, ids: &[&str]) -> Result<Vec<SignalView>> {
    by.need(Right::Read)?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    app.store().signals_of(ids).await?.into_iter().map(view).collect()
}

/// Which waiting ones go on about a thing of an open incident: by the id of the signal, the id and title
/// of that incident. An alert that starts anew is about the same thing.
///
/// # Errors
/// The database's own.
pub async fn joinable(app: &App, by: &Actor) -> Result<HashMap<String, (String, String)>> {
    by.need(Right::Read)?;
    let rows = app.store().joinable_signals().await?.into_iter();
    // The newest incident comes last, and stays.
    Ok(rows.map(|(signal, incident, title)| (signal, (incident, title))).collect())
}

/// Those that were over within the last 24 hours before anybody decided, and did not come back: the
/// newest first.
///
/// # Errors
/// The database's own.
pub async fn over(app: &App, by: &Actor) -> Result<Vec<SignalView>> {
    by.need(Right::Read)?;
    app.store().ended_signals(app.now() - OVER, LISTED).await?.into_iter().map(view).collect()
}

/// One signal.
///
/// # Errors
/// When there is none of that id.
pub async fn get(app: &App, by: &Actor, id: &str) -> Result<SignalView> {
    by.need(Right::Read)?;
    view(app.store().signal(id).await?.ok_or_else(|| AppError::not_found("signal", id))?)
}

/// A person says that nothing has to be done. `times` is how often it had been said when they read it.
///
/// # Errors
/// When the note is missing or too long, it does not wait any more, or its title or severity is not
/// what they read.
pub async fn dismiss(app: &App, by: &Actor, id: &str, note: &str, times: Option<i64>) -> Result<SignalView> {
    by.need(Right::Decide)?;
    let note = note.trim();
    if note.is_empty() {
        return Err(AppError::field("note", "say why: the team and the log need it"));
    }
    reasons::check("note", note)?;
    let mut tx = app.store().begin().await?;
    let before = tx.signal(id).await?.ok_or_else(|| AppError::not_found("signal", id))?;
    if before.state != SignalState::Waiting.word() {
        let words = format!("this signal does not wait any more: it is {}", before.state);
        return Err(AppError::Conflict(words));
    }
    as_read(&before, times)?;
    let decided = Decided {
        state: SignalState::Dismissed.word(),
        at: app.now(),
        by: &by.id,
        note: Some(note),
        incident: None,
        incident_was: None,
    };
    let (entry, view) = decide(&mut tx, &before, &decided, "signal.dismissed").await?;
    app.commit(tx, by, &[entry.note(note)], &[]).await?;
    Ok(view)
}

/// Whether its title and severity are those that were read when it had been said so often.
fn as_read(s: &Signal, times: Option<i64>) -> Result<()> {
    if times.is_some_and(|read| read < s.worded) {
        let words = "what this signal says has changed; read it again, then decide";
        return Err(AppError::Conflict(words.into()));
    }
    Ok(())
}

/// A signal belongs to an open incident from now on. When it says that things are worse than the
/// incident, the incident is as bad from now on. `times` is how often it had been said when it was read.
///
/// # Errors
/// When there is none of that id, somebody decided about the signal before, its title or severity is not
/// what was read, or the incident is resolved or an exercise.
pub async fn join(app: &App, by: &Actor, id: &str, incident: &str, times: Option<i64>) -> Result<SignalView> {
    by.need(Right::Decide)?;
    let mut tx = app.store().begin().await?;
    let Some(to) = tx.incident(incident).await? else {
        let words = format!("there is no incident {incident}; name one that is open");
        return Err(AppError::field("incident", words));
    };
    if to.state != IncidentState::Open.word() {
        let words = "that incident is resolved; open another one from this signal";
        return Err(AppError::Conflict(words.into()));
    }
    if to.drill {
        let words = "that incident is an exercise; open another one from this signal";
        return Err(AppError::Conflict(words.into()));
    }
    let before = tx.signal(id).await?.ok_or_else(|| AppError::not_found("signal", id))?;
    as_read(&before, times)?;
    let (entry, signal) = opened(app, &mut tx, by, &before, incident, Some(&to.severity)).await?;
    let mut entries = vec![entry];
    let was = Severity::parse(&to.severity).map_err(AppError::Internal)?;
    if let Some(worse) = signal.severity.filter(|s| *s > was) {
        tx.set_severity(incident, worse.word()).await?;
        let raised = Entry::new("incident.raised", &format!("incident:{incident}"))
            .before(&serde_json::json!({"severity": was}))
            .after(&serde_json::json!({"severity": worse}));
        entries.push(raised.note(format!("signal:{id}")));
    }
    app.commit(tx, by, &entries, &[]).await?;
    Ok(signal)
}

/// Notes in the change that opens an incident that it was opened from this signal, also when the
/// monitoring system has said meanwhile that it is over.
///
/// # Errors
/// When there is none of that id, or somebody decided about it before.
pub(super) async fn open(app: &App, tx: &mut Tx, by: &Actor, id: &str, incident: &str) -> Result<Entry> {
    let Some(before) = tx.signal(id).await? else {
        return Err(AppError::field("signal", format!("there is no signal {id}; leave it out")));
    };
    Ok(opened(app, tx, by, &before, incident, None).await?.0)
}

/// Notes that this signal belongs to the incident, when nobody decided about it before. `was` is how bad
/// the incident was, when the signal joins it.
async fn opened(
    app: &App,
    tx: &mut Tx,
    by: &Actor,
    before: &Signal,
    incident: &str,
    was: Option<&str>,
) -> Result<(Entry, SignalView)> {
    if let Some(other) = &before.incident_id {
        let words = if before.incident_was.is_some() {
            format!(
                "this signal was joined to an incident before: {other}; go on there, or open another without the signal"
            )
        } else {
            format!(
                "an incident was opened from this signal before: {other}; go on there, or open another without the signal"
            )
        };
        return Err(AppError::Conflict(words));
    }
    if before.state == SignalState::Dismissed.word() {
        let words = "this signal was dismissed meanwhile; go on without it";
        return Err(AppError::Conflict(words.into()));
    }
    let decided = Decided {
        state: SignalState::Opened.word(),
        at: app.now(),
        by: &by.id,
        note: None,
        incident: Some(incident),
        incident_was: was,
    };
    decide(tx, before, &decided, "signal.opened").await
}

async fn decide(tx: &mut Tx, s: &Signal, decided: &Decided<'_>, verb: &str) -> Result<(Entry, SignalView)> {
    tx.decide_signal(&s.id, decided).await?;
    let after = view(tx.signal(&s.id).await?.ok_or_else(|| AppError::not_found("signal", &s.id))?)?;
    let entry = Entry::new(verb, &format!("signal:{}", s.id))
        .before(&serde_json::json!({"state": s.state}))
        .after(&after);
    Ok((entry, after))
}
