//! Other words for a post that is out, in its place: a post of its own, so that its words are approved, held by
//! freezes and written down as all others are. It goes where the post is out and the network can change it.
//!
//! The post that is there is one, whoever changes its words: it has the name that the network gave to the first
//! delivery, and what takes it down or pins it acts on that.

use std::collections::{HashMap, HashSet};

use ::channels::{Rendition, Revised, revise};
use serde::{Deserialize, Serialize};

use super::error::Problems;
use super::posts::NewPost;
use super::{Actor, App, AppError, Result, old_words, renditions};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::delivery::State;
use crate::domain::post::Source;
use crate::domain::role::Right;
use crate::store::Tx;
use crate::store::channels::Channel;
use crate::store::deliveries::{Change, Delivery};
use crate::store::posts::Post;

/// A channel of a post on which its words stay as they are.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Unrevised {
    pub channel_name: String,
    /// Why.
    pub reason: String,
}

/// A post whose words are to change.
pub(crate) struct Standing {
    pub post: Post,
    /// What is out on each of its channels.
    copies: Vec<Copy>,
}

/// What is out of a post on one channel.
struct Copy {
    channel: String,
    /// Its words, or why nothing can be changed there.
    words: std::result::Result<Rendition, String>,
    /// Since when the post is there, or settled otherwise.
    since: Option<Millis>,
}

impl Standing {
    /// Reads the post of that id. Where that is a change of words itself, it is the post that it changed.
    pub async fn read(app: &App, id: &str) -> Result<Option<Self>> {
        let Some(named) = app.store().post(id).await? else { return Ok(None) };
        let post = match &named.revises {
            None => named,
            Some(first) => match app.store().post(first).await? {
                Some(first) => first,
                None => return Ok(None),
            },
        };
        let newer = app.store().revised(&post.id).await?;
        let mut copies = Vec::new();
        for d in app.store().deliveries(&post.id).await? {
            let last = newer.iter().rfind(|n| n.channel_id == d.channel_id);
            let words = old_words::why_not(&d).map_or_else(|| words(last.unwrap_or(&d)), Err);
            copies.push(Copy { channel: d.channel_id, words, since: d.settled_at });
        }
        Ok(Some(Self { post, copies }))
    }

    /// The labels of the post, which are those of each change of its words.
    pub fn labels(&self) -> Vec<String> {
        serde_json::from_str(&self.post.labels).unwrap_or_default()
    }

