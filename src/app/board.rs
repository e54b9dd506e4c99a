//! The readiness board: how ready each channel is, as far as it is known now.

use std::time::Duration;

use ::channels::money::Money;
use ::channels::quota::{Counted, Of};
use serde::{Deserialize, Serialize};

use super::standing::{self, Remark, Standing};
use super::{Actor, App, Result, channels, readiness, renditions};
use crate::clock::{Millis, rfc3339};
use crate::domain::role::Right;
use crate::store::channels::Channel;

/// Channels on which an approved post would fail.
#[path = "unready.rs"]
pub mod unready;

/// How ready a channel is. What is not there is not known.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ReadinessView {
    pub channel: String,
    pub name: String,
    pub adapter: String,
    pub brand: String,
    pub drill: bool,
    /// Posts can be sent there; otherwise there is no proof by a post, and none is to be had.
    pub publishes: bool,
    pub standing: Standing,
    /// When it was checked last; what follows is as it was then, unless it has a time of its own.
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
    /// When it said so.
    pub posts_at: Option<String>,
    /// The network tells nobody: our own posts are counted here, against a limit that somebody wrote down.
    pub posts_counted_here: bool,
    /// The money that is left at the network, as it told it.
    pub money: Option<String>,
    /// Posts stop there when the money is used up, and nothing tells how much there is: look at the network's own page.
    pub money_untold: bool,
    /// How many percent of its calls the network still answers to the account, and to the app by which it posts.
    pub account_calls_left: Option<u8>,
    pub app_calls_left: Option<u8>,
    /// How many calls of any kind the network still answers, and until when that counts, where it tells a number. They are no posts.
    pub calls_left: Option<u64>,
    pub calls_reset_at: Option<String>,
    /// When it said so.
    pub calls_at: Option<String>,
    /// How many seconds the server's clock is ahead of this machine's.
    pub clock_ahead: Option<i64>,
    /// When that was seen.
    pub clock_at: Option<String>,
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
    seen(app, |c| c.disabled_at.is_none()).await
}

/// How ready these channels are, as far as it is known now, the worst first.
pub(super) async fn known(app: &App, channels: &[String]) -> Result<Vec<ReadinessView>> {
    seen(app, |c| channels.contains(&c.id)).await
}

async fn seen(app: &App, wanted: impl Fn(&Channel) -> bool) -> Result<Vec<ReadinessView>> {
    let rows = app.store().channels().await?;
    let mut all = Vec::new();
    for c in rows.iter().filter(|c| wanted(c)) {
        let mut seen = view(c, app.now());
        // What waits for a disabled channel goes nowhere anyway.
        if c.disabled_at.is_none() && renditions::is_unreached(c, app.public_url()) {
            let waiting = app.store().count_with_pictures(&c.id).await?;
            seen.remarks.extend((waiting > 0).then(|| unreached(waiting)));
        }
        seen.remarks.sort_by_key(|r| std::cmp::Reverse(r.standing));
        seen.standing = seen.remarks.first().map_or(seen.standing, |r| r.standing);
        all.push(seen);
    }
    all.sort_by(|a, b| (b.standing, &a.name).cmp(&(a.standing, &b.name)));
    Ok(all)
}

/// What was written while our own address was another one.
fn unreached(waiting: i64) -> Remark {
    let words = format!(
        "posts with pictures that wait for this channel and will fail: {waiting}; the network fetches pictures from \
         public_url, which is not reached from the internet: set it to an https address"
    );
    Remark { standing: Standing::Attention, words }
}

/// Before somebody decides about posts for these channels: what was not checked for ten minutes is checked
/// now, and what does not answer within three seconds is left as it was. Only for who may ask the networks.
pub(super) async fn refresh(app: &App, by: &Actor, channels: &[String]) -> Result<()> {
    // A process without a sender cannot ask.
    if !by.may(Right::Test) || app.networks().is_err() {
        return Ok(());
    }
    let is_old = |c: &Channel| {
        let is_ours = c.disabled_at.is_none() && channels.contains(&c.id);
        is_ours && c.checked_at.is_none_or(|at| at + FRESH <= app.now())
    };
    let rows = app.store().channels().await?;
    let old: Vec<_> = rows.into_iter().filter(is_old).map(|c| c.id).collect();
    if old.is_empty() {
        return Ok(());
    }
    // They go on when nobody waits any more: the next reader sees what they found.
    let checks = tokio::spawn(readiness::check_all(app.clone(), old));
    if tokio::time::timeout(PATIENCE, checks).await.is_err() {
        tracing::debug!("a channel is slow to answer its check; it is shown as it was");
    }
    Ok(())
}

fn told(money: &Money) -> Option<String> {
    match money {
        Money::Told { amount, currency, .. } => Some(format!("{amount} {currency}")),
        Money::Untold => None,
    }
}

fn view(c: &Channel, now: Millis) -> ReadinessView {
    let (standing, remarks) = standing::of(c, now);
    let health = readiness::health(c);
    let facts = health.as_ref().map(|h| standing::current(h.facts.clone(), now)).unwrap_or_default();
    let time = |at: chrono::DateTime<chrono::Utc>| rfc3339(at.timestamp_millis());
    let share = |of| facts.shares.iter().find(|share| share.of == of).map(|share| share.left);
    let checked_at = health.as_ref().and(c.checked_at).map(rfc3339);
    ReadinessView {
        channel: c.id.clone(),
        name: c.name.clone(),
        adapter: c.adapter.clone(),
        brand: c.brand.clone(),
        drill: c.drill,
        publishes: channels::publishes(c),
        standing,
        detail: health.map(|h| h.detail),
        account: facts.account,
        expires_at: facts.expires_at.map(time),
        missing: facts.missing,
        posts_left: facts.posts.map(|q| q.left),
        posts_limit: facts.posts.and_then(|q| q.limit),
        posts_reset_at: facts.posts.and_then(|q| q.resets_at).map(time),
        posts_at: facts.posts.and_then(|q| q.heard_at.map(time).or_else(|| checked_at.clone())),
        posts_counted_here: facts.posts.is_some_and(|q| q.counted == Counted::Here),
        money_untold: facts.money == Some(Money::Untold),
        money: facts.money.as_ref().and_then(told),
        account_calls_left: share(Of::Account),
        app_calls_left: share(Of::App),
        calls_left: facts.calls.map(|q| q.left),
        calls_reset_at: facts.calls.and_then(|q| q.resets_at).map(time),
        calls_at: match facts.calls {
            Some(calls) => calls.heard_at.map(time).or_else(|| checked_at.clone()),
            None => facts.shares.iter().map(|share| share.heard_at).min().map(time),
        },
        clock_ahead: facts.skew_ms.map(|ms| ms / 1_000),
        clock_at: facts.skew_ms.and_then(|_| facts.skew_at.map(time).or_else(|| checked_at.clone())),
        checked_at,
        posted_at: c.posted_at.map(rfc3339),
        paused_until: (c.paused_until > now).then(|| rfc3339(c.paused_until)),
        remarks,
    }
}
