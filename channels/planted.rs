//! Faults that are planted on purpose: what is said of Holdline in `ARCHITECTURE.md` is worth as much as the tests that
//! find each of them. A rule that stands behind another one is planted with it: alone it breaks nothing. They are compiled
//! in with the feature `failpoints` only, which does not build without debug assertions: a release build contains none.
//!
//! A thread has its own (`plant`), as a seed of the simulation needs it; `HOLDLINE_PLANTED=NAME` plants one in a whole
//! process.

#[cfg(feature = "failpoints")]
use std::cell::Cell;
#[cfg(feature = "failpoints")]
use std::sync::OnceLock;

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
    /// What left between COMMITTED and a node's word, and was refused, is not on the list.
    RefusedIsNotListed,
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
    /// The gate stays open however long its node hears nothing from the primary.
    LeaseIsEndless,
    /// A freeze is sealed without the nodes that were silent for longer than their gate stays open.
    SealByLease,
    /// A node opens its gate whatever epoch, log and timeline the database has.
    OpensOnAnyEpoch,
    /// A node does not see that its database is a copy, or another one than before.
    CopyIsNotTold,
    /// What was due when a person confirms a database goes out by itself.
    ConfirmationReleasesDue,
    /// Whoever wrote on a text may approve it.
    ApproverMayBeAuthor,
    /// A freeze on PostgreSQL does not wait for permits that are half-way.
    GuardIsShared,
}

impl Planted {
    /// Those that the simulation must find.
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
        Self::LeaseIsEndless,
        Self::SealByLease,
    ];

    /// Those about what the simulation does not have (the return from a restore or a copy, two persons, the locks of
    /// PostgreSQL) or comes into too seldom. Tests of these must find them.
    pub const OF_TESTS: &[Self] = &[
        Self::RefusedIsNotListed,
        Self::OpensOnAnyEpoch,
        Self::CopyIsNotTold,
        Self::ConfirmationReleasesDue,
        Self::ApproverMayBeAuthor,
        Self::GuardIsShared,
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

/// What is planted in this thread, or else in the whole process.
#[cfg(feature = "failpoints")]
fn now() -> Option<Planted> {
    NOW.get().or_else(of_process)
}

/// What `HOLDLINE_PLANTED` names. Another word than a fault ends whoever asks: nothing would be tried.
#[cfg(feature = "failpoints")]
fn of_process() -> Option<Planted> {
    static OF_PROCESS: OnceLock<Option<Planted>> = OnceLock::new();
    *OF_PROCESS.get_or_init(|| {
        let name = std::env::var("HOLDLINE_PLANTED").ok()?;
        let known = Planted::ALL.iter().chain(Planted::OF_TESTS).find(|fault| format!("{fault:?}") == name);
        assert!(known.is_some(), "HOLDLINE_PLANTED={name}: there is no such fault");
        known.copied()
    })
}

/// Whether this fault is planted.
#[cfg(feature = "failpoints")]
pub fn planted(fault: Planted) -> bool {
    now() == Some(fault)
}

/// Whether this fault is planted: none is, in this build.
#[cfg(not(feature = "failpoints"))]
pub const fn planted(_: Planted) -> bool {
    false
}

/// Whether the log is to be without an entry of this kind.
#[cfg(feature = "failpoints")]
pub fn unlogged(verb: &str) -> bool {
    let without = match now() {
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
