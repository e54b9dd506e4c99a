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

/// A statement over rows, of which none holds a null in its first column.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows<'a> {
    sql: &'static str,
    columns: usize,
    values: &'a [Value<'a>],
}

impl<'a> Rows<'a> {
    pub fn new<const N: usize>(sql: &'static str, rows: &'a [[Value<'a>; N]]) -> Self {
        Self { sql, columns: N, values: rows.as_flattened() }
    }
}

/// Most rows in one statement on SQLite: far below its limit of parameters.
const CHUNK: usize = 256;
/// About how many values travel to SQLite in one go. Every further go is two threads that wait for
/// each other, which in a rush takes longer than most statements.
const TOGETHER: usize = 8_192;

impl Tx {
    /// Runs a statement over rows.
    pub(super) async fn run_rows<const N: usize>(
        &mut self,
        sql: &'static str,
        rows: &[[Value<'_>; N]],
    ) -> Result<()> {
        self.run_together(&[Rows::new(sql, rows)]).await
    }

    /// Runs statements over rows, one after the other.
    pub(super) async fn run_together(&mut self, statements: &[Rows<'_>]) -> Result<()> {
        match self {
            Self::Postgres(tx) => {
                for query in statements.iter().filter_map(arrays) {
                    query.execute(&mut *tx.inner).await?;
                }
            }
            Self::Sqlite(tx) => {
                for query in values(statements) {
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
        let statement = Rows::new(sql, rows);
        match self {
            Self::Postgres(tx) => {
                if let Some(query) = arrays(&statement) {
                    for row in query.fetch_all(&mut *tx.inner).await? {
                        out.push(row.try_get(0)?);
                    }
                }
            }
            Self::Sqlite(tx) => {
                for query in values(&[statement]) {
                    for row in query.fetch_all(&mut *tx.inner).await? {
                        out.push(row.try_get(0)?);
                    }
                }
            }
        }
        Ok(out)
    }
}

/// The statement for PostgreSQL, if there are rows.
fn arrays<'a>(statement: &Rows<'a>) -> Option<Query<'a, Postgres, PgArguments>> {
    let Rows { sql, columns, values } = *statement;
    let first = values.get(..columns)?;
    let kinds: Vec<_> = first.iter().copied().map(Value::kind).collect();
    let sql = sql.replace("{rows}", &dialect::arrays(&kinds));
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for (column, kind) in first.iter().enumerate() {
        let values = values.iter().skip(column).step_by(columns).copied();
        query = match kind {
            Value::Text(_) => query.bind(values.map(Value::text).collect::<Vec<_>>()),
            Value::Integer(_) => query.bind(values.map(Value::integer).collect::<Vec<_>>()),
            Value::Bytes(_) => query.bind(values.map(Value::bytes).collect::<Vec<_>>()),
        };
    }
    Some(query)
}

/// The statements for SQLite, as few texts as they fit into.
fn values<'a>(statements: &[Rows<'a>]) -> Vec<Query<'a, Sqlite, SqliteArguments>> {
    let mut goes = vec![(String::new(), Vec::new())];
    for Rows { sql, columns, values } in statements {
        for chunk in values.chunks(CHUNK * columns) {
            if goes.last().is_some_and(|(_, bound)| bound.len() + chunk.len() > TOGETHER) {
                goes.push(Default::default());
            }
            let Some((text, bound)) = goes.last_mut() else { continue };
            let rows = chunk.len() / columns;
            text.push_str(&sql.replace("{rows}", &dialect::values(rows, *columns)));
            text.push(';');
            bound.extend_from_slice(chunk);
            let padding = (dialect::padded(rows) - rows) * columns;
            bound.extend(std::iter::repeat_n(Value::Integer(None), padding));
        }
    }
    let filled = goes.into_iter().filter(|(text, _)| !text.is_empty());
    filled.map(|(text, bound)| bound.into_iter().fold(sqlx::query(AssertSqlSafe(text)), bind)).collect()
}

fn bind<'a>(
    query: Query<'a, Sqlite, SqliteArguments>,
    value: Value<'a>,
) -> Query<'a, Sqlite, SqliteArguments> {
    match value {
        Value::Text(text) => query.bind(text),
        Value::Integer(number) => query.bind(number),
        Value::Bytes(bytes) => query.bind(bytes),
    }
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

    #[test]
    fn statements_travel_together_as_far_as_they_fit() {
        let goes = |rows: &[usize]| {
            let rows: Vec<_> = rows.iter().map(|n| vec![[Value::Integer(Some(1)); 8]; *n]).collect();
            let statements: Vec<_> = rows.iter().map(|r| Rows::new("{rows}", r)).collect();
            values(&statements).len()
        };
        assert_eq!(goes(&[0]), 0, "nothing to do");
        assert_eq!(goes(&[1, 0, 700]), 1);
        assert_eq!(goes(&[1_000, 400]), 2);
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
