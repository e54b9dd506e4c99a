//! The schedule of a WordPress site: posts and pages that editors gave a date to come.
//!
//! Facts: <https://developer.wordpress.org/reference/functions/wp_insert_post/>: a status of `future` with a
//! date that has passed publishes at once. WordPress publishes when somebody visits it after the time, so
//! what is overdue can go out at any moment. A hold makes the post a draft, and its date stays.
//!
//! WordPress takes an edit whatever has changed since it was read: what it publishes between our look and
//! our edit was public for that moment.

use chrono::{DateTime, NaiveDateTime, SubsecRound, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::WordPress;
use super::answers::is_gone;
use crate::Pass;
use crate::http::Request;
use crate::scheduler::{
    Back, Discarded, Kept, Listing, Scheduled, Scheduler, Standing, Stop, as_kept, as_listed, back, drafted,
    excerpt, is_own, mark, stays, stop, trace, traced, unanswered,
};

/// What editors can schedule there.
const KINDS: [&str; 2] = ["posts", "pages"];
/// Most pages of a list.
const PAGES: usize = 40;
const EACH: &str = "50";
/// Without the content: it stays in the draft, and one long post would hide all others of its page.
const FIELDS: &str = "id,slug,status,date_gmt,modified_gmt,title.raw";
const GONE: &str = "the site has it no more: somebody has deleted it";

#[derive(Debug, Deserialize)]
struct Item {
    id: u64,
    slug: String,
    status: String,
    date_gmt: String,
    modified_gmt: String,
    title: Raw,
}

#[derive(Debug, Deserialize)]
struct Raw {
    #[serde(default)]
    raw: String,
}

impl Item {
    fn due(&self) -> Option<DateTime<Utc>> {
        NaiveDateTime::parse_from_str(&self.date_gmt, "%Y-%m-%dT%H:%M:%S").ok().map(|at| at.and_utc())
    }

    /// Another one with every edit, unless that is of the same second as the one before.
    fn mark(&self) -> String {
        mark(&json!([self.status, self.slug, self.date_gmt, self.modified_gmt, self.title.raw]))
    }

    fn read(&self, kind: &str) -> Option<Scheduled> {
        let due = self.due()?;
        let words = if self.title.raw.trim().is_empty() { &self.slug } else { &self.title.raw };
        let snapshot = json!({
            "status": self.status, "date_gmt": self.date_gmt, "slug": self.slug, "title": self.title.raw,
            "modified_gmt": self.modified_gmt,
        });
        let remote_id = format!("{kind}/{}", self.id);
        Some(Scheduled { remote_id, due, words: excerpt(words), snapshot, mark: self.mark() })
    }
}

fn standing(item: &Item, kind: &str) -> Standing {
    match (item.status.as_str(), item.read(kind)) {
        ("future", Some(post)) => Standing::Scheduled(Box::new(post)),
        ("future", None) => Standing::Unknown("the site tells no date that can be read".to_owned()),
        ("publish" | "private", _) => Standing::Out("the site has published it".to_owned()),
        ("trash", _) => Standing::Gone(GONE.to_owned()),
        _ => Standing::Held { mark: item.mark() },
    }
}

/// Kind and number of an id of ours.
fn parts(remote_id: &str) -> Option<(&'static str, u64)> {
    let (kind, id) = remote_id.split_once('/')?;
    Some((KINDS.into_iter().find(|k| *k == kind)?, id.parse().ok()?))
}

impl WordPress {
    fn place(&self, remote_id: &str) -> Result<(&'static str, Url), String> {
        let (kind, id) = parts(remote_id).ok_or("no post of a WordPress site has this id")?;
        let mut url = self.api(&[kind, &id.to_string()]);
        url.query_pairs_mut().extend_pairs([("context", "edit"), ("_fields", FIELDS)]);
        Ok((kind, url))
    }

    async fn stands(&self, remote_id: &str) -> Standing {
        let look = async {
            let (kind, url) = self.place(remote_id)?;
            let answer = self.http.call(self.authorised(Request::get(url.as_str()))).await;
            let answer = answer.map_err(|trouble| trouble.to_string())?;
            if is_gone(&answer) {
                return Ok(Standing::Gone(GONE.to_owned()));
            }
            if !answer.is_success() {
                return Err(self.failure(&answer).to_string());
            }
            Ok::<_, String>(standing(&answer.json()?, kind))
        };
        look.await.unwrap_or_else(Standing::Unknown)
    }

    /// Changes a post that is there; through the gate, when it goes back on the schedule.
    async fn put(&self, remote_id: &str, to: &Value, pass: Option<&Pass>) -> Result<(), crate::Failure> {
        let (_, url) = self.place(remote_id).map_err(super::answers::unread)?;
        let request = self.authorised(Request::post(url.as_str())).json(to);
        let answer = match pass {
            Some(pass) => self.http.send(request, pass).await,
            None => self.http.call(request).await,
        };
        let answer = answer.map_err(unanswered)?;
        if answer.is_success() { Ok(()) } else { Err(self.failure(&answer)) }
    }

    /// What is scheduled of one kind.
    async fn list_kind(&self, kind: &'static str, listing: &mut Listing) -> Result<(), String> {
        let mut seen = 0;
        for page in 1..=PAGES {
            let mut url = self.api(&[kind]);
            url.query_pairs_mut().extend_pairs([
                ("status", "future"),
                ("context", "edit"),
                ("per_page", EACH),
                ("orderby", "id"),
                ("page", &page.to_string()),
                ("_fields", FIELDS),
            ]);
            let answer = self.http.call(self.authorised(Request::get(url.as_str()))).await;
            let answer = answer.map_err(|trouble| trouble.to_string())?;
            if kind == "pages" && matches!(answer.status, 400 | 401 | 403) {
                listing.unseen.get_or_insert(format!("{} may not see scheduled pages", self.account));
                return Ok(());
            }
            if !answer.is_success() {
                return Err(self.failure(&answer).to_string());
            }
            let number = |name: &str| answer.header(name).and_then(|n| n.parse::<usize>().ok());
            let (pages, total) = (number("x-wp-totalpages").unwrap_or(1), number("x-wp-total"));
            let items: Vec<Item> = answer.json()?;
            seen += items.len();
            for item in items.iter().filter(|item| item.status == "future" && !is_own(&item.slug)) {
                listing.items.push(item.read(kind).ok_or("the site tells no date that can be read")?);
            }
            if page >= pages {
                // The site counts what others wrote, and shows it to editors only.
                let hidden = total.map_or(0, |total| total.saturating_sub(seen));
                if hidden > 0 {
                    let account = &self.account;
                    let why = format!("{account} cannot see {hidden} scheduled {kind}; make it an editor");
                    listing.unseen.get_or_insert(why);
                }
                return Ok(());
            }
        }
        Err("the site has scheduled too much to look through".to_owned())
    }
}

#[async_trait::async_trait]
impl Scheduler for WordPress {
    async fn list(&self) -> Result<Listing, String> {
        let (mut all, mut read) = (Listing::default(), Ok(()));
        for kind in KINDS {
            read = self.list_kind(kind, &mut all).await.and(read);
        }
        all.up_to(read)
    }

    async fn hold(&self, post: &Scheduled) -> Stop {
        if let Err(stop) = as_listed(self.stands(&post.remote_id).await, post) {
            return stop;
        }
        if let Err(failure) = self.put(&post.remote_id, &json!({ "status": "draft" }), None).await {
            return stop(failure);
        }
        drafted(self.stands(&post.remote_id).await)
    }

    async fn read(&self, post: &Scheduled) -> Standing {
        self.stands(&post.remote_id).await
    }

    async fn restore(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        if let Err(back) = as_kept(self.stands(&post.remote_id).await, post) {
            return back;
        }
        let date = at.format("%Y-%m-%dT%H:%M:%S").to_string();
        if let Err(failure) =
            self.put(&post.remote_id, &json!({ "status": "future", "date_gmt": date }), Some(pass)).await
        {
            return back(failure);
        }
        traced(self.restored(post, at).await)
    }

    async fn restored(&self, post: &Kept, at: DateTime<Utc>) -> Result<Option<Back>, String> {
        trace(post, self.stands(&post.remote_id).await, |due| due == at.trunc_subsecs(0))
    }

    async fn discard(&self, post: &Kept) -> Discarded {
        stays(self.stands(&post.remote_id).await)
    }
}

#[cfg(test)]
#[path = "wordpress_schedule_tests.rs"]
mod tests;
