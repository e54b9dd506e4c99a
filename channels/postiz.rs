//! Adapter `postiz`: what people planned in a Postiz, on its cloud or on a server of one's own. It publishes nothing
//! of ours.
//!
//! Facts: <https://docs.postiz.com/public-api>, and the source of gitroomhq/postiz-app (`public.integrations.controller.ts`,
//! `posts.service.ts`, `posts.repository.ts`). The key stands alone in `Authorization`. Nothing here was tried on a
//! real Postiz.
//!
//! - The list has no pages: every post of a window, in whatever state, and each one that repeats as often as it
//!   repeats up to the window's end, with one id. Only the first part of a thread is in it, and no picture.
//! - A hold makes a post a draft. Postiz ends its workflow and swallows errors of that, so it is read back. What it
//!   has begun to publish goes out all the same.
//! - A draft that is scheduled again keeps its date, and goes out at once when that is over. No call moves the date
//!   alone: the one that makes a post anew would lose the pictures and the other parts of a thread. So a post goes
//!   back for its own time only; for another one it is given a date in Postiz, by a person.
//! - A post that is out would go out again when it is scheduled: only what was waiting when it was held goes back.
//!   One that repeats and was out before therefore never does.
//! - No call says whose key it is. A post that is not found is gone only when its account is still there.

use std::collections::BTreeMap;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::http::Request;
use crate::planner::{self, Api, NEAR, Planner, Planning, Seen};
use crate::scheduler::{
    Back, Discarded, Kept, Listing, Scheduled, Scheduler, Standing, Stop, as_kept, as_listed, back, drafted,
    is_then, stays, stop, trace, traced,
};
use crate::{Adapter, Channel, Connection, Failure, Health, Pass, Setting, Ways};

#[path = "postiz_posts.rs"]
mod posts;

use posts::{Item, Lines, items, standing};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "postiz",
    title: "Postiz",
    capabilities: planner::CAPABILITIES,
    limits: planner::LIMITS,
    settings: &[Setting {
        name: "url",
        help: "Its address, for example https://postiz.bank.example; https://api.postiz.com for the cloud",
        required: true,
        private: false,
    }],
    frame: None,
    ways: Ways::USUAL,
    connect,
};

const CLOUD: &str = "api.postiz.com";
/// How long Postiz still publishes what is overdue.
const OVERDUE: TimeDelta = TimeDelta::days(3);
/// Where the windows of a look end, in days from now. What is later is looked at when it is nearer.
const WINDOWS: [i64; 3] = [7, 31, 366];
/// Most bytes of a list: a post that repeats is in each of them, once for every time that it was out.
const LONGEST_LIST: usize = 32 << 20;
/// What was due within this when it was held can have been begun.
const BEGUN: TimeDelta = TimeDelta::seconds(60);

const GONE: &str =
    "Postiz shows it no more, not for the next year: somebody has deleted it, or planned it for later";
const ELSEWHERE: &str = "the account of this post is not in this Postiz, so nobody knows where it stands";
const OWN_TIME: &str = "Postiz moves no date by its API: put it back for exactly its own time, or give it a new date in Postiz and drop it here";
const OVER: &str =
    "its own time is over or too near, and Postiz would publish it at once: give it a new date in Postiz";
const REPEATS: &str =
    "it repeats and was out before, so Postiz would publish it at once: start it again in Postiz";
const MAY_BE_OUT: &str =
    "it was due when it was held, so Postiz may have published it all the same: look at the account";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let mut url = connection.url("url")?;
    if url.path().trim_end_matches('/').is_empty() {
        let cloud = url.host_str() == Some(CLOUD);
        url.set_path(if cloud { "/public/v1" } else { "/api/public/v1" });
    }
    Ok(Box::new(Planning(Postiz { url, api: Api::new(connection, ADAPTER.title, "message")? })))
}

struct Postiz {
    url: Url,
    api: Api,
}

/// An account that it posts on.
#[derive(Deserialize)]
struct Account {
    id: String,
}

impl Postiz {
    fn at(&self, path: &[&str]) -> Url {
        let mut url = self.url.clone();
        if let Ok(mut parts) = url.path_segments_mut() {
            parts.pop_if_empty().extend(path);
        }
        url.set_query(None);
        url
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, url: &Url) -> Result<T, String> {
        let request = Request::get(url.as_str()).keyed(self.api.secret()).most(LONGEST_LIST);
        let answer = self.api.call(request, None).await.map_err(|failure| failure.to_string())?;
        answer.json()
    }

