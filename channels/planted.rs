//! Faults that are planted on purpose: what is said of Holdline in `ARCHITECTURE.md` is worth as much as the tests that
//! find each of them. A rule that stands behind another one is planted with it: alone it breaks nothing. They are compiled
//! in with the feature `failpoints` only, which does not build without debug assertions: a release build contains none.

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
    /// A freeze is told of what waits for its first byte, as if that had left.
    GateListsWhatWaits,
    /// One node never takes a freeze.
    NodeNeverAnswers,
    /// A permit is given although people have cancelled the post: that, and that it is not approved any more.
    PermitForgetsCancelled,
    /// What people have cancelled begins all the same, where it waited with its permit.
    RecallIsForgotten,
    /// The hash of what was approved is not looked at, and an edit leaves the approval in force.
    ApprovalOutlivesEdit,
    /// An attempt is written down with the hash of other content.
    AttemptHasAnotherHash,
    /// A connection that breaks makes the sender send again at once.
    RetryOnReset,
    /// The log gets its entries in a change of their own, after the one that they tell of.
    LoggedAfterwards,
    /// The log does not have the approvals.
    ApprovalIsNotLogged,
    /// The log does not have the edits.
    EditIsNotLogged,
    /// The log does not have what people cancel.
    CancelIsNotLogged,
    /// The log does not have what people decide of what is held.
    DecisionIsNotLogged,
    /// The log does not have what people say of a doubt.
    SettlementIsNotLogged,
    /// The log does not have that a freeze is COMMITTED.
    CommittedIsNotLogged,
    /// The log does not have that a freeze is SEALED.
    SealedIsNotLogged,
    /// The log does not have that a freeze is lifted.
    ThawedIsNotLogged,
    /// The tree of the log has something else than the entries.
    TreeHasOtherLeaves,
    /// The entries of the log have the number of the one after them.
    LogCountsFromOne,
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
        Self::GateListsWhatWaits,
        Self::NodeNeverAnswers,
        Self::PermitForgetsCancelled,
        Self::RecallIsForgotten,
        Self::ApprovalOutlivesEdit,
        Self::AttemptHasAnotherHash,
        Self::RetryOnReset,
        Self::LoggedAfterwards,
        Self::ApprovalIsNotLogged,
        Self::EditIsNotLogged,
        Self::CancelIsNotLogged,
        Self::DecisionIsNotLogged,
        Self::SettlementIsNotLogged,
        Self::CommittedIsNotLogged,
        Self::SealedIsNotLogged,
        Self::ThawedIsNotLogged,
        Self::TreeHasOtherLeaves,
        Self::LogCountsFromOne,
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

/// Whether the log is to be without an entry of this kind.
#[cfg(feature = "failpoints")]
pub fn unlogged(verb: &str) -> bool {
    let without = match NOW.get() {
        Some(Planted::ApprovalIsNotLogged) => "post.approved",
        Some(Planted::EditIsNotLogged) => "post.edited",
        Some(Planted::CancelIsNotLogged) => "post.cancelled",
        Some(Planted::DecisionIsNotLogged) => "delivery.reviewed",
        Some(Planted::SettlementIsNotLogged) => "doubt.settled",
        Some(Planted::CommittedIsNotLogged) => "freeze.committed",
        Some(Planted::SealedIsNotLogged) => "freeze.sealed",
        Some(Planted::ThawedIsNotLogged) => "freeze.thawed",
        _ => return false,
    };
    verb == without
}

/// Whether the log is to be without an entry of this kind: it has all, in this build.
#[cfg(not(feature = "failpoints"))]
pub const fn unlogged(_: &str) -> bool {
    false
}
