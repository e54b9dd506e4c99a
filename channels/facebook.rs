//! Adapter `facebook`: posts of a page on Facebook.
//!
//! Facts: <https://developers.facebook.com/docs/pages-api/posts>,
//! <https://developers.facebook.com/docs/graph-api/reference/page/photos> and `page/published_posts` there.
//! The longest text is as other programs met it; in which unit it is counted is not said.
//!
//! A post is published in one step, and there is no key against repetition. A post that is made unpublished
//! and then published would have two steps, but no document says that the second one shows the post to
//! everybody like any other, and nobody tried it on a real page: a crisis post that only seems to be out is
//! worse than a doubt. So a doubt is read back by the words among the page's published posts since the first
//! attempt; that none is there proves nothing. The error 506 (the same words were posted before) proves that
//! they are there, and not who posted them: it refuses a first attempt, and is a doubt after another one.
//!
//! Pictures are uploaded unpublished with the words for those who cannot see them, and attached to the post;
//! until then nobody sees them. How long these words may be is not said. Without a field `link` no preview
//! is asked for; whether Facebook makes one of an address in the text by itself is not known.
//!
//! What is answered for a post that is gone is told by no document, so its absence from the page's posts is
//! asked for as well. The check looks whose token it is, whether the page and its posts can be read, and what the token
//! may do and when it ends, where Facebook tells a token that of itself (`Api::with_token`): not every app may ask.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

use crate::form::{self, Part};
use crate::graph::is_id;
use crate::graph_api::{Api, web};
use crate::message::SLACK;
use crate::scheduler::Rests;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Clock, Connection, Failure, Health, Job, Limits, MediaRef, NOT_OURS,
    Pass, PictureLimits, Pictures, Pins, ReadBack, Receipt, Replay, Retraction, Retry, Revised, Revising,
    Scheduler, Setting, Sighting, Ways, text, watch,
};

#[path = "facebook_revise.rs"]
mod revise;
#[path = "facebook_schedule.rs"]
mod schedule;
#[path = "facebook_scheduled.rs"]
mod scheduled;
pub use scheduled::renewed;
#[path = "facebook_watch.rs"]
mod watching;

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "facebook",
    title: "Facebook",
    capabilities: Capabilities {
        replay: Replay::None,
        read_back: ReadBack::Words,
        retract: true,
        media: true,
        starts_only: false,
        revises: Some(Revising { pictures: Pictures::Kept, readable: true }),
        pins: Pins::None,
        fetches: false,
        watches: true,
        sweeps: true,
        publishes: true,
        concurrency: 1,
    },
    limits: Limits {
        text: Some(63_206),
        // This one gives the most.
        unit: Unit::Utf16,
        text_bytes: None,
        title: None,
        title_needed: false,
        media: 4,
        media_bytes: 4 << 20,
        media_all: None,
        alt: Some(1_000),
        parts: 1,
        cards: false,
        pictures: PictureLimits::ANY,
    },
    settings: &[
        Setting {
            name: "page",
            help: "The page's number; a check says it when it is wrong",
            required: true,
            private: false,
        },
        Setting {
            name: "version",
            help: "The version of the API; otherwise v26.0",
            required: false,
            private: false,
        },
        Setting {
            name: "server",
            help: "Another server of the API; otherwise https://graph.facebook.com",
            required: false,
            private: false,
        },
        watch::OFF,
    ],
    frame: None,
    ways: Ways { looks_every: Some(5), ..Ways::USUAL },
    connect,
};

pub(crate) const SERVER: &str = "https://graph.facebook.com";
const VERSION: &str = "v26.0";
/// How Facebook writes times.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%z";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let page = connection.setting("page")?;
    if !is_id(&page) {
        return Err("the setting page: write the page's number".to_owned());
    }
    Ok(Box::new(Facebook {
        api: Api::new(connection, SERVER, VERSION)?,
        page,
        clock: Arc::clone(&connection.clock),
        rests: Rests::default(),
    }))
}

struct Facebook {
    api: Api,
    page: String,
    clock: Clock,
    /// A wait that Meta asked for, for what is done about its schedule.
    rests: Rests,
}

/// A post, as far as it is read.
#[derive(Debug, Deserialize)]
struct Post {
    id: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    created_time: String,
    permalink_url: Option<String>,
}

impl Facebook {
    /// Whether it has the form of the id of a post of this page.
    fn is_own(&self, id: &str) -> bool {
        id.split_once('_').is_some_and(|(page, post)| page == self.page && is_id(post))
    }

