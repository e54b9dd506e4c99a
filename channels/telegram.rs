//! Adapter `telegram`: posts of a bot in a Telegram channel or group.
//!
//! Facts: <https://core.telegram.org/bots/api> (`sendMessage`, `deleteMessage`, `getChat`,
//! `getChatMember`, "Making requests") and <https://core.telegram.org/bots/faq> for the limits of a
//! minute. The bot's token is a part of the address, so no error shows a path.
//!
//! There is no key against repetition, and a bot cannot read what a channel shows: a doubt is for
//! people. A post is taken down by the bot that made it and by the number that its receipt names: in a
//! small group each account counts messages by itself, so the receipt names the bot, too.
//!
//! A bot takes down what it posted in the last 48 hours. Of older posts the documents say two things: that
//! none is taken down, and that the right to delete messages is enough for any. So that right is asked for,
//! and nothing is promised of posts that are older.
//!
//! "message to delete not found" is taken for gone. The same is said of a message that this bot cannot see
//! (<https://github.com/telegramdesktop/tdesktop/issues/5978>); the receipt's bot and chat keep out the numbers
//! of others. What remains: a bot that was put out of the chat and let in again, where it sees nothing from
//! before.
//!
//! Text goes out without a mode and without marks, so that Telegram shows it as it was approved; it
//! makes links of web addresses by itself, and shows no preview of them. It also makes calls of names: in
//! a group `@name` calls that account, and nothing in the API prevents it. Pictures go with the text as their caption;
//! Telegram keeps no words for those who cannot see them (`telegram_post.rs`), which approvers are told.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::http::{Answer, Http, Request};
use crate::message::Doing;
use crate::picture_limits::Shape;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, Pass, PictureLimits, Pictures,
    Pinned, Pins, ReadBack, Receipt, Replay, Retraction, Revised, Revising, Setting, Sighting, Ways, text,
};

#[path = "telegram_answers.rs"]
mod answers;
#[path = "telegram_pin.rs"]
mod pin;
#[path = "telegram_post.rs"]
mod post;
#[path = "telegram_retract.rs"]
mod retract;
#[path = "telegram_revise.rs"]
mod revise;
#[path = "telegram_thread.rs"]
mod thread;

use answers::failure;

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "telegram",
    title: "Telegram",
    capabilities: Capabilities {
        replay: Replay::None,
        read_back: ReadBack::None,
        retract: true,
        media: true,
        starts_only: false,
        revises: Some(Revising { pictures: Pictures::Kept, readable: false }),
        pins: Pins::Several,
        fetches: false,
        watches: false,
        sweeps: false,
        publishes: true,
        // About one message a second goes into one chat.
        concurrency: 1,
    },
    limits: Limits {
        // In which unit it is counted is not said; this one gives the most.
        text: Some(4_096),
        unit: Unit::Telegram,
        text_bytes: None,
        title: None,
        title_needed: false,
        media: 10,
        media_bytes: 4 << 20,
        media_all: Some(MOST_BYTES),
        alt: None,
        parts: 10,
        cards: false,
        pictures: PictureLimits {
            forms: &["image/jpeg", "image/png"],
            other_form: "has another format than JPEG or PNG, which are all that Telegram takes from here",
            // <https://core.telegram.org/bots/api#sendphoto>
            shape: Some(Shape {
                narrowest: 50,
                widest: 20_000,
                sides: Some(10_000),
                other: "Telegram takes pictures up to 20 times as long as wide, and 10,000 pixels of width and height \
                    together: make it smaller or crop it",
            }),
            ..PictureLimits::ANY
        },
    },
    settings: &[
        Setting {
            name: "chat",
            help: "The channel or group: @bank, or its number such as -1001234567890",
            required: true,
            private: false,
        },
        Setting {
            name: "server",
            help: "Your own Bot API server, if you run one; otherwise https://api.telegram.org",
            required: false,
            private: false,
        },
    ],
    frame: None,
    ways: Ways { plans_unseen: true, ..Ways::USUAL },
    connect,
};

pub(crate) const SERVER: &str = "https://api.telegram.org";

