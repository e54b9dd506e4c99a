//! What every adapter must pass, against a scripted server on a raw socket.
//!
//! An adapter's test fills in a [`Kit`] and calls [`all`].

use std::sync::{Arc, Mutex};
use std::time::Duration;

use chrono::DateTime;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::http::{Http, Policy};
use crate::keeper::Nowhere;
use crate::{Adapter, Channel, Connection, Failure, Gate, Job, Pass, Receipt, Rendition, Retry, Revised};

/// What the fake server does with one request.
#[derive(Debug, Clone)]
pub enum Step {
    /// Reads the request and answers with these raw bytes.
    Answer(String),
    Cut(Cut),
    /// Reads the request and says nothing for this long, then cuts.
    Silence(Duration),
}

/// Where the fake server cuts the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    BeforeConnect,
    BeforeRead,
    MidRequest,
    BeforeStatus,
    MidHeaders,
    MidBody,
}

/// Every place to cut.
pub const CUTS: [Cut; 6] =
    [Cut::BeforeConnect, Cut::BeforeRead, Cut::MidRequest, Cut::BeforeStatus, Cut::MidHeaders, Cut::MidBody];

/// A raw answer with a JSON body, after which the connection stays open.
pub fn answer(status: u16, headers: &str, body: &str) -> Step {
    let length = body.len();
    Step::Answer(format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    ))
}

/// A server that plays its steps in order, one for each request, and the last one for ever.
pub struct Fake {
    pub url: String,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Fake {
    pub async fn start(steps: Vec<Step>) -> Self {
        Self::start_with(|_| steps).await
    }

    /// With steps that know its address.
    pub async fn start_with(steps: impl FnOnce(&str) -> Vec<Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let steps = steps(&url);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let fake = Self { url, requests: Arc::clone(&requests) };
        if matches!(steps.first(), Some(Step::Cut(Cut::BeforeConnect))) {
            return fake; // The listener is dropped, so the port refuses.
        }
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(converse(socket, steps.clone(), Arc::clone(&requests)));
            }
        });
        fake
    }

    /// What has arrived, one entry for each request of which a byte was read.
    pub fn requests(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|r| String::from_utf8_lossy(r).into_owned()).collect()
    }

    /// The content bytes of the request at `index`.
    pub fn content(&self, index: usize) -> String {
        let request = self.requests().get(index).cloned().unwrap_or_default();
        request.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }
}

async fn converse(mut socket: TcpStream, steps: Vec<Step>, requests: Arc<Mutex<Vec<Vec<u8>>>>) {
    loop {
        // Reads nothing yet: one byte is only peeked at, to see that a request begins.
        if socket.peek(&mut [0]).await.unwrap_or(0) == 0 {
            return;
        }
        let index = requests.lock().unwrap().len();
        let step = &steps[index.min(steps.len() - 1)];
        if matches!(step, Step::Cut(Cut::BeforeRead | Cut::BeforeConnect)) {
            return;
        }
        requests.lock().unwrap().push(Vec::new());
        let whole = !matches!(step, Step::Cut(Cut::MidRequest));
        read_request(&mut socket, whole, |bytes| requests.lock().unwrap()[index].extend_from_slice(bytes))
            .await;
        let reply = match step {
            Step::Answer(raw) => {
                if socket.write_all(raw.as_bytes()).await.is_err() {
                    return;
                }
                continue;
            }
            Step::Silence(time) => {
                tokio::time::sleep(*time).await;
                return;
            }
            Step::Cut(Cut::MidHeaders) => "HTTP/1.1 200 OK\r\nContent-Len",
            Step::Cut(Cut::MidBody) => "HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n{\"id\":\"1\"",
            Step::Cut(_) => "",
        };
        let _ = socket.write_all(reply.as_bytes()).await;
        return;
    }
}

/// Reads one request: all of it, or up to and with the first byte of content.
pub async fn read_request(socket: &mut TcpStream, whole: bool, mut keep: impl FnMut(&[u8])) {
    let mut all = Vec::new();
    let mut byte = [0];
    loop {
        if all.ends_with(b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&all).to_lowercase();
            let length = head.lines().find_map(|l| l.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |l| l.trim().parse().unwrap());
            let mut rest = vec![0; if whole { length } else { length.min(1) }];
            let _ = socket.read_exact(&mut rest).await;
            return keep(&rest);
        }
        if socket.read(&mut byte).await.unwrap_or(0) == 0 {
            return;
        }
        all.push(byte[0]);
        keep(&byte);
    }
}

/// A client that reaches the loopback address and waits two seconds.
pub fn http() -> Arc<Http> {
    let allow_private = vec!["127.0.0.0/8".parse().unwrap()];
    let (timeout, body_cap) = (Duration::from_secs(2), 65_536);
    Arc::new(Http::new(Policy { allow_private, timeout, body_cap, ..Policy::default() }).unwrap())
}

