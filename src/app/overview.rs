//! The state of the house in one look: for the strip above every screen.

use super::freezes::{self, FreezeView};
use super::incidents::{self, IncidentView};
use super::nodes::{self, NodeView};
use super::{Actor, App, Result};
use crate::domain::role::Right;

/// What the strip says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Everything goes out at its time.
    Normal,
    /// A freeze is in force, and no incident is open.
    Frozen,
    /// An incident is open.
    Incident,
    /// Every node that lives has a closed gate: nothing goes out until somebody has looked.
    Stopped,
    /// Nothing is frozen, and held posts wait for a decision.
    ThawReview,
}

/// The state of the house.
#[derive(Debug, Clone)]
pub struct Overview {
    pub standing: Standing,
    /// Freezes in force, newest first.
    pub freezes: Vec<FreezeView>,
    /// Open incidents, newest first.
    pub incidents: Vec<IncidentView>,
    /// Deliveries that wait for a person.
    pub held: i64,
    pub in_doubt: i64,
    pub failed: i64,
    /// Posts that wait for approval.
    pub submitted: i64,
    /// Broken glass that nobody has reviewed.
    pub reviews: usize,
    /// Nodes that live and send nothing: the database may be an older one, a copy, or behind.
    pub closed: Vec<NodeView>,
    /// How many entries the log has: whatever changes, this grows.
    pub log_size: i64,
}

impl Overview {
    /// Since when it stands so, if there is such a moment.
    pub fn since(&self) -> Option<&str> {
        match self.standing {
            Standing::Incident => self.incidents.last().map(|i| i.opened_at.as_str()),
            Standing::Frozen => self.freezes.last().map(|f| f.committed_at.as_str()),
            Standing::Normal | Standing::Stopped | Standing::ThawReview => None,
        }
    }

    /// The newest freeze of everything that has no incident: it becomes that of what is opened.
    pub fn free(&self) -> Option<&FreezeView> {
        self.freezes.iter().find(|f| f.incident.is_none() && f.scope.is_whole())
    }

    /// Whether something is frozen.
    pub fn is_frozen(&self) -> bool {
        !self.freezes.is_empty()
    }
}

/// Reads the state of the house.
///
/// # Errors
/// The database's own.
pub async fn read(app: &App, by: &Actor) -> Result<Overview> {
    by.need(Right::Read)?;
    let freezes = freezes::list(app, by, true).await?;
    let incidents = incidents::list(app, by, true).await?;
    let waiting = app.store().count_waiting().await?;
    let count = |state: &str| waiting.iter().find(|(s, _)| s == state).map_or(0, |(_, n)| *n);
    let (log_size, _) = app.store().audit_root().await?;
    let held = count("held");
    let living = nodes::living(app, by).await?;
    let is_stopped = !living.is_empty() && living.iter().all(|n| n.closed.is_some());
    let standing = match () {
        () if !incidents.is_empty() => Standing::Incident,
        () if !freezes.is_empty() => Standing::Frozen,
        () if is_stopped => Standing::Stopped,
        () if held > 0 => Standing::ThawReview,
        () => Standing::Normal,
    };
    Ok(Overview {
        standing,
        freezes,
        incidents,
        held,
        in_doubt: count("in_doubt"),
        failed: count("failed"),
        submitted: app.store().count_for_approval(app.now()).await?,
        reviews: app.store().reviews_owed().await?.len(),
        closed: living.into_iter().filter(|n| n.closed.is_some()).collect(),
        log_size,
    })
}

/// How many entries the log has: the console's pulse.
///
/// # Errors
/// The database's own.
pub async fn log_size(app: &App) -> Result<i64> {
    Ok(app.store().audit_root().await?.0)
}
