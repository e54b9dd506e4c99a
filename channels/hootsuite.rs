//! Adapter `hootsuite`: what people scheduled in Hootsuite, on every social profile that a member may post on. It
//! publishes nothing of ours.
//!
//! Facts: <https://developer.hootsuite.com/docs/api-overview>, and the vendor's own description of its API
//! (<https://apidocs.hootsuite.com/docs/api/index.html>): the calls, the states, four weeks and 100 messages at most
//! in a list, its cursor in `metadata`, `errors` beside `data`, and the grant `member_app`. Nothing here was tried on
//! the real Hootsuite. Not said there, and taken for likely: that a message which is not there answers 400 or 404;
//! which fields of a message its list shows; that a list by time without a state shows every state.
//!
//! - A token lives for an hour, and a refresh token works once and would have to be kept anew each time. So the
//!   credential is the secret of an app of one's own, and a new token is asked for with it (`member_app`, for a
//!   member who has installed the app).
//! - No call changes a message or makes it a draft. A hold deletes it, and putting it back schedules a new one from
//!   the snapshot. Its media would have to be uploaded again, so a message with media is not put back: people
//!   schedule it there by hand, and are told so. Because that is for good, it is deleted only within the hour before
//!   its time. One whose profile is not told is not deleted.
//! - A message can be missing while it is being published, and one that is deleted then can go out all the same. So
//!   what is not shown is looked for in the lists, whatever its state, and what was deleted within minutes of its
//!   time counts as gone, nobody knows how.
//! - What a list shows in a form or state that is not known can be the message that is looked for: then nobody knows,
//!   and nothing is made again. A full page that names no next one can be the last: the halves of its window are read.

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Mutex;
use url::Url;

use crate::http::Request;
use crate::planner::{self, Api, Planner, Planning, discarded};
use crate::remade::{ANEW, CANCELLED, LIKE_IT, NOT_THERE, SOMEHOW, STILL_THERE};
use crate::scheduler::{
    Back, CHANGED, Discarded, GONE, Kept, Listing, Scheduled, Scheduler, Standing, Stop, as_listed, back,
    is_then, stop, traced,
};
use crate::{Adapter, Channel, Connection, Health, Pass, Setting, Ways};

#[path = "hootsuite_calls.rs"]
mod calls;
#[path = "hootsuite_lists.rs"]
mod lists;
#[path = "hootsuite_message.rs"]
mod message;

use calls::{Told, instant};
use lists::Seen;
use message::{Message, anew, can_be_like, has_media, is_id, loses, planned, same, standing};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "hootsuite",
    title: "Hootsuite",
    capabilities: planner::CAPABILITIES,
    limits: planner::LIMITS,
    settings: &[
        Setting {
            name: "client",
            help: "The client id of your app in Hootsuite's developer portal",
            required: true,
            private: false,
        },
        Setting {
            name: "member",
            help: "The number of the member who has installed the app, and may post on all profiles that are to be held",
            required: true,
            private: false,
        },
        Setting {
            name: "server",
            help: "Another server of the API; otherwise https://platform.hootsuite.com",
            required: false,
            private: false,
        },
    ],
    frame: None,
    ways: Ways::USUAL,
    connect,
};

pub(crate) const SERVER: &str = "https://platform.hootsuite.com";
/// A message that cannot be made again is deleted only when it is due within this.
const FOR_GOOD: TimeDelta = TimeDelta::hours(1);
/// What was due within this when it was deleted can have been on its way already.
const SOON: TimeDelta = TimeDelta::minutes(10);
/// The only type that it takes.
const JSON: &str = "application/json;charset=utf-8";

const HAS_MEDIA: &str = "it had media, which Hootsuite takes only as a new upload: schedule it there by hand";
const NOT_YET: &str =
    "it has media, so it cannot be put back once it is deleted: it is held when it is due within an hour";
