//! Adapter `bluesky`: posts as records in the account's own repository (AT Protocol).
//!
//! The record key is derived from the delivery, and the record is only ever created
//! (`putRecord` with `swapRecord: null`), so a replay cannot make a second post. Facts:
//! <https://docs.bsky.app/docs/api/com-atproto-repo-put-record> and the lexicons.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Digest;
use tokio::sync::Mutex;
use url::Url;

use crate::http::{Answer, Http, Request, Trouble};
use crate::text::{self, Unit};
use crate::{
    Adapter, Capabilities, Channel, Clock, Connection, Failure, Health, Job, Limits, NOT_OURS, Pass,
    ReadBack, Receipt, Replay, Retraction, Retry, Setting, Sighting,
};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "bluesky",
    title: "Bluesky",
    capabilities: Capabilities {
        replay: Replay::ClientId,
        read_back: ReadBack::Consistent,
        retract: true,
        media: true,
        starts_only: false,
        concurrency: 2,
    },
    // Lexicons app.bsky.feed.post and app.bsky.embed.images.
    limits: Limits {
        text: Some(300),
        unit: Unit::Graphemes,
        text_bytes: Some(3_000),
        title: None,
        title_needed: false,
        media: 4,
        media_bytes: 2_000_000,
        alt: None,
    },
    settings: &[
        Setting {
            name: "server",
            help: "The account's server, for example https://bsky.social",
            required: true,
            private: false,
        },
        Setting {
            name: "account",
            help: "The handle without @, for example bank.example.com",
            required: true,
            private: false,
        },
    ],
    connect,
};

/// The collection of posts.
const POSTS: &str = "app.bsky.feed.post";

/// Seconds before its end at which a session is renewed.
const RENEW_BEFORE: i64 = 300;

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let server = connection.url("server")?;
    let account = connection.setting("account")?.trim_start_matches('@').to_owned();
    let password = connection.secret()?.clone();
    let (http, clock) = (Arc::clone(&connection.http), Arc::clone(&connection.clock));
    Ok(Box::new(Bluesky { server, account, password, http, clock, session: Mutex::default() }))
}

struct Bluesky {
    server: Url,
    account: String,
    password: SecretString,
    http: Arc<Http>,
    clock: Clock,
    /// One at a time renews it: replaying an old refresh token ends the newer one too.
    session: Mutex<Option<Session>>,
}

/// A log-in. The access token lives for two hours, the refresh token for 90 days.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    did: String,
    access_jwt: SecretString,
    refresh_jwt: SecretString,
}

#[derive(Deserialize)]
struct Record {
    uri: String,
    #[serde(default)]
    value: Value,
}

/// What an XRPC error answer says.
#[derive(Default, Deserialize)]
struct Wrong {
    #[serde(default)]
    error: String,
}

impl Bluesky {
    fn method(&self, name: &str) -> Url {
        let mut url = self.server.clone();
        url.set_path(&format!("/xrpc/{name}"));
        url.set_query(None);
        url
    }

    /// The session, renewed or made anew. Nothing of it has an effect that the public can see.
    async fn session(&self) -> Result<Session, Failure> {
        let mut kept = self.session.lock().await;
        let renew_at = (self.clock)().timestamp() + RENEW_BEFORE;
        if let Some(session) = kept.as_ref().filter(|s| ends(&s.access_jwt) > renew_at) {
            return Ok(session.clone());
        }
        if let Some(old) = kept.take().filter(|s| ends(&s.refresh_jwt) > renew_at) {
            let url = self.method("com.atproto.server.refreshSession");
            let answer = self.http.call(Request::post(url.as_str()).bearer(&old.refresh_jwt)).await;
            if let Some(session) = answer.ok().filter(Answer::is_success).and_then(|a| a.json().ok()) {
                return Ok(kept.insert(session).clone());
            }
        }
        let url = self.method("com.atproto.server.createSession");
        let login = json!({ "identifier": self.account, "password": self.password.expose_secret() });
        let answer = self.http.call(Request::post(url.as_str()).json(&login)).await.map_err(no_effect)?;
        if !answer.is_success() {
            return Err(login_failure(&answer));
        }
        let session = answer.json().map_err(|reason| Failure::Rejected { reason, retry: Retry::Backoff })?;
        Ok(kept.insert(session).clone())
    }

    /// Uploads the pictures. They are invisible until a record names them.
    async fn upload(&self, job: &Job, session: &Session, pass: &Pass) -> Result<Vec<Value>, Failure> {
        let mut images = Vec::new();
        for (picture, bytes) in job.rendition.media.iter().zip(&job.media) {
            let url = self.method("com.atproto.repo.uploadBlob");
            let request = Request::post(url.as_str()).bearer(&session.access_jwt);
            let sent = self.http.send(request.body(&picture.mime, bytes.clone()), pass).await;
            let answer = sent.map_err(no_effect)?;
            if !answer.is_success() {
                return Err(self.failure(&answer).await.without_effect());
            }
            let uploaded: Value =
                answer.json().map_err(|reason| Failure::Rejected { reason, retry: Retry::Backoff })?;
            images.push(json!({ "alt": picture.alt, "image": uploaded["blob"] }));
        }
        Ok(images)
    }

