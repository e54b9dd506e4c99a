//! Freezes: commit, seal, thaw.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use ::channels::planted::{Planted, planted};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::error::Problems;
use super::flights::{self, FlightView};
pub use super::freeze_preview::{Preview, preview};
use super::hub::Topic;
use super::sweeps::{self, SweepView};
use super::witness::Seen;
use super::{Actor, App, AppError, Result, left_out, nodes, reasons};
use crate::clock::{Millis, rfc3339};
use crate::domain::audit::Entry;
use crate::domain::freeze::{Order, Scope};
use crate::domain::role::Right;
use crate::store::channels::Channel;
use crate::store::freezes::Freeze;
pub(crate) use crate::store::freezes::GateRow;
use crate::store::nodes::Node;
use crate::store::{Tx, Unaudited};

/// How long a freeze call waits for every node before it names those that are missing: the answer is there two seconds
/// after the call.
pub const SEAL_WAIT: Duration = Duration::from_millis(1_750);
/// So long it waits at least, however long the commit took: a node that stands still within a change keeps it
/// for 1.5 seconds (`store/pool.rs`).
const LEAST_WAIT: Duration = Duration::from_millis(250);

/// A new freeze.
#[derive(Debug, Clone, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFreeze {
    #[serde(default)]
    pub scope: Scope,
    /// May be missing: stopping comes first. At most 2,000 characters. What is longer is cut, and hidden
    /// characters are taken out, rather than that the freeze is refused; `reason_mended` says so then.
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub incident: Option<String>,
}

/// A freeze as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FreezeView {
    pub id: String,
    pub epoch: i64,
    pub scope: Scope,
    pub reason: String,
    /// Only in the answer to a freeze, and when it is so: the reason was cut, or hidden characters were
    /// taken out of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reason_mended: bool,
    pub incident: Option<String>,
    /// No new permit after this.
    pub committed_at: String,
    /// Nothing covered can start after this; nothing: not sealed yet.
    pub sealed_at: Option<String>,
    pub thawed_at: Option<String>,
    pub frozen_by: String,
    pub thawed_by: Option<String>,
    /// Nodes that have not taken the freeze yet, with what to do.
    #[serde(default)]
    pub missing: Vec<String>,
    /// How many deliveries fell due and wait because of it.
    #[serde(default)]
    pub held: i64,
    /// What it covers and was under way when the nodes closed their gates, or had left after COMMITTED and had ended by
    /// then. Empty in lists.
    #[serde(default)]
    pub in_flight: Vec<FlightView>,
    /// What networks would publish by themselves. Only of one freeze by its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepView>,
}

pub(super) fn view(f: Freeze) -> Result<FreezeView> {
    let scope = f.order()?.scope;
    Ok(FreezeView {
        id: f.id,
        epoch: f.epoch,
        scope,
        reason: f.reason,
        reason_mended: false,
        incident: f.incident_id,
        committed_at: rfc3339(f.committed_at),
        sealed_at: f.sealed_at.map(rfc3339),
        thawed_at: f.thawed_at.map(rfc3339),
        frozen_by: f.frozen_by,
        thawed_by: f.thawed_by,
        missing: Vec::new(),
        held: 0,
        in_flight: Vec::new(),
        sweep: None,
    })
}

/// Freezes: commits at once, and waits until [`SEAL_WAIT`] after the call for the seal. It is not refused for the words
/// of its reason, which are mended.
///
/// # Errors
/// When the scope names what does not exist, or the actor may not freeze.
pub async fn create(app: &App, by: &Actor, new: &NewFreeze) -> Result<FreezeView> {
    by.need(Right::Freeze)?;
    let called = Instant::now();
    let (reason, reason_mended) = reasons::mended(&new.reason);
    let new = NewFreeze { reason, ..new.clone() };
    let left_out = left_out::left_out(&new.scope, &check(app, by, &new).await?);
    let mut tx = app.store().begin_freeze().await?;
    let (row, entry) = commit(app, &mut tx, by, &new, left_out).await?;
    app.commit(tx, by, &[entry], &[Topic::Gate]).await?;
    Ok(FreezeView { reason_mended, ..await_seal(app, &row.id, called).await? })
}

