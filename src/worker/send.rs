//! One attempt: the bytes are pulled through the gate, and the outcome goes to the settler.

use std::sync::Arc;
use std::time::Duration;

use channels::planted::{Planted, planted};
use channels::{Capabilities, Closed, Failure, Fetched, Job, Pass, Receipt, Retry, Revised, ledger, parts};

use super::lines::{ToldOfPost, Work};
use super::part::Watch;
use super::{Shared, caught, faults, handles, recall};
use crate::app::access::renewals;
use crate::app::fetching;
use crate::app::permits::Permit;
use crate::app::sending::{self, Outcome};
use crate::app::target::{self, Stop};
use crate::clock::{Millis, date_time};
use crate::domain::post::Lane;

/// The longest that an adapter may take. The HTTP client's own limit is shorter.
const LONGEST: Duration = Duration::from_secs(120);

/// How long what the node's disk refused to mark waits.
const UNMARKED_WAIT: Millis = 10_000;

/// Sends on one channel, one after the other, until nothing waits in its line.
pub(crate) async fn run(shared: Arc<Shared>, first: Work) {
    // A panic outside the adapter would keep the channel's line for ever.
    let _watch = Watch::new(&shared, "send");
    let channel = first.0.channel.clone();
    let mut work = Some(first);
    while let Some((permit, pass)) = work {
        attempt(&shared, permit, &pass).await;
        work = shared.lines.next(&channel);
    }
}

/// Makes the attempt and hands its outcome to the settler.
async fn attempt(shared: &Shared, permit: Permit, pass: &Pass) {
    let outcome = match too_late(shared, &permit) {
        Some(outcome) => outcome,
        // A fault of ours in one post must not keep its channel's line for ever.
        None => caught(publish(shared, &permit, pass)).await.unwrap_or_else(|| panicked(shared, &permit)),
    };
    faults::point("answered");
    tracing::debug!(
        attempt = permit.attempt,
        channel = permit.channel,
        outcome = outcome.word(),
        "attempt ended"
    );
    if let Outcome::Retry { not_before: Some(until), .. } = &outcome {
        shared.lines.pause(&permit.channel, *until);
    }
    // The settler runs for as long as anything can be sent.
    if shared.outcomes.send((permit, outcome)).await.is_err() {
        tracing::error!(
            "an outcome came after the settler had ended; the attempt is in doubt at the next start"
        );
    }
}

/// The adapter is gone: what had not begun will not begin, and of the rest nobody knows.
fn panicked(shared: &Shared, permit: &Permit) -> Outcome {
    let (attempt, channel) = (&permit.attempt, &permit.channel);
    tracing::error!(attempt, channel, "an adapter has panicked; please report this");
    let reason = "the sender met a fault of its own; its log says which".to_owned();
    if shared.gate.has_begun(attempt) {
        let open = shared.lines.get(channel);
        let readable = open.is_ok_and(|open| open.capabilities.readable(permit.revises.is_some()));
        return Outcome::InDoubt { reason, readable };
    }
    Outcome::Retry { reason, not_before: None }
}

/// The permit was given a while ago: its time may have passed, or the network asked to wait.
fn too_late(shared: &Shared, permit: &Permit) -> Option<Outcome> {
    let now = shared.app.clock().now();
    if permit.valid_until.is_some_and(|v| v <= now) {
        let reason = "its time passed before it could begin".into();
        return Some(Outcome::NotBegun { reason, not_before: None });
    }
    if shared.recalled.contains(&permit.delivery) {
        return Some(recall::outcome());
    }
    if let Some(kept) = shared.lines.kept(&permit.channel, permit.subject.lane, now) {
        return Some(Outcome::NotBegun { reason: kept.why, not_before: Some(kept.until) });
    }
    let until = shared.lines.paused_until(&permit.channel);
    let reason = || "the network asked the channel to wait before this one began".into();
    (until > now).then(|| Outcome::NotBegun { reason: reason(), not_before: Some(until) })
}

/// The adapter's view of an attempt.
pub(crate) fn job(
    permit_like: &Permit,
    revises: Option<Revised>,
    known: handles::Known,
    media: Vec<Vec<u8>>,
) -> Result<Job, String> {
    Ok(Job {
        delivery: permit_like.delivery.parse().map_err(|e| format!("the delivery's id: {e}"))?,
        created_at: date_time(permit_like.created_at),
        permitted_at: date_time(permit_like.permitted_at),
        idempotency_key: permit_like.key.clone(),
        kind: permit_like.kind.clone(),
        incident: permit_like.incident.clone(),
        rendition: permit_like.rendition.clone(),
        revises,
        valid_until: permit_like.valid_until.map(date_time),
        number: permit_like.number,
        handle: known.handle,
        others: known.others,
        media,
        media_urls: Vec::new(),
    })
}

