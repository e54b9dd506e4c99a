//! Housekeeping ticks by tokio-cron-scheduler, in UTC. The ticks only look; the database decides.
//! Nothing is sent from here.

use std::sync::Arc;

use tokio_cron_scheduler::{Job, JobScheduler};

use super::Shared;
use crate::app::{AppError, Result, incidents, posts};

/// The running scheduler.
pub struct Timer(JobScheduler);

impl Timer {
    /// Starts the ticks: overdue promises every 10 seconds, recurrences and checks every minute.
    pub(crate) async fn start(shared: Arc<Shared>) -> Result<Self> {
        let words =
            |e: tokio_cron_scheduler::JobSchedulerError| AppError::Internal(format!("the timer: {e}"));
        let scheduler = JobScheduler::new().await.map_err(words)?;
        let often = Arc::clone(&shared);
        let promises = Job::new_async("*/10 * * * * *", move |_, _| {
            let shared = Arc::clone(&often);
            Box::pin(async move {
                if let Err(e) = incidents::mark_overdue(&shared.app).await {
                    tracing::error!(error = %e, "cannot look for overdue promises");
                }
            })
        });
        scheduler.add(promises.map_err(words)?).await.map_err(words)?;
        let minutely = Job::new_async("5 * * * * *", move |_, _| {
            let shared = Arc::clone(&shared);
            Box::pin(async move {
                if let Err(e) = posts::continue_series(&shared.app).await {
                    tracing::error!(error = %e, "cannot compute the next posts of recurrences");
                }
            })
        });
        scheduler.add(minutely.map_err(words)?).await.map_err(words)?;
        scheduler.start().await.map_err(words)?;
        Ok(Self(scheduler))
    }

    /// Ends the ticks.
    pub async fn stop(mut self) {
        if let Err(e) = self.0.shutdown().await {
            tracing::warn!(error = %e, "the timer did not stop cleanly");
        }
    }
}
