//! What is asked of a server, and what it answered. Neither prints its secrets.

use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::http::Method;
use crate::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use crate::{Failure, Retry, text};

/// The longest wait that a server can impose, so that a faulty one silences no channel for ever.
pub(crate) const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// How far the clocks of this service's nodes, of a network's web site and of its database may differ, where
/// posts are looked for from a time on.
pub(crate) const SLACK: TimeDelta = TimeDelta::seconds(60);

/// What was asked for, for the words of a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    Post,
    Ask,
    TakeDown,
    Pin,
    Revise,
}

impl Doing {
    /// What the network of that name does when it refuses.
    pub(crate) fn refusal(self, title: &str) -> String {
        match self {
            Self::Post => format!("{title} refuses the post"),
            Self::Ask => format!("{title} refuses the question"),
            Self::TakeDown => format!("{title} does not take the post down"),
            Self::Pin => format!("{title} does not pin the post"),
            Self::Revise => format!("{title} does not change the post"),
        }
    }
}

/// A request. A fault in a part of it comes out as "not sent".
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Option<Bytes>,
    pub(crate) fault: Option<String>,
    /// Most bytes of the answer, where that is more than others may have.
    pub(crate) most: Option<usize>,
    /// Whether it takes longer the more it carries.
    pub(crate) is_paced: bool,
}

impl Request {
    /// A read.
    pub fn get(url: &str) -> Self {
        Self::new(Method::GET, url)
    }

    /// A POST; add a body.
    pub fn post(url: &str) -> Self {
        Self::new(Method::POST, url)
    }

    /// A PUT; add a body.
    pub fn put(url: &str) -> Self {
        Self::new(Method::PUT, url)
    }

    /// A PATCH; add a body.
    pub fn patch(url: &str) -> Self {
        Self::new(Method::PATCH, url)
    }

    /// A removal.
    pub fn delete(url: &str) -> Self {
        Self::new(Method::DELETE, url)
    }

    fn new(method: Method, url: &str) -> Self {
        Self {
            method,
            url: url.to_owned(),
            headers: HeaderMap::new(),
            content: None,
            fault: None,
            most: None,
            is_paced: false,
        }
    }

    /// Takes an answer of so many bytes, also where the client takes fewer.
    #[must_use]
    pub(crate) fn most(self, bytes: usize) -> Self {
        Self { most: Some(bytes), ..self }
    }

    /// Takes longer the more it carries: a slow line takes its time for pictures, and what is cut off in the middle
    /// is a doubt.
    #[must_use]
    pub(crate) fn paced(self) -> Self {
        Self { is_paced: true, ..self }
    }

    /// Sets a header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.set(name, HeaderValue::from_str(value).ok(), false)
    }

    /// Authorises with a bearer token.
    #[must_use]
    pub fn bearer(self, token: &SecretString) -> Self {
        self.authorised("Bearer", token)
    }

    /// Authorises with a token of any scheme.
    #[must_use]
    pub fn authorised(self, scheme: &str, token: &SecretString) -> Self {
        let value = HeaderValue::from_str(&format!("{scheme} {}", token.expose_secret()));
        self.set("authorization", value.ok(), true)
    }

    /// Authorises with a token that stands alone in its header.
    #[must_use]
    pub fn keyed(self, token: &SecretString) -> Self {
        let value = HeaderValue::from_str(token.expose_secret());
        self.set("authorization", value.ok(), true)
    }

    /// Authorises with a user name and password.
    #[must_use]
    pub fn basic(self, user: &str, password: &SecretString) -> Self {
        let pair = format!("{user}:{}", password.expose_secret());
        let pair = base64::engine::general_purpose::STANDARD.encode(pair);
        self.set("authorization", HeaderValue::from_str(&format!("Basic {pair}")).ok(), true)
    }

    /// Sets a JSON body.
    #[must_use]
    pub fn json(mut self, content: &impl Serialize) -> Self {
        match serde_json::to_vec(content) {
            Ok(bytes) => self.body("application/json", bytes),
            Err(_) => {
                self.fault = Some("the content cannot be written as JSON".to_owned());
                self
            }
        }
    }

    /// Sets a body of any type.
    #[must_use]
    pub fn body(mut self, mime: &str, bytes: Vec<u8>) -> Self {
        self.content = Some(bytes.into());
        self.header("content-type", mime)
    }

    /// With the fields of a form.
    #[must_use]
    pub fn form(self, fields: &[(&str, &str)]) -> Self {
        let text = Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", text.into_bytes())
    }

    /// The method and host: all that error texts say of a request.
    pub(crate) fn subject(&self) -> String {
        let url = Url::parse(&self.url).ok();
        let host = url.as_ref().and_then(Url::host_str).unwrap_or("(no host)");
        format!("{} {host}", self.method)
    }

    fn set(mut self, name: &str, value: Option<HeaderValue>, sensitive: bool) -> Self {
        match (HeaderName::from_bytes(name.as_bytes()), value) {
            (Ok(name), Some(mut value)) => {
                value.set_sensitive(sensitive);
                self.headers.insert(name, value);
            }
            // The value may be a secret, so the fault names only the header.
            _ => self.fault = Some(format!("the header {name} holds a character that HTTP does not allow")),
        }
        self
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Request({})", self.subject())
    }
}

