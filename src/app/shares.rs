//! How many signals wait at most, and who has how much of that room: one sender never fills it all.

use std::collections::HashMap;

/// Most signals that wait at a time, but for what [`ALWAYS`] lets in.
pub const MOST_WAITING: i64 = 200;
/// Most that wait of one source of one sender.
pub const OF_SOURCE: i64 = 100;
/// Most that wait of one sender, under whatever names of sources.
pub const OF_SENDER: i64 = 150;
/// A sender with fewer than this finds a place also when all others are taken.
pub const ALWAYS: i64 = 10;

/// Who says it, and in the name of which system.
type From = (String, String);

/// Why one more has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Its source has its share.
    Source,
    /// Its sender has theirs.
    Sender,
    /// All places are taken.
    All,
}

impl Full {
    /// What is full, as a refusal says it.
    pub(super) fn words(self, source: &str) -> String {
        match self {
            Self::Source => {
                format!("{OF_SOURCE} signals of {source} wait for a decision already, its whole share")
            }
            Self::Sender => format!(
                "{OF_SENDER} signals of this sender wait for a decision already, the whole share of one token's owner"
            ),
            Self::All => format!("{MOST_WAITING} signals wait for a decision already, and no more are kept"),
        }
    }
}

/// What waits of each source of each sender.
#[derive(Debug, Default)]
pub struct Shares(HashMap<From, i64>);

impl Shares {
    /// From what the database counts.
    pub fn of(rows: Vec<(String, String, i64)>) -> Self {
        Self(rows.into_iter().map(|(by, source, n)| ((by, source), n)).collect())
    }

    /// How many wait in all.
    pub fn all(&self) -> i64 {
        self.0.values().sum()
    }

    fn of_sender(&self, by: &str) -> i64 {
        self.0.iter().filter(|((b, _), _)| b == by).map(|(_, n)| n).sum()
    }

    /// Whether one more of that source of that sender has no place.
    pub fn full(&self, by: &str, source: &str) -> Option<Full> {
        let of_source = self.0.get(&(by.to_owned(), source.to_owned())).copied().unwrap_or(0);
        let of_sender = self.of_sender(by);
        match () {
            () if of_source >= OF_SOURCE => Some(Full::Source),
            () if of_sender >= OF_SENDER => Some(Full::Sender),
            () if self.all() >= MOST_WAITING && of_sender >= ALWAYS => Some(Full::All),
            () => None,
        }
    }

    /// One more waits, or one less.
    pub(super) fn add(&mut self, by: &str, source: &str, n: i64) {
        *self.0.entry((by.to_owned(), source.to_owned())).or_default() += n;
    }

    /// The sources whose share is full, with the id of their sender; and the senders whose share is.
    pub fn used_up(&self) -> (Vec<&From>, Vec<&str>) {
        let sources = self.0.iter().filter(|(_, n)| **n >= OF_SOURCE).map(|(from, _)| from);
        let mut sources: Vec<_> = sources.collect();
        sources.sort();
        let mut senders: Vec<&str> = self.0.keys().map(|(by, _)| by.as_str()).collect();
        senders.sort_unstable();
        senders.dedup();
        senders.retain(|by| self.of_sender(by) >= OF_SENDER);
        (sources, senders)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_fills_the_room_of_another() {
        let of = |rows: &[(&str, &str, i64)]| {
            Shares::of(rows.iter().map(|(by, source, n)| ((*by).into(), (*source).into(), *n)).collect())
        };
        let one = of(&[("a", "loud", OF_SOURCE), ("a", "other", OF_SENDER - OF_SOURCE)]);
        assert_eq!((one.full("a", "loud"), one.full("a", "third")), (Some(Full::Source), Some(Full::Sender)));
        assert_eq!(
            (one.full("b", "loud"), one.used_up().1),
            (None, vec!["a"]),
            "another's same name is another"
        );
        let two = of(&[("a", "x", 99), ("b", "x", 99), ("c", "x", 2)]);
        assert_eq!((two.full("a", "x"), two.full("b", "y")), (Some(Full::All), Some(Full::All)));
        assert_eq!((two.full("c", "x"), two.full("d", "x")), (None, None), "the quiet ones find a place");
        let three = of(&[("a", "x", 99), ("b", "x", 99), ("c", "x", ALWAYS)]);
        assert_eq!((three.full("c", "x"), three.used_up()), (Some(Full::All), (vec![], vec![])));
    }
}
