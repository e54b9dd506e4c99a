//! Adapter `mastodon`: posts on Mastodon and servers that speak its API (GoToSocial, Pleroma, Akkoma,
//! Hollo, Pixelfed, Firefish).
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

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::http::{Answer, Http, Request, Trouble};
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Clock, Connection, Failure, Health, Job, Limits, MediaRef, NOT_OURS,
    Pass, ReadBack, Receipt, Replay, Retraction, Retry, Setting, Sighting,
};

#[path = "mastodon_answers.rs"]
mod answers;
#[path = "mastodon_parts.rs"]
mod parts;
#[path = "mastodon_reads.rs"]
mod reads;

use answers::{Server, Software, Status};
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
    ],
    connect,
};

/// The waits for a picture that the server still works on.
const PROCESSING: [u64; 6] = [500, 1_000, 2_000, 4_000, 8_000, 8_000];

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let server = connection.url("server")?;
    let visibility = connection.setting("visibility").unwrap_or_else(|_| "public".to_owned());
    if !matches!(visibility.as_str(), "public" | "unlisted" | "private") {
        return Err("the setting visibility: write public, unlisted or private".to_owned());
    }
    let warning = match connection.setting("warning").as_deref() {
        Err(_) => false,
        Ok("title") => true,
        Ok(_) => return Err("the setting warning: write title, or leave it empty".to_owned()),
    };
    let token = connection.secret()?.clone();
    let (http, clock) = (Arc::clone(&connection.http), Arc::clone(&connection.clock));
    Ok(Box::new(Mastodon { server, visibility, warning, token, http, clock, known: Mutex::default() }))
}

struct Mastodon {
    server: Url,
    visibility: String,
    warning: bool,
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
        let answer = self.get(url).await.map_err(|trouble| trouble.to_string())?;
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
        let server = Server::read(&told);
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

    /// Uploads the pictures. Nobody sees them until a post names them.
    async fn upload(&self, job: &Job, alt: usize, pass: &Pass) -> Result<Vec<String>, Failure> {
        let mut ids = Vec::new();
        if job.rendition.media.iter().any(|m| m.alt.chars().count() > alt) {
            // The server would cut them without a word.
            let reason = format!("the words of a picture are too long; the limit is {alt}");
            return Err(Failure::Rejected { reason, retry: Retry::Never });
        }
        for (picture, bytes) in job.rendition.media.iter().zip(&job.media) {
            ids.push(self.upload_one(picture, bytes, pass).await?);
        }
        Ok(ids)
    }

    async fn upload_one(&self, picture: &MediaRef, bytes: &[u8], pass: &Pass) -> Result<String, Failure> {
        #[derive(Deserialize)]
        struct Media {
            id: String,
        }
        let (mime, content) = parts::upload(picture, bytes);
        let url = self.api(&["v2", "media"]);
        let request = Request::post(url.as_str()).bearer(&self.token).body(&mime, content);
        let answer = self.http.send(request, pass).await.map_err(no_effect)?;
        if !answer.is_success() {
            return Err(self.failure(&answer).without_effect());
        }
        let media: Media = answer.json().map_err(unread)?;
        if answer.status != 202 {
            return Ok(media.id);
        }
        for wait in PROCESSING {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            let answer = self.get(&self.api(&["v1", "media", &media.id])).await.map_err(no_effect)?;
            match answer.status {
                200 => return Ok(media.id),
                206 => {}
                _ => return Err(self.failure(&answer).without_effect()),
            }
        }
        Err(unread("the server still works on a picture".to_owned()))
    }
}

/// The post as the server gets it: JSON, because some servers publish an empty post from a form.
fn content(job: &Job, media: &[String], visibility: &str) -> Value {
    let post = &job.rendition;
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
    content
}

fn no_effect(trouble: Trouble) -> Failure {
    trouble.failure(false).without_effect()
}

/// A step before the public one that did not end well.
fn unread(reason: String) -> Failure {
    Failure::Rejected { reason, retry: Retry::Backoff }
}

#[async_trait]
impl Channel for Mastodon {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let server = self.server().await;
        let media = self.upload(job, server.as_ref().map_or(1_500, |s| s.alt), pass).await?;
        let url = self.api(&["v1", "statuses"]);
        let mut request = Request::post(url.as_str()).bearer(&self.token);
        if server.is_none_or(|s| s.software != Software::Pleroma) {
            request = request.header("idempotency-key", &job.idempotency_key);
        }
        let request = request.json(&content(job, &media, &self.visibility));
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(self.failure(&answer));
        }
        let status = answer.json::<Status>().map_err(|reason| Failure::InDoubt { reason })?;
        Ok(answers::receipt(status, &self.visibility))
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        self.find(job).await
    }

    async fn retract(&self, _job: &Job, remote_id: Option<&str>) -> Retraction {
        // Words are no proof that a post is ours; whoever knows all deliveries looks before.
        let Some(id) = remote_id else { return Retraction::StillLive(NOT_OURS.to_owned()) };
        self.delete(id).await.unwrap_or_else(Retraction::StillLive)
    }

    async fn check(&self) -> Health {
        match self.inspect().await {
            Ok(detail) => Health { ready: true, detail },
            Err(detail) => Health { ready: false, detail },
        }
    }

    fn limits(&self) -> Option<Limits> {
        self.known().server.as_ref().map(|server| server.limits(self.warning))
    }
}

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
