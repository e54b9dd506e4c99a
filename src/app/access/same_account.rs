//! A channel goes on with the account that it is known by: what was approved for one is not published by another.

use ::channels::health::Account;
use secrecy::SecretString;

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
pub(super) async fn judge(
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

/// The same of a credential that was typed in, where the settings stay. It is taken when its network does not say whose
/// it is: at three in the morning somebody mends a channel, many networks tell no account, and the next check that
/// sees another one stops all posts.
///
/// # Errors
/// When it is another account while posts of the channel are out or due.
pub(in crate::app) async fn judge_typed(tx: &mut Tx, row: &mut Channel, seen: Option<Account>) -> Result<()> {
    let Some(seen) = seen else { return Ok(()) };
    let other = readiness::known_account(row).filter(|known| !seen.is(known));
    if let Some(known) = other
        && tx.has_posts_on(&row.id).await?
    {
        return Err(another(&seen, &known));
    }
    (row.health, row.other_account) = (readiness::remembering(row, Some(seen)), None);
    Ok(())
}
