//! Access that is to end at its network: it is kept, sealed, until the network has answered.
//!
//! No sender opens what is here. What another access took the place of is here, too, and ends with that one.

use ::channels::oauth::{Client, REDEEMS_WITHIN, Revoked};
use futures::StreamExt;

use super::grants;
use crate::app::hub::Topic;
use crate::app::{Actor, App, Result, keys, nodes};
use crate::clock::Millis;
use crate::domain::audit::Entry;
use crate::domain::outcome::doubled;
use crate::store::channels::Channel;
use crate::store::ends::{End, Sharing};
use crate::store::grants::{Grant, Start};
use crate::store::{Tx, Unaudited};

/// How long nobody else asks the network for the same.
const LEASE: Millis = 60_000;
/// How long a connection is under way at most: longer than any answers of a network take.
const CONNECTS: Millis = 60_000;
/// Whose access it is, is asked after the answers to the code, for 15 s at most.
const _: () = assert!(REDEEMS_WITHIN.as_millis() + 15_000 + 5_000 <= CONNECTS as u128);
/// How many are asked for in one go.
const BATCH: i64 = 50;
/// How many networks are asked at once.
pub(super) const AT_ONCE: usize = 8;

const LOST: &str = "the last renewal failed, and the network may have given tokens that never arrived";
const RENEWING: &str = "a renewal was under way";

/// The channel of an end.
pub(in crate::app) fn channel_of(id: &str) -> &str {
    id.split('.').next().unwrap_or(id)
}

/// What a person does where the network was not told, or did not confirm.
pub(super) fn by_hand(why: &str, adapter: &str) -> String {
    let network = ::channels::oauth_networks::network(adapter).map(|network| network.title);
    let title = ::channels::adapter(adapter).map(|a| a.title).or(network).unwrap_or(adapter);
    format!("{why}; end the access in the settings of {title}")
}

/// An end without tokens yet.
pub(super) fn new(app: &App, channel: &str, name: &str, adapter: &str) -> End {
    End {
        id: format!("{channel}.{}", app.id()),
        channel_id: channel.to_owned(),
        name: name.to_owned(),
        adapter: adapter.to_owned(),
        app_id: None,
        tokens: None,
        shared: String::new(),
        wanted: true,
        lost: false,
        lease: None,
        lease_until: 0,
        ask_at: None,
        failures: 0,
        told: false,
        said: None,
        made_at: app.now(),
        gone_at: None,
    }
}

/// The end of what was granted to a channel, with a renewal that is under way.
pub(super) fn of_grant(app: &App, c: &Channel, grant: &Grant) -> End {
    let runs = grant.lease.clone().filter(|_| grant.lease_until > app.now());
    End {
        app_id: Some(grant.app_id.clone()),
        tokens: grant.tokens.clone(),
        shared: grant.shared.clone(),
        lost: grant.lost,
        lease: runs,
        lease_until: grant.lease_until,
        ask_at: Some(app.now()),
        ..new(app, &c.id, &c.name, &c.adapter)
    }
}

/// The end of a credential that was typed in: no network is asked for it.
pub(super) fn of_typed(app: &App, c: &Channel) -> End {
    let said = by_hand("the credential was typed in", &c.adapter);
    End { said: Some(said), ..new(app, &c.id, &c.name, &c.adapter) }
}

/// What a connection may leave at the network, as long as it is not known: nobody is to end it yet.
pub(super) fn of_connection(app: &App, start: &Start, channel: &str, name: &str, client: &Client) -> End {
    let adapter = client.network.name;
    End {
        app_id: Some(start.app_id.clone()),
        wanted: false,
        lost: true,
        lease: Some(start.id.clone()),
        lease_until: app.now() + CONNECTS,
        said: Some(by_hand("a connection was begun, and what the network gave is not known", adapter)),
        ..new(app, channel, name, adapter)
    }
}

/// Another access takes the place of a grant: what that was stays until the channel's access is ended, unless
/// another channel has the same.
pub(super) async fn replace(app: &App, tx: &mut Tx, c: &Channel, grant: &Grant) -> Result<()> {
    if grant.tokens.is_some() && !tx.is_shared(&grant.shared, &c.id).await? {
        let end = End { wanted: false, ask_at: None, ..of_grant(app, c, grant) };
        put_moved(app, tx, end).await?;
    }
    Ok(())
}

