//! What is looked up on X: the account's posts, and which of them has the words.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;
use unicode_normalization::UnicodeNormalization;

use super::{Who, X, is_id, link};
use crate::watch::{self, Account, List, Seen, Told};
use crate::{Job, Receipt, Rendition, Sighting};

/// Most pages of the account's posts in which a post is looked for.
const PAGES: usize = 5;
/// Most posts of a page.
const EACH: usize = 100;
/// Most posts that a look of the watch reads when looks are frequent. Each one costs some of the credits that posts need,
/// and whoever has taken the account may post all the time; a few tell enough.
const FEW: usize = 20;
/// A look that reads back no further is a frequent one.
const SHORT: TimeDelta = TimeDelta::hours(1);

/// How far the clocks may differ.
pub(super) const DRIFT: TimeDelta = TimeDelta::seconds(60);

/// A post, as far as it is read.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Post {
    pub id: String,
    created_at: DateTime<Utc>,
    #[serde(flatten)]
    said: Said,
    /// The whole text of a longer post.
    note_tweet: Option<Said>,
    /// What it answers or quotes.
    #[serde(default)]
    referenced_tweets: Vec<Reference>,
    #[serde(default)]
    attachments: Attachments,
}

/// What a post answers, quotes or shows again.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Reference {
    r#type: String,
    id: String,
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
    /// Whether it stands for itself: it answers, quotes and shows no other again.
    fn is_alone(&self) -> bool {
        self.referenced_tweets.is_empty()
    }

    /// Whether it answers that post, and refers to no other.
    pub(super) fn answers(&self, id: &str) -> bool {
        matches!(self.referenced_tweets.as_slice(), [one] if one.r#type == "replied_to" && one.id == id)
    }

    /// Whether it has these words and as many pictures.
    pub(super) fn says(&self, post: &Rendition) -> bool {
        let said = self.note_tweet.as_ref().unwrap_or(&self.said);
        let theirs = expanded(&said.text, &said.entities.urls);
        let ours = plain(&post.text);
        self.attachments.media_keys.len() == post.media.len()
            && (plain(&theirs) == ours || plain(&read(&theirs)) == ours)
    }

    /// What the watch keeps of it.
    fn seen(self, username: &str) -> Seen {
        let said = self.note_tweet.as_ref().unwrap_or(&self.said);
        let words = read(&expanded(&said.text, &said.entities.urls));
        let url = link(username, &self.id);
        Seen { at: Some(self.created_at), url, words: watch::words(&words), id: self.id }
    }
}

/// Most links of one post that are put back, and most bytes of one.
const LINKS: usize = 50;
const LINK: usize = 4_000;

