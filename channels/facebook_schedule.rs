//! The schedule of a page: posts that people planned for it, in Meta's own tools or in others.
//!
//! Facts: <https://developers.facebook.com/docs/graph-api/reference/page/scheduled_posts> (the list),
//! <https://developers.facebook.com/docs/pages-api/posts> (a post is changed by a POST to its id, and deleted; an app
//! can only change what was made with it; a time lies 10 minutes to 30 days ahead), `scheduled_publish_time` among
//! what can be changed in Meta's description of `PagePost`
//! (<https://github.com/facebook/facebook-business-sdk-codegen>). Meta's reference of `page/feed` says 75 days, and its
//! announcement of 2012 six months; a program of 2026 met a refusal behind 30 days, so 29 are taken. That announcement
//! also says that a post can be moved and deleted until three minutes before its time. Nothing here was tried on the
//! real Facebook.
//!
//! - No document tells how a scheduled post becomes a draft. So a hold moves it 29 days ahead, lasts only until then, and
//!   is moved on in time ([`Scheduler::prolong`]). What lies farther ahead already stays where it is.
//! - What is due within 11 minutes is deleted: a time nearer than ten minutes is refused, and the answer takes time. So
//!   is, by then, what Facebook does not let this app move. It is made again from its snapshot, when all of it is known.
//! - `is_published` is never sent: it publishes.
//! - The list shows no drafts and, as far as is known, no stories; whether it shows each reel and video is not told.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use super::Facebook;
use super::scheduled::{FIELDS, Item, anew, core, obstacle, renewed, same, standing};
use crate::dated::Prolonged;
use crate::moved_away::{as_held, cancelled, instead_of_back, moved_on, to_cancel, to_move_on};
use crate::remade::{ANEW, CANCELLED, LIKE_IT, NOT_THERE, SOMEHOW, STILL_THERE, first_at, is_made_again};
use crate::scheduler::{
    Back, CHANGED, Discarded, GONE, Kept, Listing, Scheduled, Scheduler, Standing, Stop, TOO_MUCH, as_listed,
    back, is_then, stop, traced,
};
use crate::{Failure, Pass, Retry};

/// What is due within this is deleted: Facebook takes no time that is nearer than ten minutes.
const SOON: TimeDelta = TimeDelta::minutes(11);
/// Nearer than this nothing is put back.
const NEAREST: TimeDelta = TimeDelta::minutes(10);
/// How far ahead what is held is moved, and farthest time that it is put back for.
const FAR: TimeDelta = TimeDelta::days(29);
/// Posts of one page of the list, and most pages.
const EACH: &str = "50";
const PAGES: usize = 20;

const RESTS: &str = "Meta asks us to wait";
const TOO_NEAR: &str = "Facebook takes no time that is nearer than ten minutes; give a later one";
const TOO_LATE: &str = "Facebook takes no time that is more than 29 days ahead; give an earlier one";
const UNSHOWN: &str = "Facebook does not show the new time";
const NOT_SAID: &str = "Meta does not say what it did";
const OVERDUE: &str =
    "its date there is over, and Facebook does not show that it is public: look at the page";
const NO_ID: &str = "this is the id of no post of the page";
const MADE_ELSEWHERE: &str = "Facebook may let an app move only what was made with it; otherwise it is deleted when it is due within minutes";
const UNSEEN: &str = "no document says whether Facebook shows here what was planned as a reel, a video or a story: \
                      look at the page's planner too";

impl Facebook {
    fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    fn may_ask(&self) -> Result<(), String> {
        self.rests.left(self.now()).map_or(Ok(()), |_| Err(RESTS.to_owned()))
    }

    /// Notes a wait that Meta asked for.
    fn note(&self, failure: Failure) -> Failure {
        if let Failure::Rejected { retry: Retry::After(wait), .. } = &failure {
            self.rests.begin(self.now(), *wait);
        }
        failure
    }

    /// Where a post stands now, whatever was done with it.
    async fn stands(&self, id: &str) -> Standing {
        let look = async {
            if !self.is_own(id) {
                return Err(NO_ID.to_owned());
            }
            self.may_ask()?;
            let told = self.api.ask_if_there(&[id], &[("fields", FIELDS)]).await;
            let Some(told) = told.map_err(|failure| self.note(failure).to_string())? else {
                // It could be hidden from this access token.
                self.api.whose(&self.page).await.map_err(|failure| self.note(failure).to_string())??;
                return Ok(Standing::Gone(NOT_THERE.to_owned()));
            };
            let item: Item = told.json()?;
            if item.id == id {
                Ok(standing(&item))
            } else {
                Err("the answer is not about the post".to_owned())
            }
        };
        look.await.unwrap_or_else(Standing::Unknown)
    }

