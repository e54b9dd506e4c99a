//! How ready a channel is, judged by what is known of it now. Pure.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use super::channels::HealthView;
use crate::clock::{Millis, date_time};

/// How ready a channel is; what is worse is greater.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Ready,
    /// It is ready, and somebody should act before it is not.
    Attention,
    /// Nobody knows: it was never checked, or too long ago.
    Unknown,
    /// A post would fail, or will soon.
    NotReady,
}

/// What is to know of a channel, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Remark {
    pub standing: Standing,
    pub words: String,
}

/// What is known of a channel.
pub(super) struct Known<'a> {
    pub health: Option<&'a HealthView>,
    pub checked_at: Option<Millis>,
    pub paused_until: Millis,
    /// Its network refuses what is signed at another time.
    pub signs_time: bool,
}

/// A check says nothing any more after this.
pub(super) const BELIEVED: Millis = 20 * 60_000;
/// A credential that ends within this is a warning.
const RENEW: TimeDelta = TimeDelta::days(14);
/// One that ends within this is as good as gone.
const RENEW_NOW: TimeDelta = TimeDelta::days(3);
/// Networks take what is signed as far off as this.
const SKEW: u64 = 5 * 60_000;

/// The worst of what is known, and all of it in words.
pub(super) fn judge(known: &Known<'_>, now: Millis) -> (Standing, Vec<Remark>) {
    let mut remarks = Vec::new();
    let mut add = |standing, words: String| remarks.push(Remark { standing, words });
    match (known.health, known.checked_at) {
        (Some(health), Some(at)) => {
            if at < now - BELIEVED {
                add(Standing::Unknown, "the last check is old, so nobody knows how it is now".into());
            }
            if !health.ready {
                add(Standing::NotReady, health.detail.clone());
            }
            credential(health, now, &mut add);
            limits(health, now, &mut add);
            clocks(health, known.signs_time, &mut add);
        }
        _ => add(Standing::Unknown, "it was not checked yet".into()),
    }
    if known.paused_until > now {
        add(Standing::NotReady, "the network asked this channel to wait".into());
    }
    let worst = remarks.iter().map(|r| r.standing).max().unwrap_or(Standing::Ready);
    remarks.sort_by_key(|r| std::cmp::Reverse(r.standing));
    (worst, remarks)
}

fn credential(health: &HealthView, now: Millis, add: &mut impl FnMut(Standing, String)) {
    for missing in health.facts.missing.iter().flatten() {
        let words = format!(
            "the credential lacks the permission {missing}; grant it, then connect the channel again"
        );
        add(Standing::NotReady, words);
    }
    let Some(end) = health.facts.expires_at else { return };
    let left = end.signed_duration_since(date_time(now));
    if left <= TimeDelta::zero() {
        add(Standing::NotReady, "the credential has expired; connect the channel again".into());
    } else if left <= RENEW_NOW {
        let words = "the credential expires within 3 days; connect the channel again before that";
        add(Standing::NotReady, words.into());
    } else if left <= RENEW {
        let words = format!("the credential expires in {} days; renew it before that", left.num_days());
        add(Standing::Attention, words);
    }
}

fn limits(health: &HealthView, now: Millis, add: &mut impl FnMut(Standing, String)) {
    let counts = |quota: &&::channels::quota::Quota| quota.resets_at.is_none_or(|at| at > date_time(now));
    if let Some(posts) = health.facts.posts.as_ref().filter(counts) {
        if posts.left == 0 {
            let words =
                "the network takes no more posts of this account for now; wait, or post there by hand";
            add(Standing::NotReady, words.into());
        } else if posts.limit.is_some_and(|limit| posts.left <= limit / 5) {
            let words = format!("the network takes only {} more posts of this account for now", posts.left);
            add(Standing::Attention, words);
        }
    }
    if health.facts.calls.as_ref().filter(counts).is_some_and(|calls| calls.left == 0) {
        add(Standing::Attention, "the network answers no more questions of this account for now".into());
    }
}

