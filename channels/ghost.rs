//! Adapter `ghost`: posts on a Ghost site, over its Admin API.
//!
//! Facts: <https://docs.ghost.org/admin-api/> (authentication, posts, images); what a stale edit, a repeated
//! slug and a refused key answer was seen on Ghost 6.65.
//!
//! A post is made as a draft under a slug that is derived from the delivery, then published. Every attempt
//! looks for the slug first, so a draft or a post of an earlier attempt is used again. A draft whose answer
//! was lost may still come, and gets the same slug with `-2`. So there can be several, and all attempts
//! publish the same one: the one whose slug has the smallest number. A slug is unique, so nothing that
//! comes later can have a smaller one.
//!
//! The id of the post is written down before the public step ([`Pass::keep`]): an editor can give it
//! another slug, or delete it, and a post that an editor took down is never published again by an attempt.
//! One that is public under the slug and does not say what was approved is left to people.
//!
//! An edit names the `updated_at` that was read, and Ghost refuses it when the post was changed since. That
//! time has whole seconds there, so it is no key: what keeps a second post away is the slug.
//!
//! No request names a newsletter, so nothing is sent by e-mail. A post that an editor has scheduled is left
//! to people, because it may have one. Posts are for everybody (`visibility`), whatever the site's
//! usual is. The words stand in one HTML card, which Ghost keeps as they are; to the addresses of links it adds
//! `ref=`, unless the site's settings say otherwise.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::http::{Answer, Http, Request, Trouble};
use crate::message::Doing;
use crate::text::{self, Unit};
use crate::{
    Adapter, Capabilities, Channel, Clock, Connection, Failure, Health, Job, Limits, NOT_OURS, Pass,
    PictureLimits, Pictures, Pinned, Pins, ReadBack, Receipt, Replay, Retraction, Retry, Revised, Revising,
    Scheduler, Setting, Sighting, Ways, watch,
};

#[path = "ghost_answers.rs"]
mod answers;
#[path = "ghost_key.rs"]
mod key;
#[path = "ghost_media.rs"]
mod media;
#[path = "ghost_watch.rs"]
mod newest;
#[path = "ghost_pin.rs"]
mod pin;
#[path = "ghost_post.rs"]
mod post;
#[path = "ghost_public.rs"]
mod public;
#[path = "ghost_revise.rs"]
mod revise;
#[path = "ghost_schedule.rs"]
mod schedule;
#[path = "ghost_words.rs"]
mod words;

use answers::{failure, is_clean, is_missing};
use key::Key;
use post::{Post, content, in_order, slug, slugs};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "ghost",
    title: "Ghost",
    capabilities: Capabilities {
        replay: Replay::HandleFirst,
        read_back: ReadBack::Consistent,
        retract: true,
        media: true,
        starts_only: false,
        revises: Some(Revising { pictures: Pictures::Sent, readable: true }),
        pins: Pins::Several,
        fetches: false,
        watches: true,
        sweeps: true,
        publishes: true,
        concurrency: 2,
    },
    // Ghost's titles have at most 255 characters; the rest keeps a page readable.
    limits: Limits {
        text: Some(20_000),
        unit: Unit::Characters,
        text_bytes: None,
        title: Some(200),
        title_needed: true,
        media: 10,
        media_bytes: 8 << 20,
        media_all: None,
        alt: Some(1_000),
        parts: 1,
        cards: false,
        pictures: PictureLimits::ANY,
    },
    settings: &[
        Setting {
            name: "url",
            help: "The site's address as its Admin API has it, for example https://news.bank.example",
            required: true,
            private: false,
        },
        watch::OFF,
    ],
    frame: None,
    ways: Ways { signs_time: true, ..Ways::USUAL },
    connect,
};

/// What this adapter speaks; Ghost 5 and 6 take it.
const VERSION: &str = "v5.0";
/// The fields of a post that are read.
const FIELDS: &str = "id,status,url,slug,updated_at,published_at";

/// Said of a post that Ghost itself will publish.
const SCHEDULED: &str = "Ghost will publish it at a date that was set there";
/// Said of a post that left by e-mail, which no request of ours asks for.
const MAILED: &str = "somebody sent the post by e-mail from Ghost";

/// Said of a draft that has a date.
const DOWN: &str =
    "somebody took the post down on Ghost, or gave the draft a date there; to post it anew, delete it there";

