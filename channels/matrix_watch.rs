//! What the account has posted in its room. Others write there, too, which concerns nobody; but a message of the
//! account that no delivery made was sent with its token or its password.
//!
//! The server picks the account's own messages, and shows them in the order in which it took them, so nothing but
//! that order is believed of what is new; the time, which the account's own server writes, only ends the look. What
//! was taken down is no post. An event that replaces another one is an edit: apps show it in the other one's place,
//! and the id of the post stays. Our room is not encrypted, so an encrypted event is nobody's here.
//!
//! Source: <https://spec.matrix.org/latest/client-server-api/#get_matrixclientv3roomsroomidmessages>, and
//! "Filtering" and "Event replacements" there.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::Matrix;
use super::event::{Event, is_event, link};
use super::look::MOST_PAGES;
use crate::text;
use crate::watch::{self, Account, List, Seen, Told};

/// Events of one page, and most posts of one look.
const PAGE: &str = "50";
const MOST: usize = 300;
const ENCRYPTED: &str = "m.room.encrypted";
/// What people see as a post.
const POSTS: [&str; 5] =
    ["m.room.message", "m.sticker", "m.poll.start", "org.matrix.msc3381.poll.start", ENCRYPTED];

#[derive(Deserialize)]
struct Page {
    chunk: Vec<Value>,
    end: Option<String>,
}

impl Matrix {
    pub(super) async fn newest(&self, since: DateTime<Utc>) -> Result<Account, String> {
        let account = self.account().await.map_err(|failure| failure.to_string())?;
        let (mut posts, mut from, mut whole, mut more) = (Vec::new(), None::<String>, false, true);
        for _ in 0..MOST_PAGES {
            let url = self.own(&account, from.as_deref());
            let page: Page = self.ask(&url).await.map_err(|failure| failure.to_string())?;
            let own = || page.chunk.iter().filter(|event| Event(event).is_of(&account));
            for event in own().filter(|event| is_post(event)) {
                posts.push(self.seen(event, &account)?);
            }
            let is_far = own().filter_map(time).min().is_some_and(|oldest| oldest < since);
            whole = page.end.is_none();
            from = page.end.filter(|_| !is_far);
            if from.is_none() {
                more = false;
                break;
            }
        }
        more |= posts.len() > MOST;
        whole &= posts.len() <= MOST;
        posts.truncate(MOST);
        let id = format!("matrix {account} {}", self.room);
        let shown = format!("{} ({})", text::shown(&account), self.room);
        Ok(Account {
            id,
            also: Vec::new(),
            shown,
            lists: vec![List { posts, told: Told::ByOrder { whole } }],
            more,
        })
    }

    /// The address of a page of the account's own messages, the newest first.
    fn own(&self, account: &str, from: Option<&str>) -> Url {
        let filter = json!({ "types": POSTS, "senders": [account] }).to_string();
        let mut url = self.in_room(&self.room, &["messages"]);
        url.query_pairs_mut()
            .append_pair("dir", "b")
            .append_pair("limit", PAGE)
            .append_pair("filter", &filter)
            .extend_pairs(from.map(|from| ("from", from)));
        url
    }

    fn seen(&self, event: &Value, account: &str) -> Result<Seen, String> {
        let id = Event(event).id().ok_or("the answer names no post")?;
        Ok(Seen {
            id: format!("{} {id}", self.room),
            at: time(event),
            url: Some(link(&self.room, id, Some(account))),
            words: words(event),
        })
    }
}

/// Whether it is a message that is there by itself.
fn is_post(event: &Value) -> bool {
    let content = &event["content"];
    let is_empty = content.as_object().is_none_or(serde_json::Map::is_empty);
    let relation = &content["m.relates_to"];
    let is_edit = relation["rel_type"] == "m.replace" && relation["event_id"].as_str().is_some_and(is_event);
    !Event(event).is_redacted() && !is_empty && !is_edit
}

fn time(event: &Value) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(event["origin_server_ts"].as_i64()?)
}

fn words(event: &Value) -> String {
    let content = &event["content"];
    let fallback = || content["org.matrix.msc1767.text"].as_str();
    match content["body"].as_str().or_else(fallback) {
        _ if event["type"] == ENCRYPTED => "(encrypted)".to_owned(),
        Some(text) => watch::words(text),
        None => String::new(),
    }
}
