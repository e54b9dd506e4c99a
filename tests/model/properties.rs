//! What must always hold, and what must be seen to happen.

use stateright::Property;

use crate::model::Holdline;
use crate::state::{EXPIRING, Freeze, Life, Phase, Silence, Stand, State, UPDATE, bit};

type Check = fn(&Holdline, &State) -> bool;

/// The invariants, each with its name.
pub const INVARIANTS: &[(&str, Check)] = &[
    ("I1 no permit for a covered post after COMMITTED", |_, s| !s.broken.permit_after_commit),
    ("I1 no covered byte after SEALED, but of what is listed", |_, s| !s.broken.byte_after_seal),
    ("I1 the in-flight list has what the channels saw", |m, s| m.list_is_whole(s)),
    ("I2 at most one accepted copy of a post", |_, s| s.net.iter().all(|net| net.copies <= 1)),
    ("I2 nothing is sending that nobody has in hand", |m, s| m.sending_is_in_hand(s)),
    ("I7 no gate opens on a database in doubt", |_, s| !s.broken.opened_unconfirmed),
    ("I7 nothing begins that a database in doubt permitted", |_, s| !s.broken.begun_unconfirmed),
    ("I9 nothing begins past its expiry", |_, s| !s.broken.begun_late),
    ("I9 a thaw releases nothing", |_, s| !s.broken.begun_by_thaw),
];

/// Whether every invariant holds.
pub fn holds(model: &Holdline, state: &State) -> bool {
    INVARIANTS.iter().all(|(_, check)| check(model, state))
}

type Situation = fn(&State) -> bool;

/// Situations that the model must come into, each with its name: where nothing happens, nothing is proved.
pub const SITUATIONS: &[(&str, Situation)] = &[
    ("sealed while a covered send is on the list and under way", |s| {
        sealed(s)
            && slots(s)
                .any(|(post, slot)| slot.0 == Phase::Passed && post != UPDATE && listed(s, post, slot.1))
    }),
    ("sealed, and a covered copy has landed that is on the list", |s| {
        sealed(s) && s.net.iter().enumerate().any(|(post, net)| net.after_commit & s.db.flights[post] != 0)
    }),
    ("committed, and a node that is cut off keeps it from being sealed", |s| {
        let missing = |n: usize| {
            s.nodes[n].life == Life::Cut && s.db.nodes[n].on && s.db.nodes[n].acked < s.db.frozen_at
        };
        s.db.freeze == Freeze::Committed && (0..s.nodes.len()).filter(|n| missing(*n)).count() == 1
    }),
    ("sealed after a person took a silent node off the list", |s| {
        sealed(s) && s.db.nodes.iter().any(|n| !n.on)
    }),
    ("the gate stops what was permitted before the freeze", |s| {
        slots(s).any(|(_, slot)| slot.0 == Phase::Stopped)
    }),
    ("the update is accepted under a sealed freeze", |s| {
        sealed(s) && s.db.rows[UPDATE].stand == Stand::Accepted
    }),
    ("held by the freeze, lifted, and still held", |s| s.db.freeze == Freeze::Lifted && any(s, Stand::Held)),
    ("released by a person after the thaw, and accepted", |s| {
        s.db.freeze == Freeze::Lifted && s.db.rows.iter().any(|r| r.decided && r.stand == Stand::Accepted)
    }),
    ("expired before it could begin", |s| s.db.rows[EXPIRING].stand == Stand::Expired),
    ("expired after its permit, before it could begin", |s| {
        let row = s.db.rows[EXPIRING];
        row.stand == Stand::Expired && row.attempt > 0 && s.net[EXPIRING].copies == 0
    }),
    ("accepted, and the answer is lost", |s| in_doubt(s).any(|post| s.net[post].copies == 1)),
    ("in doubt, and it never arrived", |s| {
        in_doubt(s).any(|post| s.net[post].copies + s.net[post].strays == 0)
    }),
    ("a late request lands after its process is gone", |s| {
        in_doubt(s).any(|post| s.net[post].copies == 1 && s.nodes.iter().any(|n| n.life == Life::Down))
    }),
    ("accepted by a second attempt", |s| {
        s.db.rows.iter().any(|r| r.attempt == 2 && r.stand == Stand::Accepted)
    }),
    ("a crash between the permit and the gate", |s| {
        let down = |owner: u8| s.nodes.get(usize::from(owner)).is_some_and(|n| n.life == Life::Down);
        s.db.rows.iter().enumerate().any(|(post, r)| {
            let n = s.nodes.get(usize::from(r.owner));
            down(r.owner) && r.stand == Stand::Sending && n.is_some_and(|n| n.owned && n.marks[post] == 0)
        })
    }),
    ("a silent node is taken over while a permit waits in it", |s| {
        s.nodes
            .iter()
            .any(|n| n.silence == Silence::Gone && n.slots.iter().any(|slot| slot.phase == Phase::Admitted))
    }),
    ("a permit from before a cut is ended when the gate opens anew", |s| {
        s.nodes.iter().any(|n| n.gate.is_open() && n.slots.iter().any(|slot| slot.ended))
    }),
    ("a commit whose answer is lost is given up", |s| slots(s).any(|(_, slot)| slot.0 == Phase::Unanswered)),
    ("a restored database does not know a copy that is out", |s| {
        let unknown = |post: usize| s.net[post].copies == 1 && s.db.rows[post].attempt == 0;
        s.db.is_in_doubt() && (0..s.net.len()).any(unknown)
    }),
    ("what may be out is held when the database is confirmed", |s| {
        s.db.timeline > 0
            && (0..s.net.len()).any(|post| s.net[post].copies == 1 && s.db.rows[post].stand == Stand::Held)
    }),
    ("a post goes out on a database that was confirmed", |s| {
        s.db.timeline > 0 && slots(s).any(|(_, slot)| slot.0 == Phase::Out && slot.1 > crate::state::ATTEMPTS)
    }),
    ("a node on a clone keeps its gate closed, and something is due there", |s| {
        let waits = s.copy.as_ref().is_some_and(|copy| copy.rows[UPDATE].stand == Stand::Scheduled);
        waits && s.due[UPDATE] && s.nodes.iter().any(|n| n.on_clone && n.doubt.is_some())
    }),
];

