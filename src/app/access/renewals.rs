//! New tokens in the place of those that expire soon.
//!
//! One node at a time renews the access of a channel: it holds a lease in the row, and what it gets is stored
//! before anything uses it. A refresh token may count once only, so a lost answer can end the access; a
//! person connects again then.

use std::time::{Duration, Instant};

use ::channels::oauth::{Client, Refusal, Tokens};
use futures::StreamExt;
use tokio::sync::RwLockWriteGuard;

use super::{ends, grants};
use crate::app::hub::Topic;
use crate::app::permits::Permit;
use crate::app::{Actor, App, AppError, Result, credentials, keys, nodes};
use crate::clock::{Millis, rfc3339};
use crate::domain::audit::Entry;
use crate::domain::outcome::doubled;
use crate::store::Unaudited;
use crate::store::ends::End;
use crate::store::grants::Grant;

/// How long nobody else renews the same access: longer than to ask for it, any answer of a network (20 s), and to
/// store it take.
const LEASE: Millis = 120_000;
const _: () = assert!(ASKS_WITHIN.as_millis() + 20_000 + STORES_WITHIN.as_millis() < LEASE as u128);
/// How long a node may take before it asks, so that the answer comes within its lease.
const ASKS_WITHIN: Duration = Duration::from_secs(15);
/// How long it goes on trying to store what the network gave, which cannot be had again.
pub(crate) const STORES_WITHIN: Duration = Duration::from_secs(50);
/// How often it tries.
const STORES_AGAIN: Duration = Duration::from_millis(500);
/// Most renewals in one go.
const BATCH: i64 = 100;
/// After so many failures a person is told.
const TOLD_AFTER: i64 = 3;
/// How long a refused app waits: somebody may mend it.
const REFUSED_WAIT: Millis = 10 * 60_000;
/// Of its first tries at a delivery, how many may meet a token that has just ended.
const TRIES: i64 = 3;
/// How long after a renewal a refused send asks for no other one: it is refused for another reason.
const RENEWED: Millis = 10 * 60_000;

/// Renews every access whose time has come, and asks again for the end of what is not known to have ended; neither
/// waits for the other. A node whose gate waits for a person does neither: its database may be a copy, and would
/// take the token away from the other one. Called by the timer.
///
/// # Errors
/// The database's own.
pub async fn due(app: &App) -> Result<()> {
    let (renewed, ended) = tokio::join!(all(app), ends::due(app));
    renewed.and(ended)
}

/// Renews every access whose time has come.
async fn all(app: &App) -> Result<()> {
    let due = app.store().grants_due(app.now(), BATCH).await?;
    if due.is_empty() || nodes::ready(app).await?.is_err() {
        return Ok(());
    }
    let renewed = futures::stream::iter(due).map(|channel| async move { one(app, &channel).await });
    let renewed: Vec<_> = renewed.buffer_unordered(ends::AT_ONCE).collect().await;
    renewed.into_iter().collect()
}

/// Waits until all tokens that networks were asked for are stored: nothing gives them a second time. As long as what
/// it answers is held, nothing is asked for.
pub(crate) async fn stored(app: &App) -> Option<RwLockWriteGuard<'_, ()>> {
    let all = tokio::time::timeout(STORES_WITHIN, app.exchanging().write()).await;
    if all.is_err() {
        tracing::error!(
            "stopped before tokens that a network gave were stored; connect those channels again"
        );
    }
    all.ok()
}

/// Renews the access of one channel, if its time has come and nobody else does.
async fn one(app: &App, channel: &str) -> Result<()> {
    let _exchanging = app.exchanging().read().await;
    let began = Instant::now();
    let networks = app.networks()?;
    let Some(grant) = take(app, channel).await? else { return Ok(()) };
    let opened = match grants::client_by_id(app, &grant.app_id).await {
        Ok(client) => grants::tokens(app, &grant).map(|tokens| (client, tokens)),
        Err(e) => Err(e),
    };
    let (client, old) = match opened {
        Ok(opened) => opened,
        // Another node may know the key.
        Err(why) => return failed(app, &grant, &Refusal::Later(why.to_string())).await,
    };
    if began.elapsed() > ASKS_WITHIN {
        let slow = "the database was too slow to ask for a new token";
        return failed(app, &grant, &Refusal::Later(slow.into())).await;
    }
    match networks.renew(&client, &old).await {
        Err(why) => failed(app, &grant, &why).await,
        Ok(new) => store(app, &grant, &client, &new).await,
    }
}

