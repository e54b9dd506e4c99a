//! The only HTTP client: no redirects, no retries of its own, bounded answers, no private
//! addresses unless they are configured, and content that is pulled through the gate.

use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::{Host, Url};

use crate::gate::{Closed, Pass};

/// What outgoing requests may do.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Private networks that may be reached; none by default.
    pub allow_private: Vec<IpNet>,
    /// For the whole request.
    pub timeout: Duration,
    /// Most bytes of an answer.
    pub body_cap: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self { allow_private: Vec::new(), timeout: Duration::from_secs(20), body_cap: 4 << 20 }
    }
}

/// The shared client.
#[derive(Debug, Clone)]
pub struct Http {
    client: reqwest::Client,
    policy: Policy,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The gate was closed: no byte of content left.
    #[error("{0}")]
    Closed(Closed),
    /// Provably no effect: no connection, or an address that may not be reached.
    #[error("{0}")]
    NotSent(String),
    /// Bytes may have left, and no full answer came.
    #[error("{0}")]
    Lost(String),
}

/// A request under construction.
#[derive(Debug, Clone)]
pub struct Request {
    method: reqwest::Method,
    url: String,
    headers: Vec<(String, SecretString)>,
    body: Vec<u8>,
}

impl Request {
    fn new(method: reqwest::Method, url: &str) -> Self {
        Self { method, url: url.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(url: &str) -> Self {
        Self::new(reqwest::Method::GET, url)
    }

    pub fn post(url: &str) -> Self {
        Self::new(reqwest::Method::POST, url)
    }

    pub fn put(url: &str) -> Self {
        Self::new(reqwest::Method::PUT, url)
    }

    pub fn patch(url: &str) -> Self {
        Self::new(reqwest::Method::PATCH, url)
    }

    pub fn delete(url: &str) -> Self {
        Self::new(reqwest::Method::DELETE, url)
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned().into()));
        self
    }

    #[must_use]
    pub fn bearer(mut self, token: &SecretString) -> Self {
        self.headers.push(("authorization".into(), format!("Bearer {}", token.expose_secret()).into()));
        self
    }

    #[must_use]
    pub fn basic(mut self, user: &str, password: &SecretString) -> Self {
        let pair = format!("{user}:{}", password.expose_secret());
        let value = base64::engine::general_purpose::STANDARD.encode(pair);
        self.headers.push(("authorization".into(), format!("Basic {value}").into()));
        self
    }

    #[must_use]
    pub fn json(self, value: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(value).unwrap_or_default();
        self.body("application/json", bytes)
    }

    #[must_use]
    pub fn body(mut self, mime: &str, bytes: Vec<u8>) -> Self {
        self.body = bytes;
        self.header("content-type", mime)
    }
}

/// A full answer.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Bytes,
    headers: HeaderMap,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// # Errors
    /// When the body is not the JSON that was expected; the body itself is not repeated.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, String> {
        serde_json::from_slice(&self.body).map_err(|e| format!("the answer is not the JSON expected: {e}"))
    }

    /// `Retry-After` in seconds, or as a date (RFC 9110 section 10.2.3) against the answer's `Date`.
    pub fn retry_after(&self) -> Option<Duration> {
        let value = self.header("retry-after")?;
        if let Ok(seconds) = value.trim().parse::<u64>() {
            return Some(Duration::from_secs(seconds.min(86_400)));
        }
        let at = chrono::DateTime::parse_from_rfc2822(value).ok()?;
        let now = chrono::DateTime::parse_from_rfc2822(self.header("date")?).ok()?;
        (at - now).to_std().ok()
    }
}

