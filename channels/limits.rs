//! What a network takes of a text and its pictures.

use serde::{Deserialize, Serialize};

use crate::picture_limits::PictureLimits;
use crate::text;

/// Limits of a text, as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Most units of text, counted by `unit`.
    pub text: Option<usize>,
    pub unit: text::Unit,
    /// Most bytes of text (UTF-8), besides `text`.
    pub text_bytes: Option<usize>,
    /// Most units of a title or subject, if the network has one.
    pub title: Option<usize>,
    /// Whether a post without a title cannot be sent there.
    pub title_needed: bool,
    pub media: usize,
    pub media_bytes: u64,
    /// Most bytes of all pictures of a post together, where one request carries them.
    #[serde(default)]
    pub media_all: Option<u64>,
    /// Most characters of the words for those who cannot see a picture.
    #[serde(default)]
    pub alt: Option<usize>,
    /// Most parts of one post, each an answer to the one before; 1: there are no threads.
    #[serde(default = "one")]
    pub parts: usize,
    /// A title is shown only on the card of the first link; see [`crate::Rendition::card`].
    #[serde(default)]
    pub cards: bool,
    /// It is the network's and no account's, so it is not kept with what an account tells.
    #[serde(skip)]
    pub pictures: PictureLimits,
}

fn one() -> usize {
    1
}
