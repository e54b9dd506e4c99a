//! What was scheduled inside a network and is held: what people see of it, and what they decide.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::channels::Channel;
use super::error::Problems;
use super::held::Reviewed;
use super::hub::Topic;
use super::left_out::left_out;
use super::looks::sweepable;
use super::prolonging::{self, MOVES};
use super::put_back::{CLOSED, DISABLED, ELSEWHERE};
use super::sweeping::{Swept, in_force, to};
use super::{Actor, App, AppError, Result};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::role::Right;
use crate::domain::sweep::{AHEAD, FARTHEST, Stand, covers};
use crate::domain::times;
use crate::store::freezes::Freeze;

/// Most posts in one decision.
const MOST: usize = 500;
/// Most minutes between two posts: a day.
const SPREAD: u32 = 24 * 60;
/// Most posts that one freeze shows.
const SHOWN: usize = 1_000;
/// How many are read at once.
const PAGE: usize = 500;
/// Said of a freeze by label.
const LABELS: &str = "posts that are scheduled inside a network have no labels: a freeze by label holds none of \
                      them; freeze the channel or its brand to hold them";

const TOO_FAR: &str = "give a time within five years";

/// A post that somebody scheduled inside a network.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SweptView {
    pub id: String,
    pub channel: String,
    pub channel_name: String,
    /// The freeze that it was found or held under.
    pub freeze: String,
    /// Its id in the network.
    pub remote_id: String,
    /// When the network would have published it.
    pub due: String,
    /// The beginning of its words.
    pub words: String,
    pub state: Stand,
    pub reason: Option<String>,
    /// The time for which it is put back.
    pub restore_at: Option<String>,
    /// Until when the network keeps it held, where that has an end: it is moved on before, until somebody decides.
    #[serde(default)]
    pub held_until: Option<String>,
}

/// A post that somebody scheduled inside a network, with everything that was kept of it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SweptWhole {
    pub post: SweptView,
    /// Everything that was kept of it before it was touched, as its network tells it.
    #[schema(value_type = Object)]
    pub snapshot: Value,
    /// Its id in the network since it was put back.
    pub new_id: Option<String>,
}

impl SweptWhole {
    /// All of its words, where they were kept.
    pub fn text(&self) -> Option<String> {
        let texts = [&self.snapshot["post"]["text"], &self.snapshot["title"]];
        texts.into_iter().find_map(Value::as_str).map(plain)
    }

    /// The snapshot, to be read.
    pub fn written(&self) -> String {
        plain(&serde_json::to_string_pretty(&self.snapshot).unwrap_or_default())
    }
}

/// A text without what people cannot see, and what turns its order.
fn plain(text: &str) -> String {
    text.chars().filter(|c| ::channels::text::hidden(&c.to_string(), true).is_none()).collect()
}

/// The last look at what a network publishes by itself on a channel.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LookView {
    pub channel: String,
    pub channel_name: String,
    /// Nothing: not yet under this freeze.
    pub looked_at: Option<String>,
    /// How many were on the schedule then.
    pub listed: Option<i64>,
    /// Why the schedule could not be read.
    pub problem: Option<String>,
    /// What the account may not see.
    pub unseen: Option<String>,
    /// When the schedule is read again, where its network takes few requests; nothing: within a minute.
    #[serde(default)]
    pub again_at: Option<String>,
}

/// What a freeze holds inside the networks.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SweepView {
    /// The channels whose schedule it holds.
    pub channels: Vec<LookView>,
    /// The first thousand, by their times.
    pub posts: Vec<SweptView>,
    /// Whether there are more.
    #[serde(default)]
    pub more: bool,
    /// Why it holds none.
    pub note: Option<String>,
    /// The schedulers that it does not reach, and the channels whose networks do not show what people planned there.
    #[serde(default)]
    pub left_out: Option<String>,
}

/// What to do with posts that are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Back on the network's schedule, for a new time.
    Restore,
    /// Never goes. It stays a draft there, or is deleted where the network knows no drafts. Where its channel
    /// is disabled or leads elsewhere, it is closed here, and nothing is done in the network. What is on the
    /// schedule again, because somebody else put it there, is `left`.
    Drop,
}

/// A decision about posts that are held inside networks.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    pub choice: Choice,
    /// Ids, at most 500.
    pub posts: Vec<String>,
    /// The new time, for `restore`: an instant, or local time in `zone`; at least ten minutes ahead.
    #[serde(default)]
    pub at: Option<String>,
    #[serde(default)]
    pub zone: Option<String>,
    /// Minutes between two posts on one channel, at most 1,440.
    #[serde(default)]
    pub spread_minutes: u32,
}

