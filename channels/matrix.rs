//! Adapter `matrix`: messages of one account in one room without encryption.
//!
//! Facts: <https://spec.matrix.org/latest/client-server-api/>, sections "Sending events to a room",
//! "Transaction identifiers", "Redactions", "Getting events for a room" and "Room state"; what a repeated
//! transaction, a redaction and a refusal answer was seen on Synapse 1.163.
//!
//! The transaction id comes from the delivery, so that a repeated send gives the first event again. That
//! holds for one device, and for as long as the server remembers: Synapse about a day. A token that is
//! replaced may be another device's, and nobody tells this adapter. So it is not called safe to repeat:
//! each event also carries the delivery's id, every later attempt looks for it first, back to what stood there
//! before ([`look::Base`]), and after a doubt it is sent again only by a person's word. A message that was
//! taken down loses that id, unless we did it.
//!
//! The text goes out as it is, calls nobody (`m.mentions` is empty), and is the whole of what every app
//! shows. Pictures stand below it in the formatted form of the same event, with their words: an event is
//! there or not, and never half. Apps that show no pictures inside a message show the text alone. Whether an app
//! fetches a preview of a link is the room's and the reader's choice; a sender cannot switch it off.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::http::{Answer, Http, Request, Trouble};
use crate::known::Known;
use crate::message::Doing;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, NOT_OURS, Pass, PictureLimits,
    Pictures, Pinned, Pins, ReadBack, Receipt, Replay, Retraction, Retry, Revised, Revising, Setting,
    Sighting, Ways, form, watch,
};

#[path = "matrix_answers.rs"]
mod answers;
#[path = "matrix_check.rs"]
mod check;
#[path = "matrix_event.rs"]
mod event;
#[path = "matrix_look.rs"]
mod look;
#[path = "matrix_watch.rs"]
mod newest;
#[path = "matrix_pin.rs"]
mod pin;
#[path = "matrix_revise.rs"]
mod revise;

use answers::{code, failure};
use event::{Seen, content, is_account, is_event, is_picture, is_room, link, transaction};
pub(crate) use event::{size, size_of_change};
use look::{Base, MOST_PAGES};
#[cfg(test)]
pub(crate) use revise::OTHER_WORDS;
use revise::replacement;

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "matrix",
    title: "Matrix",
    capabilities: Capabilities {
        replay: Replay::TimedKey,
        // A look stops at a message that was there before, and the order of a room is also other servers' word:
        // that nothing is found is for a person.
        read_back: ReadBack::Key,
        retract: true,
        media: true,
        starts_only: false,
        revises: Some(Revising { pictures: Pictures::Sent, readable: true }),
        pins: Pins::Several,
        fetches: false,
        watches: true,
        sweeps: false,
        publishes: true,
        // Messages stay in their order.
        concurrency: 1,
    },
    // An event has at most 65,536 bytes, in which the text stands once, and twice beside pictures. The
    // rest keeps it readable.
    limits: Limits {
        text: Some(MOST_BYTES),
        unit: Unit::Matrix,
        text_bytes: Some(20_000),
        title: None,
        title_needed: false,
        media: 4,
        media_bytes: 8 << 20,
        media_all: None,
        alt: Some(1_000),
        parts: 1,
        cards: false,
        pictures: PictureLimits::ANY,
    },
    settings: &[
        Setting {
            name: "server",
            help: "The homeserver's address, for example https://matrix.bank.example",
            required: true,
            private: false,
        },
        Setting {
            name: "room",
            help: "The room's id, which begins with !: in Element under Settings, Advanced",
            required: true,
            private: false,
        },
        watch::OFF,
    ],
    frame: None,
    ways: Ways::USUAL,
    connect,
};

/// Most bytes of an event's content. The server adds some more of its own, up to 65,536.
pub(crate) const MOST_BYTES: usize = 60_000;

const TAKEN_DOWN: &str = "the post was there, and somebody took it down";
const OTHER: &str = "another account has posted it; connect that one";
const SENT_BY_OTHER: &str = "another account has sent it, and this one does not see it; connect that one";
const UNCLEAR: &str =
    "a message of the account was taken down or changed since, and nobody can tell whether it was this one";
