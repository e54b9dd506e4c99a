//! The return from a restore, a clone or a failover: a person confirms the database, and what of before that
//! cannot be known waits for people.

use ::channels::planted::{Planted, planted};
use serde::{Deserialize, Serialize};

use super::hub::Topic;
use super::{Actor, App, Result, reasons};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::role::Right;
use crate::store::Tx;
use crate::store::deliveries::Change;

/// Said of a decision about a network's own schedule that was not carried out when a database was confirmed.
const UNDECIDED: &str = "the database was confirmed since it was held, and it may have been put back or dropped already: look at the account before you decide";

/// The setting with the epoch of the last confirmation.
const CONFIRMED: &str = "confirmed_epoch";

/// The setting with the time of the last confirmation, in Unix milliseconds.
pub(super) const CONFIRMED_AT: &str = "confirmed_at";

/// Whether an attempt that was permitted in that epoch, and everything about it, is in this database: it was
/// permitted after the last confirmation. What came before may have gone on elsewhere.
///
/// # Errors
/// The database's own.
pub(crate) async fn is_of_this_database(app: &App, epoch: i64) -> Result<bool> {
    Ok(is_since(app.store().setting(CONFIRMED).await?.as_deref(), epoch))
}

/// When the database was confirmed last, in Unix milliseconds; 0: never.
pub(super) async fn confirmed_at(app: &App) -> Result<Millis> {
    let at = app.store().setting(CONFIRMED_AT).await?;
    Ok(at.and_then(|at| at.parse().ok()).unwrap_or(0))
}

fn is_since(confirmed: Option<&str>, epoch: i64) -> bool {
    confirmed.is_none_or(|at| at.parse::<i64>().is_ok_and(|at| epoch >= at))
}

/// Said of what does not go back into the queue by itself.
pub(super) const BEFORE_CONFIRMATION: &str = "its attempt is of before the database was confirmed, and it may have gone out already: look before you decide";

/// Whether what was permitted in an epoch may go back into the queue by itself: not when the database was
/// confirmed since, because another attempt may have gone out in what it has lost. Of a change that began
/// guarded: no confirmation comes in between.
#[derive(Debug, Default)]
pub(super) struct Since(Option<String>);

impl Since {
    /// Begins a change: no confirmation comes in between where a post may go back into the queue.
    ///
    /// # Errors
    /// The database's own.
    pub async fn begin(app: &App, back: bool) -> Result<(Tx, Self)> {
        if !back {
            return Ok((app.store().begin().await?, Self::default()));
        }
        let mut tx = app.store().begin_guarded().await?;
        let since = Self::read(&mut tx).await?;
        Ok((tx, since))
    }

    /// # Errors
    /// The database's own.
    pub async fn read(tx: &mut Tx) -> Result<Self> {
        Ok(Self(tx.setting(CONFIRMED).await?))
    }

    /// The change, held for a person's look if it would go back into the queue and must not. Whoever decides about
    /// what is held or has failed reads why to look first.
    pub fn or_held(&self, change: Change, epoch: i64) -> Change {
        let (back, held, failed) = (State::Scheduled.word(), State::Held.word(), State::Failed.word());
        if ![back, held, failed].contains(&change.state) || is_since(self.0.as_deref(), epoch) {
            return change;
        }
        let state = if change.state == back { held } else { change.state };
        Change { ready_at: None, reason: Some(BEFORE_CONFIRMATION.into()), ..Change { state, ..change } }
    }

    /// The entry of the change, which says so.
    pub fn noted(&self, entry: Entry, change: &Change) -> Entry {
        let is_held = change.reason.as_deref() == Some(BEFORE_CONFIRMATION);
        if is_held { entry.note(BEFORE_CONFIRMATION) } else { entry }
    }
}

/// What a confirmation did.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Confirmed {
    pub epoch: i64,
    /// How many deliveries were due and wait for a person now: they may have gone out already.
    pub held: usize,
}

/// A person confirms that this database is the one to go on with, after a restore, a clone or a
/// failover: nodes that stayed closed may open. What is due is held: it may have gone out after the
/// copy was made, and nothing here knows.
///
/// # Errors
/// When the actor is no administrator.
pub async fn confirm(app: &App, by: &Actor, note: &str) -> Result<Confirmed> {
    by.need(Right::Administer)?;
    reasons::check("comment", note)?;
    let database = app.store().identity().await?;
    // A node that stayed closed says which epoch it remembers: the new one is later than all of them.
    let remembered = app.store().nodes().await?.iter().map(|n| n.acked_epoch).max().unwrap_or(0);
    let mut tx = app.store().begin_freeze().await?;
    let timeline = app.id();
    let epoch = tx.set_timeline(&timeline, &database, remembered).await?;
    let why =
        "it was due when the database was confirmed, and may have gone out already: look before you decide";
    let held = match planted(Planted::ConfirmationReleasesDue) {
        true => Vec::new(),
        false => tx.hold_due(app.now(), why).await?,
    };
    tx.set_setting(CONFIRMED, &epoch.to_string()).await?;
    tx.set_setting(CONFIRMED_AT, &app.now().to_string()).await?;
    let undecided = tx.undecide_swept(UNDECIDED, app.now()).await?;
    let mut entries = vec![
        Entry::new("gate.confirmed", "gate:1")
            .after(&serde_json::json!({"epoch": epoch, "timeline": timeline, "database": database,
                "held": held.len()}))
            .note(note),
    ];
    entries.extend(held.iter().map(|id| Entry::new("delivery.held", &format!("delivery:{id}")).note(why)));
    let undecided = undecided.iter().map(|id| Entry::new("sweep.undecided", &format!("swept:{id}")));
    entries.extend(undecided.map(|entry| entry.note(UNDECIDED)));
    app.commit(tx, by, &entries, &[Topic::Gate, Topic::Queue]).await?;
    Ok(Confirmed { epoch, held: held.len() })
}
