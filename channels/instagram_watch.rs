//! What an account shows, for the watch: its posts and reels. Comments are not posts, and stories are not in the
//! list.
//!
//! Facts: <https://developers.facebook.com/docs/instagram-platform/instagram-graph-api/reference/ig-user/media>
//! (the list, which needs `instagram_basic`, or `instagram_business_basic` with Instagram Login),
//! `instagram-platform/reference/instagram-media` there (the fields). A time cannot be asked for, and nobody can
//! give a post another one: it is Instagram's clock. Up to three pinned posts may stand before newer ones, so the
//! order tells nothing.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Instagram, MOST_PINNED, TIME};
use crate::graph::{is_id, of};
use crate::graph_api::{Reach, web};
use crate::watch::{self, Account, List, Seen, Told};

const FIELDS: &str = "id,caption,timestamp,permalink,username";

/// A post, as far as the watch reads it.
#[derive(Deserialize)]
struct Shown {
    id: String,
    caption: Option<String>,
    timestamp: Option<String>,
    permalink: Option<String>,
    username: Option<String>,
}

impl Shown {
    fn at(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_str(self.timestamp.as_deref()?, TIME).ok().map(|at| at.to_utc())
    }

    fn seen(self, user: &str) -> Seen {
        let (at, url) = (self.at(), self.permalink.as_deref().and_then(web));
        Seen { id: of(user, &self.id), at, url, words: watch::words(&self.caption.unwrap_or_default()) }
    }
}

impl Instagram {
    pub(super) async fn newest(&self, since: DateTime<Utc>) -> Result<Account, String> {
        let is_old = |post: &&Shown| post.at().is_some_and(|at| at < since);
        let are_enough = |posts: &[Shown]| posts.iter().filter(is_old).count() > MOST_PINNED;
        let needs = if self.is_instagrams { "instagram_business_basic" } else { "instagram_basic" };
        let numbers = self.all_numbers().await?;
        let list = [self.user.as_str(), "media"];
        let read = self.api.newest(&list, &[("fields", FIELDS)], needs, are_enough);
        let (posts, reach): (Vec<Shown>, _) = read.await?;
        if posts.iter().any(|post| !is_id(&post.id)) {
            return Err("Instagram lists posts without a number".to_owned());
        }
        let name = posts.iter().find_map(|post| post.username.as_deref()).map(crate::text::shown);
        let shown = name.map_or_else(|| format!("the account {}", self.user), |name| format!("@{name}"));
        // The professional account's own number comes first, whichever one the settings have: it is the one that Facebook
        // Login knows, so that two watches of one account see one post as one.
        let user = numbers.first().unwrap_or(&self.user);
        let posts = posts.into_iter().map(|post| post.seen(user)).collect();
        let lists = vec![List { posts, told: Told::ByTime }];
        let id = |number: &String| format!("instagram {number}");
        let also = numbers.iter().skip(1).map(id).collect();
        Ok(Account { id: id(user), also, shown, lists, more: reach == Reach::More })
    }
}
