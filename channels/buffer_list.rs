//! The list of a Buffer: when it is read, and what is kept of it. A key takes few requests, so a list counts for a
//! while, and what was read counts on when a newer one cannot be read.

use std::sync::MutexGuard;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::Buffer;
use super::post::standing;
use super::queries::LIST;
use crate::planner::{self, NO_POST, Seen};
use crate::scheduler::{Listing, Scheduled, TOO_MUCH};

/// How long a list counts at least.
const COUNTS: TimeDelta = TimeDelta::minutes(10);
/// After a list of which nothing could be read, the next one is tried so much later, and twice that each time.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// The longest of these waits, and the longest when few requests are left.
const LONGEST: TimeDelta = COUNTS;
const LONGEST_SHORT: TimeDelta = TimeDelta::hours(1);
/// What was listed within this is not looked at once more before it is held.
const FRESH: TimeDelta = TimeDelta::seconds(30);
/// Posts of one page, and most pages.
const EACH: usize = 100;
const PAGES: usize = 20;

const SHORT: &str = "Buffer takes few more requests for now, and they are kept to hold what was found: what is planned anew there is seen later";

/// Said of a list that ended early.
const CUT: &str =
    "only the nearest posts of its schedule were read, because the other requests are kept for holds";

/// A list, with what was seen of its posts since.
pub(super) struct Listed {
    /// The freeze that it was read for.
    epoch: Option<i64>,
    /// When it was read; nothing: it could not be.
    at: Option<DateTime<Utc>>,
    pub listing: Listing,
    /// When a list was tried last, how many requests that took, how often in vain, and why.
    tried_at: DateTime<Utc>,
    requests: u64,
    vain: u32,
    error: Option<String>,
}

impl Listed {
    /// As it is told: what was read and why that is not all, or why nothing was read.
    fn told(&self, is_short: bool, again_at: DateTime<Utc>) -> Result<Listing, String> {
        if self.at.is_none() {
            return Err(self.error.clone().unwrap_or_default());
        }
        let of_it = self.listing.unseen.as_deref();
        let all: Vec<_> =
            self.error.as_deref().into_iter().chain(of_it).chain(is_short.then_some(SHORT)).collect();
        let unseen = (!all.is_empty()).then(|| all.join("; "));
        Ok(Listing { unseen, read_at: self.at, again_at: Some(again_at), ..self.listing.clone() })
    }
}

impl Buffer {
    pub(super) fn listed(&self) -> MutexGuard<'_, Option<Listed>> {
        planner::lock(&self.listed)
    }

    /// When the list is read again.
    fn again_at(&self, listed: &Listed) -> DateTime<Utc> {
        let longest = if self.api.is_short() { LONGEST_SHORT } else { LONGEST };
        let wait = match listed.vain {
            0 => COUNTS,
            n => (AGAIN * (1 << (n - 1).min(6))).min(longest),
        };
        // Where nothing is known of what is planned, a request is worth it.
        let pace = listed.at.map_or(TimeDelta::zero(), |_| self.api.pace(listed.requests, listed.tried_at));
        listed.tried_at + wait.max(pace)
    }

    /// The same, not before a wait that Buffer asked for is over.
    pub(super) fn next_at(&self, listed: &Listed) -> DateTime<Utc> {
        self.again_at(listed).max(self.api.rests_until().unwrap_or(listed.tried_at))
    }

    /// The list that was read for this freeze, while it counts. Nothing: it is to be read.
    pub(super) fn known(&self, epoch: i64) -> Option<Result<Listing, String>> {
        let listed = self.listed();
        let listed = listed.as_ref().filter(|listed| listed.epoch == Some(epoch))?;
        let again_at = self.next_at(listed);
        (again_at > self.api.now()).then(|| listed.told(self.api.is_short(), again_at))
    }

    /// Reads the list, and keeps what could be read of it.
    pub(super) async fn list_for(&self, epoch: Option<i64>) -> Result<Listing, String> {
        let (tried_at, mut seen, mut requests) = (self.api.now(), Seen::default(), 0);
        let read = planner::in_time(self.list_into(&mut seen, &mut requests)).await;
        let read = seen.listing().up_to(read);
        let mut kept = self.listed();
        let before = kept.take().filter(|listed| listed.epoch == epoch);
        let listed = match (read, before) {
            (Ok(listing), _) => {
                Listed { epoch, at: Some(tried_at), listing, tried_at, requests, vain: 0, error: None }
            }
            (Err(why), Some(before)) => {
                Listed { tried_at, requests, vain: before.vain + 1, error: Some(why), ..before }
            }
            (Err(why), None) => {
                let listing = Listing::default();
                Listed { epoch, at: None, listing, tried_at, requests, vain: 1, error: Some(why) }
            }
        };
        let told = listed.told(self.api.is_short(), self.again_at(&listed));
        let is_new = listed.at == Some(tried_at);
        *kept = Some(listed);
        told.map(|listing| if is_new { Listing { read_at: None, ..listing } } else { listing })
    }

    /// What is asked of its posts: those on the schedule, the nearest first.
    pub(super) fn scheduled(&self) -> Value {
        let sort = json!([{ "field": "dueAt", "direction": "asc" }]);
        json!({ "organizationId": self.organization, "filter": { "status": ["scheduled"] }, "sort": sort })
    }

    /// Reads its pages. The first one is always asked for: without it, nothing could be held.
    async fn list_into(&self, seen: &mut Seen<Vec<Scheduled>>, requests: &mut u64) -> Result<(), String> {
        let mut after = Value::Null;
        for page in 0..PAGES {
            if page > 0 && self.api.is_short() {
                return Err(CUT.to_owned());
            }
            *requests += 1;
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

    /// Whether the post was listed just now, as it is held.
    pub(super) fn is_fresh(&self, post: &Scheduled) -> bool {
        let listed = self.listed();
        let is_new = |listed: &&Listed| listed.at.is_some_and(|at| at + FRESH > self.api.now());
        let same = |item: &Scheduled| item.remote_id == post.remote_id && item.mark == post.mark;
        listed.as_ref().filter(is_new).is_some_and(|listed| listed.listing.items.iter().any(same))
    }
}
