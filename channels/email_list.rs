//! A post to the list of a mail channel: one message, and a ledger of who has it ([`crate::ledger`]).
//!
//! Ten people get the message in one transaction (RFC 5321, section 3.3), then the next ten. A lost answer leaves the ten
//! in doubt, and so does a server that stays silent after the message; nobody can look, and a person decides. The others get it
//! all the same, unless two such answers in a row are lost. Whom the server asks to come back later (greylisting, for
//! example) waits for the next attempt, which names nobody who has it, for a day ([`LONGEST_LATER`]) or two hours ([`LONGEST_LATER_OF_INCIDENT`]). What the server takes
//! and sends back later comes as a mail to the sender ([`super::bounces`]).

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Data;
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout};

use super::{Email, Patience};
use crate::ledger::{Ledger, Mark, Recipient};
use crate::smtp_answers::{NOBODY, answered, bounced, refused, words};
use crate::{Failure, Job, Pass, Receipt, Retry};

/// How long a recipient is asked for again whom the server asks to come back later, from the first time on. RFC 5321, section
/// 4.5.4.1, has mail servers try for four or five days; after one day a person reaches them another way.
const LONGEST_LATER: Duration = Duration::from_secs(24 * 3_600);
/// The same of what tells of an incident: later it may be old news.
const LONGEST_LATER_OF_INCIDENT: Duration = Duration::from_secs(2 * 3_600);
/// So long until they are asked for again, once more for each attempt that ended so, and half an hour at most (the same
/// section).
const AGAIN: Duration = Duration::from_secs(60);
const MOST_AGAIN: u32 = 30;
const SECOND: Duration = Duration::from_secs(1);
/// So many get the message in one transaction.
const AT_ONCE: usize = 10;
/// How long an attempt goes on to the next ones. What is left of its time is enough for one more transaction
/// ([`super::Patience`]).
const LONGEST: Duration = Duration::from_secs(45);
/// Answers lost one after the other, after which no more is sent.
const MOST_LOST: usize = 2;
/// After so many attempts a person reads what keeps the rest from it. Those after which somebody was asked for again later do
/// not count.
const MOST_ATTEMPTS: i64 = 20;

/// As much of an address as everybody of the team may read.
pub(super) fn shown(address: &Address) -> String {
    let user = address.user();
    let most = if user.chars().count() > 2 { 2 } else { 1 };
    format!("{}…@{}", user.chars().take(most).collect::<String>(), address.domain())
}

/// The address, by which it is known: the case of a domain says nothing (RFC 5321, section 2.4).
pub(super) fn key(address: &Address) -> String {
    format!("{}@{}", address.user(), address.domain().to_ascii_lowercase())
}

/// The forms in which a password is sent: by itself, and as `AUTH PLAIN` and `AUTH LOGIN` write it (RFC 4616).
pub(super) fn hidden(user: &str, password: &str) -> Vec<SecretString> {
    let both = format!("\0{user}\0{password}");
    let written = [password, &both].map(|text| STANDARD_NO_PAD.encode(text));
    written.into_iter().chain([password.to_owned()]).filter(|text| !text.is_empty()).map(Into::into).collect()
}

/// Those of one transaction.
struct Turn<'a> {
    /// Everybody on the list.
    all: &'a [Recipient],
    /// Whose turn it is, by their place.
    places: &'a [usize],
    /// When the attempt began.
    began: Instant,
    is_first: bool,
    /// Nobody comes after them.
    is_last: bool,
    letter: &'a Letter,
}

/// The message, which is the same for everybody.
struct Letter {
    id: String,
    message: Vec<u8>,
}

/// What became of a transaction.
enum Told {
    /// Each of them has the message, or was refused for good.
    Through,
    /// The server asks some of them to come back later, and why.
    Later(String),
    /// It asks for that, and takes nobody.
    AllLater(String),
    Nobody(Failure),
    /// It was handed over, and the answer is lost.
    Lost(String),
}

/// What the transactions of an attempt told so far: the first of each kind.
#[derive(Default)]
struct Heard {
    lost: Option<String>,
    later: Option<String>,
    nobody: Option<Failure>,
    /// The server took somebody.
    took: bool,
    /// So many answers were lost one after the other.
    in_a_row: usize,
}

impl Heard {
    fn hear(&mut self, told: Told) {
        self.in_a_row = if matches!(told, Told::Lost(_)) { self.in_a_row + 1 } else { 0 };
        self.took |= !matches!(told, Told::AllLater(_) | Told::Nobody(_));
        match told {
            Told::Through => {}
            Told::Later(why) | Told::AllLater(why) => self.later = self.later.take().or(Some(why)),
            Told::Nobody(why) => self.nobody = self.nobody.take().or(Some(why)),
            Told::Lost(why) => self.lost = self.lost.take().or(Some(why)),
        }
    }

