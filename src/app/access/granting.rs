//! A person is back from a network: the code becomes tokens, and a channel has its access.
//!
//! From before the network is asked until it is known what became of it, a row of what is to end stands for what
//! it may give: whoever ends the access of the channel meanwhile, or after a crash, is told.

use ::channels::oauth::{Client, Refusal, Tokens};
use ::channels::oauth_networks::Revokes;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::beside::{self, Beside};
use super::connecting::{self, WantedChannel, as_channel, subject};
use super::{ends, grants, same_account};
use crate::app::channels::{self, ChannelView};
use crate::app::hub::Topic;
use crate::app::people::hash;
use crate::app::{Actor, App, AppError, Result, credentials, keys, readiness, watches};
use crate::domain::audit::Entry;
use crate::domain::role::Right;
use crate::store::channels::Channel;
use crate::store::ends::End;
use crate::store::grants::{Grant, Start};
use crate::store::{Tx, Unaudited};

/// What a person brings back in the address.
#[derive(Debug, Clone, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Back {
    #[schema(value_type = String)]
    pub state: SecretString,
    /// What stands in the address behind `connected/`, where something does.
    #[serde(default)]
    pub app: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub code: Option<SecretString>,
    /// Why the network gives none.
    #[serde(default)]
    pub error: Option<String>,
}

const OVER_API: &str = "a program began this; give it the whole address of this page";

/// What was begun, and what the network is asked with.
struct Asking {
    start: Start,
    /// The channel that the access is for, or that is to be made.
    id: String,
    name: String,
    /// The page or account in its settings, where a person chooses one.
    page: String,
    new: Option<WantedChannel>,
    client: Client,
    code: SecretString,
    verifier: SecretString,
}

/// Ends: the code becomes tokens, and the channel has its access. What was brought back counts once, whatever
/// comes of it.
///
/// # Errors
/// When it is not known any more, belongs to another session, the network refuses, or the actor is no
/// administrator.
pub async fn finish(app: &App, by: &Actor, session: &str, back: Back) -> Result<ChannelView> {
    by.need(Right::Administer)?;
    let networks = app.networks()?;
    // A stop waits until what the network gives is stored.
    let _exchanging = app.exchanging().read().await;
    let asking = take(app, by, session, back).await?;
    let title = asking.client.network.title;
    let tokens = match networks.redeem(&asking.client, &asking.code, &asking.verifier, &asking.page).await {
        Ok(tokens) => tokens,
        Err(why) => {
            if let Err(e) = not_given(app, by, &asking, &why).await {
                tracing::error!(error = %e, cause = ?e, "what a network refused is kept as if it were not known");
            }
            return Err(AppError::Conflict(why.to_string()));
        }
    };
    let kept = match tokens.lacks(title) {
        Some(why) => Err(AppError::Conflict(why)),
        None => keep(app, by, &asking, &tokens).await,
    };
    let Err(why) = kept else { return kept };
    Err(match give_back(app, by, &asking, &tokens).await {
        Ok(None) => why,
        Ok(Some(left)) => with_left(why, &left),
        Err(e) => {
            tracing::error!(error = %e, cause = ?e, "access that was not stored may live on at the network");
            let left = "the access could not be stored, nor ended";
            with_left(why, &ends::by_hand(left, asking.client.network.name))
        }
    })
}

/// Why a connection failed, with what is left of it at the network. An error of ours stays one.
fn with_left(why: AppError, left: &str) -> AppError {
    match why {
        AppError::Internal(_) | AppError::Store(_) => {
            tracing::error!(left, "access that was not stored is left at its network");
            why
        }
        why => AppError::Conflict(format!("{}; {left}", why.in_full())),
    }
}

