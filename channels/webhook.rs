//! Adapter `webhook`: signed calls to a receiver of one's own, after Standard Webhooks 1.0.
//!
//! The receiver drops what it has already seen, by `webhook-id`. The body is the same in every
//! attempt; only the time of the attempt and the signature change. There is nothing to read back. Pictures are not in it:
//! it names an address of this service for each, which lasts.

use std::sync::Arc;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Serialize;
use url::Url;

use crate::http::{Http, Request};
use crate::text::Unit;
use crate::{
    Adapter, Capabilities, Channel, Clock, Connection, Failure, Fetched, Health, Job, Limits, MediaRef, Pass,
    PictureLimits, Pins, ReadBack, Receipt, Replay, Retraction, Retry, Setting, Sighting, Ways,
};

/// A signed webhook.
pub const ADAPTER: Adapter = Adapter {
    name: "webhook",
    title: "Signed webhook",
    capabilities: Capabilities {
        replay: Replay::TimedKey,
        read_back: ReadBack::None,
        retract: false,
        media: true,
        starts_only: false,
        revises: None,
        pins: Pins::None,
        fetches: false,
        watches: false,
        sweeps: false,
        publishes: true,
        concurrency: 4,
    },
    // The specification advises payloads below 20 kB.
    limits: Limits {
        text: None,
        unit: Unit::Characters,
        text_bytes: Some(16_000),
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
    settings: &[Setting {
        name: "url",
        help: "The address that receives the calls",
        required: true,
        private: true,
    }],
    frame: None,
    ways: Ways { signs_time: true, fetched: Fetched::Named, ..Ways::USUAL },
    connect,
};

fn connect(connection: &Connection) -> Result<Box<dyn Channel>, String> {
    let url = connection.url("url")?;
    let keys = signing_keys(connection.secret()?)?;
    let (http, clock) = (Arc::clone(&connection.http), Arc::clone(&connection.clock));
    Ok(Box::new(Webhook { url, keys, http, clock }))
}

/// Most secrets at a time: the one in use, and those that a rotation leaves behind.
const MOST_SECRETS: usize = 4;

/// The keys of the secrets, with blanks between them. Several make a rotation without a gap: each
/// signs, and the receiver needs to know one.
fn signing_keys(secret: &SecretString) -> Result<Vec<SecretSlice<u8>>, String> {
    let keys: Result<Vec<_>, _> = secret.expose_secret().split_whitespace().map(signing_key).collect();
    let keys = keys?;
    match keys.len() {
        0 => Err("the signing secret is empty".to_owned()),
        1..=MOST_SECRETS => Ok(keys),
        _ => Err(format!("give at most {MOST_SECRETS} signing secrets")),
    }
}

/// The key inside `whsec_<base64>`.
fn signing_key(text: &str) -> Result<SecretSlice<u8>, String> {
    let encoded = text.strip_prefix("whsec_").ok_or("the signing secret must begin with whsec_")?;
    let key = STANDARD.decode(encoded).map_err(|_| "the signing secret is not base64 after whsec_")?;
    if !(24..=64).contains(&key.len()) {
        return Err("the signing secret must hold 24 to 64 bytes".to_owned());
    }
    Ok(key.into())
}

struct Webhook {
    url: Url,
    keys: Vec<SecretSlice<u8>>,
    http: Arc<Http>,
    clock: Clock,
}

#[derive(Serialize)]
struct Payload<'a> {
    #[serde(rename = "type")]
    event: String,
    /// When the delivery was made, so that every attempt has the same body.
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    delivery: String,
    kind: &'a str,
    incident: Option<&'a str>,
    title: Option<&'a str>,
    text: &'a str,
    language: &'a str,
    media: Vec<Picture<'a>>,
}

#[derive(Serialize)]
struct Picture<'a> {
    #[serde(flatten)]
    picture: &'a MediaRef,
    /// Where its bytes are.
    url: &'a str,
}

impl<'a> Payload<'a> {
    fn new(job: &'a Job) -> Result<Self, String> {
        let post = &job.rendition;
        if post.media.len() != job.media_urls.len() {
            return Err("the addresses of the pictures are missing".to_owned());
        }
        let pictures = post.media.iter().zip(&job.media_urls);
        Ok(Self {
            event: format!("post.{}", job.kind),
            timestamp: job.created_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            data: Data {
                delivery: job.delivery.to_string(),
                kind: &job.kind,
                incident: job.incident.as_deref(),
                title: post.title.as_deref(),
                text: &post.text,
                language: &post.language,
                media: pictures.map(|(picture, url)| Picture { picture, url }).collect(),
            },
        })
    }
}

