//! How many routine posts a network still gets, so that crisis posts find room. Pure.
//!
//! A crisis post asks nobody here. What a network told in its answer to a post counts until its window ends; the
//! next window is taken to begin with the whole limit, until an answer tells more. What a look told (a check that asks for it) can be wrong for long, so it holds routine posts once, for a
//! quarter of an hour at most; then one goes, and its answer decides.

use crate::clock::Millis;

/// How a network told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// In its answer to a post.
    Post,
    /// When it was asked.
    Look,
}

/// What a network told of posts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Most posts in a window, if it says that.
    pub limit: Option<u64>,
    pub left: u64,
    /// When the window ends, if it says that.
    pub resets_at: Option<Millis>,
    pub by: By,
}

/// The share of a limit that is kept for crisis posts, in percent; 0: nothing is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reserve(pub u8);

/// The longest that a look holds routine posts.
pub const LOOK_HOLDS: Millis = 15 * 60_000;
/// A look is believed for so long.
const LOOK_COUNTS: Millis = 20 * 60_000;
/// The longest window that is believed.
const DAY: Millis = 24 * 60 * 60_000;
/// The fewest posts that are kept.
const LEAST: u64 = 2;

impl Reserve {
    /// How many posts of that limit are kept. One post in a window is for whoever comes first.
    fn of(self, limit: Option<u64>) -> u64 {
        if self.0 == 0 {
            return 0;
        }
        let Some(limit) = limit else { return LEAST };
        let share = u128::from(limit) * u128::from(self.0.min(100));
        let share = u64::try_from(share.div_ceil(100)).unwrap_or(limit);
        share.max(LEAST).min(limit.saturating_sub(1))
    }
}

/// How many more routine posts may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// Nothing is known that would keep them.
    Open,
    /// So many; more when what is under way has ended.
    Some(u64),
    /// None before then.
    Wait(Millis),
}

impl Room {
    /// The narrower of two.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Wait(one), Self::Wait(two)) => Self::Wait(one.max(two)),
            (Self::Wait(until), _) | (_, Self::Wait(until)) => Self::Wait(until),
            (Self::Some(one), Self::Some(two)) => Self::Some(one.min(two)),
            (Self::Some(few), Self::Open) | (Self::Open, Self::Some(few)) => Self::Some(few),
            (Self::Open, Self::Open) => Self::Open,
        }
    }

    /// Of so many that are wanted.
    pub fn most(self, wanted: usize) -> usize {
        match self {
            Self::Open => wanted,
            Self::Some(few) => wanted.min(usize::try_from(few).unwrap_or(usize::MAX)),
            Self::Wait(_) => 0,
        }
    }
}

/// What is known of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    told: Told,
    heard_at: Millis,
    /// It counts until then.
    ends: Millis,
    /// Looks hold routine posts until then. The first end stands until a post is answered.
    look_holds: Option<Millis>,
}

impl Budget {
    /// What is known after something was told at `at`.
    #[must_use]
    pub fn hear(before: Option<Self>, told: Told, reserve: Reserve, at: Millis) -> Self {
        let within = |longest: Millis| {
            let longest = at.saturating_add(longest);
            told.resets_at.map_or(longest, |resets| resets.clamp(at, longest))
        };
        if told.by == By::Post {
            let ends = told.resets_at.map_or(at.saturating_add(LOOK_HOLDS), |_| within(DAY));
            return Self { told, heard_at: at, ends, look_holds: None };
        }
        match before {
            // What a post was answered is the network's word about posts.
            Some(before) if before.is_answer_at(at) => before,
            before => {
                let is_low = told.left <= reserve.of(told.limit);
                let first = before.and_then(|b| b.look_holds);
                let look_holds = first.or(is_low.then(|| at.saturating_add(LOOK_HOLDS)));
                Self { told, heard_at: at, ends: within(LOOK_COUNTS), look_holds }
            }
        }
    }

