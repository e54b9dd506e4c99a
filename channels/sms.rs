//! Adapter `sms`: text messages to a list of numbers, over Twilio.
//!
//! Facts: <https://www.twilio.com/docs/messaging/api/message-resource>, Twilio's OpenAPI
//! (`twilio/twilio-oai`, `twilio_api_v2010.json`), <https://www.twilio.com/docs/api/errors>.
//!
//! Each number is one request and one message, and nothing keeps a second request from making a second message.
//! So a ledger of who has it is written down before each ([`crate::ledger`], [`crate::each`]). When an answer is
//! lost, the messages to that number are read: one with these words that was made while the request was under way,
//! give or take the minute by which clocks may differ, is ours, unless another delivery here has it or may have it.
//! Somebody beside Holdline may send the same words to the same number with the same account just then; then theirs
//! is taken for ours, and the person has the words. None proves nothing: the list may lag.
//!
//! `DateSent` does not narrow that list, because a message in Twilio's queue has none; the time is compared here.
//! Twilio sends no message later than after [`VALIDITY`], nor after the post's own end, because a late alert does
//! harm; and it is told to change no letter (`SmartEncoded`). That Twilio took a message does not say that the phone
//! got it: it says so later ([`reports`]), where this service is reached from the internet and has the account's token. A
//! call-back that Twilio does not take (error 21609) keeps no message back. Twilio takes back only what it was told to
//! send later (error 30409), so a take-down stops the rest of the list, and tells for whom it is out. What others send by
//! the account raises no alarm: the list does not tell who did.
//!
//! Pictures go as MMS where an administrator says so ([`pictures`]): to numbers of the United States and Canada, from such
//! a number (<https://ibm.com/docs/SS4U29/sms_mms.html>, <https://developer.close.com/api/overview/changelog/2022/2/15.md>, on
//! Twilio), at most ten, of 5 MB with the text (`messaging/api/media-resource` there, `sms/accepted-mime-types`).
//! Twilio fetches each from this service (`MediaUrl`) after it has taken the message, so its address lasts as long as
//! the message may wait ([`Fetched::Afterwards`]). MMS has no place for the words of a picture. A phone that takes no MMS
//! gets nothing (error 30011), or a link of Twilio's in its place (`twilio.com/en-us/messaging/channels/mms`).
//!
//! Not tried with a real account, and told by no document: whether the list shows a message at once, and whether a
//! messaging service changes letters all the same.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

use crate::each::{self, Each, Shown, Told};
use crate::http::Request;
use crate::ledger::{Ledger, Mark, Named, Word};
use crate::message::Doing;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Failure, Fetched, Health, Job, Limits, NOT_OURS, Pass, PictureLimits,
    Pins, ReadBack, Receipt, Replay, Retraction, Scheduler, Sighting, Ways, text,
};

#[path = "sms_answers.rs"]
mod answers;
#[path = "sms_balance.rs"]
mod balance;
#[path = "sms_message.rs"]
mod message;
#[path = "sms_pictures.rs"]
mod pictures;
#[path = "sms_planned.rs"]
mod planned;
#[path = "sms_reports.rs"]
pub mod reports;
#[path = "sms_schedule.rs"]
mod schedule;
#[path = "sms_settings.rs"]
mod settings;

use message::{Message, or_empty};
use settings::{Sender, Sms, is_sid};

pub(crate) use answers::holds_number;
pub(crate) use settings::{SERVER, is_account, is_number, numbers};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "sms",
    title: "SMS (Twilio)",
    capabilities: Capabilities {
        replay: Replay::None,
        read_back: ReadBack::Words,
        retract: false,
        revises: None,
        media: true,
        fetches: true,
        starts_only: false,
        pins: Pins::None,
        watches: false,
        sweeps: true,
        publishes: true,
        concurrency: 1,
    },
    limits: Limits {
        text: Some(1_600),
        unit: Unit::Sms,
        text_bytes: None,
        title: None,
        title_needed: false,
        // None but where the settings ask for it: [`pictures::limits_by`].
        media: 10,
        media_bytes: 4_900_000,
        media_all: Some(4_900_000),
        alt: None,
        parts: 1,
        cards: false,
        pictures: PictureLimits {
            forms: &["image/jpeg", "image/png", "image/gif"],
            other_form: "has another format than JPEG, PNG or GIF, which are all that phones are sent",
            ..PictureLimits::ANY
        },
    },
    settings: settings::ALL,
    frame: None,
    ways: Ways { limits_by: Some(pictures::limits_by), fetched: Fetched::Afterwards, ..Ways::USUAL },
    connect: |connection| Ok(Box::new(Sms::new(connection)?)),
};

