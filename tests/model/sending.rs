//! An attempt in the process that makes it, and what the network does.

use crate::model::Holdline;
use crate::rules::{Assumption, Rule};
use crate::state::{EXPIRING, Freeze, Life, Phase, Stand, State, UPDATE, View, bit};

impl Holdline {
    /// Whether the gate of the node lets anything through.
    pub fn is_gate_open(&self, s: &State, node: usize) -> bool {
        let gate = &s.nodes[node].gate;
        !gate.closed && (gate.fresh || !self.keeps(Rule::LeaseClosesGate))
    }

    /// `Gate::begin`: the gate is read, the attempt is marked, and the send is on the in-flight list of the node.
    pub fn begin(&self, s: &mut State, node: usize, post: usize) -> bool {
        let n = &s.nodes[node];
        let slot = n.slots[post];
        if n.life == Life::Down || slot.phase != Phase::Admitted {
            return false;
        }
        let phase =
            if self.keeps(Rule::GateReadAtFirstByte) { self.judged(s, node, post) } else { Phase::Passed };
        if phase == Phase::Passed {
            s.broken.begun_late |= post == EXPIRING && s.expired;
            s.broken.begun_by_thaw |= self.is_begun_by_thaw(s, node, post);
            s.broken.begun_unconfirmed |= slot.unsure;
            if self.keeps(Rule::MarkBeforeFirstByte) {
                s.nodes[node].marks[post] |= bit(slot.attempt);
            }
        }
        s.nodes[node].slots[post].phase = phase;
        true
    }

    /// A lifted freeze had covered it, this node or the permit knew of that, and no person has decided.
    fn is_begun_by_thaw(&self, s: &State, node: usize, post: usize) -> bool {
        let (n, row) = (&s.nodes[node], s.db.rows[post]);
        let is_of_row = row.attempt == n.slots[post].attempt;
        let is_known = n.gate.epoch >= s.db.frozen_at || is_of_row && row.epoch >= s.db.frozen_at;
        let is_lifted = !n.on_clone && s.db.freeze == Freeze::Lifted;
        is_lifted && (s.by_thaw[post] || is_known && s.covers(View::Lifted, &row, post))
    }

    fn judged(&self, s: &State, node: usize, post: usize) -> Phase {
        let n = &s.nodes[node];
        let row = s.db(node).rows[post];
        if !self.is_gate_open(s, node) || n.slots[post].ended {
            Phase::NotBegun
        } else if self.covers(s, n.gate.view(), &row, post) {
            Phase::Stopped
        } else if post == EXPIRING && s.expired && self.keeps(Rule::GateChecksExpiry) {
            Phase::NotBegun
        } else {
            Phase::Passed
        }
    }

    /// The first byte leaves, however long after the gate's yes.
    pub fn first_byte(&self, s: &mut State, node: usize, post: usize) -> bool {
        let n = &mut s.nodes[node];
        if n.life == Life::Down || n.slots[post].phase != Phase::Passed {
            return false;
        }
        n.slots[post].phase = Phase::Out;
        let listed = bit(n.slots[post].attempt);
        // No list can have an attempt that the database has lost.
        let known = s.db.rows[post].made & listed != 0 || !self.assumes(Assumption::ListsKnowTheirOwn);
        let (freeze, covered) = (s.db.freeze, post != UPDATE && !n.on_clone && known);
        s.broken.byte_after_seal |= covered && freeze == Freeze::Sealed && s.db.flights[post] & listed == 0;
        if covered && freeze == Freeze::Committed {
            s.net[post].after_commit |= listed;
        }
        true
    }

    /// The network takes the post, and says so; or its answer is lost.
    pub fn land(&self, s: &mut State, node: usize, post: usize, answered: bool) -> bool {
        if !self.is_out(s, node, post) || !answered && s.left.lost_answers == 0 {
            return false;
        }
        s.net[post].copies += 1;
        if answered {
            self.answered(s, node, post, Phase::Accepted);
        } else {
            s.left.lost_answers -= 1;
            self.answered(s, node, post, self.without_answer());
        }
        true
    }

    /// The network refuses the post, without effect.
    pub fn refuse(&self, s: &mut State, node: usize, post: usize) -> bool {
        if !self.is_out(s, node, post) || s.left.refusals == 0 {
            return false;
        }
        s.left.refusals -= 1;
        s.net[post].after_commit &= !bit(s.nodes[node].slots[post].attempt);
        self.answered(s, node, post, Phase::Refused);
        true
    }

    /// No answer comes in time: the request is still on the way, or lost.
    pub fn give_up(&self, s: &mut State, node: usize, post: usize) -> bool {
        if !self.is_out(s, node, post) || s.left.lost_answers == 0 {
            return false;
        }
        s.left.lost_answers -= 1;
        s.net[post].strays += 1;
        self.answered(s, node, post, self.without_answer());
        true
    }

    fn is_out(&self, s: &State, node: usize, post: usize) -> bool {
        let n = &s.nodes[node];
        n.life != Life::Down && n.slots[post].phase == Phase::Out
    }

    /// What the end of a request without a full answer is taken for.
    fn without_answer(&self) -> Phase {
        if self.keeps(Rule::ResetIsDoubt) { Phase::InDoubt } else { Phase::Refused }
    }

    fn answered(&self, s: &mut State, node: usize, post: usize, phase: Phase) {
        let n = &mut s.nodes[node];
        n.slots[post].phase = phase;
        if !self.keeps(Rule::MarkBeforeFirstByte) {
            n.marks[post] |= bit(n.slots[post].attempt);
        }
    }

    /// A request whose process is gone or has given up lands after all, or never does.
    pub fn stray(&self, s: &mut State, post: usize, lands: bool) -> bool {
        let net = &mut s.net[post];
        if net.strays == 0 {
            return false;
        }
        net.strays -= 1;
        net.copies += u8::from(lands);
        true
    }

    /// What the channels saw after the freeze was committed is on its list, once it is sealed.
    pub fn list_is_whole(&self, s: &State) -> bool {
        let is_listed = |post: usize| s.net[post].after_commit & !s.db.flights[post] == 0;
        s.db.freeze != Freeze::Sealed || (0..UPDATE).all(is_listed)
    }

    /// Nothing is `sending` at a node that runs, is heard, and has it not in hand: nobody would ever settle it.
    pub fn sending_is_in_hand(&self, s: &State) -> bool {
        // It is given up three minutes later.
        let excused = s.db.identity > 0 && self.keeps(Rule::UnknownIsDoubt);
        excused
            || s.db.rows.iter().enumerate().all(|(post, row)| {
                let owner = s.nodes.get(usize::from(row.owner)).filter(|_| row.stand == Stand::Sending);
                owner.is_none_or(|n| {
                    let asks = n.asks.is_some_and(|p| usize::from(p) == post);
                    n.life != Life::Up
                        || n.unheard
                        || n.on_clone
                        || asks
                        || n.slots[post].attempt == row.attempt
                })
            })
    }
}
