//! The invariants, by their names in the model and in `ARCHITECTURE.md`, over what a seed left.

use holdline::clock::Millis;
use holdline::domain::tree::{Frontier, leaf_hash};

use crate::facts::{Facts, Freeze};
use crate::network::Sent;
use crate::people::Written;
use crate::sentences as s;
use crate::tasks::Owner;
use crate::world::World;

/// What is broken, each in a sentence that begins with one of [`s::ALL`].
pub fn broken(facts: &Facts) -> Vec<String> {
    let mut all = Vec::new();
    for freeze in &facts.freezes {
        freezes(facts, freeze, &mut all);
        flights(facts, freeze, &mut all);
    }
    for id in &facts.unsealed {
        all.push(format!("{}: {id}", s::SEALS));
    }
    outcomes(facts, &mut all);
    contents(facts, &mut all);
    staleness(facts, &mut all);
    cancelled(facts, &mut all);
    entries(facts, &mut all);
    all
}

fn freezes(facts: &Facts, f: &Freeze, all: &mut Vec<String>) {
    let thawed = f.thawed_at.unwrap_or(i64::MAX);
    for d in facts.deliveries.values().filter(|d| d.freeze_id.as_ref() == Some(&f.id)) {
        if !Facts::covers(f, d) {
            all.push(format!("{}: {}", s::HELD_BY_ITS_FREEZE, d.id));
        }
    }
    for a in &facts.attempts {
        let Some(d) = facts.deliveries.get(&a.delivery_id).filter(|d| Facts::covers(f, d)) else { continue };
        if a.permitted_at > f.committed_at && a.permitted_at < thawed {
            all.push(format!("{}: attempt {} of {}", s::NO_PERMIT, a.id, d.id));
        }
    }
    for (sent, d) in facts.bytes().filter(|(_, d)| Facts::covers(f, d)) {
        if f.sealed_at.is_some_and(|sealed| sent.at > sealed) && sent.at < thawed {
            let late = sent.at - f.sealed_at.unwrap_or(0);
            all.push(format!("{}: {}, {late} ms after", s::NO_BYTE, d.id));
        }
        let decided =
            facts.decided.iter().any(|(id, at)| *id == d.id && *at > f.committed_at && *at <= sent.at);
        // A freeze that was lifted before a node took it stopped nothing there of what was permitted before it.
        let stopped = f.sealed_at.is_some_and(|sealed| sealed < thawed)
            || facts.attempt_of(sent).is_some_and(|a| a.permitted_at > f.committed_at);
        if sent.at > thawed && d.due_at < thawed && !decided && stopped {
            all.push(format!("{}: {}", s::THAW, d.id));
        }
    }
}

fn flights(facts: &Facts, f: &Freeze, all: &mut Vec<String>) {
    let Some(sealed) = f.sealed_at else { return };
    let listed = |attempt: &str| facts.flights.iter().any(|(freeze, a)| *freeze == f.id && a == attempt);
    let thawed = f.thawed_at.unwrap_or(i64::MAX);
    for (sent, d) in facts.bytes().filter(|(_, d)| Facts::covers(f, d)) {
        let after = sent.at > f.committed_at && sent.at <= sealed.min(thawed);
        let Some(a) = facts.attempt_of(sent) else { continue };
        // What had left before, and was under way all the time between the two marks, in a process that lives.
        let through = sent.at <= f.committed_at
            && a.settled_at.is_none_or(|at| at > sealed)
            && sealed < thawed
            && sent.over.is_some_and(|over| over > sealed);
        if (after || through) && !listed(&a.id) {
            all.push(format!("{}: attempt {} of {}", s::LISTED, a.id, d.id));
        }
    }
    // The other way round only a node that was gone may have more on the list: nobody knows there.
    if facts.crashes.is_empty() && facts.forgotten.is_empty() {
        let ours = facts.flights.iter().filter(|(freeze, _)| *freeze == f.id);
        for (_, attempt) in ours {
            // It left, and had not ended when the freeze was committed.
            let of = |s: &&Sent| facts.attempt_of(s).is_some_and(|a| a.id == *attempt);
            let settled = facts.attempts.iter().find(|a| a.id == *attempt).and_then(|a| a.settled_at);
            let is_old = settled.is_some_and(|at| at <= f.committed_at);
            if is_old || !facts.sent.iter().any(|s| of(&s)) {
                all.push(format!("{}: {attempt}", s::LISTED_ONLY));
            }
        }
    }
}

fn outcomes(facts: &Facts, all: &mut Vec<String>) {
    const ENDS: [&str; 7] = ["accepted", "failed", "expired", "cancelled", "held", "draft", "retracted"];
    for d in facts.deliveries.values() {
        let copies = facts.copies_of(&d.id);
        if copies > 1 {
            all.push(format!("{}: {} has {copies}", s::ONE_COPY, d.id));
        }
        if !ENDS.contains(&d.state.as_str()) && d.replaced == 0 {
            all.push(format!("{}: {} is {}, {:?}", s::ENDS, d.id, d.state, d.reason));
        }
        if (d.state == "accepted") != (copies == 1) && copies <= 1 {
            all.push(format!("{}: {} is {}, copies: {copies}", s::OUTCOME, d.id, d.state));
        }
    }
    for copy in facts.copies.values().flatten().filter(|c| !facts.deliveries.contains_key(&c.delivery)) {
        all.push(format!("{}: {}", s::OF_A_DELIVERY, copy.delivery));
    }
    for (delivery, place) in &facts.places {
        if facts.deliveries.get(delivery).is_some_and(|d| d.channel_id != *place) {
            all.push(format!("{}: {delivery} is on {place}", s::PLACE));
        }
    }
    for (_, d) in facts.bytes().filter(|(sent, _)| facts.attempt_of(sent).is_none()) {
        all.push(format!("{}: {}", s::HAS_ATTEMPT, d.id));
    }
    for a in facts.attempts.iter().filter(|a| a.outcome.is_none()) {
        all.push(format!("{}: attempt {}", s::IN_HAND, a.id));
    }
}

