//! What goes wrong with machines, the database, and the way between them.

use crate::model::Holdline;
use crate::queue::take_over;
use crate::rules::Rule;
use crate::state::{
    Db, Gate, Known, Life, Listed, Memory, Net, Node, POSTS, Phase, Silence, Slot, State, bit,
};

/// The identity of a clone.
pub const CLONE: u8 = 3;

/// A process that has read nothing yet.
pub fn starting(n: &Node) -> Node {
    Node {
        life: Life::Up,
        gate: Gate { closed: true, ..Gate::default() },
        doubt: None,
        acked: 0,
        owes: false,
        begun: [0; POSTS],
        timeline: n.memory.timeline,
        known: n.memory.known,
        line: [false; POSTS],
        asks: None,
        asked_before: false,
        slots: [Slot::default(); POSTS],
        ..*n
    }
}

impl Holdline {
    /// The node loses its database; or its process is paused, which then does nothing for a while.
    pub fn cut(&self, s: &mut State, node: usize) -> bool {
        if s.nodes[node].life != Life::Up || s.left.cuts == 0 {
            return false;
        }
        s.left.cuts -= 1;
        let n = &mut s.nodes[node];
        (n.life, n.asks, n.asked_before, n.owes) = (Life::Cut, None, false, false);
        if !self.keeps(Rule::AttemptBeforeFirstByte) {
            // What begins in the open change is not undone with it.
            n.slots
                .iter_mut()
                .filter(|slot| slot.phase == Phase::Admitted)
                .for_each(|slot| slot.ended = false);
        }
        true
    }

    /// It reaches its database again.
    pub fn heal(&self, s: &mut State, node: usize) -> bool {
        let n = &mut s.nodes[node];
        let is_cut = n.life == Life::Cut;
        if is_cut {
            n.life = Life::Up;
        }
        is_cut
    }

    /// Five seconds without a word from the primary.
    pub fn lease_over(&self, s: &mut State, node: usize) -> bool {
        let n = &mut s.nodes[node];
        let runs_out = n.life == Life::Cut && n.gate.fresh;
        n.gate.fresh &= !runs_out;
        runs_out
    }

    /// The process ends without a word. In a power cut its marks can be lost, too.
    pub fn crash(&self, s: &mut State, node: usize, power: bool) -> bool {
        let left = if power { &mut s.left.power_cuts } else { &mut s.left.crashes };
        let n = &mut s.nodes[node];
        if n.life == Life::Down || *left == 0 {
            return false;
        }
        *left -= 1;
        for (slot, net) in n.slots.iter().zip(&mut s.net) {
            net.strays += u8::from(slot.phase == Phase::Out);
        }
        *n = Node { life: Life::Down, ..starting(n) };
        if power {
            n.marks = [0; POSTS];
            n.owned &= !self.keeps(Rule::MarksOfThisStartOnly);
        }
        true
    }

    /// `Keeper::start`, up to the first look at the gate: the process takes its place on the list, and settles what
    /// the one before had in hand.
    pub fn restart(&self, s: &mut State, node: usize) -> bool {
        if s.nodes[node].life != Life::Down {
            return false;
        }
        self.start(s, node);
        true
    }

    fn start(&self, s: &mut State, node: usize) {
        s.nodes[node] = starting(&s.nodes[node]);
        let listed = &mut s.db_mut(node).nodes[node];
        *listed = Listed { on: true, acked: if listed.on { listed.acked } else { 0 } };
        let n = &mut s.nodes[node];
        if !n.on_clone {
            (n.silence, n.unheard) = (Silence::Heard, false);
        }
        let is_in_doubt = self.doubts(s, node);
        let n = s.nodes[node];
        let is_sure = !is_in_doubt && n.memory.timeline == s.db(node).timeline;
        let (believed, careless) = (is_sure && n.owned, !self.keeps(Rule::CrashIsDoubt));
        take_over(s, node, true, |post, attempt| careless || believed && n.marks[post] & bit(attempt) == 0);
        let n = &mut s.nodes[node];
        (n.marks, n.owned) = ([0; POSTS], !is_in_doubt);
    }

    /// A backup is made, or a replica has all commits.
    pub fn back_up(&self, s: &mut State) -> bool {
        if s.left.backups == 0 || s.left.restores == 0 || !s.grown && s.backup == s.db {
            return false;
        }
        s.left.backups -= 1;
        s.backup = s.db.clone();
        s.grown = false;
        for n in s.nodes.iter_mut().filter(|n| !n.on_clone) {
            for known in [&mut n.known, &mut n.memory.known] {
                *known = if *known == Known::Newer { Known::InBackup } else { *known };
            }
        }
        true
    }

    /// The backup, or a replica without the last commits, takes the place of the primary.
    pub fn restore(&self, s: &mut State) -> bool {
        if s.left.restores == 0 {
            return false;
        }
        s.left.restores -= 1;
        let identity = s.db.identity + 1;
        s.db = Db { identity, ..s.backup.clone() };
        s.grown = false;
        for net in &mut s.net {
            *net = Net { after_commit: 0, ..*net };
        }
        for n in s.nodes.iter_mut().filter(|n| !n.on_clone) {
            for known in [&mut n.known, &mut n.memory.known] {
                *known = if *known == Known::Newer { Known::Lost } else { *known };
            }
            (n.asks, n.asked_before, n.owes, n.unheard) = (None, false, false, true);
        }
        true
    }

    /// A copy of the database is made, and a stopped node is started on it: with its memory, or without one.
    pub fn clone_database(&self, s: &mut State, node: usize, with_memory: bool) -> bool {
        let n = &mut s.nodes[node];
        if s.left.clones == 0 || s.copy.is_some() || n.life != Life::Down || s.db.is_in_doubt() {
            return false;
        }
        s.left.clones -= 1;
        s.copy = Some(Box::new(Db { identity: CLONE, ..s.db.clone() }));
        n.on_clone = true;
        n.owned = false;
        if !with_memory {
            n.memory = Memory::default();
        }
        n.memory.known = Known::InBackup;
        self.start(s, node);
        true
    }
}
