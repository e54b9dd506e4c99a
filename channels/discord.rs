//! Adapter `discord`: posts of a webhook in a Discord channel.
//!
//! Facts: <https://docs.discord.com/developers/resources/webhook> and `message`, `reference` (version of
//! the API, user agent, uploading files) and `topics/rate-limits` there. Without `wait=true` the answer
//! would name no post, and a post that is not kept would be no error.
//!
//! The address of the webhook is its secret, so it is the credential, and no error shows its path. A
//! pasted address names no version of the API, or an old one, in which a wait counts milliseconds: calls
//! name version 10.
//!
//! A webhook has no key against repetition, and finds a post only by its id: a doubt is for people. With
//! the id of its receipt a post is taken down. A webhook looks for it in one place: in the thread that is
//! named, or in the channel that it belongs to now. It can be moved, so the receipt names the place, and
//! that no post is found there proves something only where the webhook is still in that channel.
//!
//! A webhook answers no message: its API takes no `message_reference`, and what others write would stand between the parts of a
//! text. So a parted text is one post here.
//!
//! Nobody is called by a post (`allowed_mentions`), marks are escaped so that Discord shows the words that
//! were approved ([`discord_text`]), and links have no preview, because it would show words that nobody
//! approved.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use crate::discord_answers::{Who, is_id, is_no_more};
use crate::discord_post::{AGENT, Message, VERSION, content, filled};
use crate::http::{Answer, Http, Request};
use crate::known::Known;
use crate::message::Doing;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, Pass, PictureLimits, Pictures,
    Pins, ReadBack, Receipt, Replay, Retraction, Revised, Revising, Setting, Sighting, Ways, leads, text,
};

#[path = "discord_revise.rs"]
mod revise;

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "discord",
    title: "Discord",
    capabilities: Capabilities {
        replay: Replay::None,
        read_back: ReadBack::None,
        retract: true,
        media: true,
        starts_only: false,
        revises: Some(Revising { pictures: Pictures::Kept, readable: true }),
        pins: Pins::None,
        fetches: false,
        watches: false,
        sweeps: false,
        publishes: true,
        concurrency: 1,
    },
    limits: Limits {
        // In which unit it is counted is not said; UTF-16 gives the most.
        text: Some(2_000),
        unit: Unit::Discord,
        text_bytes: None,
        title: None,
        title_needed: false,
        // Ten files of one message, and 25 MiB of one request.
        media: 4,
        media_bytes: 5 << 20,
        media_all: None,
        alt: Some(1_024),
        parts: 1,
        cards: false,
        pictures: PictureLimits::ANY,
    },
    settings: &[Setting {
        name: "thread",
        help: "The id of a thread in that channel, if the posts go into one",
        required: false,
        private: false,
    }],
    frame: None,
    ways: Ways::USUAL,
    connect,
};

const ADDRESS: &str =
    "the credential: copy the webhook's whole address, https://discord.com/api/webhooks/NUMBER/TOKEN";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let mut url = connection.address(ADDRESS)?;
    let (id, token) = parts_of(&url).ok_or(ADDRESS)?;
    let pasted = url.query_pairs().find(|(name, _)| name == "thread_id").map(|(_, id)| id.into_owned());
    let thread = match (connection.setting("thread").ok(), pasted) {
        (Some(set), Some(pasted)) if set != pasted => {
            return Err("the setting thread: the webhook's address names another thread".to_owned());
        }
        (set, pasted) => set.or(pasted),
    };
    if thread.as_deref().is_some_and(|id| !is_id(id)) {
        return Err("the setting thread: write the thread's number".to_owned());
    }
    let shown = leads(url.as_str());
    url.set_query(None);
    url.set_fragment(None);
    url.set_path(&format!("/api/{VERSION}/webhooks/{id}/{token}"));
    let http = Arc::clone(&connection.http);
    Ok(Box::new(Discord { url, shown, id, token, thread, http, guild: Known::default() }))
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
    /// The address without its secret.
    shown: String,
    id: String,
    /// The secret part of the address.
    token: String,
    thread: Option<String>,
    http: Arc<Http>,
    /// The id of the server that the channel is on.
    guild: Known<String>,
}

/// What Discord says of a webhook.
#[derive(Deserialize)]
struct Webhook {
    name: Option<String>,
    guild_id: Option<String>,
    channel_id: Option<String>,
}

impl Webhook {
    /// Where it posts: a grant makes another webhook, in the room that a person chooses. Empty: it does not say.
    fn room(&self) -> String {
        let id = |id: &Option<String>| id.as_deref().filter(|id| is_id(id)).map(str::to_owned);
        match (id(&self.guild_id), id(&self.channel_id)) {
            (Some(server), Some(channel)) => format!("{server}/{channel}"),
            (_, channel) => channel.unwrap_or_default(),
        }
    }
}

