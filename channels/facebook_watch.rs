//! What a page shows, for the watch: the posts that the page itself has published, what it shares of others among
//! them. Comments, and what visitors post, are not the page's posts; what is scheduled, or a draft, is none yet.
//!
//! Facts: <https://developers.facebook.com/docs/graph-api/reference/page/published_posts> (the list, which needs
//! `pages_read_engagement`), `reference/pagepost` there (the fields; a reel is no such post). Pictures of a post
//! have numbers of their own and are not in the list: the post has one id, by which our receipts name it.
//!
//! A post can be given an older date (`backdated_time`), and no document says whether its `created_time` and its
//! place in the list then follow that date. The first document calls the list ranked, and a selection. So no time is
//! sent along: the newest hundred are read each time, and what stands before a known one of after the watch began is new
//! whatever date it bears; of the rest the date counts, because an old post may only now be among them.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{Facebook, TIME};
use crate::graph::is_id;
use crate::graph_api::{Reach, web};
use crate::scheduler::Scheduler;
use crate::watch::{self, Account, List, Seen, Told};

const FIELDS: &str = "id,message,story,created_time,permalink_url,is_published,from";

/// A post, as far as the watch reads it.
#[derive(Deserialize)]
struct Shown {
    id: String,
    message: Option<String>,
    /// What Facebook says that the page did, where it has no words of its own.
    story: Option<String>,
    created_time: Option<String>,
    permalink_url: Option<String>,
    is_published: Option<bool>,
    from: Option<By>,
}

#[derive(Deserialize)]
struct By {
    name: Option<String>,
}

impl Shown {
    fn at(&self) -> Option<DateTime<Utc>> {
        let at = DateTime::parse_from_str(self.created_time.as_deref()?, TIME);
        at.ok().map(|at| at.to_utc())
    }

    fn seen(self) -> Seen {
        let (at, url) = (self.at(), self.permalink_url.as_deref().and_then(web));
        let words = self.message.or(self.story).unwrap_or_default();
        Seen { id: self.id, at, url, words: watch::words(&words) }
    }
}

/// Whether it has the form of the id of a post of any page.
fn is_post(id: &str) -> bool {
    id.split_once('_').map_or(is_id(id), |(page, post)| is_id(page) && is_id(post))
}

impl Facebook {
    pub(super) async fn newest(&self, since: DateTime<Utc>) -> Result<Account, String> {
        self.spare()?;
        let is_old = |post: &Shown| post.at().is_some_and(|at| at < since);
        let are_enough = |posts: &[Shown]| posts.last().is_some_and(is_old);
        let list = [self.page.as_str(), "published_posts"];
        let read = self.api.newest(&list, &[("fields", FIELDS)], "pages_read_engagement", are_enough);
        let (mut posts, reach): (Vec<Shown>, _) = read.await?;
        posts.retain(|post| post.is_published != Some(false));
        if posts.iter().any(|post| !is_post(&post.id)) {
            return Err("Facebook lists posts without an id".to_owned());
        }
        let name = posts.iter().find_map(|post| post.from.as_ref()?.name.as_deref()).map(crate::text::shown);
        let shown = name.unwrap_or_else(|| format!("the page {}", self.page));
        let posts = posts.into_iter().map(Shown::seen).collect();
        let lists = vec![List { posts, told: Told::Loosely }];
        Ok(Account {
            id: format!("facebook {}", self.page),
            also: Vec::new(),
            shown,
            lists,
            more: reach == Reach::More,
        })
    }
}