/// Takes what was begun, which stays until its access is stored: whoever ends the channel's access ends it before.
/// The wrong person ends it, too: its state is known to others. When the network is to be asked, what it may give
/// is kept in mind in the same change.
async fn take(app: &App, by: &Actor, session: &str, back: Back) -> Result<Asking> {
    let mut tx = app.store().begin().await?;
    let Some(start) = tx.take_start(&hash(back.state.expose_secret())).await? else {
        return Err(AppError::Conflict("this was finished or is too old; begin again".into()));
    };
    // A browser with a session comes by here in any case; what was begun stays for the program.
    if connecting::is_program(&start.session) && !connecting::is_program(session) {
        return Err(AppError::Conflict(OVER_API.into()));
    }
    let entry = Entry::new("channel.access_returned", &subject(&start));
    let asking = may_ask(app, by, session, start, back).await;
    if let Ok(asking) = &asking {
        tx.put_end(&ends::of_connection(app, &asking.start, &asking.id, &asking.name, &asking.client))
            .await?;
    }
    app.commit(tx, by, &[entry], &[]).await?;
    asking
}

/// What the network is asked with, if it may be asked for this.
async fn may_ask(app: &App, by: &Actor, session: &str, start: Start, back: Back) -> Result<Asking> {
    if start.session != session || start.person_id != by.id {
        return Err(AppError::Forbidden("this was begun in another session; begin again in this one".into()));
    }
    if start.expires_at <= app.now() {
        return Err(AppError::Conflict("it took longer than ten minutes; begin again".into()));
    }
    let client = grants::client_by_id(app, &start.app_id).await?;
    if client.network.registers() && back.app.as_deref() != Some(start.app_id.as_str()) {
        let why = "another server sent you back than the one that was asked; begin again";
        return Err(AppError::Conflict(why.into()));
    }
    let Some(code) = back.code.filter(|_| back.error.is_none()) else {
        return Err(AppError::Conflict(grants::refused(client.network.title, back.error.as_deref())));
    };
    let verifier = app.keys().open(&connecting::record(&start.id), &start.verifier);
    let verifier = verifier.map_err(|e| AppError::Conflict(e.to_string()))?;
    let new = start.new_channel.as_deref().map(serde_json::from_str::<WantedChannel>).transpose();
    let new = new.map_err(|e| AppError::Internal(e.to_string()))?;
    let (id, name, settings) = match (&start.channel_id, &new) {
        (Some(id), _) => {
            let row = app.store().channel(id).await?.ok_or_else(|| AppError::not_found("channel", id))?;
            (id.clone(), row.name, serde_json::from_str(&row.settings).unwrap_or_default())
        }
        (None, Some(new)) => (app.id(), new.name.clone(), new.settings.clone()),
        (None, None) => (app.id(), String::new(), Value::Null),
    };
    let page = match client.network.chosen_by().map(|name| &settings[name]) {
        Some(Value::String(page)) => page.trim().to_owned(),
        Some(Value::Number(page)) => page.to_string(),
        _ => String::new(),
    };
    Ok(Asking { start, id, name, page, new, client, code, verifier })
}

/// The network gave nothing, or nobody knows what it gave.
async fn not_given(app: &App, by: &Actor, asking: &Asking, why: &Refusal) -> Result<()> {
    let start = &asking.start;
    let mut tx = app.store().begin().await?;
    match why {
        Refusal::Unknown(_) => {
            let end = ends::renewed(app, &mut tx, &start.id, true).await?;
            // Of a channel that is not made nobody ends the access later: it is listed at once.
            if let Some(end) = end.filter(|_| start.channel_id.is_none()) {
                tx.put_end(&End { wanted: true, ..end }).await?;
            }
        }
        Refusal::Ended(_) | Refusal::Refused(_) | Refusal::Later(_) => tx.forget_end(&start.id).await?,
    }
    let entry = Entry::new("channel.access_not_given", &subject(start)).note(why.to_string());
    app.commit(tx, by, &[entry], &[Topic::Channels]).await
}

