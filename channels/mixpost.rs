//! Adapter `mixpost`: what people scheduled in one workspace of a Mixpost Pro or Enterprise, on all of its accounts.
//! It publishes nothing of ours. Mixpost Lite has no API.
//!
//! Facts: <https://docs.mixpost.app/api> (authentication; the posts: list, create, delete), the older pages at
//! <https://docs.inovector.com/books/api-reference>, the vendor's own client (inovector/n8n-nodes-mixpost: update,
//! schedule, the filters of the list, most posts of a page), and the open Lite (inovector/mixpost: what an update
//! does to status and date, what is published when). Nothing here was tried on a real Mixpost.
//!
//! - An update replaces the whole post: accounts, tags and versions that are left out are removed. One without a date
//!   makes it a draft, and Mixpost publishes what is scheduled only. So a hold sends back all that was just read,
//!   without the date, and reads that it is a draft. Accounts, tags and media are sent back by their numbers; a post
//!   whose answer does not show them all, or not exactly one original version, is left.
//! - Words for an account that Mixpost has no more stay with a post, and an update with them is refused: they are left
//!   out. Whose they are is asked for only where a post has words for an account that it does not go to.
//! - The versions are made anew. A field of them that no document names is lost, so such a post is held only within the
//!   hour before its time. Other fields of the post stay (the Lite changes accounts, tags, versions and date only).
//! - What was due when it was held can have been on its way, and can be a draft until Mixpost says that it publishes it: for two minutes
//!   nobody knows.
//! - Putting back is two steps, so that it works with versions that take no date when they schedule: an update gives
//!   the draft its new date, and only when that reads back as it was meant it is scheduled (`postNow` is false).
//! - A date is sent in UTC, by its minute; it is rounded up. What is shown without a zone is read as UTC, as the Lite
//!   keeps it. If another version shows another zone, the second step above does not happen.
//! - A queue is a time like another: what was in one goes back for a time of its own.
//! - Where the owner of the token may not schedule, what is put back waits for an approval there.
//! - Whether it was changed is told by words, media, accounts and date until it is held, and by all that is sent back
//!   after that. The date of a draft does not count.
//!
//! No document tells: the form of an update's answer and of one post (with `data` around it, or not); the order of the
//! list; how the times of single accounts are shown (taken for likely: `scheduled_at` with the account, its `pivot` or
//! in `accounts_schedule`; the earliest counts), and whether they outlive an update; that 404 is said of a post that is not there, as
//! it is of a workspace; the status while a post is being published (the Lite shows `PUBLISHING`). A change that
//! somebody makes in the moment between the look and the hold is lost.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::http::Request;
use crate::planner::{self, Api, NEAR, NO_POST, Planner, Planning, Seen, discarded};
use crate::scheduler::{
    Back, CHANGED, Discarded, Kept, Listing, Scheduled, Scheduler, Standing, Stop, TOO_MUCH, as_kept,
    as_listed, back, drafted, is_then, stop, trace, traced, waiting,
};
use crate::{Adapter, Channel, Connection, Failure, Health, Pass, Setting, Ways};

#[path = "mixpost_post.rs"]
mod post;

use post::{Post, SENDS, add, cautions, dated, is_uuid, minute, numbers};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "mixpost",
    title: "Mixpost",
    capabilities: planner::CAPABILITIES,
    limits: planner::LIMITS,
    settings: &[
        Setting {
            name: "server",
            help: "Its address, for example https://mixpost.bank.example",
            required: true,
            private: false,
        },
        Setting {
            name: "workspace",
            help: "The UUID of the workspace, from the menu of an account in it",
            required: true,
            private: false,
        },
        Setting {
            name: "path",
            help: "The core path of Mixpost, where it is not mixpost; / where there is none",
            required: false,
            private: false,
        },
    ],
    frame: None,
    ways: Ways::USUAL,
    connect,
};

const CORE: &str = "mixpost";
/// Posts of one page, where the version takes a number, and most pages.
const EACH: &str = "50";
const PAGES: u64 = 100;
/// Most bytes of an answer: a post has a version for each account.
const LONGEST: usize = 16 << 20;
/// A post of which a part would be lost is held only when it is due within this.
const FOR_GOOD: TimeDelta = TimeDelta::hours(1);
/// So long after its time a draft can still be on its way, as the clocks may differ; once Mixpost has taken it up, it says
/// so. Before its time it is held like any other: whoever waits for the next one lets the others go.
const ENDS: TimeDelta = TimeDelta::minutes(2);

