//! Playbooks: a prepared plan for each kind of incident, in English and French.
//!
//! The kinds, cadences and advice follow public practice (PagerDuty's response guide for outages,
//! the GDPR's clocks, CDC's principles for crisis communication); the words are ours. What stands in
//! square brackets is for the team to fill in.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::incident::Severity;

/// A prepared plan.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Playbook {
    pub key: String,
    pub severity: Severity,
    /// Within how many minutes the first words should be out.
    pub first_words_minutes: u32,
    /// Minutes between two updates at the beginning.
    pub cadence_minutes: u32,
    /// By language.
    pub title: BTreeMap<String, String>,
    pub steps: Vec<Step>,
    /// The first words, by language.
    pub holding: BTreeMap<String, Text>,
    pub tips: Vec<Tip>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub key: String,
    pub en: String,
    pub fr: String,
}

/// A prepared text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    pub title: String,
    pub text: String,
}

/// A prepared piece of advice.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tip {
    pub key: String,
    pub en: Text,
    pub fr: Text,
}

static ALL: LazyLock<Vec<Playbook>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("playbooks/playbooks.json")).expect("a test reads this file")
});

/// Every playbook.
pub fn all() -> &'static [Playbook] {
    &ALL
}

/// The playbook of that key.
pub fn find(key: &str) -> Option<&'static Playbook> {
    ALL.iter().find(|p| p.key == key)
}

impl Playbook {
    /// The title in a language; English when it is not there.
    pub fn title(&self, language: &str) -> &str {
        self.title.get(language).or_else(|| self.title.get("en")).map_or(self.key.as_str(), String::as_str)
    }

    /// The first words in a language.
    pub fn holding(&self, language: &str) -> Option<&Text> {
        self.holding.get(language)
    }
}

impl Step {
    /// What to do, in a language.
    pub fn words(&self, language: &str) -> &str {
        if language == "fr" { &self.fr } else { &self.en }
    }
}

impl Tip {
    /// The advice in a language.
    pub fn text(&self, language: &str) -> &Text {
        if language == "fr" { &self.fr } else { &self.en }
    }
}

/// What is still to be filled in: the pieces in square brackets.
pub fn blanks(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(from) = rest.find('[') {
        let Some(len) = rest[from..].find(']') else { break };
        out.push(&rest[from..=from + len]);
        rest = &rest[from + len + 1..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_playbook_is_whole_in_both_languages() {
        assert!(all().len() >= 7);
        for p in all() {
            for language in ["en", "fr"] {
                assert!(p.title.contains_key(language), "{}: {language}", p.key);
                let holding = p.holding(language).unwrap_or_else(|| panic!("{}: {language}", p.key));
                assert!(!blanks(&holding.text).is_empty(), "{}: the team fills in what happened", p.key);
                // Bluesky's limit: the first words must fit everywhere.
                assert!(holding.text.chars().count() <= 300, "{} {language}", p.key);
                for tip in &p.tips {
                    assert!(tip.text(language).text.chars().count() <= 300, "{} {}", p.key, tip.key);
                }
            }
            let mut keys: Vec<_> = p.steps.iter().map(|s| &s.key).collect();
            keys.sort();
            keys.dedup();
            assert_eq!(keys.len(), p.steps.len(), "{}: steps have their own keys", p.key);
        }
    }

    #[test]
    fn blanks_are_found() {
        assert_eq!(blanks("On [day], in [which system]."), ["[day]", "[which system]"]);
        assert!(blanks("none [open").is_empty());
    }
}
