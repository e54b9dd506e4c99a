//! What people ask of the networks: check, retract, pin, read back.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use channels::health::Account;
use channels::oauth::{Client, Refusal, Revoked, Tokens};
use channels::oauth_networks::Network;
use channels::quota::Quota;
use channels::{Facts, Health, NOT_OURS, Pinned, ReadBack, Retraction, Sighting, ledger, watch};
use secrecy::SecretString;
use serde_json::Value;

use super::lines::Open;
use super::{Shared, caught, reread, send};
use crate::app::channels::HealthView;
use crate::app::{AppError, Networks, Removal, Result, reads};
use crate::clock::{Millis, date_time};

/// The longest look at the posts of an account.
const WATCH_LIMIT: Duration = Duration::from_secs(30);
/// The longest that one copy of a post is being pinned.
const PIN_LIMIT: Duration = Duration::from_secs(20);

/// The longest that a network is asked for the account of a new credential.
const ACCOUNT_LIMIT: Duration = Duration::from_secs(15);

/// The longest that somebody who reads back waits for an attempt that is in hand here, and how often that is looked at.
const LET_GO: Duration = Duration::from_secs(2);
const LET_GO_STEP: Duration = Duration::from_millis(10);
const IN_HAND: &str = "its request is still under way on this node; what comes of it is written down, so look again in a minute";

/// How long a check may take. That of a channel whose server hangs is an answer, too.
const LONGEST: Duration = Duration::from_secs(30);

/// What a check saw. One that has no end, or panics, is that channel's failure alone.
async fn within(longest: Duration, check: impl Future<Output = Health>) -> Health {
    match tokio::time::timeout(longest, caught(check)).await {
        Ok(Some(health)) => health,
        Ok(None) => {
            tracing::error!("an adapter has panicked in a check; please report this");
            Health::unready("the check met a fault of its own; the service's log says which")
        }
        Err(_) => Health::unready("the network did not answer the check in time"),
    }
}

