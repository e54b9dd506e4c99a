//! What is published on a Ghost site, whoever did it: an integration's key belongs to nobody, so the site is
//! the account. What went out by e-mail alone counts; pages do not.
//!
//! The date of a post is anybody's, so it is no order: the newest are read by their ids, which Ghost makes
//! itself (of a new post it takes neither an id nor the time of its making), and by their dates, because one
//! that was a draft for long has an old id. Of the words only the beginning is read: Ghost cuts them after 500
//! units of UTF-16, also inside of a character (seen on Ghost 6.65).
//!
//! Source: <https://docs.ghost.org/admin-api/posts/overview> and <https://docs.ghost.org/content-api/filtering>.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};
use url::Url;

use super::{Ghost, is_clean, is_web, post};
use crate::message::Doing;
use crate::text;
use crate::watch::{self, Account, List, Seen, Told};

/// Posts of one page; Ghost gives no more. Of those with the newest dates, most pages.
const PAGE: &str = "100";
const MOST_PAGES: usize = 3;
/// Units of UTF-16 after which Ghost cuts the words.
const EXCERPT: usize = 500;
/// Longest address that is kept.
const LONGEST: usize = 2_000;
/// Stands for words that the site shows to its members alone.
const FOR_MEMBERS: &str = "(for members only)";

#[derive(Deserialize)]
struct About {
    site: Site,
}

#[derive(Deserialize)]
struct Site {
    #[serde(default)]
    title: String,
    #[serde(default)]
    url: String,
}

#[derive(Deserialize)]
struct Page {
    posts: Vec<Published>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    pagination: Pagination,
}

#[derive(Deserialize)]
struct Pagination {
    /// The page behind this one.
    next: Option<usize>,
}

#[derive(Deserialize)]
struct Published {
    id: String,
    #[serde(default)]
    title: String,
    excerpt: Option<Cut>,
    published_at: DateTime<Utc>,
    #[serde(default)]
    url: String,
    #[serde(default)]
    visibility: String,
}

/// Text whose last character may be there by half.
struct Cut(String);

impl<'de> Deserialize<'de> for Cut {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Cut;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Cut, E> {
                Ok(Cut(String::from_utf8_lossy(bytes).into_owned()))
            }
        }
        // As bytes, because half a character is no text.
        from.deserialize_bytes(Bytes)
    }
}

impl Ghost {
    pub(super) async fn newest(&self, since: DateTime<Utc>) -> Result<Account, String> {
        let site = self.told::<About>(&self.api(&["site"])).await?.site;
        let home = home(&site.url).ok_or("the site does not say its address")?;
        let made = self.told::<Page>(&self.published("id", 1)).await?;
        let whole = made.meta.pagination.next.is_none();
        let (mut dated, mut next) = (Vec::new(), Some(1));
        for _ in 0..MOST_PAGES {
            let Some(number) = next else { break };
            let page: Page = self.told(&self.published("published_at", number)).await?;
            let is_far = page.posts.last().is_none_or(|last| last.published_at < since);
            next = page.meta.pagination.next.filter(|_| !is_far);
            dated.extend(seen(page.posts)?);
        }
        let lists = vec![
            List { posts: seen(made.posts)?, told: Told::ByOrder { whole } },
            List { posts: dated, told: Told::ByTime },
        ];
        let title = Some(text::shown(&site.title)).filter(|title| is_clean(title)).unwrap_or_default();
        let shown = format!("{title} ({})", home.host_str().unwrap_or_default());
        let id = format!("ghost {}", home.as_str().trim_end_matches('/'));
        Ok(Account { id, also: Vec::new(), shown, lists, more: next.is_some() })
    }

    async fn told<T: serde::de::DeserializeOwned>(&self, url: &Url) -> Result<T, String> {
        let answer = self.get(url).await.map_err(|failure| failure.to_string())?;
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Ask).to_string());
        }
        answer.json()
    }

    /// The address of a page of what is out, the highest first by that field.
    fn published(&self, field: &str, page: usize) -> Url {
        let mut url = self.api(&["posts"]);
        url.query_pairs_mut().extend_pairs([
            ("filter", "status:[published,sent]"),
            ("order", &format!("{field} desc")),
            ("limit", PAGE),
            ("page", &page.to_string()),
            ("fields", "id,title,excerpt,published_at,url,visibility"),
        ]);
        url
    }
}

/// The site's own address: its API may be at another one.
fn home(told: &str) -> Option<Url> {
    let mut url = Url::parse(told).ok().filter(|url| url.host_str().is_some() && told.len() <= 500)?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

fn seen(posts: Vec<Published>) -> Result<Vec<Seen>, String> {
    posts.into_iter().map(one).collect()
}

fn one(post: Published) -> Result<Seen, String> {
    if !post::is_id(&post.id) {
        return Err("the answer names no post".to_owned());
    }
    let excerpt = post.excerpt.map(|cut| cut.0).unwrap_or_default();
    let beginning = match post.visibility.as_str() {
        "public" if excerpt.encode_utf16().count() >= EXCERPT => {
            format!("{}…", excerpt.trim_end_matches('\u{fffd}').trim_end())
        }
        "public" => excerpt,
        _ => FOR_MEMBERS.to_owned(),
    };
    let url = Some(post.url).filter(|url| url.len() <= LONGEST && is_web(url));
    let words = watch::words(&format!("{} {beginning}", post.title));
    Ok(Seen { id: post.id, at: Some(post.published_at), url, words })
}