    /// Gives a post another time; through the gate, when it goes back.
    async fn date(&self, id: &str, at: DateTime<Utc>, pass: Option<&Pass>) -> Result<(), Failure> {
        let time = at.timestamp().to_string();
        let request = self.api.post(&[id], &[("scheduled_publish_time", &time)]);
        self.done(self.api.change(request, pass).await)
    }

    async fn delete(&self, id: &str) -> Result<(), Failure> {
        self.done(self.api.change(self.api.removal(&[id]), None).await)
    }

    fn done(&self, told: Result<Value, Failure>) -> Result<(), Failure> {
        match told.map_err(|failure| self.note(failure))? {
            told if told["success"] == true => Ok(()),
            _ => Err(Failure::InDoubt { reason: NOT_SAID.to_owned() }),
        }
    }

    /// Deletes a post that was looked at just now.
    async fn cancel(&self, id: &str) -> Stop {
        if let Err(failure) = self.delete(id).await {
            return stop(failure);
        }
        match self.stands(id).await {
            Standing::Gone(_) => Stop::Held { mark: CANCELLED.to_owned() },
            Standing::Out(why) => Stop::Out(why),
            Standing::Scheduled(_) | Standing::Held { .. } => Stop::Doubt(STILL_THERE.to_owned()),
            Standing::Unknown(why) => Stop::Doubt(why),
        }
    }

    /// Moves a post far ahead that was looked at just now, or deletes it when that is too late.
    async fn move_away(&self, post: &Scheduled) -> Stop {
        if post.due - self.now() < SOON {
            return self.cancel(&post.remote_id).await;
        }
        let at = self.now() + FAR;
        match self.date(&post.remote_id, at, None).await {
            Ok(()) => {}
            Err(Failure::Rejected { reason, retry: Retry::Never | Retry::Reconnect }) => {
                return Stop::Left(format!("{reason}; {MADE_ELSEWHERE}"));
            }
            Err(failure) => return stop(failure),
        }
        match self.stands(&post.remote_id).await {
            Standing::Scheduled(now) if is_then(now.due, at) => Stop::Held { mark: now.mark },
            Standing::Scheduled(_) | Standing::Held { .. } => Stop::Doubt(UNSHOWN.to_owned()),
            Standing::Out(why) => Stop::Out(why),
            Standing::Gone(why) => Stop::Gone(why),
            Standing::Unknown(why) => Stop::Doubt(why),
        }
    }

    async fn list_into(&self, items: &mut Vec<Scheduled>) -> Result<(), String> {
        let query = [("fields", FIELDS), ("limit", EACH)];
        let mut odd = None;
        let each = |item: Item| {
            match (self.is_own(&item.id), standing(&item)) {
                (true, Standing::Scheduled(post)) => {
                    if items.iter().all(|known| known.remote_id != post.remote_id) {
                        items.push(*post);
                    }
                }
                (true, Standing::Unknown(why)) => odd = Some(why),
                (false, _) => odd = Some(NO_ID.to_owned()),
                // Published since, or no post with a time.
                (true, _) => {}
            }
            None::<()>
        };
        let read = self.api.find(&[&self.page, "scheduled_posts"], &query, (PAGES, TOO_MUCH), each).await;
        read.map_err(|failure| self.note(failure).to_string())?;
        odd.map_or(Ok(()), Err)
    }

    /// What is on the schedule and like a post that was deleted: perhaps that post, made again.
    async fn like(&self, post: &Kept) -> Result<Vec<Scheduled>, String> {
        let mut all = Vec::new();
        self.list_into(&mut all).await?;
        all.retain(|item| same(&item.snapshot, &post.snapshot) && !post.taken.contains(&item.remote_id));
        Ok(all)
    }

    async fn remake(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        let fields = anew(&post.snapshot, at);
        let form: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let request = self.api.post(&[&self.page, "feed"], &form);
        match self.api.change(request, Some(pass)).await.map_err(|failure| self.note(failure)) {
            Err(failure) => back(failure),
            Ok(told) => match told["id"].as_str().filter(|id| self.is_own(id)) {
                None => Back::Doubt(NOT_SAID.to_owned()),
                Some(id) => traced(self.back_at(id, at).await),
            },
        }
    }

    /// Whether a post goes out at that time, or is out.
    async fn back_at(&self, id: &str, at: DateTime<Utc>) -> Result<Option<Back>, String> {
        match self.stands(id).await {
            Standing::Scheduled(now) if is_then(now.due, at) => Ok(Some(Back::Scheduled(now.remote_id))),
            Standing::Out(why) => Ok(Some(Back::Out(why))),
            Standing::Unknown(why) => Err(why),
            Standing::Scheduled(_) | Standing::Held { .. } | Standing::Gone(_) => Ok(None),
        }
    }

