//! Counting text as the networks count it. Pure.

use serde::Serialize;

/// What a network counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Characters,
    Graphemes,
    Bytes,
}

/// A limit that a rendition breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub field: &'static str,
    pub message: String,
}

/// Placeholder.
pub fn check(_: &crate::Rendition, _: &crate::Limits) -> Vec<Problem> {
    Vec::new()
}
