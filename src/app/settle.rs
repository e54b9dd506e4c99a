//! A person's word about what no network tells: a delivery in doubt, one that has only started, or one that the network
//! could not take down.

use serde::{Deserialize, Serialize};

use super::hub::Topic;
use super::{
    Actor, App, AppError, Result, doubts, handles, promises, reasons, reports, retractions, revisions,
    still_live,
};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::{Move, State};
use crate::domain::role::Right;
use crate::store::attempts::Settled;
use crate::store::deliveries::{Change, Delivery};

/// What a person found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// It is there: a person has seen it.
    Published,
    /// It is not there, and must not be tried again.
    NotPublished,
    /// It is not there: try again. Of a doubt only. A post that goes to each recipient by itself goes on with those
    /// who wait; when everybody had their turn, it goes once more to those of whom nobody knows.
    TryAgain,
    /// It is gone: a person has taken it down by hand, or has seen that it is not there any more, after the network could
    /// not take it down.
    TakenDown,
}

/// A person's word about a delivery in doubt, one that has only started, or one that is to be taken down.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    pub settlement: Settlement,
    /// What was seen, and where.
    pub note: String,
    /// Where people find it. A link to read: a retraction looks for the post by itself.
    #[serde(default)]
    pub url: Option<String>,
}

impl Settle {
    fn check(&self) -> Result<()> {
        if self.note.trim().is_empty() {
            return Err(AppError::field("note", "say what you saw, and where"));
        }
        reasons::check("note", &self.note)?;
        if self.url.as_deref().is_some_and(|url| !doubts::is_web(url)) {
            return Err(AppError::field("url", "write the whole address, beginning with https://"));
        }
        Ok(())
    }

    /// What happens to the delivery, and what the log calls it.
    fn step(&self, d: &Delivery) -> Result<(Move, &'static str)> {
        let state = State::parse(&d.state).map_err(AppError::Internal)?;
        match (state, d.started != 0, self.settlement) {
            (State::InDoubt, _, Settlement::Published) => Ok((Move::Accept, "doubt.settled")),
            (State::InDoubt, _, Settlement::NotPublished) => Ok((Move::Fail, "doubt.settled")),
            (State::InDoubt, _, Settlement::TryAgain) => Ok((Move::Retry, "doubt.settled")),
            (State::Accepted, true, Settlement::Published) => Ok((Move::Confirm, "start.settled")),
            (State::Accepted, true, Settlement::NotPublished) => Ok((Move::Deny, "start.settled")),
            (State::Accepted, true, Settlement::TryAgain) => Err(AppError::Conflict(
                "what has started can still appear, so it is not tried again; settle it as not published, \
                 and release it when you are sure"
                    .to_owned(),
            )),
            _ => Err(AppError::Conflict(format!(
                "this delivery is {}; only a doubt, or what has only started, can be settled",
                d.state
            ))),
        }
    }
}

/// Settles a delivery in doubt, one that has only started, or one that the network could not take down, by a person's
/// word. What they saw there keeps the promise of its post.
///
/// # Errors
/// When it is neither, the note is missing, or it is to be tried again and somebody wanted it taken down.
pub async fn settle(app: &App, by: &Actor, delivery: &str, settle: &Settle) -> Result<()> {
    by.need(Right::Decide)?;
    settle.check()?;
    if settle.settlement == Settlement::TakenDown {
        return retractions::by_hand(app, by, delivery, settle).await;
    }
    reports::apply_to(app, delivery).await?;
    let now = app.now();
    let post = app.store().delivery(delivery).await?.map(|d| d.post_id).unwrap_or_default();
    let first = revisions::first_of(app, &post).await?;
    let mut tx = app.store().begin().await?;
    let published = (settle.settlement == Settlement::Published).then_some(delivery);
    promises::lock(&mut tx, published.as_slice()).await?;
    let a = tx.attempt_to_settle(delivery).await?;
    let mut so_far = None;
    if let Some(a) = &a {
        if published.is_none() {
            handles::judge(&mut tx, &a.id, settle.settlement == Settlement::TryAgain).await?;
        }
        so_far = handles::so_far(&mut tx, &a.id).await?;
    }
    let d = tx.delivery(delivery).await?.ok_or_else(|| AppError::not_found("delivery", delivery))?;
    let (step, verb) = settle.step(&d)?;
    let a = a.ok_or_else(|| AppError::not_found("attempt in doubt of", delivery))?;
    let state = State::parse(&d.state).map_err(AppError::Internal)?;
    let next = state.after(step).map_err(|e| AppError::Internal(e.to_string()))?;
    let settled = Settled {
        id: a.id,
        outcome: if published.is_some() { "accepted" } else { "rejected" },
        detail: Some(format!("settled by a person: {}", settle.note)),
        // What a person types is where it can be seen, not what the network calls it.
        remote_id: None,
        at: now,
        next_read_at: None,
    };
    if d.started != 0 {
        tx.settle_started(&settled).await?;
    } else {
        tx.settle_attempts(&[settled]).await?;
    }
    let mut entries = promises::keep(&mut tx, published.as_slice()).await?;
    let mut change = Change {
        ready_at: (step == Move::Retry).then_some(now),
        due_at: (step == Move::Retry).then_some(now),
        remote_url: settle.url.clone().filter(|_| published.is_some()),
        settled_at: (step != Move::Retry).then_some(now),
        reason: so_far,
        ..Change::to(delivery, next.word())
    };
    if published.is_some() {
        entries.extend(revisions::or_gone(app, &mut tx, first.as_deref(), &d.channel_id, &mut change).await?);
    }
    tx.change_deliveries(&[change]).await?;
    if published.is_some() {
        entries.extend(still_live::note(app, &mut tx, &[delivery]).await?);
    }
    entries.push(Entry::new(verb, &format!("delivery:{delivery}")).after(settle).note(&settle.note));
    app.commit(tx, by, &entries, &[Topic::Queue]).await
}
