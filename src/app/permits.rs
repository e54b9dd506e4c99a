//! Claims and permits: what the sender takes out of the queue, in batches, each in one change.

use std::collections::HashMap;
use std::time::Duration;

use channels::Rendition;
use channels::planted::{Planted, planted};
use serde::Serialize;

use super::judged::{self, Stopped};
pub use super::unbegun::{abandon, give_back};
use super::{Actor, App, AppError, Result, freezes, handles, nodes, old_words, still_live};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::freeze::Subject;
use crate::domain::post::Lane;
use crate::store::attempts::Attempt;
use crate::store::deliveries::{Change, InHand};
use crate::store::{Tx, Unaudited};

/// A delivery that this node has claimed.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub delivery: String,
    pub channel: String,
    pub lane: Lane,
}

/// A durable right to make one attempt.
#[derive(Debug, Clone)]
pub struct Permit {
    pub attempt: String,
    pub delivery: String,
    pub channel: String,
    /// Of which version of the channel it is: where it leads must not have changed since.
    pub channel_version: i64,
    pub number: i64,
    /// The gate's epoch when it was permitted.
    pub epoch: i64,
    /// How many tries count towards the limit, with this one.
    pub tries: i64,
    pub key: String,
    pub kind: String,
    pub incident: Option<String>,
    /// The post that gets these words in its place.
    pub revises: Option<String>,
    /// The post whose words these are.
    pub post: String,
    pub rendition: Rendition,
    pub subject: Subject,
    pub created_at: Millis,
    pub valid_until: Option<Millis>,
    pub permitted_at: Millis,
}

/// How many permits each channel has room for. A channel that is not named takes none.
#[derive(Debug, Clone, Default)]
pub struct Rooms(HashMap<String, usize>);

impl Rooms {
    /// The channel takes so many now, and crisis posts beyond them.
    pub fn set(&mut self, channel: &str, free: usize) {
        self.0.insert(channel.to_owned(), free);
    }

    /// All room there is.
    pub fn total(&self) -> usize {
        self.0.values().sum()
    }

    /// Takes room for one. A crisis post has room at once: it goes ahead of the permits that wait.
    fn take(&mut self, channel: &str, lane: Lane) -> bool {
        let Some(free) = self.0.get_mut(channel) else { return false };
        let had = *free > 0;
        *free = free.saturating_sub(1);
        had || lane == Lane::Crisis
    }
}

/// What a claim took out of the queue.
#[derive(Debug, Default)]
pub struct Batch {
    /// Permitted at once, because their channel has room.
    pub permits: Vec<Permit>,
    /// Taken, to be permitted later.
    pub claimed: Vec<Claimed>,
    /// Whether more may be due.
    pub more: bool,
}

/// A change that failed, and the deliveries that it was about: its commit may have arrived although
/// the answer was lost.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Lost {
    pub error: AppError,
    pub ids: Vec<String>,
}

/// Claims what is due, and permits at once what its channel has room for: crisis posts, or `routine`
/// routine ones when no crisis post is due, so that holding a backlog never delays a crisis post.
/// Each due delivery is touched once: it is permitted, claimed for later, held by the freeze that
/// covers it, or expired.
///
/// # Errors
/// The database's own. Then nothing may begin; see [`abandon`].
pub async fn claim(
    app: &App,
    crisis: usize,
    routine: usize,
    rooms: &mut Rooms,
) -> std::result::Result<Batch, Lost> {
    let mut ids = Vec::new();
    let result = async {
        let now = app.now();
        // In a rush without room: the writer is not kept from the outcomes that make room.
        if routine == 0 && !may_be_due(app, now).await? {
            return Ok(Batch::default());
        }
        let mut tx = app.store().begin_guarded().await?;
        let mut more = true;
        let mut due = tx.due(Lane::Crisis.number(), now, most(crisis)).await?;
        if due.is_empty() && routine > 0 {
            due = tx.due(Lane::Routine.number(), now, most(routine)).await?;
            more = due.len() == routine;
        }
        if due.is_empty() {
            return Ok(Batch::default());
        }
        ids.extend(due.iter().map(|d| d.id.clone()));
        decide(app, tx, &due, now, |d| rooms.take(&d.channel_id, Lane::from_number(d.lane)))
            .await
            .map(|batch| Batch { more, ..batch })
    };
    result.await.map_err(|error| Lost { error, ids })
}

