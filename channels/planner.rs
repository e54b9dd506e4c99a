//! What the adapters of planners share: services in which people plan posts, for several networks (Postiz, Buffer,
//! Hootsuite, Mixpost) or for one (X Ads). A freeze holds what is planned in them. Nothing of ours is published through them: a post
//! of ours could neither be read back nor proved, so its network is connected itself.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::http::{Answer, Http, Request};
use crate::planner_quota::{self as quota, Left};
use crate::quota::{Counted, Of, Quota};
use crate::scheduler::{Discarded, Listing, Rests, Scheduled, Standing, stays, unanswered};
use crate::text::Unit;
use crate::{
    Capabilities, Channel, Clock, Connection, Failure, Health, Job, Limits, Pass, PictureLimits, Pins,
    ReadBack, Receipt, Replay, Retraction, Retry, Scheduler, Sighting,
};

/// What a planner can do: be held, and nothing else.
pub(crate) const CAPABILITIES: Capabilities = Capabilities {
    replay: Replay::None,
    read_back: ReadBack::None,
    retract: false,
    media: false,
    starts_only: false,
    revises: None,
    pins: Pins::None,
    fetches: false,
    watches: false,
    sweeps: true,
    publishes: false,
    concurrency: 1,
};

/// No text fits.
pub(crate) const LIMITS: Limits = Limits {
    text: Some(0),
    unit: Unit::Characters,
    text_bytes: None,
    title: None,
    title_needed: false,
    media: 0,
    media_bytes: 0,
    media_all: None,
    alt: None,
    parts: 1,
    cards: false,
    pictures: PictureLimits::ANY,
};

/// What is nearer is not put back: it could go out at once.
pub(crate) const NEAR: TimeDelta = TimeDelta::minutes(5);
pub(crate) const NO_POST: &str = "the answer names no post";
const NO_POSTS: &str = "posts cannot be sent through a scheduler; connect the network itself";
const RESTS: &str = "the server asks us to wait";
const APPROVES: &str =
    "it waits there for an approval, and goes out when it has that: reject it there, then drop it here";
/// Said of a schedule of which a part is odd.
pub(crate) const ODD: &str =
    "something on the schedule cannot be read as a post with a time, and is not held: look at it there";
const TOO_SLOW: &str = "the schedule could not be read to its end in time";
/// How long a list may take: whoever asks for it waits a little longer.
const LISTS: Duration = Duration::from_secs(75);
/// So few requests are kept for holds.
const RESERVE: u64 = 30;

/// A planner, as its adapter speaks to it.
#[async_trait]
pub(crate) trait Planner: Scheduler {
    /// Whether its schedule can be read.
    ///
    /// # Errors
    /// A sentence, when it cannot.
    async fn inspect(&self) -> Result<Health, String>;

    /// How many minutes apart it is checked, as it was seen, where it takes few requests; nothing: as all channels.
    fn checked_every(&self, _ready: bool) -> Option<u32> {
        None
    }

    /// How many requests it still takes, where its answers tell.
    fn calls(&self) -> Option<Quota> {
        None
    }
}

/// A planner as a channel. No request leaves for a post, whoever asks for one.
pub(crate) struct Planning<P>(pub P);

#[async_trait]
impl<P: Planner> Channel for Planning<P> {
    async fn publish(&self, _job: &Job, _pass: &Pass) -> Result<Receipt, Failure> {
        Err(Failure::never(NO_POSTS))
    }

    async fn read_back(&self, _job: &Job) -> Sighting {
        Sighting::Unknown(NO_POSTS.to_owned())
    }

    async fn retract(&self, _job: &Job, _remote_id: Option<&str>) -> Retraction {
        Retraction::StillLive(NO_POSTS.to_owned())
    }

    async fn check(&self) -> Health {
        let mut health = Health::from(self.0.inspect().await);
        health.facts.checked_every = self.0.checked_every(health.ready);
        health.facts.calls = self.0.calls();
        health
    }

