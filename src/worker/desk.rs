//! What people ask of the networks: check, retract, read back.

use std::sync::Arc;

use async_trait::async_trait;
use channels::Retraction;
use secrecy::SecretString;
use serde_json::Value;

use super::{Shared, reread};
use crate::app::channels::HealthView;
use crate::app::{AppError, Networks, Result, reads};

/// What people ask of the networks.
pub(crate) struct Desk(pub Arc<Shared>);

#[async_trait]
impl Networks for Desk {
    fn try_open(
        &self,
        adapter: &str,
        settings: &Value,
        credential: Option<SecretString>,
    ) -> std::result::Result<(), String> {
        let adapter = channels::adapter(adapter).ok_or_else(|| format!("no adapter {adapter}"))?;
        if adapter.name == "website" {
            return Ok(());
        }
        (adapter.connect)(&self.0.lines.connection(settings.clone(), credential)).map(drop)
    }

    async fn check(&self, channel: &str) -> Result<HealthView> {
        // A channel that was connected a moment ago is known at once.
        self.0.lines.reload().await?;
        let seen = match self.0.lines.get(channel) {
            Err(detail) => HealthView { ready: false, detail, limits: None },
            Ok(open) => {
                let health = open.channel.check().await;
                HealthView { ready: health.ready, detail: health.detail, limits: open.channel.limits() }
            }
        };
        crate::app::channels::keep_health(&self.0.app, channel, &seen).await?;
        Ok(seen)
    }

    async fn retract(&self, delivery: &str) -> Result<Retraction> {
        let attempt = reads::last(&self.0.app, delivery).await?;
        let attempt = attempt.ok_or_else(|| AppError::not_found("attempt of", delivery))?;
        let sent = reread::sent(&self.0, &attempt).await?;
        match self.0.lines.get(&sent.channel) {
            Ok(open) => Ok(open.channel.retract(&sent.job, sent.remote_id.as_deref()).await),
            Err(why) => Ok(Retraction::StillLive(why)),
        }
    }

    async fn read_back(&self, delivery: &str) -> Result<()> {
        let attempt = reads::in_doubt(&self.0.app, delivery).await?;
        let attempt = attempt.ok_or_else(|| AppError::not_found("attempt in doubt of", delivery))?;
        reread::one(&self.0, &attempt).await
    }
}