/// Whether a crisis post is due. On SQLite, whose readers pages of the console may keep busy, it may be
/// when none of them answers soon: then the writer is asked.
async fn may_be_due(app: &App, now: Millis) -> Result<bool> {
    const SOON: Duration = Duration::from_millis(30);
    let look = app.store().is_due(Lane::Crisis.number(), now);
    if app.is_shared() {
        return Ok(look.await?);
    }
    Ok(tokio::time::timeout(SOON, look).await.unwrap_or(Ok(true))?)
}

/// Grants permits to deliveries that were claimed before: judged again by the freezes that are in
/// force at this moment, and by the approval of these very bytes.
///
/// # Errors
/// The database's own. Then nothing may begin; see [`abandon`].
pub async fn permit(app: &App, ids: &[String]) -> std::result::Result<Vec<Permit>, Lost> {
    let result = async {
        let now = app.now();
        let mut tx = app.store().begin_guarded().await?;
        if nodes::taken(app, &mut tx).await? {
            return Ok(Vec::new());
        }
        let rows = tx.in_hand(app.node(), ids).await?;
        Ok(decide(app, tx, &rows, now, |_| true).await?.permits)
    };
    result.await.map_err(|error| Lost { error, ids: ids.to_vec() })
}

fn most(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(1_000)
}

/// What one change writes.
#[derive(Default)]
struct Writes {
    changes: Vec<Change>,
    attempts: Vec<Attempt>,
    entries: Vec<Entry>,
    /// What is held because of the change of an earlier post, and says so.
    stops_told: Vec<String>,
}

/// Decides about each delivery, and commits what was decided in one durable change.
async fn decide(
    app: &App,
    mut tx: Tx,
    rows: &[InHand],
    now: Millis,
    mut has_room: impl FnMut(&InHand) -> bool,
) -> Result<Batch> {
    let orders = freezes::orders(&mut tx, now).await?;
    let seen = app.witness().seen();
    let gate = tx.gate(seen.log_size, seen.own.log_size).await?;
    let gate = gate.ok_or_else(|| AppError::Internal("the gate row is missing".into()))?;
    app.witness().check(&seen, &gate)?;
    let (mut batch, mut writes) = (Batch::default(), Writes::default());
    for row in rows {
        let subject = subject(row);
        // Of a list or a thread some may be out already.
        let so_far = match row.changed_by.is_some() && row.permits > 0 {
            true => handles::how_far_in(&mut tx, &row.id).await?,
            false => old_words::before(&mut tx, row).await?,
        };
        if writes.stop(judged::stopped(row, &subject, &orders, so_far.as_deref(), now)) {
            continue;
        }
        if has_room(row) {
            batch.permits.extend(writes.permit(app, row, subject, gate.epoch, now));
        } else {
            writes.claim(app, row);
            batch.claimed.push(Claimed {
                delivery: row.id.clone(),
                channel: row.channel_id.clone(),
                lane: subject.lane,
            });
        }
    }
    // A replica that takes the place of the primary may lack what other nodes have sent.
    if !writes.attempts.is_empty() && app.store().identity_in(&mut tx).await? != gate.database {
        return Err(AppError::Conflict("the database is another one than the gate was opened for".into()));
    }
    tx.insert_attempts(&writes.attempts, &writes.changes).await?;
    tx.stop_is_told(&writes.stops_told).await?;
    let is_expired = |c: &&Change| c.state == State::Expired.word();
    let is_change = |id: &&str| rows.iter().any(|row| row.id == *id && row.revises.is_some());
    let over = writes.changes.iter().filter(is_expired).map(|c| c.id.as_str()).filter(is_change);
    let over: Vec<_> = over.collect();
    writes.entries.extend(still_live::note_over(app, &mut tx, &over).await?);
    if writes.entries.is_empty() {
        tx.commit_unaudited(Unaudited::Lease).await?;
    } else {
        app.commit(tx, &Actor::service(app.node()), &writes.entries, &[]).await?;
    }
    Ok(batch)
}

fn subject(row: &InHand) -> Subject {
    Subject {
        lane: Lane::from_number(row.lane),
        brand: row.brand.clone(),
        channel: row.channel_id.clone(),
        channel_brand: row.channel_brand.clone(),
        labels: serde_json::from_str(&row.labels).unwrap_or_default(),
        due_at: row.due_at,
    }
}

impl Writes {
    /// Writes down why the delivery gets no permit, if there is such a reason; whether there is.
    fn stop(&mut self, stopped: Option<Stopped>) -> bool {
        let Some(stopped) = stopped else { return false };
        if stopped.stop_told {
            self.stops_told.push(stopped.change.id.clone());
        }
        self.changes.push(stopped.change);
        self.entries.extend(stopped.entry);
        true
    }

