//! Talking to a running service.

use std::time::Duration;

use anyhow::{Context, anyhow};
use channels::http::{Answer, Http, Policy, Request};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

/// Most rows that the service gives at once.
const PAGE: usize = 500;
const NOT_JSON: &str = "the service answered something else than JSON";

/// The service said no, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub String);

/// The service cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot reach the service at {server}: {why}\nhint: start it with `holdline serve`, or name it with --server"
)]
pub struct Unreachable {
    server: String,
    why: String,
}

/// A running service, as the commands see it.
pub struct Api {
    http: Http,
    server: String,
    token: Option<SecretString>,
}

impl Api {
    /// The token that was given: the set-up call carries it in its body.
    pub fn token(&self) -> Option<&str> {
        self.token.as_ref().map(ExposeSecret::expose_secret)
    }

    pub fn new(server: &str, token: Option<String>) -> anyhow::Result<Self> {
        // The person at the terminal names the server: any address is theirs to choose.
        let policy = Policy {
            allow_private: vec!["0.0.0.0/0".parse()?, "::/0".parse()?],
            public: true,
            timeout: Duration::from_secs(600),
            body_cap: 2 << 30,
        };
        let http = Http::new(policy).map_err(anyhow::Error::msg)?;
        Ok(Self { http, server: server.trim_end_matches('/').to_owned(), token: token.map(Into::into) })
    }

    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.json(Request::get(&format!("{}/api/v1{path}", self.server))).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.json(Request::post(&format!("{}/api/v1{path}", self.server)).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.json(Request::put(&format!("{}/api/v1{path}", self.server)).json(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.json(Request::patch(&format!("{}/api/v1{path}", self.server)).json(body)).await
    }

    /// A change of what was read at that version.
    pub async fn patch_at(&self, path: &str, version: &Value, body: &Value) -> anyhow::Result<Value> {
        let request = Request::patch(&format!("{}/api/v1{path}", self.server));
        self.json(request.header("if-match", &format!("\"{version}\"")).json(body)).await
    }

    /// The rows of a list, page after page, until there are `most`.
    pub async fn pages(&self, path: &str, most: usize) -> anyhow::Result<Value> {
        let (mut rows, mut next) = (Vec::new(), Some(format!("/api/v1{path}&limit={}", most.min(PAGE))));
        while let Some(path) = next.take().filter(|_| rows.len() < most) {
            let answer = self.call(Request::get(&format!("{}{path}", self.server))).await?;
            let page: Vec<Value> = answer.json().map_err(|e| anyhow!(e)).context(NOT_JSON)?;
            let link = answer.header("link").and_then(|l| l.strip_prefix('<')?.split_once(">; rel=\"next\""));
            next = link.filter(|_| !page.is_empty()).map(|(path, _)| path.to_owned());
            rows.extend(page);
        }
        rows.truncate(most);
        Ok(rows.into())
    }

    pub async fn delete(&self, path: &str) -> anyhow::Result<Value> {
        self.json(Request::delete(&format!("{}/api/v1{path}", self.server))).await
    }

    /// Sends bytes of another kind than JSON.
    pub async fn upload(&self, path: &str, mime: &str, bytes: Vec<u8>) -> anyhow::Result<Value> {
        self.json(Request::post(&format!("{}/api/v1{path}", self.server)).body(mime, bytes)).await
    }

    /// Reads bytes of another kind than JSON.
    pub async fn bytes(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let answer = self.call(Request::get(&format!("{}/api/v1{path}", self.server))).await?;
        Ok(answer.body.to_vec())
    }

    /// Reads a page that is not part of the API.
    pub async fn text(&self, path: &str) -> anyhow::Result<String> {
        let answer = self.call(Request::get(&format!("{}{path}", self.server))).await?;
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    async fn json(&self, request: Request) -> anyhow::Result<Value> {
        let answer = self.call(request).await?;
        if answer.body.is_empty() {
            return Ok(Value::Null);
        }
        answer.json().map_err(|e| anyhow!(e)).context(NOT_JSON)
    }

    async fn call(&self, mut request: Request) -> anyhow::Result<Answer> {
        if let Some(token) = &self.token {
            request = request.bearer(token);
        }
        let unreachable =
            |e: channels::http::Trouble| Unreachable { server: self.server.clone(), why: e.to_string() };
        let answer = self.http.call(request).await.map_err(unreachable)?;
        if (200..300).contains(&answer.status) {
            return Ok(answer);
        }
        let mut words = words(&answer);
        if answer.status == 401 && self.token.is_none() {
            words.push_str("\nhint: give your token with --token or HOLDLINE_TOKEN");
        }
        Err(Refused(words).into())
    }
}

/// The problem of an answer, with one line for each wrong field.
fn words(answer: &Answer) -> String {
    let Ok(problem) = answer.json::<Value>() else {
        return format!("{} {}", answer.status, String::from_utf8_lossy(&answer.body).trim());
    };
    let mut out = problem["detail"].as_str().unwrap_or("refused").to_owned();
    for e in problem["errors"].as_array().into_iter().flatten() {
        out.push_str(&format!(
            "\n  {}: {}",
            e["field"].as_str().unwrap_or(""),
            e["message"].as_str().unwrap_or("")
        ));
    }
    out
}

/// Percent-encodes a query value (RFC 3986 section 2.1).
pub fn encode(text: &str) -> String {
    let keep = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    text.bytes().map(|b| if keep(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Adds what was asked for to an address.
pub fn query<const N: usize>(mut path: String, filters: [(&str, Option<String>); N]) -> String {
    for (name, value) in filters {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", encode(&value)));
        }
    }
    path
}
