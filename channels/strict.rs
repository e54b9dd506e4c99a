//! A strict server in miniature, for adapters' tests: whatever the real API would not take is noted as a
//! fault, and it can be told to misbehave.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use url::Url;

#[path = "strict_changes.rs"]
mod changes;
#[path = "strict_door.rs"]
mod door;
#[path = "strict_threads.rs"]
mod threads;
#[path = "strict_trials.rs"]
mod trials;

pub use changes::{Changes, change, changes, foreign, pins};
pub use door::Door;
pub use threads::{Threads, threads};
pub use trials::{
    Memory, attempt, attempt_of, deliver, deliver_of, is_settled, looks, misfortunes, outcomes, reads,
    removals, removals_after,
};

use crate::suite::{self, Cut};

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Done,
    /// It is done, or not, and the connection breaks there.
    Broken {
        done: bool,
        at: Cut,
    },
    /// It is done, and the answer says otherwise.
    DoneBut(u16),
    /// It is done, and the answer says otherwise, with this status and body.
    DoneButTold(u16, String),
    /// It is done, and the answer comes after this long.
    Slow(Duration),
    /// It is refused: status, headers, body.
    Refused(u16, &'static str, &'static str),
    /// The same, with words that a test made: [`Fate::refused`].
    Told(u16, String, String),
    /// It waits in the server's queue until [`Strict::land`], and its answer is lost.
    Late,
    /// It is done, and what waits in the queue lands just before it.
    AfterLate,
}

impl Fate {
    /// It is refused so.
    pub fn refused(status: u16, headers: impl Into<String>, body: impl Into<String>) -> Self {
        Self::Told(status, headers.into(), body.into())
    }

    /// Status, headers and body of a refusal.
    fn refusal(&self) -> Option<(u16, String, String)> {
        match self {
            Self::Refused(status, headers, body) => {
                Some((*status, (*headers).to_owned(), (*body).to_owned()))
            }
            Self::Told(status, headers, body) => Some((*status, headers.clone(), body.clone())),
            _ => None,
        }
    }
}

/// One request.
pub struct Asked {
    pub method: String,
    pub path: String,
    pub query: HashMap<String, String>,
    /// Names in small letters.
    pub headers: HashMap<String, String>,
    pub content: Vec<u8>,
}

impl Asked {
    fn read(request: &[u8]) -> Self {
        let at = request.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(request[..at].to_vec()).unwrap();
        let mut lines = head.lines();
        let (method, path) = first(lines.next().unwrap());
        let url = Url::parse("http://server").unwrap().join(&path).unwrap();
        let pairs = lines.map(|l| l.split_once(": ").unwrap());
        Self {
            method,
            path: url.path().to_owned(),
            query: url.query_pairs().into_owned().collect(),
            headers: pairs.map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned())).collect(),
            content: request[at + 4..].to_vec(),
        }
    }

    /// The fields of a form, which holds all parameters.
    pub fn form(&self, faults: &mut Vec<String>) -> HashMap<String, String> {
        if self.header("content-type") != "application/x-www-form-urlencoded" || !self.query.is_empty() {
            faults.push("parameters go in a form".to_owned());
        }
        url::form_urlencoded::parse(&self.content).into_owned().collect()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.content).unwrap_or_default()
    }
}

/// Method and path of the first line of a request.
fn first(line: &str) -> (String, String) {
    let mut words = line.split(' ');
    let mut word = || words.next().unwrap_or_default().to_owned();
    (word(), word())
}

/// Status, further headers and body of an answer.
pub type Said = (u16, String, Value);

/// A good answer.
pub fn good(body: Value) -> Said {
    (200, String::new(), body)
}

/// What one network does with requests.
pub trait Network: Clone + Send + 'static {
    /// Whether such a request makes a post. Those have fates of their own.
    fn makes(method: &str, path: &str) -> bool;

    /// Does what is asked, and answers. What the real API would not take is a fault.
    fn answer(&mut self, asked: &Asked, faults: &mut Vec<String>) -> Said;

    /// Headers of each answer, whatever it is.
    fn headers(&self) -> String {
        String::new()
    }
}

/// What a server keeps.
pub struct State<N> {
    pub network: N,
    pub fates: VecDeque<Fate>,
    /// The fates of requests that make no post.
    pub others: VecDeque<Fate>,
    /// Method and path of each request.
    pub requests: Vec<String>,
    faults: Vec<String>,
    /// What waits in its queue.
    late: Vec<Asked>,
}

/// The server.
pub struct Strict<N: Network> {
    pub url: String,
    state: Arc<Mutex<State<N>>>,
    opens: Arc<Notify>,
}

impl<N: Network> Strict<N> {
    /// Starts it. The fates are those of the requests that make a post, in their order; then all are done.
    pub async fn start(network: N, fates: &[Fate]) -> Self {
        Self::start_at("127.0.0.1:0", network, fates).await
    }

    /// Starts it at that address.
    pub async fn start_at(address: &str, network: N, fates: &[Fate]) -> Self {
        Self::behind(Door::new(address, usize::MAX).await, network, fates)
    }