fn sealed(s: &State) -> bool {
    s.db.freeze == Freeze::Sealed
}

fn listed(s: &State, post: usize, attempt: u8) -> bool {
    s.db.flights[post] & bit(attempt) != 0
}

fn any(s: &State, stand: Stand) -> bool {
    s.db.rows.iter().any(|row| row.stand == stand)
}

fn in_doubt(s: &State) -> impl Iterator<Item = usize> + '_ {
    (0..s.net.len()).filter(|post| s.db.rows[*post].stand == Stand::InDoubt)
}

/// The attempts in the hands of processes: post, phase and number.
fn slots(s: &State) -> impl Iterator<Item = (usize, (Phase, u8))> + '_ {
    s.nodes.iter().flat_map(|n| n.slots.iter().map(|slot| (slot.phase, slot.attempt)).enumerate())
}

macro_rules! situations {
    ($($number:literal)*) => {
        vec![$(Property::sometimes(SITUATIONS[$number].0, |m: &Holdline, s: &State| m.meets($number, s))),*]
    };
}

macro_rules! invariants {
    ($($number:literal)*) => {
        vec![$(Property::always(INVARIANTS[$number].0, |m: &Holdline, s: &State| (INVARIANTS[$number].1)(m, s))),*]
    };
}

/// All of them, for the checker.
pub fn all() -> Vec<Property<Holdline>> {
    let mut all = invariants!(0 1 2 3 4 5 6 7 8);
    all.extend(situations!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21));
    assert_eq!(all.len(), INVARIANTS.len() + SITUATIONS.len(), "the checker gets each of them");
    all
}
