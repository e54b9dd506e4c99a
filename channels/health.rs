//! What a health check saw.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::money::{Money, NO_MONEY};
use crate::quota::Quota;
use crate::shares::Share;

/// What a health check saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    pub ready: bool,
    /// One sentence: the account, or what is wrong and what to do.
    pub detail: String,
    #[serde(default)]
    pub facts: Facts,
}

/// What a check learned besides. What is not there is not known: it is neither good nor bad.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The account as its network names it, the same for every channel that posts with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The network's own number of it, which no renaming changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// When the credential ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// Why its access is not renewed, while it still works.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_renewed: Option<String>,
    /// The permissions that posting needs and that the credential lacks; empty: it has all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Vec<String>>,
    /// How many posts are still taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posts: Option<Quota>,
    /// How many posts a day its app may make, where the network tells nobody what is left of it and somebody wrote the
    /// limit down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posts_a_day: Option<u64>,
    /// How many requests of any kind are still taken. It holds no post.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calls: Option<Quota>,
    /// The shares of calls that are still answered, where the network tells those; routine posts leave some of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shares: Vec<Share>,
    /// The money that posts cost there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<Money>,
    /// How far the server's clock is ahead of ours, in milliseconds; its `Date` counts whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skew_ms: Option<i64>,
    /// When that was heard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skew_at: Option<DateTime<Utc>>,
    /// How many minutes apart it is checked, where the network takes few requests; otherwise as all channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked_every: Option<u32>,
}

/// An account of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// For people.
    pub name: String,
    /// What no renaming changes; nothing: the network has none, or it was not asked yet.
    pub id: Option<String>,
}

impl Account {
    /// Whether both are one: by what the network never changes, where both have it.
    pub fn is(&self, other: &Self) -> bool {
        match (&self.id, &other.id) {
            (Some(one), Some(other)) => one == other,
            _ => self.name.to_lowercase() == other.name.to_lowercase(),
        }
    }
}

/// How long a check may take after the account was seen: whoever waits for it hears of the account in any case.
const REST: Duration = Duration::from_secs(10);

/// What to do about a permission that the credential lacks.
pub fn lacking(permission: &str) -> String {
    format!("the credential lacks the permission {permission}; grant it, then connect the channel again")
}

/// The credential has ended.
pub const EXPIRED: &str = "the credential has expired; connect the channel again";

/// The posts of this account are used up.
pub const USED_UP: &str =
    "the network takes no more posts of this account for now; wait, or post there by hand";

impl Facts {
    /// The account, if it is known.
    pub fn whose(&self) -> Option<Account> {
        Some(Account { name: self.account.clone()?, id: self.account_id.clone() })
    }

    /// Why no post can go by this credential, whatever else is well: it has ended, or lacks a permission.
    pub fn refusal(&self, now: DateTime<Utc>) -> Option<String> {
        if self.expires_at.is_some_and(|end| end <= now) {
            return Some(EXPIRED.to_owned());
        }
        self.missing.iter().flatten().next().map(|permission| lacking(permission))
    }
}

impl Health {
    /// What the rest of a check sees once the account is known: whatever becomes of the rest, the account was seen.
    pub(crate) async fn seen_on(
        account: &str,
        id: Option<&str>,
        rest: impl Future<Output = Result<Self, String>>,
    ) -> Self {
        Self::seen_within(REST, account, id, rest).await
    }

    async fn seen_within(
        longest: Duration,
        account: &str,
        id: Option<&str>,
        rest: impl Future<Output = Result<Self, String>>,
    ) -> Self {
        let late = |_| Err("the network did not answer the check in time".to_owned());
        let seen = Self::from(tokio::time::timeout(longest, rest).await.unwrap_or_else(late));
        let seen = if seen.facts.account.is_some() { seen } else { seen.of(account) };
        match id {
            Some(id) => seen.by_id(id),
            None => seen,
        }
    }

    /// A post would be accepted now.
    pub fn ready(detail: impl Into<String>) -> Self {
        Self { ready: true, detail: detail.into(), facts: Facts::default() }
    }

    /// It would not: what is wrong, and what to do.
    pub fn unready(detail: impl Into<String>) -> Self {
        Self { ready: false, ..Self::ready(detail) }
    }

    /// With the account that was seen. Its name is the network's, so it is cut and made visible.
    #[must_use]
    pub fn of(mut self, account: &str) -> Self {
        let visible = account.chars().filter(|c| !c.is_control() && !crate::text::turns(*c));
        let name: String = visible.take(200).collect();
        self.facts.account = Some(name).filter(|name| !name.is_empty());
        self
    }

