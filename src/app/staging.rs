//! All rows of an import or none, without one long change that everything else would wait for.
//!
//! Checked rows are put aside in small changes. When the last one is there, one small change decides
//! that they become posts; then they move, a few at a time. Whoever breaks off before the decision
//! leaves nothing, and after it housekeeping goes on where it stopped.

use super::compose::Built;
use super::posts;
use super::{Actor, App, AppError, Result};
use crate::clock::Millis;
use crate::domain::audit::Entry;
use crate::store::Unaudited;
use crate::store::imports::Import;

/// Rows that move in one change.
const STEP: i64 = 250;
/// Rows that are thrown away in one change.
const THROWN: i64 = 5_000;
/// Nobody works any more on a decided import that rested for so long.
const RESTED: Millis = 30_000;
/// Nobody sends any more to an import that rested for so long.
const FORGOTTEN: Millis = 3_600_000;

/// An import whose rows are coming in.
#[derive(Debug)]
pub(super) struct Stage {
    id: String,
    rows: i64,
}

impl Stage {
    /// Begins an import.
    pub async fn open(app: &App, by: &Actor) -> Result<Self> {
        let row = Import {
            id: app.id(),
            person_id: by.id.clone(),
            origin: by.origin.clone(),
            decided: false,
            touched_at: app.now(),
        };
        let mut tx = app.store().begin().await?;
        tx.insert_import(&row).await?;
        tx.commit_unaudited(Unaudited::Staging).await?;
        Ok(Self { id: row.id, rows: 0 })
    }

    /// Puts checked rows aside.
    pub async fn add(&mut self, app: &App, rows: &[Built]) -> Result<()> {
        let json = rows.iter().map(serde_json::to_string).collect::<std::result::Result<Vec<_>, _>>();
        let json = json.map_err(|e| AppError::Internal(e.to_string()))?;
        let mut tx = app.store().begin().await?;
        if !tx.touch_import(&self.id, false, app.now()).await? {
            return Err(AppError::Conflict("the import rested for too long; send it again".into()));
        }
        tx.insert_import_rows(&self.id, self.rows, &json).await?;
        tx.commit_unaudited(Unaudited::Staging).await?;
        self.rows += i64::try_from(json.len()).unwrap_or(0);
        Ok(())
    }

    /// Decides that every row becomes a post, and makes them so.
    pub async fn keep(self, app: &App, by: &Actor) -> Result<usize> {
        let mut tx = app.store().begin().await?;
        if !tx.touch_import(&self.id, false, app.now()).await? {
            return Err(AppError::Conflict("the import rested for too long; send it again".into()));
        }
        tx.decide_import(&self.id).await?;
        let entry = Entry::new("import.decided", &format!("import:{}", self.id))
            .after(&serde_json::json!({"rows": self.rows}));
        app.commit(tx, by, &[entry], &[]).await?;
        if let Err(e) = make_posts(app, by, &self.id).await {
            tracing::error!(import = self.id, error = %e, "housekeeping goes on with this import");
        }
        Ok(usize::try_from(self.rows).unwrap_or(0))
    }

    /// Throws every row away.
    pub async fn drop(self, app: &App) -> Result<()> {
        throw_away(app, &self.id).await
    }
}

/// Moves the rows of a decided import into posts. Two nodes at once take turns.
async fn make_posts(app: &App, by: &Actor, id: &str) -> Result<()> {
    loop {
        let mut tx = app.store().begin().await?;
        if !tx.touch_import(id, true, app.now()).await? {
            return Ok(());
        }
        let rows = tx.import_rows(id, STEP).await?;
        if rows.is_empty() {
            tx.delete_import(id).await?;
            tx.commit_unaudited(Unaudited::Staging).await?;
            return Ok(());
        }
        let built = rows.iter().map(|(_, json)| serde_json::from_str(json));
        let built = built.collect::<std::result::Result<Vec<Built>, _>>();
        let built = built.map_err(|e| AppError::Internal(format!("import {id}: {e}")))?;
        tx.delete_import_rows(id, STEP).await?;
        let entries = posts::write(&mut tx, built).await?;
        app.commit(tx, by, &entries, &[]).await?;
    }
}

async fn throw_away(app: &App, id: &str) -> Result<()> {
    loop {
        let mut tx = app.store().begin().await?;
        if !tx.touch_import(id, false, app.now()).await? {
            return Ok(());
        }
        let more = tx.delete_import_rows(id, THROWN).await? > 0;
        if !more {
            tx.delete_import(id).await?;
        }
        tx.commit_unaudited(Unaudited::Staging).await?;
        if !more {
            return Ok(());
        }
    }
}

/// Goes on with imports that were decided before a node stopped, and throws away what was never
/// decided.
pub async fn go_on(app: &App) -> Result<()> {
    let now = app.now();
    for import in app.store().left_imports(now - RESTED).await? {
        if import.decided {
            tracing::info!(import = import.id, "goes on with an import that was decided");
            let by =
                Actor { id: import.person_id, name: String::new(), roles: Vec::new(), origin: import.origin };
            make_posts(app, &by, &import.id).await?;
        } else if import.touched_at < now - FORGOTTEN {
            tracing::info!(import = import.id, "throws away an import that was never finished");
            throw_away(app, &import.id).await?;
        }
    }
    Ok(())
}
