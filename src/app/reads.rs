//! Reading back what is in doubt: when, what was seen, and what that proves.

use ::channels::planted::{Planted, planted};
use ::channels::{Rendition, ledger, parts};

use super::hub::Topic;
use super::nodes::SILENT;
use super::owners::Claimant;
use super::sending::seed;
use super::{Actor, App, AppError, Result, handles, promises, revisions, still_live};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::outcome::{self, Doubt, Trust};
use crate::store::attempts::Settled;
pub use crate::store::attempts::{Attempt, Read};
use crate::store::deliveries::{Change, Delivery};
use crate::store::{Tx, Unaudited};

/// Most reads of one channel in one go.
const TOGETHER: i64 = 50;

/// What a read of an attempt in doubt saw.
#[derive(Debug, Clone)]
pub enum Seen {
    Found {
        remote_id: String,
        url: Option<String>,
        /// The network knows a post by its words alone.
        by_words: bool,
        /// Whatever else a person should read.
        note: Option<String>,
    },
    Absent,
    /// Of new words: the post that was to get them is gone, and why nothing comes of it.
    Gone(String),
    Unknown(String),
}

/// Writes down a read of an attempt in doubt, and settles it when that is proof. A post that is known by
/// its words alone is none as long as another delivery of the account can have made it.
///
/// # Errors
/// The database's own.
pub async fn note_read(app: &App, attempt: &str, delivery: &str, seen: &Seen, trust: Trust) -> Result<()> {
    let now = app.now();
    let mut claimant = match seen {
        Seen::Found { by_words: true, .. } => Some(claimant(app, delivery).await?),
        _ => None,
    };
    let first = match seen {
        Seen::Found { .. } => {
            revisions::first_of(app, &super::sending::delivery(app, delivery).await?.post_id).await?
        }
        _ => None,
    };
    let mut tx = app.store().begin().await?;
    if let Some(claimant) = &mut claimant {
        claimant.lock(&mut tx).await?;
    }
    let found: &[&str] = if matches!(seen, Seen::Found { .. }) { &[delivery] } else { &[] };
    promises::lock(&mut tx, found).await?;
    // Both are locked before they are judged: a person may settle the doubt at the same moment.
    let a = tx.attempt(attempt).await?.ok_or_else(|| AppError::not_found("attempt", attempt))?;
    let d = tx.delivery(delivery).await?.ok_or_else(|| AppError::not_found("delivery", delivery))?;
    if a.outcome.as_deref() != Some("in_doubt") || d.state != State::InDoubt.word() {
        // It was settled otherwise: nothing is read any more.
        tx.end_reads(&a.id).await?;
        tx.commit_unaudited(Unaudited::Look).await?;
        return Ok(());
    }
    let seen = proven(claimant.as_ref(), &mut tx, &a, seen).await?;
    let by = Actor::service(app.node());
    let subject = format!("delivery:{}", d.id);
    let (absent, detail) = match &seen {
        Seen::Found { remote_id, url, note, .. } => {
            return there(app, tx, (&a, &d), (remote_id, url.as_ref(), note.as_ref()), first.as_deref())
                .await;
        }
        Seen::Gone(why) => return gone(app, tx, &a, &d, why).await,
        Seen::Absent => (a.absent + 1, "read back: not there".to_owned()),
        Seen::Unknown(why) => (0, format!("read back: {why}")),
    };
    let since = now - a.settled_at.unwrap_or(now);
    match next_step(trust, a.reads + 1, absent, since) {
        Doubt::NoEffect => {
            let nothing = "no effect: reading back found nothing";
            tx.settle_attempts(&[settled(&a, "rejected", nothing, None, now)]).await?;
            let change = without_effect(&d, &a, now);
            let entry = Entry::new("doubt.settled", &subject).after(&serde_json::json!({"attempt": a.id,
                "no_effect": true, "reads": a.reads + 1, "delivery": change.state}));
            let is_over = [State::Failed, State::Expired].iter().any(|s| s.word() == change.state);
            let over: Vec<&str> = is_over.then_some(d.id.as_str()).into_iter().collect();
            tx.change_deliveries(&[change]).await?;
            let mut entries = vec![entry];
            entries.extend(still_live::note_over(app, &mut tx, &over).await?);
            app.commit(tx, &by, &entries, &[Topic::Queue]).await
        }
        Doubt::ReadAfter(after) => {
            let at = (a.settled_at.unwrap_or(now) + after).max(now + 1_000);
            tx.note_read(&a.id, absent, Some(at), &detail).await?;
            tx.commit_unaudited(Unaudited::Look).await?;
            Ok(())
        }
        Doubt::AskPerson => {
            tx.note_read(&a.id, absent, None, &detail).await?;
            // The log names no recipients.
            let entry = Entry::new("doubt.left_to_people", &subject).note(ledger::public(&detail));
            app.commit(tx, &by, &[entry], &[Topic::Queue]).await
        }
    }
}