/// How long new words wait for others of the same post.
const ANOTHER_CHANGE: Millis = 5_000;

/// The post that gets the words of this attempt, if it is such a one.
async fn revised(shared: &Shared, permit: &Permit) -> Result<Option<Revised>, Outcome> {
    let Some(first) = &permit.revises else { return Ok(None) };
    let target = target::target(&shared.app, first, &permit.post, &permit.channel).await;
    let target = target.map_err(|e| Outcome::Retry { reason: e.to_string(), not_before: None })?;
    let Some(target) = target else {
        let reason = "nobody knows what the network calls the post; change it by hand".to_owned();
        return Err(Outcome::Failed { reason });
    };
    match target.stop {
        None => Ok(Some(target.revised)),
        Some(Stop::Never(why)) => Err(Outcome::Failed { reason: why.to_owned() }),
        Some(Stop::Wait(why)) => {
            let not_before = Some(shared.app.clock().now() + ANOTHER_CHANGE);
            Err(Outcome::NotBegun { reason: why.to_owned(), not_before })
        }
    }
}

/// What the adapter gets; otherwise what becomes of the attempt.
async fn prepared(shared: &Shared, permit: &Permit, fetches: Option<Fetched>) -> Result<Job, Outcome> {
    let mut media = Vec::new();
    for m in &permit.rendition.media {
        match crate::app::media::bytes(&shared.app, &m.sha256).await {
            Ok(bytes) => media.push(bytes),
            Err(e) => return Err(Outcome::Retry { reason: e.to_string(), not_before: None }),
        }
    }
    let later = |reason| Outcome::Retry { reason, not_before: None };
    let known = handles::known(shared, permit).await.map_err(later)?;
    let failed = |reason| Outcome::Failed { reason };
    // No part is sent after those that are gone.
    if known.handle.as_deref().is_some_and(parts::is_withdrawn) {
        return Err(failed(ledger::WITHDRAWN.to_owned()));
    }
    let revises = revised(shared, permit).await?;
    let mut job = job(permit, revises, known, media).map_err(failed)?;
    if let Some(until) = fetches {
        let urls = fetching::addresses(&shared.app, &permit.delivery, &permit.rendition.media, until).await;
        job.media_urls = urls.map_err(|e| later(e.to_string()))?;
    }
    Ok(job)
}

async fn publish(shared: &Shared, permit: &Permit, pass: &Pass) -> Outcome {
    let open = match shared.lines.get(&permit.channel) {
        Ok(open) => open,
        // Disabled, or its credential cannot be opened here: nothing has failed yet.
        Err(reason) => {
            let not_before = Some(shared.app.clock().now() + 60_000);
            return Outcome::NotBegun { reason, not_before };
        }
    };
    if open.version != permit.channel_version || open.sealed && !is_still_so(shared, permit).await {
        let reason = "the channel was changed meanwhile".into();
        return Outcome::NotBegun { reason, not_before: None };
    }
    let job = match prepared(shared, permit, open.fetches).await {
        Ok(job) => job,
        Err(outcome) => return outcome,
    };
    let readable = open.capabilities.readable(permit.revises.is_some());
    let pass = handles::kept(shared, permit, pass);
    faults::point("begun");
    let began = shared.app.clock().now();
    let write = async {
        match &job.revises {
            Some(of) => open.channel.revise(&job, of, &pass).await,
            None => open.channel.publish(&job, &pass).await,
        }
    };
    let write = async {
        match write.await {
            Err(Failure::InDoubt { .. }) if planted(Planted::RetryOnReset) => {
                open.channel.publish(&job, &pass).await
            }
            result => result,
        }
    };
    let published = tokio::time::timeout(LONGEST, write).await;
    faults::point("published");
    let accepted = matches!(&published, Ok(Ok(_)));
    let told = ToldOfPost { posts: open.ear.news(), shares: open.ear.heard().shares };
    shared.lines.answered(&permit.channel, &told, accepted, began);
    match published {
        // The adapter's work is dropped by now: what has not begun will not begin.
        Err(_) if !shared.gate.has_begun(&permit.attempt) => {
            Outcome::Retry { reason: "the network was not ready in time".into(), not_before: None }
        }
        Err(_) => Outcome::InDoubt { reason: "no answer in time".into(), readable },
        // This node's disk refuses. Others may try a crisis post at once; a routine one waits, so that the
        // log does not fill meanwhile.
        Ok(Err(Failure::Closed { why: why @ Closed::Unmarked(_), partly: false })) => {
            let wait = (permit.subject.lane == Lane::Routine).then_some(UNMARKED_WAIT);
            let not_before = wait.map(|wait| shared.app.clock().now() + wait);
            Outcome::NotBegun { reason: why.to_string(), not_before }
        }
        // The token may have changed on the way: another try meets the new one.
        Ok(Err(Failure::Rejected { reason, retry: Retry::Reconnect }))
            if renewals::may_help(&shared.app, permit).await.unwrap_or(true) =>
        {
            Outcome::Retry { reason, not_before: None }
        }
        Ok(result) => outcome(result, &open.capabilities, permit, shared.app.clock().now()),
    }
}

