//! The money of the account.
//!
//! Facts: the resource `Balance` of Twilio's OpenAPI (`twilio/twilio-oai`, `twilio_api_v2010.json`): an amount as text and
//! its currency. What changed may be there later; an account below another one has none of its own. That a key which
//! may not ask for the account may ask for this is told by no document: a refusal says nothing.

use serde::Deserialize;

use super::Sms;
use crate::money::Money;

#[derive(Deserialize)]
struct Balance {
    balance: Option<String>,
    currency: Option<String>,
}

impl Sms {
    /// What the account has, as far as that is told.
    pub(super) async fn balance(&self) -> Option<Money> {
        let told: Balance = self.ask(&["Balance"], &[]).await.ok()?;
        Money::told(told.balance?.trim(), &told.currency?, self.warn_below)
    }
}
