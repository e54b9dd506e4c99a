//! Pictures of a post on Slack: each is sent to Slack first, which nobody sees, and the message names it in a block
//! of its own with its words. So the message stays one of `chat.postMessage`, with its key.
//!
//! Sources: <https://docs.slack.dev/reference/methods/files.getUploadURLExternal>, `files.completeUploadExternal`
//! (without a channel a file is private) and `files.delete` there, all with the permission `files:write`;
//! <https://docs.slack.dev/reference/block-kit/composition-objects/slack-file-object> (PNG, JPEG and GIF; who posts
//! must have access to the file) and `block-kit/blocks/image-block` (words of 2,000 characters).
//!
//! Slack works on a file after it has said yes, and refuses a message that names one too soon as `invalid_blocks`,
//! "invalid slack file" (told by Slack in slackapi/slack-github-action, issue 413, and seen in
//! slackapi/python-slack-sdk, issue 1658). Such a message is sent again after a while: the refusal says that nothing
//! was posted.

use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::{Slack, is_id};
use crate::form;
use crate::http::{Answer, Request, Trouble};
use crate::message::Doing;
use crate::{Failure, Job, MediaRef, Pass, Retraction, Retry};

/// How long pictures are sent at most: shorter than a sender waits for an attempt, so that one whose message was never
/// asked for ends without effect and not in doubt.
const PREPARES: Duration = if cfg!(test) { Duration::from_secs(3) } else { Duration::from_secs(60) };
/// How long a message that is taken down is looked at before.
const LOOK: Duration = Duration::from_secs(3);

/// Said when Slack still works on a picture after the last try.
pub(super) const UNREADY: &str = "Slack is still working on the pictures";

impl Slack {
    /// Sends the pictures of a post to Slack; their ids.
    pub(super) async fn upload(&self, job: &Job, pass: &Pass) -> Result<Vec<String>, Failure> {
        let pictures = &job.rendition.media;
        if pictures.is_empty() {
            return Ok(Vec::new());
        }
        // What was approved goes out whole or not at all.
        if job.media.len() < pictures.len() {
            return Err(unready("the bytes of a picture are missing".to_owned()));
        }
        let sent = tokio::time::timeout(PREPARES, self.upload_all(job, pass)).await;
        sent.map_err(|_| unready("Slack is slow to take the pictures".to_owned()))?
    }

    async fn upload_all(&self, job: &Job, pass: &Pass) -> Result<Vec<String>, Failure> {
        let mut files = Vec::new();
        for (picture, bytes) in job.rendition.media.iter().zip(&job.media) {
            files.push(self.upload_one(picture, bytes, pass).await?);
        }
        let named: Vec<Value> = files.iter().map(|id| json!({ "id": id })).collect();
        let named = Value::Array(named).to_string();
        self.step("files.completeUploadExternal", &[("files", &named)], pass).await?;
        Ok(files)
    }

    async fn upload_one(&self, picture: &MediaRef, bytes: &[u8], pass: &Pass) -> Result<String, Failure> {
        let (name, length) = (format!("picture.{}", form::ending(&picture.mime)), bytes.len().to_string());
        let about =
            [("filename", name.as_str()), ("length", length.as_str()), ("alt_txt", picture.alt.as_str())];
        let told = self.step("files.getUploadURLExternal", &about, pass).await?;
        let file = told["file_id"].as_str().filter(|id| is_id(id));
        let address = told["upload_url"].as_str().and_then(|url| self.own(url));
        let (Some(file), Some(address)) = (file, address) else {
            return Err(unready("the answer names no picture".to_owned()));
        };
        // The address is the permission: the token stays here.
        let request = Request::post(address.as_str()).body(&picture.mime, bytes.to_vec());
        let done = self.http.send(request, pass).await.map_err(no_effect).and_then(|answer| {
            if answer.status == 200 { Ok(()) } else { Err(answer.failure().of_a_picture()) }
        });
        // Whoever has the rest of the address can send there.
        done.map_err(|failure| {
            failure.reworded(|why| why.replace(&address[url::Position::BeforePath..], "/…"))
        })?;
        Ok(file.to_owned())
    }

