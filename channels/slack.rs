//! Adapter `slack`: posts of an app in one channel of a Slack workspace.
//!
//! Facts: <https://docs.slack.dev/reference/methods/chat.postMessage>, `chat.delete`,
//! `conversations.history`, `auth.test`, <https://docs.slack.dev/messaging/message-metadata> and
//! <https://docs.slack.dev/apis/web-api/rate-limits>. A refusal comes with status 200 and `ok: false`;
//! the words `fatal_error` and `internal_error` say that part of the work may have been done.
//!
//! There is no key against repetition. Each post carries the delivery's id as metadata, which only apps
//! see, so reading back finds it by that; that none is there proves nothing. An incoming webhook would
//! name no post, so nothing could be found or taken down: it is not used.
//!
//! Readers see a block of rich text, in which nothing is parsed; notifications show the plain text beside
//! it ([`crate::slack_text`]). It has 4,000 characters at most: Slack cuts what is longer into several messages.
//! Links have no preview, because it would show words that nobody approved. Pictures are sent before
//! (`slack_pictures.rs`).
//!
//! A check reads the channel. An archived one can be read, too, and to ask for it needs one more
//! permission, so the check says that the first post will tell.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::http::{Answer, Http, Request};
use crate::known::Known;
use crate::message::Doing;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, NOT_OURS, Pass, PictureLimits,
    Pictures, Pinned, Pins, ReadBack, Receipt, Replay, Retraction, Revised, Revising, Setting, Sighting,
    Ways, text, watch,
};

#[path = "slack_answers.rs"]
mod answers;
#[path = "slack_kept.rs"]
mod kept;
#[path = "slack_watch.rs"]
mod newest;
#[path = "slack_pictures.rs"]
mod pictures;
#[path = "slack_pin.rs"]
mod pin;
#[path = "slack_post.rs"]
mod post;
#[path = "slack_revise.rs"]
mod revise;
#[path = "slack_thread.rs"]
mod thread;

pub(crate) use answers::{BESIDES, NEEDED};
use answers::{FILES, failure, has, is_id, is_ts, lacks, link, without, word};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "slack",
    title: "Slack",
    capabilities: Capabilities {
        replay: Replay::None,
        read_back: ReadBack::Key,
        retract: true,
        media: true,
        starts_only: false,
        revises: Some(Revising { pictures: Pictures::Kept, readable: true }),
        pins: Pins::Several,
        fetches: false,
        watches: true,
        sweeps: false,
        publishes: true,
        // About one message a second goes into one channel.
        concurrency: 1,
    },
    limits: Limits {
        text: Some(4_000),
        unit: Unit::Slack,
        text_bytes: None,
        title: None,
        title_needed: false,
        // The blocks of a message have about 12,000 characters; with the longest text these have less.
        media: 4,
        media_bytes: 8 << 20,
        // What a slow line carries within the minute that pictures have.
        media_all: Some(12 << 20),
        alt: Some(500),
        parts: 10,
        cards: false,
        pictures: PictureLimits {
            forms: &["image/jpeg", "image/png", "image/gif"],
            other_form: "has another format than JPEG, PNG or GIF, which are all that Slack shows",
            ..PictureLimits::ANY
        },
    },
    settings: &[
        Setting {
            name: "channel",
            help: "The channel's id, for example C024BE91L: the last line of its details in Slack",
            required: true,
            private: false,
        },
        Setting {
            name: "server",
            help: "https://slack-gov.com for GovSlack; otherwise https://slack.com",
            required: false,
            private: false,
        },
        watch::OFF,
    ],
    frame: None,
    ways: Ways::USUAL,
    connect,
};