    /// What is known after an answer to a post that told nothing; nothing: it was proved wrong, or its window has
    /// ended and the network tells no more of it.
    #[must_use]
    pub fn posted(self, accepted: bool, reserve: Reserve, now: Millis) -> Option<Self> {
        if !accepted {
            return Some(self);
        }
        if self.told.by == By::Post && self.ends <= now {
            return None;
        }
        let left = self.told.left.checked_sub(1)?;
        let told = Told { left, ..self.told };
        Some(match told.by {
            By::Post => Self { told, ..self },
            By::Look => Self::hear(None, told, reserve, now),
        })
    }

    /// Whether it is what a post was answered, and its window has not ended.
    pub fn is_answer_at(&self, now: Millis) -> bool {
        self.told.by == By::Post && self.ends > now
    }

    /// Whether it said that nothing is left before a post began that was taken all the same.
    pub fn is_proved_wrong(&self, began: Millis, now: Millis) -> bool {
        self.is_answer_at(now) && self.told.left == 0 && self.heard_at < began
    }

    /// What is left by a new answer, to a post that began then: one that began before this was heard can have
    /// been answered earlier.
    pub fn least(&self, left: u64, began: Millis, now: Millis) -> u64 {
        if self.is_answer_at(now) && self.heard_at >= began { left.min(self.told.left) } else { left }
    }

    /// Whether it tells of that limit.
    pub fn is_of(&self, limit: Option<u64>) -> bool {
        self.told.limit == limit
    }

    /// Whether anything of it counts: until the window ends, and then as long as looks may come.
    pub fn counts_at(&self, now: Millis) -> bool {
        self.ends.saturating_add(DAY) > now
    }

    /// How many routine posts may begin beside what is under way.
    pub fn room(&self, reserve: Reserve, under_way: u64, now: Millis) -> Room {
        if reserve.0 == 0 {
            return Room::Open;
        }
        if let Some(until) = self.spent(reserve, now) {
            return Room::Wait(until);
        }
        if self.ends <= now {
            // All of what waited would go at once, and most of it be refused.
            return match self.told.limit.filter(|_| self.told.by == By::Post) {
                Some(limit) => {
                    let free = limit.saturating_sub(reserve.of(Some(limit))).max(1);
                    Room::Some(free.saturating_sub(under_way))
                }
                None => Room::Open,
            };
        }
        let free = self.told.left.saturating_sub(reserve.of(self.told.limit));
        // After a hold by a look one goes, and its answer decides.
        Room::Some(free.max(u64::from(self.is_low(reserve))).saturating_sub(under_way))
    }

    /// Until when what is left is for crisis posts.
    pub fn spent(&self, reserve: Reserve, now: Millis) -> Option<Millis> {
        if reserve.0 == 0 || self.ends <= now || !self.is_low(reserve) {
            return None;
        }
        match self.told.by {
            By::Post => Some(self.ends),
            By::Look => self.look_holds.filter(|until| *until > now),
        }
    }

