//! What must be seen to happen: where nothing happens, nothing is proved.

use holdline::clock::Millis;

use crate::facts::{Attempt, Delivery, Facts, Freeze};
use crate::network::Sent;
use crate::people::Written;

/// How often each must be met in 10,000 seeds.
pub const FLOORS: &[(&str, u64)] = &[
    ("freeze during send", 1_900),
    ("sealed while a covered send is on the list and under way", 1_500),
    ("committed, and a node that stands still or is gone keeps it from being sealed", 500),
    ("sealed after a person took a silent node off the list", 300),
    ("the gate stops what was permitted before the freeze", 1_200),
    ("held by the freeze, lifted, and still held", 5_000),
    ("released by a person after the thaw, and accepted", 400),
    ("expired under a freeze", 600),
    ("expired after its permit, before it could begin", 300),
    ("answer lost after accept", 1_000),
    ("in doubt, and it never arrived", 1_100),
    ("a read-back finds it", 2_000),
    ("a read-back finds nothing", 3_000),
    ("a read-back fails", 200),
    ("settled by a person", 450),
    ("accepted by a second attempt", 1_000),
    ("node restarts between permit and begin", 800),
    ("node restarts between begin and settle", 2_000),
    ("a late request lands after its process is gone", 400),
    ("a silent node is taken over", 30),
    ("a permit from before a cut is ended when the gate opens anew", 30),
    ("the lease runs out while a permit waits", 40),
    ("edit between approval and permit", 450),
    ("cancelled, and its node takes it back", 40),
    ("429", 500),
    ("500 after success", 400),
    ("no connection", 700),
    ("400", 130),
    ("accepted, and the answer cannot be read", 300),
    ("an answer comes too late", 140),
    ("bytes left, and nothing came of them", 600),
    ("cut before the first byte", 450),
];

/// How often each was met in a seed.
pub fn met(facts: &Facts) -> Vec<(&'static str, u64)> {
    let mut all = Vec::new();
    for f in &facts.freezes {
        under(facts, f, &mut all);
    }
    let crashed = |node: &str, from: i64, to: i64| {
        let gone = |(o, at): &(crate::tasks::Owner, i64)| {
            format!("node-{}", o.node) == node && *at > from && *at <= to
        };
        facts.crashes.iter().any(gone)
    };
    for a in &facts.attempts {
        let Some(d) = facts.deliveries.get(&a.delivery_id) else { continue };
        let until = a.settled_at.unwrap_or(facts.now);
        let sent = facts.sent.iter().find(|s| facts.attempt_of(s).is_some_and(|of| of.id == a.id));
        if crashed(&a.node_id, a.permitted_at, until) {
            let way = if sent.is_some() {
                "node restarts between begin and settle"
            } else {
                "node restarts between permit and begin"
            };
            all.push((way, 1));
        }
        attempt(facts, a, d, &mut all);
    }
    for post in &facts.posts {
        let between = post.replaced.iter().filter(|(text, at)| is_between(facts, post, text, *at));
        all.push(("edit between approval and permit", between.count() as u64));
    }
    let settled = facts.told.iter().filter(|(verb, ..)| verb == "doubt.settled").count() as u64;
    all.push(("settled by a person", settled));
    all
}

/// Whether that text was approved, then replaced by an edit, and only then something of the post was permitted.
fn is_between(facts: &Facts, post: &Written, text: &str, edited: Millis) -> bool {
    let of_post = |a: &&Attempt| facts.deliveries.get(&a.delivery_id).is_some_and(|d| d.post_id == post.id);
    let permits: Vec<_> = facts.attempts.iter().filter(of_post).map(|a| a.permitted_at).collect();
    let mut approved = post.approved.iter().filter(|(t, _)| t == text).map(|(_, at)| *at);
    post.told.iter().any(|t| t == text)
        && approved.next().is_some_and(|at| !permits.iter().any(|p| *p >= at && *p <= edited))
        && permits.iter().any(|p| *p > edited)
}

