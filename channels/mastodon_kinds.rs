//! What the Mastodon server of the tests is like.

use chrono::TimeDelta;
use serde_json::{Value, json};

/// What the server is.
#[derive(Debug, Clone)]
pub struct Kind {
    pub version: &'static str,
    pub keeps_keys: bool,
    pub has_v2: bool,
    pub has_source: bool,
    /// It shows the words of posts as they were sent to everybody, and not to their accounts alone.
    pub shows_all_sources: bool,
    /// How far its clock is ahead.
    pub ahead: TimeDelta,
    pub scopes: Value,
    /// How often a picture is asked for before it is ready.
    pub slow_pictures: usize,
}

impl Default for Kind {
    fn default() -> Self {
        Self {
            version: "4.3.2",
            keeps_keys: true,
            has_v2: true,
            has_source: true,
            shows_all_sources: false,
            ahead: TimeDelta::zero(),
            scopes: json!(["read", "write"]),
            slow_pictures: 0,
        }
    }
}

impl Kind {
    /// What it says of itself.
    pub fn instance(&self) -> Value {
        json!({
            "version": self.version,
            "configuration": {
                "statuses": { "max_characters": 500, "max_media_attachments": 4, "characters_reserved_per_url": 23 },
                "media_attachments": { "image_size_limit": 16_777_216 },
            },
        })
    }
}
