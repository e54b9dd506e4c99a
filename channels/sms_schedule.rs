//! Messages that somebody scheduled at Twilio for the channel's own sender.
//!
//! Facts: <https://www.twilio.com/docs/messaging/features/message-scheduling> (a messaging service only, from some
//! minutes to 35 days ahead; error 35115), <https://www.twilio.com/docs/api/errors/30409> (only what is
//! scheduled can be cancelled), and Twilio's OpenAPI: no call changes a scheduled message, no answer tells when it is to
//! go out, and a list can be narrowed by no state. In which order the list shows what was not sent yet is not said.
//!
//! - A hold cancels. The cancelled message stays at Twilio with its words and its number, and what is put back is a new
//!   one with these for a new time. Kept here are the first words, without what may be a number, and two digits.
//! - Nobody can read when a message would have gone out, so all of them count as due: what is shown is the earliest
//!   time that Twilio takes.
//! - A message is one number, so a campaign for a thousand people is a thousand posts.
//! - The list is read to its end, at most [`PAGES`] pages; when it is seen to be ordered by time, what was scheduled
//!   among the rest, only as far back as something can still be scheduled.
//! - Without a messaging service Twilio drops the time and sends at once
//!   (<https://support.twilio.com/hc/en-us/articles/4412165297947>), so such a message is never made.

use std::collections::HashSet;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::answers;
use super::planned::{NO_TEXT, ODD, Order, Planned, cannot};
use super::settings::{Sender, Sms, is_sid};
use crate::http::{Answer, Request};
use crate::message::Doing;
use crate::remade::NOT_THERE;
use crate::scheduler::{
    Back, CHANGED, Discarded, Kept, Listing, Scheduled, Scheduler, Standing, Stop, TOO_MUCH, as_kept, back,
    stays, stop, unanswered,
};
use crate::{Failure, Pass, Retry};

/// Messages of one page, and most pages of a look.
const EACH: usize = if cfg!(test) { 2 } else { 200 };
const PAGES: usize = 40;
/// The farthest time that Twilio takes.
const FARTHEST: TimeDelta = TimeDelta::days(35);
/// What was made before this is not scheduled any more; a day for clocks and zones.
const OLDEST: TimeDelta = TimeDelta::days(36);

/// How long Twilio rests that asks for a wait and does not say how long.
const RESTS: Duration = Duration::from_secs(30);

const NO_TIME: &str =
    "Twilio does not tell for when it was scheduled; the time that is shown is the earliest possible";
const REMADE: &str = "it was cancelled at Twilio; put back, it is a new message with its words, number and sender, and without its other settings";
const NO_SERVICE: &str =
    "it names no messaging service, so Twilio would send it at once: schedule it there by hand";
const SAME_WORDS: &str = "the same words went to that number since, or are scheduled for it; look there, and if this is another message, schedule it at Twilio by hand";
const TOO_FAR: &str = "Twilio schedules at most 35 days ahead: choose an earlier time";
const NO_MESSAGE: &str = "the answer names no message";

