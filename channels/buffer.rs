//! Adapter `buffer`: what people scheduled in one organisation of Buffer, on all of its channels. It publishes nothing
//! of ours.
//!
//! Facts: <https://developers.buffer.com> (posts and scheduling, `EditPostInput`, `PostsFiltersInput`, `PostStatus`).
//! One address takes all questions and changes (GraphQL); what is wrong is told with status 200, in `errors` or as a
//! typed `MutationError`. Nothing here was tried on the real Buffer. Taken for likely, and said nowhere: that a post
//! which is not there is told by the code `NOT_FOUND`, and that an edit leaves out whatever it does not name.
//!
//! - A hold saves the post as a draft (`saveToDraft`), which Buffer does not publish. Its words and media stay there.
//! - What was in a queue loses its slot: it goes back for a time of its own.
//! - A key takes 100 requests in 15 minutes and 100 to 500 in a day; a hold needs two or three. So it is checked
//!   six times a day, and a list counts for ten minutes under the freeze that it was read for, or for an hour when few
//!   requests are left. What somebody schedules anew for a time before that can go out.

use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use url::Url;

use crate::http::Request;
use crate::planner::{self, Api, NEAR, NO_POST, Planner, Planning, Seen, is_id};
use crate::scheduler::{
    Back, Discarded, Kept, Listing, Scheduled, Scheduler, Standing, Stop, TOO_MUCH, as_kept, as_listed, back,
    drafted, is_then, stays, stop, trace, traced,
};
use crate::{Adapter, Channel, Connection, Failure, Health, Pass, Setting};

#[path = "buffer_post.rs"]
mod post;
#[path = "buffer_queries.rs"]
mod queries;

use post::{data, is_not_found, standing};
use queries::{CHECK, EDIT, LIST, ONE};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "buffer",
    title: "Buffer",
    capabilities: planner::CAPABILITIES,
    limits: planner::LIMITS,
    settings: &[
        Setting {
            name: "org",
            help: "The id of the organisation, from the address of its settings in Buffer",
            required: true,
            private: false,
        },
        Setting {
            name: "server",
            help: "Another server of the API; otherwise https://api.buffer.com",
            required: false,
            private: false,
        },
    ],
    frame: None,
    connect,
};

const SERVER: &str = "https://api.buffer.com";
/// How long a list counts, and how long when few requests are left.
const COUNTS: TimeDelta = TimeDelta::minutes(10);
const COUNTS_LONGER: TimeDelta = TimeDelta::hours(1);
/// What was listed within this is not looked at once more before it is held.
const FRESH: TimeDelta = TimeDelta::seconds(30);
/// How many minutes apart it is checked when it was ready, and when it was not.
const CHECKED_EVERY: (u32, u32) = (4 * 60, 60);
/// Posts of one page, and most pages.
const EACH: usize = 100;
const PAGES: usize = 20;

const GONE: &str = "Buffer has it no more: somebody has deleted it";
const TOO_NEAR: &str = "its new time is too near, and Buffer could publish it at once";
const QUEUED: &str = "it was in a queue of Buffer, and goes back for a time of its own";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let organization = connection.setting("org")?;
    if !is_id(&organization) {
        return Err("the setting org: write the id of the organisation".to_owned());
    }
    Ok(Box::new(Planning(Buffer {
        server: connection.url_or("server", SERVER)?,
        organization,
        listed: Mutex::new(None),
        api: Api::new(connection, ADAPTER.title, "/errors/0/message")?,
    })))
}

struct Buffer {
    server: Url,
    organization: String,
    /// The newest list that was read whole.
    listed: Mutex<Option<Listed>>,
    api: Api,
}

/// A list, with what was seen of its posts since.
struct Listed {
    at: DateTime<Utc>,
    /// The freeze that it was read for.
    epoch: Option<i64>,
    listing: Listing,
}

impl Buffer {
    /// Asks for a document, or a change; the data of its answer.
    async fn ask(&self, query: &str, variables: Value, pass: Option<&Pass>) -> Result<Value, Failure> {
        let content = json!({ "query": query, "variables": variables });
        let request = Request::post(self.server.as_str()).bearer(self.api.secret()).json(&content);
        let answer = self.api.call(request, pass).await?;
        data(&answer, self.api.secret())
    }

    /// Where a post stands. The kept list has that, too.
    async fn stands(&self, id: &str) -> Standing {
        let stands = self.look(id).await;
        if let Some(listed) = &mut *self.listed()
            && !matches!(stands, Standing::Unknown(_))
        {
            listed.listing.items.retain(|item| item.remote_id != id);
            if let Standing::Scheduled(item) = &stands {
                listed.listing.items.push((**item).clone());
            }
        }
        stands
    }

    async fn look(&self, id: &str) -> Standing {
        match self.ask(ONE, json!({ "id": id }), None).await {
            Ok(told) if told["post"].is_null() => Standing::Gone(GONE.to_owned()),
            Ok(told) => standing(&told["post"]),
            Err(failure) if is_not_found(&failure) => Standing::Gone(GONE.to_owned()),
            Err(failure) => Standing::Unknown(failure.to_string()),
        }
    }

    async fn edit(&self, input: Value, pass: Option<&Pass>) -> Result<(), Failure> {
        let told = self.ask(EDIT, json!({ "input": input }), pass).await?;
        post::edited(&told["editPost"], self.api.secret())
    }

    /// What is asked of its posts: those on the schedule, the nearest first.
    fn scheduled(&self) -> Value {
        let sort = json!([{ "field": "dueAt", "direction": "asc" }]);
        json!({ "organizationId": self.organization, "filter": { "status": ["scheduled"] }, "sort": sort })
    }

