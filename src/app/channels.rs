//! Connected channels.

use std::collections::HashMap;

use ::channels::{Facts, Limits, place};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::access::{ends, own_credential, same_account};
use super::error::Problems;
use super::hub::Topic;
pub use super::readiness::{Tested, check_due, test};
pub(crate) use super::readiness::{health, keep_health, limits};
use super::standing::{self, Remark, Standing};
use super::{Actor, App, AppError, Result, credentials, moved, readiness, watches};
use crate::clock::rfc3339;
use crate::domain::audit::Entry;
use crate::domain::role::Right;
use crate::store::Tx;
pub(crate) use crate::store::channels::Channel;

/// A channel as the API shows it: never its credential.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChannelView {
    pub id: String,
    pub name: String,
    pub adapter: String,
    pub brand: String,
    /// What may hold a secret is shown to administrators only; others see where it leads, and a digest.
    #[schema(value_type = Object)]
    pub settings: Value,
    pub has_credential: bool,
    pub drill: bool,
    /// Posts can be sent there. A scheduler (Postiz, say) is there to be held by a freeze only.
    pub publishes: bool,
    pub disabled_at: Option<String>,
    pub paused_until: Option<String>,
    /// The account that a check saw in the place of the channel's own. Nothing is sent until the right one is connected.
    #[serde(default)]
    pub other_account: Option<String>,
    /// Nobody says whose the credential is that is in since: an administrator can (`/channels/{id}/credential/confirm`).
    #[serde(default)]
    pub credential_to_confirm: bool,
    /// The other account was seen by a credential before the one that is in now.
    #[serde(default)]
    pub other_is_former: bool,
    pub health: Option<HealthView>,
    pub checked_at: Option<String>,
    /// How ready it is, as far as it is known now.
    pub standing: Standing,
    /// What is to know and to do about that, the worst first.
    pub remarks: Vec<Remark>,
    pub version: i64,
}

/// What the last check saw.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HealthView {
    pub ready: bool,
    pub detail: String,
    /// The limits of this very account, where the network tells them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub limits: Option<Limits>,
    /// What the check learned besides; what is not there is not known.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub facts: Facts,
}

/// A new channel.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChannel {
    /// What people call it, unique: `@bank on Bluesky`.
    pub name: String,
    /// Which network: `bluesky`, `discord`, `discord_bot`, `facebook`, `ghost`, `instagram`, `linkedin`, `mastodon`, `matrix`, `slack`, `sms`, `teams`, `telegram`, `threads`, `whatsapp`, `wordpress`, `x`, `email`, `webhook`, `website`, `sandbox`; or which scheduler, to which nothing is sent and in which a freeze holds what people planned: `postiz`, `buffer`, `hootsuite`, `mixpost`, `x_ads`.
    pub adapter: String,
    #[serde(default = "main_brand")]
    pub brand: String,
    #[serde(default)]
    #[schema(value_type = Object)]
    pub settings: Value,
    /// App password, signing secret or SMTP password. It is sealed at once and never shown.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub credential: Option<SecretString>,
    /// Belongs to drills; only a sandbox can.
    #[serde(default)]
    pub drill: bool,
}

impl NewChannel {
    pub(super) fn settings_or_none(&self) -> Value {
        if self.settings.is_null() { Value::Object(serde_json::Map::new()) } else { self.settings.clone() }
    }
}

fn main_brand() -> String {
    "main".into()
}

/// What may change in a channel. Missing fields stay as they are.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelEdit {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub brand: Option<String>,
    /// When these change, the credential comes along again: it would be sent to another place. Not for `watch` alone.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub settings: Option<Value>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub credential: Option<SecretString>,
    #[serde(default)]
    pub disabled: Option<bool>,
}

pub(super) fn view(app: &App, c: Channel) -> ChannelView {
    let (standing, remarks) = standing::of(&c, app.now());
    ChannelView {
        publishes: publishes(&c),
        standing,
        remarks,
        settings: serde_json::from_str(&c.settings).unwrap_or(Value::Null),
        has_credential: c.credential.is_some(),
        paused_until: (c.paused_until > app.now()).then(|| rfc3339(c.paused_until)),
        health: health(&c),
        checked_at: c.checked_at.map(rfc3339),
        credential_to_confirm: own_credential::may_confirm(&c),
        other_is_former: c.other_is_former,
        other_account: c.other_account,
        disabled_at: c.disabled_at.map(rfc3339),
        id: c.id,
        name: c.name,
        adapter: c.adapter,
        brand: c.brand,
        drill: c.drill,
        version: c.version,
    }
}

impl ChannelView {
    /// What people who are not administrators see of it, and what the log keeps: its private settings
    /// only by where they lead and a digest.
    fn covered(self) -> Self {
        let adapter = ::channels::adapter(&self.adapter);
        Self { settings: adapter.map_or(Value::Null, |a| a.shown(&self.settings)), ..self }
    }

