//! Housekeeping ticks by tokio-cron-scheduler, in UTC. The ticks only look; the database decides.
//! Nothing is sent from here.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio_cron_scheduler::{Job, JobScheduler};

use super::Shared;
use crate::app::access::renewals;
use crate::app::{
    App, AppError, Result, audit, channels, incidents, key_watch, nodes, red_channels, reports, series,
    staging, watches,
};
use crate::clock::Millis;

/// The running scheduler.
pub struct Timer(JobScheduler);

/// One job: when it ticks (cron with seconds, UTC), what it is called, and how long no other node
/// does it again.
struct Tick {
    cron: &'static str,
    name: &'static str,
    turn: Millis,
    work: fn(App) -> BoxFuture<'static, Result<()>>,
}

/// All jobs. Each may run twice without harm; a turn only spares the work.
const TICKS: [Tick; 11] = [
    Tick {
        cron: "*/10 * * * * *",
        name: "overdue promises",
        turn: 0,
        work: |app| Box::pin(async move { incidents::mark_overdue(&app).await }),
    },
    Tick {
        cron: "*/5 * * * * *",
        name: "access that expires soon",
        turn: 0,
        work: |app| Box::pin(async move { renewals::due(&app).await }),
    },
    Tick {
        cron: "2/5 * * * * *",
        name: "reports that came before their attempt had ended",
        turn: 0,
        work: |app| Box::pin(async move { reports::apply_waiting(&app).await }),
    },
    Tick {
        cron: "*/15 * * * * *",
        name: "what silent nodes had in hand",
        turn: 10_000,
        work: |app| {
            Box::pin(async move {
                // What a database that nobody has confirmed knows of other nodes may be old.
                if app.networks()?.may_judge() { nodes::take_over_silent(&app).await } else { Ok(()) }
            })
        },
    },
    Tick {
        cron: "7/15 * * * * *",
        name: "what this process has in hand no more",
        turn: 0,
        work: |app| Box::pin(async move { nodes::give_up_unknown(&app).await }),
    },
    Tick {
        cron: "5 * * * * *",
        name: "next posts of recurrences",
        turn: 50_000,
        work: |app| Box::pin(async move { series::continue_series(&app).await }),
    },
    Tick {
        cron: "20 * * * * *",
        name: "channel checks",
        turn: 50_000,
        work: |app| {
            Box::pin(async move {
                channels::check_due(&app).await?;
                red_channels::look(&app).await
            })
        },
    },
    Tick {
        cron: "40 * * * * *",
        name: "posts that nobody here sent",
        turn: 50_000,
        work: |app| Box::pin(async move { watches::look_all(&app).await }),
    },
    Tick {
        cron: "50 * * * * *",
        name: "imports that were left",
        turn: 50_000,
        work: |app| Box::pin(async move { staging::go_on(&app).await }),
    },
    Tick {
        cron: "40 * * * * *",
        name: "instance keys",
        turn: 0,
        work: |app| Box::pin(async move { key_watch::tend(&app).await }),
    },
    Tick {
        cron: "35 */5 * * * *",
        name: "checkpoint of the log",
        turn: 4 * 60_000,
        work: |app| Box::pin(async move { audit::checkpoint_if_grown(&app).await.map(drop) }),
    },
];

impl Tick {
    async fn run(&self, shared: &Shared) {
        let app = &shared.app;
        let done = async {
            if self.turn == 0 || nodes::take_turn(app, self.name, self.turn).await? {
                (self.work)(app.clone()).await?;
            }
            Ok::<_, AppError>(())
        };
        if let Err(e) = done.await {
            if *shared.stopping.borrow() {
                return tracing::debug!(error = %e, job = self.name, "housekeeping ended with the node");
            }
            tracing::error!(error = %e, cause = ?e, job = self.name, "housekeeping failed; it is tried at the next tick");
        }
    }
}

impl Timer {
    /// Starts the ticks.
    pub(crate) async fn start(shared: Arc<Shared>) -> Result<Self> {
        let words =
            |e: tokio_cron_scheduler::JobSchedulerError| AppError::Internal(format!("the timer: {e}"));
        let scheduler = JobScheduler::new().await.map_err(words)?;
        for tick in &TICKS {
            let shared = Arc::clone(&shared);
            let work = move |_, _| -> BoxFuture<'static, ()> {
                let shared = Arc::clone(&shared);
                Box::pin(async move { tick.run(&shared).await })
            };
            let job = Job::new_async(tick.cron, work);
            scheduler.add(job.map_err(words)?).await.map_err(words)?;
        }
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
