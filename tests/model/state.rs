//! What is where at one moment: databases, nodes, networks, and the time that has passed.

use crate::bounds::Budget;

/// How many nodes there are.
pub const NODES: usize = 3;
/// How many posts there are, each on one channel.
pub const POSTS: usize = 3;
/// The crisis update. The others are routine posts.
pub const UPDATE: usize = 2;
/// The routine post with an expiry.
pub const EXPIRING: usize = 0;
/// No node.
pub const NOBODY: u8 = u8::MAX;

/// The state of a delivery, as in `domain/delivery.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum Stand {
    #[default]
    Scheduled,
    Claimed,
    Sending,
    Held,
    Expired,
    InDoubt,
    Accepted,
}

/// A delivery as its database has it, with its newest attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Row {
    pub stand: Stand,
    /// Who has it in hand, or made the attempt.
    pub owner: u8,
    /// The newest attempt; 0: none. See [`Db::next_attempt`].
    pub attempt: u8,
    /// All attempts that the database has, one bit each; see [`bit`].
    pub made: u16,
    /// The epoch of its permit.
    pub epoch: u8,
    /// A person gave it a new time after it had fallen due.
    pub decided: bool,
    /// It came to an outcome, other than a refusal, after the freeze was committed and before it was sealed.
    pub landed: bool,
}

/// How far a freeze of all routine posts is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Freeze {
    #[default]
    None,
    Committed,
    Sealed,
    Lifted,
}

/// What sends are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum View {
    #[default]
    Free,
    Frozen,
    /// What fell due before the thaw stays covered.
    Lifted,
}

/// A node on the list of a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Listed {
    pub on: bool,
    pub acked: u8,
}

/// A database: the primary, its backup, or a clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Db {
    pub epoch: u8,
    /// Changes when a person confirms the database.
    pub timeline: u8,
    /// Which database it is, as seen from outside.
    pub identity: u8,
    /// Which database it was when it was made or confirmed.
    pub recorded: u8,
    /// The epoch that a confirmation began; 0: none did.
    pub confirmed: u8,
    pub freeze: Freeze,
    /// The epoch that the freeze began.
    pub frozen_at: u8,
    pub rows: [Row; POSTS],
    pub nodes: [Listed; NODES],
    /// Attempts on the freeze's in-flight list, one bit each.
    pub flights: [u16; POSTS],
}

/// What a node has seen of the log of its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum Known {
    /// The backup has all of it.
    #[default]
    InBackup,
    /// The backup lacks the end of it.
    Newer,
    /// The database lacks the end of it.
    Lost,
}

/// `node.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Memory {
    /// The node has been on a database before.
    pub has: bool,
    pub epoch: u8,
    pub timeline: u8,
    /// Timelines before this one, one bit each.
    pub left: u8,
    pub known: Known,
}

/// How a process stands to its database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Life {
    Up,
    /// It runs, or is paused, and does not reach its database.
    Cut,
    Down,
}

/// What others think of a node, by its last word in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Silence {
    Heard,
    /// Nothing for 15 seconds.
    Silent,
    /// Nothing for three minutes.
    Gone,
}

/// How far an attempt is in the process that makes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub enum Phase {
    #[default]
    Empty,
    /// The permit was asked for, and no answer came: nothing of it may begin.
    Unanswered,
    /// Permitted; waits for its first byte.
    Admitted,
    /// The gate has let it pass; no byte has left.
    Passed,
    /// Its bytes are on the way.
    Out,
    Accepted,
    /// Provably no effect.
    Refused,
    NotBegun,
    /// The gate was closed by a freeze.
    Stopped,
    InDoubt,
}

/// An attempt in the memory of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Slot {
    pub phase: Phase,
    pub attempt: u8,
    /// Nothing of it begins any more.
    pub ended: bool,
    /// Permitted by a database that nobody had confirmed.
    pub unsure: bool,
}

/// The gate in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Gate {
    /// Nothing starts: the process has not read the gate yet, or its database is in doubt.
    pub closed: bool,
    /// The lease has not run out.
    pub fresh: bool,
    pub epoch: u8,
    pub frozen: bool,
    pub lifted: bool,
}

/// A node: its machine, and the process on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    pub life: Life,
    pub silence: Silence,
    /// It has said nothing to the database that was put in the place of the former one.
    pub unheard: bool,
    pub on_clone: bool,
    pub gate: Gate,
    /// The timeline of the database in doubt.
    pub doubt: Option<u8>,
    /// The epoch that this process has acknowledged.
    pub acked: u8,
    /// An epoch is in force here, and not acknowledged yet.
    pub owes: bool,
    /// What was under way when the gate took it.
    pub begun: [u16; POSTS],
    /// What the process has seen: timeline and log.
    pub timeline: u8,
    pub known: Known,
    pub memory: Memory,
    /// Posts that wait in the lines of this process, claimed.
    pub line: [bool; POSTS],
    /// The post of an open change that permits it.
    pub asks: Option<u8>,
    /// The gate was opened anew while that change was open.
    pub asked_before: bool,
    pub slots: [Slot; POSTS],
    /// The file `begun`: attempts that may have begun.
    pub marks: [u16; POSTS],
    /// Whether that file counts.
    pub owned: bool,
}

