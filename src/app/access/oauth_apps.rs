//! Apps of ours that are registered at networks.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::grants;
use crate::app::error::Problems;
use crate::app::{Actor, App, AppError, Result, keys};
use crate::clock::rfc3339;
use crate::domain::audit::Entry;
use crate::domain::role::Right;
use crate::store::grants::OauthApp;

/// An app, without its secret.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct OauthAppView {
    pub id: String,
    pub adapter: String,
    /// The server, on a network of many.
    pub server: Option<String>,
    pub client_id: String,
    /// Where the network sends people back to: it is to be written there.
    pub redirect: String,
    pub created_at: String,
}

/// An app that somebody registered at a network.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOauthApp {
    /// `discord`, `facebook`, `instagram`, `instagram_facebook` (Instagram by Facebook Login), `linkedin`, `slack`, `threads` or `x`. At a Mastodon server Holdline registers itself.
    pub adapter: String,
    pub client_id: String,
    /// It is sealed at once and never shown.
    #[schema(value_type = String)]
    pub secret: SecretString,
    /// Another address where people grant access.
    #[serde(default)]
    pub authorize: Option<String>,
    /// Another address where a code becomes a token.
    #[serde(default)]
    pub token: Option<String>,
    /// Another address where a grant is ended.
    #[serde(default)]
    pub revoke: Option<String>,
}

/// Where networks send people back to: it is to be written at the app.
pub fn redirect(app: &App) -> String {
    grants::redirect(app)
}

fn view(app: &App, row: OauthApp) -> OauthAppView {
    OauthAppView {
        redirect: grants::redirect_to(app, &row),
        id: row.id,
        adapter: row.adapter,
        server: Some(row.server).filter(|s| !s.is_empty()),
        client_id: row.client_id,
        created_at: rfc3339(row.created_at),
    }
}

/// All apps, the newest first. The newest of a network is the one that new grants are made with.
///
/// # Errors
/// When the actor is no administrator.
pub async fn list(app: &App, by: &Actor) -> Result<Vec<OauthAppView>> {
    by.need(Right::Administer)?;
    Ok(app.store().oauth_apps().await?.into_iter().map(|row| view(app, row)).collect())
}

/// Keeps an app. Those before it stay for the grants that were made with them.
///
/// # Errors
/// When a field is wrong, or the actor is no administrator.
pub async fn add(app: &App, by: &Actor, new: NewOauthApp) -> Result<OauthAppView> {
    by.need(Right::Administer)?;
    let network = grants::network(&new.adapter)?;
    if network.registers() {
        return Err(AppError::field("adapter", "Holdline registers itself at these servers"));
    }
    let place = network.place(None);
    let mut problems = Problems::default();
    let mut address = |field: &str, given: Option<String>, usual: String| match given {
        Some(given) if !is_address(&given) => {
            problems.add(field, "write the whole address, as https://…");
            usual
        }
        given => given.unwrap_or(usual),
    };
    let authorize_url = address("authorize", new.authorize, place.authorize);
    let token_url = address("token", new.token, place.token);
    let revoke_url = match (new.revoke, place.revoke) {
        (None, usual) => usual,
        (given, usual) => Some(address("revoke", given, usual.unwrap_or_default())),
    };
    let client_id = new.client_id.trim().to_owned();
    if !is_client_id(&client_id) {
        problems.add("client_id", "copy it from the app's page at the network");
    }
    let secret = clean(&new.secret);
    if secret.is_none() {
        problems.add("secret", "copy it from the app's page at the network");
    }
    problems.check()?;
    let row = OauthApp {
        id: app.id(),
        adapter: new.adapter,
        server: String::new(),
        client_id,
        secret: String::new(),
        authorize_url,
        token_url,
        revoke_url,
        redirect: grants::redirect(app),
        created_at: app.now(),
    };
    let row = keep(app, by, row, &secret.unwrap_or_default()).await?;
    Ok(view(app, row))
}

/// Writes an app with its secret.
pub(super) async fn keep(
    app: &App,
    by: &Actor,
    mut row: OauthApp,
    secret: &SecretString,
) -> Result<OauthApp> {
    let mut tx = app.store().begin().await?;
    row.secret = keys::seal(app, &mut tx, &grants::app_record(&row.id), secret).await?;
    tx.insert_oauth_app(&row).await?;
    let entry =
        Entry::new("oauth_app.added", &format!("oauth_app:{}", row.id)).after(&view(app, row.clone()));
    app.commit(tx, by, &[entry], &[]).await?;
    Ok(row)
}

/// Whether it can be the id of an app.
pub(super) fn is_client_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 500 && text.chars().all(|c| c.is_ascii_graphic())
}

fn is_address(text: &str) -> bool {
    let (https, http) = (text.starts_with("https://"), text.starts_with("http://"));
    (https || http) && text.len() <= 500 && text.chars().all(|c| c.is_ascii_graphic()) && !text.contains('#')
}

/// A secret without the spaces around it, if it can be one.
pub(super) fn clean(secret: &SecretString) -> Option<SecretString> {
    use secrecy::ExposeSecret;
    let text = secret.expose_secret().trim();
    let right = !text.is_empty() && text.len() <= 1_000 && text.chars().all(|c| c.is_ascii_graphic());
    right.then(|| text.to_owned().into())
}