    /// Starts it. It takes that many connections, and refuses the next until [`Strict::open`].
    pub async fn start_refusing(network: N, takes: usize) -> Self {
        Self::behind(Door::new("127.0.0.1:0", takes).await, network, &[])
    }

    fn behind(mut door: Door, network: N, fates: &[Fate]) -> Self {
        let url = format!("http://{}", door.address());
        let fates = fates.iter().cloned().collect();
        let state = State {
            network,
            fates,
            others: VecDeque::new(),
            requests: Vec::new(),
            faults: Vec::new(),
            late: Vec::new(),
        };
        let server = Self { url, state: Arc::new(Mutex::new(state)), opens: door.opener() };
        let state = Arc::clone(&server.state);
        tokio::spawn(async move {
            while let Some(socket) = door.next().await {
                tokio::spawn(converse(socket, Arc::clone(&state)));
            }
        });
        server
    }

    /// It takes connections again.
    pub async fn open(&self) {
        self.opens.notify_one();
        while TcpStream::connect(self.url.trim_start_matches("http://")).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// What it keeps. What it was sent must have been without fault.
    pub fn state(&self) -> MutexGuard<'_, State<N>> {
        let state = self.state.lock().unwrap();
        assert_eq!(state.faults, Vec::<String>::new());
        state
    }

    /// What waited in its queue is done now.
    pub fn land(&self) {
        self.state.lock().unwrap().land(|_| true);
    }

    /// Of what waited in its queue, this is done now.
    pub fn land_only(&self, which: impl Fn(&Asked) -> bool) {
        self.state.lock().unwrap().land(which);
    }
}

impl<N: Network> Drop for Strict<N> {
    /// Also where no test looks at what it keeps.
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert_eq!(self.state.lock().unwrap().faults, Vec::<String>::new());
        }
    }
}

async fn converse<N: Network>(mut socket: TcpStream, state: Arc<Mutex<State<N>>>) {
    // The first line comes whole: the client writes the head in one go.
    let mut head = [0; 2_000];
    let seen = socket.peek(&mut head).await.unwrap_or(0);
    let text = String::from_utf8_lossy(&head[..seen]).into_owned();
    let (method, target) = first(text.lines().next().unwrap_or_default());
    if seen == 0 {
        return;
    }
    let makes = N::makes(&method, target.split('?').next().unwrap_or_default());
    let fate = {
        let mut state = state.lock().unwrap();
        let fates = if makes { &mut state.fates } else { &mut state.others };
        fates.pop_front().unwrap_or(Fate::Done)
    };
    let early = |at| matches!(fate, Fate::Broken { at: broken, .. } if broken == at);
    if early(Cut::BeforeRead) {
        return;
    }
    let mut request = Vec::new();
    suite::read_request(&mut socket, !early(Cut::MidRequest), |b| request.extend_from_slice(b)).await;
    if early(Cut::MidRequest) {
        return;
    }
    let (status, headers, body) = state.lock().unwrap().answer(Asked::read(&request), &fate);
    let whole = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\
         {headers}\r\n{body}",
        body.len()
    );
    let part = match fate {
        Fate::Late | Fate::Broken { at: Cut::BeforeStatus, .. } => "",
        Fate::Broken { at: Cut::MidHeaders, .. } => &whole[..40],
        // Also where there is no body.
        Fate::Broken { .. } => &whole[..whole.len() - 5],
        Fate::Slow(time) => {
            tokio::time::sleep(time).await;
            &whole
        }
        _ => &whole,
    };
    let _ = socket.write_all(part.as_bytes()).await;
}

impl<N: Network> State<N> {
    fn land(&mut self, which: impl Fn(&Asked) -> bool) {
        let (now, later) = std::mem::take(&mut self.late).into_iter().partition(which);
        self.late = later;
        let now: Vec<Asked> = now;
        now.iter().for_each(|asked| drop(self.network.answer(asked, &mut self.faults)));
    }

    fn answer(&mut self, asked: Asked, fate: &Fate) -> (u16, String, String) {
        self.requests.push(format!("{} {}", asked.method, asked.path));
        if !matches!(asked.method.as_str(), "POST" | "PUT" | "PATCH") && !asked.content.is_empty() {
            self.faults.push("content where none belongs".to_owned());
        }
        if asked.header("user-agent").is_empty() {
            self.faults.push("no user agent".to_owned());
        }
        if *fate == Fate::AfterLate {
            self.land(|_| true);
        }
        // What is not done is looked at all the same.
        let undone =
            matches!(fate, Fate::Late | Fate::Broken { done: false, .. }) || fate.refusal().is_some();
        let mut copy = undone.then(|| self.network.clone());
        let (mut status, mut headers, mut body) =
            copy.as_mut().unwrap_or(&mut self.network).answer(&asked, &mut self.faults);
        match fate {
            Fate::Late => self.late.push(asked),
            Fate::DoneBut(other) => {
                (status, headers, body) = (*other, String::new(), json!({ "error": "something went wrong" }));
            }
            Fate::DoneButTold(other, words) => {
                (status, headers, body) = (*other, String::new(), serde_json::from_str(words).unwrap());
            }
            _ => {}
        }
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, headers, body) = fate.refusal().unwrap_or((status, headers, body));
        (status, self.network.headers() + &headers, body)
    }
}
