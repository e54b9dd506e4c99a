//! What the sender writes down of attempts: outcomes, in batches.

use std::collections::HashSet;

use serde::Serialize;

use channels::ledger;
use channels::planted::{Planted, planted};

use super::confirming::Since;
use super::hub::Topic;
pub use super::outcomes::Outcome;
use super::permits::Permit;
use super::unbegun::never_began;
use super::{Actor, App, AppError, Result, freezes, lifted, promises, revisions, still_live};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::{Move, State};
use crate::domain::outcome;
use crate::store::attempts::{Settled, Unsettled};
use crate::store::deliveries::Change;
use crate::store::{Tx, Unaudited};

/// What the log says of an outcome.
#[derive(Serialize)]
struct Ended<'a> {
    attempt: &'a str,
    delivery: &'a str,
    detail: Option<&'a str>,
    remote_id: Option<&'a str>,
    url: Option<&'a str>,
}

/// Writes down what became of attempts, in one change. An outcome that comes after its attempt was
/// settled otherwise (its node was given up, and a person decided) changes nothing: it is noted in the
/// log, and the delivery stays as it is. `has_left` says of an attempt whether content has left, whatever came of it:
/// a freeze lists what left after it was committed, also when the channel refused it.
///
/// # Errors
/// The database's own; then nothing was written, and the call may be repeated.
pub async fn settle(
    app: &App,
    outcomes: &[(Permit, Outcome)],
    has_left: impl Fn(&str) -> bool + Sync,
) -> Result<()> {
    let now = app.now();
    let (mut attempts, mut changes, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    let back = outcomes.iter().any(|(_, outcome)| outcome.had_no_effect());
    let (mut tx, since) = Since::begin(app, back).await?;
    let outcomes = &*lifted::looked_at(&mut tx, outcomes, now).await?;
    for (permit, outcome) in outcomes {
        let (settled, change) = settled(permit, outcome, now)?;
        let change = since.or_held(change, permit.epoch);
        let entry =
            Entry::new(&format!("attempt.{}", settled.outcome), &format!("delivery:{}", permit.delivery))
                .after_in_order(&Ended {
                    attempt: &permit.attempt,
                    delivery: change.state,
                    // The log names no recipients.
                    detail: settled.detail.as_deref().map(ledger::public),
                    remote_id: settled.remote_id.as_deref(),
                    url: change.remote_url.as_deref(),
                });
        entries.push(since.noted(entry, &change));
        attempts.push(settled);
        changes.push(change);
    }
    let posted = app.notes().unnoted(out(outcomes).map(|p| p.channel.as_str()), now);
    tx.note_posts(&posted, now).await?;
    promises::lock(&mut tx, &promising(outcomes, |_| true)).await?;
    let taken: HashSet<_> = tx.settle_attempts(&attempts).await?.into_iter().collect();
    let has_ended = |a: &&Settled| a.outcome != "accepted" && taken.contains(&a.id) && has_left(&a.id);
    let left: Vec<_> = attempts.iter().filter(has_ended).map(|a| a.id.clone()).collect();
    if !planted(Planted::RefusedIsNotListed) {
        tx.note_left(&left).await?;
    }
    if taken.len() < attempts.len() {
        let is_late = |a: &Settled| !taken.contains(&a.id);
        for (entry, a) in entries.iter_mut().zip(&attempts).filter(|(_, a)| is_late(a)) {
            *entry = late(entry, a);
        }
        let mut late = attempts.iter().map(is_late);
        changes.retain(|_| late.next() == Some(false));
    }
    let accepted = promising(outcomes, |permit| taken.contains(&permit.attempt));
    entries.extend(promises::keep(&mut tx, &accepted).await?);
    for (permit, _) in outcomes.iter().filter(|(p, _)| p.revises.is_some()) {
        let is_out = |c: &&mut Change| c.id == permit.delivery && c.state == State::Accepted.word();
        let Some(change) = changes.iter_mut().find(is_out) else { continue };
        let first = permit.revises.as_deref();
        entries.extend(revisions::or_gone(app, &mut tx, first, &permit.channel, change).await?);
    }
    tx.change_deliveries(&changes).await?;
    let is_out =
        |(p, o): &&(Permit, Outcome)| taken.contains(&p.attempt) && matches!(o, Outcome::Accepted { .. });
    let made: Vec<_> = outcomes.iter().filter(is_out).map(|(p, _)| p.delivery.as_str()).collect();
    entries.extend(still_live::note(app, &mut tx, &made).await?);
    let is_over = |c: &&Change| c.state == State::Failed.word() || c.state == State::Expired.word();
    let is_change = |id: &&str| outcomes.iter().any(|(p, _)| p.delivery == *id && p.revises.is_some());
    let over: Vec<_> = changes.iter().filter(is_over).map(|c| c.id.as_str()).filter(is_change).collect();
    entries.extend(still_live::note_over(app, &mut tx, &over).await?);
    // What was accepted asks nothing more of anybody: no other node needs to hear of it.
    let done = attempts.iter().all(|a| a.outcome == "accepted");
    let topics: &[Topic] = if done { &[] } else { &[Topic::Queue] };
    app.commit(tx, &Actor::service(app.node()), &entries, topics).await?;
    app.notes().noted(posted, now);
    Ok(())
}

/// The entry of an outcome that came after its attempt was settled.
fn late(entry: &Entry, a: &Settled) -> Entry {
    tracing::warn!(attempt = a.id, outcome = a.outcome, "an outcome came after the attempt was settled");
    Entry::new("attempt.late", entry.subject())
        .after(&serde_json::json!({"attempt": a.id, "outcome": a.outcome, "remote_id": a.remote_id,
            "detail": a.detail.as_deref().map(ledger::public)}))
        .note("it was settled before, or this database has lost it; the delivery stays as it is")
}

/// The permits whose posts are out by these outcomes.
fn out(outcomes: &[(Permit, Outcome)]) -> impl Iterator<Item = &Permit> {
    let is_out = |o: &Outcome| matches!(o, Outcome::Accepted { started_only: false, .. });
    outcomes.iter().filter(move |(_, o)| is_out(o)).map(|(p, _)| p)
}

/// The deliveries of an incident's posts that are out by these outcomes: they may promise the next update.
fn promising(outcomes: &[(Permit, Outcome)], counts: impl Fn(&Permit) -> bool) -> Vec<&str> {
    let promising = out(outcomes).filter(|p| p.incident.is_some() && counts(p));
    promising.map(|p| p.delivery.as_str()).collect()
}

fn settled(permit: &Permit, outcome: &Outcome, now: Millis) -> Result<(Settled, Change)> {
    let mut s = Settled {
        id: permit.attempt.clone(),
        outcome: "rejected",
        detail: None,
        remote_id: None,
        at: now,
        next_read_at: None,
    };
    let to = |what| State::Sending.after(what).map(|s| Change::to(&permit.delivery, s.word()));
    let refused = |e: crate::domain::delivery::Refused| AppError::Internal(e.to_string());
    let change = match outcome {
        Outcome::Accepted { remote_id, url, note, started_only } => {
            s.outcome = "accepted";
            s.remote_id = Some(remote_id.clone()).filter(|id| !id.is_empty());
            s.detail.clone_from(note);
            let c = to(Move::Accept).map_err(refused)?;
            // What a person should read beside the success, such as refused recipients.
            let c = Change { reason: note.clone(), started: *started_only, ..c };
            Change { remote_id: s.remote_id.clone(), remote_url: url.clone(), settled_at: Some(now), ..c }
        }
        Outcome::Retry { reason, not_before } => {
            s.detail = Some(reason.clone());
            // Who is asked to wait has not failed.
            if not_before.is_none() && permit.tries >= outcome::MAX_ATTEMPTS {
                let c = to(Move::Fail).map_err(refused)?;
                Change { reason: Some(reason.clone()), settled_at: Some(now), ..c }
            } else {
                let at =
                    not_before.unwrap_or(0).max(now + outcome::backoff(permit.tries, seed(&permit.attempt)));
                again(permit, reason, at, now).map_err(refused)?
            }
        }
        Outcome::Later { reason, not_before } => {
            s.detail = Some(reason.clone());
            let c = again(permit, reason, *not_before, now).map_err(refused)?;
            // The first one stays: some may have it, and what was tried is not edited.
            Change { attempts: if permit.tries > 1 { -1 } else { 0 }, ..c }
        }
        Outcome::NotBegun { reason, not_before } => {
            s.detail = Some(format!("not begun: {reason}"));
            let c = again(permit, reason, not_before.unwrap_or(now + 250), now).map_err(refused)?;
            Change { attempts: -1, ..c }
        }
        Outcome::Failed { reason } => {
            s.detail = Some(reason.clone());
            let c = to(Move::Fail).map_err(refused)?;
            Change { reason: Some(reason.clone()), settled_at: Some(now), ..c }
        }
        Outcome::Stopped { reason, freeze } => {
            s.detail = Some(format!("no effect: {reason}"));
            let c = to(Move::Hold).map_err(refused)?;
            Change { reason: Some(reason.clone()), freeze_id: freeze.clone(), attempts: -1, ..c }
        }
        Outcome::InDoubt { reason, readable } => {
            s.outcome = "in_doubt";
            s.detail = Some(reason.clone());
            s.next_read_at = readable.then(|| now + outcome::READS[0]);
            Change { reason: Some(reason.clone()), ..to(Move::Doubt).map_err(refused)? }
        }
    };
    Ok((s, change))
}

/// Spreads the tries of many deliveries.
pub(super) fn seed(attempt: &str) -> u64 {
    attempt.bytes().fold(0_u64, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)))
}

