//! Carrying out what people decided about posts that are held inside networks: each once, and never into
//! the past.

use ::channels::scheduler::{Back, Discarded, GONE, Kept, Scheduled, Standing};

use super::sweeping::{
    IN_HAND, Swept, UNKNOWN, asked_next, change, in_force, is_old, lease, put_off, scheduled, still_asked, to,
};
use super::{App, Result};
use crate::clock::date_time;
use crate::domain::Word;
use crate::domain::freeze::Subject;
use crate::domain::sweep::{NEAREST, Stand, subject};
use crate::store::Unaudited;

const NO_TRACE: &str = "it is not known whether it was put back: the network does not show it; look at the account, and decide again";
const UNASKED: &str = "it is not known whether it was put back, and the network could not be asked: look at the account, and decide again";
const UNREACHED: &str = "the network was not reached for hours; decide again";
const ASKS: &str = "it is not known yet whether it was put back; the network is asked again";
const FROZEN: &str = "a freeze in force covers it; it is put back when that is lifted, by another decision";
pub(crate) const TOO_LATE: &str = "its new time came too near before it could be put back; give another one";
const THERE: &str =
    "it is on the network's schedule: the request to hold it had no effect, or somebody scheduled it again";
const WAITS: &str =
    "it waits for an approval in the network, and goes out at its new time once it is approved there";
const SCHEDULED: &str = "somebody scheduled it again in the network; it is left there";
/// Said of what is dropped where nothing can be done about it.
pub(super) const CLOSED: &str = "closed here, and nothing was done in the network: what was moved there is still on its schedule, so delete it there";
pub(super) const DISABLED: &str = "the channel is disabled";
/// Said when a channel leads to another account than when its post was found.
pub(super) const ELSEWHERE: &str =
    "the channel leads elsewhere since it was held; put it back in the network by hand";

/// Takes a decision in hand that is to be carried out, with what the gate judges it by. Nothing: another node
/// has it, or it cannot be.
///
/// # Errors
/// The database's own.
pub(crate) async fn take_decision(app: &App, row: &Swept, here: &str) -> Result<Option<(Swept, Subject)>> {
    let Some(c) = app.store().channel(&row.channel_id).await? else { return Ok(None) };
    let mut tx = app.store().begin_guarded().await?;
    // Once a request for it can have left, only a look is made, and that is always allowed.
    let restores = row.state == Stand::Restoring.word() && row.tries == 0;
    if row.place != here && row.state == Stand::Dropping.word() {
        let closed = Swept { reason: Some(CLOSED.to_owned()), ..to(app, row, Stand::Dropped) };
        change(app, tx, row, &closed, "sweep.closed").await?;
        return Ok(None);
    }
    let why = if row.place != here {
        Some(if restores { ELSEWHERE } else { UNASKED })
    } else if !restores {
        None
    } else if in_force(&mut tx, &c).await?.is_some() {
        Some(FROZEN)
    } else if is_too_late(app, row) {
        Some(TOO_LATE)
    } else {
        None
    };
    if let Some(why) = why {
        let held = Swept { reason: Some(why.to_owned()), restore_at: None, ..to(app, row, Stand::Held) };
        change(app, tx, row, &held, "sweep.undecided").await?;
        return Ok(None);
    }
    let taken = Swept { in_hand_until: app.now() + IN_HAND, tries: row.tries + 1, ..row.clone() };
    let ours = tx.update_swept(row, &taken).await?;
    tx.commit_unaudited(Unaudited::Lease).await?;
    Ok(ours.then(|| (taken, subject(&c.id, &c.brand))))
}

/// Whether a decision is about a post of which nobody knows what the hold did, so that it is read first. No
/// request of the decision has left.
pub(crate) fn is_unknown(row: &Swept) -> bool {
    let first = row.state == Stand::Dropping.word() || row.tries == 1;
    first && row.kept_mark.as_deref() == Some(GONE)
}

/// What the network shows of such a post. The row with that, when the decision can be carried out; nothing: it
/// is settled by what is shown. `deletes`: a hold can have deleted it.
///
/// # Errors
/// The database's own.
pub(crate) async fn seen(app: &App, row: Swept, stands: Standing, deletes: bool) -> Result<Option<Swept>> {
    let restores = row.state == Stand::Restoring.word();
    let (stand, verb, why) = match stands {
        Standing::Held { mark } => {
            let known = Swept { kept_mark: Some(mark), ..row.clone() };
            return Ok(lease(app, &row, &known).await?.then_some(known));
        }
        // It can be made again, or nothing of it is left.
        Standing::Gone(_) if deletes || !restores => return Ok(Some(row)),
        Standing::Gone(why) => (Stand::Left, "sweep.left", why),
        Standing::Out(why) => (Stand::GoneOut, "sweep.gone_out", why),
        Standing::Scheduled(_) => {
            if let Some(asked) = still_asked(&row) {
                // The request to hold it can still arrive: it is read once more when none can.
                let later = Swept { in_hand_until: asked + IN_HAND, tries: row.tries - 1, ..row.clone() };
                lease(app, &row, &later).await?;
                return Ok(None);
            }
            (Stand::Left, "sweep.left", THERE.to_owned())
        }
        Standing::Unknown(_) => (Stand::Held, "sweep.undecided", UNKNOWN.to_owned()),
    };
    let after = Swept { reason: Some(why), restore_at: None, ..to(app, &row, stand) };
    change(app, app.store().begin().await?, &row, &after, verb).await?;
    Ok(None)
}

