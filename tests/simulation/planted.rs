//! Faults that are planted on purpose: the simulation must find each of them.

use channels::planted::Planted;

/// What is wrong in a seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A rule that the code forgets.
    Code(Planted),
    /// The bytes leave well after the gate was read.
    BytesLeaveLate,
    /// The marks of what has begun are lost in a crash, and their file counts all the same.
    MarksAreLost,
}

impl Fault {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let code = Planted::ALL.iter().map(|fault| Self::Code(*fault));
        code.chain([Self::BytesLeaveLate, Self::MarksAreLost])
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
}