/// Stores what the network gave, and does not give up when the database fails for a while.
async fn store(app: &App, read: &Grant, client: &Client, new: &Tokens) -> Result<()> {
    let until = Instant::now() + STORES_WITHIN;
    let kept = loop {
        match keep(app, read, client, new).await {
            Err(e) if Instant::now() < until => {
                tracing::error!(error = %e, cause = ?e, "a renewed token is not stored yet; it is tried again");
                tokio::time::sleep(STORES_AGAIN).await;
            }
            kept => break kept?,
        }
    };
    match kept {
        Kept::Here { mended: true } => look(app, &read.channel_id).await,
        Kept::Here { mended: false } => {}
        Kept::ToEnd(end) => ends::tell(app, &Actor::service(app.node()), &end).await?,
    }
    Ok(())
}

/// What is known of the channel changes by this: its check says so, on the board, too.
async fn look(app: &App, channel: &str) {
    let Ok(networks) = app.networks() else { return };
    if let Err(e) = networks.check(channel).await {
        tracing::warn!(error = %e, channel, "a channel was not checked after a renewal");
    }
}

/// Where new tokens are.
enum Kept {
    /// The channel uses them. `mended`: it was said that it was not renewed.
    Here { mended: bool },
    /// The access was ended or replaced meanwhile: they are to end, or wait for that.
    ToEnd(String),
}

/// Takes the access in hand; nothing: it is not its time, or another node was faster.
async fn take(app: &App, channel: &str) -> Result<Option<Grant>> {
    let now = app.now();
    let mut tx = app.store().begin().await?;
    let due =
        |g: &Grant| g.tokens.is_some() && g.renew_at.is_some_and(|at| at <= now) && g.lease_until <= now;
    let Some(mut grant) = tx.grant_for_update(channel).await?.filter(due) else { return Ok(None) };
    (grant.lease, grant.lease_until) = (Some(app.id()), now + LEASE);
    // From the question on the network may give tokens that never arrive.
    let lost = std::mem::replace(&mut grant.lost, true);
    tx.put_grant(&grant).await?;
    tx.commit_unaudited(Unaudited::Lease).await?;
    grant.lost = lost;
    Ok(Some(grant))
}

/// Stores new tokens, in one change with the credential that the channel is opened with. When the access was
/// ended or replaced meanwhile, they are kept for their end.
async fn keep(app: &App, read: &Grant, client: &Client, new: &Tokens) -> Result<Kept> {
    let channel = &read.channel_id;
    let mut tx = app.store().begin().await?;
    let row = tx.channel_for_update(channel).await?;
    let row = row.ok_or_else(|| AppError::not_found("channel", channel))?;
    let now = app.now();
    let same = |g: &Grant| g.tokens.is_some() && g.generation == read.generation;
    let found = tx.grant_for_update(channel).await?;
    if found.as_ref().is_some_and(|g| is_stored(app, g, read, new)) {
        return Ok(Kept::Here { mended: false });
    }
    let lives = found.as_ref().is_some_and(|g| g.tokens.is_some());
    let Some(mut grant) = found.filter(same) else {
        let former = ends::renewed(app, &mut tx, read.lease.as_deref().unwrap_or_default(), false).await?;
        let shared = grants::shared(client, new);
        // Where the grant lives on, here or for another channel, to end this could end that.
        let lives = lives || tx.is_shared(&shared, "").await?;
        // As old as what it was of: what was granted since lives on (`ends::tell`).
        let (wanted, made_at) = former.map_or((!lives, now), |e| (e.wanted, e.made_at));
        let end = End {
            app_id: Some(read.app_id.clone()),
            tokens: Some(grants::seal(app, &mut tx, channel, new).await?),
            shared,
            wanted,
            ask_at: Some(now).filter(|_| wanted),
            made_at,
            ..ends::new(app, channel, &row.name, &row.adapter)
        };
        tx.put_end(&end).await?;
        let entry = Entry::new("channel.access_renewed_too_late", &format!("channel:{channel}"));
        app.commit(tx, &Actor::service(app.node()), &[entry], &[]).await?;
        return Ok(Kept::ToEnd(end.id));
    };
    let credential = keys::seal(app, &mut tx, &credentials::record(channel), new.credential()).await?;
    grant.tokens = Some(grants::seal(app, &mut tx, channel, new).await?);
    (grant.expires_at, grant.renew_at) = grants::times(client.network, new, now);
    (grant.generation, grant.renewed_at) = (grant.generation + 1, now);
    let mended = grant.trouble.is_some();
    (grant.failures, grant.trouble) = (0, None);
    (grant.lease, grant.lease_until, grant.lost) = (None, 0, false);
    grant.shared = grants::shared(client, new);
    tx.put_grant(&grant).await?;
    tx.replace_credential(channel, &credential).await?;
    let entry = Entry::new("channel.access_renewed", &format!("channel:{channel}"))
        .after(&serde_json::json!({ "expires_at": grant.expires_at.map(rfc3339) }));
    app.commit(tx, &Actor::service(app.node()), &[entry], &[Topic::Channels]).await?;
    Ok(Kept::Here { mended })
}

