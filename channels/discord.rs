//! Adapter `discord`: posts of a webhook in a Discord channel.
//!
//! Facts: <https://discord.com/developers/docs/resources/webhook>,
//! <https://discord.com/developers/docs/resources/message>, `reference` (uploading files) and
//! `topics/rate-limits` there. The address is the secret, so no error shows a path. Without `wait=true`
//! the answer would name no post, and a post that is not kept would be no error.
//!
//! A webhook has no key against repetition, and finds a post only by its id: a doubt is for people. With
//! the id of its receipt a post is taken down.
//!
//! Nobody is called by a post (`allowed_mentions`). Discord makes marks such as `*` into a form of the
//! text; the words are those that were approved.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::http::{Answer, Http, Request};
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, Pass, ReadBack, Receipt,
    Replay, Retraction, Setting, Sighting, text,
};

#[path = "discord_answers.rs"]
mod answers;
#[path = "discord_parts.rs"]
mod parts;

use answers::{failure, is_id};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "discord",
    title: "Discord",
    capabilities: Capabilities {
        replay: Replay::None,
        read_back: ReadBack::None,
        retract: true,
        media: true,
        concurrency: 1,
    },
    limits: Limits {
        // In which unit it is counted is not said; this one gives the most.
        text: Some(2_000),
        unit: Unit::Utf16,
        text_bytes: None,
        title: None,
        title_needed: false,
        // Ten files of one message, and 25 MiB of one request.
        media: 4,
        media_bytes: 5 << 20,
        alt: Some(1_024),
    },
    settings: &[
        Setting {
            name: "url",
            help: "The webhook's address, from the channel's settings under Integrations",
            required: true,
            private: true,
        },
        Setting {
            name: "thread",
            help: "The id of a thread in that channel, if the posts belong into one",
            required: false,
            private: false,
        },
    ],
    connect,
};

/// How long a post waits to learn the server's id, for its link.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 5 });

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let mut url = connection.url("url")?;
    url.set_query(None);
    url.set_fragment(None);
    let (id, token) = parts_of(&url).ok_or(
        "the setting url: copy the webhook's whole address, https://discord.com/api/webhooks/NUMBER/TOKEN",
    )?;
    let thread = connection.setting("thread").ok();
    if thread.as_deref().is_some_and(|id| !is_id(id)) {
        return Err("the setting thread: write the thread's number".to_owned());
    }
    let http = Arc::clone(&connection.http);
    Ok(Box::new(Discord { url, id, token, thread, http, guild: Mutex::default() }))
}

/// Id and token at the end of a webhook's address.
fn parts_of(url: &Url) -> Option<(String, String)> {
    let parts: Vec<&str> = url.path_segments()?.collect();
    let [.., "webhooks", id, token] = parts.as_slice() else { return None };
    let of = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let right = is_id(id) && !token.is_empty() && token.chars().all(of);
    right.then(|| ((*id).to_owned(), (*token).to_owned()))
}

struct Discord {
    url: Url,
    id: String,
    /// The secret part of the address.
    token: String,
    thread: Option<String>,
    http: Arc<Http>,
    /// The id of the server that the channel is on.
    guild: Mutex<Option<String>>,
}

/// What Discord says of a webhook.
#[derive(Deserialize)]
struct Webhook {
    name: Option<String>,
    guild_id: Option<String>,
}

/// A message, as far as it is read.
#[derive(Deserialize)]
struct Message {
    id: String,
    channel_id: String,
}

impl Discord {
    /// The webhook's address in a thread.
    fn address(&self, thread: Option<&str>) -> Url {
        let mut url = self.url.clone();
        if let Some(thread) = thread {
            url.query_pairs_mut().append_pair("thread_id", thread);
        }
        url
    }

