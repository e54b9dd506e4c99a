//! What is out of a post on one channel is taken down.

use ::channels::{Retraction, ledger};

use super::handles::{self, Way};
use super::networks::Removal;
use super::settle::Settle;
use super::{Actor, App, AppError, Result, reads, reasons, revisions, still_live};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::{Move, State};
use crate::domain::role::Right;
use crate::store::Tx;
use crate::store::attempts::{Attempt, Settled};
use crate::store::audit::AuditFilter;
use crate::store::deliveries::{Change, Delivery};

/// Takes an accepted post down, or the parts of a thread that are out, or what some recipients have, where the
/// network can. Of a post that goes to each recipient by itself, and of a thread, nothing more is sent from then on.
///
/// # Errors
/// When nothing of it is out, the rest of it is just being sent, or the actor may not decide.
pub async fn retract(app: &App, by: &Actor, delivery: &str, why: &str) -> Result<Retraction> {
    by.need(Right::Decide)?;
    reasons::check("comment", why)?;
    if is_out(app, delivery).await? == Standing::Gone {
        return Ok(Retraction::Gone);
    }
    // The post that is there is one, whoever changed its words.
    let maker = revisions::maker(app, delivery).await?;
    let way = ask(app, by, delivery, why).await?;
    let removal = app.networks()?.retract(&maker).await?;
    end(app, by, (delivery, &maker), way, &removal, Vec::new()).await?;
    Ok(removal.result)
}

/// Whether a part of what is not out as a whole can be taken down now: parts of a thread that stopped, or what some recipients
/// have. What is on its way is cancelled or frozen first.
///
/// # Errors
/// When there is no such delivery, or the actor may not read.
pub async fn can_in_part(app: &App, by: &Actor, delivery: &str) -> Result<bool> {
    by.need(Right::Read)?;
    let d = app.store().delivery(delivery).await?.ok_or_else(|| AppError::not_found("delivery", delivery))?;
    let (state, all) = (state(&d)?, app.store().attempts(delivery).await?);
    let is_out = !state.is_on_its_way() && is_partly_out(state, d.reason.as_deref(), &all);
    Ok(is_out && takes_down(app, &d.channel_id).await?)
}

/// Whether the network of this channel takes posts down.
///
/// # Errors
/// The database's own.
pub(super) async fn takes_down(app: &App, channel: &str) -> Result<bool> {
    let row = app.store().channel(channel).await?;
    let adapter = row.and_then(|row| ::channels::adapter(&row.adapter));
    Ok(adapter.is_some_and(|a| a.capabilities.retract))
}

/// Whether a part of it is out, or may be, and not the whole, by the attempts at it. A thread that was cancelled and then taken
/// down is gone.
pub(super) fn is_partly_out(state: State, reason: Option<&str>, all: &[Attempt]) -> bool {
    let is_down = state == State::Cancelled && reason == Some(PARTS_DOWN);
    let is_whole = matches!(state, State::Accepted | State::Retracted);
    !is_whole && !is_down && reads::parts_are_out(all)
}

/// A person has taken down by hand what the network could not, or has seen that it is gone.
///
/// # Errors
/// When nobody asked for that before, nothing of it is out, the rest of it is just being sent, or each recipient has it.
pub(super) async fn by_hand(app: &App, by: &Actor, delivery: &str, word: &Settle) -> Result<()> {
    let state = match is_out(app, delivery).await? {
        Standing::Gone => return Ok(()),
        Standing::Out(state) => state,
    };
    if state.is_on_its_way() {
        return Err(AppError::Conflict(SENT_ON.into()));
    }
    let way = Way::read(app, delivery).await?;
    if way == Way::List {
        return Err(AppError::Conflict(
            "it went to each recipient by itself, and nobody can take it out of their hands; publish a correction".into(),
        ));
    }
    let asked = AuditFilter {
        verb: Some(ASKED.to_owned()),
        subject: Some(format!("delivery:{delivery}")),
        limit: 1,
        ..AuditFilter::default()
    };
    if app.store().audit(&asked).await?.is_empty() {
        return Err(AppError::Conflict(
            "ask for it to be taken down first (`holdline retract`); a person's word ends what the network could not".into(),
        ));
    }
    let maker = revisions::maker(app, delivery).await?;
    let said = Entry::new("retraction.settled", &format!("delivery:{delivery}")).after(word).note(&word.note);
    end(app, by, (delivery, &maker), way, &Retraction::Gone.into(), vec![said]).await
}

/// Whether there is something to take down.
#[derive(PartialEq, Eq)]
enum Standing {
    Out(State),
    Gone,
}

async fn is_out(app: &App, delivery: &str) -> Result<Standing> {
    let d = app.store().delivery(delivery).await?.ok_or_else(|| AppError::not_found("delivery", delivery))?;
    if d.state == State::Retracted.word() {
        return Ok(Standing::Gone);
    }
    // What is out of a thread that stopped can be taken down whatever became of the rest.
    if d.state != State::Accepted.word() && !reads::has_parts_out(app, delivery).await? {
        return Err(AppError::Conflict(format!(
            "this delivery is {}; only what was accepted is public",
            d.state
        )));
    }
    Ok(Standing::Out(state(&d)?))
}

