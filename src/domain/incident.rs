//! Incidents.

use chrono::DateTime;
use serde::{Deserialize, Serialize};

use super::Word;
use crate::clock::Millis;

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

/// A part of a URL: the day, and the end of the incident's id. Not its title, which nobody approved
/// for the public.
pub fn slug(id: &str, opened_at: Millis) -> String {
    let day = DateTime::from_timestamp_millis(opened_at).unwrap_or_default().format("%Y-%m-%d");
    format!("{day}-{}", &id[id.len().saturating_sub(6)..])
}