/// Writes the freeze into an open change: one row and a new epoch, whatever the queue holds. The log says what it
/// leaves out.
pub(super) async fn commit(
    app: &App,
    tx: &mut Tx,
    by: &Actor,
    new: &NewFreeze,
    left_out: Option<String>,
) -> Result<(Freeze, Entry)> {
    let row = Freeze {
        id: app.id(),
        epoch: tx.next_epoch().await?,
        scope: serde_json::to_string(&new.scope).map_err(|e| AppError::Internal(e.to_string()))?,
        reason: new.reason.clone(),
        incident_id: new.incident.clone(),
        committed_at: app.now(),
        sealed_at: None,
        thawed_at: None,
        frozen_by: by.id.clone(),
        thawed_by: None,
    };
    tx.insert_freeze(&row).await?;
    tx.insert_forgotten(&row.id).await?;
    let entry = Entry::new("freeze.committed", &format!("freeze:{}", row.id)).after(&view(row.clone())?);
    Ok((row, left_out.into_iter().fold(entry, Entry::note)))
}

/// Waits until the freeze is sealed, or names the nodes that are missing. `called`: when somebody asked for it.
pub(super) async fn await_seal(app: &App, id: &str, called: Instant) -> Result<FreezeView> {
    let mut changes = app.hub().listen(Topic::Gate);
    let sealed = async {
        loop {
            let row = app.store().freeze(id).await?.ok_or_else(|| AppError::not_found("freeze", id))?;
            if row.sealed_at.is_some() || row.thawed_at.is_some() {
                return Ok(());
            }
            if changes.changed().await.is_err() {
                return Ok(());
            }
        }
    };
    let wait = SEAL_WAIT.saturating_sub(called.elapsed()).max(LEAST_WAIT);
    if let Ok(Err(e)) = tokio::time::timeout(wait, sealed).await {
        return Err(e);
    }
    get(app, id).await
}

/// One freeze: how many it holds, what was under way, and the nodes that are missing.
///
/// # Errors
/// When there is none of that id.
pub async fn get(app: &App, id: &str) -> Result<FreezeView> {
    let row = app.store().freeze(id).await?.ok_or_else(|| AppError::not_found("freeze", id))?;
    let (order, sweep) = (row.order()?, Some(sweeps::under(app, &row).await?));
    let mut view = FreezeView { sweep, ..view(row)? };
    view.held = app.store().held_by(id).await?;
    view.in_flight = flights::covered(app, &order).await?;
    view.missing = missing(&view, &app.store().nodes().await?);
    Ok(view)
}

/// The nodes that have not taken a freeze in force, each with what to do.
fn missing(freeze: &FreezeView, nodes: &[Node]) -> Vec<String> {
    if freeze.sealed_at.is_some() || freeze.thawed_at.is_some() {
        return Vec::new();
    }
    // What was forgotten seals no more; it is only kept until nothing of it can be under way.
    let nodes: Vec<_> = nodes.iter().filter(|n| n.forgotten_at.is_none()).collect();
    if nodes.is_empty() {
        return vec!["no node is running: start `holdline serve`".into()];
    }
    let sentence = |n: &&Node| {
        let (name, id, seen) = (&n.name, &n.id, rfc3339(n.last_seen_at));
        format!(
            "node {name} ({id}), last seen {seen}. Look at it; if it is stopped for good, take it off the list with \
             `holdline gate forget {id}`"
        )
    };
    nodes.iter().filter(|n| n.acked_epoch < freeze.epoch).map(sentence).collect()
}

