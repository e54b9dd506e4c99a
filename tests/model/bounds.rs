//! How often each thing may happen in one run. Nothing else bounds the model.

use crate::state::POSTS;

/// What may still happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Budget {
    pub freezes: u8,
    pub thaws: u8,
    /// Nodes that a person takes off the list.
    pub forgotten: u8,
    /// Held posts that a person releases.
    pub releases: u8,
    /// Processes that end without a word.
    pub crashes: u8,
    /// Machines that lose their power.
    pub power_cuts: u8,
    /// Nodes that lose their database, or are paused.
    pub cuts: u8,
    /// Commits whose answer is lost.
    pub unanswered: u8,
    /// Requests without a full answer.
    pub lost_answers: u8,
    /// Requests that a network refuses, without effect.
    pub refusals: u8,
    pub backups: u8,
    /// Restores and failovers: the backup takes the place of the primary.
    pub restores: u8,
    pub confirmations: u8,
    pub clones: u8,
}

/// When the time of a post comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    AtOnce,
    AnyTime,
    /// There is no such post in this scenario.
    Never,
}

/// One run of the checker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    pub name: &'static str,
    pub budget: Budget,
    /// Attempts at one post, and again as many after a restore.
    pub attempts: u8,
    pub due: [Due; POSTS],
    /// Whether posts are claimed before they are permitted, too.
    pub claims: bool,
    /// Whether the expiry of a post can pass.
    pub expires: bool,
}
