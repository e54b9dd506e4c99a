//! New words for a post that is out, in its place. Pure.

use serde::Serialize;

use crate::text::Unit;
use crate::{Adapter, Rendition, fit, matrix};

/// How a network changes a post in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Revising {
    pub pictures: Pictures,
    /// The post can be read by its id, so that a lost answer is settled by reading.
    pub readable: bool,
}

/// What becomes of pictures when a post gets other words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pictures {
    /// They and what is told of them stay, and the words beside them change. None is added.
    Kept,
    /// They are sent again with the new words, and may be others.
    Sent,
}

/// The post whose words change.
#[derive(Debug, Clone)]
pub struct Revised {
    /// The delivery that made the post.
    pub delivery: uuid::Uuid,
    /// What the network calls it.
    pub remote_id: String,
    /// The words that were out there before, as far as is known here.
    pub before: Rendition,
    /// Those of other changes that had begun and are not called out: a person may have been wrong about one.
    pub others: Vec<Rendition>,
}

/// What a post shows of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shows {
    New,
    Old,
    /// The new words are those that were there before: only a picture or the language is another one.
    Either,
    /// Somebody gave it yet others.
    Other,
}

impl Revised {
    /// What a post shows, when `says` tells whether it has some words.
    pub(crate) fn shows(&self, new: &Rendition, says: impl Fn(&Rendition) -> bool) -> Shows {
        let mut known = std::iter::once(&self.before).chain(&self.others).filter(|known| *known != new);
        match (says(new), known.any(&says)) {
            (true, false) => Shows::New,
            (false, true) => Shows::Old,
            (true, true) => Shows::Either,
            (false, false) => Shows::Other,
        }
    }
}

/// Said of a post by which nobody can tell whether it was changed.
pub(crate) const EITHER: &str =
    "the new words are those that were there before, so they do not show whether the rest was changed";

/// Said of a doubt about a post that an editor has hidden.
pub(crate) const HIDDEN: &str =
    "the post is not public at the moment, so it does not show which words readers get";

/// Said of a post that somebody took down: nothing is changed, and nothing is posted anew.
pub const GONE: &str = "the post is not there any more, so its words cannot be changed; write a new post";

/// Said by a channel that is asked to change a post and cannot.
pub const NO_CHANGES: &str = "posts cannot be changed there";

/// Why a post with the words `before` cannot get those of `after` there, if it cannot.
pub fn obstacle(adapter: &Adapter, before: &Rendition, after: &Rendition) -> Option<String> {
    let title = adapter.title;
    let Some(can) = adapter.capabilities.revises else {
        return Some(format!("{title} cannot change a post: take it down, or send a correction"));
    };
    if !before.more.is_empty() {
        return Some(
            "it is a thread there, and its parts stay as they are: take it down, or send a correction".into(),
        );
    }
    if !after.more.is_empty() {
        return Some("the new words do not fit into one post there; shorten them".into());
    }
    if adapter.limits.unit == Unit::Matrix && matrix::size_of_change(after) > matrix::MOST_BYTES {
        return Some("the new words are too long to take the place of others there; shorten them".into());
    }
    if can.pictures == Pictures::Kept && !before.media.is_empty() && !are_same(adapter, before, after) {
        return Some(format!(
            "{title} changes the words beside pictures and not the pictures: leave them as they are, take it down, \
             or send a correction"
        ));
    }
    if can.pictures != Pictures::Sent && before.media.is_empty() && !after.media.is_empty() {
        return Some(format!("{title} cannot add pictures to a post that is out"));
    }
    None
}

/// Whether both have the same pictures, and the same words for those who cannot see them where readers get such words.
fn are_same(adapter: &Adapter, before: &Rendition, after: &Rendition) -> bool {
    let hashes = |r: &Rendition| r.media.iter().map(|m| m.sha256.clone()).collect::<Vec<_>>();
    let alts = |r: &Rendition| r.media.iter().map(|m| m.alt.clone()).collect::<Vec<_>>();
    hashes(before) == hashes(after)
        && (alts(before) == alts(after) || fit::unsaid(before, &adapter.limits).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MediaRef, bluesky, slack, telegram, wordpress};

    fn post(more: &[&str], pictures: usize) -> Rendition {
        let picture = MediaRef { sha256: "ab".into(), mime: "image/png".into(), alt: "a card".into() };
        Rendition {
            title: None,
            text: "Cards fail".into(),
            more: more.iter().map(|m| (*m).to_owned()).collect(),
            language: "en".into(),
            media: vec![picture; pictures],
        }
    }

    #[test]
    fn what_cannot_be_changed_says_why() {
        let plain = post(&[], 0);
        let why = |adapter: &Adapter, before: &Rendition, after: &Rendition| {
            obstacle(adapter, before, after).unwrap_or_default()
        };
        assert_eq!(why(&slack::ADAPTER, &plain, &plain), "");
        assert_eq!(why(&wordpress::ADAPTER, &post(&[], 1), &plain), "");
        assert!(why(&bluesky::ADAPTER, &plain, &plain).starts_with("Bluesky cannot change a post: "));
        assert!(why(&slack::ADAPTER, &post(&["b"], 0), &plain).contains("is a thread there"));
        assert!(why(&slack::ADAPTER, &plain, &post(&["b"], 0)).contains("do not fit into one post"));
        // The text stands there once more than in a message, and twice beside pictures.
        let long = |pictures| Rendition { text: "a".repeat(19_900), ..post(&[], pictures) };
        assert_eq!(why(&matrix::ADAPTER, &plain, &long(0)), "");
        assert!(why(&matrix::ADAPTER, &plain, &long(1)).contains("too long"));
        assert!(why(&slack::ADAPTER, &post(&[], 1), &plain).contains("beside pictures"));
        assert_eq!(why(&slack::ADAPTER, &post(&[], 1), &post(&[], 1)), "");
        // Other words for a picture would reach nobody: but where there is no place for them at all.
        let mut told = post(&[], 1);
        told.media[0].alt = "a map".into();
        assert!(why(&slack::ADAPTER, &post(&[], 1), &told).contains("and not the pictures"));
        assert_eq!(why(&telegram::ADAPTER, &post(&[], 1), &told), "");
        assert!(why(&slack::ADAPTER, &plain, &post(&[], 1)).contains("cannot add pictures"));
    }
}
