//! The event that a post becomes, and how one is known again. Pure.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::Job;
use crate::html::{escape, paragraphs};

/// Our field in an event's content: the delivery's id.
const KEY: &str = "holdline.delivery";

/// The transaction id that all attempts at one delivery share.
pub(super) fn transaction(job: &Job) -> String {
    format!("holdline-{}", job.delivery.simple())
}

/// The content of the event, with the addresses of its pictures.
pub(super) fn content(job: &Job, pictures: &[String]) -> Value {
    let post = &job.rendition;
    let mut content = json!({
        "msgtype": "m.text",
        "body": post.text,
        "m.mentions": {},
        KEY: job.delivery.to_string(),
    });
    if !pictures.is_empty() {
        let mut html = paragraphs(&post.text, "<br>");
        for (picture, uri) in post.media.iter().zip(pictures) {
            let (uri, alt) = (escape(uri), escape(&picture.alt));
            let _ = write!(html, "<p><img src=\"{uri}\" alt=\"{alt}\" title=\"{alt}\"></p>");
        }
        content["format"] = "org.matrix.custom.html".into();
        content["formatted_body"] = html.into();
    }
    content
}

/// An event, as far as it is read.
#[derive(Debug, Deserialize)]
pub(super) struct Event {
    event_id: String,
    sender: String,
    origin_server_ts: i64,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    unsigned: Value,
}

/// What a look for the event of a delivery saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is there, under this id.
    There(String),
    /// It was there, and somebody took it down.
    TakenDown,
    /// It is there, from another account.
    Other,
    /// A message of the account was taken down, and with it what would tell whose it was.
    Unclear,
    Nothing,
    /// There were too many messages to look through.
    TooMuch,
}

impl Event {
    pub fn is_redacted(&self) -> bool {
        !self.unsigned["redacted_because"].is_null()
    }

    /// What it says about the delivery. The server tells the transaction to the device that sent it, also
    /// once the content is gone.
    pub fn seen(&self, job: &Job, account: &str) -> Seen {
        let own = self.sender == account;
        let told = self.unsigned["transaction_id"].as_str();
        let is_it = self.content[KEY] == job.delivery.to_string()
            || (own && told.is_some_and(|told| told == transaction(job)));
        match (is_it, own) {
            (true, true) if self.is_redacted() => Seen::TakenDown,
            (true, true) if is_event(&self.event_id) => Seen::There(self.event_id.clone()),
            (true, false) => Seen::Other,
            (false, true) if self.is_redacted() && told.is_none() => Seen::Unclear,
            _ => Seen::Nothing,
        }
    }

    /// Whether it is surely older than that. Only the account's own server is believed: others can write
    /// any time into their events.
    pub fn is_before(&self, time: i64, account: &str) -> bool {
        let server = |name: &str| name.split_once(':').map(|(_, server)| server.to_owned());
        self.origin_server_ts < time && server(&self.sender) == server(account)
    }
}

/// Whether it has the form of a room's id.
pub(super) fn is_room(text: &str) -> bool {
    is_id(text, '!')
}

/// Whether it has the form of an event's id.
pub(super) fn is_event(text: &str) -> bool {
    is_id(text, '$')
}

fn is_id(text: &str, sigil: char) -> bool {
    let rest = text.strip_prefix(sigil).unwrap_or_default();
    (1..=254).contains(&rest.len()) && rest.chars().all(|c| c.is_ascii_graphic())
}

/// The message's address, with the server that a reader's own can ask for it.
pub(super) fn link(room: &str, event: &str, account: Option<&str>) -> String {
    let escaped = |part: &str| url::form_urlencoded::byte_serialize(part.as_bytes()).collect::<String>();
    let via = account.and_then(|a| a.split_once(':')).map(|(_, server)| format!("?via={}", escaped(server)));
    format!("https://matrix.to/#/{}/{}{}", escaped(room), escaped(event), via.unwrap_or_default())
}
