//! The model as the checker walks it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use stateright::{Model, Property};

use crate::actions::{Action, all};
use crate::bounds::{Due, Scenario};
use crate::faults::starting;
use crate::properties::{self, SITUATIONS};
use crate::rules::{Assumption, Rule};
use crate::state::{
    Broken, Db, EXPIRING, Freeze, Gate, Known, Life, Listed, Memory, NOBODY, NODES, Net, Node, POSTS, Phase,
    Row, Silence, Slot, Stand, State, UPDATE,
};

/// Holdline within the bounds of a scenario, perhaps without one of its rules, or in a worse world.
#[derive(Debug, Clone)]
pub struct Holdline {
    pub scenario: Scenario,
    pub without: Option<Rule>,
    pub unless: Option<Assumption>,
    /// Which situations were met: each is told to the checker once.
    pub met: Arc<[AtomicBool; SITUATIONS.len()]>,
}

impl Holdline {
    pub fn new(scenario: Scenario) -> Self {
        let met = Arc::new(std::array::from_fn(|_| AtomicBool::new(false)));
        Self { scenario, without: None, unless: None, met }
    }

    pub fn without(self, rule: Rule) -> Self {
        Self { without: Some(rule), ..self }
    }

    pub fn unless(self, assumption: Assumption) -> Self {
        Self { unless: Some(assumption), ..self }
    }

    /// Whether the rule is kept.
    pub fn keeps(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// Whether the world is so kind.
    pub fn assumes(&self, assumption: Assumption) -> bool {
        self.unless != Some(assumption)
    }

    pub fn fall_due(&self, s: &mut State, post: usize) -> bool {
        let comes = s.awaited[post];
        if comes {
            (s.due[post], s.awaited[post]) = (true, false);
            s.due_after_thaw[post] = s.db.freeze == Freeze::Lifted;
        }
        comes
    }

    pub fn expire(&self, s: &mut State) -> bool {
        let passes = self.scenario.expires && !s.expired && s.due[EXPIRING];
        s.expired |= passes;
        passes
    }

    /// What follows by itself is done in the same step, where nothing that can still come in this scenario could
    /// tell the difference.
    fn hurry(&self, s: &mut State) {
        let calm = s.left.crashes + s.left.power_cuts + s.left.cuts + s.left.restores == 0;
        for node in 0..NODES {
            // Only a freeze may come between the two halves of a permit, and the guard is there for it.
            let n = &s.nodes[node];
            let alone = s.left.freezes == 0 || n.asks.is_some_and(|post| usize::from(post) == UPDATE);
            if n.asks.is_some() && n.gate.is_open() && alone && s.left.unanswered == 0 {
                self.permit(s, node, true);
            }
            // No freeze asks when its first byte leaves.
            if s.nodes[node].slots[UPDATE].phase == Phase::Passed {
                self.first_byte(s, node, UPDATE);
            }
            // Nobody asks for less than three minutes of silence.
            if !self.scenario.claims
                && self.scenario.budget.forgotten == 0
                && self.keeps(Rule::SealNotByLease)
            {
                self.silent(s, node);
            }
            if calm {
                self.acknowledge(s, node);
                self.settle_at_once(s, node);
            }
        }
    }

    /// Outcomes are written at once: those of which no freeze makes a list, or all when no list is open.
    fn settle_at_once(&self, s: &mut State, node: usize) {
        let unlisted = s.left.freezes == 0 && s.db.freeze != Freeze::Committed;
        for post in 0..POSTS {
            let phase = s.nodes[node].slots[post].phase;
            if phase > Phase::Out && (unlisted || matches!(phase, Phase::Stopped | Phase::NotBegun)) {
                self.settle(s, node, post);
            }
        }
    }

    /// What can make no difference any more is the same in all states.
    fn forget_what_is_over(s: &mut State) {
        if s.left.restores == 0 {
            s.grown = false;
            s.backup.clone_from(&blank());
            for n in &mut s.nodes {
                for known in [&mut n.known, &mut n.memory.known] {
                    *known = if *known == Known::Newer { Known::InBackup } else { *known };
                }
            }
        }
        if s.left.crashes + s.left.power_cuts == 0 {
            let up = s.nodes.iter_mut().filter(|n| n.life != Life::Down);
            up.for_each(|n| (n.marks, n.owned) = ([0; POSTS], false));
        }
    }
}

/// A database where nothing has happened.
fn blank() -> Db {
    let row = Row {
        stand: Stand::Scheduled,
        owner: NOBODY,
        attempt: 0,
        made: 0,
        epoch: 0,
        decided: false,
        landed: false,
    };
    Db {
        epoch: 1,
        timeline: 0,
        identity: 0,
        recorded: 0,
        confirmed: 0,
        freeze: Freeze::None,
        frozen_at: 0,
        rows: [row; POSTS],
        nodes: [Listed { on: true, acked: 1 }; NODES],
        flights: [0; POSTS],
    }
}

/// Three nodes that have taken the first epoch, and posts of which nothing has left.
fn first(scenario: &Scenario) -> State {
    let memory = Memory { has: true, epoch: 1, timeline: 0, left: 0, known: Known::InBackup };
    let none = Node {
        life: Life::Up,
        silence: Silence::Heard,
        unheard: false,
        on_clone: false,
        gate: Gate::default(),
        doubt: None,
        acked: 0,
        owes: false,
        begun: [0; POSTS],
        timeline: 0,
        known: Known::InBackup,
        memory,
        line: [false; POSTS],
        asks: None,
        asked_before: false,
        slots: [Slot::default(); POSTS],
        marks: [0; POSTS],
        owned: true,
    };
    let gate = Gate { closed: false, fresh: true, epoch: 1, ..Gate::default() };
    State {
        db: blank(),
        backup: blank(),
        copy: None,
        nodes: [Node { gate, acked: 1, ..starting(&none) }; NODES],
        net: [Net::default(); POSTS],
        due: scenario.due.map(|due| due == Due::AtOnce),
        awaited: scenario.due.map(|due| due == Due::AnyTime),
        due_after_thaw: [false; POSTS],
        expired: false,
        grown: false,
        by_thaw: [false; POSTS],
        alike: scenario.due[0] == scenario.due[1] && !scenario.expires,
        broken: Broken::default(),
        left: scenario.budget,
    }
}

impl Model for Holdline {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![first(&self.scenario)]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        // What comes after a broken invariant tells nothing more.
        if properties::holds(self, state) {
            all(state, actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut next = last.clone();
        if !self.step(&mut next, action) {
            return None;
        }
        self.hurry(&mut next);
        Self::forget_what_is_over(&mut next);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

impl Holdline {
    /// Whether the situation is met now for the first time.
    pub fn meets(&self, situation: usize, state: &State) -> bool {
        let met = &self.met[situation];
        !met.load(Ordering::Relaxed) && (SITUATIONS[situation].1)(state) && !met.swap(true, Ordering::Relaxed)
    }
}
