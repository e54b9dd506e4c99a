//! What outlives an attempt on networks with two steps: its handle, written down before the public step.

use std::sync::Arc;

use async_trait::async_trait;
use channels::{Keeper, Other, Pass};

use super::{Shared, faults, send};
use crate::app::permits::Permit;
use crate::app::{App, AppError, handles};

/// Writes down the handle of one attempt.
struct Written {
    app: App,
    attempt: String,
    delivery: String,
}

#[async_trait]
impl Keeper for Written {
    async fn keep(&self, handle: &str) -> Result<(), String> {
        let handle = send::storable(handle.to_owned());
        let kept = handles::keep(&self.app, &self.attempt, &self.delivery, &handle).await;
        kept.map_err(|e| match e {
            AppError::Conflict(why) => why,
            e => {
                tracing::error!(error = %e, cause = ?e, attempt = self.attempt, "cannot write down a handle");
                "the database did not take what the network calls the post; nothing was published".into()
            }
        })?;
        faults::point("kept");
        Ok(())
    }
}

/// The pass of an attempt, with what writes down its handle.
pub(crate) fn kept(shared: &Shared, permit: &Permit, pass: &Pass) -> Pass {
    let (app, attempt, delivery) = (shared.app.clone(), permit.attempt.clone(), permit.delivery.clone());
    pass.clone().kept_by(Arc::new(Written { app, attempt, delivery }))
}

/// What is written down of a post.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub handle: Option<String>,
    /// Of other deliveries, where the handle needs it.
    pub others: Vec<Other>,
}

/// What earlier attempts have written down.
pub(crate) async fn known(shared: &Shared, permit: &Permit) -> Result<Known, String> {
    if permit.number == 1 {
        return Ok(Known::default());
    }
    let app = &shared.app;
    let known = async {
        let handle = handles::known(app, &permit.attempt).await?;
        let others = handles::others(app, &permit.delivery, handle.as_deref(), &permit.rendition).await?;
        Ok::<_, AppError>(Known { handle, others })
    };
    known.await.map_err(|e| {
        tracing::error!(error = %e, cause = ?e, attempt = permit.attempt, "cannot read a handle");
        "the database did not tell what earlier attempts had prepared".into()
    })
}
