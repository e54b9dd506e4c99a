//! What the account has published on the site.

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Deserialize;

use super::WordPress;
use crate::http::Request;
use crate::watch::{self, Account, Seen};

/// Most posts of one look.
const MOST: &str = "100";

#[derive(Deserialize)]
struct User {
    id: u64,
    #[serde(default)]
    name: String,
}

#[derive(Deserialize)]
struct Published {
    id: u64,
    #[serde(default)]
    link: String,
    modified_gmt: String,
    title: Raw,
    content: Raw,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    raw: String,
}

impl WordPress {
    async fn told<T: serde::de::DeserializeOwned>(&self, url: &url::Url) -> Result<T, String> {
        let answer = self.http.call(self.authorised(Request::get(url.as_str()))).await;
        let answer = answer.map_err(|trouble| trouble.to_string())?;
        if !answer.is_success() {
            return Err(super::failure(&answer, &self.password).to_string());
        }
        answer.json()
    }

    /// The posts that the account has published: the newest, and those that were changed last, because one
    /// that was a draft for long has an old number. Posts of other people on the site are theirs.
    ///
    /// Source: <https://developer.wordpress.org/rest-api/reference/posts/#list-posts>. A new post bears the
    /// time of its date as that of its last change, so a date in the past hides it in the second list.
    pub(super) async fn newest(&self, since: DateTime<Utc>) -> Result<Account, String> {
        let mut url = self.api(&["users", "me"]);
        url.query_pairs_mut().append_pair("_fields", "id,name");
        let user: User = self.told(&url).await?;
        let mut posts = self.published(&user, "id").await?;
        let ordered = posts.len();
        let changed = self.published(&user, "modified").await?.into_iter();
        let is_new = |post: &Seen| post.at.is_none_or(|at| at >= since);
        let more: Vec<Seen> = changed.filter(|c| is_new(c) && posts.iter().all(|p| p.id != c.id)).collect();
        posts.extend(more);
        let mut site = self.site.clone();
        site.set_query(None);
        let shown = format!("{} ({})", crate::text::shown(&user.name), site.host_str().unwrap_or_default());
        let id = format!("wordpress {} {}", site.as_str().trim_end_matches('/'), user.id);
        Ok(Account { id, shown, posts, ordered })
    }

    async fn published(&self, by: &User, order: &str) -> Result<Vec<Seen>, String> {
        let mut url = self.api(&["posts"]);
        url.query_pairs_mut().extend_pairs([
            ("author", by.id.to_string().as_str()),
            ("status", "publish"),
            ("orderby", order),
            ("order", "desc"),
            ("per_page", MOST),
            ("context", "edit"),
            ("_fields", "id,link,modified_gmt,title,content"),
        ]);
        let posts: Vec<Published> = self.told(&url).await?;
        Ok(posts.into_iter().map(seen).collect())
    }
}

fn seen(post: Published) -> Seen {
    // WordPress writes UTC without saying so.
    let at = NaiveDateTime::parse_from_str(&post.modified_gmt, "%Y-%m-%dT%H:%M:%S").ok();
    let words = format!("{} {}", post.title.raw, watch::words_of_html(&post.content.raw));
    let is_web = post.link.len() <= 2_000 && crate::text::links(&post.link).len() == 1;
    let url = Some(post.link).filter(|_| is_web);
    Seen { id: post.id.to_string(), at: at.map(|at| at.and_utc()), url, words: watch::words(&words) }
}
