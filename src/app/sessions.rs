//! Sessions of the console: sign in, look, prove again, end.

use secrecy::{ExposeSecret, SecretString};

use super::people::{fresh, hash};
use super::{Actor, App, AppError, Result, logins};
use crate::clock::{Millis, rfc3339};
use crate::domain::audit::Entry;
use crate::domain::role;
use crate::store::sessions::{Preferences, Session};
use crate::store::{Tx, Unaudited};

/// How long a session lasts at most: twelve hours.
const LASTS: Millis = 12 * 3_600_000;
/// How long a session lasts without being used: two hours.
const IDLE: Millis = 2 * 3_600_000;
/// After this long without the second factor it is asked again before an approval: 15 minutes.
pub const STEP_UP: Millis = 15 * 60_000;
/// Failures are counted over this long.
const WINDOW: Millis = 15 * 60_000;
/// How often the use of a session is written down.
const TOUCH: Millis = 60_000;

/// The secret of a session, for its cookie.
#[derive(Debug, Clone)]
pub struct Cookie(pub SecretString);

/// From where somebody signs in.
#[derive(Debug, Clone)]
pub struct Caller {
    pub origin: String,
    /// The browser, as it names itself.
    pub agent: String,
}

/// What was typed to sign in.
#[derive(Debug)]
pub struct SignIn {
    pub email: String,
    pub password: SecretString,
    /// Of the authenticator, or a recovery code.
    pub code: String,
}

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Signed {
    pub by: Actor,
    pub email: String,
    pub session: String,
    /// When the second factor was last shown.
    pub proved_at: Millis,
    pub language: Option<String>,
    pub theme: String,
    pub zone: String,
}

impl Signed {
    /// Whether the second factor must be shown again before an approval.
    pub fn must_prove(&self, now: Millis) -> bool {
        now - self.proved_at > STEP_UP
    }
}

/// A session as its owner sees it.
#[derive(Debug, Clone)]
pub struct SessionView {
    pub id: String,
    pub origin: String,
    pub agent: String,
    pub created_at: String,
    pub seen_at: String,
}

/// How somebody likes to see the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    /// `en` or `fr`.
    pub language: String,
    /// `auto`, `light` or `dark`.
    pub theme: String,
    /// An IANA zone.
    pub zone: String,
}

/// Signs in.
///
/// # Errors
/// [`AppError::Unauthorized`], the same for every reason; [`AppError::Conflict`] when too many
/// sign-ins failed lately.
pub async fn sign_in(app: &App, typed: SignIn, from: &Caller) -> Result<Cookie> {
    let email = typed.email.trim().to_lowercase();
    let attempt = take_attempt(app, &email, from).await?;
    let person = app.store().person_by_email(&email).await?.filter(|p| p.disabled_at.is_none());
    let login = match &person {
        Some(p) => app.store().login(&p.id).await?,
        None => None,
    };
    let right = logins::is_right(login.as_ref(), typed.password).await?;
    let mut tx = app.store().begin().await?;
    if let (true, Some(person), Some(login)) = (right, person, login)
        && logins::use_code(app, &mut tx, &login, &typed.code).await?
    {
        let roles = role::parse_list(&person.roles);
        let by = Actor { id: person.id, name: person.name, roles, origin: from.origin.clone() };
        let (cookie, entry) = open(app, &mut tx, &by, from).await?;
        tx.forgive_sign_in(&email, &from.origin, attempt).await?;
        app.commit(tx, &by, &[entry], &[]).await?;
        return Ok(cookie);
    }
    tracing::warn!(origin = from.origin, "a sign-in failed");
    Err(AppError::Unauthorized("address, password or code are not right".into()))
}

/// Guessing is slow: five failures for one person from one address, twenty from one address, or a
/// hundred for one person within 15 minutes.
///
/// The attempt counts as failed until it has succeeded, so that many at once gain nothing; the answer
/// is its mark.
async fn take_attempt(app: &App, email: &str, from: &Caller) -> Result<Millis> {
    let now = app.now();
    // One after the other: each sees those before it.
    let mut tx = app.store().begin_exclusive().await?;
    let failed = tx.failed_sign_ins(email, &from.origin, now - WINDOW).await?;
    if failed.pair >= 5 || failed.by_origin >= 20 || failed.by_email >= 100 {
        return Err(AppError::Conflict("too many sign-ins failed; wait 15 minutes and try again".into()));
    }
    tx.insert_failed_sign_in(email, &from.origin, now, now - WINDOW).await?;
    tx.commit_unaudited(Unaudited::Session).await?;
    Ok(now)
}

/// Writes a new session into an open change: its cookie and the log's entry. Every sign-in makes a
/// fresh secret, so that nobody can hand somebody a session beforehand.
pub(super) async fn open(app: &App, tx: &mut Tx, by: &Actor, from: &Caller) -> Result<(Cookie, Entry)> {
    let secret = fresh("hlc");
    let now = app.now();
    let row = Session {
        id: app.id(),
        person_id: by.id.clone(),
        hash: hash(secret.expose_secret()),
        created_at: now,
        seen_at: now,
        expires_at: now + LASTS,
        proved_at: now,
        ended_at: None,
        origin: from.origin.clone(),
        agent: from.agent.chars().filter(|c| !c.is_control()).take(200).collect(),
    };
    tx.insert_session(&row).await?;
    let entry = Entry::new("session.opened", &format!("person:{}", by.id))
        .after(&serde_json::json!({"session": row.id, "agent": row.agent}));
    Ok((Cookie(secret), entry))
}

