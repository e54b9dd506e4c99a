//! How ready a channel is, judged by what is known of it now. Pure.

use ::channels::Facts;
use ::channels::health::{EXPIRED, USED_UP, lacking};
use ::channels::money::{Level, Money, NO_MONEY};
use ::channels::quota::{Counted, Of, Quota};
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::access::other_account;
use super::channels::HealthView;
use super::readiness;
use crate::clock::{Millis, date_time};
use crate::store::channels::Channel;

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

/// A check says nothing any more after this.
pub(super) const BELIEVED: Millis = 20 * 60_000;
/// A credential that ends within this is a warning.
const RENEW: TimeDelta = TimeDelta::days(14);
/// One that ends within this is as good as gone.
const RENEW_NOW: TimeDelta = TimeDelta::days(3);
/// The calls are used up, and a post is one of them.
const NO_CALLS_OF_ACCOUNT: &str =
    "the network answers no more calls of this account for now; wait, or post there by hand";
const NO_CALLS_OF_APP: &str =
    "the network answers no more calls of its app for now; wait, or post there by hand";
/// Networks take what is signed as far off as this.
const SKEW: u64 = 5 * 60_000;

/// What of it still counts: what was heard beside a check for as long as a check would, and a limit until its
/// window ends.
pub(super) fn current(mut facts: Facts, now: Millis) -> Facts {
    let runs = |q: &Quota| q.resets_at.is_none_or(|at| at > date_time(now));
    let young = |at: Option<DateTime<Utc>>| at.is_none_or(|at| at >= date_time(now - BELIEVED));
    facts.posts = facts.posts.filter(runs);
    facts.shares.retain(|share| share.counts_at(date_time(now)));
    facts.calls = facts.calls.filter(|q| runs(q) && young(q.heard_at));
    if !young(facts.skew_at) {
        (facts.skew_ms, facts.skew_at) = (None, None);
    }
    facts
}

/// The worst of what is known of a channel, and all of it in words.
pub(super) fn of(c: &Channel, now: Millis) -> (Standing, Vec<Remark>) {
    let mut remarks = Vec::new();
    let mut add = |standing, words: String| {
        let remark = Remark { standing, words };
        if !remarks.contains(&remark) {
            remarks.push(remark);
        }
    };
    if c.disabled_at.is_some() {
        add(Standing::NotReady, "the channel is disabled".into());
    } else {
        let signs_time = ::channels::adapter(&c.adapter).is_some_and(|a| a.ways.signs_time);
        let seen = readiness::health(c).zip(c.checked_at);
        judge(seen, signs_time, now, &mut add);
    }
    if let Some(words) = other_account::words_of(c) {
        add(Standing::NotReady, words);
    }
    if c.paused_until > now {
        add(Standing::NotReady, "the network asked this channel to wait".into());
    }
    let worst = remarks.iter().map(|r| r.standing).max().unwrap_or(Standing::Ready);
    remarks.sort_by_key(|r| std::cmp::Reverse(r.standing));
    (worst, remarks)
}

/// What the last check saw, and when.
fn judge(
    seen: Option<(HealthView, Millis)>,
    signs_time: bool,
    now: Millis,
    add: &mut impl FnMut(Standing, String),
) {
    let Some((health, at)) = seen else { return add(Standing::Unknown, "it was not checked yet".into()) };
    if at < now - BELIEVED.max(2 * readiness::checked_every(&health)) {
        add(Standing::Unknown, "the last check is old, so nobody knows how it is now".into());
    }
    if !health.ready {
        add(Standing::NotReady, health.detail.clone());
    }
    let facts = current(health.facts, now);
    let said = if health.ready { "" } else { health.detail.as_str() };
    credential(&facts, said, now, add);
    limits(&facts, add);
    money(&facts, add);
    clocks(&facts, signs_time, add);
}

fn credential(facts: &Facts, said: &str, now: Millis, add: &mut impl FnMut(Standing, String)) {
    // The check's own sentence says better what to do.
    for missing in facts.missing.iter().flatten().filter(|missing| !said.contains(missing.as_str())) {
        add(Standing::NotReady, lacking(missing));
    }
    if let Some(why) = &facts.not_renewed {
        add(Standing::Attention, format!("its access works and is not renewed: {why}"));
    }
    let Some(end) = facts.expires_at else { return };
    let left = end.signed_duration_since(date_time(now));
    if left <= TimeDelta::zero() {
        add(Standing::NotReady, EXPIRED.into());
    } else if left <= RENEW_NOW {
        let words = "the credential expires within 3 days; connect the channel again before that";
        add(Standing::NotReady, words.into());
    } else if left <= RENEW {
        let words = format!("the credential expires in {} days; renew it before that", left.num_days());
        add(Standing::Attention, words);
    }
}

