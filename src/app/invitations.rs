//! How a person gets their first token: by a one-time invitation, so that nobody else ever holds it.

use secrecy::{ExposeSecret, SecretString};

use super::membership::administers;
use super::people::{PersonView, fresh, hash, token_row};
use super::{Actor, App, AppError, Result};
use crate::clock::{Millis, rfc3339};
use crate::domain::audit::Entry;
use crate::domain::role::{self, Right};
use crate::store::Tx;
use crate::store::people::{Invitation, Person};

/// How long an invitation can be used: seven days.
const HOLDS: Millis = 7 * 86_400_000;

/// A person who was invited, and the invitation: shown this once.
#[derive(Debug)]
pub struct Invited {
    pub person: PersonView,
    pub secret: SecretString,
    pub expires_at: String,
}

/// Writes a new invitation in place of an earlier one; the secret, its end, and the log's entry.
pub(super) async fn write(
    app: &App,
    tx: &mut Tx,
    by: &Actor,
    person: &str,
    revoked: u64,
) -> Result<(SecretString, String, Entry)> {
    let secret = fresh("hli");
    let row = Invitation {
        person_id: person.to_owned(),
        hash: hash(secret.expose_secret()),
        invited_by: by.id.clone(),
        created_at: app.now(),
        expires_at: app.now() + HOLDS,
    };
    tx.put_invitation(&row).await?;
    let until = rfc3339(row.expires_at);
    let entry = Entry::new("person.invited", &format!("person:{person}"))
        .after(&serde_json::json!({"expires_at": until, "tokens_revoked": revoked}));
    Ok((secret, until, entry))
}

/// Invites a person again. The earlier invitation and every token of that person stop at once: whoever
/// would use this to act as somebody else locks them out, and the log says who did it.
///
/// # Errors
/// When there is no such person, they are disabled, or it is the actor.
pub async fn again(app: &App, by: &Actor, person: &str) -> Result<Invited> {
    by.need(Right::Administer)?;
    if by.id == person {
        return Err(AppError::Conflict(
            "nobody invites themselves; make another token, or ask another administrator".into(),
        ));
    }
    let row = app.store().person(person).await?.ok_or_else(|| AppError::not_found("person", person))?;
    if row.disabled_at.is_some() {
        return Err(AppError::Conflict(format!("{} is disabled", row.name)));
    }
    replace(app, by, row).await
}

/// Invites an administrator who lost their token, at the machine itself: nobody else may be left.
///
/// # Errors
/// When no enabled administrator has that address.
pub async fn recover(app: &App, email: &str) -> Result<Invited> {
    let administrators: Vec<_> = app.store().people().await?.into_iter().filter(administers).collect();
    let known = administrators.iter().map(|p| p.email.as_str()).collect::<Vec<_>>().join(", ");
    let email = email.trim().to_lowercase();
    let row = administrators.into_iter().find(|p| p.email == email);
    let unknown = || format!("no administrator has this address; those who can be invited: {known}");
    replace(app, &Actor::local(), row.ok_or_else(|| AppError::Conflict(unknown()))?).await
}

/// An invitation in place of all that the person had.
async fn replace(app: &App, by: &Actor, row: Person) -> Result<Invited> {
    let mut tx = app.store().begin().await?;
    let revoked = tx.revoke_tokens(&row.id, app.now()).await?;
    tx.end_sessions(&row.id, app.now()).await?;
    tx.delete_login(&row.id).await?;
    let (secret, expires_at, entry) = write(app, &mut tx, by, &row.id, revoked).await?;
    app.commit(tx, by, &[entry], &[]).await?;
    tracing::warn!(
        person = row.id,
        by = by.id,
        revoked,
        "a person was invited again; their tokens are revoked"
    );
    Ok(Invited { person: row.into(), secret, expires_at })
}

/// Invites the actor to the console: for whoever joined with the command line. What they have stays.
///
/// # Errors
/// When the actor's token is limited to some of their roles, or they can sign in already.
pub async fn to_console(app: &App, by: &Actor) -> Result<Invited> {
    let row = app.store().person(&by.id).await?.ok_or_else(|| AppError::not_found("person", &by.id))?;
    // A sign-in has all roles of the person: a token that was limited does not become one.
    if role::parse_list(&row.roles).iter().any(|r| !by.roles.contains(r)) {
        return Err(AppError::Forbidden(
            "this token is limited to some of your roles; use one that has them all".into(),
        ));
    }
    // A token must not replace a password and a second factor: an administrator invites again.
    if app.store().login(&by.id).await?.is_some() {
        return Err(AppError::Conflict(
            "you have a sign-in for the console already; if it is lost, an administrator invites you again"
                .into(),
        ));
    }
    let mut tx = app.store().begin().await?;
    let (secret, expires_at, entry) = write(app, &mut tx, by, &by.id, 0).await?;
    app.commit(tx, by, &[entry], &[]).await?;
    Ok(Invited { person: row.into(), secret, expires_at })
}

/// Makes the first token of the one who was invited. The invitation is used up.
///
/// # Errors
/// [`AppError::Unauthorized`], the same for every reason.
pub async fn accept(app: &App, invitation: &str, origin: &str) -> Result<(PersonView, SecretString)> {
    let mut tx = app.store().begin().await?;
    let (person, by) = take(app, &mut tx, invitation, origin).await?;
    let (token, secret) = token_row(app, &by.id, "first", &by.roles, None);
    tx.insert_token(&token).await?;
    let entry = Entry::new("person.joined", &format!("person:{}", by.id))
        .after(&super::people::TokenView::from(token));
    app.commit(tx, &by, &[entry], &[]).await?;
    Ok((person.into(), secret))
}

/// Uses an invitation up in an open change; who it was for.
pub(super) async fn take(
    app: &App,
    tx: &mut Tx,
    invitation: &str,
    origin: &str,
) -> Result<(crate::store::people::Person, Actor)> {
    let id = tx.take_invitation(&hash(invitation), app.now()).await?.ok_or_else(refused)?;
    let person = tx.person(&id).await?.filter(|p| p.disabled_at.is_none()).ok_or_else(refused)?;
    let roles = role::parse_list(&person.roles);
    let by = Actor { id, name: person.name.clone(), roles, origin: origin.into() };
    Ok((person, by))
}

/// Whom an invitation is for, without using it up.
///
/// # Errors
/// [`AppError::Unauthorized`], the same for every reason.
pub async fn look(app: &App, invitation: &str) -> Result<PersonView> {
    let row = app.store().invitation_by_hash(&hash(invitation)).await?;
    let row = row.filter(|i| i.expires_at > app.now()).ok_or_else(refused)?;
    let person = app.store().person(&row.person_id).await?.filter(|p| p.disabled_at.is_none());
    Ok(person.ok_or_else(refused)?.into())
}

fn refused() -> AppError {
    AppError::Unauthorized(
        "the invitation is not known, was used or has expired; ask an administrator for a new one".into(),
    )
}