    /// Puts back what was deleted, when all of it is known, and it is not there.
    async fn again(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        if let Some(why) = obstacle(&post.snapshot) {
            return Back::Left(why);
        }
        match self.stands(&post.remote_id).await {
            Standing::Gone(_) => {}
            Standing::Out(why) => return Back::Out(why),
            Standing::Unknown(why) => return Back::Left(why),
            Standing::Scheduled(_) | Standing::Held { .. } => return Back::Changed(CHANGED.to_owned()),
        }
        match self.like(post).await {
            Err(why) => Back::Left(why),
            Ok(like) if like.is_empty() => self.remake(post, at, pass).await,
            Ok(like) => first_at(&like, at).map_or(Back::Changed(LIKE_IT.to_owned()), Back::Scheduled),
        }
    }
}

#[async_trait::async_trait]
impl Scheduler for Facebook {
    async fn whose(&self) -> Result<String, String> {
        Ok(format!("page {}", self.page))
    }

    fn spare(&self) -> Result<(), String> {
        self.may_ask()
    }

    async fn list(&self) -> Result<Listing, String> {
        self.may_ask()?;
        // What is moved on meanwhile is not judged by it.
        let mut all = Listing { read_at: Some(self.now()), ..Listing::default() };
        let read = self.list_into(&mut all.items).await;
        let all = all.up_to(read)?;
        Ok(Listing { unseen: all.unseen.or_else(|| Some(UNSEEN.to_owned())), ..all })
    }

    async fn hold(&self, post: &Scheduled) -> Stop {
        if let Err(stop) = as_listed(self.stands(&post.remote_id).await, post) {
            return stop;
        }
        if post.due > self.now() + FAR - TimeDelta::hours(1) {
            // As it was read just now: no later time can be asked for.
            return Stop::Held { mark: post.mark.clone() };
        }
        self.move_away(post).await
    }

    async fn read(&self, post: &Scheduled) -> Standing {
        as_held(self.stands(&post.remote_id).await, post, self.now() + SOON)
    }

    async fn prolong(&self, post: &Kept) -> Prolonged {
        let post = &by_now(post);
        let is_same = |shown: &Value, kept: &Value| core(shown) == core(kept);
        match to_move_on(post, self.stands(&post.remote_id).await, self.now(), is_same, OVERDUE) {
            Ok(there) => moved_on(self.move_away(&there).await),
            Err(told) => told,
        }
    }

    async fn restore(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        let post = &by_now(post);
        if at < self.now() + NEAREST {
            return Back::Left(TOO_NEAR.to_owned());
        }
        let is_far = at > self.now() + FAR;
        if is_made_again(&post.mark) {
            return if is_far { Back::Left(TOO_LATE.to_owned()) } else { self.again(post, at, pass).await };
        }
        let stands = self.stands(&post.remote_id).await;
        if let Some(told) = instead_of_back(post, stands, at, is_far.then_some(TOO_LATE)) {
            return told;
        }
        match self.date(&post.remote_id, at, Some(pass)).await {
            Err(failure) => back(failure),
            Ok(()) => traced(self.back_at(&post.remote_id, at).await),
        }
    }

    async fn restored(&self, post: &Kept, at: DateTime<Utc>) -> Result<Option<Back>, String> {
        if is_made_again(&post.mark) {
            return Ok(first_at(&self.like(post).await?, at).map(Back::Scheduled));
        }
        self.back_at(&post.remote_id, at).await
    }

    fn caution(&self, snapshot: &Value, mark: &str) -> Option<String> {
        let first = match mark {
            CANCELLED => ANEW,
            GONE => SOMEHOW,
            _ => return None,
        };
        Some(obstacle(snapshot).map_or_else(|| first.to_owned(), |why| format!("{first}; {why}")))
    }

    fn gone(&self) -> Option<&'static str> {
        Some(GONE)
    }

    async fn discard(&self, post: &Kept) -> Discarded {
        let post = &by_now(post);
        if post.mark == CANCELLED {
            return Discarded::Done;
        }
        match to_cancel(post, self.stands(&post.remote_id).await) {
            Ok(there) => cancelled(self.cancel(&there.remote_id).await),
            Err(told) => told,
        }
    }
}

/// A hold with the mark that it has by now.
fn by_now(post: &Kept) -> Kept {
    let mark = renewed(&post.mark, &post.snapshot).unwrap_or_else(|| post.mark.clone());
    Kept { mark, ..post.clone() }
}

#[cfg(test)]
#[path = "facebook_schedule_server.rs"]
mod server;
#[cfg(test)]
#[path = "facebook_schedule_tests.rs"]
mod tests;