    /// What a receipt names a post by: the webhook, because no other one finds the post, the thread if there
    /// is one, and the post.
    fn remote_id(&self, message: &str) -> String {
        let parts = [Some(self.id.as_str()), self.thread.as_deref(), Some(message)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(":")
    }

    /// The address of a post, if this webhook made it.
    fn post_of(&self, remote_id: &str) -> Option<Url> {
        let parts: Vec<&str> = remote_id.split(':').collect();
        let (thread, message) = match parts.as_slice() {
            [id, message] if *id == self.id => (None, message),
            [id, thread, message] if *id == self.id && is_id(thread) => (Some(*thread), message),
            _ => return None,
        };
        let mut url = self.address(thread);
        url.path_segments_mut().ok()?.push("messages").push(message);
        is_id(message).then_some(url)
    }

    fn failure(&self, answer: &Answer) -> Failure {
        failure(answer, &self.token)
    }

    /// What Discord says of the webhook. It needs no more than its address.
    async fn ask(&self) -> Result<Webhook, String> {
        let request = Request::get(self.url.as_str());
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        if answer.status != 200 {
            return Err(self.failure(&answer).to_string());
        }
        let webhook: Webhook = answer.json()?;
        let guild = webhook.guild_id.clone().filter(|id| is_id(id));
        *self.guild.lock().unwrap_or_else(PoisonError::into_inner) = guild;
        Ok(webhook)
    }

    async fn guild(&self) -> Option<String> {
        let known = || self.guild.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if known().is_none() {
            let _ = tokio::time::timeout(PATIENCE, self.ask()).await;
        }
        known()
    }

    fn request(&self, job: &Job) -> Request {
        let mut url = self.address(self.thread.as_deref());
        url.query_pairs_mut().append_pair("wait", "true");
        let request = Request::post(url.as_str());
        let content = content(job);
        if job.media.is_empty() {
            return request.json(&content);
        }
        let (mime, body) = parts::form(&content, &job.rendition.media, &job.media);
        request.body(&mime, body)
    }
}

/// The post as the API takes it.
fn content(job: &Job) -> Value {
    let mut content = json!({ "content": job.rendition.text, "allowed_mentions": { "parse": [] } });
    if !job.rendition.media.is_empty() {
        let all = job.rendition.media.iter().enumerate();
        let all: Vec<Value> = all
            .map(|(n, m)| json!({ "id": n, "filename": parts::name(n, &m.mime), "description": m.alt }))
            .collect();
        content["attachments"] = all.into();
    }
    content
}

#[async_trait]
impl Channel for Discord {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let guild = self.guild().await;
        let answer =
            self.http.send(self.request(job), pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(self.failure(&answer));
        }
        let message: Message = answer.json().map_err(|reason| Failure::InDoubt { reason })?;
        if !is_id(&message.id) {
            return Err(Failure::InDoubt { reason: "the answer names no post".to_owned() });
        }
        let link =
            |guild| format!("https://discord.com/channels/{guild}/{}/{}", message.channel_id, message.id);
        let url = guild.filter(|_| is_id(&message.channel_id)).map(link);
        Ok(Receipt { url, remote_id: self.remote_id(&message.id), note: None })
    }

    async fn read_back(&self, _: &Job) -> Sighting {
        Sighting::Unknown("a Discord webhook cannot read its channel".to_owned())
    }

    async fn retract(&self, _: &Job, remote_id: Option<&str>) -> Retraction {
        let Some(url) = remote_id.and_then(|id| self.post_of(id)) else {
            return Retraction::StillLive(
                "a webhook finds a post by its id alone, and only its own; take it down by hand".to_owned(),
            );
        };
        let request = Request::delete(url.as_str());
        match self.http.call(request).await {
            Err(trouble) => Retraction::StillLive(trouble.to_string()),
            Ok(answer) if answer.status == 204 || answers::is_no_more(&answer) => Retraction::Gone,
            Ok(answer) => Retraction::StillLive(self.failure(&answer).to_string()),
        }
    }

    async fn check(&self) -> Health {
        match self.ask().await {
            Ok(webhook) => {
                let name = text::shown(webhook.name.as_deref().unwrap_or_default());
                Health { ready: true, detail: format!("posts as the webhook {name}") }
            }
            Err(detail) => Health { ready: false, detail },
        }
    }
}

#[cfg(test)]
#[path = "discord_tests.rs"]
mod tests;
