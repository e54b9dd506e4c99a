//! Pictures of a post on LinkedIn: announced, sent to the address that is told, and waited for. Nobody
//! sees them until a post names them.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::LinkedIn;
use super::answers::is_image;
use crate::http::{Answer, Request};
use crate::message::Doing;
use crate::{Failure, Job, MediaRef, Pass, Retry};

/// The longest that all pictures may take: the core waits for two minutes, and then it knows nothing any
/// more.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 3 } else { 80 });

/// The first waits for a picture that LinkedIn still works on, in milliseconds; then the last again and
/// again.
const WAITS: [u64; 4] = [500, 1_000, 2_000, 4_000];

#[derive(Deserialize)]
struct Begun {
    value: Place,
}

/// Where a picture goes, and its full name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    upload_url: String,
    image: String,
}

impl LinkedIn {
    /// Uploads the pictures of a post; their full names.
    pub(super) async fn upload(&self, job: &Job, pass: &Pass) -> Result<Vec<String>, Failure> {
        let is_known = |m: &MediaRef| matches!(m.mime.as_str(), "image/png" | "image/jpeg" | "image/gif");
        if !job.rendition.media.iter().all(is_known) {
            let reason = "LinkedIn takes pictures as PNG, JPEG or GIF; choose another one".to_owned();
            return Err(Failure::never(reason));
        }
        let all = async {
            let mut names = Vec::new();
            for (picture, bytes) in job.rendition.media.iter().zip(&job.media) {
                names.push(self.upload_one(picture, bytes, pass).await?);
            }
            for name in &names {
                self.wait_for(name).await?;
            }
            Ok(names)
        };
        let late = |_| unready("the server was not ready for the post in time".to_owned());
        tokio::time::timeout(PATIENCE, all).await.map_err(late)?
    }

    async fn upload_one(&self, picture: &MediaRef, bytes: &[u8], pass: &Pass) -> Result<String, Failure> {
        let mut url = self.api(&["images"]);
        url.set_query(Some("action=initializeUpload"));
        let begin = json!({ "initializeUploadRequest": { "owner": self.author } });
        let answer = self.step(self.ready(Request::post(url.as_str())).json(&begin), pass).await?;
        let place = answer.json::<Begun>().map_err(unready)?.value;
        if !is_image(&place.image) {
            return Err(unready("the answer names no picture".to_owned()));
        }
        let to = self.own(&place.upload_url).map_err(unready)?;
        let request = Request::put(to.as_str()).bearer(&self.token);
        self.step(request.body(&picture.mime, bytes.to_vec()), pass).await?;
        Ok(place.image)
    }

    /// The address, if the token may go there.
    fn own(&self, address: &str) -> Result<Url, String> {
        let url = self.http.check(address)?;
        let host = url.host_str().unwrap_or_default();
        let linkedin = host == "linkedin.com" || host.ends_with(".linkedin.com");
        if url.origin() == self.server.origin() || (linkedin && url.scheme() == "https") {
            return Ok(url);
        }
        Err("LinkedIn names a place of somebody else for the picture; it was not sent there".to_owned())
    }

    async fn wait_for(&self, name: &str) -> Result<(), Failure> {
        let url = self.api(&["images", name]);
        for wait in std::iter::once(0).chain(WAITS).chain(std::iter::repeat(4_000)) {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let answer = self.http.call(self.ready(Request::get(url.as_str()))).await;
            let answer = answer.map_err(|trouble| trouble.failure(false).without_effect())?;
            if answer.status != 200 {
                return Err(self.alone(&answer));
            }
            let told: Value = answer.json().map_err(unready)?;
            match told["status"].as_str() {
                Some("AVAILABLE") => return Ok(()),
                Some("PROCESSING_FAILED") => {
                    let reason = "LinkedIn cannot read the picture; choose another one".to_owned();
                    return Err(Failure::never(reason));
                }
                _ => {}
            }
        }
        Err(unready("LinkedIn is not ready with the picture yet".to_owned()))
    }

    /// A step that nobody sees.
    async fn step(&self, request: Request, pass: &Pass) -> Result<Answer, Failure> {
        let answer = self.http.send(request, pass).await;
        let answer = answer.map_err(|trouble| trouble.failure(false).without_effect())?;
        if answer.is_success() { Ok(answer) } else { Err(self.alone(&answer)) }
    }

    /// A refusal of a picture. Pictures have limits of their own: a post without any need not wait.
    fn alone(&self, answer: &Answer) -> Failure {
        match self.failure(answer, Doing::Post).without_effect() {
            Failure::Rejected { reason, retry: Retry::After(wait) } => {
                Failure::Rejected { reason, retry: Retry::Later(wait) }
            }
            other => other,
        }
    }
}

/// A step before the public one that did not end well.
fn unready(reason: String) -> Failure {
    Failure::Rejected { reason, retry: Retry::Backoff }
}
