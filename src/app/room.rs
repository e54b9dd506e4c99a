//! The incident room: the plan and how far it is, each text on each channel, notes, what happened when.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::incidents::{self, IncidentView};
use super::posts::{self, DeliveryView, PostView};
use super::signals::severity;
use super::{Actor, App, AppError, Result};
use crate::clock::rfc3339;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::playbook::{self, Playbook};
use crate::domain::role::Right;
use crate::store::notes::{Note, StepDone};
use crate::store::signals::Signal;

/// Everything about one incident.
#[derive(Debug, Clone)]
pub struct Room {
    pub incident: IncidentView,
    pub playbook: Option<&'static Playbook>,
    pub steps: Vec<StepView>,
    /// The columns of the matrix: id and name of each channel that gets any text.
    pub channels: Vec<(String, String)>,
    /// Texts, newest first, with their deliveries.
    pub posts: Vec<PostView>,
    pub freezes: Vec<super::freezes::FreezeView>,
    /// Newest first.
    pub timeline: Vec<Happening>,
    /// When the last text was accepted anywhere.
    pub last_word: Option<String>,
}

/// A step of the plan.
#[derive(Debug, Clone)]
pub struct StepView {
    pub step: &'static playbook::Step,
    pub done_at: Option<String>,
    pub done_by: Option<String>,
}

/// What happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Happening {
    pub at: String,
    pub what: What,
    /// Who, if it was a person.
    pub who: Option<String>,
    /// A text, a channel, a note, a signal; when it was raised, the word of the severity.
    pub about: String,
}

/// The kinds of things that happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    Opened,
    Joined,
    Raised,
    Committed,
    Sealed,
    Written,
    Approved,
    Rejected,
    GlassBroken,
    Accepted,
    InDoubt,
    Failed,
    Note,
    StepDone,
    Thawed,
    Resolved,
}

impl Word for What {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("opened", Self::Opened),
        ("joined", Self::Joined),
        ("raised", Self::Raised),
        ("committed", Self::Committed),
        ("sealed", Self::Sealed),
        ("written", Self::Written),
        ("approved", Self::Approved),
        ("rejected", Self::Rejected),
        ("glass_broken", Self::GlassBroken),
        ("accepted", Self::Accepted),
        ("in_doubt", Self::InDoubt),
        ("failed", Self::Failed),
        ("note", Self::Note),
        ("step_done", Self::StepDone),
        ("thawed", Self::Thawed),
        ("resolved", Self::Resolved),
    ];
}

/// Most texts that the room shows.
const MOST: i64 = 100;

/// Reads the room.
///
/// # Errors
/// When there is no such incident.
pub async fn read(app: &App, by: &Actor, id: &str) -> Result<Room> {
    let incident = incidents::get(app, by, id).await?;
    let people: HashMap<String, String> =
        app.store().people().await?.into_iter().map(|p| (p.id, p.name)).collect();
    let posts = posts::of_incident_whole(app, by, id, MOST).await?;
    let playbook = incident.playbook.as_deref().and_then(playbook::find);
    let done = app.store().steps_done(id).await?;
    let mut freezes = super::freezes::list(app, by, false).await?;
    freezes.retain(|f| f.incident.as_deref() == Some(id));
    let mut timeline = happenings(app, &incident, &posts, &freezes, &people).await?;
    let name = |id: &str| people.get(id).cloned();
    for n in app.store().notes(id).await? {
        let who = name(&n.person_id);
        timeline.push(Happening { at: rfc3339(n.created_at), what: What::Note, who, about: n.text });
    }
    for s in app.store().signals_of_incident(id).await? {
        timeline.extend(joined(s, &people)?);
    }
    timeline.sort_by(|a, b| b.cmp(a));
    let steps = playbook.map_or_else(Vec::new, |p| p.steps.iter().map(|s| step(s, &done, &people)).collect());
    Ok(Room {
        channels: columns(&posts),
        last_word: last_word(&posts),
        incident,
        playbook,
        steps,
        posts,
        freezes,
        timeline,
    })
}

/// A signal joined the incident, and perhaps made it worse. The incident was opened from some: these
/// are told as that.
fn joined(s: Signal, people: &HashMap<String, String>) -> Result<Vec<Happening>> {
    let (Some(was), Some(at)) = (severity(s.incident_was.as_deref())?, s.decided_at) else {
        return Ok(Vec::new());
    };
    let who = s.decided_by.as_ref().and_then(|id| people.get(id)).cloned();
    let happened = |what, about| Happening { at: rfc3339(at), what, who: who.clone(), about };
    let raised = severity(s.severity.as_deref())?.filter(|s| *s > was);
    let raised = raised.map(|to| happened(What::Raised, to.word().to_owned()));
    Ok(std::iter::once(happened(What::Joined, s.title)).chain(raised).collect())
}

fn step(s: &'static playbook::Step, done: &[StepDone], people: &HashMap<String, String>) -> StepView {
    let done = done.iter().find(|d| d.step == s.key);
    StepView {
        step: s,
        done_at: done.map(|d| rfc3339(d.done_at)),
        done_by: done.and_then(|d| people.get(&d.done_by).cloned()),
    }
}

fn columns(posts: &[PostView]) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    for d in posts.iter().flat_map(|p| &p.deliveries) {
        if !out.iter().any(|(id, _)| *id == d.channel) {
            out.push((d.channel.clone(), d.channel_name.clone()));
        }
    }
    out.sort_by(|a, b| a.1.cmp(&b.1));
    out
}

