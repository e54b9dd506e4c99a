//! A post in parts on Threads: each answers the one before. Each has the two steps of a post of its own, and of a thread
//! both are written down: the numbers of the parts that are out, and the container of the next one before it is published.
//!
//! Facts: <https://developers.facebook.com/documentation/threads/retrieve-and-manage-replies/create-replies> (an account
//! may answer what hangs on a post of its own) and `threads/retrieve-and-manage-replies` there (`threads_manage_replies`
//! and `threads_read_replies`; 1,000 answers a day, which are no posts). Not tried on a real account.
//!
//! When the answer to a publication is lost, its container tells that the part is out, and not what it is called. That of
//! a later part is found among the answers to the one before. Of the first one nothing but its words tells, which can
//! be another post's: so nothing is sent after it, and a person decides.

use std::time::Duration;

use serde_json::Value;

use super::Threads;
use super::container::State;
use super::found::{FORGOTTEN, PREPARING};
use crate::graph::children::Begun;
use crate::graph::{id_of, of};
use crate::keeper::{ANOTHER, TakenDown, kept};
use crate::parts::{self, PREPARED};
use crate::{Failure, Job, NOT_OURS, Pass, Receipt, Retraction, Retry, Sighting};

/// Some of the answers of a day are free again after a while.
const NEXT_ANSWERS: Duration = Duration::from_hours(1);
const ELSEWHERE: &str = "the parts that are out are on another account; connect that one";
const UNNAMED: &str = "Threads does not tell what it calls the last of them, so no part can answer it";
const LATER: &str =
    "another try finishes the thread; wait five minutes after the last one, which may still arrive";

/// Where a post stands: alone, or among the parts of a thread.
pub(super) struct Place<'a> {
    /// The container that an earlier attempt has written down for it.
    pub known: Option<&'a str>,
    /// The parts that are out before it.
    before: &'a [String],
    /// How many parts the post has.
    of: usize,
    begun: Begun,
}

impl<'a> Place<'a> {
    pub fn alone(known: Option<&'a str>) -> Self {
        Self { known, before: &[], of: 1, begun: Begun::now() }
    }

    /// What is prepared for it in time.
    pub async fn prepared<T>(&self, prepare: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        self.begun.prepared(self.before.len(), "Threads", prepare).await
    }

