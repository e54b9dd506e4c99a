//! Faults that are planted on purpose: the simulation must find each of them, by the check that is there for it.

use channels::planted::Planted;

use crate::sentences as s;

/// What is wrong in a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A rule that the code forgets.
    Code(Planted),
    /// The bytes leave well after the gate was read.
    BytesLeaveLate,
    /// The bytes were there before the permit.
    BytesLeaveEarly,
    /// The first words leave, whatever an edit has put in their place.
    FirstWordsLeave,
    /// The marks of what has begun are lost in a crash, and their file counts all the same.
    MarksAreLost,
    /// What leaves names another delivery than its own.
    NamesAnother,
    /// What is for one channel goes to the other.
    WrongChannel,
}

impl Fault {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let code = Planted::ALL.iter().map(|fault| Self::Code(*fault));
        code.chain([
            Self::BytesLeaveLate,
            Self::BytesLeaveEarly,
            Self::FirstWordsLeave,
            Self::MarksAreLost,
            Self::NamesAnother,
            Self::WrongChannel,
        ])
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|fault| fault.name() == name)
    }

    pub fn name(self) -> String {
        match self {
            Self::Code(fault) => format!("{fault:?}"),
            other => format!("{other:?}"),
        }
    }

    /// What the code is to forget.
    pub fn in_code(this: Option<Self>) -> Option<Planted> {
        match this {
            Some(Self::Code(fault)) => Some(fault),
            _ => None,
        }
    }

    /// The sentences of the checks that must find it, each of them.
    pub fn breaks(self) -> &'static [&'static str] {
        match self {
            Self::Code(fault) => breaks(fault),
            Self::BytesLeaveLate => &[s::NO_BYTE],
            Self::BytesLeaveEarly => &[s::HAS_ATTEMPT],
            Self::FirstWordsLeave => &[s::VOIDED],
            Self::MarksAreLost => &[s::ONE_COPY],
            Self::NamesAnother => &[s::OF_A_DELIVERY],
            Self::WrongChannel => &[s::PLACE],
        }
    }
}

fn breaks(fault: Planted) -> &'static [&'static str] {
    match fault {
        Planted::GateForgetsFreezes | Planted::NodeSaysItFirst | Planted::SealWithoutOneNode => &[s::NO_BYTE],
        Planted::GateForgetsExpiry => &[s::EXPIRY],
        Planted::GateListsNothing | Planted::LandedIsNotListed => &[s::LISTED],
        Planted::GateListsWhatWaits => &[s::LISTED_ONLY],
        Planted::GateMarksNothing | Planted::LostIsUnsent | Planted::TakenOverIsUnsent => &[s::ONE_COPY],
        Planted::NodeNeverAnswers => &[s::SEALS],
        Planted::PermitForgetsFreezes => &[s::NO_PERMIT],
        Planted::PermitForgetsCancelled => &[s::CANCELLED],
        Planted::RecallIsForgotten => &[s::RECALLED],
        Planted::ApprovalOutlivesEdit => &[s::APPROVED, s::HASH],
        Planted::AttemptHasAnotherHash => &[s::ATTEMPT_HASH],
        Planted::ThawFloods => &[s::THAW],
        Planted::ScopeForgetsAllowed => &[s::HELD_BY_ITS_FREEZE],
        Planted::ScopeForgetsLabels => &[s::NO_PERMIT],
        Planted::RetryOnReset => &[s::ONE_COPY],
        Planted::NothingIsTakenOver => &[s::ENDS, s::IN_HAND],
        // A freeze or the expiry mostly comes before it is sent again: by then it is held or expired, and on the channel.
        Planted::AbsentOnceIsBelieved | Planted::FoundIsAbsent => &[s::OUTCOME],
        Planted::PermitIsNotLogged | Planted::LoggedAfterwards => &[s::ENTRY_OF_PERMIT],
        Planted::ApprovalIsNotLogged
        | Planted::EditIsNotLogged
        | Planted::CancelIsNotLogged
        | Planted::DecisionIsNotLogged
        | Planted::SettlementIsNotLogged => &[s::ENTRY_OF_PEOPLE],
        Planted::CommittedIsNotLogged | Planted::SealedIsNotLogged | Planted::ThawedIsNotLogged => {
            &[s::ENTRY_OF_FREEZE]
        }
        Planted::TreeHasOtherLeaves => &[s::ROOT],
        Planted::LogCountsFromOne => &[s::NUMBERED],
        Planted::LeaseIsEndless => &[s::NO_BYTE],
        Planted::SealByLease => &[s::LISTED],
        Planted::RefusedIsNotListed
        | Planted::OpensOnAnyEpoch
        | Planted::CopyIsNotTold
        | Planted::ConfirmationReleasesDue
        | Planted::ApproverMayBeAuthor
        | Planted::GuardIsShared => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_has_a_fault_that_it_must_find() {
        let found: Vec<_> = Fault::all().flat_map(Fault::breaks).collect();
        let unproved: Vec<_> = s::ALL.iter().filter(|check| !found.contains(check)).collect();
        assert!(unproved.is_empty(), "no fault shows that these can fail: {unproved:?}");
    }

    #[test]
    fn a_fault_is_known_by_its_name_alone() {
        for fault in Fault::all() {
            assert_eq!(Fault::named(&fault.name()), Some(fault));
        }
        assert_eq!(Fault::named("Nothing"), None);
    }
}
