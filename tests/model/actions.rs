//! All that can happen, one step at a time. Each says which code it stands for.

use crate::model::Holdline;
use crate::state::{Known, Life, NODES, POSTS, Phase, Stand, State};

/// A step. Numbers name nodes and posts; post 2 is the crisis update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The time of a post comes.
    FallsDue { post: usize },
    /// `valid_until` passes.
    Expires,
    /// `permits::claim`: what is due is claimed, held or expired, in one change.
    Claim { node: usize, post: usize },
    /// `Store::begin_guarded`, `permits::decide`: a post is judged; the guard is held until the commit.
    Judge { node: usize, post: usize },
    /// `Tx::insert_attempts` and the commit, then `Gate::admit`.
    Permit { node: usize },
    /// The commit arrives, and its answer is lost (`permits::Lost`).
    PermitUnanswered { node: usize },
    /// `permits::abandon`, by `dispatch::give_up`.
    Abandon { node: usize, post: usize },
    /// `Pass::begin`, `Gate::begin`, `Marks::mark`: the gate is read, and the attempt is marked.
    Begin { node: usize, post: usize },
    /// The HTTP client sends what it has pulled through the gate.
    FirstByte { node: usize, post: usize },
    /// The network accepts the post, and says so.
    Land { node: usize, post: usize },
    /// The network accepts the post, and its answer is lost.
    LandUnanswered { node: usize, post: usize },
    /// The network refuses the post (`Failure::Rejected`).
    Refuse { node: usize, post: usize },
    /// `send::publish` hears nothing in time, or the connection breaks (`Failure::InDoubt`).
    GiveUp { node: usize, post: usize },
    /// A request that nobody waits for lands.
    StrayLands { post: usize },
    /// A request that nobody waits for is lost.
    StrayIsLost { post: usize },
    /// `nodes::give_up_unknown`.
    Unknown { node: usize, post: usize },
    /// `sending::settle`, by `worker/settle.rs`.
    Settle { node: usize, post: usize },
    /// `Keeper::take`, up to `Memory::write`.
    Hear { node: usize },
    /// `Keeper::take`: `freezes::acknowledge`, `Gate::open`.
    Acknowledge { node: usize },
    /// The node loses its database, or is paused.
    Cut { node: usize },
    /// It reaches its database again.
    Heal { node: usize },
    /// `Gate::is_open`: the primary was not heard for `nodes::LEASE`.
    LeaseOver { node: usize },
    /// `nodes::take_over_silent` after `SILENT`: claims go back.
    Silent { node: usize },
    /// `nodes::take_over_silent` after `GONE`: permits without an outcome are in doubt.
    Gone { node: usize },
    /// The process ends without a word.
    Crash { node: usize },
    /// The machine loses its power.
    PowerCut { node: usize },
    /// `Keeper::start`, `nodes::register`, `nodes::recover`.
    Restart { node: usize },
    /// A backup is made, or the replica has all commits.
    BackUp,
    /// The backup, or a replica without the last commits, takes the place of the primary.
    Restore,
    /// A copy of the database is made, and a stopped node started on it with its memory.
    Clone { node: usize },
    /// The same, with an empty data folder.
    CloneAfresh { node: usize },
    /// `freezes::create`.
    Freeze,
    /// `freezes::thaw`.
    Thaw,
    /// `nodes::forget`.
    Forget { node: usize },
    /// `nodes::confirm`.
    Confirm,
    /// `held::review`.
    Release { post: usize },
    /// `reread::one`, `reads::note_read`.
    ReadBack { post: usize },
    /// `settle::settle`.
    PersonSettles { post: usize },
}

/// What may be possible now. [`Holdline::step`] has the last word.
pub fn all(s: &State, to: &mut Vec<Action>) {
    use Action as A;
    to.extend([A::Expires, A::Freeze, A::Thaw, A::Confirm, A::BackUp, A::Restore]);
    for post in 0..POSTS {
        if s.net[post].strays > 0 {
            to.extend([A::StrayLands { post }, A::StrayIsLost { post }]);
        }
        match s.db.rows[post].stand {
            Stand::Held => to.push(A::Release { post }),
            Stand::InDoubt => to.extend([A::ReadBack { post }, A::PersonSettles { post }]),
            _ => {}
        }
        if s.awaited[post] {
            to.push(A::FallsDue { post });
        }
    }
    for node in 0..NODES {
        of_node(s, node, to);
    }
}

