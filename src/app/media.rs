//! Uploaded pictures.

use serde::Serialize;

use super::{Actor, App, AppError, Result};
use crate::domain::audit::Entry;
use crate::domain::cleaned::cleaned;
use crate::domain::role::Right;
pub use crate::store::media::Media;

/// Most bytes of one picture.
pub const MAX_BYTES: usize = 5 * 1024 * 1024;

/// The answer to an upload.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct MediaView {
    pub sha256: String,
    pub mime: String,
    pub bytes: usize,
}

/// Keeps a picture, without what its file tells besides: hash and bytes are those of what is kept, which is what
/// people approve. Its kind is read from its first bytes, not from what the caller says.
///
/// # Errors
/// When it is no PNG, JPEG, GIF or WebP, damaged, or too large.
pub async fn upload(app: &App, by: &Actor, bytes: Vec<u8>) -> Result<MediaView> {
    by.need(Right::Write)?;
    if bytes.len() > MAX_BYTES {
        return Err(AppError::field("body", format!("a picture has at most {MAX_BYTES} bytes")));
    }
    let mime =
        kind(&bytes).ok_or_else(|| AppError::field("body", "send a PNG, JPEG, GIF or WebP picture"))?;
    let bytes = cleaned(&bytes).map_err(|why| AppError::field("body", why))?;
    let view = MediaView { sha256: ::channels::hash(&bytes), mime: mime.into(), bytes: bytes.len() };
    let row = Media { sha256: view.sha256.clone(), mime: mime.into(), bytes, created_at: app.now() };
    let mut tx = app.store().begin().await?;
    if tx.insert_media(&row).await? {
        let entry = Entry::new("media.uploaded", &format!("media:{}", view.sha256)).after(&view);
        app.commit(tx, by, &[entry], &[]).await?;
    }
    Ok(view)
}

/// A kept picture, as approvers look at it: the very bytes that the sender would take.
///
/// # Errors
/// When there is none with that hash.
pub async fn get(app: &App, by: &Actor, sha256: &str) -> Result<Media> {
    by.need(Right::Read)?;
    read(app, sha256).await
}

/// The bytes of a picture, for the sender.
pub(crate) async fn bytes(app: &App, sha256: &str) -> Result<Vec<u8>> {
    Ok(read(app, sha256).await?.bytes)
}

/// A picture whose bytes are those of its hash.
pub(super) async fn read(app: &App, sha256: &str) -> Result<Media> {
    let row = app.store().media(sha256).await?.ok_or_else(|| AppError::not_found("picture", sha256))?;
    if ::channels::hash(&row.bytes) != sha256 {
        return Err(AppError::Internal(format!("the stored picture {sha256} is damaged")));
    }
    Ok(row)
}

fn kind(b: &[u8]) -> Option<&'static str> {
    match b {
        [0x89, b'P', b'N', b'G', ..] => Some("image/png"),
        [0xFF, 0xD8, 0xFF, ..] => Some("image/jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("image/gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => None,
    }
}
