//! Adapter `whatsapp`: template messages to a list of numbers, over WhatsApp's Cloud API.
//!
//! Facts: Meta's OpenAPI (`facebook/openapi`, `business-messaging-api_v23.0.yaml`) and, below
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/>, the pages `support/error-codes`,
//! `messaging-limits`, `templates/time-to-live` and `direct-send`.
//!
//! To people who have not written in the last 24 hours only a template may be sent that Meta has approved. Its text is
//! fixed there, with one place for the words of a post. The whole message is the rendition ([`Frame`]), so people
//! approve what is read. Before the first request of an attempt Meta is asked what the template is: any other words
//! than those of the settings, a header, footer or button beside them, or a status other than approved, and nothing is
//! sent. Between that look and the last request the template could still be changed at Meta.
//!
//! A template can have a picture above its text (a header of the form `IMAGE`, `templates/template-media` there; JPEG or PNG of 5 MB
//! at most, `messages/image-messages`). It goes with posts that have one picture, and a template without goes
//! with the others. The picture is uploaded before the first message of an attempt, through the gate, and named by its
//! id: Meta advises against `link`, which it would fetch after it took a message, when nobody hears of a failure any more.
//! WhatsApp has no place for the words of a picture.
//!
//! Each number is one request and one message, and nothing keeps a second request from making a second message.
//! So a ledger of who has it is written down before each ([`crate::ledger`], [`crate::each`]). When an answer is lost,
//! nobody can be asked whether the message is out: it has no id of ours that can be read. Such a recipient is in doubt
//! and is sent it no second time, whoever wants it. What becomes of a message after Meta took it comes by webhook only
//! ([`reports`]), and names the message as we did (`biz_opaque_callback_data`): that settles a doubt, too, once nobody is
//! left of whom nobody knows. Nothing can be taken back or changed. For how long Meta tries to
//! deliver a message is a property of the template: 30 days where none is given, and the check says so.
//!
//! Not tried with a real account, and told by no document: in which unit the 1,024 characters of a body are counted,
//! and whether the filter by name also finds longer names (so names are compared here). Marks such as `*` are shown as
//! bold by WhatsApp, in the words of a post as in the template's.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

#[cfg(doc)]
use crate::Frame;
use crate::each::{self, Each, Shown, Told};
use crate::graph_api::Api;
use crate::http::Answer;
use crate::ledger::{Mark, Named};
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Clock, Failure, Health, Job, Limits, NOT_OURS, Pass, PictureLimits, Pins,
    ReadBack, Receipt, Replay, Retraction, Retry, Sighting, Ways, text,
};

#[path = "whatsapp_answers.rs"]
mod answers;
#[path = "whatsapp_listed.rs"]
mod listed;
#[path = "whatsapp_picture.rs"]
mod picture;
#[path = "whatsapp_reports.rs"]
pub mod reports;
#[path = "whatsapp_settings.rs"]
mod settings;
#[path = "whatsapp_template.rs"]
mod template;

use listed::{Component, Listed};
pub(crate) use settings::SERVER;
use template::Template;

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "whatsapp",
    title: "WhatsApp",
    capabilities: Capabilities {
        replay: Replay::None,
        read_back: ReadBack::None,
        retract: false,
        revises: None,
        media: true,
        fetches: false,
        starts_only: false,
        pins: Pins::None,
        watches: false,
        sweeps: false,
        publishes: true,
        concurrency: 1,
    },
    limits: Limits {
        text: Some(template::MOST),
        // This one gives the least.
        unit: Unit::WhatsApp,
        text_bytes: None,
        title: None,
        title_needed: false,
        // None where no template has one: [`limits_by`].
        media: 1,
        media_bytes: 5_000_000,
        media_all: None,
        alt: None,
        parts: 1,
        cards: false,
        pictures: PictureLimits {
            forms: &["image/jpeg", "image/png"],
            other_form: "has another format than JPEG or PNG, which are all that WhatsApp takes",
            ..PictureLimits::ANY
        },
    },
    settings: settings::ALL,
    frame: Some(template::frame),
    ways: Ways { limits_by: Some(limits_by), ..Ways::USUAL },
    connect: |connection| Ok(Box::new(settings::connect(connection)?)),
};

/// The limits of a connection: pictures go out only where a template has one.
fn limits_by(settings: &Value, limits: Limits) -> Limits {
    Limits { media: usize::from(template::takes_pictures(settings)), ..limits }
}

/// One number of a business and its list.
struct WhatsApp {
    api: Api,
    /// The id of the number that sends.
    number: String,
    /// The id of the account, which has the templates.
    account: String,
    templates: Vec<Template>,
    to: Vec<String>,
    clock: Clock,
}

/// What is read of a template before it is sent.
const FIELDS: &str = "name,language,status,components";
/// Most pages of templates with a name like that.
const MOST_PAGES: usize = 5;
/// The longest validity of a template for news, in seconds.
const HALF_A_DAY: i64 = 43_200;
/// Why a doubt stays one.
const NO_LOOK: &str =
    "WhatsApp does not tell afterwards whether it took a message; ask those people, or tell them another way";
