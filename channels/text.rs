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