/// Writes down what became of a delivery and, when it is gone, of all that is out with the post that `maker` made.
async fn end(
    app: &App,
    by: &Actor,
    (delivery, maker): (&str, &str),
    way: Way,
    removal: &Removal,
    mut entries: Vec<Entry>,
) -> Result<()> {
    let result = &removal.result;
    let mut tx = app.store().begin().await?;
    // It is locked first, whichever of them was named.
    let made = tx.delivery(maker).await?.ok_or_else(|| AppError::not_found("delivery", maker))?;
    if let Some(last) = tx.last_attempt(maker).await? {
        let heard = handles::hear(&mut tx, (maker, &last.id), &removal.words).await?;
        entries.extend(heard.map(|(_, entry)| entry));
    }
    write(app, &mut tx, delivery, way, result).await?;
    // The log names no recipients.
    let told = match result {
        Retraction::StillLive(why) => Retraction::StillLive(ledger::public(why).to_owned()),
        Retraction::Gone => Retraction::Gone,
    };
    let entry = |id: &str| Entry::new("delivery.retracted", &format!("delivery:{id}")).after(&told);
    entries.push(entry(delivery));
    if *result == Retraction::Gone {
        still_live::end(app, &mut tx, maker, &mut entries).await?;
        let all = revisions::all_of(&mut tx, &made).await?;
        let others: Vec<&Delivery> = all.iter().filter(|d| d.id != delivery).collect();
        entries.extend(others.iter().map(|d| entry(&d.id)));
        let gone = |d: &&Delivery| Change {
            settled_at: Some(app.now()),
            ..Change::to(&d.id, State::Retracted.word())
        };
        tx.change_deliveries(&others.iter().map(gone).collect::<Vec<_>>()).await?;
    }
    app.commit(tx, by, &entries, &[]).await
}

const ASKED: &str = "delivery.retract_asked";
const SENT_ON: &str = "the rest of it is being sent, or waits for that; cancel the post or freeze first, and take down then what \
    is out";

/// Writes down that it is to be taken down, before the network is asked. How it went out.
async fn ask(app: &App, by: &Actor, delivery: &str, why: &str) -> Result<Way> {
    let mut tx = app.store().begin().await?;
    let way = handles::withdraw(&mut tx, delivery).await?;
    let d = tx.delivery(delivery).await?.ok_or_else(|| AppError::not_found("delivery", delivery))?;
    if way != Way::Whole && state(&d)?.is_on_its_way() {
        return Err(AppError::Conflict(SENT_ON.into()));
    }
    let asked = Entry::new(ASKED, &format!("delivery:{delivery}")).note(why);
    app.commit(tx, by, &[asked], &[]).await?;
    Ok(way)
}

const BEFORE_IT_LEFT: &str = "taken down before it left";
const PARTS_DOWN: &str = "the parts that were out are taken down";

/// Writes down what became of it.
async fn write(app: &App, tx: &mut Tx, delivery: &str, way: Way, result: &Retraction) -> Result<()> {
    let open = tx.open_attempt(delivery).await?;
    let Some(d) = tx.delivery(delivery).await? else { return Ok(()) };
    let (now, was) = (app.now(), state(&d)?);
    let change = match result {
        Retraction::Gone if was == State::Accepted || way != Way::Whole => {
            // It may have been cancelled meanwhile, or never begin: then it is over as it is, and nothing of it is there.
            let next = match was.after(Move::Retract) {
                Ok(next) => next,
                Err(_) if was == State::Cancelled => was,
                Err(_) => return Ok(()),
            };
            if let Some(doubt) = open.filter(|a| was == State::InDoubt && a.outcome.is_some()) {
                let settled = Settled {
                    id: doubt.id,
                    outcome: "rejected",
                    detail: Some(if way == Way::Thread { PARTS_DOWN } else { BEFORE_IT_LEFT }.to_owned()),
                    remote_id: None,
                    at: now,
                    next_read_at: None,
                };
                tx.settle_attempts(&[settled]).await?;
            }
            // What is cancelled keeps the reason of before unless it gets another one.
            let reason = (next == State::Cancelled && way == Way::Thread).then(|| PARTS_DOWN.to_owned());
            Change { settled_at: Some(now), reason, ..Change::to(delivery, next.word()) }
        }
        // Otherwise what was said when it went out would be said of it still.
        Retraction::StillLive(why) if way != Way::Whole => Change {
            reason: Some(why.clone()),
            freeze_id: d.freeze_id.clone(),
            settled_at: d.settled_at,
            claimed_by: d.claimed_by.clone(),
            started: d.started != 0,
            ..Change::to(delivery, was.word())
        },
        _ => return Ok(()),
    };
    Ok(tx.change_deliveries(&[change]).await?)
}

fn state(d: &Delivery) -> Result<State> {
    State::parse(&d.state).map_err(AppError::Internal)
}
