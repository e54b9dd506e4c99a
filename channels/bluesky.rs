//! Adapter `bluesky`: posts as records in the account's own repository (AT Protocol).
//!
//! The record key is derived from the delivery, and the record is only ever created
//! (`putRecord` with `swapRecord: null`), so a replay cannot make a second post. Facts:
//! <https://docs.bsky.app/docs/api/com-atproto-repo-put-record> and the lexicons.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use url::Url;

use crate::http::{Http, Request};
use crate::keeper::parts_out;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Clock, Connection, Failure, Health, Job, Limits, NOT_OURS, Pass,
    PictureLimits, Pinned, Pins, ReadBack, Receipt, Replay, Retraction, Retry, Setting, Sighting, Ways,
    watch,
};

#[path = "bluesky_answers.rs"]
mod answers;
#[path = "bluesky_facets.rs"]
mod facets;
#[path = "bluesky_watch.rs"]
mod newest;
#[path = "bluesky_pin.rs"]
mod pin;
#[path = "bluesky_record.rs"]
mod record;
#[path = "bluesky_session.rs"]
mod session;

use answers::{error_name, no_effect};
use record::{Around, Record, owner, receipt, record_key};

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
        revises: None,
        pins: Pins::One,
        fetches: false,
        watches: true,
        sweeps: false,
        publishes: true,
        concurrency: 2,
    },
    // Lexicons app.bsky.feed.post and app.bsky.embed.images.
    limits: Limits {
        text: Some(300),
        unit: Unit::Graphemes,
        text_bytes: Some(3_000),
        title: Some(300),
        title_needed: false,
        media: 4,
        media_bytes: 2_000_000,
        media_all: None,
        alt: None,
        parts: 10,
        cards: true,
        pictures: PictureLimits::ANY,
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
        watch::OFF,
    ],
    frame: None,
    ways: Ways::USUAL,
    connect,
};

/// The collection of posts.
const POSTS: &str = "app.bsky.feed.post";

/// The collection of what the account shows again of others.
const REPOSTS: &str = "app.bsky.feed.repost";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let server = connection.url("server")?;
    let account = connection.setting("account")?.trim_start_matches('@').to_owned();
    let password = connection.secret()?.clone();
    let (http, clock) = (Arc::clone(&connection.http), Arc::clone(&connection.clock));
    Ok(Box::new(Bluesky {
        server,
        account,
        password,
        http,
        clock,
        session: Mutex::default(),
        refused: Mutex::default(),
    }))
}

struct Bluesky {
    server: Url,
    account: String,
    password: SecretString,
    http: Arc<Http>,
    clock: Clock,
    /// One at a time renews it: replaying an old refresh token ends the newer one too.
    session: Mutex<Option<Session>>,
    /// When a log-in was refused last, in Unix seconds, and how.
    refused: Mutex<Option<(i64, Failure)>>,
}

/// A log-in. The access token lives for two hours, the refresh token for 90 days.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Session {
    did: String,
    #[serde(default)]
    handle: String,
    access_jwt: SecretString,
    refresh_jwt: SecretString,
}