    /// What it answers.
    pub fn after(&self, user: &str) -> Option<&'a str> {
        self.before.last().and_then(|last| id_of(user, last))
    }

    /// What is written down with its container.
    pub fn written(&self, user: &str, container: &str) -> String {
        let this = of(user, container);
        if self.of == 1 {
            return this;
        }
        let prepared = format!("{PREPARED}{this}");
        self.before.iter().chain([&prepared]).map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// What earlier attempts have written down of a thread.
struct Written {
    /// The parts that are out, each with the account whose it is.
    out: Vec<String>,
    /// The container of the next one.
    prepared: Option<String>,
    of: usize,
}

/// Why nobody knows about the rest, with what is out.
fn said(out: usize, of: usize, why: impl Into<String>) -> String {
    match Failure::never(why).partly(out, of) {
        Failure::InDoubt { reason } | Failure::Rejected { reason, .. } => reason,
        closed @ Failure::Closed { .. } => closed.to_string(),
    }
}

impl Threads {
    fn written(&self, job: &Job) -> Result<Written, String> {
        let handle = job.handle.as_deref().unwrap_or_default();
        let (out, of) = kept(job, |id| id_of(&self.user, id).is_some());
        if out.len() != parts::out(handle).count() {
            return Err(ELSEWHERE.to_owned());
        }
        let prepared = handle.split(' ').find_map(|part| part.strip_prefix(PREPARED));
        let prepared = prepared.and_then(|named| id_of(&self.user, named)).map(str::to_owned);
        Ok(Written { out, prepared, of })
    }

    /// Publishes what is not out yet.
    pub(super) async fn publish_parts(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let written = self.written(job);
        let Written { mut out, mut prepared, of } = written.map_err(|reason| Failure::InDoubt { reason })?;
        let begun = Begun::now();
        if out.is_empty() && prepared.is_none() {
            self.may_answer(job, of - 1).await?;
        }
        let mut first = None;
        while out.len() < of {
            let n = out.len();
            let known = prepared.take();
            let place = Place { known: known.as_deref(), before: &out, of, begun };
            let published = self.publish_one(&part(job, n), &place, pass).await;
            let receipt = published.map_err(|failure| failure.partly(n, of))?;
            let number = match receipt.remote_id.as_str() {
                // Nothing answers the last one.
                "" if n + 1 == of => break,
                "" => self.number(job, &out).await.map_err(|why| unnamed(n + 1, of, why))?,
                id => id.to_owned(),
            };
            out.push(number);
            pass.keep_parts(out.iter().map(String::as_str), of).await?;
            first.get_or_insert(receipt);
        }
        match first.filter(|receipt| receipt.remote_id == out[0]) {
            Some(receipt) => Ok(receipt),
            None => Ok(self.receipt(&out[0]).await),
        }
    }

    async fn receipt(&self, first: &str) -> Receipt {
        let id = id_of(&self.user, first).unwrap_or_default();
        Receipt { remote_id: first.to_owned(), url: self.api.link(id, "permalink").await, note: None }
    }

    /// What the part after these is called, which is out.
    async fn number(&self, job: &Job, out: &[String]) -> Result<String, String> {
        let last = out.last().and_then(|last| id_of(&self.user, last)).ok_or(UNNAMED)?;
        let words = job.rendition.texts().nth(out.len()).unwrap_or_default();
        let found = self.answer(last, words).await?;
        found.map(|id| of(&self.user, &id)).ok_or_else(|| UNNAMED.to_owned())
    }

    /// Whether the account can still answer so often today. A routine post waits; of another one the first part is
    /// worth more than nothing. What is not told stops no thread.
    async fn may_answer(&self, job: &Job, needs: usize) -> Result<(), Failure> {
        let limit = [self.user.as_str(), "threads_publishing_limit"];
        let told = match self.api.ask(&limit, &[("fields", "reply_quota_usage,reply_config")]).await {
            Err(Failure::Rejected { reason, retry: retry @ Retry::Reconnect }) => {
                let reason = format!("a thread needs the permission threads_manage_replies; {reason}");
                return Err(Failure::Rejected { reason, retry });
            }
            told => told.ok().and_then(|answer| answer.json::<Value>().ok()).unwrap_or_default(),
        };
        let (used, total) =
            (&told["data"][0]["reply_quota_usage"], &told["data"][0]["reply_config"]["quota_total"]);
        let left = used.as_u64().zip(total.as_u64()).map(|(used, total)| total.saturating_sub(used));
        match left
            .filter(|left| job.kind == "routine" && usize::try_from(*left).is_ok_and(|left| left < needs))
        {
            None => Ok(()),
            Some(left) => {
                let reason =
                    format!("the account may still answer {left} times today, and the thread needs {needs}");
                Err(Failure::Rejected { reason, retry: Retry::Later(NEXT_ANSWERS) })
            }
        }
    }

    /// How much of a thread is out.
    ///
    /// # Errors
    /// A sentence, when nobody knows.
    pub(super) async fn find_parts(&self, job: &Job) -> Result<Sighting, String> {
        let Written { out, prepared, of } = self.written(job)?;
        let n = out.len();
        let Some(container) = prepared else {
            return Ok(match n {
                0 => self.find_one(job).await,
                _ if n == of => Sighting::Found(self.receipt(&out[0]).await),
                // Without a container the next one was never published.
                _ => Sighting::partly(n, of),
            });
        };
        let state = self.state(&container).await.map_err(|failure| said(n, of, failure.to_string()))?;
        match state {
            State::Out if n + 1 == of => Ok(Sighting::Found(self.receipt(&out[0]).await)),
            State::Out => match self.number(job, &out).await {
                Ok(_) => Ok(Sighting::partly(n + 1, of)),
                Err(why) => Err(said(n + 1, of, why)),
            },
            State::Ready | State::Dead if n == 0 => Ok(Sighting::Absent),
            State::Dead => Ok(Sighting::partly(n, of)),
            State::Ready => Err(said(n, of, LATER)),
            State::Preparing => Err(said(n, of, PREPARING)),
            State::Forgotten => Err(said(n, of, FORGOTTEN)),
        }
    }

    /// Takes the parts down, the last one first, so that no answer stands without what it answers.
    pub(super) async fn remove_parts(
        &self,
        job: &Job,
        remote_id: Option<&str>,
    ) -> Result<Retraction, String> {
        let Written { mut out, prepared, of } = self.written(job)?;
        let rest = match prepared.filter(|_| !out.is_empty()) {
            None => Ok(()),
            Some(container) => self.rest(job, &mut out, &container).await,
        };
        if out.is_empty() {
            out.extend(remote_id.map(str::to_owned));
        }
        if out.is_empty() {
            return Err(NOT_OURS.to_owned());
        }
        let mut down = TakenDown::of(of);
        for (n, part) in out.iter().enumerate().rev() {
            let answers = n.checked_sub(1).and_then(|before| id_of(&self.user, &out[before]));
            down.part(n, self.remove(job, Some(part), answers).await);
        }
        Ok(down.told(rest))
    }

    /// Adds the part whose container is written down, if it is out.
    async fn rest(&self, job: &Job, out: &mut Vec<String>, container: &str) -> Result<(), String> {
        match self.state(container).await.map_err(|failure| failure.to_string())? {
            State::Out => {
                let number = self.number(job, out).await.map_err(|_| ANOTHER.to_owned())?;
                out.push(number);
                Ok(())
            }
            State::Dead => Ok(()),
            // It can still be published by a request that arrives late.
            State::Ready | State::Preparing | State::Forgotten => Err(ANOTHER.to_owned()),
        }
    }
}

/// One part as a post of its own. Pictures go with the first.
pub(super) fn part(job: &Job, n: usize) -> Job {
    let mut part = Job { rendition: job.rendition.part(n), ..job.clone() };
    if n > 0 {
        part.media.clear();
        part.media_urls.clear();
    }
    part
}

fn unnamed(out: usize, of: usize, reason: String) -> Failure {
    Failure::InDoubt { reason }.partly(out, of)
}
