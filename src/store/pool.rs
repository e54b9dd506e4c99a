//! Opening either database.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use channels::planted::{Planted, planted};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use tokio::sync::Semaphore;

use super::tx::{Inner, Tx};
use super::{Result, StoreError, dialect};

/// Either database. Cheap to clone.
#[derive(Debug, Clone)]
pub enum Store {
    /// One writer, several readers, one process.
    Sqlite {
        write: SqlitePool,
        read: SqlitePool,
        file: PathBuf,
        /// What told the file from others when it was opened.
        opened: String,
        /// Several nodes of a simulation, in one process, share it.
        shared: bool,
    },
    /// Any number of nodes.
    /// `tells`: as far as it is known, the host tells which cluster it is.
    Postgres { pool: PgPool, tells: Arc<AtomicBool>, turns: Turns },
}

/// Who has a turn may wait for the guard of the gate with a connection in hand; the other connections are there for
/// everything else, also for what the holder of the guard looks up besides.
#[derive(Debug, Clone)]
pub struct Turns {
    /// Claims and permits, several at once.
    permits: Arc<Semaphore>,
    /// What keeps permits out besides a freeze: one after the other.
    changes: Arc<Semaphore>,
    /// Freezes wait for each other alone.
    freezes: Arc<Semaphore>,
}

impl Turns {
    fn among(connections: u32) -> Self {
        let permits = usize::try_from(connections / 2).unwrap_or_default().saturating_sub(1).max(1);
        let [permits, changes, freezes] = [permits, 1, 1].map(|n| Arc::new(Semaphore::new(n)));
        Self { permits, changes, freezes }
    }
}

/// Most connections of a process to PostgreSQL.
const CONNECTIONS: u32 = 12;

/// Why a database cannot be used, in words for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open {what}: {cause}")]
    Connect { what: String, cause: sqlx::Error },
    #[error("cannot bring the tables up to date: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

/// How long, in ms, the server waits for the next statement of a change before it takes the change back. A node that is
/// stopped or cut off in the middle of one keeps the guard and the end of the log, and every freeze would wait for it.
/// <https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-IDLE-IN-TRANSACTION-SESSION-TIMEOUT>
const STANDS_STILL: &str = "1500";

/// Connections that read a SQLite file, beside the one that writes.
const READERS: u32 = 4;

impl Store {
    /// Opens the SQLite file, making it when it is not there, and brings its tables up to date.
    ///
    /// # Errors
    /// [`OpenError`] names the file.
    pub async fn sqlite(file: &Path) -> std::result::Result<Self, OpenError> {
        let options = SqliteConnectOptions::new()
            .filename(file)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .pragma("cache_size", "-32768")
            // 32 MiB of log between checkpoints: in a rush the same pages change again and again.
            .pragma("wal_autocheckpoint", "8000")
            // Batches have more texts than the 100 that would be kept: see `dialect::padded`.
            .statement_cache_capacity(300)
            // A batch of rows comes over in one go, not with a thread waking for every 50 of them.
            .row_buffer_size(512)
            // Every look has an index. With one made on the fly, a batch of changes was joined by
            // walking the whole queue instead of looking up the few rows that it names.
            .pragma("automatic_index", "off");
        let fail = |cause| OpenError::Connect { what: file.display().to_string(), cause };
        // A file goes nowhere: its connections stay, with the statements that they know, and nobody asks before each
        // use whether they are still there.
        let pool =
            || SqlitePoolOptions::new().max_lifetime(None).idle_timeout(None).test_before_acquire(false);
        let write = pool().max_connections(1).connect_with(options.clone()).await.map_err(fail)?;
        let opened = file_identity(file).map_err(|cause| fail(cause.into()))?;
        sqlx::migrate!("migrations/sqlite").run(&write).await?;
        // All are opened now: later the file may be another one, or the process may have no handle left.
        let read = pool()
            .min_connections(READERS)
            .max_connections(READERS)
            .connect_with(options.read_only(true).create_if_missing(false))
            .await
            .map_err(fail)?;
        Ok(Self::Sqlite { write, read, file: file.to_owned(), opened, shared: false })
    }