/// Said of a post that is gone.
const DELETED: &str = "somebody deleted the post on Ghost";

/// Said of a post that says something else than was approved.
const CHANGED: &str = "somebody has changed the words of the post on Ghost";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let site = connection.url("url")?;
    let key = Key::read(connection.secret()?)?;
    let (http, clock) = (Arc::clone(&connection.http), Arc::clone(&connection.clock));
    Ok(Box::new(Ghost { site, key, http, clock }))
}

struct Ghost {
    site: Url,
    key: Key,
    http: Arc<Http>,
    clock: Clock,
}

/// The posts of an answer.
#[derive(Deserialize)]
struct Posts {
    posts: Vec<Post>,
}

impl Ghost {
    /// An address of the API below the site.
    fn api(&self, parts: &[&str]) -> Url {
        let mut url = self.site.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["ghost", "api", "admin"]).extend(parts).push("");
        }
        url.set_query(None);
        url
    }

    /// With a fresh token, which lives for five minutes.
    fn authorised(&self, request: Request) -> Request {
        let token = self.key.token((self.clock)().timestamp());
        request.authorised("Ghost", &token).header("accept-version", VERSION)
    }

    fn failure(&self, answer: &Answer, doing: Doing) -> Failure {
        failure(answer, &self.key.secrets(), doing)
    }

    async fn get(&self, url: &Url) -> Result<Answer, Failure> {
        self.http.call(self.authorised(Request::get(url.as_str()))).await.map_err(no_effect)
    }

    /// The posts of this delivery, the one that counts first.
    async fn find(&self, job: &Job) -> Result<Vec<Post>, Failure> {
        let mut url = self.api(&["posts"]);
        url.query_pairs_mut().extend_pairs([
            ("filter", format!("slug:[{}]", slugs(job)).as_str()),
            ("limit", "100"),
            ("fields", FIELDS),
        ]);
        let answer = self.get(&url).await?;
        if !answer.is_success() {
            return Err(not_looked(self.failure(&answer, Doing::Ask)));
        }
        let posts = answer.json::<Posts>().map_err(unread)?.posts;
        if posts.iter().any(|post| !post::is_id(&post.id)) {
            return Err(unread("the answer names no post".to_owned()));
        }
        Ok(in_order(posts, job))
    }

    /// The post of this delivery. Of drafts, it is the one that an earlier attempt was about to publish.
    async fn known(&self, job: &Job) -> Result<Option<Post>, Failure> {
        let found = self.find(job).await?.into_iter().next();
        match prepared(job) {
            Some(id) if found.as_ref().is_none_or(|p| p.id != id && p.is_fresh()) => {
                Ok(self.one(id).await?.or(found))
            }
            _ => Ok(found),
        }
    }

    fn write(&self, request: Request, content: &Value) -> Request {
        self.authorised(request).json(&json!({ "posts": [content] }))
    }

    /// Makes the draft. Nobody but the editors sees it. What comes back is the post that counts: a draft of
    /// an earlier attempt may have come meanwhile.
    async fn draft(&self, job: &Job, content: &Value, pass: &Pass) -> Result<Post, Failure> {
        let mut draft = content.clone();
        draft["status"] = "draft".into();
        draft["slug"] = slug(job).into();
        let mut url = self.api(&["posts"]);
        url.set_query(Some("source=html"));
        let answer = self.http.send(self.write(Request::post(url.as_str()), &draft), pass).await;
        let answer = answer.map_err(no_effect)?;
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Post).without_effect());
        }
        let mut all = self.find(job).await?;
        if all.is_empty() {
            return Err(unread("Ghost does not show the draft yet".to_owned()));
        }
        Ok(all.swap_remove(0))
    }

    async fn inspect(&self) -> Result<Health, String> {
        let mut url = self.api(&["users", "me"]);
        url.query_pairs_mut().append_pair("include", "roles");
        let answer = self.get(&url).await.map_err(|failure| failure.to_string())?;
        // The key of an integration belongs to nobody; one of a person has the person's role.
        if !(answer.is_success() || is_missing(&answer)) {
            return Err(self.failure(&answer, Doing::Ask).to_string());
        }
        let told: Value = answer.json()?;
        let roles = told["users"][0]["roles"].as_array().cloned().unwrap_or_default();
        if roles.iter().any(|role| role["name"] == "Contributor") {
            let why = "the key is a contributor's, who may not publish; use that of an integration";
            return Ok(Health::without("publish", why));
        }
        let answer = self.get(&self.api(&["site"])).await.map_err(|failure| failure.to_string())?;
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Ask).to_string());
        }
        let told: Value = answer.json()?;
        let title = told["site"]["title"].as_str().filter(|title| is_clean(title));
        let name = text::shown(title.or(self.site.host_str()).unwrap_or_default());
        Ok(Health::ready(format!("publishes on {name}")).lacks(&[]))
    }
}

