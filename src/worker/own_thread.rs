//! The parts of the sender that write to the database run on threads of their own.

use std::thread::{Builder, JoinHandle};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::app::{AppError, Result};

/// A part of the sender on a thread of its own. It ends when this is dropped.
///
/// In a rush there are many sends, and a task that writes would wait behind them each time the database
/// has answered, while it holds the only writer of SQLite.
pub(crate) struct OwnThread {
    alive: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl OwnThread {
    /// Starts the part; what it spawns runs on the runtime of the caller.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub fn start(name: &str, part: impl Future<Output = ()> + Send + 'static) -> Result<Self> {
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
        Ok(Self { alive: Some(alive), thread: Some(thread) })
    }
}

impl Drop for OwnThread {
    fn drop(&mut self) {
        drop(self.alive.take());
        // The part stops at its next wait. Nothing of it runs any more when this is over.
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("a part of the sender had ended with a panic");
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
        let part = OwnThread::start("counts", async move {
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
