//! The schedule of a Mastodon account: posts that any app scheduled there.
//!
//! Facts: <https://docs.joinmastodon.org/methods/scheduled_statuses/>; limits and the server's job from
//! Mastodon's `app/models/scheduled_status.rb` and `app/workers/scheduler/scheduled_statuses_scheduler.rb`.
//! Every five minutes the server takes what is due within five minutes, and looks at its date no more: only
//! a deletion stops that. So what is due soon is cancelled, and everything else is moved to a day more than
//! a year ahead, where it keeps its pictures. A server takes 25 posts for one day and 300 in all.
//!
//! A cancelled post is made again from its snapshot. It is then a post of our app; its pictures stay on
//! the server for about a day only. So nothing is cancelled that is due later.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use url::Url;

use super::Mastodon;
use super::answers::is_id;
use super::scheduled::{Item, anew, instant, loses, same};
use crate::Pass;
use crate::http::{Answer, Request};
use crate::remade::{ANEW, CANCELLED, LIKE_IT, NOT_THERE, SOMEHOW, STILL_THERE, first_at, is_made_again};
use crate::scheduler::{
    Back, CHANGED, Discarded, GONE, Kept, Listing, Scheduled, Scheduler, Standing, Stop, TOO_MUCH, back,
    stop, traced, unanswered,
};

/// What is due within this is cancelled: the server may have taken it already when it is moved.
const SOON: TimeDelta = TimeDelta::minutes(11);
/// How far what is held is moved.
const FAR: TimeDelta = TimeDelta::days(400);
/// What lies this far after its time was moved by us.
const MOVED: TimeDelta = TimeDelta::days(300);
/// Over how many days what is moved is spread.
const DAYS: i64 = 60;
/// How many days are tried when one is full.
const TRIES: i64 = 4;
/// Most pages of the list.
const PAGES: usize = 20;
const FULL: &str = "the schedule of the account takes no more, so it could not be moved; it is cancelled when it is due within minutes";
const NO_ACCOUNT: &str = "nobody knows whose post it is, so it was not cancelled";
const NOT_ITS_ACCOUNT: &str =
    "nobody knows whether the channel still leads to the account that it was held on; put it back by hand";
const AT_ONCE: &str = "the server published it at once";

impl Mastodon {
    fn scheduled(&self, id: &str) -> Url {
        self.api(&["v1", "scheduled_statuses", id])
    }

    /// The post, or nothing when the server has none of that id.
    async fn item(&self, id: &str) -> Result<Option<Scheduled>, String> {
        let answer = self.get(&self.scheduled(id)).await.map_err(|trouble| trouble.to_string())?;
        self.note(&answer);
        if answer.status == 404 {
            return Ok(None);
        }
        let (item, _) = self.read::<Item>(answer)?;
        item.read().map(Some).ok_or_else(|| "the answer names no post".to_owned())
    }

    async fn ask_to(&self, request: Request) -> Result<Answer, crate::Failure> {
        let answer = self.http.call(request.bearer(&self.token)).await.map_err(unanswered)?;
        self.note(&answer);
        Ok(answer)
    }

    /// A request that puts a post back on the schedule: its content passes the gate.
    async fn put_back(&self, request: Request, pass: &Pass) -> Result<Answer, crate::Failure> {
        self.http.send(request.bearer(&self.token), pass).await.map_err(|trouble| trouble.failure(false))
    }

    fn date(&self, id: &str, at: DateTime<Utc>) -> Request {
        Request::put(self.scheduled(id).as_str()).json(&json!({ "scheduled_at": instant(at) }))
    }

    async fn cancel(&self, post: &Scheduled) -> Stop {
        if !post.snapshot["account"].is_string() {
            return Stop::Left(NO_ACCOUNT.to_owned());
        }
        match self.ask_to(Request::delete(self.scheduled(&post.remote_id).as_str())).await {
            Err(failure) => stop(failure),
            Ok(answer) if answer.status == 404 => Stop::Gone(NOT_THERE.to_owned()),
            Ok(answer) if !answer.is_success() => stop(self.failure(&answer)),
            Ok(_) => match self.item(&post.remote_id).await {
                Ok(None) => Stop::Held { mark: CANCELLED.to_owned() },
                Ok(Some(_)) => Stop::Doubt(STILL_THERE.to_owned()),
                Err(why) => Stop::Doubt(why),
            },
        }
    }

