//! A local timeline with switchable faults: for drills and tests. It dedupes nothing, so that a
//! second copy would be seen.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::http::{Answer, Request, Trouble};
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, Pass, ReadBack, Receipt,
    Replay, Retraction, Retry, Setting, Sighting,
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
        concurrency: 16,
    },
    limits: Limits {
        text: Some(5_000),
        unit: Unit::Characters,
        text_bytes: None,
        title: Some(300),
        media: 4,
        media_bytes: 5 << 20,
    },
    settings: &[Setting { name: "url", help: "where its timeline is", required: true }],
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
}

struct Sandbox {
    connection: Connection,
    url: String,
}

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let url = connection.setting("url")?.trim_end_matches('/').to_owned();
    connection.http.check(&url)?;
    Ok(Box::new(Sandbox { connection: connection.clone(), url }))
}

fn classify(answer: &Answer) -> Result<Receipt, Failure> {
    let rejected = |retry| {
        let reason = format!("the sandbox answered {}", answer.status);
        Err(Failure::Rejected { reason, retry })
    };
    match answer.status {
        200..300 => {
            let posted: Posted = answer.json().map_err(|reason| Failure::InDoubt { reason })?;
            Ok(Receipt { url: None, remote_id: posted.id, note: None })
        }
        401 | 403 => rejected(Retry::Reconnect),
        429 => rejected(answer.retry_after().map_or(Retry::Backoff, Retry::After)),
        // The sandbox says so when a server error had no effect.
        500.. if answer.header("x-holdline-effect") == Some("none") => rejected(Retry::Backoff),
        500.. => Err(Failure::InDoubt { reason: format!("the sandbox answered {}", answer.status) }),
        _ => rejected(Retry::Never),
    }
}

/// What a request that got no answer means for an attempt.
pub(crate) fn failure(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Closed(why) => Failure::Closed { why, partly: false },
        Trouble::NotSent(reason) => Failure::Rejected { reason, retry: Retry::Backoff },
        Trouble::Lost(reason) => Failure::InDoubt { reason },
    }
}

#[async_trait]
impl Channel for Sandbox {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let body = Posted {
            id: String::new(),
            key: job.idempotency_key.clone(),
            delivery: job.delivery.to_string(),
            kind: job.kind.clone(),
            title: job.rendition.title.clone(),
            text: job.rendition.text.clone(),
            language: job.rendition.language.clone(),
        };
        let request = Request::post(&format!("{}/posts", self.url)).json(&body);
        let answer = self.connection.http.send(request, pass).await.map_err(failure)?;
        let receipt = classify(&answer)?;
        Ok(Receipt { url: Some(format!("{}/posts/{}", self.url, receipt.remote_id)), ..receipt })
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        let request = Request::get(&format!("{}/posts?key={}", self.url, job.idempotency_key));
        let answer = match self.connection.http.call(request).await {
            Ok(answer) if answer.status == 200 => answer,
            Ok(answer) => return Sighting::Unknown(format!("the sandbox answered {}", answer.status)),
            Err(trouble) => return Sighting::Unknown(trouble.to_string()),
        };
        match answer.json::<Vec<Posted>>() {
            Err(why) => Sighting::Unknown(why),
            Ok(found) => found.into_iter().next().map_or(Sighting::Absent, |p| {
                Sighting::Found(Receipt {
                    url: Some(format!("{}/posts/{}", self.url, p.id)),
                    remote_id: p.id,
                    note: None,
                })
            }),
        }
    }

    async fn retract(&self, receipt: &Receipt) -> Retraction {
        let request = Request::delete(&format!("{}/posts/{}", self.url, receipt.remote_id));
        match self.connection.http.call(request).await {
            Ok(answer) if matches!(answer.status, 200..300 | 404) => Retraction::Gone,
            Ok(answer) => Retraction::StillLive(format!("the sandbox answered {}", answer.status)),
            Err(trouble) => Retraction::StillLive(trouble.to_string()),
        }
    }

    async fn check(&self) -> Health {
        match self.connection.http.call(Request::get(&format!("{}/health", self.url))).await {
            Ok(answer) if answer.status == 200 => {
                Health { ready: true, detail: "the timeline answers".into() }
            }
            Ok(answer) => Health { ready: false, detail: format!("the sandbox answered {}", answer.status) },
            Err(trouble) => Health { ready: false, detail: trouble.to_string() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    #[tokio::test]
    async fn the_suite() {
        let expect = |status| match status {
            200 | 201 => suite::Expect::Accepted,
            429 | 400 | 401 | 403 | 404 | 410 => suite::Expect::Rejected,
            _ => suite::Expect::InDoubt,
        };
        let answer =
            r#"{"id":"7","key":"k","delivery":"d","kind":"update","title":null,"text":"t","language":"en"}"#;
        suite::run(&ADAPTER, None, "url", answer, expect).await;
    }
}
