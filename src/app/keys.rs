//! Which instance key seals.
//!
//! The key that seals is the one under which the setting [`CHECK`] is sealed: the database says so, to all
//! nodes alike. A change that writes something sealed asks in its own transaction, so that nothing is
//! sealed under a key whose time is over.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::access::{ends, grants};
use super::key_watch::{on_disk, refresh};
use super::secrets::{SealError, named};
use super::{Actor, App, AppError, Result, credentials, logins};
use crate::domain::audit::Entry;
use crate::domain::role::Right;
use crate::store::nodes::Node;
use crate::store::sealed::{Record, Shelf};
use crate::store::{Store, Tx, Unaudited};

/// What only the installation's own key opens.
pub(super) const CHECK: &str = "instance_key_check";
/// The seed of the log's signing key, sealed: it outlives the instance key that it was derived from.
pub(super) const SEED: &str = "audit_signing_seed";
/// The exchange of keys that is under way.
pub(super) const ROTATION: &str = "instance_key_rotation";
/// Ids of the keys that are used no more.
pub(super) const RETIRED: &str = "instance_keys_retired";
/// What anybody may hear when the key that seals is not where it is kept.
pub(super) const CARE: &str = "the key file needs care, see `holdline keys show`";
/// What the seed is derived for.
const SIGNING: &str = "audit checkpoint";

/// The exchange of one key for another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rotation {
    pub from: String,
    pub to: String,
}

/// The instance keys by their ids, which are no secrets.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct KeysView {
    /// The key that seals.
    pub seals: String,
    /// The key whose place it takes, while that is not over.
    pub from: Option<String>,
    /// A key of the file that can seal next: name it to begin.
    pub next: Option<String>,
    /// Nodes whose key file does not have the key that seals; or, when all have it, the next one.
    pub missing: Vec<String>,
    /// Records that could not be opened, and so stay under the old key.
    pub stuck: Vec<String>,
    /// What a person has to do; nothing: all is done.
    pub remedy: Option<String>,
}

/// Whether no instance key belongs to this database yet, so that one can be made.
///
/// # Errors
/// The database's own.
pub async fn is_new(store: &Store) -> Result<bool> {
    Ok(store.setting(CHECK).await?.is_none())
}

/// Whether this node's instance key is the one that the others use: with another it could open no
/// credential. The first start writes down what tells, and pins the seed of the log's signing key.
///
/// # Errors
/// When it is another one, in words.
pub async fn check(app: &App) -> Result<()> {
    let other = |e: SealError| {
        AppError::Conflict(format!(
            "{e}. Give this node the instance.key of the installation (see --instance-key-file)"
        ))
    };
    if app.store().setting(CHECK).await?.is_none() {
        let sealed = app.keys().seal(CHECK, &app.id().into());
        let mut tx = app.store().begin().await?;
        tx.set_setting_once(CHECK, &sealed).await?;
        tx.commit_unaudited(Unaudited::FirstStart).await?;
    }
    let kept = app.store().setting(CHECK).await?.unwrap_or_default();
    app.keys().open(CHECK, &kept).map_err(other)?;
    if let Some(rotation) = rotation(app).await? {
        app.keys().key(&rotation.from).map_err(other)?;
    }
    if app.store().setting(SEED).await?.is_none() {
        let mut tx = app.store().begin().await?;
        let key = sealing(app, &mut tx).await?;
        let seed = hex::encode(app.keys().derive(&key, SIGNING).map_err(other)?);
        let sealed = app.keys().seal_under(&key, SEED, &seed.into()).map_err(other)?;
        tx.set_setting_once(SEED, &sealed).await?;
        tx.commit_unaudited(Unaudited::FirstStart).await?;
    }
    Ok(())
}

/// The seed of the log's signing key.
pub(super) async fn signing_seed(app: &App) -> Result<[u8; 32]> {
    let Some(sealed) = app.store().setting(SEED).await? else {
        // Before the first check: no key has taken the place of another yet.
        return derived(app, SIGNING).await;
    };
    let seed = app.keys().open(SEED, &sealed).map_err(shut)?;
    let bytes = hex::decode(seed.expose_secret()).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
    bytes.ok_or_else(|| shut(SealError::Damaged))
}

/// Seals a secret for the record of that id, in the change that writes it.
pub(super) async fn seal(app: &App, tx: &mut Tx, record: &str, secret: &SecretString) -> Result<String> {
    let key = sealing(app, tx).await?;
    app.keys().seal_under(&key, record, secret).map_err(shut)
}

/// Seals what goes to somebody and comes back within the hour: it is kept in no database.
pub(super) async fn seal_outside(app: &App, record: &str, secret: &SecretString) -> Result<String> {
    match sealing_now(app).await? {
        Some(key) => app.keys().seal_under(&key, record, secret).map_err(shut),
        None => Ok(app.keys().seal(record, secret)),
    }
}

