//! People, tokens and the first start.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::error::Problems;
use super::invitations::{self, Invited};
use super::{Actor, App, AppError, Result};
use crate::clock::{Millis, rfc3339};
use crate::domain::Word;
use crate::domain::audit::Entry;
use crate::domain::role::{self, Right, Role};
use crate::store::people::{Person, Token};
use crate::store::{Tx, Unaudited};

/// What the settings begin with whose names end with the hash of a set-up token.
const SETUP: &str = "setup_token ";

/// A person as the API shows them.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct PersonView {
    pub id: String,
    pub name: String,
    pub email: String,
    pub roles: Vec<Role>,
    pub created_at: String,
    pub disabled_at: Option<String>,
}

impl From<Person> for PersonView {
    fn from(p: Person) -> Self {
        Self {
            roles: role::parse_list(&p.roles),
            id: p.id,
            name: p.name,
            email: p.email,
            created_at: rfc3339(p.created_at),
            disabled_at: p.disabled_at.map(rfc3339),
        }
    }
}

/// A new person.
#[derive(Debug, Clone, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPerson {
    pub name: String,
    pub email: String,
    pub roles: Vec<Role>,
}

/// A new token.
#[derive(Debug, Clone, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for, in the person's words.
    pub label: String,
    /// Limits the token to these of the person's roles; empty: all of them.
    #[serde(default)]
    pub roles: Vec<Role>,
    /// Days that it is valid; nothing: until revoked.
    #[serde(default)]
    pub days: Option<u32>,
}

/// A token as the API shows it: never the token itself.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct TokenView {
    pub id: String,
    pub label: String,
    pub roles: Vec<Role>,
    pub created_at: String,
    pub expires_at: Option<String>,
    pub revoked_at: Option<String>,
}

impl From<Token> for TokenView {
    fn from(t: Token) -> Self {
        Self {
            id: t.id,
            label: t.label,
            roles: role::parse_list(&t.scopes),
            created_at: rfc3339(t.created_at),
            expires_at: t.expires_at.map(rfc3339),
            revoked_at: t.revoked_at.map(rfc3339),
        }
    }
}

/// Makes a one-time token of the first start, when nobody is there yet. It is returned once and only
/// its hash is kept. Every node of a fresh database makes its own, and so does a later start; the
/// first one that is used ends them all.
///
/// # Errors
/// The database's own.
pub async fn first_start(app: &App) -> Result<Option<SecretString>> {
    let mut tx = app.store().begin().await?;
    if tx.count_people().await? > 0 {
        return Ok(None);
    }
    let token = fresh("hls");
    tx.set_setting(&set_up_name(token.expose_secret()), "1").await?;
    tx.commit_unaudited(Unaudited::FirstStart).await?;
    Ok(Some(token))
}

/// Makes the first administrator with the one-time token; the token is used up.
///
/// # Errors
/// When the token is wrong or somebody is there already.
pub async fn set_up(
    app: &App,
    token: &str,
    new: &NewPerson,
    origin: &str,
) -> Result<(PersonView, SecretString)> {
    let (mut tx, by, entry) = first_person(app, token, new, origin).await?;
    let (row, secret) = token_row(app, &by.id, "set-up", &new.roles, None);
    tx.insert_token(&row).await?;
    let view =
        PersonView::from(tx.person(&by.id).await?.ok_or_else(|| AppError::not_found("person", &by.id))?);
    app.commit(tx, &by, &[entry], &[]).await?;
    Ok((view, secret))
}

/// Whether the one-time token of the first start is right.
pub(super) async fn check_set_up(app: &App, token: &str) -> Result<()> {
    if app.store().setting(&set_up_name(token)).await?.is_some() {
        return Ok(());
    }
    Err(AppError::Unauthorized(
        "the set-up token is not right or was used; the service prints a new one when it starts without people"
            .into(),
    ))
}

