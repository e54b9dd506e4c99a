//! Pictures of a post on Mastodon: all are sent, then all are waited for. Nobody sees them until a post
//! names them.

use std::iter::repeat;
use std::time::Duration;

use serde::Deserialize;

use super::Mastodon;
use crate::form::{self, Part};
use crate::http::{Request, Trouble};
use crate::{Failure, Job, MediaRef, Pass, Retry};

/// The first waits for pictures that the server still works on, in milliseconds; then the last again and
/// again, for as long as the caller waits.
const WAITS: [u64; 4] = [500, 1_000, 2_000, 4_000];

impl Mastodon {
    /// Uploads the pictures of a post; their ids.
    pub(super) async fn upload(&self, job: &Job, alt: usize, pass: &Pass) -> Result<Vec<String>, Failure> {
        if job.rendition.media.iter().any(|m| m.alt.chars().count() > alt) {
            // The server would cut them without a word.
            let reason = format!("the words of a picture are too long; the limit is {alt}");
            return Err(Failure::never(reason));
        }
        let (mut ids, mut unready) = (Vec::new(), Vec::new());
        for (picture, bytes) in job.rendition.media.iter().zip(&job.media) {
            let (id, ready) = self.upload_one(picture, bytes, pass).await?;
            if !ready {
                unready.push(id.clone());
            }
            ids.push(id);
        }
        for wait in WAITS.into_iter().chain(repeat(4_000)) {
            if unready.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let mut still = Vec::new();
            for id in unready {
                if !self.is_ready(&id).await? {
                    still.push(id);
                }
            }
            unready = still;
        }
        Ok(ids)
    }

    /// The id of the picture, and whether it can be used at once.
    async fn upload_one(
        &self,
        picture: &MediaRef,
        bytes: &[u8],
        pass: &Pass,
    ) -> Result<(String, bool), Failure> {
        #[derive(Deserialize)]
        struct Media {
            id: String,
        }
        let (mime, content) = form::form(&[
            Part {
                name: "description".to_owned(),
                file: None,
                mime: "text/plain; charset=utf-8",
                bytes: picture.alt.as_bytes(),
            },
            Part {
                name: "file".to_owned(),
                file: Some(format!("picture.{}", form::ending(&picture.mime))),
                mime: &picture.mime,
                bytes,
            },
        ]);
        let url = self.api(&["v2", "media"]);
        let request = Request::post(url.as_str()).bearer(&self.token).body(&mime, content);
        let answer = self.http.send(request, pass).await.map_err(no_effect)?;
        if !answer.is_success() {
            return Err(self.failure(&answer).of_a_picture());
        }
        let media: Media = answer.json().map_err(unread)?;
        Ok((media.id, answer.status != 202))
    }

    async fn is_ready(&self, id: &str) -> Result<bool, Failure> {
        let answer = self.get(&self.api(&["v1", "media", id])).await.map_err(no_effect)?;
        match answer.status {
            200 => Ok(true),
            206 => Ok(false),
            _ => Err(self.failure(&answer).of_a_picture()),
        }
    }
}

fn no_effect(trouble: Trouble) -> Failure {
    trouble.failure(false).without_effect()
}

/// A step before the public one that did not end well.
pub(super) fn unread(reason: String) -> Failure {
    Failure::Rejected { reason, retry: Retry::Backoff }
}
