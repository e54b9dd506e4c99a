//! Nodes, and the return from a restore, a clone or a failover.

use ::channels::planted::{Planted, planted};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::confirming::confirmed_at;
pub(crate) use super::confirming::is_of_this_database;
pub use super::confirming::{Confirmed, confirm};
use super::hub::Topic;
use super::sending::{Begun, STOPPED, put_in_doubt, take_over};
use super::{Actor, App, AppError, Result, freezes, key_watch, keys};
use crate::clock::{Millis, rfc3339};
use crate::domain::audit::Entry;
use crate::domain::role::Right;
pub(crate) use crate::store::nodes::Node;
use crate::store::{Tx, Unaudited, freezes::GateRow};

/// A node as the API shows it.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct NodeView {
    pub id: String,
    pub name: String,
    pub started_at: String,
    pub last_seen_at: String,
    pub acked_epoch: i64,
    /// Why its gate is closed; nothing: open.
    pub closed: Option<String>,
}

impl NodeView {
    fn of(node: Node) -> Self {
        Self {
            started_at: rfc3339(node.started_at),
            last_seen_at: rfc3339(node.last_seen_at),
            id: node.id,
            name: node.name,
            acked_epoch: node.acked_epoch,
            closed: node.closed_reason,
        }
    }
}

/// The epoch in force, and the nodes.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct GateView {
    pub epoch: i64,
    pub nodes: Vec<NodeView>,
}

/// The gate row; made at the first start.
///
/// # Errors
/// The database's own.
pub async fn gate_row(app: &App) -> Result<GateRow> {
    let database = app.store().identity().await?;
    let mut tx = app.store().begin().await?;
    if tx.insert_gate(&app.id(), &app.id(), &database).await? {
        tracing::info!("first start of this database");
    }
    let row = tx.gate(0, 0).await?.ok_or_else(|| AppError::Internal("the gate row is missing".into()))?;
    tx.commit_unaudited(Unaudited::FirstStart).await?;
    Ok(row)
}

/// The epoch and the nodes.
///
/// # Errors
/// The database's own.
pub async fn status(app: &App, by: &Actor) -> Result<GateView> {
    by.need(Right::Read)?;
    let epoch = app.store().gate().await?.map_or(0, |g| g.epoch);
    let nodes = app.store().nodes().await?.into_iter().filter(|n| n.forgotten_at.is_none());
    Ok(GateView { epoch, nodes: nodes.map(NodeView::of).collect() })
}

/// The nodes that were heard of within the last 15 seconds.
///
/// # Errors
/// The database's own.
pub async fn living(app: &App, by: &Actor) -> Result<Vec<NodeView>> {
    by.need(Right::Read)?;
    let lives = app.now() - SILENT;
    let nodes = app.store().nodes().await?.into_iter();
    Ok(nodes.filter(|n| n.forgotten_at.is_none() && n.last_seen_at > lives).map(NodeView::of).collect())
}

/// Takes a node that is stopped for good off the list, so that freezes can be sealed without it: its
/// gate has closed by itself by then. What it may have under way stays as it is until that is over,
/// and is in doubt then; the lists of the freezes have it from now on.
///
/// # Errors
/// When there is no such node, or it was seen within the last 10 seconds.
pub async fn forget(app: &App, by: &Actor, id: &str) -> Result<()> {
    by.need(Right::Administer)?;
    let mut tx = app.store().begin().await?;
    tx.lock_gate().await?;
    let node = tx.node(id).await?.filter(|n| n.forgotten_at.is_none());
    let node = node.ok_or_else(|| AppError::not_found("node", id))?;
    let silent = app.now() - node.last_seen_at;
    if silent < 10_000 {
        return Err(AppError::Conflict(format!("node {} was seen a moment ago; stop it first", node.name)));
    }
    freezes::note_landed(&mut tx, id).await?;
    freezes::note_unsettled(&mut tx, id).await?;
    let mut entries = vec![Entry::new("node.forgotten", &format!("node:{id}")).after(&node.name)];
    if silent >= GONE || tx.unsettled(id).await?.is_empty() {
        entries.extend(take_over(app, &mut tx, id, None).await?);
        tx.delete_node(id).await?;
    } else {
        tx.return_claims(id).await?;
        tx.forget_node(id, app.now()).await?;
    }
    app.commit(tx, by, &entries, &[Topic::Gate, Topic::Queue]).await
}

