//! Adapter `discord_bot`: posts of a bot in one channel of Discord.
//!
//! Signing in at Discord gives no token of a bot: the scope `bot` with its `permissions` puts it on a server, and its token is on the
//! developer portal alone (<https://docs.discord.com/developers/platform/oauth2-and-permissions>). So it is typed.
//!
//! Facts: <https://docs.discord.com/developers/resources/message> (making, listing and deleting messages),
//! `resources/channel`, `resources/guild`, `reference` (ids hold their time) and `topics/rate-limits` there.
//! What a post looks like is shared with the webhook ([`crate::discord_post`]).
//!
//! Unlike a webhook, a bot can read its channel. Each post has a nonce, the same one for each attempt at a
//! delivery, and Discord gives the first message again for it "in the past few minutes". How many these are is
//! not said, so it is never relied on. Whether the nonce is told of a message that is read later is not said
//! either, and others found that it is not: a doubt is read back by the words among the bot's own messages
//! since the first attempt. That none is there proves nothing. A bot reads its own messages whatever intents
//! it has; without the permission to read the history Discord gives an empty list, so the check asks for it.
//! In which order a list that begins after a message comes is told only within one page: each page is turned
//! by the greatest id in it.
//!
//! A text that its author has parted is a chain of replies (`discord_bot_thread.rs`). A webhook can answer no message, and
//! what others write would stand between its posts, so it has no threads.
//!
//! A bot takes its own messages down by their id. The permissions of the bot are computed by the check; a
//! post into a private thread that the bot is no member of is refused only when it is tried. Many refusals of
//! a token (401) have Discord shut out the whole machine, so a check ends at the first one.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::discord_answers::{Who, is_id, is_no_more};
use crate::discord_post::{AGENT, Message, VERSION};
use crate::http::{Answer, Http, Request};
use crate::known::Known;
use crate::message::Doing;
use crate::{
    Adapter, Channel, Clock, Connection, Failure, Health, Job, Limits, NOT_OURS, Pass, Pictures, Pinned,
    Pins, ReadBack, Receipt, Replay, Retraction, Revised, Revising, Setting, Sighting, Ways, discord, watch,
};

#[path = "discord_bot_check.rs"]
mod check;
#[path = "discord_bot_watch.rs"]
mod newest;
#[path = "discord_bot_pin.rs"]
mod pin;
#[path = "discord_bot_reads.rs"]
mod reads;
#[path = "discord_bot_revise.rs"]
mod revise;
#[path = "discord_bot_thread.rs"]
mod thread;

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "discord_bot",
    title: "Discord (bot)",
    capabilities: crate::Capabilities {
        replay: Replay::TimedKey,
        read_back: ReadBack::Words,
        retract: true,
        media: true,
        starts_only: false,
        revises: Some(Revising { pictures: Pictures::Kept, readable: true }),
        pins: Pins::Several,
        fetches: false,
        watches: true,
        sweeps: false,
        publishes: true,
        concurrency: 1,
    },
    limits: Limits { parts: 10, ..discord::ADAPTER.limits },
    settings: &[
        Setting {
            name: "channel",
            help: "The id of the channel, or of a thread in it",
            required: true,
            private: false,
        },
        Setting {
            name: "server",
            help: "Another server of the API; otherwise https://discord.com",
            required: false,
            private: false,
        },
        watch::OFF,
    ],
    frame: None,
    ways: Ways::USUAL,
    connect,
};

pub(crate) const SERVER: &str = "https://discord.com";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let channel = connection.setting("channel")?;
    if !is_id(&channel) {
        return Err("the setting channel: write the channel's number".to_owned());
    }
    let server = connection.url_or("server", SERVER)?;
    let token = connection.secret()?.expose_secret().trim().to_owned();
    if token.is_empty() || !token.chars().all(|c| c.is_ascii_graphic()) {
        return Err("the credential: copy the bot's token alone, without a word before it".to_owned());
    }
    let (http, clock) = (Arc::clone(&connection.http), Arc::clone(&connection.clock));
    let token = token.into();
    let (me, guild) = (Known::default(), Known::default());
    Ok(Box::new(Bot { server, channel, token, http, clock, me, guild }))
}