/// Where a webhook looks for a post.
#[derive(Clone, Copy)]
enum Place<'a> {
    Thread(&'a str),
    /// The webhook's own channel, when it posted.
    Channel(&'a str),
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

    /// What a receipt names a post by: the webhook, because no other one finds the post, the place, and the
    /// post.
    fn remote_id(&self, message: &Message) -> String {
        let place =
            self.thread.as_ref().map_or_else(|| message.channel_id.clone(), |t| format!("thread:{t}"));
        format!("{}:{place}:{}", self.id, message.id)
    }

    /// Where a post is, and its address, if this webhook made it.
    fn post_of<'a>(&self, remote_id: &'a str) -> Option<(Place<'a>, Url)> {
        let parts: Vec<&str> = remote_id.split(':').collect();
        let (place, message) = match parts.as_slice() {
            [id, "thread", thread, message] if *id == self.id && is_id(thread) => {
                (Place::Thread(thread), message)
            }
            [id, channel, message] if *id == self.id && is_id(channel) => (Place::Channel(channel), message),
            _ => return None,
        };
        let mut url = self.address(match place {
            Place::Thread(thread) => Some(thread),
            Place::Channel(_) => None,
        });
        url.path_segments_mut().ok()?.push("messages").push(message);
        is_id(message).then_some((place, url))
    }

    /// What it means that the webhook finds no post of that id in the place.
    async fn missing(&self, place: Place<'_>) -> Retraction {
        let Place::Channel(channel) = place else { return Retraction::Gone };
        match self.ask().await {
            Ok(webhook) if webhook.channel_id.as_deref() == Some(channel) => Retraction::Gone,
            Ok(_) => Retraction::StillLive(
                "the webhook was moved to another channel, and finds no post of the one before; \
                 take it down by hand"
                    .to_owned(),
            ),
            Err(why) => Retraction::StillLive(why),
        }
    }

    fn failure(&self, answer: &Answer, doing: Doing) -> Failure {
        Who::Webhook.failure(answer, &self.token, doing)
    }

    /// What Discord says of the webhook. It needs no more than its address.
    async fn ask(&self) -> Result<Webhook, String> {
        let request = Request::get(self.url.as_str()).header("user-agent", AGENT);
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        if answer.status != 200 {
            return Err(self.failure(&answer, Doing::Ask).to_string());
        }
        let webhook: Webhook = answer.json()?;
        self.guild.keep(webhook.guild_id.clone().filter(|id| is_id(id)));
        Ok(webhook)
    }

    /// The post's address, if the server's id is known, or told soon. The post is out already.
    async fn link(&self, message: &Message) -> Option<String> {
        let ask = async { self.ask().await.ok().and_then(|_| self.guild.get()) };
        let guild = self.guild.learn(ask).await?;
        Some(message.link(&guild))
    }

    /// What a check saw, and what it cannot see.
    fn detail(&self, webhook: &Webhook) -> String {
        // Whatever stands in between and repeats what it was asked shows the token to nobody.
        let plain = |name: &&str| !name.contains(self.token.as_str());
        let name = text::shown(webhook.name.as_deref().filter(plain).unwrap_or("?"));
        let channel = webhook.channel_id.as_deref().filter(|id| is_id(id)).unwrap_or("?");
        let shown = &self.shown;
        let seen = format!("Posts as the webhook {name} in the channel {channel}, at {shown}.");
        match &self.thread {
            Some(thread) => format!("{seen} The thread {thread} will be tried with the first post."),
            None => seen,
        }
    }

    fn request(&self, job: &Job) -> Request {
        let mut url = self.address(self.thread.as_deref());
        url.query_pairs_mut().append_pair("wait", "true");
        let request = Request::post(url.as_str()).header("user-agent", AGENT);
        filled(request, &content(&job.rendition), &job.rendition, &job.media)
    }
}

#[async_trait]
impl Channel for Discord {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let answer =
            self.http.send(self.request(job), pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Post));
        }
        let message: Message = answer.json().map_err(|reason| Failure::InDoubt { reason })?;
        if !message.is_named() {
            return Err(Failure::InDoubt { reason: "the answer names no post".to_owned() });
        }
        let url = self.link(&message).await;
        Ok(Receipt { url, remote_id: self.remote_id(&message), note: None })
    }

    async fn read_back(&self, _: &Job) -> Sighting {
        Sighting::Unknown("a Discord webhook cannot read its channel".to_owned())
    }

    async fn revise(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        self.change(job, of, pass).await
    }

    async fn read_revised(&self, job: &Job, of: &Revised) -> Sighting {
        self.seen_changed(job, of).await
    }

    async fn retract(&self, _: &Job, remote_id: Option<&str>) -> Retraction {
        let Some((place, url)) = remote_id.and_then(|id| self.post_of(id)) else {
            return Retraction::StillLive(
                "a webhook finds a post by its id alone, and only its own; take it down by hand".to_owned(),
            );
        };
        let request = Request::delete(url.as_str()).header("user-agent", AGENT);
        match self.http.call(request).await {
            Err(trouble) => Retraction::StillLive(trouble.to_string()),
            Ok(answer) if answer.status == 204 => Retraction::Gone,
            Ok(answer) if is_no_more(&answer) => self.missing(place).await,
            Ok(answer) => Retraction::StillLive(self.failure(&answer, Doing::TakeDown).to_string()),
        }
    }

    async fn check(&self) -> Health {
        match self.ask().await {
            Ok(webhook) => Health::ready(self.detail(&webhook)).of(&webhook.room()),
            Err(detail) => Health::unready(detail),
        }
    }
}

#[cfg(test)]
#[path = "discord_tests.rs"]
mod tests;
