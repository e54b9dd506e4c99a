//! Held posts and doubts, and what people decide about them.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::error::Problems;
use super::hub::Topic;
use super::old_words::Beside;
pub use super::retractions::{can_in_part, retract};
pub use super::settle::{Settle, Settlement, settle};
use super::{Actor, App, AppError, Result, approvals, handles, held_set, old_words};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::{Move, State};
use crate::domain::freeze::{Subject, covering};
use crate::domain::post::{Lane, PostState, Source};
use crate::domain::role::Right;
use crate::domain::times;
use crate::store::Tx;
use crate::store::deliveries::{Change, Delivery, Waiting};
use crate::store::posts::Post;

/// A delivery that waits for a person.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WaitingView {
    pub delivery: String,
    pub post: String,
    pub channel: String,
    /// What people call the channel.
    pub channel_name: String,
    pub state: State,
    pub due: String,
    pub freeze: Option<String>,
    pub reason: Option<String>,
    pub brand: String,
    pub labels: Vec<String>,
    pub kind: String,
    /// The beginning of its text.
    #[serde(default)]
    pub text: String,
}

/// How much waits in one state, and with which labels.
#[derive(Debug, Clone)]
pub struct Tally {
    pub total: i64,
    /// With the label that was asked for, or all.
    pub matching: i64,
    /// The most frequent labels with their numbers.
    pub labels: Vec<(String, i64)>,
}

/// What to do with held deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// Goes now.
    Release,
    /// Goes at a new time.
    Reschedule,
    /// Never goes.
    Cancel,
}

/// A decision about held, failed or expired deliveries: by their ids, or all held ones with a label.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Review {
    pub choice: Choice,
    #[serde(default)]
    pub deliveries: Vec<String>,
    #[serde(default)]
    pub label: Option<String>,
    /// The hash of what was read with the label (`GET /held/review`). When other deliveries are held by
    /// now, or the same at other times, nothing is decided.
    #[serde(default)]
    pub hash: Option<String>,
    /// How many were read with the label: weaker than `hash`, as others may be as many. When another
    /// number is held by now, nothing is decided.
    #[serde(default)]
    pub expected: Option<usize>,
    /// The new time, for `reschedule`: an instant, or local time in `zone`.
    #[serde(default)]
    pub at: Option<String>,
    #[serde(default)]
    pub zone: Option<String>,
    /// Minutes between two deliveries on one channel, so that a bulk decision does not flood it.
    #[serde(default)]
    pub spread_minutes: u32,
}

/// What a bulk decision did.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Reviewed {
    pub changed: usize,
    /// Deliveries that were left, each with the reason.
    pub left: Vec<(String, String)>,
}

/// Lists what waits for a person, by state: `held`, `in_doubt`, `failed`, `expired`.
///
/// # Errors
/// When the state is another one.
pub async fn list(
    app: &App,
    by: &Actor,
    state: State,
    label: Option<&str>,
    after: &str,
    limit: i64,
) -> Result<Vec<WaitingView>> {
    by.need(Right::Read)?;
    if !matches!(state, State::Held | State::InDoubt | State::Failed | State::Expired) {
        return Err(AppError::field("state", "use held, in_doubt, failed or expired"));
    }
    let rows = app.store().waiting(state.word(), label, after, limit.clamp(1, 500)).await?;
    let names = super::channels::names(app).await?;
    rows.into_iter().map(|w| view(w, &names)).collect()
}

/// Counts what waits in that state.
///
/// # Errors
/// The database's own.
pub async fn tally(app: &App, by: &Actor, state: State, label: Option<&str>) -> Result<Tally> {
    by.need(Right::Read)?;
    let total = app.store().count_in(state.word(), None).await?;
    let matching = if label.is_none() { total } else { app.store().count_in(state.word(), label).await? };
    Ok(Tally { total, matching, labels: app.store().labels_in(state.word(), 50).await? })
}

pub(super) fn view(w: Waiting, names: &HashMap<String, String>) -> Result<WaitingView> {
    Ok(WaitingView {
        state: State::parse(&w.state).map_err(AppError::Internal)?,
        due: rfc3339(w.due_at),
        labels: serde_json::from_str(&w.labels).unwrap_or_default(),
        delivery: w.id,
        post: w.post_id,
        channel_name: names.get(&w.channel_id).cloned().unwrap_or_default(),
        channel: w.channel_id,
        freeze: w.freeze_id,
        reason: w.reason,
        brand: w.brand,
        kind: w.kind,
        text: beginning(&w.source),
    })
}

/// The title, or the first words of the text.
pub(super) fn beginning(source: &str) -> String {
    let Ok(source) = serde_json::from_str::<Source>(source) else { return String::new() };
    source.title.as_deref().filter(|t| !t.is_empty()).unwrap_or(&source.text).chars().take(200).collect()
}