    /// Connects to PostgreSQL and brings its tables up to date.
    ///
    /// # Errors
    /// [`OpenError`]; the address is named without its password.
    pub async fn postgres(url: &str) -> std::result::Result<Self, OpenError> {
        Self::postgres_with(url, PgPoolOptions::new().max_connections(CONNECTIONS)).await
    }

    /// The same, with other connections.
    ///
    /// # Errors
    /// As [`Store::postgres`].
    pub async fn postgres_with(url: &str, pool: PgPoolOptions) -> std::result::Result<Self, OpenError> {
        let fail = |cause| OpenError::Connect { what: "the PostgreSQL database".into(), cause };
        let options = PgConnectOptions::from_str(url)
            .map_err(fail)?
            .application_name("holdline")
            // The planner's compiler costs more than the claims it would speed up (engine.md).
            // What is looked up in a change is the newest, also after a wait for others.
            .options([("jit", "off"), ("default_transaction_isolation", "read committed")])
            .options([("idle_in_transaction_session_timeout", STANDS_STILL)]);
        let turns = Turns::among(pool.get_max_connections());
        let pool = pool.connect_with(options).await.map_err(fail)?;
        sqlx::migrate!("migrations/postgres").run(&pool).await?;
        Ok(Self::Postgres { pool, tells: Arc::new(AtomicBool::new(true)), turns })
    }

    /// Begins a change. On SQLite this takes the write lock at once.
    ///
    /// # Errors
    /// The database's own; or the file is another one by now, so that what is written would be lost.
    pub async fn begin(&self) -> Result<Tx> {
        Ok(match self {
            Self::Sqlite { write, file, opened, .. } => {
                let tx = write.begin_with("begin immediate").await?;
                if !is_still(file, opened)? {
                    return Err(StoreError::Replaced);
                }
                Tx::Sqlite(Inner::new(tx))
            }
            Self::Postgres { pool, .. } => Tx::Postgres(Inner::new(pool.begin().await?)),
        })
    }

    /// Begins a change that a freeze must not overtake: a claim or a permit. On PostgreSQL who waits for the guard holds
    /// a connection; so few do at once, and the others wait without one.
    ///
    /// # Errors
    /// The database's own.
    pub async fn begin_guarded(&self) -> Result<Tx> {
        self.begin_in_turn(|turns| &turns.permits, dialect::GUARD_SHARED).await
    }

    /// The same for the question that a node asks each second, which waits for no turn.
    ///
    /// # Errors
    /// The database's own.
    pub async fn begin_look(&self) -> Result<Tx> {
        let mut tx = self.begin().await?;
        take(&mut tx, dialect::GUARD_SHARED).await?;
        Ok(tx)
    }

    /// Begins a change besides a freeze during which no claim or permit is half-way.
    ///
    /// # Errors
    /// The database's own.
    pub async fn begin_exclusive(&self) -> Result<Tx> {
        self.begin_in_turn(|turns| &turns.changes, dialect::GUARD_EXCLUSIVE).await
    }

    /// Begins a change of the gate, in front of whatever else waits for a turn.
    ///
    /// # Errors
    /// The database's own.
    pub async fn begin_freeze(&self) -> Result<Tx> {
        let shared = planted(Planted::GuardIsShared);
        let guard = if shared { dialect::GUARD_SHARED } else { dialect::GUARD_EXCLUSIVE };
        self.begin_in_turn(|turns| &turns.freezes, guard).await
    }

    /// Waits for a turn, then for a connection, together as long as for a connection alone; and then for the guard.
    async fn begin_in_turn(
        &self,
        turn: impl FnOnce(&Turns) -> &Arc<Semaphore>,
        guard: &'static str,
    ) -> Result<Tx> {
        let Self::Postgres { pool, turns, .. } = self else { return self.begin().await };
        let begun = async {
            let turn = Arc::clone(turn(turns)).acquire_owned().await.map_err(|_| sqlx::Error::PoolClosed)?;
            let mut inner = Inner::new(pool.begin().await?);
            inner.turn = Some(turn);
            Ok::<_, sqlx::Error>(inner)
        };
        let begun = tokio::time::timeout(pool.options().get_acquire_timeout(), begun).await;
        let mut tx = Tx::Postgres(begun.map_err(|_| sqlx::Error::PoolTimedOut)??);
        take(&mut tx, guard).await?;
        Ok(tx)
    }