impl Webhook {
    /// The signatures over `id.timestamp.body`, one for each key.
    fn signatures(&self, id: &str, timestamp: &str, body: &[u8]) -> Result<String, String> {
        let mut all = Vec::with_capacity(self.keys.len());
        for key in &self.keys {
            let mac = Hmac::<sha2::Sha256>::new_from_slice(key.expose_secret());
            let mut mac = mac.map_err(|_| "the signing secret cannot be used".to_owned())?;
            for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", body] {
                mac.update(part);
            }
            all.push(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
        }
        Ok(all.join(" "))
    }

    fn request(&self, job: &Job) -> Result<Request, String> {
        let id = &job.idempotency_key;
        let body = serde_json::to_vec(&Payload::new(job)?).map_err(|_| "the post is not JSON".to_owned())?;
        let timestamp = (self.clock)().timestamp().to_string();
        let signature = self.signatures(id, &timestamp, &body)?;
        Ok(Request::post(self.url.as_str())
            .header("webhook-id", id)
            .header("webhook-timestamp", &timestamp)
            .header("webhook-signature", &signature)
            .body("application/json", body))
    }
}

#[async_trait]
impl Channel for Webhook {
    async fn publish(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let request =
            self.request(job).map_err(|reason| Failure::Rejected { reason, retry: Retry::Reconnect })?;
        let answer = self.http.send(request, pass).await.map_err(|trouble| trouble.failure(false))?;
        match answer.status {
            200..=299 => Ok(Receipt { remote_id: job.idempotency_key.clone(), url: None, note: None }),
            410 => {
                let reason = "the receiver is gone for good; give a new address (status 410)".to_owned();
                Err(Failure::Rejected { reason, retry: Retry::Reconnect })
            }
            _ => Err(answer.failure()),
        }
    }

    async fn read_back(&self, _: &Job) -> Sighting {
        Sighting::Unknown("a webhook cannot be read back".to_owned())
    }

    async fn retract(&self, _: &Job, _: Option<&str>) -> Retraction {
        Retraction::StillLive("a webhook cannot be taken back; send a correction".to_owned())
    }

    async fn check(&self) -> Health {
        match self.http.reach(self.url.as_str()).await {
            Ok(()) => {
                let detail = "The receiver's host answers. The signature will be tried with the first post.";
                Health::ready(detail.to_owned())
            }
            Err(trouble) => Health::unready(trouble.to_string()),
        }
    }
}

