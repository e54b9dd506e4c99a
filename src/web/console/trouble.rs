//! What was wrong with a form, for its page to show.

use crate::app::{AppError, Result};

/// What was wrong with a form, or with a request.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    /// Sentences about the whole, in English.
    pub general: Vec<String>,
    /// Field and sentence.
    pub fields: Vec<(String, String)>,
}

impl Trouble {
    /// One wrong field.
    pub fn field(field: &str, message: String) -> Self {
        Self { general: Vec::new(), fields: vec![(field.to_owned(), message)] }
    }

    /// What people read of an error. What is our fault stays in the log.
    pub fn of(e: &AppError) -> Self {
        match e {
            AppError::Invalid(problems) => Self {
                general: Vec::new(),
                fields: problems.iter().map(|p| (p.field.clone(), p.message.clone())).collect(),
            },
            other => Self { general: vec![other.to_string()], fields: Vec::new() },
        }
    }

    /// A form is shown again for what people can mend; everything else is an error page.
    ///
    /// # Errors
    /// The error, when it is not about what was typed.
    pub fn mendable(e: AppError) -> Result<Self> {
        match e {
            AppError::Invalid(_)
            | AppError::Conflict(_)
            | AppError::Forbidden(_)
            | AppError::Unauthorized(_)
            | AppError::Stale { .. } => Ok(Self::of(&e)),
            other => Err(other),
        }
    }

    /// With what the service says of one field said of another: the form calls it so.
    pub fn renamed(mut self, from: &str, to: &str) -> Self {
        for (name, _) in self.fields.iter_mut().filter(|(name, _)| name == from) {
            to.clone_into(name);
        }
        self
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.general.is_empty() && self.fields.is_empty()
    }

    /// Whether one of its sentences begins so.
    pub fn says(&self, beginning: &str) -> bool {
        self.general.iter().any(|s| s.starts_with(beginning))
    }

    /// What is wrong with a field of that name; lists and parts of it count too.
    pub fn at(&self, field: &str) -> Vec<&str> {
        let is = |name: &str| {
            name == field || name.strip_prefix(field).is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        self.fields.iter().filter(|(name, _)| is(name)).map(|(_, message)| message.as_str()).collect()
    }

    /// What is wrong and belongs to none of these fields.
    pub fn elsewhere(&self, shown: &[&str]) -> Vec<String> {
        let mine = |name: &str| shown.iter().any(|f| *f == name || name.starts_with(&format!("{f}.")));
        let rest = self.fields.iter().filter(|(name, _)| !mine(name));
        self.general.iter().cloned().chain(rest.map(|(n, m)| format!("{}: {m}", in_words(bare(n))))).collect()
    }
}

/// The name of a field without what it is part of.
pub fn bare(field: &str) -> &str {
    let field = field.strip_prefix("post.").unwrap_or(field);
    field.strip_prefix("source.").unwrap_or(field)
}

/// The names of the service for what forms call otherwise, where a form has no place beside a field.
const IN_WORDS: &[(&str, &str)] = &[
    ("adopt", "The freeze to go on with"),
    ("at", "Time"),
    ("comment", "Comment"),
    ("corrects", "The post to correct"),
    ("deliveries", "Posts"),
    ("due", "Time"),
    ("freeze_too", "The freeze of everything"),
    ("incident", "The incident"),
    ("label", "Label"),
    ("labels", "Labels"),
    ("note", "Note"),
    ("playbook", "The plan"),
    ("promise", "The next word"),
    ("reason", "Reason"),
    ("recurrence", "Repetition"),
    ("revises", "The post to change"),
    ("scope.brands", "Brands"),
    ("scope.channels", "Channels"),
    ("severity", "Severity"),
    ("signal", "The signal"),
    ("source", "Text"),
    ("text", "Text"),
    ("title", "Title"),
    ("url", "Address"),
    ("valid_until", "Not after"),
    ("why", "Reason"),
    ("word", "The word to type"),
    ("zone", "Time zone"),
];

/// A field in the words of the forms; one that stands in no list has its own name.
fn in_words(field: &str) -> &str {
    IN_WORDS.iter().find(|(name, _)| *name == field).map_or(field, |(_, words)| words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::errors::status;

    #[test]
    fn a_database_that_was_replaced_is_no_fault_of_what_was_typed() {
        assert_eq!(status(&AppError::Replaced), 409);
        let told = Trouble::mendable(AppError::Replaced).expect_err("a form cannot mend it");
        assert!(told.to_string().ends_with("start it again"));
    }
}
