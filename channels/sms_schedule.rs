//! Messages that somebody scheduled at Twilio for the channel's own sender.
//!
//! Facts: <https://www.twilio.com/docs/messaging/features/message-scheduling> (a messaging service only, from some
//! minutes to 35 days ahead; error 35115), <https://www.twilio.com/docs/api/errors/30409> (only what is
//! scheduled can be cancelled), and Twilio's OpenAPI: no call changes a scheduled message, no answer tells when it is to
//! go out, and a list can be narrowed by no state. In which order the list shows what was not sent yet is not said.
//!
//! - A hold cancels. The cancelled message stays at Twilio with its words and its number, so neither is kept here, and
//!   what is put back is a new message with the same words for a new time.
//! - Nobody can read when a message would have gone out, so all of them count as due: what is shown is the earliest
//!   time that Twilio takes.
//! - A message is one number, so a campaign for a thousand people is a thousand posts.
//! - The list is read to its end, at most [`PAGES`] pages; when it is seen to be ordered by time, what is scheduled
//!   among the rest, only as far back as something can still be scheduled.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::answers;
use super::settings::{Sender, Sms, is_sid};
use super::{Message, or_empty};
use crate::http::{Answer, Request};
use crate::message::Doing;
use crate::planner::in_time;
use crate::remade::{ANEW, NOT_THERE};
use crate::scheduler::{
    Back, CHANGED, Discarded, Kept, Listing, Scheduled, Scheduler, Standing, Stop, TOO_MUCH, as_kept, back,
    excerpt, mark, stays, stop, unanswered,
};
use crate::{Failure, Pass, Retry};

/// Messages of one page, and most pages of a look.
const EACH: usize = if cfg!(test) { 2 } else { 500 };
const PAGES: usize = 40;
/// The nearest and the farthest time that Twilio takes.
const NEAREST: TimeDelta = TimeDelta::minutes(5);
const FARTHEST: TimeDelta = TimeDelta::days(35);
/// What was made before this is not scheduled any more; a day for clocks and zones.
const OLDEST: TimeDelta = TimeDelta::days(36);

/// How long Twilio rests that asks for a wait and does not say how long.
const RESTS: Duration = Duration::from_secs(30);

const NO_TIME: &str =
    "Twilio does not tell for when it was scheduled; the time that is shown is the earliest possible";
const HAS_MEDIA: &str = "it had pictures, which are not sent anew: schedule it at Twilio by hand";
const NO_TEXT: &str =
    "it is no text message, or Twilio does not show its words: schedule it at Twilio by hand";
const IS_OUT: &str = "Twilio has sent it, or is sending it";
const BY_SOMEBODY: &str = "somebody has cancelled it at Twilio";
const SAME_WORDS: &str = "the same words went to that number since, or are scheduled for it; look there, and if this is another message, schedule it at Twilio by hand";
const TOO_FAR: &str = "Twilio schedules at most 35 days ahead: choose an earlier time";
const NO_MESSAGE: &str = "the answer names no message";
const ODD: &str = "something in Twilio's list cannot be read as a message, and is not held: look at it there";

/// A message that may be scheduled.
#[derive(Deserialize)]
struct Planned {
    #[serde(flatten)]
    message: Message,
    #[serde(default, deserialize_with = "or_empty")]
    messaging_service_sid: String,
    #[serde(default, deserialize_with = "or_empty")]
    from: String,
    #[serde(default, deserialize_with = "or_empty")]
    num_media: String,
}

impl Planned {
    fn made(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc2822(&self.message.date_created).ok().map(|at| at.to_utc())
    }

    fn has_media(&self) -> bool {
        !matches!(self.num_media.as_str(), "" | "0")
    }

    /// Whether new ones can be made of it: WhatsApp and others have templates that no answer shows.
    fn is_text(&self) -> bool {
        self.message.to.starts_with('+') && !self.message.body.is_empty()
    }

