//! The schedule of a Ghost site: posts and pages that editors gave a date to come.
//!
//! Facts: <https://docs.ghost.org/admin-api/>; that a stale `updated_at` is refused and a date in the past
//! too was seen on Ghost 6.65. A hold makes the post a draft. Ghost forgets the newsletter of a draft, so
//! it is named again when the post is put back.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::answers::is_missing;
use super::{Ghost, post, unread};
use crate::http::{Request, is_too_long};
use crate::message::Doing;
use crate::scheduler::{
    Back, CHANGED, Discarded, Kept, Listing, Scheduled, Scheduler, Standing, Stop, back, drafted, excerpt,
    is_own, is_then, mark, stays, stop, trace, traced, unanswered,
};
use crate::{Failure, Pass};

/// What editors can schedule there.
const KINDS: [&str; 2] = ["posts", "pages"];
/// Most pages of a list. The whole of each post comes along, so a page that is too long is read post by post.
const PAGES: usize = 40;
const EACH: usize = 25;
const TOO_LONG: &str = "a scheduled post is too long to be read, so it is not held";
const GONE: &str = "the site has it no more: somebody has deleted it";

#[derive(Debug, Deserialize)]
struct Item {
    id: String,
    status: String,
    slug: String,
    #[serde(default)]
    title: String,
    updated_at: String,
    published_at: Option<DateTime<Utc>>,
    #[serde(default)]
    lexical: Option<String>,
    #[serde(default)]
    mobiledoc: Option<String>,
    #[serde(default)]
    newsletter: Option<Value>,
    #[serde(default)]
    email_segment: Option<String>,
    #[serde(default)]
    email_only: Option<bool>,
}

impl Item {
    fn mark(&self) -> String {
        let words = (&self.title, &self.lexical, &self.mobiledoc);
        mark(&json!([self.status, self.slug, self.updated_at, self.published_at, words]))
    }

    fn read(&self, kind: &str) -> Option<Scheduled> {
        let due = self.published_at.filter(|_| post::is_id(&self.id))?;
        let newsletter = self.newsletter.as_ref().and_then(|n| n["slug"].as_str());
        let snapshot = json!({
            "status": self.status, "slug": self.slug, "title": self.title, "published_at": due,
            "newsletter": newsletter, "email_segment": self.email_segment, "email_only": self.email_only,
        });
        let remote_id = format!("{kind}/{}", self.id);
        Some(Scheduled { remote_id, due, words: excerpt(&self.title), snapshot, mark: self.mark() })
    }
}

fn standing(item: &Item, kind: &str) -> Standing {
    match (item.status.as_str(), item.read(kind)) {
        ("scheduled", Some(post)) => Standing::Scheduled(Box::new(post)),
        ("draft", _) => Standing::Held { mark: item.mark() },
        ("published" | "sent", _) => Standing::Out("the site has published it".to_owned()),
        _ => Standing::Unknown("Ghost does not say where the post stands".to_owned()),
    }
}

/// Kind and number of an id of ours.
fn parts(remote_id: &str) -> Option<(&'static str, &str)> {
    let (kind, id) = remote_id.split_once('/')?;
    Some((KINDS.into_iter().find(|k| *k == kind)?, Some(id).filter(|id| post::is_id(id))?))
}

/// What the address of a restore carries: the newsletter that the post was to leave by.
fn mailing(snapshot: &Value) -> Vec<(&'static str, String)> {
    let word = |name: &str| snapshot[name].as_str().filter(|w| !w.is_empty()).map(str::to_owned);
    let Some(newsletter) = word("newsletter") else { return Vec::new() };
    let segment = word("email_segment").unwrap_or_else(|| "all".to_owned());
    vec![("newsletter", newsletter), ("email_segment", segment)]
}

