//! Local timelines over HTTP, in memory, with switchable faults: for drills and tests.
//!
//! It dedupes nothing, so that a second copy would be seen; it notes when the first byte of content
//! arrived; and it can cut a connection without an answer.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::Bytes;
use channels::sandbox::Posted;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::{Clock, Millis};

/// What goes wrong with the next posts of a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum Fault {
    /// The post is on the timeline, and the connection is cut without an answer.
    CutAfterAccept,
    /// The connection is cut before the content is read.
    CutBeforeRead,
    /// The content is read only after a while.
    SlowRead { ms: u64 },
    /// Accepted, and the answer comes late.
    Late { ms: u64 },
    /// 429 with `Retry-After`.
    TooMany { seconds: u64 },
    /// 500; the post may be on the timeline all the same.
    ServerError { accepted: bool },
}

/// One post as it arrived.
#[derive(Debug, Clone)]
pub struct Arrival {
    pub timeline: String,
    pub posted: Posted,
    /// When the first byte of content was read, by this server's own clock.
    pub first_byte: Instant,
    pub at: Millis,
    /// Whether it is on the timeline.
    pub kept: bool,
}

/// How many posts an account still takes, as its headers say. It refuses nothing.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    pub most: u64,
    pub left: u64,
    /// The window ends so many seconds from the answer.
    pub resets_after: u64,
}

#[derive(Default)]
struct State {
    timelines: HashMap<String, Vec<Posted>>,
    faults: HashMap<String, VecDeque<Fault>>,
    /// Timelines whose health check says no.
    unwell: HashSet<String>,
    /// What the health check of a timeline tells besides.
    facts: HashMap<String, serde_json::Value>,
    /// What timelines say that they still take.
    limits: HashMap<String, Arc<Mutex<Limit>>>,
    arrivals: Vec<Arrival>,
    next: u64,
}

/// A running sandbox. Cheap to clone.
#[derive(Clone)]
pub struct Sandbox {
    state: Arc<Mutex<State>>,
    address: SocketAddr,
    task: Arc<JoinHandle<()>>,
}

