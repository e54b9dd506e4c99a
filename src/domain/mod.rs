//! The words and rules of Holdline. Pure: no async, no SQL, no HTTP, no clock.

/// The payload of Alertmanager and Grafana, as signals.
pub mod alertmanager;
/// Who must approve what.
pub mod approval;
/// Entries of the audit log.
pub mod audit;
/// How many routine posts a network still gets.
pub mod budget;
/// Signed checkpoints of the audit log.
pub mod checkpoint;
/// Pictures without what their files tell besides.
pub mod cleaned;
/// The states of a delivery and the moves between them.
pub mod delivery;
/// Freezes: scope, allow set, and what they cover.
pub mod freeze;
/// Incidents and their severity.
pub mod incident;
/// The character that no text may contain.
pub mod nul;
/// What to do after an attempt: retry, read back, ask a person.
pub mod outcome;
/// The size of a picture.
pub mod picture;
/// Prepared plans for each kind of incident.
pub mod playbook;
/// Kinds of posts and lanes.
pub mod post;
/// When people are told that a post would fail on a channel.
pub mod red;
/// Roles and what each may do.
pub mod role;
/// Signals of monitoring systems.
pub mod signal;
/// Posts that somebody scheduled inside a network.
pub mod sweep;
/// Times as people type them, and recurrences.
pub mod times;
/// The Merkle tree of the audit log.
pub mod tree;

/// An enum that is stored and shown as one word.
pub trait Word: Sized + Copy + PartialEq + 'static {
    /// Every variant with its word.
    const WORDS: &'static [(&'static str, Self)];

    /// The word of this variant.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, v)| *v == self).map_or("unknown", |(w, _)| w)
    }

    /// The variant of a word.
    ///
    /// # Errors
    /// A sentence that lists the words that are known.
    fn parse(word: &str) -> Result<Self, String> {
        Self::WORDS.iter().find(|(w, _)| *w == word).map(|(_, v)| *v).ok_or_else(|| {
            let known: Vec<_> = Self::WORDS.iter().map(|(w, _)| *w).collect();
            format!("\"{word}\" is not known; use one of: {}", known.join(", "))
        })
    }
}
