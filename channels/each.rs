//! A post that a network sends to each recipient by itself: one request each, and a ledger of who has it.

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use crate::http::Trouble;
use crate::ledger::{Ledger, Mark, Open, Recipient};
use crate::{Failure, Job, Pass, Receipt, Retry, Setting, Sighting};

/// How long an attempt goes on to the next recipient. The core gives it 120 s, and one request takes 20 s at most.
const LONGEST: Duration = Duration::from_secs(80);
/// How long a look goes on to the next recipient.
const LOOKING: Duration = Duration::from_secs(40);
/// Answers lost one after the other, after which no more requests are made.
const MOST_LOST: usize = 3;
/// How often a recipient is tried again whom the network asked to wait for.
const TRIES: u32 = 5;
/// Said when messages are shown, and not which of them is ours.
const UNCLEAR: &str = "the network shows messages with these words, and nobody knows whose they are";
const SECOND: Duration = Duration::from_millis(if cfg!(test) { 5 } else { 1_000 });

/// What became of the request for one recipient.
pub(crate) enum Told {
    /// The network answered for this recipient: it took it, or refuses it for them.
    Known(Mark),
    /// Without effect; the same request is worth another try, after this long if that was named.
    Wait(Option<Duration>, String),
    /// It may have arrived; why that is not known.
    Lost(String),
    /// Without effect, and whether for good is for a person; another recipient may fare better.
    Skipped(Failure),
    /// Without effect, and it is the same for the others.
    Stop(Failure),
}

impl From<Trouble> for Told {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Closed(why) => Self::Stop(Failure::Closed { why, partly: false }),
            Trouble::NotSent(why) => Self::Wait(None, why),
            Trouble::Lost(why) => Self::Lost(why),
        }
    }
}

/// A message with the words of the post, as the network shows it.
pub(crate) struct Shown {
    pub id: String,
    /// When it was made, in Unix seconds.
    pub made: i64,
    /// What it says of its recipient.
    pub mark: Mark,
}

/// A network that sends to each recipient by itself.
#[async_trait]
pub(crate) trait Each: Sync {
    /// The addresses, each once.
    fn addresses(&self) -> &[String];

    /// As much of an address as may be read: the end of a number.
    fn shown(&self, address: &str) -> String {
        format!("…{}", &address[address.len() - 3..])
    }

    fn now(&self) -> DateTime<Utc>;

    /// What comes before the first recipient of an attempt. Nobody sees anything of it.
    ///
    /// # Errors
    /// Why nobody is sent anything in this attempt.
    async fn prepare(&self, _job: &Job, _pass: &Pass) -> Result<(), Failure> {
        Ok(())
    }

    /// Sends it to one recipient.
    async fn send(&self, job: &Job, address: &str, pass: &Pass) -> Told;

    /// The messages with the words of the post that the network shows for one recipient, whoever made them: at
    /// least all that were made since then (Unix seconds).
    ///
    /// # Errors
    /// A sentence, when it could not be asked, or shows less.
    async fn look(&self, job: &Job, address: &str, since: i64) -> Result<Vec<Shown>, String>;
}

fn recipients(network: &dyn Each, job: &Job) -> Vec<Recipient> {
    let name = |address: &String| Recipient::new(job.delivery, address, network.shown(address));
    network.addresses().iter().map(name).collect()
}

/// The setting with the list, where it is of numbers.
pub(crate) const TO: Setting = Setting {
    name: "to",
    help: "The numbers, at most 100, like +41790000000, with commas between them",
    required: true,
    private: true,
};

/// Publishes to those who do not have it yet.
pub(crate) async fn publish(network: &dyn Each, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
    let all = recipients(network, job);
    let mut ledger = Ledger::begun(job.handle.as_deref(), &all)?;
    let began = Instant::now();
    // What an earlier attempt left open can be known by now.
    let looked = look(network, job, &all, &mut ledger).await;
    let mut run = Run { network, job, pass, all: &all, ledger, began, lost: None, skipped: None };
    let stop = run.send_all(&looked.absent).await.err();
    let Run { mut ledger, lost, skipped, .. } = run;
    ledger.end();
    // What the last answer said. Where it cannot be written down, that recipient stays open and is looked for.
    let is_kept = pass.keep(&ledger.written()).await.is_ok();
    let doubt = lost.or(looked.trouble).map(|reason| Failure::InDoubt { reason });
    let stop = match stop {
        // Everybody had their turn: only a person gets those further who were skipped.
        Some(Failure::Rejected { .. }) if ledger.untried(&all).is_empty() => skipped.or(stop),
        stop => stop.or(skipped),
    };
    ledger.outcome(&all, stop.or(doubt), is_kept, job.number)
}

