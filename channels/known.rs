//! What an adapter learns of its account once, and needs for links only.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long an accepted post waits for what its link needs.
const PATIENCE: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 2 });

#[derive(Debug, Default)]
enum State<T> {
    #[default]
    New,
    Learned(T),
    /// It was asked for in vain. Only a check asks again, so that no other post waits for it.
    Missed,
}

/// Something that is asked for once.
#[derive(Debug)]
pub(crate) struct Known<T>(Mutex<State<T>>);

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(Mutex::new(State::New))
    }
}

impl<T: Clone> Known<T> {
    /// Keeps what was learned.
    pub(crate) fn keep(&self, learned: Option<T>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            learned.map_or(State::Missed, State::Learned);
    }

    /// What is known by now.
    pub(crate) fn get(&self) -> Option<T> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Learned(learned) => Some(learned.clone()),
            State::New | State::Missed => None,
        }
    }

    /// What is known by now, or learned in the time that a link is worth. To be called once the post is
    /// out, because a post does not wait for its link.
    pub(crate) async fn learn(&self, ask: impl Future<Output = Option<T>>) -> Option<T> {
        let missed = matches!(*self.0.lock().unwrap_or_else(PoisonError::into_inner), State::Missed);
        if let Some(known) = self.get() {
            return Some(known);
        }
        if missed {
            return None;
        }
        let learned = tokio::time::timeout(PATIENCE, ask).await.ok().flatten();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (&*state, learned) {
            // A check learned it meanwhile.
            (State::Learned(known), None) => Some(known.clone()),
            (State::New | State::Missed, None) => {
                *state = State::Missed;
                None
            }
            (_, Some(learned)) => {
                *state = State::Learned(learned.clone());
                Some(learned)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_miss_is_remembered_until_a_check_knows_more() {
        let known = Known::default();
        assert_eq!(known.learn(std::future::pending::<Option<u8>>()).await, None);
        let again = async { panic!("asked again") };
        assert_eq!(known.learn(again).await, None);
        known.keep(Some(7));
        assert_eq!((known.get(), known.learn(async { None }).await), (Some(7), Some(7)));
    }

    #[tokio::test]
    async fn a_miss_takes_nothing_from_what_a_check_learned_meanwhile() {
        let known = Known::default();
        let ask = async {
            known.keep(Some(7));
            None
        };
        assert_eq!((known.learn(ask).await, known.get()), (Some(7), Some(7)));
    }
}
