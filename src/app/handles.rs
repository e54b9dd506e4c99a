//! The handle of an attempt: what a network with two steps calls the post before anybody can see it.
//!
//! It is written down before the public step, and only while the attempt has no outcome. So an attempt that
//! is in doubt and has no handle never made that step, and never will. Where a network sends to each recipient by
//! itself, it is the ledger of who has the post; a person's word about the post is written into that, too, and so is
//! into the handle of a thread that it is to be taken down.

use ::channels::{Other, Rendition, ledger, parts, text};

use super::owners::Claimant;
use super::posts::DeliveryView;
use super::{Actor, App, AppError, Result, retractions};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::store::Tx;
use crate::store::attempts::Attempt;
use crate::store::deliveries::{Change, Delivery};
use crate::store::handles::{Kept, OtherHandle};

/// An attempt can wait in its line before its requests leave: those of another delivery, permitted this long before
/// the first attempt in question, may have been made beside its own.
const NEAR: Millis = 24 * 3_600_000;

/// Writes down the handle of an attempt that is under way.
///
/// # Errors
/// When the attempt has an outcome already: others took it over, and its public step must not be made. Or the
/// database's own; then the handle may be written or not.
pub(crate) async fn keep(app: &App, attempt: &str, delivery: &str, handle: &str) -> Result<()> {
    let mut tx = app.store().begin().await?;
    // What goes to one recipient after the other stops in the middle, too.
    if ledger::asks(handle) && tx.is_over(delivery, app.now()).await? {
        return Err(AppError::Conflict(
            "the post was cancelled, gets other words, or its time is over; it goes to nobody more".into(),
        ));
    }
    if !tx.keep_handle(attempt, handle).await? {
        return Err(AppError::Conflict("the attempt was settled meanwhile; nothing was published".into()));
    }
    let entry = Entry::new("attempt.prepared", &format!("delivery:{delivery}"));
    // A ledger is about people: the log, which nothing is deleted from, gets its numbers.
    let entry = match ledger::logged(handle) {
        Some(ledger) => entry.after(&serde_json::json!({"attempt": attempt, "ledger": ledger})),
        None => entry.after(&serde_json::json!({"attempt": attempt, "handle": handle})),
    };
    app.commit(tx, &Actor::service(app.node()), &[entry], &[]).await
}

/// The newest handle of an attempt at the same delivery with the same words. In a ledger nothing is open that an
/// attempt without effect wrote down: its request was never made.
///
/// # Errors
/// The database's own.
pub(crate) async fn known(app: &App, attempt: &str) -> Result<Option<String>> {
    let Some(kept) = app.store().handle(attempt).await? else { return Ok(None) };
    if !ledger::has_unknown(&kept.handle) {
        return Ok(Some(kept.handle));
    }
    Ok(Some(ledger::without(kept.handle, &app.store().rejected(attempt).await?)))
}

/// The same within a change, with the attempt that has it.
pub(super) async fn known_in(tx: &mut Tx, attempt: &str) -> Result<Option<Kept>> {
    let Some(kept) = tx.handle(attempt).await? else { return Ok(None) };
    let void = tx.rejected(attempt).await?;
    Ok(Some(Kept { handle: ledger::without(kept.handle, &void), ..kept }))
}

/// The same of attempts that were read, in the order of their numbers.
pub(super) fn newest(all: &[Attempt], content_hash: &str) -> Option<String> {
    let mut kept = all.iter().rev().filter(|a| a.content_hash == content_hash);
    let handle = kept.find_map(|a| a.handle.clone())?;
    let void: Vec<i64> =
        all.iter().filter(|a| a.outcome.as_deref() == Some("rejected")).map(|a| a.number).collect();
    Some(ledger::without(handle, &void))
}

/// The same for the words of the last of them.
pub(super) fn of_last(all: &[Attempt]) -> Option<String> {
    newest(all, &all.last()?.content_hash)
}

/// How a post went out of which a part can be out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// In one piece.
    Whole,
    /// To each recipient by itself.
    List,
    /// In parts.
    Thread,
}

impl Way {
    fn of(handle: &str, body: &str) -> Self {
        let is_thread = || serde_json::from_str::<Rendition>(body).is_ok_and(|words| !words.more.is_empty());
        match () {
            () if ledger::is_ledger(handle) => Self::List,
            () if parts::out(handle).next().is_some() && is_thread() => Self::Thread,
            () => Self::Whole,
        }
    }

    /// How that delivery went out.
    ///
    /// # Errors
    /// The database's own.
    pub async fn read(app: &App, delivery: &str) -> Result<Self> {
        let all = app.store().attempts(delivery).await?;
        let handle = of_last(&all);
        Ok(handle.zip(all.last()).map_or(Self::Whole, |(handle, last)| Self::of(&handle, &last.body)))
    }
}