/// What a network has of a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Net {
    /// Copies that it has accepted, as it counts them.
    pub copies: u8,
    /// Requests on the way whose process is gone or has given up: each lands or is lost.
    pub strays: u8,
    /// Attempts whose first byte left after the freeze was committed, but for those that had no effect.
    pub after_commit: u16,
}

/// What must never be true, once it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Broken {
    pub permit_after_commit: bool,
    pub byte_after_seal: bool,
    pub begun_late: bool,
    pub begun_by_thaw: bool,
    pub opened_unconfirmed: bool,
    pub begun_unconfirmed: bool,
}

/// Everything at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub db: Db,
    pub backup: Db,
    pub copy: Option<Box<Db>>,
    pub nodes: [Node; NODES],
    pub net: [Net; POSTS],
    /// Whose time has come.
    pub due: [bool; POSTS],
    /// Whose time may still come.
    pub awaited: [bool; POSTS],
    /// Whose time came after the thaw.
    pub due_after_thaw: [bool; POSTS],
    pub expired: bool,
    /// The log of the primary has entries that the backup lacks.
    pub grown: bool,
    /// What a thaw has put back, where that rule is taken out.
    pub by_thaw: [bool; POSTS],
    /// The routine posts differ in their names alone.
    pub alike: bool,
    pub broken: Broken,
    pub left: Budget,
}

/// The bit of an attempt in a list.
pub fn bit(attempt: u8) -> u16 {
    1 << attempt
}

/// Attempts of one history of a database: the next history begins with other numbers.
pub const ATTEMPTS: u8 = 4;

impl Db {
    /// The number of the next attempt at a post. Attempts of a database that was put back are others than those
    /// of the database that was lost.
    pub fn next_attempt(&self, post: usize) -> u8 {
        let (last, first) = (self.rows[post].attempt, self.identity * ATTEMPTS + 1);
        if last < first { first } else { last + 1 }
    }

    /// The freezes in force, and the lifted ones.
    pub fn view(&self) -> View {
        match self.freeze {
            Freeze::None => View::Free,
            Freeze::Committed | Freeze::Sealed => View::Frozen,
            Freeze::Lifted => View::Lifted,
        }
    }

    /// Whether nobody has confirmed that this is the database to go on with.
    pub fn is_in_doubt(&self) -> bool {
        self.identity != self.recorded
    }
}

impl Slot {
    /// The gate has let it pass, and no answer has come.
    pub fn is_begun(&self) -> bool {
        matches!(self.phase, Phase::Passed | Phase::Out)
    }
}

impl Gate {
    pub fn is_open(&self) -> bool {
        !self.closed && self.fresh
    }

    pub fn view(&self) -> View {
        match (self.frozen, self.lifted) {
            (true, _) => View::Frozen,
            (_, true) => View::Lifted,
            _ => View::Free,
        }
    }

    pub fn take(&mut self, epoch: u8, view: View) {
        self.epoch = epoch;
        self.frozen = view == View::Frozen;
        self.lifted = view == View::Lifted;
    }
}

impl State {
    /// The database of a node.
    pub fn db(&self, node: usize) -> &Db {
        match &self.copy {
            Some(copy) if self.nodes[node].on_clone => copy,
            _ => &self.db,
        }
    }

    pub fn db_mut(&mut self, node: usize) -> &mut Db {
        match &mut self.copy {
            Some(copy) if self.nodes[node].on_clone => copy,
            _ => &mut self.db,
        }
    }

    /// `Order::covers`: whether a freeze covers the post.
    pub fn covers(&self, view: View, row: &Row, post: usize) -> bool {
        let before = !self.due_after_thaw[post] && !row.decided;
        post != UPDATE && (view == View::Frozen || view == View::Lifted && before)
    }

    /// Whether a change that permits the post is open on the node's database.
    pub fn is_locked(&self, on_clone: bool, post: usize) -> bool {
        self.nodes.iter().any(|n| n.on_clone == on_clone && n.asks.is_some_and(|p| usize::from(p) == post))
    }

    /// Whether any change that permits something is open on the primary.
    pub fn is_asked(&self) -> bool {
        self.nodes.iter().any(|n| !n.on_clone && n.asks.is_some())
    }
}
