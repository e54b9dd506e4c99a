//! What the bot of the token has posted in its channel. Others write there, too, which concerns nobody; but a
//! message of the bot that no delivery made was sent with its token.
//!
//! A message's id is its time, which Slack gives it. An edit keeps it, and what is taken down is not there.
//! Notes of Slack itself (who came, what was pinned) name the bot, and are no posts.
//!
//! The history of a channel shows no replies in its threads, so threads of the pages that are read are looked
//! into where the bot may have replied since the last look; threads of older messages are not. Both needs the
//! permission that reading back needs: `channels:history`, in a private channel `groups:history`.
//!
//! Sources: <https://docs.slack.dev/reference/methods/conversations.history> and `conversations.replies`
//! there, <https://docs.slack.dev/reference/events/message>, and
//! <https://docs.slack.dev/apis/web-api/rate-limits>: 50 calls a minute of each method for an app that an
//! organisation makes for itself. An app that is sold outside of Slack's marketplace has one a minute, with 15
//! messages; there a check can take the turn of a look.

use chrono::{DateTime, Utc};
use serde_json::Value;
use url::Url;

use super::{NO_WORKSPACE, Slack, Who, is_id, is_ts, link};
use crate::http::Request;
use crate::text;
use crate::watch::{self, Account, List, Seen, Told};

/// Messages of one page, and most pages of one look.
const PAGE: usize = 100;
const MOST_PAGES: usize = 5;
/// Most threads that one look reads. Looks of following minutes read others in turn, and each reads what was said since
/// ten minutes before the last one, so that so many times as many are read.
const MOST_THREADS: usize = 5;
const TURNS: usize = 5;
/// Most posts of one look.
const MOST: usize = 300;
/// Kinds of messages that somebody wrote; one without a kind is one.
const WRITTEN: [&str; 4] = ["bot_message", "file_share", "me_message", "thread_broadcast"];

/// What a look has read so far.
#[derive(Default)]
struct Read {
    posts: Vec<Seen>,
    /// The first messages of threads in which the bot may have replied.
    threads: Vec<String>,
    /// There was more than could be read.
    more: bool,
}

impl Slack {
    pub(super) async fn newest(&self, since: DateTime<Utc>) -> Result<Account, String> {
        let who = self.who().await?;
        if !is_id(&who.bot_id) {
            return Err(NO_WORKSPACE.to_owned());
        }
        let mut read = Read { more: true, ..Read::default() };
        let mut cursor = None;
        for _ in 0..MOST_PAGES {
            let (page, next) = self.messages(&self.list(cursor.as_deref())).await?;
            let is_far = page.iter().filter_map(time).min().is_some_and(|oldest| oldest < since);
            self.take(&page, &who, since, &mut read)?;
            cursor = next.filter(|_| !is_far);
            if cursor.is_none() {
                read.more = false;
                break;
            }
        }
        let threads = in_turn(std::mem::take(&mut read.threads), since);
        read.more |= threads.len() > MOST_THREADS * TURNS;
        for thread in threads.iter().take(MOST_THREADS) {
            let (page, next) = self.messages(&self.replies(thread, since)).await?;
            self.take(&page, &who, since, &mut read)?;
            read.more |= next.is_some();
        }
        read.posts.sort_by(|a, b| (b.at, &b.id).cmp(&(a.at, &a.id)));
        // A thread is shown with its first message, and a reply can be shown in the channel, too.
        read.posts.dedup_by(|a, b| a.id == b.id);
        read.more |= read.posts.len() > MOST;
        read.posts.truncate(MOST);
        let id =
            format!("slack {} {} {}", self.server.origin().ascii_serialization(), self.channel, who.bot_id);
        let shown = format!("{} ({}, {})", text::shown(&who.user), text::shown(&who.team), self.channel);
        let lists = vec![List { posts: read.posts, told: Told::ByTime }];
        Ok(Account { id, also: Vec::new(), shown, lists, more: read.more })
    }

    /// The address of a page of the channel, the newest messages first.
    fn list(&self, cursor: Option<&str>) -> Url {
        let mut url = self.method("conversations.history");
        url.query_pairs_mut().append_pair("channel", &self.channel).append_pair("limit", &PAGE.to_string());
        url.query_pairs_mut().extend_pairs(cursor.map(|cursor| ("cursor", cursor)));
        url
    }

    /// The address of what was said in a thread since then.
    fn replies(&self, thread: &str, since: DateTime<Utc>) -> Url {
        let mut url = self.method("conversations.replies");
        url.query_pairs_mut()
            .append_pair("channel", &self.channel)
            .append_pair("ts", thread)
            .append_pair("oldest", &format!("{}.000000", since.timestamp()))
            .append_pair("limit", &PAGE.to_string());
        url
    }

    async fn messages(&self, url: &Url) -> Result<(Vec<Value>, Option<String>), String> {
        let (told, _) = self.call(Request::get(url.as_str()).bearer(&self.token)).await?;
        let messages = told["messages"].as_array().ok_or("the answer holds no messages")?.clone();
        let next = told["response_metadata"]["next_cursor"].as_str().filter(|cursor| !cursor.is_empty());
        Ok((messages, next.map(str::to_owned)))
    }

