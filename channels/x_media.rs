//! Pictures of a post on X: announced, sent in segments, ended, and given their words. Nobody sees them
//! until a post names them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Data, X, is_id};
use crate::form::{self, Part};
use crate::http::{Answer, Request};
use crate::message::Doing;
use crate::{Failure, Job, MediaRef, Pass, Retry};

/// Most bytes of one segment.
const SEGMENT: usize = 1 << 20;

#[derive(Deserialize)]
struct Media {
    id: String,
}

impl X {
    /// Uploads the pictures of a post; their ids.
    pub(super) async fn upload(&self, job: &Job, pass: &Pass) -> Result<Vec<String>, Failure> {
        if job.rendition.media.iter().any(|m| m.mime == "image/gif") {
            // X makes films of them, one for each post, which takes a while and cannot be seen here.
            let reason = "pictures in the form GIF are not sent to X; choose another one".to_owned();
            return Err(Failure::never(reason));
        }
        let mut ids = Vec::new();
        for (picture, bytes) in job.rendition.media.iter().zip(&job.media) {
            ids.push(self.upload_one(picture, bytes, pass).await?);
        }
        Ok(ids)
    }

    async fn upload_one(&self, picture: &MediaRef, bytes: &[u8], pass: &Pass) -> Result<String, Failure> {
        let begin = json!({
            "media_type": picture.mime,
            "media_category": "tweet_image",
            "total_bytes": bytes.len(),
        });
        let answer = self.step(self.post(&["media", "upload", "initialize"], &begin), pass).await?;
        let id = answer.json::<Data<Media>>().map_err(unready)?.data.id;
        if !is_id(&id) {
            return Err(unready("the answer names no picture".to_owned()));
        }
        for (nth, segment) in bytes.chunks(SEGMENT).enumerate() {
            let nth = nth.to_string();
            let part = |name: &str, file: Option<String>, mime, bytes| Part {
                name: name.to_owned(),
                file,
                mime,
                bytes,
            };
            let file = Some(format!("picture.{}", form::ending(&picture.mime)));
            let (mime, content) = form::form(&[
                part("segment_index", None, "text/plain", nth.as_bytes()),
                part("media", file, &picture.mime, segment),
            ]);
            let url = self.api(&["media", "upload", &id, "append"]);
            self.step(Request::post(url.as_str()).bearer(&self.token).body(&mime, content), pass).await?;
        }
        let url = self.api(&["media", "upload", &id, "finalize"]);
        let answer = self.step(Request::post(url.as_str()).bearer(&self.token), pass).await?;
        let told: Value = answer.json().map_err(unready)?;
        match told["data"]["processing_info"]["state"].as_str() {
            None | Some("succeeded") => {}
            Some("failed") => {
                let reason = "X cannot read the picture; choose another one".to_owned();
                return Err(Failure::never(reason));
            }
            Some(_) => return Err(unready("X is not ready with the picture yet".to_owned())),
        }
        let words = json!({ "id": id, "metadata": { "alt_text": { "text": picture.alt } } });
        self.step(self.post(&["media", "metadata"], &words), pass).await?;
        Ok(id)
    }

    /// A step that nobody sees. Pictures have limits of their own: a post without any need not wait.
    async fn step(&self, request: Request, pass: &Pass) -> Result<Answer, Failure> {
        let answer = self.http.send(request, pass).await;
        let answer = answer.map_err(|trouble| trouble.failure(false).without_effect())?;
        if answer.is_success() {
            return Ok(answer);
        }
        Err(match self.failure(&answer, Doing::Post).without_effect() {
            Failure::Rejected { reason, retry: Retry::After(wait) } => {
                Failure::Rejected { reason, retry: Retry::Later(wait) }
            }
            other => other,
        })
    }
}

/// A step before the public one that did not end well.
fn unready(reason: String) -> Failure {
    Failure::Rejected { reason, retry: Retry::Backoff }
}