/// Who holds this cookie; nothing: nobody any more. A page that refreshes itself is no use of it.
///
/// # Errors
/// The database's own.
pub async fn look(app: &App, cookie: &str, origin: &str, is_use: bool) -> Result<Option<Signed>> {
    let Some(row) = app.store().session_by_hash(&hash(cookie)).await? else { return Ok(None) };
    let now = app.now();
    if !is_alive(&row, now) {
        return Ok(None);
    }
    let Some(person) = app.store().person(&row.person_id).await?.filter(|p| p.disabled_at.is_none()) else {
        return Ok(None);
    };
    if is_use && row.seen_at + TOUCH <= now {
        let mut tx = app.store().begin().await?;
        tx.touch_session(&row.id, now).await?;
        tx.commit_unaudited(Unaudited::Session).await?;
    }
    let preferences = app.store().preferences(&person.id).await?;
    let (language, theme, zone) = match preferences {
        Some(p) => (Some(p.language), p.theme, p.zone),
        None => (None, "auto".into(), "UTC".into()),
    };
    let by = Actor {
        roles: role::parse_list(&person.roles),
        id: person.id,
        name: person.name,
        origin: origin.into(),
    };
    let (email, session, proved_at) = (person.email, row.id, row.proved_at);
    Ok(Some(Signed { by, email, session, proved_at, language, theme, zone }))
}

/// Whether the session goes on, without counting as a use of it.
///
/// # Errors
/// The database's own.
pub async fn is_open(app: &App, id: &str) -> Result<bool> {
    let now = app.now();
    let Some(row) = app.store().session(id).await? else { return Ok(false) };
    let person = app.store().person(&row.person_id).await?;
    Ok(is_alive(&row, now) && person.is_some_and(|p| p.disabled_at.is_none()))
}

fn is_alive(row: &Session, now: Millis) -> bool {
    row.ended_at.is_none() && row.expires_at > now && row.seen_at + IDLE > now
}

/// Shows the second factor again.
///
/// # Errors
/// When the code is not right, or too many were wrong.
pub async fn prove(app: &App, signed: &Signed, code: &str) -> Result<()> {
    let from = Caller { origin: signed.by.origin.clone(), agent: String::new() };
    let attempt = take_attempt(app, &signed.email, &from).await?;
    let login = app.store().login(&signed.by.id).await?;
    let login = login.ok_or_else(|| AppError::Unauthorized("sign in again".into()))?;
    let mut tx = app.store().begin().await?;
    let now = app.now();
    if !logins::use_code(app, &mut tx, &login, code).await? {
        return Err(AppError::field("code", "is not right; wait for the next one"));
    }
    tx.forgive_sign_in(&signed.email, &signed.by.origin, attempt).await?;
    tx.prove_session(&signed.session, now).await?;
    let entry = Entry::new("session.proved", &format!("person:{}", signed.by.id)).note(&signed.session);
    app.commit(tx, &signed.by, &[entry], &[]).await
}

/// The actor's sessions, newest first.
///
/// # Errors
/// The database's own.
pub async fn list(app: &App, by: &Actor) -> Result<Vec<SessionView>> {
    let rows = app.store().sessions(&by.id, app.now()).await?;
    let alive = rows.into_iter().filter(|s| is_alive(s, app.now()));
    let view = |s: Session| SessionView {
        created_at: rfc3339(s.created_at),
        seen_at: rfc3339(s.seen_at),
        id: s.id,
        origin: s.origin,
        agent: s.agent,
    };
    Ok(alive.map(view).collect())
}

/// Ends one of the actor's sessions: this one to sign out, another one to revoke it.
///
/// # Errors
/// When there is no such session.
pub async fn end(app: &App, by: &Actor, id: &str) -> Result<()> {
    let mut tx = app.store().begin().await?;
    if !tx.end_session(&by.id, id, app.now()).await? {
        return Err(AppError::not_found("session", id));
    }
    let entry = Entry::new("session.ended", &format!("person:{}", by.id)).note(id);
    app.commit(tx, by, &[entry], &[]).await
}

/// Keeps how the actor likes to see the console.
///
/// # Errors
/// When the zone, the language or the theme is not known.
pub async fn prefer(app: &App, by: &Actor, p: &Preference) -> Result<()> {
    let mut problems = super::error::Problems::default();
    problems.take("zone", crate::domain::times::check_zone(&p.zone));
    if !["en", "fr"].contains(&p.language.as_str()) {
        problems.add("language", "is en or fr");
    }
    if !["auto", "light", "dark"].contains(&p.theme.as_str()) {
        problems.add("theme", "is auto, light or dark");
    }
    problems.check()?;
    let mut tx = app.store().begin().await?;
    tx.put_preferences(&Preferences {
        person_id: by.id.clone(),
        language: p.language.clone(),
        theme: p.theme.clone(),
        zone: p.zone.clone(),
    })
    .await?;
    tx.commit_unaudited(Unaudited::Preference).await?;
    Ok(())
}