/// After this long without a word a node is silent: others take its claims, and read back what it
/// left in doubt.
pub(crate) const SILENT: Millis = 15_000;

/// After this long nothing that a silent node began can still be under way: an attempt ends after two
/// minutes, and nothing begins once the gate has gone without a word from the primary for seconds.
pub(super) const GONE: Millis = 180_000;

/// Whether nothing that was permitted then can be under way any more.
pub(crate) fn is_over(app: &App, permitted_at: Millis) -> bool {
    app.now() - permitted_at >= GONE
}

/// Takes over what silent nodes had in hand: claims soon, permits without an outcome as in doubt
/// when nothing of them can be under way. The nodes stay on the list, for freezes name them; but not
/// those that a person took off it. What a database that was put back knows of them is old: they are silent from
/// its confirmation on at the earliest.
///
/// # Errors
/// The database's own.
pub async fn take_over_silent(app: &App) -> Result<()> {
    let now = app.now();
    let confirmed_at = confirmed_at(app).await?;
    for node in app.store().nodes().await? {
        let silent = now - node.last_seen_at.max(confirmed_at);
        if node.id == app.node() || silent < SILENT {
            continue;
        }
        if silent >= GONE {
            take_over_gone(app, &node).await?;
            continue;
        }
        let mut tx = app.store().begin().await?;
        let returned = tx.return_claims(&node.id).await?;
        tx.notify(Topic::Queue.name());
        tx.commit_unaudited(Unaudited::Lease).await?;
        if returned > 0 {
            tracing::warn!(node = node.name, returned, "took over the claims of a silent node");
            app.hub().poke(Topic::Queue);
        }
    }
    take_over_lost(app).await
}

/// Puts in doubt the permits that nobody has in hand: their commit arrived after the process that asked
/// for them was given up.
async fn take_over_lost(app: &App) -> Result<()> {
    let before = app.now() - GONE;
    if !app.store().has_lost(app.node(), app.incarnation(), before).await? {
        return Ok(());
    }
    let mut tx = app.store().begin().await?;
    let lost = tx.lost(app.node(), app.incarnation(), before).await?;
    let entries = put_in_doubt(app, &mut tx, lost, STOPPED).await?;
    commit_recovery(app, tx, &entries).await
}

/// Puts in doubt what this process was permitted and has in hand no more: its outcome was written to a
/// database that has been put back since. For every node by itself; not as long as a person has to confirm the
/// database.
///
/// # Errors
/// The database's own.
pub async fn give_up_unknown(app: &App) -> Result<()> {
    let networks = app.networks()?;
    let before = app.now() - GONE;
    let open = app.store().open_of(app.node(), app.incarnation(), before).await?;
    if !networks.may_judge() || open.iter().all(|id| networks.has_in_hand(id)) {
        return Ok(());
    }
    let mut tx = app.store().begin().await?;
    if taken(app, &mut tx).await? {
        return Ok(());
    }
    let open = tx.unsettled(app.node()).await?.into_iter();
    // Locked by now: whoever settles one writes that down before it leaves the hand.
    let unknown = open.filter(|a| a.incarnation == app.incarnation() && !networks.has_in_hand(&a.id));
    let unknown: Vec<_> = unknown.filter(|a| a.permitted_at < before).collect();
    if !unknown.is_empty() {
        tracing::warn!(attempts = unknown.len(), "in doubt: nobody knows what became of them");
    }
    let entries = put_in_doubt(app, &mut tx, unknown, "nobody knows what became of it").await?;
    commit_recovery(app, tx, &entries).await
}