/// Gives a decision back to people that cannot be carried out, because its channel cannot be used.
///
/// # Errors
/// The database's own.
pub(crate) async fn give_back(app: &App, row: &Swept, why: &str) -> Result<()> {
    // A request for it may have left.
    let why = if row.state == Stand::Restoring.word() && row.tries > 0 { UNASKED } else { why };
    let held = Swept { reason: Some(why.to_owned()), restore_at: None, ..to(app, row, Stand::Held) };
    change(app, app.store().begin().await?, row, &held, "sweep.undecided").await.map(drop)
}

/// Gives a decision back to people whose network is not reached for too long; until then it rests a while.
///
/// # Errors
/// The database's own.
pub(crate) async fn give_back_old(app: &App, row: &Swept) -> Result<()> {
    let restores = row.state == Stand::Restoring.word() && row.tries == 0;
    if restores && is_too_late(app, row) {
        return give_back(app, row, TOO_LATE).await;
    }
    if is_old(app, row) { give_back(app, row, UNREACHED).await } else { put_off(app, row).await }
}

/// Whether the new time of a post is too near for a request.
pub(crate) fn is_too_late(app: &App, row: &Swept) -> bool {
    row.restore_at.is_none_or(|at| date_time(at) < date_time(app.now() + NEAREST))
}

/// It is not known whether a post was put back: the network is asked again some time later, and when it does
/// not answer for hours, a person looks.
///
/// # Errors
/// The database's own.
pub(crate) async fn ask_again(app: &App, row: &Swept) -> Result<()> {
    if is_old(app, row) {
        return give_back(app, row, UNASKED).await;
    }
    let in_hand_until = asked_next(app, row);
    let after = Swept { reason: Some(ASKS.to_owned()), in_hand_until, ..row.clone() };
    change(app, app.store().begin().await?, row, &after, "sweep.unknown").await.map(drop)
}

/// Writes down what putting back did.
///
/// # Errors
/// The database's own.
pub(crate) async fn put_back(app: &App, row: &Swept, did: Back) -> Result<()> {
    let base = |stand| to(app, row, stand);
    let (verb, after) = match did {
        Back::Scheduled(id) => {
            ("sweep.restored", Swept { new_id: Some(id), reason: None, ..base(Stand::Restored) })
        }
        Back::Waits(id) => {
            let reason = Some(WAITS.to_owned());
            ("sweep.restored", Swept { new_id: Some(id), reason, ..base(Stand::Restored) })
        }
        Back::Out(why) => ("sweep.gone_out", Swept { reason: Some(why), ..base(Stand::GoneOut) }),
        Back::Changed(why) | Back::Left(why) => {
            ("sweep.undecided", Swept { reason: Some(why), restore_at: None, ..base(Stand::Held) })
        }
        Back::Doubt(_) => {
            let reason = Some(NO_TRACE.to_owned());
            ("sweep.undecided", Swept { reason, restore_at: None, ..base(Stand::Held) })
        }
    };
    change(app, app.store().begin().await?, row, &after, verb).await.map(drop)
}

/// Writes down what dropping did.
///
/// # Errors
/// The database's own.
pub(crate) async fn dropped(app: &App, row: &Swept, did: Discarded) -> Result<()> {
    let (stand, verb, reason) = match did {
        Discarded::Done => (Stand::Dropped, "sweep.dropped", None),
        Discarded::Scheduled => (Stand::Left, "sweep.left", Some(SCHEDULED.to_owned())),
        Discarded::Out(why) => (Stand::GoneOut, "sweep.gone_out", Some(why)),
        Discarded::Unknown(why) if !is_old(app, row) => {
            // It stays to be dropped, and is looked at again.
            let after = Swept { reason: Some(why), in_hand_until: asked_next(app, row), ..row.clone() };
            return change(app, app.store().begin().await?, row, &after, "sweep.unknown").await.map(drop);
        }
        Discarded::Left(why) | Discarded::Unknown(why) => (Stand::Held, "sweep.undecided", Some(why)),
    };
    let after = Swept { reason, ..to(app, row, stand) };
    change(app, app.store().begin().await?, row, &after, verb).await.map(drop)
}

/// The post as the hold left it.
///
/// # Errors
/// The database's own.
pub(crate) async fn kept(app: &App, row: &Swept) -> Result<Kept> {
    let Scheduled { remote_id, due, snapshot, .. } = scheduled(row);
    let (mark, taken) = (row.kept_mark.clone().unwrap_or_default(), app.store().put_back_as(row).await?);
    Ok(Kept { remote_id, due, snapshot, mark, taken })
}
