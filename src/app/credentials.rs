//! Credentials of channels, sealed and open.

use secrecy::{ExposeSecret, SecretString};

use super::{App, AppError, Result, keys};
use crate::store::Tx;
use crate::store::channels::Channel;

/// The associated data of a channel's credential.
pub(super) fn record(id: &str) -> String {
    format!("channel:{id}")
}

/// The credential that a channel opens with: the one given, or the one that is kept.
pub(super) fn opened(app: &App, row: &Channel, given: Option<&SecretString>) -> Result<Option<SecretString>> {
    if let Some(given) = given {
        return Ok(Some(given.clone()));
    }
    let kept = row.credential.as_deref().map(|sealed| open(app, &row.id, sealed));
    kept.transpose().map_err(AppError::Conflict)
}

/// Opens the credential of a channel.
///
/// # Errors
/// A sentence that says why it cannot be opened.
pub(crate) fn open(app: &App, id: &str, sealed: &str) -> std::result::Result<SecretString, String> {
    app.keys().open(&record(id), sealed).map_err(|e| e.to_string())
}

/// Whether the channel has this very credential, or one that cannot be opened here.
pub(super) fn may_be_in(app: &App, row: &Channel, given: &SecretString) -> bool {
    let Some(sealed) = row.credential.as_deref() else { return false };
    // Adapters read past blanks around it.
    open(app, &row.id, sealed)
        .map_or(true, |kept| kept.expose_secret().trim() == given.expose_secret().trim())
}

/// What the row of a channel gets: the credential given, or the one that is kept, under the key that seals.
pub(super) async fn sealed(
    app: &App,
    tx: &mut Tx,
    id: &str,
    given: Option<&SecretString>,
    kept: Option<String>,
) -> Result<Option<String>> {
    Ok(match (given, kept) {
        (Some(given), _) => Some(keys::seal(app, tx, &record(id), given).await?),
        (None, Some(kept)) => Some(keys::still_sealed(app, tx, &record(id), kept).await?),
        (None, None) => None,
    })
}
