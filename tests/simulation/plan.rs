//! What happens in a seed, and when.

use holdline::clock::{Millis, rfc3339};
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::stage::{BEGAN, CHANNELS};

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Event {
    Write {
        new: Value,
        approve: bool,
    },
    Approve {
        post: usize,
    },
    Edit {
        post: usize,
        approve: bool,
    },
    Cancel {
        post: usize,
    },
    Freeze {
        scope: Value,
    },
    Thaw,
    Review,
    /// A person settles what is in doubt by what the timeline shows: what is there, or all, when nothing can come late.
    Doubts {
        all: bool,
    },
    /// A process is gone at once; it starts again after a while.
    Crash {
        node: usize,
        down: Millis,
        reboot: bool,
    },
    /// A process stands still.
    Stand {
        node: usize,
        still: Millis,
    },
    Forget {
        node: usize,
    },
}

/// A seed's plan: times count from its beginning.
#[derive(Debug, Clone)]
pub struct Plan {
    pub nodes: usize,
    pub events: Vec<(Millis, Event)>,
    pub ends: Millis,
}

impl Plan {
    pub fn new(chance: &mut Chance) -> Self {
        let nodes = if chance.percent(45) { 1 } else { 2 };
        let mut events = Vec::new();
        let posts = usize::try_from(chance.between(2, 5)).unwrap_or(2);
        let mut dues = Vec::new();
        for post in 0..posts {
            let at = chance.between(0, 900);
            let approve = chance.percent(88);
            let due = at + chance.between(300, 6_000);
            dues.push(due);
            events.push((at, Event::Write { new: post_of(post, due, chance), approve }));
            if !approve && chance.percent(60) {
                events.push((at + chance.between(200, 5_000), Event::Approve { post }));
            }
        }
        let some = |chance: &mut Chance| chance.below(posts);
        if chance.percent(45) {
            let (at, post) = (chance.between(500, 4_500), some(chance));
            events.push((at, Event::Edit { post, approve: chance.percent(70) }));
        }
        if chance.percent(40) {
            let post = some(chance);
            // Just when it is under way, or at any time.
            let at = if chance.percent(60) {
                dues[post] + chance.between(0, 1_000)
            } else {
                chance.between(500, 9_000)
            };
            events.push((at, Event::Cancel { post }));
        }
        freezes(&mut events, chance);
        for _ in 0..chance.below(3) {
            events.push((chance.between(3_000, 13_000), Event::Review));
        }
        if chance.percent(35) {
            events.push((chance.between(2_000, 12_000), Event::Doubts { all: false }));
        }
        faults(&mut events, nodes, &dues, chance);
        let ends = events.iter().map(|(at, _)| *at).max().unwrap_or(0) + chance.between(500, 2_500);
        events.sort_by_key(|(at, _)| *at);
        Self { nodes, events, ends }
    }
}

fn post_of(post: usize, due: Millis, chance: &mut Chance) -> Value {
    let mut new = json!({"kind": "routine", "submit": true, "source": {"text": format!("post {post} v0")},
        "due": rfc3339(BEGAN + due)});
    new["labels"] = match chance.below(3) {
        0 => json!(["spring"]),
        1 => json!(["legal", "spring"]),
        _ => json!([]),
    };
    new["channels"] = match chance.below(3) {
        0 => json!([CHANNELS[0]]),
        1 => json!([CHANNELS[1]]),
        _ => json!(CHANNELS),
    };
    if chance.percent(35) {
        new["valid_until"] = json!(rfc3339(BEGAN + due + chance.between(200, 5_000)));
    }
    new
}

/// A scope of a freeze. A channel is named as in [`CHANNELS`], and gets its id when the freeze is given.
fn scope(chance: &mut Chance) -> Value {
    match chance.below(10) {
        0 => json!({"labels": ["spring"]}),
        1 => json!({"channels": [CHANNELS[0]]}),
        2 => json!({"allow": ["legal"]}),
        _ => json!({}),
    }
}

fn freezes(events: &mut Vec<(Millis, Event)>, chance: &mut Chance) {
    if chance.percent(90) {
        let at = chance.between(600, 8_000);
        events.push((at, Event::Freeze { scope: scope(chance) }));
        if chance.percent(65) {
            events.push((at + chance.between(200, 7_000), Event::Thaw));
        }
    }
    if chance.percent(20) {
        events.push((chance.between(600, 9_000), Event::Freeze { scope: scope(chance) }));
    }
}

/// A moment of a fault: at any time, or just when a post is under way.
fn moment(dues: &[Millis], chance: &mut Chance) -> Millis {
    match chance.pick(dues).copied() {
        Some(due) if chance.percent(70) => due + chance.between(0, 1_200),
        _ => chance.between(600, 7_000),
    }
}

fn faults(events: &mut Vec<(Millis, Event)>, nodes: usize, dues: &[Millis], chance: &mut Chance) {
    for _ in 0..chance.below(3) {
        let (at, node) = (chance.between(600, 8_500), chance.below(nodes));
        let (down, reboot) = (chance.between(50, 4_000), chance.percent(15));
        events.push((at, Event::Crash { node, down, reboot }));
    }
    if chance.percent(40) {
        let (at, node) = (moment(dues, chance), chance.below(nodes));
        let still =
            if chance.percent(55) { chance.between(300, 4_500) } else { chance.between(4_500, 18_000) };
        events.push((at, Event::Stand { node, still }));
    }
    if nodes > 1 && chance.percent(20) {
        // Somebody takes a node off the list that runs: it is refused. A freeze comes at that very moment.
        let (at, node) = (chance.between(800, 6_000), chance.below(nodes));
        events.push((at, Event::Forget { node }));
        events.push((at + chance.between(1, 400), Event::Freeze { scope: json!({}) }));
    }
    if nodes > 1 && chance.percent(20) {
        silent(events, nodes, dues, chance);
    }
}

/// A node stands still or is gone, for long enough to be called silent, or to be taken over: then mostly while something
/// waits there for its first byte.
fn silent(events: &mut Vec<(Millis, Event)>, nodes: usize, dues: &[Millis], chance: &mut Chance) {
    let node = chance.below(nodes);
    let is_long = chance.percent(30);
    let (at, still) = if is_long {
        let due = chance.pick(dues).copied().unwrap_or(1_000);
        (due + chance.between(100, 700), chance.between(205_000, 270_000))
    } else {
        (moment(dues, chance), chance.between(13_000, 20_000))
    };
    if chance.percent(70) {
        events.push((at + chance.between(100, 10_000), Event::Freeze { scope: json!({}) }));
    }
    events.push((
        at,
        if chance.percent(if is_long { 80 } else { 65 }) {
            Event::Stand { node, still }
        } else {
            Event::Crash { node, down: still, reboot: false }
        },
    ));
    events.push((at + chance.between(10_500, 12_900), Event::Forget { node }));
    if is_long {
        // Others put in doubt what it had in hand, people say what is so, and it goes on.
        for wait in [5_000, 25_000, 60_000] {
            events.push((at + 186_000 + wait, Event::Doubts { all: true }));
        }
        events.push((at + still, Event::Review));
    }
}
