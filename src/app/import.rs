//! Import of many posts as a stream of lines, each with its own errors.

use serde::Serialize;

use super::compose::{self, Built, Directory};
use super::error::Problem;
use super::posts::{self, NewPost};
use super::staging::Stage;
use super::{Actor, App, AppError, Result};
use crate::domain::nul;
use crate::domain::role::Right;

/// Most rows of one import.
pub const MAX_ROWS: usize = 100_000;
/// Most bytes of one row.
const MAX_LINE: usize = 256 * 1024;
/// Most errors that are listed; the rest is counted.
const MAX_ERRORS: usize = 1_000;
/// Rows in one change: others wait no longer than for these.
const BATCH: usize = 250;

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

/// Takes bytes as they come and writes posts. Memory holds one batch, however long the body is.
pub struct Importer<'a> {
    app: &'a App,
    by: &'a Actor,
    atomic: bool,
    directory: Directory,
    /// The row that has no end yet.
    rest: Vec<u8>,
    too_long: bool,
    rows: usize,
    waiting: Vec<Built>,
    /// The row that the first one of `waiting` came from.
    waits_from: usize,
    stage: Option<Stage>,
    /// Nothing more is taken; the errors say why.
    stopped: bool,
    result: Imported,
}

impl<'a> Importer<'a> {
    /// # Errors
    /// When the actor may not write.
    pub async fn new(app: &'a App, by: &'a Actor, atomic: bool) -> Result<Self> {
        by.need(Right::Write)?;
        Ok(Self {
            app,
            by,
            atomic,
            directory: Directory::read(app).await?,
            rest: Vec::new(),
            too_long: false,
            rows: 0,
            waiting: Vec::new(),
            waits_from: 0,
            stage: None,
            stopped: false,
            result: Imported::default(),
        })
    }

    /// Takes the next bytes of the body.
    ///
    /// # Errors
    /// When the database refuses and nothing was written yet.
    pub async fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            if self.stopped {
                return Ok(());
            }
            let line = part.strip_suffix(b"\n");
            let content = line.unwrap_or(part);
            self.too_long |= self.rest.len() + content.len() > MAX_LINE;
            if !self.too_long {
                self.rest.extend_from_slice(content);
            }
            if line.is_some() {
                self.end_row().await?;
                if self.waiting.len() >= BATCH {
                    self.write().await?;
                }
            }
        }
        Ok(())
    }

    /// The body broke off: what follows was never seen.
    pub fn broke_off(&mut self) {
        self.rest.clear();
        self.too_long = false;
        self.stop("the body broke off here".into());
    }

    /// Takes the last row and writes what waits. All or nothing: with any error nothing is written.
    ///
    /// # Errors
    /// When the database refuses and nothing was written yet.
    pub async fn finish(mut self) -> Result<Imported> {
        if !self.stopped {
            self.end_row().await?;
        }
        if !self.atomic || self.stage.is_some() {
            self.write().await?;
        }
        match self.stage.take() {
            Some(stage) if self.result.failed > 0 => stage.drop(self.app).await?,
            Some(stage) => self.result.created = stage.keep(self.app, self.by).await?,
            // A short one fits into one change.
            None if self.atomic && self.result.failed == 0 => {
                self.result.created = self.insert().await?;
            }
            None => {}
        }
        Ok(self.result)
    }

    async fn end_row(&mut self) -> Result<()> {
        let (line, too_long) = (std::mem::take(&mut self.rest), std::mem::take(&mut self.too_long));
        if !too_long && line.iter().all(u8::is_ascii_whitespace) {
            return Ok(());
        }
        if self.rows == MAX_ROWS {
            self.stop(format!("an import has at most {MAX_ROWS} rows; send the rest in another"));
            return Ok(());
        }
        self.rows += 1;
        let parsed = if too_long {
            Err(AppError::field("row", format!("is longer than {MAX_LINE} bytes")))
        } else if nul::in_json(&line) {
            Err(AppError::field("row", nul::WORDS))
        } else {
            serde_json::from_slice::<NewPost>(&line).map_err(|e| AppError::field("row", e.to_string()))
        };
        let parsed = parsed.and_then(|new| match new.revises {
            None => Ok(new),
            // Each is a decision about one post that is out.
            Some(_) => Err(AppError::field(
                "revises",
                "an import brings new posts only; change the words of one at a time",
            )),
        });
        let built = match parsed {
            Ok(new) => {
                self.directory.look_up(self.app, &new).await?;
                compose::build(self.app, self.by, &new, &self.directory)
            }
            Err(e) => Err(e),
        };
        match built {
            Ok(built) => {
                if self.waiting.is_empty() {
                    self.waits_from = self.rows;
                }
                self.waiting.push(built);
            }
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

    /// Takes nothing more, and says why at the row where it stops.
    fn stop(&mut self, why: String) {
        self.stopped = true;
        self.result.failed += 1;
        let problems = vec![Problem { field: "body".into(), message: why }];
        self.result.errors.push(RowError { row: self.rows + 1, problems });
    }

    /// Writes the batch that waits, or puts it aside until the whole is decided.
    async fn write(&mut self) -> Result<()> {
        if self.atomic {
            let batch = std::mem::take(&mut self.waiting);
            if self.result.failed > 0 || batch.is_empty() {
                return Ok(());
            }
            let stage = match &mut self.stage {
                Some(stage) => stage,
                none => none.insert(Stage::open(self.app, self.by).await?),
            };
            return stage.add(self.app, &batch).await;
        }
        match self.insert().await {
            Ok(created) => self.result.created += created,
            Err(e) if self.result.created > 0 => {
                // The answer still says how far it went.
                tracing::error!(error = %e, cause = ?e, "an import stops half-way");
                self.rows = self.waits_from - 1;
                self.stop("an internal error; this row and those after it were not written".into());
            }
            Err(e) => return Err(e),
        }
        Ok(())
    }

    async fn insert(&mut self) -> Result<usize> {
        let batch = std::mem::take(&mut self.waiting);
        let count = batch.len();
        if count > 0 {
            posts::insert(self.app, self.by, batch).await?;
        }
        Ok(count)
    }
}
