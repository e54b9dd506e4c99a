//! Faults that are planted on purpose: the simulation must find each of them.

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Planted {
    Nothing,
    /// The client says that there was no connection when an answer is lost: the post is sent again.
    LostIsUnsent,
    /// The gate is read well before the bytes leave.
    GateReadEarly,
    /// The marks of what has begun are lost in a crash, and their file counts all the same.
    MarksAreLost,
}

impl Planted {
    pub const ALL: [Self; 3] = [Self::LostIsUnsent, Self::GateReadEarly, Self::MarksAreLost];
}
