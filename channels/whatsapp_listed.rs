//! A template as Meta has it.

use serde::Deserialize;

/// A template as Meta has it, as far as it is read.
#[derive(Deserialize)]
pub(super) struct Listed {
    pub name: String,
    pub language: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub components: Vec<Component>,
    /// Seconds; -1 is 30 days.
    pub message_send_ttl_seconds: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Component {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub format: String,
    #[serde(default)]
    pub text: String,
}
