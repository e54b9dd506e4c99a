//! Faults that are planted on purpose: what is said of Holdline in `ARCHITECTURE.md` is worth as much as the tests that
//! find each of them. They are compiled in with the feature `failpoints` only; a release build contains none of them.

#[cfg(feature = "failpoints")]
use std::cell::Cell;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    /// The gate lets begin what a freeze covers.
    GateForgetsFreezes,
    /// The gate stays open however long the primary has not been heard.
    GateForgetsItsLease,
    /// The gate lets begin what has expired.
    GateForgetsExpiry,
    /// A gate that opens anew lets begin what was permitted before, and others may have taken over.
    GateKeepsOldPermits,
    /// The same, of what is admitted only after it has opened.
    GateAdmitsOldPermits,
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
    /// What a node that is gone may have under way is not on the list.
    UnsettledIsNotListed,
    /// A node that runs can be taken off the list.
    NodeThatRunsIsForgotten,
    /// What a node has permitted is in doubt as soon as it is silent.
    SilentIsGone,
    /// A permit is given under a freeze.
    PermitForgetsFreezes,
    /// A permit is given for what was cancelled.
    PermitForgetsCancelled,
    /// A permit asks neither for the approval of the post nor for that of its words.
    PermitForgetsApproval,
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
    /// An outcome counts although its attempt was settled before.
    LateOutcomeCounts,
    /// One look that finds nothing is believed.
    AbsentOnceIsBelieved,
    /// Looks that find nothing are believed as long as a request can still land.
    AbsentSoonIsBelieved,
    /// Looks that find nothing are believed whoever has the request in hand.
    AbsentElsewhereIsBelieved,
    /// What reading back finds counts as not there.
    FoundIsAbsent,
    /// A doubt about what is in hand here is read back all the same.
    InHandIsReadBack,
    /// The log does not have the permits.
    PermitIsNotLogged,
    /// The log has a change in a change of its own, a moment later.
    LoggedAfterwards,
}

impl Planted {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::GateForgetsFreezes,
        Self::GateForgetsItsLease,
        Self::GateForgetsExpiry,
        Self::GateKeepsOldPermits,
        Self::GateAdmitsOldPermits,
        Self::GateListsNothing,
        Self::GateMarksNothing,
        Self::NodeSaysItFirst,
        Self::SealWithoutOneNode,
        Self::LandedIsNotListed,
        Self::UnsettledIsNotListed,
        Self::NodeThatRunsIsForgotten,
        Self::SilentIsGone,
        Self::PermitForgetsFreezes,
        Self::PermitForgetsCancelled,
        Self::PermitForgetsApproval,
        Self::ThawFloods,
        Self::ScopeForgetsAllowed,
        Self::ScopeForgetsLabels,
        Self::LostIsUnsent,
        Self::TakenOverIsUnsent,
        Self::NothingIsTakenOver,
        Self::LateOutcomeCounts,
        Self::AbsentOnceIsBelieved,
        Self::AbsentSoonIsBelieved,
        Self::AbsentElsewhereIsBelieved,
        Self::FoundIsAbsent,
        Self::InHandIsReadBack,
        Self::PermitIsNotLogged,
        Self::LoggedAfterwards,
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
