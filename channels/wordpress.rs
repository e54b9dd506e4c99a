//! Adapter `wordpress`: posts on a WordPress site, over its REST API.
//!
//! A post is made as a draft under a slug that is derived from the delivery, then published. Every
//! attempt looks for the slug first, so a draft or a post of an earlier attempt is used again.
//! Facts: <https://developer.wordpress.org/rest-api/reference/posts/>; a repeated create makes a
//! second post with the slug `-2` (seen on WordPress 6.1).

use std::fmt::Write;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::http::{Answer, Http, Request, Trouble};
use crate::text::{self, Unit};
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, MediaRef, Pass, ReadBack,
    Receipt, Replay, Retraction, Retry, Setting, Sighting,
};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "wordpress",
    title: "WordPress",
    capabilities: Capabilities {
        replay: Replay::HandleFirst,
        read_back: ReadBack::Consistent,
        retract: true,
        media: true,
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

#[derive(Debug, Deserialize)]
struct Media {
    id: u64,
    source_url: String,
}

/// What an error answer says.
#[derive(Default, Deserialize)]
struct Wrong {
    #[serde(default)]
    code: String,
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

    /// The post of this delivery, if an earlier attempt made one.
    async fn find(&self, job: &Job) -> Result<Option<Post>, Failure> {
        let mut url = self.api(&["posts"]);
        url.query_pairs_mut().extend_pairs([
            ("slug", slug(job).as_str()),
            ("status", "publish,draft,pending,future,private"),
            ("context", "edit"),
            ("_fields", FIELDS),
        ]);
        let answer = self.http.call(self.authorised(Request::get(url.as_str()))).await;
        let answer = answer.map_err(no_effect)?;
        if !answer.is_success() {
            return Err(not_looked(failure(&answer)));
        }
        // A published post is what counts, should a draft of the same slug lie beside it.
        let mut posts = answer.json::<Vec<Post>>().map_err(unread)?;
        posts.sort_by_key(|p| p.status != "publish");
        Ok(posts.into_iter().next())
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
                return Err(not_looked(failure(&known)));
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
        url.query_pairs_mut().extend_pairs([("slug", name), ("alt_text", &picture.alt)]);
        let ending = picture.mime.rsplit('/').next().unwrap_or("bin");
        let request = self
            .authorised(Request::post(url.as_str()))
            .header("content-disposition", &format!("attachment; filename=\"{name}.{ending}\""))
            .body(&picture.mime, bytes.to_vec());
        let answer = self.http.send(request, pass).await.map_err(no_effect)?;
        if !answer.is_success() {
            return Err(failure(&answer).without_effect());
        }
        answer.json().map_err(unread)
    }

    /// Makes the draft. Nobody but the editors sees it.
    async fn draft(&self, content: &Value, pass: &Pass) -> Result<Post, Failure> {
        let mut draft = content.clone();
        draft["status"] = "draft".into();
        let url = self.api(&["posts"]);
        let request = self.authorised(Request::post(url.as_str())).json(&draft);
        let answer = self.http.send(request, pass).await.map_err(no_effect)?;
        if !answer.is_success() {
            return Err(failure(&answer).without_effect());
        }
        answer.json().map_err(unread)
    }

    /// The step that the public sees. It carries the content again: the draft may be older than the
    /// words that were approved, or an editor may have touched it.
    async fn reveal(&self, draft: &Post, content: &Value, pass: &Pass) -> Result<Receipt, Failure> {
        let mut post = content.clone();
        post["status"] = "publish".into();
        let url = self.api(&["posts", &draft.id.to_string()]);
        let request = self.authorised(Request::post(url.as_str())).json(&post);
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(failure(&answer));
        }
        let post = answer.json::<Post>().map_err(|reason| Failure::InDoubt { reason })?;
        if post.status == "future" {
            // Somebody gave the draft a date: WordPress publishes it then, by itself.
            let reason = "WordPress will publish it at a date that was set there".to_owned();
            return Err(Failure::InDoubt { reason });
        }
        if post.status != "publish" {
            let reason = format!("WordPress kept the post as \"{}\"; may this user publish?", post.status);
            return Err(Failure::Rejected { reason, retry: Retry::Reconnect });
        }
        Ok(receipt(&post))
    }
}

