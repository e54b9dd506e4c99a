//! What the bot has posted in its channel. Others write there, too, which concerns nobody; but a message of the bot
//! that no delivery made was sent with its token.
//!
//! An id holds the time at which Discord made the message; an edit keeps it, and what is deleted is not there.
//! Notes of Discord itself (who came, what was pinned) name the bot, and are no posts. A thread is a channel of
//! its own. Without the permission to read the history Discord shows an empty channel, so it is asked for when
//! one is empty.
//!
//! Sources: Discord `resources/message` ("Get Channel Messages", "Message Types") and `topics/permissions`.

use chrono::{DateTime, Utc};
use serde_json::Value;
use url::Url;

use super::Bot;
use super::reads::{id_at, rests, time_of};
use crate::discord_answers::is_id;
use crate::discord_post::Message;
use crate::text;
use crate::watch::{self, Account, List, Seen, Told};

/// Messages of one page, and most pages of one look.
const PAGE: &str = "100";
const MOST_PAGES: usize = 10;
/// Most posts of one look.
const MOST: usize = 300;
/// Kinds of messages that somebody wrote: a message, a reply, and two kinds of answers to a command.
const WRITTEN: [u64; 4] = [0, 19, 20, 23];

impl Bot {
    pub(super) async fn newest(&self, since: DateTime<Utc>) -> Result<Account, String> {
        let me = self.me().await?;
        let (mut before, mut own, mut more) = (None::<u64>, Vec::new(), true);
        for _ in 0..MOST_PAGES {
            let answer = self.asked(&self.list(before)).await?;
            let page: Vec<Value> = answer.json()?;
            if page.is_empty() && before.is_none() {
                let seen = self.inspect().await?;
                if !seen.ready {
                    return Err(seen.detail);
                }
            }
            let oldest = page.iter().filter_map(number).min();
            own.extend(page.into_iter().filter(|message| is_by(&me.id, message)));
            let goes_on = |oldest: &u64| *oldest >= id_at(since) && before.is_none_or(|last| *oldest < last);
            before = oldest.filter(goes_on);
            if before.is_none() {
                more = false;
                break;
            }
            rests(&answer).await?;
        }
        let guild = if own.is_empty() { None } else { self.server_of_channel().await };
        let seen = own.iter().take(MOST).map(|message| self.seen(message, guild.as_deref()));
        let mut posts = seen.collect::<Result<Vec<_>, _>>()?;
        posts.sort_by_key(|post| std::cmp::Reverse(post.at));
        more |= own.len() > MOST;
        let id = format!("discord {} {} {}", self.server.origin().ascii_serialization(), self.channel, me.id);
        let shown = format!("{} ({})", text::shown(&me.username), self.channel);
        Ok(Account { id, also: Vec::new(), shown, lists: vec![List { posts, told: Told::ByTime }], more })
    }

    /// The address of a page of the channel, the newest messages first.
    fn list(&self, before: Option<u64>) -> Url {
        let mut url = self.url(&["channels", &self.channel, "messages"]);
        url.query_pairs_mut().append_pair("limit", PAGE);
        url.query_pairs_mut().extend_pairs(before.map(|before| ("before", before.to_string())));
        url
    }

    fn seen(&self, message: &Value, guild: Option<&str>) -> Result<Seen, String> {
        let id = message["id"].as_str().filter(|id| is_id(id)).ok_or("the answer names no post")?;
        let named = Message { id: id.to_owned(), channel_id: self.channel.clone() };
        Ok(Seen {
            id: format!("{}:{id}", self.channel),
            at: number(message).and_then(time_of),
            url: guild.map(|guild| named.link(guild)),
            words: words(message),
        })
    }
}

/// Whether that account wrote the message. Of a webhook the author is the webhook.
fn is_by(account: &str, message: &Value) -> bool {
    message["author"]["id"] == account && message["type"].as_u64().is_some_and(|kind| WRITTEN.contains(&kind))
}

fn number(message: &Value) -> Option<u64> {
    message["id"].as_str()?.parse().ok()
}

/// What readers see: the text, and what is embedded; where there is neither, a poll or the names of files.
fn words(message: &Value) -> String {
    let all = |list: &str, names: &[&str]| {
        let parts = message[list].as_array().map_or(&[][..], Vec::as_slice).iter();
        let words = parts.flat_map(|part| names.iter().filter_map(|name| part[*name].as_str()));
        words.map(|words| format!(" {}", plain(words))).collect::<String>()
    };
    let text =
        plain(message["content"].as_str().unwrap_or_default()) + &all("embeds", &["title", "description"]);
    if !text.trim().is_empty() {
        return watch::words(&text);
    }
    let poll = message["poll"]["question"]["text"].as_str().unwrap_or_default();
    watch::words(&format!("{poll}{}", all("attachments", &["filename"])))
}

/// Text without the marks that keep Discord from making something else of it.
fn plain(content: &str) -> String {
    let mut shown = String::with_capacity(content.len());
    let mut rest = content;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match (c, after.chars().next()) {
            ('\\', Some(mark)) if mark.is_ascii_punctuation() => {
                shown.push(mark);
                &after[1..]
            }
            ('<', Some('h')) if after.starts_with("http") && after.contains('>') => {
                let (address, behind) = after.split_once('>').unwrap_or_default();
                shown.push_str(address);
                behind
            }
            _ => {
                shown.push(c);
                after
            }
        };
    }
    shown
}
