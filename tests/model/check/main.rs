//! The checker walks every state of the model: whole, without each of its rules, and in worse worlds.
//!
//! `HOLDLINE_MODEL_LONG=1` walks larger scenarios besides.

mod figures;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use holdline_model::actions::Action;
use holdline_model::bounds::{Due, Scenario};
use holdline_model::model::Holdline;
use holdline_model::properties::{INVARIANTS, SITUATIONS};
use holdline_model::rules::{Assumption, Rule};
use holdline_model::scenarios::{self as at, LONG, NARROW, SCENARIOS};
use holdline_model::state::{NODES, UPDATE};
use serde_json::{Value, json};
use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model};

/// What a run of the checker has seen.
struct Walk {
    states: usize,
    steps: usize,
    depth: usize,
    took: Duration,
    whole: bool,
    /// The way to each broken invariant and each situation, by its name.
    found: BTreeMap<&'static str, Vec<Action>>,
}

impl Walk {
    /// The broken invariant with the shortest way to it.
    fn broken(&self) -> Option<(&'static str, &[Action])> {
        let broken = INVARIANTS.iter().filter_map(|(name, _)| self.found.get_key_value(name));
        broken.min_by_key(|(_, way)| way.len()).map(|(name, way)| (*name, way.as_slice()))
    }

    fn figures(&self) -> Value {
        json!({"states": self.states, "steps": self.steps, "depth": self.depth,
            "seconds": (self.took.as_secs_f64() * 100.0).round() / 100.0})
    }
}

fn builder(model: Holdline) -> CheckerBuilder<Holdline> {
    model.checker().threads(2).finish_when(HasDiscoveries::AnyFailures)
}

fn walked(checker: impl Checker<Holdline>, begun: Instant) -> Walk {
    let checker = checker.join();
    Walk {
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        took: begun.elapsed(),
        whole: checker.is_done(),
        found: checker.discoveries().into_iter().map(|(name, way)| (name, way.into_actions())).collect(),
    }
}

/// Walks everything, which needs little memory.
fn all(model: Holdline) -> Walk {
    let begun = Instant::now();
    walked(builder(model).spawn_dfs(), begun)
}

/// Walks the nearest states first, for the shortest way to what is broken.
fn nearest(model: Holdline) -> Walk {
    let begun = Instant::now();
    walked(builder(model).spawn_bfs(), begun)
}