    /// Why somebody does not have it, if that is so, after so many attempts that left somebody for later.
    fn failure(self, laters: u32) -> Option<Failure> {
        let retry = Retry::Later(AGAIN * laters.clamp(1, MOST_AGAIN));
        match (self.lost, self.later) {
            (Some(reason), _) => Some(Failure::InDoubt { reason }),
            (None, Some(why)) => {
                let reason = match self.took {
                    false => format!("{NOBODY}: {why}"),
                    true => format!("the mail server asks to come back later: {why}"),
                };
                Some(Failure::Rejected { reason, retry })
            }
            (None, None) => self.nobody,
        }
    }
}

impl Email {
    /// Sends the post to those who do not have it yet.
    pub(super) async fn publish_to_list(&self, job: &Job, pass: &Pass) -> Result<Receipt, Failure> {
        let all = self.named(job);
        let mut ledger = Ledger::begun(job.handle.as_deref(), &all)?;
        // Nobody can look for those of whom nobody knows: a person's word alone gets them another one.
        let open: Vec<usize> = ledger.open(&all).into_iter().map(|(n, _)| n).collect();
        let places = ledger.next(&all, &open);
        let stop = self.send_to_list(job, pass, &all, &places, &mut ledger).await;
        let counted = job.number - i64::from(ledger.laters);
        let stop = stop.map(|failure| self.for_people(failure, counted >= MOST_ATTEMPTS));
        ledger.end();
        let is_kept = pass.keep(&ledger.written()).await.is_ok();
        ledger.outcome(&all, stop, is_kept, job.number)
    }

    fn named(&self, job: &Job) -> Vec<Recipient> {
        let name = |a: &Address| Recipient::new(job.delivery, &key(a), shown(a));
        self.to.iter().map(name).collect()
    }

    /// Who has the post and who has not, once that is known.
    pub(super) fn note(&self, job: &Job) -> Option<String> {
        let ledger = Ledger::read(job.handle.as_deref()).ok()?;
        ledger.receipt(&self.named(job))?.ok()?.note
    }

    /// The words without the addresses of the list and without the password, which servers repeat.
    pub(crate) fn covered(&self, mut words: String) -> String {
        for address in self.to.iter().map(|a| a.to_string().to_ascii_lowercase()) {
            while let Some(at) = words.to_ascii_lowercase().find(&address) {
                words.replace_range(at..at + address.len(), "…");
            }
        }
        for secret in self.hidden.iter().map(ExposeSecret::expose_secret) {
            words = words.replace(secret, "…");
            // Long words were cut, perhaps within it.
            let begins = |at: &usize| words.ends_with(&secret[..*at]);
            let cut = secret.char_indices().map(|(at, _)| at).filter(|at| *at > 3).rfind(begins);
            words.truncate(words.len() - cut.unwrap_or(0));
        }
        words
    }

    /// A failure as people may read it; `last`: another try by itself is worth nothing.
    fn for_people(&self, failure: Failure, last: bool) -> Failure {
        match failure.reworded(|reason| self.covered(reason)) {
            Failure::Rejected { reason, retry } if last && retry != Retry::Reconnect => {
                Failure::Rejected { reason, retry: Retry::Never }
            }
            other => other,
        }
    }

    /// Sends it to these, ten at a time; why somebody of them does not have it, if that is so.
    async fn send_to_list(
        &self,
        job: &Job,
        pass: &Pass,
        all: &[Recipient],
        places: &[usize],
        ledger: &mut Ledger,
    ) -> Option<Failure> {
        if places.is_empty() {
            return None;
        }
        let letter = match self.message(job) {
            Ok((id, message)) => Letter { id, message },
            Err(why) => return Some(Failure::never(why)),
        };
        let (mut heard, began, last) = (Heard::default(), Instant::now(), places.len().div_ceil(AT_ONCE));
        let mut stop = None;
        for (n, places) in places.chunks(AT_ONCE).enumerate() {
            if heard.in_a_row == MOST_LOST {
                break;
            }
            if began.elapsed() > LONGEST {
                stop = Some(no_time());
                break;
            }
            let turn = Turn { all, places, began, is_first: n == 0, is_last: n + 1 == last, letter: &letter };
            match self.send_to(job, pass, &turn, ledger).await {
                Ok(told) => heard.hear(told),
                Err(failure) => {
                    stop = Some(failure);
                    break;
                }
            }
        }
        ledger.laters += u32::from(heard.later.is_some());
        stop.or_else(|| heard.failure(ledger.laters))
    }