    async fn list_into(&self, seen: &mut Seen<Vec<Scheduled>>) -> Result<(), String> {
        let mut after = Value::Null;
        for _ in 0..PAGES {
            let variables = json!({ "input": self.scheduled(), "first": EACH, "after": after });
            let told = self.ask(LIST, variables, None).await.map_err(|why| why.to_string())?;
            let edges = told["posts"]["edges"].as_array().ok_or(NO_POST)?;
            for edge in edges {
                seen.add(standing(&edge["node"]));
            }
            let page = &told["posts"]["pageInfo"];
            if page["hasNextPage"] != true {
                return Ok(());
            }
            if page["endCursor"] == after {
                break;
            }
            after = page["endCursor"].clone();
        }
        Err(TOO_MUCH.to_owned())
    }

    /// Reads the list, and keeps it when it is whole.
    async fn list_for(&self, epoch: Option<i64>) -> Result<Listing, String> {
        let (at, mut seen) = (self.api.now(), Seen::default());
        let read = planner::in_time(self.list_into(&mut seen)).await;
        let listing = seen.listing();
        if read.is_ok() {
            *self.listed() = Some(Listed { at, epoch, listing: listing.clone() });
        }
        listing.up_to(read)
    }

    fn listed(&self) -> MutexGuard<'_, Option<Listed>> {
        planner::lock(&self.listed)
    }

    /// The list that was read for this freeze, if it still counts.
    fn known(&self, epoch: i64) -> Option<Listing> {
        let counts = if self.api.is_short() { COUNTS_LONGER } else { COUNTS };
        let listed = self.listed();
        let known = listed.as_ref().filter(|l| l.epoch == Some(epoch) && l.at + counts > self.api.now())?;
        Some(Listing { read_at: Some(known.at), ..known.listing.clone() })
    }

    /// Whether the post was listed just now, as it is held.
    fn is_fresh(&self, post: &Scheduled) -> bool {
        let listed = self.listed();
        let listed = listed.as_ref().filter(|listed| listed.at + FRESH > self.api.now());
        let same = |item: &Scheduled| item.remote_id == post.remote_id && item.mark == post.mark;
        listed.is_some_and(|listed| listed.listing.items.iter().any(same))
    }
}

#[async_trait]
impl Scheduler for Buffer {
    async fn whose(&self) -> Result<String, String> {
        Ok(format!("buffer {}", self.organization))
    }

    fn spare(&self) -> Result<(), String> {
        self.api.spare()
    }

    async fn list(&self) -> Result<Listing, String> {
        self.list_for(None).await
    }

    async fn list_under(&self, epoch: i64) -> Result<Listing, String> {
        match self.known(epoch) {
            Some(listing) => Ok(listing),
            None => self.list_for(Some(epoch)).await,
        }
    }

    async fn hold(&self, post: &Scheduled) -> Stop {
        if !self.is_fresh(post)
            && let Err(stop) = as_listed(self.stands(&post.remote_id).await, post)
        {
            return stop;
        }
        let draft = json!({ "id": post.remote_id, "saveToDraft": true });
        match self.edit(draft, None).await {
            Err(failure) if is_not_found(&failure) => Stop::Gone(GONE.to_owned()),
            Err(failure) => stop(failure),
            Ok(()) => drafted(self.stands(&post.remote_id).await),
        }
    }

    async fn read(&self, post: &Scheduled) -> Standing {
        self.stands(&post.remote_id).await
    }

    async fn restore(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        if at < self.api.now() + NEAR {
            return Back::Left(TOO_NEAR.to_owned());
        }
        if let Err(back) = as_kept(self.stands(&post.remote_id).await, post) {
            return back;
        }
        // It is on the schedule again, whatever the list says.
        *self.listed() = None;
        let due = at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let to =
            json!({ "id": post.remote_id, "mode": "customScheduled", "dueAt": due, "saveToDraft": false });
        if let Err(failure) = self.edit(to, Some(pass)).await {
            return back(failure);
        }
        traced(self.restored(post, at).await)
    }

    async fn restored(&self, post: &Kept, at: DateTime<Utc>) -> Result<Option<Back>, String> {
        trace(post, self.stands(&post.remote_id).await, |due| is_then(due, at))
    }

    fn caution(&self, snapshot: &Value, _mark: &str) -> Option<String> {
        let mode = snapshot["shareMode"].as_str()?;
        (mode != "customScheduled").then(|| QUEUED.to_owned())
    }

    async fn discard(&self, post: &Kept) -> Discarded {
        stays(self.stands(&post.remote_id).await)
    }
}

#[async_trait]
impl Planner for Buffer {
    async fn inspect(&self) -> Result<Health, String> {
        // Whether the schedule may be read, too.
        let variables =
            json!({ "channels": { "organizationId": self.organization }, "posts": self.scheduled() });
        let told = self.ask(CHECK, variables, None).await.map_err(|why| why.to_string())?;
        let channels = told["channels"].as_array().ok_or("the answer names no channel")?;
        told["posts"]["edges"].as_array().ok_or(NO_POST)?;
        Ok(Health::ready(planner::sees(channels.len())))
    }

    fn checked_every(&self, ready: bool) -> Option<u32> {
        let (when_ready, otherwise) = CHECKED_EVERY;
        Some(if ready { when_ready } else { otherwise })
    }
}

#[cfg(test)]
#[path = "buffer_tests.rs"]
mod tests;
