//! The pictures of the public page: with their words, and served only while a text that shows them is public.

use channels::Rendition;
use serde::{Deserialize, Serialize};

use super::media::{self, Media};
use super::site::{self, SiteEntry};
use super::{App, AppError, Result};
use crate::domain::picture::size;

/// A picture as an entry of the page keeps it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Kept {
    sha256: String,
    mime: String,
    alt: String,
    width: Option<u32>,
    height: Option<u32>,
}

/// A picture of a text on the page.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PagePicture {
    /// Where anybody gets it as long as the text is on the page.
    pub url: String,
    /// The same, on this site.
    #[serde(skip)]
    pub path: String,
    pub mime: String,
    /// What it shows, for those who cannot see it.
    pub alt: String,
    /// In pixels, where the file says it.
    pub width: Option<u32>,
    pub height: Option<u32>,
}

/// The pictures of a text with their bytes, as an entry keeps them. Nothing: there are none.
pub(crate) fn written(text: &Rendition, media: &[Vec<u8>]) -> Option<String> {
    let pictures = text.media.iter().zip(media).map(|(m, bytes)| {
        let (width, height) = size(bytes).unzip();
        Kept { sha256: m.sha256.clone(), mime: m.mime.clone(), alt: m.alt.clone(), width, height }
    });
    let pictures: Vec<Kept> = pictures.collect();
    (!pictures.is_empty()).then(|| serde_json::to_string(&pictures).expect("strings and numbers serialise"))
}

fn kept(entry: &SiteEntry) -> Vec<Kept> {
    entry.pictures.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// The hashes of an entry's pictures, for the log.
pub(super) fn hashes(entry: &SiteEntry) -> Vec<String> {
    kept(entry).into_iter().map(|p| p.sha256).collect()
}

/// The pictures of an entry, as readers get them.
pub(super) fn of(app: &App, entry: &SiteEntry) -> Vec<PagePicture> {
    let shown = |p: Kept| {
        let path = format!("/pictures/{}/{}", entry.delivery_id, p.sha256);
        let url = format!("{}{path}", app.public_url());
        PagePicture { url, path, mime: p.mime, alt: p.alt, width: p.width, height: p.height }
    };
    kept(entry).into_iter().map(shown).collect()
}

/// A picture that the page shows now.
pub struct Shown {
    sha256: String,
    /// The page is that of a drill.
    pub drill: bool,
}

impl Shown {
    /// Its kind and bytes.
    ///
    /// # Errors
    /// When it is damaged; or the database's own.
    pub async fn read(&self, app: &App) -> Result<Media> {
        media::read(app, &self.sha256).await
    }
}

/// The picture that the page shows with the text of that delivery, for anybody; its bytes are not read yet.
///
/// # Errors
/// "Not found" when it shows none such now; or the database's own.
pub async fn picture(app: &App, delivery: &str, sha256: &str) -> Result<Shown> {
    let nothing = || AppError::not_found("picture", sha256);
    let entry = site::find(app, delivery).await?.ok_or_else(nothing)?;
    let Kept { sha256, .. } = kept(&entry).into_iter().find(|p| p.sha256 == sha256).ok_or_else(nothing)?;
    let incident = app.store().incident(&entry.incident_id).await?.ok_or_else(nothing)?;
    Ok(Shown { sha256, drill: incident.drill })
}
