//! Kinds of posts, lanes, and the text as it was typed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Word;

/// What a post is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Marketing and everyday posts. A freeze holds these.
    Routine,
    /// A public update of an incident.
    Update,
    /// Advice on how people can protect themselves.
    Tip,
    /// Words to the customers, before the public.
    Notice,
    /// Sets something right that was published.
    Correction,
}

impl Word for Kind {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("routine", Self::Routine),
        ("update", Self::Update),
        ("tip", Self::Tip),
        ("notice", Self::Notice),
        ("correction", Self::Correction),
    ];
}

impl Kind {
    /// Crisis kinds belong to an incident and queue ahead of any backlog.
    pub fn lane(self) -> Lane {
        if self == Self::Routine { Lane::Routine } else { Lane::Crisis }
    }
}

/// Where a delivery queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    Routine,
    Crisis,
}

impl Lane {
    /// As stored: 1 crisis, 0 routine.
    pub fn number(self) -> i64 {
        match self {
            Self::Routine => 0,
            Self::Crisis => 1,
        }
    }

    /// From the stored number; everything but 1 is routine.
    pub fn from_number(n: i64) -> Self {
        if n == 1 { Self::Crisis } else { Self::Routine }
    }
}

/// Where a post stands between its author and the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PostState {
    /// Being written. Nothing is sent.
    Draft,
    /// Waits for approval.
    Submitted,
    /// Approved word for word; its deliveries are in the queue or past it.
    Approved,
    Cancelled,
}

impl Word for PostState {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("draft", Self::Draft),
        ("submitted", Self::Submitted),
        ("approved", Self::Approved),
        ("cancelled", Self::Cancelled),
    ];
}

/// What was typed: one text for all channels, and other texts for some.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A line with nothing but `---` parts it: where the whole does not fit, and the network has threads, each
    /// part is a post of its own. Elsewhere the parts are paragraphs.
    pub text: String,
    /// BCP 47 language tag, for example `en` or `fr`.
    #[serde(default = "english")]
    pub language: String,
    /// Texts for single channels, by the channel's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub per_channel: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media: Vec<Media>,
}

/// A picture that was uploaded before, and its alternative text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Media {
    /// SHA-256 of the bytes, in hex: the answer of the upload.
    pub sha256: String,
    pub mime: String,
    /// What the picture shows, for those who cannot see it.
    pub alt: String,
}

/// A text as the search compares it: small letters, and one blank for any run of blanks and line breaks.
/// Letter by letter, so that a part of a text becomes the same part of the result.
pub fn fold(text: &str) -> String {
    let small: String = text.chars().flat_map(char::to_lowercase).collect();
    small.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn english() -> String {
    "en".into()
}

impl Source {
    /// Title and texts for the search, one a line, each as [`fold`] leaves it.
    pub fn words(&self) -> String {
        let texts = self.title.iter().chain([&self.text]).chain(self.per_channel.values());
        texts.map(|t| fold(t)).collect::<Vec<_>>().join("\n")
    }

    /// The text for the channel of that name.
    pub fn text_for(&self, channel: &str) -> &str {
        self.per_channel.get(channel).unwrap_or(&self.text)
    }
}