fn next_step(trust: Trust, reads: i64, absent: i64, since: Millis) -> Doubt {
    if planted(Planted::AbsentOnceIsBelieved) && absent >= 1 {
        return Doubt::NoEffect;
    }
    outcome::next_step(trust, reads, absent, since)
}

/// The post is there, by that id and at that address; or it was, when it was one whose words this changed (`first`).
async fn there(
    app: &App,
    mut tx: Tx,
    (a, d): (&Attempt, &Delivery),
    (remote_id, url, note): (&String, Option<&String>, Option<&String>),
    first: Option<&str>,
) -> Result<()> {
    let now = app.now();
    // Some networks tell that it is there, and not what they call it.
    let named = Some(remote_id).filter(|id| !id.is_empty());
    tx.settle_attempts(&[settled(a, "accepted", "found by reading back", named, now)]).await?;
    let mut entries = promises::keep(&mut tx, &[d.id.as_str()]).await?;
    let mut change = Change {
        remote_id: named.cloned(),
        remote_url: url.cloned(),
        reason: note.cloned(),
        settled_at: Some(now),
        ..Change::to(&d.id, State::Accepted.word())
    };
    let entry = Entry::new("doubt.settled", &format!("delivery:{}", d.id))
        .after(&serde_json::json!({"attempt": a.id, "found": remote_id, "url": url}));
    entries.push(entry);
    entries.extend(revisions::or_gone(app, &mut tx, first, &d.channel_id, &mut change).await?);
    tx.change_deliveries(&[change]).await?;
    entries.extend(still_live::note(app, &mut tx, &[d.id.as_str()]).await?);
    app.commit(tx, &Actor::service(app.node()), &entries, &[Topic::Queue]).await
}

/// The post that was to get other words is gone, so they are nowhere.
async fn gone(app: &App, mut tx: Tx, a: &Attempt, d: &Delivery, why: &str) -> Result<()> {
    let now = app.now();
    tx.settle_attempts(&[settled(a, "rejected", why, None, now)]).await?;
    let change = Change { settled_at: Some(now), ..Change::to(&d.id, State::Failed.word()).because(why) };
    tx.change_deliveries(&[change]).await?;
    let entry = Entry::new("doubt.settled", &format!("delivery:{}", d.id))
        .after(&serde_json::json!({"attempt": a.id, "gone": true}))
        .note(why);
    app.commit(tx, &Actor::service(app.node()), &[entry], &[Topic::Queue]).await
}

/// What is known of all attempts at the delivery of one: when the first was permitted, and the newest handle
/// that one of them with the same words has.
pub(crate) async fn history(app: &App, of: &Attempt) -> Result<(Millis, Option<String>)> {
    let all = app.store().attempts(&of.delivery_id).await?;
    let first = all.first().map_or(of.permitted_at, |a| a.permitted_at);
    Ok((first, handles::newest(&all, &of.content_hash)))
}

/// Whether parts of a thread are written down as out, or some recipients have it, or may have it.
///
/// # Errors
/// The database's own.
pub(super) async fn has_parts_out(app: &App, delivery: &str) -> Result<bool> {
    Ok(parts_are_out(&app.store().attempts(delivery).await?))
}

