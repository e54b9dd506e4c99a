//! What a node stopped by a freeze that is lifted, because it had not heard of the thaw yet.

use std::borrow::Cow;

use super::permits::Permit;
use super::sending::Outcome;
use super::{Result, freezes};
use crate::clock::Millis;
use crate::domain::freeze::covering;
use crate::store::Tx;

const UNHEARD: &str = "this node had not heard yet that the freeze is lifted";

/// The outcomes, where what no freeze covers by now has not begun instead of being held: it fell due after the thaw.
/// It had no effect, and the next permit judges it again.
///
/// # Errors
/// The database's own.
pub(super) async fn looked_at<'a>(
    tx: &mut Tx,
    outcomes: &'a [(Permit, Outcome)],
    now: Millis,
) -> Result<Cow<'a, [(Permit, Outcome)]>> {
    let is_stopped = |o: &Outcome| matches!(o, Outcome::Stopped { freeze: Some(_), .. });
    if !outcomes.iter().any(|(_, o)| is_stopped(o)) {
        return Ok(Cow::Borrowed(outcomes));
    }
    let orders = freezes::orders(tx, now).await?;
    let mut outcomes = outcomes.to_vec();
    for (permit, outcome) in &mut outcomes {
        if is_stopped(outcome) && covering(&orders, &permit.subject).is_none() {
            *outcome = Outcome::NotBegun { reason: UNHEARD.to_owned(), not_before: Some(now + 1_000) };
        }
    }
    Ok(Cow::Owned(outcomes))
}