/// Whether a person wanted it taken down: nothing more of it is sent.
pub(crate) fn is_withdrawn(handle: &str) -> bool {
    ledger::is_withdrawn(handle) || parts::is_withdrawn(handle)
}

/// The same of a delivery within a change, with what people read of it: it cannot be sent on.
///
/// # Errors
/// The database's own.
pub(super) async fn why_over(tx: &mut Tx, delivery: &str) -> Result<Option<&'static str>> {
    let handle = of_last(&tx.attempts(delivery).await?);
    Ok(handle.is_some_and(|handle| is_withdrawn(&handle)).then_some(OVER))
}

const OVER: &str = "a person wanted it taken down, so it is not sent on; cancel it, and write a new post";

/// Writes a person's word about the newest attempt into its ledger, if it has one: `again`, it is to be tried again.
///
/// # Errors
/// When it is to be tried again, and somebody wanted it taken down; or the database's own.
pub(super) async fn judge(tx: &mut Tx, attempt: &str, again: bool) -> Result<()> {
    let Some(kept) = known_in(tx, attempt).await? else { return Ok(()) };
    if again && ledger::is_withdrawn(&kept.handle) {
        return Err(AppError::Conflict(
            "a person wanted it taken down, so it is not sent on; settle it as published or as not published, \
             and make a new post for the others"
                .into(),
        ));
    }
    if again && parts::is_withdrawn(&kept.handle) {
        return Err(AppError::Conflict(
            "a person wanted it taken down, so no part is sent after those; settle it as not published, and write a \
             new post"
                .into(),
        ));
    }
    if let Some(judged) = ledger::judged(&kept.handle, again) {
        tx.rewrite_handle(&kept.attempt, &judged).await?;
    }
    Ok(())
}

/// What people read of a ledger. Nothing of one that was to be taken down: what the take-down said stands. Of a post that is
/// known to be out, by reading back or by a person's word, those are no doubt any more of whom the ledger knows nothing.
fn note(d: &Delivery, state: State, handle: &str) -> Option<String> {
    if ledger::is_withdrawn(handle) && d.reason.is_some() {
        return None;
    }
    ledger::note(handle, state == State::Accepted)
}

/// The delivery as it was, with what people read of who has it by that ledger.
pub(super) fn told(d: &Delivery, state: State, handle: &str) -> Change {
    Change {
        reason: note(d, state, handle).or_else(|| d.reason.clone()),
        freeze_id: d.freeze_id.clone(),
        settled_at: d.settled_at,
        claimed_by: d.claimed_by.clone(),
        started: d.started != 0,
        ..Change::to(&d.id, state.word())
    }
}

/// How far the post has come, when its newest handle is the ledger of one that is not with everybody.
pub(super) async fn so_far(tx: &mut Tx, attempt: &str) -> Result<Option<String>> {
    Ok(known_in(tx, attempt).await?.and_then(|kept| ledger::so_far(&kept.handle)))
}

/// Whether a reason begins to count as that does: it goes on with who still waits, or what stopped the parts.
fn tells(reason: &str, so_far: &str) -> bool {
    // Of a thread it counts the parts.
    if so_far.starts_with(|c: char| c.is_ascii_digit()) {
        let mut numbers = so_far.split(' ').filter(|word| word.bytes().all(|b| b.is_ascii_digit()));
        let (out, of) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
        return reason.contains(so_far) || reason.contains(&format!("parts out: {out} of {of}; {}", ""));
    }
    let count = so_far.split(',').next().unwrap_or(so_far);
    reason.ends_with(count) || reason.contains(&format!("{count},"))
}

/// Tells of each delivery that is on its way how far it has come, unless its reason does, and whether a part of it is out. A
/// freeze in the middle of a list gives another reason, and this stays. What was taken down is told by what the network said
/// then.
///
/// # Errors
/// The database's own.
pub(super) async fn tell(app: &App, deliveries: &mut [DeliveryView]) -> Result<()> {
    let is_over = |d: &DeliveryView| matches!(d.state, State::Accepted | State::Retracted);
    for d in deliveries.iter_mut().filter(|d| d.attempts > 0 && !is_over(d)) {
        let all = app.store().attempts(&d.id).await?;
        let so_far = how_far_of(&all).filter(|_| !of_last(&all).is_some_and(|handle| is_withdrawn(&handle)));
        d.so_far = so_far.filter(|so_far| !d.reason.as_deref().is_some_and(|why| tells(why, so_far)));
        d.partly_out = retractions::is_partly_out(d.state, d.reason.as_deref(), &all)
            && retractions::takes_down(app, &d.channel).await?;
    }
    Ok(())
}

