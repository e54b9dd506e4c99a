//! The picture above the text of a template.

use super::WhatsApp;
use crate::form::{self, Part};
use crate::graph::{is_id, not_told};
use crate::{Failure, Job, Pass};

impl WhatsApp {
    /// Uploads the picture of a post, if it has one; its id. Nobody sees it.
    ///
    /// # Errors
    /// Without effect.
    pub(super) async fn upload(&self, job: &Job, pass: &Pass) -> Result<Option<String>, Failure> {
        let (picture, bytes) = match (job.rendition.media.as_slice(), job.media.as_slice()) {
            ([], []) => return Ok(None),
            ([picture], [bytes]) => (picture, bytes),
            _ => return Err(Failure::never("WhatsApp takes one picture with a post")),
        };
        let field = |name: &str, value: &'static [u8]| Part {
            name: name.to_owned(),
            file: None,
            mime: "text/plain; charset=utf-8",
            bytes: value,
        };
        let (kind, file) = (
            Part { bytes: picture.mime.as_bytes(), ..field("type", b"") },
            Part {
                file: Some(format!("picture.{}", form::ending(&picture.mime))),
                mime: &picture.mime,
                bytes,
                ..field("file", b"")
            },
        );
        let (mime, body) = form::form(&[field("messaging_product", b"whatsapp"), kind, file]);
        let made = self.api.make(self.api.upload(&[&self.number, "media"], &mime, body), pass).await;
        let made = made.map_err(|(failure, _)| failure.without_effect())?;
        let id = made["id"].as_str().filter(|id| is_id(id));
        id.map(|id| Some(id.to_owned())).ok_or_else(|| not_told("the answer names no picture".to_owned()))
    }
}
