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

use std::fmt::Write;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::html::escape;
use crate::http::{Answer, Http, Request, Trouble};
use crate::text::{self, Unit};
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, MediaRef, NOT_OURS, Pass,
    ReadBack, Receipt, Replay, Retraction, Retry, Setting, Sighting, watch,
};

#[path = "wordpress_answers.rs"]
mod answers;
#[path = "wordpress_watch.rs"]
mod newest;
#[path = "wordpress_page.rs"]
mod page;

use answers::{failure, is_gone, is_plain, publishes};
use page::page;

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
        alt: Some(1_000),
        parts: 1,
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
    ],
    connect,
};

/// How many slugs a delivery can have: its own, and with `-2`, `-3` and so on those that WordPress
/// gives to drafts that come while another one has it. More than there are attempts.
const SLUGS: usize = 20;

/// Said of a post that WordPress itself will publish.
const SCHEDULED: &str = "WordPress will publish it at a date that was set there";

/// Said of a post that was made private: it may have been public before.
const HIDDEN: &str = "somebody made the post private on WordPress";

/// Most bytes of a picture's words in the address of its upload, where each can become three.
const MOST_ALT: usize = 500;

/// The fields of a post that are read.
const FIELDS: &str = "id,status,link,slug";

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

#[derive(Debug, Deserialize)]
struct Post {
    id: u64,
    status: String,
    link: String,
}

impl Post {
    fn is_public(&self) -> bool {
        self.status == "publish"
    }
}

#[derive(Debug, Deserialize)]
struct Media {
    id: u64,
    source_url: String,
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

    /// Uploads the pictures, or finds those of an earlier attempt. No page shows them yet.
    async fn upload(&self, job: &Job, pass: &Pass) -> Result<Vec<Media>, Failure> {
        let mut all = Vec::new();
        for (picture, bytes) in job.rendition.media.iter().zip(&job.media) {
            let name = format!("{}-{}", slug(job), picture.sha256.get(..16).unwrap_or(&picture.sha256));
            let mut url = self.api(&["media"]);
            url.query_pairs_mut().extend_pairs([("slug", name.as_str()), ("_fields", "id,source_url")]);
            let known =
                self.http.call(self.authorised(Request::get(url.as_str()))).await.map_err(no_effect)?;
            if !known.is_success() {
                return Err(not_looked(self.failure(&known)));
            }
            let known = known.json::<Vec<Media>>().map_err(unread)?.into_iter().next();
            all.push(match known {
                Some(media) => media,
                None => self.upload_one(&name, picture, bytes, pass).await?,
            });
        }
        Ok(all)
    }

    async fn upload_one(
        &self,
        name: &str,
        picture: &MediaRef,
        bytes: &[u8],
        pass: &Pass,
    ) -> Result<Media, Failure> {
        let mut url = self.api(&["media"]);
        url.query_pairs_mut().append_pair("slug", name);
        // An address has its own limit; the page carries the words in any case.
        if picture.alt.len() <= MOST_ALT {
            url.query_pairs_mut().append_pair("alt_text", &picture.alt);
        }
        let ending = picture.mime.rsplit('/').next().unwrap_or("bin");
        let request = self
            .authorised(Request::post(url.as_str()))
            .header("content-disposition", &format!("attachment; filename=\"{name}.{ending}\""))
            .body(&picture.mime, bytes.to_vec());
        let answer = self.http.send(request, pass).await.map_err(no_effect)?;
        if !answer.is_success() {
            return Err(self.failure(&answer).without_effect());
        }
        answer.json().map_err(unread)
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
        let url = self.api(&["posts", &draft.id.to_string()]);
        let request = self.authorised(Request::post(url.as_str())).json(&post);
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(self.failure(&answer));
        }
        let post = answer.json::<Post>().map_err(|reason| Failure::InDoubt { reason })?;
        if post.status == "future" {
            // Something on the site gave it a date all the same: WordPress publishes it then, by itself.
            return Err(Failure::InDoubt { reason: SCHEDULED.to_owned() });
        }
        if post.status != "publish" {
            let status = Some(post.status.as_str()).filter(|s| is_plain(s, &self.password)).unwrap_or("?");
            let reason = format!("WordPress kept the post as \"{status}\"; may this user publish?");
            return Err(Failure::Rejected { reason, retry: Retry::Reconnect });
        }
        Ok(receipt(&post))
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

/// The slug that all attempts at one delivery share.
fn slug(job: &Job) -> String {
    format!("holdline-{}", job.delivery.simple())
}

/// All slugs that a post of this delivery can have, as the API takes a list.
fn slugs(job: &Job) -> String {
    let mut all = slug(job);
    for n in 2..=SLUGS {
        let _ = write!(all, ",{}-{n}", slug(job));
    }
    all
}

/// What is public counts most, then what an editor has scheduled or hidden; of drafts, the oldest.
fn in_order(mut posts: Vec<Post>) -> Vec<Post> {
    posts.sort_by_key(|post| match post.status.as_str() {
        "publish" => (0, post.id),
        "future" | "private" => (1, post.id),
        _ => (2, post.id),
    });
    posts
}

fn content(job: &Job, media: &[Media]) -> Value {
    let post = &job.rendition;
    json!({
        "slug": slug(job),
        "title": escape(post.title.as_deref().unwrap_or_default()),
        "content": page(&post.text, &post.language, &post.media, media),
    })
}

fn receipt(post: &Post) -> Receipt {
    // The site's own words: nothing but an address of the web becomes a link.
    let is_web = text::links(&post.link).first().is_some_and(|l| l.url == post.link);
    Receipt { remote_id: post.id.to_string(), url: is_web.then(|| post.link.clone()), note: None }
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

#[async_trait]
impl Channel for WordPress {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let known = self.find(job).await?.into_iter().next();
        if let Some(post) = known.as_ref().filter(|post| post.is_public()) {
            return Ok(receipt(post));
        }
        let media = self.upload(job, pass).await?;
        let content = content(job, &media);
        let post = match known {
            Some(post) => post,
            None => self.draft(job, &content, pass).await?,
        };
        if post.is_public() { Ok(receipt(&post)) } else { self.reveal(&post, &content, pass).await }
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        match self.find(job).await.as_ref().map(|posts| posts.first()) {
            Ok(Some(post)) if post.is_public() => Sighting::Found(receipt(post)),
            Ok(Some(post)) if post.status == "future" => Sighting::Unknown(SCHEDULED.to_owned()),
            Ok(Some(post)) if post.status == "private" => Sighting::Unknown(HIDDEN.to_owned()),
            Ok(_) => Sighting::Absent,
            Err(why) => Sighting::Unknown(why.to_string()),
        }
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        if let Some(id) = remote_id {
            return self.trash(id).await;
        }
        let posts = match self.find(job).await {
            Ok(posts) => posts,
            Err(why) => return Retraction::StillLive(why.to_string()),
        };
        let Some(post) = posts.first().filter(|p| p.is_public() || p.status == "future") else {
            return Retraction::StillLive(NOT_OURS.to_owned());
        };
        self.trash(&post.id.to_string()).await
    }

    async fn watch(&self, since: DateTime<Utc>) -> Result<Option<watch::Account>, String> {
        self.newest(since).await.map(Some)
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
}

#[cfg(test)]
#[path = "wordpress_site.rs"]
mod site;
#[cfg(test)]
#[path = "wordpress_tests.rs"]
mod tests;