fn attempt(facts: &Facts, a: &Attempt, d: &Delivery, all: &mut Vec<(&'static str, u64)>) {
    let detail = a.detail.as_deref().unwrap_or_default();
    let copies = facts.copies_of(&d.id);
    let read = a.reads > 0;
    if read && a.outcome.as_deref() == Some("rejected") && copies == 0 {
        all.push(("in doubt, and it never arrived", 1));
    }
    if a.number > 1 && a.outcome.as_deref() == Some("accepted") {
        all.push(("accepted by a second attempt", 1));
    }
    if detail.contains("the freeze came before the first byte") {
        all.push(("the gate stops what was permitted before the freeze", 1));
    }
    if detail.contains("this attempt has no permit") {
        all.push(("a permit from before a cut is ended when the gate opens anew", 1));
    }
    if detail.contains("has not been confirmed for") {
        all.push(("the lease runs out while a permit waits", 1));
    }
    // The gate has one sentence for what has expired and for what people have taken back.
    let late = |at: Millis| d.valid_until.is_some_and(|until| until <= at);
    let passed = detail.contains("its time passed before");
    if d.state == "expired" && passed && a.settled_at.is_some_and(late) {
        all.push(("expired after its permit, before it could begin", 1));
    }
    let cancelled = facts.cancelled.iter().any(|(post, _)| *post == d.post_id);
    let back = detail.contains("it was taken back before it could begin")
        || passed && a.settled_at.is_some_and(|at| !late(at));
    if cancelled && back {
        all.push(("cancelled, and its node takes it back", 1));
    }
    let taken = |(node, from, to): &(usize, i64, i64)| {
        format!("node-{node}") == a.node_id && a.settled_at.is_some_and(|at| at > *from && at < *to)
    };
    if facts.stands.iter().any(taken) {
        all.push(("a silent node is taken over", 1));
    }
}

fn under(facts: &Facts, f: &Freeze, all: &mut Vec<(&'static str, u64)>) {
    let thawed = f.thawed_at.unwrap_or(facts.now);
    let covered = || facts.bytes().filter(|(_, d)| Facts::covers(f, d)).map(|(s, _)| s);
    let during = |at: i64| move |s: &&Sent| s.at < at && s.over.is_none_or(|over| over > at);
    all.push(("freeze during send", u64::from(covered().any(|s| during(f.committed_at)(&s)))));
    if let Some(sealed) = f.sealed_at {
        let under_way = covered().filter(during(sealed)).any(|s| {
            let a = facts.attempt_of(s).map(|a| a.id.as_str());
            facts.flights.iter().any(|(freeze, attempt)| *freeze == f.id && Some(attempt.as_str()) == a)
        });
        all.push(("sealed while a covered send is on the list and under way", u64::from(under_way)));
        let forgotten = facts.forgotten.iter().any(|(_, at)| *at >= f.committed_at && *at <= sealed);
        all.push(("sealed after a person took a silent node off the list", u64::from(forgotten)));
    }
    // All that time, until it was sealed or for a second and a half at least.
    let waited = f.committed_at + 1_500;
    let late = f.sealed_at.is_none_or(|sealed| sealed > waited) && thawed > waited;
    let away = facts.away().any(|(from, until)| from <= f.committed_at && until >= waited);
    all.push((
        "committed, and a node that stands still or is gone keeps it from being sealed",
        u64::from(late && away),
    ));
    for d in facts.deliveries.values().filter(|d| Facts::covers(f, d)) {
        let held =
            facts.verbs.iter().any(|(v, s, _)| v == "delivery.held" && *s == format!("delivery:{}", d.id));
        if f.thawed_at.is_some() && d.state == "held" && d.freeze_id.as_deref() == Some(&f.id) {
            all.push(("held by the freeze, lifted, and still held", 1));
        }
        let decided = facts.decided.iter().any(|(id, at)| *id == d.id && *at > thawed);
        if held && decided && d.state == "accepted" {
            all.push(("released by a person after the thaw, and accepted", 1));
        }
        if d.state == "expired" && d.valid_until.is_some_and(|v| v > f.committed_at && v <= thawed) {
            all.push(("expired under a freeze", 1));
        }
    }
}
