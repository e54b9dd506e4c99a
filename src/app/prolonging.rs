//! Moving on what a network keeps held only until a date: in time, and for as long as it is held, also after the
//! thaw, until a person has decided. The request is written down before it leaves; when it fails, people are told,
//! and it is tried again, ever more often as the date comes near.

use ::channels::dated::{self, Prolonged, held_until};
use ::channels::facebook;
use ::channels::scheduler::GONE;
use serde_json::json;

use super::sweeping::{IN_HAND, PERHAPS_OUT, Swept, finish, scheduled, to};
use super::{App, Result};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::sweep::{Stand, look_at, prolong_at};

/// How the reason begins when it fails, before that date and after it.
const FAILS: &str = "it is held only until its date in the network, and could not be moved on";
const OVER: &str =
    "its date in the network is over and it could not be moved on, so it may be public: look there";
const CHANGED: &str = "somebody has changed it in the network since it was held: it is left there, and goes out at its date there";
/// Said while it is not known whether a request to move it on had an effect.
pub(super) const MOVES: &str = "it is being moved on in the network; decide again in some minutes";

/// Until when it is held, where that has an end.
pub(super) fn until(row: &Swept) -> Option<Millis> {
    let is_held = [Stand::Held, Stand::Restoring, Stand::Dropping].iter().any(|s| s.word() == row.state);
    let mark = row.kept_mark.as_deref().filter(|_| is_held)?;
    held_until(mark).map(|until| until.timestamp_millis())
}

/// Whether a request to move it on has left, or is about to, and nobody has seen yet what it did.
pub(super) fn is_under_way(row: &Swept) -> bool {
    until(row).is_some() && row.asked_at > Some(row.changed_at)
}

fn fails(row: &Swept) -> bool {
    row.reason.as_deref().is_some_and(|why| why.starts_with(FAILS) || why.starts_with(OVER))
}

/// Why it is held no longer than until its date, or not even that any more.
fn failing(row: &Swept, now: Millis, why: &str) -> String {
    let is_over = until(row).is_some_and(|until| until <= now);
    format!("{}: {why}", if is_over { OVER } else { FAILS })
}

/// Whether nobody knows what a request to hold it did, where such a one moves it to a date.
fn is_unknown(row: &Swept) -> bool {
    let is_held = row.state == Stand::Held.word() && row.kept_mark.as_deref() == Some(GONE);
    is_held && held_until(&row.mark).is_some()
}

/// What people read of such a one once its time is over.
fn unknown(row: &Swept, now: Millis) -> Option<String> {
    (row.due_at <= now).then(|| PERHAPS_OUT.to_owned())
}

/// Whether a post that is held is only for a later date, as a request to move it on leaves it.
pub(super) fn is_moved_on(row: &Swept, mark: &str) -> bool {
    kept_mark(row).is_some_and(|kept| dated::is_moved_on(&kept, mark))
}

/// The mark of a hold, as it would be made by now.
pub(super) fn kept_mark(row: &Swept) -> Option<String> {
    let kept = row.kept_mark.clone()?;
    Some(facebook::renewed(&kept, &scheduled(row).snapshot).unwrap_or(kept))
}

/// A post that is held until a later date, as somebody has seen then.
pub(super) fn moved_on(row: &Swept, mark: &str, seen_at: Millis) -> Swept {
    let reason = row.reason.clone().filter(|_| !fails(row));
    Swept { kept_mark: Some(mark.to_owned()), reason, changed_at: seen_at, ..row.clone() }
}

/// Whether it is time to move it on.
pub(super) fn is_due(row: &Swept, now: Millis) -> bool {
    if is_unknown(row) {
        // A request of ours can have moved it, far ahead; or it goes out at its own time.
        let looked = row.asked_at.unwrap_or_default().max(row.changed_at);
        return look_at(looked, row.due_at) <= now && row.in_hand_until <= now;
    }
    let failed = (fails(row) || is_under_way(row)).then_some((row.asked_at.unwrap_or_default(), row.tries));
    let at = until(row).filter(|_| row.state == Stand::Held.word()).map(|until| prolong_at(until, failed));
    at.is_some_and(|at| at <= now) && row.in_hand_until <= now
}

/// What of the channel is to be moved on, in the order in which it ends.
///
/// # Errors
/// The database's own.
pub(crate) async fn waiting(app: &App, channel: &str) -> Result<Vec<Swept>> {
    let live = app.store().swept_live().await?.into_iter();
    let mut rows: Vec<_> = live.filter(|row| row.channel_id == channel && is_due(row, app.now())).collect();
    rows.sort_by_key(until);
    Ok(rows)
}

