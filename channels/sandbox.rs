//! A local timeline with switchable faults: for drills and tests. It dedupes nothing, so that a
//! second copy would be seen.

use std::sync::Arc;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::http::{Answer, Http, Request};
use crate::revise::GONE;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Facts, Failure, Health, Job, Limits, MediaRef, NOT_OURS,
    Pass, PictureLimits, Pictures, Pins, ReadBack, Receipt, Replay, Retraction, Retry, Revised, Revising,
    Setting, Sighting, Ways,
};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "sandbox",
    title: "Sandbox",
    capabilities: Capabilities {
        replay: Replay::None,
        read_back: ReadBack::Consistent,
        retract: true,
        media: true,
        starts_only: false,
        revises: Some(Revising { pictures: Pictures::Kept, readable: true }),
        pins: Pins::None,
        fetches: false,
        watches: false,
        sweeps: false,
        publishes: true,
        concurrency: 16,
    },
    limits: Limits {
        text: Some(5_000),
        unit: Unit::Characters,
        text_bytes: None,
        title: Some(300),
        title_needed: false,
        media: 4,
        media_bytes: 5 << 20,
        media_all: None,
        alt: None,
        parts: 1,
        cards: false,
        pictures: PictureLimits::ANY,
    },
    settings: &[Setting { name: "url", help: "where its timeline is", required: true, private: false }],
    frame: None,
    ways: Ways::USUAL,
    connect,
};

/// What is posted, and what the timeline shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// Made by the sandbox; empty in the request.
    #[serde(default)]
    pub id: String,
    pub key: String,
    pub delivery: String,
    pub kind: String,
    pub title: Option<String>,
    pub text: String,
    pub language: String,
    /// Its pictures, by what they are: no byte of them is sent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<MediaRef>,
}

struct Sandbox {
    http: Arc<Http>,
    base: Url,
}

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let base = connection.url("url")?;
    Ok(Box::new(Sandbox { http: Arc::clone(&connection.http), base }))
}

impl Sandbox {
    fn endpoint(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }

    async fn write(&self, request: Request, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let body = Posted {
            id: String::new(),
            key: job.idempotency_key.clone(),
            delivery: job.delivery.to_string(),
            kind: job.kind.clone(),
            title: job.rendition.title.clone(),
            text: job.rendition.text.clone(),
            language: job.rendition.language.clone(),
            media: job.rendition.media.clone(),
        };
        let answer = self.http.send(request.json(&body), pass).await;
        let answer = answer.map_err(|trouble| trouble.failure(false))?;
        if answer.status == 404 && job.revises.is_some() {
            return Err(Failure::never(GONE));
        }
        if !answer.is_success() {
            return Err(failure(&answer));
        }
        let posted = answer.json::<Posted>().map_err(|reason| Failure::InDoubt { reason })?;
        Ok(self.receipt(posted))
    }

    fn receipt(&self, posted: Posted) -> Receipt {
        let mut url = self.endpoint(&["posts", &posted.id]);
        url.set_query(None);
        Receipt { url: Some(url.into()), remote_id: posted.id, note: None }
    }
}

fn failure(answer: &Answer) -> Failure {
    if answer.status >= 500 && answer.header("x-holdline-effect") == Some("none") {
        let reason = format!("the sandbox answered {} and did nothing", answer.status);
        return Failure::Rejected { reason, retry: Retry::Backoff };
    }
    answer.failure()
}

