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

/// Everything that an approver decides about. A field that changes what goes out, where, when, or
/// under which freeze, belongs in here.
#[derive(Debug, Clone, Serialize)]
pub struct Matter<'a> {
    pub kind: &'a str,
    pub brand: &'a str,
    pub labels: Vec<String>,
    pub incident: Option<&'a str>,
    pub due: Millis,
    pub zone: &'a str,
    pub recurrence: Option<&'a str>,
    pub valid_until: Option<Millis>,
    pub promise: Option<Millis>,
    pub corrects: Option<&'a str>,
    /// Only where there is one: the hash of every other post stays as it was before these were known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revises: Option<&'a str>,
    /// Each channel with the hash of the exact content that it receives.
    pub renditions: Vec<(&'a str, &'a str)>,
}

impl Matter<'_> {
    /// What an approval is bound to: SHA-256 over the matter as JSON. The fields have one order, lists
    /// are sorted, and JSON quotes what is inside a string: two different matters have different bytes.
    pub fn bundle(mut self) -> String {
        self.labels.sort_unstable();
        self.labels.dedup();
        self.renditions.sort_unstable();
        let mut hash = Sha256::new();
        // The number changes with the form, so that an old approval is never taken for a new one.
        hash.update(b"holdline bundle 2\n");
        hash.update(serde_json::json!(self).to_string());
        hex::encode(hash.finalize())
    }
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

    fn matter() -> Matter<'static> {
        Matter {
            kind: "update",
            brand: "main",
            labels: vec!["a".into(), "b".into()],
            incident: Some("i"),
            due: 1,
            zone: "UTC",
            recurrence: None,
            valid_until: None,
            promise: Some(2),
            corrects: None,
            revises: None,
            renditions: vec![("c1", "x"), ("c2", "y")],
        }
    }

    #[test]
    fn a_bundle_goes_by_content_and_not_by_order() {
        let mut other = matter();
        other.labels = vec!["b".into(), "a".into(), "b".into()];
        other.renditions.reverse();
        assert_eq!(matter().bundle(), other.bundle());
    }

    #[test]
    fn any_field_makes_another_bundle() {
        let change: [fn(&mut Matter<'_>); 15] = [
            |_| {},
            |m| m.kind = "tip",
            |m| m.brand = "other",
            |m| m.labels = vec!["a".into()],
            |m| m.labels = vec!["a,b".into()],
            |m| m.incident = None,
            |m| m.due = 3,
            |m| m.zone = "Europe/Paris",
            |m| m.recurrence = Some("0 9 * * *"),
            |m| m.valid_until = Some(2),
            |m| m.promise = Some(3),
            |m| m.promise = None,
            |m| m.corrects = Some("p"),
            |m| m.revises = Some("p"),
            |m| m.renditions = vec![("c1", "y"), ("c2", "x")],
        ];
        let seen: std::collections::HashSet<_> = change
            .iter()
            .map(|change| {
                let mut m = matter();
                change(&mut m);
                m.bundle()
            })
            .collect();
        assert_eq!(seen.len(), change.len());
    }
}
