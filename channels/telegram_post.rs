//! How a post is sent: as a message, as a picture with its words, or as several pictures of which the first has them.
//!
//! Facts: <https://core.telegram.org/bots/api#sendphoto>, `#sendmediagroup` (2 to 10, each a message of its own),
//! `#inputmediaphoto` and `#sending-files` (10 MB a photo); a caption has 1,024 characters. Apps show the only caption
//! of a group below all of it. No field takes the words for those who cannot see a picture.

use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::in_doubt;
use super::{Accepted, MOST_BYTES, Message, Telegram, plain};
use crate::form::{self, Part};
use crate::http::Request;
use crate::message::Doing;
use crate::{Failure, Job, Pass, Receipt, Retry};

/// Said of an album that a slow line would not carry in time.
pub(super) const TOO_LARGE: &str =
    "the pictures have more bytes together than one request can carry; make them smaller, or send fewer";

/// What was made: one message, or one for each picture.
#[derive(Deserialize)]
#[serde(untagged)]
enum Made {
    One(Message),
    Several(Vec<Message>),
}

impl Telegram {
    /// Sends the first part of a post, with its pictures; or a later one, which answers the message of that number.
    pub(super) async fn say(
        &self,
        job: &Job,
        (n, after): (usize, Option<i64>),
        pass: &Pass,
    ) -> Result<Receipt, Failure> {
        let request = match after {
            None => self.request(job)?,
            Some(number) => {
                let mut content = content(&job.rendition.part(n).text, &self.chat);
                content["reply_parameters"] = json!({ "message_id": number });
                Request::post(self.method("sendMessage").as_str()).json(&content)
            }
        };
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Post));
        }
        let accepted: Accepted<Made> = answer.json().map_err(|reason| Failure::InDoubt { reason })?;
        if !accepted.ok {
            return Err(in_doubt(answer.status));
        }
        let messages = match accepted.result {
            Made::One(message) => vec![message],
            Made::Several(messages) => messages,
        };
        if messages.len() != job.rendition.part(n).media.len().max(1) {
            return Err(Failure::InDoubt { reason: "the answer names no post in that chat".to_owned() });
        }
        self.receipt(&messages)
    }

    fn request(&self, job: &Job) -> Result<Request, Failure> {
        let pictures = &job.rendition.media;
        // What was approved goes out whole or not at all.
        if job.media.len() < pictures.len() {
            let reason = "the bytes of a picture are missing".to_owned();
            return Err(Failure::Rejected { reason, retry: Retry::Backoff });
        }
        // It was composed when more was taken.
        let bytes: usize = job.media.iter().map(Vec::len).sum();
        if u64::try_from(bytes).unwrap_or(u64::MAX) > MOST_BYTES {
            return Err(Failure::never(TOO_LARGE));
        }
        let (method, name, said): (_, fn(usize) -> String, _) = match pictures.len() {
            0 => {
                let to = self.method("sendMessage");
                return Ok(Request::post(to.as_str()).json(&content(&job.rendition.text, &self.chat)));
            }
            1 => ("sendPhoto", |_| "photo".to_owned(), ("caption", job.rendition.text.clone())),
            count => ("sendMediaGroup", |n| format!("p{n}"), ("media", group(&job.rendition.text, count))),
        };
        let chat = plain(&self.chat);
        let field = |name: &str, value: &'_ str| (name.to_owned(), value.to_owned());
        let fields = [field("chat_id", &chat), field(said.0, &said.1)];
        let mut parts: Vec<Part<'_>> = fields.iter().map(text).collect();
        for (n, (picture, bytes)) in pictures.iter().zip(&job.media).enumerate() {
            let file = format!("{n}.{}", form::ending(&picture.mime));
            parts.push(Part { name: name(n), file: Some(file), mime: &picture.mime, bytes });
        }
        let (mime, bytes) = form::form(&parts);
        Ok(Request::post(self.method(method).as_str()).body(&mime, bytes).paced())
    }
}

fn text((name, value): &(String, String)) -> Part<'_> {
    Part { name: name.clone(), file: None, mime: "text/plain; charset=utf-8", bytes: value.as_bytes() }
}

/// The pictures of a group, which are parts of the same form.
fn group(text: &str, count: usize) -> String {
    let picture = |n| match n {
        0 => json!({ "type": "photo", "media": "attach://p0", "caption": text }),
        n => json!({ "type": "photo", "media": format!("attach://p{n}") }),
    };
    Value::Array((0..count).map(picture).collect()).to_string()
}

/// A post without pictures as the API takes it.
pub(super) fn content(text: &str, chat: &Value) -> Value {
    let preview = json!({ "is_disabled": true });
    json!({ "chat_id": chat, "text": text, "link_preview_options": preview })
}
