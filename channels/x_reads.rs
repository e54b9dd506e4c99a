//! What is looked up on X: the account's posts, and which of them has the words.

use chrono::{SecondsFormat, TimeDelta};
use serde::Deserialize;
use serde::de::IgnoredAny;
use unicode_normalization::UnicodeNormalization;

use super::{X, is_id, link};
use crate::{Job, Receipt, Rendition, Sighting};

/// Most pages of the account's posts that one look reads.
const PAGES: usize = 5;

/// How far the clocks may differ.
const DRIFT: TimeDelta = TimeDelta::seconds(60);

/// A post, as far as it is read.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Post {
    id: String,
    #[serde(flatten)]
    said: Said,
    /// The whole text of a longer post.
    note_tweet: Option<Said>,
    /// What it answers or quotes.
    #[serde(default)]
    referenced_tweets: Vec<IgnoredAny>,
    #[serde(default)]
    attachments: Attachments,
}

#[derive(Debug, Clone, Deserialize)]
struct Said {
    text: String,
    #[serde(default)]
    entities: Entities,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Entities {
    #[serde(default)]
    urls: Vec<Short>,
}

/// A link as X has shortened it. That of a picture has its key.
#[derive(Debug, Clone, Deserialize)]
struct Short {
    url: String,
    #[serde(default)]
    expanded_url: String,
    media_key: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Attachments {
    #[serde(default)]
    media_keys: Vec<IgnoredAny>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    data: Vec<Post>,
    meta: Meta,
}

#[derive(Deserialize)]
struct Meta {
    result_count: usize,
    next_token: Option<String>,
}

impl Post {
    /// Whether it is a post of its own with these words and as many pictures.
    fn says(&self, post: &Rendition) -> bool {
        let said = self.note_tweet.as_ref().unwrap_or(&self.said);
        let theirs = said.entities.urls.iter().fold(said.text.clone(), |text, short| {
            let whole = if short.media_key.is_some() { "" } else { &short.expanded_url };
            if short.url.is_empty() { text } else { text.replace(&short.url, whole) }
        });
        let ours = plain(&post.text);
        self.referenced_tweets.is_empty()
            && self.attachments.media_keys.len() == post.media.len()
            && (plain(&theirs) == ours || plain(&read(&theirs)) == ours)
    }
}

/// What can be compared: composed, without what X cuts off, and links without what it may add.
fn plain(text: &str) -> String {
    let text: String = text.nfc().collect::<String>().replace("\r\n", "\n");
    let mut out = String::with_capacity(text.len());
    let mut rest = text.trim();
    while let Some(at) = rest.find("://") {
        let before = &rest[..at];
        let word = before
            .rfind(|c: char| !c.is_ascii_alphabetic())
            .map_or(0, |last| last + before[last..].chars().next().map_or(0, char::len_utf8));
        let scheme = before[word..].to_ascii_lowercase();
        let is_web = scheme == "http" || scheme == "https";
        out.push_str(if is_web { &before[..word] } else { &rest[..at + 3] });
        rest = &rest[at + 3..];
        if is_web {
            // A link without a path may have got one.
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            out.push_str(rest[..end].trim_end_matches('/'));
            rest = &rest[end..];
        }
    }
    out.push_str(rest);
    out
}

/// The signs that the API writes out.
fn read(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

impl X {
    /// Looks for the post among the account's own since the first attempt.
    pub(super) async fn find(&self, job: &Job) -> Result<Sighting, String> {
        let who = match self.known.get() {
            Some(who) => who,
            None => self.ask().await?,
        };
        let since = (job.permitted_at - DRIFT).to_rfc3339_opts(SecondsFormat::Secs, true);
        let (mut found, mut next) = (Vec::new(), None::<String>);
        for page in 0.. {
            if page == PAGES {
                return Err("the account has posted too much since to look through".to_owned());
            }
            let mut url = self.api(&["users", &who.id, "tweets"]);
            url.query_pairs_mut().extend_pairs([
                ("max_results", "100"),
                ("start_time", since.as_str()),
                ("exclude", "retweets"),
                ("tweet.fields", "attachments,created_at,entities,note_tweet,referenced_tweets"),
            ]);
            if let Some(next) = &next {
                url.query_pairs_mut().append_pair("pagination_token", next);
            }
            let told: Page = self.look(&url).await?;
            if told.meta.result_count != told.data.len() {
                return Err("the answer holds no list of posts".to_owned());
            }
            found.extend(told.data.into_iter().filter(|p| is_id(&p.id) && p.says(&job.rendition)));
            next = told.meta.next_token.filter(|token| !token.is_empty());
            if next.is_none() {
                break;
            }
        }
        Ok(match (found.pop(), found.is_empty()) {
            (None, _) => Sighting::Absent,
            (Some(post), true) => {
                let url = link(&who.username, &post.id);
                Sighting::Found(Receipt { remote_id: post.id, url, note: None })
            }
            (Some(_), false) => {
                Sighting::Unknown("the account has several posts with these words".to_owned())
            }
        })
    }
}
