//! The states of a delivery, and the only moves between them.

use serde::{Deserialize, Serialize};

use super::Word;

/// Where one post on one channel stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Not approved yet: not in the queue.
    Draft,
    /// Approved, waits for its time.
    Scheduled,
    /// Due, taken by a node, judged again before its permit.
    Claimed,
    /// An attempt is written down; its bytes may have left.
    Sending,
    /// Fell due under a freeze, or was approved too late; a person decides.
    Held,
    /// Its `valid_until` passed before it could start.
    Expired,
    /// Bytes left and no full answer came.
    InDoubt,
    Accepted,
    /// Will not be tried again by itself.
    Failed,
    Cancelled,
    /// Was out, as a whole or for some, and taken down.
    Retracted,
}

impl Word for State {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("draft", Self::Draft),
        ("scheduled", Self::Scheduled),
        ("claimed", Self::Claimed),
        ("sending", Self::Sending),
        ("held", Self::Held),
        ("expired", Self::Expired),
        ("in_doubt", Self::InDoubt),
        ("accepted", Self::Accepted),
        ("failed", Self::Failed),
        ("cancelled", Self::Cancelled),
        ("retracted", Self::Retracted),
    ];
}

/// What can happen to a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The approval is complete, or a person released or rescheduled it.
    Schedule,
    /// An edit voided the approval.
    Unapprove,
    Claim,
    /// A claim is given back: its node stopped, or its channel waits.
    Return,
    Hold,
    Expire,
    Permit,
    Accept,
    /// Provably no effect, and another try is due.
    Retry,
    Fail,
    Doubt,
    Cancel,
    Retract,
    /// A person saw what a network had only said to have started.
    Confirm,
    /// A person did not find what a network had only said to have started.
    Deny,
}

impl Move {
    /// What a delivery does then: "it cannot be held".
    fn words(self) -> &'static str {
        match self {
            Self::Schedule => "be scheduled",
            Self::Unapprove => "become a draft again",
            Self::Claim => "be claimed",
            Self::Return => "be put back into the queue",
            Self::Hold => "be held",
            Self::Expire => "expire",
            Self::Permit => "get a permit",
            Self::Accept => "be accepted",
            Self::Retry => "be tried again",
            Self::Fail => "fail",
            Self::Doubt => "come into doubt",
            Self::Cancel => "be cancelled",
            Self::Retract => "be retracted",
            Self::Confirm => "be confirmed",
            Self::Deny => "be found missing",
        }
    }
}

/// A move that the state does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a delivery that is {} cannot {}", .from.word(), .what.words())]
pub struct Refused {
    pub from: State,
    pub what: Move,
}

impl State {
    /// The state after the move.
    ///
    /// # Errors
    /// [`Refused`] when the move is not allowed from here.
    pub fn after(self, what: Move) -> Result<Self, Refused> {
        use Move as M;
        match (self, what) {
            (Self::Draft | Self::Held | Self::Failed | Self::Expired, M::Schedule) => Ok(Self::Scheduled),
            (Self::Draft | Self::Scheduled | Self::Held | Self::Failed | Self::Expired, M::Unapprove) => {
                Ok(Self::Draft)
            }
            (Self::Scheduled, M::Claim) => Ok(Self::Claimed),
            (Self::Claimed, M::Return) => Ok(Self::Scheduled),
            (Self::Draft | Self::Scheduled | Self::Claimed | Self::Sending, M::Hold) => Ok(Self::Held),
            (Self::Scheduled | Self::Claimed | Self::Held | Self::Sending, M::Expire) => Ok(Self::Expired),
            (Self::Claimed, M::Permit) => Ok(Self::Sending),
            (Self::Sending | Self::InDoubt, M::Accept) => Ok(Self::Accepted),
            (Self::Sending | Self::InDoubt, M::Retry) => Ok(Self::Scheduled),
            (Self::Claimed | Self::Sending | Self::InDoubt, M::Fail) => Ok(Self::Failed),
            (Self::Sending, M::Doubt) => Ok(Self::InDoubt),
            (
                Self::Draft | Self::Scheduled | Self::Claimed | Self::Held | Self::Failed | Self::Expired,
                M::Cancel,
            ) => Ok(Self::Cancelled),
            // Some recipients can have it although the post was never accepted as a whole.
            (Self::Accepted | Self::InDoubt | Self::Held | Self::Failed | Self::Expired, M::Retract) => {
                Ok(Self::Retracted)
            }
            (Self::Accepted, M::Confirm) => Ok(Self::Accepted),
            (Self::Accepted, M::Deny) => Ok(Self::Failed),
            (from, what) => Err(Refused { from, what }),
        }
    }

    /// It is being sent, or waits for that: it goes on by itself.
    pub fn is_on_its_way(self) -> bool {
        matches!(self, Self::Scheduled | Self::Claimed | Self::Sending)
    }

    /// Nothing more happens to it by itself.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Accepted | Self::Failed | Self::Cancelled | Self::Expired | Self::Retracted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOVES: [Move; 15] = [
        Move::Schedule,
        Move::Unapprove,
        Move::Claim,
        Move::Return,
        Move::Hold,
        Move::Expire,
        Move::Permit,
        Move::Accept,
        Move::Retry,
        Move::Fail,
        Move::Doubt,
        Move::Cancel,
        Move::Retract,
        Move::Confirm,
        Move::Deny,
    ];

    #[test]
    fn what_was_accepted_is_never_sent_again_unless_a_person_did_not_find_it() {
        for start in [State::Accepted, State::Retracted] {
            for what in MOVES {
                let next = match what {
                    _ if start == State::Retracted => None,
                    Move::Retract => Some(State::Retracted),
                    Move::Confirm => Some(State::Accepted),
                    Move::Deny => Some(State::Failed),
                    _ => None,
                };
                assert_eq!(start.after(what).ok(), next, "{start:?} {what:?}");
            }
        }
    }

    #[test]
    fn bytes_leave_only_from_a_claim() {
        for (_, from) in State::WORDS {
            assert_eq!(from.after(Move::Permit).is_ok(), *from == State::Claimed, "{from:?}");
        }
    }

    #[test]
    fn what_is_in_doubt_is_settled_or_taken_down_or_tried_again_after_proof_only() {
        let out: Vec<_> = MOVES.iter().filter_map(|m| State::InDoubt.after(*m).ok()).collect();
        assert_eq!(out, [State::Accepted, State::Scheduled, State::Failed, State::Retracted]);
    }
}
