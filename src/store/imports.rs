//! Imports of all rows or none: rows that wait until the whole is decided.

use sqlx::FromRow;

use super::rows::Value;
use super::{Result, Store, Tx, on, read};
use crate::clock::Millis;

/// A row of `imports`.
#[derive(Debug, Clone, FromRow)]
pub struct Import {
    pub id: String,
    pub person_id: String,
    pub origin: String,
    /// All rows are good and will become posts; otherwise they are still coming in.
    pub decided: bool,
    pub touched_at: Millis,
}

impl Store {
    /// Imports that nobody has worked on since that instant.
    pub async fn left_imports(&self, before: Millis) -> Result<Vec<Import>> {
        const SQL: &str = "select * from imports where touched_at < $1 order by id limit 100";
        Ok(read!(self, |c| sqlx::query_as(SQL).bind(before).fetch_all(c).await?))
    }
}

impl Tx {
    pub async fn insert_import(&mut self, i: &Import) -> Result<()> {
        const SQL: &str = "insert into imports (id, person_id, origin, decided, touched_at)
            values ($1, $2, $3, $4, $5)";
        on!(self, |c| sqlx::query(SQL)
            .bind(&i.id)
            .bind(&i.person_id)
            .bind(&i.origin)
            .bind(i.decided)
            .bind(i.touched_at)
            .execute(c)
            .await
            .map(drop)?);
        Ok(())
    }

    /// Keeps the import for this change and notes that somebody works on it; whether it is there.
    pub async fn touch_import(&mut self, id: &str, decided: bool, at: Millis) -> Result<bool> {
        const SQL: &str = "update imports set touched_at = $3 where id = $1 and decided = $2";
        let rows =
            on!(self, |c| sqlx::query(SQL).bind(id).bind(decided).bind(at).execute(c).await?.rows_affected());
        Ok(rows == 1)
    }

    pub async fn decide_import(&mut self, id: &str) -> Result<()> {
        const SQL: &str = "update imports set decided = $2 where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).bind(true).execute(c).await.map(drop)?);
        Ok(())
    }

    /// Adds rows, numbered from `first`.
    pub async fn insert_import_rows(&mut self, id: &str, first: i64, rows: &[String]) -> Result<()> {
        const SQL: &str = "insert into import_rows (import_id, number, built) {rows}";
        let numbered = (first..).zip(rows);
        let rows: Vec<[Value<'_>; 3]> =
            numbered.map(|(number, built)| [id.into(), number.into(), built.into()]).collect();
        self.run_rows(SQL, &rows).await?;
        Ok(())
    }

    /// The first rows that are left, with their numbers.
    pub async fn import_rows(&mut self, id: &str, limit: i64) -> Result<Vec<(i64, String)>> {
        const SQL: &str =
            "select number, built from import_rows where import_id = $1 order by number limit $2";
        Ok(on!(self, |c| sqlx::query_as(SQL).bind(id).bind(limit).fetch_all(c).await?))
    }

    /// Takes away up to `limit` rows from the beginning; how many they were.
    pub async fn delete_import_rows(&mut self, id: &str, limit: i64) -> Result<u64> {
        const SQL: &str = "delete from import_rows where import_id = $1 and number in
            (select number from import_rows where import_id = $1 order by number limit $2)";
        Ok(on!(self, |c| sqlx::query(SQL).bind(id).bind(limit).execute(c).await?.rows_affected()))
    }

    pub async fn delete_import(&mut self, id: &str) -> Result<()> {
        const SQL: &str = "delete from imports where id = $1";
        on!(self, |c| sqlx::query(SQL).bind(id).execute(c).await.map(drop)?);
        Ok(())
    }
}
