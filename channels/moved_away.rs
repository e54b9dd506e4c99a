//! What is done about a post that a hold has moved to a later date or deleted, by where it stands now: what all schedules
//! share that have no other hold. Pure.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::dated::{Prolonged, held_until, is_moved_on};
use crate::remade::is_made_again;
use crate::scheduler::{Back, CHANGED, Discarded, Kept, Scheduled, Standing, Stop, is_then};

/// Whether a post is as a hold left it, or a request to move it on whose answer nobody saw.
fn is_ours(post: &Kept, now: &Scheduled) -> bool {
    now.mark == post.mark || is_moved_on(&post.mark, &now.mark)
}

/// Where a post stands for whoever looks what a hold did. `safe`: nothing that is due later goes out before the next look.
pub(crate) fn as_held(stands: Standing, post: &Scheduled, safe: DateTime<Utc>) -> Standing {
    match stands {
        // By a request of ours whose answer is lost, or by somebody else: it does not go out when it should have.
        Standing::Scheduled(now) if now.due > post.due && !is_then(now.due, post.due) && now.due > safe => {
            Standing::Held { mark: now.mark }
        }
        stands => stands,
    }
}

/// The post that is to be moved on now. `is_same`: whether two snapshots are of the same post. `overdue` is said of one whose
/// date is over.
///
/// # Errors
/// What is told instead.
pub(crate) fn to_move_on(
    post: &Kept,
    stands: Standing,
    now: DateTime<Utc>,
    is_same: impl Fn(&Value, &Value) -> bool,
    overdue: &str,
) -> Result<Box<Scheduled>, Prolonged> {
    let there = match stands {
        Standing::Scheduled(there) => there,
        // Somebody else took it off the schedule, which holds for good.
        Standing::Held { mark } => return Err(Prolonged::Held { mark }),
        Standing::Out(why) => return Err(Prolonged::Out(why)),
        Standing::Gone(why) => return Err(Prolonged::Gone(why)),
        Standing::Unknown(why) => return Err(Prolonged::Left(why)),
    };
    if is_moved_on(&post.mark, &there.mark) {
        return Err(Prolonged::Held { mark: there.mark });
    }
    if is_made_again(&post.mark) && is_same(&there.snapshot, &post.snapshot) {
        if there.due <= now {
            // It is being published, or is out already: there is nothing to hold.
            return Err(Prolonged::Left(overdue.to_owned()));
        }
        // Nobody saw what a request of ours did: it has moved the post, or nothing was done yet.
        match is_then(there.due, post.due) {
            true => return Ok(there),
            false if there.due > post.due => return Err(Prolonged::Held { mark: there.mark }),
            false => {}
        }
    }
    // Other words are still held: it would go out at a date that nobody but us has chosen.
    match held_until(&there.mark) == held_until(&post.mark) {
        true => Ok(there),
        false => Err(Prolonged::Changed),
    }
}

/// What came of moving a held post on.
pub(crate) fn moved_on(did: Stop) -> Prolonged {
    match did {
        Stop::Held { mark } => Prolonged::Held { mark },
        Stop::Out(why) => Prolonged::Out(why),
        Stop::Gone(why) => Prolonged::Gone(why),
        Stop::Left(why) | Stop::Later(why) => Prolonged::Left(why),
        Stop::Doubt(why) => Prolonged::Doubt(why),
    }
}

/// What is told instead of giving a post that a hold has moved that time; nothing: it is given. `too_late` is said where the
/// network takes no such time.
pub(crate) fn instead_of_back(
    post: &Kept,
    stands: Standing,
    at: DateTime<Utc>,
    too_late: Option<&str>,
) -> Option<Back> {
    match stands {
        // What lay too far ahead was held where it is.
        Standing::Scheduled(now) if is_ours(post, &now) && is_then(now.due, at) => {
            Some(Back::Scheduled(now.remote_id))
        }
        Standing::Scheduled(now) if is_ours(post, &now) => too_late.map(|why| Back::Left(why.to_owned())),
        Standing::Out(why) => Some(Back::Out(why)),
        Standing::Unknown(why) => Some(Back::Left(why)),
        Standing::Scheduled(_) | Standing::Held { .. } | Standing::Gone(_) => {
            Some(Back::Changed(CHANGED.to_owned()))
        }
    }
}

/// The post that is to be cancelled for good.
///
/// # Errors
/// What is told instead.
pub(crate) fn to_cancel(post: &Kept, stands: Standing) -> Result<Box<Scheduled>, Discarded> {
    match stands {
        Standing::Scheduled(now) if is_ours(post, &now) => Ok(now),
        // Not where it was moved to.
        Standing::Scheduled(_) => Err(Discarded::Scheduled),
        Standing::Out(why) => Err(Discarded::Out(why)),
        Standing::Unknown(why) => Err(Discarded::Left(why)),
        Standing::Held { .. } | Standing::Gone(_) => Err(Discarded::Done),
    }
}

/// What came of cancelling it.
pub(crate) fn cancelled(did: Stop) -> Discarded {
    match did {
        Stop::Held { .. } | Stop::Gone(_) => Discarded::Done,
        Stop::Out(why) => Discarded::Out(why),
        Stop::Left(why) | Stop::Later(why) | Stop::Doubt(why) => Discarded::Left(why),
    }
}
