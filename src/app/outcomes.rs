//! What becomes of an attempt, as the sender sees it.

use crate::clock::Millis;

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Accepted {
        remote_id: String,
        url: Option<String>,
        note: Option<String>,
        /// The network only said that something has started: no promise is kept.
        started_only: bool,
    },
    /// Provably no effect; try again no earlier than this.
    Retry {
        reason: String,
        not_before: Option<Millis>,
    },
    /// This one alone waits until then, however often: what it did is written down, or it had no effect.
    Later {
        reason: String,
        not_before: Millis,
    },
    /// The try never began: it is given again and does not count as one.
    NotBegun {
        reason: String,
        not_before: Option<Millis>,
    },
    /// Provably no effect; trying again is of no use.
    Failed {
        reason: String,
    },
    /// The gate was closed before the first content byte.
    Stopped {
        reason: String,
        freeze: Option<String>,
    },
    InDoubt {
        reason: String,
        readable: bool,
    },
}

impl Outcome {
    /// Whether it says that the post is not out.
    pub(super) fn had_no_effect(&self) -> bool {
        !matches!(self, Self::Accepted { .. } | Self::InDoubt { .. })
    }

    /// Its name. The rest can hold addresses of recipients, and goes to no log of a node.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "accepted",
            Self::Retry { .. } => "retry",
            Self::Later { .. } => "later",
            Self::NotBegun { .. } => "not_begun",
            Self::Failed { .. } => "failed",
            Self::Stopped { .. } => "stopped",
            Self::InDoubt { .. } => "in_doubt",
        }
    }
}