/// Seconds after which Twilio does not send any more what waits in its queue.
const VALIDITY: i64 = 1_800;
/// Messages of one look, newest first.
const PAGE: usize = if cfg!(test) { 5 } else { 50 };
/// How long a take-down asks for one message after the other.
const ASKING: Duration = Duration::from_secs(60);

impl Sms {
    /// An address below the account; the last part gets the ending that asks for JSON.
    fn url(&self, parts: &[&str]) -> Url {
        let mut url = self.server.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            let mut all = vec!["2010-04-01", "Accounts", self.account.as_str()];
            all.extend(parts);
            let last = format!("{}.json", all.pop().unwrap_or_default());
            path.pop_if_empty().extend(all).push(&last);
        }
        url.set_query(None);
        url
    }

    fn form(&self, parts: &[&str], form: &[(&str, &str)]) -> Request {
        Request::post(self.url(parts).as_str()).basic(&self.user, &self.secret).form(form)
    }

    /// What must be in no words of ours, besides numbers.
    fn secrets(&self) -> [&str; 1] {
        [self.secret.expose_secret()]
    }

    /// Asks for something.
    ///
    /// # Errors
    /// A sentence.
    async fn ask<T: DeserializeOwned>(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<T, String> {
        let mut url = self.url(parts);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = Request::get(url.as_str()).basic(&self.user, &self.secret);
        let answer = self.http.call(request).await.map_err(|trouble| trouble.to_string())?;
        if answer.status != 200 {
            return Err(answers::refusal(&answer, &self.secrets(), Doing::Ask));
        }
        answer.json()
    }

    async fn inspect(&self) -> Result<Health, String> {
        #[derive(Deserialize)]
        struct Account {
            status: String,
            #[serde(default, rename = "type")]
            kind: String,
        }
        let people = self.to.len();
        let texts = match self.pictures && !self.is_fetched {
            true => {
                ", texts alone: pictures are fetched from public_url, which is not reached from the internet"
            }
            false => "",
        };
        let ready = |what: &str| {
            Health::ready(format!("sends to its list of {people}{texts}{what}")).of(&self.account)
        };
        match self.ask::<Account>(&[], &[]).await {
            Ok(told) if told.status == "active" && told.kind == "Trial" => Ok(ready(
                ", and Twilio puts words of its own first, because the account is on trial; what was sent \
                     is therefore not found again",
            )),
            Ok(told) if told.status == "active" => Ok(ready("")),
            Ok(told) => {
                // Whatever stands in between and repeats what it was asked shows the key to nobody.
                let known = ["suspended", "closed"].into_iter().find(|known| *known == told.status);
                let status = known.unwrap_or("not active");
                Err(format!("the account is {status}; see Twilio's console"))
            }
            // A standard API key may not ask for the account (`docs/iam/api-keys`), and sends all the same.
            Err(why) => match self.ask::<Value>(&["Messages"], &[("PageSize", "1")]).await {
                Ok(_) => Ok(ready("; its key may not ask whether the account is active")),
                Err(_) => Err(why),
            },
        }
    }

    /// Why a message never arrives, if that is so.
    ///
    /// # Errors
    /// A sentence, when Twilio could not be asked.
    async fn never_arrives(&self, sid: &str) -> Result<Option<String>, String> {
        let message: Message = self.ask(&["Messages", sid], &[]).await?;
        let is_it = message.sid == sid;
        Ok(match message.mark() {
            Mark::Failed(why) if is_it => Some(why),
            _ => None,
        })
    }

    /// What of it can still arrive, and what was found.
    async fn remove(&self, job: &Job) -> Result<(Retraction, Vec<Word>), String> {
        let known = each::known(self, job).await?;
        let mut ledger = known.ledger;
        if !ledger.was_out() {
            return Err(NOT_OURS.to_owned());
        }
        // One that cannot be asked for stops no other.
        let (mut gone, mut trouble) = (Vec::new(), known.trouble);
        let mut out: Vec<String> = ledger.unknown().into_iter().map(str::to_owned).collect();
        let began = Instant::now();
        for (sid, shown) in ledger.messages() {
            let never = if began.elapsed() > ASKING { Ok(None) } else { self.never_arrives(sid).await };
            match never {
                Ok(Some(why)) => gone.push((sid.to_owned(), why)),
                Ok(None) => out.push(shown.to_owned()),
                Err(why) => {
                    out.push(shown.to_owned());
                    trouble = Some(why);
                }
            }
        }
        gone.iter().for_each(|(sid, why)| ledger.fail(sid, why));
        let words = ledger.news(&Ledger::read(job.handle.as_deref())?, job);
        if out.is_empty() {
            return Ok((Retraction::Gone, words));
        }
        let (gone, left, who) = (gone.len(), out.len(), out.join(", "));
        let said = format!(
            "it never arrives for {gone}; it is out, or may be, for {left}; send a correction; namely: {who}"
        );
        let said = trouble.map_or_else(|| said.clone(), |why| format!("{why}; {said}"));
        Ok((Retraction::StillLive(said), words))
    }
}

