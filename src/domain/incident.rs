//! Incidents.

use serde::{Deserialize, Serialize};

use super::Word;

/// How bad it is. The approval policy goes by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Minor,
    Major,
    Critical,
}

impl Word for Severity {
    const WORDS: &'static [(&'static str, Self)] =
        &[("minor", Self::Minor), ("major", Self::Major), ("critical", Self::Critical)];
}

/// Whether an incident goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    Open,
    Resolved,
}

impl Word for IncidentState {
    const WORDS: &'static [(&'static str, Self)] = &[("open", Self::Open), ("resolved", Self::Resolved)];
}

/// A part of a URL made of the title: lower-case ASCII words with hyphens, at most 60 characters.
pub fn slug(title: &str) -> String {
    let mut out = String::new();
    for c in title.to_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        if out.len() >= 60 {
            break;
        }
    }
    out.trim_end_matches('-').to_owned()
}