    /// Moves the post far ahead, to a day that has room.
    async fn move_away(&self, post: &Scheduled) -> Stop {
        let first = post.remote_id.bytes().fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % DAYS);
        for day in (first..).take(usize::try_from(TRIES).unwrap_or(1)) {
            let at = post.due + FAR + TimeDelta::days(day);
            match self.ask_to(self.date(&post.remote_id, at)).await {
                Err(failure) => return stop(failure),
                Ok(answer) if answer.status == 404 => return Stop::Gone(NOT_THERE.to_owned()),
                // The day is full, or the schedule is.
                Ok(answer) if answer.status == 422 => {}
                Ok(answer) if !answer.is_success() => return stop(self.failure(&answer)),
                Ok(_) => {
                    return match Scheduler::read(self, post).await {
                        Standing::Held { mark } => Stop::Held { mark },
                        Standing::Out(why) => Stop::Out(why),
                        Standing::Gone(why) => Stop::Gone(why),
                        Standing::Scheduled(_) => Stop::Left("the server has not moved it".to_owned()),
                        Standing::Unknown(why) => Stop::Doubt(why),
                    };
                }
            }
        }
        Stop::Left(FULL.to_owned())
    }

    async fn list_into(&self, items: &mut Vec<Scheduled>) -> Result<(), String> {
        for _ in 0..PAGES {
            let mut url = self.api(&["v1", "scheduled_statuses"]);
            url.query_pairs_mut().append_pair("limit", "40");
            if let Some(last) = items.last() {
                url.query_pairs_mut().append_pair("max_id", &last.remote_id);
            }
            self.may_ask()?;
            let answer = self.get(&url).await.map_err(|trouble| trouble.to_string())?;
            self.note(&answer);
            if answer.status == 404 {
                // A server without a schedule publishes nothing by itself.
                return Ok(());
            }
            let page: Vec<Item> = self.read(answer)?.0;
            let known: Vec<String> = items.iter().map(|item| item.remote_id.clone()).collect();
            let page = page.into_iter().map(Item::read).collect::<Option<Vec<_>>>();
            let page = page.ok_or("the answer names no post")?;
            let new: Vec<_> = page.into_iter().filter(|item| !known.contains(&item.remote_id)).collect();
            if new.is_empty() {
                return Ok(());
            }
            items.extend(new);
        }
        Err(TOO_MUCH.to_owned())
    }

    /// What is on the schedule, whatever its time, and like a post that was cancelled: perhaps that post, made
    /// again.
    async fn like(&self, post: &Kept) -> Result<Vec<Scheduled>, String> {
        let mut all = Vec::new();
        self.list_into(&mut all).await?;
        all.retain(|item| same(&item.snapshot, &post.snapshot) && !post.taken.contains(&item.remote_id));
        Ok(all)
    }

    /// Makes a cancelled post again, on the account that it was on.
    async fn remake(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        match self.account().await {
            Err(why) => return Back::Left(why),
            Ok(account) if post.snapshot["account"] != account.as_str() => {
                return Back::Left(NOT_ITS_ACCOUNT.to_owned());
            }
            Ok(_) => {}
        }
        let url = self.api(&["v1", "statuses"]);
        let answer = self.put_back(Request::post(url.as_str()).json(&anew(&post.snapshot, at)), pass).await;
        let answer = match answer {
            Err(failure) => return back(failure),
            Ok(answer) if !answer.is_success() => return back(self.failure(&answer)),
            Ok(answer) => answer,
        };
        match answer.json::<Item>() {
            Ok(item) if is_id(&item.id) => Back::Scheduled(item.id),
            // A post that is out has no `scheduled_at`.
            _ if answer.json::<Value>().is_ok_and(|told| told["uri"].is_string()) => {
                Back::Out(AT_ONCE.to_owned())
            }
            _ => Back::Doubt("the answer names no post".to_owned()),
        }
    }
}

#[async_trait::async_trait]
impl Scheduler for Mastodon {
    async fn whose(&self) -> Result<String, String> {
        self.account().await
    }