/// An answer, complete, with any status.
#[derive(Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Bytes,
    pub(crate) headers: HeaderMap,
}

impl Answer {
    /// Whether the status is 2xx.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// A header of the answer, if it is plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// A sentence with the position of the fault and nothing of the body.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|error| {
            format!("the answer is not the expected JSON (line {}, column {})", error.line(), error.column())
        })
    }

    /// The server's own words in a field of its JSON, on one line, unless they could hold what must not be
    /// shown. The field is a pointer (`/error/message`), or a name at the top.
    pub(crate) fn words(&self, field: &str, secrets: &[&str]) -> Option<String> {
        let told: serde_json::Value = self.json().ok()?;
        let words = if field.starts_with('/') { told.pointer(field)? } else { &told[field] };
        let words = words.as_str()?.trim();
        let safe = !words.is_empty()
            && !secrets.iter().any(|secret| words.contains(secret))
            && text::hidden(words, false).is_none();
        safe.then(|| words.chars().take(200).collect())
    }

    /// What a refusal means, in our words and in the server's.
    pub(crate) fn refused(&self, what: &str, words: Option<&str>) -> String {
        let status = self.status;
        words
            .map_or_else(|| format!("{what} (status {status})"), |w| format!("{what} (status {status}): {w}"))
    }

    /// A refusal without effect, in our words and in the server's.
    pub(crate) fn rejected(&self, what: &str, words: Option<&str>, retry: Retry) -> Failure {
        Failure::Rejected { reason: self.refused(what, words), retry }
    }

    /// What an answer that does not accept means, where the network has no table of its own.
    ///
    /// Only a status that servers give before they act counts as a rejection.
    pub fn failure(&self) -> Failure {
        let status = self.status;
        let (reason, retry) = match status {
            401 | 403 => ("the credential is refused; connect the channel again", Retry::Reconnect),
            301 | 307 | 308 => ("the address has moved; change it in the settings", Retry::Reconnect),
            429 => ("the server asks us to wait", self.retry_after().map_or(Retry::Backoff, Retry::After)),
            400..=407 | 409..=499 => ("the server refuses the content", Retry::Never),
            _ => return Failure::InDoubt { reason: format!("the server answered {status}") },
        };
        Failure::Rejected { reason: format!("{reason} (status {status})"), retry }
    }

    /// The wait that the server asks for: seconds, or a date measured against the answer's own date.
    pub fn retry_after(&self) -> Option<Duration> {
        let text = self.header(header::RETRY_AFTER.as_str())?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(LONGEST_WAIT.min(Duration::from_secs(seconds)));
        }
        let until = DateTime::parse_from_rfc2822(text).ok()?;
        let now = DateTime::parse_from_rfc2822(self.header(header::DATE.as_str())?).ok()?;
        Some(LONGEST_WAIT.min((until - now).to_std().unwrap_or_default()))
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer(status {}, {} bytes)", self.status, self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(headers: &[(&'static str, &'static str)]) -> Answer {
        let headers =
            headers.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect();
        Answer { status: 429, body: Bytes::from_static(b"{\"token\":\"hunter2\""), headers }
    }

    #[test]
    fn the_wait_is_read_in_both_forms() {
        assert_eq!(answer(&[("retry-after", "7")]).retry_after(), Some(Duration::from_secs(7)));
        let date = ("date", "Sun, 06 Nov 1994 08:49:00 GMT");
        let later = ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(answer(&[date, later]).retry_after(), Some(Duration::from_secs(37)));
        assert_eq!(answer(&[("retry-after", "99999999")]).retry_after(), Some(LONGEST_WAIT));
        let earlier = ("retry-after", "Sun, 06 Nov 1994 08:48:37 GMT");
        assert_eq!(answer(&[date, earlier]).retry_after(), Some(Duration::ZERO));
        assert_eq!(answer(&[later]).retry_after(), None, "no date to measure against");
        assert_eq!(answer(&[("retry-after", "soon")]).retry_after(), None);
    }

    #[test]
    fn a_refusal_says_what_was_refused() {
        let all = [Doing::Post, Doing::Ask, Doing::TakeDown].map(|doing| doing.refusal("Slack"));
        let words = ["refuses the post", "refuses the question", "does not take the post down"];
        assert_eq!(all, words.map(|w| format!("Slack {w}")));
        let told = answer(&[]).rejected(&all[1], Some("no"), Retry::Never);
        let reason = "Slack refuses the question (status 429): no".to_owned();
        assert_eq!(told, Failure::Rejected { reason, retry: Retry::Never });
    }

    #[test]
    fn nothing_secret_is_printed() {
        let secret = SecretString::from("hunter2\n");
        let request = Request::post("https://example.org/a?key=hunter2").bearer(&secret).json(&"hunter2");
        assert!(request.fault.as_deref().is_some_and(|f| !f.contains("hunter2")));
        let answer = answer(&[("set-cookie", "hunter2")]);
        let error = answer.json::<String>().unwrap_err();
        assert!(!format!("{request:?} {answer:?} {error}").contains("hunter2"));
    }
}
