//! Who has a post on a network that sends it to each recipient by itself. Pure.
//!
//! The ledger is the handle of an attempt ([`crate::Pass::keep`]). It has a line for each recipient, and is written
//! down before each request, with the recipient of that request as open, so that whatever ends the attempt, a later
//! one knows who has the post, who was refused, of whom nobody knows, and whose turn has not come. Those who have it
//! are never sent it again. Those of whom nobody knows are sent it once more only when a person has decided so
//! ([`judged`]), who was told that it is their turn. A request names its attempt: where that one provably never began,
//! the request was never made ([`without`]).
//!
//! Addresses are private. The ledger names a recipient by a hash and the end of the address, and the audit log
//! gets numbers only ([`logged`], [`public`]).

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::message::SLACK;
use crate::{Failure, hash};

#[path = "ledger_later.rs"]
mod later;
#[path = "ledger_turns.rs"]
mod turns;
#[path = "ledger_words.rs"]
mod words;

pub use later::{Fate, Named, Word, after, is_over, names};
pub use words::{WITHDRAWN, public};

/// Said when what is written down was not written by this version.
const UNREADABLE: &str = "what is written down of who has it cannot be read; look at the network who has it";
/// How long a request takes at most. Its message is made meanwhile.
const REQUEST: TimeDelta = TimeDelta::seconds(20);

/// One recipient, as the ledger names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recipient {
    tag: String,
    shown: String,
}

impl Recipient {
    /// `shown` is as much of the address as may be read.
    pub(crate) fn new(delivery: Uuid, address: &str, shown: String) -> Self {
        Self { tag: hash(format!("{delivery} {address}").as_bytes())[..16].to_owned(), shown }
    }
}

/// A request that was about to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Unix seconds.
    at: i64,
    /// The number of its attempt; 0 once that one has ended in order, or a person has judged it.
    by: i64,
}

/// Requests for one recipient of whose answers nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Open {
    asked: Vec<Asked>,
    /// How many requests there may be. The first needs nobody's word.
    most: usize,
}

impl Open {
    /// Whether a message that was made at that time (Unix seconds) can be of one of the requests.
    pub(crate) fn covers(&self, made: i64) -> bool {
        let (before, after) = (SLACK.num_seconds(), (REQUEST + SLACK).num_seconds());
        self.asked.iter().any(|asked| (asked.at - before..=asked.at + after).contains(&made))
    }

    /// No message of the requests is older, in Unix seconds.
    pub(crate) fn since(&self) -> i64 {
        self.asked.iter().map(|asked| asked.at - SLACK.num_seconds()).min().unwrap_or_default()
    }

    /// Takes back the leave for another request.
    fn take_back(&mut self) {
        self.most = self.asked.len().max(1);
    }

    fn is_allowed(&self) -> bool {
        self.asked.len() < self.most
    }
}

/// What is known of one recipient.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mark {
    /// Their turn has not come.
    Waits,
    /// The network did not take it for them, without effect, and a person may have to mend something.
    Skipped,
    /// The network took it, and calls it so.
    Has(String),
    /// The network did not take it for them, and why. It made no message.
    Refused(String),
    /// The network took it, and it will never arrive; why.
    Failed(String),
    Open(Open),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    who: String,
    shown: String,
    is: Mark,
    /// The network says that it is on the phone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    arrived: bool,
    /// Since when the network asks to come back later for them, in Unix seconds, and later by the time of each pause (`ledger_turns.rs`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    put_off: Option<i64>,
    /// When it asked that last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    put_off_last: Option<i64>,
}

/// Who has the post.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ledger {
    ledger: Vec<Line>,
    /// A person wanted it taken down: nothing more is sent.
    #[serde(default)]
    withdrawn: bool,
    /// How many attempts ended with somebody for whom the network asked to come back later.
    #[serde(default)]
    pub(crate) laters: u32,
}

impl Ledger {
    /// What earlier attempts have written down.
    ///
    /// # Errors
    /// A sentence, when it cannot be read. Then nobody may be sent anything.
    pub(crate) fn read(handle: Option<&str>) -> Result<Self, String> {
        handle.map_or_else(|| Ok(Self::default()), |h| serde_json::from_str(h).map_err(|_| UNREADABLE.into()))
    }

