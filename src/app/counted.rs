//! Posts that are counted here, where the network tells nobody what is left of a limit of a day.

use ::channels::Facts;
use ::channels::quota::Quota;
use chrono::NaiveTime;

use super::{App, Result};
use crate::clock::date_time;

/// Writes what is left of the limit into the facts that a check of that channel saw. Apps have no names here: all channels of the
/// adapter count as of one. It is counted before anything is locked.
pub(super) async fn fill(app: &App, channel: &str, facts: &mut Facts) -> Result<()> {
    let Some(limit) = facts.posts_a_day.filter(|_| facts.posts.is_none()) else { return Ok(()) };
    let Some(row) = app.store().channel(channel).await? else { return Ok(()) };
    let now = date_time(app.now());
    let midnight = now.date_naive().and_time(NaiveTime::MIN).and_utc().timestamp_millis();
    let posts = app.store().count_posted(&row.adapter, midnight).await?;
    facts.posts = Some(Quota::counted_here(limit, posts.unsigned_abs(), now));
    Ok(())
}