    fn mark(&self) -> String {
        let of = &self.message;
        mark(&json!([of.to, of.body, self.messaging_service_sid, self.from, self.num_media]))
    }

    /// Where it stands. Its number is shown by its last digits only.
    fn standing(&self) -> Standing {
        let of = &self.message;
        match of.status.as_str() {
            "scheduled" => {
                let Some(made) = self.made() else { return Standing::Unknown(ODD.to_owned()) };
                let tail: String =
                    of.to.chars().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect();
                Standing::Scheduled(Box::new(Scheduled {
                    remote_id: of.sid.clone(),
                    due: made + NEAREST,
                    words: excerpt(&format!("…{tail}: {}", of.body)),
                    snapshot: json!({ "made": made, "text": self.is_text(), "media": self.has_media() }),
                    mark: self.mark(),
                }))
            }
            "canceled" => Standing::Held { mark: self.mark() },
            "accepted"
            | "queued"
            | "sending"
            | "sent"
            | "delivered"
            | "undelivered"
            | "failed"
            | "read"
            | "partially_delivered" => Standing::Out(IS_OUT.to_owned()),
            _ => Standing::Unknown("Twilio does not say where the message stands".to_owned()),
        }
    }
}

/// Whether a list is seen to be ordered by the time at which messages were made, what is scheduled among them.
#[derive(Default)]
struct Order {
    oldest: Option<DateTime<Utc>>,
    planned: bool,
    broken: bool,
}

impl Order {
    fn note(&mut self, next: &Planned) {
        let made = next.made();
        self.broken |= made.is_none() || self.oldest.is_some_and(|oldest| made > Some(oldest));
        self.planned |= next.message.status == "scheduled";
        self.oldest = made;
    }

    /// Whether nothing that follows can be younger.
    fn ends_before(&self, since: DateTime<Utc>) -> bool {
        self.planned && !self.broken && self.oldest.is_some_and(|oldest| oldest < since)
    }
}

#[derive(Deserialize)]
struct Page {
    messages: Vec<Value>,
    #[serde(default)]
    next_page_uri: Option<String>,
}

impl Sms {
    /// Whether a message goes out by the sender of the channel.
    fn sends(&self, message: &Planned) -> bool {
        match &self.sender {
            Sender::Service(service) => message.messaging_service_sid == *service,
            Sender::From(from) => message.from == *from,
        }
    }

    async fn request(&self, request: Request, pass: Option<&Pass>) -> Result<Answer, Failure> {
        let answer = match pass {
            Some(pass) => self.http.send(request, pass).await,
            None => self.http.call(request).await,
        };
        let answer = answer.map_err(unanswered)?;
        let reason = |doing| answers::refusal(&answer, &self.secrets(), doing);
        match answer.status {
            200..=299 => Ok(answer),
            429 => {
                let retry = Retry::After(answer.retry_after().unwrap_or(RESTS));
                Err(Failure::Rejected { reason: reason(Doing::Ask), retry })
            }
            400..=407 | 409..=499 => {
                Err(Failure::Rejected { reason: reason(Doing::Ask), retry: Retry::Never })
            }
            status => Err(Failure::InDoubt { reason: format!("Twilio answered {status}") }),
        }
    }