/// A key for another purpose, derived from the one that seals.
pub(super) async fn derived(app: &App, purpose: &str) -> Result<[u8; 32]> {
    let key = sealing_now(app).await?.unwrap_or_else(|| app.keys().first().id);
    app.keys().derive(&key, purpose).map_err(shut)
}

/// As [`derived`], from each key that is known here: what another made of it lives for less than an hour.
pub(super) fn derived_from_each(app: &App, purpose: &str) -> Vec<[u8; 32]> {
    app.keys().known().iter().filter_map(|id| app.keys().derive(id, purpose).ok()).collect()
}

/// What was read before the change that writes it, under the key that seals.
pub(super) async fn still_sealed(app: &App, tx: &mut Tx, record: &str, stored: String) -> Result<String> {
    let key = sealing(app, tx).await?;
    if named(&stored).is_ok_and(|named| named == key) {
        return Ok(stored);
    }
    app.keys().rewrap(&key, record, &stored).map_err(shut)
}

/// The key that seals until this change ends.
async fn sealing(app: &App, tx: &mut Tx) -> Result<String> {
    let kept = tx.setting_to_judge_by(CHECK).await?;
    let key = kept.map(|kept| named(&kept)).transpose().map_err(shut)?;
    Ok(key.unwrap_or_else(|| app.keys().first().id))
}

/// The key that seals at this moment; none before the first start is over.
pub(super) async fn sealing_now(app: &App) -> Result<Option<String>> {
    app.store().setting(CHECK).await?.map(|kept| named(&kept)).transpose().map_err(shut)
}

pub(super) async fn seals(app: &App) -> Result<String> {
    sealing_now(app).await?.ok_or_else(|| shut(SealError::Damaged))
}

pub(super) fn shut(e: SealError) -> AppError {
    AppError::Conflict(e.to_string())
}

pub(super) async fn rotation(app: &App) -> Result<Option<Rotation>> {
    parsed(app.store().setting(ROTATION).await?)
}

/// What a setting of this file holds.
///
/// # Errors
/// When it is damaged: going on without it would lose a key.
pub(super) fn parsed<T: for<'a> Deserialize<'a>>(kept: Option<String>) -> Result<Option<T>> {
    let parsed = kept.map(|kept| serde_json::from_str(&kept)).transpose();
    parsed.map_err(|e| AppError::Internal(format!("a setting of the instance keys is damaged: {e}")))
}

/// Which key seals. The key file of this node is read again for it.
///
/// # Errors
/// When the actor is no administrator.
pub async fn show(app: &App, by: &Actor) -> Result<KeysView> {
    by.need(Right::Administer)?;
    let unread = refresh(app).await.err();
    let mut view = view(app).await?;
    view.remedy = match (view.remedy, unread) {
        (Some(remedy), Some(why)) => Some(format!("{why}. {remedy}")),
        (remedy, why) => remedy.or(why),
    };
    Ok(view)
}

/// Which key seals, and what is to do.
pub(super) async fn view(app: &App) -> Result<KeysView> {
    view_after(app, None).await
}

/// As [`view`], after the key of that id was made.
pub(super) async fn view_after(app: &App, made: Option<&str>) -> Result<KeysView> {
    let (seals, open) = (seals(app).await?, rotation(app).await?);
    let next = if open.is_none() { next(app, &seals).await? } else { None };
    let mut missing = lacking(app, &app.store().nodes().await?, &seals);
    let remedy = if !missing.is_empty() {
        Some(give(&seals, &missing))
    } else if open.is_some() {
        Some("the exchange of the instance key is not finished: run `holdline keys rotate` again".into())
    } else if let Some(next) = &next {
        missing = lacking(app, &app.store().nodes().await?, next);
        let origin = if made == Some(next.as_str()) {
            format!("the key {next} was made now")
        } else {
            was_there(app, &seals, next)
        };
        Some(format!("{origin}. {}", back_up(next, &missing)))
    } else {
        None
    };
    Ok(KeysView { seals, from: open.map(|r| r.from), next, missing, stuck: Vec::new(), remedy })
}

/// What to do when nodes lack the key that seals.
pub(super) fn give(seals: &str, missing: &[String]) -> String {
    format!(
        "{} lacks the key that seals, {seals}, in its key file: what is sealed cannot be opened there after a \
         restart. Copy the key file of another node there, and to where it comes from; or run `holdline keys \
         save` with --server naming that node, when the key is in its memory alone. {GONE}",
        missing.join(", ")
    )
}

/// That the next key is no new one: whoever has read the key file may have it.
fn was_there(app: &App, seals: &str, next: &str) -> String {
    let line = app.keys().ids().iter().position(|id| id == seals).map_or(0, |at| at + 1);
    format!(
        "the key {next} was in the key file already: it is new only if an earlier call said that it was made \
         (`keys.added` in the log). If it is not, and somebody else may have read a key file, do not use it: leave in this file the line of {seals} alone (the key number {line} in it), copy the file to every node, \
         and run `holdline keys rotate` again; otherwise go on"
    )
}

