//! What a network says later of a message, in the ledger of its delivery. Pure.
//!
//! Each message goes out with a name of ours ([`Named`]): the delivery, the number of the attempt, and its recipient's line of
//! the ledger. Whoever is named by a network of whom nobody knew has it, whatever became of our own answer. Words come twice,
//! and in any order. So that a phone has it stands above all else, and a failure counts only against the one message that a
//! recipient can have.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Ledger, Line, Mark, Recipient};
use crate::Job;

/// A message, by the name that the network gives back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    pub delivery: Uuid,
    /// The number of the attempt.
    pub attempt: i64,
    /// The recipient's line of the ledger.
    who: String,
}

impl Named {
    /// The message of an attempt to that address.
    pub(crate) fn new(job: &Job, address: &str) -> Self {
        let Recipient { tag, .. } = Recipient::new(job.delivery, address, String::new());
        Self { delivery: job.delivery, attempt: job.number, who: tag }
    }

    /// What [`Named`] is written as, and nothing else.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (delivery, attempt, who) = (parts.next()?, parts.next()?, parts.next()?);
        let named =
            Self { delivery: delivery.parse().ok()?, attempt: attempt.parse().ok()?, who: who.into() };
        let is_tag = who.len() == 16 && who.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
        (is_tag && named.to_string() == text).then_some(named)
    }

    pub fn who(&self) -> &str {
        &self.who
    }
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.delivery, self.attempt, self.who)
    }
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// The network took it.
    Taken,
    /// It is on the phone.
    Arrived,
    /// It will not arrive; why.
    Failed(String),
}

impl Fate {
    pub fn word(&self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Arrived => "arrived",
            Self::Failed(_) => "failed",
        }
    }
}

/// What a network says of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    pub of: Named,
    /// What the network calls the message.
    pub message: String,
    pub fate: Fate,
}

/// The ledger after these words; nothing: they say nothing new, or the handle is no ledger.
pub fn after(handle: &str, words: &[Word]) -> Option<String> {
    let mut ledger = super::read(handle)?;
    let mut is_new = false;
    for word in words {
        let Some(line) = ledger.ledger.iter_mut().find(|line| line.who == word.of.who) else { continue };
        if let Some(next) = line.after(word) {
            *line = next;
            is_new = true;
        }
    }
    is_new.then(|| ledger.written())
}

/// Whether everything is known of everybody, by a handle that is a ledger.
pub fn is_over(handle: &str) -> bool {
    let is_left = |mark: &Mark| matches!(mark, Mark::Waits | Mark::Skipped | Mark::Open(_));
    super::read(handle).is_some_and(|ledger| !ledger.ledger.iter().any(|line| is_left(&line.is)))
}

/// Whether the ledger has a line of that name, by a handle that is one.
pub fn names(handle: &str, who: &str) -> bool {
    super::read(handle).is_some_and(|ledger| ledger.ledger.iter().any(|line| line.who == who))
}

impl Line {
    fn after(&self, word: &Word) -> Option<Self> {
        let has = || Mark::Has(word.message.clone());
        let next = match (&word.fate, &self.is) {
            (Fate::Arrived, Mark::Has(_)) if self.arrived => return None,
            (Fate::Arrived, Mark::Has(_)) => Self { arrived: true, ..self.clone() },
            (Fate::Arrived, _) => Self { is: has(), arrived: true, ..self.clone() },
            // Also of whom it was believed that nothing was sent: it keeps a second message from them.
            (Fate::Taken, Mark::Open(_) | Mark::Waits | Mark::Skipped | Mark::Refused(_)) => {
                Self { is: has(), ..self.clone() }
            }
            (Fate::Taken, Mark::Has(_) | Mark::Failed(_)) => return None,
            (Fate::Failed(why), is) if !self.arrived && is_of(is, &word.message) => {
                Self { is: Mark::Failed(why.clone()), ..self.clone() }
            }
            (Fate::Failed(_), _) => return None,
        };
        Some(next)
    }
}

/// Whether a recipient can have no other message than that one.
fn is_of(mark: &Mark, message: &str) -> bool {
    match mark {
        Mark::Has(id) => id == message,
        Mark::Open(open) => open.asked.len() == 1,
        Mark::Waits | Mark::Skipped | Mark::Refused(_) | Mark::Failed(_) => false,
    }
}

impl Ledger {
    /// What a look has found since that ledger of the job was written down.
    pub(crate) fn news(&self, before: &Self, job: &Job) -> Vec<Word> {
        let word = |line: &Line| {
            let was = before.ledger.iter().find(|l| l.who == line.who).map(|l| &l.is);
            let (message, fate) = match (was, &line.is) {
                (Some(was), is) if was == is => return None,
                (_, Mark::Has(id)) => (id.as_str(), Fate::Taken),
                (Some(Mark::Has(id)), Mark::Failed(why)) => (id.as_str(), Fate::Failed(why.clone())),
                (_, Mark::Failed(why)) => ("", Fate::Failed(why.clone())),
                _ => return None,
            };
            let of = Named { delivery: job.delivery, attempt: job.number, who: line.who.clone() };
            Some(Word { of, message: message.to_owned(), fate })
        };
        self.ledger.iter().filter_map(word).collect()
    }

    /// The message of that id never arrives; why.
    pub(crate) fn fail(&mut self, message: &str, why: &str) {
        let is_it = |line: &&mut Line| matches!(&line.is, Mark::Has(id) if id == message);
        self.ledger.iter_mut().filter(is_it).for_each(|line| line.is = Mark::Failed(why.to_owned()));
    }

    /// On how many phones it is, as the network says.
    pub(super) fn arrived(&self) -> usize {
        self.ledger.iter().filter(|line| line.arrived).count()
    }
}

#[cfg(test)]
#[path = "ledger_later_tests.rs"]
mod tests;
