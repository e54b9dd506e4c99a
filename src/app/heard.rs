//! What monitoring systems say becomes signals: new ones, counted ones, ended ones.

use ::channels::text::hidden;
use serde::{Deserialize, Serialize};

use super::doubts::is_web;
use super::error::Problems;
use super::reasons::clean;
use super::shares::Shares;
use super::signals::{SignalView, severity, view};
use super::{Actor, App, AppError, Result};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::alertmanager::Notification;
use crate::domain::audit::Entry;
use crate::domain::incident::Severity;
use crate::domain::playbook;
use crate::domain::role::Right;
use crate::domain::signal::{Heard, Known, SignalState, Step, step};
use crate::store::signals::Signal;
use crate::store::{Tx, Unaudited};

/// Most alerts of one call that are taken.
pub const MOST_ALERTS: usize = 100;
/// How often the log is told of one signal that is said again and again. Its count goes on meanwhile.
pub const LOGGED_EVERY: Millis = 60_000;
const SOURCE: usize = 60;
const KEY: usize = 200;
const TITLE: usize = 200;
const DETAIL: usize = 2_000;
const URL: usize = 1_000;

/// What a monitoring system says.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSignal {
    /// Which system says it, in at most 60 characters.
    pub source: String,
    /// What it calls the thing, in at most 200 characters. The same source and key again from the same
    /// person's token are the same signal: it is counted.
    pub key: String,
    /// At most 200 characters; not needed when it is over.
    #[serde(default)]
    pub title: String,
    /// At most 2,000 characters.
    #[serde(default)]
    pub detail: Option<String>,
    /// Where the monitoring system shows it: http or https.
    #[serde(default)]
    pub url: Option<String>,
    #[serde(default)]
    pub severity: Option<Severity>,
    /// The key of a prepared plan; see `GET /playbooks`.
    #[serde(default)]
    pub playbook: Option<String>,
    /// It is over. Only who said a signal ends it.
    #[serde(default)]
    pub resolved: bool,
}

/// What became of what was said.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Received {
    /// How many are new.
    pub added: usize,
    /// How many were known already.
    pub counted: usize,
    /// How many are over.
    pub ended: usize,
    /// How many are over and were not known.
    pub unknown: usize,
    /// How many were not kept: there were too many in one call.
    pub left: usize,
    /// Those that were added, counted or ended, as they are now.
    pub signals: Vec<SignalView>,
}

/// Takes one signal in our own form.
///
/// # Errors
/// When a field is wrong, too many wait already, or the actor may not.
pub async fn receive(app: &App, by: &Actor, new: &NewSignal) -> Result<Received> {
    by.need(Right::Freeze)?;
    let mut problems = Problems::default();
    let mut checked = |field: &str, text: &str, most: usize, lines: bool| {
        let text = text.trim();
        if text.chars().count() > most {
            problems.add(field, format!("is too long; the limit is {most} characters"));
        }
        if let Some(c) = hidden(text, lines) {
            problems.add(field, format!("contains the hidden character {}; take it out", c.escape_unicode()));
        }
        text.to_owned()
    };
    let heard = Heard {
        source: checked("source", &new.source, SOURCE, false),
        key: checked("key", &new.key, KEY, false),
        title: checked("title", &new.title, TITLE, false),
        detail: new.detail.as_deref().map(|t| checked("detail", t, DETAIL, true)).filter(|t| !t.is_empty()),
        url: new.url.as_deref().map(|t| checked("url", t, URL, false)).filter(|t| !t.is_empty()),
        severity: new.severity,
        playbook: new.playbook.clone(),
        resolved: new.resolved,
        ..Heard::default()
    };
    let heard = Heard { thing: heard.key.clone(), ..heard };
    for (field, text) in [("source", &heard.source), ("key", &heard.key), ("title", &heard.title)] {
        if text.is_empty() && !(heard.resolved && field == "title") {
            problems.add(field, "is needed");
        }
    }
    if heard.url.as_deref().is_some_and(|u| !is_web(u)) {
        problems.add("url", "write the whole address, beginning with https:// or http://");
    }
    if let Some(key) = new.playbook.as_deref().filter(|k| playbook::find(k).is_none()) {
        let known: Vec<_> = playbook::all().iter().map(|p| p.key.as_str()).collect();
        problems.add("playbook", format!("there is no playbook \"{key}\"; use one of: {}", known.join(", ")));
    }
    problems.check()?;
    keep(app, by, vec![heard]).await
}

