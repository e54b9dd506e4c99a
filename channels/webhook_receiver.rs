//! A strict receiver of webhooks, for tests: it checks each call as Standard Webhooks 1.0 asks, and drops what it has
//! seen by its id.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};

use crate::strict::{Asked, Network, Said};
use crate::webhook::tests::SECRET;

/// What it has taken.
#[derive(Clone, Default)]
pub struct Receiver {
    /// The id and the body of each call that did something.
    pub taken: Vec<(String, Vec<u8>)>,
    /// Each call with a good signature, whatever came of it.
    pub calls: usize,
}

/// The signature that belongs to the call.
fn signature(asked: &Asked) -> String {
    let key = STANDARD.decode(SECRET.strip_prefix("whsec_").unwrap()).unwrap();
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).unwrap();
    let signed = [asked.header("webhook-id"), asked.header("webhook-timestamp"), ""].join(".");
    mac.update(signed.as_bytes());
    mac.update(&asked.content);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

fn names(value: &Value) -> Vec<&str> {
    value.as_object().map(|all| all.keys().map(String::as_str).collect()).unwrap_or_default()
}

/// What the call lacks.
fn faults_of(asked: &Asked) -> Vec<&'static str> {
    let body = asked.json();
    let (id, time) = (asked.header("webhook-id"), asked.header("webhook-timestamp"));
    let picture = ["alt", "mime", "sha256", "url"];
    let data = ["delivery", "incident", "kind", "language", "media", "text", "title"];
    [
        ("a call to another address", asked.method == "POST" && asked.path == "/hook"),
        ("no JSON", asked.header("content-type") == "application/json"),
        ("no id", !id.is_empty() && !id.contains('.')),
        // The sender's clock of the tests; five minutes are what the libraries allow.
        ("an old call", time.parse::<i64>().is_ok_and(|at| (at - 1_700_000_100).abs() <= 300)),
        ("other fields", names(&body) == ["data", "timestamp", "type"] && names(&body["data"]) == data),
        (
            "a picture without its address",
            body["data"]["media"].as_array().is_some_and(|all| all.iter().all(|one| names(one) == picture)),
        ),
        ("too long", asked.content.len() <= 20_000),
    ]
    .into_iter()
    .filter_map(|(what, is_right)| (!is_right).then_some(what))
    .collect()
}

impl Network for Receiver {
    fn makes(method: &str, _: &str) -> bool {
        method == "POST"
    }

    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said {
        faults.extend(faults_of(asked).into_iter().map(str::to_owned));
        let mut given = asked.header("webhook-signature").split(' ');
        if !given.any(|one| one == signature(asked)) {
            faults.push("a forged call".to_owned());
            return (401, String::new(), json!({ "error": "signature" }));
        }
        self.calls += 1;
        let id = asked.header("webhook-id");
        match self.taken.iter().find(|(known, _)| known == id) {
            Some((_, body)) if *body != asked.content => faults.push("two calls of one id".to_owned()),
            Some(_) => {}
            None => self.taken.push((id.to_owned(), asked.content.clone())),
        }
        (204, String::new(), Value::Null)
    }
}
