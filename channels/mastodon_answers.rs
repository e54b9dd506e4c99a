//! What a Mastodon server and its kin answer, and what it means. Pure.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::http::Answer;
use crate::message::{LONGEST_WAIT, SLACK};
use crate::text::{self, Unit};
use crate::{Failure, Limits, PictureLimits, Receipt, Rendition, Retry, watch};

/// A post, as far as it is read.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Status {
    pub id: String,
    pub url: Option<String>,
    pub visibility: Option<String>,
    pub created_at: Option<DateTime<Utc>>,
    pub edited_at: Option<DateTime<Utc>>,
    in_reply_to_id: Option<String>,
    account: Option<Owner>,
    /// What it shows again, of others.
    reblog: Option<Box<Status>>,
    spoiler_text: Option<String>,
    media_attachments: Option<Vec<Value>>,
    /// HTML.
    content: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Owner {
    id: String,
}

impl Status {
    /// Whether the account of that id posted it.
    pub fn is_by(&self, account: &str) -> bool {
        self.account.as_ref().is_some_and(|owner| owner.id == account)
    }

    /// Whether it is told to be of another account.
    pub fn is_by_another(&self, account: &str) -> bool {
        self.account.as_ref().is_some_and(|owner| owner.id != account)
    }

    /// The ids of its pictures, or of a film or sound. Nothing: one of them is told without an id.
    pub fn pictures(&self) -> Option<Vec<&str>> {
        self.media_attachments.iter().flatten().map(|told| told["id"].as_str()).collect()
    }

    /// Whether it answers the post of that id.
    pub fn answers(&self, id: &str) -> bool {
        self.in_reply_to_id.as_deref() == Some(id)
    }

    /// Whether it can be that post, by what a list tells: sent to the same people, with as many pictures,
    /// and with a word of the text. What is not told decides nothing.
    pub fn can_be(&self, post: &Rendition, visibility: &str) -> bool {
        let word = post.text.split_whitespace().filter(|w| w.chars().all(|c| c.is_ascii_alphabetic()));
        let word = word.max_by_key(|w| w.len()).unwrap_or_default();
        self.visibility.as_deref().is_none_or(|told| told == visibility)
            && self.media_attachments.as_ref().is_none_or(|told| told.len() == post.media.len())
            && self.spoiler_text.as_ref().is_none_or(|told| told.trim().is_empty() == post.title.is_none())
            && self.in_reply_to_id.is_none()
            && self.content.as_ref().is_none_or(|told| told.contains(word))
    }
}

/// A post of the account; nothing: a message to some people, which is theirs. What is for followers keeps its
/// words to itself, unless the channel posts so (`visibility`).
pub(super) fn seen(status: Status, visibility: &str) -> Option<watch::Seen> {
    let told = status.visibility.as_deref().unwrap_or("public");
    if !matches!(told, "public" | "unlisted" | "private") {
        return None;
    }
    let again = status.reblog.is_some();
    let shown = status.reblog.as_deref().unwrap_or(&status);
    let text = watch::words_of_html(shown.content.as_deref().unwrap_or_default());
    let warning = shown.spoiler_text.as_deref().unwrap_or_default();
    let words = match told {
        "private" if visibility != "private" => watch::FOLLOWERS_ONLY.to_owned(),
        _ if again => format!("shows again: {text}"),
        _ => format!("{warning} {text}"),
    };
    let url = shown.url.clone().filter(is_web);
    Some(watch::Seen { at: status.created_at, url, words: watch::words(&words), id: status.id })
}

/// Whether it can be shown as a link.
fn is_web(url: &String) -> bool {
    url.len() <= 2_000 && text::links(url).first().is_some_and(|l| l.url == *url)
}

/// The words of a post as they were sent.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Source {
    pub text: String,
    #[serde(default)]
    pub spoiler_text: String,
}

impl Source {
    /// Whether these are the words of the rendition. Servers cut blanks at both ends.
    pub fn says(&self, post: &Rendition) -> bool {
        let plain = |text: &str| text.trim().replace("\r\n", "\n");
        plain(&self.text) == plain(&post.text)
            && plain(&self.spoiler_text) == plain(post.title.as_deref().unwrap_or_default())
    }
}

