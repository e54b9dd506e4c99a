//! A signed webhook after Standard Webhooks 1.0.0
//! (repository `standard-webhooks/standard-webhooks`, `spec/standard-webhooks.md`).

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as B64;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::Sha256;

use crate::http::{Answer, Request};
use crate::sandbox::failure;
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Connection, Failure, Health, Job, Limits, Pass, ReadBack, Receipt,
    Replay, Retraction, Retry, Setting, Sighting,
};

/// The registration.
pub const ADAPTER: Adapter = Adapter {
    name: "webhook",
    title: "Signed webhook",
    capabilities: Capabilities {
        // Receivers dedupe by `webhook-id`; that is their duty, so nothing is built on it.
        replay: Replay::TimedKey,
        read_back: ReadBack::None,
        retract: false,
        media: true,
        concurrency: 4,
    },
    limits: Limits {
        text: None,
        unit: Unit::Characters,
        // The specification advises payloads below 20 kB.
        text_bytes: Some(16_000),
        title: Some(300),
        media: 4,
        media_bytes: 5 << 20,
    },
    settings: &[Setting { name: "url", help: "where the posts are sent, https", required: true }],
    connect,
};

struct Webhook {
    connection: Connection,
    url: String,
    key: SecretString,
}

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let url = connection.setting("url")?.to_owned();
    connection.http.check(&url)?;
    let key = connection.secret()?.clone();
    decode(&key)?;
    Ok(Box::new(Webhook { connection: connection.clone(), url, key }))
}

/// The bytes of a `whsec_` secret.
fn decode(secret: &SecretString) -> Result<Vec<u8>, String> {
    let remedy = "the signing secret must be whsec_ and 24 to 64 bytes in base64";
    let text = secret.expose_secret().strip_prefix("whsec_").ok_or(remedy)?;
    let bytes = B64.decode(text).map_err(|_| remedy.to_owned())?;
    if (24..=64).contains(&bytes.len()) { Ok(bytes) } else { Err(remedy.into()) }
}

/// `v1,` and the HMAC-SHA256 of `id.timestamp.body` in base64.
fn sign(key: &[u8], id: &str, timestamp: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", B64.encode(mac.finalize().into_bytes()))
}

fn classify(answer: &Answer, id: &str) -> Result<Receipt, Failure> {
    let rejected = |retry| {
        let reason = format!("the receiver answered {}", answer.status);
        Err(Failure::Rejected { reason, retry })
    };
    match answer.status {
        200..300 => Ok(Receipt { remote_id: id.to_owned(), url: None, note: None }),
        401 | 403 | 410 => rejected(Retry::Reconnect),
        429 => rejected(answer.retry_after().map_or(Retry::Backoff, Retry::After)),
        300..500 => rejected(Retry::Never),
        _ => Err(Failure::InDoubt { reason: format!("the receiver answered {}", answer.status) }),
    }
}

#[async_trait]
impl Channel for Webhook {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let broken = |reason| Failure::Rejected { reason, retry: Retry::Reconnect };
        let now = (self.connection.clock)();
        let body = json!({
            "type": format!("post.{}", job.kind),
            "timestamp": now.to_rfc3339(),
            "data": {
                "delivery": job.delivery.to_string(), "kind": job.kind, "incident": job.incident,
                "title": job.rendition.title, "text": job.rendition.text,
                "language": job.rendition.language, "media": job.rendition.media,
            },
        });
        let body = serde_json::to_vec(&body).map_err(|e| broken(e.to_string()))?;
        let key = decode(&self.key).map_err(broken)?;
        let (id, timestamp) = (&job.idempotency_key, now.timestamp());
        let signature = sign(&key, id, timestamp, &body);
        let request = Request::post(&self.url)
            .header("webhook-id", id)
            .header("webhook-timestamp", &timestamp.to_string())
            .header("webhook-signature", &signature)
            .body("application/json", body);
        let answer = self.connection.http.send(request, pass).await.map_err(failure)?;
        classify(&answer, id)
    }

    async fn read_back(&self, _: &Job) -> Sighting {
        Sighting::Unknown("a webhook cannot be read back; ask the receiver".into())
    }

    async fn retract(&self, _: &Receipt) -> Retraction {
        Retraction::StillLive("a webhook cannot be taken back; send a correction".into())
    }

    async fn check(&self) -> Health {
        match self.connection.http.check(&self.url) {
            Ok(url) => Health {
                ready: true,
                detail: format!(
                    "{} will be tried with the first post",
                    url.host_str().unwrap_or("the receiver")
                ),
            },
            Err(detail) => Health { ready: false, detail },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::suite;

    /// The example of the specification's reference libraries.
    #[test]
    fn the_signature_is_that_of_the_specification() {
        let key = decode(&"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned().into()).unwrap();
        let body = br#"{"test": 2432232314}"#;
        assert_eq!(
            sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(decode(&"whsec_c2hvcnQ=".to_owned().into()).is_err());
        assert!(decode(&"plain".to_owned().into()).is_err());
    }

    #[tokio::test]
    async fn the_suite() {
        let expect = |status| match status {
            200 | 201 => suite::Expect::Accepted,
            400..500 => suite::Expect::Rejected,
            _ => suite::Expect::InDoubt,
        };
        let secret = "whsec_cGxhbnRlZC1wbGFudGVkLXBsYW50ZWQtcGxhbnRlZA==";
        suite::run(&ADAPTER, Some(secret), "url", "{}", expect).await;
    }
}
