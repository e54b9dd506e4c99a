//! The post of a delivery as a WordPress site has it, and whose doing its state is. Pure.

use std::fmt::Write;

use chrono::NaiveDateTime;
use secrecy::SecretString;
use serde::Deserialize;

use super::answers::shows;
use crate::{Job, Receipt, text};

/// How many slugs a delivery can have: its own, and with `-2`, `-3` and so on those that WordPress
/// gives to drafts that come while another one has it. More than there are attempts.
const SLUGS: usize = 20;

/// Said of a post that WordPress itself will publish.
pub(super) const SCHEDULED: &str = "WordPress will publish it at a date that was set there";
/// Said of a post that was made private: it may have been public before.
pub(super) const HIDDEN: &str = "somebody made the post private on WordPress";
/// Said of a post in the trash.
pub(super) const TRASHED: &str =
    "somebody moved the post to the trash on WordPress; to post it anew, delete it there for good";
/// Said of a draft that was changed since an attempt was about to publish it.
pub(super) const DOWN: &str = "somebody took the post down on WordPress, or changed its draft; to post it anew, delete it there for good";
/// Said of a post that is gone.
pub(super) const DELETED: &str = "somebody deleted the post on WordPress";

/// The fields of a post that are read.
pub(super) const FIELDS: &str = "id,status,link,slug,modified";

/// A post of the site.
#[derive(Debug, Deserialize)]
pub(super) struct Post {
    pub id: u64,
    pub status: String,
    pub link: String,
    #[serde(default)]
    modified: String,
}

impl Post {
    pub fn is_public(&self) -> bool {
        self.status == "publish"
    }

    /// Whether the public may see it now or later.
    pub fn comes_out(&self) -> bool {
        matches!(self.status.as_str(), "publish" | "future")
    }

    pub fn receipt(&self, password: &SecretString) -> Receipt {
        // The site's own words: nothing but an address of the web becomes a link.
        let is_web = text::links(&self.link).first().is_some_and(|l| l.url == self.link);
        let url = Some(&self.link).filter(|link| is_web && !shows(link, password));
        Receipt { remote_id: self.id.to_string(), url: url.cloned(), note: None }
    }
}

/// What is written down before the public step: the post, and when it was changed last. Publishing changes
/// that time, and so does whoever takes it down later. It has whole seconds: what publishes and hides a post
/// within the second in which its draft was made is not seen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Prepared {
    pub id: u64,
    modified: Option<NaiveDateTime>,
}

impl Prepared {
    pub fn of(post: &Post) -> Self {
        Self { id: post.id, modified: time(&post.modified) }
    }

    /// What an earlier attempt wrote down.
    pub fn read(job: &Job) -> Option<Self> {
        let (id, modified) = job.handle.as_deref()?.split_once('@')?;
        Some(Self { id: id.parse().ok()?, modified: time(modified) })
    }

    pub fn handle(&self) -> String {
        let modified = self.modified.map(|at| at.format(TIME).to_string()).unwrap_or_default();
        format!("{}@{modified}", self.id)
    }

    /// Whether the post is as it was before the public step.
    fn is_as_it_was(&self, post: &Post) -> bool {
        self.modified.is_some() && *self == Self::of(post)
    }
}

/// The site's own time, as it is kept there: what it tells of a draft in UTC moves with the site's zone.
const TIME: &str = "%Y-%m-%dT%H:%M:%S";

fn time(text: &str) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(text, TIME).ok()
}

/// Why a post that is there and not public is not published by us.
pub(super) fn left_to_people(post: &Post, prepared: Option<&Prepared>) -> Option<&'static str> {
    match post.status.as_str() {
        "publish" => None,
        "future" => Some(SCHEDULED),
        "private" => Some(HIDDEN),
        "trash" => Some(TRASHED),
        // Nobody was about to publish it, or nothing has become of that.
        _ if prepared.is_none_or(|p| p.id != post.id || p.is_as_it_was(post)) => None,
        _ => Some(DOWN),
    }
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

/// What is public counts most, then what an editor has scheduled or hidden; of drafts, the oldest.
pub(super) fn in_order(mut posts: Vec<Post>) -> Vec<Post> {
    posts.sort_by_key(|post| match post.status.as_str() {
        "publish" => (0, post.id),
        "future" | "private" => (1, post.id),
        _ => (2, post.id),
    });
    posts
}
