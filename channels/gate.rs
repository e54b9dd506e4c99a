//! The gate that every content byte passes.
//!
//! A node keeps one [`Gate`] in memory. A permit is written down first, then admitted here with
//! [`Gate::admit`]; the adapter receives the resulting [`Pass`]. The HTTP client pulls the request's
//! body *through* the pass: the first poll calls [`Pass::begin`], which reads the gate and registers
//! the send in one step, under one lock. After [`Gate::close_for`] has returned, no covered send can
//! begin any more; what had begun before is in the list that it returned.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::keeper::{Keeper, Nowhere};
use crate::planted::{Planted, planted};
pub use crate::ticks::{Ticks, now};

/// Why the gate let nothing through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// The node has not read the gate from the primary, or was told to stop.
    #[error("the gate of this node is closed: {0}")]
    Node(String),
    /// A freeze covers the post.
    #[error("frozen by {0}")]
    Frozen(String),
    /// The node has not heard from the primary for too long, so it may have missed a freeze.
    #[error("the gate of this node has not been confirmed for {0:?}")]
    Stale(Duration),
    /// Its expiry passed before the first content byte.
    #[error("its time passed before the first byte")]
    Late,
    /// The node's own disk refuses the mark of what begins.
    #[error("this node cannot write down that the attempt begins: {0}")]
    Unmarked(String),
    /// The permit was not admitted, is already settled, or ended while the gate was closed or cut off.
    #[error("this attempt has no permit, or no longer")]
    Unknown,
}

/// Decides whether a freeze covers a subject. It returns the id of the freeze that does.
pub type Judge<S> = Arc<dyn Fn(&S) -> Option<String> + Send + Sync>;

/// What adapters see of the gate: the right to begin one attempt.
#[derive(Clone)]
pub struct Pass {
    turnstile: Arc<dyn Turnstile>,
    /// Writes down the attempt's handle, where the network has one.
    pub(crate) keeper: Option<Arc<dyn Keeper>>,
}

impl Pass {
    /// Reads the gate and registers the send, in one step. Called at the first body byte of every
    /// request that carries content; a later request of the same attempt is judged again.
    ///
    /// # Errors
    /// [`Closed`] when nothing may leave. The caller abandons the request.
    pub fn begin(&self) -> Result<(), Closed> {
        self.turnstile.begin()
    }

    /// The pass of an attempt whose handle is written down by `keeper`.
    #[must_use]
    pub fn kept_by(self, keeper: Arc<dyn Keeper>) -> Self {
        Self { keeper: Some(keeper), ..self }
    }

    /// A pass that is always open, for adapters' own tests.
    pub fn open_for_tests() -> Self {
        struct Open;
        impl Turnstile for Open {
            fn begin(&self) -> Result<(), Closed> {
                Ok(())
            }
        }
        Self { turnstile: Arc::new(Open), keeper: Some(Arc::new(Nowhere)) }
    }
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pass")
    }
}

/// Remembers, longer than the process lives, which attempts may have begun.
pub trait Marks: Send + Sync {
    /// The attempt may begin from now on.
    ///
    /// # Errors
    /// When that cannot be written down. Then it does not begin.
    fn mark(&self, attempt: &str) -> std::io::Result<()>;

    /// The attempt has an outcome, which is written down.
    fn settled(&self, attempt: &str);
}

trait Turnstile: Send + Sync {
    fn begin(&self) -> Result<(), Closed>;
}

/// One send that has begun and is not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InFlight {
    /// The attempt's id.
    pub attempt: String,
    /// How long ago its first byte left.
    pub since: Duration,
}

/// The gate of one node. `S` is what freezes are judged by.
pub struct Gate<S> {
    state: Mutex<State<S>>,
    /// How long the node may go without hearing from the primary.
    lease: Duration,
}

struct State<S> {
    ticks: Ticks,
    closed: Option<String>,
    /// It does not open again.
    shut: bool,
    epoch: i64,
    judge: Judge<S>,
    /// When the primary was last asked, of the answers that came.
    confirmed: Duration,
    /// When the gate last opened after it had been closed or cut off.
    reopened: Duration,
    permits: HashMap<String, Permit<S>>,
    marks: Option<Arc<dyn Marks>>,
}

struct Permit<S> {
    subject: S,
    in_time: InTime,
    begun: Option<Duration>,
    /// Nothing more of it begins: others may have taken it over meanwhile.
    ended: bool,
}

