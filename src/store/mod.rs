//! SQL only. One text for both databases; what must differ is in [`dialect`].
//!
//! [`Store`] opens either database; reads go through it, and every change goes through a [`Tx`],
//! whose commit takes the audit entries of the change: an unaudited change does not compile.

/// Approvals.
pub mod approvals;
/// Attempts.
pub mod attempts;
/// The audit log's rows.
pub mod audit;
/// The queue by hour and by day.
pub mod calendar;
/// Connected channels.
pub mod channels;
/// How many deliveries there are.
mod counts;
/// Credentials that were seen to be another account's.
pub mod credentials_of_others;
/// Deliveries: the queue.
pub mod deliveries;
/// What must differ between the two databases, and why.
pub mod dialect;
/// Access that is to end.
pub mod ends;
/// Freezes and the gate row.
pub mod freezes;
/// Access that people granted.
pub mod grants;
/// What an attempt wrote down before its public step.
pub mod handles;
/// What is held with a label.
pub mod held;
/// Answers kept for repeated requests.
pub mod idempotency;
/// Imports of all rows or none.
pub mod imports;
/// Incidents.
pub mod incidents;
/// Hearing what other nodes changed.
mod listen;
/// How people sign in.
pub mod logins;
/// Uploaded pictures.
pub mod media;
/// Nodes.
pub mod nodes;
/// Notes of an incident, and the steps of its plan.
pub mod notes;
/// Mails to people of the team.
pub mod notices;
/// Whose a post can be.
pub mod owners;
/// People and their tokens.
pub mod people;
/// Posts at the top.
pub mod pins;
/// Posts.
pub mod posts;
/// Channels on which a post would fail.
pub mod red_channels;
/// What networks say of messages whose attempt is under way.
pub mod reports;
/// Other words for posts that are out.
pub mod revisions;
/// What is sealed under an instance key.
pub mod sealed;
/// Sessions of the console, and preferences.
pub mod sessions;
/// Named settings.
pub mod settings;
/// All signals from one place to the next.
pub mod signal_pages;
/// Signals of monitoring systems.
pub mod signals;
/// The public page's rows.
pub mod site;
/// Posts that somebody scheduled inside a network.
pub mod sweeps;
/// Rows of several at once.
mod together;
/// The accounts that are looked at, and what was seen there.
pub mod watches;

mod pool;
mod rows;
mod tx;

pub use pool::{OpenError, Store};
pub use tx::{Tx, Unaudited};

/// What goes wrong in the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database refused: {0}")]
    Sql(#[from] sqlx::Error),
    /// What this process has open is not the file that is there: it was put back, or taken away, under it.
    #[error("the file that is open is not the one that is there")]
    Replaced,
    /// A row holds what the code cannot read: a defect or a foreign hand.
    #[error("{table} {id}: {what}")]
    Inconsistent { table: &'static str, id: String, what: String },
}

impl StoreError {
    /// A row with the same unique value exists already.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Sql(sqlx::Error::Database(e)) if e.is_unique_violation())
    }

    fn inconsistent(table: &'static str, id: &str, what: impl ToString) -> Self {
        Self::Inconsistent { table, id: id.to_owned(), what: what.to_string() }
    }
}

/// The result of every store function.
pub type Result<T> = std::result::Result<T, StoreError>;

/// Runs one expression against whichever connection `$on` holds.
macro_rules! on {
    ($on:expr, |$c:ident| $body:expr) => {
        match $on {
            $crate::store::Tx::Sqlite(tx) => {
                let $c = &mut *tx.inner;
                $body
            }
            $crate::store::Tx::Postgres(tx) => {
                let $c = &mut *tx.inner;
                $body
            }
        }
    };
}

/// Runs one expression against the pool that reads.
macro_rules! read {
    ($store:expr, |$c:ident| $body:expr) => {
        match $store {
            $crate::store::Store::Sqlite { read: $c, .. } => $body,
            $crate::store::Store::Postgres { pool: $c, .. } => $body,
        }
    };
}

/// Binds a list of ids as [`dialect::list`] with [`dialect::padded`] has it: padded with nulls.
macro_rules! listed {
    ($query:expr, $ids:expr) => {{
        let mut query = $query;
        for id in $ids {
            query = query.bind(id);
        }
        for _ in $ids.len()..$crate::store::dialect::padded($ids.len()) {
            query = query.bind(None::<&str>);
        }
        query
    }};
}

pub(crate) use {listed, on, read};
