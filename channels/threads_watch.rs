//! What an account shows, for the watch: its posts, and what it shows again of others. Its replies are another
//! list, which is not read.
//!
//! Facts: <https://developers.facebook.com/docs/threads/retrieve-and-discover-posts/retrieve-posts> (the list from a
//! time on, and its fields; it needs `threads_basic`; what is shown again has the type `REPOST_FACADE`). Nobody can
//! give a post another time: it is Threads' clock.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::Threads;
use crate::graph::{is_id, of};
use crate::graph_api::{Reach, web};
use crate::watch::{self, Account, List, Seen, Told};

const FIELDS: &str = "id,text,media_type,timestamp,permalink,username";
/// How Threads writes times.
const TIME: &str = "%Y-%m-%dT%H:%M:%S%z";

/// A post, as far as the watch reads it.
#[derive(Deserialize)]
struct Shown {
    id: String,
    text: Option<String>,
    media_type: Option<String>,
    timestamp: Option<String>,
    permalink: Option<String>,
    username: Option<String>,
}

impl Shown {
    fn seen(self, user: &str) -> Seen {
        let at = self.timestamp.and_then(|at| DateTime::parse_from_str(&at, TIME).ok());
        let text = self.text.unwrap_or_default();
        let is_again = self.media_type.as_deref() == Some("REPOST_FACADE");
        let words = if is_again { format!("shows again: {text}") } else { text };
        let url = self.permalink.as_deref().and_then(web);
        Seen { id: of(user, &self.id), at: at.map(|at| at.to_utc()), url, words: watch::words(&words) }
    }
}

impl Threads {
    pub(super) async fn newest(&self, since: DateTime<Utc>) -> Result<Account, String> {
        let since = since.timestamp().to_string();
        let query = [("fields", FIELDS), ("since", since.as_str())];
        let list = [self.user.as_str(), "threads"];
        let (posts, reach): (Vec<Shown>, _) =
            self.api.newest(&list, &query, "threads_basic", |_| false).await?;
        if posts.iter().any(|post| !is_id(&post.id)) {
            return Err("Threads lists posts without a number".to_owned());
        }
        let name = posts.iter().find_map(|post| post.username.as_deref()).map(crate::text::shown);
        let shown = name.map_or_else(|| format!("the account {}", self.user), |name| format!("@{name}"));
        let posts = posts.into_iter().map(|post| post.seen(&self.user)).collect();
        let lists = vec![List { posts, told: Told::ByTime }];
        Ok(Account {
            id: format!("threads {}", self.user),
            also: Vec::new(),
            shown,
            lists,
            more: reach == Reach::More,
        })
    }
}
