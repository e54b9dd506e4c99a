//! The two parts of the sender that write to the database in a rush.

use std::thread::{Builder, JoinHandle};

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

use crate::app::{AppError, Result};

/// A running part. It ends when this is dropped.
pub(crate) enum Writer {
    Task(AbortHandle),
    Thread { alive: Option<oneshot::Sender<()>>, thread: Option<JoinHandle<()>> },
}

impl Writer {
    /// Starts the part as one task among the sends: for PostgreSQL, whose answers come to the runtime.
    pub fn task(part: impl Future<Output = ()> + Send + 'static) -> Self {
        Self::Task(tokio::spawn(part).abort_handle())
    }

    /// Starts the part on a thread of its own: for SQLite, which answers from a thread. In a rush there
    /// are many sends, and as a task the part would wait behind them each time the database has
    /// answered, with the only writer in hand. What it spawns runs on the runtime of the caller.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn thread(name: &str, part: impl Future<Output = ()> + Send + 'static) -> Result<Self> {
        let (alive, dropped) = oneshot::channel();
        let runtime = Handle::current();
        let run = async move {
            tokio::select! {
                () = part => {}
                _ = dropped => {}
            }
        };
        let thread = Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(run));
        let thread = thread.map_err(|e| AppError::Internal(format!("cannot start a thread: {e}")))?;
        Ok(Self::Thread { alive: Some(alive), thread: Some(thread) })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        match self {
            Self::Task(task) => task.abort(),
            Self::Thread { alive, thread } => {
                drop(alive.take());
                // The part stops at its next wait. Nothing of it runs any more when this is over.
                if thread.take().is_some_and(|thread| thread.join().is_err()) {
                    tracing::error!("a part of the sender had ended with a panic");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_part_runs_beside_its_runtime_and_ends_with_its_handle() {
        let steps = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&steps);
        let part = Writer::thread("counts", async move {
            loop {
                tokio::time::sleep(Duration::from_millis(1)).await;
                tokio::spawn({
                    let counted = Arc::clone(&counted);
                    async move { counted.fetch_add(1, Ordering::SeqCst) }
                });
            }
        });
        while steps.load(Ordering::SeqCst) < 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        drop(part.unwrap());
        // What it spawned last may still run.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let counted = steps.load(Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!((steps.load(Ordering::SeqCst), Arc::strong_count(&steps)), (counted, 1), "it is gone");
    }
}
