//! The old words of a post that gets others: where they stay, and what keeps them from going out afterwards.

use std::collections::HashMap;

use super::held::Choice;
use super::posts::{DeliveryView, PostView};
use super::revisions::{LEFT_OUT, Standing};
use super::{App, Result, revisions};
use crate::domain::Word;
use crate::domain::delivery::State;
use crate::store::Tx;
use crate::store::deliveries::Delivery;
use crate::store::posts::Post;

/// Why a delivery of a post is held whose words that other post changes, elsewhere or later.
pub(super) fn held_by(change: &str) -> String {
    format!(
        "post {change} gives it other words, so the old ones do not go out: cancel this and write a new post; or, \
         while nothing of that one is out, cancel that one"
    )
}

/// Why nothing can be changed where this delivery of a post goes or went.
pub(super) fn why_not(d: &Delivery) -> Option<String> {
    let state = State::parse(&d.state).unwrap_or(State::Draft);
    let why = match (state, d.started, &d.remote_id) {
        (State::Accepted, 0, Some(_)) => return None,
        (State::Accepted, 0, None) => "nobody knows what the network calls the post; change it by hand",
        (State::Accepted, ..) | (State::InDoubt, ..) => {
            "nobody knows whether the post is there; settle that first"
        }
        (State::Scheduled | State::Claimed, ..) => {
            "the post waits there with its old words; once other words are approved it is held there, and a person decides"
        }
        (State::Sending, ..) => {
            "the post is just being sent there with its old words; change them there when it is out"
        }
        (State::Held, ..) => {
            "the post is held there with its old words: cancel it there, and write a new post"
        }
        (State::Draft | State::Failed | State::Cancelled | State::Expired | State::Retracted, ..) => {
            "the post is not out there"
        }
    };
    Some(why.to_owned())
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
        d.words_kept = Some(match of_channel().find(|c| c.post_id == newest) {
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
    pub async fn why_not(&mut self, tx: &mut Tx, post: &Post, choice: Choice) -> Result<Option<String>> {
        if choice == Choice::Cancel {
            return Ok(None);
        }
        let Some(first) = &post.revises else { return Ok(self.changed.get(&post.id).map(|by| held_by(by))) };
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