/// Lists freezes, newest first: how many each holds and the nodes that are missing, but not what was
/// under way.
///
/// # Errors
/// The database's own.
pub async fn list(app: &App, by: &Actor, open_only: bool) -> Result<Vec<FreezeView>> {
    by.need(Right::Read)?;
    let held: HashMap<_, _> = app.store().held_by_each(open_only).await?.into_iter().collect();
    let nodes = app.store().nodes().await?;
    let row = |freeze: Freeze| {
        let mut view = view(freeze)?;
        view.held = held.get(&view.id).copied().unwrap_or(0);
        view.missing = missing(&view, &nodes);
        Ok(view)
    };
    app.store().freezes(open_only).await?.into_iter().map(row).collect()
}

/// Lifts a freeze. Nothing is sent by it: what fell due waits in the review.
///
/// # Errors
/// When it is not in force, or the actor may not decide.
pub async fn thaw(app: &App, by: &Actor, id: &str, note: &str) -> Result<FreezeView> {
    by.need(Right::Decide)?;
    reasons::check("comment", note)?;
    let mut tx = app.store().begin_freeze().await?;
    if !tx.thaw(id, app.now(), &by.id).await? {
        get(app, id).await?;
        return Err(AppError::Conflict("this freeze is lifted already".into()));
    }
    let epoch = tx.next_epoch().await?;
    let entry = Entry::new("freeze.thawed", &format!("freeze:{id}")).note(note).after(&serde_json::json!({
        "epoch": epoch
    }));
    app.commit(tx, by, &[entry], &[Topic::Gate]).await?;
    get(app, id).await
}

/// How many sends are under way, on all nodes.
///
/// # Errors
/// The database's own.
pub async fn under_way(app: &App, by: &Actor) -> Result<i64> {
    by.need(Right::Read)?;
    Ok(app.store().count_sending().await?)
}

/// Whether the actor may give this order, and it names what is there.
pub(super) async fn check(app: &App, by: &Actor, new: &NewFreeze) -> Result<Vec<Channel>> {
    if new.scope.crisis_too {
        by.need(Right::Quarantine)?;
    }
    let mut problems = Problems::default();
    let channels = app.store().channels().await?;
    for id in new.scope.channels.iter().filter(|id| !channels.iter().any(|c| c.id == **id)) {
        problems.add("scope.channels", format!("there is no channel with the id {id}"));
    }
    for brand in new.scope.brands.iter().filter(|b| !channels.iter().any(|c| c.brand == **b)) {
        problems.add("scope.brands", format!("no channel has the brand {brand}"));
    }
    if let Some(id) = &new.incident
        && app.store().incident(id).await?.is_none()
    {
        problems.add("incident", format!("there is no incident {id}"));
    }
    problems.check()?;
    Ok(channels)
}

/// How far back a lifted freeze still covers what fell due before.
pub(crate) const LIFTED_WINDOW: Millis = 24 * 3_600_000;

/// What the primary says to a node: the gate row, and the freezes that sends are judged by.
pub(crate) struct InForce {
    pub gate: GateRow,
    pub orders: Vec<Order>,
    /// The database that was asked, as seen from outside.
    pub database: String,
    /// What this process had seen before it asked.
    pub seen: Seen,
}

/// The freezes that sends are judged by now.
pub(super) async fn orders(tx: &mut Tx, now: Millis) -> Result<Vec<Order>> {
    let mut orders = tx.orders(now - LIFTED_WINDOW).await?;
    orders.retain(|o| o.thawed_at.is_none() || !planted(Planted::ThawFloods));
    for order in &mut orders {
        if planted(Planted::ScopeForgetsAllowed) {
            order.scope.allow.clear();
        }
        if planted(Planted::ScopeForgetsLabels) && !order.scope.labels.is_empty() {
            order.scope.labels = vec![String::new()];
        }
    }
    Ok(orders)
}

