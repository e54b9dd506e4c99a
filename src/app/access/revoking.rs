//! Access is ended: of one channel, or of all at once.
//!
//! One change destroys the credential here and disables the channel, whatever the network says later; the
//! tokens move to where only the end of an access reads them. Then the network is asked, until it answers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::StreamExt;
use serde::{Deserialize, Serialize};

use super::ends;
use crate::app::hub::Topic;
use crate::app::{Actor, App, AppError, Result, channels, readiness, watches};
use crate::domain::audit::Entry;
use crate::domain::role::Right;
use crate::store::channels::Flying;
use crate::store::ends::End;

/// How often it is looked whether what was under way has ended.
const LOOK: Duration = Duration::from_millis(250);
/// How often at most: as long as an answer of a network takes.
const LOOKS: usize = 100;

const NOT_ASKED: &str = "the network was not asked yet; the service goes on asking";

/// What became of the access of a channel.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RevokedView {
    pub channel: String,
    pub name: String,
    /// The network says that these tokens are good no more. Otherwise it is not known to be, and `detail` says what to do.
    /// An older access token, which a renewal took the place of, may be good there until its own end: hours.
    pub gone: bool,
    pub detail: Option<String>,
    /// What is not known to have ended, by the ids that a confirmation takes.
    pub ends: Vec<String>,
    /// Other channels that have the same access at the network, and so have lost it.
    pub also: Vec<String>,
    /// Posts that were being sent or in doubt at that moment.
    pub under_way: Vec<UnderWay>,
}

/// A post that the credential may still have published.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UnderWay {
    pub delivery: String,
    pub post: String,
    pub state: String,
}

/// Ends the access of a channel: its credential is destroyed, it is disabled, and the network is told. What was
/// not known to have ended before is asked for again.
///
/// # Errors
/// When there is nothing to end, or the actor is no administrator.
pub async fn revoke(app: &App, by: &Actor, channel: &str) -> Result<RevokedView> {
    by.need(Right::Administer)?;
    let taken = take_away(app, by, channel).await?;
    if taken.is_none() && !open(app).await?.contains_key(channel) {
        app.store().channel(channel).await?.ok_or_else(|| AppError::not_found("channel", channel))?;
        return Err(AppError::Conflict("the channel has no credential".into()));
    }
    let views = taken.map(|view| (channel.to_owned(), view)).into_iter().collect();
    let told = tell(app, by, views, Some(channel)).await?;
    told.into_iter().next().ok_or_else(|| AppError::not_found("channel", channel))
}

/// Ends the access of all channels. All credentials are destroyed before the first network is asked, and what is
/// wrong with one channel keeps no other.
///
/// # Errors
/// When the actor is no administrator, or the channels cannot be read.
pub async fn revoke_all(app: &App, by: &Actor) -> Result<Vec<RevokedView>> {
    by.need(Right::Administer)?;
    let mut tx = app.store().begin().await?;
    // Whoever is on the way back brings nothing any more.
    tx.forget_starts(i64::MAX).await?;
    tx.want_ends(None, app.now()).await?;
    let began = Entry::new("channel.access_ends_everywhere", "channels:all");
    app.commit(tx, by, &[began], &[]).await?;
    let mut views = BTreeMap::new();
    for row in app.store().channels().await? {
        match take_away(app, by, &row.id).await {
            Ok(Some(view)) => drop(views.insert(row.id, view)),
            Ok(None) => {}
            Err(e) => {
                tracing::error!(error = %e, cause = ?e, channel = row.id, "the access of a channel is not ended");
                let why = format!("its access could not be ended here: {e}");
                views.insert(row.id.clone(), RevokedView { detail: Some(why), ..empty(&row.id, &row.name) });
            }
        }
    }
    tell(app, by, views, None).await
}

