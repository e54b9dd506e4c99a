//! What lives beside access that is to end: a network may end both by one call.

use ::channels::oauth::{Client, Tokens};
use secrecy::ExposeSecret;

use super::grants;
use crate::app::{App, Result, credentials};
use crate::store::Tx;
use crate::store::channels::Channel;

/// What would end with access that was just given.
pub(super) enum Beside {
    Nothing,
    /// A channel has this very access.
    Same,
    /// A channel has, or may have, other access that ends together with it.
    With(Box<Channel>),
}

/// What people read.
pub(super) fn words(title: &str, name: &str) -> String {
    format!("what {title} gave now is kept sealed, and ends together with the access of the channel {name}")
}

/// Looks at all channels of the network: those that people granted access to, and those with a typed credential, of
/// which nobody knows by which app it is.
pub(super) async fn of(app: &App, tx: &mut Tx, client: &Client, tokens: &Tokens) -> Result<Beside> {
    let (network, shared) = (client.network, grants::shared(client, tokens));
    let mut with = None;
    for row in app.store().channels().await?.into_iter().filter(|c| c.adapter == network.adapter()) {
        let grant = tx.grant(&row.id).await?.filter(|g| g.tokens.is_some());
        let lives_with = match (&grant, &row.credential) {
            (Some(grant), _) => {
                let kept = grants::tokens(app, grant);
                if kept.as_ref().is_ok_and(|kept| grants::are_same(kept, tokens)) {
                    return Ok(Beside::Same);
                }
                let same_app = grants::client_by_id(app, &grant.app_id).await;
                let is_same_app =
                    same_app.is_ok_and(|c| c.id == client.id && c.place.token == client.place.token);
                // A team is known, and another one has another bot.
                let teams = kept.ok().and_then(|kept| kept.team).zip(tokens.team.clone());
                let apart = teams.is_some_and(|(one, other)| one != other);
                grant.shared == shared || network.ends_together() && is_same_app && !apart
            }
            (None, Some(sealed)) => {
                let opened = credentials::open(app, &row.id, sealed);
                let given = tokens.credential().expose_secret();
                if opened.is_ok_and(|typed| typed.expose_secret() == given) {
                    return Ok(Beside::Same);
                }
                network.ends_together()
            }
            (None, None) => false,
        };
        if lives_with && with.is_none() {
            with = Some(row);
        }
    }
    Ok(with.map_or(Beside::Nothing, |row| Beside::With(Box::new(row))))
}