/// Whether the post may still start: its expiry has not passed.
pub type InTime = Box<dyn Fn() -> bool + Send + Sync>;

impl<S: Send + 'static> Gate<S> {
    /// A closed gate. It opens only by [`Gate::open`].
    pub fn closed(lease: Duration) -> Arc<Self> {
        Self::closed_by(lease, Arc::new(now))
    }

    /// The same, where the lease is counted by `ticks`.
    pub fn closed_by(lease: Duration, ticks: Ticks) -> Arc<Self> {
        let confirmed = ticks();
        Arc::new(Self {
            state: Mutex::new(State {
                ticks,
                closed: Some("starting".into()),
                shut: false,
                epoch: 0,
                judge: Arc::new(|_| None),
                confirmed,
                reopened: Duration::ZERO,
                permits: HashMap::new(),
                marks: None,
            }),
            lease,
        })
    }

    /// From now on every attempt is marked before it begins.
    pub fn keep_marks(&self, marks: Arc<dyn Marks>) {
        self.lock().marks = Some(marks);
    }

    /// The time by which this gate counts.
    pub fn now(&self) -> Duration {
        (self.lock().ticks)()
    }

    /// Takes the freezes in force at `epoch` as read from the primary, and opens the gate. The lease
    /// counts from `asked`, when the primary was asked (see [`Gate::now`]). An epoch behind the one already
    /// known is ignored, so that a late answer opens nothing. What was admitted before a gate that was
    /// closed, or had not heard from the primary for longer than the lease, begins no more: others may
    /// have taken it over. A gate that was shut stays so.
    pub fn open(&self, epoch: i64, judge: Judge<S>, asked: Duration) {
        let mut state = self.lock();
        if epoch < state.epoch || state.shut {
            return;
        }
        if state.closed.is_some() || state.stale() > self.lease {
            state.permits.values_mut().for_each(|permit| permit.ended = true);
            state.reopened = (state.ticks)();
        }
        state.closed = None;
        state.epoch = epoch;
        state.judge = judge;
        state.confirmed = state.confirmed.max(asked);
    }

    /// Takes a new epoch and its freezes; returns the attempts that had already begun.
    /// After the return no send that `judge` covers can begin.
    pub fn close_for(&self, epoch: i64, judge: Judge<S>) -> Vec<InFlight> {
        let mut state = self.lock();
        if epoch >= state.epoch {
            state.epoch = epoch;
            state.judge = judge;
        }
        state.in_flight()
    }

    /// Closes the gate for everything, with the reason that people will read.
    pub fn close(&self, why: &str) -> Vec<InFlight> {
        let mut state = self.lock();
        if !state.shut {
            state.closed = Some(why.to_owned());
        }
        state.in_flight()
    }

    /// Closes the gate for everything, and for as long as this process runs.
    pub fn shut(&self, why: &str) {
        let mut state = self.lock();
        // In one step: nobody opens it in between.
        if !state.shut {
            state.closed = Some(why.to_owned());
            state.shut = true;
        }
    }

    /// Registers a durable permit and hands out its pass. Nothing of it starts once `in_time` says no,
    /// nor when the gate was closed or cut off after `asked`, from before the permit was written down
    /// (see [`Gate::now`]): others may have taken it over.
    pub fn admit(self: &Arc<Self>, attempt: &str, subject: S, in_time: InTime, asked: Duration) -> Pass {
        let mut state = self.lock();
        let permit = Permit { subject, in_time, begun: None, ended: asked < state.reopened };
        state.permits.insert(attempt.to_owned(), permit);
        drop(state);
        let ticket = Ticket { gate: Arc::clone(self), attempt: attempt.to_owned() };
        Pass { turnstile: Arc::new(ticket), keeper: None }
    }

    /// The pass of a request that makes nothing public by itself: it begins only while the gate is open and no
    /// freeze covers the subject, and is on no list.
    pub fn unlisted(self: &Arc<Self>, subject: S) -> Pass
    where
        S: Sync,
    {
        Pass { turnstile: Arc::new(Unlisted { gate: Arc::clone(self), subject }), keeper: None }
    }

    /// Takes a settled attempt off the list.
    pub fn settle(&self, attempt: &str) {
        let mut state = self.lock();
        state.permits.remove(attempt);
        let marks = state.marks.clone();
        drop(state);
        if let Some(marks) = marks {
            marks.settled(attempt);
        }
    }

    /// Whether the first byte of the attempt has left.
    pub fn has_begun(&self, attempt: &str) -> bool {
        self.lock().permits.get(attempt).is_some_and(|p| p.begun.is_some())
    }

    /// Whether the attempt is in hand here: admitted, and not settled.
    pub fn has(&self, attempt: &str) -> bool {
        self.lock().permits.contains_key(attempt)
    }

    /// What has begun and is not settled.
    pub fn in_flight(&self) -> Vec<InFlight> {
        self.lock().in_flight()
    }

    /// The epoch in force, and why the gate is closed (`None`: open).
    pub fn status(&self) -> (i64, Option<String>) {
        let state = self.lock();
        let stale = state.stale();
        let why = state.closed.clone();
        (state.epoch, why.or_else(|| (stale > self.lease).then(|| Closed::Stale(stale).to_string())))
    }

    /// The freeze that covers the subject now, if any.
    pub fn frozen(&self, subject: &S) -> Option<String> {
        let judge = Arc::clone(&self.lock().judge);
        judge(subject)
    }

    fn begin(&self, attempt: &str) -> Result<(), Closed> {
        let mut state = self.lock();
        let first = state.look(attempt, self.lease)?;
        if first && let Some(marks) = state.marks.clone() {
            // A disk that is slow must not keep a freeze waiting.
            drop(state);
            if !planted(Planted::GateMarksNothing) {
                marks.mark(attempt).map_err(|e| Closed::Unmarked(e.to_string()))?;
            }
            state = self.lock();
            // Once more, with the clock as it is after the mark: whoever finds no mark after the lease
            // has run out knows that nothing has left and nothing will.
            let again = state.look(attempt, self.lease);
            if again == Err(Closed::Unknown) && !state.permits.contains_key(attempt) {
                drop(state);
                marks.settled(attempt);
                return again.map(drop);
            }
            again?;
        }
        let begun = (state.ticks)();
        if let Some(permit) = state.permits.get_mut(attempt).filter(|_| first) {
            permit.begun = Some(begun);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        // A panic while the lock was held leaves the state readable; a closed gate stays closed.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<S> State<S> {
    /// How long the primary has not been heard.
    fn stale(&self) -> Duration {
        (self.ticks)().saturating_sub(self.confirmed)
    }

    /// Whether the attempt may go on; if so, whether this is its beginning.
    fn look(&self, attempt: &str, lease: Duration) -> Result<bool, Closed> {
        self.is_open(lease)?;
        let permit = self.permits.get(attempt).filter(|p| !p.ended).ok_or(Closed::Unknown)?;
        self.covers(&permit.subject)?;
        let first = permit.begun.is_none();
        if first && !(permit.in_time)() && !planted(Planted::GateForgetsExpiry) {
            return Err(Closed::Late);
        }
        Ok(first)
    }

    fn is_open(&self, lease: Duration) -> Result<(), Closed> {
        if let Some(why) = &self.closed {
            return Err(Closed::Node(why.clone()));
        }
        let stale = self.stale();
        if stale > lease && !planted(Planted::LeaseIsEndless) { Err(Closed::Stale(stale)) } else { Ok(()) }
    }

    /// An error when a freeze covers the subject.
    fn covers(&self, subject: &S) -> Result<(), Closed> {
        let freeze = (self.judge)(subject).filter(|_| !planted(Planted::GateForgetsFreezes));
        freeze.map_or(Ok(()), |freeze| Err(Closed::Frozen(freeze)))
    }

    fn in_flight(&self) -> Vec<InFlight> {
        let now = (self.ticks)();
        let since = |at| now.saturating_sub(at);
        let begun = |(id, p): (&String, &Permit<S>)| {
            p.begun
                .or_else(|| planted(Planted::GateListsWhatWaits).then_some(now))
                .filter(|_| !planted(Planted::GateListsNothing))
                .map(|at| InFlight { attempt: id.clone(), since: since(at) })
        };
        self.permits.iter().filter_map(begun).collect()
    }
}

struct Ticket<S> {
    gate: Arc<Gate<S>>,
    attempt: String,
}

impl<S: Send + 'static> Turnstile for Ticket<S> {
    fn begin(&self) -> Result<(), Closed> {
        self.gate.begin(&self.attempt)
    }
}

struct Unlisted<S> {
    gate: Arc<Gate<S>>,
    subject: S,
}

impl<S: Send + Sync + 'static> Turnstile for Unlisted<S> {
    fn begin(&self) -> Result<(), Closed> {
        let state = self.gate.lock();
        state.is_open(self.gate.lease)?;
        state.covers(&self.subject)
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