/// Most bytes of an album. It goes in one request, which has 100 seconds for so many on a slow line
/// ([`Request::paced`]). Telegram itself takes about 50 MB.
const MOST_BYTES: u64 = 20 << 20;

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let chat = chat(&connection.setting("chat")?)?;
    let server = connection.url_or("server", SERVER)?;
    let token = connection.secret()?.clone();
    if !is_token(token.expose_secret()) {
        return Err(
            "the credential: a bot's token has the form 123456:ABC-DEF; get it from @BotFather".to_owned()
        );
    }
    Ok(Box::new(Telegram { server, chat, token, http: Arc::clone(&connection.http) }))
}

/// The chat as the API takes it: a number, or a public name.
fn chat(text: &str) -> Result<Value, String> {
    if let Ok(number) = text.parse::<i64>() {
        return Ok(number.into());
    }
    let name = text.strip_prefix('@').unwrap_or_default();
    if is_name(name) { Ok(text.into()) } else { Err("the setting chat: write @name or a number".to_owned()) }
}

/// Whether it can be a public name. It goes into links.
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn is_token(text: &str) -> bool {
    let of = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    text.len() <= 200
        && text.split_once(':').is_some_and(|(number, word)| {
            !number.is_empty()
                && number.chars().all(|c| c.is_ascii_digit())
                && word.chars().all(of)
                && !word.is_empty()
        })
}

struct Telegram {
    server: Url,
    chat: Value,
    token: SecretString,
    http: Arc<Http>,
}

/// An answer that accepts.
#[derive(Deserialize)]
struct Accepted<T> {
    ok: bool,
    result: T,
}

/// A post, as far as it is read.
#[derive(Deserialize)]
struct Message {
    message_id: i64,
    chat: Chat,
}

#[derive(Deserialize)]
struct Chat {
    id: i64,
    #[serde(rename = "type")]
    kind: String,
    title: Option<String>,
    username: Option<String>,
    /// What members of a group may do who are no administrators.
    permissions: Option<Permissions>,
}

#[derive(Deserialize)]
struct Permissions {
    can_send_messages: Option<bool>,
}

#[derive(Deserialize)]
struct Bot {
    id: i64,
    username: Option<String>,
}

/// What the bot is in the chat.
#[derive(Deserialize)]
struct Member {
    status: String,
    #[serde(default)]
    can_post_messages: bool,
    #[serde(default)]
    can_send_messages: bool,
    #[serde(default)]
    can_delete_messages: bool,
}

impl Telegram {
    /// The address of a method. It holds the token.
    fn method(&self, name: &str) -> Url {
        let mut url = self.server.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(&format!("bot{}", self.token.expose_secret())).push(name);
        }
        url.set_query(None);
        url
    }

    /// The bot's number. It is no secret.
    fn bot(&self) -> &str {
        self.token.expose_secret().split(':').next().unwrap_or_default()
    }

    fn failure(&self, answer: &Answer, doing: Doing) -> Failure {
        failure(answer, self.token.expose_secret(), doing)
    }

    /// The receipt names bot, chat and number, of several pictures each: a chat's public name can change, and in a
    /// small group each account counts by itself.
    fn receipt(&self, messages: &[Message]) -> Result<Receipt, Failure> {
        let nowhere = || Failure::InDoubt { reason: "the answer names no post in that chat".to_owned() };
        let first = messages.first().ok_or_else(nowhere)?;
        let chat = first.chat.id;
        let is_there = |m: &Message| m.message_id > 0 && m.chat.id == chat;
        if !messages.iter().all(is_there) || self.chat.as_i64().is_some_and(|id| id != chat) {
            return Err(nowhere());
        }
        let numbers: Vec<String> = messages.iter().map(|m| m.message_id.to_string()).collect();
        let remote_id = format!("{}:{chat}:{}", self.bot(), numbers.join(","));
        Ok(Receipt { remote_id, url: link(first), note: None })
    }

    /// Asks something that changes nothing.
    async fn ask<T: DeserializeOwned>(&self, name: &str, about: &[(&str, String)]) -> Result<T, String> {
        let mut url = self.method(name);
        if !about.is_empty() {
            url.query_pairs_mut().extend_pairs(about);
        }
        let answer = self.http.call(Request::get(url.as_str())).await.map_err(|t| t.to_string())?;
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Ask).to_string());
        }
        answer.json::<Accepted<T>>().map(|a| a.result)
    }

    async fn inspect(&self) -> Result<Health, String> {
        let bot: Bot = self.ask("getMe", &[]).await?;
        let name = text::shown(bot.username.as_deref().unwrap_or_default());
        Ok(Health::seen_on(&format!("@{name}"), None, self.inspect_chat(bot.id, &name)).await)
    }

    /// What the bot may do in the chat.
    async fn inspect_chat(&self, bot: i64, name: &str) -> Result<Health, String> {
        let id = ("chat_id", plain(&self.chat));
        let chat: Chat = self.ask("getChat", std::slice::from_ref(&id)).await?;
        let member: Member = self.ask("getChatMember", &[id, ("user_id", bot.to_string())]).await?;
        if let Err((why, missing)) = may_post(&chat, &member) {
            return Ok(match missing {
                Some(permission) => Health::without(permission, why),
                None => Health::unready(why),
            });
        }
        let title = text::shown(chat.title.as_deref().unwrap_or_default());
        if member.status == "creator" || member.can_delete_messages {
            return Ok(Health::ready(format!("posts as @{name} to {title}")).lacks(&[]));
        }
        let detail = format!(
            "posts as @{name} to {title}, but takes down only posts of the last 48 hours; \
             give it the right to delete messages"
        );
        Ok(Health::ready(detail).lacks(&[]))
    }
}