/// Takes what Alertmanager or Grafana sends. What is too long is shortened and what cannot be shown is
/// left out: an alert is not lost because of its words.
///
/// # Errors
/// When the payload is of an unknown version or empty, something was left because too many wait (the
/// rest is kept), or the actor may not.
pub async fn receive_alerts(app: &App, by: &Actor, sent: &Notification) -> Result<Received> {
    by.need(Right::Freeze)?;
    let heard = sent.heard().map_err(|(field, why)| AppError::field(field, why))?;
    let tidied = heard.into_iter().map(|h| Heard {
        source: clean(&h.source, SOURCE, false),
        key: clean(&h.key, KEY, false),
        thing: clean(&h.thing, KEY, false),
        title: clean(&h.title, TITLE, false),
        detail: h.detail.map(|t| clean(&t, DETAIL, true)).filter(|t| !t.is_empty()),
        url: h.url.filter(|u| u.len() <= URL && is_web(u) && hidden(u, false).is_none()),
        ..h
    });
    keep(app, by, tidied.collect()).await
}

/// Keeps what was heard, in one change. When something is left because too many wait, it says so, and
/// the rest is kept all the same: whoever sends it again loses nothing.
async fn keep(app: &App, by: &Actor, mut heard: Vec<Heard>) -> Result<Received> {
    // What goes on counts more than what is over, when there is too much.
    heard.sort_by_key(|h| h.resolved);
    let mut done = Received { left: heard.len().saturating_sub(MOST_ALERTS), ..Received::default() };
    heard.truncate(MOST_ALERTS);
    // One order for all who take several.
    heard.sort_by(|a, b| (&a.source, &a.key).cmp(&(&b.source, &b.key)));
    let mut tx = app.store().begin().await?;
    let mut shares = Shares::of(tx.waiting_signals_by_source().await?);
    let (mut entries, mut full, mut no_place) = (Vec::new(), 0, None);
    let mut was_refused = false;
    for h in &heard {
        let known = tx.newest_signal(&by.id, &h.source, &h.key).await?;
        let judged = match &known {
            Some(s) => Some(judge(&mut tx, s).await?),
            None => None,
        };
        was_refused |= known.as_ref().is_some_and(|s| s.refused);
        let step = step(judged, h, app.now());
        if let Some(why) = shares.full(&by.id, &h.source).filter(|_| step == Step::Add) {
            full += 1;
            no_place.get_or_insert_with(|| why.words(&h.source));
            continue;
        }
        match (step, known) {
            (Step::Add, _) => {
                let new = row(app, &by.id, h);
                let kept = tx.insert_signal(&new).await?;
                if kept.id == new.id {
                    shares.add(&by.id, &h.source, 1);
                    done.added += 1;
                    entries.push(changed("signal.received", kept, &mut done)?);
                } else {
                    // The same was said on another connection a moment ago.
                    entries.extend(count(app, &mut tx, kept, h, &mut done).await?);
                }
            }
            (Step::Count, Some(known)) => entries.extend(count(app, &mut tx, known, h, &mut done).await?),
            (Step::End, Some(known)) => {
                shares.add(&by.id, &h.source, -i64::from(waits(&known)));
                done.ended += 1;
                tx.end_signal(&known.id, app.now()).await?;
                entries.push(said(&mut tx, "signal.ended", &known.id, &mut done).await?);
            }
            (Step::Nothing | Step::Count | Step::End, _) => done.unknown += 1,
        }
    }
    if full > 0 || was_refused {
        let kept: Vec<&str> = done.signals.iter().map(|s| s.id.as_str()).collect();
        tx.mark_refused(&kept, full > 0).await?;
    }
    if !entries.is_empty() {
        app.commit(tx, by, &entries, &[]).await?;
    } else if done.counted > 0 {
        tx.commit_unaudited(Unaudited::Repetition).await?;
    }
    if done.left + full > 0 {
        tracing::warn!(left = done.left + full, "signals were not kept");
    }
    match no_place {
        Some(why) => Err(AppError::Full(format!(
            "{why}: {full} of these are left; dismiss some or open incidents from them, then send it again"
        ))),
        None => Ok(done),
    }
}