/// Whether nothing but an address of the web can be made of it, and it shows no token.
fn is_web(address: &str) -> bool {
    !address.contains(answers::TOKEN) && text::links(address).first().is_some_and(|link| link.url == address)
}

/// The id of the post that an earlier attempt was about to publish.
fn prepared(job: &Job) -> Option<&str> {
    job.handle.as_deref().filter(|id| post::is_id(id))
}

fn no_effect(trouble: Trouble) -> Failure {
    trouble.failure(false).without_effect()
}

/// An answer to a step before the public one that cannot be read.
fn unread(reason: String) -> Failure {
    Failure::Rejected { reason, retry: Retry::Backoff }
}

/// A look-up that was refused. It says nothing about the content, so it is never refused for good.
fn not_looked(failure: Failure) -> Failure {
    match failure.without_effect() {
        Failure::Rejected { reason, retry: Retry::Never } => unread(reason),
        other => other,
    }
}

/// Why a post that is there is not published by us.
fn left_to_people(post: &Post) -> Option<&'static str> {
    match post.status.as_str() {
        "scheduled" => Some(SCHEDULED),
        "draft" if !post.is_fresh() => Some(DOWN),
        "published" | "draft" => None,
        _ => Some(MAILED),
    }
}

#[async_trait]
impl Channel for Ghost {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let known = self.known(job).await?;
        if let Some(post) = &known {
            if post.is_public() {
                return self.ours(job, post).await;
            }
            if let Some(why) = left_to_people(post) {
                return Err(Failure::InDoubt { reason: why.to_owned() });
            }
        }
        let content = content(job, &self.upload(job, pass).await?);
        let post = match known {
            Some(post) => post,
            None => self.draft(job, &content, pass).await?,
        };
        match left_to_people(&post) {
            Some(why) => Err(Failure::InDoubt { reason: why.to_owned() }),
            None if post.is_public() => self.ours(job, &post).await,
            None => self.reveal(job, &post, &content, pass).await,
        }
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        let post = match self.known(job).await {
            Ok(post) => post,
            Err(why) => return Sighting::Unknown(why.to_string()),
        };
        // The draft of the public step was there, so it is not absent when it is gone.
        let is_it = |post: &Post| prepared(job).is_none_or(|id| id == post.id);
        match post {
            Some(post) if post.is_public() => match self.ours(job, &post).await {
                Ok(receipt) => Sighting::Found(receipt),
                Err(Failure::InDoubt { reason }) => Sighting::Unknown(reason),
                Err(why) => Sighting::Unknown(why.to_string()),
            },
            Some(post) if !post.is_fresh() || is_it(&post) => {
                left_to_people(&post).map_or(Sighting::Absent, |why| Sighting::Unknown(why.to_owned()))
            }
            None if prepared(job).is_none() => Sighting::Absent,
            _ => Sighting::Unknown(DELETED.to_owned()),
        }
    }

    async fn revise(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        self.change(job, of, pass).await
    }

    async fn read_revised(&self, job: &Job, of: &Revised) -> Sighting {
        self.seen_changed(job, of).await
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        let done = match remote_id {
            Some(id) => self.hide(id).await,
            None => match self.known(job).await {
                Ok(Some(post)) if post.status != "draft" => self.hide(&post.id).await,
                Ok(post) => Err(post.as_ref().and_then(left_to_people).unwrap_or(NOT_OURS).to_owned()),
                Err(why) => Err(why.to_string()),
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

    fn scheduler(&self) -> Option<&dyn Scheduler> {
        Some(self)
    }
}

#[cfg(test)]
#[path = "ghost_public_tests.rs"]
mod public_tests;
#[cfg(test)]
#[path = "ghost_site.rs"]
mod site;
#[cfg(test)]
#[path = "ghost_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "ghost_watch_tests.rs"]
mod watch_tests;
