//! What must outlive an attempt on networks with two steps: the handle that exists before the public one.

use std::time::Duration;

use async_trait::async_trait;

use crate::{Failure, Job, Pass, Retraction, Retry, parts};

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
        let kept = parts.collect::<Vec<_>>().join(" ");
        self.keep(&kept).await.map_err(|failure| failure.partly(parts::out(&kept).count(), of))
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

/// The next part of a thread among the account's own answers to the one before: `same` have its words, and so many others
/// have not. Nothing: it is not shown.
///
/// # Errors
/// A sentence, when nobody knows which it is.
pub(crate) fn next_part(mut same: Vec<String>, others: usize) -> Result<Option<String>, String> {
    match (same.len(), others) {
        (0, 0) | (1, _) => Ok(same.pop()),
        // It may be the part, changed since.
        (0, _) => Err("an answer of the account is there that does not say what was approved".to_owned()),
        _ => Err("the account has several posts with these words".to_owned()),
    }
}

/// Said of a thread that was begun before the settings led elsewhere: what comes next would answer a stranger there.
pub(crate) const ELSEWHERE: &str = "the thread was begun in another place than the one of the settings; take down what is out, and write a new post";

/// Between the parts of one attempt, on networks that take about a message a second: one that is refused for
/// the pace would be a doubt for a person.
pub(crate) async fn rest() {
    const PACE: Duration = Duration::from_millis(if cfg!(test) { 0 } else { 1_100 });
    tokio::time::sleep(PACE).await;
}

/// What is said of parts that nobody knows of.
pub(crate) const ANOTHER: &str = "look whether another one is there";

/// Whether so many parts of a thread are all that can be out.
///
/// # Errors
/// What is said of the others.
pub(crate) fn are_all(known: usize, of: usize) -> Result<(), String> {
    if known < of { Err(ANOTHER.to_owned()) } else { Ok(()) }
}

/// What is said of the parts that a look did not find. Where the settings lead elsewhere by now nobody has looked.
///
/// # Errors
/// That, where not all are known.
pub(crate) fn rest_of(looked: Result<(), String>, known: usize, of: usize) -> Result<(), String> {
    match looked {
        Err(why) if why != ELSEWHERE => Err(why),
        _ => are_all(known, of),
    }
}

/// Taking down the parts of a thread, each that is known, whatever became of the others: what is public and wrong does more
/// harm than a part that is looked for afterwards. It is said how many are gone, and what of the rest is known.
pub(crate) struct TakenDown {
    /// Of how many parts the post has.
    of: usize,
    gone: usize,
    /// What people read of the others.
    left: Vec<String>,
}

impl TakenDown {
    pub(crate) fn of(of: usize) -> Self {
        Self { of, gone: 0, left: Vec::new() }
    }

    /// What became of the part with that index.
    pub(crate) fn part(&mut self, n: usize, removed: Result<Retraction, String>) {
        match removed {
            Ok(Retraction::Gone) => self.gone += 1,
            Ok(Retraction::StillLive(why)) | Err(why) if self.of == 1 => self.left.push(why),
            Ok(Retraction::StillLive(why)) | Err(why) => {
                self.left.insert(0, format!("part {} is still there: {why}", n + 1));
            }
        }
    }

    /// Of what hangs on the parts and is still there, though they are gone.
    pub(crate) fn besides(&mut self, rest: Retraction) {
        if let Retraction::StillLive(why) = rest {
            self.left.push(why);
        }
    }

    /// What became of the thread; an error says why nobody knows about the parts that were not found.
    pub(crate) fn told(mut self, rest: Result<(), String>) -> Retraction {
        self.left.extend(rest.err());
        if self.left.is_empty() {
            return Retraction::Gone;
        }
        let (gone, of, why) = (self.gone, self.of, self.left.join("; "));
        Retraction::StillLive(if of == 1 { why } else { format!("parts taken down: {gone} of {of}; {why}") })
    }
}

/// Keeps nothing, for adapters' own tests.
pub(crate) struct Nowhere;

#[async_trait]
impl Keeper for Nowhere {
    async fn keep(&self, _: &str) -> Result<(), String> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_down_of_a_thread_is_said_with_what_is_not_known() {
        let no = || Err("not allowed".to_owned());
        let of = |parts: usize, removed: Vec<Result<Retraction, String>>, rest: Result<(), String>| {
            let mut down = TakenDown::of(parts);
            for (n, removed) in removed.into_iter().enumerate().rev() {
                down.part(n, removed);
            }
            down.told(rest)
        };
        let gone = || Ok(Retraction::Gone);
        let live = |why: &str| Retraction::StillLive(why.to_owned());
        assert_eq!(of(2, vec![gone(), gone()], Ok(())), Retraction::Gone);
        assert_eq!(of(1, vec![gone()], Ok(())), Retraction::Gone);
        assert_eq!(of(1, vec![no()], Ok(())), live("not allowed"));
        let another = "parts taken down: 1 of 3; look whether another one is there";
        assert_eq!(of(3, vec![gone()], are_all(1, 3)), live(another));
        assert_eq!(of(3, vec![gone()], Ok(())), Retraction::Gone, "no other part was ever sent");
        let asked = Err("the server does not answer".to_owned());
        assert_eq!(of(3, vec![gone()], asked), live("parts taken down: 1 of 3; the server does not answer"));
        let two = "parts taken down: 1 of 3; part 1 is still there: not allowed; part 3 is still there: not allowed";
        assert_eq!(of(3, vec![no(), gone(), no()], Ok(())), live(two));
        let both = format!("parts taken down: 0 of 3; part 1 is still there: not allowed; {ANOTHER}");
        assert_eq!(of(3, vec![no()], are_all(1, 3)), live(&both));
    }

    #[test]
    fn the_next_part_is_the_one_answer_that_has_its_words() {
        let ids = |n: usize| (0..n).map(|n| n.to_string()).collect::<Vec<_>>();
        assert_eq!(next_part(ids(0), 0), Ok(None));
        assert_eq!(next_part(ids(1), 0), Ok(Some("0".to_owned())));
        assert_eq!(next_part(ids(1), 2), Ok(Some("0".to_owned())), "another answer of the account's");
        assert!(next_part(ids(0), 1).is_err() && next_part(ids(2), 0).is_err());
    }
}
