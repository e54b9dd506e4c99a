//! What a caller can get wrong, in one enum. The web maps it to HTTP in one table.

use serde::{Deserialize, Serialize};

use crate::store::StoreError;

/// The result of every verb.
pub type Result<T> = std::result::Result<T, AppError>;

/// One thing that is wrong with the input, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// The field, as the API names it.
    pub field: String,
    /// A sentence with the remedy.
    pub message: String,
}

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error("the input is not valid")]
    Invalid(Vec<Problem>),
    #[error("there is no {what} {id}")]
    NotFound { what: &'static str, id: String },
    /// No token, or one that does not count.
    #[error("{0}")]
    Unauthorized(String),
    #[error("{0}")]
    Forbidden(String),
    /// The state does not allow it; the sentence says what does.
    #[error("{0}")]
    Conflict(String),
    /// More bytes than are taken; the sentence says how many are.
    #[error("{0}")]
    TooLarge(String),
    /// There is no room at the moment, and the same again may be taken later; the sentence says what
    /// makes room.
    #[error("{0}")]
    Full(String),
    /// Somebody else changed it in the meantime.
    #[error("it was changed in the meantime (version {now}); read it again and repeat the change")]
    Stale { now: i64 },
    /// The database is not the one that this process began with.
    #[error(
        "the database's file was replaced or removed under this process, so nothing is written any more; start it again"
    )]
    Replaced,
    /// Our fault. The cause goes to the log, never to the caller.
    #[error("internal error")]
    Internal(String),
    #[error("internal error")]
    Store(StoreError),
}

impl From<StoreError> for AppError {
    /// Of the database's errors people read the one that they can do something about.
    fn from(e: StoreError) -> Self {
        match e {
            StoreError::Replaced => Self::Replaced,
            e => Self::Store(e),
        }
    }
}

impl AppError {
    /// One wrong field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Problem { field: field.into(), message: message.into() }])
    }

    /// The sentence, and what is wrong with each field.
    pub fn in_full(&self) -> String {
        let Self::Invalid(problems) = self else { return self.to_string() };
        let all: Vec<_> = problems.iter().map(|p| format!("{}: {}", p.field, p.message)).collect();
        all.join("; ")
    }

    /// Nothing of that id.
    pub fn not_found(what: &'static str, id: &str) -> Self {
        Self::NotFound { what, id: id.to_owned() }
    }
}

/// Collects problems, so that a person sees all of them at once.
#[derive(Debug, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(Problem { field: field.into(), message: message.into() });
    }

    /// Notes the problem and goes on without the value.
    pub fn take<T>(&mut self, field: &str, result: std::result::Result<T, String>) -> Option<T> {
        result.map_err(|message| self.add(field, message)).ok()
    }

    /// # Errors
    /// [`AppError::Invalid`] when anything was noted.
    pub fn check(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(AppError::Invalid(self.0)) }
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All that was noted.
    pub fn list(self) -> Vec<Problem> {
        self.0
    }
}