const GONE: &str = "Mixpost has it no more: somebody has deleted it";
const TOO_NEAR: &str = "its new time is too near, and Mixpost could publish it at once";
const NOT_WHOLE: &str =
    "Mixpost shows it in a form that cannot be sent back whole, so it is not touched: make it a draft there";
const NOT_YET: &str =
    "Mixpost would not take back all of it, so a hold loses a part: it is held when it is due within an hour";
const ADDED: &str = "somebody has added a part to it since it was held, which Mixpost would not take back: schedule it there by hand";
const BEGUN: &str = "it was due when it was held, so Mixpost can be publishing it all the same";
const MAY_BE_OUT: &str =
    "it was due when it was held, so Mixpost may have published it all the same: look at its accounts";
const NO_ACCOUNTS: &str = "Mixpost does not show which accounts it has";
const OTHER_TIME: &str =
    "Mixpost shows another time than it was given, so it stays a draft: schedule it there by hand";
const MOVED: &str = "the schedule was changed while it was read, so a part of it can be missing";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let workspace = connection.setting("workspace")?;
    if !is_uuid(&workspace) {
        return Err("the setting workspace: write the UUID of the workspace".to_owned());
    }
    let mut server = connection.url("server")?;
    let core = connection.setting("path").unwrap_or_else(|_| CORE.to_owned());
    if let Ok(mut parts) = server.path_segments_mut() {
        parts.pop_if_empty().extend(core.split('/').filter(|part| !part.is_empty()));
    }
    server.set_query(None);
    let api = Api::new(connection, ADAPTER.title, "message")?;
    Ok(Box::new(Planning(Mixpost { server, workspace, api })))
}

struct Mixpost {
    /// With the core path.
    server: Url,
    workspace: String,
    api: Api,
}

/// A list.
#[derive(Deserialize)]
struct Told {
    data: Vec<Value>,
    #[serde(default)]
    meta: Value,
}