    /// The channels that the post went to.
    pub fn channels<'a>(&self, all: &'a [Channel]) -> Vec<&'a Channel> {
        all.iter().filter(|c| self.copies.iter().any(|copy| copy.channel == c.id)).collect()
    }

    /// The channels that get the new words: those that are named, or all that can.
    pub fn targets<'a>(
        &self,
        new: &NewPost,
        channels: &'a [Channel],
        drill: bool,
        problems: &mut Problems,
    ) -> Vec<&'a Channel> {
        let judged: Vec<(&Channel, Option<String>)> = self
            .copies
            .iter()
            .filter_map(|copy| Some((channels.iter().find(|c| c.id == copy.channel)?, copy)))
            .map(|(c, copy)| (c, obstacle_or_same(c, copy, &new.source, drill)))
            .collect();
        if new.channels.is_empty() {
            let can: Vec<_> = judged.iter().filter(|(_, why)| why.is_none()).map(|(c, _)| *c).collect();
            if can.is_empty() {
                for (channel, why) in judged {
                    problems.add("channels", format!("{}: {}", channel.name, why.unwrap_or_default()));
                }
            }
            return can;
        }
        let mut out: Vec<&Channel> = Vec::new();
        for wanted in &new.channels {
            match judged.iter().find(|(c, _)| c.id == *wanted || c.name == *wanted) {
                None => problems.add("channels", format!("the post did not go to \"{wanted}\"")),
                Some((channel, Some(why))) => problems.add("channels", format!("{}: {why}", channel.name)),
                Some((channel, None)) if out.iter().any(|o| o.id == channel.id) => {}
                Some((channel, None)) => out.push(channel),
            }
        }
        out
    }

    /// The channels that keep their words although the post gets those of `source`, which were written then, on the
    /// channels for which `gets` says so.
    pub fn kept(
        &self,
        source: &Source,
        written: Millis,
        channels: &[Channel],
        gets: impl Fn(&str) -> bool,
        drill: bool,
    ) -> Vec<Unrevised> {
        let mut kept = Vec::new();
        for copy in self.copies.iter().filter(|copy| !gets(&copy.channel)) {
            let Some(channel) = channels.iter().find(|c| c.id == copy.channel) else { continue };
            let left = || if copy.since.is_some_and(|at| at > written) { LATER } else { LEFT_OUT }.to_owned();
            let reason = obstacle_or_same(channel, copy, source, drill).unwrap_or_else(left);
            kept.push(Unrevised { channel_name: channel.name.clone(), reason });
        }
        kept
    }

    /// What is said only by a post of its own, or stays as it is.
    pub fn check(&self, new: &NewPost, problems: &mut Problems) {
        let (kind, brand) = (&self.post.kind, &self.post.brand);
        if new.kind.word() != kind {
            problems.add("kind", format!("must be {kind}, as that of the post whose words change"));
        }
        if new.brand != *brand {
            problems.add("brand", format!("must be {brand}, as that of the post whose words change"));
        }
        // What a freeze reaches, or lets go on, by a label is the post that is there.
        if !new.labels.is_empty() && sorted(&new.labels) != sorted(&self.labels()) {
            problems.add("labels", "must be those of the post whose words change, or left out");
        }
        for (field, given) in [
            ("recurrence", new.recurrence.is_some()),
            ("promise", new.promise.is_some()),
            ("corrects", new.corrects.is_some()),
        ] {
            if given {
                problems.add(field, "stays as it is when words are changed in their place; leave it out");
            }
        }
    }
}

fn sorted(labels: &[String]) -> Vec<&str> {
    let mut all: Vec<&str> = labels.iter().map(String::as_str).collect();
    all.sort_unstable();
    all.dedup();
    all
}

fn words(d: &Delivery) -> std::result::Result<Rendition, String> {
    serde_json::from_str(&d.rendition).map_err(|e| format!("its rendition cannot be read: {e}"))
}

/// Said of a channel that could have got the words.
pub(super) const LEFT_OUT: &str = "it was left out of this change";
/// Said of a channel on which the post came out too late for the change.
const LATER: &str = "it came out there after these words were written; change them there by another post";

/// The new words as the channel would get them, or why they cannot take the place of those that are out.
fn new_words(
    channel: &Channel,
    copy: &Copy,
    source: &Source,
    drill: bool,
) -> std::result::Result<Rendition, String> {
    let before = copy.words.as_ref().map_err(Clone::clone)?;
    if channel.disabled_at.is_some() {
        return Err("the channel is disabled".to_owned());
    }
    let Some(adapter) = ::channels::adapter(&channel.adapter) else {
        return Err(format!("no adapter {}", channel.adapter));
    };
    let new = renditions::fit(source, channel, drill).0;
    revise::obstacle(adapter, before, &new).map_or(Ok(new), Err)
}

/// Why words of a channel stay: others cannot take their place, or are the same.
fn obstacle_or_same(channel: &Channel, copy: &Copy, source: &Source, drill: bool) -> Option<String> {
    match new_words(channel, copy, source, drill) {
        Err(why) => Some(why),
        Ok(new) => {
            (copy.words.as_ref() == Ok(&new)).then(|| "it has these very words there already".to_owned())
        }
    }
}

/// Locks the post whose words change, and lets one change of them be open at a time.
///
/// # Errors
/// When another one is open.
pub(super) async fn lock(tx: &mut Tx, post: &Post) -> Result<()> {
    let Some(first) = &post.revises else { return Ok(()) };
    tx.post(first).await?.ok_or_else(|| AppError::not_found("post", first))?;
    another_open(tx, first, &post.id).await?.map_or(Ok(()), |why| Err(AppError::Conflict(why)))
}