const NO_PROFILE: &str =
    "nobody knows on which profile it would go out, so it could not be made again: delete it in Hootsuite";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let member = connection.setting("member")?;
    if !is_id(&member) {
        return Err("the setting member: write the member's number".to_owned());
    }
    Ok(Box::new(Planning(Hootsuite {
        server: connection.url_or("server", SERVER)?,
        client: connection.setting("client")?,
        member,
        token: Mutex::new(None),
        api: Api::new(connection, ADAPTER.title, "/errors/0/message")?,
    })))
}

struct Hootsuite {
    server: Url,
    client: String,
    member: String,
    /// The newest token, and when it ends.
    token: Mutex<Option<(SecretString, DateTime<Utc>)>>,
    api: Api,
}

impl Hootsuite {
    /// Those that are planned, or wait for an approval, and are like a post which was deleted: perhaps that post, made
    /// again.
    async fn like(&self, post: &Kept) -> Result<Vec<Message>, String> {
        let mut seen = Seen::default();
        planner::in_time(self.all(None, &mut seen)).await?;
        seen.lacks(|odd| can_be_like(odd, &post.snapshot))?;
        let mut like = Vec::new();
        for message in seen.all.into_iter().filter(|message| is_remade(message, post)) {
            match (planned(&message), standing(&message)) {
                (Some(_), _) => like.push(message),
                // It can go out all the same.
                (None, Standing::Unknown(why)) => return Err(why),
                (None, _) => {}
            }
        }
        Ok(like)
    }

    async fn remake(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        let url = self.at(&["v1", "messages"]);
        let content = anew(&post.snapshot, &instant(at)).to_string().into_bytes();
        let answer = match self.call(Request::post(url.as_str()).body(JSON, content), Some(pass)).await {
            Err(failure) => return back(failure),
            Ok(answer) => answer,
        };
        let made = answer.json::<Told<Vec<Value>>>().ok().and_then(|told| told.data?.into_iter().next());
        match made.map(Message::read) {
            Some(Ok(message)) => match (planned(&message), standing(&message)) {
                (Some(back), _) => back,
                (None, Standing::Out(why)) => Back::Out(why),
                _ => traced(self.restored(post, at).await),
            },
            _ => traced(self.restored(post, at).await),
        }
    }

    async fn stands(&self, post: &Scheduled, everywhere: bool) -> Standing {
        match self.message(&post.remote_id, post.due, everywhere).await {
            Ok(Some(message)) => standing(&message),
            Ok(None) => Standing::Gone(NOT_THERE.to_owned()),
            Err(why) => Standing::Unknown(why),
        }
    }

    /// Why a post is not deleted, at least not now.
    fn spares(&self, post: &Scheduled) -> Option<&'static str> {
        if post.snapshot["post"]["profile"].is_null() {
            return Some(NO_PROFILE);
        }
        (has_media(&post.snapshot) && post.due > self.api.now() + FOR_GOOD).then_some(NOT_YET)
    }
}

/// Whether a message can be the post, made again, and no other.
fn is_remade(message: &Message, post: &Kept) -> bool {
    same(&message.snapshot(), &post.snapshot) && !post.taken.iter().any(|id| message.is(id))
}

#[async_trait]
impl Scheduler for Hootsuite {
    async fn whose(&self) -> Result<String, String> {
        Ok(format!("hootsuite {}", self.member))
    }

    fn spare(&self) -> Result<(), String> {
        self.api.spare()
    }

    async fn list(&self) -> Result<Listing, String> {
        let (seen, read) = self.planned().await;
        seen.listing().up_to(read)
    }

