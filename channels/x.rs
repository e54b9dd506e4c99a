//! Adapter `x`: posts of one account on X.
//!
//! Facts: <https://docs.x.com/x-api/posts/create-post>, `media/upload`, `users/get-posts`,
//! `fundamentals/rate-limits` and `fundamentals/response-codes-and-errors` there. Not tried on the real
//! network. Told by no document, and taken from what clients have met: the words of the refusal of the
//! same text, that a text comes back with `&`, `<` and `>` written out, and how credits that are used up
//! are refused. A token that is typed in lasts for two hours, and `token_ends` says until when; one that was granted here is
//! renewed. The check sees whose the token is, and says that it does not see whether it may write: no call of the
//! API names the scopes of a token, and `x-access-level`, which clients have met in answers, is told of no token of
//! this kind (`fundamentals/authentication/oauth-2-0/authorization-code` there).
//!
//! On the plans that anybody can buy, X takes an answer of an app only where the author of the post has mentioned or
//! quoted the account (`x-api/posts/manage-tweets/integrate` and the changelog of 2026-02-23 there). Whether that holds
//! for an answer to the account's own post is not said, and no check can tell. So a text is a thread only where the
//! channel's settings ask for it.
//!
//! There is no key against repetition, and X refuses the same text twice. Reading back compares the
//! account's posts since the first attempt by their words, with X's own short links put back; links
//! compare without their scheme, because X adds one. One that is equal is found, several are left to
//! people, and none proves nothing.
//!
//! A name behind `@` calls that account, and a link may get a preview: X lets neither be switched off.
//! A post with a link costs more than ten times one without (July 2026: 0.20 and 0.015 US dollars). X stops when the
//! credits or the spending limit are used up (`x-api/getting-started/pricing` there), and no call tells how much is left:
//! `GET /2/usage/tweets` counts posts that were read, and takes the app's own token only (`x-api/usage/introduction` there).
//! So the board says that nobody tells it.
//!
//! What people plan in X itself no call of this API lists; X's API for advertisers has some of it, which is not used.
//!
//! The words of a post are not changed in place, although `edit_options.previous_post_id` is documented
//! (`x-api/fundamentals/edit-posts` there): 30 minutes, five times, and each change is a post with a number of its own, so
//! an answer that is lost may leave two. Which accounts may, only the refusal tells, and nobody tried it here.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use crate::http::{Answer, Http, Request};
use crate::known::Known;
use crate::message::Doing;
use crate::money::Money;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Clock, Connection, Failure, Health, Job, Limits, NOT_OURS, Pass,
    PictureLimits, Pins, ReadBack, Receipt, Replay, Retraction, Setting, Sighting, Ways, ends, text, watch,
};

#[path = "x_answers.rs"]
mod answers;
#[path = "x_media.rs"]
mod media;
#[path = "x_reads.rs"]
mod reads;
#[path = "x_thread.rs"]
mod thread;

use answers::{failure, is_id, link};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "x",
    title: "X",
    capabilities: Capabilities {
        replay: Replay::None,
        read_back: ReadBack::Words,
        retract: true,
        media: true,
        starts_only: false,
        revises: None,
        pins: Pins::None,
        fetches: false,
        watches: true,
        sweeps: false,
        publishes: true,
        concurrency: 1,
    },
    limits: Limits {
        text: Some(280),
        unit: Unit::X,
        text_bytes: None,
        title: None,
        title_needed: false,
        media: 4,
        media_bytes: 5_000_000,
        media_all: None,
        alt: Some(1_000),
        // More where the settings say so: [`limits_by`].
        parts: 1,
        cards: false,
        pictures: PictureLimits {
            forms: &["image/jpeg", "image/png", "image/webp"],
            other_form: "has another format than JPEG, PNG or WebP, which are all that goes to X from here",
            ..PictureLimits::ANY
        },
    },
    settings: &[
        Setting {
            name: "watch",
            help: "Minutes between two looks for posts that nobody here sent, 5 to 1440. X charges for each post \
                   that is read; without a number nobody looks",
            required: false,
            private: false,
        },
        Setting {
            name: "threads",
            help: "on, to send a text that its author has parted as a thread. X may refuse the second part; then \
                   the first stands alone. Otherwise a parted text is one post",
            required: false,
            private: false,
        },
        ends::TOKEN_ENDS,
        Setting {
            name: "server",
            help: "An emulator's address, for tests; otherwise https://api.x.com",
            required: false,
            private: false,
        },
    ],
    frame: None,
    ways: Ways { limits_by: Some(limits_by), looks_every: None, plans_unseen: true, ..Ways::USUAL },
    connect,
};

pub(crate) const SERVER: &str = "https://api.x.com";

/// The longest that all before the post may take: the core waits for two minutes, and then it knows
/// nothing any more.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 3 } else { 80 });

/// Most parts of a thread.
const PARTS: usize = 10;

/// The limits of a connection: a parted text is a thread only where an administrator has asked for that.
pub fn limits_by(settings: &Value, limits: Limits) -> Limits {
    Limits { parts: if threads(settings) == Ok(true) { PARTS } else { 1 }, ..limits }
}