struct Bot {
    server: Url,
    channel: String,
    token: SecretString,
    http: Arc<Http>,
    clock: Clock,
    me: Known<Me>,
    /// The id of the server that the channel is on.
    guild: Known<String>,
}

/// Whom the token stands for.
#[derive(Debug, Clone, Deserialize)]
struct Me {
    id: String,
    username: String,
}

impl Bot {
    fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.server.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(["api", VERSION]).extend(parts);
        }
        url.set_query(None);
        url
    }

    /// With what each request needs.
    fn signed(&self, request: Request) -> Request {
        request.header("user-agent", AGENT).authorised("Bot", &self.token)
    }

    fn failure(&self, answer: &Answer, doing: Doing) -> Failure {
        Who::Bot.failure(answer, self.token.expose_secret(), doing)
    }

    /// What Discord says of something.
    async fn ask<T: DeserializeOwned>(&self, url: &Url) -> Result<T, String> {
        self.asked(url).await?.json()
    }

    /// As [`Bot::ask`], whole.
    async fn asked(&self, url: &Url) -> Result<Answer, String> {
        let request = self.signed(Request::get(url.as_str()));
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        match answer.status {
            200 => Ok(answer),
            _ => Err(self.failure(&answer, Doing::Ask).to_string()),
        }
    }

    /// What a receipt names a post by: a message is looked for in its channel.
    fn receipt(message: &Message, guild: Option<String>) -> Receipt {
        Receipt {
            remote_id: format!("{}:{}", message.channel_id, message.id),
            url: guild.map(|guild| message.link(&guild)),
            note: None,
        }
    }

    /// The id of the server, if it is known, or told soon.
    async fn server_of_channel(&self) -> Option<String> {
        let ask = async {
            let told: Value = self.ask(&self.url(&["channels", &self.channel])).await.ok()?;
            told["guild_id"].as_str().filter(|id| is_id(id)).map(str::to_owned)
        };
        self.guild.learn(ask).await
    }

    async fn delete(&self, remote_id: &str) -> Result<Retraction, String> {
        let (channel, id) = thread::parts(remote_id).ok_or(NOT_OURS)?;
        let url = self.url(&["channels", channel, "messages", id]);
        let answer = self.http.call(self.signed(Request::delete(url.as_str()))).await;
        match answer.map_err(|trouble| trouble.to_string())? {
            answer if answer.status == 204 => Ok(Retraction::Gone),
            // Somebody else took it down.
            answer if is_no_more(&answer) => Ok(Retraction::Gone),
            answer => Err(self.failure(&answer, Doing::TakeDown).to_string()),
        }
    }
}

/// The same for each attempt at that part of a delivery; it has at most 25 characters.
fn nonce(job: &Job, n: usize) -> String {
    let id = URL_SAFE_NO_PAD.encode(job.delivery.as_bytes());
    if n == 0 { id } else { format!("{id}.{n}") }
}

#[async_trait]
impl Channel for Bot {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        self.publish_parts(job, pass).await
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        self.look(job).await.unwrap_or_else(Sighting::Unknown)
    }

    async fn revise(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        self.change(job, of, pass).await
    }

    async fn read_revised(&self, job: &Job, of: &Revised) -> Sighting {
        self.seen_changed(job, of).await
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        self.delete_parts(job, remote_id).await.unwrap_or_else(Retraction::StillLive)
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
}

#[cfg(test)]
#[path = "discord_bot_changes_tests.rs"]
mod changes_tests;
#[cfg(test)]
#[path = "discord_bot_server.rs"]
mod server;
#[cfg(test)]
#[path = "discord_bot_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "discord_bot_watch_tests.rs"]
mod watch_tests;
