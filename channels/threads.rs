//! Adapter `threads`: posts of an account on Threads.
//!
//! Facts: <https://developers.facebook.com/docs/threads/posts>, `threads/reference/publishing`,
//! `threads/troubleshooting` (the states of a container), `threads/reference/user` and
//! `threads/retrieve-and-manage-posts` for lists and removals.
//!
//! A post has two steps. A container is made, which nobody sees; then it is published. Its number is written
//! down before the second step ([`Pass::keep`]), so that every later attempt and every look knows it:
//! `PUBLISHED` proves that the post is out, `FINISHED` that it is not yet, and `EXPIRED` and `ERROR` that it
//! never will be; what is not out is believed five minutes after the attempt, which is how long Threads says to
//! ask for the state. An attempt without a container never came to the second step. Every attempt publishes
//! the same container as long as that can be published.
//!
//! Not tried on a real account, and told by no document: that a container which is published twice makes one
//! post only, and that its state is up to date at once. Neither is relied on alone: the state is read before
//! the container is published again, twice and minutes later when the answer was lost. Told by no
//! document either: what is answered for a post that is gone (its absence from the account's posts is asked
//! for as well), and that the token may go in a header, as with Meta's other APIs.
//!
//! When the answer to the second step is lost, the post's own number stays unknown: the container does not
//! tell it. Such a post is looked for by its words when it is to be taken down.
//!
//! A thread of several parts is in `threads_thread.rs`.
//!
//! Threads makes a mention of each `@name`, a topic of a `#word`, and shows a preview of the first link; it
//! has no way to switch that off.
//!
//! What people plan in Threads itself (announced by the head of Instagram in December 2024) no call lists.
//!
//! Threads fetches pictures from this service, at addresses that live for the attempt ([`crate::Job::media_urls`]); see
//! `threads_container.rs`. A text without pictures needs no such address.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::graph::fetched::{can_fetch, without_addresses};
use crate::graph::{self, id_of, is_id, is_not_there, not_told, of};
use crate::graph_api::Api;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, Pass, PictureLimits, Pins,
    ReadBack, Receipt, Replay, Retraction, Setting, Sighting, Ways, text, watch,
};

#[path = "threads_container.rs"]
mod container;
#[path = "threads_found.rs"]
mod found;
#[path = "threads_thread.rs"]
mod thread;
#[path = "threads_watch.rs"]
mod watching;

use container::State;
use thread::Place;

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "threads",
    title: "Threads",
    capabilities: Capabilities {
        replay: Replay::HandleFirst,
        read_back: ReadBack::Step,
        retract: true,
        media: true,
        starts_only: false,
        revises: None,
        pins: Pins::None,
        fetches: true,
        watches: true,
        sweeps: false,
        publishes: true,
        concurrency: 1,
    },
    limits: Limits {
        text: Some(500),
        unit: Unit::Threads,
        text_bytes: None,
        title: None,
        title_needed: false,
        media: 20,
        media_bytes: 8_000_000,
        media_all: None,
        alt: Some(1_000),
        parts: 10,
        cards: false,
        pictures: PictureLimits {
            forms: &["image/jpeg", "image/png"],
            other_form: "has another format than JPEG or PNG, which are all that Threads takes",
            ..PictureLimits::ANY
        },
    },
    settings: &[
        Setting {
            name: "user",
            help: "The account's number; a check says it when it is wrong",
            required: true,
            private: false,
        },
        Setting {
            name: "version",
            help: "The version of the API; otherwise v1.0",
            required: false,
            private: false,
        },
        Setting {
            name: "server",
            help: "Another server of the API; otherwise https://graph.threads.net",
            required: false,
            private: false,
        },
        watch::OFF,
    ],
    frame: None,
    ways: Ways { looks_every: Some(5), plans_unseen: true, ..Ways::USUAL },
    connect,
};

pub(crate) const SERVER: &str = "https://graph.threads.net";
const VERSION: &str = "v1.0";
fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let user = connection.setting("user")?;
    if !is_id(&user) {
        return Err("the setting user: write the account's number".to_owned());
    }
    let server = connection.url_or("server", SERVER)?;
    let is_fetched = connection.public_url.as_ref().is_some_and(|own| can_fetch(own, &server));
    Ok(Box::new(Threads { api: Api::new(connection, SERVER, VERSION)?, user, is_fetched }))
}

struct Threads {
    api: Api,
    user: String,
    /// Whether Meta can fetch pictures from this service.
    is_fetched: bool,
}

