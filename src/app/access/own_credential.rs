//! A credential of which no check sees whose it is, on a channel where the one before was another account's. Without this
//! the channel would wait for ever, whoever's it is: an administrator who knows says so.

use serde::Deserialize;

use super::other_account;
use crate::app::channels::{self, ChannelView};
use crate::app::hub::Topic;
use crate::app::{Actor, App, AppError, Result, readiness};
use crate::domain::audit::Entry;
use crate::domain::role::Right;
use crate::store::channels::Channel;

/// The credential that a person was shown.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShownCredential {
    /// The version of the channel: with another one it may have another credential.
    pub version: i64,
}

const NO_OTHER: &str = "no other account was seen on this channel, so there is nothing to confirm";
const OF_OTHER: &str =
    "the last check that saw an account saw another one by this very credential: give the right one";
const NOT_CHECKED: &str =
    "no check has ended since this credential was given; test the channel, and look at it again";

/// Whether an administrator can say that the credential which is in now is the channel's own account's.
pub(in crate::app) fn may_confirm(row: &Channel) -> bool {
    refusal(row).is_none()
}

/// Why that cannot be said.
fn refusal(row: &Channel) -> Option<&'static str> {
    if row.other_account.is_none() {
        return Some(NO_OTHER);
    }
    if !row.other_is_former || row.credential.is_none() {
        return Some(OF_OTHER);
    }
    row.checked_at.is_none().then_some(NOT_CHECKED)
}

/// An administrator says that the credential which is in now is the channel's own account's, although no check has seen
/// that. The known account stays, and what waits goes at once. A check that sees another account marks the channel again.
///
/// # Errors
/// When the channel was changed since, no check has looked at the credential, one has seen another account by it, or the
/// actor is no administrator.
pub async fn confirm(app: &App, by: &Actor, channel: &str, shown: &ShownCredential) -> Result<ChannelView> {
    by.need(Right::Administer)?;
    let mut tx = app.store().begin().await?;
    let row = tx.channel_for_update(channel).await?;
    let mut row = row.ok_or_else(|| AppError::not_found("channel", channel))?;
    if row.version != shown.version {
        return Err(AppError::Stale { now: row.version });
    }
    if let Some(why) = refusal(&row) {
        return Err(AppError::Conflict(why.into()));
    }
    let before = channels::view(app, row.clone());
    let other = row.other_account.clone().unwrap_or_default();
    let own = readiness::known_account(&row).map(|own| own.name);
    other_account::unmark(app, &mut tx, &mut row).await?;
    (row.health, row.checked_at) = (readiness::remembering_as(&row, None, false), None);
    if !tx.update_channel(&row).await? {
        return Err(AppError::Stale { now: row.version });
    }
    row.version += 1;
    tracing::warn!(channel, by = by.id, "a credential of which no check sees whose it is was confirmed");
    let confirmed = Entry::new("channel.credential_confirmed", &format!("channel:{channel}"))
        .before(&serde_json::json!({ "other_account": other }))
        .after(&serde_json::json!({ "account": own, "account_seen": false }))
        .note("no check has seen whose this credential is; an administrator says that it is the channel's own account's");
    let view = channels::view(app, row);
    let entries = [channels::changed(&before, &view, false), confirmed];
    app.commit(tx, by, &entries, &[Topic::Channels, Topic::Queue]).await?;
    readiness::check_soon(app, channel, true);
    Ok(view)
}
