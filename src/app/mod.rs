//! One file per noun, one function per verb: check, change, audit, commit in one transaction.

/// Access of channels at their networks.
pub mod access;
/// Who acts, and what they may do.
pub mod actor;
/// Alarms about posts that nobody here sent.
mod alarms;
/// Approvals.
pub mod approvals;
/// The audit log: lists, checkpoints, exports.
pub mod audit;
/// How ready each channel is.
pub mod board;
/// Mails that came back.
pub mod bounces;
/// Approval of many posts at once.
pub mod bulk;
/// The queue by hour and by day, for people to look at.
pub mod calendar;
/// Connected channels.
pub mod channels;
/// Commits with audit entries.
mod committing;
/// From what was typed to rows, with every check.
mod compose;
/// The pictures that a new post names.
mod composed_pictures;
/// The return from a restore.
mod confirming;
/// Posts that are counted here.
mod counted;
/// Credentials of channels, sealed and open.
pub(crate) mod credentials;
/// Doubts: what was sent, and what reading back saw.
pub mod doubts;
/// Edits and cancellations.
mod edits;
/// What a caller can get wrong.
pub mod error;
/// Pictures that a network fetches from here.
pub mod fetching;
/// Writing down what is on a network's schedule.
pub(crate) mod finding;
/// What was under way when a freeze was sealed.
pub mod flights;
mod foreign;
/// Freezes, seal and thaw.
mod freeze_preview;
pub mod freezes;
/// What an attempt prepared before its public step.
pub(crate) mod handles;
/// What monitoring systems say becomes signals.
pub mod heard;
/// Held posts, doubts, and what people decide about them.
pub mod held;
/// What is held with a label, and one hash over it.
pub mod held_set;
/// Waking the sender and those who wait.
pub mod hub;
/// Import of many posts.
pub mod import;
/// Incidents.
pub mod incidents;
/// One-time invitations.
pub mod invitations;
mod judged;
/// Reading and writing the file of the instance keys.
mod key_file;
/// Instance keys as the lines of their file.
mod key_lines;
/// The instance keys that a process knows.
mod key_ring;
/// Looks after the file of the instance keys while a node runs.
pub(crate) mod key_watch;
/// Which instance key seals.
pub mod keys;
mod lacking;
mod later_words;
mod left_out;
mod letters;
mod lifted;
/// How people sign in: passwords, second factors, recovery codes.
pub mod logins;
/// Looks at what networks would publish by themselves.
pub(crate) mod looks;
/// Uploaded pictures.
pub mod media;
/// What changes in a person.
pub mod membership;
mod moved;
mod networks;
/// Nodes and the return from a restore.
pub mod nodes;
/// Mails to people of the team.
pub mod notices;
/// The old words of a post that gets others.
mod old_words;
mod outcomes;
/// The state of the house in one look.
pub mod overview;
mod owners;
/// People, tokens and the first start.
pub mod people;
/// Claims and permits: what the sender takes out of the queue.
pub mod permits;
/// Posts at the top of their accounts.
pub mod pins;
/// Named settings: the approval policy.
pub mod policy;
/// Posts: create, edit, submit, cancel, list.
pub mod posts;
/// What a post would be on each channel.
pub mod preview;
/// Moving on what a network keeps held only until a date.
pub(crate) mod prolonging;
/// The time of the next promised update.
mod promises;
/// Carrying out decisions about what is held inside networks.
pub(crate) mod put_back;
/// Whether channels would accept a post.
mod readiness;
/// Reading back what is in doubt.
pub mod reads;
/// Why somebody does something, in their own words.
pub mod reasons;
/// People are told of channels on which a post would fail.
pub mod red_channels;
/// From what was typed to what each channel receives.
pub mod renditions;
/// Repeated requests.
pub mod repeats;
/// What networks say later of messages.
pub mod reports;
/// What was put back inside networks after a freeze, once it is out.
mod restored;
/// What is out is taken down.
mod retractions;
/// Other words for a post that is out.
pub mod revisions;
/// The incident room.
pub mod room;
/// The exchange of one instance key for another.
pub mod rotation;
/// Sealing of credentials.
pub mod secrets;
/// Outcomes.
pub mod sending;
/// Recurrences.
pub mod series;
/// Sessions of the console.
pub mod sessions;
/// A person's word about what no network tells.
pub mod settle;
/// How many signals wait at most, and who has how much of that room.
pub mod shares;
/// What approvers read before they decide.
mod sheets;
/// All signals page by page.
pub mod signal_pages;
/// Signals of monitoring systems.
pub mod signals;
/// The public page.
pub mod site;
/// Pictures of the public page.
pub mod site_pictures;
/// All rows of an import or none.
pub mod staging;
/// How ready a channel is, by what is known.
pub mod standing;
mod still_live;
/// The freezes of an incident that is opened.
mod stopping;
/// Holding what a network would publish by itself.
pub(crate) mod sweeping;
/// What was scheduled inside a network, and what people decide about it.
pub mod sweeps;
/// Taking a whole post down.
pub mod take_downs;
pub(crate) mod target;
/// What did not begin.
pub mod unbegun;
/// The watch over accounts: posts that nobody here sent.
mod watch_turns;
pub mod watches;
/// What this process has seen of the database.
pub mod witness;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{RwLock, watch};

pub use actor::Actor;
pub use error::{AppError, Problem, Result};
pub use networks::{Networks, Removal};

