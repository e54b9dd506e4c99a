//! Faults that are planted on purpose: what is said of Holdline in `ARCHITECTURE.md` is worth as much as the tests that
//! find each of them. They are compiled in with the feature `failpoints` only; a release build contains none of them.

#[cfg(feature = "failpoints")]
use std::cell::Cell;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// The gate lets begin what a freeze covers.
    GateForgetsFreezes,
    /// The gate lets begin what has expired.
    GateForgetsExpiry,
    /// A freeze is told of nothing that is under way.
    GateListsNothing,
    /// What begins is not marked on the node's disk.
    GateMarksNothing,
    /// A node says that it has taken a freeze, and then closes its gate a second later.
    NodeSaysItFirst,
    /// A freeze is sealed although one node has not taken it.
    SealWithoutOneNode,
    /// What left between COMMITTED and a node's word, and is settled, is not on the list.
    LandedIsNotListed,
    /// A permit is given under a freeze.
    PermitForgetsFreezes,
    /// A thaw lets out what it held.
    ThawFloods,
    /// A freeze holds what it allows.
    ScopeForgetsAllowed,
    /// A freeze of some labels covers nothing of them.
    ScopeForgetsLabels,
    /// A request without an answer counts as one without effect.
    LostIsUnsent,
    /// What was in hand of a process that is gone goes back to the queue.
    TakenOverIsUnsent,
    /// What a process that is gone had in hand stays as it is.
    NothingIsTakenOver,
    /// One look that finds nothing is believed.
    AbsentOnceIsBelieved,
    /// What reading back finds counts as not there.
    FoundIsAbsent,
    /// The log does not have the permits.
    PermitIsNotLogged,
}

impl Planted {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::GateForgetsFreezes,
        Self::GateForgetsExpiry,
        Self::GateListsNothing,
        Self::GateMarksNothing,
        Self::NodeSaysItFirst,
        Self::SealWithoutOneNode,
        Self::LandedIsNotListed,
        Self::PermitForgetsFreezes,
        Self::ThawFloods,
        Self::ScopeForgetsAllowed,
        Self::ScopeForgetsLabels,
        Self::LostIsUnsent,
        Self::TakenOverIsUnsent,
        Self::NothingIsTakenOver,
        Self::AbsentOnceIsBelieved,
        Self::FoundIsAbsent,
        Self::PermitIsNotLogged,
    ];
}

#[cfg(feature = "failpoints")]
thread_local! {
    static NOW: Cell<Option<Planted>> = const { Cell::new(None) };
}

/// Plants a fault in whatever this thread runs from now on, or none.
#[cfg(feature = "failpoints")]
pub fn plant(fault: Option<Planted>) {
    NOW.set(fault);
}

/// Whether this fault is planted.
#[cfg(feature = "failpoints")]
pub fn planted(fault: Planted) -> bool {
    NOW.get() == Some(fault)
}

/// Whether this fault is planted: none is, in this build.
#[cfg(not(feature = "failpoints"))]
pub const fn planted(_: Planted) -> bool {
    false
}
