//! Reading back what is in doubt, on a schedule. The channels are read side by side: one that hangs
//! or fails delays no other.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use channels::planted::{Planted, planted};
use channels::{Capabilities, Job, ReadBack, Replay, Sighting, ledger, parts};
use tokio::task::JoinSet;

use super::handles::Known;
use super::lines::Open;
use super::{Shared, caught, send};
use crate::app::handles as app_handles;
use crate::app::hub::Topic;
use crate::app::permits::Permit;
use crate::app::reads::{self, Attempt, Seen};
use crate::app::{AppError, Result, nodes, sending, target};
use crate::clock::Millis;
use crate::domain::freeze::Subject;
use crate::domain::outcome::{self, Trust};
use crate::domain::post::Lane;

/// How long a channel rests after a read that could not be written down.
const REST: Duration = Duration::from_secs(5);

/// How long what a network says of a step may be late: Threads says to ask for up to five minutes
/// (<https://developers.facebook.com/docs/threads/troubleshooting>).
const STEP_LATE: Millis = 300_000;

/// How far what is read of changed words can be believed: the post is read by its id. That the same words again change
/// nothing makes no look final: they may never go again, or after newer ones, and the first request may be on its way.
fn trust_of_change(c: &Capabilities) -> Trust {
    let readable = c.readable(true);
    Trust { replay_is_safe: false, absent_is_proof: true, readable, late: outcome::LATE }
}

/// How far a network can be believed, in the core's words.
fn trust(c: &Capabilities) -> Trust {
    Trust {
        replay_is_safe: c.replay == Replay::ClientId,
        absent_is_proof: matches!(c.read_back, ReadBack::Consistent | ReadBack::Step),
        readable: c.readable(false),
        late: if c.read_back == ReadBack::Step { STEP_LATE } else { outcome::LATE },
    }
}

