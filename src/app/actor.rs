//! Who acts, and what they may do.

use super::error::{AppError, Result};
use crate::domain::role::{Right, Role};

/// Somebody who acts: a person through a token, or a node of the service itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// The person's id, or `node:ID`.
    pub id: String,
    pub name: String,
    pub roles: Vec<Role>,
    /// From where: an address, `service`, or `local`.
    pub origin: String,
}

impl Actor {
    /// The service itself, on that node.
    pub fn service(node: &str) -> Self {
        Self {
            id: format!("node:{node}"),
            name: "the service".into(),
            roles: Vec::new(),
            origin: "service".into(),
        }
    }

    /// Whoever is at the machine, holds the data folder and the instance key, and has no token.
    pub fn local() -> Self {
        Self { id: "local".into(), name: "local".into(), roles: Vec::new(), origin: "local".into() }
    }

    /// Whether any of the roles includes the right.
    pub fn may(&self, right: Right) -> bool {
        self.roles.iter().any(|r| r.may(right))
    }

    /// Goes on only when the actor may.
    ///
    /// # Errors
    /// Names the right that is missing.
    pub fn need(&self, right: Right) -> Result<()> {
        if self.may(right) {
            return Ok(());
        }
        Err(AppError::Forbidden(format!(
            "{} may not do this: it needs the right to {}. Ask an administrator for the role.",
            self.name,
            format!("{right:?}").to_lowercase()
        )))
    }
}
