//! What was claimed or permitted and did not begin: given back, or taken back by people.

use super::confirming::Since;
use super::{Actor, App, Result, nodes};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::store::Unaudited;
use crate::store::attempts::Settled;
use crate::store::deliveries::Change;

/// What this node was permitted to send, and people have taken back.
///
/// # Errors
/// The database's own.
pub(crate) async fn recalled(app: &App) -> Result<Vec<String>> {
    Ok(app.store().recalled(app.node(), app.now()).await?)
}

/// Gives claims back to the queue, to be looked at again at `ready_at`; people read why.
///
/// # Errors
/// The database's own.
pub async fn give_back(app: &App, ids: &[String], ready_at: Millis, why: &str) -> Result<()> {
    let mut tx = app.store().begin().await?;
    if nodes::taken(app, &mut tx).await? {
        return Ok(());
    }
    tx.give_back(app.node(), ids, ready_at, why).await?;
    tx.commit_unaudited(Unaudited::Lease).await?;
    Ok(())
}

/// After a claim or permit that failed: claims go back to the queue, and permits whose commit arrived
/// although its answer was lost are settled as never begun. Not so when another process runs as this
/// node: then they may be that one's, and under way.
///
/// # Errors
/// The database's own.
pub async fn abandon(app: &App, ids: &[String]) -> Result<()> {
    let now = app.now();
    let mut ids: Vec<_> = ids.iter().collect();
    ids.sort_unstable();
    let mut tx = app.store().begin_guarded().await?;
    if nodes::taken(app, &mut tx).await? {
        return Ok(());
    }
    let since = Since::read(&mut tx).await?;
    let (mut changes, mut attempts, mut entries) = (Vec::new(), Vec::new(), Vec::new());
    for id in ids {
        let open = tx.open_attempt(id).await?;
        let Some(d) = tx.delivery(id).await? else { continue };
        if d.claimed_by.as_deref() != Some(app.node()) {
            continue;
        }
        if d.state == State::Claimed.word() {
            changes.push(Change { ready_at: Some(now + 1_000), ..Change::to(id, State::Scheduled.word()) });
        } else if d.state == State::Sending.word() {
            let Some(a) = open.filter(|a| a.outcome.is_none()) else { continue };
            let (attempt, change, entry) = never_began(&a.id, id, now, now + 1_000);
            attempts.push(attempt);
            let change = since.or_held(change, a.epoch);
            let entry = since.noted(entry, &change);
            changes.push(change);
            entries.push(entry);
        }
    }
    tx.settle_attempts(&attempts).await?;
    tx.change_deliveries(&changes).await?;
    if entries.is_empty() {
        tx.commit_unaudited(Unaudited::Lease).await?;
        return Ok(());
    }
    app.commit(tx, &Actor::service(app.node()), &entries, &[]).await
}

/// A permit that provably never began: it has no effect and counts as no try, and its delivery is
/// looked at again at `ready_at`.
pub(super) fn never_began(
    attempt: &str,
    delivery: &str,
    now: Millis,
    ready_at: Millis,
) -> (Settled, Change, Entry) {
    let settled = Settled {
        id: attempt.to_owned(),
        outcome: "rejected",
        detail: Some("no effect: it never began".into()),
        remote_id: None,
        at: now,
        next_read_at: None,
    };
    let scheduled = Change::to(delivery, State::Scheduled.word());
    let change = Change { ready_at: Some(ready_at), attempts: -1, ..scheduled };
    (settled, change, Entry::new("attempt.rejected", &format!("delivery:{delivery}")).note("never began"))
}
