//! What the account has published on the site.

use chrono::NaiveDateTime;
use serde::Deserialize;
use url::Url;

use super::WordPress;
use crate::http::Request;
use crate::watch::{self, Account, List, Seen, Told};

/// Most posts of one list.
const MOST: usize = 100;

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
    date_gmt: String,
    title: Raw,
    excerpt: Rendered,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    raw: String,
}

#[derive(Deserialize)]
struct Rendered {
    #[serde(default)]
    rendered: String,
}

#[derive(Deserialize)]
struct Home {
    #[serde(default)]
    home: String,
}

impl WordPress {
    async fn told<T: serde::de::DeserializeOwned>(&self, url: &Url) -> Result<T, String> {
        let answer = self.http.call(self.authorised(Request::get(url.as_str()))).await;
        let answer = answer.map_err(|trouble| trouble.to_string())?;
        if !answer.is_success() {
            return Err(super::failure(&answer, &self.password).to_string());
        }
        answer.json()
    }

    /// The posts that the account has published: the newest by their numbers, whatever date they bear, and
    /// the newest by their dates, because one that was a draft for long has an old number. Posts of other
    /// people on the site are theirs. Of the words only the beginning is read: an answer has a limit.
    ///
    /// Source: <https://developer.wordpress.org/rest-api/reference/posts/#list-posts>.
    pub(super) async fn newest(&self) -> Result<Account, String> {
        let mut url = self.api(&["users", "me"]);
        url.query_pairs_mut().append_pair("_fields", "id,name");
        let user: User = self.told(&url).await?;
        let site = self.home().await?;
        let numbered = self.published(&user, "id").await?;
        let whole = numbered.len() < MOST;
        let dated = self.published(&user, "date").await?;
        let lists = vec![
            List { posts: numbered, told: Told::ByOrder { whole } },
            List { posts: dated, told: Told::ByTime },
        ];
        let shown = format!("{} ({})", crate::text::shown(&user.name), site.host_str().unwrap_or_default());
        let id = format!("wordpress {} {}", site.as_str().trim_end_matches('/'), user.id);
        Ok(Account { id, also: Vec::new(), shown, lists, more: false })
    }

    /// The site's own address: it may be reached by others, too.
    async fn home(&self) -> Result<Url, String> {
        let mut url = self.site.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["wp-json", ""]);
        }
        url.set_query(Some("_fields=home"));
        let told = self.told::<Home>(&url).await?.home;
        let mut home = Url::parse(&told).ok().filter(|url| url.host_str().is_some() && told.len() <= 500);
        if let Some(url) = &mut home {
            url.set_query(None);
            url.set_fragment(None);
        }
        home.ok_or_else(|| "the site does not say its address".to_owned())
    }

    async fn published(&self, by: &User, order: &str) -> Result<Vec<Seen>, String> {
        let mut url = self.api(&["posts"]);
        url.query_pairs_mut().extend_pairs([
            ("author", by.id.to_string().as_str()),
            ("status", "publish"),
            ("orderby", order),
            ("order", "desc"),
            ("per_page", MOST.to_string().as_str()),
            ("context", "edit"),
            ("_fields", "id,link,date_gmt,title,excerpt"),
        ]);
        let posts: Vec<Published> = self.told(&url).await?;
        Ok(posts.into_iter().take(MOST).map(seen).collect())
    }
}

fn seen(post: Published) -> Seen {
    // WordPress writes UTC without saying so.
    let at = NaiveDateTime::parse_from_str(&post.date_gmt, "%Y-%m-%dT%H:%M:%S").ok();
    // The site cuts long words by itself, with this mark.
    let beginning = watch::words_of_html(&post.excerpt.rendered);
    let beginning = beginning.strip_suffix("[…]").map_or(beginning.clone(), |b| format!("{}…", b.trim_end()));
    let words = format!("{} {beginning}", watch::words_of_html(&post.title.raw));
    let is_web = post.link.len() <= 2_000 && crate::text::links(&post.link).len() == 1;
    let url = Some(post.link).filter(|_| is_web);
    Seen { id: post.id.to_string(), at: at.map(|at| at.and_utc()), url, words: watch::words(&words) }
}
