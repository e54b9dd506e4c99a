//! The sender: the only part that publishes.
//!
//! [`node`] keeps the gate of this node, [`dispatch`] claims and permits, [`send`] makes one
//! attempt, [`recall`] takes back what only waits, [`settle`] writes outcomes in batches, [`reread`] settles doubts, [`sweeper`] holds what
//! networks would publish by themselves, [`timer`] ticks.

/// What people ask of the networks.
pub mod desk;
/// Claims what is due and hands out permits.
pub mod dispatch;
/// Fault points of the tests.
pub mod faults;
/// What outlives an attempt on networks with two steps.
mod handles;
/// What a sweep does on one channel.
mod hands;
/// Two queues, of which the crisis one goes first.
pub mod lanes;
/// Opened channels, and what people ask of them.
pub mod lines;
/// Mails to people of the team.
pub mod mailer;
/// Which attempts have begun, on the node's own disk.
pub mod marks;
/// What the node remembers outside the database.
pub mod memory;
/// This node's gate: heartbeats, epochs, acknowledgements.
pub mod node;
/// What runs by itself, and is watched.
mod part;
/// Taking back permits that only wait.
pub mod recall;
/// Reading back what is in doubt.
pub mod reread;
/// Who runs the tasks.
pub mod runner;
/// One attempt.
pub mod send;
/// Outcomes in batches.
pub mod settle;
/// The website as a channel.
pub mod site;
/// Holding what networks would publish by themselves.
mod sweeper;
/// Housekeeping ticks.
pub mod timer;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use channels::Gate;
use channels::http::Http;
use futures::FutureExt;
use futures::future::join_all;
use tokio::sync::{mpsc, watch};

use self::part::Part;
use self::runner::Runner;
use crate::app::access::renewals;
use crate::app::permits::Permit;
use crate::app::sending::Outcome;
use crate::app::{App, AppError, Networks, Result, key_watch, nodes};
use crate::domain::budget::Reserve;
use crate::domain::freeze::Subject;

/// How the sender is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// What people call this node.
    pub node_name: String,
    /// Where the node remembers its epoch, outside the database.
    pub data: PathBuf,
    /// Longest time between two looks at the queue, when nothing wakes it.
    pub longest_sleep: Duration,
    /// How long a graceful stop waits for what is in flight.
    pub drain: Duration,
    /// The share of what a network takes that is kept for crisis posts.
    pub reserve: Reserve,
    /// Housekeeping ticks by cron; off in simulations that tick themselves.
    pub ticks: bool,
}

/// What the parts of the sender share.
pub(crate) struct Shared {
    pub app: App,
    pub gate: Arc<Gate<Subject>>,
    pub lines: lines::Lines,
    /// Earlier processes of this node that are surely no more.
    pub ended: Mutex<HashSet<String>>,
    /// What people took back while it waited for its first byte.
    pub recalled: Arc<recall::Recalled>,
    pub outcomes: mpsc::Sender<(Permit, Outcome)>,
    /// How many posts inside networks the sweeper has in hand.
    pub swept: AtomicUsize,
    pub stopping: watch::Receiver<bool>,
    pub runner: Runner,
    pub options: Options,
}

/// How often a node that shares its database looks by itself: the connection that hears the others can
/// be dead without a sign.
const LOOK: Duration = Duration::from_secs(3);
/// How long a stop waits for the database to take the node off the list.
const LEAVES_WITHIN: Duration = Duration::from_secs(10);
/// How long a stop takes at most, with what of the service ends before and after it. Whoever ends the process waits
/// longer: see `deploy/`.
pub const STOPS_WITHIN: Duration = renewals::STORES_WITHIN
    .saturating_add(part::ENDS_WITHIN)
    .saturating_add(LEAVES_WITHIN)
    .saturating_add(LOOK)
    .saturating_add(Duration::from_secs(10));
/// How long a sender that has broken down waits for what is in flight.
const ABANDONS_AFTER: Duration = Duration::from_secs(5);

impl Shared {
    /// Whether that process of this node is surely no more, or is this one, which knows what it has in
    /// hand. On SQLite one process at a time holds the lock of the data folder.
    pub fn has_ended(&self, incarnation: &str) -> bool {
        let ended = || self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains(incarnation);
        !self.app.is_shared() || incarnation == self.app.incarnation() || ended()
    }

    /// Nothing is sent from this process any more, and it is time for another one.
    pub fn break_down(&self, why: &str) {
        tracing::error!("{why}");
        self.gate.shut(why);
        self.app.break_down(why);
    }

    /// Waits until somebody says that something has changed, on any node. Whether it was said, or is
    /// only looked for again; nothing: nobody can say it any more.
    pub async fn heard(&self, changes: &mut watch::Receiver<u64>) -> Option<bool> {
        let said = async { changes.changed().await.ok().map(|()| true) };
        if !self.app.is_shared() {
            return said.await;
        }
        tokio::time::timeout(LOOK, said).await.unwrap_or(Some(false))
    }
}

/// What an adapter answers; nothing when it panicked, which is a fault of ours.
pub(crate) async fn caught<T>(work: impl Future<Output = T>) -> Option<T> {
    AssertUnwindSafe(work).catch_unwind().await.ok()
}

/// A running sender. When it is dropped every part ends at once without a word to anybody, as in a power
/// cut.
pub struct Worker {
    shared: Arc<Shared>,
    /// What the [`App`] asks of the networks; it has them for as long as this is here.
    #[expect(dead_code, reason = "held for the App")]
    desk: Arc<dyn Networks>,
    stop: watch::Sender<bool>,
    keeper: Arc<tokio::sync::Mutex<node::Keeper>>,
    parts: Vec<Part>,
    timer: Option<timer::Timer>,
}

