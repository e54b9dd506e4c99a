//! What a network can do.

use serde::Serialize;

use crate::revise::Revising;

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
    /// How a post that is out gets other words in its place; nothing: it cannot.
    pub revises: Option<Revising>,
    /// Whether posts can be kept at the top of the account, page or room.
    pub pins: Pins,
    /// Pictures are not sent: the network fetches them from this service, at [`crate::Job::media_urls`].
    pub fetches: bool,
    /// What is on the account can be listed, so that a post which nobody here sent is seen.
    pub watches: bool,
    /// What the network would publish by itself can be held: [`crate::Channel::scheduler`].
    pub sweeps: bool,
    /// Posts can be sent there. A service in which people plan posts for other networks publishes none of ours.
    pub publishes: bool,
    /// Sends at once to this channel.
    pub concurrency: usize,
}

impl Capabilities {
    /// Whether the network can be asked what became of an attempt to post, or to change the words of a post.
    pub fn readable(&self, is_change: bool) -> bool {
        match is_change {
            true => self.revises.is_some_and(|can| can.readable),
            false => self.read_back != ReadBack::None,
        }
    }
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

#[cfg(test)]
mod tests {
    use crate::{Adapter, bluesky, discord, slack, telegram};

    #[test]
    fn a_change_of_words_can_be_read_where_a_new_post_cannot() {
        let of = |a: &Adapter| (a.capabilities.readable(false), a.capabilities.readable(true));
        assert_eq!(of(&discord::ADAPTER), (false, true), "by the id of the post");
        assert_eq!(of(&slack::ADAPTER), (true, true));
        assert_eq!(of(&telegram::ADAPTER), (false, false));
        assert_eq!(of(&bluesky::ADAPTER), (true, false));
    }
}