/// What is to end and is not known to have ended.
///
/// # Errors
/// When the actor is no administrator.
pub async fn list(app: &App, by: &Actor) -> Result<Vec<RevokedView>> {
    by.need(Right::Administer)?;
    let open = open(app).await?;
    Ok(open.into_iter().map(|(id, ends)| seen(empty(&id, ""), &ends)).collect())
}

/// What a person was shown as not known to have ended.
#[derive(Debug, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shown {
    pub ends: Vec<String>,
}

/// A person says that the access of a channel has ended: they ended it at the network. What they were not shown
/// stays: it may have been given afterwards.
///
/// # Errors
/// When nothing of what was shown is open, or the actor is no administrator.
pub async fn confirm(app: &App, by: &Actor, channel: &str, shown: &Shown) -> Result<()> {
    by.need(Right::Administer)?;
    let mut tx = app.store().begin().await?;
    let ends = tx.open_ends_of(channel).await?;
    let wanted: Vec<End> = ends.into_iter().filter(|e| e.wanted && shown.ends.contains(&e.id)).collect();
    if wanted.is_empty() {
        return Err(AppError::not_found("access to end of channel", channel));
    }
    let mut shared = Vec::new();
    for end in wanted {
        shared.push(end.shared.clone());
        let gone_at = Some(app.now());
        tx.put_end(&End { tokens: None, ask_at: None, said: None, gone_at, ..end }).await?;
    }
    let entry = Entry::new("channel.access_end_confirmed", &format!("channel:{channel}"));
    app.commit(tx, by, &[entry], &[Topic::Channels]).await?;
    for shared in shared {
        ends::doubt(app, &shared).await?;
    }
    Ok(())
}

fn empty(channel: &str, name: &str) -> RevokedView {
    let (channel, name) = (channel.to_owned(), name.to_owned());
    let none = Vec::new;
    RevokedView {
        channel,
        name,
        gone: false,
        detail: None,
        ends: none(),
        also: none(),
        under_way: Vec::new(),
    }
}

/// What is not known to have ended, by channel.
async fn open(app: &App) -> Result<BTreeMap<String, Vec<End>>> {
    let mut open = BTreeMap::<_, Vec<_>>::new();
    for end in app.store().open_ends().await? {
        open.entry(end.channel_id.clone()).or_default().push(end);
    }
    Ok(open)
}

/// With what is open of it.
fn seen(view: RevokedView, open: &[End]) -> RevokedView {
    let Some(end) = open.first() else { return RevokedView { gone: view.detail.is_none(), ..view } };
    let said = open.iter().find_map(|e| e.said.clone());
    let detail = view.detail.or(said).unwrap_or_else(|| NOT_ASKED.to_owned());
    let ends = open.iter().map(|e| e.id.clone()).collect();
    RevokedView { name: end.name.clone(), gone: false, detail: Some(detail), ends, ..view }
}