fn plain(chat: &Value) -> String {
    chat.as_str().map_or_else(|| chat.to_string(), str::to_owned)
}

/// The post's address, where it has one.
fn link(message: &Message) -> Option<String> {
    let (chat, number) = (&message.chat, message.message_id);
    let public = chat.username.as_deref().filter(|name| is_name(name));
    // The number of a channel stands in its links without the -100 before it.
    let inside = chat.id.to_string().strip_prefix("-100").map(str::to_owned);
    public
        .map(|name| format!("https://t.me/{name}/{number}"))
        .or_else(|| inside.map(|id| format!("https://t.me/c/{id}/{number}")))
}

/// Bot, chat and numbers of a receipt, of which there is one at least.
fn parts(remote_id: &str) -> Option<(&str, i64, Vec<i64>)> {
    let (bot, rest) = remote_id.split_once(':')?;
    let (chat, numbers) = rest.split_once(':')?;
    let number = |text: &str| text.parse().ok().filter(|n| *n > 0);
    Some((bot, chat.parse().ok()?, numbers.split(',').map(number).collect::<Option<_>>()?))
}

/// Whether the bot may post there; otherwise why not, and the right that it lacks.
fn may_post(chat: &Chat, member: &Member) -> Result<(), (&'static str, Option<&'static str>)> {
    let is_group = matches!(chat.kind.as_str(), "group" | "supergroup");
    let silent = chat.permissions.as_ref().and_then(|p| p.can_send_messages) == Some(false);
    match (chat.kind.as_str(), member.status.as_str()) {
        ("channel", "creator") => Ok(()),
        ("channel", "administrator") if member.can_post_messages => Ok(()),
        ("channel", _) => Err((
            "the bot may not post there; make it an administrator of the channel with that right",
            Some("post"),
        )),
        (_, "creator" | "administrator") if is_group => Ok(()),
        (_, "member") if is_group && !silent => Ok(()),
        (_, "restricted") if is_group && member.can_send_messages => Ok(()),
        (_, "member" | "restricted") if is_group => {
            Err(("the bot may not write in the group; make it an administrator there", Some("write")))
        }
        _ if is_group => Err(("the bot is not in the group; add it", None)),
        _ => Err(("the setting chat leads to a person; name a channel or a group", None)),
    }
}

#[async_trait]
impl Channel for Telegram {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        self.publish_parts(job, pass).await
    }

    async fn read_back(&self, _: &Job) -> Sighting {
        Sighting::Unknown("a bot cannot read what a Telegram chat shows".to_owned())
    }

    async fn revise(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        self.change(job, of, pass).await
    }

    async fn read_revised(&self, job: &Job, _: &Revised) -> Sighting {
        self.read_back(job).await
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        self.take_down_parts(job, remote_id).await
    }

    async fn pin(&self, remote_id: &str, up: bool) -> Pinned {
        self.keep_on_top(remote_id, up).await.into()
    }

    async fn check(&self) -> Health {
        self.inspect().await.into()
    }
}

#[cfg(test)]
#[path = "telegram_pictures_tests.rs"]
mod pictures_tests;
#[cfg(test)]
#[path = "telegram_server.rs"]
mod server;
#[cfg(test)]
#[path = "telegram_tests.rs"]
mod tests;