impl Sandbox {
    /// Listens on the address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start(address: SocketAddr, clock: Clock) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (state, clock) = (Arc::clone(&shared), clock.clone());
                tokio::spawn(async move {
                    let service =
                        service_fn(move |request| answer(Arc::clone(&state), clock.clone(), request));
                    // An error here is a cut connection, and mostly one that was asked for.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Ok(Self { state, address, task: Arc::new(task) })
    }

    /// The URL of a timeline: the `url` setting of its channel.
    pub fn url(&self, timeline: &str) -> String {
        format!("http://{}/{timeline}", self.address)
    }

    /// Makes the next `times` posts of the timeline go wrong.
    pub fn fault(&self, timeline: &str, fault: Fault, times: usize) {
        let mut state = lock(&self.state);
        state.faults.entry(timeline.to_owned()).or_default().extend(std::iter::repeat_n(fault, times));
    }

    /// Takes back every fault that has not struck.
    pub fn clear_faults(&self) {
        lock(&self.state).faults.clear();
    }

    /// Makes the health check of the timeline say yes or no.
    pub fn set_health(&self, timeline: &str, ready: bool) {
        let mut state = lock(&self.state);
        if ready {
            state.unwell.remove(timeline);
        } else {
            state.unwell.insert(timeline.to_owned());
        }
    }

    /// What the health check of the timeline tells besides, in the adapter's own form.
    pub fn set_facts(&self, timeline: &str, facts: serde_json::Value) {
        lock(&self.state).facts.insert(timeline.to_owned(), facts);
    }

    /// Lets these timelines share a limit, which counts down with each post.
    pub fn limit(&self, timelines: &[&str], limit: Limit) {
        let shared = Arc::new(Mutex::new(limit));
        let mut state = lock(&self.state);
        state.limits.extend(timelines.iter().map(|t| ((*t).to_owned(), Arc::clone(&shared))));
    }

    /// Everything that arrived, in order.
    pub fn arrivals(&self) -> Vec<Arrival> {
        lock(&self.state).arrivals.clone()
    }

    /// How many have arrived.
    pub fn arrived(&self) -> usize {
        lock(&self.state).arrivals.len()
    }

    /// What arrived after the first `count`, in order.
    pub fn arrivals_after(&self, count: usize) -> Vec<Arrival> {
        lock(&self.state).arrivals.get(count..).unwrap_or_default().to_vec()
    }

    /// What is on a timeline.
    pub fn timeline(&self, timeline: &str) -> Vec<Posted> {
        lock(&self.state).timelines.get(timeline).cloned().unwrap_or_default()
    }

    /// Stops listening.
    pub fn stop(&self) {
        self.task.abort();
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

type Answer = Result<Response<Full<Bytes>>, &'static str>;

fn json(status: StatusCode, value: &impl Serialize) -> Answer {
    let body = serde_json::to_vec(value).unwrap_or_default();
    let response = Response::builder().status(status).header("content-type", "application/json");
    response.body(Full::from(body)).map_err(|_| "no response")
}

async fn answer(state: Arc<Mutex<State>>, clock: Clock, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().trim_matches('/').to_owned();
    let parts: Vec<&str> = path.split('/').collect();
    match (request.method().clone(), parts.as_slice()) {
        (Method::POST, [timeline, "posts"]) => {
            let response = post(&state, &clock, timeline, None, request).await?;
            let limit = lock(&state).limits.get(*timeline).cloned();
            Ok(match limit {
                Some(limit) => told(response, &limit),
                None => response,
            })
        }
        (Method::PUT, [timeline, "posts", id]) => {
            let there = |p: &Posted| p.id == *id;
            if !lock(&state).timelines.get(*timeline).is_some_and(|all| all.iter().any(there)) {
                return json(StatusCode::NOT_FOUND, &"there is no such post");
            }
            post(&state, &clock, timeline, Some(id), request).await
        }
        (Method::GET, [timeline, "posts", id]) => {
            let state = lock(&state);
            let found = state.timelines.get(*timeline).into_iter().flatten().find(|p| p.id == *id);
            match found {
                Some(posted) => json(StatusCode::OK, posted),
                None => json(StatusCode::NOT_FOUND, &"there is no such post"),
            }
        }
        (Method::GET, [timeline, "health"]) => {
            let state = lock(&state);
            let well = !state.unwell.contains(*timeline);
            let facts = state.facts.get(*timeline).cloned().unwrap_or_else(|| well.into());
            json(if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, &facts)
        }
        (Method::GET, [timeline, "posts"]) => {
            let key =
                request.uri().query().and_then(|q| q.strip_prefix("key=")).unwrap_or_default().to_owned();
            let state = lock(&state);
            let posts = state.timelines.get(*timeline).into_iter().flatten();
            json(StatusCode::OK, &posts.filter(|p| p.key == key).collect::<Vec<_>>())
        }
        (Method::GET, [timeline]) => {
            json(StatusCode::OK, &lock(&state).timelines.get(*timeline).cloned().unwrap_or_default())
        }
        (Method::DELETE, [timeline, "posts", id]) => {
            if let Some(posts) = lock(&state).timelines.get_mut(*timeline) {
                posts.retain(|p| p.id != *id);
            }
            json(StatusCode::OK, &"gone")
        }
        (Method::PUT, [timeline, "faults"]) => {
            let body = request.into_body().collect().await.map_err(|_| "cut")?.to_bytes();
            match serde_json::from_slice::<Vec<Fault>>(&body) {
                Err(e) => json(StatusCode::BAD_REQUEST, &e.to_string()),
                Ok(faults) => {
                    lock(&state).faults.insert((*timeline).to_owned(), faults.into());
                    json(StatusCode::OK, &"set")
                }
            }
        }
        _ => json(StatusCode::NOT_FOUND, &"there is nothing here"),
    }
}

/// An answer to a post, with what is left.
fn told(mut response: Response<Full<Bytes>>, limit: &Mutex<Limit>) -> Response<Full<Bytes>> {
    let mut limit = limit.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if response.status() == StatusCode::CREATED {
        limit.left = limit.left.saturating_sub(1);
    }
    for (name, number) in [
        ("x-ratelimit-limit", limit.most),
        ("x-ratelimit-remaining", limit.left),
        ("x-ratelimit-reset", limit.resets_after),
    ] {
        response.headers_mut().insert(name, number.into());
    }
    response
}

/// A new post, or other words for the one of that id.
async fn post(
    state: &Mutex<State>,
    clock: &Clock,
    timeline: &str,
    id: Option<&str>,
    request: Request<Incoming>,
) -> Answer {
    let fault = lock(state).faults.get_mut(timeline).and_then(VecDeque::pop_front);
    if fault == Some(Fault::CutBeforeRead) {
        return Err("cut before reading");
    }
    if let Some(Fault::SlowRead { ms }) = fault {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    let mut body = request.into_body();
    let (mut bytes, mut first_byte) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| "the request was cut")?;
        if let Ok(data) = frame.into_data() {
            first_byte.get_or_insert_with(Instant::now);
            bytes.extend_from_slice(&data);
        }
    }
    let Ok(mut posted) = serde_json::from_slice::<Posted>(&bytes) else {
        return json(StatusCode::BAD_REQUEST, &"this is not a post");
    };
    let refused = matches!(fault, Some(Fault::TooMany { .. } | Fault::ServerError { accepted: false }));
    {
        let mut state = lock(state);
        state.next += 1;
        posted.id = id.map_or_else(|| state.next.to_string(), str::to_owned);
        let first_byte = first_byte.unwrap_or_else(Instant::now);
        let arrival = Arrival {
            timeline: timeline.to_owned(),
            posted: posted.clone(),
            first_byte,
            at: clock.now(),
            kept: !refused,
        };
        state.arrivals.push(arrival);
        if !refused {
            let posts = state.timelines.entry(timeline.to_owned()).or_default();
            match posts.iter_mut().find(|p| p.id == posted.id) {
                Some(there) => *there = posted.clone(),
                None => posts.push(posted.clone()),
            }
        }
    }
    match fault {
        Some(Fault::CutAfterAccept) => Err("cut after accepting"),
        Some(Fault::Late { ms }) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            json(StatusCode::CREATED, &posted)
        }
        Some(Fault::TooMany { seconds }) => {
            let response = Response::builder().status(429).header("retry-after", seconds);
            response.body(Full::default()).map_err(|_| "no response")
        }
        Some(Fault::ServerError { accepted }) => {
            let effect = if accepted { "unknown" } else { "none" };
            let response = Response::builder().status(500).header("x-holdline-effect", effect);
            response.body(Full::default()).map_err(|_| "no response")
        }
        Some(Fault::CutBeforeRead | Fault::SlowRead { .. }) | None => json(StatusCode::CREATED, &posted),
    }
}
