//! What carries requests: the network, or a simulation in its place. Everything above it is the same: the body is
//! pulled through the gate, and the same words tell what can have happened.

use std::pin::Pin;

use async_trait::async_trait;
use bytes::Bytes;
use http_body::Body;
use reqwest::ResponseBuilderExt;
use url::Url;

use crate::http::{Method, Trouble};

/// Carries requests in the place of the network. It must pull the body of a request before anything of it counts as
/// sent.
#[async_trait]
pub trait Wire: Send + Sync + std::fmt::Debug {
    /// Carries one request; its answer.
    ///
    /// # Errors
    /// [`Broken`] tells how it ended without one.
    async fn carry(&self, call: Call) -> Result<Reply, Broken>;
}

/// A request on its way.
pub struct Call {
    pub method: Method,
    pub url: Url,
    body: Option<reqwest::Body>,
}

/// What a server answers.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Bytes,
}

/// How a request ended without an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Broken {
    /// There was no connection: nothing has left.
    pub connecting: bool,
    pub timed_out: bool,
    /// Without addresses.
    pub why: String,
}

impl From<reqwest::Request> for Call {
    fn from(mut request: reqwest::Request) -> Self {
        let body = request.body_mut().take();
        Self { method: request.method().clone(), url: request.url().clone(), body }
    }
}

impl Call {
    /// Pulls the body: it is now that the gate is read.
    ///
    /// # Errors
    /// When the gate is closed.
    pub async fn body(&mut self) -> Result<Bytes, Broken> {
        let (mut whole, Some(mut body)) = (Vec::new(), self.body.take()) else { return Ok(Bytes::new()) };
        while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            let frame = frame.map_err(Broken::from)?;
            whole.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
        }
        Ok(whole.into())
    }
}

impl Reply {
    /// As the client has it.
    pub(crate) fn into_response(self, of: Url) -> Result<reqwest::Response, Broken> {
        let mut response = http::Response::builder().status(self.status).url(of);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        let response =
            response.body(self.body).map_err(|e| Broken { why: e.to_string(), ..Broken::default() });
        response.map(Into::into)
    }
}

impl From<reqwest::Error> for Broken {
    fn from(error: reqwest::Error) -> Self {
        Self { connecting: error.is_connect(), timed_out: error.is_timeout(), why: innermost(&error) }
    }
}

pub(crate) fn not_sent(subject: &str, broken: &Broken) -> Trouble {
    let reason = if broken.timed_out { "no connection in time" } else { &broken.why };
    Trouble::NotSent(format!("{subject}: could not connect: {reason}"))
}

pub(crate) fn lost(subject: &str, broken: &Broken) -> Trouble {
    let reason = if broken.timed_out { "no full answer in time" } else { "the connection broke" };
    Trouble::Lost(format!("{subject}: {reason}"))
}

/// The text at the end of the source chain, which never holds the URL.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    if std::ptr::addr_eq(last, error) { "no reason given".to_owned() } else { last.to_string() }
}
