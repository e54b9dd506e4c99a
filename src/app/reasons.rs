//! Why somebody does something, in their own words: the team and the log need it.

use ::channels::text::hidden;

use super::{AppError, Result};

/// Most characters of a reason, a comment or a note beside a decision.
pub const LONGEST: usize = 2_000;

/// A reason as it is kept: not too long, and without what steers a reader's screen. It may be empty.
///
/// # Errors
/// A sentence at that field.
pub(super) fn check(field: &str, text: &str) -> Result<()> {
    if text.chars().count() > LONGEST {
        return Err(AppError::field(field, format!("write at most {LONGEST} characters")));
    }
    match hidden(&text.replace("\r\n", "\n"), true) {
        Some(c) => {
            let words = format!("take out the hidden character {}", c.escape_unicode());
            Err(AppError::field(field, words))
        }
        None => Ok(()),
    }
}