fn clocks(health: &HealthView, signs_time: bool, add: &mut impl FnMut(Standing, String)) {
    let Some(apart) = health.facts.skew_ms.map(i64::unsigned_abs).filter(|apart| *apart > SKEW) else {
        return;
    };
    let minutes = apart / 60_000;
    if signs_time {
        let words = format!(
            "the clocks of this machine and of the network are {minutes} minutes apart, so it refuses what is \
             signed here; set this machine's clock"
        );
        add(Standing::NotReady, words);
    } else {
        let words = format!(
            "the clocks of this machine and of the network are {minutes} minutes apart; set this machine's clock"
        );
        add(Standing::Attention, words);
    }
}

#[cfg(test)]
mod tests {
    use ::channels::Facts;
    use ::channels::quota::{Of, Quota};

    use super::*;

    const NOW: Millis = 1_764_248_520_000;

    fn judged(facts: Facts, ready: bool, age: Millis, signs_time: bool) -> (Standing, Vec<Remark>) {
        let health = HealthView { ready, detail: "told".into(), limits: None, facts };
        let known = Known { health: Some(&health), checked_at: Some(NOW - age), paused_until: 0, signs_time };
        judge(&known, NOW)
    }

    fn of(facts: Facts) -> Standing {
        judged(facts, true, 0, false).0
    }

    #[test]
    fn what_nobody_knows_is_never_ready() {
        let never = Known { health: None, checked_at: None, paused_until: 0, signs_time: false };
        assert_eq!(judge(&never, NOW).0, Standing::Unknown);
        assert_eq!(judged(Facts::default(), true, BELIEVED, false).0, Standing::Ready);
        assert_eq!(judged(Facts::default(), true, BELIEVED + 1, false).0, Standing::Unknown);
        assert_eq!(judged(Facts::default(), false, 0, false).0, Standing::NotReady);
    }

    #[test]
    fn a_credential_that_ends_is_seen_before_it_does() {
        let ends =
            |after: TimeDelta| of(Facts { expires_at: Some(date_time(NOW) + after), ..Facts::default() });
        assert_eq!(ends(TimeDelta::days(15)), Standing::Ready);
        assert_eq!(ends(TimeDelta::days(13)), Standing::Attention);
        for after in [TimeDelta::days(3), TimeDelta::seconds(1), TimeDelta::zero(), TimeDelta::days(-400)] {
            assert_eq!(ends(after), Standing::NotReady, "{after}");
        }
        for edge in [chrono::DateTime::<chrono::Utc>::MAX_UTC, chrono::DateTime::<chrono::Utc>::MIN_UTC] {
            of(Facts { expires_at: Some(edge), ..Facts::default() });
        }
        let lacks = Facts { missing: Some(vec!["write".into()]), ..Facts::default() };
        assert_eq!(of(lacks), Standing::NotReady);
    }

    #[test]
    fn limits_that_are_met_and_clocks_that_differ_are_seen() {
        let posts = |left, resets: Millis| {
            let resets_at = Some(date_time(NOW + resets));
            of(Facts {
                posts: Some(Quota { of: Of::Account, limit: Some(250), left, resets_at }),
                ..Facts::default()
            })
        };
        assert_eq!(posts(0, 1_000), Standing::NotReady);
        assert_eq!((posts(50, 1_000), posts(51, 1_000)), (Standing::Attention, Standing::Ready));
        assert_eq!(posts(0, -1_000), Standing::Ready, "the window has ended");
        let skew = |ms, signs| judged(Facts { skew_ms: Some(ms), ..Facts::default() }, true, 0, signs).0;
        assert_eq!((skew(300_000, true), skew(-300_001, true)), (Standing::Ready, Standing::NotReady));
        assert_eq!(skew(i64::MIN, false), Standing::Attention);
    }
}