/// What is left of a limit by our own count, which the network may see otherwise.
fn counted(posts: &Quota, add: &mut impl FnMut(Standing, String)) {
    if posts.left == 0 {
        let words =
            "by the count made here the app has used up its posts of today; look at the network's own page";
        add(Standing::Attention, words.into());
    } else if posts.limit.is_some_and(|limit| posts.left <= limit / 5) {
        let words = format!("by the count made here the app may make only {} more posts today", posts.left);
        add(Standing::Attention, words);
    }
}

fn money(facts: &Facts, add: &mut impl FnMut(Standing, String)) {
    let Some(Money::Told { amount, currency, level }) = &facts.money else { return };
    match level {
        Level::Enough => {}
        Level::Low => {
            let words = format!("only {amount} {currency} are left at the network; top it up there");
            add(Standing::Attention, words);
        }
        Level::Gone => add(Standing::NotReady, NO_MONEY.into()),
    }
}

fn limits(facts: &Facts, add: &mut impl FnMut(Standing, String)) {
    if let Some(posts) = &facts.posts {
        if posts.counted == Counted::Here {
            counted(posts, add);
        } else if posts.left == 0 {
            add(Standing::NotReady, USED_UP.into());
        } else if posts.limit.is_some_and(|limit| posts.left <= limit / 5) {
            let words = format!("the network takes only {} more posts of this account for now", posts.left);
            add(Standing::Attention, words);
        }
    }
    for share in &facts.shares {
        match (share.of, share.left) {
            (Of::Account, 0) => add(Standing::NotReady, NO_CALLS_OF_ACCOUNT.into()),
            (Of::App, 0) => add(Standing::NotReady, NO_CALLS_OF_APP.into()),
            (Of::Account, left @ 1..=20) => add(
                Standing::Attention,
                format!("the network answers only {left} percent more of the calls of this account for now"),
            ),
            (Of::App, left @ 1..=20) => add(
                Standing::Attention,
                format!("the network answers only {left} percent more of the calls of its app for now"),
            ),
            _ => {}
        }
    }
    if facts.calls.as_ref().is_some_and(|calls| calls.left == 0) {
        add(Standing::Attention, "the network answers no more questions of this account for now".into());
    }
}

