//! How long a freeze takes: from COMMITTED to SEALED where every node is well, and to its answer where one stands still.

use std::time::Duration;

use serde_json::{Value, json};

use super::fleet::Fleet;
use super::{Tally, millis, until_sealed};
use crate::support::rounds;

/// How many freezes are measured on nodes that are well.
pub fn of_well() -> usize {
    rounds("HOLDLINE_FAULT_WELL", 50)
}

/// And how many with one that stands still: each waits for it before it answers.
pub fn of_standing() -> usize {
    rounds("HOLDLINE_FAULT_STANDING", 20)
}

/// The middle, nearly the longest and the longest; nothing of nothing.
pub fn spread(of: &[i64]) -> Option<Value> {
    let mut of = of.to_vec();
    of.sort_unstable();
    let last = of.len().checked_sub(1)?;
    Some(json!({"count": of.len(), "p50": of[of.len() / 2], "p99": of[of.len() * 99 / 100], "max": of[last]}))
}

pub fn in_ms(took: &[Duration]) -> Vec<i64> {
    took.iter().map(|d| i64::try_from(d.as_millis()).unwrap()).collect()
}

/// Freezes and thaws in a row, each at another node.
pub async fn well(fleet: &mut Fleet) -> Value {
    let (mut marks, mut answers, mut tally) = (Vec::new(), Vec::new(), Tally::default());
    for number in 0..of_well() {
        let (answer, took) = fleet.freeze(number % fleet.nodes.len()).await;
        let Some(answer) = answer else { panic!("no answer\n{}", fleet.story().await) };
        let (freeze, _) = until_sealed(fleet, &answer.id, &mut tally).await;
        marks.push(millis(freeze.sealed_at.as_ref().unwrap()) - millis(&freeze.committed_at));
        answers.push(took);
        fleet.thaw().await;
    }
    json!({"committed_to_sealed_ms": spread(&marks), "answers_ms": spread(&in_ms(&answers))})
}

/// The same while one of several nodes stands still: nothing is sealed, and the answer names it.
pub async fn one_stands_still(fleet: &mut Fleet) -> Value {
    let (mut answers, mut tally) = (Vec::new(), Tally::default());
    let (mut sealed, mut named) = (0, 0);
    for number in 0..of_standing() {
        let count = fleet.nodes.len();
        let (still, asked) = (number % count, (number + 1) % count);
        fleet.nodes[still].signal("STOP").await;
        let (answer, took) = fleet.freeze(asked).await;
        fleet.nodes[still].signal("CONT").await;
        let Some(answer) = answer else { panic!("no answer\n{}", fleet.story().await) };
        sealed += usize::from(answer.sealed_at.is_some());
        let name = format!("node {} (", fleet.nodes[still].name);
        named += usize::from(answer.missing.iter().any(|missing| missing.starts_with(&name)));
        answers.push(took);
        until_sealed(fleet, &answer.id, &mut tally).await;
        fleet.thaw().await;
    }
    json!({"answers_ms": spread(&in_ms(&answers)), "sealed": sealed, "named": named})
}
