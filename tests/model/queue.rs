//! What nodes do in the database with deliveries.

use crate::model::Holdline;
use crate::rules::{Assumption, Rule};
use crate::state::{
    ATTEMPTS, EXPIRING, Freeze, Known, Life, NOBODY, Phase, Row, Silence, Slot, Stand, State, UPDATE, View,
    bit,
};

/// The name of a node in a row.
pub fn name(node: usize) -> u8 {
    u8::try_from(node).unwrap_or(NOBODY)
}

/// Something was written that has an entry in the log.
pub fn logged(s: &mut State, node: usize) {
    s.grown |= !s.nodes[node].on_clone;
}

/// The node reads the end of the log.
pub fn sees(s: &mut State, node: usize) {
    let newer = s.grown && !s.nodes[node].on_clone;
    s.nodes[node].known = if newer { Known::Newer } else { Known::InBackup };
}

impl Holdline {
    /// What `decide` judges first: whether the change is refused, because the database is behind what this process
    /// has seen, or has another timeline.
    fn is_refused(&self, s: &State, node: usize) -> bool {
        let n = &s.nodes[node];
        let is_another = s.db(node).is_in_doubt() && self.keeps(Rule::PermitAsksDatabase);
        let is_behind = n.known == Known::Lost || n.timeline != s.db(node).timeline;
        self.keeps(Rule::OpensOnKnownEpoch) && (is_another || is_behind)
    }

    /// Holds or ends what must not go, as `Writes::stop` does; whether it did.
    fn is_stopped(&self, s: &mut State, node: usize, post: usize) -> bool {
        let (view, row) = (s.db(node).view(), s.db(node).rows[post]);
        let stand = if post == EXPIRING && s.expired {
            Stand::Expired
        } else if self.keeps(Rule::PermitIsJudged) && self.covers(s, view, &row, post) {
            Stand::Held
        } else {
            return false;
        };
        let row = &mut s.db_mut(node).rows[post];
        (row.stand, row.owner) = (stand, NOBODY);
        s.nodes[node].line[post] = false;
        logged(s, node);
        true
    }

    /// [`State::covers`], without a rule that is taken out.
    pub fn covers(&self, s: &State, view: View, row: &Row, post: usize) -> bool {
        s.covers(view, row, post) && (view != View::Lifted || self.keeps(Rule::LiftedStillCovers))
    }

    fn can_take(&self, s: &State, node: usize, post: usize) -> bool {
        let n = &s.nodes[node];
        let free = n.life == Life::Up && n.asks.is_none() && !s.is_locked(n.on_clone, post);
        free && !self.is_refused(s, node)
    }

    /// A change that claims: what is due is held, expired, or taken for later.
    pub fn claim(&self, s: &mut State, node: usize, post: usize) -> bool {
        let is_due = s.db(node).rows[post].stand == Stand::Scheduled && s.due[post];
        if !is_due || !self.can_take(s, node, post) || !self.is_gate_open(s, node) {
            return false;
        }
        sees(s, node);
        if !self.is_stopped(s, node, post) {
            let row = &mut s.db_mut(node).rows[post];
            (row.stand, row.owner) = (Stand::Claimed, name(node));
            s.nodes[node].line[post] = true;
        }
        true
    }

    /// The first half of a change that permits: what is due, or waits in a line of this node, is judged. The guard
    /// is held from here to the commit.
    pub fn ask(&self, s: &mut State, node: usize, post: usize) -> bool {
        let row = s.db(node).rows[post];
        let is_due = row.stand == Stand::Scheduled && s.due[post] && self.is_gate_open(s, node);
        let is_mine = row.stand == Stand::Claimed && row.owner == name(node) && s.nodes[node].line[post];
        let in_hand = s.nodes[node].slots[post].phase != Phase::Empty;
        if !(is_due || is_mine) || in_hand || !self.can_take(s, node, post) {
            return false;
        }
        if s.db(node).next_attempt(post) > s.db(node).identity * ATTEMPTS + self.scenario.attempts {
            return false;
        }
        sees(s, node);
        if self.is_stopped(s, node, post) {
            return true;
        }
        s.nodes[node].asks = Some(u8::try_from(post).unwrap_or(0));
        s.nodes[node].asked_before = false;
        if !self.keeps(Rule::AttemptBeforeFirstByte) {
            self.admit(s, node, post);
        }
        true
    }

