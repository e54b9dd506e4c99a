//! A channel goes on with the account that it is known by: what was approved for one is not published by another.

use ::channels::health::Account;
use secrecy::SecretString;

use super::{of_others, other_account};
use crate::app::{App, AppError, Result, readiness};
use crate::store::Tx;
use crate::store::channels::Channel;

/// Whose the new access of a channel is, as its network names it; otherwise why that is not known.
pub(super) async fn ask(
    app: &App,
    row: &Channel,
    credential: &SecretString,
) -> std::result::Result<Account, String> {
    let networks = app.networks().map_err(|e| e.to_string())?;
    let settings = serde_json::from_str(&row.settings).unwrap_or_default();
    networks.account(&row.adapter, &settings, credential.clone()).await
}

/// The account that was seen, if the channel may go on with it.
///
/// # Errors
/// When it is another one, or is not known while posts of the channel are out or due.
async fn judge(
    tx: &mut Tx,
    row: &Channel,
    title: &str,
    seen: std::result::Result<Account, String>,
) -> Result<Option<Account>> {
    match (seen, readiness::known_account(row)) {
        (Ok(seen), Some(known)) if !seen.is(&known) => Err(another(&seen, &known)),
        (Err(why), _) if tx.has_posts_on(&row.id).await? => {
            Err(AppError::Conflict(format!("{title} does not say whose account this is: {why}")))
        }
        (seen, _) => Ok(seen.ok()),
    }
}

/// The same for access that was granted again: what the channel keeps, and whether posts wait for the first check of it.
pub(super) async fn judge_granted(
    app: &App,
    tx: &mut Tx,
    row: &mut Channel,
    title: &str,
    seen: std::result::Result<Account, String>,
) -> Result<bool> {
    let account = judge(tx, row, title, seen).await?;
    match account {
        Some(ref own) => {
            of_others::forget_account(tx, row, own).await?;
            other_account::unmark(app, tx, row).await?;
        }
        None => other_account::has_another_credential(row),
    }
    // What the last check saw was another connection of it.
    row.health = readiness::remembering(row, account);
    Ok(readiness::is_unseen(row.health.as_deref()))
}

fn another(seen: &Account, known: &Account) -> AppError {
    let (seen, known) = (&seen.name, &known.name);
    AppError::Conflict(format!("this is {seen}, and the channel is {known}: connect another channel for it"))
}

/// Whose a credential is that somebody types in, if its network says so.
pub(in crate::app) async fn ask_typed(
    app: &App,
    row: &Channel,
    typed: Option<&SecretString>,
) -> Option<Account> {
    ask(app, row, typed?).await.ok()
}

/// The same of a credential that was typed in, where the settings name no other account than before. It is taken when its
/// network does not say whose it is: at three in the morning somebody mends a channel, and many networks tell no account.
/// Posts wait for the first check of it then, and one that sees another account stops them: whether they wait. Where the
/// settings lead `elsewhere` and name no account, whose the credentials of the channel were called says nothing any more.
///
/// # Errors
/// When it is another account while posts of the channel are out or due, or another one than the settings name.
pub(in crate::app) async fn judge_typed(
    app: &App,
    tx: &mut Tx,
    row: &mut Channel,
    typed: Option<&SecretString>,
    seen: Option<Account>,
    elsewhere: bool,
) -> Result<bool> {
    if elsewhere && readiness::known_account(row).is_none() {
        tx.forget_credentials_of_others(&row.id).await?;
    }
    let Some(seen) = seen else {
        if let Some(typed) = typed {
            row.health = readiness::remembering(row, None);
            other_account::has_typed_credential(app, tx, row, typed).await?;
        }
        return Ok(readiness::is_unseen(row.health.as_deref()));
    };
    let other = readiness::known_account(row).filter(|known| !seen.is(known));
    if let Some(known) = other
        && (readiness::number_in_settings(row).is_some() || tx.has_posts_on(&row.id).await?)
    {
        return Err(another(&seen, &known));
    }
    // It is the channel's own from now on, whoever's its credentials were called before.
    of_others::forget_account(tx, row, &seen).await?;
    row.health = readiness::remembering(row, Some(seen));
    other_account::unmark(app, tx, row).await?;
    Ok(false)
}
