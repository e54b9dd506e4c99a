//! Who runs the tasks of a sender: the runtime, or a simulation that chooses each step.

use std::sync::Arc;

use futures::future::{AbortHandle, Abortable, BoxFuture};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Takes a task and what it is called.
type Run = dyn Fn(&'static str, BoxFuture<'static, ()>) + Send + Sync;

/// Runs tasks; by itself on the runtime.
#[derive(Clone, Default)]
pub struct Runner(Option<Arc<Run>>);

impl Runner {
    /// A simulation that is given each task.
    pub fn simulated(run: impl Fn(&'static str, BoxFuture<'static, ()>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(run)))
    }

    /// Runs a task beside the others.
    pub(crate) fn spawn(&self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        match &self.0 {
            None => drop(tokio::spawn(task)),
            Some(run) => run(name, Box::pin(task)),
        }
    }

    /// Runs a task as one of the set.
    pub(crate) fn spawn_in(
        &self,
        set: &mut JoinSet<()>,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::AbortHandle {
        let Some(run) = &self.0 else { return set.spawn(task) };
        let (done, ended) = oneshot::channel::<()>();
        run(
            name,
            Box::pin(async move {
                task.await;
                drop(done);
            }),
        );
        set.spawn(async move {
            let _ = ended.await;
        })
    }

    /// Gives a part to the simulation, where there is one; what ends it.
    pub(super) fn part(
        &self,
        name: &'static str,
        part: impl Future<Output = ()> + Send + 'static,
    ) -> std::result::Result<AbortHandle, impl Future<Output = ()> + Send + 'static> {
        let Some(run) = &self.0 else { return Err(part) };
        let (handle, registration) = AbortHandle::new_pair();
        let part = Abortable::new(part, registration);
        run(
            name,
            Box::pin(async move {
                let _ = part.await;
            }),
        );
        Ok(handle)
    }
}
