//! Adapter `mastodon`: posts on Mastodon. Servers that speak its API are told apart by what they say of
//! themselves; how each of them behaves was not tried.
//!
//! Facts: <https://docs.joinmastodon.org/methods/statuses/>. The key of a request
//! (`Idempotency-Key`) is sent, and never relied on: Mastodon keeps it for an hour, before 4.6 two
//! requests at once could both post, some of the 4.6 line answer 500 to a repetition, GoToSocial
//! ignores it, and after a deletion a repetition answers 404. So an attempt in doubt is read back, and
//! never sent again because of the key.
//!
//! A server keeps no word of ours with a post. Reading back looks for the account's posts since the
//! first attempt was permitted, by the server's clock, and compares the source of each; one that is
//! equal is found, several are left to people, and none proves nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use url::Url;

use crate::http::{Answer, Http, Request, Trouble};
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Clock, Connection, Failure, Health, Job, Limits, NOT_OURS, Pass,
    PictureLimits, Pictures, Pinned, Pins, ReadBack, Receipt, Rendition, Replay, Retraction, Revised,
    Revising, Scheduler, Setting, Sighting, Ways, watch,
};

#[path = "mastodon_answers.rs"]
mod answers;
#[path = "mastodon_media.rs"]
mod media;
#[path = "mastodon_pin.rs"]
mod pin;
#[path = "mastodon_reads.rs"]
mod reads;
#[path = "mastodon_revise.rs"]
mod revise;
#[path = "mastodon_schedule.rs"]
mod schedule;
#[path = "mastodon_scheduled.rs"]
mod scheduled;
#[path = "mastodon_thread.rs"]
mod thread;

use answers::Server;
pub(crate) use answers::{BESIDES, NEEDED};
use reads::Account;

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "mastodon",
    title: "Mastodon",
    capabilities: Capabilities {
        replay: Replay::TimedKey,
        // A server may answer from a copy of its database, and the source of a post can be missing.
        read_back: ReadBack::Words,
        retract: true,
        media: true,
        starts_only: false,
        revises: Some(Revising { pictures: Pictures::Kept, readable: true }),
        pins: Pins::Several,
        fetches: false,
        watches: true,
        sweeps: true,
        publishes: true,
        concurrency: 1,
    },
    // Those of a server that was never asked; each tells its own at the check.
    limits: Limits {
        text: Some(500),
        unit: Unit::Mastodon,
        text_bytes: None,
        title: None,
        title_needed: false,
        media: 4,
        media_bytes: 8 << 20,
        media_all: None,
        alt: Some(1_500),
        parts: 10,
        cards: false,
        pictures: PictureLimits::ANY,
    },
    settings: &[
        Setting {
            name: "server",
            help: "The account's server, for example https://mastodon.social",
            required: true,
            private: false,
        },
        Setting {
            name: "visibility",
            help: "Who sees the posts: public (unless given), unlisted, or private for followers only",
            required: false,
            private: false,
        },
        Setting {
            name: "warning",
            help: "title, to send the title of a post as its content warning; otherwise titles are left out",
            required: false,
            private: false,
        },
        watch::OFF,
    ],
    frame: None,
    ways: Ways { limits_by: Some(limits_by), ..Ways::USUAL },
    connect,
};

/// The longest that all before the post may take: the core waits for two minutes, and then it knows
/// nothing any more.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 3 } else { 80 });

/// The limits of a connection: a title is sent as the content warning, or not at all, whatever the server
/// has told by now.
pub fn limits_by(settings: &Value, limits: Limits) -> Limits {
    let warns = settings["warning"].as_str().is_some_and(|w| w.trim() == "title");
    Limits { title: limits.text.filter(|_| warns), ..limits }
}

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let server = connection.url("server")?;
    let visibility = connection.setting("visibility").unwrap_or_else(|_| "public".to_owned());
    if !matches!(visibility.as_str(), "public" | "unlisted" | "private") {
        return Err("the setting visibility: write public, unlisted or private".to_owned());
    }
    if connection.setting("warning").is_ok_and(|w| w != "title") {
        return Err("the setting warning: write title, or leave it empty".to_owned());
    }
    let token = connection.secret()?.clone();
    let (http, clock) = (Arc::clone(&connection.http), Arc::clone(&connection.clock));
    Ok(Box::new(Mastodon { server, visibility, token, http, clock, known: Mutex::default() }))
}

struct Mastodon {
    server: Url,
    visibility: String,
    token: SecretString,
    http: Arc<Http>,
    clock: Clock,
    known: Mutex<Known>,
}

