//! The sender: the only part that publishes.
//!
//! [`node`] keeps the gate of this node, [`dispatch`] claims and permits, [`send`] makes one
//! attempt, [`recall`] takes back what only waits, [`settle`] writes outcomes in batches, [`reread`] settles doubts, [`timer`] ticks.

/// What people ask of the networks.
pub mod desk;
/// Claims what is due and hands out permits.
pub mod dispatch;
/// Fault points of the tests.
pub mod faults;
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
/// Taking back permits that only wait.
pub mod recall;
/// Reading back what is in doubt.
pub mod reread;
/// One attempt.
pub mod send;
/// Outcomes in batches.
pub mod settle;
/// The website as a channel.
pub mod site;
/// Housekeeping ticks.
pub mod timer;
/// The parts that write in a rush, beside the sends.
mod writer;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use channels::Gate;
use channels::http::Http;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use self::writer::Writer;
use crate::app::permits::Permit;
use crate::app::sending::Outcome;
use crate::app::{App, Networks, Result, nodes};
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
    pub stopping: watch::Receiver<bool>,
    pub options: Options,
}

/// How often a node that shares its database looks by itself: the connection that hears the others can
/// be dead without a sign.
const LOOK: Duration = Duration::from_secs(3);

impl Shared {
    /// Whether that process of this node is surely no more, or is this one, which knows what it has in
    /// hand. On SQLite one process at a time holds the lock of the data folder.
    pub fn has_ended(&self, incarnation: &str) -> bool {
        let ended = || self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains(incarnation);
        !self.app.is_shared() || incarnation == self.app.incarnation() || ended()
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

/// A running sender.
pub struct Worker {
    shared: Arc<Shared>,
    /// What the [`App`] asks of the networks; it has them for as long as this is here.
    #[expect(dead_code, reason = "held for the App")]
    desk: Arc<dyn Networks>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    /// The dispatcher and the settler.
    writers: Vec<Writer>,
    timer: Option<timer::Timer>,
}

impl Worker {
    /// Starts the sender of this node: registers it, looks at the database, settles what was in
    /// hand before a crash as far as that is known, takes the epoch, and begins to send.
    ///
    /// # Errors
    /// When the database cannot be used, or another process runs as this node.
    pub async fn start(app: App, http: Arc<Http>, options: Options) -> Result<Self> {
        let (stop, stopping) = watch::channel(false);
        let (outcomes, inbox) = mpsc::channel(4_096);
        let gate = Gate::closed(nodes::LEASE);
        let lines = lines::Lines::new(app.clone(), http);
        lines.reload().await?;
        let shared = Arc::new(Shared {
            app: app.clone(),
            gate,
            lines,
            ended: Mutex::default(),
            recalled: Arc::default(),
            outcomes,
            stopping,
            options,
        });
        let desk: Arc<dyn Networks> = Arc::new(desk::Desk(Arc::clone(&shared)));
        app.set_networks(&desk);
        let keeper = node::Keeper::start(Arc::clone(&shared)).await?;
        let settle = settle::run(Arc::clone(&shared), inbox);
        let dispatch = dispatch::run(Arc::clone(&shared));
        let writers = if app.is_shared() {
            vec![Writer::task(settle), Writer::task(dispatch)]
        } else {
            vec![Writer::thread("settler", settle)?, Writer::thread("dispatcher", dispatch)?]
        };
        let mut tasks = vec![
            tokio::spawn(keeper.run()),
            tokio::spawn(reread::run(Arc::clone(&shared))),
            tokio::spawn(lines::follow(Arc::clone(&shared))),
            tokio::spawn(recall::run(Arc::clone(&shared))),
        ];
        if app.is_shared() {
            tasks.push(tokio::spawn(node::listen(Arc::clone(&shared))));
        }
        let timer =
            if shared.options.ticks { Some(timer::Timer::start(Arc::clone(&shared)).await?) } else { None };
        Ok(Self { shared, desk, stop, tasks, writers, timer })
    }

    /// The gate of this node.
    pub fn gate(&self) -> &Arc<Gate<Subject>> {
        &self.shared.gate
    }

    /// Ends every part at once without a word to anybody, as a power cut would. For fault tests.
    pub fn vanish(self) {
        // What is under way ends with its task; nothing more begins.
        self.shared.gate.close("this process is gone");
        self.tasks.iter().for_each(JoinHandle::abort);
    }

    /// Stops: no new claims, what is in flight settles (for as long as the options say), what is
    /// left is in doubt, and the node is off the list. No attempt is left without an outcome.
    ///
    /// # Errors
    /// The database's own.
    pub async fn stop(mut self) -> Result<()> {
        if let Some(timer) = self.timer.take() {
            timer.stop().await;
        }
        self.stop.send_replace(true);
        let why = "this node is stopping";
        self.shared.gate.close(why);
        dispatch::withdraw(&self.shared, |_| {
            Some(Outcome::NotBegun { reason: why.into(), not_before: None })
        })
        .await;
        let drain = async {
            while !self.shared.lines.idle() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let quiet = tokio::time::timeout(self.shared.options.drain, drain).await.is_ok();
        self.tasks.iter().for_each(JoinHandle::abort);
        for task in self.tasks.drain(..) {
            // It was aborted, or had ended: either is right.
            let _ = task.await;
        }
        self.writers.clear();
        let app = self.shared.app.clone();
        if !quiet {
            tracing::warn!("stopped with sends in flight; they are in doubt and will be read back");
        }
        let left = nodes::leave(&app).await;
        // A stop that did everything else is no failure; the next start knows what the last look saw.
        match tokio::time::timeout(LOOK, memory::catch_up(&self.shared)).await {
            Ok(Ok(())) => {}
            Ok(Err(e)) => tracing::warn!(error = %e, cause = ?e, "cannot remember the end of the log"),
            Err(_) => tracing::warn!("cannot remember the end of the log: the database does not answer"),
        }
        left
    }
}