const NO_TEMPLATE: &str = "the channel has no template in the language of the post by now, so nothing was sent; add one to \
    the settings, or write the post in another language";
const OTHER_WORDS: &str = "the channel's template has other words by now than those that were approved around the post, so \
    nothing was sent; write the post anew, so that the new ones are approved";

/// Whether it is what WhatsApp calls a message.
fn is_message(id: &str) -> bool {
    let is_whole = (7..=500).contains(&id.len()) && id.chars().all(|c| c.is_ascii_graphic());
    is_whole && id.starts_with("wamid.")
}

/// Nothing was sent, and a person must act first.
fn wrong(reason: String) -> Failure {
    Failure::Rejected { reason, retry: Retry::Reconnect }
}

impl WhatsApp {
    /// The template of the post, and the words that go into it.
    ///
    /// # Errors
    /// A rejection, when the approved message is not one of the settings' templates.
    fn cut<'a>(&'a self, job: &'a Job) -> Result<(&'a Template, &'a str), Failure> {
        let has_picture = !job.rendition.media.is_empty();
        let found = template::pick(&self.templates, &job.rendition.language, has_picture);
        let template = found.ok_or_else(|| Failure::never(NO_TEMPLATE))?;
        let text = &job.rendition.text;
        let words = template.frame.words(text).ok_or_else(|| Failure::never(OTHER_WORDS))?;
        match template.frame.problems(text).first() {
            Some(problem) => Err(Failure::never(format!("the text {}", problem.message))),
            None => Ok((template, words)),
        }
    }

    /// The template as Meta has it.
    async fn listed(&self, template: &Template, fields: &str) -> Result<Option<Listed>, Failure> {
        let parts = [self.account.as_str(), "message_templates"];
        let query = [("name", template.name.as_str()), ("fields", fields), ("limit", "100")];
        let too_many = "Meta lists too many templates with a name like that";
        let is_it = |listed: &Listed| listed.name == template.name && listed.language == template.language;
        let wanted = |listed: Listed| Some(listed).filter(is_it);
        self.api.find(&parts, &query, (MOST_PAGES, too_many), wanted).await
    }

    /// The template as Meta has it, once it is sure that people read there what is approved here.
    ///
    /// # Errors
    /// A rejection that says what differs.
    async fn approved(&self, template: &Template, fields: &str) -> Result<Listed, Failure> {
        let (name, language) = (&template.name, &template.language);
        let Some(listed) = self.listed(template, fields).await? else {
            return Err(wrong(format!(
                "Meta has no template {name} in {language}; correct the channel's settings, or have one approved there"
            )));
        };
        if listed.status != "APPROVED" {
            let status = text::shown(&listed.status);
            return Err(wrong(format!(
                "the template {name} in {language} is {status} at Meta; it can be sent once it is approved there"
            )));
        }
        let is_picture = |header: &Component| header.kind == "HEADER" && header.format == "IMAGE";
        let body = match listed.components.as_slice() {
            [body] if !template.has_picture => body,
            [header, body] | [body, header] if template.has_picture && is_picture(header) => body,
            _ if template.has_picture => {
                return Err(wrong(format!(
                    "the template {name} in {language} has not just a picture and a body at Meta; take one that has both and \
                     nothing else, or take the word picture out of the channel's settings"
                )));
            }
            _ => {
                return Err(wrong(format!(
                    "the template {name} in {language} has more than a body at Meta, such as a header, a footer or buttons, \
                     which nobody here approves; take one that has a body only"
                )));
            }
        };
        if body.kind != "BODY" || text::plain(&body.text) != template.body {
            return Err(wrong(format!(
                "the template {name} in {language} has other words at Meta than in the channel's settings, which are \
                 those that people approve; correct the settings, or the template there"
            )));
        }
        Ok(listed)
    }

    async fn inspect(&self) -> Result<Health, String> {
        let fields = "verified_name,quality_rating,whatsapp_business_manager_messaging_limit";
        let told = self.api.ask(&[&self.number], &[("fields", fields)]).await;
        let told: Value = told.map_err(|failure| failure.to_string())?.json()?;
        let word = |field: &str| told[field].as_str().filter(|word| !word.is_empty()).map(text::shown);
        let name = word("verified_name").ok_or("Meta does not name the number")?;
        let quality = word("quality_rating").unwrap_or_else(|| "?".to_owned());
        let limit = word("whatsapp_business_manager_messaging_limit").unwrap_or_else(|| "?".to_owned());
        let limit = limit.trim_start_matches("TIER_");
        let people = self.to.len();
        let mut lasting = Vec::new();
        for template in &self.templates {
            let listed = self.approved(template, &format!("{FIELDS},message_send_ttl_seconds")).await;
            let listed = listed.map_err(|failure| failure.to_string())?;
            if listed.message_send_ttl_seconds.is_none_or(|ttl| !(0..=HALF_A_DAY).contains(&ttl)) {
                lasting.push(template.name.as_str());
            }
        }
        let mut detail = format!(
            "sends as {name} to its list of {people}; quality at Meta: {quality}, people a day at most: {limit}"
        );
        if !lasting.is_empty() {
            let lasting = lasting.join(", ");
            detail = format!(
                "{detail}; what a phone cannot get at once may come up to 30 days later, until these templates have a \
                 shorter validity period at Meta: {lasting}"
            );
        }
        let health = Health::ready(detail).of(&self.number);
        let needed = ["whatsapp_business_messaging", "whatsapp_business_management"];
        Ok(self.api.with_token(health, &needed).await)
    }

    /// Nothing can be taken back: for whom it is out.
    async fn remains(&self, job: &Job) -> Result<String, String> {
        let known = each::known(&Sending::of(self), job).await?;
        if !known.ledger.was_out() {
            return Err(NOT_OURS.to_owned());
        }
        let mut out = known.ledger.unknown();
        out.extend(known.ledger.messages().map(|(_, shown)| shown));
        let (left, who) = (out.len(), out.join(", "));
        Ok(format!(
            "WhatsApp takes no message back; it is out, or may be, for {left}; send a correction; namely: {who}"
        ))
    }
}

