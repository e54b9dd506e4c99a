//! What a sweep does on one channel: settles what is open, holds what is found, and carries out decisions.
//! A pass takes the most urgent first, and ends after a while, so that the schedule is read again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use channels::Pass;
use channels::scheduler::{Back, Discarded, Kept, Listing, Scheduler, Standing, Stop};
use futures::future::join_all;
use tokio::time::timeout;

use super::Shared;
use super::lines::Open;
use super::sweeper::is_open;
use crate::app::sweeping::{self, Swept};
use crate::app::{App, Result, channels as rows, put_back, sweeps};
use crate::clock::{Millis, date_time};
use crate::domain::Word;
use crate::domain::sweep::Stand;

#[path = "hands_prolong.rs"]
mod prolong;

/// Longest time for one look or one request with its read.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long posts are held before the schedule is read again, so that the most urgent stays the next one.
const PASS: Millis = 30_000;
/// After so many posts in a row that could not be asked about, the pass ends. One alone may be at fault itself,
/// and so may what is overdue.
const FAILURES: usize = 3;
pub(super) const NO_SCHEDULE: &str = "this network has no schedule that can be held";
const TOO_SLOW: &str = "the network did not answer in time";

/// What works on one channel.
pub(super) struct Hands<'a> {
    shared: &'a Shared,
    open: Open,
    row: rows::Channel,
    /// Where its schedule is.
    pub here: String,
    /// When the pass ends.
    until: Millis,
}

/// A post is in hand for as long as this is here: a stop waits for it.
struct InHand<'a>(&'a AtomicUsize);

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What is known of a post that is not on the list.
enum Unlisted {
    /// It is written down where it stands.
    Settled,
    /// It is on the schedule all the same: the list was not read whole.
    There,
    Unknown,
}

/// What a try did for a post.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    /// It is written down where it stands, and not on the schedule any more.
    Settled,
    /// It is still on the schedule.
    There,
    /// It could not be asked about, or nothing can be asked now.
    Failed,
}

impl<'a> Hands<'a> {
    pub fn new(shared: &'a Shared, open: Open, row: rows::Channel) -> Self {
        Self { shared, open, row, here: String::new(), until: shared.app.now() + PASS }
    }

    fn app(&self) -> &App {
        &self.shared.app
    }

    fn scheduler(&self) -> std::result::Result<&dyn Scheduler, String> {
        self.open.channel.scheduler().ok_or_else(|| NO_SCHEDULE.to_owned())
    }

    /// Finds out whose schedule it is.
    pub async fn find_out(&mut self) -> std::result::Result<(), String> {
        let whose = timeout(PATIENCE, self.scheduler()?.whose()).await;
        let whose = whose.unwrap_or_else(|_| Err(TOO_SLOW.to_owned()))?;
        self.here = sweeps::here(&self.row, &whose);
        self.until = self.app().now() + PASS;
        Ok(())
    }

