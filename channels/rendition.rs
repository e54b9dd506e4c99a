//! What a channel receives, and its hash. Pure.

use serde::{Deserialize, Serialize};

use crate::text;

/// The exact content that one channel will receive, in one language. People approve this.
///
/// A field that this version does not know is an error: what cannot be sent is not sent in part. Its canonical
/// form is the JSON of its fields in this order; the content hash is SHA-256 of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rendition {
    /// A headline or subject, where the network has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    pub text: String,
    /// What follows the text in a thread, each part an answer to the one before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub more: Vec<String>,
    /// BCP 47 language tag.
    pub language: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<MediaRef>,
}

/// A picture by its hash, with the words for those who cannot see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediaRef {
    pub sha256: String,
    pub mime: String,
    pub alt: String,
}

impl Rendition {
    /// The text and what follows it, in order.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.text).chain(&self.more).map(String::as_str)
    }

    /// One part of a thread, 0 for the first. Title and pictures go with the first.
    pub(crate) fn part(&self, n: usize) -> Self {
        let first = n == 0;
        Self {
            title: self.title.clone().filter(|_| first),
            text: self.texts().nth(n).unwrap_or_default().to_owned(),
            more: Vec::new(),
            language: self.language.clone(),
            media: if first { self.media.clone() } else { Vec::new() },
        }
    }

    /// The title and the first link, which a network shows together as a card where no picture takes its place.
    pub fn card(&self) -> Option<(&str, text::Link)> {
        let title = self.title.as_deref().filter(|_| self.media.is_empty())?;
        Some((title, text::links(&self.text).into_iter().next()?))
    }

    /// The canonical bytes that are hashed, approved and frozen into the attempt.
    pub fn canonical(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("strings and lists always serialise")
    }

    /// SHA-256 of [`Rendition::canonical`], in lower-case hex.
    pub fn content_hash(&self) -> String {
        hash(&self.canonical())
    }
}

/// SHA-256 in lower-case hex.
pub fn hash(bytes: &[u8]) -> String {
    use sha2::Digest;
    hex::encode(sha2::Sha256::digest(bytes))
}