/// A delivery to try.
pub fn job() -> Job {
    Job {
        delivery: "01936d3c-1c5e-7a3b-8000-3f2f5a8c9d10".parse().unwrap(),
        created_at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
        permitted_at: DateTime::from_timestamp(1_700_000_050, 0).unwrap(),
        idempotency_key: "key-1".to_owned(),
        kind: "update".to_owned(),
        incident: Some("incident-1".to_owned()),
        rendition: Rendition {
            title: None,
            text: "Payments are slow. We are working on it.".to_owned(),
            more: Vec::new(),
            language: "en".to_owned(),
            media: Vec::new(),
        },
        valid_until: None,
        number: 1,
        revises: None,
        handle: None,
        others: Vec::new(),
        media: Vec::new(),
        media_urls: Vec::new(),
    }
}

/// A pass of a gate that nobody has opened.
pub fn closed_pass() -> Pass {
    let gate = Gate::closed(Duration::from_secs(60));
    let pass = gate.admit("attempt-1", "routine", Box::new(|| true), crate::gate::now());
    pass.kept_by(Arc::new(Nowhere))
}

/// What an answer must become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    Accepted,
    Rejected(Retry),
    InDoubt,
}

/// One adapter and how to try it.
pub struct Kit {
    pub adapter: Adapter,
    /// The settings for a server at this URL. Plant the words of `secrets` in them.
    pub settings: fn(&str) -> Value,
    /// `{url}` in it stands for the server's.
    pub credential: Option<&'static str>,
    /// Must appear in no failure.
    pub secrets: &'static [&'static str],
    /// Answers before the request that carries the content, such as a log-in.
    pub before: Vec<Step>,
    /// How many of these requests carry no content, so that they may leave through a closed gate.
    pub quiet: usize,
    /// The body of an answer that accepts the post.
    pub accepted: &'static str,
    /// Status to outcome. The answer to 429 asks for seven seconds, in each form of `Retry-After`.
    pub table: Vec<(u16, Expected)>,
}

/// Everything that the suite asks.
pub async fn all(kit: &Kit) {
    run(kit, None).await;
}

/// The same for new words of the post that has this id; the kit is about the requests that this takes.
pub async fn all_of_a_change(kit: &Kit, remote_id: &str) {
    run(kit, Some(remote_id)).await;
}

async fn run(kit: &Kit, of: Option<&str>) {
    statuses(kit, of).await;
    cuts(kit, of).await;
    closed_gate(kit, of).await;
    let channel = opened(kit, "http://127.0.0.1:1");
    assert_eq!(channel.scheduler().is_some(), kit.adapter.capabilities.sweeps, "what is held is declared");
}

/// The post whose words [`changed`] changes.
pub fn revised(remote_id: &str) -> Revised {
    let before = Rendition { text: "Cards are slow.".to_owned(), ..job().rendition };
    let delivery = "01936d3c-1c5e-7a3b-8000-3f2f5a8c9d00".parse().unwrap();
    Revised { delivery, remote_id: remote_id.to_owned(), before, others: Vec::new() }
}

/// A delivery that gives the post of that id other words.
pub fn changed(remote_id: &str) -> Job {
    Job { revises: Some(revised(remote_id)), ..job() }
}

/// Seven seconds, as servers ask for them (RFC 9110, section 10.2.3).
const SEVEN: [&str; 2] = [
    "Retry-After: 7\r\n",
    "Date: Sun, 06 Nov 1994 08:49:30 GMT\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n",
];

/// What every server, or something in front of it, may answer: each table says what becomes of it.
const USUAL: [u16; 11] = [302, 307, 400, 401, 404, 408, 429, 500, 502, 503, 504];

/// Every status becomes what the table says.
async fn statuses(kit: &Kit, of: Option<&str>) {
    let known = |status: &u16| kit.table.iter().any(|(known, _)| known == status);
    let unknown: Vec<u16> = USUAL.into_iter().filter(|status| !known(status)).collect();
    // A change of words has a table of its own, where less is asked.
    assert!(of.is_some() || unknown.is_empty(), "the table of {} lacks {unknown:?}", kit.adapter.name);
    for &(status, expected) in &kit.table {
        let headers = if status == 429 { &SEVEN[..] } else { &[""] };
        for (headers, hostile) in headers.iter().flat_map(|h| [(*h, flat as Hostile), (*h, nested)]) {
            let said = |credential: &str| {
                let body =
                    if status < 300 { kit.accepted.to_owned() } else { hostile(credential).to_string() };
                answer(status, headers, &body)
            };
            let (_, result) = publish(kit, of, said, &Pass::open_for_tests()).await;
            let name = kit.adapter.name;
            assert_eq!(seen(status, &result), expected, "{name} on {status} {headers}: {result:?}");
        }
    }
}

type Hostile = fn(&str) -> Value;

