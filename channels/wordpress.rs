//! Adapter `wordpress`: posts on a WordPress site, over its REST API.
//!
//! A post is made as a draft under a slug that is derived from the delivery, then published. Every
//! attempt looks for the slug first, so a draft or a post of an earlier attempt is used again.
//! Facts: <https://developer.wordpress.org/rest-api/reference/posts/>; a repeated create makes a
//! second post with the slug `-2` (seen on WordPress 6.1).
//!
//! A draft whose answer was lost may still come, later than the next attempt's own. So there can be
//! several, and all attempts must publish the same one: the oldest. A draft that comes after a look
//! is never older than what the look saw.
//!
//! Its number is written down before the public step ([`Pass::keep`]), with the time of its last change: an
//! editor can give it another slug, and what an editor took down is never published again by an attempt.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde_json::{Value, json};
use url::Url;

use crate::html::escape;
use crate::http::{Answer, Http, Request};
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, NOT_OURS, Pass, PictureLimits,
    Pictures, Pinned, Pins, ReadBack, Receipt, Replay, Retraction, Retry, Revised, Revising, Scheduler,
    Setting, Sighting, Ways, watch,
};

#[path = "wordpress_answers.rs"]
mod answers;
#[path = "wordpress_media.rs"]
mod media;
#[path = "wordpress_watch.rs"]
mod newest;
#[path = "wordpress_page.rs"]
mod page;
#[path = "wordpress_pin.rs"]
mod pin;
#[path = "wordpress_post.rs"]
mod post;
#[path = "wordpress_revise.rs"]
mod revise;
#[path = "wordpress_schedule.rs"]
mod schedule;

use answers::{failure, is_gone, is_plain, no_effect, not_looked, publishes, unread};
use media::Media;
use page::page;
use post::{DELETED, FIELDS, Post, Prepared, SCHEDULED, in_order, left_to_people, slug, slugs};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "wordpress",
    title: "WordPress",
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
    // WordPress itself sets none; these keep a page readable.
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
            help: "The site, for example https://www.bank.example",
            required: true,
            private: false,
        },
        Setting {
            name: "account",
            help: "The user whose application password is the credential",
            required: true,
            private: false,
        },
        watch::OFF,
    ],
    frame: None,
    ways: Ways::USUAL,
    connect,
};

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let site = connection.url("url")?;
    let account = connection.setting("account")?;
    let password = connection.secret()?.clone();
    Ok(Box::new(WordPress { site, account, password, http: Arc::clone(&connection.http) }))
}

struct WordPress {
    site: Url,
    account: String,
    password: SecretString,
    http: Arc<Http>,
}