    /// An address of Slack's own, or of the server that a test names.
    fn own(&self, address: &str) -> Option<Url> {
        let url = Url::parse(address).ok()?;
        let (host, own) = (url.host_str()?, self.server.host_str()?);
        let is_below = host.strip_suffix(own).is_some_and(|sub| sub.ends_with('.'));
        let is_same = host == own && url.port_or_known_default() == self.server.port_or_known_default();
        (url.scheme() == self.server.scheme() && (is_below || is_same)).then_some(url)
    }

    /// A step that nobody sees. Pictures have limits of their own: a post without any need not wait.
    async fn step(&self, name: &str, fields: &[(&str, &str)], pass: &Pass) -> Result<Value, Failure> {
        let request = Request::post(self.method(name).as_str()).bearer(&self.token).form(fields);
        let answer = self.http.send(request, pass).await.map_err(no_effect)?;
        self.accepted(&answer, Doing::Post).map_err(Failure::of_a_picture)
    }

    /// The pictures that a message shows.
    pub(super) async fn files(&self, channel: &str, ts: &str) -> Result<Vec<String>, String> {
        let look = tokio::time::timeout(LOOK, self.one(channel, ts)).await;
        let message = look.map_err(|_| "Slack does not answer which they are".to_owned())??;
        Ok(message.map(|message| files(&message.blocks)).unwrap_or_default())
    }

    /// Deletes the pictures of a message that was taken down: Slack keeps them otherwise.
    pub(super) async fn delete_files(&self, files: Result<Vec<String>, String>) -> Retraction {
        let left = |why: String| {
            Retraction::StillLive(format!("the message is gone, and Slack keeps its pictures: {why}"))
        };
        let files = match files {
            Ok(files) => files,
            Err(why) => return left(why),
        };
        for file in files {
            let request = self.post("files.delete", &json!({ "file": file }));
            let why = match self.http.call(request).await {
                Ok(answer) if is_gone(&answer) => continue,
                Ok(answer) => match self.accepted(&answer, Doing::TakeDown) {
                    Ok(_) => continue,
                    Err(failure) => failure.to_string(),
                },
                Err(trouble) => trouble.to_string(),
            };
            return left(why);
        }
        Retraction::Gone
    }
}

/// The blocks that show the pictures, below the text.
pub(super) fn blocks<'a>(files: &'a [String], pictures: &'a [MediaRef]) -> impl Iterator<Item = Value> + 'a {
    let block = |(file, picture): (&String, &MediaRef)| json!({ "type": "image", "slack_file": { "id": file }, "alt_text": picture.alt });
    files.iter().zip(pictures).map(block)
}

/// The files that the blocks of a message name.
pub(super) fn files(blocks: &Value) -> Vec<String> {
    let ids = blocks.as_array().into_iter().flatten().filter_map(|b| b["slack_file"]["id"].as_str());
    ids.filter(|id| is_id(id)).map(str::to_owned).collect()
}

/// Whether a message was refused because Slack still works on a picture.
pub(super) fn is_too_soon(answer: &Answer) -> bool {
    let told: Value = answer.json().unwrap_or_default();
    let errors = told["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
    answer.status == 200
        && told["ok"] == false
        && told["error"] == "invalid_blocks"
        && errors.clone().any(|why| why.contains("slack_file"))
}

fn is_gone(answer: &Answer) -> bool {
    answer.status == 200 && matches!(super::word(answer).as_str(), "file_not_found" | "file_deleted")
}

fn no_effect(trouble: Trouble) -> Failure {
    trouble.failure(false).without_effect()
}

/// A step before the public one that did not end well.
pub(super) fn unready(reason: String) -> Failure {
    Failure::Rejected { reason, retry: Retry::Backoff }
}