    /// The ledger with which an attempt begins.
    ///
    /// # Errors
    /// When it cannot be read, or a person wanted the post taken down: nothing is sent.
    pub(crate) fn begun(handle: Option<&str>, all: &[Recipient]) -> Result<Self, Failure> {
        let mut ledger = Self::read(handle).map_err(|reason| Failure::InDoubt { reason })?;
        if ledger.withdrawn {
            return Err(words::stays());
        }
        ledger.begin(all);
        Ok(ledger)
    }

    pub(crate) fn written(&self) -> String {
        // Strings and numbers always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// An attempt begins. Everybody on the list has a line. Who was refused is asked for again, because the cause
    /// may be mended; who is off the list and has nothing is forgotten.
    pub(crate) fn begin(&mut self, all: &[Recipient]) {
        for line in self.ledger.iter_mut().filter(|l| matches!(l.is, Mark::Refused(_))) {
            line.is = Mark::Waits;
        }
        let is_on_list = |line: &Line| all.iter().any(|who| who.tag == line.who);
        self.ledger.retain(|l| !matches!(l.is, Mark::Waits | Mark::Skipped) || is_on_list(l));
        let new: Vec<&Recipient> = all.iter().filter(|who| self.mark(who).is_none()).collect();
        // Somebody came onto the list meanwhile: a person was told that their turn comes first.
        if !new.is_empty() {
            self.opens().for_each(Open::take_back);
        }
        new.into_iter().for_each(|who| self.set(who, Mark::Waits));
    }

    /// The attempt ends in order: what is open now stays so, whatever is said of the attempt later.
    pub(crate) fn end(&mut self) {
        self.opens().flat_map(|open| &mut open.asked).for_each(|asked| asked.by = 0);
    }

    fn opens(&mut self) -> impl Iterator<Item = &mut Open> {
        self.ledger.iter_mut().filter_map(|l| match &mut l.is {
            Mark::Open(open) => Some(open),
            _ => None,
        })
    }

    pub(crate) fn mark(&self, who: &Recipient) -> Option<&Mark> {
        self.ledger.iter().find(|l| l.who == who.tag).map(|l| &l.is)
    }

    pub(crate) fn set(&mut self, who: &Recipient, is: Mark) {
        match self.ledger.iter_mut().find(|l| l.who == who.tag) {
            Some(line) => line.is = is,
            None => {
                let (who, shown) = (who.tag.clone(), who.shown.clone());
                self.ledger.push(Line { who, shown, is, arrived: false, put_off: None, put_off_last: None });
            }
        }
    }

    /// A request for them is about to leave: at that time (Unix seconds), by the attempt of that number.
    pub(crate) fn ask(&mut self, who: &Recipient, at: i64, by: i64) {
        let mut open = match self.mark(who) {
            Some(Mark::Open(open)) => open.clone(),
            _ => Open { asked: Vec::new(), most: 1 },
        };
        open.asked.push(Asked { at, by });
        self.set(who, Mark::Open(open));
    }

    /// Whether anybody has it, or may have it.
    pub(crate) fn is_out(&self) -> bool {
        self.ledger.iter().any(|l| matches!(l.is, Mark::Has(_) | Mark::Open(_)))
    }

    /// Whether the network was ever asked to take it, and may have done so.
    pub(crate) fn was_out(&self) -> bool {
        self.is_out() || self.ledger.iter().any(|l| matches!(l.is, Mark::Failed(_)))
    }

    pub(crate) fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }

    /// What the network calls each message that it took, with the end of its address.
    pub(crate) fn messages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.ledger.iter().filter_map(|l| match &l.is {
            Mark::Has(id) => Some((id.as_str(), l.shown.as_str())),
            _ => None,
        })
    }

    /// Those of whom nobody knows, by the ends of their addresses.
    pub(crate) fn unknown(&self) -> Vec<&str> {
        let open = self.ledger.iter().filter(|l| matches!(l.is, Mark::Open(_)));
        open.map(|l| l.shown.as_str()).collect()
    }

    fn count(&self, wanted: fn(&Mark) -> bool) -> usize {
        self.ledger.iter().filter(|l| wanted(&l.is)).count()
    }
}

fn read(handle: &str) -> Option<Ledger> {
    Ledger::read(Some(handle)).ok()
}

/// Whether a handle is a ledger.
pub fn is_ledger(handle: &str) -> bool {
    read(handle).is_some()
}

/// Whether somebody has the post, or may have it, by a handle that is a ledger.
pub fn is_out(handle: &str) -> bool {
    read(handle).is_some_and(|ledger| ledger.is_out())
}