use crate::clock::{Clock, Millis};
use crate::store::Store;
use hub::Hub;
use secrets::Keys;
use witness::Witness;

/// The application: everything a verb needs. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    store: Store,
    clock: Clock,
    hub: Hub,
    keys: Keys,
    node: String,
    started_at: Millis,
    incarnation: String,
    public_url: String,
    networks: Mutex<Option<Weak<dyn Networks>>>,
    witness: Witness,
    /// Held by whoever adds to the log, which one change does at a time anyhow.
    committing: tokio::sync::Mutex<()>,
    notes: readiness::Notes,
    exchanging: RwLock<()>,
    /// Whether this node has a mail server.
    mails: AtomicBool,
    /// Why nothing can be sent from this process any more.
    broken: watch::Sender<Option<String>>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("node", &self.0.node).finish_non_exhaustive()
    }
}

impl App {
    /// Puts the parts together. `node` is this node's id, `public_url` where the public page is.
    pub fn new(store: Store, clock: Clock, keys: Keys, node: &str, public_url: &str) -> Self {
        Self(Arc::new(Inner {
            store,
            started_at: clock.now(),
            incarnation: clock.id(),
            clock,
            hub: Hub::default(),
            keys,
            node: node.to_owned(),
            public_url: public_url.trim_end_matches('/').to_owned(),
            networks: Mutex::new(None),
            witness: Witness::default(),
            committing: tokio::sync::Mutex::default(),
            notes: readiness::Notes::default(),
            exchanging: RwLock::default(),
            mails: AtomicBool::new(false),
            broken: watch::Sender::default(),
        }))
    }

    /// One on an SQLite file of its own.
    #[cfg(test)]
    pub(crate) async fn for_tests(folder: &std::path::Path, clock: Clock) -> Self {
        let store = Store::sqlite(&folder.join("holdline.db")).await.unwrap();
        let app = Self::new(store, clock, Keys::random(), "node-a", "http://localhost:8740");
        nodes::gate_row(&app).await.unwrap();
        app
    }

    /// Time and ids.
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// Waking the sender and those who wait.
    pub fn hub(&self) -> &Hub {
        &self.0.hub
    }

    /// The id of this node.
    pub fn node(&self) -> &str {
        &self.0.node
    }

    /// Nothing can be sent from this process any more, until it is restarted.
    pub(crate) fn break_down(&self, why: &str) {
        // The first reason is the cause of the others.
        self.0.broken.send_if_modified(|broken| {
            let first = broken.is_none();
            broken.get_or_insert_with(|| why.to_owned());
            first
        });
    }

    /// Why nothing can be sent from this process any more, until it is restarted.
    pub fn broken(&self) -> Option<String> {
        self.0.broken.borrow().clone()
    }

    /// Waits until nothing can be sent from this process any more; why.
    pub async fn breaks_down(&self) -> String {
        let mut broken = self.0.broken.subscribe();
        let why = broken.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
        why.unwrap_or_default()
    }

    /// Since when this process runs: with the node's id it tells one start from the next.
    pub fn started_at(&self) -> Millis {
        self.0.started_at
    }

    /// Which process this is: another one with every start, also of a copied data folder.
    pub fn incarnation(&self) -> &str {
        &self.0.incarnation
    }

    /// Where the public page is, without a slash at the end.
    pub fn public_url(&self) -> &str {
        &self.0.public_url
    }

    /// The name of the database in use, for logs and figures.
    pub fn database(&self) -> &'static str {
        self.store().kind()
    }

    /// Whether other nodes can share this database.
    pub fn is_shared(&self) -> bool {
        self.store().is_shared()
    }

    /// Gives the verbs that need a network their hands, for as long as the sender holds them. The
    /// sender holds an `App`: were they held here too, neither would ever be dropped.
    pub fn set_networks(&self, networks: &Arc<dyn Networks>) {
        *self.0.networks.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::downgrade(networks));
    }

    /// What this process is doing about channels.
    fn notes(&self) -> &readiness::Notes {
        &self.0.notes
    }

    /// Held for reading while tokens are exchanged: whoever holds it alone knows that all are stored.
    pub(crate) fn exchanging(&self) -> &RwLock<()> {
        &self.0.exchanging
    }

    /// What talks to the networks.
    ///
    /// # Errors
    /// When this process has no sender.
    pub fn networks(&self) -> Result<Arc<dyn Networks>> {
        let networks = self.0.networks.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = networks.as_ref().and_then(Weak::upgrade);
        alive.ok_or_else(|| AppError::Conflict("this process does not send".into()))
    }

    /// Says that this node sends mails to people of the team.
    pub fn set_mails(&self) {
        self.0.mails.store(true, Ordering::SeqCst);
    }

    /// Whether this node sends mails to people of the team.
    pub fn has_mails(&self) -> bool {
        self.0.mails.load(Ordering::SeqCst)
    }

    /// What this process has seen of the database.
    pub(crate) fn witness(&self) -> &Witness {
        &self.0.witness
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn keys(&self) -> &Keys {
        &self.0.keys
    }

    pub(crate) fn now(&self) -> Millis {
        self.0.clock.now()
    }

    pub(crate) fn id(&self) -> String {
        self.0.clock.id()
    }

    /// Ends the database connections.
    pub async fn close(&self) {
        self.store().close().await;
    }
}