/// Where the channel leads, as far as its settings tell.
fn place(c: &Channel) -> String {
    ::channels::place::as_set(&serde_json::from_str(&c.settings).unwrap_or_default())
}

/// Where the channel leads: the server or site, and whose schedule it is there, if the settings do not tell.
pub(crate) fn here(c: &Channel, whose: &str) -> String {
    format!("{} {whose}", place(c)).trim_end().to_owned()
}

/// Whether the channel can still lead to where the post is, by its settings.
pub(super) fn leads_to(c: &Channel, row: &Swept) -> bool {
    row.place.strip_prefix(&place(c)).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// Lists posts that were scheduled inside networks, by state: those that can still change, or one state of
/// these.
///
/// # Errors
/// The database's own.
pub async fn list(app: &App, by: &Actor, state: Option<Stand>) -> Result<Vec<SweptView>> {
    by.need(Right::Read)?;
    let names = super::channels::names(app).await?;
    let rows = app.store().swept_live().await?.into_iter();
    rows.filter(|r| state.is_none_or(|s| s.word() == r.state)).map(|r| view(r, &names)).collect()
}

/// One post with everything that was kept of it.
///
/// # Errors
/// When there is none of that id.
pub async fn get(app: &App, by: &Actor, id: &str) -> Result<SweptWhole> {
    by.need(Right::Read)?;
    let row = app.store().swept(id).await?.ok_or_else(|| AppError::not_found("post", id))?;
    let snapshot = serde_json::from_str(&row.snapshot).unwrap_or_default();
    let (names, new_id) = (super::channels::names(app).await?, row.new_id.clone());
    Ok(SweptWhole { post: view(row, &names)?, snapshot, new_id })
}

fn view(row: Swept, names: &HashMap<String, String>) -> Result<SweptView> {
    Ok(SweptView {
        state: Stand::parse(&row.state).map_err(AppError::Internal)?,
        channel_name: names.get(&row.channel_id).cloned().unwrap_or_default(),
        held_until: prolonging::until(&row).map(rfc3339),
        id: row.id,
        channel: row.channel_id,
        freeze: row.freeze_id,
        remote_id: row.remote_id,
        due: rfc3339(row.due_at),
        words: row.words,
        reason: row.reason,
        restore_at: row.restore_at.map(rfc3339),
    })
}

/// What the freeze holds inside networks.
pub(super) async fn under(app: &App, freeze: &Freeze) -> Result<SweepView> {
    let scope = freeze.order()?.scope;
    let all = app.store().channels().await?;
    let left_out = left_out(&scope, &all);
    if !scope.labels.is_empty() {
        return Ok(SweepView { note: Some(LABELS.to_owned()), left_out, ..SweepView::default() });
    }
    let names: HashMap<_, _> = all.iter().map(|c| (c.id.clone(), c.name.clone())).collect();
    let covered: Vec<_> = all.into_iter().filter(|c| covers(&scope, &c.id, &c.brand)).collect();
    let looks: HashMap<_, _> =
        app.store().sweeps().await?.into_iter().map(|s| (s.channel_id.clone(), s)).collect();
    let in_force = freeze.thawed_at.is_none();
    let channels = covered.iter().filter(|c| sweepable(c)).map(|c| {
        let look = looks.get(&c.id).filter(|s| s.seen_epoch >= Some(freeze.epoch));
        LookView {
            channel: c.id.clone(),
            channel_name: c.name.clone(),
            looked_at: look.and_then(|s| s.seen_at).map(rfc3339),
            listed: look.and_then(|s| s.listed),
            problem: look.and_then(|s| s.error.clone()),
            unseen: look.and_then(|s| s.unseen.clone()),
            again_at: look.filter(|_| in_force).and_then(|s| s.again_at).map(rfc3339),
        }
    });
    let channels = channels.collect();
    let mut rows = under_it(app, freeze, |row| covered.iter().any(|c| c.id == row.channel_id)).await?;
    let more = rows.len() > SHOWN;
    rows.truncate(SHOWN);
    let posts = rows.into_iter().map(|r| view(r, &names)).collect::<Result<_>>()?;
    Ok(SweepView { channels, posts, more, note: None, left_out })
}

/// What was found or held under the freeze, on the channels that it covers: up to one more than is shown.
async fn under_it(app: &App, freeze: &Freeze, covers: impl Fn(&Swept) -> bool) -> Result<Vec<Swept>> {
    let times = (freeze.committed_at, freeze.thawed_at.unwrap_or(Millis::MAX));
    let (mut all, mut after) = (Vec::new(), (Millis::MIN, String::new()));
    loop {
        let most = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let page = app.store().swept_under(&freeze.id, times, (after.0, &after.1), most).await?;
        let full = page.len() == PAGE;
        if let Some(last) = page.last() {
            after = (last.due_at, last.id.clone());
        }
        all.extend(page.into_iter().filter(|row| row.freeze_id == freeze.id || covers(row)));
        if !full || all.len() > SHOWN {
            return Ok(all);
        }
    }
}

/// Decides about posts that are held inside networks. It is carried out afterwards, and seen in the list.
///
/// # Errors
/// When nothing is named, or the time is missing, too near or too far.
pub async fn review(app: &App, by: &Actor, new: &Decision) -> Result<Reviewed> {
    by.need(Right::Decide)?;
    let mut problems = Problems::default();
    let zone = new.zone.as_deref().unwrap_or("UTC");
    let at = problems.take("at", new.at.as_deref().map(|t| times::parse(t, zone)).transpose()).flatten();
    if new.choice == Choice::Restore && at.is_none_or(|t| t < app.now() + AHEAD) {
        problems.add(
            "at",
            "give a time at least ten minutes ahead; what is nearer a network may publish at once",
        );
    }
    if at.is_some_and(|t| t > app.now() + FARTHEST) {
        problems.add("at", TOO_FAR);
    }
    if new.spread_minutes > SPREAD {
        problems.add("spread_minutes", format!("give {SPREAD} minutes at most"));
    }
    if new.posts.is_empty() || new.posts.len() > MOST {
        problems.add("posts", format!("name the posts, at most {MOST}"));
    }
    problems.check()?;
    let mut result = Reviewed { changed: 0, left: Vec::new() };
    let mut slots = HashMap::<String, Millis>::new();
    for id in &new.posts {
        let row = app.store().swept(id).await?;
        let decided = match &row {
            None => Err("there is no such post".to_owned()),
            Some(row) => {
                let slot = slots.entry(row.channel_id.clone()).or_insert(at.unwrap_or_default());
                let decided = decide(app, by, row, new.choice, *slot).await?;
                if decided.is_ok() {
                    *slot += Millis::from(new.spread_minutes) * 60_000;
                }
                decided
            }
        };
        match decided {
            Ok(()) => result.changed += 1,
            Err(why) => result.left.push((id.clone(), why)),
        }
    }
    Ok(result)
}

/// Decides about one; why it is left, if it is.
async fn decide(
    app: &App,
    by: &Actor,
    row: &Swept,
    choice: Choice,
    at: Millis,
) -> Result<std::result::Result<(), String>> {
    if row.state != Stand::Held.word() {
        return Ok(Err(format!("it is {}, not held", row.state)));
    }
    if prolonging::is_under_way(row) {
        return Ok(Err(MOVES.to_owned()));
    }
    let Some(c) = app.store().channel(&row.channel_id).await? else {
        return Ok(Err("there is no such post".to_owned()));
    };
    if choice == Choice::Restore && !(app.now()..=app.now() + FARTHEST).contains(&at) {
        return Ok(Err(TOO_FAR.to_owned()));
    }
    let unreachable = if c.disabled_at.is_some() {
        Some(DISABLED)
    } else if leads_to(&c, row) {
        None
    } else {
        Some(ELSEWHERE)
    };
    if let (Choice::Restore, Some(why)) = (choice, unreachable) {
        return Ok(Err(why.to_owned()));
    }
    let mut tx = app.store().begin_guarded().await?;
    let (decided, verb) = match choice {
        Choice::Restore if in_force(&mut tx, &c).await?.is_some() => {
            return Ok(Err("a freeze in force covers it; thaw first".to_owned()));
        }
        Choice::Restore => {
            (Swept { restore_at: Some(at), ..to(app, row, Stand::Restoring) }, "sweep.restore_decided")
        }
        Choice::Drop if unreachable.is_some() => (to(app, row, Stand::Dropped), "sweep.closed"),
        Choice::Drop => (to(app, row, Stand::Dropping), "sweep.drop_decided"),
    };
    let reason = (verb == "sweep.closed").then(|| CLOSED.to_owned());
    let decided = Swept { reason, tries: 0, ..decided };
    if !tx.update_swept(row, &decided).await? {
        return Ok(Err("somebody else has decided about it meanwhile".to_owned()));
    }
    let entry = Entry::new(verb, &format!("swept:{}", row.id)).before(&row.state).after(&serde_json::json!({
        "state": decided.state, "channel": row.channel_id, "remote_id": row.remote_id,
        "restore_at": decided.restore_at.map(rfc3339),
    }));
    app.commit(tx, by, &[entry], &[Topic::Sweeps]).await?;
    Ok(Ok(()))
}
