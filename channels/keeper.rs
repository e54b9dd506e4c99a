//! What must outlive an attempt on networks with two steps: the handle that exists before the public one.

use async_trait::async_trait;

use crate::{Failure, Job, Pass, Retry, parts};

/// Writes down the handle of one attempt.
#[async_trait]
pub trait Keeper: Send + Sync {
    /// When it returns, the handle outlives the process, and every later attempt at the delivery and every
    /// read is given it. Of two handles the later one counts.
    ///
    /// # Errors
    /// A sentence. The handle may be written down or not, and the public step must not be made.
    async fn keep(&self, handle: &str) -> Result<(), String>;
}

impl Pass {
    /// Writes down what the network calls the post, before the step that the public sees. An attempt
    /// without a handle has therefore never made that step.
    ///
    /// # Errors
    /// A rejection without effect: the public step is not made.
    pub async fn keep(&self, handle: &str) -> Result<(), Failure> {
        let kept = match &self.keeper {
            Some(keeper) => keeper.keep(handle).await,
            None => Err("nothing keeps what the network calls the post".to_owned()),
        };
        kept.map_err(|reason| Failure::Rejected { reason, retry: Retry::Backoff })
    }

    /// Writes down the parts of a thread that are out, by what the network calls each. Later attempts go on
    /// after them. A post in one part has its receipt for that.
    ///
    /// # Errors
    /// A doubt: the parts are out.
    pub async fn keep_parts<'a>(
        &self,
        parts: impl Iterator<Item = &'a str>,
        of: usize,
    ) -> Result<(), Failure> {
        if of == 1 {
            return Ok(());
        }
        let parts: Vec<&str> = parts.collect();
        self.keep(&parts.join(" ")).await.map_err(|failure| failure.partly(parts.len(), of))
    }
}

/// How many parts of the post earlier attempts have written down as out.
pub(crate) fn parts_out(job: &Job) -> usize {
    kept(job, |_| true).0.len()
}

/// The parts of the post that earlier attempts have written down as out, those whose ids have that form, and how many
/// parts it has.
pub(crate) fn kept(job: &Job, is_id: impl Fn(&str) -> bool) -> (Vec<String>, usize) {
    let of = job.rendition.texts().count();
    let kept = job.handle.as_deref().filter(|_| of > 1).unwrap_or_default();
    (parts::out(kept).filter(|id| is_id(id)).take(of).map(str::to_owned).collect(), of)
}

/// Keeps nothing, for adapters' own tests.
pub(crate) struct Nowhere;

#[async_trait]
impl Keeper for Nowhere {
    async fn keep(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}
