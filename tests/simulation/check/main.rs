//! Plays many seeds, finds planted faults, and shows that a seed plays the same again.
//!
//! `HOLDLINE_SIMULATION_SEEDS` says how many (10,000), `HOLDLINE_SIMULATION_FROM` the first one (0).

mod figures;
mod page;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use holdline_simulation::planted::Fault;
use holdline_simulation::seed::{Verdict, play};
use holdline_simulation::sentences::ALL;
use holdline_simulation::situations::FLOORS;
use holdline_simulation::stage::{Stage, on_stage};
use serde_json::{Value, json};

/// In how many seeds a planted fault must be found: what the rarest ones need is there in one of some three hundred.
const FINDS_WITHIN: u64 = 3_000;

fn number(variable: &str, without: u64) -> u64 {
    let Ok(text) = std::env::var(variable) else { return without };
    text.parse().unwrap_or_else(|_| panic!("{variable}={text}: give a number"))
}

fn words(v: &Verdict) -> String {
    let again = "cargo run -p holdline-simulation -- --seed";
    format!("seed {}: {:#?}\nplay it again with `{again} {}`", v.seed, v.broken, v.seed)
}

/// What many seeds showed together.
#[derive(Default)]
struct Sum {
    met: BTreeMap<&'static str, u64>,
    played: u64,
    steps: u64,
    lasted: i64,
    broken: Vec<Verdict>,
}

impl Sum {
    fn add(&mut self, v: Verdict) {
        for (what, times) in &v.met {
            *self.met.entry(what).or_default() += times;
        }
        self.played += 1;
        self.steps += v.steps;
        self.lasted += v.lasted;
        if !v.broken.is_empty() {
            self.broken.push(v);
        }
    }
}

#[test]
fn every_seed_keeps_every_invariant_and_every_situation_is_met() {
    figures::forget("simulation");
    let (from, count) = (number("HOLDLINE_SIMULATION_FROM", 0), number("HOLDLINE_SIMULATION_SEEDS", 10_000));
    let (next, sum, began) = (AtomicU64::new(from), Mutex::new(Sum::default()), Instant::now());
    let seeds = || {
        on_stage(async |stage| {
            loop {
                let seed = next.fetch_add(1, Ordering::SeqCst);
                if seed >= from + count || sum.lock().unwrap().broken.len() >= 5 {
                    return;
                }
                let verdict = play(stage, seed, None, false).await;
                sum.lock().unwrap().add(verdict);
            }
        });
    };
    std::thread::scope(|threads| {
        for thread in [threads.spawn(seeds), threads.spawn(seeds)] {
            thread.join().unwrap();
        }
    });
    let sum = sum.into_inner().unwrap();
    let took = began.elapsed().as_secs_f64();
    let seeds = json!({"from": from, "asked": count, "count": sum.played, "steps": sum.steps,
        "simulated_seconds": sum.lasted / 1_000, "took_seconds": took.round(), "broken": sum.broken.len()});
    figures::write("simulation", &json!({"seeds": seeds, "met": sum.met, "floors": FLOORS, "checks": ALL}));
    let broken: Vec<_> = sum.broken.iter().map(words).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    eprintln!("{} seeds, {} steps, {took:.0} s", sum.played, sum.steps);
    // A run that did not come into them proves nothing; a short one cannot come into those that are seldom.
    let least = |floor: u64| (floor * sum.played / 10_000).max(u64::from(sum.played >= 1_000));
    let seldom =
        FLOORS.iter().map(|(what, floor)| (*what, sum.met.get(what).copied().unwrap_or(0), least(*floor)));
    let seldom: Vec<_> = seldom.filter(|(_, times, floor)| times < floor).collect();
    assert!(seldom.is_empty(), "met too seldom (situation, times, least): {seldom:#?}");
}

/// The seed that breaks each sentence that the fault must break, and what it said; and those that no seed breaks.
async fn look_for(stage: &Stage, fault: Fault) -> (BTreeMap<&'static str, Value>, Vec<&'static str>) {
    let (mut found, mut missing) = (BTreeMap::new(), fault.breaks().to_vec());
    for seed in 0..FINDS_WITHIN {
        let broken = play(stage, seed, Some(fault), false).await.broken;
        missing.retain(|check| {
            let said = broken.iter().find(|sentence| sentence.starts_with(check));
            if let Some(said) = said {
                found.insert(*check, json!({"seed": seed, "says": said}));
            }
            said.is_none()
        });
        if missing.is_empty() {
            break;
        }
    }
    (found, missing)
}

#[test]
fn every_planted_fault_is_found() {
    figures::forget("planted");
    let (left, found, missed) =
        (Mutex::new(Fault::all()), Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    let look = || {
        on_stage(async |stage| {
            while let Some(fault) = { left.lock().unwrap().next() } {
                let began = Instant::now();
                let (by, missing) = look_for(stage, fault).await;
                eprintln!("{} in {:?}: {by:?}", fault.name(), began.elapsed());
                if !missing.is_empty() {
                    missed.lock().unwrap().push((fault.name(), missing));
                }
                found.lock().unwrap().insert(fault.name(), by);
            }
        });
    };
    std::thread::scope(|threads| {
        for thread in [threads.spawn(look), threads.spawn(look)] {
            thread.join().unwrap();
        }
    });
    let (found, missed) = (found.into_inner().unwrap(), missed.into_inner().unwrap());
    let names: Vec<_> = missed.iter().map(|(name, _)| name).collect();
    figures::write("planted", &json!({"within": FINDS_WITHIN, "found": found, "missed": names}));
    eprintln!("planted faults: found {} of {}", found.len() - missed.len(), found.len());
    assert!(found.len() >= 30, "only {} faults are planted", found.len());
    assert!(missed.is_empty(), "not found in {FINDS_WITHIN} seeds: {missed:#?}");
}

#[test]
fn a_seed_plays_the_same_again() {
    let play_all = |seeds: Vec<u64>| {
        on_stage(async |stage| {
            let mut seen = BTreeMap::new();
            for seed in seeds {
                let v = play(stage, seed, None, false).await;
                seen.insert(seed, (v.trace, v.steps, v.lasted));
            }
            seen
        })
    };
    let there = play_all((0..30).collect());
    let back = play_all((0..30).rev().collect());
    assert_eq!(there, back, "a failing seed could not be played again");
    let traces: std::collections::BTreeSet<_> = there.values().map(|(trace, ..)| *trace).collect();
    assert!(traces.len() > 25, "different seeds are different");
}