/// Takes over all that a node had in hand which has said nothing since `node` was read.
async fn take_over_gone(app: &App, node: &Node) -> Result<()> {
    let mut tx = app.store().begin().await?;
    // Its row is locked: it cannot come back, and begin anything, in the middle of this.
    if tx.node(&node.id).await?.is_none_or(|n| n.last_seen_at != node.last_seen_at) {
        return Ok(());
    }
    let entries = take_over(app, &mut tx, &node.id, None).await?;
    if node.forgotten_at.is_some() {
        tx.delete_node(&node.id).await?;
    }
    commit_recovery(app, tx, &entries).await
}

/// A planted fault: the lowest epoch that was taken, where whoever has been silent for as long as a gate stays open is
/// not asked.
pub(super) async fn lowest_of_living(app: &App, tx: &mut Tx, by: &str) -> Result<Option<i64>> {
    let lives = app.now() - 5_000;
    let others = app.store().nodes().await?.into_iter().filter(|n| n.id != by && n.last_seen_at > lives);
    let own = tx.node(by).await?.map(|n| n.acked_epoch);
    Ok(others.map(|n| n.acked_epoch).chain(own).min())
}

async fn commit_recovery(app: &App, tx: Tx, entries: &[Entry]) -> Result<()> {
    if entries.is_empty() {
        return Ok(tx.commit_unaudited(Unaudited::Lease).await?);
    }
    app.commit(tx, &Actor::service(app.node()), entries, &[Topic::Queue]).await
}

/// Whether this node does the housekeeping job now: of all nodes one, and not more often than `every`.
///
/// # Errors
/// The database's own.
pub async fn take_turn(app: &App, job: &str, every: Millis) -> Result<bool> {
    let now = app.now();
    let mut tx = app.store().begin().await?;
    let ours = tx.take_turn(job, now, now - every).await?;
    tx.commit_unaudited(Unaudited::Lease).await?;
    Ok(ours)
}

/// How long a gate stays open without a word from the primary.
pub const LEASE: Duration = Duration::from_secs(5);

/// After this long without a word the gate of another incarnation has closed by itself.
const LEASE_OVER: Duration = Duration::from_secs(6);

/// How often a starting node looks whether the incarnation before it is silent.
const LOOK: Duration = Duration::from_millis(250);

/// A process takes its place on the list. When another incarnation has it, as after a crash, this
/// waits until the gate of that one must have closed by itself. The time is counted here, whatever
/// the clock of that machine says. Returns that one.
///
/// # Errors
/// When that one is alive, in words.
pub(crate) async fn register(app: &App, node: &Node) -> Result<Option<Node>> {
    let mut other = app.store().node(&node.id).await?.filter(|n| n.incarnation != node.incarnation);
    // SQLite has one process, which holds the lock of the data folder.
    if app.is_shared()
        && let Some(old) = other
    {
        tracing::info!(node = old.name, "this node was not stopped; waiting until it is surely silent");
        other = once_silent(app, old).await?;
    }
    let mut tx = app.store().begin().await?;
    let ours = match &other {
        Some(old) => tx.replace_node(old, node).await?,
        None => tx.upsert_node(node).await?,
    };
    if !ours {
        return Err(runs_already(node));
    }
    tx.commit_unaudited(Unaudited::Heartbeat).await?;
    Ok(other)
}

/// Waits until a node has been silent for long enough. `None`: it has left the list meanwhile.
async fn once_silent(app: &App, old: Node) -> Result<Option<Node>> {
    for _ in 0..LEASE_OVER.as_millis() / LOOK.as_millis() {
        tokio::time::sleep(LOOK).await;
        match app.store().node(&old.id).await? {
            None => return Ok(None),
            Some(n) if n.incarnation != old.incarnation || n.last_seen_at != old.last_seen_at => {
                return Err(runs_already(&n));
            }
            Some(_) => {}
        }
    }
    Ok(Some(old))
}

