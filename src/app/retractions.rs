//! What is out of a post on one channel is taken down.

use ::channels::{Retraction, ledger};

use super::{Actor, App, AppError, Result, handles, reads, reasons, revisions, still_live};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::{Move, State};
use crate::domain::role::Right;
use crate::store::Tx;
use crate::store::attempts::Settled;
use crate::store::deliveries::{Change, Delivery};

/// Takes an accepted post down, or the parts of a thread that are out, or what some recipients have, where the
/// network can. Of a post that goes to each recipient by itself nothing more is sent from then on.
///
/// # Errors
/// When nothing of it is out, it is just being sent to each recipient, or the actor may not decide.
pub async fn retract(app: &App, by: &Actor, delivery: &str, why: &str) -> Result<Retraction> {
    by.need(Right::Decide)?;
    reasons::check("comment", why)?;
    let d = app.store().delivery(delivery).await?.ok_or_else(|| AppError::not_found("delivery", delivery))?;
    if d.state == State::Retracted.word() {
        return Ok(Retraction::Gone);
    }
    // What is out of a thread that stopped can be taken down whatever became of the rest.
    if d.state != State::Accepted.word() && !reads::has_parts_out(app, delivery).await? {
        return Err(AppError::Conflict(format!(
            "this delivery is {}; only what was accepted is public",
            d.state
        )));
    }
    // The post that is there is one, whoever changed its words.
    let maker = revisions::maker(app, delivery).await?;
    let each = ask(app, by, delivery, why).await?;
    let result = app.networks()?.retract(&maker).await?;
    let mut tx = app.store().begin().await?;
    // It is locked first, whichever of them was named.
    let made = tx.delivery(&maker).await?.ok_or_else(|| AppError::not_found("delivery", &maker))?;
    write(app, &mut tx, delivery, each, &result).await?;
    // The log names no recipients.
    let told = match &result {
        Retraction::StillLive(why) => Retraction::StillLive(ledger::public(why).to_owned()),
        Retraction::Gone => Retraction::Gone,
    };
    let entry = |id: &str| Entry::new("delivery.retracted", &format!("delivery:{id}")).after(&told);
    let mut entries = vec![entry(delivery)];
    if result == Retraction::Gone {
        still_live::end(app, &mut tx, &maker, &mut entries).await?;
        let all = revisions::all_of(&mut tx, &made).await?;
        let others: Vec<&Delivery> = all.iter().filter(|d| d.id != delivery).collect();
        entries.extend(others.iter().map(|d| entry(&d.id)));
        let gone = |d: &&Delivery| Change {
            settled_at: Some(app.now()),
            ..Change::to(&d.id, State::Retracted.word())
        };
        tx.change_deliveries(&others.iter().map(gone).collect::<Vec<_>>()).await?;
    }
    app.commit(tx, by, &entries, &[]).await?;
    Ok(result)
}

/// Writes down that it is to be taken down, before the network is asked. Whether it goes to each recipient by
/// itself.
async fn ask(app: &App, by: &Actor, delivery: &str, why: &str) -> Result<bool> {
    let mut tx = app.store().begin().await?;
    let each = handles::withdraw(&mut tx, delivery).await?;
    let d = tx.delivery(delivery).await?.ok_or_else(|| AppError::not_found("delivery", delivery))?;
    if each && matches!(state(&d)?, State::Scheduled | State::Claimed | State::Sending) {
        return Err(AppError::Conflict(
            "it is being sent to the next recipients, or waits for that; cancel the post or freeze first, and take \
             down then what is out"
                .into(),
        ));
    }
    let asked = Entry::new("delivery.retract_asked", &format!("delivery:{delivery}")).note(why);
    app.commit(tx, by, &[asked], &[]).await?;
    Ok(each)
}

/// Writes down what became of it.
async fn write(app: &App, tx: &mut Tx, delivery: &str, each: bool, result: &Retraction) -> Result<()> {
    let open = tx.open_attempt(delivery).await?;
    let Some(d) = tx.delivery(delivery).await? else { return Ok(()) };
    let (now, was) = (app.now(), state(&d)?);
    let change = match result {
        Retraction::Gone if was == State::Accepted || each => {
            // It may have been cancelled meanwhile, or never begin: then it is over as it is.
            let Ok(next) = was.after(Move::Retract) else { return Ok(()) };
            if let Some(doubt) = open.filter(|a| was == State::InDoubt && a.outcome.is_some()) {
                let settled = Settled {
                    id: doubt.id,
                    outcome: "rejected",
                    detail: Some("taken down before it left".to_owned()),
                    remote_id: None,
                    at: now,
                    next_read_at: None,
                };
                tx.settle_attempts(&[settled]).await?;
            }
            Change { settled_at: Some(now), ..Change::to(delivery, next.word()) }
        }
        // Otherwise what was said when it went out would be said of it still.
        Retraction::StillLive(why) if each => Change {
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
