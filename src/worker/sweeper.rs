//! Sweeps: holds what networks would publish by themselves while a freeze is in force, and carries out what
//! people decided about it. The channels are swept side by side: one that hangs delays no other, and no
//! freeze waits for any of them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::Shared;
use super::hands::{Hands, NO_SCHEDULE};
use crate::app::hub::Topic;
use crate::app::looks::{self, Work};
use crate::app::{App, Result, channels as rows, finding, prolonging, put_back, sweeping};
use crate::domain::sweep::Stand;

/// Longest time between two looks at what is to be done.
const LONGEST: Duration = Duration::from_secs(5);
/// The same, while something is under way or the gate is closed.
const SHORT: Duration = Duration::from_secs(1);

/// Runs until the node stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut gate = shared.app.hub().listen(Topic::Gate);
    let mut decided = shared.app.hub().listen(Topic::Sweeps);
    // One task for each channel.
    let (mut tasks, mut channels) = (JoinSet::new(), HashMap::new());
    loop {
        if *shared.stopping.borrow() {
            // Each ends with the post that it has in hand.
            while tasks.join_next().await.is_some() {}
            return;
        }
        let open = is_open(&shared);
        match if open { looks::work(&shared.app).await } else { Ok(BTreeMap::new()) } {
            Ok(work) => {
                for (channel, work) in work {
                    if !channels.values().any(|c| *c == channel) {
                        let task = tasks.spawn(one(Arc::clone(&shared), channel.clone(), work));
                        channels.insert(task.id(), channel);
                    }
                }
            }
            Err(e) => tracing::error!(error = %e, cause = ?e, "cannot look for what networks have scheduled"),
        }
        let wait = if open && tasks.is_empty() { LONGEST } else { SHORT };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            Some(ended) = tasks.join_next_with_id() => {
                channels.remove(&ended.map_or_else(|e| e.id(), |(id, ())| id));
                // What failed is not tried again at once.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            changed = gate.changed() => if changed.is_err() { return },
            changed = decided.changed() => if changed.is_err() { return },
        }
    }
}

/// Nothing is swept or put back by a node whose database may be a copy, or that has not heard of it for
/// too long.
pub(super) fn is_open(shared: &Shared) -> bool {
    shared.gate.status().1.is_none()
}

async fn one(shared: Arc<Shared>, channel: String, work: Work) {
    match sweep(&shared, &channel, &work).await {
        Ok(true) => return,
        // Nothing could be done, and soon that is no other.
        Ok(false) => {}
        Err(e) => {
            tracing::error!(error = %e, cause = ?e, channel, "cannot sweep the channel; it is tried again");
        }
    }
    let mut stopping = shared.stopping.clone();
    let stops = async { stopping.wait_for(|stops| *stops).await.map(drop).ok() };
    tokio::select! {
        () = tokio::time::sleep(LONGEST) => {}
        _ = stops => {}
    }
}

/// Does what is to be done on one channel; whether there was something that could be.
async fn sweep(shared: &Shared, channel: &str, work: &Work) -> Result<bool> {
    let app = &shared.app;
    // The row and what is opened are of one version, or nothing is judged by them.
    let before = row(app, channel).await?.map(|row| row.version);
    shared.lines.reload().await?;
    let opened = shared.lines.get(channel);
    let row = row(app, channel).await?.filter(|row| Some(row.version) == before);
    let Some(row) = row else { return Ok(false) };
    let opened = opened.and_then(|open| {
        let known = open.channel.scheduler().is_some();
        if known { Ok(open) } else { Err(NO_SCHEDULE.to_owned()) }
    });
    let look = match work.look {
        Some(epoch) => looks::begin(app, channel, epoch).await?,
        None => None,
    };
    let mut did = look.is_some() | (work.leave && leave(app, channel).await?);
    let open = match opened {
        Ok(open) => open,
        Err(why) => {
            did |= give_back(app, channel, &why).await?;
            did |= prolonging::cannot(app, channel, &why).await?;
            give_up(app, channel, row.disabled_at.is_some()).await?;
            if let Some(look) = look {
                looks::end(app, look, &Err(why), None).await?;
            }
            return Ok(did);
        }
    };
    let mut hands = Hands::new(shared, open, row);
    if let Err(why) = hands.find_out().await {
        give_up(app, channel, false).await?;
        give_back_old(app, channel).await?;
        if let Some(look) = look {
            looks::end(app, look, &Err(why), None).await?;
        }
        return Ok(did);
    }
    did |= hands.settle_open().await?;
    if let Some(look) = look {
        did = true;
        let seen = hands.list(look.epoch).await;
        if let Ok(listing) = &seen {
            finding::found(app, channel, &hands.here, listing).await?;
            looks::saw(app, &look, listing).await?;
            if !hands.hold_all(listing).await? {
                // Read again at once: the look has not ended.
                return Ok(true);
            }
        }
        looks::end(app, look, &seen, hands.tried_again_at()).await?;
    }
    // What a freeze holds now can go out in minutes, and what is held until a date has days.
    did |= hands.prolong().await?;
    Ok(did | hands.decisions().await?)
}

async fn row(app: &App, channel: &str) -> Result<Option<rows::Channel>> {
    Ok(rows::rows(app).await?.into_iter().find(|c| c.id == channel))
}

/// Closes what was found and not touched, once no freeze covers it; whether there was something.
async fn leave(app: &App, channel: &str) -> Result<bool> {
    let mut did = false;
    for row in sweeping::waiting(app, channel, &[Stand::Found, Stand::CouldNot]).await? {
        did |= sweeping::leave(app, &row).await?;
    }
    Ok(did)
}

/// Leaves to people what was asked of the network about for hours, or of a disabled channel at once; the rest is
/// asked about later.
async fn give_up(app: &App, channel: &str, disabled: bool) -> Result<()> {
    for row in sweeping::waiting(app, channel, &[Stand::Holding]).await? {
        if disabled || sweeping::is_old(app, &row) {
            sweeping::give_up(app, &row).await?;
        } else {
            sweeping::put_off(app, &row).await?;
        }
    }
    Ok(())
}

/// Gives the decisions back to people whose time came too near, or which waited for hours for the network.
async fn give_back_old(app: &App, channel: &str) -> Result<()> {
    for row in sweeping::waiting(app, channel, &[Stand::Restoring, Stand::Dropping]).await? {
        put_back::give_back_old(app, &row).await?;
    }
    Ok(())
}

/// Gives the decisions back to people that cannot be carried out; whether there were some.
async fn give_back(app: &App, channel: &str, why: &str) -> Result<bool> {
    let rows = sweeping::waiting(app, channel, &[Stand::Restoring, Stand::Dropping]).await?;
    for row in &rows {
        put_back::give_back(app, row, why).await?;
    }
    Ok(!rows.is_empty())
}