    fn spare(&self) -> Result<(), String> {
        self.may_ask()
    }

    async fn list(&self) -> Result<Listing, String> {
        // Without it, what is cancelled could not be made again on its account.
        let account = self.account().await?;
        let mut listing = Listing::default();
        let read = self.list_into(&mut listing.items).await;
        listing.items.iter_mut().for_each(|item| item.snapshot["account"] = json!(account));
        listing.up_to(read)
    }

    async fn hold(&self, post: &Scheduled) -> Stop {
        if let Err(why) = self.may_ask() {
            return Stop::Later(why);
        }
        if post.due - (self.clock)() < SOON { self.cancel(post).await } else { self.move_away(post).await }
    }

    async fn read(&self, post: &Scheduled) -> Standing {
        match self.item(&post.remote_id).await {
            Err(why) => Standing::Unknown(why),
            Ok(Some(item)) if item.due - post.due > MOVED => Standing::Held { mark: item.mark },
            Ok(Some(mut item)) => {
                // The answer does not name it; without it, nobody cancels the post.
                item.snapshot["account"] = post.snapshot["account"].clone();
                Standing::Scheduled(Box::new(item))
            }
            // By our own clock nobody knows whether the server had taken it for publication.
            Ok(None) => Standing::Gone(NOT_THERE.to_owned()),
        }
    }

    async fn restore(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        if post.mark == GONE {
            match self.item(&post.remote_id).await {
                Ok(None) => {}
                Ok(Some(_)) => return Back::Changed(CHANGED.to_owned()),
                Err(why) => return Back::Left(why),
            }
        }
        if is_made_again(&post.mark) {
            return match self.like(post).await {
                Err(why) => Back::Left(why),
                Ok(like) if like.is_empty() => self.remake(post, at, pass).await,
                Ok(like) => first_at(&like, at).map_or(Back::Changed(LIKE_IT.to_owned()), Back::Scheduled),
            };
        }
        match self.item(&post.remote_id).await {
            Ok(Some(item)) if item.mark == post.mark => {}
            Ok(_) => return Back::Changed(CHANGED.to_owned()),
            Err(why) => return Back::Left(why),
        }
        match self.put_back(self.date(&post.remote_id, at), pass).await {
            Err(failure) => back(failure),
            Ok(answer) if !answer.is_success() => back(self.failure(&answer)),
            Ok(_) => traced(self.restored(post, at).await),
        }
    }

    async fn restored(&self, post: &Kept, at: DateTime<Utc>) -> Result<Option<Back>, String> {
        let shown = if is_made_again(&post.mark) {
            self.like(post).await?
        } else {
            self.item(&post.remote_id).await?.into_iter().collect()
        };
        Ok(first_at(&shown, at).map(Back::Scheduled))
    }

    fn caution(&self, snapshot: &Value, mark: &str) -> Option<String> {
        let first = match mark {
            CANCELLED => ANEW,
            GONE => SOMEHOW,
            _ => return None,
        };
        Some(std::iter::once(first.to_owned()).chain(loses(snapshot)).collect::<Vec<_>>().join("; "))
    }

    fn gone(&self) -> Option<&'static str> {
        Some(GONE)
    }

    async fn discard(&self, post: &Kept) -> Discarded {
        if post.mark == CANCELLED {
            return Discarded::Done;
        }
        match self.item(&post.remote_id).await {
            Err(why) => return Discarded::Left(why),
            Ok(None) => return Discarded::Done,
            // Not where it was moved to.
            Ok(Some(item)) if item.mark != post.mark => return Discarded::Scheduled,
            Ok(Some(_)) => {}
        }
        match self.ask_to(Request::delete(self.scheduled(&post.remote_id).as_str())).await {
            Err(failure) => Discarded::Left(failure.to_string()),
            Ok(answer) if answer.is_success() || answer.status == 404 => Discarded::Done,
            Ok(answer) => Discarded::Left(self.failure(&answer).to_string()),
        }
    }
}

#[cfg(test)]
#[path = "mastodon_schedule_server.rs"]
mod server;
#[cfg(test)]
#[path = "mastodon_schedule_tests.rs"]
mod tests;