    /// Reads the list, as far as it may, and gives each message to `each`. What cannot be read as one is told.
    ///
    /// # Errors
    /// A sentence, when a part of it could not be read.
    async fn scan(&self, narrow: &[(&str, &str)], mut each: impl FnMut(Planned)) -> Result<(), String> {
        let size = EACH.to_string();
        let mut url = self.url(&["Messages"]);
        url.query_pairs_mut().extend_pairs(narrow).append_pair("PageSize", &size);
        let (mut odd, mut order, since) = (false, Order::default(), (self.clock)() - OLDEST);
        for _ in 0..PAGES {
            let request = Request::get(url.as_str()).basic(&self.user, &self.secret);
            let answer = self.request(request, None).await.map_err(|why| why.to_string())?;
            let page: Page = answer.json()?;
            for one in page.messages {
                match serde_json::from_value::<Planned>(one) {
                    Ok(one) if is_sid(&one.message.sid, &["SM", "MM"]) => {
                        order.note(&one);
                        each(one);
                    }
                    _ => odd = true,
                }
            }
            let whole = || if odd { Err(ODD.to_owned()) } else { Ok(()) };
            let Some(next) = page.next_page_uri else { return whole() };
            if order.ends_before(since) {
                return whole();
            }
            url = self.next(&url, &next)?;
        }
        Err(TOO_MUCH.to_owned())
    }

    /// The next page, on the same server and of the same list.
    fn next(&self, url: &Url, next: &str) -> Result<Url, String> {
        let next = self.server.join(next).map_err(|e| e.to_string())?;
        let same = next.origin() == self.server.origin() && next.path() == self.url(&["Messages"]).path();
        if same && next != *url { Ok(next) } else { Err("Twilio names a next page that is none".to_owned()) }
    }

    async fn message(&self, sid: &str) -> Result<Option<Planned>, String> {
        let request = Request::get(self.url(&["Messages", sid]).as_str()).basic(&self.user, &self.secret);
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        match answer.status {
            200 => {}
            404 => return Ok(None),
            _ => return Err(answers::refusal(&answer, &self.secrets(), Doing::Ask)),
        }
        let message: Planned = answer.json()?;
        if message.message.sid == sid { Ok(Some(message)) } else { Err(NO_MESSAGE.to_owned()) }
    }

    async fn stands(&self, sid: &str) -> Standing {
        match self.message(sid).await {
            Ok(Some(message)) => message.standing(),
            Ok(None) => Standing::Gone(NOT_THERE.to_owned()),
            Err(why) => Standing::Unknown(why),
        }
    }

    /// Messages to the same number with the same words that were made later: perhaps that one, made again.
    async fn like(&self, old: &Planned, post: &Kept) -> Result<Vec<Planned>, String> {
        let mut all = Vec::new();
        let to = [("To", old.message.to.as_str())];
        in_time(self.scan(&to, |one| all.push(one))).await?;
        all.retain(|one| {
            let is_other = one.message.sid != post.remote_id && !post.taken.contains(&one.message.sid);
            let is_same = one.message.body == old.message.body
                && one.messaging_service_sid == old.messaging_service_sid
                && one.message.direction.starts_with("outbound");
            let later = one.made().is_none_or(|at| Some(at) >= old.made());
            is_other && is_same && later && one.message.status != "canceled"
        });
        Ok(all)
    }

    async fn remake(&self, old: &Planned, at: DateTime<Utc>, pass: &Pass) -> Back {
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let mut form = vec![
            ("To", old.message.to.as_str()),
            ("MessagingServiceSid", old.messaging_service_sid.as_str()),
            ("Body", old.message.body.as_str()),
            ("ScheduleType", "fixed"),
            ("SendAt", at.as_str()),
        ];
        if !old.from.is_empty() {
            form.push(("From", &old.from));
        }
        let answer = match self.request(self.form(&["Messages"], &form), Some(pass)).await {
            Ok(answer) => answer,
            Err(failure) => return back(failure),
        };
        match answer.json::<Planned>() {
            Ok(made) if is_sid(&made.message.sid, &["SM", "MM"]) => put_back(&made),
            _ => Back::Doubt(NO_MESSAGE.to_owned()),
        }
    }
}

/// What a message says that was made to put another one back.
fn put_back(made: &Planned) -> Back {
    match made.standing() {
        Standing::Scheduled(_) => Back::Scheduled(made.message.sid.clone()),
        Standing::Out(why) => Back::Out(why),
        Standing::Unknown(why) | Standing::Gone(why) => Back::Doubt(why),
        Standing::Held { .. } => Back::Doubt(BY_SOMEBODY.to_owned()),
    }
}