    fn is_low(&self, reserve: Reserve) -> bool {
        self.told.left <= reserve.of(self.told.limit)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const R: Reserve = Reserve(20);
    const T: Millis = 1_764_248_520_000;

    fn post(limit: u64, left: u64, after: Millis) -> Budget {
        let told = Told { limit: Some(limit), left, resets_at: Some(T + after), by: By::Post };
        Budget::hear(None, told, R, T)
    }

    fn look(left: u64) -> Told {
        Told { limit: Some(250), left, resets_at: None, by: By::Look }
    }

    #[test]
    fn a_share_is_kept_and_at_least_two_posts() {
        let kept = [0, 1, 2, 3, 5, 10, 11, 300, u64::MAX].map(|limit| R.of(Some(limit)));
        assert_eq!(kept, [0, 0, 1, 2, 2, 2, 3, 60, u64::MAX.div_ceil(5)]);
        assert_eq!((R.of(None), Reserve(0).of(Some(300)), Reserve(255).of(Some(9))), (2, 0, 8));
    }

    #[test]
    fn routine_posts_get_what_is_left_beyond_the_reserve_and_what_is_under_way() {
        let budget = post(300, 65, 600_000);
        assert_eq!(budget.room(R, 0, T), Room::Some(5));
        assert_eq!(budget.room(R, 3, T), Room::Some(2));
        assert_eq!(budget.room(R, 9, T), Room::Some(0), "they are under way, and may fail");
        assert_eq!(post(300, 60, 600_000).room(R, 0, T), Room::Wait(T + 600_000));
        let ended = post(300, 60, 600_000);
        assert_eq!(ended.room(R, 0, T + 600_000), Room::Some(240), "the next window, less the reserve");
        assert_eq!(ended.room(R, 9, T + 600_000), Room::Some(231));
        assert_eq!(ended.posted(false, R, T + 600_000), Some(ended));
        assert_eq!(ended.posted(true, R, T + 600_000), None, "the network tells of no limit any more");
        let after = budget.posted(true, R, T).unwrap();
        assert_eq!(after.room(R, 0, T), Room::Some(4), "an answer without headers is counted");
        assert_eq!(budget.posted(false, R, T), Some(budget));
    }

    #[test]
    fn a_look_holds_once_and_no_later_look_makes_it_longer() {
        let mut budget = Budget::hear(None, look(0), R, T);
        assert_eq!(budget.room(R, 0, T), Room::Wait(T + LOOK_HOLDS));
        for minutes in 1..200 {
            let now = T + minutes * 60_000;
            // Sometimes it says that there is room, to begin another hold.
            budget = Budget::hear(Some(budget), look(if minutes % 3 == 0 { 250 } else { 0 }), R, now);
            assert!(!matches!(budget.room(R, 0, now.max(T + LOOK_HOLDS)), Room::Wait(_)), "{minutes}");
        }
        let now = T + 200 * 60_000;
        let budget = Budget::hear(Some(budget), look(0), R, now);
        assert_eq!((budget.room(R, 0, now), budget.room(R, 1, now)), (Room::Some(1), Room::Some(0)));
        assert_eq!(budget.posted(true, R, now), None, "a post was taken, so the look was wrong");
        let kept = Budget::hear(None, look(40), R, T).posted(true, R, now).unwrap();
        assert_eq!(kept.room(R, 0, now), Room::Wait(now + LOOK_HOLDS), "the answer to a post holds anew");
    }

    #[test]
    fn without_a_reserve_only_a_refusal_holds() {
        for budget in
            [post(300, 0, 600_000), post(300, 1, 600_000), Budget::hear(None, look(0), Reserve(0), T)]
        {
            assert_eq!(budget.room(Reserve(0), 9, T), Room::Open);
            assert_eq!(budget.spent(Reserve(0), T), None);
        }
    }

    #[test]
    fn an_answer_to_a_post_goes_before_a_look() {
        let told = post(300, 200, 600_000);
        assert_eq!(Budget::hear(Some(told), look(0), R, T + 1), told);
        let later = T + 600_001;
        assert!(matches!(Budget::hear(Some(told), look(0), R, later).room(R, 0, later), Room::Wait(_)));
    }

    proptest! {
        #[test]
        fn nothing_told_holds_for_more_than_a_day(
            limit: Option<u64>, left: u64, resets: Option<i64>, by: bool, at: i64, percent: u8, busy: u64,
        ) {
            let by = if by { By::Post } else { By::Look };
            let told = Told { limit, left, resets_at: resets, by };
            let budget = Budget::hear(None, told, Reserve(percent), at);
            if let Room::Wait(until) = budget.room(Reserve(percent), busy, at) {
                let longest = if by == By::Post { DAY } else { LOOK_HOLDS };
                prop_assert!(until > at && until <= at.saturating_add(longest));
            }
            let has_ended = budget.told.by == By::Post && budget.ends <= at;
            prop_assert!(budget.posted(true, Reserve(percent), at).is_some() == (left > 0 && !has_ended));
        }
    }
}