#[async_trait]
impl Each for Sms {
    fn addresses(&self) -> &[String] {
        &self.to
    }

    fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    async fn send(&self, job: &Job, address: &str, pass: &Pass) -> Told {
        let (name, sender) = match &self.sender {
            Sender::From(from) => ("From", from),
            Sender::Service(service) => ("MessagingServiceSid", service),
        };
        let left =
            job.valid_until.map_or(VALIDITY, |until| (until - self.now()).num_seconds().clamp(1, VALIDITY));
        let left = left.to_string();
        let report =
            self.reports.as_ref().map(|own| reports::address(own.as_str(), &Named::new(job, address)));
        let mut form = vec![
            ("To", address),
            (name, sender.as_str()),
            ("Body", job.rendition.text.as_str()),
            ("ValidityPeriod", left.as_str()),
            ("SmartEncoded", "false"),
        ];
        let pictures = match self.addresses_of(job) {
            Ok(pictures) => pictures,
            Err(failure) => return Told::Stop(failure),
        };
        form.extend(pictures.iter().map(|url| ("MediaUrl", url.as_str())));
        let reported =
            report.as_deref().map(|report| [form.as_slice(), &[("StatusCallback", report)]].concat());
        let mut answer =
            self.http.send(self.form(&["Messages"], reported.as_deref().unwrap_or(&form)), pass).await;
        // A message counts for more than what is told of it later.
        if report.is_some() && answer.as_ref().is_ok_and(answers::takes_no_report) {
            answer = self.http.send(self.form(&["Messages"], &form), pass).await;
        }
        let answer = match answer {
            Ok(answer) => answer,
            Err(trouble) => return trouble.into(),
        };
        if !answer.is_success() {
            return answers::refused(&answer, &[&self.secrets()[..], &pictures::secrets(job)].concat());
        }
        match answer.json::<Message>() {
            Ok(message) if is_sid(&message.sid, &["SM", "MM"]) => Told::Known(message.mark()),
            _ => Told::Lost("the answer names no message".to_owned()),
        }
    }

    async fn look(&self, job: &Job, address: &str, since: i64) -> Result<Vec<Shown>, String> {
        #[derive(Deserialize)]
        struct Page {
            messages: Vec<Message>,
        }
        let size = PAGE.to_string();
        let mut query = vec![("To", address), ("PageSize", size.as_str())];
        if let Sender::From(from) = &self.sender {
            query.push(("From", from));
        }
        let page: Page = self.ask(&["Messages"], &query).await?;
        let words = text::plain(&job.rendition.text);
        let (mut shown, mut oldest) = (Vec::new(), i64::MAX);
        let is_full = page.messages.len() >= PAGE;
        for m in page.messages {
            let made = DateTime::parse_from_rfc2822(&m.date_created);
            let made =
                made.map_err(|_| "Twilio does not tell when a message was made".to_owned())?.timestamp();
            oldest = oldest.min(made);
            let is_out = m.to == address && m.direction.starts_with("outbound");
            // What was scheduled is nothing of ours.
            let is_planned = ["scheduled", "canceled"].contains(&m.status.as_str());
            if !is_out || is_planned || made < since {
                continue;
            }
            if m.body.is_empty() {
                return Err("Twilio shows a message without its words".to_owned());
            }
            if text::plain(&m.body) == words && is_sid(&m.sid, &["SM", "MM"]) {
                shown.push(Shown { id: m.sid.clone(), made, mark: m.mark() });
            }
        }
        if is_full && oldest >= since {
            return Err("Twilio shows only newer messages to that number".to_owned());
        }
        Ok(shown)
    }
}

#[async_trait]
impl Channel for Sms {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        each::publish(self, job, pass).await
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        each::read_back(self, job).await
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        self.take_down(job, remote_id).await.0
    }

    async fn take_down(&self, job: &Job, _: Option<&str>) -> (Retraction, Vec<Word>) {
        self.remove(job).await.unwrap_or_else(|why| (Retraction::StillLive(why), Vec::new()))
    }

    async fn check(&self) -> Health {
        let health = Health::from(self.inspect().await);
        if health.ready { health.pays(self.balance().await) } else { health }
    }

    fn scheduler(&self) -> Option<&dyn Scheduler> {
        Some(self)
    }
}

#[cfg(test)]
#[path = "sms_again_tests.rs"]
mod again_tests;
#[cfg(test)]
#[path = "sms_pictures_tests.rs"]
mod pictures_tests;
#[cfg(test)]
#[path = "sms_schedule_tests.rs"]
mod schedule_tests;
#[cfg(test)]
#[path = "sms_server.rs"]
mod server;
#[cfg(test)]
#[path = "sms_tests.rs"]
mod tests;