impl WordPress {
    /// An address of the API below the site.
    fn api(&self, parts: &[&str]) -> Url {
        let mut url = self.site.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["wp-json", "wp", "v2"]).extend(parts);
        }
        url.set_query(None);
        url
    }

    fn authorised(&self, request: Request) -> Request {
        request.basic(&self.account, &self.password)
    }

    fn failure(&self, answer: &Answer) -> Failure {
        failure(answer, &self.password)
    }

    /// The posts of this delivery, the one that counts first.
    async fn find(&self, job: &Job) -> Result<Vec<Post>, Failure> {
        let mut url = self.api(&["posts"]);
        url.query_pairs_mut().extend_pairs([
            ("slug", slugs(job).as_str()),
            ("status", "publish,draft,pending,future,private"),
            ("per_page", "100"),
            ("context", "edit"),
            ("_fields", FIELDS),
        ]);
        let answer = self.http.call(self.authorised(Request::get(url.as_str()))).await;
        let answer = answer.map_err(no_effect)?;
        if !answer.is_success() {
            return Err(not_looked(self.failure(&answer)));
        }
        Ok(in_order(answer.json().map_err(unread)?))
    }

    /// The post of that number, if there is one.
    async fn one(&self, id: u64) -> Result<Option<Post>, Failure> {
        let mut url = self.api(&["posts", &id.to_string()]);
        url.query_pairs_mut().extend_pairs([("context", "edit"), ("_fields", FIELDS)]);
        let answer = self.http.call(self.authorised(Request::get(url.as_str()))).await;
        let answer = answer.map_err(no_effect)?;
        if is_gone(&answer) {
            return Ok(None);
        }
        if !answer.is_success() {
            return Err(not_looked(self.failure(&answer)));
        }
        match answer.json::<Post>().map_err(unread)? {
            post if post.id == id => Ok(Some(post)),
            _ => Err(unread("the answer is not about the post".to_owned())),
        }
    }

    /// The post of this delivery: one that is public, else the one that an earlier attempt was about to
    /// publish, else the first.
    async fn known(&self, job: &Job) -> Result<Option<Post>, Failure> {
        let found = self.find(job).await?.into_iter().next();
        match Prepared::read(job) {
            Some(prepared) if found.as_ref().is_none_or(|post| !post.is_public()) => {
                self.one(prepared.id).await
            }
            _ => Ok(found),
        }
    }

    /// Makes the draft. Nobody but the editors sees it. What comes back is the post that counts: a
    /// draft of an earlier attempt may have come meanwhile.
    async fn draft(&self, job: &Job, content: &Value, pass: &Pass) -> Result<Post, Failure> {
        let mut draft = content.clone();
        draft["status"] = "draft".into();
        let url = self.api(&["posts"]);
        let request = self.authorised(Request::post(url.as_str())).json(&draft);
        let answer = self.http.send(request, pass).await.map_err(no_effect)?;
        if !answer.is_success() {
            return Err(self.failure(&answer).without_effect());
        }
        let made = answer.json().map_err(unread)?;
        let mut all = self.find(job).await?;
        all.push(made);
        Ok(in_order(all).swap_remove(0))
    }

    /// The step that the public sees. It carries the content again: the draft may be older than the
    /// words that were approved, or an editor may have touched it. A null date is the moment at which
    /// the site gets it; a later one that an editor gave the draft would make WordPress wait for it.
    async fn reveal(&self, draft: &Post, content: &Value, pass: &Pass) -> Result<Receipt, Failure> {
        let mut post = content.clone();
        post["status"] = "publish".into();
        post["date_gmt"] = Value::Null;
        pass.keep(&Prepared::of(draft).handle()).await?;
        let url = self.api(&["posts", &draft.id.to_string()]);
        let request = self.authorised(Request::post(url.as_str())).json(&post);
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(self.failure(&answer));
        }
        let post = answer.json::<Post>().map_err(|reason| Failure::InDoubt { reason })?;
        if post.id != draft.id {
            return Err(Failure::InDoubt { reason: "the answer is not about the post".to_owned() });
        }
        match post.status.as_str() {
            "publish" => Ok(post.receipt(&self.password)),
            // Something on the site gave it a date all the same: WordPress publishes it then, by itself.
            "future" => Err(Failure::InDoubt { reason: SCHEDULED.to_owned() }),
            status => {
                let status = Some(status).filter(|s| is_plain(s, &self.password)).unwrap_or("?");
                let reason = format!("WordPress kept the post as \"{status}\"; may this user publish?");
                // So it was not public, and the next attempt finds it as it is now.
                let kept = pass.keep(&Prepared::of(&post).handle()).await;
                kept.map_err(|why| Failure::InDoubt { reason: format!("{reason} ({why})") })?;
                Err(Failure::Rejected { reason, retry: Retry::Reconnect })
            }
        }
    }

    /// Takes a post off the site. A page in between can say yes to anything.
    async fn trash(&self, id: &str) -> Retraction {
        let url = self.api(&["posts", id]);
        match self.http.call(self.authorised(Request::delete(url.as_str()))).await {
            Ok(answer) if is_gone(&answer) => Retraction::Gone,
            Ok(answer) if answer.is_success() => match answer.json::<Value>() {
                Ok(told) if told["id"].as_u64() == id.parse().ok() && told["status"] == "trash" => {
                    Retraction::Gone
                }
                _ => Retraction::StillLive("the site does not say that it took the post down".to_owned()),
            },
            Ok(answer) => Retraction::StillLive(self.failure(&answer).to_string()),
            Err(trouble) => Retraction::StillLive(trouble.to_string()),
        }
    }
}