/// A way in words: `Judge node 0 post 2`.
fn words(way: &[Action]) -> Vec<String> {
    let word = |a: &Action| format!("{a:?}").replace([':', ',', '{', '}'], "");
    way.iter().map(|a| word(a).split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

fn lines(way: &[Action]) -> String {
    words(way).join("\n  ")
}

#[test]
fn every_scenario_keeps_every_invariant_and_every_situation_is_met() {
    let long = std::env::var_os("HOLDLINE_MODEL_LONG").is_some();
    let (mut rows, mut narrow, mut met) = (Vec::new(), Vec::new(), BTreeMap::<_, (&str, usize)>::new());
    assert!(SCENARIOS.iter().all(is_whole), "each of them has two routine posts and the update");
    for scenario in SCENARIOS.iter().chain(NARROW).chain(if long { LONG } else { &[] }) {
        let walk = all(Holdline::new(*scenario));
        if let Some((invariant, way)) = walk.broken() {
            panic!("{}: {invariant}\n  {}", scenario.name, lines(way));
        }
        assert!(walk.whole, "{}: not walked to the end", scenario.name);
        for (name, way) in &walk.found {
            met.entry(*name).or_insert((scenario.name, way.len()));
        }
        eprintln!("{}: {} states, {} steps, {:?}", scenario.name, walk.states, walk.steps, walk.took);
        let to = if is_whole(scenario) { &mut rows } else { &mut narrow };
        to.push(json!({"scenario": scenario.name, "bounds": bounds(scenario), "walk": walk.figures()}));
    }
    let situations: Vec<_> =
        met.iter().map(|(name, at)| json!({"situation": name, "scenario": at.0})).collect();
    let invariants: Vec<_> = INVARIANTS.iter().map(|(name, _)| *name).collect();
    figures::write("scenarios", json!(rows));
    figures::write("narrow", json!(narrow));
    figures::write("invariants", json!(invariants));
    figures::write("situations", json!(situations));
    let never: Vec<_> =
        SITUATIONS.iter().map(|(name, _)| *name).filter(|name| !met.contains_key(name)).collect();
    assert!(never.is_empty(), "never met: {never:#?}");
}

/// Whether every post comes.
fn is_whole(scenario: &Scenario) -> bool {
    !scenario.due.contains(&Due::Never)
}

/// The bounds of a scenario, as far as they are not nothing.
fn bounds(scenario: &Scenario) -> Value {
    let budget = format!("{:?}", scenario.budget);
    let budget = budget.trim_start_matches("Budget { ").trim_end_matches(" }").split(", ");
    let budget: Vec<_> = budget.filter(|bound| !bound.ends_with(": 0")).collect();
    let comes = |posts: &[Due]| posts.iter().filter(|due| **due != Due::Never).count();
    let (posts, updates) = scenario.due.split_at(UPDATE);
    json!({"nodes": NODES, "posts": comes(posts), "updates": comes(updates), "due": format!("{:?}", scenario.due),
        "attempts": scenario.attempts, "claims": scenario.claims, "expires": scenario.expires, "at_most": budget})
}

/// Walks the model until something is broken, which must be an invariant of that number.
fn breaks(what: &str, model: Holdline, invariant: &str) -> Value {
    let name = model.scenario.name;
    let walk = nearest(model);
    let Some((broken, way)) = walk.broken() else {
        panic!("nothing is broken without {what} in {name}: {} states", walk.states);
    };
    eprintln!("without {what} ({name}): {broken}\n  {}", lines(way));
    assert!(broken.starts_with(invariant), "without {what}: {broken}, not {invariant}");
    json!({"without": what, "scenario": name, "breaks": broken, "way": words(way), "walk": walk.figures()})
}

#[test]
fn without_any_one_rule_an_invariant_breaks() {
    use Rule as R;
    let cases = [
        (R::SealNotByLease, at::FREEZE_CUT, "I1"),
        (R::SealNeedsEveryNode, at::FREEZE, "I1"),
        (R::AcknowledgementListsBegun, at::FREEZE, "I1"),
        (R::OpensOnKnownEpoch, at::RESTORE, "I7"),
        (R::CopyIsTold, at::CLONE, "I7"),
        (R::ConfirmationHoldsDue, at::RESTORE, "I2"),
        (R::GateReadAtFirstByte, at::FREEZE, "I1"),
        (R::LeaseClosesGate, at::CUT, "I2"),
        (R::ReopenedGateEndsPermits, at::CUT, "I2"),
        (R::GateChecksExpiry, at::EXPIRY, "I9"),
        (R::GuardIsExclusive, at::FREEZE, "I1"),
        (R::PermitIsJudged, at::FREEZE, "I1"),
        (R::ResetIsDoubt, at::OUTCOME, "I2"),
        (R::ThawReleasesNothing, at::THAW, "I9"),
        (R::LiftedStillCovers, at::THAW, "I9"),
        (R::TakeOverWaits, at::CUT, "I2"),
        (R::AttemptBeforeFirstByte, at::FREEZE_CRASH, "I2"),
        (R::MarkBeforeFirstByte, at::OUTCOME, "I2"),
        (R::MarksOfThisStartOnly, at::POWER, "I2"),
        (R::CrashIsDoubt, at::OUTCOME, "I2"),
        (R::UnansweredBeginsNothing, at::OUTCOME, "I2"),
        (R::PermitAsksDatabase, at::RESTORE, "I7"),
        (R::LateOutcomeIsHeld, at::RESTORE_LATE_TWICE, "I2"),
        (R::UnknownIsDoubt, at::RESTORE_BACKUP, "I2"),
        (R::LostOutcomesAreListed, at::RESTORE_BACKUP_FREEZE, "I1"),
    ];
    let run = |(rule, scenario, invariant)| {
        breaks(&format!("{rule:?}"), Holdline::new(scenario).without(rule), invariant)
    };
    let tried: BTreeSet<_> = cases.iter().map(|c| format!("{:?}", c.0)).collect();
    assert!(Rule::ALL.iter().all(|rule| tried.contains(&format!("{rule:?}"))), "each rule is tried");
    figures::write("rules", json!(cases.map(run)));
}

/// What the model takes for granted is a limit of Holdline, not of the model: without it the checker finds the way
/// that is written down under the known limits.
#[test]
fn in_a_worse_world_an_invariant_breaks() {
    use Assumption as A;
    let cases = [
        (A::BegunEnds, at::CUT, "I2"),
        (A::LateRequestsLand, at::OUTCOME, "I2"),
        (A::ConfirmationOutlastsLeases, at::RESTORE, "I2"),
        (A::ListsKnowTheirOwn, at::RESTORE_BACKUP_FREEZE, "I1"),
        (A::PeopleLook, at::RESTORE, "I2"),
    ];
    let run = |(assumption, scenario, invariant)| {
        breaks(&format!("{assumption:?}"), Holdline::new(scenario).unless(assumption), invariant)
    };
    let tried: BTreeSet<_> = cases.iter().map(|c| format!("{:?}", c.0)).collect();
    assert!(Assumption::ALL.iter().all(|a| tried.contains(&format!("{a:?}"))), "each assumption is tried");
    figures::write("limits", json!(cases.map(run)));
}