#[async_trait]
impl Channel for Sandbox {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        self.write(Request::post(self.endpoint(&["posts"]).as_str()), job, pass).await
    }

    async fn revise(&self, job: &Job, of: &Revised, pass: &Pass) -> Result<Receipt, Failure> {
        self.write(Request::put(self.endpoint(&["posts", &of.remote_id]).as_str()), job, pass).await
    }

    async fn read_revised(&self, job: &Job, of: &Revised) -> Sighting {
        let url = self.endpoint(&["posts", &of.remote_id]);
        match self.http.call(Request::get(url.as_str())).await {
            Ok(answer) if answer.status == 404 => Sighting::Gone(GONE.to_owned()),
            Ok(answer) if answer.status == 200 => match answer.json::<Posted>() {
                Ok(posted) if posted.delivery == job.delivery.to_string() => {
                    Sighting::Found(self.receipt(posted))
                }
                Ok(_) => Sighting::Absent,
                Err(why) => Sighting::Unknown(why),
            },
            Ok(answer) => Sighting::Unknown(format!("the sandbox answered {}", answer.status)),
            Err(trouble) => Sighting::Unknown(trouble.to_string()),
        }
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        let mut url = self.endpoint(&["posts"]);
        url.query_pairs_mut().append_pair("key", &job.idempotency_key);
        let answer = match self.http.call(Request::get(url.as_str())).await {
            Ok(answer) if answer.status == 200 => answer,
            Ok(answer) => return Sighting::Unknown(format!("the sandbox answered {}", answer.status)),
            Err(trouble) => return Sighting::Unknown(trouble.to_string()),
        };
        match answer.json::<Vec<Posted>>() {
            Err(why) => Sighting::Unknown(why),
            Ok(found) => {
                found.into_iter().next().map_or(Sighting::Absent, |p| Sighting::Found(self.receipt(p)))
            }
        }
    }

    async fn retract(&self, job: &Job, remote_id: Option<&str>) -> Retraction {
        let id = match remote_id {
            Some(id) => id.to_owned(),
            None => match self.read_back(job).await {
                Sighting::Found(receipt) => receipt.remote_id,
                Sighting::Absent => return Retraction::StillLive(NOT_OURS.to_owned()),
                Sighting::Unknown(why) | Sighting::Gone(why) => return Retraction::StillLive(why),
            },
        };
        let url = self.endpoint(&["posts", &id]);
        match self.http.call(Request::delete(url.as_str())).await {
            Ok(answer) if matches!(answer.status, 200..300 | 404) => Retraction::Gone,
            Ok(answer) => Retraction::StillLive(format!("the sandbox answered {}", answer.status)),
            Err(trouble) => Retraction::StillLive(trouble.to_string()),
        }
    }

    async fn check(&self) -> Health {
        match self.http.call(Request::get(self.endpoint(&["health"]).as_str())).await {
            // A rehearsal can have facts of any kind, so that people see them before the day.
            Ok(answer) if answer.status == 200 => {
                let facts: Facts = answer.json().unwrap_or_default();
                let missing: Vec<&str> = facts.missing.iter().flatten().map(String::as_str).collect();
                let health = Health::ready("the timeline answers").lacks(&missing).takes(facts.posts);
                Health { facts, ..health }
            }
            Ok(answer) => Health::unready(format!("the sandbox answered {}", answer.status)),
            Err(trouble) => Health::unready(trouble.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::suite::{self, Expected, Fake, Kit, answer};

    const POSTED: &str =
        r#"{"id":"9","key":"k","delivery":"d","kind":"update","title":null,"text":"t","language":"en"}"#;

    fn kit() -> Kit {
        Kit {
            adapter: ADAPTER,
            settings: |url| serde_json::json!({ "url": format!("{url}/hunter2?token=hunter2") }),
            credential: Some("not-used-by-it"),
            secrets: &["hunter2"],
            before: Vec::new(),
            quiet: 0,
            accepted: POSTED,
            table: vec![
                (200, Expected::Accepted),
                (201, Expected::Accepted),
                (302, Expected::InDoubt),
                (307, Expected::Rejected(Retry::Reconnect)),
                (400, Expected::Rejected(Retry::Never)),
                (401, Expected::Rejected(Retry::Reconnect)),
                (403, Expected::Rejected(Retry::Reconnect)),
                (404, Expected::Rejected(Retry::Never)),
                (408, Expected::InDoubt),
                (410, Expected::Rejected(Retry::Never)),
                (429, Expected::Rejected(Retry::After(Duration::from_secs(7)))),
                (500, Expected::InDoubt),
                (502, Expected::InDoubt),
                (503, Expected::InDoubt),
                (504, Expected::InDoubt),
            ],
        }
    }

    async fn channel(fake: &Fake) -> Box<dyn Channel> {
        suite::connect(&ADAPTER, serde_json::json!({ "url": format!("{}/demo/", fake.url) }), None).unwrap()
    }

    #[tokio::test]
    async fn it_passes_the_suite() {
        suite::all(&kit()).await;
    }

    #[tokio::test]
    async fn a_server_error_without_effect_is_a_rejection() {
        let fake = Fake::start(vec![answer(503, "x-holdline-effect: none\r\n", "{}")]).await;
        let result = channel(&fake).await.publish(&suite::job(), &Pass::open_for_tests()).await;
        assert!(matches!(result, Err(Failure::Rejected { retry: Retry::Backoff, .. })), "{result:?}");
    }

    #[tokio::test]
    async fn an_acceptance_that_cannot_be_read_is_in_doubt() {
        let fake = Fake::start(vec![answer(200, "", "<html>")]).await;
        let result = channel(&fake).await.publish(&suite::job(), &Pass::open_for_tests()).await;
        assert!(matches!(result, Err(Failure::InDoubt { .. })), "{result:?}");
    }

    #[tokio::test]
    async fn it_reads_back_retracts_and_checks() {
        let found = answer(200, "", &format!("[{POSTED}]"));
        let steps = vec![
            found,
            answer(200, "", "[]"),
            answer(500, "", ""),
            answer(204, "", ""),
            answer(200, "", "{}"),
        ];
        let fake = Fake::start(steps).await;
        let (channel, job) = (channel(&fake).await, suite::job());
        let receipt =
            Receipt { remote_id: "9".into(), url: Some(format!("{}/demo/posts/9", fake.url)), note: None };
        assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt.clone()));
        assert_eq!(channel.read_back(&job).await, Sighting::Absent);
        assert!(matches!(channel.read_back(&job).await, Sighting::Unknown(_)));
        assert_eq!(channel.retract(&job, Some("9")).await, Retraction::Gone);
        assert!(channel.check().await.ready);
        let lines: Vec<_> = fake.requests().iter().map(|r| r.lines().next().unwrap().to_owned()).collect();
        assert_eq!(lines[0], "GET /demo/posts?key=key-1 HTTP/1.1");
        assert_eq!(lines[3], "DELETE /demo/posts/9 HTTP/1.1");
        assert_eq!(lines[4], "GET /demo/health HTTP/1.1");
    }

    #[tokio::test]
    async fn a_post_that_only_a_person_saw_is_looked_up_before_it_is_taken_down() {
        let fake = Fake::start(vec![
            answer(200, "", &format!("[{POSTED}]")),
            answer(204, "", ""),
            answer(200, "", "[]"),
        ])
        .await;
        let (channel, job) = (channel(&fake).await, suite::job());
        assert_eq!(channel.retract(&job, None).await, Retraction::Gone);
        assert!(fake.requests()[1].starts_with("DELETE /demo/posts/9 "));
        assert!(matches!(channel.retract(&job, None).await, Retraction::StillLive(_)));
    }

    #[tokio::test]
    async fn a_faulty_setting_is_named() {
        for url in ["", "demo", "ftp://x/", "https://hunter2@x/"] {
            let error = suite::connect(&ADAPTER, serde_json::json!({ "url": url }), None).err().unwrap();
            assert!(error.contains("setting url") && !error.contains("hunter2"), "{error}");
        }
    }
}
