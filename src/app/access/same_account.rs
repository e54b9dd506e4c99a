//! A channel goes on with the account that it is known by: what was approved for one is not published by another.

use secrecy::SecretString;

use crate::app::{App, AppError, Result, readiness};
use crate::store::Tx;
use crate::store::channels::Channel;

/// Whose the new access of a channel is, as its network names it; otherwise why that is not known.
pub(super) async fn ask(
    app: &App,
    row: &Channel,
    credential: &SecretString,
) -> std::result::Result<String, String> {
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
    seen: std::result::Result<String, String>,
) -> Result<Option<String>> {
    match (seen, readiness::known_account(row)) {
        (Ok(seen), Some(known)) if seen.to_lowercase() != known.to_lowercase() => {
            let why = format!("this is {seen}, and the channel is {known}: connect another channel for it");
            Err(AppError::Conflict(why))
        }
        (Err(why), _) if tx.has_posts_on(&row.id).await? => {
            Err(AppError::Conflict(format!("{title} does not say whose account this is: {why}")))
        }
        (seen, _) => Ok(seen.ok()),
    }
}
