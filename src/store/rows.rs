//! Many rows in one statement: how they travel to each database.
//!
//! The statement's text names them as `{rows}`. PostgreSQL takes one array for each column: one text
//! for any number of rows, and little to parse. SQLite has no arrays; it takes a list of values, and once what is
//! the same in all of them.

use sqlx::postgres::PgArguments;
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Postgres, Row, Sqlite};

use super::{Result, Tx, dialect};

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
                for query in goes(statements) {
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
                for query in goes(&[statement]) {
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

/// Which columns hold the same value in every row: such a value travels once. Never the first one,
/// which tells rows from padding. A few rows are as they are: each pattern is a text of its own.
fn same(values: &[Value<'_>], columns: usize) -> Vec<bool> {
    const FEW: usize = 8;
    let (first, others) = values.split_at(columns);
    let mut same = vec![values.len() >= FEW * columns; columns];
    for row in others.chunks_exact(columns) {
        for ((same, one), value) in same.iter_mut().zip(first).zip(row) {
            *same = *same && one == value;
        }
    }
    same.iter_mut().take(1).for_each(|first| *first = false);
    same
}

/// The statements for SQLite, as few texts as they fit into.
fn goes<'a>(statements: &[Rows<'a>]) -> impl Iterator<Item = Query<'a, Sqlite, SqliteArguments>> {
    let parts = statements.iter().flat_map(|Rows { sql, columns, values }| {
        values.chunks(CHUNK * columns).map(move |chunk| Rows { sql, columns: *columns, values: chunk })
    });
    let mut parts = parts.peekable();
    std::iter::from_fn(move || {
        let (mut text, mut bound) = (String::new(), Vec::new());
        while let Some(part) = parts.next_if(|p| text.is_empty() || bound.len() + p.values.len() <= TOGETHER)
        {
            let same = same(part.values, part.columns);
            let rows = part.values.len() / part.columns;
            text.push_str(&part.sql.replace("{rows}", &dialect::values(rows, &same)));
            text.push(';');
            bound.extend(part.values.iter().zip(&same).filter(|(_, same)| **same).map(|(value, _)| *value));
            for row in part.values.chunks_exact(part.columns) {
                bound.extend(row.iter().zip(&same).filter(|(_, same)| !**same).map(|(value, _)| *value));
            }
            let differing = same.iter().filter(|same| !**same).count();
            let padding = (dialect::padded(rows) - rows) * differing;
            bound.extend(std::iter::repeat_n(Value::Integer(None), padding));
        }
        let query = || sqlx::query(AssertSqlSafe(text));
        (!bound.is_empty()).then(|| bound.into_iter().fold(query(), bind))
    })
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
pub(super) mod tests {
    use super::*;
    use crate::store::{Store, Unaudited, attempts, deliveries};

    /// The tables that a statement walks, as SQLite plans it.
    pub(in crate::store) async fn walked(store: &Store, sql: &str) -> Vec<String> {
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
        let goes = |rows: &[i64]| {
            let row = |n| std::array::from_fn::<_, 8, _>(|c| Value::from(i64::try_from(c).unwrap() + n));
            let rows: Vec<Vec<_>> = rows.iter().map(|n| (0..*n).map(row).collect()).collect();
            let statements: Vec<_> = rows.iter().map(|r| Rows::new("{rows}", r)).collect();
            super::goes(&statements).count()
        };
        assert_eq!(goes(&[0]), 0, "nothing to do");
        assert_eq!(goes(&[1, 0, 700]), 1);
        assert_eq!(goes(&[1_000, 400]), 2);
    }

    #[test]
    fn what_is_the_same_in_every_row_travels_once_but_never_the_first_column() {
        let rows = |n: i64| (0..n).flat_map(|i| [Value::from(1), i.into(), "a".into()]).collect::<Vec<_>>();
        assert_eq!(same(&rows(9), 3), [false, false, true]);
        assert_eq!(same(&rows(3), 3), [false; 3], "a few rows are as they are");
    }

    /// A row of a table of the tests: id, number, word, bytes.
    type Stored = (i64, i64, Option<String>, Option<Vec<u8>>);

    /// A table of its own, and what is in it.
    async fn table(store: &Store) -> impl AsyncFn() -> Vec<Stored> {
        let Store::Sqlite { write, .. } = store.clone() else { unreachable!("this is SQLite") };
        let table = "create table t (id integer primary key, n integer not null, w text, b blob) strict";
        sqlx::query(table).execute(&write).await.unwrap();
        async move || sqlx::query_as("select id, n, w, b from t order by id").fetch_all(&write).await.unwrap()
    }

    const INSERT: &str = "insert into t (id, n, w, b) {rows}";
    const CHANGE: &str = "with v (id, n) as ({rows}) update t set n = v.n from v where t.id = v.id";

    #[tokio::test]
    async fn every_value_arrives_in_its_row_and_column_however_many_rows_there_are() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::sqlite(&folder.path().join("rows.db")).await.unwrap();
        let stored = table(&store).await;
        let mut first = 0_i64;
        // Around each size of a text, of a statement and of a go; with words and bytes that are the same in
        // all rows, or nothing, or not.
        for (count, apart) in [(1, 0), (5, 3), (9, 1), (70, 3), (256, 2), (257, 4), (900, 1), (3_000, 3)] {
            let expected: Vec<Stored> = (first..first + count)
                .map(|id| match apart {
                    0 => (id, -id, None, None),
                    1 => (id, -id, Some("w".into()), Some(vec![1])),
                    2 => (id, -id, None, Some(id.to_be_bytes().to_vec())),
                    3 => (id, -id, Some(format!("w{id}")), None),
                    _ => (id, -id, (id % 2 == 0).then(|| "even".into()), Some(vec![])),
                })
                .collect();
            let rows: Vec<[Value<'_>; 4]> = expected
                .iter()
                .map(|(id, _, w, b)| [(*id).into(), 7.into(), w.into(), Value::Bytes(b.as_deref())])
                .collect();
            let changed: Vec<[Value<'_>; 2]> =
                expected.iter().map(|(id, n, ..)| [(*id).into(), (*n).into()]).collect();
            let mut tx = store.begin().await.unwrap();
            tx.run_together(&[Rows::new(INSERT, &rows), Rows::new(CHANGE, &changed)]).await.unwrap();
            tx.commit_unaudited(Unaudited::Look).await.unwrap();
            assert_eq!(
                stored().await.get(usize::try_from(first).unwrap()..),
                Some(&expected[..]),
                "{count} rows"
            );
            first += count;
        }
    }

    #[tokio::test]
    async fn an_error_half_way_is_an_error_and_leaves_nothing() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::sqlite(&folder.path().join("half.db")).await.unwrap();
        let stored = table(&store).await;
        let none = Value::Bytes(None);
        let rows: Vec<[Value<'_>; 4]> = (0..20).map(|id| [id.into(), id.into(), "w".into(), none]).collect();
        let mut twice = rows.clone();
        twice.iter_mut().for_each(|row| row[0] = 99.into());
        for second in [twice, vec![[100.into(), Value::Integer(None), "w".into(), none]]] {
            let mut tx = store.begin().await.unwrap();
            let together = [Rows::new(INSERT, &rows), Rows::new(INSERT, &second)];
            assert!(tx.run_together(&together).await.is_err(), "the second statement is refused");
            drop(tx);
            assert_eq!(stored().await, [], "nothing of the first is kept");
        }
    }

    #[tokio::test]
    async fn a_batch_looks_its_rows_up_and_walks_no_table() {
        let folder = tempfile::TempDir::new().unwrap();
        let store = Store::sqlite(&folder.path().join("plan.db")).await.unwrap();
        for (sql, columns) in [(deliveries::CHANGE, 12), (attempts::SETTLE, 6)] {
            for (rows, alike) in [(1, false), (40, false), (40, true), (CHUNK, false), (CHUNK, true)] {
                let same: Vec<_> = (0..columns).map(|column| alike && column > 0).collect();
                let sql = sql.replace("{rows}", &dialect::values(rows, &same));
                let walked = walked(&store, &sql).await;
                let tables = |t: &String| t.starts_with("deliveries") || t.starts_with("attempts");
                assert!(!walked.iter().any(tables), "{rows} rows: {walked:?}");
            }
        }
        let all = "update deliveries set reason = null where attempts = 3";
        assert_eq!(walked(&store, all).await, ["deliveries"], "a walk is found");
    }
}
