//! Other words for a post that is out, in its place: a post of its own, so that its words are approved, held by
//! freezes and written down as all others are. It goes where the post is out and the network can change it.
//!
//! The post that is there is one, whoever changes its words: it has the name that the network gave to the first
//! delivery, and what takes it down or pins it acts on that.

use std::collections::{HashMap, HashSet};

use ::channels::{Rendition, revise};
use serde::{Deserialize, Serialize};

use super::error::Problems;
use super::old_words::{self, Stand};
use super::posts::NewPost;
use super::{Actor, App, AppError, Result, renditions, still_live};
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
    pub(super) copies: Vec<Copy>,
}

/// What is out of a post on one channel.
pub(super) struct Copy {
    channel: String,
    /// Its words, or why nothing can be changed there.
    pub(super) words: std::result::Result<Rendition, String>,
    /// How it stands, where the post is only on its way: new words go there when it is out.
    waits: Option<&'static str>,
    /// Whether a change of its words waits there already, so that it may have others soon.
    changing: bool,
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
        let changes = app.store().revisions(&post.id).await?;
        let waiting = |c: &&Delivery| c.state == State::Scheduled.word();
        let mut copies = Vec::new();
        for d in app.store().deliveries(&post.id).await? {
            let last = newer.iter().rfind(|n| n.channel_id == d.channel_id);
            let (words, waits) = match old_words::stand(&d) {
                Stand::Out => (words(last.unwrap_or(&d)), None),
                Stand::Waits(how) => (words(&d), Some(how)),
                Stand::Never(why) => (Err(old_words::never(app, &d, why).await?), None),
            };
            let changing =
                waits.is_some() && changes.iter().filter(waiting).any(|c| c.channel_id == d.channel_id);
            copies.push(Copy { channel: d.channel_id, words, waits, changing, since: d.settled_at });
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

    /// The channels that get the new words: those that are named, or all that can. Where the post is still on its way
    /// they go when it is out, so that nobody has to look after it; but it must be out somewhere.
    pub fn targets<'a>(
        &self,
        new: &NewPost,
        channels: &'a [Channel],
        drill: bool,
        problems: &mut Problems,
    ) -> Vec<&'a Channel> {
        let judged: Vec<(&Channel, &Copy, Option<String>)> = self
            .copies
            .iter()
            .filter_map(|copy| Some((channels.iter().find(|c| c.id == copy.channel)?, copy)))
            .map(|(c, copy)| (c, copy, obstacle_or_same(c, copy, &new.source, drill)))
            .collect();
        let mut out: Vec<(&Channel, &Copy)> = Vec::new();
        if new.channels.is_empty() {
            out.extend(judged.iter().filter(|(.., why)| why.is_none()).map(|(c, copy, _)| (*c, *copy)));
        }
        for wanted in &new.channels {
            match judged.iter().find(|(c, ..)| c.id == *wanted || c.name == *wanted) {
                None => problems.add("channels", format!("the post did not go to \"{wanted}\"")),
                Some((channel, _, Some(why))) => problems.add("channels", format!("{}: {why}", channel.name)),
                Some((channel, ..)) if out.iter().any(|(o, _)| o.id == channel.id) => {}
                Some((channel, copy, None)) => out.push((channel, copy)),
            }
        }
        if out.iter().all(|(_, copy)| copy.waits.is_some()) {
            let waits = |copy: &Copy| copy.waits.map(str::to_owned);
            let named = |c: &Channel| new.channels.is_empty() || out.iter().any(|(o, _)| o.id == c.id);
            for (channel, copy, why) in judged.iter().filter(|(c, ..)| named(c)) {
                let why = waits(copy).or(why.clone()).unwrap_or_default();
                problems.add("channels", format!("{}: {why}", channel.name));
            }
        }
        out.into_iter().map(|(channel, _)| channel).collect()
    }

    /// The channels that keep their words although the post gets those of `source`, which were written then, on the
    /// channels for which `gets` says so; and how the post stands where it is not out yet.
    pub fn kept(
        &self,
        source: &Source,
        written: Millis,
        channels: &[Channel],
        gets: impl Fn(&str) -> bool,
        drill: bool,
    ) -> Vec<Unrevised> {
        let mut kept = Vec::new();
        for copy in self.copies.iter().filter(|copy| copy.waits.is_some() || !gets(&copy.channel)) {
            let Some(channel) = channels.iter().find(|c| c.id == copy.channel) else { continue };
            let left = || if copy.since.is_some_and(|at| at > written) { LATER } else { LEFT_OUT }.to_owned();
            let why = || obstacle_or_same(channel, copy, source, drill).unwrap_or_else(left);
            let reason = copy.waits.map_or_else(why, str::to_owned);
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

/// The words of a delivery.
pub(super) fn words(d: &Delivery) -> std::result::Result<Rendition, String> {
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
    let new = renditions::framed(source, channel, drill);
    revise::obstacle(adapter, before, &new).map_or(Ok(new), Err)
}

/// Why words of a channel stay: others cannot take their place, or are the same.
fn obstacle_or_same(channel: &Channel, copy: &Copy, source: &Source, drill: bool) -> Option<String> {
    match new_words(channel, copy, source, drill) {
        Err(why) => Some(why),
        Ok(new) => (!copy.changing && copy.words.as_ref() == Ok(&new))
            .then(|| "it has these very words there already".to_owned()),
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
    /// The ids of the channels that can, now or when the post is out there.
    pub can: Vec<String>,
    /// Where it stays, or is not out yet, and why.
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
    let (mut can, mut cannot, mut is_out) = (Vec::new(), Vec::new(), false);
    let channels = app.store().channels().await?;
    for copy in &standing.copies {
        let Some(channel) = channels.iter().find(|c| c.id == copy.channel) else { continue };
        let why = new_words(channel, copy, &out, false).err();
        if why.is_none() {
            can.push(copy.channel.clone());
            is_out |= copy.waits.is_none();
        }
        let reason = copy.waits.map(str::to_owned).or(why);
        cannot.extend(reason.map(|reason| Unrevised { channel_name: channel.name.clone(), reason }));
    }
    if !is_out {
        can.clear();
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

/// What becomes of a delivery whose words are out, with its entries: where the post that they changed (`first`) was
/// taken down meanwhile, they are gone with it. The delivery that made that one is locked: whoever takes the post
/// down comes before this change, or sees it.
pub(super) async fn or_gone(
    app: &App,
    tx: &mut Tx,
    first: Option<&str>,
    channel: &str,
    change: &mut Change,
) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    let Some(first) = first else { return Ok(entries) };
    let all = tx.copies(first, channel).await?;
    let Some(made) = all.iter().find(|d| d.post_id == first) else { return Ok(entries) };
    let gone = tx.delivery(&made.id).await?.is_some_and(|d| d.state == State::Retracted.word());
    let newest = tx.changed(&[first.to_owned()]).await?.pop().map(|(_, by)| by);
    let is_newest = all.iter().any(|d| d.id == change.id && Some(&d.post_id) == newest.as_ref());
    // Whoever was told that its old words are live has no more to do, unless these are old, too.
    if gone || is_newest {
        still_live::end(app, tx, &made.id, &mut entries).await?;
    }
    if !gone {
        return Ok(entries);
    }
    change.state = State::Retracted.word();
    let gone = Entry::new("delivery.retracted", &format!("delivery:{}", change.id));
    entries.push(gone.note("its post was taken down meanwhile"));
    Ok(entries)
}

/// Why the words of that change do not go where the post `made` has others by now, those of `shown`. Nothing: they go there,
/// or are the same.
///
/// # Errors
/// The database's own.
pub(super) async fn why_left(
    app: &App,
    change: &Post,
    (made, shown): (&Delivery, &Delivery),
    mine: Option<&Delivery>,
) -> Result<Option<String>> {
    if let Stand::Never(why) = old_words::stand(made) {
        return old_words::never(app, made, why).await.map(Some);
    }
    let over =
        |d: &Delivery| [State::Cancelled, State::Expired, State::Failed].iter().any(|s| s.word() == d.state);
    if let Some(mine) = mine {
        return Ok(over(mine).then(|| mine.reason.clone().unwrap_or_else(|| LATER.to_owned())));
    }
    let Some(channel) = app.store().channel(&made.channel_id).await? else { return Ok(None) };
    let (Ok(source), before) = (source(change), words(shown)) else { return Ok(None) };
    let copy =
        Copy { channel: made.channel_id.clone(), words: before, waits: None, changing: false, since: None };
    Ok(match new_words(&channel, &copy, &source, false) {
        Err(why) => Some(why),
        Ok(new) => (copy.words.as_ref() != Ok(&new)).then(|| LATER.to_owned()),
    })
}

/// The post whose words the one of that id changes.
pub(super) async fn first_of(app: &App, post: &str) -> Result<Option<String>> {
    Ok(app.store().post(post).await?.and_then(|p| p.revises))
}
