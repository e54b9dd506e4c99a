//! What a freeze does not hold although people may think so: schedulers that it does not reach, and posts that are planned
//! where nobody here can look.

use super::channels::Channel;
use super::looks::sweepable;
use crate::domain::freeze::Scope;
use crate::domain::sweep::covers;

/// What a freeze of that scope leaves out, as sentences.
pub(super) fn left_out(scope: &Scope, all: &[Channel]) -> Option<String> {
    let (covered, others): (Vec<_>, Vec<_>) =
        all.iter().filter(|c| c.disabled_at.is_none()).partition(|c| covers(scope, &c.id, &c.brand));
    match (unseen(&covered), unreached(&covered, &others)) {
        (Some(unseen), Some(unreached)) => Some(format!("{unseen}. Besides, {unreached}")),
        (unseen, unreached) => unseen.or(unreached),
    }
}

/// The channels whose networks show nobody what people planned there.
fn unseen(covered: &[&Channel]) -> Option<String> {
    let plans = |c: &&&Channel| ::channels::adapter(&c.adapter).is_some_and(|a| a.ways.plans_unseen);
    let names: Vec<_> = covered.iter().filter(plans).map(|c| c.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!(
            "what people planned in the networks of {names} themselves cannot be seen from here and goes out: look \
             there by hand"
        )
    })
}

/// The schedulers that the freeze does not reach. Each has one brand and is one channel, and plans posts for accounts
/// that are other channels here, of whatever brand. A drill leaves out what is live.
fn unreached(covered: &[&Channel], others: &[&Channel]) -> Option<String> {
    let is_drill = !covered.is_empty() && covered.iter().all(|c| c.drill);
    let planners = others.iter().filter(|c| sweepable(c) && !super::channels::publishes(c));
    let names: Vec<_> = planners.filter(|c| c.drill == is_drill).map(|c| c.name.as_str()).collect();
    (!names.is_empty()).then(|| {
        let (several, names) = (names.len() > 1, names.join(", "));
        if several {
            return format!(
                "this freeze does not reach {names}: what people planned there goes out on all accounts, also on \
                 those that are frozen here; freeze everything, or these schedulers too"
            );
        }
        format!(
            "this freeze does not reach {names}: what people planned there goes out on all accounts, also on those \
             that are frozen here; freeze everything, or this scheduler too"
        )
    })
}