/// Whether a parted text is a thread.
///
/// # Errors
/// A sentence that names the setting.
fn threads(settings: &Value) -> Result<bool, String> {
    match settings.get("threads") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::String(asked)) if asked.trim().is_empty() => Ok(false),
        Some(Value::String(asked)) if asked.trim() == "on" => Ok(true),
        Some(_) => Err("the setting threads: write on, or leave it empty".to_owned()),
    }
}

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let server = match connection.setting("server") {
        Ok(_) => connection.url("server")?,
        Err(_) => connection.http.check(SERVER)?,
    };
    watch::wished(&connection.settings)?;
    let threads = threads(&connection.settings)?;
    let (token, ends) = (connection.secret()?.clone(), ends::token_ends(connection)?);
    let (http, clock) = (Arc::clone(&connection.http), Arc::clone(&connection.clock));
    Ok(Box::new(X { server, token, http, clock, threads, ends, known: Known::default() }))
}

struct X {
    server: Url,
    token: SecretString,
    http: Arc<Http>,
    clock: Clock,
    /// A parted text is a thread.
    threads: bool,
    /// When a typed token ends, as somebody wrote it down.
    ends: Option<DateTime<Utc>>,
    known: Known<Who>,
}

/// Whom the token stands for.
#[derive(Debug, Clone, Deserialize)]
struct Who {
    id: String,
    username: String,
    #[serde(default)]
    protected: bool,
}

/// What an answer is about.
#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

impl X {
    fn api(&self, parts: &[&str]) -> Url {
        let mut url = self.server.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().push("2").extend(parts);
        }
        url.set_query(None);
        url
    }

    fn post(&self, parts: &[&str], content: &Value) -> Request {
        Request::post(self.api(parts).as_str()).bearer(&self.token).json(content)
    }

    fn failure(&self, answer: &Answer, doing: Doing) -> Failure {
        failure(answer, (self.clock)(), self.token.expose_secret(), doing)
    }

    /// Reads, with everything that is not a full answer as a sentence.
    async fn look<T: DeserializeOwned>(&self, url: &Url) -> Result<T, String> {
        let request = Request::get(url.as_str()).bearer(&self.token);
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        if answer.status != 200 {
            return Err(self.failure(&answer, Doing::Ask).to_string());
        }
        answer.json()
    }

    /// Whom the token stands for.
    async fn ask(&self) -> Result<Who, String> {
        let mut url = self.api(&["users", "me"]);
        url.query_pairs_mut().append_pair("user.fields", "protected");
        let who = self.look::<Data<Who>>(&url).await?.data;
        if !is_id(&who.id) {
            return Err("the server does not name the account of the token".to_owned());
        }
        self.known.keep(Some(who.clone()));
        Ok(who)
    }

    async fn inspect(&self) -> Result<Health, String> {
        let who = self.ask().await?;
        let name = text::shown(&who.username);
        let detail = if who.protected {
            format!("logged in as @{name}; its posts are protected, only its followers see them")
        } else if self.threads {
            format!("logged in as @{name}; whether X takes the second part of a thread, only a thread shows")
        } else {
            format!("logged in as @{name}; whether the token may post (tweet.write), only a post shows")
        };
        Ok(Health::ready(detail).of(&format!("@{name}")).by_id(&who.id).pays(Some(Money::Untold)))
    }

    async fn delete(&self, id: &str) -> Result<Retraction, String> {
        if !is_id(id) {
            return Err(NOT_OURS.to_owned());
        }
        let url = self.api(&["tweets", id]);
        let request = Request::delete(url.as_str()).bearer(&self.token);
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        let told: Value = answer.json().unwrap_or_default();
        match answer.status {
            200 if told["data"]["deleted"] == true => Ok(Retraction::Gone),
            200 => Err("X does not say that the post is deleted".to_owned()),
            404 => self.is_gone(&url, self.failure(&answer, Doing::TakeDown)).await,
            _ => Err(self.failure(&answer, Doing::TakeDown).to_string()),
        }
    }

    /// X knows no such post to delete. That it is gone is believed when nobody is shown it either.
    async fn is_gone(&self, url: &Url, why: Failure) -> Result<Retraction, String> {
        let request = Request::get(url.as_str()).bearer(&self.token);
        let seen = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        let told: Value = seen.json().unwrap_or_default();
        if matches!(seen.status, 200 | 404) && answers::says_not_found(&told) {
            return Ok(Retraction::Gone);
        }
        if seen.status == 200 && told["data"].is_object() {
            return Err("another account posted it; connect that one".to_owned());
        }
        Err(why.to_string())
    }
}

#[async_trait]
impl Channel for X {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        self.publish_parts(job, pass).await
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        self.find(job).await
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

    async fn check(&self) -> Health {
        ends::told_or(self.inspect().await.into(), self.ends)
    }
}

#[cfg(test)]
#[path = "x_server.rs"]
mod server;
#[cfg(test)]
#[path = "x_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "x_thread_tests.rs"]
mod thread_tests;
#[cfg(test)]
#[path = "x_watch_tests.rs"]
mod watch_tests;