/// The slug that all attempts at one delivery share.
fn slug(job: &Job) -> String {
    format!("holdline-{}", job.delivery.simple())
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

/// Whether the site says that there is no such post, or that it lies in the trash already. Another
/// 404 says only that the API is not there.
fn is_gone(answer: &Answer) -> bool {
    let code = answer.json::<Wrong>().unwrap_or_default().code;
    matches!((answer.status, code.as_str()), (404, "rest_post_invalid_id") | (410, "rest_already_trashed"))
}

/// What an answer that does not accept means: the status, and the site's name for the error.
fn failure(answer: &Answer) -> Failure {
    let code = answer.json::<Wrong>().unwrap_or_default().code;
    let plain = code.len() <= 60 && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    match answer.failure() {
        Failure::Rejected { reason, retry } if plain && !code.is_empty() => {
            Failure::Rejected { reason: format!("{reason}: {code}"), retry }
        }
        other => other,
    }
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

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Square brackets would start a WordPress shortcode.
            '[' => out.push_str("&#91;"),
            ']' => out.push_str("&#93;"),
            other => out.push(other),
        }
    }
    out
}

/// The text as HTML: paragraphs, line breaks, links; then the pictures.
fn page(text: &str, language: &str, pictures: &[MediaRef], media: &[Media]) -> String {
    let mut html = format!("<div lang=\"{}\">", escape(language));
    for paragraph in text.split("\n\n").map(str::trim).filter(|p| !p.is_empty()) {
        let mut at = 0;
        html.push_str("<p>");
        for link in text::links(paragraph) {
            let url = escape(&link.url);
            html.push_str(&escape(&paragraph[at..link.start]));
            let _ = write!(html, "<a href=\"{url}\">{url}</a>");
            at = link.end;
        }
        html.push_str(&escape(&paragraph[at..]));
        html.push_str("</p>\n");
    }
    // Line breaks are WordPress's own work (wpautop): inside a paragraph a newline becomes <br>.
    for (picture, stored) in pictures.iter().zip(media) {
        let (url, alt) = (escape(&stored.source_url), escape(&picture.alt));
        let id = stored.id;
        let _ = writeln!(html, "<figure><img class=\"wp-image-{id}\" src=\"{url}\" alt=\"{alt}\"></figure>");
    }
    html.push_str("</div>");
    html
}

#[async_trait]
impl Channel for WordPress {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let known = self.find(job).await?;
        if let Some(post) = known.as_ref().filter(|post| post.status == "publish") {
            return Ok(receipt(post));
        }
        let media = self.upload(job, pass).await?;
        let content = content(job, &media);
        let draft = match known {
            Some(draft) => draft,
            None => self.draft(&content, pass).await?,
        };
        self.reveal(&draft, &content, pass).await
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        match self.find(job).await {
            Ok(Some(post)) if post.status == "publish" => Sighting::Found(receipt(&post)),
            Ok(_) => Sighting::Absent,
            Err(why) => Sighting::Unknown(why.to_string()),
        }
    }

    async fn retract(&self, receipt: &Receipt) -> Retraction {
        let url = self.api(&["posts", &receipt.remote_id]);
        match self.http.call(self.authorised(Request::delete(url.as_str()))).await {
            Ok(answer) if answer.is_success() || is_gone(&answer) => Retraction::Gone,
            Ok(answer) => Retraction::StillLive(failure(&answer).to_string()),
            Err(trouble) => Retraction::StillLive(trouble.to_string()),
        }
    }

    async fn check(&self) -> Health {
        let unready = |detail: String| Health { ready: false, detail };
        let mut url = self.api(&["users", "me"]);
        url.query_pairs_mut().extend_pairs([("context", "edit"), ("_fields", "slug,capabilities")]);
        match self.http.call(self.authorised(Request::get(url.as_str()))).await {
            Err(trouble) => unready(trouble.to_string()),
            Ok(answer) if answer.status == 404 => {
                unready("no REST API is at this address; give the address of the site".to_owned())
            }
            Ok(answer) if !answer.is_success() => unready(failure(&answer).to_string()),
            Ok(answer) => match answer.json::<Value>() {
                Err(why) => unready(why),
                Ok(user) if user["capabilities"]["publish_posts"] == true => {
                    Health { ready: true, detail: format!("logged in as {}", self.account) }
                }
                Ok(_) => unready(format!("{} may not publish posts; make it an author", self.account)),
            },
        }
    }
}

#[cfg(test)]
#[path = "wordpress_tests.rs"]
mod tests;