fn content(job: &Job, media: &[Media]) -> Value {
    let post = &job.rendition;
    json!({
        "slug": slug(job),
        "title": escape(post.title.as_deref().unwrap_or_default()),
        "content": page(&post.text, &post.language, &post.media, media),
    })
}

#[async_trait]
impl Channel for WordPress {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let (known, prepared) = (self.known(job).await?, Prepared::read(job));
        if let Some(why) = known.as_ref().and_then(|post| left_to_people(post, prepared.as_ref())) {
            return Err(Failure::InDoubt { reason: why.to_owned() });
        }
        if let Some(post) = known.as_ref().filter(|post| post.is_public()) {
            return Ok(post.receipt(&self.password));
        }
        let media = self.upload(job, pass).await?;
        let content = content(job, &media);
        let post = match known {
            Some(post) => post,
            None => self.draft(job, &content, pass).await?,
        };
        match left_to_people(&post, prepared.as_ref()) {
            Some(why) => Err(Failure::InDoubt { reason: why.to_owned() }),
            None if post.is_public() => Ok(post.receipt(&self.password)),
            None => self.reveal(&post, &content, pass).await,
        }
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        let (known, prepared) = (self.known(job).await, Prepared::read(job));
        match known {
            Ok(Some(post)) if post.is_public() => Sighting::Found(post.receipt(&self.password)),
            Ok(Some(post)) => left_to_people(&post, prepared.as_ref())
                .map_or(Sighting::Absent, |why| Sighting::Unknown(why.to_owned())),
            // The draft of the public step was there.
            Ok(None) if prepared.is_some() => Sighting::Unknown(DELETED.to_owned()),
            Ok(None) => Sighting::Absent,
            Err(why) => Sighting::Unknown(why.to_string()),
        }
    }

    async fn revise(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        self.change(job, of, pass).await
    }

    async fn read_revised(&self, job: &Job, of: &Revised) -> Sighting {
        self.seen_changed(job, of).await
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        if let Some(id) = remote_id {
            return self.trash(id).await;
        }
        match self.known(job).await {
            Ok(Some(post)) if post.comes_out() => self.trash(&post.id.to_string()).await,
            Ok(Some(post)) if post.status == "trash" => Retraction::Gone,
            Ok(_) => Retraction::StillLive(NOT_OURS.to_owned()),
            Err(why) => Retraction::StillLive(why.to_string()),
        }
    }

    async fn watch(&self, _: DateTime<Utc>) -> Result<Option<watch::Account>, String> {
        self.newest().await.map(Some)
    }

    async fn pin(&self, remote_id: &str, up: bool) -> Pinned {
        self.keep_on_top(remote_id, up).await.into()
    }

    async fn check(&self) -> Health {
        let mut url = self.api(&["users", "me"]);
        url.query_pairs_mut().extend_pairs([("context", "edit"), ("_fields", "slug,capabilities")]);
        match self.http.call(self.authorised(Request::get(url.as_str()))).await {
            Err(trouble) => Health::unready(trouble.to_string()),
            Ok(answer) if answer.status == 404 => {
                Health::unready("no REST API is at this address; give the address of the site")
            }
            Ok(answer) if !answer.is_success() => Health::unready(self.failure(&answer).to_string()),
            Ok(answer) => answer.json().map(|user| publishes(&user, &self.account)).into(),
        }
    }

    fn scheduler(&self) -> Option<&dyn Scheduler> {
        Some(self)
    }
}

#[cfg(test)]
#[path = "wordpress_edited_tests.rs"]
mod edited_tests;
#[cfg(test)]
#[path = "wordpress_site.rs"]
mod site;
#[cfg(test)]
#[path = "wordpress_tests.rs"]
mod tests;