impl Bluesky {
    fn method(&self, name: &str) -> Url {
        let mut url = self.server.clone();
        url.set_path(&format!("/xrpc/{name}"));
        url.set_query(None);
        url
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

    /// The ids of the accounts that the text names. A name that is not found stays plain text.
    async fn accounts(&self, job: &Job) -> HashMap<String, String> {
        let mut known = HashMap::new();
        for name in facets::accounts(job.rendition.texts()) {
            let mut url = self.method("com.atproto.identity.resolveHandle");
            url.query_pairs_mut().append_pair("handle", &name);
            let Ok(answer) = self.http.call(Request::get(url.as_str())).await else { break };
            let did = answer.json::<Value>().ok().and_then(|v| v["did"].as_str().map(str::to_owned));
            let is_id = |did: &String| did.starts_with("did:") && did.len() <= 2_048;
            if let Some(did) = did.filter(|did| answer.is_success() && is_id(did)) {
                known.insert(name, did);
            }
        }
        known
    }

    /// Puts the part that comes after those of `thread`, or finds it where an earlier attempt has put it.
    async fn put(
        &self,
        job: &Job,
        session: &Session,
        around: &Around,
        thread: &[Record],
        pass: &Pass,
    ) -> Result<Record, Failure> {
        let content = json!({
            "repo": session.did,
            "collection": POSTS,
            "rkey": record_key(job, thread.len()),
            "swapRecord": null,
            "record": record::record(job, around, thread, (self.clock)()),
        });
        let url = self.method("com.atproto.repo.putRecord");
        let request = Request::post(url.as_str()).bearer(&session.access_jwt).json(&content);
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if answer.is_success() {
            return answer.json().map_err(|reason| Failure::InDoubt { reason });
        }
        if error_name(&answer) != "InvalidSwap" {
            return Err(self.failure(&answer).await);
        }
        // A record with our key is there: an earlier attempt's, in all likelihood.
        match self.part(job, thread.len()).await {
            Ok(Some(made)) => Ok(made),
            Ok(None) => Err(Failure::InDoubt { reason: "the post was there and is gone".to_owned() }),
            Err(reason) => Err(Failure::InDoubt { reason }),
        }
    }

    /// Looks for one part of the post, 0 for the first.
    async fn part(&self, job: &Job, n: usize) -> Result<Option<Record>, String> {
        let mut url = self.method("com.atproto.repo.getRecord");
        let repo = self.session.lock().await.as_ref().map_or(self.account.clone(), |s| s.did.clone());
        url.query_pairs_mut().extend_pairs([
            ("repo", repo.as_str()),
            ("collection", POSTS),
            ("rkey", &record_key(job, n)),
        ]);
        let answer = self.http.call(Request::get(url.as_str())).await.map_err(|t| t.to_string())?;
        match (answer.status, error_name(&answer).as_str()) {
            (200, _) => {
                let found = answer.json::<Record>()?;
                if job.rendition.texts().nth(n).is_some_and(|text| found.value["text"] == text) {
                    return Ok(Some(found));
                }
                Err("another post has the key of this one".to_owned())
            }
            (400 | 404, "RecordNotFound") => Ok(None),
            (status, _) => Err(format!("the server answered {status}")),
        }
    }

    /// The parts that are there, and how many there should be.
    async fn parts(&self, job: &Job) -> Result<(Vec<Record>, usize), String> {
        let (mut there, of) = (Vec::new(), job.rendition.texts().count());
        for n in 0..of {
            there.extend(self.part(job, n).await?);
        }
        Ok((there, of))
    }

    async fn find(&self, job: &Job) -> Sighting {
        match self.parts(job).await {
            Ok((mut there, of)) if there.len() == of => Sighting::Found(receipt(there.swap_remove(0).uri)),
            Ok((there, _)) if there.is_empty() => Sighting::Absent,
            Ok((there, of)) => Sighting::partly(there.len(), of),
            Err(why) => Sighting::Unknown(why),
        }
    }

    /// Deletes one part. Deleting a record that is not there succeeds.
    async fn delete(&self, job: &Job, n: usize, session: &Session) -> Result<(), String> {
        let target = json!({ "repo": session.did, "collection": POSTS, "rkey": record_key(job, n) });
        let url = self.method("com.atproto.repo.deleteRecord");
        let request = Request::post(url.as_str()).bearer(&session.access_jwt).json(&target);
        match self.http.call(request).await {
            Ok(answer) if answers::is_done(&answer) => Ok(()),
            Ok(answer) if answer.is_success() => {
                Err("the server does not say that it took the post down".to_owned())
            }
            Ok(answer) => Err(self.failure(&answer).await.to_string()),
            Err(trouble) => Err(trouble.to_string()),
        }
    }
}

#[async_trait]
impl Channel for Bluesky {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let (out, of) = (parts_out(job), job.rendition.texts().count());
        let session = self.session().await.map_err(|failure| failure.partly(out, of))?;
        let images = self.upload(job, &session, pass).await.map_err(|failure| failure.partly(out, of))?;
        let around = Around { images, accounts: self.accounts(job).await };
        let mut thread = Vec::<Record>::new();
        while thread.len() < of {
            let made = self.put(job, &session, &around, &thread, pass).await;
            let made = made.map_err(|failure| failure.partly(thread.len().max(out), of))?;
            if of > 1 && made.cid.is_empty() {
                let reason = "the server does not name the post fully".to_owned();
                return Err(Failure::InDoubt { reason }.partly(thread.len().max(out), of));
            }
            thread.push(made);
            pass.keep_parts(thread.iter().map(|part| part.uri.as_str()), of).await?;
        }
        Ok(receipt(thread.swap_remove(0).uri))
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
            None => match self.parts(job).await {
                Ok((there, _)) if there.is_empty() => return Retraction::StillLive(NOT_OURS.to_owned()),
                Ok(_) => {}
                Err(why) => return Retraction::StillLive(why),
            },
        }
        // The last part first, so that no answer stands without what it answers.
        for n in (0..job.rendition.texts().count()).rev() {
            if let Err(why) = self.delete(job, n, &session).await {
                return Retraction::StillLive(why);
            }
        }
        Retraction::Gone
    }

    async fn watch(&self, _: DateTime<Utc>) -> Result<Option<watch::Account>, String> {
        self.newest().await.map(Some)
    }

    async fn pin(&self, remote_id: &str, up: bool) -> Pinned {
        self.keep_on_top(remote_id, up).await.into()
    }

    async fn check(&self) -> Health {
        match self.spare_session().await {
            Err(failure) => Health::unready(failure.to_string()),
            Ok(session) if session.handle.is_empty() => self.inspect(&session).await.into(),
            Ok(session) => {
                let account = format!("@{}", session.handle);
                Health::seen_on(&account, Some(&session.did), self.inspect(&session)).await
            }
        }
    }
}

#[cfg(test)]
#[path = "bluesky_tests.rs"]
mod tests;
