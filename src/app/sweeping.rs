//! Holding what a network would publish by itself, as the sender does it: what is to be done, and what
//! became of it. Nothing is touched before it is written down; what a request did is read back.
//!
//! A freeze is one row and waits for none of this. A sweep starts when it is committed, and again every
//! minute while it is in force, because somebody can schedule anew in the network.

use ::channels::scheduler::{GONE, Scheduled, Standing};
use serde_json::{Value, json};

use super::channels::Channel;
use super::hub::Topic;
use super::{Actor, App, Result};
use crate::clock::{Millis, date_time, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::freeze::Order;
use crate::domain::sweep::{ASKED_FOR, Stand, covering, rest, turn, wait};
use crate::store::freezes::Freeze;
pub(crate) use crate::store::sweeps::Swept;
use crate::store::{Tx, Unaudited};

/// Longer than one post takes: who has it in hand for longer was stopped.
pub(super) const IN_HAND: Millis = 5 * 60_000;
/// How near its time a post that is gone was surely to come: networks publish some minutes early.
const NEAR: Millis = 11 * 60_000;

const LIFTED: &str = "the freeze was lifted before it was held";
pub(super) const ARRIVES: &str = "the freeze was lifted, and a request to hold it may still arrive there: it is read once more before it is left";
pub(super) const UNKNOWN: &str = "it is not known what the request to hold it did, and the network could not be asked: look at the account before you decide";
pub(super) const PERHAPS_OUT: &str = "it is not known what the request to hold it did, and its time is over, so it may be public: look at the account before you decide";
pub(super) const NO_EFFECT: &str = "the request to hold it had no effect; it is tried again";
const DRAWN_BACK: &str = "somebody else took it off the schedule; it is not ours to put back";
pub(super) const UNSEEN: &str = "the answer to the request to hold it was lost, and now it is off the schedule: by Holdline, or by somebody else";
pub(crate) const ASTRAY: &str =
    "the channel leads elsewhere since it was found: look at the account that it was on";

/// What of the channel is in one of these states and in nobody's hand, the most urgent first.
///
/// # Errors
/// The database's own.
pub(crate) async fn waiting(app: &App, channel: &str, stands: &[Stand]) -> Result<Vec<Swept>> {
    let now = app.now();
    let live = app.store().swept_live().await?.into_iter().filter(|row| row.channel_id == channel);
    let is = |row: &Swept| {
        let stand = Stand::parse(&row.state).ok().filter(|s| stands.contains(s));
        // What could not be held rests, and is in nobody's hand.
        stand.is_some_and(|s| row.in_hand_until <= now || matches!(s, Stand::Found | Stand::CouldNot))
    };
    Ok(live.filter(is).collect())
}

/// What waits to be held, in the order in which it is tried.
///
/// # Errors
/// The database's own.
pub(crate) async fn in_turn(app: &App, channel: &str) -> Result<Vec<Swept>> {
    let mut rows = waiting(app, channel, &[Stand::Found, Stand::CouldNot]).await?;
    let now = app.now();
    rows.sort_by_key(|row| turn(now, row.due_at, row.tries));
    Ok(rows)
}

/// A post that could not be held, as it is by now.
///
/// # Errors
/// The database's own.
pub(crate) async fn not_held(app: &App, id: &str) -> Result<Option<Swept>> {
    Ok(app.store().swept(id).await?.filter(|row| row.state == Stand::CouldNot.word()))
}

/// Whether a post may be tried now.
pub(crate) fn is_rested(app: &App, row: &Swept) -> bool {
    row.in_hand_until <= app.now()
}

/// Takes a post in hand: from here on the request may leave. Nothing: another node has it, or no freeze
/// covers it any more.
///
/// # Errors
/// The database's own.
pub(crate) async fn take(app: &App, row: &Swept) -> Result<Option<Swept>> {
    let Some(c) = app.store().channel(&row.channel_id).await? else { return Ok(None) };
    let mut tx = app.store().begin_guarded().await?;
    let Some(freeze) = in_force(&mut tx, &c).await? else {
        let (left, verb) = uncovered(app, row);
        change(app, tx, row, &left, verb).await?;
        return Ok(None);
    };
    let taken = Swept {
        freeze_id: freeze.id,
        in_hand_until: app.now() + IN_HAND,
        tries: row.tries + 1,
        asked_at: Some(app.now()),
        ..to(app, row, Stand::Holding)
    };
    if row.state != Stand::Found.word() {
        // The log has it once, however often it is tried.
        let ours = tx.update_swept(row, &taken).await?;
        tx.commit_unaudited(Unaudited::Lease).await?;
        return Ok(ours.then_some(taken));
    }
    let ours = change(app, tx, row, &taken, "sweep.holding").await?;
    Ok(ours.then_some(taken))
}

/// What becomes of a post that no freeze covers any more. Where a request to hold it may still arrive, it is
/// read once more when none can.
fn uncovered(app: &App, row: &Swept) -> (Swept, &'static str) {
    let Some(asked) = row.asked_at else {
        return (Swept { reason: Some(LIFTED.to_owned()), ..to(app, row, Stand::Left) }, "sweep.left");
    };
    let in_hand_until = app.now().max(asked + IN_HAND);
    let holding = to(app, row, Stand::Holding);
    (Swept { reason: Some(ARRIVES.to_owned()), in_hand_until, ..holding }, "sweep.unknown")
}

/// Whether a post is in nobody's hand, because it was to be read once more when no request can arrive.
pub(super) fn is_parked(row: &Swept) -> bool {
    let arrives = row.reason.as_deref() == Some(ARRIVES) && row.state == Stand::Holding.word();
    // Who reads it has it for longer.
    arrives && row.asked_at.is_some_and(|asked| row.in_hand_until <= row.changed_at.max(asked + IN_HAND))
}

/// Closes what was found and not touched, unless a freeze in force covers it; whether it did something.
///
/// # Errors
/// The database's own.
pub(crate) async fn leave(app: &App, row: &Swept) -> Result<bool> {
    let Some(c) = app.store().channel(&row.channel_id).await? else { return Ok(false) };
    let mut tx = app.store().begin_guarded().await?;
    if in_force(&mut tx, &c).await?.is_some() {
        tx.commit_unaudited(Unaudited::Look).await?;
        return Ok(false);
    }
    let (left, verb) = uncovered(app, row);
    change(app, tx, row, &left, verb).await
}

/// Takes in hand what a request was made for that nobody knows the end of, to read it.
///
/// # Errors
/// The database's own.
pub(crate) async fn take_again(app: &App, row: &Swept) -> Result<Option<Swept>> {
    let taken = Swept { in_hand_until: app.now() + IN_HAND, tries: row.tries + 1, ..row.clone() };
    Ok(lease(app, row, &taken).await?.then_some(taken))
}

/// Writes down where a post stands that was in hand, and what people should know of it when it is held.
///
/// # Errors
/// The database's own.
pub(crate) async fn settle(app: &App, row: &Swept, stands: Standing, caution: Option<&str>) -> Result<()> {
    let (stand, verb, reason) = match &stands {
        Standing::Held { .. } => (Stand::Held, "sweep.held", caution),
        Standing::Out(why) | Standing::Gone(why) => (Stand::GoneOut, "sweep.gone_out", Some(why.as_str())),
        Standing::Scheduled(_) => return could_not(app, row, still_asked(row), NO_EFFECT).await,
        Standing::Unknown(_) if is_old(app, row) => return give_up(app, row).await,
        Standing::Unknown(why) => (Stand::Holding, "sweep.unknown", Some(why.as_str())),
    };
    let reason = reason.map(str::to_owned);
    let after = match &stands {
        // It stays as it is, since when it is so, and is read again.
        Standing::Unknown(_) => Swept { reason, in_hand_until: asked_next(app, row), ..row.clone() },
        Standing::Held { mark } => Swept { reason, kept_mark: Some(mark.clone()), ..to(app, row, stand) },
        _ => Swept { reason, kept_mark: None, ..to(app, row, stand) },
    };
    change(app, app.store().begin().await?, row, &after, verb).await.map(drop)
}

/// When the network is asked again about a post of which it is not known what a request did.
pub(super) fn asked_next(app: &App, row: &Swept) -> Millis {
    // What is held is not on the schedule, as far as is known.
    let holds = row.state == Stand::Holding.word();
    let due = if holds { row.due_at } else { row.restore_at.unwrap_or(Millis::MAX) };
    wait(app.now(), row.changed_at, due)
}

/// The network was not reached: what waits for an answer of it, or for a request to it, rests a while.
///
/// # Errors
/// The database's own.
pub(crate) async fn put_off(app: &App, row: &Swept) -> Result<()> {
    let after = Swept { in_hand_until: asked_next(app, row), ..row.clone() };
    lease(app, row, &after).await.map(drop)
}

/// When the request left that can still arrive, of a post that is in hand and was read to be on the schedule.
/// None can that left so long before the read.
pub(super) fn still_asked(row: &Swept) -> Option<Millis> {
    row.asked_at.filter(|at| at + IN_HAND > row.in_hand_until - IN_HAND)
}

/// Whether it was asked for long enough what a request for the post did: since it stands as it does.
pub(crate) fn is_old(app: &App, row: &Swept) -> bool {
    row.changed_at + ASKED_FOR <= app.now()
}

/// A post waits for a person: nobody knows what the request to hold it did, and the network cannot be asked.
///
/// # Errors
/// The database's own.
pub(crate) async fn give_up(app: &App, row: &Swept) -> Result<()> {
    let reason = Some(if row.due_at > app.now() { UNKNOWN } else { PERHAPS_OUT }.to_owned());
    let held = Swept { kept_mark: Some(GONE.to_owned()), reason, ..to(app, row, Stand::Held) };
    change(app, app.store().begin().await?, row, &held, "sweep.held").await.map(drop)
}

/// A post could not be held, and is still on the schedule: it rests, the longer the more often that was so,
/// and not when its time is near. `asked_at` is when a request left whose end nobody has seen, if one did.
///
/// # Errors
/// The database's own.
pub(crate) async fn could_not(app: &App, row: &Swept, asked_at: Option<Millis>, why: &str) -> Result<()> {
    // A lost answer says nothing about the next try.
    let rests = if why == NO_EFFECT { 0 } else { rest(app.now(), row.due_at, row.tries) };
    let stands = to(app, row, Stand::CouldNot);
    let after = Swept { reason: Some(why.to_owned()), in_hand_until: rests, asked_at, ..stands };
    if row.reason.as_deref() == Some(why) {
        // As before: the log has it.
        return lease(app, row, &after).await.map(drop);
    }
    change(app, app.store().begin().await?, row, &after, "sweep.could_not").await.map(drop)
}

/// What was found is not on the schedule any more, and no request to hold it can have done that: where it
/// stands by now.
///
/// # Errors
/// The database's own.
pub(crate) async fn missing(app: &App, row: &Swept, stands: &Standing) -> Result<()> {
    let (stand, verb, why) = match stands {
        Standing::Out(why) => (Stand::GoneOut, "sweep.gone_out", why.as_str()),
        Standing::Gone(why) if row.due_at - app.now() < NEAR => {
            (Stand::GoneOut, "sweep.gone_out", why.as_str())
        }
        Standing::Held { .. } | Standing::Gone(_) => (Stand::Left, "sweep.left", DRAWN_BACK),
        Standing::Scheduled(_) | Standing::Unknown(_) => return Ok(()),
    };
    let after = Swept { reason: Some(why.to_owned()), ..to(app, row, stand) };
    change(app, app.store().begin().await?, row, &after, verb).await.map(drop)
}

/// The channel leads to another account than when the post was found, and nothing can be asked about it: what
/// was not touched is left, and the rest waits for a person.
///
/// # Errors
/// The database's own.
pub(crate) async fn astray(app: &App, row: &Swept) -> Result<()> {
    let (after, verb) = match row.asked_at {
        None => (to(app, row, Stand::Left), "sweep.left"),
        Some(_) => (Swept { kept_mark: Some(GONE.to_owned()), ..to(app, row, Stand::Held) }, "sweep.held"),
    };
    let after = Swept { reason: Some(ASTRAY.to_owned()), ..after };
    change(app, app.store().begin().await?, row, &after, verb).await.map(drop)
}

/// What people should know of a post that is off the schedule after a request whose answer was lost.
pub(crate) fn unseen(caution: Option<String>) -> Option<String> {
    caution.or_else(|| Some(UNSEEN.to_owned()))
}

/// The post as the network knows it.
pub(crate) fn scheduled(row: &Swept) -> Scheduled {
    Scheduled {
        remote_id: row.remote_id.clone(),
        due: date_time(row.due_at),
        words: row.words.clone(),
        snapshot: serde_json::from_str(&row.snapshot).unwrap_or(Value::Null),
        mark: row.mark.clone(),
    }
}

/// A row in another state, in nobody's hand.
pub(super) fn to(app: &App, row: &Swept, stand: Stand) -> Swept {
    let state = stand.word().to_owned();
    Swept { state, in_hand_until: 0, changed_at: app.now(), ..row.clone() }
}

/// The freeze in force that covers what the channel's network publishes, as this change sees it.
pub(super) async fn in_force(tx: &mut Tx, c: &Channel) -> Result<Option<Order>> {
    let freezes = tx.freezes_in_force().await?;
    let orders = freezes.iter().map(Freeze::order).collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(covering(&orders, &c.id, &c.brand).cloned())
}

/// Changes a row without an entry in the log; whether nobody had changed it since it was read.
pub(super) async fn lease(app: &App, from: &Swept, to: &Swept) -> Result<bool> {
    let mut tx = app.store().begin().await?;
    let ours = tx.update_swept(from, to).await?;
    tx.commit_unaudited(Unaudited::Lease).await?;
    Ok(ours)
}

/// Changes a row that nobody has changed since it was read; whether it did. What is as it was before has
/// no entry in the log.
pub(super) async fn change(app: &App, mut tx: Tx, from: &Swept, to: &Swept, verb: &str) -> Result<bool> {
    let changed = tx.update_swept(from, to).await?;
    let told = from.state != to.state || from.reason != to.reason;
    let entry = Entry::new(verb, &format!("swept:{}", from.id)).before(&from.state).after(&json!({
        "state": to.state, "channel": to.channel_id, "remote_id": to.remote_id, "freeze": to.freeze_id,
        "due": rfc3339(to.due_at), "restore_at": to.restore_at.map(rfc3339), "new_id": to.new_id,
    }));
    let entry = to.reason.iter().fold(entry, |entry, why| entry.note(why));
    finish(app, tx, if changed && told { vec![entry] } else { Vec::new() }).await?;
    Ok(changed)
}

/// Commits, with the entries if there are any.
pub(super) async fn finish(app: &App, tx: Tx, entries: Vec<Entry>) -> Result<()> {
    if entries.is_empty() {
        return Ok(tx.commit_unaudited(Unaudited::Look).await?);
    }
    app.commit(tx, &Actor::service(app.node()), &entries, &[Topic::Sweeps]).await
}