/// The same by the attempts at it.
pub(super) fn parts_are_out(all: &[Attempt]) -> bool {
    let is_thread = |body: &str| serde_json::from_str::<Rendition>(body).is_ok_and(|r| !r.more.is_empty());
    let is_out = |handle: &String| parts::out(handle).next().is_some();
    let has_parts = all.iter().any(|a| a.handle.as_ref().is_some_and(is_out) && is_thread(&a.body));
    has_parts || handles::of_last(all).as_deref().is_some_and(ledger::is_out)
}

async fn claimant(app: &App, delivery: &str) -> Result<Claimant> {
    Claimant::read(app, &super::sending::delivery(app, delivery).await?).await
}

/// What was seen, as far as the post that was found cannot be another delivery's.
async fn proven(claimant: Option<&Claimant>, tx: &mut Tx, of: &Attempt, seen: &Seen) -> Result<Seen> {
    let (Some(claimant), Seen::Found { remote_id, .. }) = (claimant, seen) else { return Ok(seen.clone()) };
    Ok(claimant.doubt(tx, of, remote_id).await?.map_or_else(|| seen.clone(), Seen::Unknown))
}

/// Why the post that a look by words found may be another delivery's, if it may.
pub(crate) async fn doubt_about(app: &App, of: &Attempt, remote_id: &str) -> Result<Option<String>> {
    let mut claimant = claimant(app, &of.delivery_id).await?;
    let mut tx = app.store().begin().await?;
    claimant.lock(&mut tx).await?;
    let doubt = claimant.doubt(&mut tx, of, remote_id).await?;
    tx.commit_unaudited(Unaudited::Look).await?;
    Ok(doubt)
}

fn settled(
    a: &Attempt,
    outcome: &'static str,
    detail: &str,
    remote: Option<&String>,
    now: Millis,
) -> Settled {
    Settled {
        id: a.id.clone(),
        outcome,
        detail: Some(detail.to_owned()),
        remote_id: remote.cloned(),
        at: now,
        next_read_at: None,
    }
}

/// What becomes of a delivery whose attempt had no effect after all: the same as of one that was
/// rejected. It is tried again after a while, if that is not past its expiry, and not for ever.
fn without_effect(d: &Delivery, a: &Attempt, now: Millis) -> Change {
    const WHY: &str = "read back: not there";
    let at = now + outcome::backoff(d.attempts, seed(&a.id));
    if d.valid_until.is_some_and(|v| v <= at) {
        let expired = Change::to(&d.id, State::Expired.word()).because(WHY);
        return Change { settled_at: Some(now), ..expired };
    }
    if d.attempts >= outcome::MAX_ATTEMPTS {
        let failed = Change::to(&d.id, State::Failed.word()).because("read back: not there, time and again");
        return Change { settled_at: Some(now), ..failed };
    }
    Change { ready_at: Some(at), ..Change::to(&d.id, State::Scheduled.word()).because(WHY) }
}

/// Attempts in doubt whose read is due and that this node reads: its own, and those of nodes that
/// are gone or silent; of each channel only the first ones.
///
/// # Errors
/// The database's own.
pub async fn due(app: &App) -> Result<Vec<Read>> {
    let now = app.now();
    Ok(app.store().to_read(app.node(), now - SILENT, now, TOGETHER).await?)
}

/// When the earliest attempt in doubt is to be read back.
///
/// # Errors
/// The database's own.
pub async fn next(app: &App) -> Result<Option<Millis>> {
    Ok(app.store().next_read(app.node(), app.now() - SILENT).await?)
}

/// The newest attempt at a delivery.
pub(crate) async fn last(app: &App, delivery: &str) -> Result<Option<Attempt>> {
    Ok(app.store().attempts(delivery).await?.pop())
}

/// The attempt at a delivery that is in doubt.
pub(crate) async fn in_doubt(app: &App, delivery: &str) -> Result<Option<Attempt>> {
    let all = app.store().attempts(delivery).await?;
    Ok(all.into_iter().rfind(|a| a.outcome.as_deref() == Some("in_doubt")))
}