/// The software of a server, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Software {
    /// Mastodon and its close forks: a repeated key gives the first post, for an hour.
    Mastodon,
    /// Pleroma and Akkoma repeat whatever they answered to a key, refusals too, for six hours. So
    /// they get no key: a post that was refused once could not be tried again.
    Pleroma,
    /// Everything else; no promise is known.
    Other,
}

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    /// Name and version, for people.
    pub name: String,
    pub software: Software,
    pub characters: usize,
    pub media: usize,
    pub media_bytes: u64,
    /// Most characters of the words for those who cannot see a picture.
    pub alt: usize,
}

impl Server {
    /// Reads `/api/v2/instance`, or `/api/v1/instance` of older servers. Nothing when it tells no version.
    pub fn read(told: &Value) -> Option<Self> {
        let version = told["version"].as_str().filter(|v| !v.trim().is_empty())?;
        let source = told["source_url"].as_str().unwrap_or_default().to_ascii_lowercase();
        let posts = &told["configuration"]["statuses"];
        let pictures = &told["configuration"]["media_attachments"];
        let number = |value: &Value| value.as_u64().and_then(|n| usize::try_from(n).ok()).filter(|n| *n > 0);
        let either = |one: &Value, other: &Value| number(one).or_else(|| number(other));
        let (name, software) = software(version, &source);
        Some(Self {
            name,
            software,
            characters: either(&posts["max_characters"], &told["max_toot_chars"]).unwrap_or(500),
            media: number(&posts["max_media_attachments"]).unwrap_or(4),
            media_bytes: pictures["image_size_limit"].as_u64().filter(|n| *n > 0).unwrap_or(8 << 20),
            alt: either(&pictures["description_limit"], &told["description_limit"]).unwrap_or(1_500),
        })
    }

    /// The limits of a post there, without a title.
    pub fn limits(&self) -> Limits {
        let like_mastodon = self.software == Software::Mastodon;
        Limits {
            text: Some(self.characters),
            // The others are counted in the way that gives the most, without a discount for links.
            unit: if like_mastodon { Unit::Mastodon } else { Unit::CharactersAndTitle },
            text_bytes: None,
            title: None,
            title_needed: false,
            media: self.media,
            media_bytes: self.media_bytes,
            media_all: None,
            alt: Some(self.alt),
            parts: 10,
            cards: false,
            pictures: PictureLimits::ANY,
        }
    }
}

/// `4.3.2` is Mastodon; others say `2.7.2 (compatible; Pleroma 2.6.0)`, or something else in brackets, or
/// where their source is.
fn software(version: &str, source: &str) -> (String, Software) {
    let plain = |text: &str| -> String {
        text.chars().filter(|c| c.is_ascii_alphanumeric() || " .+-".contains(*c)).take(40).collect()
    };
    if let Some((_, kin)) = version.split_once("(compatible;") {
        let name = plain(kin.trim());
        let family = name.to_ascii_lowercase();
        let pleroma = family.starts_with("pleroma") || family.starts_with("akkoma");
        return (name, if pleroma { Software::Pleroma } else { Software::Other });
    }
    for (word, name) in [("gotosocial", "GoToSocial"), ("hollo", "Hollo")] {
        if source.contains(word) {
            return (format!("{name} {}", plain(version)), Software::Other);
        }
    }
    let major = version.split('.').next().and_then(|n| n.parse::<u32>().ok());
    // Those that count their own versions are still at 0.
    match major {
        Some(major) if major >= 2 && !version.contains('(') => {
            (format!("Mastodon {}", plain(version)), Software::Mastodon)
        }
        _ => (format!("server {}", plain(version)), Software::Other),
    }
}

/// Whether it has the form of an id. It goes into addresses and into the log.
pub(super) fn is_id(text: &str) -> bool {
    let of = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=100).contains(&text.len()) && text.chars().all(of)
}

/// The receipt of a post. A server may show it to fewer people than was asked.
pub(super) fn receipt(status: Status, asked: &str) -> Result<Receipt, String> {
    if !is_id(&status.id) {
        return Err("the answer names no post".to_owned());
    }
    let is_word = |v: &String| v.len() <= 20 && v.chars().all(|c| c.is_ascii_lowercase());
    let other = status.visibility.filter(|v| v != asked && is_word(v));
    Ok(Receipt {
        url: status.url.filter(is_web),
        remote_id: status.id,
        note: other.map(|v| format!("the server shows it as {v}, not as {asked}")),
    })
}