    async fn hold(&self, post: &Scheduled) -> Stop {
        if let Some(why) = self.spares(post) {
            return Stop::Left(why.to_owned());
        }
        if let Err(stop) = as_listed(self.read(post).await, post) {
            return stop;
        }
        let url = self.at(&["v1", "messages", &post.remote_id]);
        match self.ask(Request::delete(url.as_str()), None).await {
            Ok((404, _)) => return Stop::Gone(NOT_THERE.to_owned()),
            Err(failure) | Ok((_, Err(failure))) => return stop(failure),
            Ok((_, Ok(_))) => {}
        }
        // What was deleted is nowhere else.
        match self.stands(post, false).await {
            // Hootsuite may have been uploading it.
            Standing::Gone(_) if post.due < self.api.now() + SOON => Stop::Held { mark: GONE.to_owned() },
            Standing::Gone(_) => Stop::Held { mark: CANCELLED.to_owned() },
            Standing::Out(why) => Stop::Out(why),
            Standing::Scheduled(_) | Standing::Held { .. } => Stop::Doubt(STILL_THERE.to_owned()),
            Standing::Unknown(why) => Stop::Doubt(why),
        }
    }

    async fn read(&self, post: &Scheduled) -> Standing {
        self.stands(post, true).await
    }

    async fn restore(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        if has_media(&post.snapshot) {
            return Back::Left(HAS_MEDIA.to_owned());
        }
        match self.message(&post.remote_id, post.due, true).await {
            Err(why) => return Back::Left(why),
            Ok(Some(_)) => return Back::Changed(CHANGED.to_owned()),
            Ok(None) => {}
        }
        match self.like(post).await {
            Err(why) => Back::Left(why),
            Ok(like) if like.is_empty() => self.remake(post, at, pass).await,
            Ok(like) => {
                let then = like.iter().find(|m| m.due().is_some_and(|due| is_then(due, at)));
                then.and_then(planned).unwrap_or_else(|| Back::Changed(LIKE_IT.to_owned()))
            }
        }
    }

    async fn restored(&self, post: &Kept, at: DateTime<Utc>) -> Result<Option<Back>, String> {
        let seen = self.around(at).await?;
        let mine =
            |message: &&Message| message.due().is_none_or(|due| is_then(due, at)) && is_remade(message, post);
        for message in seen.all.iter().filter(mine) {
            match (planned(message), standing(message)) {
                // Without a time, too.
                (_, Standing::Unknown(why)) => return Err(why),
                (Some(back), _) => return Ok(Some(back)),
                (None, Standing::Out(why)) if message.due().is_some() => return Ok(Some(Back::Out(why))),
                (None, _) => {}
            }
        }
        seen.lacks(|odd| can_be_like(odd, &post.snapshot)).map(|()| None)
    }

    fn caution(&self, snapshot: &Value, mark: &str) -> Option<String> {
        let first = if mark == GONE { SOMEHOW } else { ANEW };
        let media = has_media(snapshot).then(|| HAS_MEDIA.to_owned());
        let all = std::iter::once(first.to_owned()).chain(media).chain(loses(snapshot));
        Some(all.collect::<Vec<_>>().join("; "))
    }

    fn gone(&self) -> Option<&'static str> {
        Some(GONE)
    }

    async fn discard(&self, post: &Kept) -> Discarded {
        if post.mark == CANCELLED {
            return Discarded::Done;
        }
        match self.message(&post.remote_id, post.due, true).await {
            Ok(None) => Discarded::Done,
            Ok(Some(message)) => match standing(&message) {
                // It can go out yet.
                Standing::Unknown(why) => Discarded::Unknown(why),
                stands => discarded(stands, message.waits()),
            },
            Err(why) => Discarded::Left(why),
        }
    }
}

#[derive(Deserialize)]
struct Profile {}

#[async_trait]
impl Planner for Hootsuite {
    async fn inspect(&self) -> Result<Health, String> {
        let url = self.at(&["v1", "socialProfiles"]);
        let answer = self.call(Request::get(url.as_str()), None).await.map_err(|why| why.to_string())?;
        let told: Told<Vec<Profile>> = answer.json()?;
        // Whether the schedule may be read, too.
        self.around(self.api.now()).await?;
        Ok(Health::ready(planner::sees(told.data.map_or(0, |profiles| profiles.len()))))
    }
}

#[cfg(test)]
#[path = "hootsuite_tests.rs"]
mod tests;