impl Mixpost {
    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.server.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(["api", self.workspace.as_str()]).extend(path);
        }
        url
    }

    /// As it is let in. Without the type, Mixpost would answer with a page to log in on.
    fn let_in(&self, request: Request) -> Request {
        request.bearer(self.api.secret()).header("accept", "application/json").most(LONGEST)
    }

    async fn read_list(&self, url: &Url) -> Result<Told, String> {
        let request = self.let_in(Request::get(url.as_str()));
        self.api.call(request, None).await.map_err(|why| why.to_string())?.json()
    }

    /// The numbers of all accounts of the workspace.
    async fn accounts(&self) -> Result<BTreeSet<u64>, String> {
        let told = self.read_list(&self.at(&["accounts"])).await?;
        let is_all = told.meta["last_page"].as_u64().is_none_or(|last| last <= 1);
        let numbers = numbers(&told.data).filter(|_| is_all).ok_or(NO_ACCOUNTS)?;
        Ok(numbers.into_iter().collect())
    }

    async fn page(&self, page: u64) -> Result<Told, String> {
        let mut url = self.at(&["posts"]);
        let page = page.to_string();
        url.query_pairs_mut().extend_pairs([
            ("status", "scheduled"),
            ("limit", EACH),
            ("page", page.as_str()),
        ]);
        self.read_list(&url).await
    }

    /// Reads all pages. Whatever order they have, what is made or taken off meanwhile moves others: so as many are
    /// counted as there were at most.
    async fn list_into(&self, seen: &mut Seen<BTreeMap<String, Scheduled>>) -> Result<(), String> {
        let (mut rows, mut most) = (BTreeSet::new(), 0);
        let mut accounts = None;
        for page in 1..=PAGES {
            let told = self.page(page).await?;
            let is_empty = told.data.is_empty();
            for row in told.data {
                rows.insert(row["uuid"].to_string());
                let mut post = Post::read(row);
                if post.as_ref().is_some_and(|post| !post.strangers().is_empty()) {
                    if accounts.is_none() {
                        accounts = Some(self.accounts().await);
                    }
                    // Where they cannot be asked for, it is listed all the same, and its hold says why it is not held.
                    if let Some(Ok(known)) = &accounts {
                        post = post.map(|post| post.among(known));
                    }
                }
                add(post.as_ref(), seen);
            }
            most = told.meta["total"].as_u64().unwrap_or_default().max(most);
            if is_empty || told.meta["last_page"].as_u64().is_some_and(|last| page >= last) {
                if (rows.len() as u64) < most {
                    seen.unseen = seen.unseen.or(Some(MOVED));
                }
                return Ok(());
            }
        }
        Err(TOO_MUCH.to_owned())
    }

    /// The post, or nothing when there is none of that id.
    async fn look(&self, id: &str) -> Result<Option<Post>, String> {
        let request = self.let_in(Request::get(self.at(&["posts", id]).as_str()));
        let answer = self.api.ask(request, None).await.map_err(|why| why.to_string())?;
        if answer.status == 404 {
            // The workspace can be what is not there.
            self.accounts().await?;
            return Ok(None);
        }
        let told: Value = self.api.accepted(answer, None).map_err(|why| why.to_string())?.json()?;
        let whole = if told["data"].is_object() { told["data"].clone() } else { told };
        let post = Post::read(whole).filter(|post| post.is(id)).ok_or(NO_POST)?;
        let known = if post.strangers().is_empty() { BTreeSet::new() } else { self.accounts().await? };
        Ok(Some(post.among(&known)))
    }

    async fn stands(&self, id: &str) -> Standing {
        match self.look(id).await {
            Ok(Some(post)) => post.standing(),
            Ok(None) => Standing::Gone(GONE.to_owned()),
            Err(why) => Standing::Unknown(why),
        }
    }

    /// Replaces a post.
    async fn put(&self, id: &str, whole: &Value, pass: Option<&Pass>) -> Result<(), Failure> {
        let request = self.let_in(Request::put(self.at(&["posts", id]).as_str()));
        self.api.call(request.json(whole), pass).await.map(drop)
    }

    /// What a hold ends with that was not accepted. The post can be out, and refused therefore.
    async fn not_held(&self, post: &Scheduled, failure: Failure) -> Stop {
        let end = stop(failure);
        if !matches!(end, Stop::Left(_)) {
            return end;
        }
        match self.read(post).await {
            Standing::Out(why) => Stop::Out(why),
            Standing::Gone(why) => Stop::Gone(why),
            Standing::Unknown(why) if why == SENDS => Stop::Later(why),
            Standing::Scheduled(_) | Standing::Held { .. } | Standing::Unknown(_) => end,
        }
    }

    /// Whether a draft has the date that it was given, and nothing else is changed.
    ///
    /// # Errors
    /// What the restore ends with.
    async fn is_dated(&self, post: &Kept, at: DateTime<Utc>) -> Result<(), Back> {
        let shown = match self.look(&post.remote_id).await {
            Ok(Some(shown)) => shown,
            Ok(None) => return Err(Back::Changed(CHANGED.to_owned())),
            Err(why) => return Err(Back::Left(why)),
        };
        match shown.standing() {
            Standing::Held { .. } if shown.waits_for(at) => Err(Back::Waits(post.remote_id.clone())),
            Standing::Held { mark } if mark != post.mark => Err(Back::Changed(CHANGED.to_owned())),
            Standing::Held { .. } if shown.due() == Some(at) => Ok(()),
            Standing::Held { .. } => Err(Back::Left(OTHER_TIME.to_owned())),
            other => Err(traced(trace(post, other, |due| is_then(due, at)))),
        }
    }
}

#[async_trait]
impl Scheduler for Mixpost {
    async fn whose(&self) -> Result<String, String> {
        Ok(format!("mixpost {}", self.workspace))
    }

    fn spare(&self) -> Result<(), String> {
        self.api.spare()
    }

    async fn list(&self) -> Result<Listing, String> {
        let mut seen = Seen::default();
        let read = planner::in_time(self.list_into(&mut seen)).await;
        let all: Vec<_> = seen.all.into_values().collect();
        Seen { all, unseen: seen.unseen }.listing().up_to(read)
    }