/// Why a change of the words of `first` must not become open, other than for itself.
pub(super) async fn another_open(tx: &mut Tx, first: &str, but: &str) -> Result<Option<String>> {
    Ok(tx.open_revision(first, but).await?.map(|other| not_settled(&other)))
}

/// Said while that other post is open.
pub(super) fn not_settled(other: &str) -> String {
    format!("another change of its words is not settled yet: post {other}; wait for it, or cancel it")
}

/// Refuses posts of which two change the words of the same one.
pub(super) fn check_together(posts: &[Post]) -> Result<()> {
    let mut seen = HashSet::new();
    match posts.iter().filter_map(|p| p.revises.as_ref()).all(|first| seen.insert(first)) {
        true => Ok(()),
        false => Err(AppError::field("revises", "one post gets one change of its words at a time")),
    }
}

/// What the words of a post that is out can be changed on.
#[derive(Debug, Clone)]
pub struct Choices {
    /// The post itself, also when one that changed its words was named.
    pub post: String,
    /// The words that are out now, where a change of them is.
    pub words: Option<Source>,
    /// The ids of the channels that can.
    pub can: Vec<String>,
    /// The others.
    pub cannot: Vec<Unrevised>,
}

/// On which channels the words of a post that is out can be changed, and why not on the others.
///
/// # Errors
/// When there is no such post, or the actor may not read.
pub async fn choices(app: &App, by: &Actor, post: &str) -> Result<Choices> {
    by.need(Right::Read)?;
    let not_found = || AppError::not_found("post", post);
    let standing = Standing::read(app, post).await?.ok_or_else(not_found)?;
    let words = newest(app, &standing.post.id).await?;
    let out = words.clone().map_or_else(|| source(&standing.post), Ok)?;
    let (mut can, mut cannot) = (Vec::new(), Vec::new());
    let channels = app.store().channels().await?;
    for copy in &standing.copies {
        let Some(channel) = channels.iter().find(|c| c.id == copy.channel) else { continue };
        match new_words(channel, copy, &out, false) {
            Ok(_) => can.push(copy.channel.clone()),
            Err(reason) => cannot.push(Unrevised { channel_name: channel.name.clone(), reason }),
        }
    }
    Ok(Choices { post: standing.post.id, words, can, cannot })
}

fn source(post: &Post) -> Result<Source> {
    serde_json::from_str(&post.source).map_err(|e| AppError::Internal(e.to_string()))
}

/// The words that are out in place of those of this post, where a change of them is.
pub(super) async fn newest(app: &App, first: &str) -> Result<Option<Source>> {
    let Some(d) = app.store().revised(first).await?.pop() else { return Ok(None) };
    app.store().post(&d.post_id).await?.map(|p| source(&p)).transpose()
}

/// What each channel had of the post `first` before the change `change` of its words, by the channels' ids.
///
/// # Errors
/// The database's own, or when the actor may not read.
pub async fn replaced(
    app: &App,
    by: &Actor,
    first: &str,
    change: &str,
) -> Result<HashMap<String, Rendition>> {
    by.need(Right::Read)?;
    let mut out = app.store().deliveries(first).await?;
    out.extend(app.store().revised(first).await?.into_iter().filter(|d| d.post_id.as_str() < change));
    // The newest of a channel is the last one.
    Ok(out.into_iter().filter_map(|d| Some((d.channel_id.clone(), words(&d).ok()?))).collect())
}

/// The delivery that made the post which this one shows: itself, unless it changed the words of another.
pub(super) async fn maker(app: &App, delivery: &str) -> Result<String> {
    Ok(makers(app, &[delivery]).await?.remove(delivery).unwrap_or_else(|| delivery.to_owned()))
}

