//! The parts of the sender: each runs by itself for as long as the sender does.

use std::sync::Arc;
use std::thread::{Builder, JoinHandle as Thread, panicking};
use std::time::Duration;

use futures::future::AbortHandle;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle as Task;

use super::Shared;
use crate::app::{AppError, Result};

/// How long a part may take to reach its next wait when it is told to end.
pub(super) const ENDS_WITHIN: Duration = Duration::from_secs(5);

/// A running part. It ends when this is dropped.
pub(crate) struct Part {
    name: &'static str,
    run: Run,
}

enum Run {
    Task(Task<()>),
    /// A simulation has it.
    Given(AbortHandle),
    Thread {
        alive: Option<oneshot::Sender<()>>,
        ended: oneshot::Receiver<()>,
        thread: Option<Thread<()>>,
    },
}

impl Part {
    /// Starts a part as one task among the sends.
    pub fn task(
        shared: &Arc<Shared>,
        name: &'static str,
        part: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let run = match shared.runner.part(name, watched(Arc::clone(shared), name, part)) {
            Ok(handle) => Run::Given(handle),
            Err(part) => Run::Task(tokio::spawn(part)),
        };
        Self { name, run }
    }

    /// Starts a part that writes in a rush. SQLite answers from a thread: there the part has a thread of
    /// its own. As a task it would wait behind the many sends each time the database has answered, with
    /// the only writer in hand. What it spawns runs on the runtime of the caller.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn writer(
        shared: &Arc<Shared>,
        name: &'static str,
        part: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Self> {
        if shared.app.is_shared() || shared.app.clock().elapsed().is_some() {
            return Ok(Self::task(shared, name, part));
        }
        Self::thread(name, watched(Arc::clone(shared), name, part))
    }

    fn thread(name: &'static str, part: impl Future<Output = ()> + Send + 'static) -> Result<Self> {
        let (alive, dropped) = oneshot::channel();
        let (done, ended) = oneshot::channel();
        let runtime = Handle::current();
        let run = async move {
            tokio::select! {
                () = part => {}
                _ = dropped => {}
            }
        };
        let run = move || {
            // Dropped when the part is over, however it ends.
            let _done: oneshot::Sender<()> = done;
            runtime.block_on(run);
        };
        let thread = Builder::new().name(name.to_owned()).spawn(run);
        let thread = thread.map_err(|e| AppError::Internal(format!("cannot start a thread: {e}")))?;
        Ok(Self { name, run: Run::Thread { alive: Some(alive), ended, thread: Some(thread) } })
    }

    /// Tells the part to end at its next wait.
    pub fn abort(&mut self) {
        match &mut self.run {
            Run::Task(task) => task.abort(),
            Run::Given(handle) => handle.abort(),
            Run::Thread { alive, .. } => drop(alive.take()),
        }
    }

    /// Tells the part to end, and waits until it has.
    pub async fn end(mut self) {
        self.abort();
        match &mut self.run {
            Run::Given(_) => {}
            // It was aborted, or had ended: either is right. A panic was said when it came.
            Run::Task(task) => {
                if tokio::time::timeout(ENDS_WITHIN, task).await.is_err() {
                    left_behind(self.name);
                }
            }
            Run::Thread { ended, thread, .. } => {
                if tokio::time::timeout(ENDS_WITHIN, ended).await.is_err() {
                    left_behind(self.name);
                    drop(thread.take());
                }
            }
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.abort();
        if let Run::Thread { thread, .. } = &mut self.run {
            // Nothing of it runs any more when this is over. A panic was said when it came.
            let _ = thread.take().map(Thread::join);
        }
    }
}

fn left_behind(part: &str) {
    tracing::error!(part, "a part of the sender does not end; it is left behind");
}

/// The part, watched: without it nothing may be sent from this process.
async fn watched(shared: Arc<Shared>, name: &'static str, part: impl Future<Output = ()>) {
    let mut watch = Watch::new(&shared, name);
    part.await;
    watch.returned = true;
}

/// Says so when what it watches panics.
pub(super) struct Watch {
    shared: Arc<Shared>,
    name: &'static str,
    /// It ended by itself, which it should not.
    returned: bool,
}

impl Watch {
    pub fn new(shared: &Arc<Shared>, name: &'static str) -> Self {
        Self { shared: Arc::clone(shared), name, returned: false }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let stopping = *self.shared.stopping.borrow();
        if let Some(why) = fault(self.name, panicking(), self.returned, stopping) {
            self.shared.break_down(&why);
        }
    }
}

/// What is wrong with a part that is over. Nothing: it was dropped, or ended when all do.
fn fault(name: &str, panicked: bool, returned: bool, stopping: bool) -> Option<String> {
    if panicked {
        Some(format!("a part of the sender has panicked: {name}"))
    } else if returned && !stopping {
        Some(format!("a part of the sender has ended: {name}"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts for as long as it runs.
    fn counts(steps: &Arc<AtomicUsize>) -> impl Future<Output = ()> + Send + 'static {
        let steps = Arc::clone(steps);
        async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                tokio::spawn({
                    let steps = Arc::clone(&steps);
                    async move { steps.fetch_add(1, Ordering::SeqCst) }
                });
            }
        }
    }

    #[tokio::test]
    async fn a_part_runs_beside_its_runtime_and_ends_with_its_handle() {
        for waits in [true, false] {
            let steps = Arc::new(AtomicUsize::new(0));
            let part = Part::thread("counts", counts(&steps)).unwrap();
            while steps.load(Ordering::SeqCst) < 3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if waits {
                part.end().await
            } else {
                drop(part)
            }
            // What it spawned last may still run.
            tokio::time::sleep(Duration::from_millis(20)).await;
            let counted = steps.load(Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            assert_eq!((steps.load(Ordering::SeqCst), Arc::strong_count(&steps)), (counted, 1), "it is gone");
        }
    }

    #[tokio::test]
    async fn a_part_that_has_panicked_ends() {
        let part = Part::thread("panics", async { panic!("on purpose") }).unwrap();
        tokio::time::timeout(Duration::from_secs(1), part.end()).await.unwrap();
    }

    #[test]
    fn a_part_that_ends_by_itself_is_a_fault_and_one_that_is_told_to_is_not() {
        let words = |panicked, returned, stopping| fault("settler", panicked, returned, stopping);
        let (panicked, ended) =
            ("a part of the sender has panicked: settler", "a part of the sender has ended: settler");
        assert_eq!(words(true, false, false).as_deref(), Some(panicked));
        assert_eq!(words(true, false, true).as_deref(), Some(panicked), "at any time");
        assert_eq!(words(false, true, false).as_deref(), Some(ended));
        assert_eq!(words(false, true, true), None, "all end");
        assert_eq!(words(false, false, false), None, "it was dropped");
    }
}