fn of_node(s: &State, node: usize, to: &mut Vec<Action>) {
    use Action as A;
    let n = &s.nodes[node];
    if n.life == Life::Down {
        to.extend([A::Restart { node }, A::Clone { node }, A::CloneAfresh { node }]);
    } else {
        to.extend([A::Crash { node }, A::PowerCut { node }, A::Acknowledge { node }]);
        if is_news(s, node) {
            to.push(A::Hear { node });
        }
        to.extend([A::Cut { node }, A::Heal { node }, A::LeaseOver { node }]);
        if n.asks.is_some() {
            to.extend([A::Permit { node }, A::PermitUnanswered { node }]);
        }
    }
    to.extend([A::Silent { node }, A::Gone { node }, A::Forget { node }]);
    for post in 0..POSTS {
        match n.slots[post].phase {
            Phase::Empty if matches!(s.db(node).rows[post].stand, Stand::Scheduled | Stand::Claimed) => {
                to.extend([A::Claim { node, post }, A::Judge { node, post }]);
            }
            Phase::Empty => to.push(A::Unknown { node, post }),
            Phase::Unanswered => to.push(A::Abandon { node, post }),
            Phase::Admitted => to.push(A::Begin { node, post }),
            Phase::Passed => to.push(A::FirstByte { node, post }),
            Phase::Out => {
                to.extend([A::Land { node, post }, A::LandUnanswered { node, post }]);
                to.extend([A::Refuse { node, post }, A::GiveUp { node, post }]);
            }
            _ => to.push(A::Settle { node, post }),
        }
    }
}

/// Whether a look at the gate changes anything.
fn is_news(s: &State, node: usize) -> bool {
    let (n, db) = (&s.nodes[node], s.db(node));
    let known = if s.grown && !n.on_clone { Known::Newer } else { Known::InBackup };
    let is_old = db.epoch == n.acked && n.gate.is_open() && n.timeline == db.timeline && !db.is_in_doubt();
    !(is_old && n.known == known && n.memory.known == known && !n.unheard && db.nodes[node].on)
}

impl Holdline {
    /// Takes the step, when it is possible; whether it was.
    pub fn step(&self, s: &mut State, action: Action) -> bool {
        use Action as A;
        match action {
            A::FallsDue { post } => self.fall_due(s, post),
            A::Expires => self.expire(s),
            A::Claim { node, post } => self.scenario.claims && self.claim(s, node, post),
            A::Judge { node, post } => self.ask(s, node, post),
            A::Permit { node } => self.permit(s, node, true),
            A::PermitUnanswered { node } => self.permit(s, node, false),
            A::Abandon { node, post } => self.abandon(s, node, post),
            A::Begin { node, post } => self.begin(s, node, post),
            A::FirstByte { node, post } => self.first_byte(s, node, post),
            A::Land { node, post } => self.land(s, node, post, true),
            A::LandUnanswered { node, post } => self.land(s, node, post, false),
            A::Refuse { node, post } => self.refuse(s, node, post),
            A::GiveUp { node, post } => self.give_up(s, node, post),
            A::StrayLands { post } => self.stray(s, post, true),
            A::StrayIsLost { post } => self.stray(s, post, false),
            A::Unknown { node, post } => self.unknown(s, node, post),
            A::Settle { node, post } => self.settle(s, node, post),
            A::Hear { node } => self.hear(s, node),
            A::Acknowledge { node } => self.acknowledge(s, node),
            A::Cut { node } => self.cut(s, node),
            A::Heal { node } => self.heal(s, node),
            A::LeaseOver { node } => self.lease_over(s, node),
            A::Silent { node } => self.silent(s, node),
            A::Gone { node } => self.gone(s, node),
            A::Crash { node } => self.crash(s, node, false),
            A::PowerCut { node } => self.crash(s, node, true),
            A::Restart { node } => self.restart(s, node),
            A::BackUp => self.back_up(s),
            A::Restore => self.restore(s),
            A::Clone { node } => self.clone_database(s, node, true),
            A::CloneAfresh { node } => self.clone_database(s, node, false),
            A::Freeze => self.freeze(s),
            A::Thaw => self.thaw(s),
            A::Forget { node } => self.forget(s, node),
            A::Confirm => self.confirm(s),
            A::Release { post } => self.release(s, post),
            A::ReadBack { post } => self.resolve(s, post, false),
            A::PersonSettles { post } => self.resolve(s, post, true),
        }
    }
}