    fn admit(&self, s: &mut State, node: usize, post: usize) {
        let (attempt, unsure) = (s.db(node).next_attempt(post), s.db(node).is_in_doubt());
        let ended = s.nodes[node].asked_before && self.keeps(Rule::ReopenedGateEndsPermits);
        s.nodes[node].slots[post] = Slot { phase: Phase::Admitted, attempt, ended, unsure };
    }

    /// The commit of a permit, and its answer; or its answer is lost.
    pub fn permit(&self, s: &mut State, node: usize, answered: bool) -> bool {
        let Some(post) = s.nodes[node].asks.map(usize::from) else { return false };
        if s.nodes[node].life != Life::Up || !answered && s.left.unanswered == 0 {
            return false;
        }
        if self.keeps(Rule::AttemptBeforeFirstByte) {
            self.admit(s, node, post);
        }
        let frozen = matches!(s.db(node).freeze, Freeze::Committed | Freeze::Sealed) && post != UPDATE;
        s.broken.permit_after_commit |= frozen;
        let (attempt, epoch) = (s.db(node).next_attempt(post), s.db(node).epoch);
        let row = &mut s.db_mut(node).rows[post];
        (row.stand, row.owner, row.attempt, row.epoch) = (Stand::Sending, name(node), attempt, epoch);
        row.made |= bit(attempt);
        let n = &mut s.nodes[node];
        (n.asks, n.asked_before, n.line[post]) = (None, false, false);
        if !answered {
            s.left.unanswered -= 1;
            if self.keeps(Rule::UnansweredBeginsNothing) {
                s.nodes[node].slots[post].phase = Phase::Unanswered;
            } else {
                // It is given back, and begins all the same.
                s.db_mut(node).rows[post].stand = Stand::Scheduled;
            }
        }
        logged(s, node);
        true
    }

    /// What was permitted in a change whose answer was lost goes back to the queue: it never began.
    pub fn abandon(&self, s: &mut State, node: usize, post: usize) -> bool {
        let n = &mut s.nodes[node];
        if n.life != Life::Up || n.slots[post].phase != Phase::Unanswered {
            return false;
        }
        let attempt = n.slots[post].attempt;
        n.slots[post] = Slot::default();
        let is_old = self.is_old(s, node, post);
        let row = &mut s.db_mut(node).rows[post];
        if row.stand == Stand::Sending && row.owner == name(node) && row.attempt == attempt {
            (row.stand, row.owner) = (if is_old { Stand::Held } else { Stand::Scheduled }, NOBODY);
            logged(s, node);
        }
        true
    }

    /// `Since::or_held`: whether the attempt was permitted before the database was confirmed.
    fn is_old(&self, s: &State, node: usize, post: usize) -> bool {
        self.keeps(Rule::LateOutcomeIsHeld) && s.db(node).rows[post].epoch < s.db(node).confirmed
    }

    /// What the process was permitted and has in hand no more: the database was put back while it ran.
    pub fn unknown(&self, s: &mut State, node: usize, post: usize) -> bool {
        let (n, row) = (&s.nodes[node], s.db(node).rows[post]);
        let in_hand = n.asks.is_some_and(|p| usize::from(p) == post) || n.slots[post].attempt == row.attempt;
        let is_mine = row.stand == Stand::Sending && row.owner == name(node) && !in_hand;
        if !is_mine || n.life != Life::Up || !self.is_gate_open(s, node) || !self.keeps(Rule::UnknownIsDoubt)
        {
            return false;
        }
        s.db_mut(node).rows[post].stand = Stand::InDoubt;
        logged(s, node);
        true
    }