    fn seen_by(self, by: &Actor) -> Self {
        if by.may(Right::Administer) { self } else { self.covered() }
    }
}

/// Connects a channel.
///
/// # Errors
/// When a field is wrong, the name is taken, or the actor is no administrator.
pub async fn create(app: &App, by: &Actor, new: NewChannel) -> Result<ChannelView> {
    by.need(Right::Administer)?;
    check_new(app, &new)?;
    let mut tx = app.store().begin().await?;
    let (view, entry) = insert(app, &mut tx, &app.id(), new).await?;
    app.commit(tx, by, &[entry], &[Topic::Channels]).await?;
    Ok(view)
}

/// Whether such a channel could be connected.
pub(super) fn check_new(app: &App, new: &NewChannel) -> Result<()> {
    let settings = new.settings_or_none();
    check(&new.name, &new.adapter, &settings, new.drill)?;
    try_open(app, &new.adapter, &settings, new.credential.clone())
}

/// Writes a new channel that was checked.
pub(super) async fn insert(
    app: &App,
    tx: &mut Tx,
    id: &str,
    new: NewChannel,
) -> Result<(ChannelView, Entry)> {
    let row = Channel {
        credential: credentials::sealed(app, tx, id, new.credential.as_ref(), None).await?,
        id: id.to_owned(),
        name: new.name.trim().to_owned(),
        settings: new.settings_or_none().to_string(),
        adapter: new.adapter,
        brand: new.brand,
        drill: new.drill,
        disabled_at: None,
        paused_until: 0,
        health: None,
        checked_at: None,
        posted_at: None,
        other_account: None,
        other_account_id: None,
        other_is_former: false,
        created_at: app.now(),
        version: 1,
    };
    tx.insert_channel(&row).await.map_err(taken)?;
    let view = view(app, row);
    let entry =
        Entry::new("channel.connected", &format!("channel:{}", view.id)).after(&view.clone().covered());
    Ok((view, entry))
}

/// What the log keeps of a changed channel.
#[derive(Serialize)]
struct Changed {
    #[serde(flatten)]
    channel: ChannelView,
    /// A credential that was there is another one now.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    credential_replaced: bool,
}

const AGAIN: &str = "give the credential again: it would be sent to another place";

/// Changes a channel, when it is still at the version that was read.
///
/// # Errors
/// When a field is wrong, it was changed meanwhile, the actor is no administrator, or the settings
/// change without the credential that they need, or while something is under way.
pub async fn edit(
    app: &App,
    by: &Actor,
    id: &str,
    version: Option<i64>,
    edit: ChannelEdit,
) -> Result<ChannelView> {
    by.need(Right::Administer)?;
    let mut row = app.store().channel(id).await?.ok_or_else(|| AppError::not_found("channel", id))?;
    if version.is_some_and(|v| v != row.version) {
        return Err(AppError::Stale { now: row.version });
    }
    let before = view(app, row.clone());
    row.name = edit.name.map_or(row.name, |name| name.trim().to_owned());
    row.brand = edit.brand.unwrap_or(row.brand);
    let (had, given, asked) = (row.credential.is_some(), edit.credential.is_some(), edit.settings.is_some());
    let new = edit.settings.filter(|settings| *settings != before.settings);
    let moves = new.as_ref().is_some_and(|to| moved::moves(&row.adapter, &before.settings, to));
    let connects = asked && (moves || new.is_none()) || given || edit.disabled.is_some();
    if moves && had && !given {
        // Whoever can change where it goes could otherwise read what nobody is shown.
        return Err(AppError::field("credential", AGAIN));
    }
    let elsewhere = new.as_ref().is_some_and(|to| !place::same_account(&row.adapter, &before.settings, to));
    if let Some(settings) = new {
        row.settings = settings.to_string();
    }
    if connects {
        readiness::forget_check(&mut row, elsewhere);
    }
    match edit.disabled {
        Some(true) if row.disabled_at.is_none() => row.disabled_at = Some(app.now()),
        Some(false) => row.disabled_at = None,
        _ => {}
    }
    let settings = serde_json::from_str(&row.settings).unwrap_or(Value::Null);
    check(&row.name, &row.adapter, &settings, row.drill)?;
    let credential = credentials::opened(app, &row, edit.credential.as_ref())?;
    try_open(app, &row.adapter, &settings, credential)?;
    let seen = same_account::ask_typed(app, &row, edit.credential.as_ref().filter(|_| !elsewhere)).await;
    // No permit is granted between the look at what is under way and the change.
    let mut tx = if moves { app.store().begin_exclusive().await? } else { app.store().begin().await? };
    // As everywhere: the channel is locked before its deliveries.
    if !tx.is_at(id, row.version).await? {
        return Err(AppError::Stale { now: row.version + 1 });
    }
    if moves {
        moved::may_move(&mut tx, &before, &settings).await?;
    }
    let typed = edit.credential.as_ref();
    let unseen = same_account::judge_typed(app, &mut tx, &mut row, typed, seen, elsewhere).await?;
    let kept = row.credential.take();
    row.credential = credentials::sealed(app, &mut tx, id, typed, kept).await?;
    if !tx.update_channel(&row).await.map_err(taken)? {
        return Err(AppError::Stale { now: row.version + 1 });
    }
    let mut entries = watches::after_edit(app, &mut tx, &row, moves || given).await?;
    row.version += 1;
    let (replaced, view) = (row.clone(), view(app, row));
    entries.insert(0, changed(&before, &view, had && given));
    // A renewal would put its token in the place of what was typed.
    if given {
        entries.extend(ends::replace_by_typed(app, &mut tx, &replaced).await?);
    }
    app.commit(tx, by, &entries, &[Topic::Channels, Topic::Queue]).await?;
    readiness::check_soon(app, id, unseen);
    Ok(view)
}

