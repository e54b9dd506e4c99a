//! The network: timelines in the way of the sandbox, and the fate that chance gives to each request.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use channels::sandbox::Posted;
use channels::wire::{Broken, Call, Reply, Wire};
use holdline::clock::{Clock, Millis};

use crate::chance::Chance;
use crate::planted::Fault;
use crate::stage::CHANNELS;
use crate::tasks::Owner;

/// The limit of the client for one request.
const LIMIT: Millis = 20_000;

/// What becomes of a request that carries content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Answered,
    /// There is no connection.
    Refused,
    /// It is cut before the first byte of content.
    CutBefore,
    /// Bytes left, and nothing came of them.
    CutBetween,
    /// Accepted, and the connection is cut.
    CutAfter,
    TooMany,
    /// 500, and the post is there.
    ErrorAfter,
    /// 500, and the post is not there.
    ErrorBefore,
    /// 503, said to have had no effect.
    Unavailable,
    /// 400.
    Wrong,
    /// Accepted, and the answer cannot be read.
    Garbage,
}

/// A copy that is there.
#[derive(Debug, Clone)]
pub struct Copy {
    pub delivery: String,
    pub text: String,
    pub at: Millis,
    id: String,
}

/// A request whose first byte of content has left.
#[derive(Debug, Clone)]
pub struct Sent {
    pub delivery: String,
    pub text: String,
    pub from: Owner,
    pub at: Millis,
    /// When its answer, or the end of its connection or of its process, came.
    pub over: Option<Millis>,
}

/// A request from its first byte on: it is over when whoever waits for its answer has it, or is gone.
struct UnderWay {
    net: Arc<Network>,
    /// Its place among those that were sent.
    place: usize,
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let now = self.net.clock.now();
        if let Some(sent) = self.net.known().sent.get_mut(self.place) {
            sent.over = Some(now);
        }
    }
}

/// A request that lands later, whatever becomes of who sent it.
struct Landing {
    at: Millis,
    timeline: String,
    posted: Posted,
    from: Owner,
}

#[derive(Default)]
pub struct Known {
    pub copies: BTreeMap<String, Vec<Copy>>,
    pub sent: Vec<Sent>,
    landing: Vec<Landing>,
    made: u32,
    /// No more faults.
    pub calm: bool,
    /// How often each thing happened.
    pub met: BTreeMap<&'static str, u64>,
    pub lines: Vec<String>,
}

/// What the nodes are connected to.
pub struct Network {
    known: Mutex<Known>,
    chance: Mutex<Chance>,
    pub clock: Clock,
    pub planted: Option<Fault>,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Network")
    }
}

impl Network {
    pub fn new(chance: Chance, clock: Clock) -> Self {
        let (known, chance) = (Mutex::default(), Mutex::new(chance));
        Self { known, chance, clock, planted: None }
    }

    pub fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn chance(&self) -> MutexGuard<'_, Chance> {
        self.chance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn met(&self, what: &'static str) {
        *self.known().met.entry(what).or_default() += 1;
    }

    /// What is to land by now is there.
    pub fn land(&self, is_gone: impl Fn(Owner) -> bool) {
        let now = self.clock.now();
        let mut known = self.known();
        let (landed, later): (Vec<_>, Vec<_>) =
            std::mem::take(&mut known.landing).into_iter().partition(|l| l.at <= now);
        known.landing = later;
        for l in landed {
            known.made += 1;
            let id = format!("c{}", known.made);
            known.lines.push(format!("the network has {} of {}", id, l.posted.delivery));
            if is_gone(l.from) {
                *known.met.entry("a late request lands after its process is gone").or_default() += 1;
            }
            let copy = Copy { delivery: l.posted.delivery, text: l.posted.text, at: l.at, id };
            known.copies.entry(l.timeline).or_default().push(copy);
        }
    }

