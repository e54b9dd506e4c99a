//! Why a delivery that is due gets no permit, and what becomes of it.

use ::channels::planted::{Planted, planted};

use super::access::other_account;
use super::{later_words, old_words};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::freeze::{Order, Subject, covering};
use crate::domain::post::PostState;
use crate::store::deliveries::{Change, InHand};

/// How long new words wait until it is looked again whether the old ones are out.
const NOT_SETTLED: Millis = 15_000;

/// What becomes of a delivery that gets no permit.
pub(super) struct Stopped {
    pub change: Change,
    /// What the log says of it. Nothing: it only waits.
    pub entry: Option<Entry>,
    /// Its reason says which change of an earlier post has stopped it.
    pub stop_told: bool,
}

impl Stopped {
    fn over(id: &str, state: State, verb: &str, now: Millis) -> Self {
        let change = Change { settled_at: Some(now), ..Change::to(id, state.word()) };
        Self { change, entry: Some(Entry::new(verb, &name(id))), stop_told: false }
    }

    /// Nothing changes but when it is looked at again.
    fn waits(change: Change) -> Self {
        Self { change, entry: None, stop_told: false }
    }

    fn held(id: &str, reason: &str) -> Self {
        let change = Change::to(id, State::Held.word()).because(reason);
        Self { change, entry: Some(Entry::new("delivery.held", &name(id)).note(reason)), stop_told: false }
    }
}

fn name(id: &str) -> String {
    format!("delivery:{id}")
}

/// Ends what was cancelled or has expired, and holds what is not approved any more, what a freeze covers, and
/// old words of a post that gets others, or of a later one of its recurrence; `so_far` says how much of the old ones is
/// out. New words wait until the old ones are out, and end when there are newer ones; all waits on a channel that leads to another
/// account. Nothing: it may go.
pub(super) fn stopped(
    row: &InHand,
    subject: &Subject,
    orders: &[Order],
    so_far: Option<&str>,
    now: Millis,
) -> Option<Stopped> {
    // It was under way when the post was cancelled, had no effect, and goes no more.
    let is_cancelled = row.post_state == PostState::Cancelled.word();
    let forgets = is_cancelled && planted(Planted::PermitForgetsCancelled);
    if is_cancelled && !forgets {
        let over = Stopped::over(&row.id, State::Cancelled, "delivery.cancelled", now);
        return Some(Stopped { entry: over.entry.map(|e| e.note("its post was cancelled")), ..over });
    }
    if row.valid_until.is_some_and(|v| v <= now) {
        return Some(Stopped::over(&row.id, State::Expired, "delivery.expired", now));
    }
    if row.post_state != PostState::Approved.word() && !forgets {
        return Some(Stopped::held(&row.id, &format!("its post is {} and needs approval", row.post_state)));
    }
    if row.newer.is_some() {
        return Some(cancelled(row, old_words::NEWER, now));
    }
    if let Some(order) = covering(orders, subject).filter(|_| !planted(Planted::PermitForgetsFreezes)) {
        let held = Change {
            freeze_id: Some(order.id.clone()),
            ..Change::to(&row.id, State::Held.word()).because("a freeze was in force when its time came")
        };
        let entry = Entry::new("delivery.held", &name(&row.id)).note(format!("by freeze {}", order.id));
        return Some(Stopped { change: held, entry: Some(entry), stop_told: false });
    }
    match (&row.changed_by, &row.stopped_by) {
        (Some(change), _) => Some(Stopped::held(&row.id, &old_words::held_by(change, so_far))),
        (None, Some(change)) => {
            Some(Stopped { stop_told: true, ..Stopped::held(&row.id, &later_words::held_by(change)) })
        }
        (None, None) => row
            .before
            .as_deref()
            .and_then(|before| not_yet(row, before, so_far, now))
            .or_else(|| other_account::wait(row, now).map(Stopped::waits)),
    }
}

/// What becomes of new words whose old ones are in that state.
fn not_yet(row: &InHand, before: &str, so_far: Option<&str>, now: Millis) -> Option<Stopped> {
    match State::parse(before) {
        Ok(State::Sending | State::InDoubt) => {
            let waits =
                Change { ready_at: Some(now + NOT_SETTLED), ..Change::to(&row.id, State::Scheduled.word()) };
            Some(Stopped::waits(waits.because(old_words::WAITS_FOR_IT)))
        }
        // The sender says of it that it was taken down.
        Ok(State::Accepted | State::Retracted) | Err(_) => None,
        Ok(_) => Some(cancelled(row, &old_words::not_out(so_far), now)),
    }
}

fn cancelled(row: &InHand, why: &str, now: Millis) -> Stopped {
    let over = Stopped::over(&row.id, State::Cancelled, "delivery.cancelled", now);
    Stopped { change: over.change.because(why), entry: over.entry.map(|e| e.note(why)), stop_told: false }
}