    /// What an answer that does not accept means. A session that the server refuses is forgotten.
    async fn failure(&self, answer: &Answer) -> Failure {
        let wrong = error_name(answer);
        let rejected = |what: &str, retry| Failure::Rejected { reason: format!("{what} ({wrong})"), retry };
        match (answer.status, wrong.as_str()) {
            // An app password's session that has ended answers 400, not 401.
            (400 | 401, "ExpiredToken") => {
                *self.session.lock().await = None;
                rejected("the session has ended", Retry::Backoff)
            }
            (400 | 401, "InvalidToken" | "AuthMissing" | "AuthenticationRequired") => {
                *self.session.lock().await = None;
                rejected("the session is refused", Retry::Backoff)
            }
            (_, "AccountTakedown" | "AccountDeactivated" | "AccountSuspended") => {
                rejected("the account may not post; look at it on Bluesky", Retry::Reconnect)
            }
            (400, _) => rejected("the server refuses the post", Retry::Never),
            _ => answer.failure(),
        }
    }

    async fn find(&self, job: &Job) -> Sighting {
        let mut url = self.method("com.atproto.repo.getRecord");
        let repo = self.session.lock().await.as_ref().map_or(self.account.clone(), |s| s.did.clone());
        url.query_pairs_mut().extend_pairs([
            ("repo", repo.as_str()),
            ("collection", POSTS),
            ("rkey", &record_key(job)),
        ]);
        let answer = match self.http.call(Request::get(url.as_str())).await {
            Ok(answer) => answer,
            Err(trouble) => return Sighting::Unknown(trouble.to_string()),
        };
        match (answer.status, error_name(&answer).as_str()) {
            (200, _) => match answer.json::<Record>() {
                Ok(found) if found.value["text"] == job.rendition.text.as_str() => {
                    Sighting::Found(receipt(found.uri))
                }
                Ok(_) => Sighting::Unknown("another post has the key of this one".to_owned()),
                Err(why) => Sighting::Unknown(why),
            },
            (400 | 404, "RecordNotFound") => Sighting::Absent,
            (status, _) => Sighting::Unknown(format!("the server answered {status}")),
        }
    }
}

/// When a token ends, in Unix seconds: its own word (RFC 7519, section 4.1.4), which only decides
/// whether it is renewed. A token that cannot be read has ended.
fn ends(token: &SecretString) -> i64 {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let claims = token.expose_secret().split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    claims.and_then(|bytes| serde_json::from_slice::<Claims>(&bytes).ok()).map_or(0, |c| c.exp)
}

/// The record key: a timestamp identifier (<https://atproto.com/specs/tid>) that every attempt at
/// one delivery shares. The lower bits are spread over an hour by a hash, because many posts can be
/// made in one millisecond; the hour lies in the past, because servers may refuse a later one.
fn record_key(job: &Job) -> String {
    const HOUR: u64 = 3_600_000_000;
    const DIGITS: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";
    let hash = sha2::Sha256::digest(job.delivery.as_bytes());
    let spread = u64::from_be_bytes(hash[..8].try_into().unwrap_or_default());
    let clock_id = u64::from(u16::from_be_bytes([hash[8], hash[9]]) & 0x3ff);
    let made = u64::try_from(job.created_at.timestamp_micros()).unwrap_or(0);
    let micros = (made / HOUR).saturating_sub(1) * HOUR + spread % HOUR;
    let number = (micros << 10 | clock_id) & (u64::MAX >> 1);
    (0..13).rev().map(|place| char::from(DIGITS[(number >> (5 * place) & 31) as usize])).collect()
}

/// Links are not found by the server: each is marked by its byte offsets
/// (<https://docs.bsky.app/docs/advanced-guides/post-richtext>).
fn facets(content: &str) -> Vec<Value> {
    let mark = |link: text::Link| {
        json!({
            "index": { "byteStart": link.start, "byteEnd": link.end },
            "features": [{ "$type": "app.bsky.richtext.facet#link", "uri": link.url }],
        })
    };
    text::links(content).into_iter().map(mark).collect()
}

fn record(job: &Job, images: &[Value], now: chrono::DateTime<chrono::Utc>) -> Value {
    let post = &job.rendition;
    let mut record = json!({
        "$type": POSTS,
        "text": post.text,
        "langs": [post.language],
        "createdAt": now.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
    });
    let facets = facets(&post.text);
    if !facets.is_empty() {
        record["facets"] = facets.into();
    }
    if !images.is_empty() {
        record["embed"] = json!({ "$type": "app.bsky.embed.images", "images": images });
    }
    record
}

