//! What is looked up on LinkedIn: the page's posts, and what the token may do there.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;

use super::LinkedIn;
use super::answers::{is_named, is_post, link};
use crate::http::Request;
use crate::watch::{self, Account, List as Shown, Seen, Told};
use crate::{Health, Job, Receipt, Rendition, Sighting, linkedin_text};

/// Posts of one page, and most pages of one look.
const PAGE: usize = if cfg!(test) { 10 } else { 50 };
const PAGES: usize = 5;

/// How far the clocks may differ.
const DRIFT: TimeDelta = TimeDelta::seconds(60);

#[derive(Deserialize)]
struct List<T> {
    elements: Vec<T>,
}

/// A post, as far as it is read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Post {
    id: String,
    author: String,
    #[serde(default)]
    commentary: String,
    created_at: i64,
    published_at: Option<i64>,
    last_modified_at: Option<i64>,
    #[serde(default)]
    content: Value,
    #[serde(default)]
    reshare_context: Value,
    lifecycle_state: Option<String>,
    #[serde(default)]
    distribution: Value,
}

impl Post {
    /// A draft, one that could not be published, and an advertisement are shown to nobody on the page.
    fn is_shown(&self) -> bool {
        self.lifecycle_state.as_deref().is_none_or(|state| state == "PUBLISHED")
            && self.distribution["feedDistribution"] != "NONE"
    }

    /// What the watch keeps of it. One that was planned on LinkedIn is made long before it is published.
    fn seen(self) -> Seen {
        let at = DateTime::from_timestamp_millis(self.published_at.unwrap_or(self.created_at));
        let text = linkedin_text::read(&self.commentary);
        let words = if self.reshare_context.is_null() { text } else { format!("shows again: {text}") };
        let url = Some(link(&self.id)).filter(|_| is_post(&self.id));
        Seen { at, url, words: watch::words(&words), id: self.id }
    }

    /// When LinkedIn changed it last: the list's order.
    fn changed_at(&self) -> i64 {
        self.last_modified_at.unwrap_or(self.created_at)
    }

    /// Whether it is a post of its own with these words and as many pictures. A link in it may have made
    /// a preview, which is no picture.
    fn says(&self, post: &Rendition) -> bool {
        let plain = |text: &str| text.trim().replace("\r\n", "\n");
        let ours = plain(&post.text);
        let pictures = match self.content["multiImage"]["images"].as_array() {
            Some(several) => several.len(),
            None => usize::from(self.content["media"].is_object()),
        };
        self.is_shown()
            && self.reshare_context.is_null()
            && pictures == post.media.len()
            && (plain(&linkedin_text::read(&self.commentary)) == ours || plain(&self.commentary) == ours)
    }
}

/// A right at a page.
#[derive(Deserialize)]
struct Right {
    role: String,
    state: String,
    /// The page, under one of two names.
    #[serde(alias = "organizationalTarget")]
    organization: Option<String>,
}

impl LinkedIn {
    async fn page(&self, start: usize, count: usize) -> Result<Vec<Post>, String> {
        let mut url = self.api(&["posts"]);
        url.query_pairs_mut().extend_pairs([
            ("author", self.author.as_str()),
            ("q", "author"),
            ("sortBy", "LAST_MODIFIED"),
            ("start", &start.to_string()),
            ("count", &count.to_string()),
        ]);
        let request = Request::get(url.as_str()).header("x-restli-method", "FINDER");
        Ok(self.look::<List<Post>>(request).await?.elements)
    }

