//! The old words of a post that gets others: where they stay, and what keeps them from going out afterwards.

use std::collections::HashMap;

use super::held::Choice;
use super::posts::{DeliveryView, PostView};
use super::revisions::{LEFT_OUT, Standing};
use super::{App, Result, handles, later_words, revisions, still_live};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::store::Tx;
use crate::store::deliveries::{Delivery, InHand};
use crate::store::posts::Post;

/// Said while new words wait for the outcome of the old ones.
pub(super) const WAITS_FOR_IT: &str =
    "it is not known yet whether the old words are out there; the new ones wait for that";
/// Said of new words where the old ones did not go out, or not as a whole; `so_far` says how much of them did.
pub(super) fn not_out(so_far: Option<&str>) -> String {
    match so_far {
        None => "the old words did not go out there, so there is nothing to change".to_owned(),
        Some(so_far) => in_part(so_far),
    }
}

fn in_part(so_far: &str) -> String {
    format!("only a part of the old words is out there, which is not changed: take it down; {so_far}")
}
/// Said of new words that did not go while there were none newer.
pub(super) const NEWER: &str = "newer words for the post are approved";
/// Said of old words that a change had held which was cancelled.
const FREE_AGAIN: &str = "the change of its words was cancelled: release it as it is, or cancel it";

/// Why a delivery of a post is held whose words that other post changes, elsewhere or later; `so_far` says how much of it
/// is out.
pub(super) fn held_by(change: &str, so_far: Option<&str>) -> String {
    match so_far {
        None => format!(
            "post {change} gives it other words, so the old ones do not go out: cancel this and write a new post; or, \
             while nothing of that one is out, cancel that one"
        ),
        Some(so_far) => format!(
            "post {change} gives it other words, so the old ones go no further: cancel the rest, or take down what is \
             out; {so_far}"
        ),
    }
}

/// Whether that is the reason of a delivery; then the post that gives it other words.
fn holder(d: &Delivery) -> Option<&str> {
    let why = d.reason.as_deref().filter(|_| d.state == State::Held.word())?;
    let by = why.strip_prefix("post ")?.split(' ').next()?;
    (why == held_by(by, None) || why.starts_with(&held_by(by, Some("")))).then_some(by)
}