/// Whether a try before has stored these very tokens, and its answer was lost. That they end together says
/// nothing: a team of Slack has many tokens.
fn is_stored(app: &App, found: &Grant, read: &Grant, new: &Tokens) -> bool {
    let is_next = found.tokens.is_some() && found.generation == read.generation + 1;
    is_next && grants::tokens(app, found).is_ok_and(|kept| grants::are_same(&kept, new))
}

/// Writes down that a renewal failed, and when it is tried again. The log hears of it when it begins to be
/// said.
async fn failed(app: &App, read: &Grant, why: &Refusal) -> Result<()> {
    let (channel, now) = (&read.channel_id, app.now());
    let mut tx = app.store().begin().await?;
    let ours = |g: &Grant| g.lease == read.lease && g.generation == read.generation && g.tokens.is_some();
    tx.channel_for_update(channel).await?;
    // Refused, it is as it was before; without an answer nobody knows.
    let lost = read.lost || matches!(why, Refusal::Unknown(_));
    let Some(mut grant) = tx.grant_for_update(channel).await?.filter(ours) else {
        // It was ended or replaced meanwhile.
        ends::renewed(app, &mut tx, read.lease.as_deref().unwrap_or_default(), lost).await?;
        return Ok(tx.commit_unaudited(Unaudited::Lease).await?);
    };
    grant.failures += 1;
    grant.renew_at = match why {
        Refusal::Ended(_) => None,
        Refusal::Refused(_) => Some(now + REFUSED_WAIT),
        Refusal::Later(_) | Refusal::Unknown(_) => Some(now + wait(grant.failures)),
    };
    (grant.lease, grant.lease_until, grant.lost) = (None, 0, lost);
    let for_good = matches!(why, Refusal::Ended(_) | Refusal::Refused(_));
    let told = grant.trouble.is_some();
    if for_good || grant.failures >= TOLD_AFTER {
        grant.trouble = Some(why.to_string());
    }
    tx.put_grant(&grant).await?;
    if told || grant.trouble.is_none() {
        tx.commit_unaudited(Unaudited::Lease).await?;
        return Ok(());
    }
    tracing::warn!(channel, %why, "the access of a channel is not renewed");
    let entry = Entry::new("channel.access_not_renewed", &format!("channel:{channel}")).note(why.to_string());
    app.commit(tx, &Actor::service(app.node()), &[entry], &[Topic::Channels]).await?;
    look(app, channel).await;
    Ok(())
}

/// The wait after so many failures: 5 s doubled each time, at most 10 minutes.
fn wait(failures: i64) -> Millis {
    doubled(5_000, failures, 600_000)
}

/// Whether the channel of a permit is still as it was when the permit was given. What a node has in memory may
/// be older than the end of the channel's access.
///
/// # Errors
/// The database's own.
pub(crate) async fn is_as_permitted(app: &App, permit: &Permit) -> Result<bool> {
    let row = app.store().channel(&permit.channel).await?;
    Ok(row.is_some_and(|c| c.version == permit.channel_version))
}

/// A network refused the token of an attempt. Whether another try may meet a newer one: it is there by now,
/// somebody gets it, or it is asked for here.
///
/// # Errors
/// The database's own.
pub(crate) async fn may_help(app: &App, permit: &Permit) -> Result<bool> {
    let channel = &permit.channel;
    // Another credential by now, or none: the channel is disabled then, and the post waits.
    if !is_as_permitted(app, permit).await? {
        return Ok(true);
    }
    let Some(grant) = app.store().grant(channel).await?.filter(|g| g.tokens.is_some()) else {
        return Ok(false);
    };
    if grant.lease_until > app.now() {
        return Ok(true);
    }
    // A token that the network ended before its time; one that was renewed since is refused for another reason.
    let is_fresh = grant.renewed_at > grant.granted_at && grant.renewed_at + RENEWED > app.now();
    let is_newer = is_fresh || grant.renewed_at > permit.permitted_at;
    if permit.number > TRIES || grant.renew_at.is_none() || is_newer {
        return Ok(false);
    }
    let mut tx = app.store().begin().await?;
    let same = |g: &Grant| g.generation == grant.generation && g.renew_at.is_some();
    if let Some(mut grant) = tx.grant_for_update(channel).await?.filter(same) {
        grant.renew_at = grant.renew_at.map(|at| at.min(app.now()));
        tx.put_grant(&grant).await?;
    }
    tx.commit_unaudited(Unaudited::Lease).await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_wait_grows_and_stays_bounded() {
        assert_eq!([1, 2, 3, 40].map(super::wait), [5_000, 10_000, 20_000, 600_000]);
    }
}
