//! Claims what is due, hands out permits in batches, and starts the sends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Shared, faults, send};
use crate::app::Result;
use crate::app::hub::Topic;
use crate::app::sending::{self, Outcome};
use crate::domain::freeze::Subject;

/// Most deliveries in one claim.
const CLAIM: usize = 200;
/// No new claims while this many wait in the lines.
const ENOUGH: usize = 1_000;

/// Runs until the node stops. The next due time wakes it, or a change of the queue.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut changes = shared.app.hub().listen(Topic::Queue);
    let mut epoch = 0;
    loop {
        if *shared.stopping.borrow() {
            return;
        }
        changes.mark_unchanged();
        let now = shared.gate.status().0;
        if now != epoch {
            epoch = now;
            hold_frozen(&shared).await;
        }
        match round(&shared).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(e) => {
                tracing::error!(error = %e, "cannot claim or permit; trying again");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        }
        let sleep = next_sleep(&shared).await;
        tokio::select! {
            () = tokio::time::sleep(sleep) => {}
            () = shared.lines.room.notified() => {}
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// What was permitted before a freeze and has not begun: held now, not when its turn would come.
async fn hold_frozen(shared: &Shared) {
    withdraw(shared, |subject| {
        let freeze = Some(shared.gate.frozen(subject)?);
        Some(Outcome::Stopped { reason: "the freeze came before the first byte".into(), freeze })
    })
    .await;
}

/// Ends work that has not begun, provably without effect.
pub(crate) async fn withdraw(shared: &Shared, outcome: impl Fn(&Subject) -> Option<Outcome>) {
    for ended in shared.lines.withdraw(outcome) {
        if shared.outcomes.send(ended).await.is_err() {
            return;
        }
    }
}

/// One round: claim, permit, start. Whether another should follow at once.
async fn round(shared: &Arc<Shared>) -> Result<bool> {
    let mut more = false;
    let open = shared.gate.status().1.is_none();
    if open && shared.lines.waiting() < ENOUGH {
        let (claims, rest) = sending::claim(&shared.app, CLAIM).await?;
        faults::point("claimed");
        more = rest;
        for (back, ids) in shared.lines.put(claims, shared.app.clock().now()) {
            sending::give_back(&shared.app, &ids, back.until, &back.why).await?;
        }
    }
    let taken = shared.lines.take();
    if taken.is_empty() {
        return Ok(more && shared.lines.waiting() < ENOUGH);
    }
    let mut asked = HashMap::<String, usize>::new();
    for (_, channel) in &taken {
        *asked.entry(channel.clone()).or_default() += 1;
    }
    let ids: Vec<_> = taken.into_iter().map(|(id, _)| id).collect();
    let permits = match sending::permit(&shared.app, &ids).await {
        Ok(permits) => permits,
        Err(e) => {
            // Nothing of it began, whether or not the commit arrived.
            asked.iter().for_each(|(channel, n)| shared.lines.release(channel, *n));
            while let Err(again) = sending::abandon(&shared.app, &ids).await {
                tracing::error!(error = %again, "cannot give permits back; trying again");
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            return Err(e);
        }
    };
    faults::point("permitted");
    for permit in permits {
        if let Some(n) = asked.get_mut(&permit.channel) {
            *n -= 1;
        }
        let pass = shared.gate.admit(&permit.attempt, permit.subject.clone());
        if let Some(work) = shared.lines.begin_or_wait((permit, pass)) {
            tokio::spawn(send::run(Arc::clone(shared), work));
        }
    }
    // What was refused a permit is not under way.
    asked.iter().for_each(|(channel, n)| shared.lines.release(channel, *n));
    Ok(true)
}

/// Until the next due time, at most as long as the options say.
async fn next_sleep(shared: &Shared) -> Duration {
    let longest = shared.options.longest_sleep;
    // A closed gate claims nothing: do not spin on what is due.
    let closed = shared.gate.status().1.is_some();
    if closed || shared.lines.waiting() >= ENOUGH {
        return longest.min(Duration::from_millis(200));
    }
    match sending::next_look(&shared.app).await {
        Ok((Some(due), _)) => {
            let wait = due - shared.app.clock().now();
            Duration::from_millis(u64::try_from(wait).unwrap_or(0)).min(longest)
        }
        Ok((None, _)) => longest,
        Err(_) => Duration::from_millis(500),
    }
}