    /// What leaves, after a planted fault.
    fn as_planted(&self, timeline: String, mut posted: Posted, at: Millis) -> (String, Posted, Millis) {
        match self.planted {
            Some(Fault::BytesLeaveEarly) => return (timeline, posted, at - 60_000),
            Some(Fault::FirstWordsLeave) => {
                let first = posted.text.rsplit_once('v').map(|(post, _)| format!("{post}v0"));
                posted.text = first.unwrap_or_default();
            }
            Some(Fault::NamesAnother) => posted.delivery = "another".to_owned(),
            Some(Fault::WrongChannel) => {
                let other = CHANNELS.iter().find(|name| **name != timeline);
                return (other.map(|name| (*name).to_owned()).unwrap_or_default(), posted, at);
            }
            _ => {}
        }
        (timeline, posted, at)
    }

    fn fate(&self) -> (Fate, [Millis; 3]) {
        let calm = self.known().calm;
        let mut chance = self.chance();
        if calm {
            return (Fate::Answered, [1, 5, 5]);
        }
        let fate = match chance.below(100) {
            0..52 => Fate::Answered,
            52..58 => Fate::Refused,
            58..62 => Fate::CutBefore,
            62..68 => Fate::CutBetween,
            68..78 => Fate::CutAfter,
            78..83 => Fate::TooMany,
            83..88 => Fate::ErrorAfter,
            88..92 => Fate::ErrorBefore,
            92..95 => Fate::Unavailable,
            95..97 => Fate::Wrong,
            _ => Fate::Garbage,
        };
        let mut wait = |slow: u64, most: Millis| {
            if chance.percent(slow) { chance.between(0, most) } else { chance.between(0, 60) }
        };
        let waits = [wait(40, 3_000), wait(40, 4_000), wait(25, 19_000)];
        if fate == Fate::CutAfter && chance.percent(30) {
            // The connection is cut at once, and what had left lands nearly half a minute later.
            return (fate, [waits[0], chance.between(5_000, 28_000), waits[2]]);
        }
        (fate, waits)
    }
}

/// The end of the network at one process.
#[derive(Debug)]
pub struct Cable {
    pub net: Arc<Network>,
    pub owner: Owner,
}

async fn pass(time: Millis) {
    tokio::time::sleep(Duration::from_millis(u64::try_from(time).unwrap_or(0))).await;
}

fn broken(why: &str) -> Broken {
    Broken { why: why.into(), ..Broken::default() }
}

fn reply(status: u16, body: String) -> Reply {
    Reply { status, headers: vec![("content-type", "application/json".into())], body: body.into() }
}

#[async_trait]
impl Wire for Cable {
    async fn carry(&self, call: Call) -> Result<Reply, Broken> {
        let path: Vec<_> = call.url.path().split('/').map(str::to_owned).collect();
        let timeline = path.get(1).cloned().unwrap_or_default();
        if call.method == channels::http::Method::POST {
            return self.post(timeline, call).await;
        }
        if call.method == channels::http::Method::GET && path.get(2).is_some_and(|p| p == "posts") {
            let key = call.url.query_pairs().find(|(k, _)| k == "key").map(|(_, v)| v.into_owned());
            return self.read(&timeline, &key.unwrap_or_default()).await;
        }
        Ok(reply(200, "{}".into()))
    }
}

