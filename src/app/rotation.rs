//! Another instance key takes the place of the one that seals.
//!
//! The first call adds a key to the file and uses it for nothing, so that it can be backed up. The call that
//! names it begins. Each step reads in its own transaction which exchange is under way, so that a call that
//! was overtaken does nothing more.

use serde::{Deserialize, Serialize};

use super::key_watch::on_disk;
use super::keys::{self, CHECK, KeysView, RETIRED, ROTATION, Rotation, SEED, lacking, parsed, shut};
use super::secrets::named;
use super::{Actor, App, AppError, Result, key_watch};
use crate::domain::audit::Entry;
use crate::domain::role::Right;
use crate::store::Tx;
use crate::store::sealed::Shelf;

/// How many records are wrapped anew in one change.
const BATCH: i64 = 50;

/// Which key takes the place of the one that seals.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Its id; it is in the key file of every node, and backed up. Without it nothing begins: a key is added
    /// to the file of this node, or an exchange that has begun goes on.
    #[serde(default)]
    pub to: Option<String>,
}

/// Adds a key to the key file; or, when it is named, puts it in the place of the one that seals. Stopped at any
/// point, it goes on when it is called again.
///
/// # Errors
/// When the actor is no administrator, the key file cannot be written, the key is not in it, or another
/// exchange is under way.
pub async fn rotate(app: &App, by: &Actor, rotate: &Rotate) -> Result<KeysView> {
    by.need(Right::Administer)?;
    keys::check(app).await?;
    key_watch::refresh(app).await.map_err(AppError::Conflict)?;
    let open = keys::rotation(app).await?;
    match (&rotate.to, open) {
        (None, None) => return add(app, by).await,
        (Some(to), Some(open)) if open.to != *to => return Err(AppError::Conflict(unfinished(&open.to))),
        (_, Some(_)) => {}
        (Some(to), None) => {
            if !begin(app, by, to).await? {
                return keys::view(app).await;
            }
        }
    }
    if let Some(mut exchange) = Exchange::under_way(app).await? {
        while exchange.wrap(app, by).await? {}
        if let Some(stopped) = exchange.finish(app, by).await? {
            return Ok(stopped);
        }
    }
    let tidied = tidy(app).await;
    let mut view = keys::view(app).await?;
    match tidied {
        // What is wrong with the place of the key that seals comes first.
        Err(AppError::Conflict(why)) => view.remedy = view.remedy.or(Some(why)),
        other => other?,
    }
    Ok(view)
}

fn unfinished(to: &str) -> String {
    format!("the exchange for the key {to} is not finished: run `holdline keys rotate` without --to first")
}

/// Adds a key to the file of this node, when it has none that could be next.
async fn add(app: &App, by: &Actor) -> Result<KeysView> {
    let seals = keys::seals(app).await?;
    if keys::next(app, &seals).await?.is_some() {
        return keys::view(app).await;
    }
    let used = keys::used(app, &seals).await?;
    keys::note(app, by, "keys.add_began", &serde_json::json!({ "node": app.node() })).await?;
    let ring = app.keys().clone();
    let made = on_disk(move || ring.add_new(&used)).await.map_err(|why| {
        AppError::Conflict(format!(
            "{why}. Make one line with another key, once (`openssl rand -hex 32`), and put that same line into the \
             key file of every node, under the line that is there (`wc -l` counts one more); where the file is read at \
             the start only, start one node after the other. Then run `holdline keys rotate` again"
        ))
    })?;
    let Some(made) = made else { return keys::view(app).await };
    keys::note(app, by, "keys.added", &serde_json::json!({ "node": app.node(), "key": made })).await?;
    keys::view_after(app, Some(&made)).await
}