/// Ends access that no channel here has: nobody could end it later. What a channel lives by, granted or typed, is not
/// ended with it: where that could be, it is kept for the end of that one. What is left at the network, in words.
async fn give_back(app: &App, by: &Actor, asking: &Asking, tokens: &Tokens) -> Result<Option<String>> {
    let (start, id, client) = (&asking.start, &asking.id, &asking.client);
    let shared = grants::shared(client, tokens);
    let mut tx = app.store().begin().await?;
    if client.network.revokes == Revokes::Person {
        return left_to_people(app, by, asking, tokens, tx).await.map(Some);
    }
    tx.forget_end(&start.id).await?;
    match beside::of(app, &mut tx, client, tokens).await? {
        Beside::Same => {
            return tx.commit_unaudited(Unaudited::Lease).await.map(|()| None).map_err(Into::into);
        }
        Beside::With(living) => {
            let end = End {
                app_id: Some(start.app_id.clone()),
                tokens: Some(grants::seal(app, &mut tx, &living.id, tokens).await?),
                shared,
                wanted: false,
                ..ends::new(app, &living.id, &living.name, client.network.name)
            };
            tx.put_end(&end).await?;
            let left = beside::words(client.network.title, &living.name);
            let entry = Entry::new("channel.access_left", &format!("channel:{}", living.id)).note(&left);
            app.commit(tx, by, &[entry], &[Topic::Channels]).await?;
            return Ok(Some(left));
        }
        Beside::Nothing => {}
    }
    let end = End {
        app_id: Some(start.app_id.clone()),
        tokens: Some(grants::seal(app, &mut tx, id, tokens).await?),
        shared,
        ask_at: Some(app.now()),
        ..ends::new(app, id, &asking.name, client.network.name)
    };
    tx.put_end(&end).await?;
    let entry = Entry::new("channel.access_given_back", &subject(start));
    app.commit(tx, by, &[entry], &[]).await?;
    ends::tell(app, by, &end.id).await?;
    let open = app.store().open_ends().await?.into_iter().find(|e| e.id == end.id);
    Ok(open.map(|e| e.said.unwrap_or_else(|| ends::by_hand("the network was not asked yet", &e.adapter))))
}

/// To end it would end all that this person ever granted the app, also what was typed here or is used elsewhere. It is
/// listed, and ended by a person or with all access. What is left, in words.
async fn left_to_people(
    app: &App,
    by: &Actor,
    asking: &Asking,
    tokens: &Tokens,
    mut tx: Tx,
) -> Result<String> {
    let (start, client) = (&asking.start, &asking.client);
    let left =
        ends::by_hand("what was granted is not used, and lives on: connect again", client.network.name);
    if let Some(mut end) = tx.end_of_renewal(&start.id).await? {
        (end.lease, end.lost, end.wanted) = (None, false, true);
        end.tokens = Some(grants::seal(app, &mut tx, &asking.id, tokens).await?);
        (end.said, end.shared) = (Some(left.clone()), grants::shared(client, tokens));
        tx.put_end(&end).await?;
    }
    let entry = Entry::new("channel.access_left", &subject(start)).note(&left);
    app.commit(tx, by, &[entry], &[Topic::Channels]).await?;
    Ok(left)
}

/// Stores the access, in one change with the channel that is made for it.
async fn keep(app: &App, by: &Actor, asking: &Asking, tokens: &Tokens) -> Result<ChannelView> {
    let (start, id, now) = (&asking.start, asking.id.as_str(), app.now());
    let credential = tokens.credential();
    let new = asking.new.clone().map(|n| as_channel(n, credential.clone()));
    if let Some(new) = &new {
        channels::check_new(app, new)?;
    }
    let seen = match app.store().channel(id).await? {
        Some(row) => Some(same_account::ask(app, &row, credential).await),
        None => None,
    };
    let mut tx = app.store().begin().await?;
    // As it is before this change.
    let row = tx.channel_for_update(id).await?;
    let mut unseen = false;
    let (view, mut entries) = match (new, row.clone(), seen) {
        (Some(new), ..) => {
            let (view, entry) = channels::insert(app, &mut tx, id, new).await?;
            (view, vec![entry])
        }
        (None, Some(mut row), Some(seen)) => {
            let title = asking.client.network.title;
            unseen = same_account::judge_granted(app, &mut tx, &mut row, title, seen).await?;
            reconnect(app, &mut tx, row, &start.place, credential).await?
        }
        (None, ..) => return Err(AppError::not_found("channel", id)),
    };
    is_alone(app, &mut tx, asking, tokens).await?;
    if !tx.end_start(&start.id).await? {
        return Err(AppError::Conflict("access was ended meanwhile; begin again".into()));
    }
    let before = tx.grant_for_update(id).await?;
    let shared = grants::shared(&asking.client, tokens);
    if let Some(row) = row {
        put_aside(app, &mut tx, &row, before.as_ref(), tokens).await?;
    }
    let (expires_at, renew_at) = grants::times(asking.client.network, tokens, now);
    let grant = Grant {
        app_id: start.app_id.clone(),
        tokens: Some(grants::seal(app, &mut tx, id, tokens).await?),
        // Higher than that of a renewal which is under way: it changes nothing then.
        generation: before.map_or(1, |g| g.generation + 1),
        granted_by: by.id.clone(),
        granted_at: now,
        renewed_at: now,
        expires_at,
        renew_at,
        failures: 0,
        trouble: None,
        lease: None,
        lease_until: 0,
        lost: false,
        shared,
        ended_at: None,
        channel_id: id.to_owned(),
    };
    tx.put_grant(&grant).await?;
    tx.forget_end(&start.id).await?;
    let given = Entry::new("channel.access_given", &format!("channel:{id}")).after(&grants::view(grant));
    entries.push(given);
    app.commit(tx, by, &entries, &[Topic::Channels, Topic::Queue]).await?;
    readiness::check_soon(app, id, unseen);
    Ok(view)
}

