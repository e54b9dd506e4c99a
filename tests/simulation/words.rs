//! What nodes hear of each other: a change that one commits wakes the others when its word arrives.

use std::collections::BTreeMap;

use holdline::app::hub::Topic;

use crate::world::Node;

/// What a process has heard.
#[derive(Debug, Default)]
pub struct Heard {
    /// How often each process, by its node and start, had changed each topic.
    changes: BTreeMap<(usize, u32, usize), u64>,
    /// How often it was woken for each topic by others.
    woken: [u64; Topic::ALL.len()],
}

/// The words that are on their way to the node at this place arrive.
pub fn tell(nodes: &mut [Node], at: usize) {
    let mut new = Vec::new();
    for from in nodes.iter().filter(|n| n.owner.node != at) {
        let Some(app) = &from.app else { continue };
        for (place, topic) in Topic::ALL.into_iter().enumerate() {
            let own = app.hub().count(topic) - from.heard.woken[place];
            new.push(((from.owner.node, from.owner.start, place), topic, own));
        }
    }
    let Node { app: Some(app), heard, .. } = &mut nodes[at] else { return };
    for (of, topic, own) in new {
        if heard.changes.insert(of, own).unwrap_or(0) != own {
            heard.woken[of.2] += 1;
            app.hub().poke(topic);
        }
    }
}