/// A refusal that repeats what was sent, in each field that adapters read.
fn flat(credential: &str) -> Value {
    json!({ "error": format!("bad {credential}"), "message": credential, "description": credential })
}

/// The same where the error is an object.
fn nested(credential: &str) -> Value {
    json!({ "error": { "code": "Bad", "message": format!("bad {credential}") } })
}

/// What became of a post.
fn seen(status: u16, result: &Result<Receipt, Failure>) -> Expected {
    match result {
        Ok(_) => Expected::Accepted,
        Err(Failure::Rejected { retry, .. }) => Expected::Rejected(*retry),
        Err(Failure::InDoubt { .. }) => Expected::InDoubt,
        Err(Failure::Closed { .. }) => panic!("{status}: the gate was open"),
    }
}

/// A connection that breaks is never taken for an answer.
async fn cuts(kit: &Kit, of: Option<&str>) {
    let name = kit.adapter.name;
    for cut in CUTS {
        let (fake, result) = publish(kit, of, |_| Step::Cut(cut), &Pass::open_for_tests()).await;
        if cut == Cut::BeforeConnect && kit.before.is_empty() {
            let no_effect = matches!(result, Err(Failure::Rejected { retry: Retry::Backoff, .. }));
            assert!(no_effect, "{name}: no connection, no effect, got {result:?}");
            continue;
        }
        let read = !fake.content(kit.before.len()).is_empty();
        assert_eq!(
            read,
            !matches!(cut, Cut::BeforeConnect | Cut::BeforeRead),
            "{name}: {cut:?} reads content"
        );
        assert!(result.is_err(), "{name}: {cut:?} was taken for an acceptance");
        if read {
            let doubt = matches!(result, Err(Failure::InDoubt { .. }));
            assert!(doubt, "{name}: {cut:?} leaves the outcome in doubt, got {result:?}");
        }
    }
}

/// A closed gate lets no content through, and is told as such.
async fn closed_gate(kit: &Kit, of: Option<&str>) {
    let (fake, result) = publish(kit, of, |_| answer(200, "", kit.accepted), &closed_pass()).await;
    let name = kit.adapter.name;
    assert!(matches!(result, Err(Failure::Closed { partly: false, .. })), "{name}: {result:?}");
    assert_eq!(fake.requests().len(), kit.quiet, "{name}: content left through a closed gate");
}

/// The kit's credential on the server at this URL.
fn credential(kit: &Kit, url: &str) -> Option<String> {
    kit.credential.map(|c| c.replace("{url}", url))
}

/// The kit's channel on the server at this URL.
fn opened(kit: &Kit, url: &str) -> Box<dyn Channel> {
    connect(&kit.adapter, (kit.settings)(url), credential(kit, url).as_deref()).unwrap()
}

/// Publishes [`job`] once, or changes the post `of`, on a server that ends with `last`, which knows the credential (or a secret of the
/// settings), and looks at all that is printed.
async fn publish(
    kit: &Kit,
    of: Option<&str>,
    last: impl Fn(&str) -> Step,
    pass: &Pass,
) -> (Fake, Result<Receipt, Failure>) {
    let fake = Fake::start_with(|url| {
        let known = credential(kit, url).or(kit.secrets.first().map(|s| (*s).to_owned())).unwrap_or_default();
        kit.before.iter().cloned().chain([last(&known)]).collect()
    })
    .await;
    let credential = credential(kit, &fake.url);
    let channel = opened(kit, &fake.url);
    let result = match of {
        Some(id) => channel.revise(&changed(id), &revised(id), pass).await,
        None => channel.publish(&job(), pass).await,
    };
    let printed = match &result {
        Ok(receipt) => format!("{receipt:?}"),
        Err(failure) => format!("{failure:?} {failure}"),
    };
    // The link of an accepted post may repeat the channel's own address, never its credential.
    let hidden = if result.is_err() { kit.secrets } else { &[] };
    for secret in hidden.iter().copied().chain(credential.as_deref()) {
        assert!(!printed.contains(secret), "{} prints {secret}: {printed}", kit.adapter.name);
    }
    (fake, result)
}

/// Connects an adapter with a clock that stands still.
pub fn connect(
    adapter: &Adapter,
    settings: Value,
    credential: Option<&str>,
) -> Result<Box<dyn Channel>, String> {
    (adapter.connect)(&connection(settings, credential))
}

/// What an adapter is connected with: a clock that stands still, and a service that is seen from outside.
pub fn connection(settings: Value, credential: Option<&str>) -> Connection {
    let clock = Arc::new(|| DateTime::from_timestamp(1_700_000_100, 0).unwrap());
    let credential = credential.map(SecretString::from);
    let public_url = "https://status.bank.example".parse().ok();
    Connection { settings, credential, http: http(), clock, public_url }
}

#[path = "garbled_tests.rs"]
mod garbled_tests;
#[path = "secret_tests.rs"]
mod secret_tests;
