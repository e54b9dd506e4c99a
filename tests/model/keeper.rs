//! The gate of a node, as `worker/node.rs` keeps it.

use crate::model::Holdline;
use crate::queue::{logged, name, sees};
use crate::rules::Rule;
use crate::state::{Freeze, Known, Life, Memory, Phase, Silence, Stand, State, bit};

impl Holdline {
    /// `Keeper::behind` and `Keeper::doubts`: whether the database cannot be the one that this node knew.
    pub fn doubts(&self, s: &State, node: usize) -> bool {
        let (n, db) = (&s.nodes[node], s.db(node));
        if !self.keeps(Rule::OpensOnKnownEpoch) {
            return false;
        }
        if n.doubt == Some(db.timeline) || db.is_in_doubt() && self.keeps(Rule::CopyIsTold) {
            return true;
        }
        if !n.memory.has {
            return false;
        }
        if n.memory.left & (1 << db.timeline) != 0 {
            return true;
        }
        if n.memory.timeline != db.timeline {
            return db.epoch <= n.memory.epoch;
        }
        db.epoch < n.memory.epoch || n.known == Known::Lost || n.memory.known == Known::Lost
    }

    /// The first half of `Keeper::take`: the epoch and the freezes are read, put into force, and remembered. When
    /// there is nothing new, the node says that it is alive, and its lease begins anew.
    pub fn hear(&self, s: &mut State, node: usize) -> bool {
        if s.nodes[node].life != Life::Up || s.nodes[node].owes {
            return false;
        }
        if self.doubts(s, node) {
            self.take_closed(s, node);
            return true;
        }
        let (epoch, timeline, view) = (s.db(node).epoch, s.db(node).timeline, s.db(node).view());
        sees(s, node);
        let n = &mut s.nodes[node];
        n.timeline = timeline;
        let is_new = !n.memory.has || n.memory.timeline != timeline;
        if is_new && n.memory.has {
            n.owned = false;
        }
        if epoch >= n.gate.epoch {
            n.gate.take(epoch, view);
        }
        if epoch == n.acked && !is_new {
            n.memory.known = n.known;
            self.speak(s, node, epoch);
            self.open(s, node);
            self.seal(s, node);
            return true;
        }
        note_begun(s, node);
        let n = &mut s.nodes[node];
        let left =
            if is_new && n.memory.has { n.memory.left | 1 << n.memory.timeline } else { n.memory.left };
        n.memory = Memory { has: true, epoch, timeline, left, known: n.known };
        n.owes = true;
        true
    }

    /// The second half: the epoch is acknowledged with what had begun, and the gate opens.
    pub fn acknowledge(&self, s: &mut State, node: usize) -> bool {
        let n = &s.nodes[node];
        if n.life != Life::Up || !n.owes {
            return false;
        }
        let (epoch, is_newly_confirmed) = (n.memory.epoch, s.db(node).confirmed > n.acked);
        self.list_flights(s, node, epoch, is_newly_confirmed);
        self.speak(s, node, epoch);
        self.seal(s, node);
        self.open(s, node);
        let n = &mut s.nodes[node];
        (n.acked, n.owes) = (epoch, false);
        true
    }

    /// `Keeper::take_closed`: the gate closes for everything, and the epoch is acknowledged all the same.
    fn take_closed(&self, s: &mut State, node: usize) {
        note_begun(s, node);
        let (epoch, timeline) = (s.db(node).epoch, s.db(node).timeline);
        let n = &mut s.nodes[node];
        n.gate.closed = true;
        n.owned = false;
        if n.timeline == n.memory.timeline {
            n.memory.known = n.known;
        }
        n.doubt = Some(timeline);
        let epoch = epoch.max(n.memory.epoch);
        self.list_flights(s, node, epoch, true);
        self.speak(s, node, epoch);
        self.seal(s, node);
    }

