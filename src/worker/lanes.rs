//! Two queues, of which the crisis one goes first.

use std::collections::VecDeque;

use crate::domain::post::Lane;

/// What waits, by lane.
pub(crate) struct Lanes<T> {
    crisis: VecDeque<T>,
    routine: VecDeque<T>,
}

impl<T> Lanes<T> {
    pub fn new() -> Self {
        Self { crisis: VecDeque::new(), routine: VecDeque::new() }
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.crisis.len() + self.routine.len()
    }

    /// How many of them are crisis posts.
    pub fn crisis(&self) -> usize {
        self.crisis.len()
    }

    pub fn push(&mut self, lane: Lane, item: T) {
        let queue = if lane == Lane::Crisis { &mut self.crisis } else { &mut self.routine };
        queue.push_back(item);
    }

    pub fn pop(&mut self) -> Option<T> {
        self.crisis.pop_front().or_else(|| self.routine.pop_front())
    }

    /// Takes out all that is no crisis post.
    pub fn take_routine(&mut self) -> Vec<T> {
        self.routine.drain(..).collect()
    }

    /// Keeps what is given back, in its order.
    pub fn retain(&mut self, mut keep: impl FnMut(T) -> Option<T>) {
        for queue in [&mut self.crisis, &mut self.routine] {
            *queue = std::mem::take(queue).into_iter().filter_map(&mut keep).collect();
        }
    }
}
