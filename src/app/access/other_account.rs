//! A channel whose credential leads to another account than before: nothing goes out there, whatever its lane, until
//! a check sees the channel's own account again, or an administrator confirms the other one, or a credential that was
//! given since and of which no check sees whose it is ([`super::own_credential`]).

use ::channels::health::Account;
use ::channels::{Facts, place};
use secrecy::SecretString;
use serde::Deserialize;

use super::of_others;
use crate::app::channels::{self, ChannelView};
use crate::app::hub::Topic;
use crate::app::{Actor, App, AppError, Result, credentials, readiness, watches};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::role::Right;
use crate::store::Tx;
use crate::store::channels::Channel;
use crate::store::deliveries::{Change, InHand};

/// How long a post waits before it looks again.
const WAIT: Millis = 30_000;
/// The same while the first check of another credential is being made.
const UNSEEN_WAIT: Millis = 2_000;

/// What people read until then.
const UNSEEN: &str = "the channel has another credential, and whose it is is looked at first";

/// Why the other account cannot be confirmed where the settings name one.
const NAMED: &str =
    "the settings of this channel name its account by its number: connect that one, or change the settings";

/// The account that a person was shown.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShownAccount {
    pub account: String,
}

/// How what people read begins.
const BEGINS: &str = "the channel's credential ";

/// What people read of a channel that is marked.
pub(crate) fn words_of(c: &Channel) -> Option<String> {
    c.other_account.as_ref().map(|other| words(&c.adapter, other, c.other_is_former))
}

/// What people read.
fn words(adapter: &str, other: &str, is_former: bool) -> String {
    if is_former {
        return format!(
            "the channel's credential before this one was of another account, {other}, and no check has seen whose \
             this one is: connect the right one again, or confirm this one on the page of the channel"
        );
    }
    if !may_confirm(adapter) {
        return format!(
            "the channel's credential is of another account, {other}: connect the right one again"
        );
    }
    format!(
        "the channel's credential is of another account, {other}: connect the right one again, or confirm this one \
         on the page of the channel"
    )
}

/// What people call the account that was seen: with its number where the name alone is also that of the channel's own
/// account, or of another one that a check saw before.
fn label(row: &Channel, known: &Account, seen: &Account) -> String {
    let marked = row.other_account.as_ref().zip(row.other_account_id.as_ref());
    match (&seen.id, marked) {
        (Some(id), Some((label, marked))) if id == marked && label.starts_with(&seen.name) => label.clone(),
        (Some(id), Some((label, marked))) if id != marked && *label == seen.name => format!("{label}, {id}"),
        (Some(id), _) if seen.name == known.name => format!("{}, {id}", seen.name),
        _ => seen.name.clone(),
    }
}

/// The mark of a channel.
pub(in crate::app) fn marked(row: &Channel) -> Option<Account> {
    Some(Account { name: row.other_account.clone()?, id: row.other_account_id.clone() })
}

/// Takes the mark of a channel back, which is written by the caller. What waits for that goes at once.
pub(in crate::app) async fn unmark(app: &App, tx: &mut Tx, row: &mut Channel) -> Result<()> {
    (row.other_account_id, row.other_is_former) = (None, false);
    if row.other_account.take().is_some() {
        tx.wake_because(&row.id, BEGINS, app.now()).await?;
    }
    Ok(())
}

/// Whether a person can say that the other account is right. Where the settings name the account they would have to change.
pub(crate) fn may_confirm(adapter: &str) -> bool {
    !place::names_account(adapter)
}

/// Whose the credential of a channel is, by a check.
pub(in crate::app) enum Whose {
    /// The channel's own account's, or that of the first account which was seen there.
    Own,
    Other(Account),
    /// Nobody said.
    NotTold,
}

/// What a check says of the account. One that saw none, or another one, leaves that by which the channel is known.
pub(in crate::app) fn seen(row: &Channel, facts: &mut Facts) -> Whose {
    let known = readiness::known_account(row);
    let whose = match (facts.whose(), known) {
        (Some(seen), Some(known)) if !seen.is(&known) => {
            Whose::Other(Account { name: label(row, &known, &seen), id: seen.id })
        }
        (Some(_), known) => {
            // A number that is known once is not forgotten because an answer lacks it.
            facts.account_id = facts.account_id.take().or(known.and_then(|known| known.id));
            return Whose::Own;
        }
        (None, _) => Whose::NotTold,
    };
    let own = readiness::learned_account(row);
    (facts.account, facts.account_id) = own.map_or((None, None), |own| (Some(own.name), own.id));
    whose
}

