//! What changes something in X Ads: a hold, and what undoes it.

use chrono::{DateTime, TimeDelta, Utc};

use super::answers::is_full;
use super::calls::{Fields, made};
use super::post::{anew, instant, minute, obstacle};
use super::{FAR, SOON, XAds};
use crate::http::{Answer, Request};
use crate::remade::{CANCELLED, LIKE_IT, STILL_THERE};
use crate::scheduler::{Back, CHANGED, GONE, Kept, Scheduled, Standing, Stop, back, is_then, stop, traced};
use crate::{Failure, Pass};

/// What was due within this when it was deleted can have been on its way already.
const LATE: TimeDelta = TimeDelta::minutes(1);
/// Over how many minutes more what is moved is spread: ten days.
const SPREAD: i64 = 10 * 24 * 60;
/// How far apart the windows are that are tried when one is full, and how many.
const ASIDE: TimeDelta = TimeDelta::minutes(97);
const TRIES: i32 = 5;

pub(super) const FULL: &str =
    "X takes 30 posts within 15 minutes, and has them around that time: choose another one";
pub(super) const UNSHOWN: &str = "X Ads does not show the new time";
pub(super) const SHOWN: &str = "X Ads does not find the post, and shows it all the same";
const NO_TIME: &str = "X Ads shows one like it that is public, and not since when: look at the account";

/// Where a post is moved to at that try: each has a window of its own.
fn far(id: &str, now: DateTime<Utc>, attempt: i32) -> DateTime<Utc> {
    let place = id.bytes().fold(0_i64, |sum, byte| (sum * 31 + i64::from(byte)) % SPREAD);
    minute(now + FAR + TimeDelta::minutes(place) + ASIDE * attempt)
}

/// What X did with a request that changes something.
pub(super) enum Did {
    /// It took it.
    Taken(Answer),
    /// Nothing: it has as many posts around that time as it takes.
    Full,
    /// Nothing: something is not there, perhaps the post.
    Missing(Answer),
}

impl XAds {
    /// Makes a request that changes something.
    async fn write(&self, request: Request, form: &Fields<'_>, pass: Option<&Pass>) -> Result<Did, Failure> {
        let answer = self.ask(request, form, pass).await?;
        if is_full(&answer) {
            return Ok(Did::Full);
        }
        if answer.status == 404 {
            return Ok(Did::Missing(answer));
        }
        self.accepted(answer).map(Did::Taken)
    }

    /// Gives a post another time; through the gate, when it goes back.
    pub(super) async fn date(
        &self,
        id: &str,
        at: DateTime<Utc>,
        pass: Option<&Pass>,
    ) -> Result<Did, Failure> {
        let request = Request::put(self.scheduled(id).as_str());
        self.write(request, &[("scheduled_at", &instant(at))], pass).await
    }

    /// Deletes a post that was looked at just now.
    pub(super) async fn cancel(&self, id: &str, due: DateTime<Utc>) -> Stop {
        match self.write(Request::delete(self.scheduled(id).as_str()), &[], None).await {
            Err(failure) => return stop(failure),
            Ok(Did::Missing(_)) => return self.missed(id).await,
            Ok(Did::Taken(_) | Did::Full) => {}
        }
        match self.stands(id).await {
            Standing::Gone(_) if due < self.api.now() + LATE => Stop::Held { mark: GONE.to_owned() },
            Standing::Gone(_) => Stop::Held { mark: CANCELLED.to_owned() },
            Standing::Out(why) => Stop::Out(why),
            Standing::Scheduled(_) | Standing::Held { .. } => Stop::Doubt(STILL_THERE.to_owned()),
            Standing::Unknown(why) => Stop::Doubt(why),
        }
    }

    /// Where a post stands that X did not find when it was to be held.
    async fn missed(&self, id: &str) -> Stop {
        match self.stands(id).await {
            Standing::Gone(why) => Stop::Gone(why),
            Standing::Out(why) => Stop::Out(why),
            Standing::Unknown(why) => Stop::Left(why),
            Standing::Scheduled(_) | Standing::Held { .. } => Stop::Left(SHOWN.to_owned()),
        }
    }

