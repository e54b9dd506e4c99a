//! What a health check saw.

use serde::{Deserialize, Serialize};

/// What a health check saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub ready: bool,
    /// One sentence: the account, or what is wrong and what to do.
    pub detail: String,
}

impl Health {
    /// A post would be accepted now.
    pub fn ready(detail: impl Into<String>) -> Self {
        Self { ready: true, detail: detail.into() }
    }

    /// It would not: what is wrong, and what to do.
    pub fn unready(detail: impl Into<String>) -> Self {
        Self { ready: false, detail: detail.into() }
    }
}

impl From<Result<String, String>> for Health {
    fn from(seen: Result<String, String>) -> Self {
        seen.map_or_else(Self::unready, Self::ready)
    }
}
