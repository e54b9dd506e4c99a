//! What a network can do.

use serde::Serialize;

/// What a network can do, and how a replay behaves there.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Capabilities {
    pub replay: Replay,
    /// How far reading back can be believed.
    pub read_back: ReadBack,
    pub retract: bool,
    pub media: bool,
    /// An acceptance says that something has started there, and no more: whether the post is out stays
    /// unknown, and no promise is kept by it.
    pub starts_only: bool,
    /// Whether posts can be kept at the top of the account, page or room.
    pub pins: Pins,
    /// Pictures are not sent: the network fetches them from this service, at [`crate::Job::media_urls`].
    pub fetches: bool,
    /// What is on the account can be listed, so that a post which nobody here sent is seen.
    pub watches: bool,
    /// What the network would publish by itself can be held: [`crate::Channel::scheduler`].
    pub sweeps: bool,
    /// Sends at once to this channel.
    pub concurrency: usize,
}

/// How many posts can be kept at the top.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pins {
    None,
    /// One takes the place of the other.
    One,
    Several,
}

/// What happens when the same request arrives twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Replay {
    /// Class A: our own id; a replay cannot make a second post.
    ClientId,
    /// Class B: a key that works for a while, on some servers.
    TimedKey,
    /// Class C: a handle exists before anything is public.
    HandleFirst,
    /// Class D: nothing but reading back, or a person.
    None,
}

/// How far an adapter can see what it sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadBack {
    /// The read is strongly consistent: absent means absent, once nothing is under way any more.
    Consistent,
    /// A handle that is written down before the public step tells how far the post has come. That it is not
    /// out is believed late, and only of an attempt whose handle cannot have been lost with a database.
    Step,
    /// Each post carries the delivery's own id, and the read may lag: found is proof, and absent proves
    /// nothing.
    Key,
    /// A post is known by its words alone, and the read may lag: found proves only what no other
    /// delivery can have posted, and absent proves nothing.
    Words,
    None,
}
