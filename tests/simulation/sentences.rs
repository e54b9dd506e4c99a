//! What the checks say when an invariant is broken: the beginning of each sentence, with the invariant's number in the
//! design. A planted fault names the ones that must find it, and `tests/EVIDENCE.md` has them all.

pub const HELD_BY_ITS_FREEZE: &str = "I1 a freeze holds what it covers, and nothing else";
pub const NO_PERMIT: &str = "I1 no permit for a covered post after COMMITTED";
pub const NO_BYTE: &str = "I1 no covered byte after SEALED";
pub const SEALS: &str = "I1 a freeze is sealed once every node runs";
pub const LISTED: &str = "I1 the in-flight list has what the channels saw";
pub const LISTED_ONLY: &str = "I1 the in-flight list has no more than the channels saw";
pub const HAS_ATTEMPT: &str = "I2 bytes have an attempt";
pub const ONE_COPY: &str = "I2 at most one accepted copy of a post";
pub const ENDS: &str = "I2 each delivery ends";
pub const OUTCOME: &str = "I2 the outcome is what the channel has";
pub const OF_A_DELIVERY: &str = "I2 a copy is of a delivery";
pub const PLACE: &str = "I2 a copy is where it belongs";
pub const IN_HAND: &str = "I2 nothing is sending that nobody has in hand";
pub const APPROVED: &str = "I3 the bytes are what was approved";
pub const VOIDED: &str = "I3 an edit voids the approval";
pub const HASH: &str = "I3 the hash that was approved is that of the content";
pub const ATTEMPT_HASH: &str = "I3 the attempt is of the content";
pub const ENTRY_OF_PERMIT: &str = "I4 one entry for each permit";
pub const ENTRY_OF_FREEZE: &str = "I4 one entry for each mark of a freeze";
pub const ENTRY_OF_PEOPLE: &str = "I4 an entry for each thing that a person was told is done";
pub const NUMBERED: &str = "I4 the entries of the log can be read, and have no gap";
pub const ROOT: &str = "I4 the root of the log is that of its entries";
pub const THAW: &str = "I9 a thaw releases nothing";
pub const EXPIRY: &str = "I9 nothing begins past its expiry";
pub const CANCELLED: &str = "I9 no permit for what was cancelled";
pub const RECALLED: &str = "I9 no byte of what was cancelled leaves a node that has taken it back";

/// All of them.
pub const ALL: &[&str] = &[
    HELD_BY_ITS_FREEZE,
    NO_PERMIT,
    NO_BYTE,
    SEALS,
    LISTED,
    LISTED_ONLY,
    HAS_ATTEMPT,
    ONE_COPY,
    ENDS,
    OUTCOME,
    OF_A_DELIVERY,
    PLACE,
    IN_HAND,
    APPROVED,
    VOIDED,
    HASH,
    ATTEMPT_HASH,
    ENTRY_OF_PERMIT,
    ENTRY_OF_FREEZE,
    ENTRY_OF_PEOPLE,
    NUMBERED,
    ROOT,
    THAW,
    EXPIRY,
    CANCELLED,
    RECALLED,
];