/// A sender that has stopped, and what it knows of the database.
pub struct Stopped(Arc<tokio::sync::Mutex<node::Keeper>>);

impl Worker {
    /// Starts the sender of this node: registers it, looks at the database, settles what was in
    /// hand before a crash as far as that is known, takes the epoch, and begins to send.
    ///
    /// # Errors
    /// When the database cannot be used, or another process runs as this node.
    pub async fn start(app: App, http: Arc<Http>, options: Options) -> Result<Self> {
        Self::start_on(app, http, options, Runner::default()).await
    }

    /// The same, on a runner that a simulation gives.
    ///
    /// # Errors
    /// As [`Worker::start`].
    pub async fn start_on(app: App, http: Arc<Http>, options: Options, runner: Runner) -> Result<Self> {
        let (stop, stopping) = watch::channel(false);
        let (outcomes, inbox) = mpsc::channel(4_096);
        let gate = match app.clock().elapsed() {
            None => Gate::closed(nodes::LEASE),
            Some(elapsed) => Gate::closed_by(nodes::LEASE, elapsed),
        };
        let lines = lines::Lines::new(app.clone(), http, options.reserve);
        lines.reload().await?;
        let shared = Arc::new(Shared {
            app: app.clone(),
            gate,
            lines,
            ended: Mutex::default(),
            recalled: Arc::default(),
            outcomes,
            swept: AtomicUsize::new(0),
            stopping,
            runner,
            options,
        });
        let desk: Arc<dyn Networks> = Arc::new(desk::Desk(Arc::clone(&shared)));
        app.set_networks(&desk);
        let keeper = Arc::new(tokio::sync::Mutex::new(node::Keeper::start(Arc::clone(&shared)).await?));
        let mut worker = Self { shared, desk, stop, keeper, parts: Vec::new(), timer: None };
        let shared = &worker.shared;
        let with = || Arc::clone(shared);
        worker.parts = vec![
            Part::task(shared, "node", node::run(with(), Arc::clone(&worker.keeper))),
            Part::writer(shared, "settler", settle::run(with(), inbox))?,
            Part::writer(shared, "dispatcher", dispatch::run(with()))?,
            Part::task(shared, "doubts", reread::run(with())),
            Part::task(shared, "channels", lines::follow(with())),
            Part::task(shared, "recalls", recall::run(with())),
            Part::task(shared, "sweeper", sweeper::run(with())),
            Part::task(shared, "keys", key_watch::follow(app.clone())),
        ];
        if app.is_shared() {
            worker.parts.push(Part::task(shared, "listener", node::listen(with())));
        }
        if shared.options.ticks {
            worker.timer = Some(timer::Timer::start(with()).await?);
        }
        Ok(worker)
    }

    /// The gate of this node.
    pub fn gate(&self) -> &Arc<Gate<Subject>> {
        &self.shared.gate
    }

    /// Ends every part at once, as a power cut would. For fault tests.
    pub fn vanish(self) {
        drop(self);
    }

    /// Stops: no new claims, what is in flight settles (for as long as the options say), what is
    /// left is in doubt, and the node is off the list. No attempt is left without an outcome.
    ///
    /// # Errors
    /// The database's own.
    pub async fn stop(mut self) -> Result<Stopped> {
        if let Some(timer) = self.timer.take() {
            timer.stop().await;
        }
        self.stop.send_replace(true);
        let why = "this node is stopping";
        self.shared.gate.shut(why);
        dispatch::withdraw(&self.shared, |_| {
            Some(Outcome::NotBegun { reason: why.into(), not_before: None })
        })
        .await;
        let app = self.shared.app.clone();
        let ((), _nothing_is_asked_for) =
            tokio::join!(self.drain(self.shared.options.drain), renewals::stored(&app));
        join_all(self.parts.drain(..).map(Part::end)).await;
        let left = tokio::time::timeout(LEAVES_WITHIN, nodes::leave(&self.shared.app)).await;
        left.map_err(|_| AppError::Internal("the database does not answer".into()))??;
        Ok(Stopped(Arc::clone(&self.keeper)))
    }

    /// Ends a sender that has broken down: what is in flight settles as far as it can, and the rest is as
    /// after a power cut: the next process knows from the marks what had begun.
    pub async fn abandon(self) {
        self.drain(ABANDONS_AFTER.min(self.shared.options.drain)).await;
    }

    async fn drain(&self, longest: Duration) {
        let idle = async {
            while !self.shared.lines.idle() || self.shared.swept.load(Ordering::SeqCst) > 0 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(longest, idle).await.is_err() {
            tracing::warn!("stopped with sends in flight; what had begun is in doubt and will be read back");
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // What is under way ends with its task; nothing more begins.
        self.shared.gate.shut("this process is gone");
        self.parts.iter_mut().for_each(Part::abort);
    }
}

impl Stopped {
    /// Remembers the end of the log. To be called when nothing of this process writes any more. When that
    /// cannot be done the stop is no failure: the next start knows what the last look saw.
    pub async fn remember(self) {
        let done = async { self.0.lock().await.catch_up().await };
        match tokio::time::timeout(LOOK, done).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => tracing::warn!(error = %e, cause = ?e, "cannot remember the end of the log"),
            Err(_) => tracing::warn!("cannot remember the end of the log: the database does not answer"),
        }
    }
}