/// `at://did/collection/key`, and the page of it.
fn receipt(uri: String) -> Receipt {
    let mut parts = uri.trim_start_matches("at://").split('/');
    let (did, key) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
    let url = Some(format!("https://bsky.app/profile/{did}/post/{key}"));
    Receipt { remote_id: uri, url, note: None }
}

/// Whose record it is, where the address says so by the account's id.
fn owner(uri: &str) -> Option<&str> {
    uri.strip_prefix("at://")?.split('/').next().filter(|did| did.starts_with("did:"))
}

/// The name of an XRPC error; a server's free words are left out.
fn error_name(answer: &Answer) -> String {
    let name = answer.json::<Wrong>().unwrap_or_default().error;
    let plain = !name.is_empty() && name.len() <= 60 && name.chars().all(|c| c.is_ascii_alphanumeric());
    if plain { name } else { format!("status {}", answer.status) }
}

fn no_effect(trouble: Trouble) -> Failure {
    trouble.failure(false).without_effect()
}

fn login_failure(answer: &Answer) -> Failure {
    let (reason, retry) = match answer.status {
        400 | 401 | 403 => ("the account or its app password is refused", Retry::Reconnect),
        429 => {
            let wait = answer.retry_after().map_or(Retry::Backoff, Retry::After);
            ("the server asks us to wait before logging in", wait)
        }
        _ => ("the server cannot log us in now", Retry::Backoff),
    };
    Failure::Rejected { reason: format!("{reason} ({})", error_name(answer)), retry }
}

#[async_trait]
impl Channel for Bluesky {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let session = self.session().await?;
        let images = self.upload(job, &session, pass).await?;
        let content = json!({
            "repo": session.did,
            "collection": POSTS,
            "rkey": record_key(job),
            "swapRecord": null,
            "record": record(job, &images, (self.clock)()),
        });
        let url = self.method("com.atproto.repo.putRecord");
        let request = Request::post(url.as_str()).bearer(&session.access_jwt).json(&content);
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if answer.is_success() {
            let made = answer.json::<Record>().map_err(|reason| Failure::InDoubt { reason })?;
            return Ok(receipt(made.uri));
        }
        if error_name(&answer) != "InvalidSwap" {
            return Err(self.failure(&answer).await);
        }
        // A record with our key is there: an earlier attempt's, in all likelihood.
        match self.find(job).await {
            Sighting::Found(receipt) => Ok(receipt),
            Sighting::Absent => Err(Failure::InDoubt { reason: "the post was there and is gone".to_owned() }),
            Sighting::Unknown(reason) => Err(Failure::InDoubt { reason }),
        }
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        self.find(job).await
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        let session = match self.session().await {
            Ok(session) => session,
            Err(failure) => return Retraction::StillLive(failure.to_string()),
        };
        // Deleting a record that is not there succeeds, so it must be known that ours is meant.
        match remote_id.and_then(owner) {
            Some(did) if did != session.did => {
                return Retraction::StillLive("another account posted it; connect that one".to_owned());
            }
            Some(_) => {}
            None => match self.find(job).await {
                Sighting::Found(_) => {}
                Sighting::Absent => return Retraction::StillLive(NOT_OURS.to_owned()),
                Sighting::Unknown(why) => return Retraction::StillLive(why),
            },
        }
        let target = json!({ "repo": session.did, "collection": POSTS, "rkey": record_key(job) });
        let url = self.method("com.atproto.repo.deleteRecord");
        let request = Request::post(url.as_str()).bearer(&session.access_jwt).json(&target);
        match self.http.call(request).await {
            Ok(answer) if answer.is_success() => Retraction::Gone,
            Ok(answer) => Retraction::StillLive(self.failure(&answer).await.to_string()),
            Err(trouble) => Retraction::StillLive(trouble.to_string()),
        }
    }

    async fn check(&self) -> Health {
        #[derive(Deserialize)]
        struct Account {
            handle: String,
            #[serde(default = "yes")]
            active: bool,
        }

        let session = match self.session().await {
            Ok(session) => session,
            Err(failure) => return Health::unready(failure.to_string()),
        };
        let url = self.method("com.atproto.server.getSession");
        match self.http.call(Request::get(url.as_str()).bearer(&session.access_jwt)).await {
            Err(trouble) => Health::unready(trouble.to_string()),
            Ok(answer) if !answer.is_success() => Health::unready(self.failure(&answer).await.to_string()),
            Ok(answer) => match answer.json::<Account>() {
                Err(why) => Health::unready(why),
                Ok(a) if !a.active => Health::unready(format!("the account @{} is not active", a.handle)),
                Ok(a) => Health::ready(format!("logged in as @{}", a.handle)).of(&format!("@{}", a.handle)),
            },
        }
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
#[path = "bluesky_tests.rs"]
mod tests;
