//! Plays many seeds, finds planted faults, and shows that a seed plays the same again.
//!
//! `HOLDLINE_SIMULATION_SEEDS` says how many (10,000), `HOLDLINE_SIMULATION_FROM` the first one (0). No more begin once
//! there is the file that `HOLDLINE_SIMULATION_ENOUGH` names; then at least a tenth must have been played.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use holdline_simulation::planted::Fault;
use holdline_simulation::seed::{Verdict, play};
use holdline_simulation::situations::FLOORS;
use holdline_simulation::stage::on_stage;
use serde_json::{Map, Value, json};

/// In how many seeds a planted fault must be found.
const FINDS_WITHIN: u64 = 400;

static FIGURES: Mutex<Option<Map<String, Value>>> = Mutex::new(None);

fn number(variable: &str, without: u64) -> u64 {
    let Ok(text) = std::env::var(variable) else { return without };
    text.parse().unwrap_or_else(|_| panic!("{variable}={text}: give a number"))
}

/// In `evidence/simulation.json` of the target folder, for whoever writes it up.
fn write(part: &str, figures: Value) {
    let mut all = FIGURES.lock().unwrap();
    let all = all.get_or_insert_with(Map::new);
    all.insert(part.to_owned(), figures);
    let program = std::env::current_exe().unwrap();
    let target = program.ancestors().nth(3).map_or_else(|| PathBuf::from("target"), Path::to_owned);
    let folder = target.join("evidence");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("simulation.json"), serde_json::to_vec_pretty(all).unwrap()).unwrap();
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
    let (from, count) = (number("HOLDLINE_SIMULATION_FROM", 0), number("HOLDLINE_SIMULATION_SEEDS", 10_000));
    let enough = std::env::var_os("HOLDLINE_SIMULATION_ENOUGH").map(PathBuf::from);
    let is_enough = || enough.as_ref().is_some_and(|file| file.exists());
    let (next, sum, began) = (AtomicU64::new(from), Mutex::new(Sum::default()), Instant::now());
    let seeds = || {
        on_stage(async |stage| {
            loop {
                let seed = next.fetch_add(1, Ordering::SeqCst);
                if seed >= from + count || sum.lock().unwrap().broken.len() >= 5 || is_enough() {
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
    write(
        "seeds",
        json!({"from": from, "asked": count, "count": sum.played, "steps": sum.steps, "simulated_seconds": sum.lasted / 1_000,
        "took_seconds": took.round(), "broken": sum.broken.len()}),
    );
    write("met", json!(sum.met));
    let broken: Vec<_> = sum.broken.iter().map(words).collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    eprintln!("{} seeds, {} steps, {took:.0} s", sum.played, sum.steps);
    assert!(sum.played * 10 >= count, "only {} of {count} seeds were played", sum.played);
    // A run that did not come into them proves nothing.
    let least = |floor: u64| floor * sum.played / 10_000;
    let seldom =
        FLOORS.iter().map(|(what, floor)| (*what, sum.met.get(what).copied().unwrap_or(0), least(*floor)));
    let seldom: Vec<_> = seldom.filter(|(_, times, floor)| times < floor).collect();
    assert!(seldom.is_empty(), "met too seldom (situation, times, least): {seldom:#?}");
}

#[test]
fn every_planted_fault_is_found() {
    let (left, found) = (Mutex::new(Fault::all()), Mutex::new(BTreeMap::new()));
    let look = || {
        on_stage(async |stage| {
            while let Some(fault) = { left.lock().unwrap().next() } {
                let began = Instant::now();
                let mut first = None;
                for seed in 0..FINDS_WITHIN {
                    let verdict = play(stage, seed, Some(fault), false).await;
                    if let Some(broken) = verdict.broken.into_iter().next() {
                        first = Some(json!({"seeds": seed + 1, "breaks": broken}));
                        break;
                    }
                }
                eprintln!("{} in {:?}: {first:?}", fault.name(), began.elapsed());
                found.lock().unwrap().insert(fault.name(), first);
            }
        });
    };
    std::thread::scope(|threads| {
        for thread in [threads.spawn(look), threads.spawn(look)] {
            thread.join().unwrap();
        }
    });
    let found = found.into_inner().unwrap();
    write("planted", json!(found));
    let missed: Vec<_> = found.iter().filter(|(_, first)| first.is_none()).map(|(name, _)| name).collect();
    assert!(missed.is_empty(), "not found in {FINDS_WITHIN} seeds: {missed:?}");
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
