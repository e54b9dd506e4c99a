//! The freezes of an incident that is opened: one that it takes over, and one that is made with it.

use super::error::Problems;
use super::freezes::{self, NewFreeze};
use super::incidents::{IncidentView, NewIncident};
use super::{Actor, App, AppError, Result, left_out};
use crate::domain::audit::Entry;
use crate::domain::freeze::Scope;
use crate::store::Tx;
use crate::store::channels::Channel;
use crate::store::freezes::Freeze;

/// What is to be frozen.
pub(super) struct Order {
    new: NewFreeze,
    /// The schedulers that it does not reach.
    left_out: Option<String>,
}

/// What is to be frozen, if anything is, besides the freeze that is taken over.
///
/// # Errors
/// When the scope names what does not exist, a drill names a live channel, or the actor may not.
pub(super) async fn order(app: &App, by: &Actor, new: &NewIncident) -> Result<Option<Order>> {
    if !(if new.adopt.is_some() { new.freeze_too } else { new.freeze }) {
        return Ok(None);
    }
    let mut order = NewFreeze { scope: new.scope.clone(), ..NewFreeze::default() };
    let channels = freezes::check(app, by, &order).await?;
    if new.drill {
        order.scope = of_drill(&channels, order.scope)?;
    }
    let left_out = left_out::left_out(&order.scope, &channels);
    Ok(Some(Order { new: order, left_out }))
}

/// Takes freezes over and makes one, in the change that opens the incident. The audit entries, and the
/// freeze that the answer shows: the last one.
///
/// # Errors
/// When the freeze that is to be taken over is lifted, or belongs to another incident.
pub(super) async fn freeze(
    app: &App,
    tx: &mut Tx,
    by: &Actor,
    new: &NewIncident,
    order: Option<Order>,
    incident: &IncidentView,
) -> Result<(Vec<Entry>, Option<String>)> {
    let in_force = tx.freezes_in_force().await?;
    let (mut entries, mut shown) = (Vec::new(), None);
    if let Some(id) = &new.adopt {
        entries.push(adopt(tx, id, &incident.id).await?);
        shown = Some(id.clone());
    }
    let Some(Order { new: mut order, left_out }) = order else { return Ok((entries, shown)) };
    if let Some(mine) = &new.adopt
        && order.scope.is_whole()
        && let Some(enough) = enough(&in_force, &order.scope, mine)?
    {
        if enough.id != *mine {
            entries.push(adopt(tx, &enough.id, &incident.id).await?);
        }
        return Ok((entries, Some(enough.id.clone())));
    }
    order.reason.clone_from(&incident.title);
    order.incident = Some(incident.id.clone());
    let (freeze, entry) = freezes::commit(app, tx, by, &order, left_out).await?;
    entries.push(entry);
    Ok((entries, Some(freeze.id)))
}

async fn adopt(tx: &mut Tx, freeze: &str, incident: &str) -> Result<Entry> {
    if !tx.adopt_freeze(freeze, incident).await? {
        return Err(AppError::field("adopt", "it is not in force any more, or belongs to another incident"));
    }
    Ok(Entry::new("freeze.adopted", &format!("freeze:{freeze}")).note(incident))
}

/// A freeze that holds all that is asked for already: the one that is taken over, or the newest one that has
/// no incident.
fn enough<'a>(in_force: &'a [Freeze], asked: &Scope, mine: &str) -> Result<Option<&'a Freeze>> {
    let mut found = None;
    for freeze in in_force {
        if !freeze.order()?.scope.holds_all_of(asked) {
            continue;
        }
        if freeze.id == mine {
            return Ok(Some(freeze));
        }
        found = found.or_else(|| Some(freeze).filter(|f| f.incident_id.is_none()));
    }
    Ok(found)
}

/// What the freeze of a drill covers: drill channels, so that real marketing goes on. Where all
/// channels are for drills it covers what was asked for.
fn of_drill(channels: &[Channel], mut scope: Scope) -> Result<Scope> {
    if channels.iter().all(|c| c.drill) {
        return Ok(scope);
    }
    let mut problems = Problems::default();
    for live in channels.iter().filter(|c| !c.drill && scope.channels.contains(&c.id)) {
        problems.add(
            "scope.channels",
            format!("{} is live; the freeze of a drill covers drill channels only", live.name),
        );
    }
    if scope.channels.is_empty() {
        scope.channels = channels.iter().filter(|c| c.drill).map(|c| c.id.clone()).collect();
    }
    if scope.channels.is_empty() {
        problems.add(
            "drill",
            "there is no drill channel to freeze: connect one (`holdline channels add --adapter sandbox --drill`), \
             or open the drill without a freeze",
        );
    }
    problems.check()?;
    Ok(scope)
}
