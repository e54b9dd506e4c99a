//! The executor: it has every task of every node and polls the one that it is told to, in one thread.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use holdline::store::Store;

/// Which process a task belongs to: the node, and which of its starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    pub node: usize,
    pub start: u32,
}

/// A task before the executor has it.
pub type Given = (Owner, &'static str, BoxFuture<'static, ()>);

/// Where tasks are given to the executor.
#[derive(Clone, Default)]
pub struct Door(Arc<Mutex<Vec<Given>>>);

impl Door {
    pub fn give(&self, owner: Owner, name: &'static str, work: BoxFuture<'static, ()>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((owner, name, work));
    }
}

struct Flag {
    is_woken: AtomicBool,
    /// The thread of the executor, which may be waiting for this.
    executor: Thread,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        self.executor.unpark();
    }
}

struct Task {
    number: u64,
    owner: Owner,
    name: &'static str,
    work: BoxFuture<'static, ()>,
    woken: Arc<Flag>,
}

/// All tasks.
pub struct Tasks {
    store: Store,
    door: Door,
    list: Vec<Task>,
    given: u64,
}

/// How long a task may keep a connection of the database while it waits for another task.
const STUCK: Duration = Duration::from_secs(60);

/// How long to wait at once for a connection to be back.
const RETURNS: Duration = Duration::from_micros(20);

impl Tasks {
    pub fn new(store: Store, door: Door) -> Self {
        Self { store, door, list: Vec::new(), given: 0 }
    }

    /// Takes what was given. Keys are read from the disk by threads: no simulation has that part. Nor has it connections
    /// that others' words come by: `words` is in their place.
    fn take(&mut self) {
        let given = std::mem::take(&mut *self.door.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (owner, name, work) in
            given.into_iter().filter(|(_, name, _)| !["keys", "listener"].contains(name))
        {
            self.given += 1;
            let woken = Arc::new(Flag { is_woken: AtomicBool::new(true), executor: std::thread::current() });
            self.list.push(Task { number: self.given, owner, name, work, woken });
        }
    }

    /// The numbers of the tasks that can go on, but not of those whose process stands still.
    pub fn ready(&mut self, runs: impl Fn(Owner) -> bool) -> Vec<u64> {
        self.take();
        let ready = self.list.iter().filter(|t| t.woken.is_woken.load(Ordering::SeqCst) && runs(t.owner));
        ready.map(|t| t.number).collect()
    }

    /// What is left, for whoever looks why something does not end.
    pub fn names(&self) -> Vec<(Owner, &'static str)> {
        self.list.iter().map(|t| (t.owner, t.name)).collect()
    }

    /// Ends every task of a process, as a power cut does.
    pub fn kill(&mut self, owner: Owner) {
        self.take();
        self.list.retain(|t| t.owner != owner);
    }

    pub fn clear(&mut self) {
        self.take();
        self.list.clear();
    }

    /// Lets one task go on until it waits for something that neither the database nor itself gives. Its name.
    pub async fn step(&mut self, number: u64) -> (Owner, &'static str) {
        let Some(at) = self.list.iter().position(|t| t.number == number) else {
            return (Owner { node: usize::MAX, start: 0 }, "gone");
        };
        let (owner, name) = (self.list[at].owner, self.list[at].name);
        let began = Instant::now();
        let mut ended = self.poll(at);
        loop {
            settle().await;
            // First of all this: who waited for a connection may have been given it, and nobody else gets it then.
            if !ended && self.list[at].woken.is_woken.load(Ordering::SeqCst) {
                ended = self.poll(at);
                continue;
            }
            if self.is_idle() {
                break;
            }
            assert!(began.elapsed() < STUCK, "{name} keeps a connection and waits for another task");
            // The answer of the database wakes it; a connection that goes back to its pool does not.
            std::thread::park_timeout(RETURNS);
        }
        if ended {
            self.list.remove(at);
        }
        (owner, name)
    }

    fn poll(&mut self, at: usize) -> bool {
        let task = &mut self.list[at];
        task.woken.is_woken.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&task.woken));
        let mut work = tokio::task::unconstrained(Pin::new(&mut task.work));
        matches!(Pin::new(&mut work).poll(&mut Context::from_waker(&waker)), Poll::Ready(()))
    }

    /// Whether nobody has a connection of the database.
    fn is_idle(&self) -> bool {
        let Store::Sqlite { write, read, .. } = &self.store else { return true };
        [write, read].iter().all(|pool| u32::try_from(pool.num_idle()).unwrap_or(u32::MAX) == pool.size())
    }
}

/// Lets the runtime do what it has: connections go back to their pool there.
async fn settle() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}