pub(crate) const SERVER: &str = "https://slack.com";
/// Names our metadata among that of other apps.
const EVENT: &str = "holdline_post";
/// Messages of one page, and most pages of one look.
const PAGE: usize = 200;
const MOST_PAGES: usize = 10;
/// How far the clocks may differ.
const DRIFT: TimeDelta = TimeDelta::minutes(10);

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let channel = connection.setting("channel")?;
    if !is_id(&channel) {
        return Err("the setting channel: write the channel's id, for example C024BE91L".to_owned());
    }
    let server = connection.url_or("server", SERVER)?;
    let token = connection.secret()?.clone();
    if !token.expose_secret().starts_with("xoxb-") {
        return Err(
            "the credential: the token of the app's bot begins with xoxb-; copy it from OAuth & Permissions"
                .to_owned(),
        );
    }
    let http = Arc::clone(&connection.http);
    Ok(Box::new(Slack { server, channel, token, http, known: Known::default() }))
}

struct Slack {
    server: Url,
    channel: String,
    token: SecretString,
    http: Arc<Http>,
    known: Known<Who>,
}

/// Whom the token stands for.
#[derive(Debug, Clone, Deserialize)]
struct Who {
    /// The workspace's address.
    url: String,
    team: String,
    user: String,
    bot_id: String,
    /// Of the workspace and of the bot in it, as `auth.test` tells them: names change.
    #[serde(default)]
    team_id: String,
    #[serde(default)]
    user_id: String,
}

impl Who {
    /// The account that posts.
    fn account(&self) -> String {
        format!("{} ({})", text::shown(&self.user), text::shown(&self.team))
    }

    fn id(&self) -> Option<String> {
        let known = is_id(&self.team_id) && is_id(&self.user_id);
        known.then(|| format!("{}/{}", self.team_id, self.user_id))
    }
}

/// A message, as far as it is read.
#[derive(Debug, Deserialize)]
struct Message {
    ts: String,
    bot_id: Option<String>,
    metadata: Option<Value>,
    #[serde(default)]
    blocks: Value,
}

impl Slack {
    fn method(&self, name: &str) -> Url {
        let mut url = self.server.clone();
        url.set_path(&format!("/api/{name}"));
        url.set_query(None);
        url
    }

    fn post(&self, name: &str, content: &Value) -> Request {
        let body = content.to_string().into_bytes();
        let request = Request::post(self.method(name).as_str()).bearer(&self.token);
        request.body("application/json; charset=utf-8", body)
    }

    /// The answer's JSON when it accepts.
    fn accepted(&self, answer: &Answer, doing: Doing) -> Result<Value, Failure> {
        let told: Value = match answer.status {
            200 => answer.json().map_err(|reason| Failure::InDoubt { reason })?,
            _ => return Err(failure(answer, "", self.token.expose_secret(), doing)),
        };
        match told["error"].as_str() {
            None if told["ok"] == true => Ok(told),
            error => Err(failure(answer, error.unwrap_or_default(), self.token.expose_secret(), doing)),
        }
    }

    async fn call(&self, request: Request) -> Result<(Value, Answer), String> {
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        let told = self.accepted(&answer, Doing::Ask).map_err(|failure| failure.to_string())?;
        Ok((told, answer))
    }

    /// Whom the token stands for, with what it may do as far as that is told.
    async fn ask(&self) -> Result<(Who, Option<String>), String> {
        let (told, answer) = self.call(self.post("auth.test", &json!({}))).await?;
        let who: Who = serde_json::from_value(told).map_err(|_| NO_WORKSPACE.to_owned())?;
        self.known.keep(Some(who.clone()));
        Ok((who, answer.header("x-oauth-scopes").map(str::to_owned)))
    }

    async fn who(&self) -> Result<Who, String> {
        match self.known.get() {
            Some(who) => Ok(who),
            None => Ok(self.ask().await?.0),
        }
    }

    fn receipt(&self, told: Option<&str>, ts: &str, who: Option<&Who>) -> Receipt {
        let channel = told.filter(|c| is_id(c)).unwrap_or(&self.channel);
        let url = who.and_then(|w| link(&w.url, channel, ts));
        Receipt { remote_id: format!("{channel}:{ts}"), url, note: None }
    }