/// Writes the first administrator into a change; the one-time token is used up.
pub(super) async fn first_person(
    app: &App,
    token: &str,
    new: &NewPerson,
    origin: &str,
) -> Result<(Tx, Actor, Entry)> {
    check_set_up(app, token).await?;
    check_person(new)?;
    // Two at the same moment come one after the other, and the second finds somebody there.
    let mut tx = app.store().begin_exclusive().await?;
    if tx.count_people().await? > 0 {
        return Err(AppError::Conflict("this installation is set up already".into()));
    }
    tx.delete_settings(SETUP).await?;
    let person = row(app, new);
    tx.insert_person(&person).await?;
    let by = Actor {
        id: person.id.clone(),
        name: person.name.clone(),
        roles: new.roles.clone(),
        origin: origin.into(),
    };
    let entry = Entry::new("person.created", &format!("person:{}", person.id))
        .after(&PersonView::from(person))
        .note("first set-up");
    Ok((tx, by, entry))
}

/// Adds a person, who gets their first token with the invitation.
///
/// # Errors
/// When a field is wrong, the address is taken, or the actor is no administrator.
pub async fn create(app: &App, by: &Actor, new: &NewPerson) -> Result<Invited> {
    by.need(Right::Administer)?;
    check_person(new)?;
    let mut tx = app.store().begin().await?;
    let person = row(app, new);
    tx.insert_person(&person).await.map_err(|e| {
        if e.is_duplicate() {
            AppError::field(
                "email",
                "this address is taken by another person; one who is disabled can be enabled again",
            )
        } else {
            e.into()
        }
    })?;
    let (secret, expires_at, invited) = invitations::write(app, &mut tx, by, &person.id, 0).await?;
    let person = PersonView::from(person);
    let created = Entry::new("person.created", &format!("person:{}", person.id)).after(&person);
    app.commit(tx, by, &[created, invited], &[]).await?;
    Ok(Invited { person, secret, expires_at })
}

/// Lists the people.
///
/// # Errors
/// The database's own.
pub async fn list(app: &App, by: &Actor) -> Result<Vec<PersonView>> {
    by.need(Right::Read)?;
    Ok(app.store().people().await?.into_iter().map(PersonView::from).collect())
}

/// Makes a token for the actor. Nobody makes one for somebody else: they could act under that name.
///
/// # Errors
/// When it is for another person, or a role is asked for that the actor's own token does not have.
pub async fn create_token(
    app: &App,
    by: &Actor,
    person: &str,
    new: &NewToken,
) -> Result<(TokenView, SecretString)> {
    if by.id != person {
        return Err(AppError::Forbidden(
            "everybody makes their own tokens; an administrator can invite a person again".into(),
        ));
    }
    // A token that was limited cannot make one that is not.
    let has = &by.roles;
    let mut problems = Problems::default();
    if new.label.trim().is_empty() {
        problems.add("label", "say what the token is for");
    }
    for r in new.roles.iter().filter(|r| !has.contains(r)) {
        problems.add("roles", format!("your token does not have the role {}", r.word()));
    }
    problems.check()?;
    let roles = if new.roles.is_empty() { has } else { &new.roles };
    let (row, secret) = token_row(app, person, &new.label, roles, new.days);
    let mut tx = app.store().begin().await?;
    tx.insert_token(&row).await?;
    let view = TokenView::from(row);
    let entry = Entry::new("token.created", &format!("person:{person}")).after(&view);
    app.commit(tx, by, &[entry], &[]).await?;
    Ok((view, secret))
}

/// Lists a person's tokens.
///
/// # Errors
/// When the actor is neither that person nor an administrator.
pub async fn tokens(app: &App, by: &Actor, person: &str) -> Result<Vec<TokenView>> {
    if by.id != person {
        by.need(Right::Administer)?;
    }
    Ok(app.store().tokens(person).await?.into_iter().map(TokenView::from).collect())
}