/// What a known one is judged by.
async fn judge(tx: &mut Tx, s: &Signal) -> Result<Known> {
    let resolved = match &s.incident_id {
        Some(incident) => tx.is_resolved(incident).await?,
        None => false,
    };
    Ok(Known {
        state: SignalState::parse(&s.state).map_err(AppError::Internal)?,
        severity: severity(s.severity.as_deref())?,
        ended: s.ended_at.is_some(),
        resolved,
        last_seen_at: s.last_seen_at,
    })
}

fn waits(s: &Signal) -> bool {
    s.state == SignalState::Waiting.word()
}

/// It was said once more. While it waits its newest words count; those beside a decision stay. The same
/// again after a call that was refused is that call again: it is not counted. The log is told every
/// [`LOGGED_EVERY`], and at once of what waits and is worse than ever.
async fn count(
    app: &App,
    tx: &mut Tx,
    known: Signal,
    heard: &Heard,
    done: &mut Received,
) -> Result<Option<Entry>> {
    done.counted += 1;
    let is_call_again = known.refused && (!waits(&known) || is_same(&known, heard));
    let (now, times) = (app.now(), known.times + i64::from(!is_call_again));
    let worse = waits(&known) && heard.severity > severity(known.loudest.as_deref())?;
    let is_due = worse || (!is_call_again && now - known.logged_at >= LOGGED_EVERY);
    let mut said = if waits(&known) { worded(known, heard, times) } else { known };
    said.times = times;
    said.last_seen_at = now;
    if is_due {
        said.logged_at = now;
    }
    if worse {
        said.loudest.clone_from(&said.severity);
    }
    tx.set_signal(&said).await?;
    let entry = changed("signal.repeated", said, done)?;
    Ok(is_due.then_some(entry))
}

/// Whether it says what it said before.
fn is_same(known: &Signal, heard: &Heard) -> bool {
    known.title == heard.title && known.severity.as_deref() == heard.severity.map(|s| s.word())
}

/// A waiting one in its newest words, which it has since it was said so often.
pub(super) fn worded(known: Signal, heard: &Heard, times: i64) -> Signal {
    Signal {
        worded: if is_same(&known, heard) { known.worded } else { times },
        title: heard.title.clone(),
        detail: heard.detail.clone(),
        url: heard.url.clone(),
        severity: heard.severity.map(|s| s.word().to_owned()),
        playbook: heard.playbook.clone(),
        ..known
    }
}

/// What names a thing however long that is.
pub(super) fn key(thing: &str) -> String {
    if thing.chars().count() <= KEY { thing.to_owned() } else { ::channels::hash(thing.as_bytes()) }
}

/// A title that can be kept.
pub(super) fn short(title: &str) -> String {
    clean(title, TITLE, false)
}

/// Further words that can be kept.
pub(super) fn short_detail(detail: &str) -> String {
    clean(detail, DETAIL, true)
}

/// A new one, said by `by`.
pub(super) fn row(app: &App, by: &str, h: &Heard) -> Signal {
    let now = app.now();
    Signal {
        id: app.id(),
        said_by: by.to_owned(),
        source: h.source.clone(),
        key: h.key.clone(),
        thing: h.thing.clone(),
        title: h.title.clone(),
        detail: h.detail.clone(),
        url: h.url.clone(),
        severity: h.severity.map(|s| s.word().to_owned()),
        playbook: h.playbook.clone(),
        state: SignalState::Waiting.word().into(),
        first_seen_at: now,
        last_seen_at: now,
        times: 1,
        worded: 1,
        logged_at: now,
        loudest: None,
        ended_at: None,
        decided_at: None,
        decided_by: None,
        note: None,
        incident_id: None,
        incident_was: None,
        refused: false,
    }
}

async fn said(tx: &mut Tx, verb: &str, id: &str, done: &mut Received) -> Result<Entry> {
    let now = tx.signal(id).await?.ok_or_else(|| AppError::not_found("signal", id))?;
    changed(verb, now, done)
}

fn changed(verb: &str, now: Signal, done: &mut Received) -> Result<Entry> {
    let view = view(now)?;
    let entry = Entry::new(verb, &format!("signal:{}", view.id)).after(&view);
    done.signals.push(view);
    Ok(entry)
}
