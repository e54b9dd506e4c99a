//! Pictures of a post on Slack: each is sent to Slack first, which nobody sees, and the message names it in a block
//! of its own with its words. So the message stays one of `chat.postMessage`, with its key.
//!
//! Sources: <https://docs.slack.dev/reference/methods/files.getUploadURLExternal>, `files.completeUploadExternal`
//! (without a channel a file is private) and `files.delete` there, all with the permission `files:write`;
//! <https://docs.slack.dev/reference/block-kit/composition-objects/slack-file-object> (PNG, JPEG and GIF; who posts
//! must have access to the file) and `block-kit/blocks/image-block` (words of 2,000 characters).
//!
//! A file outlives its message, and is deleted by itself: `files.delete` says `file_deleted` of one that is gone, and
//! `file_not_found` of one that is gone or not this app's to see (the page of that method). So the files are written down
//! before any byte of them is sent (`slack_kept.rs`). What is announced and never completed is no file yet.
//!
//! Slack works on a file after it has said yes, and refuses a message that names one too soon as `invalid_blocks`,
//! "invalid slack file" (told by Slack in slackapi/slack-github-action, issue 413, and seen in
//! slackapi/python-slack-sdk, issue 1658). Such a message is sent again after a while: the refusal says that nothing
//! was posted.

use std::time::Duration;

use serde_json::{Value, json};
use url::Url;

use super::kept::Kept;
use super::{NO_WORKSPACE, Slack, is_id};
use crate::form;
use crate::http::{Answer, Request, Trouble};
use crate::message::Doing;
use crate::{Failure, Job, MediaRef, Pass, Retraction, Retry};

/// How long pictures are sent at most: shorter than a sender waits for an attempt, so that one whose message was never
/// asked for ends without effect and not in doubt.
const PREPARES: Duration = if cfg!(test) { Duration::from_secs(3) } else { Duration::from_secs(60) };
/// How long a message that is taken down is looked at before.
const LOOK: Duration = Duration::from_secs(3);

/// Said of pictures of a message that is gone, which nobody wrote down.
const UNWRITTEN: &str = "which they are is not written down; look in Slack for those of the app";
/// Said of pictures that were sent with the token of another app.
pub(super) const ANOTHER_BOT: &str = "another app sent them; delete them in Slack";

/// Said when Slack still works on a picture after the last try.
pub(super) const UNREADY: &str = "Slack is still working on the pictures";

impl Slack {
    /// Sends the pictures of a post to Slack: their ids, and what was written down of them.
    pub(super) async fn upload(&self, job: &Job, pass: &Pass) -> Result<(Vec<String>, String), Failure> {
        let pictures = &job.rendition.media;
        if pictures.is_empty() {
            return Ok((Vec::new(), String::new()));
        }
        // What was approved goes out whole or not at all.
        if job.media.len() < pictures.len() {
            return Err(unready("the bytes of a picture are missing".to_owned()));
        }
        let sent = tokio::time::timeout(PREPARES, self.upload_all(job, pass)).await;
        sent.map_err(|_| unready("Slack is slow to take the pictures".to_owned()))?
    }

    async fn upload_all(&self, job: &Job, pass: &Pass) -> Result<(Vec<String>, String), Failure> {
        let pictures = || job.rendition.media.iter().zip(&job.media);
        let (mut files, mut addresses) = (Vec::new(), Vec::new());
        for (picture, bytes) in pictures() {
            let (file, address) = self.announce(picture, bytes.len(), pass).await?;
            files.push(file);
            addresses.push(address);
        }
        // Slack has none of them yet: whatever breaks from here on, they are found again.
        let bot = self.bot().await.map_err(unready)?;
        let written = Kept::with(Kept::of(job), &bot, &files).written();
        pass.keep(&written).await?;
        for ((picture, bytes), address) in pictures().zip(&addresses) {
            self.fill(address, picture, bytes, pass).await?;
        }
        let named: Vec<Value> = files.iter().map(|id| json!({ "id": id })).collect();
        let named = Value::Array(named).to_string();
        self.step("files.completeUploadExternal", &[("files", &named)], pass).await?;
        Ok((files, written))
    }

