//! Pictures of a WordPress site.

use serde::Deserialize;

use super::WordPress;
use super::answers::{no_effect, not_looked, unread};
use super::post::slug;
use crate::http::Request;
use crate::{Failure, Job, MediaRef, Pass};

/// Most bytes of a picture's words in the address of its upload, where each can become three.
const MOST_ALT: usize = 500;

/// A picture that was uploaded.
#[derive(Debug, Deserialize)]
pub(super) struct Media {
    pub id: u64,
    pub source_url: String,
}

impl WordPress {
    /// Uploads the pictures, or finds those of an earlier attempt. No page shows them yet.
    pub(super) async fn upload(&self, job: &Job, pass: &Pass) -> Result<Vec<Media>, Failure> {
        let mut all = Vec::new();
        for (picture, bytes) in job.rendition.media.iter().zip(&job.media) {
            let name = format!("{}-{}", slug(job), picture.sha256.get(..16).unwrap_or(&picture.sha256));
            let mut url = self.api(&["media"]);
            url.query_pairs_mut().extend_pairs([("slug", name.as_str()), ("_fields", "id,source_url")]);
            let known =
                self.http.call(self.authorised(Request::get(url.as_str()))).await.map_err(no_effect)?;
            if !known.is_success() {
                return Err(not_looked(self.failure(&known)));
            }
            let known = known.json::<Vec<Media>>().map_err(unread)?.into_iter().next();
            all.push(match known {
                Some(media) => media,
                None => self.upload_one(&name, picture, bytes, pass).await?,
            });
        }
        Ok(all)
    }

    async fn upload_one(
        &self,
        name: &str,
        picture: &MediaRef,
        bytes: &[u8],
        pass: &Pass,
    ) -> Result<Media, Failure> {
        let mut url = self.api(&["media"]);
        url.query_pairs_mut().append_pair("slug", name);
        // An address has its own limit; the page carries the words in any case.
        if picture.alt.len() <= MOST_ALT {
            url.query_pairs_mut().append_pair("alt_text", &picture.alt);
        }
        let ending = picture.mime.rsplit('/').next().unwrap_or("bin");
        let request = self
            .authorised(Request::post(url.as_str()))
            .header("content-disposition", &format!("attachment; filename=\"{name}.{ending}\""))
            .body(&picture.mime, bytes.to_vec());
        let answer = self.http.send(request, pass).await.map_err(no_effect)?;
        if !answer.is_success() {
            return Err(self.failure(&answer).without_effect());
        }
        answer.json().map_err(unread)
    }
}
