//! Adapter `x_ads`: what people scheduled in an account of X Ads, for one user of X. It publishes nothing of ours.
//!
//! Facts: X's documents `x-ads-api/creatives/reference` (scheduled Tweets: the calls, `scheduled_at` by the minute and at
//! most a year ahead, the list of one user, that a deletion is for good), `x-ads-api/creatives` (30 posts within 15
//! minutes, `tweet_id` and the states, 365 days), <https://developer.x.com/en/docs/x-ads-api/creatives/guides/tweets>
//! (changes are taken until `scheduled_at`; only its own user makes a post for everybody),
//! `x-ads-api/fundamentals/making-authenticated-requests` (OAuth 1.0a; a PUT changes only what it names),
//! `…/pagination`, `…/rate-limiting`, `…/error-codes-and-responses`. Nothing here was tried on the real X Ads.
//!
//! - A hold moves a post about 350 days ahead, each into a window of its own, where it keeps its id and with that its tie
//!   to a campaign. It lasts only until then, and is moved on in time ([`Scheduler::prolong`]). What lies farther ahead
//!   already stays where it is.
//! - What is due within ten minutes is deleted, and made again from its snapshot. What was deleted within a minute of its
//!   time, or after it, can be out all the same: nobody knows.
//! - A post is for ads only where nothing else is asked for. So one of which it is not told whether it is for everybody is
//!   not made again. A post for everybody can be made only with a token of its user.
//! - What of the list cannot be read as a post can be the one that is looked for: then nothing is made again.
//!
//! No document tells: whether what people plan in X's own composer is in this list; its order; the code of a refusal for a
//! post that is not there (the whole list tells whether it is); other states than `SCHEDULED`, `SUCCESS`, `FAILED` and `DELETED`; how soon a list shows what was made.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use url::Url;

use crate::dated::Prolonged;
use crate::moved_away::{as_held, cancelled, instead_of_back, moved_on, to_cancel, to_move_on};
use crate::planner::{self, Api, NEAR, Planner, Planning};
use crate::remade::{ANEW, CANCELLED, SOMEHOW, is_made_again};
use crate::scheduler::{
    Back, CHANGED, Discarded, GONE, Kept, Listing, Scheduled, Scheduler, Standing, Stop, as_listed, back,
    traced,
};
use crate::{Adapter, Channel, Connection, Health, Pass, Setting, Ways};

#[path = "x_ads_answers.rs"]
mod answers;
#[path = "x_ads_calls.rs"]
mod calls;
#[path = "x_ads_changes.rs"]
mod changes;
#[path = "x_ads_check.rs"]
mod check;
#[path = "x_ads_post.rs"]
mod post;
#[path = "x_ads_signature.rs"]
mod signature;

use calls::Seen;
use changes::{Did, FULL, SHOWN};
use post::{is_id, loses, minute, same};
use signature::Keys;

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "x_ads",
    title: "X Ads",
    capabilities: planner::CAPABILITIES,
    limits: planner::LIMITS,
    settings: &[
        Setting {
            name: "account",
            help: "The id of the ads account, like 18ce54d4x5t in the address of ads.x.com",
            required: true,
            private: false,
        },
        Setting {
            name: "user",
            help: "The number of the user of X whose posts are to be held, where the ads account has several; otherwise its own",
            required: false,
            private: false,
        },
        Setting {
            name: "server",
            help: "Another server of the API; otherwise https://ads-api.x.com",
            required: false,
            private: false,
        },
    ],
    frame: None,
    ways: Ways { signs_time: true, ..Ways::USUAL },
    connect,
};

pub(crate) const SERVER: &str = "https://ads-api.x.com";
/// What is due within this is deleted.
const SOON: TimeDelta = TimeDelta::minutes(10);
/// How far ahead what is held is moved, at least.
const FAR: TimeDelta = TimeDelta::days(350);
/// The farthest time that X takes, with a little to spare.
const FARTHEST: TimeDelta = TimeDelta::days(364);

const TOO_NEAR: &str = "its new time is too near, and X could publish it at once";
const TOO_LATE: &str = "X takes no time that is more than a year ahead; give an earlier one";
const OVERDUE: &str = "its date there is over, and X does not show that it is public: look at the account";
const UNSEEN: &str = "X Ads shows what was planned in it for one user of X, and no document says whether it shows what was planned in X itself: look there by hand";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let account = connection.setting("account")?;
    if !(1..=32).contains(&account.len()) || !account.chars().all(|c| c.is_ascii_alphanumeric()) {
        return Err("the setting account: write the id of the ads account, like 18ce54d4x5t".to_owned());
    }
    let user = connection.setting("user").ok();
    if user.as_ref().is_some_and(|user| !is_id(user)) {
        return Err("the setting user: write the number of the user, not the name".to_owned());
    }
    let api = || Api::new(connection, ADAPTER.title, "/errors/0/code");
    Ok(Box::new(Planning(XAds {
        server: connection.url_or("server", SERVER)?,
        account: account.to_ascii_lowercase(),
        user,
        keys: Keys::read(connection.secret()?)?,
        api: api()?,
        holds: api()?,
        restores: api()?,
    })))
}

