//! What people do, and reading back.

use crate::keeper::note_landed;
use crate::model::Holdline;
use crate::queue::return_claims;
use crate::rules::{Assumption, Rule};
use crate::state::{EXPIRING, Freeze, Life, NOBODY, Node, Silence, Stand, State, UPDATE, View, bit};

impl Holdline {
    /// `freezes::create`: one row and a new epoch.
    pub fn freeze(&self, s: &mut State) -> bool {
        let waits = self.keeps(Rule::GuardIsExclusive) && s.is_asked();
        if s.left.freezes == 0 || s.db.freeze != Freeze::None || waits {
            return false;
        }
        s.left.freezes -= 1;
        s.db.epoch += 1;
        (s.db.freeze, s.db.frozen_at) = (Freeze::Committed, s.db.epoch);
        for (post, row) in s.db.rows.iter().enumerate() {
            // `Tx::insert_forgotten`.
            let listed = s.db.nodes.get(usize::from(row.owner)).is_none_or(|n| n.on);
            s.db.flights[post] = if row.stand == Stand::Sending && !listed { bit(row.attempt) } else { 0 };
        }
        s.grown = true;
        true
    }

    /// `freezes::thaw`.
    pub fn thaw(&self, s: &mut State) -> bool {
        let is_frozen = matches!(s.db.freeze, Freeze::Committed | Freeze::Sealed);
        if s.left.thaws == 0 || !is_frozen || s.is_asked() {
            return false;
        }
        s.left.thaws -= 1;
        s.db.epoch += 1;
        s.db.freeze = Freeze::Lifted;
        if !self.keeps(Rule::ThawReleasesNothing) {
            for (post, row) in s.db.rows.iter_mut().enumerate().filter(|(_, r)| r.stand == Stand::Held) {
                (row.stand, row.decided, s.by_thaw[post]) = (Stand::Scheduled, true, true);
            }
        }
        s.grown = true;
        true
    }

    /// `nodes::forget`: a silent node is taken off the list; what it may have under way is listed.
    pub fn forget(&self, s: &mut State, node: usize) -> bool {
        let n = &s.nodes[node];
        if s.left.forgotten == 0 || n.silence == Silence::Heard || !s.db.nodes[node].on || s.is_asked() {
            return false;
        }
        s.left.forgotten -= 1;
        note_landed(s, node, false);
        if s.db.freeze == Freeze::Committed {
            for (row, flights) in s.db.rows.iter().zip(&mut s.db.flights) {
                if row.stand == Stand::Sending && usize::from(row.owner) == node && row.epoch < s.db.frozen_at
                {
                    *flights |= bit(row.attempt);
                }
            }
        }
        return_claims(s, node, false);
        s.db.nodes[node].on = false;
        s.grown = true;
        // The next word of another node seals.
        true
    }

    /// `nodes::confirm`: a person says that this database is the one to go on with.
    pub fn confirm(&self, s: &mut State) -> bool {
        let doubted = s.nodes.iter().any(|n| !n.on_clone && n.doubt == Some(s.db.timeline));
        let opened = |n: &Node| n.life != Life::Down && !n.on_clone && n.unheard && n.gate.fresh;
        let early = s.nodes.iter().any(opened) && self.assumes(Assumption::ConfirmationOutlastsLeases);
        if s.left.confirmations == 0 || !(doubted || s.db.is_in_doubt()) || s.is_asked() || early {
            return false;
        }
        s.left.confirmations -= 1;
        let remembered = s.db.nodes.iter().map(|n| n.acked).max().unwrap_or(0);
        s.db.epoch = s.db.epoch.max(remembered) + 1;
        s.db.timeline = self.scenario.budget.confirmations - s.left.confirmations;
        (s.db.recorded, s.db.confirmed) = (s.db.identity, s.db.epoch);
        for (post, row) in s.db.rows.iter_mut().enumerate() {
            let is_due = row.stand == Stand::Scheduled && (s.due[post] || row.attempt > 0);
            if self.keeps(Rule::ConfirmationHoldsDue) && (is_due || row.stand == Stand::Claimed) {
                row.stand = Stand::Held;
                row.owner = NOBODY;
            }
        }
        s.grown = true;
        true
    }

    /// `held::review`: a held post goes now. Not while a freeze covers it, nor past its expiry.
    pub fn release(&self, s: &mut State, post: usize) -> bool {
        let is_frozen = s.db.view() == View::Frozen && post != UPDATE;
        let is_late = post == EXPIRING && s.expired;
        let row = s.db.rows[post];
        let under_way = s.nodes.iter().any(|n| n.slots[post].is_begun());
        let seen = s.net[post].copies > 0 || s.net[post].strays > 0 || under_way;
        let looks = self.assumes(Assumption::PeopleLook);
        let may = row.stand == Stand::Held && !is_frozen && !is_late && s.left.releases > 0;
        if !may || looks && seen || s.is_asked() {
            return false;
        }
        s.left.releases -= 1;
        let row = &mut s.db.rows[post];
        (row.stand, row.decided, s.by_thaw[post]) = (Stand::Scheduled, true, false);
        (s.due[post], s.awaited[post]) = (true, false);
        s.grown = true;
        true
    }

    /// `reads::note_read`, `settle::settle`: what is in doubt is found; or it is surely not there, and is tried again.
    /// Of a read only the node that made the attempt, and has it in hand no more, believes that.
    pub fn resolve(&self, s: &mut State, post: usize, person: bool) -> bool {
        let (row, net) = (s.db.rows[post], s.net[post]);
        if row.stand != Stand::InDoubt {
            return false;
        }
        let reads = |n: &Node| n.life == Life::Up && !n.on_clone;
        let found = net.copies > 0;
        let owner = s.nodes.get(usize::from(row.owner)).filter(|n| reads(n));
        let is_ended = owner.is_some_and(|n| n.slots[post].attempt != row.attempt);
        let in_hand = owner.is_some_and(|n| n.slots[post].attempt == row.attempt);
        let is_read = is_ended || found && !in_hand && s.nodes.iter().any(reads);
        if !person && !is_read {
            return false;
        }
        // Of an attempt that the database has lost, too.
        let other = |n: &Node| n.slots[post].attempt != row.attempt && n.slots[post].is_begun();
        let late = net.strays > 0 || s.nodes.iter().any(other);
        if !found && late && self.assumes(Assumption::LateRequestsLand) {
            return false;
        }
        let row = &mut s.db.rows[post];
        if found {
            row.stand = Stand::Accepted;
        } else if post == EXPIRING && s.expired {
            row.stand = Stand::Expired;
        } else {
            s.net[post].after_commit &= !bit(row.attempt);
            (row.stand, row.owner, row.decided) = (Stand::Scheduled, NOBODY, row.decided || person);
        }
        s.grown = true;
        true
    }
}
