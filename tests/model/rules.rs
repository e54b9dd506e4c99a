//! The rules of the real path, each of which can be taken out, and what is taken for granted of the world.

/// A rule that Holdline keeps. The model without it must break an invariant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// `freezes::seal`: every node on the list has taken the epoch. Without: a node whose lease has run out is not
    /// waited for.
    SealNotByLease,
    /// `Tx::lowest_acked_epoch`. Without: one node may be missing.
    SealNeedsEveryNode,
    /// `freezes::acknowledge`: what had begun is listed with it.
    AcknowledgementListsBegun,
    /// `Keeper::behind`: a database that the node did not know, or that is behind, stays closed. Without: its gate
    /// opens on whatever epoch it finds.
    OpensOnKnownEpoch,
    /// `Store::identity`: a copy is told from the database it was made of. Without: the log and the epoch alone.
    CopyIsTold,
    /// `nodes::confirm`: what is due is held. Without: it is sent again after a restore.
    ConfirmationHoldsDue,
    /// `Gate::begin`: the gate is read at the first byte. Without: the permit is enough.
    GateReadAtFirstByte,
    /// `State::is_open`: the gate closes when the primary has not been heard for the lease.
    LeaseClosesGate,
    /// `Gate::open`, `Gate::admit`: what was permitted before a gate was closed or cut off begins no more.
    ReopenedGateEndsPermits,
    /// `State::look`: the expiry is looked at again at the first byte.
    GateChecksExpiry,
    /// `Store::begin_exclusive`: no permit is half-way while a freeze is committed.
    GuardIsExclusive,
    /// `permits::decide`: the freezes in force are read in the change that permits.
    PermitIsJudged,
    /// `send::outcome`: no full answer is a doubt. Without: a connection that was reset is tried again.
    ResetIsDoubt,
    /// `freezes::thaw`: it changes no delivery. Without: it puts back what it held.
    ThawReleasesNothing,
    /// `Order::covers`: a lifted freeze still covers what fell due before.
    LiftedStillCovers,
    /// `nodes::take_over_silent`: three minutes pass before what a silent node may have under way is in doubt.
    TakeOverWaits,
    /// `dispatch::start`: nothing begins before its attempt is in the database. Without: it is written after.
    AttemptBeforeFirstByte,
    /// `Marks::mark`: what begins is marked before. Without: when its answer has come.
    MarkBeforeFirstByte,
    /// `marks::before`: marks count only while the machine has not started again.
    MarksOfThisStartOnly,
    /// `sending::take_over`: a permit that may have begun is in doubt. Without: it goes back to the queue.
    CrashIsDoubt,
    /// `permits::abandon`: nothing of a change whose answer was lost begins.
    UnansweredBeginsNothing,
    /// `Store::identity_in`: a permit is refused by another database than the gate was opened for. Without: a
    /// failover within the lease is not seen before the next look at the gate.
    PermitAsksDatabase,
    /// `confirming::Since`: what was permitted before a confirmation does not go back into the queue by itself.
    LateOutcomeIsHeld,
    /// `nodes::give_up_unknown`: what a process has in hand no more is in doubt, while it runs.
    UnknownIsDoubt,
    /// `freezes::acknowledge`: where the database may have lost outcomes, whatever has none is listed. Without: what
    /// the process has under way, since the epoch that it remembers.
    LostOutcomesAreListed,
}

impl Rule {
    pub const ALL: &[Self] = &[
        Self::SealNotByLease,
        Self::SealNeedsEveryNode,
        Self::AcknowledgementListsBegun,
        Self::OpensOnKnownEpoch,
        Self::CopyIsTold,
        Self::ConfirmationHoldsDue,
        Self::GateReadAtFirstByte,
        Self::LeaseClosesGate,
        Self::ReopenedGateEndsPermits,
        Self::GateChecksExpiry,
        Self::GuardIsExclusive,
        Self::PermitIsJudged,
        Self::ResetIsDoubt,
        Self::ThawReleasesNothing,
        Self::LiftedStillCovers,
        Self::TakeOverWaits,
        Self::AttemptBeforeFirstByte,
        Self::MarkBeforeFirstByte,
        Self::MarksOfThisStartOnly,
        Self::CrashIsDoubt,
        Self::UnansweredBeginsNothing,
        Self::PermitAsksDatabase,
        Self::LateOutcomeIsHeld,
        Self::UnknownIsDoubt,
        Self::LostOutcomesAreListed,
    ];
}

/// What the model takes for granted. Each is a known limit: without it an invariant breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assumption {
    /// What a process has begun ends within the three minutes that others wait: it is not paused for longer
    /// between the gate's yes and the answer, and no request is on the way for longer.
    BegunEnds,
    /// A request that is on the way, also one that a restore has lost, has landed when its absence is believed, or a
    /// person says that it is not there.
    LateRequestsLand,
    /// A database is confirmed when every gate that was opened for the one before has closed by itself, or has seen
    /// the new one: five seconds after it took that one's place.
    ConfirmationOutlastsLeases,
    /// The in-flight list of a freeze is about attempts that its database knows: not about those that a restore
    /// has lost.
    ListsKnowTheirOwn,
    /// A person who releases what was held has looked, when nothing of it was under way, and it is not there.
    PeopleLook,
}

impl Assumption {
    pub const ALL: &[Self] = &[
        Self::BegunEnds,
        Self::LateRequestsLand,
        Self::ConfirmationOutlastsLeases,
        Self::ListsKnowTheirOwn,
        Self::PeopleLook,
    ];
}