const CUT: &str = "the room does not show any more what was there before the post";
const TOO_MANY: &str = "the room has had too many messages since to look through";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let server = connection.url("server")?;
    let room = connection.setting("room")?;
    if !is_room(&room) {
        return Err(
            "the setting room: write the room's id, which begins with !; an alias can move".to_owned()
        );
    }
    let token = connection.secret()?.clone();
    let http = Arc::clone(&connection.http);
    Ok(Box::new(Matrix { server, room, token, http, known: Known::default(), most: Known::default() }))
}

struct Matrix {
    server: Url,
    room: String,
    token: SecretString,
    http: Arc<Http>,
    /// Whose token it is: a token's account never changes.
    known: Known<String>,
    /// Most bytes of an upload, once a check has asked.
    most: Known<u64>,
}

impl Matrix {
    fn api(&self, parts: &[&str]) -> Url {
        let mut url = self.server.clone();
        url.set_query(None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().push("_matrix").extend(parts);
        }
        url
    }

    fn in_room(&self, room: &str, parts: &[&str]) -> Url {
        self.api(&[&["client", "v3", "rooms", room], parts].concat())
    }

    fn failure(&self, answer: &Answer, doing: Doing) -> Failure {
        failure(answer, self.token.expose_secret(), doing)
    }

    /// Asks without an effect. What goes wrong says nothing about the content.
    async fn ask<T: serde::de::DeserializeOwned>(&self, url: &Url) -> Result<T, Failure> {
        let answer =
            self.http.call(Request::get(url.as_str()).bearer(&self.token)).await.map_err(no_effect)?;
        if answer.status != 200 {
            return Err(not_asked(self.failure(&answer, Doing::Ask)));
        }
        answer.json().map_err(unread)
    }

    async fn whoami(&self) -> Result<String, Failure> {
        #[derive(Deserialize)]
        struct Who {
            user_id: String,
        }
        let who: Who = self.ask(&self.api(&["client", "v3", "account", "whoami"])).await?;
        if !is_account(&who.user_id) {
            return Err(unread("the server does not say whose token it is".to_owned()));
        }
        self.known.keep(Some(who.user_id.clone()));
        Ok(who.user_id)
    }

    async fn account(&self) -> Result<String, Failure> {
        match self.known.get() {
            Some(account) => Ok(account),
            None => self.whoami().await,
        }
    }

    /// Uploads the pictures. Nobody sees them before an event names them.
    async fn upload(&self, job: &Job, pass: &Pass) -> Result<Vec<String>, Failure> {
        #[derive(Deserialize)]
        struct Uploaded {
            content_uri: String,
        }
        let mut all = Vec::new();
        for (picture, bytes) in job.rendition.media.iter().zip(&job.media) {
            let mut url = self.api(&["media", "v3", "upload"]);
            let name = format!("picture.{}", form::ending(&picture.mime));
            url.query_pairs_mut().append_pair("filename", &name);
            let request = Request::post(url.as_str()).bearer(&self.token).body(&picture.mime, bytes.clone());
            let answer = self.http.send(request, pass).await.map_err(no_effect)?;
            if !answer.is_success() {
                return Err(self.failure(&answer, Doing::Post).without_effect());
            }
            let uri = answer.json::<Uploaded>().map_err(unread)?.content_uri;
            if !is_picture(&uri) {
                return Err(unread("the server does not say where the picture is".to_owned()));
            }
            all.push(uri);
        }
        Ok(all)
    }

    fn receipt(&self, event: &str, account: Option<&str>) -> Receipt {
        let url = Some(link(&self.room, event, account));
        Receipt { remote_id: format!("{} {event}", self.room), url, note: None }
    }

