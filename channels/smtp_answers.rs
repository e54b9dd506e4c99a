//! What the answers of a mail server mean (RFC 5321, section 4.2).

use lettre::transport::smtp::{Error, response::Response};

use crate::{Failure, Retry};

/// Why somebody does not get the message, as far as the server tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bounce {
    /// The server asks to come back later (4yz), for example because of greylisting.
    Later,
    /// It was put off until a server on the way gave up.
    Late,
    /// There is no such mailbox, or it is closed.
    Address,
    /// The mailbox is full.
    Full,
    /// The message is too large for it.
    Size,
    /// The receiving side takes nothing from this sender, or nothing like this.
    Policy,
    /// For good (5yz), for another reason.
    Final,
}

impl Bounce {
    /// By the enhanced status code in the server's words, where there is one (RFC 3463, section 2).
    pub(crate) fn of(is_transient: bool, words: &str) -> Self {
        let number = |part: Option<&str>| part.and_then(|p| p.parse::<u16>().ok());
        let code = |word: &str| {
            let mut parts = word.split('.');
            let (class, subject, detail) = (parts.next(), number(parts.next()), number(parts.next()));
            let known = class.is_some_and(|c| c == "5") && parts.next().is_none();
            subject.zip(detail).filter(|_| known)
        };
        match words.split([' ', '-']).find_map(code) {
            _ if is_transient => Self::Later,
            Some((subject, detail)) => Self::by_status(subject, detail),
            None => Self::Final,
        }
    }

    /// By subject and detail of the status code of a permanent failure (RFC 3463, section 3).
    pub(crate) fn by_status(subject: u16, detail: u16) -> Self {
        match (subject, detail) {
            (1, _) | (2, 0 | 1) => Self::Address,
            (2, 2) => Self::Full,
            (2, 3) | (3, 4) => Self::Size,
            (7, _) => Self::Policy,
            _ => Self::Final,
        }
    }

    /// What a person must know and do.
    pub(crate) fn says(self) -> &'static str {
        match self {
            Self::Late => "their server did not take it in time. Write to them yourself",
            Self::Later => {
                "their server asked to come back later, and did so each time. Write to them yourself"
            }
            Self::Address => "the mailbox does not exist. Correct the address or remove it from the channel",
            Self::Full => "the mailbox is full. Reach them another way",
            Self::Size => "the message is too large there. Write a shorter one",
            Self::Policy => {
                "their server does not take it from this sender. Ask its postmaster to let it through"
            }
            Self::Final => "refused for good. Correct the address or remove it from the channel",
        }
    }
}

/// Said when nobody is taken.
pub(crate) const NOBODY: &str = "the mail server refuses every recipient";

/// Why somebody does not get the message: what to do, and the server's words.
pub(crate) fn bounced(e: &Error) -> String {
    let words = words(e);
    format!("{} ({words})", Bounce::of(e.is_transient(), &words).says())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_by_its_reason() {
        let of = |words: &str| Bounce::of(false, words);
        assert_eq!(of("permanent error (550): 5.1.1 no such mailbox"), Bounce::Address);
        assert_eq!(of("permanent error (550): 5.2.1 closed"), Bounce::Address);
        assert_eq!(of("permanent error (552): 5.2.2 full"), Bounce::Full);
        assert_eq!(of("permanent error (552): 5.3.4 too big"), Bounce::Size);
        assert_eq!(of("permanent error (550): 5.7.26 unauthenticated"), Bounce::Policy);
        assert_eq!(of("permanent error (550): 5.7.1-go away"), Bounce::Policy);
        for other in ["permanent error (550): no", "see 5.1", "version 5.1.1.2", "10.1.1 5.x.1", ""] {
            assert_eq!(of(other), Bounce::Final, "{other}");
        }
        assert_eq!(Bounce::of(true, "4.2.2 full"), Bounce::Later);
    }
}
