//! Many rows in one statement: how they travel to each database.
//!
//! The statement's text names them as `{rows}`. PostgreSQL takes one array for each column: one text
//! for any number of rows, and little to parse. SQLite has no arrays; it takes a list of values.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Postgres, Row, Sqlite};

use super::{Result, Tx, dialect};

/// One value of a row.
#[derive(Debug, Clone, Copy)]
pub(super) enum Value<'a> {
    Text(Option<&'a str>),
    Integer(Option<i64>),
    Bytes(Option<&'a [u8]>),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(text: &'a String) -> Self {
        Self::Text(Some(text))
    }
}

impl<'a> From<&'a Option<String>> for Value<'a> {
    fn from(text: &'a Option<String>) -> Self {
        Self::Text(text.as_deref())
    }
}

impl From<i64> for Value<'_> {
    fn from(number: i64) -> Self {
        Self::Integer(Some(number))
    }
}

impl From<Option<i64>> for Value<'_> {
    fn from(number: Option<i64>) -> Self {
        Self::Integer(number)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Bytes(Some(bytes))
    }
}

/// Most rows in one statement on SQLite: far below its limit of parameters.
const CHUNK: usize = 256;

impl Tx {
    /// Runs a statement over rows, of which none holds a null in its first column.
    pub(super) async fn run_rows<const N: usize>(
        &mut self,
        sql: &'static str,
        rows: &[[Value<'_>; N]],
    ) -> Result<()> {
        match self {
            Self::Postgres(tx) => {
                if let Some(query) = arrays(sql, rows) {
                    query.execute(&mut *tx.inner).await?;
                }
            }
            Self::Sqlite(tx) => {
                for query in values(sql, rows) {
                    query.execute(&mut *tx.inner).await?;
                }
            }
        }
        Ok(())
    }

    /// As [`Tx::run_rows`], for a statement that returns the ids of the rows that it changed.
    pub(super) async fn run_rows_returning<const N: usize>(
        &mut self,
        sql: &'static str,
        rows: &[[Value<'_>; N]],
    ) -> Result<Vec<String>> {
        let mut out = Vec::with_capacity(rows.len());
        match self {
            Self::Postgres(tx) => {
                if let Some(query) = arrays(sql, rows) {
                    for row in query.fetch_all(&mut *tx.inner).await? {
                        out.push(row.try_get(0)?);
                    }
                }
            }
            Self::Sqlite(tx) => {
                for query in values(sql, rows) {
                    for row in query.fetch_all(&mut *tx.inner).await? {
                        out.push(row.try_get(0)?);
                    }
                }
            }
        }
        Ok(out)
    }
}

/// The statement for PostgreSQL: one, or none without rows.
fn arrays<'a, const N: usize>(
    sql: &'static str,
    rows: &'a [[Value<'a>; N]],
) -> Option<Query<'a, Postgres, PgArguments>> {
    let first = rows.first()?;
    let sql = sql.replace("{rows}", &dialect::arrays(&first.map(Value::kind)));
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for column in 0..N {
        let values = rows.iter().map(|r| r[column]);
        query = match first[column] {
            Value::Text(_) => query.bind(values.map(Value::text).collect::<Vec<_>>()),
            Value::Integer(_) => query.bind(values.map(Value::integer).collect::<Vec<_>>()),
            Value::Bytes(_) => query.bind(values.map(Value::bytes).collect::<Vec<_>>()),
        };
    }
    Some(query)
}

/// The statements for SQLite.
fn values<'a, const N: usize>(
    sql: &'static str,
    rows: &'a [[Value<'a>; N]],
) -> impl Iterator<Item = Query<'a, Sqlite, SqliteArguments>> {
    rows.chunks(CHUNK).map(move |chunk| {
        let sql = sql.replace("{rows}", &dialect::values(chunk.len(), N));
        let mut query = sqlx::query(AssertSqlSafe(sql));
        let nulls = [Value::Integer(None); N];
        let padding = std::iter::repeat_n(nulls, dialect::padded(chunk.len()) - chunk.len());
        for value in chunk.iter().copied().chain(padding).flatten() {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Integer(number) => query.bind(number),
                Value::Bytes(bytes) => query.bind(bytes),
            };
        }
        query
    })
}

impl<'a> Value<'a> {
    /// The name of its type on PostgreSQL.
    fn kind(self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Integer(_) => "bigint",
            Self::Bytes(_) => "bytea",
        }
    }

    fn text(self) -> Option<&'a str> {
        if let Self::Text(text) = self { text } else { None }
    }

    fn integer(self) -> Option<i64> {
        if let Self::Integer(number) = self { number } else { None }
    }

    fn bytes(self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { bytes } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, attempts, deliveries};

    /// The tables that a statement walks, as SQLite plans it.
    async fn walked(store: &Store, sql: &str) -> Vec<String> {
        let Store::Sqlite { write, .. } = store else { unreachable!("this is SQLite") };
        let plan: Vec<(i64, i64, i64, String)> =
            sqlx::query_as(AssertSqlSafe(format!("explain query plan {sql}")))
                .fetch_all(write)
                .await
                .unwrap();
        assert!(!plan.is_empty());
        let steps = plan.into_iter().map(|step| step.3);
        steps.filter_map(|s| s.strip_prefix("SCAN ").map(str::to_owned)).collect()
    }

    #[tokio::test]
    async fn a_batch_looks_its_rows_up_and_walks_no_table() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::sqlite(&folder.path().join("plan.db")).await.unwrap();
        for (sql, columns) in [(deliveries::CHANGE, 11), (attempts::SETTLE, 6)] {
            for rows in [1, 40, CHUNK] {
                let sql = sql.replace("{rows}", &dialect::values(rows, columns));
                let walked = walked(&store, &sql).await;
                let tables = |t: &String| t.starts_with("deliveries") || t.starts_with("attempts");
                assert!(!walked.iter().any(tables), "{rows} rows: {walked:?}");
            }
        }
        let all = "update deliveries set reason = null where attempts = 3";
        assert_eq!(walked(&store, all).await, ["deliveries"], "a walk is found");
    }
}
