//! Waking the sender and those who wait, inside this process. Other nodes hear by LISTEN/NOTIFY.

use tokio::sync::watch;

use super::{App, Result};

/// What has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Something was scheduled, or an outcome was settled.
    Queue,
    /// A freeze, a thaw, an acknowledgement.
    Gate,
    /// Channels were connected, changed or disabled.
    Channels,
    /// Mails to people of the team wait to be sent.
    Notices,
    /// What is permitted and has not begun may be taken back.
    Recalls,
    /// What was scheduled inside a network: somebody decided about it.
    Sweeps,
}

impl Topic {
    /// All topics.
    pub const ALL: [Self; 6] =
        [Self::Queue, Self::Gate, Self::Channels, Self::Notices, Self::Recalls, Self::Sweeps];

    /// The word that travels between nodes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Gate => "gate",
            Self::Channels => "channels",
            Self::Notices => "notices",
            Self::Recalls => "recalls",
            Self::Sweeps => "sweeps",
        }
    }
}

/// One counter per topic; whoever waits sees it change.
#[derive(Debug)]
pub struct Hub {
    counters: [watch::Sender<u64>; Topic::ALL.len()],
}

impl Default for Hub {
    fn default() -> Self {
        Self { counters: std::array::from_fn(|_| watch::Sender::new(0)) }
    }
}

impl Hub {
    /// Wakes everybody who waits for the topic.
    pub fn poke(&self, topic: Topic) {
        self.counters[topic as usize].send_modify(|n| *n += 1);
    }

    /// Wakes by the word that travels between nodes; unknown words wake nobody.
    pub fn poke_by_name(&self, name: &str) {
        if let Some(topic) = Topic::ALL.into_iter().find(|t| t.name() == name) {
            self.poke(topic);
        }
    }

    /// Wakes everybody: something may have been missed.
    pub fn poke_all(&self) {
        Topic::ALL.into_iter().for_each(|topic| self.poke(topic));
    }

    /// How often the topic was poked.
    pub fn count(&self, topic: Topic) -> u64 {
        *self.counters[topic as usize].borrow()
    }

    /// A receiver that changes with every poke from now on.
    pub fn listen(&self, topic: Topic) -> watch::Receiver<u64> {
        let mut receiver = self.counters[topic as usize].subscribe();
        receiver.mark_unchanged();
        receiver
    }
}

impl App {
    /// Wakes whoever waits when another node changes something, until the connection fails. Returns
    /// at once when there can be no other node.
    ///
    /// # Errors
    /// The database's own.
    pub async fn hear_others(&self) -> Result<()> {
        let Some(mut listener) = self.store().listener().await? else { return Ok(()) };
        // What was said before this node listened.
        self.hub().poke_all();
        loop {
            match listener.next().await? {
                Some(topic) => self.hub().poke_by_name(&topic),
                None => self.hub().poke_all(),
            }
        }
    }
}
