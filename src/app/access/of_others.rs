//! Which credentials of a channel a check has seen to be another account's. Of each a keyed digest stays, so that one that
//! is typed again is that account's at once, whatever was there in between. What a key made that is known no more cannot
//! be compared.

use ::channels::health::Account;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

use crate::app::secrets::SealError;
use crate::app::{App, Result, credentials};
use crate::store::Tx;
use crate::store::channels::Channel;
use crate::store::credentials_of_others::CredentialOfOther;

/// What the key of the digests is derived for.
const PURPOSE: &str = "credentials of other accounts";

/// The digest of a credential of that channel, under each key that is known here, the first one first.
fn macs(app: &App, channel: &str, credential: &SecretString) -> Vec<String> {
    let first = app.keys().first().id;
    let others = app.keys().known().into_iter().filter(|id| *id != first);
    let mac = |id: String| {
        let key = app.keys().derive(&id, PURPOSE)?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key of any length will do");
        mac.update(channel.as_bytes());
        mac.update(b"\0");
        // Adapters read past blanks around it.
        mac.update(credential.expose_secret().trim().as_bytes());
        Ok::<_, SealError>(hex::encode(mac.finalize().into_bytes()))
    };
    std::iter::once(first.clone()).chain(others).filter_map(|id| mac(id).ok()).collect()
}

/// The credential that the channel has now, if this node can open it.
fn kept(app: &App, row: &Channel) -> Option<SecretString> {
    row.credential.as_deref().and_then(|sealed| credentials::open(app, &row.id, sealed).ok())
}

/// The credential that is in was seen to be that account's.
pub(super) async fn note(app: &App, tx: &mut Tx, row: &Channel, other: &Account) -> Result<()> {
    let Some(mac) = kept(app, row).and_then(|kept| macs(app, &row.id, &kept).into_iter().next()) else {
        return Ok(());
    };
    let one = CredentialOfOther {
        channel_id: row.id.clone(),
        mac,
        account: other.name.clone(),
        account_id: other.id.clone(),
        seen_at: app.now(),
    };
    Ok(tx.keep_credential_of_other(&one).await?)
}

/// The credential that is in was seen to be the channel's own account's.
pub(super) async fn forget(app: &App, tx: &mut Tx, row: &Channel) -> Result<()> {
    if let Some(kept) = kept(app, row) {
        for one in those(app, tx, row, &kept).await? {
            tx.forget_credential_of_other(&row.id, &one.mac).await?;
        }
    }
    Ok(())
}

/// That account is the channel's own from now on.
pub(super) async fn forget_account(tx: &mut Tx, row: &Channel, own: &Account) -> Result<()> {
    for one in tx.credentials_of_others(&row.id).await? {
        if whose(&one).is(own) {
            tx.forget_credential_of_other(&row.id, &one.mac).await?;
        }
    }
    Ok(())
}

/// Whose a credential was seen to be that is not the channel's own account's.
pub(super) async fn find(
    app: &App,
    tx: &mut Tx,
    row: &Channel,
    given: &SecretString,
) -> Result<Option<Account>> {
    Ok(those(app, tx, row, given).await?.first().map(whose))
}

fn whose(one: &CredentialOfOther) -> Account {
    Account { name: one.account.clone(), id: one.account_id.clone() }
}

async fn those(
    app: &App,
    tx: &mut Tx,
    row: &Channel,
    given: &SecretString,
) -> Result<Vec<CredentialOfOther>> {
    let mut all = tx.credentials_of_others(&row.id).await?;
    if !all.is_empty() {
        let macs = macs(app, &row.id, given);
        all.retain(|one| macs.contains(&one.mac));
    }
    Ok(all)
}
