//! Tells people outside the console that a post would fail on a channel, and that it is well again: an alarm in the list
//! of signals, and one mail for all channels that turned at once.

use std::collections::BTreeMap;

use super::alarms::{self, WATCH};
use super::channels::publishes;
use super::hub::Topic;
use super::notices::{self, channels::About};
use super::{Actor, App, Result, heard, readiness};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::incident::Severity;
use crate::domain::red::{self, Red, Step};
use crate::domain::signal::Heard;
use crate::store::channels::Channel;
use crate::store::red_channels::RedChannel;
use crate::store::{Tx, Unaudited};

/// What became of the channels in one pass.
#[derive(Default)]
struct Changes {
    /// Seen to be red for the first time.
    fresh: usize,
    told: Vec<String>,
    well: Vec<String>,
    entries: Vec<Entry>,
}

/// Looks at what the checks have seen. When one has turned red, the others are checked at once, so that what they have in
/// common, like a network that this node has lost, is told once. Called by the timer, after the checks.
///
/// # Errors
/// The database's own.
pub async fn look(app: &App) -> Result<()> {
    if pass(app).await? > 0 {
        readiness::check_again(app).await?;
        pass(app).await?;
    }
    Ok(())
}

/// One look at all channels; how many have just turned red.
async fn pass(app: &App) -> Result<usize> {
    let rows = app.store().channels().await?;
    let known = app.store().red_channels().await?;
    let known: BTreeMap<&str, &RedChannel> = known.iter().map(|red| (red.channel_id.as_str(), red)).collect();
    let moves = |c: &&Channel| {
        let red = known.get(c.id.as_str()).copied();
        c.disabled_at.map_or_else(|| step(red, c) != Step::Nothing, |_| red.is_some())
    };
    let mut moving: Vec<&str> = rows.iter().filter(moves).map(|c| c.id.as_str()).collect();
    if moving.is_empty() {
        return Ok(0);
    }
    // One that is told takes along what has turned red with it.
    let is_seen = |red: &&&RedChannel| red.state == Red::Seen.word() && red::goes_along(red.since, app.now());
    moving.extend(known.values().filter(is_seen).map(|red| red.channel_id.as_str()));
    moving.sort_unstable();
    moving.dedup();
    let mut tx = app.store().begin().await?;
    let mut changes = Changes::default();
    // Locked one after the other, in the order of their ids: two nodes do not tell the same.
    let mut along = Vec::new();
    for id in moving {
        let Some(c) = tx.channel_for_update(id).await? else { continue };
        if change(app, &mut tx, &c, &mut changes).await? == Step::Nothing && is_along(&mut tx, &c).await? {
            along.push(c);
        }
    }
    if changes.told.is_empty() {
        along.clear();
    }
    for c in &along {
        become_told(app, &mut tx, c, &mut changes).await?;
    }
    commit(app, tx, changes).await
}

async fn commit(app: &App, mut tx: Tx, changes: Changes) -> Result<usize> {
    let mut topics = vec![Topic::Channels];
    for (about, channels) in [(About::NotReady, &changes.told), (About::WellAgain, &changes.well)] {
        topics.extend(notices::channels::write(app, &mut tx, about, channels).await?);
    }
    if changes.entries.is_empty() {
        tx.commit_unaudited(Unaudited::Look).await?;
    } else {
        app.commit(tx, &Actor::service(app.node()), &changes.entries, &topics).await?;
    }
    Ok(changes.fresh)
}

/// What the last check of the channel makes of what was known.
fn step(known: Option<&RedChannel>, c: &Channel) -> Step {
    let known = known.and_then(|red| Red::parse(&red.state).ok().map(|state| (state, red.since)));
    red::step(known, readiness::is_red(c).zip(c.checked_at))
}

/// Whether it was seen to be red long enough to be told with others.
async fn is_along(tx: &mut Tx, c: &Channel) -> Result<bool> {
    let red = tx.red_channel(&c.id).await?.filter(|r| r.state == Red::Seen.word());
    let checked = c.checked_at.filter(|_| readiness::is_red(c) == Some(true));
    Ok(red.zip(checked).is_some_and(|(r, checked)| red::goes_along(r.since, checked)))
}

/// Makes the step of one channel.
async fn change(app: &App, tx: &mut Tx, c: &Channel, changes: &mut Changes) -> Result<Step> {
    let known = tx.red_channel(&c.id).await?;
    if c.disabled_at.is_some() {
        if known.is_some() {
            forget(app, tx, c, changes).await?;
        }
        return Ok(Step::Forget);
    }
    let step = step(known.as_ref(), c);
    match step {
        Step::Nothing => {}
        Step::Become(Red::Told) if known.is_none_or(|red| red.state == Red::Seen.word()) => {
            become_told(app, tx, c, changes).await?;
        }
        Step::Become(red) => {
            changes.fresh += usize::from(red == Red::Seen);
            // It began with that check.
            tx.put_red_channel(&c.id, red.word(), c.checked_at.unwrap_or_else(|| app.now())).await?;
        }
        Step::Forget => forget(app, tx, c, changes).await?,
        Step::WellAgain => {
            forget(app, tx, c, changes).await?;
            changes.well.push(c.id.clone());
        }
    }
    Ok(step)
}

async fn become_told(app: &App, tx: &mut Tx, c: &Channel, changes: &mut Changes) -> Result<()> {
    tx.put_red_channel(&c.id, Red::Told.word(), app.now()).await?;
    changes.told.push(c.id.clone());
    raise(app, tx, c, &mut changes.entries).await
}

async fn forget(app: &App, tx: &mut Tx, c: &Channel, changes: &mut Changes) -> Result<()> {
    tx.forget_red_channel(&c.id).await?;
    alarms::end(app, tx, &key(c), &mut changes.entries).await
}

fn key(c: &Channel) -> String {
    heard::key(&["red:", &c.id].concat())
}

/// What fails there. Nothing is posted on a planner.
fn title(c: &Channel) -> String {
    let name = &c.name;
    if publishes(c) {
        format!("a post on {name} would fail")
    } else {
        format!("a freeze could not hold what is planned in {name}")
    }
}

/// The alarm in the list of signals. It ends by itself.
async fn raise(app: &App, tx: &mut Tx, c: &Channel, entries: &mut Vec<Entry>) -> Result<()> {
    let key = key(c);
    let why = readiness::why(c).unwrap_or_default();
    let heard = Heard {
        source: WATCH.to_owned(),
        thing: key.clone(),
        key,
        title: heard::short(&title(c)),
        detail: Some(heard::short_detail(&why)),
        url: Some(format!("{}/console/settings/readiness", app.public_url())),
        severity: Some(Severity::Major),
        ..Heard::default()
    };
    alarms::end(app, tx, &heard.key, entries).await?;
    alarms::receive(app, tx, &heard, entries).await
}