fn runs_already(node: &Node) -> AppError {
    AppError::Conflict(format!(
        "another process runs as this node, {} ({}): its data folder was copied. Stop that one, or remove \
         node.json from the data folder of this one",
        node.name, node.id
    ))
}

/// What a node finds when it says that it is alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is on the list with the epoch that it has taken.
    Listed,
    /// Another process runs as this node: nothing was written.
    Displaced,
    /// The database knows an older epoch of it, as a restored one may: nothing was written.
    Forgotten,
}

/// This node is alive, and has taken no new epoch.
pub(crate) async fn heartbeat(app: &App, node: &Node) -> Result<Heard> {
    let mut tx = app.store().begin().await?;
    if let Some(listed) = tx.node(&node.id).await?
        && listed.acked_epoch < node.acked_epoch
        && listed.incarnation == node.incarnation
    {
        return Ok(Heard::Forgotten);
    }
    let ours = tx.upsert_node(node).await?;
    tx.commit_unaudited(Unaudited::Heartbeat).await?;
    Ok(if ours { Heard::Listed } else { Heard::Displaced })
}

/// After a crash: the claims of this node go back to the queue, and so do the permits of which it is
/// known that they never began; each other permit without an outcome is in doubt. How many had a permit.
///
/// # Errors
/// The database's own.
pub async fn recover(app: &App, begun: Option<&Begun>) -> Result<usize> {
    let mut tx = app.store().begin().await?;
    if taken(app, &mut tx).await? {
        return Ok(0);
    }
    if planted(Planted::NothingIsTakenOver) {
        return Ok(0);
    }
    let entries = take_over(app, &mut tx, app.node(), begun).await?;
    commit_recovery(app, tx, &entries).await?;
    Ok(entries.len())
}

/// This node stops: what it still has in hand is in doubt, and it is off the list, so that freezes do
/// not wait for it.
pub(crate) async fn leave(app: &App) -> Result<()> {
    let mut tx = app.store().begin().await?;
    tx.lock_gate().await?;
    if taken(app, &mut tx).await? {
        return Ok(());
    }
    freezes::note_landed(&mut tx, app.node()).await?;
    let entries = take_over(app, &mut tx, app.node(), None).await?;
    tx.delete_node(app.node()).await?;
    tx.notify(Topic::Gate.name());
    commit_recovery(app, tx, &entries).await
}

/// Whether another process runs as this node: what the node has in hand is that one's then.
pub(super) async fn taken(app: &App, tx: &mut Tx) -> Result<bool> {
    Ok(tx.node(app.node()).await?.is_some_and(|n| n.incarnation != app.incarnation()))
}

/// Whether this node is ready: the database answers and its gate is open; otherwise why not.
///
/// # Errors
/// The database's own.
pub async fn ready(app: &App) -> Result<std::result::Result<String, String>> {
    if let Some(why) = app.broken() {
        return Ok(Err(why));
    }
    Ok(match app.store().node(app.node()).await? {
        Some(n) if n.incarnation != app.incarnation() => Err(runs_already(&n).to_string()),
        None => Err("this node is not registered yet".into()),
        Some(n) if app.now() - n.last_seen_at > 10_000 => {
            Err(format!("this node was last heard of at {}", rfc3339(n.last_seen_at)))
        }
        Some(n) => match n.closed_reason {
            Some(why) => Err(why),
            // Not a reason to turn it away: it opens what is sealed until it ends.
            // Anybody may ask: which node it is, administrators see.
            None => Ok(match key_watch::trouble(app).await? {
                Some(_) => format!("ready, epoch {}. {}", n.acked_epoch, keys::CARE),
                None => format!("ready, epoch {}", n.acked_epoch),
            }),
        },
    })
}