    /// The bot that the token stands for.
    async fn bot(&self) -> Result<String, String> {
        Some(self.who().await?.bot_id).filter(|id| is_id(id)).ok_or_else(|| NO_WORKSPACE.to_owned())
    }

    /// Tells Slack of a picture: its file, and the address where its bytes go.
    async fn announce(
        &self,
        picture: &MediaRef,
        bytes: usize,
        pass: &Pass,
    ) -> Result<(String, Url), Failure> {
        let (name, length) = (format!("picture.{}", form::ending(&picture.mime)), bytes.to_string());
        let about =
            [("filename", name.as_str()), ("length", length.as_str()), ("alt_txt", picture.alt.as_str())];
        let told = self.step("files.getUploadURLExternal", &about, pass).await?;
        let file = told["file_id"].as_str().filter(|id| is_id(id)).map(str::to_owned);
        let address = told["upload_url"].as_str().and_then(|url| self.own(url));
        file.zip(address).ok_or_else(|| unready("the answer names no picture".to_owned()))
    }

    async fn fill(&self, to: &Url, picture: &MediaRef, bytes: &[u8], pass: &Pass) -> Result<(), Failure> {
        // The address is the permission: the token stays here.
        let request = Request::post(to.as_str()).body(&picture.mime, bytes.to_vec()).paced();
        let done = self.http.send(request, pass).await.map_err(no_effect).and_then(|answer| {
            if answer.status == 200 { Ok(()) } else { Err(answer.failure().of_a_picture()) }
        });
        // Whoever has the rest of the address can send there.
        done.map_err(|failure| failure.reworded(|why| why.replace(&to[url::Position::BeforePath..], "/…")))
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

    /// The files of a post: what was written down of them; of an older post those that its message shows.
    pub(super) async fn files_of(
        &self,
        job: &Job,
        message: Option<(&str, &str)>,
    ) -> Result<Vec<String>, String> {
        if job.rendition.media.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(kept) = Kept::of(job) {
            return Ok(kept.files);
        }
        let (channel, ts) = message.ok_or(UNWRITTEN)?;
        // The look is short, because the message's words are wrong.
        let look = tokio::time::timeout(LOOK, self.one(channel, ts)).await;
        let message = look.map_err(|_| "Slack does not answer which they are".to_owned())??;
        message.map(|message| files(&message.blocks)).ok_or_else(|| UNWRITTEN.to_owned())
    }

    /// Deletes the pictures of a message that is gone, each that can be. One that is not there counts as deleted, unless
    /// another bot sent it: to this one Slack says that it is not there.
    pub(super) async fn delete_files(&self, job: &Job, files: Result<Vec<String>, String>) -> Retraction {
        let mut left = files.as_ref().err().cloned();
        let files = files.unwrap_or_default();
        if let Some(kept) = Kept::of(job).filter(|_| !files.is_empty()) {
            left = match self.bot().await {
                Ok(bot) => (bot != kept.bot).then(|| ANOTHER_BOT.to_owned()),
                Err(why) => Some(why),
            };
        }
        for file in &files {
            let request = self.post("files.delete", &json!({ "file": file }));
            let answer = match self.http.call(request).await {
                Ok(answer) => answer,
                // It answers the next ones no sooner.
                Err(trouble) => {
                    left = left.or_else(|| Some(trouble.to_string()));
                    break;
                }
            };
            if !is_gone(&answer)
                && let Err(failure) = self.accepted(&answer, Doing::TakeDown)
            {
                left = left.or_else(|| Some(failure.to_string()));
            }
        }
        let told =
            |why| Retraction::StillLive(format!("the message is gone, and Slack keeps its pictures: {why}"));
        left.map_or(Retraction::Gone, told)
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