/// How far a delivery has come that is not out as a whole: to how many of a list, or with how many parts of a thread.
///
/// # Errors
/// The database's own.
pub(super) async fn how_far(app: &App, delivery: &str) -> Result<Option<String>> {
    Ok(how_far_of(&app.store().attempts(delivery).await?))
}

/// The same within a change, which no other connection may keep waiting: what is idle for long is taken back.
///
/// # Errors
/// The database's own.
pub(super) async fn how_far_in(tx: &mut Tx, delivery: &str) -> Result<Option<String>> {
    Ok(how_far_of(&tx.attempts(delivery).await?))
}

fn how_far_of(all: &[Attempt]) -> Option<String> {
    let (handle, last) = (of_last(all)?, all.last()?);
    if ledger::is_ledger(&handle) {
        return ledger::so_far(&handle);
    }
    let of = serde_json::from_str::<Rendition>(&last.body).map_or(1, |r| r.texts().count());
    let out = parts::out(&handle).count();
    (of > 1 && out > 0).then(|| format!("{out} of {of} parts are out"))
}

/// Writes into the newest handle of a delivery that a person wants the post taken down, where it went out to each
/// recipient or in parts: nothing more of it is sent. Which of them it is.
///
/// # Errors
/// The database's own.
pub(super) async fn withdraw(tx: &mut Tx, delivery: &str) -> Result<Way> {
    let Some(last) = tx.last_attempt(delivery).await? else { return Ok(Way::Whole) };
    let Some(kept) = known_in(tx, &last.id).await? else { return Ok(Way::Whole) };
    let way = Way::of(&kept.handle, &last.body);
    match way {
        Way::Whole => {}
        Way::List => {
            let withdrawn = ledger::withdrawn(&kept.handle).unwrap_or(kept.handle);
            tx.rewrite_handle(&kept.attempt, &withdrawn).await?;
        }
        Way::Thread => tx.rewrite_handle(&last.id, &parts::withdrawn(&kept.handle)).await?,
    }
    Ok(way)
}

/// Writes what the network says of single recipients into the ledger that an attempt goes by, whose delivery is not being sent.
/// The ledger then, and the entry of the log, if that is news.
///
/// # Errors
/// The database's own.
pub(super) async fn hear(
    tx: &mut Tx,
    (delivery, attempt): (&str, &str),
    words: &[ledger::Word],
) -> Result<Option<(String, Entry)>> {
    if words.is_empty() {
        return Ok(None);
    }
    let Some(kept) = known_in(tx, attempt).await? else { return Ok(None) };
    let Some(handle) = ledger::after(&kept.handle, words) else { return Ok(None) };
    tx.rewrite_handle(&kept.attempt, &handle).await?;
    // The log names no recipients.
    let heard =
        serde_json::json!({ "attempt": attempt, "words": words.len(), "ledger": ledger::logged(&handle) });
    let entry = Entry::new("delivery.reported", &format!("delivery:{delivery}")).after(&heard);
    Ok(Some((handle, entry)))
}

/// What is written down of other deliveries of the account with the same words, when the handle is a ledger with
/// somebody of whom nobody knows: a message to them may be another delivery's.
///
/// # Errors
/// The database's own.
pub(crate) async fn others(
    app: &App,
    delivery: &str,
    handle: Option<&str>,
    words: &Rendition,
) -> Result<Vec<Other>> {
    if !handle.is_some_and(ledger::has_unknown) {
        return Ok(Vec::new());
    }
    let claimant = Claimant::read(app, &super::sending::delivery(app, delivery).await?).await?;
    let (adapter, since) = (claimant.adapter(), claimant.first().saturating_sub(NEAR));
    let kin = claimant.kin_of(&app.store().channels().await?);
    let own = text::loose(&words.text);
    let is_same = |body: &str| {
        serde_json::from_str::<Rendition>(body).is_ok_and(|other| text::loose(&other.text) == own)
    };
    let rows = app.store().other_handles(adapter, delivery, since).await?;
    let same = rows.into_iter().filter(|row| kin.contains(&row.channel_id) && is_same(&row.body));
    let same: Vec<OtherHandle> = same.collect();
    Ok(same
        .chunk_by(|a, b| a.delivery_id == b.delivery_id && a.content_hash == b.content_hash)
        .filter_map(other)
        .collect())
}

/// The newest of the ledgers of one delivery with the same words, which are in the order of their numbers.
fn other(rows: &[OtherHandle]) -> Option<Other> {
    let newest = rows.last()?;
    let void = rows.iter().filter(|row| row.outcome.as_deref() == Some("rejected")).map(|row| row.number);
    let handle = ledger::without(newest.handle.clone(), &void.collect::<Vec<_>>());
    Some(Other { delivery: newest.delivery_id.parse().ok()?, handle })
}
