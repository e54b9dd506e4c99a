//! The only HTTP client.
//!
//! It never follows a redirect and never repeats a request. It reaches only addresses that the
//! [`Policy`] allows. Content is pulled through the gate: the client asks for the first body byte,
//! and only then the [`Pass`] is read. No error text holds a path, a query, a header or a body.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::address::{is_listed, is_public};
use crate::gate::{Closed, Pass};
use crate::wire::{Broken, Call, Wire, innermost, lost, not_sent};
use crate::{Ear, Failure, Retry};

pub use crate::message::{Answer, Request};
pub use reqwest::Method;
pub(crate) use reqwest::header;

#[path = "http_gated.rs"]
mod gated;

use gated::{Gated, Seen, Watch};

/// How long opening a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long an idle connection is kept. Shorter than what servers keep, so that a send seldom
/// meets a connection that the other side is closing, which would leave it in doubt.
const IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// How many bytes a second a line carries at least, where a request takes longer the more it carries.
const PACE: u64 = 256 << 10;

/// How long such a request takes at most: shorter than a sender waits for an attempt.
const LONGEST: Duration = Duration::from_secs(100);

/// The longest time for a request of so many bytes, where that for a short one is `least`.
fn paced(least: Duration, bytes: usize) -> Duration {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
    let more = Duration::from_millis(bytes.saturating_mul(1_000) / PACE);
    least.saturating_add(more).min(LONGEST.max(least))
}

/// Whether a request had no full answer because that was longer than the cap.
pub(crate) fn is_too_long(why: &str) -> bool {
    why.contains(": the answer is longer than ")
}

/// What outgoing requests may do.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Networks beyond the public internet that may be reached, also without TLS.
    pub allow_private: Vec<IpNet>,
    /// Whether the public internet may be reached at all, with TLS.
    pub public: bool,
    /// Longest time for one request, from its start to the last byte of the answer; one with many pictures has more.
    pub timeout: Duration,
    /// Most bytes of an answer's body, unless the request takes more.
    pub body_cap: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self { allow_private: Vec::new(), public: true, timeout: Duration::from_secs(20), body_cap: 4 << 20 }
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// The gate refused. No byte of content has left.
    #[error("{0}")]
    Closed(Closed),
    /// Provably no effect: the request was malformed, forbidden, or found no connection.
    #[error("{0}")]
    NotSent(String),
    /// The request may have arrived, and no full answer came.
    #[error("{0}")]
    Lost(String),
}

impl Trouble {
    /// What the trouble means for a publication. `partly`: an earlier request of it was accepted.
    pub fn failure(self, partly: bool) -> Failure {
        match self {
            Self::Closed(why) => Failure::Closed { why, partly },
            Self::NotSent(reason) => Failure::Rejected { reason, retry: Retry::Backoff },
            Self::Lost(reason) => Failure::InDoubt { reason },
        }
    }
}

/// The shared client.
#[derive(Debug, Clone)]
pub struct Http {
    /// For `https`: public addresses and the allowed networks.
    tls: reqwest::Client,
    /// For `http`: the allowed networks only.
    plain: reqwest::Client,
    policy: Policy,
    /// Of the channel that asks.
    ear: Option<Arc<Ear>>,
    /// In the place of the network.
    wire: Option<Arc<dyn Wire>>,
}

impl Http {
    /// Builds the client.
    ///
    /// # Errors
    /// A sentence, when TLS cannot be set up on this machine.
    pub fn new(policy: Policy) -> Result<Self, String> {
        Ok(Self {
            tls: client(&policy, true)?,
            plain: client(&policy, false)?,
            policy,
            ear: None,
            wire: None,
        })
    }

    /// The same client, whose answers that ear hears.
    #[must_use]
    pub fn heard_by(&self, ear: Arc<Ear>) -> Self {
        Self { ear: Some(ear), ..self.clone() }
    }

    /// The same client, in a simulation: its requests are carried by that wire, and reach no network.
    #[must_use]
    pub fn carried_by(&self, wire: Arc<dyn Wire>) -> Self {
        Self { wire: Some(wire), ..self.clone() }
    }

