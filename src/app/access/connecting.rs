//! A person grants a channel access at its network: away to there. What they come back with is in `granting.rs`.
//!
//! It counts once, for ten minutes, and only for the person and the session that began.

use ::channels::oauth_networks::Network;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use super::granting::{Back, finish};
use super::{grants, oauth_apps};
use crate::app::channels::{self, NewChannel};
use crate::app::people::{fresh, hash};
use crate::app::{Actor, App, AppError, Result, keys};
use crate::clock::{Millis, rfc3339};
use crate::domain::audit::Entry;
use crate::domain::role::Right;
use crate::store::grants::{OauthApp, Start};

/// How long a person may be away.
const AWAY: Millis = 10 * 60_000;
/// How long after that it is forgotten: the access of one who came back in time is stored by then.
const FORGOTTEN: Millis = 5 * 60_000;

/// What access is wanted for: a channel that is there, or a new one.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStart {
    /// The id of a channel that gets new access.
    #[serde(default)]
    pub channel: Option<String>,
    #[serde(default)]
    pub new: Option<WantedChannel>,
    /// Registers Holdline anew at the server, where it registers itself: the app there works no more.
    #[serde(default)]
    pub register: bool,
}

/// A channel that is made when its access is there.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WantedChannel {
    pub name: String,
    pub adapter: String,
    pub brand: String,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub settings: Value,
}

/// Where the person goes now.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct StartView {
    /// The page of the network. It is for this person alone.
    pub url: String,
    /// What people call the network.
    pub network: String,
    /// Until when the way back is open.
    pub expires_at: String,
}

/// The associated data of the verifier of a start.
pub(super) fn record(start: &str) -> String {
    format!("oauth_start:{start}")
}

/// What a session of a program begins with; those of the console have no colon.
const PROGRAM: &str = "token:";

/// The session of a program: the token that it calls with.
pub fn session_of(token: &str) -> String {
    format!("{PROGRAM}{}", hash(token))
}

/// Whether a program began, or comes.
pub(super) fn is_program(session: &str) -> bool {
    session.starts_with(PROGRAM)
}

/// Begins: makes the address where the person grants access. `session` is that of the console, or
/// [`session_of`] a program.
///
/// # Errors
/// When a field is wrong, no app is registered at the network, or the actor is no administrator.
pub async fn start(app: &App, by: &Actor, session: &str, wanted: NewStart) -> Result<StartView> {
    by.need(Right::Administer)?;
    let anew = wanted.register;
    let (adapter, settings, channel_id, new_channel) = match (wanted.channel, wanted.new) {
        (Some(id), None) => {
            let row = app.store().channel(&id).await?.ok_or_else(|| AppError::not_found("channel", &id))?;
            let settings = serde_json::from_str(&row.settings).unwrap_or(Value::Null);
            is_at(grants::network_of(&row.adapter, &settings)?, &settings)?;
            (row.adapter, settings, Some(id), None)
        }
        (None, Some(mut new)) => {
            let usual = grants::network(&new.adapter)?;
            // Before anybody goes away for it.
            let as_if = as_channel(new.clone(), usual.sample.to_owned().into());
            new.settings = as_if.settings_or_none();
            channels::check_new(app, &as_if)?;
            if let (Some(server), true, true) =
                (usual.server, new.settings["server"].is_null(), new.settings["login"] != "facebook")
            {
                new.settings["server"] = server.into();
            }
            is_at(grants::network_of(&new.adapter, &new.settings)?, &new.settings)?;
            if app.store().channels().await?.iter().any(|c| c.name == as_if.name.trim()) {
                return Err(AppError::field("name", channels::TAKEN));
            }
            let kept = serde_json::to_string(&new).map_err(|e| AppError::Internal(e.to_string()))?;
            (new.adapter, new.settings, None, Some(kept))
        }
        _ => return Err(AppError::field("channel", "name a channel, or describe a new one")),
    };
    let row = registered(app, by, &adapter, &settings, anew).await?;
    let client = grants::client(app, &row)?;
    let state = fresh("hlo");
    let began = client.start(&state).map_err(AppError::Conflict)?;
    let mut tx = app.store().begin().await?;
    let (id, now) = (app.id(), app.now());
    let start = Start {
        state: hash(state.expose_secret()),
        session: session.to_owned(),
        person_id: by.id.clone(),
        app_id: row.id,
        channel_id,
        new_channel,
        verifier: keys::seal(app, &mut tx, &record(&id), &began.verifier).await?,
        place: place(&adapter, &settings),
        expires_at: now + AWAY,
        id,
    };
    tx.forget_starts(now - FORGOTTEN).await?;
    tx.insert_start(&start).await?;
    let entry = Entry::new("channel.access_asked", &subject(&start))
        .after(&serde_json::json!({ "adapter": adapter, "app": start.app_id }));
    app.commit(tx, by, &[entry], &[]).await?;
    Ok(StartView {
        url: began.url,
        network: client.network.title.to_owned(),
        expires_at: rfc3339(start.expires_at),
    })
}

