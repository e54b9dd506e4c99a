//! Hearing what other nodes changed. Only PostgreSQL can be shared.

use sqlx::postgres::PgListener;

use super::{Result, Store};

/// The channel that changes are told on.
const CHANNEL: &str = "holdline";

/// What other nodes say.
pub struct Listener(PgListener);

impl Store {
    /// Begins to listen; `None` when no other node can be there.
    ///
    /// # Errors
    /// The database's own.
    pub async fn listener(&self) -> Result<Option<Listener>> {
        let Self::Postgres { pool, .. } = self else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Some(Listener(listener)))
    }
}

impl Listener {
    /// The next word of another node; `None`: the connection was lost and made again, and something
    /// may have been missed.
    ///
    /// # Errors
    /// The database's own.
    pub async fn next(&mut self) -> Result<Option<String>> {
        Ok(self.0.try_recv().await?.map(|n| n.payload().to_owned()))
    }
}