/// Revokes a token of a person; the token as it is then.
///
/// # Errors
/// When there is no such token, or it was revoked or has expired before.
pub async fn revoke_token(app: &App, by: &Actor, person: &str, id: &str) -> Result<TokenView> {
    if by.id != person {
        by.need(Right::Administer)?;
    }
    let now = app.now();
    let token = token(app, person, id).await?;
    if let Some(at) = token.expires_at.filter(|at| *at <= now && token.revoked_at.is_none()) {
        let at = rfc3339(at);
        return Err(AppError::Conflict(format!(
            "this token expired at {at}: it counts no more, nothing was changed"
        )));
    }
    let mut tx = app.store().begin().await?;
    if !tx.revoke_token(id, now).await? {
        drop(tx);
        // Whoever was first has ended it by now.
        let at = rfc3339(self::token(app, person, id).await?.revoked_at.unwrap_or(now));
        return Err(AppError::Conflict(format!(
            "this token was revoked before, at {at}: it counts no more, nothing was changed"
        )));
    }
    let entry = Entry::new("token.revoked", &format!("person:{person}")).note(id);
    app.commit(tx, by, &[entry], &[]).await?;
    Ok(Token { revoked_at: Some(now), ..token }.into())
}

async fn token(app: &App, person: &str, id: &str) -> Result<Token> {
    let found = app.store().tokens(person).await?.into_iter().find(|t| t.id == id);
    found.ok_or_else(|| AppError::not_found("token", id))
}

/// Who holds this token.
///
/// # Errors
/// [`AppError::Unauthorized`], the same for every reason.
pub async fn authenticate(app: &App, token: &str, origin: &str) -> Result<Actor> {
    let refused = || AppError::Unauthorized("the token is not known, has expired or was revoked".into());
    let row = app.store().token_by_hash(&hash(token)).await?.ok_or_else(refused)?;
    if row.revoked_at.is_some() || row.expires_at.is_some_and(|at| at <= app.now()) {
        return Err(refused());
    }
    let person = app.store().person(&row.person_id).await?.ok_or_else(refused)?;
    if person.disabled_at.is_some() {
        return Err(refused());
    }
    let has = role::parse_list(&person.roles);
    let roles = role::parse_list(&row.scopes).into_iter().filter(|r| has.contains(r)).collect();
    Ok(Actor { id: person.id, name: person.name, roles, origin: origin.into() })
}

fn check_person(new: &NewPerson) -> Result<()> {
    let mut problems = Problems::default();
    check_name(&new.name, &mut problems);
    let at = new.email.find('@');
    if at.is_none_or(|i| i == 0 || i + 1 >= new.email.len()) || new.email.contains(char::is_whitespace) {
        problems.add("email", "give an address such as ana@example.org");
    }
    check_roles(&new.roles, &mut problems);
    problems.check()
}

pub(super) fn check_name(name: &str, problems: &mut Problems) {
    if name.trim().is_empty() || name.chars().count() > 200 {
        problems.add("name", "give a name of at most 200 characters");
    }
}

pub(super) fn check_roles(roles: &[Role], problems: &mut Problems) {
    if roles.is_empty() {
        let give =
            "give at least one role: operator, approver, administrator, auditor, integrator, postmaster";
        problems.add("roles", give);
    }
}

fn row(app: &App, new: &NewPerson) -> Person {
    Person {
        id: app.id(),
        name: new.name.trim().to_owned(),
        email: new.email.trim().to_lowercase(),
        roles: role::list(&new.roles),
        created_at: app.now(),
        disabled_at: None,
    }
}

pub(super) fn token_row(
    app: &App,
    person: &str,
    label: &str,
    roles: &[Role],
    days: Option<u32>,
) -> (Token, SecretString) {
    let secret = fresh("hl");
    let now = app.now();
    let row = Token {
        id: app.id(),
        person_id: person.to_owned(),
        label: label.to_owned(),
        hash: hash(secret.expose_secret()),
        scopes: role::list(roles),
        created_at: now,
        expires_at: days.map(|d| now + Millis::from(d) * 86_400_000),
        revoked_at: None,
    };
    (row, secret)
}

/// 256 random bits in hex behind a prefix that secret scanners can find.
pub(super) fn fresh(prefix: &str) -> SecretString {
    let bytes: [u8; 32] = rand::random();
    format!("{prefix}_{}", hex::encode(bytes)).into()
}

fn set_up_name(token: &str) -> String {
    format!("{SETUP}{}", hash(token))
}

pub(super) fn hash(token: &str) -> String {
    ::channels::hash(token.as_bytes())
}
