//! Adapter `linkedin`: posts of an organisation's page on LinkedIn.
//!
//! Facts: <https://learn.microsoft.com/linkedin/marketing/community-management/shares/posts-api>,
//! `images-api` beside it, `marketing/versioning` and `community-management/organizations/organization-access-control-by-role`.
//! Not tried on the real network. Told by no document, and taken from what clients have met: the answer
//! to a duplicate. Unknown: what 3,000 characters are, so every sign that is escaped counts twice, and in
//! units of UTF-16 ([`linkedin_text`]); and how soon a new post is in the list.
//!
//! What people plan for the page in LinkedIn itself, no call lists.
//!
//! Every request names the version of the API, which lives for a year at least; then nothing goes out
//! any more. The check says so two months before.
//!
//! There is no key against repetition, and LinkedIn refuses the same words twice, naming an earlier post.
//! What it names can be gone, or never have been seen, so that name is not believed: reading back
//! compares the page's posts since the first attempt by their words. One that is equal is found, several
//! are left to people, and none proves nothing.
//!
//! The address that a picture goes to comes from LinkedIn, and the token goes with the picture. So it
//! must be LinkedIn's own, or on the very server of the settings; and the HTTP client's own rules hold.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use crate::http::{Answer, Http, Request};
use crate::message::Doing;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Clock, Connection, Failure, Health, Job, Limits, NOT_OURS, Pass,
    PictureLimits, Pictures, Pins, ReadBack, Receipt, Replay, Retraction, Revised, Revising, Setting,
    Sighting, Ways, ends, linkedin_text, quota, watch,
};

#[path = "linkedin_answers.rs"]
mod answers;
#[path = "linkedin_media.rs"]
mod media;
#[path = "linkedin_reads.rs"]
mod reads;
#[path = "linkedin_revise.rs"]
mod revise;
#[path = "linkedin_version.rs"]
mod version;

use answers::{failure, is_post, link};
use version::Version;

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "linkedin",
    title: "LinkedIn",
    capabilities: Capabilities {
        replay: Replay::None,
        read_back: ReadBack::Words,
        retract: true,
        media: true,
        starts_only: false,
        revises: Some(Revising { pictures: Pictures::Kept, readable: true }),
        pins: Pins::None,
        fetches: false,
        watches: true,
        sweeps: false,
        publishes: true,
        concurrency: 1,
    },
    limits: Limits {
        text: Some(3_000),
        unit: Unit::LinkedIn,
        text_bytes: None,
        title: None,
        title_needed: false,
        media: 20,
        media_bytes: 8 << 20,
        media_all: None,
        alt: Some(4_086),
        parts: 1,
        cards: false,
        pictures: PictureLimits {
            forms: &["image/jpeg", "image/png", "image/gif"],
            other_form: "has another format than JPEG, PNG or GIF, which are all that LinkedIn takes",
            ..PictureLimits::ANY
        },
    },
    settings: &[
        Setting {
            name: "organization",
            help: "The page's number, from the address of its administration: linkedin.com/company/NUMBER/admin",
            required: true,
            private: false,
        },
        Setting {
            name: "version",
            help: "The version of LinkedIn's API as YYYYMM; 202607 unless given. Each one ends after a year",
            required: false,
            private: false,
        },
        Setting {
            name: "server",
            help: "An emulator's address, for tests; otherwise https://api.linkedin.com",
            required: false,
            private: false,
        },
        quota::A_DAY,
        ends::TOKEN_ENDS,
        watch::OFF,
    ],
    frame: None,
    ways: Ways { looks_every: Some(30), plans_unseen: true, ..Ways::USUAL },
    connect,
};

pub(crate) const SERVER: &str = "https://api.linkedin.com";

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let organization = connection.setting("organization")?;
    if !(1..=20).contains(&organization.len()) || !organization.chars().all(|c| c.is_ascii_digit()) {
        return Err("the setting organization: write the page's number".to_owned());
    }
    let version = match connection.setting("version") {
        Ok(text) => Version::read(&text).ok_or("the setting version: write year and month, like 202607")?,
        Err(_) => Version::NEWEST,
    };
    let server = match connection.setting("server") {
        Ok(_) => connection.url("server")?,
        Err(_) => connection.http.check(SERVER)?,
    };
    let author = format!("urn:li:organization:{organization}");
    let token = connection.secret()?.clone();
    let (http, clock) = (Arc::clone(&connection.http), Arc::clone(&connection.clock));
    let (a_day, ends) = (quota::a_day(connection)?, ends::token_ends(connection)?);
    Ok(Box::new(LinkedIn { server, author, version, token, http, clock, a_day, ends }))
}

struct LinkedIn {
    server: Url,
    /// The page, by its full name.
    author: String,
    version: Version,
    token: SecretString,
    http: Arc<Http>,
    clock: Clock,
    /// How many posts a day LinkedIn takes from the app, where somebody wrote that down.
    a_day: Option<u64>,
    ends: Option<DateTime<Utc>>,
}

