//! What a check of an account of X Ads sees.

use serde::Deserialize;
use serde_json::Value;

use super::XAds;
use crate::Health;
use crate::text::shown;

/// Roles that may change what is scheduled.
const ROLES: [&str; 3] = ["ACCOUNT_ADMIN", "AD_MANAGER", "CREATIVE_MANAGER"];
const ONLY_LOOKS: &str = "the access token's user may only look at the ads account: let an administrator of it make them ad manager or creative manager";
const DELETED: &str = "the ads account is deleted: correct the setting account";
const ODD: &str = "X Ads shows no account";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Account {
    name: Option<String>,
    timezone: Option<String>,
    approval_status: Option<String>,
    deleted: Option<bool>,
}

/// What people read of an account whose schedule can be read.
fn described(account: &Account, id: &str) -> String {
    let name = shown(account.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(id));
    let status = shown(account.approval_status.as_deref().unwrap_or_default());
    if !status.is_empty() && status != "ACCEPTED" {
        return format!(
            "its schedule can be read: that of {name}, an ads account that X has not accepted ({status})"
        );
    }
    let zone = shown(account.timezone.as_deref().unwrap_or_default());
    if zone.is_empty() {
        return format!("its schedule can be read: that of {name}");
    }
    format!("its schedule can be read: that of {name}, whose times are those of {zone}")
}

/// Whether the access token's user may change what is scheduled; where it is not told, nobody knows.
fn may_change(access: &Value) -> bool {
    let Some(all) = access["permissions"].as_array() else { return true };
    all.iter().any(|role| ROLES.iter().any(|known| role == known))
}

impl XAds {
    pub(super) async fn looked_at(&self) -> Result<Health, String> {
        let account: Account = serde_json::from_value(self.get(&[]).await?).map_err(|_| ODD)?;
        if account.deleted == Some(true) {
            return Err(DELETED.to_owned());
        }
        if !may_change(&self.get(&["authenticated_user_access"]).await?) {
            return Err(ONLY_LOOKS.to_owned());
        }
        // Whether the schedule may be read, too.
        self.page("1", None).await?;
        Ok(Health::ready(described(&account, &self.account)))
    }
}
