//! What the answers of a mail server mean (RFC 5321, section 4.2).

use lettre::transport::smtp::{Error, response::Response};

use crate::{Failure, Retry};

/// Who does not get the message, with the server's words.
#[derive(Default)]
pub(crate) struct Refusals {
    /// The server asks to come back later (4yz), for example because of greylisting.
    pub for_now: Vec<String>,
    /// The server will never take it (5yz).
    pub for_good: Vec<String>,
}

impl Refusals {
    /// What a person must know and do.
    pub fn note(&self) -> Option<String> {
        let mut parts = Vec::new();
        if !self.for_now.is_empty() {
            parts.push(format!(
                "NOT delivered to {} for now, and not tried again: the message went out to the others. \
                 Write to them yourself",
                self.for_now.join(", ")
            ));
        }
        if !self.for_good.is_empty() {
            parts.push(format!(
                "NOT delivered to {}: refused for good. Correct the address or remove it from the channel",
                self.for_good.join(", ")
            ));
        }
        (!parts.is_empty()).then(|| parts.join(". "))
    }
}

/// Why, in one line without control characters: the server's own words are hostile.
pub(crate) fn words(e: &Error) -> String {
    let mut text = e.to_string();
    let mut cause = std::error::Error::source(e);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect()
}

/// Nothing has left yet; another try is worth it.
pub(crate) fn unsent(reason: &str) -> Failure {
    Failure::Rejected { reason: reason.to_owned(), retry: Retry::Backoff }
}

/// A refusal in answer to a command: for now (4yz) or for good (5yz); a lost connection is for now.
pub(crate) fn refused(what: &str, e: &Error) -> Failure {
    let retry = if e.is_permanent() { Retry::Never } else { Retry::Backoff };
    Failure::Rejected { reason: format!("{what}: {}", words(e)), retry }
}

/// What became of the message once it was sent.
pub(crate) fn answered(result: Result<Response, Error>) -> Result<(), Failure> {
    match result {
        Ok(_) => Ok(()),
        Err(e) if e.status().is_some() => Err(refused("the mail server refuses the message", &e)),
        Err(e) => Err(Failure::InDoubt { reason: words(&e) }),
    }
}