/// What the server told so far.
#[derive(Default)]
struct Known {
    server: Option<Server>,
    /// The id of the account.
    account: Option<String>,
    sources: HashMap<reads::Version, answers::Source>,
    /// Nothing is looked for before: what the server still takes is for posts.
    rest_until: Option<DateTime<Utc>>,
}

impl Mastodon {
    fn api(&self, parts: &[&str]) -> Url {
        let mut url = self.server.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().push("api").extend(parts);
        }
        url.set_query(None);
        url
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failure(&self, answer: &Answer) -> Failure {
        answers::failure(answer, (self.clock)(), self.token.expose_secret())
    }

    async fn get(&self, url: &Url) -> Result<Answer, Trouble> {
        self.http.call(Request::get(url.as_str()).bearer(&self.token)).await
    }

    /// Reads, with everything that is not a full answer as a sentence.
    async fn look<T: serde::de::DeserializeOwned>(&self, url: &Url) -> Result<(T, Answer), String> {
        self.read(self.get(url).await.map_err(|trouble| trouble.to_string())?)
    }

    fn read<T: serde::de::DeserializeOwned>(&self, answer: Answer) -> Result<(T, Answer), String> {
        if answer.status != 200 {
            return Err(self.failure(&answer).to_string());
        }
        Ok((answer.json()?, answer))
    }

    /// What the server says of itself; asked again at each check.
    async fn ask(&self) -> Result<Server, String> {
        let answer = self.get(&self.api(&["v2", "instance"])).await.map_err(|t| t.to_string())?;
        let told = match answer.status {
            200 => answer.json()?,
            404 => self.look::<Value>(&self.api(&["v1", "instance"])).await?.0,
            _ => return Err(self.failure(&answer).to_string()),
        };
        let server = Server::read(&told).ok_or("the server does not say what it is; look at its address")?;
        self.known().server = Some(server.clone());
        Ok(server)
    }

    /// The server, if it is known or tells; a post is tried all the same.
    async fn server(&self) -> Option<Server> {
        let known = self.known().server.clone();
        match known {
            Some(server) => Some(server),
            None => self.ask().await.ok(),
        }
    }

    async fn account(&self) -> Result<String, String> {
        if let Some(id) = self.known().account.clone() {
            return Ok(id);
        }
        let (account, _) = self.look::<Account>(&self.api(&["v1", "accounts", "verify_credentials"])).await?;
        self.known().account = Some(account.id.clone());
        Ok(account.id)
    }
}

/// The post as the server gets it: JSON, because some servers publish an empty post from a form.
fn content(post: &Rendition, media: &[String], visibility: &str, after: Option<&String>) -> Value {
    let mut content = json!({
        "status": post.text,
        "visibility": visibility,
        "language": post.language,
        "sensitive": post.title.is_some(),
    });
    if let Some(title) = &post.title {
        content["spoiler_text"] = title.as_str().into();
    }
    if !media.is_empty() {
        content["media_ids"] = media.into();
    }
    if let Some(id) = after {
        content["in_reply_to_id"] = id.as_str().into();
    }
    content
}

#[async_trait]
impl Channel for Mastodon {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        self.publish_parts(job, pass).await
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        self.find(job).await
    }

    async fn revise(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        self.change(job, of, pass).await
    }

    async fn read_revised(&self, job: &Job, of: &Revised) -> Sighting {
        self.seen_changed(job, of).await
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        if !job.rendition.more.is_empty() {
            return self.delete_parts(job, remote_id).await.unwrap_or_else(Retraction::StillLive);
        }
        // Words are no proof that a post is ours; whoever knows all deliveries looks before.
        let Some(id) = remote_id else { return Retraction::StillLive(NOT_OURS.to_owned()) };
        self.delete(id).await.unwrap_or_else(Retraction::StillLive)
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
        self.known().server.as_ref().map(Server::limits)
    }

    fn scheduler(&self) -> Option<&dyn Scheduler> {
        Some(self)
    }
}

#[cfg(test)]
#[path = "mastodon_changes_tests.rs"]
mod changes_tests;
#[cfg(test)]
#[path = "mastodon_kinds.rs"]
mod kinds;
#[cfg(test)]
#[path = "mastodon_reads_tests.rs"]
mod reads_tests;
#[cfg(test)]
#[path = "mastodon_server.rs"]
mod server;
#[cfg(test)]
#[path = "mastodon_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "mastodon_thread_tests.rs"]
mod thread_tests;
#[cfg(test)]
#[path = "mastodon_watch_tests.rs"]
mod watch_tests;
