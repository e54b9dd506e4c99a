//! A message that somebody scheduled at Twilio, as a list shows it. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::holds_number;
use super::settings::is_number;
use super::{Message, or_empty};
use crate::scheduler::{Scheduled, Standing, excerpt, mark};

/// The nearest time that Twilio takes.
const NEAREST: TimeDelta = TimeDelta::minutes(5);
/// How exactly a list is in order: what is made at once has no order.
const ABOUT: TimeDelta = TimeDelta::hours(1);
/// Clocks and times of one message differ by less.
const MINUTE: TimeDelta = TimeDelta::minutes(1);
/// So many characters are kept of the words.
const WORDS: usize = 60;
const HAS_MEDIA: &str = "it had pictures, which are not sent anew: schedule it at Twilio by hand";
pub(super) const NO_TEXT: &str =
    "it is no text message, or Twilio does not show its words: schedule it at Twilio by hand";
const IS_OUT: &str = "Twilio has sent it, or is sending it";
const NOT_ARRIVED: &str = "Twilio tried to send it, and says that it did not arrive";
pub(super) const ODD: &str =
    "something in Twilio's list cannot be read as a message, and is not held: look at it there";

fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|at| at.to_utc())
}

/// What people know a message by: the beginning of its words, and no digit when they may hold a number.
fn known_by(body: &str) -> String {
    let words: String = excerpt(body).chars().take(WORDS).collect();
    if holds_number(body) { words.replace(|c: char| c.is_ascii_digit(), "·") } else { words }
}

/// A message that may be scheduled.
#[derive(Deserialize)]
pub(super) struct Planned {
    #[serde(flatten)]
    pub message: Message,
    #[serde(default, deserialize_with = "or_empty")]
    pub messaging_service_sid: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub from: String,
    #[serde(default, deserialize_with = "or_empty")]
    num_media: String,
    #[serde(default, deserialize_with = "or_empty")]
    date_updated: String,
}

impl Planned {
    pub fn made(&self) -> Option<DateTime<Utc>> {
        instant(&self.message.date_created)
    }

    /// When it was cancelled, about; at least when it was made.
    pub fn ended(&self) -> Option<DateTime<Utc>> {
        instant(&self.date_updated).map(|at| at - MINUTE).max(self.made())
    }

    fn has_media(&self) -> bool {
        !matches!(self.num_media.as_str(), "" | "0")
    }

    /// Whether new ones can be made of it: WhatsApp and others have templates that no answer shows.
    pub fn is_text(&self) -> bool {
        is_number(&self.message.to) && !self.message.body.is_empty()
    }

    pub fn mark(&self) -> String {
        // Without its number, which could be found from it.
        mark(&json!([self.message.body, self.messaging_service_sid, self.from, self.num_media]))
    }

    /// Where it stands. Its number is shown by its last digits only.
    pub fn standing(&self) -> Standing {
        let of = &self.message;
        match of.status.as_str() {
            "scheduled" => {
                let due = self.made().and_then(|made| Some((made, made.checked_add_signed(NEAREST)?)));
                let Some((made, due)) = due else { return Standing::Unknown(ODD.to_owned()) };
                let tail: String =
                    of.to.chars().rev().take(2).collect::<Vec<_>>().into_iter().rev().collect();
                Standing::Scheduled(Box::new(Scheduled {
                    remote_id: of.sid.clone(),
                    due,
                    words: format!("…{tail}: {}", known_by(&of.body)),
                    snapshot: json!({ "made": made, "text": self.is_text(), "media": self.has_media() }),
                    mark: self.mark(),
                }))
            }
            "canceled" => Standing::Held { mark: self.mark() },
            "accepted" | "queued" | "sending" | "sent" | "delivered" | "read" | "partially_delivered" => {
                Standing::Out(IS_OUT.to_owned())
            }
            "undelivered" | "failed" => Standing::Out(NOT_ARRIVED.to_owned()),
            _ => Standing::Unknown("Twilio does not say where the message stands".to_owned()),
        }
    }
}

/// Whether a list is seen to be ordered by the time at which messages were made, what is scheduled among them.
#[derive(Default)]
pub(super) struct Order {
    oldest: Option<DateTime<Utc>>,
    planned: bool,
    broken: bool,
}

impl Order {
    pub fn note(&mut self, next: &Planned) {
        let made = next.made();
        let before = self.oldest.and_then(|oldest| oldest.checked_add_signed(ABOUT));
        self.broken |= made.is_none() || before.is_some_and(|before| made > Some(before));
        self.planned |= next.message.status == "scheduled";
        self.oldest = self.oldest.into_iter().chain(made).min();
    }

    /// Whether nothing that follows can be younger.
    pub fn ends_before(&self, since: DateTime<Utc>) -> bool {
        self.planned && !self.broken && self.oldest.is_some_and(|oldest| oldest < since)
    }
}

/// Why a message cannot be made again.
pub(super) fn cannot(snapshot: &Value) -> Option<&'static str> {
    let is = |name: &str| snapshot[name] == json!(true);
    if is("media") { Some(HAS_MEDIA) } else { (!is("text")).then_some(NO_TEXT) }
}