    /// Sends the event of the delivery, or finds the one of an earlier attempt; its id. It replaces that other one,
    /// or is a message of its own.
    async fn send(
        &self,
        job: &Job,
        replaces: Option<(&Revised, &str)>,
        pass: &Pass,
    ) -> Result<String, Failure> {
        let account = self.account().await?;
        let base = Base::of(job);
        // Without a base no attempt has sent anything: what is there is asked for the base alone.
        let pages = if base.is_some() { MOST_PAGES } else { 1 };
        let own = base.as_ref().is_none_or(|base| base.account == account);
        let look = self.look(job, base.as_ref(), own, pages).await?;
        match look.seen {
            Seen::There(event) => return Ok(event),
            Seen::TakenDown => return Err(Failure::InDoubt { reason: TAKEN_DOWN.to_owned() }),
            Seen::Other => return Err(Failure::InDoubt { reason: OTHER.to_owned() }),
            // The core sends again only after it has looked, too.
            Seen::Nothing | Seen::Unclear | Seen::TooMuch | Seen::Cut => {}
        }
        let pictures = self.upload(job, pass).await?;
        let new = content(&job.rendition, job.delivery, &pictures);
        let content = match replaces {
            Some((of, event)) => replacement(new, of, event, job),
            None => new,
        };
        let content = content.to_string().into_bytes();
        if content.len() > MOST_BYTES {
            let reason = "the post is too long for one message; shorten it".to_owned();
            return Err(Failure::never(reason));
        }
        pass.keep(&Base::written(&account, look.newest.as_deref())).await?;
        let url = self.in_room(&self.room, &["send", "m.room.message", &transaction(job)]);
        let request = Request::put(url.as_str()).bearer(&self.token).body("application/json", content);
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Post));
        }
        let told: Value = answer.json().map_err(|reason| Failure::InDoubt { reason })?;
        match told["event_id"].as_str().filter(|id| is_event(id)) {
            Some(event) => Ok(event.to_owned()),
            None => Err(Failure::InDoubt { reason: "the answer names no post".to_owned() }),
        }
    }

    /// A piece of the room's state, if it is there.
    async fn state(&self, kind: &str, key: &str) -> Result<Option<Value>, String> {
        let mut url = self.in_room(&self.room, &["state", kind, key]);
        if kind == "m.room.create" {
            url.set_query(Some("format=event"));
        }
        let answer = self.http.call(Request::get(url.as_str()).bearer(&self.token)).await;
        let answer = answer.map_err(|trouble| trouble.to_string())?;
        match (answer.status, code(&answer).as_str()) {
            (200, _) => Ok(Some(answer.json()?)),
            (404, "M_NOT_FOUND") => Ok(None),
            _ => Err(self.failure(&answer, Doing::Ask).to_string()),
        }
    }
}

fn no_effect(trouble: Trouble) -> Failure {
    trouble.failure(false).without_effect()
}

/// A step before the public one that did not end well.
fn unread(reason: String) -> Failure {
    Failure::Rejected { reason, retry: Retry::Backoff }
}

/// A question that was refused. It says nothing about the content, so that is never refused for good.
fn not_asked(failure: Failure) -> Failure {
    match failure.without_effect() {
        Failure::Rejected { reason, retry: Retry::Never } => unread(reason),
        other => other,
    }
}

#[async_trait]
impl Channel for Matrix {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let event = self.send(job, None, pass).await?;
        Ok(self.receipt(&event, self.known.get().as_deref()))
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        self.seen_by_key(job).await
    }

    async fn revise(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        self.change(job, of, pass).await
    }

    async fn read_revised(&self, job: &Job, of: &Revised) -> Sighting {
        self.seen_changed(job, of).await
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        let done = match remote_id {
            Some(id) => self.take_down(job, id).await,
            None => match self.read_back(job).await {
                Sighting::Found(found) => self.take_down(job, &found.remote_id).await,
                Sighting::Absent => Err(NOT_OURS.to_owned()),
                Sighting::Unknown(why) | Sighting::Gone(why) => Err(why),
            },
        };
        done.unwrap_or_else(Retraction::StillLive)
    }

    async fn watch(&self, since: DateTime<Utc>) -> Result<Option<watch::Account>, String> {
        self.newest(since).await.map(Some)
    }

    async fn pin(&self, remote_id: &str, up: bool) -> Pinned {
        self.keep_on_top(remote_id, up).await.into()
    }

    async fn check(&self) -> Health {
        self.inspect().await.into()
    }

    fn limits(&self) -> Option<Limits> {
        let media_bytes = self.most.get()?.min(ADAPTER.limits.media_bytes);
        Some(Limits { media_bytes, ..ADAPTER.limits })
    }
}

#[cfg(test)]
#[path = "matrix_look_tests.rs"]
mod look_tests;
#[cfg(test)]
#[path = "matrix_revise_tests.rs"]
mod revise_tests;
#[cfg(test)]
#[path = "matrix_server.rs"]
mod server;
#[cfg(test)]
#[path = "matrix_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "matrix_watch_tests.rs"]
mod watch_tests;
