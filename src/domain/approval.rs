//! Who must approve what, and what an approval is bound to.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Word;
use super::incident::Severity;
use super::post::Kind;
use crate::clock::Millis;

/// A person's decision about the exact renditions of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approve,
    Reject,
    /// One person alone, with a reason; a review by another is owed.
    BreakGlass,
}

impl Word for Decision {
    const WORDS: &'static [(&'static str, Self)] =
        &[("approve", Self::Approve), ("reject", Self::Reject), ("break_glass", Self::BreakGlass)];
}

/// How many people other than the author must approve. Never less than one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    pub routine: u32,
    /// Crisis posts of minor incidents.
    pub minor: u32,
    pub major: u32,
    pub critical: u32,
    /// Hours that an approval of a crisis post holds.
    pub crisis_hours: u32,
    /// Days that an approval of a routine post holds.
    pub routine_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { routine: 1, minor: 1, major: 1, critical: 1, crisis_hours: 72, routine_days: 90 }
    }
}

impl Policy {
    /// How many approvals the post needs.
    pub fn needed(&self, kind: Kind, severity: Option<Severity>) -> usize {
        let n = match (kind, severity) {
            (Kind::Routine, _) => self.routine,
            (_, Some(Severity::Critical)) => self.critical,
            (_, Some(Severity::Major)) => self.major,
            (_, Some(Severity::Minor) | None) => self.minor,
        };
        n.max(1) as usize
    }

    /// Until when an approval given at `at` holds.
    pub fn expires(&self, kind: Kind, at: Millis) -> Millis {
        const HOUR: Millis = 3_600_000;
        match kind {
            Kind::Routine => at + Millis::from(self.routine_days) * 24 * HOUR,
            _ => at + Millis::from(self.crisis_hours) * HOUR,
        }
    }

    /// Sentences for what is not sensible.
    pub fn problems(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (name, n) in [
            ("routine", self.routine),
            ("minor", self.minor),
            ("major", self.major),
            ("critical", self.critical),
        ] {
            if !(1..=5).contains(&n) {
                out.push(format!(
                    "{name}: between 1 and 5 approvers; nothing is published on one person's word"
                ));
            }
        }
        if self.crisis_hours == 0 || self.routine_days == 0 {
            out.push(
                "an approval must hold for some time: crisis_hours and routine_days are at least 1".into(),
            );
        }
        out
    }
}

/// What an approval is bound to: SHA-256 over the sorted pairs of channel and content hash.
pub fn bundle<'a>(parts: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut parts: Vec<_> = parts.collect();
    parts.sort_unstable();
    let mut hash = Sha256::new();
    for (channel, content) in parts {
        hash.update(channel.as_bytes());
        hash.update([0]);
        hash.update(content.as_bytes());
        hash.update([b'\n']);
    }
    hex::encode(hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_policy_goes_below_one_other_person() {
        let none = Policy { routine: 0, minor: 0, major: 0, critical: 0, ..Policy::default() };
        assert_eq!(none.needed(Kind::Routine, None), 1);
        assert_eq!(none.needed(Kind::Update, Some(Severity::Critical)), 1);
        assert_eq!(none.problems().len(), 4);
    }

    #[test]
    fn a_bundle_goes_by_content_and_not_by_order() {
        let a = bundle([("c1", "x"), ("c2", "y")].into_iter());
        assert_eq!(a, bundle([("c2", "y"), ("c1", "x")].into_iter()));
        assert_ne!(a, bundle([("c1", "y"), ("c2", "x")].into_iter()));
    }
}