    /// One transaction.
    ///
    /// # Errors
    /// Why it had no effect, which is the same for the others.
    async fn send_to(
        &self,
        job: &Job,
        pass: &Pass,
        turn: &Turn<'_>,
        ledger: &mut Ledger,
    ) -> Result<Told, Failure> {
        let to: Vec<Address> = turn.places.iter().map(|n| self.to[*n].clone()).collect();
        let (longest, asked) = (self.time_to_prepare(turn), Instant::now());
        let prepared = self.prepare(&to, longest).await;
        // The others took the time: the next attempt gives the server all that there is.
        let is_ours = !turn.is_first && longest < self.patience.prepare && asked.elapsed() >= longest;
        let (smtp, refusals) = prepared.map_err(|failure| if is_ours { no_time() } else { failure })?;
        let is_taken = |place: &usize| !refusals.iter().any(|(n, _)| n == place);
        let taken = (0..to.len()).filter(is_taken).map(|place| &turn.all[turn.places[place]]);
        let taken: Vec<&Recipient> = taken.collect();
        let now = (self.clock)().timestamp();
        let later = self.marked((job, turn), &refusals, ledger, now).map(words);
        if let Some((_, e)) = refusals.last().filter(|_| taken.is_empty()) {
            self.part(smtp).await;
            return Ok(later.map_or_else(|| Told::Nobody(refused(NOBODY, e)), Told::AllLater));
        }
        let before = ledger.clone();
        taken.iter().for_each(|who| ledger.ask(who, now, job.number));
        let sent = match pass.keep(&ledger.written()).await {
            Ok(()) => self.hand_over(smtp, pass, turn).await,
            Err(failure) => {
                self.part(smtp).await;
                Err(failure)
            }
        };
        match sent {
            Ok(()) => taken.iter().for_each(|who| ledger.set(who, Mark::Has(turn.letter.id.clone()))),
            Err(Failure::InDoubt { reason }) => return Ok(Told::Lost(reason)),
            Err(without_effect) => {
                *ledger = before;
                return Err(without_effect);
            }
        }
        Ok(later.map_or(Told::Through, Told::Later))
    }

    /// How long everything before DATA may take, so that there is time for the message.
    fn time_to_prepare(&self, turn: &Turn<'_>) -> Duration {
        let Patience { step, prepare, whole, .. } = self.patience;
        let message = self.patience.for_message(turn.letter.message.len());
        prepare.min(whole.saturating_sub(turn.began.elapsed() + step + message))
    }

    /// Writes down who is refused for good: at once, or because they were to come later for too long by `now` (Unix
    /// seconds). The answer to one who may be taken later, if there is such a one. That somebody is refused now says nothing of
    /// an earlier request for them.
    fn marked<'e>(
        &self,
        (job, turn): (&Job, &Turn<'_>),
        refusals: &'e [(usize, Error)],
        ledger: &mut Ledger,
        now: i64,
    ) -> Option<&'e Error> {
        let longest = if job.incident.is_some() { LONGEST_LATER_OF_INCIDENT } else { LONGEST_LATER };
        let mut later = None;
        for (place, e) in refusals {
            let who = &turn.all[turn.places[*place]];
            if e.is_transient() && ledger.put_off(who, now) < longest.as_secs().cast_signed() {
                later = Some(e);
            } else if !matches!(ledger.mark(who), Some(Mark::Open(_))) {
                ledger.set(who, Mark::Refused(self.covered(bounced(e))));
                if !e.is_transient() {
                    ledger.forget_put_off(who);
                }
            }
        }
        later
    }

    /// DATA and the message.
    async fn hand_over(
        &self,
        mut smtp: AsyncSmtpConnection,
        pass: &Pass,
        turn: &Turn<'_>,
    ) -> Result<(), Failure> {
        if let Err(why) = pass.begin() {
            self.part(smtp).await;
            return Err(Failure::Closed { why, partly: false });
        }
        // No byte of the message leaves before the server has said 354.
        let data = self.ask(&mut smtp, Data).await?;
        data.map_err(|e| refused("the mail server takes no message", &e))?;
        // The server may have taken its time: the gate is read again. A message without its last
        // line is none (RFC 5321, section 4.1.1.4), so the connection is dropped without a word.
        pass.begin().map_err(|why| Failure::Closed { why, partly: false })?;
        let left = self.patience.whole.saturating_sub(turn.began.elapsed());
        let time =
            if turn.is_last { left } else { self.patience.for_message(turn.letter.message.len()).min(left) };
        let Ok(answer) = timeout(time, smtp.message(&turn.letter.message)).await else {
            let reason = format!("{}: no answer to the message within {} s", self.host, time.as_secs());
            return Err(Failure::InDoubt { reason });
        };
        answered(answer)?;
        self.part(smtp).await;
        Ok(())
    }
}

/// The rest of the list comes at once, in the next attempt.
fn no_time() -> Failure {
    Failure::Rejected { reason: "there was no time for more".to_owned(), retry: Retry::Later(SECOND) }
}