    fn claim(&mut self, app: &App, row: &InHand) {
        let node = Some(app.node().into());
        self.changes.push(Change { claimed_by: node, ..Change::to(&row.id, State::Claimed.word()) });
    }

    /// A permit, when the approval of these very bytes holds; otherwise the delivery is held.
    fn permit(
        &mut self,
        app: &App,
        row: &InHand,
        subject: Subject,
        epoch: i64,
        now: Millis,
    ) -> Option<Permit> {
        let name = format!("delivery:{}", row.id);
        let (rendition, hash) = match approved(row, now) {
            Ok(approved) => approved,
            Err(reason) => {
                self.changes
                    .push(Change { reason: Some(reason.clone()), ..Change::to(&row.id, State::Held.word()) });
                self.entries.push(Entry::new("delivery.held", &name).note(reason));
                return None;
            }
        };
        let permit = grant(app, row, rendition, subject, (epoch, now));
        let entry = Entry::new("attempt.permitted", &name).after_in_order(&Permitted {
            attempt: &permit.attempt,
            channel: &row.channel_id,
            content_hash: &hash,
            epoch,
            key: &permit.key,
            number: permit.number,
        });
        self.entries.extend((!planted(Planted::PermitIsNotLogged)).then_some(entry));
        self.changes.push(Change {
            attempts: 1,
            claimed_by: Some(app.node().into()),
            ..Change::to(&row.id, State::Sending.word())
        });
        self.attempts.push(attempt(app, row, &permit, hash));
        Some(permit)
    }
}

/// What the log says of a permit.
#[derive(Serialize)]
struct Permitted<'a> {
    attempt: &'a str,
    channel: &'a str,
    content_hash: &'a str,
    epoch: i64,
    key: &'a str,
    number: i64,
}

/// The rendition, when people approved these very bytes and the approval still holds.
fn approved(row: &InHand, now: Millis) -> std::result::Result<(Rendition, String), String> {
    let hash = ::channels::hash(row.rendition.as_bytes());
    match (&row.approved_hash, row.approved_until) {
        (Some(approved), Some(until)) if *approved == hash || planted(Planted::ApprovalOutlivesEdit) => {
            if until <= now {
                return Err(format!(
                    "its approval lapsed at {}; have it approved again (`holdline approvals waiting`), then release it",
                    rfc3339(until)
                ));
            }
        }
        (None, _) | (_, None) => return Err("it is not approved".into()),
        _ => return Err("its text is not the one that was approved".into()),
    }
    serde_json::from_str(&row.rendition)
        .map(|r| (r, hash))
        .map_err(|e| format!("its rendition cannot be read: {e}"))
}

fn grant(
    app: &App,
    row: &InHand,
    rendition: Rendition,
    subject: Subject,
    (epoch, now): (i64, Millis),
) -> Permit {
    Permit {
        attempt: app.id(),
        delivery: row.id.clone(),
        channel: row.channel_id.clone(),
        channel_version: row.channel_version,
        number: row.permits + 1,
        epoch,
        tries: row.attempts + 1,
        // The same over all attempts at one delivery: receivers that dedupe by key see one post.
        key: row.id.clone(),
        kind: row.kind.clone(),
        incident: row.incident_id.clone(),
        revises: row.revises.clone(),
        post: row.post_id.clone(),
        rendition,
        subject,
        created_at: row.created_at,
        valid_until: row.valid_until,
        permitted_at: now,
    }
}

fn attempt(app: &App, row: &InHand, permit: &Permit, hash: String) -> Attempt {
    Attempt {
        id: permit.attempt.clone(),
        delivery_id: row.id.clone(),
        number: permit.number,
        idempotency_key: permit.key.clone(),
        content_hash: if planted(Planted::AttemptHasAnotherHash) { ::channels::hash(b"") } else { hash },
        body: row.rendition.clone(),
        node_id: app.node().into(),
        incarnation: app.incarnation().into(),
        epoch: permit.epoch,
        permitted_at: permit.permitted_at,
        outcome: None,
        detail: None,
        remote_id: None,
        settled_at: None,
        reads: 0,
        absent: 0,
        next_read_at: None,
        handle: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crisis_post_has_room_beyond_what_is_free() {
        let mut rooms = Rooms::default();
        rooms.set("full", 0);
        rooms.set("one", 1);
        assert!(rooms.take("full", Lane::Crisis) && !rooms.take("full", Lane::Routine));
        assert!(rooms.take("one", Lane::Routine) && !rooms.take("one", Lane::Routine));
        assert!(!rooms.take("unknown", Lane::Crisis));
    }
}
