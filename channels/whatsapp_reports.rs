//! What WhatsApp says later of a message: the webhook of its statuses. Pure.
//!
//! Facts: Meta's pages `docs/graph-api/webhooks/getting-started` (the question before the first call; `X-Hub-Signature-256`, an
//! HMAC-SHA256 of the body by the app secret; what is not answered with 200 is sent again) and, below
//! <https://developers.facebook.com/documentation/business-messaging/whatsapp/>, `webhooks/reference/messages/status`
//! (`statuses` with `id`, `status`, `errors` and `biz_opaque_callback_data`, the name that the message was sent with). Statuses
//! come twice and in any order; one phone of a recipient may fail and another get it.
//!
//! The credential holds the app secret and the verify token after the access token. Without them nothing is believed.

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;

use super::answers;
use crate::ledger::{Fate, Named, Word};

/// Most bytes of one call: Meta sends 3 MB at most.
pub const MOST_BYTES: usize = 3 << 20;

const CREDENTIAL: &str = "the credential: write the access token; and, to be told what becomes of messages, after it the \
    app secret and a verify token of your own of 16 characters or more, with blanks between";

/// What Meta proves itself with.
pub struct Keys {
    app_secret: SecretString,
    verify_token: SecretString,
}

/// The access token, and what Meta proves itself with, if that is given.
///
/// # Errors
/// A sentence that repeats nothing of it.
pub(super) fn parted(credential: &SecretString) -> Result<(SecretString, Option<Keys>), String> {
    let parts: Vec<&str> = credential.expose_secret().split_whitespace().collect();
    match parts.as_slice() {
        [] => Ok((String::new().into(), None)),
        [token] => Ok(((*token).into(), None)),
        [token, secret, verify] if secret.len() >= 16 && verify.len() >= 16 => {
            Ok(((*token).into(), Some(Keys { app_secret: (*secret).into(), verify_token: (*verify).into() })))
        }
        _ => Err(CREDENTIAL.to_owned()),
    }
}

/// What Meta proves itself with on a channel with that credential; nothing: its calls are not believed.
pub fn keys(credential: &SecretString) -> Option<Keys> {
    parted(credential).ok()?.1
}

impl Keys {
    /// Whether Meta signed this body so.
    pub fn signed(&self, signature: &str, body: &[u8]) -> bool {
        let told = signature.strip_prefix("sha256=").and_then(|told| hex::decode(told).ok());
        told.is_some_and(|told| {
            mac(&self.app_secret, body).is_some_and(|mac| mac.verify_slice(&told).is_ok())
        })
    }

    /// Whether it is the verify token that was typed here. The time it takes tells nothing of how much is right.
    pub fn confirms(&self, token: &str) -> bool {
        is_same(&self.verify_token, token)
    }

    /// Whether both are of one app.
    pub fn is_of(&self, other: &Self) -> bool {
        is_same(&self.app_secret, other.app_secret.expose_secret())
    }
}

fn mac(key: &SecretString, bytes: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()).ok()?;
    mac.update(bytes);
    Some(mac)
}

fn is_same(secret: &SecretString, told: &str) -> bool {
    let own = mac(secret, secret.expose_secret().as_bytes()).map(|mac| mac.finalize().into_bytes());
    own.zip(mac(secret, told.as_bytes())).is_some_and(|(own, told)| told.verify(&own).is_ok())
}

/// What Meta says of one message, and by which number it was sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// The id of the number.
    pub number: String,
    pub word: Word,
}

#[derive(Deserialize)]
struct Call {
    #[serde(default)]
    entry: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    changes: Vec<Change>,
}

#[derive(Deserialize)]
struct Change {
    #[serde(default)]
    value: serde_json::Value,
}

#[derive(Deserialize)]
struct Value {
    messaging_product: String,
    metadata: Metadata,
    #[serde(default)]
    statuses: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Metadata {
    phone_number_id: String,
}

#[derive(Deserialize)]
struct Status {
    id: String,
    status: String,
    biz_opaque_callback_data: String,
    #[serde(default)]
    errors: Vec<Error>,
}

#[derive(Deserialize)]
struct Error {
    code: i64,
}

/// What a call says of messages that were sent with a name of ours. Whatever else it says, and what cannot be read, is left out.
pub fn read(body: &[u8]) -> Vec<Told> {
    let Ok(call) = serde_json::from_slice::<Call>(body) else { return Vec::new() };
    let values = call.entry.into_iter().flat_map(|entry| entry.changes);
    let values = values.filter_map(|change| serde_json::from_value::<Value>(change.value).ok());
    let of_number = |value: Value| {
        let number = value.metadata.phone_number_id;
        let statuses =
            value.statuses.into_iter().filter_map(|status| word(serde_json::from_value(status).ok()?));
        statuses.map(move |word| Told { number: number.clone(), word })
    };
    values.filter(|value| value.messaging_product == "whatsapp").flat_map(of_number).collect()
}

fn word(status: Status) -> Option<Word> {
    let fate = match status.status.as_str() {
        "sent" => Fate::Taken,
        "delivered" | "read" | "played" => Fate::Arrived,
        "failed" => Fate::Failed(answers::why(status.errors.first().map_or(0, |error| error.code))),
        _ => return None,
    };
    let of = Named::read(&status.biz_opaque_callback_data)?;
    super::is_message(&status.id).then_some(Word { of, message: status.id, fate })
}

#[cfg(test)]
#[path = "whatsapp_reports_tests.rs"]
mod tests;