/// Runs until the node stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut changes = shared.app.hub().listen(Topic::Queue);
    // One task for each channel that is being read.
    let (mut tasks, mut channels) = (JoinSet::new(), HashMap::new());
    loop {
        if *shared.stopping.borrow() {
            return;
        }
        match due(&shared).await {
            Ok(due) => {
                for (channel, attempts) in due {
                    if !channels.values().any(|c| *c == channel) {
                        let work = all(Arc::clone(&shared), attempts);
                        let task = shared.runner.spawn_in(&mut tasks, "doubt", work);
                        channels.insert(task.id(), channel);
                    }
                }
            }
            Err(e) => tracing::error!(error = %e, cause = ?e, "cannot look for what is in doubt"),
        }
        let now = shared.app.clock().now();
        // What is due on a channel that is being read has its turn when that ends.
        let least = if tasks.is_empty() { 50 } else { 250 };
        let wait = match reads::next(&shared.app).await {
            Ok(Some(at)) => u64::try_from(at - now).unwrap_or(0).clamp(least, 5_000),
            _ => 5_000,
        };
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
            Some(ended) = tasks.join_next_with_id() => {
                let id = ended.map_or_else(|e| e.id(), |(id, ())| id);
                channels.remove(&id);
            }
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// What is due, by channel.
async fn due(shared: &Shared) -> Result<BTreeMap<String, Vec<Attempt>>> {
    let mut due = BTreeMap::<_, Vec<_>>::new();
    for read in reads::due(&shared.app).await? {
        due.entry(read.channel_id).or_default().push(read.attempt);
    }
    Ok(due)
}

/// Reads what is in doubt on one channel, one after the other. An error of one keeps no other.
async fn all(shared: Arc<Shared>, attempts: Vec<Attempt>) {
    let mut failed = false;
    for attempt in attempts {
        if let Err(e) = one(&shared, &attempt).await {
            tracing::error!(error = %e, cause = ?e, attempt = attempt.id, "cannot read back what is in doubt");
            failed = true;
        }
    }
    if failed {
        tokio::time::sleep(REST).await;
    }
}

/// What an attempt sent, as an adapter sees it, and where.
pub(crate) struct Sent {
    pub channel: String,
    pub job: Job,
    /// The network's own id, once a receipt named it.
    pub remote_id: Option<String>,
}

/// Puts together what an attempt sent, without its pictures.
pub(crate) async fn sent(shared: &Shared, attempt: &Attempt) -> Result<Sent> {
    let delivery = sending::delivery(&shared.app, &attempt.delivery_id).await?;
    let post = sending::post(&shared.app, &delivery.post_id).await?;
    // A copy of any attempt at it is what is looked for.
    let (first, handle) = reads::history(&shared.app, attempt).await?;
    let permit = Permit {
        attempt: attempt.id.clone(),
        delivery: delivery.id.clone(),
        channel: delivery.channel_id.clone(),
        channel_version: 0,
        number: attempt.number,
        epoch: attempt.epoch,
        tries: delivery.attempts,
        key: attempt.idempotency_key.clone(),
        kind: post.kind,
        incident: post.incident_id,
        revises: post.revises,
        post: post.id,
        rendition: serde_json::from_str(&attempt.body).map_err(|e| AppError::Internal(e.to_string()))?,
        subject: Subject {
            lane: Lane::from_number(delivery.lane),
            brand: post.brand,
            channel: delivery.channel_id.clone(),
            channel_brand: String::new(),
            labels: Vec::new(),
            due_at: delivery.due_at,
        },
        created_at: delivery.created_at,
        valid_until: delivery.valid_until,
        permitted_at: first,
    };
    let app = &shared.app;
    let others = app_handles::others(app, &permit.delivery, handle.as_deref(), &permit.rendition).await?;
    let known = Known { handle, others };
    // Whatever became of the post, it is looked at.
    let revised = match &permit.revises {
        None => None,
        Some(first) => {
            target::target(app, first, &permit.post, &permit.channel).await?.map(|target| target.revised)
        }
    };
    let job = send::job(&permit, revised, known, Vec::new()).map_err(AppError::Internal)?;
    Ok(Sent { channel: delivery.channel_id, job, remote_id: delivery.remote_id })
}

/// What an adapter saw of a job, in the core's words.
pub(crate) fn seen(sighting: Sighting, job: &Job, of: &Capabilities) -> Seen {
    let by_words = of.read_back == ReadBack::Words && job.revises.is_none();
    match sighting {
        Sighting::Found(r) => {
            // Of a ledger each message was told apart from those of other deliveries by itself.
            let by_words = by_words && !job.handle.as_deref().is_some_and(ledger::is_ledger);
            let (url, note) = (r.url.map(send::storable), r.note.map(send::storable));
            Seen::Found { remote_id: send::storable(r.remote_id), url, by_words, note }
        }
        Sighting::Absent if by_words => {
            Seen::Unknown("no post with these words is there, which proves nothing here".into())
        }
        Sighting::Absent if of.read_back == ReadBack::Key && job.revises.is_none() => {
            Seen::Unknown("no post of this delivery is there yet, which proves nothing here".into())
        }
        Sighting::Absent => Seen::Absent,
        Sighting::Gone(why) => Seen::Gone(send::storable(why)),
        Sighting::Unknown(why) => Seen::Unknown(send::storable(why)),
    }
}

/// Asks the network for the post. A fault of ours is no answer.
pub(crate) async fn look(open: &Open, job: &Job) -> Sighting {
    let fault = || Sighting::Unknown("the sender met a fault of its own; its log says which".into());
    // What is written down as out may be gone since: a person who wanted that says how it stands.
    if job.handle.as_deref().is_some_and(parts::is_withdrawn) {
        return Sighting::Unknown(ledger::WITHDRAWN.to_owned());
    }
    let look = async {
        match &job.revises {
            Some(of) => open.channel.read_revised(job, of).await,
            None => open.channel.read_back(job).await,
        }
    };
    caught(look).await.unwrap_or_else(fault)
}

/// Reads one attempt back and writes down what was seen.
pub(crate) async fn one(shared: &Shared, attempt: &Attempt) -> Result<()> {
    // Others put it in doubt while this node was cut off. It is in hand here, and its own outcome
    // comes: that it cannot be read yet proves nothing.
    if shared.gate.has(&attempt.id) {
        return Ok(());
    }
    let sent = sent(shared, attempt).await?;
    let nothing =
        Trust { replay_is_safe: false, absent_is_proof: false, readable: true, late: outcome::LATE };
    let (seen, trust, of) = match shared.lines.get(&sent.channel) {
        Err(why) => (Seen::Unknown(why), nothing, ReadBack::None),
        Ok(open) => {
            let is_change = sent.job.revises.is_some();
            let seen = seen(look(&open, &sent.job).await, &sent.job, &open.capabilities);
            match is_change {
                true => (seen, trust_of_change(&open.capabilities), ReadBack::Consistent),
                false => (seen, trust(&open.capabilities), open.capabilities.read_back),
            }
        }
    };
    // A node that went silent may still hold a request that lands later: what is not there yet is no
    // proof then. An attempt ended with the process that made it; or, if nobody knows of that one, long
    // after it began.
    let ended =
        || shared.has_ended(&attempt.incarnation) || nodes::is_over(&shared.app, attempt.permitted_at);
    let own = attempt.node_id == shared.app.node() && ended();
    // Only our own record says of what has no handle that its public step was never made.
    // While the gate is closed, the database may be one that a person has yet to confirm.
    let is_sure = of != ReadBack::Step
        || shared.gate.status().1.is_none() && nodes::is_of_this_database(&shared.app, attempt.epoch).await?;
    let own = own && is_sure;
    // Without a handle it is our own record that is believed, and that is not late.
    let late = if sent.job.handle.is_none() { outcome::LATE } else { trust.late };
    let trust = Trust { absent_is_proof: trust.absent_is_proof && own, late, ..trust };
    let seen = match seen {
        Seen::Found { .. } if planted(Planted::FoundIsAbsent) => Seen::Absent,
        seen => seen,
    };
    let is_there = matches!(seen, Seen::Found { .. });
    tracing::info!(delivery = attempt.delivery_id, is_there, "read back");
    reads::note_read(&shared.app, &attempt.id, &attempt.delivery_id, &seen, trust).await
}