fn clocks(facts: &Facts, signs_time: bool, add: &mut impl FnMut(Standing, String)) {
    let Some(apart) = facts.skew_ms.map(i64::unsigned_abs).filter(|apart| *apart > SKEW) else { return };
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
    use ::channels::shares::Share;

    use super::*;

    const NOW: Millis = 1_764_248_520_000;

    fn channel() -> Channel {
        Channel { created_at: NOW, ..Channel::for_tests("sandbox", &serde_json::json!({})) }
    }

    fn judged(facts: Facts, ready: bool, age: Millis, signs_time: bool) -> (Standing, Vec<Remark>) {
        let health = HealthView { ready, detail: "told".into(), limits: None, facts };
        let c = Channel {
            adapter: if signs_time { "webhook" } else { "sandbox" }.into(),
            health: Some(serde_json::to_string(&health).unwrap()),
            checked_at: Some(NOW - age),
            ..channel()
        };
        super::of(&c, NOW)
    }

    fn of(facts: Facts) -> Standing {
        judged(facts, true, 0, false).0
    }

    #[test]
    fn what_nobody_knows_is_never_ready() {
        assert_eq!(super::of(&channel(), NOW).0, Standing::Unknown);
        let disabled = Channel { disabled_at: Some(NOW), ..channel() };
        assert_eq!(super::of(&disabled, NOW).0, Standing::NotReady);
        assert_eq!(judged(Facts::default(), true, BELIEVED, false).0, Standing::Ready);
        assert_eq!(judged(Facts::default(), true, BELIEVED + 1, false).0, Standing::Unknown);
        assert_eq!(judged(Facts::default(), false, 0, false).0, Standing::NotReady);
        let seldom = || Facts { checked_every: Some(240), ..Facts::default() };
        assert_eq!(judged(seldom(), true, 480 * 60_000, false).0, Standing::Ready);
        assert_eq!(judged(seldom(), true, 480 * 60_000 + 1, false).0, Standing::Unknown);
    }

    #[test]
    fn what_is_missing_is_said_once() {
        let said = |missing: &str, detail: &str| {
            let facts = Facts { missing: Some(vec![missing.into()]), ..Facts::default() };
            let health = HealthView { ready: false, detail: detail.into(), limits: None, facts };
            let health = Some(serde_json::to_string(&health).unwrap());
            super::of(&Channel { health, checked_at: Some(NOW), ..channel() }, NOW).1
        };
        let own = "the bot lacks the permission Send Messages in the channel; give it";
        assert_eq!(said("Send Messages", own).len(), 1);
        assert_eq!(said("Send Messages", "no answer in time").len(), 2, "an earlier check saw it");
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
            of(Facts { posts: Some(quota(left, resets_at, None)), ..Facts::default() })
        };
        assert_eq!(posts(0, 1_000), Standing::NotReady);
        assert_eq!((posts(50, 1_000), posts(51, 1_000)), (Standing::Attention, Standing::Ready));
        assert_eq!(posts(0, -1_000), Standing::Ready, "the window has ended");
        let skew = |ms, signs| judged(Facts { skew_ms: Some(ms), ..Facts::default() }, true, 0, signs).0;
        assert_eq!((skew(300_000, true), skew(-300_001, true)), (Standing::Ready, Standing::NotReady));
        assert_eq!(skew(i64::MIN, false), Standing::Attention);
    }

    fn quota(left: u64, resets_at: Option<DateTime<Utc>>, heard_at: Option<DateTime<Utc>>) -> Quota {
        let limit = Some(250);
        Quota { of: Of::Account, limit, left, resets_at, heard_at, counted: Counted::Network }
    }

    #[test]
    fn what_is_counted_here_is_a_warning_and_no_more() {
        let seen = |posts| {
            let posts = Some(Quota::counted_here(100, posts, date_time(NOW)));
            super::tests::of(Facts { posts, ..Facts::default() })
        };
        let attention = Standing::Attention;
        assert_eq!([79, 80, 100, 900].map(seen), [Standing::Ready, attention, attention, attention]);
    }

    #[test]
    fn money_that_ends_is_seen() {
        let seen = |level| {
            let (amount, currency) = ("3.10".into(), "USD".into());
            let money = Some(Money::Told { amount, currency, level });
            judged(Facts { money, ..Facts::default() }, true, 0, false)
        };
        assert_eq!(seen(Level::Enough).0, Standing::Ready);
        assert_eq!(seen(Level::Gone).0, Standing::NotReady);
        let (standing, remarks) = seen(Level::Low);
        assert_eq!((standing, remarks.len()), (Standing::Attention, 1));
        assert!(remarks[0].words.contains("3.10 USD"), "{remarks:?}");
    }

    #[test]
    fn a_share_of_calls_is_seen_before_it_is_used_up() {
        let left = |of, left, age: Millis| {
            let share = Share { of, left, back_at: None, heard_at: date_time(NOW - age) };
            super::tests::of(Facts { shares: vec![share], ..Facts::default() })
        };
        for of in [Of::Account, Of::App] {
            let seen = [21, 20, 1, 0].map(|n| left(of, n, 0));
            let (ready, attention) = (Standing::Ready, Standing::Attention);
            assert_eq!(seen, [ready, attention, attention, Standing::NotReady]);
            assert_eq!(left(of, 0, 3_600_001), Standing::Ready, "the window has passed");
        }
    }

    #[test]
    fn what_was_heard_beside_a_check_counts_as_long_as_a_check_would() {
        let heard = |age: Millis| {
            let at = Some(date_time(NOW - age));
            let (limit, resets_at) = (Some(250), Some(date_time(NOW + 1_000)));
            let quota = Some(Quota { limit, ..quota(0, resets_at, at) });
            let facts = Facts { skew_ms: Some(900_000), skew_at: at, calls: quota, ..Facts::default() };
            (of(facts), of(Facts { posts: quota, ..Facts::default() }))
        };
        assert_eq!(heard(BELIEVED), (Standing::Attention, Standing::NotReady));
        assert_eq!(heard(BELIEVED + 1), (Standing::Ready, Standing::NotReady), "its window has not ended");
    }
}