/// What to do before the next key is used.
fn back_up(next: &str, missing: &[String]) -> String {
    let go = format!(
        "copy the key file of this node, in which {next} is a line, to your backups and to where the file comes \
         from (a vault, a configuration): from then on everything depends on that key. Then run `holdline keys \
         rotate --to {next}`"
    );
    if missing.is_empty() {
        return go;
    }
    format!(
        "{go}. Before that, copy it to every node: {} lacks it, and reads it within seconds, or at a restart \
         where the file is mounted. {GONE}",
        missing.join(", ")
    )
}

const GONE: &str = "A node that is gone for good is taken off the list with `holdline gate forget NODE`";

/// Names of the nodes that do not have the key in their files.
pub(super) fn lacking(app: &App, nodes: &[Node], key: &str) -> Vec<String> {
    let listed = nodes.iter().filter(|n| n.forgotten_at.is_none());
    let others = listed.clone().filter(|n| n.id != app.node() && !n.keys.split(',').any(|k| k == key));
    let mut lacking: Vec<String> = others.map(|n| n.name.clone()).collect();
    if !app.keys().ids().iter().any(|k| k == key) {
        let ours = listed.clone().find(|n| n.id == app.node());
        lacking.push(ours.map_or_else(|| app.node().to_owned(), |n| n.name.clone()));
    }
    lacking
}

/// A key of this node's file that can take the place of the one that seals: one that all nodes have, before
/// others.
pub(super) async fn next(app: &App, seals: &str) -> Result<Option<String>> {
    let used = used(app, seals).await?;
    let nodes = app.store().nodes().await?;
    let mut fresh = app.keys().ids();
    fresh.retain(|id| !used.contains(id));
    let everywhere = fresh.iter().find(|id| lacking(app, &nodes, id).is_empty()).cloned();
    Ok(everywhere.or_else(|| fresh.into_iter().next()))
}

/// Ids of the keys that cannot be the next one.
pub(super) async fn used(app: &App, seals: &str) -> Result<Vec<String>> {
    let mut used: Vec<String> = parsed(app.store().setting(RETIRED).await?)?.unwrap_or_default();
    used.push(seals.to_owned());
    Ok(used)
}

/// Ids of the keys that the database names: the one that seals, and the one whose place it takes.
pub(super) async fn needed(app: &App) -> Result<Vec<String>> {
    let mut needed: Vec<String> = sealing_now(app).await?.into_iter().collect();
    needed.extend(rotation(app).await?.map(|r| r.from));
    Ok(needed)
}

/// Writes down what becomes of the key file of this node. The beginning is written before the file is touched:
/// it can be written late, when nobody waits any more.
pub(super) async fn note(app: &App, by: &Actor, verb: &str, what: &serde_json::Value) -> Result<()> {
    let entry = Entry::new(verb, "keys:instance").after(what);
    app.commit(app.store().begin().await?, by, &[entry], &[]).await?;
    Ok(())
}

/// Writes the keys that the database needs back into the key file of this node, when the file has lost them
/// and this process still knows them.
///
/// # Errors
/// When the actor is no administrator, or the key file cannot be written.
pub async fn save(app: &App, by: &Actor) -> Result<KeysView> {
    by.need(Right::Administer)?;
    let needed = needed(app).await?;
    // A file that cannot be read may be written all the same.
    let read = refresh(app).await;
    if read.is_ok() && needed.iter().all(|id| app.keys().ids().contains(id)) {
        return view(app).await;
    }
    let began = serde_json::json!({ "node": app.node(), "keys": needed });
    // A key that is in memory alone is saved also while the log takes nothing.
    if let Err(why) = note(app, by, "keys.write_back_began", &began).await {
        tracing::warn!(%why, "the key file is written without an entry before it");
    }
    let ring = app.keys().clone();
    let written = on_disk(move || ring.write_back(&needed)).await.map_err(AppError::Conflict)?;
    if !written.is_empty() {
        note(app, by, "keys.written_back", &serde_json::json!({ "node": app.node(), "keys": written }))
            .await?;
    }
    view(app).await
}

/// The associated data of a record, and what the log calls it.
pub(super) fn names(shelf: Shelf, record: &Record) -> (String, String) {
    match shelf {
        Shelf::Channels => (credentials::record(&record.id), format!("channel:{}", record.id)),
        Shelf::Logins => (logins::record(&record.id), format!("person:{}", record.id)),
        Shelf::Grants => (grants::record(&record.id), format!("channel:{}", record.id)),
        Shelf::Apps => (grants::app_record(&record.id), format!("oauth_app:{}", record.id)),
        Shelf::Ends => {
            let channel = ends::channel_of(&record.id);
            (grants::record(channel), format!("channel:{channel}"))
        }
    }
}