/// What is known of the post by now.
pub(crate) async fn read_back(network: &dyn Each, job: &Job) -> Sighting {
    match known(network, job).await {
        Ok(known) => known.ledger.sighting(&known.all, known.trouble),
        Err(why) => Sighting::Unknown(why),
    }
}

/// The ledger, with what the network shows of those who are open.
pub(crate) struct Known {
    pub ledger: Ledger,
    all: Vec<Recipient>,
    /// Why the network could not be asked for all of them.
    pub trouble: Option<String>,
}

/// What is known by now. A look that fails for one is tried for the others.
///
/// # Errors
/// A sentence, when what is written down cannot be read.
pub(crate) async fn known(network: &dyn Each, job: &Job) -> Result<Known, String> {
    let all = recipients(network, job);
    let mut ledger = Ledger::read(job.handle.as_deref())?;
    let trouble = look(network, job, &all, &mut ledger).await.trouble;
    Ok(Known { ledger, all, trouble })
}

/// What a look came to, besides what it wrote into the ledger.
struct Looked {
    /// Those for whom the network has answered and shows nothing that is ours.
    absent: Vec<usize>,
    trouble: Option<String>,
}

/// Asks for those of whom nobody knows.
async fn look(network: &dyn Each, job: &Job, all: &[Recipient], ledger: &mut Ledger) -> Looked {
    let others = others(job);
    let began = Instant::now();
    let mut looked = Looked { absent: Vec::new(), trouble: None };
    for (n, open) in ledger.open(all) {
        let address = &network.addresses()[n];
        let shown = if began.elapsed() > LOOKING {
            Err("there was no time to ask for all".to_owned())
        } else {
            network.look(job, address, open.since()).await
        };
        match shown {
            Ok(shown) => {
                let theirs: Vec<&Mark> = others
                    .iter()
                    .filter_map(|(delivery, other)| {
                        other.mark(&Recipient::new(*delivery, address, String::new()))
                    })
                    .collect();
                match found(shown, &open, &theirs) {
                    Found::Ours(mark) => ledger.set(&all[n], mark),
                    Found::Nothing => looked.absent.push(n),
                    Found::Unclear => {
                        looked.trouble.get_or_insert(UNCLEAR.to_owned());
                    }
                }
            }
            Err(why) => {
                looked.trouble.get_or_insert(why);
            }
        }
    }
    looked
}

/// What is written down of other deliveries that may have the same messages.
fn others(job: &Job) -> Vec<(uuid::Uuid, Ledger)> {
    let read = |other: &crate::Other| Some((other.delivery, Ledger::read(Some(&other.handle)).ok()?));
    job.others.iter().filter_map(read).collect()
}

/// What the messages to one recipient come to.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// One is ours; what it says.
    Ours(Mark),
    /// None can be ours.
    Nothing,
    /// One may be ours.
    Unclear,
}

/// The message is ours that alone was made when a request of ours was under way, that no other delivery has, and
/// that none can have whose own request was under way then.
fn found(shown: Vec<Shown>, open: &Open, theirs: &[&Mark]) -> Found {
    let has = |id: &str| theirs.iter().any(|mark| matches!(mark, Mark::Has(theirs) if theirs == id));
    let mut ours = shown.into_iter().filter(|message| open.covers(message.made) && !has(&message.id));
    let Some(first) = ours.next() else { return Found::Nothing };
    let rival = theirs.iter().any(|mark| matches!(mark, Mark::Open(open) if open.covers(first.made)));
    if rival || ours.next().is_some() {
        return Found::Unclear;
    }
    Found::Ours(first.mark)
}

/// One attempt.
struct Run<'a> {
    network: &'a dyn Each,
    job: &'a Job,
    pass: &'a Pass,
    all: &'a [Recipient],
    ledger: Ledger,
    began: Instant,
    /// Why the last answer that was lost is not known.
    lost: Option<String>,
    /// Why the first recipient that was skipped was.
    skipped: Option<Failure>,
}