/// One attempt.
struct Sending<'a> {
    channel: &'a WhatsApp,
    /// How many messages Meta holds back to look at the template.
    held: AtomicUsize,
    /// The picture above the text, once it is uploaded.
    picture: OnceLock<String>,
}

impl<'a> Sending<'a> {
    fn of(channel: &'a WhatsApp) -> Self {
        Self { channel, held: AtomicUsize::new(0), picture: OnceLock::new() }
    }

    /// What an answer that takes a message says.
    fn taken(&self, answer: &Answer) -> Told {
        let told: Value = answer.json().unwrap_or_default();
        let message = &told["messages"][0];
        let Some(id) = message["id"].as_str().filter(|id| is_message(id)) else {
            return Told::Lost("the answer names no message".to_owned());
        };
        if message["message_status"].as_str().is_some_and(|status| status != "accepted") {
            self.held.fetch_add(1, Ordering::Relaxed);
        }
        Told::Known(Mark::Has(id.to_owned()))
    }
}

#[async_trait]
impl Each for Sending<'_> {
    fn addresses(&self) -> &[String] {
        &self.channel.to
    }

    fn now(&self) -> DateTime<Utc> {
        (self.channel.clock)()
    }

    async fn prepare(&self, job: &Job, pass: &Pass) -> Result<(), Failure> {
        let (template, _) = self.channel.cut(job)?;
        self.channel.approved(template, FIELDS).await?;
        if let Some(id) = self.channel.upload(job, pass).await? {
            self.picture.get_or_init(|| id);
        }
        Ok(())
    }

    async fn send(&self, job: &Job, address: &str, pass: &Pass) -> Told {
        let (template, words) = match self.channel.cut(job) {
            Ok(cut) => cut,
            Err(failure) => return Told::Stop(failure),
        };
        let mut components = Vec::new();
        if let Some(id) = self.picture.get() {
            components.push(
                json!({ "type": "header", "parameters": [{ "type": "image", "image": { "id": id } }] }),
            );
        }
        components.push(json!({ "type": "body", "parameters": [{ "type": "text", "text": words }] }));
        let message = json!({
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": address,
            "type": "template",
            "biz_opaque_callback_data": Named::new(job, address).to_string(),
            "template": {
                "name": template.name,
                "language": { "code": template.language },
                "components": components,
            },
        });
        let api = &self.channel.api;
        let path = [self.channel.number.as_str(), "messages"];
        let request = api.upload(&path, "application/json", message.to_string().into_bytes());
        match api.send(request, pass).await {
            Ok(answer) if answer.is_success() => self.taken(&answer),
            Ok(answer) => answers::refused(api, &answer),
            Err(trouble) => trouble.into(),
        }
    }

    async fn look(&self, _: &Job, _: &str, _: i64) -> Result<Vec<Shown>, String> {
        Err(NO_LOOK.to_owned())
    }
}

#[async_trait]
impl Channel for WhatsApp {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let sending = Sending::of(self);
        let receipt = each::publish(&sending, job, pass).await?;
        let held = sending.held.load(Ordering::Relaxed);
        let note = receipt.note.map(|note| match held {
            0 => note,
            _ => format!("Meta holds {held} of them back to look at the template, and may drop them; {note}"),
        });
        Ok(Receipt { note, ..receipt })
    }

    /// Meta is not asked: what its webhook has told by now.
    async fn read_back(&self, job: &Job) -> Sighting {
        each::read_back(&Sending::of(self), job).await
    }

    async fn retract(&self, job: &Job, _: Option<&str>) -> Retraction {
        Retraction::StillLive(self.remains(job).await.unwrap_or_else(|why| why))
    }

    async fn check(&self) -> Health {
        self.inspect().await.into()
    }
}

#[cfg(test)]
#[path = "whatsapp_pictures_tests.rs"]
mod pictures_tests;
#[cfg(test)]
#[path = "whatsapp_server.rs"]
mod server;
#[cfg(test)]
#[path = "whatsapp_tests.rs"]
mod tests;