/// With what the channel's last answers said besides.
fn with_heard(open: &Open, facts: Facts, now: Millis) -> Facts {
    let heard = open.ear.heard();
    let counts = |q: &Quota| q.resets_at.is_none_or(|at| at > date_time(now));
    let posts = heard.posts.into_iter().filter(counts).min_by_key(|q| q.left);
    let skew = facts.skew_ms.map_or((heard.skew_ms, heard.skew_at), |told| (Some(told), None));
    Facts {
        posts: facts.posts.or(posts),
        calls: facts.calls.or(heard.calls),
        shares: if facts.shares.is_empty() { heard.shares } else { facts.shares },
        skew_ms: skew.0,
        skew_at: skew.1,
        ..facts
    }
}

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
        let (version, seen) = match self.0.lines.get(channel) {
            Err(detail) => (None, HealthView { ready: false, detail, limits: None, facts: Facts::default() }),
            Ok(open) => {
                let health = within(LONGEST, open.channel.check()).await;
                let (detail, limits) = (send::storable(health.detail), open.channel.limits());
                let facts = with_heard(&open, health.facts, self.0.app.now());
                (Some(open.version), HealthView { ready: health.ready, detail, limits, facts })
            }
        };
        let kept = crate::app::channels::keep_health(&self.0.app, channel, version, seen).await?;
        // What is left counts from now on.
        self.0.lines.reload().await?;
        Ok(kept)
    }

    async fn retract(&self, delivery: &str) -> Result<Removal> {
        let attempt = reads::last(&self.0.app, delivery).await?;
        let attempt = attempt.ok_or_else(|| AppError::not_found("attempt of", delivery))?;
        let sent = reread::sent(&self.0, &attempt).await?;
        let open = match self.0.lines.get(&sent.channel) {
            Ok(open) => open,
            Err(why) => return Ok(Retraction::StillLive(why).into()),
        };
        let mut remote_id = sent.remote_id;
        // What is written down of a thread, or of recipients, is its own.
        let is_ledger = sent.job.handle.as_deref().is_some_and(ledger::is_ledger);
        let is_known = is_ledger || !sent.job.rendition.more.is_empty();
        let by_words = open.capabilities.read_back == ReadBack::Words && !is_known;
        let look = match remote_id {
            None if by_words => Some(reread::look(&open, &sent.job).await),
            _ => open.channel.by_words(&sent.job, remote_id.as_deref()).await,
        };
        if let Some(look) = look {
            // Another delivery may have the same words: its post stays.
            let found = match look {
                Sighting::Found(receipt) => send::storable(receipt.remote_id),
                Sighting::Absent => return Ok(Retraction::StillLive(NOT_OURS.to_owned()).into()),
                Sighting::Unknown(why) | Sighting::Gone(why) => return Ok(Retraction::StillLive(why).into()),
            };
            if let Some(why) = reads::doubt_about(&self.0.app, &attempt, &found).await? {
                return Ok(Retraction::StillLive(why).into());
            }
            remote_id = Some(found);
        }
        let (result, words) = open.channel.take_down(&sent.job, remote_id.as_deref()).await;
        Ok(Removal { result, words })
    }

    async fn register(
        &self,
        network: &'static Network,
        server: &str,
        redirect: &str,
    ) -> std::result::Result<Client, Refusal> {
        Client::register(self.0.lines.http(), network, server, redirect).await
    }

    async fn redeem(
        &self,
        client: &Client,
        code: &SecretString,
        verifier: &SecretString,
        page: &str,
    ) -> std::result::Result<Tokens, Refusal> {
        // A stop waits for what is asked by then, and for nothing that begins after it.
        if *self.0.stopping.borrow() {
            return Err(Refusal::Later("this node is stopping".into()));
        }
        client.redeem(self.0.lines.http(), code, verifier, page).await
    }

    async fn account(
        &self,
        adapter: &str,
        settings: &Value,
        credential: SecretString,
    ) -> std::result::Result<Account, String> {
        let adapter = channels::adapter(adapter).ok_or_else(|| format!("no adapter {adapter}"))?;
        let connection = self.0.lines.connection(settings.clone(), Some(credential));
        let channel = (adapter.connect)(&connection)?;
        let Health { detail, facts, .. } = within(ACCOUNT_LIMIT, channel.check()).await;
        let whose = facts.whose().map(|a| Account { name: send::storable(a.name), id: a.id });
        whose.ok_or_else(|| send::storable(detail))
    }

    async fn renew(&self, client: &Client, old: &Tokens) -> std::result::Result<Tokens, Refusal> {
        client.renew(self.0.lines.http(), old).await
    }

    async fn revoke(&self, client: &Client, tokens: &Tokens) -> Revoked {
        client.revoke(self.0.lines.http(), tokens).await
    }

    async fn pin(&self, delivery: &str, up: bool) -> Result<Pinned> {
        let attempt = reads::last(&self.0.app, delivery).await?;
        let attempt = attempt.ok_or_else(|| AppError::not_found("attempt of", delivery))?;
        let sent = reread::sent(&self.0, &attempt).await?;
        let open = match self.0.lines.get(&sent.channel) {
            Ok(open) => open,
            Err(why) => return Ok(Pinned::Failed(why)),
        };
        let Some(remote_id) = sent.remote_id else {
            return Ok(Pinned::Failed("nobody knows what the network calls it; pin it by hand".to_owned()));
        };
        match tokio::time::timeout(PIN_LIMIT, caught(open.channel.pin(&remote_id, up))).await {
            Err(_) => Ok(Pinned::Failed("no answer in time".to_owned())),
            Ok(None) => {
                Ok(Pinned::Failed("the sender met a fault of its own; its log says which".to_owned()))
            }
            Ok(Some(Pinned::Failed(why))) => Ok(Pinned::Failed(send::storable(why))),
            Ok(Some(Pinned::Done)) => Ok(Pinned::Done),
        }
    }

    fn may_judge(&self) -> bool {
        self.0.gate.status().1.is_none()
    }

    fn has_in_hand(&self, attempt: &str) -> bool {
        self.0.gate.has(attempt)
    }

    async fn watch(
        &self,
        channel: &str,
        version: i64,
        since: Millis,
    ) -> Option<std::result::Result<Option<watch::Account>, String>> {
        if self.0.lines.at(channel, version).is_none() {
            // It was connected or changed a moment ago.
            self.0.lines.reload().await.ok()?;
        }
        let open = match self.0.lines.at(channel, version)? {
            Ok(open) => open,
            Err(why) => return Some(Err(why)),
        };
        let look = tokio::time::timeout(WATCH_LIMIT, caught(open.channel.watch(date_time(since))));
        Some(match look.await {
            Err(_) => Err("no answer in time".to_owned()),
            Ok(None) => Err("the sender met a fault of its own; its log says which".to_owned()),
            Ok(Some(seen)) => seen,
        })
    }

    async fn read_back(&self, delivery: &str) -> Result<()> {
        let attempt = reads::in_doubt(&self.0.app, delivery).await?;
        let attempt = attempt.ok_or_else(|| AppError::not_found("attempt in doubt of", delivery))?;
        // The doubt is written down a moment before the attempt is let go.
        let let_go = async {
            while self.0.gate.has(&attempt.id) {
                tokio::time::sleep(LET_GO_STEP).await;
            }
        };
        if tokio::time::timeout(LET_GO, let_go).await.is_err() {
            return Err(AppError::Conflict(IN_HAND.to_owned()));
        }
        reread::one(&self.0, &attempt).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_check_that_panics_or_has_no_end_is_a_channel_that_is_not_ready() {
        let panics = within(Duration::from_secs(5), async { panic!("a fault of a test") }).await;
        assert!(!panics.ready && panics.detail.contains("fault of its own"), "{panics:?}");
        let hangs = within(Duration::from_millis(10), std::future::pending()).await;
        assert!(!hangs.ready && hangs.detail.contains("in time"), "{hangs:?}");
        assert!(within(Duration::from_secs(5), async { Health::ready("well") }).await.ready);
    }
}