    /// Sends a request that carries no content: a read, a log-in, a delete.
    ///
    /// # Errors
    /// [`Trouble::NotSent`] or [`Trouble::Lost`].
    pub async fn call(&self, request: Request) -> Result<Answer, Trouble> {
        let cap = request.most.unwrap_or_default().max(self.policy.body_cap);
        let (subject, client, mut inner, content) = self.prepare(request)?;
        if let Some(bytes) = content {
            *inner.body_mut() = Some(reqwest::Body::from(bytes));
        }
        match self.execute(client, inner).await {
            Ok(response) => self.collect(&subject, cap, response).await,
            Err(error) if error.connecting => Err(not_sent(&subject, &error)),
            Err(error) => Err(lost(&subject, &error)),
        }
    }

    /// Sends a request that carries content. Its body is pulled through the gate.
    ///
    /// # Errors
    /// [`Trouble`], which says what can have happened.
    pub async fn send(&self, request: Request, pass: &Pass) -> Result<Answer, Trouble> {
        let (subject, client, mut inner, content) = self.prepare(request)?;
        let bytes = content.unwrap_or_default();
        let empty = bytes.is_empty();
        let watch = Watch(Arc::new(Mutex::new(Seen::Nothing)));
        if empty {
            // The client never asks for the bytes of an empty body, so the gate is read here.
            pass.begin().map_err(Trouble::Closed)?;
            inner.headers_mut().insert(header::CONTENT_LENGTH, 0.into());
        } else {
            let gated = Gated { bytes: Some(bytes), pass: pass.clone(), seen: Arc::clone(&watch.0) };
            *inner.body_mut() = Some(reqwest::Body::wrap(gated));
        }
        let error = match self.execute(client, inner).await {
            Ok(response) => return self.collect(&subject, self.policy.body_cap, response).await,
            Err(error) => error,
        };
        match watch.finish() {
            Seen::Closed(closed) => Err(Trouble::Closed(closed)),
            // The head leaves together with the first bytes of the body, so nothing has left.
            Seen::Nothing if !empty || error.connecting => Err(not_sent(&subject, &error)),
            _ => Err(lost(&subject, &error)),
        }
    }

