//! What changes in a person: the name, the roles, and whether they take part.

use serde::{Deserialize, Serialize};

use super::error::Problems;
use super::people::{PersonView, check_name, check_roles};
use super::{Actor, App, AppError, Result};
use crate::domain::audit::Entry;
use crate::domain::role::{self, Right, Role};
use crate::store::people::Person;

/// What may change in a person. Missing fields stay as they are.
#[derive(Debug, Clone, Default, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonEdit {
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub roles: Option<Vec<Role>>,
    /// The roles that were read before. When the person has others by now, nothing is changed.
    #[serde(default)]
    pub had: Option<Vec<Role>>,
    /// Whoever is enabled again gets no token back: invite them.
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// Changes a person. Tokens keep only the roles that the person still has; a role that is added comes
/// with the next invitation. Whoever is enabled again is invited: the tokens from before are revoked.
///
/// # Errors
/// When a field is wrong, there is no such person, the actor would change their own roles, or nobody
/// would be left to administer.
pub async fn edit(app: &App, by: &Actor, id: &str, edit: &PersonEdit) -> Result<PersonView> {
    change(app, by, id, "person.changed", edit).await
}

/// Disables a person: their tokens stop at once.
///
/// # Errors
/// When there is no such person, or it is the actor.
pub async fn disable(app: &App, by: &Actor, id: &str) -> Result<PersonView> {
    change(app, by, id, "person.disabled", &PersonEdit { enabled: Some(false), ..PersonEdit::default() })
        .await
}

async fn change(app: &App, by: &Actor, id: &str, verb: &str, edit: &PersonEdit) -> Result<PersonView> {
    by.need(Right::Administer)?;
    if by.id == id && edit.enabled == Some(false) {
        return Err(AppError::Conflict("nobody disables themselves; ask another administrator".into()));
    }
    if by.id == id && edit.roles.is_some() {
        return Err(AppError::Conflict("nobody changes their own roles; ask another administrator".into()));
    }
    let mut tx = app.store().begin().await?;
    let mut all = tx.people().await?;
    let person = all.iter_mut().find(|p| p.id == id).ok_or_else(|| AppError::not_found("person", id))?;
    let before = PersonView::from(person.clone());
    if edit.had.as_ref().is_some_and(|had| role::list(had) != person.roles) {
        return Err(AppError::Conflict("somebody changed the roles meanwhile; read them again".into()));
    }
    let mut problems = Problems::default();
    if let Some(name) = &edit.name {
        check_name(name, &mut problems);
        name.trim().clone_into(&mut person.name);
    }
    if let Some(roles) = &edit.roles {
        check_roles(roles, &mut problems);
        person.roles = role::list(roles);
    }
    problems.check()?;
    match (edit.enabled, person.disabled_at) {
        (Some(false), None) => {
            person.disabled_at = Some(app.now());
            tx.end_sessions(id, app.now()).await?;
        }
        (Some(true), None) => {
            return Err(AppError::Conflict("this person is not disabled; invite them again instead".into()));
        }
        (Some(true), Some(_)) => {
            person.disabled_at = None;
            tx.delete_login(id).await?;
            tx.revoke_tokens(id, app.now()).await?;
            tx.delete_invitation(id).await?;
        }
        _ => {}
    }
    let view = PersonView::from(person.clone());
    tx.update_person(person).await?;
    // Two administrators who disable each other at the same moment come here one after the other.
    if !all.iter().any(administers) {
        return Err(AppError::Conflict("this is the last administrator; make another one first".into()));
    }
    let entry = Entry::new(verb, &format!("person:{id}")).before(&before).after(&view);
    app.commit(tx, by, &[entry], &[]).await?;
    Ok(view)
}

/// Whether this person can look after people, channels and settings.
pub(super) fn administers(person: &Person) -> bool {
    person.disabled_at.is_none() && role::parse_list(&person.roles).contains(&Role::Administrator)
}
