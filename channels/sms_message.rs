//! A message as Twilio shows it.

use serde::Deserialize;

use super::answers;
use crate::ledger::Mark;

/// A message, as far as it is read.
#[derive(Deserialize)]
pub(super) struct Message {
    pub sid: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub status: String,
    #[serde(default)]
    pub error_code: Option<i64>,
    #[serde(default, deserialize_with = "or_empty")]
    pub to: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub body: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub direction: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub date_created: String,
}

/// Each of them can be null.
pub(super) fn or_empty<'de, D: serde::Deserializer<'de>>(told: D) -> Result<String, D::Error> {
    Option::<String>::deserialize(told).map(Option::unwrap_or_default)
}

impl Message {
    /// What it says of its recipient.
    pub fn mark(self) -> Mark {
        match self.status.as_str() {
            "canceled" => Mark::Failed(answers::CANCELLED.to_owned()),
            "failed" | "undelivered" => Mark::Failed(answers::why(self.error_code.unwrap_or_default())),
            _ => Mark::Has(self.sid),
        }
    }
}
