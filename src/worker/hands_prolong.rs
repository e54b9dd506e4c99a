//! Moving on what networks keep held only until a date.

use channels::dated::Prolonged;
use channels::scheduler::GONE;
use tokio::time::timeout;

use super::{Hands, PASS, PATIENCE, TOO_SLOW};
use crate::app::sweeping::{self, Swept};
use crate::app::{Result, prolonging, put_back};

impl Hands<'_> {
    /// Moves on what the network keeps held only until a date that comes near, for half of the pass; whether there
    /// was something.
    pub async fn prolong(&mut self) -> Result<bool> {
        let mut did = false;
        // Its time is its own, however long the holds took.
        self.until = self.app().now() + PASS;
        for row in prolonging::waiting(self.app(), &self.row.id).await? {
            if self.is_over(PASS / 2) || !self.has_spare() {
                return Ok(did);
            }
            let Some(_hand) = self.in_hand() else { return Ok(did) };
            let Some(row) = prolonging::take(self.app(), &row).await? else { continue };
            did = true;
            let done = if row.place == self.here {
                self.move_on(&row).await?
            } else {
                Prolonged::Left(sweeping::ASTRAY.to_owned())
            };
            let mark = match &done {
                Prolonged::Held { mark } => Some(mark.as_str()),
                Prolonged::Gone(_) => Some(GONE),
                _ => None,
            };
            let snapshot = sweeping::scheduled(&row).snapshot;
            let caution = mark.and_then(|mark| self.scheduler().ok()?.caution(&snapshot, mark));
            prolonging::settle(self.app(), &row, done, caution).await?;
        }
        Ok(did)
    }

    async fn move_on(&self, row: &Swept) -> Result<Prolonged> {
        let kept = put_back::kept(self.app(), row).await?;
        let ask = async {
            match self.scheduler() {
                Ok(scheduler) => scheduler.prolong(&kept).await,
                Err(why) => Prolonged::Left(why),
            }
        };
        Ok(timeout(PATIENCE, ask).await.unwrap_or_else(|_| Prolonged::Doubt(TOO_SLOW.to_owned())))
    }
}