#[cfg(test)]
#[path = "webhook_receiver.rs"]
mod receiver;
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::receiver::Receiver;
    use super::*;
    use crate::strict::{self, Fate, Strict};
    use crate::suite::{self, Expected, Fake, Kit, answer};

    /// The example key of the Standard Webhooks libraries.
    pub(super) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn kit() -> Kit {
        Kit {
            adapter: ADAPTER,
            settings: |url| serde_json::json!({ "url": format!("{url}/hunter2?token=hunter2") }),
            credential: Some(SECRET),
            secrets: &["hunter2", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
            before: Vec::new(),
            quiet: 0,
            accepted: "",
            table: vec![
                (200, Expected::Accepted),
                (201, Expected::Accepted),
                (204, Expected::Accepted),
                (302, Expected::InDoubt),
                (307, Expected::Rejected(Retry::Reconnect)),
                (308, Expected::Rejected(Retry::Reconnect)),
                (400, Expected::Rejected(Retry::Never)),
                (401, Expected::Rejected(Retry::Reconnect)),
                (403, Expected::Rejected(Retry::Reconnect)),
                (404, Expected::Rejected(Retry::Never)),
                (408, Expected::InDoubt),
                (410, Expected::Rejected(Retry::Reconnect)),
                (429, Expected::Rejected(Retry::After(Duration::from_secs(7)))),
                (500, Expected::InDoubt),
                (502, Expected::InDoubt),
                (503, Expected::InDoubt),
                (504, Expected::InDoubt),
            ],
        }
    }

    #[tokio::test]
    async fn it_passes_the_suite() {
        suite::all(&kit()).await;
    }

    fn to(url: &str) -> Box<dyn Channel> {
        let settings = serde_json::json!({ "url": format!("{url}/hook") });
        suite::connect(&ADAPTER, settings, Some(SECRET)).unwrap()
    }

    #[tokio::test]
    async fn whatever_breaks_the_receiver_acts_once_at_most() {
        strict::outcomes(Receiver::default(), to, |receiver| receiver.taken.len(), false).await;
    }

    #[tokio::test]
    async fn what_a_person_sends_again_is_dropped_by_its_id() {
        for fate in strict::misfortunes().into_iter().chain([Fate::Late]) {
            let server = Strict::start(Receiver::default(), std::slice::from_ref(&fate)).await;
            let channel = to(&server.url);
            // However the first one ended, the next is the same call to the receiver.
            let _ = strict::attempt(&*channel).await;
            strict::attempt(&*channel).await.unwrap();
            server.land();
            assert_eq!(server.state().network.taken.len(), 1, "{fate:?}");
        }
    }

    #[test]
    fn the_signature_is_that_of_the_standard() {
        let clock: Clock = Arc::new(chrono::DateTime::default);
        let url = Url::parse("https://example.org/").unwrap();
        let webhook = |secrets: &str| Webhook {
            url: url.clone(),
            keys: signing_keys(&secrets.into()).unwrap(),
            http: suite::http(),
            clock: Arc::clone(&clock),
        };
        let signature = webhook(SECRET).signatures(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let new = format!("whsec_{}", STANDARD.encode([7; 32]));
        let one = |secrets: &str| webhook(secrets).signatures("id", "1", b"{}").unwrap();
        let both = one(&format!("{new}\n{SECRET}\n"));
        assert_eq!(both, format!("{} {}", one(&new), one(SECRET)));
    }

    #[tokio::test]
    async fn the_call_carries_the_post_and_the_time_of_the_attempt() {
        let fake = Fake::start(vec![answer(204, "", "")]).await;
        let channel = suite::connect(&ADAPTER, (kit().settings)(&fake.url), Some(SECRET)).unwrap();
        let mut job = suite::job();
        let media = MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt: "A map".into() };
        job.rendition.media.push(media);
        let told = channel.publish(&job, &Pass::open_for_tests()).await;
        assert!(matches!(told, Err(Failure::Rejected { .. })) && fake.requests().is_empty(), "{told:?}");
        job.media_urls.push("https://bank.example/media/1/ab/0/cd".into());
        let receipt = channel.publish(&job, &Pass::open_for_tests()).await.unwrap();
        assert_eq!(receipt.remote_id, "key-1");
        let head = fake.requests()[0].to_lowercase();
        assert!(head.contains("webhook-id: key-1\r\n") && head.contains("webhook-timestamp: 1700000100\r\n"));
        let body: serde_json::Value = serde_json::from_str(&fake.content(0)).unwrap();
        let expected = serde_json::json!({
            "type": "post.update",
            "timestamp": "2023-11-14T22:13:20.000Z",
            "data": {
                "delivery": "01936d3c-1c5e-7a3b-8000-3f2f5a8c9d10", "kind": "update", "incident": "incident-1",
                "title": null, "text": "Payments are slow. We are working on it.", "language": "en",
                "media": [{
                    "sha256": "ab", "mime": "image/png", "alt": "A map", "url": "https://bank.example/media/1/ab/0/cd",
                }],
            },
        });
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn the_check_does_not_post() {
        let fake = Fake::start(vec![answer(204, "", "")]).await;
        let settings = (kit().settings)(&fake.url);
        let health = suite::connect(&ADAPTER, settings, Some(SECRET)).unwrap().check().await;
        assert!(health.ready && fake.requests().is_empty(), "{health:?}");
        let gone = Fake::start(vec![suite::Step::Cut(suite::Cut::BeforeConnect)]).await;
        let settings = (kit().settings)(&gone.url);
        let health = suite::connect(&ADAPTER, settings, Some(SECRET)).unwrap().check().await;
        assert!(!health.ready && !health.detail.contains("hunter2"), "{health:?}");
    }

    #[tokio::test]
    async fn a_faulty_secret_is_described_and_not_repeated() {
        let many = [SECRET; 5].join(" ");
        for secret in ["hunter2", "whsec_hunter2!", "whsec_aHVudGVyMg==", " ", many.as_str()] {
            let settings = serde_json::json!({ "url": "https://example.org/" });
            let error = suite::connect(&ADAPTER, settings, Some(secret)).err().unwrap();
            assert!(error.contains("signing secret") && !error.contains("hunter2"), "{error}");
        }
    }
}