/// How long a list may take, but for its last page: whoever asks for it waits a little longer.
const LISTS: Duration = Duration::from_secs(60);
const TOO_SLOW: &str = "the schedule could not be read to its end in time";
const WAITS: &str = "Twilio asks us to wait";
/// How many messages are cancelled at once: a small part of the requests that an account may have open, beyond which Twilio
/// asks for a wait (<https://www.twilio.com/docs/api/errors/20429>).
const AT_ONCE: usize = 8;
const NO_PAGE: &str = "Twilio names a next page that is none";

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
        let now = (self.clock)();
        if let Some(left) = self.rests.left(now) {
            return Err(Failure::Rejected { reason: WAITS.to_owned(), retry: Retry::After(left) });
        }
        let answer = match pass {
            Some(pass) => self.http.send(request, pass).await,
            None => self.http.call(request).await,
        };
        let answer = answer.map_err(unanswered)?;
        let reason = || answers::refusal(&answer, &self.secrets(), Doing::Ask);
        match answer.status {
            200..=299 => Ok(answer),
            429 => Err(Failure::Rejected { reason: reason(), retry: Retry::After(self.note(&answer)) }),
            400..=407 | 409..=499 => Err(Failure::Rejected { reason: reason(), retry: Retry::Never }),
            status => Err(Failure::InDoubt { reason: format!("Twilio answered {status}") }),
        }
    }

    /// Keeps in mind that Twilio asks for a wait, if it does, and for how long.
    fn note(&self, answer: &Answer) -> Duration {
        let wait = answer.retry_after().unwrap_or(RESTS);
        if answer.status == 429 {
            self.rests.begin((self.clock)(), wait);
        }
        wait
    }

    /// Reads the list, as far as it may and in the time that it may take, and gives each message to `each`. Why not all
    /// of it was seen, if it was not.
    ///
    /// # Errors
    /// A sentence, when a part of it could not be read.
    async fn scan(
        &self,
        narrow: &[(&str, &str)],
        mut each: impl FnMut(Planned),
    ) -> Result<Option<&'static str>, String> {
        let size = EACH.to_string();
        let mut url = self.url(&["Messages"]);
        url.query_pairs_mut().extend_pairs(narrow).append_pair("PageSize", &size);
        let (mut odd, mut order, since) = (None, Order::default(), (self.clock)() - OLDEST);
        let mut seen = HashSet::new();
        let began = Instant::now();
        for _ in 0..PAGES {
            if began.elapsed() > LISTS {
                return Ok(Some(TOO_SLOW));
            }
            let request = Request::get(url.as_str()).basic(&self.user, &self.secret);
            let answer = self.request(request, None).await.map_err(|why| why.to_string())?;
            let page: Page = answer.json()?;
            let mut news = false;
            for one in page.messages {
                match serde_json::from_value::<Planned>(one) {
                    Ok(one) if is_sid(&one.message.sid, &["SM", "MM"]) => {
                        order.note(&one);
                        // What is new moves the others to the next page.
                        if seen.insert(one.message.sid.clone()) {
                            each(one);
                            news = true;
                        }
                    }
                    _ => (odd, news) = (Some(ODD), true),
                }
            }
            let Some(next) = page.next_page_uri else { return Ok(odd) };
            if order.ends_before(since) {
                return Ok(odd);
            }
            // Only the place in the list is taken from it, never a server or a path.
            let query = self.server.join(&next).ok().and_then(|next| next.query().map(str::to_owned));
            if query.is_none() || !news {
                return Err(NO_PAGE.to_owned());
            }
            url.set_query(query.as_deref());
        }
        Ok(Some(TOO_MUCH))
    }

    async fn message(&self, sid: &str) -> Result<Option<Planned>, String> {
        self.spare()?;
        let request = Request::get(self.url(&["Messages", sid]).as_str()).basic(&self.user, &self.secret);
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        self.note(&answer);
        match answer.status {
            200 => {}
            // So says Twilio; a proxy or another server has other words.
            404 if answer.json::<Value>().is_ok_and(|said| said["code"] == 20_404) => return Ok(None),
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

    /// Messages to the same number with the same words that were made since that one was cancelled: perhaps that one,
    /// made again.
    async fn like(&self, old: &Planned, post: &Kept) -> Result<Vec<Planned>, String> {
        let mut all = Vec::new();
        let to = [("To", old.message.to.as_str())];
        if let Some(why) = self.scan(&to, |one| all.push(one)).await? {
            return Err(why.to_owned());
        }
        all.retain(|one| {
            let is_other = one.message.sid != post.remote_id && !post.taken.contains(&one.message.sid);
            let is_same = one.message.to == old.message.to
                && one.message.body == old.message.body
                && one.messaging_service_sid == old.messaging_service_sid
                && one.message.direction.starts_with("outbound");
            let later = one.made().is_none_or(|at| Some(at) >= old.ended());
            let stands = !["canceled", "failed", "undelivered"].contains(&one.message.status.as_str());
            is_other && is_same && later && stands
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
        Standing::Held { .. } => Back::Doubt(CHANGED.to_owned()),
    }
}

#[async_trait]
impl Scheduler for Sms {
    async fn whose(&self) -> Result<String, String> {
        let sender = match &self.sender {
            Sender::Service(sender) | Sender::From(sender) => sender,
        };
        Ok(format!("{} {sender}", self.account))
    }

    fn spare(&self) -> Result<(), String> {
        self.rests.left((self.clock)()).map_or(Ok(()), |_| Err(WAITS.to_owned()))
    }

    async fn list(&self) -> Result<Listing, String> {
        let (mut items, mut others, mut odd) = (Vec::new(), 0_u64, false);
        let read = self.scan(&[], |one| match one.standing() {
            Standing::Scheduled(_) if !self.sends(&one) => others += 1,
            Standing::Scheduled(post) => items.push(*post),
            Standing::Unknown(_) => odd |= self.sends(&one),
            Standing::Held { .. } | Standing::Out(_) | Standing::Gone(_) => {}
        });
        let unseen = match read.await {
            Ok(unseen) => unseen.or(odd.then_some(ODD)).map(str::to_owned),
            Err(why) if items.is_empty() && others == 0 => return Err(why),
            Err(why) => Some(why),
        };
        let others = (others > 0)
            .then(|| format!("scheduled at Twilio by other senders of this account, and not held: {others}"));
        let unseen: Vec<String> = unseen.into_iter().chain(others).collect();
        let unseen = (!unseen.is_empty()).then(|| unseen.join("; "));
        Ok(Listing { items, unseen, ..Listing::default() })
    }

    async fn hold(&self, post: &Scheduled) -> Stop {
        let cancel = self.form(&["Messages", &post.remote_id], &[("Status", "canceled")]);
        let refused = match self.request(cancel, None).await {
            // The answer is the message as it is now.
            Ok(answer) => match answer.json::<Planned>() {
                Ok(now) if now.message.sid == post.remote_id && now.message.status == "canceled" => {
                    return Stop::Held { mark: now.mark() };
                }
                _ => None,
            },
            Err(failure @ Failure::Rejected { retry: Retry::Never, .. }) => Some(failure),
            Err(failure) => return stop(failure),
        };
        match (self.stands(&post.remote_id).await, refused) {
            (Standing::Held { mark }, None) => Stop::Held { mark },
            // By somebody, or by an earlier request of ours: the next look, which does not show it, settles that.
            (Standing::Held { .. }, Some(_)) => Stop::Left(CHANGED.to_owned()),
            (Standing::Out(why), _) => Stop::Out(why),
            (Standing::Gone(why), _) => Stop::Gone(why),
            (Standing::Scheduled(_) | Standing::Unknown(_), Some(failure)) => stop(failure),
            (Standing::Scheduled(_), None) => Stop::Doubt("Twilio still shows it as scheduled".to_owned()),
            (Standing::Unknown(why), None) => Stop::Doubt(why),
        }
    }

    fn at_once(&self) -> usize {
        AT_ONCE
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
        // As Twilio shows it now: it can have taken the words away since.
        if !old.is_text() {
            return Back::Left(NO_TEXT.to_owned());
        }
        if !is_sid(&old.messaging_service_sid, &["MG"]) {
            return Back::Left(NO_SERVICE.to_owned());
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
        let all = [Some(REMADE), Some(NO_TIME), cannot(snapshot)];
        Some(all.into_iter().flatten().collect::<Vec<_>>().join("; "))
    }

    async fn discard(&self, post: &Kept) -> Discarded {
        stays(self.stands(&post.remote_id).await)
    }
}
