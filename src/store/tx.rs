//! One change of the database.

use sqlx::{Database, Postgres, Sqlite, Transaction};
use tokio::sync::OwnedSemaphorePermit;

use super::{Result, audit};
use crate::domain::audit::{Entry, Stamp};

/// One change. It rolls back when it is dropped without a commit.
#[derive(Debug)]
pub enum Tx {
    Sqlite(Inner<Sqlite>),
    Postgres(Inner<Postgres>),
}

/// A transaction and what the other nodes are told when it commits.
#[derive(Debug)]
pub struct Inner<D: Database> {
    pub(super) inner: Transaction<'static, D>,
    topics: Vec<&'static str>,
    /// Its turn among those that hold the guard of the gate or wait for it.
    pub(super) turn: Option<OwnedSemaphorePermit>,
}

impl<D: Database> Inner<D> {
    pub(super) fn new(inner: Transaction<'static, D>) -> Self {
        Self { inner, topics: Vec::new(), turn: None }
    }
}

/// The few changes that are no facts of the log, by name.
#[derive(Debug, Clone, Copy)]
pub enum Unaudited {
    /// A node is alive, or took the epoch.
    Heartbeat,
    /// A claim is taken or given back: a lease, without effect outside.
    Lease,
    /// An answer is kept for a repeated request.
    Replay,
    /// A mail to the team is taken in hand, was not needed any more, or failed for now.
    Notice,
    /// A read-back found nothing yet, a health check ran, or a network's schedule was looked at.
    Look,
    /// What a network says of a message is put aside until its attempt has ended, or is known by then.
    Report,
    /// Rows of an import are put aside until the whole is decided: no post yet.
    Staging,
    /// A checkpoint of the log itself.
    Checkpoint,
    /// A session was seen, or a sign-in failed.
    Session,
    /// A signal was said once more, within a minute of its last entry.
    Repetition,
    /// A person's own language, theme or zone.
    Preference,
    /// The instance is being set up: there is nobody yet.
    FirstStart,
}

impl Tx {
    /// Commits with the audit entries of the change. Where that left the log, with the last leaf that it has
    /// at the size `asked`.
    ///
    /// # Errors
    /// The database's own; then nothing was changed, or the answer was lost.
    pub async fn commit(
        mut self,
        stamp: &Stamp,
        entries: &[Entry],
        asked: i64,
    ) -> Result<Option<audit::Head>> {
        let head = audit::append(&mut self, stamp, entries, asked).await?;
        self.finish().await?;
        Ok(head)
    }

    /// Commits a change that is no fact of the log.
    ///
    /// # Errors
    /// The database's own; then nothing was changed.
    pub async fn commit_unaudited(self, why: Unaudited) -> Result<()> {
        tracing::trace!(?why, "commit without an audit entry");
        self.finish().await
    }

    /// Tells every node about the topic when this commits (PostgreSQL).
    pub fn notify(&mut self, topic: &'static str) {
        let topics = match self {
            Self::Sqlite(tx) => &mut tx.topics,
            Self::Postgres(tx) => &mut tx.topics,
        };
        if !topics.contains(&topic) {
            topics.push(topic);
        }
    }

    async fn finish(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.inner.commit().await?,
            Self::Postgres(mut tx) => {
                for topic in std::mem::take(&mut tx.topics) {
                    sqlx::query("select pg_notify('holdline', $1)")
                        .bind(topic)
                        .execute(&mut *tx.inner)
                        .await?;
                }
                tx.inner.commit().await?;
            }
        }
        Ok(())
    }

    pub(super) fn dialect(&self) -> usize {
        usize::from(matches!(self, Self::Postgres(_)))
    }
}