impl Http {
    /// # Errors
    /// When the TLS roots of the system cannot be used.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that builds a client")]
    pub fn new(policy: Policy) -> Result<Self, String> {
        let resolver = Filtered { allow: Arc::new(policy.allow_private.clone()) };
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(Duration::from_secs(5).min(policy.timeout))
            .timeout(policy.timeout)
            .dns_resolver(resolver)
            .user_agent(concat!("holdline/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| format!("cannot build the HTTP client: {e}"))?;
        Ok(Self { client, policy })
    }

    /// A request without content: a read, a log-in, a delete.
    ///
    /// # Errors
    /// [`Trouble`]; [`Trouble::Lost`] when the request may have arrived.
    pub async fn call(&self, request: Request) -> Result<Answer, Trouble> {
        let body = reqwest::Body::from(request.body.clone());
        self.run(request, body, |_| None).await
    }

    /// A request with content: its body is pulled through the gate.
    ///
    /// # Errors
    /// [`Trouble`], which says what can have happened.
    pub async fn send(&self, request: Request, pass: &Pass) -> Result<Answer, Trouble> {
        let progress = Arc::new(Progress::default());
        let body = Gated {
            pass: pass.clone(),
            bytes: Some(Bytes::from(request.body.clone())),
            progress: Arc::clone(&progress),
        };
        let polled = Arc::clone(&progress);
        let result = self
            .run(request, reqwest::Body::wrap(body), move |e: &reqwest::Error| {
                if let Some(closed) = polled.closed() {
                    return Some(Trouble::Closed(closed));
                }
                (!polled.begun()).then(|| Trouble::NotSent(words(e)))
            })
            .await;
        // A request without content never asks for a body: it has passed no gate.
        match result {
            Ok(_) if !progress.begun() => Err(Trouble::Lost("the content was never asked for".into())),
            other => other,
        }
    }

    async fn run(
        &self,
        request: Request,
        body: reqwest::Body,
        judge: impl Fn(&reqwest::Error) -> Option<Trouble>,
    ) -> Result<Answer, Trouble> {
        let url = self.check(&request.url).map_err(Trouble::NotSent)?;
        let mut headers = HeaderMap::new();
        for (name, value) in &request.headers {
            let bad = || Trouble::NotSent(format!("the header {name} cannot be sent"));
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            let mut value = HeaderValue::from_str(value.expose_secret()).map_err(|_| bad())?;
            value.set_sensitive(name == "authorization");
            headers.insert(name, value);
        }
        let sent = self.client.request(request.method, url).headers(headers).body(body).send().await;
        let mut response = sent.map_err(|e| {
            judge(&e).unwrap_or_else(|| {
                if e.is_connect() { Trouble::NotSent(words(&e)) } else { Trouble::Lost(words(&e)) }
            })
        })?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|e| Trouble::Lost(words(&e)))? {
            if bytes.len() + chunk.len() > self.policy.body_cap {
                return Err(Trouble::Lost(format!(
                    "the answer is longer than {} bytes",
                    self.policy.body_cap
                )));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body: bytes.into(), headers })
    }

    /// Whether the address may be asked: `https`, or `http` inside the networks that are allowed.
    ///
    /// # Errors
    /// A sentence with the remedy; it repeats the host only.
    pub fn check(&self, url: &str) -> Result<Url, String> {
        let url = Url::parse(url).map_err(|_| "the address is not a URL".to_owned())?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the address must not carry a user or password".into());
        }
        let host = url.host().ok_or("the address has no host")?;
        let ip = match host {
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
            Host::Domain(_) => None,
        };
        if let Some(ip) = ip
            && !reachable(ip, &self.policy.allow_private)
        {
            return Err(format!("{ip} is a private address; add its network to allow_private to reach it"));
        }
        let inside = ip.is_some_and(is_private) || matches!(host, Host::Domain("localhost"));
        match url.scheme() {
            "https" => Ok(url),
            "http" if inside && !self.policy.allow_private.is_empty() => Ok(url),
            _ => Err(format!("{host}: use https; http is for networks in allow_private only")),
        }
    }

    /// The networks that may be reached besides the public ones.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }
}

/// Whether an address may be connected to.
pub fn reachable(ip: IpAddr, allow: &[IpNet]) -> bool {
    let ip = ip.to_canonical();
    allow.iter().any(|net| net.contains(&ip)) || !is_private(ip)
}

/// Addresses that are not on the public internet (RFC 6890 and its registry).
fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.is_documentation()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b))
        }
        IpAddr::V6(v6) => {
            let s = v6.segments();
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || (s[0] & 0xfe00) == 0xfc00
                || (s[0] & 0xffc0) == 0xfe80
                || (s[0] == 0x2001 && s[1] == 0xdb8)
                || (s[0] == 0x64 && s[1] == 0xff9b)
                || s[0] == 0x2002
        }
    }
}

/// Resolves names and drops the addresses that may not be reached.
struct Filtered {
    allow: Arc<Vec<IpNet>>,
}