/// A credential that was typed in takes the place of a grant, if there is one: the entry of it.
pub(in crate::app) async fn replace_by_typed(app: &App, tx: &mut Tx, c: &Channel) -> Result<Option<Entry>> {
    let Some(grant) = tx.grant_for_update(&c.id).await? else { return Ok(None) };
    replace(app, tx, c, &grant).await?;
    tx.forget_grant(&c.id).await?;
    Ok(Some(Entry::new("channel.access_replaced", &format!("channel:{}", c.id))))
}

/// Writes tokens that were somewhere else before, under the key that seals. What cannot be opened stays as it is.
pub(super) async fn put_moved(app: &App, tx: &mut Tx, mut end: End) -> Result<()> {
    if let Some(sealed) = &end.tokens
        && let Ok(anew) = keys::still_sealed(app, tx, &grants::record(&end.channel_id), sealed.clone()).await
    {
        end.tokens = Some(anew);
    }
    Ok(tx.put_end(&end).await?)
}

/// A renewal is over whose grant was ended or replaced meanwhile, or a connection that had no answer. `lost`: it
/// may have been given tokens that never arrived. Whether what it was given is to end, too.
pub(super) async fn renewed(app: &App, tx: &mut Tx, lease: &str, lost: bool) -> Result<Option<End>> {
    let Some(mut end) = tx.end_of_renewal(lease).await? else { return Ok(None) };
    (end.lease, end.lost) = (None, lost);
    if end.told && !lost {
        (end.gone_at, end.said) = (Some(app.now()), None);
    }
    tx.put_end(&end).await?;
    Ok(Some(end))
}

/// Asks the networks whose time has come. Called by the timer.
///
/// # Errors
/// The database's own.
pub(super) async fn due(app: &App) -> Result<()> {
    let due = app.store().ends_due(app.now(), BATCH).await?;
    if due.is_empty() || nodes::ready(app).await?.is_err() {
        return Ok(());
    }
    let told = futures::stream::iter(due).map(|id| async move {
        if let Err(e) = tell_once(app, &Actor::service(app.node()), &id, Some(app.now())).await {
            tracing::error!(error = %e, cause = ?e, channel = channel_of(&id), "a network was not told");
        }
    });
    told.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    Ok(())
}

/// What an attempt to end something came to.
struct Said {
    gone: bool,
    why: Option<String>,
    /// Asking again can help.
    again: bool,
}

/// Asks the network to end it, and writes down what that proves.
///
/// # Errors
/// The database's own; the tokens stay then, and it is asked again.
pub(super) async fn tell(app: &App, by: &Actor, id: &str) -> Result<()> {
    tell_once(app, by, id, None).await
}

/// The same; with a time only what was to be asked for by then: somebody else may have it in hand.
async fn tell_once(app: &App, by: &Actor, id: &str, due: Option<Millis>) -> Result<()> {
    let Some(end) = take(app, id, due).await? else { return Ok(()) };
    let said = match lives_on(app, &end).await? {
        Some(same) if same.id == end.channel_id => return put_off(app, by, id).await,
        Some(other) => Said {
            gone: false,
            why: Some(format!("the channel {} has the same access; end that one, too", other.name)),
            again: true,
        },
        None => ask(app, &end).await,
    };
    let gone = said.gone;
    note(app, by, id, said).await?;
    if gone { doubt(app, &end.shared).await } else { Ok(()) }
}

