//! The audit log: lists, checkpoints, exports.

use bytes::Bytes;
use futures::Stream;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Actor, App, AppError, Result, keys};
use crate::domain::checkpoint::Signer;
use crate::domain::role::Right;
use crate::store::Unaudited;
use crate::store::audit::CheckpointRow;

pub use crate::store::audit::AuditFilter;

/// An entry as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct EntryView {
    pub seq: i64,
    /// The entry exactly as the log holds it.
    #[schema(value_type = Object)]
    pub entry: Value,
}

/// A signed checkpoint, and the key that signs.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct CheckpointView {
    pub size: i64,
    /// C2SP tlog-checkpoint.
    pub note: String,
    /// C2SP signed-note verifier key.
    pub key: String,
}

/// Lists entries, newest first.
///
/// # Errors
/// When the actor may not read the log.
pub async fn list(app: &App, by: &Actor, filter: &AuditFilter) -> Result<Vec<EntryView>> {
    by.need(Right::Audit)?;
    let rows = app.store().audit(filter).await?;
    let view = |r: crate::store::audit::AuditRow| EntryView {
        seq: r.seq,
        entry: serde_json::from_slice(&r.entry).unwrap_or(Value::Null),
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Signs the log as it is now, and keeps the checkpoint.
///
/// # Errors
/// When the actor may not read the log.
pub async fn checkpoint(app: &App, by: &Actor) -> Result<CheckpointView> {
    by.need(Right::Audit)?;
    sign(app).await
}

/// Signs the log when it has grown since the last checkpoint; nothing: it has not. Called by the timer.
///
/// # Errors
/// The database's own.
pub async fn checkpoint_if_grown(app: &App) -> Result<Option<CheckpointView>> {
    let (size, _) = app.store().audit_root().await?;
    if app.store().checkpoint().await?.is_none_or(|last| last.size < size) {
        return sign(app).await.map(Some);
    }
    Ok(None)
}

/// The newest checkpoint that was signed, for anybody.
///
/// # Errors
/// The database's own.
pub async fn newest_checkpoint(app: &App) -> Result<Option<String>> {
    Ok(app.store().checkpoint().await?.map(|c| c.note))
}

async fn signer(app: &App) -> Result<Signer> {
    let gate =
        app.store().gate().await?.ok_or_else(|| AppError::Internal("the gate row is missing".into()))?;
    Ok(Signer::new(&format!("holdline/{}", gate.instance), &keys::signing_seed(app).await?))
}

async fn sign(app: &App) -> Result<CheckpointView> {
    let signer = signer(app).await?;
    let (size, root) = app.store().audit_root().await?;
    let note = signer.sign(u64::try_from(size).unwrap_or(0), &root);
    let mut tx = app.store().begin().await?;
    tx.insert_checkpoint(&CheckpointRow { size, note: note.clone(), signed_at: app.now() }).await?;
    tx.commit_unaudited(Unaudited::Checkpoint).await?;
    Ok(CheckpointView { size, note, key: signer.verifier_key() })
}

/// The leaves up to `size` as C2SP entry bundles, one after the other: each entry behind its
/// length in two bytes.
///
/// # Errors
/// When the actor may not read the log, or it is shorter.
pub async fn bundles(app: App, by: &Actor, size: i64) -> Result<impl Stream<Item = Result<Bytes>> + use<>> {
    const STEP: i64 = 1_024;
    by.need(Right::Audit)?;
    let (now, _) = app.store().audit_root().await?;
    if !(0..=now).contains(&size) {
        return Err(AppError::field(
            "size",
            format!("the log has {now} entries; give the size of a checkpoint"),
        ));
    }
    Ok(futures::stream::try_unfold(0_i64, move |first| {
        let app = app.clone();
        async move {
            if first >= size {
                return Ok(None);
            }
            let leaves = app.store().leaves(first, STEP.min(size - first)).await?;
            if leaves.is_empty() {
                return Err(AppError::Internal(format!("the log ends at {first}, before {size}")));
            }
            let next = first + i64::try_from(leaves.len()).unwrap_or(STEP);
            let mut out = Vec::new();
            for leaf in leaves {
                let length = u16::try_from(leaf.len())
                    .map_err(|_| AppError::Internal("an entry is too long for a bundle".into()))?;
                out.extend_from_slice(&length.to_be_bytes());
                out.extend_from_slice(&leaf);
            }
            Ok(Some((Bytes::from(out), next)))
        }
    }))
}

/// The leaves up to `size`, all at once: for exports that are written in place.
///
/// # Errors
/// When the actor may not read the log.
pub async fn leaves(app: &App, by: &Actor, size: i64) -> Result<Vec<Vec<u8>>> {
    by.need(Right::Audit)?;
    Ok(app.store().leaves(0, size).await?)
}