/// Destroys the credential and disables the channel; nothing: it has none.
async fn take_away(app: &App, by: &Actor, id: &str) -> Result<Option<RevokedView>> {
    let now = app.now();
    let mut tx = app.store().begin().await?;
    let Some(mut row) = tx.channel_for_update(id).await? else { return Ok(None) };
    // Whoever is on the way back for it brings nothing any more.
    let others = tx.end_starts_of(id).await? + tx.want_ends(Some(id), now).await?;
    let grant = tx.grant_for_update(id).await?.filter(|g| g.tokens.is_some());
    if row.credential.is_none() && grant.is_none() {
        if others > 0 {
            let entry = Entry::new("channel.access_to_end", &format!("channel:{id}"));
            app.commit(tx, by, &[entry], &[]).await?;
        }
        return Ok(None);
    }
    let end = match &grant {
        Some(grant) => ends::of_grant(app, &row, grant),
        None => ends::of_typed(app, &row),
    };
    let shared = end.shared.clone();
    let before = channels::view(app, row.clone());
    // Whoever connects it again connects the same account.
    (row.health, row.checked_at) = (readiness::remembered(&row), None);
    row.credential = None;
    row.disabled_at = row.disabled_at.or(Some(now));
    if !tx.update_channel(&row).await? {
        return Err(AppError::Stale { now: row.version + 1 });
    }
    let watched = watches::after_edit(app, &mut tx, &row, false).await?;
    row.version += 1;
    if let Some(mut grant) = grant {
        (grant.tokens, grant.renew_at, grant.expires_at) = (None, None, None);
        grant.ended_at = Some(now);
        grant.trouble = Some("the access was ended here".into());
        tx.put_grant(&grant).await?;
    }
    ends::put_moved(app, &mut tx, end).await?;
    let flying = tx.flying_on(id).await?;
    let mut entries = vec![channels::changed(&before, &channels::view(app, row), true)];
    entries.push(Entry::new("channel.credential_destroyed", &format!("channel:{id}")));
    entries.extend(watched);
    app.commit(tx, by, &entries, &[Topic::Channels, Topic::Queue]).await?;
    let under_way = flying.into_iter().map(|Flying { id, post_id, state }| UnderWay {
        delivery: id,
        post: post_id,
        state,
    });
    let sharing = match shared.as_str() {
        "" => Vec::new(),
        shared => app.store().sharing(shared, id).await?,
    };
    let also = sharing.into_iter().map(|s| s.name).collect();
    Ok(Some(RevokedView { also, under_way: under_way.collect(), ..empty(id, &before.name) }))
}

/// Asks the networks about all that is open, of one channel or of all, and says what is known afterwards. What
/// another channel's end waited for is asked for with it. An error of one is told of that one.
async fn tell(
    app: &App,
    by: &Actor,
    mut views: BTreeMap<String, RevokedView>,
    channel: Option<&str>,
) -> Result<Vec<RevokedView>> {
    let ours = |c: &String| channel.is_none_or(|channel| c == channel);
    let before = open(app).await?;
    let told = futures::stream::iter(together(&before, channel)).map(|id| async move {
        if let Err(e) = ends::tell(app, by, &id).await {
            tracing::error!(error = %e, cause = ?e, channel = ends::channel_of(&id), "a network was not told");
        }
    });
    told.buffer_unordered(ends::AT_ONCE).collect::<Vec<()>>().await;
    for (id, ends) in before.into_iter().filter(|(c, _)| ours(c)) {
        views.entry(id.clone()).or_insert_with(|| empty(&id, &ends[0].name));
    }
    let open = after_what_runs(app, &views).await?;
    let none = Vec::new();
    Ok(views.into_iter().map(|(id, view)| seen(view, open.get(&id).unwrap_or(&none))).collect())
}

/// Ids of what is open of one channel or of all, and of what ends together with it.
fn together(open: &BTreeMap<String, Vec<End>>, channel: Option<&str>) -> Vec<String> {
    let ours = |e: &&End| channel.is_none_or(|channel| e.channel_id == channel);
    let all = || open.values().flatten();
    let shared: BTreeSet<&str> = all().filter(ours).map(|e| e.shared.as_str()).collect();
    let with_ours = |e: &&End| ours(e) || !e.shared.is_empty() && shared.contains(e.shared.as_str());
    all().filter(with_ours).map(|e| e.id.clone()).collect()
}

/// What is open of these when renewals and connections that were under way have ended what they were given.
async fn after_what_runs(
    app: &App,
    views: &BTreeMap<String, RevokedView>,
) -> Result<BTreeMap<String, Vec<End>>> {
    for _ in 0..LOOKS {
        let open = open(app).await?;
        let mut of_these = open.iter().filter(|(id, _)| views.contains_key(*id)).flat_map(|(_, ends)| ends);
        let runs = |e: &End| e.lease.is_some() && e.lease_until > app.now();
        let is_asked = |e: &End| e.tokens.is_some() && e.said.is_none();
        if !of_these.any(|e| runs(e) || is_asked(e)) {
            return Ok(open);
        }
        tokio::time::sleep(LOOK).await;
    }
    open(app).await
}