/// Marks a channel whose credential was seen to be another account's, or takes the mark back: the entry of it.
pub(in crate::app) async fn mark(
    app: &App,
    tx: &mut Tx,
    row: &mut Channel,
    whose: &Whose,
) -> Result<Option<Entry>> {
    let other = match whose {
        Whose::NotTold => return Ok(None),
        Whose::Own => None,
        Whose::Other(other) => Some(other),
    };
    match other {
        Some(other) => of_others::note(app, tx, row, other).await?,
        None => of_others::forget(app, tx, row).await?,
    }
    if marked(row).as_ref() == other && !row.other_is_former {
        return Ok(None);
    }
    let name = other.map(|other| other.name.as_str());
    tx.mark_account(&row.id, name, other.and_then(|other| other.id.as_deref())).await?;
    let subject = format!("channel:{}", row.id);
    let Some(other) = other else {
        unmark(app, tx, row).await?;
        return Ok(Some(Entry::new("channel.own_account", &subject)));
    };
    (row.other_account, row.other_account_id) = (Some(other.name.clone()), other.id.clone());
    row.other_is_former = false;
    tracing::error!(
        node = app.node(),
        channel = row.id,
        other = other.name,
        "a channel leads to another account"
    );
    let words = words(&row.adapter, &other.name, false);
    Ok(Some(Entry::new("channel.other_account", &subject).note(words)))
}

/// Another credential is in, and nobody knows whose it is: what marked the channel was the one before.
pub(in crate::app) fn has_another_credential(row: &mut Channel) {
    row.other_is_former = row.other_account.is_some();
}

/// The same of one that somebody typed in: it may be one that a check has seen, whatever was in since. What this node
/// cannot open may be the very same, so nobody is asked to confirm what is typed in its place.
pub(super) async fn has_typed_credential(
    app: &App,
    tx: &mut Tx,
    row: &mut Channel,
    typed: &SecretString,
) -> Result<()> {
    // It may be the account's that the settings name by now.
    let own = readiness::known_account(row);
    let is_other = |seen: &Account| own.as_ref().is_none_or(|own| !seen.is(own));
    if let Some(other) = of_others::find(app, tx, row, typed).await?.filter(is_other) {
        (row.other_account, row.other_account_id) = (Some(other.name), other.id);
        row.other_is_former = false;
    } else if !credentials::may_be_in(app, row, typed) {
        has_another_credential(row);
    }
    Ok(())
}

/// A due delivery on such a channel waits, and gets no permit; and so it does for the first check of a credential of which
/// nobody knows whose it is.
pub(in crate::app) fn wait(row: &InHand, now: Millis) -> Option<Change> {
    let (wait, why) = match &row.other_account {
        Some(other) => (WAIT, words(&row.adapter, other, row.other_is_former)),
        None if readiness::is_unseen(row.unchecked.as_deref()) => (UNSEEN_WAIT, UNSEEN.to_owned()),
        None => return None,
    };
    let later = Change { ready_at: Some(now + wait), ..Change::to(&row.id, State::Scheduled.word()) };
    Some(later.because(&why))
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
    if readiness::number_in_settings(&row).is_some() {
        return Err(AppError::Conflict(NAMED.into()));
    }
    let before = channels::view(app, row.clone());
    let Some(other) = marked(&row).filter(|other| other.name == shown.account) else {
        let why = "the last check did not see this account; look at the channel again";
        return Err(AppError::Conflict(why.into()));
    };
    unmark(app, &mut tx, &mut row).await?;
    of_others::forget_account(&mut tx, &row, &other).await?;
    // The mark can be of a credential before this one.
    let unseen = readiness::is_unseen(row.health.as_deref());
    (row.health, row.checked_at) = (readiness::remembering_as(&row, Some(other), unseen), None);
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
    readiness::check_soon(app, channel, unseen);
    Ok(view)
}