/// Writes down what an attempt came to.
async fn note(app: &App, by: &Actor, id: &str, said: Said) -> Result<()> {
    let mut tx = app.store().begin().await?;
    let Some(mut end) = tx.end_for_update(id).await?.filter(|e| e.gone_at.is_none()) else { return Ok(()) };
    let before = end.said.clone();
    if said.gone {
        (end.tokens, end.told, end.ask_at) = (None, true, None);
        end.said = if end.lease.is_some() { Some(RENEWING) } else { Some(LOST).filter(|_| end.lost) }
            .map(|why| by_hand(why, &end.adapter));
        end.gone_at = Some(app.now()).filter(|_| end.said.is_none());
    } else {
        end.failures += 1;
        end.ask_at = said.again.then(|| app.now() + wait(end.failures));
        end.tokens = end.tokens.filter(|_| said.again);
        end.said = said.why;
    }
    tx.put_end(&end).await?;
    if end.said == before && end.said.is_some() {
        return Ok(tx.commit_unaudited(Unaudited::Lease).await?);
    }
    let mut entry = Entry::new("channel.access_ended", &format!("channel:{}", end.channel_id))
        .after(&serde_json::json!({ "gone": end.gone_at.is_some() }));
    if let Some(why) = &end.said {
        entry = entry.note(why);
    }
    app.commit(tx, by, &[entry], &[Topic::Channels]).await
}

/// Takes an end in hand, if the network is to be asked.
async fn take(app: &App, id: &str, due: Option<Millis>) -> Result<Option<End>> {
    let mut tx = app.store().begin().await?;
    let is_due = |e: &End| due.is_none_or(|due| e.ask_at.is_some_and(|at| at <= due));
    let open = |e: &End| e.wanted && e.gone_at.is_none() && e.tokens.is_some() && is_due(e);
    let Some(mut end) = tx.end_for_update(id).await?.filter(open) else { return Ok(None) };
    end.ask_at = Some(app.now() + LEASE);
    tx.put_end(&end).await?;
    tx.commit_unaudited(Unaudited::Lease).await?;
    Ok(Some(end))
}

/// The channel to which the network has given the same access again since: it would end with this one.
async fn lives_on(app: &App, end: &End) -> Result<Option<Sharing>> {
    let living = app.store().sharing(&end.shared, "").await?;
    let since = living.into_iter().filter(|s| s.granted_at >= end.made_at);
    Ok(since.max_by_key(|s| s.id == end.channel_id))
}

/// The channel itself has the same access again: it ends with that.
async fn put_off(app: &App, by: &Actor, id: &str) -> Result<()> {
    let mut tx = app.store().begin().await?;
    let Some(end) = tx.end_for_update(id).await? else { return Ok(()) };
    let entry = Entry::new("channel.access_end_put_off", &format!("channel:{}", end.channel_id))
        .note("the network has given the channel the same access again");
    tx.put_end(&End { wanted: false, ask_at: None, said: None, ..end }).await?;
    app.commit(tx, by, &[entry], &[Topic::Channels]).await
}

/// Access has ended: how the channels are that had the same, nobody knows before they are checked.
///
/// # Errors
/// The database's own.
pub(super) async fn doubt(app: &App, shared: &str) -> Result<()> {
    for other in app.store().sharing(shared, "").await? {
        let mut tx = app.store().begin().await?;
        tx.forget_check(&other.id).await?;
        tx.notify(Topic::Channels.name());
        tx.commit_unaudited(Unaudited::Look).await?;
        app.hub().poke(Topic::Channels);
    }
    Ok(())
}

async fn ask(app: &App, end: &End) -> Said {
    let not_yet = |why: String| Said { gone: false, why: Some(by_hand(&why, &end.adapter)), again: true };
    let opened = async {
        let client = grants::client_by_id(app, end.app_id.as_deref().unwrap_or_default()).await?;
        let sealed = end.tokens.as_deref().unwrap_or_default();
        let tokens = grants::open(app, &end.channel_id, sealed)?;
        Ok::<_, crate::app::AppError>((app.networks()?, client, tokens))
    };
    let (networks, client, tokens) = match opened.await {
        Ok(opened) => opened,
        Err(why) => return not_yet(why.to_string()),
    };
    let again = client.can_revoke(&tokens);
    match networks.revoke(&client, &tokens).await {
        Revoked::Gone => Said { gone: true, why: None, again: false },
        Revoked::NotKnown(why) => Said { gone: false, why: Some(why), again },
    }
}

/// The wait after so many failures: 10 s doubled each time, at most an hour.
fn wait(failures: i64) -> Millis {
    doubled(10_000, failures, 3_600_000)
}