/// From this change on the key of that id seals; whether it does. Not so when a listed node lacks it.
///
/// # Errors
/// When it is not in the file of this node, was used before, or another exchange is under way.
pub async fn begin(app: &App, by: &Actor, to: &str) -> Result<bool> {
    let mut tx = app.store().begin().await?;
    // Whoever takes a place on the list looks at this setting afterwards: it is on the list that is read
    // here, or knows by then which key seals.
    let kept = tx.setting_to_change(CHECK).await?.unwrap_or_default();
    let from = named(&kept).map_err(shut)?;
    if from == to {
        return Ok(true);
    }
    if let Some(open) = parsed::<Rotation>(tx.setting(ROTATION).await?)? {
        return Err(AppError::Conflict(unfinished(&open.to)));
    }
    if parsed::<Vec<String>>(tx.setting(RETIRED).await?)?.is_some_and(|old| old.iter().any(|k| k == to)) {
        return Err(AppError::Conflict(format!("the key {to} was used before, and is used no more")));
    }
    if !app.keys().ids().iter().any(|k| k == to) {
        return Err(AppError::Conflict(format!(
            "no line of the key file of this node is the key {to}: `holdline keys show` names the next one"
        )));
    }
    if !lacking(app, &tx.nodes().await?, to).is_empty() {
        return Ok(false);
    }
    for (name, value) in [(CHECK, kept), (SEED, tx.setting(SEED).await?.unwrap_or_default())] {
        let anew = app.keys().rewrap(to, name, &value).map_err(shut)?;
        tx.set_setting(name, &anew).await?;
    }
    let rotation = Rotation { from, to: to.to_owned() };
    tx.set_setting(ROTATION, &json(&rotation)?).await?;
    let entry = Entry::new("keys.rotation_began", "keys:instance").after(&rotation);
    app.commit(tx, by, &[entry], &[]).await?;
    Ok(true)
}

/// An exchange that is under way, as one call goes on with it.
#[derive(Debug)]
pub struct Exchange {
    rotation: Rotation,
    /// What is still to be looked at; the last one first.
    shelves: Vec<Shelf>,
    after: String,
    stuck: Vec<String>,
}

impl Exchange {
    /// The one that is under way.
    ///
    /// # Errors
    /// The database's own.
    pub async fn under_way(app: &App) -> Result<Option<Self>> {
        let open = keys::rotation(app).await?;
        let shelves = Shelf::ALL.into_iter().rev().collect();
        Ok(open.map(|rotation| Self { rotation, shelves, after: String::new(), stuck: Vec::new() }))
    }

    /// Whether it is still the one that is under way, in a change that holds the lock of [`CHECK`].
    async fn is_open(&self, tx: &mut Tx, check: Option<String>) -> Result<bool> {
        let seals = named(&check.unwrap_or_default()).map_err(shut)?;
        let open = parsed::<Rotation>(tx.setting(ROTATION).await?)?;
        Ok(seals == self.rotation.to && open.as_ref() == Some(&self.rotation))
    }

    /// Wraps some of what is under another key, in one change; whether there may be more. What cannot be
    /// opened is left, and named at the end.
    ///
    /// # Errors
    /// The database's own.
    pub async fn wrap(&mut self, app: &App, by: &Actor) -> Result<bool> {
        let Some(shelf) = self.shelves.last().copied() else { return Ok(false) };
        let to = &self.rotation.to;
        let mut tx = app.store().begin().await?;
        let check = tx.setting_to_judge_by(CHECK).await?;
        if !self.is_open(&mut tx, check).await? {
            self.shelves.clear();
            return Ok(false);
        }
        let records = tx.sealed_elsewhere(shelf, to, &self.after, BATCH).await?;
        let Some(last) = records.last() else {
            self.shelves.pop();
            self.after.clear();
            return Ok(true);
        };
        let mut entries = Vec::new();
        for read in &records {
            let (record, subject) = keys::names(shelf, read);
            let Ok(anew) = app.keys().rewrap(to, &record, &read.sealed) else {
                self.stuck.push(subject);
                continue;
            };
            // What was replaced meanwhile is under the new key by then.
            if tx.reseal(shelf, read, &anew).await? {
                let entry = Entry::new("keys.wrapped_anew", &subject);
                entries.push(entry.after(&serde_json::json!({ "key": to })));
            }
        }
        self.after.clone_from(&last.id);
        if !entries.is_empty() {
            app.commit(tx, by, &entries, &[]).await?;
        }
        Ok(true)
    }