/// Whether the credential of the channel is there still. Not when the database does not answer: then nothing
/// begins.
async fn is_still_so(shared: &Shared, permit: &Permit) -> bool {
    renewals::is_as_permitted(&shared.app, permit).await.unwrap_or_else(|e| {
        tracing::error!(error = %e, cause = ?e, "cannot see whether a channel has its credential; its post waits");
        false
    })
}

/// A network's words without NUL, which PostgreSQL cannot store.
pub(crate) fn storable(words: String) -> String {
    if words.contains('\0') { words.replace('\0', "") } else { words }
}

/// A wait that a network named, of a day at most.
fn millis(wait: Duration) -> Millis {
    Millis::try_from(wait.as_millis()).unwrap_or(Millis::MAX).min(86_400_000)
}

/// What the adapter's answer to the attempt means.
fn outcome(result: Result<Receipt, Failure>, can: &Capabilities, permit: &Permit, now: Millis) -> Outcome {
    let (readable, number) = (can.readable(permit.revises.is_some()), permit.number);
    match result {
        Ok(r) => Outcome::Accepted {
            remote_id: storable(r.remote_id),
            url: r.url.map(storable),
            note: r.note.map(storable),
            started_only: can.starts_only,
        },
        Err(Failure::InDoubt { reason }) if planted(Planted::LostIsUnsent) => {
            Outcome::Retry { reason, not_before: None }
        }
        Err(Failure::InDoubt { reason }) => Outcome::InDoubt { reason, readable },
        Err(Failure::Closed { why, partly: true }) => {
            Outcome::InDoubt { reason: format!("partly published, then {why}"), readable }
        }
        // This node's own trouble: another try, when the gate is open again.
        Err(Failure::Closed {
            why:
                why @ (Closed::Node(_) | Closed::Stale(_) | Closed::Unmarked(_) | Closed::Unknown | Closed::Late),
            ..
        }) => Outcome::NotBegun { reason: why.to_string(), not_before: None },
        Err(Failure::Closed { why: Closed::Frozen(freeze), .. }) => {
            Outcome::Stopped { reason: "the freeze came before the first byte".into(), freeze: Some(freeze) }
        }
        Err(Failure::Rejected { reason, retry }) => match retry {
            Retry::Backoff => Outcome::Retry { reason, not_before: None },
            Retry::After(wait) => Outcome::Retry { reason, not_before: Some(now + millis(wait)) },
            Retry::Later(wait) => Outcome::Later { reason, not_before: now + millis(wait) },
            Retry::Reconnect => Outcome::Failed { reason: with_remedy(reason) },
            // An earlier attempt can have made what is there: reading back tells, or a person.
            Retry::Duplicate if number > 1 => Outcome::InDoubt { reason, readable },
            Retry::Never | Retry::Duplicate => Outcome::Failed { reason },
        },
    }
}

/// Whether the network asked the whole channel to wait, and until when.
pub(crate) async fn pause_if_asked(shared: &Shared, permit: &Permit, outcome: &Outcome) {
    if let Outcome::Retry { reason, not_before: Some(until) } = outcome
        && let Err(e) = sending::pause(&shared.app, &permit.channel, *until, reason).await
    {
        tracing::error!(error = %e, cause = ?e, "cannot write down that a channel waits");
    }
}

/// A reason with what to do, unless it says that already. What follows a status or a colon are the network's
/// words.
fn with_remedy(reason: String) -> String {
    let ours = reason.split(" (status ").next().unwrap_or_default();
    let ours = ours.split(": ").next().unwrap_or_default();
    if ours.contains("; ") { reason } else { format!("{reason}; connect the channel again") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_has_one_remedy() {
        let gone = "the webhook is gone; make a new one (status 404): Unknown Webhook";
        assert_eq!(with_remedy(gone.into()), gone);
        for refused in [
            "the token is refused (status 401): no; never",
            "the mail server refuses the log-in: 5.7.8 no; see https://mail.example",
        ] {
            assert_eq!(with_remedy(refused.into()), format!("{refused}; connect the channel again"));
        }
    }
}
