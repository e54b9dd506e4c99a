//! A channel whose credential leads to another account than before: nothing goes out there, whatever its lane, until
//! a check sees the channel's own account again, or an administrator confirms the other one.

use ::channels::Facts;
use ::channels::health::Account;
use serde::Deserialize;

use crate::app::channels::{self, ChannelView};
use crate::app::hub::Topic;
use crate::app::{Actor, App, AppError, Result, readiness, watches};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::role::Right;
use crate::store::channels::Channel;
use crate::store::deliveries::{Change, InHand};

/// How long a post waits before it looks again.
const WAIT: Millis = 30_000;

/// The account that a person was shown.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShownAccount {
    pub account: String,
}

/// What people read.
pub(crate) fn words(other: &str) -> String {
    format!(
        "the channel's credential is of another account, {other}: connect the right one again, or confirm this one \
         on the page of the channel"
    )
}

/// What a check says of the account: the other one, if it is not that by which the channel is known. A check that
/// saw none leaves it as it was.
pub(in crate::app) fn seen(row: &Channel, facts: &mut Facts) -> Option<String> {
    let known = readiness::known_account(row);
    let other = match (facts.whose(), &known) {
        (Some(seen), Some(known)) if !seen.is(known) => Some(seen.name),
        (Some(_), _) => return None,
        (None, _) => row.other_account.clone(),
    };
    (facts.account, facts.account_id) = known.map_or((None, None), |known| (Some(known.name), known.id));
    other
}

/// A due delivery on such a channel waits, and gets no permit.
pub(in crate::app) fn wait(row: &InHand, now: Millis) -> Option<Change> {
    let other = row.other_account.as_ref()?;
    let later = Change { ready_at: Some(now + WAIT), ..Change::to(&row.id, State::Scheduled.word()) };
    Some(later.because(&words(other)))
}

/// An administrator says that the channel goes on with the other account.
///
/// # Errors
/// When a check has not seen that account, or the actor is no administrator.
pub async fn confirm(app: &App, by: &Actor, channel: &str, shown: &ShownAccount) -> Result<ChannelView> {
    by.need(Right::Administer)?;
    let mut tx = app.store().begin().await?;
    let row = tx.channel_for_update(channel).await?;
    let mut row = row.ok_or_else(|| AppError::not_found("channel", channel))?;
    let before = channels::view(app, row.clone());
    let Some(other) = row.other_account.take().filter(|other| *other == shown.account) else {
        let why = "the last check did not see this account; look at the channel again";
        return Err(AppError::Conflict(why.into()));
    };
    // Its number is learned at the next check.
    let other = Account { name: other, id: None };
    (row.health, row.checked_at) = (readiness::remembering(&row, Some(other)), None);
    if !tx.update_channel(&row).await? {
        return Err(AppError::Stale { now: row.version });
    }
    let mut entries = watches::after_edit(app, &mut tx, &row, true).await?;
    row.version += 1;
    let view = channels::view(app, row);
    entries.insert(0, channels::changed(&before, &view, false));
    let confirmed =
        Entry::new("channel.account_confirmed", &format!("channel:{channel}")).note(&shown.account);
    entries.insert(1, confirmed);
    app.commit(tx, by, &entries, &[Topic::Channels, Topic::Queue]).await?;
    Ok(view)
}
