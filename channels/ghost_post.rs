//! A post of a Ghost site: what it is made of, and which one counts. Pure.

use std::fmt::Write;

use serde::Deserialize;
use serde_json::{Value, json};

use super::is_web;
use crate::html::{escape, paragraphs};
use crate::{Job, Receipt};

/// How many slugs a delivery can have: its own, and with `-2`, `-3` and so on those that Ghost gives to
/// drafts that come while another one has it. More than there are attempts.
const SLUGS: usize = 20;

/// A post, as far as it is read.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Post {
    pub id: String,
    pub status: String,
    pub slug: String,
    pub updated_at: String,
    /// Also of a draft that was public, or was given a date.
    #[serde(default)]
    published_at: Option<String>,
    #[serde(default)]
    url: String,
    #[serde(default)]
    pub title: Option<String>,
    /// Only where it was asked for.
    #[serde(default)]
    pub html: Option<String>,
}

impl Post {
    pub fn is_public(&self) -> bool {
        self.status == "published"
    }

    /// Whether it is a draft that nobody has ever published or dated.
    pub fn is_fresh(&self) -> bool {
        self.status == "draft" && self.published_at.is_none()
    }
}

/// Whether it has the form of an id.
pub(super) fn is_id(text: &str) -> bool {
    text.len() == 24 && text.chars().all(|c| c.is_ascii_hexdigit())
}

/// The slug that all attempts at one delivery share.
pub(super) fn slug(job: &Job) -> String {
    format!("holdline-{}", job.delivery.simple())
}

/// All slugs that a post of this delivery can have, as the API takes a list.
pub(super) fn slugs(job: &Job) -> String {
    let mut all = slug(job);
    for n in 2..=SLUGS {
        let _ = write!(all, ",{}-{n}", slug(job));
    }
    all
}

/// The posts of the delivery. What is public counts most, then what left otherwise or will; of drafts, the
/// one with the smallest number.
pub(super) fn in_order(posts: Vec<Post>, job: &Job) -> Vec<Post> {
    let own = slug(job);
    let number = |post: &Post| match post.slug.strip_prefix(&own)? {
        "" => Some(1),
        rest => rest.strip_prefix('-')?.parse::<usize>().ok(),
    };
    let rank = |post: &Post| match post.status.as_str() {
        "published" => 0,
        "draft" if post.is_fresh() => 2,
        _ => 1,
    };
    let mut all: Vec<_> = posts.into_iter().filter_map(|p| Some((rank(&p), number(&p)?, p))).collect();
    all.sort_by_key(|(rank, number, _)| (*rank, *number));
    all.into_iter().map(|(_, _, post)| post).collect()
}

/// What both steps of a post carry: it is for everybody.
pub(super) fn content(job: &Job, pictures: &[String]) -> Value {
    let mut content = written(job, pictures);
    (content["visibility"], content["email_only"]) = ("public".into(), false.into());
    content
}

/// Title and words. The words are one HTML card: what else is in a post Ghost may write anew.
pub(super) fn written(job: &Job, pictures: &[String]) -> Value {
    let post = &job.rendition;
    let mut html = format!("<!--kg-card-begin: html-->\n<div lang=\"{}\">", escape(&post.language));
    html.push_str(&paragraphs(&post.text, "<br>"));
    for (picture, url) in post.media.iter().zip(pictures) {
        let (url, alt) = (escape(url), escape(&picture.alt));
        let _ = writeln!(html, "<figure><img src=\"{url}\" alt=\"{alt}\"></figure>");
    }
    html.push_str("</div>\n<!--kg-card-end: html-->");
    json!({ "title": post.title.as_deref().unwrap_or_default(), "html": html })
}

pub(super) fn receipt(post: &Post) -> Receipt {
    let url = is_web(&post.url).then(|| post.url.clone());
    Receipt { remote_id: post.id.clone(), url, note: None }
}