/// Asks the primary.
pub(crate) async fn in_force(app: &App) -> Result<InForce> {
    let seen = app.witness().seen();
    let database = app.store().identity().await?;
    let mut tx = app.store().begin_look().await?;
    let gate = tx.gate(seen.log_size, seen.own.log_size).await?;
    let gate = gate.ok_or_else(|| AppError::Internal("the gate row is missing".into()))?;
    let orders = orders(&mut tx, app.now()).await?;
    tx.commit_unaudited(Unaudited::Look).await?;
    Ok(InForce { gate, orders, database, seen })
}

/// What a node tells when it takes an epoch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken<'a> {
    /// The epoch that this process had taken until now.
    pub before: i64,
    /// The attempts that were under way when its gate closed.
    pub in_flight: &'a BTreeSet<String>,
    /// The database may have lost outcomes: whatever has none there may have left.
    pub has_lost: bool,
}

/// This node has taken the epoch: nothing covered can begin here, and these attempts were under way
/// when its gate closed. `taken.before` is the epoch that it had taken until now. What left after the
/// freeze was committed, and was settled before this, is on the list too. Seals what every node has
/// taken. Not so when another process runs as this node; whether it was done.
pub(crate) async fn acknowledge(app: &App, node: &Node, taken: Taken<'_>) -> Result<bool> {
    let mut tx = app.store().begin().await?;
    // Two nodes that acknowledge at once must see each other: the last one seals.
    tx.lock_gate().await?;
    if !tx.upsert_node(node).await? {
        return Ok(false);
    }
    note_landed(&mut tx, &node.id).await?;
    for attempt in taken.in_flight {
        tx.insert_flight(attempt, taken.before, node.acked_epoch).await?;
    }
    if taken.has_lost {
        note_unsettled(&mut tx, &node.id).await?;
    }
    seal(app, tx, &node.id).await?;
    Ok(true)
}

/// Lists for the freezes that are not sealed what left this node after they were committed, and is
/// settled.
pub(super) async fn note_landed(tx: &mut Tx, node: &str) -> Result<()> {
    if planted(Planted::LandedIsNotListed) {
        return Ok(());
    }
    for (freeze, epoch) in tx.unsealed().await? {
        tx.insert_landed(&freeze, epoch, node).await?;
    }
    Ok(())
}

/// Lists for them what the node may have under way, before that is in doubt.
pub(super) async fn note_unsettled(tx: &mut Tx, node: &str) -> Result<()> {
    for (freeze, epoch) in tx.unsealed().await? {
        tx.insert_unsettled(&freeze, epoch, node).await?;
    }
    Ok(())
}

/// Seals what every node on the list has taken, when there is anything to seal.
pub(crate) async fn seal_if_all(app: &App) -> Result<()> {
    if app.store().freezes(true).await?.iter().all(|f| f.sealed_at.is_some()) {
        return Ok(());
    }
    let mut tx = app.store().begin().await?;
    tx.lock_gate().await?;
    seal(app, tx, app.node()).await
}

async fn seal(app: &App, mut tx: Tx, by: &str) -> Result<()> {
    let mut lowest = tx.lowest_acked_epoch().await?.unwrap_or(0);
    if planted(Planted::SealWithoutOneNode) {
        lowest = tx.node(by).await?.map_or(lowest, |n| n.acked_epoch);
    }
    if planted(Planted::SealByLease) {
        lowest = nodes::lowest_of_living(app, &mut tx, by).await?.unwrap_or(lowest);
    }
    let sealed = tx.seal_up_to(lowest, app.now()).await?;
    if sealed.is_empty() {
        tx.commit_unaudited(Unaudited::Heartbeat).await?;
        return Ok(());
    }
    let entries: Vec<_> = sealed
        .iter()
        .map(|id| {
            Entry::new("freeze.sealed", &format!("freeze:{id}"))
                .after(&serde_json::json!({"epoch": lowest, "last_node": by}))
        })
        .collect();
    app.commit(tx, &Actor::service(by), &entries, &[Topic::Gate]).await
}
