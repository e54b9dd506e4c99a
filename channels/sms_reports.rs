//! What Twilio says later of a message: its status callbacks. Pure.
//!
//! Facts: <https://www.twilio.com/docs/usage/webhooks/webhooks-security> (`X-Twilio-Signature`: HMAC-SHA1 of the whole address,
//! then of each parameter of the form by name, in base64, by the account's token, also where an API key asked; what a rule of
//! the account signs otherwise is not believed), and below <https://www.twilio.com/docs/messaging/guides/> the pages
//! `track-outbound-message-status` and `outbound-message-status-in-status-callbacks`. Calls come in any order, and a call that
//! is not answered is not made again for long.
//!
//! The address holds the name of the message ([`Named`]), so the signature binds both.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::Sha1;
use url::{Url, form_urlencoded};

use super::answers;
use super::settings::{is_sid, parted};
use crate::ledger::{Fate, Named, Word};

/// Most bytes of one call.
pub const MOST_BYTES: usize = 64 << 10;

/// Where Twilio is to call about a message, below our own address.
pub fn address(own: &str, of: &Named) -> String {
    format!("{}/api/v1/reports/sms/{of}", own.trim_end_matches('/'))
}

/// Whether Twilio takes that address: names with an underscore are refused (error 21609).
pub(super) fn is_taken(own: &Url) -> bool {
    own.host_str().is_some_and(|host| !host.contains('_'))
}

/// The account's token, with which Twilio signs; nothing: its calls are not believed.
pub fn key(account: &str, credential: &SecretString) -> Option<SecretString> {
    parted(account, credential.expose_secret()).ok()?.signs
}

/// The fields of a call, as they came.
pub fn form(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}

/// Whether Twilio signed this so, for a call to that address. Twilio's own libraries also take the address with and without
/// the port.
pub fn signed(key: &SecretString, signature: &str, address: &str, form: &[(String, String)]) -> bool {
    let Ok(told) = STANDARD.decode(signature) else { return false };
    let mut fields: Vec<&(String, String)> = form.iter().collect();
    fields.sort();
    let is_it = |address: String| {
        let mut mac = Hmac::<Sha1>::new_from_slice(key.expose_secret().as_bytes()).ok()?;
        mac.update(address.as_bytes());
        for (name, value) in &fields {
            mac.update(name.as_bytes());
            mac.update(value.as_bytes());
        }
        mac.verify_slice(&told).ok()
    };
    written(address).into_iter().filter_map(is_it).next().is_some()
}

/// The address as it may have been signed.
fn written(address: &str) -> Vec<String> {
    let mut all = vec![address.to_owned()];
    if let Ok(url) = Url::parse(address)
        && let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default())
    {
        all.push(format!("{}://{host}{}", url.scheme(), url.path()));
        all.push(format!("{}://{host}:{port}{}", url.scheme(), url.path()));
    }
    all
}

/// What a call of that account says of the message of that name; nothing: it is about another account, or says nothing that
/// counts.
pub fn read(account: &str, of: Named, form: &[(String, String)]) -> Option<Word> {
    let field = |name: &str| form.iter().find(|(n, _)| n == name).map_or("", |(_, value)| value.as_str());
    let message = field("MessageSid");
    if field("AccountSid") != account || !is_sid(message, &["SM", "MM"]) {
        return None;
    }
    let fate = match field("MessageStatus") {
        "accepted" | "queued" | "sending" | "sent" => Fate::Taken,
        "delivered" | "read" => Fate::Arrived,
        "canceled" => Fate::Failed(answers::CANCELLED.to_owned()),
        "undelivered" | "failed" => {
            Fate::Failed(answers::why_coded(field("ErrorCode").parse().unwrap_or_default()))
        }
        _ => return None,
    };
    Some(Word { of, message: message.to_owned(), fate })
}

#[cfg(test)]
#[path = "sms_reports_tests.rs"]
mod tests;