/// Whether a channel posts where what is granted is taken: Instagram's own login and Facebook's give other tokens, each
/// for a server of its own.
fn is_at(network: &Network, settings: &Value) -> Result<()> {
    let Some(server) = network.server else { return Ok(()) };
    if !network.takes(settings["server"].as_str().unwrap_or_default()) {
        let why = format!("write {server}: only that takes what a login at {} grants", network.title);
        return Err(AppError::field("settings.server", why));
    }
    Ok(())
}

/// Digest of where a channel leads. What was granted for one place is sent to no other.
pub(super) fn place(adapter: &str, settings: &Value) -> String {
    hash(&format!("{adapter} {settings}"))
}

/// What the log says it is about.
pub(super) fn subject(start: &Start) -> String {
    match &start.channel_id {
        Some(id) => format!("channel:{id}"),
        None => format!("oauth_app:{}", start.app_id),
    }
}

pub(super) fn as_channel(new: WantedChannel, credential: SecretString) -> NewChannel {
    let WantedChannel { name, adapter, brand, settings } = new;
    NewChannel { name, adapter, brand, settings, credential: Some(credential), drill: false }
}

/// The app that the access is granted to. At servers where everybody may, one is registered now.
async fn registered(app: &App, by: &Actor, adapter: &str, settings: &Value, anew: bool) -> Result<OauthApp> {
    let network = grants::network_of(adapter, settings)?;
    let server = match network.registers() {
        false => String::new(),
        true => {
            let server = settings["server"].as_str().unwrap_or_default().trim().trim_end_matches('/');
            server.to_lowercase()
        }
    };
    // A server that registered another way back refuses this one.
    let is_ours = |row: &OauthApp| row.redirect == grants::redirect_of(app, &row.id);
    let fits = |row: &OauthApp| !network.registers() || !anew && is_ours(row);
    if let Some(row) = app.store().newest_oauth_app(network.name, &server).await?.filter(fits) {
        return Ok(row);
    }
    if !network.registers() {
        let title = network.title;
        return Err(AppError::field(
            "app",
            format!(
                "first register an app at {title}, and enter it under Settings, Channels, or with `channels add-app`"
            ),
        ));
    }
    let id = app.id();
    let redirect = grants::redirect_of(app, &id);
    let made = app.networks()?.register(network, &server, &redirect).await;
    let made = made.map_err(|why| AppError::field("settings.server", why.to_string()))?;
    let secret = oauth_apps::clean(&made.secret).filter(|_| oauth_apps::is_client_id(&made.id));
    let title = network.title;
    let unread = || AppError::field("settings.server", format!("{title} gave an answer that cannot be read"));
    let secret = secret.ok_or_else(unread)?;
    let row = OauthApp {
        id,
        adapter: adapter.to_owned(),
        server,
        client_id: made.id,
        secret: String::new(),
        authorize_url: made.place.authorize,
        token_url: made.place.token,
        revoke_url: made.place.revoke,
        redirect,
        created_at: app.now(),
    };
    oauth_apps::keep(app, by, row, &secret).await
}