    /// Opens a connection to the URL's host and closes it again, for checks that must not post.
    ///
    /// # Errors
    /// [`Trouble::NotSent`] with the reason.
    pub async fn reach(&self, url: &str) -> Result<(), Trouble> {
        let url = self.check(url).map_err(Trouble::NotSent)?;
        let host = url.host_str().unwrap_or_default();
        let fail = |reason: &str| Trouble::NotSent(format!("{host}: {reason}"));
        let port = url.port_or_known_default().unwrap_or(443);
        let found = self.addresses(host, port, url.scheme() == "https").await;
        let addresses = found.map_err(|reason| fail(&reason))?;
        let opening = tokio::net::TcpStream::connect(addresses.as_slice());
        match tokio::time::timeout(CONNECT_TIMEOUT, opening).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(fail(&format!("could not connect: {error}"))),
            Err(_) => Err(fail("could not connect within 5 s")),
        }
    }

    /// The addresses of a host that may be reached: with TLS the public ones and the allowed
    /// networks, without TLS the allowed networks only. For protocols other than HTTP.
    pub(crate) async fn addresses(
        &self,
        host: &str,
        port: u16,
        tls: bool,
    ) -> Result<Vec<SocketAddr>, String> {
        Filter::new(&self.policy, tls).lookup(host.trim_start_matches('[').trim_end_matches(']'), port).await
    }

    /// Whether an address may be asked: `https`, or `http` where only allowed networks answer.
    /// Names are judged again when they are resolved.
    ///
    /// # Errors
    /// A sentence with the remedy. It does not repeat the address.
    pub fn check(&self, url: &str) -> Result<Url, String> {
        let url = Url::parse(url).map_err(|why| format!("the URL cannot be read: {why}"))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("the URL must not hold a user name or password".to_owned());
        }
        let tls = match url.scheme() {
            "https" => true,
            "http" if self.policy.allow_private.is_empty() => return Err(PLAIN.to_owned()),
            "http" => false,
            _ => return Err("the URL must begin with https://".to_owned()),
        };
        let literal = match url.host() {
            Some(Host::Ipv4(v4)) => Some(v4.into()),
            Some(Host::Ipv6(v6)) => Some(v6.into()),
            Some(Host::Domain(_)) => None,
            None => return Err("the URL has no host".to_owned()),
        };
        let filter = Filter::new(&self.policy, tls);
        if literal.is_some_and(|address| !filter.allows(address)) {
            return Err(filter.refusal().to_owned());
        }
        Ok(url)
    }

    /// What this client may do.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    async fn execute(
        &self,
        client: &reqwest::Client,
        request: reqwest::Request,
    ) -> Result<reqwest::Response, Broken> {
        let Some(wire) = &self.wire else { return Ok(client.execute(request).await?) };
        let url = request.url().clone();
        wire.carry(Call::from(request)).await?.into_response(url)
    }

    fn prepare(
        &self,
        request: Request,
    ) -> Result<(String, &reqwest::Client, reqwest::Request, Option<Bytes>), Trouble> {
        let subject = request.subject();
        let fail = |why| Trouble::NotSent(format!("{subject}: {why}"));
        if let Some(fault) = request.fault {
            return Err(fail(fault));
        }
        let url = self.check(&request.url).map_err(fail)?;
        let client = if url.scheme() == "https" { &self.tls } else { &self.plain };
        let mut inner = reqwest::Request::new(request.method, url);
        *inner.headers_mut() = request.headers;
        if request.is_paced {
            let bytes = request.content.as_ref().map_or(0, Bytes::len);
            *inner.timeout_mut() = Some(paced(self.policy.timeout, bytes));
        }
        Ok((subject, client, inner, request.content))
    }

    /// Reads the answer up to the cap.
    async fn collect(&self, of: &str, cap: usize, mut got: reqwest::Response) -> Result<Answer, Trouble> {
        let status = got.status().as_u16();
        let headers = std::mem::take(got.headers_mut());
        if let Some(ear) = &self.ear {
            ear.note(of, got.url().path(), &headers);
        }
        let mut body = Vec::new();
        while let Some(chunk) = got.chunk().await.map_err(|error| lost(of, &error.into()))? {
            if body.len() + chunk.len() > cap {
                return Err(Trouble::Lost(format!("{of}: the answer is longer than {cap} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body: body.into(), headers })
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that builds a client")]
fn client(policy: &Policy, tls: bool) -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .user_agent(concat!("Holdline/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .http1_only()
        .https_only(tls)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(policy.timeout)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .dns_resolver(Filter::new(policy, tls))
        .build()
        .map_err(|error| format!("the HTTP client could not be built: {}", innermost(&error)))
}

/// A resolver that drops the addresses that the policy forbids.
struct Filter {
    allow_private: Arc<[IpNet]>,
    public: bool,
    tls: bool,
}

impl Filter {
    fn new(policy: &Policy, tls: bool) -> Self {
        Self { allow_private: policy.allow_private.as_slice().into(), public: policy.public, tls }
    }

    fn allows(&self, address: std::net::IpAddr) -> bool {
        (self.tls && self.public && is_public(address)) || is_listed(address, &self.allow_private)
    }

    fn refusal(&self) -> &'static str {
        match (self.tls, self.public) {
            (false, _) => PLAIN,
            (true, true) => {
                "the address is private; list its network under the allowed private networks to reach it"
            }
            (true, false) => "the address is outside the networks that this service may reach",
        }
    }

    async fn lookup(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        let all = tokio::net::lookup_host((host, port)).await;
        let all = all.map_err(|_| "the host name was not found".to_owned())?;
        let allowed: Vec<_> = all.filter(|a| self.allows(a.ip())).collect();
        if allowed.is_empty() { Err(self.refusal().to_owned()) } else { Ok(allowed) }
    }
}

impl Resolve for Filter {
    fn resolve(&self, name: Name) -> Resolving {
        let filter = Self { allow_private: Arc::clone(&self.allow_private), ..*self };
        Box::pin(async move {
            let addresses = filter.lookup(name.as_str(), 0).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

const PLAIN: &str = "http:// is only for hosts in the allowed private networks; use https://";

#[cfg(test)]
#[path = "http_tests.rs"]
mod tests;