impl Ghost {
    /// The post, or nothing when the site has none of that id.
    async fn item(&self, remote_id: &str) -> Result<Option<(&'static str, Item)>, Failure> {
        let no_id = || unread("no post of a Ghost site has this id".to_owned());
        let (kind, id) = parts(remote_id).ok_or_else(no_id)?;
        let answer = self.get(&self.detailed(self.api(&[kind, id]), kind)).await?;
        if is_missing(&answer) {
            return Ok(None);
        }
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Ask));
        }
        let item = items(&answer.json().map_err(unread)?, kind).map_err(unread)?.into_iter().next();
        item.map(|item| Some((kind, item))).ok_or_else(|| unread("the answer names no post".to_owned()))
    }

    fn detailed(&self, mut url: Url, kind: &str) -> Url {
        let include = if kind == "posts" { "newsletter" } else { "authors" };
        url.query_pairs_mut().append_pair("include", include);
        url
    }

    async fn stands(&self, remote_id: &str) -> Standing {
        match self.item(remote_id).await {
            Ok(Some((kind, item))) => standing(&item, kind),
            Ok(None) => Standing::Gone(GONE.to_owned()),
            Err(failure) => Standing::Unknown(failure.to_string()),
        }
    }

    /// Changes a post, unless somebody has changed it since it was read; through the gate, when it goes back on
    /// the schedule.
    async fn put(
        &self,
        remote_id: &str,
        query: &[(&str, String)],
        to: &Value,
        pass: Option<&Pass>,
    ) -> Result<(), Failure> {
        let no_id = || unread("no post of a Ghost site has this id".to_owned());
        let (kind, id) = parts(remote_id).ok_or_else(no_id)?;
        let mut url = self.api(&[kind, id]);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.authorised(Request::put(url.as_str())).json(&json!({ kind: [to] }));
        let answer = match pass {
            Some(pass) => self.http.send(request, pass).await,
            None => self.http.call(request).await,
        };
        let answer = answer.map_err(unanswered)?;
        if answer.is_success() { Ok(()) } else { Err(self.failure(&answer, Doing::TakeDown)) }
    }

    /// What is scheduled of one kind on one page of so many, and how many pages there are.
    async fn page(&self, kind: &'static str, each: usize, page: usize) -> Result<(Vec<Item>, usize), String> {
        let mut url = self.detailed(self.api(&[kind]), kind);
        url.query_pairs_mut().extend_pairs([
            ("filter", "status:scheduled"),
            ("limit", &each.to_string()),
            ("page", &page.to_string()),
        ]);
        let answer = self.get(&url).await.map_err(|failure| failure.to_string())?;
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Ask).to_string());
        }
        let told: Value = answer.json()?;
        let pages = told["meta"]["pagination"]["pages"].as_u64().and_then(|n| usize::try_from(n).ok());
        Ok((items(&told, kind)?, pages.unwrap_or(1)))
    }

    /// The same page, post by post.
    async fn one_by_one(
        &self,
        kind: &'static str,
        page: usize,
        unseen: &mut Option<String>,
    ) -> Result<(Vec<Item>, usize), String> {
        // Until one post can be read, nobody knows how many there are: the next page tells.
        let (mut all, mut pages) = (Vec::new(), page + 1);
        for n in (page - 1) * EACH + 1..=page * EACH {
            match self.page(kind, 1, n).await {
                Ok((items, count)) => {
                    all.extend(items);
                    pages = count.div_ceil(EACH);
                    if n >= count {
                        break;
                    }
                }
                Err(why) if is_too_long(&why) => *unseen = Some(TOO_LONG.to_owned()),
                Err(why) => return Err(why),
            }
        }
        Ok((all, pages))
    }

    async fn list_kind(&self, kind: &'static str, all: &mut Listing) -> Result<(), String> {
        for page in 1..=PAGES {
            let (foreign, pages) = match self.page(kind, EACH, page).await {
                Err(why) if is_too_long(&why) => self.one_by_one(kind, page, &mut all.unseen).await?,
                read => read?,
            };
            for item in foreign.iter().filter(|i| i.status == "scheduled" && !is_own(&i.slug)) {
                all.items.push(item.read(kind).ok_or("the site tells no date that can be read")?);
            }
            if page >= pages {
                return Ok(());
            }
        }
        Err("the site has scheduled too much to look through".to_owned())
    }
}

fn items(told: &Value, kind: &str) -> Result<Vec<Item>, String> {
    serde_json::from_value(told[kind].clone()).map_err(|_| "the answer names no post".to_owned())
}

fn instant(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[async_trait::async_trait]
impl Scheduler for Ghost {
    async fn list(&self) -> Result<Listing, String> {
        let (mut all, mut read) = (Listing::default(), Ok(()));
        for kind in KINDS {
            read = self.list_kind(kind, &mut all).await.and(read);
        }
        all.up_to(read)
    }

    async fn hold(&self, post: &Scheduled) -> Stop {
        let updated_at = match self.item(&post.remote_id).await {
            Ok(None) => return Stop::Gone(GONE.to_owned()),
            Err(Failure::InDoubt { reason }) => return Stop::Later(reason),
            Err(failure) => return stop(failure),
            Ok(Some((kind, item))) => match standing(&item, kind) {
                Standing::Scheduled(now) if now.mark == post.mark => item.updated_at,
                Standing::Scheduled(_) => return Stop::Left(CHANGED.to_owned()),
                Standing::Out(why) => return Stop::Out(why),
                Standing::Gone(why) => return Stop::Gone(why),
                // Somebody else has drawn it back: it is not ours to put back.
                Standing::Held { .. } => return Stop::Left(CHANGED.to_owned()),
                Standing::Unknown(why) => return Stop::Left(why),
            },
        };
        let draft = json!({ "status": "draft", "updated_at": updated_at });
        if let Err(failure) = self.put(&post.remote_id, &[], &draft, None).await {
            return stop(failure);
        }
        drafted(self.stands(&post.remote_id).await)
    }

    async fn read(&self, post: &Scheduled) -> Standing {
        self.stands(&post.remote_id).await
    }

    async fn restore(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        let updated_at = match self.item(&post.remote_id).await {
            Ok(Some((kind, item))) => match standing(&item, kind) {
                Standing::Held { mark } if mark == post.mark => item.updated_at,
                Standing::Out(why) => return Back::Out(why),
                _ => return Back::Changed(CHANGED.to_owned()),
            },
            Ok(None) => return Back::Changed(CHANGED.to_owned()),
            Err(failure) => return back(failure.without_effect()),
        };
        let to = json!({ "status": "scheduled", "published_at": instant(at), "updated_at": updated_at });
        if let Err(failure) = self.put(&post.remote_id, &mailing(&post.snapshot), &to, Some(pass)).await {
            return back(failure);
        }
        traced(self.restored(post, at).await)
    }

    async fn restored(&self, post: &Kept, at: DateTime<Utc>) -> Result<Option<Back>, String> {
        let stands = self.stands(&post.remote_id).await;
        trace(post, stands, |due| is_then(due, at))
    }

    async fn discard(&self, post: &Kept) -> Discarded {
        stays(self.stands(&post.remote_id).await)
    }
}

#[cfg(test)]
#[path = "ghost_schedule_tests.rs"]
mod tests;