    /// The outcome of an attempt is written. One that comes after its attempt was settled changes nothing.
    pub fn settle(&self, s: &mut State, node: usize, post: usize) -> bool {
        let slot = s.nodes[node].slots[post];
        let stand = match slot.phase {
            Phase::Accepted => Stand::Accepted,
            Phase::Refused | Phase::NotBegun if post == EXPIRING && s.expired => Stand::Expired,
            Phase::Refused | Phase::NotBegun if self.is_old(s, node, post) => Stand::Held,
            Phase::Refused | Phase::NotBegun => Stand::Scheduled,
            Phase::Stopped => Stand::Held,
            Phase::InDoubt => Stand::InDoubt,
            _ => return false,
        };
        if s.nodes[node].life != Life::Up || s.nodes[node].asks.is_some_and(|p| usize::from(p) == post) {
            return false;
        }
        let n = &mut s.nodes[node];
        n.slots[post] = Slot::default();
        n.marks[post] &= !bit(slot.attempt);
        logged(s, node);
        let db = s.db_mut(node);
        let unsealed = db.freeze == Freeze::Committed;
        let row = &mut db.rows[post];
        if row.attempt != slot.attempt || !matches!(row.stand, Stand::Sending | Stand::InDoubt) {
            return true;
        }
        row.stand = stand;
        if stand != Stand::InDoubt {
            row.owner = if stand == Stand::Accepted { row.owner } else { NOBODY };
        }
        row.landed = unsealed && matches!(stand, Stand::Accepted | Stand::InDoubt);
        true
    }

    /// Others take what a silent node has in hand: its claims.
    pub fn silent(&self, s: &mut State, node: usize) -> bool {
        let n = &mut s.nodes[node];
        let lease_over = n.life == Life::Down || n.life == Life::Cut && !n.gate.fresh;
        if n.on_clone || n.silence != Silence::Heard || !(lease_over || n.unheard) || s.db.is_in_doubt() {
            return false;
        }
        n.silence = Silence::Silent;
        return_claims(s, node, false);
        true
    }

    /// Three minutes later others put in doubt what it has under way. It is over by then.
    pub fn gone(&self, s: &mut State, node: usize) -> bool {
        let n = &s.nodes[node];
        let waited = if self.keeps(Rule::TakeOverWaits) {
            n.silence == Silence::Silent
        } else {
            n.silence != Silence::Gone && n.life != Life::Up
        };
        let owned = |post: usize| s.db.rows[post].owner == name(node);
        let under_way = |post: usize| owned(post) && s.net[post].strays > 0 || n.slots[post].is_begun();
        let is_over = !(0..s.net.len()).any(under_way);
        let bound = self.keeps(Rule::TakeOverWaits) && self.assumes(Assumption::BegunEnds);
        if n.on_clone || !waited || bound && !is_over || s.is_asked() || s.db.is_in_doubt() {
            return false;
        }
        s.nodes[node].silence = Silence::Gone;
        take_over(s, node, false, |_, _| false);
        true
    }
}

/// The claims of a node go back to the queue.
pub fn return_claims(s: &mut State, node: usize, own: bool) {
    let on_clone = own && s.nodes[node].on_clone;
    let locked: Vec<bool> = (0..s.net.len()).map(|p| s.is_locked(on_clone, p)).collect();
    let db = if own { s.db_mut(node) } else { &mut s.db };
    for (row, locked) in db.rows.iter_mut().zip(locked) {
        if row.stand == Stand::Claimed && row.owner == name(node) && !locked {
            (row.stand, row.owner) = (Stand::Scheduled, NOBODY);
        }
    }
}

/// `sending::take_over`: claims go back, and so does what is known never to have begun; each other permit without an
/// outcome is in doubt, and on the list of a freeze that is not sealed.
pub fn take_over(s: &mut State, node: usize, own: bool, never_began: impl Fn(usize, u8) -> bool) {
    return_claims(s, node, own);
    let db = if own { s.db_mut(node) } else { &mut s.db };
    let (unsealed, frozen_at) = (db.freeze == Freeze::Committed, db.frozen_at);
    for (post, row) in db.rows.iter_mut().enumerate() {
        if row.stand != Stand::Sending || row.owner != name(node) {
            continue;
        }
        if never_began(post, row.attempt) {
            (row.stand, row.owner) = (Stand::Scheduled, NOBODY);
            db.flights[post] &= !bit(row.attempt);
            continue;
        }
        row.stand = Stand::InDoubt;
        if unsealed && row.epoch < frozen_at {
            db.flights[post] |= bit(row.attempt);
        }
    }
    s.grown |= !(own && s.nodes[node].on_clone);
}