impl Cable {
    /// The network takes a post, in one of many ways.
    async fn post(&self, timeline: String, mut call: Call) -> Result<Reply, Broken> {
        let net = &self.net;
        let (fate, [connect, land, answer]) = net.fate();
        pass(connect).await;
        match fate {
            Fate::Refused => {
                net.met("no connection");
                return Err(Broken { connecting: true, why: "connection refused".into(), timed_out: false });
            }
            Fate::CutBefore => {
                net.met("cut before the first byte");
                return Err(broken("the connection broke"));
            }
            _ => {}
        }
        let body = call.body().await?;
        if net.planted == Some(Fault::BytesLeaveLate) {
            pass(700).await;
        }
        let posted: Posted = serde_json::from_slice(&body).map_err(|_| broken("not a post"))?;
        let (timeline, posted, at) = net.as_planted(timeline, posted, net.clock.now());
        let under_way = {
            let mut known = net.known();
            known
                .lines
                .push(format!("bytes of {} leave node {}: {fate:?}", posted.delivery, self.owner.node));
            let sent = Sent {
                delivery: posted.delivery.clone(),
                text: posted.text.clone(),
                from: self.owner,
                at,
                over: None,
            };
            known.sent.push(sent);
            if matches!(fate, Fate::Answered | Fate::CutAfter | Fate::ErrorAfter | Fate::Garbage) {
                let landing = Landing { at: at + land, timeline, posted: posted.clone(), from: self.owner };
                known.landing.push(landing);
            }
            UnderWay { net: Arc::clone(net), place: known.sent.len() - 1 }
        };
        let answer = (land + answer).min(LIMIT + 1);
        // A cut is seen at any time, also before the request lands.
        let over = match fate {
            Fate::CutAfter if land >= 5_000 => answer % 500,
            Fate::CutAfter if answer % 2 == 0 => answer / 2,
            _ => answer,
        };
        pass(over.min(LIMIT)).await;
        drop(under_way);
        if answer > LIMIT {
            net.met("an answer comes too late");
            return Err(Broken { timed_out: true, ..broken("no answer in time") });
        }
        self.answer(fate, &posted)
    }

    fn answer(&self, fate: Fate, posted: &Posted) -> Result<Reply, Broken> {
        let met = |what| self.net.met(what);
        match fate {
            Fate::CutBetween => {
                met("bytes left, and nothing came of them");
                Err(broken("the connection broke"))
            }
            Fate::CutAfter => {
                met("answer lost after accept");
                Err(broken("the connection broke"))
            }
            Fate::TooMany => {
                met("429");
                let mut refused = reply(429, "{}".into());
                refused.headers.push(("retry-after", "3".into()));
                Ok(refused)
            }
            Fate::ErrorAfter => {
                met("500 after success");
                Ok(reply(500, "{}".into()))
            }
            Fate::ErrorBefore => Ok(reply(500, "{}".into())),
            Fate::Unavailable => {
                let mut refused = reply(503, "{}".into());
                refused.headers.push(("x-holdline-effect", "none".into()));
                Ok(refused)
            }
            Fate::Wrong => {
                met("400");
                Ok(reply(400, "{}".into()))
            }
            Fate::Garbage => {
                met("accepted, and the answer cannot be read");
                Ok(reply(200, "<html>".into()))
            }
            _ => {
                let posted = Posted { id: format!("of-{}", posted.delivery), ..posted.clone() };
                Ok(reply(201, serde_json::to_string(&posted).unwrap_or_default()))
            }
        }
    }

    /// What is there with a key.
    async fn read(&self, timeline: &str, key: &str) -> Result<Reply, Broken> {
        let net = &self.net;
        let calm = net.known().calm;
        let (wait, fails) = {
            let mut chance = net.chance();
            (chance.between(1, if calm { 5 } else { 800 }), !calm && chance.percent(15))
        };
        pass(wait).await;
        if fails {
            net.met("a read-back fails");
            return Ok(reply(502, String::new()));
        }
        let found: Vec<_> = {
            let known = net.known();
            let there = known.copies.get(timeline).into_iter().flatten().filter(|c| c.delivery == key);
            there
                .map(|c| Posted {
                    id: c.id.clone(),
                    key: key.to_owned(),
                    delivery: key.to_owned(),
                    kind: "routine".into(),
                    title: None,
                    text: c.text.clone(),
                    language: "en".into(),
                    media: Vec::new(),
                })
                .collect()
        };
        net.met(if found.is_empty() { "a read-back finds nothing" } else { "a read-back finds it" });
        Ok(reply(200, serde_json::to_string(&found).unwrap_or_default()))
    }
}