/// Whether the copy is there, as far as anybody knows: a start is none.
fn is_out(d: &&DeliveryView) -> bool {
    d.state == State::Accepted && !d.started_only
}

/// When the newest copy went out.
fn last_word(posts: &[PostView]) -> Option<String> {
    let deliveries = posts.iter().flat_map(|p| &p.deliveries);
    deliveries.filter(is_out).filter_map(|d| d.settled_at.clone()).max()
}

async fn happenings(
    app: &App,
    incident: &IncidentView,
    posts: &[PostView],
    freezes: &[super::freezes::FreezeView],
    people: &HashMap<String, String>,
) -> Result<Vec<Happening>> {
    let name = |id: &str| people.get(id).cloned();
    let title = incident.title.clone();
    let mut out =
        vec![Happening { at: incident.opened_at.clone(), what: What::Opened, who: None, about: title }];
    let mut mark = |at: &Option<String>, what, who: Option<String>, about: &str| {
        if let Some(at) = at {
            out.push(Happening { at: at.clone(), what, who, about: about.to_owned() });
        }
    };
    mark(&incident.resolved_at, What::Resolved, None, "");
    for f in freezes {
        mark(&Some(f.committed_at.clone()), What::Committed, name(&f.frozen_by), "");
        mark(&f.sealed_at, What::Sealed, None, "");
        mark(&f.thawed_at, What::Thawed, f.thawed_by.as_deref().and_then(name), "");
    }
    let ids: Vec<&str> = posts.iter().map(|p| p.id.as_str()).collect();
    let decisions = app.store().approvals_of(&ids).await?;
    for p in posts {
        let headline = p.source.title.as_deref().unwrap_or(&p.source.text);
        for a in decisions.iter().filter(|a| a.post_id == p.id) {
            let what = match a.decision.as_str() {
                "approve" => What::Approved,
                "reject" => What::Rejected,
                _ => What::GlassBroken,
            };
            mark(&Some(rfc3339(a.decided_at)), what, name(&a.person_id), headline);
        }
        for (minute, names) in out_by_minute(p) {
            mark(&Some(minute), What::Accepted, None, &format!("{}: {headline}", names.join(", ")));
        }
        for d in &p.deliveries {
            let what = match d.state {
                State::InDoubt => What::InDoubt,
                State::Failed => What::Failed,
                _ => continue,
            };
            mark(&d.settled_at, what, None, &format!("{}: {headline}", d.channel_name));
        }
    }
    Ok(out)
}

/// Where a post went out in one minute: when the last copy did, and the names of the channels.
fn out_by_minute(post: &PostView) -> Vec<(String, Vec<&str>)> {
    let mut out: BTreeMap<&str, (&str, Vec<&str>)> = BTreeMap::new();
    for d in post.deliveries.iter().filter(is_out) {
        let Some(at) = d.settled_at.as_deref() else { continue };
        // An instant begins with its date and minute: 2026-11-27T14:02.
        let (last, names) = out.entry(at.get(..16).unwrap_or(at)).or_default();
        *last = at.max(last);
        names.push(&d.channel_name);
    }
    out.into_values().map(|(last, names)| (last.to_owned(), names)).collect()
}

/// Writes a note.
///
/// # Errors
/// When it is empty or too long, or the actor may neither write nor decide.
pub async fn note(app: &App, by: &Actor, incident: &str, text: &str) -> Result<()> {
    if !by.may(Right::Decide) {
        by.need(Right::Write)?;
    }
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 5_000 {
        return Err(AppError::field("text", "write a note of at most 5,000 characters"));
    }
    let mut tx = app.store().begin().await?;
    tx.incident(incident).await?.ok_or_else(|| AppError::not_found("incident", incident))?;
    let row = Note {
        id: app.id(),
        incident_id: incident.to_owned(),
        person_id: by.id.clone(),
        text: text.to_owned(),
        created_at: app.now(),
    };
    tx.insert_note(&row).await?;
    let entry = Entry::new("incident.noted", &format!("incident:{incident}")).note(text);
    app.commit(tx, by, &[entry], &[]).await
}

/// Marks a step of the plan as done, or takes the mark off.
///
/// # Errors
/// When the plan has no such step, or the actor may neither write nor decide.
pub async fn mark_step(app: &App, by: &Actor, incident: &str, step: &str, done: bool) -> Result<()> {
    if !by.may(Right::Decide) {
        by.need(Right::Write)?;
    }
    let mut tx = app.store().begin().await?;
    let row = tx.incident(incident).await?.ok_or_else(|| AppError::not_found("incident", incident))?;
    let plan = row.playbook.as_deref().and_then(playbook::find);
    if !plan.is_some_and(|p| p.steps.iter().any(|s| s.key == step)) {
        return Err(AppError::not_found("step of the plan", step));
    }
    let changed = if done {
        let row = StepDone {
            incident_id: incident.to_owned(),
            step: step.to_owned(),
            done_at: app.now(),
            done_by: by.id.clone(),
        };
        tx.insert_step_done(&row).await?
    } else {
        tx.delete_step_done(incident, step).await?
    };
    if !changed {
        return Ok(());
    }
    let verb = if done { "incident.step_done" } else { "incident.step_reopened" };
    let entry = Entry::new(verb, &format!("incident:{incident}")).note(step);
    app.commit(tx, by, &[entry], &[]).await
}