/// The text with X's short links put back, each place once. A server's other replacements are left out.
fn expanded(text: &str, links: &[Short]) -> String {
    let is_short = |s: &&Short| {
        let rest = s.url.strip_prefix("https://t.co/").or_else(|| s.url.strip_prefix("http://t.co/"));
        rest.is_some_and(|r| !r.is_empty()) && s.expanded_url.len() <= LINK
    };
    let links: Vec<&Short> = links.iter().take(LINKS).filter(is_short).collect();
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    for _ in 0..LINKS {
        // The longest one of those that begin first: one short link can begin another.
        let found = links.iter().filter_map(|s| Some((rest.find(&s.url)?, *s)));
        let Some((at, short)) = found.min_by_key(|(at, s)| (*at, usize::MAX - s.url.len())) else { break };
        out.push_str(&rest[..at]);
        out.push_str(if short.media_key.is_some() { "" } else { &short.expanded_url });
        rest = &rest[at + short.url.len()..];
    }
    out + rest
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

/// When the post of that number was made: they begin with the milliseconds since November 2010
/// (<https://docs.x.com/fundamentals/x-ids>).
pub(super) fn made_at(id: &str) -> Option<DateTime<Utc>> {
    const BEGAN: i64 = 1_288_834_974_657;
    DateTime::from_timestamp_millis((id.parse::<i64>().ok()? >> 22) + BEGAN)
}

impl X {
    async fn who(&self) -> Result<Who, String> {
        match self.known.get() {
            Some(who) => Ok(who),
            None => self.ask().await,
        }
    }

    /// A page of the account's posts from a time on, at most so many, without what is excluded, and the token of the
    /// next one.
    async fn page(
        &self,
        who: &Who,
        since: DateTime<Utc>,
        most: usize,
        exclude: &str,
        next: Option<&str>,
    ) -> Result<(Vec<Post>, Option<String>), String> {
        let mut url = self.api(&["users", &who.id, "tweets"]);
        url.query_pairs_mut().extend_pairs([
            ("max_results", most.to_string().as_str()),
            ("start_time", &since.to_rfc3339_opts(SecondsFormat::Secs, true)),
            ("exclude", exclude),
            ("tweet.fields", "attachments,created_at,entities,note_tweet,referenced_tweets"),
        ]);
        if let Some(next) = next {
            url.query_pairs_mut().append_pair("pagination_token", next);
        }
        let told: Page = self.look(&url).await?;
        if told.meta.result_count != told.data.len() {
            return Err("the answer holds no list of posts".to_owned());
        }
        Ok((told.data, told.meta.next_token.filter(|token| !token.is_empty())))
    }

    /// The account and its posts from a time on, for the watch: its own, those in which it quotes others, and what
    /// it shows again of others. Its replies are left out: most accounts answer people with other tools all day
    /// long, and each one read costs money. Its times are X's own; an edit is another post, with an id of its own.
    ///
    /// Facts: <https://docs.x.com/x-api/users/get-posts>. X charges for each post that it returns and nothing for
    /// an empty answer, for the same post once a day (`x-api/getting-started/pricing` there, which calls that no firm
    /// promise): 0.001 US dollars for a post of the app's own account, 0.005 for others. So one page is read.
    pub(super) async fn newest(&self, since: DateTime<Utc>) -> Result<Account, String> {
        let who = self.who().await?;
        let most = if (self.clock)() - since <= SHORT { FEW } else { EACH };
        let (posts, next) = self.page(&who, since, most, "replies", None).await?;
        if posts.iter().any(|post| !is_id(&post.id)) {
            return Err("X lists posts without an id".to_owned());
        }
        let posts = posts.into_iter().map(|post| post.seen(&who.username)).collect();
        let shown = format!("@{}", crate::text::shown(&who.username));
        let lists = vec![List { posts, told: Told::ByTime }];
        Ok(Account { id: format!("x {}", who.id), also: Vec::new(), shown, lists, more: next.is_some() })
    }

    /// The account's own posts and answers since then.
    pub(super) async fn own_since(&self, from: DateTime<Utc>) -> Result<Vec<Post>, String> {
        let who = self.who().await?;
        let (mut own, mut next) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let (posts, after) = self.page(&who, from, EACH, "retweets", next.as_deref()).await?;
            // Not left to the server: what is older is another post with these words.
            let is_since = |p: &Post| p.created_at.timestamp() >= from.timestamp() && is_id(&p.id);
            own.extend(posts.into_iter().filter(is_since));
            next = after;
            if next.is_none() {
                return Ok(own);
            }
        }
        Err("the account has posted too much since to look through; see there yourself what is out, and settle it by that".to_owned())
    }

    /// Looks for the post, or for the first part of one, by its words.
    pub(super) async fn search(&self, job: &Job) -> Result<Sighting, String> {
        let wanted = job.rendition.part(0);
        let own = self.own_since(job.permitted_at - DRIFT).await?;
        let mut found = own.into_iter().filter(|post| post.is_alone() && post.says(&wanted));
        Ok(match (found.next(), found.next()) {
            (None, _) => Sighting::Absent,
            (Some(post), None) => {
                let url = link(&self.who().await?.username, &post.id);
                Sighting::Found(Receipt { remote_id: post.id, url, note: None })
            }
            (Some(_), Some(_)) => {
                Sighting::Unknown("the account has several posts with these words".to_owned())
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(url: &str, expanded: &str) -> Short {
        Short { url: url.to_owned(), expanded_url: expanded.to_owned(), media_key: None }
    }

    #[test]
    fn links_are_put_back_once_and_nothing_else_is() {
        let links = [short("https://t.co/a", "https://bank.ch"), short("https://t.co/ab", "https://t.co/a")];
        let text = "See https://t.co/ab and https://t.co/a.";
        assert_eq!(expanded(text, &links), "See https://t.co/a and https://bank.ch.");
        assert_eq!(expanded("aaa", &[short("a", "aa"), short("", "b")]), "aaa");
        let many: Vec<Short> = (0..999).map(|_| short("https://t.co/a", &"x".repeat(LINK))).collect();
        assert!(expanded(&"https://t.co/a".repeat(999), &many).len() < 400_000);
    }
}