    /// Ends it when nothing is under the old key any more and every listed node has the new one; otherwise
    /// what is to do. One that has ended, or that another call has ended, is fine.
    ///
    /// # Errors
    /// The database's own.
    pub async fn finish(self, app: &App, by: &Actor) -> Result<Option<KeysView>> {
        let mut tx = app.store().begin().await?;
        let check = tx.setting_to_change(CHECK).await?;
        if !self.is_open(&mut tx, check).await? {
            return Ok(None);
        }
        let mut left = false;
        for shelf in Shelf::ALL {
            left |= !tx.sealed_elsewhere(shelf, &self.rotation.to, "", 1).await?.is_empty();
        }
        let missing = lacking(app, &tx.nodes().await?, &self.rotation.to);
        if left || !missing.is_empty() {
            drop(tx);
            let mut view = keys::view(app).await?;
            if !self.stuck.is_empty() {
                if view.missing.is_empty() {
                    view.remedy = Some(STUCK.into());
                }
                view.stuck = self.stuck;
            }
            return Ok(Some(view));
        }
        let mut retired: Vec<String> = parsed(tx.setting(RETIRED).await?)?.unwrap_or_default();
        if !retired.contains(&self.rotation.from) {
            retired.push(self.rotation.from.clone());
        }
        tx.set_setting(RETIRED, &json(&retired)?).await?;
        tx.delete_settings(ROTATION).await?;
        let entry = Entry::new("keys.rotated", "keys:instance").after(&self.rotation);
        app.commit(tx, by, &[entry], &[]).await?;
        Ok(None)
    }
}

const STUCK: &str = "some credentials cannot be opened: give them again to their channels, or let the people join \
    again; then run `holdline keys rotate` again. The old key stays until then";

/// Forgets the keys that are used no more: in the file of this node at once, in memory after an hour.
///
/// # Errors
/// In words, when the file cannot be written or does not have the key that seals.
pub async fn tidy(app: &App) -> Result<()> {
    let now = app.now();
    // Nothing is dropped when this cannot be read.
    let needed = keys::needed(app).await?;
    app.keys().drop_left(&needed, now);
    let Some((seals, old)) = unused(app).await? else { return Ok(()) };
    for id in old {
        let (ring, sealing, gone) = (app.keys().clone(), seals.clone(), id.clone());
        // Without the key that seals the old one may be the last in the file.
        let refused = |why| {
            AppError::Conflict(if app.keys().ids().contains(&seals) {
                format!("{why}; take the old key {id} out of the key file")
            } else {
                why
            })
        };
        if on_disk(move || ring.forget(&gone, &sealing, now)).await.map_err(refused)? {
            tracing::info!(key = id, "an instance key that is used no more is out of the key file");
        }
    }
    Ok(())
}

/// The key that seals, and those known here that are used no more, by one look: no exchange begins or ends
/// meanwhile. What was used once cannot seal again, so it stays true.
async fn unused(app: &App) -> Result<Option<(String, Vec<String>)>> {
    // Most looks find nothing, and disturb nobody.
    let mut old: Vec<String> = parsed(app.store().setting(RETIRED).await?)?.unwrap_or_default();
    old.retain(|id| app.keys().knows(id));
    if old.is_empty() {
        return Ok(None);
    }
    let mut tx = app.store().begin().await?;
    let kept = tx.setting_to_judge_by(CHECK).await?.unwrap_or_default();
    let seals = named(&kept).map_err(shut)?;
    // A node that could not open it any more keeps all that it has.
    if tx.setting(ROTATION).await?.is_some() || !app.keys().knows(&seals) {
        return Ok(None);
    }
    old.retain(|id| *id != seals);
    for shelf in Shelf::ALL {
        for record in tx.sealed_elsewhere(shelf, &seals, "", i64::MAX).await? {
            old.retain(|id| named(&record.sealed).is_ok_and(|key| key != *id));
        }
    }
    Ok(Some((seals, old)))
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|e| AppError::Internal(e.to_string()))
}