    /// Adds what the page holds of the bot.
    fn take(&self, page: &[Value], who: &Who, since: DateTime<Utc>, read: &mut Read) -> Result<(), String> {
        for message in page {
            if who.wrote(message) {
                read.posts.push(self.seen(message, who)?);
            }
            if let Some(thread) = thread(message).filter(|_| who.may_have_replied(message, since)) {
                read.threads.push(thread.to_owned());
            }
        }
        Ok(())
    }

    fn seen(&self, message: &Value, who: &Who) -> Result<Seen, String> {
        let ts = message["ts"].as_str().filter(|ts| is_ts(ts)).ok_or("the answer names no post")?;
        Ok(Seen {
            id: format!("{}:{ts}", self.channel),
            at: time(message),
            url: link(&who.url, &self.channel, ts),
            words: words(message),
        })
    }
}

impl Who {
    /// Whether the bot wrote the message, under whatever name.
    fn wrote(&self, message: &Value) -> bool {
        let is_note = message["subtype"].as_str().is_some_and(|kind| !WRITTEN.contains(&kind));
        let is_user = !self.user_id.is_empty() && message["user"] == self.user_id;
        !is_note && (message["bot_id"] == self.bot_id || is_user)
    }

    /// Whether the bot may be among those who have said something in the message's thread since then. Slack names a
    /// few of them.
    fn may_have_replied(&self, message: &Value, since: DateTime<Utc>) -> bool {
        let is_new = seconds(message["latest_reply"].as_str()).is_some_and(|latest| latest >= since);
        let named = message["reply_users"].as_array().map_or(&[][..], Vec::as_slice);
        let count = message["reply_users_count"].as_u64().unwrap_or(u64::MAX);
        let is_named = named.iter().any(|user| *user == self.user_id || *user == self.bot_id);
        is_new && (is_named || self.user_id.is_empty() || count > named.len() as u64)
    }
}

/// The threads, those first whose turn it is in this minute.
fn in_turn(mut threads: Vec<String>, since: DateTime<Utc>) -> Vec<String> {
    threads.sort_unstable();
    let minute = usize::try_from(since.timestamp().div_euclid(60)).unwrap_or_default();
    let at = (minute * MOST_THREADS).checked_rem(threads.len()).unwrap_or_default();
    threads.rotate_left(at);
    threads
}

/// The id of the thread that the message begins.
fn thread(message: &Value) -> Option<&str> {
    message["ts"].as_str().filter(|ts| is_ts(ts) && message["thread_ts"] == *ts)
}

fn time(message: &Value) -> Option<DateTime<Utc>> {
    seconds(message["ts"].as_str())
}

/// A time as Slack writes it: seconds, and millionths of one.
fn seconds(ts: Option<&str>) -> Option<DateTime<Utc>> {
    let (seconds, rest) = ts?.split_once('.')?;
    let micros: u32 = format!("{rest:0<6}").get(..6)?.parse().ok()?;
    DateTime::from_timestamp(seconds.parse().ok()?, micros * 1_000)
}

/// What readers see: the blocks, or the text where there are none, and what is attached.
fn words(message: &Value) -> String {
    let mut shown = String::new();
    gather(&message["blocks"], &mut shown);
    if shown.trim().is_empty() {
        shown = plain(message["text"].as_str().unwrap_or_default());
    }
    for name in ["attachments", "files"] {
        shown.push(' ');
        gather(&message[name], &mut shown);
    }
    watch::words(&shown)
}

/// Adds the words of blocks, of what is in them, and of attachments.
fn gather(value: &Value, shown: &mut String) {
    match value {
        Value::Array(all) => all.iter().for_each(|part| gather(part, shown)),
        Value::Object(part) if part.get("type").is_some_and(|kind| kind == "link") => {
            let label = value["text"].as_str().or(value["url"].as_str());
            shown.push_str(label.unwrap_or_default());
        }
        // A picture of a post: its words are beside what was said.
        Value::Object(part) if part.contains_key("slack_file") => {}
        Value::Object(part) => {
            let is_plain = ["text", "plain_text"].contains(&value["type"].as_str().unwrap_or_default());
            for name in ["pretext", "title", "text", "fields", "elements", "alt_text"] {
                match part.get(name) {
                    Some(Value::String(text)) if is_plain => shown.push_str(text),
                    Some(Value::String(text)) => shown.push_str(&plain(text)),
                    Some(inside) => gather(inside, shown),
                    None => continue,
                }
                if !is_plain {
                    shown.push(' ');
                }
            }
        }
        _ => {}
    }
}

/// Text with Slack's marks as readers see it.
fn plain(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let (inside, behind) = after.split_once('>').unwrap_or((after, ""));
        shown.push_str(before);
        shown.push_str(inside.split_once('|').map_or(inside, |(_, label)| label));
        rest = behind;
    }
    shown.push_str(rest);
    shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}