/// The next try of a delivery without effect, if it is not past its expiry by then.
fn again(
    permit: &Permit,
    reason: &str,
    at: Millis,
    now: Millis,
) -> std::result::Result<Change, crate::domain::delivery::Refused> {
    let reason = Some(reason.to_owned());
    if permit.valid_until.is_some_and(|v| v <= at) {
        let next = State::Sending.after(Move::Expire)?;
        return Ok(Change { reason, settled_at: Some(now), ..Change::to(&permit.delivery, next.word()) });
    }
    let next = State::Sending.after(Move::Retry)?;
    Ok(Change { reason, ready_at: Some(at), ..Change::to(&permit.delivery, next.word()) })
}

/// What is known of a process that is no more: of its permits without an outcome only these had begun.
#[derive(Debug, Clone)]
pub struct Begun {
    pub incarnation: String,
    pub attempts: HashSet<String>,
}

/// What a node that is gone had in hand: its claims go back to the queue, and so do the permits of
/// which it is known that they never began. Each other permit without an outcome is in doubt. The
/// entries of the log.
pub(super) async fn take_over(
    app: &App,
    tx: &mut Tx,
    node: &str,
    begun: Option<&Begun>,
) -> Result<Vec<Entry>> {
    let now = app.now();
    let returned = tx.return_claims(node).await?;
    let (mut attempts, mut changes, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    let (unbegun, unsure): (Vec<_>, Vec<_>) = tx.unsettled(node).await?.into_iter().partition(|a| {
        planted(Planted::TakenOverIsUnsent)
            || begun.is_some_and(|b| b.incarnation == a.incarnation && !b.attempts.contains(&a.id))
    });
    for a in &unbegun {
        let (attempt, change, entry) = never_began(&a.id, &a.delivery_id, now, now);
        attempts.push(attempt);
        changes.push(change);
        entries.push(entry);
    }
    tx.settle_attempts(&attempts).await?;
    tx.change_deliveries(&changes).await?;
    for some in unbegun.chunks(500) {
        tx.delete_flights(&some.iter().map(|a| a.id.clone()).collect::<Vec<_>>()).await?;
    }
    freezes::note_unsettled(tx, node).await?;
    let in_doubt = unsure.len();
    entries.extend(put_in_doubt(app, tx, unsure, STOPPED).await?);
    if returned > 0 || !entries.is_empty() {
        let never_began = unbegun.len();
        tracing::info!(claims = returned, never_began, in_doubt, node, "recovered what was in hand");
    }
    Ok(entries)
}

/// Said of an attempt whose process is gone.
pub(super) const STOPPED: &str = "the service stopped before the outcome was known";

/// Nobody knows what became of these attempts. The entries of the log.
pub(super) async fn put_in_doubt(
    app: &App,
    tx: &mut Tx,
    unsure: Vec<Unsettled>,
    why: &str,
) -> Result<Vec<Entry>> {
    let now = app.now();
    let (mut attempts, mut changes, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for a in unsure {
        let Some(d) = tx.delivery(&a.delivery_id).await? else { continue };
        let next = State::parse(&d.state).map_err(AppError::Internal)?.after(Move::Doubt);
        let next = next.map_err(|e| AppError::Internal(e.to_string()))?;
        let reason = why.to_owned();
        let (adapter, is_change) = (::channels::adapter(&a.adapter), a.revises.is_some());
        let readable = adapter.is_some_and(|a| a.capabilities.readable(is_change));
        attempts.push(Settled {
            id: a.id.clone(),
            outcome: "in_doubt",
            detail: Some(reason.clone()),
            remote_id: None,
            at: now,
            next_read_at: readable.then(|| now + outcome::READS[0]),
        });
        changes.push(Change { reason: Some(reason.clone()), ..Change::to(&d.id, next.word()) });
        entries.push(
            Entry::new("attempt.in_doubt", &format!("delivery:{}", d.id))
                .after(&serde_json::json!({"attempt": a.id}))
                .note(reason),
        );
    }
    tx.settle_attempts(&attempts).await?;
    tx.change_deliveries(&changes).await?;
    Ok(entries)
}

/// The row of a delivery, for the sender.
pub(crate) async fn delivery(app: &App, id: &str) -> Result<crate::store::deliveries::Delivery> {
    app.store().delivery(id).await?.ok_or_else(|| AppError::not_found("delivery", id))
}

/// The post of a delivery, for the sender: its kind and incident.
pub(crate) async fn post(app: &App, id: &str) -> Result<crate::store::posts::Post> {
    app.store().post(id).await?.ok_or_else(|| AppError::not_found("post", id))
}

/// When the earliest of what is scheduled is due.
///
/// # Errors
/// The database's own.
pub async fn next_due(app: &App) -> Result<Option<Millis>> {
    Ok(app.store().next_ready().await?)
}

/// Nothing is tried on this channel before `until`: the network said so.
///
/// # Errors
/// The database's own.
pub async fn pause(app: &App, channel: &str, until: Millis, why: &str) -> Result<()> {
    let mut tx = app.store().begin().await?;
    tx.pause_channel(channel, until).await?;
    let entry = Entry::new("channel.paused", &format!("channel:{channel}"))
        .after(&serde_json::json!({"until": rfc3339(until)}))
        .note(why);
    app.commit(tx, &Actor::service(app.node()), &[entry], &[Topic::Channels]).await
}

/// Routine posts of these channels that were given back for the sake of crisis posts are looked at now.
///
/// # Errors
/// The database's own.
pub async fn wake_kept(app: &App, channels: &[String]) -> Result<()> {
    let mut tx = app.store().begin().await?;
    tx.wake_kept(channels, app.now()).await?;
    Ok(tx.commit_unaudited(Unaudited::Lease).await?)
}

/// How many deliveries are in each state.
///
/// # Errors
/// The database's own.
pub async fn counts(app: &App) -> Result<Vec<(String, i64)>> {
    Ok(app.store().count_by_state().await?)
}