    fn scheduler(&self) -> Option<&dyn Scheduler> {
        Some(&self.0)
    }
}

/// Requests to one planner. After it asked for a wait, none leaves before that is over.
pub(crate) struct Api {
    title: &'static str,
    /// The field of a refusal that says why.
    words: &'static str,
    secret: SecretString,
    http: Arc<Http>,
    clock: Clock,
    rests: Rests,
    /// The windows of the newest answer that told of them.
    left: Mutex<Vec<Left>>,
}

/// What is kept behind a lock; also when somebody panicked with it.
pub(crate) fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Api {
    pub fn new(connection: &Connection, title: &'static str, words: &'static str) -> Result<Self, String> {
        Ok(Self {
            title,
            words,
            secret: connection.secret()?.clone(),
            http: Arc::clone(&connection.http),
            clock: Arc::clone(&connection.clock),
            rests: Rests::default(),
            left: Mutex::new(Vec::new()),
        })
    }

    pub fn secret(&self) -> &SecretString {
        &self.secret
    }

    pub fn now(&self) -> DateTime<Utc> {
        (self.clock)()
    }

    /// Whether it takes more requests for now.
    ///
    /// # Errors
    /// A sentence, when it asked for a wait that is not over.
    pub fn spare(&self) -> Result<(), String> {
        match self.rests() {
            Some(_) => Err(RESTS.to_owned()),
            None => Ok(()),
        }
    }

    /// Whether so few requests are left that they are kept for holds.
    pub fn is_short(&self) -> bool {
        lock(&self.left).iter().any(|left| left.requests <= RESERVE && left.until > self.now())
    }

    /// How many requests are left of the window that has the fewest of them, as the newest answer told.
    pub fn calls(&self) -> Option<Quota> {
        let now = self.now();
        let fewest = lock(&self.left)
            .iter()
            .filter(|left| left.until > now)
            .min_by_key(|left| left.requests)
            .copied()?;
        let (left, resets_at) = (fewest.requests, Some(fewest.until));
        let (limit, heard_at, counted) = (None, None, Counted::default());
        Some(Quota { of: Of::App, limit, left, resets_at, heard_at, counted })
    }

    /// How long to wait after a list of so many requests that was begun then, so that those kept for holds stay.
    pub fn pace(&self, requests: u64, since: DateTime<Utc>) -> TimeDelta {
        quota::pace(&lock(&self.left), RESERVE, requests, (since, self.now()))
    }

    /// Until when it asked for a wait.
    pub fn rests_until(&self) -> Option<DateTime<Utc>> {
        self.rests.until()
    }

    /// How much of a wait is left.
    fn rests(&self) -> Option<Duration> {
        self.rests.left(self.now())
    }

    fn note(&self, answer: &Answer) {
        let left = quota::left(answer, self.now());
        if !left.is_empty() {
            *lock(&self.left) = left;
        }
        if answer.status == 429 {
            self.rests.begin(self.now(), quota::wait(answer, self.now()));
        }
    }

    /// Makes a request; through the gate, when it puts a post back. The answer has any status.
    ///
    /// # Errors
    /// When there is none, or none was asked for.
    pub async fn ask(&self, request: Request, pass: Option<&Pass>) -> Result<Answer, Failure> {
        if let Some(left) = self.rests() {
            return Err(Failure::Rejected { reason: RESTS.to_owned(), retry: Retry::After(left) });
        }
        let answer = match pass {
            Some(pass) => self.http.send(request, pass).await,
            None => self.http.call(request).await,
        };
        let answer = answer.map_err(unanswered)?;
        self.note(&answer);
        Ok(answer)
    }

    /// An answer that accepts. What the request bore besides the credential is shown no more than that.
    ///
    /// # Errors
    /// What another one means.
    pub fn accepted(&self, answer: Answer, bore: Option<&SecretString>) -> Result<Answer, Failure> {
        if answer.is_success() { Ok(answer) } else { Err(self.failure(&answer, bore)) }
    }

    fn failure(&self, answer: &Answer, bore: Option<&SecretString>) -> Failure {
        match answer.status {
            400 | 402 | 404..=407 | 409..=428 | 430..=499 => {
                let secrets = [Some(&self.secret), bore].into_iter().flatten();
                let secrets: Vec<_> = secrets.map(ExposeSecret::expose_secret).collect();
                let words = answer.words(self.words, &secrets);
                let what = format!("{} refuses the request", self.title);
                answer.rejected(&what, words.as_deref(), Retry::Never)
            }
            429 => answer.rejected(RESTS, None, Retry::After(quota::wait(answer, self.now()))),
            _ => answer.failure(),
        }
    }

    /// As [`Api::ask`], of a request that must be accepted.
    ///
    /// # Errors
    /// As [`Api::ask`], and when it is not.
    pub async fn call(&self, request: Request, pass: Option<&Pass>) -> Result<Answer, Failure> {
        self.accepted(self.ask(request, pass).await?, None)
    }
}

