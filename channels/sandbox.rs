//! Adapter `sandbox`: a local timeline for drills and tests.
//!
//! The server does not recognise repeated keys, on purpose: what was sent twice is seen twice. It
//! reads back consistently. An answer with the header `x-holdline-effect: none` proves that a
//! server error had no effect.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;
use url::Url;

use crate::http::{Answer, Http, Request};
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, Pass, ReadBack, Receipt,
    Replay, Retraction, Retry, Setting, Sighting,
};

/// The sandbox timeline.
pub const ADAPTER: Adapter = Adapter {
    name: "sandbox",
    title: "Sandbox timeline",
    capabilities: Capabilities {
        replay: Replay::TimedKey,
        read_back: ReadBack::Consistent,
        retract: true,
        media: false,
        concurrency: 8,
    },
    limits: Limits {
        text: Some(5000),
        unit: Unit::Characters,
        text_bytes: None,
        title: Some(200),
        media: 0,
        media_bytes: 0,
    },
    settings: &[Setting {
        name: "url",
        help: "The timeline's address, for example http://127.0.0.1:8600/demo",
        required: true,
    }],
    connect,
};

fn connect(connection: Connection) -> Result<Box<dyn Channel>, String> {
    let base = connection.url("url")?;
    Ok(Box::new(Sandbox { base, http: connection.http }))
}

struct Sandbox {
    base: Url,
    http: Arc<Http>,
}

#[derive(Deserialize)]
struct Published {
    id: String,
    url: Option<String>,
}

impl From<Published> for Receipt {
    fn from(post: Published) -> Self {
        Self { remote_id: post.id, url: post.url, note: None }
    }
}

impl Sandbox {
    fn endpoint(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(parts);
        }
        url
    }
}

#[async_trait]
impl Channel for Sandbox {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let content = serde_json::json!({
            "id": job.delivery.to_string(),
            "key": job.idempotency_key,
            "delivery": job.delivery.to_string(),
            "kind": job.kind,
            "text": job.rendition.text,
            "title": job.rendition.title,
            "language": job.rendition.language,
        });
        let request = Request::post(self.endpoint(&["posts"]).as_str()).json(&content);
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        if !answer.is_success() {
            return Err(failure(&answer));
        }
        answer.json::<Published>().map(Receipt::from).map_err(|reason| Failure::InDoubt { reason })
    }

    async fn read_back(&self, job: &Job) -> Sighting {
        let mut url = self.endpoint(&["posts"]);
        url.query_pairs_mut().append_pair("key", &job.idempotency_key);
        let answer = match self.http.call(Request::get(url.as_str())).await {
            Ok(answer) if answer.status == 200 => answer,
            Ok(answer) => return Sighting::Unknown(format!("the sandbox answered {}", answer.status)),
            Err(trouble) => return Sighting::Unknown(trouble.to_string()),
        };
        match answer.json::<Vec<Published>>() {
            Ok(posts) => posts.into_iter().next().map_or(Sighting::Absent, |p| Sighting::Found(p.into())),
            Err(why) => Sighting::Unknown(why),
        }
    }

    async fn retract(&self, receipt: &Receipt) -> Retraction {
        let url = self.endpoint(&["posts", &receipt.remote_id]);
        match self.http.call(Request::delete(url.as_str())).await {
            Ok(answer) if answer.is_success() || answer.status == 404 => Retraction::Gone,
            Ok(answer) => Retraction::StillLive(format!("the sandbox answered {}", answer.status)),
            Err(trouble) => Retraction::StillLive(trouble.to_string()),
        }
    }

    async fn check(&self) -> Health {
        match self.http.call(Request::get(self.endpoint(&["health"]).as_str())).await {
            Ok(answer) if answer.is_success() => {
                Health { ready: true, detail: "The sandbox answers.".to_owned() }
            }
            Ok(answer) => {
                let detail = format!("The sandbox answered {}; check the setting `url`.", answer.status);
                Health { ready: false, detail }
            }
            Err(trouble) => Health { ready: false, detail: format!("{trouble}; is the sandbox running?") },
        }
    }
}

fn failure(answer: &Answer) -> Failure {
    if answer.status >= 500 && answer.header("x-holdline-effect") == Some("none") {
        let reason = format!("the sandbox answered {} and did nothing", answer.status);
        return Failure::Rejected { reason, retry: Retry::Backoff };
    }
    answer.failure()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::suite::{self, Expected, Fake, Kit, answer};

    fn kit() -> Kit {
        Kit {
            adapter: ADAPTER,
            settings: |url| serde_json::json!({ "url": format!("{url}/hunter2?token=hunter2") }),
            credential: Some("hunter2"),
            secrets: &["hunter2"],
            before: Vec::new(),
            accepted: r#"{"id":"1"}"#,
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
        let found = answer(200, "", r#"[{"id":"9","url":"http://x/9"}]"#);
        let steps = vec![
            found,
            answer(200, "", "[]"),
            answer(500, "", ""),
            answer(204, "", ""),
            answer(200, "", "{}"),
        ];
        let fake = Fake::start(steps).await;
        let (channel, job) = (channel(&fake).await, suite::job());
        let receipt = Receipt { remote_id: "9".into(), url: Some("http://x/9".into()), note: None };
        assert_eq!(channel.read_back(&job).await, Sighting::Found(receipt.clone()));
        assert_eq!(channel.read_back(&job).await, Sighting::Absent);
        assert!(matches!(channel.read_back(&job).await, Sighting::Unknown(_)));
        assert_eq!(channel.retract(&receipt).await, Retraction::Gone);
        assert!(channel.check().await.ready);
        let lines: Vec<_> = fake.requests().iter().map(|r| r.lines().next().unwrap().to_owned()).collect();
        assert_eq!(lines[0], "GET /demo/posts?key=key-1 HTTP/1.1");
        assert_eq!(lines[3], "DELETE /demo/posts/9 HTTP/1.1");
        assert_eq!(lines[4], "GET /demo/health HTTP/1.1");
    }

    #[tokio::test]
    async fn a_faulty_setting_is_named() {
        for url in ["", "demo", "ftp://x/", "https://hunter2@x/"] {
            let error = suite::connect(&ADAPTER, serde_json::json!({ "url": url }), None).err().unwrap();
            assert!(error.contains("`url`") && !error.contains("hunter2"), "{error}");
        }
    }
}