    /// The node's row in the list.
    fn speak(&self, s: &mut State, node: usize, epoch: u8) {
        let listed = &mut s.db_mut(node).nodes[node];
        (listed.on, listed.acked) = (true, epoch);
        let n = &mut s.nodes[node];
        if !n.on_clone {
            (n.silence, n.unheard) = (Silence::Heard, false);
        }
    }

    /// `Tx::insert_flight` and `Tx::insert_landed`; of a database that may have lost outcomes `note_unsettled`, too.
    fn list_flights(&self, s: &mut State, node: usize, epoch: u8, has_lost: bool) {
        let begun = std::mem::take(&mut s.nodes[node].begun);
        let before = s.nodes[node].acked;
        let lists = has_lost && self.keeps(Rule::LostOutcomesAreListed);
        let db = s.db_mut(node);
        if lists && db.freeze == Freeze::Committed {
            for (row, flights) in db.rows.iter().zip(&mut db.flights) {
                let is_open = row.stand == Stand::Sending && row.owner == name(node);
                *flights |= if is_open && row.epoch < db.frozen_at { bit(row.attempt) } else { 0 };
            }
        }
        let is_taken = db.freeze != Freeze::None && before < db.frozen_at && db.frozen_at <= epoch;
        for (post, begun) in begun.into_iter().enumerate() {
            if is_taken && self.keeps(Rule::AcknowledgementListsBegun) {
                db.flights[post] |= begun;
            }
        }
        note_landed(s, node, true);
    }

    /// `freezes::seal`: what every node on the list has taken is sealed.
    pub fn seal(&self, s: &mut State, node: usize) {
        let on_clone = s.nodes[node].on_clone;
        let is_over = |n: usize| !on_clone && s.nodes[n].silence != Silence::Heard;
        let db = s.db(node);
        let waits = |n: &usize| {
            let missing = db.nodes[*n].on && db.nodes[*n].acked < db.frozen_at;
            missing && (self.keeps(Rule::SealNotByLease) || !is_over(*n))
        };
        let missing = (0..db.nodes.len()).filter(waits).count();
        let may_miss = usize::from(!self.keeps(Rule::SealNeedsEveryNode));
        if db.freeze == Freeze::Committed && missing <= may_miss && db.nodes.iter().any(|n| n.on) {
            s.db_mut(node).freeze = Freeze::Sealed;
            logged(s, node);
        }
    }

    /// `Gate::open`: what was permitted before a gate that was closed or cut off begins no more.
    fn open(&self, s: &mut State, node: usize) {
        s.broken.opened_unconfirmed |= s.db(node).is_in_doubt();
        let n = &mut s.nodes[node];
        if !n.gate.is_open() && self.keeps(Rule::ReopenedGateEndsPermits) {
            n.slots
                .iter_mut()
                .filter(|slot| slot.phase == Phase::Admitted)
                .for_each(|slot| slot.ended = true);
            n.asked_before = n.asks.is_some();
        }
        (n.gate.closed, n.gate.fresh, n.doubt) = (false, true, None);
    }
}

/// What has begun here and is not settled, at the moment when the gate takes an epoch.
fn note_begun(s: &mut State, node: usize) {
    let n = &mut s.nodes[node];
    for (begun, slot) in n.begun.iter_mut().zip(&n.slots) {
        let has_begun = matches!(slot.phase, Phase::Passed | Phase::Out | Phase::Accepted | Phase::InDoubt);
        *begun |= if has_begun { bit(slot.attempt) } else { 0 };
    }
}

/// What left the node after the freeze was committed, and was settled before it is sealed.
pub fn note_landed(s: &mut State, node: usize, own: bool) {
    let db = if own { s.db_mut(node) } else { &mut s.db };
    for (row, flights) in db.rows.iter().zip(&mut db.flights) {
        if db.freeze == Freeze::Committed && row.landed && row.owner == name(node) && row.epoch < db.frozen_at
        {
            *flights |= bit(row.attempt);
        }
    }
}