fn contents(facts: &Facts, all: &mut Vec<String>) {
    for (sent, d) in facts.bytes() {
        let post = facts.posts.iter().find(|p| p.id == d.post_id);
        let approved = |p: &Written| p.approved.iter().any(|(text, at)| *text == sent.text && *at <= sent.at);
        if !post.is_some_and(approved) {
            all.push(format!("{}: {} got {}", s::APPROVED, d.id, sent.text));
        }
        let replaced = |p: &Written| p.replaced.iter().any(|(text, at)| *text == sent.text && *at < sent.at);
        if post.is_some_and(replaced) {
            all.push(format!("{}: {} got {} after its edit", s::VOIDED, d.id, sent.text));
        }
        if d.approved_hash.as_ref() != Some(&d.content_hash) {
            all.push(format!("{}: {}", s::HASH, d.id));
        }
    }
    for a in &facts.attempts {
        if facts.deliveries.get(&a.delivery_id).is_some_and(|d| d.content_hash != a.content_hash) {
            all.push(format!("{}: {}", s::ATTEMPT_HASH, a.id));
        }
    }
}

fn staleness(facts: &Facts, all: &mut Vec<String>) {
    for (sent, d) in facts.bytes() {
        if d.valid_until.is_some_and(|until| sent.at >= until) {
            all.push(format!("{}: {}", s::EXPIRY, d.id));
        }
    }
}

fn cancelled(facts: &Facts, all: &mut Vec<String>) {
    for a in &facts.attempts {
        let Some(d) = facts.deliveries.get(&a.delivery_id) else { continue };
        if facts.cancelled.iter().any(|(post, at)| *post == d.post_id && a.permitted_at > *at) {
            all.push(format!("{}: {}", s::CANCELLED, d.id));
        }
    }
    for (sent, d) in facts.bytes() {
        let by_then = |(owner, post, at): &(Owner, String, Millis)| {
            *owner == sent.from && *post == d.post_id && *at < sent.at
        };
        if facts.recalled.iter().any(by_then) {
            all.push(format!("{}: {}", s::RECALLED, d.id));
        }
    }
}

/// Each permit, each mark of a freeze and each thing that a person was told has its entry.
fn entries(facts: &Facts, all: &mut Vec<String>) {
    let count = |verb: &str, subject: &str| {
        facts.verbs.iter().filter(|(v, s, _)| v == verb && (subject.is_empty() || s == subject)).count()
    };
    for d in facts.deliveries.values() {
        let attempts = facts.attempts.iter().filter(|a| a.delivery_id == d.id).count();
        let permits = count("attempt.permitted", &format!("delivery:{}", d.id));
        if attempts != permits {
            all.push(format!("{}: {} has {attempts} and {permits}", s::ENTRY_OF_PERMIT, d.id));
        }
    }
    let thawed = facts.freezes.iter().filter(|f| f.thawed_at.is_some()).count();
    let sealed = facts.freezes.iter().filter(|f| f.sealed_at.is_some()).count();
    for (verb, rows) in
        [("freeze.committed", facts.freezes.len()), ("freeze.sealed", sealed), ("freeze.thawed", thawed)]
    {
        if count(verb, "") != rows {
            all.push(format!("{}: {} of {verb} and {rows}", s::ENTRY_OF_FREEZE, count(verb, "")));
        }
    }
    // Who is gone before it hears the answer was told nothing: then the log may have more.
    for entry in &facts.told {
        let of = |all: &[(String, String, String)]| all.iter().filter(|e| *e == entry).count();
        let (told, logged) = (of(&facts.told), of(&facts.verbs));
        if logged < told || facts.crashes.is_empty() && logged > told {
            let (verb, subject, _) = entry;
            all.push(format!("{}: {told} of {verb} {subject}, and {logged}", s::ENTRY_OF_PEOPLE));
        }
    }
}

/// The log has no gap, and its root is that of its leaves.
pub async fn log(world: &World<'_>) -> Vec<String> {
    let (size, root) = world.stage.store.audit_root().await.expect("the head of the log");
    let leaves = world.stage.store.leaves(0, i64::MAX).await.expect("the log");
    let mut all = Vec::new();
    let mut tree = Frontier::decode(0, &[]).expect("an empty tree");
    for (seq, leaf) in (0_u64..).zip(&leaves) {
        if let Err(e) = holdline::domain::audit::read_leaf(leaf, seq) {
            all.push(format!("{}: {seq}, {e}", s::NUMBERED));
        }
        tree.append(leaf_hash(leaf));
    }
    if i64::try_from(leaves.len()) != Ok(size) || tree.root() != root {
        all.push(format!("{}: of {size}", s::ROOT));
    }
    all
}