/// What an answer that does not accept a post means. A repeated answer means no more than the first one
/// did: only of a refusal is it known that nothing is there.
pub(super) fn failure(answer: &Answer, now: DateTime<Utc>, secret: &str) -> Failure {
    let failure = by_status(answer, now, secret);
    let repeated = answer.header("idempotent-replayed") == Some("true");
    if repeated && matches!(failure, Failure::Rejected { .. }) {
        let status = answer.status;
        let reason = format!("the server repeats its first refusal ({status}); write it as a new post");
        return Failure::never(reason);
    }
    failure
}

fn by_status(answer: &Answer, now: DateTime<Utc>, secret: &str) -> Failure {
    let status = answer.status;
    let rejected = |reason: String, retry| Failure::Rejected { reason, retry };
    let words = answer.words("error", &[secret]);
    let refused = |what: &str| answer.refused(what, words.as_deref());
    match status {
        401 => rejected(refused("the access token is refused"), Retry::Reconnect),
        403 => rejected(refused("the token may not do this, or the account is suspended"), Retry::Reconnect),
        404 | 410 => rejected(refused("no such thing is there, or it was deleted"), Retry::Never),
        // Another request with the same key is under way, so that one may publish it.
        409 => Failure::InDoubt { reason: "the server has another request for this post in hand".to_owned() },
        429 => {
            let retry = wait(answer, now).map_or(Retry::Backoff, Retry::After);
            rejected(refused("the server asks us to wait"), retry)
        }
        400..=407 | 411..=499 => rejected(refused("the server refuses the post"), Retry::Never),
        _ => answer.failure(),
    }
}

/// How long looks at the account rest after this answer, so that posts have what the server still takes.
pub(super) fn rest(answer: &Answer, now: DateTime<Utc>) -> Option<Duration> {
    let number = |name: &str| answer.header(name).and_then(|text| text.trim().parse::<u64>().ok());
    let left = number("x-ratelimit-remaining");
    // A fifth is for posts.
    let reserve = number("x-ratelimit-limit").map_or(30, |limit| limit / 5);
    let few = left.is_some_and(|left| left < reserve);
    (answer.status == 429 || few).then(|| wait(answer, now).unwrap_or(Duration::from_secs(60)))
}

/// The wait until the limit is set back. `X-RateLimit-Reset` is a time (Mastodon), or seconds
/// (others); the server's own clock counts where it tells it.
pub(super) fn wait(answer: &Answer, now: DateTime<Utc>) -> Option<Duration> {
    let now = date(answer).unwrap_or(now);
    let reset = answer.header("x-ratelimit-reset").and_then(|text| {
        if let Ok(seconds) = text.trim().parse::<i64>() {
            let until = DateTime::from_timestamp(seconds, 0).filter(|_| seconds > 1_000_000_000);
            return until.map_or_else(|| TimeDelta::try_seconds(seconds), |until| Some(until - now));
        }
        Some(DateTime::parse_from_rfc3339(text.trim()).ok()?.with_timezone(&Utc) - now)
    });
    let reset = reset.map(|wait| wait.to_std().unwrap_or_default());
    let longest = reset.into_iter().chain(answer.retry_after()).max()?;
    Some(longest.clamp(Duration::from_secs(1), LONGEST_WAIT))
}

/// The server's clock.
pub(super) fn date(answer: &Answer) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(answer.header("date")?).ok().map(|d| d.with_timezone(&Utc))
}

/// From when on a post can be that of an attempt, by the server's clock as far as it tells it.
pub(super) fn since(
    permitted: DateTime<Utc>,
    server: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> DateTime<Utc> {
    match server {
        Some(server) => permitted + (server - now) - SLACK,
        None => permitted - SLACK,
    }
}

/// Permissions without which no post can be made, or found again.
pub(crate) const NEEDED: &[&str] = &["read:accounts", "read:statuses", "write:statuses", "write:media"];
/// The one to keep a post at the top of the profile.
pub(crate) const BESIDES: &[&str] = &["write:accounts"];

/// The permission that an app lacks, by the list of those that it has; a part is in its whole.
pub(super) fn lacks(scopes: &[String]) -> Option<&'static str> {
    let has = |needed: &str| {
        let whole = needed.split(':').next().unwrap_or_default();
        scopes.iter().any(|s| s == needed || s == whole)
    };
    NEEDED.iter().copied().find(|s| !has(s))
}