/// Whether a handle is a ledger that has somebody of whom nobody knows.
pub fn has_unknown(handle: &str) -> bool {
    read(handle).is_some_and(|ledger| !ledger.unknown().is_empty())
}

/// Whether a handle is a ledger that is written down before a request.
pub fn asks(handle: &str) -> bool {
    read(handle).is_some_and(|mut ledger| ledger.opens().any(|open| open.asked.iter().any(|a| a.by != 0)))
}

/// How far a post has come that is out, or may be, and not with everybody, by a handle that is a ledger.
pub fn so_far(handle: &str) -> Option<String> {
    let ledger = read(handle)?;
    let rest = ledger.count(|m| !matches!(m, Mark::Has(_)));
    let of = ledger.ledger.len();
    let (has, unknown) = (of - rest, ledger.unknown().len());
    (ledger.is_out() && rest > 0).then(|| match unknown {
        0 => format!("it went to {has} of {of}"),
        _ => format!("it went to {has} of {of}, and nobody knows of {unknown}"),
    })
}

/// How many recipients are known not to have it, and how many there are, by a handle that is a ledger.
pub fn without_it(handle: &str) -> Option<(usize, usize)> {
    let ledger = read(handle)?;
    let lost = ledger.count(|m| matches!(m, Mark::Refused(_) | Mark::Failed(_)));
    Some((lost, ledger.ledger.len()))
}

/// What people read of a post that is out, or may be, when the ledger has changed since. Where it is known to be out, whoever
/// is open has it.
pub fn note(handle: &str, is_out: bool) -> Option<String> {
    let mut ledger = read(handle)?;
    for line in ledger.ledger.iter_mut().filter(|line| is_out && matches!(line.is, Mark::Open(_))) {
        line.is = Mark::Has(String::new());
    }
    if ledger.count(|m| matches!(m, Mark::Waits | Mark::Skipped | Mark::Open(_))) > 0 {
        return Some(ledger.one_by_one());
    }
    match ledger.receipt(&[])? {
        Ok(receipt) => receipt.note,
        Err(nobody) => Some(nobody.to_string()),
    }
}

/// Whether a handle is a ledger of a post that people wanted taken down.
pub fn is_withdrawn(handle: &str) -> bool {
    read(handle).is_some_and(|ledger| ledger.withdrawn)
}

/// The handle without the requests of attempts that provably had no effect, by their numbers. Whose only requests
/// these are waits for their turn. What is no ledger stays as it is.
pub fn without(handle: String, attempts: &[i64]) -> String {
    let Some(mut ledger) = read(&handle) else { return handle };
    for line in &mut ledger.ledger {
        if let Mark::Open(open) = &mut line.is {
            open.asked.retain(|asked| asked.by == 0 || !attempts.contains(&asked.by));
            if open.asked.is_empty() {
                line.is = Mark::Waits;
            }
        }
    }
    ledger.written()
}

/// The ledger after a person's word about the attempt: what is open is open for good. `again`: it is to be tried
/// again. When everybody had their turn, that is about those of whom nobody knows: each may be sent it once more.
/// Nothing: the handle is no ledger.
pub fn judged(handle: &str, again: bool) -> Option<String> {
    let mut ledger = read(handle)?;
    ledger.end();
    let is_over = ledger.count(|m| *m == Mark::Waits) == 0;
    for open in ledger.opens() {
        open.take_back();
        open.most += usize::from(again && is_over);
    }
    Some(ledger.written())
}

/// The ledger after a person wanted the post taken down. Nothing: the handle is no ledger.
pub fn withdrawn(handle: &str) -> Option<String> {
    Some(Ledger { withdrawn: true, ..read(handle)? }.written())
}

/// What the audit log may hold of a handle that is a ledger: numbers, and nothing of a recipient.
pub fn logged(handle: &str) -> Option<Value> {
    let ledger = read(handle)?;
    let mut logged = json!({
        "has": ledger.count(|m| matches!(m, Mark::Has(_))),
        "open": ledger.count(|m| matches!(m, Mark::Open(_))),
        "refused": ledger.count(|m| matches!(m, Mark::Refused(_) | Mark::Failed(_))),
        "waits": ledger.count(|m| matches!(m, Mark::Waits | Mark::Skipped)),
    });
    if ledger.arrived() > 0 {
        logged["arrived"] = ledger.arrived().into();
    }
    Some(logged)
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