/// Decides about held, failed or expired deliveries. While a freeze covers them they can only be
/// cancelled or given a time: nothing leaves.
///
/// # Errors
/// When nothing is named, the time is missing or past, or others are held than were read.
pub async fn review(app: &App, by: &Actor, review: &Review) -> Result<Reviewed> {
    by.need(Right::Decide)?;
    let now = app.now();
    let mut problems = Problems::default();
    let zone = review.zone.as_deref().unwrap_or("UTC");
    let at = problems.take("at", review.at.as_deref().map(|t| times::parse(t, zone)).transpose()).flatten();
    if review.choice == Choice::Reschedule && at.is_none_or(|t| t <= now) {
        problems.add("at", "give a time to come; a held post is never sent into the past");
    }
    if review.deliveries.is_empty() && review.label.is_none() {
        problems.add("deliveries", "name the deliveries, or a label");
    }
    if review.hash.is_some() && review.label.is_none() {
        problems.add("hash", "name the label that it was read with");
    }
    problems.check()?;
    let all = held_set::meant(app, review).await?;
    let mut result = Reviewed { changed: 0, left: Vec::new() };
    let mut slots = HashMap::<String, Millis>::new();
    let brands: HashMap<_, _> = app.store().channels().await?.into_iter().map(|c| (c.id, c.brand)).collect();
    for chunk in all.chunks(500) {
        let ids: Vec<String> = chunk.iter().map(|m| m.id.clone()).collect();
        // As everywhere: first the posts, then their deliveries, also what gets another reason below, in the order of ids.
        let named = app.store().posts_of(&ids).await?;
        let mut tx = app.store().begin_guarded().await?;
        let orders = tx.orders(Millis::MAX).await?;
        let posts: HashMap<_, _> = tx.posts(&named).await?.into_iter().map(|p| (p.id.clone(), p)).collect();
        let mut beside = Beside::read(&mut tx, &named).await?;
        tx.lock_deliveries(&named).await?;
        let rows = tx.deliveries_named(&ids).await?;
        let rows: HashMap<_, _> = rows.into_iter().map(|d| (d.id.clone(), d)).collect();
        let (mut changes, mut entries) = (Vec::new(), Vec::new());
        for meant in chunk {
            let id = &meant.id;
            let found = rows.get(id).and_then(|d| Some((d, posts.get(&d.post_id)?)));
            let Some((d, post)) = found else {
                result.left.push((id.clone(), "there is no such delivery".into()));
                continue;
            };
            let slot = slots.entry(d.channel_id.clone()).or_insert(at.unwrap_or(now));
            let frozen = covering(&orders, &subject(d, post, &brands, *slot)).is_some();
            let mut decided =
                meant.as_read(d).and_then(|()| change(d, post, review.choice, *slot, frozen, now));
            if decided.is_ok()
                && let Some(why) = why_not(&mut tx, &mut beside, (post, d), review.choice).await?
            {
                decided = Err(why);
            }
            match decided {
                Err(why) => result.left.push((id.clone(), why)),
                Ok(c) => {
                    entries.push(
                        Entry::new("delivery.reviewed", &format!("delivery:{id}"))
                            .before(&d.state)
                            .after(&serde_json::json!({"choice": review.choice, "state": c.state,
                                "ready": c.ready_at.map(rfc3339)})),
                    );
                    changes.push(c);
                    *slot += Millis::from(review.spread_minutes) * 60_000;
                }
            }
        }
        tx.change_deliveries(&changes).await?;
        old_words::reword(&mut tx, posts.values().filter(|_| review.choice == Choice::Cancel)).await?;
        result.changed += changes.len();
        app.commit(tx, by, &entries, &[Topic::Queue]).await?;
    }
    Ok(result)
}

/// Why what may be decided by its own state is not, for what was done to the rest of it or is out beside it.
async fn why_not(
    tx: &mut Tx,
    beside: &mut Beside,
    (post, d): (&Post, &Delivery),
    choice: Choice,
) -> Result<Option<String>> {
    if choice != Choice::Cancel
        && d.permits > 0
        && let Some(why) = handles::why_over(tx, &d.id).await?
    {
        return Ok(Some(why.to_owned()));
    }
    beside.why_not(tx, (post, d), choice).await
}

/// What a freeze would judge the delivery by, at that time.
fn subject(d: &Delivery, post: &Post, brands: &HashMap<String, String>, due_at: Millis) -> Subject {
    Subject {
        lane: Lane::from_number(d.lane),
        brand: post.brand.clone(),
        channel: d.channel_id.clone(),
        channel_brand: brands.get(&d.channel_id).cloned().unwrap_or_default(),
        labels: serde_json::from_str(&post.labels).unwrap_or_default(),
        due_at,
    }
}

fn change(
    d: &Delivery,
    post: &Post,
    choice: Choice,
    slot: Millis,
    frozen: bool,
    now: Millis,
) -> std::result::Result<Change, String> {
    let state = State::parse(&d.state)?;
    if !matches!(state, State::Held | State::Failed | State::Expired) {
        return Err(format!("it is {}, not held", state.word()));
    }
    if choice == Choice::Cancel {
        let next = state.after(Move::Cancel).map_err(|e| e.to_string())?;
        return Ok(Change { settled_at: Some(now), ..Change::to(&d.id, next.word()) });
    }
    if post.state != PostState::Approved.word() {
        return Err(format!("its post is {}; only what is approved goes", post.state));
    }
    if let Some(until) = approvals::lapsed(d, now) {
        return Err(format!(
            "its approval lapsed at {}; have post {} approved again first (`holdline approvals show`)",
            rfc3339(until),
            post.id
        ));
    }
    if choice == Choice::Release && frozen {
        return Err("a freeze in force covers it; thaw first, or give it a time".into());
    }
    if d.valid_until.is_some_and(|v| v <= slot) {
        return Err("its expiry has passed by then; edit it or cancel it".into());
    }
    if let Some(promise) = post.promise_at.filter(|p| *p <= slot) {
        let promise = rfc3339(promise);
        return Err(format!(
            "it promises an update at {promise}, which has passed by then; edit it or cancel it"
        ));
    }
    let next = state.after(Move::Schedule).map_err(|e| e.to_string())?;
    Ok(Change { ready_at: Some(slot), due_at: Some(slot), ..Change::to(&d.id, next.word()) })
}