struct XAds {
    server: Url,
    account: String,
    /// Whose posts; nothing: those of the user that the account is made for.
    user: Option<String>,
    keys: Keys,
    /// For reads. X has limits of their own for each kind of call, so a wait that it asks for stops no other kind.
    api: Api,
    /// For what takes a post off its time.
    holds: Api,
    /// For what puts one back.
    restores: Api,
}

#[async_trait]
impl Scheduler for XAds {
    async fn whose(&self) -> Result<String, String> {
        let user = self.user.as_deref().unwrap_or_default();
        Ok(format!("x_ads {} {user}", self.account).trim_end().to_owned())
    }

    fn spare(&self) -> Result<(), String> {
        self.api.spare()
    }

    async fn list(&self) -> Result<Listing, String> {
        // What is moved on meanwhile is not judged by it.
        let read_at = Some(self.api.now());
        let mut seen = Seen::default();
        let read = planner::in_time(self.list_into(&mut seen)).await;
        let all = seen.planned().listing().up_to(read)?;
        Ok(Listing { unseen: all.unseen.or_else(|| Some(UNSEEN.to_owned())), read_at, ..all })
    }

    async fn hold(&self, post: &Scheduled) -> Stop {
        if let Err(stop) = as_listed(self.stands(&post.remote_id).await, post) {
            return stop;
        }
        if post.due > self.api.now() + FAR - TimeDelta::hours(1) {
            // As it was read just now: hardly a later time can be asked for.
            return Stop::Held { mark: post.mark.clone() };
        }
        self.move_away(post).await
    }

    async fn read(&self, post: &Scheduled) -> Standing {
        as_held(self.stands(&post.remote_id).await, post, self.api.now() + SOON)
    }

    async fn prolong(&self, post: &Kept) -> Prolonged {
        match to_move_on(post, self.stands(&post.remote_id).await, self.api.now(), same, OVERDUE) {
            Ok(there) => moved_on(self.move_away(&there).await),
            Err(told) => told,
        }
    }

    async fn restore(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        let now = self.api.now();
        if minute(at) < now + NEAR {
            return Back::Left(TOO_NEAR.to_owned());
        }
        let is_far = at > now + FARTHEST;
        if is_made_again(&post.mark) {
            return if is_far { Back::Left(TOO_LATE.to_owned()) } else { self.again(post, at, pass).await };
        }
        let stands = self.stands(&post.remote_id).await;
        if let Some(told) = instead_of_back(post, stands, at, is_far.then_some(TOO_LATE)) {
            return told;
        }
        match self.date(&post.remote_id, at, Some(pass)).await {
            Err(failure) => back(failure),
            Ok(Did::Full) => Back::Left(FULL.to_owned()),
            Ok(Did::Missing(_)) => match self.stands(&post.remote_id).await {
                Standing::Out(why) => Back::Out(why),
                Standing::Unknown(why) => Back::Left(why),
                Standing::Scheduled(_) => Back::Left(SHOWN.to_owned()),
                Standing::Held { .. } | Standing::Gone(_) => Back::Changed(CHANGED.to_owned()),
            },
            Ok(Did::Taken(_)) => traced(self.back_at(&post.remote_id, at).await),
        }
    }

    async fn restored(&self, post: &Kept, at: DateTime<Utc>) -> Result<Option<Back>, String> {
        if is_made_again(&post.mark) {
            return self.made_at(post, at).await;
        }
        self.back_at(&post.remote_id, at).await
    }

    fn caution(&self, snapshot: &Value, mark: &str) -> Option<String> {
        let first = match mark {
            CANCELLED => ANEW,
            GONE => SOMEHOW,
            _ => return None,
        };
        Some(
            std::iter::once(first.to_owned())
                .chain(loses(snapshot, self.keys.user()))
                .collect::<Vec<_>>()
                .join("; "),
        )
    }

    fn gone(&self) -> Option<&'static str> {
        Some(GONE)
    }

    async fn discard(&self, post: &Kept) -> Discarded {
        if post.mark == CANCELLED {
            return Discarded::Done;
        }
        match to_cancel(post, self.stands(&post.remote_id).await) {
            Ok(there) => cancelled(self.cancel(&there.remote_id, there.due).await),
            Err(told) => told,
        }
    }
}

#[async_trait]
impl Planner for XAds {
    async fn inspect(&self) -> Result<Health, String> {
        self.looked_at().await
    }
}

#[cfg(test)]
#[path = "x_ads_held_tests.rs"]
mod held_tests;
#[cfg(test)]
#[path = "x_ads_server.rs"]
mod server;
#[cfg(test)]
#[path = "x_ads_tests.rs"]
mod tests;