    /// Looks for the post among the page's own since the first attempt.
    pub(super) async fn find(&self, job: &Job) -> Result<Sighting, String> {
        let since = (job.permitted_at - DRIFT).timestamp_millis();
        let mut found: Vec<Post> = Vec::new();
        let mut whole = false;
        for page in 0..PAGES {
            let posts = self.page(page * PAGE, PAGE).await?;
            // What was changed last comes first, and nothing is changed before it is made.
            whole = posts.len() < PAGE || posts.iter().any(|p| p.changed_at() < since);
            let is_it = |p: &Post| {
                p.created_at >= since && p.author == self.author && is_post(&p.id) && p.says(&job.rendition)
            };
            for post in posts.into_iter().filter(is_it) {
                // A post that is made meanwhile moves the others to the next page.
                if !found.iter().any(|f| f.id == post.id) {
                    found.push(post);
                }
            }
            if whole {
                break;
            }
        }
        if !whole {
            return Err("the account has posted too much since to look through".to_owned());
        }
        Ok(match (found.pop(), found.is_empty()) {
            (None, _) => Sighting::Absent,
            (Some(post), true) => {
                let url = Some(link(&post.id));
                Sighting::Found(Receipt { remote_id: post.id, url, note: None })
            }
            (Some(_), false) => {
                Sighting::Unknown("the account has several posts with these words".to_owned())
            }
        })
    }

    /// The page's newest posts, for the watch, with what it shows again of others. What was changed last stands
    /// first, so the order tells nothing; the times are LinkedIn's own. Comments are not posts.
    ///
    /// Facts: <https://learn.microsoft.com/linkedin/marketing/community-management/shares/posts-api>, on finding posts
    /// by their author, which needs `r_organization_social`.
    pub(super) async fn newest(&self, since: DateTime<Utc>) -> Result<Account, String> {
        let (mut posts, mut more) = (Vec::<Post>::new(), true);
        for page in 0..PAGES {
            let read = self.page(page * PAGE, PAGE).await?;
            let is_last = read.len() < PAGE || read.iter().any(|p| p.changed_at() < since.timestamp_millis());
            posts.extend(read);
            if is_last {
                more = false;
                break;
            }
        }
        posts.retain(|post| post.author == self.author && post.is_shown());
        if posts.iter().any(|post| !is_named(&post.id)) {
            return Err("LinkedIn lists posts without a name".to_owned());
        }
        let number = self.author.rsplit(':').next().unwrap_or_default();
        let posts = posts.into_iter().map(Post::seen).collect();
        let lists = vec![Shown { posts, told: Told::ByTime }];
        let (id, shown) = (format!("linkedin {number}"), format!("the page {number}"));
        Ok(Account { id, also: Vec::new(), shown, lists, more })
    }

    /// Whether the token's member may post for the page; nothing when that is not told.
    async fn may_post(&self) -> Option<bool> {
        let mut url = self.api(&["organizationAcls"]);
        url.query_pairs_mut().extend_pairs([("q", "roleAssignee"), ("count", "100")]);
        let request = Request::get(url.as_str()).header("x-restli-method", "FINDER");
        let rights = self.look::<List<Right>>(request).await.ok()?.elements;
        let full = rights.len() >= 100;
        let posts = |r: &Right| {
            matches!(r.role.as_str(), "ADMINISTRATOR" | "CONTENT_ADMINISTRATOR" | "CONTENT_ADMIN")
                && r.state == "APPROVED"
                && r.organization.as_ref() == Some(&self.author)
        };
        let may = rights.iter().any(posts);
        (may || !full).then_some(may)
    }

    /// What is connected, or what is wrong.
    pub(super) async fn inspect(&self) -> Result<Health, String> {
        self.page(0, 1).await?;
        let may = self.may_post().await;
        if may == Some(false) {
            let why = "the token's member may not post for the page; make it a content administrator there";
            return Ok(Health::without("post", why));
        }
        let number = self.author.rsplit(':').next().unwrap_or_default();
        if let Some(end) = self.version.ends_soon((self.clock)()) {
            let version = self.version;
            return Ok(Health::ready(format!(
                "posts for the page {number}; version {version} of the API may end from {end} on, and then \
                 nothing goes out: write a newer one into the setting version"
            ))
            .of(number));
        }
        Ok(match may {
            Some(_) => Health::ready(format!("posts for the page {number}")).of(number).lacks(&[]),
            None => Health::ready(format!("reads the page {number}; whether it may post there is not told"))
                .of(number),
        })
    }
}
