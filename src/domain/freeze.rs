//! Freezes: standing orders that nothing outside their allow set may start.

use serde::{Deserialize, Serialize};

use super::post::Lane;
use crate::clock::Millis;

/// What a freeze covers. Empty lists mean everything; filled ones narrow it down, and a post is
/// covered when it matches each filled list. An allowed label goes on in any case.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Scope {
    /// Of the post or of the channel: either one matches.
    pub brands: Vec<String>,
    /// Ids of channels.
    pub channels: Vec<String>,
    pub labels: Vec<String>,
    /// Labels of what must go on, such as legal notices.
    pub allow: Vec<String>,
    /// Also holds crisis posts: for a hijacked channel.
    pub crisis_too: bool,
}

/// What a delivery is judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    pub lane: Lane,
    /// The brand of the post.
    pub brand: String,
    pub channel: String,
    /// The brand of the channel: usually the same.
    pub channel_brand: String,
    pub labels: Vec<String>,
    /// When it fell due: the time that people gave it, not that of its next try.
    pub due_at: Millis,
}

/// A freeze as the gate and the claims judge by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub id: String,
    pub scope: Scope,
    pub thawed_at: Option<Millis>,
}

impl Order {
    /// Whether the subject may not start. What fell due before the thaw stays covered, although
    /// the freeze is lifted: a thaw releases nothing by itself.
    pub fn covers(&self, subject: &Subject) -> bool {
        self.thawed_at.is_none_or(|thaw| subject.due_at < thaw) && self.scope.covers(subject)
    }
}

impl Scope {
    /// Whether the scope matches the subject, whatever the time.
    pub fn covers(&self, s: &Subject) -> bool {
        (self.crisis_too || s.lane == Lane::Routine)
            && (self.brands.is_empty()
                || [&s.brand, &s.channel_brand].iter().any(|b| self.brands.contains(b)))
            && (self.channels.is_empty() || self.channels.contains(&s.channel))
            && (self.labels.is_empty() || s.labels.iter().any(|l| self.labels.contains(l)))
            && !s.labels.iter().any(|l| self.allow.contains(l))
    }

    /// Holds all routine posts, without exception.
    pub fn is_everything(&self) -> bool {
        self.is_whole() && self.allow.is_empty()
    }

    /// Whether it covers everything but what it allows by name.
    pub fn is_whole(&self) -> bool {
        self.brands.is_empty() && self.channels.is_empty() && self.labels.is_empty()
    }

    /// Whether whatever the other one holds is held by this one, which covers everything but what it allows.
    pub fn holds_all_of(&self, other: &Self) -> bool {
        self.is_whole()
            && (self.crisis_too || !other.crisis_too)
            && self.allow.iter().all(|label| other.allow.contains(label))
    }
}

/// The first freeze that covers the subject.
pub fn covering<'a>(orders: &'a [Order], subject: &Subject) -> Option<&'a Order> {
    orders.iter().find(|o| o.covers(subject))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routine(labels: &[&str], due_at: Millis) -> Subject {
        Subject {
            lane: Lane::Routine,
            brand: "bank".into(),
            channel: "c1".into(),
            channel_brand: "bank".into(),
            labels: labels.iter().map(|l| (*l).to_owned()).collect(),
            due_at,
        }
    }

    fn order(scope: Scope, thawed_at: Option<Millis>) -> Order {
        Order { id: "f".into(), scope, thawed_at }
    }

    #[test]
    fn everything_covers_routine_and_not_crisis() {
        let all = order(Scope::default(), None);
        assert!(all.covers(&routine(&[], 5)));
        assert!(!all.covers(&Subject { lane: Lane::Crisis, ..routine(&[], 5) }));
        let quarantine = order(Scope { crisis_too: true, ..Scope::default() }, None);
        assert!(quarantine.covers(&Subject { lane: Lane::Crisis, ..routine(&[], 5) }));
    }

    #[test]
    fn the_allow_set_wins_over_the_scope() {
        let scope = Scope { labels: vec!["promo".into()], allow: vec!["legal".into()], ..Scope::default() };
        let o = order(scope, None);
        assert!(o.covers(&routine(&["promo"], 5)));
        assert!(!o.covers(&routine(&["promo", "legal"], 5)));
        assert!(!o.covers(&routine(&["news"], 5)));
    }

    #[test]
    fn one_scope_holds_all_of_another_when_it_allows_no_more() {
        let all = |allow: &[&str], crisis_too| Scope {
            allow: allow.iter().map(|l| (*l).to_owned()).collect(),
            crisis_too,
            ..Scope::default()
        };
        let part = Scope { labels: vec!["promo".into()], ..all(&["legal"], false) };
        assert!(all(&[], false).holds_all_of(&all(&["legal"], false)), "it holds more");
        assert!(all(&["legal"], false).holds_all_of(&all(&["legal", "refunds"], false)));
        assert!(all(&["legal"], false).holds_all_of(&part));
        assert!(!all(&["legal"], false).holds_all_of(&all(&[], false)), "legal posts would go on");
        assert!(!all(&[], false).holds_all_of(&all(&[], true)), "crisis posts would go on");
        assert!(all(&[], true).holds_all_of(&all(&[], true)));
        assert!(!part.holds_all_of(&part), "nobody can tell from lists");
    }

    #[test]
    fn a_brand_covers_its_posts_and_its_channels() {
        let of = |brand: &str| order(Scope { brands: vec![brand.into()], ..Scope::default() }, None);
        let guest = Subject { channel_brand: "shop".into(), ..routine(&[], 5) };
        assert!(of("bank").covers(&guest) && of("shop").covers(&guest));
        assert!(!of("third").covers(&guest));
    }

    #[test]
    fn what_fell_due_before_the_thaw_stays_covered() {
        let o = order(Scope::default(), Some(100));
        assert!(o.covers(&routine(&[], 99)));
        assert!(!o.covers(&routine(&[], 100)));
    }
}