    /// Takes a post in hand; nothing: the node stops, or may do nothing now.
    fn in_hand(&self) -> Option<InHand<'a>> {
        self.shared.swept.fetch_add(1, Ordering::SeqCst);
        let hand = InHand(&self.shared.swept);
        // Looked at afterwards, so that a stop that waits for nothing is seen.
        Some(hand).filter(|_| is_open(self.shared))
    }

    async fn waiting(&self, stands: &[Stand]) -> Result<Vec<Swept>> {
        sweeping::waiting(self.app(), &self.row.id, stands).await
    }

    /// What is on the schedule, for the freeze of that epoch. The time to hold it begins afterwards, however long that took.
    pub async fn list(&mut self, epoch: i64) -> std::result::Result<Listing, String> {
        let seen = timeout(PATIENCE, self.scheduler()?.list_under(epoch)).await;
        self.until = self.app().now() + PASS;
        seen.unwrap_or_else(|_| Err(TOO_SLOW.to_owned()))
    }

    /// When a list that could not be read is tried again.
    pub fn tried_again_at(&self) -> Option<Millis> {
        self.scheduler().ok()?.tried_again_at().map(|at| at.timestamp_millis())
    }

    /// Whether so much of the pass is over.
    fn is_over(&self, before_the_end: Millis) -> bool {
        self.app().now() > self.until - before_the_end
    }

    /// Whether the network takes more than what is kept for posts.
    fn has_spare(&self) -> bool {
        self.scheduler().is_ok_and(|scheduler| scheduler.spare().is_ok())
    }

    async fn read(&self, row: &Swept) -> Standing {
        let read = async {
            match self.scheduler() {
                Ok(scheduler) => scheduler.read(&sweeping::scheduled(row)).await,
                Err(why) => Standing::Unknown(why),
            }
        };
        timeout(PATIENCE, read).await.unwrap_or_else(|_| Standing::Unknown(TOO_SLOW.to_owned()))
    }

    /// Settles what a request was made for whose end nobody knows, the most urgent first, for half of the pass;
    /// whether there was something.
    pub async fn settle_open(&self) -> Result<bool> {
        let mut did = false;
        let goes_on = || !self.is_over(PASS / 2) && self.has_spare();
        for row in self.waiting(&[Stand::Holding, Stand::Found, Stand::CouldNot]).await? {
            let Some(_hand) = self.in_hand() else { return Ok(did) };
            if row.place != self.here {
                did = true;
                sweeping::astray(self.app(), &row).await?;
            } else if row.state == Stand::Holding.word()
                && goes_on()
                && let Some(row) = sweeping::take_again(self.app(), &row).await?
            {
                did = true;
                let stands = self.read(&row).await;
                let same = matches!(&stands, Standing::Scheduled(now) if now.mark == row.mark);
                self.settle(&row, stands, true).await?;
                if same {
                    self.hold_again(&row.id).await?;
                }
            }
        }
        // What was put back already is not held again as another post.
        for row in self.waiting(&[Stand::Restoring]).await? {
            if row.tries > 0 && goes_on() {
                let Some(_hand) = self.in_hand() else { return Ok(did) };
                did = true;
                self.carry_out(&row).await?;
            }
        }
        Ok(did)
    }

    /// Holds at once what an earlier request left on the schedule: until the next look it could go out.
    async fn hold_again(&self, id: &str) -> Result<()> {
        if let Some(row) = sweeping::not_held(self.app(), id).await?
            && let Some(taken) = sweeping::take(self.app(), &row).await?
        {
            self.hold(&row, &taken).await?;
        }
        Ok(())
    }

    /// Carries out decisions until the pass is over, or the network takes little more; whether there was
    /// something.
    pub async fn decisions(&self) -> Result<bool> {
        let mut did = false;
        for row in self.waiting(&[Stand::Restoring, Stand::Dropping]).await? {
            if self.is_over(0) || !self.has_spare() {
                return Ok(did);
            }
            let Some(_hand) = self.in_hand() else { return Ok(did) };
            did = true;
            self.carry_out(&row).await?;
        }
        Ok(did)
    }

    async fn carry_out(&self, row: &Swept) -> Result<()> {
        let taken = put_back::take_decision(self.app(), row, &self.here).await?;
        let Some((mut row, subject)) = taken else { return Ok(()) };
        if put_back::is_unknown(&row) {
            let deletes = self.scheduler().is_ok_and(|scheduler| scheduler.gone().is_some());
            let stands = self.read(&row).await;
            let Some(known) = put_back::seen(self.app(), row, stands, deletes).await? else { return Ok(()) };
            row = known;
        }
        if row.state == Stand::Restoring.word() {
            let kept = put_back::kept(self.app(), &row).await?;
            return match self.restore(&row, &kept, &self.shared.gate.unlisted(subject)).await {
                Some(did) => put_back::put_back(self.app(), &row, did).await,
                None => put_back::ask_again(self.app(), &row).await,
            };
        }
        let kept = put_back::kept(self.app(), &row).await?;
        let drop = async {
            match self.scheduler() {
                Ok(scheduler) => scheduler.discard(&kept).await,
                Err(why) => Discarded::Left(why),
            }
        };
        let did = timeout(PATIENCE, drop).await.unwrap_or_else(|_| Discarded::Left(TOO_SLOW.to_owned()));
        put_back::dropped(self.app(), &row, did).await
    }

    /// Puts a post back, once. When an earlier request for it can have left, only a look is made. Nothing: what
    /// became of it is not known yet.
    async fn restore(&self, row: &Swept, kept: &Kept, pass: &Pass) -> Option<Back> {
        let left = |why: &str| Some(Back::Left(why.to_owned()));
        let Some(at) = row.restore_at.map(date_time) else { return left("no time was given") };
        let scheduler = match self.scheduler() {
            Ok(scheduler) => scheduler,
            Err(why) => return left(&why),
        };
        let first = row.tries == 1;
        if first {
            // As the network will read it: what is not ahead would be published at once.
            if put_back::is_too_late(self.app(), row) {
                return left(put_back::TOO_LATE);
            }
            match timeout(PATIENCE, scheduler.restore(kept, at, pass)).await {
                Ok(Back::Doubt(_)) | Err(_) => {}
                Ok(did) => return Some(did),
            }
        }
        match timeout(PATIENCE, scheduler.restored(kept, at)).await {
            Ok(Ok(Some(did))) => Some(did),
            // A request that has just left may still arrive.
            Ok(Ok(None)) if !first => Some(Back::Doubt(String::new())),
            _ => None,
        }
    }

    /// Holds what was found, the most urgent first and as many at once as the network takes, until the pass is over;
    /// whether the look has come to its end.
    pub async fn hold_all(&self, listing: &Listing) -> Result<bool> {
        let (mut failures, mut tried, mut settled) = (0, false, false);
        let at_once = self.scheduler().map_or(1, |scheduler| scheduler.at_once().max(1));
        for some in sweeping::in_turn(self.app(), &self.row.id).await?.chunks(at_once) {
            if tried && self.is_over(0) {
                // A look in which nothing could be settled ends: another one at once would be no better.
                return Ok(!settled);
            }
            let Some(_hand) = self.in_hand() else { return Ok(false) };
            let some: Vec<_> = some.iter().filter(|row| sweeping::is_rested(self.app(), row)).collect();
            tried |= !some.is_empty();
            let did = join_all(some.iter().map(|row| self.hold_one(row, listing))).await;
            let mut has_failed = false;
            for (row, did) in some.iter().zip(did) {
                let did = did?;
                settled |= did == Tried::Settled;
                has_failed |= did == Tried::Failed;
                match did {
                    Tried::Failed => failures += usize::from(row.due_at > self.app().now()),
                    Tried::Settled | Tried::There => failures = 0,
                }
            }
            if failures >= FAILURES || has_failed && !self.has_spare() {
                // The network takes no more, or is not reached: the next look begins with the most urgent.
                return Ok(true);
            }
        }
        Ok(true)
    }

    /// Holds a post that was found, or writes down where it stands.
    async fn hold_one(&self, row: &Swept, listing: &Listing) -> Result<Tried> {
        let listed = listing.items.iter().any(|item| item.remote_id == row.remote_id);
        match if listed { Unlisted::There } else { self.unlisted(row).await? } {
            Unlisted::Settled => Ok(Tried::Settled),
            Unlisted::Unknown => Ok(Tried::Failed),
            Unlisted::There => match sweeping::take(self.app(), row).await? {
                Some(taken) => self.hold(row, &taken).await,
                None => Ok(Tried::Settled),
            },
        }
    }

    /// Where a post stands that the list does not show.
    async fn unlisted(&self, row: &Swept) -> Result<Unlisted> {
        let stands = self.read(row).await;
        match &stands {
            Standing::Scheduled(_) => return Ok(Unlisted::There),
            Standing::Unknown(why) => {
                let tried = Swept { tries: row.tries + 1, ..row.clone() };
                sweeping::could_not(self.app(), &tried, row.asked_at, why).await?;
                return Ok(Unlisted::Unknown);
            }
            // An earlier request for it can have done that.
            _ if row.asked_at.is_some() => self.settle(row, stands, true).await?,
            _ => sweeping::missing(self.app(), row, &stands).await?,
        }
        Ok(Unlisted::Settled)
    }

    /// Holds a post that was taken in hand, as it was before.
    async fn hold(&self, before: &Swept, row: &Swept) -> Result<Tried> {
        let untouched = Swept { asked_at: before.asked_at, ..row.clone() };
        match self.ask(row).await {
            Stop::Held { mark } => self.settle(row, Standing::Held { mark }, false).await?,
            Stop::Out(why) => self.settle(row, Standing::Out(why), false).await?,
            Stop::Gone(why) if before.asked_at.is_none() => {
                sweeping::missing(self.app(), &untouched, &Standing::Gone(why)).await?;
            }
            Stop::Gone(why) => self.settle(&untouched, Standing::Gone(why), true).await?,
            Stop::Left(why) => {
                sweeping::could_not(self.app(), row, before.asked_at, &why).await?;
                return Ok(Tried::There);
            }
            Stop::Later(why) => {
                sweeping::could_not(self.app(), row, before.asked_at, &why).await?;
                return Ok(Tried::Failed);
            }
            Stop::Doubt(_) => {
                let stands = self.read(row).await;
                let did = match &stands {
                    Standing::Unknown(_) => Tried::Failed,
                    Standing::Scheduled(_) => Tried::There,
                    Standing::Held { .. } | Standing::Out(_) | Standing::Gone(_) => Tried::Settled,
                };
                self.settle(row, stands, true).await?;
                return Ok(did);
            }
        }
        Ok(Tried::Settled)
    }

    /// Asks the network to hold it.
    async fn ask(&self, row: &Swept) -> Stop {
        let post = sweeping::scheduled(row);
        let hold = async {
            match self.scheduler() {
                Ok(scheduler) => scheduler.hold(&post).await,
                Err(why) => Stop::Left(why),
            }
        };
        timeout(PATIENCE, hold).await.unwrap_or_else(|_| Stop::Doubt(TOO_SLOW.to_owned()))
    }

    /// Writes down where a post stands. What is gone after a request of ours that can have deleted it is held:
    /// nobody knows whether it is published, and its snapshot is here. `unseen`: it was not in hand now.
    async fn settle(&self, row: &Swept, stands: Standing, unseen: bool) -> Result<()> {
        let scheduler = self.scheduler().ok();
        let stands = match (stands, scheduler.and_then(Scheduler::gone)) {
            (Standing::Gone(_), Some(mark)) if row.asked_at.is_some() => {
                Standing::Held { mark: mark.to_owned() }
            }
            (stands, _) => stands,
        };
        let caution = match &stands {
            Standing::Held { mark } => {
                let snapshot = sweeping::scheduled(row).snapshot;
                let caution = scheduler.and_then(|s| s.caution(&snapshot, mark));
                if unseen { sweeping::unseen(caution) } else { caution }
            }
            _ => None,
        };
        sweeping::settle(self.app(), row, stands, caution.as_deref()).await
    }
}
