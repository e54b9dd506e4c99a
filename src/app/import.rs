//! Import of many posts as a stream of lines, each with its own errors.

use serde::Serialize;

use super::error::Problem;
use super::posts::{self, Built, Directory, NewPost};
use super::{Actor, App, AppError, Result};
use crate::domain::role::Right;

/// Most rows of one import.
pub const MAX_ROWS: usize = 100_000;
/// Most bytes of one row.
const MAX_LINE: usize = 256 * 1024;
/// Most errors that are listed; the rest is counted.
const MAX_ERRORS: usize = 1_000;
/// Rows in one change, when the import is not all or nothing.
const BATCH: usize = 500;

/// What an import did.
#[derive(Debug, Clone, Default, Serialize, utoipa::ToSchema)]
pub struct Imported {
    pub created: usize,
    pub failed: usize,
    pub errors: Vec<RowError>,
}

impl Imported {
    /// Every problem with its row, for an import that wrote nothing.
    pub fn problems(self) -> Vec<Problem> {
        let of_row = |e: RowError| {
            let row = e.row;
            e.problems.into_iter().map(move |p| Problem { field: format!("row {row}: {}", p.field), ..p })
        };
        self.errors.into_iter().flat_map(of_row).collect()
    }
}

/// What is wrong with one row.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct RowError {
    /// Counted from 1.
    pub row: usize,
    pub problems: Vec<Problem>,
}

/// Takes bytes as they come and writes posts.
pub struct Importer<'a> {
    app: &'a App,
    by: &'a Actor,
    atomic: bool,
    directory: Directory,
    rest: Vec<u8>,
    rows: usize,
    waiting: Vec<Built>,
    result: Imported,
}

impl<'a> Importer<'a> {
    /// # Errors
    /// When the actor may not write.
    pub async fn new(app: &'a App, by: &'a Actor, atomic: bool) -> Result<Self> {
        by.need(Right::Write)?;
        let directory = Directory::read(app).await?;
        let result = Imported::default();
        Ok(Self { app, by, atomic, directory, rest: Vec::new(), rows: 0, waiting: Vec::new(), result })
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    /// When there are too many rows, a row is too long, or the database refuses.
    pub async fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        self.rest.extend_from_slice(bytes);
        let mut start = 0;
        while let Some(end) = self.rest[start..].iter().position(|b| *b == b'\n') {
            let line = self.rest[start..start + end].to_vec();
            self.row(&line)?;
            start += end + 1;
        }
        self.rest.drain(..start);
        if self.rest.len() > MAX_LINE {
            return Err(AppError::field("body", format!("a row is longer than {MAX_LINE} bytes")));
        }
        if !self.atomic && self.waiting.len() >= BATCH {
            self.write().await?;
        }
        Ok(())
    }

    /// Takes the last row and writes what waits. All or nothing: with any error nothing is written.
    ///
    /// # Errors
    /// When the database refuses.
    pub async fn finish(mut self) -> Result<Imported> {
        let last = std::mem::take(&mut self.rest);
        self.row(&last)?;
        if !self.atomic || self.result.failed == 0 {
            self.write().await?;
        }
        Ok(self.result)
    }

    fn row(&mut self, line: &[u8]) -> Result<()> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        self.rows += 1;
        if self.rows > MAX_ROWS {
            return Err(AppError::field("body", format!("has more than {MAX_ROWS} rows; send it in parts")));
        }
        let built = serde_json::from_slice::<NewPost>(line)
            .map_err(|e| AppError::field("row", e.to_string()))
            .and_then(|new| posts::build(self.app, self.by, &new, &self.directory));
        match built {
            Ok(built) => self.waiting.push(built),
            Err(AppError::Invalid(problems)) => {
                self.result.failed += 1;
                if self.result.errors.len() < MAX_ERRORS {
                    self.result.errors.push(RowError { row: self.rows, problems });
                }
            }
            Err(other) => return Err(other),
        }
        Ok(())
    }

    async fn write(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.waiting);
        let count = batch.len();
        if count > 0 {
            posts::insert(self.app, self.by, batch).await?;
            self.result.created += count;
        }
        Ok(())
    }
}