    /// Uploads a picture. Nobody sees it.
    async fn upload(&self, picture: &MediaRef, bytes: &[u8], pass: &Pass) -> Result<String, Failure> {
        let field = |name: &str, value: &'static [u8]| Part {
            name: name.to_owned(),
            file: None,
            mime: "text/plain; charset=utf-8",
            bytes: value,
        };
        let alt = Part { bytes: picture.alt.as_bytes(), ..field("alt_text_custom", b"") };
        let source = Part {
            name: "source".to_owned(),
            file: Some(format!("picture.{}", form::ending(&picture.mime))),
            mime: &picture.mime,
            bytes,
        };
        let (mime, body) = form::form(&[field("published", b"false"), alt, source]);
        let made = self.api.make(self.api.upload(&[&self.page, "photos"], &mime, body), pass).await;
        let made = made.map_err(|(failure, _)| failure.without_effect())?;
        made["id"].as_str().filter(|id| is_id(id)).map(str::to_owned).ok_or_else(|| Failure::Rejected {
            reason: "the answer names no picture".to_owned(),
            retry: Retry::Backoff,
        })
    }

    /// The one post with these words since the first attempt.
    async fn find(&self, job: &Job) -> Result<Option<Receipt>, String> {
        let (words, since) = (text::plain(&job.rendition.text), job.permitted_at - SLACK);
        let mut found = Vec::new();
        let each = |post: Post| {
            let made = DateTime::parse_from_str(&post.created_time, TIME);
            let is_new = made.is_ok_and(|made| made >= since);
            if is_new && self.is_own(&post.id) && text::plain(&post.message) == words {
                found.push(post);
            }
            None::<()>
        };
        let fields = "id,message,created_time,permalink_url";
        self.api.look(&[&self.page, "published_posts"], fields, since, each).await?;
        if found.len() > 1 {
            return Err("several posts with these words are there".to_owned());
        }
        Ok(found.pop().map(|post| Receipt {
            url: post.permalink_url.as_deref().and_then(web),
            remote_id: post.id,
            note: None,
        }))
    }

    async fn remove(&self, job: &Job, id: &str) -> Result<Retraction, String> {
        if let Some(said) = self.api.take_down(id).await {
            return Ok(said);
        }
        // It could be hidden from this access token.
        self.api.belongs_to(&self.page).await?;
        if self.api.ask_if_there(&[id], &[("fields", "id")]).await.map_err(|f| f.to_string())?.is_some() {
            return Err(HIDDEN.to_owned());
        }
        let same = |post: Post| (post.id == id).then_some(());
        let posts = [self.page.as_str(), "published_posts"];
        match self.api.look(&posts, "id", job.permitted_at - SLACK, same).await? {
            Some(()) => Err(HIDDEN.to_owned()),
            // Somebody else took it down.
            None => Ok(Retraction::Gone),
        }
    }

    async fn inspect(&self) -> Result<Health, String> {
        // For the token of a page, this is the page.
        let told = self.api.ask(&["me"], &[("fields", "id,name")]).await;
        let told: Value = told.map_err(|failure| failure.to_string())?.json()?;
        let id = told["id"].as_str().filter(|id| is_id(id)).ok_or("Facebook does not name the page")?;
        let name = text::shown(told["name"].as_str().unwrap_or_default());
        Ok(Health::seen_on(&format!("{name} ({id})"), Some(id), self.inspect_page(id, &name)).await)
    }

    /// What the token of that page may do on the page of the settings.
    async fn inspect_page(&self, id: &str, name: &str) -> Result<Health, String> {
        if id != self.page {
            return Err(format!(
                "the access token is of {name}, number {id}; give that of the page, or that number in the setting page"
            ));
        }
        let told = self.api.ask(&[&self.page], &[("fields", "id,is_published")]).await;
        let told: Value = told.map_err(|failure| failure.to_string())?.json()?;
        if told["is_published"] == false {
            return Err(format!("the page {name} is not published, so nobody sees its posts; publish it"));
        }
        let posts = self.api.ask(&[&self.page, "published_posts"], &[("fields", "id"), ("limit", "1")]).await;
        posts.map_err(|failure| failure.to_string())?;
        let health = Health::ready(format!("posts on the page {name}"));
        Ok(self.api.with_token(health, &NEEDED[1..]).await)
    }
}

/// Permissions by which a page's token is had, and without which no post of it can be made.
pub(crate) const NEEDED: &[&str] = &["pages_show_list", "pages_manage_posts", "pages_read_engagement"];

const HIDDEN: &str = "Facebook does not take the post down and still lists it; take it down by hand";

#[async_trait]
impl Channel for Facebook {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let mut fields = vec![("message".to_owned(), job.rendition.text.clone())];
        for (n, (picture, bytes)) in job.rendition.media.iter().zip(&job.media).enumerate() {
            let id = self.upload(picture, bytes, pass).await?;
            fields.push((format!("attached_media[{n}]"), json!({ "media_fbid": id }).to_string()));
        }
        fields.push(("fields".to_owned(), "id,permalink_url".to_owned()));
        let form: Vec<(&str, &str)> =
            fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let made = self.api.make(self.api.post(&[&self.page, "feed"], &form), pass).await;
        let made = made.map_err(|(failure, _)| failure)?;
        let id = made["id"].as_str().filter(|id| self.is_own(id));
        let id = id.ok_or_else(|| Failure::InDoubt { reason: "the answer names no post".to_owned() })?;
        let url = match made["permalink_url"].as_str().and_then(web) {
            Some(url) => Some(url),
            None => self.api.link(id, "permalink_url").await,
        };
        Ok(Receipt { remote_id: id.to_owned(), url, note: None })
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        match self.find(job).await {
            Ok(Some(receipt)) => Sighting::Found(receipt),
            Ok(None) => Sighting::Absent,
            Err(why) => Sighting::Unknown(why),
        }
    }

    async fn revise(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        self.change(job, of, pass).await
    }

    async fn read_revised(&self, job: &Job, of: &Revised) -> Sighting {
        self.seen_changed(job, of).await
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        match remote_id.filter(|id| self.is_own(id)) {
            Some(id) => self.remove(job, id).await.unwrap_or_else(Retraction::StillLive),
            None => Retraction::StillLive(NOT_OURS.to_owned()),
        }
    }

    async fn watch(&self, since: DateTime<Utc>) -> Result<Option<watch::Account>, String> {
        self.newest(since).await.map(Some)
    }

    async fn check(&self) -> Health {
        self.inspect().await.into()
    }

    fn scheduler(&self) -> Option<&dyn Scheduler> {
        Some(self)
    }
}

#[cfg(test)]
#[path = "facebook_changes_tests.rs"]
mod changes_tests;
#[cfg(test)]
#[path = "facebook_server.rs"]
mod server;
#[cfg(test)]
#[path = "facebook_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "facebook_watch_tests.rs"]
mod watch_tests;
