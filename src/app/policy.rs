//! The approval policy.

use std::collections::{BTreeMap, BTreeSet};

use super::approvals::kind;
use super::error::Problems;
use super::hub::Topic;
use super::renditions::{misfits, unsaid};
use super::{Actor, App, AppError, Problem, Result};
use crate::clock::Millis;
use crate::domain::Word;
use crate::domain::approval::{Decision, Policy};
use crate::domain::audit::Entry;
use crate::domain::incident::Severity;
use crate::domain::role::Right;
use crate::store::Tx;
use crate::store::channels::Channel;
use crate::store::deliveries::Delivery;
use crate::store::incidents::Incident;
use crate::store::posts::Post;

const NAME: &str = "approval_policy";
const VERSION: &str = "approval_policy_version";

/// The policy in force.
///
/// # Errors
/// The database's own.
pub async fn get(app: &App) -> Result<Policy> {
    read(app.store().setting(NAME).await?)
}

/// What a decision about posts is judged by: the policy, how bad their incidents are, and what all channels
/// take by now.
pub(super) struct Rules {
    policy: Policy,
    severities: BTreeMap<String, Severity>,
    channels: Vec<Channel>,
    /// The address of this service, from which some networks fetch pictures.
    own: String,
}

impl Rules {
    /// As they are now, to be shown.
    pub(super) async fn seen(app: &App, post: &Post) -> Result<Self> {
        let incident = match &post.incident_id {
            None => None,
            Some(id) => app.store().incident(id).await?,
        };
        Self::of(app, get(app).await?, incident.into_iter(), app.store().channels().await?)
    }

    /// As they are until this change ends: nobody changes the policy or raises the severity of these
    /// incidents meanwhile.
    pub(super) async fn locked(
        app: &App,
        tx: &mut Tx,
        incidents: impl Iterator<Item = &str>,
        channels: Vec<Channel>,
    ) -> Result<Self> {
        let policy = read(tx.setting_to_judge_by(NAME).await?)?;
        let mut rows = Vec::new();
        for id in incidents.collect::<BTreeSet<_>>() {
            rows.extend(tx.incident(id).await?);
        }
        Self::of(app, policy, rows.into_iter(), channels)
    }

    fn of(
        app: &App,
        policy: Policy,
        incidents: impl Iterator<Item = Incident>,
        channels: Vec<Channel>,
    ) -> Result<Self> {
        let severity = |i: Incident| Severity::parse(&i.severity).map(|s| (i.id, s));
        let severities = incidents.map(severity).collect::<std::result::Result<_, _>>();
        let (severities, own) = (severities.map_err(AppError::Internal)?, app.public_url().to_owned());
        Ok(Self { policy, severities, channels, own })
    }

    /// How many people must approve the post.
    pub(super) fn needed(&self, post: &Post) -> Result<usize> {
        let severity = post.incident_id.as_ref().and_then(|id| self.severities.get(id).copied());
        Ok(self.policy.needed(kind(post)?, severity))
    }

    /// What the limits of enabled channels do not allow of these deliveries, by now.
    pub(super) fn misfits<'a>(&self, rows: impl Iterator<Item = &'a Delivery>) -> Vec<Problem> {
        misfits(rows, &self.channels, &self.own).list()
    }

    /// What channels leave out of these deliveries.
    pub(super) fn unsaid<'a>(&self, rows: impl Iterator<Item = &'a Delivery>) -> Vec<Problem> {
        unsaid(rows, &self.channels)
    }

    /// Whether an approval lets out only what its channels take. Broken glass passes: in an emergency one
    /// channel does not stop the others, and its own refusal is seen.
    ///
    /// # Errors
    /// Names the channel and what its limits do not allow.
    pub(super) fn fit<'a>(&self, decision: Decision, rows: impl Iterator<Item = &'a Delivery>) -> Result<()> {
        if decision == Decision::Approve { misfits(rows, &self.channels, &self.own).check() } else { Ok(()) }
    }

    /// Until when an approval of the post holds that is given at `at`.
    pub(super) fn expires(&self, post: &Post, at: Millis) -> Result<Millis> {
        Ok(self.policy.expires(kind(post)?, at))
    }
}

fn read(stored: Option<String>) -> Result<Policy> {
    match stored {
        None => Ok(Policy::default()),
        Some(json) => serde_json::from_str(&json).map_err(|e| AppError::Internal(format!("{NAME}: {e}"))),
    }
}

fn read_version(stored: Option<String>) -> i64 {
    stored.and_then(|v| v.parse().ok()).unwrap_or(1)
}

/// How often the policy was changed, and one.
///
/// # Errors
/// The database's own.
pub async fn version(app: &App) -> Result<i64> {
    Ok(read_version(app.store().setting(VERSION).await?))
}

/// Changes the policy; its new version. With `seen`, only when that is the version in force.
///
/// # Errors
/// When a number is not sensible, somebody was faster, or the actor is no administrator.
pub async fn set(app: &App, by: &Actor, seen: Option<i64>, policy: &Policy) -> Result<i64> {
    by.need(Right::Administer)?;
    let mut problems = Problems::default();
    for sentence in policy.problems() {
        let field = sentence.split(':').next().unwrap_or("policy").to_owned();
        problems.add(&field, sentence);
    }
    problems.check()?;
    // One change after the other, so that what is compared is what is replaced; and no approval is half-way
    // that counts by the policy before.
    let mut tx = app.store().begin().await?;
    let (before, version) =
        (read(tx.setting_to_change(NAME).await?)?, read_version(tx.setting(VERSION).await?));
    if seen.is_some_and(|v| v != version) {
        return Err(AppError::Stale { now: version });
    }
    let json = serde_json::to_string(policy).map_err(|e| AppError::Internal(e.to_string()))?;
    tx.set_setting(NAME, &json).await?;
    tx.set_setting(VERSION, &(version + 1).to_string()).await?;
    let entry = Entry::new("policy.changed", "policy:approval").before(&before).after(policy);
    app.commit(tx, by, &[entry], &[Topic::Channels]).await?;
    Ok(version + 1)
}
