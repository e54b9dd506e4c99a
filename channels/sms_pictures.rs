//! Pictures of a channel for SMS: where they go out, and from where Twilio fetches them. Pure.

use serde_json::Value;

use super::settings::{Sender, Sms};
use crate::{Failure, Job, Limits, Retry};

/// The limits of a connection: pictures go out only where an administrator has asked for that.
pub(super) fn limits_by(settings: &Value, limits: Limits) -> Limits {
    let media = if is_on(settings) == Ok(true) { limits.media } else { 0 };
    Limits { media, ..limits }
}

/// Whether pictures are sent.
///
/// # Errors
/// A sentence that names the setting.
pub(super) fn is_on(settings: &Value) -> Result<bool, String> {
    match settings.get("pictures") {
        None | Some(Value::Null) => Ok(false),
        Some(Value::String(asked)) if asked.trim().is_empty() => Ok(false),
        Some(Value::String(asked)) if asked.trim() == "on" => Ok(true),
        Some(_) => Err("the setting pictures: write on, or leave it empty".to_owned()),
    }
}

/// Whether Twilio sends pictures from that sender to all of these numbers, as far as they tell it: by the country of their
/// numbers, which is 1.
///
/// # Errors
/// A sentence that names the setting, and no number.
pub(super) fn reaches(sender: &Sender, to: &[String]) -> Result<(), String> {
    let abroad = |number: &str| number.starts_with('+') && !number.starts_with("+1");
    let is_name = |from: &str| from.chars().any(|c| c.is_ascii_alphabetic());
    if let Sender::From(from) = sender
        && (abroad(from) || is_name(from))
    {
        return Err("the setting pictures: Twilio sends pictures only from a number of the United States or Canada; change \
             the setting from, or leave pictures empty"
            .to_owned());
    }
    match to.iter().position(|number| abroad(number)) {
        Some(n) => Err(format!(
            "the setting pictures: Twilio sends pictures only to numbers of the United States and Canada, and entry {} of \
             the setting to is another one; give it a channel of its own, or leave pictures empty",
            n + 1
        )),
        None => Ok(()),
    }
}

/// What of the addresses nobody may read in an answer: whoever has one can fetch the picture.
pub(super) fn secrets(job: &Job) -> Vec<&str> {
    job.media_urls.iter().filter_map(|url| url.rsplit('/').next()).filter(|last| !last.is_empty()).collect()
}

const OFF: &str = "the channel sends no pictures by now; set pictures=on, or send the post without them";
const UNREACHED: &str = "Twilio fetches pictures from this service, whose address (public_url) is not reached from the internet; \
     give it an https address, or send the post without pictures";

impl Sms {
    /// Where the pictures of a post are.
    ///
    /// # Errors
    /// Why it does not go out.
    pub(super) fn addresses_of<'a>(&self, job: &'a Job) -> Result<&'a [String], Failure> {
        let pictures = &job.rendition.media;
        if pictures.is_empty() {
            return Ok(&[]);
        }
        if !self.pictures {
            return Err(Failure::never(OFF));
        }
        if !self.is_fetched {
            return Err(Failure::never(UNREACHED));
        }
        // What was approved goes out whole or not at all.
        if job.media_urls.len() != pictures.len() {
            let reason = "the addresses of the pictures are missing".to_owned();
            return Err(Failure::Rejected { reason, retry: Retry::Backoff });
        }
        Ok(&job.media_urls)
    }
}
