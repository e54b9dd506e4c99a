//! The readiness board: how ready each channel is, as far as it is known now.

use std::time::Duration;

use futures::future::join_all;
use serde::{Deserialize, Serialize};

use super::standing::{self, Known, Remark, Standing};
use super::{Actor, App, Result, readiness};
use crate::clock::{Millis, rfc3339};
use crate::domain::role::Right;
use crate::store::channels::Channel;

/// How ready a channel is. What is not there is not known.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReadinessView {
    pub channel: String,
    pub name: String,
    pub adapter: String,
    pub brand: String,
    pub drill: bool,
    pub standing: Standing,
    /// When it was checked last; all below is as it was then, but the last post and the wait.
    pub checked_at: Option<String>,
    /// What the check said.
    pub detail: Option<String>,
    pub account: Option<String>,
    /// When the credential ends.
    pub expires_at: Option<String>,
    /// The permissions that the credential lacks; an empty list: none.
    pub missing: Option<Vec<String>>,
    /// How many posts the network still takes, of how many, and until when that counts.
    pub posts_left: Option<u64>,
    pub posts_limit: Option<u64>,
    pub posts_reset_at: Option<String>,
    /// How many seconds the server's clock is ahead of this machine's.
    pub clock_ahead: Option<i64>,
    /// When a post last went out there, to the minute: the proof that it works.
    pub posted_at: Option<String>,
    /// The network asked to wait until then.
    pub paused_until: Option<String>,
    /// What is to know and to do, the worst first.
    pub remarks: Vec<Remark>,
}

/// A check that is older is made again before somebody decides about a post.
const FRESH: Millis = 10 * 60_000;
/// How long a decision waits for that.
const PATIENCE: Duration = Duration::from_secs(3);

/// How ready every channel is that is not disabled, the worst first.
///
/// # Errors
/// When the actor may not read.
pub async fn board(app: &App, by: &Actor) -> Result<Vec<ReadinessView>> {
    by.need(Right::Read)?;
    let rows = app.store().channels().await?;
    let mut all: Vec<_> =
        rows.iter().filter(|c| c.disabled_at.is_none()).map(|c| view(c, app.now())).collect();
    all.sort_by(|a, b| (b.standing, &a.name).cmp(&(a.standing, &b.name)));
    Ok(all)
}

/// How ready these channels are, for somebody who decides about a post for them: what was not checked for
/// ten minutes is checked now, and what does not answer within three seconds is shown as it was.
///
/// # Errors
/// When the actor may not read.
pub async fn before_decision(app: &App, by: &Actor, channels: &[String]) -> Result<Vec<ReadinessView>> {
    by.need(Right::Read)?;
    let ours = |b: &ReadinessView| channels.contains(&b.channel);
    let all: Vec<_> = board(app, by).await?.into_iter().filter(ours).collect();
    let rows = app.store().channels().await?;
    let old = |c: &&Channel| {
        c.disabled_at.is_none()
            && channels.contains(&c.id)
            && c.checked_at.is_none_or(|at| at + FRESH <= app.now())
    };
    let old: Vec<_> = rows.iter().filter(old).map(|c| c.id.clone()).collect();
    // A process without a sender cannot ask.
    if old.is_empty() || app.networks().is_err() {
        return Ok(all);
    }
    // They go on when nobody waits any more: the next reader sees what they found.
    let checks = old.into_iter().map(|id| tokio::spawn(readiness::check_once(app.clone(), id)));
    if tokio::time::timeout(PATIENCE, join_all(checks)).await.is_err() {
        tracing::debug!("a channel is slow to answer its check; it is shown as it was");
    }
    Ok(board(app, by).await?.into_iter().filter(ours).collect())
}

fn view(c: &Channel, now: Millis) -> ReadinessView {
    let health = readiness::health(c);
    let known = Known {
        health: health.as_ref(),
        checked_at: c.checked_at,
        paused_until: c.paused_until,
        // A signature and a token of Ghost carry the time.
        signs_time: matches!(c.adapter.as_str(), "webhook" | "ghost"),
    };
    let (standing, remarks) = standing::judge(&known, now);
    let facts = health.as_ref().map(|h| h.facts.clone()).unwrap_or_default();
    let time = |at: chrono::DateTime<chrono::Utc>| rfc3339(at.timestamp_millis());
    ReadinessView {
        channel: c.id.clone(),
        name: c.name.clone(),
        adapter: c.adapter.clone(),
        brand: c.brand.clone(),
        drill: c.drill,
        standing,
        checked_at: c.checked_at.map(rfc3339),
        detail: health.map(|h| h.detail),
        account: facts.account,
        expires_at: facts.expires_at.map(time),
        missing: facts.missing,
        posts_left: facts.posts.map(|q| q.left),
        posts_limit: facts.posts.and_then(|q| q.limit),
        posts_reset_at: facts.posts.and_then(|q| q.resets_at).map(time),
        clock_ahead: facts.skew_ms.map(|ms| ms / 1_000),
        posted_at: c.posted_at.map(rfc3339),
        paused_until: (c.paused_until > now).then(|| rfc3339(c.paused_until)),
        remarks,
    }
}