/// The entry of a changed channel.
pub(super) fn changed(before: &ChannelView, after: &ChannelView, credential_replaced: bool) -> Entry {
    let subject = format!("channel:{}", after.id);
    let after = Changed { channel: after.clone().covered(), credential_replaced };
    Entry::new("channel.changed", &subject).before(&before.clone().covered()).after(&after)
}

/// Settings that cannot work are refused while the person who typed them is there. A process without
/// a sender cannot tell; its channels say so at their first check.
pub(super) fn try_open(
    app: &App,
    adapter: &str,
    settings: &Value,
    credential: Option<SecretString>,
) -> Result<()> {
    let Ok(networks) = app.networks() else { return Ok(()) };
    networks.try_open(adapter, settings, credential).map_err(|why| {
        // As everywhere in these sentences: first what is wrong.
        let field = if why.starts_with("the credential") { "credential" } else { "settings" };
        AppError::field(field, why)
    })
}

/// Lists the channels.
///
/// # Errors
/// The database's own.
pub async fn list(app: &App, by: &Actor) -> Result<Vec<ChannelView>> {
    by.need(Right::Read)?;
    Ok(app.store().channels().await?.into_iter().map(|c| view(app, c).seen_by(by)).collect())
}

/// Lists the channels that posts can be sent to.
///
/// # Errors
/// The database's own.
pub async fn outlets(app: &App, by: &Actor) -> Result<Vec<ChannelView>> {
    Ok(list(app, by).await?.into_iter().filter(|c| c.publishes).collect())
}

/// Whether posts can be sent to the channel.
pub(super) fn publishes(c: &Channel) -> bool {
    ::channels::adapter(&c.adapter).is_none_or(|a| a.capabilities.publishes)
}

/// One channel.
///
/// # Errors
/// When there is none of that id.
pub async fn get(app: &App, by: &Actor, id: &str) -> Result<ChannelView> {
    by.need(Right::Read)?;
    let row = app.store().channel(id).await?.ok_or_else(|| AppError::not_found("channel", id))?;
    Ok(view(app, row).seen_by(by))
}

/// What people call each channel, by its id.
pub(crate) async fn names(app: &App) -> Result<HashMap<String, String>> {
    Ok(app.store().channels().await?.into_iter().map(|c| (c.id, c.name)).collect())
}

/// All rows with their credentials still sealed: for the sender.
pub(crate) async fn rows(app: &App) -> Result<Vec<Channel>> {
    Ok(app.store().channels().await?)
}

pub(super) const TAKEN: &str = "another channel has this name";

fn taken(e: crate::store::StoreError) -> AppError {
    if e.is_duplicate() { AppError::field("name", TAKEN) } else { e.into() }
}

fn check(name: &str, adapter: &str, settings: &Value, drill: bool) -> Result<()> {
    let mut problems = Problems::default();
    if name.trim().is_empty() || name.chars().count() > 100 {
        problems.add("name", "give a name of at most 100 characters");
    }
    match ::channels::adapter(adapter) {
        None => {
            let known: Vec<_> = ::channels::ALL.iter().map(|a| a.name).collect();
            problems.add("adapter", format!("\"{adapter}\" is not known; use one of: {}", known.join(", ")));
        }
        Some(adapter) => {
            for s in adapter.settings.iter().filter(|s| s.required) {
                if settings.get(s.name).is_none_or(Value::is_null) {
                    problems.add(&format!("settings.{}", s.name), format!("is missing: {}", s.help));
                }
            }
            if let Err(why) = ::channels::watch::check(adapter, settings) {
                problems.add("settings.watch", why);
            }
            for name in settings.as_object().into_iter().flat_map(|o| o.keys()) {
                if !adapter.settings.iter().any(|s| s.name == name) {
                    problems.add(&format!("settings.{name}"), "is not a setting of this adapter");
                }
            }
        }
    }
    if drill && !matches!(adapter, "sandbox" | "website") {
        problems.add("drill", "only a sandbox or the website can take part in a drill");
    }
    problems.check()
}