impl Run<'_> {
    /// Everybody whose turn it is, until something stops it.
    async fn send_all(&mut self, absent: &[usize]) -> Result<(), Failure> {
        let (mut in_a_row, turn) = (0, self.ledger.next(self.all, absent));
        if !turn.is_empty() {
            self.network.prepare(self.job, self.pass).await?;
        }
        for n in turn {
            if self.began.elapsed() > LONGEST {
                let reason = "there was no time for more".to_owned();
                return Err(Failure::Rejected { reason, retry: Retry::Later(SECOND) });
            }
            in_a_row = if self.send_to(n).await? { 0 } else { in_a_row + 1 };
            if in_a_row == MOST_LOST {
                let reason = "one answer after the other was lost".to_owned();
                return Err(Failure::InDoubt { reason });
            }
        }
        Ok(())
    }

    /// One recipient. No: the answer was lost, and they stay open.
    async fn send_to(&mut self, n: usize) -> Result<bool, Failure> {
        let (who, address) = (&self.all[n], &self.network.addresses()[n]);
        let before = self.ledger.mark(who).cloned().unwrap_or(Mark::Waits);
        for again in 0..TRIES {
            // An earlier request for them counts, too.
            self.ledger.ask(who, self.network.now().timestamp(), self.job.number);
            if let Err(failure) = self.pass.keep(&self.ledger.written()).await {
                self.ledger.set(who, before);
                return Err(failure);
            }
            let stop = match self.network.send(self.job, address, self.pass).await {
                Told::Known(mark) => {
                    // That this one was refused says nothing of an earlier request.
                    let stays = matches!(before, Mark::Open(_)) && !matches!(mark, Mark::Has(_));
                    self.ledger.set(who, if stays { before } else { mark });
                    return Ok(true);
                }
                Told::Lost(why) => {
                    self.lost = Some(why);
                    return Ok(false);
                }
                Told::Skipped(failure) => {
                    let stays = matches!(before, Mark::Open(_));
                    self.ledger.set(who, if stays { before } else { Mark::Skipped });
                    self.skipped.get_or_insert(failure);
                    return Ok(true);
                }
                Told::Stop(failure) => Some(failure),
                Told::Wait(wait, why) => {
                    self.ledger.set(who, before.clone());
                    let pause = wait.unwrap_or(SECOND * 2_u32.pow(again));
                    // Nobody has anything yet: the whole post waits as any other does.
                    let is_over = again + 1 == TRIES || self.began.elapsed() + pause > LONGEST;
                    if !self.ledger.is_out() || is_over {
                        Some(later(why, wait))
                    } else {
                        tokio::time::sleep(pause).await;
                        None
                    }
                }
            };
            if let Some(failure) = stop {
                self.ledger.set(who, before);
                return Err(failure);
            }
        }
        Ok(true)
    }
}

/// Without effect; another try is worth it, after that long if the network named it.
fn later(reason: String, wait: Option<Duration>) -> Failure {
    Failure::Rejected { reason, retry: wait.map_or(Retry::Backoff, Retry::After) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(at: i64) -> Open {
        let who = Recipient::new(uuid::Uuid::nil(), "+41790000001", "…001".to_owned());
        let mut ledger = Ledger::default();
        ledger.ask(&who, at, 1);
        match ledger.mark(&who) {
            Some(Mark::Open(open)) => open.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_is_ours_when_no_other_can_be() {
        let message = |id: &str, made| Shown { id: id.to_owned(), made, mark: Mark::Has(id.to_owned()) };
        let has = |id: &str| Mark::Has(id.to_owned());
        let ours = |id: &str| Found::Ours(has(id));
        let found = |shown: &[(&str, i64)], theirs: &[&Mark]| {
            found(shown.iter().map(|(id, made)| message(id, *made)).collect(), &open(1_000), theirs)
        };
        assert_eq!(found(&[("a", 1_010)], &[]), ours("a"));
        assert_eq!(found(&[("b", 900), ("a", 1_010), ("c", 1_200)], &[]), ours("a"), "too old, too new");
        assert_eq!(found(&[("a", 1_010), ("b", 1_020)], &[]), Found::Unclear, "nobody knows which");
        assert_eq!(found(&[("a", 1_010), ("b", 1_020)], &[&has("b")]), ours("a"), "another delivery has b");
        assert_eq!(found(&[("a", 1_010)], &[&has("a")]), Found::Nothing);
        let (near, far) = (Mark::Open(open(1_015)), Mark::Open(open(5_000)));
        assert_eq!(found(&[("a", 1_010)], &[&near]), Found::Unclear, "it may be the other delivery's");
        assert_eq!(found(&[("a", 1_010)], &[&far, &Mark::Waits]), ours("a"));
    }
}
