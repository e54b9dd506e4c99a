//! Which rounds are played: a fault and its moments in each, out of one seed.
//!
//! Each fault comes once; then they are drawn, until so many rounds were asked for or a share of time is over. A round has
//! a seed of its own, so that it can be played again by itself: the seed of all, and its number added.

use std::time::{Duration, Instant};

use super::fault::{FAULTS, Fault, LONG};
use crate::support::dice::Dice;
use crate::support::rounds;

/// For how long rounds begin where no number of them is asked for.
const SHARE: Duration = Duration::from_secs(300);

/// The rounds of one test.
pub struct Share {
    faults: Vec<Fault>,
    /// How many rounds; without it as many as begin within [`SHARE`].
    count: Option<usize>,
    /// Whether some of the faults were picked by hand.
    pub is_picked: bool,
    pub seed: u64,
    begun: Instant,
}

/// One round.
#[derive(Debug, PartialEq, Eq)]
pub struct Turn {
    pub number: usize,
    pub seed: u64,
    pub fault: Fault,
    /// How long a channel takes to read what it is sent.
    pub slow: Duration,
    /// How much must have arrived before anything goes wrong.
    pub arrived: usize,
    /// From the fault to the freeze.
    pub wait: Duration,
    /// From the freeze to the fault, where the only node is struck.
    pub late: Duration,
    /// A large number, of which the number of nodes makes the one that is struck.
    pub struck: usize,
}

impl Share {
    /// What the variables say, on several nodes with PostgreSQL or one without.
    pub fn of_variables(on_postgres: bool) -> Self {
        let count = std::env::var_os("HOLDLINE_FAULT_ROUNDS").map(|_| rounds("HOLDLINE_FAULT_ROUNDS", 1));
        let only = std::env::var("HOLDLINE_FAULT_ONLY").ok();
        let seed = match std::env::var("HOLDLINE_FAULT_SEED") {
            Ok(text) => {
                text.parse().unwrap_or_else(|_| panic!("HOLDLINE_FAULT_SEED={text}: give a number from 0 on"))
            }
            // Short enough to be read out.
            Err(_) => u64::from(rand::random::<u32>()),
        };
        Self::new(on_postgres, count, only.as_deref(), seed)
    }

    fn new(on_postgres: bool, count: Option<usize>, only: Option<&str>, seed: u64) -> Self {
        let mut faults: Vec<_> =
            FAULTS.into_iter().filter(|fault| on_postgres || !fault.needs_postgres()).collect();
        if count.is_some_and(|count| count > faults.len()) || only.is_some() {
            faults.extend(LONG);
        }
        if let Some(only) = only {
            faults.retain(|fault| format!("{fault:?}").starts_with(only));
            assert!(!faults.is_empty(), "HOLDLINE_FAULT_ONLY={only}: no fault here begins so");
        }
        Self { faults, count, is_picked: only.is_some(), seed, begun: Instant::now() }
    }

    /// The round of this number, or none: enough were played.
    pub fn turn(&self, number: usize) -> Option<Turn> {
        let goes_on = match self.count {
            Some(count) => number < count,
            None => number < self.faults.len() || self.begun.elapsed() < SHARE,
        };
        goes_on.then(|| self.drawn(number))
    }

    fn drawn(&self, number: usize) -> Turn {
        let seed = self.seed.wrapping_add(number as u64);
        let mut dice = Dice(seed);
        let mut millis = |least: usize, span| Duration::from_millis((least + dice.roll(span)) as u64);
        let (slow, wait, late) = (millis(60, 400), millis(0, 200), millis(0, 60));
        let (arrived, struck) = (3 + dice.roll(20), dice.roll(1 << 16));
        // Drawn last: of other faults to draw from, the moments are the same.
        let at = if number < self.faults.len() { number } else { dice.roll(self.faults.len()) };
        Turn { number, seed, fault: self.faults[at], slow, arrived, wait, late, struck }
    }

    /// How long the rounds took until now, in seconds.
    pub fn seconds(&self) -> u64 {
        self.begun.elapsed().as_secs()
    }
}

impl Turn {
    /// What plays it again.
    pub fn again(&self) -> String {
        let Self { seed, fault, .. } = self;
        format!("HOLDLINE_FAULT_ONLY='{fault:?}' HOLDLINE_FAULT_SEED={seed} HOLDLINE_FAULT_ROUNDS=1")
    }
}

#[test]
fn a_round_is_played_again_by_its_own_seed() {
    let share = Share::new(true, Some(60), None, 7);
    let turns: Vec<_> = (0..).map_while(|number| share.turn(number)).collect();
    assert_eq!(turns.len(), 60);
    for fault in FAULTS.iter().chain(&LONG) {
        assert!(turns[..=FAULTS.len()].iter().any(|turn| turn.fault == *fault), "{fault:?} did not come");
    }
    let orders: Vec<_> = (7..9).map(|seed| Share::new(true, Some(60), None, seed).drawn(50).struck).collect();
    assert_ne!(orders[0], orders[1], "each seed has its own moments");
    for turn in &turns {
        let only = format!("{:?}", turn.fault);
        let again = Share::new(true, Some(1), Some(&only), turn.seed).turn(0).unwrap();
        assert_eq!(again, Turn { number: 0, ..*turn });
    }
}

#[test]
fn without_a_number_each_fault_comes_once_and_more_until_the_time_is_over() {
    let mut share = Share::new(false, None, None, 7);
    let plays = FAULTS.iter().filter(|fault| !fault.needs_postgres()).count();
    assert!(share.turn(plays + 5).is_some());
    share.begun = share.begun.checked_sub(SHARE).unwrap();
    assert!(share.turn(plays - 1).is_some());
    assert_eq!(share.turn(plays), None);
}
