//! Mails that came back: what mail servers say later of a mail that they took goes into the ledger of its delivery. An alarm
//! says when most recipients do not have a crisis post.

use ::channels::email::bounces::{self, Noted};
use ::channels::ledger;
use serde::Serialize;

use super::hub::Topic;
use super::{Actor, App, AppError, Result, handles, lacking};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::role::Right;
use crate::store::Unaudited;

const OF_ANOTHER: &str = "the report is about a mail that this channel did not send; nothing was changed";
const WRITTEN: &str = "it is written down who does not have it";
const NOTHING_NEW: &str = "the report tells of nobody who was thought to have it; nothing was changed";
const NO_MAILS: &str = "mails come back to e-mail channels, and this is none";
const UNDER_WAY: &str = "the mail is being sent on at the moment; hand the report in again in a minute";

/// What became of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct BounceView {
    /// In a sentence.
    pub said: String,
    /// The delivery whose mail came back, when it is one of this channel.
    pub delivery: Option<String>,
    pub recipients: Vec<ReturnView>,
}

/// What became of the word about one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReturnView {
    /// As much of the address as everybody of the team may read.
    pub recipient: String,
    /// `hard` and `soft` are written down: it will not arrive. `known`: it was written down before. `delayed` and `arrived`
    /// change nothing, and neither does a `stranger`, to whom it was not sent.
    #[schema(value_type = String)]
    pub result: Noted,
}

impl BounceView {
    fn nothing(said: &str) -> Self {
        Self { said: said.to_owned(), delivery: None, recipients: Vec::new() }
    }
}

/// Takes a mail that came back to the sender of a mail channel. What is no report, or about nothing of ours, is told so in
/// words, and is no error: such a mailbox gets other mails, too, and whoever hands them in need not hand them in again.
///
/// # Errors
/// When the channel is not there or sends no mails; when the mail is being sent on just now.
pub async fn receive(app: &App, by: &Actor, channel: &str, mail: &[u8]) -> Result<BounceView> {
    by.need(Right::Report)?;
    let of = app.store().channel(channel).await?.ok_or_else(|| AppError::not_found("channel", channel))?;
    if of.adapter != "email" {
        return Err(AppError::Conflict(NO_MAILS.into()));
    }
    let report = match bounces::read(mail) {
        Ok(report) => report,
        Err(why) => return Ok(BounceView::nothing(why)),
    };
    let delivery = report.delivery.to_string();
    let mut tx = app.store().begin().await?;
    let last = tx.last_attempt(&delivery).await?;
    let d = tx.delivery(&delivery).await?.filter(|d| d.channel_id == channel);
    let (Some(last), Some(d)) = (last, d) else {
        tx.commit_unaudited(Unaudited::Look).await?;
        return Ok(BounceView::nothing(OF_ANOTHER));
    };
    // An attempt that is under way has the ledger in its hands, and writes it down as it knows it; one that has begun and ended
    // before the delivery was locked has another.
    let newest = tx.last_attempt(&delivery).await?;
    if d.state == State::Sending.word() || newest.is_none_or(|newest| newest.id != last.id) {
        return Err(AppError::Full(UNDER_WAY.into()));
    }
    let kept = handles::known_in(&mut tx, &last.id).await?.filter(|kept| ledger::is_ledger(&kept.handle));
    let Some(kept) = kept else {
        tx.commit_unaudited(Unaudited::Look).await?;
        return Ok(BounceView::nothing(OF_ANOTHER));
    };
    let applied = report.apply(&kept.handle).map_err(AppError::Conflict)?;
    let recipients = applied
        .noted
        .iter()
        .map(|(recipient, result)| ReturnView { recipient: recipient.clone(), result: *result });
    let view = |said: &str| BounceView {
        said: said.to_owned(),
        delivery: Some(delivery.clone()),
        recipients: recipients.collect(),
    };
    let Some(handle) = &applied.handle else {
        tx.commit_unaudited(Unaudited::Look).await?;
        return Ok(view(NOTHING_NEW));
    };
    tx.rewrite_handle(&kept.attempt, handle).await?;
    // Of a doubt, too: who decides about another mail reads whom it cannot reach.
    if let Some(state) = [State::Accepted, State::InDoubt].into_iter().find(|state| d.state == state.word()) {
        tx.change_deliveries(&[handles::told(&d, state, handle)]).await?;
    }
    let count = |wanted| applied.noted.iter().filter(|(_, noted)| *noted == wanted).count();
    // The log names no recipients.
    let entry = Entry::new("delivery.bounced", &format!("delivery:{delivery}")).after(&serde_json::json!({
        "attempt": kept.attempt, "hard": count(Noted::Hard), "soft": count(Noted::Soft),
        "ledger": ledger::logged(handle),
    }));
    let mut entries = vec![entry];
    lacking::say(app, &mut tx, (&of.name, &d, handle), &mut entries).await?;
    let view = view(WRITTEN);
    app.commit(tx, by, &entries, &[Topic::Queue]).await?;
    Ok(view)
}
