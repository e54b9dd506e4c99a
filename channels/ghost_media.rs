//! Pictures of a Ghost site.

use serde_json::Value;

use super::post::slug;
use super::{Ghost, is_web, no_effect, unread};
use crate::form::{self, Part};
use crate::http::Request;
use crate::message::Doing;
use crate::{Failure, Job, MediaRef, Pass};

impl Ghost {
    /// Uploads the pictures. No page shows them yet.
    pub(super) async fn upload(&self, job: &Job, pass: &Pass) -> Result<Vec<String>, Failure> {
        let mut all = Vec::new();
        for (picture, bytes) in job.rendition.media.iter().zip(&job.media) {
            all.push(self.upload_one(job, picture, bytes, pass).await?);
        }
        Ok(all)
    }

    async fn upload_one(
        &self,
        job: &Job,
        picture: &MediaRef,
        bytes: &[u8],
        pass: &Pass,
    ) -> Result<String, Failure> {
        let name = format!("{}.{}", slug(job), form::ending(&picture.mime));
        let (mime, content) = form::form(&[
            Part { name: "file".to_owned(), file: Some(name), mime: &picture.mime, bytes },
            Part { name: "purpose".to_owned(), file: None, mime: "text/plain", bytes: b"image" },
        ]);
        let url = self.api(&["images", "upload"]);
        let request = self.authorised(Request::post(url.as_str())).body(&mime, content);
        let answer = self.http.send(request, pass).await.map_err(no_effect)?;
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Post).without_effect());
        }
        let told: Value = answer.json().map_err(unread)?;
        let url = told["images"][0]["url"].as_str().filter(|url| is_web(url));
        url.map(str::to_owned)
            .ok_or_else(|| unread("the server does not say where the picture is".to_owned()))
    }
}