    /// Every post with a date in that window, and every one that repeats.
    async fn window(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Seen<Vec<Item>>, String> {
        let mut url = self.at(&["posts"]);
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
        url.query_pairs_mut().append_pair("startDate", &time(from)).append_pair("endDate", &time(to));
        Ok(items(self.get::<Lines>(&url).await?))
    }

    /// Every post of all windows, by its id.
    async fn all(&self, found: &mut Seen<BTreeMap<String, Item>>) -> Result<(), String> {
        let now = self.api.now();
        let mut from = now - OVERDUE;
        for days in WINDOWS {
            let to = now + TimeDelta::days(days);
            let seen = self.window(from, to).await?;
            found.unseen = found.unseen.or(seen.unseen);
            for item in seen.all {
                // One that repeats is in every window.
                found.all.entry(item.id.clone()).or_insert(item);
            }
            from = to;
        }
        Ok(())
    }

    async fn stands(&self, id: &str, due: DateTime<Utc>, snapshot: &Value) -> Standing {
        self.look(id, due, snapshot).await.unwrap_or_else(Standing::Unknown)
    }

    async fn look(&self, id: &str, due: DateTime<Utc>, snapshot: &Value) -> Result<Standing, String> {
        let now = self.api.now();
        let day = TimeDelta::days(1);
        let near = self.window(due - day, due + day).await?;
        if let Some(item) = near.all.iter().find(|item| item.id == id) {
            return Ok(standing(item, now));
        }
        // Somebody may have given it another date.
        let mut found = Seen::default();
        let read = self.all(&mut found).await;
        if let Some(item) = found.all.get(id) {
            return Ok(standing(item, now));
        }
        read?;
        let accounts: Vec<Account> = self.get(&self.at(&["integrations"])).await?;
        let there = accounts.iter().any(|a| snapshot["integration"]["id"] == a.id.as_str());
        if there { Ok(Standing::Gone(GONE.to_owned())) } else { Err(ELSEWHERE.to_owned()) }
    }

    async fn set(&self, id: &str, status: &str, pass: Option<&Pass>) -> Result<(), Failure> {
        let url = self.at(&["posts", id, "status"]);
        let request = Request::put(url.as_str()).keyed(self.api.secret());
        self.api.call(request.json(&json!({ "status": status })), pass).await.map(drop)
    }
}

/// When it is due, as Postiz keeps it.
fn kept_date(snapshot: &Value) -> Option<DateTime<Utc>> {
    snapshot["publishDate"].as_str()?.parse().ok()
}

/// Whether it was out before it was held.
fn was_out(snapshot: &Value) -> bool {
    snapshot["state"] != "QUEUE"
}

#[async_trait]
impl Scheduler for Postiz {
    fn spare(&self) -> Result<(), String> {
        self.api.spare()
    }

    async fn list(&self) -> Result<Listing, String> {
        let mut found = Seen::<BTreeMap<_, _>>::default();
        let read = planner::in_time(self.all(&mut found)).await;
        let now = self.api.now();
        let mut seen = Seen { all: Vec::new(), unseen: found.unseen };
        for item in found.all.values() {
            seen.add(standing(item, now));
        }
        seen.listing().up_to(read)
    }

    async fn hold(&self, post: &Scheduled) -> Stop {
        if let Err(stop) = as_listed(self.read(post).await, post) {
            return stop;
        }
        if let Err(failure) = self.set(&post.remote_id, "draft", None).await {
            return stop(failure);
        }
        drafted(self.read(post).await)
    }

    async fn read(&self, post: &Scheduled) -> Standing {
        self.stands(&post.remote_id, post.due, &post.snapshot).await
    }

    async fn restore(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        if let Err(back) = as_kept(self.stands(&post.remote_id, post.due, &post.snapshot).await, post) {
            return back;
        }
        let left = |why: &str| Back::Left(why.to_owned());
        match kept_date(&post.snapshot) {
            _ if was_out(&post.snapshot) => return left(REPEATS),
            Some(own) if own < self.api.now() + NEAR => return left(OVER),
            Some(own) if is_then(own, at) => {}
            _ => return left(OWN_TIME),
        }
        if let Err(failure) = self.set(&post.remote_id, "schedule", Some(pass)).await {
            return back(failure);
        }
        traced(self.restored(post, at).await)
    }

    async fn restored(&self, post: &Kept, at: DateTime<Utc>) -> Result<Option<Back>, String> {
        let stands = self.stands(&post.remote_id, post.due, &post.snapshot).await;
        trace(post, stands, |due| is_then(due, at))
    }

    fn caution(&self, snapshot: &Value, _mark: &str) -> Option<String> {
        let own = kept_date(snapshot)?;
        let begun = own < self.api.now() + BEGUN;
        let first = match (was_out(snapshot), begun) {
            (true, _) => REPEATS,
            (false, true) => MAY_BE_OUT,
            (false, false) => OWN_TIME,
        };
        Some(first.to_owned())
    }

    async fn discard(&self, post: &Kept) -> Discarded {
        stays(self.stands(&post.remote_id, post.due, &post.snapshot).await)
    }
}

#[async_trait]
impl Planner for Postiz {
    async fn inspect(&self) -> Result<Health, String> {
        let accounts: Vec<Account> = self.get(&self.at(&["integrations"])).await?;
        // Whether the schedule may be read, too.
        let now = self.api.now();
        self.window(now, now + TimeDelta::days(1)).await?;
        Ok(Health::ready(planner::sees(accounts.len())))
    }
}

#[cfg(test)]
#[path = "postiz_tests.rs"]
mod tests;
