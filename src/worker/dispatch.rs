//! Claims what is due, hands out permits in batches, and starts the sends.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Shared, faults, send};
use crate::app::Result;
use crate::app::hub::Topic;
use crate::app::permits::{self, Claimed, Lost, Permit};
use crate::app::sending::{self, Outcome};

/// Most deliveries in one claim.
const CLAIM: usize = 400;

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
                tracing::error!(error = %e, cause = ?e, "cannot claim or permit; trying again");
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
    withdraw(shared, |permit| {
        let freeze = Some(shared.gate.frozen(&permit.subject)?);
        Some(Outcome::Stopped { reason: "the freeze came before the first byte".into(), freeze })
    })
    .await;
}

/// Ends work that has not begun, provably without effect.
pub(crate) async fn withdraw(shared: &Shared, outcome: impl Fn(&Permit) -> Option<Outcome>) {
    for ended in shared.lines.withdraw(outcome) {
        if shared.outcomes.send(ended).await.is_err() {
            return;
        }
    }
}

/// One round: claim, permit, start. Whether another should follow at once.
async fn round(shared: &Arc<Shared>) -> Result<bool> {
    let _under_way = shared.lines.hold();
    let mut more = false;
    let open = shared.gate.status().1.is_none();
    if open {
        let freed = shared.lines.freed(shared.app.clock().now());
        if !freed.is_empty() {
            sending::wake_kept(&shared.app, &freed).await?;
            shared.lines.woken(&freed);
        }
        let mut rooms = shared.lines.rooms(shared.app.clock().now());
        // In a rush without room only crisis posts are looked for: they go first. When no
        // channel sends anything, what is due is looked at all the same: held, expired, or told why
        // it waits.
        let rush = shared.lines.busy();
        let routine = if rush { rooms.total().min(CLAIM) } else { CLAIM };
        let asked = shared.gate.now();
        let batch = match permits::claim(&shared.app, CLAIM, routine, &mut rooms).await {
            Ok(batch) => batch,
            Err(lost) => return give_up(shared, lost).await,
        };
        faults::point("claimed");
        more = batch.more;
        shared.lines.reserve(&batch.permits);
        start(shared, batch.permits, asked);
        put(shared, batch.claimed).await;
    }
    let taken = shared.lines.take(shared.app.clock().now());
    if taken.is_empty() {
        return Ok(more);
    }
    let mut wanted = HashMap::<String, usize>::new();
    for (_, channel) in &taken {
        *wanted.entry(channel.clone()).or_default() += 1;
    }
    let ids: Vec<_> = taken.into_iter().map(|(id, _)| id).collect();
    let asked = shared.gate.now();
    let permitted = permits::permit(&shared.app, &ids).await;
    for permit in permitted.iter().flatten() {
        if let Some(n) = wanted.get_mut(&permit.channel) {
            *n -= 1;
        }
    }
    // What was refused a permit is not under way; after an error nothing of it is, whether or not
    // the commit arrived.
    wanted.iter().for_each(|(channel, n)| shared.lines.release(channel, *n));
    match permitted {
        Ok(permits) => start(shared, permits, asked),
        Err(lost) => return give_up(shared, lost).await,
    }
    Ok(true)
}

/// Begins what is permitted, or puts it into its line. The permits were asked for at `asked`.
fn start(shared: &Arc<Shared>, permits: Vec<Permit>, asked: Duration) {
    if permits.is_empty() {
        return;
    }
    faults::point("permitted");
    for permit in permits {
        let (clock, until) = (shared.app.clock().clone(), permit.valid_until);
        let (recalled, delivery) = (Arc::clone(&shared.recalled), permit.delivery.clone());
        let in_time =
            Box::new(move || until.is_none_or(|v| clock.now() < v) && !recalled.contains(&delivery));
        let pass = shared.gate.admit(&permit.attempt, permit.subject.clone(), in_time, asked);
        if let Some(work) = shared.lines.begin_or_wait((permit, pass)) {
            shared.runner.spawn("send", send::run(Arc::clone(shared), work));
        }
    }
}

/// Puts claims into their lines, and gives back to the queue what must wait. Nobody else would: a claim
/// that is in no line and not given back would stay with this node until it stops.
async fn put(shared: &Shared, claims: Vec<Claimed>) {
    for (back, ids) in shared.lines.put(claims, shared.app.clock().now()) {
        while let Err(again) = permits::give_back(&shared.app, &ids, back.until, &back.why).await {
            tracing::error!(error = %again, cause = ?again, "cannot give claims back; trying again");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

/// Nothing of a change that failed may begin, also when its commit arrived and the answer did not.
async fn give_up(shared: &Shared, lost: Lost) -> Result<bool> {
    while let Err(again) = permits::abandon(&shared.app, &lost.ids).await {
        tracing::error!(error = %again, cause = ?again, "cannot give claims and permits back; trying again");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Err(lost.error)
}

/// Until the next due time, at most as long as the options say.
async fn next_sleep(shared: &Shared) -> Duration {
    let longest = shared.options.longest_sleep;
    let least = Duration::from_millis(200);
    // A closed gate claims nothing, and full lines only crisis posts: do not spin on what is due.
    let closed = shared.gate.status().1.is_some();
    let full = shared.lines.rooms(shared.app.clock().now()).total() == 0;
    if closed || full && !shared.lines.idle() {
        return longest.min(least);
    }
    match sending::next_due(&shared.app).await {
        Ok(Some(due)) => {
            let wait = due - shared.app.clock().now();
            let wait = Duration::from_millis(u64::try_from(wait).unwrap_or(0));
            wait.max(if full { least } else { Duration::ZERO }).min(longest)
        }
        Ok(None) => longest,
        Err(_) => Duration::from_millis(500),
    }
}