/// Keeps what these tokens take the place of, until the access of the channel ends.
async fn put_aside(
    app: &App,
    tx: &mut Tx,
    row: &Channel,
    before: Option<&Grant>,
    tokens: &Tokens,
) -> Result<()> {
    match before.filter(|g| g.tokens.is_some()) {
        // A team of Slack has many tokens, which end together.
        Some(before) if !grants::tokens(app, before).is_ok_and(|old| grants::are_same(&old, tokens)) => {
            ends::replace(app, tx, row, before).await
        }
        None if row.credential.is_some() => {
            Ok(tx.put_end(&End { wanted: false, ..ends::of_typed(app, row) }).await?)
        }
        _ => Ok(()),
    }
}

/// Of the tokens of one app and one team that are renewed, Slack keeps two, and ends the oldest one when there is
/// a third: channels with a pair each would end those of each other.
async fn is_alone(app: &App, tx: &mut Tx, asking: &Asking, tokens: &Tokens) -> Result<()> {
    let (client, Some(team)) = (&asking.client, &tokens.team) else { return Ok(()) };
    for other in tx.living_of(&client.id, &client.place.token, &asking.id).await? {
        // What cannot be opened is renewed by nobody.
        let Ok(kept) = grants::open(app, &other.channel_id, &other.tokens) else { continue };
        let renewed = tokens.refresh.is_some() || kept.refresh.is_some();
        if renewed && kept.team.as_ref() == Some(team) {
            let (other, title) = (other.name, client.network.title);
            // Another app has another bot, and a channel goes on with its own.
            return Err(AppError::Conflict(match asking.start.channel_id {
                None => format!(
                    "the channel {other} has access to this workspace that is renewed: enter another app of {title}"
                ),
                Some(_) => format!(
                    "the channel {other} has access to this workspace that is renewed: end that first, or connect a \
                     new channel with another app of {title}"
                ),
            }));
        }
    }
    Ok(())
}

/// Gives a channel another credential.
async fn reconnect(
    app: &App,
    tx: &mut Tx,
    mut row: Channel,
    to: &str,
    credential: &SecretString,
) -> Result<(ChannelView, Vec<Entry>)> {
    let before = channels::view(app, row.clone());
    if connecting::place(&row.adapter, &before.settings) != to {
        let why = "the settings of the channel were changed meanwhile; begin again";
        return Err(AppError::Conflict(why.into()));
    }
    channels::try_open(app, &row.adapter, &before.settings, Some(credential.clone()))?;
    row.checked_at = None;
    let had = row.credential.is_some();
    row.credential = Some(keys::seal(app, tx, &credentials::record(&row.id), credential).await?);
    if !tx.update_channel(&row).await? {
        return Err(AppError::Stale { now: row.version + 1 });
    }
    let mut entries = watches::after_edit(app, tx, &row, true).await?;
    row.version += 1;
    let view = channels::view(app, row);
    entries.insert(0, channels::changed(&before, &view, had));
    Ok((view, entries))
}