    /// What tells this database from a restored or copied one. SQLite: the file's inode and time of
    /// birth, which a copy does not share. PostgreSQL: the cluster's system identifier, its timeline
    /// (a new one begins when a replica is promoted or a base backup is recovered) and the
    /// database's oid (a dump that is read in again has another).
    ///
    /// # Errors
    /// The database's own, or the file system's.
    pub async fn identity(&self) -> Result<String> {
        match self {
            Self::Sqlite { file, .. } => Ok(file_identity(file).map_err(sqlx::Error::Io)?),
            Self::Postgres { pool, tells, .. } => {
                match sqlx::query_scalar(dialect::IDENTITY).fetch_one(pool).await {
                    Ok(identity) => {
                        tells.store(true, Ordering::Relaxed);
                        Ok(identity)
                    }
                    // Some hosts do not let everybody ask; then a promoted replica is seen by the
                    // log alone.
                    Err(e) if may_not_ask(&e) => {
                        tells.store(false, Ordering::Relaxed);
                        Ok(sqlx::query_scalar(dialect::OID).fetch_one(pool).await?)
                    }
                    Err(e) => Err(e.into()),
                }
            }
        }
    }

    /// The same, of the database that this change is made in: the connection may be one of before a failover,
    /// or of after.
    ///
    /// # Errors
    /// The database's own, or the file system's.
    pub async fn identity_in(&self, tx: &mut Tx) -> Result<String> {
        let (Self::Postgres { tells, .. }, Tx::Postgres(inner)) = (self, tx) else {
            return self.identity().await;
        };
        // An error would end the change: what may be asked is tried outside, whenever the gate is read.
        let sql = if tells.load(Ordering::Relaxed) { dialect::IDENTITY } else { dialect::OID };
        Ok(sqlx::query_scalar(sql).fetch_one(&mut *inner.inner).await?)
    }

    /// Whether several nodes may share this database.
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres { .. } | Self::Sqlite { shared: true, .. })
    }

    /// The same SQLite store as the nodes of a simulation share it.
    #[must_use]
    pub fn shared_in_simulation(mut self) -> Self {
        if let Self::Sqlite { shared, .. } = &mut self {
            *shared = true;
        }
        self
    }

    /// The word for logs and figures.
    pub fn kind(&self) -> &'static str {
        if matches!(self, Self::Postgres { .. }) { "postgres" } else { "sqlite" }
    }

    /// Ends the connections.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read, .. } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres { pool, .. } => pool.close().await,
        }
    }
}

/// Whether the database does not answer this to us, ever: no right to, or no such function. Another
/// error is no answer, and must not look like another database.
fn may_not_ask(e: &sqlx::Error) -> bool {
    let code = e.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| code == "42501" || code == "42883")
}

/// Takes a guard of the gate until the change ends. On SQLite its one writer has it already.
async fn take(tx: &mut Tx, guard: &'static str) -> Result<()> {
    if let Tx::Postgres(inner) = tx {
        sqlx::query(guard).execute(&mut *inner.inner).await?;
    }
    Ok(())
}

/// Whether that file is still the one that was opened.
fn is_still(file: &Path, opened: &str) -> Result<bool> {
    match file_identity(file) {
        Ok(now) => Ok(now == opened),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(e) => Err(sqlx::Error::Io(e).into()),
    }
}

fn file_identity(file: &Path) -> std::io::Result<String> {
    use std::os::unix::fs::MetadataExt;
    let facts = std::fs::metadata(file)?;
    let born = facts.created().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok());
    Ok(format!("sqlite inode {} born {}", facts.ino(), born.map_or(0, |b| b.as_millis())))
}