    /// A page of the channel's messages since the first attempt, and the cursor of the next one.
    async fn page(&self, job: &Job, cursor: Option<&str>) -> Result<(Vec<Message>, Option<String>), String> {
        let oldest = (job.permitted_at - DRIFT).timestamp();
        let mut url = self.method("conversations.history");
        url.query_pairs_mut()
            .append_pair("channel", &self.channel)
            .append_pair("oldest", &format!("{oldest}.000000"))
            .append_pair("include_all_metadata", "true")
            .append_pair("limit", &PAGE.to_string());
        if let Some(cursor) = cursor {
            url.query_pairs_mut().append_pair("cursor", cursor);
        }
        let (told, _) = self.call(Request::get(url.as_str()).bearer(&self.token)).await?;
        let messages = serde_json::from_value(told["messages"].clone())
            .map_err(|_| "the answer holds no messages".to_owned())?;
        let next = told["response_metadata"]["next_cursor"].as_str().filter(|c| !c.is_empty());
        Ok((messages, next.map(str::to_owned)))
    }

    async fn find(&self, job: &Job) -> Result<Option<Receipt>, String> {
        // Whose posts are ours must be known: what another bot copied is no proof.
        let who = self.who().await?;
        let mut cursor = None;
        for _ in 0..MOST_PAGES {
            let (messages, next) = self.page(job, cursor.as_deref()).await?;
            if let Some(found) = messages.iter().find(|m| m.is_part(job, 0, &who.bot_id) && is_ts(&m.ts)) {
                return Ok(Some(self.receipt(None, &found.ts, Some(&who))));
            }
            if next.is_none() {
                return Ok(None);
            }
            cursor = next;
        }
        Err("the channel has had too many messages since to look through; see there yourself what is out, and settle it by that".to_owned())
    }

    /// Takes one message down.
    async fn delete(&self, id: &str) -> Result<Retraction, String> {
        let (channel, ts) = parts(id).ok_or(NOT_OURS)?;
        let request = self.post("chat.delete", &json!({ "channel": channel, "ts": ts }));
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        match self.accepted(&answer, Doing::TakeDown) {
            Ok(_) => Ok(Retraction::Gone),
            // It was taken down before, by us or by somebody else.
            Err(_) if word(&answer) == "message_not_found" => Ok(Retraction::Gone),
            Err(failure) => Err(failure.to_string()),
        }
    }

    async fn inspect(&self) -> Result<Health, String> {
        let (who, scopes) = self.ask().await?;
        let rest = self.inspect_room(&who, scopes.as_deref());
        Ok(Health::seen_on(&who.account(), who.id().as_deref(), rest).await)
    }

    /// What the bot may do in the channel.
    async fn inspect_room(&self, who: &Who, scopes: Option<&str>) -> Result<Health, String> {
        if let Some(lacking) = scopes.and_then(lacks) {
            return Ok(Health::unready(without(lacking)).lacks(&[lacking]));
        }
        // Who may not read there is no member.
        let mut url = self.method("conversations.history");
        url.query_pairs_mut().append_pair("channel", &self.channel).append_pair("limit", "1");
        self.call(Request::get(url.as_str()).bearer(&self.token)).await?;
        let (user, team) = (text::shown(&who.user), text::shown(&who.team));
        let health = Health::ready(match scopes {
            Some(scopes) if !has(scopes, FILES) => format!(
                "Posts as {user} in the workspace {team}, without pictures: they need the permission files:write. \
                 Whether the channel is archived will be seen with the first post."
            ),
            _ => format!(
                "Posts as {user} in the workspace {team}. Whether the channel is archived will be seen with the \
                 first post."
            ),
        });
        Ok(if scopes.is_some() { health.lacks(&[]) } else { health })
    }
}

const NO_WORKSPACE: &str = "the server does not name the workspace and the bot of the token";

/// Channel and time of a receipt.
fn parts(remote_id: &str) -> Option<(&str, &str)> {
    remote_id.split_once(':').filter(|(channel, ts)| is_id(channel) && is_ts(ts))
}

#[async_trait]
impl Channel for Slack {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        self.publish_parts(job, pass).await
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        self.look(job).await
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
#[path = "slack_pictures_tests.rs"]
mod pictures_tests;
#[cfg(test)]
#[path = "slack_server.rs"]
mod server;
#[cfg(test)]
#[path = "slack_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "slack_watch_tests.rs"]
mod watch_tests;