/// The same for several; those that made their own post are not among them.
pub(super) async fn makers(app: &App, deliveries: &[&str]) -> Result<HashMap<String, String>> {
    Ok(app.store().makers(deliveries).await?.into_iter().collect())
}

/// The deliveries that are out with the post that this one made: itself, and what changed its words.
pub(super) async fn all_of(tx: &mut Tx, maker: &Delivery) -> Result<Vec<Delivery>> {
    let all = tx.copies(&maker.post_id, &maker.channel_id).await?;
    Ok(all.into_iter().filter(|d| d.state == State::Accepted.word()).collect())
}

/// What becomes of a delivery whose words are out, with its entry: where the post that they changed (`first`) was
/// taken down meanwhile, they are gone with it. The delivery that made that one is locked: whoever takes the post
/// down comes before this change, or sees it.
pub(super) async fn or_gone(
    tx: &mut Tx,
    first: Option<&str>,
    channel: &str,
    change: &mut Change,
) -> Result<Option<Entry>> {
    let Some(first) = first else { return Ok(None) };
    let all = tx.copies(first, channel).await?;
    let Some(made) = all.iter().find(|d| d.post_id == first) else { return Ok(None) };
    if tx.delivery(&made.id).await?.is_none_or(|d| d.state != State::Retracted.word()) {
        return Ok(None);
    }
    change.state = State::Retracted.word();
    let gone = Entry::new("delivery.retracted", &format!("delivery:{}", change.id));
    Ok(Some(gone.note("its post was taken down meanwhile")))
}

/// The post whose words the one of that id changes.
pub(super) async fn first_of(app: &App, post: &str) -> Result<Option<String>> {
    Ok(app.store().post(post).await?.and_then(|p| p.revises))
}

/// What an attempt to change words is about.
pub(crate) struct Target {
    pub revised: Revised,
    /// Why it must not be tried now, or any more.
    pub stop: Option<Stop>,
}

/// Why words are not changed.
pub(crate) enum Stop {
    /// It is of no use any more.
    Never(&'static str),
    /// Later.
    Wait(&'static str),
}

/// What the delivery of `post` on `channel` is about, which changes the words of `first`. Nothing: nobody knows
/// what the network calls that.
///
/// # Errors
/// The database's own.
pub(crate) async fn target(app: &App, first: &str, post: &str, channel: &str) -> Result<Option<Target>> {
    let all = app.store().copies(first, channel).await?;
    let Some(made) = all.iter().find(|d| d.post_id == first) else { return Ok(None) };
    let Some(remote_id) = made.remote_id.clone() else { return Ok(None) };
    let others = || all.iter().filter(|d| d.post_id != post);
    let is = |d: &Delivery, states: &[State]| states.iter().any(|s| d.state == s.word());
    let under_way = || others().filter(|d| is(d, &[State::Sending, State::InDoubt]));
    let out = others().rfind(|d| is(d, &[State::Accepted])).unwrap_or(made);
    let stop = if !is(made, &[State::Accepted]) {
        Some(Stop::Never("the post was taken down meanwhile, so its words are not changed"))
    } else if out.post_id.as_str() > post {
        Some(Stop::Never("newer words than these are out"))
    } else if under_way().any(|d| d.post_id.as_str() > post) {
        Some(Stop::Never("newer words than these are on their way"))
    } else if under_way().next().is_some() {
        Some(Stop::Wait("another change of the same post is not settled yet"))
    } else {
        None
    };
    let read = |d: &Delivery| words(d).map_err(AppError::Internal);
    // A person may have been wrong about one that had begun.
    let begun = |d: &&Delivery| d.permits > 0 && d.post_id != first && !is(d, &[State::Accepted]);
    let (before, earlier) = (read(out)?, others().filter(begun).map(read).collect::<Result<_>>()?);
    let delivery = made.id.parse().map_err(|e| AppError::Internal(format!("the delivery's id: {e}")))?;
    Ok(Some(Target { revised: Revised { delivery, remote_id, before, others: earlier }, stop }))
}