impl Resolve for Filtered {
    fn resolve(&self, name: Name) -> Resolving {
        let allow = Arc::clone(&self.allow);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let good: Vec<SocketAddr> = found.filter(|a| reachable(a.ip(), &allow)).collect();
            if good.is_empty() {
                return Err("the name leads to private addresses only; see allow_private".into());
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

/// What the body of a request has come to.
#[derive(Default)]
struct Progress {
    begun: AtomicBool,
    closed: Mutex<Option<Closed>>,
}

impl Progress {
    fn begun(&self) -> bool {
        self.begun.load(Ordering::SeqCst)
    }

    fn closed(&self) -> Option<Closed> {
        self.closed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// A body of known size whose first poll passes the gate.
struct Gated {
    pass: Pass,
    bytes: Option<Bytes>,
    progress: Arc<Progress>,
}

impl Body for Gated {
    type Data = Bytes;
    type Error = Closed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Closed>>> {
        let Some(bytes) = self.bytes.take() else { return Poll::Ready(None) };
        if let Err(closed) = self.pass.begin() {
            *self.progress.closed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) =
                Some(closed.clone());
            return Poll::Ready(Some(Err(closed)));
        }
        self.progress.begun.store(true, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |b| b.len() as u64))
    }
}

/// The cause in words, without the URL: it may carry secrets.
fn words(e: &reqwest::Error) -> String {
    let host = e.url().and_then(|u| u.host_str()).unwrap_or("the server").to_owned();
    let mut cause = std::error::Error::source(e);
    while let Some(next) = cause.and_then(std::error::Error::source) {
        cause = Some(next);
    }
    let what = match cause {
        _ if e.is_timeout() => "no answer in time".to_owned(),
        Some(cause) => cause.to_string(),
        None => "the request failed".to_owned(),
    };
    format!("{host}: {what}")
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::gate::Gate;

    fn http() -> Http {
        let policy = Policy { allow_private: vec!["127.0.0.0/8".parse().unwrap()], ..Policy::default() };
        Http::new(policy).unwrap()
    }

    /// Answers one connection with `answer` after a full request; returns what arrived.
    async fn server(answer: &'static [u8]) -> (String, tokio::task::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/posts?token=planted-secret", listener.local_addr().unwrap());
        let seen = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (mut got, mut buffer) = (Vec::new(), [0; 4096]);
            while !got.ends_with(b"content!") {
                match socket.read(&mut buffer).await {
                    Ok(n) if n > 0 => got.extend_from_slice(&buffer[..n]),
                    _ => return got,
                }
            }
            let _ = socket.write_all(answer).await;
            got
        });
        (url, seen)
    }

    fn post(url: &str) -> Request {
        Request::post(url).body("text/plain", b"content!".to_vec()).bearer(&"planted-token".to_owned().into())
    }

    #[tokio::test]
    async fn an_open_gate_sends_a_body_of_known_length() {
        let (url, seen) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
        let answer = http().send(post(&url), &Pass::open_for_tests()).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (200, &b"ok"[..]));
        let seen = String::from_utf8(seen.await.unwrap()).unwrap();
        assert!(seen.contains("content-length: 8") && !seen.contains("chunked"), "{seen}");
    }

    #[tokio::test]
    async fn a_closed_gate_lets_no_byte_of_content_leave() {
        let (url, seen) = server(b"").await;
        let gate = Gate::<()>::closed(Duration::from_secs(9));
        let pass = gate.admit("a", ());
        let trouble = http().send(post(&url), &pass).await.unwrap_err();
        assert!(matches!(trouble, Trouble::Closed(Closed::Node(_))), "{trouble:?}");
        let seen = tokio::time::timeout(Duration::from_secs(2), seen).await.unwrap().unwrap();
        assert!(!String::from_utf8_lossy(&seen).contains("content!"));
    }

    #[tokio::test]
    async fn what_can_have_happened_is_told_apart() {
        let cut_before_status = server(b"").await.0;
        let cut_in_body = server(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok").await.0;
        for url in [cut_before_status, cut_in_body] {
            let trouble = http().send(post(&url), &Pass::open_for_tests()).await.unwrap_err();
            assert!(matches!(trouble, Trouble::Lost(_)), "{trouble:?}");
            assert!(!format!("{trouble:?} {trouble}").contains("planted"), "{trouble:?}");
        }
        let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let url = format!("http://{nobody}/planted");
        let trouble = http().send(post(&url), &Pass::open_for_tests()).await.unwrap_err();
        assert!(matches!(&trouble, Trouble::NotSent(w) if !w.contains("planted")), "{trouble:?}");
    }

    #[tokio::test]
    async fn redirects_are_not_followed() {
        let (url, _) =
            server(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n").await;
        assert_eq!(http().send(post(&url), &Pass::open_for_tests()).await.unwrap().status, 302);
    }

    #[test]
    fn private_addresses_are_refused_unless_allowed() {
        let plain = Http::new(Policy::default()).unwrap();
        for url in [
            "http://127.0.0.1/",
            "https://10.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/",
            "https://100.64.0.1/",
            "http://example.org/",
            "https://a:b@example.org/",
        ] {
            assert!(plain.check(url).is_err(), "{url}");
        }
        assert!(plain.check("https://example.org/").is_ok());
        assert!(http().check("http://127.0.0.1/").is_ok());
        assert!(http().check("https://10.0.0.1/").is_err());
    }
}