/// How a delivery of a post stands for other words.
pub(super) enum Stand {
    /// It is out.
    Out,
    /// It may be out soon, and how it stands now.
    Waits(&'static str),
    /// Nothing can be changed there, and why.
    Never(&'static str),
}

/// How that delivery stands.
pub(super) fn stand(d: &Delivery) -> Stand {
    let state = State::parse(&d.state).unwrap_or(State::Draft);
    match (state, d.started, &d.remote_id) {
        (State::Accepted, 0, Some(_)) => Stand::Out,
        (State::Accepted, 0, None) => {
            Stand::Never("nobody knows what the network calls the post; change it by hand")
        }
        (State::Accepted, ..) | (State::InDoubt, ..) => {
            Stand::Waits("nobody knows whether the post is there; settle that first")
        }
        (State::Scheduled | State::Claimed, ..) => Stand::Waits(
            "the post waits there with its old words; once other words are approved it is held there, and a person decides",
        ),
        (State::Sending, ..) => Stand::Waits("the post is just being sent there with its old words"),
        (State::Held, ..) => {
            Stand::Waits("the post is held there with its old words: cancel it there, and write a new post")
        }
        (State::Draft | State::Failed | State::Cancelled | State::Expired | State::Retracted, ..) => {
            Stand::Never("the post is not out there")
        }
    }
}

/// Why nothing can be changed there, with how much of the post is out all the same.
///
/// # Errors
/// The database's own.
pub(super) async fn never(app: &App, d: &Delivery, why: &str) -> Result<String> {
    let is_taken_down = d.state == State::Retracted.word();
    let so_far = if d.permits == 0 || is_taken_down || d.state == State::Accepted.word() {
        None
    } else {
        handles::how_far(app, &d.id).await?
    };
    Ok(so_far.map_or_else(|| why.to_owned(), |so_far| in_part(&so_far)))
}

/// How much is out of what the change `row` of words finds: it asks only where that did not go out as a whole.
///
/// # Errors
/// The database's own.
pub(super) async fn before(tx: &mut Tx, row: &InHand) -> Result<Option<String>> {
    let (Some(first), Some(before)) = (&row.revises, &row.before) else { return Ok(None) };
    if !matches!(State::parse(before), Ok(State::Failed | State::Cancelled | State::Expired | State::Held)) {
        return Ok(None);
    }
    let made = tx.copies(first, &row.channel_id).await?.into_iter().find(|d| d.post_id == *first);
    match made {
        Some(made) if made.permits > 0 => handles::how_far_in(tx, &made.id).await,
        _ => Ok(None),
    }
}

/// Adds the words that are out, and for each channel whether it has them; or, where this is a change of words itself, the
/// channels that keep theirs.
pub(super) async fn tell(app: &App, view: &mut PostView) -> Result<()> {
    let Some(first) = view.revises.clone() else { return of_first(app, view).await };
    view.words = revisions::newest(app, &first).await?;
    let Some(standing) = Standing::read(app, &first).await? else { return Ok(()) };
    let written = app.store().post(&view.id).await?.map_or_else(|| app.now(), |p| p.created_at);
    let gets = |channel: &str| view.deliveries.iter().any(|d| d.channel == channel);
    let channels = app.store().channels().await?;
    view.unrevised = standing.kept(&view.source, written, &channels, gets, false);
    Ok(())
}

async fn of_first(app: &App, view: &mut PostView) -> Result<()> {
    later_words::offer(app, view).await?;
    let all = app.store().revisions(&view.id).await?;
    let was_out = |d: &&Delivery| d.state == State::Accepted.word() || d.state == State::Retracted.word();
    view.revisions = all.iter().filter(was_out).map(|d| d.post_id.clone()).collect();
    view.revisions.dedup();
    if !view.revisions.is_empty() {
        view.words = revisions::newest(app, &view.id).await?;
    }
    let live = all.iter().filter(|d| d.state != State::Cancelled.word());
    let Some(newest) = live.map(|d| d.post_id.clone()).max() else { return Ok(()) };
    let change = app.store().post(&newest).await?;
    let standing = Standing::read(app, &view.id).await?;
    let (Some(change), Some(standing)) = (change, standing) else { return Ok(()) };
    let source = serde_json::from_str(&change.source).unwrap_or_else(|_| view.source.clone());
    let channels = app.store().channels().await?;
    let kept = standing.kept(&source, change.created_at, &channels, |_| false, false);
    for d in view.deliveries.iter_mut().filter(|d| is_on_its_way_or_out(d)) {
        let of_channel = || all.iter().filter(|c| c.channel_id == d.channel);
        d.words_of = of_channel().rfind(|c| c.state == State::Accepted.word()).map(|c| c.post_id.clone());
        if d.words_of.as_ref() == Some(&newest) {
            continue;
        }
        let reason = || kept.iter().find(|k| k.channel_name == d.channel_name).map(|k| k.reason.clone());
        // Where the old words are on their way themselves, that is what counts.
        let change = of_channel().find(|c| c.post_id == newest).filter(|_| d.state == State::Accepted);
        d.words_kept = Some(match change {
            Some(change) => on_its_way(change),
            None => reason().unwrap_or_else(|| LEFT_OUT.to_owned()),
        });
    }
    Ok(())
}

fn is_on_its_way_or_out(d: &DeliveryView) -> bool {
    use State as S;
    matches!(d.state, S::Scheduled | S::Claimed | S::Sending | S::Held | S::InDoubt | S::Accepted)
}

/// Why the newest words are not out where they go.
fn on_its_way(change: &Delivery) -> String {
    let why = match State::parse(&change.state) {
        Ok(State::InDoubt) => "nobody knows whether the new words are there; settle that first",
        Ok(State::Failed) => return change.reason.clone().unwrap_or_default(),
        Ok(State::Cancelled | State::Expired) => "the change of its words does not go there any more",
        _ => "the change of its words is not out there yet",
    };
    why.to_owned()
}

/// Locks what an approval of changes is about, in the order of the ids, as everywhere: the posts that are decided about,
/// those whose words they change, and the first and the later ones of their recurrences; then all their deliveries. Whoever
/// makes the next post of a recurrence locks its first one, too.
pub(super) async fn lock(tx: &mut Tx, decided: &[&str], firsts: &[&str]) -> Result<()> {
    let owned = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    let mut all = owned(decided);
    for (first, series) in tx.series_of(&owned(firsts)).await? {
        all.extend(tx.later(&series, &first).await?);
        all.extend([first, series]);
    }
    all.sort_unstable();
    all.dedup();
    for some in all.chunks(500) {
        tx.posts(some).await?;
    }
    for some in all.chunks(500) {
        tx.lock_deliveries(some).await?;
    }
    Ok(())
}

/// What follows from the approval of a post, when that changes the words of another: what it does not reach is told, and
/// the later posts of a recurrence wait. All of these are locked.
pub(super) async fn approved(app: &App, tx: &mut Tx, post: &Post, rows: &[Delivery]) -> Result<Vec<Entry>> {
    let Some(first) = &post.revises else { return Ok(Vec::new()) };
    let mut entries = still_live::note_approved(app, tx, post, rows).await?;
    if let Some(first) = tx.post(first).await? {
        entries.extend(later_words::stop(app, tx, &first, post).await?);
    }
    Ok(entries)
}

/// Something of these posts was cancelled: what the changes among them held says what holds it now, or that a person can
/// release it.
pub(super) async fn reword(tx: &mut Tx, cancelled: impl Iterator<Item = &Post>) -> Result<()> {
    for change in cancelled {
        let Some(first) = &change.revises else { continue };
        let Some(first) = tx.post(first).await? else { continue };
        let by = tx.changed(std::slice::from_ref(&first.id)).await?.pop().map(|(_, by)| by);
        if by.as_ref() == Some(&change.id) {
            continue;
        }
        later_words::reword(tx, &first, &change.id, by.as_deref()).await?;
        for d in tx.deliveries(&first.id).await?.iter().filter(|d| holder(d).is_some()) {
            let reason = by.as_deref().map_or_else(|| FREE_AGAIN.to_owned(), |by| held_by(by, None));
            tx.set_reason(&d.id, &reason).await?;
        }
    }
    Ok(())
}

/// What keeps the posts of one decision from going because of others of the same words.
pub(super) struct Beside {
    /// Posts that are given other words, each with the newest post that gives them.
    changed: HashMap<String, String>,
    /// Posts that get other words by this decision, each with the post that gives them.
    opened: HashMap<String, String>,
}

impl Beside {
    /// Of these posts, which are locked, with those whose words they change.
    pub async fn read(tx: &mut Tx, posts: &[String]) -> Result<Self> {
        let changed = tx.changed(posts).await?.into_iter().collect();
        Ok(Self { changed, opened: HashMap::new() })
    }

    /// Why nothing of the post goes: another change of the same words is open, or its own words are changed.
    pub async fn why_not(
        &mut self,
        tx: &mut Tx,
        (post, d): (&Post, &Delivery),
        choice: Choice,
    ) -> Result<Option<String>> {
        if choice == Choice::Cancel {
            return Ok(None);
        }
        let Some(first) = &post.revises else {
            // Of what is out in part, its own reason tells how far.
            let why = |by: &String| match holder(d) {
                Some(holder) if holder == by => d.reason.clone(),
                _ => Some(held_by(by, None)),
            };
            return Ok(self.changed.get(&post.id).and_then(why));
        };
        // What is decided here is not written yet.
        let opened = self.opened.get(first).filter(|other| **other != post.id).cloned();
        if let Some(other) = opened {
            return Ok(Some(revisions::not_settled(&other)));
        }
        let why = revisions::another_open(tx, first, &post.id).await?;
        if why.is_none() {
            self.opened.insert(first.clone(), post.id.clone());
        }
        Ok(why)
    }
}
