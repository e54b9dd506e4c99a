//! A post as Discord's API takes it, from a webhook or a bot. Pure.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::discord_answers::is_id;
use crate::form::{self, Part};
use crate::http::Request;
use crate::revise::Shows;
use crate::{Job, Receipt, Rendition, Revised, Sighting, discord_text, text};

/// Discord wants to know the program, and blocks those that do not say it in this form. The address is that
/// of the examples, because the product has no page of its own.
pub(crate) const AGENT: &str =
    concat!("DiscordBot (https://holdline.example.org, ", env!("CARGO_PKG_VERSION"), ")");
/// The version of the API.
pub(crate) const VERSION: &str = "v10";
/// A post without previews of its links. Pictures stay.
const SUPPRESS_EMBEDS: u8 = 4;

/// A message, as far as the answer to a post is read.
#[derive(Deserialize)]
pub(crate) struct Message {
    pub id: String,
    pub channel_id: String,
}

impl Message {
    /// Whether it names a post.
    pub(crate) fn is_named(&self) -> bool {
        is_id(&self.id) && is_id(&self.channel_id)
    }

    /// Its address, on the server of that id.
    pub(crate) fn link(&self, guild: &str) -> String {
        format!("https://discord.com/channels/{guild}/{}/{}", self.channel_id, self.id)
    }
}

/// Said of a message that has neither the new words nor the old ones: whoever else has the webhook or the token of the
/// bot can change it.
const OTHER_WORDS: &str = "somebody has given the post other words on Discord";

/// What a message that gets other words shows. Without the permission to read messages the words of a bot's own are
/// empty.
pub(crate) fn sighting(message: &Value, job: &Job, of: &Revised) -> Sighting {
    let Some(told) = message["content"].as_str().filter(|words| !words.is_empty()) else {
        return Sighting::Unknown("the answer is not about the post".to_owned());
    };
    match of.shows(&job.rendition, |post| are(told, post)) {
        // Nothing but its words changes.
        Shows::New | Shows::Either => {
            Sighting::Found(Receipt { remote_id: of.remote_id.clone(), url: None, note: None })
        }
        Shows::Old => Sighting::Absent,
        Shows::Other => Sighting::Unknown(OTHER_WORDS.to_owned()),
    }
}

/// Whether these are the words of the post, without what Discord cuts off.
pub(crate) fn are(words: &str, post: &Rendition) -> bool {
    text::plain(words) == text::plain(&discord_text::written(&post.text))
}

/// What a picture's file is called.
fn file(number: usize, mime: &str) -> String {
    format!("picture-{number}.{}", form::ending(mime))
}

/// The words as the API takes them. Alone they change those of a post: pictures that a change does not name stay
/// (as the libraries discord.js and serenity document their `attachments`; Discord's own page tells it of no field).
pub(crate) fn words(post: &Rendition) -> Value {
    json!({
        "content": discord_text::written(&post.text),
        "allowed_mentions": { "parse": [] },
        "flags": SUPPRESS_EMBEDS,
    })
}

/// The post as the API takes it.
pub(crate) fn content(post: &Rendition) -> Value {
    let mut content = words(post);
    if !post.media.is_empty() {
        let all = post.media.iter().enumerate();
        let all: Vec<Value> = all
            .map(|(n, m)| json!({ "id": n, "filename": file(n, &m.mime), "description": m.alt }))
            .collect();
        content["attachments"] = all.into();
    }
    content
}

/// The request with the post and its pictures.
pub(crate) fn filled(request: Request, content: &Value, post: &Rendition, media: &[Vec<u8>]) -> Request {
    if media.is_empty() {
        return request.json(content);
    }
    let content = content.to_string();
    let payload = Part {
        name: "payload_json".to_owned(),
        file: None,
        mime: "application/json",
        bytes: content.as_bytes(),
    };
    let all = post.media.iter().zip(media).enumerate();
    let files = all.map(|(n, (picture, bytes))| Part {
        name: format!("files[{n}]"),
        file: Some(file(n, &picture.mime)),
        mime: &picture.mime,
        bytes,
    });
    let (mime, body) = form::form(&std::iter::once(payload).chain(files).collect::<Vec<_>>());
    request.body(&mime, body).paced()
}