    async fn hold(&self, post: &Scheduled) -> Stop {
        let shown = match self.look(&post.remote_id).await {
            Ok(Some(shown)) => shown,
            Ok(None) => return Stop::Gone(GONE.to_owned()),
            Err(why) => return Stop::Later(why),
        };
        if let Err(stop) = as_listed(shown.standing(), post) {
            return stop;
        }
        let Some(whole) = shown.whole() else { return Stop::Left(NOT_WHOLE.to_owned()) };
        if shown.loses() && post.due > self.api.now() + FOR_GOOD {
            return Stop::Left(NOT_YET.to_owned());
        }
        if let Err(failure) = self.put(&post.remote_id, &whole, None).await {
            return self.not_held(post, failure).await;
        }
        drafted(self.read(post).await)
    }

    async fn read(&self, post: &Scheduled) -> Standing {
        let now = self.api.now();
        match self.stands(&post.remote_id).await {
            Standing::Held { .. } if post.due <= now && now < post.due + ENDS => {
                Standing::Unknown(BEGUN.to_owned())
            }
            stands => stands,
        }
    }

    async fn restore(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        if at < self.api.now() + NEAR {
            return Back::Left(TOO_NEAR.to_owned());
        }
        let shown = match self.look(&post.remote_id).await {
            Ok(Some(shown)) => shown,
            Ok(None) => return Back::Changed(CHANGED.to_owned()),
            Err(why) => return Back::Left(why),
        };
        if shown.waits_for(at) {
            return Back::Waits(post.remote_id.clone());
        }
        if let Err(back) = as_kept(shown.standing(), post) {
            return if shown.waits() { waiting(back) } else { back };
        }
        let Some(whole) = shown.whole() else { return Back::Left(NOT_WHOLE.to_owned()) };
        if shown.loses_more_than(&post.snapshot) {
            return Back::Left(ADDED.to_owned());
        }
        let at = minute(at);
        if let Err(failure) = self.put(&post.remote_id, &dated(whole, at), Some(pass)).await {
            return back(failure);
        }
        if let Err(back) = self.is_dated(post, at).await {
            return back;
        }
        let url = self.at(&["posts", "schedule", &post.remote_id]);
        let request = self.let_in(Request::post(url.as_str())).json(&json!({ "postNow": false }));
        if let Err(failure) = self.api.call(request, Some(pass)).await {
            return back(failure);
        }
        traced(self.restored(post, at).await)
    }

    async fn restored(&self, post: &Kept, at: DateTime<Utc>) -> Result<Option<Back>, String> {
        match self.look(&post.remote_id).await? {
            Some(shown) if shown.waits_for(at) => Ok(Some(Back::Waits(post.remote_id.clone()))),
            Some(shown) => trace(post, shown.standing(), |due| is_then(due, at)),
            None => Ok(None),
        }
    }

    fn caution(&self, snapshot: &Value, _mark: &str) -> Option<String> {
        let due = snapshot["scheduledAt"].as_str().and_then(|due| due.parse::<DateTime<Utc>>().ok());
        let was_due = due.is_some_and(|due| due <= self.api.now());
        let all = was_due.then(|| MAY_BE_OUT.to_owned()).into_iter().chain(cautions(snapshot));
        let all = all.collect::<Vec<_>>().join("; ");
        (!all.is_empty()).then_some(all)
    }

    async fn discard(&self, post: &Kept) -> Discarded {
        match self.look(&post.remote_id).await {
            Ok(Some(shown)) => discarded(shown.standing(), shown.waits()),
            Ok(None) => discarded(Standing::Gone(GONE.to_owned()), false),
            Err(why) => Discarded::Left(why),
        }
    }
}

#[async_trait]
impl Planner for Mixpost {
    async fn inspect(&self) -> Result<Health, String> {
        let accounts = self.accounts().await?;
        // Whether the schedule may be read, too.
        self.page(1).await?;
        Ok(Health::ready(planner::sees(accounts.len())))
    }
}

#[cfg(test)]
#[path = "mixpost_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "mixpost_whole_tests.rs"]
mod whole_tests;