/// Why a message cannot be made again.
fn cannot(snapshot: &Value) -> Option<&'static str> {
    let is = |name: &str| snapshot[name] == json!(true);
    if is("media") { Some(HAS_MEDIA) } else { (!is("text")).then_some(NO_TEXT) }
}

#[async_trait]
impl Scheduler for Sms {
    async fn whose(&self) -> Result<String, String> {
        let sender = match &self.sender {
            Sender::Service(sender) | Sender::From(sender) => sender,
        };
        Ok(format!("{} {sender}", self.account))
    }

    async fn list(&self) -> Result<Listing, String> {
        let mut listing = Listing::default();
        let mut odd = false;
        let read = self.scan(&[], |one| match one.standing() {
            _ if !self.sends(&one) => {}
            Standing::Scheduled(post) => listing.items.push(*post),
            Standing::Unknown(_) => odd = true,
            Standing::Held { .. } | Standing::Out(_) | Standing::Gone(_) => {}
        });
        let read = in_time(read).await.and_then(|()| if odd { Err(ODD.to_owned()) } else { Ok(()) });
        listing.up_to(read)
    }

    async fn hold(&self, post: &Scheduled) -> Stop {
        let cancel = self.form(&["Messages", &post.remote_id], &[("Status", "canceled")]);
        let refused = match self.request(cancel, None).await {
            Ok(_) => None,
            Err(failure @ Failure::Rejected { retry: Retry::Never, .. }) => Some(failure),
            Err(failure) => return stop(failure),
        };
        match (self.stands(&post.remote_id).await, refused) {
            (Standing::Held { mark }, None) => Stop::Held { mark },
            (Standing::Held { .. }, Some(_)) => Stop::Gone(BY_SOMEBODY.to_owned()),
            (Standing::Out(why), _) => Stop::Out(why),
            (Standing::Gone(why), _) => Stop::Gone(why),
            (Standing::Scheduled(_), Some(failure)) => stop(failure),
            (Standing::Scheduled(_), None) => Stop::Doubt("Twilio still shows it as scheduled".to_owned()),
            (Standing::Unknown(why), _) => Stop::Doubt(why),
        }
    }

    async fn read(&self, post: &Scheduled) -> Standing {
        self.stands(&post.remote_id).await
    }

    async fn restore(&self, post: &Kept, at: DateTime<Utc>, pass: &Pass) -> Back {
        if let Some(why) = cannot(&post.snapshot) {
            return Back::Left(why.to_owned());
        }
        if at > (self.clock)() + FARTHEST {
            return Back::Left(TOO_FAR.to_owned());
        }
        let old = match self.message(&post.remote_id).await {
            Ok(Some(old)) => old,
            Ok(None) => return Back::Changed(CHANGED.to_owned()),
            Err(why) => return Back::Left(why),
        };
        if let Err(back) = as_kept(old.standing(), post) {
            return back;
        }
        match self.like(&old, post).await {
            Err(why) => Back::Left(why),
            Ok(like) if like.is_empty() => self.remake(&old, at, pass).await,
            Ok(_) => Back::Changed(SAME_WORDS.to_owned()),
        }
    }

    async fn restored(&self, post: &Kept, _: DateTime<Utc>) -> Result<Option<Back>, String> {
        let old = self.message(&post.remote_id).await?.ok_or_else(|| NOT_THERE.to_owned())?;
        // Its time is told nowhere; none was like it before the request left.
        Ok(self.like(&old, post).await?.first().map(put_back))
    }

    fn caution(&self, snapshot: &Value, _: &str) -> Option<String> {
        let all = [Some(ANEW), Some(NO_TIME), cannot(snapshot)];
        Some(all.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }

    async fn discard(&self, post: &Kept) -> Discarded {
        stays(self.stands(&post.remote_id).await)
    }
}