impl Threads {
    /// The step that the public sees.
    async fn reveal(&self, place: &Place<'_>, container: &str, pass: &Pass) -> Result<Receipt, Failure> {
        let is_first = place.known != Some(container);
        let request = self.api.post(&[&self.user, "threads_publish"], &[("creation_id", container)]);
        let (failure, said) = match self.api.make(request, pass).await {
            Ok(told) => {
                let id = told["id"].as_str().filter(|id| is_id(id));
                let id =
                    id.ok_or_else(|| Failure::InDoubt { reason: "the answer names no post".to_owned() })?;
                let url = self.api.link(id, "permalink").await;
                return Ok(Receipt { remote_id: of(&self.user, id), url, note: None });
            }
            // It is not there yet, although it was said to be ready: nothing was done.
            Err((_, Some(answer))) if is_not_there(&answer) => {
                (not_told(answer.refused("Threads is still preparing the post", None)), None)
            }
            // Nothing of it has left, and no earlier attempt had this container.
            Err((failure @ Failure::Rejected { .. }, None)) if is_first => return Err(failure),
            Err((failure, answer)) => (failure, answer.as_ref().and_then(graph::said)),
        };
        let Failure::Rejected { reason, retry } = failure else { return Err(failure) };
        // A container that is out already is perhaps refused: then it is no refusal of the post. What is said
        // not to be out is believed of a container that nobody published before and whose state says so too; of
        // another one later.
        match self.state(container).await {
            Ok(State::Out) => Ok(self.out()),
            Ok(State::Ready | State::Preparing | State::Dead) if is_first => {
                Err(Failure::Rejected { reason, retry })
            }
            Err(_) if is_first && graph::is_certain(said, retry) => Err(Failure::Rejected { reason, retry }),
            _ => Err(Failure::InDoubt { reason }),
        }
    }

    async fn publish_one(&self, job: &Job, place: &Place<'_>, pass: &Pass) -> Result<Receipt, Failure> {
        match place.prepared(self.prepare(job, place, pass)).await? {
            (_, State::Out) => Ok(self.out()),
            (container, _) => self.reveal(place, &container, pass).await,
        }
    }

    /// The receipt of a post that is out and whose number is not known.
    fn out(&self) -> Receipt {
        Receipt { remote_id: String::new(), url: None, note: None }
    }

    async fn inspect(&self) -> Result<Health, String> {
        let told = self.api.ask(&["me"], &[("fields", "id,username")]).await;
        let told: Value = told.map_err(|failure| failure.to_string())?.json()?;
        let id = told["id"].as_str().filter(|id| is_id(id)).ok_or("Threads does not name the account")?;
        let name = text::shown(told["username"].as_str().unwrap_or_default());
        Ok(Health::seen_on(&format!("@{name}"), Some(id), self.inspect_user(id, &name)).await)
    }

    /// What the token of that account may do on the account of the settings.
    async fn inspect_user(&self, id: &str, name: &str) -> Result<Health, String> {
        if id != self.user {
            return Err(format!("the access token is of @{name}; its number for the setting user is {id}"));
        }
        let posts = self.api.posts_left(&[&self.user, "threads_publishing_limit"]).await?;
        let health = Health::ready(match self.is_fetched {
            true => format!("posts as @{name} on Threads"),
            false => format!(
                "posts as @{name} on Threads, texts alone: pictures are fetched from public_url, which is not reached \
                 from the internet"
            ),
        });
        Ok(self.api.with_token(health.takes(posts), NEEDED).await)
    }
}

/// Permissions without which no post can be made.
pub(crate) const NEEDED: &[&str] = &["threads_basic", "threads_content_publish"];
/// To take a post down, and for threads of several parts.
pub(crate) const BESIDES: &[&str] = &["threads_delete", "threads_manage_replies", "threads_read_replies"];

#[async_trait]
impl Channel for Threads {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        container::few_links(&job.rendition)?;
        let done = match job.rendition.more.is_empty() {
            true => {
                let known = job.handle.as_deref().and_then(|handle| id_of(&self.user, handle));
                self.publish_one(job, &Place::alone(known), pass).await
            }
            false => self.publish_parts(job, pass).await,
        };
        done.map_err(|failure| without_addresses(failure, &job.media_urls))
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        match job.rendition.more.is_empty() {
            true => self.find_one(job).await,
            false => self.find_parts(job).await.unwrap_or_else(Sighting::Unknown),
        }
    }

    async fn by_words(&self, job: &Job, remote_id: Option<&str>) -> Option<Sighting> {
        self.named(job, remote_id).await
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        let removed = match job.rendition.more.is_empty() {
            true => self.remove(job, remote_id, None).await,
            false => self.remove_parts(job, remote_id).await,
        };
        removed.unwrap_or_else(Retraction::StillLive)
    }

    async fn watch(&self, since: DateTime<Utc>) -> Result<Option<watch::Account>, String> {
        self.newest(since).await.map(Some)
    }

    async fn check(&self) -> Health {
        self.inspect().await.into()
    }
}

#[cfg(test)]
#[path = "threads_illustrated_tests.rs"]
mod illustrated_tests;
#[cfg(test)]
#[path = "threads_pictures_tests.rs"]
mod pictures_tests;
#[cfg(test)]
#[path = "threads_server.rs"]
mod server;
#[cfg(test)]
#[path = "threads_slow_tests.rs"]
mod slow_tests;
#[cfg(test)]
#[path = "threads_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "threads_thread_tests.rs"]
mod thread_tests;
#[cfg(test)]
#[path = "threads_watch_tests.rs"]
mod watch_tests;
