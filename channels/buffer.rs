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
//!   six times a day, and a list counts for ten minutes under the freeze that it was read for, or longer: so that those
//!   that are left last, and thirty of them stay for holds. What somebody schedules anew for a time before that can go
//!   out.
//! - Where the owner of the key may not schedule, what is put back waits for an approval there.

use std::sync::Mutex;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use url::Url;

use crate::http::Request;
use crate::planner::{self, Api, NEAR, NO_POST, Planner, Planning, discarded, is_id};
use crate::quota::Quota;
use crate::scheduler::{
    Back, Discarded, Kept, Listing, Scheduled, Scheduler, Standing, Stop, as_kept, as_listed, back, drafted,
    is_then, stop, trace, traced, waiting,
};
use crate::{Adapter, Channel, Connection, Failure, Health, Pass, Setting, Ways};

#[path = "buffer_list.rs"]
mod list;
#[path = "buffer_post.rs"]
mod post;
#[path = "buffer_queries.rs"]
mod queries;

use list::Listed;
use post::{data, is_not_found, standing, waits, waits_for};
use queries::{CHECK, EDIT, ONE};

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
    ways: Ways::USUAL,
    connect,
};

pub(crate) const SERVER: &str = "https://api.buffer.com";
/// How many minutes apart it is checked when it was ready, and when it was not.
const CHECKED_EVERY: (u32, u32) = (4 * 60, 60);
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
    /// The newest list.
    listed: Mutex<Option<Listed>>,
    api: Api,
}

impl Buffer {
    /// Asks for a document, or a change; the data of its answer.
    async fn ask(&self, query: &str, variables: Value, pass: Option<&Pass>) -> Result<Value, Failure> {
        let content = json!({ "query": query, "variables": variables });
        let request = Request::post(self.server.as_str()).bearer(self.api.secret()).json(&content);
        let answer = self.api.call(request, pass).await?;
        data(&answer, self.api.secret())
    }

    /// Where a post stands.
    async fn stands(&self, id: &str) -> Standing {
        match self.look(id).await {
            Ok(Some(told)) => standing(&told),
            Ok(None) => Standing::Gone(GONE.to_owned()),
            Err(why) => Standing::Unknown(why),
        }
    }

    /// A post as it is told; nothing: there is none. The kept list has that, too.
    async fn look(&self, id: &str) -> Result<Option<Value>, String> {
        let told = match self.ask(ONE, json!({ "id": id }), None).await {
            Ok(mut told) => Some(told["post"].take()).filter(|post| !post.is_null()),
            Err(failure) if is_not_found(&failure) => None,
            Err(failure) => return Err(failure.to_string()),
        };
        let stands = told.as_ref().map(standing);
        if let Some(listed) = &mut *self.listed()
            && !matches!(stands, Some(Standing::Unknown(_)))
        {
            listed.listing.items.retain(|item| item.remote_id != id);
            if let Some(Standing::Scheduled(item)) = stands {
                listed.listing.items.push(*item);
            }
        }
        Ok(told)
    }

    async fn edit(&self, input: Value, pass: Option<&Pass>) -> Result<(), Failure> {
        let told = self.ask(EDIT, json!({ "input": input }), pass).await?;
        post::edited(&told["editPost"], self.api.secret())
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
            Some(known) => known,
            None => self.list_for(Some(epoch)).await,
        }
    }

    fn tried_again_at(&self) -> Option<DateTime<Utc>> {
        self.listed().as_ref().map(|listed| self.next_at(listed))
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
        let shown = match self.look(&post.remote_id).await {
            Ok(shown) => shown.unwrap_or_default(),
            Err(why) => return Back::Left(why),
        };
        if waits_for(&shown, at) {
            return Back::Waits(post.remote_id.clone());
        }
        let stands = if shown.is_null() { Standing::Gone(GONE.to_owned()) } else { standing(&shown) };
        if let Err(back) = as_kept(stands, post) {
            return if waits(&shown) { waiting(back) } else { back };
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
        match self.look(&post.remote_id).await? {
            Some(shown) if waits_for(&shown, at) => Ok(Some(Back::Waits(post.remote_id.clone()))),
            Some(shown) => trace(post, standing(&shown), |due| is_then(due, at)),
            None => Ok(None),
        }
    }

    fn caution(&self, snapshot: &Value, _mark: &str) -> Option<String> {
        let mode = snapshot["shareMode"].as_str()?;
        (mode != "customScheduled").then(|| QUEUED.to_owned())
    }

    async fn discard(&self, post: &Kept) -> Discarded {
        match self.look(&post.remote_id).await {
            Ok(Some(shown)) => discarded(standing(&shown), waits(&shown)),
            Ok(None) => discarded(Standing::Gone(GONE.to_owned()), false),
            Err(why) => Discarded::Left(why),
        }
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

    fn calls(&self) -> Option<Quota> {
        self.api.calls()
    }
}

#[cfg(test)]
#[path = "buffer_tests.rs"]
mod tests;