    /// With what the network calls the account for ever.
    #[must_use]
    pub fn by_id(mut self, id: &str) -> Self {
        self.facts.account_id = Some(id.chars().filter(|c| !c.is_control()).take(200).collect());
        self
    }

    /// With the permissions that are missing, without which it is not ready; none: that was looked at.
    #[must_use]
    pub fn lacks(mut self, missing: &[&str]) -> Self {
        self.facts.missing = Some(missing.iter().map(|m| (*m).to_owned()).collect());
        match missing.first() {
            Some(permission) => self.refused(lacking(permission)),
            None => self,
        }
    }

    /// Not ready for want of this permission, which its sentence names.
    pub(crate) fn without(permission: &str, why: impl Into<String>) -> Self {
        let health = Self::unready(why);
        Self { facts: Facts { missing: Some(vec![permission.to_owned()]), ..health.facts }, ..health }
    }

    /// With the posts that are still taken, as far as that is told; it is not ready when they are used up.
    #[must_use]
    pub fn takes(mut self, posts: Option<Quota>) -> Self {
        self.facts.posts = posts;
        if posts.is_some_and(|posts| posts.left == 0) { self.refused(USED_UP.to_owned()) } else { self }
    }

    /// With the limit of a day that somebody wrote down.
    #[must_use]
    pub fn a_day(mut self, limit: Option<u64>) -> Self {
        self.facts.posts_a_day = limit;
        self
    }

    /// With the money that posts cost; it is not ready when there is none left.
    #[must_use]
    pub fn pays(mut self, money: Option<Money>) -> Self {
        let is_gone = money.as_ref().is_some_and(Money::is_gone);
        self.facts.money = money;
        if is_gone { self.refused(NO_MONEY.to_owned()) } else { self }
    }

    /// Not ready, for this reason when there was none yet.
    fn refused(self, why: String) -> Self {
        if self.ready { Self { ready: false, detail: why, ..self } } else { self }
    }

    /// With the end of the credential, as far as that is told.
    #[must_use]
    pub fn until(mut self, expires_at: Option<DateTime<Utc>>) -> Self {
        self.facts.expires_at = expires_at;
        self
    }
}

impl From<Result<String, String>> for Health {
    fn from(seen: Result<String, String>) -> Self {
        seen.map_or_else(Self::unready, Self::ready)
    }
}

impl From<Result<Self, String>> for Health {
    fn from(seen: Result<Self, String>) -> Self {
        seen.unwrap_or_else(Self::unready)
    }
}

#[cfg(test)]
#[path = "health_tests.rs"]
mod seen_tests;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::quota::Counted;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    #[test]
    fn an_account_is_known_by_its_number_and_without_one_by_its_name() {
        let of = |name: &str, id: Option<&str>| Account { name: name.into(), id: id.map(str::to_owned) };
        assert!(of("@bank", Some("7")).is(&of("@new", Some("7"))), "it has another name");
        assert!(!of("@bank", Some("7")).is(&of("@bank", Some("8"))), "somebody has its name");
        assert!(
            of("@bank", None).is(&of("@Bank", Some("7"))) && !of("@bank", None).is(&of("@new", Some("7")))
        );
    }

    #[tokio::test]
    async fn an_account_that_was_seen_is_told_when_the_rest_of_the_check_hangs() {
        let hangs = std::future::pending();
        let seen = Health::seen_within(Duration::from_millis(10), "@bank", Some("7"), hangs).await;
        let late = Health::unready("the network did not answer the check in time");
        assert_eq!(seen, late.of("@bank").by_id("7"));
    }

    #[test]
    fn what_refuses_a_post_is_not_ready() {
        let takes = |left: u64| {
            let quota = Quota::counted_here(250, 250 - left, now());
            Some(Quota { counted: Counted::Network, resets_at: None, ..quota })
        };
        let well = || Health::ready("well");
        assert!(well().lacks(&[]).takes(takes(1)).takes(None).ready);
        let lacks = well().lacks(&["write"]).takes(takes(0));
        assert_eq!((lacks.ready, lacks.detail), (false, lacking("write")));
        let used = well().takes(takes(0));
        assert_eq!((used.ready, &*used.detail), (false, USED_UP));
        let now = now();
        assert_eq!(well().until(Some(now)).facts.refusal(now).as_deref(), Some(EXPIRED));
        assert_eq!(
            well().until(now.checked_add_signed(chrono::TimeDelta::seconds(1))).facts.refusal(now),
            None
        );
        assert_eq!(lacks.facts.refusal(now), Some(lacking("write")));
    }
}