impl LinkedIn {
    /// An address of the API. Colons in full names are written out there.
    fn api(&self, parts: &[&str]) -> Url {
        let mut url = self.server.clone();
        let path: Vec<String> = parts.iter().map(|part| part.replace(':', "%3A")).collect();
        url.set_path(&format!("/rest/{}", path.join("/")));
        url.set_query(None);
        url
    }

    /// What every request has.
    fn ready(&self, request: Request) -> Request {
        let request = request.bearer(&self.token).header("linkedin-version", &self.version.to_string());
        request.header("x-restli-protocol-version", "2.0.0")
    }

    fn failure(&self, answer: &Answer, doing: Doing) -> Failure {
        failure(answer, (self.clock)(), self.token.expose_secret(), doing)
    }

    /// Reads, with everything that is not a full answer as a sentence.
    async fn look<T: DeserializeOwned>(&self, request: Request) -> Result<T, String> {
        let answer = self.http.call(self.ready(request)).await.map_err(|trouble| trouble.to_string())?;
        if answer.status != 200 {
            return Err(self.failure(&answer, Doing::Ask).to_string());
        }
        answer.json()
    }

    async fn delete(&self, id: &str) -> Result<Retraction, String> {
        if !is_post(id) {
            return Err(NOT_OURS.to_owned());
        }
        let url = self.api(&["posts", id]);
        let request = Request::delete(url.as_str()).header("x-restli-method", "DELETE");
        let answer = self.http.call(self.ready(request)).await.map_err(|trouble| trouble.to_string())?;
        if answer.status == 204 {
            return Ok(Retraction::Gone);
        }
        let why = self.failure(&answer, Doing::TakeDown).to_string();
        if answer.status != 404 {
            return Err(why);
        }
        // That it is gone is believed when it is not shown either.
        let seen = self.http.call(self.ready(Request::get(url.as_str()))).await;
        let seen = seen.map_err(|trouble| trouble.to_string())?;
        if answers::says_not_found(&seen) { Ok(Retraction::Gone) } else { Err(why) }
    }
}

/// The post as the API takes it. What LinkedIn would read as marks is escaped.
fn content(job: &Job, author: &str, media: &[String]) -> Value {
    let mut content = json!({
        "author": author,
        "commentary": linkedin_text::written(&job.rendition.text),
        "visibility": "PUBLIC",
        "distribution": { "feedDistribution": "MAIN_FEED", "targetEntities": [], "thirdPartyDistributionChannels": [] },
        "lifecycleState": "PUBLISHED",
        "isReshareDisabledByAuthor": false,
    });
    let pictures = media.iter().zip(&job.rendition.media);
    let pictures: Vec<Value> = pictures.map(|(id, m)| json!({ "id": id, "altText": m.alt })).collect();
    match pictures.as_slice() {
        [] => {}
        [one] => content["content"] = json!({ "media": one }),
        several => content["content"] = json!({ "multiImage": { "images": several } }),
    }
    content
}

#[async_trait]
impl Channel for LinkedIn {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let media = self.upload(job, pass).await?;
        let request = Request::post(self.api(&["posts"]).as_str());
        let request = self.ready(request).json(&content(job, &self.author, &media));
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(self.failure(&answer, Doing::Post));
        }
        match answer.header("x-restli-id").filter(|id| is_post(id)) {
            Some(id) => Ok(Receipt { remote_id: id.to_owned(), url: Some(link(id)), note: None }),
            None => Err(Failure::InDoubt { reason: "the answer names no post".to_owned() }),
        }
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        self.find(job).await.unwrap_or_else(Sighting::Unknown)
    }

    async fn retract(&self, _job: &Job, remote_id: Option<&str>) -> Retraction {
        // Words are no proof that a post is ours; whoever knows all deliveries looks before.
        let Some(id) = remote_id else { return Retraction::StillLive(NOT_OURS.to_owned()) };
        self.delete(id).await.unwrap_or_else(Retraction::StillLive)
    }

    async fn revise(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        self.change(job, of, pass).await
    }

    async fn read_revised(&self, job: &Job, of: &Revised) -> Sighting {
        self.seen_changed(job, of).await
    }

    async fn watch(&self, since: DateTime<Utc>) -> Result<Option<watch::Account>, String> {
        self.newest(since).await.map(Some)
    }

    async fn check(&self) -> Health {
        ends::told_or(Health::from(self.inspect().await).a_day(self.a_day), self.ends)
    }
}

#[cfg(test)]
#[path = "linkedin_revise_tests.rs"]
mod revise_tests;

#[cfg(test)]
#[path = "linkedin_said_tests.rs"]
mod said_tests;
#[cfg(test)]
#[path = "linkedin_server.rs"]
mod server;
#[cfg(test)]
#[path = "linkedin_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "linkedin_watch_tests.rs"]
mod watch_tests;
