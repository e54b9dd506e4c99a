//! The end of a change: its audit entries, its commit, and what this process remembers of it.

use std::time::Duration;

use ::channels::planted::{Planted, planted};

use super::hub::Topic;
use super::{Actor, App, AppError, Result};
use crate::domain::audit::{Entry, Stamp};
use crate::store::{Tx, Unaudited};

/// How long a commit waits for the one before it in this process. Behind one that hangs nobody is kept: what is
/// committed then is not remembered, and what was remembered before stays true.
/// Less than PostgreSQL gives a change that says nothing (`store/pool.rs`).
const TURN: Duration = Duration::from_millis(500);

/// How long a shared database may take for a commit; the answer counts as lost after that.
const ANSWERS: Duration = Duration::from_secs(15);

impl App {
    /// Commits with the audit entries and wakes whoever waits for the topics.
    pub(crate) async fn commit(
        &self,
        mut tx: Tx,
        by: &Actor,
        entries: &[Entry],
        topics: &[Topic],
    ) -> Result<()> {
        for topic in topics {
            tx.notify(topic.name());
        }
        let stamp = Stamp { at: self.now(), actor: by.id.clone(), origin: by.origin.clone() };
        if planted(Planted::LoggedAfterwards) {
            tx.commit_unaudited(Unaudited::Look).await?;
            // Long enough that a process can be gone in between.
            tokio::time::sleep(Duration::from_millis(250)).await;
            tx = self.store().begin().await?;
        }
        let turn = tokio::time::timeout(TURN, self.0.committing.lock()).await;
        let seen = self.witness().seen();
        let commit = tx.commit(&stamp, entries, seen.own.log_size);
        let head = if self.is_shared() {
            // The machine of the primary may be gone without a word.
            let answer = tokio::time::timeout(ANSWERS, commit).await;
            answer.map_err(|_| AppError::Internal("the database does not answer".into()))??
        } else {
            commit.await?
        };
        if let (Some(head), Ok(_)) = (head, &turn) {
            self.witness().committed(&seen, head);
        }
        drop(turn);
        for topic in topics {
            self.hub().poke(*topic);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::domain::tree::{Frontier, leaf_hash};

    #[tokio::test]
    async fn a_commit_that_hangs_keeps_no_other_waiting_and_teaches_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let app = App::for_tests(folder.path(), Clock::real()).await;
        let log = || async { app.store().audit_root().await.unwrap().0 };
        let gate = app.store().gate().await.unwrap().unwrap();
        let empty = app.witness().seen();
        app.witness().check(&empty, &gate).unwrap();
        let commit = || async {
            let tx = app.store().begin().await.unwrap();
            app.commit(tx, &Actor::service("node-a"), &[Entry::new("node.tested", "node:1")], &[])
                .await
                .unwrap();
        };
        commit().await;
        let own = app.witness().seen().own;
        assert_eq!(own.log_size, log().await);
        let hung = app.0.committing.lock().await;
        commit().await;
        assert_eq!(app.witness().seen().own, own);
        assert_eq!(log().await, own.log_size + 1);
        drop(hung);
        commit().await;
        assert_eq!(app.witness().seen().own.log_size, log().await);
    }

    #[tokio::test]
    async fn a_change_with_very_many_entries_leaves_the_log_of_their_leaves() {
        let folder = tempfile::TempDir::new().unwrap();
        let app = App::for_tests(folder.path(), Clock::real()).await;
        let before = app.store().audit_root().await.unwrap().0;
        let count = 10_001;
        let entries: Vec<Entry> =
            (0..count).map(|n| Entry::new("post.tested", &format!("post:{n}"))).collect();
        let tx = app.store().begin().await.unwrap();
        app.commit(tx, &Actor::service("node-a"), &entries, &[]).await.unwrap();
        let (size, root) = app.store().audit_root().await.unwrap();
        assert_eq!(size, before + count);
        let leaves = app.store().leaves(0, i64::MAX).await.unwrap();
        let mut tree = Frontier::default();
        leaves.iter().for_each(|leaf| drop(tree.append(leaf_hash(leaf))));
        assert_eq!((i64::try_from(leaves.len()).unwrap(), tree.root()), (size, root));
        let last = String::from_utf8(leaves.last().unwrap().clone()).unwrap();
        assert!(last.contains("post:10000\""), "{last}");
    }
}