    /// Moves a post far ahead that was looked at just now, or deletes it when that is too late.
    pub(super) async fn move_away(&self, post: &Scheduled) -> Stop {
        let (id, now) = (post.remote_id.as_str(), self.api.now());
        if post.due - now < SOON {
            return self.cancel(id, post.due).await;
        }
        for attempt in 0..TRIES {
            let at = far(id, now, attempt);
            match self.date(id, at, None).await {
                Err(failure) => return stop(failure),
                Ok(Did::Full) => {}
                Ok(Did::Missing(_)) => return self.missed(id).await,
                Ok(Did::Taken(_)) => {
                    return match self.stands(id).await {
                        Standing::Scheduled(now) if is_then(now.due, at) => Stop::Held { mark: now.mark },
                        Standing::Scheduled(_) | Standing::Held { .. } => Stop::Doubt(UNSHOWN.to_owned()),
                        Standing::Out(why) => Stop::Out(why),
                        Standing::Gone(why) => Stop::Gone(why),
                        Standing::Unknown(why) => Stop::Doubt(why),
                    };
                }
            }
        }
        Stop::Left(FULL.to_owned())
    }

    /// Whether a post goes out at that time, or is out.
    pub(super) async fn back_at(&self, id: &str, at: DateTime<Utc>) -> Result<Option<Back>, String> {
        match self.stands(id).await {
            Standing::Scheduled(now) if is_then(now.due, at) => Ok(Some(Back::Scheduled(now.remote_id))),
            Standing::Out(why) => Ok(Some(Back::Out(why))),
            Standing::Unknown(why) => Err(why),
            Standing::Scheduled(_) | Standing::Held { .. } | Standing::Gone(_) => Ok(None),
        }
    }

    async fn remake(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        let fields = anew(&post.snapshot, at);
        let form: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        match self.write(Request::post(self.all_scheduled().as_str()), &form, Some(pass)).await {
            Err(failure) => back(failure),
            Ok(Did::Full) => Back::Left(FULL.to_owned()),
            Ok(Did::Missing(answer)) => {
                self.accepted(answer).map_or_else(back, |_| Back::Left(SHOWN.to_owned()))
            }
            Ok(Did::Taken(answer)) => traced(match made(&answer) {
                Some(id) => self.back_at(&id, at).await,
                None => self.made_at(post, at).await,
            }),
        }
    }

    /// Whether a post that was deleted is there again for that time, or out.
    pub(super) async fn made_at(&self, post: &Kept, at: DateTime<Utc>) -> Result<Option<Back>, String> {
        for like in self.like(post).await?.iter().filter(|like| like.due().is_none_or(|due| is_then(due, at)))
        {
            match like.standing() {
                Standing::Scheduled(now) => return Ok(Some(Back::Scheduled(now.remote_id))),
                Standing::Out(why) if like.due().is_some() => return Ok(Some(Back::Out(why))),
                Standing::Out(_) => return Err(NO_TIME.to_owned()),
                Standing::Unknown(why) => return Err(why),
                Standing::Held { .. } | Standing::Gone(_) => {}
            }
        }
        Ok(None)
    }

    /// Puts back what was deleted, when all that counts of it is known, and it is not there.
    pub(super) async fn again(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        if let Some(why) = obstacle(&post.snapshot, self.keys.user()) {
            return Back::Left(why.to_owned());
        }
        match self.stands(&post.remote_id).await {
            Standing::Gone(_) => {}
            Standing::Out(why) => return Back::Out(why),
            Standing::Unknown(why) => return Back::Left(why),
            Standing::Scheduled(_) | Standing::Held { .. } => return Back::Changed(CHANGED.to_owned()),
        }
        let like = match self.like(post).await {
            Err(why) => return Back::Left(why),
            Ok(like) => like,
        };
        let mut waits = None;
        for like in &like {
            match like.standing() {
                Standing::Scheduled(now) if is_then(now.due, at) => return Back::Scheduled(now.remote_id),
                Standing::Scheduled(_) => waits = Some(Back::Changed(LIKE_IT.to_owned())),
                // It can go out all the same.
                Standing::Unknown(why) => return Back::Left(why),
                Standing::Out(_) if like.due().is_none() => return Back::Left(NO_TIME.to_owned()),
                Standing::Out(_) | Standing::Held { .. } | Standing::Gone(_) => {}
            }
        }
        match waits {
            Some(back) => back,
            None => self.remake(post, at, pass).await,
        }
    }
}
