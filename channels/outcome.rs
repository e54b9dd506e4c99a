//! What became of a post: what the network answered, what reading back saw, what a removal did.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Closed;

/// The network accepted the post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// What the network calls the post; empty when it does not tell.
    pub remote_id: String,
    pub url: Option<String>,
    /// Whatever else a person should read, such as refused recipients.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The network did not accept the post, or nobody knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The gate was closed. `partly` says whether an earlier request of the same attempt had left.
    #[error("{why}")]
    Closed { why: Closed, partly: bool },
    /// Provably no effect; with [`Retry::Later`] perhaps one that is written down and fully known, so that another
    /// try goes on after it.
    #[error("{reason}")]
    Rejected { reason: String, retry: Retry },
    /// Bytes left and no full answer came.
    #[error("in doubt: {reason}")]
    InDoubt { reason: String },
}

impl Failure {
    /// A refusal for good, without effect.
    pub(crate) fn never(why: impl Into<String>) -> Self {
        Self::Rejected { reason: why.into(), retry: Retry::Never }
    }

    /// For a step before the public one (a log-in, an upload, a draft): whatever became of it, nobody
    /// has seen anything, so a doubt about it is none.
    #[must_use]
    pub fn without_effect(self) -> Self {
        match self {
            Self::InDoubt { reason } => Self::Rejected { reason, retry: Retry::Backoff },
            other => other,
        }
    }

    /// For the upload of a picture: the same, and a wait that the network asks for is this post's alone. Pictures have a limit
    /// of their own: a post without any need not wait.
    #[must_use]
    pub fn of_a_picture(self) -> Self {
        match self.without_effect() {
            Self::Rejected { reason, retry: Retry::After(wait) } => {
                Self::Rejected { reason, retry: Retry::Later(wait) }
            }
            other => other,
        }
    }

    /// With other words for people. A closed gate has its own.
    #[must_use]
    pub fn reworded(self, words: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Rejected { reason, retry } => Self::Rejected { reason: words(reason), retry },
            Self::InDoubt { reason } => Self::InDoubt { reason: words(reason) },
            closed @ Self::Closed { .. } => closed,
        }
    }

    /// For a part of a thread, after `out` of its `of` parts: whatever stopped it, they are out. So it is when the network only
    /// asks to wait: a person decides whether a part of the words may stand alone that long.
    #[must_use]
    pub fn partly(self, out: usize, of: usize) -> Self {
        match self {
            other if out == 0 => other,
            Self::Closed { why, .. } => Self::Closed { why, partly: true },
            Self::Rejected { reason, .. } | Self::InDoubt { reason } => {
                Self::InDoubt { reason: format!("parts out: {out} of {of}; {reason}") }
            }
        }
    }
}

/// What to do after a rejection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Try again after the back-off.
    Backoff,
    /// The network named the wait; the whole channel waits.
    After(Duration),
    /// A wait that is for this post alone, however often.
    Later(Duration),
    /// A person must act first: credentials, permission.
    Reconnect,
    /// This content will never be accepted.
    Never,
    /// The account has posted these words before, and the network takes them only once. After an earlier
    /// attempt at the delivery that is a doubt: it can have been that one.
    Duplicate,
}

/// What reading back saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sighting {
    Found(Receipt),
    /// The network answered, and the post is not there; of new words: it still has others.
    Absent,
    /// Of new words: the post is gone, so they can be nowhere, and why.
    Gone(String),
    /// The network could not be asked.
    Unknown(String),
}

impl Sighting {
    /// Some parts of a thread are there. A person decides whether it is finished: another try leaves what is
    /// out as it is.
    pub fn partly(out: usize, of: usize) -> Self {
        Self::Unknown(format!(
            "parts out: {out} of {of}; another try finishes the thread and doubles nothing"
        ))
    }

    /// The first part of a thread is there, and its id is not written down, so another try would not go on after it.
    pub(crate) fn unnamed(of: usize) -> Self {
        Self::Unknown(format!("parts out: 1 of {of}; another try would post that one again"))
    }

    /// Some parts of a thread are there. What is not shown may be there all the same, so a person looks first.
    pub(crate) fn stopped(out: usize, of: usize) -> Self {
        Self::Unknown(format!("parts out: {out} of {of}; look before another try"))
    }
}

/// Why a post that a person saw is not taken down.
pub const NOT_OURS: &str = "the account holds no post of this delivery; \
     what a person saw there must be taken down by hand";

/// What a retraction did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "result", content = "reason")]
pub enum Retraction {
    Gone,
    /// Still public, and why.
    StillLive(String),
}

/// Said of networks that keep no post at the top.
pub const NO_PINS: &str = "posts cannot be pinned there";

/// What became of pinning a post, or of letting it go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "result", content = "reason")]
pub enum Pinned {
    Done,
    /// It is not done, and why.
    Failed(String),
}

impl From<Result<(), String>> for Pinned {
    fn from(done: Result<(), String>) -> Self {
        done.map_or_else(Self::Failed, |()| Self::Done)
    }
}