/// What was read of a schedule.
#[derive(Debug, Default)]
pub(crate) struct Seen<T> {
    pub all: T,
    /// What could not be read, if something could not.
    pub unseen: Option<&'static str>,
}

impl Seen<Vec<Scheduled>> {
    /// Adds a post, when it is on the schedule. Where it stands otherwise is known, or it is odd.
    pub fn add(&mut self, stands: Standing) {
        match stands {
            Standing::Scheduled(post) => self.all.push(*post),
            Standing::Unknown(_) => self.unseen = self.unseen.or(Some(ODD)),
            Standing::Held { .. } | Standing::Out(_) | Standing::Gone(_) => {}
        }
    }

    /// As it is held.
    pub fn listing(self) -> Listing {
        Listing { items: self.all, unseen: self.unseen.map(str::to_owned), ..Listing::default() }
    }
}

/// Reads a list for as long as a list may take. What was read by then is there.
///
/// # Errors
/// What the reading ends with, or that it took too long.
pub(crate) async fn in_time(read: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    within(LISTS, read).await
}

async fn within(most: Duration, read: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    tokio::time::timeout(most, read).await.unwrap_or_else(|_| Err(TOO_SLOW.to_owned()))
}

/// What a check says of a planner that plans posts for so many accounts.
pub(crate) fn sees(accounts: usize) -> String {
    match accounts {
        0 => "its schedule can be read; it has no accounts yet".to_owned(),
        1 => "its schedule can be read: it posts on one account".to_owned(),
        n => format!("its schedule can be read: it posts on {n} accounts"),
    }
}

/// A step before the one that touches a post went wrong.
pub(crate) fn no_effect(why: &str) -> Failure {
    Failure::Rejected { reason: why.to_owned(), retry: Retry::Backoff }
}

/// Whether a text can be an id: what is put into an address and a question.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
}

/// An id that is a number in some answers and a text in others.
pub(crate) fn number_or_text<'de, D: serde::Deserializer<'de>>(of: D) -> Result<String, D::Error> {
    match Value::deserialize(of)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(serde::de::Error::custom("id")),
    }
}

/// What becomes of a held post that is a draft and stays one. What waits for an approval there is none: somebody who does
/// not know of our decision can let it go out.
pub(crate) fn discarded(stands: Standing, waits: bool) -> Discarded {
    match stands {
        Standing::Held { .. } if waits => Discarded::Left(APPROVES.to_owned()),
        stands => stays(stands),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_read_before_a_list_took_too_long_is_there() {
        let mut seen = Vec::new();
        let read = async {
            seen.push(1);
            std::future::pending().await
        };
        assert_eq!(within(Duration::ZERO, read).await, Err(TOO_SLOW.to_owned()));
        assert_eq!(seen, [1]);
    }
}
