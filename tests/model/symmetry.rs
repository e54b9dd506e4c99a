//! States that differ in the names of nodes, or of routine posts that are alike, are one.
//!
//! They are hashed in an order of what they are. Whoever cannot be told apart in this way may be counted twice, which
//! is harmless; and the path to a state keeps the names that it began with.

use std::hash::{Hash, Hasher};

use crate::state::{Db, NOBODY, State};

impl Hash for State {
    fn hash<H: Hasher>(&self, to: &mut H) {
        let of = |s: &Self, p: usize| {
            let (row, net) = (&s.db.rows[p], &s.net[p]);
            let held = s.nodes.iter().filter(|n| n.slots[p].attempt > 0).map(|n| n.slots[p]).max();
            let asked = s.nodes.iter().any(|n| n.asks.is_some_and(|a| usize::from(a) == p));
            (
                s.due[p],
                row.stand,
                row.attempt,
                row.epoch,
                row.decided,
                row.landed,
                (net.copies, net.strays),
                held,
                asked,
            )
        };
        if self.alike && of(self, 0) > of(self, 1) {
            let mut swapped = self.clone();
            swapped.swap_posts();
            swapped.hash_nodes(to);
        } else {
            self.hash_nodes(to);
        }
    }
}

impl State {
    fn swap_posts(&mut self) {
        for db in [Some(&mut self.db), Some(&mut self.backup), self.copy.as_deref_mut()].into_iter().flatten()
        {
            db.rows.swap(0, 1);
            db.flights.swap(0, 1);
        }
        for n in &mut self.nodes {
            n.slots.swap(0, 1);
            n.begun.swap(0, 1);
            n.marks.swap(0, 1);
            n.line.swap(0, 1);
            n.asks = n.asks.map(|post| if post < 2 { 1 - post } else { post });
        }
        self.net.swap(0, 1);
        self.due.swap(0, 1);
        self.awaited.swap(0, 1);
        self.due_after_thaw.swap(0, 1);
        self.by_thaw.swap(0, 1);
    }

    fn hash_nodes<H: Hasher>(&self, to: &mut H) {
        let dbs = [Some(&self.db), Some(&self.backup), self.copy.as_deref()];
        let of = |db: &Db, node: usize| {
            let is_own = |owner: u8| usize::from(owner) == node;
            (db.nodes[node], db.rows.iter().fold(0_u8, |bits, row| bits << 1 | u8::from(is_own(row.owner))))
        };
        let mut order = [0, 1, 2];
        order.sort_unstable_by_key(|n: &usize| (self.nodes[*n], dbs.map(|db| db.map(|db| of(db, *n)))));
        for node in order {
            self.nodes[node].hash(to);
        }
        for db in dbs.into_iter().flatten() {
            (
                db.epoch,
                db.timeline,
                db.identity,
                db.recorded,
                db.confirmed,
                db.freeze,
                db.frozen_at,
                db.flights,
            )
                .hash(to);
            for row in &db.rows {
                let owner = order.iter().position(|n| row.owner != NOBODY && *n == usize::from(row.owner));
                (row.stand, owner, row.attempt, row.made, row.epoch, row.decided, row.landed).hash(to);
            }
            for node in order {
                db.nodes[node].hash(to);
            }
        }
        (
            self.copy.is_some(),
            self.net,
            self.due,
            self.awaited,
            self.due_after_thaw,
            self.expired,
            self.grown,
        )
            .hash(to);
        (self.by_thaw, self.broken, self.left).hash(to);
    }
}