/// Takes it in hand: from here on the request may leave. Nothing: another node has it, or somebody has decided.
///
/// # Errors
/// The database's own.
pub(crate) async fn take(app: &App, row: &Swept) -> Result<Option<Swept>> {
    let now = app.now();
    let tries = if fails(row) { row.tries + 1 } else { 1 };
    let taken = Swept { in_hand_until: now + IN_HAND, asked_at: Some(now), tries, ..row.clone() };
    // The log has it once, however often it is tried.
    let told = !fails(row) && !is_unknown(row);
    Ok(write(app, row, &taken, "sweep.prolonging", told).await?.then_some(taken))
}

/// Writes down what the request did. `caution`: what people should know of it as it is held by now.
///
/// # Errors
/// The database's own.
pub(crate) async fn settle(app: &App, row: &Swept, did: Prolonged, caution: Option<String>) -> Result<()> {
    let (verb, after) = match did {
        Prolonged::Held { mark } => {
            let on = moved_on(&to(app, row, Stand::Held), &mark, app.now());
            // What was not known is known by now.
            let reason = on.reason.clone().filter(|_| !is_unknown(row) || mark == GONE);
            ("sweep.prolonged", Swept { reason: caution.or(reason), tries: 0, ..on })
        }
        Prolonged::Gone(_) => {
            let kept_mark = Some(GONE.to_owned());
            ("sweep.held", Swept { kept_mark, reason: caution, ..to(app, row, Stand::Held) })
        }
        Prolonged::Out(why) => {
            ("sweep.gone_out", Swept { reason: Some(why), ..to(app, row, Stand::GoneOut) })
        }
        Prolonged::Changed => {
            ("sweep.left", Swept { reason: Some(CHANGED.to_owned()), ..to(app, row, Stand::Left) })
        }
        Prolonged::Left(why) => return fail(app, row, &why).await,
        // It is still under way, and tried again: the next one reads first.
        Prolonged::Doubt(why) => {
            let reason = match is_unknown(row) {
                true => unknown(row, app.now()).or_else(|| row.reason.clone()),
                false => Some(failing(row, app.now(), &why)),
            };
            ("sweep.not_prolonged", Swept { reason, in_hand_until: 0, ..row.clone() })
        }
    };
    let is_as_before = after.kept_mark == row.kept_mark && after.state == row.state && is_unknown(row);
    let told = after.reason != row.reason || verb != "sweep.not_prolonged" && !is_as_before;
    write(app, row, &after, verb, told).await.map(drop)
}

/// It could not be moved on, and why: people are told, and it rests a while.
async fn fail(app: &App, row: &Swept, why: &str) -> Result<()> {
    if is_unknown(row) {
        let reason = unknown(row, app.now()).or_else(|| row.reason.clone());
        let told = reason != row.reason;
        let held = Swept { reason, ..to(app, row, Stand::Held) };
        return write(app, row, &held, "sweep.not_prolonged", told).await.map(drop);
    }
    let reason = Some(failing(row, app.now(), why));
    let told = reason != row.reason;
    let held = Swept { reason, ..to(app, row, Stand::Held) };
    if told {
        let until = until(row).map(rfc3339).unwrap_or_default();
        tracing::error!(post = row.id, until, why, "a post that is held in a network could not be moved on");
    }
    write(app, row, &held, "sweep.not_prolonged", told).await.map(drop)
}

/// Nothing can be asked about what is to be moved on: people are told. Whether there was something.
///
/// # Errors
/// The database's own.
pub(crate) async fn cannot(app: &App, channel: &str, why: &str) -> Result<bool> {
    let rows = waiting(app, channel).await?;
    for row in &rows {
        let tried = Swept { asked_at: Some(app.now()), tries: row.tries + 1, ..row.clone() };
        fail(app, &tried, why).await?;
    }
    Ok(!rows.is_empty())
}

/// Changes a row that nobody has changed since it was read, with an entry in the log if that is news; whether it did.
async fn write(app: &App, from: &Swept, to: &Swept, verb: &str, told: bool) -> Result<bool> {
    let mut tx = app.store().begin().await?;
    let changed = tx.update_swept(from, to).await?;
    let entry = Entry::new(verb, &format!("swept:{}", from.id)).before(&from.state).after(&json!({
        "state": to.state, "channel": to.channel_id, "remote_id": to.remote_id, "freeze": to.freeze_id,
        "due": rfc3339(to.due_at), "held_until": until(to).map(rfc3339),
    }));
    let entry = to.reason.iter().fold(entry, |entry, why| entry.note(why));
    finish(app, tx, if changed && told { vec![entry] } else { Vec::new() }).await?;
    Ok(changed)
}
