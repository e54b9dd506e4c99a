//! What an adapter does otherwise than most, so that the core asks the adapter for it and not for its name.

use serde_json::Value;

use crate::Limits;

/// How an adapter differs from most.
#[derive(Debug, Clone, Copy)]
pub struct Ways {
    /// What the settings of a channel make of the limits of its network or account.
    pub limits_by: Option<fn(&Value, Limits) -> Limits>,
    /// How many minutes lie between two looks at an account, at least. Nothing: the network takes money for each look, so
    /// nobody looks but where the setting `watch` asks for it.
    pub looks_every: Option<i64>,
    /// Until when pictures are fetched from this service, where the network fetches them
    /// ([`crate::Capabilities::fetches`]) or what is sent names them ([`Fetched::Named`]).
    pub fetched: Fetched,
    /// Its requests are signed with the time, and refused where the clocks differ.
    pub signs_time: bool,
    /// People can plan posts in the network itself, and no call of its API lists them: a freeze holds none of them.
    pub plans_unseen: bool,
}

/// Until when a network fetches a post's pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fetched {
    /// While the attempt is under way: its answer says that it has them.
    Sending,
    /// Within half an hour: it takes the post first, and looks at the pictures when it sends it.
    Afterwards,
    /// As often as somebody looks at the post: it keeps no copy.
    Shown,
    /// What is sent names each picture by an address ([`crate::Job::media_urls`]), the same in every attempt: whoever
    /// gets it takes the picture from there when they like, within a week.
    Named,
}

impl Ways {
    /// As most do.
    pub const USUAL: Self = Self {
        limits_by: None,
        looks_every: Some(1),
        fetched: Fetched::Sending,
        signs_time: false,
        plans_unseen: false,
    };
}
